"""Divergences of distributions over classes, and of non-negative measures."""

from functools import partial
from math import inf, log
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    array_namespace,
    divergence_terms,
    expm1,
    log1p,
    log_quotient,
    mixture_terms,
    per_row,
    sqrt,
    squared_difference_over,
    stop_gradient,
    xlogy,
)
from lossspec.terms import Array, Distribution, Fraction, LogDistribution, Logits, NonNegative, Positive, Real

__all__ = [
    "chi_squared_divergence",
    "generalized_jensen_shannon",
    "generalized_kl_divergence",
    "i_divergence",
    "jensen_shannon",
    "kl_divergence",
    "kl_divergence_with_log_targets",
    "renyi_divergence",
    "reverse_kl_divergence",
    "squared_hellinger",
    "total_variation_distance",
]


divergence_loss = partial(loss, family="divergence", unit="example")


@divergence_loss(
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694",
    aliases=("KL",),
    also={
        "torch:kl_div KLDivLoss": (
            "its mean is over all entries. Fix: reduction=Mean(over=the number of entries), or torch's 'batchmean', "
            "which is 'batch_mean' here"
        ),
        "keras:KLDivergence kl_divergence kullback_leibler_divergence kld KLD": (
            "it takes probabilities; kl_divergence takes log-probabilities and targets. Fix: give it log(probabilities)"
        ),
        "optax:kl_divergence": {"reduction": "none"},
    },
    equals=(
        Equal(
            "torch", "F.kl_div(log_predictions, targets, reduction='none').sum(-1)", differs={"edges": "0 log 0 is NaN"}
        ),
        Equal("optax", "optax.losses.kl_divergence(log_predictions, targets)", differs={"edges": "0 log 0 is NaN"}),
        Equal(
            "scipy",
            "special.rel_entr(targets, np.exp(log_predictions)).sum(-1)",
            differs={"edges": "it takes the prediction itself, and exp(-1e4) is 0"},
        ),
    ),
)
def kl_divergence(
    log_predictions: LogDistribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """Kullback-Leibler divergence KL(targets || predictions), from the log-probabilities of the prediction.

    l = sum_c targets[c] * (log targets[c] - log_predictions[c]), where a class of probability 0 contributes 0.

    Shapes: `log_predictions` [*batch classes], logarithms in [-inf, 0]; `targets` [*batch classes], rows that sum to 1
    (the class axis anywhere: `axis`) -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    Where targets[c] = 0 its derivative is declared 0 (the one-sided limit is -inf). A predicted probability of 0 under
    a positive target is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.kl_div(log_predictions, targets, reduction="batchmean")` (its "mean" divides by the classes too;
    0 against 0 is NaN there), optax `kl_divergence`, Keras `KLDivergence()(targets, predictions)` up to its clipping.

    >>> import numpy as np
    >>> round(float(kl_divergence(np.log(np.asarray([[0.25, 0.75]])), np.asarray([[0.0, 1.0]]))), 12)
    0.287682072452
    """
    return array_namespace(targets).sum(xlogy(targets, log_predictions), axis=-1)


def _log_divergence(log_p: Array, log_q: Array) -> Array:
    """sum_c p[c] * (log p[c] - log q[c]), where p[c] = 0 contributes 0, with derivative 0."""
    xp = array_namespace(log_p)
    gone, impossible = log_p == -inf, log_q == -inf
    known = xp.where(gone, 0.0, log_p)
    terms = xp.exp(known) * (known - xp.where(impossible, 0.0, log_q))
    return xp.sum(xp.where(gone, 0.0, xp.where(impossible, inf, terms)), axis=-1)


@divergence_loss(
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694",
    also={"optax:kl_divergence_with_log_targets": {"reduction": "none"}},
    equals=(
        Equal(
            "torch",
            "F.kl_div(log_predictions, log_targets, reduction='none', log_target=True).sum(-1)",
            differs={"edges": "a target of -inf is NaN there"},
        ),
        Equal(
            "optax",
            "optax.losses.kl_divergence_with_log_targets(log_predictions, log_targets)",
            differs={"edges": "a target of -inf is NaN there"},
        ),
    ),
    perfect={"log_predictions": "log_targets"},
)
def kl_divergence_with_log_targets(
    log_predictions: LogDistribution["*batch classes"], log_targets: LogDistribution["*batch classes"]
) -> Real["*batch"]:
    """Kullback-Leibler divergence KL(targets || predictions), both given as logarithms.

    l = sum_c exp(log_targets[c]) * (log_targets[c] - log_predictions[c]), where a target of -inf contributes 0.

    Shapes: `log_predictions` and `log_targets` [*batch classes], logarithms in [-inf, 0] of rows that sum to 1 (the
    class axis anywhere: `axis`) -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    Where a target is -inf all derivatives of its class are 0. A prediction of -inf under another target is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.kl_div(log_predictions, log_targets, log_target=True)` summed over classes (its "mean" divides by
    the classes too) and optax `kl_divergence_with_log_targets`; in both a target of -inf is NaN.

    >>> import numpy as np
    >>> certain = np.asarray([[-np.inf, 0.0]])
    >>> round(float(kl_divergence_with_log_targets(np.log(np.asarray([[0.75, 0.25]])), certain)), 12)
    1.38629436112
    """
    return _log_divergence(log_targets, log_predictions)


@divergence_loss(
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694; as a loss: Gu et al. 2024, arXiv:2306.08543",
    equals=(
        Equal(
            "torch",
            "F.kl_div(log_targets, log_predictions, reduction='none', log_target=True).sum(-1)",
            differs={"edges": "a prediction of -inf is NaN there"},
        ),
        Equal(
            "optax",
            "optax.losses.kl_divergence_with_log_targets(log_targets, log_predictions)",
            differs={"edges": "a prediction of -inf is NaN there"},
        ),
    ),
    perfect={"log_predictions": "log_targets"},
)
def reverse_kl_divergence(
    log_predictions: LogDistribution["*batch classes"], log_targets: LogDistribution["*batch classes"]
) -> Real["*batch"]:
    """Reverse Kullback-Leibler divergence KL(predictions || targets), which seeks a mode of the targets.

    l = sum_c exp(log_predictions[c]) * (log_predictions[c] - log_targets[c]), where a prediction of -inf contributes 0.

    Shapes: `log_predictions` and `log_targets` [*batch classes], logarithms in [-inf, 0] of rows that sum to 1 (the
    class axis anywhere: `axis`) -> example [*batch]. Both are logarithms, so that a small probability loses nothing.
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    The gradient passes through both factors. Where a prediction is -inf all derivatives of its class are 0. A target
    of -inf under another prediction is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.kl_div(log_targets, log_predictions, log_target=True)` summed over classes, the arguments swapped;
    TRL `generalized_jsd_loss(beta=1)`.

    >>> import numpy as np
    >>> certain = np.asarray([[-np.inf, 0.0]])
    >>> round(float(reverse_kl_divergence(certain, np.log(np.asarray([[0.75, 0.25]])))), 12)
    1.38629436112
    """
    return _log_divergence(log_predictions, log_targets)


@divergence_loss(
    source="Bregman 1967, doi:10.1016/0041-5553(67)90040-7; Csiszar 1975, doi:10.1214/aop/1176996454",
    also={"optax:generalized_kl_divergence convex_kl_divergence": {"reduction": "none"}},
    equals=(Equal("optax", "optax.losses.generalized_kl_divergence(log_predictions, targets)"),),
)
def generalized_kl_divergence(
    log_predictions: Logits["*batch classes"], targets: NonNegative["*batch classes"]
) -> Real["*batch"]:
    """Generalized Kullback-Leibler divergence of measures that need not sum to 1.

    l = sum_c (t log(t / q) - t + q) with t = targets[c] and q = exp(log_predictions[c]); a target of 0 contributes q.

    Shapes: `log_predictions` [*batch classes], real numbers or -inf; `targets` [*batch classes] >= 0 (the class axis
    anywhere: `axis`) -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    No term is negative, and it is 0 only where t = q, near which it keeps its digits. Where a target is 0 its
    derivative is declared 0 (the one-sided limit is -inf). A prediction of -inf under a positive target is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: optax `generalized_kl_divergence`, and `convex_kl_divergence`, its former name. `i_divergence` is a term of
    it, from the prediction itself.

    >>> import numpy as np
    >>> round(float(generalized_kl_divergence(np.asarray([[0.0, 0.0]]), np.asarray([[2.0, 0.0]]))), 12)
    1.38629436112
    """
    xp = array_namespace(targets)
    both = ~((targets <= 0) | (log_predictions == -inf))
    log_ratio = xp.log(xp.where(both, targets, 1.0)) - xp.where(both, log_predictions, 0.0)
    log_ratio = xp.where(both, log_ratio, _of_zeros(xp, targets))
    return xp.sum(divergence_terms(targets, xp.exp(log_predictions), log_ratio), axis=-1)


def _of_zeros(xp: Any, targets: Array) -> Array:
    """The logarithm of target over prediction where one of them, or both, are 0."""
    return xp.where(targets == 0, xp.full_like(targets, -inf), inf)


@loss(
    family="divergence",
    unit="element",
    source="Csiszar 1975, doi:10.1214/aop/1176996454",
    equals=(Equal("scipy", "special.kl_div(targets, predictions)"),),
    perfect={"predictions": "targets"},
)
def i_divergence(predictions: NonNegative["*batch"], targets: NonNegative["*batch"]) -> Real["*batch"]:
    """Generalized Kullback-Leibler divergence of two non-negative numbers: half of the Poisson deviance.

    l = targets * log(targets / predictions) - targets + predictions.

    Shapes: `predictions` and `targets` [*batch] >= 0 -> element [*batch].
    Weights and mean: the common contract, one weight an element; for histograms sum over their entries first.
    It is convex, never negative, and 0 only where both are equal, near which it keeps its digits. At a target of 0 it
    is `predictions`, and the derivative in the target is declared 0 (the one-sided limit is -inf). A prediction of 0
    under a positive target is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: scipy `special.kl_div(targets, predictions)`; summed, the objective of non-negative matrix factorization
    under "kullback-leibler". `generalized_kl_divergence` takes the logarithm of the prediction.

    >>> import numpy as np
    >>> i_divergence.per_example(np.asarray([3.0, 2.0]), np.asarray([0.0, 2.0])).tolist()
    [3.0, 0.0]
    """
    xp = array_namespace(targets)
    both = ~((targets <= 0) | (predictions <= 0))
    target, prediction = xp.where(both, targets, 1.0), xp.where(both, predictions, 1.0)
    log_ratio = xp.where(both, log_quotient(target, prediction), _of_zeros(xp, targets))
    return divergence_terms(targets, predictions, log_ratio)


def _fixed_where_alone(xp: Any, p: Array, q: Array) -> tuple[Array, Array]:
    """Return both, as constants where only one of them is 0: there the derivative is -inf, and is declared 0."""
    alone = (p == 0) != (q == 0)
    return xp.where(alone & (p == 0), 0.0, p), xp.where(alone & (q == 0), 0.0, q)


@divergence_loss(
    source="Lin 1991, doi:10.1109/18.61115",
    aliases=("jensen_shannon_divergence", "JSD"),
    equals=(
        Equal(
            "torchmetrics",
            "M.regression.jensen_shannon_divergence(targets, predictions, reduction='none')",
            when="predictions.ndim == 2",
            differs={
                "equal within 0.01": "it scales rows to the sum 1",
                "gradient": "the scaling takes the mean out of it, and at a probability of 0 it is NaN",
            },
        ),
        Equal(
            "scipy",
            "distance.jensenshannon(targets, predictions, axis=-1) ** 2",
            differs={"equal within 0.01": "it scales rows to the sum 1"},
        ),
    ),
    perfect={"predictions": "targets"},
)
def jensen_shannon(
    predictions: Distribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """Jensen-Shannon divergence: the mean divergence of two distributions from their mixture, at most log 2.

    l = (KL(predictions || m) + KL(targets || m)) / 2, with m = (predictions + targets) / 2 and the natural logarithm.

    Shapes: `predictions` and `targets` [*batch classes], rows that sum to 1 (the class axis anywhere: `axis`)
    -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    A small divergence keeps its digits. Where one probability is 0 its derivative is declared 0 (the one-sided limit is
    -inf); where both are, it is that from above, log(2) / 2.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torchmetrics `jensen_shannon_divergence`, and the square of scipy `distance.jensenshannon`: the distance is
    the root of it. From logarithms and with other weights: `generalized_jensen_shannon`.

    >>> import numpy as np
    >>> round(float(jensen_shannon(np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]]))), 12)
    0.69314718056
    """
    xp = array_namespace(targets)
    predictions, targets = _fixed_where_alone(xp, predictions, targets)
    mean = 0.5 * (predictions + targets)
    safe_mean = xp.where(mean == 0, 1.0, mean)
    contrast = 0.5 * (predictions - targets) / safe_mean
    near = xp.abs(contrast) < 0.25
    alone = (predictions == 0) | (targets == 0)  # there a term is linear
    u = xp.where(near, contrast, 0.0)
    by_contrast = mean * (u * xp.atanh(u) + 0.5 * xp.log1p(-u * u))
    log_mean = xp.log(safe_mean)
    p, q = xp.where(near | alone, 0.0, predictions), xp.where(near | alone, 0.0, targets)
    apart = 0.5 * (xlogy(p, log_mean) + xlogy(q, log_mean))
    terms = xp.where(near, by_contrast, apart)
    return xp.sum(xp.where(alone, log(2) * mean, terms), axis=-1)


@divergence_loss(
    source="Lin 1991, doi:10.1109/18.61115; in this form: Agarwal et al. 2024, arXiv:2306.13649",
    equals=(
        Equal(
            "torch",
            "(lambda m: beta * F.kl_div(m, log_targets, reduction='none', log_target=True)"
            " + (1 - beta) * F.kl_div(m, log_predictions, reduction='none', log_target=True))"
            "((beta * log_targets.exp() + (1 - beta) * log_predictions.exp()).log()).sum(-1)",
            differs={"edges": "a logarithm of -inf is NaN there"},
        ),
    ),
    perfect={"log_predictions": "log_targets"},
)
def generalized_jensen_shannon(
    log_predictions: LogDistribution["*batch classes"],
    log_targets: LogDistribution["*batch classes"],
    *,
    beta: Fraction["#*batch"] = 0.5,
) -> Real["*batch"]:
    """Jensen-Shannon divergence with weight `beta` on the targets, from logarithms.

    l = beta KL(targets || m) + (1 - beta) KL(predictions || m), with m = beta targets + (1 - beta) predictions.

    Shapes: `log_predictions` and `log_targets` [*batch classes], logarithms in [-inf, 0] of rows that sum to 1 (the
    class axis anywhere: `axis`); 0 < `beta` < 1 -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    It is at most -beta log beta - (1 - beta) log(1 - beta), also where the supports differ. As beta goes to 0, l goes
    to 0 and l / beta to KL(targets || predictions); as it goes to 1, l / (1 - beta) to KL(predictions || targets).
    Where a logarithm is -inf its derivative is 0.
    Errors: `ContractError` for another shape or beta outside (0, 1), `DTypeError` for integers or mixed dtypes.
    Equals: TRL `generalized_jsd_loss` and Liger `LigerJSD` for 0 < beta < 1; at 0 and 1 these return the
    limits of l / beta and l / (1 - beta), `kl_divergence_with_log_targets` and `reverse_kl_divergence`, which are no
    limits of l: that is why beta = 0 and 1 are refused here.

    >>> import numpy as np
    >>> certain = np.asarray([[0.0, -np.inf]])
    >>> round(float(generalized_jensen_shannon(certain, certain[:, ::-1])), 12)
    0.69314718056
    """
    xp = array_namespace(log_targets)
    no_target, no_prediction = log_targets == -inf, log_predictions == -inf
    gone = no_target | no_prediction
    ratio = xp.where(gone, 0.0, log_targets) - xp.where(gone, 0.0, log_predictions)
    alone = xp.where(no_target, -inf, xp.where(no_prediction, inf, ratio))
    ratio = xp.where(no_target & no_prediction, 0.0, alone)
    return xp.sum(mixture_terms(xp.exp(log_targets), xp.exp(log_predictions), ratio, per_row(beta)), axis=-1)


@divergence_loss(
    source="as a loss: Wen et al. 2023, arXiv:2307.15190",
    equals=(Equal("torch", "F.l1_loss(predictions, targets, reduction='none').sum(-1) / 2"),),
    perfect={"predictions": "targets"},
)
def total_variation_distance(
    predictions: Distribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """Total variation distance: the largest difference between the probabilities of one event.

    l = sum_c |predictions[c] - targets[c]| / 2, in [0, 1].

    Shapes: `predictions` and `targets` [*batch classes], rows that sum to 1 (the class axis anywhere: `axis`)
    -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    Where two probabilities are equal their derivatives are 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: Liger `LigerTVDLoss(reduction="none")` summed over classes; half of torch `F.l1_loss` summed over classes.

    >>> import numpy as np
    >>> float(total_variation_distance(np.asarray([[0.5, 0.5, 0.0]]), np.asarray([[0.25, 0.25, 0.5]])))
    0.5
    """
    xp = array_namespace(targets)
    difference = predictions - targets
    return 0.5 * xp.sum(xp.abs(xp.where(difference == 0, 0.0, difference)), axis=-1)


@divergence_loss(
    source="Hellinger 1909, doi:10.1515/crll.1909.136.210",
    perfect={"predictions": "targets"},
)
def squared_hellinger(
    predictions: Distribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """Squared Hellinger distance of two distributions.

    l = sum_c (sqrt(predictions[c]) - sqrt(targets[c]))^2 / 2 = 1 - sum_c sqrt(predictions[c] targets[c]), in [0, 1].

    Shapes: `predictions` and `targets` [*batch classes], rows that sum to 1 (the class axis anywhere: `axis`)
    -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    A small distance keeps its digits. The Hellinger distance is the root of it. Where one probability is 0 its
    derivative is declared 0 (the one-sided limit is -inf); where both are, it is that from above, 1/2.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: half the squared Euclidean distance of the roots. `squared_hellinger` of TensorFlow Probability is the
    function of a density ratio whose mean is twice it.

    >>> import numpy as np
    >>> round(float(squared_hellinger(np.asarray([[0.36, 0.64]]), np.asarray([[0.64, 0.36]]))), 12)
    0.04
    """
    xp = array_namespace(targets)
    predictions, targets = _fixed_where_alone(xp, predictions, targets)
    total = sqrt(predictions) + sqrt(targets)
    terms = ((predictions - targets) / xp.where(total == 0, 1.0, total)) ** 2
    straight = (predictions == 0) | (targets == 0)
    return 0.5 * xp.sum(xp.where(straight, predictions + targets, terms), axis=-1)


@divergence_loss(
    source="Pearson 1900, doi:10.1080/14786440009463897",
    equals=(
        Equal(
            "scipy",
            "stats.chisquare(targets, predictions, axis=-1, sum_check=False).statistic",
            differs={"edges": "0 against 0 is NaN there"},
        ),
    ),
    perfect={"predictions": "targets"},
)
def chi_squared_divergence(
    predictions: Distribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """Pearson's chi-squared divergence: squared differences over the predicted probabilities.

    l = sum_c (targets[c] - predictions[c])^2 / predictions[c], where 0 against 0 contributes 0.

    Shapes: `predictions` and `targets` [*batch classes], rows that sum to 1 (the class axis anywhere: `axis`)
    -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    It is at least exp(KL(targets || predictions)) - 1. A predicted probability of 0 under a positive target is inf,
    without derivatives of its class. At 0 against 0 the derivative in the prediction is 1, that from above, and that in
    the target is declared 0 (it does not exist).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: scipy `stats.chisquare(targets, predictions)`, which is NaN at 0 against 0; times the sample size, the
    statistic of Pearson's test.

    >>> import numpy as np
    >>> float(chi_squared_divergence(np.asarray([[0.5, 0.5]]), np.asarray([[0.75, 0.25]])))
    0.25
    """
    xp = array_namespace(targets)
    impossible = predictions == 0
    prediction = xp.where(impossible, 1.0, predictions)
    terms = squared_difference_over(prediction, xp.where(impossible, 1.0, targets))
    terms = xp.where(impossible, xp.where(targets > 0, inf, predictions), terms)
    return xp.sum(terms, axis=-1)


@divergence_loss(
    source="Renyi 1961, On measures of entropy and information, Proc. 4th Berkeley Symp. 1",
    perfect={"log_predictions": "log_targets"},
)
def renyi_divergence(
    log_predictions: LogDistribution["*batch classes"],
    log_targets: LogDistribution["*batch classes"],
    *,
    order: Positive["#*batch"] = 0.5,
) -> Real["*batch"]:
    """Renyi divergence of the prediction from the target, of any positive order, from logarithms.

    l = log(sum_c t[c]^order q[c]^(1 - order) / sum_c t[c]) / (order - 1), with t = exp(log_targets) and
    q = exp(log_predictions); at order 1 its limit, sum_c t[c] log(t[c] / q[c]) / sum_c t[c].

    Shapes: `log_predictions` and `log_targets` [*batch classes], logarithms in [-inf, 0] of rows that sum to 1 (the
    class axis anywhere: `axis`); `order` > 0 -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    The division by sum_c t[c], which is 1 up to rounding, lets l keep its digits as the order goes to 1. It grows with
    the order. Where the supports are disjoint it is inf, and from order 1 on wherever a prediction of -inf meets
    another target. Where a logarithm is -inf its derivative is 0.
    Errors: `ContractError` for another shape or order <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: at order 1 `kl_divergence_with_log_targets`; at 1/2 it is -2 log(1 - squared_hellinger); at 2 it is
    log(1 + chi_squared_divergence).

    >>> import numpy as np
    >>> fair, certain = np.log(np.asarray([[0.5, 0.5]])), np.asarray([[0.0, -np.inf]])
    >>> round(float(renyi_divergence(fair, certain, order=3.0)), 12)
    0.69314718056
    """
    xp = array_namespace(log_targets)
    no_target, no_prediction = log_targets == -inf, log_predictions == -inf
    present = ~(no_target | no_prediction)
    size = stop_gradient(xp.max(log_targets, axis=-1))
    size = xp.where((size < -50) & (size > -inf), size, 0.0)  # a row far from a sum of 1 is scaled, which l follows
    log_targets = log_targets - size[..., None]
    target = xp.exp(log_targets)
    total = xp.sum(target, axis=-1)
    order = order + xp.zeros_like(total)
    above = order - 1
    divisor = xp.where(above == 0, 1.0, above)
    log_target, log_prediction = xp.where(present, log_targets, 0.0), xp.where(present, log_predictions, 0.0)
    log_ratio = log_target - log_prediction
    power = above[..., None] * log_ratio
    log_terms = xp.where(present, order[..., None] * log_target - above[..., None] * log_prediction, -inf)
    impossible = (above >= 0) & xp.any(no_prediction & ~no_target, axis=-1)
    infinite = impossible | ~xp.any(present, axis=-1)

    # The sum less its value at order 1, over order - 1: right where both go to 0.
    high, low = power > 1, power < -1
    growth = target * xp.where(low, xp.exp(xp.where(low, power, 0.0)) - 1, expm1(xp.where(high | low, 0.0, power)))
    bounded = xp.where(log_terms > 60, 60.0, xp.where(high, log_terms, 0.0))
    growth = xp.where(high, xp.exp(bounded) - target, growth) / divisor[..., None]
    growth = xp.where(power == 0, target * log_ratio * (1 + power / 2), growth)
    lost = xp.where(no_prediction, target, 0.0) / divisor[..., None]
    mean = xp.sum(xp.where(present, growth, -lost), axis=-1) / total
    near = (above * mean > -0.5) & (above * mean < 1) & ~infinite
    mean = xp.where(near, mean, 0.0)
    by_growth = xp.where(above == 0, mean * (1 - above * mean / 2), log1p(above * mean) / divisor)

    top = stop_gradient(xp.max(log_terms, axis=-1))
    top = xp.where(top == -inf, 0.0, top)
    powers = xp.sum(xp.exp(log_terms - top[..., None]), axis=-1)
    by_logarithm = (top + xp.log(xp.where(near | infinite, 1.0, powers)) - xp.log(total)) / divisor
    return xp.where(infinite, inf, size + xp.where(near, by_growth, by_logarithm))
