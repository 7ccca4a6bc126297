"""Compiled recurrences beside what a user would call instead: value and gradient on one thread.

Run `python -m tests.benchmarks.bench_recurrence` from the root of the repository. Ours takes NumPy arrays ("by NumPy")
and tensors ("by Torch"); "arrays" is ours without kernels. Times are those of the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import typer

import lossspec
from lossspec.kernels import disabled, set_threads

from .bench_kernels import HEADINGS, compare
from .measure import NotRun, Row, Thunk, cells, print_rows, torch_threads

Case = tuple[str, tuple[Any, ...], tuple[str, ...], "Callable[..., Any] | str | None"]


def cases(dtype: str, divide: int) -> Iterator[Case]:
    """A loss, its arrays, the names of those to differentiate; the same in Torch, why it is missing, or None."""
    import torch
    import torch.nn.functional as F  # noqa: N812 (as everyone calls it)

    random = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape).astype(dtype)

    batch, time, classes, labels = 32, max(200 // divide, 8), 80, max(40 // divide, 3)
    frames = normal(batch, time, classes)
    frames -= np.log(np.exp(frames).sum(axis=-1, keepdims=True))
    lengths = random.integers(3 * time // 4, time + 1, batch), random.integers(labels // 2, labels + 1, batch)
    given = frames, random.integers(1, classes, (batch, labels)), *lengths

    def ctc(frames: Any, *rest: Any) -> Any:
        return F.ctc_loss(frames.transpose(0, 1), *rest, reduction="none").mean()

    yield "ctc", given, ("log_probabilities",), ctc
    yield "ctc_with_logits", given, ("logits",), lambda x, *rest: ctc(torch.log_softmax(x, -1), *rest)

    batch, time, tags = 64, max(100 // divide, 4), 32
    emissions, table, start, end = normal(batch, time, tags), normal(tags, tags), normal(tags), normal(tags)
    marks, whole = random.integers(0, tags, (batch, time)), np.full(batch, time)
    try:
        from torchcrf import CRF
    except ModuleNotFoundError:
        crf: Any = "pytorch-crf is not installed"
    else:
        model = CRF(tags, batch_first=True).to(getattr(torch, dtype))

        def crf(emissions: Any, marks: Any, _: Any, table: Any, start: Any, end: Any) -> Any:
            tables = {"transitions": table, "start_transitions": start, "end_transitions": end}
            given = emissions, marks, torch.ones_like(marks, dtype=torch.bool)
            return -torch.func.functional_call(model, tables, given, {"reduction": "mean"})

    yield "crf", (emissions, marks, whole, table, start, end), ("emissions", "transitions", "start", "end"), crf
    yield "crf_log_partition", (emissions, whole, table, start, end), ("emissions", "transitions"), None
    side = max(100 // divide, 4)
    yield "soft_dtw", (normal(16, side, side) ** 2,), ("costs",), None
    states = max(40 // divide, 3)
    logits = normal(4, max(100 // divide, 4), states + 1, 64)
    ends = np.full(4, logits.shape[1]), np.full(4, states)
    yield "rnn_transducer", (logits, random.integers(1, 64, (4, states)), *ends), ("logits",), None


def rows(repeats: int = 7, divide: int = 1) -> Iterator[Row]:
    """All losses in both precisions, on both backends."""
    import torch

    for dtype in ("float32", "float64"):
        for name, arrays, wrt, function in cases(dtype, divide):
            loss = lossspec.get(name)
            places = [loss.declared.inputs.index(n) for n in wrt]
            tensors = [torch.from_numpy(x) for x in arrays]
            followed = [tensors[n].requires_grad_() for n in places]

            def by_numpy(loss: Any = loss, arrays: Any = arrays, wrt: Any = wrt) -> object:
                return loss.value_and_grad(*arrays, wrt=wrt)

            def by_torch(loss: Any = loss, tensors: Any = tensors, followed: Any = followed) -> object:
                return torch.autograd.grad(loss(*tensors), followed)

            def by_arrays(by_numpy: Thunk = by_numpy) -> object:
                with disabled():
                    return by_numpy()

            labels = (name, " x ".join(map(str, arrays[0].shape)), dtype)

            def theirs(function: Any = function, tensors: Any = tensors, followed: Any = followed) -> object:
                return torch.autograd.grad(function(*tensors), followed)

            peers = ((by_numpy, "NumPy"), (by_torch, "Torch")) if function is not None else ()
            for ours, how in peers:
                missing = isinstance(function, str)
                outcome = NotRun(function) if missing else compare(ours, theirs, repeats)
                yield Row((*labels, f"torch, by {how}"), outcome)
            yield Row((*labels, "arrays"), compare(by_numpy, by_arrays, max(repeats // 3, 1)))


def main() -> None:
    """Print the table."""
    set_threads(1)
    with torch_threads(1):
        print_rows("recurrences, ratios of processor time", HEADINGS, list(rows()), cells)


if __name__ == "__main__":
    typer.run(main)
