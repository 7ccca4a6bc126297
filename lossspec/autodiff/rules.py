"""The table of derivatives: for each function of the standard, how a cotangent of its result reaches its operands.

A rule is Array API code on the namespace it is given, so running it on traced arrays gives gradients of gradients. It
is called as `rule(xp, g, output, *operands, **keywords)`. `needs` says which values it reads, "0" the first operand,
"o" the output: only those are kept alive. An operand that is not read comes with its shape and dtype only. A rule need
not undo broadcasting or promotion; `tape.pull_back` does.

Conventions where there is no derivative: 0 for |x| at 0, for norms and standard deviations at 0, for the angle and
radius at the origin; ties of maximum, minimum, max and min share evenly; clip passes the cotangent on at its bounds;
steps (sign, floor, ...) have derivative 0. sqrt at 0 has what calculus gives: inf. A cotangent is chosen with `where`
and never multiplied by 0, so NaN or inf in one branch does not reach the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from lossspec.dispatch import backend_of
from lossspec.errors import GradientError

Array = Any
Vjp = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Rule:
    """The derivative of one function in each of its array operands.

    `operands` counts them where it is 1 or 2 and the function has no other arguments; such functions record themselves
    on a shorter path, as do those that are `alone`: of one array, and other arguments that are none. `joint` gives the
    cotangents of all operands at once.
    """

    name: str
    vjps: tuple[Vjp, ...]
    needs: tuple[str, ...] = ()
    operands: int = 0
    joint: Callable[..., Sequence[Any]] | None = None
    sequence: bool = False
    alone: bool = False


RULES: dict[str, Rule] = {}
"""The functions with a derivative."""

COMPOSED: dict[str, Callable[..., Any]] = {}
"""Functions that are written in terms of others where they meet a traced array, for example to put operands that
come by keyword in their place. Those in both tables record themselves by the name `recorded_NAME`; `constant_NAME` is
the function with a result that has no derivative."""

# fmt: off
CONSTANT = frozenset((
    "all", "any", "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "searchsorted", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "bitwise_left_shift", "bitwise_right_shift",
    "isfinite", "isinf", "isnan", "signbit", "sign", "floor", "ceil", "round", "trunc", "floor_divide", "zeros_like",
    "ones_like", "full_like", "empty_like", "isin", "isdtype", "finfo", "iinfo", "result_type", "can_cast",
    "broadcast_shapes", "unique_values", "unique_counts", "unique_inverse", "unique_all",
))
# fmt: on
"""Functions whose result has no derivative, or the derivative 0: it is plain."""


def add_rule(name: str, *vjps: Vjp) -> None:
    """Give a function that has no derivative its rule: for each array operand, its cotangent from that of the result.

    `name` is that of the function in the namespace of arrays, as "cbrt" or "linalg.det". A rule is called as
    `vjp(xp, g, output, *operands, **keywords)`; one that returns None sends nothing back.

    .. versionadded:: 0.1
    """
    if name in RULES or name in COMPOSED or name in CONSTANT:
        raise GradientError(f"{name} has a derivative already. Fix: call what differs by a name of its own.")
    everything = "".join(map(str, range(len(vjps)))) + "o"
    RULES[name] = Rule(name, vjps, (everything,) * len(vjps))


def _elementwise(name: str, *vjps: Vjp, needs: tuple[str, ...]) -> None:
    RULES[name] = Rule(name, vjps, needs, operands=len(vjps))


def _general(name: str, *vjps: Vjp, needs: tuple[str, ...] = ("",), alone: bool | None = None) -> None:
    RULES[name] = Rule(name, vjps, needs, alone=len(vjps) == 1 if alone is None else alone)


# Elementwise, of one array.


def _unary(name: str, needs: str, vjp: Vjp) -> None:
    _elementwise(name, vjp, needs=(needs,))


def _log_factor(base: float) -> Vjp:
    factor = 1 / math.log(base)
    return lambda xp, g, o, x: g * factor / x


def _tanh(xp: Any, g: Array, o: Array, x: Array) -> Array:
    """1 - tanh^2 = 4 e / (1 + e)^2 with e = exp(-2 |x|), which keeps its digits; either branch is analytic at 0."""
    e = xp.exp(xp.where(x > 0, -2.0 * x, 2.0 * x))
    return g * (4.0 * e / ((1.0 + e) * (1.0 + e)))


_unary("negative", "", lambda xp, g, o, x: -g)
_unary("positive", "", lambda xp, g, o, x: g)
_unary("abs", "0", lambda xp, g, o, x: g * xp.sign(x))
_unary("square", "0", lambda xp, g, o, x: g * (2.0 * x))
_unary("sqrt", "o", lambda xp, g, o, x: 0.5 * g / o)
_unary("exp", "o", lambda xp, g, o, x: g * o)
_unary("expm1", "0", lambda xp, g, o, x: g * xp.exp(x))
_unary("log", "0", lambda xp, g, o, x: g / x)
_unary("log1p", "0", lambda xp, g, o, x: g / (1.0 + x))
_unary("log2", "0", _log_factor(2))
_unary("log10", "0", _log_factor(10))
_unary("sin", "0", lambda xp, g, o, x: g * xp.cos(x))
_unary("cos", "0", lambda xp, g, o, x: -g * xp.sin(x))
_unary("tan", "o", lambda xp, g, o, x: g * (1.0 + o * o))
_unary("asin", "0", lambda xp, g, o, x: g / xp.sqrt((1.0 - x) * (1.0 + x)))
_unary("acos", "0", lambda xp, g, o, x: -g / xp.sqrt((1.0 - x) * (1.0 + x)))
_unary("atan", "0", lambda xp, g, o, x: g / (1.0 + x * x))
_unary("sinh", "0", lambda xp, g, o, x: g * xp.cosh(x))
_unary("cosh", "0", lambda xp, g, o, x: g * xp.sinh(x))
_unary("tanh", "0", _tanh)
_unary("asinh", "0", lambda xp, g, o, x: g / xp.hypot(x, xp.ones_like(x)))
_unary("acosh", "0", lambda xp, g, o, x: g / (xp.sqrt(x - 1.0) * xp.sqrt(x + 1.0)))
_unary("atanh", "0", lambda xp, g, o, x: g / ((1.0 - x) * (1.0 + x)))
_unary("reciprocal", "o", lambda xp, g, o, x: -g * (o * o))


# Elementwise, of two arrays.


def _pow_base(xp: Any, g: Array, o: Array, x: Array, y: Any) -> Any:
    if isinstance(y, (int, float)):
        if y == 2:
            return g * (2.0 * x)
        if y == 1:
            return g
        return None if y == 0 else g * (y * x ** (y - 1))
    none = y == 0
    return xp.where(none, 0.0, g * (y * x ** xp.where(none, 1.0, y - 1)))


def _pow_exponent(xp: Any, g: Array, o: Array, x: Any, y: Array) -> Array:
    if isinstance(x, (int, float)):
        return g * (o * (math.log(x) if x > 0 else math.nan if x < 0 else 0.0))
    zero = x == 0
    return xp.where(zero, 0.0, g * (o * xp.log(xp.where(zero, 1.0, x))))


def _share(xp: Any, g: Array, x: Any, y: Any) -> Array:
    """The cotangent where x > y, half of it where they are equal, else 0."""
    return xp.where(x > y, g, xp.where(x == y, 0.5 * g, 0.0))


def _arrays(xp: Any, x: Any, y: Any) -> tuple[Array, Array]:
    """Both operands as arrays, where one may be a number."""
    if isinstance(x, (int, float)):
        return xp.full_like(y, x), y
    return x, xp.full_like(x, y) if isinstance(y, (int, float)) else y


def _sigmoid(xp: Any, g: Array, x: Any, y: Any) -> Array:
    """Take g * exp(x) / (exp(x) + exp(y)) from the difference, so that large arguments keep their digits."""
    x, y = _arrays(xp, x, y)
    same = xp.isinf(x) & (x == y)
    gap = xp.where(same, 0.0, xp.where(same, 0.0, x) - xp.where(same, 0.0, y))
    e = xp.exp(xp.where(gap > 0, -gap, gap))
    return g * xp.where(gap > 0, 1.0, e) / (1.0 + e)


def _nonzero(xp: Any, x: Array) -> Array:
    return xp.where(x == 0, 1.0, x)


def _cosine(xp: Any, x: Any, radius: Array) -> Array:
    """Divide x by the radius: 0 at the origin, 1 or -1 where x is infinite."""
    if isinstance(x, (int, float)):
        x = xp.full_like(radius, x)
    far = xp.isinf(x)
    return xp.where(far, xp.sign(x), x / xp.where(far, 1.0, _nonzero(xp, radius)))


def _copysign(xp: Any, g: Array, o: Array, x: Array, y: Any) -> Array:
    """The output over the operand is 1 or -1; at 0 the derivative is 0."""
    return xp.where(x == 0, 0.0, g * (xp.sign(x) * xp.sign(o)))


_elementwise("add", lambda xp, g, o, x, y: g, lambda xp, g, o, x, y: g, needs=("", ""))
_elementwise("subtract", lambda xp, g, o, x, y: g, lambda xp, g, o, x, y: -g, needs=("", ""))
_elementwise("multiply", lambda xp, g, o, x, y: g * y, lambda xp, g, o, x, y: g * x, needs=("1", "0"))
_elementwise("divide", lambda xp, g, o, x, y: g / y, lambda xp, g, o, x, y: -g * o / y, needs=("1", "1o"))
_elementwise("pow", _pow_base, _pow_exponent, needs=("01", "0o"))
_elementwise(
    "maximum",
    lambda xp, g, o, x, y: _share(xp, g, x, y),
    lambda xp, g, o, x, y: _share(xp, g, y, x),
    needs=("01", "01"),
)
_elementwise(
    "minimum",
    lambda xp, g, o, x, y: _share(xp, g, y, x),
    lambda xp, g, o, x, y: _share(xp, g, x, y),
    needs=("01", "01"),
)
_elementwise(
    "hypot",
    lambda xp, g, o, x, y: g * _cosine(xp, x, o),
    lambda xp, g, o, x, y: g * _cosine(xp, y, o),
    needs=("0o", "1o"),
)
_elementwise(
    "logaddexp",
    lambda xp, g, o, x, y: _sigmoid(xp, g, x, y),
    lambda xp, g, o, x, y: _sigmoid(xp, g, y, x),
    needs=("01", "01"),
)


def _atan2_first(xp: Any, g: Array, o: Array, y: Any, x: Any) -> Array:
    radius = xp.hypot(*_arrays(xp, x, y))
    return g * (_cosine(xp, x, radius) / _nonzero(xp, radius))


def _atan2_second(xp: Any, g: Array, o: Array, y: Any, x: Any) -> Array:
    return _atan2_first(xp, -g, o, x, y)


_elementwise("atan2", _atan2_first, _atan2_second, needs=("01", "01"))
_elementwise("copysign", _copysign, lambda xp, g, o, x, y: None, needs=("0o", ""))
_elementwise("remainder", lambda xp, g, o, x, y: g, lambda xp, g, o, x, y: -g * (x // y), needs=("", "01"))
_general(
    "where",
    lambda xp, g, o, condition, x, y: None,
    lambda xp, g, o, condition, x, y: xp.where(condition, g, 0.0),
    lambda xp, g, o, condition, x, y: xp.where(condition, 0.0, g),
    needs=("", "", ""),
)


def _clip(xp: Any, x: Array, /, min: Any = None, max: Any = None) -> Array:  # noqa: A002 (the standard's names)
    return xp.recorded_clip(x, min, max)


def _clip_x(xp: Any, g: Array, o: Array, x: Array, low: Any = None, high: Any = None) -> Array:
    if low is not None:
        g = xp.where(x < low, 0.0, g)
    return g if high is None else xp.where(x > high, 0.0, g)


def _clip_low(xp: Any, g: Array, o: Array, x: Array, low: Any = None, high: Any = None) -> Array:
    g = xp.where(x < low, g, 0.0)
    return g if high is None else xp.where(low > high, 0.0, g)  # with crossed bounds the upper one wins


def _clip_high(xp: Any, g: Array, o: Array, x: Array, low: Any = None, high: Any = None) -> Array:
    above = x > high
    return xp.where(above if low is None else above | (low > high), g, 0.0)


_general("clip", _clip_x, _clip_low, _clip_high, needs=("012", "012", "012"))
COMPOSED["clip"] = _clip


# Reductions. `axis` is None, a number or a tuple.


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    return tuple(a % rank for a in (axis if isinstance(axis, tuple) else (axis,)))


def _kept(xp: Any, reduced: Array, x: Array, axis: Any) -> Array:
    """A reduced array with its lost axes as axes of size 1."""
    axes = _axes(axis, len(x.shape))
    shape = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    return reduced if reduced.shape == shape else xp.reshape(reduced, shape)


def _count(x: Array, axis: Any) -> int:
    return math.prod(x.shape[a] for a in _axes(axis, len(x.shape)))


def _sum(xp: Any, g: Array, o: Array, x: Array, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
    return xp.broadcast_to(_kept(xp, g, x, axis), x.shape)


def _mean(xp: Any, g: Array, o: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return xp.broadcast_to(_kept(xp, g, x, axis) / max(_count(x, axis), 1), x.shape)


def _extremum(xp: Any, g: Array, o: Array, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    best = x == _kept(xp, o, x, axis)
    axes = _axes(axis, len(x.shape))
    ties = xp.sum(xp.astype(best, g.dtype), axis=axes, keepdims=True) if axes else 1.0
    share = _kept(xp, g, x, axis) / (_nonzero(xp, ties) if axes else ties)
    return xp.where(best, share, 0.0)


def _var(
    xp: Any, g: Array, o: Array, x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    axes = _axes(axis, len(x.shape))
    freedom = _count(x, axis) - correction
    deviation = x - xp.mean(x, axis=axes, keepdims=True) if axes else x - x
    return _kept(xp, g, x, axis) * (deviation * (2.0 / freedom if freedom > 0 else math.inf))


def _std(
    xp: Any, g: Array, o: Array, x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Array:
    return _var(xp, 0.5 * g / _nonzero(xp, o), o, x, axis, correction, keepdims)


def _prod(xp: Any, g: Array, o: Array, x: Array, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """The product of all others, from the products before and behind, so that zeros do no harm."""
    axes = _axes(axis, len(x.shape))
    if not axes:
        return g
    rest = tuple(i for i in range(len(x.shape)) if i not in axes)
    order = (*rest, *axes)
    flat = xp.reshape(xp.permute_dims(x, order), (*(x.shape[i] for i in rest), _count(x, axis)))
    before = xp.cumulative_prod(flat, axis=-1, include_initial=True)[..., :-1]
    behind = xp.flip(xp.cumulative_prod(xp.flip(flat, axis=-1), axis=-1, include_initial=True)[..., :-1], axis=-1)
    others = xp.reshape(before * behind, tuple(x.shape[i] for i in order))
    return _kept(xp, g, x, axis) * xp.permute_dims(others, _inverse(order))


def _cumulative_axis(x: Array, axis: int | None) -> int:
    return 0 if axis is None else axis % len(x.shape)


def _without_first(g: Array, axis: int) -> Array:
    return g[(slice(None),) * axis + (slice(1, None), ...)]


def _cumulative_sum(
    xp: Any, g: Array, o: Array, x: Array, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    axis = _cumulative_axis(x, axis)
    g = _without_first(g, axis) if include_initial else g
    return xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis)


def _cumulative_prod(
    xp: Any, g: Array, o: Array, x: Array, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """before_i * s_i with s_i = g_i + x_{i+1} s_{i+1}: one step an entry, exact where entries are 0."""
    axis = _cumulative_axis(x, axis)
    g = _without_first(g, axis) if include_initial else g
    size = x.shape[axis]
    if size == 0:
        return g
    at = [(slice(None),) * axis + (i,) + (slice(None),) * (len(x.shape) - axis - 1) for i in range(size)]
    tails = list(accumulate(range(size - 2, -1, -1), lambda s, i: g[at[i]] + x[at[i + 1]] * s, initial=g[at[-1]]))
    products = xp.cumulative_prod(x, axis=axis, include_initial=True)
    before = products[(slice(None),) * axis + (slice(0, size), ...)]
    return before * xp.stack(tails[::-1], axis=axis)


_general("sum", _sum)
_general("mean", _mean)
_general("prod", _prod, needs=("0",))
_general("max", _extremum, needs=("0o",))
_general("min", _extremum, needs=("0o",))
_general("var", _var, needs=("0",))
_general("std", _std, needs=("0o",))
_general("cumulative_sum", _cumulative_sum)
_general("cumulative_prod", _cumulative_prod, needs=("0",))


# Manipulation: the adjoint puts every entry back where it came from.


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=lambda i: order[i] % len(order)))


def _to_shape(xp: Any, g: Array, o: Array, x: Array, *_: Any, **__: Any) -> Array:
    return xp.reshape(g, x.shape)


def _concat(xp: Any, g: Array, *arrays: Any, axis: int | None = 0) -> list[Any]:
    if axis is None:
        ends = list(accumulate(math.prod(x.shape) for x in arrays))
        return [xp.reshape(g[end - math.prod(x.shape) : end], x.shape) for x, end in zip(arrays, ends, strict=True)]
    lead = (slice(None),) * (axis % len(g.shape))
    ends = list(accumulate(x.shape[axis] for x in arrays))
    return [g[(*lead, slice(end - x.shape[axis], end), ...)] for x, end in zip(arrays, ends, strict=True)]


def _stack(xp: Any, g: Array, *arrays: Any, axis: int = 0) -> list[Any]:
    lead = (slice(None),) * (axis % len(g.shape))
    return [g[(*lead, i, ...)] for i in range(len(arrays))]


def _roll(xp: Any, g: Array, o: Array, x: Array, shift: Any, axis: Any = None) -> Array:
    return xp.roll(g, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis=axis)


def _pad(xp: Any, g: Array, axis: int, before: int, behind: int) -> Array:
    """An array with zeros before and behind it on one axis."""
    lead, trail = g.shape[:axis], g.shape[axis + 1 :]
    parts = [
        part if part is g else xp.zeros((*lead, part, *trail), dtype=g.dtype, device=g.device)
        for part in (before, g, behind)
        if part is g or part
    ]
    return g if len(parts) == 1 else xp.concat(parts, axis=axis)


def _spread(xp: Any, g: Array, axis: int, key: slice, size: int) -> Array:
    """The adjoint of taking a slice on one axis."""
    start, stop, step = key.indices(size)
    count = len(range(start, stop, step))
    if count == 0:
        return _pad(xp, g, axis, 0, size)
    if step < 0:
        g, start, step = xp.flip(g, axis=axis), start + (count - 1) * step, -step
    if step > 1:
        lead, trail = g.shape[:axis], g.shape[axis + 1 :]
        apart = _pad(xp, xp.reshape(g, (*lead, count, 1, *trail)), axis + 1, 0, step - 1)
        g = xp.reshape(apart, (*lead, count * step, *trail))
        g = g[(slice(None),) * axis + (slice(0, (count - 1) * step + 1), ...)]
    return _pad(xp, g, axis, start, size - start - g.shape[axis])


def _getitem(xp: Any, g: Array, o: Array, x: Array, key: Any) -> Array:
    """Zeros around the slice; an integer is a slice of size 1, and None an axis of size 1 that goes."""
    items = [*key] if isinstance(key, tuple) else [key]
    missing = len(x.shape) - sum(item is not None and item is not Ellipsis for item in items)
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    where = next(i for i, item in enumerate(items) if item is Ellipsis)
    items[where : where + 1] = [slice(None)] * missing
    slices = []
    for item, size in zip((item for item in items if item is not None), x.shape, strict=True):
        if isinstance(item, slice):
            slices.append(item)
        else:
            index = item.__index__() % size
            slices.append(slice(index, index + 1))
    shape = tuple(len(range(*s.indices(size))) for s, size in zip(slices, x.shape, strict=True))
    if g.shape != shape:
        g = xp.reshape(g, shape)
    for axis, (item, size) in enumerate(zip(slices, x.shape, strict=True)):
        if item != slice(None):
            g = _spread(xp, g, axis, item, size)
    return g


_general("reshape", _to_shape)
_general("squeeze", _to_shape)
_general("expand_dims", _to_shape)
_general("permute_dims", lambda xp, g, o, x, axes: xp.permute_dims(g, _inverse(axes)))
_general("moveaxis", lambda xp, g, o, x, source, destination: xp.moveaxis(g, destination, source))
_general("matrix_transpose", lambda xp, g, o, x: xp.matrix_transpose(g))
_general("broadcast_to", lambda xp, g, o, x, shape: g)
_general("flip", lambda xp, g, o, x, axis=None: xp.flip(g, axis=axis))
_general("roll", _roll)
_general("tril", lambda xp, g, o, x, k=0: xp.tril(g, k=k))
_general("triu", lambda xp, g, o, x, k=0: xp.triu(g, k=k))
_general("astype", lambda xp, g, o, x, dtype, **_: g)
_general("getitem", _getitem)
RULES["concat"] = Rule("concat", (), joint=_concat, sequence=True)
RULES["stack"] = Rule("stack", (), joint=_stack, sequence=True)


def _astype(xp: Any, x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    if device is not None:
        x = x.to_device(device)
    if dtype == x.dtype and not copy:
        return x
    real = xp.isdtype(dtype, "real floating") and xp.isdtype(x.dtype, "real floating")
    return xp.recorded_astype(x, dtype) if real else xp.constant_astype(x, dtype)


def _broadcast_arrays(xp: Any, *arrays: Array) -> list[Array]:
    shape = xp.broadcast_shapes(*(x.shape for x in arrays))
    return [xp.broadcast_to(x, shape) for x in arrays]


def _unstack(xp: Any, x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    lead = (slice(None),) * (axis % len(x.shape))
    return tuple(x[(*lead, i, ...)] for i in range(x.shape[axis]))


def _repeat(xp: Any, x: Array, repeats: Any, /, *, axis: int | None = None) -> Array:
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    positions = xp.arange(x.shape[axis], device=x.device)
    return xp.take(x, xp.repeat(positions, repeats), axis=axis)


def _tile(xp: Any, x: Array, repetitions: tuple[int, ...], /) -> Array:
    rank = max(len(x.shape), len(repetitions))
    sizes = (1,) * (rank - len(x.shape)) + tuple(x.shape)
    times = (1,) * (rank - len(repetitions)) + tuple(repetitions)
    between = xp.reshape(x, tuple(n for size in sizes for n in (1, size)))
    wide = xp.broadcast_to(between, tuple(n for pair in zip(times, sizes, strict=True) for n in pair))
    return xp.reshape(wide, tuple(time * size for time, size in zip(times, sizes, strict=True)))


def _diff(xp: Any, x: Array, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Array:
    parts = [part for part in (prepend, x, append) if part is not None]
    x = x if len(parts) == 1 else xp.concat(parts, axis=axis)
    lead = (slice(None),) * (axis % len(x.shape))
    for _ in range(n):
        x = x[(*lead, slice(1, None), ...)] - x[(*lead, slice(None, -1), ...)]
    return x


def _meshgrid(xp: Any, *arrays: Array, indexing: str = "xy") -> list[Array]:
    rank = len(arrays)
    order = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else list(range(rank))
    shaped = [xp.reshape(x, tuple(-1 if axis == order[i] else 1 for axis in range(rank))) for i, x in enumerate(arrays)]
    return _broadcast_arrays(xp, *shaped)


def _asarray(xp: Any, x: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    if isinstance(x, (list, tuple)):
        return xp.asarray(xp.stack([_asarray(xp, item) for item in x]), dtype=dtype)
    return _astype(xp, x, x.dtype if dtype is None else dtype, copy=False, device=device)


COMPOSED |= {
    "astype": _astype,
    "asarray": _asarray,
    "broadcast_arrays": _broadcast_arrays,
    "unstack": _unstack,
    "repeat": _repeat,
    "tile": _tile,
    "diff": _diff,
    "meshgrid": _meshgrid,
}


# Gathering. Its adjoint adds up where the index repeats, which the standard has no function for.

_LARGEST_COMPARISON = 1 << 22


def scatter_add(xp: Any, g: Array, index: Array, size: int) -> Array:
    """sum_k [index[..., k] == n] g[..., k] for n in range(size): a comparison selects, nothing is multiplied.

    One index a row, as labels are, is a single pass; several are added in one go, or one by one where that is large.
    """
    count = index.shape[-1]
    known = None if count == 1 else backend_of(g).one_pass("scattered", g, index, size=size)
    if known is not None:
        return known
    steps = xp.arange(size, dtype=index.dtype, device=g.device)
    index = xp.where(index < 0, index + size, index)
    if count == 1:
        return xp.where(index == steps, g, 0.0)
    if count == 0 or math.prod(g.shape) * size <= _LARGEST_COMPARISON:
        return xp.sum(xp.where(index[..., None] == steps, g[..., None], 0.0), axis=-2)
    if size <= count:
        return xp.stack([xp.sum(xp.where(index == n, g, 0.0), axis=-1) for n in range(size)], axis=-1)
    rows = [xp.where(index[..., k : k + 1] == steps, g[..., k : k + 1], 0.0) for k in range(count)]
    total = rows[0]
    for row in rows[1:]:
        total = total + row
    return total


def _take_along_axis(xp: Any, g: Array, o: Array, x: Array, index: Array, axis: int = -1) -> Array:
    last = axis % len(x.shape) == len(x.shape) - 1
    if not last:
        g, index = xp.moveaxis(g, axis, -1), xp.moveaxis(index, axis, -1)
    scattered = scatter_add(xp, g, index, x.shape[axis])
    return scattered if last else xp.moveaxis(scattered, -1, axis)


def _take(xp: Any, g: Array, o: Array, x: Array, index: Array, axis: int | None = None) -> Array:
    axis = 0 if axis is None else axis % len(x.shape)
    scattered = scatter_add(xp, xp.moveaxis(g, axis, -1), index, x.shape[axis])
    return xp.moveaxis(scattered, -1, axis)


_general("take_along_axis", _take_along_axis, alone=False)
_general("take", _take, alone=False)


def _sort(xp: Any, x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    order = xp.argsort(x, axis=axis, descending=descending, stable=stable)
    return xp.take_along_axis(x, order, axis=axis)


COMPOSED["sort"] = _sort


# Linear algebra.


def _matmul_first(xp: Any, g: Array, o: Array, x: Array, y: Array) -> Array:
    if len(y.shape) == 1:
        return g[..., None] * y
    g = g[..., None, :] if len(x.shape) == 1 else g
    return xp.matmul(g, xp.matrix_transpose(y))


def _matmul_second(xp: Any, g: Array, o: Array, x: Array, y: Array) -> Array:
    if len(y.shape) == 1:
        return g[..., None] * x
    if len(x.shape) == 1:
        return x[:, None] * g[..., None, :]
    return xp.matmul(xp.matrix_transpose(x), g)


def _along(g: Array, axis: int) -> Array:
    """The cotangent with the contracted axis, which is counted from the end, as an axis of size 1."""
    return g[(..., None, *(slice(None),) * (-1 - axis))]


def _vector_norm(
    xp: Any,
    g: Array,
    o: Array,
    x: Array,
    axis: Any = None,
    keepdims: bool = False,
    ord: float = 2,  # noqa: A002
) -> Array:
    length = _nonzero(xp, _kept(xp, o, x, axis))
    return _kept(xp, g, x, axis) * (x / length)


def _vector_norm_of(
    xp: Any,
    x: Array,
    /,
    *,
    axis: Any = None,
    keepdims: bool = False,
    ord: float = 2,  # noqa: A002
) -> Array:
    if ord == 2:
        return xp.linalg.recorded_vector_norm(x, axis=axis, keepdims=keepdims)
    magnitude = xp.abs(x)
    if ord == math.inf:
        return xp.max(magnitude, axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return xp.min(magnitude, axis=axis, keepdims=keepdims)
    if ord == 1:
        return xp.sum(magnitude, axis=axis, keepdims=keepdims)
    if ord == 0:
        return xp.sum(xp.astype(x != 0, x.dtype), axis=axis, keepdims=keepdims)
    total = xp.sum(magnitude**ord, axis=axis, keepdims=keepdims)
    nothing = total == 0
    return xp.where(nothing, 0.0, xp.where(nothing, 1.0, total) ** (1 / ord))


def _tensordot(xp: Any, x: Array, y: Array, /, *, axes: Any = 2) -> Array:
    rank, other = len(x.shape), len(y.shape)
    first, second = (range(rank - axes, rank), range(axes)) if isinstance(axes, int) else axes
    first, second = [a % rank for a in first], [a % other for a in second]
    rows = [a for a in range(rank) if a not in first]
    columns = [a for a in range(other) if a not in second]
    inner = math.prod(x.shape[a] for a in first)
    shape = (*(x.shape[a] for a in rows), *(y.shape[a] for a in columns))
    left = xp.reshape(xp.permute_dims(x, (*rows, *first)), (math.prod(x.shape[a] for a in rows), inner))
    right = xp.reshape(xp.permute_dims(y, (*second, *columns)), (inner, math.prod(y.shape[a] for a in columns)))
    return xp.reshape(xp.matmul(left, right), shape)


def _diagonal(xp: Any, x: Array, /, *, offset: int = 0) -> Array:
    rows, columns = x.shape[-2:]
    top, left = max(-offset, 0), max(offset, 0)
    count = max(min(rows - top, columns - left), 0)
    index = xp.arange(count, device=x.device)[:, None] + left
    index = xp.broadcast_to(index, (*x.shape[:-2], count, 1))
    return xp.take_along_axis(x[..., top : top + count, :], index, axis=-1)[..., 0]


def _outer(xp: Any, x: Array, y: Array, /) -> Array:
    return x[:, None] * y[None, :]


_elementwise("matmul", _matmul_first, _matmul_second, needs=("1", "0"))
_general(
    "vecdot",
    lambda xp, g, o, x, y, axis=-1: _along(g, axis) * y,
    lambda xp, g, o, x, y, axis=-1: _along(g, axis) * x,
    needs=("1", "0"),
)
_general("linalg.vector_norm", _vector_norm, needs=("0o",))
COMPOSED |= {
    "tensordot": _tensordot,
    "linalg.tensordot": _tensordot,
    "linalg.matmul": lambda xp, x, y, /: xp.matmul(x, y),
    "linalg.vecdot": lambda xp, x, y, /, *, axis=-1: xp.vecdot(x, y, axis=axis),
    "linalg.matrix_transpose": lambda xp, x, /: xp.matrix_transpose(x),
    "linalg.vector_norm": _vector_norm_of,
    "linalg.diagonal": _diagonal,
    "linalg.trace": lambda xp, x, /, *, offset=0, dtype=None: xp.sum(_diagonal(xp, x, offset=offset), axis=-1),
    "linalg.outer": _outer,
}
