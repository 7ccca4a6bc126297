"""Every derivative rule against arbitrary precision at ordinary and extreme points; ties, zeros, infinities, shapes."""

import math
import operator

import numpy as np
import pytest
from mpmath import mp, mpf
from test_autodiff import CASES

from lossspec.autodiff import grad, trace, traced_backend, value_and_grad
from lossspec.autodiff.rules import COMPOSED, RULES
from lossspec.conformance.probes import probe_of
from lossspec.dispatch import get_backend

DTYPES = {"float32": np.float32, "float64": np.float64}
BUDGET = 2.0
INF, NAN = math.inf, math.nan
xp = traced_backend(get_backend("numpy")).namespace

# Derivatives in closed form, of mpmath numbers; the points are those of float64 unless float32 cannot hold them.

ORDINARY = (-1.7, -0.4, 0.6, 2.3)
POSITIVE = (0.07, 0.9, 1.1, 37.0)
TINY = (1e-300, -1e-30, 1e-17, 1e-9)
HUGE = (1e30, -1e30, 1e200, -1e200)
INSIDE = (-0.999999, -0.6, 1e-300, 1e-9, 0.3, 0.99999994)

UNARY = {
    "negative": (lambda x: mpf(-1), (*ORDINARY, *TINY, *HUGE)),
    "positive": (lambda x: mpf(1), (*ORDINARY, *TINY, *HUGE)),
    "abs": (mp.sign, (*ORDINARY, *TINY, *HUGE)),
    "square": (lambda x: 2 * x, (*ORDINARY, *TINY, 1e30, -1e150)),
    "sqrt": (lambda x: 1 / (2 * mp.sqrt(x)), (*POSITIVE, 1e-300, 1e-30, 1e30, 1e300)),
    "exp": (mp.exp, (*ORDINARY, *TINY, -80.0, 80.0, -700.0, 700.0)),
    "expm1": (mp.exp, (*ORDINARY, *TINY, -80.0, 80.0, -700.0, 700.0)),
    "log": (lambda x: 1 / x, (*POSITIVE, 1e-300, 1e-30, 1e30, 1e300)),
    "log1p": (lambda x: 1 / (1 + x), (*POSITIVE, *TINY, -0.5, -0.99999994, -1 + 1e-15, 1e30, 1e300)),
    "log2": (lambda x: 1 / (x * mp.log(2)), (*POSITIVE, 1e-300, 1e-30, 1e30, 1e300)),
    "log10": (lambda x: 1 / (x * mp.log(10)), (*POSITIVE, 1e-300, 1e-30, 1e30, 1e300)),
    "sin": (mp.cos, (*ORDINARY, *TINY, 1.5707963, 1e4)),
    "cos": (lambda x: -mp.sin(x), (*ORDINARY, *TINY, 3.1415927, 1e4)),
    "tan": (lambda x: 1 / mp.cos(x) ** 2, (*ORDINARY, *TINY, 1.5707, 100.0)),
    "asin": (lambda x: 1 / mp.sqrt(1 - x * x), INSIDE),
    "acos": (lambda x: -1 / mp.sqrt(1 - x * x), INSIDE),
    "atan": (lambda x: 1 / (1 + x * x), (*ORDINARY, *TINY, *HUGE)),
    "sinh": (mp.cosh, (*ORDINARY, *TINY, -80.0, 80.0, 700.0)),
    "cosh": (mp.sinh, (*ORDINARY, *TINY, -80.0, 80.0, 700.0)),
    "tanh": (lambda x: 1 / mp.cosh(x) ** 2, (*ORDINARY, *TINY, 20.0, -20.0, 44.0, -300.0, 1e4)),
    "asinh": (lambda x: 1 / mp.sqrt(1 + x * x), (*ORDINARY, *TINY, *HUGE)),
    "acosh": (lambda x: 1 / mp.sqrt(x * x - 1), (1 + 1e-6, 1.5, 30.0, 1e30, 1e200)),
    "atanh": (lambda x: 1 / (1 - x * x), (*INSIDE, 1 - 1e-15)),
    "reciprocal": (lambda x: -1 / (x * x), (*ORDINARY, 1e-18, -1e18, 1e-150, 1e200)),
}

