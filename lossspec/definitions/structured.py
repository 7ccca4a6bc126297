"""Definitions of the losses over a set of candidates."""

from typing import Any

from mpmath import exp, fsum, inf, log

from lossspec.definitions.common import inner, softmax


def plus(scores: Any, costs: Any) -> Any:
    return [s + c for s, c in zip(scores, costs, strict=True)]


def minus(scores: Any, costs: Any) -> Any:
    return [s - c for s, c in zip(scores, costs, strict=True)]


def log_sum(scores: Any) -> Any:
    return log(fsum(exp(s) for s in scores))


def structured_hinge(scores: Any, labels: Any, costs: Any) -> Any:
    return max(plus(scores, costs)) - scores[labels]


def softmax_margin(scores: Any, labels: Any, costs: Any) -> Any:
    return log_sum(plus(scores, costs)) - scores[labels]


def risk(scores: Any, costs: Any) -> Any:
    return inner(softmax(scores), costs)


def mwer(scores: Any, costs: Any) -> Any:
    listed = [c for s, c in zip(scores, costs, strict=True) if s != -inf]
    mean = fsum(listed) / len(listed)
    return risk(scores, [c - mean for c in costs])


def ramp(scores: Any, costs: Any, variant: Any) -> Any:
    fear, model, hope = max(plus(scores, costs)), max(scores), max(minus(scores, costs))
    return {1: fear - model, 2: model - hope, 3: fear - hope}[variant]


def soft_ramp(scores: Any, costs: Any, variant: Any) -> Any:
    fear, model, hope = log_sum(plus(scores, costs)), log_sum(scores), log_sum(minus(scores, costs))
    return {1: fear - model, 2: model - hope, 3: fear - hope}[variant]


def infinite_ramp(scores: Any, costs: Any) -> Any:
    least = min(c for s, c in zip(scores, costs, strict=True) if s != -inf)
    return max(plus(scores, costs)) - max(s for s, c in zip(scores, costs, strict=True) if c == least)
