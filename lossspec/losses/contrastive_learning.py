"""Losses in which the other members of a batch are the negatives, or are sorted into groups by their labels."""

from functools import partial
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._similarities import (
    cosines,
    groups,
    log_sum_exp,
    mutual_relative_cosines,
    own,
    relative_cosines,
    relative_groups,
    relative_inner_products,
    shares,
)
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    gaps_to_largest,
    negative_log_softmax,
    positions,
    relu,
    softplus,
    stop_gradient,
)
from lossspec.terms import Array, Embedding, Group, Positive, Real, UnitInterval

__all__ = [
    "circle",
    "clip",
    "info_nce",
    "multi_similarity",
    "n_pairs",
    "nt_xent",
    "siglip",
    "supervised_contrastive",
]

_PAIRS = (
    "the negatives of each pair are all other pairs of the batch, so a shard does not know its own loss. "
    "Gather the embeddings of all shards, then take the loss once."
)
_GROUPS = (
    "the positives and negatives of each example are the rest of the batch, so a shard does not know its own loss. "
    "Gather the embeddings and labels of all shards, then take the loss once."
)
_SHORT = {"gradient edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"}
_NONE_IS_0 = {"empty batch": "nothing has the mean 0 there"}
_SMALL = {"batch": 3, "dim": 2}
_BALANCED = "np.unique(np.unique(labels, return_counts=True)[1]).size == 1 and labels.size > 1"


Rows: Any = Embedding["batch dim"]
Groups: Any = Group["batch"]

pair_loss = partial(loss, family="contrastive_learning", unit="pair", coupled=_PAIRS, sizes=_SMALL)
group_loss = partial(loss, family="contrastive_learning", unit="example", coupled=_GROUPS, sizes={"batch": 4, "dim": 2})


def _find_own(scores: Array, selected: Array) -> Array:
    """The cross entropy of each row's own column among the columns that are selected."""
    xp = array_namespace(scores)
    if scores.shape[0] == 0:
        return xp.sum(scores, axis=-1)
    if selected is not None:  # a row that is not selected keeps all of its negatives: its value is discarded
        scores = xp.where(selected[None, :] | ~selected[:, None], scores, float("-inf"))
    return negative_log_softmax(scores, xp.reshape(positions(scores), (-1,)))


@pair_loss(
    source="van den Oord, Li and Vinyals 2018, arXiv:1807.03748",
    aliases=("InfoNCE",),
    also={
        "pml:NPairsLoss": "it finds the pairs by labels; info_nce(temperature=1.0) takes the pairs",
    },
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(F.normalize(queries) @ F.normalize(keys).T / temperature, torch.arange(len(queries)), "
            "reduction='none')",
            when="normalized",
            differs=_SHORT,
        ),
        Equal(
            "torch",
            "F.cross_entropy(queries @ keys.T / temperature, torch.arange(len(queries)), reduction='none')",
            when="not normalized",
        ),
    ),
    sizes={"batch": 4, "dim": 2},
)
def info_nce(
    queries: Rows, keys: Rows, *, temperature: Positive = 0.1, normalized: bool = True, selected: Array = None
) -> Real["batch"]:
    """InfoNCE: cross entropy of each query's own key among all keys of the batch.

    l_i = -log(exp(s_ii / temperature) / sum_j exp(s_ij / temperature)), with s_ij = cos(queries_i, keys_j), or their
    inner product with `normalized=False`.

    Shapes: `queries` and `keys` [batch dim], row i of one belongs to row i of the other; `temperature` > 0
    -> pair [batch].
    Weights and mean: the common contract; a masked pair is no one's negative either: the value is that of the batch
    without it. Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0. A batch of one
    has the loss 0.
    Errors: `ContractError` for another shape or temperature <= 0, `MergeError` for `partial`.
    Equals: torch `F.cross_entropy(queries @ keys.T / temperature, arange(batch))` on normalised embeddings, which is
    one direction of `clip`; pytorch-metric-learning `NPairsLoss` at temperature 1 (it normalises unless told
    otherwise). `nt_xent` also takes the other queries as negatives.

    >>> import numpy as np
    >>> round(float(info_nce(np.eye(2), np.eye(2), temperature=1.0)), 12)
    0.313261687518
    """
    relative = relative_cosines if normalized else relative_inner_products
    return _find_own(relative(queries, keys, selected) / temperature, selected)


