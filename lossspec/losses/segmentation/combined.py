"""Losses of logits that add an overlap of regions and a likelihood of pixels."""

from math import prod
from typing import Any

from lossspec.declaration import Equal, loss, require
from lossspec.losses.segmentation._regions import (
    PIXELS,
    class_probabilities,
    classes_last,
    mean_of_regions,
    mean_over_pixels,
    one_minus_overlap,
    region_sums,
    space_axes,
)
from lossspec.numerics import array_namespace, focal_cross_entropy, negative_log_softmax, per_row, sigmoid
from lossspec.terms import Array, Label, Logits, NonNegative, Probability, Real

__all__ = [
    "combo",
    "dice_focal",
]


def _missed_of_logits(counts: tuple[Array, ...], smooth: Any, logits: Array, entries: Array) -> Array:
    """The Dice loss from logits, whose probabilities may underflow to 0 but are not 0: no region of pixels is empty."""
    both, false_positive, false_negative = counts
    xp = array_namespace(both)
    empty = 1.0 if prod(logits.shape[2:]) else 0.0
    if entries is not None:
        empty = xp.astype(xp.any(entries, axis=space_axes(logits)), both.dtype)
    return one_minus_overlap(2 * both, false_positive + false_negative, smooth, empty=empty)


@loss(
    family="segmentation",
    unit="image",
    source="Dice and cross entropy together, after Asgari Taghanaki et al. 2019, arXiv:1805.02798",
    also={
        "ComboLoss": (
            "the combo loss of Asgari Taghanaki et al. adds binary cross entropies and subtracts Dice; combo adds the "
            "cross entropy of classes and the Dice loss"
        ),
        "monai:DiceCELoss": (
            "by default its Dice part takes probabilities and its other part logits. Fix: combo(smooth=1e-5) is that "
            "with softmax=True and to_onehot_y=True"
        ),
    },
    equals=(
        Equal(
            "monai",
            "torch.stack([monai.DiceCELoss(include_background=include_background, to_onehot_y=True, softmax=True, "
            "smooth_nr=smooth, smooth_dr=smooth, lambda_dice=dice_factor, lambda_ce=cross_entropy_factor)"
            "(z[None], y[None, None]) for z, y in zip(logits, labels)])",
            when="channel_weight is None and logits.size > 0",
            differs={"edges": "it divides 0 by 0 where the probabilities of a class that is absent underflow"},
        ),
    ),
    invariant_in=("logits",),
    sizes={"batch": 2, "classes": 3, "space": 2},
    entries="batch *space",
)
def combo(
    logits: Logits["batch classes *space"],
    labels: Label["batch *space"],
    *,
    smooth: NonNegative["#batch"] = 0.0,
    dice_factor: NonNegative["#batch"] = 1.0,
    cross_entropy_factor: NonNegative["#batch"] = 1.0,
    channel_weight: NonNegative["classes"] | None = None,
    include_background: bool = True,
    entries: Array = None,
) -> Real["batch"]:
    """Dice plus cross entropy of an image, with the same weights of classes in both.

    l = dice_factor * sum_c w[c] d[c] / sum_c w[c] + cross_entropy_factor * sum_i w[y_i] (-log p[y_i]) / sum_i w[y_i],
    with p = softmax(logits) over the classes, d[c] = 1 - (2 O + smooth) / (P + G + smooth) the `dice` loss of class c
    against the pixels i of label y_i = c, and w = channel_weight. The Combo loss of the paper is another one: its cross
    entropy is a mean over pixels and classes of -b t log p - (1 - b) (1 - t) log(1 - p), with a factor b against false
    positives and false negatives, and the Dice overlap of all classes is taken off.

    Shapes: `logits` [batch classes *space], `labels` integers [batch *space] in [0, classes); `channel_weight`
    [classes] >= 0, 1 unless given -> image [batch].
    Weights and mean: one weight an image. `channel_weight` is the weight of a class in both means, over its regions and
    over its pixels; a mean without weight or pixel is 0. Without `include_background` class 0 has no part in the first.
    With smooth=0 a class that no pixel has costs a constant 1 in the first mean, for its probabilities are not 0.
    Pixels: `where_entries` [batch *space] and `ignore_index` leave pixels out of both means. An image of which none is
    left is 0.
    Errors: `ContractError` for another shape, `DTypeError` for labels that are no integers; an image with a label
    outside [0, classes) is NaN, and raises under `checking("values")`.
    Equals: MONAI `DiceCELoss(softmax=True, to_onehot_y=True)` (the name has its smoothing of 1e-5) without weights; its
    `weight` divides the cross entropy by the weights of the whole batch and the Dice losses by their number.

    >>> import math
    >>> import numpy as np
    >>> z, y = np.zeros((1, 2, 4)), np.asarray([[0, 0, 1, 1]])
    >>> abs(float(combo(z, y)) - (1 / 2 + math.log(2))) < 1e-12
    True
    """
    xp, classes = array_namespace(logits), logits.shape[1]
    first = 0 if include_background else 1
    require(classes > first, "combo: without its background `logits` has no class; it has {}", classes)
    probabilities, is_own, lacking = class_probabilities(logits, labels, entries)
    own, others = xp.where(is_own, probabilities, 0.0), xp.where(is_own, 0.0, probabilities)
    counts = region_sums(own, others, xp.where(is_own, lacking, 0.0))
    regions = _missed_of_logits(counts, per_row(smooth), logits, entries)[:, first:]
    likelihood = negative_log_softmax(classes_last(logits), labels)
    likelihood = xp.reshape(likelihood, (logits.shape[0], prod(logits.shape[2:])))
    of_pixels = None if entries is None else xp.reshape(xp.astype(entries, logits.dtype), likelihood.shape)
    if channel_weight is not None:
        weights = xp.reshape(channel_weight, (1,) * len(labels.shape) + (classes,))
        by_class = xp.where(classes_last(is_own), weights, 0.0)
        of_pixels = xp.reshape(xp.sum(by_class, axis=-1), likelihood.shape)
        channel_weight = channel_weight[None, first:]
    overlap = mean_of_regions(regions, channel_weight)
    return dice_factor * overlap + cross_entropy_factor * mean_of_regions(likelihood, of_pixels)


