"""The switches of kernels: those of the CPU are on unless they are switched off, those of a GPU are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lossspec.pipeline import values_are_checked

_switched_off: ContextVar[bool] = ContextVar("lossspec_kernels_off", default=False)
_on_cuda: ContextVar[bool] = ContextVar("lossspec_kernels_on_cuda", default=False)


@contextmanager
def disabled() -> Iterator[None]:
    """Within this context every call takes the array path.

    >>> import numpy as np
    >>> import lossspec, lossspec.kernels
    >>> with lossspec.kernels.disabled():
    ...     float(lossspec.squared_error(np.asarray([1.0, 3.0]), np.asarray([0.0, 0.0])))
    5.0
    """
    token = _switched_off.set(True)
    try:
        yield
    finally:
        _switched_off.reset(token)


@contextmanager
def on_cuda() -> Iterator[None]:
    """Within this context calls on arrays of CuPy, and on CUDA tensors of Torch, take kernels where there are some.

    These kernels were checked without a GPU so far; `lossspec check --backend cupy` checks them on one.

    >>> import lossspec.kernels
    >>> with lossspec.kernels.on_cuda():
    ...     pass
    """
    token = _on_cuda.set(True)
    try:
        yield
    finally:
        _on_cuda.reset(token)


def is_off() -> bool:
    """Say whether every call takes the array path now."""
    return _switched_off.get() or values_are_checked()


def is_on_cuda() -> bool:
    """Say whether kernels take calls on a GPU now."""
    return _on_cuda.get() and not is_off()


def is_disabled() -> bool:
    """Say whether the caller has switched kernels off."""
    return _switched_off.get()


__all__ = ["disabled", "is_disabled", "is_off", "is_on_cuda", "on_cuda"]
