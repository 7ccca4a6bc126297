"""Errors of a prediction: differences, ratios and angles between it and its target."""

from typing import Any, Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import absolute, array_namespace, cosine_gap, normalize, relu, sqrt
from lossspec.primitive import primitive
from lossspec.terms import AboveMinusOne, Array, Embedding, Positive, Real, Statistics, UnitInterval

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "cosine_distance",
    "expectile",
    "half_squared_error",
    "quantile",
    "root_mean_squared_error",
    "squared_error",
    "squared_log_error",
    "symmetric_absolute_percentage_error",
]

_FLAT = "predictions.ndim == 1"
"""The private losses of sklearn take arrays of one axis."""


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=(
        "torch:mse_loss MSELoss",
        "keras:MeanSquaredError mean_squared_error mse MSE",
        "sklearn:mean_squared_error",
        "rax:pointwise_mse_loss",
    ),
    also={
        "optax:squared_error": {"reduction": "none"},
        "flow_matching rectified_flow": "it is squared_error of the predicted velocity and data - noise, at a point "
        "between them",
    },
    equals=(
        Equal("torch", "F.mse_loss(predictions, targets, reduction='none')"),
        Equal("optax", "optax.squared_error(predictions, targets)"),
        Equal("sklearn", "2 * losses.HalfSquaredError().loss(targets, predictions)", when="predictions.ndim == 1"),
        Equal("keras", "keras.losses.MeanSquaredError()(targets, predictions)", reduction="mean"),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def squared_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """Squared error of prediction and target.

    l = (predictions - targets)^2, one value per element; no factor 1/2.

    Shapes: `predictions` and `targets` [*batch], any real numbers -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.mse_loss`, optax `squared_error`, 2 * optax `l2_loss`, 2 * sklearn `HalfSquaredError`; Keras
    `MeanSquaredError` averages the last axis before it weights.

    >>> import numpy as np
    >>> float(squared_error(np.asarray([1.0, 3.0]), np.asarray([0.0, 1.0])))
    2.5
    """
    return (predictions - targets) ** 2


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=("sklearn:HalfSquaredError",),
    also={"optax:l2_loss": {"reduction": "none"}},
    equals=(
        Equal("optax", "optax.l2_loss(predictions, targets)"),
        Equal("sklearn", "losses.HalfSquaredError().loss(targets, predictions)", when=_FLAT),
        Equal("torch", "0.5 * F.mse_loss(predictions, targets, reduction='none')"),
    ),
    perfect={"predictions": "targets"},
)
def half_squared_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """Half the squared error, whose gradient is the difference of prediction and target.

    l = (predictions - targets)^2 / 2, one value per element. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: optax `l2_loss` (not reduced), sklearn `HalfSquaredError`; half of torch `F.mse_loss`.

    >>> import numpy as np
    >>> half_squared_error.per_example(np.asarray([3.0, 1.0]), np.asarray([0.0, 1.0])).tolist()
    [4.5, 0.0]
    """
    return 0.5 * (predictions - targets) ** 2


