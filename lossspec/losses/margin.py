"""Losses that want a score beyond a margin: hinges, perceptrons and their smooth forms."""

from math import inf
from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    array_namespace,
    first_largest,
    gather,
    per_row,
    positions,
    relu,
    sigmoid_cross_entropy,
    softplus,
    zero_where,
)
from lossspec.terms import Array, Distribution, Indicator, Label, Logits, NonNegative, Probability, Real, Sign

__all__ = [
    "categorical_hinge",
    "hinge",
    "hinge_embedding",
    "margin_ranking",
    "modified_huber",
    "multi_margin",
    "multiclass_hinge",
    "multiclass_perceptron",
    "multilabel_margin",
    "multilabel_soft_margin",
    "perceptron",
    "soft_margin",
    "squared_hinge",
]

_KINK = "at the kink, where we declare 0, its derivative is that of the active side"
_HALF_KINK = "at the kink, where we declare 0, its derivative is half that of the active side"
_TIES = "it divides the gradient among tied classes; we give it to the first of them"


def _agreement(logits: Array, labels: Array) -> Array:
    """Return labels * logits for labels of either dtype: above 0 where the sign of the logit is right."""
    return array_namespace(logits).where(labels > 0, logits, -logits)


def _own_replaced(x: Array, labels: Array, value: float) -> Array:
    """Replace the entry of the label on the last axis by a value."""
    return array_namespace(x).where(positions(x, dtype=labels.dtype) == labels[..., None], value, x)


def _rival_ahead(logits: Array, labels: Array) -> Array:
    """The largest logit of the other classes minus that of the label; -inf where there is no other class."""
    return first_largest(_own_replaced(logits, labels, -inf)) - gather(logits, labels)


@loss(
    family="margin",
    unit="example",
    source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x",
    aliases=("torch:soft_margin_loss SoftMarginLoss",),
    equals=(
        Equal(
            "torch",
            "F.soft_margin_loss(logits, labels.to(logits.dtype), reduction='none')",
            differs={"edges": "wrong: it is inf where labels * logits is below -709, and the loss is -labels * logits"},
        ),
        Equal("optax", "optax.sigmoid_binary_cross_entropy(logits, (labels.astype(logits.dtype) + 1) / 2)"),
        Equal("sklearn", "losses.HalfBinomialLoss().loss((labels + 1.0) / 2, logits)", when="logits.ndim == 1"),
    ),
    convex_in=("logits",),
)
def soft_margin(logits: Logits["*batch"], labels: Sign["*batch"]) -> Real["*batch"]:
    """Logistic loss of a logit and a sign, as in logistic regression.

    l = log(1 + exp(-labels * logits)), which falls as labels * logits grows: binary cross entropy at the target
    (labels + 1) / 2. It is convex in the logits.

    Shapes: `logits` [*batch]; `labels` [*batch], 1 or -1, integers or floats -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: `ContractError` for another shape, `DTypeError` for integer logits; a label other than 1 and -1 (0 for the
    negative class) gives NaN, and raises under `checking("values")`.
    Equals: torch `F.soft_margin_loss` where that is finite (it is inf, with a gradient of NaN, where labels * logits is
    below -88 in float32 and -709 in float64); optax `sigmoid_binary_cross_entropy` and sklearn `HalfBinomialLoss`
    with labels of 0 and 1.

    >>> import numpy as np
    >>> soft_margin.per_example(np.asarray([-1000.0, 0.0]), np.asarray([1, -1])).tolist()
    [1000.0, 0.6931471805599453]
    """
    return softplus(-_agreement(logits, labels))


