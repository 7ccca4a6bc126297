"""Definitions of the losses of policies that weigh actions smoothly."""

from typing import Any

from mpmath import exp

from lossspec.definitions.common import constant, sigmoid


def advantage_weighted_regression(log_probabilities: Any, advantages: Any, beta: Any, max_weight: Any) -> Any:
    return -constant(min(exp(advantages / beta), max_weight)) * log_probabilities


def sapo(
    log_probabilities: Any, old_log_probabilities: Any, advantages: Any, temperature: Any, negative_temperature: Any
) -> Any:
    tau = temperature if advantages > 0 else negative_temperature
    place = tau * (exp(log_probabilities) / exp(old_log_probabilities) - 1)
    gate = sigmoid(place) if place < 10**4 else 1  # exp(-10**4) is 0 in any dtype
    return -4 / tau * gate * advantages
