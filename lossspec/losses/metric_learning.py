"""Losses that place embeddings near to or far from each other."""

from lossspec.loss import loss
from lossspec.numerics import array_namespace, matmul, negative_log_softmax, norm, normalize, positions, relu
from lossspec.terms import Array, Cosine, Embedding, Positive, Real, Sign

__all__ = ["cosine_embedding", "info_nce", "triplet_margin"]


@loss(
    family="metric_learning",
    unit="pair",
    source="Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100, with the cosine for the distance",
    aliases=("cosine_embedding_loss", "CosineEmbeddingLoss"),
)
def cosine_embedding(
    first: Embedding["*batch dim"],
    second: Embedding["*batch dim"],
    labels: Sign["*batch"],
    *,
    margin: Cosine = 0.0,
) -> Real["*batch"]:
    """Pulls pairs of label 1 to the same direction and pushes pairs of label -1 beyond a margin.

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
    (u, first_is_zero), (v, second_is_zero) = normalize(first), normalize(second)
    zero = first_is_zero | second_is_zero
    below_one = xp.where(zero, 1.0, 0.5 * xp.sum((u - v) ** 2, axis=-1))  # 1 - cos, which keeps its digits near 0
    above_minus_one = xp.where(zero, 1.0, 0.5 * xp.sum((u + v) ** 2, axis=-1))  # 1 + cos
    excess = xp.where(below_one < 1, (1 - margin) - below_one, above_minus_one - (1 + margin))
    return xp.where(labels > 0, below_one, relu(excess))


def _longer_by(x: Array, x_length: Array, y: Array, y_length: Array, difference: Array) -> Array:
    """|x| - |y| as (x - y) . (x + y) / (|x| + |y|): two long vectors that differ little keep their digits."""
    xp = array_namespace(x)
    total = x_length + y_length
    total = xp.where(total == 0, 1.0, total)
    return xp.sum(difference * ((x + y) / total[..., None]), axis=-1)


@loss(
    family="metric_learning",
    unit="triplet",
    source="Balntas et al. 2016, BMVC paper 119, doi:10.5244/C.30.119",
    aliases=("triplet_margin_loss", "TripletMarginLoss"),
)
def triplet_margin(
    anchors: Embedding["*batch dim"],
    positives: Embedding["*batch dim"],
    negatives: Embedding["*batch dim"],
    *,
    margin: Positive = 1.0,
    swap: bool = False,
) -> Real["*batch"]:
    """Wants each anchor nearer to its positive than to its negative by a margin.

    l = max(0, |anchors - positives| - |anchors - negatives| + margin), with Euclidean norms; with `swap` the second
    distance is the smaller one of |anchors - negatives| and |positives - negatives|.

    Shapes: three arrays [*batch dim], any vectors; `margin` > 0 -> triplet [*batch].
    Weights and mean: the common contract. The derivative of a distance at 0 is declared 0.
    Errors: `ContractError` for another shape or margin <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.triplet_margin_loss` up to the 1e-6 that it adds to every coordinate difference; optax
    `triplet_margin_loss` up to the 1e-6 under its root.

    >>> import numpy as np
    >>> a, p, n = np.asarray([[0.0, 0.0]]), np.asarray([[3.0, 4.0]]), np.asarray([[0.0, 5.5]])
    >>> round(float(triplet_margin(a, p, n)), 12)
    0.5
    """
    xp = array_namespace(anchors)
    near, far = anchors - positives, anchors - negatives
    near_length, far_length = norm(near), norm(far)
    excess = _longer_by(near, near_length, far, far_length, negatives - positives)
    if swap:
        other = negatives - positives
        other_length = norm(other)
        swapped = _longer_by(near, near_length, other, other_length, far)
        excess = xp.where(other_length < far_length, swapped, excess)
    return relu(excess + margin)


@loss(
    family="metric_learning",
    unit="pair",
    source="van den Oord, Li and Vinyals 2018, arXiv:1807.03748",
    coupled="the negatives of each pair are all other pairs of the batch, so a shard does not know its own loss. "
    "Gather the embeddings of all shards, then take the loss once.",
)
def info_nce(
    queries: Embedding["batch dim"],
    keys: Embedding["batch dim"],
    *,
    temperature: Positive = 0.1,
    normalized: bool = True,
    selected: Array = None,
) -> Real["batch"]:
    """Wants each query to find its own key among the keys of the whole batch.

    l_i = -log(exp(s_ii / temperature) / sum_j exp(s_ij / temperature)), with s_ij = cos(queries_i, keys_j), or their
    inner product with `normalized=False`.

    Shapes: `queries` and `keys` [batch dim], row i of one belongs to row i of the other; `temperature` > 0
    -> pair [batch].
    Weights and mean: the common contract; a masked pair is no one's negative either: the value is that of the batch
    without it. Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or temperature <= 0, `MergeError` for `partial`.
    Equals: torch `F.cross_entropy(queries @ keys.T / temperature, arange(batch))` on normalised embeddings, which is
    one direction of CLIP's loss. NT-Xent also takes the other queries as negatives.

    >>> import numpy as np
    >>> round(float(info_nce(np.eye(2), np.eye(2), temperature=1.0)), 12)
    0.313261687518
    """
    xp = array_namespace(queries)
    if queries.shape[0] == 0:
        return xp.sum(queries, axis=-1)
    if normalized:
        queries, keys = normalize(queries)[0], normalize(keys)[0]
    similarity = matmul(queries, xp.matrix_transpose(keys)) / temperature
    if selected is not None:  # a row that is not selected keeps all of its negatives: its value is discarded
        similarity = xp.where(selected[None, :] | ~selected[:, None], similarity, float("-inf"))
    own = xp.reshape(positions(similarity), (-1,))
    return negative_log_softmax(similarity, own)
