"""Losses of predicted against true boxes."""

import math

from lossspec.declaration import Equal, loss
from lossspec.losses._boxes import (
    Format,
    Pair,
    area_of,
    compare,
    distance_of,
    growth_of,
    overlap_of,
    squared_length,
)
from lossspec.numerics import array_namespace, ratio_or_zero, stop_gradient, with_value
from lossspec.terms import Array, Box, Real

__all__ = ["complete_iou", "distance_iou", "efficient_iou", "generalized_iou", "iou"]


@loss(
    family="detection",
    unit="box",
    source="Yu, Jiang, Wang, Cao and Huang 2016, arXiv:1608.01471; Rezatofighi et al. 2019, arXiv:1902.09630",
    aliases=("IoU",),
    also={
        "mmdet:iou_loss IoULoss": "it is -log(IoU); iou is 1 - IoU",
    },
    equals=(
        Equal(
            "torchvision",
            "1 - torch.diagonal(ops.box_iou(predictions, targets, fmt=format))",
            when="predictions.ndim == 2",
            differs={"edges": "0 / 0 is NaN for two boxes without area"},
        ),
    ),
)
def iou(predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy") -> Real["*batch"]:
    """IoU loss: one minus the intersection over union of two boxes.

    l = 1 - I / U, with I the area of the intersection and U of the union.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, 1].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, so two equal boxes without area have loss 1.
    Boxes that do not meet, or only touch, have loss 1 and gradient 0. Where edges of both coincide the derivative is
    the mean of the one-sided ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: one minus the diagonal of torchvision `box_iou`, torchmetrics `intersection_over_union`. The IoU loss of
    UnitBox is -log(I / U), which has no value for boxes that do not meet.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 1.0]]), np.asarray([[1.0, 0.0, 3.0, 1.0]])
    >>> round(float(iou(a, b)), 12)  # 1 - 1 / 3
    0.666666666667
    """
    return overlap_of(compare(predictions, targets, format)).loss


@loss(
    family="detection",
    unit="box",
    source="Rezatofighi et al. 2019, arXiv:1902.09630",
    aliases=("giou", "GIoU", "monai:BoxGIoULoss giou"),
    also={"torchvision:generalized_box_iou_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "torchvision",
            "ops.generalized_box_iou_loss(predictions, targets, eps=0)",
            when="format == 'xyxy'",
        ),
        Equal(
            "torchmetrics",
            "1 - torch.diagonal(M.detection.generalized_intersection_over_union(predictions, targets, "
            "aggregate=False))",
            when="format == 'xyxy' and predictions.ndim == 2 and len(predictions) > 0",
            differs={"gradient edges": "it compares all pairs, and one without area makes the derivatives NaN"},
        ),
    ),
)
def generalized_iou(
    predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy"
) -> Real["*batch"]:
    """GIoU loss: one minus the generalized intersection over union of two boxes.

    l = 1 - (I / U - (C - U) / C), with I the area of the intersection, U of the union, C of the smallest box that
    holds both.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, 2].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and (C - U) / C is 0 where C = 0, so two
    equal boxes without area have loss 1. Where edges of both coincide the derivative is the mean of the one-sided ones:
    0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: torchvision `generalized_box_iou_loss` up to the 1e-7 that it adds to U and C, a tenth of a box of 1e-3 by
    1e-3; MONAI `BoxGIoULoss`, in float32 and with 1e-7 too.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[1.0, 0.0, 2.0, 1.0]])
    >>> float(generalized_iou(a, b))
    1.0
    """
    pair = compare(predictions, targets, format)
    xp, overlap, hull = array_namespace(predictions), overlap_of(pair), area_of(pair.hull)
    (own, other), union = overlap.beyond, overlap.union
    corners = own[..., 0] * other[..., 1] + other[..., 0] * own[..., 1]  # the hull without the union, where they meet
    none = hull == 0
    safe = xp.where(none, 1.0, hull)
    most = (overlap.intersection == 0) | (2 * union < hull)
    return overlap.loss + xp.where(none, 0.0, xp.where(most, 1 - union / safe, corners / safe))


