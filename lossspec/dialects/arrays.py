"""Changes of arrays before a loss sees them: forms, dtypes, codes of labels. No loss is computed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lossspec import stop_gradient
from lossspec.dialects.declaration import ArgumentError, ArgumentTypeError, refuse
from lossspec.dialects.words import in_words
from lossspec.dispatch import array_namespace, find_backend, is_array, is_half
from lossspec.numerics import norm

Array = Any


def shape_of(x: Array) -> tuple[int, ...]:
    """The shape of an array; that of a number is ()."""
    return tuple(x.shape) if is_array(x) else ()


def is_floating(x: Array) -> bool:
    """Say whether an array holds real numbers."""
    return bool(array_namespace(x).isdtype(x.dtype, "real floating"))


def beside(values: Any, like: Array, dtype: Any = None) -> Array:
    """Plain numbers as an array of the framework and on the device of another."""
    backend = find_backend(like)
    if backend is None:
        raise ArgumentTypeError(f"{like!r} is of type {type(like).__name__}, which is no array of a known framework")
    return backend.namespace.asarray(values, dtype=dtype, device=backend.creation_device(like))


def values_of(x: Array) -> Any:
    """The values of an array as NumPy has them, or None while a program is traced and there are none yet."""
    backend = find_backend(x)
    if backend is None:
        return None
    known = backend.known(x)
    return None if known is None else backend.to_numpy(known)


@in_words("all", same=True)
def promoted(*arrays: Any) -> tuple[Array, ...]:
    """Arrays in the one real dtype that all of them promote to; integers and booleans become real beside a real one.

    None stays None, and a number stays one.
    """
    present = [x for x in arrays if is_array(x)]
    real = [x for x in present if is_floating(x)]
    if not real:
        return arrays
    xp = array_namespace(*real)
    alike = all(x.dtype == real[0].dtype for x in real)
    dtype = real[0].dtype if alike else xp.result_type(*real)
    return tuple(xp.astype(x, dtype) if is_array(x) and x.dtype != dtype else x for x in arrays)


def common_shape(*arrays: Any) -> tuple[int, ...]:
    """The shape to which arrays broadcast."""
    shapes = [shape_of(x) for x in arrays]
    rank = max(map(len, shapes))
    result = []
    for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        apart = {size for size in sizes if size != 1}
        if len(apart) > 1:
            raise ArgumentError(
                f"The size of tensor a ({sizes[0]}) must match the size of tensor b ({max(apart - {sizes[0]})}): "
                f"shapes {' and '.join(map(str, shapes))} do not broadcast"
            )
        result.append(apart.pop() if apart else 1)
    return tuple(result)


@in_words("all", same=True)
def broadcast(*arrays: Any) -> tuple[Array, ...]:
    """Arrays of one shape and one real dtype."""
    shape = common_shape(*arrays)
    return tuple(stretched(x, shape) for x in promoted(*arrays))


def stretched(x: Array, shape: tuple[int, ...]) -> Array:
    """An array broadcast to a shape, itself where it has it."""
    return x if tuple(x.shape) == shape else array_namespace(x).broadcast_to(x, shape)


@in_words("{0}", same=True)
def ranked(x: Any, like: Array) -> Any:
    """An array with leading axes of size 1, up to the rank of another; None and a number stay what they are."""
    if not is_array(x) or len(x.shape) == len(like.shape):
        return x
    if len(x.shape) > len(like.shape):
        raise ArgumentError(f"shape {tuple(x.shape)} has more axes than {tuple(like.shape)}, beside which it stands")
    return array_namespace(x).reshape(x, (1,) * (len(like.shape) - len(x.shape)) + tuple(x.shape))


@in_words("one_hot({0})")
def one_hot(labels: Array, classes: int, dtype: Any) -> Array:
    """Integer labels as rows with 1 at the label, 0 elsewhere; a label out of range has a row of 0."""
    xp = array_namespace(labels)
    steps = beside(list(range(classes)), labels, labels.dtype)
    return xp.astype(labels[..., None] == steps, dtype)


@in_words("{0}", same=True)
def with_last(x: Array, axis: int) -> Array:
    """An array with one of its axes moved to the end."""
    return x if axis % len(x.shape) == len(x.shape) - 1 else array_namespace(x).moveaxis(x, axis, -1)


def ones_like(x: Array) -> Array:
    """Labels of 1 for every entry of an array."""
    return array_namespace(x).ones_like(x)


@in_words("maximum({0}, {1})")
def floored(x: Array, least: float) -> Array:
    """An array with entries below a floor lifted to it, which its derivative does not see."""
    xp = array_namespace(x)
    return x + stop_gradient(xp.where(x < least, least - x, 0.0))


@in_words("clip({0}, {1}, {2})")
def clipped(x: Array, least: float, most: float) -> Array:
    """An array within bounds; what is beyond has derivative 0."""
    xp = array_namespace(x)
    return xp.where(x < least, least, xp.where(x > most, most, x))


def norm_of_order(x: Array, p: float) -> Array:
    """The norm of order p over the last axis, of any order but 0; its derivative at 0 is 0."""
    xp = array_namespace(x)
    if p == 2:
        return norm(x)
    size = xp.abs(x)
    if p == 1:
        return xp.sum(size, axis=-1)
    if p == math.inf:
        return xp.max(size, axis=-1)
    if p == 0:
        return xp.sum(xp.astype(size != 0, size.dtype), axis=-1)
    top = stop_gradient((xp.max if p > 0 else xp.min)(size, axis=-1, keepdims=True))
    none = top == 0
    ratios = size / xp.where(none, 1.0, top)
    nothing = (ratios == 0) | none
    powers = xp.where(nothing, 0.0, xp.where(nothing, 1.0, ratios) ** p)
    total = xp.sum(powers, axis=-1)
    empty = none[..., 0]
    return xp.where(empty, 0.0, xp.where(empty, 1.0, total) ** (1.0 / p)) * top[..., 0]


def reduced(losses: Array, reduction: str) -> Array:
    """The sum or the mean of all entries, or the entries themselves."""
    xp = array_namespace(losses)
    return losses if reduction == "none" else xp.sum(losses) if reduction == "sum" else xp.mean(losses)


def as_numbers(lengths: Any) -> list[int]:
    """Lengths as whole numbers of Python."""
    if not is_array(lengths):
        return [int(n) for n in lengths] if isinstance(lengths, Sequence) else [int(lengths)]
    values = values_of(lengths)
    if values is None:
        raise ArgumentError("lengths that decide the shape of the labels must be known. Fix: give padded labels")
    return [int(n) for n in values.reshape(-1)]


def narrowed(*arrays: Any) -> Callable[[Array], Array] | None:
    """Give a half-precision result back in the dtype of the inputs, as other libraries do; ours is float32."""
    real = [x for x in promoted(*arrays) if is_array(x) and is_floating(x)]
    if not real or not is_half(real[0].dtype):
        return None
    dtype = real[0].dtype
    return lambda value: array_namespace(value).astype(value, dtype)


def flattened(x: Array, axis: int | Sequence[int] | None) -> Array:
    """An array with some of its axes, or all of them, moved to the end and made one."""
    rank = len(x.shape)
    given = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    for number in given:
        refuse(not -rank <= number < rank, f"axis {number} is out of bounds for an array of {rank} axes")
    last = [number % rank for number in given]
    if last == [rank - 1]:
        return x
    xp = array_namespace(x)
    first = [number for number in range(rank) if number not in last]
    ordered = xp.permute_dims(x, (*first, *last))
    return xp.reshape(ordered, (*(x.shape[i] for i in first), math.prod(x.shape[i] for i in last)))


def chosen(x: Array, where: Array | None, other: float) -> Array:
    """An array with a number in the place of what a mask leaves out."""
    return x if where is None else array_namespace(x).where(where, x, other)
