"""Losses of the scores of boxes, which are to predict their quality, and of the distributions of their edges."""

from math import inf

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    absolute,
    array_namespace,
    carry_nan,
    expected_negative_log_softmax,
    focal_cross_entropy,
    positions,
    sigmoid,
    sigmoid_cross_entropy,
    stop_gradient,
    zero_where,
)
from lossspec.terms import AtLeastOne, Logits, NonNegative, Probability, Real

__all__ = ["distribution_focal", "quality_focal", "varifocal"]

_BINARY = "F.binary_cross_entropy_with_logits(logits, targets, reduction='none')"


@loss(
    family="detection",
    unit="element",
    source="Li et al. 2020, arXiv:2006.04388, equation 5 (read in the code of MMDetection, not in the paper)",
    aliases=("QFL",),
    also={
        "mmdet:quality_focal_loss QualityFocalLoss": (
            "it takes the class and the quality of each box, and sums over the classes; quality_focal takes the "
            "quality of each class. Fix: give it one_hot(label) * quality, and reduction=Mean(over=the number of boxes)"
        ),
    },
    equals=(Equal("torch", f"torch.abs(targets - torch.sigmoid(logits)) ** beta * {_BINARY}"),),
)
def quality_focal(
    logits: Logits["*batch"], targets: Probability["*batch"], *, beta: AtLeastOne["#*batch"] = 2.0
) -> Real["*batch"]:
    """Quality focal loss: binary cross entropy times a power of the distance of a score from its quality.

    l = |targets - p|^beta * (-targets * log p - (1 - targets) * log(1 - p)), with p = 1 / (1 + exp(-logits)).

    Shapes: `logits` [*batch] finite, one for each box and class; `targets` [*batch] in [0, 1], the quality of the box
    (its IoU) for the class that it has, 0 for all others; `beta` >= 1 -> element [*batch].
    Weights and mean: the common contract. Never negative, and 0 where p = targets; the derivative of |.| at 0 is
    declared 0.
    Errors: `ContractError` for another shape or beta < 1, `DTypeError` for integer targets.
    Equals: MMDetection `quality_focal_loss` before its sum over the classes. With targets of 0 and 1 it is
    `sigmoid_focal` with gamma = beta.

    >>> import math
    >>> import numpy as np
    >>> round(float(quality_focal(np.asarray([0.0]), np.asarray([0.75]))) / math.log(2), 12)
    0.0625
    """
    gap = targets - sigmoid(logits)
    xp, zero = array_namespace(gap), gap == 0
    factor = xp.where(zero, 0.0, absolute(xp.where(zero, 1.0, gap)) ** beta)
    return factor * sigmoid_cross_entropy(logits, targets)


@loss(
    family="detection",
    unit="element",
    source="Zhang, Wang, Dayoub and Sunderhauf 2021, arXiv:2008.13367 (read in the code of MMDetection, not in the "
    "paper)",
    aliases=("VFL", "mmdet:varifocal_loss VarifocalLoss"),
    equals=(
        Equal(
            "torch",
            f"torch.where(targets > 0, targets * {_BINARY},"
            " alpha * torch.sigmoid(logits) ** gamma * F.softplus(logits))",
        ),
    ),
)
def varifocal(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    alpha: NonNegative["#*batch"] = 0.75,
    gamma: NonNegative["#*batch"] = 2.0,
) -> Real["*batch"]:
    """Varifocal loss: cross entropy weighed by the quality of a positive box, focal for negative ones.

    l = targets * (-targets * log p - (1 - targets) * log(1 - p)) where targets > 0, and -alpha * p^gamma * log(1 - p)
    where targets = 0, with p = 1 / (1 + exp(-logits)).

    Shapes: `logits` [*batch] finite, one for each box and class; `targets` [*batch] in [0, 1], the quality of the box
    (its IoU) for the class that it has, 0 for all others; `alpha` >= 0 and `gamma` >= 0 -> element [*batch].
    Weights and mean: the common contract; the factors of the loss are in no denominator. MMDetection divides the sum by
    the number of positive boxes: `Mean(over=...)`.
    In `targets` the loss has a step at 0, where its derivative is declared that of a constant, 0.
    Errors: `ContractError` for another shape, alpha < 0 or gamma < 0, `DTypeError` for integer targets.
    Equals: MMDetection `varifocal_loss`, with `iou_weighted=True`.

    >>> import math
    >>> import numpy as np
    >>> got = varifocal.per_example(np.asarray([0.0, 0.0]), np.asarray([0.5, 0.0]))
    >>> [round(float(x) / math.log(2), 12) for x in got]
    [0.5, 0.1875]
    """
    xp, positive = array_namespace(logits), targets > 0
    negative = alpha * focal_cross_entropy(logits, xp.zeros_like(logits), gamma)
    return carry_nan(xp.where(positive, targets * sigmoid_cross_entropy(logits, targets), negative + 0 * targets))


