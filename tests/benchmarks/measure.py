"""The measuring that the benchmarks share: two callables timed in turn, a row of a table, the facts of the machine."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossspec import binary_cross_entropy_with_logits, cross_entropy, huber, squared_error
from lossspec.loss import Specified

Thunk = Callable[[], object]

LOSSES: tuple[Specified, ...] = (squared_error, huber, cross_entropy, binary_cross_entropy_with_logits)
"""The losses that are measured: two cheap ones, and the two that most programs call."""

SMALL = (32, 10)
"""The shape where Python costs more than arithmetic."""

WIDTH = 132
"""Columns of the widest table."""

PACKAGES = ("lossspec", "numpy", "torch", "jax", "optax", "keras", "scikit-learn", "array-api-strict")


@dataclass(frozen=True)
class Effort:
    """How long to measure: the number of pairs of batches, and the least time that one batch takes."""

    repeats: int
    batch_seconds: float


@dataclass(frozen=True)
class Comparison:
    """Seconds a call in each batch; `ours[i]` and `theirs[i]` were measured right after each other."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours / theirs: the median over the pairs, so that what disturbs both of a pair cancels."""
        return median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))

    @property
    def difference(self) -> float:
        """Ours - theirs, each at its fastest: what ours adds when nothing disturbs it."""
        return min(self.ours) - min(self.theirs)


@dataclass(frozen=True)
class NotRun:
    """Why a row has no numbers."""

    reason: str

    def __str__(self) -> str:
        return f"not run: {self.reason}"


@dataclass(frozen=True)
class Row:
    """One line of a table: what was compared, and the outcome."""

    labels: tuple[str, ...]
    outcome: Comparison | NotRun


@dataclass(frozen=True)
class Case:
    """One loss with the float32 inputs (and integer labels) to measure it on."""

    loss: Specified
    predictions: np.ndarray
    targets: np.ndarray

    @property
    def shape(self) -> str:
        """The shape of the predictions, for a table."""
        return " x ".join(str(size) for size in self.predictions.shape)


def make_case(loss: Specified, shape: tuple[int, int]) -> Case:
    """Normal predictions; labels in [0, classes), or targets in [0, 1) where the loss takes no labels."""
    generator = np.random.default_rng(0)
    predictions = generator.standard_normal(shape, dtype=np.float32)
    if loss is cross_entropy:
        return Case(loss, predictions, generator.integers(shape[1], size=shape[0]))
    return Case(loss, predictions, generator.random(shape, dtype=np.float32))


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection within this context."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def time_batch(function: Thunk, calls: int) -> float:
    """Seconds that one of so many calls takes."""
    start = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - start) / calls


def calls_in(function: Thunk, seconds: float) -> int:
    """How many calls fill that time; at least one."""
    calls = 1
    while (each := time_batch(function, calls)) * calls < seconds / 4:
        calls *= 4
    return max(1, round(seconds / each))


def compare(ours: Thunk, theirs: Thunk, effort: Effort) -> Comparison:
    """Time two callables, batch by batch in turn and each first in half of the pairs, so that noise hits both."""
    ours(), theirs()  # what a first call alone pays for: plans, traces, allocations
    counts = calls_in(ours, effort.batch_seconds), calls_in(theirs, effort.batch_seconds)
    mine, other = [], []
    with without_collection():
        for repeat in range(effort.repeats):
            if repeat % 2:
                other.append(time_batch(theirs, counts[1]))
                mine.append(time_batch(ours, counts[0]))
            else:
                mine.append(time_batch(ours, counts[0]))
                other.append(time_batch(theirs, counts[1]))
    return Comparison(tuple(mine), tuple(other))


def first_line(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def show_seconds(seconds: float) -> str:
    """A time with a unit that fits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def machine_facts(threads: int | None = None) -> str:
    """What the numbers depend on: processor, cores, threads, versions."""
    facts = [platform.machine(), f"{os.cpu_count()} cores"]
    if threads is not None:
        facts.append(f"threads {threads}")
    facts.append(f"Python {platform.python_version()}")
    for package in PACKAGES:
        try:
            facts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            facts.append(f"{package} not installed")
    return ", ".join(facts)


def load() -> str:
    """How many processes competed for the cores over the last minute, where the system tells."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def print_rows(title: str, heads: Sequence[str], rows: Iterable[Row], cells: Callable[[Comparison], list[str]]) -> None:
    """One table: the labels on the left, on the right the cells of a comparison, below it why rows have none.

    `heads` names the labels first and then the cells. Iterating over `rows` is what measures them; the load before
    and after tells whether other programs took part.
    """
    table = Table(title=title, title_justify="left", caption_justify="left")
    before = load()
    rows = list(rows)
    count = len(rows[0].labels) if rows else 0
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index >= count else "left", overflow="fold")
    notes: dict[str, int] = {}
    for row in rows:
        if isinstance(row.outcome, NotRun):
            number = notes.setdefault(row.outcome.reason, len(notes) + 1)
            table.add_row(*row.labels, f"not run ({number})")
        else:
            table.add_row(*row.labels, *cells(row.outcome))
    lines = [f"load average {before} before, {load()} after"]
    lines += [f"not run ({number}): {reason}" for reason, number in notes.items()]
    table.caption = escape("\n".join(lines))
    Console(width=max(Console().width, WIDTH)).print(table)
