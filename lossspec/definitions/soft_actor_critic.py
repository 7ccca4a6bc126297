"""Definitions of the losses of soft actor-critic."""

from typing import Any


def sac_actor(log_probabilities: Any, values: Any, temperature: Any) -> Any:
    return temperature * log_probabilities - min(values)


def sac_temperature(log_probabilities: Any, temperatures: Any, target_entropy: Any) -> Any:
    return -temperatures * (log_probabilities + target_entropy)


def sac_critic(
    values: Any, rewards: Any, discounts: Any, next_values: Any, next_log_probabilities: Any, temperature: Any
) -> Any:
    target = rewards + discounts * (min(next_values) - temperature * next_log_probabilities)
    return (values - target) ** 2 / 2
