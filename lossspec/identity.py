"""Sameness of values: what a loss was configured with, and what partials were computed with, compared by value.

An array that is traced has no values yet, and one that is learned has others after the next step: to a loss, such an
array is the object that it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import copysign
from typing import Any

import numpy as np

from lossspec.dispatch import Backend, find_backend, is_array, name_of


@dataclass(frozen=True)
class Unknown:
    """The shape and dtype of an array without its values; it stands for a traced one that may not be kept."""

    shape: tuple[int, ...]
    dtype: str


class _Object:
    """A value as the object that it is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Object) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


class ByValue:
    """Any value, hashable and equal to others by `key_of`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByValue) and (self.value is other.value or key_of(self.value) == key_of(other.value))

    def __hash__(self) -> int:
        return hash(key_of(self.value))


def has_content(value: object) -> bool:
    """Say whether a value is compared as an array: no scalar of NumPy is, nor what stands for an array."""
    return is_array(value) and hasattr(value, "shape") and not isinstance(value, (np.generic, Unknown))


def frozen(value: Any) -> Any:
    """A value as a loss keeps it: an array that is neither learned nor traced is copied, so that nobody changes it."""
    backend = _backend_of(value)
    if backend is None or backend.is_learned(value) or backend.bits(value) is None:
        return value
    return backend.namespace.asarray(value, copy=True)


def key_of(value: Any) -> Hashable:
    """Something hashable that is equal for equal values: numbers and arrays by value, never by their text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and (value != value or (value == 0 and copysign(1.0, value) < 0)):
        return float, repr(value)  # NaN is itself here, and -0.0 is not 0.0
    if has_content(value):
        backend = _backend_of(value)
        key = None if backend is None or backend.is_learned(value) else _content(backend, value)
        return _Object(value) if key is None else key
    if isinstance(value, Mapping):
        return tuple((name, key_of(item)) for name, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(map(key_of, value))
    found: Hashable = value
    return found


def same(a: Any, b: Any) -> bool:
    """Say whether two options are the same as far as it can be known: of arrays without values, shape and dtype."""
    if a is b:
        return True
    if not all(isinstance(x, Unknown) or has_content(x) for x in (a, b)):
        return key_of(a) == key_of(b)
    contents = [None if isinstance(x, Unknown) else _content(_backend_of(x), x) for x in (a, b)]
    if None in contents:
        return tuple(a.shape) == tuple(b.shape) and name_of(a.dtype) == name_of(b.dtype)
    return contents[0] == contents[1]


def without_values(value: Any) -> Any:
    """The value, but what is known of it where it is a traced array."""
    if not has_content(value) or _content(_backend_of(value), value) is not None:
        return value
    return Unknown(tuple(value.shape), name_of(value.dtype))


def _content(backend: Backend | None, x: Any) -> Hashable:
    """An array by value, or None where it has no values yet."""
    bits = None if backend is None else backend.bits(x)
    return None if backend is None or bits is None else (backend.name, str(x.dtype), tuple(x.shape), bits)


def _backend_of(value: Any) -> Backend | None:
    """The backend of a plain array; a traced one has none here, and nor has anything else."""
    if not has_content(value) or hasattr(value, "lossspec_backend"):
        return None
    backend = find_backend(value)
    return None if backend is None else backend.base or backend