PAIRS = ((0.3, 1.7), (2.0, 0.4), (1e-30, 0.5), (0.5, 1e-30))
WIDE = (*PAIRS, (-0.7, 0.2), (-3.0, -1.0), (1e-300, 1e-300), (1e30, -2.0))
FAR = (*WIDE, (3e200, 4e200), (-1e200, 1e200), (3e-200, 4e-200), (1e30, 1e-30), (1e-30, 1e30))

BINARY = {
    "add": (lambda x, y: (mpf(1), mpf(1)), FAR),
    "subtract": (lambda x, y: (mpf(1), mpf(-1)), FAR),
    "multiply": (lambda x, y: (y, x), WIDE),
    "divide": (lambda x, y: (1 / y, -x / y**2), (*PAIRS[:3], (0.5, 1e-10), (1e-300, 1e-300), (1e200, 1e200))),
    "pow": (
        lambda x, y: (y * x ** (y - 1), x**y * mp.log(x)),
        (*PAIRS[:2], (1e-30, 0.5), (1e-300, 0.5), (0.99999, 1e3), (1e10, 3.0), (2.0, -20.0), (3.0, 1.0), (3.0, 0.0)),
    ),
    "maximum": (lambda x, y: (mpf(x > y), mpf(y > x)), FAR[:6]),
    "minimum": (lambda x, y: (mpf(x < y), mpf(y < x)), FAR[:6]),
    "hypot": (lambda x, y: (x / mp.hypot(x, y), y / mp.hypot(x, y)), FAR),
    "atan2": (lambda y, x: (x / (x * x + y * y), -y / (x * x + y * y)), FAR),
    "logaddexp": (
        lambda x, y: (1 / (1 + mp.exp(y - x)), 1 / (1 + mp.exp(x - y))),
        (*WIDE, (1e3, 1e3 + 40), (0.0, -80.0), (-700.0, 0.0), (1e4, -1e4), (-1e30, 1e30)),
    ),
    "copysign": (lambda x, y: (mp.sign(x) * mp.sign(y), mpf(0)), WIDE),
    "remainder": (lambda x, y: (mpf(1), -mp.floor(x / y)), ((5.5, 2.0), (-5.5, 2.0), (5.5, -2.0), (1e-30, 0.5))),
}

POWERS = {
    "x ** 2": (lambda x: x**2, lambda x: 2 * x, (*ORDINARY, *TINY)),
    "x ** 3": (lambda x: x**3, lambda x: 3 * x * x, (*ORDINARY, 1e-9, -1e9)),
    "x ** 1": (lambda x: x**1, lambda x: mpf(1), (*ORDINARY, *TINY, *HUGE)),
    "x ** 0": (lambda x: x**0, lambda x: mpf(0), (*ORDINARY, *TINY, *HUGE)),
    "x ** 0.5": (lambda x: x**0.5, lambda x: 1 / (2 * mp.sqrt(x)), (*POSITIVE, 1e-300, 1e-30, 1e30)),
    "x ** -1": (lambda x: x**-1.0, lambda x: -1 / x**2, (*ORDINARY, 1e-18, 1e18)),
    "2 ** x": (lambda x: 2.0**x, lambda x: 2**x * mp.log(2), (*ORDINARY, -100.0, 100.0)),
    "1 - x": (lambda x: 1.0 - x, lambda x: mpf(-1), (*ORDINARY, *HUGE)),
    "x / 3": (lambda x: x / 3.0, lambda x: mpf(1) / 3, (*ORDINARY, *HUGE)),
    "1 / x": (lambda x: 1.0 / x, lambda x: -1 / x**2, (*ORDINARY, 1e-18, 1e18)),
    "x * 3": (lambda x: x * 3.0, lambda x: mpf(3), (*ORDINARY, *HUGE)),
    "abs(x)": (abs, mp.sign, (*ORDINARY, *TINY, *HUGE)),
    "7 % x": (lambda x: 7.0 % x, lambda x: -mp.floor(7 / x), (2.0, 3.5, -2.0)),
}


