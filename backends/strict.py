"""array-api-strict: a reference array that has nothing beyond the standard, with pretended devices.

On `device1` any implicit copy to the host and any mixture of devices is an error, which is how code for a GPU is
proved on a machine without one.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from lossspec.dispatch import Backend
from lossspec.terms import Array


class StrictBackend(Backend):
    """array-api-strict, by default on `device1`."""

    name = "strict"
    module = "array_api_strict"
    extra = "check"

    @property
    def namespace(self) -> Any:
        from .strict_array import namespace

        return namespace

    def adopt(self, x: Any) -> Any:
        from .strict_array import adopt

        return adopt(x)

    def recognises(self, x: object) -> bool:
        return isinstance(x, sys.modules["array_api_strict"]._array_object.Array)

    def version(self) -> str:
        from importlib.metadata import version

        return version("array-api-strict")

    def devices(self) -> tuple[str, ...]:
        return ("device1", "CPU_DEVICE")

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        place = self.namespace.Device(device or self.devices()[0])
        return self.namespace.asarray(np.array(array), device=place)

    def to_numpy(self, x: Array) -> Array:
        return np.array(self.namespace.asarray(x, device=self.namespace.Device("CPU_DEVICE"), copy=True))


backend = StrictBackend()
