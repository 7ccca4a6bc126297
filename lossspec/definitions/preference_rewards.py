"""Definitions of the losses of the rewards that a policy implies."""

from typing import Any

from mpmath import exp, log

from lossspec.definitions.common import sigmoid
from lossspec.definitions.preference import dpo, gap


def apo_down(
    policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any
) -> Any:
    chosen, rejected = beta * (policy_chosen - reference_chosen), beta * (policy_rejected - reference_rejected)
    return sigmoid(chosen) + 1 - sigmoid(chosen - rejected)


def discopop(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    temperature: Any,
) -> Any:
    z = beta * gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    modulation = sigmoid(z / temperature)
    return (1 - modulation) * -log(sigmoid(z)) + modulation * exp(-z)


def alpha_po(chosen: Any, rejected: Any, beta: Any, alpha: Any, gamma: Any) -> Any:
    def reward(x: Any) -> Any:
        return (1 - exp(-alpha * x)) / alpha if alpha else x

    z = beta * (reward(chosen) - reward(rejected)) - gamma
    if abs(z) > 10**4:  # exp(-10**4) is 0 in any dtype
        return max(0, -z)
    return -log(sigmoid(z))


def by_rank(first: Any, second: Any, beta: Any, label_smoothing: Any) -> Any:
    order = sorted(range(len(first)), key=lambda i: first[i])
    partners = dict(zip(order, sorted(second), strict=True))

    return [dpo(x, partners[i], 0, 0, beta, label_smoothing) for i, x in enumerate(first)]


def aot(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    label_smoothing: Any,
) -> Any:
    margins = [a - b for a, b in zip(policy_chosen, policy_rejected, strict=True)]
    others = [a - b for a, b in zip(reference_chosen, reference_rejected, strict=True)]
    return by_rank(margins, others, beta, label_smoothing)


def aot_unpaired(
    policy_chosen: Any,
    policy_rejected: Any,
    reference_chosen: Any,
    reference_rejected: Any,
    beta: Any,
    label_smoothing: Any,
) -> Any:
    return aot(policy_chosen, reference_chosen, policy_rejected, reference_rejected, beta, label_smoothing)
