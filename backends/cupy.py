"""CuPy: NumPy's face on a CUDA GPU. It imports without one; `available()` says whether there is one."""

from __future__ import annotations

import sys
from typing import Any

from lossspec.dispatch import Backend
from lossspec.terms import Array


class CupyBackend(Backend):
    """CuPy through array-api-compat."""

    name = "cupy"
    module = "cupy"
    extra = "cupy-cuda12x"
    casting = '{x}.astype("{dtype}")'
    making = "cupy.asarray({x})"
    no_device = "no CUDA device"

    def version(self) -> str:
        import cupy

        return str(cupy.__version__)

    @property
    def namespace(self) -> Any:
        import array_api_compat.cupy

        return array_api_compat.cupy

    def recognises(self, x: object) -> bool:
        return isinstance(x, sys.modules["cupy"].ndarray)

    def devices(self) -> tuple[str, ...]:
        import cupy

        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError:
            return ()
        return tuple(f"cuda:{index}" for index in range(count))

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        import cupy

        with cupy.cuda.Device(int((device or "cuda:0").removeprefix("cuda:"))):
            return cupy.asarray(array)

    def to_numpy(self, x: Array) -> Array:
        import cupy

        return cupy.asnumpy(x)

    def owned(self, x: Array) -> Array:
        return x.copy() if 0 in x.strides else x  # an axis that was broadcast has no stride

    def gpu(self, x: Array) -> Any:
        from .cupy_kernels import CupyGpu

        return CupyGpu(x.device.id)

    def by_kernel(self, *call: Any) -> Any:
        from .cupy_kernels import by_kernel

        return by_kernel(*call)


backend = CupyBackend()