@loss(
    family="regression",
    unit="element",
    source="Boscovich 1757, De litteraria expeditione per pontificiam ditionem",
    aliases=(
        "torch:l1_loss L1Loss",
        "keras:MeanAbsoluteError mean_absolute_error mae MAE",
        "sklearn:mean_absolute_error AbsoluteError",
    ),
    also={
        "MASE": "it is the mean absolute error over that of a naive forecast. Fix: absolute_error for each, and divide",
    },
    equals=(
        Equal("torch", "F.l1_loss(predictions, targets, reduction='none')"),
        Equal("sklearn", "losses.AbsoluteError().loss(targets, predictions)", when=_FLAT),
        Equal("keras", "keras.losses.MeanAbsoluteError()(targets, predictions)", reduction="mean"),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def absolute_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """Absolute error of prediction and target.

    l = |predictions - targets|, one value per element; its derivative at 0 is declared 0. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.l1_loss`, sklearn `AbsoluteError` (whose derivative at 0 is -1) and `mean_absolute_error`, twice
    `quantile` at 1/2; Keras `MeanAbsoluteError` averages the last axis before it weights.

    >>> import numpy as np
    >>> float(absolute_error(np.asarray([1.0, -3.0]), np.asarray([0.0, 0.0])))
    2.0
    """
    return absolute(predictions - targets)


@loss(
    family="regression",
    unit="element",
    source="Koenker and Bassett 1978, doi:10.2307/1913643",
    aliases=("pinball", "pinball_loss", "sklearn:PinballLoss mean_pinball_loss"),
    also={
        "crps_quantile quantile_crps": "it is twice the mean of quantile over the levels. Fix: 2 * quantile of all "
        "quantiles, targets repeated along their axis, with `level` an array along it",
        "mean_weighted_sum_quantile_loss weighted_quantile_loss wQL": "it is a mean over levels of twice the sum of "
        "quantile over the sum of the sizes of the targets. Fix: 2 * quantile with reduction=Mean(over=levels * that "
        "sum)",
    },
    equals=(
        Equal(
            "sklearn",
            "losses.PinballLoss(quantile=level).loss(targets, predictions)",
            when=f"{_FLAT} and 0 < level < 1",
        ),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def quantile(
    predictions: Real["*batch"], targets: Real["*batch"], *, level: UnitInterval["#*batch"] = 0.5
) -> Real["*batch"]:
    """Quantile (pinball) loss, whose minimum is the quantile of that level.

    l = max(level * u, (level - 1) * u), with u = targets - predictions; its derivative at 0 is declared 0. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `level` in [0, 1], a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or a level outside [0, 1], `DTypeError` for integers or mixed dtypes.
    Equals: sklearn `PinballLoss(quantile=level)` and `mean_pinball_loss(alpha=level)`; at level = 1/2 it is half of
    `absolute_error`.

    >>> import numpy as np
    >>> quantile.per_example(np.asarray([0.0, 2.0]), np.asarray([2.0, 0.0]), level=0.75).tolist()
    [1.5, 0.5]
    """
    below = targets - predictions
    return level * relu(below) + (1 - level) * relu(-below)


@loss(
    family="regression",
    unit="element",
    source="Newey and Powell 1987, doi:10.2307/1911031",
    perfect={"predictions": "targets"},
)
def expectile(
    predictions: Real["*batch"], targets: Real["*batch"], *, level: UnitInterval["#*batch"] = 0.5
) -> Real["*batch"]:
    """Expectile loss: the squared error with one weight below the target and another above.

    l = |level - [u < 0]| * u^2, with u = targets - predictions. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `level` in [0, 1], a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or a level outside [0, 1], `DTypeError` for integers or mixed dtypes.
    Equals: `half_squared_error` at level = 1/2.

    >>> import numpy as np
    >>> expectile.per_example(np.asarray([0.0, 2.0]), np.asarray([2.0, 0.0]), level=0.75).tolist()
    [3.0, 1.0]
    """
    below = targets - predictions
    return array_namespace(below).where(below > 0, level * below, (1 - level) * below) * below


@loss(
    family="regression",
    unit="element",
    source="Tornqvist, Vartia and Vartia 1985, doi:10.1080/00031305.1985.10479385",
    aliases=(
        "keras:MeanSquaredLogarithmicError mean_squared_logarithmic_error msle MSLE",
        "sklearn:mean_squared_log_error",
    ),
    equals=(
        Equal("torch", "(torch.log1p(predictions) - torch.log1p(targets)) ** 2"),
        Equal(
            "torchmetrics",
            "M.mean_squared_log_error(predictions, targets)",
            reduction="mean",
            when="predictions.size > 0",
        ),
        Equal(
            "keras",
            "keras.losses.MeanSquaredLogarithmicError()(targets, predictions)",
            reduction="mean",
            when="predictions.min(initial=0.0) >= 0 and targets.min(initial=0.0) >= 0",
        ),
    ),
    perfect={"predictions": "targets"},
)
def squared_log_error(predictions: AboveMinusOne["*batch"], targets: AboveMinusOne["*batch"]) -> Real["*batch"]:
    """Squared logarithmic error: of the logarithms of one plus prediction and one plus target.

    l = (log(1 + predictions) - log(1 + targets))^2.

    Shapes: `predictions` and `targets` [*batch], numbers above -1 -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a number of -1 or less is
    outside the domain and raises under `checking("values")`.
    Equals: sklearn and torchmetrics `mean_squared_log_error`; Keras `MeanSquaredLogarithmicError`, which lifts negative
    numbers to 1e-7.

    >>> import numpy as np
    >>> round(float(squared_log_error(np.asarray([np.e - 1]), np.asarray([0.0]))), 12)
    1.0
    """
    xp = array_namespace(predictions)
    difference = predictions - targets
    above = difference >= 0
    excess = xp.where(above, difference, -difference) / (1 + xp.where(above, targets, predictions))
    return xp.log1p(excess) ** 2  # of the ratio of the larger to the smaller


@loss(
    family="regression",
    unit="element",
    source="de Myttenaere, Golden, Le Grand and Rossi 2016, arXiv:1605.02541",
    aliases=("sklearn:mean_absolute_percentage_error",),
    also={"keras:MeanAbsolutePercentageError mean_absolute_percentage_error mape MAPE": {"percent": True}},
    equals=(
        Equal(
            "keras",
            "keras.losses.MeanAbsolutePercentageError()(targets, predictions)",
            reduction="mean",
            when="percent and epsilon == 1e-7",
        ),
        Equal(
            "torchmetrics",
            "M.mean_absolute_percentage_error(predictions, targets)",
            reduction="mean",
            when="not percent and epsilon == 1e-7 and predictions.size > 0 and abs(targets).min() > 1.17e-6",
        ),
    ),
    perfect={"predictions": "targets"},
)
def absolute_percentage_error(
    predictions: Real["*batch"], targets: Real["*batch"], *, epsilon: Positive["#*batch"] = 1e-7, percent: bool = False
) -> Real["*batch"]:
    """Absolute percentage error: the absolute error as a part of the target.

    l = |predictions - targets| / max(|targets|, epsilon), times 100 with `percent`. The derivative where they are equal
    is declared 0; a target within `epsilon` counts as `epsilon`, without a derivative of its size.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `epsilon` > 0, a number or a 0-d array, the smallest
    target that is told from 0 -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or epsilon <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: with `percent` Keras `MeanAbsolutePercentageError` and `mean_absolute_percentage_error`, whose floor of 1e-7
    (the last digit of 1 in float32) is our default; without it sklearn `mean_absolute_percentage_error` at epsilon
    2.2e-16 and torchmetrics at 1.17e-6. At a target of 0 the floor decides the result: set the one your data have.

    >>> import numpy as np
    >>> absolute_percentage_error.per_example(np.asarray([3.0, 1.0]), np.asarray([4.0, 0.0]), epsilon=0.5).tolist()
    [0.25, 2.0]
    """
    xp = array_namespace(predictions)
    size = xp.abs(targets)
    low = (size > epsilon) & (xp.abs(predictions) < 0.5 * size)
    apart = absolute(predictions - targets) / xp.where(size > epsilon, size, epsilon)
    # Where the loss is near 1, its derivative in the target would be a difference of two large numbers.
    ratio = xp.where(low, 1 - predictions / xp.where(low, targets, 1.0), apart)
    return 100 * ratio if percent else ratio


@primitive(row_axes=0)
def _relative_difference(xp: Any, x: Array, y: Array) -> Any:
    """Compute |x - y| / (|x| + |y|), and 0 for two zeros; where the signs differ it is 1, with no derivative at all."""
    alike = ((x > 0) & (y > 0)) | ((x < 0) & (y < 0))
    total = xp.where(alike, xp.abs(x) + xp.abs(y), 1.0)
    apart = xp.where((x == 0) & (y == 0), xp.zeros_like(x), xp.ones_like(x))
    value = xp.where(alike, xp.abs(x - y) / total, xp.where((x != x) | (y != y), x - y, apart))
    steep = xp.where(alike & (x != y), 2 / total, 0.0 * value)
    slope = xp.where(x > y, steep, -steep)
    return value, (lambda g: g * (slope * (xp.abs(y) / total)), lambda g: -g * (slope * (xp.abs(x) / total)))


@loss(
    family="regression",
    unit="element",
    source="Makridakis 1993, doi:10.1016/0169-2070(93)90079-3 (formula from memory, not read)",
    aliases=("sMAPE",),
    also={
        "torchmetrics:SymmetricMeanAbsolutePercentageError symmetric_mean_absolute_percentage_error": (
            "it divides by 1.17e-6 at least. Fix: symmetric_absolute_percentage_error, which needs no floor"
        ),
    },
    equals=(
        Equal(
            "torchmetrics",
            "M.symmetric_mean_absolute_percentage_error(predictions, targets)",
            reduction="mean",
            when="not percent and predictions.size > 0 and (abs(targets) + abs(predictions)).min() > 1.17e-6",
        ),
    ),
    perfect={"predictions": "targets"},
)
def symmetric_absolute_percentage_error(
    predictions: Real["*batch"], targets: Real["*batch"], *, percent: bool = False
) -> Real["*batch"]:
    """Symmetric absolute percentage error: the absolute error as a part of the mean of both magnitudes.

    l = 2 * |predictions - targets| / (|predictions| + |targets|), times 100 with `percent`; 0 where both are 0. It is 2
    wherever the signs differ, without a derivative; the derivative where the two are equal is declared 0.

    Shapes: `predictions` and `targets` [*batch], any real numbers -> element [*batch], in [0, 2].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torchmetrics `symmetric_mean_absolute_percentage_error` where the magnitudes are above its floor of 1.17e-6.
    Some authors leave out the factor 2, or take the mean of targets and predictions without magnitudes.

    >>> import numpy as np
    >>> x, y = np.asarray([3.0, 0.0, -1.0]), np.asarray([1.0, 0.0, 1.0])
    >>> symmetric_absolute_percentage_error.per_example(x, y).tolist()
    [1.0, 0.0, 2.0]
    """
    return _relative_difference(predictions, targets) * (200 if percent else 2)


@loss(
    family="regression",
    unit="pair",
    source="Salton, Wong and Yang 1975, doi:10.1145/361219.361220; negative: Chen and He 2021, arXiv:2011.10566",
    also={
        "keras:CosineSimilarity cosine_similarity": {"form": "negative"},
        "lightly:NegativeCosineSimilarity": {"form": "negative"},
        "negative_cosine": {"form": "negative"},
        "BYOL": "it is twice this, of a prediction and of the projection of the other view, without a gradient there. "
        "Fix: 2.0 * cosine_distance, a loss too",
        "optax:cosine_distance": {"reduction": "none"},
        "optax:cosine_similarity": {"form": "similarity", "reduction": "none"},
        "torch:cosine_similarity CosineSimilarity": {"form": "similarity", "reduction": "none"},
    },
    equals=(
        *(
            Equal(
                "optax",
                f"optax.losses.cosine_{form}(predictions, targets)",
                when=f"form == '{form}' and (predictions ** 2).sum(-1).all() and (targets ** 2).sum(-1).all()",
            )
            for form in ("distance", "similarity")
        ),
        Equal(
            "torch",
            "{'distance': 1.0, 'similarity': 0.0, 'negative': 0.0}[form] + "
            "(1.0 if form == 'similarity' else -1.0) * F.cosine_similarity(predictions, targets, dim=-1)",
            differs={"gradient edges": "a vector of length 0 has the slope of one of length 1e-8"},
        ),
        Equal(
            "keras",
            "keras.losses.CosineSimilarity()(targets, predictions)",
            reduction="mean",
            when="form == 'negative'",
        ),
    ),
    perfect={"predictions": "targets"},
)
def cosine_distance(
    predictions: Embedding["*batch dim"],
    targets: Embedding["*batch dim"],
    *,
    form: Literal["distance", "similarity", "negative"] = "distance",
) -> Real["*batch"]:
    """Cosine distance: one minus the cosine of the angle between two vectors; or the cosine, or its negative.

    l = 1 - c for the form "distance", between 0 and 2; c for "similarity"; -c for "negative", which is lowest where the
    directions agree, with c = predictions . targets / (|predictions| |targets|).

    Shapes: `predictions` and `targets` [*batch dim], any vectors -> pair [*batch].
    Weights and mean: the common contract. The cosine with a vector of length 0 is declared 0, its derivative 0.
    SimSiam and BYOL stop the gradient of the targets: give targets that have none.
    Errors: `ContractError` for another shape or form, `DTypeError` for integers or mixed dtypes.
    Equals: optax `cosine_distance` and `cosine_similarity` (NaN for a vector of length 0), torch `F.cosine_similarity`
    for "similarity" (lengths below 1e-8 count as 1e-8). "negative" is the class `CosineSimilarity` of Keras, whose
    function `cosine_similarity` is negative too, and `NegativeCosineSimilarity` of lightly; the loss of BYOL is twice
    the distance.

    >>> import numpy as np
    >>> x, y = np.asarray([[3.0, 4.0], [1.0, 0.0]]), np.asarray([[4.0, 3.0], [0.0, 2.0]])
    >>> for form in ("distance", "similarity", "negative"):
    ...     print(np.round(cosine_distance.per_example(x, y, form=form), 12) + 0.0)
    [0.04 1.  ]
    [0.96 0.  ]
    [-0.96  0.  ]
    """
    xp = array_namespace(predictions)
    if form == "distance":
        gap = cosine_gap(predictions, targets)
        return xp.where(gap < 0, 2.0 + gap, gap)
    (u, u_is_zero), (v, v_is_zero) = normalize(predictions), normalize(targets)
    zero, distance = u_is_zero | v_is_zero, 0.5 * xp.sum((u - v) ** 2, axis=-1)
    # From the difference of the directions the derivative near 1 and -1 has its digits.
    cosine = xp.sum(u * v, axis=-1)
    cosine = xp.where(cosine > 0.5, 1 - distance, cosine)
    cosine = xp.where(cosine < -0.5, 0.5 * xp.sum((u + v) ** 2, axis=-1) - 1, cosine)
    cosine = xp.where(zero, 0.0, cosine)
    return -cosine if form == "negative" else cosine


def _root(mean_square: Array) -> Array:
    return sqrt(mean_square)


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=("rmse", "RMSE", "keras:RootMeanSquaredError", "sklearn:root_mean_squared_error"),
    also={
        "sklearn:root_mean_squared_log_error": "it is the square root of squared_log_error, whose mean is here",
        "RMSLE": "it is that of logarithms. Fix: root_mean_squared_error(log1p(predictions), log1p(targets))",
    },
    reductions=("mean", "count_mean", "batch_mean", "over"),
    finalize=_root,
    perfect={"predictions": "targets"},
)
def root_mean_squared_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Statistics["*batch", ""]:
    """Root mean squared error, one number for all elements.

    L = sqrt(mean((predictions - targets)^2)); the gradient at L = 0 is declared 0.

    Shapes: `predictions` and `targets` [*batch], any real numbers; errors whose squares lie within the dtype keep their
    digits, from 1e-19 to 1e19 in float32 and from 1e-154 to 1e154 in float64 -> a number.
    Weights and mean: weights enter the mean under the root, as sum(w l) / sum(w). There is no value per element, and
    the mean of roots of shards is not the root of the whole: use `partial`.
    Errors: `ContractError` for another shape or for reduction "none" or "sum", `DTypeError` for integers.
    Equals: sklearn `root_mean_squared_error` of one output (for several it averages the roots), torchmetrics
    `mean_squared_error(squared=False)`, Keras metric `RootMeanSquaredError`.

    >>> import numpy as np
    >>> round(float(root_mean_squared_error(np.asarray([3.0, 4.0]), np.asarray([3.0, 0.0]))), 12)
    2.828427124746
    """
    return ((predictions - targets) ** 2,)
