"""The losses of sklearn._loss, with gradients, Hessians and links, and those of sklearn.metrics, on any arrays.

`y_true` comes first. A loss is an object, whose methods give one value per sample; a metric is a function that gives
the weighted mean, as a 0-d array where sklearn has a float, so that it has a gradient.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import lossspec as ls
from lossspec.dialects.arrays import (
    beside,
    clipped,
    is_floating,
    one_hot,
    ones_like,
    promoted,
    shape_of,
    values_of,
)
from lossspec.dialects.declaration import ArgumentError, Call, Declared, call, declared, refuse
from lossspec.dialects.words import Word, as_codes, in_words
from lossspec.dispatch import array_namespace, find_backend, is_array
from lossspec.numerics import sigmoid, softmax

Array = Any
_INFINITE = math.inf


@dataclass
class Interval:
    """The numbers between two bounds."""

    low: float
    high: float
    low_inclusive: bool
    high_inclusive: bool

    def __post_init__(self) -> None:
        refuse(self.low > self.high, f"One must have low <= high; got low={self.low}, high={self.high}.")

    def includes(self, x: Array) -> bool:
        """Say whether all entries of an array are within."""
        xp = array_namespace(x)
        above = x >= self.low if self.low_inclusive else x > self.low
        below = x <= self.high if self.high_inclusive else x < self.high
        return bool(xp.all(above & below))


_REALS = Interval(-_INFINITE, _INFINITE, False, False)
_POSITIVE = Interval(0, _INFINITE, False, False)
_NOT_NEGATIVE = Interval(0, _INFINITE, True, False)
_INSIDE = Interval(0, 1, False, False)
_UNIT = Interval(0, 1, True, True)


class IdentityLink:
    """The prediction is the raw prediction."""

    is_multiclass = False
    interval_y_pred = _REALS

    def link(self, y_pred: Array) -> Array:
        """The raw prediction of a prediction."""
        return y_pred

    def inverse(self, raw_prediction: Array) -> Array:
        """The prediction of a raw prediction."""
        return raw_prediction


class LogLink(IdentityLink):
    """The raw prediction is the logarithm of the prediction."""

    interval_y_pred = _POSITIVE

    def link(self, y_pred: Array) -> Array:
        """The raw prediction of a prediction."""
        return array_namespace(y_pred).log(y_pred)

    def inverse(self, raw_prediction: Array) -> Array:
        """The prediction of a raw prediction."""
        return array_namespace(raw_prediction).exp(raw_prediction)


class LogitLink(IdentityLink):
    """The raw prediction is the log-odds of the prediction."""

    interval_y_pred = _INSIDE

    def link(self, y_pred: Array) -> Array:
        """The raw prediction of a prediction."""
        xp = array_namespace(y_pred)
        return xp.log(y_pred) - xp.log1p(-y_pred)

    def inverse(self, raw_prediction: Array) -> Array:
        """The prediction of a raw prediction."""
        return sigmoid(raw_prediction)


class HalfLogitLink(LogitLink):
    """The raw prediction is half the log-odds of the prediction."""

    def link(self, y_pred: Array) -> Array:
        """The raw prediction of a prediction."""
        return 0.5 * super().link(y_pred)

    def inverse(self, raw_prediction: Array) -> Array:
        """The prediction of a raw prediction."""
        return super().inverse(2 * raw_prediction)


class MultinomialLogit(IdentityLink):
    """The raw predictions of a row are logarithms of probabilities, with sum 0."""

    is_multiclass = True
    interval_y_pred = _INSIDE

    def symmetrize_raw_prediction(self, raw_prediction: Array) -> Array:
        """Raw predictions less their mean over the classes."""
        return raw_prediction - array_namespace(raw_prediction).mean(raw_prediction, axis=1, keepdims=True)

    def link(self, y_pred: Array) -> Array:
        """The raw prediction of a prediction."""
        return self.symmetrize_raw_prediction(array_namespace(y_pred).log(y_pred))

    def inverse(self, raw_prediction: Array) -> Array:
        """The prediction of a raw prediction."""
        return softmax(raw_prediction)


class BaseLoss(Declared, order="sample_weight xp device"):
    """A loss of sklearn: what `declare` makes of its arguments, with derivatives in the raw predictions."""

    differentiable = True
    is_multiclass = False
    approx_hessian = False
    constant_hessian = False
    interval_y_true = _REALS
    link: Any = IdentityLink()
    n_classes: int | None = None
    usual: ClassVar = {"sample_weight": None, "xp": None, "device": None}

    def settle(self) -> None:
        """Set the facts that depend on the arguments; of the weights, only that there are some."""
        weighted = vars(self).pop("sample_weight") is not None
        self.constant_hessian = type(self).constant_hessian and not weighted
        self.interval_y_pred = self.link.interval_y_pred

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours, one value a sample."""
        raise ArgumentError(f"{type(self).__name__} is the base of losses. Fix: take one of them")

    def _call(self, y_true: Any, raw_prediction: Any, weight: Any, **options: Any) -> Call:
        if is_array(raw_prediction) and len(raw_prediction.shape) == 2 and raw_prediction.shape[1] == 1:
            raw_prediction = raw_prediction[:, 0]
        made = self.declare(y_true, raw_prediction)
        if is_array(raw_prediction):
            options["sample_weight"] = None if weight is None else _of_dtype(weight, raw_prediction)
        given = {**made.arguments, **options}
        return Call(made.loss, {key: value for key, value in given.items() if value is not None}, made.then)

    def in_words(self, y_true: Any, raw_prediction: Any, sample_weight: Any = None) -> Call:
        """The call of ours that `loss` makes, where words stand for the arrays."""
        return self._call(y_true, raw_prediction, sample_weight, sample_weight=sample_weight, reduction="none")

    def loss(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        loss_out: Array | None = None,
        n_threads: int = 1,
    ) -> Array:
        """The loss of each sample, times its weight."""
        made = self._call(y_true, raw_prediction, None, reduction="none")
        value = made.run()
        value = value if sample_weight is None else value * _of_dtype(sample_weight, value)
        return _into(loss_out, value)

    def gradient(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        gradient_out: Array | None = None,
        n_threads: int = 1,
    ) -> Array:
        """The derivative of each sample's loss in its raw predictions."""
        made = self._call(y_true, raw_prediction, sample_weight, reduction="sum")
        return _into(gradient_out, made.loss.grad(**made.arguments))

    def loss_gradient(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        loss_out: Array | None = None,
        gradient_out: Array | None = None,
        n_threads: int = 1,
    ) -> tuple[Array, Array]:
        """The losses and their derivatives."""
        return (
            self.loss(y_true, raw_prediction, sample_weight, loss_out),
            self.gradient(y_true, raw_prediction, sample_weight, gradient_out),
        )

    def gradient_hessian(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        gradient_out: Array | None = None,
        hessian_out: Array | None = None,
        n_threads: int = 1,
    ) -> tuple[Array, Array]:
        """The derivatives and the diagonal of the second ones; 1, times the weight, where that is an approximation."""
        made = self._call(y_true, raw_prediction, sample_weight)
        if isinstance(self, AbsoluteError):  # and those that are absolute errors with a slope
            gradient = self.gradient(y_true, raw_prediction, sample_weight)
            hessian = ones_like(gradient) * (made.arguments.get("sample_weight", 1.0))
        else:
            gradient, hessian = made.loss.grad_hess(**made.arguments)
        return _into(gradient_out, gradient), _into(hessian_out, hessian)

    def __call__(
        self, y_true: Array, raw_prediction: Array, sample_weight: Array | None = None, n_threads: int = 1
    ) -> Array:
        """The weighted mean of the losses."""
        losses = self.loss(y_true, raw_prediction)
        return _average(losses, sample_weight)

    def in_y_true_range(self, y: Array) -> bool:
        """Say whether all targets are what the loss takes."""
        return self.interval_y_true.includes(y)

    def in_y_pred_range(self, y: Array) -> bool:
        """Say whether all predictions are what the loss takes."""
        return bool(self.interval_y_pred.includes(y))

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The constant raw prediction with the lowest loss."""
        y_pred = _average(y_true, sample_weight)
        span, eps = self.interval_y_pred, 10 * float(array_namespace(y_pred).finfo(y_pred.dtype).eps)
        low = span.low if span.low_inclusive else span.low + eps
        high = span.high if span.high_inclusive else span.high - eps
        return self.link.link(y_pred if span == _REALS else clipped(y_pred, low, high))

    def constant_to_optimal_zero(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The constant that the loss of a perfect prediction lacks to be 0."""
        value = self._constant(y_true)
        return value if sample_weight is None else value * sample_weight

    def _constant(self, y_true: Array) -> Array:
        return y_true * 0

    def init_gradient_and_hessian(self, n_samples: int, dtype: Any = None, order: str = "F") -> tuple[Array, Array]:
        """Arrays of the shapes that `gradient_hessian` gives, in the namespace of the object."""
        if self.xp is None:
            raise ArgumentError("init_gradient_and_hessian makes arrays. Fix: give the loss `xp`, their namespace")
        dtype = self.xp.float64 if dtype is None else dtype
        known = (self.xp.float32, self.xp.float64)
        refuse(dtype not in known, f"Valid options for 'dtype' are float32 and float64. Got dtype={dtype} instead.")
        shape = (n_samples, self.n_classes) if self.is_multiclass else (n_samples,)
        hessian = self.xp.ones((1,), dtype=dtype) if self.constant_hessian else self.xp.zeros(shape, dtype=dtype)
        return self.xp.zeros(shape, dtype=dtype), hessian


