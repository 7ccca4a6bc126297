"""Runs a call of a dialect beside the same call of its library, and says what differs."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import lossspec as ls
from lossspec.conformance.probes import probe_of
from lossspec.dispatch import array_namespace, find_backend, get_backend

VALUE = 1e-7
GRADIENT = 1e-6
BACKENDS = ("numpy", "torch", "jax")


@dataclass(frozen=True)
class Sample:
    """One call: what is called on either side, its arguments as NumPy arrays, and those that have gradients."""

    suite: str
    function: str
    name: str
    theirs: Callable[..., Any]
    ours: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    differentiable: frozenset[str] = frozenset()
    """Positions, as text, and names of the arguments whose gradients are compared."""

    def __str__(self) -> str:
        return f"{self.function} {self.name}"


@dataclass(frozen=True)
class Excepted:
    """Calls on which the two differ, the reason, and what differs: the value, the gradient or the error."""

    suite: str
    function: str
    what: str
    reason: str
    when: Callable[[Sample], bool] = lambda sample: True

    def covers(self, sample: Sample) -> bool:
        return sample.suite == self.suite and sample.function == self.function and self.when(sample)


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Arrays within tuples and lists replaced."""
    if isinstance(value, (tuple, list)):
        return type(value)(changed(x, change) for x in value)
    return change(value) if isinstance(value, np.ndarray) else value


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A library's warnings about its own samples are not ours to mend, and ours about the same say the same."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def of_ours(sample: Sample, backend_name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The value and the gradients that the dialect gives on the arrays of a backend."""
    backend = get_backend(backend_name)
    with probe_of(backend).double_precision():
        arguments = changed(sample.arguments, backend.from_numpy)
        keywords = {name: changed(value, backend.from_numpy) for name, value in sample.keywords.items()}
        names = sorted(sample.differentiable)
        chosen = [arguments[int(name)] if name.isdigit() else keywords[name] for name in names]
        with_gradients = ls.value_and_grad(
            partial(_weighted, sample, arguments, keywords, names), tuple(range(len(names)))
        )

        def plainly() -> Any:
            return sample.ours(*arguments, **keywords)

        if backend_name == "jax":  # one program, which compiles in less time than its many operations
            jax = import_module("jax")
            plainly, with_gradients = jax.jit(plainly), jax.jit(with_gradients)
        value = plainly()
        assert hasattr(value, "dtype"), f"{sample}: the result is {value!r}"
        plain = np.asarray(value) if backend_name == "numpy" else backend.to_numpy(value)
        if not names or not np.all(np.isfinite(plain)):
            return plain, {}
        _, found = with_gradients(*chosen)
        return plain, {name: backend.to_numpy(x) for name, x in zip(names, found, strict=True)}


def _weighted(sample: Sample, arguments: Any, keywords: Any, names: Sequence[str], *given: Any) -> Any:
    placed, named = list(arguments), dict(keywords)
    for name, x in zip(names, given, strict=True):
        if name.isdigit():
            placed[int(name)] = x
        else:
            named[name] = x
    losses = sample.ours(*placed, **named)
    shape = np.zeros(losses.shape, str(losses.dtype).rpartition(".")[2])
    backend = find_backend(losses)
    return array_namespace(losses).sum(losses * (backend.base or backend).from_numpy(factors_of(shape)))


def factors_of(value: np.ndarray) -> np.ndarray:
    return np.random.default_rng(3).uniform(0.5, 1.5, value.shape).astype(value.dtype)


def apart(what: str, mine: np.ndarray, other: np.ndarray, tolerance: float) -> str:
    """The difference between two arrays, or an empty string."""
    if mine.shape != other.shape:
        return f"{what} of shape {mine.shape}, theirs {other.shape}"
    if mine.dtype != other.dtype:
        return f"{what} of dtype {mine.dtype}, theirs {other.dtype}"
    scale = max(float(np.max(np.abs(other), initial=0.0, where=np.isfinite(other))), 1.0)
    with np.errstate(invalid="ignore"):
        same = (mine == other) | (np.isnan(mine) & np.isnan(other)) | (np.abs(mine - other) <= tolerance * scale)
    if np.all(same):
        return ""
    index = tuple(np.argwhere(~same)[0])
    return f"{what}{list(map(int, index))} is {mine[index]!r}, theirs {other[index]!r}"


def difference(
    sample: Sample, backend: str, theirs: tuple[np.ndarray, dict[str, np.ndarray]], loose: float = 1.0
) -> str:
    """The difference between the dialect on a backend and the library, or an empty string."""
    with quiet():
        try:
            value, gradients = of_ours(sample, backend)
        except Exception as error:
            return f"raises {type(error).__name__}: {error}"
    problem = apart("value", value, theirs[0], loose * VALUE)
    if problem:
        return problem
    for name, gradient in gradients.items():
        if name in theirs[1]:
            problem = problem or apart(f"gradient in {name}", gradient, theirs[1][name], loose * GRADIENT)
    return problem


def judged(
    samples: Sequence[Sample],
    backend: str,
    answer: Callable[[Sample], tuple[np.ndarray, dict[str, np.ndarray]]],
    exceptions: Sequence[Excepted],
    loose: float = 1.0,
) -> list[str]:
    """The differences that no exception names, and the exceptions that are no longer true."""
    wrong = []
    for sample in samples:
        problem = difference(sample, backend, answer(sample), loose)
        excuses = [excepted for excepted in exceptions if excepted.covers(sample)]
        if problem and not any(problem.startswith(excuse.what) for excuse in excuses):
            wrong.append(f"{sample}: {problem}")
        if excuses and not problem:
            wrong.append(f"{sample}: nothing differs, though the table says: {excuses[0].reason}")
    return wrong


def strictly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a dialect with the documented conventions of its library, where it has an argument for them."""
    if "strict" not in inspect.signature(function).parameters:
        return function
    return lambda *arguments, **keywords: function(*arguments, **keywords, strict=True)