@pair_loss(
    source="Sohn 2016, Improved deep metric learning with multi-class N-pair loss objective, NIPS 29",
    also={
        "tfa:npairs_loss": (
            "it takes labels and a matrix of similarities; n_pairs takes the anchors and the positives"
        ),
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))("
            "torch.cat([anchors, positives]), torch.arange(len(anchors)).repeat(2))",
            reduction="mean",
            differs=_NONE_IS_0,
        ),
    ),
)
def n_pairs(anchors: Rows, positives: Rows, *, selected: Array = None) -> Real["batch"]:
    """N-pair loss: cross entropy of each anchor's own positive among all positives, by inner products.

    l_i = log(1 + sum_{j != i} exp(anchors_i . positives_j - anchors_i . positives_i)).

    Shapes: `anchors` and `positives` [batch dim], each pair of another class -> pair [batch].
    Weights and mean: the common contract; a masked pair is no one's negative either. Not mergeable. A batch of one has
    the loss 0. The paper's penalty on the lengths of embeddings is another loss, to be added.
    Errors: `ContractError` for another shape, `MergeError` for `partial`.
    Equals: `info_nce(normalized=False, temperature=1)`; pytorch-metric-learning
    `NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))` on both, one pair of each label. The
    `npairs_loss` of TensorFlow Addons takes labels and a matrix of similarities instead, and admits several positives.

    >>> import numpy as np
    >>> round(float(n_pairs(np.eye(2), np.eye(2))), 12)
    0.313261687518
    """
    return _find_own(relative_inner_products(anchors, positives, selected), selected)


@pair_loss(
    source="Radford et al. 2021, arXiv:2103.00020",
    aliases=("CLIP", "open_clip:ClipLoss"),
    also={
        "transformers:clip_loss": "it takes the matrix of similarities; clip takes the two batches of embeddings",
    },
    equals=(
        Equal(
            "torch",
            "sum(F.cross_entropy(F.normalize(x) @ F.normalize(y).T / temperature, torch.arange(len(x)), "
            "reduction='none') / 2 for x, y in ((first, second), (second, first)))",
            differs=_SHORT,
        ),
    ),
)
def clip(first: Rows, second: Rows, *, temperature: Positive = 0.07, selected: Array = None) -> Real["batch"]:
    """CLIP loss: cross entropy of each image's text among those of the batch, and of each text's image.

    l_i = (-log p(second_i | first_i) - log p(first_i | second_i)) / 2, where p is the softmax of
    cos(first_i, second_j) / temperature over j, and over i.

    Shapes: `first` and `second` [batch dim], row i of one belongs to row i of the other; `temperature` > 0 is the
    inverse of CLIP's logit scale -> pair [batch].
    Weights and mean: the common contract; a masked pair is no one's negative either. Not mergeable. The cosine with a
    vector of length 0 is declared 0, its derivative 0. A batch of one has the loss 0.
    Errors: `ContractError` for another shape or temperature <= 0, `MergeError` for `partial`.
    Equals: the mean of `info_nce` both ways; open_clip `ClipLoss` with `logit_scale = 1 / temperature` on normalised
    features.

    >>> import numpy as np
    >>> round(float(clip(np.eye(2), np.eye(2), temperature=1.0)), 12)
    0.313261687518
    """
    there, back = mutual_relative_cosines(first, second, selected)
    return 0.5 * (_find_own(there / temperature, selected) + _find_own(back / temperature, selected))


@pair_loss(
    source="Zhai, Mustafa, Kolesnikov and Beyer 2023, arXiv:2303.15343",
    aliases=("SigLIP", "open_clip:SigLipLoss"),
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy_with_logits(F.normalize(first) @ F.normalize(second).T / temperature + bias, "
            "torch.eye(len(first), dtype=first.dtype), reduction='none').sum(1)",
            differs=_SHORT,
        ),
    ),
)
def siglip(
    first: Rows, second: Rows, *, temperature: Positive = 0.1, bias: Real = -10.0, selected: Array = None
) -> Real["batch"]:
    """SigLIP loss: for each image and each text of the batch, binary cross entropy of belonging together.

    l_i = sum_j -log sigmoid(z_ij (cos(first_i, second_j) / temperature + bias)), with z_ij = 1 where i = j, else -1.

    Shapes: `first` and `second` [batch dim], row i of one belongs to row i of the other; `temperature` > 0 is the
    inverse of the paper's t, `bias` any number -> pair [batch].
    Weights and mean: the common contract; "mean" divides the sum over all pairs i, j by the batch, as the paper does.
    A weight is that of a row of `first`. A masked pair is no one's negative either. Not mergeable. The cosine with a
    vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `MergeError` for `partial`.
    Equals: torch `F.binary_cross_entropy_with_logits(logits, eye(batch))`, summed over a row; open_clip `SigLipLoss`.

    >>> import numpy as np
    >>> round(float(siglip(np.eye(2), np.eye(2), temperature=1.0, bias=-0.5)), 12)
    0.94815396836
    """
    xp = array_namespace(first)
    scores = cosines(first, second) / temperature + bias
    doubt = softplus(xp.where(own(scores), -scores, scores))
    if selected is not None:
        doubt = xp.where(selected[None, :], doubt, 0.0)
    return xp.sum(doubt, axis=-1)


