"""Losses that make a student like its teacher."""

from math import inf
from typing import Any, Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    absolute,
    array_namespace,
    log1p,
    log_odds,
    matmul,
    mixture_terms,
    normalize,
    per_row,
    positions,
    softmax_divergence,
    softmax_pair,
    stop_gradient,
)
from lossspec.terms import Array, Embedding, Fraction, Label, Logits, NonNegative, Positive, Real

__all__ = [
    "decoupled_distillation",
    "distillation",
    "generalized_jsd",
    "margin_mse",
    "relational_angle",
]

_PAIRS_OF_BATCH = (
    "the relations of each example with all others of the batch are compared, so a shard does not know its own loss. "
    "Gather the embeddings of all shards, then take the loss once."
)


@loss(
    family="distillation",
    unit="example",
    source="Hinton, Vinyals and Dean 2015, arXiv:1503.02531; reverse: Gu et al. 2024, arXiv:2306.08543",
    aliases=("knowledge_distillation",),
    also={
        "hard_label_distillation hard_label_kd": "it is cross_entropy of the student's logits, with the teacher's "
        "likeliest classes as labels",
        "deit:DistillationLoss": "its hard form is half the cross entropy of the class head and half that of the "
        "distillation head, whose labels are the teacher's likeliest classes: 0.5 * cross_entropy of each",
    },
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


@loss(
    family="distillation",
    unit="example",
    source="Zhao et al. 2022, arXiv:2203.08679 (read in the official code, not in the paper)",
    aliases=("DKD",),
    equals=(
        Equal(
            "torch",
            "(lambda s, t, own, kl: temperature**2 * (alpha * kl(*(torch.stack([torch.logsumexp(torch.where(m, z, "
            "-torch.inf), 1) for m in (own, ~own)], 1) for z in (s, t))) + beta * kl(*(z[~own].reshape(len(z), -1) "
            "for z in (s, t)))))(student_logits / torch.as_tensor(temperature)[..., None], teacher_logits / "
            "torch.as_tensor(temperature)[..., None], F.one_hot(labels, student_logits.shape[1]) == 1, lambda s, t: "
            "F.kl_div(F.log_softmax(s, 1), F.log_softmax(t, 1), reduction='none', log_target=True).sum(1))",
            when="student_logits.ndim == 2 and student_logits.shape[1] > 1 and len(labels) > 0",
        ),
    ),
    perfect={"student_logits": "teacher_logits"},
    invariant_in=("student_logits", "teacher_logits"),
    sizes={"classes": 3},
)
def decoupled_distillation(
    student_logits: Logits["*batch classes"],
    teacher_logits: Logits["*batch classes"],
    labels: Label["*batch"],
    *,
    alpha: NonNegative["#*batch"] = 1.0,
    beta: NonNegative["#*batch"] = 8.0,
    temperature: Positive["#*batch"] = 4.0,
) -> Real["*batch"]:
    """Decoupled knowledge distillation (DKD): the divergence of the label from the rest, and that among the rest.

    l = temperature^2 (alpha KL(b_p || b_q) + beta KL(r_p || r_q)), with p = softmax(teacher_logits / temperature), q
    the same of the student, b = (p[label], 1 - p[label]), and r the probabilities of the classes other than the label,
    divided by their sum.

    Shapes: `student_logits` and `teacher_logits` [*batch classes], a logit of -inf rules its class out (the class axis
    anywhere: `axis`); `labels` [*batch], integers in [0, classes); `alpha` and `beta` >= 0, `temperature` > 0
    -> example [*batch].
    Weights and mean: w = sample_weight * class_weight[label]. `distillation` is this with alpha = 1 and the teacher's
    1 - p[label] for beta. The teacher has a gradient too: ask for that of the student alone, or stop it. A student near
    its teacher keeps the digits of its loss. Where the teacher rules out all classes but the label the second
    divergence is declared 0; a divergence is inf where the student alone rules out what the teacher does not.
    Errors: `ContractError` for another shape, alpha or beta < 0 or temperature <= 0, `DTypeError` for float labels; a
    label outside [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: the official `dkd_loss(alpha=1, beta=8, temperature=4)`, which subtracts 1000 from the logit of the label.

    >>> import numpy as np
    >>> student, teacher = np.asarray([[0.0, 0.0, 0.0]]), np.asarray([[np.log(2.0), 0.0, 0.0]])
    >>> loss = decoupled_distillation(student, teacher, np.asarray([0]), temperature=1.0)
    >>> round(float(np.exp(2 * loss)), 12)  # the divergence of (1/2, 1/2) from (1/3, 2/3) is log(9/8) / 2
    1.125
    """
    xp = array_namespace(student_logits)
    is_label, heat = positions(student_logits, dtype=labels.dtype) == labels[..., None], per_row(temperature)
    kinds, rest = [], []
    for logits in (teacher_logits, student_logits):
        rest.append(xp.where(is_label, -inf, logits))
        top = xp.max(stop_gradient(rest[-1]), axis=-1, keepdims=True)
        odds = log_odds((logits - xp.where(top == -inf, 0.0, top)) / heat, labels)
        likely = odds > 0
        kinds.append(xp.stack([xp.where(likely, 0.0, odds), xp.where(likely, -odds, 0.0)], axis=-1))
    of_label = softmax_divergence(kinds[0], kinds[1])
    has_rest = [xp.any(logits != -inf, axis=-1) for logits in rest]
    both = has_rest[0] & has_rest[1]
    teacher_rest, student_rest = (xp.where(both[..., None], logits, 0.0) for logits in rest)
    of_rest = softmax_divergence(teacher_rest, student_rest, heat)
    of_rest = xp.where(both, of_rest, xp.where(has_rest[0], inf, xp.zeros_like(of_rest)))
    return (alpha * of_label + beta * of_rest) * temperature * temperature


@loss(
    family="distillation",
    unit="triplet",
    source="Hofstaetter et al. 2020, arXiv:2010.02666 (formula from memory, not read)",
    aliases=("MarginMSE", "MarginMSELoss"),
    equals=(
        Equal(
            "torch",
            "F.mse_loss(student_positives - student_negatives, teacher_positives - teacher_negatives, "
            "reduction='none')",
        ),
    ),
    perfect={"student_positives": "teacher_positives", "student_negatives": "teacher_negatives"},
    convex_in=("student_positives", "student_negatives", "teacher_positives", "teacher_negatives"),
)
def margin_mse(
    student_positives: Real["*batch"],
    student_negatives: Real["*batch"],
    teacher_positives: Real["*batch"],
    teacher_negatives: Real["*batch"],
) -> Real["*batch"]:
    """Margin MSE: the squared error of the student's margin between two scores of one query, by the teacher's.

    l = ((student_positives - student_negatives) - (teacher_positives - teacher_negatives))^2.

    Shapes: four arrays [*batch], the scores of the relevant and of the other passage of each query, any real numbers
    -> triplet [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The scores may be of different scales
    and offsets: only margins are compared. The teacher has a gradient too: ask for that of the student alone.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.mse_loss` of the margins; by its documentation Sentence Transformers `MarginMSELoss`, whose labels
    are the margins of the teacher, which was not run.

    >>> import numpy as np
    >>> float(margin_mse(*(np.asarray([x]) for x in (3.0, 1.0, 9.0, 4.0))))
    9.0
    """
    return ((student_positives - student_negatives) - (teacher_positives - teacher_negatives)) ** 2


def _huber(difference: Array) -> Array:
    """The Huber loss with the width 1."""
    size = absolute(difference)
    return array_namespace(size).where(size < 1, 0.5 * difference * difference, size - 0.5)


def _count(selected: Array | None, like: Array) -> Any:
    """The number of selected examples, at least 1."""
    if selected is None:
        return max(like.shape[0], 1)
    xp = array_namespace(like)
    count = xp.sum(xp.astype(selected, like.dtype))
    return xp.where(count > 0, count, 1.0)


@loss(
    family="distillation",
    unit="example",
    source="Park, Kim, Lu and Cho 2019, arXiv:1904.05068 (read in the official code, not in the paper)",
    aliases=("RKD-A", "RkdAngle"),
    also={
        "RKD-D RkdDistance": "it compares the distances of all pairs, each over the mean of those that are not 0. Fix: "
        "huber(student / student[student > 0].mean(), teacher / teacher[teacher > 0].mean()) of matrices of distances",
        "RKD": "it is a sum of two. Fix: 2 * relational_angle plus the huber that is said of RKD-D, the paper's ratio",
    },
    equals=(
        Equal(
            "torch",
            "F.smooth_l1_loss(*(torch.bmm(u, u.mT) for u in (F.normalize(x[None] - x[:, None], dim=2) for x in "
            "(student_embeddings, teacher_embeddings))), reduction='none').mean((1, 2))",
            when="len(student_embeddings) > 0",
            differs={"gradient edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"},
        ),
    ),
    coupled=_PAIRS_OF_BATCH,
    sizes={"batch": 3, "dim": 2, "teacher_dim": 2},
)
def relational_angle(
    student_embeddings: Embedding["batch dim"],
    teacher_embeddings: Embedding["batch teacher_dim"],
    *,
    selected: Array = None,
) -> Real["batch"]:
    """Relational distillation of angles (RKD-A): the angles between examples are the teacher's.

    l_i = sum_{j, k} h(s_ijk - t_ijk) / batch^2, with h the Huber loss of width 1, s_ijk the cosine of the angle at
    example i between j and k for the student, and t_ijk the same of the teacher.

    Shapes: `student_embeddings` [batch dim] and `teacher_embeddings` [batch teacher_dim], any vectors, row i of both of
    one example -> example [batch]. It forms all batch * batch * batch triplets.
    Weights and mean: the common contract; a masked example is in no angle. "mean" divides by batch^3, as the official
    code does. An angle with an example that coincides with i has the cosine 0, derivative 0. The teacher has a gradient
    too: ask for that of the student alone. Not mergeable.
    Errors: `ContractError` for another shape, `MergeError` for `partial`.
    Equals: the official `RKdAngle`.

    >>> import numpy as np
    >>> x = np.asarray([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> relational_angle.per_example(x, np.asarray([[0.0], [1.0], [2.0]]))[0].round(12)  # 2 * (0 - 1)^2 / 2 / 9
    np.float64(0.111111111111)
    """
    xp = array_namespace(student_embeddings)
    if student_embeddings.shape[0] == 0:
        return xp.sum(student_embeddings, axis=-1) + xp.sum(teacher_embeddings, axis=-1)
    cosines = []
    for x in (student_embeddings, teacher_embeddings):
        directions, coincide = normalize(x[None, :, :] - x[:, None, :])
        cosine = matmul(directions, xp.matrix_transpose(directions))
        of_itself = xp.astype(~coincide, x.dtype)[..., None]  # a constant, which a product of directions would round
        cosines.append(xp.where(coincide[None, :, :], of_itself, cosine))
    each = _huber(cosines[0] - cosines[1])
    if selected is not None:
        each = xp.where(selected[None, :, None] & selected[None, None, :], each, 0.0)
    return xp.sum(each, axis=(-2, -1)) / _count(selected, student_embeddings) ** 2
