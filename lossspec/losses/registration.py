"""Losses of the registration of images: their similarity, and penalties on fields of displacements."""

from typing import Literal

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.losses.image._ranks import planar
from lossspec.losses.image._windows import average, axes_of_space, steps_of_windows
from lossspec.numerics import (
    array_namespace,
    number,
    per_row,
    ratio_or_zero,
    stop_gradient,
    whole,
    with_value,
)
from lossspec.terms import Array, Count, NonNegative, Real

__all__ = [
    "bending_energy",
    "local_normalized_cross_correlation",
]


@loss(
    family="registration",
    unit="example",
    source="Rueckert et al. 1999, doi:10.1109/42.796284 (read in the code of MONAI, not in the paper)",
    sizes={"batch": 2, "dim": 2, "space": (3, 4)},
    equals=(
        Equal(
            "monai",
            "monai.BendingEnergyLoss(reduction='none')(displacements).flatten(1).mean(1)",
            when="displacements.size > 0 and displacements.shape[1] == displacements.ndim - 2",
        ),
    ),
)
def bending_energy(displacements: Real["batch dim *space"]) -> Real["batch"]:
    """Bending energy of a field of displacements: the mean of its squared second derivatives, 0 if it is affine.

    l = mean over components and pixels of sum_a (D_a D_a u)^2 + 2 sum_{a < b} (D_a D_b u)^2, with u a component of
    `displacements`, D_a D_a u its second difference u_{+1} - 2 u + u_{-1} along axis a of space and D_a D_b u its mixed
    one (u_{+1, +1} - u_{+1, -1} - u_{-1, +1} + u_{-1, -1}) / 4, at the pixels that have neighbours on all sides.

    Shapes: `displacements` [batch dim *space], one component for each axis of space, with at least 3 pixels along each,
    in the unit of a pixel, or a list of such arrays -> example [batch].
    Weights and mean: the common contract, one weight an example. Convex. No pixel can be left out: differences are not
    defined without it.
    Errors: `ContractError` for another shape or an axis of space with fewer than 3 pixels, `DTypeError` for integers.
    Equals: MONAI `BendingEnergyLoss` without `normalize`. Its versions before 1.6 took differences over two pixels, as
    DeepReg does, at the pixels that are two away from the edge.

    >>> import numpy as np
    >>> u = np.zeros((1, 2, 3, 3))
    >>> u[0, 0, 1, 1] = 1.0
    >>> float(bending_energy(u))  # (2^2 + 2^2 + 0) / 2
    4.0
    """
    xp, axes = array_namespace(displacements), range(2, len(displacements.shape))
    shape = tuple(displacements.shape[2:])
    require(
        bool(shape) and min(shape) > 2,
        "bending_energy: the space of `displacements` is {}: second differences take 3 pixels along each of its axes.",
        shape,
    )

    def moved(steps: dict[int, int]) -> Array:
        """The inner pixels of the field, each moved by a step along some axes."""
        ends = (steps.get(axis, 0) for axis in axes)
        return displacements[(..., *(slice(1 + step, size - 1 + step) for step, size in zip(ends, shape, strict=True)))]

    middle, energy = moved({}), None
    for a in axes:
        own = (moved({a: 1}) - middle) - (middle - moved({a: -1}))
        energy = own**2 if energy is None else energy + own**2
        for b in range(a + 1, len(displacements.shape)):
            mixed = (moved({a: 1, b: 1}) - moved({a: 1, b: -1})) - (moved({a: -1, b: 1}) - moved({a: -1, b: -1}))
            energy = energy + mixed**2 / 8
    return xp.mean(energy, axis=tuple(range(1, len(displacements.shape))))


def _weights_of_windows(z: Array, window: int, kernel: str) -> tuple[Array, list[Array]]:
    """The weights of a block of windows, one a column, and those of one window, as constants; their sum is 1."""
    xp = array_namespace(z)
    steps, inside = steps_of_windows(z, window)
    if kernel == "uniform":
        weights = xp.ones_like(steps)
    elif kernel == "triangular":
        weights = (window + 1) / 2 - xp.abs(steps)
    else:
        weights = xp.exp(-(xp.where(inside, steps, 0.0) ** 2) / (2 * (window / 3) ** 2))
    weights = xp.where(inside, weights, 0.0)
    weights = weights / xp.sum(weights[:, 0])
    return weights, [weights[k, 0] for k in range(window)]


