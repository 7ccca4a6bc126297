"""Compiled kernels: the losses as single passes of machine code, for the extra `fast`."""

from lossspec.kernels.front import disabled, on_cuda
from lossspec.kernels.threads import set_threads

__all__ = ["disabled", "on_cuda", "set_threads"]
