"""Definitions of the Lovasz extension of the Jaccard loss, for binary and for multi-class images."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import flat, softmax
from lossspec.definitions.segmentation._regions import mean, pixels


def lovasz(errors: Any, truth: Any) -> Any:
    """The Lovasz extension of one minus the Jaccard index of the pixels of one class, at these errors."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    positives = sum(truth)

    def missed(wrong: Any) -> Any:
        both = positives - sum(truth[i] for i in wrong)
        either = positives + sum(1 - truth[i] for i in wrong)
        return 1 - fsum([both]) / either if either else 0

    steps = [missed(order[: k + 1]) - missed(order[:k]) for k in range(len(order))]
    return fsum(errors[i] * step for i, step in zip(order, steps, strict=True))


def lovasz_hinge(logits: Any, targets: Any) -> Any:
    truth = [int(y) for y in flat(targets)]
    errors = [1 - z * (2 * y - 1) for z, y in zip(flat(logits), truth, strict=True)]
    return lovasz([max(error, 0 * error) for error in errors], truth)


def lovasz_softmax(logits: Any, labels: Any, averaged: Any) -> Any:
    count, truth = len(logits), flat(labels)
    rows = [softmax(row) for row in pixels(logits, count)]
    chosen = [c for c in range(count) if averaged == "all" or c in truth]
    losses = []
    for c in chosen:
        own = [int(y == c) for y in truth]
        losses.append(lovasz([abs(y - row[c]) for row, y in zip(rows, own, strict=True)], own))
    return mean(losses)
