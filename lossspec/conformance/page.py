"""The matrix as one self-contained HTML page: failures first, then the table, then every loss with its contract."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from lossspec.conformance.laws import LAWS
from lossspec.conformance.matrix import KINDS, Cell
from lossspec.contract import Contract
from lossspec.dispatch import all_backends
from lossspec.errors import LossSpecError
from lossspec.registry import get

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Where the shades of the colour scale end, as shares of the budget."""

DASH = "\u2013"
MARKS = {"pass": "✓", "fail": "✗", "not run": DASH}
WORDS = {"pass": "pass", "fail": "FAIL", "not run": "not run"}
LONGEST = 1000
"""Words of a failure beyond this many characters are left to the JSON."""

T = TypeVar("T")

TITLE = "lossspec: conformance matrix"
META = """
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
"""
CSS = """
:root { color-scheme: light dark;
  --paper: #fdfdfc; --ink: #1c2024; --soft: #5a636d; --line: #d9dde1; --band: #f1f3f4; --link: #0b57a4;
  --bad: #ad1f1a; --on-bad: #fff; --bad-ink: #ad1f1a; --bad-paper: #fdf1f0; --bar: #dfe3e6;
  --t0: #e6f1ee; --t1: #eef1da; --t2: #faedc8; --t3: #fbdcbc;
  --b0: #3a9483; --b1: #84922f; --b2: #b98500; --b3: #c25e00; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --ink: #e4e7ea; --soft: #9fa9b3; --line: #343a40; --band: #1e2327; --link: #7db8f2;
  --bad: #b92d27; --on-bad: #fff; --bad-ink: #ff8f85; --bad-paper: #261919; --bar: #3a4147;
  --t0: #16302c; --t1: #2a3016; --t2: #3c3110; --t3: #482c11;
  --b0: #4fb3a0; --b1: #a7b64e; --b2: #dcab2e; --b3: #ee8a35; } }
@media print { :root {
  --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --band: #f1f3f4; --link: #000;
  --bad: #ad1f1a; --on-bad: #fff; --bad-ink: #ad1f1a; --bad-paper: #fff; --bar: #dfe3e6;
  --t0: #e6f1ee; --t1: #eef1da; --t2: #faedc8; --t3: #fbdcbc;
  --b0: #3a9483; --b1: #84922f; --b2: #b98500; --b3: #c25e00; } }

* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1.75rem 3rem; width: fit-content; min-width: 100%;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
p, ul, ol, dl, summary, .failures { max-width: min(74rem, 100vw - 3.5rem); }
p { margin: .5rem 0; }
p:not(.wide) { max-width: min(50rem, 100vw - 3.5rem); }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .75rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h3 .soft { font-weight: 400; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.soft, .off, .mark, .notes, caption { color: var(--soft); }
.bad { color: var(--bad-ink); font-weight: 600; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.counts { display: flex; flex-wrap: wrap; align-items: baseline; gap: .5rem 1.75rem; list-style: none; padding: 0;
  margin: 1.25rem 0 0; }
.counts b { font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.counts .bad { background: var(--bad); color: var(--on-bad); padding: 0 .6rem; border-radius: .3rem; }

.failures { border-left: 4px solid var(--bad); background: var(--bad-paper); padding: .25rem 1.25rem 1rem;
  margin-top: 2rem; }
.failures h2 { margin-top: .75rem; }
.failure ul { margin: .25rem 0; padding-left: 1.25rem; }
.failure code { white-space: pre-wrap; }

table { border-collapse: separate; border-spacing: 0; margin: .75rem 0; font-size: .875rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .35rem; }
details caption { color: var(--ink); font-weight: 600; font-size: 1rem; padding-top: .5rem; }
th, td { padding: .2rem .5rem; text-align: left; border-bottom: 1px solid var(--line); }
thead th { background: var(--paper); white-space: nowrap; vertical-align: bottom; font-weight: 600; }
thead th[colspan] { border-bottom: 0; padding-bottom: 0; }
thead tr:last-child th, thead th[rowspan] { border-bottom: 2px solid var(--soft); }
thead .soft { font-weight: 400; }
tbody th { font-weight: 400; white-space: nowrap; }
.first { border-left: 1px solid var(--line); }

.matrix thead { position: sticky; top: 0; z-index: 2; }
.matrix tbody th[scope="row"], .matrix thead th[rowspan] { position: sticky; left: 0; z-index: 1;
  background: var(--paper); }
.matrix tbody th[scope="rowgroup"] { background: var(--band); color: var(--soft); font-weight: 600; }
.matrix tbody th[scope="rowgroup"] span { position: sticky; left: .5rem; }
.matrix td { white-space: nowrap; }
.matrix .off { background: var(--band); }
.matrix tbody tr:hover th[scope="row"], .matrix tbody tr:hover td { background: var(--band); }
.mark { display: inline-block; width: 1rem; }
.pair, .number { display: inline-block; min-width: 3.25rem; text-align: right; }
.pair { font-size: .75rem; padding-right: .35rem; }
.pair + .pair { padding-right: .1rem; }
.pair + .pair, .number + .number { margin-left: .2rem; }
.number { padding: .05rem .35rem .2rem; border-radius: .2rem;
  background: linear-gradient(90deg, var(--hue) var(--share), var(--bar) 0) bottom / 100% 3px no-repeat, var(--tint); }
.l0 { --tint: var(--t0); --hue: var(--b0); } .l1 { --tint: var(--t1); --hue: var(--b1); }
.l2 { --tint: var(--t2); --hue: var(--b2); } .l3 { --tint: var(--t3); --hue: var(--b3); }
.none { background: none; color: var(--soft); }
.over, .fails { background: var(--bad); color: var(--on-bad); font-weight: 700; }
.fails { display: inline-block; padding: 0 .35rem; margin-bottom: .15rem; border-radius: .2rem; text-decoration: none;
  white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: .75rem 0; padding: 0; list-style: none;
  font-size: .875rem; }
.notes { font-size: .875rem; padding-left: 1.25rem; margin: .5rem 0; }
sup { line-height: 0; }

details { border-top: 1px solid var(--line); }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .5rem 0; }
summary .soft { margin: 0 .35rem; }
summary .state { font-size: .875rem; white-space: nowrap; }
details > div { padding: 0 0 1.5rem 1.1rem; scroll-margin-top: 3.5rem; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1.25rem; margin: .75rem 0 1rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
footer { margin-top: 2.5rem; font-size: .875rem; }
footer h2 { font-size: 1rem; }

@media print {
  @page { size: landscape; margin: 12mm; }
  body { padding: 0; width: auto; }
  .matrix { zoom: .75; }
  .matrix thead, .matrix th { position: static !important; }
  .number, .fails, .off, .bad { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, .failure { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  a { text-decoration: none; }
}
"""


