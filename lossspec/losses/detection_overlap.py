"""Losses that reshape the intersection over union of two boxes, or add terms of their corners and sides to it."""

from lossspec.declaration import loss
from lossspec.losses._boxes import (
    Format,
    compare,
    growth_of,
    overlap_of,
    shift_of_centers,
    squared_length,
)
from lossspec.numerics import absolute, array_namespace, expm1, log1p, per_row, ratio_or_zero, stop_gradient, zero_where
from lossspec.terms import AtLeastOne, Box, Positive, Real

__all__ = ["alpha_iou", "mpd_iou", "siou", "wise_iou"]


@loss(
    family="detection",
    unit="box",
    source="He, Erfani, Ma, Bailey, Chi and Hua 2021, arXiv:2110.13675 (formula from memory, not read)",
    aliases=("AlphaIoU", "power_iou"),
)
def alpha_iou(
    predictions: Box["*batch 4"],
    targets: Box["*batch 4"],
    *,
    alpha: AtLeastOne["#*batch"] = 3.0,
    format: Format = "xyxy",
) -> Real["*batch"]:
    """Alpha-IoU loss: one minus a power of the intersection over union of two boxes.

    l = 1 - (I / U)^alpha, with I the area of the intersection and U of the union.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0; `alpha` >= 1, 3 in the
    paper -> box [*batch], in [0, 1].
    Weights and mean: the common contract. A power above 1 weighs the gradient of good boxes up, to alpha times that of
    `iou`. I / U is declared 0 where U = 0. Boxes that do not meet have loss 1 and gradient 0. Where edges of both
    coincide the derivative is the mean of the one-sided ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format or alpha < 1; a box of negative size or with a NaN gives NaN,
    and raises under `checking("values")`.
    Equals: `iou` for alpha = 1. The paper has powers below 1 too, of which the derivative of boxes that hardly meet has
    no bound, and powers of the terms of other losses of boxes, which are not here.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 1.0]]), np.asarray([[1.0, 0.0, 2.0, 1.0]])
    >>> round(float(alpha_iou(a, b)), 12)  # 1 - (1 / 2)^3
    0.875
    """
    overlap = overlap_of(compare(predictions, targets, format))
    xp, near = array_namespace(predictions), overlap.loss < 0.5
    nothing = overlap.intersection == 0
    shared = ratio_or_zero(overlap.intersection, overlap.union)
    far = 1 - xp.where(nothing, 0.0, xp.where(near | nothing, 1.0, shared) ** alpha)
    value = xp.where(near, -expm1(alpha * log1p(-xp.where(near, overlap.loss, 0.0))), far)
    return value + zero_where(overlap.loss, overlap.loss == overlap.loss)  # a gradient of NaN passes


@loss(
    family="detection",
    unit="box",
    source="Ma and Xu 2023, arXiv:2307.07662 (formula from memory, not read)",
    aliases=("MPDIoU",),
)
def mpd_iou(
    predictions: Box["*batch 4"],
    targets: Box["*batch 4"],
    *,
    width: Positive["#*batch"] = 1.0,
    height: Positive["#*batch"] = 1.0,
    format: Format = "xyxy",
) -> Real["*batch"]:
    """MPDIoU loss: the IoU loss plus the squared distances of two pairs of corners, by the diagonal of the image.

    l = 1 - I / U + (d^2 + e^2) / (width^2 + height^2), with I the area of the intersection, U of the union, d the
    distance of the corners (x1, y1) of both boxes and e that of the corners (x2, y2).

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0; `width` and `height` > 0
    of the image, 1 for boxes whose coordinates are parts of it -> box [*batch].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, so two equal boxes without area have loss 1.
    Boxes that do not meet have a gradient, towards each other. Where edges of both coincide the derivative is the mean
    of the one-sided ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format or a size of the image that is not above 0; a box of negative
    size or with a NaN gives NaN, and raises under `checking("values")`.
    Equals: `iou` as the image grows.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 4.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
    >>> float(mpd_iou(a, b, width=8.0, height=8.0))  # 1 - 8 / 16 + 2^2 / (2 * 8^2)
    0.53125
    """
    pair = compare(predictions, targets, format)
    return overlap_of(pair).loss + (squared_length(pair.low) + squared_length(pair.high)) / (width**2 + height**2)