def _number(x: Any) -> Any:
    """A parameter as a number; a word stays one."""
    return x if isinstance(x, Word) else float(x)


def _of_dtype(x: Array, like: Array) -> Array:
    return x if x.dtype == like.dtype else array_namespace(like).astype(x, like.dtype)


def _into(out: Array | None, value: Array) -> Array:
    """The value, or the array that was given for it, filled."""
    if out is None:
        return value
    out[...] = array_namespace(value).reshape(value, out.shape)
    return out


def _average(x: Array, weight: Array | None) -> Array:
    """The weighted mean over the first axis."""
    xp = array_namespace(x)
    if weight is None:
        return xp.mean(x, axis=0)
    total = xp.sum(weight)
    known = values_of(total)
    if known is not None and float(known) == 0:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    weight = _of_dtype(weight, x) if is_floating(x) else weight
    return xp.tensordot(weight, x, axes=1) / total if len(x.shape) > 1 else xp.sum(weight * x) / total


def _xlogx(x: Array) -> Array:
    xp = array_namespace(x)
    none = x == 0
    return xp.where(none, 0.0, x * xp.log(xp.where(none, 1.0, x)))


def _sorted_between(x: Array, share: float) -> Array:
    """The number below which a share of the entries lie, between the two nearest by interpolation."""
    xp = array_namespace(x)
    ordered = xp.sort(x, axis=0)
    at = share * (x.shape[0] - 1)
    below = min(int(at), x.shape[0] - 1)
    above = min(below + 1, x.shape[0] - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def _weighted_percentile(x: Array, weight: Array, share: float) -> Array:
    """The lowest entry up to which the weights are a share of all."""
    xp = array_namespace(x)
    order = xp.argsort(x)
    ordered, weights = xp.take(x, order, axis=0), xp.take(_of_dtype(weight, x), order, axis=0)
    reached = xp.cumulative_sum(weights)
    enough = (reached >= share * reached[-1]) & (reached > 0)
    return xp.min(xp.where(enough, ordered, xp.max(ordered)))


class HalfSquaredError(BaseLoss):
    """Half the squared error."""

    constant_hessian = True

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.half_squared_error, y_true, raw_prediction)


