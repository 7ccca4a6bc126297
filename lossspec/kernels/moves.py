"""Operations that move entries and change none: other axes, slices, joins, and entries taken by their index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lossspec.kernels.cells import Cells, Val, is_unit
from lossspec.kernels.nodes import Node
from lossspec.kernels.trace import Dim, Item, Refused


class Moves(Cells):
    """The arrays of one program whose entries are those of others."""

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


__all__ = ["Moves"]
