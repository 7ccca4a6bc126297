"""Overlap of predicted with true regions."""

from lossspec.loss import loss
from lossspec.numerics import array_namespace
from lossspec.terms import Array, NonNegative, Probability, Real, Statistics

__all__ = ["batch_dice", "dice"]


def _sums(probabilities: Array, targets: Array, squared: bool) -> tuple[Array, Array, Array]:
    """Twice the overlap, the disagreement and the size of every region; the first two add up to the third."""
    xp = array_namespace(probabilities)
    if squared:
        disagreement, size = (probabilities - targets) ** 2, probabilities**2 + targets**2
    else:
        disagreement, size = probabilities * (1 - targets) + targets * (1 - probabilities), probabilities + targets
    space = tuple(range(2, len(probabilities.shape)))
    overlap = 2 * xp.sum(probabilities * targets, axis=space)
    return overlap, xp.sum(disagreement, axis=space), xp.sum(size, axis=space)


def _one_minus_dice(overlap: Array, disagreement: Array, size: Array, smooth: Array) -> Array:
    """1 - (overlap + smooth) / (size + smooth), from the side where nothing cancels; 0 where both regions are empty."""
    xp = array_namespace(size)
    whole = size + smooth
    empty = whole == 0
    whole = xp.where(empty, 1.0, whole)
    near = overlap + smooth > disagreement
    return xp.where(empty, 0.0, xp.where(near, disagreement / whole, 1 - (overlap + smooth) / whole))


@loss(
    family="segmentation",
    unit="region",
    source="Milletari, Navab and Ahmadi 2016, arXiv:1606.04797 (squared); Sudre et al. 2017, arXiv:1707.03237",
    aliases=("dice_loss", "DiceLoss"),
    sizes={"batch": 3, "channels": 2},
)
def dice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative = 0.0,
    squared: bool = False,
) -> Real["batch channels"]:
    """One minus the Dice overlap of every region: each channel of each example by itself.

    l = 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), the sums over space; with `squared` the denominator is
    sum(p^2) + sum(t^2) + smooth. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `smooth` >= 0 -> region [batch channels].
    Weights and mean: one weight a region, so `sample_weight` of shape (1, channels) weighs classes. With smooth=0 a
    region that is empty in both is a perfect match: 0, with derivative 0. Soft targets: the minimum is 0 with
    `squared` only.
    Errors: `ContractError` for another shape, `DTypeError` for integer masks.
    Equals: MONAI `DiceLoss(smooth_nr=smooth, smooth_dr=smooth, squared_pred=squared)`; Keras `Dice`, optax `dice_loss`
    and segmentation-models-pytorch `DiceLoss` sum over the batch: `batch_dice`.

    >>> import numpy as np
    >>> p, t = np.asarray([[[0.8, 0.6, 0.1, 0.0]]]), np.asarray([[[1.0, 1.0, 0.0, 0.0]]])
    >>> round(float(dice(p, t)), 12)
    0.2
    """
    return _one_minus_dice(*_sums(probabilities, targets, squared), smooth)


def _mean_of_channels(overlap: Array, disagreement: Array, size: Array, *, smooth: Array, squared: bool) -> Array:
    return array_namespace(size).mean(_one_minus_dice(overlap, disagreement, size, smooth))


@loss(
    family="segmentation",
    unit="example",
    source="Milletari, Navab and Ahmadi 2016, arXiv:1606.04797 (squared); Sudre et al. 2017, arXiv:1707.03237",
    aliases=("Dice",),
    reductions=("sum",),
    default_reduction="sum",
    finalize=_mean_of_channels,
    sizes={"batch": 3, "channels": 2},
)
def batch_dice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative = 0.0,
    squared: bool = False,
) -> Statistics["batch", "channels"]:
    """One minus the Dice overlap over the whole batch, averaged over the channels.

    L = mean over channels of 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), the sums over batch and space;
    with `squared` the denominator is sum(p^2) + sum(t^2) + smooth. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `smooth` >= 0 -> a number.
    Weights and mean: one weight an example; it scales all sums of its example, so weight 2 is the example twice. With
    smooth=0 a channel that is empty in all examples is a perfect match: 0, with derivative 0.
    Errors: `ContractError` for another shape or reduction, `DTypeError` for integer masks.
    Equals: MONAI `DiceLoss(batch=True)`, Keras `Dice(axis=...)` over all but the channels, optax `dice_loss` at half
    the smoothing, segmentation-models-pytorch `DiceLoss` where no class is absent.

    >>> import numpy as np
    >>> p = np.asarray([[[1.0, 0.0]], [[0.0, 0.5]]])
    >>> t = np.asarray([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> round(float(batch_dice(p, t)), 12)
    0.142857142857
    """
    return _sums(probabilities, targets, squared)
