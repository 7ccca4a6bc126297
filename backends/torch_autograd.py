"""Primitives under Torch's autodiff; a module of its own, because its class has to exist before a compiler meets it."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch

from lossspec.primitive import Primitive
from lossspec.terms import Array


class DeclaredDerivative(torch.autograd.Function):  # type: ignore[misc]
    """A primitive with its declared derivative, under vmap and functorch too.

    Only the operands are kept. The backward pass computes the body anew, so that it can be differentiated in turn.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(primitive: Primitive, block: int, *operands: Array) -> Array:
        """The value."""
        return primitive.value(xp, operands, block)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Array) -> None:
        """Keep the operands."""
        ctx.primitive, ctx.block, *operands = inputs
        ctx.save_for_backward(*operands)
        ctx.save_for_forward(*operands)

    @staticmethod
    def backward(ctx: Any, g: Array) -> tuple[Array | None, ...]:
        """The cotangents of the operands."""
        _, pull_all = ctx.primitive.linearize(xp, ctx.saved_tensors, ctx.block)
        return (None, None, *pull_all(g, ctx.needs_input_grad[2:]))


class InBothModes(DeclaredDerivative):
    """The same with forward mode, which torch.compile does not take."""

    @staticmethod
    def jvp(ctx: Any, _: None, __: None, *tangents: Array | None) -> Array:
        """The tangent of the value."""
        moved: Array = ctx.primitive.push(xp, ctx.saved_tensors, tangents)[1]
        return moved
