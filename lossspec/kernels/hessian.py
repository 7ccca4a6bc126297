"""The diagonal of a Hessian from the Hessian times a direction: the product for v = e_k at k, for all k in one pass.

Every node is followed to its value at index k for v = e_k, which is a row over k, by the operations that it has anyway,
so that it keeps their digits. Only a sum along the row needs more than its entry at k: its entries elsewhere are linear
in the sums before it, whose factors are summed over all indices but k.
"""

from __future__ import annotations

from collections.abc import Callable

from lossspec.kernels.lower import Lowering
from lossspec.kernels.nodes import Node, Place
from lossspec.kernels.trace import Refused

Factors = dict[Node | None, Node]
"""Of a row at the indices beside k: its factors by the numbers in which it is linear; under None what is in none."""


def diagonals(lowering: Lowering, products: list[tuple[Node, Place]]) -> list[tuple[Node, Place]]:
    """The diagonal for each cell of the product with a direction."""
    found = []
    for node, place in products:
        direction = lowering.directions[place]
        x = Diagonal(lowering, direction).of(node)
        if direction.row and not x.row:
            x = lowering.node("row", (x,), x.dtype, None, direction.row)
        found.append((x, place))
    return found


class Diagonal:
    """The diagonal, cell by cell, of nodes that a lowering has made."""

    def __init__(self, lowering: Lowering, direction: Node) -> None:
        self.lowering, self.direction = lowering, direction
        self.at: dict[Node, Node] = {}
        """Nodes by those that they become; one without direction stays as it is."""
        self.beside: dict[Node, Factors] = {}

    def of(self, root: Node) -> Node:
        """The value of a node at the index k of the direction e_k, for all k."""
        waiting = [root]
        while waiting:
            x = waiting[-1]
            missing = [a for a in x.args if a not in self.at]
            if missing:
                waiting += missing
            else:
                waiting.pop()
                if x not in self.at:
                    self.at[x] = self._value(x)
        return self.at[root]

    def _value(self, x: Node) -> Node:
        if x.op == "direction":
            return self.lowering.constant(int(x is self.direction), x.dtype)
        if x.op == "pick" and x.args[0].op == "direction":
            index = x.args[1]
            position = self.lowering.node("position", (), index.dtype, None, self.direction.row)
            here = self.lowering.apply("equal", position, index, dtype="bool")
            return self.lowering.cast(here, x.dtype)
        args = [self.at[a] for a in x.args]
        if all(a is b for a, b in zip(args, x.args, strict=True)):
            return x
        if x.op == "sum":
            return self._sum(x) if self.direction.row else self.lowering.reduce("sum", args[0], x.args[0].row, x.dtype)
        if x.op == "row":
            return args[0]
        if x.op == "cast":
            return self.lowering.cast(args[0], x.dtype)
        if x.row and not any(a.row for a in args):
            args[-1] = self.lowering.node("row", (args[-1],), args[-1].dtype, None, x.row)
        return self.lowering.apply(x.op, *args, dtype=x.dtype)

    def _sum(self, x: Node) -> Node:
        """A sum along the row: its entry at k, and its other entries by what they are linear in."""
        total, factors = self.at[x.args[0]], self._factors(x.args[0])
        numbers = [number for number in factors if number is not None]
        if len(numbers) > 2 and any(number.op == "sum" for number in numbers):
            # An entry that many others are taken relative to, as the score of the right candidate is: the parts of
            # their second derivatives cancel, which entry by entry they do before they are rounded.
            raise Refused("its second derivative is a sum of parts that cancel")
        for number, factor in factors.items():
            others = self._all_but_one(factor)
            if number is not None:
                others = self._apply("multiply", others, self.at[number])
            total = self._apply("add", total, others)
        return total

    def _all_but_one(self, factor: Node) -> Node:
        """The sums over all indices but one: differences, save at the largest entry, where they would lose digits."""
        make, symbols, dtype = self.lowering, self.direction.row, factor.dtype
        if not factor.row:
            factor = make.node("row", (factor,), dtype, None, symbols)
        position = make.node("position", (), "int64", None, symbols)
        largest = make.reduce("argmax", make.apply("abs", factor, dtype=dtype), symbols, "int64")
        is_largest = make.apply("equal", position, largest, dtype="bool")
        others = make.apply("where", is_largest, make.constant(0, dtype), factor, dtype=dtype)
        difference = self._apply("subtract", make.reduce("sum", factor, symbols, dtype), factor)
        return make.apply("where", is_largest, make.reduce("sum", others, symbols, dtype), difference, dtype=dtype)

    def _factors(self, x: Node) -> Factors:
        """The factors of a node that depends on the direction, at the indices beside k."""
        if x not in self.beside:
            self.beside[x] = self._linear(x)
        return self.beside[x]

    def _linear(self, x: Node) -> Factors:
        if not self._depends(x):
            return {} if x.op == "constant" and x.detail == 0 else {None: x}
        if x.op == "direction":
            return {}
        if not x.row:
            return {x: self.lowering.constant(1, x.dtype)}
        first = x.args[0]
        if x.op == "row":
            return self._factors(first)
        if x.op == "cast":
            return self._each(first, lambda factor: self.lowering.cast(factor, x.dtype))
        if x.op == "negative":
            return self._each(first, lambda factor: self._apply("negative", factor))
        if x.op in ("add", "subtract"):
            return self._joined(x.op, self._factors(first), self._factors(x.args[1]))
        if x.op == "multiply" and not all(map(self._depends, x.args)):
            of, by = x.args if self._depends(first) else x.args[::-1]
            return self._each(of, lambda factor: self._apply("multiply", factor, by))
        if x.op == "divide" and not self._depends(x.args[1]):
            return self._each(first, lambda factor: self._apply("divide", factor, x.args[1]))
        if x.op == "where" and not self._depends(first):
            zero = self.lowering.constant(0, x.dtype)

            def chosen(factor: Node, other: Node) -> Node:
                return self.lowering.apply("where", first, factor, other, dtype=x.dtype)

            yes = self._each(x.args[1], lambda factor: chosen(factor, zero))
            no = self._each(x.args[2], lambda factor: chosen(zero, factor))
            return self._joined("add", yes, no)
        raise Refused(f"its second derivative is not linear in {x.op}")

    def _depends(self, x: Node) -> bool:
        return x.op == "direction" or self.at[x] is not x

    def _each(self, x: Node, change: Callable[[Node], Node]) -> Factors:
        return {number: change(factor) for number, factor in self._factors(x).items()}

    def _joined(self, op: str, one: Factors, other: Factors) -> Factors:
        found = dict(one)
        for number, factor in other.items():
            if number in found:
                found[number] = self._apply(op, found[number], factor)
            else:
                found[number] = factor if op == "add" else self._apply("negative", factor)
        return found

    def _apply(self, op: str, *args: Node) -> Node:
        return self.lowering.apply(op, *args, dtype=args[0].dtype)


__all__ = ["Diagonal", "diagonals"]