class Markup(str):
    """Text that is HTML already; every other string is escaped where it enters an element."""

    __slots__ = ()


def join(parts: Iterable[str]) -> Markup:
    """One piece of HTML from several pieces and plain strings."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """An element with its content; attributes may end in an underscore, and an empty one is left out."""
    words = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items() if value)
    return Markup(f"<{tag}{words}>{join(content)}</{tag}>")


def unseen(words: str) -> Markup:
    """Words for those who hear the page."""
    return element("span", words, class_="hidden")


@dataclass(frozen=True)
class Column:
    """One backend, dtype and device."""

    backend: str
    dtype: str
    device: str
    default_device: bool
    ran: bool

    @property
    def place(self) -> str:
        """The device where it is worth a word."""
        return "" if self.default_device else self.device

    def __str__(self) -> str:
        return f"{self.backend} {self.dtype}" + (f" on {self.place}" if self.place else "")


@dataclass(frozen=True)
class Matrix:
    """The cells by their place; rows are in groups of one family, columns in groups of one backend."""

    cells: Sequence[Cell]
    columns: Sequence[Column]
    losses: Mapping[str, Contract | None]
    grid: Mapping[tuple[str, Column], Cell]

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> Matrix:
        """Place the cells, in their order."""
        by_place = group(cells, lambda cell: (cell.backend, cell.dtype, cell.device))
        defaults = {backend: default_device(backend) for backend in dict.fromkeys(cell.backend for cell in cells)}
        columns = []
        for backend, of_backend in group(by_place, lambda place: place[0]).items():
            for _, dtype, device in sorted(of_backend, key=lambda place: place[2] not in ("-", defaults[backend])):
                ran = any(cell.status != "not run" for cell in by_place[backend, dtype, device])
                default = device in ("-", defaults[backend])
                columns.append(Column(backend, dtype, device, default, ran))
        by_key = {(column.backend, column.dtype, column.device): column for column in columns}
        grid = {(cell.loss, by_key[cell.backend, cell.dtype, cell.device]): cell for cell in cells}
        return cls(cells, columns, {name: contract_of(name) for name in dict.fromkeys(c.loss for c in cells)}, grid)

    def of_loss(self, loss: str) -> dict[Column, Cell]:
        """The row of a loss."""
        return {column: self.grid[loss, column] for column in self.columns if (loss, column) in self.grid}

    def column_of(self, cell: Cell) -> Column:
        """The column that a cell stands in."""
        key = (cell.backend, cell.dtype, cell.device)
        return next(column for column in self.columns if (column.backend, column.dtype, column.device) == key)


Key = TypeVar("Key")


def group(items: Iterable[T], key: Callable[[T], Key]) -> dict[Key, list[T]]:
    """Items by key, both in the order of their first appearance."""
    result: dict[Key, list[T]] = {}
    for item in items:
        result.setdefault(key(item), []).append(item)
    return result


def contract_of(loss: str) -> Contract | None:
    """The contract of a loss, or None where cells were loaded from elsewhere and the loss is not known here."""
    try:
        return get(loss).contract
    except LossSpecError:
        return None


def default_device(backend: str) -> str:
    """The device that a backend takes unless told, as far as it can be known here."""
    known = all_backends().get(backend)
    return known.devices()[0] if known is not None and known.available() else ""


def family_of(contract: Contract | None) -> str:
    """The heading that a loss stands under."""
    return "other" if contract is None else contract.family.replace("_", " ")


def anchor(loss: str) -> str:
    """The fragment that leads to the details of a loss."""
    return re.sub(r"[^\w.-]+", "-", f"loss-{loss}")


def number(value: float, budget: float = math.inf) -> str:
    """An error in few characters, never one within the budget where the error is not.

    >>> [number(error, 4.0) for error in (0.0, 0.001, 0.26, 3.14, 4.01, 52.7, 530000.0)]
    ['0', '<0.01', '0.26', '3.1', '>4', '53', '5.3e+05']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if value == 0.0:
        return "0"
    if value < 0.01:
        return "<0.01"
    words = f"{value:.2f}" if value < 0.995 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    words = words if value < 1e4 else f"{value:.1e}"
    return f">{budget:g}" if value > budget >= float(words) else words


