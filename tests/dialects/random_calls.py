"""Random legal calls of each dialect's functions: shapes, broadcasting, dtypes of labels, weights, every option."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from dialects.draws import SUITE, Draw, Made, left_over
from dialects.judge import Sample, strictly
from dialects.random_optax import OPTAX
from lossspec.dialects import keras


def _reduced(d: Draw, **options: Any) -> dict[str, Any]:
    return d.maybe(reduction=("none", "mean", "sum"), **options)


def _elements(d: Draw, weighted: bool = False, **options: Any) -> Made:
    shape = d.shape()
    weight = {"weight": d.real(shape, 0.1)} if weighted and d.pick(True, False) else {}
    return [d.real(shape), d.real(d.beside(shape))], {**_reduced(d, **options), **weight}


def _classes(d: Draw, soft: bool = True) -> Made:
    classes, places = d.pick(2, 3, 5), d.pick((), (2,), (2, 3))
    shape = d.pick((4, classes, *places), (classes,)) if not places else (4, classes, *places)
    keywords = _reduced(d)
    if d.pick(True, False):
        keywords["weight"] = d.real((classes,), 0.1)
    if soft and d.pick(True, False):
        return [d.real(shape), d.parts(shape, 0 if len(shape) == 1 else 1)], keywords
    labels = d.labels(classes, shape[:1] + shape[2:] if len(shape) > 1 else ())
    if labels.ndim and d.pick(True, False):
        labels.flat[0] = -100
        return [d.real(shape), labels], keywords
    return [d.real(shape), labels], {**keywords, **d.maybe(ignore_index=(-1, 7))}


def _cross_entropy(d: Draw) -> Made:
    given, keywords = _classes(d)
    return given, {**keywords, **d.maybe(label_smoothing=(0.1, 0.5, 1.0))}


def _nll(d: Draw) -> Made:
    (x, labels), keywords = _classes(d, soft=False)
    return [-np.abs(x), labels], keywords


def _binary(d: Draw, logits: bool) -> Made:
    shape = d.shape()
    keywords = _reduced(d)
    if d.pick(True, False):
        keywords["weight"] = d.real(d.beside(shape), 0.1)
    if logits and d.pick(True, False):
        keywords["pos_weight"] = d.real(d.beside(shape), 0.1)
    return [d.real(shape) if logits else d.inside(shape), d.pick(d.flags(shape), d.inside(shape))], keywords


def _divergence(d: Draw) -> Made:
    shape, log = d.shape(), d.pick(True, False)
    targets = d.inside(d.beside(shape))
    keywords = d.maybe(reduction=("none", "mean", "sum", "batchmean"))
    return [-d.real(shape, 0.0), np.log(targets) if log else targets], {"log_target": log, **keywords}


def _poisson(d: Draw) -> Made:
    shape, log = d.shape(), d.pick(True, False)
    counts = np.asarray(d.random.poisson(3.0, d.beside(shape)) + 2.0)
    return [d.real(shape, -9e9 if log else 0.1), counts], {"log_input": log, **_reduced(d, full=(True,), eps=(0.1,))}


def _gaussian(d: Draw) -> Made:
    shape = d.shape()
    variances = d.real(d.pick(shape, shape[:-1], (*shape[:-1], 1)), 0.1)
    return [d.real(shape), d.real(shape), variances], _reduced(d, full=(True,), eps=(0.5,))


def _triplets(d: Draw) -> Made:
    shape = d.pick((4, 3), (2, 3, 4), (3,))
    options = _reduced(d, margin=(0.5, 2.0), p=(1, 2.0, 3, np.inf), eps=(0.1,), swap=(True,))
    return [d.real(shape) for _ in range(3)], options


def _listed(d: Draw, several: bool) -> Made:
    classes, rows = d.pick(2, 5), d.pick((4,), (), (1,))
    if several:
        return [d.real((*rows, classes)), d.labels(classes + 1, (*rows, classes)) - 1], _reduced(d)
    weight = d.pick({}, {"weight": d.real((classes,), 0.1)})
    options = _reduced(d, p=(1, 2), margin=(0.5, -0.3))
    return [d.real((*rows, classes)), d.labels(classes, rows)], {**options, **weight}


def _soft_listed(d: Draw) -> Made:
    shape = d.pick((4, 3), (3,), (2, 3, 4))
    weight = d.pick({}, {"weight": d.real(d.pick(shape, shape[-1:]), 0.1)})
    return [d.real(shape), d.flags(shape)], {**_reduced(d), **weight}


def _cosine_embedding(d: Draw) -> Made:
    rows = d.pick((4,), ())
    return [d.real((*rows, 3)), d.real((*rows, 3)), d.signs(rows)], _reduced(d, margin=(0.5, -0.3))


def _ranked(d: Draw) -> Made:
    shape = d.shape()
    return [d.real(shape), d.real(shape), d.signs(shape)], _reduced(d, margin=(0.5, -0.3))


def _of_signs(d: Draw, **options: Any) -> Made:
    shape = d.shape()
    return [d.real(shape), d.signs(d.beside(shape))], _reduced(d, **options)


TORCH: dict[str, Callable[[Draw], Made]] = {
    "mse_loss": lambda d: _elements(d, weighted=True),
    "l1_loss": lambda d: _elements(d, weighted=True),
    "huber_loss": lambda d: _elements(d, weighted=True, delta=(0.5, 2)),
    "smooth_l1_loss": lambda d: _elements(d, beta=(0.5, 2, 0.0)),
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll,
    "binary_cross_entropy": lambda d: _binary(d, logits=False),
    "binary_cross_entropy_with_logits": lambda d: _binary(d, logits=True),
    "kl_div": _divergence,
    "poisson_nll_loss": _poisson,
    "gaussian_nll_loss": _gaussian,
    "triplet_margin_loss": _triplets,
    "multi_margin_loss": lambda d: _listed(d, several=False),
    "multilabel_margin_loss": lambda d: _listed(d, several=True),
    "multilabel_soft_margin_loss": _soft_listed,
    "cosine_embedding_loss": _cosine_embedding,
    "margin_ranking_loss": _ranked,
    "soft_margin_loss": _of_signs,
    "hinge_embedding_loss": lambda d: _of_signs(d, margin=(0.5, -0.3, 2)),
}


def _pair(d: Draw, low: float = -np.inf, **options: Any) -> Made:
    shape = d.pick((4, 3), (5,), (2, 4, 3), (3, 1))
    return [d.real(shape, low), d.real(d.pick(shape, shape, (1, *shape[1:])), low)[()]][::-1], d.maybe(**options)


def _chances(d: Draw, **options: Any) -> Made:
    shape, logits = d.pick((4, 3), (5,), (2, 4, 3)), d.pick(True, False)
    made = d.maybe(label_smoothing=(0.1, 0.5), axis=(-1, 0), **options)
    targets = d.pick(d.flags(shape), d.inside(shape), d.flags(shape).astype(int))
    return [targets, d.real(shape) if logits else d.inside(shape)], {**made, "from_logits": logits}


def _distributions(d: Draw, **options: Any) -> Made:
    shape, logits = d.pick((4, 3), (2, 4, 3)), d.pick(True, False)
    targets = d.pick(d.parts(shape), np.eye(3)[d.labels(3, shape[:-1])])
    made = d.maybe(label_smoothing=(0.1, 0.5), **options)
    return [targets, d.real(shape) if logits else d.inside(shape)], {**made, "from_logits": logits}


def _codes(d: Draw) -> Made:
    shape, logits = d.pick((4, 3), (2, 4, 3)), d.pick(True, False)
    labels = d.labels(3, (*shape[:-1], *d.pick((), (1,)))).astype(d.pick(np.int64, np.int32, np.uint8, np.float32))
    return [labels, d.real(shape) if logits else d.inside(shape)], {
        "from_logits": logits,
        **d.maybe(ignore_class=(0, 1)),
    }


def _generalized(d: Draw) -> Made:
    shape = d.pick((4, 3), (2, 4, 3))
    return [d.labels(3, shape[:-1]), d.parts(shape)], {"q": d.pick(0.3, 0.9)}


def _cosine(d: Draw) -> Made:
    shape = d.pick((4, 3), (5,), (2, 4, 3))
    return [d.real(shape), d.real(shape)], d.maybe(axis=(0, -1))


def _margins(d: Draw) -> Made:
    shape = d.pick((4, 3), (5,), (2, 4, 3))
    return [d.pick(d.flags(shape), d.signs(shape), d.real(shape), d.flags(shape).astype(int)), d.real(shape)], {}


def _plain_rows(d: Draw, logits: bool) -> Made:
    (targets, _), _ = _distributions(d)
    return [targets, d.real(targets.shape) if logits else d.parts(targets.shape)], {}


def _alignment(d: Draw) -> Made:
    return [d.pick(np.asarray([[1, 2, 2], [3, 1, 0]]), np.asarray([[4, 1], [2, 0]])), d.real((2, 7, 5))], {}


def _regions(d: Draw, **options: Any) -> Made:
    shape = d.pick((4, 3), (2, 4, 3))
    return [d.pick(d.flags(shape), d.inside(shape)), d.inside(shape)], d.maybe(axis=(0, -1, (0, 1)), **options)


KERAS: dict[str, Callable[[Draw], Made]] = {
    "mean_squared_error": _pair,
    "mean_absolute_error": _pair,
    "mean_absolute_percentage_error": _pair,
    "mean_squared_logarithmic_error": lambda d: _pair(d, low=0.1),
    "huber": lambda d: _pair(d, delta=(0.3, 2.0)),
    "log_cosh": _pair,
    "poisson": lambda d: _pair(d, low=0.1),
    "binary_crossentropy": _chances,
    "binary_focal_crossentropy": lambda d: _chances(
        d, apply_class_balancing=(True,), alpha=(0.3, 0.8), gamma=(0.0, 1.0, 3.0)
    ),
    "categorical_crossentropy": _distributions,
    "categorical_focal_crossentropy": lambda d: _distributions(d, alpha=(0.5, [0.2, 0.3, 0.5]), gamma=(0.0, 1.0, 3.0)),
    "sparse_categorical_crossentropy": _codes,
    "categorical_generalized_cross_entropy": _generalized,
    "cosine_similarity": _cosine,
    "hinge": _margins,
    "squared_hinge": _margins,
    "categorical_hinge": lambda d: _plain_rows(d, logits=True),
    "kl_divergence": lambda d: _plain_rows(d, logits=False),
    "ctc": _alignment,
    "dice": _regions,
    "tversky": lambda d: _regions(d, alpha=(0.2, 0.7), beta=(0.8,)),
}


def _object(d: Draw, make: Callable[[Draw], Made]) -> Made:
    """The inputs of an object with weights, and the arguments of its constructor."""
    (targets, predictions), options = make(d)
    axis = (1, 2) if make is _alignment else options.get("axis", -1)
    left = left_over(predictions.shape, axis)
    fewer = [(*left[:-1], 1)] if left else []  # a size of 1 broadcasts
    weights = d.pick([], [], [2.0], [d.real(left, 0.1)], [d.labels(3, left)], *([d.real(n, 0.1)] for n in fewer))
    if options.get("ignore_class") is not None and weights and np.shape(weights[0]) != left:
        weights = []  # Keras multiplies its mask in place
    return [targets, predictions, *weights], {**options, **d.maybe(reduction=("sum", None, "mean_with_sample_weight"))}


KERAS |= {
    name: partial(_object, make=KERAS[cls.takes.__name__])
    for name, cls in vars(keras).items()
    if isinstance(cls, type) and issubclass(cls, keras.Loss) and getattr(cls, "takes", None) and cls is not keras.Circle
}


def _weights(d: Draw, number: int) -> dict[str, Any]:
    return d.pick(
        {}, {"sample_weight": d.real((number,), 0.1)}, {"sample_weight": d.labels(3, number) + np.eye(number)[0]}
    )


def _outputs(d: Draw, low: float = -np.inf, **options: Any) -> Made:
    number, outputs = d.pick(2, 5), d.pick((), (3,), (1,))
    several = ([0.2, 0.3, 0.5],) if outputs == (3,) else ()
    made = {**d.maybe(multioutput=("raw_values", "uniform_average", *several), **options), **_weights(d, number)}
    targets = d.pick(d.real((number, *outputs), low), d.labels(3, (number, *outputs)) + 1)
    return [targets, d.real((number, *outputs), low)], made


def _deviance(d: Draw, **options: Any) -> Made:
    number = d.pick(2, 5)
    return [d.real((number,), 0.1), d.real((number,), 0.1)], {**d.maybe(**options), **_weights(d, number)}


def _named(d: Draw, proba: bool, **options: Any) -> Made:
    number, classes = d.pick(5, 7), d.pick(2, 3)
    codes = d.random.permutation(np.arange(number) % classes)
    labels = d.pick(codes, codes.astype(float), codes - 1)
    p = d.parts((number, classes)) if proba else d.real((number, classes))
    p = p[:, 1] if classes == 2 and (not proba or d.pick(True, False)) else p
    known = d.pick({}, {"labels": np.unique(labels)})
    return [labels, p], {**d.maybe(**options), **_weights(d, number), **known}


def _half(d: Draw, targets: Callable[[Any], Any], identity: bool = False, **options: Any) -> Made:
    """The data of a method of an object of `sklearn._loss`, the method and what makes the object."""
    shape = d.pick((2,), (7,), (7, 1))
    raw, y = d.real(shape, 0.1 if identity else -np.inf), targets(shape[:1])
    return _method(d, y, raw, d.maybe(**options))


def _method(d: Draw, y: Any, raw: Any, options: dict[str, Any]) -> Made:
    method = d.pick("loss", "gradient", "loss_gradient", "gradient_hessian", "__call__", "fit_intercept_only")
    data = [y] if method == "fit_intercept_only" else [y, raw]
    weights = d.pick([], [d.real(y.shape, 0.1)], [(d.labels(3, y.shape) + np.eye(len(y))[0])])
    return [*data, *weights], {"method": method, "weighted": bool(weights), **options}


def _many(d: Draw) -> Made:
    number = d.pick(3, 7)
    return _method(d, d.random.permutation(np.arange(number) % 3) * 1.0, d.real((number, 3)), {"n_classes": 3})


SKLEARN: dict[str, Callable[[Draw], Made]] = {
    "mean_squared_error": _outputs,
    "root_mean_squared_error": _outputs,
    "mean_absolute_error": _outputs,
    "mean_absolute_percentage_error": _outputs,
    "mean_squared_log_error": lambda d: _outputs(d, low=0.1),
    "root_mean_squared_log_error": lambda d: _outputs(d, low=0.1),
    "mean_pinball_loss": lambda d: _outputs(d, alpha=(0.1, 0.9)),
    "mean_tweedie_deviance": lambda d: _deviance(d, power=(0, 1, 1.5, 2, 3, -1)),
    "mean_poisson_deviance": _deviance,
    "mean_gamma_deviance": _deviance,
    "log_loss": lambda d: _named(d, proba=True, normalize=(False,)),
    "hinge_loss": lambda d: _named(d, proba=False),
    "brier_score_loss": lambda d: _named(d, proba=True, scale_by_half=(True, False, "auto")),
    "HalfSquaredError": lambda d: _half(d, d.real),
    "AbsoluteError": lambda d: _half(d, d.real),
    "PinballLoss": lambda d: _half(d, d.real, quantile=(0.1, 0.9)),
    "HuberLoss": lambda d: _half(d, d.real, delta=(0.1, 2.0), quantile=(0.5,)),
    "HalfPoissonLoss": lambda d: _half(d, lambda shape: d.labels(4, shape) + np.eye(shape[0])[0]),
    "HalfGammaLoss": lambda d: _half(d, lambda shape: d.real(shape, 0.1)),
    "HalfTweedieLoss": lambda d: _half(d, lambda shape: d.real(shape, 0.1), power=(0, 1, 1.3, 1.9, 2, 3)),
    "HalfTweedieLossIdentity": lambda d: _half(
        d, lambda shape: d.real(shape, 0.1), identity=True, power=(0, 1, 1.3, 1.9, 2, 3)
    ),
    "HalfBinomialLoss": lambda d: _half(d, d.pick(d.flags, d.inside)),
    "ExponentialLoss": lambda d: _half(d, d.pick(d.flags, d.inside)),
    "HalfMultinomialLoss": _many,
}


@dataclass(frozen=True)
class Library:
    """A library: its module, that of its cases, random calls of its functions and objects, the tolerance's factor."""

    module: str
    cases: str
    calls: dict[str, Callable[[Draw], Made]]
    gradient: str = ""
    """The position of the argument whose gradient is compared; of optax all that its cases compare."""
    loose: float = 1.0
    most: int = 60
    """The number of calls of each function among all cases."""


