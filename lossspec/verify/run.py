"""A whole run: every target asked, judged, explained, shrunk and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from lossspec.conformance.oracle import definition_of
from lossspec.errors import LossSpecError
from lossspec.loss import Loss
from lossspec.verify.causes import likely_causes
from lossspec.verify.compare import disagreements
from lossspec.verify.judge import LEVELS, Verdict, judge
from lossspec.verify.questions import Target
from lossspec.verify.report import Report
from lossspec.verify.shrink import shrink


def verify(
    targets: Sequence[tuple[str, Callable[[], Target]]],
    loss: Loss,
    levels: Iterable[str] = tuple(LEVELS),
    dtypes: Iterable[str] = ("float32", "float64"),
    budget: float | None = None,
) -> Report:
    """The report on targets, each given by a name and a function that makes it; one that cannot be made says why."""
    definition_of(loss)  # or there is no judge
    levels, dtypes = tuple(levels), tuple(dtypes)
    verdicts = []
    for name, make in targets:
        try:
            target = make()
            with closing(target):
                target.prepare(loss)
                verdict = judge(target, loss, levels, dtypes, budget)
                verdict.causes = likely_causes(loss, verdict)
                seen = next(verdict.differences(), None)
                verdict.example = None if seen is None else shrink(target, loss, seen)
        except LossSpecError as error:
            verdict = Verdict(name, loss.contract.name, refusal=str(error))
        verdicts.append(verdict)
    return Report(loss.contract.name, verdicts, tuple(disagreements(verdicts)))
