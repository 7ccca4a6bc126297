"""The functions and keywords that losses ask of an Array API namespace, recorded while they run on NumPy."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from lossspec.autodiff.namespace import traced_backend
from lossspec.conformance.bench import Bench
from lossspec.conformance.cases import make_cases
from lossspec.dispatch import Backend, get_backend
from lossspec.kernels import disabled
from lossspec.loss import Loss

Needs = Mapping[str, frozenset[str]]
"""Keywords by the name of the function; a name with a dot lies in a namespace of its own, as `linalg.vector_norm`."""


class Recorder(ModuleType):
    """A namespace that notes every function called on it, with the keywords."""

    def __init__(self, namespace: Any, seen: dict[str, set[str]], prefix: str = "") -> None:
        super().__init__(namespace.__name__)
        self._namespace, self._seen, self._prefix = namespace, seen, prefix

    def __getattr__(self, name: str) -> Any:
        found, seen, full = getattr(self._namespace, name), self._seen, self._prefix + name
        if inspect.ismodule(found):
            return Recorder(found, seen, f"{full}.")
        if not callable(found) or isinstance(found, type):
            seen[full] |= set()
            return found

        def call(*arguments: Any, **keywords: Any) -> Any:
            seen[full] |= set(keywords)
            return found(*arguments, **keywords)

        return call


def needs(losses: Iterable[Loss], gradients: bool = False) -> Needs:
    """The functions and keywords that all cases of some losses use; with `gradients`, those of the tape as well."""
    backend, seen = get_backend("numpy"), defaultdict[str, set[str]](set)
    with _recording(backend, seen), disabled(), np.errstate(all="ignore"):  # a kernel would call nothing of it
        for loss in losses:
            for fresh in (loss, loss.configured()):  # a loss remembers the namespace of a call
                _forget(fresh)
                bench = Bench(fresh, backend, np.float32, "cpu")
                cases = make_cases(loss.contract, np.float32)
                for case in cases:
                    bench.value(case)
                if gradients:
                    bench.value_and_grad(cases[0])
                _forget(fresh)
    return {name: frozenset(seen[name]) for name in sorted(seen)}


def lacking(namespace: Any, needed: Needs) -> Iterator[str]:
    """The functions and keywords that a namespace has not, as they are written in a call."""
    for name, keywords in needed.items():
        found = namespace
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None:
            yield name
        else:
            yield from (f"{name}({keyword}=)" for keyword in sorted(keywords) if not accepts(found, keyword))


def accepts(function: Any, keyword: str) -> bool:
    """Say whether a function takes a keyword; a ufunc takes those that NumPy's ufuncs document."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return keyword in ("out", "dtype", "casting")
    return any(p.name == keyword or p.kind is p.VAR_KEYWORD for p in parameters)


def _forget(loss: Loss) -> None:
    plans: Any = getattr(loss, "plans", None)
    if plans is not None:
        plans.known.clear()


@contextmanager
def _recording(backend: Backend, seen: dict[str, set[str]]) -> Iterator[None]:
    """Let a backend give a recorder for its namespace."""
    kind, recorder = type(backend), Recorder(backend.namespace, seen)
    own = kind.__dict__["namespace"]
    setattr(kind, "namespace", property(lambda self: recorder))  # noqa: B010 - mypy knows it as read-only
    traced_backend(backend).renew()
    try:
        yield
    finally:
        setattr(kind, "namespace", own)  # noqa: B010
        traced_backend(backend).renew()