@group_loss(
    source="Chen, Kornblith, Norouzi and Hinton 2020, arXiv:2002.05709",
    aliases=("NT-Xent", "SimCLR"),
    also={
        "optax:ntxent": "its mean is over pairs. Fix: give each example the weight of its number of positives",
        "pml:NTXentLoss": "its mean is over pairs. Fix: give each example the weight of its number of positives",
        "lightly:NTXentLoss": (
            "it takes two batches of views; nt_xent takes both as one, with labels, and `temperature=0.5`"
        ),
    },
    equals=(
        Equal(
            "optax",
            "optax.losses.ntxent(embeddings, labels, temperature)",
            reduction="mean",
            when=_BALANCED,
            differs={"gradient more edges": "the eps under the length of a vector of length 0 is all of it"},
        ),
        Equal(
            "pytorch-metric-learning",
            "pml.NTXentLoss(temperature)(embeddings, labels)",
            reduction="mean",
            when=_BALANCED,
            differs=_SHORT,
        ),
    ),
)
def nt_xent(embeddings: Rows, labels: Groups, *, temperature: Positive = 0.07, selected: Array = None) -> Real["batch"]:
    """NT-Xent (SimCLR): cross entropy of each positive of an example against the negatives, by cosines.

    l_i = mean over p of -log(exp(s_ip / temperature) / (exp(s_ip / temperature) + sum_n exp(s_in / temperature))), with
    s the cosines, p the others of the same label as i, and n those of other labels.

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers: two views of one image have the
    same; `temperature` > 0 -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example alone in its
    group has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean, and as a negative. Not
    mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for float labels, `MergeError` for
    `partial`.
    Equals: optax `ntxent` and pytorch-metric-learning `NTXentLoss` for groups of one size. They average over ordered
    pairs: for groups of several sizes, give each example the weight of its number of positives. Without any pair optax
    is NaN.

    >>> import numpy as np
    >>> views = np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    >>> round(float(nt_xent(views, np.asarray([7, 8, 7, 8]), temperature=1.0)), 12)
    0.551444713932
    """
    scores, positive, negative = relative_groups(embeddings, labels, selected)
    scores, xp = gaps_to_largest(scores / temperature, positive | negative), array_namespace(scores)
    rivals = log_sum_exp(scores, negative)[:, None]
    each = softplus(xp.where(positive, rivals - scores, 0.0))
    return xp.sum(shares(positive, scores) * each, axis=-1)


@group_loss(
    source="Khosla et al. 2020, arXiv:2004.11362 (the sum over positives outside of the logarithm)",
    aliases=("SupCon",),
    also={
        "pml:SupConLoss": (
            "its mean is over the examples that have a positive. Fix: leave the others out with `where`"
        ),
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.SupConLoss(temperature, reducer=reducers.MeanReducer())(embeddings, labels)",
            reduction="mean",
            differs=_SHORT | _NONE_IS_0,
        ),
    ),
)
def supervised_contrastive(
    embeddings: Rows, labels: Groups, *, temperature: Positive = 0.1, selected: Array = None
) -> Real["batch"]:
    """Supervised contrastive loss: cross entropy of each example's group among all others of the batch.

    l_i = mean over p of -log(exp(s_ip / temperature) / sum_{a != i} exp(s_ia / temperature)), with s the cosines, p the
    others of the same label as i, and a all others.

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers; `temperature` > 0
    -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example alone in its
    group has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean, and as a negative. Not
    mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for float labels, `MergeError` for
    `partial`.
    Equals: `nt_xent` where no one has two positives; pytorch-metric-learning `SupConLoss` with a `MeanReducer`, unless
    all are of one group or none has a positive. Its default reducer averages the losses above 0 only. The authors'
    `SupConLoss` has temperature=0.07 and is temperature / base_temperature times this, with base_temperature=0.07.

    >>> import numpy as np
    >>> views = np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    >>> round(float(supervised_contrastive(views, np.asarray([7, 8, 7, 8]), temperature=1.0)), 12)
    0.551444713932
    """
    scores, positive, negative = relative_groups(embeddings, labels, selected)
    scores, xp = scores / temperature, array_namespace(scores)
    if scores.shape[0] == 0:
        return xp.sum(scores, axis=-1)
    others = positive | negative
    alone = ~xp.any(others, axis=-1, keepdims=True)
    scores = xp.where(others, scores, xp.where(alone, xp.zeros_like(scores), float("-inf")))
    return expected_negative_log_softmax(scores, shares(positive, scores))


