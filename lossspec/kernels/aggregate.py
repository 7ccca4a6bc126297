"""Aggregate losses: kernels find the statistics and carry cotangents back; between them is the last step, on numbers.

Where a statistic has axes of its own (channels), these are axes of units for the kernel, which writes the statistics of
each, and NumPy adds them up over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lossspec.kernels.last_step import record
from lossspec.kernels.ready import Known, Ready, Words, at
from lossspec.kernels.trace import Refused


class Aggregate(Ready):
    """Calls of an aggregate loss of one kind."""

    def prepare(self, call: Known) -> None:
        """Make the kernels of the method."""
        self.own_shape = call.unit_shape[len(self.unit_shape) :]
        self.all_shape = call.unit_shape
        if self.own_shape and (self.weighted or self.masked):
            raise Refused("the units are weighted, and its statistics have axes of their own")
        declared = call.request.loss.declared
        for name in declared.parameters:
            if isinstance(call.values[name], np.ndarray):
                raise Refused(f"its last step takes the array `{name}`")
        if self.method in ("value", "value_and_grad"):
            last, differentiated = partial(_finalize, declared.finalize, call.values), self.method == "value_and_grad"
            self.last = record(last, len(self.facts.statistics), self.own_shape, differentiated)
        self.main = self.job("each" if self.own_shape else "value")
        if self.method in ("value_and_grad", "back"):
            self.backwards = self.job("pull" if self.own_shape else "back")

    def totals(self, inputs: Words) -> tuple[tuple[Any, ...], float | None, int]:
        """The sums over the units, that of their weights if they have any, and their number."""
        if not self.own_shape:
            return super().totals(inputs)
        each = [np.empty(self.all_shape, dtype) for dtype in self.facts.statistics]
        self.main.run(inputs, at(each), self.ones)
        over = tuple(range(len(self.unit_shape)))
        return tuple(np.sum(x, axis=over, dtype=np.float64) for x in each), None, self.count

    def value(self, inputs: Words) -> float:
        """The loss."""
        return self._finish(*self.totals(inputs))[0]

    def gradient(self, inputs: Words, outputs: Words) -> float:
        """The value; gradients are written to where outputs are."""
        value, cotangents = self._finish(*self.totals(inputs))
        self.back(inputs, outputs, cotangents)
        return value

    def back(self, inputs: Words, outputs: Words, cotangents: Sequence[Any]) -> None:
        """Write the gradients for the cotangents of the totals."""
        if not self.own_shape:
            super().back(inputs, outputs, cotangents)
            return
        arrays = [
            np.ascontiguousarray(np.broadcast_to(g, self.all_shape), dtype)
            for g, dtype in zip(cotangents, self.facts.statistics, strict=True)
        ]
        self.backwards.run(inputs, outputs, at(arrays))

    def _finish(self, totals: Sequence[Any], weight: float | None, count: int) -> tuple[float, Sequence[Any]]:
        """The loss, and its derivatives in the sums if they are asked for; a mean over nothing is `empty`."""
        weights = ([] if weight is None else [weight]) + ([float(count)] if self.masked else [])
        divisor = self.divisor(weights)
        factor = 1.0 if divisor is None or divisor == 0 else float(divisor)
        with np.errstate(all="ignore"):
            value, *cotangents = self.last(*[np.float64(x) / factor for x in totals])
            cotangents = [g / factor for g in cotangents]
        if divisor == 0:
            return self.finished(float(value), divisor), [g * 0.0 for g in cotangents]
        return float(value), cotangents


def _finalize(finalize: Callable[..., Any], parameters: Mapping[str, Any], *averages: Any) -> Any:
    return finalize(averages, parameters)


__all__ = ["Aggregate"]
