"""The definition of the divergence of the predictions for several views of one example."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import divergence, softmax


def jsd_consistency(logits: Any) -> Any:
    views = [softmax(z) for z in logits]
    mean = [fsum(column) / len(views) for column in zip(*views, strict=True)]
    return fsum(divergence(p, mean) for p in views) / max(len(views), 1)
