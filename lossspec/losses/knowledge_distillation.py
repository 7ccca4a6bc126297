"""Losses that make a student like its teacher."""

from math import inf
from typing import Any, Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, log1p, mixture_terms, per_row, softmax_divergence, softmax_pair
from lossspec.terms import Array, Fraction, Logits, Positive, Real

__all__ = ["distillation", "generalized_jsd"]


@loss(
    family="distillation",
    unit="example",
    source="Hinton, Vinyals and Dean 2015, arXiv:1503.02531; reverse: Gu et al. 2024, arXiv:2306.08543",
    aliases=("knowledge_distillation",),
    equals=(
        Equal(
            "torch",
            "(temperature**2 if squared_temperature else 1) * F.kl_div(F.log_softmax(student_logits / temperature, -1),"
            " F.log_softmax(teacher_logits / temperature, -1), reduction='none', log_target=True).sum(-1)",
            when="direction == 'forward'",
        ),
        Equal(
            "torch",
            "(temperature**2 if squared_temperature else 1) * F.kl_div(F.log_softmax(teacher_logits / temperature, -1),"
            " F.log_softmax(student_logits / temperature, -1), reduction='none', log_target=True).sum(-1)",
            when="direction == 'reverse'",
        ),
    ),
    perfect={"student_logits": "teacher_logits"},
    invariant_in=("student_logits", "teacher_logits"),
)
def distillation(
    student_logits: Logits["*batch classes"],
    teacher_logits: Logits["*batch classes"],
    *,
    temperature: Positive["#*batch"] = 1.0,
    squared_temperature: bool = True,
    direction: Literal["forward", "reverse"] = "forward",
) -> Real["*batch"]:
    """Knowledge distillation: the divergence of the student's softened probabilities from the teacher's.

    l = temperature^2 * KL(p || q), with p = softmax(teacher_logits / temperature) and q the same of the student;
    direction "reverse" takes KL(q || p), `squared_temperature=False` leaves the factor out.

    Shapes: `student_logits` and `teacher_logits` [*batch classes], a logit of -inf rules its class out (the class axis
    anywhere: `axis`); `temperature` > 0, a number or a 0-d array -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    The factor keeps gradients of one size at all temperatures, as Hinton et al. advise where hard labels are used
    too; as the temperature grows l goes to half the variance, over classes, of the difference of logits. The teacher
    has a gradient too: ask for that of the student alone, or stop it. A student near its teacher keeps the digits of
    its loss. It is inf where the second distribution rules out a class that the first does not.
    Errors: `ContractError` for another shape, direction or temperature <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `T * T * F.kl_div(log_softmax(s / T), log_softmax(t / T), log_target=True, reduction="batchmean")`;
    Liger and TRL leave the factor out.

    >>> import numpy as np
    >>> student, teacher = np.asarray([[0.0, 0.0]]), np.asarray([[2 * np.log(3.0), 0.0]])
    >>> round(float(distillation(student, teacher, temperature=2.0)), 12)
    0.523248143765
    """
    first, second = (teacher_logits, student_logits)[:: 1 if direction == "forward" else -1]
    divergence = softmax_divergence(first, second, per_row(temperature))
    return divergence * temperature * temperature if squared_temperature else divergence


@loss(
    family="distillation",
    unit="example",
    source="Agarwal et al. 2024, arXiv:2306.13649",
    also={"trl:generalized_jsd_loss": {"reduction": "batch_mean"}},
    equals=(
        Equal(
            "torch",
            "(lambda s, t, m: beta * F.kl_div(m(s, t), t, reduction='none', log_target=True)"
            " + (1 - beta) * F.kl_div(m(s, t), s, reduction='none', log_target=True))"
            "(F.log_softmax(student_logits / temperature, -1), F.log_softmax(teacher_logits / temperature, -1),"
            " lambda s, t: (beta * t.exp() + (1 - beta) * s.exp()).log()).sum(-1)",
            differs={"edges": "a mixture that underflows to 0 is NaN there"},
        ),
    ),
    perfect={"student_logits": "teacher_logits"},
    invariant_in=("student_logits", "teacher_logits"),
)
def generalized_jsd(
    student_logits: Logits["*batch classes"],
    teacher_logits: Logits["*batch classes"],
    *,
    beta: Fraction["#*batch"] = 0.5,
    temperature: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Generalized Jensen-Shannon divergence of student and teacher, from their logits.

    l = beta KL(p || m) + (1 - beta) KL(q || m), with p = softmax(teacher_logits / temperature), q the same of the
    student and m = beta p + (1 - beta) q.

    Shapes: `student_logits` and `teacher_logits` [*batch classes], a logit of -inf rules its class out (the class axis
    anywhere: `axis`); 0 < `beta` < 1, `temperature` > 0, numbers or 0-d arrays -> example [*batch].
    Weights and mean: the common contract, one weight an example (for sequences a token); "mean" divides by the sum of
    weights. There is no factor temperature^2.
    A student near its teacher keeps the digits of its loss. It is at most -beta log beta - (1 - beta) log(1 - beta),
    also where classes are ruled out, and goes to 0 with beta and 1 - beta: `generalized_jensen_shannon` says how.
    Errors: `ContractError` for another shape, beta outside (0, 1) or temperature <= 0, `DTypeError` for integers or
    mixed dtypes.
    Equals: TRL `GKDTrainer.generalized_jsd_loss` and, of log-probabilities, Liger `LigerJSD` for 0 < beta < 1; their
    beta = 0 is `distillation` and their beta = 1 `distillation(direction="reverse")`, without the squared temperature.
    `LigerFusedLinearJSDLoss` takes hidden states, and is half this and half a cross entropy unless told.

    >>> import numpy as np
    >>> certain = np.asarray([[0.0, -np.inf]])
    >>> round(float(generalized_jsd(certain, certain[:, ::-1])), 12)
    0.69314718056
    """
    xp = array_namespace(student_logits)
    weights, beta = beta, per_row(beta)
    p, q, log_ratio = softmax_pair(teacher_logits, student_logits, per_row(temperature))
    near = xp.sum(mixture_terms(p, q, log_ratio, beta), axis=-1)

    # Where each is sure of what the other rules out, l is the bound of the docstring less small terms.
    odds = beta / (1 - beta)
    p_gap = _log1p_of_power(xp, 1 / odds, -log_ratio)
    q_gap = _log1p_of_power(xp, odds, log_ratio)
    weights = xp.zeros_like(near) + weights
    log_own, log_other = xp.log(weights), log1p(-weights)
    bound = -weights * log_own - (1 - weights) * log_other
    apart = bound - xp.sum(beta * p * p_gap + (1 - beta) * q * q_gap, axis=-1)
    p_top, q_top = (xp.take_along_axis(log_ratio, xp.argmax(z, axis=-1, keepdims=True), axis=-1) for z in (p, q))
    log_odds = log_own - log_other
    return xp.where((p_top[..., 0] + log_odds > 1) & (q_top[..., 0] + log_odds < -1), apart, near)


def _log1p_of_power(xp: Any, factor: Any, x: Array) -> Array:
    """log(1 + factor * exp(x)); where x is inf it stands beside a probability of 0, and is 0."""
    finite = xp.where(x == inf, 0.0, x)
    positive = finite > 0
    up, down = xp.where(positive, finite, 0.0), xp.where(positive, 0.0, finite)
    above = up + xp.log(factor + xp.exp(-up))
    return xp.where(x == inf, 0.0, xp.where(positive, above, xp.log1p(factor * xp.exp(down))))
