"""Cross entropies of classes that are spread over devices, each with the logits or rows of the weight of some.

`over_classes` is for a named axis of JAX; `lossspec.integrations.torch_class_shards` has one for ranks of Torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lossspec import differentiation
from lossspec.binding import by_name
from lossspec.contract import read_contract
from lossspec.dispatch import backend_of
from lossspec.errors import BackendError, ContractError
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss, Specified
from lossspec.numerics import is_zero
from lossspec.projection import Shards, linear_negative_log_softmax, sharded_negative_log_softmax
from lossspec.reduction import Partial
from lossspec.registry import get
from lossspec.terms import Array, Embedding, Label, Logits, Positive, Real, Smoothing

__all__ = ["OverClasses", "over_classes"]


def over_classes(loss: Loss, axis_name: str | tuple[str, ...]) -> OverClasses:
    """A cross entropy whose classes lie along a named axis of devices of JAX, to be called within `jax.shard_map`.

    The loss is `cross_entropy` or `linear_cross_entropy`, which may be configured. Each device passes its own part:
    logits [*batch width], the classes last, or rows [width dim] of the weight and [width] of the bias. Labels count
    all classes; they, the features, weights and masks are the same on all devices. The value is that of all classes,
    on every device. The gradients are those of the parts, and in the features that of all classes.

    Labels are integers. `class_weight` has an entry for each of all classes, and is refused beside smoothing.
    """
    return OverClasses(loss, NamedAxis(axis_name))


@dataclass(frozen=True)
class NamedAxis(Shards):
    """The devices along a named axis of JAX, each with as many classes as any other."""

    axis_name: str | tuple[str, ...]

    def place(self, part: Array, width: int) -> tuple[Any, int]:
        """The index of the first class of this device, and the number of all classes."""
        backend = backend_of(part)
        try:
            return backend.axis_index(self.axis_name) * width, width * int(backend.psum(1, self.axis_name))
        except NameError as error:
            raise BackendError(
                f"over_classes: no axis of devices is called {self.axis_name!r} here. Fix: call it within "
                "jax.shard_map, over a mesh that has the axis"
            ) from error

    def sum(self, x: Array) -> Array:
        """The sum over the devices."""
        found: Array = backend_of(x).psum(x, self.axis_name)
        return found

    def max(self, x: Array) -> Array:
        """The largest over the devices."""
        return backend_of(x).pmax(x, self.axis_name)


class OverClasses:
    """A cross entropy of spread classes, with the methods of a loss."""

    def __init__(self, loss: Loss, shards: Shards) -> None:
        contract_of("over_classes", loss)
        if not isinstance(loss, Specified) or loss.contract.name not in _BODIES:
            raise ContractError(
                f"over_classes: {loss.contract.name} has no form for classes on several devices; "
                f"{' and '.join(_BODIES)} have. Fix: gather the classes on each device, and split the batch"
            )
        self.loss, self._shards = loss, shards
        self.contract = _declared(loss.contract.name, shards).contract

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The loss of all classes, on every device."""
        return self._met(inputs, options)(*inputs, **options)

    def per_example(self, *inputs: Any, **options: Any) -> Array:
        """One value per unit: the same as `reduction="none"`."""
        return self._met(inputs, options).per_example(*inputs, **options)

    def partial(self, *inputs: Any, **options: Any) -> Partial:
        """The additive state of these units, of all classes: it merges over the batch, and does not travel as bytes."""
        return self._met(inputs, options).partial(*inputs, **options)

    def value_and_grad(self, *inputs: Any, wrt: str | Sequence[str] | None = None, **options: Any) -> tuple[Any, Any]:
        """The loss and the gradients in the inputs of this device: see `Loss.value_and_grad`."""
        return differentiation.value_and_grad(self.contract, self, by_name(self.contract, inputs, options), wrt)

    def configured(self, **options: Any) -> OverClasses:
        """The same loss with other defaults."""
        return type(self)(self.loss.configured(**options), self._shards)

    def _met(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Specified:
        """The loss of this device, once it knows of the others."""
        loss = self._configured(self._shards)
        loss.check(*inputs, **options)
        part, width = part_of(by_name(loss.contract, inputs, options))
        return self._placed(loss, self._shards.place(part, width)[1], options)

    def _configured(self, shards: Shards) -> Specified:
        loss = _declared(self.loss.contract.name, shards)
        return loss.configured(**self.loss.configuration) if self.loss.configuration else loss

    def _placed(self, loss: Specified, classes: int, options: Mapping[str, Any]) -> Specified:
        """The loss that knows the number of all classes."""
        name, usual = loss.contract.name, loss.declared
        weight = options.get("class_weight", usual.keywords.class_weight)
        if weight is not None:
            if not is_zero(options.get("label_smoothing", usual.defaults["label_smoothing"])):
                raise ContractError(
                    f"{name} over classes: `class_weight` and `label_smoothing` together weigh the logits of all "
                    "classes. Fix: leave out one of them, or gather the classes"
                )
            if tuple(weight.shape) != (classes,):
                raise ContractError(
                    f"{name} over classes: `class_weight` has shape {tuple(weight.shape)}, declared [classes] with "
                    f"classes = {classes} over all devices. Fix: pass the weights of all classes on each device"
                )
        return loss.configured(classes=classes)


def part_of(given: Mapping[str, Any]) -> tuple[Array, int]:
    """The input of which each device has a part, and the number of its classes."""
    linear = "weight" in given
    part = given["weight" if linear else "logits"]
    return part, part.shape[0 if linear else -1]


def _given(smoothing: Any) -> Any:
    return None if is_zero(smoothing) else smoothing


def _cross_entropy(shards: Shards) -> Callable[..., Array]:
    def cross_entropy(
        logits: Logits["*batch width"],
        labels: Label["*batch"],
        *,
        classes: int = 0,
        label_smoothing: Smoothing["#*batch"] = 0.0,
    ) -> Real["*batch"]:
        """Cross entropy of logits whose classes are spread over devices."""
        return sharded_negative_log_softmax(logits, labels, _given(label_smoothing), shards)

    return cross_entropy


def _linear_cross_entropy(shards: Shards) -> Callable[..., Array]:
    def linear_cross_entropy(
        features: Embedding["*batch dim"],
        weight: Embedding["width dim"],
        labels: Label["*batch"],
        *,
        bias: Real["width"] | None = None,
        classes: int = 0,
        label_smoothing: Smoothing["#*batch"] = 0.0,
        softcap: Positive | None = None,
    ) -> Real["*batch"]:
        """Cross entropy of the logits of a linear layer, the rows of whose weight are spread over devices."""
        smoothing = _given(label_smoothing)
        return linear_negative_log_softmax(features, weight, labels, bias, smoothing, softcap, shards)

    return linear_cross_entropy


_BODIES: Mapping[str, Callable[[Shards], Callable[..., Array]]] = {
    "cross_entropy": _cross_entropy,
    "linear_cross_entropy": _linear_cross_entropy,
}


@cache
def _declared(name: str, shards: Shards) -> Specified:
    """The loss of one device; `classes`, the number of all, takes the place of the axis that no device has whole."""
    known = get(name).contract
    function = _BODIES[name](shards)
    kept = ("family", "form", "unit", "reductions", "default_reduction", "source", "accuracy")
    return Specified(function, read_contract(function, **{field: getattr(known, field) for field in kept}))
