"""Structural similarity of two images, at one scale and at several."""

from typing import Literal

from lossspec.declaration import Equal, loss, require
from lossspec.losses.image._ranks import planar
from lossspec.losses.image._windows import average, axes_of_space, steps_of_windows
from lossspec.numerics import (
    absolute,
    array_namespace,
    expm1,
    log1p,
    mirrored,
    stop_gradient,
    whole,
    with_value,
)
from lossspec.terms import Array, Count, Image, NonNegative, Positive, Real, UnitInterval

__all__ = [
    "ms_ssim",
    "ms_ssim_l1",
    "ssim",
]


def _windows(z: Array, window: int, sigma: Array | None) -> tuple[Array, Array, Array, list[Array]]:
    """The weights of a block of windows, one column a window; fewer windows take its upper left part.

    They are Gaussian, or equal without `sigma`. Also the same without the middle of each window, the sum of such a
    column, and the weights of one window. Next to the middle of a Gaussian the exponent is 0: something is left of a
    narrow one.
    """
    xp = array_namespace(z)
    steps, inside = steps_of_windows(z, window)
    if sigma is None:
        weights = xp.where(inside, xp.ones_like(steps) / window, 0.0)
    else:
        nearest = 0.0 if window % 2 else 0.25
        powers = xp.exp((nearest - xp.where(inside, steps**2, nearest)) / sigma / sigma / 2)
        weights = xp.where(inside, powers, 0.0)
        weights = weights / xp.sum(weights[:, 0])
    others = xp.where(steps == (window - 1) // 2 - (window - 1) / 2, 0.0, weights)
    fixed = stop_gradient(weights)
    return weights, others, xp.sum(others[:, 0]), [fixed[k, 0] for k in range(window)]


def _moments_along(
    z: Array, others: Array, share: Array, factors: list[Array], axis: int
) -> tuple[Array, Array, Array]:
    """Moments of x, y and x - y in every window along an axis, from the result of `_windows`.

    The means; for the gradient v_x + v_y, the covariance and the variance of x - y; for the value, as constants, the
    variances of x - y and x + y. The latter are sums of squares, so that flat images keep their digits. The derivatives
    come from few matrix products without the middle of the window: with it those of a narrow window would cancel.
    """
    xp = array_namespace(z)
    last, rest = len(factors) - 1, (slice(None),) * (-1 - axis)
    count = z.shape[axis] - last

    def part(x: Array, k: int) -> Array:
        return x[(..., slice(k, k + count), *rest)]

    x, y, difference = (z[k, ...] for k in range(3))
    products = xp.stack((x * x + y * y, x * y, difference * difference))
    sums = average(xp.concat((z, products)), others, last + 1, axis)
    middle, along = part(z, last // 2), sums[:3, ...]
    off = along - share * middle
    means = middle + off
    squares = middle * (along + off) + off * off
    product = middle[0, ...] * off[1, ...] + middle[1, ...] * along[0, ...] + off[0, ...] * off[1, ...]
    known = xp.stack((squares[0, ...] + squares[1, ...], product, squares[2, ...]))
    fixed, center = _apart(stop_gradient(z)), _apart(stop_gradient(means))

    def square(k: int) -> Array:
        return (part(fixed, k) - center) ** 2

    terms = [factors[k] * (square(k) + square(last - k)) for k in range((last + 1) // 2)]  # weights are symmetric
    if last % 2 == 0:
        terms.append(factors[last // 2] * square(last // 2))
    return means, sums[3:, ...] - known, sum(terms[1:], terms[0])


def _apart(z: Array) -> Array:
    """The difference and the sum of two images, from both and their difference."""
    return array_namespace(z).stack((z[2, ...], z[0, ...] + z[1, ...]))


def _of_windows(
    z: Array, window: int, sigma: Array | None, data_range: Array, k1: Array, k2: Array, with_luminance: bool
) -> tuple[Array, Array]:
    """One minus the similarity of two images in each window, or of their contrast and structure alone.

    The first result is the value, the second the similarity that has the derivative. The value is made of squares of
    the difference over squares of both: small losses keep their digits. Where the two are alike so is the gradient.
    Elsewhere the terms of that cancel, and it comes from the products over the squares.
    """
    xp = array_namespace(z)
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    weights, others, share, factors = _windows(z, window, sigma)
    moments: Array = None
    fixed: Array = None
    for axis in reversed(axes_of_space(z)):
        z, between, fixed_between = _moments_along(z, others, share, factors, axis)
        if axis == -1:
            moments, fixed = between, fixed_between
        else:  # what varies within the windows of the axes before, and between them
            moments = average(moments, weights, window, axis) + between
            fixed = average(fixed, stop_gradient(weights), window, axis) + fixed_between
    apart, alike = fixed[0, ...], fixed[1, ...]

    squares = with_value((apart + alike) / 2, moments[0, ...]) + c2
    contrast = (2 * with_value((alike - apart) / 4, moments[1, ...]) + c2) / squares
    structure = with_value(apart, moments[2, ...]) / squares
    similarity = with_value(contrast, xp.where(3 * apart < alike, -structure, contrast))
    loss = stop_gradient(structure)
    if with_luminance:
        x, y = z[0, ...], z[1, ...]
        difference, squares = z[2, ...] ** 2, x * x + y * y + c1
        luminance, brightness = (2 * x * y + c1) / squares, difference / squares
        similarity = similarity * with_value(luminance, xp.where(2 * difference < squares, -brightness, luminance))
        loss = _either(stop_gradient(brightness), loss)
    return loss, similarity


def _either(first: Array, second: Array) -> Array:
    """1 - (1 - first) (1 - second), which is small where both are."""
    return first + (1 - first) * second


def _mean(loss: Array, similarity: Array) -> Array:
    """The mean over channels and windows of what `_of_windows` returns."""
    xp, axes = array_namespace(loss), tuple(range(1, len(loss.shape)))
    return with_value(xp.mean(loss, axis=axes), -xp.mean(similarity, axis=axes))


def _dissimilarity(
    z: Array, window: int, sigma: Array | None, data_range: Array, k1: Array, k2: Array, with_luminance: bool
) -> Array:
    """One minus the mean similarity of two images, or of their contrast and structure alone."""
    return _mean(*_of_windows(z, window, sigma, data_range, k1, k2, with_luminance))


@loss(
    family="image",
    unit="image",
    source="Wang, Bovik, Sheikh and Simoncelli 2004, doi:10.1109/TIP.2003.819861",
    aliases=("SSIM", "monai:SSIMLoss"),
    also={
        "kornia:SSIMLoss ssim_loss": "it is half of ssim. Fix: 0.5 * ssim",
    },
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 1, "space": (5, 5), "window": 3, "sigma": 0.42},
    equals=(
        Equal(
            "monai",
            "monai.SSIMLoss(predictions.ndim - 2, data_range=data_range, kernel_type=kernel, win_size=window, "
            "kernel_sigma=sigma, k1=k1, k2=k2, reduction='none')(predictions, targets).flatten()",
            when="padding == 'valid'",
            differs={"empty batch": "it refuses an empty batch"},
            single=True,
        ),
        Equal(
            "torchmetrics",
            "1 - M.structural_similarity_index_measure(predictions, targets, gaussian_kernel=kernel == 'gaussian', "
            "sigma=sigma, kernel_size=window, reduction='none', data_range=data_range, k1=k1, k2=k2)",
            when="padding == 'reflect'",
        ),
        Equal(
            "torchmetrics",
            "1 - M.structural_similarity_index_measure(predictions, targets, gaussian_kernel=kernel == 'gaussian', "
            "sigma=sigma, kernel_size=window, reduction='none', data_range=data_range, k1=k1, k2=k2, "
            "return_full_image=True)[1][..., window // 2:-(window // 2), window // 2:-(window // 2)].mean((1, 2, 3))",
            when="predictions.ndim == 4 and padding == 'valid' "
            "and (kernel == 'uniform' or window == 2 * int(3.5 * sigma + 0.5) + 1)",
            differs={"empty batch": "of an empty batch it returns no image"},
        ),
    ),
)
def ssim(
    predictions: Image["batch channels *space"],
    targets: Image["batch channels *space"],
    *,
    data_range: Positive = 1.0,
    window: Count = 11,
    sigma: Positive = 1.5,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
    kernel: Literal["gaussian", "uniform"] = "gaussian",
    padding: Literal["valid", "reflect"] = "valid",
) -> Real["batch"]:
    """SSIM loss: one minus the mean structural similarity of two images or volumes.

    l = 1 - mean over channels and windows of
    (2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2)),
    with m and s the means, variances and covariance in a window of `window` pixels along each axis, whose weights are a
    Gaussian of width `sigma` (in pixels) or, for kernel="uniform", equal; c1 = (k1 * data_range)^2 and
    c2 = (k2 * data_range)^2. For padding="valid" the windows are those that lie inside the image; for "reflect" every
    pixel has one, and the image is continued as in a mirror that does not repeat the edge.

    Shapes: `predictions` and `targets` [batch channels *space], intensities in [0, data_range], with two axes of space
    for images and three for volumes -> image [batch], in [0, 2]. For one result a channel make each an image: reshape
    both to [batch * channels, 1, *space].
    Weights and mean: the common contract, one weight an image. No pixel can be left out: windows are not defined
    without it.
    Errors: `ContractError` for another shape or a window larger than the image (for "reflect": that reaches beyond the
    mirror image), `DTypeError` for integer images.
    Equals: "valid" is the paper, MONAI `SSIMLoss` (which computes in float32) and twice kornia
    `ssim_loss(padding="valid")`; "reflect" is 1 - torchmetrics `structural_similarity_index_measure`, which derives its
    Gaussian window from `sigma` and, unless it is given, `data_range` from the images.

    >>> import numpy as np
    >>> black, white = np.zeros((1, 1, 12, 12)), np.ones((1, 1, 12, 12))
    >>> float(ssim(white, white)), round(float(ssim(black, white)), 8)
    (0.0, 0.99990001)
    """
    window, reflected = int(window), padding == "reflect"
    _hold_windows("ssim", predictions, window, window // 2 + 1 if reflected else window)
    if kernel == "uniform":
        sigma = None
    return whole(_single_scale, predictions, targets, data_range, sigma, k1, k2, window=window, reflected=reflected)


def _hold_windows(name: str, images: Array, window: int, needed: int) -> None:
    """Refuse images that are smaller than a window, or than the part of one that their mirror image does not hold."""
    planar(name, images)
    size = images.shape[2:]
    require(
        min(size) >= needed,
        f"{name}: `window` is {{}}, larger than the image of {_sides(size)}"
        + (" with its mirror image, which takes at least {}" if needed < window else "")
        + ". Fix: pass a smaller `window`.",
        *(window, *size, needed),
    )


def _sides(size: tuple[int, ...]) -> str:
    """The places of the sides of an image in a message."""
    return " x ".join(["{}"] * len(size))


def _single_scale(
    x: Array, y: Array, data_range: Array, sigma: Array | None, k1: Array, k2: Array, *, window: int, reflected: bool
) -> Array:
    z = array_namespace(x).stack((x, y, x - y))
    for axis in reversed(axes_of_space(z)) if reflected else ():
        z = mirrored(z, (window - 1) // 2, window // 2, axis)
    return _dissimilarity(z, window, sigma, data_range, k1, k2, with_luminance=True)


@loss(
    family="image",
    unit="image",
    source="Wang, Simoncelli and Bovik 2003, doi:10.1109/ACSSC.2003.1292216",
    aliases=("MS-SSIM", "MSSSIM"),
    perfect={"predictions": "targets"},
    sizes={
        "batch": 2,
        "channels": 1,
        "space": (6, 6),
        "scales": 2,
        "scale_weights": (0.25, 0.75),
        "window": 3,
        "sigma": 0.4,
    },
    equals=(
        Equal(
            "torchmetrics",
            "1 - M.structural_similarity_index_measure(predictions, targets, sigma=sigma, reduction='none', "
            "data_range=data_range, k1=k1, k2=k2, return_contrast_sensitivity=True)[1].relu() ** scale_weights[0] * "
            "M.structural_similarity_index_measure(torch.nn.functional.avg_pool2d(predictions, 2), "
            "torch.nn.functional.avg_pool2d(targets, 2), sigma=sigma, reduction='none', data_range=data_range, k1=k1, "
            "k2=k2, return_full_image=True)[1][..., window // 2:-(window // 2), window // 2:-(window // 2)]"
            ".mean((1, 2, 3)).relu() ** scale_weights[1]",
            when="predictions.ndim == 4 and normalize == 'relu' and len(scale_weights) == 2 "
            "and window == 2 * int(3.5 * sigma + 0.5) + 1",
            differs={"empty batch": "of an empty batch it returns no image"},
        ),
    ),
)
def ms_ssim(
    predictions: Image["batch channels *space"],
    targets: Image["batch channels *space"],
    *,
    scale_weights: NonNegative["scales"] = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
    data_range: Positive = 1.0,
    window: Count = 11,
    sigma: Positive = 1.5,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
    normalize: Literal["relu", "simple"] = "relu",
) -> Real["batch"]:
    """MS-SSIM loss: one minus the structural similarity of two images at several scales.

    l = 1 - prod_j f(C_j)^scale_weights[j], with C_j the mean over channels and windows of the contrast-structure
    (2 s_xy + c2) / (s_x^2 + s_y^2 + c2) at scale j, and for the last scale of the whole similarity, as in `ssim`. Each
    scale is the one before averaged over blocks of 2 pixels a side; an odd last row or column is left out. f(C) is
    max(C, 0) for normalize="relu": images with a negative mean have the loss 1, with gradient 0. It is (1 + C) / 2 for
    "simple".

    Shapes: `predictions` and `targets` [batch channels *space], intensities in [0, data_range], with two axes of space
    for images and three for volumes; `scale_weights` [scales] >= 0, the finest scale first -> image
    [batch], in [0, 1]. Its default, of the paper, has five scales and needs images of at least 176 by 176 pixels.
    Weights and mean: the common contract, one weight an image. No pixel can be left out: windows are not defined
    without it.
    Errors: `ContractError` for another shape or images of less than window * 2^(scales - 1) pixels a side,
    `DTypeError` for integer images.
    Equals: one minus MONAI `MultiScaleSSIMMetric`, which computes in float32. pytorch-msssim takes the product over the
    scales channel by channel and then the mean, and pads an odd size: one minus it is equal for one channel whose sizes
    can be halved at every scale. torchmetrics `multiscale_structural_similarity_index_measure` reflects the image at
    its edges at the last scale alone, and without `normalize` has NaN for negative means.

    >>> import numpy as np
    >>> black, white = np.zeros((1, 1, 24, 24)), np.ones((1, 1, 24, 24))
    >>> two = ms_ssim.configured(scale_weights=(0.5, 0.5))
    >>> float(two(white, white)), round(float(two(black, white)), 6)
    (0.0, 0.99)
    """
    window, scales = int(window), scale_weights.shape[0]
    size = predictions.shape[2:]
    needed = window * 2 ** (scales - 1) if scales else 0
    require(scales > 0, "ms_ssim: `scale_weights` is empty. Fix: pass one weight a scale.")
    planar("ms_ssim", predictions)
    require(
        min(size) >= needed,
        f"ms_ssim: an image of {_sides(size)} is too small for `window` {{}} at {{}} scales, which take at least {{}} "
        "a side. Fix: pass fewer `scale_weights`, a smaller `window` or larger images.",
        *(*size, window, scales, needed),
    )
    constants = (data_range, sigma, k1, k2)
    return whole(_all_scales, predictions, targets, scale_weights, *constants, window=window, normalize=normalize)


def _all_scales(
    x: Array,
    y: Array,
    scale_weights: Array,
    data_range: Array,
    sigma: Array,
    k1: Array,
    k2: Array,
    *,
    window: int,
    normalize: str,
) -> Array:
    xp = array_namespace(x)
    z, scales = xp.stack((x, y, x - y)), scale_weights.shape[0]
    losses = []
    for scale in range(scales):
        if scale:
            z = _halved(z)
        last = scale == scales - 1
        losses.append(_dissimilarity(z, window, sigma, data_range, k1, k2, with_luminance=last))
    apart = xp.stack(losses, axis=-1)
    apart = apart / 2 if normalize == "simple" else apart
    weights = scale_weights[None, :]
    lost = (apart >= 1) & (weights > 0)
    logs = xp.sum(weights * log1p(-xp.where(apart >= 1, 0.0, apart)), axis=-1)
    return xp.where(xp.any(lost, axis=-1), 1.0, -expm1(logs))


def _halved(z: Array) -> Array:
    """The means of blocks of 2 pixels along each axis of space."""
    xp, space = array_namespace(z), z.shape[3:]
    inside = z[(..., *(slice(size // 2 * 2) for size in space))]
    blocks = xp.reshape(inside, (*z.shape[:3], *(part for size in space for part in (size // 2, 2))))
    return xp.mean(blocks, axis=tuple(range(4, 3 + 2 * len(space), 2)))


@loss(
    family="image",
    unit="image",
    source="Zhao, Gallo, Frosio and Kautz 2017, arXiv:1511.08861",
    aliases=("MS-SSIM-L1", "mix_loss"),
    also={
        "kornia:MS_SSIMLoss": (
            "it is 200 times as large with alpha=0.025, pads images with zeros and multiplies the similarities of all "
            "three channels. Fix: 200 * ms_ssim_l1.configured(alpha=0.025), which takes their mean"
        ),
    },
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "channels": 1, "space": (4, 3), "scales": 2, "sigmas": (0.4, 0.8), "window": 3},
)
def ms_ssim_l1(
    predictions: Image["batch channels *space"],
    targets: Image["batch channels *space"],
    *,
    alpha: UnitInterval["#batch"] = 0.84,
    sigmas: Positive["scales"] = (0.5, 1.0, 2.0, 4.0, 8.0),
    data_range: Positive = 1.0,
    window: Count = 33,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
) -> Real["batch"]:
    """Mix of MS-SSIM and L1: one minus the similarity in windows of several widths, and absolute errors in the widest.

    l = alpha * (1 - mean of L_M prod_j C_j) + (1 - alpha) * mean of sum_i w_i |predictions_i - targets_i| / data_range,
    the means over channels and windows of `window` pixels along each axis inside the image, with C_j the
    contrast-structure of `ssim` in a window under a Gaussian of width sigmas[j] (in pixels), and L_M and w the
    luminance and the weights of the last one. All scales are of the full resolution, as in the paper; `ms_ssim` halves
    the images instead, and takes means before the product.

    Shapes: `predictions` and `targets` [batch channels *space], intensities in [0, data_range], with two axes of space
    for images and three for volumes; `sigmas` [scales] > 0, the widest last; `alpha` in [0, 1] -> image [batch].
    Weights and mean: the common contract, one weight an image. The derivative of a difference of 0 is declared 0. No
    pixel can be left out: windows are not defined without it.
    Errors: `ContractError` for another shape, no `sigmas` or a window larger than the image, `DTypeError` for integer
    images.
    Equals: the loss of the paper where its windows of infinite width are cut off at `window` pixels. For one scale,
    alpha=1 is `ssim`.

    >>> import numpy as np
    >>> black, white = np.zeros((1, 1, 33, 33)), np.ones((1, 1, 33, 33))
    >>> float(ms_ssim_l1(white, white)), round(float(ms_ssim_l1(black, white)), 6)  # 0.84 * 0.9999 + 0.16
    (0.0, 0.999916)
    """
    window = int(window)
    require(sigmas.shape[0] > 0, "ms_ssim_l1: `sigmas` is empty. Fix: pass one width a scale.")
    _hold_windows("ms_ssim_l1", predictions, window, window)
    return whole(_mix, predictions, targets, alpha, sigmas, data_range, k1, k2, window=window)


def _mix(
    x: Array, y: Array, alpha: Array, sigmas: Array, data_range: Array, k1: Array, k2: Array, *, window: int
) -> Array:
    xp = array_namespace(x)
    z, scales = xp.stack((x, y, x - y)), sigmas.shape[0]
    loss: Array = None
    similarity: Array = None
    for scale in range(scales):
        sigma, last = sigmas[scale], scale == scales - 1
        lost, kept = _of_windows(z, window, sigma, data_range, k1, k2, with_luminance=last)
        loss, similarity = (lost, kept) if scale == 0 else (_either(loss, lost), similarity * kept)
    weights, errors = _windows(z, window, sigmas[scales - 1])[0], absolute(z[2, ...])
    for axis in axes_of_space(z):
        errors = average(errors, weights, window, axis)
    error = xp.mean(errors, axis=tuple(range(1, len(errors.shape))))
    return alpha * _mean(loss, similarity) + (1 - alpha) * error / data_range
