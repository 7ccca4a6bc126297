"""Reductions of rows: what each lane has seen so far, and how lanes become the number of the row.

A sum is formed in blocks, in the precision of the row, which float64 adds up.
"""

from __future__ import annotations

from math import inf, nan

from lossspec.kernels.ir import BYTES, ELEMENTS, KEYS, V, Writer
from lossspec.kernels.memory import Memory
from lossspec.kernels.nodes import FLOATS, Node

BLOCK = 16
"""Vectors of a row that are summed in its own precision before float64 takes over."""

_FURTHER = {"max": "ogt", "min": "olt"}


class Extreme:
    """The largest or smallest number that each lane has seen, or NaN.

    NaN is counted beside the numbers: a comparison that knows of it makes the next number wait four times as long.
    """

    def __init__(self, emitter: Writer, op: str, element: str, lanes: int) -> None:
        self.e, self.comparison = emitter, _FURTHER[op]
        self.held, self.has_nan = emitter.variable(element, lanes), emitter.variable("i1", lanes)
        emitter.put(emitter.constant(-inf if op == "max" else inf, element), self.held)
        emitter.put(emitter.constant(0, "i1"), self.has_nan)

    def add(self, x: V) -> None:
        """Take numbers."""
        e = self.e
        e.put(e.joined(self.comparison, x, e.get(self.held)), self.held)
        e.put(e.binary("or", e.get(self.has_nan), e.compare("uno", x, x)), self.has_nan)

    def of_lanes(self) -> V:
        """That of each lane."""
        return self._with_nan(self.e.get(self.held), self.e.get(self.has_nan))

    def of_all(self) -> V:
        """That of all lanes."""
        best = self.e.reduce(self.e.get(self.held), self.comparison)
        return self._with_nan(best, self.e.any_of(self.e.get(self.has_nan)))

    def _with_nan(self, best: V, has_nan: V) -> V:
        return self.e.select(has_nan, self.e.constant(nan, best.element), best)


class Accumulator:
    """A reduction of a row on its way."""

    def __init__(self, emitter: Memory, node: Node) -> None:
        self.e, self.node, self.op = emitter, node, node.op
        lanes = emitter.lanes
        self.element = ELEMENTS[node.args[0].dtype]
        self.blocked = self.op == "sum" and node.dtype in FLOATS
        if self.op == "sum":
            self.neutral: float = 0
        elif self.op in ("max", "argmax"):
            self.neutral = -inf
        elif self.op in ("min", "argmin"):
            self.neutral = inf
        else:
            self.neutral = int(self.op == "all")
        if self.op == "count_nonzero":
            self.element = "i64"
        self.finds_place = self.op in ("argmax", "argmin")
        if self.finds_place:
            self.element = KEYS[self.element]
            self.neutral = -(2 ** (8 * BYTES[self.element] - 1))
        self.extreme = Extreme(emitter, self.op, self.element, lanes) if self.op in _FURTHER else None
        if self.extreme is not None:
            self.held = self.extreme.held
        else:
            self.held = emitter.variable(self.element, lanes)
            emitter.put(emitter.constant(self.neutral, self.element), self.held)
        if self.blocked:
            self.total = emitter.variable("double", lanes)
            emitter.put(emitter.constant(0.0, "double"), self.total)
        if self.finds_place:
            self.at = emitter.variable("i32", lanes)
            emitter.put(emitter.constant(0, "i32", lanes), self.at)

    def start(self) -> None:
        """Begin a block."""
        if self.blocked:
            self.e.put(self.e.constant(0.0, self.element), self.held)

    def flush(self) -> None:
        """End a block."""
        if self.blocked:
            value = self.e.get(self.held)
            value = value if self.element == "double" else self.e.convert("fpext", value, "double")
            self.e.put(self.e.binary("fadd", self.e.get(self.total), value), self.total)

    def add(self, x: V, j: V, mask: V | None) -> None:
        """Take the entries of a step."""
        e = self.e
        if self.op == "count_nonzero":
            x = e.convert("zext", x, "i64")
        if self.finds_place:
            x = e.key(x if self.op == "argmax" else e.write(f"fneg {x.type} {x.text}", x.element, x.lanes))
        if mask is not None:
            x = e.select(mask, x, e.constant(self.neutral, x.element))
        best = e.get(self.held)
        if self.op in ("sum", "count_nonzero"):
            e.put(e.binary("fadd" if self.blocked else "add", best, x), self.held)
        elif self.extreme is not None:
            self.extreme.add(x)
        elif self.op in ("any", "all"):
            e.put(e.binary("or" if self.op == "any" else "and", best, x), self.held)
        else:
            better = e.compare("sgt", x, best)
            e.put(e.call("smax", x, best), self.held)
            here = e.convert("trunc", j, "i32")
            e.put(e.select(better, e.splat(here, e.lanes), e.get(self.at)), self.at)

    def result(self) -> V:
        """The reduction, as the numbers of the units."""
        e = self.e
        if self.blocked:
            total = e.get(self.total)
            total = total if e.by_units else e.reduce(total, "fadd")
            return total if self.element == "double" else e.convert("fptrunc", total, "float")
        value = e.get(self.held)
        if self.finds_place:
            at = e.get(self.at)
            if e.by_units:
                return e.convert("zext", at, "i64")
            at = e.plus(at, e.steps(e.lanes, "i32"))
            best = e.splat(e.reduce(value, "llvm.smax"), e.lanes)
            candidates = e.select(e.compare("eq", value, best), at, e.constant(2**31 - 1, "i32"))
            return e.convert("zext", e.reduce(candidates, "llvm.smin"), "i64")
        if self.extreme is not None:
            return self.extreme.of_lanes() if e.by_units else self.extreme.of_all()
        if e.by_units:
            return value
        return e.reduce(value, {"any": "or", "all": "and"}.get(self.op, "add"))


__all__ = ["BLOCK", "Accumulator", "Extreme"]
