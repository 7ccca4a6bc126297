"""Definitions of errors of a prediction that grow slowly, or not at all, where the target is an outlier."""

from typing import Any

from mpmath import cosh, exp, inf, log, sqrt


def huber(predictions: Any, targets: Any, delta: Any) -> Any:
    distance = abs(predictions - targets)
    return distance**2 / 2 if distance <= delta else delta * (distance - delta / 2)


def smooth_l1(predictions: Any, targets: Any, beta: Any) -> Any:
    distance = abs(predictions - targets)
    return distance**2 / (2 * beta) if distance < beta else distance - beta / 2


def pseudo_huber(predictions: Any, targets: Any, delta: Any) -> Any:
    return delta**2 * (sqrt(1 + ((predictions - targets) / delta) ** 2) - 1)


def log_cosh(predictions: Any, targets: Any) -> Any:
    return log(cosh(predictions - targets))


def epsilon_insensitive(predictions: Any, targets: Any, epsilon: Any, squared: bool) -> Any:
    return max(0, abs(predictions - targets) - epsilon) ** (2 if squared else 1)


def fair(predictions: Any, targets: Any, scale: Any) -> Any:
    ratio = abs(predictions - targets) / scale
    return scale**2 * (ratio - log(1 + ratio))


def tukey_biweight(predictions: Any, targets: Any, delta: Any) -> Any:
    ratio = min(abs(predictions - targets) / delta, 1)
    return delta**2 / 6 * (1 - (1 - ratio**2) ** 3)


def general_robust(predictions: Any, targets: Any, alpha: Any, scale: Any) -> Any:
    square = ((predictions - targets) / scale) ** 2
    if alpha == 2:
        return square / 2
    if alpha == 0:
        return log(square / 2 + 1)
    if alpha == -inf:
        return 1 - exp(-square / 2)
    width = abs(alpha - 2)
    return width / alpha * ((square / width + 1) ** (alpha / 2) - 1)


def balanced_l1(predictions: Any, targets: Any, alpha: Any, gamma: Any, beta: Any) -> Any:
    d, b = abs(predictions - targets), exp(gamma / alpha) - 1
    if d < beta:
        return alpha / b * (b * d + 1) * log(b * d / beta + 1) - alpha * d
    return gamma * d + gamma / b - alpha * beta
