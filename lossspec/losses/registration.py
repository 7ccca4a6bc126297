"""Losses of the registration of images: their similarity, and penalties on fields of displacements."""

from math import inf, prod
from typing import Any, Literal

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.losses.image._ranks import planar
from lossspec.losses.image._windows import average, axes_of_space, steps_of_windows
from lossspec.numerics import (
    absolute,
    array_namespace,
    divergence_terms,
    expm1,
    matmul,
    number,
    per_row,
    positions,
    ratio_or_zero,
    relu,
    softmax,
    stop_gradient,
    whole,
    with_value,
    zero_where,
)
from lossspec.terms import Array, Count, NonNegative, Positive, Real, UnitInterval

__all__ = [
    "bending_energy",
    "local_normalized_cross_correlation",
    "mutual_information",
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


def _bins(x: Array, first: int, last: int) -> Array:
    """The numbers of bins along a last axis."""
    xp = array_namespace(x)
    row = xp.zeros_like(x[..., :1]) if x.shape[-1] else x
    return first + positions(xp.concat([row] * (last - first + 1), axis=-1), dtype=x.dtype)


def _gaussian_shares(place: Array, bins: int, width: Any) -> tuple[Array, Array]:
    """The shares [batch pixels bins] of bins in a pixel: densities of a Gaussian about it at their centres, of sum 1.

    Exponents are differences to the nearest centre, so that no squares of nearly equal distances are subtracted. With
    them: the same less a constant for each bin, in which shares that are nearly alike keep the digits of what differs.
    """
    xp = array_namespace(place)
    centres, place = _bins(place, 0, bins - 1)[:, None, :], place[..., None]
    nearest = xp.floor(stop_gradient(place) + 0.5)
    exponents = (centres - nearest) * ((place - centres) + (place - nearest)) / (2 * per_row(width, 2) ** 2)
    shares = softmax(exponents)
    alike = xp.all(stop_gradient(exponents) > -1, axis=(1, 2), keepdims=True)
    rises = expm1(xp.where(alike, exponents, 0.0))
    total = xp.sum(rises, axis=-1, keepdims=True)
    return shares, xp.where(alike, (rises - total / bins) / (bins + total), shares)


def _spline_shares(place: Array, bins: int) -> Array:
    """The shares [batch pixels bins] of bins in a pixel by a cubic B-spline, with one bin more at either end."""
    apart = absolute(_bins(place, -1, bins)[:, None, :] - place[..., None])
    return (relu(2 - apart) ** 3 - 4 * relu(1 - apart) ** 3) / 6


def _nearest_share(place: Array, bins: int) -> Array:
    """The shares [batch pixels bins] of bins in a pixel, all for the nearest bin, constants; half and half between."""
    xp = array_namespace(place)
    fixed = stop_gradient(place)[..., None]
    apart = xp.abs(_bins(place, 0, bins - 1)[:, None, :] - fixed)
    both = (xp.astype(apart < 0.5, place.dtype) + xp.astype(apart <= 0.5, place.dtype)) / 2
    return both + zero_where(place, place == place)[..., None]  # NaN for NaN


def _mutual_information(
    predictions: Array, targets: Array, width: Any, entries: Array | None, *, bins: int, kernel: str
) -> Array:
    xp, places = array_namespace(predictions), []
    shape = predictions.shape[0], prod(predictions.shape[1:])
    for image in (predictions, targets):
        inside = xp.where(image < 0, 0.0, xp.where(image > 1, 1.0, image))
        places.append(xp.reshape(inside, shape) * (bins - 1))
    if kernel == "gaussian":
        (first, change), (second, other_change) = (_gaussian_shares(place, bins, width) for place in places)
    else:
        first, second = _spline_shares(places[0], bins), _nearest_share(places[1], bins)
        change, other_change = first, second
    counts = xp.ones_like(places[0][..., None])
    if entries is not None:
        there = xp.reshape(xp.broadcast_to(entries, predictions.shape), shape)
        counts = xp.where(there, 1.0, xp.zeros_like(places[0]))[..., None]
    total = xp.sum(counts, axis=1, keepdims=True)
    counts = counts / xp.where(total == 0, 1.0, total)
    of_first, of_second = (xp.sum(counts * shares, axis=1, keepdims=True) for shares in (first, second))
    alone = xp.matrix_transpose(of_first) * of_second
    # The joint shares less the product of both are a covariance, which keeps its digits where images share little.
    change, other_change = (x - xp.sum(counts * x, axis=1, keepdims=True) for x in (change, other_change))
    beyond = matmul(xp.matrix_transpose(counts * change), other_change)
    joint = matmul(xp.matrix_transpose(counts * first), second)
    near = xp.abs(beyond) < 0.5 * alone
    never = (joint == 0) | (alone == 0)
    far = xp.log(xp.where(near | never, 1.0, joint / xp.where(never, 1.0, alone)))
    ratio = xp.where(near, xp.log1p(xp.where(near, beyond / xp.where(near, alone, 1.0), 0.0)), far)
    terms = divergence_terms(joint, alone, xp.where(never, -inf, ratio))
    return -xp.sum(terms, axis=(1, 2))


@loss(
    family="registration",
    unit="image",
    source="Viola and Wells 1997, doi:10.1023/A:1007958904918; windows: Guo 2019, a thesis of MIT, hdl:1721.1/123142, "
    "and Mattes et al. 2003, doi:10.1109/TMI.2003.809072 (read in the code of MONAI)",
    aliases=("MI",),
    also={
        "monai:GlobalMutualInformationLoss": (
            "it adds 1e-7 to shares and quotients, which has no exact counterpart: pass smooth_nr=0, smooth_dr=0 there"
        ),
    },
    sizes={"batch": 2, "channels": 1, "space": (2, 3), "bins": 4},
    entries="batch *space",
    equals=(
        Equal(
            "monai",
            "monai.GlobalMutualInformationLoss('gaussian', bins, width, 'none', 0.0, 0.0)(predictions, targets)",
            when="kernel == 'gaussian' and np.ndim(width) == 0 and width > 0.1 and bins > 1 and predictions.size > 0",
            single=True,
        ),
        Equal(
            "monai",
            "(lambda full: monai.GlobalMutualInformationLoss('b-spline', bins + 4, 0.5, 'none', 1e-30, 1e-30)("
            "torch.cat([predictions, full]), torch.cat([targets, full]))[:-1])(F.pad(torch.full_like(predictions[:1]"
            ".flatten(1)[:, 1:], bins / (bins - 1)), (1, 0)).reshape(predictions[:1].shape))",
            when="kernel == 'spline' and bins > 1 and predictions.size > 0",
            single=True,
        ),
    ),
)
def mutual_information(
    predictions: UnitInterval["batch channels *space"],
    targets: UnitInterval["batch channels *space"],
    *,
    bins: Count = 23,
    width: Positive["#batch"] = 0.5,
    kernel: Literal["gaussian", "spline"] = "gaussian",
    entries: Array = None,
) -> Real["batch"]:
    """Mutual information loss: minus what the intensity of a pixel of one image tells of that of the other image.

    l = -sum_{i, j} p[i, j] log(p[i, j] / (a[i] b[j])), in nats, with a[i] and b[j] the means over channels and pixels
    of the shares u[i] and v[j] of bins in a pixel of `predictions` and of `targets`, and p[i, j] the mean of u[i] v[j].
    The centres of the bins divide [0, 1] evenly, from 0 to 1. For kernel="gaussian" u[i] and v[i] are exp(-t[i]^2 /
    (2 width^2)) over its sum, with t[i] the distance of the intensity from centre i in the unit of their spacing, for
    "spline" u[i] is the cubic B-spline of t[i], with one bin more at either end, and v the share 1 of the nearest
    centre, half and half between two of them.

    Shapes: `predictions` and `targets` [batch channels *space] in [0, 1], where what lies outside counts as the nearer
    end, with two axes of space for images and three for volumes; `bins` >= 1; `width` > 0, a number or an array with
    size 1 where it does not vary, without meaning for "spline" -> image [batch], in [-log(bins), 0]. It forms pixels *
    bins shares of either image.
    Weights and mean: the common contract, one weight an image. `where_entries` [batch *space] leaves pixels out; an
    image without pixels has the loss 0. The nearest bin is a constant: for "spline" `targets` have the derivative 0.
    Accuracy: p - a b is a mean of products of deviations, and the sum has no negative term: so the little that nearly
    independent images share keeps its digits.
    Errors: `ContractError` for another shape or a parameter out of its domain, `DTypeError` for integer images.
    Equals: MONAI `GlobalMutualInformationLoss` but for the 1e-7 that it adds, with width as its `sigma_ratio`. Its
    "b-spline" has num_bins = bins + 4 and takes the range of the intensities from the batch, of which it counts the
    upper 1 / bins as one intensity: it is "spline" for x * bins / (bins - 1), x the intensities in that range.

    >>> import numpy as np
    >>> x = np.asarray([[[[0.0, 1.0], [1.0, 0.0]]]])
    >>> value = mutual_information(x, 1 - x, bins=2, width=0.01)
    >>> round(float(value / np.log(2)), 12), float(mutual_information(x, 0 * x))
    (-1.0, 0.0)
    """
    planar("mutual_information", predictions)
    return whole(_mutual_information, predictions, targets, width, entries, bins=int(bins), kernel=kernel)
