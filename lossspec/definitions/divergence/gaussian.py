"""Definitions of divergences of Gaussians of independent entries."""

from typing import Any

from mpmath import exp, fsum


def gaussian_kl_standard(means: Any, log_variances: Any) -> Any:
    return fsum(exp(v) - 1 - v + m**2 for m, v in zip(means, log_variances, strict=True)) / 2


def gaussian_kl(means: Any, log_variances: Any, target_means: Any, target_log_variances: Any) -> Any:
    entries = zip(means, log_variances, target_means, target_log_variances, strict=True)
    return fsum(w - v + (exp(v) + (m - n) ** 2) / exp(w) - 1 for m, v, n, w in entries) / 2
