"""Definitions of the losses of labels under the logits of classes."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.classification._labels import _shares
from lossspec.definitions.common import mixture, softmax


def cross_entropy(logits: Any, labels: Any, label_smoothing: Any) -> Any:
    classes = range(len(logits))
    if isinstance(labels, int) and labels not in classes:
        return None
    target = labels if isinstance(labels, list) else [int(c == labels) for c in classes]
    smooth = [(1 - label_smoothing) * target[c] + label_smoothing / len(logits) for c in classes]
    p = softmax(logits)
    return -fsum(smooth[c] * log(p[c]) for c in classes if smooth[c] != 0)


def perplexity(logits: Any, labels: Any, reduce: Any) -> Any:
    def likelihood(z: Any, y: Any) -> Any:
        p = softmax(z)
        return mixture(y, lambda c: -log(p[c]))

    return exp(reduce([likelihood(z, y) for z, y in zip(logits, labels, strict=True)]))


def focal(logits: Any, labels: Any, gamma: Any, alpha: Any) -> Any:
    p = softmax(logits)
    balance = alpha if isinstance(alpha, list) else [1 if alpha is None else alpha] * len(p)
    return mixture(labels, lambda c: -balance[c] * (1 - p[c]) ** gamma * log(p[c]))


def poly1_cross_entropy(logits: Any, labels: Any, epsilon: Any) -> Any:
    p, share = softmax(logits), _shares(labels, len(logits))
    return fsum(share[c] * (-log(p[c]) + epsilon * (1 - p[c])) for c in range(len(p)) if share[c] != 0)


def generalized_cross_entropy_with_logits(logits: Any, labels: Any, q: Any) -> Any:
    p = softmax(logits)
    return mixture(labels, lambda c: (1 - p[c] ** q) / q)


def rescaled_square(predictions: Any, labels: Any, k: Any, m: Any) -> Any:
    incorrect = [f for c, f in enumerate(predictions) if c != labels]
    return (k * (predictions[labels] - m) ** 2 + fsum(f**2 for f in incorrect)) / len(predictions)


def squentropy(logits: Any, labels: Any) -> Any:
    def of_class(label: int) -> Any:
        incorrect = [f for c, f in enumerate(logits) if c != label]
        mean = fsum(f**2 for f in incorrect) / len(incorrect) if incorrect else 0
        return -log(softmax(logits)[label]) + mean

    return mixture(labels, of_class)


def sparsemax(logits: Any, labels: Any) -> Any:
    falling = sorted(logits, reverse=True)
    size = max(k for k in range(1, len(falling) + 1) if 1 + k * falling[k - 1] > fsum(falling[:k]))
    threshold = (fsum(falling[:size]) - 1) / size
    conjugate = fsum(z**2 - threshold**2 for z in falling[:size]) / 2
    shares = zip(_shares(labels, len(logits)), logits, strict=True)
    return conjugate + fsum(y**2 - 2 * y * z for y, z in shares if y != 0) / 2


def z_loss(logits: Any) -> Any:
    return log(fsum(exp(z) for z in logits)) ** 2
