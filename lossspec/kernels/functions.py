"""Functions of numbers entry by entry, and reductions: of cells as trees of nodes, along rows as one node."""

from __future__ import annotations

import numpy as np

from lossspec.autodiff.tape import Value
from lossspec.kernels import vmath
from lossspec.kernels.cells import Cells, Val, is_unit
from lossspec.kernels.nodes import FLOATS, Node
from lossspec.kernels.trace import Constant, Dim, Item, Refused, Size, Symbols

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
ELEMENTWISE = frozenset((
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


class Functions(Cells):
    """The arrays of one program that are computed."""

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


__all__ = ["ELEMENTWISE", "Functions"]