def _plain(loss: ls.Loss, y_true: Any, raw_prediction: Any, **options: Any) -> Call:
    targets, predictions = promoted(y_true, raw_prediction)
    return call(loss, predictions=predictions, targets=targets, **options)


class AbsoluteError(BaseLoss):
    """The absolute error; its Hessian is 0, and counts as 1."""

    differentiable = False
    approx_hessian = True
    constant_hessian = True

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.absolute_error, y_true, raw_prediction)

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The median."""
        return _quantile(y_true, sample_weight, 0.5)


def _quantile(y_true: Array, weight: Array | None, share: float) -> Array:
    return _sorted_between(y_true, share) if weight is None else _weighted_percentile(y_true, weight, share)


def _refuse_quantile(quantile: Any) -> None:
    refuse(not 0 < quantile < 1, f"quantile == {quantile}, must be > 0 and < 1")


class PinballLoss(AbsoluteError, order="sample_weight quantile xp device", quantile=0.5):  # noqa: N818 - no exception
    """The quantile loss; its Hessian is 0, and counts as 1."""

    quantile: Any

    def settle(self) -> None:
        """Refuse a quantile beyond (0, 1)."""
        super().settle()
        _refuse_quantile(self.quantile)
        self.quantile = _number(self.quantile)

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.quantile, y_true, raw_prediction, level=self.quantile)

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The quantile."""
        return _quantile(y_true, sample_weight, self.quantile)


