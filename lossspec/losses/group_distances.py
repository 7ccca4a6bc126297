"""Losses of the distances between the embeddings of a batch that labels sort into groups, and of given pairs."""

from functools import partial
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._distances import all_distances, further, furthest
from lossspec.losses._similarities import log_sum_exp, shares, sides
from lossspec.numerics import array_namespace, norm, relu, stop_gradient
from lossspec.terms import Array, Embedding, Group, NonNegative, Positive, Real, Sign

__all__ = ["lifted_structure", "margin_based", "semi_hard_triplet"]

Rows: Any = Embedding["batch dim"]
Groups: Any = Group["batch"]

group_loss = partial(
    loss,
    family="metric_learning",
    unit="example",
    coupled="the positives and negatives of each example are the rest of the batch, so a shard does not know its own "
    "loss. Gather the embeddings and labels of all shards, then take the loss once.",
    sizes={"batch": 4, "dim": 2},
)

_PLAIN = "(lambda d: pml.%s(margin, distance=d)(embeddings, labels))(distances.LpDistance(normalize_embeddings=False))"
_EVEN = (
    "labels.size > 0 and (lambda counts: counts.size > 1 and counts.min() > 1 and counts.max() == counts.min())"
    "(np.unique(labels, return_counts=True)[1])"
)


@loss(
    family="metric_learning",
    unit="pair",
    source="Wu, Manmatha, Smola and Krahenbuhl 2017, arXiv:1706.07567 (read in code of others, not in the paper)",
    also={
        "pml:MarginLoss": "it finds the pairs by labels and divides by the number of losses above 0; margin_based "
        "takes the pairs",
    },
    equals=(
        Equal(
            "torch",
            "F.relu(margin + labels * (F.pairwise_distance(first, second, eps=0.0) - boundary))",
            when="first.ndim == 2",
        ),
    ),
)
def margin_based(
    first: Embedding["*batch dim"],
    second: Embedding["*batch dim"],
    labels: Sign["*batch"],
    *,
    margin: NonNegative["#*batch"] = 0.2,
    boundary: Positive["#*batch"] = 1.2,
) -> Real["*batch"]:
    """Margin based loss: similar pairs are nearer than a boundary by a margin, dissimilar ones further.

    l = max(0, margin + labels (|first - second| - boundary)).

    Shapes: `first` and `second` [*batch dim], any vectors; `labels` [*batch], 1 for similar and -1 for dissimilar
    pairs, integers or floats; `margin` >= 0 and `boundary` > 0, numbers or arrays with size 1 where they do not vary
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs, also those of loss 0, which
    the paper leaves out. The boundary may be learned, and be one for each class: pass that of each pair. The paper
    draws its negatives evenly over distances, which is mining and no part of the loss. The derivative of a distance at
    0 is declared 0, that of max(0, .) at 0 too.
    Errors: `ContractError` for another shape, margin < 0 or boundary <= 0, `DTypeError` for integers or mixed dtypes;
    a label other than 1 and -1 gives NaN, and raises under `checking("values")`.
    Equals: pytorch-metric-learning `MarginLoss` takes each triplet for two such pairs.

    >>> import numpy as np
    >>> pairs = np.asarray([[0.0, 0.0], [0.0, 0.0]]), np.asarray([[3.0, 4.0], [0.0, 0.5]])
    >>> margin_based.per_example(*pairs, np.asarray([1, -1]), boundary=1.0, margin=0.25).tolist()
    [4.25, 0.75]
    """
    beyond = norm(first - second) - boundary
    return relu(margin + array_namespace(first).where(labels > 0, beyond, -beyond))


