"""The diagonal of a Hessian from the Hessian times a direction, by what is linear in the direction.

Of H v, recorded for any direction v, entry k of the diagonal is the entry k for v = e_k. Every node that depends on v is
linear in it: a row is a[j] v[j] plus sums over v times other rows, and such a sum, for e_k, is the factor of v[k] in it.
So all of the diagonal takes as many passes as the gradient does, not one for each entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lossspec.kernels.trace import Refused

if TYPE_CHECKING:
    from lossspec.kernels.lower import Lowering, Node


@dataclass(frozen=True, eq=False)
class _Sum:
    """A number that is a sum over an entry of the direction at each index, times a factor."""

    direction: Node
    factors: Node


@dataclass(frozen=True)
class _Linear:
    """A node as the sum of factors times entries of the direction at the same index, and of factors times sums."""

    own: dict[Node | None, Node]
    """Factors by cells of the direction; under None what has none in it, which is 0 or the NaN of a unit."""
    sums: dict[_Sum, Node]


class Diagonal:
    """The diagonal, cell by cell, of nodes that a lowering has made."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.known: dict[Node, _Linear | None] = {}

    def of(self, node: Node, direction: Node) -> Node:
        """The factor of one cell of the direction in the same cell of the product."""
        linear = self._linear(node)
        terms = []
        if linear is not None:
            terms = [linear.own[key] for key in (direction, None) if key in linear.own]
            terms += [self._times(b, s.factors) for s, b in linear.sums.items() if s.direction is direction]
        total = terms[0] if terms else self.lowering.constant(0, node.dtype)
        for term in terms[1:]:
            total = self._plus(total, term)
        return total

    def _linear(self, root: Node) -> _Linear | None:
        """The parts of a node, or None if the direction is not in it."""
        waiting = [root]
        while waiting:
            x = waiting[-1]
            missing = [a for a in x.args if a not in self.known]
            if missing:
                waiting += missing
            else:
                waiting.pop()
                if x not in self.known:
                    self.known[x] = self._parts(x)
        return self.known[root]

    def _parts(self, x: Node) -> _Linear | None:
        if x.op == "direction":
            return _Linear({x: self.lowering.constant(1, x.dtype)}, {})
        if x.op == "pick" and x.args[0].op == "direction":
            return self._picked(x)
        parts = [self.known[a] for a in x.args]
        if all(part is None for part in parts):
            return None
        if x.op == "sum":
            return self._summed(x)
        first, *others = parts
        if x.op in ("row", "negative", "cast"):
            assert first is not None
            return self._each(first, lambda factor: self._same(x, factor))
        if x.op in ("add", "subtract"):
            return self._added(x, parts)
        if x.op == "multiply" and None in parts:
            of, by = (first, x.args[1]) if first is not None else (others[0], x.args[0])
            assert of is not None
            return self._each(of, lambda factor: self._times(factor, by))
        if x.op == "divide" and first is not None and others == [None]:
            return self._each(first, lambda factor: self.lowering.apply("divide", factor, x.args[1], dtype=x.dtype))
        if x.op == "where" and first is None:
            return self._chosen(x)
        raise Refused(f"the second derivative of it is not linear in {x.op}")

    def _picked(self, x: Node) -> _Linear:
        """An entry of the direction: the sum whose factor is 1 at its index."""
        direction, index = x.args
        position = self.lowering.node("position", (), index.dtype, None, direction.row)
        here = self.lowering.apply("equal", position, index, dtype="bool")
        one, zero = (self.lowering.constant(n, x.dtype) for n in (1, 0))
        factors = self.lowering.apply("where", here, one, zero, dtype=x.dtype)
        return _Linear({}, {_Sum(direction, factors): one})

    def _summed(self, x: Node) -> _Linear:
        """A sum along a row, of which what the direction has at each index becomes one."""
        (row,) = x.args
        linear = self.known[row]
        assert linear is not None
        one = self.lowering.constant(1, x.dtype)
        found = _Linear({}, {s: self._reduced(b, row) for s, b in linear.sums.items()})
        for direction, factors in linear.own.items():
            if direction is not None and direction.row:
                found.sums[_Sum(direction, factors)] = one
            else:
                found.own[direction] = self._reduced(factors, row)
        return found

    def _reduced(self, x: Node, row: Node) -> Node:
        return self.lowering.reduce("sum", x, row.row, row.dtype)

    def _added(self, x: Node, parts: list[_Linear | None]) -> _Linear:
        found = _Linear({}, {})
        for number, part in enumerate(parts):
            part = part or self._without(x.args[number])
            if number and x.op == "subtract":
                part = self._each(part, lambda factor: self.lowering.apply("negative", factor, dtype=factor.dtype))
            self._take(found, part)
        return found

    def _take(self, found: _Linear, part: _Linear) -> None:
        """Add a part to what is found."""
        for direction, factor in part.own.items():
            known = found.own.get(direction)
            found.own[direction] = factor if known is None else self._plus(known, factor)
        for s, factor in part.sums.items():
            before = found.sums.get(s)
            found.sums[s] = factor if before is None else self._plus(before, factor)

    def _chosen(self, x: Node) -> _Linear:
        """One part where a condition holds, another elsewhere; what has no direction in it is 0."""
        condition, *branches = x.args
        zero = self.lowering.constant(0, x.dtype)
        found = _Linear({}, {})
        for number, branch in enumerate(branches):
            part = self.known[branch] or self._without(branch)

            def only(factor: Node, number: int = number) -> Node:
                pair = (zero, factor) if number else (factor, zero)
                return self.lowering.apply("where", condition, *pair, dtype=x.dtype)

            self._take(found, self._each(part, only))
        return found

    def _without(self, x: Node) -> _Linear:
        """A node that has no direction in it."""
        is_zero = x.op == "constant" and x.detail == 0
        return _Linear({} if is_zero else {None: x}, {})

    def _same(self, x: Node, factor: Node) -> Node:
        """The operation of a node on a factor."""
        if x.op == "row":
            return factor
        if x.op == "cast":
            return self.lowering.cast(factor, x.dtype)
        return self.lowering.apply(x.op, factor, dtype=x.dtype)

    def _each(self, linear: _Linear, change: Callable[[Node], Node]) -> _Linear:
        return _Linear(
            {direction: change(factor) for direction, factor in linear.own.items()},
            {s: change(factor) for s, factor in linear.sums.items()},
        )

    def _plus(self, a: Node, b: Node) -> Node:
        return self.lowering.apply("add", a, b, dtype=a.dtype)

    def _times(self, a: Node, b: Node) -> Node:
        return self.lowering.apply("multiply", a, b, dtype=a.dtype)


__all__ = ["Diagonal"]
