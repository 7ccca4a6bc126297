"""Losses of the overlap of regions with the skeletons of each other, for tubes and nets of them."""

from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.losses.segmentation._regions import PIXELS, one_minus_overlap, region_sums, space_axes
from lossspec.numerics import array_namespace, ratio_or_zero, relu, with_value
from lossspec.primitive import primitive
from lossspec.terms import Array, Count, NonNegative, Probability, Real

__all__ = [
    "soft_cldice",
]


def _first_least(x: Array, y: Array) -> Array:
    """The smaller of two, the first where they are equal: one of them alone has the derivative, on every backend."""
    return array_namespace(x).where((y < x) | (y != y), y, x)


def _least_along(x: Array, axis: int) -> Array:
    """The smallest of each pixel and its two neighbours along an axis; beyond the edge there is none."""
    before, count = (slice(None),) * axis, x.shape[axis]
    first, last = x[(*before, slice(0, 1), ...)], x[(*before, slice(count - 1, count), ...)]
    longer = array_namespace(x).concat([first, x, last], axis=axis)  # an edge beside itself changes no choice
    lower, upper = longer[(*before, slice(0, count), ...)], longer[(*before, slice(2, count + 2), ...)]
    return _first_least(_first_least(lower, x), upper)


def _without(x: Array, entries: Array | None, value: float) -> Array:
    """The pixels that count, and for the others a value that is never chosen."""
    return x if entries is None else array_namespace(x).where(entries, x, value)


def _skeleton(x: Array, entries: Array | None, iterations: int) -> Array:
    """The soft skeleton: what an opening takes away, from the region and from it eroded once, twice, ..."""
    skeleton: Array = None
    axes = space_axes(x) if 0 not in x.shape else ()
    for _ in range(iterations + 1):
        pixels, eroded = _without(x, entries, 2.0), x
        for k, axis in enumerate(axes):
            least = _least_along(pixels, axis)
            eroded = _first_least(eroded, least) if k else least
        lowered = -_without(eroded, entries, -1.0)
        for axis in axes:
            lowered = _least_along(lowered, axis)
        gone = relu(x + lowered)
        skeleton = gone if skeleton is None else skeleton + gone * (1 - skeleton)
        x = eroded
    return skeleton


@primitive(row_axes=0)
def _harmonic_mean(xp: Any, x: Array, y: Array) -> Any:
    """2 x y / (x + y), 0 where both are 0, with derivatives that are squares: in no quotient a large part cancels."""
    nothing = x + y == 0
    total = xp.where(nothing, 1.0, x + y)
    of_x, of_y = y / total, x / total
    return 2 * x * of_x, (lambda g: g * (2 * of_x * of_x), lambda g: g * (2 * of_y * of_y))


@loss(
    family="segmentation",
    unit="region",
    source="Shit et al. 2021, arXiv:2003.07311",
    aliases=("clDice", "cl_dice"),
    also={
        "monai:SoftclDiceLoss": (
            "it takes the channels of an image as one region, smooths by 1 and adds 1e-4 to the sum of precision and "
            "sensitivity. Fix: soft_cldice(smooth=1.0) is that for one channel, without the 1e-4"
        ),
        "monai:SoftDiceclDiceLoss": (
            "it is a sum. Fix: 0.5 * dice.configured(smooth=1.0) + 0.5 * soft_cldice.configured(smooth=1.0)"
        ),
    },
    sizes={"batch": 2, "channels": 2, "space": (3, 3), "iterations": 1},
    equals=(
        Equal(
            "monai",
            "monai.SoftclDiceLoss(iterations, smooth, smooth, 1e-300, reduction='none')"
            "(*(x.reshape((-1, 1, *x.shape[2:])) for x in (probabilities, targets))).reshape(probabilities.shape[:2])",
            when="np.ndim(smooth) == 0 and smooth > 0 and probabilities.size > 0",
        ),
    ),
    entries=PIXELS,
)
def soft_cldice(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    iterations: Count = 3,
    smooth: NonNegative["#batch #channels"] = 0.0,
    entries: Array = None,
) -> Real["batch channels"]:
    """Soft centerline Dice loss (clDice): how much of each skeleton lies outside of the other region.

    l = 1 - 2 P S / (P + S), with the precision P = (sum(s(p) t) + smooth) / (sum(s(p)) + smooth) and the sensitivity
    S = (sum(s(t) p) + smooth) / (sum(s(t)) + smooth), p = probabilities and t = targets, the sums over space. The soft
    skeleton s(x) is relu(x - D(E(x))), to which for each of `iterations` erosions x = E(x) comes
    (1 - s) relu(x - D(E(x))), with E the smallest of a pixel and its neighbours along each axis, and D the largest of
    the block of 3 pixels a side around it.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1], of images or volumes; `iterations` >= 1, at
    least half of the width of the widest tube; `smooth` >= 0 -> region [batch channels], in [0, 1].
    Weights and mean: one weight a region. Without smoothing the part of an empty skeleton is 1: regions without a
    skeleton have the loss 0, and one of two has the loss that its overlap gives. Where P + S is 0 the loss is 1, with
    derivative 0. Of equal pixels the first in the order of the axes of E, the last axis first in D, has the derivative;
    that of relu at 0 is 0.
    Pixels: beyond the edge there are no neighbours. `where_entries` [batch *space], or [batch channels *space] for each
    channel by itself, leaves pixels out, which are no neighbours either.
    Errors: `ContractError` for another shape, `DTypeError` for integer masks.
    Equals: MONAI `SoftclDiceLoss` of images with one channel and the smoothing of 1 that it has, but for 1e-4 in the
    denominator; the sum with `dice` is its `SoftDiceclDiceLoss`.

    >>> import numpy as np
    >>> tube, wide, apart = np.zeros((1, 1, 5, 5)), np.zeros((1, 1, 5, 5)), np.zeros((1, 1, 5, 5))
    >>> tube[0, 0, 2, :], wide[0, 0, 1:4, :], apart[0, 0, 4, :] = 1.0, 1.0, 1.0
    >>> float(soft_cldice(wide, tube)), float(soft_cldice(apart, tube))
    (0.0, 1.0)
    """
    missed, found = [], []
    for x, y in ((probabilities, targets), (targets, probabilities)):
        skeleton = _skeleton(x, entries, int(iterations))
        inside, outside = region_sums(skeleton * y, skeleton * (1 - y), entries=entries)
        xp, length = array_namespace(inside), inside + outside + smooth
        missed.append(one_minus_overlap(inside, outside, smooth))
        share = xp.where(length == 0, 1.0, ratio_or_zero(inside + smooth, length))
        found.append(with_value(share, -missed[-1]))  # in the derivative of a part near 1 nothing cancels so
    apart = found[0] * missed[1] + found[1] * missed[0]
    value = one_minus_overlap(2 * found[0] * found[1], apart, 0.0, empty=1.0)
    return with_value(value, -_harmonic_mean(*found))
