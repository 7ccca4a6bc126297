"""Random legal calls of optax's losses, of few shapes, since JAX compiles a program for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dialects.draws import Draw, Made, left_over
from lossspec.dispatch import array_namespace

SHAPES = ((3, 4), (2, 3, 4))


def _elements(d: Draw, **options: Any) -> Made:
    shape = d.pick(*SHAPES)
    return [d.real(shape), d.real(d.pick(shape, shape, (1, *shape[1:])))], d.maybe(**options)


def _alike(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    return [d.real(shape), d.real(shape)][: d.pick(1, 2, 2)], {}


def _of_flags(d: Draw, parts: bool, **options: Any) -> Made:
    shape = d.pick(*SHAPES)
    labels = d.pick(d.flags(shape), d.flags(shape).astype(int), *([d.inside(shape)] * parts))
    return [d.real(shape), labels], d.maybe(**options)


def _of_signs(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    return [d.real(shape), d.pick(d.signs(shape), d.real(shape))], {}


def _codes(d: Draw, shapes: Any = SHAPES) -> Made:
    shape = d.pick(*shapes)
    return [d.real(shape), d.labels(4, shape[:-1]).astype(d.pick(np.int64, np.int32))], {}


def _axis(d: Draw, shape: Any, *others: Any) -> Any:
    return d.pick(-1, -1, 0, len(shape) - 2, (0, -1), *others)


def _mask(d: Draw, shape: Any, whole: Any = ()) -> dict[str, Any]:
    """A mask of the classes that leaves out a few of them, of the shape of the logits or one that broadcasts to it."""
    mask = d.random.random(d.pick(shape, shape, (1, *shape[1:]), *whole)) < 0.7
    mask.flat[0] = False
    return d.maybe(where=(mask,))


def _rows(d: Draw, predictions: str, targets: str, **options: Any) -> Made:
    """Predictions and targets of their kinds over some axes, of which a mask may choose entries."""
    shape = d.pick(*SHAPES)
    axis = _axis(d, shape, None)
    kinds: dict[str, Callable[[], Any]] = {
        "real": lambda: d.real(shape),
        "parts": lambda: d.parts(shape),
        "weighted": lambda: d.pick(d.parts(shape) * 3, d.real(shape), d.flags(shape).astype(int)),
        "logs": lambda: np.log(d.parts(shape)),
    }
    whole = [left_over(shape, axis)] if targets == "weighted" and isinstance(axis, int) else []
    return [kinds[predictions](), kinds[targets]()], {"axis": axis, **_mask(d, shape, whole), **d.maybe(**options)}


def _cosine(d: Draw) -> Made:
    return _rows(d, "real", "real", epsilon=(0.1, 4.0))


def _labels(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    axis = _axis(d, shape)
    left = left_over(shape, axis)
    classes = int(np.prod(shape)) // int(np.prod(left))
    made = _mask(d, shape)
    labels = d.labels(classes, left)
    if made:  # the label is a class that is not left out, whose loss would be inf here
        last = axis if isinstance(axis, tuple) else (axis,)
        flat = np.moveaxis(np.broadcast_to(made["where"], shape), last, tuple(range(-len(last), 0)))
        labels = np.asarray(np.argmax(flat.reshape((*left, classes)), axis=-1))
    return [d.real(shape), labels], {"axis": axis, **made}


def _total(values: Any, where: Any = None) -> Any:
    xp = array_namespace(values)
    return xp.sum(values if where is None else xp.where(where, values, 0.0))


def _listed(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    mask = _mask(d, shape)
    options = d.maybe(weights=(d.real(shape, 0.1),), reduce_fn=(None, _total))
    return [d.real(shape), d.pick(d.parts(shape), d.flags(shape))], {**mask, **options}


def _contrast(d: Draw) -> Made:
    labels = d.pick(np.asarray([0, 0, 1, 1, 2, 2]), np.asarray([0, 1, 0, 0, 1, 7]))
    return [np.asarray(d.random.normal(size=(6, 4))), labels], d.maybe(temperature=(0.2, 1.0))


def _triplets(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    options = d.maybe(axis=(-1, 0), norm_degree=(2, 4), margin=(0.3, 2.0), eps=(0.1, 1e-3))
    return [d.real(shape) for _ in range(3)], options


def _smoothed(d: Draw) -> Made:
    shape = d.pick(*SHAPES)
    axis = _axis(d, shape, None)
    mask = {"where": np.broadcast_to(np.arange(shape[-1]) > 0, shape).copy()} if d.pick(True, False) else {}
    return [d.parts(shape), d.pick(0.0, 0.1, 1.0)], {"axis": axis, **mask}


def _regions(d: Draw, **options: Any) -> Made:
    shape = d.pick(*SHAPES)
    made = d.maybe(smooth=(0.1, 2.0), **options)
    predictions = d.real(shape) if made.get("apply_softmax", True) else d.parts(shape)
    return [predictions, d.pick(np.eye(4)[d.labels(4, shape[:-1])], d.parts(shape))], made


def _dice(d: Draw) -> Made:
    options = {"alpha": (0.3,), "beta": (0.8,), "reduction": ("sum", "none"), "axis": (0, (0, 1))}
    weights = (np.arange(1.0, 5.0),)
    (x, y), made = _regions(d, apply_softmax=(False,), class_weights=weights, ignore_background=(True,), **options)
    if x.ndim == 2 and made.get("axis") == (0, 1):
        made["axis"] = (0,)
    return [x, y], made


def _binary_dice(d: Draw) -> Made:
    shape = d.pick((3, 4), (2, 3, 1))
    targets = d.flags(shape)
    return [d.real(shape), targets], d.maybe(smooth=(0.1, 2.0))


def _alignment(d: Draw) -> Made:
    ends = d.labels(3, (2, 2))
    paddings = np.asarray([[0.0] * (6 - n) + [1.0] * n for n in ends[0]])
    label_paddings = np.asarray([[0.0] * (2 - n) + [1.0] * n for n in ends[1]])
    options = d.maybe(blank_id=(3,))
    labels = d.labels(3, (2, 2)) + (not options)
    return [d.real((2, 6, 4)), paddings, labels, label_paddings], options


OPTAX: dict[str, Callable[[Draw], Made]] = {
    "squared_error": _alike,
    "l2_loss": _alike,
    "huber_loss": lambda d: _elements(d, delta=(0.5, 3.0)),
    "log_cosh": _elements,
    "sigmoid_binary_cross_entropy": lambda d: _of_flags(d, parts=True),
    "sigmoid_focal_loss": lambda d: _of_flags(d, parts=True, alpha=(0.25, 0.9), gamma=(1.0, 3.0)),
    "hinge_loss": _of_signs,
    "perceptron_loss": _of_signs,
    "sparsemax_loss": lambda d: _of_flags(d, parts=False),
    "multiclass_sparsemax_loss": lambda d: _codes(d, SHAPES[:1]),
    "multiclass_hinge_loss": _codes,
    "multiclass_perceptron_loss": _codes,
    "softmax_cross_entropy": lambda d: _rows(d, "real", "weighted"),
    "poly_loss_cross_entropy": lambda d: _rows(d, "real", "parts", epsilon=(-0.5, 1.0)),
    "softmax_cross_entropy_with_integer_labels": _labels,
    "kl_divergence": lambda d: _rows(d, "logs", "parts"),
    "kl_divergence_with_log_targets": lambda d: _rows(d, "logs", "logs"),
    "generalized_kl_divergence": lambda d: _rows(d, "real", "parts"),
    "ctc_loss": _alignment,
    "cosine_similarity": _cosine,
    "cosine_distance": _cosine,
    "ranking_softmax_loss": _listed,
    "ntxent": _contrast,
    "triplet_margin_loss": _triplets,
    "smooth_labels": _smoothed,
    "dice_loss": _dice,
    "multiclass_generalized_dice_loss": lambda d: _regions(d, ignore_background=(True,)),
    "binary_dice_loss": _binary_dice,
}
