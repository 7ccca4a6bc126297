"""JAX, with its own autodiff, vmap, scan and compiler."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from lossspec.dispatch import Backend
from lossspec.primitive import Primitive
from lossspec.terms import Array


class JaxBackend(Backend):
    """JAX; float64 needs `jax_enable_x64`."""

    name = "jax"
    module = "jax"
    extra = "jax"
    casting = '{x}.astype("{dtype}")'
    making = "jax.numpy.asarray({x})"
    integer = "int32"
    sees_cotangents = False

    def __init__(self) -> None:
        self._declared: dict[Primitive, Callable[..., Array]] = {}
        self._compiled: dict[Callable[..., Array], Callable[..., Array]] = {}

    @property
    def namespace(self) -> Any:
        import jax.numpy

        return jax.numpy

    def recognises(self, x: object) -> bool:
        _tell_of_partials()
        return isinstance(x, sys.modules["jax"].Array)

    def devices(self) -> tuple[str, ...]:
        import jax

        return tuple(f"{device.platform}:{device.id}" for device in jax.devices())

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        import jax

        chosen = None
        if device is not None:
            chosen = jax.devices()[self.devices().index(device)]
        return jax.device_put(np.array(array), chosen)

    def to_numpy(self, x: Array) -> Array:
        return np.array(x)

    def device_of(self, x: Array) -> Any:
        import jax

        if isinstance(x, jax.core.Tracer) or not x.committed:
            return None  # JAX itself places these beside the others
        return frozenset(x.devices())

    def creation_device(self, x: Array) -> Any:
        import jax

        if isinstance(x, jax.core.Tracer) or not x.committed or len(x.devices()) > 1:
            return None  # JAX itself places these beside the others; a sharding is one of the shape of `x`
        return x.sharding

    def known(self, x: Array) -> Array | None:
        import jax

        while isinstance(x, jax.core.Tracer):
            x = getattr(x, "primal", None)  # under differentiation, the values themselves
        return x

    def bits(self, x: Array) -> bytes | None:
        import jax

        return None if isinstance(x, jax.core.Tracer) else super().bits(x)

    @property
    def index_dtype(self) -> Any:
        import jax

        return jax.dtypes.canonicalize_dtype(int)

    def matmul(self, x: Array, y: Array) -> Array:
        import jax

        return self.namespace.matmul(x, y, precision=jax.lax.Precision.HIGHEST)

    def stop_gradient(self, x: Array) -> Array:
        import jax

        return jax.lax.stop_gradient(x)

    def apply(self, primitive: Primitive, operands: tuple[Array, ...]) -> Array:
        function = self._declared.get(primitive)
        if function is None:
            function = self._declared[primitive] = self._declare(primitive)
        return function(*operands)

    def _declare(self, primitive: Primitive) -> Callable[..., Array]:
        """The primitive with its declared derivative, in forward mode, which JAX transposes for the reverse.

        Each of the two is one program, so that calls outside of any compile and run it as a whole.
        """
        import jax

        push_known = jax.jit(lambda operands, tangents: primitive.push(self.namespace, operands, tangents))

        def push(operands: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
            known = tuple(None if isinstance(t, jax.custom_derivatives.SymbolicZero) else t for t in tangents)
            value, tangent = push_known(operands, known)
            if any(isinstance(x, jax.core.Tracer) for x in operands):
                value = function(*operands)  # so that its next derivative is the declared one, not that of its steps
            return value, tangent

        function = jax.custom_jvp(jax.jit(lambda *operands: primitive.value(self.namespace, operands)))
        function.defjvp(push, symbolic_zeros=True)
        declared: Callable[..., Array] = function
        return declared

    def value_and_grad(self, function: Callable[..., Array], argnums: tuple[int, ...]) -> Callable[..., Any]:
        import jax

        differentiate: Callable[..., Any] = jax.value_and_grad(function, argnums)
        return differentiate

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False
    ) -> tuple[Any, Any]:
        import jax

        final, collected = jax.lax.scan(step, carry, xs, reverse=reverse)
        return final, collected

    def one_pass(self, name: str, *arrays: Array, **sizes: int) -> Array | None:
        if name != "scattered":
            return None
        import jax

        def added(g: Array, index: Array) -> Array:
            return self.namespace.zeros(sizes["size"], g.dtype).at[index].add(g)

        g, index = arrays
        for _ in g.shape[1:]:
            added = jax.vmap(added)
        return added(g, self.namespace.broadcast_to(index, g.shape))

    def recomputed(self, step: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any, Any], tuple[Any, Any]]:
        import jax

        kept_small: Callable[[Any, Any], tuple[Any, Any]] = jax.checkpoint(step, prevent_cse=False)
        return kept_small

    def whole(self, function: Callable[..., Array], arguments: tuple[Any, ...], static: Mapping[str, Any]) -> Array:
        import jax

        compiled = self._compiled.get(function)
        if compiled is None:
            compiled = self._compiled[function] = jax.jit(function, static_argnames=tuple(static))
        dtype = arguments[0].dtype  # a number and a 0-d array are not to be compiled apart
        return compiled(*(jax.numpy.asarray(x, dtype) if isinstance(x, float) else x for x in arguments), **static)

    def psum(self, x: Any, axis_name: str | tuple[str, ...]) -> Any:
        import jax

        return jax.lax.psum(x, axis_name)

    def pmax(self, x: Array, axis_name: str | tuple[str, ...]) -> Array:
        import jax

        return jax.lax.pmax(x, axis_name)

    def axis_index(self, axis_name: str | tuple[str, ...]) -> Array:
        import jax

        return jax.lax.axis_index(axis_name)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import jax

        compiled: Callable[..., Any] = jax.jit(function)
        return compiled


@cache
def _tell_of_partials() -> None:
    """Have partials taken apart by whatever JAX does with trees."""
    import jax

    from lossspec.composite import PartialSum
    from lossspec.reduction import Partial

    for kind in (Partial, PartialSum):
        jax.tree_util.register_pytree_node(kind, kind.take_apart, kind.put_together)


backend = JaxBackend()
