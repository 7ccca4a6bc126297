"""Definitions of the regression losses."""

from typing import Any

from mpmath import sqrt


def squared_error(predictions: Any, targets: Any) -> Any:
    return (predictions - targets) ** 2


def huber(predictions: Any, targets: Any, delta: Any) -> Any:
    distance = abs(predictions - targets)
    return distance**2 / 2 if distance <= delta else delta * (distance - delta / 2)


def root_mean_squared_error(predictions: Any, targets: Any, reduce: Any) -> Any:
    return sqrt(reduce([(x - y) ** 2 for x, y in zip(predictions, targets, strict=True)]))
