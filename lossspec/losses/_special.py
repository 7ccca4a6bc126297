"""The error function, ratios of gamma functions, normal tails and log(1 - exp(-x)), right to the last digits."""

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


def _tail(x: Array) -> Array:
    """The probability of a standard normal number above x, less its exponential factor exp(-x^2 / 2); for x >= 0."""
    return 0.5 * _scaled_complement(x / sqrt(2))


def _density(xp: Any, x: Array) -> Array:
    return xp.exp(-0.5 * x * x) / sqrt(2 * pi)


@primitive(row_axes=0)
def negative_log_normal_tail(xp: Any, x: Array) -> Any:
    """-log of the probability of a standard normal number above x."""
    above, size = x > 0, xp.abs(x)
    tail, half = _tail(size), 0.5 * size * size
    lost = xp.exp(-half) * tail
    value = xp.where(above, half - xp.log(tail), -xp.log1p(-xp.where(above, 0.0, lost)))
    hazard = xp.where(above, 1 / (sqrt(2 * pi) * tail), _density(xp, size) / (1 - xp.where(above, 0.0, lost)))
    return value, (lambda g: g * hazard,)


_LEGENDRE = (
    (0.1488743389816312, 0.2955242247147529),
    (0.4333953941292472, 0.2692667193099963),
    (0.6794095682990244, 0.2190863625159820),
    (0.8650633666889845, 0.1494513491505806),
    (0.9739065285171717, 0.0666713443086881),
)
"""The positive nodes and the weights of the Gauss-Legendre rule of ten points on [-1, 1]."""


@primitive(row_axes=0)
def negative_log_normal_between(xp: Any, near: Array, gap: Array) -> Any:
    """-log of the probability of a standard normal number in [near, near + gap], whose middle is not below 0."""
    middle, far = near + 0.5 * gap, near + gap
    fall = gap * middle  # the logarithm of the density at the near end less that at the far end
    narrow, beyond = (gap <= 1.2) & (fall <= 0.7), near >= 0
    ratio = xp.exp(-fall)
    # Few standard deviations: the mean of the density by Gauss and Legendre, relative to the middle.
    width, centre = xp.where(narrow, gap, 1.0), xp.where(narrow, middle, 0.0)
    mean = sum(
        weight * (xp.exp(-0.5 * (0.5 * node * width) ** 2) * xp.cosh(0.5 * node * width * centre))
        for node, weight in _LEGENDRE
    )
    of_narrow = 0.5 * centre * centre - xp.log(width * mean / sqrt(2 * pi))
    at_near = xp.exp(xp.where(narrow, 0.25 * gap * (middle + near), 0.0)) / (width * mean)
    # On one side: the difference of two tails, of which the second is at most half of the first.
    aside = beyond & ~narrow
    start, end = xp.where(aside, near, 0.0), xp.where(aside, far, 2.0)
    between = _tail(start) - xp.where(aside, ratio, 0.5) * _tail(end)
    of_aside = 0.5 * start * start - xp.log(between)
    # Around 0: all but two tails.
    around = ~beyond & ~narrow
    left, right = xp.where(around, -near, 1.0), xp.where(around, far, 1.0)
    lost = xp.exp(-0.5 * left * left) * _tail(left) + xp.exp(-0.5 * right * right) * _tail(right)
    value = xp.where(narrow, of_narrow, xp.where(aside, of_aside, -xp.log1p(-lost)))
    of_near = xp.where(
        narrow, at_near, xp.where(aside, 1 / (sqrt(2 * pi) * between), _density(xp, left) / (1 - lost))
    )  # the density at the near end over the probability
    return value, (lambda g: g * (of_near * -xp.expm1(-fall)), lambda g: -g * (of_near * ratio))


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
