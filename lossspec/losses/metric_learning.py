"""Losses that place embeddings near to or far from each other, or the prototypes of classes."""

from collections.abc import Callable
from math import radians
from typing import Any, Literal

from lossspec.declaration import Equal, loss, require
from lossspec.losses._distances import all_distances, further, furthest
from lossspec.losses._similarities import relative_cosines, sides
from lossspec.numerics import (
    array_namespace,
    cosine_gap,
    gather,
    negative_log_softmax,
    norm,
    normalize,
    per_row,
    positions,
    relu,
    softplus,
    stop_gradient,
)
from lossspec.terms import Array, Cosine, Embedding, Group, Label, NonNegative, Positive, Probability, Real, Sign

_SHORT = {"gradient edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"}

__all__ = [
    "arcface",
    "batch_hard_triplet",
    "center",
    "contrastive",
    "cosface",
    "cosine_embedding",
    "triplet_margin",
]


@loss(
    family="metric_learning",
    unit="pair",
    source="Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100, with the cosine for the distance",
    aliases=("torch:cosine_embedding_loss CosineEmbeddingLoss",),
    equals=(
        Equal(
            "torch",
            "F.cosine_embedding_loss(first, second, labels, margin=margin, reduction='none')",
            when="first.ndim in (1, 2)",
            differs={"edges": "1e-12 is added to the squared lengths"},
        ),
    ),
)
def cosine_embedding(
    first: Embedding["*batch dim"],
    second: Embedding["*batch dim"],
    labels: Sign["*batch"],
    *,
    margin: Cosine["#*batch"] = 0.0,
) -> Real["*batch"]:
    """Cosine embedding loss: the cosine distance for label 1, a hinge on the cosine for label -1.

    l = 1 - cos(first, second) where labels = 1, and max(0, cos(first, second) - margin) where labels = -1.

    Shapes: `first` and `second` [*batch dim], any vectors; `labels` [*batch], 1 or -1, integers or floats; `margin` in
    [-1, 1] -> pair [*batch].
    Weights and mean: the common contract. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape; a label other than 1 and -1 gives NaN, and raises under
    `checking("values")`.
    Equals: torch `F.cosine_embedding_loss` for vectors that are not short (it adds 1e-12 to the squared lengths; there
    a label of 0 gives 0), optax `cosine_distance` and 1 + Keras `CosineSimilarity` for labels of 1.

    >>> import numpy as np
    >>> pairs = np.asarray([[3.0, 4.0], [3.0, 4.0]]), np.asarray([[6.0, 8.0], [6.0, 8.0]])
    >>> cosine_embedding.per_example(*pairs, np.asarray([1, -1])).tolist()
    [0.0, 1.0]
    """
    xp = array_namespace(first)
    gap = cosine_gap(first, second)
    opposed = gap < 0
    excess = xp.where(opposed, -gap - (1 + margin), (1 - margin) - gap)
    return xp.where(labels > 0, xp.where(opposed, 2 + gap, gap), relu(excess))


@loss(
    family="metric_learning",
    unit="pair",
    source="Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100",
    also={
        "pml:ContrastiveLoss": (
            "it finds the pairs by labels and does not square distances; contrastive takes the pairs"
        ),
        "monai:ContrastiveLoss": "it is NT-Xent of two batches of views: nt_xent(temperature=0.5)",
    },
    equals=(
        Equal(
            "torch",
            "((1 - dissimilar) * (first - second).square().sum(-1) + dissimilar * F.relu(margin - "
            "F.pairwise_distance(first, second, eps=0.0)).square()) / 2",
        ),
    ),
)
def contrastive(
    first: Embedding["*batch dim"],
    second: Embedding["*batch dim"],
    dissimilar: Probability["*batch"],
    *,
    margin: Positive["#*batch"] = 1.0,
) -> Real["*batch"]:
    """Contrastive loss: half the squared distance of similar pairs, half a squared hinge on that of dissimilar ones.

    l = (1 - dissimilar) d^2 / 2 + dissimilar max(0, margin - d)^2 / 2, with d = |first - second|.

    Shapes: `first` and `second` [*batch dim], any vectors; `dissimilar` [*batch], 1 where the two are dissimilar, 0
    where they are similar, or a probability; `margin` > 0 -> pair [*batch].
    Weights and mean: the common contract. The derivative of a distance at 0 is declared 0: equal vectors that should
    differ stay where they are.
    Errors: `ContractError` for another shape or margin <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: the paper, whose text calls Y = 0 similar, as its formula does. Not pytorch-metric-learning
    `ContrastiveLoss`, which neither squares nor halves and adds the means of both kinds of pairs; nor the function of
    TensorFlow Addons, where 1 means similar and nothing is halved.

    >>> import numpy as np
    >>> pairs = np.asarray([[0.0, 0.0], [0.0, 0.0]]), np.asarray([[0.3, 0.4], [0.3, 0.4]])
    >>> contrastive.per_example(*pairs, np.asarray([0.0, 1.0])).tolist()
    [0.125, 0.125]
    """
    difference = first - second
    similar = array_namespace(difference).sum((1 - dissimilar)[..., None] * difference * difference, axis=-1)
    return 0.5 * (similar + dissimilar * relu(margin - norm(difference)) ** 2)  # a square is smooth where d is not


