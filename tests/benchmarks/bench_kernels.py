"""Compiled kernels beside the eager functions of Torch: value and gradient, on one thread or several.

Run `python -m tests.benchmarks.bench_kernels` from the root of the repository. Losses take NumPy arrays, Torch takes
tensors of the same values; both sides make their gradients anew. Times are those of the processor, so that what else
runs on the machine counts little; with `--threads 2` they are those of the clock. Beside the times stands the memory
that one call takes at its peak.

The second table is what a small call costs, on NumPy and on Torch. With `--catalogue` every loss that has a kernel is
timed beside its own array path instead, on both frameworks. `--peer NAME` gives one table of float32 beside another
library: "torch.compile" for the same functions compiled, "sklearn" for `loss_gradient` of the classes of sklearn._loss
(values and gradients of each unit, no mean), "monai" for its DiceLoss.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter, process_time
from typing import Any

import numpy as np
import typer

import lossspec
from lossspec.conformance.sampling import typical_inputs
from lossspec.kernels import disabled, set_threads
from lossspec.kernels.front import served

from .measure import (
    SMALL,
    Clock,
    Comparison,
    NotRun,
    Row,
    Thunk,
    WithMemory,
    cells,
    peak_of_process,
    print_rows,
    time_batch,
    torch_threads,
)

HEADINGS = ("loss", "shape", "dtype", "beside", "ratio", "ours", "theirs")
WITH_MEMORY = (*HEADINGS, "peak memory")


def compare(
    ours: Thunk, theirs: Thunk, repeats: int, calls: int = 1, clock: Clock = process_time, with_memory: bool = False
) -> Comparison | NotRun:
    """Both in turn; only what a kernel computes counts as ours."""
    before = served()
    ours(), theirs()
    if served() == before:
        return NotRun("no kernel computes it")
    pairs = [(time_batch(ours, calls, clock), time_batch(theirs, calls, clock)) for _ in range(repeats)]
    times: Any = map(tuple, zip(*pairs, strict=True))
    if with_memory:
        return WithMemory(*times, peak_of_process(ours), peak_of_process(theirs))
    return Comparison(*times)


def cases(dtype: str, divide: int) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any], Callable[..., Any]]]:
    """A loss, its arrays, its options, and the same in Torch."""
    import torch
    import torch.nn.functional as F  # noqa: N812 (as everyone calls it)

    random = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape).astype(dtype)

    def focal(x: Any, y: Any) -> Any:
        p = torch.sigmoid(x)
        each = F.binary_cross_entropy_with_logits(x, y, reduction="none")
        right = p * y + (1 - p) * (1 - y)
        return (each * (1 - right) ** 2 * (0.25 * y + 0.75 * (1 - y))).mean()

    def dice(p: Any, t: Any) -> Any:
        both, each = (p * t).flatten(2).sum(-1), p.flatten(2).sum(-1) + t.flatten(2).sum(-1)
        return (1 - (2 * both + 1e-5) / (each + 1e-5)).mean()

    count = 4_000_000 // divide
    x, y = normal(count), random.random(count).astype(dtype)
    yield "squared_error", (x, y), {}, F.mse_loss
    yield "huber", (x, y), {}, F.huber_loss
    yield "binary_cross_entropy_with_logits", (x, y), {}, F.binary_cross_entropy_with_logits
    yield "sigmoid_focal", (x, y), {}, focal
    for rows, classes in ((200_000, 100), (2_000_000, 10), (400, 50257)):
        units = max(rows // divide, 1)
        logits, labels = 3 * normal(units, classes), random.integers(0, classes, units)
        yield "cross_entropy", (logits, labels), {}, F.cross_entropy
    pixels = max(256 // divide, 4)
    logits, labels = 3 * normal(8, 21, pixels, pixels), random.integers(0, 21, (8, pixels, pixels))
    yield "cross_entropy", (logits, labels), {"axis": 1}, F.cross_entropy
    rows = 200_000 // divide
    p, q = np.exp(normal(rows, 100)), np.exp(normal(rows, 100))
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    yield "kl_divergence", (np.log(q), p), {}, lambda a, b: F.kl_div(a, b, reduction="batchmean")
    rows = 20_000 // divide
    one, two, three = normal(rows, 128), normal(rows, 128), normal(rows, 128)
    signs = np.where(random.random(rows) < 0.5, 1, -1)
    yield "triplet_margin", (one, two, three), {"wrt": 3}, F.triplet_margin_loss
    yield "cosine_embedding", (one, two, signs), {"wrt": 2}, F.cosine_embedding_loss
    side = max(64 // divide, 4)
    volume = random.random((16, 1, side, side, side)).astype(dtype)
    yield "dice", (volume, (volume > 0.7).astype(dtype)), {}, dice


def _ours(name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> tuple[Thunk, int]:
    """The call of a loss, and the number of inputs that it differentiates, which are the first ones."""
    loss, count = lossspec.get(name), options.pop("wrt", 1)
    wrt = tuple(a.name for a in loss.contract.inputs[:count])
    return lambda: loss.value_and_grad(*arrays, wrt=wrt, **options), count


def _theirs(function: Callable[..., Any], arrays: tuple[Any, ...], count: int) -> Thunk:
    """The call of a function of Torch, with the gradients in its first arguments."""
    import torch

    tensors = [torch.from_numpy(x) for x in arrays]
    followed = [x.requires_grad_() for x in tensors[:count]]
    return lambda: torch.autograd.grad(function(*tensors), followed)


def rows(repeats: int = 7, divide: int = 1, clock: Clock = process_time) -> Iterator[Row]:
    """All losses in both precisions."""
    for dtype in ("float32", "float64"):
        for name, arrays, options, function in cases(dtype, divide):
            ours, count = _ours(name, arrays, options)
            labels = (name, " x ".join(map(str, arrays[0].shape)), dtype, "torch")

            def by_arrays(ours: Thunk = ours) -> object:
                with disabled():
                    return ours()

            theirs = _theirs(function, arrays, count)
            yield Row(labels, compare(ours, theirs, repeats, clock=clock, with_memory=True))
            yield Row((*labels[:3], "arrays"), compare(ours, by_arrays, max(repeats // 3, 1), clock=clock))


PEERS = ("torch.compile", "sklearn", "monai")


def peer_rows(peer: str, repeats: int = 7, divide: int = 1, compiler: str = "inductor") -> Iterator[Row]:
    """The losses that another library has, in float32."""
    for name, arrays, options, function in cases("float32", divide):
        ours, count = _ours(name, arrays, options)
        labels = (name, " x ".join(map(str, arrays[0].shape)), "float32", peer)
        try:
            theirs = _by_peer(peer, name, arrays, count, function, compiler)
            if theirs is not None:
                yield Row(labels, compare(ours, theirs, repeats))
        except ModuleNotFoundError as error:
            yield Row(labels, NotRun(f"{error.name} is not installed"))


def _by_peer(
    peer: str, name: str, arrays: tuple[Any, ...], count: int, function: Callable[..., Any], compiler: str
) -> Thunk | None:
    """The call of another library; None if it has no such loss."""
    if peer == "torch.compile":
        import torch

        torch.compiler.reset()  # else the shapes of earlier rows count towards the limit of recompilations
        return _theirs(torch.compile(function, fullgraph=True, dynamic=False, backend=compiler), arrays, count)
    if peer == "monai" and name == "dice":
        from monai.losses import DiceLoss

        return _theirs(DiceLoss(), arrays, count)
    if peer == "sklearn" and arrays[0].ndim < 3:
        from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss, HalfSquaredError, HuberLoss

        known: dict[str, Callable[[], Any]] = {
            "squared_error": HalfSquaredError,
            "huber": lambda: HuberLoss(delta=1.0),
            "binary_cross_entropy_with_logits": HalfBinomialLoss,
            "cross_entropy": lambda: HalfMultinomialLoss(n_classes=arrays[0].shape[1]),
        }
        if name in known:
            other, truth = known[name](), arrays[1].astype(arrays[0].dtype)
            return lambda: other.loss_gradient(truth, arrays[0], n_threads=1)
    return None


def small_rows(repeats: int = 7, calls: int = 1000) -> Iterator[Row]:
    """The costs of a small call."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    random = np.random.default_rng(0)
    x, labels = random.standard_normal(SMALL).astype("float32"), random.integers(0, SMALL[1], SMALL[0])
    y = random.random(SMALL).astype("float32")
    for name, second, function in (
        ("squared_error", y, F.mse_loss),
        ("huber", y, F.huber_loss),
        ("binary_cross_entropy_with_logits", y, F.binary_cross_entropy_with_logits),
        ("cross_entropy", labels, F.cross_entropy),
    ):
        loss = lossspec.get(name)
        tensor, other = torch.from_numpy(x).requires_grad_(), torch.from_numpy(second)

        def theirs(function: Any = function, tensor: Any = tensor, other: Any = other) -> object:
            return torch.autograd.grad(function(tensor, other), tensor)

        def on_numpy(loss: Any = loss, second: Any = second) -> object:
            return loss.value_and_grad(x, second)

        def on_torch(loss: Any = loss, tensor: Any = tensor, other: Any = other) -> object:
            return torch.autograd.grad(loss(tensor, other), tensor)

        shape = " x ".join(map(str, SMALL))
        yield Row((name, shape, "float32", "torch, by NumPy"), compare(on_numpy, theirs, repeats, calls))
        yield Row((name, shape, "float32", "torch, by Torch"), compare(on_torch, theirs, repeats, calls))