class HuberLoss(BaseLoss, order="sample_weight quantile delta xp device", quantile=0.9, delta=0.5):
    """Huber's loss, of delta 1/2 unless told."""

    differentiable = False
    approx_hessian = True
    delta: Any

    def settle(self) -> None:
        """Refuse a quantile beyond (0, 1)."""
        super().settle()
        _refuse_quantile(self.quantile)
        self.delta = _number(self.delta)

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.huber, y_true, raw_prediction, delta=self.delta)

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The median, corrected by the mean of the clipped residuals."""
        median = _quantile(y_true, sample_weight, 0.5)
        return median + _average(clipped(y_true - median, -self.delta, self.delta), sample_weight)


class HalfPoissonLoss(BaseLoss):
    """Half the Poisson deviance, less what depends on the target alone, under the log link."""

    interval_y_true = _NOT_NEGATIVE
    link = LogLink()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.poisson_nll, y_true, raw_prediction)

    def _constant(self, y_true: Array) -> Array:
        return _xlogx(y_true) - y_true


class HalfGammaLoss(BaseLoss):
    """Half the Gamma deviance, less what depends on the target alone, under the log link."""

    interval_y_true = _POSITIVE
    link = LogLink()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.half_gamma, y_true, raw_prediction)

    def _constant(self, y_true: Array) -> Array:
        return -array_namespace(y_true).log(y_true) - 1


def _targets_of(power: float) -> Interval:
    return _REALS if power <= 0 else _NOT_NEGATIVE if power < 2 else _POSITIVE


class _OfPower(BaseLoss):
    """Half a Tweedie deviance, whose power says which targets there are."""

    power: Any

    def settle(self) -> None:
        """Set the interval of the targets."""
        super().settle()
        self.power = _number(self.power)
        self.interval_y_true = _targets_of(self.power)


class HalfTweedieLoss(_OfPower, order="sample_weight power xp device", power=1.5):
    """Half a Tweedie deviance, less what depends on the target alone, under the log link."""

    link = LogLink()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours; for power 0 sklearn keeps the half square of the target."""
        made = _plain(ls.half_tweedie, y_true, raw_prediction, power=self.power)
        if self.power or isinstance(raw_prediction, Word):
            return made
        targets = made.arguments["targets"]
        return Call(made.loss, made.arguments, lambda value: value + 0.5 * targets**2)

    def _constant(self, y_true: Array) -> Array:
        if self.power == 0:
            return HalfSquaredError()._constant(y_true)
        if self.power == 1:
            return HalfPoissonLoss()._constant(y_true)
        if self.power == 2:
            return HalfGammaLoss()._constant(y_true)
        return clipped(y_true, 0.0, _INFINITE) ** (2 - self.power) / (1 - self.power) / (2 - self.power)


class HalfTweedieLossIdentity(_OfPower, order="sample_weight power xp device", power=1.5):
    """Half a Tweedie deviance."""

    def settle(self) -> None:
        """Set the interval of the predictions too."""
        super().settle()
        self.interval_y_pred = _REALS if self.power == 0 else _POSITIVE

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return _plain(ls.half_tweedie_identity, y_true, raw_prediction, power=self.power)


