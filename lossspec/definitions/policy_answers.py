"""Definitions of the losses of policies whose unit is a whole answer or a group of answers."""

from typing import Any

from mpmath import exp, fsum

from lossspec.definitions.policy import clip


def gspo(
    log_probabilities: Any, old_log_probabilities: Any, advantages: Any, lengths: Any, clip_low: Any, clip_high: Any
) -> Any:
    if not 0 <= lengths <= len(log_probabilities):
        return None
    ratio = exp(fsum(log_probabilities[:lengths]) / max(lengths, 1))
    old = exp(fsum(old_log_probabilities[:lengths]) / max(lengths, 1))
    return -min(ratio / old * advantages, clip(ratio / old, 1 - clip_low, 1 + clip_high) * advantages)


def luspo(
    log_probabilities: Any, old_log_probabilities: Any, advantages: Any, lengths: Any, clip_low: Any, clip_high: Any
) -> Any:
    each = gspo(log_probabilities, old_log_probabilities, advantages, lengths, clip_low, clip_high)
    return None if each is None else lengths * each


def rloo(log_probabilities: Any, rewards: Any) -> Any:
    k, total = len(rewards), fsum(rewards)
    if k < 2:
        return 0 * total
    advantages = [reward - (total - reward) / (k - 1) for reward in rewards]
    return -fsum(a * logp for a, logp in zip(advantages, log_probabilities, strict=True)) / k
