"""Losses of policies: surrogates of an expected reward, of values, and the penalties that come with them.

All are minimised: where a paper states an objective to maximise, the loss is its negative. Advantages, returns and the
log-probabilities of old and reference policies are constants by convention. Nothing is detached here: the gradients in
them are the mathematical ones, for those who ask for them. Where two policies both rule an action out the logarithm of
their ratio is declared 0, without gradient; an advantage of 0 makes nothing of whatever it meets.
"""

from math import inf
from typing import Literal

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.losses._ratios import clipped_surrogate, fixed_ratio
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    expm1_minus,
    is_zero,
    log_difference,
    log_softmax_terms,
    relu,
    softmax_divergence,
    stop_gradient,
    with_value,
    zero_where,
)
from lossspec.terms import AtLeastOne, LogDensity, Logits, NonNegative, Positive, Real, UnitInterval

__all__ = [
    "cispo",
    "entropy_bonus",
    "grpo",
    "kl_penalty",
    "policy_gradient",
    "ppo_clip",
    "ppo_dual_clip",
    "ppo_value_clip",
]


@loss(
    family="policy",
    unit="action",
    source="Williams 1992, doi:10.1007/BF00992696",
    aliases=("reinforce", "REINFORCE"),
    also={
        "vespo VESPO": "it weighs log-probabilities by constants, functions of the ratio of the whole answer. Fix: "
        "pass advantages times these weights to policy_gradient",
    },
    equals=(Equal("torch", "-advantages * log_probabilities"),),
)
def policy_gradient(log_probabilities: LogDensity["*batch"], advantages: Real["*batch"]) -> Real["*batch"]:
    """Policy gradient (REINFORCE) loss: minus the log-probability of an action times its advantage.

    l = -advantages * log_probabilities.

    Shapes: `log_probabilities` [*batch] of the actions taken, or their log-densities, which may be above 0;
    `advantages` [*batch], returns less a baseline, any real numbers -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions. The value has no meaning
    of its own and no lower bound. Advantages are constants by convention; the gradient in them is -log_probabilities.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: the actor's part of A2C; REINFORCE where the advantages are returns.

    >>> import numpy as np
    >>> policy_gradient.per_example(np.asarray([-2.0, -1.0]), np.asarray([1.5, -1.0])).tolist()
    [3.0, -1.0]
    """
    xp = array_namespace(log_probabilities)
    nothing = (advantages == 0) & (log_probabilities == -inf)
    return carry_nan(-advantages * xp.where(nothing, 0.0, log_probabilities))


@loss(
    family="policy",
    unit="action",
    source="Schulman et al. 2017, arXiv:1707.06347, equation 7",
    aliases=("ppo", "PPO", "clipped_surrogate"),
    equals=(
        Equal(
            "torch",
            "(lambda r: -torch.minimum(r * advantages, torch.clamp(r, 1 - clip_low, 1 + clip_high) * advantages))"
            "(torch.exp(log_probabilities - old_log_probabilities))",
            differs={"edges": "wrong: 0 * inf where r overflows and the clip binds or the advantage is 0"},
        ),
    ),
)
def ppo_clip(
    log_probabilities: LogDensity["*batch"],
    old_log_probabilities: LogDensity["*batch"],
    advantages: Real["*batch"],
    *,
    clip_low: UnitInterval["#*batch"] = 0.2,
    clip_high: NonNegative["#*batch"] = 0.2,
) -> Real["*batch"]:
    """PPO loss: the clipped surrogate objective of proximal policy optimization, to be minimised.

    l = -min(r * advantages, clip(r, 1 - clip_low, 1 + clip_high) * advantages), with
    r = exp(log_probabilities - old_log_probabilities). The paper states its negative, an objective to maximise.

    Shapes: `log_probabilities` and `old_log_probabilities` [*batch] of the actions taken, or their log-densities, which
    may be above 0; `advantages` [*batch], any real numbers; `clip_low` in [0, 1]; `clip_high` >= 0, the same number in
    the paper -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions.
    At the kinks, r = 1 - clip_low and r = 1 + clip_high, the gradient is that of r * advantages, as everywhere between
    them; advantages = 0 belongs to the positive ones. Where r is beyond the range of the dtype (a log-ratio of 709, 88
    in float32) a negative advantage gives inf, and so is its gradient; a positive one is clipped.
    The old policy and the advantages are constants by convention; the gradients in them are the mathematical ones.
    Errors: `ContractError` for another shape or a clip outside its domain, `DTypeError` for integers or mixed dtypes.
    Equals: the policy loss of TRL `PPOTrainer` with clip_low = clip_high = cliprange, a mean over the tokens.

    >>> import numpy as np
    >>> new, old = np.log(np.asarray([0.5, 0.5])), np.log(np.asarray([0.25, 0.25]))
    >>> [round(x, 12) for x in ppo_clip.per_example(new, old, np.asarray([1.0, -1.0])).tolist()]
    [-1.2, 2.0]
    """
    return clipped_surrogate(log_difference(log_probabilities, old_log_probabilities), advantages, clip_low, clip_high)


