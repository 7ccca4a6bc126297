"""Definitions of the losses of logits that add an overlap of regions and a likelihood of pixels."""

from typing import Any

from mpmath import log

from lossspec.definitions.common import flat, sigmoid, softmax
from lossspec.definitions.segmentation._regions import counts, dice_of, mean, pixels


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
