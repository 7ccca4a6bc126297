"""The verdict on a target: level by level, in units of eps * scale, with every difference kept for its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lossspec.conformance.cases import Case, make_cases
from lossspec.contract import Accuracy
from lossspec.loss import Loss
from lossspec.verify.laws import LAWS, Bar
from lossspec.verify.questions import GRADIENTS, HESSIANS, VALUE, Answer, Question, Target
from lossspec.verify.truth import (
    DTYPES,
    Finding,
    Known,
    derivative_findings,
    known_cases,
    value_findings,
    with_reduction,
)
from lossspec.verify.units import unit_case, unit_places

LEVELS = {"L1": "values", "L2": "reductions", "L3": "gradients", "L4": "Hessians", "L5": "laws"}
KINDS = {"L3": "gradient", "L4": "Hessian"}
MOST_UNITS = 6


@dataclass(frozen=True)
class Observation:
    """One call with what came of it: the findings of one level, those beyond the budget among them."""

    level: str
    known: Known
    case: Case
    dtype: str
    answer: Answer
    findings: tuple[Finding, ...]
    budget: float

    @property
    def worst(self) -> Finding:
        """The finding with the largest error."""
        return max(self.findings, key=lambda finding: finding.error)

    @property
    def wrong(self) -> bool:
        """Say whether a finding is beyond the budget."""
        return bool(self.findings) and self.worst.error > self.budget


@dataclass
class Level:
    """The outcome of one level."""

    name: str
    budget: float = 0.0
    checks: int = 0
    wrong: int = 0
    worst: float = 0.0
    worst_case: str = ""
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def status(self) -> str:
        """The outcome in a word."""
        return "not run" if not self.checks else "fail" if self.wrong else "pass"


@dataclass
class Verdict:
    """All that was found out about one target."""

    target: str
    loss: str
    facts: Mapping[str, str] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)
    laws: dict[str, str] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    causes: list[Any] = field(default_factory=list)
    example: Any = None
    refusal: str = ""
    """The reason why the target could not be asked at all."""

    @property
    def status(self) -> str:
        """The outcome in a word: right, wrong, or not run."""
        if self.refusal or all(level.status == "not run" for level in self.levels.values()):
            return "not run"
        return "wrong" if any(level.status == "fail" for level in self.levels.values()) else "right"

    @property
    def reached(self) -> str:
        """The last level up to which everything that ran is right; empty if the first is wrong."""
        reached = ""
        for name, level in self.levels.items():
            if level.status == "fail":
                break
            reached = name if level.status == "pass" else reached
        return reached

    @property
    def worst(self) -> float:
        """The largest error of values and derivatives in units of eps * scale."""
        return max((level.worst for name, level in self.levels.items() if name != "L5"), default=0.0)

    def skip(self, level: str, reason: str) -> None:
        """Note that a call was not asked, or not answered, at a level that is wanted."""
        if level in self.levels:
            self.levels[level].skipped[reason] += 1

    def differences(self) -> Iterator[Observation]:
        """The observations beyond their budget, level by level."""
        for name in LEVELS:
            yield from (seen for seen in self.observations if seen.level == name and seen.wrong)


def judge(
    target: Target,
    loss: Loss,
    levels: Iterable[str] = tuple(LEVELS),
    dtypes: Iterable[str] = tuple(DTYPES),
    budget: float | None = None,
) -> Verdict:
    """Ask a target, which is prepared, all that is known about a loss, and compare."""
    wanted = tuple(levels)
    accuracy = loss.contract.accuracy if budget is None else _budget(budget)
    verdict = Verdict(target.name, loss.contract.name, target.describe())
    budgets = {"L1": accuracy.value, "L2": accuracy.value, "L3": accuracy.gradient, "L4": accuracy.hessian, "L5": 0.0}
    verdict.levels = {name: Level(name, budgets[name]) for name in wanted}
    for dtype in dtypes:
        for known in known_cases(loss, dtype):
            for seen in _observe(target, loss, known, dtype, wanted, budgets, verdict):
                _note(verdict, seen)
    if "L5" in wanted:
        _try_laws(target, loss, verdict, max(accuracy.value, accuracy.gradient))
    return verdict


def _budget(size: float) -> Accuracy:
    return Accuracy(size, size, "asked for", size)


def _observe(
    target: Target,
    loss: Loss,
    known: Known,
    dtype: str,
    wanted: tuple[str, ...],
    budgets: Mapping[str, float],
    verdict: Verdict,
) -> Iterator[Observation]:
    """The observations of all levels on one case."""
    case, pointwise = known.case, loss.contract.form == "pointwise"
    given = case.options.get("reduction")
    own = "none" if "none" in target.reductions else target.reductions[0]
    if given is None:
        reduction = own if pointwise or own != "none" else loss.contract.default_reduction
    elif given in target.reductions:
        reduction = given
    else:
        verdict.skip("L2", f"it has no reduction {given!s}")
        return
    chosen = with_reduction(case, reduction)
    value_level = (
        "L2"
        if case.options
        or reduction not in ("none", loss.contract.default_reduction)
        or (pointwise and reduction != "none")
        else "L1"
    )
    derivative = replace(chosen, options={**chosen.options, "reduction": "sum"}) if reduction == "none" else chosen
    want = [VALUE] * bool({value_level} & {*wanted})
    want += [GRADIENTS] * ("L3" in wanted and not (case.options and reduction == "none"))
    want += [HESSIANS] * ("L4" in wanted and bool(known.hessians) and not case.options)
    if want:
        answer = target.ask(Question(loss.contract.name, chosen, dtype, tuple(want)))
        yield from _compare(loss, known, chosen, derivative, dtype, answer, value_level, tuple(want), budgets, verdict)
    if pointwise and reduction != "none" and not case.options and "L1" in wanted:
        for place in unit_places(loss.contract, case)[:MOST_UNITS]:
            alone = unit_case(loss.contract, case, place)
            one = replace(known, case=alone, expected=_one(known, loss, case, place))
            asked = with_reduction(alone, reduction)
            answer = target.ask(Question(loss.contract.name, asked, dtype))
            yield from _compare(loss, one, asked, asked, dtype, answer, "L1", (VALUE,), budgets, verdict)


def _one(known: Known, loss: Loss, case: Case, place: tuple[int, ...]) -> Any:
    number = unit_places(loss.contract, case).index(place)
    expected = known.expected
    return replace(expected, values=[expected.values[number]], scales=[expected.scales[number]], components=[[]])


def _compare(
    loss: Loss,
    known: Known,
    case: Case,
    derivative: Case,
    dtype: str,
    answer: Answer,
    value_level: str,
    want: tuple[str, ...],
    budgets: Mapping[str, float],
    verdict: Verdict,
) -> Iterator[Observation]:
    parts = {VALUE: value_level, GRADIENTS: "L3", HESSIANS: "L4"}
    for part in want:
        level = parts[part]
        if answer.skipped or part in answer.lacks:
            verdict.skip(level, answer.skipped or answer.lacks[part])
            continue
        if answer.failure:
            refused = _other_form(loss, case, dtype)
            if refused:
                verdict.skip(level, f"it refuses {refused}: {answer.failure}")
            elif part == want[0]:
                broken = (Finding("call", "", np.nan, "an answer", np.inf),)
                yield Observation(level, known, case, dtype, answer, broken, budgets[level])
            continue
        if part == VALUE:
            findings = value_findings(loss, known, case, answer, dtype)
        else:
            findings = derivative_findings(loss, known, derivative, answer, KINDS[level], dtype)
        if findings:
            yield Observation(level, known, case, dtype, answer, tuple(findings), budgets[level])


def _other_form(loss: Loss, case: Case, dtype: str) -> str:
    """The input with another kind of dtype or number of axes than typical, of which libraries have conventions.

    An empty string if there is none: what is refused then is a failure.
    """
    typical = make_cases(loss.contract, DTYPES[dtype])[0].inputs
    for name, value in case.inputs.items():
        if isinstance(value, list):
            continue
        if value.dtype.kind != typical[name].dtype.kind:
            return f"`{name}` of {value.dtype}"
        if value.ndim != typical[name].ndim:
            return f"`{name}` of {value.ndim} axes"
    return ""


def _note(verdict: Verdict, seen: Observation) -> None:
    level = verdict.levels[seen.level]
    verdict.observations.append(seen)
    level.checks += len(seen.findings)
    level.wrong += sum(finding.error > seen.budget for finding in seen.findings)
    if seen.worst.error > level.worst:
        level.worst, level.worst_case = seen.worst.error, f"{seen.case.name}, {seen.dtype}"


def _try_laws(target: Target, loss: Loss, verdict: Verdict, budget: float) -> None:
    level = verdict.levels["L5"]
    bar = Bar(target, loss, budget)
    for name, law in LAWS.items():
        outcome = law(bar)
        verdict.laws[name] = outcome or "holds"
        if outcome.startswith("not run"):
            level.skipped[outcome] += 1
            continue
        level.checks += 1
        level.wrong += bool(outcome)
        level.worst_case = level.worst_case or (name if outcome else "")
