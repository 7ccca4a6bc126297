"""Losses of self-supervision whose targets are the prototypes that another view is assigned to."""

from math import inf

from lossspec.declaration import Equal, loss, require
from lossspec.losses._similarities import log_sum_exp
from lossspec.numerics import (
    array_namespace,
    gaps_to_largest,
    per_row,
    softmax_cross_entropy,
    stop_gradient,
)
from lossspec.terms import Array, Indicator, Logits, Positive, Real

__all__ = ["ibot_patch", "swav"]


@loss(
    family="self_supervised",
    unit="example",
    source="Zhou et al. 2022, arXiv:2111.07832 (read in the official code, not in the paper)",
    aliases=("iBOTPatchLoss", "iBOT"),
    also={
        "lightly:IBOTPatchLoss": "it holds the center, and takes the masked patches of all images in one array",
    },
    equals=(
        Equal(
            "torch",
            "(lambda each: (each * masked).sum(-1) / masked.sum(-1).clamp(min=1.0))(F.cross_entropy("
            "*((z / torch.as_tensor(heat)[..., None, None]).movedim(-1, 1) for z, heat in "
            "((student_logits, student_temperature),)), F.softmax((teacher_logits - (0 if center is None else center)) "
            "/ torch.as_tensor(teacher_temperature)[..., None, None], -1).movedim(-1, 1), reduction='none'))",
            when="student_logits.ndim == 3",
        ),
    ),
    unread={
        "student_logits": "those of patches that are not masked",
        "teacher_logits": "those of patches that are not masked",
    },
    invariant_in=("student_logits", "teacher_logits"),
    sizes={"patches": 2, "classes": 2},
)
def ibot_patch(
    student_logits: Logits["*batch patches classes"],
    teacher_logits: Logits["*batch patches classes"],
    masked: Indicator["*batch patches"],
    *,
    center: Real["classes"] | None = None,
    student_temperature: Positive["#*batch"] = 0.1,
    teacher_temperature: Positive["#*batch"] = 0.07,
) -> Real["*batch"]:
    """Masked patches of iBOT: cross entropy of the patches that the student does not see under the teacher's view.

    l = sum_i masked[i] * (-sum_c p[i, c] log q[i, c]) / sum_i masked[i], with p[i] = softmax((teacher_logits[i] -
    center) / teacher_temperature) and q[i] = softmax(student_logits[i] / student_temperature) of patch i.

    Shapes: `student_logits` and `teacher_logits` [*batch patches classes], a logit of -inf rules its class out (the
    class axis anywhere: `axis`); `masked` [*batch patches], 1 where the student's input was masked, else 0, integers
    or floats; `center` [classes], the running mean of the teacher's logits, 0 where it is left out; both temperatures
    > 0 -> example [*batch].
    Weights and mean: the common contract, one weight an image; an image without a masked patch has the loss 0 and
    counts. In the paper the teacher gets no gradient: ask for that of the student alone. The loss of whole images is
    `dino`; the paper adds both.
    Errors: `ContractError` for another shape or a temperature <= 0, `DTypeError` for integer logits or mixed dtypes; an
    entry of `masked` other than 0 and 1 gives NaN.
    Equals: the second part of the official `iBOTLoss`, for one pair of views.

    >>> import numpy as np
    >>> student, teacher = np.asarray([[[0.0, 0.0], [9.0, 0.0]]]), np.asarray([[[5.0, 7.0], [5.0, 7.0]]])
    >>> round(float(ibot_patch(student, teacher, np.asarray([[1, 0]]))), 12)
    0.69314718056
    """
    xp = array_namespace(student_logits)
    hidden = masked == 1
    student, centred = (xp.where(hidden[..., None], x, 0.0) for x in (student_logits, teacher_logits))
    if center is not None:
        centred = centred - center[(None,) * (len(centred.shape) - 1) + (...,)]
    targets = gaps_to_largest(centred) / per_row(teacher_temperature, 2)
    each = softmax_cross_entropy(gaps_to_largest(student) / per_row(student_temperature, 2), targets)
    count = xp.sum(xp.astype(hidden, each.dtype), axis=-1)
    return xp.sum(xp.where(hidden, each, 0.0), axis=-1) / xp.where(count > 0, count, 1.0)


