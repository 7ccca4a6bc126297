"""Distances between two distributions that are given by samples."""

from math import log
from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses._distances import power_of
from lossspec.losses._similarities import own
from lossspec.numerics import absolute, array_namespace, expm1, matmul, per_row, stop_gradient
from lossspec.terms import Array, AtLeastOne, Embedding, Positive, Real

__all__ = ["deep_coral", "maximum_mean_discrepancy", "wasserstein_1d"]


_FAR = -log(2)  # the exponent of a similarity of 1/2


def _mean_dissimilarity(first: Array, second: Array, bandwidth: Any, distinct: bool = False) -> tuple[Array, Array]:
    """The mean of 1 - exp(-|x - y|^2 / (2 bandwidth^2)) over the pairs of samples, or those of distinct ones.

    It is a sum of two terms: the share of the pairs that are far apart, and what is left, which is small where samples
    are near each other and where they are far apart.
    """
    xp = array_namespace(first)
    gaps = (first[..., :, None, :] - second[..., None, :, :]) / per_row(bandwidth, 3)
    exponent = -0.5 * xp.sum(gaps**2, axis=-1)
    far = exponent < _FAR
    rest = -xp.where(far, xp.exp(xp.where(far, exponent, 0.0)), expm1(xp.where(far, 0.0, exponent)))
    pairs = rest.shape[-2] * rest.shape[-1]
    if distinct:
        is_own, pairs = own(rest), pairs - rest.shape[-1]
        far, rest = far & ~is_own, xp.where(is_own, 0.0, rest)
    count = xp.sum(xp.astype(far, rest.dtype), axis=(-2, -1))
    return count / max(pairs, 1), xp.sum(rest, axis=(-2, -1)) / max(pairs, 1)


@loss(
    family="divergence",
    unit="example",
    source="Gretton et al. 2012, JMLR 13, equations 3 and 5 (formula from memory, not read)",
    aliases=("MMD", "mmd"),
    equals=(
        Equal(
            "torch",
            "(lambda k, mean: mean(k(first, first), unbiased) + mean(k(second, second), unbiased) - 2 * "
            "mean(k(first, second), False))(lambda x, y: torch.exp(-torch.cdist(x, y).square() / "
            "(2 * torch.as_tensor(bandwidth)[..., None, None]**2)), lambda k, u: (k.sum((-2, -1)) - "
            "u * k.shape[-1]) / (k.shape[-2] * (k.shape[-1] - u)))",
            when="min(first.shape[-2], second.shape[-2]) > 1",
        ),
    ),
    sizes={"samples": 2, "others": 3, "dim": 2},
)
def maximum_mean_discrepancy(
    first: Embedding["*batch samples dim"],
    second: Embedding["*batch others dim"],
    *,
    bandwidth: Positive["#*batch"] = 1.0,
    unbiased: bool = False,
) -> Real["*batch"]:
    """Maximum mean discrepancy (MMD) of two samples: the squared distance of their means by a Gaussian kernel.

    l = mean_{i, j} k(first_i, first_j) + mean_{i, j} k(second_i, second_j) - 2 mean_{i, j} k(first_i, second_j), with
    k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)); with `unbiased` the first two means are over i != j.

    Shapes: `first` [*batch samples dim] and `second` [*batch others dim], any vectors; `bandwidth` > 0, a number or an
    array with size 1 where it does not vary -> example [*batch]. It forms all pairs.
    Weights and mean: the common contract; the samples of a pair of distributions are no units. Never negative, 0 for
    equal samples; with `unbiased` it may be negative. A mean over no pair is declared that of k = 1. A sum of kernels
    of several bandwidths is a sum of losses: `maximum_mean_discrepancy.configured(bandwidth=1.0) +
    maximum_mean_discrepancy.configured(bandwidth=2.0)`.
    Errors: `ContractError` for another shape or bandwidth <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: the paper, whose k has a bandwidth of its own; code that takes exp(-gamma |x - y|^2) means
    `bandwidth = (2 gamma)^-0.5`.

    >>> import numpy as np
    >>> first, second = np.asarray([[0.0]]), np.asarray([[1.0]])
    >>> round(float(maximum_mean_discrepancy(first, second)), 12)  # 2 - 2 exp(-1/2)
    0.786938680575
    """
    across = _mean_dissimilarity(first, second, bandwidth)
    within = [_mean_dissimilarity(x, x, bandwidth, unbiased) for x in (first, second)]
    shares, rest = ((a - b) + (a - c) for a, b, c in zip(across, *within, strict=True))
    return shares + rest


