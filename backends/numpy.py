"""NumPy: the reference backend, always present."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lossspec.dispatch import Backend, filled
from lossspec.terms import Array


class NumpyBackend(Backend):
    """NumPy through array-api-compat."""

    name = "numpy"
    module = "numpy"
    extra = "check"
    casting = '{x}.astype("{dtype}")'
    making = "numpy.asarray({x})"
    block = 1 << 16  # 256 or 512 KiB: fresh pages of large temporaries cost more than the arithmetic

    @property
    def namespace(self) -> Any:
        import array_api_compat.numpy

        return array_api_compat.numpy

    def recognises(self, x: object) -> bool:
        return isinstance(x, (np.ndarray, np.generic)) and not isinstance(x, (np.ma.MaskedArray, np.matrix))

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        return np.array(array)

    def to_numpy(self, x: Array) -> Array:
        return np.array(x)

    def host(self, x: Array, strided: bool = False) -> Array | None:
        return x if type(x) is np.ndarray else None

    def compiles_scans(self, x: Array) -> bool:
        from lossspec.kernels.recurrence import is_on  # only recurrences load their compiler

        return is_on(self, x)

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False
    ) -> tuple[Any, Any]:
        from lossspec.kernels.recurrence import run

        found = run(self, step, carry, xs, reverse)
        return super().scan(step, carry, xs, reverse) if found is None else found

    def one_pass(self, name: str, *arrays: Array, **sizes: int) -> Array | None:
        from lossspec.kernels import passes

        plain = all(type(x) is np.ndarray for x in arrays)
        return getattr(passes, name)(*arrays, **sizes) if plain else None

    def all_true(self, flags: Array) -> bool:
        return isinstance(flags, (np.ndarray, np.generic)) and bool(flags.all())

    def joined(self, pieces: Iterable[Array], like: Array) -> Array:
        return filled(np.empty_like(like), pieces)

    def owned(self, x: Array) -> Array:
        return x if x.flags.writeable else x.copy()  # what was broadcast is read-only

    def device_of(self, x: Array) -> Any:
        return None

    def creation_device(self, x: Array) -> Any:
        return None


backend = NumpyBackend()
