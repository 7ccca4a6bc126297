"""Definition of the loss of the distance from the boundary of a region."""

from typing import Any

from lossspec.definitions.common import flat
from lossspec.definitions.segmentation._regions import mean


def boundary(probabilities: Any, distances: Any) -> Any:
    return mean([p * d for p, d in zip(flat(probabilities), flat(distances), strict=True)])
