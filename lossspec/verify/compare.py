"""Targets beside each other: the first number in which two of them differ, and which of the two is right there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lossspec.verify.judge import Verdict
from lossspec.verify.truth import Finding

SAME = 1e-6
"""The relative difference up to which two numbers that are both wrong are the same."""


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
    numbers, others = _numbers(one), _numbers(other)
    common = [place for place in numbers if place in others]
    for place in common:
        (found, wrong), (beside, also) = numbers[place], others[place]
        if not (wrong or also) or (wrong and also and bool(_close(found, beside))):
            continue
        right = [name for name, bad in ((one.target, wrong), (other.target, also)) if not bad]
        who = f"{right[0]} is right" if right else "neither is right"
        level, case, dtype, _ = place
        told = f"{one.target} gives {found.got!r}, {other.target} gives {beside.got!r}, right is {found.right}: {who}"
        words = f"they differ first in {level} on {case}, {dtype}: {told}"
        return Disagreement(one.target, other.target, words, right[0] if right else "")
    words = f"they agree on {len(common)} numbers" if common else "no call was answered by both"
    return Disagreement(one.target, other.target, words)


def _numbers(verdict: Verdict) -> dict[tuple[str, str, str, str], tuple[Finding, bool]]:
    """All numbers of a target by level, case, dtype and place; whether each is wrong. Units of a batch are cases."""
    found = {}
    for seen in verdict.observations:
        alone = ", unit [" in seen.case.name or seen.level != "L1"
        for finding in seen.findings:
            case = seen.case.name if alone or not finding.place else f"{seen.case.name}, unit {finding.place}"
            place = f"{finding.place} {seen.case.options.get('reduction')}" if seen.level != "L1" else ""
            found[seen.level, case, seen.dtype, place] = (finding, finding.error > seen.budget)
    return found


def _close(one: Finding, other: Finding) -> bool:
    return bool(np.isclose(one.got, other.got, rtol=SAME, atol=0.0, equal_nan=True))
