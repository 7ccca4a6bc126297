"""Calls of every class and function of keras.losses, after its documentation: options, weights, shapes, edges."""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when keras is first imported
import keras
import torch

from dialects.judge import Excepted, Sample, changed, factors_of, quiet, strictly
from lossspec.dialects import keras as dialect

SUITE = "documentation"
LEFT_OUT = {"Loss": "it is the base of the others, with no loss of its own"}
"""Classes of keras.losses that the dialect has for itself."""

FUNCTIONS = sorted(
    name for name, value in vars(keras.losses).items() if inspect.isfunction(value) and name[0] != "_"
    and name not in ("get", "serialize", "deserialize")
)  # fmt: skip
CLASSES = sorted(name for name, value in vars(keras.losses).items() if inspect.isclass(value))

_random = np.random.default_rng(11)
REAL, TARGET = _random.normal(size=(4, 3)) * 2, _random.normal(size=(4, 3))
CUBE, OTHER = _random.normal(size=(2, 4, 3)), _random.normal(size=(2, 4, 3))
PARTS = _random.dirichlet(np.ones(3), 4)
SOFT = _random.dirichlet(np.ones(3), 4)
HOT = np.eye(3)[[0, 2, 1, 1]]
LABELS = np.array([0, 2, 1, 1])
FLAGS = (TARGET > 0).astype(float)
CHANCES = _random.uniform(0.05, 0.95, (4, 3))
COUNTS = _random.poisson(2.0, (4, 3)).astype(float)
RATES = _random.uniform(0.1, 4.0, (4, 3))
UNIT = _random.normal(size=(6, 4))
UNIT /= np.linalg.norm(UNIT, axis=-1, keepdims=True)
GROUPS = np.array([0, 0, 1, 1, 2, 3])
WEIGHTS = np.array([1.0, 2.0, 0.0, 0.5])
TEXT = np.array([[1, 2, 2], [3, 1, 0]])
TEXT_LOGITS = _random.normal(size=(2, 7, 5))

_PLAIN = ((TARGET, REAL), (OTHER, CUBE), (TARGET[:, :1], REAL[:, 0]), (TARGET[:, 0], REAL[:, :1]))
PAIRS: dict[str, tuple[tuple[Any, Any], ...]] = {
    "mean_squared_error": (*_PLAIN, (np.arange(12).reshape(4, 3), REAL)),
    "mean_absolute_error": _PLAIN,
    "mean_absolute_percentage_error": _PLAIN,
    "mean_squared_logarithmic_error": ((COUNTS, RATES), (TARGET, REAL)),
    "cosine_similarity": (*_PLAIN[:2], (TARGET * np.array([[0.0], [1], [1], [1]]), REAL)),
    "huber": _PLAIN,
    "log_cosh": _PLAIN,
    "hinge": ((FLAGS, REAL), (2 * FLAGS - 1, REAL), (TARGET, REAL), (FLAGS.astype(int), REAL)),
    "squared_hinge": ((FLAGS, REAL), (2 * FLAGS - 1, REAL), (TARGET, REAL)),
    "categorical_hinge": ((HOT, REAL), (SOFT, REAL)),
    "kl_divergence": ((SOFT, PARTS), (HOT, PARTS)),
    "poisson": ((COUNTS, RATES), (COUNTS, RATES * np.array([0.0, 1.0, 1.0]))),
    "binary_crossentropy": ((FLAGS, CHANCES), (CHANCES, CHANCES[::-1].copy()), (FLAGS, np.round(CHANCES))),
    "binary_focal_crossentropy": ((FLAGS, CHANCES), (CHANCES[::-1].copy(), CHANCES)),
    "categorical_crossentropy": ((HOT, PARTS), (SOFT, PARTS * 2), (HOT, HOT)),
    "categorical_focal_crossentropy": ((HOT, PARTS), (SOFT, PARTS * 2), (HOT.astype(int), PARTS)),
    "sparse_categorical_crossentropy": ((LABELS, PARTS), (LABELS[:, None], PARTS * 3), (LABELS * 1.0, PARTS)),
    "categorical_generalized_cross_entropy": ((LABELS, PARTS),),
    "ctc": ((TEXT, TEXT_LOGITS),),
    "dice": ((FLAGS, CHANCES), (FLAGS * 0, FLAGS * 0)),
    "tversky": ((FLAGS, CHANCES), (FLAGS * 0, FLAGS * 0)),
    "circle": ((GROUPS, UNIT),),
}
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "cosine_similarity": ({"axis": 0}, {"axis": 1}),
    "huber": ({"delta": 0.4},),
    "binary_crossentropy": ({"from_logits": True}, {"label_smoothing": 0.2}, {"axis": 0}),
    "binary_focal_crossentropy": (
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.0},
        {"from_logits": True, "label_smoothing": 0.1},
    ),
    "categorical_crossentropy": ({"from_logits": True}, {"label_smoothing": 0.2}, {"axis": -1, "from_logits": True}),
    "categorical_focal_crossentropy": (
        {"alpha": 0.5, "gamma": 1.0},
        {"from_logits": True, "label_smoothing": 0.1},
        {"alpha": [0.2, 0.3, 0.5]},
    ),
    "sparse_categorical_crossentropy": (
        {"from_logits": True},
        {"ignore_class": 1},
        {"from_logits": True, "ignore_class": 2},
    ),
    "categorical_generalized_cross_entropy": ({"q": 0.3},),
    "dice": ({"axis": (1,)}, {"axis": 0}),
    "tversky": ({"alpha": 0.2, "beta": 0.8}, {"axis": (0,), "alpha": 0.7}),
    "circle": ({"gamma": 10.0, "margin": 0.25},),
}
NEEDED = {"categorical_generalized_cross_entropy": {"q": 0.5}}
REDUCED: tuple[tuple[dict[str, Any], Any], ...] = (
    ({}, None),
    ({"reduction": "sum"}, WEIGHTS),
    ({"reduction": None}, WEIGHTS[:, None]),
    ({"reduction": "mean_with_sample_weight"}, WEIGHTS),
    ({"reduction": "mean"}, WEIGHTS.astype(int)),
    ({"reduction": "mean_with_sample_weight"}, WEIGHTS * 0),
    ({}, 2.0),
)

