"""Losses of labels under the logits of classes."""

from math import inf

from lossspec.declaration import Equal, loss
from lossspec.losses.classification._labels import (
    KERAS_CLIPS,
    along_classes,
    expected_loss,
    is_integral,
    is_label,
    ratios_to_largest,
    rows_of_labels,
)
from lossspec.numerics import (
    array_namespace,
    cumulative_sum,
    expected_negative_log_softmax,
    expm1,
    gather,
    is_zero,
    largest,
    log1p,
    log_odds,
    log_softmax,
    negative_log_softmax,
    per_row,
    positions,
    relu,
    softplus,
    stop_gradient,
)
from lossspec.terms import (
    Array,
    Distribution,
    Label,
    Logits,
    NonNegative,
    Positive,
    PositiveFraction,
    Real,
    Smoothing,
    Statistics,
)

__all__ = [
    "cross_entropy",
    "focal",
    "generalized_cross_entropy_with_logits",
    "perplexity",
    "poly1_cross_entropy",
    "rescaled_square",
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
        "label_smoothing": "it is an option of the losses of classes. Fix: pass label_smoothing=0.1 to cross_entropy",
        "class_balanced class_balanced_loss": "it is a loss with class weights. Fix: pass `class_weight=(1 - beta) / "
        "(1 - beta**counts)`, by the number of examples of each class, to cross_entropy or focal",
        "dft DFT dynamic_fine_tuning": "it weighs each token by its probability, a constant. Fix: pass the detached "
        "probabilities of the labels as `sample_weight`, with reduction='count_mean'",
        "sft SFT": "it is cross_entropy of the tokens of an answer: leave the others out by `where` or `ignore_index`",
        "chunked_nll": "it is cross_entropy in a way that keeps no logits. Fix: call linear_cross_entropy",
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
    """Cross entropy: the negative log-likelihood of the labels under softmax(logits).

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


def _likelihood(logits: Array, labels: Array) -> Array:
    """The negative log-likelihood of classes, or its mean under distributions."""
    return (negative_log_softmax if is_integral(labels) else expected_negative_log_softmax)(logits, labels)


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
    """Perplexity: the exponential of the mean negative log-likelihood of all tokens, one number for the call.

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


def _missed(logits: Array) -> Array:
    """1 - softmax(logits) of every class: by its log-odds for the largest, a plain difference for the others."""
    xp = array_namespace(logits)
    best, is_best, top = largest(logits)
    odds = log_odds(logits, best[..., 0])[..., None]
    ratios = xp.where(is_best, 0.0, xp.exp(logits - top))
    return xp.where(is_best, xp.exp(-softplus(odds)), 1 - ratios * xp.exp(-softplus(-odds)))


def _odds(logits: Array, labels: Array) -> Array:
    """log(p / (1 - p)) of the label's probability p under softmax(logits); under distributions, of every class."""
    if is_integral(labels):
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
            differs=KERAS_CLIPS,
        ),
        Equal(
            "keras",
            "keras.losses.categorical_focal_crossentropy(labels, logits, 1.0 if alpha is None else alpha, gamma, "
            "from_logits=True)",
            when="labels.dtype.kind == 'f'",
            differs=KERAS_CLIPS,
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
    """Focal loss: cross entropy times (1 - p)^gamma, so that examples which are right already count little.

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
    each = xp.exp(-along_classes(gamma, labels) * softplus(odds)) * softplus(-odds)
    each = xp.where(sure, 0.0, xp.where(ruled_out, inf, each))
    by_class = getattr(alpha, "shape", ()) != ()
    if is_integral(labels):
        return each if alpha is None else each * (rows_of_labels(alpha, labels) if by_class else alpha)
    weights = xp.reshape(alpha, (1,) * (len(labels.shape) - 1) + (-1,)) if by_class else alpha
    return expected_loss(labels if alpha is None else labels * weights, each)


@loss(
    family="classification",
    unit="example",
    source="Leng et al. 2022, arXiv:2204.12511",
    aliases=("PolyLoss",),
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
    """Poly-1 loss: cross entropy with a coefficient of its own for the first term of its series in 1 - p.

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
    if is_integral(labels):
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
    """Generalized cross entropy for noisy labels: between cross entropy (q -> 0) and absolute error (q = 1).

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
    if is_integral(labels):
        return _one_minus_exp(q * negative_log_softmax(logits, labels)) / q
    q = per_row(q)
    return expected_loss(labels, _one_minus_exp(-q * log_softmax(logits)) / q)


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
    """Square loss for classification: squared differences from a one-hot vector of height m, times k at the label.

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
    squares = xp.where(is_label(predictions, labels), per_row(k) * (predictions - per_row(m)) ** 2, predictions**2)
    return xp.mean(squares, axis=-1)


def _others(x: Array) -> Array:
    """The sum of the other entries of the last axis for each; they are not negative, and no difference is taken."""
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
    """Squentropy: cross entropy plus the mean square of the logits of the incorrect classes.

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
    if is_integral(labels):
        squares = xp.where(is_label(logits, labels), 0.0, logits) ** 2
    else:  # The second term is 0 and has the derivatives in the labels.
        fixed = stop_gradient(labels)
        weights, far = _others(fixed), logits**2
        far = xp.where(far < inf, far, 0.0)  # where it overflows so does the loss, or nothing weighs it
        squares = weights * xp.where(weights == 0, 0.0, logits) ** 2 + (labels - fixed) * _others(far)
    return _likelihood(logits, labels) + xp.sum(squares, axis=-1) / max(logits.shape[-1] - 1, 1)


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
    """Sparsemax loss: 0 as soon as the label leads by 1, for probabilities that may be exactly 0.

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
    if not is_integral(labels):
        fixed, ahead = stop_gradient(labels), gaps - threshold
        below = xp.where((ahead > 0) | ((labels == 0) & (ahead == -inf)), 0.0, -ahead)  # at 0 it has its derivative
        # The second term is 0 and has the derivatives of the formula in the labels, where these need not sum to 1.
        moved = (labels - fixed) * (0.5 * (labels + fixed) - xp.where(logits == -inf, 0.0, logits))
        return xp.sum(0.5 * (relu(ahead) - fixed) ** 2 + fixed * below + moved, axis=-1)
    wrong = xp.where(is_label(logits, labels), 0.0, relu(gaps - threshold))
    ahead = gather(gaps, labels) - threshold[..., 0]
    below = xp.where(ahead > 0, 0.0, -ahead)  # at 0 it has its derivative
    return 0.5 * (xp.sum(wrong, axis=-1) ** 2 + xp.sum(wrong**2, axis=-1)) + below


@loss(
    family="classification",
    unit="example",
    source="Chowdhery et al. 2022, arXiv:2204.02311",
)
def z_loss(logits: Logits["*batch classes"]) -> Real["*batch"]:
    """Z-loss: the square of the logarithm of the softmax denominator, which keeps logits from drifting.

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
    top, _, ratios = ratios_to_largest(logits)
    return (top[..., 0] + xp.log1p(xp.sum(ratios, axis=-1))) ** 2
