"""Definitions of the losses that follow NDCG."""

from typing import Any

from mpmath import exp, fsum, log, mpf

from lossspec.definitions.common import constant, sigmoid


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
