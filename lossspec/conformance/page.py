"""The matrix as one self-contained HTML page: failures first, then the table, then every loss with its contract.

This file finds the values and the words; `templates/matrix.html` says where they stand.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple, TypeVar

from lossspec.conformance import report
from lossspec.conformance.laws import LAWS
from lossspec.conformance.matrix import KINDS, Cell
from lossspec.contract import Contract
from lossspec.dispatch import all_backends
from lossspec.errors import LossSpecError, MissingExtraError
from lossspec.registry import get

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined, Template
    from markupsafe import Markup
except ImportError:
    raise MissingExtraError('the page of the matrix needs jinja2: pip install "lossspec[check]"') from None

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""The ends of the shades of the colour scale, as shares of the budget."""

MARKS = {"pass": "✓", "fail": "✗", "not run": "\u2013"}
WORDS = {"pass": "pass", "fail": "FAIL", "not run": "not run"}
LONGEST = 1000
"""Words of a failure beyond this many characters are left to the JSON."""

T = TypeVar("T")
Key = TypeVar("Key")


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

    def places(self, cells: Iterable[Cell]) -> str:
        """The columns of some cells in words, each once."""
        return ", ".join(dict.fromkeys(str(self.column_of(cell)) for cell in cells))

    def ran(self, loss: str) -> dict[Column, Cell]:
        """The row of a loss without the cells that were not run."""
        return {column: cell for column, cell in self.of_loss(loss).items() if cell.status != "not run"}

    def not_run(self, loss: str) -> dict[str, list[Column]]:
        """The columns in which a loss was not run, by the reason."""
        absent = [column for column, cell in self.of_loss(loss).items() if cell.status == "not run"]
        return group(absent, lambda column: self.grid[loss, column].reason)

    def row_facts(self, loss: str, family: str) -> dict[str, str]:
        """The facts by which the script filters and sorts the row: names, outcomes, the worst share in each column."""
        row = self.of_loss(loss)
        worst = (
            max(report.shares(row[column]).values(), default=0.0) if column in row else 0.0 for column in self.columns
        )
        facts = {"loss": loss, "family": family, "status": ",".join(by_status(row.values()))}
        facts["shares"] = " ".join("Infinity" if math.isinf(share) else f"{share:.4g}" for share in worst)
        return {f"data-{name}": value for name, value in facts.items()}

    def by_family(self) -> dict[str, list[str]]:
        """The losses in the order of the table."""
        return group(self.losses, lambda loss: family_of(self.losses[loss]))

    def notes(self) -> list[str]:
        """The reasons for what was not run, each once, and the devices."""
        lines = []
        not_run = [cell for cell in self.cells if cell.status == "not run"]
        for reason, cells in group(not_run, lambda cell: cell.reason).items():
            lines.append(f"{self.places(cells)}: not run ({count(len(cells), 'cell')}): {reason}")
        for reason, cells in group(self.cells, lambda cell: cell.hessian_reason).items():
            if reason:
                lines.append(f"{', '.join(dict.fromkeys(cell.loss for cell in cells))}: Hessians {reason}")
        devices = dict.fromkeys(
            f"{column.backend} on {column.device}" for column in self.columns if column.device != "-"
        )
        return [*lines, f"Devices: {', '.join(devices)}"] if devices else lines


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


class Shade(NamedTuple):
    """An error in words, with its level on the colour scale and, within the budget, a bar for its share of it."""

    words: str
    level: str
    style: str | None = None


def shade_of(value: float | None, budget: float) -> Shade:
    """Place an error on the colour scale."""
    if value is None:
        return Shade(MARKS["not run"], "none")
    words = number(value, budget)
    if not value <= budget:
        return Shade(f"✗ {words}", "over")
    share = value / budget if budget > 0 else 0.0
    level = next(index for index, end in enumerate(LEVELS) if share <= end)
    return Shade(words, f"l{level}", f"--share:{100 * share:.0f}%")


