"""Losses of labels under probabilities, or log-probabilities, of classes."""

from lossspec.declaration import Equal, loss
from lossspec.losses.classification._labels import along_classes, expected_loss, is_integral, is_label, surprisal
from lossspec.numerics import array_namespace, expm1, gather, number
from lossspec.terms import Distribution, Label, LogDistribution, PositiveFraction, Real

__all__ = [
    "brier",
    "categorical_cross_entropy",
    "generalized_cross_entropy",
    "nll",
]


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
    """Negative log-likelihood of the labels, from log-probabilities.

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
    return -gather(log_probabilities, labels) if is_integral(labels) else expected_loss(labels, -log_probabilities)


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
    """Cross entropy of the labels, from probabilities.

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
    if is_integral(labels):
        own = gather(probabilities, labels)
        return surprisal(array_namespace(own).ones_like(own), own)
    return array_namespace(labels).sum(surprisal(labels, probabilities), axis=-1)


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
    """Generalized cross entropy, from probabilities: between cross entropy (q -> 0) and absolute error (q = 1).

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
    own = gather(probabilities, labels) if is_integral(labels) else probabilities
    q, zero = along_classes(q, labels), own == 0
    logs = -q * xp.log(xp.where(zero, 1.0, own))
    near = logs < 1  # elsewhere the power itself: by its logarithm its derivative would lose digits to the size of that
    power = xp.where(zero, xp.where(number(q, own) == 1, own, 0.0), xp.where(near, 0.5, own) ** q)
    each = xp.where(near & ~zero, -expm1(-xp.where(near, logs, 0.0)), 1 - power) / q
    return each if is_integral(labels) else expected_loss(labels, each)


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
    """Brier score: the squared distance of the probabilities from the one-hot label, summed over classes.

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
    if is_integral(labels):
        squares = xp.where(is_label(probabilities, labels), (probabilities - 1) ** 2, probabilities**2)
    else:
        squares = (probabilities - labels) ** 2
    total = xp.sum(squares, axis=-1)
    return 0.5 * total if scale_by_half else total
