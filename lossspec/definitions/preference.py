"""Definitions of the preference losses."""

from typing import Any

from mpmath import exp, inf, log

from lossspec.definitions.common import divergence, sigmoid


def gap(policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any) -> Any:
    return (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)


def dpo(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    label_smoothing: Any,
) -> Any:
    z = beta * gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    return -(1 - label_smoothing) * log(sigmoid(z)) - label_smoothing * log(sigmoid(-z))


def robust_dpo(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    flip_probability: Any,
) -> Any:
    z = beta * gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    right, wrong = -log(sigmoid(z)), -log(sigmoid(-z))
    return ((1 - flip_probability) * right - flip_probability * wrong) / (1 - 2 * flip_probability)


def ipo(policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any) -> Any:
    return (gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected) - 1 / (2 * beta)) ** 2


def slic_hinge(
    policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any
) -> Any:
    return max(0, 1 - beta * gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected))


def kto(
    policy: Any,
    reference: Any,
    labels: Any,
    reference_point: Any,
    beta: Any,
    desirable_weight: Any,
    undesirable_weight: Any,
) -> Any:
    reward = policy - reference
    if labels == 1:
        return desirable_weight - desirable_weight * sigmoid(beta * (reward - reference_point))
    if labels == -1:
        return undesirable_weight - undesirable_weight * sigmoid(beta * (reference_point - reward))
    return None


def bco(policy: Any, reference: Any, labels: Any, reward_shift: Any, beta: Any) -> Any:
    if labels not in (1, -1):
        return None
    return -log(sigmoid(labels * (beta * (policy - reference) - reward_shift)))


def nca(policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any) -> Any:
    chosen, rejected = beta * (policy_chosen - reference_chosen), beta * (policy_rejected - reference_rejected)
    return -log(sigmoid(chosen)) - (log(sigmoid(-chosen)) + log(sigmoid(-rejected))) / 2


def sppo(policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any) -> Any:
    eta = 1 / beta
    return (policy_chosen - reference_chosen - eta / 2) ** 2 + (policy_rejected - reference_rejected + eta / 2) ** 2


def apo_zero(
    policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any
) -> Any:
    chosen, rejected = beta * (policy_chosen - reference_chosen), beta * (policy_rejected - reference_rejected)
    return 1 - sigmoid(chosen) + sigmoid(rejected)


def exo_pair(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    label_smoothing: Any,
) -> Any:
    z = beta * gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    return divergence([sigmoid(z), sigmoid(-z)], [1 - label_smoothing, label_smoothing])


def odds(log_probability: Any) -> Any:
    p = exp(log_probability)
    return p / (1 - p) if p != 1 else inf


def orpo(chosen: Any, rejected: Any, beta: Any) -> Any:
    ratio = odds(chosen) / odds(rejected) if chosen != rejected else 1
    return -chosen - beta * log(sigmoid(log(ratio)))


def simpo(chosen: Any, rejected: Any, beta: Any, gamma: Any) -> Any:
    return -log(sigmoid(beta * chosen - beta * rejected - gamma))


def cpo(chosen: Any, rejected: Any, beta: Any, alpha: Any) -> Any:
    return -log(sigmoid(beta * chosen - beta * rejected)) - alpha * chosen


def reward_bradley_terry(chosen: Any, rejected: Any, margin: Any, center_coefficient: Any) -> Any:
    return -log(sigmoid(chosen - rejected - margin)) + center_coefficient * (chosen + rejected) ** 2
