"""Sums over the pixels of a region, and the ratios and means that losses of regions share.

A loss of overlap is made of the false positives and the false negatives, sums of what is not negative, so that a nearly
perfect region keeps its digits.
"""

from math import prod
from typing import Any

from lossspec.numerics import array_namespace, kept, positions, ratio_or_zero, softmax, stop_gradient
from lossspec.terms import Array

PIXELS = ("batch *space", "batch channels *space")
"""Masks over pixels: of all channels of an example alike, or of every channel by itself."""


def space_axes(x: Array) -> tuple[int, ...]:
    """The axes of the pixels, after batch and channels."""
    return tuple(range(2, len(x.shape)))


def region_sums(*terms: Array, entries: Array = None) -> tuple[Array, ...]:
    """Sum each term over the pixels of every region that count."""
    return tuple(array_namespace(x).sum(kept(x, entries), axis=space_axes(x)) for x in terms)


def mean_over_pixels(x: Array, entries: Array) -> Array:
    """The mean over the pixels of every region that count, 0 where there are none."""
    (total,), space = region_sums(x, entries=entries), space_axes(x)
    if entries is None:
        return total / max(prod(x.shape[2:]), 1)
    xp = array_namespace(entries)
    return ratio_or_zero(total, xp.astype(xp.count_nonzero(entries, axis=space), x.dtype))


def one_minus_overlap(
    agreement: Array, disagreement: Array, smooth: Any, smooth_denominator: Any = None, empty: Any = 0.0
) -> Array:
    """1 - (a + smooth) / (a + d + smooth_denominator), in the form in which nothing cancels; `empty` for 0 / 0."""
    xp = array_namespace(agreement)
    kept, lost, floor = agreement + smooth, disagreement, smooth
    if smooth_denominator is not None:
        lost, floor = disagreement + (smooth_denominator - smooth), smooth_denominator
    whole = agreement + disagreement + floor
    nothing = whole == 0
    whole = xp.where(nothing, 1.0, whole)
    unit = stop_gradient(whole)  # of a small whole the square, by which a quotient is differentiated, would underflow
    near, far = lost / unit, kept / unit
    share = 1 / (whole / unit)  # no quotient of two quotients: a compiler may make products of that, which underflow
    return xp.where(nothing, empty, xp.where(kept > lost, near * share, 1 - far * share))


def mean_of_regions(losses: Array, weight: Array | None) -> Array:
    """The weighted mean over the last axis, 0 where there is no weight."""
    xp = array_namespace(losses)
    if weight is None:
        return xp.sum(losses, axis=-1) / max(losses.shape[-1], 1)
    weight = xp.broadcast_to(weight, losses.shape)
    return ratio_or_zero(xp.sum(weight * losses, axis=-1), xp.sum(weight, axis=-1))


def classes_last(x: Array) -> Array:
    return array_namespace(x).permute_dims(x, (0, *space_axes(x), 1))


def classes_first(x: Array) -> Array:
    return array_namespace(x).permute_dims(x, (0, len(x.shape) - 1, *range(1, len(x.shape) - 1)))


def class_probabilities(logits: Array, labels: Array, entries: Array) -> tuple[Array, Array, Array]:
    """The softmax of [batch classes *space], the mask of the label, and one minus the probability of the label's class.

    A pixel that does not count has no probabilities and no label.
    """
    xp = array_namespace(logits)
    probabilities = softmax(classes_last(logits))
    is_own = positions(probabilities, dtype=labels.dtype) == labels[..., None]
    lacking = xp.sum(xp.where(is_own, 0.0, probabilities), axis=-1, keepdims=True)
    is_own = classes_first(is_own)
    if entries is not None:
        is_own = is_own & entries
    return kept(classes_first(probabilities), entries), is_own, classes_first(lacking)