class _OfChances(BaseLoss):
    """A loss of targets between 0 and 1."""

    interval_y_true = _UNIT
    n_classes = 2

    def predict_proba(self, raw_prediction: Array) -> Array:
        """The probabilities of 0 and of 1."""
        if len(raw_prediction.shape) == 2 and raw_prediction.shape[1] == 1:
            raw_prediction = raw_prediction[:, 0]
        one = self.link.inverse(raw_prediction)
        return array_namespace(one).stack([1 - one, one], axis=1)


class HalfBinomialLoss(_OfChances):
    """The cross entropy of logits."""

    link = LogitLink()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        targets, logits = promoted(y_true, raw_prediction)
        return call(ls.binary_cross_entropy_with_logits, logits=logits, targets=targets)

    def _constant(self, y_true: Array) -> Array:
        return _xlogx(y_true) + _xlogx(1 - y_true)


class ExponentialLoss(_OfChances):
    """The exponential loss, of AdaBoost."""

    link = HalfLogitLink()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        targets, logits = promoted(y_true, raw_prediction)
        return call(ls.exponential, logits=logits, targets=targets)

    def _constant(self, y_true: Array) -> Array:
        return -2 * array_namespace(y_true).sqrt(y_true * (1 - y_true))


@in_words("{0}", same=True)
def _codes(y_true: Array) -> Array:
    """Codes of classes as integers, which sklearn keeps as real numbers."""
    xp = array_namespace(y_true)
    return xp.astype(y_true, xp.int64 if "64" in str(y_true.dtype) else xp.int32) if is_floating(y_true) else y_true


class HalfMultinomialLoss(BaseLoss, order="sample_weight n_classes xp device", n_classes=3):
    """The softmax cross entropy of classes that are coded as 0, 1, ..."""

    is_multiclass = True
    interval_y_true = _NOT_NEGATIVE
    link = MultinomialLogit()

    def declare(self, y_true: Array, raw_prediction: Array) -> Call:
        """The call of ours."""
        return call(ls.cross_entropy, logits=raw_prediction, labels=as_codes(_codes(y_true)))

    def in_y_true_range(self, y: Array) -> bool:
        """Say whether all targets are whole numbers from 0."""
        xp = array_namespace(y)
        return self.interval_y_true.includes(y) and bool(xp.all(xp.floor(y) == y))

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Array:
        """The raw predictions of the frequencies."""
        dtype = y_true.dtype if is_floating(y_true) else array_namespace(y_true).float64
        shares = _average(one_hot(_codes(y_true), int(self.n_classes or 0), dtype), sample_weight)
        eps = float(array_namespace(shares).finfo(shares.dtype).eps)
        return self.link.link(clipped(shares, eps, 1 - eps)[None, :])[0, :]

    def predict_proba(self, raw_prediction: Array) -> Array:
        """The probabilities of the classes."""
        return self.link.inverse(raw_prediction)

    def gradient_proba(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        gradient_out: Array | None = None,
        proba_out: Array | None = None,
        n_threads: int = 1,
    ) -> tuple[Array, Array]:
        """The derivatives and the probabilities."""
        gradient = self.gradient(y_true, raw_prediction, sample_weight, gradient_out)
        return gradient, _into(proba_out, self.predict_proba(raw_prediction))


# Metrics


def _refuse_nothing(weight: Any) -> None:
    """Refuse weights that are all 0."""
    known = values_of(weight) if is_array(weight) else None
    refuse(known is not None and not known.any(), "Sample weights must contain at least one non-zero number.")


def _weight(weight: Array | None, like: Array) -> Array | None:
    """Weights in the dtype of an array, not all of them 0."""
    _refuse_nothing(weight)
    return None if weight is None else _of_dtype(weight, like)


