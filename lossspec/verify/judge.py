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

    @property
    def broken(self) -> Mapping[str, str]:
        """The laws that do not hold, with what was seen."""
        return {law: x for law, x in self.laws.items() if x != "holds" and not x.startswith("not run")}

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
    wanted, dtypes = tuple(levels), tuple(dtypes)
    accuracy = loss.contract.accuracy if budget is None else Accuracy(budget, budget, "asked for", budget)
    budgets = {"L1": accuracy.value, "L2": accuracy.value, "L3": accuracy.gradient, "L4": accuracy.hessian, "L5": 0.0}
    verdict = Verdict(target.name, loss.contract.name, target.describe())
    verdict.levels = {name: Level(name, budgets[name]) for name in wanted}
    session = _Session(target, loss, budgets, verdict)
    for dtype in dtypes:
        for known in known_cases(loss, dtype):
            for seen in session.observe(known, dtype):
                _note(verdict, seen)
    if "L5" in wanted:
        bar = Bar(target, loss, max(accuracy.value, accuracy.gradient), dtypes[-1] if dtypes else "float64")
        _try_laws(bar, verdict)
    return verdict


@dataclass(frozen=True)
class _Session:
    """A target that is asked case by case, at the levels of its verdict."""

    target: Target
    loss: Loss
    budgets: Mapping[str, float]
    verdict: Verdict

    def observe(self, known: Known, dtype: str) -> Iterator[Observation]:
        """The observations of all levels on one case."""
        case, contract, wanted = known.case, self.loss.contract, self.verdict.levels
        pointwise = contract.form == "pointwise"
        reduction = self.reduction_of(case)
        if not reduction:
            self.verdict.skip("L2", f"it has no reduction {case.options['reduction']!s}")
            return
        usual = reduction == "none" or (reduction == contract.default_reduction and not pointwise)
        parts = {VALUE: "L1" if usual and not case.options else "L2"}
        if not (case.options and reduction == "none"):
            parts[GRADIENTS] = "L3"
        if known.hessians and not case.options:
            parts[HESSIANS] = "L4"
        parts = {part: level for part, level in parts.items() if level in wanted}
        if parts:
            yield from self.ask(known, with_reduction(case, reduction), dtype, parts)
        if pointwise and reduction != "none" and not case.options and "L1" in wanted:
            for number, place in enumerate(unit_places(contract, case)[:MOST_UNITS]):
                alone, all_of = unit_case(contract, case, place), known.expected
                one = replace(all_of, values=[all_of.values[number]], scales=[all_of.scales[number]], components=[[]])
                known_alone = replace(known, case=alone, expected=one)
                yield from self.ask(known_alone, with_reduction(alone, reduction), dtype, {VALUE: "L1"})

    def reduction_of(self, case: Case) -> Any:
        """The reduction under which a case is asked: its own, or one of the target; None if the target lacks it."""
        contract, taken = self.loss.contract, self.target.reductions
        given = case.options.get("reduction")
        if given is not None:
            return given if given in taken else None
        own = "none" if "none" in taken else taken[0]
        return own if contract.form == "pointwise" or own != "none" else contract.default_reduction

    def ask(self, known: Known, case: Case, dtype: str, parts: Mapping[str, str]) -> Iterator[Observation]:
        """The observations on a call, for the parts of an answer that are wanted, each at its level."""
        answer = self.target.ask(Question(self.loss.contract.name, case, dtype, tuple(parts)))
        summed = with_reduction(case, "sum") if case.options["reduction"] == "none" else case
        for number, (part, level) in enumerate(parts.items()):
            skipped = answer.skipped or answer.lacks.get(part, "")
            if answer.failure:
                skipped = _refusal(self.loss, case, dtype, answer.failure)
            if skipped:
                self.verdict.skip(level, skipped)
                continue
            if answer.failure:
                findings = [Finding("call", "", np.nan, "an answer", np.inf)] * (number == 0)
            elif part == VALUE:
                findings = value_findings(self.loss, known, case, answer, dtype)
            else:
                findings = derivative_findings(self.loss, known, summed, answer, KINDS[level], dtype)
            if findings:
                yield Observation(level, known, case, dtype, answer, tuple(findings), self.budgets[level])


def _refusal(loss: Loss, case: Case, dtype: str, failure: str) -> str:
    """The input of another kind or number of axes than typical, with the failure; else, or for a crash, nothing.

    Of these libraries have conventions: that they refuse them is no mistake.
    """
    if failure.startswith("the runner"):
        return ""
    typical = make_cases(loss.contract, DTYPES[dtype])[0].inputs
    for name, value in case.inputs.items():
        if isinstance(value, list):
            continue
        if value.dtype.kind != typical[name].dtype.kind:
            return f"it refuses `{name}` of {value.dtype}: {failure}"
        if value.ndim != typical[name].ndim:
            return f"it refuses `{name}` of {value.ndim} axes: {failure}"
    return ""


def _note(verdict: Verdict, seen: Observation) -> None:
    level = verdict.levels[seen.level]
    verdict.observations.append(seen)
    level.checks += len(seen.findings)
    level.wrong += sum(finding.error > seen.budget for finding in seen.findings)
    if seen.worst.error > level.worst:
        level.worst, level.worst_case = seen.worst.error, f"{seen.case.name}, {seen.dtype}"


def _try_laws(bar: Bar, verdict: Verdict) -> None:
    level = verdict.levels["L5"]
    for name, law in LAWS.items():
        outcome = law(bar)
        verdict.laws[name] = outcome or "holds"
        if outcome.startswith("not run"):
            level.skipped[outcome] += 1
            continue
        level.checks += 1
        level.wrong += bool(outcome)
        level.worst_case = level.worst_case or (name if outcome else "")
