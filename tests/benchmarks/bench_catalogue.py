"""Losses of the catalogue beside the calls of other libraries that they declare as equal, forward and backward.

Run `python -m tests.benchmarks.bench_catalogue` from the root of the repository; `--small` takes a hundredth of the
units. Both sides get the same float32 arrays of the framework of the other library, reduce to a mean, and are timed
with the gradient in every real input: eager against eager on Torch, jit against jit on JAX. A ratio is ours / theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
import typer

from lossspec import get
from lossspec.conformance.peers import PEERS, names_of
from lossspec.contract import Equal
from lossspec.dispatch import Backend, get_backend
from lossspec.loss import Loss

from .bench_peers import torch_threads
from .measure import (
    Comparison,
    Effort,
    NotRun,
    Row,
    Thunk,
    compare,
    first_line,
    machine_facts,
    print_rows,
    show_seconds,
)

FULL = Effort(repeats=5, batch_seconds=0.05)
FRAMEWORKS = ("torch", "jax")


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
    pairs = 2048 // divide
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
                with _settings(PEERS[equal.peer].backend):
                    outcome = _measure(loss, equal, arrays, defaults, effort)
                yield Row((name, shape, equal.peer), outcome)


def _settings(framework: str) -> AbstractContextManager[Any]:
    """Two threads on Torch; JAX as users have it, whatever else this process has set."""
    stack = ExitStack()
    if framework == "torch":
        stack.enter_context(torch_threads(2))
    else:
        import jax

        for setting in (
            jax.enable_x64(False),
            jax.numpy_dtype_promotion("standard"),
            jax.numpy_rank_promotion("allow"),
        ):
            stack.enter_context(setting)
    return stack


def _measure(
    loss: Loss, equal: Equal, arrays: dict[str, Any], defaults: dict[str, Any], effort: Effort
) -> Comparison | NotRun:
    peer = PEERS[equal.peer]
    missing = peer.missing()
    if missing:
        return NotRun(f"{missing} is not installed")
    backend = get_backend(peer.backend)
    if backend.name == "jax":  # which has no int64 by default
        arrays = {key: x.astype(np.int32) if x.dtype.kind == "i" else x for key, x in arrays.items()}
    given = {key: backend.from_numpy(x) for key, x in arrays.items()}
    names = names_of(equal.peer)

    def theirs(values: dict[str, Any]) -> Any:
        value = eval(equal.call, {**names, **defaults, **values})  # noqa: S307 - a declaration of the catalogue
        return value.mean()

    try:
        mine, other = (_differentiated(backend, function, given) for function in (lambda v: loss(**v), theirs))
        values = float(mine()), float(other())
        if not np.isclose(*values, rtol=1e-3):
            return NotRun(f"the values differ: ours {values[0]:.9g}, theirs {values[1]:.9g}")
        return compare(mine, other, effort)
    except Exception as error:  # one library that fails must not take the other rows down
        return NotRun(first_line(error))


def _differentiated(backend: Backend, function: Callable[[dict[str, Any]], Any], given: dict[str, Any]) -> Thunk:
    """A call that computes the value and the gradient in every real input, and returns the value."""
    wrt = [key for key, x in given.items() if "float" in str(x.dtype)]
    rest = {key: x for key, x in given.items() if key not in wrt}
    if backend.name == "torch":
        import torch

        leaves = {key: given[key].clone().requires_grad_() for key in wrt}

        def call() -> Any:
            value = function({**leaves, **rest})
            torch.autograd.grad(value, list(leaves.values()))
            return value.detach()

        return call
    import jax

    compiled = jax.jit(jax.value_and_grad(lambda chosen: function({**chosen, **rest})))
    return lambda: jax.block_until_ready(compiled({key: given[key] for key in wrt}))[0]


def cells(outcome: Comparison) -> list[str]:
    """The ratio and the median times of a row."""
    return [f"{outcome.ratio:.2f}", *(show_seconds(float(np.median(s))) for s in (outcome.ours, outcome.theirs))]


def main(small: bool = False, repeats: int = FULL.repeats) -> None:
    """Print the ratios of the measured losses beside every library that declares an equal call."""
    print(machine_facts(2))
    heads = ("loss", "shape", "beside", "ratio", "ours", "theirs")
    title = "Forward and backward: eager on Torch, compiled on JAX"
    print_rows(title, heads, rows(Effort(repeats, FULL.batch_seconds), 100 if small else 1), cells)


if __name__ == "__main__":
    typer.run(main)
