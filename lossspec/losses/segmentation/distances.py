"""Losses of overlap that know how far classes are from each other."""

from lossspec.declaration import loss, require
from lossspec.losses.segmentation._regions import classes_last, one_minus_overlap
from lossspec.numerics import array_namespace, kept, softmax
from lossspec.terms import Array, Label, Logits, NonNegative, Real, UnitInterval

__all__ = [
    "wasserstein_dice",
]


@loss(
    family="segmentation",
    unit="image",
    source="Fidon et al. 2017, arXiv:1707.00478 (read in the code of MONAI, not in the paper)",
    aliases=("GWDL", "generalized_wasserstein_dice"),
    also={
        "monai:GeneralizedWassersteinDiceLoss": (
            "by default it adds 1e-5 above and below. Fix: wasserstein_dice(smooth=1e-5) with its dist_matrix over the "
            "largest distance"
        ),
    },
    invariant_in=("logits",),
    sizes={"batch": 2, "classes": 3, "space": 2},
    entries="batch *space",
)
def wasserstein_dice(
    logits: Logits["batch classes *space"],
    labels: Label["batch *space"],
    class_distances: UnitInterval["classes classes"],
    *,
    smooth: NonNegative["#batch"] = 0.0,
    entries: Array = None,
) -> Real["batch"]:
    """Generalized Wasserstein Dice loss of an image: Dice, in which an error costs as much as its class is far away.

    l = 1 - (2 T + smooth) / (2 T + E + smooth), with E = sum_i d_i, T = sum_{i: labels_i != 0} (1 - d_i), p =
    softmax(logits) over the classes and d_i = sum_c class_distances[labels_i, c] p[c, i] the Wasserstein distance of a
    pixel from its label.

    Shapes: `logits` [batch classes *space]; `labels` integers [batch *space] in [0, classes), 0 for the background;
    `class_distances` [classes classes] in [0, 1], how far each class (a row) is from each other one, 0 from itself;
    `smooth` >= 0 -> image [batch], in [0, 1].
    Weights and mean: one weight an image. An image of background alone has the loss 1 as soon as it has an error.
    `where_entries` [batch *space] and `ignore_index` leave pixels out. An image without overlap or error, without
    pixels too, is 0 without smoothing.
    Errors: `ContractError` for another shape, `DTypeError` for labels that are no integers; an image with a label
    outside [0, classes) is NaN, and raises under `checking("values")`.
    Equals: MONAI `GeneralizedWassersteinDiceLoss`, which divides the distances by the largest and adds 1e-5.

    >>> import numpy as np
    >>> z, y = np.zeros((1, 2, 2)), np.asarray([[0, 1]])
    >>> float(wasserstein_dice(z, y, 1.0 - np.eye(2)))  # E = 1, T = 1/2
    0.5
    """
    xp = array_namespace(logits)
    require(logits.shape[1] > 0, "wasserstein_dice: `logits` has no classes.")
    probabilities = softmax(classes_last(logits))
    shape = (*labels.shape, logits.shape[1])
    rows = xp.reshape(xp.take(class_distances, xp.reshape(labels, (-1,)), axis=0), shape)
    space, counted = tuple(range(1, len(labels.shape))), None if entries is None else entries[:, 0, ...]
    error = xp.sum(kept(xp.sum(rows * probabilities, axis=-1), counted), axis=space)
    near = xp.where(labels == 0, 0.0, xp.sum((1 - rows) * probabilities, axis=-1))
    return one_minus_overlap(2 * xp.sum(kept(near, counted), axis=space), error, smooth)
