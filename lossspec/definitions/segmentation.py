"""Definitions of the overlap losses."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import flat


def sums(probabilities: Any, targets: Any, squared: Any) -> Any:
    p, t = flat(probabilities), flat(targets)
    power = 2 if squared else 1
    overlap = fsum(a * b for a, b in zip(p, t, strict=True))
    return overlap, fsum(a**power for a in p) + fsum(b**power for b in t)


def one_minus_dice(overlap: Any, size: Any, smooth: Any) -> Any:
    return 1 - (2 * overlap + smooth) / (size + smooth) if size + smooth else 0 * size


def dice(probabilities: Any, targets: Any, smooth: Any, squared: Any) -> Any:
    overlap, size = sums(probabilities, targets, squared)
    return one_minus_dice(overlap, size, smooth)


def batch_dice(probabilities: Any, targets: Any, smooth: Any, squared: Any, reduce: Any) -> Any:
    channels = range(len(probabilities[0]) if probabilities else 0)
    losses = []
    for c in channels:
        parts = [sums(p[c], t[c], squared) for p, t in zip(probabilities, targets, strict=True)]
        losses.append(one_minus_dice(reduce([i for i, _ in parts]), reduce([s for _, s in parts]), smooth))
    return fsum(losses) / len(losses) if losses else fsum(losses)