def away(got, derivative, point, number, dtype):
    """The error of a derivative in units of eps * scale, with scale |d| + sum_j |x_j dd/dx_j|; below the normal: 0."""
    info = np.finfo(dtype)
    with mp.workdps(100):
        arguments = [mpf(float(x)) for x in point]
        exact = derivative(*arguments)[number]
        if abs(exact) < float(info.smallest_normal):
            return abs(float(got)) / float(info.smallest_normal)
        assert np.isfinite(got), f"{got} instead of {mp.nstr(exact, 17)}"
        step, scale = mpf(10) ** -30, abs(exact)
        for j, x in enumerate(arguments):
            ends = [derivative(*arguments[:j], x * (1 + side * step), *arguments[j + 1 :])[number] for side in (1, -1)]
            scale += abs(ends[0] - ends[1]) / (2 * step)
        return float(abs(mpf(float(got)) - exact) / (mpf(float(info.eps)) * scale))


def held(points, derivative, dtype):
    """The points in a dtype, without those that it makes 0 or whose derivatives it cannot hold."""
    kept = []
    for point in points:
        with np.errstate(over="ignore", under="ignore"):
            cast = tuple(dtype(x) for x in point)
        if all(np.isfinite(b) and (b != 0 or a == 0) for a, b in zip(point, cast, strict=True)):
            try:
                exact = derivative(*(mpf(float(x)) for x in cast))
            except ZeroDivisionError:  # the dtype moved the point to a pole
                continue
            if all(abs(d) < float(np.finfo(dtype).max) for d in exact):
                kept.append(cast)
    return kept


