"""array-api-strict: a reference array that has nothing beyond the standard, with pretended devices.

On `device1` any implicit copy to the host and any mixture of devices is an error, which is how code for a GPU is
proved on a machine without one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from lossspec.dispatch import Backend
from lossspec.terms import Array

OPERATORS = "add sub mul truediv floordiv mod pow matmul lshift rshift lt le gt ge eq ne and or xor"


def _let_traced_arrays_answer(array: Any) -> None:
    """Make `array + traced` ask the traced one: these arrays raise for a foreign operand, where Python asks it."""
    if not hasattr(array, "lossspec_lets_answer"):
        array.lossspec_lets_answer = True
        for name in (f"__{operator}__" for operator in OPERATORS.split()):
            setattr(array, name, _asking(getattr(array, name)))


def _asking(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return NotImplemented if hasattr(other, "lossspec_backend") else original(self, other)

    return method


class StrictBackend(Backend):
    """array-api-strict, by default on `device1`."""

    name = "strict"
    module = "array_api_strict"
    extra = "check"

    @property
    def namespace(self) -> Any:
        import array_api_strict

        _let_traced_arrays_answer(array_api_strict.asarray(0).__class__)
        return array_api_strict

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
