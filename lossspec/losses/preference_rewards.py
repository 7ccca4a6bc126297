"""Losses of the rewards that a policy implies: anchored, shaped, found by search, compared as distributions of a batch.

Where two log-probabilities that are compared are both -inf, their difference is declared 0, without gradient.
"""

from functools import partial
from math import inf
from typing import Any

from lossspec.declaration import Equal
from lossspec.losses._preference import GAP, Beta, Factor, Logp, log_ratio_gap, pair_loss
from lossspec.losses._special import bernoulli
from lossspec.numerics import (
    absolute,
    array_namespace,
    carry_nan,
    expm1,
    expm1_minus,
    log_difference,
    logistic_density,
    sigmoid,
    softplus,
    stop_gradient,
    zero_where,
)
from lossspec.primitive import primitive
from lossspec.terms import Array, FlipProbability, LogProbability, Positive, Real

__all__ = ["alpha_po", "aot", "aot_unpaired", "apo_down", "discopop"]


@primitive(row_axes=0)
def _fall_of_both(xp: Any, chosen: Array, rejected: Array) -> Any:
    """sigmoid(chosen) + sigmoid(rejected - chosen).

    The derivative in `chosen` is a difference of two slopes of the sigmoid, which are nearly equal where `rejected` is
    near 0 or 2 * chosen. It is a product: one slope times one minus the ratio of the two, or hyperbolic sines near 0.
    """
    gap = rejected - chosen

    def pull_chosen(g: Array) -> Array:
        size, other = absolute(chosen), absolute(gap)
        near = (size < 8) & (other < 8)
        c, r = xp.where(near, chosen, 0.0), xp.where(near, rejected, 0.0)
        sines = xp.sinh(r / 2) * xp.sinh(r / 2 - c)
        close = sines / (2 * xp.cosh(c / 2) * xp.cosh((r - c) / 2)) ** 2
        same_side = (chosen > 0) == (gap < 0)  # then the sizes differ by `rejected`, which may be small beside both
        apart = xp.where(same_side, rejected, 2 * chosen - rejected)
        apart = xp.where(chosen > 0, -apart, apart)  # other - size
        ahead = apart > 0
        low = xp.where(ahead, size, other)
        apart = xp.where(near | (low == inf), 1.0, absolute(apart))
        excess = xp.exp(-low) * -expm1(-apart) / (1 + xp.exp(-low - apart))
        far = -expm1(2 * xp.log1p(excess) - apart) * logistic_density(low)
        return g * xp.where(near, close, xp.where(ahead, far, -far))

    return sigmoid(chosen) + sigmoid(gap), (pull_chosen, lambda g: g * logistic_density(gap))


@pair_loss(
    source="D'Oosterlinck et al. 2024, arXiv:2408.06266, equation 8 (read in the code of TRL, not in the paper)",
    equals=(
        Equal(
            "torch",
            f"torch.sigmoid(beta * (policy_chosen - reference_chosen)) + 1 - torch.sigmoid(beta * {GAP})",
        ),
    ),
)
def apo_down(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.1
) -> Real["*batch"]:
    """APO-down (anchored preference optimization): lowers the chosen answer, and the rejected one by more.

    l = sigmoid(c) + 1 - sigmoid(c - r), with c = beta * (policy_chosen - reference_chosen) and
    r = beta * (policy_rejected - reference_rejected).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. In [0, 2]; 1 more than in
    the paper, so that it is small where it is good. It is for pairs of which the policy is better than the chosen
    answer already; `apo_zero` is for those of which it is worse.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="apo_down")`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(apo_down(same, same, same, same)), 12)
    1.0
    """
    chosen = beta * log_difference(policy_chosen, reference_chosen)
    return _fall_of_both(chosen, beta * log_difference(policy_rejected, reference_rejected))