@loss(
    family="margin",
    unit="example",
    source="Cortes and Vapnik 1995, doi:10.1007/BF00994018",
    aliases=("keras:Hinge hinge", "sklearn:hinge_loss"),
    also={"optax:hinge_loss": {"reduction": "none"}},
    equals=(
        Equal("optax", "optax.hinge_loss(logits, labels.astype(logits.dtype))"),
        Equal("keras", "keras.losses.Hinge()(labels, logits)", reduction="mean"),
        Equal(
            "sklearn",
            "metrics.hinge_loss(labels, logits)",
            reduction="mean",
            when="logits.ndim == 1 and len(np.unique(labels)) == 2",
        ),
    ),
    convex_in=("logits",),
)
def hinge(logits: Logits["*batch"], labels: Sign["*batch"]) -> Real["*batch"]:
    """Hinge loss: the distance by which a score falls short of the margin 1 on its side.

    l = max(0, 1 - labels * logits). It is convex in the logits, and at least the error (labels * logits <= 0).

    Shapes: `logits` [*batch], any real scores; `labels` [*batch], 1 or -1, integers or floats -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative at the kink
    labels * logits = 1 is declared 0.
    Errors: `ContractError` for another shape, `DTypeError` for integer logits; a label other than 1 and -1 gives NaN,
    and raises under `checking("values")`. Labels of 0 and 1: pass 2 * labels - 1.
    Equals: optax `hinge_loss` (unreduced; a label of 0 gives 1 there), sklearn `hinge_loss` of a binary problem, Keras
    `Hinge`, which reads labels as 0 and 1 if the whole batch is, so that a batch of ones alone is the same.

    >>> import numpy as np
    >>> hinge.per_example(np.asarray([0.5, 3.0, 0.25]), np.asarray([1, 1, -1])).tolist()
    [0.5, 0.0, 1.25]
    """
    return relu(1 - _agreement(logits, labels))


@loss(
    family="margin",
    unit="example",
    source="Cortes and Vapnik 1995, doi:10.1007/BF00994018, with slacks to the power 2",
    aliases=("keras:SquaredHinge squared_hinge",),
    equals=(Equal("keras", "keras.losses.SquaredHinge()(labels, logits)", reduction="mean"),),
    convex_in=("logits",),
)
def squared_hinge(logits: Logits["*batch"], labels: Sign["*batch"]) -> Real["*batch"]:
    """Squared hinge loss, which is differentiable everywhere.

    l = max(0, 1 - labels * logits)^2. It is convex in the logits.

    Shapes: `logits` [*batch], any real scores; `labels` [*batch], 1 or -1, integers or floats -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: as `hinge`.
    Equals: Keras `SquaredHinge`, with the labels that `hinge` describes.

    >>> import numpy as np
    >>> squared_hinge.per_example(np.asarray([0.5, 3.0, 0.25]), np.asarray([1, 1, -1])).tolist()
    [0.25, 0.0, 1.5625]
    """
    return relu(1 - _agreement(logits, labels)) ** 2


@loss(
    family="margin",
    unit="example",
    source="Zhang 2004, doi:10.1214/aos/1079120130",
    convex_in=("logits",),
)
def modified_huber(logits: Logits["*batch"], labels: Sign["*batch"]) -> Real["*batch"]:
    """Modified Huber loss: the squared hinge loss, linear where the margin is below -1.

    l = max(0, 1 - m)^2 where m = labels * logits >= -1, else -4 m. It is convex in the logits, and its slope at most 4.

    Shapes: `logits` [*batch], any real scores; `labels` [*batch], 1 or -1, integers or floats -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: as `hinge`.
    Equals: sklearn `SGDClassifier(loss="modified_huber")`.

    >>> import numpy as np
    >>> modified_huber.per_example(np.asarray([0.5, -1.0, -2.0]), np.asarray([1, 1, 1])).tolist()
    [0.25, 4.0, 8.0]
    """
    xp = array_namespace(logits)
    agreement = _agreement(logits, labels)
    within = agreement >= -1
    return xp.where(within, relu(1 - xp.where(within, agreement, 1.0)) ** 2, -4 * agreement)


