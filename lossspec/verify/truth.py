"""The calls whose right results are known, and the truth about any other call: the one door to the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from mpmath import mp

from lossspec.conformance.axes import hessian_inputs, unit_shape
from lossspec.conformance.cases import Case
from lossspec.conformance.measure import derivative_errors, error, opposed, reduced
from lossspec.conformance.oracle import Component, Expected, solve, solve_hessians
from lossspec.conformance.store import Store
from lossspec.conformance.vectors import DTYPES as DTYPES
from lossspec.loss import Loss
from lossspec.verify.questions import Answer, Floating


@dataclass(frozen=True)
class Known:
    """A case with its right results."""

    case: Case
    expected: Expected
    hessians: list[list[Component]] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """A number of an answer beside the right one, and the distance in units of eps * scale."""

    kind: str
    place: str
    got: float
    right: str
    error: float
    index: int = 0
    """The position among the values, in the order of memory."""


@cache
def store() -> Store:
    """The results that are known, read once: several targets are asked about the same loss."""
    return Store()


def known_cases(loss: Loss, dtype: str) -> Iterator[Known]:
    """The cases of a loss in a precision, with their stored results."""
    results = store()
    for case in results.cases(loss, dtype):
        if case.axis == -1:
            curved = case.hessian and hessian_inputs(loss.contract, case.inputs)[0]
            known = Known(case, results.expected(loss, case), results.hessians(loss, case) if curved else [])
            yield known
            if loss.contract.form == "pointwise":
                yield from (replace(known, case=more, hessians=[]) for more in _means(loss, case))


def _means(loss: Loss, case: Case) -> Iterator[Case]:
    """Means that show what they divide by: of two axes, of rows of different lengths, of labels that are ignored."""
    if case.name == "two batch axes":
        yield case.with_options("mean", reduction="mean")
        yield _rows(loss, case)
    label = loss.contract.label
    if case.name == "typical" and label is not None and "ignore_index" in loss.contract.tail:
        labels = case.inputs[label.name]
        if labels.dtype.kind == "i" and labels.size:
            yield case.with_options("an ignored class, mean", reduction="mean", ignore_index=int(labels.flat[0]))


def _rows(loss: Loss, case: Case) -> Case:
    """The case with a mask that leaves rows of different lengths, where a mean of means is no mean."""
    mask = np.ones(unit_shape(loss.contract, case.inputs), dtype=np.bool_)
    mask[1:, 1:] = False
    return case.with_options("mean, rows of different lengths", reduction="mean", where=mask)


def known(loss: Loss, case: Case, hessians: bool = False) -> Known:
    """A case of one's own with its right results, which are computed now; second derivatives where they are wanted."""
    return Known(case, solve(loss, case), solve_hessians(loss, case) if hessians else [])


def right_values(loss: Loss, known: Known, case: Case) -> tuple[list[Any], list[float]]:
    """The right values of a case under its reduction, None for NaN, and their scales; `known` has the same inputs."""
    return reduced(loss.contract, case, known.expected)


def value_findings(loss: Loss, known: Known, case: Case, answer: Answer, dtype: str) -> list[Finding]:
    """Every value of an answer beside the right one; one finding with an infinite error where the shapes differ."""
    wanted, scales = right_values(loss, known, case)
    assert answer.value is not None
    if answer.value.size != len(wanted):
        shape = "x".join(map(str, answer.value.shape)) or "one number"
        return [Finding("value", "", np.nan, f"{len(wanted)} values, and it gives {shape}", np.inf)]
    kept = computed_in(answer, dtype)
    found = []
    for place, (got, right, scale) in enumerate(zip(answer.value.ravel(), wanted, scales, strict=True)):
        index = list(map(int, np.unravel_index(place, answer.value.shape))) if answer.value.ndim else []
        if right is None:
            away, words = (0.0 if np.isnan(got) else np.inf), "nan"
        else:
            away, words = error(got, right, right, scale, kept), mp.nstr(right, 17)
        found.append(Finding("value", str(index) if index else "", float(got), words, away, place))
    return found


def derivative_findings(loss: Loss, known: Known, case: Case, answer: Answer, kind: str, dtype: str) -> list[Finding]:
    """The derivatives of an answer that the oracle has, beside the right ones; those that are not finite as well."""
    components = known.expected.components if kind == "gradient" else known.hessians
    given = answer.gradients if kind == "gradient" else answer.hessians
    values, _ = right_values(loss, known, case)
    if opposed(known.expected.values, DTYPES[dtype]) or any(value is None for value in values):
        return []  # the derivative of what is no number is nobody's concern
    found = []
    kept = computed_in(answer, dtype)
    judged = derivative_errors(loss.contract, case, known.expected, components, given, kept, kind)
    for component, factor, number, away in judged:
        right = "finite" if component.free else mp.nstr(factor * component.low, 17)
        if component.low != component.high:
            right += f" to {mp.nstr(factor * component.high, 17)}"
        place = f"{component.name}{list(component.index)}"
        found.append(Finding(kind, place, float(number), right, away))
    return found


def computed_in(answer: Answer, dtype: str) -> Floating:
    """The dtype that errors are measured in: that of the inputs, or of the values where they are single already."""
    single = answer.value is not None and answer.value.dtype == np.float32
    return np.float32 if single else DTYPES[dtype]


def with_reduction(case: Case, reduction: str) -> Case:
    """The same inputs, reduced."""
    return replace(case, options={**case.options, "reduction": reduction})
