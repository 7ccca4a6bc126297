"""Powers and exponentials whose difference from a limit keeps its digits."""

import math

from lossspec.numerics import array_namespace
from lossspec.terms import Array

_SINH = tuple(1 / math.factorial(2 * k + 1) for k in range(8, -1, -1))


def exponential_growth(x: Array, rate: Array) -> Array:
    """Compute (exp(rate * x) - 1) / rate, which is x at rate = 0, with derivatives that keep their digits.

    Near 0 it is x * exp(u) * sinh(u) / u, with u = rate * x / 2.
    """
    xp = array_namespace(x)
    exponent = rate * x
    near = xp.abs(exponent) < 1
    half, kept = xp.where(near, exponent, 0.0) / 2, xp.where(near, x, 0.0)
    square, series = half * half, 0.0
    for coefficient in _SINH:
        series = coefficient + series * square
    close = kept * xp.exp(half) * series
    return xp.where(near, close, (xp.exp(xp.where(near, 0.0, exponent)) - 1) / xp.where(near, 1.0, rate))
