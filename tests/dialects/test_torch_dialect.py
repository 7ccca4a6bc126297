"""The Torch dialect gives what torch gives on torch's own samples of every loss: values, gradients and errors."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="torch's own samples need it")

from dialects import torch_samples as samples
from dialects.judge import BACKENDS, changed, judged, quiet
from lossspec.dispatch import get_backend

NAMES = [name for name in (*samples.FUNCTIONS, *samples.CLASSES) if name not in samples.LEFT_OUT]


def of(name):
    return [*samples.operators(name), *samples.modules(name)]


def spread(rows, number):
    """As many of the rows, spread over all of them."""
    step = max(1, -(-len(rows) // number))
    return rows[::step]


def number_of_samples(name, backend):
    """The samples that an ordinary run takes: few of long sequences, which take seconds, and on JAX, which compiles."""
    number = {"numpy": 60, "torch": 30, "jax": 0 if name in samples.CLASSES else 1}[backend]
    return min(number, backend == "numpy") if "ctc" in name.lower() else number


@pytest.mark.parametrize(("name", "backend"), [(n, b) for n in NAMES for b in BACKENDS if number_of_samples(n, b)])
def test_values_and_gradients_are_those_of_torch(name, backend, usable):
    usable(backend)
    rows = spread(of(name), number_of_samples(name, backend))
    assert rows
    assert judged(rows, backend, samples.answer, samples.EXCEPTIONS) == []


def test_every_loss_of_torch_is_sampled_or_left_out_with_a_reason():
    assert [name for name in NAMES if not of(name)] == []
    missing = {name for name in (*samples.FUNCTIONS, *samples.CLASSES) if not hasattr(samples.dialect, name)}
    assert missing == {*samples.LEFT_OUT}


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_on_all_samples(name, backend, usable):
    usable(backend)
    assert judged(of(name), backend, samples.answer, samples.EXCEPTIONS) == []


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_what_torch_refuses_is_refused_by_the_same_kind_of_error(backend, usable):
    usable(backend)
    put = get_backend(backend).from_numpy
    wrong = []
    for number, (suite, name, kind, words, function, given, named) in enumerate(samples.errors()):
        with quiet():
            try:
                function(*changed(given, put), **{key: changed(value, put) for key, value in named.items()})
            except Exception as error:
                if not isinstance(error, kind):
                    wrong.append(f"{suite} {name} {number}: {type(error).__name__}: {error}, theirs {kind.__name__}")
            else:
                wrong.append(f"{suite} {name} {number}: nothing is raised, theirs {kind.__name__}: {words}")
    assert wrong == []