def count(quantity: int, noun: str) -> str:
    """A quantity with its noun."""
    return f"{quantity:,} {noun}" + ("" if quantity == 1 else "s")


def shade(value: float | None, budget: float, what: str) -> Markup:
    """An error on the colour scale, with a bar for its share of the budget and a mark where it is beyond."""
    if value is None:
        return element("span", unseen(f"{what} not run"), DASH, class_="number none")
    words = number(value, budget)
    if not value <= budget:
        return element("span", unseen(f"{what} "), f"✗ {words}", class_="number over")
    share = value / budget if budget > 0 else 0.0
    level = next(index for index, end in enumerate(LEVELS) if share <= end)
    return element("span", unseen(f"{what} "), words, class_=f"number l{level}", style=f"--share:{100 * share:.0f}%")


# The head of the page.


def introduction() -> Markup:
    """What the matrix is and how the error is measured, in two sentences."""
    return element(
        "p",
        "Every loss is compared with its textbook definition, evaluated in arbitrary precision, on generated, extreme "
        "and real inputs, and the table shows the worst error of its values, of its gradients and of the diagonals of "
        "its Hessians for each backend and dtype. An error is |computed - exact| / (eps · scale) with scale = "
        "|l| + Σ |x ∂l/∂x|, and likewise for derivatives, so that 1 is what a change of the inputs in their last digit "
        "does; the budget is 4 for values and 8 for derivatives, unless the contract of a loss declares another and "
        "says why.",
    )


