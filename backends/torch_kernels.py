"""Compiled kernels under eager Torch on the CPU: values, gradients that the forward pass has found already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lossspec.kernels import disabled
from lossspec.kernels.front import Ready, is_off, prepare
from lossspec.terms import Array


def by_kernel(
    loss: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any], wrt: str | Sequence[str] | None
) -> Any:
    """The result of a method of a loss by a kernel; None if the array path has to take the call."""
    if method not in ("value", "value_and_grad", "grad_hess") or is_off() or not _is_plain_eager():
        return None
    tracked = torch.is_grad_enabled()
    try:
        key: Any = ("torch", method, tracked, wrt if wrt is None or type(wrt) is str else tuple(wrt))
        key += tuple(map(_kind, inputs))
        if options:
            key += tuple((name, *_kind(x)) for name, x in options.items())
        plan = loss.kernels.get(key)
    except (AttributeError, TypeError, _NotTaken):
        return None
    if plan is None:
        plan = loss.kernels[key] = _Plan.make(loss, method, inputs, options, wrt, tracked, key)
    if type(plan) is str:
        return None
    return plan.run(inputs, options)


class _NotTaken(Exception):  # noqa: N818 (no error: the array path takes the call)
    """A tensor that no kernel takes."""


def _is_plain_eager() -> bool:
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
        raise _NotTaken
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
    )


def host(x: Array, strided: bool = False) -> Array | None:
    """A tensor as the NumPy array that shares its memory; None where it has none, or a dtype that NumPy lacks.

    One that may be strided is within a loss: its operations may be followed, and then have to be.
    """
    followed = strided and x.requires_grad and torch.is_grad_enabled()
    taken = not followed and _is_plain_eager() and _is_plain(x, strided) and x.dtype is not torch.bfloat16
    return x.detach().numpy() if taken else None


class _Plan:
    """A kernel for calls of one kind, and where the tensors of a call are."""

    def __init__(self, loss: Any, method: str, ready: Ready, pull: Ready | None, tracked: tuple[str, ...]) -> None:
        self.loss, self.method, self.ready, self.pull, self.tracked = loss, method, ready, pull, tracked

    @classmethod
    def make(
        cls,
        loss: Any,
        method: str,
        inputs: Sequence[Any],
        options: Mapping[str, Any],
        wrt: Any,
        grad_is_enabled: bool,
        key: Any,
    ) -> _Plan | str:
        """The plan of a call, or why there is none."""
        given = {**dict(zip(loss.declared.inputs, inputs, strict=False)), **options}
        tracked = tuple(n for n, x in given.items() if isinstance(x, torch.Tensor) and x.requires_grad)
        tracked = tracked if grad_is_enabled else ()
        try:
            hosts = [_host(x) for x in inputs]
            named = {name: _host(x) for name, x in options.items()}
        except TypeError as error:
            return f"{error}"
        if method != "value":
            if tracked:
                return "a graph hangs on the call"
            ready = prepare(loss, method, hosts, named, wrt, ("host", key))
            return ready if isinstance(ready, str) else cls(loss, method, ready, None, ())
        if not tracked:
            ready = prepare(loss, "value", hosts, named, None, ("host", key))
            return ready if isinstance(ready, str) else cls(loss, method, ready, None, ())
        ready = prepare(loss, "value_and_grad", hosts, named, tracked, ("host", key))
        pull: Ready | str | None = None
        if isinstance(ready, str) and options.get("reduction", loss.declared.keywords.reduction) == "none":
            ready = prepare(loss, "value", hosts, named, None, ("host", key))
            pull = prepare(loss, "pull", hosts, named, tracked, ("pull", key))
        if isinstance(ready, str) or isinstance(pull, str):
            return str(ready if isinstance(ready, str) else pull)
        return cls(loss, method, ready, pull, tracked)

    def run(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The result of the method."""
        ready = self.ready
        tensors = ready.arrays(inputs, options)
        if self.tracked:
            given = dict(zip(ready.input_names, inputs, strict=False))
            given.update(options)
            return _Differentiated.apply(self, given, tensors, *[given[name] for name in self.tracked])
        pointers = [x.data_ptr() for x in tensors]
        if self.method == "value":
            return self.value(pointers, tensors)
        if self.method == "value_and_grad":
            gradients = [torch.empty_like(tensors[n], requires_grad=False) for n in ready.wrt]
            value = _number(ready.gradient(pointers, [g.data_ptr() for g in gradients]), gradients[0].dtype)
            return value, gradients[0] if ready.single else tuple(gradients)
        x = tensors[ready.wrt[0]]
        pair = (torch.empty_like(x, requires_grad=False), torch.empty_like(x, requires_grad=False))
        ready.write(pointers, [g.data_ptr() for g in pair])
        return pair

    def value(self, pointers: Sequence[int], tensors: Sequence[Array]) -> Array:
        """The loss, or those of all units."""
        ready = self.ready
        dtype = _DTYPES[ready.dtype.name]
        if ready.how != "none":
            return _number(ready.value(pointers), dtype)
        values = torch.empty(ready.unit_shape, dtype=dtype)
        ready.write(pointers, [values.data_ptr()])
        return values