def _given_distance(distance: Callable[..., Any], x: Array, y: Array) -> Array:
    """Call the caller's distance function and check the shape of its result."""
    apart = distance(x, y)
    require(
        tuple(apart.shape) == tuple(x.shape[:-1]),
        f"triplet_margin: `distance` gave shape {tuple(apart.shape)} for vectors of shape {tuple(x.shape)}; it must be "
        f"{tuple(x.shape[:-1])}",
    )
    return apart


@loss(
    family="metric_learning",
    unit="triplet",
    source="Balntas et al. 2016, BMVC paper 119, doi:10.5244/C.30.119; squared distances: Schroff, Kalenichenko and "
    "Philbin 2015, arXiv:1503.03832; soft margin: Hermans, Beyer and Leibe 2017, arXiv:1703.07737",
    aliases=(
        "TripletLoss",
        "torch:triplet_margin_loss TripletMarginLoss",
        "torch:triplet_margin_with_distance_loss TripletMarginWithDistanceLoss",
    ),
    also={
        "optax:triplet_margin_loss": {"reduction": "none"},
        "pml:TripletMarginLoss": "it finds the triplets by labels; triplet_margin takes the triplets",
    },
    equals=(
        Equal(
            "torch",
            "F.triplet_margin_loss(anchors, positives, negatives, margin=margin, swap=swap, eps=0.0, reduction='none')",
            when="distance == 'euclidean' and not soft",
        ),
        Equal(
            "torch",
            "F.triplet_margin_with_distance_loss(anchors, positives, negatives, "
            "distance_function=lambda x, y: 1 - F.cosine_similarity(x, y, dim=-1), margin=margin, swap=swap, "
            "reduction='none')",
            when="distance == 'cosine'",
        ),
        Equal(
            "torch",
            "F.triplet_margin_with_distance_loss(anchors, positives, negatives, "
            "distance_function=lambda x, y: (x - y).square().sum(-1), margin=margin, swap=swap, reduction='none')",
            when="distance == 'squared'",
        ),
        Equal(
            "torch",
            "F.softplus(F.pairwise_distance(anchors, positives, eps=0.0) "
            "- F.pairwise_distance(anchors, negatives, eps=0.0) + margin)",
            when="soft",
        ),
        Equal(
            "optax",
            "optax.losses.triplet_margin_loss(anchors, positives, negatives, margin=margin, eps=0.0)",
            when="distance == 'euclidean' and not soft and not swap",
            differs={"gradient equal": "wrong: the gradient of a distance of 0 is NaN without the 1e-6"},
        ),
    ),
)
def triplet_margin(
    anchors: Embedding["*batch dim"],
    positives: Embedding["*batch dim"],
    negatives: Embedding["*batch dim"],
    *,
    margin: NonNegative["#*batch"] = 1.0,
    distance: Literal["euclidean", "squared", "cosine"] | Callable[..., Any] = "euclidean",
    swap: bool = False,
    soft: bool = False,
) -> Real["*batch"]:
    """Triplet loss: a hinge on the distance to the positive minus that to the negative.

    l = max(0, d(anchors, positives) - d(anchors, negatives) + margin); with `swap` the second distance is the smaller
    one of d(anchors, negatives) and d(positives, negatives); with `soft` log(1 + exp(.)) takes the place of max(0, .).
    d(x, y) is |x - y|, its square, 1 - cos(x, y), or what the function `distance` gives for arrays [*batch dim].

    Shapes: three arrays [*batch dim], any vectors; `margin` >= 0 -> triplet [*batch].
    Weights and mean: the common contract. The derivative of a distance at 0 is declared 0, that of max(0, .) at 0 too;
    the cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, margin < 0 or an unknown distance, `DTypeError` for integers or mixed
    dtypes.
    Equals: torch `F.triplet_margin_loss` up to the 1e-6 that it adds to every coordinate difference, and
    `F.triplet_margin_with_distance_loss`; optax `triplet_margin_loss` up to the 1e-6 under its root; FaceNet's loss
    with "squared" on normalised embeddings; with `soft`, pytorch-metric-learning's smooth loss and, at margin 0, that
    of Hermans et al.

    >>> import numpy as np
    >>> a, p, n = np.asarray([[0.0, 0.0]]), np.asarray([[3.0, 4.0]]), np.asarray([[0.0, 5.5]])
    >>> round(float(triplet_margin(a, p, n)), 12)
    0.5
    >>> float(triplet_margin(a, p, n, distance=lambda x, y: abs(x - y).sum(axis=-1)))
    2.5
    """
    xp = array_namespace(anchors)
    if not isinstance(distance, str):
        far = _given_distance(distance, anchors, negatives)
        if swap:
            other = _given_distance(distance, positives, negatives)
            far = xp.where(other < far, other, far)
        excess = _given_distance(distance, anchors, positives) - far
    else:
        excess = further(anchors, positives, negatives, distance)
        if swap:
            other = further(positives, anchors, negatives, distance)
            excess = xp.where(other > excess, other, excess)
    return softplus(excess + margin) if soft else relu(excess + margin)


