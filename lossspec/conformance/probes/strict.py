"""The probe of array-api-strict."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from lossspec.conformance.probes.base import Probe


class StrictProbe(Probe):
    """array-api-strict forgives less still without what the standard leaves optional."""

    wraps = "numpy"

    def strictest(self) -> AbstractContextManager[Any]:
        """Without boolean indexing and shapes that depend on values."""
        from array_api_strict import ArrayAPIStrictFlags

        flags: AbstractContextManager[Any] = ArrayAPIStrictFlags(boolean_indexing=False, data_dependent_shapes=False)
        return flags
