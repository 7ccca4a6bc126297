"""The matrix for people and programs: a table in the terminal, JSON; the page is in `page.py`."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossspec import __version__
from lossspec.conformance.matrix import Cell
from lossspec.dispatch import all_backends
from lossspec.errors import LossSpecError
from lossspec.registry import get

DTYPE_MARKS = {"float32": "f32", "float64": "f64"}


def environment() -> dict[str, str]:
    """The versions that the results hold for."""
    found = {"lossspec": __version__, "python": platform.python_version()}
    for backend in all_backends().values():
        there = backend.available()
        found[backend.module] = there.version if there else there.reason
    return found


def number(value: float | None) -> str:
    """An error in few characters; a dash where it was not measured."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 99.995 else f"{value:.0e}"


def tables(cells: Sequence[Cell], console: Console) -> list[Table]:
    """The matrix as one table where the console is wide enough, else as one table a backend."""
    whole = _table(cells)
    if whole.__rich_measure__(console, console.options.update(width=1000)).maximum <= console.width:
        return [whole]
    return [
        _table([cell for cell in cells if cell.backend == name]) for name in dict.fromkeys(c.backend for c in cells)
    ]


def _table(cells: Sequence[Cell]) -> Table:
    """A row per loss, a column per backend, dtype and device; a single one for a backend that did not run at all."""
    ran = {cell.backend for cell in cells if cell.status != "not run"}
    columns = list(dict.fromkeys(_place(cell, ran) for cell in cells))
    several = {backend: len({c[2] for c in columns if c[0] == backend}) > 1 for backend, _, _ in columns}
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    result.add_column("loss", no_wrap=True)
    for backend, dtype, device in columns:
        place = f"\n{device}" if several[backend] else ""
        result.add_column(f"{backend}\n{DTYPE_MARKS.get(dtype, dtype)}{place}", justify="right", no_wrap=True)
    by_place = {(cell.loss, _place(cell, ran)): cell for cell in cells}
    for loss in dict.fromkeys(cell.loss for cell in cells):
        result.add_row(loss, *(_show(by_place.get((loss, column))) for column in columns))
    return result


def _place(cell: Cell, ran: set[str]) -> tuple[str, str, str]:
    return (cell.backend, cell.dtype, cell.device) if cell.backend in ran else (cell.backend, "", "")


def _show(cell: Cell | None) -> Text:
    if cell is None:
        return Text("")
    if cell.status == "not run":
        return Text("not run", style="dim")
    words = " / ".join(number(error) for error, _, _ in cell.errors.values())
    return Text(words, style="green") if cell.status == "pass" else Text(f"FAIL {words}", style="bold red")


def families(cells: Sequence[Cell]) -> Table:
    """A row per family, a column per backend that ran: how many cells pass, or how many of them fail."""
    ran = [cell for cell in cells if cell.status != "not run"]
    backends = list(dict.fromkeys(cell.backend for cell in ran))
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    result.add_column("family", no_wrap=True, min_width=max((len(family_of(cell.loss)) for cell in ran), default=0))
    result.add_column("losses", justify="right", min_width=6)
    for backend in backends:  # where the screen is narrow, the last column alone is cut
        result.add_column(backend, justify="right", no_wrap=True, min_width=max(6, len(backend)))
    result.add_column("largest share of the budget of errors", overflow="ellipsis", no_wrap=True)
    rows: dict[str, list[Cell]] = {}
    for cell in ran:
        rows.setdefault(family_of(cell.loss), []).append(cell)
    for family, of_family in rows.items():
        places = ([cell for cell in of_family if cell.backend == backend] for backend in backends)
        share, where = worst_share(of_family)
        losses = len({cell.loss for cell in of_family})
        style = "" if share <= 1 else "bold red"
        result.add_row(family, str(losses), *map(_count, places), Text(f"{percent(share)} {where}", style=style))
    return result


def family_of(loss: str) -> str:
    """The family of a loss in words; "other" where cells were loaded from elsewhere and the loss is not known here."""
    try:
        return get(loss).contract.family.replace("_", " ")
    except LossSpecError:
        return "other"


def _count(cells: Sequence[Cell]) -> Text:
    failed = sum(cell.status == "fail" for cell in cells)
    if failed:
        return Text(f"✗ {failed} of {len(cells)}", style="bold red")
    return Text(f"✓ {len(cells)}" if cells else "-", style="green" if cells else "dim")


def shares(cell: Cell) -> dict[str, float]:
    """The worst error of each kind as a share of its budget; inf for an error that is no number."""
    return {
        kind: (error / budget if error == error and budget else inf if error else 0.0)
        for kind, (error, budget, _) in cell.errors.items()
        if error is not None
    }


def worst_share(cells: Sequence[Cell]) -> tuple[float, str]:
    """The largest share of a budget that an error takes among some cells, and where that is."""
    found = [(share, kind, cell) for cell in cells for kind, share in shares(cell).items()]
    share, kind, cell = max(found, key=lambda item: item[0])
    return share, f"{cell.backend} {DTYPE_MARKS.get(cell.dtype, cell.dtype)}: {kind} of {cell.loss}"


def percent(share: float) -> str:
    """A share in few characters, never one within the budget where the error is not.

    >>> [percent(share) for share in (0.0, 0.871, 1.0, 1.0001, 53000.0, float("inf"))]
    ['0%', '87%', '100%', '>100%', '>1000%', 'infinite']
    """
    if not isfinite(share):
        return "infinite"
    return ">1000%" if share > 10 else ">100%" if 1 < share < 1.005 else f"{share:.0%}"


def notes(cells: Sequence[Cell], most: int | None = None) -> list[str]:
    """The lines below the table: failures, all or the first ones; reasons for cells that were not run."""
    lines = []
    failed = [cell for cell in cells if cell.status == "fail"]
    for cell in failed[:most]:
        lines.append(f"FAIL {cell.loss} on {cell.backend} {cell.dtype}: {cell.failure_count} of {cell.checks} checks")
        lines += [f"     {failure}" for failure in (cell.failures if most is None else cell.failures[:1])]
    if most is not None and len(failed) > most:
        lines.append(f"and {len(failed) - most} more cells fail: --verbose shows them")
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.status == "not run":
            reasons.setdefault((cell.backend, cell.reason), []).append(cell.dtype)
    for (backend, reason), dtypes in reasons.items():
        whole = {cell.dtype for cell in cells if cell.backend == backend} == set(dtypes)
        lines.append(f"{backend}{'' if whole else ' ' + ', '.join(dict.fromkeys(dtypes))}: not run: {reason}")
    return lines


def summary(cells: Sequence[Cell]) -> str:
    """One line: how many cells did what."""
    count = {status: sum(cell.status == status for cell in cells) for status in ("pass", "fail", "not run")}
    checks = sum(cell.checks for cell in cells)
    return f"{count['pass']} passed, {count['fail']} failed, {count['not run']} not run; {checks:,} checks"


def to_json(cells: Sequence[Cell]) -> str:
    """The whole matrix as JSON."""
    content: dict[str, Any] = {"environment": environment(), "cells": [cell.to_dict() for cell in cells]}
    return json.dumps(content, indent=1, allow_nan=False)