@loss(
    family="margin",
    unit="example",
    source="Rosenblatt 1958, doi:10.1037/h0042519",
    also={"optax:perceptron_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "optax",
            "optax.losses.perceptron_loss(logits, labels.astype(logits.dtype))",
            differs={"gradient edges": _HALF_KINK},
        ),
    ),
    convex_in=("logits",),
)
def perceptron(logits: Logits["*batch"], labels: Sign["*batch"]) -> Real["*batch"]:
    """Perceptron loss: the size of a score of the wrong sign.

    l = max(0, -labels * logits): a hinge without margin, so that scores of 0 have no loss. It is convex in the logits.

    Shapes: `logits` [*batch], any real scores; `labels` [*batch], 1 or -1, integers or floats -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative at 0 is declared 0: a
    model whose scores are all 0 does not move.
    Errors: as `hinge`.
    Equals: optax `perceptron_loss` (unreduced; derivative -labels / 2 at 0).

    >>> import numpy as np
    >>> perceptron.per_example(np.asarray([0.5, -2.0]), np.asarray([1, 1])).tolist()
    [0.0, 2.0]
    """
    return relu(-_agreement(logits, labels))


@loss(
    family="margin",
    unit="example",
    source="Collins 2002, doi:10.3115/1118693.1118694",
    aliases=("structured_perceptron",),
    also={"optax:multiclass_perceptron_loss": {"reduction": "none"}},
    equals=(Equal("optax", "optax.losses.multiclass_perceptron_loss(logits, labels)", differs={"gradient": _TIES}),),
    convex_in=("logits",),
    invariant_in=("logits",),
)
def multiclass_perceptron(logits: Logits["*batch classes"], labels: Label["*batch"]) -> Real["*batch"]:
    """Multi-class perceptron loss: the best score minus that of the label.

    l = max_c logits[c] - logits[label], which is max(0, max_{c != label} logits[c] - logits[label]). It is convex in
    the logits.

    Shapes: `logits` [*batch classes], any real scores (a class of -inf is no rival); `labels` integers [*batch] in
    [0, classes) -> example [*batch]. With one class it is 0.
    Weights and mean: w = sample_weight * class_weight[label]; "mean" divides by the sum of weights over examples whose
    label is not `ignore_index`. Where the label is among the best the gradient is declared 0; of several best others
    the first one has it.
    Errors: `ContractError` for another shape; a label outside [0, classes) gives NaN, and raises under
    `checking("values")`.
    Equals: optax `multiclass_perceptron_loss` (unreduced; it divides the gradient among the tied).

    >>> import numpy as np
    >>> multiclass_perceptron.per_example(np.asarray([[1.0, 3.0, 0.0]] * 2), np.asarray([0, 1])).tolist()
    [2.0, 0.0]
    """
    return relu(_rival_ahead(logits, labels))


@loss(
    family="margin",
    unit="example",
    source="Crammer and Singer 2001, Journal of Machine Learning Research 2, pages 265-292",
    also={"optax:multiclass_hinge_loss": {"reduction": "none"}},
    equals=(
        Equal(
            "optax",
            "optax.losses.multiclass_hinge_loss(logits, labels)",
            differs={"gradient whole numbers": _TIES},
        ),
        Equal(
            "sklearn",
            "metrics.hinge_loss(labels, logits, labels=np.arange(logits.shape[-1]))",
            reduction="mean",
            when="logits.ndim == 2 and logits.shape[-1] > 2 and len(logits) > 0",
        ),
    ),
    convex_in=("logits",),
    invariant_in=("logits",),
)
def multiclass_hinge(logits: Logits["*batch classes"], labels: Label["*batch"]) -> Real["*batch"]:
    """Multi-class hinge loss of Crammer and Singer: the distance by which the label does not lead all others by 1.

    l = max(0, 1 + max_{c != label} logits[c] - logits[label]). It is convex in the logits.

    Shapes: `logits` [*batch classes], any real scores (a class of -inf is no rival); `labels` integers [*batch] in
    [0, classes) -> example [*batch]. With one class it is 0.
    Weights and mean: w = sample_weight * class_weight[label]; "mean" divides by the sum of weights over examples whose
    label is not `ignore_index`. The gradient at the kink is declared 0; of several best others the first one has it.
    Errors: `ContractError` for another shape; a label outside [0, classes) gives NaN, and raises under
    `checking("values")`.
    Equals: optax `multiclass_hinge_loss` (unreduced; it divides the gradient among the tied), sklearn `hinge_loss` of
    three classes or more. Keras `CategoricalHinge` is `categorical_hinge`, torch `F.multi_margin_loss` `multi_margin`.

    >>> import numpy as np
    >>> multiclass_hinge.per_example(np.asarray([[1.0, 3.0, 0.0]] * 2), np.asarray([0, 1])).tolist()
    [3.0, 0.0]
    """
    return relu(1 + _rival_ahead(logits, labels))


