"""Losses of policies whose unit is a whole answer or a group of answers.

Advantages, rewards and old policies are constants by convention, as in the losses of `policy.py`.
"""

from functools import partial
from math import inf
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._ratios import clipped_surrogate
from lossspec.numerics import array_namespace, common_part, kept, log_difference, tokens_that_count, zero_where
from lossspec.terms import Array, Length, LogDensity, NonNegative, Real, UnitInterval

__all__ = ["gspo", "luspo", "rloo"]

answer_loss = partial(
    loss,
    family="policy",
    unit="answer",
    reductions=("none", "sum", "mean", "count_mean", "batch_mean", "over"),
    sizes={"batch": 5, "time": 4, "clip_low": 0.9, "clip_high": 9.0},
    entries="batch time",
)


def _mean_log_ratio(
    log_probabilities: Array, old_log_probabilities: Array, lengths: Array, entries: Array | None
) -> tuple[Array, Array]:
    """The mean over the tokens of an answer of the logarithm of the ratio, 0 without tokens, and their number."""
    xp = array_namespace(log_probabilities)
    log_ratio = log_difference(log_probabilities, old_log_probabilities)
    counted = tokens_that_count(log_ratio, lengths, entries)
    count = xp.astype(xp.count_nonzero(counted, axis=-1), log_ratio.dtype)
    return xp.sum(kept(log_ratio, counted), axis=-1) / xp.where(count > 0, count, 1.0), count


def _surrogate_of_answers(mean: Array, advantages: Array, low: Any, high: Any) -> Array:
    """The clipped surrogate; where it is clipped too, a gradient of NaN passes."""
    return clipped_surrogate(mean, advantages, low, high) + zero_where(mean, mean == mean)


@answer_loss(
    source="Zheng et al. 2025, arXiv:2507.18071, equations 5 to 7 (read in the code of TRL 1.16, not in the paper)",
    aliases=("GSPO", "group_sequence_policy_optimization"),
    equals=(
        Equal(
            "torch",
            "(lambda r: -torch.minimum(r * advantages, torch.clamp(r, 1 - clip_low, 1 + clip_high) * advantages))"
            "(torch.exp(((log_probabilities - old_log_probabilities)"
            " * (torch.arange(log_probabilities.shape[1]) < lengths[:, None])).sum(-1) / lengths.clamp(min=1)))",
            differs={"edges": "wrong: 0 * inf where r overflows and the clip binds"},
        ),
    ),
)
def gspo(
    log_probabilities: LogDensity["batch time"],
    old_log_probabilities: LogDensity["batch time"],
    advantages: Real["batch"],
    lengths: Length["batch", "of time"],
    *,
    clip_low: UnitInterval["#batch"] = 3e-4,
    clip_high: NonNegative["#batch"] = 4e-4,
    entries: Array = None,
) -> Real["batch"]:
    """GSPO (group sequence policy optimization): the clipped surrogate of the ratio of whole answers.

    l = -min(r * advantages, clip(r, 1 - clip_low, 1 + clip_high) * advantages), with r the geometric mean of the ratios
    of the tokens, exp(mean_{t < lengths} (log_probabilities_t - old_log_probabilities_t)).

    Shapes: `log_probabilities` and `old_log_probabilities` [batch time] of the tokens, or their log-densities, which
    may be above 0; `advantages` [batch], any real numbers; `lengths` integers [batch] in [0, time]: what lies beyond
    them is padding and may hold anything; `clip_low` in [0, 1]; `clip_high` >= 0 -> answer [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over answers. `where_entries`
    [batch time] leaves tokens out of the mean of logarithms. In an answer without tokens r is 1, with gradient 0.
    Kinks and overflow are those of `ppo_clip`. The advantages are an input: (reward - group mean) / group deviation is
    the caller's; they and the old policy are constants by convention, the gradients in them the mathematical ones.
    Errors: `ContractError` for another shape or a clip outside its domain, `DTypeError` for float lengths; a length
    out of range gives NaN, and raises under `checking("values")`.
    Equals: TRL `GRPOTrainer(importance_sampling_level="sequence")` with loss_type "grpo" and without its KL penalty.

    >>> import numpy as np
    >>> new, old = np.log(np.asarray([[0.5, 0.5]])), np.log(np.asarray([[0.25, 0.0625]]))
    >>> round(float(gspo(new, old, np.asarray([-1.0]), np.asarray([2]))), 12)  # the root of 2 * 8
    4.0
    """
    mean, _ = _mean_log_ratio(log_probabilities, old_log_probabilities, lengths, entries)
    return _surrogate_of_answers(mean, advantages, clip_low, clip_high)


