"""The axes of the inputs of a case, by their declared names: those of units, of entries, of what all units share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.contract import Contract
from lossspec.terms import Shape

Values = dict[str, Any]
"""NumPy arrays by argument name; lists of them where the argument is a list."""


def unit_shape(contract: Contract, inputs: Values) -> tuple[int, ...]:
    """The shape of the unreduced loss of these inputs, which have their class axis last."""
    axes: Any = {}
    for argument in contract.inputs:
        value = inputs[argument.name]
        if argument.many:
            value = value[0]
        kind = "integral" if value.dtype.kind == "i" else "real floating"
        term = contract.term_of(argument, kind, value.ndim)
        assert term.shape is not None
        contract.fits(argument.name, term.shape, value.shape, axes)
    shape: list[int] = []
    for axis in contract.result.axes:
        size = axes[axis.name][0]
        shape.extend(size if isinstance(size, tuple) else (size,))
    return tuple(shape)


def axis_names(declared: Shape, rank: int) -> tuple[str, ...]:
    """A name for each axis of an array of some rank; those of `*space` are `*space 0`, `*space 1`, ..."""
    names: list[str] = []
    for axis in declared.axes:
        count = rank - len(declared.axes) + 1
        names += [f"{axis} {i}" for i in range(count)] if axis.variadic else [axis.name]
    return tuple(names)


def axes_of(contract: Contract, name: str, value: NDArray[Any]) -> dict[str, int]:
    """The sizes of the axes of an input by their names, in order."""
    (argument,) = [argument for argument in contract.inputs if argument.name == name]
    declared = contract.term_of(argument, "integral" if value.dtype.kind == "i" else "real floating", value.ndim).shape
    assert declared is not None
    return dict(zip(axis_names(declared, value.ndim), value.shape, strict=True))


def entry_axes(contract: Contract, inputs: Values, declared: Shape) -> dict[str, int]:
    """The sizes of the axes of a mask of the entries of these inputs by their names, in order."""
    first = contract.inputs[0].name
    sizes = axes_of(contract, first, inputs[first])
    rank = len(declared.axes) + sum(name[0] == "*" for name in sizes) - any(axis.variadic for axis in declared.axes)
    return {name: sizes[name] for name in axis_names(declared, rank)}


def spoil(contract: Contract, inputs: Values, declared: Shape, kept: NDArray[Any], bad: float) -> Values:
    """The inputs with something bad in the entries that do not count, 99 among integers."""
    masked = entry_axes(contract, inputs, declared).keys()
    found = dict(inputs)
    for name, value in inputs.items():
        axes = axes_of(contract, name, value)
        if masked <= axes.keys():
            flags = kept[tuple(slice(None) if axis in masked else None for axis in axes)]
            found[name] = np.where(flags, value, value.dtype.type(bad if value.dtype.kind == "f" else 99))
    return found


def shared_inputs(contract: Contract) -> frozenset[str]:
    """The inputs that all units see alike, as the rows of classes: their derivatives add up over the units."""
    units = set(contract.result.names)
    return frozenset(
        argument.name
        for argument in contract.inputs
        if any(term.shape is None or not units <= set(term.shape.names) for term in argument.terms)
    )


def hessian_inputs(contract: Contract, inputs: Values) -> tuple[tuple[str, ...], str]:
    """The inputs of which a unit has entries of its own on at most one axis; why there are none."""
    if contract.form != "pointwise":
        return (), f"not run: the loss is {contract.form}"
    if "sum" not in contract.reductions:
        return (), "not run: the loss has no reduction 'sum'"
    names, why = [], "not run: no input is real"
    units = set(contract.result.names)
    rank = len(unit_shape(contract, inputs))
    for argument in contract.inputs:
        value = inputs[argument.name]
        if argument.many:
            why = f"not run: `{argument.name}` is a list of arrays"
        elif value.dtype.kind == "f":
            term = contract.term_of(argument, "real floating", value.ndim)
            if term.shape is None or not units <= set(term.shape.names):
                why = f"not run: `{argument.name}` is the same for all units"
            elif value.ndim - rank > 1:
                why = f"not run: a unit has {value.ndim - rank} axes of `{argument.name}`"
            else:
                names.append(argument.name)
    return tuple(names), "" if names else why