@loss(
    family="detection",
    unit="edge",
    source="Li et al. 2020, arXiv:2006.04388, equation 6 (read in the code of MMDetection, not in the paper)",
    aliases=("DFL", "mmdet:distribution_focal_loss DistributionFocalLoss"),
    equals=(
        Equal(
            "torch",
            "(lambda left: (left + 1 - targets) * F.cross_entropy(logits, left, reduction='none')"
            " + (targets - left) * F.cross_entropy(logits, left + 1, reduction='none'))"
            "(targets.detach().long().clamp(max=logits.shape[1] - 2))",
            when="logits.ndim == 2 and logits.shape[1] > 1 and bool((targets <= logits.shape[1] - 1).all())",
        ),
    ),
    invariant_in=("logits",),
    sizes={"classes": 4},
)
def distribution_focal(logits: Logits["*batch classes"], targets: NonNegative["*batch"]) -> Real["*batch"]:
    """Distribution focal loss: cross entropy of the two bins around the distance of an edge.

    l = -(k + 1 - targets) * log p[k] - (targets - k) * log p[k + 1], with p = softmax(logits) and k the whole part of
    targets, at most classes - 2.

    Shapes: `logits` [*batch classes] (the axis of the bins anywhere: `axis`), for the distances 0, 1, ..., classes - 1;
    `targets` real [*batch] in [0, classes - 1], the distance of the edge in bins -> edge [*batch].
    Weights and mean: the common contract. MMDetection and YOLO average the four edges of a box first. The minimum, at
    p[k] = k + 1 - targets, is the entropy of that, not 0. In `targets` the loss is linear between whole numbers, at
    which the derivative is the right-hand one, but at classes - 1 the left-hand one.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets; a target above classes - 1 or below 0
    gives NaN, where the code of MMDetection reads beyond the row, and YOLO clamps the target just below the last bin.
    Equals: MMDetection `distribution_focal_loss`; Ultralytics `DFLoss` for targets below classes - 1.01, before its
    mean over the edges.

    >>> import math
    >>> import numpy as np
    >>> logits = np.log(np.asarray([[0.25, 0.5, 0.25]]))
    >>> round(float(distribution_focal(logits, np.asarray([0.5]))) / math.log(2), 12)
    1.5
    """
    xp, last = array_namespace(logits), logits.shape[-1] - 1
    left = xp.floor(stop_gradient(targets))
    left = xp.where(left >= last, float(last - 1), left)
    bins, share = positions(logits, dtype=logits.dtype) - left[..., None], targets - left
    fixed = stop_gradient(share)[..., None]
    weights = xp.where(bins == 0, 1 - fixed, xp.where(bins == 1, fixed, 0.0))
    # In `targets` the slope is a difference of two logits, whatever the largest one is.
    sides = xp.where((bins == 0) | (bins == 1), xp.where(logits == -inf, 0.0, logits), 0.0)
    slope = xp.sum(xp.where(bins == 0, sides, -sides), axis=-1)
    value = expected_negative_log_softmax(logits, weights) + slope * (share - stop_gradient(share))
    return carry_nan(value + zero_where(targets, targets == targets), ~((targets >= 0) & (targets <= last)))
