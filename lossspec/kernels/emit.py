"""LLVM IR of a schedule: one function that takes a range of chunks of units, reads inputs once and writes results once.

Nothing is fused, reordered or flushed: every operation rounds as it does in NumPy. Lanes are units, or entries of a row
(`schedule`). Sums over a row are formed in blocks that are added in float64, sums over units in float64 a chunk.

The function is `kernel(i64* block, i64 first, i64 last, i8* scratch)`; `Block` names what the block holds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from lossspec.kernels import vmath
from lossspec.kernels.halves import narrow, widen
from lossspec.kernels.lower import FLOATS, Node, Place
from lossspec.kernels.schedule import UNITS, Loop, Schedule
from lossspec.kernels.trace import Refused, Size, Symbols

BLOCK = 16
"""Vectors of a row that are summed in its own precision before float64 takes over."""

ELEMENTS = {
    "float32": "float",
    "float64": "double",
    "bool": "i1",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
}
_BYTES = {"float": 4, "double": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
_CONDITIONS = {
    "equal": ("oeq", "eq"),
    "not_equal": ("une", "ne"),
    "less": ("olt", "slt"),
    "less_equal": ("ole", "sle"),
    "greater": ("ogt", "sgt"),
    "greater_equal": ("oge", "sge"),
}
_LOGIC = {"bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor"}
_LOGIC |= {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
_ROUNDING = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "roundeven"}


class V(NamedTuple):
    """A value in IR: its text, its element type, how many lanes it has, and what it is if it is a constant."""

    text: str
    element: str
    lanes: int = 1
    constant: float | int | None = None

    @property
    def type(self) -> str:
        """Its type in IR."""
        return vector(self.element, self.lanes)


def vector(element: str, lanes: int) -> str:
    """The type of some lanes."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


@dataclass(frozen=True)
class Block:
    """The order of the 64-bit words in the block that a kernel is called with."""

    symbols: tuple[str, ...]
    cotangents: int
    inputs: int
    outputs: int

    units, chunk, sums, plane = 0, 1, 2, 3

    def size(self, symbol: str) -> int:
        """The size of an axis."""
        return 4 + self.symbols.index(symbol)

    def cotangent(self, rank: int) -> int:
        """The cotangent of a statistic: a float64, or where those of all units are."""
        return 4 + len(self.symbols) + rank

    def input(self, number: int) -> int:
        """The word with the address of an input."""
        return self.cotangent(self.cotangents) + number

    def output(self, number: int) -> int:
        """The word with the address of an output."""
        return self.input(self.inputs) + number

    @property
    def length(self) -> int:
        """The number of words."""
        return self.output(self.outputs)


def literal(value: float, element: str) -> str:
    """A constant as LLVM writes it: real numbers by the bits of the double that they are."""
    if element in ("float", "double"):
        if element == "float":
            with np.errstate(over="ignore"):
                value = float(np.float32(value))
        return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"
    if element == "i1":
        return "true" if value else "false"
    return str(int(value))


