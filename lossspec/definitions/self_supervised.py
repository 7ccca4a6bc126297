"""Definitions of the losses that compare views of a batch, or spread it, without negatives."""

from typing import Any

from mpmath import exp, fsum, inf, log, sqrt

from lossspec.definitions.common import direction, distance, inner, softmax


def centered(rows: Any) -> Any:
    """The columns less their means, times the count: exact, where a mean is not."""
    count = len(rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [[count * x - fsum(column) for x in column] for column in columns]


def barlow_twins(first: Any, second: Any, redundancy: Any) -> Any:
    a, b = (list(map(direction, centered(rows))) for rows in (first, second))
    total = fsum(
        (1 - inner(x, y)) ** 2 if i == j else redundancy * inner(x, y) ** 2
        for i, x in enumerate(a)
        for j, y in enumerate(b)
    )
    return [total] * len(first)


def vicreg(first: Any, second: Any, invariance: Any, variance: Any, covariance: Any, epsilon: Any) -> Any:
    if not first:
        return []
    count, dim = len(first), len(first[0])
    spread = redundant = 0
    for rows in (first, second):
        columns = centered(rows)
        covariances = [[inner(x, y) / count**2 / max(1, count - 1) for y in columns] for x in columns]
        spread += fsum(max(0, 1 - sqrt(covariances[j][j] + epsilon)) for j in range(dim)) / dim / 2
        redundant += fsum(covariances[i][j] ** 2 for i in range(dim) for j in range(dim) if i != j) / dim
    return [
        invariance * fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / dim
        + variance * spread
        + covariance * redundant
        for x, y in zip(first, second, strict=True)
    ]


def dino(
    student_logits: Any, teacher_logits: Any, center: Any, student_temperature: Any, teacher_temperature: Any
) -> Any:
    shift = center or [0] * len(teacher_logits)
    p = softmax([(z - c) / teacher_temperature for z, c in zip(teacher_logits, shift, strict=True)])
    q = softmax([z / student_temperature for z in student_logits])
    if any(b == 0 != a for a, b in zip(p, q, strict=True)):
        return inf
    return -fsum(a * log(b) for a, b in zip(p, q, strict=True) if a != 0)


def koleo(embeddings: Any, normalized: Any) -> Any:
    points = [direction(x) for x in embeddings] if normalized else embeddings
    losses = []
    for i, x in enumerate(points):
        apart = [distance(x, y) for j, y in enumerate(points) if j != i]
        nearest = min(apart) if apart else 1
        losses.append(-log(nearest) if nearest else inf)
    return losses


def alignment(first: Any, second: Any, alpha: Any) -> Any:
    return distance(first, second) ** alpha


def uniformity(embeddings: Any, t: Any) -> Any:
    pairs = [(x, y) for i, x in enumerate(embeddings) for y in embeddings[:i]]
    potentials = [exp(-t * fsum((a - b) ** 2 for a, b in zip(x, y, strict=True))) for x, y in pairs]
    return [log(fsum(potentials) / len(pairs)) if pairs else 0] * len(embeddings)
