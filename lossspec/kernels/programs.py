"""The unit program of calls of one kind, and the kernels of its pieces, in memory and in the cache on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lossspec.kernels import compile as compiler
from lossspec.kernels.emit import Emitter
from lossspec.kernels.hessian import diagonals
from lossspec.kernels.lower import Lowered, Lowering
from lossspec.kernels.memory import Block
from lossspec.kernels.nodes import Node, Place
from lossspec.kernels.schedule import ENTRIES, UNITS, Store, make_schedule
from lossspec.kernels.trace import Refused, Symbols, Task, trace

_EACH = Place(-1, (1, ()), (1, ()))


@dataclass(frozen=True)
class Facts:
    """All of a program that a plan asks before it makes kernels."""

    statistics: tuple[str, ...]
    """Their dtypes."""
    weighted: bool
    masked: bool
    weight_varies: bool
    """True if the weights depend on what is differentiated."""
    cotangents: int


@dataclass(frozen=True)
class Made:
    """A kernel that is ready to be called."""

    kernel: Any
    """A function of this process, or the text of a GPU."""
    symbols: Symbols
    """The axes whose sizes it takes."""
    sums: int
    buffers: int
    words: int


class Programs:
    """One program. It is recorded only where the cache on disk does not know all that is asked of it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._made: dict[Any, Made] = {}
        self.key = compiler.key_of_task(task)
        self.kept: dict[str, Any] = compiler.recall(self.key) or {"outlines": {}, "kernels": {}}
        if "refused" in self.kept:
            raise Refused(self.kept["refused"])
        if "facts" not in self.kept:
            try:
                lowered, program = self.lowered, self._program
            except Refused as why:
                self.kept["refused"] = str(why)
                compiler.remember(self.key, self.kept)
                raise
            dtypes = tuple(x.dtype for x in lowered.statistics)
            weights = lowered.weight is not None, lowered.selected is not None, program.weight_varies
            self.kept["facts"] = [dtypes, *weights, len(program.cotangents)]

    @cached_property
    def facts(self) -> Facts:
        """All that a plan asks of it."""
        statistics, *others = self.kept["facts"]
        return Facts(tuple(statistics), *others)

    @cached_property
    def _program(self) -> Any:
        return trace(self.task)

    @cached_property
    def lowered(self) -> Lowered:
        """Its nodes."""
        lowering = Lowering(self._program, self.task.wrt, self.task.whole)
        found = lowering.run()
        found.hessians = diagonals(lowering, found.hessians)
        return found

    def _piece(self, name: str) -> tuple[list[Node], list[Store]]:
        """The sums and the stores of a piece."""
        x = self.lowered
        names = [a.name for a in self.task.arguments]
        order = [names.index(name) for name in self.task.wrt]
        gradients = [Store(node, order.index(place.number), place) for node, place in x.gradients]
        weights = [node for node in (x.weight, x.selected) if node is not None]
        if name == "hessian":
            return [], gradients + [Store(node, 1, place) for node, place in x.hessians]
        if name in ("pull", "back"):
            return [], gradients
        if name == "gradient":
            return list(x.statistics), gradients
        if name == "mass":
            return weights, []
        if name == "each":
            return [], [Store(node, rank, _EACH) for rank, node in enumerate(x.statistics)]
        return [*x.statistics, *weights], []

    def outline(self, piece: str) -> tuple[list[Symbols], int]:
        """The rows that a piece runs over, and the number of its nodes."""
        known = self.kept["outlines"]
        if piece not in known:
            nodes = _all(*self._piece(piece))
            known[piece] = sorted({x.row for x in nodes if x.row}), len(nodes)
        rows, count = known[piece]
        return [tuple(row) for row in rows], count

    def made(self, piece: str, by_units: bool, lanes: int, planes: frozenset[str], per_unit: bool = False) -> Made:
        """The kernel of a piece for one way of running it; of 0 lanes for a GPU."""
        variant = (piece, by_units, lanes, tuple(sorted(planes)), per_unit)
        if variant not in self._made:
            self._made[variant] = self._find(variant, planes)
        return self._made[variant]

    def _find(self, variant: tuple[Any, ...], planes: frozenset[str]) -> Made:
        piece, by_units, lanes, _, per_unit = variant
        if of_gpu := lanes == 0:
            from lossspec.kernels import cuda  # which calls on the CPU do not load
        find = compiler.kept_text if of_gpu else compiler.kept
        kept = self.kept["kernels"].get(repr(variant))
        kernel = None if kept is None else find(kept[0])
        if kept is None or kernel is None:  # an object that is gone is made anew
            symbols = tuple(sorted({s for a in self.task.arguments for s in _symbols(a.dims)}))
            sums, stores = self._piece(piece)
            schedule = make_schedule(sums, stores, by_units and not planes)
            outputs = 1 + max((store.output for store in stores), default=-1)
            numbers = frozenset(n for n, a in enumerate(self.task.arguments) if a.name in planes)
            block = Block(symbols, self.facts.cotangents, len(self.task.arguments), outputs)
            held = {n: a.held for n, a in enumerate(self.task.arguments) if a.held}
            lanes_are, per_unit = UNITS if by_units else ENTRIES, per_unit or piece == "pull"
            text = (
                cuda.CudaEmitter(schedule, block, lanes_are, numbers, per_unit, held)
                if of_gpu
                else Emitter(schedule, block, lanes_are, lanes, numbers, per_unit, held)
            ).text()
            try:
                key = compiler.key_of(text)
                kernel = compiler.text_of(key, lambda: cuda.ptx(text)) if of_gpu else compiler.compiled(text)
            except Exception as error:  # whatever LLVM says: the array path has the right answer
                raise Refused(f"the kernel does not compile: {error}") from None
            kept = [key, symbols, len(sums), len(schedule.buffered), block.length + 1]
            self.kept["kernels"][repr(variant)] = kept
            compiler.remember(self.key, self.kept)
        _, symbols, count, buffers, words = kept
        return Made(kernel, tuple(symbols), count, buffers, words)


def _symbols(dims: tuple[Any, ...]) -> list[str]:
    """The sizes along rows that an array has."""
    return [s for dim in dims if isinstance(dim, tuple) for s in dim if not s.startswith("unit:")]


def _all(sums: list[Node], stores: list[Store]) -> list[Node]:
    """All nodes of some results."""
    waiting, seen = [*sums, *(store.node for store in stores)], {}
    while waiting:
        x = waiting.pop()
        if id(x) not in seen:
            seen[id(x)] = x
            waiting.extend(x.args)
    return list(seen.values())


__all__ = ["Facts", "Made", "Programs"]