LIBRARIES = {
    "torch": Library("torch.nn.functional", "torch_samples", TORCH, "0"),
    "optax": Library("optax.losses", "optax_cases", OPTAX, most=16),  # each is a program that JAX compiles
    "keras": Library("keras.losses", "keras_cases", KERAS, "1", 1e2),  # it computes in float32
    "sklearn": Library("sklearn.metrics", "sklearn_cases", SKLEARN, "1", 10.0),
}


def samples(library: str, name: str, number: int | None = None) -> list[Sample]:
    """As many calls of a function or an object, some options of a function by position; the same ones on every run."""
    known = LIBRARIES[library]
    cases = import_module(f"dialects.{known.cases}")  # it says to Keras on which backend it runs
    ours = getattr(import_module(f"lossspec.dialects.{library}"), name)
    found = []
    for index in range(known.most if number is None else number):
        draw = Draw(zlib.crc32(f"{name} {index}".encode()))
        given, named = known.calls[name](draw)
        wanted = frozenset(known.gradient or cases.with_gradients(name, given))
        if isinstance(ours, type):
            both, named, wanted = cases.objects_of(name, named), {}, wanted if library == "keras" else frozenset()
        else:
            both = (getattr(import_module(known.module), name), strictly(ours))
            for option in list(inspect.signature(ours).parameters.values())[len(given) :]:
                if option.name not in named or option.kind is inspect.Parameter.KEYWORD_ONLY or draw.pick(True, False):
                    break  # what follows stays by name
                given.append(named.pop(option.name))
        found.append(Sample(SUITE, name, f"[{index}]", *both, tuple(given), named, wanted))
    return found
