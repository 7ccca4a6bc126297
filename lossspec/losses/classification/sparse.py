"""Losses of labels under probabilities of which some are exactly 0."""

from typing import Any

from lossspec.declaration import loss
from lossspec.losses.classification._labels import is_label
from lossspec.numerics import array_namespace, cumulative_sum, gaps_to_largest, positions, relu, sqrt, stop_gradient
from lossspec.primitive import primitive
from lossspec.terms import Array, Label, Logits, Real

__all__ = ["entmax15"]


def _threshold(halves: Array) -> Array:
    """T with sum_c max(halves[c] - t, 0)^2 = 1, of entries whose greatest is 0; with an axis for the classes."""
    xp = array_namespace(halves)
    fixed = stop_gradient(halves)
    falling = xp.sort(xp.where(fixed < -2, -2.0, fixed), axis=-1, descending=True)  # t is not below -1
    sizes = positions(falling, dtype=falling.dtype) + 1
    means = cumulative_sum(falling) / sizes
    left = 1 - (cumulative_sum(falling**2) - sizes * means**2)
    candidates = means - xp.sqrt(relu(left) / sizes)  # of the first, the first two, ... as support
    least = xp.max(xp.where(candidates <= falling, candidates, -1.0), axis=-1, keepdims=True)
    inside = ~(fixed <= least)  # all of them beside a NaN
    count = xp.sum(xp.astype(inside, halves.dtype), axis=-1, keepdims=True)
    kept = xp.where(inside, halves, 0.0)
    mean = xp.sum(kept, axis=-1, keepdims=True) / count
    spread = xp.sum(xp.where(inside, kept - mean, 0.0) ** 2, axis=-1, keepdims=True)
    return mean - sqrt(relu(1 - spread) / count)


@primitive(row_axes=1)
def _likelihood(xp: Any, logits: Array, labels: Array) -> Any:
    """The loss of `entmax15`.

    With s = p^(1/2) and r_n the sum of s^n over the classes other than the label it is 2/3 of (1 - s[label])^2
    (2 + s[label]) + r_3, and twice how far the label is below the threshold; 1 - s[label] is r_2 / (1 + s[label]).
    """
    halves, own = 0.5 * gaps_to_largest(logits), is_label(logits, labels)
    threshold = _threshold(halves)
    others = xp.where(own, 0.0, relu(halves - threshold))
    rest = xp.sum(others**2, axis=-1, keepdims=True)
    ahead = xp.take_along_axis(halves, labels[..., None], axis=-1) - threshold
    root = relu(ahead)
    cubes = (rest / (1 + root)) ** 2 * (2 + root) + xp.sum(others**3, axis=-1, keepdims=True)
    value = cubes * (2 / 3) + 2 * relu(-ahead)
    return value[..., 0], (lambda g: g[..., None] * xp.where(own, -rest, others**2), None)


@loss(
    family="classification",
    unit="example",
    source="Peters, Niculae and Martins 2019, arXiv:1905.05702 (read in the code of entmax, not in the paper)",
    aliases=("Entmax15Loss",),
    convex_in=("logits",),
    invariant_in=("logits",),
)
def entmax15(logits: Logits["*batch classes"], labels: Label["*batch"]) -> Real["*batch"]:
    """1.5-entmax loss: between cross entropy and sparsemax, 0 as soon as the label leads by 2.

    l = sum_c p[c] logits[c] + (1 - sum_c p[c]^(3/2)) / (3/4) - logits[label], with p[c] = max(logits[c] / 2 - t, 0)^2
    and t such that these sum to 1. Its gradient is p minus the one-hot label.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` [*batch], integers in [0, classes)
    -> example [*batch].
    Weights and mean: w = sample_weight * class_weight[label]; "mean" divides by the sum of w over examples whose label
    is not `ignore_index`.
    Errors: as `cross_entropy`. Convex, differentiable everywhere.
    Equals: entmax `Entmax15Loss`, by its code, which was not run.

    >>> import numpy as np
    >>> entmax15.per_example(np.asarray([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0]]), np.asarray([0, 0, 0])).round(12).tolist()
    [0.0, 0.390524291751, 2.0]
    """
    return _likelihood(logits, labels)
