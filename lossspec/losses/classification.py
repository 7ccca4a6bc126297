"""Losses of logits against labels or distributions."""

from lossspec.loss import Equal, loss
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    is_number,
    is_zero,
    negative_log_softmax,
    sigmoid_cross_entropy,
)
from lossspec.terms import Array, Distribution, Label, Logits, NonNegative, Probability, Real, Statistics, UnitInterval

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "perplexity"]


@loss(
    family="classification",
    unit="example",
    source="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x; label smoothing: Szegedy et al. 2016, arXiv:1512.00567",
    aliases=(
        "CrossEntropyLoss",
        "softmax_cross_entropy",
        "softmax_cross_entropy_with_integer_labels",
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        "HalfMultinomialLoss",
    ),
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(logits, labels, reduction='none', label_smoothing=label_smoothing)",
            when="logits.ndim == 2",
        ),
        Equal(
            "optax",
            "optax.softmax_cross_entropy_with_integer_labels(logits, labels)",
            when="labels.dtype.kind == 'i' and label_smoothing == 0",
        ),
        Equal(
            "optax",
            "optax.softmax_cross_entropy(logits, optax.smooth_labels(labels, label_smoothing))",
            when="labels.dtype.kind == 'f'",
        ),
    ),
)
def cross_entropy(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    label_smoothing: UnitInterval = 0.0,
) -> Real["*batch"]:
    """The negative log-likelihood of the labels under softmax(logits).

    l = -(1 - a) log p[label] - (a / classes) sum_c log p[c], with p = softmax(logits) and a = label_smoothing; for a
    distribution t in place of the label, -(1 - a) sum_c t[c] log p[c] takes the first place.

    Shapes: `logits` [*batch classes] (the class axis anywhere: `axis=1` for images), a logit of -inf rules its class
    out; `labels` integers [*batch] in [0, classes), or distributions [*batch classes] -> example [*batch].
    Weights and mean: w = sample_weight * class_weight[label]; for a distribution the class weight is its expectation
    sum_c t[c] class_weight[c]. "mean" divides by the sum of weights over examples whose label is not `ignore_index`.
    Errors: `ContractError` for another shape, `DTypeError` for float labels of the shape of integers; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: torch `F.cross_entropy` for labels (with smoothing *and* class weights torch weights the smoothed classes
    one by one; for distributions its mean divides by the count), optax `softmax_cross_entropy` and
    `softmax_cross_entropy_with_integer_labels`, Keras `SparseCategoricalCrossentropy(from_logits=True)`, sklearn
    `HalfMultinomialLoss`. Small losses are right where these return 0: at logits (30, 0) and label 0 it is exp(-30).

    >>> import numpy as np
    >>> float(cross_entropy(np.asarray([[30.0, 0.0]]), np.asarray([0])))
    9.357622968839737e-14
    """
    xp = array_namespace(logits)
    if xp.isdtype(labels.dtype, "integral"):
        likelihood = negative_log_softmax(logits, labels)
    else:
        likelihood = expected_negative_log_softmax(logits, labels)
    if is_zero(label_smoothing):
        return likelihood
    uniform = expected_negative_log_softmax(logits, xp.full_like(logits, 1 / logits.shape[-1]))
    return (1 - label_smoothing) * likelihood + label_smoothing * uniform


@loss(
    family="classification",
    unit="element",
    source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x",
    aliases=(
        "BCEWithLogitsLoss",
        "sigmoid_binary_cross_entropy",
        "BinaryCrossentropy",
        "binary_crossentropy",
        "HalfBinomialLoss",
    ),
)
def binary_cross_entropy_with_logits(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    pos_weight: NonNegative["#*batch"] | NonNegative = 1.0,
) -> Real["*batch"]:
    """The negative log-likelihood of a yes/no target under sigmoid(logits).

    l = -pos_weight * targets * log p - (1 - targets) * log(1 - p), with p = 1 / (1 + exp(-logits)).

    Shapes: `logits` [*batch] finite; `targets` [*batch] in [0, 1]; `pos_weight` >= 0, a number or an array
    of the shape of `logits` or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; `pos_weight` scales the positive term only and no denominator.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Equals: torch `F.binary_cross_entropy_with_logits` (whose `weight` is "count_mean"), optax
    `sigmoid_binary_cross_entropy`, Keras `BinaryCrossentropy(from_logits=True)`, sklearn `HalfBinomialLoss`.

    >>> import numpy as np
    >>> float(binary_cross_entropy_with_logits(np.asarray([-40.0]), np.asarray([0.0])))
    4.248354255291589e-18
    """
    if is_number(pos_weight, 1):
        return sigmoid_cross_entropy(logits, targets)
    xp = array_namespace(logits)
    positive, negative = targets * pos_weight, 1 - targets
    above = logits > 0
    tail = xp.log1p(xp.exp(xp.where(above, -logits, logits)))
    return (positive + negative) * tail + xp.where(above, negative, -positive) * logits


def _exponential(mean_likelihood: Array) -> Array:
    return array_namespace(mean_likelihood).exp(mean_likelihood)


@loss(
    family="classification",
    unit="token",
    source="Jelinek, Mercer, Bahl and Baker 1977, doi:10.1121/1.2016299",
    reductions=("mean", "count_mean", "batch_mean", "over"),
    finalize=_exponential,
)
def perplexity(logits: Logits["*batch classes"], labels: Label["*batch"]) -> Statistics["*batch", ""]:
    """The exponential of the mean negative log-likelihood of all tokens, one number for the whole call.

    L = exp(mean(-log softmax(logits)[label])).

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes)
    -> a number of at least 1.
    Weights and mean: weights enter the mean in the exponent; tokens whose label is `ignore_index` do not count. The
    mean of the perplexities of sequences is another number: merge with `partial`.
    Errors: as `cross_entropy`; reductions "none" and "sum" do not exist. Beyond a mean of 709 (88 in float32): inf.
    Equals: torchmetrics `perplexity` (which is inf from a logit gap of about 104 on), exp of torch `F.cross_entropy`.

    >>> import numpy as np
    >>> round(float(perplexity(np.zeros((3, 27)), np.asarray([0, 5, 26]))), 12)
    27.0
    """
    return (negative_log_softmax(logits, labels),)
