"""Negative log-likelihoods and deviances of a target under a predicted distribution."""

import math
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._special import STIRLING, stirling_rest
from lossspec.losses.regression._powers import tweedie_deviance
from lossspec.numerics import absolute, array_namespace, carry_nan, is_zero, number, stop_gradient
from lossspec.primitive import primitive
from lossspec.terms import Amount, Array, LogMean, PositiveAmount, Power, Rate, Real, TweedieAmount

__all__ = [
    "gaussian_nll",
    "half_gamma",
    "half_tweedie",
    "half_tweedie_identity",
    "laplace_nll",
    "poisson_nll",
]

_FLAT = "predictions.ndim == 1"
"""The private losses of sklearn take arrays of one axis."""


_ENOUGH = 10.0


def _divided_differences(at: float) -> tuple[float, tuple[float, ...]]:
    """P(at) and the coefficients of (P(q) - P(at)) / (q - at), for the polynomial P of the Stirling series."""
    found = [STIRLING[-1]]
    for coefficient in STIRLING[-2::-1]:
        found.append(coefficient + at * found[-1])
    return found[-1], tuple(found[:-1])


_SERIES_AT_TEN, _SERIES_FROM_TEN = _divided_differences(_ENOUGH**-2)


def _log_factorial(x: Array) -> Array:
    """The logarithm of Gamma(x + 1) for x >= 0, of small relative error near 0 too, as its derivative.

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
    """The logarithm of Gamma(x + 1) minus (x log x - x), for x >= 10."""
    return 0.5 * array_namespace(x).log(2 * math.pi * x) + stirling_rest(x)


@primitive(row_axes=0)
def _poisson(xp: Any, log_means: Array, targets: Array) -> Any:
    """exp(log_means) - targets * log_means; an infinite mean is more than any product."""
    mean = xp.exp(log_means)
    product = targets * xp.where(mean == math.inf, 0.0, log_means)
    return mean - product, (lambda g: g * (mean - targets), lambda g: -(g * log_means))


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
    """Poisson negative log-likelihood of a count, from the mean or its logarithm.

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
    if log_input and not full:
        return carry_nan(_poisson(predictions, targets))
    xp = array_namespace(predictions)
    zero = targets == 0
    if log_input:
        mean = xp.exp(predictions)
        log_mean = xp.where(mean == math.inf, 0.0, predictions)  # an infinite mean is more than any multiple of it
    else:
        mean, log_mean = predictions, _log(predictions, zero)
    if not full:
        return carry_nan(mean - targets * log_mean)
    # From a target of 10 on it is (mean - targets) + targets * log(targets / mean), which is small near the mean, and a
    # rest: the large terms that cancel there are never formed.
    many = targets >= _ENOUGH
    few, large = xp.where(many, 0.0, targets), xp.where(many, targets, _ENOUGH)
    excess = mean - xp.where(many, targets, 0.0)
    if log_input:
        ratio = log_mean - xp.log(large)
        near = many & (xp.abs(ratio) < 1)
        excess = xp.where(near, large * xp.expm1(xp.where(near, ratio, 0.0)), excess)
    else:
        ratio = _log(xp.where(many, predictions, large) / large, zero)
    small = _log_factorial(few) - few * xp.where(many, 0.0, log_mean)
    return carry_nan(excess + xp.where(many, _beyond_stirling(large) - large * ratio, small))


def _log(x: Array, harmless: Array) -> Array:
    """The logarithm; at 0 it is -inf, or 0 where it is harmless."""
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
    """Gaussian negative log-likelihood of a target, from a predicted mean and variance.

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
    """Laplace negative log-likelihood of a target, from a predicted centre and scale.

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
    """Half the gamma deviance of a positive amount, from the logarithm of its mean, without its constant.

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
    """Half the Tweedie deviance of an amount, from the logarithm of its mean, without its constant.

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
    """Half the Tweedie deviance of an amount, from its mean.

    l = max(targets, 0)^(2 - power) / ((1 - power) (2 - power)) - targets * predictions^(1 - power) / (1 - power)
    + predictions^(2 - power) / (2 - power), with targets^2 / 2 in the first place at power = 0; at power = 1 its limit
    targets * log(targets / predictions) - targets + predictions, at power = 2 it is log(predictions / targets) +
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
    positive = xp.where(zero, stop_gradient(predictions), targets)
    first, second = number(2 - power, predictions), number(1 - power, predictions)
    value = tweedie_deviance(predictions, positive, xp.zeros_like(predictions) + power)
    possible, smooth = first > 0, second > 0
    means = xp.where(zero, predictions, 1.0)
    of_zero = xp.where(possible, means**first / xp.where(possible, first, 1.0), math.inf)
    slope = xp.where(smooth, means**second / xp.where(smooth, second, 1.0), 0.0)
    value = xp.where(zero, of_zero - targets * slope, value)
    if isinstance(power, (int, float)):
        return value
    return xp.where(power == 0, 0.5 * (predictions - targets) ** 2, value)
