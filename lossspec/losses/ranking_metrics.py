"""Losses that follow NDCG, the normalised discounted cumulative gain of the order by scores."""

from math import inf, log
from typing import Any, Literal

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.losses._lists import COUNTS_ALL, listed, pairs
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    cumulative_sum,
    expm1,
    log_softmax,
    per_row,
    positions,
    repeated,
    sigmoid,
    softmax_mean,
    softplus,
    stop_gradient,
    whole,
    zero_where,
)
from lossspec.terms import Array, Count, Logits, NonNegative, Positive, Real

__all__ = ["approx_ndcg", "lambda_rank", "neural_ndcg"]


def _gains(labels: Array, present: Array) -> Array:
    """(2^label - 1) / 2^top with the greatest label of the list as top, 0 for items that are not in it."""
    xp = array_namespace(labels)
    labels = xp.where(present, stop_gradient(labels), 0.0)
    top = xp.max(labels, axis=-1, keepdims=True)
    return -xp.exp(log(2) * (labels - top)) * expm1(-log(2) * labels)


def _with_nan_of(labels: Array, value: Array, scores: Array, present: Array) -> Array:
    """The value of each list, NaN where a label is NaN, and so are its derivatives in scores and labels there."""
    xp = array_namespace(labels)
    nothing = (zero_where(x, x == x) for x in (xp.where(present, y, 0.0) for y in (scores, labels)))
    return carry_nan(value + sum(xp.sum(x, axis=-1) for x in nothing))


def _ranks(values: Array, present: Array) -> Array:
    """The place of each item by falling values, from 1 on; of equal values the first in the list comes first."""
    xp, steps = array_namespace(values), positions(values)
    mine, theirs = values[..., :, None], values[..., None, :]
    before = (theirs > mine) | ((theirs == mine) & (steps[..., None, :] < steps[..., :, None]))
    return 1 + xp.sum(xp.astype(before & present[..., None, :], values.dtype), axis=-1)


def _discounts(ranks: Array) -> Array:
    return log(2) / array_namespace(ranks).log1p(ranks)


def _ideal(gains: Array, present: Array, cutoff: int | None = None) -> Array:
    """The gain of the best order up to a rank, with an axis for the items; 1 where nothing is relevant."""
    xp = array_namespace(gains)
    ranks = _ranks(gains, present)
    if cutoff is not None:
        gains = xp.where(ranks > cutoff, 0.0, gains)
    total = xp.sum(gains * _discounts(ranks), axis=-1, keepdims=True)
    return xp.where(total == 0, 1.0, total)


