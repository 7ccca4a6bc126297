"""Random calls of the dialects have the values and gradients of their libraries."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from dialects.judge import BACKENDS, changed, judged, quiet
from dialects.random_calls import LIBRARIES, samples
from lossspec.dispatch import get_backend
from lossspec.errors import LossSpecError

X, P, FLAGS, CODES = np.ones((4, 3)), np.full((4, 3), 0.5), np.eye(4, 3), np.asarray([0, 1, 2, 1])
REFUSED = [
    ("torch", "binary_cross_entropy", (P, FLAGS), {"weight": np.ones((2, 4, 3))}),
    ("torch", "binary_cross_entropy", (P, FLAGS.astype(int)), {}),
    ("torch", "binary_cross_entropy_with_logits", (X, FLAGS), {"weight": np.ones((2, 4, 3))}),
    ("torch", "binary_cross_entropy_with_logits", (X, FLAGS), {"pos_weight": np.ones((2, 4, 3))}),
    ("torch", "binary_cross_entropy_with_logits", (X, FLAGS.astype(int)), {}),
    ("torch", "cosine_similarity", (X, X), {"dim": 2}),
    ("torch", "ctc_loss", (np.zeros((4, 3)), np.asarray([1, 2]), (4,), (1,)), {}),
    ("torch", "l1_loss", (X, X), {"weight": np.ones(3)}),
    ("keras", "MeanSquaredError", (X, X, np.ones((4, 3))), {}),
    ("keras", "MeanSquaredError", (X, X, np.ones(3)), {}),
    ("sklearn", "mean_squared_error", (X, P), {"sample_weight": np.zeros(4)}),
    ("sklearn", "mean_poisson_deviance", (X[:, 0], P[:, 0]), {"sample_weight": np.zeros(4)}),
    ("sklearn", "log_loss", (CODES, P / 1.5), {"sample_weight": np.zeros(4)}),
    ("sklearn", "mean_squared_error", (X[:, :1], P[:, :1]), {"multioutput": [2.0]}),
    ("sklearn", "brier_score_loss", (np.asarray(["a", "b", "a", "b"]), P[:, 0]), {}),
]
CALLS = [(dialect, name) for dialect, library in LIBRARIES.items() for name in library.calls]


@pytest.mark.parametrize("number", [4, pytest.param(None, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(("dialect", "name"), CALLS)
def test_random_calls_are_those_of_the_library(dialect, name, number, usable):
    pytest.importorskip(dialect)
    if dialect == "torch":
        pytest.importorskip("expecttest", reason="torch's own samples need it")
    library, rows = LIBRARIES[dialect], samples(dialect, name, number)
    cases = import_module(f"dialects.{library.cases}")
    answers = {sample.name: cases.answer(sample) for sample in rows}
    for backend in BACKENDS[: 2 if number else 3]:
        usable(backend)
        some = rows[:4] if backend == "jax" else rows
        assert judged(some, backend, lambda sample: answers[sample.name], cases.EXCEPTIONS, library.loose) == [], (
            backend
        )


@pytest.mark.parametrize(("dialect", "name", "given", "named"), REFUSED)
def test_what_a_library_refuses_is_refused_with_its_reason(dialect, name, given, named, usable):
    library = LIBRARIES[dialect]
    pytest.importorskip(dialect)
    if dialect == "keras":
        import_module(f"dialects.{library.cases}")
    usable("torch")
    torch_of = get_backend("torch").from_numpy
    for owner in (import_module(library.module), import_module(f"lossspec.dialects.{dialect}")):
        ours = owner.__name__.startswith("lossspec")
        plain = dialect == "sklearn" and (not ours or given[0].dtype.kind == "U")
        for put in (np.asarray,) if plain else (np.asarray, torch_of) if ours else (torch_of,):
            function = getattr(owner, name)() if dialect == "keras" else getattr(owner, name)
            kind = LossSpecError if ours else (ValueError, RuntimeError, IndexError)
            with quiet(), pytest.raises(kind):
                function(*changed(given, put), **{key: changed(value, put) for key, value in named.items()})