def _outputs(
    loss: ls.Loss,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    multioutput: Any,
    finish: Callable[[Array], Array] | None = None,
    **options: Any,
) -> Any:
    """The weighted mean of a loss of each element, by output: their mean, their weighted mean, or each."""
    if isinstance(y_pred, Word):
        said = "{0}" if finish is None else "{0} ** 0.5"
        weights = {"sample_weight": sample_weight, "reduction": "mean"}
        return call(loss, predictions=y_pred, targets=y_true, **weights, said=said, **options)
    y_true, y_pred, sample_weight = promoted(y_true, y_pred, sample_weight)
    refuse(
        shape_of(y_true) != shape_of(y_pred),
        f"y_true and y_pred have different shapes, {shape_of(y_true)} and {shape_of(y_pred)}",
    )
    refuse(
        sample_weight is not None and shape_of(sample_weight) != shape_of(y_true)[:1],
        f"`sample_weight` has shape {shape_of(sample_weight)}; it has one entry a sample",
    )
    _refuse_nothing(sample_weight)
    xp = array_namespace(y_pred)
    columns = [(y_true, y_pred)] if len(y_pred.shape) == 1 else [
        (y_true[:, j], y_pred[:, j]) for j in range(y_pred.shape[1])
    ]  # fmt: skip
    each = [
        call(loss, predictions=p, targets=t, sample_weight=sample_weight, reduction="mean", **options).run()
        for t, p in columns
    ]
    each = each if finish is None else [finish(value) for value in each]
    if isinstance(multioutput, str):
        known = ("uniform_average", "raw_values")
        refuse(multioutput not in known, f"`multioutput` is {multioutput!r}; it is one of {known} or weights")
    if isinstance(multioutput, str) and multioutput == "uniform_average":
        return sum(each[1:], each[0]) / len(each) if len(each) > 1 else each[0]
    values = xp.stack([xp.asarray(value) for value in each])
    if isinstance(multioutput, str):
        return values
    refuse(len(each) == 1, "weights of outputs are for several outputs, and there is one. Fix: leave out `multioutput`")
    weights = multioutput if is_array(multioutput) else beside(list(multioutput), values, values.dtype)
    return xp.sum(values * weights) / xp.sum(weights)


@declared("metrics")
def mean_squared_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The mean squared error."""
    return _outputs(ls.squared_error, y_true, y_pred, sample_weight, multioutput)


@declared("metrics", "of several outputs it is the mean of their roots, and has rows of weights")
def root_mean_squared_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The root of the mean squared error, by output."""
    return _outputs(ls.root_mean_squared_error, y_true, y_pred, sample_weight, multioutput)


@declared("metrics")
def mean_absolute_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The mean absolute error."""
    return _outputs(ls.absolute_error, y_true, y_pred, sample_weight, multioutput)


@declared("metrics")
def mean_absolute_percentage_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The mean absolute error in shares of the targets, which count as at least the eps of float64."""
    return _outputs(
        ls.absolute_percentage_error, y_true, y_pred, sample_weight, multioutput, epsilon=2.0**-52
    )  # fmt: skip


