"""Losses of a real prediction against a real target."""

from lossspec.loss import Equal, loss
from lossspec.numerics import array_namespace, sqrt
from lossspec.terms import Array, Positive, Real, Statistics

__all__ = ["huber", "root_mean_squared_error", "squared_error"]


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=("mse_loss", "MSELoss", "mean_squared_error", "MeanSquaredError"),
    equals=(
        Equal("torch", "F.mse_loss(predictions, targets, reduction='none')"),
        Equal("optax", "optax.squared_error(predictions, targets)"),
        Equal("sklearn", "2 * losses.HalfSquaredError().loss(targets, predictions)", when="predictions.ndim == 1"),
        Equal("keras", "keras.losses.MeanSquaredError()(targets, predictions)", reduction="mean"),
    ),
    perfect={"predictions": "targets"},
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
    source="Huber 1964, doi:10.1214/aoms/1177703732",
    aliases=("huber_loss", "HuberLoss", "Huber"),
    equals=(
        Equal("torch", "F.huber_loss(predictions, targets, reduction='none', delta=delta)"),
        Equal("optax", "optax.huber_loss(predictions, targets, delta=delta)"),
        Equal("keras", "keras.losses.Huber(delta)(targets, predictions)", reduction="mean"),
        Equal("sklearn", "losses.HuberLoss(delta=delta).loss(targets, predictions)", when="predictions.ndim == 1"),
    ),
    perfect={"predictions": "targets"},
)
def huber(predictions: Real["*batch"], targets: Real["*batch"], *, delta: Positive = 1.0) -> Real["*batch"]:
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


def _root(mean_square: Array) -> Array:
    return sqrt(mean_square)


@loss(
    family="regression",
    unit="element",
    source="Gauss 1809, Theoria motus corporum coelestium, section 179",
    aliases=("rmse", "RootMeanSquaredError"),
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
