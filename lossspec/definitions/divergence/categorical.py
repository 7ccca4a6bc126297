"""Definitions of divergences of distributions over classes, and of non-negative measures."""

from typing import Any

from mpmath import exp, fsum, inf, log, sqrt

from lossspec.definitions.common import mixture_divergence


def _of_logarithms(log_p: Any, log_q: Any) -> Any:
    return fsum(exp(a) * (a - b) for a, b in zip(log_p, log_q, strict=True) if a != -inf)


def _bregman(p: Any, q: Any) -> Any:
    if p == 0 or q == 0:
        return q if p == 0 else inf
    return p * log(p / q) - p + q


def kl_divergence(log_predictions: Any, targets: Any) -> Any:
    return fsum(t * (log(t) - q) for q, t in zip(log_predictions, targets, strict=True) if t != 0)


def kl_divergence_with_log_targets(log_predictions: Any, log_targets: Any) -> Any:
    return _of_logarithms(log_targets, log_predictions)


def reverse_kl_divergence(log_predictions: Any, log_targets: Any) -> Any:
    return _of_logarithms(log_predictions, log_targets)


def generalized_kl_divergence(log_predictions: Any, targets: Any) -> Any:
    return fsum(_bregman(t, exp(q)) for q, t in zip(log_predictions, targets, strict=True))


def i_divergence(predictions: Any, targets: Any) -> Any:
    return _bregman(targets, predictions)


def jensen_shannon(predictions: Any, targets: Any) -> Any:
    return mixture_divergence(targets, predictions, 0.5)


def generalized_jensen_shannon(log_predictions: Any, log_targets: Any, beta: Any) -> Any:
    return mixture_divergence([exp(t) for t in log_targets], [exp(q) for q in log_predictions], beta)


def total_variation_distance(predictions: Any, targets: Any) -> Any:
    return fsum(abs(q - t) for q, t in zip(predictions, targets, strict=True)) / 2


def squared_hellinger(predictions: Any, targets: Any) -> Any:
    return fsum((sqrt(q) - sqrt(t)) ** 2 for q, t in zip(predictions, targets, strict=True)) / 2


def chi_squared_divergence(predictions: Any, targets: Any) -> Any:
    if any(q == 0 != t for q, t in zip(predictions, targets, strict=True)):
        return inf
    return fsum((t - q) ** 2 / q for q, t in zip(predictions, targets, strict=True) if q != 0)


def renyi_divergence(log_predictions: Any, log_targets: Any, order: Any) -> Any:
    pairs = [(t, q) for q, t in zip(log_predictions, log_targets, strict=True) if t != -inf]
    total = fsum(exp(t) for t, _ in pairs)
    if order == 1:
        return fsum(exp(t) * (t - q) for t, q in pairs) / total
    if order > 1 and any(q == -inf for _, q in pairs):
        return inf
    terms = [exp(order * t + (1 - order) * q) for t, q in pairs if q != -inf]
    return log(fsum(terms) / total) / (order - 1) if terms else inf
