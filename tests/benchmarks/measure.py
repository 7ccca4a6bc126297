"""The measuring that the benchmarks share: two callables timed in turn, a row of a table, the facts of the machine."""

from __future__ import annotations

import gc
import os
import platform
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from ctypes import CDLL
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import isclose
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossspec import LossSpecError, binary_cross_entropy_with_logits, cross_entropy, huber, squared_error
from lossspec.dispatch import Backend
from lossspec.loss import Specified

Thunk = Callable[[], object]
Clock = Callable[[], float]

LOSSES: tuple[Specified, ...] = (squared_error, huber, cross_entropy, binary_cross_entropy_with_logits)
"""The losses that most benchmarks measure: two cheap ones, and the two that most programs call."""

SMALL = (32, 10)
"""The shape where Python costs more than arithmetic."""

THREADS = 2
"""For large arrays on Torch and scikit-learn."""

WIDTH = 132
"""Columns of the widest table."""

PACKAGES = (
    "lossspec",
    "numpy",
    "torch",
    "jax",
    "optax",
    "keras",
    "scikit-learn",
    "array-api-strict",
    "torchmetrics",
    "monai",
    "pytorch-crf",
    "pytorch-metric-learning",
)
PROCESS = Path("/proc/self")
"""The file in which Linux tells a process of its memory."""


@dataclass(frozen=True)
class Effort:
    """The length of a measurement: the number of pairs of batches, and the least time of one batch."""

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
class WithMemory(Comparison):
    """Times, and the most bytes that one call holds at a time; 0 where nothing tells."""

    our_peak: int
    their_peak: int


@dataclass(frozen=True)
class NotRun:
    """The reason for a row without numbers."""

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


def time_batch(function: Thunk, calls: int, clock: Clock = perf_counter) -> float:
    """Seconds that one of so many calls takes."""
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls


def calls_in(function: Thunk, seconds: float) -> int:
    """The number of calls that fill that time; at least one."""
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


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Within this context Torch computes with so many threads; without Torch, nothing."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def as_users_have_it(framework: str, most_threads: int = 2) -> Iterator[None]:
    """`THREADS` threads on Torch, or fewer; JAX with its defaults, whatever else this process has set."""
    with ExitStack() as stack:
        stack.enter_context(torch_threads(min(THREADS, most_threads)))
        if framework == "jax":
            import jax

            stack.enter_context(jax.enable_x64(False))
            stack.enter_context(jax.numpy_dtype_promotion("standard"))
            stack.enter_context(jax.numpy_rank_promotion("allow"))
        yield


def arrays_of(backend: Backend, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arrays on a backend; for JAX, which has no int64 by default, integers become int32."""
    if backend.name == "jax":
        arrays = {key: x.astype(np.int32) if x.dtype.kind == "i" else x for key, x in arrays.items()}
    return {key: backend.from_numpy(x) for key, x in arrays.items()}


def differentiated(
    backend: Backend, function: Callable[[dict[str, Any]], Any], given: dict[str, Any], wrt: Iterable[str]
) -> Thunk:
    """A call that gives the value and the gradient in some inputs: eager on Torch, compiled on JAX."""
    rest = {key: x for key, x in given.items() if key not in wrt}
    if backend.name == "torch":
        import torch

        leaves = {key: given[key].clone().requires_grad_() for key in wrt}

        def call() -> object:
            value = function({**leaves, **rest})
            return value.detach(), torch.autograd.grad(value, list(leaves.values()))

        return call
    import jax

    compiled = jax.jit(jax.value_and_grad(lambda chosen: function({**chosen, **rest})))
    chosen = {key: given[key] for key in wrt}
    return lambda: jax.block_until_ready(compiled(chosen))


def peak_of_numpy(function: Thunk) -> int:
    """The most bytes that a call holds at a time, as NumPy allocates them."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_of_process(function: Thunk) -> int:
    """The most bytes that this process holds in a call beyond what it held before; 0 where the system is not Linux."""
    if not (PROCESS / "clear_refs").exists():
        return 0
    function()  # what a first call alone allocates: plans, traces, compiled code, threads
    gc.collect()
    if give_back := getattr(CDLL(None), "malloc_trim", None):  # the allocator of GNU keeps what was freed
        give_back(0)
    before = _bytes_of_process("VmRSS")
    (PROCESS / "clear_refs").write_text("5")  # the high-water mark falls to what is held now
    function()
    return max(0, _bytes_of_process("VmHWM") - before)


def _bytes_of_process(key: str) -> int:
    (line,) = (line for line in (PROCESS / "status").read_text().splitlines() if line.startswith(f"{key}:"))
    return 1024 * int(line.split()[1])


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a module in a new interpreter and return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def attempt(
    prepare: Callable[[], tuple[Thunk, Thunk]], effort: Effort, peaks: Callable[[], tuple[int, int]] | None = None
) -> Comparison | NotRun:
    """The times of one row, or why there are none: a missing package, a missing feature, values that differ.

    `prepare` gives both sides; `peaks` the bytes that each holds.
    """
    try:
        ours, theirs = prepare()
        mine, other = _value(ours()), _value(theirs())
        if not isclose(mine, other, rel_tol=1e-3):
            return NotRun(f"the values differ: ours {mine:.9g}, theirs {other:.9g}")
        times = compare(ours, theirs, effort)
        return WithMemory(times.ours, times.theirs, *peaks()) if peaks else times
    except ModuleNotFoundError as error:
        return NotRun(f"{error.name} is not installed")
    except LossSpecError as error:
        return NotRun(str(error))
    except Exception as error:  # one side that fails must not take the other rows down
        return NotRun(first_line(error))


def _value(result: Any) -> float:
    """The loss, without the gradient that may come with it."""
    value = result[0] if isinstance(result, tuple) else result
    return float(value.detach() if hasattr(value, "detach") else value)


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


def cells(outcome: Comparison) -> list[str]:
    """The ratio and the median times of a row; where memory was measured, its ratio and what the other side holds."""
    shown = [f"{outcome.ratio:.2f}", *(show_seconds(median(side)) for side in (outcome.ours, outcome.theirs))]
    if isinstance(outcome, WithMemory):
        known = outcome.our_peak and outcome.their_peak
        megabytes = outcome.their_peak / 1e6
        shown.append(f"{outcome.our_peak / outcome.their_peak:.2f} of {megabytes:.3g} MB" if known else "")
    return shown


def machine_facts(threads: int | None = None) -> str:
    """The surroundings of the numbers: processor, cores, threads, versions."""
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
    """The number of processes that competed for the cores over the last minute, if the system tells."""
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
