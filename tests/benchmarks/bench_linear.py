"""Cross entropy of a linear layer beside `F.cross_entropy` of `F.linear`: forward and backward, time and peak memory.

Run `python -m tests.benchmarks.bench_linear` from the root of the repository; it takes some minutes, and 8 GB for the
other side at its 4096 rows of 1024 features and 128,000 classes. `--rows` and `--classes` make it smaller. Peak memory
is that of the process beyond the inputs, gradients included, each side in a fresh process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

import lossspec

from .measure import (
    THREADS,
    Row,
    Thunk,
    WithMemory,
    cells,
    in_fresh_process,
    peak_of_process,
    print_rows,
    time_batch,
    torch_threads,
)

HEADINGS = ("loss", "shape", "dtype", "ratio", "ours", "theirs", "peak memory")


def sides(rows: int, features: int, classes: int, dtype: str) -> tuple[Thunk, Thunk]:
    """Ours and theirs, each of which returns the gradients in the features and the weight."""
    import torch
    import torch.nn.functional as F  # noqa: N812 (as everyone calls it)

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, features, generator=generator).to(getattr(torch, dtype)).requires_grad_()
    weight = torch.randn(classes, features, generator=generator).div_(features**0.5).to(x.dtype).requires_grad_()
    labels = torch.randint(classes, (rows,), generator=generator)
    return (
        lambda: torch.autograd.grad(lossspec.linear_cross_entropy(x, weight, labels), (x, weight)),
        lambda: torch.autograd.grad(F.cross_entropy(F.linear(x, weight), labels), (x, weight)),
    )


def peak(which: int, *sizes: Any) -> int:
    """The memory that one side takes."""
    with torch_threads(THREADS):
        return peak_of_process(sides(*sizes)[which])


def rows(
    count: int = 4096, features: int = 1024, classes: int = 128_000, repeats: int = 2, with_memory: bool = True
) -> Iterator[Row]:
    """Both dtypes of the inputs."""
    for dtype in ("float32", "bfloat16"):
        sizes = count, features, classes, dtype
        with torch_threads(THREADS):
            ours, theirs = sides(*sizes)
            ours(), theirs()
            pairs = [(time_batch(ours, 1), time_batch(theirs, 1)) for _ in range(repeats)]
        mine, other = zip(*pairs, strict=True)
        del ours, theirs
        peaks = [in_fresh_process(peak, which, *sizes) if with_memory else 0 for which in (0, 1)]
        labels = ("linear_cross_entropy", " x ".join(map(str, sizes[:3])), dtype)
        yield Row(labels, WithMemory(mine, other, *peaks))


def main(rows_: int = typer.Option(4096, "--rows"), classes: int = 128_000) -> None:
    """Print the table."""
    print_rows(f"beside F.cross_entropy(F.linear), {THREADS} threads", HEADINGS, rows(rows_, classes=classes), cells)


if __name__ == "__main__":
    typer.run(main)