@declared("metrics")
def mean_squared_log_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The mean squared difference of log(1 + y)."""
    _refuse_below(y_true, y_pred)
    return _outputs(ls.squared_log_error, y_true, y_pred, sample_weight, multioutput)


@declared("metrics", "of several outputs it is the mean of their roots, and has rows of weights")
def root_mean_squared_log_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """The root of the mean squared difference of log(1 + y), by output."""
    _refuse_below(y_true, y_pred)
    return _outputs(ls.squared_log_error, y_true, y_pred, sample_weight, multioutput, _root)


def _root(value: Array) -> Array:
    return array_namespace(value).sqrt(value)


def _refuse_below(*arrays: Any) -> None:
    for x in arrays:
        known = values_of(x) if is_array(x) else None
        refuse(
            known is not None and bool((known <= -1).any()), "the logarithmic error takes no values of -1 or below"
        )  # fmt: skip


@declared("metrics")
def mean_pinball_loss(
    y_true: Array,
    y_pred: Array,
    *,
    sample_weight: Array | None = None,
    alpha: float = 0.5,
    multioutput: Any = "uniform_average",
) -> Any:
    """The mean quantile loss."""
    return _outputs(ls.quantile, y_true, y_pred, sample_weight, multioutput, level=alpha)


def _deviance(y_true: Any, y_pred: Any, sample_weight: Any, power: float) -> Call:
    if is_array(y_pred):
        refuse(0 < power < 1, f"power is {power}; Tweedie distributions have none between 0 and 1")
        known, predicted = values_of(y_true), values_of(y_pred)
        if known is not None and predicted is not None:
            wrong = (power >= 1 and bool((known < 0).any())) or (power >= 2 and bool((known <= 0).any()))
            refuse(
                wrong or (power and bool((predicted <= 0).any())),
                f"Mean Tweedie deviance error with power={power} is not for these signs of y and y_pred",
            )
        y_true, y_pred, sample_weight = promoted(y_true, y_pred, sample_weight)
        _refuse_nothing(sample_weight)
    return call(
        ls.half_tweedie_identity, predictions=y_pred, targets=y_true, power=power, sample_weight=sample_weight,
        reduction="mean", then=lambda value: 2.0 * value, said="2 * {0}",
    )  # fmt: skip


@declared("metrics")
def mean_tweedie_deviance(
    y_true: Array, y_pred: Array, *, sample_weight: Array | None = None, power: float = 0
) -> Call:
    """The mean Tweedie deviance."""
    return _deviance(y_true, y_pred, sample_weight, power)


@declared("metrics")
def mean_poisson_deviance(y_true: Array, y_pred: Array, *, sample_weight: Array | None = None) -> Call:
    """The mean Poisson deviance."""
    return _deviance(y_true, y_pred, sample_weight, 1)


@declared("metrics")
def mean_gamma_deviance(y_true: Array, y_pred: Array, *, sample_weight: Array | None = None) -> Call:
    """The mean Gamma deviance."""
    return _deviance(y_true, y_pred, sample_weight, 2)


@in_words("{0}", same=True)
def _coded(y_true: Any, labels: Any, like: Array, classes: int | None = None) -> tuple[Array, int]:
    """Labels of any kind as integers, by their order among all, and the number of classes."""
    known = values_of(y_true) if find_backend(y_true) is not None else _plain_list(y_true)
    if known is None:  # traced: codes already
        return _codes(y_true), classes or 0
    given = known if isinstance(known, list) else known.tolist()
    every = sorted(set(given if labels is None else _plain_list(labels)))
    refuse(len(every) < 2, f"there is one label, {every}. Fix: give all of them as `labels`")
    refuse(
        classes is not None and len(every) != classes,
        f"there are {len(every)} labels and predictions of {classes} classes. Fix: give all labels as `labels`",
    )
    strange = set(given) - set(every)
    refuse(strange, f"y_true has labels that are not in `labels`: {sorted(strange)}")
    xp = array_namespace(like)
    return beside([every.index(value) for value in given], like, xp.int64), len(every)


def _plain_list(labels: Any) -> list[Any]:
    return list(labels.tolist() if hasattr(labels, "tolist") else labels)


@declared(
    "metrics",
    "probabilities have an axis of classes, and labels are 0, 1, ...",
    "probabilities are not clipped; strict=True clips them by the eps of the dtype, as sklearn does",
)
def log_loss(
    y_true: Array,
    y_proba: Any = None,
    *,
    normalize: bool = True,
    sample_weight: Array | None = None,
    labels: Sequence[Any] | None = None,
    y_pred: Any = "deprecated",
    strict: bool = False,
) -> Call:
    """The cross entropy of probabilities, of the second label or of all labels in their order."""
    if not isinstance(y_pred, str):
        refuse(y_proba is not None, "`y_proba` and `y_pred` are the same. Fix: give `y_proba` alone")
        warnings.warn("`y_pred` of log_loss is deprecated. Fix: y_proba", FutureWarning, stacklevel=3)
        y_proba = y_pred
    refuse(y_proba is None, "there are no probabilities. Fix: give `y_proba`")
    how = "mean" if normalize else "sum"
    if isinstance(y_proba, Word):
        given = {"probabilities": y_proba, "labels": as_codes(y_true), "sample_weight": sample_weight, "reduction": how}
        return call(ls.categorical_cross_entropy, **given)
    classes = 2 if len(y_proba.shape) == 1 or y_proba.shape[1] == 1 else y_proba.shape[1]
    codes, _ = _coded(y_true, labels, y_proba, classes)
    if len(y_proba.shape) == 2 and y_proba.shape[1] == 1:
        y_proba = y_proba[:, 0]
    if strict:
        eps = float(array_namespace(y_proba).finfo(y_proba.dtype).eps)
        y_proba = clipped(y_proba, eps, 1 - eps)
    weight = _weight(sample_weight, y_proba)
    if len(y_proba.shape) == 1:
        targets = array_namespace(y_proba).astype(codes, y_proba.dtype)
        return call(
            ls.binary_cross_entropy, probabilities=y_proba, targets=targets, sample_weight=weight, reduction=how
        )  # fmt: skip
    return call(
        ls.categorical_cross_entropy, probabilities=y_proba, labels=codes, sample_weight=weight, reduction=how
    )  # fmt: skip


@declared("metrics", "the decisions have one axis, and labels are 1 and -1")
def hinge_loss(
    y_true: Array, pred_decision: Array, *, labels: Sequence[Any] | None = None, sample_weight: Array | None = None
) -> Call:
    """The mean hinge loss, of two labels or of several."""
    if isinstance(pred_decision, Word):
        return call(ls.hinge, logits=pred_decision, labels=y_true, sample_weight=sample_weight, reduction="mean")
    several = len(pred_decision.shape) == 2 and pred_decision.shape[1] > 1
    codes, _ = _coded(y_true, labels, pred_decision, pred_decision.shape[1] if several else 2)
    weight = _weight(sample_weight, pred_decision)
    if several:
        return call(
            ls.multiclass_hinge, logits=pred_decision, labels=codes, sample_weight=weight, reduction="mean"
        )  # fmt: skip
    xp = array_namespace(pred_decision)
    logits = xp.reshape(pred_decision, (-1,))
    signs = 2 * xp.astype(codes, logits.dtype) - 1
    return call(ls.hinge, logits=logits, labels=signs, sample_weight=weight, reduction="mean")


@declared("metrics", "the probabilities have one axis, and labels are 0 and 1")
def brier_score_loss(
    y_true: Array,
    y_proba: Array,
    *,
    sample_weight: Array | None = None,
    pos_label: Any = None,
    labels: Sequence[Any] | None = None,
    scale_by_half: bool | str = "auto",
) -> Call:
    """The mean squared error of probabilities, halved for two classes unless told."""
    if isinstance(y_proba, Word):
        given = {"probabilities": y_proba, "targets": y_true, "sample_weight": sample_weight, "reduction": "mean"}
        return call(ls.binary_brier, **given, said="{0}" if scale_by_half in ("auto", True) else "2 * {0}")
    several = len(y_proba.shape) == 2 and y_proba.shape[1] > 1
    weight = _weight(sample_weight, y_proba)
    classes = y_proba.shape[1] if several else 2
    if pos_label is not None and not several:
        codes = array_namespace(y_proba).astype(y_true == pos_label, y_proba.dtype)
    else:
        codes, _ = _coded(y_true, labels, y_proba, classes)
    words = not several and pos_label is None and getattr(getattr(y_true, "dtype", None), "kind", "") in ("U", "S", "O")
    refuse(words, "the labels are words, and none is said to be the positive one. Fix: give `pos_label`")
    half = classes == 2 if scale_by_half == "auto" else bool(scale_by_half)
    if several:
        return call(
            ls.brier, probabilities=y_proba, labels=codes, scale_by_half=half, sample_weight=weight, reduction="mean"
        )  # fmt: skip
    xp = array_namespace(y_proba)
    p = xp.reshape(y_proba, (-1,))
    return call(
        ls.binary_brier, probabilities=p, targets=xp.astype(codes, p.dtype), sample_weight=weight, reduction="mean",
        then=lambda value: value * (1.0 if half else 2.0),
    )  # fmt: skip