def counts(cells: Sequence[Cell]) -> Markup:
    """How many cells pass, fail or were not run, and how many checks that took."""
    number_of = {status: sum(cell.status == status for cell in cells) for status in MARKS}
    failed = "bad" if number_of["fail"] else ""
    return element(
        "ul",
        element("li", element("b", f"{number_of['pass']:,}"), " cells pass"),
        element("li", element("b", f"{number_of['fail']:,}"), " fail", class_=failed),
        element("li", element("b", f"{number_of['not run']:,}"), " not run"),
        element("li", element("b", f"{sum(cell.checks for cell in cells):,}"), " checks"),
        class_="counts",
    )


def shortened(words: str) -> str:
    """The beginning of words that are very long."""
    return (
        words
        if len(words) <= LONGEST
        else f"{words[:LONGEST]} … ({len(words) - LONGEST:,} more characters in the JSON)"
    )


def failure_words(cell: Cell) -> Markup:
    """What went wrong in a cell."""
    items = [element("li", element("code", shortened(words))) for words in cell.failures]
    more = cell.failure_count - len(cell.failures)
    return element("ul", *items, *([element("li", f"and {more:,} more")] if more > 0 else []))


def failure_groups(cells: Iterable[Cell]) -> list[list[Cell]]:
    """The failed cells; those of a loss that fail in the same words are together."""
    failed = [cell for cell in cells if cell.status == "fail"]
    return list(group(failed, lambda cell: (cell.loss, *cell.failures, cell.failure_count, cell.checks)).values())


def failure(matrix: Matrix, alike: Sequence[Cell], link: bool) -> Markup:
    """Cells of one loss that fail in the same words."""
    cell = alike[0]
    places = ", ".join(str(matrix.column_of(one)) for one in alike)
    checks = f"{cell.failure_count:,} of {count(cell.checks, 'check')}{' each' if len(alike) > 1 else ''}"
    name = element("a", cell.loss, href=f"#{anchor(cell.loss)}") if link else Markup("")
    many = element("span", f" {DASH} {checks}", class_="soft")
    heading = element("h3", name, " on " if link else "✗ Fails on ", places, many)
    return element("div", heading, failure_words(cell), class_="failure")


def failures(matrix: Matrix) -> Markup:
    """All failures in words, or nothing."""
    groups = failure_groups(matrix.cells)
    if not groups:
        return Markup("")
    heading = element("h2", f"✗ Failures in {count(sum(map(len, groups)), 'cell')}", id="failures")
    blocks = [failure(matrix, alike, link=True) for alike in groups]
    return element("section", heading, *blocks, class_="failures", **{"aria-labelledby": "failures"})


# The table.


def starts_group(columns: Sequence[Column], index: int) -> bool:
    """Whether a column is the first of its backend."""
    return index == 0 or columns[index - 1].backend != columns[index].backend


def backend_header(columns: Sequence[Column], first: str) -> Markup:
    """The header row with a cell for each backend, over its columns."""
    cells = [element("th", first, rowspan="2", scope="col")]
    for backend, of_backend in group(columns, lambda column: column.backend).items():
        cells.append(element("th", backend, colspan=str(len(of_backend)), scope="colgroup", class_="first"))
    return element("tr", *cells)