@loss(
    family="ranking",
    unit="list",
    source="Burges, Ragno and Le 2006, LambdaRank, NIPS 19; as losses: Wang et al. 2018, doi:10.1145/3269206.3271784 "
    "(read in the code of rax, not in the papers)",
    aliases=("LambdaRank", "LambdaLoss"),
    also={
        "rax:dcg_lambdaweight": "it is a weight of pairs, times the length of the list; lambda_rank is the loss",
        "NDCGLoss2++ ndcgLoss2PP": "it is a sum of two. Fix: lambda_rank + 10 * "
        'lambda_rank.configured(weighting="ndcg_loss2")',
        "rax:dcg2_lambdaweight": "it is a weight of pairs, times the length of the list; "
        'lambda_rank(weighting="ndcg_loss2") is the loss',
    },
    equals=(
        Equal(
            "rax",
            "rax.pairwise_logistic_loss(scores, jax.lax.stop_gradient(labels), lambdaweight_fn=lambda *a, **k: "
            "(rax.dcg_lambdaweight if weighting == 'lambdarank' else rax.dcg2_lambdaweight)(*a, normalize=True, **k), "
            "reduce_fn=None).sum(-1) / scores.shape[-1]",
            when="scores.ndim == 2 and scores.shape[1] > 0",
            differs={"items out": COUNTS_ALL},
        ),
    ),
    invariant_in=("scores",),
    sizes={"items": 3},
    entries="*batch items",
)
def lambda_rank(
    scores: Logits["*batch items"],
    labels: NonNegative["*batch items"],
    *,
    weighting: Literal["lambdarank", "ndcg_loss2"] = "lambdarank",
    entries: Array = None,
) -> Real["*batch"]:
    """LambdaRank: the logistic loss of every pair of unequal relevance, by how much NDCG changes where the two swap.

    l = sum_{i, j: labels[i] > labels[j]} w[i, j] log(1 + exp(-(scores[i] - scores[j]))), with w[i, j] =
    |G[i] - G[j]| |D(r[i]) - D(r[j])|, G = (2^labels - 1) / ideal, D(r) = 1 / log2(1 + r), r the ranks by falling
    scores, and ideal the greatest sum of (2^labels - 1) D(r) over the orders of the list. With "ndcg_loss2" the second
    factor is D(d) - D(d + 1) with d = |r[i] - r[j]|. Labels and ranks are constants for the
    gradient.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items] >= 0, grades of relevance as floats
    -> list [*batch]. It forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    without a pair has the loss 0.
    Weights and mean: as `pairwise_logistic`. With constant weights the gradient is that of LambdaRank. As a
    function of the scores the loss jumps where two of them change places; between such points it is smooth, and its
    gradient is the declared one. Of equal scores the first in the list comes first.
    Errors: `ContractError` for another shape or weighting, `DTypeError` for integers.
    Equals: rax `pairwise_logistic_loss` with `dcg_lambdaweight` or `dcg2_lambdaweight`, both `normalize=True`, summed
    over pairs and divided by the length of the list.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]])
    >>> round(float(lambda_rank(scores, labels)), 12)  # (1 - 1 / log2(3)) log(2)
    0.255820000741
    """
    xp = array_namespace(scores)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    present = listed(scores, entries)[1]
    scores, above, gap = pairs(scores, labels, entries)
    gains = _gains(labels, present)
    gains = gains / _ideal(gains, present)
    ranks = _ranks(xp.where(present, stop_gradient(scores), -inf), present)
    apart = xp.abs(ranks[..., :, None] - ranks[..., None, :])
    if weighting == "lambdarank":
        discounts = _discounts(ranks)
        swapped = xp.abs(discounts[..., :, None] - discounts[..., None, :])
    else:
        apart = xp.where(apart == 0, 1.0, apart)
        swapped = _discounts(apart) - _discounts(apart + 1)
    weights = xp.where(above, (gains[..., :, None] - gains[..., None, :]) * swapped, 0.0)
    return _with_nan_of(labels, xp.sum(weights * softplus(-gap), axis=(-2, -1)), scores, present)


@loss(
    family="ranking",
    unit="list",
    source="Qin, Liu and Li 2010, doi:10.1007/s10791-009-9124-x (read in code of allRank and rax, not in the paper)",
    aliases=("ApproxNDCG",),
    also={
        "rax:approx_t12n": "it is a function of metrics; approx_ndcg is that of rax.ndcg_metric",
        "allrank:approxNDCGLoss": "its alpha is 1 / temperature, and it takes labels of -1 for padding: pass "
        "`where_entries=labels != -1`",
        "tfr:ApproxNDCGLoss": {"temperature": 0.1},
    },
    equals=(
        Equal(
            "rax",
            "-rax.ndcg_metric(scores, jax.lax.stop_gradient(labels), rank_fn=lambda s, **_: 0.5 + jax.nn.sigmoid("
            "(s[..., None, :] - s[..., :, None]) / temperature).sum(-1), reduce_fn=None)",
            when="np.ndim(temperature) == 0 and scores.shape[-1] > 0",
            differs={"items out": COUNTS_ALL},
        ),
    ),
    invariant_in=("scores",),
    sizes={"items": 3},
    entries="*batch items",
)
def approx_ndcg(
    scores: Logits["*batch items"],
    labels: NonNegative["*batch items"],
    *,
    temperature: Positive["#*batch"] = 1.0,
    entries: Array = None,
) -> Real["*batch"]:
    """ApproxNDCG: minus the NDCG of ranks that are smooth in the scores.

    l = -sum_i g[i] D(r[i]) / n, with the gains g[i] = 2^labels[i] - 1, the discount D(r) = 1 / log2(1 + r), the smooth
    ranks r[i] = 1 + sum_{j != i} sigmoid((scores[j] - scores[i]) / temperature), and n the greatest sum of g D(rank)
    over the orders of the list. Labels are constants for the gradient.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items] >= 0, grades of relevance as floats;
    `temperature` > 0, a number or an array with size 1 where it does not vary -> list [*batch]. It forms all items *
    items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    without a relevant item has the loss 0.
    Weights and mean: as `pairwise_logistic`. The loss lies in [-1, 0]; as the temperature goes to 0 it goes to minus
    NDCG where no scores are equal.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for integers.
    Equals: rax `approx_t12n(ndcg_metric)` and, with alpha = 1 / temperature, allRank `approxNDCGLoss` but for its
    1e-10; TF-Ranking `ApproxNDCGLoss` has the temperature 0.1.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]])
    >>> round(float(approx_ndcg(scores, labels)), 12)  # -1 / log2(2.5)
    -0.756470797366
    """
    xp = array_namespace(scores)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    scores, present = listed(scores, entries)
    scores = xp.where(present, scores, 0.0)
    steps = positions(scores)
    rivals = present[..., None, :] & (steps[..., None, :] != steps[..., :, None])
    behind = (scores[..., None, :] - scores[..., :, None]) / per_row(temperature, 2)
    ranks = 1 + xp.sum(xp.where(rivals, sigmoid(behind), 0.0), axis=-1)
    gains = _gains(labels, present)
    value = -xp.sum(gains / _ideal(gains, present) * _discounts(ranks), axis=-1)
    return _with_nan_of(labels, value, scores, present)


