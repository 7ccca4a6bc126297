"""Laws that need no oracle, tried on an implementation from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lossspec.conformance.axes import unit_shape
from lossspec.conformance.cases import Case, make_cases
from lossspec.loss import Loss
from lossspec.verify.questions import GRADIENTS, VALUE, Answer, Question, Target
from lossspec.verify.truth import DTYPES
from lossspec.verify.units import has_units, taken, unit_axes, unit_case, unit_places


@dataclass(frozen=True)
class Bar:
    """A target before its laws: the typical case, and what the target says to it."""

    target: Target
    loss: Loss
    budget: float
    dtype: str = "float64"

    @cached_property
    def typical(self) -> Case:
        """The first case of the loss, reduced as the target does."""
        return self.reduced(make_cases(self.loss.contract, DTYPES[self.dtype])[0])

    def reduced(self, case: Case) -> Case:
        """The case under the reduction that the target has."""
        own = "none" if self.per_unit else self.target.reductions[0]
        return replace(case, options={**case.options, "reduction": own})

    @property
    def per_unit(self) -> bool:
        """Say whether the target gives a value for each unit."""
        return "none" in self.target.reductions and "none" in self.loss.contract.reductions

    @property
    def pointwise(self) -> bool:
        """Say whether the loss of a unit depends on that unit alone."""
        return self.loss.contract.form == "pointwise"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the units of the typical case."""
        return unit_shape(self.loss.contract, self.typical.inputs)

    @property
    def reals(self) -> list[str]:
        """The real inputs of the typical case."""
        return [n for n, x in self.typical.inputs.items() if not isinstance(x, list) and x.dtype.kind == "f"]

    def ask(self, case: Case, *want: str) -> Answer:
        """Return the answer to a case."""
        return self.target.ask(Question(self.loss.contract.name, case, self.dtype, want or (VALUE,)))

    def differ(self, one: Answer, other: Answer, what: str) -> str:
        """The first difference of two answers in words; an empty string where they agree to the budget."""
        for answer in (one, other):
            if answer.value is None:
                return f"not run: {answer.skipped}" if answer.skipped else answer.failure
        assert one.value is not None
        assert other.value is not None
        if one.value.shape != other.value.shape:
            return f"the shape is {one.value.shape}, and {other.value.shape} {what}"
        eps = max(np.finfo(one.value.dtype).eps, np.finfo(other.value.dtype).eps)
        room = 16 * self.budget * eps * max(1.0, float(np.max(np.abs(one.value), initial=0.0)))
        away = np.abs(one.value - other.value)
        if not bool(np.all((away <= room) | (np.isnan(one.value) & np.isnan(other.value)))):
            place = tuple(int(i) for i in np.argwhere(~(away <= room))[0])
            return f"{one.value[place]!s} becomes {other.value[place]!s} {what}"
        return ""


def _permuted(bar: Bar) -> str:
    """The order of the units is of no consequence."""
    if not bar.shape or bar.loss.contract.form == "coupled":
        return "not run: the loss has no units to exchange"
    axis = unit_axes(bar.loss.contract, bar.typical)[0]
    back = list(range(bar.shape[0]))[::-1]
    turned = bar.ask(taken(bar.loss.contract, bar.typical, {axis: back}))
    if turned.value is not None and bar.per_unit and turned.value.ndim:
        turned = replace(turned, value=turned.value[::-1])
    return bar.differ(bar.ask(bar.typical), turned, "in another order")


def _alone(bar: Bar) -> str:
    """The loss of a unit is the same alone and in a batch."""
    if not bar.per_unit or not bar.pointwise or not bar.shape:
        return "not run: the target gives no values of units"
    whole = bar.ask(bar.typical)
    place = unit_places(bar.loss.contract, bar.typical)[-1]
    one = bar.ask(unit_case(bar.loss.contract, bar.typical, place))
    if whole.value is None or one.value is None or whole.value.shape != bar.shape:
        return bar.differ(whole, one, "alone")
    return bar.differ(
        replace(whole, value=whole.value[place].reshape(-1)), replace(one, value=one.value.reshape(-1)), "alone"
    )


