"""Losses of the pixels of two images, and of the steps between them."""

import math

from lossspec.declaration import Equal, loss, require
from lossspec.losses.image._ranks import planar
from lossspec.numerics import absolute, array_namespace, norm, per_row, steps
from lossspec.terms import Array, AtLeastOne, Image, Positive, Real

__all__ = [
    "gradient_difference",
    "psnr",
]


@loss(
    family="image",
    unit="image",
    source="Huynh-Thu and Ghanbari 2008, doi:10.1049/el:20080522",
    aliases=("PSNR",),
    equals=(
        Equal(
            "torchmetrics",
            "-M.image.peak_signal_noise_ratio(predictions, targets, data_range=data_range, "
            "dim=tuple(range(1, predictions.ndim)), reduction='none')",
        ),
    ),
    sizes={"batch": 2, "channels": 1, "space": (4, 3)},
    entries="batch *space",
)
def psnr(
    predictions: Image["batch channels *space"],
    targets: Image["batch channels *space"],
    *,
    data_range: Positive = 1.0,
    entries: Array = None,
) -> Real["batch"]:
    """Negative peak signal-to-noise ratio of an image or volume, in decibels.

    l = 10 log10(m / data_range^2), with m = mean((predictions - targets)^2) over channels and pixels of one image.

    Shapes: `predictions` and `targets` [batch channels *space], intensities in [0, data_range], of images or
    volumes; `data_range` > 0 -> image [batch], at most 0.
    Weights and mean: the common contract, one weight an image. Equal images have loss -inf, with gradient 0; so do
    those of which no pixel counts. `where_entries` [batch *space] leaves pixels out of m. The mean
    is that of the ratios of the images; the ratio of the mean m of a batch is that of the batch as one image.
    Errors: `ContractError` for another shape, an image without pixels or data_range <= 0, `DTypeError` for integer
    images.
    Equals: minus torchmetrics `peak_signal_noise_ratio` with all axes but the first in `dim`; without `dim` it takes
    one m for the whole batch, as kornia `psnr_loss` does.

    >>> import numpy as np
    >>> x = np.full((1, 1, 2, 2), 0.5)
    >>> round(float(psnr(x, x + 0.1)), 12), float(psnr(x, x))  # 10 log10(1 / 100)
    (-20.0, -inf)
    """
    xp = array_namespace(predictions)
    count = math.prod(predictions.shape[1:])
    planar("psnr", predictions)
    require(
        count > 0, "psnr: `predictions` has shape {}: images without pixels have no mean.", tuple(predictions.shape)
    )
    distance = norm(xp.reshape(predictions - targets, (predictions.shape[0], count)))
    equal = distance == 0
    root = math.sqrt(count)
    if entries is not None:
        pixels = xp.astype(xp.count_nonzero(entries, axis=tuple(range(1, len(entries.shape)))), distance.dtype)
        root = xp.sqrt(xp.where(pixels == 0, 1.0, pixels) * predictions.shape[1])
    ratio = xp.where(equal, 1.0, distance) / (root * data_range)
    return xp.where(equal, -math.inf, (20 / math.log(10)) * xp.log(ratio))


def _difference_of_steps(x: Array, y: Array, e: Array, axis: int, entries: Array | None) -> Array:
    """|D x| - |D y| for the differences D of neighbours on an axis, from e = x - y where the signs are the same."""
    xp = array_namespace(x)
    of_x, of_y, of_e = (steps(a, axis, entries) for a in (x, y, e))
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
    entries="batch height width",
)
def gradient_difference(
    predictions: Real["batch channels height width"],
    targets: Real["batch channels height width"],
    *,
    alpha: AtLeastOne["#batch"] = 1.0,
    entries: Array = None,
) -> Real["batch"]:
    """Gradient difference loss: differences of the steps between neighbouring pixels, for sharp edges.

    l = sum(||D_h P| - |D_h T||^alpha + ||D_w P| - |D_w T||^alpha) over channels and pixels, with D_h and D_w the
    differences to the next pixel on either axis, P the `predictions` and T the `targets`.

    Shapes: `predictions` and `targets` [batch channels height width], any real numbers; `alpha` >= 1, a number or a 0-d
    array -> image [batch]. An axis of one pixel has no steps and adds 0.
    Weights and mean: the common contract, one weight an image. The derivative is declared 0 where a step is 0, and for
    alpha = 1 where both are of one size. `where_entries` [batch height width] leaves pixels out, and with each its
    steps to all neighbours.
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
        difference = _difference_of_steps(predictions, targets, error, axis, entries)
        zero = difference == 0
        powers = xp.where(zero, 0.0, xp.abs(xp.where(zero, 1.0, difference)) ** per_row(alpha, 3))
        part = xp.sum(powers, axis=(1, 2, 3))
        total = part if total is None else total + part
    return total
