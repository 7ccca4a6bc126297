"""The losses of keras.losses on the arrays of any framework: classes, functions and short identifiers.

`y_true` comes first. A function gives one value per example, the mean over the last axis; an object of a class weighs
and reduces these. What Keras casts to float32 stays here in the dtype of `y_pred` unless a class is given `dtype`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import lossspec as ls
from lossspec.dialects.arrays import (
    beside,
    broadcast,
    clipped,
    common_shape,
    flattened,
    is_floating,
    ones_like,
    shape_of,
    with_last,
)
from lossspec.dialects.declaration import ArgumentError, Call, Configured, Function, call, declared, refuse
from lossspec.dialects.words import Word, as_codes, as_distribution, atom, in_words, worded
from lossspec.dispatch import array_namespace, is_array
from lossspec.numerics import sigmoid, softmax

Array = Any
EPSILON = 1e-7
"""The value of `keras.config.epsilon()` unless it was set."""

_CLIPS = "probabilities are not clipped; strict=True clips them to [1e-7, 1 - 1e-7], as Keras does"

_DIVIDES = "probabilities that do not sum to 1 are divided by their sum"

_FOCUSED = "the probabilities of logits are not clipped; strict=True clips them to [1e-7, 1 - 1e-7], as Keras does"


@in_words("all", same=True)
def _beside(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Targets in the dtype of the predictions, a last axis of size 1 added or dropped where one of the two has it."""
    refuse(not is_floating(y_pred), f"`y_pred` has dtype {y_pred.dtype}; it must be real")
    y_true = y_true if y_true.dtype == y_pred.dtype else array_namespace(y_true).astype(y_true, y_pred.dtype)
    y_true, y_pred = broadcast(*_same_rank(y_true, y_pred))
    return y_true, y_pred


def _same_rank(x: Array, y: Array) -> tuple[Array, Array]:
    """Two arrays whose ranks differ by a last axis of size 1, without it; beside one axis it is added."""
    apart = len(x.shape) - len(y.shape)
    if apart == -1:
        y, x = _same_rank(y, x)
    elif apart == 1 and x.shape[-1] == 1:
        if len(y.shape) == 1:
            y = y[:, None]
        else:
            x = x[..., 0]
    return x, y


def _alike(y_true: Any, y_pred: Any) -> Any:
    """Targets in the dtype of the predictions, of the same shape."""
    if isinstance(y_pred, Word):
        return y_true, y_pred
    refuse(
        shape_of(y_true) != shape_of(y_pred),
        f"`y_true` {shape_of(y_true)} and `y_pred` {shape_of(y_pred)} must have the same shape",
    )
    return _beside(y_true, y_pred)


def _last(axis: int | Sequence[int] = -1, then: Callable[[Array], Array] | None = None) -> Callable[[Array], Array]:
    """The mean over an axis, after something else."""

    def averaged(value: Array) -> Array:
        value = value if then is None else then(value)
        return array_namespace(value).mean(value, axis=axis) if shape_of(value) else value

    return averaged


def _of_elements(loss: ls.Loss, y_true: Any, y_pred: Any, **options: Any) -> Call:
    """The mean over the last axis of a loss of each element."""
    y_true, y_pred = _beside(y_true, y_pred)
    return _reduced(loss, y_pred, predictions=y_pred, targets=y_true, **options)


def _reduced(loss: ls.Loss, given: Any, then: Callable[[Array], Array] | None = None, **arguments: Any) -> Call:
    """A call without reduction; in words the mean, which is what an object of the class gives."""
    how = "mean" if isinstance(given, Word) else "none"
    return call(loss, **arguments, reduction=how, then=_last() if then is None else then)


def _itself(value: Array) -> Array:
    return value


@declared("keras.losses")
def mean_squared_error(y_true: Array, y_pred: Array) -> Call:
    """The mean squared error of each example."""
    return _of_elements(ls.squared_error, y_true, y_pred)


@declared("keras.losses")
def mean_absolute_error(y_true: Array, y_pred: Array) -> Call:
    """The mean absolute error of each example."""
    return _of_elements(ls.absolute_error, y_true, y_pred)


