"""Calls of the losses of sklearn: the objects of `sklearn._loss` with their derivatives, and the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn._loss.loss as theirs
import sklearn.metrics as metrics

from dialects.judge import Excepted, Sample, factors_of, quiet, strictly
from lossspec.dialects import sklearn as dialect

LOSSES, METRICS = "_loss", "metrics"
LEFT_OUT = {
    "hamming_loss": "a share of wrong labels, which has no gradient",
    "zero_one_loss": "a share of wrong labels, which has no gradient",
    "label_ranking_loss": "a share of wrong pairs, which has no gradient",
    "coverage_error": "a mean depth of rankings, which has no gradient",
    "max_error": "the largest error of the data, no loss of a sample",
    "median_absolute_error": "the median error of the data, no loss of a sample",
    **dict.fromkeys(
        ("d2_absolute_error_score", "d2_brier_score", "d2_log_loss_score", "d2_pinball_score", "d2_tweedie_score"),
        "a score, 1 less a loss over that of the best constant",
    ),
    "HalfBinomialLossArrayAPI": "`HalfBinomialLoss` here takes any arrays",
    "HalfMultinomialLossArrayAPI": "`HalfMultinomialLoss` here takes any arrays",
    "HalfPoissonLossArrayAPI": "`HalfPoissonLoss` here takes any arrays",
}
"""Names that end in Loss, loss, error or deviance in sklearn, and are not in the dialect."""

CLASSES = sorted(
    name for name, value in vars(theirs).items() if isinstance(value, type) and issubclass(value, theirs.BaseLoss)
)
CLASSES.remove("BaseLoss")
FUNCTIONS = sorted(
    name for name in metrics.__all__ if name.endswith(("_loss", "_error", "_deviance")) or name.startswith("d2_")
)

_random = np.random.default_rng(5)
RAW = np.concatenate([_random.normal(size=12) * 2, [-30.0, 30.0, 0.0]])
WEIGHT = np.concatenate([_random.uniform(0.5, 2.0, 14), [0.0]])
REAL = _random.normal(size=15)
COUNTS = _random.poisson(2.0, 15).astype(float)
AMOUNTS = _random.uniform(0.2, 4.0, 15)
FLAGS = (REAL > 0).astype(float)
CHANCES = np.concatenate([_random.uniform(0.0, 1.0, 13), [0.0, 1.0]])
CODES = _random.integers(0, 3, 15).astype(float)
ROWS = _random.normal(size=(15, 3)) * 3

OBJECTS: list[tuple[str, dict[str, Any], np.ndarray, np.ndarray]] = [
    ("HalfSquaredError", {}, REAL, RAW),
    ("AbsoluteError", {}, REAL, RAW),
    ("PinballLoss", {"quantile": 0.2}, REAL, RAW),
    ("HuberLoss", {}, REAL, RAW),
    ("HuberLoss", {"delta": 2.0}, REAL, RAW),
    ("HalfPoissonLoss", {}, COUNTS, RAW),
    ("HalfGammaLoss", {}, AMOUNTS, RAW),
    *(("HalfTweedieLoss", {"power": power}, AMOUNTS, RAW) for power in (0.0, 1.0, 1.3, 1.5, 2.0, 3.0)),
    ("HalfTweedieLoss", {"power": 1.5}, COUNTS, RAW),
    *(
        ("HalfTweedieLossIdentity", {"power": power}, AMOUNTS, AMOUNTS[::-1].copy())
        for power in (0.0, 1.0, 1.5, 2.0, 3.0)
    ),
    ("HalfBinomialLoss", {}, FLAGS, RAW),
    ("HalfBinomialLoss", {}, CHANCES, RAW[:, None]),
    ("HalfMultinomialLoss", {"n_classes": 3}, CODES, ROWS),
    ("ExponentialLoss", {}, FLAGS, RAW),
    ("ExponentialLoss", {}, CHANCES, RAW),
]
METHODS = (
    "loss",
    "gradient",
    "loss_gradient",
    "gradient_hessian",
    "__call__",
    "fit_intercept_only",
    "constant_to_optimal_zero",
)

_TWO = {"sample_weight": WEIGHT}
_PAIR = (REAL, RAW)
_WIDE = (ROWS, ROWS[::-1].copy() * 0.5)
_OUTPUTS: list[dict[str, Any]] = [{}, {"multioutput": "raw_values"}, {"multioutput": [0.2, 0.3, 0.5], **_TWO}]
_NAMES = np.array(["no", "yes"])[FLAGS.astype(int)]
_PARTS = _random.dirichlet(np.ones(3), 15)
CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    **{
        name: [(_PAIR, {}), (_PAIR, _TWO), *((_WIDE, options) for options in _OUTPUTS)]
        for name in (
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
        )
    },
    **{
        name: [((COUNTS, AMOUNTS), {}), ((COUNTS, AMOUNTS), _TWO), ((np.abs(ROWS), _PARTS), _OUTPUTS[1])]
        for name in ("mean_squared_log_error", "root_mean_squared_log_error")
    },
    "mean_pinball_loss": [(_PAIR, {}), (_PAIR, {"alpha": 0.9, **_TWO}), (_WIDE, _OUTPUTS[2])],
    "mean_tweedie_deviance": [
        (_PAIR, {}),
        *(((AMOUNTS, AMOUNTS[::-1].copy()), {"power": power, **_TWO}) for power in (1, 1.5, 2, 3)),
    ],
    "mean_poisson_deviance": [((COUNTS, AMOUNTS), {}), ((COUNTS, AMOUNTS), _TWO)],
    "mean_gamma_deviance": [((AMOUNTS, AMOUNTS[::-1].copy()), {}), ((AMOUNTS, AMOUNTS[::-1].copy()), _TWO)],
    "log_loss": [
        ((CODES.astype(int), _PARTS), {}),
        ((CODES.astype(int), _PARTS), {"normalize": False, **_TWO}),
        ((FLAGS.astype(int), CHANCES), {}),
        ((CODES.astype(int) * 10, _PARTS), {"labels": [0, 10, 20]}),
        ((FLAGS.astype(int)[:3] * 0, CHANCES[:3]), {"labels": [0, 1]}),
    ],
    "hinge_loss": [
        ((FLAGS.astype(int), RAW), {}),
        ((2 * FLAGS.astype(int) - 1, RAW), _TWO),
        ((CODES.astype(int), ROWS), {}),
        ((np.array([0, 2]), ROWS[:2]), {"labels": [0, 1, 2]}),
    ],
    "brier_score_loss": [
        ((FLAGS.astype(int), CHANCES), {}),
        ((FLAGS.astype(int), CHANCES), {"pos_label": 0, **_TWO}),
        ((FLAGS.astype(int), CHANCES), {"scale_by_half": False}),
        ((CODES.astype(int), _PARTS), {}),
        ((CODES.astype(int), _PARTS), {"scale_by_half": True, **_TWO}),
    ],
}

EXCEPTIONS: tuple[Excepted, ...] = ()

REFUSED: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("PinballLoss", (), {"quantile": 1.0}),
    ("HuberLoss", (), {"quantile": 0.0}),
    ("mean_squared_error", (REAL, RAW[:3]), {}),
    ("mean_squared_error", (REAL, RAW), {"multioutput": "raw"}),
    ("mean_squared_log_error", (REAL - 5, AMOUNTS), {}),
    ("mean_poisson_deviance", (COUNTS, REAL), {}),
    ("mean_gamma_deviance", (COUNTS, AMOUNTS), {}),
    ("mean_tweedie_deviance", (COUNTS, AMOUNTS), {"power": 0.5}),
    ("log_loss", (CODES.astype(int), CHANCES), {}),
    ("log_loss", (FLAGS.astype(int) * 0, CHANCES), {}),
]


def objects() -> list[Sample]:
    """Every method of every object, with and without weights."""
    found = []
    for number, (name, options, y_true, raw) in enumerate(OBJECTS):
        for weight in (None, WEIGHT):
            for method in METHODS:
                data = (y_true,) if method in METHODS[-2:] else (y_true, raw)
                if method == "constant_to_optimal_zero" and name == "HalfMultinomialLoss":
                    continue
                given = (*data, *(() if weight is None else (weight,)))
                both = objects_of(name, {**options, "method": method, "weighted": weight is not None})
                label = f"[{number}].{method}{'' if weight is None else ' weighted'}"
                found.append(Sample(LOSSES, name, label, *both, given))
    return found


def objects_of(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """A method of an object of sklearn and that of the dialect, on the arguments of the method."""
    return _method(theirs, name, **options), _method(dialect, name, **options)


def _method(module: Any, name: str, method: str, weighted: bool, **options: Any) -> Any:
    def run(*given: Any) -> Any:
        made = getattr(module, name)(sample_weight=given[-1] if weighted else None, **options)
        given = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in given)
        found = getattr(made, method)(*given)
        parts = found if isinstance(found, tuple) else (found,)
        if module is theirs:
            return np.concatenate([np.asarray(part).reshape(-1) for part in parts])
        from lossspec.dispatch import array_namespace

        xp = array_namespace(*(x for x in given if hasattr(x, "dtype")))
        return xp.concat([xp.reshape(xp.asarray(part), (-1,)) for part in parts])

    return run


def functions(name: str) -> list[Sample]:
    """The calls of a metric, with gradients in what is predicted."""
    ours = strictly(getattr(dialect, name))
    return [
        Sample(METRICS, name, f"[{number}]", getattr(metrics, name), ours, given, named, frozenset({"1"}))
        for number, (given, named) in enumerate(CALLS[name])
    ]


def answer(sample: Sample) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The value that sklearn gives; and for a metric the gradient by central differences of it."""
    with quiet():
        value = np.asarray(sample.theirs(*sample.arguments, **sample.keywords))
        if "1" not in sample.differentiable:
            return value, {}
        y_true, y_pred = sample.arguments
        step, gradient, factors = 1e-6, np.zeros(y_pred.shape), factors_of(value)
        for index in np.ndindex(*y_pred.shape):
            sides = []
            for way in (-step, step):
                moved = y_pred.copy()
                moved[index] += way
                try:
                    sides.append(np.sum(sample.theirs(y_true, moved, **sample.keywords) * factors))
                except ValueError:  # beyond the domain
                    return value, {}
            gradient[index] = (sides[1] - sides[0]) / (2 * step)
    return value, {"1": gradient}