def check(function, derivative, points, dtype):
    points = held(points, derivative, dtype)
    assert len(points) >= 3
    arrays = [np.asarray(column, dtype=dtype) for column in zip(*points, strict=True)]
    with np.errstate(over="ignore", under="ignore"):
        found = grad(lambda *a: xp.sum(function(*a)), tuple(range(len(arrays))))(*arrays)
    for number, gradient in enumerate(found):
        assert gradient.dtype == dtype
        for point, got in zip(points, gradient, strict=True):
            assert away(got, derivative, point, number, dtype) <= BUDGET, (point, number, got)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_a_rule_of_one_array_has_its_digits_everywhere(name, dtype):
    derivative, points = UNARY[name]
    check(getattr(xp, name), lambda x: (derivative(x),), [(x,) for x in points], DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_a_rule_of_two_arrays_has_its_digits_everywhere(name, dtype):
    derivative, points = BINARY[name]
    check(getattr(xp, name), derivative, points, DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POWERS)
def test_an_operator_with_a_number_has_its_digits_everywhere(name, dtype):
    function, derivative, points = POWERS[name]
    check(function, lambda x: (derivative(x),), [(x,) for x in points], DTYPES[dtype])


def test_every_elementwise_rule_has_its_closed_form():
    elementwise = {name for name, rule in RULES.items() if rule.operands} - {"matmul"}
    assert elementwise == UNARY.keys() | BINARY.keys()


def test_a_lost_digit_is_noticed():
    """The derivative of tanh in its textbook form 1 - tanh^2 is 0 at 20."""
    x = np.asarray([20.0])
    assert away((1 - np.tanh(x) ** 2)[0], lambda x: (1 / mp.cosh(x) ** 2,), (20.0,), 0, np.float64) > 1e10
    assert away(grad(lambda x: xp.sum(xp.tanh(x)))(x)[0], lambda x: (1 / mp.cosh(x) ** 2,), (20.0,), 0, np.float64) < 1


# What the table of rules declares: ties, zeros, infinities.

DECLARED = {
    "abs at 0": (xp.abs, [[0.0, -0.0, -INF, INF]], [[0, 0, -1, 1]]),
    "hypot at the origin": (xp.hypot, [[0.0, -0.0], [0.0, 0.0]], [[0, 0], [0, 0]]),
    "hypot far out": (xp.hypot, [[INF, -INF, 1.0, INF], [1.0, 0.0, INF, -INF]], [[1, -1, 0, 1], [0, 0, 1, -1]]),
    "atan2 at the origin": (xp.atan2, [[0.0, -0.0], [0.0, 0.0]], [[0, 0], [0, 0]]),
    "atan2 far out": (xp.atan2, [[INF, 1.0, INF, 0.0], [1.0, -INF, INF, INF]], [[0] * 4, [0] * 4]),
    "maximum": (xp.maximum, [[1.0, INF, -INF, 0.0], [1.0, INF, 0.0, -0.0]], [[0.5, 0.5, 0, 0.5], [0.5, 0.5, 1, 0.5]]),
    "minimum": (xp.minimum, [[1.0, INF, -INF, 0.0], [1.0, INF, 0.0, -0.0]], [[0.5, 0.5, 1, 0.5], [0.5, 0.5, 0, 0.5]]),
    "max": (xp.max, [[INF, 1.0, INF, -INF]], [[0.5, 0, 0.5, 0]]),
    "min": (xp.min, [[-INF, 1.0, -INF, INF]], [[0.5, 0, 0.5, 0]]),
    "max of 0 and -0": (xp.max, [[0.0, -0.0]], [[0.5, 0.5]]),
    "max along no axis": (lambda x: xp.max(x, axis=()), [[1.0, 2.0]], [[1, 1]]),
    "clip": (lambda x: xp.clip(x, -1.0, 1.0), [[-1.0, 1.0, -INF, INF, 0.0]], [[1, 1, 0, 0, 1]]),
    "clip bounds": (
        lambda x, a, b: xp.clip(x, a, b),
        [[1.0, 0.0, 3.0, 1.0], [1.0, 1.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]],
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]],
    ),
    "vector_norm at 0": (xp.linalg.vector_norm, [[0.0, -0.0]], [[0, 0]]),
    "vector_norm 1 at 0": (lambda x: xp.linalg.vector_norm(x, ord=1), [[0.0, 2.0]], [[0, 1]]),
    "vector_norm 3 at 0": (lambda x: xp.linalg.vector_norm(x, ord=3), [[0.0, 0.0]], [[0, 0]]),
    "vector_norm inf, tied": (lambda x: xp.linalg.vector_norm(x, ord=INF), [[-2.0, 2.0, 1.0]], [[-0.5, 0.5, 0]]),
    "vector_norm -inf, tied": (lambda x: xp.linalg.vector_norm(x, ord=-INF), [[-2.0, 2.0, 3.0]], [[-0.5, 0.5, 0]]),
    "vector_norm 0": (lambda x: xp.linalg.vector_norm(x, ord=0), [[-2.0, 0.0]], [[0, 0]]),
    "std of equals": (xp.std, [[3.0, 3.0]], [[0, 0]]),
    "var of equals": (xp.var, [[3.0, 3.0]], [[0, 0]]),
    "prod with a zero": (xp.prod, [[0.0, 3.0, 2.0]], [[6, 0, 0]]),
    "cumulative_prod with zeros": (xp.cumulative_prod, [[0.0, 3.0, 0.0]], [[4, 0, 0]]),
    "pow at 0": (xp.pow, [[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]], [[0, 1, 0], [0, 0, 0]]),
    "0 ** x": (lambda x: 0.0**x, [[1.0, 2.0]], [[0, 0]]),
    "copysign of 0": (xp.copysign, [[0.0, -0.0], [1.0, 1.0]], [[0, 0], [0, 0]]),
    "steps": (
        lambda x: xp.sign(x) + xp.floor(x) + xp.ceil(x) + xp.round(x) + xp.trunc(x) + x // 2.0,
        [[0.0, 0.5, -1.0]],
        [[0, 0, 0]],
    ),
    "where with NaN in the other branch": (
        lambda x, y: xp.where(x > 0, x, y),
        [[1.0, -1.0, NAN, 2.0, INF], [2.0, 3.0, 5.0, NAN, -INF]],
        [[1, 0, 0, 1, 1], [0, 1, 1, 0, 0]],
    ),
    "logaddexp": (
        xp.logaddexp,
        [[INF, INF, -INF, -INF, 0.0], [INF, 0.0, -INF, 0.0, 0.0]],
        [[0.5, 1, 0.5, 0, 0.5], [0.5, 0, 0.5, 1, 0.5]],
    ),
    "exp far out": (xp.exp, [[-INF, -1e4]], [[0, 0]]),
    "expm1 far out": (xp.expm1, [[-INF, -1e4]], [[0, 0]]),
    "log far out": (xp.log, [[INF]], [[0]]),
    "log1p far out": (xp.log1p, [[INF]], [[0]]),
    "sqrt far out": (xp.sqrt, [[INF]], [[0]]),
    "tanh far out": (xp.tanh, [[INF, -INF, 1e300]], [[0, 0, 0]]),
    "atan far out": (xp.atan, [[INF, -INF]], [[0, 0]]),
    "asinh far out": (xp.asinh, [[INF, -INF]], [[0, 0]]),
    "acosh far out": (xp.acosh, [[INF]], [[0]]),
    "reciprocal far out": (xp.reciprocal, [[INF, -INF]], [[0, 0]]),
    "sort of equals": (lambda x: xp.sort(x) * np.asarray([1.0, 2.0, 4.0]), [[1.0, 1.0, 0.0]], [[2, 4, 1]]),
    "take one twice": (lambda x: xp.take(x, np.asarray([1, 1, -1])), [[1.0, 2.0]], [[0, 3]]),
    "remainder of none": (xp.remainder, [[0.0], [2.0]], [[1], [0]]),
}


