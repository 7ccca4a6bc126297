"""Errors of a prediction that grow slowly, or not at all, where the target is an outlier."""

import math
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses.regression._powers import exponential_growth
from lossspec.numerics import (
    absolute,
    array_namespace,
    carry_nan,
    excess_of_hypotenuse,
    expm1,
    expm1_minus,
    is_number,
    log1p,
    number,
    relu,
    softplus,
)
from lossspec.primitive import primitive
from lossspec.terms import Array, NonNegative, Positive, Real, Robustness

__all__ = [
    "balanced_l1",
    "epsilon_insensitive",
    "fair",
    "general_robust",
    "huber",
    "log_cosh",
    "pseudo_huber",
    "smooth_l1",
    "tukey_biweight",
]


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
    """Huber loss: quadratic near zero, linear beyond `delta`.

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
    """Smooth L1 loss: the absolute error with its corner rounded off within `beta`.

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
    """Pseudo-Huber loss: smooth, quadratic near zero, of slope `delta` far out.

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
    error = predictions - targets
    return excess_of_hypotenuse(error, delta + array_namespace(error).zeros_like(error))


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
    """Log-cosh loss: half the squared error near zero, the absolute error far out.

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
    """Epsilon-insensitive loss of support vector regression: the absolute error beyond a free tube.

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
    unit="element",
    source="Fair 1974, its weight of errors; LightGBM's objective `fair` (read in its code, not in the paper)",
    aliases=("lightgbm:fair",),
    equals=(
        Equal(
            "torch",
            "scale**2 * ((predictions - targets).abs() / scale - ((predictions - targets).abs() / scale).log1p())",
        ),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def fair(predictions: Real["*batch"], targets: Real["*batch"], *, scale: Positive["#*batch"] = 1.0) -> Real["*batch"]:
    """Fair's loss: quadratic near zero, and less steep than the absolute error everywhere.

    l = scale^2 (a - log(1 + a)), with a = |predictions - targets| / scale. The derivative is e / (1 + a), with e the
    error: it comes near `scale` far out. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `scale` > 0, a number or an array with size 1 where
    it does not vary -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or scale <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: LightGBM's objective `fair`, with scale as its `fair_c`.

    >>> import numpy as np
    >>> fair.per_example(np.asarray([0.0, -1.0]), np.zeros(2)).round(12).tolist()  # 1 - log 2
    [0.0, 0.30685281944]
    """
    error = predictions - targets
    return _fair(error, scale + array_namespace(error).zeros_like(error))


@primitive(row_axes=0)
def _fair(xp: Any, error: Array, scale: Array) -> Any:
    """Fair's loss, whose slope is near the error or near the scale: where it is both, nothing cancels in its own."""
    ratio = xp.abs(error) / scale
    rise = log1p(ratio)
    value = scale * (scale * expm1_minus(rise))
    near = ratio < 1
    slope = xp.where(near, error, xp.copysign(scale - scale / (1 + ratio), error)) / xp.where(near, 1 + ratio, 1.0)
    return value, (lambda g: g * slope, lambda g: g * (scale * (expm1_minus(rise) - expm1_minus(-rise))))


@loss(
    family="regression",
    unit="element",
    source="Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171 (formula from textbooks, by memory)",
    aliases=("tukey", "bisquare", "Tukey"),
    equals=(
        Equal(
            "torch",
            "delta**2 / 6 * (1 - (1 - ((predictions - targets) / delta).abs().clamp(max=1) ** 2) ** 3)",
        ),
    ),
    perfect={"predictions": "targets"},
)
def tukey_biweight(
    predictions: Real["*batch"], targets: Real["*batch"], *, delta: Positive["#*batch"] = 4.685
) -> Real["*batch"]:
    """Tukey's biweight loss: quadratic near zero, and flat beyond `delta`, so that outliers count nothing.

    l = delta^2 / 6 (1 - (1 - (e / delta)^2)^3) where |e| <= delta, else delta^2 / 6, with e = predictions - targets.
    The derivative is e (1 - (e / delta)^2)^2, and 0 beyond delta. Not convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `delta` > 0, a number or an array with size 1 where
    it does not vary -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or delta <= 0, `DTypeError` for integers or mixed dtypes. The default is
    95 % as efficient as least squares for normal errors of variance 1: divide the errors by their scale before.
    Equals: its formula in torch; the libraries of losses that are compared here have none.

    >>> import numpy as np
    >>> tukey_biweight.per_example(np.asarray([1.0, 2.0, 9.0]), np.zeros(3), delta=2.0).round(12).tolist()
    [0.385416666667, 0.666666666667, 0.666666666667]
    """
    error = predictions - targets
    return _biweight(error, delta + array_namespace(error).zeros_like(error))


