"""The time that lossspec adds to the array operations of a loss, in microseconds a call.

Run `python -m tests.benchmarks.bench_overhead` from the root of the repository. On arrays so small that arithmetic is
nearly free, a call of the loss is timed beside the same array operations without it: the undecorated function, then
`xp.sum(...) / size`. The design allows 15 microseconds for everything that is not an array operation.

Where a loss guards a strict domain (the labels of cross_entropy), the difference holds the array operations of that
guard too, and the conversion of labels to indices: they are no part of the undecorated function.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import typer

from lossspec.dispatch import get_backend

from .measure import (
    LOSSES,
    SMALL,
    Case,
    Comparison,
    Effort,
    NotRun,
    Row,
    Thunk,
    compare,
    machine_facts,
    make_case,
    print_rows,
    show_seconds,
)

BACKENDS = ("numpy", "torch", "jax", "strict")
BUDGET = 15e-6
FULL = Effort(repeats=25, batch_seconds=0.02)


def pair(case: Case, backend_name: str) -> tuple[Thunk, Thunk]:
    """The call of the loss, and the bare array operations."""
    backend = get_backend(backend_name)
    loss, bare, xp = case.loss, case.loss.__wrapped__, backend.namespace
    targets = case.targets
    if backend_name == "jax" and targets.dtype.kind == "i":
        targets = targets.astype(np.int32)  # JAX has no int64 by default
    x, y = backend.from_numpy(case.predictions), backend.from_numpy(targets)
    index = xp.astype(y, backend.index_dtype) if targets.dtype.kind == "i" else y
    defaults = {argument.name: argument.default for argument in loss.contract.parameters}
    size = prod(bare(x, index, **defaults).shape)

    def call() -> Any:
        return loss(x, y)

    def operations() -> Any:
        return xp.sum(bare(x, index, **defaults)) / size

    if backend_name == "jax":
        return lambda: call().block_until_ready(), lambda: operations().block_until_ready()
    return call, operations


def rows(effort: Effort) -> Iterator[Row]:
    """A row for each loss on each backend."""
    for name in BACKENDS:
        for loss in LOSSES:
            available = get_backend(name).available()
            if available:
                outcome: Comparison | NotRun = compare(*pair(make_case(loss, SMALL), name), effort)
            else:
                outcome = NotRun(available.reason)
            yield Row((name, loss.contract.name), outcome)


def cells(outcome: Comparison) -> list[str]:
    """The times of a row, each at its fastest."""
    overhead = outcome.difference
    mark = "" if overhead <= BUDGET else " (over)"
    return [show_seconds(min(outcome.ours)), show_seconds(min(outcome.theirs)), f"{overhead / 1e-6:.1f} us{mark}"]


def main(repeats: int = FULL.repeats) -> None:
    """Print the overhead of a call for each loss and backend."""
    print(machine_facts())
    heads = ("backend", "loss", "call", "array operations", "overhead")
    title = f"Overhead of a call on {SMALL[0]} x {SMALL[1]}, fastest of {repeats}; budget {BUDGET / 1e-6:.0f} us"
    print_rows(title, heads, rows(Effort(repeats, FULL.batch_seconds)), cells)


if __name__ == "__main__":
    typer.run(main)