@pytest.mark.parametrize("name", DECLARED)
def test_where_there_is_no_derivative_the_declared_one_holds_without_a_warning(name):
    function, inputs, expected = DECLARED[name]
    arrays = [np.asarray(x) for x in inputs]

    def total(*operands):
        result = function(*operands)
        with np.errstate(invalid="ignore"):  # of the sum; a warning of a rule is an error
            return xp.sum(result)

    found = grad(total, tuple(range(len(arrays))))(*arrays)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, np.asarray(wanted, dtype=float))


# Shapes: nothing at all, and broadcasting.


def indices(space, like, shape):
    return space.zeros(shape, dtype=space.int64, device=like.device)


def reduced(name, **keywords):
    return lambda space, x: getattr(space, name)(x, **keywords)


EMPTY = {
    **{name: (lambda space, x, name=name: getattr(space, name)(x), [(0, 3)]) for name in UNARY},
    **{name: (lambda space, x, y, name=name: getattr(space, name)(x, y), [(0, 3), (1, 3)]) for name in BINARY},
    **{
        f"{name} axis={axis}": (reduced(name, axis=axis), [shape])
        for name in ("sum", "mean", "prod", "max", "min", "var", "std")
        for axis, shape in ((1, (0, 3)), (0, (0, 3)), (None, (0, 3)), ((0, 2), (2, 0, 3)))
        if axis == 1 or name in ("sum", "prod")
    },
    "cumulative_sum": (reduced("cumulative_sum", axis=0), [(0, 3)]),
    "cumulative_sum of rows": (reduced("cumulative_sum", axis=1), [(0, 3)]),
    "cumulative_sum initial": (reduced("cumulative_sum", axis=0, include_initial=True), [(0, 3)]),
    "cumulative_prod": (reduced("cumulative_prod", axis=0), [(0, 3)]),
    "cumulative_prod initial": (reduced("cumulative_prod", axis=0, include_initial=True), [(0, 3)]),
    "reshape": (lambda space, x: space.reshape(x, (3, 0)), [(0, 3)]),
    "squeeze": (lambda space, x: space.squeeze(x, axis=1), [(0, 1)]),
    "expand_dims": (lambda space, x: space.expand_dims(x, axis=0), [(0, 3)]),
    "permute_dims": (lambda space, x: space.permute_dims(x, (1, 0)), [(0, 3)]),
    "moveaxis": (lambda space, x: space.moveaxis(x, 0, 1), [(0, 3)]),
    "matrix_transpose": (lambda space, x: space.matrix_transpose(x), [(0, 3)]),
    "linalg.matrix_transpose": (lambda space, x: space.linalg.matrix_transpose(x), [(0, 3)]),
    "broadcast_to": (lambda space, x: space.broadcast_to(x, (0, 3)), [(1, 3)]),
    "broadcast_arrays": (lambda space, x, y: operator.mul(*space.broadcast_arrays(x, y)), [(0, 1), (3,)]),
    "flip": (lambda space, x: space.flip(x, axis=0), [(0, 3)]),
    "roll": (lambda space, x: space.roll(x, 1, axis=1), [(0, 3)]),
    "tril": (lambda space, x: space.tril(x), [(0, 3)]),
    "triu": (lambda space, x: space.triu(x), [(0, 3)]),
    "astype": (lambda space, x: space.astype(x, space.float32), [(0, 3)]),
    "asarray": (lambda space, x: space.asarray(x), [(0, 3)]),
    "getitem": (lambda space, x: x[1:1, ::2], [(2, 3)]),
    "getitem of none": (lambda space, x: x[:, 1], [(0, 3)]),
    "concat with an empty part": (lambda space, x, y: space.concat([x, y], axis=0), [(0, 3), (2, 3)]),
    "concat of empty parts": (lambda space, x, y: space.concat([x, y], axis=1), [(0, 3), (0, 2)]),
    "concat flat": (lambda space, x, y: space.concat([x, y], axis=None), [(0, 3), (2, 2)]),
    "stack": (lambda space, x, y: space.stack([x, y], axis=1), [(0, 3), (0, 3)]),
    "unstack": (lambda space, x: space.unstack(x, axis=1)[0], [(0, 3)]),
    "repeat": (lambda space, x: space.repeat(x, 2, axis=1), [(0, 3)]),
    "repeat 0 times": (lambda space, x: space.repeat(x, 0, axis=1), [(2, 3)]),
    "tile": (lambda space, x: space.tile(x, (2, 2)), [(0, 3)]),
    "diff": (lambda space, x: space.diff(x, axis=0), [(1, 3)]),
    "meshgrid": (lambda space, x, y: operator.mul(*space.meshgrid(x, y)), [(0,), (3,)]),
    "where": (lambda space, x, y: space.where(x > y, x, y), [(0, 3), (3,)]),
    "clip": (lambda space, x: space.clip(x, 0.0, 1.0), [(0, 3)]),
    "sort": (lambda space, x: space.sort(x, axis=0), [(0, 3)]),
    "take with no index": (lambda space, x: space.take(x, indices(space, x, (0,)), axis=1), [(2, 3)]),
    "take_along_axis with no index": (
        lambda space, x: space.take_along_axis(x, indices(space, x, (2, 0)), axis=1),
        [(2, 3)],
    ),
    "take_along_axis of no rows": (
        lambda space, x: space.take_along_axis(x, indices(space, x, (0, 1)), axis=1),
        [(0, 3)],
    ),
    "matmul of inner size 0": (lambda space, x, y: space.matmul(x, y), [(2, 0), (0, 3)]),
    "matmul of no rows": (lambda space, x, y: space.linalg.matmul(x, y), [(0, 2), (2, 3)]),
    "matmul of empty vectors": (lambda space, x, y: x @ y, [(0,), (0,)]),
    "vecdot of size 0": (lambda space, x, y: space.vecdot(x, y), [(2, 0), (2, 0)]),
    "linalg.vecdot": (lambda space, x, y: space.linalg.vecdot(x, y), [(0, 3), (0, 3)]),
    "tensordot over nothing": (lambda space, x, y: space.tensordot(x, y, axes=1), [(2, 0), (0, 3)]),
    "linalg.tensordot": (lambda space, x, y: space.linalg.tensordot(x, y, axes=1), [(0, 2), (2, 3)]),
    "vector_norm of nothing": (lambda space, x: space.linalg.vector_norm(x, axis=0), [(0, 3)]),
    "vector_norm of no rows": (lambda space, x: space.linalg.vector_norm(x, axis=1, keepdims=True), [(0, 3)]),
    "diagonal": (lambda space, x: space.linalg.diagonal(x), [(0, 3)]),
    "trace": (lambda space, x: space.linalg.trace(x), [(0, 0)]),
    "outer": (lambda space, x, y: space.linalg.outer(x, y), [(0,), (3,)]),
}  # fmt: skip


