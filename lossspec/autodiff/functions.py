"""Gradients of functions of arrays: of any backend, nested to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lossspec.autodiff.array import Traced, remove_traces
from lossspec.autodiff.namespace import TracedBackend, traced_backend
from lossspec.autodiff.tape import Array, Node, Program, Tape, make_program, pull_back
from lossspec.dispatch import Backend, array_namespace, find_backend
from lossspec.errors import ContractError, DTypeError, GradientError, MixtureError

Argnums = int | tuple[int, ...]


def value_and_grad(function: Callable[..., Array], argnums: Argnums = 0) -> Callable[..., tuple[Array, Any]]:
    """A function that returns the value of a scalar function and its gradient in the arguments `argnums`.

    Arrays of a framework that differentiates by itself are left to it; all others take the tape.
    An argument is an array or a list or tuple of arrays; its gradient has the same form. For a tuple of `argnums` the
    gradients are a tuple. Arguments and keywords beyond `argnums` are passed on as they are.

    >>> import numpy as np
    >>> value, gradient = value_and_grad(lambda x: (x**2).__array_namespace__().sum(x**2))(np.asarray([1.0, 3.0]))
    >>> float(value), gradient.tolist()
    (10.0, [2.0, 6.0])
    """

    def differentiated(*arguments: Any, **keywords: Any) -> tuple[Array, Any]:
        numbers = _numbers(argnums, len(arguments))
        backend = _backend_of_chosen(numbers, arguments).base
        if backend.has_autodiff and not any(type(x) is Traced for x in arguments):
            own = backend.value_and_grad(lambda *given: function(*given, **keywords), numbers)
            value, gradients = own(*arguments)
        else:
            value, gradients = _differentiate(function, numbers, arguments, keywords)
        return value, gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return differentiated


def value_and_grad_on(
    backend: Backend, function: Callable[..., Array], argnums: tuple[int, ...]
) -> Callable[..., tuple[Array, Any]]:
    """The same of arrays of a known backend, by its framework or else by the tape."""
    return (backend.value_and_grad if backend.has_autodiff else value_and_grad)(function, argnums)


def grad(function: Callable[..., Array], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the gradient of a scalar function in the arguments `argnums`.

    >>> import numpy as np
    >>> cube = lambda x: x * x * x
    >>> float(grad(grad(cube))(np.asarray(2.0)))
    12.0
    """
    both = value_and_grad(function, argnums)
    return lambda *arguments, **keywords: both(*arguments, **keywords)[1]


