"""Losses between images, and between feature maps of images."""

import math
from typing import Literal

from lossspec.loss import Equal, loss, require
from lossspec.numerics import absolute, array_namespace, matmul, norm
from lossspec.terms import Array, AtLeastOne, Count, Image, NonNegative, Positive, Real

__all__ = ["gradient_difference", "perceptual", "psnr", "ssim"]


def _gaussian(width: int, sigma: Array) -> list[Array]:
    """Weights of a Gaussian window that sum to 1."""
    exp = math.exp if isinstance(sigma, (int, float)) else array_namespace(sigma).exp
    weights = [exp(-(((offset - (width - 1) / 2) / sigma) ** 2) / 2) for offset in range(width)]
    total = sum(weights[1:], weights[0])
    return [weight / total for weight in weights]


def _moments(x: Array, weights: list[Array]) -> tuple[Array, Array]:
    """Mean and variance of every window on the last two axes that lies inside the image.

    Variances add up axis by axis, within rows and then between rows, as sums of squares: nothing cancels, as it
    would in E[x^2] - E[x]^2.
    """

    def windows(a: Array, axis: int) -> list[Array]:
        count = a.shape[axis] - len(weights) + 1
        rest = (slice(None),) * (-1 - axis)
        return [a[(..., slice(k, k + count), *rest)] for k in range(len(weights))]

    def average(parts: list[Array]) -> Array:
        terms = [weight * part for weight, part in zip(weights, parts, strict=True)]
        return sum(terms[1:], terms[0])

    mean, variance = x, None
    for axis in (-1, -2):
        parts = windows(mean, axis)
        mean = average(parts)
        between = [(part - mean) ** 2 for part in parts]
        if variance is not None:
            between = [b + v for b, v in zip(between, windows(variance, axis), strict=True)]
        variance = average(between)
    return mean, variance


@loss(
    family="image",
    unit="image",
    source="Wang, Bovik, Sheikh and Simoncelli 2004, doi:10.1109/TIP.2003.819861",
    aliases=("SSIMLoss", "ssim_loss"),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 1, "height": 12, "width": 11},
)
def ssim(
    predictions: Image["batch channels height width"],
    targets: Image["batch channels height width"],
    *,
    data_range: Positive = 1.0,
    window: Count = 11,
    sigma: Positive = 1.5,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
) -> Real["batch"]:
    """One minus the mean structural similarity of two images.

    l = 1 - mean over channels and windows of
    (2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2)),
    with m and s the means, variances and covariance under a Gaussian window of `window` by `window` pixels and width
    `sigma` (in pixels), c1 = (k1 * data_range)^2 and c2 = (k2 * data_range)^2.

    Shapes: `predictions` and `targets` [batch channels height width], intensities in [0, data_range]; only windows that
    lie inside the image count -> image [batch], in [0, 2].
    Weights and mean: the common contract, one weight an image.
    Errors: `ContractError` for another shape or a window larger than the image, `DTypeError` for integer images.
    Equals: MONAI `SSIMLoss` (no padding), twice kornia `ssim_loss(padding="valid")`; 1 - torchmetrics
    `structural_similarity_index_measure` pads by reflection.

    >>> import numpy as np
    >>> x = np.linspace(0.0, 1.0, 144).reshape(1, 1, 12, 12)
    >>> float(ssim(x, x)), float(ssim(x, 1 - x)) > 1
    (0.0, True)
    """
    height, width = predictions.shape[-2:]
    require(
        window <= height and window <= width,
        f"ssim: `window` is {window}, larger than the image of {height} x {width}. Fix: pass a smaller `window`.",
    )
    xp = array_namespace(predictions)
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    stacked = xp.stack((predictions, targets, predictions - targets))
    means, variances = _moments(stacked, _gaussian(int(window), sigma))
    # 1 - luminance and 1 - structure, each from the difference image: small losses keep their digits.
    brightness = means[2, ...] ** 2 / (means[0, ...] ** 2 + means[1, ...] ** 2 + c1)
    structure = variances[2, ...] / (variances[0, ...] + variances[1, ...] + c2)
    return xp.mean(brightness + (1 - brightness) * structure, axis=(1, 2, 3))


