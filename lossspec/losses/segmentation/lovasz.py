"""The Lovasz extension of the Jaccard loss, for binary and for multi-class images."""

from math import inf, prod
from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.losses.segmentation._regions import class_probabilities, mean_of_regions
from lossspec.numerics import array_namespace, cumulative_sum, kept, positions, relu, stop_gradient
from lossspec.terms import Array, Indicator, Label, Logits, Real

__all__ = [
    "lovasz_hinge",
    "lovasz_softmax",
]


def _lovasz(errors: Array, is_true: Array, rank: Array | None = None) -> Array:
    """The Lovasz extension over the last axis: errors in falling order, each times its increment of the Jaccard loss.

    An entry that is not true and has no error changes nothing: it comes after all that have one. `rank` has the order
    of the errors where these were rounded.
    """
    xp = array_namespace(errors)
    order = xp.argsort(stop_gradient(errors if rank is None else rank), axis=-1, descending=True)
    truth = xp.take_along_axis(xp.astype(is_true, order.dtype), order, axis=-1)
    seen = cumulative_sum(truth)
    size = xp.sum(truth, axis=-1, keepdims=True)
    hit, union = (
        xp.astype(x, errors.dtype) for x in (size - seen, size + positions(errors, dtype=order.dtype) + 1 - seen)
    )
    alone = union == 1  # the first of all errors where nothing is true
    step = xp.where(truth == 1, 1 / union, xp.where(alone, 1.0, hit / xp.where(alone, 1.0, union - 1) / union))
    return xp.sum(xp.take_along_axis(errors, order, axis=-1) * step, axis=-1)


_LOVASZ = "Berman, Rannen Triki and Blaschko 2018, arXiv:1705.08790"


@loss(
    family="segmentation",
    unit="image",
    source=_LOVASZ,
    equals=(
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.LovaszLoss('binary')(z.float(), y) for z, y in zip(logits, targets)])",
            when="logits.size > 0",
            single=True,
        ),
    ),
    sizes={"batch": 3, "space": 5},
    entries="batch *space",
)
def lovasz_hinge(
    logits: Logits["batch *space"], targets: Indicator["batch *space"], *, entries: Array = None
) -> Real["batch"]:
    """Lovasz hinge: the convex extension of the Jaccard loss of an image to the hinge errors of its pixels.

    l = sum_k max(0, e[k]) (J[k] - J[k - 1]), with the errors e = 1 - logits * (2 targets - 1) in falling order and J[k]
    the Jaccard loss, one minus intersection over union, of the prediction that is wrong in the first k pixels.
    It is convex in the logits.

    Shapes: `logits` [batch *space], the log-odds of one class; `targets` [batch *space], 0 or 1, integers or floats
    -> image [batch]. For one loss of the whole batch flatten it: `logits.reshape(1, -1)`.
    Weights and mean: one weight an image. Without a true pixel the first error alone counts, max(0, 1 + max(logits)).
    Among equal errors the order is the sort's, whose subgradient is one of the right ones; that of max(0, e) at 0 is 0.
    `where_entries` [batch *space] and, of integer targets, `ignore_index` leave pixels out; an image without pixels
    that count is 0.
    Errors: `ContractError` for another shape; an image with a target other than 0 and 1 is NaN.
    Equals: segmentation-models-pytorch `LovaszLoss("binary", per_image=True)`, kornia `lovasz_hinge_loss`.

    >>> import numpy as np
    >>> float(lovasz_hinge(np.asarray([[2.0, -2.0, 0.5]]), np.asarray([[1, 0, 0]])))
    0.75
    """
    xp = array_namespace(logits)
    flat = (logits.shape[0], prod(logits.shape[1:]))
    is_true = targets == 1
    wrong = xp.where(is_true, -logits, logits)
    errors = kept(relu(1 + wrong), entries)
    rank = wrong if entries is None else xp.where(entries, wrong, -inf)  # 1 + wrong is 1 for all small logits
    return _lovasz(*(xp.reshape(x, flat) for x in (errors, is_true, rank)))


@loss(
    family="segmentation",
    unit="image",
    source=_LOVASZ,
    equals=(
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.LovaszLoss('multiclass')(z[None, ..., None].float(), y) "
            "for z, y in zip(logits, labels)])",
            when="averaged == 'present' and logits.size > 0",
            single=True,
        ),
    ),
    invariant_in=("logits",),
    sizes={"batch": 2, "classes": 3, "space": 3},
    entries="batch *space",
)
def lovasz_softmax(
    logits: Logits["batch classes *space"],
    labels: Label["batch *space"],
    *,
    averaged: Literal["present", "all"] = "present",
    entries: Array = None,
) -> Real["batch"]:
    """Lovasz softmax: the extension of the Jaccard loss to softmax probabilities, averaged over classes.

    l = mean over classes of sum_k e[k] (J[k] - J[k - 1]), with p = softmax(logits) over the classes, the errors
    e = 1 - p[c] where the label is c and p[c] elsewhere, in falling order, and J[k] the Jaccard loss of the prediction
    of c that is wrong in the first k pixels. The mean is over the classes that the labels have, or over all.

    Shapes: `logits` [batch classes *space]; `labels` integers [batch *space] in [0, classes) -> image [batch]. For one
    loss of the whole batch move its pixels into one image.
    Weights and mean: one weight an image. With averaged="all" the loss of an absent class is max(p[c]). Among equal
    errors the order is the sort's, whose subgradient is one of the right ones. `where_entries` [batch *space] and
    `ignore_index` leave pixels out; an image without pixels that count is 0.
    Errors: `ContractError` for another shape, `DTypeError` for labels that are no integers; an image with a label
    outside [0, classes) is NaN, and raises under `checking("values")`.
    Equals: segmentation-models-pytorch `LovaszLoss("multiclass", per_image=True)`. kornia `lovasz_softmax_loss` sorts
    the labels where the pixels of each class are needed.

    >>> import numpy as np
    >>> z, y = np.zeros((1, 2, 3)), np.asarray([[0, 0, 1]])
    >>> float(lovasz_softmax(z, y))
    0.5
    """
    xp = array_namespace(logits)
    probabilities, is_own, lacking = class_probabilities(logits, labels, entries)
    flat = (*logits.shape[:2], prod(logits.shape[2:]))
    is_own = xp.reshape(is_own, flat)
    errors = xp.where(is_own, xp.reshape(lacking, (flat[0], 1, flat[2])), xp.reshape(probabilities, flat))
    each = _lovasz(errors, is_own)
    present = None if averaged == "all" else xp.astype(xp.any(is_own, axis=-1), each.dtype)
    return mean_of_regions(each, present)
