"""Aggregate losses: kernels find the statistics and carry cotangents back; the last step takes the array path.

The last step is a handful of operations on sums, in float64. Where a statistic has axes of its own (channels), these
are axes of units for the kernel, which writes the statistics of each, and NumPy adds them up over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossspec.autodiff import value_and_grad
from lossspec.kernels.ready import Known, Ready, Words, at
from lossspec.kernels.trace import Refused
from lossspec.reduction import finish


class Aggregate(Ready):
    """Calls of an aggregate loss of one kind."""

    def prepare(self, call: Known) -> None:
        """Make the kernels of the method."""
        self.own_shape = call.unit_shape[len(self.unit_shape) :]
        self.all_shape = call.unit_shape
        if self.own_shape and (self.weighted or self.masked):
            raise Refused("the units are weighted, and its statistics have axes of their own")
        self.loss = call.request.loss
        self.parameters = call.values
        for name in self.loss.declared.parameters:
            if isinstance(self.parameters[name], np.ndarray):
                raise Refused(f"its last step takes the array `{name}`")
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
        totals, weight, count = self.totals(inputs)
        with np.errstate(all="ignore"):
            return float(self._finish(weight, count)(*map(np.asarray, totals)))

    def gradient(self, inputs: Words, outputs: Words) -> float:
        """The value; gradients are written to where outputs are."""
        totals, weight, count = self.totals(inputs)
        with np.errstate(all="ignore"):
            numbers = tuple(range(len(totals)))
            value, cotangents = value_and_grad(self._finish(weight, count), numbers)(*map(np.asarray, totals))
        self.back(inputs, outputs, cotangents)
        return float(value)

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

    def _finish(self, weight: float | None, count: int) -> Any:
        """The last step as a function of the sums."""
        weights = ([] if weight is None else [weight]) + ([float(count)] if self.masked else [])
        number = self.divisor(weights)
        divisor = None if number is None else np.asarray(float(number))

        def last(*totals: Any) -> Any:
            xp = totals[0].__array_namespace__()
            return finish(xp, self.loss.declared.finalize, self.parameters, totals, divisor, self.empty)

        return last


__all__ = ["Aggregate"]