@loss(
    family="image",
    unit="image",
    source="Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155; Gatys, Ecker and Bethge 2016, arXiv:1508.06576",
    aliases=("perceptual_loss",),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 3},
)
def perceptual(
    predictions: list[Real["batch ?channels *?space"]],
    targets: list[Real["batch ?channels *?space"]],
    *,
    layer_weights: NonNegative["layers"] | None = None,
    form: Literal["content", "gram"] = "content",
) -> Real["batch"]:
    """The difference of two images as a network sees them: of lists of feature maps, one item a layer.

    l = sum_j layer_weights[j] * mean((F_j - G_j)^2) for form="content", with F_j and G_j the maps of layer j of
    `predictions` and `targets`; l = sum_j layer_weights[j] * sum((A(F_j) - A(G_j))^2) for form="gram" (style), with
    A(F) = F F^T / size(F) for F as a matrix of channels by space.

    Shapes: `predictions` and `targets` lists of arrays [batch channels *space], channels and space may differ from
    layer to layer; `layer_weights` [layers] >= 0, all 1 unless given -> image [batch].
    Weights and mean: the common contract, one weight an image.
    Errors: `ContractError` for lists of unequal length or another shape.
    Equals: for "content" and a mean over images the weighted sum of torch `F.mse_loss` of the layers; for "gram"
    Johnson's normalisation (Gatys' is 1/4 of it for square maps, and a mean over the matrix is 1/channels^2 of it).

    >>> import numpy as np
    >>> features, other = [np.ones((1, 2, 3)), np.ones((1, 4))], [np.zeros((1, 2, 3)), np.ones((1, 4))]
    >>> float(perceptual(features, other)), float(perceptual(features, other, form="gram"))
    (1.0, 1.0)
    """
    layers = len(predictions)
    if layer_weights is not None:
        require(
            layer_weights.shape[0] == layers,
            f"perceptual: `layer_weights` has {layer_weights.shape[0]} entries for {layers} layers.",
        )
    distance = _content if form == "content" else _style
    terms = [distance(x, y) for x, y in zip(predictions, targets, strict=True)]
    if layer_weights is not None:
        terms = [layer_weights[j, ...] * term for j, term in enumerate(terms)]
    return sum(terms[1:], terms[0])


def _content(x: Array, y: Array) -> Array:
    return array_namespace(x).mean((x - y) ** 2, axis=tuple(range(1, len(x.shape))))


def _style(x: Array, y: Array) -> Array:
    xp = array_namespace(x)
    batch, channels = x.shape[:2]
    space = math.prod(x.shape[2:])
    x, y = (xp.reshape(a, (batch, channels, space)) for a in (x, y))
    half = matmul(x - y, xp.matrix_transpose(x + y)) / (2 * channels * space)
    difference = half + xp.matrix_transpose(half)  # x x^T - y y^T, without subtracting two large products
    return xp.sum(difference**2, axis=(1, 2))


@loss(
    family="image",
    unit="image",
    source="Huynh-Thu and Ghanbari 2008, doi:10.1049/el:20080522",
    equals=(
        Equal(
            "torchmetrics",
            "-M.image.peak_signal_noise_ratio(predictions, targets, data_range=data_range, dim=(1, 2, 3), "
            "reduction='none')",
        ),
    ),
    sizes={"batch": 2, "channels": 1, "height": 4, "width": 3},
)
def psnr(
    predictions: Image["batch channels height width"],
    targets: Image["batch channels height width"],
    *,
    data_range: Positive = 1.0,
) -> Real["batch"]:
    """The peak signal-to-noise ratio of an image in decibels, negative: a loss, to be minimised.

    l = 10 log10(m / data_range^2), with m = mean((predictions - targets)^2) over channels and pixels of one image.

    Shapes: `predictions` and `targets` [batch channels height width], intensities in [0, data_range]; `data_range` > 0
    -> image [batch], at most 0.
    Weights and mean: the common contract, one weight an image. Equal images have loss -inf, with gradient 0. The mean
    is that of the ratios of the images; the ratio of the mean m of a batch is that of the batch as one image.
    Errors: `ContractError` for another shape, an image without pixels or data_range <= 0, `DTypeError` for integer
    images.
    Equals: minus torchmetrics `peak_signal_noise_ratio` with `dim=(1, 2, 3)`; without `dim` it takes one m for the
    whole batch, as kornia `psnr_loss` does.

    >>> import numpy as np
    >>> x = np.full((1, 1, 2, 2), 0.5)
    >>> round(float(psnr(x, x + 0.1)), 12), float(psnr(x, x))  # 10 log10(1 / 100)
    (-20.0, -inf)
    """
    xp = array_namespace(predictions)
    count = math.prod(predictions.shape[1:])
    require(count > 0, f"psnr: `predictions` has shape {tuple(predictions.shape)}: images without pixels have no mean.")
    distance = norm(xp.reshape(predictions - targets, (predictions.shape[0], count)))
    equal = distance == 0
    ratio = xp.where(equal, 1.0, distance) / (math.sqrt(count) * data_range)
    return xp.where(equal, -math.inf, (20 / math.log(10)) * xp.log(ratio))


