"""Overlap of predicted with true regions."""

from math import inf, prod
from typing import Any, Literal

from lossspec.declaration import Equal, loss, require
from lossspec.numerics import (
    array_namespace,
    cumulative_sum,
    focal_cross_entropy,
    kept,
    negative_log_softmax,
    per_row,
    positions,
    relu,
    sigmoid,
    softmax,
    stop_gradient,
)
from lossspec.terms import Array, Indicator, Label, Logits, NonNegative, Positive, Probability, Real, Statistics

__all__ = [
    "batch_dice",
    "batch_tversky",
    "boundary",
    "combo",
    "dice",
    "dice_focal",
    "focal_tversky",
    "generalized_dice",
    "jaccard",
    "lovasz_hinge",
    "lovasz_softmax",
    "mcc",
    "tversky",
]


# The counts of a region: the overlap, the false positives and the false negatives. All are sums of what is not
# negative, and the losses are made of the false ones, so that a nearly perfect region keeps its digits.


_PIXELS = ("batch *space", "batch channels *space")
"""Masks over pixels: of all channels of an example alike, or of every channel by itself."""


def _space(x: Array) -> tuple[int, ...]:
    """The axes of the pixels, after batch and channels."""
    return tuple(range(2, len(x.shape)))


def _counts(probabilities: Array, targets: Array, overlap: str = "product") -> tuple[Array, Array, Array]:
    """The overlap, the false positives and the false negatives of every region."""
    xp = array_namespace(probabilities)
    if overlap == "product":
        both = probabilities * targets
        false = probabilities * (1 - targets), targets * (1 - probabilities)
    else:  # the smaller of the two, with half of its derivative for each where they are equal
        below, equal = (
            xp.astype(flags, targets.dtype) for flags in (probabilities < targets, probabilities == targets)
        )
        below = below + equal / 2
        both = below * probabilities + (1 - below) * targets
        false = (1 - below) * (probabilities - targets), below * (targets - probabilities)
    both, false_positive, false_negative = _summed(both, *false)
    return both, false_positive, false_negative


def _summed(*terms: Array, entries: Array = None) -> tuple[Array, ...]:
    """The sums over the pixels of every region that count."""
    return tuple(array_namespace(x).sum(kept(x, entries), axis=_space(x)) for x in terms)


def _mean_over_space(x: Array, entries: Array) -> Array:
    """The mean over the pixels of every region that count, 0 where there are none."""
    (total,), space = _summed(x, entries=entries), _space(x)
    if entries is None:
        return total / max(prod(x.shape[2:]), 1)
    xp = array_namespace(entries)
    return _ratio(total, xp.astype(xp.count_nonzero(entries, axis=space), x.dtype))


def _agreement(probabilities: Array, targets: Array, squared: bool, overlap: str) -> tuple[Array, Array]:
    """The overlap and the disagreement of every region; twice the first and the second add up to its size."""
    require(not squared or overlap == "product", "`squared` measures the size of a product: overlap='product'")
    if squared:
        both, apart = _summed(probabilities * targets, (probabilities - targets) ** 2)
        return both, apart
    both, false_positive, false_negative = _counts(probabilities, targets, overlap)
    return both, false_positive + false_negative


def _ratio(above: Array, below: Array) -> Array:
    """Above / below, and 0 with derivative 0 where below is 0."""
    xp = array_namespace(below)
    nothing = below == 0
    return xp.where(nothing, 0.0, above / xp.where(nothing, 1.0, below))


def _missed(
    agreement: Array, disagreement: Array, smooth: Any, smooth_denominator: Any = None, empty: Any = 0.0
) -> Array:
    """1 - (a + smooth) / (a + d + smooth_denominator), from the side where nothing cancels; `empty` for 0 / 0."""
    xp = array_namespace(agreement)
    kept, lost, floor = agreement + smooth, disagreement, smooth
    if smooth_denominator is not None:
        lost, floor = disagreement + (smooth_denominator - smooth), smooth_denominator
    whole = agreement + disagreement + floor
    nothing = whole == 0
    whole = xp.where(nothing, 1.0, whole)
    unit = stop_gradient(whole)  # of a small whole the square, by which a quotient is differentiated, would underflow
    near, far = lost / unit, kept / unit
    one = whole / unit
    return xp.where(nothing, empty, xp.where(kept > lost, near / one, 1 - far / one))


def _mean_of_regions(losses: Array, weight: Array | None) -> Array:
    """The weighted mean over the last axis, 0 where there is no weight."""
    xp = array_namespace(losses)
    if weight is None:
        return xp.sum(losses, axis=-1) / max(losses.shape[-1], 1)
    weight = xp.broadcast_to(weight, losses.shape)
    return _ratio(xp.sum(weight * losses, axis=-1), xp.sum(weight, axis=-1))


