"""Losses that compare two views of a batch and need no negatives."""

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.numerics import array_namespace, matmul, normalize, positions, relu, sqrt, stop_gradient
from lossspec.terms import Array, Embedding, NonNegative, Real

__all__ = ["barlow_twins", "vicreg"]

_STATISTICS = (
    "the statistics of the features are those of the whole batch, so a shard does not know its own loss. "
    "Gather the embeddings of all shards, then take the loss once."
)


def _centered(x: Array, selected: Array) -> Array:
    """The features of the selected rows less their means, 0 in other rows.

    The least value comes off first: a feature that is the same in all rows becomes exactly 0.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    if selected is None:
        moved = x - xp.min(fixed, axis=0, keepdims=True)
        return moved - xp.mean(moved, axis=0, keepdims=True)
    kept, count = selected[:, None], _count(x, selected)
    least = xp.min(xp.where(kept, fixed, float("inf")), axis=0, keepdims=True)
    moved = xp.where(kept, x - xp.where(least == float("inf"), 0.0, least), 0.0)
    mean = xp.sum(moved, axis=0, keepdims=True) / xp.where(count > 0, count, 1.0)
    return xp.where(kept, moved - mean, 0.0)


def _ranged(x: Array, selected: Array) -> Array:
    """Scale each feature from 0 at its least to 1 at its greatest over the selected rows; 0 where it is constant.

    Correlations are the same as those of `x`. Both ends are constants: so the derivative in an entry that only moves or
    stretches a feature is no difference of large numbers, and a constant feature is exactly 0.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    below, above = fixed, fixed
    if selected is not None:
        kept = selected[:, None]
        below, above = xp.where(kept, fixed, float("inf")), xp.where(kept, fixed, float("-inf"))
    low, high = xp.argmin(below, axis=0, keepdims=True), xp.argmax(above, axis=0, keepdims=True)
    rows = positions(x, -2, dtype=low.dtype)
    least = xp.take_along_axis(x, low, axis=0)
    width = xp.take_along_axis(x, high, axis=0) - least
    ranged = (x - least) / xp.where(width == 0, 1.0, width)
    return xp.where(rows == low, 0.0, xp.where(rows == high, 1.0, ranged))


def _count(x: Array, selected: Array) -> Array:
    """The number of rows that are selected, in the dtype of `x`."""
    xp = array_namespace(x)
    return x.shape[0] if selected is None else xp.sum(xp.astype(selected, x.dtype))


def _own(x: Array) -> Array:
    """True on the diagonal of a matrix."""
    return positions(x, -2) == positions(x)


