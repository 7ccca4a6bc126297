"""Compiled kernels under CuPy: its arrays, and the stream on which it works, as kernels of a GPU see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import array_api_compat.cupy
import cupy
import numpy as np

from lossspec.kernels.gpu import Gpu, NotTaken
from lossspec.kernels.request import Request


class CupyGpu(Gpu):
    """One GPU."""

    xp = array_api_compat.cupy

    def __init__(self, index: int) -> None:
        self.index = index

    def layout(self, x: Any) -> tuple[tuple[int, ...], Any] | None:
        """The shape and the dtype of an array in one piece."""
        if type(x) is cupy.ndarray:
            if not x.flags.c_contiguous or x.device.id != self.index:
                raise NotTaken("an array is not contiguous, or on another device")
            return x.shape, x.dtype
        if isinstance(x, (cupy.ndarray, np.ndarray)):
            raise NotTaken(f"an argument is a {type(x).__name__}")
        return None

    def address(self, x: Any) -> int:
        """The address of an array."""
        return int(x.data.ptr)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """A new array on the current device."""
        return cupy.empty(shape, dtype)

    def full(self, value: float) -> Any:
        """A new float64 without axes."""
        return cupy.full((), value, "float64")

    def stream(self) -> int:
        """The handle of the current stream."""
        return int(cupy.cuda.get_current_stream().ptr)


def by_kernel(loss: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any], wrt: Any) -> Any:
    """The result of a call by a kernel; None if the array path has to take it."""
    device = Request(loss, method, inputs, options).first().device.id
    with cupy.cuda.Device(device):
        return CupyGpu(device).run(loss, method, inputs, options, wrt)


__all__ = ["CupyGpu", "by_kernel"]
