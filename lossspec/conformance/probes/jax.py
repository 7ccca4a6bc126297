"""The probe of JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lossspec.conformance.probes.base import Probe


class JaxProbe(Probe):
    """JAX compiles every operation for every shape."""

    compiles_by_shape = True

    @contextmanager
    def double_precision(self) -> Iterator[None]:
        """With `jax_enable_x64`, and promotion of dtypes and ranks."""
        import jax

        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            yield

    @contextmanager
    def strictest(self) -> Iterator[None]:
        """With `jax_enable_x64`, and an error for promotion of either."""
        import jax

        with self.double_precision(), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
            yield

    def vmap(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """By `jax.vmap`."""
        import jax

        mapped: Callable[..., Any] = jax.vmap(function)
        return mapped
