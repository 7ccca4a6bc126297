"""Dask: arrays in chunks, which have no values yet; the backend of what lies in the chunks computes."""

from __future__ import annotations

import sys
from typing import Any

from lossspec.dispatch import Backend
from lossspec.kernels.request import Request
from lossspec.terms import Array


class DaskBackend(Backend):
    """Dask; `dask_chunks` plans the calls of losses."""

    name = "dask"
    module = "dask"
    extra = "dask"
    making = "dask.array.from_array({x})"
    lazy = True

    @property
    def namespace(self) -> Any:
        import array_api_compat.dask.array

        return array_api_compat.dask.array

    def recognises(self, x: object) -> bool:
        loaded = sys.modules.get("dask.array")
        return loaded is not None and isinstance(x, loaded.Array)

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        import dask.array
        import numpy as np

        return dask.array.from_array(np.array(array))

    def to_numpy(self, x: Array) -> Array:
        import numpy as np

        return np.array(x)

    def device_of(self, x: Array) -> Any:
        return None

    def creation_device(self, x: Array) -> Any:
        return None

    def known(self, x: Array) -> Array | None:
        return None

    def refusal(self, x: Array) -> str:
        return (
            "a dask array, which has no values yet. A loss takes them in the call itself, `partial`, `value_and_grad`, "
            "`grad` and `grad_hess`, where the first input and all others with an entry for each unit are dask arrays. "
            "Fix: dask.array.from_array(x, chunks=...) for the others, or x.compute() for this one"
        )

    def by_kernel(self, *call: Any) -> Any:
        from .dask_chunks import over_chunks

        return over_chunks(Request(*call))


backend = DaskBackend()
