"""Losses of preferences between answers, on log-probabilities of the answers or on rewards.

Where two log-probabilities that are compared are both -inf, their difference is declared 0, without gradient.
"""

from functools import partial
from math import inf

from lossspec.declaration import Equal, loss
from lossspec.losses._preference import GAP, Beta, Factor, Logp, log_ratio_gap, pair_loss
from lossspec.numerics import (
    array_namespace,
    divergence_terms,
    expm1,
    is_zero,
    log_difference,
    relu,
    sigmoid,
    softplus,
    stop_gradient,
)
from lossspec.terms import Array, FlipProbability, Fraction, Real, Sign

__all__ = [
    "apo_zero",
    "bco",
    "cpo",
    "dpo",
    "exo_pair",
    "ipo",
    "kto",
    "nca",
    "orpo",
    "reward_bradley_terry",
    "robust_dpo",
    "simpo",
    "slic_hinge",
    "sppo",
]

answer_loss = partial(loss, family="preference", unit="answer")


@pair_loss(
    source="Rafailov et al. 2023, arXiv:2305.18290; smoothing: Mitchell 2023, "
    "A note on DPO with noisy preferences & relationship to IPO",
    aliases=("DPO", "direct_preference_optimization"),
    also={
        "sigmoid_norm": (
            "it is dpo of log-probabilities that are averaged over the tokens of each answer. Fix: divide the four "
            "sums by the lengths of the answers, then call dpo"
        ),
        "wpo WPO": (
            "it weighs the pairs of another loss by how likely the policy holds them. Fix: pass the product of both "
            "weights, detached, as `sample_weight` with reduction='count_mean'"
        ),
    },
    equals=(
        Equal(
            "torch",
            f"(lambda z: -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z))(beta * {GAP})",
        ),
    ),
)
def dpo(
    policy_chosen: Logp,
    policy_rejected: Logp,
    reference_chosen: Logp,
    reference_rejected: Logp,
    *,
    beta: Beta = 0.1,
    label_smoothing: FlipProbability["#*batch"] = 0.0,
) -> Real["*batch"]:
    """DPO (direct preference optimization): the logistic loss of the difference of two log-ratios to a reference.

    l = -(1 - e) log sigmoid(z) - e log sigmoid(-z), with e = label_smoothing and
    z = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, natural logarithm, <= 0);
    `beta` > 0; `label_smoothing` in [0, 1/2), the probability that a pair is labelled the wrong way round
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex in z, and at least
    -e log e - (1 - e) log(1 - e). The reference is a constant by convention: the gradient in it is still the
    mathematical one, for those who ask for it.
    Errors: `ContractError` for another shape, beta <= 0 or label_smoothing >= 1/2, `DTypeError` for integers or mixed
    dtypes.
    Equals: TRL `DPOTrainer(loss_type="sigmoid")` without smoothing; with it the conservative DPO (cDPO) of Mitchell.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(dpo(same, same, same, same)), 12)
    0.69314718056
    """
    z = beta * log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    likelihood = softplus(-z)
    if is_zero(label_smoothing):
        return likelihood
    return (1 - label_smoothing) * likelihood + label_smoothing * softplus(z)


@pair_loss(
    source="Chowdhury, Kini and Natarajan 2024, arXiv:2403.00409",
    aliases=("robust_direct_preference_optimization",),
    also={
        "rdpo": (
            "two losses have this name: robust_dpo is that of Chowdhury et al.; that of Park et al., which weighs "
            "lengths, is not here"
        ),
    },
    equals=(
        Equal(
            "torch",
            "(lambda z: (-(1 - flip_probability) * F.logsigmoid(z) + flip_probability * F.logsigmoid(-z))"
            f" / (1 - 2 * flip_probability))(beta * {GAP})",
        ),
    ),
)
def robust_dpo(
    policy_chosen: Logp,
    policy_rejected: Logp,
    reference_chosen: Logp,
    reference_rejected: Logp,
    *,
    beta: Beta = 0.1,
    flip_probability: FlipProbability["#*batch"] = 0.1,
) -> Real["*batch"]:
    """Robust DPO: an unbiased estimate of the DPO loss when some pairs are labelled the wrong way round.

    l = (-(1 - e) log sigmoid(z) + e log sigmoid(-z)) / (1 - 2 e), with e = flip_probability and
    z = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0;
    `flip_probability` in [0, 1/2) -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. The loss of a pair may be
    negative, and falls without bound as z grows; with flip_probability=0 it is `dpo`.
    Errors: `ContractError` for another shape, beta <= 0 or flip_probability >= 1/2, `DTypeError` for integers or mixed
    dtypes.
    Equals: TRL `DPOTrainer(loss_type="robust", label_smoothing=flip_probability)`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(robust_dpo(same, same, same, same, flip_probability=0.25)), 12)
    0.69314718056
    """
    z = beta * log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    return softplus(-z) - flip_probability / (1 - 2 * flip_probability) * z