@declared("keras.losses")
def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Call:
    """The mean absolute error in percent of the targets, which count as at least 1e-7."""
    return _of_elements(ls.absolute_percentage_error, y_true, y_pred, percent=True, epsilon=EPSILON)


@declared("keras.losses", "numbers below 1e-7 are not lifted to it; strict=True lifts them, as Keras does")
def mean_squared_logarithmic_error(y_true: Array, y_pred: Array, *, strict: bool = False) -> Call:
    """The mean squared difference of log(1 + y) of each example."""
    y_true, y_pred = _beside(y_true, y_pred)
    if strict and is_array(y_pred):
        y_true, y_pred = (clipped(x, EPSILON, math.inf) for x in (y_true, y_pred))
    return _reduced(ls.squared_log_error, y_pred, predictions=y_pred, targets=y_true)


@declared("keras.losses")
def huber(y_true: Array, y_pred: Array, delta: Any = 1.0) -> Call:
    """The mean of Huber's loss of each example."""
    return _of_elements(ls.huber, y_true, y_pred, delta=delta)


@declared("keras.losses", "small losses keep their digits")
def log_cosh(y_true: Array, y_pred: Array) -> Call:
    """The mean of the log-cosh loss of each example."""
    return _of_elements(ls.log_cosh, y_true, y_pred)


@declared("keras.losses", "a mean of 0 has no 1e-7 in its logarithm; strict=True adds it, as Keras does")
def poisson(y_true: Array, y_pred: Array, *, strict: bool = False) -> Call:
    """The mean of y_pred - y_true log(y_pred) of each example."""
    y_true, y_pred = _beside(y_true, y_pred)
    less = EPSILON if strict and is_array(y_pred) else 0.0
    y_pred = y_pred + less if less else y_pred
    return _reduced(
        ls.poisson_nll, y_pred, predictions=y_pred, targets=y_true, log_input=False,
        then=_last(-1, lambda value: value - less),
    )  # fmt: skip


@declared(
    "keras.losses", "vectors are broadcast before their lengths are taken; Keras takes those of the vectors as given"
)
def cosine_similarity(y_true: Array, y_pred: Array, axis: int | Sequence[int] = -1) -> Call:
    """Minus the cosine of the angle between target and prediction."""
    y_true, y_pred = _beside(y_true, y_pred)
    if is_array(y_pred):
        y_true, y_pred = flattened(y_true, axis), flattened(y_pred, axis)
    elif isinstance(axis, int) and axis != -1:
        y_true, y_pred = (worded("moveaxis({0}, {1}, -1)", x, axis) for x in (y_true, y_pred))
    return _reduced(
        ls.cosine_distance, y_pred, predictions=y_pred, targets=y_true, form="negative", then=_itself,
    )  # fmt: skip


@in_words("signs({0})")
def _signs(y_true: Array) -> Array:
    """Labels 0 and 1 as -1 and 1, where there are no others in the whole array."""
    xp = array_namespace(y_true)
    return xp.where(xp.all((y_true == 0) | (y_true == 1)), 2.0 * y_true - 1.0, y_true)


def _hinge(loss: ls.Loss, y_true: Any, y_pred: Any) -> Call:
    if isinstance(y_pred, Word):
        return call(loss, logits=y_pred, labels=_signs(y_true), reduction="mean", then=_last())
    xp = array_namespace(y_pred)
    y_true = y_true if y_true.dtype == y_pred.dtype else xp.astype(y_true, y_pred.dtype)
    y_true, y_pred = broadcast(_signs(y_true), y_pred)
    return _reduced(loss, y_pred, logits=y_true * y_pred, labels=ones_like(y_pred))


@declared("keras.losses")
def hinge(y_true: Array, y_pred: Array) -> Call:
    """The mean hinge loss of each example, of labels 1 and -1, or 1 and 0."""
    return _hinge(ls.hinge, y_true, y_pred)


@declared("keras.losses")
def squared_hinge(y_true: Array, y_pred: Array) -> Call:
    """The mean squared hinge loss of each example, of labels 1 and -1, or 1 and 0."""
    return _hinge(ls.squared_hinge, y_true, y_pred)


