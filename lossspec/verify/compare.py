"""Targets beside each other: the first input on which two of them differ, and which of the two is right there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lossspec.verify.judge import Observation, Verdict


@dataclass(frozen=True)
class Disagreement:
    """Two targets, the place where they differ first, and the one that is right there; empty for neither or both."""

    one: str
    other: str
    words: str
    right: str = ""


def disagreements(verdicts: Sequence[Verdict]) -> Iterator[Disagreement]:
    """Every two targets that ran, with their first difference."""
    for one, other in itertools.combinations([v for v in verdicts if not v.refusal], 2):
        yield _first(one, other)


def _first(one: Verdict, other: Verdict) -> Disagreement:
    answered = {_key(seen): seen for seen in other.observations}
    common = 0
    for seen in one.observations:
        beside = answered.get(_key(seen))
        if beside is None or seen.answer.value is None or beside.answer.value is None:
            continue
        common += 1
        if seen.wrong == beside.wrong and not _apart(seen, beside):
            continue
        wrong = {one.target: seen, other.target: beside}
        right = [name for name, found in wrong.items() if not found.wrong]
        told = ", ".join(f"{name} gives {_at(found, seen, beside)}" for name, found in wrong.items())
        who = (
            f"{right[0]} is right"
            if len(right) == 1
            else "neither is right"
            if not right
            else "both are within the budget"
        )
        truth = max(seen.findings, beside.findings, key=lambda f: max(x.error for x in f))
        worst = max(truth, key=lambda finding: finding.error)
        where = f"in {seen.level} on {seen.case.name}, {seen.dtype}"
        words = f"they differ first {where}: {told}, right is {worst.right}: {who}"
        return Disagreement(one.target, other.target, words, right[0] if len(right) == 1 else "")
    words = f"they agree within the budget on {common} calls" if common else "no call was answered by both"
    return Disagreement(one.target, other.target, words)


def _key(seen: Observation) -> tuple[str, str, str]:
    return seen.level, seen.case.name, seen.dtype


def _apart(one: Observation, other: Observation) -> bool:
    """Say whether two answers that are both wrong differ, or both within the budget and differ by more than it."""
    a = np.asarray([finding.got for finding in one.findings])
    b = np.asarray([finding.got for finding in other.findings])
    return one.wrong and (a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, equal_nan=True))


def _at(found: Observation, *both: Observation) -> str:
    """The number of one target at the place where either is worst."""
    worst = max((max(enumerate(x.findings), key=lambda f: f[1].error) for x in both), key=lambda f: f[1].error)[0]
    return repr(found.findings[min(worst, len(found.findings) - 1)].got)
