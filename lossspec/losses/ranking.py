"""Losses of the order in which scores put the items of a list."""

from math import inf, log

from lossspec.declaration import Equal, loss
from lossspec.losses._lists import COUNTS_ALL, listed, pairs
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    expm1,
    negative_log_softmax,
    positions,
    relu,
    softplus,
    with_value,
)
from lossspec.terms import Array, Logits, NonNegative, Real, Relevance

__all__ = [
    "bpr",
    "listmle",
    "listwise_softmax",
    "pairwise_hinge",
    "pairwise_logistic",
    "pairwise_mse",
    "unique_softmax",
]


@loss(
    family="ranking",
    unit="list",
    source="Burges et al. 2005, doi:10.1145/1102351.1102363",
    aliases=("ranknet", "RankNet"),
    also={
        "rax:pairwise_logistic_loss": (
            "its mean is over pairs; that of pairwise_logistic is over lists. Fix: reduction=Mean(over=the number of "
            "pairs)"
        ),
    },
    equals=(
        Equal(
            "rax",
            "rax.pairwise_logistic_loss(scores, labels, reduce_fn=None).sum(-1)",
            when="scores.ndim == 2",
            differs={"items out": COUNTS_ALL},
        ),
    ),
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def pairwise_logistic(
    scores: Logits["*batch items"], labels: Relevance["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """Pairwise logistic loss (RankNet): the logistic loss of every pair of a list in which one item is more relevant.

    l = sum_{i, j: labels[i] > labels[j]} log(1 + exp(-(scores[i] - scores[j]))). It is convex in the scores.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items], grades of relevance >= 0, integers or
    floats, of which only the order counts -> list [*batch]. It forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    without a pair has the loss 0.
    Weights and mean: the common contract, one weight a list; "mean" divides by the sum of weights over lists, so that
    long lists weigh more. For a mean over pairs pass `Mean(over=number of pairs)`.
    Errors: `ContractError` for another shape, `DTypeError` for integer scores.
    Equals: the sum over pairs of rax `pairwise_logistic_loss`, which is a mean over all pairs of the batch unless told.
    Tied pairs are left out, as in the libraries of ranking; the paper of RankNet gives them the target 1/2.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0, 0.0]]), np.asarray([[2, 0, 0]])
    >>> round(float(pairwise_logistic(scores, labels)), 12)
    1.38629436112
    """
    xp = array_namespace(scores)
    scores, above, gap = pairs(scores, labels, entries)
    # softplus(-gap) = rest(gap) - slope * gap with a constant slope of 0, 1/2 or 1. In derivatives the slopes of all
    # pairs add up exactly, where 1 - exp(-30) of one pair and -1 of the next would cancel. The value is made of gaps:
    # a constant added to all scores leaves no rounding in it.
    near = xp.abs(gap) < 1
    rest = xp.where(
        near,
        log(2) + xp.log1p(2 * xp.sinh(xp.where(near, gap, 0.0) / 4) ** 2),
        xp.log1p(xp.exp(xp.where(gap > 0, -gap, gap))),
    )
    slope = xp.where(above, xp.where(near, 0.5, xp.astype(gap < 0, gap.dtype)), 0.0)
    total = xp.sum(slope, axis=-2) - xp.sum(slope, axis=-1)
    linear = with_value(-xp.sum(slope * gap, axis=(-2, -1)), xp.sum(total * scores, axis=-1))
    return xp.sum(xp.where(above, rest, 0.0), axis=(-2, -1)) + linear


@loss(
    family="ranking",
    unit="list",
    source="Joachims 2002, doi:10.1145/775047.775067",
    also={
        "rax:pairwise_hinge_loss": (
            "its mean is over pairs; that of pairwise_hinge is over lists. Fix: reduction=Mean(over=the number of "
            "pairs)"
        ),
    },
    equals=(
        Equal(
            "rax",
            "rax.pairwise_hinge_loss(scores, labels, reduce_fn=None).sum(-1)",
            when="scores.ndim == 2",
            differs={"items out": COUNTS_ALL},
        ),
    ),
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def pairwise_hinge(
    scores: Logits["*batch items"], labels: Relevance["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """Pairwise hinge loss of every pair of a list in which one item is more relevant.

    l = sum_{i, j: labels[i] > labels[j]} max(0, 1 - (scores[i] - scores[j])). It is convex in the scores.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items], grades of relevance >= 0, integers or
    floats, of which only the order counts -> list [*batch]. It forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    without a pair has the loss 0.
    Weights and mean: as `pairwise_logistic`. The derivative at a kink is declared 0.
    Errors: `ContractError` for another shape, `DTypeError` for integer scores.
    Equals: the sum over pairs of rax `pairwise_hinge_loss`, which is a mean over all pairs of the batch unless told.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.5, 0.0, 3.0]]), np.asarray([[2, 1, 0]])
    >>> float(pairwise_hinge(scores, labels))
    8.0
    """
    xp = array_namespace(scores)
    _, above, gap = pairs(scores, labels, entries)
    return xp.sum(xp.where(above, relu(1 - gap), 0.0), axis=(-2, -1))


@loss(
    family="ranking",
    unit="list",
    source="Cao et al. 2007, doi:10.1145/1273496.1273513, with the labels as they are",
    aliases=("optax:ranking_softmax_loss", "rax:softmax_loss"),
    also={
        "ListNet": "its targets are the softmax of the relevance. Fix: listwise_softmax(scores, softmax(relevance))",
    },
    equals=(
        Equal(
            "optax",
            "optax.losses.ranking_softmax_loss(scores, labels, reduce_fn=None)",
            differs={"items out": COUNTS_ALL},
        ),
        Equal("rax", "rax.softmax_loss(scores, labels, reduce_fn=None)", differs={"items out": COUNTS_ALL}),
    ),
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def listwise_softmax(
    scores: Logits["*batch items"], labels: NonNegative["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """Softmax ranking loss: the cross entropy between relevance and the softmax of the scores of a list.

    l = -sum_i labels[i] log p[i], with p = softmax(scores) over the list. It is convex in the scores. ListNet's top-one
    loss is that of labels = softmax(relevance).

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items] >= 0, which need not sum to 1
    -> list [*batch].
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. An empty
    list has the loss 0.
    Weights and mean: the common contract, one weight a list; "mean" divides by the sum of weights over lists, those
    without a relevant item included.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: optax `ranking_softmax_loss` and rax `softmax_loss`; with `where` they leave lists without any item out of
    their mean, as our `where` over lists does.

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0, -np.inf]]), np.asarray([[3.0, 0.0, 5.0]])
    >>> round(float(listwise_softmax(scores, labels)), 12)
    2.07944154168
    """
    xp = array_namespace(scores)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    scores, present = listed(scores, entries)
    scores = xp.where(xp.any(present, axis=-1, keepdims=True), scores, 0.0)
    return expected_negative_log_softmax(scores, xp.where(present, labels, 0.0))


@loss(
    family="ranking",
    unit="list",
    source="Xia et al. 2008, doi:10.1145/1390156.1390306",
    aliases=("ListMLE", "rax:listmle_loss"),
    equals=(
        Equal(
            "rax",
            "rax.listmle_loss(scores, labels, reduce_fn=None)",
            differs={
                "gradient": "wrong: of equal scores; for scores (0, 0) it is -0.375 and 0.375 instead of halves",
                "items out": COUNTS_ALL,
            },
        ),
    ),
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def listmle(
    scores: Logits["*batch items"], labels: Relevance["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """ListMLE: the negative log-likelihood of the order by relevance under the Plackett-Luce model.

    l = sum_k (log sum_{m >= k} exp(s[m]) - s[k]), with s the scores in the order of falling labels; of equal labels the
    first in the list comes first. It is convex in the scores.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items], grades of relevance >= 0, integers or
    floats, of which only the order counts -> list [*batch]. It forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    of at most one item has the loss 0.
    Weights and mean: the common contract, one weight a list; "mean" divides by the sum of weights over lists, so that
    long lists weigh more. Ties make the loss depend on the order of the list: shuffle the items, or their labels.
    Errors: `ContractError` for another shape, `DTypeError` for integer scores.
    Equals: rax `listmle_loss` without a key, which breaks ties of labels the same way (its gradient is wrong where
    scores are equal).

    >>> import numpy as np
    >>> scores, labels = np.asarray([[0.0, 0.0, 0.0]]), np.asarray([[0, 2, 1]])
    >>> round(float(listmle(scores, labels)), 12)
    1.791759469228
    """
    xp = array_namespace(scores)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    scores, present = listed(scores, entries)
    steps = positions(scores)
    mine, theirs = labels[..., :, None], labels[..., None, :]
    follows = (theirs < mine) | ((theirs == mine) & (steps[..., None, :] >= steps[..., :, None]))
    rivals = xp.where(follows, scores[..., None, :], -inf)
    rivals = xp.where(present[..., :, None], rivals, 0.0)
    each = negative_log_softmax(rivals, xp.broadcast_to(steps, scores.shape))
    return xp.sum(xp.where(present, each, 0.0), axis=-1)


@loss(
    family="ranking",
    unit="list",
    source="Zhu and Klabjan 2020, doi:10.1145/3336191.3371763",
    aliases=("rax:unique_softmax_loss",),
    equals=(
        Equal("rax", "rax.unique_softmax_loss(scores, labels, reduce_fn=None)", differs={"items out": COUNTS_ALL}),
    ),
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def unique_softmax(
    scores: Logits["*batch items"], labels: NonNegative["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """Unique softmax loss: every item competes with those that are less relevant, alone.

    l = -sum_i (2^labels[i] - 1) * log(exp(s[i]) / (exp(s[i]) + sum_{j: labels[j] < labels[i]} exp(s[j]))), with s the
    scores. It is convex in the scores.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items] >= 0, grades of relevance as floats
    -> list [*batch]. It forms all items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. An empty
    list has the loss 0.
    Weights and mean: as `listmle`.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: rax `unique_softmax_loss` with its gain.

    >>> import numpy as np
    >>> scores, labels = np.zeros((1, 3)), np.asarray([[2.0, 1.0, 0.0]])
    >>> round(float(np.exp(unique_softmax(scores, labels))), 12)  # 3^3 * 2
    54.0
    """
    xp = array_namespace(scores)
    if not scores.shape[-1]:
        return xp.sum(scores, axis=-1)
    scores, present = listed(scores, entries)
    labels = xp.where(present, labels, 0.0)
    steps = positions(scores)
    below = (labels[..., None, :] < labels[..., :, None]) & present[..., None, :]
    rivals = below | (steps[..., None, :] == steps[..., :, None])
    kept = xp.where(present[..., :, None], xp.where(rivals, scores[..., None, :], -inf), 0.0)
    each = negative_log_softmax(kept, xp.broadcast_to(steps, scores.shape))
    # An item without a rival has the loss 0, however large its gain; beyond a gain of 2^64 the 1 is nothing, and the
    # root of it is a number where it is none.
    counts = present & (xp.any(below, axis=-1) | (labels != labels))
    labels = xp.where(counts, labels, 0.0)
    far = labels > 64
    root = xp.exp(0.5 * log(2) * xp.where(far, labels, 0.0))
    gains = xp.where(far, (each * root) * root, expm1(log(2) * xp.where(far, 0.0, labels)) * each)
    return xp.sum(xp.where(counts, gains, 0.0), axis=-1)


@loss(
    family="ranking",
    unit="list",
    source="rax 0.4, `pairwise_mse_loss`, which names no paper",
    also={
        "rax:pairwise_mse_loss": (
            "its mean is over pairs; that of pairwise_mse is over lists. Fix: reduction=Mean(over=the number of pairs)"
        ),
    },
    equals=(
        Equal(
            "rax",
            "rax.pairwise_mse_loss(scores, labels, reduce_fn=None).sum(-1)",
            when="scores.ndim == 2",
            differs={"items out": COUNTS_ALL},
        ),
    ),
    perfect={"scores": "labels"},
    invariant_in=("scores",),
    sizes={"items": 4},
    entries="*batch items",
)
def pairwise_mse(
    scores: Logits["*batch items"], labels: Real["*batch items"], *, entries: Array = None
) -> Real["*batch"]:
    """Pairwise squared error: squared differences between the gaps of scores and the gaps of labels.

    l = sum_{i, j} ((scores[i] - scores[j]) - (labels[i] - labels[j]))^2, every pair in both orders. It is convex in the
    scores.

    Shapes: `scores` [*batch items], any real numbers; `labels` [*batch items], floats -> list [*batch]. It forms all
    items * items pairs.
    Padding: a score of -inf takes an item out of its list, whatever its label, and so does `where_entries`. A list
    of at most one item has the loss 0.
    Weights and mean: as `pairwise_logistic`.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: the sum over pairs of rax `pairwise_mse_loss`, which is a mean over all pairs of the batch unless told.

    >>> import numpy as np
    >>> float(pairwise_mse(np.asarray([[3.0, 0.0]]), np.asarray([[1.0, 0.0]])))
    8.0
    """
    xp = array_namespace(scores)
    scores, present = listed(scores, entries)
    scores, labels = xp.where(present, scores, 0.0), xp.where(present, labels, 0.0)
    gaps = (scores[..., :, None] - scores[..., None, :]) - (labels[..., :, None] - labels[..., None, :])
    return xp.sum(xp.where(present[..., :, None] & present[..., None, :], gaps, 0.0) ** 2, axis=(-2, -1))


@loss(
    family="ranking",
    unit="pair",
    source="Rendle et al. 2009, arXiv:1205.2618",
    aliases=("BPR", "bayesian_personalized_ranking"),
    equals=(Equal("torch", "-F.logsigmoid(positive_scores - negative_scores)"),),
)
def bpr(positive_scores: Logits["*batch"], negative_scores: Logits["*batch"]) -> Real["*batch"]:
    """BPR (Bayesian personalized ranking): the logistic loss of a chosen item's score minus one not chosen.

    l = -log sigmoid(positive_scores - negative_scores). It is convex in the scores.

    Shapes: `positive_scores` and `negative_scores` [*batch] finite; entry i of one belongs to entry i of the other
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs. The paper's penalty on
    parameters is a loss of its own: add `elastic_net`.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `-F.logsigmoid` of the difference.

    >>> import numpy as np
    >>> round(float(bpr(np.asarray([1.5]), np.asarray([1.5]))), 12)
    0.69314718056
    """
    return softplus(negative_scores - positive_scores)
