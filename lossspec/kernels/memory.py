"""The memory that a kernel reads and writes: the block of its arguments, and the entries of arrays in lanes.

A lane that is masked neither reads nor writes. Half precision is widened as it is read and rounded as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lossspec.kernels.halves import narrow, widen
from lossspec.kernels.ir import BYTES, V, Writer, vector
from lossspec.kernels.nodes import Place
from lossspec.kernels.schedule import UNITS
from lossspec.kernels.trace import Symbols


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


class Memory(Writer):
    """A function that reads and writes arrays, at its current units."""

    unit: V
    image: V
    pixel: V

    def __init__(
        self, block: Block, lanes_are: str, lanes: int, planes: frozenset[int], held: Mapping[int, str]
    ) -> None:
        super().__init__()
        self.block = block
        self.by_units = lanes_are == UNITS
        self.lanes = lanes
        """The lanes of a value."""
        self.width = lanes
        """The units, or the entries of a row, of one step."""
        self.planes = planes
        """The inputs whose classes come before pixels, by their number."""
        self.held = held
        """The half precision of inputs, by their number."""
        self.shared: dict[str, V] = {}

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

    def indices(self, index: V, stride: V) -> V:
        """The indices from one on that are so far apart, in the lanes."""
        return self.plus(
            self.splat(index, self.lanes), self.times(self.steps(self.lanes), self.splat(stride, self.lanes))
        )

    def gather(self, pointer: V, element: str, index: V, stride: V, mask: V | None) -> V:
        """The entries from an index on that are so far apart, in the lanes."""
        if stride.constant != 1:
            return self.taken(pointer, element, self.indices(index, stride), mask)
        held = "i8" if element == "i1" else element
        kind = vector(held, self.lanes)
        at = self.write(f"getelementptr {held}, ptr {pointer.text}, i64 {index.text}", "ptr")
        if mask is None:
            found = self.write(f"load {kind}, ptr {at.text}, align {BYTES[held]}", held, self.lanes)
        else:
            name = f"@llvm.masked.load.v{self.lanes}{_suffix(held)}.p0"
            self.declared[f"declare {kind} {name}(ptr, i32, {mask.type}, {kind})"] = None
            operands = f"ptr {at.text}, i32 {BYTES[held]}, {mask.type} {mask.text}, {kind} zeroinitializer"
            found = self.write(f"call {kind} {name}({operands})", held, self.lanes)
        return self.truth(found) if element == "i1" else found

    def taken(self, pointer: V, element: str, index: V, mask: V | None) -> V:
        """The entries at the indices in the lanes."""
        held = "i8" if element == "i1" else element
        kind = vector(held, self.lanes)
        at = self.write(f"getelementptr {held}, ptr {pointer.text}, {index.type} {index.text}", "ptr", self.lanes)
        name = f"@llvm.masked.gather.v{self.lanes}{_suffix(held)}.v{self.lanes}p0"
        mask = mask or self.constant(1, "i1", self.lanes)
        self.declared[f"declare {kind} {name}({at.type}, i32, {mask.type}, {kind})"] = None
        operands = f"{at.type} {at.text}, i32 {BYTES[held]}, {mask.type} {mask.text}, {kind} zeroinitializer"
        found = self.write(f"call {kind} {name}({operands})", held, self.lanes)
        return self.truth(found) if element == "i1" else found

    def scatter(self, value: V, pointer: V, index: V, stride: V, mask: V | None) -> None:
        """Write the lanes to entries that are so far apart."""
        value = self.splat(value, self.lanes)
        lanes, kind, held, size = self.lanes, value.type, value.element, BYTES[value.element]
        if stride.constant == 1:
            at = self.write(f"getelementptr {held}, ptr {pointer.text}, i64 {index.text}", "ptr")
            if mask is None:
                self.do(f"store {kind} {value.text}, ptr {at.text}, align {size}")
                return
            name = f"@llvm.masked.store.v{lanes}{_suffix(held)}.p0"
        else:
            index = self.indices(index, stride)
            at = self.write(
                f"getelementptr {value.element}, ptr {pointer.text}, {index.type} {index.text}", "ptr", lanes
            )
            name = f"@llvm.masked.scatter.v{lanes}{_suffix(held)}.v{lanes}p0"
            mask = mask or self.constant(1, "i1", lanes)
        self.declared[f"declare void {name}({kind}, {at.type}, i32, {mask.type})"] = None
        self.do(f"call void {name}({kind} {value.text}, {at.type} {at.text}, i32 {size}, {mask.type} {mask.text})")

    def fetch(self, pointer: V, element: str, index: V) -> V:
        """One entry."""
        held = "i8" if element == "i1" else element
        at = self.write(f"getelementptr {held}, ptr {pointer.text}, i64 {index.text}", "ptr")
        found = self.write(f"load {held}, ptr {at.text}, align {BYTES[held]}", held)
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


def _suffix(element: str) -> str:
    """The type of an entry in the name of an intrinsic."""
    return {"float": "f32", "double": "f64"}.get(element, element)


__all__ = ["Block", "Memory"]
