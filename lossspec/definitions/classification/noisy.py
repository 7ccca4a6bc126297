"""Definitions of the losses of labels under the logits of classes that bound how much a wrong label counts."""

from typing import Any

from mpmath import fsum, log

from lossspec.definitions.common import mixture, softmax


def symmetric_cross_entropy(logits: Any, labels: Any, alpha: Any, beta: Any, log_zero: Any) -> Any:
    p = softmax(logits)
    return mixture(labels, lambda c: -alpha * log(p[c]) - beta * log_zero * (1 - p[c]))


def normalized_reverse_cross_entropy(logits: Any, labels: Any, alpha: Any, beta: Any, log_zero: Any) -> Any:
    p = softmax(logits)
    reverse = -beta * log_zero * (1 - p[labels])
    return reverse if len(p) == 1 else alpha * log(p[labels]) / fsum(log(q) for q in p) + reverse
