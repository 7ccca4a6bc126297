"""Targets that are Python: a function of any framework, a module class, an object, a declared call of a peer."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.axes import hessian_inputs, unit_shape
from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.peers import excuse
from lossspec.conformance.probes import probe_of
from lossspec.contract import Contract, Equal
from lossspec.dispatch import Backend, all_backends, get_backend
from lossspec.errors import GradientError
from lossspec.loss import Loss
from lossspec.verify.arguments import Form, Matched, TargetError, form_of, match
from lossspec.verify.differentiate import hessian_diagonals, with_gradients
from lossspec.verify.questions import GRADIENTS, HESSIANS, VALUE, Answer, Question
from lossspec.verify.reductions import find_reductions

OVER = {"keras": "torch", "optax": "jax", "flax": "jax"}
"""The libraries whose functions take arrays of another one."""


class CallableTarget:
    """A Python callable, asked with arrays of its framework."""

    def __init__(
        self,
        name: str,
        target: Callable[..., Any],
        framework: str = "",
        given: Mapping[str, str] | None = None,
        reduction: str = "",
        gradient: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.target = target
        self.gradient = gradient
        """A function of the same arguments that gives the gradients of the sum of the results; else they are found."""
        self.framework = framework
        self.given = given or {}
        self.reductions: tuple[str, ...] = (reduction,) if reduction else ()
        self.backend: Backend
        self.contract: Contract
        self.form: Form
        self.matched: Matched
        self.slope: Form
        self.slope_matched: Matched

    def describe(self) -> Mapping[str, str]:
        """Return the framework, the arguments by their names there, and the reductions."""
        return {
            "framework": self.backend.name,
            "arguments": str(self.matched),
            "reduction": ", ".join(self.reductions),
        }

    def prepare(self, loss: Loss) -> None:
        """Match the arguments, then find the framework whose arrays the target takes, and its reductions."""
        self.contract = loss.contract
        self.form = form_of(self.target, len(loss.contract.inputs))
        self.matched = match(loss.contract, self.form, self.given)
        if self.gradient is not None:
            self.slope = form_of(self.gradient, len(loss.contract.inputs))
            self.slope_matched = match(loss.contract, self.slope, self.given)
        typical = make_cases(loss.contract, np.float32)[0]
        told = []
        for backend in candidates(self.target, self.framework):
            self.backend = backend
            answer = self.ask(Question(loss.contract.name, typical, "float32"))
            if answer.value is not None:
                break
            told.append(f"with arrays of {backend.name}: {answer.failure or answer.skipped}")
        else:
            raise TargetError(f"{self.name} takes no typical inputs of {loss.contract.name}: {'; '.join(told)}")
        self.reductions = self.reductions or find_reductions(loss, self.ask, "reduction" in self.matched.names)

    def ask(self, question: Question) -> Answer:
        """Return values and, if asked for, derivatives."""
        given, skipped = self._translate(question.case, self.matched)
        if skipped:
            return Answer(skipped=skipped)
        backend, case = self.backend, question.case
        names = {ours: theirs for ours, theirs in self.matched.names.items() if ours in case.inputs}
        wrt = [ours for ours in names if _is_real(case.inputs[ours])]

        arrays: dict[str, Any] = {}

        def function(*chosen: Any) -> Any:
            return self.form.invoke({**arrays, **{names[n]: x for n, x in zip(wrt, chosen, strict=True)}})

        try:
            with probe_of(backend).double_precision(), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                arrays.update({name: self._put(value) for name, value in given.items()})
                return self._answer(question, function, wrt, [arrays[names[n]] for n in wrt])
        except NotImplementedError as refusal:
            return Answer(skipped=f"{type(refusal).__name__}: {_first_line(refusal)}")
        except Exception as error:  # whatever the code of others raises
            if any(np.ndim(value) for value in case.parameters.values()):
                return Answer(skipped="it takes no arrays as parameters")
            return Answer(failure=f"it raises {type(error).__name__}: {_first_line(error)}")

    def _answer(self, question: Question, function: Callable[..., Any], wrt: list[str], points: list[Any]) -> Answer:
        backend, case = self.backend, question.case
        lacks: dict[str, str] = {}
        gradients: dict[str, Any] = {}
        hessians: dict[str, Any] = {}
        result = None
        if GRADIENTS in question.want and self.gradient is not None:
            gradients, missing = self._own_gradients(case, wrt)
            lacks |= {GRADIENTS: missing} if missing else {}
        elif GRADIENTS in question.want:
            try:
                result, found = with_gradients(backend, function, points)
                gradients = dict(zip(wrt, map(self._fetch, found), strict=True))
            except (GradientError, TypeError, ValueError, RuntimeError) as error:
                if backend.has_autodiff and not _is_detached(error):
                    raise
                lacks[GRADIENTS] = (
                    f"{backend.name} does not differentiate it, and there is no --gradient: {_first_line(error)}"
                )
        if HESSIANS in question.want and self.gradient is not None:
            lacks[HESSIANS] = "its gradient is a function of its own, which is not differentiated"
        elif HESSIANS in question.want and GRADIENTS not in lacks:
            curved, _ = hessian_inputs(self.contract, case.inputs)
            rank = len(unit_shape(self.contract, case.inputs))
            places = [wrt.index(name) for name in curved]

            def of_curved(*chosen: Any) -> Any:
                every = list(points)
                for place, x in zip(places, chosen, strict=True):
                    every[place] = x
                return function(*every)

            found = hessian_diagonals(backend, of_curved, [points[place] for place in places], rank)
            hessians = dict(zip(curved, map(self._fetch, found), strict=True))
        value = self._fetch(function(*points) if result is None else result) if VALUE in question.want else None
        return Answer(value, gradients, hessians, lacks=lacks)

    def _own_gradients(self, case: Case, wrt: list[str]) -> tuple[dict[str, Any], str]:
        """The gradients by the function for them, by the names of the contract, or the reason why there are none.

        It gives an array for the first input, one for each real input in their order, or a dictionary by names.
        """
        given, missing = self._translate(case, self.slope_matched)
        reduction = case.options.get("reduction")
        if "reduction" in self.matched.names and "reduction" not in self.slope_matched.names:
            missing = missing or ("" if reduction in ("none", "sum") else f"it takes no reduction, as {reduction!r}")
        if missing:
            return {}, f"the function of --gradient: {missing}"
        found = self.slope.invoke({name: self._put(value) for name, value in given.items()})
        if isinstance(found, Mapping):
            ours = {theirs: name for name, theirs in self.slope_matched.names.items()}
            by_name: dict[str, Any] = {ours.get(str(name), str(name)): x for name, x in found.items()}
        else:
            by_name = dict(zip(wrt, found if isinstance(found, (list, tuple)) else [found], strict=False))
        gradients = {name: self._fetch(x) for name, x in by_name.items()}
        for name, x in gradients.items():
            shape = np.shape(case.inputs[name]) if name in wrt else ()
            if name not in wrt or (not isinstance(x, list) and x.shape != shape):
                raise TypeError(f"--gradient gives {np.shape(x)} for `{name}`, whose shape is {shape}")
        return gradients, ""

    def close(self) -> None:
        """Do nothing: a function holds nothing."""

    def _translate(self, case: Case, matched: Matched) -> tuple[dict[str, Any], str]:
        """The arguments of a case by their names there, or the reason why the target takes no such call."""
        defaults = {argument.name: argument.default for argument in self.contract.parameters}
        given = {}
        for name, value in {**case.inputs, **case.parameters, **case.options}.items():
            theirs = matched.names.get(name)
            if theirs is not None:
                given[theirs] = (
                    float(value)
                    if name not in case.inputs and isinstance(value, np.ndarray) and not value.ndim
                    else value
                )
            elif name == "reduction":
                if self.reductions and value not in self.reductions:
                    return {}, f"it has no reduction {value!r}"
            elif name not in defaults or not _same(value, defaults[name]):
                return {}, f"it takes no `{name}`"
        return given, ""

    def _put(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._put(item) for item in value]
        return self.backend.from_numpy(value) if isinstance(value, np.ndarray) else value

    def _fetch(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._fetch(item) for item in value]
        return as_numpy(self.backend, value)


class CallTarget(CallableTarget):
    """A call that a loss declares as equal, an expression in the names of its arguments."""

    def __init__(self, name: str, framework: str, equal: Equal, modules: Mapping[str, Any]) -> None:
        super().__init__(name, _nothing, framework, reduction=equal.reduction)
        self.equal, self.modules = equal, modules

    def describe(self) -> Mapping[str, str]:
        """Return the framework, the call and its reduction."""
        return {"framework": self.backend.name, "call": self.equal.call, "reduction": ", ".join(self.reductions)}

    def prepare(self, loss: Loss) -> None:
        """Take the arguments by their own names."""
        self.contract = loss.contract
        (self.backend,) = candidates(self.target, self.framework)
        inputs = [argument.name for argument in loss.contract.inputs]
        names = [argument.name for argument in loss.contract.arguments]
        told = f"{self.equal.call} {self.equal.when}"  # a parameter that decides where the call applies is one of it
        taken = [name for name in names if name in inputs or re.search(rf"\b{name}\b", told)]
        self.matched = Matched({name: name for name in taken})
        self.form = Form(self._evaluate, (), tuple(taken))

    def ask(self, question: Question) -> Answer:
        """As of a function; nothing where the declaration says that the call is another function there."""
        if reason := self._differs(question.case, VALUE):
            return Answer(skipped=reason)
        answer = super().ask(question)
        if reason := self._differs(question.case, "gradient"):
            return replace(answer, gradients={}, hessians={}, lacks={GRADIENTS: reason, HESSIANS: reason})
        return answer

    def _differs(self, case: Case, kind: str) -> str:
        """The declared difference on a case, if it is one by choice and no mistake; a call is declared for numbers."""
        if " per unit" in case.name:
            return "a parameter that varies is no number, as the call has it"
        reason = excuse(self.equal, case.name, kind)
        if case.name.endswith(", hard"):  # its inputs are at the edges of their domains
            reason = reason or excuse(self.equal, "edges", kind)
        return "" if not reason or reason.startswith("wrong: ") else f"it is said to differ: {reason}"

    def _translate(self, case: Case, matched: Matched) -> tuple[dict[str, Any], str]:
        """As for a function; what the declaration leaves out is not asked."""
        try:
            applies = bool(eval(self.equal.when, {"np": np}, {**case.inputs, **case.parameters}))  # noqa: S307 - as below
        except ValueError:  # an array where the declaration compares numbers
            applies = False
        return super()._translate(case, matched) if applies else ({}, f"the call is for {self.equal.when}")

    def _evaluate(self, **given: Any) -> Any:
        return eval(self.equal.call, {**self.modules, **given})  # noqa: S307 - a declaration of a loss, not of the target


def _nothing() -> None: ...


def candidates(target: Any, framework: str = "") -> Iterator[Backend]:
    """The backends to try: the one that is named, or those that the code of the target names, or all."""
    if framework:
        backend = get_backend(framework)
        if not (state := backend.available()):
            raise TargetError(f"{framework} cannot run: {state.reason}")
        yield backend
        return
    code = getattr(target, "forward", target)
    code = getattr(code, "__init__", code) if isinstance(code, type) else code
    known = getattr(code, "__globals__", {})
    used = getattr(getattr(code, "__code__", None), "co_names", ())
    modules = [known[name] for name in used if name in known] or list(known.values())
    named = [getattr(x, "__name__", "") for x in modules if hasattr(x, "__spec__")]
    named = named or [getattr(target, "__module__", "") or ""]
    roots = [OVER.get(root, root) for root in dict.fromkeys(name.partition(".")[0] for name in named)]
    loaded = [backend for backend in all_backends().values() if backend.module in sys.modules]
    those = [backend for backend in loaded if backend.module in roots] or loaded
    for backend in sorted(those, key=lambda b: b.name != "numpy"):
        if backend.available():
            yield backend


def as_numpy(backend: Backend, value: Any) -> NDArray[Any]:
    """A result in NumPy: an array of the framework, or anything that NumPy takes as numbers."""
    found = np.asarray(backend.to_numpy(value) if backend.recognises(value) else value)
    if found.dtype.kind not in "fiub":
        raise TypeError(f"its result is a {type(value).__name__} of {found.dtype}, not an array of real numbers")
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def load(path: str) -> Any:
    """The object that `package.module:name` names."""
    module, _, name = path.partition(":")
    if not module or not name:
        raise TargetError(f"{path!r} names no function. Fix: write package.module:function")
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as for `python -m`
    try:
        found: Any = import_module(module)
    except Exception as error:  # whatever the code of a user raises
        raise TargetError(f"{module} does not import: {type(error).__name__}: {_first_line(error)}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(f"{module} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{path} is a {type(found).__name__}, which is not called")
    return found


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else ""


def _is_detached(error: Exception) -> bool:
    return "does not require grad" in str(error)


def _is_real(value: Any) -> bool:
    return bool((value[0] if isinstance(value, list) else value).dtype.kind == "f")


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return value is default or (np.ndim(value) == 0 and bool(value == default))
    return bool(value == default)
