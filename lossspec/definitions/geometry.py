"""Definitions of the losses of clouds of points and of rays through a scene."""

from typing import Any

from mpmath import fsum, sqrt


def chamfer_distance(predictions: Any, targets: Any, squared: bool) -> Any:
    def to_nearest(points: Any, others: Any) -> Any:
        found = [min(fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in others) for x in points]
        return fsum(x if squared else sqrt(x) for x in found) / len(found)

    return to_nearest(predictions, targets) + to_nearest(targets, predictions)


def distortion(weights: Any, places: Any) -> Any:
    intervals = list(zip(weights, places[:-1], places[1:], strict=True))
    pairs = fsum(w * v * abs((a + b) / 2 - (c + d) / 2) for w, a, b in intervals for v, c, d in intervals)
    return pairs + fsum(w**2 * (b - a) for w, a, b in intervals) / 3
