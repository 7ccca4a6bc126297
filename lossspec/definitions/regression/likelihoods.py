"""Definitions of negative log-likelihoods and deviances of a target under a predicted distribution."""

from typing import Any

from mpmath import exp, inf, log, loggamma, pi


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
