"""Chunks of work on threads: which thread takes a chunk changes no result, so that any number gives the same bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise

from lossspec.errors import ContractError

LEAST_WORK = 1 << 18
"""Entries that a thread is worth being woken for."""

_count: int | None = None
_pool: ThreadPoolExecutor | None = None
_process = -1


def set_threads(count: int | None) -> None:
    """Use so many threads for large arrays; None for as many as this process may use. No result depends on it.

    >>> import lossspec.kernels
    >>> lossspec.kernels.set_threads(1)
    >>> lossspec.kernels.set_threads(None)
    """
    global _count, _pool
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ContractError(f"set_threads: `count` is {count!r}; it is a whole number from 1 on, or None")
    _count, _pool = count, None


def threads() -> int:
    """The number of threads for large arrays."""
    if _count is not None:
        return _count
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[int, int], None], chunks: int, entries: int) -> None:
    """Run `work(first, last)` over all chunks, of so many entries together."""
    global _pool, _process
    count = min(threads(), chunks, max(1, entries // LEAST_WORK))
    if count == 1:
        work(0, chunks)
        return
    if _pool is None or _process != os.getpid():  # threads do not survive a fork
        _pool, _process = ThreadPoolExecutor(max(threads() - 1, 1), "lossspec-kernel"), os.getpid()
    cuts = [chunks * k // count for k in range(count + 1)]
    waiting: list[Future[None]] = []
    try:
        for first, last in pairwise(cuts[1:]):
            waiting.append(_pool.submit(work, first, last))
        work(0, cuts[1])
    finally:
        _finish(waiting)


def _finish(waiting: Sequence[Future[None]]) -> None:
    """Wait for tasks, whatever interrupts. One that a signal makes us lose keeps alive what it writes to."""
    interrupted: BaseException | None = None
    for task in waiting:
        while not task.done():
            try:
                wait([task])
            except BaseException as signal:  # what a handler raises
                interrupted = signal
    if interrupted is not None:
        raise interrupted
    for task in waiting:
        task.result()


__all__ = ["LEAST_WORK", "set_threads", "spread", "threads"]
