"""Compiled kernels under eager Torch: values, gradients that the forward pass has found already."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad
from torch.compiler import is_compiling

from lossspec.errors import LossSpecError
from lossspec.kernels import disabled
from lossspec.kernels.front import is_off, is_on_cuda, prepare
from lossspec.kernels.gpu import NotTaken
from lossspec.kernels.gpu import prepare as prepare_on_gpu
from lossspec.kernels.ready import Ready, Words
from lossspec.kernels.replay import Replay
from lossspec.kernels.request import Request, key_of
from lossspec.kernels.trace import OTHER_SIZES
from lossspec.terms import Array

from .torch_gpu import BFLOAT16, TorchGpu, gpu_of
from .torch_spread import of_devices


def by_kernel(loss: Any, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any], wrt: Any) -> Any:
    """The result of a call by a kernel; None if the array path has to take it."""
    if is_compiling() or not is_plain_eager():
        return None
    if is_off():
        return of_devices(loss, method, inputs, options)
    tracked, gpu = _is_followed(), None
    if is_on_cuda():
        gpu = gpu_of(Request(loss, method, inputs, options).first())
    try:
        if gpu is None:
            key = _key(tracked, method, inputs, options, wrt)
        else:
            key = tracked, gpu.index, key_of(gpu.kind, method, inputs, options, wrt)
        plan = loss.kernels.get(key)
    except (AttributeError, TypeError, RuntimeError, NotTaken):  # RuntimeError: a tensor that has no memory
        return of_devices(loss, method, inputs, options)
    if plan is None:
        plan = loss.kernels[key] = _Plan.make(Request(loss, method, inputs, options, wrt), tracked, key, gpu)
    return None if type(plan) is str else plan.run(inputs, options)


def is_plain_eager() -> bool:
    """Say whether nothing but autograd follows the operations on tensors."""
    return _transforms() is None and _dispatch_modes() == 0 and _function_modes() == 0 and forward_ad._current_level < 0


_transforms = torch._C._functorch.peek_interpreter_stack
_dispatch_modes, _function_modes = torch._C._len_torch_dispatch_stack, torch._C._len_torch_function_stack


def _key(
    tracked: bool, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any], wrt: str | Sequence[str] | None
) -> tuple[Any, ...]:
    """All that a plan depends on, as `key_of` has it, in one frame: half of a small call is what comes before it.

    What a plan cannot know of a later tensor is asked here, in the cheapest words of Torch: a negation that is not
    carried out, and memory, which zeros and wrappers do not have. The rest is in the key, and is asked as it is made.
    """
    key: list[Any] = ["torch", tracked, method, wrt if wrt is None or type(wrt) is str else tuple(wrt), *options]
    for x in (*inputs, *options.values()) if options else inputs:
        if type(x) in _CLASSES:
            if not x.is_cpu or x.is_neg() or not x.is_contiguous() or not x.data_ptr():
                raise NotTaken
            key += x.shape, x.dtype, x.requires_grad
        elif type(x) not in _NUMBERS_AND_TEXT and isinstance(x, torch.Tensor):
            raise NotTaken
        else:
            key += type(x), x
    return tuple(key)


def _is_plain(x: Array, strided: bool = False) -> bool:
    """Say whether a tensor is memory of the host, in one piece unless it may be strided, that is read as it is."""
    return (
        type(x) in _CLASSES and _keys(x).raw_repr() in _keys_of_plain_tensors() and (strided or bool(x.is_contiguous()))
    )


@cache
def _keys_of_plain_tensors() -> frozenset[int]:
    """The dispatch keys of a tensor of the host, of inference mode or not.

    Another layout or device, a negation that is not carried out, zeros without memory and wrappers have other keys.
    """
    found = []
    for inference in (False, True):
        with torch.inference_mode(inference):
            found.append(_keys(torch.empty(0, device="cpu")).raw_repr())
    return frozenset(found)


_keys = torch._C._dispatch_keys
_CLASSES = (torch.Tensor, torch.nn.Parameter)
_NUMBERS_AND_TEXT = frozenset((str, float, int, bool, type(None)))
"""Types that are told from tensors without a search among the classes of Torch."""


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
        self.cell = _cell(ready.dtype.name)
        self.at = _at if gpu is None else gpu.words

    @classmethod
    def make(cls, request: Request, grad_is_enabled: bool, key: Any, gpu: TorchGpu | None) -> _Plan | _Replayed | str:
        """The plan of a call, or why there is none."""
        method = request.method
        tracked = tuple(n for n, x in request.named().items() if isinstance(x, torch.Tensor) and x.requires_grad)
        tracked = tracked if grad_is_enabled else ()

        def ready(method: str, wrt: Any = None) -> Ready | Replay | str:
            found: Ready | Replay | str
            if gpu is not None:
                found = prepare_on_gpu(request, gpu, method, wrt)
                return found
            if not all(_is_plain(x) for x in request.named().values() if isinstance(x, torch.Tensor)):
                return "a tensor is not plain memory of the host"
            found = prepare(request.of_hosts(_host, method, wrt), (method, key))
            return OTHER_SIZES if isinstance(found, Replay) and not found.is_recurrence else found

        def way_back(method: str) -> Ready | str:
            found = ready(method, tracked)
            return "it is no single pass" if isinstance(found, Replay) else found

        pull: Ready | str | None = None
        if not tracked:
            found = ready(method, request.wrt)
        elif method == "partial":
            found, pull = ready("partial"), way_back("back")
        elif method != "value":
            return "a graph hangs on the call"
        else:
            found = ready("value_and_grad", tracked)
            how = request.options.get("reduction", request.loss.declared.keywords.reduction)
            if how == "none" and not isinstance(found, Ready):
                found, pull = ready("value"), way_back("pull")
        if isinstance(found, str) or isinstance(pull, str):
            return str(found if isinstance(found, str) else pull)
        if isinstance(found, Replay):
            is_known = not any(getattr(x, "dtype", None) is torch.bfloat16 for x in request.named().values())
            return _Replayed(request, found, tracked) if is_known else "NumPy has no bfloat16"
        return cls(request, found, pull, tracked, gpu)

    def run(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The result of the method."""
        ready = self.ready
        tensors = ready.arrays(inputs, options)
        if self.method == "partial":
            return self.partial(tensors)
        if self.tracked:
            return _apply((self, tensors), *map(tensors.__getitem__, self.wrt))
        inputs_at = self.at(tensors)
        if self.method == "value":
            return self.value(inputs_at, tensors)
        if self.method == "value_and_grad":
            gradients = [torch.empty_like(tensors[n]) for n in ready.wrt]
            value = _number(ready.gradient(inputs_at, self.at(gradients)), self.cell)
            return value, gradients[0] if ready.single else tuple(gradients)
        x = tensors[ready.wrt[0]]
        pair = (torch.empty_like(x), torch.empty_like(x))
        ready.write(inputs_at, self.at(pair))
        return pair

    def partial(self, tensors: Sequence[Array]) -> tuple[tuple[Array, ...], Any, Any]:
        """The totals, which are followed where the tensors are, the weight, and the count."""
        ready = self.ready
        sums, weight, count = ready.totals(self.at(tensors))
        exact = torch.scalar_tensor(count, dtype=torch.int64) if ready.masked else count
        totals = tuple(
            torch.from_numpy(t).to(self.cell[0].dtype) if isinstance(t, np.ndarray) else _number(t, self.cell)
            for t in sums
        )
        if self.tracked:
            totals = _Totals.apply(self, tensors, totals, *[tensors[n] for n in self.wrt])
        return totals, exact if weight is None else _number(weight, self.cell), exact

    def value(self, inputs: Words, tensors: Sequence[Array]) -> Array:
        """The loss, or those of all units."""
        ready = self.ready
        if ready.how != "none":
            return _number(ready.value(inputs), self.cell)
        values = torch.empty(ready.unit_shape, dtype=self.cell[0].dtype, device=tensors[0].device)
        ready.write(inputs, self.at([values]))
        return values


