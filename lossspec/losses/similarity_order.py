"""Losses of the similarities of given pairs, by their order in the batch."""

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, carry_nan, logsumexp, normalize, softplus, zero_where
from lossspec.terms import Array, Embedding, Positive, Real

__all__ = ["cosent"]


@loss(
    family="metric_learning",
    unit="pair",
    source="Su 2022, CoSENT, kexue.fm/archives/8847 (read in code of others)",
    aliases=("CoSENT", "CoSENTLoss"),
    equals=(
        Equal(
            "torch",
            "(lambda s: torch.logsumexp(torch.cat([torch.zeros(1, dtype=s.dtype), "
            "(s[:, None] - s[None, :])[labels[:, None] < labels[None, :]]]), 0))"
            "(scale * F.cosine_similarity(first, second))",
            reduction="mean",
            differs={
                "gradient edges": "a vector of length 0 is divided by 1e-8: its gradient is of that size",
                "empty batch": "nothing has the mean 0 there",
            },
        ),
    ),
    coupled="all pairs of the batch are compared with each other, so a shard does not know its own loss. Gather the "
    "embeddings and labels of all shards, then take the loss once.",
    sizes={"batch": 4, "dim": 2},
)
def cosent(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    labels: Real["batch"],
    *,
    scale: Positive = 20.0,
    selected: Array = None,
) -> Real["batch"]:
    """CoSENT: a smooth penalty of pairs whose cosines are in another order than their labels.

    l = log(1 + sum_{i, j: labels_i < labels_j} exp(scale * (s_i - s_j))), the same for all pairs of a batch, with s_i
    the cosine of first_i and second_i.

    Shapes: `first` and `second` [batch dim], any vectors; `labels` real [batch], the wanted similarity, of which only
    the order counts; `scale` > 0, the inverse of a temperature -> pair [batch].
    Weights and mean: every pair has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum" is
    that times the weights. A masked pair is compared with none. Pairs of equal labels are not compared: a batch of them
    has loss 0. Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or scale <= 0, `DTypeError` for integers, `MergeError` for `partial`.
    Equals: by its documentation, Sentence Transformers `CoSENTLoss` of cosines, which was not run.

    >>> import numpy as np
    >>> first, second = np.asarray([[1.0, 0.0], [1.0, 0.0]]), np.asarray([[0.0, 1.0], [0.0, 2.0]])
    >>> round(float(cosent(first, second, np.asarray([0.0, 1.0]))), 12)
    0.69314718056
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    (u, first_is_zero), (v, second_is_zero) = normalize(first), normalize(second)
    below_one = xp.where(first_is_zero | second_is_zero, 1.0, 0.5 * xp.sum((u - v) ** 2, axis=-1))  # 1 - s
    compared = labels[:, None] < labels[None, :]
    if selected is not None:
        compared = compared & selected[:, None] & selected[None, :]
    gaps = xp.where(compared, scale * (below_one[None, :] - below_one[:, None]), float("-inf"))
    value = softplus(logsumexp(xp.reshape(gaps, (-1,))))
    nothing = zero_where(below_one, below_one == below_one) + zero_where(labels, labels == labels)
    return carry_nan(value + xp.zeros_like(below_one) + xp.sum(nothing))  # a NaN spoils pairs that are not compared too
