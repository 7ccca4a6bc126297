"""Primitives under Torch's autodiff; a module of its own, because its class has to exist before a compiler meets it."""

from __future__ import annotations

import inspect
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.autograd import forward_ad

from lossspec.primitive import Primitive
from lossspec.terms import Array

from . import torch_namespace as xp


class DeclaredDerivative(torch.autograd.Function):  # type: ignore[misc]
    """A primitive with its declared derivative, under vmap and functorch too.

    What the primitive keeps serves a backward pass that nobody differentiates; any other computes the body anew from
    the operands, so that it can be differentiated in turn.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(primitive: Primitive, block: int, *operands: Array) -> tuple[Array, ...]:
        """The value, and what is kept."""
        value, kept = primitive.value_and_kept(xp, operands, block)
        if any(value is x for x in operands):
            # Torch refuses an operand itself, and in forward mode a view of which the tangent is none.
            value = value.clone() if forward_ad._current_level >= 0 else value.view_as(value)
        return value, *kept

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Array, ...]) -> None:
        """Keep the operands, and what the value computed on the way."""
        ctx.primitive, ctx.block, *operands = inputs
        kept = output[1:]
        ctx.mark_non_differentiable(*kept)
        ctx.save_for_backward(*operands, *kept)
        ctx.save_for_forward(*operands)
        ctx.count = len(operands)

    @staticmethod
    def backward(ctx: Any, g: Array, *_: Array) -> tuple[Array | None, ...]:
        """The cotangents of the operands."""
        saved = ctx.saved_tensors
        kept = () if torch.is_grad_enabled() else saved[ctx.count :]
        _, pull_all = ctx.primitive.linearize(xp, saved[: ctx.count], ctx.block, kept)
        return (None, None, *pull_all(g, ctx.needs_input_grad[2:]))


class InBothModes(DeclaredDerivative):
    """The same with forward mode and over ranks, which torch.compile does not take."""

    @staticmethod
    def backward(ctx: Any, g: Array, *others: Array) -> tuple[Array | None, ...]:
        """The cotangents of the operands."""
        with beside(g):
            return DeclaredDerivative.backward(ctx, g, *others)

    @staticmethod
    def jvp(ctx: Any, _: None, __: None, *tangents: Array | None) -> tuple[Array | None, ...]:
        """The tangent of the value."""
        saved = ctx.saved_tensors
        moved: Array = ctx.primitive.push(xp, saved[: ctx.count], tangents)[1]
        return moved, *(None for _ in saved[ctx.count :])


class FullPrecisionProduct(torch.autograd.Function):  # type: ignore[misc]
    """A matrix product in the dtype of its operands, also within `torch.autocast`, its derivatives included."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Array, y: Array) -> Array:
        """The value."""
        with torch.autocast(x.device.type, enabled=False):
            return x @ y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Array, Array], output: Array) -> None:
        """Keep the operands."""
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Array) -> tuple[Array | None, Array | None]:
        """The cotangents of the operands, of which one may have fewer axes."""
        x, y = ctx.saved_tensors
        return (
            full_precision_product(g, y.mT).sum_to_size(x.shape) if ctx.needs_input_grad[0] else None,
            full_precision_product(x.mT, g).sum_to_size(y.shape) if ctx.needs_input_grad[1] else None,
        )


class ProductInBothModes(FullPrecisionProduct):
    """The same with forward mode."""

    @staticmethod
    def jvp(ctx: Any, x_tangent: Array | None, y_tangent: Array | None) -> Array:
        """The tangent of the value."""
        x, y = ctx.saved_tensors
        moved = [full_precision_product(x_tangent, y)] if x_tangent is not None else []
        moved += [full_precision_product(x, y_tangent)] if y_tangent is not None else []
        return sum(moved[1:], moved[0])


def full_precision_product(x: Array, y: Array) -> Array:
    """The matrix product of `x` and `y`, in their dtype."""
    return (FullPrecisionProduct if torch.compiler.is_compiling() else ProductInBothModes).apply(x, y)


def beside(*operands: Any) -> AbstractContextManager[None]:
    """A context in which what is created stands beside a DTensor among the operands, as one that every rank has."""
    sharded = sys.modules.get("torch.distributed.tensor")
    if sharded is None or not any(isinstance(x, sharded.DTensor) for x in operands):
        return nullcontext()
    from torch.distributed.tensor.experimental import implicit_replication

    context: AbstractContextManager[None] = implicit_replication()
    return context


for _forward in (DeclaredDerivative.forward, FullPrecisionProduct.forward):
    # Torch reads it at every call, and finds it here without a search.
    setattr(_forward, "__signature__", inspect.signature(_forward))  # noqa: B010
