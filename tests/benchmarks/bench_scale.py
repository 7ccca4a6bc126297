"""The throughput and the memory of a loss against the size of its data: in memory, from a file, on Dask, over ranks.

Run `python -m tests.benchmarks.bench_scale` from the root of the repository; `--sizes 1e6 --sizes 1e9` says how many
elements there are, each of which takes 8 bytes of disk, and for NumPy arrays of memory. A row is Huber's loss of
float32 arrays beside the same sums written by hand on the same engine: on NumPy arrays, on blocks of a memory-mapped
file, on the threads and on the processes of Dask, and on two ranks of torch.distributed, where value and gradient are
taken. The columns are ours / theirs, the times of both, the memory, and the elements that ours takes in a second. The
last rows are weak scaling: two processes on twice the data beside one process, and two ranks beside one; 1 is perfect.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import typer

from lossspec import huber

from . import measure
from .measure import (
    PROCESS,
    Comparison,
    Effort,
    NotRun,
    Row,
    Thunk,
    WithMemory,
    attempt,
    compare,
    machine_facts,
    peak_of_process,
    print_rows,
)

FULL = Effort(repeats=5, batch_seconds=0.0)
HEADINGS = ("elements", "engine", "ratio", "ours", "theirs", "memory", "millions / s")
CHUNKS = 16
ROWS = 1 << 20
"""The rows that are read of a file at a time, at most."""

NUMPY, TORCH = 32, 28
"""The bytes of memory that an element takes: of both inputs, and of what is computed by hand at once."""


@dataclass(frozen=True)
class Scaled(WithMemory):
    """Times and memory of so many elements."""

    elements: int


def scaled(outcome: Comparison | NotRun, elements: int) -> Comparison | NotRun:
    """An outcome that knows how many elements it is of."""
    if isinstance(outcome, NotRun):
        return outcome
    peaks = (outcome.our_peak, outcome.their_peak) if isinstance(outcome, WithMemory) else (0, 0)
    return Scaled(outcome.ours, outcome.theirs, *peaks, elements)


def cells(outcome: Comparison) -> list[str]:
    """The ratio, the times, the memory, and the elements that ours takes in a second."""
    assert isinstance(outcome, Scaled)
    return [*measure.cells(outcome), f"{outcome.elements / median(outcome.ours) / 1e6:.3g}"]


class Files:
    """Predictions and targets in two files, so that every process reads its own part."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self.paths = tuple(str(folder / f"{name}-{size}.npy") for name in ("predictions", "targets"))
        for seed, path in enumerate(self.paths):
            written = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(size,))
            random = np.random.default_rng(seed)
            for start in range(0, size, ROWS):
                count = min(ROWS, size - start)
                written[start : start + count] = 2 * random.standard_normal(count, dtype=np.float32)
            del written

    def arrays(self) -> list[np.ndarray]:
        """Both in memory."""
        return [np.load(path) for path in self.paths]

    def lazy(self, chunks: int = CHUNKS) -> list[Any]:
        """Both as dask arrays, whose tasks read the files."""
        import dask.array as da

        sizes = np.diff(np.linspace(0, self.size, chunks + 1).astype(int)).tolist()
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        cut = (tuple(sizes),)
        meta = np.empty(0, dtype=np.float32)
        return [
            da.map_blocks(read, path=path, starts=starts, chunks=cut, dtype=np.float32, meta=meta)
            for path in self.paths
        ]


def read(path: str, starts: list[int], block_info: Any = None) -> np.ndarray:
    """One chunk of a file."""
    (place,), (count,) = block_info[None]["chunk-location"], block_info[None]["chunk-shape"]
    return np.array(np.load(path, mmap_mode="r")[starts[place] : starts[place] + count])


def by_hand(xp: Any, x: Any, y: Any) -> Any:
    """The losses of the elements, as one writes them."""
    distance = abs(x - y)
    return xp.where(distance <= 1, 0.5 * distance * distance, distance - 0.5)


def in_memory(files: Files) -> tuple[Thunk, Thunk]:
    """The loss of NumPy arrays."""
    x, y = files.arrays()
    return lambda: huber(x, y), lambda: by_hand(np, x, y).mean(dtype=np.float64)


def from_file(files: Files) -> tuple[Thunk, Thunk]:
    """The loss of a file, a block at a time."""
    x, y = (np.load(path, mmap_mode="r") for path in files.paths)
    blocks = [slice(start, start + ROWS) for start in range(0, files.size, ROWS)]

    def ours() -> Any:
        return sum(huber.partial(np.asarray(x[block]), np.asarray(y[block])) for block in blocks).value()

    def theirs() -> Any:
        return sum(by_hand(np, x[block], y[block]).sum(dtype=np.float64) for block in blocks) / files.size

    return ours, theirs


def on_dask(files: Files, **scheduler: Any) -> tuple[Thunk, Thunk]:
    """The loss of dask arrays, on threads or on a cluster."""
    import dask.array as da

    x, y = files.lazy()
    ours, theirs = huber(x, y), by_hand(da, x, y).mean(dtype=np.float64)
    return lambda: ours.compute(**scheduler), lambda: theirs.compute(**scheduler)


