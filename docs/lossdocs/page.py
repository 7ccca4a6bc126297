"""The page of one loss: what it is, its formula, its curves, its calls, its contract, and what is checked of it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from lossdocs.calls import code, elsewhere, tabs
from lossdocs.figure import Drawn
from lossdocs.formula import escape, formula, prose
from lossspec import Contract, Loss
from lossspec.conformance.cases import make_cases
from lossspec.conformance.matrix import Cell
from lossspec.conformance.report import number, percent, worst_share
from lossspec.describe import arguments
from lossspec.since import since

PACKAGE = Path(import_module("lossspec").__file__ or "").parent
VECTORS = ("vectors", "conformance/expected")
"""The folders of the package that may hold the right results of a loss."""
SUBJECTS = re.compile(r"^(?=[A-Z]\w*(?: \w+){0,2}: )", re.MULTILINE)


def title(contract: Contract) -> str:
    """The file of the page of a loss, from the root of the site."""
    return f"losses/{contract.name}.md"


def page(loss: Loss, drawn: Drawn, cells: Sequence[Cell] = ()) -> str:
    """The page of a loss in Markdown; `cells` are those of the matrix that were filled for it."""
    contract = loss.contract
    parts = [
        _front(contract),
        f"# {escape(contract.name)}",
        f"[{contract.family.replace('_', ' ')}](index.md#{contract.family.replace('_', '-')}) · a value for each "
        f"{contract.unit} · {contract.form}" + (f" ({escape(contract.why_coupled)})" if contract.why_coupled else ""),
        prose(contract.summary, known(contract)),
        "Found as " + ", ".join(map(code, contract.aliases)) + "." if contract.aliases else "",
        f"```python\n{signature(loss)}\n```",
        "## Formula",
        *formula_of(loss),
        figure(drawn),
        "## Call",
        tabs(loss),
        "## The same elsewhere",
        *_subject(loss, "Equals"),
        "\n".join(elsewhere(contract)),
        "## Contract",
        "\n".join(_arguments(contract)),
        *_contract_words(loss),
        "\n".join(_facts(contract)),
        "## Conformance",
        "\n".join(_conformance(contract, cells)),
        "## Source",
        "\n".join(_references(contract)),
        _code(loss),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(contract: Contract) -> str:
    """The title of the page, for the head of its file."""
    return f"---\ntitle: {contract.name}\n---"


def known(contract: Contract) -> frozenset[str]:
    """The names that are mathematics in the text of a loss: its arguments and axes."""
    found = {argument.name for argument in contract.arguments} | {"label", "classes"}
    shapes = [term.shape for argument in contract.arguments for term in argument.terms if term.shape is not None]
    found |= {name for shape in [*shapes, contract.result] for name in shape.names}
    return frozenset(found | {name.removeprefix("log_") for name in found})


def signature(loss: Loss) -> str:
    """The signature with shapes and defaults, an argument a line."""
    lines, tail, star = [], [], False
    for parameter in inspect.signature(loss).parameters.values():
        if parameter.name in loss.contract.tail:
            tail.append(f"{parameter.name}={parameter.default!r}")
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            star = True
            lines.append("    *,")
        lines.append(f"    {parameter},")
    lines += [] if star else ["    *,"]
    lines += textwrap.wrap(f"{', '.join(tail)},", 76, initial_indent="    ", subsequent_indent="    ")
    return f"{loss.contract.name}(\n" + "\n".join(lines) + f"\n) -> {loss.contract.unit}{loss.contract.result}"


def paragraphs(loss: Loss) -> tuple[list[str], list[str]]:
    """The paragraphs of a docstring before its subjects, and the subjects, `Shapes: ...` first."""
    text = inspect.cleandoc(loss.__doc__ or "").partition(">>>")[0]
    _, _, body = text.partition("\n")
    found = SUBJECTS.search(body, re.search(r"^Shapes: ", body, re.MULTILINE).start())  # type: ignore[union-attr]
    assert found is not None, f"{loss.contract.name}: the docstring does not say the shapes"
    head, subjects = body[: found.start()], body[found.start() :]
    return [part for part in head.split("\n\n") if part.strip()], [
        " ".join(part.split()) for part in SUBJECTS.split(subjects) if part.strip()
    ]


def formula_of(loss: Loss) -> Iterator[str]:
    """The formula of a loss set by itself, and the words around it; in the words alone if it cannot be read."""
    head, _ = paragraphs(loss)
    names = known(loss.contract)
    for place, paragraph in enumerate(head):
        if paragraph.lstrip().startswith("|"):
            yield "\n".join(_row(line.strip(), names) for line in paragraph.strip().split("\n"))
            continue
        if place == 0:
            found = formula(paragraph, names)
            if found.latex:
                yield f"$${found.latex}$$"
            if found.words:
                yield found.words
        else:
            yield prose(" ".join(paragraph.split()), names)


def _row(line: str, names: frozenset[str]) -> str:
    """A row of a table, its cells as prose; the row of dashes as it is."""
    return line if set(line) <= set("|-") else "|".join(prose(cell, names) for cell in line.split("|"))


def figure(drawn: Drawn) -> str:
    """The figure with its caption, or the reason why there is none."""
    if drawn.reason:
        return f"*{escape(drawn.reason)}*"
    return f'<div class="curves">{drawn.figure}</div>\n\n{drawn.caption}\n{{ .caption }}'


def _subject(loss: Loss, name: str) -> Iterator[str]:
    """The words of a docstring on one subject."""
    for subject in paragraphs(loss)[1]:
        head, _, words = subject.partition(": ")
        if head == name:
            yield prose(words, known(loss.contract))


def _contract_words(loss: Loss) -> Iterator[str]:
    """The words of a docstring on shapes, weights, errors and whatever else, each with its heading."""
    for subject in paragraphs(loss)[1]:
        head, _, words = subject.partition(": ")
        if head != "Equals":
            yield f"**{head}.** {prose(words[:1].upper() + words[1:], known(loss.contract))}"


def _arguments(contract: Contract) -> Iterator[str]:
    yield "| argument | takes | domain | default |"
    yield "|---|---|---|---|"
    for name, rows in groupby(arguments(contract), key=itemgetter(0)):
        found = list(rows)
        kinds = " or ".join(code(part) for _, kind, _, _ in found for part in kind.split(" | "))
        domains = " or ".join(dict.fromkeys(escape(domain) for _, _, domain, _ in found if domain))
        default = found[0][3]
        yield f"| {code(name)} | {kinds} | {domains} | {code(default) if default else ''} |"


def _facts(contract: Contract) -> Iterator[str]:
    """The facts that a contract declares beside its arguments."""
    reductions = ["Mean(over=...)" if reduction == "over" else reduction for reduction in contract.reductions]
    facts = {
        "unit": f"{contract.unit} {code(str(contract.result))}",
        "merges over shards and ranks": "yes" if contract.mergeable else f"no: {escape(contract.why_coupled)}",
        "reductions": ", ".join(code(reduction) for reduction in reductions),
        "default reduction": code(contract.default_reduction),
        "masks of entries": " or ".join(code(str(shape)) for shape in contract.entries),
        "a distribution as label": escape(contract.soft_labels),
        "convex in": ", ".join(map(code, contract.convex_in)),
        "invariant in": ", ".join(map(code, contract.invariant_in)),
        "least where": ", ".join(code(f"{name} = {value}") for name, value in contract.perfect.items()),
        "since": since(contract.name),
    }
    for key, value in facts.items():
        if value:
            yield f"- **{key}**: {value}"


def _conformance(contract: Contract, cells: Sequence[Cell]) -> Iterator[str]:
    """The budgets of error, the errors of the cells, and the laws that the contract declares."""
    yield "| | values | gradients | Hessians | |"
    yield "|---|---|---|---|---|"
    for backend, budget in {"every backend": contract.accuracy, **contract.accuracy.on}.items():
        numbers = " | ".join(f"{limit:g}" for limit in (budget.value, budget.gradient, budget.hessian))
        yield f"| {backend} | {numbers} | {escape(budget.reason)} |"
    for cell in cells:
        errors = " | ".join(number(error) for error, _, _ in cell.errors.values())
        words = f"{cell.status} in {cell.checks} checks; the worst is {percent(worst_share([cell])[0])} of its budget"
        yield f"| {cell.backend} {cell.dtype}, a quick check | {errors} | {words} |"
    yield ""
    count = len(make_cases(contract, np.float64))
    yield (
        f"The largest error that is allowed, in units of eps * scale ([the measure](../design.md#conformance)). "
        f"`lossspec check --loss {contract.name}` holds it in float32 and float64 on {count} calls each, and tries:"
    )
    yield ""
    for law in laws(contract):
        yield f"- {law}"


def laws(contract: Contract) -> Iterator[str]:
    """The laws that follow from what a contract declares, in words."""
    if contract.mergeable:
        yield "merge: however a batch is split, the parts merge to the whole, value and gradient"
    yield "poison: what is masked may hold NaN and reaches neither value nor gradient"
    yield "weight 2 is the unit twice; an order of units is like another; reductions agree with each other"
    if contract.soft_labels == "a mixture of units":
        yield "mixture: the loss of a distribution of labels is the mean of the losses of its labels"
    if contract.perfect:
        yield "perfect: no value is below that at the perfect prediction"
    for claim in contract.convex_in:
        yield f"convex in {code(claim)}"
    for claim in contract.invariant_in:
        yield f"a number added to a row of {code(claim)} changes nothing"
    yield "NaN in is NaN out; the dtype stays; compiled equals eager; vmap equals a loop"


def _references(contract: Contract) -> Iterator[str]:
    for source in contract.source.split("; "):
        linked = re.sub(r"doi:(10\.[^\s,)]+)", r"[doi:\1](https://doi.org/\1)", source)
        linked = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", linked)
        yield f"- {linked}"


def vectors(contract: Contract) -> Path | None:
    """The file with the right results of a loss."""
    found = (PACKAGE / folder / f"{contract.name}.json" for folder in VECTORS)
    return next((path for path in found if path.exists()), None)


def _code(loss: Loss) -> str:
    """The body and the definition, folded, and a link to the right results."""
    function = inspect.unwrap(loss)
    definition = getattr(import_module(loss.__module__.replace(".losses", ".definitions", 1)), loss.contract.name)
    parts = []
    for words, found in (("The implementation", function), ("The definition", definition)):
        path = Path(inspect.getfile(found)).relative_to(PACKAGE.parent).as_posix()
        text = _without_docstring(inspect.getsource(found))
        body = "\n".join(f"    {line}" if line else "" for line in f"```python\n{text}\n```".split("\n"))
        parts.append(f'??? note "{words}: {path}"\n\n{body}')
    if vectors(loss.contract) is not None:
        parts.append(
            f"[The right results](../vectors/{loss.contract.name}.json) of its calls, as the checks read them."
        )
    return "\n\n".join(parts)


def _without_docstring(source: str) -> str:
    """The source of a function without its docstring and its decorators."""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    lines = source.rstrip("\n").split("\n")
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines[first.lineno - 1 : first.end_lineno] = []
    return "\n".join(lines[function.lineno - 1 :])
