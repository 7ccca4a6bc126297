"""Curves of a loss along one entry of its main input, computed by the loss: value, gradient and Hessian."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from lossspec import Loss, LossSpecError, grad
from lossspec.conformance.cases import make_cases
from lossspec.contract import Argument
from lossspec.terms import Interval, Role, Term

POINTS = 161
POINTS_OF_COUPLED = 41
"""The points of a loss that one call computes for one point alone."""
ENDS = {
    "Logits": (-6.0, 6.0),
    "HalfLogits": (-3.0, 3.0),
    "LogDistribution": (-5.0, -0.02),
    "Embedding": (-2.0, 2.0),
    "Box": (-1.0, 1.0),
}
"""The ends of the axis, by term, where those of the domain do not show the shape of the loss."""
FAR = 4.0
APART = (-0.5, 0.5, -1.5, 1.5)
"""Numbers of other inputs in which nothing cancels."""
FLAT = 0.95
"""The share of points without a slope that makes a loss no picture of itself."""
HUGE = 1e5
"""A loss beyond this along its whole entry is no picture of it."""
Curve = NDArray[Any]


@dataclass(frozen=True)
class Curves:
    """The loss and its two derivatives in the entry that moves, at each point."""

    value: Curve
    gradient: Curve
    hessian: Curve

    def at(self, points: NDArray[Any]) -> Curves:
        """The curves at some of the points."""
        return Curves(self.value[points], self.gradient[points], self.hessian[points])


@dataclass(frozen=True)
class Section:
    """The content of a figure: one set of curves for each value of a parameter, and the words beside them."""

    x: Curve
    entry: str
    curves: Mapping[str, Curves]
    held: Sequence[str] = ()
    """The other inputs and parameters, as one would write them."""
    notes: Sequence[str] = ()


@dataclass
class _Setting:
    """One call of a loss, of which one entry of the main input moves."""

    loss: Loss
    inputs: dict[str, Any]
    parameters: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def main(self) -> Argument:
        """The first input that holds real numbers."""
        return next(a for a in self.loss.contract.inputs if any("real floating" in t.kinds for t in a.terms))

    @property
    def alone(self) -> bool:
        """Say whether the loss of a unit depends on that unit alone, so that points are units of one call."""
        return self.loss.contract.form == "pointwise"


def section(loss: Loss) -> Section:
    """The curves of a loss along the first entry of its main input that changes it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        setting, entry, base = _first_that_shows(loss)
        x = _axis(setting)
        if _is_constant(base):
            setting.notes.append("The loss is constant along the entries that were tried")
        name, values = _varied(setting, x, entry, base)
        curves: dict[str, Curves] = {}
        for value in values:
            label = f"{name} = {_shown(value)}" if name else ""
            given = replace(setting, parameters={**setting.parameters, **({name: value} if name else {})})
            curves[label] = base if not name else _curves(given, x, entry)
    if "Distribution" in setting.main.terms[0].name:
        setting.notes.append(
            "The other probabilities share the rest, and the derivatives are those in this entry alone"
        )
    shown = np.isfinite(base.value)
    x, curves = x[shown], {label: curve.at(shown) for label, curve in curves.items()}
    return Section(x, _entry_name(setting, entry), curves, tuple(_held(setting, name)), tuple(setting.notes))


def _first_that_shows(loss: Loss) -> tuple[_Setting, tuple[int, ...], Curves]:
    """The first setting in which the loss has a shape, with the entry that moves; else one in which it changes."""
    tried = []
    for simple in ((0.0,), (1.0,), APART):
        setting = _setting(loss, simple)
        entry, base = _moving_entry(setting, _axis(setting))
        if not _is_flat(base) and np.nanmax(np.abs(base.value)) <= HUGE:  # no factor or denominator of 0
            return setting, entry, base
        tried.append((setting, entry, base))
    return next((one for one in tried if not _is_constant(one[2])), tried[0])


def _setting(loss: Loss, simple: Sequence[float]) -> _Setting:
    """The typical call of the checks with round numbers; of a loss that looks at one unit, its first unit.

    `simple` is what other inputs of one real number are, in turn.
    """
    contract = loss.contract
    case = make_cases(contract, np.float64)[0]
    inputs = dict(case.inputs)
    setting = _Setting(loss, inputs, dict(case.parameters))
    for place, argument in enumerate(contract.inputs):
        value = inputs.get(argument.name)
        if value is None:
            continue
        arrays = [np.asarray(item) for item in value] if argument.many else [np.asarray(value)]
        if setting.alone and _has_units(setting, argument):
            arrays = [array[:1] for array in arrays]
        arrays = [_round(setting, argument, array, simple[place % len(simple)]) for array in arrays]
        inputs[argument.name] = arrays if argument.many else arrays[0]
    return setting


def _has_units(setting: _Setting, argument: Argument) -> bool:
    """Say whether the first axis of an input counts units."""
    units = setting.loss.contract.result.names[:1]
    return all(term.shape is not None and term.shape.names[:1] == units for term in argument.terms[:1])


