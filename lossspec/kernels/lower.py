"""From the steps on arrays to nodes: numbers of a unit, and numbers along a row of it.

An array of the program becomes an object array of nodes, one for each entry of its axes of fixed size; the axes of the
units and of rows have size 1 there. So slices, concatenations and sums along a fixed axis (the four numbers of a box)
are what NumPy makes of object arrays, and cost nothing at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from lossspec.autodiff.tape import Value
from lossspec.kernels import vmath
from lossspec.kernels.trace import Constant, Dim, Item, Refused, Size, Symbols, UnitProgram

FLOATS = ("float32", "float64")
REDUCTIONS = ("sum", "max", "min", "any", "all", "argmax", "argmin", "count_nonzero")
_MOST_NODES = 6000
_MOST_CELLS = 64


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


@dataclass
class Val:
    """An array of the program."""

    dims: tuple[Dim, ...]
    cells: Any
    dtype: str


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


def is_unit(dim: Dim) -> bool:
    """Say whether an axis is one of units."""
    return isinstance(dim, tuple) and dim[0].startswith("unit:")


class Lowering:
    """The nodes of one unit program."""

    def __init__(self, program: UnitProgram, wrt: Sequence[str], whole: bool = False) -> None:
        self.program = program
        self.whole = whole
        """True if the whole call is one unit."""
        self.wrt = tuple(wrt)
        self.known: dict[Any, Node] = {}
        self.values: dict[int, Val] = {}
        self.places: dict[str, tuple[int, tuple[Dim, ...]]] = {}
        self.directions: dict[Place, Node] = {}

    # Nodes.

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

    # Arrays.

    def run(self) -> Lowered:
        """The nodes of all outputs."""
        outputs = self.program.outputs
        needed = self._needed()
        self._inputs()
        for item in self.program.items:
            if item.output in needed:
                self.values[item.output] = self._item(item)
        statistics = [self._number(x) for x in outputs.statistics]
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

    def _new(self, dims: Iterable[Dim]) -> Any:
        """An empty array of cells."""
        shape = tuple(dim if isinstance(dim, int) else 1 for dim in dims)
        if 0 in shape:
            raise Refused("an axis has size 0")
        if prod(shape) > _MOST_CELLS:
            raise Refused("an axis of fixed size is too long to be spelt out")
        return np.empty(shape, dtype=object)

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
        value, (_, dims) = self._array(result), self.places[name]
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
            if node.row and node.row != row:
                raise Refused(f"the gradient of `{name}` has other axes")
            cells.append((self.node("row", (node,), node.dtype, None, row) if row and not node.row else node, place))
        return cells

    def _array(self, x: Any, dtype: str = "float64") -> Val:
        """An operand as an array of nodes."""
        if type(x) is Value:
            return self.values[x.index]
        cells = np.empty((), dtype=object)
        if isinstance(x, Constant):
            if x.values is None:
                (row,) = (dim for dim in x.dims if isinstance(dim, tuple))
                if is_unit(row):
                    raise Refused("it counts the units")
                cells[()] = self.node("position", (), x.counted, None, row)
                return Val(x.dims, cells.reshape((1,) * len(x.dims)), x.counted)
            name = str(x.values.dtype)
            cells = self._new(x.dims)
            values = np.broadcast_to(x.values, cells.shape)
            for index in np.ndindex(cells.shape):
                cells[index] = self.constant(values[index].item(), name)
            return Val(x.dims, cells, name)
        if isinstance(x, Size):
            cells[()] = self.size(x, dtype)
        elif isinstance(x, (bool, int, float)):
            cells[()] = self.constant(x, dtype)
        else:
            raise Refused(f"an operand is a {type(x).__name__}")
        return Val((), cells, dtype)

    def _item(self, item: Item) -> Val:
        """The value of one step."""
        dims, dtype = self.program.dims[item.output], self.program.dtypes[item.output]
        if dtype not in ("float32", "float64", "bool", "int8", "uint8", "int16", "int32", "int64"):
            raise Refused(f"it computes in {dtype}")
        how: Callable[[Item, tuple[Dim, ...], str], Val] | None = getattr(
            self, f"_{item.function.replace('.', '_')}", None
        )
        if item.function in _ELEMENTWISE or item.function in vmath.FUNCTIONS:
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

    def _fill(self, value: Val, dims: tuple[Dim, ...], dtype: str) -> Val:
        """A value in a larger shape."""
        cells = self._new(dims)
        inner = value.cells.reshape((1,) * (len(dims) - value.cells.ndim) + value.cells.shape)
        cells[...] = np.broadcast_to(inner, cells.shape)
        return (
            self._checked(Val(dims, cells, value.dtype))
            if value.dtype == dtype
            else self._cast(Val(dims, cells, dtype))
        )

    def _cast(self, value: Val) -> Val:
        """All cells in the dtype of the array."""
        cells = np.empty_like(value.cells)
        for index in np.ndindex(cells.shape):
            cells[index] = self.cast(value.cells[index], value.dtype)
        return Val(value.dims, cells, value.dtype)

    def _checked(self, value: Val) -> Val:
        """A value, if none of its axes occurs twice: pairs of entries of a row have no place."""
        names = [s for dim in value.dims if isinstance(dim, tuple) for s in dim]
        if len(set(names)) != len(names) or "?" in names:
            raise Refused("it pairs entries of a row with each other, or sizes meet that the kernel does not know")
        return value

    def _elementwise(self, item: Item, dtype: str) -> Val:
        """A function of numbers, entry by entry."""
        function = item.function
        given = [x for x in item.operands if x is not None]
        arrays = [self.values[x.index] if type(x) is Value else x for x in given]
        of_arrays = [
            np.dtype(x.dtype if isinstance(x, Val) else x.counted or x.values.dtype)
            for x in arrays
            if isinstance(x, (Val, Constant))
        ]
        if function in _COMPARISONS:
            wanted = np.result_type(*of_arrays)
            if any(isinstance(x, float) or (isinstance(x, Size) and x.form != "n") for x in given):
                wanted = wanted if wanted.kind == "f" else np.dtype("float64")
            kinds = [str(wanted)] * len(given)
        elif function == "where":
            kinds = ["bool", dtype, dtype]
        elif function in ("isnan", "isinf", "isfinite", "signbit"):
            kinds = [str(of_arrays[0])]
        elif function == "astype":
            value = arrays[0]
            return self._cast(Val(value.dims, value.cells, dtype))
        else:
            kinds = [dtype] * len(given)
        values = [x if isinstance(x, Val) else self._array(x, kind) for x, kind in zip(arrays, kinds, strict=True)]
        dims, cells = self._broadcast(values)
        out = self._new(dims)
        for index in np.ndindex(out.shape):
            args = [self.cast(c[index], kind) for c, kind in zip(cells, kinds, strict=True)]
            out[index] = self._entry(item, args, dtype, [x is not None for x in item.operands])
        return self._checked(Val(dims, out, dtype))

    def _entry(self, item: Item, args: list[Node], dtype: str, given: list[bool]) -> Node:
        """One entry of a function."""
        function = item.function
        if function == "clip":
            x, rest = args[0], args[1:]
            if given[1]:
                x = self.apply("maximum", x, rest.pop(0), dtype=dtype)
            return self.apply("minimum", x, rest.pop(0), dtype=dtype) if rest else x
        if function == "square":
            return self.apply("multiply", args[0], args[0], dtype=dtype)
        if function == "reciprocal":
            return self.apply("divide", self.constant(1, dtype), args[0], dtype=dtype)
        if function == "positive" or function == "stop_gradient":
            return args[0]
        if function == "pow" and args[1].op == "constant":
            x, exponent = args[0], args[1].detail
            if exponent == 1:
                return x
            if exponent == 2:
                return self.apply("multiply", x, x, dtype=dtype)
            if exponent == -1:
                return self.apply("divide", self.constant(1, dtype), x, dtype=dtype)
            if exponent == 0:
                return self.constant(1, dtype)
            if exponent == 0.5:  # the power of -0 is 0, and that of -inf is inf
                root = self.apply("sqrt", self.apply("add", x, self.constant(0, dtype), dtype=dtype), dtype=dtype)
                far = self.apply("equal", x, self.constant(-np.inf, dtype), dtype="bool")
                return self.apply("where", far, self.constant(np.inf, dtype), root, dtype=dtype)
        if function == "logaddexp":
            raise Refused("no kernel has logaddexp")
        if dtype not in FLOATS and function in (*vmath.FUNCTIONS, "divide"):
            raise Refused(f"{function} of integers")
        return self.apply(function, *args, dtype=dtype)

    def _broadcast(self, values: Sequence[Val]) -> tuple[tuple[Dim, ...], list[Any]]:
        """The common axes of values, and their cells in that shape."""
        rank = max(len(v.dims) for v in values)
        padded = [(1,) * (rank - len(v.dims)) + v.dims for v in values]
        dims: list[Dim] = []
        for column in zip(*padded, strict=True):
            proper = {dim for dim in column if dim != 1}
            if len(proper) > 1:
                raise Refused("axes of different sizes meet")
            dims.append(proper.pop() if proper else 1)
        shape = tuple(dim if isinstance(dim, int) else 1 for dim in dims)
        cells = [np.broadcast_to(v.cells.reshape((1,) * (rank - v.cells.ndim) + v.cells.shape), shape) for v in values]
        return tuple(dims), cells

    def _reduction(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        """A sum, an extremum or a count over some axes."""
        value = self.values[item.operands[0].index]
        rank, axis = len(value.dims), item.keywords.get("axis", item.operands[1] if len(item.operands) > 1 else None)
        axes = (
            tuple(range(rank))
            if axis is None
            else tuple(a % rank for a in (axis if isinstance(axis, tuple) else (axis,)))
        )
        function = item.function
        if any(is_unit(value.dims[a]) for a in axes):
            raise Refused("it sums over the units")
        fixed = [a for a in axes if isinstance(value.dims[a], int)]
        symbols = tuple(s for a in axes if isinstance(dim := value.dims[a], tuple) for s in dim)
        if function in ("argmax", "argmin") and (len(axes) != 1 or (fixed and value.dims[axes[0]] != 1)):
            if len(axes) != 1:
                raise Refused(f"{function} over several axes")
            return self._best(function, value, axes[0], dims, dtype)
        moved = np.moveaxis(value.cells, fixed, range(len(fixed)))
        cells = moved.reshape((-1, *moved.shape[len(fixed) :]))
        count = cells.shape[0]
        out = np.empty(cells.shape[1:], dtype=object)
        inner = "sum" if function == "mean" else function
        for index in np.ndindex(out.shape):
            parts = [self.reduce(inner, cells[(k, *index)], symbols, dtype) for k in range(count)]
            total = parts[0]
            for part in parts[1:]:
                total = self.apply(_JOINS[inner], total, part, dtype=total.dtype)
            if function == "mean":
                for symbol in symbols:
                    total = self.apply("divide", total, self.size(Size((symbol,), "n", 1), dtype), dtype=dtype)
                total = self.apply("divide", total, self.constant(count, dtype), dtype=dtype) if count > 1 else total
            out[index] = total
        return Val(dims, out.reshape(tuple(dim if isinstance(dim, int) else 1 for dim in dims)), dtype)

    def _best(self, function: str, value: Val, axis: int, dims: tuple[Dim, ...], dtype: str) -> Val:
        """The first of the largest, or of the smallest, along an axis of fixed size; NaN is beyond all."""
        cells, out = np.moveaxis(value.cells, axis, 0), self._new(dims)
        flat = out.reshape(-1)
        for place, column in enumerate(cells.reshape(cells.shape[0], -1).T):
            best, at = column[0], self.constant(0, dtype)
            for k, x in enumerate(column[1:], 1):
                further = self.apply("greater" if function == "argmax" else "less", x, best, dtype="bool")
                x_is_nan = self.apply("not_equal", x, x, dtype="bool")
                is_known = self.apply("equal", best, best, dtype="bool")
                first_nan = self.apply("bitwise_and", x_is_nan, is_known, dtype="bool")
                further = self.apply("bitwise_or", further, first_nan, dtype="bool")
                best = self.apply("where", further, x, best, dtype=x.dtype)
                at = self.apply("where", further, self.constant(k, dtype), at, dtype=dtype)
            flat[place] = at
        return Val(dims, flat.reshape(out.shape), dtype)

    def reduce(self, function: str, x: Node, symbols: Symbols, dtype: str) -> Node:
        """The reduction of a node along its row."""
        if function in ("sum", "max", "min"):
            x = self.cast(x, dtype)
        if function in ("max", "min", "argmax", "argmin") and x.row and not x.is_float:
            raise Refused(f"{function} of integers")
        if function in ("any", "all"):
            x = self.cast(x, "bool")
        if function == "count_nonzero":
            x = x if x.dtype == "bool" else self.apply("not_equal", x, self.constant(0, x.dtype), dtype="bool")
        if x.row and symbols:
            if set(x.row) != set(symbols):
                raise Refused("a part of the axes of a row is summed over")
            return self.node(function, (x,), dtype)
        if function in ("argmax", "argmin"):
            return self.constant(0, dtype)
        if function == "count_nonzero":
            x = self.cast(x, "int64")
        if function in ("sum", "count_nonzero"):
            for symbol in symbols:
                x = self.apply("multiply", x, self.size(Size((symbol,), "n", 1), x.dtype), dtype=x.dtype)
        return x

    # What moves entries.

    def _reshape(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value = self.values[item.operands[0].index]
        for one, other in zip(_groups(value.dims), _groups(dims), strict=False):
            if one != other:
                raise Refused("axes are merged")
        if len(_groups(value.dims)) != len(_groups(dims)):
            raise Refused("axes are merged")
        shape = tuple(dim if isinstance(dim, int) else 1 for dim in dims)
        return self._checked(Val(dims, value.cells.reshape(shape), dtype))

    _squeeze = _expand_dims = _reshape

    def _broadcast_to(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        return self._fill(self.values[item.operands[0].index], dims, dtype)

    def _permute(self, item: Item, order: Sequence[int], dims: tuple[Dim, ...], dtype: str) -> Val:
        value = self.values[item.operands[0].index]
        return Val(dims, np.transpose(value.cells, order), dtype)

    def _permute_dims(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        axes = item.keywords.get("axes", item.operands[1] if len(item.operands) > 1 else None)
        assert axes is not None
        return self._permute(item, axes, dims, dtype)

    def _moveaxis(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value = self.values[item.operands[0].index]
        return Val(dims, np.moveaxis(value.cells, *item.operands[1:3]), dtype)

    def _matrix_transpose(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        rank = len(dims)
        return self._permute(item, (*range(rank - 2), rank - 1, rank - 2), dims, dtype)

    def _flip(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value, axis = self.values[item.operands[0].index], item.keywords.get("axis")
        axes = range(len(dims)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        if not all(isinstance(dims[a], int) for a in axes):
            raise Refused("a row is reversed")
        return Val(dims, np.flip(value.cells, axis), dtype)

    def _getitem(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value, key = self.values[item.operands[0].index], item.operands[1]
        keys = list(key) if isinstance(key, tuple) else [key]
        missing = len(value.dims) - sum(k is not None and k is not Ellipsis for k in keys)
        if not any(k is Ellipsis for k in keys):
            keys.append(Ellipsis)
        where = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys[where : where + 1] = [slice(None)] * missing
        axes = iter(value.dims)
        cells: Any = value.cells
        chosen: list[Any] = []
        picks = []
        for k in keys:
            if k is None:
                chosen.append(None)
                continue
            dim = next(axes)
            if isinstance(dim, tuple):
                if isinstance(k, int) and not is_unit(dim):
                    picks.append((dim, k))
                    chosen.append(0)
                    continue
                if not (isinstance(k, slice) and k.step in (None, 1) and k.start in (None, 0) and k.stop is None):
                    raise Refused("a part of a row is cut out")
            chosen.append(slice(None) if isinstance(dim, tuple) else k)
        cells = cells[tuple(chosen)]
        if isinstance(cells, Node):
            cells, only = np.empty((), dtype=object), cells
            cells[()] = only
        for dim, k in picks:
            if k < 0:
                raise Refused("a row is counted from its end")
            number = self.constant(k, "int64")
            picked = np.empty(cells.shape, dtype=object)
            for index in np.ndindex(picked.shape):
                picked[index] = self.pick(cells[index], number, dim)
            cells = picked
        return Val(dims, cells.reshape(tuple(d if isinstance(d, int) else 1 for d in dims)), dtype)

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
        args = tuple(self.pick(a, index, row) for a in x.args)
        return self.node(x.op, args, x.dtype, x.detail)

    def _take_along_axis(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value, index = self.values[item.operands[0].index], self._array(item.operands[1])
        axis = item.keywords.get("axis", item.operands[2] if len(item.operands) > 2 else -1) % len(value.dims)
        if index.dims[axis] != 1:
            raise Refused("the entries of a row are put in another order")
        dim = value.dims[axis]
        if isinstance(dim, int):
            return self._choose(value, index, axis, dims, dtype)
        flat = Val((*value.dims[:axis], 1, *value.dims[axis + 1 :]), value.cells, value.dtype)
        _, (cells, indices) = self._broadcast([flat, index])
        out = self._new(dims)
        for place in np.ndindex(out.shape):
            out[place] = self.pick(cells[place], indices[place], dim)
        return Val(dims, out, dtype)

    def _choose(self, value: Val, index: Val, axis: int, dims: tuple[Dim, ...], dtype: str) -> Val:
        """One cell of an axis of fixed size, by its number."""
        out = self._new(dims)
        size = value.cells.shape[axis]
        for place in np.ndindex(out.shape):
            at = tuple(0 if n == 1 else k for k, n in zip(place, index.cells.shape, strict=True))
            number = index.cells[at]
            found: Node | None = None
            for k in range(size):
                cell = value.cells[
                    tuple(
                        k if a == axis else (0 if n == 1 else p)
                        for a, (p, n) in enumerate(zip(place, value.cells.shape, strict=True))
                    )
                ]
                here = self.apply("equal", number, self.constant(k, number.dtype), dtype="bool")
                found = cell if found is None else self.apply("where", here, cell, found, dtype=dtype)
            out[place] = found
        return Val(dims, out, dtype)

    def _take(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        value, index = self.values[item.operands[0].index], self._array(item.operands[1])
        axis = item.keywords.get("axis", item.operands[2] if len(item.operands) > 2 else 0) % len(value.dims)
        dim = value.dims[axis]
        if len(value.dims) != 1 or index.cells.size != 1:
            raise Refused("rows are taken from a matrix")
        number = index.cells.reshape(-1)[0]
        out = self._new(dims)
        if isinstance(dim, int):
            source = Val((dim,), value.cells, value.dtype)
            return Val(
                dims,
                self._choose(source, Val((1,), index.cells.reshape((1,)), index.dtype), 0, (1,), dtype).cells.reshape(
                    out.shape
                ),
                dtype,
            )
        out[(0,) * out.ndim] = self.pick(value.cells.reshape(-1)[0], number, dim)
        return Val(dims, out, dtype)

    def _concat(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        values = [self._cast(Val(v.dims, v.cells, dtype)) for v in (self._array(x, dtype) for x in item.operands[0])]
        axis = item.keywords.get("axis", 0)
        if not all(isinstance(v.dims[axis], int) for v in values):
            raise Refused("rows are joined")
        return self._checked(Val(dims, np.concatenate([v.cells for v in values], axis=axis), dtype))

    def _stack(self, item: Item, dims: tuple[Dim, ...], dtype: str) -> Val:
        values = [self._cast(Val(v.dims, v.cells, dtype)) for v in (self._array(x, dtype) for x in item.operands[0])]
        return self._checked(Val(dims, np.stack([v.cells for v in values], axis=item.keywords.get("axis", 0)), dtype))

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


def _groups(dims: Iterable[Dim]) -> list[Any]:
    """The symbols of a shape in order, with how many fixed entries are between them."""
    found: list[Any] = [1]
    for dim in dims:
        if isinstance(dim, int):
            found[-1] *= dim
        else:
            for symbol in dim:
                found += [symbol, 1]
    return found


def _adjoin(dims: tuple[Dim, ...], axis: int) -> bool:
    """Say whether only axes of size 1 lie between an axis of a row and the next one."""
    for dim in dims[axis + 1 :]:
        if isinstance(dim, tuple):
            return True
        if dim != 1:
            return False
    return True


_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_ELEMENTWISE = frozenset((
    *_COMPARISONS, "add", "subtract", "multiply", "divide", "negative", "positive", "stop_gradient", "abs", "square",
    "reciprocal", "where", "maximum", "minimum", "clip", "sign", "floor", "ceil", "trunc", "round", "copysign",
    "remainder", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "logical_and", "logical_or",
    "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "astype", "logaddexp",
))  # fmt: skip
_JOINS = {
    "sum": "add",
    "max": "maximum",
    "min": "minimum",
    "any": "bitwise_or",
    "all": "bitwise_and",
    "count_nonzero": "add",
}

__all__ = ["FLOATS", "REDUCTIONS", "Lowered", "Lowering", "Node", "Place", "is_unit"]
