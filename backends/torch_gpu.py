"""Tensors on a GPU of NVIDIA, and the stream on which Torch works, as kernels see them."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch
import numpy as np
import torch

from lossspec.kernels.gpu import Gpu, NotTaken
from lossspec.terms import Array

BFLOAT16 = np.dtype(np.float16, metadata={"bfloat16": True})
"""The dtype that tells bits of bfloat16, which NumPy does not have."""


class TorchGpu(Gpu):
    """One GPU."""

    xp = array_api_compat.torch

    def __init__(self, device: Any) -> None:
        self.device, self.index = device, device.index

    def layout(self, x: Any) -> tuple[tuple[int, ...], Any] | None:
        """The shape and the dtype of a tensor in one piece."""
        if not isinstance(x, torch.Tensor):
            return None
        odd = x.is_nested or type(x) not in (torch.Tensor, torch.nn.Parameter) or x.layout is not torch.strided
        if odd or x.is_neg() or x.is_quantized or not x.is_contiguous() or x.device != self.device:
            raise NotTaken("a tensor is not plain and contiguous, or on another device")
        dtype = BFLOAT16 if x.dtype is torch.bfloat16 else np.dtype(str(x.dtype).removeprefix("torch."))
        return tuple(x.shape), dtype

    def kind(self, x: Any) -> tuple[Any, ...]:
        """All of an argument that a plan depends on."""
        layout = self.layout(x)
        return (type(x), x) if layout is None else (*layout, x.dtype, x.requires_grad)

    def address(self, x: Array) -> int:
        """The address of a tensor."""
        address: int = x.data_ptr()
        return address

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        """A new tensor."""
        return torch.empty(shape, dtype=getattr(torch, dtype), device=self.device)

    def full(self, value: float) -> Array:
        """A new float64 without axes."""
        return torch.full((), value, dtype=torch.float64, device=self.device)

    def stream(self) -> int:
        """The handle of the current stream."""
        stream: int = torch.cuda.current_stream(self.device).cuda_stream
        return stream


def gpu_of(x: Any) -> TorchGpu | None:
    """The GPU of a tensor; None if it is on none of NVIDIA's."""
    return TorchGpu(x.device) if isinstance(x, torch.Tensor) and x.is_cuda and torch.version.hip is None else None


__all__ = ["BFLOAT16", "TorchGpu", "gpu_of"]
