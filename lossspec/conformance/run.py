"""All cells of a check, a loss at a time, on as many processes as are asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context

from lossspec.conformance.isolated import run_isolated
from lossspec.conformance.matrix import Cell, Job, plan, run_cell
from lossspec.conformance.store import Store, solve_all
from lossspec.conformance.vectors import DTYPES
from lossspec.errors import LossSpecError
from lossspec.loss import Loss
from lossspec.registry import get

FEW = 4
"""Fewer losses than this are checked in one process: another takes a second to start."""


@dataclass(frozen=True)
class Check:
    """The cells to fill and how; names only, so that it travels to another process."""

    losses: Sequence[str]
    backends: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    devices: Sequence[str] = ()
    thorough: bool = False
    quick: bool = False
    recompute: bool = False
    modules: Sequence[str] = ()
    """Modules with losses of one's own, which every process imports."""
    isolated: bool = False
    """True if each cell has a process of its own, so that a framework that crashes costs one."""

    def jobs(self, loss: Loss) -> list[Job]:
        """The cells of one loss."""
        return plan([loss], self.backends, self.dtypes, self.devices, self.quick)

    def run(self, job: Job, store: Store) -> Cell:
        """Fill one cell."""
        if self.isolated:
            return run_isolated(job, self.thorough, self.quick, self.modules)
        return run_cell(job, store, self.thorough, self.quick)


@dataclass(frozen=True)
class Progress:
    """A step of a check: what it is about, and what is new since the last one."""

    doing: str
    done: int
    total: int
    cells: Sequence[Cell] = ()
    kept: str = ""
    """The sentence that says which results of the oracle are new, and where they are kept."""


def processes(asked: str) -> int:
    """The number of processes that `-j` asks for; "auto" is one for each core that this process may use.

    >>> processes("3")
    3
    """
    if asked == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) == 0:
        raise LossSpecError(f"-j {asked}: pass a number of processes, or 'auto' for one a core")
    return int(asked)


def fill(check: Check, jobs: int = 1) -> Iterator[Progress]:
    """Fill all cells, those of a loss together; in one process where another would not pay."""
    if jobs == 1 or len(check.losses) < FEW or check.recompute:
        yield from fill_here(check)
    else:
        yield from fill_in_processes(check, min(jobs, len(check.losses)))


def fill_here(check: Check) -> Iterator[Progress]:
    """First what the oracle has to be asked, of all losses, then the cells one by one."""
    store, losses = Store(check.recompute), [get(name) for name in check.losses]
    if not check.quick:
        for done, total in solve_all(store, losses, check.dtypes or list(DTYPES)):
            yield Progress("oracle", done, total)
    work = [job for loss in losses for job in check.jobs(loss)]
    for done, job in enumerate(work):
        doing = f"{job.loss.contract.name} on {job.column} {job.dtype}"
        yield Progress(doing, done, len(work))
        yield Progress(doing, done + 1, len(work), [check.run(job, store)])
    for loss in [] if check.quick else losses:
        yield Progress("oracle", len(work), len(work), kept=store.keep(loss))


def fill_in_processes(check: Check, jobs: int) -> Iterator[Progress]:
    """The same, a loss a task, as they end; the processes are new, for a forked one shares locks and threads."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), import_modules, (check.modules,)) as pool:
        try:
            tasks = {pool.submit(fill_loss, check, name): name for name in check.losses}
            for done, task in enumerate(as_completed(tasks), 1):
                cells, kept = task.result()
                yield Progress(tasks[task], done, len(tasks), cells, kept)
        except BrokenProcessPool:
            raise LossSpecError(
                "a process of the check ended before its loss was done. Fix: pass -j 1, to see which"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def fill_loss(check: Check, name: str) -> tuple[list[Cell], str]:
    """The cells of one loss, and which new results of the oracle are kept where."""
    store, loss = Store(check.recompute), get(name)
    if not check.quick:
        for _ in solve_all(store, [loss], check.dtypes or list(DTYPES)):
            pass
    cells = [check.run(job, store) for job in check.jobs(loss)]
    return cells, "" if check.quick else store.keep(loss)


def import_modules(modules: Sequence[str]) -> None:
    """Import modules, also those of the current folder, as for `python -m`."""
    if modules and "" not in sys.path:
        sys.path.insert(0, "")
    for module in modules:
        import_module(module)
