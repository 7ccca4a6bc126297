"""Contrastive losses whose negatives are given, or stand alone in the denominator."""

from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._similarities import log_sum_exp, relative_groups, shares
from lossspec.numerics import (
    array_namespace,
    gaps_to_largest,
    logsumexp,
    normalize,
    per_row,
    softplus,
    stop_gradient,
    with_value,
)
from lossspec.terms import Array, Embedding, Group, Positive, Real

__all__ = ["decoupled_contrastive", "info_nce_with_negatives"]

_SHORT = {"gradient edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"}


@loss(
    family="contrastive_learning",
    unit="pair",
    source="van den Oord, Li and Vinyals 2018, arXiv:1807.03748; with a queue of negatives: He et al. 2019, "
    "arXiv:1911.05722 (from memory, not read)",
    aliases=("MoCo",),
    equals=(
        Equal(
            "torch",
            "(lambda n: F.cross_entropy(torch.cat([(n(queries) * n(keys)).sum(-1, keepdim=True), "
            "(n(queries)[:, None] * n(negatives)).sum(-1)], 1) / torch.as_tensor(temperature)[..., None], "
            "torch.zeros(len(queries), dtype=torch.long), reduction='none'))"
            "(lambda x: F.normalize(x, dim=-1) if normalized else x)",
            when="queries.ndim == 2",
            differs=_SHORT,
        ),
    ),
    sizes={"negatives": 2, "dim": 2},
)
def info_nce_with_negatives(
    queries: Embedding["*batch dim"],
    keys: Embedding["*batch dim"],
    negatives: Embedding["*batch negatives dim"],
    *,
    temperature: Positive["#*batch"] = 0.1,
    normalized: bool = True,
) -> Real["*batch"]:
    """InfoNCE with given negatives: cross entropy of each query's key against negatives from a queue or of its own.

    l = -log(exp(s / temperature) / (exp(s / temperature) + sum_n exp(s_n / temperature))), with s = cos(queries, keys)
    and s_n = cos(queries, negatives_n), or their inner products with `normalized=False`.

    Shapes: `queries` and `keys` [*batch dim], `negatives` [*batch negatives dim], any vectors; `temperature` > 0
    -> pair [*batch].
    Weights and mean: the common contract. The other pairs of the batch are no negatives, so that it merges. Without a
    negative the loss is 0. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: `info_nce` where the negatives of a query are the keys of all others; MoCo's loss with `temperature=0.07`
    and `broadcast_to(queue, (batch, negatives, dim))`, where the gradient is that of the queries alone: ask for it.

    >>> import numpy as np
    >>> x, others = np.asarray([[2.0, 0.0]]), np.asarray([[0.0, 1.0], [0.0, -3.0]])
    >>> loss = info_nce_with_negatives(x, x, others[None], temperature=1.0)
    >>> round(float(np.expm1(loss)) * np.e, 12)
    2.0
    """
    xp = array_namespace(queries)
    gaps = (_gaps_of_cosines if normalized else _gaps)(xp, queries[..., None, :], keys[..., None, :], negatives)
    if not gaps.shape[-1]:
        return xp.sum(gaps, axis=-1) + 0.0 * xp.sum(queries * keys, axis=-1)
    return softplus(logsumexp(gaps / per_row(temperature)))


def _gaps(xp: Any, query: Array, key: Array, negatives: Array) -> Array:
    """The inner products of a query with its negatives less that with its key."""
    return xp.sum(query * (negatives - key), axis=-1)


def _gaps_of_cosines(xp: Any, query: Array, key: Array, negatives: Array) -> Array:
    """The cosines of a query with its negatives less that with its key.

    With u . v = 1 - |u - v|^2 / 2 it is half the product of the difference and the sum of both distances, so that the
    last digit of a length that should be 1 does not count; where the query points away from both, that of -query has
    the other sign. The derivatives are those of the products.
    """
    (u, u_is_zero), (v, v_is_zero), (w, w_is_zero) = normalize(query), normalize(key), normalize(negatives)
    plain = _gaps(xp, u, v, w)
    u, v, w = (stop_gradient(x) for x in (u, v, w))
    away = xp.sum(u * (v + w), axis=-1, keepdims=True) < 0
    turned = xp.where(away, -u, u)
    twice = xp.sum((w - v) * ((turned - w) + (turned - v)), axis=-1)
    twice = twice + (xp.astype(v_is_zero, twice.dtype) - xp.astype(w_is_zero, twice.dtype))
    gaps = xp.where(u_is_zero, 0.0, xp.where(away[..., 0], -0.5 * twice, 0.5 * twice))
    return with_value(gaps, plain)


@loss(
    family="contrastive_learning",
    unit="example",
    source="Yeh et al. 2021, arXiv:2110.06848 (read in code of others, not in the paper)",
    aliases=("DCL",),
    also={
        "lightly:DCLLoss": "it takes two batches of views, and a logarithm for the negatives of each where the paper "
        "has one for both; decoupled_contrastive takes both as one, with labels",
    },
    equals=(
        Equal(
            "torch",
            "(lambda s, same, own: ((torch.logsumexp(torch.where(same, -torch.inf, s), 1)[:, None] - s) * (same & ~own)"
            ").sum(1) / (same & ~own).sum(1).clamp(min=1))"
            "(F.normalize(embeddings) @ F.normalize(embeddings).T / temperature, labels[:, None] == labels[None], "
            "torch.eye(len(labels), dtype=torch.bool))",
            when="np.unique(labels).size > 1",
            differs=_SHORT,
        ),
    ),
    coupled="the positives and negatives of each example are the rest of the batch, so a shard does not know its own "
    "loss. Gather the embeddings and labels of all shards, then take the loss once.",
    sizes={"batch": 4, "dim": 2},
)
def decoupled_contrastive(
    embeddings: Embedding["batch dim"], labels: Group["batch"], *, temperature: Positive = 0.1, selected: Array = None
) -> Real["batch"]:
    """Decoupled contrastive loss (DCL): NT-Xent whose denominator has the negatives alone.

    l_i = mean over p of -s_ip / temperature + log sum_n exp(s_in / temperature), with s the cosines, p the others of
    the same label as i, and n those of other labels. It may be negative.

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers: two views of one image have the
    same; `temperature` > 0 -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example without a
    positive or without a negative has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean.
    Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for float labels, `MergeError` for
    `partial`.
    Equals: the paper's loss of both views with one label an image. lightly `DCLLoss` takes a logarithm for the
    negatives of each view; the weights of the paper's DCLW are not here.

    >>> import numpy as np
    >>> views = np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    >>> round(float(np.exp(decoupled_contrastive(views, np.asarray([7, 8, 7, 8]), temperature=1.0))) * np.e, 12)
    2.0
    """
    scores, positive, negative = relative_groups(embeddings, labels, selected)
    xp = array_namespace(scores)
    if scores.shape[0] == 0:
        return xp.sum(scores, axis=-1)
    scores = gaps_to_largest(scores / temperature, positive | negative)
    rivals = log_sum_exp(scores, negative)
    none = ~xp.any(negative, axis=-1)
    each = xp.where(positive & ~none[:, None], xp.where(none, 0.0, rivals)[:, None] - scores, 0.0)
    return xp.sum(shares(positive, scores) * each, axis=-1)
