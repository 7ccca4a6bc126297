"""Losses of the catalogue beside the calls of other libraries that they declare as equal, forward and backward.

Run `python -m tests.benchmarks.bench_catalogue` from the root of the repository; `--small` takes a hundredth of the
units. Both sides get the same float32 arrays of the framework of the other library, reduce to a mean, and are timed
with the gradient in every real input: eager against eager on Torch, jit against jit on JAX. A ratio is ours / theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import typer

from lossspec import get
from lossspec.conformance.peers import PEERS, names_of
from lossspec.contract import Equal
from lossspec.dispatch import get_backend
from lossspec.loss import Loss

from .measure import (
    THREADS,
    Comparison,
    Effort,
    NotRun,
    Row,
    Thunk,
    arrays_of,
    as_users_have_it,
    attempt,
    cells,
    differentiated,
    machine_facts,
    print_rows,
)

FULL = Effort(repeats=5, batch_seconds=0.05)
FRAMEWORKS = ("torch", "jax")
MOST = {("nt_xent", "pytorch-metric-learning"): 1024}
"""The largest batch of a library that lays each positive pair beside each negative one, in arrays of n^3 numbers."""


def inputs(divide: int = 1) -> Iterator[tuple[str, dict[str, Any]]]:
    """The measured losses with arrays of a realistic size."""
    random = np.random.default_rng(0)
    rows, classes = 40_000 // divide, 100

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape, dtype=np.float32)

    p, q = (np.exp(normal(rows, classes)) for _ in range(2))
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    yield "kl_divergence", {"log_predictions": np.log(q), "targets": p}
    labels = random.integers(classes, size=rows)
    yield "focal", {"logits": normal(rows, classes), "labels": labels}
    yield "sigmoid_focal", {"logits": normal(rows, classes), "targets": (normal(rows, classes) > 0).astype(np.float32)}
    for pairs in (256 // min(divide, 64), 2048 // divide):
        yield "nt_xent", {"embeddings": normal(2 * pairs, 128), "labels": np.tile(np.arange(pairs), 2)}
    yield "triplet_margin", {name: normal(rows, 128) for name in ("anchors", "positives", "negatives")}
    names = ("policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected")
    yield "dpo", {name: -np.exp(normal(25 * rows)) for name in names}


def rows(effort: Effort, divide: int = 1) -> Iterator[Row]:
    """A row for each loss and each declared call of a library on Torch or JAX."""
    for name, arrays in inputs(divide):
        loss = get(name)
        shape = " x ".join(str(size) for size in next(iter(arrays.values())).shape)
        defaults = {argument.name: argument.default for argument in loss.contract.parameters}
        for equal in loss.contract.equals:
            if PEERS[equal.peer].backend in FRAMEWORKS and eval(equal.when, {"np": np}, {**arrays, **defaults}):  # noqa: S307
                yield Row((name, shape, equal.peer), _measure(loss, equal, arrays, defaults, effort))


def _measure(
    loss: Loss, equal: Equal, arrays: dict[str, Any], defaults: dict[str, Any], effort: Effort
) -> Comparison | NotRun:
    peer = PEERS[equal.peer]
    missing = peer.missing()
    if missing:
        return NotRun(f"{missing} is not installed")
    size, most = len(next(iter(arrays.values()))), MOST.get((loss.contract.name, equal.peer))
    if most and size > most:
        return NotRun(f"{equal.peer} makes arrays of {size}^3 numbers, {4 * size**3 / 1e9:.0f} GB each")
    backend, names = get_backend(peer.backend), names_of(equal.peer)
    given = arrays_of(backend, arrays)
    wrt = [key for key, x in arrays.items() if x.dtype.kind == "f"]

    def theirs(values: dict[str, Any]) -> Any:
        value = eval(equal.call, {**names, **defaults, **values})  # noqa: S307 - a declaration of the catalogue
        return value.mean()

    def prepare() -> tuple[Thunk, Thunk]:
        mine, other = (differentiated(backend, function, given, wrt) for function in (lambda v: loss(**v), theirs))
        return mine, other

    with as_users_have_it(backend.name):
        return attempt(prepare, effort)


def main(small: bool = False, repeats: int = FULL.repeats) -> None:
    """Print the ratios of the measured losses beside every library that declares an equal call."""
    print(machine_facts(THREADS))
    heads = ("loss", "shape", "beside", "ratio", "ours", "theirs")
    title = "Forward and backward: eager on Torch, compiled on JAX"
    print_rows(title, heads, rows(Effort(repeats, FULL.batch_seconds), 100 if small else 1), cells)


if __name__ == "__main__":
    typer.run(main)
