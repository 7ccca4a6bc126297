"""Gradients on NumPy beside derivatives written by hand and the libraries a user would call instead, in one run.

Run `python -m tests.benchmarks.bench_gradients` from the root of the repository; `--small` takes arrays a hundredth of
the size. A row times `loss.value_and_grad` on NumPy arrays beside the same value and gradient from another side, after
checking that the values agree; a ratio is ours / theirs. Memory is the peak of what NumPy allocates in a call, where
both sides are NumPy.

- by hand: the fewest passes that a careful user writes, in place where nothing is lost by it.
- sklearn._loss: `loss_gradient`, with 1 and with 2 threads.
- torch: `torch.nn.functional`, forward and backward, eager, with 2 threads.
- optax: value and gradient under `jax.jit`.

The last table is what the tape costs: a chain of operations on an array of one element, traced and differentiated,
beside the same operations without a tape, by the number of operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from lossspec import binary_cross_entropy_with_logits, cross_entropy, value_and_grad
from lossspec.loss import Specified

from .measure import (
    THREADS,
    Comparison,
    Effort,
    NotRun,
    Row,
    Thunk,
    as_users_have_it,
    attempt,
    cells,
    compare,
    machine_facts,
    peak_of_numpy,
    print_rows,
)

FULL = Effort(repeats=9, batch_seconds=0.05)
CHAIN = 100
"""Operations in the chain of the last table."""


@dataclass(frozen=True)
class Setting:
    """A loss with inputs of one dtype."""

    loss: Specified
    logits: NDArray[Any]
    targets: NDArray[Any]


def settings(divide: int = 1) -> Iterator[Setting]:
    """The two losses that most programs call, at the sizes of a large batch, in both precisions."""
    random = np.random.default_rng(0)
    rows, classes, elements = 200_000 // divide, 100, 4_000_000 // divide
    for dtype in (np.float32, np.float64):
        labels = random.integers(classes, size=rows)
        yield Setting(cross_entropy, random.standard_normal((rows, classes), dtype=dtype), labels)
        targets = random.random(elements, dtype=dtype)
        yield Setting(binary_cross_entropy_with_logits, random.standard_normal(elements, dtype=dtype), targets)


def cross_entropy_by_hand(logits: NDArray[Any], labels: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
    """The mean loss and its gradient, softmax minus one-hot; wrong in every digit where the model is sure."""
    top = logits.max(axis=1, keepdims=True)
    gradient = np.exp(logits - top)
    total = gradient.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    value = (np.log(total[:, 0]) + top[:, 0] - logits[rows, labels]).mean()
    gradient /= total
    gradient[rows, labels] -= 1
    gradient /= len(labels)
    return value, gradient


def binary_by_hand(logits: NDArray[Any], targets: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
    """The mean loss and its gradient, sigmoid minus target."""
    tail = np.exp(-np.abs(logits))
    value = (np.maximum(logits, 0) - logits * targets + np.log1p(tail)).mean()
    gradient = np.where(logits >= 0, 1, tail) / (1 + tail)
    gradient -= targets
    gradient /= logits.size
    return value, gradient


def _by_hand(setting: Setting) -> Thunk:
    write = cross_entropy_by_hand if setting.loss is cross_entropy else binary_by_hand
    return lambda: write(setting.logits, setting.targets)


def _sklearn(threads: int) -> Callable[[Setting], Thunk]:
    def prepare(setting: Setting) -> Thunk:
        from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

        classes = setting.logits.shape[-1]
        theirs = HalfMultinomialLoss(n_classes=classes) if setting.loss is cross_entropy else HalfBinomialLoss()
        truth = setting.targets.astype(setting.logits.dtype)

        def call() -> object:
            values, gradient = theirs.loss_gradient(truth, setting.logits, n_threads=threads)
            return values.mean(), gradient

        return call

    return prepare


def _torch(setting: Setting) -> Thunk:
    import torch
    from torch.nn import functional

    binary = functional.binary_cross_entropy_with_logits
    theirs: Any = functional.cross_entropy if setting.loss is cross_entropy else binary
    logits, targets = torch.from_numpy(setting.logits.copy()).requires_grad_(), torch.from_numpy(setting.targets)

    def call() -> object:
        value = theirs(logits, targets)
        return value.detach(), torch.autograd.grad(value, logits)

    return call


def _optax(setting: Setting) -> Thunk:
    import jax
    import optax

    integer = optax.softmax_cross_entropy_with_integer_labels
    theirs: Any = integer if setting.loss is cross_entropy else optax.sigmoid_binary_cross_entropy
    with jax.enable_x64(True):
        logits, targets = jax.device_put(setting.logits), jax.device_put(setting.targets)
        compiled = jax.jit(jax.value_and_grad(lambda z, y: theirs(z, y).mean()))
        compiled(logits, targets)

    def call() -> object:
        with jax.enable_x64(True):
            return jax.block_until_ready(compiled(logits, targets))

    return call


SIDES: dict[str, Callable[[Setting], Thunk]] = {
    "by hand": _by_hand,
    "sklearn._loss, 1 thread": _sklearn(1),
    "sklearn._loss, 2 threads": _sklearn(2),
    "torch": _torch,
    "optax": _optax,
}


def rows(effort: Effort, divide: int = 1) -> Iterator[Row]:
    """A row for each loss, dtype and other side."""
    for setting in settings(divide):

        def ours(setting: Setting = setting) -> object:
            return setting.loss.value_and_grad(setting.logits, setting.targets)

        for name, prepare in SIDES.items():
            labels = (setting.loss.contract.name, str(setting.logits.shape), str(setting.logits.dtype), name)
            with as_users_have_it("torch"):
                yield Row(labels, _measure(ours, prepare, setting, effort, with_memory=name == "by hand"))


def _measure(
    ours: Thunk, prepare: Callable[[Setting], Thunk], setting: Setting, effort: Effort, with_memory: bool
) -> Comparison | NotRun:
    def peaks() -> tuple[int, int]:
        return (peak_of_numpy(ours), peak_of_numpy(prepare(setting))) if with_memory else (0, 0)

    return attempt(lambda: (ours, prepare(setting)), effort, peaks)


def _chain(x: Any) -> Any:
    for _ in range(CHAIN // 2):
        x = x * 1.000001 + 1e-9
    return x


def tape_rows(effort: Effort) -> Iterator[Row]:
    """The chain with a tape, there and back, beside the chain without."""
    x = np.ones(())
    yield Row(
        ("numpy", "x * number, x + number"), compare(lambda: value_and_grad(_chain)(x), lambda: _chain(x), effort)
    )


def tape_cells(outcome: Comparison) -> list[str]:
    """Microseconds that the tape adds to an operation and its derivative."""
    return [f"{outcome.difference / CHAIN / 1e-6:.2f} us", f"{min(outcome.theirs) / CHAIN / 1e-6:.2f} us"]


def main(small: bool = False, repeats: int = FULL.repeats) -> None:
    """Print the ratios of gradients on NumPy, and what a traced operation costs."""
    print(machine_facts(THREADS))
    effort = Effort(repeats, FULL.batch_seconds)
    heads = ("loss", "shape", "dtype", "beside", "ratio", "ours", "theirs", "peak memory")
    print_rows("value_and_grad on NumPy", heads, rows(effort, 100 if small else 1), cells)
    heads = ("backend", "operations", "added by the tape", "without")
    print_rows(f"A traced operation, forward and backward, of {CHAIN}", heads, tape_rows(effort), tape_cells)


if __name__ == "__main__":
    typer.run(main)