@loss(
    family="margin",
    unit="example",
    source="Crammer and Singer 2001, Journal of Machine Learning Research 2, pages 265-292, in the form of Keras",
    aliases=("keras:CategoricalHinge categorical_hinge",),
    equals=(
        Equal(
            "keras",
            "keras.losses.categorical_hinge(ops.one_hot(labels, logits.shape[-1], dtype='float64'), logits)",
            when="labels.dtype.kind == 'i'",
            differs={"gradient": _TIES, "empty batch": "it refuses one"},
        ),
        Equal(
            "keras",
            "keras.losses.categorical_hinge(labels, logits)",
            when="labels.dtype.kind == 'f'",
            differs={"gradient": _TIES},
        ),
    ),
    nonlinear="it is a maximum over classes of terms that they change",
)
def categorical_hinge(
    logits: Logits["*batch classes"], labels: Label["*batch"] | Distribution["*batch classes"]
) -> Real["*batch"]:
    """Categorical hinge loss of Keras: a multi-class hinge in which the label competes as a class of score 0.

    l = max(0, 1 + max_c (1 - t[c]) * logits[c] - sum_c t[c] * logits[c]), with t the distribution, or 1 at the label
    and 0 elsewhere. The slot of the label is 0 in the maximum, so that a rival counts as at least 0: only where one of
    the other logits is not below 0 is it `multiclass_hinge`, and adding a number to all logits changes it.

    Shapes: `logits` [*batch classes], any real scores (a class of -inf is no rival); `labels` integers [*batch] in
    [0, classes), or distributions [*batch classes] -> example [*batch].
    Weights and mean: as `sparsemax`. The gradient at the kink is declared 0; of several largest entries the first one
    has it, the label's 0 included.
    Errors: `ContractError` for another shape or for `class_weight` with distributions, `DTypeError` for float labels of
    the shape of integers; a label outside [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: Keras `CategoricalHinge` and `categorical_hinge`, which take one-hot labels.

    >>> import numpy as np
    >>> logits, labels = np.asarray([[-3.0, -4.0]]), np.asarray([0])
    >>> float(categorical_hinge(logits, labels)), float(multiclass_hinge(logits, labels))
    (4.0, 0.0)
    """
    xp = array_namespace(logits)
    if xp.isdtype(labels.dtype, "integral"):
        own, rival = gather(logits, labels), first_largest(_own_replaced(logits, labels, 0.0))
    else:
        out = logits == -inf
        finite = xp.where(out, 0.0, logits)
        own = xp.sum(xp.where(out & (labels > 0), -inf, labels * finite), axis=-1)
        rival = first_largest(xp.where(out & (labels < 1), -inf, (1 - labels) * finite))
    return relu(1 + rival - own)