@loss(
    family="policy",
    unit="action",
    source="Ye et al. 2020, arXiv:1912.09729, equation 5 (read in the code of TRL 1.16, not in the paper)",
    aliases=("dual_clip_ppo", "two_sided_clip"),
    equals=(
        Equal(
            "torch",
            "(lambda s: torch.where(advantages < 0, torch.minimum(s, -dual_clip * advantages), s))"
            "((lambda r: -torch.minimum(r * advantages, torch.clamp(r, 1 - clip_low, 1 + clip_high) * advantages))"
            "(torch.exp(log_probabilities - old_log_probabilities)))",
            differs={"edges": "wrong: 0 * inf where r overflows and the clip binds or the advantage is 0"},
        ),
    ),
)
def ppo_dual_clip(
    log_probabilities: LogDensity["*batch"],
    old_log_probabilities: LogDensity["*batch"],
    advantages: Real["*batch"],
    *,
    clip_low: UnitInterval["#*batch"] = 0.2,
    clip_high: NonNegative["#*batch"] = 0.2,
    dual_clip: AtLeastOne["#*batch"] = 3.0,
) -> Real["*batch"]:
    """Dual-clip PPO loss: the clipped surrogate, bounded above where an advantage is negative.

    l = s where advantages >= 0, and min(s, -dual_clip * advantages) where advantages < 0, with
    s = -min(r * advantages, clip(r, 1 - clip_low, 1 + clip_high) * advantages) and
    r = exp(log_probabilities - old_log_probabilities).

    Shapes: `log_probabilities` and `old_log_probabilities` [*batch] of the actions taken, or their log-densities, which
    may be above 0; `advantages` [*batch], any real numbers; `clip_low` in [0, 1]; `clip_high` >= 0; `dual_clip` >= 1,
    the c of the paper, 3 there -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions.
    `ppo_clip` gives a bad action that the new policy has made far more likely a loss without bound; here the ratio
    counts no further than `dual_clip`, and the gradient beyond is 0. At all kinks the gradient is that of
    r * advantages. Old policy and advantages are constants by convention; the gradients are the mathematical ones.
    Errors: `ContractError` for another shape or a clip outside its domain, `DTypeError` for integers or mixed dtypes.
    Equals: the tokens of TRL `GRPOTrainer` with `delta=dual_clip` above 1 + clip_high and without its KL penalty.

    >>> import numpy as np
    >>> new, old = np.log(np.asarray([0.5, 0.5])), np.log(np.asarray([0.25, 0.0625]))
    >>> [round(x, 12) for x in ppo_dual_clip.per_example(new, old, np.asarray([-1.0, -1.0])).tolist()]
    [2.0, 3.0]
    """
    log_ratio = log_difference(log_probabilities, old_log_probabilities)
    return clipped_surrogate(log_ratio, advantages, clip_low, clip_high, dual_clip)


