"""Write the pages that follow from declarations when the site is built: one a loss, their index, the public names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import lossspec
from lossspec import Contract, get, names
from lossspec.since import public_names, since

if TYPE_CHECKING:
    from mkdocs.structure.files import Files


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to those that lie in docs/."""
    from mkdocs.structure.files import File  # the pages are tested without the extra that builds the site

    for path, content in pages():
        files.append(File.generated(config, path, content=content))
    return files


def pages() -> Iterator[tuple[str, str]]:
    """The path and the text of every generated page."""
    contracts = [get(name).contract for name in names()]
    rows = [f"| [`{c.name}`]({c.name}.md) | {c.family} | {c.unit} | {c.form} | {c.summary} |" for c in contracts]
    head = "# Losses\n\n| loss | family | unit | form | |\n|---|---|---|---|---|\n"
    yield "losses/index.md", head + "\n".join(rows) + "\n"
    for contract in contracts:
        yield f"losses/{contract.name}.md", page(contract)
    yield "api.md", public_api(set(names()))


def public_api(losses: set[str]) -> str:
    """The page of every public name that is no loss, each by the first line of its docstring."""
    lines = ["# Public names", "", "| name | | since |", "|---|---|---|"]
    for name in public_names():
        if name not in losses:
            summary = inspect.getdoc(getattr(lossspec, name)).partition("\n")[0].replace("|", "or")
            lines.append(f"| `lossspec.{name}` | {summary} | {since(name)} |")
    return "\n".join([*lines, ""])


def page(contract: Contract) -> str:
    """The page of one loss: its contract as a table, then its docstring."""
    lines = [f"# {contract.name}", "", contract.summary, "", "| argument | term | domain |", "|---|---|---|"]
    for argument in contract.arguments:
        for term in argument.terms:
            lines.append(f"| `{argument.name}` | `{term}`: {term.meaning} | {term.domain} |")
        if not argument.terms:
            lines.append(f"| `{argument.name}` | `{str(argument).replace('|', 'or')}` | |")
    also = [
        f"{', '.join(f'`{name}`' for name in called)}: {means}" for means, called in contract.other_meanings.items()
    ]
    facts = {
        "unit": f"{contract.unit} `{contract.result}`",
        "form": contract.form + (f": {contract.why_coupled}" if contract.why_coupled else ""),
        "reductions": ", ".join(f"`{reduction}`" for reduction in contract.reductions),
        "default": f"`{contract.default_reduction}`",
        "keywords": ", ".join(f"`{keyword}`" for keyword in contract.tail),
        "accuracy": str(contract.accuracy),
        "aliases": ", ".join(f"`{alias}`" for alias in contract.aliases) or "none",
        "also": "; ".join(also) or "none",
        "convex in": ", ".join(f"`{name}`" for name in contract.convex_in) or "not declared",
        "invariant in": ", ".join(f"`{name}`" for name in contract.invariant_in) or "not declared",
        "source": contract.source,
        "since": since(contract.name),
    }
    if contract.soft_labels:
        facts["soft labels"] = contract.soft_labels
    lines += ["", *(f"- **{key}**: {value}" for key, value in facts.items()), ""]
    if contract.equals:
        lines += ["| library | equal call | reduction | differs |", "|---|---|---|---|"]
        for equal in contract.equals:
            when = "" if equal.when == "True" else f" where `{equal.when}`"
            differs = "; ".join(f"{where}: {reason}" for where, reason in equal.differs.items())
            lines.append(f"| {equal.peer} | `{equal.call}`{when} | `{equal.reduction}` | {differs} |")
        lines.append("")
    text = inspect.cleandoc(get(contract.name).__doc__ or "").partition("\n")[2].strip()
    words, _, example = text.partition(">>>")
    return "\n".join([*lines, words, "```pycon", ">>>" + example, "```", ""])
