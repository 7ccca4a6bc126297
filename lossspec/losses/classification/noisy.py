"""Losses of labels under the logits of classes that bound how much a wrong label counts."""

from math import log

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.losses.classification._labels import is_integral, is_label
from lossspec.losses.classification.logits import _missed
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    gather,
    largest,
    log_odds,
    negative_log_softmax,
    softplus,
    with_value,
)
from lossspec.terms import Distribution, Label, Logits, NonNegative, Real

LOG_ZERO = log(1e-4)
"""The value for log(0) in the code of active passive losses."""

__all__ = ["normalized_reverse_cross_entropy", "symmetric_cross_entropy"]


@loss(
    family="classification",
    unit="example",
    source="Wang et al. 2019, arXiv:1908.06112 (read in code of others, not in the paper)",
    aliases=("SCE", "SCELoss"),
    equals=(
        Equal(
            "torch",
            "torch.as_tensor(alpha) * F.cross_entropy(logits, labels, reduction='none') - torch.as_tensor(beta) * "
            "torch.as_tensor(log_zero) * (F.softmax(logits, 1) * (1 - F.one_hot(labels, logits.shape[1]))).sum(1)",
            when="logits.ndim == 2 and labels.dtype.kind == 'i'",
        ),
    ),
    invariant_in=("logits",),
)
def symmetric_cross_entropy(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    alpha: NonNegative["#*batch"] = 0.1,
    beta: NonNegative["#*batch"] = 1.0,
    log_zero: Real["#*batch"] = -4.0,
) -> Real["*batch"]:
    """Symmetric cross entropy for noisy labels: cross entropy plus that of the labels under the prediction.

    l = alpha * (-log p[label]) + beta * (-log_zero) * (1 - p[label]), with p = softmax(logits): the second term is
    -sum_c p[c] log q[c] of the one-hot label q, with `log_zero` for log(0). For a distribution t in place of the label,
    sum_c t[c] of that for class c.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `alpha` and `beta` >= 0, `log_zero` a number, the paper's A -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Errors: `ContractError` for another shape, alpha < 0 or beta < 0; labels as in `cross_entropy`.
    Equals: torch `F.cross_entropy` and a softmax, combined. Common code of it has log_zero = log(1e-4), and bounds
    probabilities by 1e-7 from below.

    >>> import math
    >>> import numpy as np
    >>> round(float(symmetric_cross_entropy(np.zeros((1, 2)), np.asarray([1]))) - 0.1 * math.log(2), 12)
    2.0
    """
    xp = array_namespace(logits)
    if is_integral(labels):
        odds = log_odds(logits, labels)
        root = xp.exp(-0.5 * softplus(odds))  # where its square is too small for the dtype, multiples of that are not
        return alpha * softplus(-odds) - beta * (log_zero * root) * root
    missed = xp.sum(labels * _missed(logits), axis=-1)
    return alpha * expected_negative_log_softmax(logits, labels) - beta * log_zero * missed


@loss(
    family="classification",
    unit="example",
    source="Ma et al. 2020, arXiv:2006.13554 (read in code of others, not in the paper)",
    accuracy=Accuracy(
        gradient=4096.0,
        reason="where several classes are alike and far above the label, the gradient is a difference of the distances "
        "of the label and of the others from them",
    ),
    aliases=("NCEandRCE", "NCE+RCE", "active_passive_loss"),
    equals=(
        Equal(
            "torch",
            "torch.as_tensor(alpha) * F.cross_entropy(logits, labels, reduction='none') / "
            "-F.log_softmax(logits, 1).sum(1) - torch.as_tensor(beta) * torch.as_tensor(log_zero) * "
            "(F.softmax(logits, 1) * (1 - F.one_hot(labels, logits.shape[1]))).sum(1)",
            when="logits.ndim == 2",
            differs={"one class": "0 / 0"},
        ),
    ),
    invariant_in=("logits",),
)
def normalized_reverse_cross_entropy(
    logits: Real["*batch classes"],
    labels: Label["*batch"],
    *,
    alpha: NonNegative["#*batch"] = 1.0,
    beta: NonNegative["#*batch"] = 1.0,
    log_zero: Real["#*batch"] = LOG_ZERO,
) -> Real["*batch"]:
    """NCE + RCE for noisy labels: normalized cross entropy plus reverse cross entropy, both of which are bounded.

    l = alpha * log p[label] / sum_c log p[c] + beta * (-log_zero) * (1 - p[label]), with p = softmax(logits).

    Shapes: `logits` [*batch classes], finite; `labels` integers [*batch] in [0, classes); `alpha` and `beta` >= 0,
    `log_zero` a number in place of log(0), the paper's A -> example [*batch], at most alpha - beta * log_zero for
    log_zero <= 0.
    Weights and mean: as `cross_entropy`. With a single class both terms are 0.
    Errors: `ContractError` for another shape, alpha < 0 or beta < 0; labels as in `cross_entropy`.
    Equals: nothing in the peers. Code in use bounds probabilities by 1e-7 from below in the second term.

    >>> import numpy as np
    >>> logits, labels = np.zeros((1, 4)), np.asarray([1])
    >>> round(float(normalized_reverse_cross_entropy(logits, labels, log_zero=-4.0)), 12)
    3.25
    """
    xp = array_namespace(logits)
    odds = log_odds(logits, labels)
    root = xp.exp(-0.5 * softplus(odds))
    reverse = -beta * (log_zero * root) * root
    if logits.shape[-1] < 2:
        return reverse
    is_own = is_label(logits, labels)
    own = negative_log_softmax(logits, labels)
    others = expected_negative_log_softmax(logits, xp.where(is_own, 0.0, xp.ones_like(logits)))
    best, is_best, _ = largest(logits)
    wins = best[..., 0] == labels
    # others / own = (the best's + sum of (logits[label] - logits[c]) over c between) / own + a constant: its derivative
    # is made of these gaps, where the large distances of others and label from the best would cancel.
    between = xp.sum(xp.where(is_best | is_own, 0.0, gather(logits, labels)[..., None] - logits), axis=-1)
    apart = xp.where(wins, 1.0, own)
    worse = with_value(others / apart, (negative_log_softmax(logits, best[..., 0]) + between) / apart)
    better = own / xp.where(wins, others, 1.0)
    return alpha * xp.where(wins, better / (1 + better), 1 / (1 + worse)) + reverse
