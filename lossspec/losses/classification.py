"""Losses of logits against labels or distributions."""

import math
from math import inf
from typing import Any

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    cumulative_sum,
    expected_negative_log_softmax,
    expm1,
    focal_cross_entropy,
    gather,
    is_number,
    is_zero,
    largest,
    log1p,
    log_odds,
    log_softmax,
    matmul,
    negative_log_softmax,
    norm,
    normalize,
    number,
    per_row,
    positions,
    relu,
    sigmoid_cross_entropy,
    softplus,
    stop_gradient,
)
from lossspec.terms import (
    Array,
    ClusteredLabel,
    Distribution,
    Embedding,
    HalfLogits,
    Label,
    LogDistribution,
    Logits,
    NonNegative,
    Positive,
    PositiveFraction,
    Probability,
    Real,
    Smoothing,
    Statistics,
    UnitInterval,
)

__all__ = [
    "adaptive_log_probabilities",
    "adaptive_log_softmax",
    "binary_brier",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_sparsemax",
    "brier",
    "categorical_cross_entropy",
    "cross_entropy",
    "exponential",
    "focal",
    "generalized_cross_entropy",
    "generalized_cross_entropy_with_logits",
    "large_margin_softmax",
    "nll",
    "perplexity",
    "poly1_cross_entropy",
    "rescaled_square",
    "sigmoid_focal",
    "sparsemax",
    "squentropy",
    "z_loss",
]


@loss(
    family="classification",
    unit="example",
    source="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x; label smoothing: Szegedy et al. 2016, arXiv:1512.00567",
    aliases=(
        "CE",
        "CrossEntropy",
        "conditional_log_likelihood",
        "sklearn:HalfMultinomialLoss HalfMultinomialLossArrayAPI",
        "timm:SoftTargetCrossEntropy",
    ),
    also={
        "torch:cross_entropy CrossEntropyLoss": {"ignore_index": -100},
        "optax:softmax_cross_entropy softmax_cross_entropy_with_integer_labels safe_softmax_cross_entropy": {
            "reduction": "none"
        },
        "jaxopt:multiclass_logistic_loss": {"reduction": "none"},
        "timm:LabelSmoothingCrossEntropy": {"label_smoothing": 0.1},
    },
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
    convex_in=("logits",),
    invariant_in=("logits",),
)
def cross_entropy(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    label_smoothing: Smoothing["#*batch"] = 0.0,
) -> Real["*batch"]:
    """The negative log-likelihood of the labels under softmax(logits).

    l = -(1 - a) log p[label] - (a / classes) sum_c log p[c], with p = softmax(logits) and a = label_smoothing; for a
    distribution t in place of the label, -(1 - a) sum_c t[c] log p[c] takes the first place. Over a set of candidates
    it is the loss of a conditional random field.

    Shapes: `logits` [*batch classes] (the class axis anywhere: `axis=1` for images), a logit of -inf rules its class
    out; `labels` integers [*batch] in [0, classes), or distributions [*batch classes] -> example [*batch].
    Weights and mean: w = sample_weight * class_weight[label]. A distribution is a mixture of examples: class_weight[c]
    multiplies t[c], or after smoothing (1 - a) t[c] + a / classes, and w = sample_weight * sum_c t[c] class_weight[c].
    "mean" divides by the sum of w over examples whose label is not `ignore_index`.
    Errors: `ContractError` for another shape, `DTypeError` for float labels of the shape of integers; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: torch `F.cross_entropy`, class weights and smoothing included (its mean of distributions divides by the
    count: "count_mean"), optax `softmax_cross_entropy` and `softmax_cross_entropy_with_integer_labels`, Keras
    `SparseCategoricalCrossentropy(from_logits=True)`, sklearn `HalfMultinomialLoss`. Small losses are right where these
    return 0: at logits (30, 0) and label 0 it is exp(-30).

    >>> import numpy as np
    >>> float(cross_entropy(np.asarray([[30.0, 0.0]]), np.asarray([0])))
    9.357622968839737e-14
    """
    likelihood = _likelihood(logits, labels)
    if is_zero(label_smoothing):
        return likelihood
    even = array_namespace(logits).full_like(logits, 1 / logits.shape[-1])
    uniform = expected_negative_log_softmax(logits, even)
    return (1 - label_smoothing) * likelihood + label_smoothing * uniform


