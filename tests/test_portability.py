"""The losses use nothing that the namespace of CuPy does not have, which can be proved without a GPU."""

import inspect
from collections import defaultdict

import numpy as np
import pytest

from lossspec import all_backends, get, names
from lossspec.conformance.bench import Bench
from lossspec.conformance.cases import make_cases
from lossspec.kernels import disabled

cupy = pytest.importorskip("array_api_compat.cupy", reason="CuPy is not installed")


class Recorder:
    """A namespace that notes every function called on it, with the keywords."""

    def __init__(self, namespace, seen):
        self.namespace, self.seen = namespace, seen

    def __getattr__(self, name):
        found = getattr(self.namespace, name)
        if inspect.ismodule(found):
            return Recorder(found, self.seen)
        if not callable(found) or isinstance(found, type):
            self.seen[name] |= set()
            return found

        def call(*arguments, **keywords):
            self.seen[name] |= set(keywords)
            return found(*arguments, **keywords)

        return call


@pytest.fixture(scope="module")
def used():
    """Every function and keyword that the whole catalogue uses, recorded on NumPy."""
    backend, seen = all_backends()["numpy"], defaultdict(set)
    recorder = Recorder(backend.namespace, seen)
    with pytest.MonkeyPatch.context() as patch, disabled():  # a kernel would call nothing of the namespace
        patch.setattr(type(backend), "namespace", property(lambda self: recorder))
        for name in names():
            for loss in (get(name), get(name).configured()):
                loss.plans.known.clear()
                bench = Bench(loss, backend, np.float32, "cpu")
                for case in make_cases(loss.contract, np.float32):
                    with np.errstate(over="ignore"):
                        bench.value(case)
                loss.plans.known.clear()
    return dict(seen)


def accepts(function, keyword) -> bool:
    """Say whether a function takes a keyword; a ufunc takes those that NumPy's ufuncs document."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return keyword in ("out", "dtype", "casting")
    return any(p.name == keyword or p.kind is p.VAR_KEYWORD for p in parameters)


def test_the_catalogue_uses_only_what_cupy_has(used):
    assert {"where", "sum", "exp", "take_along_axis", "astype"} <= used.keys()
    missing = [name for name in used if not (hasattr(cupy, name) or hasattr(cupy.linalg, name))]
    assert not missing


def test_the_catalogue_uses_only_keywords_that_cupy_takes(used):
    refused = [
        f"{name}({keyword}=)"
        for name, keywords in used.items()
        for keyword in keywords
        if not accepts(getattr(cupy, name, None) or getattr(cupy.linalg, name), keyword)
    ]
    assert not refused


def test_this_check_can_fail():
    seen = defaultdict(set)
    Recorder(np, seen).sum(np.ones(3), keepdims=True)
    assert seen == {"sum": {"keepdims"}}
    assert not hasattr(cupy, "no_such_function")
    assert not accepts(cupy.sum, "no_such_keyword")
