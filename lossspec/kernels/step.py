"""LLVM IR of a step of a recurrence: all frames of one sequence after the other, its arrays in a few rows of memory.

The step is recorded as it is written, on tiny arrays whose axes have different primes for sizes (`trace`). Its arrays
are [batch], [batch states] or [moves batch states], of a sequence a number, a row, or some rows; sizes are arguments.
An entry of an array is an expression of entries of others: shapes and slices only move indices. Loops run over states,
in lanes: one for each reduction over states, and for what several loops need and is dear to compute (`_Loops`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import inf, prod
from typing import Any, NamedTuple

import numpy as np

from lossspec.autodiff.functions import make_input
from lossspec.autodiff.namespace import traced_backend
from lossspec.autodiff.tape import Tape, Value, make_program
from lossspec.dispatch import get_backend
from lossspec.kernels.emit import ELEMENTS, Accumulator, Block, Emitter, V, vector
from lossspec.kernels.lower import FLOATS, Node
from lossspec.kernels.schedule import ENTRIES, Schedule
from lossspec.kernels.trace import Constant, Dim, Item, Merge, Refused, Size

STATES, BATCH = "states", "batch"
_SIZES = ({BATCH: 11, STATES: 13}, {BATCH: 31, STATES: 37})
_DEAR = frozenset(("exp", "log", "log1p", "expm1", "divide", "sinh", "cosh", "tanh", "sqrt", "pow"))
_VIEWS = frozenset(("getitem", "permute_dims", "stop_gradient", "broadcast_to"))
_CONSTANTS = {"zeros_like": 0.0, "ones_like": 1.0}
_REDUCTIONS = ("sum", "max", "min", "argmax", "argmin")
_ELEMENTWISE = frozenset((
    "add", "subtract", "multiply", "divide", "negative", "where", "equal", "not_equal", "greater", "less",
    "greater_equal", "less_equal", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "logical_and",
    "logical_or", "logical_not", "maximum", "minimum", "abs", "sign", "copysign", "isnan", "isinf", "isfinite",
    "exp", "log", "log1p", "expm1", "sinh", "cosh", "tanh", "sqrt", "pow",
))  # fmt: skip
_SIZE = {"i1": 1, "i8": 1, "i32": 4, "i64": 8, "float": 4, "double": 8}
_COMPARISONS = frozenset(("equal", "not_equal", "greater", "less", "greater_equal", "less_equal"))


@dataclass(frozen=True)
class Leaf:
    """An array that a step takes: its number of axes and its dtype; an array of the carry, or of the frames."""

    rank: int
    dtype: str
    carried: bool


@dataclass(frozen=True)
class Recorded:
    """The steps of one frame, with symbolic axes; the first values are the leaves."""

    leaves: tuple[Leaf, ...]
    items: Mapping[int, Item]
    dims: Mapping[int, tuple[Dim, ...]]
    dtypes: Mapping[int, str]
    carried: tuple[int, ...]
    """The values of the carry after the frame."""
    results: tuple[int, ...]
    """The values that are stacked over the frames."""
    nesting: Any
    """The tuples that these come in."""


def flat(nested: Any) -> list[Any]:
    """The arrays of nested tuples."""
    return [x for item in nested for x in flat(item)] if isinstance(nested, tuple) else [nested]


def rebuilt(nested: Any, leaves: Iterator[Any]) -> Any:
    """Such tuples with other arrays."""
    return tuple(rebuilt(item, leaves) for item in nested) if isinstance(nested, tuple) else next(leaves)


def record(step: Callable[[Any, Any], Any], carry: Any, xs: Any, leaves: tuple[Leaf, ...], moves: int) -> Recorded:
    """Record a step twice, on arrays of tiny sizes; `carry` and `xs` give the nesting alone."""
    backend = traced_backend(get_backend("numpy"))
    programs, shapes, dtypes = [], [], []
    for sizes in _SIZES:
        axes = (moves or sizes[STATES], sizes[BATCH], sizes[STATES])
        found = {0: (), 1: (axes[1],), 2: axes[1:], 3: axes}
        with Tape(backend, records_all=True) as tape:
            inputs = [
                make_input(tape, np.full(found[x.rank], 0.25 if x.dtype in FLOATS else 1, dtype=x.dtype))
                for x in leaves
            ]
            given = iter(inputs)
            after, results = step(rebuilt(carry, given), rebuilt(xs, given))
            outputs = [*flat(after), *flat(results)]
            if not all(type(x) is type(inputs[0]) for x in outputs):
                raise Refused("a result of its step is constant")
            nodes = [x.node for x in inputs]
            programs.append(make_program(tape, nodes, outputs))
            nodes += tape.nodes
            shapes.append({n: tuple(node.shape) for n, node in enumerate(nodes)})
            dtypes.append({n: str(np.dtype(node.dtype)) for n, node in enumerate(nodes)})
    merge = Merge(*_SIZES)
    items = {}
    for one, other in zip(*(program.steps for program in programs), strict=True):
        if (one.function, one.output) != (other.function, other.output):
            raise Refused("its step depends on sizes")
        operands = tuple(merge.operand(a, b) for a, b in zip(one.operands, other.operands, strict=True))
        keywords = {key: merge.operand(x, other.keywords[key]) for key, x in one.keywords.items()}
        items[one.output] = Item(one.function, operands, keywords, one.output)
    dims = {
        n: tuple(merge.dim(a, b) for a, b in zip(shape, shapes[1][n], strict=True)) for n, shape in shapes[0].items()
    }
    indices = [x.index for x in programs[0].result]
    count = sum(x.carried for x in leaves)
    nesting = rebuilt(results, iter([None] * len(indices)))
    return Recorded(leaves, items, dims, dtypes[0], tuple(indices[:count]), tuple(indices[count:]), nesting)


def _along_states(dims: Sequence[Dim]) -> list[int]:
    """The axes of states, or of nearly as many."""
    return [axis for axis, dim in enumerate(dims) if isinstance(dim, tuple) and dim != (BATCH,)]


class At(NamedTuple):
    """An index on one axis: the first of as many as there are lanes, or the same in all of them."""

    first: V
    lanes: bool = False


ZERO = At(V("0", "i64", 1, 0))
Where = tuple[At, ...]
_Key = tuple[int, tuple[tuple[str, bool], ...]]


@dataclass
class Rows:
    """A place in the memory of a sequence: so many rows, of which some number depends on that of the states."""

    start: V
    element: str
    dims: tuple[Dim, ...]


@dataclass
class Root:
    """What a loop computes: the reduction `value` of its operand, or `value` itself, for `rows`."""

    value: int
    source: int
    is_reduction: bool
    target: str
    level: int = 0
    reads: list[_Key] = field(default_factory=list)
    kept: dict[Any, Any] = field(default_factory=dict)


class StepEmitter(Emitter):
    """The text of the kernel of one step."""

    def __init__(self, step: Recorded, lanes: int) -> None:
        names = [STATES, "frames"]
        for n, leaf in enumerate(step.leaves):
            names += [f"leaf {n}", *(f"leaf {n} by {axis}" for axis in ("frame", "unit", "row"))]
            names += [f"last {n}", *(f"last {n} by {axis}" for axis in ("unit", "row"))] if leaf.carried else []
        for n, _ in enumerate(step.results):
            names += [f"result {n}", *(f"result {n} by {axis}" for axis in ("frame", "unit", "row"))]
        block = Block(tuple(names), 0, 0, 0)
        super().__init__(Schedule([], {}, [], [], []), block, ENTRIES, lanes, frozenset(), False)
        self.step = step
        self.constant_rows = self.state_rows = 0
        self.places: dict[int, Rows] = {}
        self.targets: dict[str, Rows] = {}
        self.bests: dict[int, Rows] = {}
        """For the reductions that ask for a place: the scores there."""
        self.known: dict[_Key, V] = {}
        self.numbers_of: dict[_Key, V] = {}
        self.front: list[str] | None = None
        self.reading: list[_Key] | None = None
        self.kept_out = {n for n, leaf in enumerate(step.leaves) if leaf.carried and step.carried[n] == n}
        """The leaves of the carry that stay as they are."""

    # Words and rows.

    def named(self, name: str, element: str = "i64") -> V:
        """A word of the block."""
        return self.word(self.block.size(name), element)

    def dims(self, n: int) -> tuple[Dim, ...]:
        """The axes of a value."""
        return self.step.dims[n]

    def states_of(self, n: int) -> list[int]:
        """The axes of a value that are the states."""
        found = _along_states(self.dims(n))
        if len(found) > 2:
            raise Refused("an array of its step has more than two axes of states")
        return found

    def rows(self, n: int, element: str) -> Rows:
        """Memory for a value."""
        dims = self.dims(n)
        count = prod(d for d in dims if isinstance(d, int))
        start = (self.constant_rows, self.state_rows)
        if len(self.states_of(n)) == 2:
            self.state_rows += count
        else:
            self.constant_rows += count
        row = self.constant(start[0], "i64")
        if start[1]:
            row = self.plus(row, self.times(self.named(STATES), self.constant(start[1], "i64")))
        at = self.plus(self.times(row, self.row_bytes), self.constant(8 * self.lanes, "i64"))
        pointer = self.write(f"getelementptr i8, ptr %scratch, i64 {at.text}", "ptr")
        return Rows(pointer, element, dims)

    def address(self, rows: Rows, where: Where) -> tuple[V, V]:
        """The address of the row of an entry, and the place of the entry in it."""
        place = self.constant(0, "i64")
        column = self.constant(0, "i64")
        axes = _along_states(rows.dims)
        for axis, (dim, at) in enumerate(zip(rows.dims, where, strict=True)):
            if axes and axis == axes[-1]:
                column = at.first
            elif axis in axes:
                place = self.plus(self.times(place, self.named(STATES)), at.first)
            elif isinstance(dim, int) and dim > 1:
                place = self.plus(self.times(place, self.constant(dim, "i64")), at.first)
        if place.lanes > 1:
            raise Refused("an array of its step is read across its rows")
        offset = self.times(place, self.row_bytes)
        return self.write(f"getelementptr i8, ptr {rows.start.text}, i64 {offset.text}", "ptr"), column

    def read(self, rows: Rows, where: Where) -> V:
        """An entry, or those in the lanes."""
        axes = _along_states(rows.dims)
        bounded = [
            At(self.within(at.first), at.lanes) if at.first.lanes > 1 and axis in axes else at
            for axis, at in enumerate(where)
        ]
        held, lanes = rows.element, self.lanes
        across = [axis for axis in axes if bounded[axis].lanes or bounded[axis].first.lanes > 1]
        if across and (across != axes[-1:] or bounded[axes[-1]].first.lanes > 1):
            return self.read_apart(rows, bounded, axes)
        row, column = self.address(rows, tuple(bounded))
        if not across:
            return self.fetch(row, held, column)
        memory = "i8" if held == "i1" else held
        at = self.write(f"getelementptr {memory}, ptr {row.text}, i64 {column.text}", "ptr")
        found = self.write(f"load {vector(memory, lanes)}, ptr {at.text}, align 1", memory, lanes)
        return self.truth(found) if held == "i1" else found

    def read_apart(self, rows: Rows, where: Sequence[At], axes: list[int]) -> V:
        """Entries that do not lie side by side."""
        if any(isinstance(d, int) and d > 1 for d in rows.dims):
            raise Refused("an array of its step is read across its rows")

        column = self.within(self.each(where[axes[-1]]))
        if len(axes) == 2:
            per_row = self.binary("sdiv", self.row_bytes, self.constant(_SIZE[rows.element], "i64"))
            column = self.binary("add", self.binary("mul", self.within(self.each(where[axes[0]])), per_row), column)
        return self.gather(rows.start, rows.element, self.splat(column, self.lanes), self.constant(0, "i64"), None)

    def each(self, at: At) -> V:
        """An index in all lanes, if it is not the same in them."""
        return self.plus(self.splat(at.first, self.lanes), self.steps(self.lanes)) if at.lanes else at.first

    def within(self, index: V) -> V:
        """An index of a state, moved into their range: in lanes beyond the last state it may be anything."""
        last = self.binary("sub", self.named(STATES), self.constant(1, "i64"))
        return self.call("smin", self.call("smax", index, self.constant(0, "i64")), last)

    def save(self, value: V, rows: Rows, where: Where) -> None:
        """Write an entry, or those in the lanes; rows have room for all lanes."""
        row, column = self.address(rows, where)
        if any(at.lanes for at in where):
            value = self.splat(value, self.lanes)
        if rows.element == "i1":
            value = self.convert("zext", value, "i8")
        at = self.write(f"getelementptr {value.element}, ptr {row.text}, i64 {column.text}", "ptr")
        self.do(f"store {value.type} {value.text}, ptr {at.text}, align 1")

    def copied(self, rows: Rows, outside: str, how: str, *indices: tuple[str, V]) -> None:
        """Copy rows "from" or "to" an array of the call, at indices on its axes, or "clear" what is there."""
        held = "i8" if rows.element == "i1" else rows.element
        size = _SIZE[held]
        there = self.named(outside, "ptr")
        for axis, index in indices:
            offset = self.times(index, self.named(f"{outside} by {axis}"))
            there = self.write(f"getelementptr i8, ptr {there.text}, i64 {offset.text}", "ptr")
        axes = _along_states(rows.dims)
        count = prod(d for d in rows.dims if isinstance(d, int))
        columns = self.times(self.named(STATES) if axes else self.constant(1, "i64"), self.constant(size, "i64"))

        def one(row: V) -> None:
            inner = self.times(row, self.row_bytes)
            here = self.write(f"getelementptr i8, ptr {rows.start.text}, i64 {inner.text}", "ptr")
            at = there
            if len(rows.dims) == 3:
                outer = self.times(row, self.named(f"{outside} by row"))
                at = self.write(f"getelementptr i8, ptr {there.text}, i64 {outer.text}", "ptr")
            name, to, source = "memcpy.p0.p0", at, f"ptr {here.text}"
            if how == "from":
                to, source = here, f"ptr {at.text}"
            elif how == "clear":
                name, source = "memset.p0", "i8 0"
            self.declared[f"declare void @llvm.{name}.i64(ptr, {source.split()[0]}, i64, i1)"] = None
            self.do(f"call void @llvm.{name}.i64(ptr {to.text}, {source}, i64 {columns.text}, i1 false)")

        if len(axes) == 2:
            self.repeat(self.named(STATES), 1, one)
        else:
            for k in range(count):
                one(self.constant(k, "i64"))

    # Entries as expressions.

    def operand(self, x: Any, where: Where, dtype: str) -> V:
        """An entry of an operand, of the dtype where it is a number."""
        if isinstance(x, Value):
            return self.value(x.index, where)
        if isinstance(x, Constant):
            if x.values is not None:
                values = x.values.reshape([d if isinstance(d, int) else 1 for d in x.dims])
                if values.size != 1:
                    raise Refused("its step makes an array")
                return self.constant(values.reshape(-1)[0].item(), ELEMENTS[str(values.dtype)])
            (axis,) = (axis for axis, dim in enumerate(x.dims) if dim != 1)
            at = where[axis]
            index = self.each(at)
            return index if x.counted == "int64" else self.convert("trunc", index, ELEMENTS[x.counted])
        if isinstance(x, Size):
            return self.size(x, ELEMENTS[dtype])
        if isinstance(x, (int, float)):
            return self.constant(x, ELEMENTS[dtype])
        raise Refused("an operand of its step is no array")

    def value(self, n: int, where: Where) -> V:
        """An entry of a value."""
        key = (n, tuple((at.first.text, at.lanes) for at in where))
        is_number = all(at.first.constant is not None for at in where)
        known = self.numbers_of if is_number else self.known
        if key not in known:
            lines = self.lines
            if is_number and self.front is not None:
                self.lines = self.front
            known[key] = self.found(n, where, key)
            self.lines = lines
        return known[key]

    def found(self, n: int, where: Where, key: _Key) -> V:
        """An entry from memory, or by what it is made of."""
        if n not in self.places:
            return self.computed(n, where)
        if self.reading is not None:
            self.reading.append(key)
        held = self.read(self.places[n], where)
        element = ELEMENTS[self.step.dtypes[n]]
        return held if held.element == element else self.cast(held, element)

    def computed(self, n: int, where: Where) -> V:
        """An entry by what it is made of."""
        item = self.step.items[n]
        name, operands, keywords = item.function, item.operands, item.keywords
        dtype = self.step.dtypes[n]
        if name in _ELEMENTWISE:
            kinds = [self.step.dtypes[x.index] for x in operands if isinstance(x, Value)]
            of = [dtype] * len(operands)
            if name in _COMPARISONS:
                of = [kinds[0]] * 2
            elif name == "where":
                of[0] = "bool"
            entries = [self.operand(x, self.broadcast(x, where), t) for x, t in zip(operands, of, strict=True)]
            if any(e.element != ELEMENTS[t] for e, t in zip(entries, of, strict=True)):
                raise Refused("its step mixes dtypes")
            return self.apply(Node(name, dtype=dtype), entries)
        if name in ("stop_gradient", "astype"):
            found = self.operand(operands[0], where, dtype)
            return found if found.element == ELEMENTS[dtype] else self.cast(found, ELEMENTS[dtype])
        if name in _CONSTANTS:
            return self.constant(_CONSTANTS[name], ELEMENTS[dtype])
        if name == "full_like":
            return self.operand(operands[1], (), dtype)
        if name == "broadcast_to":
            return self.operand(operands[0], self.broadcast(operands[0], where), dtype)
        if name == "permute_dims":
            axes = operands[1] if len(operands) > 1 else keywords["axes"]
            places = dict(zip(axes, where, strict=True))
            return self.operand(operands[0], tuple(places[axis] for axis in range(len(where))), dtype)
        if name == "getitem":
            return self.operand(operands[0], self.item(operands[0], operands[1], where), dtype)
        if name == "stack":
            axis = keywords.get("axis", 0) % len(where)
            chosen = where[axis].first.constant
            assert isinstance(chosen, int)
            return self.operand(operands[0][chosen], (*where[:axis], *where[axis + 1 :]), dtype)
        if name == "concat":
            return self.concat(operands[0], keywords.get("axis", 0) % len(where), where, dtype)
        if name == "take_along_axis":
            axis = keywords.get("axis", -1) % len(where)
            chosen = self.operand(operands[1], self.broadcast(operands[1], where), "int64")
            chosen = chosen if chosen.element == "i64" else self.convert("sext", chosen, "i64")
            return self.operand(operands[0], (*where[:axis], At(chosen), *where[axis + 1 :]), dtype)
        if name in _REDUCTIONS:
            return self.over_moves(item, where)
        raise Refused(f"no kernel of a recurrence has {name}")

    def broadcast(self, x: Any, where: Where) -> Where:
        """The index of an operand that is stretched to the shape of the result."""
        dims = self.dims(x.index) if isinstance(x, Value) else x.dims if isinstance(x, Constant) else ()
        last = where[len(where) - len(dims) :]
        return tuple(ZERO if dim == 1 else at for dim, at in zip(dims, last, strict=True))

    def item(self, x: Any, keys: Sequence[Any], where: Where) -> Where:
        """The index of an operand of which a part is taken."""
        keys = list(keys) if isinstance(keys, (tuple, list)) else [keys]
        rank = len(self.dims(x.index))
        missing = rank - sum(key is not None and key is not Ellipsis for key in keys)
        if Ellipsis in [key for key in keys if not isinstance(key, (slice, Value))]:
            place = next(n for n, key in enumerate(keys) if key is Ellipsis)
            keys[place : place + 1] = [slice(None)] * missing
        else:
            keys += [slice(None)] * missing
        given, found = iter(where), []
        for key in keys:
            if key is None:
                next(given)
            elif isinstance(key, slice):
                at = next(given)
                start = 0 if key.start is None else key.start
                if key.step not in (None, 1) or not isinstance(start, int) or start < 0:
                    raise Refused("a slice of its step has a start that the kernel does not know")
                found.append(At(self.plus(at.first, self.constant(start, "i64")) if start else at.first, at.lanes))
            elif isinstance(key, int) and key >= 0:
                found.append(At(self.constant(key, "i64")))
            else:
                raise Refused("an index of its step is no number")
        return tuple(found)

    def concat(self, parts: Sequence[Any], axis: int, where: Where, dtype: str) -> V:
        """An entry of arrays one behind the other."""
        at, start, found = where[axis], Size("", "n", 0, 0), None
        ends = []
        for part in parts[:-1]:
            dim = self.dims(part.index)[axis]
            if isinstance(dim, tuple) and dim != (STATES,):
                begin = self.start_of(part, axis)
                start = Size(STATES, "n", start.factor + 1, start.shift - begin)
            elif isinstance(dim, int):
                start = Size(start.symbol, "n", start.factor, start.shift + dim)
            else:
                start = Size(STATES, "n", start.factor + 1, start.shift)
            ends.append(start)
        for number in reversed(range(len(parts))):
            before = None if not number else ends[number - 1]
            moved = at
            if before is not None:
                offset = self.constant(-before.shift, "i64")
                if before.symbol:
                    offset = self.binary(
                        "sub", offset, self.times(self.named(STATES), self.constant(before.factor, "i64"))
                    )
                moved = At(self.plus(at.first, offset), at.lanes)
            here = self.operand(parts[number], (*where[:axis], moved, *where[axis + 1 :]), dtype)
            if found is None:
                found = here
                continue
            end = self.size(ends[number], "i64") if ends[number].symbol else self.constant(ends[number].shift, "i64")
            found = self.select(self.compare("slt", self.each(at), end), here, found)
        assert found is not None
        return found

    def start_of(self, part: Value, axis: int) -> int:
        """The start of a slice that leaves some of the first states out."""
        item = self.step.items[part.index]
        keys = item.operands[1] if item.function == "getitem" else ()
        keys = keys if isinstance(keys, (tuple, list)) else (keys,)
        if len(keys) > axis and isinstance(keys[axis], slice) and keys[axis].stop is None:
            return int(keys[axis].start)
        raise Refused("the length of a part of its step is unknown")

    def among(self, item: Item, where: Where) -> list[V]:
        """The entries that a reduction over axes of fixed size takes, one for each move."""
        (x, *_), dtype = item.operands, self.step.dtypes[item.output]
        axes, dims = self.axes(item), self.dims(x.index)
        entries = []
        for chosen in product(*(range(d) if isinstance(d := dims[axis], int) else (0,) for axis in axes)):
            fixed = dict(zip(axes, chosen, strict=True))
            rest = iter(self.kept_axes(item, where))
            whole = (At(self.constant(fixed[n], "i64")) if n in fixed else next(rest) for n in range(len(dims)))
            entries.append(self.operand(x, tuple(whole), dtype))
        return entries

    def over_moves(self, item: Item, where: Where) -> V:
        """A reduction over axes of fixed size, spelt out."""
        dtype, entries = self.step.dtypes[item.output], self.among(item, where)
        best = entries[0]
        if item.function in ("sum", "max", "min"):
            for other in entries[1:]:
                best = self.apply(
                    Node({"sum": "add", "max": "maximum", "min": "minimum"}[item.function], dtype=dtype), [best, other]
                )
            return best
        at = self.constant(0, ELEMENTS[dtype])
        for number, other in enumerate(entries[1:], 1):
            better = self.better(item.function, other, best)
            best = self.select(better, other, best)
            at = self.select(better, self.constant(number, at.element), at)
        return at

    def better(self, name: str, x: V, best: V) -> V:
        """Say whether an entry takes the place of the best so far: NaN does, once."""
        better = self.compare("ogt" if name == "argmax" else "olt", x, best)
        return self.binary("or", better, self.binary("and", self.compare("uno", x, x), self.compare("ord", best, best)))

    def axes(self, item: Item) -> tuple[int, ...]:
        """The axes that a reduction leaves out."""
        rank = len(self.dims(item.operands[0].index))
        axis = item.keywords.get("axis")
        if axis is None:
            return tuple(range(rank))
        return tuple(sorted(a % rank for a in (axis if isinstance(axis, (tuple, list)) else (axis,))))

    def kept_axes(self, item: Item, where: Where) -> Where:
        """The index of a reduction without the axes of size 1 that stand for those left out."""
        if not item.keywords.get("keepdims"):
            return where
        axes = self.axes(item)
        return tuple(at for axis, at in enumerate(where) if axis not in axes)

    # Loops.

    def is_sized(self, n: int) -> bool:
        """Say whether a value is a reduction over states."""
        item = self.step.items.get(n)
        if item is None or item.function not in _REDUCTIONS:
            return False
        return any(axis in self.axes(item) for axis in self.states_of(item.operands[0].index))

    def children(self, n: int) -> list[int]:
        """The values that a value is computed from."""
        item = self.step.items.get(n)
        if item is None or item.function in _CONSTANTS or item.function == "full_like":
            return []
        flattened = [y for x in item.operands for y in (x if isinstance(x, (tuple, list)) else (x,))]
        return [x.index for x in flattened if isinstance(x, Value)]

    def plan(self) -> list[Root]:
        """The loops of a frame, in order."""
        step = self.step
        needed, waiting = set(), [*step.carried, *step.results]
        while waiting:
            n = waiting.pop()
            if n not in needed:
                needed.add(n)
                waiting += self.children(n)
        leaves = set(range(len(step.leaves)))
        reductions = sorted(n for n in needed if self.is_sized(n))
        stores = [Root(n, n, False, f"carried {k}") for k, n in enumerate(step.carried) if k not in self.kept_out] + [
            Root(n, n, False, f"result {k}") for k, n in enumerate(step.results) if n not in leaves
        ]
        kept: list[int] = []
        while True:
            roots = [Root(n, step.items[n].operands[0].index, True, "") for n in reductions]
            roots += [Root(n, n, False, "") for n in kept]
            more = self.worth_rows(roots + stores, leaves | set(reductions), set(kept))
            if more is None:
                return sorted(roots, key=lambda root: root.value) + stores
            kept.append(more)

    def worth_rows(self, roots: Sequence[Root], buffers: set[int], kept: set[int]) -> int | None:
        """A value that is dear, and that several loops need, or one at several places; None if there is none left."""
        users: dict[int, set[int]] = {}
        wanted: set[int] = set()
        for number, root in enumerate(roots):
            wide = len(self.states_of(root.source)) == 2
            waiting = (
                [root.source]
                if root.is_reduction or root.source not in kept or root.target
                else self.children(root.source)
            )
            seen: set[int] = set()
            while waiting:
                n = waiting.pop()
                if n in seen or n in buffers or n in kept:
                    continue
                seen.add(n)
                users.setdefault(n, set()).add(number)
                if wide and len(self.states_of(n)) == 1 and self.is_dear(n, buffers | kept):
                    wanted.add(n)
                if self.step.items[n].function == "concat":  # of which the parts are read at several places
                    wanted |= {x for x in self.children(n) if self.is_dear(x, buffers | kept)}
                waiting += self.children(n)
        wanted |= {n for n, by in users.items() if len(by) > 1 and self.is_dear(n, buffers | kept)}
        for n in sorted(wanted, reverse=True):
            while self.step.items[n].function in _VIEWS:
                (n, *_) = self.children(n)
            if n not in buffers | kept and any(dim == (STATES,) for dim in self.dims(n)):
                return n
        return None

    def is_dear(self, n: int, buffers: set[int]) -> bool:
        """Say whether a value costs more than a row of memory does."""
        if n in buffers or n not in self.step.items:
            return False
        seen, waiting = set(), [n]
        while waiting:
            x = waiting.pop()
            if x in seen or x in buffers or x not in self.step.items:
                continue
            seen.add(x)
            if self.step.items[x].function in _DEAR:
                return True
            waiting += self.children(x)
        return len(seen) > 40

    def where_of(self, root: Root) -> tuple[Where, list[int]]:
        """The index of the source of a loop, with its variables, and the axes that are spelt out."""
        dims, states = self.dims(root.source), self.states_of(root.source)
        where = [ZERO] * len(dims)
        if states:
            where[states[-1]] = At(self.column, True)
        if len(states) == 2:
            where[states[0]] = At(self.row)
        return tuple(where), [axis for axis, dim in enumerate(dims) if isinstance(dim, int) and dim > 1]

    def order(self, roots: list[Root]) -> list[list[Root]]:
        """The loops in groups that run together: by the level of what they read, and by their axes."""
        levels: dict[int, tuple[int, int, tuple[Any, ...], bool]] = {}
        for root in roots:
            self.row, self.column = V("%i", "i64"), V("%j", "i64")
            self.reading, self.known, self.numbers_of = [], {}, {}
            saved = (self.lines, self.front, self.head, dict(self.shared), self.count)
            self.lines, self.front, self.head = [], [], []
            for where in self.cells(root):
                self.start(root, where)
            reads = self.reading
            self.lines, self.front, self.head, self.shared, self.count = saved
            self.reading = None
            wide = len(self.states_of(root.source))
            for n, places in reads:
                if n in levels:
                    level, width, own, is_reduction = levels[n]
                    moving = tuple(place for place in places if place[0] in ("%i", "%j"))
                    same = not is_reduction and width == wide and moving == own and len(moving) == wide
                    same = same and all(p in own or p[0].isdigit() for p in places)
                    root.level = max(root.level, level + (0 if same else 1))
            if not root.target:
                where, _ = self.where_of(root)
                own = tuple((at.first.text, at.lanes) for at in where if at.first.constant is None)
                levels[root.value] = (root.level, wide, own, root.is_reduction)
        groups: dict[tuple[int, int], list[Root]] = {}
        for root in roots:
            groups.setdefault((root.level, len(self.states_of(root.source))), []).append(root)
        return [groups[key] for key in sorted(groups)]

    def start(self, root: Root, where: Where) -> V:
        """An entry of what a loop reduces or stores."""
        if root.is_reduction or root.target:
            return self.value(root.source, where)
        key = (root.value, tuple((at.first.text, at.lanes) for at in where))
        found = self.known[key] = self.computed(root.value, where)
        return found

    def cells(self, root: Root) -> Iterator[Where]:
        """The indices of the source of a loop on its axes of fixed size."""
        where, fixed = self.where_of(root)
        dims = self.dims(root.source)
        for chosen in product(*(range(dims[axis]) for axis in fixed)):  # type: ignore[arg-type]
            full = list(where)
            for axis, k in zip(fixed, chosen, strict=True):
                full[axis] = At(self.constant(k, "i64"))
            yield tuple(full)

    def nest(self, roots: list[Root]) -> None:
        """Run loops together."""
        self.known = {}
        outside, self.lines, self.front = self.lines, [], []
        wide = len(self.states_of(roots[0].source))
        everything = [(root, reduction) for root in roots for reduction in self.reductions(root)]
        for _, reduction in everything:
            reduction.begin()

        def row(j: V) -> None:
            self.column = j
            for root in roots:
                if not root.is_reduction:
                    for where in self.cells(root):
                        self.save(self.start(root, where), self.target(root), where)
            for root, reduction in everything:
                for where in reduction.sources:
                    reduction.add(self.start(root, reduction.now(where)), j)

        def rows(i: V) -> None:
            self.row = i
            for _, reduction in everything:
                reduction.begin_row()
            self.repeat(self.named(STATES), self.lanes, row)
            for _, reduction in everything:
                reduction.end_row()
            self.known = {}

        if wide == 2:
            self.repeat(self.named(STATES), 1, rows)
        elif wide:
            self.repeat(self.named(STATES), self.lanes, row)
        else:
            row(self.constant(0, "i64"))
        for _, reduction in everything:
            reduction.end()
        self.lines, self.front = outside + self.front + self.lines, None

    def target(self, root: Root) -> Rows:
        """The rows that a loop writes to."""
        return self.targets[root.target] if root.target else self.places[root.value]

    def reductions(self, root: Root) -> list[Reduction]:
        """One reduction for each index on the axes of fixed size that are not reduced."""
        if not root.is_reduction:
            return []
        reduced = self.axes(self.step.items[root.value])
        found: dict[tuple[str, ...], list[Where]] = {}
        self.row, self.column = V("%i", "i64"), V("%j", "i64")
        for where in self.cells(root):
            key = tuple(at.first.text for axis, at in enumerate(where) if axis not in reduced)
            found.setdefault(key, []).append(where)
        return [Reduction(self, root, sources) for sources in found.values()]

    # The whole.

    def text(self) -> str:
        """The module."""
        step = self.step
        states, lanes = self.named(STATES), self.constant(self.lanes, "i64")
        whole = self.plus(states, self.constant(3 * self.lanes - 1, "i64"))
        self.row_bytes = self.times(
            self.binary("sub", whole, self.binary("srem", whole, lanes)), self.constant(8, "i64")
        )
        one = [self.rows(n, ELEMENTS[leaf.dtype]) for n, leaf in enumerate(step.leaves)]
        moving = [n for n, leaf in enumerate(step.leaves) if leaf.carried and n not in self.kept_out]
        other = {n: self.rows(n, one[n].element) for n in moving}
        self.places = dict(enumerate(one))
        roots = self.plan()
        self.targets = {
            root.target: self.rows(root.value, ELEMENTS[step.dtypes[root.value]])
            for root in roots
            if root.target.startswith("result")
        }
        for root in roots:
            if not root.target:
                self.places[root.value] = self.rows(root.value, self.held(root))
                if self.finds_place(root):
                    self.bests[root.value] = self.rows(root.value, ELEMENTS[step.dtypes[root.source]])
        for n in moving:
            self.targets[f"carried {n}"] = other[n]
        groups = self.order(roots)

        self.turn = self.variable("i64")

        def results(t: V, is_running: bool) -> None:
            for k, n in enumerate(step.results):
                rows = self.targets.get(f"result {k}")
                how = "to" if is_running or rows is None else "clear"
                self.copied(rows or self.places[n], f"result {k}", how, ("frame", t), ("unit", self.unit))

        def frame(t: V) -> None:
            self.stage, turn = "frame", self.get(self.turn)
            is_odd = self.is_odd(turn)
            for n in moving:
                now, then = self.turns(is_odd, one[n], other[n])
                self.places[n], self.targets[f"carried {n}"] = now, then
            for n, leaf in enumerate(step.leaves):
                if not leaf.carried:
                    self.copied(one[n], f"leaf {n}", "from", ("frame", t), ("unit", self.unit))
            self.numbers_of = {}
            done = self.begin_if_running(one, results, t)
            for group in groups:
                self.nest(group)
            results(t, True)
            self.put(self.plus(turn, self.constant(1, "i64")), self.turn)
            self.do(f"br label {done}")
            self.label(done)

        def unit(u: V) -> None:
            self.unit = self.plus(u, V("%first", "i64"))
            for n, leaf in enumerate(step.leaves):
                if leaf.carried:
                    self.copied(one[n], f"leaf {n}", "from", ("unit", self.unit))
            self.put(self.constant(0, "i64"), self.turn)
            self.repeat(self.named("frames"), 1, frame)
            is_odd = self.is_odd(self.get(self.turn))
            self.stage = "last"
            for n in moving:
                last, _ = self.turns(is_odd, one[n], other[n])
                self.copied(last, f"last {n}", "to", ("unit", self.unit))

        self.repeat(self.binary("sub", V("%last", "i64"), V("%first", "i64")), 1, unit)
        self.do("ret void")
        return self.module()

    def begin_if_running(self, leaves: Sequence[Rows], results: Callable[..., None], t: V) -> str:
        """Skip a frame that a shorter sequence does not have; return the label behind the frame."""
        flags = [n for n, x in enumerate(self.step.leaves) if not x.carried and (x.rank, x.dtype) == (1, "bool")]
        done, running, idle = (self.new("b") for _ in range(3))
        if len(flags) != 1:
            raise Refused("its step has no flag of the frames that count")
        flag = self.fetch(leaves[flags[0]].start, "i1", self.constant(0, "i64"))
        self.do(f"br i1 {flag.text}, label {running}, label {idle}")
        self.label(idle)
        results(t, False)
        self.do(f"br label {done}")
        self.label(running)
        return done

    def is_odd(self, x: V) -> V:
        """Say whether an integer is odd."""
        return self.compare("ne", self.binary("and", x, self.constant(1, "i64")), self.constant(0, "i64"))

    def turns(self, is_odd: V, one: Rows, other: Rows) -> tuple[Rows, Rows]:
        """The rows of the carry before a frame and after it, which change places from frame to frame."""
        pointers = []
        for a, b in ((other, one), (one, other)):
            name = f"select i1 {is_odd.text}, ptr {a.start.text}, ptr {b.start.text}"
            pointers.append(Rows(self.write(name, "ptr"), one.element, one.dims))
        return pointers[0], pointers[1]

    def held(self, root: Root) -> str:
        """The type of the rows of a value: float64 for sums on their way."""
        element = ELEMENTS[self.step.dtypes[root.value]]
        is_sum = root.is_reduction and self.step.items[root.value].function == "sum"
        return "double" if is_sum and element == "float" else element

    def finds_place(self, root: Root) -> bool:
        """Say whether a reduction asks for the row of the best score in each column."""
        if not root.is_reduction or not self.step.items[root.value].function.startswith("arg"):
            return False
        return self.states_of(root.source)[-1] not in self.axes(self.step.items[root.value])


class Reduction:
    """A reduction over states on its way: of the lanes, or of rows that lie below each other."""

    def __init__(self, emitter: StepEmitter, root: Root, sources: list[Where]) -> None:
        self.e, self.root, self.sources = emitter, root, sources
        self.item = emitter.step.items[root.value]
        reduced, states = emitter.axes(self.item), emitter.states_of(root.source)
        self.across = states[-1] in reduced
        self.each_row = len(states) == 2 and self.across and states[0] not in reduced
        self.dtype = emitter.step.dtypes[root.source]
        self.accumulator: Accumulator | None = None
        neutral = {"sum": 0.0, "max": -inf, "argmax": -inf}.get(self.item.function, inf)
        self.neutral = neutral

    @property
    def rows(self) -> Rows:
        """The result, in memory."""
        return self.e.places[self.root.value]

    def now(self, where: Where) -> Where:
        """An index of the source, at the current row and column."""
        full, _ = self.e.where_of(self.root)
        states = self.e.states_of(self.root.source)
        return tuple(full[axis] if axis in states else at for axis, at in enumerate(where))

    def where(self) -> Where:
        """The index of the result for the current row and column."""
        reduced, source = self.e.axes(self.item), self.now(self.sources[0])
        if self.item.keywords.get("keepdims"):
            return tuple(ZERO if axis in reduced else at for axis, at in enumerate(source))
        return tuple(at for axis, at in enumerate(source) if axis not in reduced)

    def begin(self) -> None:
        """Before all loops."""
        e = self.e
        if self.across:
            if not self.each_row:
                self.reset()
            return

        def clear(j: V) -> None:
            e.column = j
            best = e.bests.get(self.root.value)
            if best is not None:
                e.save(e.constant(self.neutral, best.element), best, self.where())
            first = self.neutral if best is None else 0
            e.save(e.constant(first, self.rows.element), self.rows, self.where())

        e.repeat(e.named(STATES), e.lanes, clear)

    def reset(self) -> None:
        """Begin a row."""
        node = Node(self.item.function, (Node("", dtype=self.dtype),), self.e.step.dtypes[self.root.value])
        self.accumulator = Accumulator(self.e, node)

    def begin_row(self) -> None:
        """Before the loop over a row."""
        if self.each_row:
            self.reset()

    def add(self, x: V, j: V) -> None:
        """Take the entries in the lanes."""
        e = self.e
        x = e.splat(x, e.lanes)
        if self.accumulator is not None:
            valid = e.compare("slt", e.plus(e.splat(j, e.lanes), e.steps(e.lanes)), e.named(STATES))
            self.accumulator.start()
            self.accumulator.add(x, j, valid)
            self.accumulator.flush()
            return
        where, held = self.where(), e.bests.get(self.root.value)
        if held is not None:
            best = e.read(held, where)
            better = e.better(self.item.function, x, best)
            e.save(e.select(better, x, best), held, where)
            e.save(e.select(better, e.row, e.read(self.rows, where)), self.rows, where)
            return
        best = e.read(self.rows, where)
        x = x if x.element == best.element else e.cast(x, best.element)
        if self.item.function == "sum":
            e.save(e.binary("fadd", best, x), self.rows, where)
        else:
            e.save(e.call("maximum" if self.item.function == "max" else "minimum", best, x), self.rows, where)

    def end_row(self) -> None:
        """After the loop over a row."""
        if self.each_row:
            self.finish()

    def end(self) -> None:
        """After all loops."""
        if self.across and not self.each_row:
            self.finish()

    def finish(self) -> None:
        """Write the result of the lanes."""
        assert self.accumulator is not None
        value, e = self.accumulator.result(), self.e
        element = self.rows.element
        e.save(value if value.element == element else e.cast(value, element), self.rows, self.where())
