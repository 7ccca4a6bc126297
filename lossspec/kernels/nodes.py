"""Nodes: the numbers of a unit, and those along a row of it; each is made once, and none that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lossspec.kernels.trace import Refused, Size, Symbols

FLOATS = ("float32", "float64")
REDUCTIONS = ("sum", "max", "min", "any", "all", "argmax", "argmin", "count_nonzero")
_MOST_NODES = 6000


@dataclass(eq=False)
class Node:
    """One number of a unit, or one number for each entry of a row of it."""

    op: str
    args: tuple[Node, ...] = ()
    dtype: str = "float32"
    row: Symbols = ()
    """The axes along which it varies, in the order of memory; none for a number."""
    detail: Any = None
    """The value of a constant, the place of an input, the size of a count."""
    level: int = field(default=0, compare=False)
    """The number of reductions that have to be finished before it, one after the other."""

    @property
    def is_float(self) -> bool:
        """Say whether it is a real number."""
        return self.dtype in FLOATS


@dataclass(frozen=True)
class Place:
    """The place of an input in memory: its number, and the distances of the next unit, the next entry and the cell.

    A distance is a number of entries: a factor, times the sizes of axes.
    """

    number: int
    unit: tuple[int, Symbols] | None
    """None for an input that all units share."""
    entry: tuple[int, Symbols]
    cell: tuple[tuple[int, Symbols], ...] = ()


class Nodes:
    """The nodes of one program, by their operations and operands."""

    def __init__(self) -> None:
        self.known: dict[Any, Node] = {}
        self.picked: dict[tuple[int, int, Symbols], Node] = {}

    def node(
        self, op: str, args: tuple[Node, ...] = (), dtype: str = "float32", detail: Any = None, row: Symbols = ()
    ) -> Node:
        """The one node of an operation and its operands."""
        for x in args:
            if x.row:
                if row and x.row != row:
                    raise Refused("rows of different axes meet in one unit")
                row = x.row
        mark = repr(detail) if isinstance(detail, float) else detail
        key = (op, tuple(id(x) for x in args), dtype, mark, row)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= _MOST_NODES:
                raise Refused("its program is too long")
            level = max((x.level for x in args), default=0)
            if op in REDUCTIONS:
                level, row = args[0].level + 1, ()
            if op == "pick":
                row = ()
            found = self.known[key] = Node(op, args, dtype, row, detail, level)
        return found

    def constant(self, value: Any, dtype: str) -> Node:
        """A number that never changes."""
        if dtype in FLOATS:
            with np.errstate(over="ignore"):
                value = float(np.dtype(dtype).type(value))
        elif dtype == "bool":
            value = bool(value)
        else:
            value = int(value)
        return self.node("constant", (), dtype, value)

    def size(self, size: Size, dtype: str) -> Node:
        """A number that follows from the size of an axis."""
        if not size.symbols:
            raise Refused("a number of it depends on the sizes of axes in a way that the kernel does not know")
        if any(symbol.startswith("unit:") for symbol in size.symbols):
            raise Refused("it depends on the number of units")
        return self.node("size", (), dtype, size)

    def cast(self, x: Node, dtype: str) -> Node:
        """A node in another dtype."""
        if x.dtype == dtype:
            return x
        if x.op == "constant":
            return self.constant(x.detail, dtype)
        if x.op == "size" and dtype in FLOATS:
            return self.node("size", (), dtype, x.detail)
        if x.is_float and dtype not in FLOATS and dtype != "bool":
            raise Refused(f"it turns real numbers into {dtype}")
        if dtype not in (*FLOATS, "bool", "int32", "int64"):
            raise Refused(f"it computes in {dtype}")
        return self.node("cast", (x,), dtype)

    def apply(self, op: str, *args: Node, dtype: str) -> Node:
        """An operation on numbers, without what changes nothing."""
        if op == "multiply":
            for one, other in (args, args[::-1]):
                if one.op == "constant" and one.detail == 1:
                    return other
        if op == "where":
            condition, a, b = args
            if condition.op == "constant":
                return a if condition.detail else b
            if a is b:
                return a
        if op in ("bitwise_and", "bitwise_or", "logical_and", "logical_or") and dtype == "bool":
            absorbing = op.endswith("or")
            for one, other in (args, args[::-1]):
                if one.op == "constant":
                    return one if one.detail is absorbing else other
        if op == "bitwise_invert" and args[0].op in ("bitwise_invert", "constant"):
            return args[0].args[0] if args[0].args else self.constant(not args[0].detail, "bool")
        return self.node(op, args, dtype)

    def pick(self, x: Node, index: Node, row: Symbols) -> Node:
        """One entry of a row; of what is computed entry by entry, what it is computed of is picked."""
        if not x.row:
            return x
        if x.row != row or index.row:
            raise Refused("an entry is taken from a part of the axes of a row")
        if x.op == "position":
            return self.cast(index, x.dtype)
        if x.op in ("input", "direction"):
            return self.node("pick", (x, index), x.dtype)
        if x.op == "row":
            return x.args[0]
        key = id(x), id(index), row  # what several steps use is picked once, not once for each way to it
        if key not in self.picked:
            args = tuple(self.pick(a, index, row) for a in x.args)
            self.picked[key] = self.node(x.op, args, x.dtype, x.detail)
        return self.picked[key]


__all__ = ["FLOATS", "REDUCTIONS", "Node", "Nodes", "Place"]
