"""Definitions of the losses of several yes/no targets of one example."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import sigmoid


def asymmetric(logits: Any, targets: Any, gamma_positive: Any, gamma_negative: Any, clip: Any) -> Any:
    p, q = sigmoid(logits), sigmoid(-logits)  # q is 1 - p
    positive = -(q**gamma_positive) * log(p)
    negative = -((p - clip) ** gamma_negative) * log(q + clip) if p > clip else 0
    return targets * positive + (1 - targets) * negative


def zlpr(logits: Any, targets: Any) -> Any:
    off = fsum(exp(z) for z, t in zip(logits, targets, strict=True) if t == 0)
    missed = fsum(exp(-z) for z, t in zip(logits, targets, strict=True) if t == 1)
    return log(1 + off) + log(1 + missed)
