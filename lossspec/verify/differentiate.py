"""Derivatives of somebody's function: by the graph of Torch as its users do, elsewhere by the backend or the tape."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from lossspec.autodiff import value_and_grad_on
from lossspec.dispatch import Backend, array_namespace

Function = Callable[..., Any]


def with_gradients(backend: Backend, function: Function, points: list[Any]) -> tuple[Any, list[Any]]:
    """The result of a function of arrays, or of lists of them, and the gradients of its sum in each of them."""
    kept: list[Any] = []

    def total(*arguments: Any) -> Any:
        result = function(*arguments)
        kept[:] = [result]
        return array_namespace(result).sum(result) if getattr(result, "ndim", 0) else result

    if backend.name == "torch":
        fresh = [_leaves(x) for x in points]
        gradients = _by_graph(total(*fresh), fresh)
        return kept[0].detach(), gradients
    _, found = value_and_grad_on(backend, total, tuple(range(len(points))))(*points)
    return None, list(found)


def hessian_diagonals(backend: Backend, function: Function, points: list[Any], rank: int) -> list[Any]:
    """The diagonal of the Hessian of each unit in each array; `rank` is the number of axes that number the units."""
    return [_diagonal(backend, function, points, place, rank) for place in range(len(points))]


def _diagonal(backend: Backend, function: Function, points: list[Any], place: int, rank: int) -> Any:
    xp, x = backend.namespace, points[place]
    before, after = points[:place], points[place + 1 :]
    entries = [...] if x.ndim == rank else [(..., j) for j in range(x.shape[-1])]
    found = []
    for entry in entries:

        def total(value: Any) -> Any:
            result = function(*before, value, *after)
            return array_namespace(result).sum(result)

        if backend.name == "torch":
            (leaf,) = (_leaves(x),)
            (first,) = _by_graph(total(leaf), [leaf], again=True)
            (second,) = _by_graph(first[entry].sum(), [leaf]) if first.requires_grad else (xp.zeros_like(x),)
        else:

            def slope(value: Any, entry: Any = entry) -> Any:
                first = value_and_grad_on(backend, total, (0,))(value)[1][0]
                return array_namespace(first).sum(first[entry])

            second = value_and_grad_on(backend, slope, (0,))(x)[1][0]
        found.append(second[entry])
    return found[0] if x.ndim == rank else xp.stack(found, axis=-1)


def _leaves(value: Any) -> Any:
    if isinstance(value, list):
        return [_leaves(x) for x in value]
    return value.detach().clone().requires_grad_()


def _by_graph(result: Any, points: list[Any], again: bool = False) -> list[Any]:
    """The gradients in leaves; zeros in those that the result does not depend on."""
    flat = [x for value in points for x in (value if isinstance(value, list) else [value])]
    options = {"allow_unused": True, "materialize_grads": True, "create_graph": again}
    found = iter(import_module("torch").autograd.grad(result, flat, **options))
    return [[next(found) for _ in value] if isinstance(value, list) else next(found) for value in points]
