"""Cross entropies whose classes are spread over ranks of torch.distributed: vocabulary-parallel losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lossspec.binding import by_name
from lossspec.differentiation import differentiable
from lossspec.dispatch import name_of
from lossspec.errors import GradientError, MissingExtraError, MixtureError, require
from lossspec.integrations.class_shards import OverClasses, part_of
from lossspec.loss import Loss, Specified
from lossspec.projection import WHOLE, Shards
from lossspec.terms import Array

try:
    import torch
    import torch.distributed as dist
except ImportError:
    raise MissingExtraError('losses over ranks need torch: pip install "lossspec[torch]"') from None

from lossspec.integrations.torch_distributed import agree, check_call, collective, failed, gather, write

__all__ = ["over_classes"]


def over_classes(loss: Loss, group: Any = None) -> OverRanks:
    """A cross entropy whose classes lie on the ranks of a group, in the order of the ranks.

    The loss is `cross_entropy` or `linear_cross_entropy`, which may be configured. Each rank passes its own part, of
    any width: logits [*batch width], the classes last, or rows [width dim] of the weight and [width] of the bias.
    Labels count all classes; they, the features, weights and masks are the same on all ranks. The value is that of all
    classes, on every rank, and so is the gradient in the features, which the ranks add up. The gradients in the parts
    are those of the parts: no engine has to combine them.

    Labels are integers. `class_weight` has an entry for each of all classes, and is refused beside smoothing. Ranks
    that differ in labels, options or shapes all raise `MergeError`, which names what differs; an error of one rank is
    raised on it, and reported by all others; a rank that is gone is a `BackendError` after the timeout of the group.
    There are no second derivatives.
    """
    return OverRanks(loss, group)


@dataclass(frozen=True)
class Ranks(Shards):
    """The ranks of a group, and what this one knows of its place among them."""

    group: Any
    first: int
    classes: int

    def place(self, part: Array, width: int) -> tuple[Any, int]:
        """The index of the first class of this rank, and the number of all classes."""
        return self.first, self.classes

    def sum(self, x: Array) -> Array:
        """The sum over the ranks."""
        return self._reduced(x, dist.ReduceOp.SUM)

    def max(self, x: Array) -> Array:
        """The largest over the ranks."""
        return self._reduced(x, dist.ReduceOp.MAX)

    def _reduced(self, x: Any, operation: Any) -> Array:
        if torch.is_grad_enabled() and x.requires_grad:
            raise GradientError(
                "a loss over classes has no second derivatives, for which create_graph=True and torch.func prepare. "
                "Fix: gather the classes on each rank, or take backward() or the method value_and_grad"
            )
        total = x.detach().clone(memory_format=torch.contiguous_format)
        if total.numel():
            collective(None, lambda: dist.all_reduce(total, op=operation, group=self.group))
        return total


class OverRanks(OverClasses):
    """A cross entropy of classes on ranks, with the methods of a loss; all ranks of the group call it."""

    def __init__(self, loss: Loss, group: Any) -> None:
        super().__init__(loss, WHOLE)
        self._group = group

    def configured(self, **options: Any) -> OverRanks:
        """The same loss with other defaults."""
        return OverRanks(self.loss.configured(**options), self._group)

    def value_and_grad(self, *inputs: Any, wrt: str | Sequence[str] | None = None, **options: Any) -> tuple[Any, Any]:
        """The loss and the gradients in the inputs of this rank: see `Loss.value_and_grad`."""
        given = by_name(self.contract, inputs, options)
        names, _ = differentiable(self.contract, given, wrt)
        points = [given[name].detach().requires_grad_() for name in names]
        with torch.enable_grad():
            value = self(**{**given, **dict(zip(names, points, strict=True))})
        require(value.ndim == 0, f"{self.contract.name}: only a reduced loss has a gradient; use reduction='sum'")
        gradients = torch.autograd.grad(value, points)
        return value.detach(), gradients[0] if wrt is None or isinstance(wrt, str) else gradients

    def _met(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Specified:
        """The loss of this rank, once all know that they bring the same."""
        check_call("over_classes", "sum")
        loss = self._configured(WHOLE)
        try:
            loss.check(*inputs, **options)
            given = by_name(loss.contract, inputs, options)
            part, width = part_of(given)
            if not isinstance(part, torch.Tensor):
                raise MixtureError(
                    f"{loss.contract.name}: its inputs are no tensors of Torch, which ranks exchange. "
                    "Fix: convert them with torch.as_tensor"
                )
            signature = _signature(loss, given)
        except Exception as error:
            failed(error, self._group)
        agree(signature, [], [], self._group)
        widths = gather(torch.tensor([width]), self._group).ravel().tolist()
        ranks = Ranks(self._group, sum(widths[: dist.get_rank(self._group)]), sum(widths))
        return self._placed(self._configured(ranks), ranks.classes, options)


def _signature(loss: Specified, given: Mapping[str, Any]) -> dict[str, Any]:
    """All that the ranks have to share, as plain JSON, by the names that an error gives."""
    keywords = {name: getattr(loss.declared.keywords, name) for name in loss.contract.tail}
    whole = {**dict.fromkeys(loss.declared.inputs), **loss.declared.defaults, **keywords, **given}
    return {"loss": loss.contract.name, **{f"`{name}`": _brief(name, value) for name, value in whole.items()}}


def _brief(name: str, value: Any) -> Any:
    """A value for comparison: of parts and of features only the kind; of a tensor also if it is learned."""
    value = getattr(value, "over", value)
    if not isinstance(value, torch.Tensor):
        return write(name, value)
    learned = " with a gradient" if torch.is_grad_enabled() and value.requires_grad else ""
    shape: list[Any] = list(value.shape)
    if name in ("logits", "weight", "bias"):
        shape[-1 if name == "logits" else 0], learned = "its classes", ""
    elif name != "features":
        return [write(name, value), learned]
    return f"array of {name_of(value.dtype)} {shape}{learned}"