def _nearness(scores: Array, present: Array) -> Array:
    """The logits of items [... items places] for each place of a list by falling scores, 0 for the item that has it.

    That of NeuralSort, (n + 1 - 2 k) s[j] - sum_m |s[j] - s[m]|, is but for a constant of each place k minus the sum
    of all distances from s[j] to the scores up to that place, those between counted twice. So it is made of distances
    of one sign, and no item depends on those that lie farther out.
    """
    xp = array_namespace(scores)
    order = xp.argsort(xp.where(present, stop_gradient(scores), -inf), axis=-1, descending=True, stable=True)
    steps = positions(scores, dtype=order.dtype)
    there = steps < xp.sum(xp.astype(present, order.dtype), axis=-1, keepdims=True)
    falling = xp.take_along_axis(xp.where(present, scores, 0.0), order, axis=-1)
    away = (order[..., None, :] != steps[..., :, None]) & present[..., :, None] & there[..., None, :]
    gap = xp.where(away, falling[..., None, :] - scores[..., :, None], 0.0)
    at_once = 0.5 * gap  # where two are equal, half the derivative of either side: |x| has 0 at 0
    above = xp.where(gap > 0, gap, xp.where(gap < 0, 0.0, at_once))
    below = xp.where(gap < 0, -gap, xp.where(gap > 0, 0.0, -at_once))
    total = _sums_before(below) + cumulative_sum(below)
    above = xp.flip(above, axis=-1)
    total = total + xp.flip(_sums_before(above) + cumulative_sum(above), axis=-1)
    together = present[..., :, None] == there[..., None, :]  # those that are left out have places of their own
    return xp.where(together, -total, -inf)


def _sums_before(x: Array) -> Array:
    """The sums of the entries before each one of the last axis."""
    xp = array_namespace(x)
    return cumulative_sum(xp.concat((xp.zeros_like(x[..., :1]), x[..., :-1]), axis=-1))


def _neural_ndcg(
    scores: Array, gains: Array, present: Array, temperature: Any, *, cutoff: int | None, iterations: int
) -> Array:
    """Minus the sum of discounted gains of an order that is smooth in the scores."""
    xp = array_namespace(scores)
    logits = _nearness(scores, present) / per_row(temperature, 2)

    def step(logits: Array) -> Array:
        by_place = log_softmax(xp.matrix_transpose(logits))
        return log_softmax(xp.matrix_transpose(by_place))

    logits = repeated(step, logits, iterations) if iterations else logits
    logits = xp.matrix_transpose(logits)
    sorted_gains = softmax_mean(logits, xp.broadcast_to(gains[..., None, :], logits.shape))
    ranks = 1 + positions(sorted_gains, dtype=sorted_gains.dtype)
    within = xp.where(ranks > (gains.shape[-1] if cutoff is None else cutoff), 0.0, _discounts(ranks))
    return -xp.sum(sorted_gains * within, axis=-1)


