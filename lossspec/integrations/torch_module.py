"""A loss as a module of Torch, with its arrays among the buffers and its learnable ones among the parameters."""

from __future__ import annotations

import sys
from typing import Any

from lossspec.composite import Composite, parts_of
from lossspec.errors import ContractError, DTypeError, MissingExtraError
from lossspec.identity import has_content
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss, Specified
from lossspec.reduction import Mean

try:
    import torch
except ImportError:
    raise MissingExtraError('a module needs torch: pip install "lossspec[torch]"') from None

__all__ = ["LossModule"]


class LossModule(torch.nn.Module):  # type: ignore[misc]
    """A loss as an `nn.Module`, called with the inputs of the loss.

    `options` are those of `loss.configured`. A tensor among them becomes a buffer of its name, which moves with the
    module and lies in its `state_dict`: `class_weight`, or a parameter that varies. One that is an `nn.Parameter`, or
    that requires a gradient, becomes a parameter of its name and is trained. Numbers, names and tuples belong to the
    loss and not to the state. Keywords of a call, `sample_weight` among them, take the place of options.

    A loss among the hyperparameters of a checkpoint is read by `torch.load(weights_only=True)` once this is imported.
    Inputs that are DTensors give a DTensor, as in a call of the loss itself.

    Shapes, dtypes, weights: those of the loss. `module.to(dtype)` converts the buffers as it does any others.
    Errors: `ContractError` for what the loss does not take, for a tensor that is computed from what is learned, and
    for a loss that holds an array itself; `DTypeError` for an array of another framework.

    >>> from lossspec import quantile
    >>> module = LossModule(quantile, level=torch.tensor([[0.5, 0.9]]), reduction="sum")
    >>> module
    LossModule(quantile, level=tensor[1, 2], reduction='sum')
    >>> module(torch.zeros(1, 2), torch.ones(1, 2))
    tensor(1.4000)
    >>> list(module.state_dict())
    ['level']
    """

    def __init__(self, loss: Loss, **options: Any) -> None:
        super().__init__()
        self.name = contract_of("LossModule", loss).name
        for factor, part in parts_of(loss):
            held = {"a factor": factor, **(part.configuration if isinstance(part, Specified) else {})}
            for key, value in held.items():
                if has_content(value):
                    raise ContractError(
                        f"LossModule: {self.name} holds the array `{key}`, which a module could not move, save or "
                        f"train. Fix: give arrays to the module, LossModule(loss, {key}=...), not to the loss"
                    )
        loss.configured(**options)  # refuses what the loss does not take
        arrays = {key: value for key, value in options.items() if has_content(value)}
        self.options = {key: value for key, value in options.items() if key not in arrays}
        self.loss = loss.configured(**self.options)
        self.arrays = tuple(arrays)
        for key, value in arrays.items():
            self._hold(key, value)

    def _hold(self, key: str, value: Any) -> None:
        """Register a tensor under the name of its argument."""
        if not isinstance(value, torch.Tensor):
            raise DTypeError(
                f"LossModule: `{key}` of {self.name} is of type {type(value).__name__}, not a tensor. "
                f"Fix: {key}=torch.asarray({key})"
            )
        if not value.requires_grad:
            self.register_buffer(key, value.clone())
        elif value.is_leaf:
            self.register_parameter(key, value if isinstance(value, torch.nn.Parameter) else torch.nn.Parameter(value))
        else:
            raise ContractError(
                f"LossModule: `{key}` of {self.name} is computed from what is learned, so it cannot be learned itself. "
                f"Fix: give it to the call, module(..., {key}={key})"
            )

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The loss, reduced as configured."""
        given = {key: getattr(self, key) for key in self.arrays} | options
        return self.loss(*inputs, **given)

    def extra_repr(self) -> str:
        """The loss, its tensors by their sizes, and its other options."""
        held = [f"{key}={_shown(getattr(self, key))}" for key in self.arrays]
        return ", ".join([self.name, *held, *(f"{key}={value!r}" for key, value in self.options.items())])


def _declared(module: str, name: str, configuration: dict[str, Any]) -> Specified:
    """A loss of a file that is loaded with `weights_only`; no module is imported for it."""
    loss = getattr(sys.modules.get(module), name, None)
    if not isinstance(loss, Specified):
        raise ContractError(f"the file holds the loss {name!r} of {module}. Fix: import {module} before it is loaded")
    return loss.configured(**configuration) if configuration else loss


# A loss among the hyperparameters of a checkpoint is data: `torch.load(weights_only=True)` may read it.
torch.serialization.add_safe_globals([(_declared, "lossspec.loss._restore"), Composite, Mean])


def _shown(tensor: torch.Tensor) -> str:
    """The kind of a tensor and its sizes."""
    return f"{'parameter' if isinstance(tensor, torch.nn.Parameter) else 'tensor'}{list(tensor.shape)}"
