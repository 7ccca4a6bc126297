"""LLVM IR as text: values, instructions and loops of one function, and the module around it.

Nothing is fused, reordered or flushed: no instruction has a flag that allows it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lossspec.kernels import vmath

ELEMENTS = {
    "float32": "float",
    "float64": "double",
    "bool": "i1",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
}
KEYS = {"float": "i32", "double": "i64"}
"""The integers of the size of real numbers."""
BYTES = {"float": 4, "double": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8}


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


class Writer:
    """The text of one function on its way."""

    signature = "void @kernel(ptr noalias %block, i64 %first, i64 %last, ptr noalias %scratch)"
    most_copies: float = 8
    """A function of `vmath` that is used more often is called: a copy at each place takes long to compile."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.head: list[str] = []
        self.declared: dict[str, None] = {}
        self.functions: Counter[tuple[str, int, int]] = Counter()
        self.count = 0

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

    def steps(self, lanes: int, element: str = "i64") -> V:
        """0, 1, 2, ... in the lanes."""
        return V("<" + ", ".join(f"{element} {k}" for k in range(lanes)) + ">", element, lanes)

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
        bits = 8 * BYTES[x.element]
        self.functions[name, bits, x.lanes] += 1
        operands = ", ".join(f"{y.type} {y.text}" for y in xs)
        return self.write(f"call {x.type} @{vmath.symbol(name, bits, x.lanes)}({operands})", x.element, x.lanes)

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
            x = self.joined(instruction, *parts)
        return x

    def joined(self, instruction: str, a: V, b: V) -> V:
        """An instruction on two values, or an intrinsic; of a comparison the first value where it holds."""
        if instruction in ("ogt", "olt"):
            return self.select(self.compare(instruction, a, b), a, b)
        return self.call(instruction[5:], a, b) if instruction.startswith("llvm.") else self.binary(instruction, a, b)

    def any_of(self, flags: V) -> V:
        """Say whether a flag is set in some lane."""
        bits = self.write(f"bitcast {flags.type} {flags.text} to i{flags.lanes}", f"i{flags.lanes}")
        return self.compare("ne", bits, self.constant(0, bits.element))

    def key(self, x: V) -> V:
        """Integers in the order of real numbers: -0 is 0, and NaN is above all."""
        kind = KEYS[x.element]
        digits = 8 * BYTES[kind] - 1
        above = self.constant(2**digits - 1, kind)
        bits = self.convert("bitcast", self.binary("fadd", x, self.constant(0.0, x.element)), kind)
        flips = self.binary("and", self.binary("ashr", bits, self.constant(digits, kind)), above)
        return self.select(self.compare("uno", x, x), above, self.binary("xor", bits, flips))

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

    def module(self) -> str:
        """The text of the function that the lines are, with all that it calls."""
        body = [
            f"define {self.signature} nounwind {{",
            "entry:",
            *self.head,
            *self.lines,
            "}",
        ]
        declared, functions = dict(self.declared), []
        for (name, bits, wide), count in self.functions.items():
            for line in vmath.source(name, bits, wide, count <= self.most_copies).splitlines():
                if line.startswith("declare"):
                    declared[line.strip()] = None
                else:
                    functions.append(line)
        return "\n".join([*declared, *functions, *body]) + "\n"


__all__ = ["BYTES", "ELEMENTS", "KEYS", "V", "Writer", "literal", "vector"]
