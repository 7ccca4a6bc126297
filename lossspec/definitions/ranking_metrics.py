"""Definitions of the losses that follow NDCG."""

from typing import Any

from mpmath import exp, fsum, log, mpf

from lossspec.definitions.common import constant, inner, sigmoid, softmax


def gain(label: Any) -> Any:
    return mpf(2) ** label - 1


def discount(rank: Any) -> Any:
    return log(2) / log(1 + rank)


def ideal(labels: Any) -> Any:
    """The greatest gain of an order, 1 where nothing is relevant."""
    return fsum(gain(y) * discount(k) for k, y in enumerate(sorted(labels, reverse=True), 1)) or 1


def lambda_rank(scores: Any, labels: Any, weighting: Any) -> Any:
    items = range(len(scores))
    order = sorted(items, key=lambda i: -scores[i])
    labels, ranks = [constant(y) for y in labels], [constant(order.index(i) + 1) for i in items]

    def weight(i: Any, j: Any) -> Any:
        apart = abs(ranks[i] - ranks[j])
        swapped = discount(ranks[i]) - discount(ranks[j])
        if weighting == "ndcg_loss2":
            swapped = discount(apart) - discount(apart + 1)
        return abs(gain(labels[i]) - gain(labels[j])) * abs(swapped) / ideal(labels)

    pairs = [(i, j) for i in items for j in items if labels[i] > labels[j]]
    return fsum(weight(i, j) * log(1 + exp(scores[j] - scores[i])) for i, j in pairs)


def approx_ndcg(scores: Any, labels: Any, temperature: Any) -> Any:
    labels = [constant(y) for y in labels]

    def rank(i: Any) -> Any:
        return 1 + fsum(sigmoid((s - scores[i]) / temperature) for j, s in enumerate(scores) if j != i)

    return -fsum(gain(y) * discount(rank(i)) for i, y in enumerate(labels)) / ideal(labels)


def neural_ndcg(scores: Any, labels: Any, temperature: Any, iterations: Any, cutoff: Any, gain: Any) -> Any:
    labels = [constant(y) for y in labels]
    gains = labels if gain == "linear" else [mpf(2) ** y - 1 for y in labels]
    n = len(scores)
    apart = [sum(abs(s - t) for t in scores) for s in scores]

    def shares(k: Any) -> Any:
        return softmax([((n + 1 - 2 * k) * s - d) / temperature for s, d in zip(scores, apart, strict=True)])

    matrix = [shares(k) for k in range(1, n + 1)]
    for _ in range(iterations):
        sums = [sum(column) for column in zip(*matrix, strict=True)]
        matrix = [[p / total for p, total in zip(row, sums, strict=True)] for row in matrix]
        sums = [sum(row) for row in matrix]
        matrix = [[p / total for p in row] for row, total in zip(matrix, sums, strict=True)]
    discounts = [discount(k) for k in range(1, n + 1)][:cutoff]
    best = inner(discounts, sorted(gains, reverse=True)[:cutoff])
    return -inner(discounts, [inner(row, gains) for row in matrix[:cutoff]]) / (best or 1)
