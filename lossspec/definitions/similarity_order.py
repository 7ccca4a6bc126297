"""Definitions of the losses of the order of similarities."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import cosine


def cosent(first: Any, second: Any, labels: Any, scale: Any) -> Any:
    cosines = [cosine(x, y) for x, y in zip(first, second, strict=True)]
    wrong = [
        exp(scale * (low - high))
        for low, wanted in zip(cosines, labels, strict=True)
        for high, other in zip(cosines, labels, strict=True)
        if wanted < other
    ]
    return [log(1 + fsum(wrong))] * len(cosines)
