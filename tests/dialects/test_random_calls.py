"""Random calls of the dialects of Torch, Keras and sklearn have the values and gradients of their libraries."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from dialects import random_calls
from dialects.judge import changed, judged, quiet
from lossspec.dispatch import get_backend
from lossspec.errors import LossSpecError

LIBRARIES = {
    "torch": ("torch.nn.functional", "torch_samples", random_calls.TORCH, 1.0),
    "keras": ("keras.losses", "keras_cases", random_calls.KERAS, 1e2),  # it computes in float32
    "sklearn": ("sklearn.metrics", "sklearn_cases", random_calls.SKLEARN, 10.0),
}
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
CALLS = [(dialect, name) for dialect, (_, _, calls, _) in LIBRARIES.items() for name in calls]


@pytest.mark.parametrize("number", [4, pytest.param(60, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(("dialect", "name"), CALLS)
def test_random_calls_are_those_of_the_library(dialect, name, number, usable):
    module, cases, calls, loose = LIBRARIES[dialect]
    pytest.importorskip(dialect)
    if dialect == "torch":
        pytest.importorskip("expecttest", reason="torch's own samples need it")
    judge = import_module(f"dialects.{cases}")  # it says to Keras on which backend it runs
    ours = import_module(f"lossspec.dialects.{dialect}")
    rows = random_calls.samples(import_module(module), ours, name, calls[name], number)
    answers = {sample.name: judge.answer(sample) for sample in rows}
    for backend in ("numpy", "torch"):
        usable(backend)
        assert judged(rows, backend, lambda sample: answers[sample.name], (), loose) == [], backend


@pytest.mark.parametrize(("dialect", "name", "given", "named"), REFUSED)
def test_what_a_library_refuses_is_refused_with_its_reason(dialect, name, given, named, usable):
    module, cases, _, _ = LIBRARIES[dialect]
    pytest.importorskip(dialect)
    if dialect == "keras":
        import_module(f"dialects.{cases}")
    usable("torch")
    torch_of = get_backend("torch").from_numpy
    for owner in (import_module(module), import_module(f"lossspec.dialects.{dialect}")):
        ours = owner.__name__.startswith("lossspec")
        plain = dialect == "sklearn" and (not ours or given[0].dtype.kind == "U")
        for put in (np.asarray,) if plain else (np.asarray, torch_of) if ours else (torch_of,):
            function = getattr(owner, name)() if dialect == "keras" else getattr(owner, name)
            kind = LossSpecError if ours else (ValueError, RuntimeError, IndexError)
            with quiet(), pytest.raises(kind):
                function(*changed(given, put), **{key: changed(value, put) for key, value in named.items()})