@loss(
    family="policy",
    unit="action",
    source="Schulman et al. 2017, arXiv:1707.06347; the clip: its code, openai/baselines ppo2",
    aliases=("value_clip",),
    equals=(
        Equal(
            "torch",
            "0.5 * torch.maximum((values - returns) ** 2,"
            " (old_values + torch.clamp(values - old_values, -clip, clip) - returns) ** 2)",
        ),
    ),
)
def ppo_value_clip(
    values: Real["*batch"], old_values: Real["*batch"], returns: Real["*batch"], *, clip: NonNegative["#*batch"] = 0.2
) -> Real["*batch"]:
    """PPO value loss: half the squared error of a value, or of it clipped near its old one, whichever is larger.

    l = max((values - returns)^2, (old_values + clip(values - old_values, -clip, clip) - returns)^2) / 2.

    Shapes: `values`, `old_values` and `returns` [*batch], any real numbers; `clip` >= 0 -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions. The factor 1/2 is part of
    the loss. Where both squares are equal the gradient is that of the first, values - returns.
    Old values and returns are constants by convention; the gradients in them are the mathematical ones.
    Errors: `ContractError` for another shape or clip < 0, `DTypeError` for integers or mixed dtypes.
    Equals: the value loss of TRL `PPOTrainer` before its vf_coef, with clip = cliprange_value.

    >>> import numpy as np
    >>> new, old, returns = np.asarray([2.0, 2.0]), np.asarray([0.0, 0.0]), np.asarray([3.0, 0.0])
    >>> ppo_value_clip.per_example(new, old, returns, clip=1).tolist()
    [2.0, 2.0]
    """
    xp = array_namespace(values)
    moved = values - old_values
    near = xp.where(moved > clip, old_values + clip, xp.where(moved < -clip, old_values - clip, values))
    by_excess = values - relu(moved - clip) + relu(-clip - moved)  # the same rounded, but NaN stays
    clipped = with_value(near, by_excess)
    error, clipped_error = values - returns, clipped - returns
    # Of two that round to the same beside large returns the farther one is known by the order of the values.
    middle = error + clipped_error
    farther = (clipped == values) | ((clipped > values) & (middle <= 0)) | ((clipped < values) & (middle >= 0))
    return 0.5 * xp.where(farther, error, clipped_error) ** 2


@loss(
    family="policy",
    unit="action",
    source="Williams and Peng 1991, doi:10.1080/09540099108946587; Mnih et al. 2016, arXiv:1602.01783",
    aliases=("negative_entropy",),
    equals=(
        Equal("torch", "torch.sum(F.softmax(logits, dim=-1) * F.log_softmax(logits, dim=-1), dim=-1)"),
        Equal(
            "torch",
            "-torch.distributions.Categorical(logits=logits).entropy()",
            when="logits.size > 0",
        ),
    ),
    invariant_in=("logits",),
)
def entropy_bonus(logits: Logits["*batch classes"]) -> Real["*batch"]:
    """Negative entropy of a policy over its actions, which keeps it uncertain when added to a loss.

    l = sum_c p[c] log p[c], with p = softmax(logits): of the sign of a loss, where other code subtracts an entropy.

    Shapes: `logits` [*batch classes] (the class axis anywhere: `axis`), a logit of -inf rules its action out
    -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. In [-log(classes), 0]. An action of
    probability 0 contributes 0, with derivative 0. Its usual factor is given by composition: ppo_clip + 0.01 *
    entropy_bonus. The nearly sure policy keeps its digits: at logits (30, 0) it is -31 exp(-30) and not 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: the negative of torch `Categorical(logits=logits).entropy()`, of scipy `entropy` of the probabilities.

    >>> import numpy as np
    >>> round(float(entropy_bonus(np.asarray([[0.0, 0.0]]))), 12)
    -0.69314718056
    """
    xp = array_namespace(logits)
    gaps, excess, ruled_out, _, _ = log_softmax_terms(logits)
    finite_gaps = xp.where(ruled_out, 0.0, gaps)
    root = xp.exp(0.5 * (gaps - excess))  # of p: where p itself is too small for the dtype, its multiples are not
    value = xp.sum(root * (root * finite_gaps), axis=-1) - excess[..., 0]
    # Differentiated as sum p (exp(x) - 1 - x), but for a constant: there no two derivatives of order 1 cancel.
    x = xp.where(ruled_out, 0.0, (excess - stop_gradient(excess)) - finite_gaps)
    near = xp.abs(x) < 0.5
    factor = xp.where(near, expm1_minus(xp.where(near, x, 0.0)), -1.0 - x)
    smooth = xp.sum(root * (root * factor), axis=-1)
    return smooth + stop_gradient(value - smooth)


