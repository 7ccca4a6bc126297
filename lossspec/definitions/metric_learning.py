"""Definitions of the losses on given pairs, triplets and class centers."""

from typing import Any

from mpmath import acos, cos, exp, fsum, log, pi, sin

from lossspec.definitions.common import cosine, distance, softmax


def squared(x: Any, y: Any) -> Any:
    return fsum((a - b) ** 2 for a, b in zip(x, y, strict=True))


def cosine_embedding(first: Any, second: Any, labels: Any, margin: Any) -> Any:
    similarity = cosine(first, second)
    return 1 - similarity if labels == 1 else max(0, similarity - margin)


def contrastive(first: Any, second: Any, dissimilar: Any, margin: Any) -> Any:
    apart = distance(first, second)
    return (1 - dissimilar) * apart**2 / 2 + dissimilar * max(0, margin - apart) ** 2 / 2


def triplet_margin(
    anchors: Any, positives: Any, negatives: Any, margin: Any, distance: Any, swap: Any, soft: Any
) -> Any:
    def apart(x: Any, y: Any) -> Any:
        if distance == "cosine":
            return 1 - cosine(x, y)
        return squared(x, y) if distance == "squared" else squared(x, y) ** 0.5

    far = apart(anchors, negatives)
    if swap:
        far = min(far, apart(positives, negatives))
    excess = apart(anchors, positives) - far + margin
    return log(1 + exp(excess)) if soft else max(0, excess)


def batch_hard_triplet(embeddings: Any, labels: Any, margin: Any, soft: Any) -> Any:
    losses = []
    for i, x in enumerate(embeddings):
        apart = [squared(x, y) ** 0.5 for y in embeddings]
        positive = [d for j, d in enumerate(apart) if j != i and labels[j] == labels[i]]
        negative = [d for j, d in enumerate(apart) if labels[j] != labels[i]]
        if not positive or not negative:
            losses.append(0)
            continue
        excess = max(positive) - min(negative) + margin
        losses.append(log(1 + exp(excess)) if soft else max(0, excess))
    return losses


def with_margin(similarities: Any, labels: Any, scale: Any, own: Any) -> Any:
    """The cross entropy of scaled similarities, that of the label replaced."""
    if labels not in range(len(similarities)):
        return None
    logits = [scale * (own(c) if j == labels else c) for j, c in enumerate(similarities)]
    return -log(softmax(logits)[labels])


def arcface(embeddings: Any, prototypes: Any, labels: Any, margin: Any, scale: Any, monotone: Any) -> Any:
    def own(c: Any) -> Any:
        angle = acos(min(1, max(-1, c))) + margin
        return c - margin * sin(margin) if monotone and angle > pi else cos(angle)

    return with_margin([cosine(embeddings, w) for w in prototypes], labels, scale, own)


def cosface(embeddings: Any, prototypes: Any, labels: Any, margin: Any, scale: Any) -> Any:
    return with_margin([cosine(embeddings, w) for w in prototypes], labels, scale, lambda c: c - margin)


def center(embeddings: Any, centers: Any, labels: Any) -> Any:
    if labels not in range(len(centers)):
        return None
    return squared(embeddings, centers[labels]) / 2