def _round(setting: _Setting, argument: Argument, array: NDArray[Any], simple: float) -> NDArray[Any]:
    """Numbers that are easy to read in place of drawn ones, if the domain has them."""
    term, contract = argument.terms[0], setting.loss.contract
    if argument == contract.label or Role.LABEL in term.roles:
        return np.zeros_like(array) if array.size == 1 or argument == contract.label else array
    if array.dtype.kind != "f" or type(term).outside is not Term.outside:
        return _sign_of_yes(array)
    if array.size == 1:
        return np.full_like(array, _simple(term, simple))
    if argument == setting.main and contract.label is not None and 0.0 in term.interval:
        return np.zeros_like(array)
    rounded = np.round(array, 1)
    return rounded if all(float(number) in term.interval for number in rounded.flat) else array


def _sign_of_yes(array: NDArray[Any]) -> NDArray[Any]:
    """The label 1 in place of one drawn sign or indicator."""
    return np.ones_like(array) if array.size == 1 and set(array.flat) <= {-1, 0, 1} else array


def _simple(term: Term, wanted: float) -> float:
    """The number that stands for the other input of one entry: as wanted, or 1 where that is the end of the domain."""
    interval = term.interval
    if interval.upper == 1.0 and interval.lower == 0.0:
        return 1.0
    inner = (x for x in (wanted, -wanted, 1.0, -1.0) if x in interval and interval.lower < x < interval.upper)
    return float(next(inner, term.neutral))


def _axis(setting: _Setting) -> Curve:
    """The points of the horizontal axis."""
    term = setting.main.terms[0]
    low, high = ENDS.get(term.name, (max(term.interval.lower, -FAR), min(term.interval.upper, FAR)))
    points = POINTS if setting.alone else POINTS_OF_COUPLED
    inset = (high - low) * 2e-3
    return np.linspace(low + inset, high - inset, points)


def _moving_entry(setting: _Setting, x: Curve) -> tuple[tuple[int, ...], Curves]:
    """The index of the first entry along which the loss is not constant, and the curves there."""
    array = _main_array(setting)
    found = None
    for index in list(np.ndindex(array.shape))[:24]:
        curves = _curves(setting, x, index)
        if not _is_constant(curves):
            return index, curves
        found = found or (index, curves)
    assert found is not None, f"{setting.loss.contract.name}: the main input is empty"
    return found


def _is_constant(curves: Curves) -> bool:
    value = curves.value[np.isfinite(curves.value)]
    return not value.size or bool(np.ptp(value) <= 1e-9)


def _is_flat(curves: Curves) -> bool:
    """Say whether a loss is constant but for a few points, as a relative error is where the target is 0."""
    return _is_constant(curves) or float(np.mean(curves.gradient == 0)) > FLAT


def _main_array(setting: _Setting) -> NDArray[Any]:
    value = setting.inputs[setting.main.name]
    return np.asarray(value[0] if setting.main.many else value)


def _curves(setting: _Setting, x: Curve, index: tuple[int, ...]) -> Curves:
    """The loss and its derivatives along one entry."""
    at_once = setting.alone and _has_units(setting, setting.main)
    return (_of_units if at_once else _one_by_one)(setting, x, index)


def _moved(setting: _Setting, array: NDArray[Any], index: tuple[Any, ...], x: Any) -> NDArray[Any]:
    """The main array with an entry at x; the rest of a distribution shares what is left."""
    array = array.copy()
    name = setting.main.terms[0].name
    if "Distribution" in name:
        size = array.shape[-1] - 1
        mass = np.exp(x) if name.startswith("Log") else x
        rest = np.broadcast_to(np.expand_dims((1 - mass) / size, -1), array[*index[:-1], :].shape)
        array[*index[:-1], :] = np.log(rest) if name.startswith("Log") else rest
    array[index] = x
    return array


def _of_units(setting: _Setting, x: Curve, index: tuple[int, ...]) -> Curves:
    """The curves from one call, in which each point is a unit."""
    inputs: dict[str, Any] = {}
    for argument in setting.loss.contract.inputs:
        value = setting.inputs.get(argument.name)
        if value is not None and _has_units(setting, argument):
            arrays = value if argument.many else [value]
            arrays = [np.repeat(array, len(x), axis=0) for array in arrays]
            if argument == setting.main:
                arrays[0] = _moved(setting, arrays[0], (slice(None), *index[1:]), x)
            value = arrays if argument.many else arrays[0]
        inputs[argument.name] = value
    inputs = {name: value for name, value in inputs.items() if value is not None}
    name, many = setting.main.name, setting.main.many
    moved = inputs.pop(name)
    here = np.zeros(moved[0].shape if many else moved.shape)
    where: Any = (slice(None), *index[1:])
    here[where] = 1.0
    steps = (-1, *(1,) * (here.ndim - 1))

    def units(step: Any) -> Any:
        xp = array_namespace(step)
        first = (moved[0] if many else moved) + xp.reshape(step, steps) * here
        main = [first, *moved[1:]] if many else first
        return setting.loss.per_example(**{name: main}, **inputs, **setting.parameters)

    def total(step: Any) -> Any:
        return array_namespace(step).sum(units(step))

    def slope(step: Any) -> Any:
        return array_namespace(step).sum(grad(total)(step))

    start = np.zeros(len(x))
    value = np.asarray(units(start))
    return Curves(value[where[: value.ndim]], grad(total)(start), grad(slope)(start))