@loss(
    family="metric_learning",
    unit="example",
    source="Hermans, Beyer and Leibe 2017, arXiv:1703.07737, equation 5 (formula from memory, not read)",
    aliases=("batch_hard", "BatchHardTripletLoss"),
    equals=(
        Equal(
            "pytorch-metric-learning",
            "(lambda d: pml.TripletMarginLoss(margin, smooth_loss=soft, distance=d, reducer=reducers.MeanReducer())"
            "(embeddings, labels, miners.BatchHardMiner(distance=d)(embeddings, labels)))"
            "(distances.LpDistance(normalize_embeddings=False))",
            reduction="mean",
            when="np.unique(labels).size > 1 and np.unique(labels, return_counts=True)[1].min() > 1",
        ),
    ),
    coupled="the hardest positive and negative of each example are sought in the whole batch, so a shard does not know "
    "its own loss. Gather the embeddings and labels of all shards, then take the loss once.",
    sizes={"batch": 4, "dim": 2},
)
def batch_hard_triplet(
    embeddings: Embedding["batch dim"],
    labels: Group["batch"],
    *,
    margin: NonNegative = 0.2,
    soft: bool = False,
    selected: Array = None,
) -> Real["batch"]:
    """Batch-hard triplet loss: each example with the furthest of its group and the nearest of another group.

    l_i = max(0, max_p |x_i - x_p| - min_n |x_i - x_n| + margin), with p the others of the label of i and n those of
    other labels; with `soft` log(1 + exp(.)) takes the place of max(0, .).

    Shapes: `embeddings` [batch dim], any vectors; `labels` [batch], any integers; `margin` >= 0 -> example [batch].
    Weights and mean: the common contract; a masked example is no one's positive or negative. An example without a
    positive or without a negative has the loss 0 and no gradient of its own; a weight of 0 keeps it out of the mean.
    Not mergeable. Of positives or negatives that are equally far the first is taken, also for the gradient; the
    derivative of a distance at 0 is declared 0, that of max(0, .) at 0 too.
    Errors: `ContractError` for another shape or margin < 0, `DTypeError` for float labels, `MergeError` for `partial`.
    Equals: the paper, which uses plain distances and with `soft` a margin of 0; pytorch-metric-learning
    `TripletMarginLoss` of a `BatchHardMiner`, both with `LpDistance(normalize_embeddings=False)`, and a `MeanReducer`.

    >>> import numpy as np
    >>> x = np.asarray([[0.0], [1.0], [3.0], [7.0]])
    >>> batch_hard_triplet.per_example(x, np.asarray([5, 5, 5, 6]), margin=1.0).tolist()
    [0.0, 0.0, 0.0, 0.0]
    >>> batch_hard_triplet.per_example(x, np.asarray([5, 6, 5, 6]), margin=1.0).tolist()
    [3.0, 6.0, 2.0, 3.0]
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    apart = all_distances(stop_gradient(embeddings))
    positive, negative = sides(apart, labels, selected)
    (positive, has_positive), (negative, has_negative) = furthest(apart, positive), furthest(-apart, negative)
    positives, negatives = (xp.take(embeddings, index, axis=0) for index in (positive, negative))
    excess = further(embeddings, positives, negatives, "euclidean") + margin
    return xp.where(has_positive & has_negative, softplus(excess) if soft else relu(excess), 0.0)


def _own_prototypes(prototypes: Array, labels: Array) -> Array:
    """The prototype of each label."""
    return array_namespace(prototypes).take(prototypes, labels, axis=0)


def _instead_of_own(own: Array, scores: Array, labels: Array) -> Array:
    """Replace the score of the label by another one."""
    xp = array_namespace(scores)
    return xp.where(positions(scores, dtype=labels.dtype) == labels[:, None], own[:, None], scores)


@loss(
    family="metric_learning",
    unit="example",
    source="Deng, Guo, Xue and Zafeiriou 2018, arXiv:1801.07698",
    also={
        "insightface:ArcFace": {"monotone": True},
        "pml:ArcFaceLoss": {"margin": radians(28.6), "monotone": True},
    },
    equals=(
        Equal(
            "torch",
            "(lambda c: F.cross_entropy(scale * torch.cos(torch.acos(c) + margin * F.one_hot(labels, c.shape[1])), "
            "labels, reduction='none'))(F.normalize(embeddings) @ F.normalize(prototypes).T)",
            when="not monotone",
            differs={"gradient edges": "wrong: the derivative of the arc cosine at parallel vectors is infinite"},
        ),
        Equal(
            "pytorch-metric-learning",
            "torch.func.functional_call(pml.ArcFaceLoss(prototypes.shape[0], prototypes.shape[1], "
            "margin=margin * 180 / torch.pi, scale=scale), {'W': prototypes.T}, (embeddings, labels))",
            reduction="mean",
            when="monotone",
        ),
    ),
    sizes={"batch": 3, "classes": 3, "dim": 2},
)
def arcface(
    embeddings: Embedding["batch dim"],
    prototypes: Embedding["classes dim"],
    labels: Label["batch"],
    *,
    margin: NonNegative["#batch"] = 0.5,
    scale: Positive["#batch"] = 64.0,
    monotone: bool = False,
) -> Real["batch"]:
    """ArcFace: cross entropy of cosines, with a margin added to the angle with the own class.

    l = -log(exp(scale * t) / (exp(scale * t) + sum_{c != label} exp(scale * cos theta_c))), with theta_c the angle
    of embeddings and prototypes_c, and t = cos(theta_label + margin). That rises again beyond an angle of pi - margin;
    with `monotone`, t = cos theta_label - margin sin(margin) there.

    Shapes: `embeddings` [batch dim] and `prototypes` [classes dim], the weights of the last layer, any vectors;
    `labels` [batch], integers in [0, classes); `margin` >= 0 in radians, `scale` > 0 -> example [batch].
    Weights and mean: w = sample_weight * class_weight[label]. The derivative of an angle at 0 and at pi is declared 0.
    The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, margin < 0 or scale <= 0, `DTypeError` for float labels; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: the paper's formula 3; with `monotone` insightface's class `ArcFace` and pytorch-metric-learning
    `ArcFaceLoss` (its W is transposed, its margin in degrees), which takes the angle from the arc cosine: its gradient
    at parallel vectors is NaN or infinite.

    >>> import numpy as np
    >>> x, prototypes = np.asarray([[2.0, 0.0]]), np.asarray([[1.0, 0.0], [0.0, 3.0]])
    >>> round(float(arcface(x, prototypes, np.asarray([0]), margin=np.pi / 2, scale=1.0)), 12)
    0.69314718056
    """
    xp = array_namespace(embeddings)
    (u, u_is_zero), (all_prototypes, no_direction) = normalize(embeddings), normalize(prototypes)
    v = _own_prototypes(all_prototypes, labels)
    zero = u_is_zero | xp.take(no_direction, labels, axis=0)
    cosine = xp.sum(u * v, axis=-1)
    sine = xp.where(zero, 1.0, 0.5 * norm(u - v) * norm(u + v))  # keeps its digits at small angles
    angle = xp.zeros_like(cosine) + margin
    less = 2 * cosine * xp.sin(angle / 2) ** 2 + sine * xp.sin(angle)  # cos(theta) - cos(theta + margin)
    if monotone:
        less = xp.where(cosine >= -xp.cos(angle), less, angle * xp.sin(angle))
    scores = relative_cosines(embeddings, prototypes)
    return negative_log_softmax(per_row(scale) * _instead_of_own(gather(scores, labels) - less, scores, labels), labels)


@loss(
    family="metric_learning",
    unit="example",
    source="Wang et al. 2018, arXiv:1801.09414",
    aliases=("pml:CosFaceLoss",),
    also={
        "insightface:CosFace": {"margin": 0.4},
        "am_softmax": {"scale": 30.0},
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            "torch.func.functional_call(pml.CosFaceLoss(prototypes.shape[0], prototypes.shape[1], "
            "margin=margin, scale=scale), {'W': prototypes.T}, (embeddings, labels))",
            reduction="mean",
            differs=_SHORT,
        ),
    ),
    sizes={"batch": 3, "classes": 3, "dim": 2},
)
def cosface(
    embeddings: Embedding["batch dim"],
    prototypes: Embedding["classes dim"],
    labels: Label["batch"],
    *,
    margin: NonNegative["#batch"] = 0.35,
    scale: Positive["#batch"] = 64.0,
) -> Real["batch"]:
    """CosFace: cross entropy of cosines, with a margin subtracted from the cosine with the own class.

    l = -log(exp(scale * t) / (exp(scale * t) + sum_{c != label} exp(scale * s_c))), with s_c the cosine of embeddings
    and prototypes_c, and t = s_label - margin.

    Shapes: `embeddings` [batch dim] and `prototypes` [classes dim], the weights of the last layer, any vectors;
    `labels` [batch], integers in [0, classes); `margin` >= 0, `scale` > 0 -> example [batch].
    Weights and mean: w = sample_weight * class_weight[label]. The cosine with a vector of length 0 is declared 0, its
    derivative 0.
    Errors: `ContractError` for another shape, margin < 0 or scale <= 0, `DTypeError` for float labels; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: pytorch-metric-learning `CosFaceLoss` (its W is transposed); at margin 0, `cross_entropy` of the scaled
    cosines. insightface's class `CosFace` has margin=0.4; the same loss as AM-softmax (arXiv:1801.05599) has scale=30.

    >>> import numpy as np
    >>> x, prototypes = np.asarray([[2.0, 0.0]]), np.asarray([[1.0, 0.0], [0.0, 3.0]])
    >>> round(float(cosface(x, prototypes, np.asarray([0]), margin=1.0, scale=1.0)), 12)
    0.69314718056
    """
    scores = relative_cosines(embeddings, prototypes)
    own = gather(scores, labels) - margin
    return negative_log_softmax(per_row(scale) * _instead_of_own(own, scores, labels), labels)


@loss(
    family="metric_learning",
    unit="example",
    source="Wen, Zhang, Li and Qiao 2016, doi:10.1007/978-3-319-46478-7_31",
    aliases=("center_loss",),
    also={
        "pytorch-center-loss:CenterLoss": "it has no factor 1/2. Fix: 2.0 * center",
    },
    equals=(Equal("torch", "0.5 * F.mse_loss(embeddings, centers[labels], reduction='none').sum(-1)"),),
    sizes={"batch": 3, "classes": 3, "dim": 2},
)
def center(
    embeddings: Embedding["batch dim"], centers: Embedding["classes dim"], labels: Label["batch"]
) -> Real["batch"]:
    """Center loss: half the squared distance of each embedding from the center of its class.

    l = |embeddings - centers[label]|^2 / 2.

    Shapes: `embeddings` [batch dim] and `centers` [classes dim], any vectors; `labels` [batch], integers in
    [0, classes) -> example [batch].
    Weights and mean: w = sample_weight * class_weight[label]. The paper sums over a batch, and moves the centers by a
    rule of its own, not by their gradient: give centers that have none, then.
    Errors: `ContractError` for another shape, `DTypeError` for float labels; a label outside [0, classes) gives NaN,
    and raises under `checking("values")`.
    Equals: half the squared error of torch, summed over the vector. The package pytorch-center-loss leaves the factor
    1/2 out.

    >>> import numpy as np
    >>> float(center(np.asarray([[3.0, 4.0]]), np.asarray([[9.0, 9.0], [0.0, 0.0]]), np.asarray([1])))
    12.5
    """
    xp = array_namespace(embeddings)
    return 0.5 * xp.sum((embeddings - _own_prototypes(centers, labels)) ** 2, axis=-1)