@pair_loss(
    source="Azar et al. 2023, arXiv:2310.12036",
    aliases=("IPO", "identity_preference_optimization"),
    equals=(Equal("torch", f"({GAP} - 1 / (2 * beta)) ** 2"),),
)
def ipo(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.1
) -> Real["*batch"]:
    """IPO (identity preference optimization): the squared distance of the log-ratios' difference from a target.

    l = (h - 1 / (2 * beta))^2, with h = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected).

    Shapes: four arrays [*batch] of log-probabilities of answers (<= 0); `beta` > 0, the tau of the paper
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. In the paper the
    log-probabilities are sums over tokens; who averages them over tokens first gets another scale of 1 / (2 * beta).
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="ipo")`, which averages the log-probabilities over tokens.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> float(ipo(same, same, same, same, beta=0.25))
    4.0
    """
    return (log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected) - 1 / (2 * beta)) ** 2


@pair_loss(
    source="Zhao et al. 2023, arXiv:2305.10425; on log-ratios to a reference: Liu et al. 2023, arXiv:2309.06657",
    aliases=("dpo_hinge",),
    also={
        "slic": "SLiC has no reference model; slic_hinge is the hinge of log-ratios to one",
    },
    equals=(Equal("torch", f"F.relu(1 - beta * {GAP})"),),
)
def slic_hinge(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.1
) -> Real["*batch"]:
    """SLiC hinge loss of the difference of two log-ratios to a reference, with a margin of 1 / beta.

    l = max(0, 1 - beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex; the derivative at
    the kink is declared 0. The calibration of SLiC-HF without a reference, max(0, d - policy_chosen + policy_rejected),
    is this loss with reference log-probabilities of 0 and beta = 1 / d, times d; its regularizer is a loss of its own.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="hinge")`.

    >>> import numpy as np
    >>> chosen, rejected = np.asarray([-2.0, -2.0]), np.asarray([-3.0, -9.0])
    >>> slic_hinge.per_example(chosen, rejected, chosen, chosen, beta=0.25).tolist()
    [0.75, 0.0]
    """
    return relu(1 - beta * log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected))


@answer_loss(
    source="Ethayarajh et al. 2024, arXiv:2402.01306",
    aliases=("KTO", "kahneman_tversky_optimization"),
    also={
        "apo_zero_unpaired": "it is kto of a reference point of 0. Fix: pass zeros as `reference_point`",
        "kto_pair": "it is kto of both answers of each pair. Fix: kto of the chosen answers with labels 1 and of the "
        "rejected ones with labels -1, each with the reference point of the other",
    },
    equals=(
        Equal(
            "torch",
            "torch.where(labels > 0,"
            " desirable_weight * (1 - torch.sigmoid(beta * (policy - reference - reference_point))),"
            " undesirable_weight * (1 - torch.sigmoid(beta * (reference_point - (policy - reference)))))",
        ),
    ),
)
def kto(
    policy: Logp,
    reference: Logp,
    labels: Sign["*batch"],
    reference_point: Factor,
    *,
    beta: Beta = 0.1,
    desirable_weight: Factor = 1.0,
    undesirable_weight: Factor = 1.0,
) -> Real["*batch"]:
    """KTO (Kahneman-Tversky optimization): the value of single answers relative to a reference point.

    l = desirable_weight * (1 - sigmoid(z)) where labels = 1, and undesirable_weight * (1 - sigmoid(-z)) where
    labels = -1, with z = beta * (policy - reference - reference_point).

    Shapes: `policy` and `reference` [*batch], log-probabilities of whole answers (sums over tokens, <= 0); `labels`
    [*batch], 1 for a desirable and -1 for an undesirable answer, integers or floats; `reference_point` >= 0, an array
    of the shape of `policy` or, for one point of the batch, with axes of size 1; `beta` > 0, both weights >= 0
    -> answer [*batch]. Answers are not paired.
    Weights and mean: the common contract; "mean" divides by the sum of weights over answers, in which the two weights
    of the loss do not count. In [0, weight].
    The reference point z0 is an estimate of KL(policy || reference) over the batch, max(0, mean of the log-ratios of
    mismatched answers). It is an input, so that answers stay independent and shards merge. By convention it is a
    constant; the gradient in it is still the mathematical one.
    Errors: `ContractError` for another shape or a parameter outside its domain; a label other than 1 and -1 gives NaN,
    and raises under `checking("values")`.
    Equals: TRL `KTOTrainer(loss_type="kto")`, which averages over all answers.

    >>> import numpy as np
    >>> same, labels = np.asarray([-12.0, -12.0]), np.asarray([1, -1])
    >>> [round(x, 12) for x in kto.per_example(same, same, labels, np.asarray([0.0]), undesirable_weight=1.5).tolist()]
    [0.5, 0.75]
    """
    xp = array_namespace(policy)
    z = beta * (log_difference(policy, reference) - reference_point)
    good = labels > 0
    surprise = sigmoid(xp.where(good, -z, z))
    return desirable_weight * xp.where(good, surprise, 0.0) + undesirable_weight * xp.where(good, 0.0, surprise)


