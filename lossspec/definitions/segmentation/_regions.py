"""Sums over the pixels of a region, and the overlaps and means that definitions of segmentation share."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import flat


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


def mean(numbers: Any, weights: Any = None) -> Any:
    weights = [1] * len(numbers) if weights is None else weights
    total = fsum(weights)
    return fsum(w * x for w, x in zip(weights, numbers, strict=True)) / total if total else total


def pixels(x: Any, classes: int) -> Any:
    """One row of classes a pixel, of an array with the classes in front."""
    rows = [flat(x[c]) for c in range(classes)]
    return [list(row) for row in zip(*rows, strict=True)]
