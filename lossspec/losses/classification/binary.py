"""Losses of yes/no targets, one number each: of logits and of probabilities."""

from math import inf

from lossspec.declaration import Equal, loss
from lossspec.losses.classification._labels import KERAS_CLIPS, surprisal
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    focal_cross_entropy,
    is_number,
    relu,
    sigmoid_cross_entropy,
    stop_gradient,
)
from lossspec.terms import HalfLogits, Logits, NonNegative, Probability, Real, UnitInterval

__all__ = [
    "binary_brier",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_sparsemax",
    "exponential",
    "sigmoid_focal",
]


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
        "logistic_hazard nnet_survival discrete_time_hazard": "it is a sum over the intervals up to an event or to "
        "censoring. Fix: binary_cross_entropy_with_logits(logits, targets, where=intervals <= time, "
        "reduction='batch_mean'), with targets of 1 at an event and 0 elsewhere",
    },
    convex_in=("logits",),
)
def binary_cross_entropy_with_logits(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    pos_weight: NonNegative["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Binary cross entropy: the negative log-likelihood of a yes/no target under sigmoid(logits).

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
            differs=KERAS_CLIPS,
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
    """Focal loss of yes/no targets: binary cross entropy times (1 - p_t)^gamma.

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
    unit="element",
    source="Freund and Schapire 1997, doi:10.1006/jcss.1997.1504; Friedman, Hastie and Tibshirani 2000, "
    "doi:10.1214/aos/1016218223",
    aliases=("exponential_loss", "sklearn:ExponentialLoss"),
    equals=(Equal("sklearn", "losses.loss.ExponentialLoss().loss(targets, logits)", when="logits.ndim == 1"),),
)
def exponential(logits: HalfLogits["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """Exponential loss of yes/no targets, which AdaBoost minimises.

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
    """Sparsemax loss of yes/no targets: 0 as soon as the logit is beyond 1 on their side.

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
    """Binary cross entropy of a yes/no target, from its probability.

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
    return carry_nan(surprisal(targets, probabilities) + off)


@loss(
    family="classification",
    unit="element",
    source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    aliases=("sklearn:brier_score_loss",),
    equals=(Equal("torch", "F.mse_loss(probabilities, targets, reduction='none')"),),
    perfect={"probabilities": "targets"},
)
def binary_brier(probabilities: Probability["*batch"], targets: Probability["*batch"]) -> Real["*batch"]:
    """Brier score of yes/no targets: the squared difference of the probability of yes from the target.

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