@group_loss(
    source="Oh Song, Xiang, Jegelka and Savarese 2016, arXiv:1511.06452; generalized: Hermans, Beyer and Leibe 2017, "
    "arXiv:1703.07737 (read in code of others, not in the papers)",
    aliases=("LiftedStructure",),
    also={
        "pml:LiftedStructureLoss": "its mean is over pairs. Fix: give each example the weight of its number of "
        "positives",
        "pml:GeneralizedLiftedStructureLoss": "it takes a sum over nothing for 1; "
        "lifted_structure(generalized=True) is 0 for an example without a positive or a negative",
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            _PLAIN % "LiftedStructureLoss",
            reduction="mean",
            when=f"not generalized and {_EVEN}",
        ),
        Equal(
            "pytorch-metric-learning",
            _PLAIN % "GeneralizedLiftedStructureLoss",
            reduction="mean",
            when=f"generalized and {_EVEN}",
        ),
    ),
)
def lifted_structure(
    embeddings: Rows, labels: Groups, *, margin: NonNegative = 1.0, generalized: bool = False, selected: Array = None
) -> Real["batch"]:
    """Lifted structure loss: the distance of each positive pair against all negatives of both of its members.

    l_i = mean over p of max(0, d_ip + log(sum_n exp(margin - d_in) + sum_n exp(margin - d_pn)))^2 / 2, with d the
    distances, p the others of the same label as i, and n those of other labels; with `generalized`
    l_i = max(0, log sum_p exp(d_ip) + log sum_n exp(margin - d_in)).

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers; `margin` >= 0 -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example without a
    positive or without a negative has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean.
    Not mergeable. The derivative of a distance at 0 is declared 0, that of max(0, .) at 0 too.
    Errors: `ContractError` for another shape or margin < 0, `DTypeError` for float labels, `MergeError` for `partial`.
    Equals: pytorch-metric-learning `LiftedStructureLoss` for groups of one size and, with `generalized`,
    `GeneralizedLiftedStructureLoss`, both with `LpDistance(normalize_embeddings=False)`. The paper's mean is over
    pairs: for groups of several sizes, give each example the weight of its number of positives.

    >>> import numpy as np
    >>> x = np.asarray([[0.0], [1.0], [3.0]])
    >>> lifted_structure.per_example(x, np.asarray([5, 6, 5]), margin=0.0, generalized=True).tolist()
    [2.0, 0.0, 1.0]
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    apart = all_distances(embeddings)
    positive, negative = sides(apart, labels, selected)
    rivals = log_sum_exp(-apart, negative)  # the margin comes last: it would cost their differences digits
    none = ~xp.any(negative, axis=-1)
    if generalized:
        excess = (log_sum_exp(apart, positive) + rivals) + margin
        return relu(xp.where(none | ~xp.any(positive, axis=-1), 0.0, excess))
    rivals = xp.where(none, 0.0, rivals)
    top = xp.maximum(stop_gradient(rivals)[:, None], stop_gradient(rivals)[None, :])
    both = top + xp.log(xp.exp(rivals[:, None] - top) + xp.exp(rivals[None, :] - top))
    each = relu(xp.where(positive & ~none[:, None], (apart + both) + margin, 0.0)) ** 2
    return 0.5 * xp.sum(shares(positive, apart) * each, axis=-1)


@group_loss(
    source="Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832; without a semi-hard negative as TensorFlow "
    "Addons (read in code of others, not in the paper)",
    also={
        "tfa:TripletSemiHardLoss": "its mean is over positive pairs, and its margin 1.0. Fix: give each example the "
        "weight of its number of positives",
    },
    equals=(
        Equal(
            "torch",
            "(lambda d, same, own: (lambda d_ap, outside: (F.relu(margin + d - torch.where(outside.any(2), "
            "torch.where(outside, d[:, None, :], torch.inf).amin(2), torch.where(same, -torch.inf, d).amax(1)[:, None]"
            ")) * (same & ~own)).sum(1) / (same & ~own).sum(1).clamp(min=1))(d[:, :, None], "
            "~same[:, None, :] & (d[:, None, :] > d[:, :, None])))"
            "((embeddings[:, None] - embeddings[None]).square().sum(2), labels[:, None] == labels[None], "
            "torch.eye(len(labels), dtype=torch.bool))",
            when="len(labels) > 1",
        ),
    ),
)
def semi_hard_triplet(
    embeddings: Rows, labels: Groups, *, margin: NonNegative = 0.2, selected: Array = None
) -> Real["batch"]:
    """Semi-hard triplet loss (FaceNet): each positive pair with the nearest negative that is further than the positive.

    l_i = mean over p of max(0, d_ip - d_in + margin), with d the squared distances, p the others of the label of i, and
    n = n(i, p) the nearest of other labels with d_in > d_ip or, if there is none, the furthest of other labels.

    Shapes: `embeddings` [batch dim], in the paper of length 1, any vectors here; `labels` [batch], any integers;
    `margin` >= 0 -> example [batch]. It forms all batch * batch * batch triplets.
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example without a
    positive or without a negative has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean.
    Not mergeable. The negative is a choice and has no derivative: the loss jumps where another one is chosen. Of
    negatives that are equally far the first is taken. The derivative of max(0, .) at 0 is declared 0.
    Errors: `ContractError` for another shape or margin < 0, `DTypeError` for float labels, `MergeError` for `partial`.
    Equals: TensorFlow Addons `TripletSemiHardLoss` with the same margin for groups of one size: its mean is over
    positive pairs.

    >>> import numpy as np
    >>> x = np.asarray([[0.0], [1.0], [2.0], [7.0]])
    >>> semi_hard_triplet.per_example(x, np.asarray([5, 5, 6, 6]), margin=4.0).tolist()  # third: 25 - 4 + 4
    [1.0, 0.0, 25.0, 0.0]
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    apart = all_distances(stop_gradient(embeddings))
    positive, negative = sides(apart, labels, selected)
    outside, has_outside = furthest(-apart[:, None, :], negative[:, None, :] & (apart[:, None, :] > apart[:, :, None]))
    inside, has_negative = furthest(apart, negative)
    chosen = xp.where(has_outside, outside, inside[:, None])
    negatives = xp.reshape(xp.take(embeddings, xp.reshape(chosen, (-1,)), axis=0), (*chosen.shape, -1))
    excess = further(embeddings[:, None, :], embeddings[None, :, :], negatives, "squared")
    each = xp.where(positive & has_negative[:, None], relu(excess + margin), 0.0)
    return xp.sum(shares(positive, each) * each, axis=-1)
