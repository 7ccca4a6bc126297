"""Compiled kernels under eager Torch: values, gradients that the forward pass has found already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lossspec.kernels import disabled
from lossspec.kernels.front import is_off, is_on_cuda, prepare
from lossspec.kernels.gpu import NotTaken
from lossspec.kernels.gpu import prepare as prepare_on_gpu
from lossspec.kernels.ready import Addresses, Ready
from lossspec.kernels.request import Request
from lossspec.terms import Array

from .torch_gpu import BFLOAT16, TorchGpu, gpu_of


def by_kernel(request: Request) -> Any:
    """The result of a call by a kernel; None if the array path has to take it."""
    if request.method not in ("value", "value_and_grad", "grad_hess") or is_off() or not is_plain_eager():
        return None
    tracked, gpu = torch.is_grad_enabled(), gpu_of(request.first())
    if gpu is not None and not is_on_cuda():
        return None
    try:
        key = (tracked, request.key(_kind)) if gpu is None else (tracked, gpu.index, request.key(gpu.kind))
        plan = request.loss.kernels.get(key)
    except (AttributeError, TypeError, NotTaken):
        return None
    if plan is None:
        plan = request.loss.kernels[key] = _Plan.make(request, tracked, key, gpu)
    return None if isinstance(plan, str) else plan.run(request.inputs, request.options)


def is_plain_eager() -> bool:
    """Say whether nothing but autograd follows the operations on tensors."""
    return (
        torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._len_torch_function_stack() == 0
        and torch.autograd.forward_ad._current_level < 0
    )


def _kind(x: Any) -> tuple[Any, ...]:
    """All of an argument that a plan depends on."""
    if not isinstance(x, torch.Tensor):
        return (type(x), x)
    if not _is_plain(x):
        raise NotTaken
    return torch.Tensor, x.shape, x.dtype, x.requires_grad


def _is_plain(x: Array, strided: bool = False) -> bool:
    """Say whether a tensor is memory of the host, in one piece unless it may be strided, that is read as it is."""
    return (
        not x.is_nested
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.is_cpu
        and x.layout is torch.strided
        and (strided or x.is_contiguous())
        and not x.is_neg()
        and not x.is_quantized
    )


def host(x: Array, strided: bool = False) -> Array | None:
    """A tensor as the NumPy array that shares its memory; None where it has none.

    One that may be strided is within a loss: its operations may be followed, and then have to be.
    """
    followed = strided and x.requires_grad and torch.is_grad_enabled()
    return _host(x) if not followed and is_plain_eager() and _is_plain(x, strided) else None


class _Plan:
    """A kernel for calls of one kind, and where the tensors of a call are."""

    def __init__(
        self, request: Request, ready: Ready, pull: Ready | None, tracked: tuple[str, ...], gpu: TorchGpu | None
    ) -> None:
        self.loss, self.method, self.gpu = request.loss, request.method, gpu
        self.ready, self.pull, self.tracked = ready, pull, tracked
        self.static = {name: x for name, x in request.named().items() if not isinstance(x, torch.Tensor)}
        """The arguments that are no tensors, which are the same in all calls of the plan."""
        self.wrt = (pull or ready).wrt if tracked else ()
        self.dtype = _DTYPES[ready.dtype.name]

    @classmethod
    def make(cls, request: Request, grad_is_enabled: bool, key: Any, gpu: TorchGpu | None) -> _Plan | str:
        """The plan of a call, or why there is none."""
        method = request.method
        tracked = tuple(n for n, x in request.named().items() if isinstance(x, torch.Tensor) and x.requires_grad)
        tracked = tracked if grad_is_enabled else ()

        def ready(method: str, wrt: Any = None) -> Ready | str:
            if gpu is not None:
                found: Ready | str = prepare_on_gpu(request, gpu, method, wrt)
                return found
            return prepare(request.of_hosts(_host, method, wrt), (method, key))

        pull: Ready | str | None = None
        if not tracked:
            found = ready(method, request.wrt)
        elif method != "value":
            return "a graph hangs on the call"
        else:
            found = ready("value_and_grad", tracked)
            how = request.options.get("reduction", request.loss.declared.keywords.reduction)
            if isinstance(found, str) and how == "none":
                found, pull = ready("value"), ready("pull", tracked)
        if isinstance(found, str) or isinstance(pull, str):
            return str(found if isinstance(found, str) else pull)
        return cls(request, found, pull, tracked, gpu)

    def run(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The result of the method."""
        ready = self.ready
        tensors = ready.arrays(inputs, options)
        if self.tracked:
            return _Differentiated.apply(self, tensors, *[tensors[n] for n in self.wrt])
        pointers = self.addresses(tensors)
        if self.method == "value":
            return self.value(pointers, tensors)
        if self.method == "value_and_grad":
            gradients = [torch.empty_like(tensors[n], requires_grad=False) for n in ready.wrt]
            value = _number(ready.gradient(pointers, self.addresses(gradients)), self.dtype)
            return value, gradients[0] if ready.single else tuple(gradients)
        x = tensors[ready.wrt[0]]
        pair = (torch.empty_like(x, requires_grad=False), torch.empty_like(x, requires_grad=False))
        ready.write(pointers, self.addresses(pair))
        return pair

    def addresses(self, tensors: Sequence[Array]) -> Addresses:
        """The addresses of tensors."""
        return Addresses(tensors, torch.Tensor.data_ptr if self.gpu is None else self.gpu.address)

    def value(self, pointers: Sequence[int], tensors: Sequence[Array]) -> Array:
        """The loss, or those of all units."""
        ready = self.ready
        if ready.how != "none":
            return _number(ready.value(pointers), self.dtype)
        values = torch.empty(ready.unit_shape, dtype=self.dtype, device=tensors[0].device)
        ready.write(pointers, self.addresses([values]))
        return values


