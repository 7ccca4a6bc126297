"""Derivatives of one's own: a rule for a function that has none, and a primitive that declares its derivative."""

import numpy as np

from lossspec import grad
from lossspec.autodiff import add_rule, primitive
from lossspec.numerics import array_namespace


def cbrt_rule(xp, g, output, x):
    """The cotangent of x, from that of the cube root and the root itself."""
    return g / (3 * output * output)


add_rule("cbrt", cbrt_rule)  # of NumPy, CuPy and JAX, and not of the standard


@primitive(row_axes=0)
def log1p_square(xp, x):
    """log(1 + x^2), and what carries a cotangent of it back to x: one square serves both."""
    square = x * x
    return xp.log1p(square), (lambda g: g * (2 * x / (1 + square)),)


def compressed(x):
    """The sum of both functions of an array of any framework."""
    return array_namespace(x).sum(array_namespace(x).cbrt(x) + log1p_square(x))


if __name__ == "__main__":
    x = np.asarray([0.125, 1.0, 8.0])
    first = grad(compressed)(x)
    by_hand = x ** (-2 / 3) / 3 + 2 * x / (1 + x * x)
    print("gradient", first)
    assert np.allclose(first, by_hand, rtol=1e-14)
    by_hand = -2 / 9 * x ** (-5 / 3) + 2 * (1 - x * x) / (1 + x * x) ** 2
    second = grad(lambda x: array_namespace(x).sum(grad(compressed)(x)))(x)
    print("second derivative", second)
    assert np.allclose(second, by_hand, rtol=1e-14)