@pair_loss(
    source="Lu et al. 2024, arXiv:2406.08414, equation 5 (read in the code of TRL, not in the paper)",
    aliases=("DiscoPOP", "log_ratio_modulated_loss", "lrml"),
    equals=(
        Equal(
            "torch",
            "(lambda z: -F.logsigmoid(z) * (1 - torch.sigmoid(z / temperature))"
            f" + torch.exp(-z) * torch.sigmoid(z / temperature))(beta * {GAP})",
            differs={"edges": "wrong: 0 * inf where exp(-z) overflows"},
        ),
    ),
)
def discopop(
    policy_chosen: Logp,
    policy_rejected: Logp,
    reference_chosen: Logp,
    reference_rejected: Logp,
    *,
    beta: Beta = 0.1,
    temperature: Positive["#*batch"] = 0.05,
) -> Real["*batch"]:
    """DiscoPOP (log-ratio modulated loss): the logistic loss of a wrong preference, the exponential one of a right one.

    l = (1 - m) * -log sigmoid(z) + m * exp(-z), with m = sigmoid(z / temperature) and
    z = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0;
    `temperature` > 0, the tau of the paper -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. It is not convex: between
    the two losses it rises from log 2 to 1 within about `temperature` of z = 0, so that pairs below may stay there.
    Errors: `ContractError` for another shape or a parameter that is not above 0, `DTypeError` for integers or mixed
    dtypes.
    Equals: TRL `DPOTrainer(loss_type="discopop", discopop_tau=temperature)`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(discopop(same, same, same, same)), 12)  # (log 2 + 1) / 2
    0.84657359028
    """
    z = beta * log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    xp = array_namespace(z)
    wrong = z < 0
    distance = xp.where(z == -inf, 0.0, xp.where(wrong, z, -z))
    # The product of two exponentials in one, which does not overflow where the other factor underflows.
    power = xp.where(wrong, distance * (1 / temperature - 1), distance) - softplus(distance / temperature)
    exponential = xp.where(z == -inf, 0.0, xp.exp(power))
    return sigmoid(-z / temperature) * softplus(-z) + exponential


def _power(xp: Any, x: Array, alpha: Array) -> Array:
    """exp(-alpha * x / 2), which is 1 where alpha = 0, for x = -inf too."""
    logs = alpha == 0
    return xp.exp(-0.5 * xp.where(logs, 0.0, alpha) * xp.where(logs, 0.0, x))


def _gap_and_root(xp: Any, chosen: Array, rejected: Array, alpha: Array) -> tuple[Array, Array]:
    """`_shaped_gap`, and the root of the larger exponential.

    That is a factor, which leaves a quotient of positive numbers; by two roots it overflows only where the gap does.
    """
    logs = alpha == 0
    apart, steep = log_difference(chosen, rejected), xp.where(logs, 1.0, absolute(alpha))
    size = steep * xp.where(logs, 0.0, absolute(apart))
    far = size > 80
    near = xp.where(far, 0.0, size)
    ratio = xp.where(far, xp.where(apart > 0, 1 / steep, -1 / steep), apart / (near + bernoulli(near)))
    root = _power(xp, xp.where((alpha > 0) == (apart > 0), rejected, chosen), alpha)
    finite = xp.where((ratio == 0) & (root == inf), 1.0, root)
    return finite * ratio * finite, root


@primitive(row_axes=0)
def _shaped_gap(xp: Any, chosen: Array, rejected: Array, alpha: Array) -> Any:
    """(exp(-alpha * rejected) - exp(-alpha * chosen)) / alpha, and its limit chosen - rejected where alpha = 0."""

    def bend(x: Array) -> Array:
        """Minus the derivative of (1 - exp(-alpha * x)) / alpha in alpha."""
        scaled = alpha * x
        small = absolute(scaled) < 1e-5
        safe = xp.where(small, 1.0, scaled)
        far = xp.exp(-safe) * (expm1_minus(safe) / safe**2)
        return x * x * xp.where(small, 0.5 - scaled / 3 + scaled * scaled / 8, far)

    return _gap_and_root(xp, chosen, rejected, alpha)[0], (
        lambda g: g * _power(xp, chosen, alpha) ** 2,
        lambda g: -g * _power(xp, rejected, alpha) ** 2,
        lambda g: g * (bend(rejected) - bend(chosen)),
    )