@declared("keras.losses", "of tied classes the first has the gradient; Keras divides it")
def categorical_hinge(y_true: Array, y_pred: Array) -> Call:
    """The distance of the label, one-hot, from being ahead of the best other class, at least 0, by 1."""
    y_true, y_pred = _beside(y_true, y_pred)
    return _reduced(ls.categorical_hinge, y_pred, logits=y_pred, labels=as_distribution(y_true), then=_itself)


@in_words("log({0})")
def _log(x: Array) -> Array:
    """The logarithm, -inf at 0 without a derivative."""
    xp = array_namespace(x)
    none = x == 0
    return xp.where(none, -math.inf, xp.log(xp.where(none, 1.0, x)))


@declared("keras.losses", "probabilities are not clipped; strict=True clips them to [1e-7, 1], as Keras does")
def kl_divergence(y_true: Array, y_pred: Array, *, strict: bool = False) -> Call:
    """The divergence of the prediction from the target, both probabilities."""
    y_true, y_pred = _beside(y_true, y_pred)
    if strict and is_array(y_pred):
        y_true, y_pred = clipped(y_true, EPSILON, 1.0), clipped(y_pred, EPSILON, 1.0)
    return _reduced(ls.kl_divergence, y_pred, log_predictions=_log(y_pred), targets=y_true, then=_itself)


def _smoothed(y_true: Array, label_smoothing: float) -> Array:
    """Labels 0 and 1 mixed with 1/2."""
    if isinstance(y_true, Word):
        return worded("{0} * (1 - {1}) + {1} / 2", y_true, label_smoothing) if label_smoothing else y_true
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


@declared("keras.losses", _CLIPS)
def binary_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    strict: bool = False,
) -> Call:
    """The mean binary cross entropy of each example, of probabilities or of logits."""
    y_true, y_pred = _alike(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing)
    if from_logits:
        return _reduced(
            ls.binary_cross_entropy_with_logits, y_pred, logits=y_pred, targets=y_true, then=_last(axis)
        )  # fmt: skip
    if strict and is_array(y_pred):
        y_pred = clipped(y_pred, EPSILON, 1.0 - EPSILON)
    return _reduced(ls.binary_cross_entropy, y_pred, probabilities=y_pred, targets=y_true, then=_last(axis))


@in_words("log({0}) - log1p(-{0})")
def _log_odds(p: Array) -> Array:
    p = clipped(p, EPSILON, 1.0 - EPSILON)
    xp = array_namespace(p)
    return xp.log(p) - xp.log1p(-p)


@declared("keras.losses", _FOCUSED)
def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    strict: bool = False,
) -> Call:
    """The mean focal loss of each example; probabilities are clipped to [1e-7, 1 - 1e-7]."""
    y_true, y_pred = _alike(y_true, y_pred)
    if from_logits and strict and is_array(y_pred):
        y_pred, from_logits = sigmoid(y_pred), False
    return _reduced(
        ls.sigmoid_focal, y_pred, logits=y_pred if from_logits else _log_odds(y_pred),
        targets=_smoothed(y_true, label_smoothing), gamma=gamma, alpha=alpha if apply_class_balancing else None,
        then=_last(axis),
    )  # fmt: skip


@in_words("{0}", same=True)
def _normalized(y_pred: Array, axis: int, strict: bool) -> Array:
    """Probabilities over their sum, clipped as Keras clips them if asked."""
    y_pred = y_pred / array_namespace(y_pred).sum(y_pred, axis=axis, keepdims=True)
    return clipped(y_pred, EPSILON, 1.0 - EPSILON) if strict else y_pred


def _softmax(x: Array, axis: int) -> Array:
    return array_namespace(x).moveaxis(softmax(with_last(x, axis)), -1, axis)


def _refuse_bool(axis: Any) -> None:
    refuse(isinstance(axis, bool), f"`axis` must be of type int, not bool; it is {axis}")


def _axis(axis: int) -> int | None:
    return None if axis == -1 else axis


