"""A loss as a `keras.losses.Loss`: labels first there, predictions first here."""

from __future__ import annotations

from typing import Any, Self

from lossspec.composite import parts_of
from lossspec.errors import ContractError, MissingExtraError
from lossspec.integrations.checks import check_two_arrays, contract_of
from lossspec.loss import Loss, Specified
from lossspec.registry import get

try:
    import keras
    from keras.src.backend import set_keras_mask
except ImportError:
    raise MissingExtraError("a loss of Keras needs keras and one of its backends: pip install keras") from None

__all__ = ["KerasLoss"]

OUT_OF_RANGE = -(2**31)
"""The class of a label that is no whole number, so that its loss is NaN."""


@keras.saving.register_keras_serializable(package="lossspec")
class KerasLoss(keras.losses.Loss):  # type: ignore[misc]
    """A loss for `model.compile(loss=...)`, on the Torch and JAX backends of Keras.

    Keras calls a loss as f(y_true, y_pred); here `y_pred` is the first input of the loss and `y_true` the second.
    `options` are those of `loss.configured`; `name`, `reduction` and `dtype` are those of Keras.

    Shapes: those of the loss, and as everywhere in Keras `y_true` may have an axis of size 1 at its end that `y_pred`
    has not, or lack one. Losses of elements are averaged over the last axis if there are several, so that Keras finds
    one value for each of its sample weights.
    Dtypes: Keras converts both to `dtype`, float32 unless told. Labels of classes become integers again, and the loss
    of one that is no whole number is NaN.
    Weights and mean: Keras multiplies by its sample weights and reduces, by the number of values and not by the sum of
    the weights. Labels that are ignored (`ignore_index`) do not count in that number, as with its `ignore_class`.
    Saving: a model that is compiled with it saves and loads, once this module is imported; a loss of one's own has to
    be declared before.
    Errors: `ContractError` for a loss that is not of two arrays or has no value for each unit, and for another shape.

    >>> from lossspec import quantile
    >>> loss = KerasLoss(quantile, level=0.9)
    >>> float(loss(keras.ops.ones((2, 1)), keras.ops.zeros((2, 1))))  # too low, which level 0.9 makes dear
    0.8999999761581421
    """

    def __init__(
        self,
        loss: Loss,
        *,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        **options: Any,
    ) -> None:
        contract = contract_of("KerasLoss", loss)
        check_two_arrays("KerasLoss", contract, "Keras has one array of predictions and one of labels")
        if "none" not in contract.reductions:
            raise ContractError(
                f"KerasLoss: {contract.name} has no value for each unit, and Keras reduces these itself. "
                "Fix: take a loss with the reduction 'none'"
            )
        super().__init__(name=name or contract.name.replace(" ", ""), reduction=reduction, dtype=dtype)
        self.loss = loss.configured(**options) if options else loss
        self.labels = contract.inputs[1]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the units, for Keras to weigh and reduce."""
        rank = len(y_pred.shape)
        y_true = self._in_shape(y_true, y_pred)
        values = self.loss.per_example(y_pred, y_true)
        if len(values.shape) == rank > 1:
            return keras.ops.mean(values, axis=-1)
        for _, part in parts_of(self.loss):
            assert isinstance(part, Specified)
            ignored = part.declared.keywords.ignore_index
            if ignored is not None and tuple(y_true.shape) == tuple(values.shape):
                set_keras_mask(values, mask=y_true != ignored)  # as the losses of Keras do; it has no public name
        return values

    def _in_shape(self, y_true: Any, y_pred: Any) -> Any:
        """The labels in the shape that the predictions ask for, those of classes as integers."""
        true, predicted = tuple(y_true.shape), tuple(y_pred.shape)
        whole = [term.kinds == ("integral",) for term in self.labels.terms]
        if all(whole) or (any(whole) and true != predicted):
            if len(true) == len(predicted) and true[-1:] == (1,):
                y_true = keras.ops.squeeze(y_true, axis=-1)
            y_true = keras.ops.where(y_true == keras.ops.floor(y_true), y_true, float(OUT_OF_RANGE))
            return keras.ops.cast(y_true, "int32")
        if (*true, 1) == predicted or true == (*predicted, 1):
            return keras.ops.reshape(y_true, predicted)
        return y_true

    def get_config(self) -> dict[str, Any]:
        """The losses by name, each with its factor and options, and what Keras keeps."""
        parts = []
        for factor, part in parts_of(self.loss):
            assert isinstance(part, Specified)
            parts.append({"factor": factor, "name": part.contract.name, "options": dict(part.configuration)})
        parts = keras.saving.serialize_keras_object(parts)
        return {**super().get_config(), "dtype": self.dtype, "loss": parts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss of a configuration."""
        losses = []
        for part in keras.saving.deserialize_keras_object(config["loss"]):
            options = {key: tuple(x) if isinstance(x, list) else x for key, x in part["options"].items()}
            loss = get(part["name"]).configured(**options)
            losses.append(loss if part["factor"] == 1 else part["factor"] * loss)
        return cls(**{**config, "loss": sum(losses[1:], losses[0])})
