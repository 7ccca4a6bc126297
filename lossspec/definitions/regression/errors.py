"""Definitions of errors of a prediction: differences, ratios and angles between it and its target."""

from typing import Any

from mpmath import log, sqrt

from lossspec.definitions.common import cosine


def squared_error(predictions: Any, targets: Any) -> Any:
    return (predictions - targets) ** 2


def half_squared_error(predictions: Any, targets: Any) -> Any:
    return (predictions - targets) ** 2 / 2


def absolute_error(predictions: Any, targets: Any) -> Any:
    return abs(predictions - targets)


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


def cosine_distance(predictions: Any, targets: Any, form: Any) -> Any:
    angle = cosine(predictions, targets)
    return {"distance": 1 - angle, "similarity": angle, "negative": -angle}[form]


def root_mean_squared_error(predictions: Any, targets: Any, reduce: Any) -> Any:
    return sqrt(reduce([(x - y) ** 2 for x, y in zip(predictions, targets, strict=True)]))


def symmetric_absolute_percentage_error(predictions: Any, targets: Any, percent: bool) -> Any:
    total = abs(predictions) + abs(targets)
    return (200 if percent else 2) * abs(predictions - targets) / total if total else total