@loss(
    family="detection",
    unit="box",
    source="Gevorgyan 2022, arXiv:2205.12740 (read in code of others, not in the paper)",
    aliases=("SIoU", "scylla_iou"),
)
def siou(
    predictions: Box["*batch 4"],
    targets: Box["*batch 4"],
    *,
    theta: AtLeastOne["#*batch"] = 4.0,
    format: Format = "xyxy",
) -> Real["*batch"]:
    """SIoU loss: the IoU loss plus costs of the distance of two boxes, along the axes, and of their shapes.

    l = 1 - I / U + (D + S) / 2, with I the area of the intersection and U of the union,
    D = 2 - exp((A - 2) (x / W)^2) - exp((A - 2) (y / H)^2) with x and y the distances of the centres along the axes,
    W and H the sides of the smallest box that holds both, and A = 2 |x| |y| / (x^2 + y^2) the angle cost, and
    S = (1 - exp(-|w - w'| / max(w, w')))^theta + (1 - exp(-|h - h'| / max(h, h')))^theta of the widths and heights.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0; `theta` >= 1, 4 in the
    paper -> box [*batch].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and the other quotients are 0 where they are
    0 / 0. Where edges, centres or sides of both coincide the derivative is the mean of the one-sided ones: 0 for equal
    boxes.
    Errors: `ContractError` for another shape or format or theta < 1; a box of negative size or with a NaN gives NaN,
    and raises under `checking("values")`.
    Equals: the formula of the paper's code, whose A is 1 - 2 sin^2(arcsin(y / sqrt(x^2 + y^2)) - pi / 4): the same.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 4.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
    >>> round(float(siou(a, b)), 12)  # 1/2 + ((1 - exp(-1/2))^4 + 1 - exp(-2/4^2)) / 2
    0.570735874118
    """
    pair = compare(predictions, targets, format)
    xp, shift = array_namespace(predictions), absolute(shift_of_centers(pair))
    angle = ratio_or_zero(2 * shift[..., 0] * shift[..., 1], squared_length(shift))
    distance = -expm1((angle - 2)[..., None] * ratio_or_zero(shift, pair.hull) ** 2)
    growth = ratio_or_zero(absolute(growth_of(pair)), xp.maximum(pair.size, pair.other_size))
    same = growth == 0
    shape = xp.where(same, 0.0, (-expm1(-xp.where(same, 1.0, growth))) ** per_row(theta))  # 0^theta has no derivatives
    return overlap_of(pair).loss + 0.5 * xp.sum(distance + shape, axis=-1)


@loss(
    family="detection",
    unit="box",
    source="Tong, Chen, Xu and Yu 2023, arXiv:2301.10051, its version 1 (formula from memory, not read)",
    aliases=("WIoU", "WiseIoU"),
)
def wise_iou(predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy") -> Real["*batch"]:
    """Wise-IoU loss, version 1: the IoU loss times the exponential of the distance of the centres of two boxes.

    l = exp(d^2 / (W^2 + H^2)) (1 - I / U), with I the area of the intersection, U of the union, d the distance of the
    centres, and W and H the sides of the smallest box that holds both, which are constant for the gradient.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, e].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and the exponent is 0 where it is 0 / 0, so
    two equal boxes without area have loss 1. Where edges of both coincide the derivative is the mean of the one-sided
    ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: the first of the three versions of the paper; the others multiply it by a factor that is made of a running
    mean of the losses, which is a `sample_weight` here.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 2.0]]), np.asarray([[4.0, 2.0, 6.0, 6.0]])
    >>> round(float(wise_iou(a, b)), 12)  # exp((4^2 + 3^2) / (6^2 + 6^2))
    1.415131164024
    """
    pair = compare(predictions, targets, format)
    diagonal = stop_gradient(squared_length(pair.hull))
    distance = ratio_or_zero(squared_length(shift_of_centers(pair)), diagonal)
    return array_namespace(distance).exp(distance) * overlap_of(pair).loss
