"""Scores of a predicted distribution, by its moments, its members, its quantiles or its likelihood."""

from math import log, pi, sqrt
from typing import Any

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.losses._special import erf, rising_excess
from lossspec.numerics import (
    absolute,
    array_namespace,
    expm1_minus,
    negative_log_mean_exp,
    norm,
    number,
    positions,
    relu,
    softplus,
    stop_gradient,
)
from lossspec.primitive import primitive
from lossspec.terms import (
    Amount,
    Array,
    Embedding,
    Fraction,
    Logits,
    NonNegative,
    Positive,
    PositiveAmount,
    Real,
    UnitInterval,
)

__all__ = [
    "beta_nll",
    "energy_score",
    "ensemble_crps",
    "evidential_regression",
    "gaussian_crps",
    "gaussian_mixture_nll",
    "gaussian_nll_with_log_variances",
    "interval_score",
    "negative_binomial_nll",
    "quantile_huber",
    "student_t_nll",
    "zero_inflated_negative_binomial_nll",
]


@primitive(row_axes=0)
def _gaussian_crps(xp: Any, errors: Array, scales: Array) -> Any:
    """The score of a centred Gaussian at an error; the density in it has derivatives that cancel."""
    z = errors / scales
    level = erf(z / sqrt(2))
    density = sqrt(2 / pi) * xp.exp(-0.5 * z * z) - 1 / sqrt(pi)
    return errors * level + scales * density, (lambda g: g * level, lambda g: g * density)


