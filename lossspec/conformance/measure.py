"""The measure of error: in units of eps * scale, with the scale that a loss of this condition deserves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from mpmath import mp, mpf

from lossspec.conformance.axes import shared_inputs
from lossspec.conformance.cases import Case
from lossspec.conformance.oracle import Component, Expected, divisor, lengths_of, selection
from lossspec.contract import LENGTH_REDUCTIONS, Contract

FLUSHED = 16.0
"""Times the smallest normal number: what counts as zero."""


def error(got: Any, low: Any, high: Any, scale: float, dtype: type[np.floating[Any]]) -> float:
    """The distance of a number from the interval of right ones, in units of eps * scale; inf if it is not finite.

    Numbers near the smallest normal one count as zero: XLA flushes what is below, results and their factors alike.
    """
    info = np.finfo(dtype)
    tiny = FLUSHED * float(info.smallest_normal)
    number = float(got)
    if mp.isinf(low):
        return 0.0 if number == float(low) else float("inf")
    if np.isinf(number):
        return 0.0 if (high > float(info.max) if number > 0 else low < -float(info.max)) else float("inf")
    if np.isnan(number) or low > float(info.max) or high < -float(info.max):
        return float("inf")
    with mp.workdps(40):
        away = max(low - mpf(number), mpf(number) - high, mpf(0))
        if away <= tiny:
            return 0.0
        floor = mpf(float(info.eps)) * mpf(scale)
        return float(away / floor) if floor else float("inf")


def opposed(values: list[Any], dtype: type[np.floating[Any]]) -> bool:
    """Say whether values beyond the largest number have both signs, so that their sum is no number."""
    largest = float(np.finfo(dtype).max)
    return len({value > 0 for value in values if value is not None and abs(value) > largest}) == 2


def _weighed(contract: Contract, case: Case, reduction: Any) -> tuple[list[bool], list[Any], Any]:
    """The selected units, the factor of each, and the denominator of their sum."""
    shape, selected, weights, factors = selection(contract, case)
    lengths = lengths_of(contract, case)
    with mp.workdps(40):
        over = divisor(reduction, shape, selected, weights, lengths)
        if reduction == "length_mean":
            factors = [w / max(n, 1) for w, n in zip(factors, lengths, strict=True)]
    return selected, factors, over


def reduced(contract: Contract, case: Case, expected: Expected) -> tuple[list[Any], list[float]]:
    """The values (None for NaN) and scales that a case must give under its reduction, from those of the units."""
    reduction = case.options.get("reduction", contract.default_reduction)
    selected, weights, over = _weighed(contract, case, reduction)
    with mp.workdps(40):
        if contract.form == "aggregate" or (contract.form == "coupled" and reduction != "none"):
            if over == 0:
                return [_empty(case)], [1.0]
            return expected.values, expected.scales
        weighted = [
            (mpf(0) if not keep else None if value is None else weight * value)
            for value, weight, keep in zip(expected.values, weights, selected, strict=True)
        ]
        spread = [
            float(weight) * scale + (0.0 if value is None or mp.isinf(value) else float(abs(weight * value)))
            for value, weight, scale in zip(expected.values, weights, expected.scales, strict=True)
        ]
        if reduction == "none":
            return weighted, spread
        if over == 0:
            return [_empty(case)], [1.0]
        if any(value is None for value in weighted):
            return [None], [1.0]
        total = mp.fsum(weighted) / over
        return [total], [float(sum(s for s, keep in zip(spread, selected, strict=True) if keep) / abs(over))]


def _empty(case: Case) -> Any:
    empty = case.options.get("empty", "nan")
    return None if empty == "nan" else mpf(empty)


def coefficients(contract: Contract, case: Case, units: int) -> list[Any]:
    """The factor of the gradient of each unit under the reduction of a case."""
    reduction = case.options.get("reduction", contract.default_reduction)
    selected, weights, over = _weighed(contract, case, reduction)
    with mp.workdps(40):
        if contract.form != "pointwise":
            return [mpf(1)] * units
        return [w / over if keep and over else mpf(0) for w, keep in zip(weights, selected, strict=True)]


def pooled(
    contract: Contract, components: list[list[Component]], factors: list[Any], values: list[Any]
) -> Iterator[tuple[list[Component], Any, Any]]:
    """The components of every unit with its factor and value; those of inputs that all units share, added up, last."""
    shared = shared_inputs(contract) if contract.form == "pointwise" else frozenset()
    sums: dict[tuple[str, tuple[int, ...]], Component] = {}
    for unit, factor, value in zip(components, factors, values, strict=True):
        yield [component for component in unit if component.name not in shared], factor, value
        for c in unit:
            if c.name in shared:
                with mp.workdps(40):
                    total = sums.get((c.name, c.index), Component(c.name, c.index, mpf(0), mpf(0), 0.0))
                    sums[c.name, c.index] = Component(
                        c.name,
                        c.index,
                        total.low + factor * c.low,
                        total.high + factor * c.high,
                        total.scale + float(factor) * c.scale,
                        total.free or c.free,
                    )
    if sums:
        known = [value for value in values if value is not None]
        yield list(sums.values()), mpf(1), max(map(abs, known)) if len(known) == len(values) else mp.inf


def gradient_error(component: Component, factor: Any, got: Any, dtype: type[np.floating[Any]]) -> float:
    """The error of one entry of a gradient."""
    if component.free:
        return 0.0 if np.isfinite(got) else float("inf")
    with mp.workdps(40):
        ends = sorted((factor * component.low, factor * component.high))
        return error(got, ends[0], ends[1], float(abs(factor)) * component.scale, dtype)


def derivative_errors(
    contract: Contract,
    case: Case,
    expected: Expected,
    components: list[list[Component]],
    given: Mapping[str, Any],
    dtype: type[np.floating[Any]],
    kind: str,
) -> Iterator[tuple[Component, Any, Any, float]]:
    """The derivatives that the oracle has: the component, its factor under the reduction, what is given, the error."""
    factors = coefficients(contract, case, len(components))
    label = contract.label
    reduction = case.options.get("reduction", contract.default_reduction)
    weighs_labels = "class_weight" in case.options and reduction in ("mean", *LENGTH_REDUCTIONS)
    largest = float(np.finfo(dtype).max)
    for unit, factor, value in pooled(contract, components, factors, expected.values):
        if value is not None and abs(value) > largest:
            continue  # the value overflows; no derivative of it means anything
        for component in unit:
            if weighs_labels and label is not None and component.name == label.name:
                continue  # what the mean divides by depends on a distribution of labels, and with it this derivative
            if component.name not in given:
                continue  # an input that has no second derivatives
            got, index = given[component.name], component.index
            number = got[index[0]][index[1:]] if isinstance(got, list) else got[index]
            if kind == "Hessian" and component.scale == 0 and value is not None:
                component = replace(component, scale=float(abs(value)))  # 0 whatever the inputs: the loss is its scale
            yield component, factor, number, gradient_error(component, factor, number, dtype)
