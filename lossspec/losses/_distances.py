"""Comparisons of distances between embeddings."""

from math import inf
from typing import Any

from lossspec.numerics import array_namespace, norm, normalize
from lossspec.primitive import primitive
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
    if distance == "squared":
        return _further_by_squares(*xp.broadcast_arrays(common, near, far))
    return _further_by_norms(common, near, far)


@primitive(row_axes=1)
def _further_by_squares(xp: Any, common: Array, near: Array, far: Array) -> Any:
    """|common - near|^2 - |common - far|^2, whose derivatives do not hold the third vector, which may be far longer."""
    x, y, apart = common - near, common - far, far - near
    pulls = (lambda g: 2 * g[..., None] * apart, lambda g: -2 * g[..., None] * x, lambda g: 2 * g[..., None] * y)
    return xp.sum(apart * (x + y), axis=-1), pulls


@primitive(row_axes=1)
def _further_by_norms(xp: Any, common: Array, near: Array, far: Array) -> Any:
    """|common - near| - |common - far|, whose derivatives in the last two are directions and no differences."""
    x, y, apart = common - near, common - far, far - near
    (to_x, _), (to_y, _) = normalize(x), normalize(y)
    total = norm(x) + norm(y)
    total = xp.where(total == 0, 1.0, total)[..., None]
    value = xp.sum(apart * ((x + y) / total), axis=-1)

    def pull_common(g: Array) -> Array:
        return g[..., None] * ((2 * apart - value[..., None] * (to_x + to_y)) / total)

    return value, (pull_common, lambda g: -g[..., None] * to_x, lambda g: g[..., None] * to_y)


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
