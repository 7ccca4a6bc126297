"""Derivatives of a loss in its inputs: its gradient, and both derivatives of every unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lossspec.autodiff import value_and_grad_on
from lossspec.binding import is_list, items_of
from lossspec.contract import Contract
from lossspec.dispatch import Backend, common_backend, kind_of
from lossspec.errors import ContractError, DTypeError, require
from lossspec.numerics import array_namespace, positions
from lossspec.pipeline import checking
from lossspec.plan import move_last
from lossspec.terms import Array


def value_and_grad(
    contract: Contract, loss: Callable[..., Array], given: Mapping[str, Any], wrt: str | Sequence[str] | None
) -> tuple[Any, Any]:
    """The value of a call and its gradient in the inputs that `wrt` names: see `Loss.value_and_grad`."""
    names, backend = differentiable(contract, given, wrt)
    function, chosen = _scalar_of(contract, loss, given, names, backend), [given[name] for name in names]
    own = None
    configuration = getattr(loss, "configuration", None)  # a sum of losses may hold factors that are learned
    if configuration is not None:
        others = [x for name, x in (*configuration.items(), *given.items()) if name not in names]
        own = backend.by_own_graph(function, chosen, [y for x in others for y in items_of(x)])
    value, gradients = own or value_and_grad_on(backend, function, tuple(range(len(names))))(*chosen)
    return value, gradients[0] if wrt is None or isinstance(wrt, str) else tuple(gradients)


def grad_hess(
    contract: Contract, loss: Callable[..., Array], given: Mapping[str, Any], wrt: str | None, axis: int
) -> tuple[Array, Array]:
    """First and second derivatives of every unit in its own entries of one input: see `Loss.grad_hess`."""
    if contract.form != "pointwise" or "reduction" in given:
        why = "it has no `reduction`" if "reduction" in given else f"the loss is {contract.form}"
        raise ContractError(f"{contract.name}: grad_hess is per unit of a pointwise loss; {why}")
    (name,), backend = differentiable(contract, given, wrt)
    x = given[name]
    if is_list(x):
        raise ContractError(f"{contract.name}: grad_hess takes an input that is one array; `{name}` is a list")
    (argument,) = (argument for argument in contract.arguments if argument.name == name)
    declared = contract.term_of(argument, "real floating", len(x.shape)).shape
    shared = (
        f"{contract.name}: grad_hess gives every unit the derivatives in its own entries, and `{name}` is shared "
        f"by several. Fix: differentiate the gradient, loss.grad(..., wrt={name!r}, reduction='sum')"
    )
    require(declared is not None and set(contract.result.names) <= set(declared.names), shared)
    summed = _scalar_of(contract, loss, {**given, "reduction": "sum"}, (name,), backend)
    gradient_of = value_and_grad_on(backend, summed, (0,))
    units = tuple(loss(**given, reduction="none").shape)
    xp, axis = backend.namespace, (axis if declared and declared.ends_in_classes else -1) % max(len(x.shape), 1)
    beyond = len(x.shape) - len(units)
    if beyond > 1:
        raise ContractError(f"{contract.name}: a unit has {beyond} axes of `{name}`; grad_hess knows one, of classes")
    require((move_last(tuple(x.shape), axis)[:-1] if beyond else tuple(x.shape)) == units, shared)

    def inner(point: Array, chosen: Array | None) -> Array:
        _, (gradient,) = gradient_of(point)
        return array_namespace(gradient).sum(gradient if chosen is None else gradient * chosen)

    second = value_and_grad_on(backend, inner, (0,))
    with checking("shapes"):  # the values were checked above, and have none in a loop that is compiled
        _, (gradient,) = gradient_of(x)
        if not beyond:
            return gradient, second(x, None)[1][0]
        steps = positions(x, axis - len(x.shape))

        def one_class(hessian: Array, scanned: tuple[Array]) -> tuple[Array, None]:
            own = xp.astype(xp.broadcast_to(steps == scanned[0], x.shape), x.dtype)
            return hessian + own * second(x, own)[1][0], None

        hessian, _ = backend.scan(one_class, xp.zeros_like(x), (xp.reshape(steps, (-1,)),))
    return gradient, hessian


def differentiable(
    contract: Contract, given: Mapping[str, Any], wrt: str | Sequence[str] | None
) -> tuple[tuple[str, ...], Backend]:
    """The names of `wrt`, which must be real inputs of the call, and their backend."""
    chosen = contract.inputs[0].name if wrt is None else wrt
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen) if isinstance(chosen, Sequence) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ContractError(f"{contract.name}: `wrt` is {wrt!r}; it is the name of an input, or several")
    for name in names:
        if name not in given:
            raise ContractError(f"{contract.name}: `wrt` names {name!r}; the call has {', '.join(given)}")
    leaves = [(name, x) for name in names for x in items_of(given[name])]
    backend = common_backend(contract.name, leaves)
    for name, x in leaves:
        if kind_of(backend.namespace, x.dtype) != "real floating":
            raise DTypeError(f"{contract.name}: `wrt` names {name!r}, whose dtype {x.dtype} has no gradient")
    return names, backend


def _scalar_of(
    contract: Contract,
    loss: Callable[..., Array],
    given: Mapping[str, Any],
    names: tuple[str, ...],
    backend: Backend,
) -> Callable[..., Array]:
    """The call as a function of the named inputs."""
    given = {name: backend.adopt(x) for name, x in given.items()}

    def scalar(*chosen: Any) -> Array:
        value = loss(**{**given, **dict(zip(names, chosen, strict=True))})
        if value.shape != ():
            raise ContractError(f"{contract.name}: only a reduced loss has a gradient; use reduction='sum'")
        return value

    return scalar
