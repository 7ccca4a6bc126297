"""Losses of the overlap of predicted and true regions, from probabilities."""

from functools import partial
from math import inf
from typing import Any, Literal

from lossspec.declaration import Equal, loss, require
from lossspec.losses.segmentation._regions import PIXELS, mean_of_regions, one_minus_overlap, region_sums, space_axes
from lossspec.numerics import array_namespace, stop_gradient
from lossspec.terms import Array, NonNegative, Positive, Probability, Real, Statistics

__all__ = [
    "batch_dice",
    "batch_tversky",
    "dice",
    "focal_tversky",
    "generalized_dice",
    "jaccard",
    "mcc",
    "tversky",
]


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
    both, false_positive, false_negative = region_sums(both, *false)
    return both, false_positive, false_negative


def _agreement(probabilities: Array, targets: Array, squared: bool, overlap: str) -> tuple[Array, Array]:
    """The overlap and the disagreement of every region; twice the overlap plus the disagreement is the size of both."""
    require(not squared or overlap == "product", "`squared` measures the size of a product: overlap='product'")
    if squared:
        both, apart = region_sums(probabilities * targets, (probabilities - targets) ** 2)
        return both, apart
    both, false_positive, false_negative = _counts(probabilities, targets, overlap)
    return both, false_positive + false_negative


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
    """Turn the sums of every channel over the batch into one number."""
    xp = array_namespace(agreement)
    if average == "micro":
        sums = (agreement, disagreement, true)
        weighted = sums if channel_weight is None else tuple(channel_weight * x for x in sums)
        agreement, disagreement, true = (xp.sum(x, axis=-1, keepdims=True) for x in weighted)
        channel_weight = None
    losses = one_minus_overlap(agreement, disagreement, smooth, smooth_denominator)
    if absent == "zero":
        losses = xp.where(true == 0, 0.0, losses)
    return mean_of_regions(losses, channel_weight)


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
_OPTAX_ROWS = (
    "(jnp.log(probabilities) - jnp.log1p(-probabilities)).reshape((-1, probabilities[0, 0].size, 1)), "
    "targets.reshape((-1, targets[0, 0].size, 1))"
)
_LIKE_SMP = (
    "(overlap == 'minimum' or np.all(targets % 1 == 0)) and smooth_denominator is None and average == 'macro' and "
    "targets.size > 0 and (absent == 'zero' or np.all(targets.sum(axis=(0, *range(2, targets.ndim))) > 0))"
)


Regions: Any = Probability["batch channels *space"]
OfRegion: Any = NonNegative["#batch #channels"]
Weights: Any = NonNegative["channels"]
Overlap = Literal["product", "minimum"]
Absent = Literal["counted", "zero"]
Average = Literal["macro", "micro"]

region_loss = partial(loss, family="segmentation", unit="region", sizes={"batch": 3, "channels": 2}, entries=PIXELS)
batch_loss = partial(
    loss,
    family="segmentation",
    unit="example",
    reductions=("sum",),
    default_reduction="sum",
    finalize=_over_batch,
    sizes={"batch": 3, "channels": 2, "space": 2},
    entries=PIXELS,
)


@region_loss(
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
            f"optax.losses.binary_dice_loss({_OPTAX_ROWS}, smooth=smooth / 2).reshape({_REGIONS})",
            when="smooth_denominator is None and not squared and overlap == 'product' and targets.size > 0",
            differs={"gradient edges": _NO_LOG_ODDS},
        ),
    ),
)
def dice(
    probabilities: Regions,
    targets: Regions,
    *,
    smooth: OfRegion = 0.0,
    smooth_denominator: OfRegion | None = None,
    squared: bool = False,
    overlap: Overlap = "product",
) -> Real["batch channels"]:
    """Dice loss: one minus the Dice overlap of every region, one channel of one example.

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
    return one_minus_overlap(2 * both, disagreement, smooth, smooth_denominator)


@batch_loss(
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
            differs={"gradient real": _MINIMUM, "gradient nearly sure": _MINIMUM},
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
)
def batch_dice(
    probabilities: Regions,
    targets: Regions,
    *,
    smooth: NonNegative = 0.0,
    smooth_denominator: NonNegative | None = None,
    squared: bool = False,
    overlap: Overlap = "product",
    absent: Absent = "counted",
    average: Average = "macro",
    channel_weight: Weights | None = None,
) -> Statistics["batch", "channels"]:
    """Dice loss over the whole batch, averaged over the channels.

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
    return 2 * both, disagreement, array_namespace(targets).sum(targets, axis=space_axes(targets))


