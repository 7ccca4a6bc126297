"""Definitions of the ranking losses."""

from typing import Any

from mpmath import exp, fsum, log, mpf

from lossspec.definitions.common import sigmoid, softmax


def gaps(scores: Any, labels: Any) -> Any:
    """The score of the better item minus that of the worse one, for all pairs that differ in relevance."""
    items = list(zip(scores, labels, strict=True))
    return [better - worse for better, more in items for worse, less in items if more > less]


def pairwise_logistic(scores: Any, labels: Any) -> Any:
    return fsum(log(1 + exp(-gap)) for gap in gaps(scores, labels))


def pairwise_hinge(scores: Any, labels: Any) -> Any:
    return fsum(max(0, 1 - gap) for gap in gaps(scores, labels))


def listwise_softmax(scores: Any, labels: Any) -> Any:
    return -fsum(y * log(p) for y, p in zip(labels, softmax(scores), strict=True))


def listmle(scores: Any, labels: Any) -> Any:
    order = sorted(range(len(scores)), key=lambda i: -labels[i])
    ranked = [exp(scores[i]) for i in order]
    return -fsum(log(ranked[k] / fsum(ranked[k:])) for k in range(len(ranked)))


def bpr(positive_scores: Any, negative_scores: Any) -> Any:
    return -log(sigmoid(positive_scores - negative_scores))


def unique_softmax(scores: Any, labels: Any) -> Any:
    items = list(zip(scores, labels, strict=True))

    def each(score: Any, label: Any) -> Any:
        return -log(exp(score) / (exp(score) + fsum(exp(s) for s, y in items if y < label)))

    return fsum((mpf(2) ** y - 1) * each(s, y) for s, y in items)


def pairwise_mse(scores: Any, labels: Any) -> Any:
    items = list(zip(scores, labels, strict=True))
    return fsum(((s - t) - (y - z)) ** 2 for s, y in items for t, z in items)
