"""The pages about all losses: their index by family, the gallery of their curves, and the other public names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

import lossspec
from lossdocs.figure import Drawn
from lossdocs.formula import escape, prose
from lossspec.describe import by_family
from lossspec.since import public_names, since


def words(family: str) -> str:
    """A family in words."""
    return family.replace("_", " ").capitalize()


def index() -> str:
    """The page of all losses, a table a family, with the names of other libraries."""
    families, _ = by_family()
    lines = ["# Losses", "", "Each with its contract; [the gallery](../gallery.md) has them as pictures.", ""]
    for family, contracts in families.items():
        lines += [
            f"## {words(family)} {{ #{family.replace('_', '-')} }}",
            "",
            "| loss | | unit | known as |",
            "|---|---|---|---|",
        ]
        for contract in contracts:
            known = ", ".join(f"`{alias}`" for alias in contract.aliases)
            summary = prose(contract.summary, ())
            lines.append(f"| [`{contract.name}`]({contract.name}.md) | {summary} | {contract.unit} | {known} |")
        lines.append("")
    return "\n".join(lines)


def gallery(drawn: Mapping[str, Drawn]) -> str:
    """The page of small figures, each a link to the page of its loss."""
    families, _ = by_family()
    lines = ["---", "hide: [toc]", "---", "", "# Gallery", ""]
    lines += ["Each loss along one entry of its main input, computed by the loss; its page says which one.", ""]
    for family, contracts in families.items():
        lines += [f"## {words(family)}", "", '<div class="gallery">']
        for contract in contracts:
            name = contract.name.replace("_", "_<wbr>")
            picture = drawn[contract.name].thumbnail
            lines.append(f'<a href="losses/{contract.name}.md">{picture}<span>{name}</span></a>')
        lines += ["</div>", ""]
    return "\n".join(lines)


def public_api() -> str:
    """The page of every public name that is no loss, each by the first line of its docstring."""
    losses = set(lossspec.names())
    lines = ["# Public names", "", "| name | | since |", "|---|---|---|"]
    for name in public_names():
        if name not in losses:
            summary = (inspect.getdoc(getattr(lossspec, name)) or "").partition("\n")[0]
            lines.append(f"| `lossspec.{name}` | {escape(summary)} | {since(name)} |")
    return "\n".join([*lines, ""])


def navigation() -> Iterator[dict[str, str | list[dict[str, str]]]]:
    """The entries of the losses in the navigation, a section a family."""
    yield {"All losses": "losses/index.md"}
    yield {"Gallery": "gallery.md"}
    for family, contracts in by_family()[0].items():
        yield {words(family): [{contract.name: f"losses/{contract.name}.md"} for contract in contracts]}