def _log_odds_loss(chosen: Array, rejected: Array) -> Array:
    """log(1 + odds(rejected) / odds(chosen)) of two log-probabilities.

    With t <= 1 the odds of the less likely over those of the more likely answer it is log(1 + t), or log(1 + t) - log t
    where the rejected answer is the more likely one. t is one exponential and one quotient of two expm1: the difference
    of two log-odds would lose the digits that near 0 are in their logarithms.
    """
    xp = array_namespace(chosen)
    wins = chosen >= rejected
    high, low = xp.where(wins, chosen, rejected), xp.where(wins, rejected, chosen)
    certain = (low == 0) | (high == -inf)
    high, low = xp.where(certain, -1.0, high), xp.where(certain, -1.0, low)
    scale = stop_gradient(expm1(low))  # the derivative of a quotient may square its divisor: let that be 1
    quotient = (expm1(high) / scale) / (expm1(low) / scale)
    hopeless = ~wins & (quotient == 0)
    loss_of_winner = xp.log1p(xp.exp(low - high) * quotient)
    excess = (high - low) - xp.log(xp.where(wins | hopeless, 1.0, quotient))
    return xp.where(hopeless, inf, loss_of_winner + xp.where(wins, 0.0, excess))


@answer_loss(
    source="Jung et al. 2024, arXiv:2404.04656",
    aliases=("BCO", "binary_classifier_optimization"),
    also={
        "bco_pair": (
            "it is the sum of bco over the two answers of a pair. Fix: bco of the chosen answer with labels 1 plus bco "
            "of the rejected one with labels -1"
        ),
    },
    equals=(Equal("torch", "-F.logsigmoid(labels * (beta * (policy - reference) - reward_shift))"),),
)
def bco(
    policy: Logp, reference: Logp, labels: Sign["*batch"], reward_shift: Real["#*batch"], *, beta: Beta = 0.1
) -> Real["*batch"]:
    """BCO (binary classifier optimization): logistic regression of good against bad answers on implicit rewards.

    l = -log sigmoid(labels * (beta * (policy - reference) - reward_shift)).

    Shapes: `policy` and `reference` [*batch], log-probabilities of whole answers (sums over tokens, <= 0); `labels`
    [*batch], 1 for a desirable and -1 for an undesirable answer, integers or floats; `reward_shift` real, an array of
    the shape of `policy` or, for one shift of the batch, with axes of size 1; `beta` > 0 -> answer [*batch]. Answers
    are not paired.
    Weights and mean: the common contract; "mean" divides by the sum of weights over answers. Convex. The shift is, in
    the paper, half the sum of the mean rewards of good and of bad answers. It is an input and a constant by convention;
    the gradient in it is still the mathematical one.
    Errors: `ContractError` for another shape or beta <= 0; a label other than 1 and -1 gives NaN, and raises under
    `checking("values")`.
    Equals: TRL `BCOTrainer` without its density ratios: one mean over all answers, good and bad. Its shift is the
    running mean of the rewards of all.

    >>> import numpy as np
    >>> same, labels, shift = np.asarray([-12.0, -12.0]), np.asarray([1, -1]), np.asarray([0.0])
    >>> [round(x, 12) for x in bco.per_example(same, same, labels, shift).tolist()]
    [0.69314718056, 0.69314718056]
    """
    z = beta * log_difference(policy, reference) - reward_shift
    return softplus(array_namespace(policy).where(labels > 0, -z, z))


