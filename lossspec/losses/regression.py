"""Losses of a real prediction against a real target."""

import math

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    absolute,
    array_namespace,
    carry_nan,
    hypot1m1,
    is_zero,
    normalize,
    number,
    relu,
    sqrt,
    stop_gradient,
)
from lossspec.terms import (
    AboveMinusOne,
    Amount,
    Array,
    Embedding,
    LogMean,
    NonNegative,
    Positive,
    PositiveAmount,
    Power,
    Rate,
    Real,
    Robustness,
    Statistics,
    TweedieAmount,
    UnitInterval,
)

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "cosine_distance",
    "cosine_similarity",
    "epsilon_insensitive",
    "expectile",
    "gaussian_nll",
    "general_robust",
    "half_gamma",
    "half_squared_error",
    "half_tweedie",
    "half_tweedie_identity",
    "huber",
    "laplace_nll",
    "log_cosh",
    "poisson_nll",
    "pseudo_huber",
    "quantile",
    "root_mean_squared_error",
    "smooth_l1",
    "squared_error",
    "squared_log_error",
]

_FLAT = "predictions.ndim == 1"  # what sklearn's private losses take


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
    also={"optax:squared_error": {"reduction": "none"}},
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
    """The squared difference of prediction and target.

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
    """Half the squared difference of prediction and target, whose gradient is the difference.

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
    equals=(
        Equal("torch", "F.l1_loss(predictions, targets, reduction='none')"),
        Equal("sklearn", "losses.AbsoluteError().loss(targets, predictions)", when=_FLAT),
        Equal("keras", "keras.losses.MeanAbsoluteError()(targets, predictions)", reduction="mean"),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def absolute_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """The absolute difference of prediction and target.

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
    source="Huber 1964, doi:10.1214/aoms/1177703732",
    aliases=("torch:huber_loss HuberLoss", "keras:Huber huber"),
    also={
        "optax:huber_loss": {"reduction": "none"},
        "sklearn:HuberLoss": {"delta": 0.5},
    },
    equals=(
        Equal("torch", "F.huber_loss(predictions, targets, reduction='none', delta=delta)"),
        Equal("optax", "optax.huber_loss(predictions, targets, delta=delta)"),
        Equal("keras", "keras.losses.Huber(delta)(targets, predictions)", reduction="mean"),
        Equal("sklearn", "losses.HuberLoss(delta=delta).loss(targets, predictions)", when="predictions.ndim == 1"),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def huber(predictions: Real["*batch"], targets: Real["*batch"], *, delta: Positive["#*batch"] = 1.0) -> Real["*batch"]:
    """Quadratic near zero, linear beyond `delta`.

    l = d^2 / 2 where d = |predictions - targets| <= delta, else delta * (d - delta / 2).

    Shapes: `predictions` and `targets` [*batch], any real numbers; `delta` > 0, a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or delta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.huber_loss` (whose weighted mean divides by the count: "count_mean"), optax `huber_loss`, Keras
    `Huber`; sklearn `HuberLoss` at its default delta=0.5. torch `smooth_l1_loss(beta)` is huber(delta=beta) / beta.

    >>> import numpy as np
    >>> huber.per_example(np.asarray([0.5, 3.0]), np.asarray([0.0, 0.0])).tolist()
    [0.125, 2.5]
    """
    xp = array_namespace(predictions)
    difference = predictions - targets  # not its magnitude, which has no second derivative at 0
    slope = xp.where(difference > delta, delta, xp.where(difference < -delta, -delta, difference))
    return slope * (difference - 0.5 * slope)


@loss(
    family="regression",
    unit="element",
    source="Girshick 2015, arXiv:1504.08083",
    aliases=("torch:smooth_l1_loss SmoothL1Loss",),
    equals=(Equal("torch", "F.smooth_l1_loss(predictions, targets, beta=beta, reduction='none')"),),
    perfect={"predictions": "targets"},
)
def smooth_l1(
    predictions: Real["*batch"], targets: Real["*batch"], *, beta: NonNegative["#*batch"] = 1.0
) -> Real["*batch"]:
    """The absolute error with its corner rounded off within `beta`.

    l = d^2 / (2 beta) where d = |predictions - targets| < beta, else d - beta / 2; for beta = 0 it is d. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `beta` >= 0, a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    derivative at d = 0 is 0, for beta = 0 as declared.
    Errors: `ContractError` for another shape or beta < 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.smooth_l1_loss`; it is huber(delta=beta) / beta, and the Huber loss at beta = 1 only.

    >>> import numpy as np
    >>> smooth_l1.per_example(np.asarray([0.5, 3.0]), np.asarray([0.0, 0.0]), beta=2.0).tolist()
    [0.0625, 2.0]
    """
    xp = array_namespace(predictions)
    difference, beta = predictions - targets, number(beta, predictions)
    distance = absolute(difference)
    near = 0.5 * difference * (difference / xp.where(beta > 0, beta, 1.0))
    return xp.where(distance < beta, near, distance - 0.5 * beta)


@loss(
    family="regression",
    unit="element",
    source="Charbonnier, Blanc-Feraud, Aubert and Barlaud 1997, doi:10.1109/83.551699",
    equals=(Equal("scipy", "special.pseudo_huber(delta, predictions - targets)"),),
    perfect={"predictions": "targets"},
)
def pseudo_huber(
    predictions: Real["*batch"], targets: Real["*batch"], *, delta: Positive["#*batch"] = 1.0
) -> Real["*batch"]:
    """A smooth Huber loss: quadratic near zero, of slope `delta` far out.

    l = delta^2 (sqrt(1 + (e / delta)^2) - 1), with e = predictions - targets; at most delta |e|. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `delta` > 0, a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or delta <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: scipy `pseudo_huber`, kornia `charbonnier_loss` at delta = 1; it is delta^2 * general_robust(alpha=1,
    scale=delta).

    >>> import numpy as np
    >>> pseudo_huber.per_example(np.asarray([0.75, 8.0]), np.asarray([0.0, 0.0]), delta=1.0).tolist()[0]
    0.25
    """
    return delta * (delta * hypot1m1((predictions - targets) / delta))


_LOG_2 = math.log(2.0)


@loss(
    family="regression",
    unit="element",
    source="Saleh and Saleh 2022, arXiv:2208.04564",
    aliases=("logcosh", "keras:LogCosh log_cosh", "torchmetrics:log_cosh_error"),
    also={"optax:log_cosh": {"reduction": "none"}},
    equals=(
        Equal("optax", "optax.log_cosh(predictions, targets)"),
        Equal("keras", "keras.losses.LogCosh()(targets, predictions)", reduction="mean"),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def log_cosh(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """The logarithm of the hyperbolic cosine of the difference: half its square near zero, its size far out.

    l = log(cosh(predictions - targets)); its derivative is tanh. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: optax `log_cosh` and Keras `LogCosh`, which cancel to 0 for differences below 1e-4 in float32; torchmetrics
    `log_cosh_error`, which is inf beyond 89 there.

    >>> import numpy as np
    >>> log_cosh.per_example(np.asarray([2e-9, 0.0]), np.asarray([0.0, 0.0])).tolist()
    [2e-18, 0.0]
    """
    xp = array_namespace(predictions)
    error = predictions - targets
    distance = xp.abs(error)
    small = distance < 1
    half = xp.sinh(xp.where(small, error, 0.0) / 2)
    large = xp.where(small, 1.0, distance)
    return xp.where(small, xp.log1p(2 * half * half), large + (xp.log1p(xp.exp(-2 * large)) - _LOG_2))


@loss(
    family="regression",
    unit="element",
    source="Koenker and Bassett 1978, doi:10.2307/1913643",
    aliases=("pinball", "pinball_loss", "sklearn:PinballLoss mean_pinball_loss"),
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
    """The pinball loss, whose minimum is the quantile of that level.

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
    """The squared error with one weight below the target and another above, whose minimum is an expectile.

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
    """The squared difference of the logarithms of one plus prediction and target.

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
    """The absolute difference of prediction and target in parts of the target.

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


@loss(
    family="regression",
    unit="element",
    source="Vapnik 1995, doi:10.1007/978-1-4757-2440-0",
    also={"squared_epsilon_insensitive": {"squared": True}},
    perfect={"predictions": "targets"},
)
def epsilon_insensitive(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    *,
    epsilon: NonNegative["#*batch"] = 0.1,
    squared: bool = False,
) -> Real["*batch"]:
    """The absolute error beyond a tube of half-width `epsilon`, which is free: the loss of support vector regression.

    l = max(0, |predictions - targets| - epsilon), squared with `squared`; its derivative at the edge of the tube is
    declared 0. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `epsilon` >= 0, a number or a 0-d array
    -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or epsilon < 0, `DTypeError` for integers or mixed dtypes.
    Equals: the losses "epsilon_insensitive" and "squared_epsilon_insensitive" of sklearn `SGDRegressor` and `LinearSVR`
    at their default epsilon of 0.1 (`LinearSVR` has 0).

    >>> import numpy as np
    >>> epsilon_insensitive.per_example(np.asarray([0.25, -2.0]), np.asarray([0.0, 0.0]), epsilon=0.5).tolist()
    [0.0, 1.5]
    """
    excess = relu(absolute(predictions - targets) - epsilon)
    return excess**2 if squared else excess


@loss(
    family="regression",
    unit="pair",
    source="Salton, Wong and Yang 1975, doi:10.1145/361219.361220",
    also={"optax:cosine_distance": {"reduction": "none"}},
    equals=(
        Equal(
            "optax",
            "optax.cosine_distance(predictions, targets)",
            when="(predictions ** 2).sum(-1).all() and (targets ** 2).sum(-1).all()",
        ),
        Equal(
            "torch",
            "1 - F.cosine_similarity(predictions, targets, dim=-1)",
            differs={"gradient edges": "a vector of length 0 has the slope of one of length 1e-8"},
        ),
    ),
    perfect={"predictions": "targets"},
)
def cosine_distance(predictions: Embedding["*batch dim"], targets: Embedding["*batch dim"]) -> Real["*batch"]:
    """One minus the cosine of the angle between prediction and target.

    l = 1 - predictions . targets / (|predictions| |targets|), between 0 and 2.

    Shapes: `predictions` and `targets` [*batch dim], any vectors -> pair [*batch].
    Weights and mean: the common contract. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: optax `cosine_distance` (NaN for a vector of length 0), 1 - torch `F.cosine_similarity` (where lengths below
    1e-8 count as 1e-8), 1 + Keras `CosineSimilarity`.

    >>> import numpy as np
    >>> cosine_distance.per_example(np.asarray([[3.0, 4.0], [1.0, 0.0]]), np.asarray([[6.0, 8.0], [0.0, 2.0]])).tolist()
    [0.0, 1.0]
    """
    u, v, zero = _directions(predictions, targets)
    xp = array_namespace(u)
    return xp.where(zero, 1.0, 0.5 * xp.sum((u - v) ** 2, axis=-1))


def _directions(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Both vectors with length 1, and whether one of them has no direction."""
    (u, x_is_zero), (v, y_is_zero) = normalize(x), normalize(y)
    return u, v, x_is_zero | y_is_zero


@loss(
    family="regression",
    unit="pair",
    source="Salton, Wong and Yang 1975, doi:10.1145/361219.361220; negative: Chen and He 2021, arXiv:2011.10566",
    also={
        "keras:CosineSimilarity cosine_similarity": {"negative": True},
        "lightly:NegativeCosineSimilarity": {"negative": True},
        "optax:cosine_similarity": {"reduction": "none"},
        "torch:cosine_similarity CosineSimilarity": {"reduction": "none"},
    },
    equals=(
        Equal(
            "optax",
            "optax.losses.cosine_similarity(predictions, targets)",
            when="not negative and (predictions ** 2).sum(-1).all() and (targets ** 2).sum(-1).all()",
        ),
        Equal(
            "torch",
            "F.cosine_similarity(predictions, targets, dim=-1)",
            when="not negative",
            differs={"gradient edges": "a vector of length 0 has the slope of one of length 1e-8"},
        ),
        Equal(
            "keras",
            "keras.losses.CosineSimilarity()(targets, predictions)",
            reduction="mean",
            when="negative",
        ),
    ),
)
def cosine_similarity(
    predictions: Embedding["*batch dim"], targets: Embedding["*batch dim"], *, negative: bool = False
) -> Real["*batch"]:
    """The cosine of the angle between prediction and target, or minus it.

    l = predictions . targets / (|predictions| |targets|), between -1 and 1; with `negative` minus that, which is lowest
    where the directions agree, and is `cosine_distance` - 1.

    Shapes: `predictions` and `targets` [*batch dim], any vectors -> pair [*batch].
    Weights and mean: the common contract. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.cosine_similarity` (where lengths below 1e-8 count as 1e-8) and optax `cosine_similarity` (NaN for
    a vector of length 0). With `negative` the class `CosineSimilarity` of Keras, whose function `cosine_similarity` is
    negative too, `NegativeCosineSimilarity` of lightly, and `negative_cosine` here, which is the same number.

    >>> import numpy as np
    >>> x, y = np.asarray([[3.0, 4.0], [1.0, 0.0]]), np.asarray([[4.0, 3.0], [0.0, 2.0]])
    >>> np.round(cosine_similarity.per_example(x, y), 12).tolist()
    [0.96, 0.0]
    """
    u, v, zero = _directions(predictions, targets)
    xp = array_namespace(u)
    cosine = xp.sum(u * v, axis=-1)
    # Near 1 and -1 the derivative has its digits from the difference of the directions.
    cosine = xp.where(cosine > 0.5, 1 - 0.5 * xp.sum((u - v) ** 2, axis=-1), cosine)
    cosine = xp.where(cosine < -0.5, 0.5 * xp.sum((u + v) ** 2, axis=-1) - 1, cosine)
    cosine = xp.where(zero, 0.0, cosine)
    return -cosine if negative else cosine


_ENOUGH = 10.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def _divided_differences(at: float) -> tuple[float, tuple[float, ...]]:
    """P(at) and the coefficients of (P(q) - P(at)) / (q - at), for the polynomial P of the Stirling series."""
    found = [_STIRLING[-1]]
    for coefficient in _STIRLING[-2::-1]:
        found.append(coefficient + at * found[-1])
    return found[-1], tuple(found[:-1])


_SERIES_AT_TEN, _SERIES_FROM_TEN = _divided_differences(_ENOUGH**-2)


def _log_factorial(x: Array) -> Array:
    """The logarithm of Gamma(x + 1) for x >= 0, relatively right near 0 too, with a derivative that keeps its digits.

    It is log (x + 9)! - log 9! - sum_k log(1 + x / k): the first two are Stirling's series at x + 10 and at 10,
    subtracted term by term without cancellation.
    """
    xp = array_namespace(x)
    inverse, series = 1 / (x + _ENOUGH), 0.0
    for coefficient in _SERIES_FROM_TEN:
        series = coefficient + series * inverse * inverse
    series = -x * inverse / _ENOUGH * (_SERIES_AT_TEN + inverse * (inverse + 1 / _ENOUGH) * series)
    stirling = (_ENOUGH - 0.5) * xp.log1p(x / _ENOUGH) + x * (xp.log(x + _ENOUGH) - 1) + series
    return stirling - sum(xp.log1p(x / k) for k in range(1, int(_ENOUGH)))


def _beyond_stirling(x: Array) -> Array:
    """The logarithm of Gamma(x + 1), less x log x - x, for x >= 10."""
    inverse, series = 1 / x, 0.0
    for coefficient in reversed(_STIRLING):
        series = coefficient + series * inverse * inverse
    return 0.5 * array_namespace(x).log(2 * math.pi * x) + inverse * series


@loss(
    family="regression",
    unit="element",
    source="Nelder and Wedderburn 1972, doi:10.2307/2344614",
    aliases=(
        "half_poisson",
        "torch:poisson_nll_loss PoissonNLLLoss",
        "sklearn:HalfPoissonLoss HalfPoissonLossArrayAPI",
    ),
    also={"keras:Poisson poisson": {"log_input": False}},
    equals=(
        Equal(
            "torch",
            "F.poisson_nll_loss(predictions, targets, log_input=log_input, full=full, eps=0.0, reduction='none')",
            differs={"full=True": "wrong: Stirling's approximation, and 0 for targets up to 1, is not log(targets!)"},
        ),
        Equal(
            "sklearn",
            "losses.HalfPoissonLoss().loss(targets, predictions)",
            when=f"log_input and not full and {_FLAT}",
        ),
        Equal(
            "keras",
            "keras.losses.Poisson()(targets, predictions)",
            reduction="mean",
            when="not log_input",
        ),
        Equal(
            "scipy",
            "-stats.poisson.logpmf(np.round(targets), np.exp(predictions))"
            " + special.gammaln(targets + 1) - special.gammaln(np.round(targets) + 1)"
            " + (np.round(targets) - targets) * predictions",
            when="log_input and full",
        ),
    ),
)
def poisson_nll(
    predictions: Rate["*batch"], targets: Amount["*batch"], *, log_input: bool = True, full: bool = False
) -> Real["*batch"]:
    """The negative log-likelihood of a count under a Poisson distribution of that mean, or of that log-mean.

    l = exp(predictions) - targets * predictions for log_input=True, where `predictions` are logarithms of means;
    l = predictions - targets * log(predictions) for log_input=False. With `full` the part that depends on the targets
    alone is kept: + log(targets!), the exact Gamma(targets + 1). Convex in `predictions`.

    Shapes: `predictions` [*batch], any real numbers, or not below 0 for log_input=False; `targets` [*batch], not below
    0, whole or not -> element [*batch].
    Weights and mean: the common contract. For log_input=False a mean of 0 gives 0 for a target of 0 (with derivative 0
    in the target), and inf for any other (with derivative 1 in the mean).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a negative target or mean is
    outside the domain and raises under `checking("values")`.
    Equals: torch `F.poisson_nll_loss` (with full=True it adds Stirling's approximation, and only for targets above 1:
    1.6846 for the exact 1.7123 at mean 2 and target 3; for log_input=False it adds 1e-8 in the logarithm), sklearn
    `HalfPoissonLoss` (log link), which is half of the deviance up to a constant of the target; Keras `Poisson` is
    log_input=False with 1e-7 in the logarithm.

    >>> import numpy as np
    >>> x, y = np.asarray([np.log(2.0)]), np.asarray([3.0])
    >>> round(float(poisson_nll(x, y)), 12), round(float(poisson_nll(x, y, full=True)), 12)  # 2 - 3 log 2, + log 6
    (-0.07944154168, 1.712317927548)
    """
    xp = array_namespace(predictions)
    zero = targets == 0
    mean, log_mean = (xp.exp(predictions), predictions) if log_input else (predictions, _log(predictions, zero))
    if not full:
        return carry_nan(mean - targets * log_mean)
    # From a target of 10 on it is (mean - targets) + targets * log(targets / mean), which is small near the mean, and a
    # rest: the large terms that cancel there are never formed.
    many = targets >= _ENOUGH
    few, large = xp.where(many, 0.0, targets), xp.where(many, targets, _ENOUGH)
    excess = mean - xp.where(many, targets, 0.0)
    if log_input:
        ratio = predictions - xp.log(large)
        near = many & (xp.abs(ratio) < 1)
        excess = xp.where(near, large * xp.expm1(xp.where(near, ratio, 0.0)), excess)
    else:
        ratio = _log(xp.where(many, predictions, large) / large, zero)
    small = _log_factorial(few) - few * xp.where(many, 0.0, log_mean)
    return carry_nan(excess + xp.where(many, _beyond_stirling(large) - large * ratio, small))


def _log(x: Array, harmless: Array) -> Array:
    """The logarithm, -inf at 0, but 0 there where it is harmless."""
    xp = array_namespace(x)
    zero = x == 0
    return xp.where(zero & ~harmless, -math.inf, xp.log(xp.where(zero, 1.0, x)))


@loss(
    family="regression",
    unit="element",
    source="Nix and Weigend 1994, doi:10.1109/ICNN.1994.374138",
    aliases=("torch:gaussian_nll_loss GaussianNLLLoss",),
    equals=(
        Equal(
            "torch",
            "F.gaussian_nll_loss(predictions, targets, variances, full=full, eps=1e-12, reduction='none')",
        ),
        Equal("scipy", "-stats.norm.logpdf(targets, predictions, np.sqrt(variances))", when="full"),
    ),
)
def gaussian_nll(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    variances: PositiveAmount["#*batch"],
    *,
    full: bool = False,
) -> Real["*batch"]:
    """The negative log-likelihood of a target under a normal distribution of predicted mean and variance.

    l = (log(variances) + (predictions - targets)^2 / variances) / 2, and + log(2 pi) / 2 with `full`.

    Shapes: `predictions` (means) and `targets` [*batch], any real numbers; `variances` > 0, of the same shape or with
    size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a variance of 0 or less is
    outside the domain and raises under `checking("values")`: no floor hides it.
    Equals: torch `F.gaussian_nll_loss` where no variance is below its floor of 1e-6; with `full` minus scipy
    `norm.logpdf(targets, predictions, sqrt(variances))`.

    >>> import numpy as np
    >>> x, y, v = np.asarray([0.0]), np.asarray([2.0]), np.asarray([1.0])
    >>> float(gaussian_nll(x, y, v)), round(float(gaussian_nll(x, y, v, full=True)), 12)  # 2, + log(2 pi) / 2
    (2.0, 2.918938533205)
    """
    error = predictions - targets
    value = 0.5 * (array_namespace(variances).log(variances) + error * (error / variances))
    return value + 0.5 * math.log(2 * math.pi) if full else value


@loss(
    family="regression",
    unit="element",
    source="Laplace 1774, Memoire sur la probabilite des causes par les evenements",
    equals=(
        Equal("torch", "-torch.distributions.Laplace(predictions, scales).log_prob(targets)"),
        Equal(
            "scipy",
            "-stats.laplace.logpdf(targets, predictions, scales)",
            differs={"edges": "wrong: inf, the logarithm of a density that is 0 below the smallest double"},
        ),
    ),
)
def laplace_nll(
    predictions: Real["*batch"], targets: Real["*batch"], scales: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """The negative log-likelihood of a target under a Laplace distribution of predicted centre and scale.

    l = |predictions - targets| / scales + log(2 * scales), with nothing left out. Its derivative in `predictions` at
    the target is declared 0.

    Shapes: `predictions` (centres) and `targets` [*batch], any real numbers; `scales` > 0, of the same shape or with
    size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a scale of 0 or less is
    outside the domain and raises under `checking("values")`.
    Equals: minus torch `distributions.Laplace(predictions, scales).log_prob(targets)`, minus scipy `laplace.logpdf`.

    >>> import numpy as np
    >>> float(laplace_nll(np.asarray([1.0]), np.asarray([3.0]), np.asarray([0.5])))  # 2 / 0.5 + log 1
    4.0
    """
    xp = array_namespace(predictions)
    return absolute(predictions - targets) / scales + xp.log(2 * scales)


@loss(
    family="regression",
    unit="element",
    source="McCullagh and Nelder 1989, doi:10.1007/978-1-4899-3242-6, section 8.3",
    aliases=("sklearn:HalfGammaLoss",),
    equals=(Equal("sklearn", "losses.HalfGammaLoss().loss(targets, predictions)", when=_FLAT),),
)
def half_gamma(predictions: LogMean["*batch"], targets: PositiveAmount["*batch"]) -> Real["*batch"]:
    """Half the gamma deviance of a positive amount from the exponential of the prediction, without its constant.

    l = predictions + targets * exp(-predictions): minus the log-likelihood of a gamma distribution of mean
    exp(predictions), up to its shape and what depends on the targets alone. Convex.

    Shapes: `predictions` [*batch], logarithms of means; `targets` [*batch] > 0 -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a target of 0 or less is
    outside the domain and raises under `checking("values")`.
    Equals: sklearn `HalfGammaLoss`; `half_tweedie` at power = 2. Twice it, less 2 + 2 log(targets), is sklearn's
    `mean_gamma_deviance` at exp(predictions).

    >>> import numpy as np
    >>> half_gamma.per_example(np.asarray([0.0, np.log(2.0)]), np.asarray([3.0, 2.0])).tolist()[0]
    3.0
    """
    half = array_namespace(predictions).exp(-0.5 * predictions)  # twice, for its square may overflow before the product
    return carry_nan(predictions + targets * half * half)


@loss(
    family="regression",
    unit="element",
    source="Jorgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x",
    aliases=("sklearn:HalfTweedieLoss",),
    equals=(
        Equal(
            "sklearn",
            "losses.HalfTweedieLoss(power=power).loss(targets, predictions)",
            when=f"{_FLAT} and power != 0",
        ),
    ),
)
def half_tweedie(
    predictions: LogMean["*batch"], targets: TweedieAmount["*batch"], *, power: Power["#*batch"] = 1.5
) -> Real["*batch"]:
    """Half the Tweedie deviance of an amount from the exponential of the prediction, without its constant.

    l = exp((2 - power) predictions) / (2 - power) - targets * exp((1 - power) predictions) / (1 - power). At power = 1
    the second quotient is `predictions` (`poisson_nll`), at power = 2 the first one is (`half_gamma`).

    Shapes: `predictions` [*batch], logarithms of means; `targets` [*batch], any real numbers for power <= 0, not below
    0 for powers up to 2, above 0 from there; `power` any number or a 0-d array -> element [*batch].
    Weights and mean: the common contract. What depends on the targets alone is left out, so that the loss jumps at the
    powers 1 and 2. Powers are not to be compared by it, nor by `half_tweedie_identity`: a deviance leaves out the
    normalising factor of the density, which depends on the power, and is in the unit of targets^(2 - power). That takes
    the likelihood (Dunn and Smyth 2005, doi:10.1007/s11222-005-4070-y).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a target that the power does
    not admit raises under `checking("values")`.
    Equals: sklearn `HalfTweedieLoss(power=power)`, which at power = 0 adds targets^2 / 2.

    >>> import numpy as np
    >>> half_tweedie.per_example(np.asarray([0.0, 0.0]), np.asarray([0.0, 3.0])).tolist()  # 2 + 2 targets
    [2.0, 8.0]
    """
    xp = array_namespace(predictions)
    first, second = number(2 - power, predictions), number(1 - power, predictions)
    largest = math.log(float(xp.finfo(predictions.dtype).max))
    rise, fall, zero = first * predictions, second * predictions, targets == 0
    of_targets = fall + xp.log(xp.where(targets > 0, stop_gradient(targets), 1.0))
    rises = xp.exp(predictions) * xp.abs(second) > targets * xp.abs(first)  # of two infinities the larger one counts
    no_rise = (rise > largest) & (of_targets > largest) & ~rises & ~zero
    no_fall = xp.where(zero, fall > largest, (of_targets > largest) & (rise > largest) & rises)
    growth = xp.exp(xp.where(no_rise, 0.0, rise)) / xp.where(first == 0, 1.0, first)
    half = xp.exp(0.5 * xp.where(no_fall, 0.0, fall))  # twice, for its square may overflow before the product
    growth = xp.where(first == 0, predictions, xp.where(no_rise, 0.0, growth))
    decay = xp.where(no_fall, 0.0, targets * half * half / xp.where(second == 0, 1.0, second))
    return carry_nan(growth - xp.where(second == 0, targets * predictions, decay))


def _power_difference(x: Array, y: Array, power: Array) -> Array:
    """Compute (x^power - y^power) / power for x, y > 0, which is log(x / y) at power = 0."""
    xp = array_namespace(x)
    ratio = xp.log(x / y)
    near = xp.abs(power * ratio) < 1
    apart = (x**power - y**power) / xp.where(near, 1.0, power)
    return xp.where(near, y**power * _growth(xp.where(near, ratio, 0.0), power), apart)


_SINH = tuple(1 / math.factorial(2 * k + 1) for k in range(8, -1, -1))


def _growth(x: Array, rate: Array) -> Array:
    """Compute (exp(rate * x) - 1) / rate, which is x at rate = 0, with derivatives that keep their digits.

    Near 0 it is x * exp(u) * sinh(u) / u, with u = rate * x / 2.
    """
    xp = array_namespace(x)
    exponent = rate * x
    near = xp.abs(exponent) < 1
    half, kept = xp.where(near, exponent, 0.0) / 2, xp.where(near, x, 0.0)
    square, series = half * half, 0.0
    for coefficient in _SINH:
        series = coefficient + series * square
    close = kept * xp.exp(half) * series
    return xp.where(near, close, (xp.exp(xp.where(near, 0.0, exponent)) - 1) / xp.where(near, 1.0, rate))


@loss(
    family="regression",
    unit="element",
    source="Jorgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x",
    aliases=("sklearn:HalfTweedieLossIdentity",),
    also={
        "sklearn:mean_poisson_deviance": (
            "it has no factor 1/2. Fix: 2.0 * half_tweedie_identity.configured(power=1.0)"
        ),
        "sklearn:mean_gamma_deviance": "it has no factor 1/2. Fix: 2.0 * half_tweedie_identity.configured(power=2.0)",
        "sklearn:mean_tweedie_deviance": (
            "it has no factor 1/2, and power 0 by default. Fix: 2.0 * half_tweedie_identity.configured(power=...)"
        ),
    },
    equals=(Equal("sklearn", "losses.HalfTweedieLossIdentity(power=power).loss(targets, predictions)", when=_FLAT),),
    perfect={"predictions": "targets"},
)
def half_tweedie_identity(
    predictions: PositiveAmount["*batch"], targets: TweedieAmount["*batch"], *, power: Power["#*batch"] = 1.5
) -> Real["*batch"]:
    """Half the Tweedie deviance of an amount from its mean.

    l = max(targets, 0)^(2 - power) / ((1 - power) (2 - power)) - targets * predictions^(1 - power) / (1 - power)
    + predictions^(2 - power) / (2 - power), with targets^2 / 2 in the first place at power = 0; at power = 1 its limit
    targets * log(targets / predictions) - targets + predictions, at power = 2 log(predictions / targets) +
    targets / predictions - 1. Never negative.

    Shapes: `predictions` (means) [*batch] > 0; `targets` [*batch], any real numbers for power <= 0, else not below 0;
    `power` any number or a 0-d array, 0 for the normal, 1 for the Poisson, 2 for the gamma, 3 for the inverse Gaussian
    distribution -> element [*batch].
    Weights and mean: the common contract. The loss of a target of 0 is inf for power >= 2; for power >= 1 it has no
    derivative in such a target, which is declared 0. To choose a power takes the likelihood: `half_tweedie` says why.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a target outside the domain
    and a mean of 0 or less raise under `checking("values")`.
    Equals: sklearn `HalfTweedieLossIdentity(power=power)`, half of `mean_tweedie_deviance(power=power)`.

    >>> import numpy as np
    >>> half_tweedie_identity.per_example(np.asarray([4.0, 4.0]), np.asarray([0.0, 1.0])).tolist()
    [4.0, 1.0]
    """
    xp = array_namespace(predictions)
    if is_zero(power):
        return 0.5 * (predictions - targets) ** 2
    zero = (targets == 0) | ((targets < 0) & (power <= 0))  # which have no power of their own
    positive = xp.where(zero, predictions, targets)
    first, second = number(2 - power, predictions), number(1 - power, predictions)
    # The loss is homogeneous: in units of the larger one no square of a small mean that a derivative divides by is 0.
    size = stop_gradient(xp.where(positive > predictions, positive, predictions))
    x, y = positive / size, predictions / size
    value = size**first * (x * _power_difference(x, y, second) - _power_difference(x, y, first))
    possible, smooth = first > 0, second > 0
    means = xp.where(zero, predictions, 1.0)
    of_zero = xp.where(possible, means**first / xp.where(possible, first, 1.0), math.inf)
    slope = xp.where(smooth, means**second / xp.where(smooth, second, 1.0), 0.0)
    value = xp.where(zero, of_zero - targets * slope, value)
    if isinstance(power, (int, float)):
        return value
    return xp.where(power == 0, 0.5 * (predictions - targets) ** 2, value)


@loss(
    family="regression",
    unit="element",
    source="Barron 2019, arXiv:1701.03077",
    also={
        "charbonnier": {"alpha": 1.0},
        "cauchy": {"alpha": 0.0},
        "geman_mcclure": {"alpha": -2.0},
        "welsch": {"alpha": -math.inf},
        "kornia:charbonnier_loss": {"alpha": 1.0, "reduction": "none"},
        "kornia:cauchy_loss": {"alpha": 0.0, "reduction": "none"},
        "kornia:geman_mcclure_loss": {"alpha": -2.0, "reduction": "none"},
        "kornia:welsch_loss": {"alpha": -math.inf, "reduction": "none"},
    },
    equals=(
        Equal(
            "scipy",
            "special.pseudo_huber(1.0, (predictions - targets) / scale)",
            when="alpha == 1",
        ),
    ),
    perfect={"predictions": "targets"},
)
def general_robust(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    *,
    alpha: Robustness["#*batch"] = 1.0,
    scale: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Barron's family of robust losses, from the squared error to one that ignores outliers.

    l = b / alpha * ((z / b + 1)^(alpha / 2) - 1), with z = ((predictions - targets) / scale)^2 and b = |alpha - 2|; its
    limits z / 2 at alpha = 2, log(1 + z / 2) at 0 (Cauchy) and 1 - exp(-z / 2) at -inf (Welsch) are exact. alpha = 1 is
    Charbonnier's loss, -2 that of Geman and McClure. Convex for alpha >= 1.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `alpha` any number or -inf, `scale` > 0, numbers or
    0-d arrays -> element [*batch].
    Weights and mean: the common contract. The derivative in alpha is right near and at 0; at 2 and -inf, where it does
    not exist, it is declared 0. The loss falls with alpha and with 1 / scale, so that learning them by it drives them
    to -inf and inf: the paper's adaptive loss adds the logarithm of the normalising factor of its density, log(scale) +
    log Z(alpha), which is not part of this one.
    Errors: `ContractError` for another shape, for scale <= 0 or alpha = inf, `DTypeError` for integers or mixed dtypes.
    Equals: kornia `charbonnier_loss`, `cauchy_loss`, `geman_mcclure_loss` and `welsch_loss` at scale = 1, not reduced;
    scipy `pseudo_huber` / delta^2 at alpha = 1 and scale = delta. The Charbonnier loss of super-resolution (Lai et al.
    2017, arXiv:1704.03915), sqrt(e^2 + scale^2) with scale = 1e-3, is scale * l + scale at alpha = 1.

    >>> import numpy as np
    >>> x, y = np.asarray([2.0]), np.asarray([0.0])
    >>> [round(float(general_robust(x, y, alpha=a)), 12) for a in (2.0, 0.0, -2.0, -np.inf)]  # 2, log 3, 1, 1 - e^-2
    [2.0, 1.098612288668, 1.0, 0.864664716763]
    """
    xp = array_namespace(predictions)
    alpha = number(alpha, predictions)
    error = (predictions - targets) / scale
    half_square = error**2 / 2
    quadratic, infinite = alpha == 2, alpha == -math.inf
    alpha = xp.where(quadratic | infinite, 1.0, alpha)
    width = xp.abs(alpha - 2)
    # b / 2 * (exp(alpha / 2 * log(1 + u^2)) - 1) / (alpha / 2) with u^2 = z / b, or -(exp(-z / 2) - 1). Far out, where
    # u^2 may overflow and the logarithm would lose digits to its size, (1 + u^2)^(alpha / 2) is u^alpha times little.
    u = error / xp.sqrt(width)
    far = xp.abs(u) > 1
    inside, size = xp.where(far, 0.0, u), xp.where(far, xp.abs(u), 1.0)
    beyond = xp.where(far, xp.log1p((1 / size) ** 2), 0.0)
    logarithm = xp.where(far, 2 * xp.log(size) + beyond, xp.log1p(inside * inside))
    steep = far & (xp.abs(alpha * logarithm) >= 2) & ~infinite
    exponent = xp.where(infinite, -half_square, xp.where(steep, 0.0, logarithm))
    value = xp.where(infinite, -1.0, width / 2) * _growth(exponent, xp.where(infinite, 1.0, alpha / 2))
    size, rate = xp.where(steep, size, 1.0), xp.where(steep, alpha, 1.0)
    outer = width / rate * (size**rate * xp.exp(rate / 2 * beyond) - 1)
    return xp.where(quadratic, half_square, xp.where(steep, outer, value))


def _root(mean_square: Array) -> Array:
    return sqrt(mean_square)


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=("rmse", "RMSE", "keras:RootMeanSquaredError", "sklearn:root_mean_squared_error"),
    also={
        "sklearn:root_mean_squared_log_error": "it is the square root of squared_log_error, whose mean is here",
    },
    reductions=("mean", "count_mean", "batch_mean", "over"),
    finalize=_root,
    perfect={"predictions": "targets"},
)
def root_mean_squared_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Statistics["*batch", ""]:
    """The square root of the mean squared difference, one number for all elements.

    L = sqrt(mean((predictions - targets)^2)); the gradient at L = 0 is declared 0.

    Shapes: `predictions` and `targets` [*batch], any real numbers whose square is finite -> a number.
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