@loss(
    family="probabilistic",
    unit="element",
    source="Gneiting et al. 2005, doi:10.1175/MWR2904.1 (formula from memory, not read)",
    aliases=("crps_gaussian", "crps_normal"),
    equals=(
        Equal(
            "scipy",
            "scales * ((targets - predictions) / scales * (2 * stats.norm.cdf(targets, predictions, scales) - 1)"
            " + 2 * stats.norm.pdf((targets - predictions) / scales) - 1 / np.sqrt(np.pi))",
        ),
    ),
    convex_in=("predictions", "targets"),
)
def gaussian_crps(
    predictions: Real["*batch"], targets: Real["*batch"], scales: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """Continuous ranked probability score of a Gaussian: the squared distance of its distribution from the outcome's.

    l = scales * (z * erf(z / sqrt(2)) + sqrt(2 / pi) * exp(-z^2 / 2) - 1 / sqrt(pi)), with
    z = (targets - predictions) / scales: the integral of (F(x) - [x >= targets])^2 with F the Gaussian distribution
    function. It has the unit of the targets, and tends to their absolute error as `scales` tend to 0. Convex in the
    centre and the target.

    Shapes: `predictions` (means) and `targets` [*batch], any real numbers; `scales` > 0, standard deviations, of the
    same shape or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a scale of 0 or less is
    outside the domain and raises under `checking("values")`.
    Equals: its formula by scipy `norm.cdf` and `norm.pdf`.

    >>> import numpy as np
    >>> x, y, s = np.asarray([0.0]), np.asarray([0.0]), np.asarray([2.0])
    >>> round(float(gaussian_crps(x, y, s)), 12)  # 2 (sqrt(2) - 1) / sqrt(pi)
    0.46738995451
    """
    errors = targets - predictions
    return _gaussian_crps(errors, scales + array_namespace(errors).zeros_like(errors))


@loss(
    family="probabilistic",
    unit="element",
    source="Gneiting and Raftery 2007, doi:10.1198/016214506000001437; fair: Ferro 2014, "
    "doi:10.1002/qj.2270 (read in the code of scoringrules, not in the papers)",
    aliases=("crps_ensemble",),
    sizes={"members": 3},
)
def ensemble_crps(
    predictions: Real["*batch members"], targets: Real["*batch"], *, fair: bool = False
) -> Real["*batch"]:
    """Continuous ranked probability score of an ensemble, from its members.

    l = mean_i |predictions[i] - targets| - sum_{i, j} |predictions[i] - predictions[j]| / (2 * members^2). With `fair`
    the last divisor is 2 * members * (members - 1), so that in expectation the score is that of the distribution that
    the members come from, whatever their number. Never negative. It is the sum over the sorted members x[1], x[2], ...
    of what x[k] is below the target, times (2 k - 1) / members^2 or 2 (k - 1) / (members * (members - 1)), and of what
    it is above, times the same with k counted from above.

    Shapes: `predictions` [*batch members], in any order, at least one; `targets` [*batch] -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. A
    single member has no spread: its score is the absolute error, with `fair` too. Where members are equal, or equal
    the target, the derivative is one of the subgradients.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: `absolute_error` for one member.

    >>> import numpy as np
    >>> members, y = np.asarray([[3.0, 1.0]]), np.asarray([0.0])
    >>> float(ensemble_crps(members, y)), float(ensemble_crps(members, y, fair=True))  # 2 - 1/2, 2 - 1
    (1.5, 1.0)
    """
    xp = array_namespace(predictions)
    count = predictions.shape[-1]
    if count == 1:
        return absolute(predictions[..., 0] - targets)
    below = targets[..., None] - xp.sort(predictions, axis=-1)
    before = positions(predictions, dtype=predictions.dtype)
    after = (count - 1) - before
    rising, falling = (2 * k / (count * (count - 1)) if fair else (2 * k + 1) / count**2 for k in (before, after))
    return xp.sum(rising * relu(below) + falling * relu(-below), axis=-1)


@loss(
    family="probabilistic",
    unit="element",
    source="Winkler 1972, doi:10.1080/01621459.1972.10481224; Gneiting and Raftery 2007, "
    "doi:10.1198/016214506000001437, section 6.2 (formula from memory, not read)",
    aliases=("winkler_score", "winkler"),
    perfect={"lower": "targets", "upper": "targets"},
    convex_in=("lower", "upper", "targets"),
)
def interval_score(
    lower: Real["*batch"], upper: Real["*batch"], targets: Real["*batch"], *, alpha: Fraction["#*batch"] = 0.1
) -> Real["*batch"]:
    """Interval score (Winkler) of a central prediction interval: its width, and 2 / alpha times what it misses by.

    l = upper - lower + 2 / alpha * (max(lower - targets, 0) + max(targets - upper, 0)). Its minimum is at the quantiles
    of the levels alpha / 2 and 1 - alpha / 2. Convex, never negative; derivatives at the ends are those within.

    Shapes: `lower`, `upper` and `targets` [*batch], any real numbers, also lower > upper; `alpha` in (0, 1), one less
    the coverage, a number or an array with size 1 where it does not vary -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape or alpha outside (0, 1), `DTypeError` for integers or mixed dtypes.
    Equals: 2 / alpha times the sum of `quantile` of `lower` at level alpha / 2 and of `upper` at 1 - alpha / 2.

    >>> import numpy as np
    >>> low, high, y = np.asarray([0.0, 0.0]), np.asarray([2.0, 2.0]), np.asarray([1.0, 3.0])
    >>> interval_score.per_example(low, high, y, alpha=0.5).tolist()  # the width, and 4 times 1
    [2.0, 6.0]
    """
    return (upper - lower) + 2 / alpha * (relu(lower - targets) + relu(targets - upper))


@loss(
    family="probabilistic",
    unit="element",
    source="Dabney et al. 2018, arXiv:1710.10044 and arXiv:1806.06923 (which divides by delta, as here; "
    "formula from memory, not read)",
    aliases=("quantile_huber_loss",),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def quantile_huber(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    *,
    level: UnitInterval["#*batch"] = 0.5,
    delta: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Quantile Huber loss of QR-DQN and IQN: the Huber loss with one weight below the target and another above.

    l = |level - [u < 0]| * h(u) / delta with u = targets - predictions and h(u) = u^2 / 2 where |u| <= delta, else
    delta * (|u| - delta / 2). It tends to `quantile` as delta tends to 0. Convex.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `level` in [0, 1] and `delta` > 0, numbers or arrays
    with size 1 where they do not vary: `level` [1 quantiles] for predictions [batch quantiles] -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    papers sum over quantiles: give all pairs of quantiles and targets, and a reduction of yours.
    Errors: `ContractError` for another shape, a level outside [0, 1] or delta <= 0, `DTypeError` for integers.
    Equals: half of `huber` over delta at level = 1/2.

    >>> import numpy as np
    >>> quantile_huber.per_example(np.asarray([0.0, 0.0]), np.asarray([3.0, -1.0]), level=0.75).tolist()
    [1.875, 0.125]
    """
    xp = array_namespace(predictions)
    below = targets - predictions
    size = absolute(below)
    near = size <= delta
    inner = xp.where(near, below, 0.0)
    huber = xp.where(near, 0.5 * inner * (inner / delta), size - 0.5 * delta)
    level = number(level, below)
    return xp.where(below < 0, 1 - level, level) * huber


@primitive(row_axes=0)
def _negative_binomial(xp: Any, targets: Array, means: Array, sizes: Array) -> Any:
    """Compute t - (t + r) d - t log m for counts t, means m and sizes r, with d = log((t + r) / (m + r)).

    Near the mean the first two terms are m - (t + r) (exp(-d) - 1 + d): no difference of large numbers; far from it
    d + log m is the logarithm of one product. Each derivative is one term.
    """
    rise = (targets - means) / (means + sizes)
    low = rise < -0.25
    ratio = xp.where(low, (targets + sizes) / (means + sizes), 1.0)
    ratio = xp.where(low, xp.log(ratio), xp.log1p(xp.where(low, 0.0, rise)))
    near, log_means = xp.abs(ratio) < 0.5, xp.log(means)
    excess = means - (targets + sizes) * expm1_minus(-xp.where(near, ratio, 0.0))
    share = means / (means + sizes)
    lost = share < float(xp.finfo(means.dtype).smallest_normal)
    both = xp.where(lost, ratio + log_means, xp.log((targets + sizes) * xp.where(lost, 1.0, share)))
    value = xp.where(near, excess - targets * log_means, targets * (1 - both) - sizes * ratio)
    pulls = (
        lambda g: -g * both,
        lambda g: g * ((1 - targets / means) / (1 + means / sizes)),
        lambda g: g * xp.where(near, expm1_minus(xp.where(near, ratio, 0.0)), rise - ratio),
    )
    return value, pulls


def _count_nll(means: Array, targets: Array, sizes: Array) -> Array:
    """The negative log-likelihood of a count under a negative binomial distribution, without log targets!."""
    sizes = sizes + array_namespace(means).zeros_like(means)
    return _negative_binomial(targets, means, sizes) - rising_excess(targets, sizes)


@loss(
    family="probabilistic",
    unit="element",
    source="Hilbe 2011, doi:10.1017/CBO9780511973420, NB2 (formula from memory, not read)",
    equals=(
        Equal(
            "scipy",
            "special.gammaln(sizes) - special.gammaln(targets + sizes)"
            " + (targets + sizes) * np.log1p(predictions / sizes) - targets * np.log(predictions / sizes)",
        ),
    ),
)
def negative_binomial_nll(
    predictions: PositiveAmount["*batch"], targets: Amount["*batch"], sizes: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """Negative binomial negative log-likelihood of a count, from its mean and size.

    l = log Gamma(sizes) - log Gamma(targets + sizes) + (targets + sizes) * log(1 + predictions / sizes)
    - targets * log(predictions / sizes): the variance is predictions + predictions^2 / sizes (NB2), so that the
    dispersion is 1 / sizes. What depends on the
    targets alone, log(targets!), is left out, as in `poisson_nll`, which it tends to as
    the sizes grow.

    Shapes: `predictions` (means) > 0 and `targets` (counts) >= 0, whole or not, [*batch]; `sizes` > 0, of the
    same shape or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a mean or size of 0 or
    less and a negative target are outside the domain and raise under `checking("values")`.
    Equals: its formula by scipy `gammaln`; minus scipy
    `nbinom.logpmf(targets, sizes, sizes / (sizes + predictions))`, less
    log(targets!).

    >>> import numpy as np
    >>> mean, count, one = np.asarray([3.0]), np.asarray([2.0]), np.asarray([1.0])
    >>> round(float(negative_binomial_nll(mean, count, one) + np.log(2.0)), 12)  # -log(1/4 (3/4)^2), a geometric one
    1.961658506023
    """
    return _count_nll(predictions, targets, sizes)


@loss(
    family="probabilistic",
    unit="element",
    source="Greene 1994, SSRN:1293115 (formula from memory, not read); for genes Risso et al. 2018, "
    "doi:10.1038/s41467-017-02554-5",
    aliases=("zinb", "zinb_nll"),
)
def zero_inflated_negative_binomial_nll(
    predictions: PositiveAmount["*batch"],
    targets: Amount["*batch"],
    sizes: PositiveAmount["#*batch"],
    zero_logits: Real["#*batch"],
) -> Real["*batch"]:
    """Negative log-likelihood of a count that is 0 with one probability, and else negative binomial.

    l = -log(p + (1 - p) * exp(-n)) for a target of 0 and n - log(1 - p) for any other, with p = sigmoid(zero_logits)
    and n the `negative_binomial_nll`. What depends on the targets alone, log(targets!), is left out.

    Shapes: `predictions` (means of the second part) > 0 and `targets` (counts) >= 0 [*batch]; `sizes` > 0 and
    `zero_logits`, any real numbers, of the same shape or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a mean or size of 0 or
    less and a negative target are outside the domain and raise under `checking("values")`.
    Equals: `negative_binomial_nll` where `zero_logits` are far below 0.

    >>> import numpy as np
    >>> mean, count, one = np.asarray([3.0, 3.0]), np.asarray([0.0, 2.0]), np.asarray([1.0, 1.0])
    >>> zero_inflated_negative_binomial_nll.per_example(mean, count, one, np.zeros(2)).round(12).tolist()  # log 8/5
    [0.470003629246, 1.961658506023]
    """
    xp = array_namespace(predictions)
    zero = targets == 0
    counted = _count_nll(predictions, targets, sizes)
    zero_logits = zero_logits + xp.zeros_like(counted)
    nothing = xp.zeros_like(counted)
    ways, losses = xp.stack([zero_logits, nothing], axis=-1), xp.stack([nothing, xp.where(zero, counted, 0.0)], axis=-1)
    return xp.where(zero, negative_log_mean_exp(ways, losses), counted + softplus(zero_logits))


def _tail(xp: Any, x: Array) -> tuple[Array, Array, Array, Array]:
    """Return log(1 + x^2), x / (1 + x^2), x^2 / (1 + x^2) and 1 / (1 + x^2), where the square overflows too."""
    far = xp.abs(x) > 1
    near, inverse = xp.where(far, 0.0, x), 1 / xp.where(far, x, 1.0)
    rest = xp.where(far, inverse * inverse, 1.0) / xp.where(far, 1 + inverse * inverse, 1 + near * near)
    slope = xp.where(far, inverse / (1 + inverse * inverse), near / (1 + near * near))
    share = xp.where(far, 1 / (1 + inverse * inverse), near * near / (1 + near * near))
    log_rise = xp.where(far, xp.log1p(inverse * inverse) - 2 * xp.log(xp.abs(inverse)), xp.log1p(near * near))
    return log_rise, slope, share, rest


@primitive(row_axes=0)
def _student(xp: Any, errors: Array, scales: Array, degrees: Array) -> Any:
    """Compute (degrees + 1) / 2 * log(1 + z^2 / degrees) + log(scales) for z = errors / scales.

    No derivative is a difference of nearly equal numbers, where the degrees are large and where they are small.
    """
    root = xp.sqrt(degrees)
    log_rise, slope, share, rest = _tail(xp, errors / scales / root)
    pulls = (
        lambda g: g * ((root + 1 / root) * slope / scales),
        lambda g: g * ((rest - degrees * share) / scales),
        lambda g: g * (0.5 * (expm1_minus(-log_rise) - share / degrees)),
    )
    return 0.5 * (degrees + 1) * log_rise + xp.log(scales), pulls


@primitive(row_axes=0)
def _heavy_tail(xp: Any, errors: Array, scales: Array, shapes: Array) -> Any:
    """Compute (shapes + 1 / 2) * log(1 + (errors / scales)^2) + log(scales); no derivative is a difference."""
    log_rise, slope, share, rest = _tail(xp, errors / scales)
    pulls = (
        lambda g: g * ((2 * shapes + 1) * slope / scales),
        lambda g: g * ((rest - 2 * shapes * share) / scales),
        lambda g: g * log_rise,
    )
    return (shapes + 0.5) * log_rise + xp.log(scales), pulls


def _gamma_ratio(x: Array) -> Array:
    """The logarithm of Gamma(x) / Gamma(x + 1 / 2) * sqrt(x), which is near 1 / (8 x) for large x."""
    step = array_namespace(x).log1p(0.5 / x)
    return x * expm1_minus(step) - 0.5 * step - rising_excess(0.5, x)


@loss(
    family="probabilistic",
    unit="element",
    source="Lange, Little and Taylor 1989, doi:10.1080/01621459.1989.10478852 (formula from memory, not read)",
    equals=(
        Equal("scipy", "-stats.t.logpdf(targets, degrees, predictions, scales)"),
        Equal("torch", "-torch.distributions.StudentT(degrees, predictions, scales).log_prob(targets)"),
    ),
)
def student_t_nll(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    scales: PositiveAmount["#*batch"],
    degrees: PositiveAmount["#*batch"],
) -> Real["*batch"]:
    """Student's t negative log-likelihood of a target, from a predicted centre, scale and degrees of freedom.

    l = (degrees + 1) / 2 * log(1 + z^2 / degrees) + log(scales) + log Gamma(degrees / 2) - log Gamma((degrees + 1) / 2)
    + log(pi * degrees) / 2 with z = (targets - predictions) / scales, with nothing left out.

    Shapes: `predictions` (centres) and `targets` [*batch], any real numbers; `scales` > 0 and `degrees` > 0, learned or
    not, of the same shape or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a scale or degrees of 0 or
    less are outside the domain and raise under `checking("values")`.
    Equals: minus scipy `t.logpdf(targets, degrees, predictions, scales)`, minus torch `distributions.StudentT`. As the
    degrees grow it tends to `gaussian_nll` with full=True.

    >>> import numpy as np
    >>> x, y, one = np.asarray([0.0]), np.asarray([1.0]), np.asarray([1.0])
    >>> round(float(student_t_nll(x, y, one, one)), 12)  # log(2 pi), a Cauchy distribution
    1.837877066409
    """
    zeros = array_namespace(predictions).zeros_like(predictions)
    rise = _student(targets - predictions, scales + zeros, degrees + zeros)
    return rise + _gamma_ratio(0.5 * degrees) + 0.5 * log(2 * pi)


@loss(
    family="probabilistic",
    unit="element",
    source="Amini, Schwarting, Soleimany and Rus 2020, arXiv:1910.02600 (formula from memory, not read)",
    aliases=("EvidentialRegression",),
    accuracy=Accuracy(
        hessian=256.0,
        reason="where there is little evidence the loss is nearly linear in it, and its curvature a small difference",
    ),
)
def evidential_regression(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    evidence: PositiveAmount["*batch"],
    shapes: PositiveAmount["*batch"],
    scales: PositiveAmount["*batch"],
    *,
    coefficient: NonNegative["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Deep evidential regression: the likelihood of a target under a learned prior, plus a cost of evidence.

    l = -log t(targets) + coefficient * |targets - predictions| * (2 * evidence + shapes), with t the density of
    Student's t distribution about `predictions` with 2 * shapes degrees of freedom and the squared scale
    scales * (1 + evidence) / (evidence * shapes): the prior is normal, with an inverse gamma distribution of its
    variance.

    Shapes: `predictions` (gamma), `targets`, `evidence` (nu) > 0, `shapes` (alpha) > 0 and `scales` (beta) > 0, all
    [*batch]; `coefficient` >= 0, a number or an array with size 1 where it does not vary -> element [*batch]. The
    variance is finite for shapes > 1.
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    derivative of |targets - predictions| at 0 is declared 0.
    Errors: `ContractError` for another shape or coefficient < 0, `DTypeError` for integers or mixed dtypes; evidence,
    shapes or scales of 0 or less are outside the domain and raise under `checking("values")`.
    Equals: `student_t_nll(predictions, targets, sqrt(scales * (1 + evidence) / (evidence * shapes)), 2 * shapes)` at
    coefficient = 0.

    >>> import numpy as np
    >>> x, y, one = np.asarray([0.0]), np.asarray([1.0]), np.asarray([1.0])
    >>> round(float(evidential_regression(x, y, one, one, one)), 12)  # 3 + log(5 sqrt(5) / 2)
    4.721009688091
    """
    xp = array_namespace(evidence)
    errors = targets - predictions
    spread = xp.sqrt(2 * scales) * xp.sqrt(1 + 1 / evidence)
    rise = _heavy_tail(errors, spread, shapes)
    likelihood = rise + (_gamma_ratio(shapes) - 0.5 * xp.log(shapes) + 0.5 * log(pi))
    return likelihood + coefficient * (absolute(errors) * (2 * evidence + shapes))


@loss(
    family="probabilistic",
    unit="example",
    source="Bishop 1994, Mixture density networks, NCRG/94/004 (formula from memory, not read)",
    aliases=("MDN", "mixture_density"),
    equals=(
        Equal(
            "torch",
            "-torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=logits), "
            "torch.distributions.Independent(torch.distributions.Normal(means, scales), 1)).log_prob(targets)",
            when="targets.size > 0",
        ),
    ),
    accuracy=Accuracy(
        on={
            "jax": Accuracy(
                gradient=32768.0,
                reason="XLA takes the share of a component for 0 below the smallest normal number, beside a large "
                "derivative of its density",
            )
        }
    ),
    invariant_in=("logits",),
    sizes={"components": 3, "dim": 2},
)
def gaussian_mixture_nll(
    logits: Logits["*batch components"],
    means: Real["*batch components dim"],
    scales: PositiveAmount["*batch components dim"],
    targets: Real["*batch dim"],
) -> Real["*batch"]:
    """Mixture density: the negative log-likelihood of a target under a mixture of Gaussians.

    l = -log(sum_k softmax(logits)[k] * prod_d N(targets[d]; means[k, d], scales[k, d])), N the density of a Gaussian of
    that mean and standard deviation, with nothing left out.

    Shapes: `logits` [*batch components], of the weights of the components; -inf takes a component out;
    `means` [*batch components dim]; `scales` [*batch components dim] > 0; `targets` [*batch dim] -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a scale of 0 or less is
    outside the domain and raises under `checking("values")`.
    Equals: minus `log_prob` of torch `distributions.MixtureSameFamily`. With one component it is the sum of
    `gaussian_nll` with full=True over the entries.

    >>> import numpy as np
    >>> logits, scales = np.asarray([[0.0, 0.0]]), np.asarray([[[1.0], [1.0]]])
    >>> means, y = np.asarray([[[0.0], [0.0]]]), np.asarray([[1.0]])
    >>> round(float(gaussian_mixture_nll(logits, means, scales, y)), 12)  # (1 + log(2 pi)) / 2
    1.418938533205
    """
    xp = array_namespace(logits)
    z = (targets[..., None, :] - means) / scales
    costs = xp.sum(0.5 * (z * z) + xp.log(scales), axis=-1)
    least = stop_gradient(xp.min(costs, axis=-1, keepdims=True))
    constant = 0.5 * log(2 * pi) * targets.shape[-1]
    return negative_log_mean_exp(logits, costs - least) + (least[..., 0] + constant)


@primitive(row_axes=0)
def _half_squared_z(xp: Any, errors: Array, log_variances: Array) -> Any:
    """Compute errors^2 * exp(-log_variances) / 2, which is 0 for an error of 0, however small its variance is."""
    most = 0.9 * log(float(xp.finfo(errors.dtype).max))  # its exponential is finite, the square of that is not
    exponent = -0.5 * log_variances
    root = xp.exp(xp.where((errors == 0) & (exponent > most), most, exponent))
    z = errors * root
    value = 0.5 * (z * z)
    return value, (lambda g: g * (z * root), lambda g: -g * value)


@loss(
    family="probabilistic",
    unit="element",
    source="Kendall and Gal 2017, arXiv:1703.04977 (formula from memory, not read)",
    equals=(
        Equal(
            "torch",
            "-torch.distributions.Normal(predictions, torch.exp(0.5 * log_variances)).log_prob(targets)",
            when="full and abs(log_variances).max() < 80",
        ),
    ),
)
def gaussian_nll_with_log_variances(
    predictions: Real["*batch"], targets: Real["*batch"], log_variances: Real["#*batch"], *, full: bool = False
) -> Real["*batch"]:
    """Gaussian negative log-likelihood of a target, from a predicted mean and the logarithm of a variance.

    l = (log_variances + (predictions - targets)^2 * exp(-log_variances)) / 2, and + log(2 pi) / 2 with `full`.

    Shapes: `predictions` (means) and `targets` [*batch], any real numbers; `log_variances`, any real numbers, of the
    same shape or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: `gaussian_nll(predictions, targets, exp(log_variances))`; no variance is formed, so that none overflows.

    >>> import numpy as np
    >>> x, y, s = np.asarray([0.0]), np.asarray([2.0]), np.asarray([0.0])
    >>> float(gaussian_nll_with_log_variances(x, y, s))
    2.0
    """
    xp = array_namespace(predictions)
    errors = predictions - targets
    level = log_variances + xp.zeros_like(errors)
    value = 0.5 * level + _half_squared_z(errors, level)
    return value + 0.5 * log(2 * pi) if full else value


@loss(
    family="probabilistic",
    unit="element",
    source="Seitzer et al. 2022, arXiv:2203.09168 (formula from memory, not read)",
)
def beta_nll(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    variances: PositiveAmount["#*batch"],
    *,
    beta: UnitInterval["#*batch"] = 0.5,
) -> Real["*batch"]:
    """Gaussian negative log-likelihood, each unit times its variance to the power `beta`, which is held constant.

    l = c^beta * (log(variances) + (predictions - targets)^2 / variances) / 2, where c is `variances` as a constant for
    differentiation. At beta = 1 the gradient in the means is that of half the squared error, whatever the variances.

    Shapes: `predictions` (means) and `targets` [*batch], any real numbers; `variances` > 0, of the same shape or with
    size 1 on some axes; `beta` in [0, 1], a number or an array with size 1 where it does not vary -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    factor is no weight: "mean" does not divide by it.
    Errors: `ContractError` for another shape or beta outside [0, 1], `DTypeError` for integers or mixed dtypes; a
    variance of 0 or less is outside the domain and raises under `checking("values")`.
    Equals: `gaussian_nll` at beta = 0.

    >>> import numpy as np
    >>> x, y, v = np.asarray([0.0]), np.asarray([2.0]), np.asarray([4.0])
    >>> round(float(beta_nll(x, y, v)), 12)  # 2 times (log 4 + 1) / 2
    2.38629436112
    """
    xp = array_namespace(variances)
    level, constant = xp.log(variances), stop_gradient(variances)
    # No factor lies further from 1 than the root of a variance does; the exponential is 1, and holds the derivatives.
    z = (predictions - targets) * (constant ** (0.5 * beta) / xp.sqrt(constant))
    return 0.5 * (constant**beta * level + z * (z * xp.exp(stop_gradient(level) - level)))


@loss(
    family="probabilistic",
    unit="example",
    source="Gneiting and Raftery 2007, doi:10.1198/016214506000001437, section 4.3 (formula from memory, not read)",
    sizes={"members": 3, "dim": 2},
)
def energy_score(predictions: Embedding["*batch members dim"], targets: Embedding["*batch dim"]) -> Real["*batch"]:
    """Energy score of an ensemble of vectors: the continuous ranked probability score beyond one dimension.

    l = mean_i |predictions[i] - targets| - sum_{i, j} |predictions[i] - predictions[j]| / (2 * members^2), with
    Euclidean norms. Never negative.

    Shapes: `predictions` [*batch members dim], at least one member; `targets` [*batch dim] -> example [*batch]. It
    forms all pairs of members.
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    derivative of the norm of two equal vectors is declared 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: `ensemble_crps` for vectors of one entry.

    >>> import numpy as np
    >>> members, y = np.asarray([[[3.0, 4.0], [0.0, 0.0]]]), np.asarray([[0.0, 0.0]])
    >>> float(energy_score(members, y))  # 5/2 - 5/4
    1.25
    """
    xp = array_namespace(predictions)
    count = predictions.shape[-2]
    apart = norm(predictions[..., :, None, :] - predictions[..., None, :, :])
    off = xp.sum(norm(predictions - targets[..., None, :]), axis=-1)
    return off / count - xp.sum(apart, axis=(-2, -1)) / (2 * count**2)
