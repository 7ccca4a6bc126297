"""Losses of predicted against true boxes."""

from lossspec.loss import loss
from lossspec.numerics import array_namespace, relu
from lossspec.terms import Array, Box, Real

__all__ = ["generalized_iou"]


def _area(extent: Array) -> Array:
    return extent[..., 0] * extent[..., 1]


@loss(
    family="detection",
    unit="box",
    source="Rezatofighi et al. 2019, arXiv:1902.09630",
    aliases=("giou", "generalized_box_iou_loss", "BoxGIoULoss"),
)
def generalized_iou(predictions: Box["*batch 4"], targets: Box["*batch 4"]) -> Real["*batch"]:
    """One minus the generalized intersection over union of two boxes.

    l = 1 - (I / U - (C - U) / C), with I the area of the intersection, U of the union, C of the smallest box that
    holds both.

    Shapes: `predictions` and `targets` [*batch 4], corners (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2 -> box [*batch],
    in [0, 2].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and (C - U) / C is 0 where C = 0, so two
    equal boxes without area have loss 1.
    Errors: `ContractError` for another shape; a box with x2 < x1 or y2 < y1 gives NaN, and raises under
    `checking("values")`.
    Equals: torchvision `generalized_box_iou_loss` up to the 1e-7 that it adds to U and C, MONAI `BoxGIoULoss`.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[1.0, 0.0, 2.0, 1.0]])
    >>> float(generalized_iou(a, b))
    1.0
    """
    xp = array_namespace(predictions)
    low, high = predictions[..., :2], predictions[..., 2:]
    other_low, other_high = targets[..., :2], targets[..., 2:]
    inner = relu(xp.where(high < other_high, high, other_high) - xp.where(low > other_low, low, other_low))
    outer = xp.where(high > other_high, high, other_high) - xp.where(low < other_low, low, other_low)
    intersection, hull = _area(inner), _area(outer)
    union = _area(high - low) + _area(other_high - other_low) - intersection
    apart, no_hull = intersection == 0, hull == 0  # of U / U the derivatives would be noise about 0
    outside = xp.where(apart, 1.0, (union - intersection) / xp.where(apart, 1.0, union))
    return outside + xp.where(no_hull, 0.0, (hull - union) / xp.where(no_hull, 1.0, hull))
