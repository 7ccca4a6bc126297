"""The matrix for people and programs: a table in the terminal, JSON; the page is in `page.py`."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossspec import __version__
from lossspec.conformance.matrix import Cell
from lossspec.dispatch import all_backends

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


def notes(cells: Sequence[Cell]) -> list[str]:
    """The lines below the table: failures, reasons for cells that were not run, larger budgets."""
    lines = []
    for cell in cells:
        if cell.status == "fail":
            lines.append(
                f"FAIL {cell.loss} on {cell.backend} {cell.dtype}: {cell.failure_count} of {cell.checks} checks"
            )
            lines += [f"     {failure}" for failure in cell.failures]
    reasons = dict.fromkeys((cell.backend, cell.reason) for cell in cells if cell.status == "not run")
    lines += [f"{backend}: not run: {reason}" for backend, reason in reasons]
    return lines


def summary(cells: Sequence[Cell]) -> str:
    """One line: how many cells did what."""
    count = {status: sum(cell.status == status for cell in cells) for status in ("pass", "fail", "not run")}
    checks = sum(cell.checks for cell in cells)
    return f"{count['pass']} passed, {count['fail']} failed, {count['not run']} not run; {checks} checks"


def to_json(cells: Sequence[Cell]) -> str:
    """The whole matrix as JSON."""
    content: dict[str, Any] = {"environment": environment(), "cells": [cell.to_dict() for cell in cells]}
    return json.dumps(content, indent=1, allow_nan=False)