@group_loss(
    source="Sun et al. 2020, arXiv:2002.10857",
    also={
        "pml:CircleLoss": (
            "its mean is over the examples that have both a positive and a negative. Fix: leave the others out with "
            "`where`"
        ),
        "keras:Circle circle": "it does not normalise embeddings, and its mean is over the examples that have pairs",
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.CircleLoss(margin, gamma, reducer=reducers.MeanReducer())(embeddings, labels)",
            reduction="mean",
            differs=_SHORT | _NONE_IS_0,
        ),
        Equal(
            "keras",
            "keras.losses.circle(labels, ops.normalize(embeddings), gamma=gamma, margin=margin)",
            differs={"gradient": "it differentiates the weights"},
        ),
    ),
)
def circle(
    embeddings: Rows, labels: Groups, *, margin: UnitInterval = 0.4, gamma: Positive = 80.0, selected: Array = None
) -> Real["batch"]:
    """Circle loss: a smooth margin between groups whose weights grow with the distance of a cosine from its optimum.

    l_i = log(1 + sum_n exp(gamma a_n (s_n - margin)) sum_p exp(-gamma a_p (s_p - 1 + margin))), with s_p the cosines of
    i with the others of its label, s_n those with other labels, and the weights a_p = max(0, 1 + margin - s_p) and
    a_n = max(0, s_n + margin), which are constants for the gradient.

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers; `margin` in [0, 1], `gamma` > 0
    -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example without a
    positive or without a negative has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean.
    Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, margin outside [0, 1] or gamma <= 0, `MergeError` for `partial`.
    Equals: pytorch-metric-learning `CircleLoss` with a `MeanReducer` (its default averages the losses above 0 only);
    the value of Keras `circle` on normalised embeddings (it does not normalise, and differentiates the weights).

    >>> import numpy as np
    >>> views = np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    >>> round(float(circle(views, np.asarray([7, 8, 7, 8]), margin=0.5, gamma=1.0)), 12)
    0.794376769418
    """
    scores, positive, negative = groups(embeddings, labels, selected)
    fixed = stop_gradient(scores)
    near = log_sum_exp(-gamma * relu((1 + margin) - fixed) * (scores - (1 - margin)), positive)
    far = log_sum_exp(gamma * relu(fixed + margin) * (scores - margin), negative)
    return softplus(near + far)


@group_loss(
    source="Wang et al. 2019, arXiv:1904.06627",
    aliases=("pml:MultiSimilarityLoss",),
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.MultiSimilarityLoss(alpha, beta, base)(embeddings, labels)",
            reduction="mean",
            differs=_SHORT | _NONE_IS_0,
        ),
    ),
)
def multi_similarity(
    embeddings: Rows,
    labels: Groups,
    *,
    alpha: Positive = 2.0,
    beta: Positive = 50.0,
    base: Real = 0.5,
    selected: Array = None,
) -> Real["batch"]:
    """Multi-similarity loss: soft maxima of low cosines within the group and of high ones with other groups.

    l_i = log(1 + sum_p exp(-alpha (s_p - base))) / alpha + log(1 + sum_n exp(beta (s_n - base))) / beta, with s_p the
    cosines of i with the others of its label, and s_n those with other labels.

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers; `alpha` and `beta` > 0, `base` any
    number -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. A term without an entry
    is 0, its derivative 0. Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, alpha <= 0 or beta <= 0, `MergeError` for `partial`.
    Equals: pytorch-metric-learning `MultiSimilarityLoss`. The paper also leaves easy pairs out beforehand, which is
    mining and no part of the loss.

    >>> import numpy as np
    >>> views = np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    >>> float(multi_similarity(views, np.asarray([7, 8, 7]), alpha=1.0, beta=1.0, base=0.0).round(12))
    1.037143341608
    """
    scores, positive, negative = groups(embeddings, labels, selected)
    near = softplus(log_sum_exp(-alpha * scores, positive) + alpha * base)
    far = softplus(log_sum_exp(beta * scores, negative) - beta * base)
    return near / alpha + far / beta
