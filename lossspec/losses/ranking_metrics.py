"""Losses that follow NDCG, the normalised discounted cumulative gain of the order by scores."""

from math import inf, log
from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.losses._lists import listed, pairs
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    expm1,
    per_row,
    positions,
    sigmoid,
    softplus,
    stop_gradient,
    zero_where,
)
from lossspec.terms import Array, Logits, NonNegative, Positive, Real

__all__ = ["approx_ndcg", "lambda_rank"]


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


def _ideal(gains: Array, present: Array) -> Array:
    """The gain of the best order, with an axis for the items; 1 where nothing is relevant."""
    xp = array_namespace(gains)
    total = xp.sum(gains * _discounts(_ranks(gains, present)), axis=-1, keepdims=True)
    return xp.where(total == 0, 1.0, total)


@loss(
    family="ranking",
    unit="list",
    source="Burges, Ragno and Le 2006, LambdaRank, NIPS 19; as losses: Wang et al. 2018, doi:10.1145/3269206.3271784 "
    "(read in the code of rax, not in the papers)",
    aliases=("LambdaRank", "LambdaLoss"),
    also={
        "rax:dcg_lambdaweight": "it is a weight of pairs, times the length of the list; lambda_rank is the loss",
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