@region_loss(
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
)
def jaccard(
    probabilities: Regions,
    targets: Regions,
    *,
    smooth: OfRegion = 0.0,
    smooth_denominator: OfRegion | None = None,
    squared: bool = False,
    overlap: Overlap = "product",
) -> Real["batch channels"]:
    """Jaccard (IoU) loss: one minus the intersection over the union of every region, of masks.

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
    return one_minus_overlap(*_agreement(probabilities, targets, squared, overlap), smooth, smooth_denominator)


_TVERSKY = "Salehi, Erdogmus and Gholipour 2017, arXiv:1706.05721"


@region_loss(
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
            f"optax.losses.dice_loss({_OPTAX_ROWS}, smooth=smooth, alpha=alpha, beta=beta).reshape({_REGIONS})",
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
)
def tversky(
    probabilities: Regions,
    targets: Regions,
    *,
    alpha: OfRegion = 0.5,
    beta: OfRegion = 0.5,
    smooth: OfRegion = 0.0,
    smooth_denominator: OfRegion | None = None,
    overlap: Overlap = "product",
) -> Real["batch channels"]:
    """Tversky loss: the Dice loss with weights of their own for false positives and false negatives.

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
    return one_minus_overlap(both, alpha * false_positive + beta * false_negative, smooth, smooth_denominator)


@batch_loss(
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
            differs={"gradient real": _MINIMUM, "gradient nearly sure": _MINIMUM},
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
)
def batch_tversky(
    probabilities: Regions,
    targets: Regions,
    *,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    smooth: NonNegative = 0.0,
    smooth_denominator: NonNegative | None = None,
    overlap: Overlap = "product",
    absent: Absent = "counted",
    average: Average = "macro",
    channel_weight: Weights | None = None,
) -> Statistics["batch", "channels"]:
    """Tversky loss over the whole batch, averaged over the channels.

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
    true = array_namespace(targets).sum(targets, axis=space_axes(targets))
    return both, alpha * false_positive + beta * false_negative, true


@region_loss(
    source="Abraham and Khan 2019, arXiv:1810.07842",
    equals=(
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.TverskyLoss('binary', from_logits=False, smooth=smooth, alpha=alpha, beta=beta, "
            "gamma=gamma)(p, t) for p, t in zip(probabilities.flatten(0, 1), targets.flatten(0, 1))])"
            f".reshape({_REGIONS})",
            when="overlap == 'minimum' or (np.all(targets % 1 == 0) and targets.size > 0)",
            differs={"real": "a region that is absent from the targets is 0", "gradient nearly sure": _MINIMUM},
        ),
    ),
)
def focal_tversky(
    probabilities: Regions,
    targets: Regions,
    *,
    alpha: OfRegion = 0.3,
    beta: OfRegion = 0.7,
    gamma: Positive["#batch #channels"] = 0.75,
    smooth: OfRegion = 0.0,
    overlap: Overlap = "product",
) -> Real["batch channels"]:
    """Focal Tversky loss: a power of the Tversky loss of every region.

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
    missed = one_minus_overlap(both, alpha * false_positive + beta * false_negative, smooth)
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
    probabilities: Regions,
    targets: Regions,
    *,
    smooth: NonNegative["#batch"] = 0.0,
    smooth_denominator: NonNegative["#batch"] | None = None,
) -> Real["batch"]:
    """Generalized Dice loss of all classes of an image, each weighed by the inverse square of its size.

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
    size = xp.sum(targets, axis=space_axes(targets))
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
    return one_minus_overlap(
        agreement, disagreement, smooth * scale, None if smooth_denominator is None else smooth_denominator * scale
    )


@region_loss(
    source="Abhishek and Hamarneh 2021, arXiv:2010.13454",
    also={
        "monai:MCCLoss": "it adds 1e-5 to the denominator; mcc adds nothing",
        "smp:MCCLoss": "it adds 1e-5 to the denominator; mcc adds nothing",
    },
    equals=(
        Equal(
            "monai",
            "monai.MCCLoss(smooth_dr=0.0, reduction='none')(probabilities, targets)",
            differs={"real": _ONE_SIDED, "nearly sure": _ONE_SIDED},
        ),
        Equal(
            "segmentation-models-pytorch",
            "torch.stack([smp.MCCLoss(eps=0.0)(p[None], t[None]) "
            f"for p, t in zip(probabilities.flatten(0, 1), targets.flatten(0, 1))]).reshape({_REGIONS})",
            when="targets.size > 0",
            differs={"real": _ONE_SIDED, "nearly sure": _ONE_SIDED},
        ),
    ),
)
def mcc(probabilities: Regions, targets: Regions, *, entries: Array = None) -> Real["batch channels"]:
    """MCC loss: one minus the Matthews correlation of prediction and truth in every region.

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
    (neither,) = region_sums((1 - probabilities) * (1 - targets), entries=entries)
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