def _over_batch(
    agreement: Array,
    disagreement: Array,
    true: Array,
    *,
    smooth: Any,
    smooth_denominator: Any,
    absent: str,
    average: str,
    channel_weight: Array | None,
    **_: Any,
) -> Array:
    """From the sums of every channel over the batch to one number."""
    xp = array_namespace(agreement)
    if average == "micro":
        sums = (agreement, disagreement, true)
        weighted = sums if channel_weight is None else tuple(channel_weight * x for x in sums)
        agreement, disagreement, true = (xp.sum(x, axis=-1, keepdims=True) for x in weighted)
        channel_weight = None
    losses = _missed(agreement, disagreement, smooth, smooth_denominator)
    if absent == "zero":
        losses = xp.where(true == 0, 0.0, losses)
    return _mean_of_regions(losses, channel_weight)


# What calls of other libraries have in common.


_SOURCE = (
    "Milletari, Navab and Ahmadi 2016, arXiv:1606.04797 (squared); Sudre et al. 2017, arXiv:1707.03237; "
    "Wang et al. 2023, arXiv:2303.16296 (minimum)"
)
_SMOOTH = "smooth_nr=smooth, smooth_dr=smooth if smooth_denominator is None else smooth_denominator"
_REGIONS = "probabilities.shape[:2]"
_NO_FLOOR = "it divides 0 by 0 where a region is empty in both"
_KERAS_FLOOR = "it has 1e-7 in the denominator, and 1 where a region is empty in both"
_NO_LOG_ODDS = "the log-odds of 0 and 1, which this call takes, have no derivative"
_MINIMUM = "its overlap is the minimum, which for targets of 0 has another derivative in them"
_ONE_SIDED = "it divides 0 by 0 where a region is empty or full, in the prediction or in the target"
_LIKE_SMP = (
    "(overlap == 'minimum' or np.all(targets % 1 == 0)) and smooth_denominator is None and average == 'macro' and "
    "targets.size > 0 and (absent == 'zero' or np.all(targets.sum(axis=(0, *range(2, targets.ndim))) > 0))"
)


@loss(
    family="segmentation",
    unit="region",
    source=_SOURCE,
    also={
        "monai:DiceLoss": {"smooth": 1e-5},
        "optax:dice_loss": "it takes logits by default. Fix: dice(smooth=2.0) of their softmax",
        "optax:binary_dice_loss": "it takes logits by default. Fix: dice(smooth=2.0) of their sigmoid",
    },
    equals=(
        Equal(
            "monai",
            f"monai.DiceLoss({_SMOOTH}, squared_pred=squared, soft_label=overlap == 'minimum', reduction='none')"
            f"(probabilities, targets).reshape({_REGIONS})",
        ),
        Equal(
            "keras",
            "keras.losses.dice(targets, probabilities, axis=tuple(range(2, len(targets.shape))))",
            when="smooth == 0 and smooth_denominator is None and not squared and overlap == 'product'",
        ),
        Equal(
            "optax",
            "optax.losses.binary_dice_loss("
            "(jnp.log(probabilities) - jnp.log1p(-probabilities)).reshape((-1, probabilities[0, 0].size, 1)), "
            f"targets.reshape((-1, targets[0, 0].size, 1)), smooth=smooth / 2).reshape({_REGIONS})",
            when="smooth_denominator is None and not squared and overlap == 'product' and targets.size > 0",
            differs={"gradient edges": _NO_LOG_ODDS},
        ),
    ),
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def dice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative["#batch #channels"] = 0.0,
    smooth_denominator: NonNegative["#batch #channels"] | None = None,
    squared: bool = False,
    overlap: Literal["product", "minimum"] = "product",
) -> Real["batch channels"]:
    """One minus the Dice overlap of every region: each channel of each example by itself.

    l = 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth_denominator), the sums over space; `smooth_denominator` is
    `smooth` unless given. With `squared` the denominator has sum(p^2) + sum(t^2); with overlap="minimum" the overlap is
    sum(min(p, t)). All are the same for targets of 0 and 1 and predictions of 0 and 1. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]: one channel, one a class, or one a label;
    `smooth` >= 0, `smooth_denominator` >= 0 -> region [batch channels].
    Weights and mean: one weight a region, so `sample_weight` of shape (1, channels) weighs classes and `where` leaves
    regions out. The background is left out by slices: `dice(p[:, 1:], t[:, 1:])`.
    Pixels: `where_entries` [batch *space], or [batch channels *space] for each channel by itself, leaves pixels out:
    the loss is that of the regions without them.
    A region that is empty in both is a perfect match without smoothing: 0, with derivative 0; so is one without
    pixels, or without any that counts. Where it has only a `smooth_denominator` it is 1, as the formula says. One that
    is absent from the targets alone has the loss 1 - smooth / (sum(p) + smooth_denominator).
    Soft targets: the minimum is 0 at p = t with `squared` or overlap="minimum" only; of p = t the derivative of a
    minimum is declared to be half for each.
    Errors: `ContractError` for another shape, and for `squared` with overlap="minimum"; `DTypeError` for integer masks.
    Equals: MONAI `DiceLoss` (the name has its smoothing of 1e-5), optax `dice_loss` of probabilities, whose smoothing
    counts half (these names have its 2). Keras `Dice` and segmentation-models-pytorch `DiceLoss` sum over the batch:
    `batch_dice`.

    >>> import numpy as np
    >>> p, t = np.asarray([[[0.8, 0.6, 0.1, 0.0]]]), np.asarray([[[1.0, 1.0, 0.0, 0.0]]])
    >>> round(float(dice(p, t)), 12)
    0.2
    """
    both, disagreement = _agreement(probabilities, targets, squared, overlap)
    return _missed(2 * both, disagreement, smooth, smooth_denominator)


