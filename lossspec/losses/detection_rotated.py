"""Losses of rotated boxes, as distances of the Gaussians that have their centres and axes.

The covariance of a box is that of its sides, turned by its angle. Squares of differences of two boxes are added up,
never subtracted, so that nearly equal boxes keep their digits: those of the sides as they are given, or with width and
height of one exchanged, whichever are closer.
"""

from functools import partial
from typing import Literal, NamedTuple

from lossspec.declaration import loss
from lossspec.numerics import array_namespace, expm1, expm1_minus, log_quotient, sqrt, with_value
from lossspec.terms import Array, AtLeastOne, Real, RotatedBox

__all__ = ["gaussian_wasserstein_distance", "kullback_leibler_box", "prob_iou"]

Transform = Literal["log1p", "sqrt"]

rotated_loss = partial(loss, family="detection", unit="box", perfect={"predictions": "targets"}, sizes={"batch": 2})


class _Gaussians(NamedTuple):
    """The sides of two rotated boxes, the squared sine and cosine of the angle between them, and their distance."""

    size: tuple[Array, Array]
    other_size: tuple[Array, Array]
    """Width and height of the target, exchanged where so they are closer to those of the prediction."""
    turned: Array
    """The squared sine of the angle between the sides that are compared."""
    aligned: Array
    """Its squared cosine."""
    shift: tuple[Array, Array]
    """From centre to centre."""
    own: tuple[Array, Array]
    """The same along the sides of the prediction."""
    other: tuple[Array, Array]
    """The same along the sides of the target, exchanged as these are."""


def _compare(predictions: Array, targets: Array) -> _Gaussians:
    xp = array_namespace(predictions)
    (x, y, w, h, a), (t_x, t_y, t_w, t_h, t_a) = (tuple(b[..., k] for k in range(5)) for b in (predictions, targets))
    right, down = t_x - x, t_y - y
    sine, cosine = xp.sin(a - t_a) ** 2, xp.cos(a - t_a) ** 2
    own = right * xp.cos(a) + down * xp.sin(a), down * xp.cos(a) - right * xp.sin(a)
    other = right * xp.cos(t_a) + down * xp.sin(t_a), down * xp.cos(t_a) - right * xp.sin(t_a)
    exchanged = (w - h) * (t_w - t_h) < 0

    def chosen(first: Array, second: Array) -> tuple[Array, Array]:
        return xp.where(exchanged, second, first), xp.where(exchanged, first, second)

    return _Gaussians((w, h), chosen(t_w, t_h), *chosen(sine, cosine), (right, down), own, chosen(*other))


def _bounded(distance: Array, tau: Array, transform: Transform) -> Array:
    """1 - 1 / (tau + f(distance)), with f the logarithm of 1 + distance or the square root."""
    found = sqrt(distance) if transform == "sqrt" else array_namespace(distance).log1p(distance)
    return with_value(((tau - 1) + found) / (tau + found), -1 / (tau + found))


