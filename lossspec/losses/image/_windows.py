"""Weighted sums over windows of pixels, of pairs of images [pair batch channels *space], as products of matrices."""

from lossspec.numerics import array_namespace, matmul, positions
from lossspec.terms import Array

BLOCK = 64
"""The most windows along an axis that one matrix product takes: the work is that many times the pixels."""


def axes_of_space(z: Array) -> range:
    """The axes of space of pairs of images, counted from the last."""
    return range(3 - len(z.shape), 0)


def steps_of_windows(z: Array, window: int) -> tuple[Array, Array]:
    """The distances of pixels, one a row, from the middle of windows, one a column, and which pixels are inside.

    They are those of a block of windows along the longest axis; fewer windows take its upper left part.
    """
    xp = array_namespace(z)
    axis = -1  # the longest
    for other in axes_of_space(z):
        axis = other if z.shape[other] > z.shape[axis] else axis
    size = min(z.shape[axis], BLOCK + window - 1)
    rows = xp.reshape(positions(z, axis=axis, dtype=z.dtype), (-1, 1))[:size, :]
    steps = rows - xp.matrix_transpose(rows) - (window - 1) / 2
    return steps, xp.abs(steps) < window / 2


def average(z: Array, weights: Array, window: int, axis: int) -> Array:
    """The weighted sums over the windows along an axis of space."""
    xp = array_namespace(z)
    if axis < -2:  # a product of matrices takes what follows the axis as one
        sums = average(xp.reshape(z, (*z.shape[: axis + 1], -1)), weights, window, -2)
        return xp.reshape(sums, (*sums.shape[:-1], *z.shape[axis + 1 :]))
    rest = (slice(None),) * (-1 - axis)
    count = z.shape[axis] - window + 1
    sums = []
    for start in range(0, count, BLOCK):
        windows = min(BLOCK, count - start)
        block = weights[: windows + window - 1, :windows]
        part = z[(..., slice(start, start + windows + window - 1), *rest)] if count > BLOCK else z
        sums.append(matmul(part, block) if axis == -1 else matmul(xp.matrix_transpose(block), part))
    return xp.concat(sums, axis=axis) if count > BLOCK else sums[0]
