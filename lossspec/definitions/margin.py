"""Definitions of the margin losses."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import sigmoid


def others(values: Any, own: Any) -> Any:
    return [value for c, value in enumerate(values) if c != own]


def soft_margin(logits: Any, labels: Any) -> Any:
    return log(1 + exp(-labels * logits))


def hinge(logits: Any, labels: Any) -> Any:
    return max(0, 1 - labels * logits)


def squared_hinge(logits: Any, labels: Any) -> Any:
    return max(0, 1 - labels * logits) ** 2


def modified_huber(logits: Any, labels: Any) -> Any:
    margin = labels * logits
    return max(0, 1 - margin) ** 2 if margin >= -1 else -4 * margin


def perceptron(logits: Any, labels: Any) -> Any:
    return max(0, -labels * logits)


def multiclass_perceptron(logits: Any, labels: Any) -> Any:
    return max(logits) - logits[labels]


def multiclass_hinge(logits: Any, labels: Any) -> Any:
    return max([0] + [1 + z - logits[labels] for z in others(logits, labels)])


def categorical_hinge(logits: Any, labels: Any) -> Any:
    classes = range(len(logits))
    target = labels if isinstance(labels, list) else [int(c == labels) for c in classes]
    own = fsum(target[c] * logits[c] for c in classes)
    rival = max((1 - target[c]) * logits[c] for c in classes)
    return max(0, 1 + rival - own)


def multi_margin(logits: Any, labels: Any, p: Any, margin: Any) -> Any:
    excesses = [max(0, margin - logits[labels] + z) for z in others(logits, labels)]
    return fsum(excess**p for excess in excesses) / len(logits)


def multilabel_margin(logits: Any, targets: Any) -> Any:
    chosen = [z for z, target in zip(logits, targets, strict=True) if target == 1]
    rest = [z for z, target in zip(logits, targets, strict=True) if target == 0]
    return fsum(max(0, 1 - (z - other)) for z in chosen for other in rest) / len(logits)


def multilabel_soft_margin(logits: Any, targets: Any, label_weights: Any) -> Any:
    weights = label_weights if label_weights is not None else [1] * len(logits)
    losses = [
        -weight * (t * log(sigmoid(z)) + (1 - t) * log(sigmoid(-z)))
        for z, t, weight in zip(logits, targets, weights, strict=True)
    ]
    return fsum(losses) / len(losses)


def hinge_embedding(distances: Any, labels: Any, margin: Any) -> Any:
    return distances if labels == 1 else max(0, margin - distances)


def margin_ranking(first: Any, second: Any, labels: Any, margin: Any) -> Any:
    return max(0, margin - labels * (first - second))
