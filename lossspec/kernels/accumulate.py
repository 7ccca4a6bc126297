"""Reductions of rows: what each lane has seen so far, and how lanes become the number of the row.

A sum is formed in blocks, in the precision of the row, which float64 adds up.
"""

from __future__ import annotations

from math import inf

from lossspec.kernels.ir import ELEMENTS, V
from lossspec.kernels.memory import Memory
from lossspec.kernels.nodes import FLOATS, Node

BLOCK = 16
"""Vectors of a row that are summed in its own precision before float64 takes over."""


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
        self.held = emitter.variable(self.element, lanes)
        emitter.put(emitter.constant(self.neutral, self.element), self.held)
        if self.blocked:
            self.total = emitter.variable("double", lanes)
            emitter.put(emitter.constant(0.0, "double"), self.total)
        if self.op in ("argmax", "argmin"):
            self.at = emitter.variable("i64", lanes)
            emitter.put(emitter.constant(0, "i64", lanes), self.at)

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
        if mask is not None:
            x = e.select(mask, x, e.constant(self.neutral, x.element))
        best = e.get(self.held)
        if self.op in ("sum", "count_nonzero"):
            e.put(e.binary("fadd" if self.blocked else "add", best, x), self.held)
        elif self.op in ("max", "min"):
            e.put(e.call("maximum" if self.op == "max" else "minimum", best, x), self.held)
        elif self.op in ("any", "all"):
            e.put(e.binary("or" if self.op == "any" else "and", best, x), self.held)
        else:
            better = e.compare("ugt" if self.op == "argmax" else "ult", x, best)  # or one of them is NaN,
            better = e.binary("and", better, e.compare("ord", best, best))  # and it is not the best so far
            better = better if mask is None else e.binary("and", better, mask)
            e.put(e.select(better, x, best), self.held)
            e.put(e.select(better, e.splat(j, e.lanes), e.get(self.at)), self.at)

    def result(self) -> V:
        """The reduction, as the numbers of the units."""
        e = self.e
        if self.blocked:
            total = e.get(self.total)
            total = total if e.by_units else e.reduce(total, "fadd")
            return total if self.element == "double" else e.convert("fptrunc", total, "float")
        value = e.get(self.held)
        if self.op in ("argmax", "argmin"):
            at = e.get(self.at)
            if e.by_units:
                return at
            at = e.plus(at, e.steps(e.lanes))
            best = e.splat(e.reduce(value, f"llvm.{'maximum' if self.op == 'argmax' else 'minimum'}"), e.lanes)
            same = e.compare("oeq", value, best)
            same = e.binary("or", same, e.binary("and", e.compare("uno", value, value), e.compare("uno", best, best)))
            candidates = e.select(same, at, e.constant(2**62, "i64"))
            return e.reduce(candidates, "llvm.smin")
        if e.by_units:
            return value
        how = {"max": "llvm.maximum", "min": "llvm.minimum", "any": "or", "all": "and"}.get(self.op, "add")
        return e.reduce(value, how)


__all__ = ["BLOCK", "Accumulator"]
