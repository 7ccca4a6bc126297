"""Powers and exponentials whose difference from a limit keeps its digits."""

import math
from typing import Any

from lossspec.numerics import array_namespace, expm1_minus
from lossspec.primitive import primitive
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


@primitive(row_axes=0)
def power_difference(xp: Any, x: Array, y: Array, power: Array) -> Any:
    """(x^power - y^power) / power for x, y > 0, which is log(x / y) at power = 0."""
    quotient, x_power, y_power = x / y, x**power, y**power
    beyond = (quotient < float(xp.finfo(x.dtype).smallest_normal)) | (quotient == math.inf)
    ratio = xp.where(beyond, xp.log(x) - xp.log(y), xp.log(xp.where(beyond, 1.0, quotient)))
    exponent = power * ratio
    near = xp.abs(exponent) < 1
    divisor = xp.where(near, 1.0, power)
    both, less = (x_power == math.inf) & (y_power == math.inf), (x < y) == (power > 0)
    far = (xp.where(both & less, 0.0, x_power) - xp.where(both & ~less, 0.0, y_power)) / divisor
    close = y_power * exponential_growth(xp.where(near, ratio, 0.0), power)
    value = xp.where(x == y, 0.0, xp.where(near, close, far))

    def pull_power(g: Array) -> Array:
        small = xp.where(near & (exponent != 0), exponent, 1.0)
        bend = xp.where(exponent == 0, 0.5, xp.exp(small) * expm1_minus(-small) / small**2)
        by_series = xp.log(y) * close + y_power * ratio**2 * bend
        return g * xp.where(near, by_series, (x_power * xp.log(x) - y_power * xp.log(y) - far) / divisor)

    return value, (lambda g: g * x ** (power - 1), lambda g: -(g * y ** (power - 1)), pull_power)


@primitive(row_axes=0)
def tweedie_deviance(xp: Any, means: Array, targets: Array, power: Array) -> Any:
    """Half the Tweedie deviance of targets above 0; each derivative is one product, however far apart the two are.

    From power 1 to 2 no power that occurs leaves the dtype. Elsewhere the deviance, homogeneous of degree 2 - power, is
    taken in units of the larger number where the powers are positive, of the smaller one where they are negative.
    """
    first, second = 2 - power, 1 - power
    size = xp.where((targets > means) == (power < 1), targets, means)
    size = xp.where((power >= 1) & (power <= 2), 1.0, size)
    x, y = targets / size, means / size
    terms = x * power_difference(x, y, second) - power_difference(x, y, first)
    value = xp.where(means == targets, 0.0, size**first * terms)

    def pull_power(g: Array) -> Array:
        by_first: Any = power_difference.body(xp, targets, means, first)[1][2]
        by_second: Any = power_difference.body(xp, targets, means, second)[1][2]
        return by_first(g) - targets * by_second(g)

    def pull_means(g: Array) -> Array:
        return g * tweedie_slope(means, targets, power)

    return value, (pull_means, lambda g: g * power_difference(targets, means, second), pull_power)


@primitive(row_axes=0)
def tweedie_slope(xp: Any, means: Array, targets: Array, power: Array) -> Any:
    """(means - targets) means^-power, the derivative of the Tweedie deviance in its mean."""
    root = means ** (-0.5 * power)  # twice, for its square may overflow before the product
    gap = means - targets
    value = xp.where(gap == 0, 0.0, gap * root * root)

    def pull_means(g: Array) -> Array:
        quotient = targets / means
        beyond = quotient == math.inf
        near = ((1 - power) + power * xp.where(beyond, 0.0, quotient)) * root * root
        return g * xp.where(beyond, power * (targets * root) * (root / means), near)

    return value, (pull_means, lambda g: -(g * root * root), lambda g: -(g * xp.log(means) * value))