@contextmanager
def cluster(processes: int) -> Iterator[Any]:
    """A client of so many processes of one thread on this machine."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=processes, **options) as local, Client(local) as client:
        yield client


def peak_of_workers(client: Any, function: Thunk) -> int:
    """The most bytes that the processes of a cluster hold in a call beyond what they held before, added up."""
    if not (PROCESS / "clear_refs").exists():
        return 0
    before = sum(client.run(_reset).values())
    function()
    return max(0, sum(client.run(_held, "VmHWM").values()) - before)


def _reset() -> int:
    (PROCESS / "clear_refs").write_text("5")
    return _held("VmRSS")


def _held(key: str) -> int:
    (line,) = (line for line in (PROCESS / "status").read_text().splitlines() if line.startswith(f"{key}:"))
    return 1024 * int(line.split()[1])


# Ranks of torch.distributed, each a process of its own.


def on_ranks(size: int, world: int, repeats: int) -> Comparison | NotRun:
    """The times of value and gradient over ranks, of the slowest in each repetition; each has `size` elements."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        with ProcessPoolExecutor(world, mp_context=get_context("spawn")) as pool:
            ranks = [pool.submit(one_rank, rank, world, port, size, repeats) for rank in range(world)]
            found = [rank.result() for rank in ranks]
    except ModuleNotFoundError as error:
        return NotRun(f"{error.name} is not installed")
    return Comparison(*(tuple(map(max, *sides)) if world > 1 else sides[0] for sides in zip(*found, strict=True)))


def one_rank(rank: int, world: int, port: int, size: int, repeats: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The seconds of both sides on one rank, in turn."""
    import torch
    import torch.distributed as dist

    from lossspec.integrations.torch_distributed import global_loss

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    generator = torch.Generator().manual_seed(rank)
    x = torch.randn(size, generator=generator).requires_grad_()
    y = torch.randn(size, generator=generator)

    def ours() -> None:
        x.grad = None
        global_loss(huber, x, y).backward()

    def theirs() -> None:
        x.grad = None
        total = torch.nn.functional.huber_loss(x, y, reduction="sum")
        both = torch.tensor([total.detach(), size])
        dist.all_reduce(both)
        (total * (world / both[1])).backward()

    times = compare(ours, theirs, Effort(repeats, 0.0))
    dist.barrier()
    dist.destroy_process_group()
    return times.ours, times.theirs


# The rows.


def rows(sizes: list[int], effort: Effort, with_processes: bool = True) -> Iterator[Row]:
    """Every engine at every size, then weak scaling from one process to two at the smallest."""
    with TemporaryDirectory() as folder:
        for size in sizes:
            files = Files(Path(folder), size)
            yield held(size, "NumPy arrays", NUMPY, partial(row, size, "NumPy arrays", in_memory, files, effort))
            yield row(size, "a file by blocks", from_file, files, effort)
            yield row(size, "Dask, 2 threads", lambda f: on_dask(f, scheduler="threads", num_workers=2), files, effort)
            if with_processes:
                with cluster(2) as client:
                    yield row(size, "Dask, 2 processes", on_dask, files, effort, client)
                yield held(size, "torch, 2 ranks", TORCH, partial(two_ranks, size, effort))
            for path in files.paths:
                os.unlink(path)
        if with_processes:
            yield from weak_scaling(Path(folder), sizes[0], effort)


def held(size: int, engine: str, bytes_each: int, measured: Callable[[], Row]) -> Row:
    """The row of an engine that holds all elements, or why it is not run: what does not fit ends the process."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size * bytes_each < free:
        return measured()
    reason = f"{size * bytes_each / 2**30:.0f} GiB in memory, and {free / 2**30:.0f} GiB are free"
    return Row((f"{size:.0e}", engine), NotRun(reason))


def two_ranks(size: int, effort: Effort) -> Row:
    """Two ranks with half of the elements each."""
    return Row((f"{size:.0e}", "torch, 2 ranks"), scaled(on_ranks(size // 2, 2, effort.repeats), size))


def row(
    size: int,
    engine: str,
    prepare: Callable[[Files], tuple[Thunk, Thunk]],
    files: Files,
    effort: Effort,
    client: Any = None,
) -> Row:
    """One engine at one size."""
    sides: list[Thunk] = []

    def both() -> tuple[Thunk, Thunk]:
        sides[:] = prepare(files)
        return sides[0], sides[1]

    def peaks() -> tuple[int, int]:
        ours, theirs = (peak_of_process(s) if client is None else peak_of_workers(client, s) for s in sides)
        return ours, theirs

    return Row((f"{size:.0e}", engine), scaled(attempt(both, effort, peaks), size))


def weak_scaling(folder: Path, size: int, effort: Effort) -> Iterator[Row]:
    """Two processes on twice the data beside one process on the data."""
    taken = {}
    for processes in (1, 2):
        files = Files(folder, processes * size)
        with cluster(processes):
            ours, _ = on_dask(files)
            taken[processes] = compare(ours, ours, effort).ours
    yield Row((f"{size:.0e} each", "Dask, 2 processes beside 1"), scaled(Comparison(taken[2], taken[1]), 2 * size))
    one, two = (on_ranks(size, world, effort.repeats) for world in (1, 2))
    if isinstance(one, Comparison) and isinstance(two, Comparison):
        one = Comparison(two.ours, one.ours)
    yield Row((f"{size:.0e} each", "torch, 2 ranks beside 1"), scaled(one, 2 * size))


def main(sizes: list[float] = typer.Option([1e6, 1e7, 1e8], help="numbers of elements")) -> None:  # noqa: B008
    """Print the table."""
    print(machine_facts(2))
    found = list(rows([int(size) for size in sizes], FULL))
    print_rows("Huber's loss of float32", HEADINGS, found, cells)


if __name__ == "__main__":
    typer.run(main)
