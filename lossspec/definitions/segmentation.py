"""Definitions of the overlap losses."""

from typing import Any

from mpmath import fsum, log, sqrt

from lossspec.definitions.common import flat, sigmoid, softmax


def counts(probabilities: Any, targets: Any, overlap: Any = "product", squared: Any = False) -> tuple[Any, Any, Any]:
    """The overlap, the sizes of the predicted and of the true region."""
    p, t = flat(probabilities), flat(targets)
    power = 2 if squared else 1
    pairs = list(zip(p, t, strict=True))
    shared = fsum(min(a, b) for a, b in pairs) if overlap == "minimum" else fsum(a * b for a, b in pairs)
    return shared, fsum(a**power for a in p), fsum(b**power for b in t)


def one_minus(above: Any, below: Any) -> Any:
    return 1 - above / below if below else 0 * below


def dice_of(shared: Any, predicted: Any, true: Any, smooth: Any, smooth_denominator: Any = None) -> Any:
    floor = smooth if smooth_denominator is None else smooth_denominator
    return one_minus(2 * shared + smooth, predicted + true + floor)


def tversky_of(
    shared: Any, predicted: Any, true: Any, alpha: Any, beta: Any, smooth: Any, smooth_denominator: Any = None
) -> Any:
    floor = smooth if smooth_denominator is None else smooth_denominator
    wrong = alpha * (predicted - shared) + beta * (true - shared)
    return one_minus(shared + smooth, shared + wrong + floor)


def mean(numbers: Any, weights: Any = None) -> Any:
    weights = [1] * len(numbers) if weights is None else weights
    total = fsum(weights)
    return fsum(w * x for w, x in zip(weights, numbers, strict=True)) / total if total else total


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


def pixels(x: Any, classes: int) -> Any:
    """One row of classes a pixel, of an array with the classes in front."""
    rows = [flat(x[c]) for c in range(classes)]
    return [list(row) for row in zip(*rows, strict=True)]


def combo(
    logits: Any,
    labels: Any,
    smooth: Any,
    dice_factor: Any,
    cross_entropy_factor: Any,
    channel_weight: Any,
    include_background: Any,
) -> Any:
    classes, truth = len(logits), flat(labels)
    rows = [softmax(row) for row in pixels(logits, classes)]
    weights = channel_weight or [1] * classes
    first = 0 if include_background else 1
    regions = [
        dice_of(*counts([row[c] for row in rows], [int(y == c) for y in truth]), smooth=smooth)
        for c in range(first, classes)
    ]
    surprise = [-log(row[y]) for row, y in zip(rows, truth, strict=True)]
    return dice_factor * mean(regions, weights[first:]) + cross_entropy_factor * mean(
        surprise, [weights[y] for y in truth]
    )


def dice_focal(logits: Any, targets: Any, smooth: Any, gamma: Any, dice_factor: Any, focal_factor: Any) -> Any:
    z, t = flat(logits), flat(targets)
    p = [sigmoid(a) for a in z]

    def focal(a: Any, other: Any, b: Any) -> Any:
        sure = b * a + (1 - b) * (1 - a)
        return (1 - sure) ** gamma * (-b * log(a) - (1 - b) * log(other))

    return dice_factor * dice_of(*counts(p, t), smooth=smooth) + focal_factor * mean(
        [focal(a, sigmoid(-x), b) for a, x, b in zip(p, z, t, strict=True)]
    )


def lovasz(errors: Any, truth: Any) -> Any:
    """The Lovasz extension of one minus the Jaccard index of the pixels of one class, at these errors."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    positives = sum(truth)

    def missed(wrong: Any) -> Any:
        both = positives - sum(truth[i] for i in wrong)
        either = positives + sum(1 - truth[i] for i in wrong)
        return 1 - fsum([both]) / either if either else 0

    steps = [missed(order[: k + 1]) - missed(order[:k]) for k in range(len(order))]
    return fsum(errors[i] * step for i, step in zip(order, steps, strict=True))


def lovasz_hinge(logits: Any, targets: Any) -> Any:
    truth = [int(y) for y in flat(targets)]
    errors = [1 - z * (2 * y - 1) for z, y in zip(flat(logits), truth, strict=True)]
    return lovasz([max(error, 0 * error) for error in errors], truth)


def lovasz_softmax(logits: Any, labels: Any, averaged: Any) -> Any:
    count, truth = len(logits), flat(labels)
    rows = [softmax(row) for row in pixels(logits, count)]
    chosen = [c for c in range(count) if averaged == "all" or c in truth]
    losses = []
    for c in chosen:
        own = [int(y == c) for y in truth]
        losses.append(lovasz([abs(y - row[c]) for row, y in zip(rows, own, strict=True)], own))
    return mean(losses)


def boundary(probabilities: Any, distances: Any) -> Any:
    return mean([p * d for p, d in zip(flat(probabilities), flat(distances), strict=True)])
