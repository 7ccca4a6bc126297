"""Definitions of the contrastive losses with negatives of their own."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import cosine, inner


def info_nce_with_negatives(queries: Any, keys: Any, negatives: Any, temperature: Any, normalized: Any) -> Any:
    similarity = cosine if normalized else inner
    own = exp(similarity(queries, keys) / temperature)
    return -log(own / (own + fsum(exp(similarity(queries, n) / temperature) for n in negatives)))


def decoupled_contrastive(embeddings: Any, labels: Any, temperature: Any) -> Any:
    losses = []
    for i, x in enumerate(embeddings):
        scores = [cosine(x, y) / temperature for y in embeddings]
        positive = [s for j, s in enumerate(scores) if j != i and labels[j] == labels[i]]
        negative = [exp(s) for j, s in enumerate(scores) if labels[j] != labels[i]]
        each = [-s + log(fsum(negative)) for s in positive] if negative else []
        losses.append(fsum(each) / len(each) if each else 0)
    return losses
