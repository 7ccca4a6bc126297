"""PyTorch, with its own autodiff, vmap and compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from lossspec.dispatch import Backend, filled
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
        from . import torch_namespace

        return torch_namespace

    def recognises(self, x: object) -> bool:
        import torch  # a statement: a compiler that meets `sys.modules` follows every module in it

        return isinstance(x, torch.Tensor)

    def devices(self) -> tuple[str, ...]:
        import torch

        return ("cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count())))

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        import torch

        return torch.tensor(array, device=device)

    def to_numpy(self, x: Array) -> Array:
        import torch

        with torch._C._DisableFuncTorch():  # else a transform would wrap what it copies
            return _beneath(x)[0].numpy(force=True).copy()

    def by_kernel(self, *call: Any) -> Any:
        if self.is_tracing():
            return None
        from .torch_kernels import by_kernel

        vars(self)["by_kernel"] = by_kernel  # calls come to it without this step from now on
        return by_kernel(*call)

    def by_own_graph(
        self, function: Callable[..., Array], chosen: Sequence[Any], others: Iterable[Any]
    ) -> tuple[Array, tuple[Array, ...]] | None:
        import torch

        from .torch_kernels import is_plain_eager
        from .torch_spread import spread_of

        if self.is_tracing() or not is_plain_eager() or torch.is_inference_mode_enabled():
            return None
        plain = all(type(x) in (torch.Tensor, torch.nn.Parameter) or spread_of(x) for x in chosen)
        if not plain or any(getattr(x, "requires_grad", False) or _is_inference(x) for x in (*chosen, *others)):
            return None
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in chosen]
            value = function(*leaves)
            if not value.requires_grad:
                return value, tuple(torch.zeros_like(x) for x in chosen)
            gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        return value.detach(), tuple(self.owned(g) for g in gradients)

    def host(self, x: Array, strided: bool = False) -> Array | None:
        from .torch_kernels import host

        return host(x, strided)

    def gpu(self, x: Array) -> Any:
        from .torch_gpu import gpu_of

        return gpu_of(x)

    def of_host(self, array: Array) -> Array:
        import torch

        return torch.from_numpy(array if array.flags.writeable else array.copy())

    def compiles_scans(self, x: Array) -> bool:
        if self.is_tracing():
            return False
        from lossspec.kernels.recurrence import is_on

        return is_on(self, x)

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False
    ) -> tuple[Any, Any]:
        if self.is_tracing():
            return super().scan(step, carry, xs, reverse)
        from lossspec.kernels.recurrence import run

        found = run(self, step, carry, xs, reverse)
        return super().scan(step, carry, xs, reverse) if found is None else found

    def one_pass(self, name: str, *arrays: Array, **sizes: int) -> Array | None:
        hosts = [None] if self.is_tracing() else [self.host(x, strided=True) for x in arrays]
        if all(x is not None for x in hosts):
            from lossspec.kernels import passes

            found = getattr(passes, name)(*hosts, **sizes)
            if found is not None:
                return self.of_host(found)
        if name != "scattered":
            return None
        g, index = arrays
        index = (index + sizes["size"] * (index < 0)).expand(g.shape).long()
        return g.new_zeros((*g.shape[:-1], sizes["size"])).scatter_add(-1, index, g)

    def is_tracing(self) -> bool:
        import torch

        return bool(torch.compiler.is_compiling())

    def known(self, x: Array) -> Array | None:
        if self.is_tracing():
            return None
        x, is_mapped = _beneath(x)  # under differentiation, the values themselves
        return None if is_mapped or x.device.type == "meta" else x.detach()

    def refusal(self, x: Array) -> str:
        import torch

        if x.is_nested:
            return "a nested tensor. Fix: pad it, x.to_padded_tensor(0.0), and give its mask as `where`"
        if x.layout is not torch.strided:
            return f"a tensor of layout {x.layout}, and losses take dense ones. Fix: x.to_dense()"
        return "a masked tensor. Fix: pass x.get_data(), and x.get_mask() as `where`" if hasattr(x, "get_mask") else ""

    def all_true(self, flags: Array) -> bool:
        import torch

        known = self.known(flags)
        if known is None or type(known) is not torch.Tensor or known.device.type != "cpu":
            return False
        return bool(known.all())

    def bits(self, x: Array) -> bytes | None:
        import torch

        known = not self.is_tracing() and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        return super().bits(x) if known else None

    def is_learned(self, x: Array) -> bool:
        return bool(x.requires_grad)

    def owned(self, x: Array) -> Array:
        """A gradient with memory and without a graph, unless a transform around it or a compiler still needs both."""
        import torch

        if self.is_tracing() or torch._C._functorch.is_functorch_wrapped_tensor(x):
            return x
        x = x.detach()
        return x.clone(memory_format=torch.contiguous_format) if x._is_zerotensor() or 0 in x.stride() else x

    def joined(self, pieces: Iterable[Array], like: Array) -> Array:
        import torch

        if torch.is_grad_enabled() or self.is_tracing() or torch._C._functorch.peek_interpreter_stack() is not None:
            return torch.cat(list(pieces))
        return filled(torch.empty_like(like, memory_format=torch.contiguous_format), pieces)

    def cumulative_sum(self, x: Array) -> Array:
        return x.cumsum(-1)  # array_api_compat looks its namespace up anew, of which the compiler warns

    def matmul(self, x: Array, y: Array) -> Array:
        import torch

        if torch.is_autocast_enabled(x.device.type):
            from .torch_autograd import full_precision_product

            return full_precision_product(x, y)
        return x @ y

    def stop_gradient(self, x: Array) -> Array:
        return x.detach()

    def beside(self, *operands: Array) -> AbstractContextManager[None]:
        from .torch_autograd import beside

        return beside(*operands)

    def apply(self, primitive: Primitive, operands: tuple[Array, ...]) -> Array:
        tracing = self.is_tracing()
        block = 0 if tracing or operands[0].device.type != "cpu" else EAGER_BLOCK
        if any(x.requires_grad for x in operands) or (not tracing and self._is_forward()):
            from .torch_autograd import DeclaredDerivative, InBothModes

            value, *_ = (DeclaredDerivative if tracing else InBothModes).apply(primitive, block, *operands)
            return value
        return primitive.value(self.namespace, operands, block)

    @staticmethod
    def _is_forward() -> bool:
        """Say whether tangents may be carried along."""
        from torch.autograd import forward_ad

        return bool(forward_ad._current_level >= 0)

    def value_and_grad(self, function: Callable[..., Array], argnums: tuple[int, ...]) -> Callable[..., Any]:
        import torch

        differentiate = torch.func.grad_and_value(function, argnums)

        def value_and_grad(*arguments: Any) -> tuple[Array, tuple[Array, ...]]:
            gradients, value = differentiate(*arguments)
            return value, tuple(
                type(g)(map(self.owned, g)) if isinstance(g, (list, tuple)) else self.owned(g) for g in gradients
            )

        return value_and_grad

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        compiled: Callable[..., Any] = torch.compile(function, fullgraph=True)
        return compiled


def _is_inference(x: object) -> bool:
    """Say whether an argument is a tensor of inference mode, which no graph may hold."""
    import torch

    return isinstance(x, torch.Tensor) and bool(x.is_inference())


def _beneath(x: Array) -> tuple[Array, bool]:
    """The tensor beneath all transforms of `torch.func`, and whether one of them maps over an axis of it."""
    import torch

    functorch, is_mapped = torch._C._functorch, False
    while functorch.is_functorch_wrapped_tensor(x):
        is_mapped |= functorch.is_batchedtensor(x)
        x = functorch.get_unwrapped(x)
    return x, is_mapped


backend = TorchBackend()
