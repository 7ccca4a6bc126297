"""Definitions of the losses that contain the last layer of a classifier."""

from typing import Any

from mpmath import acos, cos, floor, log, pi

from lossspec.definitions.common import cosine, inner, norm, softmax


def large_margin_softmax(features: Any, labels: Any, weights: Any, margin: Any) -> Any:
    angle = acos(max(-1, min(1, cosine(weights[labels], features))))
    k = min(int(floor(margin * angle / pi)), margin - 1)
    logits = [inner(row, features) for row in weights]
    logits[labels] = norm(weights[labels]) * norm(features) * ((-1) ** k * cos(margin * angle) - 2 * k)
    return -log(softmax(logits)[labels])


def adaptive_log_softmax(features: Any, labels: Any, head: Any, projections: Any, tails: Any) -> Any:
    entries = softmax([inner(row, features) for row in head])
    first = len(head) - len(tails)
    probabilities = entries[:first]
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        hidden = [inner(row, features) for row in projection]
        own = softmax([inner(row, hidden) for row in tail])
        probabilities += [entries[first + cluster] * p for p in own]
    return -log(probabilities[labels])
