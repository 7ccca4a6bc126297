"""From the steps on arrays to nodes: numbers of a unit, and numbers along a row of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lossspec.autodiff.tape import Value
from lossspec.kernels import vmath
from lossspec.kernels.cells import Val, is_unit
from lossspec.kernels.functions import ELEMENTWISE, Functions
from lossspec.kernels.moves import Moves
from lossspec.kernels.nodes import FLOATS, REDUCTIONS, Node, Place
from lossspec.kernels.trace import Dim, Item, Refused, Symbols, UnitProgram


@dataclass
class Lowered:
    """All that a kernel computes."""

    statistics: list[Node]
    weight: Node | None
    selected: Node | None
    gradients: list[tuple[Node, Place]]
    hessians: list[tuple[Node, Place]]
    """The product of the Hessian and the direction, of which `hessian.diagonals` makes the diagonal."""
    order: list[Node] = field(default_factory=list)


class Lowering(Functions, Moves):
    """The nodes of one unit program."""

    def __init__(self, program: UnitProgram, wrt: Sequence[str], whole: bool = False) -> None:
        super().__init__()
        self.program = program
        self.whole = whole
        """True if the whole call is one unit."""
        self.wrt = tuple(wrt)
        self.places: dict[str, tuple[int, tuple[Dim, ...]]] = {}
        self.directions: dict[Place, Node] = {}

    def run(self) -> Lowered:
        """The nodes of all outputs."""
        outputs = self.program.outputs
        needed = self._needed()
        self._inputs()
        for item in self.program.items:
            if item.output in needed:
                self.values[item.output] = self._item(item)
        statistics = [self._number(x) for x in outputs.statistics]
        floats = {argument.dtype for argument in self.program.arguments if argument.dtype in FLOATS}
        for node in statistics:
            if node.dtype not in floats:
                raise Refused(f"its value is of dtype {node.dtype}, which none of its inputs has")
        gradients, hessians = [], []
        for name, result in zip(self.wrt, outputs.gradients, strict=False):
            gradients += self._cells_of(name, result)
        if outputs.hessian is not None:
            hessians = self._cells_of(self.wrt[0], outputs.hessian)
        weight = None if outputs.weight is None else self._number(outputs.weight)
        selected = None if outputs.selected is None else self._number(outputs.selected)
        return Lowered(statistics, weight, selected, gradients, hessians)

    def _needed(self) -> set[int]:
        """The values that outputs are made of, without those of which only the shape is used."""
        outputs = self.program.outputs
        results = [*outputs.statistics, outputs.weight, outputs.selected, *outputs.gradients, outputs.hessian]
        needed = {x.index for x in results if type(x) is Value}
        for item in reversed(self.program.items):
            if item.output in needed:
                needed |= {x.index for x in _values(_operands(item))}
        return needed

    def _inputs(self) -> None:
        """The arrays of the call, and the cotangents of the statistics."""
        for number, argument in enumerate(self.program.arguments):
            dims = self.program.dims[number]
            self.places[argument.name] = (number, dims)
            if argument.dtype not in ("float32", "float64", "bool", "int8", "uint8", "int16", "int32", "int64"):
                raise Refused(f"`{argument.name}` is of dtype {argument.dtype}")
            row = tuple(s for dim in dims if isinstance(dim, tuple) and not is_unit(dim) for s in dim)
            cells = self._new(dims)
            for index in np.ndindex(cells.shape):
                place = self.place(argument.name, index)
                cells[index] = self.node("input", (), argument.dtype, place, row)
            self.values[number] = Val(dims, cells, argument.dtype)
        if self.program.direction is not None:
            self._direct(self.wrt[0], self.program.direction)
        for rank, number in enumerate(self.program.cotangents):
            dims, dtype = self.program.dims[number], self.program.dtypes[number]
            if not all(dim == 1 or is_unit(dim) for dim in dims):
                raise Refused("its statistics have axes of their own")
            cells = self._new(dims)
            cells[(0,) * len(dims)] = self.node("cotangent", (), dtype, rank)
            self.values[number] = Val(dims, cells, dtype)

    def _direct(self, name: str, number: int) -> None:
        """The direction in the space of an input: a node for each of its cells, of which no result is made."""
        _, dims = self.places[name]
        beyond = [dim for dim in dims if not is_unit(dim)]
        if len(beyond) > 1:
            raise Refused(f"a unit has {len(beyond)} axes of `{name}`")
        row = tuple(s for dim in beyond if isinstance(dim, tuple) for s in dim)
        cells = self._new(dims)
        dtype = self.program.dtypes[number]
        for index in np.ndindex(cells.shape):
            place = self.place(name, index)
            cells[index] = self.directions[place] = self.node("direction", (), dtype, place, row)
        self.values[number] = Val(dims, cells, dtype)

    def place(self, name: str, cell: tuple[int, ...]) -> Place:
        """The place of one cell of an input."""
        number, dims = self.places[name]
        seen_row = False
        for dim in dims:
            if isinstance(dim, tuple):
                if is_unit(dim) and seen_row:
                    raise Refused(f"the units of `{name}` are not its leading axes")
                seen_row = seen_row or not is_unit(dim)
        distance: tuple[int, Symbols] = (1, ())
        unit = entry = None
        at = []
        for axis in range(len(dims) - 1, -1, -1):
            dim = dims[axis]
            if isinstance(dim, int):
                if cell[axis]:
                    at.append((distance[0] * cell[axis], distance[1]))
                distance = (distance[0] * dim, distance[1])
                continue
            if is_unit(dim):
                unit = unit or distance
            elif entry is None:
                entry = distance
            elif not _adjoin(dims, axis):
                raise Refused(f"the rows of `{name}` are not in one piece")
            distance = (distance[0], (*dim, *distance[1]))
        return Place(number, unit, entry or (1, ()), tuple(at))

    def _number(self, result: Any) -> Node:
        """The one number that a result has for each unit."""
        value = self._array(result)
        if value.cells.size != 1 or not all(dim == 1 or is_unit(dim) for dim in value.dims):
            raise Refused("its statistics have axes of their own")
        found: Node = value.cells.reshape(-1)[0]
        if found.row:
            raise Refused("its statistics have axes of their own")
        return found

    def _cells_of(self, name: str, result: Any) -> list[tuple[Node, Place]]:
        """The gradient of an input with where its entries go."""
        value, (number, dims) = self._array(result), self.places[name]
        if not self.whole and not any(is_unit(dim) for dim in dims):
            raise Refused(f"the units share `{name}`, whose gradient is a sum over all of them")
        full = self._new(dims)
        if any(one != other and one != 1 for one, other in zip(value.dims, dims, strict=True)):
            raise Refused(f"the gradient of `{name}` has other axes")
        full[...] = np.broadcast_to(value.cells, full.shape)
        cells = []
        for index in np.ndindex(full.shape):
            place = self.place(name, index)
            row = tuple(s for dim in dims if isinstance(dim, tuple) and not is_unit(dim) for s in dim)
            node = full[index]
            if node.dtype != self.program.arguments[number].dtype:  # whose results would not fit into an array of that
                raise Refused(f"the gradient of `{name}` is of dtype {node.dtype}")
            if node.row and node.row != row:
                raise Refused(f"the gradient of `{name}` has other axes")
            cells.append((self.node("row", (node,), node.dtype, None, row) if row and not node.row else node, place))
        return cells

    def _item(self, item: Item) -> Val:
        """The value of one step."""
        dims, dtype = self.program.dims[item.output], self.program.dtypes[item.output]
        if dtype not in ("float32", "float64", "bool", "int8", "uint8", "int16", "int32", "int64"):
            raise Refused(f"it computes in {dtype}")
        how: Callable[[Item, tuple[Dim, ...], str], Val] | None = getattr(
            self, f"_{item.function.replace('.', '_')}", None
        )
        if item.function in ELEMENTWISE or item.function in vmath.FUNCTIONS:
            return self._elementwise(item, dtype)
        if item.function in REDUCTIONS or item.function == "mean":
            return self._reduction(item, dims, dtype)
        if item.function in ("ones_like", "zeros_like", "full_like"):
            value = {"ones_like": 1, "zeros_like": 0}.get(item.function)
            filled = self._array(item.operands[1] if value is None else value, dtype)
            return self._fill(filled, dims, dtype)
        if how is None:
            raise Refused(f"no kernel has {item.function}")
        return how(item, dims, dtype)

    def _vecdot(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        both = self._elementwise(Item("multiply", item.operands[:2], {}, item.output), dtype)
        self.values[-1] = both
        return self._reduction(
            Item("sum", (Value(-1),), {"axis": item.keywords.get("axis", -1)}, item.output), dims, dtype
        )


def _operands(item: Item) -> Iterable[Any]:
    """The operands whose values are used."""
    if item.function in ("ones_like", "zeros_like"):
        return ()
    return item.operands[1:] if item.function == "full_like" else item.operands


def _values(operands: Iterable[Any]) -> Iterable[Value]:
    for x in operands:
        if type(x) is Value:
            yield x
        elif isinstance(x, tuple):
            yield from _values(x)


def _adjoin(dims: tuple[Dim, ...], axis: int) -> bool:
    """Say whether only axes of size 1 lie between an axis of a row and the next one."""
    for dim in dims[axis + 1 :]:
        if isinstance(dim, tuple):
            return True
        if dim != 1:
            return False
    return True


__all__ = ["Lowered", "Lowering"]
