"""PyTorch, with its own autodiff, vmap and compiler."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from lossspec.dispatch import Backend
from lossspec.primitive import Primitive
from lossspec.terms import Array

EAGER_BLOCK = 1 << 17
"""Elements that a primitive computes at a time on the CPU: fewer, and calls cost more than fresh pages."""


class TorchBackend(Backend):
    """PyTorch through array-api-compat."""

    name = "torch"
    module = "torch"
    extra = "torch"
    casting = "{x}.to(torch.{dtype})"
    making = "torch.as_tensor({x})"

    @property
    def namespace(self) -> Any:
        import array_api_compat.torch

        return array_api_compat.torch

    def recognises(self, x: object) -> bool:
        return isinstance(x, sys.modules["torch"].Tensor)

    def devices(self) -> tuple[str, ...]:
        import torch

        return ("cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count())))

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        import torch

        return torch.tensor(array, device=device)

    def to_numpy(self, x: Array) -> Array:
        return x.numpy(force=True).copy()

    def is_tracing(self) -> bool:
        return bool(sys.modules["torch"].compiler.is_compiling())

    def is_concrete(self, x: Array) -> bool:
        import torch

        return not (self.is_tracing() or torch._C._functorch.is_batchedtensor(x) or x.device.type == "meta")

    def cumulative_sum(self, x: Array) -> Array:
        return x.cumsum(-1)  # array_api_compat looks its namespace up anew, of which the compiler warns

    def stop_gradient(self, x: Array) -> Array:
        return x.detach()

    def apply(self, primitive: Primitive, operands: tuple[Array, ...]) -> Array:
        tracing = self.is_tracing()
        block = 0 if tracing or operands[0].device.type != "cpu" else EAGER_BLOCK
        if any(x.requires_grad for x in operands):
            from .torch_autograd import DeclaredDerivative, InBothModes

            return (DeclaredDerivative if tracing else InBothModes).apply(primitive, block, *operands)
        return primitive.value(self.namespace, operands, block)  # under forward mode alone its steps are differentiated

    def value_and_grad(self, function: Callable[..., Array], argnums: tuple[int, ...]) -> Callable[..., Any]:
        import torch

        differentiate = torch.func.grad_and_value(function, argnums)

        def value_and_grad(*arguments: Any) -> tuple[Array, tuple[Array, ...]]:
            gradients, value = differentiate(*arguments)
            return value, gradients

        return value_and_grad

    def compile(self, function: Callable[..., Any], quick: bool = False) -> Callable[..., Any]:
        import torch

        if quick:
            torch.compiler.reset()  # every function counts anew towards the limit of recompilations
            quickly: Callable[..., Any] = torch.compile(function, fullgraph=True, backend="aot_eager")
            return quickly
        compiled: Callable[..., Any] = torch.compile(function, fullgraph=True)
        return compiled

    def vmap(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        import torch

        mapped: Callable[..., Any] = torch.func.vmap(function)
        return mapped


backend = TorchBackend()
