"""Losses of times until an event, of which some are only known by a bound."""

from math import inf, log, pi
from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.losses._special import (
    complementary_log_log,
    log_of_exponential_rise,
    negative_log_normal_between,
    negative_log_normal_tail,
)
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    expm1_minus,
    gaps_to_largest,
    logsumexp,
    negative_log_softmax,
    positions,
    softplus,
    zero_where,
)
from lossspec.terms import Array, Indicator, Label, Logits, LogMean, PositiveAmount, Real, Time, TimeBounds

__all__ = ["cox", "discrete_survival", "log_logistic_aft", "log_normal_aft", "weibull_aft"]


@loss(
    family="survival",
    unit="example",
    source="Cox 1975, doi:10.1093/biomet/62.2.269; ties: Efron 1977, doi:10.1080/01621459.1977.10480613, and Breslow "
    "1974, doi:10.2307/2529620 (read in the code of torchsurv, not in the papers)",
    aliases=("cox_partial_likelihood", "coxph"),
    coupled="the risk set of an event has all units that last as long, so a shard does not know its own loss. "
    "Gather the units of all shards, or of a stratum, then take the loss once.",
    convex_in=("log_hazards",),
    sizes={"batch": 4},
)
def cox(
    log_hazards: Real["batch"],
    times: Time["batch"],
    events: Indicator["batch"],
    *,
    ties: Literal["efron", "breslow"] = "efron",
    selected: Array = None,
) -> Real["batch"]:
    """Negative Cox partial log-likelihood of which unit has its event next, among those still at risk.

    l_i = log sum_{j in R} exp(log_hazards[j]) - log_hazards[i] with ties="breslow", for a unit i with an event and R
    the units with times[j] >= times[i]. With "efron", of d events at the same time, T, the first logarithm is the mean
    over k = 0, ..., d - 1 of log(sum_{j in R} exp(log_hazards[j]) - k / d * sum_{j in T} exp(log_hazards[j])). A
    unit without an event has l_i = 0, and is in the risk sets of the others. Convex in `log_hazards`.

    Shapes: `log_hazards` [batch], any real numbers; `times` [batch] >= 0, of events or of censoring, integers or
    floats, of which only the order counts; `events` [batch], 1 for an event, 0 where censored -> example [batch]. It
    forms all batch * batch pairs. A unit that is censored at the time of an event was at risk.
    Weights and mean: the common contract; "mean" divides by the sum of weights over all units, with and without events:
    for a mean over events pass reduction=Mean(over=sum of events). Weights weigh events, not risk sets. A masked unit
    is in no risk set. Not mergeable.
    Errors: `ContractError` for another shape, `DTypeError` for integer log-hazards, `MergeError` for `partial`.
    Equals: where no events are tied, `listmle` of the units in one list, if none is censored.

    >>> import numpy as np
    >>> scores, times, events = np.zeros(3), np.asarray([1, 1, 2]), np.asarray([1, 1, 0])
    >>> cox.per_example(scores, times, events, ties="breslow").round(6).tolist()  # log 3
    [1.098612, 1.098612, 0.0]
    >>> cox.per_example(scores, times, events).round(6).tolist()  # (log 3 + log 2) / 2
    [0.89588, 0.89588, 0.0]
    """
    xp = array_namespace(log_hazards)
    if log_hazards.shape[0] == 0:
        return log_hazards
    steps = positions(log_hazards)
    own, happens = positions(log_hazards[:, None], -2) == steps[None, :], events == 1
    at_risk = times[None, :] >= times[:, None]
    if selected is not None:
        at_risk = at_risk & selected[None, :]
    rows = log_hazards[None, :]
    if ties == "breslow":
        value = negative_log_softmax(xp.where(at_risk | own, rows, -inf), steps)
    else:
        tied = at_risk & (times[None, :] == times[:, None]) & happens[None, :]
        of_later = logsumexp(xp.where(at_risk & ~tied & ~own, rows, -inf))[:, None]
        of_tied = logsumexp(xp.where(tied & ~own, rows, -inf))[:, None]
        number = xp.sum(xp.astype(tied | own, log_hazards.dtype), axis=-1)[:, None]
        before = positions(log_hazards[:, None] - rows, dtype=log_hazards.dtype)
        counted = before < number
        log_share = xp.log(xp.where(counted, 1 - before / number, 1.0))
        parts = (of_later + xp.zeros_like(log_share), of_tied + log_share, log_hazards[:, None] + log_share)
        terms = negative_log_softmax(xp.stack(parts, axis=-1), xp.zeros_like(before * number, dtype=steps.dtype) + 2)
        value = xp.sum(xp.where(counted, terms + log_share, 0.0), axis=-1) / number[:, 0]
    return carry_nan(xp.where(happens, value, 0.0) + 0.0 * carry_nan(log_hazards), xp.any(times != times))


