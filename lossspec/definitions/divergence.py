"""Definitions of the divergences."""

from typing import Any

from mpmath import fsum, log


def kl_divergence(log_predictions: Any, targets: Any) -> Any:
    return fsum(t * (log(t) - q) for q, t in zip(log_predictions, targets, strict=True) if t != 0)