@loss(
    family="segmentation",
    unit="example",
    source=_SOURCE,
    also={
        "keras:Dice dice": {"smooth_denominator": 1e-7, "average": "micro"},
        "smp:DiceLoss": "it has no default `mode`, and takes logits. Fix: batch_dice.configured(absent='zero') of "
        "their probabilities",
    },
    equals=(
        Equal(
            "monai",
            f"monai.DiceLoss({_SMOOTH}, squared_pred=squared, soft_label=overlap == 'minimum', batch=True)"
            "(probabilities, targets)",
            reduction="sum",
            when="average == 'macro' and absent == 'counted' and channel_weight is None",
            differs={"empty batch": _NO_FLOOR},
        ),
        Equal(
            "segmentation-models-pytorch",
            "smp.DiceLoss('multilabel', from_logits=False, smooth=smooth / 2, "
            "class_weights=None if channel_weight is None else channel_weight.numpy(force=True))"
            "(probabilities, targets)",
            reduction="sum",
            when=f"not squared and {_LIKE_SMP}",
            differs={"gradient real": _MINIMUM},
        ),
        Equal(
            "keras",
            "keras.losses.dice(targets, probabilities, "
            "axis=None if average == 'micro' else (0, *range(2, len(targets.shape)))).mean()",
            reduction="sum",
            when="smooth == 0 and smooth_denominator is None and not squared and overlap == 'product' and "
            "absent == 'counted' and channel_weight is None",
            differs={"empty batch": _KERAS_FLOOR},
        ),
    ),
    reductions=("sum",),
    default_reduction="sum",
    finalize=_over_batch,
    sizes={"batch": 3, "channels": 2, "space": 2},
    entries=_PIXELS,
)
def batch_dice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative = 0.0,
    smooth_denominator: NonNegative | None = None,
    squared: bool = False,
    overlap: Literal["product", "minimum"] = "product",
    absent: Literal["counted", "zero"] = "counted",
    average: Literal["macro", "micro"] = "macro",
    channel_weight: NonNegative["channels"] | None = None,
) -> Statistics["batch", "channels"]:
    """One minus the Dice overlap over the whole batch, averaged over the channels.

    L = mean over channels of 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth_denominator), the sums over batch
    and space; `smooth_denominator`, `squared` and `overlap` as in `dice`. With average="micro" the sums go over the
    channels too, and there is one overlap. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `smooth` >= 0, `smooth_denominator` >= 0;
    `channel_weight` [channels] >= 0 -> a number.
    Weights and mean: one weight an example; it scales all sums of its example, so weight 2 is the example twice.
    `channel_weight` makes the mean over channels a weighted one (and 0 where it is 0 throughout); with average="micro"
    it scales the sums. `where_entries` leaves pixels out, as in `dice`.
    A channel that is empty in all examples is 0 without smoothing, with derivative 0. One that is absent from the
    targets alone counts as any other with absent="counted", and is 0 in the same mean with absent="zero".
    Errors: `ContractError` for another shape or reduction, `DTypeError` for integer masks.
    Equals: MONAI `DiceLoss(batch=True)`, Keras `Dice`, which is average="micro" with smooth_denominator=1e-7 (the name
    has these), segmentation-models-pytorch `DiceLoss` at half the smoothing with overlap="minimum" and absent="zero".

    >>> import numpy as np
    >>> p = np.asarray([[[1.0, 0.0]], [[0.0, 0.5]]])
    >>> t = np.asarray([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> round(float(batch_dice(p, t)), 12)
    0.142857142857
    """
    both, disagreement = _agreement(probabilities, targets, squared, overlap)
    return 2 * both, disagreement, array_namespace(targets).sum(targets, axis=_space(targets))


