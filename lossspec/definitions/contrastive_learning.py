"""Definitions of the losses in which a batch is its own negatives."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import constant, direction, inner, sigmoid


def found(scores: Any) -> Any:
    """For each row the negative log-probability of its own column."""
    return [-log(exp(row[i]) / fsum(map(exp, row))) for i, row in enumerate(scores)]


def inner_products(rows: Any, columns: Any) -> Any:
    return [[inner(x, y) for y in columns] for x in rows]


def cosines(rows: Any, columns: Any) -> Any:
    return inner_products(list(map(direction, rows)), list(map(direction, columns)))


def over(temperature: Any, scores: Any) -> Any:
    return [[s / temperature for s in row] for row in scores]


def info_nce(queries: Any, keys: Any, temperature: Any, normalized: Any) -> Any:
    similarity = cosines if normalized else inner_products
    return found(over(temperature, similarity(queries, keys)))


def n_pairs(anchors: Any, positives: Any) -> Any:
    return found(inner_products(anchors, positives))


def clip(first: Any, second: Any, temperature: Any) -> Any:
    scores = over(temperature, cosines(first, second))
    transposed = [list(column) for column in zip(*scores, strict=True)]
    return [(a + b) / 2 for a, b in zip(found(scores), found(transposed), strict=True)]


def siglip(first: Any, second: Any, temperature: Any, bias: Any) -> Any:
    scores = over(temperature, cosines(first, second))
    return [
        -fsum(log(sigmoid(s + bias if i == j else -s - bias)) for j, s in enumerate(row))
        for i, row in enumerate(scores)
    ]


def pairs(embeddings: Any, labels: Any) -> Any:
    """For each anchor the cosines with the others of its group, and with those of other groups."""
    scores = cosines(embeddings, embeddings)
    result = []
    for i, row in enumerate(scores):
        positive = [s for j, s in enumerate(row) if j != i and labels[j] == labels[i]]
        negative = [s for j, s in enumerate(row) if labels[j] != labels[i]]
        result.append((positive, negative))
    return result


def nt_xent(embeddings: Any, labels: Any, temperature: Any) -> Any:
    losses = []
    for positive, negative in pairs(embeddings, labels):
        rivals = fsum(exp(s / temperature) for s in negative)
        each = [-log(exp(s / temperature) / (exp(s / temperature) + rivals)) for s in positive]
        losses.append(fsum(each) / len(each) if each else 0)
    return losses


def supervised_contrastive(embeddings: Any, labels: Any, temperature: Any) -> Any:
    losses = []
    for positive, negative in pairs(embeddings, labels):
        total = fsum(exp(s / temperature) for s in positive + negative)
        each = [-log(exp(s / temperature) / total) for s in positive]
        losses.append(fsum(each) / len(each) if each else 0)
    return losses


def circle(embeddings: Any, labels: Any, margin: Any, gamma: Any) -> Any:
    losses = []
    for positive, negative in pairs(embeddings, labels):
        near = [exp(-gamma * constant(max(0, 1 + margin - s)) * (s - 1 + margin)) for s in positive]
        far = [exp(gamma * constant(max(0, s + margin)) * (s - margin)) for s in negative]
        losses.append(log(1 + fsum(near) * fsum(far)))
    return losses


def multi_similarity(embeddings: Any, labels: Any, alpha: Any, beta: Any, base: Any) -> Any:
    return [
        log(1 + fsum(exp(-alpha * (s - base)) for s in positive)) / alpha
        + log(1 + fsum(exp(beta * (s - base)) for s in negative)) / beta
        for positive, negative in pairs(embeddings, labels)
    ]