@loss(
    family="policy",
    unit="action",
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694; penalty: Ziegler et al. 2019, arXiv:1909.08593",
    aliases=("rlhf_kl_penalty",),
    equals=(
        Equal(
            "torch",
            "beta * F.kl_div(F.log_softmax(reference_logits, dim=-1), F.log_softmax(policy_logits, dim=-1),"
            " log_target=True, reduction='none').sum(dim=-1)",
            when="under == 'policy'",
        ),
        Equal(
            "torch",
            "beta * F.kl_div(F.log_softmax(policy_logits, dim=-1), F.log_softmax(reference_logits, dim=-1),"
            " log_target=True, reduction='none').sum(dim=-1)",
            when="under == 'reference'",
        ),
    ),
    perfect={"policy_logits": "reference_logits"},
    invariant_in=("policy_logits", "reference_logits"),
    sizes={"batch": 3},
    accuracy=Accuracy(
        hessian=4096.0,
        reason="where only the reference is sure, the second derivatives in the policy are differences of large slopes",
    ),
)
def kl_penalty(
    policy_logits: Logits["*batch classes"],
    reference_logits: Logits["*batch classes"],
    *,
    beta: Positive["#*batch"] = 0.1,
    under: Literal["policy", "reference"] = "policy",
) -> Real["*batch"]:
    """KL penalty: beta times the exact Kullback-Leibler divergence of a policy from a reference.

    l = beta * sum_c p[c] (log p[c] - log q[c]), with p = softmax(policy_logits) and q = softmax(reference_logits);
    under="reference" swaps p and q.

    Shapes: `policy_logits` and `reference_logits` [*batch classes] (the class axis anywhere: `axis`), a logit of -inf
    rules its action out; `beta` > 0; `under`, the distribution of the expectation -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. An action of probability 0 under the
    distribution of the expectation contributes 0; one that only the other distribution rules out makes the loss inf.
    The reference is a constant by convention; the gradient in it is the mathematical one.
    Errors: `ContractError` for another shape, beta <= 0 or an unknown `under`, `DTypeError` for integers.
    Equals: under="policy" is the penalty of RLHF, KL(policy || reference), beta times torch `F.kl_div(log q, log p,
    log_target=True)` summed over the actions. Equal and nearly equal policies keep their digits.

    >>> import numpy as np
    >>> sure, even = np.log(np.asarray([[0.75, 0.25]])), np.zeros((1, 2))
    >>> round(float(kl_penalty(sure, even, beta=1.0)), 12)  # 0.75 log 1.5 + 0.25 log 0.5
    0.130812035941
    """
    if under == "policy":
        return beta * softmax_divergence(policy_logits, reference_logits)
    return beta * softmax_divergence(reference_logits, policy_logits)


@loss(
    family="policy",
    unit="token",
    source="Shao et al. 2024, arXiv:2402.03300, equations 3 and 4; DAPO: Yu et al. 2025, arXiv:2503.14476; Dr. GRPO: "
    "Liu et al. 2025, arXiv:2503.20783",
    aliases=("GRPO", "group_relative_policy_optimization"),
    also={
        "dapo DAPO": {"beta": 0.0, "clip_high": 0.28},
        "dr_grpo Dr.GRPO": "it is grpo over a constant length. Fix: reduction=Mean(over=answers * length), and "
        "advantages that are not divided by a standard deviation",
        "bnpo BNPO": {"beta": 0.0},
    },
    equals=(
        Equal(
            "torch",
            "(lambda r, d: -torch.minimum(r * advantages, torch.clamp(r, 1 - clip_low, 1 + clip_high) * advantages)"
            " + beta * (torch.exp(d) - d - 1))"
            "(torch.exp(log_probabilities - old_log_probabilities), reference_log_probabilities - log_probabilities)",
            differs={"edges": "wrong: 0 * inf where r overflows and the clip binds or the advantage is 0"},
        ),
    ),
)
def grpo(
    log_probabilities: LogDensity["batch time"],
    old_log_probabilities: LogDensity["batch time"],
    reference_log_probabilities: LogDensity["batch time"],
    advantages: Real["batch #time"],
    *,
    beta: NonNegative["#batch #time"] = 0.04,
    clip_low: UnitInterval["#batch #time"] = 0.2,
    clip_high: NonNegative["#batch #time"] = 0.2,
) -> Real["batch time"]:
    """GRPO (group relative policy optimization), token by token: clipped surrogate and estimated KL penalty.

    l = -min(r * advantages, clip(r, 1 - clip_low, 1 + clip_high) * advantages) + beta * (exp(d) - d - 1), with
    r = exp(log_probabilities - old_log_probabilities) and d = reference_log_probabilities - log_probabilities. The
    paper states its negative, an objective to maximise.

    Shapes: three arrays [batch time] of log-probabilities of the tokens, or log-densities, which may be above 0;
    `advantages` [batch time], or [batch 1] for one of the whole answer, any real numbers; `beta` >= 0; `clip_low` in
    [0, 1]; `clip_high` >= 0 -> token [batch time]. With beta = 0 the reference is not read: without a reference policy
    pass `old_log_probabilities` in its place.
    Weights and mean: padding is masked with `where`. The members of the family are reductions of the same tokens:
    the mean over tokens of the mean of each answer (the paper) is sample_weight = 1 / length [batch 1] with
    reduction="batch_mean"; the mean over all tokens (DAPO, TRL's "bnpo") is reduction="mean", the default; a constant
    length (Dr. GRPO) is Mean(over=batch * length); the sum over tokens, mean over answers is reduction="batch_mean".
    `gspo` and LUSPO (arXiv:2602.05261) are other losses: their ratio is that of whole answers.
    At the kinks the gradient is that of r * advantages, and advantages = 0 belongs to the positive ones: `ppo_clip`.
    Beyond the range of the dtype (log-ratios of 709, 88 in float32) exp(d), and r with a negative advantage, are inf.
    Old and reference policies and the advantages are constants by convention; the gradients in them are the
    mathematical ones. The advantages are an input: (reward - group mean) / group deviation is the caller's.
    Errors: `ContractError` for another shape or a parameter outside its domain, `DTypeError` for integers.
    Equals: the tokens of TRL `GRPOTrainer`, whose default is beta=0 and the mean over all tokens.

    >>> import numpy as np
    >>> same = np.full((2, 4), -1.0)
    >>> grpo.per_example(same, same, same, np.asarray([[-2.0], [1.0]])).tolist()
    [[2.0, 2.0, 2.0, 2.0], [-1.0, -1.0, -1.0, -1.0]]
    """
    surrogate = clipped_surrogate(
        log_difference(log_probabilities, old_log_probabilities), advantages, clip_low, clip_high
    )
    if is_zero(beta):
        return surrogate
    log_ratio = log_difference(reference_log_probabilities, log_probabilities)
    if not isinstance(beta, (int, float)):  # 0 times an overflow is 0
        log_ratio = array_namespace(log_ratio).where(beta == 0, 0.0, log_ratio)
    return surrogate + beta * expm1_minus(log_ratio)