def by_status(cells: Iterable[Cell]) -> Counter[str]:
    """Count the cells that pass, fail or were not run."""
    return Counter(cell.status for cell in cells)


def shortened(words: str) -> str:
    """The beginning of words that are very long."""
    return (
        words
        if len(words) <= LONGEST
        else f"{words[:LONGEST]} … ({len(words) - LONGEST:,} more characters in the JSON)"
    )


def failure_groups(cells: Iterable[Cell]) -> list[list[Cell]]:
    """The failed cells; those of a loss that fail in the same words are together."""
    failed = [cell for cell in cells if cell.status == "fail"]
    return list(group(failed, lambda cell: (cell.loss, *cell.failures, cell.failure_count, cell.checks)).values())


def explanation(cell: Cell) -> str:
    """The cell in words, for a pointer that rests on it."""
    if cell.status == "not run":
        return cell.reason
    words = [f"{WORDS[cell.status]}, {count(cell.checks, 'check')}"]
    for kind, (worst, budget, case) in cell.errors.items():
        words.append(f"{kind} {cell.hessian_reason}" if worst is None else f"worst {kind}: {worst:.3g} of {budget:g}")
        words[-1] += f" ({case})" if case else ""
    return "\n".join(words)


def facts_of(contract: Contract) -> dict[str, str]:
    """The contract in words, by heading."""
    reductions = [name + (" (default)" if name == contract.default_reduction else "") for name in contract.reductions]
    return {
        "unit": f"{contract.unit} {contract.result}",
        "form": contract.form + (f": {contract.why_coupled}" if contract.why_coupled else ""),
        "soft labels": contract.soft_labels,
        "reductions": ", ".join(reductions),
        "budget": str(contract.accuracy),
        "source": contract.source,
        "also called": ", ".join(contract.aliases),
    }


def law_rows(cells: Iterable[Cell]) -> tuple[dict[str, list[str | None]], dict[str, int]]:
    """The outcomes of each law in each cell, None where it was not tried; and the number of each footnote."""
    cells = list(cells)
    used = {name for cell in cells for name in cell.laws}
    names = [name for name in LAWS if name in used] + sorted(used - set(LAWS))
    rows = {name: [cell.laws.get(name) for cell in cells] for name in names}
    told = dict.fromkeys(outcome for row in rows.values() for outcome in row if outcome not in (None, "holds"))
    return rows, {outcome: number for number, outcome in enumerate(told, 1) if outcome is not None}


def law_words(name: str) -> str:
    """The sentence that says what a law demands."""
    law = LAWS.get(name)
    return ((law and law.__doc__) or "").strip().partition("\n")[0]


def templates(package: str) -> Environment:
    """The templates of a package: every value is escaped where it enters, and an unknown one is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def written(text: str) -> str:
    """A page in ASCII, whatever the encoding of the file."""
    return text.lstrip().encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def template() -> Template:
    """The page with places for the values."""
    environment = templates("lossspec.conformance")
    environment.filters["groups"] = lambda items, attribute: group(items, lambda item: getattr(item, attribute))
    tools = (anchor, by_status, count, explanation, facts_of, failure_groups, law_rows, law_words, shade_of, shortened)
    environment.globals.update({tool.__name__: tool for tool in tools})
    environment.globals.update(KINDS=KINDS, LEVELS=LEVELS, MARKS=MARKS, WORDS=WORDS)
    return environment.get_template("matrix.html")


def page(cells: Sequence[Cell], environment: Mapping[str, str]) -> str:
    """The matrix as one HTML file that asks for nothing else; all of it is ASCII, whatever the encoding of the file.

    >>> page([], {"lossspec": "0.1"}).splitlines()[0]
    '<!doctype html>'
    """
    laws = {name: law_words(name) for name in LAWS}
    script = resources.files("lossspec.conformance").joinpath("templates/matrix.js").read_text("ascii")
    text = template().render(
        matrix=Matrix.of(cells),
        environment=environment,
        laws_in_words=laws,
        script=Markup(script),  # noqa: S704, a file of this package
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )
    return written(text)
