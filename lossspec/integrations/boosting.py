"""Losses as objectives and metrics of LightGBM, XGBoost and CatBoost, in every form in which these call a function."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lossspec.contract import Argument
from lossspec.errors import ContractError, DTypeError
from lossspec.integrations.checks import check_two_arrays, contract_of
from lossspec.loss import Loss
from lossspec.pipeline import checking
from lossspec.terms import NonNegative, Positive

__all__ = ["CatBoostMetric", "LightGBMMetric", "Objective", "XGBoostMetric"]


@dataclass(frozen=True)
class _OfRows:
    """A function of the rows that a booster hands over: their scores, labels and weights."""

    loss: Loss
    _jited: ClassVar[bool] = True
    """Tells CatBoost, which notes it on each object that it is given, not to look for a compiler of its methods."""

    def __post_init__(self) -> None:
        me = type(self).__name__
        contract = contract_of(me, self.loss)
        if contract.form != "pointwise":
            raise ContractError(
                f"{me}: {contract.name} is {contract.form}, and a booster wants derivatives of every row by itself. "
                "Fix: take a pointwise loss"
            )
        check_two_arrays(me, contract, "a booster has one array of scores and one of labels")

    def __deepcopy__(self, memo: Any) -> Self:
        """The same value: it is immutable, and LightGBM copies what its parameters hold."""
        return self

    def _rows(self, first: Any, second: Any, sample_weight: Any) -> tuple[NDArray[Any], NDArray[Any], dict[str, Any]]:
        """The scores, the labels and the keywords of a call to the loss, from any of the call forms."""
        name, inputs, units = self.loss.contract.name, self.loss.contract.inputs, self.loss.contract.result
        if hasattr(second, "get_label"):
            if sample_weight is not None:
                raise ContractError(f"{name}: `sample_weight` is given beside a data set. Fix: set it in the data set")
            scores, labels, sample_weight = first, second.get_label(), second.get_weight()
        else:
            scores, labels = second, first
        weights = {} if sample_weight is None else {"weights": sample_weight}
        for what, given in {"scores": scores, "labels": labels, **weights}.items():
            if not isinstance(given, np.ndarray):
                raise DTypeError(
                    f"{name}: the {what} are of type {type(given).__name__}, not a NumPy array. Fix: call it as "
                    "f(scores, data set) or as f(labels, scores, sample_weight), which is what boosters do"
                )
        if scores.dtype.kind != "f":
            raise DTypeError(f"{name}: the scores have dtype {scores.dtype}. Fix: hand over real numbers")
        shape = inputs[0].terms[0].shape
        beyond = 0 if shape is None else len(shape.axes) - len(units.axes)
        if scores.ndim <= beyond:
            raise ContractError(
                f"{name}: the scores have shape {scores.shape}, and `{inputs[0].name}` is declared {shape}. "
                "Fix: set `num_class` in the parameters of the booster, `classes_count` in CatBoost"
            )
        is_class = inputs[1] is self.loss.contract.label and labels.ndim == scores.ndim - beyond
        is_class = is_class or not any("real floating" in term.kinds for term in inputs[1].terms)
        labels = _whole(name, labels) if is_class else labels.astype(scores.dtype)
        if sample_weight is None or sample_weight.size == 0:  # XGBoost has an empty array where there are no weights
            return scores, labels, {}
        of_units = sample_weight.reshape(-1, *(1,) * (scores.ndim - beyond - 1)).astype(scores.dtype)
        return scores, labels, {"sample_weight": of_units}


@dataclass(frozen=True)
class Objective(_OfRows):
    """A pointwise loss as the objective of a booster.

    Called by the booster, it returns the gradient and the Hessian of every score,

        gradient = w dl/dscore,   hessian = w max(hessian_factor d2l/dscore2, minimum_hessian)

    with w the weight of the row. One object serves all call forms: `f(scores, data)` with a LightGBM `Dataset` or an
    XGBoost `DMatrix`, `f(labels, scores, sample_weight=None)` of their scikit-learn interfaces, and the methods of a
    `loss_function` of CatBoost, which wants a `CatBoostMetric` beside it and calls a loss of classes row by row.

    Shapes: scores [rows], labels [rows]; for a loss of classes scores [rows classes], labels [rows] or distributions
    [rows classes]; XGBoost also has several targets, scores and labels [rows targets]. The derivatives have the shape
    of the scores.
    Dtypes: boosters keep labels and weights as float32, whatever they were given. Both are converted to the dtype of
    the scores, float64 in LightGBM and float32 in XGBoost, and class labels to integers.
    Weights: of the data set or of the call, once; neither library weighs what an objective returns.
    Hessian: a leaf holds -sum(gradient) / sum(hessian). Where a loss is linear its second derivative is 0, where it is
    concave negative, and a leaf of such rows is huge or never made. `minimum_hessian` lifts them; 0 lifts nothing. With
    1.0 `huber` is that of LightGBM, which takes 1 for every row. Rows of `ignore_index` are lifted too: give them
    weight 0 instead. `hessian_factor` is for `cross_entropy`, whose diagonal is p (1 - p): LightGBM takes it times
    classes / (classes - 1), XGBoost times 2.
    Losses without curvature (`quantile`, `absolute_error`, `hinge`): where no row has a second derivative above 0 a
    booster learns nothing. Unless `minimum_hessian` is given it is 1 there, with a warning. A leaf is then the mean
    gradient of its rows, so that a round moves a score by the slope of the loss at most, times the learning rate: scale
    the targets to a spread near 1, or give 1 / spread.
    Errors: `ContractError` for a loss that is not pointwise or not of two arrays, for labels outside its domain, and
    for another shape; `DTypeError` for what is no NumPy array.

    >>> from lossspec import huber
    >>> objective = Objective(huber.configured(delta=2.0), minimum_hessian=0.1)
    >>> gradient, hessian = objective(np.asarray([0.0, 0.0]), np.asarray([1.0, 3.0]), np.asarray([1.0, 10.0]))
    >>> gradient.tolist(), hessian.tolist()
    ([1.0, 20.0], [1.0, 1.0])
    """

    _: KW_ONLY
    hessian_factor: float = 1.0
    minimum_hessian: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        Argument("hessian_factor", (Positive,)).check_parameter("Objective", self.hessian_factor)
        Argument("minimum_hessian", (NonNegative,), optional=True).check_parameter("Objective", self.minimum_hessian)

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """The gradient and the Hessian of every score, in the shape of the scores."""
        scores, labels, weight = self._rows(first, second, sample_weight)
        with checking("values"):
            gradient, hessian = self.loss.grad_hess(scores, labels, **weight)
        hessian = float(self.hessian_factor) * hessian  # a NumPy scalar would promote
        minimum = self.minimum_hessian
        if minimum is None and gradient.any() and not (hessian > 0).any():
            minimum = 1.0
            warnings.warn(
                f"{self.loss.contract.name}: its second derivative is above 0 in no row, so that a booster would learn "
                "nothing; 1 is taken in its place. Fix: say so, Objective(loss, minimum_hessian=1.0)",
                stacklevel=2,
            )
        if minimum:
            least = float(minimum) * weight.get("sample_weight", np.ones(1, scores.dtype))
            hessian = np.maximum(hessian, least.reshape(-1, *(1,) * (scores.ndim - 1)))
        return gradient, hessian

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> list[tuple[float, float]]:
        """For CatBoost, which maximizes: both derivatives of every row that has one score, with their signs changed."""
        gradient, hessian = self(targets, approxes, weights)
        return list(zip((-gradient).tolist(), (-hessian).tolist(), strict=True))

    def calc_ders_multi(self, approxes: Any, target: float, weight: float) -> tuple[list[float], list[list[float]]]:
        """For CatBoost: the derivatives of one row in the scores of its classes; the second ones are diagonal."""
        gradient, hessian = self(np.asarray([target]), np.asarray(approxes)[None], np.asarray([weight]))
        return (-gradient[0]).tolist(), np.diag(-hessian[0]).tolist()


@dataclass(frozen=True)
class _Metric(_OfRows):
    """The loss as an evaluation metric, reduced as it declares; lower is better."""

    @property
    def __name__(self) -> str:
        """The name in reports of the booster: that of the loss, without spaces, at which XGBoost splits its reports."""
        return self.loss.contract.name.replace(" ", "")

    def _value(self, first: Any, second: Any, sample_weight: Any) -> float:
        scores, labels, weight = self._rows(first, second, sample_weight)
        with checking("values"):
            return float(self.loss(scores, labels, **weight))


class LightGBMMetric(_Metric):
    """A loss as an evaluation metric of LightGBM: `feval` of `train`, `eval_metric` of the estimators.

    The value is the loss of all rows, reduced as the loss declares: a weighted mean, mostly. It is meant to go with an
    `Objective`: only then does LightGBM hand over raw scores, and not what a built-in objective made of them.
    Shapes, dtypes, weights and errors are those of `Objective`.

    >>> from lossspec import squared_error
    >>> LightGBMMetric(squared_error)(np.asarray([0.0, 1.0]), np.asarray([1.0, 1.0]), np.asarray([3.0, 1.0]))
    ('squared_error', 0.75, False)
    """

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[str, float, bool]:
        """Its name, its value, and that higher is not better."""
        return self.__name__, self._value(first, second, sample_weight), False


class XGBoostMetric(_Metric):
    """A loss as an evaluation metric of XGBoost: `custom_metric` of `train`, `eval_metric` of the estimators.

    As `LightGBMMetric`, in the form that XGBoost wants: `train` has a name beside the value, the estimators have not.

    >>> from lossspec import squared_error
    >>> XGBoostMetric(squared_error)(np.asarray([0.0, 1.0]), np.asarray([1.0, 1.0]), np.asarray([3.0, 1.0]))
    0.75
    """

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> float | tuple[str, float]:
        """Its value; beside a data set its name and its value."""
        value = self._value(first, second, sample_weight)
        return (self.__name__, value) if hasattr(second, "get_label") else value


class CatBoostMetric(_Metric):
    """A loss as the `eval_metric` of CatBoost: the mean by the weights of the rows, as CatBoost adds up shards.

    As `LightGBMMetric`, in the form that CatBoost wants.

    >>> from lossspec import squared_error
    >>> metric, scores, labels = CatBoostMetric(squared_error), np.asarray([0.0, 1.0]), np.asarray([1.0, 1.0])
    >>> metric.evaluate((scores,), labels, np.asarray([3.0, 1.0]))
    (3.0, 4.0)
    """

    def is_max_optimal(self) -> bool:
        """Say that higher is not better."""
        return False

    def evaluate(self, approxes: Sequence[Any], target: Any, weight: Any) -> tuple[float, float]:
        """The weighted sum of the losses, and the sum of the weights."""
        given = approxes[0] if len(approxes) == 1 else np.stack(approxes, axis=-1)
        scores, labels, of_rows = self._rows(target, given, weight)
        with checking("values"):
            total = self.loss(scores, labels, **of_rows, reduction="sum")
        return float(total), float(len(scores) if weight is None else np.sum(weight, dtype=np.float64))

    def get_final_error(self, error: float, weight: float) -> float:
        """The mean of all rows."""
        return error / weight


def _whole(name: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Class labels as integers; boosters keep them as real numbers."""
    whole = np.isfinite(labels) & (np.rint(labels) == labels)
    if not whole.all():
        index = int(np.argmin(whole))
        raise ContractError(
            f"{name}: the labels hold {labels.flat[index]} at row {index}, and a class is a whole number. "
            "Fix: number the classes from 0"
        )
    return labels.astype(np.int64)