@pytest.mark.parametrize("backend_name", ["numpy", "strict"])
@pytest.mark.parametrize("name", EMPTY)
def test_of_nothing_the_gradient_is_nothing_and_of_the_rest_as_it_should_be(name, backend_name):
    function, shapes = EMPTY[name]
    backend = get_backend(backend_name)
    space = traced_backend(backend).namespace
    arrays = [backend.from_numpy(np.full(shape, 0.5)) for shape in shapes]
    with probe_of(backend).strictest():
        value, gradients = value_and_grad(lambda *a: space.sum(function(space, *a)), tuple(range(len(arrays))))(*arrays)
    assert [tuple(g.shape) for g in gradients] == shapes
    wanted = 1.0 if name in ("concat with an empty part", "concat flat") else 0.0
    for gradient in gradients:
        assert np.all(backend.to_numpy(gradient) == wanted)
    assert np.isfinite(float(value))


BROADCAST = [
    ((2, 1, 3), (4, 1)),
    ((3,), ()),
    ((), (2, 3)),
    ((), ()),
    ((1,), (3,)),
    ((1, 1), (2, 3)),
    ((2, 3), (2, 1)),
    ((0, 3), (1, 3)),
    ((1, 3), (0, 1)),
]


def summed_to(full, shape):
    """NumPy's own undoing of broadcasting."""
    extra = full.ndim - len(shape)
    axes = tuple(i for i in range(full.ndim) if i < extra or shape[i - extra] == 1)
    return full.sum(axis=axes, keepdims=True).reshape(shape)


