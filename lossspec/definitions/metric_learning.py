"""Definitions of the losses on embeddings."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import cosine, distance, inner


def cosine_embedding(first: Any, second: Any, labels: Any, margin: Any) -> Any:
    similarity = cosine(first, second)
    return 1 - similarity if labels == 1 else max(0, similarity - margin)


def triplet_margin(anchors: Any, positives: Any, negatives: Any, margin: Any, swap: Any) -> Any:
    apart = distance(anchors, negatives)
    if swap:
        apart = min(apart, distance(positives, negatives))
    return max(0, distance(anchors, positives) - apart + margin)


def info_nce(queries: Any, keys: Any, temperature: Any, normalized: Any) -> Any:
    similarity = cosine if normalized else inner
    losses = []
    for i, query in enumerate(queries):
        odds = [exp(similarity(query, key) / temperature) for key in keys]
        losses.append(-log(odds[i] / fsum(odds)))
    return losses