@declared("keras.losses", _CLIPS, _DIVIDES)
def categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    strict: bool = False,
) -> Call:
    """The cross entropy of distributions, of logits or of probabilities, which are divided by their sum."""
    _refuse_bool(axis)
    y_true, y_pred = _alike(y_true, y_pred)
    smooth, at = label_smoothing or None, _axis(axis)
    if from_logits or not is_array(y_true):
        loss, name = (ls.cross_entropy, "logits") if from_logits else (ls.categorical_cross_entropy, "probabilities")
        given = {name: y_pred, "labels": as_distribution(y_true), "label_smoothing": smooth, "axis": at}
        if smooth and not from_logits:  # that loss takes labels that are smoothed already
            given["label_smoothing"] = None
            given["labels"] = as_distribution(worded("{0} * (1 - {1}) + {1} / {0}.shape[-1]", y_true, smooth))
        return _reduced(loss, y_pred, then=_itself, **given)
    y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1] if smooth else y_true
    return _reduced(
        ls.categorical_cross_entropy, y_pred, probabilities=_normalized(y_pred, axis, strict), labels=y_true, axis=at,
        then=_itself,
    )  # fmt: skip


@declared("keras.losses", _FOCUSED)
def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    strict: bool = False,
) -> Call:
    """The focal loss of distributions; probabilities are divided by their sum and clipped to [1e-7, 1 - 1e-7]."""
    _refuse_bool(axis)
    y_true, y_pred = _alike(y_true, y_pred)
    if from_logits and strict and is_array(y_pred):
        y_pred, from_logits = _softmax(y_pred, axis), False
    if is_array(y_pred):
        if label_smoothing:
            y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
        alpha = beside(list(alpha), y_pred, y_pred.dtype) if isinstance(alpha, (list, tuple)) else alpha
    logits = y_pred if from_logits else _log(_normalized(y_pred, axis, True))
    return _reduced(
        ls.focal, y_pred, logits=logits, labels=as_distribution(y_true), gamma=gamma, alpha=alpha, axis=_axis(axis),
        then=_itself,
    )  # fmt: skip


def _codes(y_true: Array) -> Array:
    """Labels as integers, which Keras takes as real numbers too."""
    if not is_floating(y_true):
        return y_true
    xp = array_namespace(y_true)
    return xp.astype(y_true, xp.int32 if "32" in str(y_true.dtype) else xp.int64)


@declared("keras.losses", _CLIPS, _DIVIDES)
def sparse_categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    *,
    strict: bool = False,
) -> Call:
    """The cross entropy of labels, of logits or of probabilities, which are divided by their sum."""
    if is_array(y_true):
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
            y_true = array_namespace(y_true).squeeze(y_true, axis=axis)
        y_true = _codes(y_true)
    options = {"labels": as_codes(y_true), "ignore_index": ignore_class, "axis": _axis(axis), "then": _itself}
    if from_logits:
        return _reduced(ls.cross_entropy, y_pred, logits=y_pred, **options)
    probabilities = _normalized(y_pred, axis, strict)
    return _reduced(ls.categorical_cross_entropy, y_pred, probabilities=probabilities, **options)


@declared("keras.losses")
def categorical_generalized_cross_entropy(y_true: Array, y_pred: Array, q: float) -> Call:
    """(1 - p^q) / q, p the probability of the label."""
    labels = _codes(y_true) if is_array(y_true) else y_true
    return _reduced(ls.generalized_cross_entropy, y_pred, probabilities=y_pred, labels=labels, q=q, then=_itself)


@declared("keras.losses")
def ctc(y_true: Array, y_pred: Array) -> Call:
    """The negative log-likelihood of labels [batch labels], ended by 0, which is the blank, under logits."""
    if isinstance(y_pred, Word):
        of_labels = Word(f"({atom(y_true)} != 0).sum(-1)")
        return _reduced(
            ls.ctc_with_logits, y_pred, logits=y_pred, labels=y_true, input_lengths=worded("steps({0})", y_pred),
            label_lengths=of_labels, then=_itself,
        )  # fmt: skip
    refuse(len(y_true.shape) != 2, f"targets `y_true` have the shape (batch, length), not {shape_of(y_true)}")
    refuse(len(y_pred.shape) != 3, f"logits `y_pred` have the shape (batch, length, classes), not {shape_of(y_pred)}")
    labels = _codes(y_true)
    xp = array_namespace(labels)
    lengths = xp.sum(xp.astype(labels != 0, labels.dtype), axis=-1)
    steps = xp.full_like(lengths, y_pred.shape[1])
    return _reduced(
        ls.ctc_with_logits, y_pred, logits=y_pred, labels=labels, input_lengths=steps,
        label_lengths=xp.astype(lengths, labels.dtype), then=_itself,
    )  # fmt: skip


