"""Losses of labels under the logits of classes whose numbers of examples differ widely."""

from lossspec.declaration import Equal, loss
from lossspec.losses.classification._labels import is_integral, is_label, rows_of_labels
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    gaps_to_largest,
    negative_log_softmax,
    per_row,
    stop_gradient,
)
from lossspec.terms import Array, Distribution, Label, Logits, NonNegative, Positive, Real

__all__ = ["ldam", "logit_adjusted", "seesaw"]


def _row(values: Array, logits: Array) -> Array:
    """One value a class, with an axis for each of the batch."""
    return array_namespace(values).reshape(values, (1,) * (len(logits.shape) - 1) + (-1,))


@loss(
    family="classification",
    unit="example",
    source="Menon et al. 2021, arXiv:2007.07314; balanced softmax: Ren et al. 2020, "
    "arXiv:2007.10740 (read in code of others, not in the papers)",
    aliases=("logit_adjustment", "LogitAdjustment", "balanced_softmax", "BalancedSoftmax"),
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(logits + torch.as_tensor(tau)[..., None] * torch.log(prior), labels, reduction='none')",
            when="logits.ndim == 2 and prior is not None",
        ),
    ),
    convex_in=("logits",),
    invariant_in=("logits",),
)
def logit_adjusted(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    prior: Positive["classes"] | None = None,
    tau: NonNegative["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Logit-adjusted cross entropy: the prior of the classes is in the loss, so that the model learns without it.

    l = -log p[label], with p = softmax(logits + tau * log(prior)); for a distribution t in place of the label,
    -sum_c t[c] log p[c]. With tau = 1 it is the balanced softmax. At test time the logits are used as they are.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `prior` [classes] > 0, the number of examples of each class or its part of all,
    for a common factor changes nothing, equal unless given; `tau` >= 0 -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Errors: `ContractError` for another shape, a prior <= 0 or tau < 0; labels as in `cross_entropy`. A class without an
    example has no finite adjustment: count it as 1, or leave it out.
    Equals: torch `F.cross_entropy` of the adjusted logits, and so `balanced_softmax_loss` of its authors.

    >>> import numpy as np
    >>> logits, labels, prior = np.zeros((2, 2)), np.asarray([0, 1]), np.asarray([300.0, 100.0])
    >>> np.round(np.exp(-logit_adjusted.per_example(logits, labels, prior=prior)), 12).tolist()
    [0.75, 0.25]
    """
    adjusted = gaps_to_largest(logits)
    if prior is not None:
        adjusted = adjusted + per_row(tau) * _row(array_namespace(logits).log(prior), logits)
    return (negative_log_softmax if is_integral(labels) else expected_negative_log_softmax)(adjusted, labels)


@loss(
    family="classification",
    unit="example",
    source="Cao et al. 2019, arXiv:1906.07413 (read in code of others, not in the paper)",
    aliases=("LDAM", "LDAMLoss", "label_distribution_aware_margin"),
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(torch.as_tensor(scale).reshape(-1, 1) * (logits - F.one_hot(labels, logits.shape[1]) * "
            "torch.as_tensor(max_margin).reshape(-1, 1) * (class_counts.min() / class_counts) ** 0.25), labels, "
            "reduction='none')",
            when="logits.ndim == 2 and class_counts is not None",
        ),
    ),
    convex_in=("logits",),
    invariant_in=("logits",),
    sizes={"scale": 8.0},  # a probability that XLA flushes to 0 counts as 0 up to a factor of 16
)
def ldam(
    logits: Logits["*batch classes"],
    labels: Label["*batch"],
    *,
    class_counts: Positive["classes"] | None = None,
    max_margin: NonNegative["#*batch"] = 0.5,
    scale: Positive["#*batch"] = 30.0,
) -> Real["*batch"]:
    """LDAM (label-distribution-aware margins): cross entropy in which a rare class has to win by a larger margin.

    l = -log softmax(scale * (logits - m * onehot(label)))[label], with
    m = max_margin * (min_c class_counts[c] / class_counts[label])^(1/4).

    Shapes: `logits` [*batch classes], in the paper cosines of features and class weights, a logit of -inf rules its
    class out; `labels` integers [*batch] in [0, classes); `class_counts` [classes] > 0, the examples of each class,
    equal unless given; `max_margin` >= 0, that of the rarest class; `scale` > 0 -> example [*batch].
    Weights and mean: as `cross_entropy`. The paper's deferred re-weighting is `class_weight` in late epochs.
    Errors: `ContractError` for another shape, a count <= 0, max_margin < 0 or scale <= 0; labels as in `cross_entropy`.
    Equals: torch `F.cross_entropy` of the shifted and scaled logits.

    >>> import numpy as np
    >>> logits, labels, counts = np.zeros((1, 2)), np.asarray([1]), np.asarray([1600.0, 100.0])
    >>> round(float(np.expm1(ldam(logits, labels, class_counts=counts, max_margin=0.5, scale=2.0))) / np.e, 12)
    1.0
    """
    xp = array_namespace(logits)
    margins = per_row(max_margin)
    if class_counts is not None:
        margins = margins * rows_of_labels((xp.min(class_counts) / class_counts) ** 0.25, labels)[..., None]
    gaps = gaps_to_largest(logits)
    shifted = xp.where(is_label(logits, labels), gaps - margins, gaps)
    return negative_log_softmax(per_row(scale) * shifted, labels)


@loss(
    family="classification",
    unit="example",
    source="Wang et al. 2021, arXiv:2008.10032 (first factor read in code of others, the rest from memory)",
    aliases=("SeesawLoss", "seesaw_loss"),
    invariant_in=("logits",),
)
def seesaw(
    logits: Logits["*batch classes"],
    labels: Label["*batch"],
    *,
    class_counts: Positive["classes"] | None = None,
    p: NonNegative["#*batch"] = 0.8,
    q: NonNegative["#*batch"] = 2.0,
) -> Real["*batch"]:
    """Seesaw loss: cross entropy in which rarer classes are pushed down less, and those that win wrongly more.

    l = log(1 + sum_{c != label} M[c] C[c] exp(logits[c] - logits[label])), with the mitigation
    M[c] = min(1, class_counts[c] / class_counts[label])^p and the compensation
    C[c] = max(1, exp(logits[c] - logits[label]))^q, a constant for the gradient.

    Shapes: `logits` [*batch classes], finite; `labels` integers [*batch] in [0, classes); `class_counts` [classes]
    > 0, the examples of each class seen so far, which are counted by the caller, equal unless given; `p` and `q` >= 0
    -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Errors: `ContractError` for another shape, a count <= 0, p < 0 or q < 0; labels as in `cross_entropy`.
    Equals: at p = q = 0, `cross_entropy`. Detectors that have it also bound the softmax of the label by 0.01 from below
    in C; nothing is bounded here.

    >>> import numpy as np
    >>> counts = np.asarray([400.0, 100.0])
    >>> each = seesaw.per_example(np.zeros((2, 2)), np.asarray([0, 1]), class_counts=counts, p=0.5)
    >>> np.round(np.exp(each), 12).tolist()
    [1.5, 2.0]
    """
    xp = array_namespace(logits)
    gaps = gaps_to_largest(logits)
    fixed = stop_gradient(gaps)  # log C less a constant of the row: of two classes that win by much it keeps the gap
    adjusted = gaps + per_row(q) * xp.maximum(fixed, xp.take_along_axis(fixed, labels[..., None], axis=-1))
    if class_counts is not None:
        ratios = _row(class_counts, logits) / rows_of_labels(class_counts, labels)[..., None]
        adjusted = adjusted + per_row(p) * xp.log(xp.where(ratios < 1, ratios, 1.0))
    return negative_log_softmax(adjusted, labels)
