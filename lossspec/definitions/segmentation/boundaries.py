"""Definitions of the losses of the distance from the boundary of a region."""

from typing import Any

from lossspec.definitions.common import flat
from lossspec.definitions.segmentation._regions import mean


def boundary(probabilities: Any, distances: Any) -> Any:
    return mean([p * d for p, d in zip(flat(probabilities), flat(distances), strict=True)])


def hausdorff_distance_transform(
    probabilities: Any, targets: Any, predicted_distances: Any, true_distances: Any, alpha: Any
) -> Any:
    pixels = zip(*map(flat, (probabilities, targets, predicted_distances, true_distances)), strict=True)
    return mean([(p - t) ** 2 * (a**alpha + b**alpha) for p, t, a, b in pixels])