def dtype_header(columns: Sequence[Column], errors: bool) -> Markup:
    """The header row with the dtype and, where it is not the default one, the device of each column."""
    cells = []
    for index, column in enumerate(columns):
        content: list[str] = [column.dtype]
        if column.place:
            content.append(element("span", f" {column.place}", class_="soft"))
        if errors and column.ran:
            content += [Markup("<br>"), element("span", class_="mark")]
            content.append(join(element("span", kind, class_="soft pair") for kind in KINDS))
        cells.append(element("th", *content, scope="col", class_="first" if starts_group(columns, index) else ""))
    return element("tr", *cells)


def explanation(cell: Cell) -> str:
    """The cell in words, for a pointer that rests on it."""
    if cell.status == "not run":
        return cell.reason
    words = [f"{WORDS[cell.status]}, {count(cell.checks, 'check')}"]
    for kind, (worst, budget, case) in cell.errors.items():
        words.append(f"{kind} {cell.hessian_reason}" if worst is None else f"worst {kind}: {worst:.3g} of {budget:g}")
        words[-1] += f" ({case})" if case else ""
    return "\n".join(words)


def matrix_cell(cell: Cell | None, first: bool) -> Markup:
    """One cell of the table."""
    edge = " first" if first else ""
    if cell is None:
        return element("td", element("span", "not asked for", class_="hidden"), class_=f"off{edge}")
    if cell.status == "not run":
        return element("td", "not run", title=cell.reason, class_=f"off{edge}")
    mark = element("span", MARKS[cell.status], class_="mark", **{"aria-hidden": "true"})
    if cell.status == "fail":
        fails = element("a", "✗ FAIL", class_="fails", href="#failures")
        content: list[str] = [fails, Markup("<br>"), element("span", class_="mark")]
    else:
        content = [mark, unseen("pass, ")]
    content += [shade(error, budget, kind) for kind, (error, budget, _) in cell.errors.items()]
    return element("td", *content, title=explanation(cell), class_=edge.strip())


def row(matrix: Matrix, loss: str) -> Markup:
    """One loss."""
    name = element("th", element("a", loss, href=f"#{anchor(loss)}"), scope="row")
    places = enumerate(matrix.columns)
    cells = [matrix_cell(matrix.grid.get((loss, c)), starts_group(matrix.columns, i)) for i, c in places]
    return element("tr", name, *cells)


def table(matrix: Matrix) -> Markup:
    """The matrix: losses by family, columns by backend."""
    caption = element("caption", "Worst error of each loss, in units of eps · scale.")
    head = element("thead", backend_header(matrix.columns, "loss"), dtype_header(matrix.columns, errors=True))
    width = str(len(matrix.columns) + 1)
    bodies = []
    for family, losses in group(matrix.losses, lambda loss: family_of(matrix.losses[loss])).items():
        heading = element("tr", element("th", element("span", family), colspan=width, scope="rowgroup"))
        bodies.append(element("tbody", heading, *(row(matrix, loss) for loss in losses)))
    return element("table", caption, head, *bodies, class_="matrix")


def legend() -> Markup:
    """What the shades and words mean."""
    items = [
        element("span", f"≤ {end:.0%}", class_=f"number l{index}", style=f"--share:{end:.0%}")
        for index, end in enumerate(LEVELS)
    ]
    items.append(element("span", "✗ >100%", class_="number over"))
    shades = element("li", *items, " of the budget")
    fails = element(
        "li", element("span", "✗ FAIL", class_="fails"), " an error beyond the budget, a broken law or an exception"
    )
    return element("ul", shades, fails, class_="legend")


def notes(matrix: Matrix) -> Markup:
    """What was not run and why, each reason once, and the devices."""
    lines = []
    not_run = [cell for cell in matrix.cells if cell.status == "not run"]
    for reason, cells in group(not_run, lambda cell: cell.reason).items():
        places = ", ".join(dict.fromkeys(str(matrix.column_of(cell)) for cell in cells))
        lines.append(f"{places}: not run ({count(len(cells), 'cell')}): {reason}")
    for reason, cells in group(matrix.cells, lambda cell: cell.hessian_reason).items():
        if reason:
            lines.append(f"{', '.join(dict.fromkeys(cell.loss for cell in cells))}: Hessians {reason}")
    devices = dict.fromkeys(f"{column.backend} on {column.device}" for column in matrix.columns if column.device != "-")
    if devices:
        lines.append(f"Devices: {', '.join(devices)}")
    return element("ul", *(element("li", line) for line in lines), class_="notes")


