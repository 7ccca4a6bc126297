"""Torch's functions of the standard, with those replaced that fix a symbolic size under its compiler.

Everything else is `array_api_compat.torch`, as it is.
"""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as base
import torch

from lossspec.terms import Array

globals().update({name: getattr(base, name) for name in dir(base) if not name.startswith("__")})


def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """The entries at `indices`, which are never negative here, along an axis; the other axes broadcast."""
    axis %= x.ndim
    shape = [b if a == 1 else a for a, b in zip(x.shape, indices.shape, strict=True)]
    shape[axis] = indices.shape[axis]
    source: list[Any] = [*shape]
    source[axis] = x.shape[axis]
    return torch.gather(x.expand(source), axis, indices.expand(shape))