def _difference_of_steps(x: Array, y: Array, e: Array, axis: int) -> Array:
    """|D x| - |D y| for the differences D of neighbours on an axis, from e = x - y where the signs are the same."""
    xp = array_namespace(x)
    rest, size = (slice(None),) * (-1 - axis), x.shape[axis]

    def steps(a: Array) -> Array:
        return a[(..., slice(min(1, size), size), *rest)] - a[(..., slice(0, max(size - 1, 0)), *rest)]

    of_x, of_y, of_e = steps(x), steps(y), steps(e)
    return xp.where(of_x * of_y > 0, xp.where(of_x > 0, of_e, -of_e), absolute(of_x) - absolute(of_y))


@loss(
    family="image",
    unit="image",
    source="Mathieu, Couprie and LeCun 2016, arXiv:1511.05440",
    aliases=("gdl",),
    equals=(
        Equal(
            "torchmetrics",
            "sum(((a.abs() - b.abs()).abs() ** alpha).sum((1, 2, 3)) "
            "for a, b in zip(M.image.image_gradients(predictions), M.image.image_gradients(targets)))",
        ),
    ),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 1, "height": 4, "width": 3},
)
def gradient_difference(
    predictions: Real["batch channels height width"],
    targets: Real["batch channels height width"],
    *,
    alpha: AtLeastOne = 1.0,
) -> Real["batch"]:
    """The difference of the steps between neighbouring pixels of two images, by their size: it asks for sharp edges.

    l = sum(||D_h P| - |D_h T||^alpha + ||D_w P| - |D_w T||^alpha) over channels and pixels, with D_h and D_w the
    differences to the next pixel on either axis, P the `predictions` and T the `targets`.

    Shapes: `predictions` and `targets` [batch channels height width], any real numbers; `alpha` >= 1, a number or a 0-d
    array -> image [batch]. An axis of one pixel has no steps and adds 0.
    Weights and mean: the common contract, one weight an image. The derivative is declared 0 where a step is 0, and for
    alpha = 1 where both are of one size.
    Errors: `ContractError` for another shape or alpha < 1, `DTypeError` for integer images.
    Equals: the loss of the paper, a sum over pixels; with the signs of the steps it would be, for alpha = 1, the
    `total_variation` of predictions - targets, which is not below it.

    >>> import numpy as np
    >>> x, y = np.asarray([[[[0.0, 3.0], [1.0, 1.0]]]]), np.zeros((1, 1, 2, 2))
    >>> float(gradient_difference(x, y)), float(gradient_difference(x, -x)), float(gradient_difference(x, y, alpha=2.0))
    (6.0, 0.0, 14.0)
    """
    xp = array_namespace(predictions)
    error = predictions - targets
    total = None
    for axis in (-2, -1):
        difference = _difference_of_steps(predictions, targets, error, axis)
        zero = difference == 0
        powers = xp.where(zero, 0.0, xp.abs(xp.where(zero, 1.0, difference)) ** alpha)
        part = xp.sum(powers, axis=(1, 2, 3))
        total = part if total is None else total + part
    return total
