"""Penalties on parameters and images: one input, no target; a list of arrays is the sum over all of them."""

import math

from lossspec.declaration import Equal, loss
from lossspec.numerics import absolute, array_namespace, norm, steps
from lossspec.terms import Array, NonNegative, Real

__all__ = ["elastic_net", "group_lasso", "l1_regularization", "l2_regularization", "total_variation"]


@loss(
    family="regularization",
    unit="element",
    source="Tibshirani 1996, doi:10.1111/j.2517-6161.1996.tb02080.x",
    equals=(
        Equal("torch", "parameters.abs()"),
        Equal("keras", "keras.regularizers.L1(1.0)(parameters)", reduction="sum"),
    ),
    also={
        "keras:OrthogonalRegularizer orthogonal_regularizer": "it is the mean size of the cosines of two rows, or "
        "columns, times a factor. Fix: factor * l1_regularization of the cosines of all pairs, with reduction='mean'",
    },
    default_reduction="sum",
)
def l1_regularization(parameters: Real["*shape"]) -> Real["*shape"]:
    """L1 penalty (lasso): the absolute values of the parameters.

    l = |parameters|; by default the sum over all elements. Convex.

    Shapes: `parameters` [*shape], any real numbers, or a list of arrays of any shapes -> element [*shape].
    Weights and mean: the common contract; the default reduction is "sum". The derivative at 0 is declared 0.
    Errors: `DTypeError` for integers, `ContractError` for reduction "none" of a list.
    Equals: Keras `regularizers.L1(1.0)`. A strength is a factor: 0.01 * l1_regularization. sklearn `Lasso(alpha)` sets
    alpha times it beside half the mean squared error.

    >>> import numpy as np
    >>> float(l1_regularization(np.asarray([1.0, -2.0]))), float(l1_regularization([np.ones(3), -np.ones((2, 2))]))
    (3.0, 7.0)
    """
    return absolute(parameters)


@loss(
    family="regularization",
    unit="element",
    source="Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634",
    equals=(Equal("keras", "keras.regularizers.L2(1.0)(parameters)", reduction="sum"),),
    default_reduction="sum",
)
def l2_regularization(parameters: Real["*shape"]) -> Real["*shape"]:
    """L2 penalty (weight decay): the squares of the parameters, without a factor 1/2.

    l = parameters^2; by default the sum over all elements, the squared Euclidean norm. Convex.

    Shapes: `parameters` [*shape], any real numbers, or a list of arrays of any shapes -> element [*shape].
    Weights and mean: the common contract; the default reduction is "sum".
    Errors: `DTypeError` for integers, `ContractError` for reduction "none" of a list.
    Equals: Keras `regularizers.L2(1.0)` and the penalty of sklearn `Ridge`. Others halve it: `weight_decay=w` of torch
    `SGD` is the gradient of w / 2 times it, sklearn `LogisticRegression` and `ElasticNet` have 1/2 of it.

    >>> import numpy as np
    >>> float(l2_regularization(np.asarray([1.0, -2.0]))), float(l2_regularization([np.ones(3), np.full((1, 2), 2.0)]))
    (5.0, 11.0)
    """
    return parameters**2


@loss(
    family="regularization",
    unit="element",
    source="Zou and Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x",
    also={
        "keras:L1L2 l1_l2": {"l1": 0.0, "l2": 0.0},
        "keras:L1 l1": {"l1": 0.01, "l2": 0.0},
        "keras:L2 l2": {"l1": 0.0, "l2": 0.01},
    },
    equals=(Equal("keras", "keras.regularizers.L1L2(l1, l2)(parameters)", reduction="sum"),),
    default_reduction="sum",
)
def elastic_net(
    parameters: Real["*shape"], *, l1: NonNegative["#*shape"] = 1.0, l2: NonNegative["#*shape"] = 1.0
) -> Real["*shape"]:
    """Elastic net: a weighted sum of the absolute values and the squares of the parameters.

    l = l1 * |parameters| + l2 * parameters^2; by default the sum over all elements. Convex.

    Shapes: `parameters` [*shape], any real numbers, or a list of arrays of any shapes; `l1` and `l2` >= 0
    -> element [*shape].
    Weights and mean: the common contract; the default reduction is "sum". The derivative of |x| at 0 is declared 0.
    Errors: `ContractError` for a negative factor or reduction "none" of a list, `DTypeError` for integers.
    Equals: Keras `regularizers.L1L2(l1, l2)`, whose `L1` and `L2` are it with one factor 0.01 and the other 0; sklearn
    `ElasticNet(alpha, l1_ratio)` takes l1 = alpha * l1_ratio and l2 = alpha * (1 - l1_ratio) / 2.

    >>> import numpy as np
    >>> round(float(elastic_net(np.asarray([1.0, -2.0]), l1=0.1, l2=0.2)), 12)
    1.3
    """
    return l1 * absolute(parameters) + l2 * parameters**2


