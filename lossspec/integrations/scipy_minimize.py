"""A loss of a model as the function that `scipy.optimize.minimize` takes, which is not imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.autodiff import hvp, value_and_grad
from lossspec.dispatch import Backend, common_backend, computing_dtype, is_array, kind_of
from lossspec.errors import ContractError
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss

__all__ = ["MinimizedLoss", "objective"]


def objective(loss: Loss, model: Callable[[Any], Any], *inputs: Any, **options: Any) -> MinimizedLoss:
    """The function of a vector of parameters that `minimize(fun, start, jac=True)` takes: the loss and its gradient.

    `model` maps the vector to the first input of the loss, or to a dictionary of inputs by name; `inputs` and `options`
    are all other arguments of the loss. `fun.hessp` is the product of the Hessian and a vector, for the methods that
    take one. The model gets the parameters as an array of the framework of the inputs, in the dtype of the real ones
    among them, so that models of Torch and JAX are differentiated by their framework. SciPy gets back float64 of NumPy.
    A model with several arrays cuts the vector up.

    Errors: `ContractError` if no input is an array, for parameters that are no vector, and all errors of the loss.

    >>> from lossspec import quantile
    >>> targets = np.asarray([1.0, 2.0, 6.0])
    >>> fun = objective(quantile.configured(level=0.25), lambda w: w[0] + 0.0 * targets, targets)
    >>> value, gradient = fun(np.asarray([3.0]))
    >>> round(value, 6), gradient.round(6).tolist()
    (1.0, [0.416667])
    """
    name = contract_of("objective", loss).name
    given = {**{f"input {number}": x for number, x in enumerate(inputs, 1)}, **options}
    arrays = {key: x for key, x in given.items() if is_array(x)}
    if not arrays:
        raise ContractError(
            f"objective: {name} gets no array beside the model. Fix: give its other inputs, objective(loss, model, y)"
        )
    backend = common_backend(name, arrays.items())
    xp = backend.namespace
    real = [x.dtype for x in arrays.values() if kind_of(xp, x.dtype) == "real floating"]
    return MinimizedLoss(loss, model, inputs, options, backend, computing_dtype(xp, real[0]) if real else xp.float64)


@dataclass(frozen=True)
class MinimizedLoss:
    """The result of `objective`: called with a vector it gives the loss and its gradient there."""

    loss: Loss
    model: Callable[[Any], Any]
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    backend: Backend
    dtype: Any

    def __call__(self, parameters: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """The loss and its gradient in the parameters."""
        value, gradient = value_and_grad(self._loss_of)(self._given(parameters))
        return float(value), self._returned(gradient)

    def hessp(self, parameters: NDArray[Any], vector: NDArray[Any]) -> NDArray[Any]:
        """The Hessian of the loss in the parameters, times a vector."""
        return self._returned(hvp(self._loss_of, self._given(parameters), self._given(vector)))

    def _loss_of(self, parameters: Any) -> Any:
        predicted = self.model(parameters)
        if isinstance(predicted, Mapping):
            return self.loss(*self.inputs, **predicted, **self.options)
        return self.loss(predicted, *self.inputs, **self.options)

    def _given(self, vector: NDArray[Any]) -> Any:
        """A vector of SciPy as an array of the framework of the model."""
        if np.ndim(vector) != 1:
            raise ContractError(
                f"{self.loss.contract.name}: the parameters have shape {np.shape(vector)}; SciPy has one vector. "
                "Fix: start from a vector, and cut it up in the model"
            )
        xp = self.backend.namespace
        return xp.astype(self.backend.from_numpy(np.asarray(vector, dtype=np.float64)), self.dtype)

    def _returned(self, array: Any) -> NDArray[Any]:
        return np.asarray(self.backend.to_numpy(array), dtype=np.float64)