@loss(
    family="self_supervised",
    unit="pair",
    source="Zbontar et al. 2021, arXiv:2103.03230",
    aliases=("lightly:BarlowTwinsLoss",),
    also={
        "monai:BarlowTwinsLoss": (
            "it divides the cross-correlations by batch - 1, where barlow_twins divides by batch"
        ),
    },
    accuracy=Accuracy(
        gradient=8192.0,
        reason="where one example outweighs all others every correlation is nearly 1 or -1; its slope, nearly 0, "
        "is lost in the rounding of a matrix product",
    ),
    coupled=_STATISTICS,
    sizes={"batch": 4, "dim": 2},
)
def barlow_twins(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    *,
    redundancy: NonNegative = 0.005,
    selected: Array = None,
) -> Real["batch"]:
    """Barlow Twins: the distance of the cross-correlation of two views' features from the identity.

    l_i = sum_j (1 - C_jj)^2 + redundancy * sum_{j, k != j} C_jk^2, the same for all pairs of a batch, with C_jk the
    correlation over the batch of feature j of `first` and feature k of `second`.

    Shapes: `first` and `second` [batch dim], row i of both from one example; `redundancy` >= 0 -> pair [batch].
    Weights and mean: every pair has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum"
    is that times the weights. A masked pair is in no correlation. A feature that is the same in the whole batch has
    correlation 0 with all, derivative 0: a batch of one has the loss dim. Not mergeable.
    Errors: `ContractError` for another shape or redundancy < 0, `MergeError` for `partial`.
    Equals: the official code and lightly `BarlowTwinsLoss` but for the 1e-5 that their normalisation adds to variances;
    the paper's pseudocode has C (batch - 1) / batch, for it takes the unbiased deviation and divides by the batch.

    >>> import numpy as np
    >>> view = np.asarray([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> float(barlow_twins(view, -view))
    8.0
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    (u, first_is_constant), (v, second_is_constant) = (
        normalize(xp.matrix_transpose(_centered(_ranged(x, selected), selected))) for x in (first, second)
    )
    correlation = matmul(u, xp.matrix_transpose(v))
    # 1 - C_jj keeps its digits where the views agree
    apart = xp.where(first_is_constant | second_is_constant, 1.0, 0.5 * xp.sum((u - v) ** 2, axis=-1))
    others = xp.where(_own(correlation), 0.0, correlation)
    return xp.broadcast_to(xp.sum(apart**2) + redundancy * xp.sum(others**2), (first.shape[0],))


@loss(
    family="self_supervised",
    unit="pair",
    source="Bardes, Ponce and LeCun 2021, arXiv:2105.04906",
    aliases=("VICReg", "pml:VICRegLoss"),
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.VICRegLoss(invariance, variance, covariance, epsilon)(first, ref_emb=second)",
            reduction="mean",
            differs={"batch of one": "the variance of one example is NaN"},
        ),
    ),
    coupled=_STATISTICS,
    sizes={"batch": 4, "dim": 2},
)
def vicreg(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    *,
    invariance: NonNegative = 25.0,
    variance: NonNegative = 25.0,
    covariance: NonNegative = 1.0,
    epsilon: NonNegative = 1e-4,
    selected: Array = None,
) -> Real["batch"]:
    """VICReg: the distance of two views, plus penalties of low variance and of covariance of the features.

    l_i = invariance * |first_i - second_i|^2 / dim + variance * (v(first) + v(second)) / 2
    + covariance * (c(first) + c(second)), with v the mean over features of max(0, 1 - sqrt(variance + epsilon)) and c
    the sum of the squared covariances of different features, divided by dim; both divide by batch - 1.

    Shapes: `first` and `second` [batch dim], row i of both from one example; four parameters >= 0 -> pair [batch].
    Weights and mean: the common contract; the terms of the batch are the same for each of its pairs. A masked pair is
    in no variance. In a batch of one all variances are declared 0. The derivative is 0 at a deviation of 1, and at a
    variance of 0 with `epsilon=0`. Not mergeable.
    Errors: `ContractError` for another shape or a parameter < 0, `MergeError` for `partial`.
    Equals: the official code, lightly and pytorch-metric-learning `VICRegLoss` for batches of more than one. The
    paper's formula has no 1 / dim in the first term and no 1 / 2 in the second: it is `invariance=25 * dim,
    variance=50`.

    >>> import numpy as np
    >>> view = np.asarray([[3.0, 0.0], [-3.0, 0.0]])
    >>> float(vicreg(view, view, epsilon=0.0))
    12.5
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    count = xp.zeros_like(first[0, 0]) + _count(first, selected)
    freedom = xp.where(count > 1, count - 1, 1.0)
    spread, redundant = 0.0, 0.0
    for x in (first, second):
        centered = _centered(x, selected)
        deviation = sqrt(xp.sum(centered**2, axis=0) / freedom + epsilon)
        spread = spread + 0.5 * xp.mean(relu(1 - deviation))
        covariances = matmul(xp.matrix_transpose(centered), centered) / freedom
        redundant = redundant + xp.sum(xp.where(_own(covariances), 0.0, covariances) ** 2) / x.shape[1]
    apart = xp.mean((first - second) ** 2, axis=-1)
    return invariance * apart + (variance * spread + covariance * redundant)
