"""A loss on a backend: converts the arrays of a case, calls the loss, brings the results back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.autodiff import value_and_grad_on
from lossspec.conformance.axes import Values, hessian_inputs
from lossspec.conformance.cases import Case, usual_parameters
from lossspec.conformance.probes import Probe, probe_of
from lossspec.contract import Accuracy, Argument, Contract
from lossspec.dispatch import Backend
from lossspec.loss import Loss
from lossspec.registry import get, names

EAGER_DTYPE = np.float32
"""The dtype in which a framework that compiles every operation for every shape runs some one by one: see `as_one`."""


@dataclass(frozen=True)
class Bench:
    """One loss, backend, dtype and device: what a cell of the matrix is about."""

    loss: Loss
    backend: Backend
    dtype: type[np.floating[Any]]
    device: str
    thorough: bool = False
    """True to run every case and law, whatever it costs."""
    quick: bool = False
    """True to run what shows most in the least time: see `runs`; the laws on one loss of each family."""
    brief: bool = False
    """True if another backend of a quick check runs the Hessians, which are then left out."""

    @cached_property
    def probe(self) -> Probe:
        """The settings, compiler and map of the backend."""
        return probe_of(self.backend)

    @property
    def as_one(self) -> bool:
        """Say whether a call, its gradients and its second derivatives run as one compiled program.

        Where every operation is compiled for every shape, running them one by one costs ten times as much. So one loss
        of each family does that in one dtype, with weights, masks, reductions and parameters of every form, and users
        of either way are served; all else is judged by such programs, one a loss and dtype, unless all is asked for.
        """
        one_by_one = self.dtype is EAGER_DTYPE and self.stands_for_family and not self.quick
        return self.probe.compiles_by_shape and not self.thorough and not one_by_one

    @cached_property
    def first_of_family(self) -> str:
        """The loss that stands for its family where to try each one costs seconds of compilation."""
        return first_of_family(self.loss)

    @property
    def stands_for_family(self) -> bool:
        """Say whether what one loss of each family shows has to be shown by this one."""
        return self.thorough or self.first_of_family == self.contract.name

    def runs(self, case: Case) -> bool:
        """Say whether a case is run: one that needs compilations of its own only if all cases are asked for.

        A quick check has typical inputs and edges of each kind, and weights with masks.
        """
        if self.quick and not self.is_quick(case):
            return False
        if not self.probe.compiles_by_shape or self.thorough:
            return True
        return self.is_of_the_program(case) if self.as_one else not (case.once or case.axis != -1)

    def is_quick(self, case: Case) -> bool:
        """Say whether a case is one of the few of a quick check."""
        if case.options:
            return case.name == f"typical, weights and mask, {self.contract.default_reduction}"
        return self.is_plain(case) and case.name.startswith(("typical", "edges"))

    def shares(self, case: Case) -> bool:
        """Say whether the compiled program of several cases computes everything that this one asks for."""
        usual = case.options in ({}, {"reduction": "none"})
        return self.as_one and usual and self.is_of_the_program(replace(case, options={}))

    def is_of_the_program(self, case: Case) -> bool:
        """Say whether a case differs from a plain one in numbers alone, which are arguments of the program."""
        usual = {**case.parameters, **{name: self.usual[name] for name in self.numbers}}
        return self.is_plain(replace(case, parameters=usual)) and all(
            np.ndim(case.parameters[name]) == 0 for name in self.numbers
        )

    def is_plain(self, case: Case) -> bool:
        """Say whether a case has no parameters, keywords or shapes of its own."""
        defaults = all(case.parameters[name] is value for name, value in self.usual.items())
        return defaults and not (case.options or case.once or case.axis != -1)

    @cached_property
    def usual(self) -> Values:
        """The parameters of a plain case: those that go with the sizes of the generated ones, and the defaults."""
        return usual_parameters(self.contract)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The parameters that are a number of an interval where nothing else is given."""
        real = (a.name for a in self.contract.parameters if any(term.shape is None for term in a.terms))
        return tuple(name for name in real if isinstance(self.usual[name], float))

    @property
    def contract(self) -> Contract:
        """The contract of the loss."""
        return self.loss.contract

    @property
    def accuracy(self) -> Accuracy:
        """The budget of error on this backend."""
        return self.contract.accuracy.of(self.backend.name)

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
            if self._is_moved(case, argument):
                value = np.ascontiguousarray(np.moveaxis(value, -1, case.axis))
            inputs[argument.name] = self.put(value)
        if case.axis != -1:
            keywords["axis"] = case.axis
        return inputs, {name: self.put(value) for name, value in keywords.items()}

    def _is_moved(self, case: Case, argument: Argument) -> bool:
        """Say whether the class axis of an input of a case lies elsewhere than last."""
        kind = case.inputs[argument.name].dtype.kind if case.axis != -1 else ""
        return case.axis != -1 and any(
            term.shape is not None and term.shape.ends_in_classes and kind in _kinds(term.kinds)
            for term in argument.terms
        )

    def _class_axis_last(self, case: Case, name: str, gradient: Any) -> Any:
        """A derivative in an input of a case, its class axis last again."""
        (argument,) = (argument for argument in self.contract.inputs if argument.name == name)
        return np.moveaxis(gradient, case.axis, -1) if self._is_moved(case, argument) else gradient

    def value(self, case: Case) -> NDArray[Any]:
        """The loss of a case."""
        value: NDArray[Any] = self.fetch(self.result(case))
        return value

    def result(self, case: Case) -> Any:
        """The loss of a case as the framework gives it."""
        if self.shares(case):
            return self._from_program(case)["units" if case.options else "value"]
        inputs, keywords = self.arguments(case)
        return self._run(case, lambda given: self.loss(**given, **keywords), inputs)

    def _run(self, case: Case, function: Callable[[Values], Any], inputs: Values) -> Any:
        if case.once and self.probe.compiles_by_shape:
            function = self.backend.compile(function)
        return function(inputs)

    def differentiable(self) -> tuple[str, ...]:
        """The inputs that have a gradient whatever they are given as."""
        return tuple(a.name for a in self.contract.inputs if any("real floating" in t.kinds for t in a.terms))

    def value_and_grad(self, case: Case) -> tuple[NDArray[Any], dict[str, Any]]:
        """The loss of a case and its gradient in every real input."""
        wrt = self.real_among(case.inputs)
        if self.shares(case) and not case.options:
            value, gradients = self._from_program(case)["gradients"]
        else:
            inputs, keywords = self.arguments(case)
            call = partial(self.loss.value_and_grad, wrt=wrt, **keywords)
            value, gradients = self._run(case, lambda given: call(**given), inputs)
        found = {name: self.fetch(gradient) for name, gradient in zip(wrt, gradients, strict=True)}
        return self.fetch(value), {name: self._class_axis_last(case, name, g) for name, g in found.items()}

    def has_hessians(self, case: Case) -> bool:
        """Say whether second derivatives of a case are run here: one compilation has to serve several cases."""
        return case.hessian and not self.brief and (self.is_plain(case) or not self.probe.compiles_by_shape)

    def grad_hess(self, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
        """First and second derivatives of a case in every input that has both, under reduction "sum"."""
        inputs, keywords = self.arguments(case)
        keywords.pop("reduction", None)
        names, _ = hessian_inputs(self.contract, case.inputs)
        chosen = {name: inputs.pop(name) for name in names}
        if self.shares(replace(case, options={})):
            found = self._from_program(case)["second"]
        elif self.probe.compiles_by_shape:
            found = self._compiled_grad_hess(chosen, inputs)
        else:
            found = self._grad_hess(chosen, inputs, keywords)
        both = {name: [self._class_axis_last(case, name, self.fetch(x)) for x in pair] for name, pair in found.items()}
        return {name: pair[0] for name, pair in both.items()}, {name: pair[1] for name, pair in both.items()}

    def _grad_hess(self, chosen: Values, rest: Values, keywords: Values) -> dict[str, Any]:
        return {name: self.loss.grad_hess(**chosen, **rest, wrt=name, **keywords) for name in chosen}

    @cached_property
    def _compiled_grad_hess(self) -> Callable[[Values, Values], dict[str, Any]]:
        return self.backend.compile(lambda chosen, rest: self._grad_hess(chosen, rest, self.usual))

    def _from_program(self, case: Case) -> dict[str, Any]:
        """All that is asked about a case, by a program that is compiled once for all of the same kinds of inputs."""
        inputs, keywords = self.arguments(case)
        numbers = {name: self.put(np.asarray(keywords[name], dtype=self.dtype)) for name in self.numbers}
        wrt, (curved, _) = self.real_among(case.inputs), hessian_inputs(self.contract, case.inputs)
        if (wrt, curved) not in self._programs:
            units = "none" in self.contract.reductions

            def everything(given: Values, numbers: Values) -> dict[str, Any]:
                usual = {**self.usual, **numbers}
                rest = {name: value for name, value in given.items() if name not in curved}
                return {
                    "value": self.loss(**given, **usual),
                    "units": self.loss(**given, **usual, reduction="none") if units else None,
                    "gradients": self.loss.value_and_grad(**given, **usual, wrt=wrt),
                    "second": {} if self.brief else self._grad_hess({n: given[n] for n in curved}, rest, usual),
                }

            self._programs[wrt, curved] = self.backend.compile(everything)
        return self._programs[wrt, curved](inputs, numbers)

    @cached_property
    def _programs(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], Callable[[Values, Values], dict[str, Any]]]:
        return {}

    def together(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, as one program where a framework would compile each operation of it for itself."""
        return self.backend.compile(function) if self.probe.compiles_by_shape and not self.thorough else function

    def real_among(self, inputs: Values) -> tuple[str, ...]:
        """The inputs that have a gradient as they are given."""
        return tuple(name for name in self.differentiable() if is_real(inputs[name]))

    def gradient_of(self, function: Callable[[Values], Any], given: Values, wrt: tuple[str, ...]) -> tuple[Any, Any]:
        """The value and the gradients of a scalar function of arrays on the device, in those that `wrt` names."""

        def scalar(*chosen: Any) -> Any:
            return function({**given, **dict(zip(wrt, chosen, strict=True))})

        differentiated = value_and_grad_on(self.backend, scalar, tuple(range(len(wrt))))
        value, gradients = differentiated(*(given[name] for name in wrt))
        return value, list(gradients)


def _kinds(kinds: tuple[str, ...]) -> str:
    return "".join({"real floating": "f", "integral": "iu"}.get(kind, "") for kind in kinds)


def is_real(value: Any) -> bool:
    """Say whether an input has a gradient in the dtype that it is given in."""
    return bool((value[0] if isinstance(value, list) else value).dtype.kind == "f")


def first_of_family(loss: Loss) -> str:
    """The name of the loss that stands for the family of this one."""
    family = (name for name in names() if get(name).contract.family == loss.contract.family)
    return next(family, loss.contract.name)
