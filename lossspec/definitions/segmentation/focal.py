"""Definitions of the losses of regions that weigh down what is predicted well."""

from typing import Any

from mpmath import inf, log

from lossspec.definitions.common import flat
from lossspec.definitions.segmentation._regions import mean, one_minus


def unified_focal(
    probabilities: Any, targets: Any, overlap_weight: Any, delta: Any, gamma: Any, asymmetric: Any
) -> Any:
    pairs = list(zip(flat(probabilities), flat(targets), strict=True))

    def tversky(pairs: Any) -> Any:
        both = sum(p * t for p, t in pairs)
        missed, wrong = sum((1 - p) * t for p, t in pairs), sum(p * (1 - t) for p, t in pairs)
        return one_minus(both, both + delta * missed + (1 - delta) * wrong)

    def surprise(share: Any, p: Any) -> Any:
        if share == 0:
            return share
        return inf if p == 0 else -share * log(p)

    less, rest = 0 if asymmetric else gamma, 1 - overlap_weight
    background = tversky([(1 - p, 1 - t) for p, t in pairs])
    overlap = (background ** (1 - less) + tversky(pairs) ** (1 - gamma)) / 2
    pixels = []
    for p, t in pairs:
        of_region, of_background = surprise(rest * delta * t, p), surprise(rest * (1 - delta) * (1 - t), 1 - p)
        pixels.append((1 - p) ** less * of_region + p**gamma * of_background)
    return overlap_weight * overlap + mean(pixels)
