"""Definitions of the classification losses."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import sigmoid, softmax


def cross_entropy(logits: Any, labels: Any, label_smoothing: Any) -> Any:
    classes = range(len(logits))
    if isinstance(labels, int) and labels not in classes:
        return None
    target = labels if isinstance(labels, list) else [int(c == labels) for c in classes]
    smooth = [(1 - label_smoothing) * target[c] + label_smoothing / len(logits) for c in classes]
    p = softmax(logits)
    return -fsum(smooth[c] * log(p[c]) for c in classes if smooth[c] != 0)


def binary_cross_entropy_with_logits(logits: Any, targets: Any, pos_weight: Any) -> Any:
    return -pos_weight * targets * log(sigmoid(logits)) - (1 - targets) * log(sigmoid(-logits))


def perplexity(logits: Any, labels: Any, reduce: Any) -> Any:
    return exp(reduce([-log(softmax(z)[y]) for z, y in zip(logits, labels, strict=True)]))