# One loss.


def facts(contract: Contract) -> Markup:
    """The contract in words."""
    reductions = [name + (" (default)" if name == contract.default_reduction else "") for name in contract.reductions]
    lines = {
        "unit": f"{contract.unit} {contract.result}",
        "form": contract.form + (f": {contract.why_coupled}" if contract.why_coupled else ""),
        "soft labels": contract.soft_labels,
        "reductions": ", ".join(reductions),
        "budget": str(contract.accuracy),
        "source": contract.source,
        "also called": ", ".join(contract.aliases),
    }
    return element(
        "dl", *(join([element("dt", key), element("dd", line)]) for key, line in lines.items() if line), class_="facts"
    )


def worst(ran: Mapping[Column, Cell]) -> Markup:
    """The worst errors of a loss and the cases where they arise."""
    heads = ("where", "checks", *(head for kind in KINDS for head in (kind, "in the case")))
    rows = []
    for column, cell in ran.items():
        mark = "mark bad" if cell.status == "fail" else "mark"
        name = [element("span", MARKS[cell.status], class_=mark), str(column), unseen(f" {WORDS[cell.status]}")]
        shown = [element("th", *name, scope="row"), element("td", f"{cell.checks:,}")]
        for kind, (error, budget, case) in cell.errors.items():
            if error is None:
                shown.append(element("td", cell.hessian_reason, colspan="2", class_="off"))
            else:
                shown += [element("td", shade(error, budget, kind)), element("td", case)]
        rows.append(element("tr", *shown))
    head = element("thead", element("tr", *(element("th", words, scope="col") for words in heads)))
    return element("table", element("caption", "Worst cases"), head, element("tbody", *rows))


def law_cell(outcome: str | None, footnotes: dict[str, int], first: bool) -> Markup:
    """What became of a law in one place; words beyond "holds" go to a footnote."""
    edge = " first" if first else ""
    if outcome is None:
        return element("td", unseen("not run"), class_=edge.strip())
    if outcome == "holds":
        return element("td", element("span", "✓ ", **{"aria-hidden": "true"}), "holds", class_=edge.strip())
    mark = footnotes.setdefault(outcome, len(footnotes) + 1)
    raised = element("sup", unseen("note "), str(mark))
    if outcome.startswith("not run"):
        return element("td", "not run", raised, title=shortened(outcome), class_=f"off{edge}")
    return element(
        "td", element("span", "✗ FAILS", class_="fails"), raised, title=shortened(outcome), class_=edge.strip()
    )


def footnote(outcome: str) -> str:
    """Why a law was not run, or how it fails."""
    return outcome if outcome.startswith("not run") else f"fails: {shortened(outcome)}"


def laws(ran: Mapping[Column, Cell]) -> Markup:
    """Which laws hold where."""
    columns = list(ran)
    used = {name for cell in ran.values() for name in cell.laws}
    names = [name for name in LAWS if name in used] + sorted(used - set(LAWS))
    if not names:
        return Markup("")
    footnotes: dict[str, int] = {}
    rows = []
    for name in names:
        places = enumerate(ran.items())
        outcomes = [law_cell(cell.laws.get(name), footnotes, starts_group(columns, i)) for i, (_, cell) in places]
        rows.append(element("tr", element("th", name, scope="row", title=law_words(name)), *outcomes))
    head = element("thead", backend_header(columns, "law"), dtype_header(columns, errors=False))
    listed = element("ol", *(element("li", footnote(words)) for words in footnotes), class_="notes")
    shown = element("table", element("caption", "Laws"), head, element("tbody", *rows))
    return join([shown, listed]) if footnotes else shown