@loss(
    family="margin",
    unit="example",
    source="Weston and Watkins 1999, ESANN, pages 219-224, divided by the number of classes",
    aliases=("torch:multi_margin_loss MultiMarginLoss",),
    equals=(
        Equal(
            "torch",
            "F.multi_margin_loss(logits, labels, p=p, margin=margin, reduction='none')",
            when="logits.ndim in (1, 2)",
        ),
    ),
    invariant_in=("logits",),
)
def multi_margin(
    logits: Logits["*batch classes"],
    labels: Label["*batch"],
    *,
    p: Literal[1, 2] = 1,
    margin: NonNegative["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Multi-class margin loss: hinge losses of the label against each other class, averaged over the classes.

    l = sum_{c != label} max(0, margin - logits[label] + logits[c])^p / classes. It is convex in the logits.

    Shapes: `logits` [*batch classes], any real scores (a class of -inf is no rival); `labels` integers [*batch] in
    [0, classes); `p` is 1 or 2; `margin` >= 0 -> example [*batch]. With one class it is 0.
    Weights and mean: w = sample_weight * class_weight[label]; "mean" divides by the sum of weights over examples whose
    label is not `ignore_index`. The derivative at a kink is declared 0.
    Errors: `ContractError` for another shape, another p or margin < 0; a label outside [0, classes) gives NaN, and
    raises under `checking("values")`.
    Equals: torch `F.multi_margin_loss`, whose mean with class weights divides by the count: "count_mean". It is not
    `multiclass_hinge`, which takes the largest of the distances.

    >>> import numpy as np
    >>> multi_margin.per_example(np.asarray([[1.0, 3.0, 0.5, 0.0]] * 2), np.asarray([0, 1])).tolist()
    [0.875, 0.0]
    """
    xp = array_namespace(logits)
    ahead = _own_replaced(logits - gather(logits, labels)[..., None], labels, -inf)
    return xp.sum(relu(per_row(margin) + ahead) ** p, axis=-1) / logits.shape[-1]


@loss(
    family="margin",
    unit="example",
    source="Elisseeff and Weston 2001, Advances in Neural Information Processing Systems 14, pages 681-687, with the "
    "pairs divided by the number of classes",
    also={
        "torch:multilabel_margin_loss MultiLabelMarginLoss": (
            "its targets are lists of classes that end with -1; those of multilabel_margin are 1 for the classes "
            "that hold"
        ),
    },
    equals=(
        Equal(
            "torch",
            "F.multilabel_margin_loss(logits, torch.sort(torch.where(targets == 1, torch.arange(targets.shape[-1]), "
            "-1), descending=True).values, reduction='none')",
            when="logits.ndim in (1, 2)",
        ),
    ),
    invariant_in=("logits",),
)
def multilabel_margin(logits: Logits["*batch classes"], targets: Indicator["*batch classes"]) -> Real["*batch"]:
    """Multi-label margin loss: hinge losses of each class that applies against each that does not.

    l = sum_{j: targets[j] = 1} sum_{i: targets[i] = 0} max(0, 1 - (logits[j] - logits[i])) / classes. It is convex in
    the logits.

    Shapes: `logits` [*batch classes], any real scores; `targets` [*batch classes], 1 for each class that applies and 0
    for the others, integers or floats -> example [*batch]. It forms all classes * classes pairs.
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative at a kink is declared 0.
    Errors: `ContractError` for another shape; an example with a target other than 0 and 1 is NaN, and raises under
    `checking("values")`.
    Equals: torch `F.multilabel_margin_loss`, whose targets are lists of classes that end at the first -1: [2, 0, -1] of
    three classes is [1, 0, 1].

    >>> import numpy as np
    >>> float(multilabel_margin(np.asarray([[0.5, 1.0, 0.25, 3.0]]), np.asarray([[1, 0, 0, 1]])))
    0.5625
    """
    xp = array_namespace(logits)
    applies = targets == 1
    pairs = applies[..., :, None] & ~applies[..., None, :]
    short = relu(1 - (logits[..., :, None] - logits[..., None, :]))
    return xp.sum(zero_where(short, ~pairs), axis=(-2, -1)) / logits.shape[-1]


@loss(
    family="margin",
    unit="example",
    source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x, averaged over the classes",
    aliases=("torch:multilabel_soft_margin_loss MultiLabelSoftMarginLoss",),
    equals=(Equal("torch", "F.multilabel_soft_margin_loss(logits, targets, weight=label_weights, reduction='none')"),),
)
def multilabel_soft_margin(
    logits: Logits["*batch classes"],
    targets: Probability["*batch classes"],
    *,
    label_weights: NonNegative["classes"] | None = None,
) -> Real["*batch"]:
    """Multi-label soft margin loss: the binary cross entropy of each class, averaged over the classes.

    l = -sum_c label_weights[c] * (targets[c] log p[c] + (1 - targets[c]) log(1 - p[c])) / classes, with
    p = 1 / (1 + exp(-logits)). It is convex in the logits.

    Shapes: `logits` [*batch classes] finite; `targets` [*batch classes] in [0, 1]; `label_weights` [classes] >= 0, all
    1 unless given -> example [*batch].
    Weights and mean: the common contract; `label_weights` enter no denominator, and every reduction is over losses that
    are divided by the number of classes, "sum" too.
    Errors: `ContractError` for another shape, `DTypeError` for integer targets.
    Equals: torch `F.multilabel_soft_margin_loss`, with its `weight` for `label_weights`.

    >>> import numpy as np
    >>> round(float(multilabel_soft_margin(np.asarray([[0.0, 40.0]]), np.asarray([[1.0, 1.0]]))), 12)
    0.34657359028
    """
    xp = array_namespace(logits)
    losses = sigmoid_cross_entropy(logits, targets)
    if label_weights is not None:
        losses = losses * xp.reshape(label_weights, (1,) * (len(logits.shape) - 1) + (-1,))
    return xp.sum(losses, axis=-1) / logits.shape[-1]


@loss(
    family="margin",
    unit="pair",
    source="Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100, without the squares",
    aliases=("torch:hinge_embedding_loss HingeEmbeddingLoss",),
    equals=(
        Equal(
            "torch",
            "F.hinge_embedding_loss(distances, labels, margin=margin, reduction='none')",
        ),
    ),
)
def hinge_embedding(
    distances: Real["*batch"], labels: Sign["*batch"], *, margin: NonNegative["#*batch"] = 1.0
) -> Real["*batch"]:
    """Hinge embedding loss: the distance itself for label 1, a hinge on it for label -1.

    l = distances where labels = 1, and max(0, margin - distances) where labels = -1. It is convex in the distances.

    Shapes: `distances` [*batch], as a rule of pairs and then >= 0, but any real number is taken: below 0 a label of 1
    gives a loss below 0; `labels` [*batch], 1 or -1, integers or floats; `margin` >= 0 -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative at the margin is
    declared 0.
    Errors: `ContractError` for another shape or margin < 0; a label other than 1 and -1 gives NaN, and raises under
    `checking("values")`.
    Equals: torch `F.hinge_embedding_loss`, which adds both branches for another label.

    >>> import numpy as np
    >>> hinge_embedding.per_example(np.asarray([0.25, 0.25, 3.0]), np.asarray([1, -1, -1])).tolist()
    [0.25, 0.75, 0.0]
    """
    return array_namespace(distances).where(labels > 0, distances, relu(margin - distances))


@loss(
    family="margin",
    unit="pair",
    source="Herbrich, Graepel and Obermayer 1999, doi:10.1049/cp:19991091",
    aliases=("torch:margin_ranking_loss MarginRankingLoss",),
    equals=(
        Equal(
            "torch",
            "F.margin_ranking_loss(first, second, labels, margin=margin, reduction='none')",
            differs={"gradient equal": _KINK},
        ),
    ),
)
def margin_ranking(
    first: Real["*batch"], second: Real["*batch"], labels: Sign["*batch"], *, margin: NonNegative["#*batch"] = 0.0
) -> Real["*batch"]:
    """Margin ranking loss: a hinge on the difference of two scores, of which the label says which is higher.

    l = max(0, margin - labels * (first - second)). It is convex in the scores. With the margin 0 equal scores cost 0.

    Shapes: `first` and `second` [*batch], any real scores; `labels` [*batch], 1 or -1, integers or floats;
    `margin` >= 0 -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative at the kink is declared
    0.
    Errors: `ContractError` for another shape or margin < 0; a label other than 1 and -1 gives NaN, and raises under
    `checking("values")`.
    Equals: torch `F.margin_ranking_loss`, whose derivative at the kink is that of the active side; a label of 0 gives
    `margin` there.

    >>> import numpy as np
    >>> first, second = np.asarray([2.0, 2.0]), np.asarray([1.5, 1.5])
    >>> margin_ranking.per_example(first, second, np.asarray([1, -1]), margin=1.0).tolist()
    [0.5, 1.5]
    """
    return relu(margin - _agreement(first - second, labels))
