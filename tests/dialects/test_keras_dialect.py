"""The Keras dialect gives what Keras gives: values, gradients, weights, reductions, configurations, refusals."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("torch")

from dialects import keras_cases as cases
from dialects.judge import BACKENDS, changed, judged, quiet
from lossspec.dialects import keras as dialect
from lossspec.dispatch import get_backend

NAMES = [name for name in (*cases.FUNCTIONS, *cases.CLASSES) if name not in cases.LEFT_OUT]
SINGLE = 1e2
"""The factor by which the tolerances are wider: Keras computes in float32 whatever it is given."""


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_are_those_of_keras(name, usable):
    answers = {}

    def answer(sample):
        if sample.name not in answers:
            answers[sample.name] = cases.answer(sample)
        return answers[sample.name]

    for backend in BACKENDS:
        usable(backend)
        some = {"numpy": None, "torch": None, "jax": 1 if name in cases.FUNCTIONS else 0}[backend]
        rows = cases.samples(name)[:some]
        assert judged(rows, backend, answer, cases.EXCEPTIONS, SINGLE) == [], backend


@pytest.mark.parametrize("name", [name for name in cases.CLASSES if name not in cases.LEFT_OUT])
def test_an_object_survives_its_configuration(name):
    options = (cases.OPTIONS.get(cases.function_of(name)) or ({},))[0]
    ours, theirs = (
        getattr(dialect, name)(**options, reduction="sum"),
        getattr(cases.keras.losses, name)(**options, reduction="sum"),
    )
    config = ours.get_config()
    assert {key: value for key, value in config.items() if key in theirs.get_config()} == theirs.get_config()
    again = type(ours).from_config(config)
    assert again.get_config() == config
    assert dialect.deserialize(dialect.serialize(ours)).get_config() == config


def test_identifiers_are_those_of_keras():
    from keras.src.losses import ALL_OBJECTS_DICT

    names = [name for name in ALL_OBJECTS_DICT if name not in ("Loss", "LossFunctionWrapper")]
    for name in names:
        theirs, ours = cases.keras.losses.get(name), dialect.get(name)
        theirs = type(theirs).__name__ if isinstance(theirs, cases.keras.losses.Loss) else theirs.__name__
        assert (type(ours).__name__ if isinstance(ours, dialect.Loss) else ours.__name__) == theirs
    assert dialect.mse is dialect.mean_squared_error
    assert dialect.get(None) is None


@pytest.mark.parametrize(("name", "given", "named"), cases.REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_keras_refuses_is_refused(name, given, named):
    for module, backend in ((cases.keras.losses, "torch"), (dialect, "numpy"), (dialect, "torch")):
        put = get_backend(backend).from_numpy
        with quiet(), pytest.raises((ValueError, TypeError)):
            getattr(module, name)(*changed(given, put), **named)


def test_a_dtype_is_taken_as_keras_takes_it():
    assert dialect.MeanSquaredError(dtype="float32")(np.ones((2, 2)), np.zeros((2, 2))).dtype == np.float32
