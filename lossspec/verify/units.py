"""Parts of a case: one unit of it, or the case without some of its units or classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lossspec.conformance.axes import axes_of, axis_names, unit_shape
from lossspec.conformance.cases import Case
from lossspec.contract import Contract
from lossspec.terms import CLASSES


def unit_places(contract: Contract, case: Case) -> list[tuple[int, ...]]:
    """The indices of the units of a case, in the order of memory."""
    return list(np.ndindex(unit_shape(contract, case.inputs)))


def unit_case(contract: Contract, case: Case, place: tuple[int, ...]) -> Case:
    """One unit of a case as a case of its own, whose axes of units have size 1; what all units share stays."""
    names = unit_axes(contract, case)
    return taken(
        contract, case, {name: [index] for name, index in zip(names, place, strict=True)}, f"unit {list(place)}"
    )


def taken(contract: Contract, case: Case, kept: dict[str, list[int]], name: str = "") -> Case:
    """A case with some indices of some axes, in inputs and in arrays that have an entry for each unit."""
    inputs = {}
    for key, value in case.inputs.items():
        pieces = [
            _taken(x, axes_by_name(contract, key, x), kept) for x in (value if isinstance(value, list) else [value])
        ]
        inputs[key] = pieces if isinstance(value, list) else pieces[0]
    units = dict(zip(unit_axes(contract, case), unit_shape(contract, case.inputs), strict=True))

    def narrowed(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.ndim == len(units) and value.ndim:
            return _taken(
                value, {axis: n for axis, n in zip(units, value.shape, strict=True) if n > 1}, kept, tuple(units)
            )
        return value

    varying = {argument.name for argument in contract.parameters if argument.varies is not None}
    parameters = {key: narrowed(value) if key in varying else value for key, value in case.parameters.items()}
    options = {key: value if key == "class_weight" else narrowed(value) for key, value in case.options.items()}
    return replace(
        case, name=f"{case.name}, {name}" if name else case.name, inputs=inputs, parameters=parameters, options=options
    )


def without_class(contract: Contract, case: Case, index: int) -> Case | None:
    """A case without one class, labels renumbered; None where a label, or a row that must keep its sum, needs it."""
    inputs = {}
    if any(np.ndim(value) for value in case.parameters.values()):
        return None  # it may have an entry for each class
    for key, value in case.inputs.items():
        if isinstance(value, list):
            return None
        axes = axes_by_name(contract, key, value)
        if CLASSES in axes:
            value = np.delete(value, index, axis=list(axes).index(CLASSES))
        elif value.dtype.kind == "i":
            if np.any(value == index):
                return None
            value = value - (value > index)
        inputs[key] = value
    return replace(case, inputs=inputs)


def class_count(contract: Contract, case: Case) -> int:
    """The number of classes of a case; 0 if it has none."""
    for key, value in case.inputs.items():
        if not isinstance(value, list):
            size = axes_by_name(contract, key, value).get(CLASSES)
            if size is not None:
                return size
    return 0


def axes_by_name(contract: Contract, name: str, value: Any) -> dict[str, int]:
    """The sizes of the axes of an input by their names, whether or not they may have size 1."""
    return {axis.removeprefix("#"): size for axis, size in axes_of(contract, name, value).items()}


def has_units(contract: Contract, case: Case, name: str) -> bool:
    """Say whether an input has an entry of its own for each unit."""
    value = case.inputs[name]
    return not isinstance(value, list) and set(unit_axes(contract, case)) <= axes_by_name(contract, name, value).keys()


def unit_axes(contract: Contract, case: Case) -> list[str]:
    """The names of the axes of the units of a case."""
    return list(axis_names(contract.result, len(unit_shape(contract, case.inputs))))


def _taken(value: Any, axes: dict[str, int], kept: dict[str, list[int]], order: tuple[str, ...] | None = None) -> Any:
    names = list(order or axes)
    for place, name in enumerate(names):
        if name in kept and name in axes and value.shape[place] > 1:  # of size 1 it is the same for all
            value = np.take(value, kept[name], axis=place)
    return value