def _number(value: float, dtype: Any) -> Array:
    return torch.full((), value, dtype=dtype)


_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def _host(x: Any) -> Any:
    """A tensor as the NumPy array that shares its memory."""
    return x.detach().numpy() if isinstance(x, torch.Tensor) else x


class _Differentiated(torch.autograd.Function):  # type: ignore[misc]
    """A loss whose gradients the forward pass finds, for a cotangent of 1, which is the usual one.

    They are given away at the first backward pass; another one, or one that is to be differentiated, takes the array
    path.
    """

    @staticmethod
    def forward(ctx: Any, plan: _Plan, given: dict[str, Any], tensors: list[Array], *tracked: Array) -> Array:
        """The value."""
        pointers = [x.data_ptr() for x in tensors]
        ctx.plan = plan
        ctx.options = {n: x for n, x in given.items() if not isinstance(x, torch.Tensor)}
        ctx.names = [n for n, x in given.items() if isinstance(x, torch.Tensor)]
        ctx.save_for_backward(*(given[n] for n in ctx.names))
        if plan.pull is not None:
            ctx.gradients = None
            return plan.value(pointers, tensors)
        ctx.gradients = gradients = [torch.empty_like(x) for x in tracked]
        value = plan.ready.gradient(pointers, [g.data_ptr() for g in gradients])
        return _number(value, gradients[0].dtype)

    @staticmethod
    def backward(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The gradients that forward has found, times the cotangent."""
        plan = ctx.plan
        before = (None, None, None)
        if torch.is_grad_enabled() or not _is_plain_eager():
            return (*before, *_Differentiated.again(ctx, g))
        if plan.pull is not None:
            tensors = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
            g = g.contiguous()
            gradients = [torch.empty_like(tensors[n]) for n in plan.tracked]
            pointers = [tensors[n].data_ptr() for n in plan.pull.names]
            plan.pull.pull(pointers, [x.data_ptr() for x in gradients], g.data_ptr())
            return (*before, *gradients)
        if ctx.gradients is None:
            return (*before, *_Differentiated.again(ctx, g))
        gradients, ctx.gradients = ctx.gradients, None
        factor = g.item()
        if factor != 1.0:
            for gradient in gradients:
                gradient.mul_(factor)
        return (*before, *gradients)

    @staticmethod
    def again(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The gradients by the array path, which can be differentiated in turn."""
        plan = ctx.plan
        create = torch.is_grad_enabled()
        with torch.enable_grad(), disabled():
            given = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
            if not create:
                given |= {n: given[n].detach().requires_grad_() for n in plan.tracked}
            value = plan.loss(**given, **ctx.options)
            wanted = [given[n] for n in plan.tracked]
            found: tuple[Array | None, ...] = torch.autograd.grad(
                value, wanted, g, create_graph=create, allow_unused=True
            )
        return found


__all__ = ["by_kernel", "host"]