def catalogue_rows(names: Iterable[str], framework: str, units: int = 20_000, repeats: int = 3) -> Iterator[Row]:
    """Losses beside their own array path, with the gradients in all real inputs."""
    import torch

    for name in names:
        loss = lossspec.get(name)
        inputs = typical_inputs(loss.contract, {"batch": units, "classes": 10})
        inputs = {n: x.astype("float32") if getattr(x, "dtype", None) == np.float64 else x for n, x in inputs.items()}
        wrt = [n for n, x in inputs.items() if getattr(x, "dtype", None) == np.float32]
        sizes = loss.contract.sizes  # among them windows that fit into its small images
        options = {p.name: sizes[p.name] for p in loss.contract.parameters if p.name in sizes}
        loss = loss.configured(**options) if options else loss
        labels = (name, str(units), "float32", f"arrays of {framework}")
        if loss.contract.form == "coupled" or any(isinstance(x, list) for x in inputs.values()):
            yield Row(labels, NotRun("it pairs its units, or takes lists"))
            continue

        def on_numpy(loss: Any = loss, inputs: Any = inputs, wrt: Any = wrt) -> object:
            return loss.value_and_grad(**inputs, wrt=wrt)

        tensors = {n: torch.from_numpy(x).requires_grad_(n in wrt) for n, x in inputs.items()}

        def on_torch(loss: Any = loss, tensors: Any = tensors, wrt: Any = wrt) -> object:
            return torch.autograd.grad(loss(**tensors), [tensors[n] for n in wrt], allow_unused=True)

        ours = on_numpy if framework == "numpy" else on_torch

        def by_arrays(ours: Thunk = ours) -> object:
            with disabled():
                return ours()

        yield Row(labels, compare(ours, by_arrays, repeats))


def main(catalogue: bool = False, peer: str = "", threads: int = 1) -> None:
    """Print the tables."""
    if peer not in ("", *PEERS):
        raise typer.BadParameter(f"the peers are {', '.join(PEERS)}", param_hint="--peer")
    if threads > 1:  # before Torch is loaded: its threads would look for work for some time, and hold the cores of ours
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    set_threads(threads)
    with torch_threads(threads):
        if peer:
            print_rows(f"kernels beside {peer}", HEADINGS, list(peer_rows(peer)), cells)
            return
        if catalogue:
            for framework in ("numpy", "torch"):
                found = list(catalogue_rows(lossspec.names(), framework))
                print_rows(f"kernels beside arrays of {framework}", HEADINGS, found, cells)
            return
        of_clock = threads > 1  # the processors' times of several threads add up
        title = f"kernels, ratios of {'time' if of_clock else 'processor time'}, {threads} thread{'s' * of_clock}"
        print_rows(title, WITH_MEMORY, list(rows(clock=perf_counter if of_clock else process_time)), cells)
        if not of_clock:
            print_rows("small calls", HEADINGS, list(small_rows()), cells)


if __name__ == "__main__":
    typer.run(main)