@loss(
    family="detection",
    unit="box",
    source="Zheng, Wang, Liu, Li, Ye and Ren 2020, arXiv:1911.08287",
    aliases=("diou", "DIoU"),
    also={"torchvision:distance_box_iou_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "torchvision",
            "ops.distance_box_iou_loss(predictions, targets, eps=0)",
            when="format == 'xyxy'",
            differs={"edges": "0 / 0 is NaN for two boxes without area"},
        ),
    ),
)
def distance_iou(predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy") -> Real["*batch"]:
    """DIoU loss: the IoU loss plus the distance of the centres of two boxes.

    l = 1 - I / U + d^2 / c^2, with I the area of the intersection, U of the union, d the distance of the centres and c
    the diagonal of the smallest box that holds both.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, 2].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and d / c is 0 where c = 0, so two equal
    boxes without area have loss 1. Boxes that do not meet still have a gradient, towards each other. Where edges of
    both coincide the derivative is the mean of the one-sided ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: torchvision `distance_box_iou_loss` up to the 1e-7 that it adds to U and c^2.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 2.0]]), np.asarray([[4.0, 2.0, 6.0, 6.0]])
    >>> round(float(distance_iou(a, b)), 12)  # 1 + (4^2 + 3^2) / (6^2 + 6^2)
    1.347222222222
    """
    pair = compare(predictions, targets, format)
    return overlap_of(pair).loss + distance_of(pair)


def _angle(pair: Pair) -> Array:
    """atan(width / height) of the target minus that of the prediction; 0 where one of them is a point.

    The value comes from the differences of the sizes; the derivatives of the two arctangents are those of each alone.
    """
    xp, growth = array_namespace(pair.size), growth_of(pair)
    (width, height), (other_width, other_height) = ((x[..., 0], x[..., 1]) for x in (pair.size, pair.other_size))
    close = xp.all(xp.abs(growth) < pair.size / 2, axis=-1)  # beyond, the difference may not hold the smaller size
    sine = xp.where(
        close, growth[..., 0] * height - growth[..., 1] * width, other_width * height - other_height * width
    )
    cosine = width * other_width + height * other_height
    point = (width + height == 0) | (other_width + other_height == 0)
    sine = xp.where(point, 0.0, sine)
    height, other_height, cosine = (xp.where(point, 1.0, x) for x in (height, other_height, cosine))
    return with_value(xp.atan2(sine, cosine), xp.atan2(other_width, other_height) - xp.atan2(width, height))


@loss(
    family="detection",
    unit="box",
    source="Zheng, Wang, Liu, Li, Ye and Ren 2020, arXiv:1911.08287",
    aliases=("ciou", "CIoU"),
    also={"torchvision:complete_box_iou_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "torchvision",
            "ops.complete_box_iou_loss(1e4 * predictions, 1e4 * targets, eps=0)",  # it adds 1e-7 to areas even so
            when="format == 'xyxy'",
            differs={"edges": "wrong: NaN for a box without height, of which only the ratio of its sides is infinite"},
        ),
    ),
)
def complete_iou(predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy") -> Real["*batch"]:
    """CIoU loss: the IoU loss plus the distances of the centres and of the aspect ratios of two boxes.

    l = 1 - I / U + d^2 / c^2 + a v, with I the area of the intersection, U of the union, d the distance of the centres,
    c the diagonal of the smallest box that holds both, v = 4 / pi^2 (atan(w' / h') - atan(w / h))^2 for the widths and
    heights of targets and predictions, and a = v / (1 - I / U + v), which is constant for the gradient.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, 2.5].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, d / c is 0 where c = 0, and v is 0 where a
    box is a point; atan(w / 0) is pi / 2. Where edges of both coincide the derivative is the mean of the one-sided
    ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: torchvision `complete_box_iou_loss` up to the 1e-7 that it adds to U, c^2 and a, whatever `eps` says of the
    first two; its gradient is NaN for a box without height. The paper leaves a factor 1 / (w^2 + h^2) out of the
    derivatives of v; arXiv:2005.03572 by the same authors lets a be 0 where I / U < 1/2.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 0.0]]), np.asarray([[0.0, 0.0, 0.0, 2.0]])
    >>> float(complete_iou(a, b))  # 1 + (1 + 1) / (4 + 4) + 1 / (1 + 1)
    1.75
    """
    pair = compare(predictions, targets, format)
    overlap = overlap_of(pair).loss
    shape = (2 / math.pi * _angle(pair)) ** 2
    return overlap + distance_of(pair) + stop_gradient(ratio_or_zero(shape, overlap + shape)) * shape


@loss(
    family="detection",
    unit="box",
    source="Zhang, Ren, Zhang, Jia, Wang and Tan 2022, arXiv:2101.08158",
    also={
        "eiou": (
            "two losses have this name: efficient_iou is that of Zhang et al.; the extended IoU of Peng and Yu is "
            "not here"
        ),
    },
)
def efficient_iou(predictions: Box["*batch 4"], targets: Box["*batch 4"], *, format: Format = "xyxy") -> Real["*batch"]:
    """EIoU loss: the IoU loss plus the distances of the centres, widths and heights of two boxes.

    l = 1 - I / U + d^2 / (W^2 + H^2) + (w - w')^2 / W^2 + (h - h')^2 / H^2, with I the area of the intersection, U of
    the union, d the distance of the centres, w, h, w' and h' the widths and heights of predictions and targets, W and H
    those of the smallest box that holds both.

    Shapes: `predictions` and `targets` [*batch 4], as `format` says: corners (x1, y1, x2, y2) with x1 <= x2 and
    y1 <= y2, a corner with a size (x1, y1, width, height), or a centre with a size, both >= 0 -> box [*batch], in
    [0, 4].
    Weights and mean: the common contract. I / U is declared 0 where U = 0, and the other terms are 0 where they are
    0 / 0. Where edges of both coincide the derivative is the mean of the one-sided ones: 0 for equal boxes.
    Errors: `ContractError` for another shape or format; a box of negative size or with a NaN gives NaN, and raises
    under `checking("values")`.
    Equals: the EIoU loss of the paper, without the factor (I / U)^gamma of its Focal-EIoU. What is called
    `eiou_loss` in code of mmdetection's style may be Extended-IoU (Peng and Yu 2021), another formula.

    >>> import numpy as np
    >>> a, b = np.asarray([[0.0, 0.0, 2.0, 4.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
    >>> float(efficient_iou(a, b))  # 1 - 8 / 16 + 1 / 32 + 2^2 / 4^2
    0.78125
    """
    pair = compare(predictions, targets, format)
    return overlap_of(pair).loss + distance_of(pair) + squared_length(ratio_or_zero(growth_of(pair), pair.hull))