def _parts(z: Array, window: int, axis: int) -> list[Array]:
    """The entries of windows along an axis, counted from the last, one array for each of their places."""
    rest, count = (slice(None),) * (-1 - axis), z.shape[axis] - window + 1
    return [z[(..., slice(k, k + count), *rest)] for k in range(window)]


def _decorrelation(z: Array, variance_floor: Array, *, window: int, kernel: str) -> Array:
    """One minus the squared correlation of two images in each window, from both on the first axis of `z`.

    Along one axis after the other a variance is the mean of those within plus the variance of the means: a sum of
    squares of centred pixels, and no difference of moments. What a line through the window leaves of y is gathered
    likewise, and makes the value. These sums are constants; products of matrices have the derivative of the covariance.
    """
    xp = array_namespace(z)
    weights, factors = _weights_of_windows(z, window, kernel)
    moments: Array = None
    rest: Array = None
    for axis in reversed(axes_of_space(z)):
        pixels, within = stop_gradient(z), None if moments is None else stop_gradient(moments)
        sums = average(xp.concat((z, z * z, z[:1, ...] * z[1:, ...])), weights, window, axis)
        z = sums[:2, ...]
        between = sums[2:, ...] - xp.concat((z * z, z[:1, ...] * z[1:, ...]))
        off = [part - stop_gradient(z) for part in _parts(pixels, window, axis)]
        squares = (w * xp.concat((d * d, d[:1, ...] * d[1:, ...])) for w, d in zip(factors, off, strict=True))
        between = with_value(sum(squares, start=0.0), between)
        moments = between if moments is None else average(moments, weights, window, axis) + between
        slope = _slope(moments)
        left = [(d[1, ...] - slope * d[0, ...]) ** 2 for d in off]
        if within is not None:
            turns = _parts(xp.stack((_slope(within), within[0, ...])), window, axis)
            left = [x + (turn[0, ...] - slope) ** 2 * turn[1, ...] for x, turn in zip(left, turns, strict=True)]
            left = [x + part for x, part in zip(left, _parts(rest, window, axis), strict=True)]
        rest = sum((w * x for w, x in zip(factors, left, strict=True)), start=0.0)
    both, shares, sizes = moments[2, ...], [], []
    for size in (moments[0, ...], moments[1, ...]):
        sizes.append(xp.where(size > variance_floor, size, variance_floor))
        shares.append(ratio_or_zero(stop_gradient(size), stop_gradient(sizes[-1])))
    unlike = shares[0] * ratio_or_zero(rest, stop_gradient(sizes[1])) + (1 - shares[0]) + shares[0] * (1 - shares[1])
    return with_value(unlike, -ratio_or_zero(both, sizes[0]) * ratio_or_zero(both, sizes[1]))


def _slope(moments: Array) -> Array:
    """The slope of y over x as a constant, 0 where x is flat, from the variances and the covariance."""
    return ratio_or_zero(stop_gradient(moments[2, ...]), stop_gradient(moments[0, ...]))


