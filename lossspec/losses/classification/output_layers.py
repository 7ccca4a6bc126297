"""Losses that contain the last layer of a classifier."""

import math

from lossspec.declaration import Equal, loss, require
from lossspec.losses.classification._labels import is_label, ratios_to_largest, rows_of_labels
from lossspec.numerics import (
    array_namespace,
    expected_negative_log_softmax,
    gather,
    matmul,
    negative_log_softmax,
    norm,
    normalize,
    positions,
)
from lossspec.terms import Array, ClusteredLabel, Embedding, Label, Real

__all__ = [
    "adaptive_log_probabilities",
    "adaptive_log_softmax",
    "large_margin_softmax",
]


@loss(
    family="classification",
    unit="example",
    source="Liu, Wen, Yu and Yang 2016, arXiv:1612.02295",
    aliases=("pml:LargeMarginSoftmaxLoss",),
    also={"SphereFace": "its weights have rows of length 1. Fix: large_margin_softmax of the normalized weights"},
    sizes={"batch": 4, "classes": 3},
)
def large_margin_softmax(
    features: Embedding["*batch dim"], labels: Label["*batch"], weights: Embedding["classes dim"], *, margin: int = 4
) -> Real["*batch"]:
    """L-Softmax: cross entropy of a linear layer whose angle to the label counts `margin` times.

    l = -log softmax(z)[label], with z[c] = weights[c] . features for the other classes and
    z[label] = |weights[label]| * |features| * ((-1)^k cos(margin * a) - 2 k), a the angle between the two and
    k = floor(margin * a / pi). margin = 1 is cross entropy.

    Shapes: `features` [*batch dim]; `labels` integers [*batch] in [0, classes); `weights` [classes dim], a row for each
    class, no bias; `margin` a Python int >= 1 -> example [*batch].
    Weights and mean: as `cross_entropy`.
    Where a vector has length 0 the angle has no derivative; the gradient there is declared that of margin = 1.
    Errors: `ContractError` for another shape or margin < 1; labels as in `cross_entropy`.
    Equals: pytorch-metric-learning `LargeMarginSoftmaxLoss(scale=1)` with W = weights^T. SphereFace is this with rows
    of length 1. Softmax-margin is another loss: it adds a cost to the scores. The experiments of the paper start from
    (lambda * |weights[label]| |features| cos a + z[label]) / (1 + lambda) with a falling lambda, which is not here.

    >>> import math
    >>> import numpy as np
    >>> x, w = np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 0.0], [0.0, -1.0]])  # the angle to row 0 is a right one
    >>> value = float(large_margin_softmax(x, np.asarray([0]), w, margin=2))  # cos(2 a) = -1, k = 1: z = (-1, -1)
    >>> round(value / math.log(2), 12)
    1.0
    """
    require(margin >= 1, "large_margin_softmax: `margin` is {}; it must be at least 1.", margin)
    xp = array_namespace(features)
    logits = matmul(features, xp.matrix_transpose(weights))
    own = rows_of_labels(weights, labels)
    (u, no_feature), (v, no_weight) = normalize(features), normalize(own)
    near, far = 0.25 * xp.sum((u - v) ** 2, axis=-1), 0.25 * xp.sum((u + v) ** 2, axis=-1)
    acute = near < far
    # sin^2(n a / 2) of the angle to the nearer one of v and -v, from that of a / 2: no cosine near 1 is formed.
    half = xp.where(acute, near, far)
    before, square = 0.0, half
    for _ in range(margin - 1):
        before, square = square, 2 * half + (2 - 4 * half) * square - before
    turned = 1 - 2 * square
    turned = turned if margin % 2 == 0 else xp.where(acute, turned, -turned)
    wraps = sum(
        (xp.astype(near >= math.sin(j * math.pi / (2 * margin)) ** 2, features.dtype) for j in range(1, margin)),
        xp.zeros_like(near),
    )
    odd = wraps - 2 * xp.floor(wraps / 2)
    angular = (1 - 2 * odd) * turned - 2 * wraps
    target = xp.where(no_feature | no_weight, gather(logits, labels), norm(features) * norm(own) * angular)
    return negative_log_softmax(xp.where(is_label(logits, labels), target[..., None], logits), labels)