def _regions(x: Array, axis: int | Sequence[int] | None) -> tuple[Array, tuple[int, ...]]:
    """An array as [regions 1 entries], and the shape of what is left when `axis` is summed."""
    rank = len(x.shape)
    over = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    gone = [number % rank for number in over]
    kept = tuple(size for number, size in enumerate(x.shape) if number not in gone)
    flat = flattened(x, gone)
    return array_namespace(x).reshape(flat, (-1, 1, flat.shape[-1])), kept


def _of_regions(loss: ls.Loss, y_true: Any, y_pred: Any, axis: Any, **options: Any) -> Call:
    if isinstance(y_pred, Word):
        flat: dict[str, Any] = {"probabilities": worded("{0}.reshape(1, 1, -1)", y_pred)}
        flat["targets"] = worded("{0}.reshape(1, 1, -1)", y_true)
        return call(
            loss, **flat, **options, smooth=0.0, smooth_denominator=EPSILON, reduction="none", said="{0}[0, 0]"
        )  # fmt: skip
    y_true, y_pred = _beside(y_true, y_pred)
    targets, _ = _regions(y_true, axis)
    probabilities, kept = _regions(y_pred, axis)
    return _reduced(
        loss, y_pred, probabilities=probabilities, targets=targets, smooth=0.0, smooth_denominator=EPSILON,
        then=lambda value: array_namespace(value).reshape(value, kept), **options,
    )  # fmt: skip


@declared("keras.losses")
def dice(y_true: Array, y_pred: Array, axis: int | Sequence[int] | None = None) -> Call:
    """1 less the Dice coefficient over some axes, or over all."""
    return _of_regions(ls.dice, y_true, y_pred, axis)


