"""Definitions of the losses of yes/no targets, one number each: of logits and of probabilities."""

from typing import Any

from mpmath import exp, log

from lossspec.definitions.classification._labels import _surprise
from lossspec.definitions.common import sigmoid


def binary_cross_entropy_with_logits(logits: Any, targets: Any, pos_weight: Any) -> Any:
    return -pos_weight * targets * log(sigmoid(logits)) - (1 - targets) * log(sigmoid(-logits))


def sigmoid_focal(logits: Any, targets: Any, gamma: Any, alpha: Any) -> Any:
    p = sigmoid(logits)
    cross_entropy = -targets * log(p) - (1 - targets) * log(sigmoid(-logits))
    balance = 1 if alpha is None else targets * alpha + (1 - targets) * (1 - alpha)
    return balance * (1 - targets * p - (1 - targets) * (1 - p)) ** gamma * cross_entropy


def exponential(logits: Any, targets: Any) -> Any:
    return targets * exp(-logits) + (1 - targets) * exp(logits)


def binary_sparsemax(logits: Any, targets: Any) -> Any:
    sparse_plus = 0 if logits < -1 else logits if logits > 1 else (logits + 1) ** 2 / 4
    return sparse_plus - targets * logits - targets * (1 - targets)


def binary_cross_entropy(probabilities: Any, targets: Any) -> Any:
    return _surprise(targets, probabilities) + _surprise(1 - targets, 1 - probabilities)


def binary_brier(probabilities: Any, targets: Any) -> Any:
    return (probabilities - targets) ** 2