@pair_loss(
    source="Gupta et al. 2025, arXiv:2501.03884 (read in the code of TRL, not in the paper)",
    aliases=("AlphaPO", "alphapo"),
    equals=(
        Equal(
            "torch",
            "-F.logsigmoid(beta * ((1 - torch.exp(-alpha * chosen)) / alpha"
            " - (1 - torch.exp(-alpha * rejected)) / alpha) - gamma)",
        ),
    ),
    sizes={"alpha": 0.004},  # far log-probabilities are -1e4, and the power of one that is not overflows in float32
)
def alpha_po(
    chosen: Logp, rejected: Logp, *, beta: Beta = 2.5, alpha: Real["#*batch"] = 0.25, gamma: Factor = 0.1
) -> Real["*batch"]:
    """AlphaPO: `simpo` of rewards that are a power of the probability in place of its logarithm.

    l = -log sigmoid(beta * (r(chosen) - r(rejected)) - gamma), with r(x) = (1 - exp(-alpha * x)) / alpha.

    Shapes: `chosen` and `rejected` [*batch], the log-probabilities of the answers under the policy, averaged over their
    tokens (<= 0); `beta` > 0; `alpha`, any real number, 0 for the limit r(x) = x; `gamma` >= 0, the margin of the
    rewards -> pair [*batch]. There is no reference.
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Not convex. With a positive
    `alpha` the reward falls the faster the less likely an answer is; with a negative one it is never below 1 / alpha.
    Where alpha * x is below -709 (-88 in float32) a wrong preference gives inf, and so is its gradient; two equal
    log-probabilities are there no preference, without gradient.
    Errors: `ContractError` for another shape, beta <= 0 or gamma < 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `CPOTrainer(loss_type="alphapo", cpo_alpha=0)`; `simpo` with alpha=0, the default there.

    >>> import numpy as np
    >>> chosen, rejected = np.log(np.asarray([0.5])), np.log(np.asarray([0.25]))
    >>> round(float(alpha_po(chosen, rejected, beta=1.0, alpha=1.0, gamma=2.0)), 12)  # rewards of -1 and -3
    0.69314718056
    """
    xp = array_namespace(chosen)
    alpha = alpha + xp.zeros_like(chosen)
    gap, root = _gap_and_root(xp, *(stop_gradient(x) for x in (chosen, rejected, alpha)))
    sure = beta * gap - gamma > 1000  # a loss of exp(-1000) is 0, and so is all that follows
    alike = (chosen == rejected) & ((chosen == -inf) | (root * root == inf))
    chosen, rejected = (xp.where(sure | alike, 0.0, x) for x in (chosen, rejected))
    z = beta * _shaped_gap(chosen, rejected, alpha) - gamma
    hopeless = z < -1000  # there the slope of the softplus is constant, and that of a reward may be infinite
    return xp.where(sure, 0.0, xp.where(hopeless, -z, softplus(-xp.where(hopeless, 0.0, z))))


_COUPLED = (
    "the ranks of a pair are those among all pairs of the batch, so a shard does not know its own loss. Gather the "
    "pairs of all shards, then take the loss once."
)


coupled_loss = partial(pair_loss, coupled=_COUPLED, sizes={"batch": 3})


def _against_sorted(x: Array, y: Array, beta: Array, label_smoothing: Array, selected: Array | None) -> Array:
    """The smoothed logistic loss of each x less the y of the same rank, both counted from the smallest."""
    xp = array_namespace(x)
    if selected is not None:
        x, y = (xp.where(selected, a, inf) for a in (x, y))  # behind all others, in both
    places, others = (xp.argsort(stop_gradient(a), axis=-1, stable=True) for a in (x, y))
    ranks = xp.argsort(places, axis=-1, stable=True)
    partner = xp.take_along_axis(y, xp.take_along_axis(others, ranks, axis=-1), axis=-1)
    alike = (x == partner) & (xp.abs(x) == inf)
    z = beta * (xp.where(alike, 0.0, x) - xp.where(alike, 0.0, partner))
    value = (1 - label_smoothing) * softplus(-z) + label_smoothing * softplus(z)
    nothing = zero_where(x, x == x) + zero_where(y, y == y)
    return carry_nan(value + xp.sum(nothing))  # where one is NaN, no rank is known


