"""Definitions of the losses of the scores of boxes and of the distributions of their edges."""

from typing import Any

from mpmath import floor, log

from lossspec.definitions.common import sigmoid, softmax


def cross_entropy(logits: Any, targets: Any) -> Any:
    return -targets * log(sigmoid(logits)) - (1 - targets) * log(sigmoid(-logits))


def quality_focal(logits: Any, targets: Any, beta: Any) -> Any:
    return abs(targets - sigmoid(logits)) ** beta * cross_entropy(logits, targets)


def varifocal(logits: Any, targets: Any, alpha: Any, gamma: Any) -> Any:
    if targets > 0:
        return targets * cross_entropy(logits, targets)
    return -alpha * sigmoid(logits) ** gamma * log(sigmoid(-logits))


def distribution_focal(logits: Any, targets: Any) -> Any:
    last = len(logits) - 1
    if not 0 <= targets <= last:
        return None
    if targets == last:
        return -log(softmax(logits)[-1])
    left, p = int(floor(targets)), softmax(logits)
    return -(left + 1 - targets) * log(p[left]) - (targets - left) * log(p[left + 1])
