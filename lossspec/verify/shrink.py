"""The smallest input on which a target is wrong: fewer units, fewer classes, rounder numbers, while it stays wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossspec.conformance.axes import unit_shape
from lossspec.conformance.cases import Case
from lossspec.errors import LossSpecError
from lossspec.loss import Loss
from lossspec.pipeline import checking
from lossspec.verify.judge import KINDS, Observation
from lossspec.verify.questions import GRADIENTS, HESSIANS, VALUE, Question, Target
from lossspec.verify.truth import Finding, derivative_findings, known, value_findings, with_reduction
from lossspec.verify.units import class_count, taken, unit_axes, unit_case, unit_places, without_class

SECONDS = 10.0
"""The time that shrinking may take; what is smallest until then is shown."""


@dataclass(frozen=True)
class Example:
    """A small call on which a target is wrong."""

    level: str
    case: Case
    dtype: str
    finding: Finding
    message: str = ""
    """The failure of the target, where it gave no answer."""


def shrink(target: Target, loss: Loss, seen: Observation, seconds: float = SECONDS) -> Example:
    """The smallest call that differs as an observation does: at the same level, by the same kind of result."""
    search = _Search(target, loss, seen, time.monotonic() + seconds)
    first = Example(seen.level, seen.case, seen.dtype, seen.worst, seen.answer.failure)
    best = search.wrong(seen.case) or first
    for step in (_single_units, _fewer_units, _fewer_classes, _rounder):
        best = search.descend(best, step)
    return best


@dataclass(frozen=True)
class _Search:
    target: Target
    loss: Loss
    seen: Observation
    until: float

    def wrong(self, case: Case) -> Example | None:
        """The example that a case is, or None where the target is right or the case is outside of the domain."""
        if time.monotonic() > self.until:
            return None
        level, dtype, contract = self.seen.level, self.seen.dtype, self.loss.contract
        try:
            with checking("values"), np.errstate(all="ignore"):
                self.loss(**case.inputs, **case.parameters, **case.options)
            truth = known(self.loss, case, level == "L4")
        except (LossSpecError, ArithmeticError, ValueError, IndexError):
            return None
        want = {"L3": (VALUE, GRADIENTS), "L4": (GRADIENTS, HESSIANS)}.get(level, (VALUE,))
        answer = self.target.ask(Question(contract.name, case, dtype, want))
        if answer.skipped:
            return None
        if answer.failure:
            same = self.seen.answer.failure.partition(":")[0] == answer.failure.partition(":")[0]
            return Example(level, case, dtype, replace(self.seen.worst, got=np.nan), answer.failure) if same else None
        if level in KINDS:
            summed = with_reduction(case, "sum") if case.options.get("reduction") == "none" else case
            findings = derivative_findings(self.loss, truth, summed, answer, KINDS[level], dtype)
        else:
            findings = value_findings(self.loss, truth, case, answer, dtype)
        worst = max(findings, key=lambda finding: finding.error, default=None)
        return Example(level, case, dtype, worst) if worst is not None and worst.error > self.seen.budget else None

    def descend(self, best: Example, step: Callable[[_Search, Case], Iterator[Case]]) -> Example:
        """The example after as many steps of one kind as leave the target wrong."""
        tried: set[bytes] = set()
        found = True
        while found and time.monotonic() < self.until:
            found = False
            for case in step(self, best.case):
                key = b"".join(np.asarray(x).tobytes() + bytes(str(np.shape(x)), "ascii") for x in _flat(case.inputs))
                if key in tried:
                    continue
                tried.add(key)
                smaller = self.wrong(case)
                if smaller is not None:
                    best, found = smaller, True
                    break
        return best


def _flat(inputs: dict[str, Any]) -> Iterator[Any]:
    for value in inputs.values():
        yield from value if isinstance(value, list) else [value]


def _single_units(search: _Search, case: Case) -> Iterator[Case]:
    """One unit alone; the one that is wrong first."""
    contract = search.loss.contract
    places = unit_places(contract, case)
    if contract.form != "pointwise" or len(places) < 2:
        return
    order = sorted(range(len(places)), key=lambda k: (k != search.seen.worst.index, k))
    for k in order[:8]:
        yield replace(unit_case(contract, case, places[k]), name=case.name)


def _fewer_units(search: _Search, case: Case) -> Iterator[Case]:
    """The batch without one entry of its leading axis, halves of it first."""
    contract = search.loss.contract
    shape = unit_shape(contract, case.inputs)
    if not shape or shape[0] < 2:
        return
    axis = unit_axes(contract, case)[0]
    n = shape[0]
    halves = [list(range(n // 2)), list(range(n // 2, n))] if n > 2 else []
    for kept in [*halves, *([i for i in range(n) if i != gone] for gone in range(n))]:
        yield taken(contract, case, {axis: kept})


def _fewer_classes(search: _Search, case: Case) -> Iterator[Case]:
    count = class_count(search.loss.contract, case)
    if "class_weight" in case.options or count < 2:
        return
    for index in range(count):
        fewer = without_class(search.loss.contract, case, index)
        if fewer is not None:
            yield fewer


def _rounder(search: _Search, case: Case) -> Iterator[Case]:
    """One number of one input simpler: 0, 1, a whole number, fewer digits."""
    for name, value in case.inputs.items():
        if isinstance(value, list) or value.dtype.kind != "f":
            continue
        for index in np.ndindex(value.shape):
            x = float(value[index])
            for simple in _simpler(x):
                changed = value.copy()
                changed[index] = simple
                if changed[index] != value[index]:
                    yield replace(case, inputs={**case.inputs, name: changed})


def _simpler(x: float) -> Iterator[float]:
    """The numbers that are simpler than one, the simplest first."""
    if not np.isfinite(x) or x == 0:
        return
    yield 0.0
    for digits in range(1, 4):
        near = float(f"{x:.{digits}g}")
        if near == x:
            return
        yield near
