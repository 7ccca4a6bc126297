"""Losses of clouds of points and of rays through a scene."""

from lossspec.declaration import Equal, loss, require
from lossspec.numerics import absolute, array_namespace, first_largest, norm
from lossspec.terms import Array, Embedding, NonNegative, Real

__all__ = ["chamfer_distance", "distortion"]


def _to_nearest(gaps: Array, squared: bool) -> Array:
    """The mean over rows of the distance of the nearest column."""
    xp = array_namespace(gaps)
    distances = xp.sum(gaps**2, axis=-1) if squared else norm(gaps)
    return xp.mean(-first_largest(-distances), axis=-1)


@loss(
    family="geometry",
    unit="pair",
    source="Fan, Su and Guibas 2017, arXiv:1612.00603, equation 1 (from memory, not read)",
    aliases=("chamfer", "CD", "pytorch3d:chamfer_distance"),
    sizes={"batch": 2, "points": 3, "others": 2, "dim": 1},
    equals=(
        Equal(
            "torch",
            "(lambda d: d.min(-1).values.mean(-1) + d.min(-2).values.mean(-1))"
            "(((predictions[..., :, None, :] - targets[..., None, :, :]) ** 2).sum(-1))",
            when="squared",
        ),
    ),
)
def chamfer_distance(
    predictions: Embedding["*batch points dim"], targets: Embedding["*batch others dim"], *, squared: bool = True
) -> Real["*batch"]:
    """Chamfer distance of two clouds of points: the mean distance of the nearest point of the other, both ways, added.

    l = mean_i min_j |predictions_i - targets_j|^2 + mean_j min_i |predictions_i - targets_j|^2, without the squares if
    not `squared`.

    Shapes: `predictions` [*batch points dim], `targets` [*batch others dim], any vectors, as many of either as there
    are -> pair [*batch]. It forms all points * others differences.
    Weights and mean: the common contract, one weight a pair of clouds. Of equally near points the first one has the
    derivative; that of a distance of 0 is declared 0. Clouds of the same points in another order have the least loss,
    0.
    Errors: `ContractError` for another shape or a cloud without points, `DTypeError` for integers.
    Equals: PyTorch3D `chamfer_distance` by default, and its `norm=2` of roots; the paper sums over the points instead.

    >>> import numpy as np
    >>> a, b = np.asarray([[[0.0, 0.0], [3.0, 4.0]]]), np.asarray([[[0.0, 0.0]]])
    >>> float(chamfer_distance(a, b)), float(chamfer_distance(a, b, squared=False))  # 25 / 2 + 0, 5 / 2 + 0
    (12.5, 2.5)
    """
    require(
        min(predictions.shape[-2], targets.shape[-2]) > 0,
        "chamfer_distance: clouds of {} and {} points: one without points has no nearest point. Fix: leave it out.",
        predictions.shape[-2],
        targets.shape[-2],
    )
    gaps = predictions[..., :, None, :] - targets[..., None, :, :]
    swapped = targets[..., :, None, :] - predictions[..., None, :, :]
    return _to_nearest(gaps, squared) + _to_nearest(swapped, squared)


@loss(
    family="geometry",
    unit="ray",
    source="Barron, Mildenhall, Verbin, Srinivasan and Hedman 2022, arXiv:2111.12077, equation 15 (from memory, "
    "not read)",
    aliases=("distortion_loss", "lossfun_distortion"),
    sizes={"batch": 2, "intervals": 2, "edges": 3},
)
def distortion(weights: NonNegative["*batch intervals"], places: Real["*batch edges"]) -> Real["*batch"]:
    """Distortion of a ray (mip-NeRF 360): the mean distance of two places on it, which draws its weight together.

    l = sum_i sum_j weights_i weights_j |m_i - m_j| + sum_i weights_i^2 d_i / 3, with m_i the middle and d_i the length
    of the interval between places i and i + 1.

    Shapes: `weights` [*batch intervals] >= 0, the part of the light of a ray that comes from each interval; `places`
    [*batch edges], the ends of the intervals in rising order, one more than weights -> ray [*batch]. It forms all
    intervals * intervals pairs.
    Weights and mean: the common contract, one weight a ray. The weights need not sum to 1: it is of second order in
    them. It is the integral of |u - v| over two places u and v, each of which is spread evenly within its interval.
    The derivative of |m_i - m_j| at 0 is declared 0.
    Errors: `ContractError` for another shape or another number of ends, `DTypeError` for integers.
    Equals: `lossfun_distortion` of the code of the paper.

    >>> import numpy as np
    >>> float(distortion(np.asarray([[0.5, 0.5]]), np.asarray([[0.0, 3.0, 6.0]])))  # 2 * 3 / 4 + 2 * 3 / 4 / 3
    2.0
    """
    xp, count = array_namespace(weights), weights.shape[-1]
    require(
        places.shape[-1] == count + 1,
        "distortion: `places` has {} ends on its last axis for {} intervals. Fix: pass {} ends.",
        *(places.shape[-1], count, count + 1),
    )
    low, high = places[..., :-1], places[..., 1:]
    apart = (low[..., :, None] - low[..., None, :]) / 2 + (high[..., :, None] - high[..., None, :]) / 2
    # A product of two large weights may overflow, which an interval and itself, 0 apart, must not see.
    between = xp.sum(weights[..., :, None] * absolute(apart) * weights[..., None, :], axis=(-2, -1))
    return between + xp.sum(weights**2 * (high - low), axis=-1) / 3