@answer_loss(
    source="Length-unbiased sequence policy optimization 2026, arXiv:2602.05261 (read in the code of TRL 1.10, not in "
    "the paper)",
    aliases=("LUSPO", "length_unbiased_sequence_policy_optimization"),
    equals=(
        Equal(
            "torch",
            "(lambda r: -lengths * torch.minimum(r * advantages,"
            " torch.clamp(r, 1 - clip_low, 1 + clip_high) * advantages))"
            "(torch.exp(((log_probabilities - old_log_probabilities)"
            " * (torch.arange(log_probabilities.shape[1]) < lengths[:, None])).sum(-1) / lengths.clamp(min=1)))",
            differs={"edges": "wrong: 0 * inf where r overflows and the clip binds"},
        ),
    ),
)
def luspo(
    log_probabilities: LogDensity["batch time"],
    old_log_probabilities: LogDensity["batch time"],
    advantages: Real["batch"],
    lengths: Length["batch", "of time"],
    *,
    clip_low: UnitInterval["#batch"] = 2e-3,
    clip_high: NonNegative["#batch"] = 2.5e-3,
    entries: Array = None,
) -> Real["batch"]:
    """LUSPO (length-unbiased sequence policy optimization): `gspo` times the number of tokens of an answer.

    l = -n * min(r * advantages, clip(r, 1 - clip_low, 1 + clip_high) * advantages), with n = lengths the number of
    tokens and r the geometric mean of their ratios, exp(mean_{t < n} (log_probabilities_t - old_log_probabilities_t)).

    Shapes: `log_probabilities` and `old_log_probabilities` [batch time] of the tokens, or their log-densities, which
    may be above 0; `advantages` [batch], any real numbers; `lengths` integers [batch] in [0, time]: what lies beyond
    them is padding and may hold anything; `clip_low` in [0, 1]; `clip_high` >= 0 -> answer [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over answers. `where_entries`
    [batch time] leaves tokens out of n and of the sum. An answer without tokens has the loss 0.
    A token weighs the same in a long answer as in a short one: at r = 1 its gradient is -advantages, where `gspo` has
    -advantages / n. Kinks and overflow are those of `ppo_clip`. The old policy and the advantages are constants by
    convention; the gradients in them are the mathematical ones.
    Errors: `ContractError` for another shape or a clip outside its domain, `DTypeError` for float lengths; a length
    out of range gives NaN, and raises under `checking("values")`.
    Equals: TRL `GRPOTrainer(loss_type="luspo", importance_sampling_level="sequence")` without its KL penalty.

    >>> import numpy as np
    >>> same = np.full((2, 4), -1.0)
    >>> luspo.per_example(same, same, np.asarray([-2.0, 1.0]), np.asarray([2, 4])).tolist()
    [4.0, -4.0]
    """
    mean, count = _mean_log_ratio(log_probabilities, old_log_probabilities, lengths, entries)
    return count * _surrogate_of_answers(mean, advantages, clip_low, clip_high)


@loss(
    family="policy",
    unit="prompt",
    source="Ahmadian et al. 2024, arXiv:2402.14740; Kool, van Hoof and Welling 2019, Buy 4 REINFORCE samples, get a "
    "baseline for free (formulas from memory; read in the code of TRL 1.10)",
    aliases=("RLOO", "reinforce_leave_one_out"),
    equals=(
        Equal(
            "torch",
            "-((rewards - (rewards.sum(-1, keepdim=True) - rewards) / (rewards.shape[1] - 1)) * log_probabilities)"
            ".mean(-1)",
            when="rewards.shape[1] > 1",
        ),
    ),
    entries="batch answers",
)
def rloo(
    log_probabilities: LogDensity["batch answers"], rewards: Real["batch answers"], *, entries: Array = None
) -> Real["batch"]:
    """RLOO (REINFORCE leave-one-out): policy gradient of a group of answers, each against the mean of the others.

    l = -1 / k * sum_i A_i * log_probabilities_i, with k the number of answers to the prompt and
    A_i = rewards_i - 1 / (k - 1) * sum_{j != i} rewards_j. It is minus the sample covariance of both.

    Shapes: `log_probabilities` [batch answers] of whole answers to a prompt (sums over tokens), or their log-densities,
    which may be above 0; `rewards` [batch answers], any real numbers -> prompt [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over prompts. `where_entries`
    [batch answers] leaves answers out of the sum, of the baselines and of k, for prompts with fewer answers. A single
    answer has no baseline: the loss is 0, without gradient. The value has no meaning of its own; an advantage of 0
    makes nothing of an impossible answer. The rewards are constants by convention; the gradient in them is the
    mathematical one.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: `policy_gradient` of the advantages, a mean over the answers. TRL `RLOOTrainer` has these advantages in
    `ppo_clip` of the log-probabilities of whole answers, whose gradient is the same at the old policy.

    >>> import numpy as np
    >>> logs, rewards = np.asarray([[-1.0, -2.0, -3.0]]), np.asarray([[1.0, 0.0, 0.0]])
    >>> round(float(rloo(logs, rewards)), 12)  # advantages of 1, -1/2 and -1/2
    -0.5
    """
    xp = array_namespace(log_probabilities)
    counted = log_probabilities == log_probabilities if entries is None else entries
    count = xp.sum(xp.where(counted, xp.ones_like(rewards), 0.0), axis=-1, keepdims=True)
    if rewards.shape[-1]:  # nearly equal rewards differ by less than what their mean is rounded by
        rewards = rewards - common_part(rewards, entries)
    mean = xp.sum(kept(rewards, entries), axis=-1, keepdims=True) / xp.where(count > 0, count, 1.0)
    ahead = kept(rewards - mean, entries) / xp.where(count > 1, count - 1, 1.0)
    logs = xp.where((ahead == 0) & (log_probabilities == -inf), 0.0, log_probabilities)
    return -xp.sum(ahead * kept(logs, entries), axis=-1)
