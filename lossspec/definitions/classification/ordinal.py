"""Definitions of the losses of labels that are grades."""

from typing import Any

from mpmath import fsum, log

from lossspec.definitions.common import sigmoid, softmax


def coral(logits: Any, labels: Any) -> Any:
    return -fsum(log(sigmoid(z if labels > k else -z)) for k, z in enumerate(logits))


def corn(logits: Any, labels: Any) -> Any:
    return -fsum(log(sigmoid(z if labels > k else -z)) for k, z in enumerate(logits) if k <= labels)


def squared_emd(logits: Any, labels: Any) -> Any:
    p = softmax(logits)
    return fsum((fsum(p[: k + 1]) - (labels <= k)) ** 2 for k in range(len(p)))
