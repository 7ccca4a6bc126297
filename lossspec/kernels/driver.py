"""The driver of NVIDIA's GPUs: it compiles PTX for its GPU and runs functions of it on a stream of the framework.

Nothing is allocated here, and the context is the primary one of the GPU, which every framework uses.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

NO_DEVICE = "no CUDA device"


class DriverError(RuntimeError):
    """A call of the driver that failed."""


class Driver:
    """The driver, and the functions it has compiled."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self._functions: dict[tuple[int, str], ctypes.c_void_p] = {}
        self._call("cuInit", 0)
        count = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        self.devices = count.value

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(status, ctypes.byref(text))
            raise DriverError(f"{name}: {(text.value or b'error').decode()} ({status})")

    @contextmanager
    def _on(self, device: int) -> Iterator[None]:
        """The primary context of a GPU is the current one."""
        handle, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(handle), device)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
        self._call("cuCtxPushCurrent_v2", context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent_v2", ctypes.byref(context))
            self._call("cuDevicePrimaryCtxRelease_v2", handle)

    def function(self, device: int, ptx: str) -> Any:
        """The function `kernel` of a text on a GPU; a module stays loaded as long as the process lives."""
        key = device, ptx
        if key not in self._functions:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            with self._on(device):
                self._call("cuModuleLoadData", ctypes.byref(module), ptx.encode())
                self._call("cuModuleGetFunction", ctypes.byref(function), module, b"kernel")
            self._functions[key] = function
        return self._functions[key]

    def launch(
        self, device: int, function: Any, groups: int, threads: int, stream: int, parameters: Sequence[Any]
    ) -> None:
        """Run a function on so many groups of threads, behind what the stream has to do already."""
        places = (ctypes.c_void_p * len(parameters))(*map(ctypes.addressof, parameters))
        with self._on(device):
            grid = (groups, 1, 1, threads, 1, 1, 0)
            self._call("cuLaunchKernel", function, *grid, ctypes.c_void_p(stream), places, None)


@cache
def driver() -> Driver | str:
    """The driver of this process, or why there is none."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        found = Driver(library)
    except (OSError, DriverError):
        return NO_DEVICE
    return found if found.devices else NO_DEVICE


def state() -> str:
    """The state of kernels on GPUs, in words."""
    found = driver()
    if isinstance(found, str):
        return f"not run: {found}"
    return f"{found.devices} CUDA device(s); lossspec.kernels.on_cuda() asks for them"


__all__ = ["NO_DEVICE", "Driver", "DriverError", "driver", "state"]
