"""Definitions of the losses of waveforms."""

from itertools import permutations
from typing import Any

from mpmath import fsum, inf, log

from lossspec.definitions.common import inner


def scale_invariant_sdr(predictions: Any, targets: Any, zero_mean: bool) -> Any:
    x, t = predictions, targets
    if zero_mean:
        x, t = ([a - fsum(y) / len(y) for a in y] for y in (x, t))
    if inner(t, t) == 0 or inner(x, t) == 0:
        return inf
    factor = inner(x, t) / inner(t, t)
    distortion = fsum((a - factor * b) ** 2 for a, b in zip(x, t, strict=True))
    return 10 * log(distortion / (factor**2 * inner(t, t)), 10) if distortion else -inf


def permutation_invariant_sdr(predictions: Any, targets: Any, zero_mean: bool) -> Any:
    means = []
    for order in permutations(predictions):
        losses = [scale_invariant_sdr(x, t, zero_mean) for x, t in zip(order, targets, strict=True)]
        means.append(inf if inf in losses else fsum(losses) / len(losses))
    return min(means)