@primitive(row_axes=0)
def _biweight(xp: Any, error: Array, delta: Array) -> Any:
    """Tukey's biweight with its derivatives as products: the slope near delta is a small square."""
    beyond = xp.abs(error) >= delta
    inner = xp.where(beyond, 0.0, error)
    share = inner / delta
    square = share * share
    value = xp.where(beyond, delta * (delta / 6), inner * inner * ((3 - 3 * square + square * square) / 6))
    flat = xp.where(beyond, delta / 3, inner * share * square * ((3 - 2 * square) / 3))
    return value, (lambda g: g * (inner * (1 - square) * (1 - square)), lambda g: g * flat)


@loss(
    family="regression",
    unit="element",
    source="Barron 2019, arXiv:1701.03077",
    also={
        "adaptive_robust AdaptiveLossFunction": "it adds log(scale) and the logarithm of a normalizer of alpha, an "
        "integral without a closed form. Fix: where alpha is not trained, general_robust + log(scale)",
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
    """General robust loss of Barron, from the squared error to one that ignores outliers.

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
    value = xp.where(infinite, -1.0, width / 2) * exponential_growth(exponent, xp.where(infinite, 1.0, alpha / 2))
    size, rate = xp.where(steep, size, 1.0), xp.where(steep, alpha, 1.0)
    outer = width / rate * (size**rate * xp.exp(rate / 2 * beyond) - 1)
    return xp.where(quadratic, half_square, xp.where(steep, outer, value))


@loss(
    family="regression",
    unit="element",
    source="Pang et al. 2019, arXiv:1904.02701 (formula read in the code of mmdetection, not in the paper)",
    aliases=("BalancedL1", "BalancedL1Loss"),
    equals=(
        Equal(
            "torch",
            "(lambda d, b: torch.where(d < beta, alpha / b * (b * d + 1) * torch.log(b * d / beta + 1) - alpha * d, "
            "gamma * d + gamma / b - alpha * beta))((predictions - targets).abs(), "
            "torch.expm1(torch.full_like(predictions, gamma / alpha)))",
            when="np.ndim(alpha) == np.ndim(beta) == np.ndim(gamma) == 0 and gamma / alpha < 50",
        ),
    ),
    perfect={"predictions": "targets"},
)
def balanced_l1(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    *,
    alpha: Positive["#*batch"] = 0.5,
    gamma: Positive["#*batch"] = 1.5,
    beta: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Balanced L1 loss (Libra R-CNN): `smooth_l1` in which small errors have more of the gradient.

    l = (alpha / b) (b d + 1) log(1 + b d / beta) - alpha d where d = |predictions - targets| < beta, else
    gamma d + gamma / b - alpha beta, with b = exp(gamma / alpha) - 1. At beta = 1 its derivative is alpha log(1 + b d)
    up to d = 1 and gamma from there on, and it is convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `alpha`, `gamma` and `beta` > 0, numbers or arrays
    with size 1 where they do not vary -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Another beta than 1 has a kink at beta and one at 0, where the derivative is declared 0; with one above 1 small
    errors have a loss below 0.
    Errors: `ContractError` for another shape or a parameter <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: mmdetection `BalancedL1Loss` at its defaults, whose terms cancel where errors are small.

    >>> import numpy as np
    >>> errors = np.asarray([0.5, 1.0, 3.0])
    >>> balanced_l1.per_example(errors, np.zeros(3)).round(6).tolist()
    [0.400568, 1.078594, 4.078594]
    """
    xp = array_namespace(predictions)
    difference = predictions - targets
    size = xp.where(difference < 0, -difference, difference)  # which has a slope at 0: the loss is curved there
    exponent = gamma / alpha + xp.zeros_like(size)
    inverse = xp.exp(-exponent) / -expm1(-exponent)  # of b, which is beyond the dtype for a small alpha
    near = size < beta
    inner = xp.where(near, size, 0.0)
    curved = (beta * inverse + inner) * expm1_minus(-_log_rise(inner / beta, exponent))
    if not is_number(beta, 1):
        pointed = _log_rise(xp.where(near, absolute(difference), 0.0) / beta, exponent)
        curved = curved + (1 - beta) * inverse * pointed
    return carry_nan(xp.where(near, alpha * curved, gamma * size + (gamma * inverse - alpha * beta)))


_LARGE = 40.0
"""The exponent from which on 1 is nothing beside its power, in every dtype."""


def _log_rise(share: Array, exponent: Array) -> Array:
    """log(1 + (exp(exponent) - 1) share), where the power may be beyond the dtype."""
    xp = array_namespace(share)
    large, there = exponent > _LARGE, share > 0
    far = xp.where(there, softplus(xp.log(xp.where(there, share, 1.0)) + exponent), 0.0)
    return xp.where(large, far, xp.log1p(expm1(xp.where(large, 0.0, exponent)) * share))