class Emitter:
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
        self.schedule = schedule
        self.block = block
        self.by_units = lanes_are == UNITS
        self.lanes = lanes
        self.planes = planes
        self.per_unit = per_unit
        """True if cotangents are arrays with an entry for each unit."""
        self.held = held or {}
        """The half precision of inputs, by their number."""
        self.lines: list[str] = []
        self.head: list[str] = []
        self.declared: dict[str, None] = {}
        self.functions: dict[tuple[str, int, int], None] = {}
        self.count = 0
        self.mask: V | None = None
        self.numbers: dict[Node, V] = {}
        self.shared: dict[str, V] = {}

    # The least that can be written.

    def new(self, stem: str = "v") -> str:
        """A fresh name."""
        self.count += 1
        return f"%{stem}{self.count}"

    def write(self, text: str, element: str, lanes: int = 1) -> V:
        """An instruction with a result."""
        name = self.new()
        self.lines.append(f"  {name} = {text}")
        return V(name, element, lanes)

    def do(self, text: str) -> None:
        """An instruction without one."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """The start of a basic block, of the name without its sign."""
        self.lines.append(f"{name[1:]}:")

    def repeat(self, count: V, step: int, body: Callable[[V], None]) -> None:
        """Repeat for 0, `step`, 2 * `step`, ... below a count."""
        j = self.variable("i64")
        self.put(self.constant(0, "i64"), j)
        head, inside, done = (self.new("b") for _ in range(3))
        self.do(f"br label {head}")
        self.label(head)
        here = self.get(j)
        more = self.compare("slt", here, count)
        self.do(f"br i1 {more.text}, label {inside}, label {done}")
        self.label(inside)
        body(here)
        self.put(self.plus(here, self.constant(step, "i64")), j)
        self.do(f"br label {head}")
        self.label(done)

    def constant(self, value: float, element: str, lanes: int = 1) -> V:
        """A constant in all lanes."""
        text = literal(value, element)
        if lanes > 1:
            text = "<" + ", ".join([f"{element} {text}"] * lanes) + ">"
        return V(text, element, lanes, value)

    def steps(self, lanes: int) -> V:
        """0, 1, 2, ... in the lanes."""
        return V("<" + ", ".join(f"i64 {k}" for k in range(lanes)) + ">", "i64", lanes)

    def splat(self, x: V, lanes: int) -> V:
        """A number in all lanes."""
        if x.lanes == lanes:
            return x
        if x.constant is not None:
            return self.constant(x.constant, x.element, lanes)
        kind = vector(x.element, lanes)
        first = self.write(f"insertelement {kind} poison, {x.element} {x.text}, i32 0", x.element, lanes)
        zeros = "zeroinitializer"
        return self.write(
            f"shufflevector {kind} {first.text}, {kind} poison, <{lanes} x i32> {zeros}", x.element, lanes
        )

    def alike(self, *xs: V) -> list[V]:
        """Values with the lanes of the widest."""
        lanes = max(x.lanes for x in xs)
        return [self.splat(x, lanes) for x in xs]

    def binary(self, instruction: str, a: V, b: V) -> V:
        """An instruction on two values of a type."""
        a, b = self.alike(a, b)
        return self.write(f"{instruction} {a.type} {a.text}, {b.text}", a.element, a.lanes)

    def compare(self, condition: str, a: V, b: V) -> V:
        """A comparison."""
        a, b = self.alike(a, b)
        kind = "fcmp" if a.element in ("float", "double") else "icmp"
        return self.write(f"{kind} {condition} {a.type} {a.text}, {b.text}", "i1", a.lanes)

    def select(self, condition: V, a: V, b: V) -> V:
        """A choice in every lane."""
        a, b = self.alike(a, b)
        if condition.lanes > 1 or a.lanes > 1:
            condition, a, b = self.alike(condition, a, b)
        return self.write(
            f"select {condition.type} {condition.text}, {a.type} {a.text}, {b.type} {b.text}", a.element, a.lanes
        )

    def convert(self, instruction: str, x: V, element: str) -> V:
        """A conversion."""
        return self.write(f"{instruction} {x.type} {x.text} to {vector(element, x.lanes)}", element, x.lanes)

    def call(self, name: str, *xs: V) -> V:
        """An intrinsic whose result has the type of its operands."""
        xs = tuple(self.alike(*xs))
        x = xs[0]
        suffix = {"float": "f32", "double": "f64"}.get(x.element, x.element)
        full = f"@llvm.{name}.{f'v{x.lanes}' if x.lanes > 1 else ''}{suffix}"
        self.declared[f"declare {x.type} {full}({', '.join([x.type] * len(xs))})"] = None
        operands = ", ".join(f"{y.type} {y.text}" for y in xs)
        return self.write(f"call {x.type} {full}({operands})", x.element, x.lanes)

    def function(self, name: str, *xs: V) -> V:
        """A function of `vmath`."""
        xs = tuple(self.alike(*xs))
        x = xs[0]
        bits = 8 * _BYTES[x.element]
        self.functions[name, bits, x.lanes] = None
        operands = ", ".join(f"{y.type} {y.text}" for y in xs)
        return self.write(f"call {x.type} @{vmath.symbol(name, bits, x.lanes)}({operands})", x.element, x.lanes)

    def variable(self, element: str, lanes: int = 1) -> V:
        """A place on the stack, which the optimiser turns into registers."""
        name = self.new("s")
        self.head.append(f"  {name} = alloca {vector(element, lanes)}")
        return V(name, element, lanes)

    def get(self, variable: V) -> V:
        """The value of a variable."""
        return self.write(f"load {variable.type}, ptr {variable.text}", variable.element, variable.lanes)

    def put(self, value: V, variable: V) -> None:
        """Set a variable."""
        value = self.splat(value, variable.lanes)
        self.do(f"store {value.type} {value.text}, ptr {variable.text}")

    # Memory.

    def word(self, index: int, element: str = "i64") -> V:
        """A word of the block."""
        key = f"{index} {element}"
        if key not in self.shared:
            place = self.new()
            self.head.append(f"  {place} = getelementptr i64, ptr %block, i64 {index}")
            name = self.new()
            self.head.append(f"  {name} = load {element}, ptr {place}")
            self.shared[key] = V(name, element)
        return self.shared[key]

    def product(self, factor: int, symbols: Symbols) -> V:
        """A distance in memory: a number times the sizes of axes."""
        if not symbols:
            return self.constant(factor, "i64")
        key = f"product {factor} {symbols}"
        if key not in self.shared:
            total = self.word(self.block.size(symbols[0])).text
            for more in [self.word(self.block.size(s)).text for s in symbols[1:]] + (
                [str(factor)] if factor != 1 else []
            ):
                name = self.new()
                self.head.append(f"  {name} = mul i64 {total}, {more}")
                total = name
            self.shared[key] = V(total, "i64")
        return self.shared[key]

    def times(self, x: V, y: V) -> V:
        """A product of integers."""
        for one, other in ((x, y), (y, x)):
            if one.constant == 1:
                return other
            if one.constant == 0:
                return self.constant(0, "i64", max(x.lanes, y.lanes))
        return self.binary("mul", x, y)

    def plus(self, x: V, y: V) -> V:
        """A sum of integers."""
        for one, other in ((x, y), (y, x)):
            if one.constant == 0 and other.lanes >= one.lanes:
                return other
        return self.binary("add", x, y)

    def base(self, place: Place, number: int) -> tuple[V, V, V]:
        """Of an array at the current units: where the first is, how far the next unit and the next entry are."""
        cell = self.constant(0, "i64")
        for factor, symbols in place.cell:
            cell = self.plus(cell, self.product(factor, symbols))
        if place.unit is None:
            return cell, self.constant(0, "i64"), self.product(*place.entry)
        if number in self.planes:
            plane = self.word(self.block.plane)
            entry = self.plus(self.times(self.image, self.product(*place.unit)), cell)
            start = self.plus(self.times(entry, plane), self.pixel)
            return start, self.constant(1, "i64"), plane
        stride = self.product(*place.unit)
        return self.plus(self.times(self.unit, stride), cell), stride, self.product(*place.entry)

    def gather(self, pointer: V, element: str, index: V, stride: V, mask: V | None) -> V:
        """The entries from an index on that are so far apart, in the lanes; many indices are taken as they are."""
        held = "i8" if element == "i1" else element
        lanes = self.lanes
        kind = vector(held, lanes)
        suffix = {"float": "f32", "double": "f64"}.get(held, held)
        if index.lanes == 1 and stride.constant == 1:
            at = self.write(f"getelementptr {held}, ptr {pointer.text}, i64 {index.text}", "ptr")
            if mask is None:
                found = self.write(f"load {kind}, ptr {at.text}, align {_BYTES[held]}", held, lanes)
            else:
                name = f"@llvm.masked.load.v{lanes}{suffix}.p0"
                self.declared[f"declare {kind} {name}(ptr, i32, <{lanes} x i1>, {kind})"] = None
                found = self.write(
                    f"call {kind} {name}(ptr {at.text}, i32 {_BYTES[held]}, {mask.type} {mask.text}, "
                    f"{kind} zeroinitializer)",
                    held,
                    lanes,
                )
        else:
            if index.lanes == 1:
                index = self.plus(self.splat(index, lanes), self.times(self.steps(lanes), self.splat(stride, lanes)))
            at = self.write(f"getelementptr {held}, ptr {pointer.text}, {index.type} {index.text}", "ptr", lanes)
            name = f"@llvm.masked.gather.v{lanes}{suffix}.v{lanes}p0"
            self.declared[f"declare {kind} {name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {kind})"] = None
            mask = mask or self.constant(1, "i1", lanes)
            found = self.write(
                f"call {kind} {name}({at.type} {at.text}, i32 {_BYTES[held]}, {mask.type} {mask.text}, "
                f"{kind} zeroinitializer)",
                held,
                lanes,
            )
        return self.truth(found) if element == "i1" else found

    def scatter(self, value: V, pointer: V, index: V, stride: V, mask: V | None) -> None:
        """Write the lanes to entries that are so far apart."""
        value = self.splat(value, self.lanes)
        lanes, kind, size = self.lanes, value.type, _BYTES[value.element]
        suffix = {"float": "f32", "double": "f64"}.get(value.element, value.element)
        if stride.constant == 1:
            at = self.write(f"getelementptr {value.element}, ptr {pointer.text}, i64 {index.text}", "ptr")
            if mask is None:
                self.do(f"store {kind} {value.text}, ptr {at.text}, align {size}")
                return
            name = f"@llvm.masked.store.v{lanes}{suffix}.p0"
            self.declared[f"declare void {name}({kind}, ptr, i32, <{lanes} x i1>)"] = None
            self.do(f"call void {name}({kind} {value.text}, ptr {at.text}, i32 {size}, {mask.type} {mask.text})")
            return
        index = self.plus(self.splat(index, lanes), self.times(self.steps(lanes), self.splat(stride, lanes)))
        at = self.write(f"getelementptr {value.element}, ptr {pointer.text}, {index.type} {index.text}", "ptr", lanes)
        name = f"@llvm.masked.scatter.v{lanes}{suffix}.v{lanes}p0"
        self.declared[f"declare void {name}({kind}, <{lanes} x ptr>, i32, <{lanes} x i1>)"] = None
        mask = mask or self.constant(1, "i1", lanes)
        self.do(f"call void {name}({kind} {value.text}, {at.type} {at.text}, i32 {size}, {mask.type} {mask.text})")

    def fetch(self, pointer: V, element: str, index: V) -> V:
        """One entry."""
        held = "i8" if element == "i1" else element
        at = self.write(f"getelementptr {held}, ptr {pointer.text}, i64 {index.text}", "ptr")
        found = self.write(f"load {held}, ptr {at.text}, align {_BYTES[held]}", held)
        return self.truth(found) if element == "i1" else found

    def in_memory(self, place: Place, element: str) -> str:
        """The type of an entry of an input as it lies in memory."""
        return "i16" if place.number in self.held else element

    def widened(self, place: Place, x: V) -> V:
        """An entry of an input in the type in which it is computed."""
        return widen(self, x, self.held[place.number]) if place.number in self.held else x

    def narrowed(self, place: Place, x: V) -> V:
        """A result in the type of the input that it belongs to."""
        return narrow(self, x, self.held[place.number]) if place.number in self.held else x

    def truth(self, x: V) -> V:
        """A byte as a truth value."""
        return self.compare("ne", x, self.constant(0, "i8"))

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
        lanes = self.times(self.steps(self.lanes), self.splat(stride, self.lanes))
        return self.gather(pointer, element, self.plus(self.splat(moved, self.lanes), lanes), stride, self.mask)

    # Operations.

    def apply(self, x: Node, args: list[V]) -> V:
        """An operation of numbers or of entries."""
        op, element = x.op, ELEMENTS[x.dtype]
        of_floats = element in ("float", "double")
        if op in _CONDITIONS:
            real = args[0].element in ("float", "double")
            if args[0].element == "i1" and op not in ("equal", "not_equal"):
                raise Refused("truth values are ordered")
            return self.compare(_CONDITIONS[op][0 if real else 1], *args)
        if op == "where":
            return self.select(*args)
        if op in _LOGIC:
            return self.binary(_LOGIC[op], *args)
        if op in ("bitwise_invert", "logical_not"):
            return self.binary("xor", args[0], self.constant(1 if element == "i1" else -1, element))
        if op == "cast":
            return self.cast(args[0], element)
        if op == "row":
            return args[0]
        if op in ("isnan", "isinf", "isfinite"):
            if op == "isnan":
                return self.compare("uno", args[0], args[0])
            return self.compare(
                "oeq" if op == "isinf" else "olt", self.call("fabs", args[0]), self.constant(inf, args[0].element)
            )
        if element == "i1":
            raise Refused(f"{op} of truth values")
        if op in ("add", "subtract", "multiply"):
            name = {"add": "add", "subtract": "sub", "multiply": "mul"}[op]
            return self.binary(("f" if of_floats else "") + name, *args)
        if op == "negative":
            if of_floats:
                return self.write(f"fneg {args[0].type} {args[0].text}", element, args[0].lanes)
            return self.binary("sub", self.constant(0, element), args[0])
        if op == "remainder" and not of_floats:
            a, b = self.alike(*args)
            rest = self.binary("srem", a, b)
            zero = self.constant(0, element)
            apart = self.compare("slt", self.binary("xor", rest, b), zero)
            wrong = self.binary("and", self.compare("ne", rest, zero), apart)
            return self.select(wrong, self.binary("add", rest, b), rest)
        if op in ("maximum", "minimum"):
            names = {"maximum": ("maximum", "smax"), "minimum": ("minimum", "smin")}[op]
            return self.call(names[0 if of_floats else 1], *args)
        if not of_floats:
            raise Refused(f"{op} of integers")
        if op == "divide":
            return self.binary("fdiv", *args)
        if op == "abs":
            return self.call("fabs", args[0])
        if op == "sign":
            a, zero, one = args[0], self.constant(0.0, element), self.constant(1.0, element)
            signed = self.select(self.compare("ogt", a, zero), one, self.constant(-1.0, element))
            flat = self.select(self.compare("oeq", a, zero), zero, signed)
            return self.select(self.compare("uno", a, a), a, flat)
        if op in _ROUNDING:
            return self.call(_ROUNDING[op], args[0])
        if op == "copysign":
            return self.call("copysign", *args)
        if op in vmath.FUNCTIONS:
            return self.function(op, *args)
        raise Refused(f"no kernel has {op}")

    def cast(self, x: V, element: str) -> V:
        """A value in another type."""
        real, to_real = (e in ("float", "double") for e in (x.element, element))
        if element == "i1":
            return self.compare("une" if real else "ne", x, self.constant(0, x.element))
        if real and to_real:
            return self.convert("fpext" if element == "double" else "fptrunc", x, element)
        if to_real:
            return self.convert("uitofp" if x.element == "i1" else "sitofp", x, element)
        if x.element == "i1":
            return self.convert("zext", x, element)
        return self.convert("sext" if _BYTES[element] > _BYTES[x.element] else "trunc", x, element)

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
        else:
            found = self.apply(x, [self.entry(a, loop, j, mask, known) for a in x.args])
        known[x] = found
        return found

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
        per_step = _BYTES[held] * (self.lanes if self.by_units else 1)
        offset = self.plus(start, self.times(j, self.constant(per_step, "i64")))
        return self.write(f"getelementptr i8, ptr %scratch, i64 {offset.text}", "ptr")

    def buffer(self, x: Node, j: V) -> V:
        """The current entries of a loop from a buffer."""
        held = "i8" if x.dtype == "bool" else ELEMENTS[x.dtype]
        at = self.slot(x, j)
        found = self.write(f"load {vector(held, self.lanes)}, ptr {at.text}, align {_BYTES[held]}", held, self.lanes)
        return self.truth(found) if x.dtype == "bool" else found

    def loop(self, loop: Loop) -> None:
        """One loop over a row."""
        self.prepare(loop)
        step = 1 if self.by_units else self.lanes
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
            end = self.call("smin", self.plus(start, self.constant(BLOCK * step, "i64")), whole)
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
            self.do(f"store {value.type} {value.text}, ptr {at.text}, align {_BYTES[value.element]}")
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
                self.do(f"store {value.type} {value.text}, ptr {at.text}, align {_BYTES[value.element]}")
        for node, total in zip(self.schedule.sums, sums, strict=True):
            value = self.number(node)
            value = value if value.element == "double" else self.cast(value, "double")
            value = self.splat(value, total.lanes)
            if self.mask is not None:
                value = self.select(self.mask, value, self.constant(0.0, "double", value.lanes))
            self.put(self.binary("fadd", self.get(total), value), total)

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
        after = self.new("b")
        if self.by_units:
            full, tail = self.new("b"), self.new("b")
            whole = self.compare("sge", left, self.constant(self.lanes, "i64"))
            self.do(f"br i1 {whole.text}, label {full}, label {tail}")
            self.label(full)
            self.mask = None
            self.units(sums)
            self.do(f"br label {after}")
            self.label(tail)
            self.mask = self.compare("slt", self.steps(self.lanes), self.splat(left, self.lanes))
            self.units(sums)
            self.do(f"br label {after}")
            self.label(after)
            step = self.call("smin", left, self.constant(self.lanes, "i64"))
        else:
            self.units(sums)
            self.do(f"br label {after}")
            self.label(after)
            step = self.constant(1, "i64")
        following = self.binary("add", self.unit, step)
        self.put(following, u)
        again = self.compare("slt", following, last)
        self.do(f"br i1 {again.text}, label {units}, label {finish}")
        self.label(finish)
        all_chunks = self.binary("add", count, self.binary("sub", per_chunk, self.constant(1, "i64")))
        all_chunks = self.binary("sdiv", all_chunks, per_chunk)
        pointer = self.word(self.block.sums, "ptr")
        for rank, total in enumerate(sums):
            value = self.reduce(self.get(total), "fadd")
            place = self.plus(self.times(all_chunks, self.constant(rank, "i64")), number)
            at = self.write(f"getelementptr double, ptr {pointer.text}, i64 {place.text}", "ptr")
            self.do(f"store double {value.text}, ptr {at.text}, align 8")
        self.put(self.binary("add", number, self.constant(1, "i64")), chunk)
        self.do(f"br label {chunks}")
        self.label(out)
        self.do("ret void")
        return self.module()

    def module(self) -> str:
        """The text of the function that the lines are, with all that it calls."""
        body = [
            "define void @kernel(ptr noalias %block, i64 %first, i64 %last, ptr noalias %scratch) nounwind {",
            "entry:",
            *self.head,
            *self.lines,
            "}",
        ]
        declared, functions = dict(self.declared), []
        for name, bits, wide in self.functions:
            for line in vmath.source(name, bits, wide).splitlines():
                if line.startswith("declare"):
                    declared[line.strip()] = None
                else:
                    functions.append(line)
        return "\n".join([*declared, *functions, *body]) + "\n"

    def reduce(self, x: V, instruction: str) -> V:
        """The lanes combined by a fixed tree."""
        while x.lanes > 1:
            half = x.lanes // 2
            parts = []
            for first in (0, half):
                order = ", ".join(f"i32 {first + k}" for k in range(half))
                parts.append(
                    self.write(
                        f"shufflevector {x.type} {x.text}, {x.type} poison, <{half} x i32> <{order}>"
                        if half > 1
                        else f"extractelement {x.type} {x.text}, i32 {first}",
                        x.element,
                        half,
                    )
                )
            a, b = parts
            x = self.call(instruction[5:], a, b) if instruction.startswith("llvm.") else self.binary(instruction, a, b)
        return x


class Accumulator:
    """A reduction of a row on its way."""

    def __init__(self, emitter: Emitter, node: Node) -> None:
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
            first = emitter.constant(0, "i64", lanes) if emitter.by_units else emitter.steps(lanes)
            emitter.put(first, self.at)

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
            better = e.compare("ogt" if self.op == "argmax" else "olt", x, best)
            is_nan = e.binary("and", e.compare("uno", x, x), e.compare("ord", best, best))
            better = e.binary("or", better, is_nan)
            better = better if mask is None else e.binary("and", better, mask)
            at = e.splat(j, e.lanes) if e.by_units else e.plus(e.splat(j, e.lanes), e.steps(e.lanes))
            e.put(e.select(better, x, best), self.held)
            e.put(e.select(better, at, e.get(self.at)), self.at)

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
            best = e.splat(e.reduce(value, f"llvm.{'maximum' if self.op == 'argmax' else 'minimum'}"), e.lanes)
            same = e.compare("oeq", value, best)
            same = e.binary("or", same, e.binary("and", e.compare("uno", value, value), e.compare("uno", best, best)))
            candidates = e.select(same, at, e.constant(2**62, "i64"))
            return e.reduce(candidates, "llvm.smin")
        if e.by_units:
            return value
        how = {"max": "llvm.maximum", "min": "llvm.minimum", "any": "or", "all": "and"}.get(self.op, "add")
        return e.reduce(value, how)


__all__ = ["BLOCK", "Block", "Emitter", "literal"]
