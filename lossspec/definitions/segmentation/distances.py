"""Definitions of the losses of overlap that know how far classes are from each other."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import flat, softmax
from lossspec.definitions.segmentation._regions import one_minus, pixels


def wasserstein_dice(logits: Any, labels: Any, class_distances: Any, smooth: Any) -> Any:
    classes = len(logits)
    true, error = [], []
    for scores, label in zip(pixels(logits, classes), flat(labels), strict=True):
        if not 0 <= label < classes:
            return None
        distance = fsum(d * p for d, p in zip(class_distances[label], softmax(scores), strict=True))
        error.append(distance)
        true += [1 - distance] if label != 0 else []
    return one_minus(2 * fsum(true) + smooth, 2 * fsum(true) + fsum(error) + smooth)