@pair_loss(
    source="Chen et al. 2024, arXiv:2402.05369",
    aliases=("noise_contrastive_alignment", "nca_pair"),
    also={
        "pml:NCALoss": "it is neighbourhood components analysis; nca is noise contrastive alignment",
    },
    equals=(
        Equal(
            "torch",
            "(lambda c, r: -F.logsigmoid(c) - 0.5 * F.logsigmoid(-c) - 0.5 * F.logsigmoid(-r))"
            "(beta * (policy_chosen - reference_chosen), beta * (policy_rejected - reference_rejected))",
        ),
    ),
)
def nca(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.1
) -> Real["*batch"]:
    """NCA (noise contrastive alignment): raises the chosen answer and keeps both from rising without bound.

    l = -log sigmoid(c) - log sigmoid(-c) / 2 - log sigmoid(-r) / 2, with c = beta * (policy_chosen - reference_chosen)
    and r = beta * (policy_rejected - reference_rejected).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex in c and r.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="nca_pair")`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(nca(same, same, same, same)), 12)  # 2 log 2
    1.38629436112
    """
    chosen = beta * log_difference(policy_chosen, reference_chosen)
    rejected = beta * log_difference(policy_rejected, reference_rejected)
    return softplus(-chosen) + 0.5 * softplus(chosen) + 0.5 * softplus(rejected)


@pair_loss(
    source="Wu et al. 2024, arXiv:2405.00675",
    aliases=("SPPO", "self_play_preference_optimization", "sppo_hard"),
    equals=(
        Equal(
            "torch",
            "(policy_chosen - reference_chosen - 0.5 / beta) ** 2"
            " + (policy_rejected - reference_rejected + 0.5 / beta) ** 2",
        ),
    ),
)
def sppo(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.001
) -> Real["*batch"]:
    """SPPO (self-play preference optimization): squared distances of the two log-ratios from their targets.

    l = (policy_chosen - reference_chosen - t)^2 + (policy_rejected - reference_rejected + t)^2, with t = 1 / (2 beta).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0), the reference being the
    policy of the last round; `beta` > 0, 1 / eta in the paper -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="sppo_hard")`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> float(sppo(same, same, same, same, beta=0.25))
    8.0
    """
    target = 0.5 / beta
    chosen = log_difference(policy_chosen, reference_chosen)
    rejected = log_difference(policy_rejected, reference_rejected)
    return (chosen - target) ** 2 + (rejected + target) ** 2


@pair_loss(
    source="D'Oosterlinck et al. 2024, arXiv:2408.06266",
    also={
        "anchored_preference_optimization": "two losses have this name: apo_zero and apo_down",
    },
    equals=(
        Equal(
            "torch",
            "1 - torch.sigmoid(beta * (policy_chosen - reference_chosen))"
            " + torch.sigmoid(beta * (policy_rejected - reference_rejected))",
        ),
    ),
)
def apo_zero(
    policy_chosen: Logp, policy_rejected: Logp, reference_chosen: Logp, reference_rejected: Logp, *, beta: Beta = 0.1
) -> Real["*batch"]:
    """APO-zero (anchored preference optimization): raises the chosen answer and lowers the rejected one.

    l = 1 - sigmoid(beta * (policy_chosen - reference_chosen)) + sigmoid(beta * (policy_rejected - reference_rejected)).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. In [0, 2]; 1 more than in
    the paper, so that it is small where it is good.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `DPOTrainer(loss_type="apo_zero")`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> round(float(apo_zero(same, same, same, same)), 12)
    1.0
    """
    chosen = beta * log_difference(policy_chosen, reference_chosen)
    rejected = beta * log_difference(policy_rejected, reference_rejected)
    return sigmoid(-chosen) + sigmoid(rejected)


