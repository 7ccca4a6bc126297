"""Losses of preferences between answers."""

from lossspec.loss import loss
from lossspec.numerics import softplus
from lossspec.terms import LogProbability, Positive, Real

__all__ = ["dpo"]


@loss(
    family="preference",
    unit="pair",
    source="Rafailov et al. 2023, arXiv:2305.18290",
    aliases=("direct_preference_optimization",),
)
def dpo(
    policy_chosen: LogProbability["*batch"],
    policy_rejected: LogProbability["*batch"],
    reference_chosen: LogProbability["*batch"],
    reference_rejected: LogProbability["*batch"],
    *,
    beta: Positive = 0.1,
) -> Real["*batch"]:
    """Direct preference optimization: wants the policy to prefer the chosen answer more than the reference does.

    l = -log sigmoid(beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, natural logarithm, <= 0);
    `beta` > 0 -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="sigmoid")` without label smoothing.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(dpo(same, same, same, same)), 12)
    0.69314718056
    """
    preference = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)
    return softplus(-beta * preference)