class _Replayed:
    """Calls of a loss over paths, on arrays of NumPy that share the memory of the tensors: they are recorded."""

    pull = gpu = None

    def __init__(self, request: Request, ready: Replay, tracked: tuple[str, ...]) -> None:
        self.loss, self.method, self.ready, self.tracked = request.loss, request.method, ready, tracked
        self.static = {name: x for name, x in request.named().items() if not isinstance(x, torch.Tensor)}
        self.wrt = [ready.names.index(name) for name in tracked]

    def run(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """The result of the method; None where the array path has to find it, or to say what is wrong."""
        loss, tensors = self.loss, self.ready.arrays(inputs, options)
        if not self.ready.is_small(tensors):
            return None
        given = {**self.static, **{name: _host(x) for name, x in zip(self.ready.names, tensors, strict=True)}}
        is_value = self.method == "value" and not self.tracked
        try:
            found = loss(**given) if is_value else loss.value_and_grad(**given, wrt=self.tracked or self.ready.wrt)
        except LossSpecError:
            return None
        if is_value:
            return _of_numpy(found)
        value, gradients = _of_numpy(found[0]), found[1]
        if self.tracked:
            call = self, tensors, value, [torch.from_numpy(g) for g in gradients]
            return _apply_found(call, *[tensors[n] for n in self.wrt])
        several = isinstance(gradients, tuple)
        return value, tuple(map(torch.from_numpy, gradients)) if several else torch.from_numpy(gradients)


def _of_numpy(value: Any) -> Array:
    """A number of NumPy, or a new array of it, as a tensor."""
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else torch.from_numpy(np.asarray(value))


def _at(tensors: Sequence[Array]) -> Words:
    """The addresses of tensors."""
    return list(map(_address, tensors)), tensors


Cell = tuple[Array, Callable[[int], Any]]
"""A tensor without axes, to make others like it, and what writes to an address in its dtype."""


def _number(value: Any, of: Cell) -> Array:
    """A number as a tensor; to write it into memory takes half as long as what Torch has for this."""
    like, cell = of
    if type(value) is torch.Tensor:
        return value.to(like.dtype)
    number = _empty_like(like)
    cell(_address(number)).value = value
    return number


@cache
def _cell(dtype: str) -> Cell:
    kind = ctypes.c_float if dtype == "float32" else ctypes.c_double
    return torch.zeros((), dtype=getattr(torch, dtype), device="cpu"), kind.from_address


_address, _empty_like, _is_followed = torch.Tensor.data_ptr, torch.empty_like, torch.is_grad_enabled


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
    def forward(ctx: Any, call: tuple[Any, ...], *tracked: Array) -> Array:
        """The value; the fewer arguments, the less Torch wraps."""
        plan, tensors = call
        ctx.save_for_backward(*tensors)
        if plan.pull is not None:
            ctx.found = plan, None
            return plan.value(plan.at(tensors), tensors)
        gradients = list(map(_empty_like, tracked))
        ctx.found = plan, gradients
        return _number(plan.ready.gradient(plan.at(tensors), plan.at(gradients)), plan.cell)

    @staticmethod
    def backward(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The gradients that forward has found, times the cotangent."""
        plan, gradients = ctx.found
        if _is_followed() or not is_plain_eager():
            return (None, *_again(ctx, g))
        if plan.pull is not None:
            tensors, g = ctx.saved_tensors, g.contiguous()
            gradients = [torch.empty_like(tensors[n]) for n in plan.wrt]
            plan.pull.pull(plan.at(tensors), plan.at(gradients), plan.at([g]))
            return (None, *gradients)
        if gradients is None:
            return (None, *_again(ctx, g))
        ctx.found = plan, None
        factor = g.item() if plan.gpu is None else g  # to read a number of a GPU is to wait for it
        if plan.gpu is not None or factor != 1.0:
            for gradient in gradients:
                gradient.mul_(factor)
        return (None, *gradients)


class _Found(_Differentiated):
    """A loss whose gradients were found with its value."""

    @staticmethod
    def forward(ctx: Any, call: tuple[Any, ...], *tracked: Array) -> Array:
        """The value."""
        plan, tensors, value, gradients = call
        ctx.found = plan, gradients
        ctx.save_for_backward(*tensors)
        return value


class _Totals(torch.autograd.Function):  # type: ignore[misc]
    """The totals of a partial, whose cotangents a kernel carries back."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, tensors: list[Array], totals: tuple[Array, ...], *_: Array) -> tuple[Array, ...]:
        """The totals, which a kernel has found."""
        ctx.found = plan, None
        ctx.save_for_backward(*tensors)
        return totals

    @staticmethod
    def backward(ctx: Any, *cotangents: Array) -> tuple[Array | None, ...]:
        """The gradients for the cotangents of all totals."""
        plan, _ = ctx.found
        if _is_followed() or not is_plain_eager():
            return (None, None, None, *_again(ctx, *cotangents))
        tensors = ctx.saved_tensors
        gradients = [torch.empty_like(tensors[n]) for n in plan.wrt]
        plan.pull.back(plan.at(tensors), plan.at(gradients), [g.detach().numpy() for g in cotangents])
        return (None, None, None, *gradients)


def _again(ctx: Any, *cotangents: Array) -> tuple[Array | None, ...]:
    """The gradients by the array path, which can be differentiated in turn."""
    plan, _ = ctx.found
    create = torch.is_grad_enabled()
    with torch.enable_grad(), disabled():
        given = dict(zip(plan.ready.names, ctx.saved_tensors, strict=True))
        if not create:
            given |= {n: given[n].detach().requires_grad_() for n in plan.tracked}
        arguments = {**given, **plan.static}
        values = plan.loss.partial(**arguments).totals if plan.method == "partial" else [plan.loss(**arguments)]
        wanted = [given[n] for n in plan.tracked]
        pairs = [(x, g) for x, g in zip(values, cotangents, strict=True) if x.requires_grad]
        followed, of_them = [x for x, _ in pairs], [g for _, g in pairs]
        found: tuple[Array | None, ...] = torch.autograd.grad(
            followed, wanted, of_them, create_graph=create, allow_unused=True
        )
    return found


def _way_in(kind: Any) -> Any:
    """The `apply` of a function, without what Torch does around it and what is of no use here, which takes as long.

    Its way in looks for transforms of `torch.func` and their wrappers; its way back asks which form of a backward pass
    the function has.
    """
    kind._backward_cls.apply = kind.backward
    return super(torch.autograd.Function, kind).apply


_apply, _apply_found = _way_in(_Differentiated), _way_in(_Found)

__all__ = ["by_kernel", "host", "is_plain_eager"]
