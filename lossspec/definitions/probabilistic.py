"""Definitions of the scores of a predicted distribution."""

from typing import Any

from mpmath import exp, fprod, fsum, log, loggamma, mpf, ncdf, pi, sqrt

from lossspec.definitions.common import constant, distance, sigmoid, softmax


def gaussian_crps(predictions: Any, targets: Any, scales: Any) -> Any:
    z = (targets - predictions) / scales
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return scales * (z * (2 * ncdf(z) - 1) + 2 * density - 1 / sqrt(pi))


def ensemble_crps(predictions: Any, targets: Any, fair: bool) -> Any:
    count = len(predictions)
    spread = fsum(abs(x - y) for x in predictions for y in predictions)
    pairs = count * (count - 1) if fair else count**2
    return fsum(abs(x - targets) for x in predictions) / count - (spread / (2 * pairs) if pairs else 0)


def interval_score(lower: Any, upper: Any, targets: Any, alpha: Any) -> Any:
    return upper - lower + 2 / alpha * (max(lower - targets, 0) + max(targets - upper, 0))


def quantile_huber(predictions: Any, targets: Any, level: Any, delta: Any) -> Any:
    u = targets - predictions
    huber = u**2 / 2 if abs(u) <= delta else delta * (abs(u) - delta / 2)
    return abs(level - (1 if u < 0 else 0)) * huber / delta


def negative_binomial_nll(predictions: Any, targets: Any, sizes: Any) -> Any:
    total = predictions + sizes
    normalizer = loggamma(sizes) - loggamma(targets + sizes)
    return normalizer - sizes * log(sizes / total) - targets * log(predictions / total)


def zero_inflated_negative_binomial_nll(predictions: Any, targets: Any, sizes: Any, zero_logits: Any) -> Any:
    counted, other = negative_binomial_nll(predictions, targets, sizes), sigmoid(-zero_logits)
    return -log(sigmoid(zero_logits) + other * exp(-counted)) if targets == 0 else counted - log(other)


def student_t_nll(predictions: Any, targets: Any, scales: Any, degrees: Any) -> Any:
    z = (targets - predictions) / scales
    normalizer = loggamma(degrees / 2) - loggamma((degrees + 1) / 2) + log(degrees * pi) / 2
    return normalizer + log(scales) + (degrees + 1) / 2 * log(1 + z**2 / degrees)


def beta_nll(predictions: Any, targets: Any, variances: Any, beta: Any) -> Any:
    return constant(variances) ** beta * (log(variances) + (predictions - targets) ** 2 / variances) / 2


def energy_score(predictions: Any, targets: Any) -> Any:
    count = len(predictions)
    spread = fsum(distance(x, y) for x in predictions for y in predictions)
    return fsum(distance(x, targets) for x in predictions) / count - spread / (2 * count**2)


def evidential_regression(
    predictions: Any, targets: Any, evidence: Any, shapes: Any, scales: Any, coefficient: Any
) -> Any:
    omega = 2 * scales * (1 + evidence)
    error = targets - predictions
    likelihood = (
        log(pi / evidence) / 2
        - shapes * log(omega)
        + (shapes + mpf(1) / 2) * log(error**2 * evidence + omega)
        + loggamma(shapes)
        - loggamma(shapes + mpf(1) / 2)
    )
    return likelihood + coefficient * abs(error) * (2 * evidence + shapes)


def gaussian_mixture_nll(logits: Any, means: Any, scales: Any, targets: Any) -> Any:
    def density(y: Any, mean: Any, scale: Any) -> Any:
        return exp(-(((y - mean) / scale) ** 2) / 2) / (scale * sqrt(2 * pi))

    weights = softmax(logits)
    return -log(
        fsum(
            weight * fprod(density(*entry) for entry in zip(targets, mean, scale, strict=True))
            for weight, mean, scale in zip(weights, means, scales, strict=True)
        )
    )


def gaussian_nll_with_log_variances(predictions: Any, targets: Any, log_variances: Any, full: bool) -> Any:
    value = (log_variances + (predictions - targets) ** 2 * exp(-log_variances)) / 2
    return value + log(2 * pi) / 2 if full else value