@declared("keras.losses")
def tversky(
    y_true: Array,
    y_pred: Array,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> Call:
    """1 less Tversky's index; `alpha` weighs what is missed and `beta` false alarms, against what Keras documents."""
    return _of_regions(ls.tversky, y_true, y_pred, axis, alpha=beta, beta=alpha)


@declared(
    "keras.losses",
    "embeddings are normalised; Keras does not check that they are",
    "the weights of the pairs are constants for the gradient, as in the paper; Keras differentiates them",
)
def circle(
    y_true: Array,
    y_pred: Array,
    ref_labels: Array | None = None,
    ref_embeddings: Array | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Call:
    """The circle loss of embeddings of unit length, with labels."""
    refuse(
        ref_labels is not None or ref_embeddings is not None or not remove_diagonal,
        "pairs are those of the batch here, each with the others. Fix: leave out ref_labels, ref_embeddings and "
        "remove_diagonal=False",
    )
    if is_array(y_true):
        y_true = array_namespace(y_true).reshape(_codes(y_true), (-1,))
    return _reduced(ls.circle, y_pred, embeddings=y_pred, labels=y_true, gamma=gamma, margin=margin, then=_itself)


_REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


_PLAIN = "reduction name dtype"
"""The arguments at the end of most constructors."""


class Loss(Configured, order="name reduction dtype"):
    """A loss of Keras: the function `takes`, whose values an object weighs and reduces.

    `sample_weight` multiplies the values, by broadcasting: the means divide by their number, except
    "mean_with_sample_weight". Values that the loss leaves out, of `ignore_class`, do not count.
    """

    usual: ClassVar = {"name": None, "reduction": "sum_over_batch_size", "dtype": None}
    name: str | None

    def __init_subclass__(cls, takes: Function | None = None, order: str | None = None, **defaults: Any) -> None:
        named = {} if takes is None else {"name": takes.declare.__name__}
        super().__init_subclass__(takes, order, **{**named, **defaults})

    def settle(self) -> None:
        """Refuse an unknown reduction."""
        self.name = self.name or type(self).__name__
        if self.reduction not in _REDUCTIONS:
            known = ", ".join(map(repr, _REDUCTIONS))
            raise ArgumentError(f"{self.name}: `reduction` is {self.reduction!r}. Fix: it is one of {known}")

    def __call__(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Array:
        """The value under the reduction of the object."""
        if self.dtype is not None:
            y_true, y_pred = (_of_dtype(x, self.dtype) for x in (y_true, y_pred))
        values = self.call(y_true, y_pred)
        return _weighed(values, sample_weight, self.counted(y_true, values), self.reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """The values, one an example, before weights and reduction."""
        return self.takes(y_true, y_pred, **self.options)

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """The values that count; None for all."""
        return None

    def value_and_grad(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
        """The value and its gradient in `y_pred`."""
        return ls.value_and_grad(lambda x: self(y_true, x, sample_weight))(y_pred)

    def get_config(self) -> dict[str, Any]:
        """All that the constructor takes."""
        own = {key: value for key, value in self.options.items() if key != "strict" or value}
        return {"name": self.name, "reduction": self.reduction, **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The object that has this configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.get_config()}>"


def _of_dtype(x: Array, dtype: Any) -> Array:
    xp = array_namespace(x)
    return xp.astype(x, getattr(xp, dtype) if isinstance(dtype, str) else dtype)


def _weighed(values: Array, weight: Array | None, counted: Array | None, reduction: str | None) -> Array:
    """Values times weights, reduced as Keras does; a mean over nothing is 0."""
    xp = array_namespace(values)
    size = math.prod(shape_of(values))
    if counted is not None:
        mask = xp.astype(counted, values.dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            valid = xp.sum(mask)
            mask = mask * (size / xp.where(valid == 0, 1.0, valid))
        weight = mask if weight is None else _weights(weight, values) * mask
    if weight is not None:
        values, weight = _same_rank(values, _weights(weight, values))
        common_shape(values, weight)
        values = values * weight
    if reduction in (None, "none") or not shape_of(values) or shape_of(values) == (0,):
        return values
    total = xp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        divisor = xp.sum(weight)
        return xp.where(divisor == 0, 0.0, total / xp.where(divisor == 0, 1.0, divisor))
    number = math.prod(shape_of(values))
    return total / number if number else total


def _weights(weight: Any, values: Array) -> Array:
    """Weights as an array of the dtype of the values."""
    if not is_array(weight):
        return beside(weight, values, values.dtype)
    return weight if weight.dtype == values.dtype else array_namespace(weight).astype(weight, values.dtype)


class MeanSquaredError(Loss, takes=mean_squared_error, order=_PLAIN):
    """The mean squared error."""


class MeanAbsoluteError(Loss, takes=mean_absolute_error, order=_PLAIN):
    """The mean absolute error."""


class MeanAbsolutePercentageError(Loss, takes=mean_absolute_percentage_error, order=_PLAIN):
    """The mean absolute error in percent."""


class MeanSquaredLogarithmicError(Loss, takes=mean_squared_logarithmic_error, order=f"{_PLAIN} * strict"):
    """The mean squared difference of logarithms."""


class LogCosh(Loss, takes=log_cosh, order=_PLAIN):
    """The log-cosh loss."""


class Hinge(Loss, takes=hinge, order=_PLAIN):
    """The hinge loss."""


class SquaredHinge(Loss, takes=squared_hinge, order=_PLAIN):
    """The squared hinge loss."""


class CategoricalHinge(Loss, takes=categorical_hinge, order=_PLAIN):
    """The hinge loss of classes."""


class KLDivergence(Loss, takes=kl_divergence, order=f"{_PLAIN} * strict"):
    """The divergence of the prediction from the target."""


class Poisson(Loss, takes=poisson, order=f"{_PLAIN} * strict"):
    """The Poisson loss."""


class CTC(Loss, takes=ctc, order=_PLAIN):
    """The loss of labels under all alignments."""


class CosineSimilarity(Loss, takes=cosine_similarity, order=f"axis {_PLAIN}"):
    """Minus the cosine."""


class Huber(Loss, takes=huber, order=f"delta {_PLAIN}", name="huber_loss"):
    """Huber's loss."""


class BinaryCrossentropy(Loss, takes=binary_crossentropy, order=f"from_logits label_smoothing axis {_PLAIN} * strict"):
    """The binary cross entropy."""


class BinaryFocalCrossentropy(
    Loss,
    takes=binary_focal_crossentropy,
    order=f"apply_class_balancing alpha gamma from_logits label_smoothing axis {_PLAIN} * strict",
):
    """The binary focal loss."""


class CategoricalCrossentropy(
    Loss, takes=categorical_crossentropy, order=f"from_logits label_smoothing axis {_PLAIN} * strict"
):
    """The cross entropy of distributions."""


class CategoricalFocalCrossentropy(
    Loss, takes=categorical_focal_crossentropy, order=f"alpha gamma from_logits label_smoothing axis {_PLAIN} * strict"
):
    """The focal loss of distributions."""


class SparseCategoricalCrossentropy(
    Loss,
    takes=sparse_categorical_crossentropy,
    order="from_logits ignore_class reduction axis name dtype * strict",
):
    """The cross entropy of labels."""

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """All but the labels that are ignored."""
        ignored = self.ignore_class
        return None if ignored is None else array_namespace(values).reshape(y_true != ignored, values.shape)


class CategoricalGeneralizedCrossEntropy(Loss, takes=categorical_generalized_cross_entropy, order=f"q {_PLAIN}", q=0.5):
    """(1 - p^q) / q."""

    def settle(self) -> None:
        """Refuse an exponent beyond (0, 1)."""
        super().settle()
        refuse(not 0 < self.q < 1, "q must be in the interval (0, 1)")


class Dice(Loss, takes=dice, order="reduction name axis dtype"):
    """1 less the Dice coefficient."""


class Tversky(Loss, takes=tversky, order="alpha beta reduction name axis dtype"):
    """1 less Tversky's index."""


class Circle(Loss, takes=circle, order=f"gamma margin remove_diagonal {_PLAIN}"):
    """The circle loss; examples without a pair do not count."""

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """The examples that have a loss."""
        return values > 0


_SHORT = {
    name: function
    for function, names in (
        (binary_crossentropy, "bce BCE"),
        (kl_divergence, "kld KLD kullback_leibler_divergence"),
        (mean_absolute_error, "mae MAE"),
        (mean_squared_error, "mse MSE"),
        (mean_absolute_percentage_error, "mape MAPE"),
        (mean_squared_logarithmic_error, "msle MSLE"),
        (log_cosh, "logcosh"),
    )
    for name in names.split()
}


def _known(name: str) -> Any:
    found = _SHORT.get(name, globals().get(name))
    is_class = isinstance(found, type) and issubclass(found, Loss) and found is not Loss
    return found if isinstance(found, Function) or is_class else None


def serialize(loss: Any) -> Any:
    """An object as its class and configuration, a function as its name."""
    if isinstance(loss, Loss):
        return {"module": "keras.losses", "class_name": type(loss).__name__, "config": loss.get_config()}
    return loss.__name__


def deserialize(name: Any) -> Any:
    """The object or function that `serialize` wrote, or that has the name."""
    if isinstance(name, str):
        found = _known(name)
        return found() if isinstance(found, type) else found
    found = _known(name["class_name"])
    if found is None:
        raise ArgumentError(f"no loss of Keras is called {name['class_name']!r} here")
    return found.from_config(name["config"])


def get(identifier: Any) -> Any:
    """The loss of a name, short or long, of a serialized object, or the loss itself."""
    if identifier is None:
        return None
    found = deserialize(identifier) if isinstance(identifier, (str, Mapping)) else identifier
    found = found() if isinstance(found, type) else found
    if not callable(found):
        raise ArgumentError(f"{identifier!r} is no loss of Keras that is here")
    return found


def __getattr__(name: str) -> Function:
    """The functions under their short names: mse, MAE, kld, ..."""
    if name in _SHORT:
        return _SHORT[name]
    raise AttributeError(f"module 'keras' of the dialects has no attribute {name!r}")
