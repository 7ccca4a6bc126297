"""Definitions of the losses of a linear layer."""

from typing import Any

from mpmath import tanh

from lossspec.definitions.classification.logits import cross_entropy
from lossspec.definitions.common import inner


def linear_cross_entropy(features: Any, weight: Any, labels: Any, bias: Any, label_smoothing: Any, softcap: Any) -> Any:
    offsets = [0] * len(weight) if bias is None else bias
    logits = [inner(row, features) + offset for row, offset in zip(weight, offsets, strict=True)]
    if softcap is not None:
        logits = [softcap * tanh(z / softcap) for z in logits]
    return cross_entropy(logits, labels, label_smoothing)