@coupled_loss(
    source="Melnyk et al. 2024, arXiv:2406.05882 (read in the code of TRL, not in the paper)",
    aliases=("AOT", "aot_paired", "alignment_via_optimal_transport"),
    equals=(
        Equal(
            "torch",
            "(lambda z: -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z))"
            "(beta * (torch.sort(policy_chosen - policy_rejected)[0] - torch.sort(reference_chosen - "
            "reference_rejected)[0]))[torch.argsort(torch.argsort(policy_chosen - policy_rejected, stable=True))]",
        ),
    ),
)
def aot(
    policy_chosen: LogProbability["batch"],
    policy_rejected: LogProbability["batch"],
    reference_chosen: LogProbability["batch"],
    reference_rejected: LogProbability["batch"],
    *,
    beta: Positive = 0.1,
    label_smoothing: FlipProbability = 0.0,
    selected: Array = None,
) -> Real["batch"]:
    """AOT of pairs (alignment via optimal transport): `dpo` of the sorted margins of policy and reference.

    l_i = -(1 - e) log sigmoid(z_i) - e log sigmoid(-z_i), with e = label_smoothing, z_i = beta * (m_i - n_i),
    m = policy_chosen - policy_rejected and n_i the one of reference_chosen - reference_rejected that has the rank
    of m_i among those of the batch.

    Shapes: four arrays [batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0;
    `label_smoothing` in [0, 1/2) -> pair [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs, of which a weight belongs to
    m_i. A masked pair has no rank. Not mergeable. The sum asks that the margins of the policy dominate those of the
    reference as a distribution. Equal margins have the ranks of their places. A NaN makes all pairs NaN.
    Errors: `ContractError` for another shape, beta <= 0 or label_smoothing >= 1/2, `DTypeError` for integers or mixed
    dtypes, `MergeError` for `partial`.
    Equals: TRL `DPOTrainer(loss_type="aot")`, which returns the pairs in the order of their margins; `dpo` for one
    pair.

    >>> import numpy as np
    >>> zero, chosen, other = np.zeros(2), np.asarray([-3.0, -1.0]), np.asarray([-1.0, -3.0])
    >>> round(float(aot(chosen, zero, other, zero)), 6)  # log 2: the same margins, in other pairs
    0.693147
    """
    margins = log_difference(policy_chosen, policy_rejected)
    others = log_difference(reference_chosen, reference_rejected)
    return _against_sorted(margins, others, beta, label_smoothing, selected)


@coupled_loss(
    source="Melnyk et al. 2024, arXiv:2406.05882 (read in the code of TRL, not in the paper)",
    aliases=("aot_pair",),
    equals=(
        Equal(
            "torch",
            "(lambda z: -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z))"
            "(beta * (torch.sort(policy_chosen - reference_chosen)[0] - torch.sort(policy_rejected - "
            "reference_rejected)[0]))[torch.argsort(torch.argsort(policy_chosen - reference_chosen, stable=True))]",
        ),
    ),
)
def aot_unpaired(
    policy_chosen: LogProbability["batch"],
    policy_rejected: LogProbability["batch"],
    reference_chosen: LogProbability["batch"],
    reference_rejected: LogProbability["batch"],
    *,
    beta: Positive = 0.1,
    label_smoothing: FlipProbability = 0.0,
    selected: Array = None,
) -> Real["batch"]:
    """AOT of unpaired answers (alignment via optimal transport): `dpo` of sorted log-ratios of good and bad answers.

    l_i = -(1 - e) log sigmoid(z_i) - e log sigmoid(-z_i), with e = label_smoothing, z_i = beta * (c_i - r_i),
    c = policy_chosen - reference_chosen and r_i the one of policy_rejected - reference_rejected that has the rank of
    c_i among those of the batch.

    Shapes: four arrays [batch] of log-probabilities of whole answers (sums over tokens, <= 0), as many good as bad
    ones, which need not answer the same prompts; `beta` > 0; `label_smoothing` in [0, 1/2) -> pair [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs, of which a weight belongs to
    c_i. A masked pair has no rank. Not mergeable. The sum asks that the rewards of good answers dominate those of bad
    ones as a distribution. Equal log-ratios have the ranks of their places. A NaN makes all pairs NaN.
    Errors: `ContractError` for another shape, beta <= 0 or label_smoothing >= 1/2, `DTypeError` for integers or mixed
    dtypes, `MergeError` for `partial`.
    Equals: TRL `DPOTrainer(loss_type="aot_unpaired")`, called "aot_pair" before; `dpo` for one pair.

    >>> import numpy as np
    >>> zero, rewards, other = np.zeros(2), np.asarray([-3.0, -1.0]), np.asarray([-1.0, -3.0])
    >>> round(float(aot_unpaired(rewards, other, zero, zero)), 6)  # log 2
    0.693147
    """
    chosen = log_difference(policy_chosen, reference_chosen)
    rejected = log_difference(policy_rejected, reference_rejected)
    return _against_sorted(chosen, rejected, beta, label_smoothing, selected)