@loss(
    family="classification",
    unit="example",
    source="Grave, Joulin, Cisse, Grangier and Jegou 2017, arXiv:1609.04309",
    aliases=("torch:AdaptiveLogSoftmaxWithLoss",),
    equals=(
        Equal(
            "torch",
            "-torch.func.functional_call(torch.nn.AdaptiveLogSoftmaxWithLoss(features.shape[-1], "
            "head.shape[0] - 2 + tails[0].shape[0] + tails[1].shape[0], "
            "[head.shape[0] - 2, head.shape[0] - 2 + tails[0].shape[0]]), {'head.weight': head, "
            "'tail.0.0.weight': projections[0], 'tail.0.1.weight': tails[0], "
            "'tail.1.0.weight': projections[1], 'tail.1.1.weight': tails[1]}, (features, labels)).output",
            when="features.ndim == 2",
        ),
    ),
    sizes={"batch": 5, "entries": 4, "words": 2, "hidden": 1, "classes": 7},
)
def adaptive_log_softmax(
    features: Real["*batch dim"],
    labels: ClusteredLabel["*batch", "in head tails"],
    head: Real["entries dim"],
    projections: list[Real["?hidden dim"]],
    tails: list[Real["?words ?hidden"]],
) -> Real["*batch"]:
    """Adaptive softmax: cross entropy over many classes, first of a cluster, then of a class in it.

    l = -log softmax(h)[label] for a label below s, and -log softmax(h)[s + i] - log softmax(t_i)[j] for class j of
    cluster i, with h = head features, t_i = tails[i] projections[i] features, and s = entries - len(tails) frequent
    classes. Labels count the frequent classes first, then the classes of each cluster in turn.

    Shapes: `features` [*batch dim]; `labels` integers [*batch] in [0, classes); `head` [entries dim], a row for each
    frequent class, then one for each cluster; `projections` and `tails` lists with an item for each cluster:
    [hidden dim] and [words hidden], both different from cluster to cluster -> example [*batch].
    Weights and mean: the common contract, one weight an example; mask padding with `where`.
    Errors: `ContractError` for another shape, lists of unequal length or no frequent class; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: torch `AdaptiveLogSoftmaxWithLoss` with its `head.weight`, `tail[i][0].weight` and `tail[i][1].weight`
    (`.loss` is the mean, `.output` the log-probability, of the other sign); its `head_bias=True` has no counterpart
    here. The log-probabilities of all classes are `adaptive_log_probabilities`. Every cluster is evaluated for every
    example: shapes do not depend on labels here.

    >>> import math
    >>> import numpy as np
    >>> x, head, down, up = np.zeros((2, 3)), np.ones((3, 3)), [np.ones((1, 3))], [np.ones((4, 1))]
    >>> each = adaptive_log_softmax.per_example(x, np.asarray([0, 2]), head, down, up)  # 1 in 3, then 1 in 4
    >>> [round(math.exp(value), 12) for value in each.tolist()]
    [3.0, 12.0]
    """
    xp = array_namespace(features)
    first = _frequent(head, tails)
    entries = labels
    within = xp.zeros_like(features[..., 0])
    start = first
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        inside = (labels >= start) & (labels < start + tail.shape[0])
        entries = xp.where(inside, first + cluster, entries)
        own = _of_entry(_scores(features, projection, tail), xp.where(inside, labels - start, 0))
        within = xp.where(inside, own, within)
        start += tail.shape[0]
    return _of_entry(_scores(features, head), entries) + within


def _of_entry(scores: Array, index: Array) -> Array:
    """-log softmax(scores)[index], by a primitive that keeps the second derivatives of layers with weights of 1e8."""
    chosen = positions(scores, dtype=index.dtype) == index[..., None]
    return expected_negative_log_softmax(scores, array_namespace(scores).astype(chosen, scores.dtype))


def adaptive_log_probabilities(features: Array, head: Array, projections: list[Array], tails: list[Array]) -> Array:
    """The log-probabilities [*batch classes] of all classes of `adaptive_log_softmax`, for inputs as it takes them.

    >>> import numpy as np
    >>> x, head, down, up = np.zeros((1, 3)), np.ones((3, 3)), [np.ones((1, 3))], [np.ones((4, 1))]
    >>> np.round(1 / np.exp(adaptive_log_probabilities(x, head, down, up)), 9).tolist()
    [[3.0, 3.0, 12.0, 12.0, 12.0, 12.0]]
    """
    xp = array_namespace(features)
    first = _frequent(head, tails)
    entries = _log_softmax(_scores(features, head))
    parts = [entries[..., :first]]
    for cluster, (projection, tail) in enumerate(zip(projections, tails, strict=True)):
        own = _log_softmax(_scores(features, projection, tail))
        parts.append(entries[..., first + cluster : first + cluster + 1] + own)
    return xp.concat(parts, axis=-1)


def _frequent(head: Array, tails: list[Array]) -> int:
    """The number of rows of the head that are classes, not clusters."""
    first: int = head.shape[0] - len(tails)
    clusters = len(tails)
    require(
        first > 0, "adaptive_log_softmax: `head` has {} rows for {} clusters and no class.", head.shape[0], clusters
    )
    return first


def _scores(features: Array, *layers: Array) -> Array:
    """The outputs of linear layers without biases, one after the other."""
    for layer in layers:
        features = matmul(features, array_namespace(features).matrix_transpose(layer))
    return features


def _log_softmax(logits: Array) -> Array:
    xp = array_namespace(logits)
    _, gaps, ratios = ratios_to_largest(logits)
    return gaps - xp.log1p(xp.sum(ratios, axis=-1, keepdims=True))
