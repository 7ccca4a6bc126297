"""Definitions of the classification losses."""

from typing import Any

from mpmath import acos, cos, exp, floor, fsum, inf, log, pi

from lossspec.definitions.common import cosine, inner, mixture, norm, sigmoid, softmax


def cross_entropy(logits: Any, labels: Any, label_smoothing: Any) -> Any:
    classes = range(len(logits))
    if isinstance(labels, int) and labels not in classes:
        return None
    target = labels if isinstance(labels, list) else [int(c == labels) for c in classes]
    smooth = [(1 - label_smoothing) * target[c] + label_smoothing / len(logits) for c in classes]
    p = softmax(logits)
    return -fsum(smooth[c] * log(p[c]) for c in classes if smooth[c] != 0)


def binary_cross_entropy_with_logits(logits: Any, targets: Any, pos_weight: Any) -> Any:
    return -pos_weight * targets * log(sigmoid(logits)) - (1 - targets) * log(sigmoid(-logits))


def perplexity(logits: Any, labels: Any, reduce: Any) -> Any:
    def likelihood(z: Any, y: Any) -> Any:
        p = softmax(z)
        return mixture(y, lambda c: -log(p[c]))

    return exp(reduce([likelihood(z, y) for z, y in zip(logits, labels, strict=True)]))


def _shares(labels: Any, classes: int) -> Any:
    """The distribution of the label: as given, or one-hot."""
    return labels if isinstance(labels, list) else [int(c == labels) for c in range(classes)]


def focal(logits: Any, labels: Any, gamma: Any, alpha: Any) -> Any:
    p = softmax(logits)
    balance = alpha if isinstance(alpha, list) else [1 if alpha is None else alpha] * len(p)
    return mixture(labels, lambda c: -balance[c] * (1 - p[c]) ** gamma * log(p[c]))


def sigmoid_focal(logits: Any, targets: Any, gamma: Any, alpha: Any) -> Any:
    p = sigmoid(logits)
    cross_entropy = -targets * log(p) - (1 - targets) * log(sigmoid(-logits))
    balance = 1 if alpha is None else targets * alpha + (1 - targets) * (1 - alpha)
    return balance * (1 - targets * p - (1 - targets) * (1 - p)) ** gamma * cross_entropy


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


def exponential(logits: Any, targets: Any) -> Any:
    return targets * exp(-logits) + (1 - targets) * exp(logits)


def sparsemax(logits: Any, labels: Any) -> Any:
    falling = sorted(logits, reverse=True)
    size = max(k for k in range(1, len(falling) + 1) if 1 + k * falling[k - 1] > fsum(falling[:k]))
    threshold = (fsum(falling[:size]) - 1) / size
    conjugate = fsum(z**2 - threshold**2 for z in falling[:size]) / 2
    shares = zip(_shares(labels, len(logits)), logits, strict=True)
    return conjugate + fsum(y**2 - 2 * y * z for y, z in shares if y != 0) / 2


def binary_sparsemax(logits: Any, targets: Any) -> Any:
    sparse_plus = 0 if logits < -1 else logits if logits > 1 else (logits + 1) ** 2 / 4
    return sparse_plus - targets * logits - targets * (1 - targets)


def z_loss(logits: Any) -> Any:
    return log(fsum(exp(z) for z in logits)) ** 2


def large_margin_softmax(features: Any, labels: Any, weights: Any, margin: Any) -> Any:
    angle = acos(max(-1, min(1, cosine(weights[labels], features))))
    k = min(int(floor(margin * angle / pi)), margin - 1)
    logits = [inner(row, features) for row in weights]
    logits[labels] = norm(weights[labels]) * norm(features) * ((-1) ** k * cos(margin * angle) - 2 * k)
    return -log(softmax(logits)[labels])


def nll(log_probabilities: Any, labels: Any) -> Any:
    return mixture(labels, lambda c: -log_probabilities[c])


def categorical_cross_entropy(probabilities: Any, labels: Any) -> Any:
    share = _shares(labels, len(probabilities))
    return fsum(_surprise(t, p) for t, p in zip(share, probabilities, strict=True))


def _surprise(weight: Any, probability: Any) -> Any:
    """-weight * log(probability), with 0 log 0 = 0."""
    if weight == 0:
        return 0
    return inf if probability == 0 else -weight * log(probability)


def binary_cross_entropy(probabilities: Any, targets: Any) -> Any:
    return _surprise(targets, probabilities) + _surprise(1 - targets, 1 - probabilities)


def generalized_cross_entropy(probabilities: Any, labels: Any, q: Any) -> Any:
    return mixture(labels, lambda c: (1 - probabilities[c] ** q) / q)


def brier(probabilities: Any, labels: Any, scale_by_half: Any) -> Any:
    share = _shares(labels, len(probabilities))
    total = fsum((p - t) ** 2 for p, t in zip(probabilities, share, strict=True))
    return total / 2 if scale_by_half else total


def binary_brier(probabilities: Any, targets: Any) -> Any:
    return (probabilities - targets) ** 2


def adaptive_log_softmax(features: Any, labels: Any, head: Any, projections: Any, tails: Any) -> Any:
    entries = softmax([inner(row, features) for row in head])
    first = len(head) - len(tails)
    probabilities = entries[:first]
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        hidden = [inner(row, features) for row in projection]
        own = softmax([inner(row, hidden) for row in tail])
        probabilities += [entries[first + cluster] * p for p in own]
    return -log(probabilities[labels])