@loss(
    family="policy",
    unit="token",
    source="MiniMax 2025, arXiv:2506.13585 (read in the code of TRL 1.16, not in the paper)",
    aliases=("CISPO",),
    equals=(
        Equal(
            "torch",
            "-torch.clamp(torch.exp(log_probabilities - old_log_probabilities), 1 - clip_low, 1 + clip_high).detach()"
            " * advantages * log_probabilities",
        ),
    ),
)
def cispo(
    log_probabilities: LogDensity["batch time"],
    old_log_probabilities: LogDensity["batch time"],
    advantages: Real["batch #time"],
    *,
    clip_low: UnitInterval["#batch #time"] = 1.0,
    clip_high: NonNegative["#batch #time"] = 4.0,
) -> Real["batch time"]:
    """CISPO (clipped importance sampling policy optimization): the policy gradient under clipped, constant weights.

    l = -w * advantages * log_probabilities, with w = clip(r, 1 - clip_low, 1 + clip_high), which is constant for the
    gradient, and r = exp(log_probabilities - old_log_probabilities).

    Shapes: `log_probabilities` and `old_log_probabilities` [batch time] of the tokens, or their log-densities, which
    may be above 0; `advantages` [batch time], or [batch 1] for one of the whole answer, any real numbers; `clip_low` in
    [0, 1], where 1 is no bound below; `clip_high` >= 0 -> token [batch time].
    Weights and mean: padding is masked with `where`; "mean" divides by the sum of weights over tokens.
    A token beyond the clip goes on to learn, unlike in `ppo_clip`: only its weight is bounded. The gradient in
    `log_probabilities` is -w * advantages, that in `old_log_probabilities` is 0. The value has no meaning of its own; a
    weight or an advantage of 0 makes it 0, whatever the log-probability.
    Errors: `ContractError` for another shape or a clip outside its domain, `DTypeError` for integers or mixed dtypes.
    Equals: the tokens of TRL `GRPOTrainer(loss_type="cispo")` with epsilon_high = 1 + clip_high and clip_low = 1,
    before its KL penalty.

    >>> import numpy as np
    >>> new, old = np.asarray([[-1.0, -1.0]]), np.asarray([[-1.0, -9.0]])
    >>> cispo.per_example(new, old, np.asarray([[2.0]])).tolist()
    [[2.0, 10.0]]
    """
    xp = array_namespace(log_probabilities)
    log_ratio = log_difference(log_probabilities, old_log_probabilities)
    ratio = fixed_ratio(log_ratio)
    low, high = 1 - clip_low + 0 * ratio, 1 + clip_high + 0 * ratio
    factor = -xp.where(ratio > high, high, xp.where(ratio < low, low, ratio)) * advantages
    value = factor * xp.where((factor == 0) & (log_probabilities == -inf), 0.0, log_probabilities)
    return carry_nan(value + zero_where(log_ratio, ratio == ratio))  # a constant, but where the old policy is NaN
