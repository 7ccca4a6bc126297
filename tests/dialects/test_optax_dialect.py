"""The optax dialect gives what optax gives: values and gradients on the arrays of every framework, and refusals."""

from __future__ import annotations

import pytest

pytest.importorskip("optax")

from dialects import optax_cases as cases
from dialects.judge import BACKENDS, changed, judged, quiet
from lossspec.dialects import optax as dialect
from lossspec.dispatch import get_backend


def test_every_function_of_optax_has_cases_or_a_reason():
    assert sorted({*cases.CALLS, *cases.LEFT_OUT}) == cases.FUNCTIONS
    assert [name for name in cases.CALLS if not hasattr(dialect, name)] == []


@pytest.mark.parametrize("name", cases.CALLS)
def test_values_and_gradients_are_those_of_optax(name, usable):
    answers = {}

    def answer(sample):
        return (
            answers.setdefault(sample.name, cases.answer(sample))
            if sample.name not in answers
            else answers[sample.name]
        )

    for backend in BACKENDS:
        usable(backend)
        rows = cases.samples(name)[: 1 if backend == "jax" else None]
        assert judged(rows, backend, answer, cases.EXCEPTIONS) == [], backend


@pytest.mark.parametrize(("name", "given", "named"), cases.REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_optax_refuses_is_refused(name, given, named, usable):
    put = get_backend("jax").from_numpy
    with quiet():
        with pytest.raises((TypeError, ValueError, AssertionError)):
            getattr(cases.optax.losses, name)(*changed(given, put), **named)
        for backend in ("numpy", "jax"):
            usable(backend)
            put = get_backend(backend).from_numpy
            with pytest.raises((TypeError, ValueError)):
                getattr(dialect, name)(*changed(given, put), **named)
