"""Definitions of the regression losses."""

from typing import Any

from mpmath import cosh, exp, inf, log, loggamma, pi, sqrt

from lossspec.definitions.common import cosine


def squared_error(predictions: Any, targets: Any) -> Any:
    return (predictions - targets) ** 2


def half_squared_error(predictions: Any, targets: Any) -> Any:
    return (predictions - targets) ** 2 / 2


def absolute_error(predictions: Any, targets: Any) -> Any:
    return abs(predictions - targets)


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


def quantile(predictions: Any, targets: Any, level: Any) -> Any:
    below = targets - predictions
    return max(level * below, (level - 1) * below)


def expectile(predictions: Any, targets: Any, level: Any) -> Any:
    below = targets - predictions
    return abs(level - (1 if below < 0 else 0)) * below**2


def squared_log_error(predictions: Any, targets: Any) -> Any:
    return (log(1 + predictions) - log(1 + targets)) ** 2


def absolute_percentage_error(predictions: Any, targets: Any, epsilon: Any, percent: bool) -> Any:
    return (100 if percent else 1) * abs(predictions - targets) / max(abs(targets), epsilon)


def epsilon_insensitive(predictions: Any, targets: Any, epsilon: Any, squared: bool) -> Any:
    return max(0, abs(predictions - targets) - epsilon) ** (2 if squared else 1)


def cosine_distance(predictions: Any, targets: Any) -> Any:
    return 1 - cosine(predictions, targets)


def cosine_similarity(predictions: Any, targets: Any, negative: bool) -> Any:
    return (-1 if negative else 1) * cosine(predictions, targets)


def poisson_nll(predictions: Any, targets: Any, log_input: bool, full: bool) -> Any:
    mean = exp(predictions) if log_input else predictions
    constant = loggamma(targets + 1) if full else 0
    if mean == 0:
        return constant if targets == 0 else inf
    return mean - targets * log(mean) + constant


def gaussian_nll(predictions: Any, targets: Any, variances: Any, full: bool) -> Any:
    return (log(variances) + (predictions - targets) ** 2 / variances + (log(2 * pi) if full else 0)) / 2


def laplace_nll(predictions: Any, targets: Any, scales: Any) -> Any:
    return abs(predictions - targets) / scales + log(2 * scales)


def half_gamma(predictions: Any, targets: Any) -> Any:
    mean = exp(predictions)
    return log(mean) + targets / mean


def half_tweedie(predictions: Any, targets: Any, power: Any) -> Any:
    mean = exp(predictions)
    of_mean = log(mean) if power == 2 else mean ** (2 - power) / (2 - power)
    return of_mean - targets * (log(mean) if power == 1 else mean ** (1 - power) / (1 - power))


def half_tweedie_identity(predictions: Any, targets: Any, power: Any) -> Any:
    if targets == 0:
        return predictions ** (2 - power) / (2 - power) if power < 2 else inf
    if targets < 0 and power != 0:
        return predictions ** (2 - power) / (2 - power) - targets * predictions ** (1 - power) / (1 - power)
    if power == 1:
        return targets * log(targets / predictions) - targets + predictions
    if power == 2:
        return log(predictions / targets) + targets / predictions - 1
    return (
        targets ** (2 - power) / ((1 - power) * (2 - power))
        - targets * predictions ** (1 - power) / (1 - power)
        + predictions ** (2 - power) / (2 - power)
    )


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


def root_mean_squared_error(predictions: Any, targets: Any, reduce: Any) -> Any:
    return sqrt(reduce([(x - y) ** 2 for x, y in zip(predictions, targets, strict=True)]))
