"""The order of work within a unit: which loops run over its rows, and what one loop keeps for the next.

A reduction of a row ends a loop. What a later loop needs of an earlier one is computed again where that is cheap, and
kept in a buffer where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lossspec.kernels.nodes import REDUCTIONS, Node, Place
from lossspec.kernels.trace import Symbols

UNITS, ENTRIES = "units", "entries"
"""The two meanings of the lanes of a vector: units side by side, or entries of one row."""

_CHEAP = frozenset((
    "add", "subtract", "multiply", "negative", "where", "equal", "not_equal", "greater", "less", "greater_equal",
    "less_equal", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "logical_and", "logical_or",
    "logical_not", "abs", "cast", "maximum", "minimum", "row", "isnan", "isinf", "isfinite",
))  # fmt: skip


@dataclass(frozen=True)
class Store:
    """A result that is written for each unit, or for each entry: what, to which output, and where."""

    node: Node
    output: int
    place: Place


@dataclass
class Loop:
    """One loop over the entries of a row."""

    level: int
    row: Symbols
    reductions: list[Node] = field(default_factory=list)
    buffers: list[Node] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)


@dataclass
class Schedule:
    """All work of one unit."""

    loops: list[Loop]
    buffered: dict[Node, int]
    sums: list[Node]
    stores: list[Store]
    """Those of numbers, after all loops."""
    order: list[Node]


def make_schedule(sums: Sequence[Node], stores: Sequence[Store], gathers: bool) -> Schedule:
    """The loops for some results; where inputs have to be gathered, they are so once."""
    order = list(_walk([*sums, *(store.node for store in stores)]))
    reductions = [x for x in order if x.op in REDUCTIONS]
    of_rows = [store for store in stores if store.node.row]
    buffered: dict[Node, int] = {}
    while True:
        before = len(buffered)
        roots = [(x.args[0], x.level - 1) for x in reductions]
        roots += [(store.node, store.node.level) for store in of_rows]
        roots += [(x, x.level) for x in buffered]
        for root, level in roots:
            _keep(root, level, buffered, gathers)
        if len(buffered) == before:
            break
    loops: dict[tuple[int, Symbols], Loop] = {}

    def loop(level: int, row: Symbols) -> Loop:
        return loops.setdefault((level, row), Loop(level, row))

    for x in reductions:
        loop(x.level - 1, x.args[0].row).reductions.append(x)
    for x in order:
        if x in buffered:
            loop(x.level, x.row).buffers.append(x)
    for store in of_rows:
        loop(store.node.level, store.node.row).stores.append(store)
    ordered = [loops[key] for key in sorted(loops, key=lambda key: key[0])]
    return Schedule(ordered, buffered, list(sums), [store for store in stores if not store.node.row], order)


def _walk(roots: Iterable[Node]) -> Iterable[Node]:
    """All nodes that roots are made of, each after its operands."""
    seen: set[int] = set()
    waiting = [(root, False) for root in reversed(list(roots))]
    while waiting:
        x, ready = waiting.pop()
        if ready:
            yield x
        elif id(x) not in seen:
            seen.add(id(x))
            waiting.append((x, True))
            waiting.extend((a, False) for a in reversed(x.args))


def _keep(root: Node, level: int, buffered: dict[Node, int], gathers: bool) -> None:
    """Find what a loop needs of loops before it and cannot cheaply compute again."""
    waiting, seen = [root], set()
    while waiting:
        x = waiting.pop()
        if not x.row or id(x) in seen:
            continue
        seen.add(id(x))
        if x.level < level:
            if x in buffered:
                continue
            if not _is_cheap(x, buffered, gathers):
                buffered[x] = len(buffered)
                continue
        waiting.extend(x.args)


def _is_cheap(root: Node, buffered: dict[Node, int], gathers: bool) -> bool:
    """Say whether a node costs less than a buffer does."""
    waiting, steps = [root], 0
    while waiting:
        x = waiting.pop()
        if not x.row or x in buffered or x.op == "position":
            continue
        if x.op == "input":
            if gathers and x.detail.unit is not None:
                return False
            continue
        steps += 1
        if x.op not in _CHEAP or steps > 12:
            return False
        waiting.extend(x.args)
    return True


__all__ = ["ENTRIES", "UNITS", "Loop", "Schedule", "Store", "make_schedule"]
