"""Definitions of the classification losses."""

from typing import Any

from mpmath import exp, fsum, log


def softmax(logits: Any) -> Any:
    total = fsum(exp(z) for z in logits)
    return [exp(z) / total for z in logits]


def cross_entropy(logits: Any, labels: Any, label_smoothing: Any) -> Any:
    classes = range(len(logits))
    if isinstance(labels, int) and labels not in classes:
        return None
    target = labels if isinstance(labels, list) else [int(c == labels) for c in classes]
    smooth = [(1 - label_smoothing) * target[c] + label_smoothing / len(logits) for c in classes]
    p = softmax(logits)
    return -fsum(smooth[c] * log(p[c]) for c in classes if smooth[c] != 0)


def binary_cross_entropy_with_logits(logits: Any, targets: Any, pos_weight: Any) -> Any:
    p = 1 / (1 + exp(-logits))
    return -pos_weight * targets * log(p) - (1 - targets) * log(1 / (1 + exp(logits)))


def perplexity(logits: Any, labels: Any, reduce: Any) -> Any:
    return exp(reduce([-log(softmax(z)[y]) for z, y in zip(logits, labels, strict=True)]))
