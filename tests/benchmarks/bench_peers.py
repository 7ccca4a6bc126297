"""The losses beside what a user would call instead: torch.nn.functional, optax, Keras and sklearn._loss, in one run.

Run `python -m tests.benchmarks.bench_peers` from the root of the repository; `--small` leaves out the large arrays,
`--peer optax` all peers but one. Every row times both libraries in turn on the same float32 arrays with a mean over
all units, after checking that the two values agree. A ratio is ours / theirs: below 1 ours is faster.

Small arrays are computed with one thread, large ones with two: a library that wakes a second thread for 320 numbers
waits a slice of the scheduler's time whenever another program holds that core, and the row would measure that.
Large eager rows allocate their temporaries anew in each call, so their times also depend on how quickly the system
hands out pages, and may differ several fold between two runs; compare ratios, and look at the load below each table.

- torch.nn.functional: eager against eager; then ours under `torch.compile` against theirs eager, and against theirs
  compiled too.
- optax: both under `jax.jit`.
- Keras: on its torch backend, against ours on Torch, both eager.
- sklearn._loss: `.loss` and `.loss_gradient` against ours on NumPy. Its values and gradients are those of each unit,
  so its mean is taken here, and its gradient stays undivided.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import typer

from lossspec import binary_cross_entropy_with_logits, cross_entropy, huber, squared_error
from lossspec.loss import Specified

from .measure import (
    LOSSES,
    SMALL,
    THREADS,
    Case,
    Effort,
    Row,
    Thunk,
    attempt,
    cells,
    machine_facts,
    make_case,
    print_rows,
    torch_threads,
)

SMALL_EFFORT = Effort(repeats=15, batch_seconds=0.015)
LARGE_EFFORT = Effort(repeats=7, batch_seconds=0.05)
LARGE_ROWS = 200_000, 100
LARGE_ELEMENTS = 40_000, 100
PASSES = ("forward", "forward+backward")

Function = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Setting:
    """The subject of a row: a case, with or without its gradient; the threads, the compiler of `torch.compile`."""

    case: Case
    backward: bool
    threads: int
    compiler: str


@dataclass(frozen=True)
class Peer:
    """One library to stand beside: how ours and theirs are run, and what makes the two callables of a setting."""

    name: str
    title: str
    variants: tuple[tuple[str, Callable[[Setting], tuple[Thunk, Thunk]]], ...]


def _torch_inputs(case: Case, backward: bool) -> tuple[Any, Any]:
    import torch

    predictions = torch.from_numpy(case.predictions.copy()).requires_grad_(backward)
    return predictions, torch.from_numpy(case.targets.copy())


def _torch_thunk(function: Function, predictions: Any, targets: Any) -> Thunk:
    """A call, and the gradient in the predictions where they ask for one."""
    import torch

    if not predictions.requires_grad:
        return lambda: function(predictions, targets)

    def forward_backward() -> tuple[Any, Any]:
        value = function(predictions, targets)
        (gradient,) = torch.autograd.grad(value, predictions)
        return value, gradient

    return forward_backward


def _torch_pair(setting: Setting, ours_compiled: bool, theirs_compiled: bool) -> tuple[Thunk, Thunk]:
    import torch
    from torch.nn import functional

    theirs: dict[Any, Function] = {
        squared_error: functional.mse_loss,
        huber: functional.huber_loss,
        cross_entropy: functional.cross_entropy,
        binary_cross_entropy_with_logits: functional.binary_cross_entropy_with_logits,
    }

    def prepare(function: Function, compiled: bool) -> Thunk:
        if compiled:
            function = torch.compile(function, fullgraph=True, dynamic=False, backend=setting.compiler)
        return _torch_thunk(function, *inputs)

    loss = setting.case.loss
    inputs = _torch_inputs(setting.case, setting.backward)
    if ours_compiled:
        torch.compiler.reset()  # else the shapes of earlier rows count towards the limit of recompilations
        loss(*inputs)
    return prepare(loss, ours_compiled), prepare(theirs[loss], theirs_compiled)


def _torch_eager(setting: Setting) -> tuple[Thunk, Thunk]:
    return _torch_pair(setting, ours_compiled=False, theirs_compiled=False)


def _torch_ours_compiled(setting: Setting) -> tuple[Thunk, Thunk]:
    return _torch_pair(setting, ours_compiled=True, theirs_compiled=False)


def _torch_both_compiled(setting: Setting) -> tuple[Thunk, Thunk]:
    return _torch_pair(setting, ours_compiled=True, theirs_compiled=True)


def _optax_pair(setting: Setting) -> tuple[Thunk, Thunk]:
    import jax
    import optax

    theirs: dict[Any, Function] = {
        squared_error: optax.squared_error,
        huber: optax.huber_loss,
        cross_entropy: optax.softmax_cross_entropy_with_integer_labels,
        binary_cross_entropy_with_logits: optax.sigmoid_binary_cross_entropy,
    }
    loss, targets = setting.case.loss, setting.case.targets
    per_unit = theirs[loss]
    labels = targets.astype(np.int32) if targets.dtype.kind == "i" else targets  # JAX has no int64 by default
    inputs = jax.device_put(setting.case.predictions), jax.device_put(labels)

    def prepare(function: Function) -> Thunk:
        compiled = jax.jit(jax.value_and_grad(function) if setting.backward else function)
        return lambda: jax.block_until_ready(compiled(*inputs))

    return prepare(loss), prepare(lambda predictions, targets: per_unit(predictions, targets).mean())


def _keras_pair(setting: Setting) -> tuple[Thunk, Thunk]:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    if keras.backend.backend() != "torch":
        raise RuntimeError(f"Keras runs on {keras.backend.backend()} here, not on torch")
    theirs: dict[Any, Any] = {
        squared_error: keras.losses.MeanSquaredError(),
        huber: keras.losses.Huber(),
        cross_entropy: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        binary_cross_entropy_with_logits: keras.losses.BinaryCrossentropy(from_logits=True),
    }
    other = theirs[setting.case.loss]
    inputs = _torch_inputs(setting.case, setting.backward)
    return (
        _torch_thunk(setting.case.loss, *inputs),
        _torch_thunk(lambda predictions, targets: other(targets, predictions), *inputs),
    )


def _sklearn_pair(setting: Setting) -> tuple[Thunk, Thunk]:
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss, HalfSquaredError, HuberLoss

    case, loss = setting.case, setting.case.loss
    theirs: dict[Any, Any] = {
        squared_error: HalfSquaredError(),
        huber: HuberLoss(delta=1.0),
        cross_entropy: HalfMultinomialLoss(n_classes=case.predictions.shape[1]),
        binary_cross_entropy_with_logits: HalfBinomialLoss(),
    }
    other = theirs[loss]
    raw = case.predictions if loss is cross_entropy else case.predictions.reshape(-1)
    truth = case.targets.astype(np.float32).reshape(-1)
    factor = np.float32(2 if loss is squared_error else 1)

    def theirs_forward() -> object:
        return other.loss(truth, raw, n_threads=setting.threads).mean() * factor

    def theirs_both() -> object:
        values, gradients = other.loss_gradient(truth, raw, n_threads=setting.threads)
        return values.mean() * factor, gradients

    if setting.backward:
        return lambda: loss.value_and_grad(case.predictions, case.targets), theirs_both
    return lambda: loss(case.predictions, case.targets), theirs_forward


PEERS = (
    Peer(
        "torch",
        "torch.nn.functional",
        (
            ("eager / eager", _torch_eager),
            ("compiled / eager", _torch_ours_compiled),
            ("compiled / compiled", _torch_both_compiled),
        ),
    ),
    Peer("optax", "optax, both under jax.jit", (("jit / jit", _optax_pair),)),
    Peer("keras", "Keras on Torch", (("eager / eager", _keras_pair),)),
    Peer("sklearn", "sklearn._loss, ours on NumPy", (("numpy / cython", _sklearn_pair),)),
)


def rows(
    peer: Peer,
    *,
    large: bool,
    losses: Sequence[Specified] = LOSSES,
    effort: Effort | None = None,
    compiler: str = "inductor",
) -> Iterator[Row]:
    """Every row of one peer: small and, if asked, large arrays, each loss, each pass, each way to run it."""
    for is_large in (False, True) if large else (False,):
        for loss in losses:
            shape = SMALL
            if is_large:
                shape = LARGE_ROWS if loss is cross_entropy else LARGE_ELEMENTS
            case = make_case(loss, shape)
            threads = THREADS if is_large else 1
            for name in PASSES:
                for label, prepare in peer.variants:
                    setting = Setting(case, name != PASSES[0], threads, compiler)
                    budget = effort or (LARGE_EFFORT if is_large else SMALL_EFFORT)
                    with torch_threads(threads):
                        outcome = attempt(partial(prepare, setting), budget)
                    yield Row((loss.contract.name, case.shape, name, label), outcome)


def main(small: bool = False, peer: str = "") -> None:
    """Print ours beside every peer, or beside one of them: torch, optax, keras, sklearn."""
    chosen = [one for one in PEERS if peer in ("", one.name)]
    if not chosen:
        raise typer.BadParameter(f"the peers are {', '.join(one.name for one in PEERS)}", param_hint="--peer")
    print(machine_facts(1 if small else THREADS))
    heads = ("loss", "shape", "pass", "ours / theirs", "ratio", "ours", "theirs")
    for one in chosen:
        print_rows(one.title, heads, rows(one, large=not small), cells)


if __name__ == "__main__":
    typer.run(main)
