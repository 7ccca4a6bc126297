"""Definitions of the losses of labels under probabilities, or log-probabilities, of classes."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.classification._labels import _shares, _surprise
from lossspec.definitions.common import mixture


def nll(log_probabilities: Any, labels: Any) -> Any:
    return mixture(labels, lambda c: -log_probabilities[c])


def categorical_cross_entropy(probabilities: Any, labels: Any) -> Any:
    share = _shares(labels, len(probabilities))
    return fsum(_surprise(t, p) for t, p in zip(share, probabilities, strict=True))


def generalized_cross_entropy(probabilities: Any, labels: Any, q: Any) -> Any:
    return mixture(labels, lambda c: (1 - probabilities[c] ** q) / q)


def brier(probabilities: Any, labels: Any, scale_by_half: Any) -> Any:
    share = _shares(labels, len(probabilities))
    total = fsum((p - t) ** 2 for p, t in zip(probabilities, share, strict=True))
    return total / 2 if scale_by_half else total