def _mean_decorrelation(x: Array, y: Array, variance_floor: Array, *, window: int, kernel: str, padding: str) -> Array:
    xp = array_namespace(x)
    z = xp.stack((x, y))
    for axis in range(2 - len(x.shape), 0) if padding == "zeros" else ():
        edge = xp.zeros_like(z[(..., slice(0, 1), *(slice(None),) * (-1 - axis))])
        z = xp.concat([edge] * ((window - 1) // 2) + [z] + [edge] * (window // 2), axis=axis)
    floor = number(per_row(variance_floor, len(x.shape) - 1), z)
    lost = _decorrelation(z, floor, window=window, kernel=kernel)
    return xp.mean(lost, axis=tuple(range(1, len(lost.shape))))


@loss(
    family="registration",
    unit="image",
    source="Avants et al. 2008, doi:10.1016/j.media.2007.06.004; Balakrishnan et al. 2019, arXiv:1809.05231",
    aliases=("LNCC", "local_ncc"),
    accuracy=Accuracy(
        gradient=65536.0,
        reason="where one pixel outweighs all others of its windows by eight digits, a correlation hardly depends on "
        "them; its slope, nearly 0, is lost in the rounding of means",
    ),
    also={
        "monai:LocalNormalizedCrossCorrelationLoss": (
            "it is one less, with a floor of 1e-5 / window^axes. Fix: "
            "local_normalized_cross_correlation(window=3, variance_floor=1e-5 / 27) - 1"
        ),
    },
    sizes={"batch": 2, "channels": 1, "space": (3, 3), "window": 3},
    equals=(
        Equal(
            "monai",
            "1 + monai.LocalNormalizedCrossCorrelationLoss(predictions.ndim - 2, window, "
            "{'uniform': 'rectangular'}.get(kernel, kernel), 'none', smooth_dr=variance_floor * "
            "window ** (predictions.ndim - 2))(predictions, targets).flatten(1).mean(1)",
            when="np.ndim(variance_floor) == 0 and padding == 'zeros' and window % 2 == 1 and predictions.size > 0 and "
            "(kernel == 'uniform' or kernel == 'gaussian' and variance_floor == 0)",
        ),
    ),
)
def local_normalized_cross_correlation(
    predictions: Real["batch channels *space"],
    targets: Real["batch channels *space"],
    *,
    window: Count = 9,
    variance_floor: NonNegative["#batch"] = 0.0,
    kernel: Literal["uniform", "triangular", "gaussian"] = "uniform",
    padding: Literal["zeros", "valid"] = "zeros",
) -> Real["batch"]:
    """Local normalized cross-correlation loss (LNCC): one minus the mean squared correlation of two images in windows.

    l = 1 - mean over channels and windows of s_xy^2 / (max(s_x^2, variance_floor) max(s_y^2, variance_floor)), with s
    the variances and the covariance of `predictions` and `targets` in a window of `window` pixels along each axis.
    Their weights, of sum 1, are equal, or products of 1 - |t| / h for kernel="triangular", t the distance from the
    middle of the window and h = (window + 1) / 2, or of exp(-t^2 / (2 s^2)) for "gaussian", with s = window / 3. For
    padding="zeros" every pixel has a window, and images go on beyond their edges with zeros that count as pixels; for
    "valid" the windows are those that lie inside. The square forgets the sign: an image and its negative have the loss
    0.

    Shapes: `predictions` and `targets` [batch channels *space], any real numbers, with two axes of space for images and
    three for volumes; `window` >= 1; `variance_floor` >= 0, in squares of intensity -> image [batch], in [0, 1].
    Weights and mean: the common contract, one weight an image. A window in which an image is flat has no correlation:
    it counts 1, with derivative 0, in the mean. No pixel can be left out: windows are not defined without it.
    Accuracy: variances are sums of squares of centred pixels along one axis after the other, and a small loss is one of
    what a line leaves unexplained. These sums take 2 * window passes over the images for each axis, of which nothing is
    kept for the gradient; that comes from products of matrices.
    Errors: `ContractError` for another shape, an image without pixels or, for "valid", a window larger than the image;
    `DTypeError` for integer images.
    Equals: one more than MONAI `LocalNormalizedCrossCorrelationLoss` for windows of odd size, whose `smooth_dr` is
    variance_floor times the sum of its weights (window^axes for equal ones) and 1e-5 by default. Its triangular windows
    of 3 and 7 pixels, as all of 4 n + 3, are narrower than these. VoxelMorph `NCC` is -mean likewise, with 1e-5 added
    to the product of the two sums of squares.

    >>> import numpy as np
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3) ** 2
    >>> inside = local_normalized_cross_correlation.configured(window=3, padding="valid")
    >>> float(inside(x, 5 - 2 * x)) < 1e-30, float(inside(x, 0 * x))
    (True, 1.0)
    """
    window, size = int(window), tuple(predictions.shape[2:])
    planar("local_normalized_cross_correlation", predictions)
    needed = 1 if padding == "zeros" else window
    require(
        min(size) >= needed,
        "local_normalized_cross_correlation: the space of `predictions` is {}: windows take {} pixels along each axis.",
        *(size, needed),
    )
    return whole(
        _mean_decorrelation, predictions, targets, variance_floor, window=window, kernel=kernel, padding=padding
    )
