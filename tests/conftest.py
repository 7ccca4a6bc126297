"""The settings under which the suite runs, every backend as a fixture, and arrays from plain numbers."""

from __future__ import annotations

import importlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ranks import on_ranks  # noqa: F401 - a fixture of all tests

import lossspec
from lossspec import dispatch, registry
from lossspec.autodiff import rules
from lossspec.conformance import peers, sampling
from lossspec.conformance.sampling import typical_inputs
from lossspec.dispatch import Availability, get_backend
from lossspec.kernels import compile as compiler

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when Keras is first imported, by the doctest of its client too

JAX_CACHE = "JAX_COMPILATION_CACHE_DIR"
"""The folder in which JAX keeps compiled programs: one for the run, the same for all of its workers.

Most of the time of a run goes into programs of one small operation, and each worker needs most of those of the others.
A cache of one's own, named in the environment, is kept and serves the next run.
"""


OF_ONE_LOSS = Path(__file__).parent / "losses"
"""The folder of tests of what one loss computes."""


class BeforeTorchvision:
    """Prepares the import of torchvision, by whomever, beside a Torch that it was not built for."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> None:
        if name == "torchvision":
            sys.meta_path.remove(cls)  # type: ignore[arg-type]
            peers.prepare_torchvision()


sys.meta_path.insert(0, BeforeTorchvision)  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    if JAX_CACHE not in os.environ:
        os.environ[JAX_CACHE] = tempfile.mkdtemp(prefix="lossspec-jax-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(JAX_CACHE), ignore_errors=True))
    if "jax" in sys.modules:
        jax.config.update("jax_compilation_cache_dir", os.environ[JAX_CACHE])
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session", autouse=True)
def _kernels_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled kernels apart from those of the user, for tests change the code that kernels are made from."""
    folder = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "folder", lambda: folder)
        yield


def _forget() -> Iterator[None]:
    """Forget what is declared meanwhile: losses, samplers, rules and backends are found by all tests of the process."""
    dispatch.all_backends()  # found once, not by the first test that asks
    shared = (registry._registry, sampling._samplers, rules.RULES, dispatch._found, dispatch._by_type)
    kept = [(known, dict(known)) for known in shared]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)


_after_a_test = pytest.fixture(autouse=True)(_forget)
_after_a_module = pytest.fixture(autouse=True, scope="module")(_forget)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the thorough run what shows nothing new where every operation is compiled for every shape.

    Claims about one loss are tried on JAX by the matrix: all cases of the loss in one program, against the oracle. Of
    other claims the first numbers are tried, for each loss, function or dtype that they are made of.
    """
    tried = set()
    for item in items:
        given = dict(getattr(getattr(item, "callspec", None), "params", {}))
        if given.pop("backend", None) != "jax":
            continue
        subjects = (x for x in given.values() if callable(x) or (isinstance(x, str) and x not in np.sctypeDict))
        claim = (item.path, getattr(item, "originalname", ""), *map(str, subjects))
        if claim in tried or OF_ONE_LOSS in item.path.parents:
            item.add_marker(pytest.mark.thorough)
        tried.add(claim)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker a stretch of the suite: what it has compiled serves the tests that come next."""
    scheduling = importlib.import_module("xdist.scheduler")
    return scheduling.WorkStealingScheduling(config, log) if config.getvalue("dist") == "load" else None


try:
    jax = importlib.import_module("jax")
except ImportError:
    pass
else:
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")

try:
    strict = importlib.import_module("array_api_strict")
except ImportError:
    pass
else:
    strict.set_array_api_strict_flags(boolean_indexing=False, data_dependent_shapes=False)

BACKENDS = ("numpy", "strict", "torch", "jax", "cupy")


@cache
def _state(name: str) -> Availability:
    return get_backend(name).available()


def _usable(name: str) -> lossspec.Backend:
    if not _state(name):
        pytest.skip(_state(name).reason)
    return get_backend(name)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> lossspec.Backend:
    """Each backend in turn; one that cannot run here is skipped with its reason."""
    return _usable(request.param)


@pytest.fixture
def usable() -> Callable[[str], lossspec.Backend]:
    """The backend of a name, or a skip with its reason."""
    return _usable


@pytest.fixture
def array(backend: lossspec.Backend) -> Callable[..., Any]:
    """Arrays of the backend from plain Python numbers: `array([[1.0, 2.0]])`, `array([0, 1], "int32")`."""

    def make(values: Any, dtype: str | None = None) -> Any:
        return backend.from_numpy(np.asarray(values, dtype=dtype))

    return make


@pytest.fixture
def plain(backend: lossspec.Backend) -> Callable[[Any], Any]:
    """NumPy copies of arrays of the backend."""
    return backend.to_numpy


@pytest.fixture(scope="session")
def draw() -> Callable[..., dict[str, Any]]:
    """Typical NumPy inputs of any loss, read from its contract: `draw(loss, batch, seed)`."""

    def inputs(loss: lossspec.Loss, batch: int, seed: int = 0) -> dict[str, Any]:
        return typical_inputs(loss.contract, {loss.contract.result.names[0]: batch}, seed)

    return inputs


@pytest.fixture(scope="session")
def sized() -> Callable[[lossspec.Loss], lossspec.Loss]:
    """A loss with the parameters that go with the sizes that `draw` takes from its contract."""

    def configured(loss: lossspec.Loss) -> lossspec.Loss:
        names = [parameter.name for parameter in loss.contract.parameters if parameter.name in loss.contract.sizes]
        return loss.configured(**{name: loss.contract.sizes[name] for name in names}) if names else loss

    return configured


@pytest.fixture
def in_fresh_process() -> Callable[[str], str]:
    """Run a script in a new interpreter in which every warning is an error, and return its output."""

    def run(script: str) -> str:
        command = [sys.executable, "-W", "error", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def pickled() -> Callable[[Any], Any]:
    """The value after a round trip through pickle."""
    return lambda value: pickle.loads(pickle.dumps(value))  # noqa: S301
