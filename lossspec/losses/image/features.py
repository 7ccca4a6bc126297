"""Losses of the features that a network computes from two images."""

import math
from typing import Literal

from lossspec.declaration import Equal, loss, require
from lossspec.numerics import array_namespace, matmul, normalize, with_value
from lossspec.terms import Array, NonNegative, Real

__all__ = [
    "lpips",
    "perceptual",
]


@loss(
    family="image",
    unit="image",
    source="Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155; Gatys, Ecker and Bethge 2015, arXiv:1508.06576",
    aliases=("perceptual_loss",),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 3},
    equals=(
        Equal(
            "torch",
            "sum(w * F.mse_loss(x, y, reduction='none').flatten(1).mean(1) for w, x, y in "
            "zip([1.0] * len(targets) if layer_weights is None else layer_weights, predictions, targets))",
            when="form == 'content' and normalization == 'johnson'",
        ),
        Equal(
            "torch",
            "sum(F.mse_loss(*(f @ f.mT / f[0].numel() for f in (x.flatten(2), y.flatten(2))), reduction='none')"
            ".sum((1, 2)) for x, y in zip(predictions, targets))",
            when="form == 'gram' and normalization == 'johnson'",
        ),
    ),
)
def perceptual(
    predictions: list[Real["batch ?channels *?space"]],
    targets: list[Real["batch ?channels *?space"]],
    *,
    layer_weights: NonNegative["layers"] | None = None,
    form: Literal["content", "gram"] = "content",
    normalization: Literal["johnson", "gatys", "mean"] = "johnson",
) -> Real["batch"]:
    """Perceptual loss: the difference of two images in the feature maps of a network, one item a layer.

    l = sum_j layer_weights[j] * d_j over the layers, with F and G the maps of a layer of `predictions` and `targets`
    as matrices of channels by space, and `normalization` after whom a factor comes from:

    | form | "johnson" | "gatys" | "mean" |
    |---|---|---|---|
    | "content" | mean((F - G)^2) | sum((F - G)^2) / 2 | mean((F - G)^2) |
    | "gram" (style) | sum((A(F) - A(G))^2) | sum((F F^T - G G^T)^2) / (4 size(F)^2) | mean((A(F) - A(G))^2) |

    with A(F) = F F^T / size(F) and size(F) = channels * space: for "gram" the second is 1/4 and the third
    1 / channels^2 of the first.

    Shapes: `predictions` and `targets` lists of arrays [batch channels *space], channels and space may differ from
    layer to layer; `layer_weights` [layers] >= 0, all 1 unless given -> image [batch].
    Weights and mean: the common contract, one weight an image.
    Errors: `ContractError` for lists of unequal length or another shape.
    Equals: for "content" and a mean over images the weighted sum of torch `F.mse_loss` of the layers; for "gram" and
    "mean" that of their matrices A.

    >>> import numpy as np
    >>> features, other = [np.ones((1, 2, 3)), np.ones((1, 4))], [np.zeros((1, 2, 3)), np.ones((1, 4))]
    >>> float(perceptual(features, other)), float(perceptual(features, other, form="gram"))
    (1.0, 1.0)
    >>> float(perceptual(features, other, form="gram", normalization="mean"))
    0.25
    """
    layers = len(predictions)
    if layer_weights is not None:
        require(
            layer_weights.shape[0] == layers,
            "perceptual: `layer_weights` has {} entries for {} layers.",
            *(layer_weights.shape[0], layers),
        )
    distance = _content if form == "content" else _style
    terms = [distance(x, y, normalization) for x, y in zip(predictions, targets, strict=True)]
    if layer_weights is not None:
        terms = [layer_weights[j, ...] * term for j, term in enumerate(terms)]
    return sum(terms[1:], terms[0])


def _content(x: Array, y: Array, normalization: str) -> Array:
    xp = array_namespace(x)
    squares, axes = (x - y) ** 2, tuple(range(1, len(x.shape)))
    return xp.sum(squares, axis=axes) / 2 if normalization == "gatys" else xp.mean(squares, axis=axes)


def _style(x: Array, y: Array, normalization: str) -> Array:
    xp = array_namespace(x)
    batch, channels = x.shape[:2]
    space = math.prod(x.shape[2:])
    x, y = (xp.reshape(a, (batch, channels, space)) for a in (x, y))
    divisor = {"johnson": 1, "gatys": 2, "mean": channels}[normalization]  # of the matrices: the loss has its square
    half = matmul(x - y, xp.matrix_transpose(x + y)) / (2 * channels * space * divisor)
    difference = half + xp.matrix_transpose(half)  # x x^T - y y^T, without subtracting two large products
    return xp.sum(difference**2, axis=(1, 2))


@loss(
    family="image",
    unit="image",
    source="Zhang, Isola, Efros, Shechtman and Wang 2018, arXiv:1801.03924",
    aliases=("LPIPS",),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 3},
    equals=(
        Equal(
            "torchmetrics",
            "sum(torch.einsum('bc...,c->b...', (M.image.lpips._normalize_tensor(x, 1e-300) - "
            "M.image.lpips._normalize_tensor(y, 1e-300)) ** 2, w).flatten(1).mean(1) "
            "for x, y, w in zip(predictions, targets, channel_weights))",
        ),
    ),
)
def lpips(
    predictions: list[Real["batch ?channels *?space"]],
    targets: list[Real["batch ?channels *?space"]],
    channel_weights: list[NonNegative["?channels"]],
) -> Real["batch"]:
    """LPIPS: weighted squared distances of the directions of feature vectors, one item a layer.

    l = sum_j mean over space of sum_c channel_weights[j][c] (F_c / |F| - G_c / |G|)^2, with F and G the vectors over
    the channels at a point of layer j of `predictions` and `targets`. The direction of a vector 0 is 0, with gradient
    0.

    Shapes: `predictions` and `targets` lists of arrays [batch channels *space], channels and space may differ from
    layer to layer; `channel_weights` a list of arrays [channels] >= 0, the linear layers of a trained metric -> image
    [batch].
    Weights and mean: the common contract, one weight an image.
    Errors: `ContractError` for lists of unequal length or another shape.
    Equals: what torchmetrics `learned_perceptual_image_patch_similarity` and the reference code compute of the features
    of their networks, but for the 1e-8 and 1e-10 that they add in the norm. The equation of the paper squares
    channel_weights; its code, and so this, does not.

    >>> import numpy as np
    >>> features, other = [np.asarray([[[3.0], [0.0]]])], [np.asarray([[[0.0], [5.0]]])]
    >>> float(lpips(features, other, [np.asarray([1.0, 0.5])]))
    1.5
    """
    terms = [_directions_apart(x, y, w) for x, y, w in zip(predictions, targets, channel_weights, strict=True)]
    return sum(terms[1:], terms[0])


def _directions_apart(x: Array, y: Array, weights: Array) -> Array:
    xp = array_namespace(x)
    vectors = xp.permute_dims(xp.stack((x, y)), (0, 1, *range(3, len(x.shape) + 1), 2))
    directions = normalize(vectors)[0]
    gaps = directions[0, ...] - directions[1, ...]
    equal = xp.all(vectors[0, ...] == vectors[1, ...], axis=-1, keepdims=True)
    squares = with_value(xp.where(equal, 0.0, gaps), gaps) ** 2  # a compiler may round the two directions differently
    apart = xp.sum(squares * xp.reshape(weights, (1,) * (len(squares.shape) - 1) + (-1,)), axis=-1)
    space = tuple(range(1, len(apart.shape)))
    return xp.mean(apart, axis=space) if space else apart