def _number(value: Any, dtype: Any) -> Array:
    return value.to(dtype) if isinstance(value, torch.Tensor) else torch.full((), value, dtype=dtype)


_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def _host(x: Any) -> Any:
    """A tensor as the NumPy array that shares its memory; its dtype tells bits of bfloat16."""
    if not isinstance(x, torch.Tensor):
        return x
    x = x.detach()
    return x.view(torch.int16).numpy().view(BFLOAT16) if x.dtype is torch.bfloat16 else x.numpy()


class _Differentiated(torch.autograd.Function):  # type: ignore[misc]
    """A loss whose gradients the forward pass finds, for a cotangent of 1, which is the usual one.

    They are given away at the first backward pass; another one, or one that is to be differentiated, takes the array
    path.
    """

    @staticmethod
    def forward(ctx: Any, plan: _Plan, tensors: list[Array], *tracked: Array) -> Array:
        """The value."""
        ctx.plan = plan
        ctx.save_for_backward(*tensors)
        pointers = plan.addresses(tensors)
        if plan.pull is not None:
            ctx.gradients = None
            return plan.value(pointers, tensors)
        ctx.gradients = gradients = [torch.empty_like(x) for x in tracked]
        return _number(plan.ready.gradient(pointers, plan.addresses(gradients)), plan.dtype)

    @staticmethod
    def backward(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The gradients that forward has found, times the cotangent."""
        plan = ctx.plan
        if torch.is_grad_enabled() or not is_plain_eager():
            return (None, None, *_Differentiated.again(ctx, g))
        if plan.pull is not None:
            tensors, g = ctx.saved_tensors, g.contiguous()
            gradients = [torch.empty_like(tensors[n]) for n in plan.wrt]
            pointers = plan.addresses(tensors)
            plan.pull.pull(pointers, plan.addresses(gradients), plan.addresses([g]))
            return (None, None, *gradients)
        if ctx.gradients is None:
            return (None, None, *_Differentiated.again(ctx, g))
        gradients, ctx.gradients = ctx.gradients, None
        factor = g.item() if plan.gpu is None else g  # to read a number of a GPU is to wait for it
        if plan.gpu is not None or factor != 1.0:
            for gradient in gradients:
                gradient.mul_(factor)
        return (None, None, *gradients)

    @staticmethod
    def again(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The gradients by the array path, which can be differentiated in turn."""
        plan = ctx.plan
        create = torch.is_grad_enabled()
        with torch.enable_grad(), disabled():
            given = dict(zip(plan.ready.names, ctx.saved_tensors, strict=True))
            if not create:
                given |= {n: given[n].detach().requires_grad_() for n in plan.tracked}
            value = plan.loss(**given, **plan.static)
            wanted = [given[n] for n in plan.tracked]
            found: tuple[Array | None, ...] = torch.autograd.grad(
                value, wanted, g, create_graph=create, allow_unused=True
            )
        return found


__all__ = ["by_kernel", "host", "is_plain_eager"]
