"""Divergences of policies, over all actions of a state or of sampled actions."""

from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import carry_nan, expm1_minus, log_difference, softmax_divergence
from lossspec.terms import LogDensity, Logits, Real

__all__ = [
    "policy_kl_divergence",
    "policy_kl_estimate",
]


@loss(
    family="divergence",
    unit="state",
    source="Schulman et al. 2015, arXiv:1502.05477",
    equals=(
        Equal(
            "torch",
            "F.kl_div(logits.log_softmax(-1), old_logits.log_softmax(-1), reduction='none', log_target=True).sum(-1)",
            when="direction == 'forward'",
        ),
        Equal(
            "torch",
            "torch.distributions.kl_divergence(torch.distributions.Categorical(logits=logits),"
            " torch.distributions.Categorical(logits=old_logits))",
            when="direction == 'reverse'",
        ),
    ),
    perfect={"logits": "old_logits"},
    invariant_in=("logits", "old_logits"),
)
def policy_kl_divergence(
    logits: Logits["*batch classes"],
    old_logits: Logits["*batch classes"],
    *,
    direction: Literal["forward", "reverse"] = "forward",
) -> Real["*batch"]:
    """KL divergence of a policy from an older one, exact over all actions of a state: the constraint of TRPO.

    l = sum_a p[a] log(p[a] / q[a]), with p = softmax(old_logits) and q = softmax(logits) in the direction "forward",
    KL(old || new), the constraint of TRPO; "reverse" swaps p and q: KL(new || old).

    Shapes: `logits` and `old_logits` [*batch classes], a logit of -inf rules its action out (the axis of actions
    anywhere: `axis`) -> state [*batch].
    Weights and mean: the common contract, one weight a state; "mean" divides by the sum of weights.
    Nearly equal policies keep the digits of their divergence. It is inf where q rules out an action that p does not.
    Errors: `ContractError` for another shape or direction, `DTypeError` for integers or mixed dtypes.
    Equals: torch `distributions.kl_divergence` of two `Categorical`. `policy_kl_estimate` needs sampled actions only.

    >>> import numpy as np
    >>> old, new = np.log(np.asarray([[0.5, 0.5]])), np.log(np.asarray([[0.25, 0.75]]))
    >>> round(float(policy_kl_divergence(new, old)), 12)
    0.143841036226
    """
    if direction == "reverse":
        logits, old_logits = old_logits, logits
    return softmax_divergence(old_logits, logits)


@loss(
    family="divergence",
    unit="token",
    source="Schulman 2020, Approximating KL divergence, http://joschu.net/blog/kl-approx.html",
    equals=(
        Equal("torch", "log_probabilities - reference_log_probabilities", when="estimator == 'k1'"),
        Equal("torch", "(log_probabilities - reference_log_probabilities) ** 2 / 2", when="estimator == 'k2'"),
        Equal(
            "torch",
            "torch.exp(reference_log_probabilities - log_probabilities)"
            " - (reference_log_probabilities - log_probabilities) - 1",
            when="estimator == 'k3'",
        ),
    ),
)
def policy_kl_estimate(
    log_probabilities: LogDensity["*batch"],
    reference_log_probabilities: LogDensity["*batch"],
    *,
    estimator: Literal["k1", "k2", "k3"] = "k3",
) -> Real["*batch"]:
    """Monte Carlo estimate of KL(policy || reference), from actions that the policy has sampled.

    l = exp(r) - 1 - r for "k3", r^2 / 2 for "k2" and -r for "k1", with r = reference_log_probabilities -
    log_probabilities.

    Shapes: `log_probabilities` and `reference_log_probabilities` [*batch] of sampled tokens, or log-densities of
    sampled actions, which may be above 0 -> token [*batch].
    Weights and mean: the common contract; mask prompts and padding with `where`; "mean" divides by the sum of weights
    of the tokens that are left.
    Under samples of the policy the mean of k1 and of k3 is the divergence; k2 is biased, little where both are near.
    k2 and k3 are never negative, and k3 keeps its digits near 0. The gradient is that of the estimate and not of the
    divergence: with fixed samples the expected gradient of k1 is 0, of k2 that of KL(policy || reference), and of k3
    that of KL(reference || policy). exp(r) overflows to inf from r = 709 on (88 in float32).
    Errors: `ContractError` for another shape or estimator, `DTypeError` for integers or mixed dtypes.
    Equals: TRL `kl_estimator` "k1" and "k3" in PPO, and "k3" in GRPO.

    >>> import numpy as np
    >>> policy, reference = np.log(np.asarray([0.25])), np.log(np.asarray([0.5]))
    >>> [round(float(policy_kl_estimate(policy, reference, estimator=k)), 12) for k in ("k1", "k2", "k3")]
    [-0.69314718056, 0.240226506959, 0.30685281944]
    """
    log_ratio = log_difference(reference_log_probabilities, log_probabilities)
    if estimator == "k1":
        return carry_nan(-log_ratio)
    return 0.5 * log_ratio * log_ratio if estimator == "k2" else expm1_minus(log_ratio)
