"""The geometry of two boxes relative to each other, which losses of boxes share."""

from typing import Literal, NamedTuple, TypeAlias

from lossspec.numerics import array_namespace, ratio_or_zero, relu
from lossspec.terms import Array

Format: TypeAlias = Literal["xyxy", "xywh", "cxcywh"]


class Pair(NamedTuple):
    """The geometry of two boxes relative to each other, on the axes x and y."""

    format: Format
    size: Array
    other_size: Array
    common: Array
    """The length that both have in common, 0 where they do not meet."""
    hull: Array
    """The length of the smallest interval that holds both."""
    shift: Array
    """From the first two numbers of the prediction to those of the target."""
    low: Array
    """From the lower edge of the prediction to that of the target."""
    high: Array
    """From the upper edge of the prediction to that of the target."""


def edges_of(first: Array, second: Array, format: Format) -> tuple[Array, Array]:
    """The lower and the upper edges that the two halves of a box stand for; linear in them."""
    if format == "xyxy":
        return first, second
    if format == "xywh":
        return first, first + second
    half = second / 2
    return first - half, first + half


def compare(predictions: Array, targets: Array, format: Format) -> Pair:
    """Compare two boxes edge by edge.

    Where a width and a height are given, the edges are counted from the prediction: as differences of edges far from
    the origin the sizes would lose their digits. Lengths have no unit of their own: products of two of them have to lie
    within the dtype, as those of sides from 1e-15 to 1e18 do in float32. A scale would cost a kernel a fifth of its
    time.
    """
    xp = array_namespace(predictions)
    first, second = predictions[..., :2], predictions[..., 2:]
    other_first, other_second = targets[..., :2], targets[..., 2:]
    shift = other_first - first
    low, high = edges_of(shift, other_second - second, format)
    if format == "xyxy":
        size, other_size = second - first, other_second - other_first
        start, end, other_start, other_end = first, second, other_first, other_second
    else:
        size, other_size = second, other_second
        start, end = edges_of(xp.zeros_like(first), second, format)
        # A difference of its own: where a box can move within the other, its derivatives then cancel exactly.
        other_start, other_end = edges_of(other_first - first, other_second, format)
    common = relu(xp.minimum(end, other_end) - xp.maximum(start, other_start))
    if format != "xyxy":
        common = xp.where((other_start > start) & (other_end < end), other_size, common)
    hull = xp.maximum(end, other_end) - xp.minimum(start, other_start)
    return Pair(format, size, other_size, common, hull, shift, low, high)


def growth_of(pair: Pair) -> Array:
    """The size of the target minus that of the prediction; taken from the edges where these are close."""
    growth = pair.other_size - pair.size
    if pair.format != "xyxy":
        return growth
    xp = array_namespace(growth)
    close = xp.abs(pair.low) + xp.abs(pair.high) <= pair.size + pair.other_size
    return xp.where(close, pair.high - pair.low, growth)


def area_of(size: Array) -> Array:
    return size[..., 0] * size[..., 1]


def squared_length(x: Array) -> Array:
    return x[..., 0] ** 2 + x[..., 1] ** 2


class Overlap(NamedTuple):
    """One minus the intersection over union; the areas of both; the part of each box beyond the other one."""

    loss: Array
    intersection: Array
    union: Array
    beyond: tuple[Array, Array]


def overlap_of(pair: Pair) -> Overlap:
    """Compare the areas of two boxes.

    Where the boxes share most of the union, the loss is a sum of parts that they do not share, so that a small loss
    keeps its digits. Elsewhere it is 1 minus the shared part, so that the derivatives of a small intersection do.
    """
    xp = array_namespace(pair.size)
    zero = xp.zeros_like(pair.low)
    own = xp.maximum(pair.low, zero) + xp.maximum(-pair.high, zero)
    other = xp.maximum(-pair.low, zero) + xp.maximum(pair.high, zero)
    intersection = area_of(pair.common)
    union = area_of(pair.size) + area_of(pair.other_size) - intersection
    rest = own[..., 0] * pair.size[..., 1] + other[..., 0] * pair.other_size[..., 1]
    rest = rest + pair.common[..., 0] * (own[..., 1] + other[..., 1])
    safe = xp.where(union == 0, 1.0, union)
    loss = xp.where(2 * intersection < safe, 1 - intersection / safe, rest / safe)
    return Overlap(loss, intersection, union, (own, other))


def shift_of_centers(pair: Pair) -> Array:
    """From the centre of the prediction to that of the target."""
    if pair.format == "xyxy":
        return (pair.low + pair.high) / 2
    return pair.shift + (pair.other_size - pair.size) / 2 if pair.format == "xywh" else pair.shift


def distance_of(pair: Pair) -> Array:
    """The squared distance of the centres over the squared diagonal of the hull; 0 where that is 0."""
    return ratio_or_zero(squared_length(shift_of_centers(pair)), squared_length(pair.hull))