@rotated_loss(
    source="Yang, Yan, Ming, Wang, Zhang and Tian 2021, arXiv:2101.11952 (read in the code of MMRotate, not "
    "in the paper)",
    aliases=("GWD", "gwd"),
)
def gaussian_wasserstein_distance(
    predictions: RotatedBox["*batch 5"],
    targets: RotatedBox["*batch 5"],
    *,
    tau: AtLeastOne["#*batch"] = 1.0,
    transform: Transform = "log1p",
) -> Real["*batch"]:
    """GWD loss of rotated boxes: the Wasserstein distance of two Gaussians, bounded.

    l = 1 - 1 / (tau + f(d)), with f(d) = log(1 + d) or, for transform="sqrt", sqrt(d), and the squared distance
    d = |m - n|^2 + tr(S + T - 2 (S^(1/2) T S^(1/2))^(1/2)) of the Gaussians of `predictions` and `targets`, of which
    m and n are the centres of the boxes, S and T the covariances R diag(width^2, height^2) R^T / 4 with R the rotation
    by the angle.

    Shapes: `predictions` and `targets` [*batch 5], rows (x, y, width, height, angle) with width > 0, height > 0 and the
    angle in radians; `tau` >= 1 -> box [*batch], in [0, 1).
    Weights and mean: the common contract. A box and the same box turned by 90 degrees with its sides exchanged are the
    same Gaussian, and a square has no angle. Boxes that are equal up to that have the least loss, 0 for tau = 1, with
    gradient 0.
    Errors: `ContractError` for another shape, tau < 1 or an unknown `transform`; a box without positive sides or with a
    NaN gives NaN, and raises under `checking("values")`.
    Equals: MMRotate `GDLoss_v1(loss_type="gwd")` up to the numbers by which it clamps. Its `GDLoss` takes the root of
    the distance over that of the areas instead of d.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 4.0, 0.3]]), np.asarray([[3.0, 4.0, 4.0, 2.0, 0.3 + np.pi / 2]])
    >>> round(float(gaussian_wasserstein_distance(a, b, transform="sqrt")), 12)  # 1 - 1 / (1 + 5)
    0.833333333333
    """
    pair = _compare(predictions, targets)
    xp, (w, h), (v, u) = array_namespace(predictions), pair.size, pair.other_size
    most, least = w * v + h * u, w * u + h * v
    mixed = xp.sqrt(most**2 * pair.aligned + least**2 * pair.turned)
    turn = pair.turned * ((w - h) * (v - u)) * ((most + least) / (most + mixed))
    centers = pair.shift[0] ** 2 + pair.shift[1] ** 2
    return _bounded(centers + ((w - v) ** 2 + (h - u) ** 2 + 2 * turn) / 4, tau, transform)


@rotated_loss(
    source="Yang, Yang, Yang, Ming, Wang, Tian and Yan 2021, arXiv:2106.01883 (read in the code of MMRotate, not in "
    "the paper)",
    aliases=("kld_box",),
)
def kullback_leibler_box(
    predictions: RotatedBox["*batch 5"],
    targets: RotatedBox["*batch 5"],
    *,
    tau: AtLeastOne["#*batch"] = 1.0,
    transform: Transform = "log1p",
) -> Real["*batch"]:
    """KLD loss of rotated boxes: the Kullback-Leibler divergence of two Gaussians, bounded.

    l = 1 - 1 / (tau + f(d)), with f(d) = log(1 + d) or, for transform="sqrt", sqrt(d), and
    d = ((m - n)^T T^(-1) (m - n) + tr(T^(-1) S) + log(det T / det S)) / 2 - 1, the divergence of the Gaussian of
    `predictions` from that of `targets`, of which m and n are the centres of the boxes, S and T the covariances
    R diag(width^2, height^2) R^T / 4 with R the rotation by the angle.

    Shapes: `predictions` and `targets` [*batch 5], rows (x, y, width, height, angle) with width > 0, height > 0 and the
    angle in radians; `tau` >= 1 -> box [*batch], in [0, 1).
    Weights and mean: the common contract. A box and the same box turned by 90 degrees with its sides exchanged are the
    same Gaussian, and a square has no angle. Boxes that are equal up to that have the least loss, 0 for tau = 1, with
    gradient 0. It does not change with the scale of both boxes.
    Errors: `ContractError` for another shape, tau < 1 or an unknown `transform`; a box without positive sides or with a
    NaN gives NaN, and raises under `checking("values")`.
    The divergence of the targets from the predictions is this loss with both exchanged.
    Equals: MMRotate `GDLoss(loss_type="kld", tau=1, sqrt=False)` with both exchanged, up to the numbers by which it
    clamps. Its older `GDLoss_v1(loss_type="kld")` takes twice the divergence.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 4.0, 0.3]]), np.asarray([[0.0, 0.0, 4.0, 8.0, 0.3]])
    >>> round(float(kullback_leibler_box(a, b)), 12)  # 1 - 1 / (1 + log(1/4 + log 4))
    0.329953686433
    """
    pair = _compare(predictions, targets)
    (w, h), (v, u) = pair.size, pair.other_size
    sides = sum(expm1_minus(2 * log_quotient(a, b)) for a, b in ((w, v), (h, u)))
    turn = pair.turned * ((w - h) / v * ((w + h) / u)) * ((v - u) / v * ((v + u) / u))
    centers = (pair.other[0] / v) ** 2 + (pair.other[1] / u) ** 2
    return _bounded(2 * centers + (sides + turn) / 2, tau, transform)