def _covariance(x: Array) -> Array:
    """The covariances of the features of samples, which divide by their number less 1; 0 of less than two."""
    xp = array_namespace(x)
    count = x.shape[-2]
    moved = x - stop_gradient(x[..., :1, :])  # features that are the same in all samples become exactly 0
    centered = moved - xp.sum(moved, axis=-2, keepdims=True) / max(count, 1)
    return matmul(xp.matrix_transpose(centered), centered) / max(count - 1, 1)


@loss(
    family="divergence",
    unit="example",
    source="Sun and Saenko 2016, arXiv:1607.01719 (read in code of others, not in the paper)",
    aliases=("DeepCORAL",),
    equals=(
        Equal(
            "torch",
            "(torch.cov(first.T) - torch.cov(second.T)).square().sum() / (4 * first.shape[-1]**2)",
            when="first.ndim == 2 and min(len(first), len(second)) > 1",
        ),
    ),
    sizes={"samples": 2, "others": 3, "dim": 2},
)
def deep_coral(first: Embedding["*batch samples dim"], second: Embedding["*batch others dim"]) -> Real["*batch"]:
    """Deep CORAL: the squared distance of the covariances of two samples of features, of two domains.

    l = |C(first) - C(second)|^2 / (4 dim^2), with C the covariances over the samples, which divide by their number less
    1, and |.|^2 the sum of squares.

    Shapes: `first` [*batch samples dim] and `second` [*batch others dim], any vectors -> example [*batch].
    Weights and mean: the common contract; the samples are no units. Covariances of less than two samples are 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `torch.cov`, as the paper has it. Some code divides covariances by nothing, or the mean square by 4.

    >>> import numpy as np
    >>> first, second = np.asarray([[0.0], [2.0]]), np.asarray([[5.0], [5.0]])
    >>> float(deep_coral(first, second))
    1.0
    """
    xp = array_namespace(first)
    unit = xp.maximum(_unit(first), _unit(second))
    apart = _covariance(first / unit) - _covariance(second / unit)
    return xp.sum((apart / (2 * first.shape[-1]) * unit * unit) ** 2, axis=(-2, -1))


def _unit(x: Array) -> Array:
    """1, or the largest size of samples whose loss overflows anyway: two infinite covariances have no difference."""
    xp = array_namespace(x)
    if not x.shape[-2] * x.shape[-1]:
        return xp.ones_like(xp.sum(x, axis=(-2, -1), keepdims=True))
    size = stop_gradient(xp.max(xp.abs(x), axis=(-2, -1), keepdims=True))
    return xp.where(size > float(xp.finfo(x.dtype).max) ** 0.25, size, 1.0)


@loss(
    family="divergence",
    unit="example",
    source="Villani 2003, Topics in Optimal Transportation, theorem 2.18 (from memory, not read)",
    also={
        "EMD earth_mover earth_mover_distance": "it is wasserstein_1d of numbers; of points, by a matrix of their "
        "costs, sinkhorn comes near it",
    },
    equals=(
        Equal(
            "torch",
            "(torch.sort(first, dim=-1)[0] - torch.sort(second, dim=-1)[0]).abs()"
            ".pow(torch.as_tensor(power)[..., None]).mean(-1)",
            when="first.shape[-1] > 0",
        ),
    ),
    perfect={"first": "second"},
    sizes={"samples": 3},
)
def wasserstein_1d(
    first: Real["*batch samples"], second: Real["*batch samples"], *, power: AtLeastOne["#*batch"] = 1.0
) -> Real["*batch"]:
    """Wasserstein distance of two samples of numbers of one size, to its power: the cost of pairing them in order.

    l = sum_k |first[k] - second[k]|^power / samples, with the numbers of both in rising order.

    Shapes: `first` and `second` [*batch samples], any numbers; `power` >= 1, a number or an array with size 1 where it
    does not vary -> example [*batch].
    Weights and mean: the common contract; the samples are no units. No sample has the loss 0. It is W_p^p, the
    distance itself for power 1: take the root of it for others. Of equal numbers the first comes first; the order is a
    constant for the gradient. The derivative of |.| at 0 is declared 0.
    Errors: `ContractError` for another shape or power < 1, `DTypeError` for integers or mixed dtypes.
    Equals: scipy `wasserstein_distance` of samples of one size for power 1.

    >>> import numpy as np
    >>> float(wasserstein_1d(np.asarray([3.0, 0.0]), np.asarray([1.0, 5.0])))
    1.5
    """
    xp = array_namespace(first)
    if not first.shape[-1]:
        return xp.sum(first + second, axis=-1)
    small, other = (xp.take_along_axis(x, xp.argsort(stop_gradient(x), axis=-1), axis=-1) for x in (first, second))
    apart = small - other
    return xp.sum(power_of(absolute(apart), apart**2, per_row(power)), axis=-1) / first.shape[-1]
