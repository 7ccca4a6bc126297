"""Comparisons of distances between embeddings."""

from math import inf
from typing import Any

from lossspec.numerics import array_namespace, norm, normalize
from lossspec.terms import Array


def all_distances(x: Array) -> Array:
    """The distance of each row of a matrix from each."""
    return norm(x[:, None, :] - x[None, :, :])


def further(common: Array, near: Array, far: Array, distance: str) -> Array:
    """distance(common, near) - distance(common, far), without a difference of large numbers."""
    xp = array_namespace(common)
    if distance == "cosine":
        (u, u_is_zero), (v, v_is_zero), (w, w_is_zero) = normalize(common), normalize(near), normalize(far)
        middle = xp.where((u_is_zero | v_is_zero | w_is_zero)[..., None], 0.0, 0.5 * (v + w))
        return xp.sum((w - v) * (u - middle), axis=-1)  # v and w are of one length, so that middle adds nothing
    x, y = common - near, common - far
    if distance == "squared":
        return xp.sum((far - near) * (x + y), axis=-1)
    total = norm(x) + norm(y)
    total = xp.where(total == 0, 1.0, total)
    return xp.sum((far - near) * ((x + y) / total[..., None]), axis=-1)


def furthest(apart: Array, among: Array) -> tuple[Array, Array]:
    """The index of the greatest entry of each row among some of them, and whether there are any."""
    xp = array_namespace(apart)
    return xp.argmax(xp.where(among, apart, -inf), axis=-1), xp.any(among, axis=-1)


def power_of(distance: Array, square: Array, exponent: Any) -> Array:
    """distance^exponent for an exponent of 1 or more, from the distance and its square.

    At a distance of 0 the derivative is 0, and the second one that of the square where the exponent is 2.
    """
    xp, zero = array_namespace(distance), distance == 0
    squared = xp.where(xp.zeros_like(distance) + exponent == 2, square, 0.0)
    return xp.where(zero, squared, xp.where(zero, 1.0, distance) ** exponent)