@loss(
    family="classification",
    unit="element",
    source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x",
    aliases=(
        "torch:binary_cross_entropy_with_logits BCEWithLogitsLoss",
        "sklearn:HalfBinomialLoss HalfBinomialLossArrayAPI",
    ),
    also={
        "optax:sigmoid_binary_cross_entropy": {"reduction": "none"},
        "jaxopt:binary_logistic_loss": {"reduction": "none"},
    },
    convex_in=("logits",),
)
def binary_cross_entropy_with_logits(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    pos_weight: NonNegative["#*batch"] = 1.0,
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
    return carry_nan((positive + negative) * tail + xp.where(above, negative, -positive) * logits)


def _is_integral(labels: Array) -> bool:
    return bool(array_namespace(labels).isdtype(labels.dtype, "integral"))


def _beside(parameter: Any, labels: Array) -> Any:
    """A parameter beside one loss a unit, or beside those of all its classes where the label is a distribution."""
    return parameter if _is_integral(labels) else per_row(parameter)


def _likelihood(logits: Array, labels: Array) -> Array:
    """The negative log-likelihood of classes, or its mean under distributions."""
    return (negative_log_softmax if _is_integral(labels) else expected_negative_log_softmax)(logits, labels)


def _expected(labels: Array, losses: Array) -> Array:
    """sum_c labels[c] * losses[c]; what has no weight does not count, were it infinite."""
    xp = array_namespace(losses)
    lost = (labels == 0) & (losses == inf)
    return xp.sum(labels * xp.where(lost, 0.0, losses), axis=-1)


def _exponential(mean_likelihood: Array) -> Array:
    return array_namespace(mean_likelihood).exp(mean_likelihood)


@loss(
    family="classification",
    unit="token",
    source="Jelinek, Mercer, Bahl and Baker 1977, doi:10.1121/1.2016299",
    reductions=("mean", "count_mean", "batch_mean", "over"),
    finalize=_exponential,
    invariant_in=("logits",),
)
def perplexity(
    logits: Logits["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Statistics["*batch", ""]:
    """The exponential of the mean negative log-likelihood of all tokens, one number for the whole call.

    L = exp(mean(-log softmax(logits)[label])); a distribution t in place of the label has -sum_c t[c] log p[c] there.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes] -> a number of at least 1.
    Weights and mean: weights enter the mean in the exponent; tokens whose label is `ignore_index` do not count. The
    mean of the perplexities of sequences is another number: merge with `partial`.
    Errors: as `cross_entropy`; reductions "none" and "sum" do not exist. Beyond a mean of 709 (88 in float32): inf.
    Equals: torchmetrics `perplexity` (which is inf from a logit gap of about 104 on), exp of torch `F.cross_entropy`.

    >>> import numpy as np
    >>> round(float(perplexity(np.zeros((3, 27)), np.asarray([0, 5, 26]))), 12)
    27.0
    """
    return (_likelihood(logits, labels),)


# Losses of logits.


_CLIPPED = dict.fromkeys(("edges", "confident"), "it clips probabilities to [1e-7, 1 - 1e-7]")


def _is_own(x: Array, labels: Array) -> Array:
    """True at the class of the label, with the class axis."""
    return positions(x, dtype=labels.dtype) == labels[..., None]


def _rows(x: Array, labels: Array) -> Array:
    """x[labels, ...]: one entry of the leading axis for each label."""
    xp = array_namespace(x)
    return xp.reshape(xp.take(x, xp.reshape(labels, (-1,)), axis=0), (*labels.shape, *x.shape[1:]))


def _ratios(logits: Array) -> tuple[Array, Array, Array]:
    """The largest logit as a constant, the gaps to it, and the ratios exp(gap) to it of the other classes.

    In its own place the ratio is exp(gap) - 1, which is 0 and has the derivative 1: log1p of the sum of ratios is
    logsumexp(gaps) and has softmax for its gradient, without a difference of near numbers.
    """
    xp = array_namespace(logits)
    _, is_best, top = largest(stop_gradient(logits))
    gaps = logits - top
    return top, gaps, xp.where(is_best, xp.expm1(xp.where(is_best, gaps, 0.0)), xp.exp(gaps))


def _missed(logits: Array) -> Array:
    """1 - softmax(logits) of every class: by its log-odds for the largest, a plain difference for the others."""
    xp = array_namespace(logits)
    best, is_best, top = largest(logits)
    odds = log_odds(logits, best[..., 0])[..., None]
    ratios = xp.where(is_best, 0.0, xp.exp(logits - top))
    return xp.where(is_best, xp.exp(-softplus(odds)), 1 - ratios * xp.exp(-softplus(-odds)))


def _odds(logits: Array, labels: Array) -> Array:
    """log(p / (1 - p)) of the label's probability p under softmax(logits); under distributions, of every class."""
    if _is_integral(labels):
        return log_odds(logits, labels)
    xp = array_namespace(logits)
    best, is_best, top = largest(logits)
    odds = log_odds(logits, best[..., 0])[..., None]
    likelihoods = (logits - top) - softplus(-odds)  # of no other class above log(1/2)
    others = xp.where(is_best, -1.0, likelihoods)
    return xp.where(is_best, odds, others - log1p(-xp.exp(others)))


@loss(
    family="classification",
    unit="example",
    source="Lin, Goyal, Girshick, He and Dollar 2017, arXiv:1708.02002",
    also={
        "keras:CategoricalFocalCrossentropy categorical_focal_crossentropy": (
            "it takes probabilities; focal(alpha=0.25) takes logits. Fix: give it log(probabilities)"
        ),
        "smp:FocalLoss": (
            "it has no default `mode`: sigmoid_focal is its 'binary' and 'multilabel', focal its 'multiclass'"
        ),
    },
    equals=(
        Equal(
            "keras",
            "keras.losses.categorical_focal_crossentropy(ops.one_hot(labels, logits.shape[-1]), logits, "
            "1.0 if alpha is None else alpha, gamma, from_logits=True)",
            when="labels.dtype.kind == 'i'",
            differs=_CLIPPED,
        ),
        Equal(
            "keras",
            "keras.losses.categorical_focal_crossentropy(labels, logits, 1.0 if alpha is None else alpha, gamma, "
            "from_logits=True)",
            when="labels.dtype.kind == 'f'",
            differs=_CLIPPED,
        ),
    ),
    invariant_in=("logits",),
)
def focal(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    gamma: NonNegative["#*batch"] = 2.0,
    alpha: NonNegative["classes"] | NonNegative | None = None,
) -> Real["*batch"]:
    """Cross entropy that turns away from examples that are right already: times (1 - p)^gamma.

    l = -alpha[label] * (1 - p[label])^gamma * log p[label], with p = softmax(logits); for a distribution t in place of
    the label, sum_c t[c] of that for class c. gamma = 0 is cross entropy.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `gamma` >= 0; `alpha` >= 0, a number or an array [classes], 1 unless given
    -> example [*batch].
    Weights and mean: `alpha` is a factor of the loss and in no denominator; `class_weight` is a weight as in
    `cross_entropy`, and "mean" divides by it too. "count_mean" with `class_weight` is "mean" with `alpha`.
    A label that is ruled out has the loss inf, without gradient. The loss is not convex in the logits.
    Errors: `ContractError` for another shape, gamma < 0 or alpha < 0; labels as in `cross_entropy`.
    Equals: Keras `CategoricalFocalCrossentropy(from_logits=True)` up to its clipping; its alpha=0.25 is a factor of all
    classes. kornia and monai `FocalLoss` divide their mean by the number of classes too; the scalar alpha of both
    weighs class 0 by 1 - alpha. For yes/no targets: `sigmoid_focal`.

    >>> import math
    >>> import numpy as np
    >>> round(float(focal(np.asarray([[0.0, 0.0]]), np.asarray([1]))) / math.log(2), 12)
    0.25
    """
    xp = array_namespace(logits)
    odds = _odds(logits, labels)
    sure, ruled_out = odds == inf, odds == -inf
    odds = xp.where(sure | ruled_out, 0.0, odds)
    each = xp.exp(-_beside(gamma, labels) * softplus(odds)) * softplus(-odds)
    each = xp.where(sure, 0.0, xp.where(ruled_out, inf, each))
    by_class = getattr(alpha, "shape", ()) != ()
    if _is_integral(labels):
        return each if alpha is None else each * (_rows(alpha, labels) if by_class else alpha)
    weights = xp.reshape(alpha, (1,) * (len(labels.shape) - 1) + (-1,)) if by_class else alpha
    return _expected(labels if alpha is None else labels * weights, each)


@loss(
    family="classification",
    unit="element",
    source="Lin, Goyal, Girshick, He and Dollar 2017, arXiv:1708.02002",
    aliases=("monai:FocalLoss",),
    also={
        "torchvision:sigmoid_focal_loss": {"alpha": 0.25, "reduction": "none"},
        "optax:sigmoid_focal_loss": {"reduction": "none"},
        "keras:BinaryFocalCrossentropy binary_focal_crossentropy": (
            "it takes probabilities; sigmoid_focal takes logits. Fix: give it log(p) - log1p(-p)"
        ),
    },
    equals=(
        Equal(
            "optax",
            "optax.losses.sigmoid_focal_loss(logits, targets, alpha=alpha, gamma=gamma)",
            differs=dict.fromkeys(
                ("gradient edges", "gradient real"),
                "wrong: its derivative in a target of 0 or 1 lacks what the factor (1 - p_t)^gamma contributes",
            ),
        ),
        Equal(
            "keras",
            "keras.losses.BinaryFocalCrossentropy(alpha is not None, 0.5 if alpha is None else alpha, gamma, "
            "from_logits=True)(targets, logits)",
            reduction="mean",
            differs=_CLIPPED,
        ),
    ),
)
def sigmoid_focal(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    gamma: NonNegative["#*batch"] = 2.0,
    alpha: UnitInterval["#*batch"] | None = None,
) -> Real["*batch"]:
    """Cross entropy of yes/no targets that turns away from those that are right already: times (1 - p_t)^gamma.

    l = alpha_t * (1 - p_t)^gamma * (-targets * log p - (1 - targets) * log(1 - p)), with p = 1 / (1 + exp(-logits)),
    p_t = targets * p + (1 - targets) * (1 - p) and alpha_t = targets * alpha + (1 - targets) * (1 - alpha), or 1 where
    `alpha` is not given. gamma = 0 is cross entropy.

    Shapes: `logits` [*batch] finite; `targets` [*batch] in [0, 1]; `gamma` >= 0; `alpha` in [0, 1]
    -> element [*batch].
    Weights and mean: the common contract; `alpha` is a factor of the loss and in no denominator.
    Errors: `ContractError` for another shape, gamma < 0 or alpha outside [0, 1], `DTypeError` for integer targets.
    Equals: torchvision `sigmoid_focal_loss`, which has alpha=0.25 (the name is registered so; its -1 is None here) and
    a NaN gradient for gamma < 1 where p_t rounds to 1; optax `sigmoid_focal_loss`, whose alpha is off; Keras
    `BinaryFocalCrossentropy(from_logits=True)` up to its clipping, whose alpha takes part only with
    `apply_class_balancing`.

    >>> import math
    >>> import numpy as np
    >>> round(float(sigmoid_focal(np.asarray([0.0]), np.asarray([1.0]), alpha=0.25)) / math.log(2), 12)
    0.0625
    """
    result = focal_cross_entropy(logits, targets, gamma)
    return result if alpha is None else (targets * alpha + (1 - targets) * (1 - alpha)) * result


@loss(
    family="classification",
    unit="example",
    source="Leng et al. 2022, arXiv:2204.12511",
    also={
        "optax:poly_loss_cross_entropy": {"reduction": "none"},
        "rax:poly1_softmax_loss": (
            "it takes grades of relevance; where these sum to 1 it is poly1_cross_entropy(epsilon=1.0)"
        ),
    },
    equals=(
        Equal(
            "optax",
            "optax.losses.poly_loss_cross_entropy(logits, labels, epsilon=epsilon)",
            when="labels.dtype.kind == 'f'",
        ),
        Equal(
            "rax",
            "rax.poly1_softmax_loss(logits, jnp.eye(logits.shape[-1])[labels], epsilon=epsilon, reduce_fn=None)",
            when="labels.dtype.kind == 'i'",
        ),
        Equal(
            "timm",
            "timm.PolyCrossEntropy(float(epsilon), reduction='none')(logits, labels)",
            when="logits.ndim == 2",
            differs={"gradient distribution": "in the labels: it writes 1 - sum t p for sum t (1 - p)"},
        ),
    ),
    invariant_in=("logits",),
)
def poly1_cross_entropy(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    epsilon: Real["#*batch"] = 2.0,
) -> Real["*batch"]:
    """Cross entropy with another coefficient of the first term of its expansion in powers of 1 - p.

    l = -log p[label] + epsilon * (1 - p[label]), with p = softmax(logits); for a distribution t in place of the label,
    sum_c t[c] of that for class c. The paper has epsilon >= -1.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `epsilon` a number -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Errors: as `cross_entropy`.
    Equals: optax `poly_loss_cross_entropy` and timm `PolyCrossEntropy` (epsilon=2, as here), rax `poly1_softmax_loss`
    (epsilon=1). timm `PolyBinaryCrossEntropy`, of sigmoids, is another loss.

    >>> import math
    >>> import numpy as np
    >>> round(float(poly1_cross_entropy(np.asarray([[0.0, 0.0]]), np.asarray([1]))) - math.log(2), 12)
    1.0
    """
    xp = array_namespace(logits)
    if _is_integral(labels):
        odds = log_odds(logits, labels)
        return softplus(-odds) + epsilon * xp.exp(-softplus(odds))
    return expected_negative_log_softmax(logits, labels) + epsilon * xp.sum(labels * _missed(logits), axis=-1)


def _one_minus_exp(x: Array) -> Array:
    """1 - exp(-x) for x >= 0, and its derivative, right to the last digits at both ends."""
    xp = array_namespace(x)
    small = x < 1
    return xp.where(small, -expm1(-xp.where(small, x, 1.0)), 1 - xp.exp(-xp.where(small, 1.0, x)))


@loss(
    family="classification",
    unit="example",
    source="Zhang and Sabuncu 2018, arXiv:1805.07836",
    equals=(
        Equal(
            "keras",
            "keras.losses.categorical_generalized_cross_entropy(labels, ops.softmax(logits), q)",
            when="labels.dtype.kind == 'i'",
            differs={"gradient edges": "where a probability is rounded to 0 the derivative of its power is inf"},
        ),
    ),
    invariant_in=("logits",),
)
def generalized_cross_entropy_with_logits(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    q: PositiveFraction["#*batch"] = 0.7,
) -> Real["*batch"]:
    """Between cross entropy (q -> 0) and the absolute error of the probability (q = 1), for noisy labels.

    l = (1 - p[label]^q) / q, with p = softmax(logits); for a distribution t in place of the label, sum_c t[c] of that
    for class c.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `q` in (0, 1] -> example [*batch], in [0, 1 / q].
    Weights and mean: as `cross_entropy`.
    Errors: `ContractError` for another shape or q outside (0, 1]; labels as in `cross_entropy`.
    Equals: `generalized_cross_entropy` of softmax(logits), and right where that probability is rounded to 1: at logits
    (30, 0) and label 0 it is exp(-30), for any q.

    >>> import numpy as np
    >>> float(generalized_cross_entropy_with_logits(np.asarray([[0.0, 0.0]]), np.asarray([0]), q=1.0))
    0.5
    """
    if _is_integral(labels):
        return _one_minus_exp(q * negative_log_softmax(logits, labels)) / q
    q = per_row(q)
    return _expected(labels, _one_minus_exp(-q * log_softmax(logits)) / q)


@loss(
    family="classification",
    unit="example",
    source="Hui and Belkin 2021, arXiv:2006.07322",
    equals=(
        Equal(
            "torch",
            "F.mse_loss(predictions, F.one_hot(labels, predictions.shape[-1]).double(), reduction='none').mean(-1)",
            when="k == 1 and m == 1",
        ),
        Equal(
            "keras",
            "keras.losses.MeanSquaredError()(ops.one_hot(labels, predictions.shape[-1]), predictions)",
            when="k == 1 and m == 1 and labels.size > 0 and labels.ndim > 0",
            reduction="mean",
        ),
    ),
)
def rescaled_square(
    predictions: Real["*batch classes"],
    labels: Label["*batch"],
    *,
    k: Positive["#*batch"] = 1.0,
    m: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """The squared difference of raw outputs and a one-hot vector of height m, times k at the label: for classification.

    l = (k * (predictions[label] - m)^2 + sum_{c != label} predictions[c]^2) / classes.

    Shapes: `predictions` [*batch classes], outputs without a softmax; `labels` integers [*batch] in [0, classes);
    `k` and `m` > 0 (the paper's k and M; from 42 classes on it takes m = 15, for 1000 k = 15 and m = 30)
    -> example [*batch].
    Weights and mean: as `cross_entropy`; the mean over classes is part of the loss.
    Errors: `ContractError` for another shape, k <= 0 or m <= 0; labels as in `cross_entropy`.
    Convex.
    Equals: for k = m = 1 torch `F.mse_loss` and Keras `MeanSquaredError` against the one-hot labels.

    >>> import numpy as np
    >>> float(rescaled_square(np.asarray([[2.0, 1.0]]), np.asarray([0]), k=3.0, m=4.0))
    6.5
    """
    xp = array_namespace(predictions)
    squares = xp.where(_is_own(predictions, labels), per_row(k) * (predictions - per_row(m)) ** 2, predictions**2)
    return xp.mean(squares, axis=-1)


def _others(x: Array) -> Array:
    """For each of the entries of the last axis, which are not negative, the sum of the others; no near difference."""
    xp = array_namespace(x)
    _, is_top, top = largest(x)
    rest = xp.sum(xp.where(is_top, 0.0, x), axis=-1, keepdims=True)
    return xp.where(is_top, rest, rest + (top - x))


@loss(
    family="classification",
    unit="example",
    source="Hui, Belkin and Wright 2023, arXiv:2302.03952",
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(logits, labels, reduction='none') + "
            "((logits**2).sum(1) - logits.gather(1, labels[:, None])[:, 0] ** 2) / (logits.shape[1] - 1)",
            when="logits.ndim == 2 and labels.dtype.kind == 'i'",
            differs={"one class": "0 / 0"},
        ),
    ),
)
def squentropy(
    logits: Logits["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Real["*batch"]:
    """Cross entropy plus the mean square of the logits of the incorrect classes.

    l = -log softmax(logits)[label] + sum_{c != label} logits[c]^2 / (classes - 1); for a distribution t in place of the
    label, sum_c t[c] of that for class c.

    Shapes: `logits` [*batch classes], finite; `labels` integers [*batch] in [0, classes), or distributions
    [*batch classes] -> example [*batch]. With a single class the second term is 0.
    Weights and mean: as `cross_entropy`.
    Errors: as `cross_entropy`.
    Convex. Unlike cross entropy it is not invariant to a shift of the logits.
    Equals: torch `F.cross_entropy` plus the second term.

    >>> import math
    >>> import numpy as np
    >>> value = float(squentropy(np.asarray([[5.0, 3.0, 1.0]]), np.asarray([0])))
    >>> round(value - math.log1p(math.exp(-2) + math.exp(-4)), 12)  # (3^2 + 1^2) / 2
    5.0
    """
    xp = array_namespace(logits)
    if _is_integral(labels):
        squares = xp.where(_is_own(logits, labels), 0.0, logits) ** 2
    else:  # The second term is 0 and has the derivatives in the labels.
        fixed = stop_gradient(labels)
        weights, far = _others(fixed), logits**2
        far = xp.where(far < inf, far, 0.0)  # where it overflows so does the loss, or nothing weighs it
        squares = weights * xp.where(weights == 0, 0.0, logits) ** 2 + (labels - fixed) * _others(far)
    return _likelihood(logits, labels) + xp.sum(squares, axis=-1) / max(logits.shape[-1] - 1, 1)


@loss(
    family="classification",
    unit="element",
    source="Freund and Schapire 1997, doi:10.1006/jcss.1997.1504; Friedman, Hastie and Tibshirani 2000, "
    "doi:10.1214/aos/1016218223",
    aliases=("exponential_loss", "sklearn:ExponentialLoss"),
    equals=(Equal("sklearn", "losses.loss.ExponentialLoss().loss(targets, logits)", when="logits.ndim == 1"),),
)
def exponential(logits: HalfLogits["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """The exponential loss of yes/no targets, which AdaBoost minimises.

    l = targets * exp(-logits) + (1 - targets) * exp(logits), which is exp(-y * logits) for y = 2 * targets - 1 in
    {-1, 1}.

    Shapes: `logits` [*batch] finite, half the log-odds: the probability is 1 / (1 + exp(-2 * logits)); `targets`
    [*batch] in [0, 1] -> element [*batch].
    Weights and mean: the common contract.
    Where a term of weight 0 overflows it is 0, and so is its derivative in the target.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Convex.
    Equals: sklearn `ExponentialLoss` (no factor 1/2: what is half there is the link).

    >>> import numpy as np
    >>> float(exponential(np.asarray([0.0, 0.0]), np.asarray([0.0, 1.0]), reduction="sum"))
    2.0
    """
    xp = array_namespace(logits)
    above = logits > 0
    size = xp.where(above, logits, -logits)
    wrong = xp.where(above, 1 - targets, targets)  # the weight of the term that grows
    lost = (wrong == 0) & (xp.exp(stop_gradient(size)) == inf)
    spread = xp.where(lost, 0.0, 2 * xp.sinh(xp.where(lost, 0.0, size)))
    return carry_nan(xp.exp(-size) + wrong * spread)


@loss(
    family="classification",
    unit="example",
    source="Martins and Astudillo 2016, arXiv:1602.02068",
    aliases=("SparsemaxLoss",),
    also={"optax:multiclass_sparsemax_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "optax",
            "optax.losses.multiclass_sparsemax_loss(logits, labels)",
            when="logits.ndim == 2 and labels.dtype.kind == 'i'",
        ),
    ),
    invariant_in=("logits",),
    nonlinear="its term |labels|^2 / 2 is not linear in them",
)
def sparsemax(
    logits: Logits["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Real["*batch"]:
    """The loss of sparsemax probabilities: 0 as soon as the label leads by 1.

    l = sum_{c in S} (logits[c]^2 - t^2) / 2 + 1/2 - logits[label], with S the classes of positive probability
    p[c] = max(logits[c] - t, 0) and t such that these sum to 1. Its gradient is p minus the one-hot label. For a
    distribution y in place of the label, |y|^2 / 2 - sum_c y[c] logits[c] takes the place of 1/2 - logits[label]: the
    Fenchel-Young loss of Blondel, Martins and Niculae 2020, whose gradient is p - y, and which is 0 where p = y.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes] -> example [*batch].
    Weights and mean: w = sample_weight * class_weight[label]; distributions have no class weight, for the loss is not
    linear in them. "mean" divides by the sum of w over examples whose label is not `ignore_index`.
    Errors: as `cross_entropy`, and `ContractError` for `class_weight` with distributions.
    Convex, differentiable everywhere.
    Equals: optax `multiclass_sparsemax_loss`, entmax `SparsemaxLoss`. For yes/no
    targets: `binary_sparsemax`.

    >>> import numpy as np
    >>> sparsemax.per_example(np.asarray([[1.0, 0.0], [0.5, 0.5], [0.0, 2.0]]), np.asarray([0, 0, 0])).tolist()
    [0.0, 0.25, 2.0]
    """
    xp = array_namespace(logits)
    gaps = logits - xp.max(stop_gradient(logits), axis=-1, keepdims=True)
    falling = xp.sort(stop_gradient(gaps), axis=-1, descending=True)
    sizes = positions(falling, dtype=falling.dtype) + 1
    least = xp.max((cumulative_sum(falling) - 1) / sizes, axis=-1, keepdims=True)
    inside = ~(gaps <= least)  # all of them beside a NaN
    count = xp.sum(xp.astype(inside, logits.dtype), axis=-1, keepdims=True)
    threshold = (xp.sum(xp.where(inside, gaps, 0.0), axis=-1, keepdims=True) - 1) / count
    # The loss as |p - label|^2 / 2 and how far the label is below the threshold: nothing cancels.
    if not _is_integral(labels):
        fixed, ahead = stop_gradient(labels), gaps - threshold
        below = xp.where((labels == 0) & (ahead == -inf), 0.0, relu(-ahead))
        # The second term is 0 and has the derivatives of the formula in the labels, where these need not sum to 1.
        moved = (labels - fixed) * (0.5 * (labels + fixed) - xp.where(logits == -inf, 0.0, logits))
        return xp.sum(0.5 * (relu(ahead) - fixed) ** 2 + fixed * below + moved, axis=-1)
    wrong = xp.where(_is_own(logits, labels), 0.0, relu(gaps - threshold))
    below = relu(threshold[..., 0] - gather(gaps, labels))
    return 0.5 * (xp.sum(wrong, axis=-1) ** 2 + xp.sum(wrong**2, axis=-1)) + below


@loss(
    family="classification",
    unit="element",
    source="Blondel, Martins and Niculae 2020, arXiv:1901.02324",
    also={
        "optax:sparsemax_loss": {"reduction": "none"},
        "jaxopt:binary_sparsemax_loss": {"reduction": "none"},
    },
    equals=(
        Equal(
            "optax",
            "targets * optax.losses.sparsemax_loss(logits, jnp.ones_like(logits)) + (1 - targets) * "
            "optax.losses.sparsemax_loss(logits, jnp.zeros_like(logits)) - targets * (1 - targets)",
        ),
    ),
)
def binary_sparsemax(logits: Logits["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """The loss of a piecewise linear probability of yes/no targets: 0 as soon as the logit is beyond 1 on their side.

    l = (p - targets)^2 + |p - targets| * max(|logits| - 1, 0), with p = min(max((logits + 1) / 2, 0), 1), where the
    second term has a value only for a logit on the wrong side. Its gradient is p - targets.

    Shapes: `logits` [*batch] finite; `targets` [*batch] in [0, 1] -> element [*batch].
    Weights and mean: the common contract.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Convex and differentiable in the logits.
    Equals: optax `sparsemax_loss` for targets 0 and 1 (a target between them
    takes the expectation less targets * (1 - targets), so that the loss is 0 where p = targets). Two classes of
    `sparsemax` have the same loss, at the difference of their logits.

    >>> import numpy as np
    >>> binary_sparsemax.per_example(np.asarray([1.0, 0.0, -3.0]), np.asarray([1.0, 1.0, 1.0])).tolist()
    [0.0, 0.25, 3.0]
    """
    xp = array_namespace(logits)
    above = logits > 0
    size = xp.where(above, logits, -logits)
    outside = size > 1
    wrong = xp.where(above, 1 - targets, targets)
    off = xp.where(outside, wrong, 0.5 * logits - (targets - 0.5))
    return off**2 + wrong * relu(size - 1)


@loss(
    family="classification",
    unit="example",
    source="Chowdhery et al. 2022, arXiv:2204.02311",
)
def z_loss(logits: Logits["*batch classes"]) -> Real["*batch"]:
    """The square of the logarithm of the softmax denominator, which keeps logits from drifting.

    l = log(sum_c exp(logits[c]))^2. PaLM adds 1e-4 of it to cross entropy: `cross_entropy + 1e-4 * z_loss`.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out -> example [*batch].
    Weights and mean: the common contract, one weight an example; mask padding with `where`.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: the square of torch `torch.logsumexp`; Liger's `lse_square_scale` is the factor.

    >>> import math
    >>> import numpy as np
    >>> round(float(z_loss(np.zeros((1, 3)))) / math.log(3) ** 2, 12)
    1.0
    """
    xp = array_namespace(logits)
    top, _, ratios = _ratios(logits)
    return (top[..., 0] + xp.log1p(xp.sum(ratios, axis=-1))) ** 2


@loss(
    family="classification",
    unit="example",
    source="Liu, Wen, Yu and Yang 2016, arXiv:1612.02295",
    aliases=("pml:LargeMarginSoftmaxLoss",),
    sizes={"batch": 4, "classes": 3},
)
def large_margin_softmax(
    features: Embedding["*batch dim"], labels: Label["*batch"], weights: Embedding["classes dim"], *, margin: int = 4
) -> Real["*batch"]:
    """Softmax cross entropy of a linear layer whose angle to the label counts `margin` times: L-Softmax.

    l = -log softmax(z)[label], with z[c] = weights[c] . features for the other classes and
    z[label] = |weights[label]| * |features| * ((-1)^k cos(margin * a) - 2 k), a the angle between the two and
    k = floor(margin * a / pi). margin = 1 is cross entropy.

    Shapes: `features` [*batch dim]; `labels` integers [*batch] in [0, classes); `weights` [classes dim], a row for each
    class, no bias; `margin` a Python int >= 1 -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Where a vector has length 0 the angle has no derivative; the gradient there is declared that of margin = 1.
    Errors: `ContractError` for another shape or margin < 1; labels as in `cross_entropy`.
    Equals: pytorch-metric-learning `LargeMarginSoftmaxLoss(scale=1)` with W = weights^T. SphereFace is this with rows
    of length 1. Softmax-margin is another loss: it adds a cost to the scores. The experiments of the paper start from
    (lambda * |weights[label]| |features| cos a + z[label]) / (1 + lambda) with a falling lambda, which is not here.

    >>> import math
    >>> import numpy as np
    >>> x, w = np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 0.0], [0.0, -1.0]])  # the angle to row 0 is a right one
    >>> value = float(large_margin_softmax(x, np.asarray([0]), w, margin=2))  # cos(2 a) = -1, k = 1: z = (-1, -1)
    >>> round(value / math.log(2), 12)
    1.0
    """
    require(margin >= 1, "large_margin_softmax: `margin` is {}; it must be at least 1.", margin)
    xp = array_namespace(features)
    logits = matmul(features, xp.matrix_transpose(weights))
    own = _rows(weights, labels)
    (u, no_feature), (v, no_weight) = normalize(features), normalize(own)
    near, far = 0.25 * xp.sum((u - v) ** 2, axis=-1), 0.25 * xp.sum((u + v) ** 2, axis=-1)
    acute = near < far
    # sin^2(n a / 2) of the angle to the nearer one of v and -v, from that of a / 2: no cosine near 1 is formed.
    half = xp.where(acute, near, far)
    before, square = 0.0, half
    for _ in range(margin - 1):
        before, square = square, 2 * half + (2 - 4 * half) * square - before
    turned = 1 - 2 * square
    turned = turned if margin % 2 == 0 else xp.where(acute, turned, -turned)
    wraps = sum(
        (xp.astype(near >= math.sin(j * math.pi / (2 * margin)) ** 2, features.dtype) for j in range(1, margin)),
        xp.zeros_like(near),
    )
    odd = wraps - 2 * xp.floor(wraps / 2)
    angular = (1 - 2 * odd) * turned - 2 * wraps
    target = xp.where(no_feature | no_weight, gather(logits, labels), norm(features) * norm(own) * angular)
    return negative_log_softmax(xp.where(_is_own(logits, labels), target[..., None], logits), labels)


@loss(
    family="classification",
    unit="example",
    source="Grave, Joulin, Cisse, Grangier and Jegou 2017, arXiv:1609.04309",
    aliases=("torch:AdaptiveLogSoftmaxWithLoss",),
    equals=(
        Equal(
            "torch",
            "-torch.func.functional_call(torch.nn.AdaptiveLogSoftmaxWithLoss(features.shape[-1], "
            "head.shape[0] - 2 + tails[0].shape[0] + tails[1].shape[0], "
            "[head.shape[0] - 2, head.shape[0] - 2 + tails[0].shape[0]]), {'head.weight': head, "
            "'tail.0.0.weight': projections[0], 'tail.0.1.weight': tails[0], "
            "'tail.1.0.weight': projections[1], 'tail.1.1.weight': tails[1]}, (features, labels)).output",
            when="features.ndim == 2",
        ),
    ),
    accuracy=Accuracy(
        on={
            "jax": Accuracy(
                hessian=8e12,
                reason="where two scores of a cluster are equal XLA leaves the square of a rounding in place of 0 in "
                "float64, 1e-38 beside weights of 1e-2; 1 % elsewhere is 5e13 of the same units",
            )
        }
    ),
    sizes={"batch": 5, "entries": 4, "words": 2, "hidden": 1, "classes": 7},
)
def adaptive_log_softmax(
    features: Real["*batch dim"],
    labels: ClusteredLabel["*batch", "in head tails"],
    head: Real["entries dim"],
    projections: list[Real["?hidden dim"]],
    tails: list[Real["?words ?hidden"]],
) -> Real["*batch"]:
    """Cross entropy over many classes in two steps: a frequent class or a cluster, then a class of the cluster.

    l = -log softmax(h)[label] for a label below s, and -log softmax(h)[s + i] - log softmax(t_i)[j] for class j of
    cluster i, with h = head features, t_i = tails[i] projections[i] features, and s = entries - len(tails) frequent
    classes. Labels count the frequent classes first, then the classes of each cluster in turn.

    Shapes: `features` [*batch dim]; `labels` integers [*batch] in [0, classes); `head` [entries dim], a row for each
    frequent class, then one for each cluster; `projections` and `tails` lists with an item for each cluster:
    [hidden dim] and [words hidden], both different from cluster to cluster -> example [*batch].
    Weights and mean: the common contract, one weight an example; mask padding with `where`.
    Errors: `ContractError` for another shape, lists of unequal length or no frequent class; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: torch `AdaptiveLogSoftmaxWithLoss` with its `head.weight`, `tail[i][0].weight` and `tail[i][1].weight`
    (`.loss` is the mean, `.output` the log-probability, of the other sign); its `head_bias=True` has no counterpart
    here. The log-probabilities of all classes are `adaptive_log_probabilities`. Every cluster is evaluated for every
    example: shapes do not depend on labels here.

    >>> import math
    >>> import numpy as np
    >>> x, head, down, up = np.zeros((2, 3)), np.ones((3, 3)), [np.ones((1, 3))], [np.ones((4, 1))]
    >>> each = adaptive_log_softmax.per_example(x, np.asarray([0, 2]), head, down, up)  # 1 in 3, then 1 in 4
    >>> [round(math.exp(value), 12) for value in each.tolist()]
    [3.0, 12.0]
    """
    xp = array_namespace(features)
    first = _frequent(head, tails)
    entries = labels
    within = xp.zeros_like(features[..., 0])
    start = first
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        inside = (labels >= start) & (labels < start + tail.shape[0])
        entries = xp.where(inside, first + cluster, entries)
        own = _of_entry(_scores(features, projection, tail), xp.where(inside, labels - start, 0))
        within = xp.where(inside, own, within)
        start += tail.shape[0]
    return _of_entry(_scores(features, head), entries) + within


def _of_entry(scores: Array, index: Array) -> Array:
    """-log softmax(scores)[index], by a primitive that keeps the second derivatives of layers with weights of 1e8."""
    chosen = positions(scores, dtype=index.dtype) == index[..., None]
    return expected_negative_log_softmax(scores, array_namespace(scores).astype(chosen, scores.dtype))


def adaptive_log_probabilities(features: Array, head: Array, projections: list[Array], tails: list[Array]) -> Array:
    """The log-probabilities [*batch classes] of all classes of `adaptive_log_softmax`, for inputs as it takes them.

    >>> import numpy as np
    >>> x, head, down, up = np.zeros((1, 3)), np.ones((3, 3)), [np.ones((1, 3))], [np.ones((4, 1))]
    >>> np.round(1 / np.exp(adaptive_log_probabilities(x, head, down, up)), 9).tolist()
    [[3.0, 3.0, 12.0, 12.0, 12.0, 12.0]]
    """
    xp = array_namespace(features)
    first = _frequent(head, tails)
    entries = _log_softmax(_scores(features, head))
    parts = [entries[..., :first]]
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        own = _log_softmax(_scores(features, projection, tail))
        parts.append(entries[..., first + cluster : first + cluster + 1] + own)
    return xp.concat(parts, axis=-1)


def _frequent(head: Array, tails: list[Array]) -> int:
    """How many rows of the head are classes and no clusters."""
    first: int = head.shape[0] - len(tails)
    clusters = len(tails)
    require(
        first > 0, "adaptive_log_softmax: `head` has {} rows for {} clusters and no class.", head.shape[0], clusters
    )
    return first


def _scores(features: Array, *layers: Array) -> Array:
    """The outputs of linear layers without biases, one after the other."""
    for layer in layers:
        features = matmul(features, array_namespace(features).matrix_transpose(layer))
    return features


def _log_softmax(logits: Array) -> Array:
    xp = array_namespace(logits)
    _, gaps, ratios = _ratios(logits)
    return gaps - xp.log1p(xp.sum(ratios, axis=-1, keepdims=True))


# Losses of probabilities.


def _surprise(weights: Array, probabilities: Array) -> Array:
    """-weights * log(probabilities), which is 0 where both are 0; at a probability of 0 the derivative is 0."""
    xp = array_namespace(probabilities)
    zero = probabilities == 0
    logs = xp.where(zero, 0.0, xp.log(xp.where(zero, 1.0, probabilities)))
    return xp.where(zero & (weights != 0), inf, -weights * logs)


@loss(
    family="classification",
    unit="example",
    source="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
    aliases=("NLL",),
    also={"torch:nll_loss NLLLoss": {"ignore_index": -100}},
    equals=(
        Equal(
            "torch",
            "F.nll_loss(log_probabilities, labels, reduction='none')",
            when="labels.ndim == 1 and labels.dtype.kind == 'i'",
        ),
    ),
    unread={"log_probabilities": "classes that the label gives no weight"},
)
def nll(
    log_probabilities: LogDistribution["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Real["*batch"]:
    """The negative log-likelihood of the labels, from log-probabilities.

    l = -log_probabilities[label]; for a distribution t in place of the label, -sum_c t[c] log_probabilities[c], where a
    class of t[c] = 0 contributes 0.

    Shapes: `log_probabilities` [*batch classes], logarithms in [-inf, 0], not probabilities (the class axis anywhere:
    `axis=1` for images); nothing normalises them; `labels` integers [*batch] in [0, classes), or distributions
    [*batch classes] -> example [*batch].
    Weights and mean: as `cross_entropy`. A log-probability of -inf at the label is inf, with derivative -1.
    Errors: as `cross_entropy`.
    Equals: torch `F.nll_loss`, whose mean under class weights divides by their sum too. For logits: `cross_entropy`,
    which keeps the digits of small losses.

    >>> import numpy as np
    >>> float(nll(np.asarray([[-0.25, -1.5], [-3.0, -0.5]]), np.asarray([1, 0])))
    2.25
    """
    return -gather(log_probabilities, labels) if _is_integral(labels) else _expected(labels, -log_probabilities)


@loss(
    family="classification",
    unit="example",
    source="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
    aliases=(
        "keras:CategoricalCrossentropy categorical_crossentropy",
        "keras:SparseCategoricalCrossentropy sparse_categorical_crossentropy",
        "sklearn:log_loss",
    ),
    equals=(
        Equal(
            "torch",
            "F.nll_loss(torch.log(probabilities), labels, reduction='none')",
            when="labels.dtype.kind == 'i' and probabilities.ndim == 2",
        ),
        Equal(
            "sklearn",
            "metrics.log_loss(labels, probabilities, labels=np.arange(probabilities.shape[1]))",
            when="labels.dtype.kind == 'i' and len(labels.shape) == 1 and labels.size and probabilities.shape[1] > 1",
            reduction="mean",
            differs={"edges": "it clips probabilities to [eps, 1 - eps]"},
        ),
    ),
    unread={"probabilities": "classes that the label gives no weight"},
)
def categorical_cross_entropy(
    probabilities: Distribution["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Real["*batch"]:
    """The negative log-likelihood of the labels, from probabilities.

    l = -log probabilities[label]; for a distribution t in place of the label, -sum_c t[c] log probabilities[c], where a
    class of t[c] = 0 contributes 0.

    Shapes: `probabilities` [*batch classes], rows that sum to 1 (nothing normalises or clips them); `labels` integers
    [*batch] in [0, classes), or distributions [*batch classes] -> example [*batch].
    Weights and mean: as `cross_entropy`.
    A probability of 0 at the label, or under a positive t[c], is inf; its derivative is declared 0, and so is that of
    t[c] there.
    Errors: as `cross_entropy`.
    Equals: torch `F.nll_loss(log(probabilities))`; Keras `CategoricalCrossentropy` (for integer labels
    `SparseCategoricalCrossentropy`) with from_logits=False, up to its normalising and clipping to [1e-7, 1 - 1e-7];
    sklearn `log_loss` up to its clipping to [eps, 1 - eps]. For logits: `cross_entropy`, which keeps small losses.

    >>> import math
    >>> import numpy as np
    >>> p = np.asarray([[0.5, 0.5, 0.0]])
    >>> round(float(categorical_cross_entropy(p, np.asarray([1]))) / math.log(2), 12)
    1.0
    >>> float(categorical_cross_entropy(p, np.asarray([2])))
    inf
    """
    if _is_integral(labels):
        own = gather(probabilities, labels)
        return _surprise(array_namespace(own).ones_like(own), own)
    return array_namespace(labels).sum(_surprise(labels, probabilities), axis=-1)


@loss(
    family="classification",
    unit="element",
    source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x",
    aliases=("torch:binary_cross_entropy BCELoss", "keras:BinaryCrossentropy binary_crossentropy bce BCE"),
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy(probabilities, targets, reduction='none')",
            differs={"edges": "its logarithms are at least -100"},
        ),
        Equal(
            "keras",
            "keras.losses.BinaryCrossentropy()(targets, probabilities)",
            reduction="mean",
            differs={"edges": "it clips probabilities to [1e-7, 1 - 1e-7]"},
        ),
    ),
)
def binary_cross_entropy(probabilities: Probability["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """The negative log-likelihood of a yes/no target, from its probability.

    l = -targets * log probabilities - (1 - targets) * log(1 - probabilities), where a term of weight 0 is 0.

    Shapes: `probabilities` and `targets` [*batch] in [0, 1] -> element [*batch].
    Weights and mean: the common contract.
    A probability of 0 under a positive target, or of 1 under a target below 1, is inf; the derivative of that term is
    declared 0. Nothing is clipped.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Convex in `probabilities`.
    Equals: torch `F.binary_cross_entropy` (whose `weight` is "count_mean") but for its
    logarithms, which do not go below -100; Keras `BinaryCrossentropy` up to its clipping to [1e-7, 1 - 1e-7]. For
    logits: `binary_cross_entropy_with_logits`, which keeps the digits of small losses.

    >>> import math
    >>> import numpy as np
    >>> round(float(binary_cross_entropy(np.asarray([0.25]), np.asarray([1.0]))) / math.log(4), 12)
    1.0
    >>> binary_cross_entropy.per_example(np.asarray([0.0, 0.0]), np.asarray([0.0, 1.0])).tolist()
    [0.0, inf]
    """
    xp = array_namespace(probabilities)
    one = probabilities == 1
    logs = xp.where(one, 0.0, xp.log1p(-xp.where(one, 0.0, probabilities)))
    negative = 1 - targets
    off = xp.where(one & (negative != 0), inf, -negative * logs)
    return carry_nan(_surprise(targets, probabilities) + off)


@loss(
    family="classification",
    unit="example",
    source="Zhang and Sabuncu 2018, arXiv:1805.07836",
    aliases=("GCE",),
    also={
        "keras:CategoricalGeneralizedCrossEntropy": {"q": 0.5},
        "keras:categorical_generalized_cross_entropy": "its `q` has no default; that of its class is 0.5",
    },
    equals=(
        Equal(
            "keras",
            "keras.losses.categorical_generalized_cross_entropy(labels, probabilities, q)",
            when="labels.dtype.kind == 'i'",
            differs={"gradient edges": "its derivative at a probability of 0 is -inf, and NaN beside it"},
        ),
    ),
    unread={"probabilities": "classes that the label gives no weight"},
)
def generalized_cross_entropy(
    probabilities: Distribution["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    q: PositiveFraction["#*batch"] = 0.7,
) -> Real["*batch"]:
    """Between cross entropy (q -> 0) and the absolute error of the probability (q = 1), from probabilities.

    l = (1 - probabilities[label]^q) / q; for a distribution t in place of the label, sum_c t[c] of that for class c.

    Shapes: `probabilities` [*batch classes], rows that sum to 1; `labels` integers [*batch] in [0, classes), or
    distributions [*batch classes]; `q` in (0, 1] -> example [*batch], in [0, 1 / q].
    Weights and mean: as `cross_entropy`. At a probability of 0 the loss is 1 / q; its derivative, which grows without
    bound towards it for q < 1, is declared 0 there; for q = 1 it is -1.
    Errors: `ContractError` for another shape or q outside (0, 1]; labels as in `cross_entropy`.
    Equals: Keras `CategoricalGeneralizedCrossEntropy` (q=0.5; it takes integer labels in spite of its name). For
    logits: `generalized_cross_entropy_with_logits`, which keeps the digits of small losses.

    >>> import numpy as np
    >>> float(generalized_cross_entropy(np.asarray([[0.25, 0.75]]), np.asarray([0]), q=0.5))
    1.0
    """
    xp = array_namespace(probabilities)
    own = gather(probabilities, labels) if _is_integral(labels) else probabilities
    q, zero = _beside(q, labels), own == 0
    logs = -q * xp.log(xp.where(zero, 1.0, own))
    near = logs < 1  # elsewhere the power itself: by its logarithm its derivative would lose digits to the size of that
    power = xp.where(zero, xp.where(number(q, own) == 1, own, 0.0), xp.where(near, 0.5, own) ** q)
    each = xp.where(near & ~zero, -expm1(-xp.where(near, logs, 0.0)), 1 - power) / q
    return each if _is_integral(labels) else _expected(labels, each)


@loss(
    family="classification",
    unit="example",
    source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    equals=(
        Equal(
            "sklearn",
            "metrics.brier_score_loss(labels, probabilities, labels=np.arange(probabilities.shape[1]), "
            "scale_by_half=scale_by_half)",
            when="labels.dtype.kind == 'i' and len(labels.shape) == 1 and labels.size and probabilities.shape[1] > 1",
            reduction="mean",
        ),
    ),
    nonlinear="it is the square of a distance from them",
)
def brier(
    probabilities: Distribution["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    scale_by_half: bool = False,
) -> Real["*batch"]:
    """The squared distance of the probabilities from the one-hot label, summed over classes.

    l = sum_c (probabilities[c] - [c = label])^2, or half of it with `scale_by_half`; for a distribution t in place of
    the label, sum_c (probabilities[c] - t[c])^2.

    Shapes: `probabilities` [*batch classes], rows that sum to 1; `labels` integers [*batch] in [0, classes), or
    distributions [*batch classes] -> example [*batch], at most 2.
    Weights and mean: as `sparsemax`. The sum over classes is part of the loss.
    Errors: as `sparsemax`.
    Convex, strictly proper.
    Equals: sklearn `brier_score_loss` of two-dimensional probabilities under the same
    `scale_by_half`; its default "auto" halves for two classes and not for more. Of one probability of yes:
    `binary_brier`, which is half the sum over the two classes.

    >>> import numpy as np
    >>> p = np.asarray([[0.5, 0.5, 0.0]])
    >>> float(brier(p, np.asarray([0]))), float(brier(p, np.asarray([2]), scale_by_half=True))
    (0.5, 0.75)
    """
    xp = array_namespace(probabilities)
    if _is_integral(labels):
        squares = xp.where(_is_own(probabilities, labels), (probabilities - 1) ** 2, probabilities**2)
    else:
        squares = (probabilities - labels) ** 2
    total = xp.sum(squares, axis=-1)
    return 0.5 * total if scale_by_half else total


@loss(
    family="classification",
    unit="element",
    source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    aliases=("sklearn:brier_score_loss",),
    equals=(Equal("torch", "F.mse_loss(probabilities, targets, reduction='none')"),),
    perfect={"probabilities": "targets"},
)
def binary_brier(probabilities: Probability["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """The squared difference of the probability of yes from the target.

    l = (probabilities - targets)^2: half of `brier` over the two classes yes and no.

    Shapes: `probabilities` and `targets` [*batch] in [0, 1] -> element [*batch].
    Weights and mean: the common contract.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Convex, strictly proper.
    Equals: sklearn `brier_score_loss` of one-dimensional probabilities, torch `F.mse_loss`.

    >>> import numpy as np
    >>> float(binary_brier(np.asarray([0.25, 1.0]), np.asarray([1.0, 1.0]), reduction="sum"))
    0.5625
    """
    return (probabilities - targets) ** 2