def _nan(bar: Bar) -> str:
    """A NaN in the first input gives NaN."""
    name = next(iter(bar.reals), None)
    if name is None:
        return "not run: no input is real"
    value = bar.typical.inputs[name].copy()
    value.flat[0] = np.nan
    found = bar.ask(replace(bar.typical, inputs={**bar.typical.inputs, name: value}))
    if found.value is None:
        return "" if not found.skipped else f"not run: {found.skipped}"  # that it raises is as good
    return "" if np.isnan(found.value).any() else f"a NaN in `{name}` gives {found.value.ravel()[0]!s}"


def _poison(bar: Bar) -> str:
    """A NaN in a unit that is masked reaches nothing."""
    if not bar.shape or bar.loss.contract.form == "coupled":
        return "not run: there is no mask of units"
    mask = np.ones(bar.shape, dtype=np.bool_)
    mask.flat[0] = False
    inputs = dict(bar.typical.inputs)
    for name in bar.reals:
        if has_units(bar.loss.contract, bar.typical, name) and inputs[name].shape[: len(bar.shape)] == bar.shape:
            inputs[name] = inputs[name].copy()
            inputs[name][(0,) * len(bar.shape)] = np.nan
    reduction = next((r for r in ("mean", "sum", "none") if r in bar.target.reductions), bar.target.reductions[0])
    masked = replace(bar.typical, options={"reduction": reduction, "where": mask})
    return bar.differ(bar.ask(masked), bar.ask(replace(masked, inputs=inputs)), "with NaN under the mask")


def _label(bar: Bar) -> str:
    """A label out of range gives NaN or an error, and no number."""
    label = bar.loss.contract.label
    if label is None or bar.typical.inputs[label.name].dtype.kind != "i" or bar.typical.inputs[label.name].size == 0:
        return "not run: the loss has no labels of classes"
    value = bar.typical.inputs[label.name].copy()
    value.flat[0] = 1_000
    found = bar.ask(replace(bar.typical, inputs={**bar.typical.inputs, label.name: value}))
    if found.value is None or np.isnan(found.value).any():
        return ""
    return f"the label 1000 gives {found.value.ravel()[0]!s}"


def _shift(bar: Bar) -> str:
    """A constant added to a row that the loss is invariant in changes nothing."""
    names = [name for name in bar.loss.contract.invariant_in if name in bar.reals]
    if not names:
        return "not run: no invariance is declared"
    unit = 2.0**-12  # which 1024 and more have room for in float32
    rounded = {n: np.round(x / unit) * unit for n, x in bar.typical.inputs.items() if n in names}
    base = replace(bar.typical, inputs={**bar.typical.inputs, **rounded})
    moved = replace(base, inputs={**base.inputs, **{n: base.inputs[n] + 1024.0 for n in names}})
    return bar.differ(bar.ask(base), bar.ask(moved), "with 1024 added to a row")


def _dtype(bar: Bar) -> str:
    """The dtype of the inputs is that of the result."""
    found = bar.ask(bar.typical)
    if found.value is None:
        return f"not run: {found.skipped or found.failure}"
    return "" if found.value.dtype == bar.dtype else f"{bar.dtype} in, {found.value.dtype} out"


def _same_path(bar: Bar) -> str:
    """The value is the same with and without a gradient."""
    both = bar.ask(bar.typical, VALUE, GRADIENTS)
    if GRADIENTS in both.lacks or not both.gradients:
        return f"not run: {both.lacks.get(GRADIENTS, both.skipped or both.failure or 'it gives no gradients')}"
    return bar.differ(bar.ask(bar.typical), both, "beside its gradient")


LAWS: Mapping[str, Callable[[Bar], str]] = {
    "the order of units is of no consequence": _permuted,
    "a unit is the same alone": _alone,
    "NaN in is NaN out": _nan,
    "masked entries poison nothing": _poison,
    "a label out of range is no number": _label,
    "a shift changes nothing": _shift,
    "the dtype stays": _dtype,
    "value path equals gradient path": _same_path,
}
