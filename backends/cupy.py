"""CuPy: NumPy's face on a CUDA GPU. It imports without one; `available()` says whether there is one."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Any

from lossspec.dispatch import Backend
from lossspec.terms import Array


class CupyBackend(Backend):
    """CuPy through array-api-compat."""

    name = "cupy"
    module = "cupy"
    extra = "cupy-cuda12x"
    no_device = "no CUDA device"

    @property
    def distribution(self) -> str:
        """The wheel that provides cupy; its name carries the CUDA version."""
        from importlib.metadata import packages_distributions

        return packages_distributions()["cupy"][0]

    @cached_property
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


backend = CupyBackend()
