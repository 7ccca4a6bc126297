"""The source of random calls: arrays of several kinds and shapes, and options at their defaults or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SUITE = "random calls"
Made = tuple[list[Any], dict[str, Any]]


class Draw:
    """The source of one call."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def pick(self, *values: Any) -> Any:
        return values[self.random.integers(len(values))]

    def maybe(self, **options: Any) -> dict[str, Any]:
        """Each option at one of its values, or at its default."""
        return {name: self.pick(*values) for name, values in options.items() if self.random.random() < 0.5}

    def shape(self) -> Any:
        return self.pick((5,), (4, 3), (3, 1), (1, 3), (2, 3, 4))

    def beside(self, shape: Any) -> Any:
        """A shape that broadcasts to another: seldom another one."""
        return self.pick(shape, shape, shape, shape[1:], tuple(self.pick(1, n) for n in shape))

    def real(self, shape: Any, low: float = -np.inf) -> Any:
        x = np.asarray(self.random.normal(size=shape) * self.pick(0.1, 1.0, 5.0))
        return x if low < -1e9 else np.asarray(low + np.abs(x))

    def inside(self, shape: Any) -> Any:
        return np.asarray(self.random.uniform(0.01, 0.99, shape))

    def signs(self, shape: Any) -> Any:
        return np.asarray(self.random.choice([-1.0, 1.0], shape))

    def flags(self, shape: Any) -> Any:
        return np.asarray(self.random.integers(0, 2, shape)).astype(float)

    def parts(self, shape: Any, axis: int = -1) -> Any:
        x = self.inside(shape)
        return x / x.sum(axis, keepdims=True)

    def labels(self, classes: int, shape: Any) -> Any:
        return np.asarray(self.random.integers(0, classes, shape))


def left_over(shape: Sequence[int], axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """The shape without some of its axes, or without any of them for None."""
    gone = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(size for i, size in enumerate(shape) if i not in [n % len(shape) for n in gone])
