"""The text of a pass over rows, each of which is one unit of work."""

from __future__ import annotations

import numpy as np

from lossspec.kernels.emit import Emitter
from lossspec.kernels.ir import V
from lossspec.kernels.memory import Block
from lossspec.kernels.schedule import ENTRIES, Schedule

ELEMENTS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
"""The dtypes of the arrays that a pass takes."""


class PassEmitter(Emitter):
    """The common part of passes: the loop over rows, of `size` entries each, and entries of a row in lanes."""

    def __init__(self, element: str, words: tuple[str, ...]) -> None:
        block, lanes = Block(words, 0, 0, 0), 16 if element == "float" else 8
        super().__init__(Schedule([], {}, [], [], []), block, ENTRIES, lanes, frozenset(), False)
        self.element = element

    def text(self) -> str:
        """The module."""
        self.begin()
        count = self.binary("sub", V("%last", "i64"), V("%first", "i64"))
        self.repeat(count, 1, lambda number: self.row(self.plus(number, V("%first", "i64"))))
        self.do("ret void")
        return self.module()

    def begin(self) -> None:
        """Before all rows."""

    def row(self, at: V) -> None:
        """All work of one row."""
        raise NotImplementedError

    def named(self, name: str, kind: str = "i64") -> V:
        """A word of the block."""
        return self.word(self.block.size(name), kind)

    def wide(self, x: V) -> V:
        """A value in float64."""
        return x if x.element == "double" else self.cast(x, "double")

    def narrow(self, x: V) -> V:
        """A value of float64 in the type of the arrays."""
        return x if self.element == "double" else self.cast(x, "float")

    def at(self, pointer: V, index: V, element: str) -> V:
        """The address of an entry."""
        return self.write(f"getelementptr {element}, ptr {pointer.text}, i64 {index.text}", "ptr")

    def each(self, j: V) -> V:
        """The indices in the lanes from one on."""
        return self.plus(self.splat(j, self.lanes), self.steps(self.lanes))

    def inside(self, j: V, count: V) -> V:
        """The lanes from an index on that are below a count."""
        return self.compare("slt", self.each(j), count)

    def part(self, pointer: V, j: V, element: str, outside: float = 0.0) -> V:
        """The entries of a row from an index on, and a number in the lanes behind its end."""
        mask = self.inside(j, self.named("size"))
        found = self.gather(pointer, element, j, self.constant(1, "i64"), mask)
        return found if outside == 0.0 else self.select(mask, found, self.constant(outside, element))


__all__ = ["ELEMENTS", "PassEmitter"]
