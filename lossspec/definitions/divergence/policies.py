"""Definitions of divergences of policies, over all actions of a state or of sampled actions."""

from typing import Any

from mpmath import exp, log

from lossspec.definitions.common import divergence, softmax


def policy_kl_divergence(logits: Any, old_logits: Any, direction: Any) -> Any:
    new, old = softmax(logits), softmax(old_logits)
    return divergence(old, new) if direction == "forward" else divergence(new, old)


def policy_kl_estimate(log_probabilities: Any, reference_log_probabilities: Any, estimator: Any) -> Any:
    ratio = exp(reference_log_probabilities - log_probabilities)
    return {"k1": -log(ratio), "k2": log(ratio) ** 2 / 2, "k3": ratio - 1 - log(ratio)}[estimator]