def hvp(function: Callable[..., Array], primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function at `primals`, times the vector `tangents`.

    Both are an array, or tuples of one array for each argument; so is the result.

    >>> import numpy as np
    >>> x = np.asarray([1.0, 2.0])
    >>> hvp(lambda x: x[0] * x[0] * x[1], x, np.asarray([1.0, 0.0])).tolist()
    [4.0, 2.0]
    """
    if not isinstance(primals, tuple):
        return hvp(function, (primals,), (tangents,))[0]
    if not isinstance(tangents, tuple) or len(tangents) != len(primals):
        raise ContractError(f"hvp takes one tangent for each of {len(primals)} primals; they are tuples")
    for number, (x, tangent) in enumerate(zip(primals, tangents, strict=True)):
        if x.shape != tangent.shape or x.dtype != tangent.dtype:
            raise ContractError(
                f"hvp: tangent {number} is {tangent.dtype}{list(tangent.shape)} for a primal that is "
                f"{x.dtype}{list(x.shape)}. Fix: give it that shape and dtype"
            )
    numbers = tuple(range(len(primals)))
    gradients_of = grad(function, numbers)

    def along(*point: Array) -> Array:
        products = [_sum(g * tangent) for g, tangent in zip(gradients_of(*point), tangents, strict=True)]
        return sum(products[1:], products[0])

    return grad(along, numbers)(*primals)


def hessian_diagonal(function: Callable[[Array], Array], x: Array) -> Array:
    """The second derivative of a function that maps each element of `x` to a value of its own (or to their sum).

    Where the values depend on several elements, it is the row sums of the Hessian.

    >>> import numpy as np
    >>> hessian_diagonal(lambda x: x * x * x, np.asarray([1.0, 2.0])).tolist()
    [6.0, 12.0]
    """
    first = grad(lambda x: _sum(function(x)))
    return grad(lambda x: _sum(first(x)))(x)


def _sum(x: Array) -> Array:
    return array_namespace(x).sum(x)


def stop_gradient(x: Array) -> Array:
    """The same values, constant for differentiation."""
    if type(x) is Traced:
        return remove_traces(x)
    backend = find_backend(x)
    return x if backend is None or isinstance(backend, TracedBackend) else backend.stop_gradient(x)


def trace(function: Callable[..., Array], *inputs: Array) -> Program:
    """Record a function of arrays of these shapes and dtypes as a program to replay on other values.

    Everything that depends on the inputs is recorded, comparisons and indices too; the rest is constant.

    >>> import numpy as np
    >>> program = trace(lambda x: x.__array_namespace__().where(x > 0, x, 0.0), np.asarray([1.0, -1.0]))
    >>> program.replay(np, np.asarray([-3.0, 3.0])).tolist()
    [0.0, 3.0]
    >>> print(program)
    program(v0: (2,) float64):
      v1 = greater(v0, 0)
      v2 = where(v1, v0, 0.0)
      return v2
    """
    backend = _backend_of([(f"argument {number}", x) for number, x in enumerate(inputs)])
    with Tape(backend, records_all=True) as tape:
        traced = [make_input(tape, x) for x in inputs]
        result = function(*traced)
        if isinstance(result, (list, tuple)):
            raise ContractError("a program has one result. Fix: return one array, or trace one function for each")
        return make_program(tape, [x.node for x in traced], result)


# Behind all of them: one pass forward on a tape, one back.


def _differentiate(
    function: Callable[..., Any], numbers: tuple[int, ...], arguments: Sequence[Any], keywords: dict[str, Any]
) -> tuple[Array, tuple[Any, ...]]:
    """The result of a scalar function, and its gradients in some arguments."""
    backend = _backend_of_chosen(numbers, arguments)
    with Tape(backend) as tape:
        traced = [backend.adopt(x) for x in arguments]
        for number in numbers:
            value = traced[number]
            many = isinstance(value, (list, tuple))
            traced[number] = type(value)([make_input(tape, x) for x in value]) if many else make_input(tape, value)
        inputs = [traced[number] for number in numbers]
        result = function(*traced, **{key: backend.adopt(x) for key, x in keywords.items()})
        del traced
        _check_result(result)
        if type(result) is Traced and result.tape is tape:
            node, result = result.node, result.value
            pull_back(tape, node, backend.namespace.ones_like(result))
        gradients = tuple(
            type(x)([_gradient(tape, item) for item in x]) if isinstance(x, (list, tuple)) else _gradient(tape, x)
            for x in inputs
        )
    return result, gradients if tape.level else _each_its_own(backend.base, gradients)


def _backend_of_chosen(numbers: tuple[int, ...], arguments: Sequence[Any]) -> TracedBackend:
    """The one backend of the chosen arguments, which have to be real."""
    leaves = []
    for number in numbers:
        value = arguments[number]
        if isinstance(value, (list, tuple)):
            leaves += [(f"argument {number}, item {item},", x) for item, x in enumerate(value)]
        else:
            leaves.append((f"argument {number}", value))
    backend = _backend_of(leaves)
    for name, x in leaves:
        if not backend.base.namespace.isdtype(x.dtype, "real floating"):
            raise DTypeError(
                f"{name} has dtype {x.dtype}, which has no gradient. Fix: leave it out of `argnums`, or convert it "
                "with astype"
            )
    return backend


def _check_result(result: Any) -> None:
    if isinstance(result, (list, tuple)) or not (hasattr(result, "shape") or isinstance(result, (int, float))):
        raise ContractError(
            f"the function returns a {type(result).__name__}; it has a gradient if it returns one array. "
            "Fix: return one array"
        )
    if getattr(result, "shape", ()) != ():
        raise ContractError(
            f"the function returns an array of shape {tuple(result.shape)}; only a scalar one has a gradient. "
            "Fix: return xp.sum(result) or xp.mean(result), of a loss one with reduction='sum' or 'mean'"
        )


def make_input(tape: Tape, x: Array) -> Traced:
    """An array that the tape follows."""
    return Traced(x, Node(None, (), {}, None, x), tape)


def _gradient(tape: Tape, x: Traced) -> Array:
    found = x.node.cotangent
    return tape.backend.namespace.zeros_like(x.value) if found is None else found


def _each_its_own(backend: Backend, gradients: Any) -> Any:
    """Gradients that share no memory, so that they may be written to: one cotangent can have reached several inputs."""
    known: list[Array] = []

    def owned(x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return type(x)([owned(item) for item in x])
        if any(x is other for other in known):
            x = backend.namespace.asarray(x, copy=True)
        known.append(x)
        return backend.owned(x)

    return owned(gradients)


def _numbers(argnums: Argnums, count: int) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not isinstance(number, int) or not -count <= number < count:
            raise ContractError(f"`argnums` names argument {number!r}; the function was given {count} by position")
    return tuple(number % count for number in numbers)


def _backend_of(leaves: Sequence[tuple[str, Any]]) -> TracedBackend:
    """The one backend of what is differentiated."""
    first: tuple[str, TracedBackend] | None = None
    for name, x in leaves:
        found = x.lossspec_backend if type(x) is Traced else find_backend(x)
        if found is None:
            raise DTypeError(
                f"{name} is a {type(x).__name__}, not an array of a known framework, nor a list of arrays. "
                "Fix: make it an array, for example with numpy.asarray"
            )
        backend = traced_backend(found)
        if first is None:
            first = (name, backend)
        elif backend is not first[1]:
            raise MixtureError(
                f"{first[0]} is a {first[1].name} array and {name} is a {backend.name} array. Fix: convert one"
            )
    if first is None:
        raise ContractError("there is nothing to differentiate: no array is among the arguments. Fix: pass arrays")
    return first[1]


__all__ = [
    "GradientError",
    "Program",
    "grad",
    "hessian_diagonal",
    "hvp",
    "stop_gradient",
    "trace",
    "value_and_grad",
    "value_and_grad_on",
]
