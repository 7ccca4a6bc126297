"""A loss, and its gradients, as a model of ONNX: the program of a call, held against the call before it is returned."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.autodiff.functions import trace
from lossspec.binding import by_name
from lossspec.errors import BackendError, ContractError, MissingExtraError
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss

try:
    import ndonnx
    import onnxruntime
    from spox._future import ValuePropBackend, value_prop_backend
except ImportError:
    raise MissingExtraError('a model of ONNX needs ndonnx and onnxruntime: pip install "lossspec[onnx]"') from None

__all__ = ["export", "run"]

TOLERANCE = 1024.0
"""The largest difference of the model from the call, in units of eps times the largest entry."""


def export(loss: Loss, *inputs: Any, wrt: Sequence[str] = (), **options: Any) -> Any:
    """The `onnx.ModelProto` of one call of a loss with NumPy arrays, for inputs of these shapes and dtypes.

    Every array of the call is an input of the model under its name, weights and masks too; all else is constant. The
    output is "loss". Beside it is "gradient_NAME" for each input that `wrt` names.

    The model is run on the arrays of the call before it is returned, so that no other result is ever written.
    Errors: those of the call; `BackendError` for a loss with a function that ONNX or its runtime does not have, by its
    name, and for a model that does not give what the call gives.

    >>> from lossspec import squared_error
    >>> model = export(squared_error, np.asarray([1.0, 3.0]), np.asarray([0.0, 1.0]), wrt=["predictions"])
    >>> [output.name for output in model.graph.output]
    ['loss', 'gradient_predictions']
    """
    contract = contract_of("export", loss)
    given = by_name(contract, inputs, options)
    arrays = {name: x for name, x in given.items() if isinstance(x, np.ndarray)}
    static = {name: x for name, x in given.items() if name not in arrays}
    for argument in contract.inputs:
        if argument.many or isinstance(given.get(argument.name), (list, tuple)):
            raise ContractError(f"{contract.name}: `{argument.name}` is a list, and a model of ONNX takes arrays")

    def call(*values: Any) -> Any:
        return loss(**dict(zip(arrays, values, strict=True)), **static)

    def gradient(name: str) -> Any:
        return lambda *values: loss.grad(**dict(zip(arrays, values, strict=True)), **static, wrt=name)

    functions = {"loss": call, **{f"gradient_{name}": gradient(name) for name in wrt}}
    wanted = {name: np.asarray(function(*arrays.values())) for name, function in functions.items()}
    arguments = {
        name: ndonnx.argument(shape=x.shape, dtype=getattr(ndonnx, x.dtype.name)) for name, x in arrays.items()
    }
    outputs = {}
    for name, function in functions.items():
        program = trace(function, *arrays.values())
        try:
            # Shapes within the model are worked out as it is built; a session of the runtime for each takes minutes.
            with warnings.catch_warnings(), value_prop_backend(ValuePropBackend.REFERENCE):
                # ndonnx says by a warning that the runtime has a function in float32 alone.
                warnings.simplefilter("error")
                outputs[name] = _array(program.replay(NAMESPACE, *arguments.values()))
        except (AttributeError, NotImplementedError, TypeError, ValueError, Warning) as error:
            why = str(error) or repr(error)
            raise BackendError(f"{contract.name}: ONNX does not have what its {name} needs: {why}") from error
    model = ndonnx.build(arguments, outputs)
    model.doc_string = str(contract)
    _check(contract.name, run(model, arrays), wanted)
    return model


def run(model: Any, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The outputs of a model, by name, in onnxruntime on the CPU; inputs that it does not read are left out."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # what is wrong is raised
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has a class for each kind of them, and no base of its own
        raise BackendError(
            f"{model.doc_string.partition('(')[0]}: onnxruntime does not load the model: {error}"
        ) from None
    read = {one.name: arrays[one.name] for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, read), strict=True))


def _check(loss: str, found: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> None:
    """Raise for a model that gives anything else than the call."""
    for name, right in wanted.items():
        got = found[name]
        finite = np.abs(right[np.isfinite(right)], dtype=np.float64)
        allowed = TOLERANCE * float(np.finfo(right.dtype).eps) * float(finite.max(initial=0.0))
        same = got.shape == right.shape and got.dtype == right.dtype
        if not same or not np.allclose(got, right, rtol=0.0, atol=allowed, equal_nan=True):
            raise BackendError(f"{loss}: the {name} of the model is not that of the call, and it is not written")


def _array(x: Any) -> Any:
    """A result as an array of the model; one that depends on no input is a number."""
    return x if isinstance(x, ndonnx.Array) else ndonnx.asarray(x)


class _Namespace:
    """The functions of ndonnx, and those of the standard that it lacks or that onnxruntime has in float32 alone."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ndonnx, name)

    def sinh(self, x: Any) -> Any:
        """(exp(x) - exp(-x)) / 2, by expm1."""
        part = ndonnx.expm1(ndonnx.abs(x))
        value = ndonnx.where(part < 1e8, (part + part / (part + 1.0)) / 2.0, part / 2.0)
        return ndonnx.where(x < 0.0, -value, value)

    def cosh(self, x: Any) -> Any:
        """(exp(x) + exp(-x)) / 2, which onnxruntime has in float32 alone."""
        half = ndonnx.exp(ndonnx.abs(x)) / 2.0
        return half + 0.25 / half

    def take_along_axis(self, x: Any, indices: Any, *, axis: int = -1) -> Any:
        """The entries at indices along an axis; the other axes are broadcast, which ONNX does not do there."""
        ours, theirs = list(x.shape), list(indices.shape)
        ours[axis], theirs[axis] = 1, 1
        common = np.broadcast_shapes(tuple(ours), tuple(theirs))

        def stretched(array: Any) -> Any:
            shape = list(common)
            shape[axis] = array.shape[axis]
            return array if tuple(shape) == array.shape else ndonnx.broadcast_to(array, tuple(shape))

        return ndonnx.take_along_axis(stretched(x), stretched(indices), axis=axis)

    def atan2(self, y: Any, x: Any) -> Any:
        """The angle of a point."""
        angle = ndonnx.atan(self._by_size(x, y)[1])
        angle = ndonnx.where(ndonnx.abs(y) > ndonnx.abs(x), math.pi / 2 - angle, angle)
        return self.copysign(ndonnx.where(x < 0.0, math.pi - angle, angle), y)

    def hypot(self, x: Any, y: Any) -> Any:
        """The length of a vector of two coordinates."""
        larger, ratio = self._by_size(x, y)
        return larger * ndonnx.sqrt(1.0 + ratio * ratio)

    def _by_size(self, x: Any, y: Any) -> tuple[Any, Any]:
        """The larger of two sizes, and the smaller one over it."""
        x, y = ndonnx.abs(x), ndonnx.abs(y)
        larger, smaller = ndonnx.where(x < y, y, x), ndonnx.where(x < y, x, y)
        return larger, smaller / ndonnx.where(larger == 0.0, 1.0, larger)

    def copysign(self, x: Any, y: Any) -> Any:
        """The size of x with the sign of y, that of a negative zero too."""
        size = ndonnx.abs(x + ndonnx.zeros_like(y))
        negative = (y < 0.0) | ((y == 0.0) & (1.0 / y < 0.0))
        return ndonnx.where(negative, -size, size)


NAMESPACE = _Namespace()