@loss(
    family="survival",
    unit="example",
    source="Lee et al. 2018, doi:10.1609/aaai.v32i1.11842, its likelihood; Kvamme and Borgan 2021, arXiv:1910.06724 "
    "(read in the code of pycox, not in the papers)",
    aliases=("nll_pmf", "PMF"),
    also={
        "deephit DeepHit": "it adds a loss of the order of pairs, which is not here, to discrete_survival",
    },
    equals=(
        Equal(
            "torch",
            "(lambda lp, e: -torch.where(e, lp.gather(-1, labels[..., None])[..., 0], lp.masked_fill(~e[..., None] & ("
            "torch.arange(lp.shape[-1]) <= labels[..., None]), -float('inf')).logsumexp(-1)))"
            "(torch.log_softmax(logits, -1), events == 1)",
        ),
    ),
    invariant_in=("logits",),
)
def discrete_survival(
    logits: Logits["*batch classes"], labels: Label["*batch"], events: Indicator["*batch"]
) -> Real["*batch"]:
    """Negative log-likelihood of the interval of an event, or of a later one where censored (DeepHit's likelihood).

    l = -log p[labels] where events = 1, else -log sum_{c > labels} p[c], with p = softmax(logits) over the intervals.
    The event of a time that is censored in the interval `labels` can only be in a later one.

    Shapes: `logits` [*batch classes], a class for each interval of time, of which the last one may stand for all that
    is later; `labels` integers [*batch] in [0, classes), the interval of the event or of censoring; `events` [*batch],
    1 for an event, 0 where censored -> example [*batch].
    Weights and mean: the common contract; class weights are those of the intervals. A time that is censored in the last
    interval has no later one: its loss is inf, with gradient 0. Let the last class stand for what is later.
    Errors: `ContractError` for another shape, `DTypeError` for integer logits; a label out of range or an event that is
    neither 0 nor 1 gives NaN, and raises under `checking("values")`.
    Equals: pycox `nll_pmf` for logits to which a last one of 0 is appended, but for the 1e-7 that it adds to p; it is a
    term of the loss of its `DeepHitSingle`.

    >>> import numpy as np
    >>> l = discrete_survival.per_example(np.zeros((2, 4)), np.asarray([1, 1]), np.asarray([1, 0]))
    >>> np.exp(-l).round(12).tolist()
    [0.25, 0.5]
    """
    xp = array_namespace(logits)
    over = positions(logits, dtype=labels.dtype) <= labels[..., None]
    gaps = gaps_to_largest(logits)
    later = logsumexp(xp.where(over, -inf, gaps))
    never = later == -inf
    rows = xp.concat((xp.where(over, gaps, -inf), xp.where(never, 0.0, later)[..., None]), axis=-1)
    of_later = negative_log_softmax(rows, xp.zeros_like(labels) + logits.shape[-1])
    nothing = xp.sum(zero_where(logits, logits == logits), axis=-1)  # beside inf it lets a derivative of NaN through
    of_later = xp.where(never, inf + nothing, of_later)
    return xp.where(events == 1, negative_log_softmax(logits, labels), of_later)