def state(cells: Iterable[Cell]) -> Markup:
    """The outcome of a loss in a few words."""
    by_status = group(cells, lambda cell: cell.status)
    parts = [
        element(
            "span", f"{MARKS[status]} {len(by_status[status])} {words}", class_="bad" if status == "fail" else "off"
        )
        for status, words in (("fail", "FAIL"), ("pass", "pass"), ("not run", "not run"))
        if status in by_status
    ]
    separated = [part for pair in zip(parts, [Markup(" · ")] * len(parts), strict=True) for part in pair][:-1]
    return element("span", *separated, class_="state")


def details(matrix: Matrix, loss: str) -> Markup:
    """All about one loss, folded unless it fails."""
    contract, cells = matrix.losses[loss], matrix.of_loss(loss)
    ran = {column: cell for column, cell in cells.items() if cell.status != "not run"}
    heading = [element("b", loss), " ", state(cells.values())]
    blocks: list[str] = []
    if contract is None:
        blocks.append(element("p", "This loss is not registered here, so its contract is not known.", class_="soft"))
    else:
        heading.insert(1, element("span", contract.summary, class_="soft"))
        blocks += [element("p", element("code", str(contract)), class_="wide"), facts(contract)]
    blocks += [failure(matrix, alike, link=False) for alike in failure_groups(cells.values())]
    if ran:
        blocks += [worst(ran), laws(ran)]
    reasons = group(
        ((column, cell.reason) for column, cell in cells.items() if column not in ran), lambda pair: pair[1]
    )
    for reason, pairs in reasons.items():
        blocks.append(
            element("p", f"Not run on {', '.join(str(column) for column, _ in pairs)}: {reason}", class_="soft")
        )
    body = element("div", *blocks, id=anchor(loss))
    fails = any(cell.status == "fail" for cell in cells.values())
    return element("details", element("summary", *heading), body, **({"open": "open"} if fails else {}))


# The page.


def law_words(name: str) -> str:
    """The sentence that says what a law demands."""
    law = LAWS.get(name)
    return ((law and law.__doc__) or "").strip().partition("\n")[0]


def law_list() -> Markup:
    """What the laws say."""
    lines = (join([element("dt", name), element("dd", law_words(name))]) for name in LAWS)
    return element(
        "details", element("summary", element("b", "What the laws say")), element("dl", *lines, class_="facts")
    )


def footer(environment: Mapping[str, str]) -> Markup:
    """The versions that the results hold for."""
    lines = (join([element("dt", name), element("dd", version)]) for name, version in environment.items())
    return element("footer", element("h2", "Environment"), element("dl", *lines, class_="facts"))


def body(matrix: Matrix) -> Markup:
    """Everything between the title and the footer."""
    if not matrix.cells:
        return element("p", "There are no cells: no loss, backend or dtype was checked.", class_="soft")
    blocks = [details(matrix, loss) for losses in by_family(matrix) for loss in losses]
    return join([
        failures(matrix), element("h2", "Matrix"), legend(), table(matrix), notes(matrix),
        element("h2", "Losses"), *blocks, element("h2", "Laws"), law_list(),
    ])  # fmt: skip


def by_family(matrix: Matrix) -> Iterable[list[str]]:
    """The losses in the order of the table."""
    return group(matrix.losses, lambda loss: family_of(matrix.losses[loss])).values()


def page(cells: Sequence[Cell], environment: Mapping[str, str]) -> str:
    """The matrix as one HTML file that asks for nothing else; all of it is ASCII, whatever the encoding of the file.

    >>> page([], {"lossspec": "0.1"}).splitlines()[0]
    '<!doctype html>'
    """
    matrix = Matrix.of(cells)
    head = join([Markup(META), element("title", TITLE), element("style", Markup(CSS))])
    content = element("main", element("h1", TITLE), introduction(), counts(cells), body(matrix))
    document = f'<html lang="en">\n<head>{head}</head>\n{element("body", content, footer(environment))}\n</html>\n'
    return f"<!doctype html>\n{document}".encode("ascii", "xmlcharrefreplace").decode("ascii")
