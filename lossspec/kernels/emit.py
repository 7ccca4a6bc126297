"""LLVM IR of a schedule: one function that takes a range of chunks of units, reads inputs once and writes results once.

Lanes are units, or entries of a row (`schedule`). Sums over units are float64 in a chunk.

The function is `kernel(i64* block, i64 first, i64 last, i8* scratch)`; `Block` names what the block holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossspec.kernels import accumulate
from lossspec.kernels.accumulate import Accumulator
from lossspec.kernels.ir import BYTES, ELEMENTS, V, vector
from lossspec.kernels.memory import Block, Memory
from lossspec.kernels.nodes import Node, Place
from lossspec.kernels.operations import Operations
from lossspec.kernels.schedule import Loop, Schedule
from lossspec.kernels.trace import Refused, Size

LONG = 200
"""Nodes of a program from which on all units go through the text with a mask: another one without doubles the time
to compile it, and saves less of the run the more is computed."""


class Emitter(Memory, Operations):
    """The text of one kernel."""

    def __init__(
        self,
        schedule: Schedule,
        block: Block,
        lanes_are: str,
        lanes: int,
        planes: frozenset[int],
        per_unit: bool,
        held: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(block, lanes_are, lanes, planes, held or {})
        self.schedule = schedule
        self.per_unit = per_unit
        """True if cotangents are arrays with an entry for each unit."""
        self.mask: V | None = None
        self.numbers: dict[Node, V] = {}
        self.stride = self.constant(1, "i64")
        """The distance of the next chunk."""

    # Numbers of a unit.

    def number(self, x: Node) -> V:
        """The number that a node is for the current units: in lanes, or one."""
        if x in self.numbers:
            return self.numbers[x]
        if x.row:
            raise Refused("a row is used as a number")
        element = ELEMENTS[x.dtype]
        if x.op == "constant":
            return self.constant(x.detail, element)
        if x.op == "size":
            return self.size(x.detail, element)
        if x.op == "cotangent":
            found = self.cotangent(x, element)
        elif x.op == "input":
            found = self.widened(x.detail, self.load(x.detail, self.in_memory(x.detail, element)))
        elif x.op == "pick":
            place = x.args[0].detail
            found = self.widened(place, self.pick(x, self.in_memory(place, element)))
        else:
            found = self.apply(x, [self.number(a) for a in x.args])
        self.numbers[x] = found
        return found

    def size(self, size: Size, element: str) -> V:
        """A number that follows from the size of an axis."""
        key = f"size {size} {element}"
        if key not in self.shared:
            n = self.product(1, size.symbols)
            lines, self.lines = self.lines, []
            if element in ("float", "double"):
                x = self.convert("sitofp", n, "double")
                if "n-1" in size.form:
                    x = self.binary("fsub", x, self.constant(1.0, "double"))
                if "sqrt" in size.form:
                    x = self.call("sqrt", x)
                factor = self.constant(size.factor, "double")
                x = self.binary("fdiv", factor, x) if size.form.startswith("1/") else self.binary("fmul", factor, x)
                x = self.binary("fadd", x, self.constant(size.shift, "double"))
                x = self.convert("fptrunc", x, "float") if element == "float" else x
            else:
                x = self.plus(self.times(n, self.constant(size.factor, "i64")), self.constant(size.shift, "i64"))
                x = x if element == "i64" else self.convert("trunc", x, element)
            self.head += self.lines
            self.lines = lines
            self.shared[key] = x
        return self.shared[key]

    def cotangent(self, x: Node, element: str) -> V:
        """The cotangent of a statistic of the current units."""
        index = self.block.cotangent(x.detail)
        if not self.per_unit:
            g = self.word(index, "double")
            return self.convert("fptrunc", g, "float") if element == "float" else g
        pointer = self.word(index, "ptr")
        if self.by_units:
            return self.gather(pointer, element, self.unit, self.constant(1, "i64"), self.mask)
        return self.fetch(pointer, element, self.unit)

    def load(self, place: Place, element: str) -> V:
        """A number of the input."""
        pointer = self.word(self.block.input(place.number), "ptr")
        start, stride, _ = self.base(place, place.number)
        if place.unit is None or not self.by_units:
            return self.fetch(pointer, element, start)
        return self.gather(pointer, element, start, stride, self.mask)

    def pick(self, x: Node, element: str) -> V:
        """One entry of a row of the input; an index out of range, which no result counts, reads the nearest."""
        row, place = x.args[0], x.args[0].detail
        pointer = self.word(self.block.input(place.number), "ptr")
        start, stride, entry = self.base(place, place.number)
        index = self.number(x.args[1])
        index = index if index.element == "i64" else self.convert("sext", index, "i64")
        size = self.product(1, row.row)
        zero = self.constant(0, "i64")
        index = self.select(self.compare("slt", index, zero), self.plus(index, self.splat(size, index.lanes)), index)
        index = self.call("smax", index, zero)
        index = self.call("smin", index, self.binary("sub", size, self.constant(1, "i64")))
        moved = self.plus(self.times(index, self.splat(entry, index.lanes)), self.splat(start, index.lanes))
        if not self.by_units:
            return self.fetch(pointer, element, moved)
        return self.taken(pointer, element, self.indices(moved, stride), self.mask)

    # Rows.

    def prepare(self, loop: Loop) -> None:
        """Compute before a loop all numbers that it uses."""
        roots = [x.args[0] for x in loop.reductions] + loop.buffers + [store.node for store in loop.stores]
        waiting, seen = list(roots), set()
        while waiting:
            x = waiting.pop()
            if id(x) in seen:
                continue
            seen.add(id(x))
            if not x.row:
                self.number(x)
            elif not (x in self.schedule.buffered and x.level < loop.level):
                waiting.extend(x.args)

    def entry(self, x: Node, loop: Loop, j: V, mask: V | None, known: dict[Node, V]) -> V:
        """The values of a row at the current entries of a loop."""
        if not x.row:
            return self.number(x)
        if x in known:
            return known[x]
        element = ELEMENTS[x.dtype]
        if x in self.schedule.buffered and x.level < loop.level:
            found = self.buffer(x, j)
        elif x.op == "position":
            at = j if self.by_units else self.plus(self.splat(j, self.lanes), self.steps(self.lanes))
            found = at if element == "i64" else self.convert("trunc", at, element)
        elif x.op == "input":
            found = self.widened(x.detail, self.entries(x.detail, self.in_memory(x.detail, element), j, mask))
        elif (index := self.place_sought(x)) is not None:
            found = self.is_at(self.number(index), j)
        else:
            found = self.apply(x, [self.entry(a, loop, j, mask, known) for a in x.args])
        known[x] = found
        return found

    def place_sought(self, x: Node) -> Node | None:
        """The number that an entry of a row compares its place with; None if it compares something else."""
        if x.op != "equal" or self.by_units or self.lanes == 1:
            return None
        one, other = x.args
        if one.op == "position":
            one, other = other, one
        return one if other.op == "position" and not one.row else None

    def is_at(self, index: V, j: V) -> V:
        """Say which of the current entries has an index: in bytes, which cost an eighth of what integers do."""
        index = index if index.element == "i64" else self.cast(index, "i64")
        apart, lanes = self.binary("sub", index, j), self.constant(self.lanes, "i64")
        here = self.convert("trunc", self.select(self.compare("ult", apart, lanes), apart, lanes), "i8")
        return self.compare("eq", self.splat(here, self.lanes), self.steps(self.lanes, "i8"))

    def entries(self, place: Place, element: str, j: V, mask: V | None) -> V:
        """Entries of a row of an input."""
        pointer = self.word(self.block.input(place.number), "ptr")
        start, stride, entry = self.base(place, place.number)
        index = self.plus(start, self.times(j, entry))
        if not self.by_units:
            return self.gather(pointer, element, index, entry, mask)
        return (
            self.fetch(pointer, element, index)
            if place.unit is None
            else self.gather(pointer, element, index, stride, mask)
        )

    def slot(self, x: Node, j: V) -> V:
        """The address of the current entries of a loop in the buffer of a row."""
        size = self.word(self.block.length)  # bytes of a buffer
        number = self.schedule.buffered[x]
        start = self.times(size, self.constant(number, "i64"))
        held = "i8" if x.dtype == "bool" else ELEMENTS[x.dtype]
        per_step = BYTES[held] * (self.width if self.by_units else 1)
        offset = self.plus(start, self.times(j, self.constant(per_step, "i64")))
        return self.write(f"getelementptr i8, ptr %scratch, i64 {offset.text}", "ptr")

    def buffer(self, x: Node, j: V) -> V:
        """The current entries of a loop from a buffer."""
        held = "i8" if x.dtype == "bool" else ELEMENTS[x.dtype]
        at = self.slot(x, j)
        found = self.write(f"load {vector(held, self.lanes)}, ptr {at.text}, align {BYTES[held]}", held, self.lanes)
        return self.truth(found) if x.dtype == "bool" else found

    def loop(self, loop: Loop) -> None:
        """One loop over a row."""
        self.prepare(loop)
        step = 1 if self.by_units else self.width
        size = self.product(1, loop.row)
        whole = size if self.by_units else self.binary("and", size, self.constant(-step, "i64"))
        accumulators = [Accumulator(self, x) for x in loop.reductions]
        blocked = any(a.blocked for a in accumulators)
        j = self.variable("i64")
        self.put(self.constant(0, "i64"), j)
        outer, body, inner, flush, rest, done = (self.new("b") for _ in range(6))
        self.do(f"br label {outer}")
        self.label(outer)
        start = self.get(j)
        more = self.compare("slt", start, whole)
        self.do(f"br i1 {more.text}, label {body}, label {rest}")
        self.label(body)
        end = whole
        if blocked:
            end = self.call("smin", self.plus(start, self.constant(accumulate.BLOCK * step, "i64")), whole)
            for a in accumulators:
                a.start()
        self.do(f"br label {inner}")
        self.label(inner)
        here = self.get(j)
        self.work(loop, here, self.mask if self.by_units else None, accumulators)
        following = self.plus(here, self.constant(step, "i64"))
        self.put(following, j)
        again = self.compare("slt", following, end)
        self.do(f"br i1 {again.text}, label {inner}, label {flush}")
        self.label(flush)
        if blocked:
            for a in accumulators:
                a.flush()
        self.do(f"br label {outer}")
        self.label(rest)
        if not self.by_units:
            tail = self.new("b")
            left = self.compare("slt", whole, size)
            self.do(f"br i1 {left.text}, label {tail}, label {done}")
            self.label(tail)
            at = self.plus(self.splat(whole, self.lanes), self.steps(self.lanes))
            mask = self.compare("slt", at, self.splat(size, self.lanes))
            for a in accumulators:
                a.start()
            self.work(loop, whole, mask, accumulators)
            for a in accumulators:
                a.flush()
        self.do(f"br label {done}")
        self.label(done)
        for a in accumulators:
            self.numbers[a.node] = a.result()

    def work(self, loop: Loop, j: V, mask: V | None, accumulators: Sequence[Accumulator]) -> None:
        """One step of a loop."""
        known: dict[Node, V] = {}
        for x in loop.buffers:
            value = self.splat(self.entry(x, loop, j, mask, known), self.lanes)
            value = self.convert("zext", value, "i8") if x.dtype == "bool" else value
            at = self.slot(x, j)
            self.do(f"store {value.type} {value.text}, ptr {at.text}, align {BYTES[value.element]}")
        for store in loop.stores:
            value = self.narrowed(store.place, self.entry(store.node, loop, j, mask, known))
            pointer = self.word(self.block.output(store.output), "ptr")
            start, stride, entry = self.base(store.place, store.place.number)
            index = self.plus(start, self.times(j, entry))
            self.scatter(value, pointer, index, stride if self.by_units else entry, mask)
        row_mask = None if self.by_units else mask
        for a in accumulators:
            a.add(self.splat(self.entry(a.node.args[0], loop, j, mask, known), self.lanes), j, row_mask)

    # The whole.

    def units(self, sums: Sequence[V]) -> None:
        """All work of the current units."""
        self.numbers = {}
        for loop in self.schedule.loops:
            self.loop(loop)
        for store in self.schedule.stores:
            value = self.narrowed(store.place, self.number(store.node))
            pointer = self.word(self.block.output(store.output), "ptr")
            start, stride, _ = self.base(store.place, store.place.number)
            if self.by_units:
                self.scatter(value, pointer, start, stride, self.mask)
            else:
                at = self.write(f"getelementptr {value.element}, ptr {pointer.text}, i64 {start.text}", "ptr")
                self.do(f"store {value.type} {value.text}, ptr {at.text}, align {BYTES[value.element]}")
        for node, total in zip(self.schedule.sums, sums, strict=True):
            value = self.number(node)
            value = value if value.element == "double" else self.cast(value, "double")
            value = self.splat(value, total.lanes)
            if self.mask is not None:
                value = self.select(self.mask, value, self.constant(0.0, "double", value.lanes))
            self.put(self.binary("fadd", self.get(total), value), total)

    def take(self, left: V, sums: Sequence[V]) -> V:
        """Do all work of the current units, of which so many are left; return their number."""
        if not self.by_units:
            self.units(sums)
            return self.constant(1, "i64")
        taken = self.call("smin", left, self.constant(self.width, "i64"))
        if len(self.schedule.order) > LONG:
            self.mask = self.lanes_below(left)
            self.units(sums)
            return taken
        full, tail, after = (self.new("b") for _ in range(3))
        whole = self.compare("sge", left, self.constant(self.width, "i64"))
        self.do(f"br i1 {whole.text}, label {full}, label {tail}")
        self.label(full)
        self.mask = None
        self.units(sums)
        self.do(f"br label {after}")
        self.label(tail)
        self.mask = self.lanes_below(left)
        self.units(sums)
        self.do(f"br label {after}")
        self.label(after)
        return taken

    def lanes_below(self, count: V) -> V:
        """The lanes of the first units."""
        return self.compare("slt", self.steps(self.lanes), self.splat(count, self.lanes))

    def text(self) -> str:
        """The module."""
        lanes = self.lanes if self.by_units else 1
        sums = [self.variable("double", lanes) for _ in self.schedule.sums]
        u, chunk = self.variable("i64"), self.variable("i64")
        count = self.word(self.block.units)
        per_chunk = self.word(self.block.chunk)
        chunks, start, units, finish, out = (self.new("b") for _ in range(5))
        self.put(V("%first", "i64"), chunk)
        self.do(f"br label {chunks}")
        self.label(chunks)
        number = self.get(chunk)
        more = self.compare("slt", number, V("%last", "i64"))
        self.do(f"br i1 {more.text}, label {start}, label {out}")
        self.label(start)
        first = self.binary("mul", number, per_chunk)
        last = self.call("smin", self.binary("add", first, per_chunk), count)
        for total in sums:
            self.put(self.constant(0.0, "double"), total)
        self.put(first, u)
        self.do(f"br label {units}")
        self.label(units)
        self.unit = self.get(u)
        left = self.binary("sub", last, self.unit)
        plane = self.word(self.block.plane)
        if self.planes:
            self.image = self.binary("sdiv", self.unit, plane)
            self.pixel = self.binary("srem", self.unit, plane)
            left = self.call("smin", left, self.binary("sub", plane, self.pixel))
        step = self.take(left, sums)
        following = self.binary("add", self.unit, step)
        self.put(following, u)
        again = self.compare("slt", following, last)
        self.do(f"br i1 {again.text}, label {units}, label {finish}")
        self.label(finish)
        all_chunks = self.binary("add", count, self.binary("sub", per_chunk, self.constant(1, "i64")))
        all_chunks = self.binary("sdiv", all_chunks, per_chunk)
        pointer = self.word(self.block.sums, "ptr")
        for rank, total in enumerate(sums):
            value = self.get(total)
            value = self.reduce(value, "fadd") if self.by_units else value
            place = self.plus(self.times(all_chunks, self.constant(rank, "i64")), number)
            at = self.write(f"getelementptr double, ptr {pointer.text}, i64 {place.text}", "ptr")
            self.do(f"store double {value.text}, ptr {at.text}, align 8")
        self.put(self.binary("add", number, self.stride), chunk)
        self.do(f"br label {chunks}")
        self.label(out)
        self.do("ret void")
        return self.module()


__all__ = ["LONG", "Emitter"]
