"""Definitions of the losses of policies."""

from typing import Any

from mpmath import exp, fsum, inf, log

from lossspec.definitions.common import constant, softmax


def policy_gradient(log_probabilities: Any, advantages: Any) -> Any:
    return -advantages * log_probabilities


def clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def ppo_clip(log_probabilities: Any, old_log_probabilities: Any, advantages: Any, clip_low: Any, clip_high: Any) -> Any:
    ratio = exp(log_probabilities) / exp(old_log_probabilities)
    return -min(ratio * advantages, clip(ratio, 1 - clip_low, 1 + clip_high) * advantages)


def ppo_dual_clip(
    log_probabilities: Any, old_log_probabilities: Any, advantages: Any, clip_low: Any, clip_high: Any, dual_clip: Any
) -> Any:
    surrogate = ppo_clip(log_probabilities, old_log_probabilities, advantages, clip_low, clip_high)
    return min(surrogate, -dual_clip * advantages) if advantages < 0 else surrogate


def grpo(
    log_probabilities: Any,
    old_log_probabilities: Any,
    reference_log_probabilities: Any,
    advantages: Any,
    beta: Any,
    clip_low: Any,
    clip_high: Any,
) -> Any:
    surrogate = ppo_clip(log_probabilities, old_log_probabilities, advantages, clip_low, clip_high)
    ratio = exp(reference_log_probabilities) / exp(log_probabilities)
    return surrogate + beta * (ratio - log(ratio) - 1)


def ppo_value_clip(values: Any, old_values: Any, returns: Any, clip: Any) -> Any:
    clipped = old_values + min(max(values - old_values, -clip), clip)
    return max((values - returns) ** 2, (clipped - returns) ** 2) / 2


def entropy_bonus(logits: Any) -> Any:
    return fsum(p * log(p) for p in softmax(logits) if p != 0)


def kl_penalty(policy_logits: Any, reference_logits: Any, beta: Any, under: Any) -> Any:
    p, q = softmax(policy_logits), softmax(reference_logits)
    if under == "reference":
        p, q = q, p
    return beta * fsum(a * (log(a) - log(b)) if b != 0 else inf for a, b in zip(p, q, strict=True) if a != 0)


def cispo(log_probabilities: Any, old_log_probabilities: Any, advantages: Any, clip_low: Any, clip_high: Any) -> Any:
    weight = constant(clip(exp(log_probabilities) / exp(old_log_probabilities), 1 - clip_low, 1 + clip_high))
    return -weight * advantages * log_probabilities