@pair_loss(
    source="Ji et al. 2024, arXiv:2402.00856, equation 16 (read in the code of TRL 1.16, not in the paper)",
    aliases=("EXO", "efficient_exact_optimization"),
    equals=(
        Equal(
            "torch",
            "(lambda z, e: torch.sigmoid(z) * (F.logsigmoid(z) - torch.log1p(-e))"
            " + torch.sigmoid(-z) * (F.logsigmoid(-z) - torch.log(e)))"
            f"(beta * {GAP}, torch.as_tensor(label_smoothing, dtype=policy_chosen.dtype))",
        ),
    ),
)
def exo_pair(
    policy_chosen: Logp,
    policy_rejected: Logp,
    reference_chosen: Logp,
    reference_rejected: Logp,
    *,
    beta: Beta = 0.1,
    label_smoothing: Fraction["#*batch"] = 1e-3,
) -> Real["*batch"]:
    """EXO of pairs (efficient exact optimization): the divergence of the policy's preference from a smoothed label.

    l = q log(q / (1 - e)) + (1 - q) log((1 - q) / e), with q = sigmoid(z), e = label_smoothing and
    z = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)).

    Shapes: four arrays [*batch] of log-probabilities of whole answers (sums over tokens, <= 0); `beta` > 0;
    `label_smoothing` in (0, 1), the probability of the rejected answer, without which the divergence would be infinite
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Never negative, and 0 where
    q = 1 - e; nearly equal preferences keep their digits. It is the divergence of `dpo` with the sides exchanged, which
    seeks the mode of the label.
    Errors: `ContractError` for another shape or a parameter outside its domain, `DTypeError` for integers or mixed
    dtypes.
    Equals: TRL `DPOTrainer(loss_type="exo_pair", label_smoothing=label_smoothing)`.

    >>> import numpy as np
    >>> same = np.asarray([-12.0])
    >>> float(exo_pair(same, same, same, same, label_smoothing=0.5))
    0.0
    """
    z = beta * log_ratio_gap(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    xp = array_namespace(z)
    wrong = xp.zeros_like(z) + label_smoothing
    chosen = divergence_terms(sigmoid(z), 1 - wrong, -softplus(-z) - xp.log1p(-wrong))
    return chosen + divergence_terms(sigmoid(-z), wrong, -softplus(z) - xp.log(wrong))


@pair_loss(
    source="Hong, Lee and Thorne 2024, arXiv:2403.07691",
    aliases=("ORPO", "odds_ratio_preference_optimization"),
    equals=(
        Equal(
            "torch",
            "-chosen - beta * F.logsigmoid((chosen - rejected)"
            " - (torch.log(-torch.expm1(chosen)) - torch.log(-torch.expm1(rejected))))",
        ),
    ),
)
def orpo(chosen: Logp, rejected: Logp, *, beta: Beta = 0.1) -> Real["*batch"]:
    """ORPO (odds ratio preference optimization): the likelihood of the chosen answer plus a logistic loss of odds.

    l = -chosen - beta * log sigmoid(log(odds(chosen) / odds(rejected))), with odds(x) = exp(x) / (1 - exp(x)).

    Shapes: `chosen` and `rejected` [*batch], the log-probabilities of the answers under the policy, averaged over their
    tokens (<= 0); `beta` > 0, the lambda of the paper -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs.
    A rejected answer of probability 1 is inf, with gradient 0 in the second term; where both have it the odds ratio is
    declared 1, with derivative 0. The naive log(1 - exp(x)) is -inf from -6e-8 on in float32; here every digit is kept.
    Errors: `ContractError` for another shape or beta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: the loss of the paper; TRL `ORPOTrainer` has its second term, with the cross entropy over the tokens of the
    batch for the first.

    >>> import numpy as np
    >>> half = np.log(np.asarray([0.5]))
    >>> round(float(orpo(half, half, beta=1.0)), 12)
    1.38629436112
    """
    return beta * _log_odds_loss(chosen, rejected) - chosen


@pair_loss(
    source="Meng, Xia and Chen 2024, arXiv:2405.14734",
    aliases=("SimPO", "simple_preference_optimization"),
    also={
        "tpo TPO tpo-l": "it adds the likelihood of a third answer. Fix: the preference of the two answers, simpo for "
        "tpo-l, plus cross_entropy of the tokens of the third one",
    },
    equals=(Equal("torch", "-F.logsigmoid(beta * (chosen - rejected) - gamma)"),),
)
def simpo(chosen: Logp, rejected: Logp, *, beta: Beta = 2.0, gamma: Factor = 1.0) -> Real["*batch"]:
    """SimPO (simple preference optimization): the logistic loss of mean log-probabilities, with a margin.

    l = -log sigmoid(beta * (chosen - rejected) - gamma).

    Shapes: `chosen` and `rejected` [*batch], the log-probabilities of the answers under the policy, averaged over their
    tokens (<= 0); `beta` > 0; `gamma` >= 0, the margin of the rewards -> pair [*batch]. There is no reference.
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex.
    Errors: `ContractError` for another shape, beta <= 0 or gamma < 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `CPOTrainer(loss_type="simpo", cpo_alpha=0)`; where a ratio of gamma to beta is
    given, gamma is beta times it.

    >>> import numpy as np
    >>> round(float(simpo(np.asarray([-1.0]), np.asarray([-1.5]))), 12)
    0.69314718056
    """
    return softplus(gamma - beta * log_difference(chosen, rejected))


@pair_loss(
    source="Xu et al. 2024, arXiv:2401.08417",
    aliases=("CPO", "contrastive_preference_optimization"),
    equals=(Equal("torch", "-F.logsigmoid(beta * (chosen - rejected)) - alpha * chosen"),),
)
def cpo(chosen: Logp, rejected: Logp, *, beta: Beta = 0.1, alpha: Factor = 1.0) -> Real["*batch"]:
    """CPO (contrastive preference optimization): a logistic loss without reference, plus the likelihood.

    l = -log sigmoid(beta * (chosen - rejected)) - alpha * chosen.

    Shapes: `chosen` and `rejected` [*batch], the log-probabilities of whole answers under the policy (sums over tokens,
    <= 0); `beta` > 0; `alpha` >= 0, the factor of the negative log-likelihood, 1 in the paper -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex.
    Errors: `ContractError` for another shape, beta <= 0 or alpha < 0, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `CPOTrainer(loss_type="sigmoid", cpo_alpha=alpha)` in its first term; there the second one is the mean
    over the tokens of the batch.

    >>> import numpy as np
    >>> round(float(cpo(np.asarray([-3.0]), np.asarray([-3.0]))), 12)
    3.69314718056
    """
    preference = softplus(beta * log_difference(rejected, chosen))
    return preference if is_zero(alpha) else preference - alpha * chosen


@pair_loss(
    source="Bradley and Terry 1952, doi:10.2307/2334029; Ouyang et al. 2022, arXiv:2203.02155; margin: Touvron et al. "
    "2023, arXiv:2307.09288; centring: Eisenstein et al. 2023, arXiv:2312.09244",
    aliases=("bradley_terry", "reward_modeling"),
    equals=(
        Equal("torch", "-F.logsigmoid(chosen - rejected - margin) + center_coefficient * (chosen + rejected) ** 2"),
    ),
)
def reward_bradley_terry(
    chosen: Real["*batch"], rejected: Real["*batch"], *, margin: Factor = 0.0, center_coefficient: Factor = 0.0
) -> Real["*batch"]:
    """Reward model loss: the negative log-likelihood of a preference under the Bradley-Terry model.

    l = -log sigmoid(chosen - rejected - margin) + center_coefficient * (chosen + rejected)^2.

    Shapes: `chosen` and `rejected` [*batch], the rewards of the two answers, any real numbers; `margin` >= 0, a number
    or an array of the shape of `chosen` or with size 1 on some axes; `center_coefficient` >= 0 -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. Convex. Rewards are
    determined up to a constant; a positive `center_coefficient` draws their sum to 0.
    Errors: `ContractError` for another shape or a negative margin or coefficient, `DTypeError` for integers.
    Equals: TRL `RewardTrainer` with `center_rewards_coefficient=center_coefficient`.

    >>> import numpy as np
    >>> round(float(reward_bradley_terry(np.asarray([2.0]), np.asarray([1.0]), margin=1.0)), 12)
    0.69314718056
    """
    likelihood = softplus(margin - (chosen - rejected))
    if is_zero(center_coefficient):
        return likelihood
    return likelihood + center_coefficient * (chosen + rejected) ** 2
