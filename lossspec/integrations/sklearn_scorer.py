"""A loss as a scorer of scikit-learn: the negative loss of what an estimator predicts, which is better if higher."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from lossspec import terms
from lossspec.errors import ContractError, MissingExtraError
from lossspec.integrations.checks import check_two_arrays, contract_of
from lossspec.loss import Loss
from lossspec.pipeline import checking

__all__ = ["Scorer", "scorer"]

Response = Literal["predict", "predict_proba", "predict_log_proba", "decision_function"]
RESPONSES: dict[Any, Response] = {
    terms.AboveMinusOne: "predict",
    terms.Amount: "predict",
    terms.NonNegative: "predict",
    terms.PositiveAmount: "predict",
    terms.Real: "predict",
    terms.Probability: "predict_proba",
    terms.Distribution: "predict_proba",
    terms.LogProbability: "predict_log_proba",
    terms.LogDistribution: "predict_log_proba",
    terms.HalfLogits: "decision_function",
    terms.Logits: "decision_function",
}
"""The method of an estimator that gives what a term means."""


def scorer(loss: Loss, *, response: Response | None = None) -> Scorer:
    """A loss as `scoring` of `cross_val_score`, `GridSearchCV` and their like.

    The score is -loss, reduced as the loss declares. `response` is the method of the estimator whose result is the
    first input of the loss; unless it is given the term of that input says which: `predict` for real numbers,
    `predict_proba` for probabilities, `predict_log_proba` for their logarithms, `decision_function` for logits.

    Shapes: predictions [rows] or [rows targets]; for a loss of classes [rows classes], in the order of `classes_`.
    Labels: those that the estimator was fitted to, text too. They become the position in `classes_` for a loss of class
    labels, 0 and 1 for a loss of probabilities of one class, -1 and 1 for one of signs; in these the second of two
    classes is the positive one. Numbers are converted to the dtype of the predictions.
    Weights: `sample_weight` is one number a row, routed to the score by `set_score_request(sample_weight=True)`.
    Errors: `ContractError` for a loss that is not of two arrays, for one whose term belongs to no method, for an
    estimator without the method, for a label that it was not fitted to and for values outside the domain.

    >>> from sklearn.linear_model import LinearRegression
    >>> from lossspec import absolute_error
    >>> x, y = np.asarray([[0.0], [1.0], [2.0]]), np.asarray([0.0, 3.0, 0.0])
    >>> round(scorer(absolute_error)(LinearRegression().fit(x, y), x, y), 6)
    -1.333333
    """
    contract = contract_of("scorer", loss)
    check_two_arrays("scorer", contract, "an estimator has one array of predictions and one of labels")
    if response is not None and response not in get_args(Response):
        raise ContractError(f"scorer: `response` is {response!r}; it must be one of {list(get_args(Response))}")
    first = contract.inputs[0]
    found = response or RESPONSES.get(first.terms[0].bare)
    if found is None:
        raise ContractError(
            f"scorer: `{first.name}` of {contract.name} is {first}, which no estimator is known to predict. "
            "Fix: say the method whose result it is, scorer(loss, response='predict')"
        )
    of_labels = contract.inputs[1] is contract.label
    if response is None and found == "predict" and of_labels:  # real scores of classes
        found = "decision_function"
    return Scorer(loss, found)


@dataclass(frozen=True)
class Scorer:
    """The result of `scorer`: called as f(estimator, X, y, sample_weight=None), it gives -loss."""

    loss: Loss
    response: Response
    request: bool | str | None = None
    """The answer to the routing of metadata: whether, or under which name, `sample_weight` is wanted."""

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """The negative loss of what the estimator predicts for X."""
        contract = self.loss.contract
        method = getattr(estimator, self.response, None)
        if method is None:
            raise ContractError(
                f"{contract.name}: {type(estimator).__name__} has no `{self.response}`, which would give "
                f"`{contract.inputs[0].name}`, {contract.inputs[0]}. Fix: take a loss of what it predicts, or "
                "scorer(loss, response=...)"
            )
        predicted = np.asarray(method(X))
        shape = contract.inputs[0].terms[0].shape
        beyond = 0 if shape is None else len(shape.axes) - len(contract.result.axes)
        classes = getattr(estimator, "classes_", None)
        if beyond == 0 and classes is not None and self.response.startswith("predict_") and predicted.ndim == 2:
            _check_two(contract.name, classes)
            predicted = predicted[:, 1]
        labels = self._labels(np.asarray(y), classes, predicted)
        weights = {}
        if sample_weight is not None:
            of_rows = np.asarray(sample_weight, dtype=predicted.dtype)
            weights = {"sample_weight": of_rows.reshape(-1, *(1,) * (predicted.ndim - beyond - 1))}
        with checking("values"):
            return -float(self.loss(predicted, labels, **weights))

    def _labels(self, y: Any, classes: Any, predicted: Any) -> Any:
        """The labels of the rows as the second input of the loss."""
        name, second = self.loss.contract.name, self.loss.contract.inputs[1]
        if classes is None or self.response == "predict":
            whole = second.terms[0].kinds == ("integral",)
            return y if whole or y.dtype.kind not in "biuf" else y.astype(predicted.dtype)
        if y.ndim == 2:  # an indicator for each class
            return y.astype(predicted.dtype)
        positions = np.searchsorted(classes, y)
        unknown = np.flatnonzero(np.take(classes, positions, mode="clip") != y)
        if unknown.size:
            raise ContractError(
                f"{name}: the label {y[unknown[0]]!r} of row {unknown[0]} is none that the estimator was fitted to, "
                f"{np.asarray(classes).tolist()}. Fix: split the data so that every class is in every part"
            )
        term = second.terms[0]
        if second is self.loss.contract.label:
            return positions
        if term.shape is not None and term.shape.ends_in_classes:
            return np.eye(len(classes), dtype=predicted.dtype)[positions]
        _check_two(name, classes)
        return (2 * positions - 1 if term.bare == terms.Sign else positions).astype(predicted.dtype)

    def set_score_request(self, *, sample_weight: bool | str | None = None) -> Scorer:
        """The same scorer, which says to the routing of metadata what it takes."""
        return replace(self, request=sample_weight)

    def get_metadata_routing(self) -> Any:
        """The request for `sample_weight`, as scikit-learn asks for it."""
        try:
            from sklearn.utils.metadata_routing import MetadataRequest
        except ImportError:
            raise MissingExtraError("a scorer needs scikit-learn: pip install scikit-learn") from None
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self.request)
        return request

    def __repr__(self) -> str:
        return f"scorer({self.loss.contract.name}, response={self.response!r})"


def _check_two(name: str, classes: Any) -> None:
    """Raise for a number of classes that a loss of one score a row cannot tell apart."""
    if len(classes) != 2:
        raise ContractError(
            f"{name}: a row has one score, and the estimator has {len(classes)} classes. Fix: take a loss of classes"
        )
