"""Definitions of the losses of estimates of a return."""

from typing import Any

from mpmath import fsum, mpf


def huber(u: Any, kappa: Any) -> Any:
    return u**2 / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)


def quantile_td(predictions: Any, targets: Any, kappa: Any) -> Any:
    total = []
    for i, prediction in enumerate(predictions):
        level = mpf(2 * i + 1) / (2 * len(predictions))
        total += [abs(level - (target < prediction)) * huber(target - prediction, kappa) / kappa for target in targets]
    return fsum(total) / max(len(targets), 1)
