"""The error function, ratios of gamma functions and log(1 - exp(-x)), right to the last digits."""

from math import exp, factorial, pi, sqrt
from typing import Any

from lossspec.numerics import array_namespace, expm1_minus
from lossspec.primitive import primitive
from lossspec.terms import Array

_STEP = 0.5
_NODES = tuple((n + 0.5) * _STEP for n in range(13))
_WEIGHTS = tuple(2 * _STEP / pi * exp(-node * node) for node in _NODES)
_SERIES = tuple((-1) ** k / (factorial(k) * (2 * k + 1)) for k in range(13))


def _scaled_complement(x: Array) -> Array:
    """exp(x^2) erfc(x) for x >= 0, as a sum of positive terms.

    It is the midpoint rule for 2 / pi times the integral of x exp(-t^2) / (x^2 + t^2) over t > 0, and the residue at
    t = i x, which is all that the rule leaves out (Chiarella and Reichel 1968).
    """
    xp = array_namespace(x)
    far = x > 1
    inverse = 1 / xp.where(far, x, 1.0)
    size = xp.where(far, inverse, x)
    square = size * size
    total = sum(
        weight / xp.where(far, 1 + node * node * square, node * node + square)
        for weight, node in zip(_WEIGHTS, _NODES, strict=True)
    )
    close = x < pi / _STEP
    power = xp.where(close, x, 0.0)
    residue = 2 * xp.exp(power * (power - 2 * pi / _STEP)) / (1 + xp.exp(-2 * pi / _STEP * power))
    return size * total + xp.where(close, residue, 0.0)


@primitive(row_axes=0)
def erf(xp: Any, x: Array) -> Any:
    """The error function, right to the last digits near 0 too."""
    size = xp.abs(x)
    near = size < 0.5
    small = xp.where(near, x, 0.0)
    square, series = small * small, 0.0
    for coefficient in reversed(_SERIES):
        series = coefficient + series * square
    large = xp.where(near, 1.0, size)
    far = 1 - xp.exp(-large * large) * _scaled_complement(large)
    value = xp.where(near, 2 / sqrt(pi) * small * series, xp.where(x < 0, -far, far))
    return value, (lambda g: g * (2 / sqrt(pi) * xp.exp(-x * x)),)


_SHIFT = 10
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
"""The coefficients of 1 / x, 1 / x^3, ... in the rest of Stirling's formula."""


def stirling_rest(x: Array) -> Array:
    """The logarithm of Gamma(x) less ((x - 1/2) log x - x + log(2 pi) / 2), for x >= 10."""
    inverse, series = 1 / x, 0.0
    for coefficient in reversed(STIRLING):
        series = coefficient + series * inverse * inverse
    return inverse * series


def rising_excess(t: Any, a: Array) -> Array:
    """The logarithm of Gamma(a + t) / (Gamma(a) a^t), less (a + t) log(1 + t / a) - t, for t >= 0 and a > 0.

    Small where `a` is large. Below 10 it is that of a + 10, and the quotient of ten factors.
    """
    xp = array_namespace(a)
    few = a < _SHIFT
    b = xp.where(few, a + _SHIFT, a)
    excess = stirling_rest(b + t) - stirling_rest(b) - 0.5 * xp.log1p(t / b)
    small = xp.where(few, a, 1.0)
    moved = t * xp.log1p(_SHIFT / (small + t)) + (small + _SHIFT) * xp.log1p(t / (small + _SHIFT))
    factors = small * xp.log1p(t / small) + sum(xp.log1p(t / (small + k)) for k in range(_SHIFT))
    return excess + xp.where(few, moved - factors, 0.0)


@primitive(row_axes=0)
def log_of_exponential_rise(xp: Any, x: Array) -> Any:
    """-log(1 - exp(-x)) for x > 0."""
    small = x < 0.7
    near = xp.log(-xp.expm1(-xp.where(small, x, 1.0)))
    far = xp.log1p(-xp.exp(-xp.where(small, 1.0, x)))
    return -xp.where(small, near, far), (lambda g: -g * (xp.exp(-x) / -xp.expm1(-x)),)


@primitive(row_axes=0)
def bernoulli(xp: Any, x: Array) -> Any:
    """The quotient x / (exp(x) - 1) for x >= 0, with digits in its derivative near 0."""
    near, far = x < 1e-5, x > 80  # near 0 squares would be below the smallest number
    safe, large = xp.where(near | far, 1.0, x), xp.where(far, x, 0.0)
    rise = xp.expm1(safe)
    value = xp.where(near, 1 - x / 2 + x * x / 12, xp.where(far, large * xp.exp(-large), safe / rise))
    slope = (expm1_minus(safe) / rise - safe) / rise
    slope = xp.where(near, x / 6 - 0.5, xp.where(far, (1 - large) * xp.exp(-large), slope))
    return value, (lambda g: g * slope,)


@primitive(row_axes=0)
def complementary_log_log(xp: Any, x: Array) -> Any:
    """-log(1 - exp(-exp(x))): -x far below 0, and exp(-exp(x)) far above."""
    power = xp.exp(xp.where(x > 7, 7.0, x))  # exp(-exp(7)) is 0
    low, small = x < -50, power < 0.7
    near = -xp.log(-xp.expm1(-xp.where(small & ~low, power, 1.0)))
    far = -xp.log1p(-xp.exp(-xp.where(small, 1.0, power)))
    return xp.where(low, -x, xp.where(small, near, far)), (lambda g: -g * bernoulli(power),)
