"""Calls of losses on DTensors, whose parts lie on several devices."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import torch

from lossspec.errors import ContractError, LossSpecError

from .torch_autograd import beside

_inside: ContextVar[bool] = ContextVar("_inside", default=False)
"""Set while a call of DTensors is computed, so that its steps take the array path."""


def of_devices(loss: Any, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """The value or the partial of a call with DTensors; None of any other, and for a gradient, which calls for a value.

    A coupled loss, which needs the whole batch, gathers it on every rank. Of the others torch computes each part where
    it lies, and what the loss creates by itself, as what is given to it as a plain tensor, lies on every device.
    """
    spread = spread_of(*inputs, *options.values())
    if not spread or _inside.get():
        return None
    if method not in ("value", "partial"):
        if method == "value_and_grad" and not any(x.requires_grad for x in spread):
            return None
        fix = "whole tensors, x.full_tensor()" if method == "grad_hess" else "x.detach(), or call loss(x).backward()"
        raise ContractError(f"{loss.contract.name}: {method} does not take these DTensors. Fix: give it {fix}")
    call: Callable[..., Any] = loss if method == "value" else loss.partial
    token = _inside.set(True)
    try:
        if loss.contract.form == "coupled":
            whole = {name: _whole(x) for name, x in options.items()}
            return _on_every_rank(call(*map(_whole, inputs), **whole), spread[0].device_mesh)
        with beside(*spread):
            return call(*inputs, **options)
    except LossSpecError:
        raise
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ContractError(
            f"{loss.contract.name}: torch does not compute it of tensors that lie in {spread[0].placements}: "
            f"{str(error) or type(error).__name__}. Fix: give it whole tensors, x.full_tensor()"
        ) from error
    finally:
        _inside.reset(token)


def spread_of(*operands: Any) -> list[Any]:
    """The operands that are DTensors."""
    sharded = sys.modules.get("torch.distributed.tensor")
    return [] if sharded is None else [x for x in operands if isinstance(x, sharded.DTensor)]


def _whole(x: Any) -> Any:
    return x.full_tensor() if spread_of(x) else x


def _on_every_rank(value: torch.Tensor, mesh: Any) -> Any:
    """A result that every rank has computed, as a DTensor."""
    from torch.distributed.tensor import DTensor, Replicate

    return DTensor.from_local(value, mesh, [Replicate()] * mesh.ndim, run_check=False)