@loss(
    family="regularization",
    unit="group",
    source="Yuan and Lin 2006, doi:10.1111/j.1467-9868.2005.00532.x",
    default_reduction="sum",
    sizes={"groups": 5},
)
def group_lasso(parameters: Real["*groups dim"], *, size_factor: bool = True) -> Real["*groups"]:
    """Group lasso: the Euclidean norm of every group of parameters, which sets whole groups to 0.

    l = sqrt(dim) * |parameters|, the norm over the last axis; without `size_factor` the norm alone. By default the sum
    over all groups. Convex.

    Shapes: `parameters` [*groups dim], a group a row, or a list of such arrays, of groups of any sizes
    -> group [*groups].
    Weights and mean: the common contract, one weight a group; the default reduction is "sum". The derivative at a group
    of zeros is declared 0.
    Errors: `ContractError` for an array without axes or reduction "none" of a list, `DTypeError` for integers.
    Equals: Yuan and Lin's penalty at their choice K_j = p_j I for groups of p_j parameters; without `size_factor` the
    mixed norm of sklearn `MultiTaskLasso`, whose groups are the columns of `coef_`.

    >>> import numpy as np
    >>> rows = np.asarray([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    >>> group_lasso.per_example(rows).tolist(), float(group_lasso([rows, rows[:, :2]], size_factor=False))
    ([10.0, 0.0], 10.0)
    """
    lengths = norm(parameters)
    return math.sqrt(parameters.shape[-1]) * lengths if size_factor else lengths


@loss(
    family="regularization",
    unit="example",
    source="Rudin, Osher and Fatemi 1992, doi:10.1016/0167-2789(92)90242-F",
    aliases=("torchmetrics:TotalVariation total_variation", "TV"),
    also={"kornia:TotalVariation total_variation": {"reduction": "none"}},
    equals=(Equal("torchmetrics", "M.image.total_variation(images, reduction='none')", when="not isotropic"),),
    default_reduction="sum",
    sizes={"batch": 2, "channels": 1, "height": 4, "width": 3},
    entries="batch height width",
)
def total_variation(
    images: Real["batch channels height width"], *, isotropic: bool = False, entries: Array = None
) -> Real["batch"]:
    """Total variation of an image: the sum of the differences between neighbouring pixels.

    l = sum(|D_h| + |D_w|) over channels and pixels, with D_h and D_w the differences to the next pixel on either axis,
    0 beyond the last one; with `isotropic` l = sum(sqrt(D_h^2 + D_w^2)). Convex.

    Shapes: `images` [batch channels height width], any real numbers, or a list of such arrays -> example [batch].
    Weights and mean: the common contract, one weight an image; the default reduction is "sum". The derivative where
    neighbours are equal (for `isotropic`, both of them) is declared 0. For `isotropic` it is a sum of cosines: where
    they cancel, its error is relative to 1 and not to the small rest. `where_entries` [batch height width] leaves
    pixels out: a difference with one of them is 0. For a list of images it is a list.
    Errors: `ContractError` for another shape or reduction "none" of a list, `DTypeError` for integer images.
    Equals: torchmetrics `total_variation` and TensorFlow `image.total_variation`, both anisotropic; kornia's is that of
    every channel, and its "mean" divides each of the two sums by its count.

    >>> import numpy as np
    >>> image = np.asarray([[[[0.0, 4.0], [3.0, 3.0]]]])
    >>> float(total_variation(image)), float(total_variation(image, isotropic=True))  # 4 + 0 + 3 + 1, 5 + 1 + 0
    (8.0, 6.0)
    """
    xp = array_namespace(images)
    down, right = (steps(images, axis, entries) for axis in (-2, -1))
    if not isotropic:
        return xp.sum(absolute(down), axis=(1, 2, 3)) + xp.sum(absolute(right), axis=(1, 2, 3))
    down = xp.concat((down, xp.zeros_like(images[..., :1, :])), axis=-2)
    right = xp.concat((right, xp.zeros_like(images[..., :1])), axis=-1)
    return xp.sum(norm(xp.stack((down, right), axis=-1)), axis=(1, 2, 3))