@pytest.mark.parametrize("backend_name", ["numpy", "strict"])
@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_what_was_broadcast_gets_the_sum_of_its_copies(name, shapes, backend_name):
    random = np.random.default_rng(len(name))
    plain = [random.uniform(0.3, 2.0, shape) for shape in shapes]
    wide = np.broadcast_arrays(*plain)
    weights = random.uniform(0.5, 1.5, wide[0].shape)
    derivative = BINARY[name][0]
    backend = get_backend(backend_name)
    space = traced_backend(backend).namespace
    w = backend.from_numpy(weights)
    with probe_of(backend).strictest():
        found = grad(lambda x, y: space.sum(getattr(space, name)(x, y) * w), (0, 1))(*map(backend.from_numpy, plain))
    for number, (gradient, shape) in enumerate(zip(found, shapes, strict=True)):
        exact = [float(derivative(*(mpf(float(x)) for x in pair))[number]) for pair in zip(*(x.flat for x in wide))]  # noqa: B905
        wanted = summed_to(np.reshape(exact, weights.shape) * weights, shape)
        assert tuple(gradient.shape) == shape
        np.testing.assert_allclose(backend.to_numpy(gradient), wanted, rtol=1e-13, atol=0)


@pytest.mark.parametrize("operate", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
@pytest.mark.parametrize("number", [2.0, 0.5, 3])
def test_a_number_on_either_side_is_a_0_d_array(operate, number):
    x = np.asarray([0.5, 2.0])
    for side in (0, 1):
        ends = [lambda x, n: operate(x, n), lambda x, n: operate(n, x)][side]
        got = grad(lambda x, ends=ends: xp.sum(ends(x, number)))(x)
        wanted = grad(lambda x, ends=ends: xp.sum(ends(x, np.asarray(float(number)))))(x)
        np.testing.assert_allclose(got, wanted, rtol=1e-15)


# Nothing is left out.


class Asked:
    """A namespace that notes the names it is asked for."""

    def __init__(self, space, names, prefix=""):
        self.space, self.names, self.prefix = space, names, prefix

    def __getattr__(self, name):
        found = getattr(self.space, name)
        self.names.add(self.prefix + name)
        return Asked(found, self.names, f"{name}.") if name == "linalg" else found


def test_every_rule_is_exercised_by_a_case():
    names: set[str] = set()
    space = Asked(xp, names)
    every = [(case.function, case.shapes, case.high) for case in CASES]
    every += [(function, shapes, 1.0) for function, shapes in EMPTY.values()]
    for function, shapes, inside in every:
        program = trace(lambda *a, f=function: f(space, *a), *(np.full(shape, inside) for shape in shapes))
        names |= {step.function for step in program.steps}
    missing = sorted((RULES.keys() | COMPOSED.keys()) - names)
    assert not missing, f"no case exercises {', '.join(missing)}"