def _codes(scores: Array, epsilon: float, iterations: int, selected: Array | None) -> Array:
    """The logits of the shares of the prototypes in each row, even over the selected rows: of Sinkhorn and Knopp."""
    xp = array_namespace(scores)
    plan = stop_gradient(scores) / epsilon
    everywhere = plan == plan
    counts = xp.matrix_transpose(everywhere if selected is None else everywhere & selected[:, None])
    for _ in range(iterations):
        totals = log_sum_exp(xp.matrix_transpose(plan), counts)
        plan = plan - xp.where(totals == -inf, 0.0, totals)[None, :]  # of nothing, where no row is selected
        plan = plan - log_sum_exp(plan, everywhere)[:, None]
    return plan


@loss(
    family="self_supervised",
    unit="pair",
    source="Caron et al. 2020, arXiv:2006.09882 (read in the official code, not in the paper)",
    aliases=("SwAV",),
    also={
        "lightly:SwaVLoss": "it takes lists of views, of which the first give codes, and a queue; swav takes a pair",
    },
    equals=(
        Equal(
            "torch",
            "(lambda code: sum(F.cross_entropy(z / temperature, code(y), reduction='none') for z, y in "
            "((first_scores, second_scores), (second_scores, first_scores))) / 2)(lambda z: (lambda f: [f := f - "
            "f.logsumexp(0) - (f - f.logsumexp(0)).logsumexp(1)[:, None] for _ in range(iterations)][-1].exp())"
            "((z / epsilon).detach()))",
            when="len(first_scores) > 0 and iterations > 0",
        ),
    ),
    coupled="the codes share the prototypes out evenly over the batch, so a shard does not know its own loss. Gather "
    "the scores of all shards, then take the loss once.",
    sizes={"batch": 3, "classes": 2},
)
def swav(
    first_scores: Real["batch classes"],
    second_scores: Real["batch classes"],
    *,
    temperature: Positive = 0.1,
    epsilon: Positive = 0.05,
    iterations: int = 3,
    selected: Array = None,
) -> Real["batch"]:
    """SwAV: each view predicts the code of the other one, its share in prototypes that the batch uses evenly.

    l_i = -sum_c (b[i, c] log p[i, c] + a[i, c] log q[i, c]) / 2, with p and q = softmax(scores / temperature) of the
    first and the second view, and their codes a and b: the rows, of sum 1, of exp(scores / epsilon) after so many
    iterations of dividing every column by its sum, then every row. Codes are constants for the gradient.

    Shapes: `first_scores` and `second_scores` [batch classes], the similarities of the embeddings of two views with the
    prototypes, in the paper cosines, any real numbers here; `temperature` and `epsilon` > 0, `iterations` >= 0
    -> pair [batch].
    Weights and mean: the common contract; a masked pair takes part in no column. The paper's loss of more than two
    views is the mean over pairs of a view with a code and another one. Not mergeable.
    Errors: `ContractError` for another shape, a parameter out of its domain, `DTypeError` for integers or mixed dtypes,
    `MergeError` for `partial`.
    Equals: the official code for two views and without its queue, of which exp overflows from scores of 4.5 on.

    >>> import numpy as np
    >>> view = np.asarray([[1.0, 0.0], [1.0, 0.0]])
    >>> round(float(swav(view, view, temperature=1.0)), 12)  # the codes are halves: log(1 + e) - 1 / 2
    0.813261687518
    """
    require(iterations >= 0, "swav: `iterations` is {}. Fix: pass a number >= 0.", iterations)
    xp = array_namespace(first_scores)
    if first_scores.shape[0] == 0:
        return xp.sum(first_scores + second_scores, axis=-1)
    views = first_scores, second_scores
    codes = [_codes(scores, epsilon, iterations, selected) for scores in views]
    losses = [
        softmax_cross_entropy(gaps_to_largest(scores) / temperature, code)
        for scores, code in zip(views, reversed(codes), strict=True)
    ]
    return 0.5 * (losses[0] + losses[1])