@loss(
    family="segmentation",
    unit="region",
    source="Zhu et al. 2019, arXiv:1808.05238",
    also={
        "dice_bce DiceBCE DiceBCELoss": {"gamma": 0.0},
        "monai:DiceFocalLoss": (
            "by default its Dice part takes probabilities and its other part logits. Fix: dice_focal(smooth=1e-5) is "
            "that with sigmoid=True"
        ),
    },
    sizes={"batch": 2, "channels": 2, "space": 2},
    entries=PIXELS,
)
def dice_focal(
    logits: Logits["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative["#batch #channels"] = 0.0,
    gamma: NonNegative["#batch #channels"] = 2.0,
    dice_factor: NonNegative["#batch #channels"] = 1.0,
    focal_factor: NonNegative["#batch #channels"] = 1.0,
    entries: Array = None,
) -> Real["batch channels"]:
    """Dice plus focal loss of every region, both of sigmoid(logits).

    l = dice_factor * (1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)) + focal_factor * mean of
    (1 - p_t)^gamma * (-t log p - (1 - t) log(1 - p)), with p = 1 / (1 + exp(-logits)), t = targets and
    p_t = t p + (1 - t) (1 - p): `dice` and `sigmoid_focal`.

    Shapes: `logits` [batch channels *space] finite; `targets` [batch channels *space] in [0, 1]; `gamma` >= 0
    -> region [batch channels].
    Weights and mean: one weight a region, for both parts alike: `sample_weight` of shape (1, channels) weighs classes.
    With smooth=0 a region that is absent from the targets costs a constant 1 in the first part, for its probabilities
    are not 0. `where_entries` leaves pixels out, as in `dice`. A region without pixels that count is 0.
    Errors: `ContractError` for another shape, gamma < 0 or a factor < 0; `DTypeError` for integer masks.
    Equals: with gamma=0 the Dice loss plus binary cross entropy. MONAI `DiceFocalLoss(sigmoid=True)` (the name has its
    smoothing of 1e-5), which takes the focal loss in float32; without `sigmoid` or `softmax` it takes logits for
    probabilities in the first part, and with `softmax=True` its second part is of sigmoid(logits) still. The paper,
    AnatomyNet, has a softmax over the classes and the focal loss of the true one.

    >>> import math
    >>> import numpy as np
    >>> z, t = np.zeros((1, 1, 4)), np.asarray([[[0.0, 0.0, 1.0, 1.0]]])
    >>> abs(float(dice_focal(z, t)) - (1 / 2 + math.log(2) / 4)) < 1e-12
    True
    """
    predicted, missed = sigmoid(logits), sigmoid(-logits)
    counts = region_sums(predicted * targets, predicted * (1 - targets), missed * targets, entries=entries)
    overlap = _missed_of_logits(counts, smooth, logits, entries)
    of_pixels = focal_cross_entropy(logits, targets, per_row(gamma, len(space_axes(logits))))
    return dice_factor * overlap + focal_factor * mean_over_pixels(of_pixels, entries)