@rotated_loss(
    source="Murrugarra-Llerena, Kirsten, Zeni and Jung 2021, arXiv:2106.06072 (read in code of others, not "
    "in the paper)",
    aliases=("ProbIoU", "probiou"),
)
def prob_iou(
    predictions: RotatedBox["*batch 5"],
    targets: RotatedBox["*batch 5"],
    *,
    mode: Literal["hellinger", "bhattacharyya"] = "hellinger",
) -> Real["*batch"]:
    """ProbIoU loss of rotated boxes: the Hellinger distance of two Gaussians, or their Bhattacharyya distance.

    l = sqrt(1 - exp(-d)) for mode="hellinger" and l = d for "bhattacharyya", with
    d = (m - n)^T V^(-1) (m - n) / 8 + log(det V / sqrt(det S det T)) / 2 and V = (S + T) / 2, of which m and n are the
    centres of the boxes of `predictions` and `targets`, S and T the covariances R diag(width^2, height^2) R^T / 12 with
    R the rotation by the angle.

    Shapes: `predictions` and `targets` [*batch 5], rows (x, y, width, height, angle) with width > 0, height > 0 and the
    angle in radians -> box [*batch], in [0, 1] for "hellinger".
    Weights and mean: the common contract. A box and the same box turned by 90 degrees with its sides exchanged are the
    same Gaussian, and a square has no angle. Boxes that are equal up to that have loss 0, with gradient 0. Far boxes
    have a gradient in "bhattacharyya" alone, which the paper takes first. The axes of V are between those of both
    boxes.
    Errors: `ContractError` for another shape or an unknown `mode`; a box without positive sides or with a NaN gives
    NaN, and raises under `checking("values")`.
    Equals: the losses L1 and L2 of the paper; one minus `probiou` of ultralytics up to the 1e-7 that it adds.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 2.0, 0.3]]), np.asarray([[3.0, 4.0, 2.0, 2.0, 0.7]])
    >>> round(float(prob_iou(a, b, mode="bhattacharyya")), 12)  # 5^2 / (2^2 / 12) / 8
    9.375
    """
    pair = _compare(predictions, targets)
    (w, h), (v, u) = pair.size, pair.other_size
    excess = (h * u) / (w * v) * ((w / h - v / u) / 2) ** 2 * pair.aligned
    excess = excess + (w / u - h / v) ** 2 * (u * v) / (w * h) / 4 * pair.turned
    excess = excess + ((w * h - v * u) / (w * h)) ** 2 * (w * h) / (v * u) / 4
    distance = _between_centers(pair) + 0.5 * array_namespace(excess).log1p(excess)
    return sqrt(-expm1(-distance)) if mode == "hellinger" else distance


def _between_centers(pair: _Gaussians) -> Array:
    """The distance of the centres in the mean of both covariances, over 8.

    All is relative to the sides of the larger box: a much smaller one hardly matters, and its derivative is no
    difference of large terms.
    """
    xp = array_namespace(pair.turned)
    swapped = (pair.other_size[0] / pair.size[0]) * (pair.other_size[1] / pair.size[1]) > 1
    w, h, v, u, right, down, other_right, other_down = (
        xp.where(swapped, second, first)
        for first, second in zip(
            (*pair.size, *pair.other_size, *pair.own, *pair.other),
            (*pair.other_size, *pair.size, *pair.other, *pair.own),
            strict=True,
        )
    )
    widths, heights = v / w, u / h
    apart = (right / w) ** 2 + (down / h) ** 2 + (other_right / w * heights) ** 2 + (other_down / h * widths) ** 2
    unlike = (widths - heights) ** 2 * pair.aligned + (v / h - u / w) ** 2 * pair.turned
    return 3 * apart / ((1 + widths * heights) ** 2 + unlike)
