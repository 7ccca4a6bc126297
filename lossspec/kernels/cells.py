"""Arrays of a program as arrays of nodes: one for each entry of the axes of fixed size.

The axes of the units and of rows have size 1 there. So slices, concatenations and sums along a fixed axis (the four
numbers of a box) are what NumPy makes of object arrays, and cost nothing at run time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from lossspec.autodiff.tape import Value
from lossspec.kernels.nodes import Nodes
from lossspec.kernels.trace import Constant, Dim, Refused, Size

_MOST_CELLS = 64


@dataclass
class Val:
    """An array of the program."""

    dims: tuple[Dim, ...]
    cells: Any
    dtype: str


def is_unit(dim: Dim) -> bool:
    """Say whether an axis is one of units."""
    return isinstance(dim, tuple) and dim[0].startswith("unit:")


class Cells(Nodes):
    """The arrays of one program."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[int, Val] = {}

    def _new(self, dims: Iterable[Dim]) -> Any:
        """An empty array of cells."""
        shape = tuple(dim if isinstance(dim, int) else 1 for dim in dims)
        if 0 in shape:
            raise Refused("an axis has size 0")
        if prod(shape) > _MOST_CELLS:
            raise Refused("an axis of fixed size is too long to be spelt out")
        return np.empty(shape, dtype=object)

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


__all__ = ["Cells", "Val", "is_unit"]
