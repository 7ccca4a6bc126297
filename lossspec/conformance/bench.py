"""A loss on a backend: converts the arrays of a case, calls the loss, brings the results back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.cases import Case, Values, hessian_inputs
from lossspec.contract import Contract
from lossspec.dispatch import Backend
from lossspec.loss import Loss


@dataclass(frozen=True)
class Bench:
    """One loss, backend, dtype and device: what a cell of the matrix is about."""

    loss: Loss
    backend: Backend
    dtype: type[np.floating[Any]]
    device: str

    @property
    def contract(self) -> Contract:
        """What the loss declares."""
        return self.loss.contract

    def put(self, value: Any) -> Any:
        """An argument on the device; whatever is no array stays as it is."""
        if isinstance(value, list):
            return [self.put(item) for item in value]
        if isinstance(value, np.ndarray):
            return self.backend.from_numpy(value, self.device)
        return value

    def fetch(self, value: Any) -> Any:
        """A result in NumPy."""
        if isinstance(value, (list, tuple)):
            return [self.fetch(item) for item in value]
        return np.asarray(self.backend.to_numpy(value))

    def arguments(self, case: Case) -> tuple[Values, Values]:
        """The inputs and the keywords of a case, on the device, the class axis where the case wants it."""
        inputs, keywords = {}, {**case.parameters, **case.options}
        for argument in self.contract.inputs:
            value = case.inputs[argument.name]
            if case.axis != -1 and any(
                term.shape is not None
                and term.shape.names[-1:] == ("classes",)
                and value.dtype.kind in _kinds(term.kinds)
                for term in argument.terms
            ):
                value = np.ascontiguousarray(np.moveaxis(value, -1, case.axis))
            inputs[argument.name] = self.put(value)
        if case.axis != -1:
            keywords["axis"] = case.axis
        return inputs, {name: self.put(value) for name, value in keywords.items()}

    def value(self, case: Case) -> NDArray[Any]:
        """The loss of a case."""
        inputs, keywords = self.arguments(case)
        result: NDArray[Any] = self.fetch(self._run(case, lambda given: self.loss(**given, **keywords), inputs))
        return result

    def _run(self, case: Case, function: Callable[[Values], Any], inputs: Values) -> Any:
        if case.once and self.backend.compiles_by_shape:
            function = self.backend.compile(function)
        return function(inputs)

    def differentiable(self) -> tuple[str, ...]:
        """The inputs that have a gradient whatever they are given as."""
        return tuple(a.name for a in self.contract.inputs if any("real floating" in t.kinds for t in a.terms))

    def value_and_grad(self, case: Case) -> tuple[NDArray[Any], dict[str, Any]]:
        """The loss of a case and its gradient in every real input."""
        inputs, keywords = self.arguments(case)
        wrt = tuple(name for name in self.differentiable() if is_real(case.inputs[name]))
        value, gradients = self._run(case, lambda given: self.loss.value_and_grad(**given, wrt=wrt, **keywords), inputs)
        found = {name: self.fetch(gradient) for name, gradient in zip(wrt, gradients, strict=True)}
        if case.axis != -1:
            found = {name: np.moveaxis(gradient, case.axis, -1) for name, gradient in found.items()}
        return self.fetch(value), found

    def has_hessians(self, case: Case) -> bool:
        """Whether second derivatives of a case are affordable here: one compilation has to serve several cases."""
        defaults = all(case.parameters[a.name] is a.default for a in self.contract.parameters)
        plain = defaults and not (case.options or case.once or case.axis != -1)
        return case.hessian and (plain or not self.backend.compiles_by_shape)

    def grad_hess(self, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
        """First and second derivatives of a case in every input that has both, under reduction "sum"."""
        inputs, keywords = self.arguments(case)
        keywords.pop("reduction", None)
        names, _ = hessian_inputs(self.contract, case.inputs)
        chosen = {name: inputs.pop(name) for name in names}
        if self.backend.compiles_by_shape:
            found = self._compiled_grad_hess(chosen, inputs)
        else:
            found = self._grad_hess(chosen, inputs, keywords)
        both = {name: [np.moveaxis(self.fetch(x), case.axis, -1) for x in pair] for name, pair in found.items()}
        return {name: pair[0] for name, pair in both.items()}, {name: pair[1] for name, pair in both.items()}

    def _grad_hess(self, chosen: Values, rest: Values, keywords: Values) -> dict[str, Any]:
        return {name: self.loss.grad_hess(**chosen, **rest, wrt=name, **keywords) for name in chosen}

    @cached_property
    def _compiled_grad_hess(self) -> Callable[[Values, Values], dict[str, Any]]:
        return self.backend.compile(lambda chosen, rest: self._grad_hess(chosen, rest, {}))

    def gradient_of(self, function: Callable[..., Any], inputs: Mapping[str, Any]) -> tuple[NDArray[Any], list[Any]]:
        """The value and the gradients of a scalar function of the real ones among some inputs."""
        wrt = [name for name in self.differentiable() if is_real(inputs[name])]
        rest = {name: self.put(value) for name, value in inputs.items() if name not in wrt}

        def scalar(*chosen: Any) -> Any:
            return function({**rest, **dict(zip(wrt, chosen, strict=True))})

        differentiate = self.backend.value_and_grad(scalar, tuple(range(len(wrt))))
        if self.backend.compiles_by_shape:
            differentiate = self.backend.compile(differentiate)
        value, gradients = differentiate(*(self.put(inputs[name]) for name in wrt))
        return self.fetch(value), [self.fetch(gradient) for gradient in gradients]


def _kinds(kinds: tuple[str, ...]) -> str:
    return "".join({"real floating": "f", "integral": "iu"}.get(kind, "") for kind in kinds)


def is_real(value: Any) -> bool:
    """Whether an input has a gradient as it is given."""
    return bool((value[0] if isinstance(value, list) else value).dtype.kind == "f")