@loss(
    family="segmentation",
    unit="region",
    source="Rahman and Wang 2016, doi:10.1007/978-3-319-50835-1_22; minimum: Wang et al. 2023, arXiv:2302.05666",
    aliases=("soft_jaccard",),
    equals=(
        Equal(
            "monai",
            "monai.DiceLoss(smooth_nr=2 * smooth, smooth_dr=2 * (smooth if smooth_denominator is None else "
            "smooth_denominator), squared_pred=squared, soft_label=overlap == 'minimum', jaccard=True, "
            f"reduction='none')(probabilities, targets).reshape({_REGIONS})",
        ),
    ),
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def jaccard(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative["#batch #channels"] = 0.0,
    smooth_denominator: NonNegative["#batch #channels"] | None = None,
    squared: bool = False,
    overlap: Literal["product", "minimum"] = "product",
) -> Real["batch channels"]:
    """One minus the intersection over the union of every region, of masks.

    l = 1 - (sum(p t) + smooth) / (sum(p) + sum(t) - sum(p t) + smooth_denominator), the sums over space;
    `smooth_denominator`, `squared` (Tanimoto) and `overlap` as in `dice`. It is 2 d / (1 + d) of the `dice` loss d
    without smoothing. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1] -> region [batch channels].
    Weights and mean: as `dice`, and so are `where_entries` and the value of an empty region.
    Errors: as `dice`. Of boxes: `generalized_iou`.
    Equals: MONAI `DiceLoss(jaccard=True)`, whose smoothing counts half. segmentation-models-pytorch `JaccardLoss` sums
    over the batch: `batch_tversky` with alpha = beta = 1.

    >>> import numpy as np
    >>> p, t = np.asarray([[[1.0, 1.0, 0.0]]]), np.asarray([[[1.0, 0.0, 1.0]]])
    >>> round(float(jaccard(p, t)), 12)
    0.666666666667
    """
    return _missed(*_agreement(probabilities, targets, squared, overlap), smooth, smooth_denominator)


_TVERSKY = "Salehi, Erdogmus and Gholipour 2017, arXiv:1706.05721"


@loss(
    family="segmentation",
    unit="region",
    source=_TVERSKY,
    also={
        "monai:TverskyLoss": {"smooth": 1e-5},
    },
    equals=(
        Equal(
            "monai",
            f"monai.TverskyLoss(alpha=alpha, beta=beta, {_SMOOTH}, soft_label=overlap == 'minimum', reduction='none')"
            "(probabilities, targets)",
        ),
        Equal(
            "optax",
            "optax.losses.dice_loss("
            "(jnp.log(probabilities) - jnp.log1p(-probabilities)).reshape((-1, probabilities[0, 0].size, 1)), "
            "targets.reshape((-1, targets[0, 0].size, 1)), smooth=smooth, alpha=alpha, beta=beta)"
            f".reshape({_REGIONS})",
            when="smooth_denominator is None and overlap == 'product' and targets.size > 0",
            differs={"gradient edges": _NO_LOG_ODDS},
        ),
        Equal(
            "keras",
            "keras.losses.tversky(targets, probabilities, alpha=beta, beta=alpha, "
            "axis=tuple(range(2, len(targets.shape))))",
            when="smooth == 0 and smooth_denominator is None and overlap == 'product'",
        ),
    ),
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def tversky(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    alpha: NonNegative["#batch #channels"] = 0.5,
    beta: NonNegative["#batch #channels"] = 0.5,
    smooth: NonNegative["#batch #channels"] = 0.0,
    smooth_denominator: NonNegative["#batch #channels"] | None = None,
    overlap: Literal["product", "minimum"] = "product",
) -> Real["batch channels"]:
    """One minus the overlap of every region, false positives and false negatives weighed apart.

    l = 1 - (O + smooth) / (O + alpha F + beta N + smooth_denominator), with the overlap O = sum(p t), the false
    positives F = sum(p (1 - t)) and the false negatives N = sum((1 - p) t), the sums over space; `smooth_denominator`
    and `overlap` as in `dice`. alpha = beta = 1/2 is `dice` (at half its smoothing), alpha = beta = 1 is `jaccard`.

    Shapes: `probabilities` (p) and `targets` (t) [batch channels *space] in [0, 1]; `alpha` >= 0 weighs false
    positives, `beta` >= 0 false negatives -> region [batch channels].
    Weights and mean: as `dice`, and so is `where_entries`. Where the denominator is 0, nothing that counts is wrong: 0,
    with derivative 0.
    Errors: `ContractError` for another shape, alpha < 0 or beta < 0; `DTypeError` for integer masks.
    Equals: MONAI `TverskyLoss` (the name has its smoothing of 1e-5), optax `dice_loss(alpha, beta)` of probabilities.
    Keras `tversky` has alpha and beta exchanged, against its own documentation. Over the batch: `batch_tversky`.

    >>> import numpy as np
    >>> p = np.asarray([[[1.0, 1.0, 0.0, 0.0, 1.0]]])
    >>> t = np.asarray([[[1.0, 1.0, 1.0, 1.0, 0.0]]])
    >>> float(tversky(p, t, alpha=0.0, beta=1.0))
    0.5
    """
    both, false_positive, false_negative = _counts(probabilities, targets, overlap)
    return _missed(both, alpha * false_positive + beta * false_negative, smooth, smooth_denominator)


@loss(
    family="segmentation",
    unit="example",
    source=_TVERSKY,
    also={
        "keras:Tversky tversky": {"smooth_denominator": 1e-7, "average": "micro"},
        "smp:JaccardLoss": "it has no default `mode`, and takes logits. Fix: batch_tversky.configured(alpha=1.0, "
        "beta=1.0, overlap='minimum', absent='zero') of their probabilities",
        "smp:TverskyLoss": "it has no default `mode`, and takes logits. Fix: batch_tversky.configured(absent='zero') "
        "of their probabilities",
    },
    equals=(
        Equal(
            "monai",
            f"monai.TverskyLoss(alpha=alpha, beta=beta, {_SMOOTH}, soft_label=overlap == 'minimum', batch=True)"
            "(probabilities, targets)",
            reduction="sum",
            when="average == 'macro' and absent == 'counted' and channel_weight is None",
            differs={"empty batch": _NO_FLOOR},
        ),
        Equal(
            "segmentation-models-pytorch",
            "smp.TverskyLoss('multilabel', from_logits=False, alpha=alpha, beta=beta, smooth=smooth, "
            "class_weights=None if channel_weight is None else channel_weight.numpy(force=True))"
            "(probabilities, targets)",
            reduction="sum",
            when=_LIKE_SMP,
            differs={"gradient real": _MINIMUM},
        ),
        Equal(
            "keras",
            "keras.losses.tversky(targets, probabilities, alpha=beta, beta=alpha, "
            "axis=None if average == 'micro' else (0, *range(2, len(targets.shape)))).mean()",
            reduction="sum",
            when="smooth == 0 and smooth_denominator is None and overlap == 'product' and absent == 'counted' and "
            "channel_weight is None",
            differs={"empty batch": _KERAS_FLOOR},
        ),
    ),
    reductions=("sum",),
    default_reduction="sum",
    finalize=_over_batch,
    sizes={"batch": 3, "channels": 2, "space": 2},
    entries=_PIXELS,
)
def batch_tversky(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    smooth: NonNegative = 0.0,
    smooth_denominator: NonNegative | None = None,
    overlap: Literal["product", "minimum"] = "product",
    absent: Literal["counted", "zero"] = "counted",
    average: Literal["macro", "micro"] = "macro",
    channel_weight: NonNegative["channels"] | None = None,
) -> Statistics["batch", "channels"]:
    """One minus the Tversky overlap over the whole batch, averaged over the channels.

    L = mean over channels of the formula of `tversky`, with its sums over batch and space, or over the channels as well
    with average="micro". alpha = beta = 1 is the Jaccard loss over the batch.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1], `alpha` and `beta` as in `tversky`;
    `channel_weight` [channels] >= 0 -> a number.
    Weights and mean: as `batch_dice`; so are `absent`, `average`, `channel_weight` and `where_entries`.
    Errors: as `tversky`, and `ContractError` for another reduction.
    Equals: MONAI `TverskyLoss(batch=True)`; segmentation-models-pytorch `TverskyLoss` with gamma=1 and, with
    alpha = beta = 1, `JaccardLoss` (the name has that), with overlap="minimum" and absent="zero"; Keras `Tversky`,
    which is average="micro" with smooth_denominator=1e-7 (the name has these) and alpha and beta exchanged.

    >>> import numpy as np
    >>> p = np.asarray([[[1.0, 1.0]], [[0.0, 0.0]]])
    >>> t = np.asarray([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> float(batch_tversky(p, t, alpha=1.0, beta=2.0))
    0.75
    """
    both, false_positive, false_negative = _counts(probabilities, targets, overlap)
    true = array_namespace(targets).sum(targets, axis=_space(targets))
    return both, alpha * false_positive + beta * false_negative, true


@loss(
    family="segmentation",
    unit="region",
    source="Abraham and Khan 2019, arXiv:1810.07842",
    equals=(
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.TverskyLoss('binary', from_logits=False, smooth=smooth, alpha=alpha, beta=beta, "
            "gamma=gamma)(p, t) for p, t in zip(probabilities.flatten(0, 1), targets.flatten(0, 1))])"
            f".reshape({_REGIONS})",
            when="overlap == 'minimum' or (np.all(targets % 1 == 0) and targets.size > 0)",
            differs={"real": "a region that is absent from the targets is 0"},
        ),
    ),
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def focal_tversky(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    alpha: NonNegative["#batch #channels"] = 0.3,
    beta: NonNegative["#batch #channels"] = 0.7,
    gamma: Positive["#batch #channels"] = 0.75,
    smooth: NonNegative["#batch #channels"] = 0.0,
    overlap: Literal["product", "minimum"] = "product",
) -> Real["batch channels"]:
    """A power of the Tversky loss of every region.

    l = d^gamma, with d = tversky(probabilities, targets, alpha=alpha, beta=beta, smooth=smooth, overlap=overlap). The
    paper writes the exponent as 1 / gamma, with gamma = 4/3: 3/4 here.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `alpha` >= 0 weighs false positives, `beta`
    >= 0 false negatives (the paper's alpha and beta are exchanged), `gamma` > 0 -> region [batch channels].
    Weights and mean: as `dice`, and so is `where_entries`. At a loss of 0 the derivative is declared 0, which for gamma
    < 1 has no finite limit.
    Errors: `ContractError` for another shape, gamma <= 0, alpha < 0 or beta < 0; `DTypeError` for integer masks.
    Equals: segmentation-models-pytorch `TverskyLoss(gamma=gamma)` of one region; of several it takes the power of their
    mean.

    >>> import numpy as np
    >>> p, t = np.asarray([[[1.0, 1.0, 0.0]]]), np.asarray([[[1.0, 0.0, 0.0]]])
    >>> round(float(focal_tversky(p, t, alpha=3.0, gamma=2.0)), 12)
    0.5625
    """
    both, false_positive, false_negative = _counts(probabilities, targets, overlap)
    missed = _missed(both, alpha * false_positive + beta * false_negative, smooth)
    xp = array_namespace(missed)
    zero = missed == 0
    return xp.where(zero, 0.0, xp.where(zero, 1.0, missed) ** gamma)


@loss(
    family="segmentation",
    unit="image",
    source="Sudre et al. 2017, arXiv:1707.03237; Crum, Camara and Hill 2006, doi:10.1109/TMI.2006.880587",
    also={"monai:GeneralizedDiceLoss": {"smooth": 1e-5}},
    equals=(
        Equal(
            "monai",
            f"monai.GeneralizedDiceLoss({_SMOOTH}, reduction='none')(probabilities, targets.detach())"
            ".reshape(probabilities.shape[0])",
            differs={
                "gradient": "it changes its weights in place, which leaves no derivative in the targets",
                "real": "it divides 0 by 0 where all classes are absent from the targets",
            },
            single=True,
        ),
    ),
    sizes={"batch": 2, "channels": 2},
    entries="batch *space",
)
def generalized_dice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    smooth: NonNegative["#batch"] = 0.0,
    smooth_denominator: NonNegative["#batch"] | None = None,
) -> Real["batch"]:
    """One minus the Dice overlap of all classes of an image together, each weighed by the inverse square of its size.

    l = 1 - (2 sum_c w[c] O[c] + smooth) / (sum_c w[c] (P[c] + G[c]) + smooth_denominator), with O = sum(p t),
    P = sum(p), G = sum(t) of each class over space and w = 1 / G^2. p = probabilities, t = targets.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1] -> image [batch].
    Weights and mean: one weight an image. `where_entries` [batch *space] leaves pixels out. A class that is absent from
    the targets has the weight of the rarest one that is present, and where none is, all have the weight 1. 0 / 0 is a
    perfect match: 0, with derivative 0. The weights are functions of the targets, and so are derivatives in these.
    Errors: `ContractError` for another shape, `DTypeError` for integer masks.
    Equals: MONAI `GeneralizedDiceLoss` (the name has its smoothing of 1e-5). optax `multiclass_generalized_dice_loss`
    is another loss: `dice` with `sample_weight` = 1 / G^2, G over the batch.

    >>> import numpy as np
    >>> p = np.asarray([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> t = np.asarray([[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    >>> round(float(generalized_dice(p, t)), 12)
    0.333333333333
    """
    xp = array_namespace(probabilities)
    both, false_positive, false_negative = _counts(probabilities, targets)
    size = xp.sum(targets, axis=_space(targets))
    present = size > 0
    least = xp.min(xp.where(present, size, inf), axis=1, keepdims=True)
    least = xp.where(least == inf, 1.0, least)
    unit = stop_gradient(least)  # the weights in units of the largest, in which nothing overflows
    weight = (1 / (xp.where(present, size, least) / unit)) ** 2
    agreement, disagreement = (
        xp.sum(2 * weight * both, axis=1),
        xp.sum(weight * (false_positive + false_negative), axis=1),
    )
    scale = unit[:, 0] ** 2
    return _missed(
        agreement, disagreement, smooth * scale, None if smooth_denominator is None else smooth_denominator * scale
    )


@loss(
    family="segmentation",
    unit="region",
    source="Abhishek and Hamarneh 2021, arXiv:2010.13454",
    also={
        "monai:MCCLoss": "it adds 1e-5 to the denominator; mcc adds nothing",
        "smp:MCCLoss": "it adds 1e-5 to the denominator; mcc adds nothing",
    },
    equals=(
        Equal(
            "monai",
            "monai.MCCLoss(smooth_dr=0.0, reduction='none')(probabilities, targets)",
            differs={"real": _ONE_SIDED},
        ),
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.MCCLoss(eps=0.0)(p[None], t[None]) "
            f"for p, t in zip(probabilities.flatten(0, 1), targets.flatten(0, 1))]).reshape({_REGIONS})",
            when="targets.size > 0",
            differs={"real": _ONE_SIDED},
        ),
    ),
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def mcc(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    entries: Array = None,
) -> Real["batch channels"]:
    """One minus the correlation of prediction and truth, which counts the true negatives too.

    l = 1 - (a d - b c) / sqrt((a + b) (a + c) (d + b) (d + c)), with the overlap a = sum(p t), the false positives
    b = sum(p (1 - t)), the false negatives c = sum((1 - p) t) and the true negatives d = sum((1 - p) (1 - t)).

    Shapes: `probabilities` (p) and `targets` (t) [batch channels *space] in [0, 1] -> region [batch channels], in [0,
    2].
    Weights and mean: as `dice`, and so is `where_entries`: a pixel that is left out is no true negative. With 0 for it
    in `probabilities` and `targets` it would be one. Where a factor under the root is 0 there is no correlation: the
    loss is 1, and 0 where nothing is wrong; both with derivative 0. No product of counts is formed, so that none
    overflows.
    Errors: `ContractError` for another shape, `DTypeError` for integer masks.
    Equals: MONAI `MCCLoss` up to the 1e-5 that it adds under the root, segmentation-models-pytorch `MCCLoss` of one
    region up to the 1e-5 that it adds to each count; it sums over the batch.

    >>> import numpy as np
    >>> p, t = np.asarray([[[1.0, 1.0, 0.0, 0.0]]]), np.asarray([[[1.0, 0.0, 0.0, 0.0]]])
    >>> abs(float(mcc(p, t)) - (1 - 3**-0.5)) < 1e-12
    True
    """
    xp = array_namespace(probabilities)
    both, false_positive, false_negative = _counts(probabilities, targets)
    (neither,) = _summed((1 - probabilities) * (1 - targets), entries=entries)
    sides = [
        both + false_positive,
        both + false_negative,
        neither + false_positive,
        neither + false_negative,
    ]
    undefined = (sides[0] == 0) | (sides[1] == 0) | (sides[2] == 0) | (sides[3] == 0)
    root_p, root_t, root_not_t, root_not_p = (xp.sqrt(xp.where(undefined, 1.0, side)) for side in sides)
    right = both / root_p / root_t, neither / root_not_t / root_not_p
    wrong = false_positive / root_p / root_not_t, false_negative / root_t / root_not_p
    correlation = right[0] * right[1] - wrong[0] * wrong[1]
    # 1 - correlation^2 is a sum of what is not negative: near to 1 it has the digits that 1 - correlation lacks.
    count = both + neither + (false_positive + false_negative)

    def part(side: Array) -> Array:
        return side / root_p / root_t / root_not_t / root_not_p * count

    rest = right[0] * right[1] * part(false_positive + false_negative) + wrong[0] * wrong[1] * part(both + neither)
    positive = correlation > 0
    near = rest / (1 + xp.where(positive, correlation, -correlation))
    close = xp.where(positive, near, 2 - near)
    loss_ = xp.where(xp.abs(correlation) > 0.5, close, 1 - correlation)
    perfect = false_positive + false_negative == 0
    return xp.where(undefined, xp.where(perfect, xp.zeros_like(loss_), 1.0), loss_)


# Losses of logits: an overlap and a likelihood in one.


def _missed_of_logits(counts: tuple[Array, ...], smooth: Any, logits: Array, entries: Array) -> Array:
    """The Dice loss where no probability is 0, only too small to be told from it: a region of pixels is never empty."""
    both, false_positive, false_negative = counts
    xp = array_namespace(both)
    empty = 1.0 if prod(logits.shape[2:]) else 0.0
    if entries is not None:
        empty = xp.astype(xp.any(entries, axis=_space(logits)), both.dtype)
    return _missed(2 * both, false_positive + false_negative, smooth, empty=empty)


def _classes_last(x: Array) -> Array:
    return array_namespace(x).permute_dims(x, (0, *_space(x), 1))


def _classes_first(x: Array) -> Array:
    return array_namespace(x).permute_dims(x, (0, len(x.shape) - 1, *range(1, len(x.shape) - 1)))


def _predicted(logits: Array, labels: Array, entries: Array) -> tuple[Array, Array, Array]:
    """The softmax of [batch classes *space], where the label is, and what the label's class lacks of probability 1.

    A pixel that does not count has no probabilities and no label.
    """
    xp = array_namespace(logits)
    probabilities = softmax(_classes_last(logits))
    is_own = positions(probabilities, dtype=labels.dtype) == labels[..., None]
    lacking = xp.sum(xp.where(is_own, 0.0, probabilities), axis=-1, keepdims=True)
    is_own = _classes_first(is_own)
    if entries is not None:
        is_own = is_own & entries
    return kept(_classes_first(probabilities), entries), is_own, _classes_first(lacking)


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
    """The Dice loss of an image plus the cross entropy of its pixels, with the same weights of classes in both.

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
    probabilities, is_own, lacking = _predicted(logits, labels, entries)
    own, others = xp.where(is_own, probabilities, 0.0), xp.where(is_own, 0.0, probabilities)
    counts = _summed(own, others, xp.where(is_own, lacking, 0.0))
    regions = _missed_of_logits(counts, per_row(smooth), logits, entries)[:, first:]
    likelihood = negative_log_softmax(_classes_last(logits), labels)
    likelihood = xp.reshape(likelihood, (logits.shape[0], prod(logits.shape[2:])))
    of_pixels = None if entries is None else xp.reshape(xp.astype(entries, logits.dtype), likelihood.shape)
    if channel_weight is not None:
        weights = xp.reshape(channel_weight, (1,) * len(labels.shape) + (classes,))
        by_class = xp.where(_classes_last(is_own), weights, 0.0)
        of_pixels = xp.reshape(xp.sum(by_class, axis=-1), likelihood.shape)
        channel_weight = channel_weight[None, first:]
    overlap = _mean_of_regions(regions, channel_weight)
    return dice_factor * overlap + cross_entropy_factor * _mean_of_regions(likelihood, of_pixels)


@loss(
    family="segmentation",
    unit="region",
    source="Zhu et al. 2019, arXiv:1808.05238",
    also={
        "monai:DiceFocalLoss": (
            "by default its Dice part takes probabilities and its other part logits. Fix: dice_focal(smooth=1e-5) is "
            "that with sigmoid=True"
        ),
    },
    sizes={"batch": 2, "channels": 2, "space": 2},
    entries=_PIXELS,
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
    """The Dice loss of every region plus the mean focal loss of its pixels, both of sigmoid(logits).

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
    counts = _summed(predicted * targets, predicted * (1 - targets), missed * targets, entries=entries)
    overlap = _missed_of_logits(counts, smooth, logits, entries)
    of_pixels = focal_cross_entropy(logits, targets, per_row(gamma, len(_space(logits))))
    return dice_factor * overlap + focal_factor * _mean_over_space(of_pixels, entries)


# The Lovasz extension of the Jaccard loss.


def _lovasz(errors: Array, is_true: Array) -> Array:
    """The Lovasz extension over the last axis: errors in falling order, times what each adds to the Jaccard loss.

    An entry that is not true and has no error changes nothing: it comes after all that have one.
    """
    xp = array_namespace(errors)
    order = xp.argsort(stop_gradient(errors), axis=-1, descending=True)
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
    """The convex extension of the Jaccard loss of an image to the hinge errors of its pixels.

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
    errors = kept(relu(1 - xp.where(is_true, logits, -logits)), entries)
    return _lovasz(xp.reshape(errors, flat), xp.reshape(is_true, flat))


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
    """The extension of the Jaccard loss of each class of an image to the errors of its probabilities, their mean.

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
    probabilities, is_own, lacking = _predicted(logits, labels, entries)
    flat = (*logits.shape[:2], prod(logits.shape[2:]))
    is_own = xp.reshape(is_own, flat)
    errors = xp.where(is_own, xp.reshape(lacking, (flat[0], 1, flat[2])), xp.reshape(probabilities, flat))
    each = _lovasz(errors, is_own)
    present = None if averaged == "all" else xp.astype(xp.any(is_own, axis=-1), each.dtype)
    return _mean_of_regions(each, present)


@loss(
    family="segmentation",
    unit="region",
    source="Kervadec et al. 2019, arXiv:1812.07032",
    sizes={"batch": 3, "channels": 2},
    entries=_PIXELS,
)
def boundary(
    probabilities: Probability["batch channels *space"],
    distances: Real["batch channels *space"],
    *,
    entries: Array = None,
) -> Real["batch channels"]:
    """The mean of the signed distance from the true boundary over what is predicted.

    l = mean over space of probabilities * distances, where `distances` are those of each pixel from the boundary of the
    true region, negative inside. It is linear in the probabilities, and negative where they lie inside.

    Shapes: `probabilities` [batch channels *space] in [0, 1]; `distances` [batch channels *space], any real numbers
    -> region [batch channels].
    Distances: of a mask with pixels in and outside the region, and `edt` = SciPy's `distance_transform_edt`, they are
    `edt(~mask) * ~mask - (edt(mask) - 1) * mask`, so that the pixels at the boundary inside have 0. A mask that is
    empty or full has no boundary, and `edt` measures to a pixel that is not there: its distances are
    `zeros(mask.shape)`.
    Weights and mean: one weight a region. `where_entries` leaves pixels out of the mean, as in `dice`. A region without
    pixels that count is 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: MONAI `BoundaryLoss`, which takes masks and makes these distances.

    >>> import numpy as np
    >>> p, d = np.asarray([[[1.0, 0.5, 0.0, 0.0]]]), np.asarray([[[-2.0, -1.0, 1.0, 2.0]]])
    >>> float(boundary(p, d))
    -0.625
    """
    return _mean_over_space(probabilities * distances, entries)