def _places(
    predictions: Array, bounds: Array, scales: Array
) -> tuple[tuple[Array, Array, Array, Array], Array, Array, Array]:
    """Return the masks (lower bound, upper bound, known time, both bounds), the places of the bounds, and their gap.

    A place is that of the logarithm of a time among those of the predicted distribution; 0 and infinity have none.
    """
    xp = array_namespace(predictions)
    lower, upper = bounds[..., 0], bounds[..., 1]
    below, above, known = lower > 0, upper < inf, lower == upper
    both = below & above & ~known
    low = (xp.log(xp.where(below, lower, 1.0)) - predictions) / scales
    high = (xp.log(xp.where(above, upper, 1.0)) - predictions) / scales
    gap = xp.log1p((xp.where(both, upper, 2.0) - xp.where(both, lower, 1.0)) / xp.where(both, lower, 1.0)) / scales
    return (below, above, known, both), low, high, gap


@loss(
    family="survival",
    unit="element",
    source="Bennett 1983, doi:10.2307/2347295 (formula from memory, not read)",
    sizes={"batch": 4},
)
def log_logistic_aft(
    predictions: LogMean["*batch"], bounds: TimeBounds["*batch 2"], scales: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """Log-logistic accelerated failure time: the negative log-likelihood of a time between two bounds.

    l = -log F'(t) for a known time t, else -log(F(upper) - F(lower)), where the logarithm of the time has a logistic
    distribution, F(t) = sigmoid((log t - predictions) / scales).

    Shapes: `predictions` [*batch], any real numbers; `bounds` [*batch 2], rows (lower, upper) with
    0 <= lower <= upper <= inf: equal where the time is known, upper = inf where it is censored on the right, lower = 0
    where on the left; `scales` > 0, of the same shape as `predictions` or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    row (0, inf) says nothing and has the loss 0. Between a known time and a narrow interval the loss jumps, from a
    density to a probability; derivatives in equal bounds are those of the density.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes. A row that is no interval of
    positive times is NaN, and raises under `checking("values")`, as does a scale of 0 or less.
    Equals: `binary_cross_entropy_with_logits` of 1 at (predictions - log lower) / scales where censored on the right.

    >>> import numpy as np
    >>> one, bounds = np.ones(3), np.asarray([[1.0, 1.0], [1.0, np.inf], [1.0, 3.0]])
    >>> log_logistic_aft.per_example(0 * one, bounds, one).round(12).tolist()  # log 4, log 2 and log 4
    [1.38629436112, 0.69314718056, 1.38629436112]
    """
    xp = array_namespace(predictions)
    (below, above, known, both), low, high, gap = _places(predictions, bounds, scales)
    of_known = xp.log(xp.where(known, bounds[..., 0], 1.0)) + xp.log(scales)
    rest = xp.where(known, of_known, xp.where(both, log_of_exponential_rise(gap), 0.0))
    return xp.where(below, softplus(low), 0.0) + xp.where(above, softplus(-high), 0.0) + rest + 0.0 * carry_nan(low)


@loss(
    family="survival",
    unit="element",
    source="Kalbfleisch and Prentice 2002, doi:10.1002/9781118032985, chapter 3 (formula from memory, not read)",
    sizes={"batch": 4},
)
def log_normal_aft(
    predictions: LogMean["*batch"], bounds: TimeBounds["*batch 2"], scales: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """Log-normal accelerated failure time: the negative log-likelihood of a time between two bounds.

    l = -log F'(t) for a known time t, else -log(F(upper) - F(lower)), where the logarithm of the time has a normal
    distribution of mean `predictions` and standard deviation `scales`.

    Shapes: `predictions` [*batch], any real numbers; `bounds` [*batch 2], rows (lower, upper) with
    0 <= lower <= upper <= inf: equal where the time is known, upper = inf where it is censored on the right, lower = 0
    where on the left; `scales` > 0, of the same shape as `predictions` or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    row (0, inf) says nothing and has the loss 0. Between a known time and a narrow interval the loss jumps, from a
    density to a probability; derivatives in equal bounds are those of the density.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes. A row that is no interval of
    positive times is NaN, and raises under `checking("values")`, as does a scale of 0 or less.
    Equals: XGBoost `survival:aft` with `aft_loss_distribution="normal"`, whose scale is one number, but for the 1e-12
    that it raises probabilities to.

    >>> import numpy as np
    >>> one, bounds = np.ones(3), np.asarray([[1.0, 1.0], [1.0, np.inf], [0.0, 1.0]])
    >>> log_normal_aft.per_example(0 * one, bounds, one).round(12).tolist()  # log(2 pi) / 2, log 2 and log 2
    [0.918938533205, 0.69314718056, 0.69314718056]
    """
    xp = array_namespace(predictions)
    (below, above, known, both), low, high, gap = _places(predictions, bounds, scales)
    mirrored = low + high < 0  # a normal number and its negative have one distribution
    near = xp.where(both, xp.where(mirrored, -high, low), 0.0)
    between = negative_log_normal_between(near, xp.where(both, gap, 1.0))
    bound = xp.where(above, -high, low)  # the one that there is
    of_known = xp.where(known, 0.5 * low * low + xp.log(xp.where(known, bounds[..., 0], 1.0)), 0.0)
    of_known = of_known + xp.log(scales) + 0.5 * log(2 * pi)
    some = xp.where(below | above, negative_log_normal_tail(xp.where(below & above, 0.0, bound)), 0.0)
    return xp.where(known, of_known, xp.where(both, between, some)) + 0.0 * carry_nan(low + high)


@loss(
    family="survival",
    unit="element",
    source="Kalbfleisch and Prentice 2002, doi:10.1002/9781118032985, chapter 3 (formula from memory, not read)",
    sizes={"batch": 4},
)
def weibull_aft(
    predictions: LogMean["*batch"], bounds: TimeBounds["*batch 2"], scales: PositiveAmount["#*batch"]
) -> Real["*batch"]:
    """Weibull accelerated failure time: the negative log-likelihood of a time between two bounds.

    l = -log F'(t) for a known time t, else -log(F(upper) - F(lower)), where 1 - F(t) = exp(-exp(z)) with
    z = (log t - predictions) / scales: a Weibull distribution of shape 1 / scales and scale exp(predictions).

    Shapes: `predictions` [*batch], any real numbers; `bounds` [*batch 2], rows (lower, upper) with
    0 <= lower <= upper <= inf: equal where the time is known, upper = inf where it is censored on the right, lower = 0
    where on the left; `scales` > 0, of the same shape as `predictions` or with size 1 on some axes -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights, by their count without weights. The
    row (0, inf) says nothing and has the loss 0. Between a known time and a narrow interval the loss jumps, from a
    density to a probability; derivatives in equal bounds are those of the density.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes. A row that is no interval of
    positive times is NaN, and raises under `checking("values")`, as does a scale of 0 or less.
    Equals: `half_gamma` at scales = 1 where the time is known, an exponential distribution.

    >>> import numpy as np
    >>> one, bounds = np.ones(3), np.asarray([[2.0, 2.0], [2.0, np.inf], [0.0, np.log(2.0)]])
    >>> weibull_aft.per_example(0 * one, bounds, one).round(12).tolist()  # 2, 2 and log 2
    [2.0, 2.0, 0.69314718056]
    """
    xp = array_namespace(predictions)
    (below, above, known, both), low, high, gap = _places(predictions, bounds, scales)
    censored = below & ~known
    hazard = xp.where(censored, xp.exp(xp.where(censored, low, 0.0)), 0.0)
    # exp(z) - z, whose derivative near z = 0 is no difference
    of_known = (
        xp.log(xp.where(known, bounds[..., 0], 1.0)) + xp.log(scales) + (1.0 + expm1_minus(xp.where(known, low, 0.0)))
    )
    width = xp.where(above & ~known, high - xp.where(both, log_of_exponential_rise(gap), 0.0), 0.0)
    rest = xp.where(known, of_known, xp.where(above, complementary_log_log(width), 0.0))
    return hazard + rest + 0.0 * carry_nan(low + high)