def _one_by_one(setting: _Setting, x: Curve, index: tuple[int, ...]) -> Curves:
    """The curves of a loss of a whole batch, from one call a point."""
    name, loss = setting.main.name, setting.loss
    array = _main_array(setting)
    others = {key: value for key, value in setting.inputs.items() if key != name and value is not None}
    here = np.zeros(array.shape)
    here[index] = 1.0
    found = []
    for number in x:
        point = _moved(setting, array, index, number)

        def reduced(step: Any, point: Any = point) -> Any:
            first = point + step * here
            main = [first, *setting.inputs[name][1:]] if setting.main.many else first
            return loss(**{name: main}, **others, **setting.parameters)

        start = np.asarray(0.0)
        found.append((float(reduced(start)), float(grad(reduced)(start)), float(grad(grad(reduced))(start))))
    return Curves(*(np.asarray(curve) for curve in zip(*found, strict=True)))


def _varied(setting: _Setting, x: Curve, index: tuple[int, ...], base: Curves) -> tuple[str, Sequence[Any]]:
    """The first parameter that changes the curve, and the values to show; no name if none does."""
    numbers = [(a.name, values) for a in setting.loss.contract.parameters if (values := list(_numbers(setting, a)))]
    others = [(a.name, _others(a)) for a in setting.loss.contract.parameters if len(_others(a)) > 1]
    candidates: list[tuple[str, Sequence[Any]]] = [*numbers, *others]
    for name, shown in candidates:
        for value in (shown[-1], shown[0]):
            changed = replace(setting, parameters={**setting.parameters, name: value})
            try:
                curves = _curves(changed, x, index)
            except LossSpecError:
                break
            if np.isnan(curves.value).sum() > np.isnan(base.value).sum():
                break  # another meaning of the input
            if not np.allclose(curves.value, base.value, rtol=1e-3, atol=1e-9, equal_nan=True):
                return name, shown
    return "", ("",)


def _numbers(setting: _Setting, argument: Argument) -> Iterator[float]:
    """The default of a number, and numbers on both sides of it in its domain."""
    scalars = [term for term in argument.terms if term.shape is None and "real floating" in term.kinds]
    default = setting.parameters.get(argument.name)
    if not scalars or isinstance(default, bool) or not isinstance(default, (int, float)):
        return
    interval = scalars[0].interval
    found = {float(default), *_beside(float(default), interval)}
    yield from sorted(value for value in found if value in interval)


def _beside(default: float, interval: Interval) -> tuple[float, ...]:
    """Numbers on both sides of a default: half and double, or half way to the ends of the domain."""
    low, high = interval.lower, interval.upper
    if isfinite(low) and isfinite(high):
        return ((low + default) / 2, (default + high) / 2) if low < default < high else ((low + high) / 2, high * 0.2)
    if default == 0.0:
        return (0.5, 1.0) if isfinite(low) else (-1.0, 1.0)
    return default / 2, default * 2


def _others(argument: Argument) -> Sequence[Any]:
    """The choices of a parameter that is no number."""
    return (False, True) if argument.plain is bool else argument.choices[:3]


def _entry_name(setting: _Setting, index: tuple[int, ...]) -> str:
    """The entry as one would write it, without the axis of units if there is one unit."""
    name = setting.main.name
    first = "[0]" if setting.main.many else ""
    rest = index[1:] if setting.alone else index
    if setting.loss.contract.label is not None and len(rest) == 1 and setting.alone and "class" in str(setting.main):
        return f"{name}[label]" if rest == (0,) else f"{name}[another class]"
    return f"{name}{first}[{', '.join(map(str, rest))}]" if rest else f"{name}{first}"


def _held(setting: _Setting, varied: str) -> Iterator[str]:
    """The other inputs and the parameters that differ from their defaults, as one would write them."""
    for argument in setting.loss.contract.inputs:
        value = setting.inputs.get(argument.name)
        if value is None or argument == setting.main or argument.many:
            continue
        array = np.asarray(value)
        if array.size == 1:
            yield f"{argument.name} = {_shown(array.flat[0])}"
        elif array.size <= 4:
            yield f"{argument.name} = [{', '.join(_shown(number) for number in array.flat)}]"
    for argument in setting.loss.contract.parameters:
        value = setting.parameters.get(argument.name)
        if argument.name != varied and value != argument.default and isinstance(value, (bool, int, float, str)):
            yield f"{argument.name} = {_shown(value)}"


def _shown(value: Any) -> str:
    """A number in few digits, anything else as Python writes it."""
    if isinstance(value, (bool, str)):
        return repr(value)
    return f"{float(value):.3g}"
