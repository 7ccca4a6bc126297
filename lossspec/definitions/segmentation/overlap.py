"""Definitions of the losses of the overlap of predicted and true regions, from probabilities."""

from typing import Any

from mpmath import fsum, sqrt

from lossspec.definitions.common import flat
from lossspec.definitions.segmentation._regions import counts, dice_of, mean, one_minus


def tversky_of(
    shared: Any, predicted: Any, true: Any, alpha: Any, beta: Any, smooth: Any, smooth_denominator: Any = None
) -> Any:
    floor = smooth if smooth_denominator is None else smooth_denominator
    wrong = alpha * (predicted - shared) + beta * (true - shared)
    return one_minus(shared + smooth, shared + wrong + floor)


def over_batch(of_region: Any, regions: Any, absent: Any, average: Any, channel_weight: Any, reduce: Any) -> Any:
    """The loss of the sums over the batch: `regions` holds the counts of each example and channel."""
    channels = [[reduce([row[c][k] for row in regions]) for k in range(3)] for c in range(len((regions or [[]])[0]))]
    if average == "micro":
        weights = channel_weight or [1] * len(channels)
        pooled = [fsum(w * channel[k] for w, channel in zip(weights, channels, strict=True)) for k in range(3)]
        channels, channel_weight = [pooled] if channels else [], None
    losses = [0 * c[0] if absent == "zero" and not c[2] else of_region(*c) for c in channels]
    return mean(losses, channel_weight) if losses else fsum(losses)


def dice(probabilities: Any, targets: Any, smooth: Any, smooth_denominator: Any, squared: Any, overlap: Any) -> Any:
    return dice_of(
        *counts(probabilities, targets, overlap, squared), smooth=smooth, smooth_denominator=smooth_denominator
    )


def batch_dice(
    probabilities: Any,
    targets: Any,
    smooth: Any,
    smooth_denominator: Any,
    squared: Any,
    overlap: Any,
    absent: Any,
    average: Any,
    channel_weight: Any,
    reduce: Any,
) -> Any:
    regions = [
        [counts(a, b, overlap, squared) for a, b in zip(p, t, strict=True)]
        for p, t in zip(probabilities, targets, strict=True)
    ]

    def of_region(shared: Any, predicted: Any, true: Any) -> Any:
        return dice_of(shared, predicted, true, smooth, smooth_denominator)

    return over_batch(of_region, regions, absent, average, channel_weight, reduce)


def jaccard(probabilities: Any, targets: Any, smooth: Any, smooth_denominator: Any, squared: Any, overlap: Any) -> Any:
    return tversky_of(
        *counts(probabilities, targets, overlap, squared),
        alpha=1,
        beta=1,
        smooth=smooth,
        smooth_denominator=smooth_denominator,
    )


def tversky(
    probabilities: Any, targets: Any, alpha: Any, beta: Any, smooth: Any, smooth_denominator: Any, overlap: Any
) -> Any:
    return tversky_of(
        *counts(probabilities, targets, overlap),
        alpha=alpha,
        beta=beta,
        smooth=smooth,
        smooth_denominator=smooth_denominator,
    )


def batch_tversky(
    probabilities: Any,
    targets: Any,
    alpha: Any,
    beta: Any,
    smooth: Any,
    smooth_denominator: Any,
    overlap: Any,
    absent: Any,
    average: Any,
    channel_weight: Any,
    reduce: Any,
) -> Any:
    regions = [
        [counts(a, b, overlap) for a, b in zip(p, t, strict=True)] for p, t in zip(probabilities, targets, strict=True)
    ]

    def of_region(shared: Any, predicted: Any, true: Any) -> Any:
        return tversky_of(
            shared, predicted, true, alpha=alpha, beta=beta, smooth=smooth, smooth_denominator=smooth_denominator
        )

    return over_batch(of_region, regions, absent, average, channel_weight, reduce)


def focal_tversky(
    probabilities: Any, targets: Any, alpha: Any, beta: Any, gamma: Any, smooth: Any, overlap: Any
) -> Any:
    return tversky_of(*counts(probabilities, targets, overlap), alpha=alpha, beta=beta, smooth=smooth) ** gamma


def generalized_dice(probabilities: Any, targets: Any, smooth: Any, smooth_denominator: Any) -> Any:
    regions = [counts(p, t) for p, t in zip(probabilities, targets, strict=True)]
    present = [1 / true**2 for _, _, true in regions if true]
    weights = [1 / true**2 if true else max(present, default=1) for _, _, true in regions]
    shared, predicted, true = (
        fsum(w * region[k] for w, region in zip(weights, regions, strict=True)) for k in range(3)
    )
    return dice_of(shared, predicted, true, smooth, smooth_denominator)


def mcc(probabilities: Any, targets: Any) -> Any:
    p, t = flat(probabilities), flat(targets)
    shared, predicted, true = counts(p, t)
    neither = fsum((1 - a) * (1 - b) for a, b in zip(p, t, strict=True))
    false_positive, false_negative = predicted - shared, true - shared
    root = sqrt(predicted * true * (neither + false_positive) * (neither + false_negative))
    if not root:
        return root if not false_positive and not false_negative else 1 + root
    return 1 - (shared * neither - false_positive * false_negative) / root