_WRONG_CIRCLE = "Keras differentiates the weights of the pairs"
EXCEPTIONS = (
    *(Excepted(SUITE, name, "gradient", _WRONG_CIRCLE) for name in ("circle", "Circle")),
)  # fmt: skip

REFUSED: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("MeanSquaredError", (), {"reduction": "average"}),
    ("CategoricalGeneralizedCrossEntropy", (), {"q": 1.5}),
    ("binary_crossentropy", (FLAGS, CHANCES[:, :2]), {}),
    ("categorical_crossentropy", (HOT, PARTS), {"axis": True}),
    ("categorical_focal_crossentropy", (HOT, PARTS), {"axis": True}),
    ("categorical_crossentropy", (HOT[:2], PARTS), {}),
    ("ctc", (TEXT[0], TEXT_LOGITS), {}),
    ("ctc", (TEXT, TEXT_LOGITS[0]), {}),
    ("sparse_categorical_crossentropy", (LABELS[:2], PARTS), {}),
    ("get", ("no_such_loss",), {}),
    ("get", (7,), {}),
)


def function_of(name: str) -> str:
    """The function that a class is made of."""
    return getattr(dialect, name).takes.__name__


def samples(name: str) -> list[Sample]:
    """The calls of a function or class, with gradients in the predictions."""
    found: list[Sample] = []

    def add(theirs: Any, ours: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        found.append(Sample(SUITE, name, f"[{len(found)}]", theirs, ours, given, named, frozenset({"1"})))

    if name in FUNCTIONS:
        theirs, ours = getattr(keras.losses, name), getattr(dialect, name)
        for pair in PAIRS[name]:
            add(theirs, strictly(ours), pair, NEEDED.get(name, {}))
        for options in OPTIONS.get(name, ()):
            add(theirs, strictly(ours), PAIRS[name][0], options)
        return found
    function = function_of(name)
    first = PAIRS[function][0]
    for options, weight in REDUCED:
        fits = weight is None or np.ndim(weight) == 0 or len(first[1]) == len(WEIGHTS)
        fits = fits and not (function in ("dice", "tversky") and np.ndim(weight) > 1)
        fits = fits and not (function == "circle" and weight is not None)  # Keras multiplies its mask in place
        if fits:
            weighed = (*first, *(() if weight is None else (weight,)))
            add(*objects_of(name, options), weighed, {})
    for options in OPTIONS.get(function, ()):
        weighed = (*first, WEIGHTS) if function == "sparse_categorical_crossentropy" else first
        add(*objects_of(name, options), weighed, {})
    return found


def objects_of(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """The object of Keras and that of the dialect."""
    return _built(getattr(keras.losses, name), options), _built(getattr(dialect, name), options)


def _built(cls: Any, options: dict[str, Any]) -> Any:
    own = dict(options)
    if cls.__module__.startswith("keras"):
        own["dtype"] = "float64"
    elif "strict" in inspect.signature(cls).parameters:
        own["strict"] = True
    return cls(**own)


def answer(sample: Sample) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The value and the gradient that Keras gives on its Torch backend."""
    given = [changed(x, torch.from_numpy) for x in changed(sample.arguments, np.copy)]
    given[1].requires_grad_()
    with quiet():
        value = sample.theirs(*given, **sample.keywords)
    plain = value.detach().numpy().astype(np.float64)  # Keras computes most of it in float32 whatever it is given
    (gradient,) = torch.autograd.grad((value.double() * torch.from_numpy(factors_of(plain))).sum(), [given[1]])
    return plain, {"1": gradient.numpy()}