@loss(
    family="ranking",
    unit="list",
    source="Pobrotyn and Bialobrzeski 2021, arXiv:2102.07831 (read in the code of allRank, not in the paper), with the "
    "sorting of Grover et al. 2019, arXiv:1903.08850",
    aliases=("NeuralNDCG",),
    also={
        "allrank:neuralNDCG": "it ends the iterations of a batch where all sums are within 1e-6 of 1, and takes labels "
        "of -1 for padding: pass `where_entries=labels != -1`, and `where` for the lists with a relevant item",
        "allrank:neuralNDCG_transposed": "its sum is that of neural_ndcg in another order",
    },
    accuracy=Accuracy(
        gradient=1024.0,
        reason="of places that are nearly sure an item takes a share of one and gives as much of another; what an "
        "iteration leaves of the difference may be a small part of either",
    ),
    invariant_in=("scores",),
    sizes={"batch": 2, "items": 3, "iterations": 2},
    entries="*batch items",
)
def neural_ndcg(
    scores: Logits["*batch items"],
    labels: NonNegative["*batch items"],
    *,
    temperature: Positive["#*batch"] = 1.0,
    iterations: int = 50,
    cutoff: Count | None = None,
    gain: Literal["exponential", "linear"] = "exponential",
    entries: Array = None,
) -> Real["*batch"]:
    """NeuralNDCG: minus the NDCG of an order that is smooth in the scores, by a matrix of shares and no ranks.

    l = -sum_{k <= cutoff} D(k) s[k] / n, with the sorted gains s[k] = sum_j P[k, j] g[j], the gains g = 2^labels - 1,
    or labels for gain="linear", the discount D(k) = 1 / log2(1 + k), and n the greatest sum of g D(rank) up to the
    cutoff over the orders of the list. P[k, j] is the share of item j at place k: the softmax over j of
    ((items + 1 - 2 k) scores[j] - sum_i |scores[j] - scores[i]|) / temperature (NeuralSort), after so many iterations
    of Sinkhorn, each of which divides P by its sums over k and then by its sums over j. Labels are constants for the
    gradient.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items] >= 0, grades of relevance as floats;
    `temperature` > 0, a number or an array with size 1 where it does not vary; `iterations` >= 0, a number that is
    always run to its end, with 0 for NeuralSort alone; `cutoff` >= 1, or None for the whole list -> list [*batch]. It
    forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    without a relevant item has the loss 0.
    Weights and mean: as `pairwise_logistic`; allRank leaves lists without a relevant item out of its mean, as `where`
    over lists does. As the temperature goes to 0 the loss goes to minus NDCG where no scores are equal. It has a kink
    where two scores are equal; the derivative there is declared that of both being 0 apart.
    Errors: `ContractError` for another shape or a parameter out of its domain, `DTypeError` for integers.
    Equals: allRank `neuralNDCG`, which ends the iterations where all sums of the batch are within 1e-6 of 1, after 50
    at most, floors these sums at 1e-10 and adds 1e-10 to ideal. Its `neuralNDCG_transposed` is the same sum in another
    order.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]])
    >>> round(float(neural_ndcg(scores, labels)), 12)  # -(1 + 1 / log2(3)) / 2
    -0.815464876786
    """
    xp = array_namespace(scores)
    require(iterations >= 0, "neural_ndcg: `iterations` is {}. Fix: pass a number >= 0.", iterations)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    scores, present = listed(scores, entries)
    scores = xp.where(present, scores, 0.0)
    gains = _gains(labels, present) if gain == "exponential" else xp.where(present, stop_gradient(labels), 0.0)
    gains = gains / _ideal(gains, present, cutoff)
    value = whole(_neural_ndcg, scores, gains, present, temperature, cutoff=cutoff, iterations=iterations)
    return _with_nan_of(labels, value, scores, present)
