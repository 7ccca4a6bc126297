"""Entries of the values of a step, in lanes of states, as expressions of entries of others.

Shapes and slices only move indices. Some values have memory, rows in that of a sequence; sizes are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple

from lossspec.autodiff.tape import Value
from lossspec.kernels.emit import Emitter
from lossspec.kernels.ir import ELEMENTS, V, vector
from lossspec.kernels.memory import Block
from lossspec.kernels.nodes import Node
from lossspec.kernels.schedule import ENTRIES, Schedule
from lossspec.kernels.step import BATCH, STATES, Recorded
from lossspec.kernels.trace import Constant, Dim, Item, Refused, Size

CONSTANTS = {"zeros_like": 0.0, "ones_like": 1.0}
REDUCTIONS = ("sum", "max", "min", "argmax", "argmin")
_ELEMENTWISE = frozenset((
    "add", "subtract", "multiply", "divide", "negative", "where", "equal", "not_equal", "greater", "less",
    "greater_equal", "less_equal", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "logical_and",
    "logical_or", "logical_not", "maximum", "minimum", "abs", "sign", "copysign", "isnan", "isinf", "isfinite",
    "exp", "log", "log1p", "expm1", "sinh", "cosh", "tanh", "sqrt", "pow",
))  # fmt: skip
_SIZE = {"i1": 1, "i8": 1, "i32": 4, "i64": 8, "float": 4, "double": 8}
_COMPARISONS = frozenset(("equal", "not_equal", "greater", "less", "greater_equal", "less_equal"))


def _along_states(dims: Sequence[Dim]) -> list[int]:
    """The axes of states, or of nearly as many."""
    return [axis for axis, dim in enumerate(dims) if isinstance(dim, tuple) and dim != (BATCH,)]


class At(NamedTuple):
    """An index on one axis: the first of as many as there are lanes, or the same in all of them."""

    first: V
    lanes: bool = False


ZERO = At(V("0", "i64", 1, 0))
Where = tuple[At, ...]
Key = tuple[int, tuple[tuple[str, bool], ...]]


@dataclass
class Rows:
    """A place in the memory of a sequence: so many rows, of which some number depends on that of the states."""

    start: V
    element: str
    dims: tuple[Dim, ...]


class Entries(Emitter):
    """The writer of entries of the values of a step, and of the memory that some of them have."""

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
        self.known: dict[Key, V] = {}
        self.numbers_of: dict[Key, V] = {}
        self.front: list[str] | None = None
        self.reading: list[Key] | None = None
        self.row_bytes = self.constant(0, "i64")

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
        return self.taken(rows.start, rows.element, self.splat(column, self.lanes), None)

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

    def found(self, n: int, where: Where, key: Key) -> V:
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
        if name in CONSTANTS:
            return self.constant(CONSTANTS[name], ELEMENTS[dtype])
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
        if name in REDUCTIONS:
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
        at, start, found = where[axis], Size((), "n", 0, 0), None
        ends = []
        for part in parts[:-1]:
            dim = self.dims(part.index)[axis]
            if isinstance(dim, tuple) and dim != (STATES,):
                begin = self.start_of(part, axis)
                start = Size((STATES,), "n", start.factor + 1, start.shift - begin)
            elif isinstance(dim, int):
                start = Size(start.symbols, "n", start.factor, start.shift + dim)
            else:
                start = Size((STATES,), "n", start.factor + 1, start.shift)
            ends.append(start)
        for number in reversed(range(len(parts))):
            before = None if not number else ends[number - 1]
            moved = at
            if before is not None:
                offset = self.constant(-before.shift, "i64")
                if before.symbols:
                    offset = self.binary(
                        "sub", offset, self.times(self.named(STATES), self.constant(before.factor, "i64"))
                    )
                moved = At(self.plus(at.first, offset), at.lanes)
            here = self.operand(parts[number], (*where[:axis], moved, *where[axis + 1 :]), dtype)
            if found is None:
                found = here
                continue
            end = self.size(ends[number], "i64") if ends[number].symbols else self.constant(ends[number].shift, "i64")
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


__all__ = ["CONSTANTS", "REDUCTIONS", "ZERO", "At", "Entries", "Key", "Rows", "Where"]
