"""Losses of policies that weigh actions smoothly: by a gate on the ratio, or by the exponential of the advantage.

Advantages and old policies are constants by convention, as in the losses of `policy.py`.
"""

from math import inf

from lossspec.declaration import Equal, loss
from lossspec.losses._ratios import fixed_ratio
from lossspec.numerics import array_namespace, carry_nan, expm1, log_difference, sigmoid, zero_where
from lossspec.terms import LogDensity, Positive, Real

__all__ = ["advantage_weighted_regression", "sapo"]


@loss(
    family="policy",
    unit="action",
    source="Peng, Kumar, Zhang and Levine 2019, arXiv:1910.00177 (formula from memory, not read)",
    aliases=("awr", "AWR"),
    equals=(
        Equal(
            "torch",
            "-(advantages / beta).exp().clamp(max=max_weight).detach() * log_probabilities",
        ),
    ),
)
def advantage_weighted_regression(
    log_probabilities: LogDensity["*batch"],
    advantages: Real["*batch"],
    *,
    beta: Positive["#*batch"] = 1.0,
    max_weight: Positive["#*batch"] = 20.0,
) -> Real["*batch"]:
    """Advantage-weighted regression: the log-likelihood of actions, weighed by the exponential of their advantages.

    l = -w * log_probabilities, with w = min(exp(advantages / beta), max_weight), which is constant for the gradient.

    Shapes: `log_probabilities` [*batch] of the actions taken, or their log-densities, which may be above 0;
    `advantages` [*batch], any real numbers; `beta` > 0, a temperature; `max_weight` > 0, 20 in the paper's code
    -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions, in which w does not count.
    The gradient in `log_probabilities` is -w, that in `advantages` is 0. Unlike in `policy_gradient` a bad action is
    imitated too, by little. A w of 0 makes it 0, whatever the log-probability.
    Errors: `ContractError` for another shape or a parameter that is not above 0, `DTypeError` for integers.
    Equals: the loss of the paper. AWAC and the policy of implicit Q-learning have it with other advantages; the latter
    bounds w by 100.

    >>> import numpy as np
    >>> loss = advantage_weighted_regression.per_example(np.asarray([-2.0, -1.0]), np.asarray([0.0, 9.0]))
    >>> loss.tolist()
    [2.0, 20.0]
    """
    xp = array_namespace(log_probabilities)
    scaled = advantages / beta
    weight = fixed_ratio(scaled)
    weight = xp.where(weight > max_weight, 0 * weight + max_weight, weight)
    value = -weight * xp.where((weight == 0) & (log_probabilities == -inf), 0.0, log_probabilities)
    return carry_nan(value + zero_where(scaled, weight == weight))  # constant, but where an advantage is NaN


@loss(
    family="policy",
    unit="token",
    source="Gao et al. 2025, Soft adaptive policy optimization (read in code of others, not in the paper)",
    aliases=("SAPO", "soft_adaptive_policy_optimization"),
    equals=(
        Equal(
            "torch",
            "(lambda r, t: -torch.sigmoid(t * (r - 1)) * (4 / t) * advantages)"
            "(torch.exp(log_probabilities - old_log_probabilities), torch.where(advantages > 0, "
            "torch.as_tensor(temperature, dtype=advantages.dtype), "
            "torch.as_tensor(negative_temperature, dtype=advantages.dtype)))",
            differs={"edges": "wrong: sigmoid(inf) with a derivative of 0 * inf where r overflows"},
        ),
    ),
)
def sapo(
    log_probabilities: LogDensity["batch time"],
    old_log_probabilities: LogDensity["batch time"],
    advantages: Real["batch #time"],
    *,
    temperature: Positive["#batch #time"] = 1.0,
    negative_temperature: Positive["#batch #time"] = 1.05,
) -> Real["batch time"]:
    """SAPO (soft adaptive policy optimization): a surrogate in which a smooth gate takes the place of the clip.

    l = -4 / t * sigmoid(t * (r - 1)) * advantages, with r = exp(log_probabilities - old_log_probabilities) and
    t = temperature where advantages > 0 and negative_temperature elsewhere.

    Shapes: `log_probabilities` and `old_log_probabilities` [batch time] of the tokens, or their log-densities, which
    may be above 0; `advantages` [batch time], or [batch 1] for one of the whole answer, any real numbers; both
    temperatures > 0 -> token [batch time].
    Weights and mean: padding is masked with `where`; "mean" divides by the sum of weights over tokens. At r = 1 the
    gradient is that of r * advantages, and falls smoothly to 0 on both sides: a token far off the old policy hardly
    learns. The value is bounded by 4 / t * |advantages|. Old policy and advantages are constants by convention; the
    gradients in them are the mathematical ones.
    Errors: `ContractError` for another shape or a temperature that is not above 0, `DTypeError` for integers.
    Equals: the tokens of TRL `GRPOTrainer(loss_type="sapo")`, before its KL penalty.

    >>> import numpy as np
    >>> same = np.full((1, 2), -1.0)
    >>> sapo.per_example(same, same, np.asarray([[1.0, -1.05]])).round(12).tolist()
    [[-2.0, 2.0]]
    """
    log_ratio = log_difference(log_probabilities, old_log_probabilities)
    xp = array_namespace(log_ratio)
    zeros = xp.zeros_like(log_ratio)
    slope = xp.where(advantages + zeros > 0, zeros + temperature, zeros + negative_temperature)
    far = log_ratio > 20
    gate = sigmoid(slope * xp.where(far, fixed_ratio(log_ratio) - 1, expm1(xp.where(far, 0.0, log_ratio))))
    return -4 / slope * gate * advantages
