"""A library judged whole: every call of it that a loss declares as equal, like anybody's function.

`python -m lossspec.verify.library docs/accuracy.md` writes what is wrong in all of them between two markers
of that page.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lossspec
from lossspec.conformance.peers import PEERS, is_single, names_of
from lossspec.contract import Equal
from lossspec.loss import Loss
from lossspec.registry import get, names
from lossspec.verify.arguments import TargetError
from lossspec.verify.callables import CallTarget
from lossspec.verify.judge import LEVELS, Verdict
from lossspec.verify.report import (
    FORMAT,
    Report,
    arguments_words,
    content_of,
    error_words,
    level_words,
    number_words,
)
from lossspec.verify.run import verify
from lossspec.verify.shrink import Example

WRONG = 1e4
"""The budget of the table: four digits more are lost than the inputs had unsure."""
_LONGEST = 160
"""Letters of the inputs that a row shows."""
BEGIN, END = "<!-- defects: begin -->", "<!-- defects: end -->"


@dataclass(frozen=True)
class Call:
    """A call of a library that a loss declares as equal: its place among those of the loss."""

    library: str
    loss: str
    place: int

    @property
    def equal(self) -> Equal:
        """The declaration."""
        return get(self.loss).contract.equals[self.place]

    def judged(
        self,
        levels: Iterable[str] = tuple(LEVELS),
        dtypes: Iterable[str] = ("float32", "float64"),
        budget: float | None = None,
    ) -> Report:
        """The report on the call; one that computes in float32 whatever it is given is asked in no other dtype."""
        peer = PEERS[self.library]
        target = partial(CallTarget, self.equal.call, peer.backend, self.equal, names_of(self.library))
        dtypes = [dtype for dtype in dtypes if dtype == "float32" or not is_single(self.equal)]
        return verify([(self.equal.call, target)], get(self.loss), levels, dtypes, budget)


def calls_of(library: str, loss: Loss | None = None) -> list[Call]:
    """The calls of a library that losses declare as equal, those of one loss or of all."""
    if library not in PEERS:
        raise TargetError(f"{library}: is no library whose calls are declared. There are {', '.join(PEERS)}")
    if missing := PEERS[library].missing():
        raise TargetError(f"{library} cannot run: {missing} is not installed")
    every = names() if loss is None else [loss.contract.name]
    found = [
        Call(library, name, place)
        for name in every
        for place, equal in enumerate(get(name).contract.equals)
        if equal.peer == library
    ]
    if not found:
        raise TargetError(f"{every[0] if loss else 'no loss'} declares no call of {library} as equal")
    return found


def all_calls() -> list[Call]:
    """The calls of all libraries that are installed, in the order of their names."""
    installed = [library for library, peer in PEERS.items() if not peer.missing()]
    found = [call for library in installed for call in calls_of(library)]
    return sorted(found, key=lambda call: (call.library, call.loss, call.place))


def lines(call: Call, report: Report) -> Iterator[tuple[str, str]]:
    """The verdict on a call for a terminal, line by line, each with its style."""
    (verdict,) = report.verdicts
    yield "head", f"{call.loss}: {call.library} {call.equal.call}"
    if verdict.refusal:
        yield "bad", f"  not run: {verdict.refusal}"
        return
    for name, level in verdict.levels.items():
        if level.status == "fail":
            yield "bad", f"  {name} {LEVELS[name]:<10} {level.status:<8} {level_words(level)}"
    for cause in verdict.causes:
        yield "bad", f"  likely cause: {cause.words}"
    if verdict.status != "wrong":
        yield "good", f"  {verdict.status}, worst {error_words(verdict.worst)} eps * scale"


def counts(reports: Iterable[Report]) -> str:
    """The number of calls that are right, or the first level in which they are wrong."""
    found: Counter[str] = Counter()
    for report in reports:
        found[_outcome(report.verdicts[0])] += 1
    order = ["right", *(f"wrong in {LEVELS[name]}" for name in LEVELS), "not run"]
    return ", ".join(f"{found[word]} {word}" for word in order if found[word])


def to_json(reports: Sequence[Report]) -> str:
    """The reports on all calls as strict JSON, each as of one loss."""
    content = {"format": FORMAT, "lossspec": lossspec.__version__, "reports": [content_of(x) for x in reports]}
    return json.dumps(content, indent=1, allow_nan=False)


def _outcome(verdict: Verdict) -> str:
    if verdict.status != "wrong":
        return verdict.status
    return f"wrong in {LEVELS[_first_wrong(verdict)]}"


def _first_wrong(verdict: Verdict) -> str:
    return next(name for name, level in verdict.levels.items() if level.status == "fail")


def row(call: Call, report: Report) -> str:
    """The row of the table on a call that is wrong; empty for a right one."""
    (verdict,) = report.verdicts
    if verdict.status != "wrong":
        return ""
    first = _first_wrong(verdict)
    causes = "; ".join(cause.words for cause in verdict.causes)
    if first == "L5":
        laws = "; ".join(f"{law}: {outcome}" for law, outcome in verdict.broken.items())
        return _cells(call, "laws", "", laws, "", "", causes)
    example = verdict.example
    found = example.finding
    got = example.message or number_words(found.got, example.dtype)
    kind = f"{example.dtype} {found.kind}"
    given = arguments_words(_told(call, example))
    given = given if len(given) <= _LONGEST else f"{given[:_LONGEST]} ..."
    return _cells(call, kind, given, got, str(found.right), error_words(found.error), causes)


def _told(call: Call, example: Example) -> dict[str, Any]:
    """The inputs of an example, the options that it needs, and the parameters that are not at their defaults."""
    defaults = {argument.name: argument.default for argument in get(call.loss).contract.parameters}
    parameters = {name: x for name, x in example.case.parameters.items() if not np.array_equal(x, defaults[name])}
    options = {name: x for name, x in example.case.options.items() if (name, x) != ("reduction", "none")}
    return {**example.case.inputs, **parameters, **options}


def _cells(call: Call, *parts: str) -> str:
    return " | ".join((f"| `{call.loss}`", call.library, *(part.replace("|", "\\|") for part in parts))) + " |"


def table(found: Sequence[tuple[Call, Report]]) -> Iterator[str]:
    """The lines of two tables in Markdown: how many calls of each library are right, and which are wrong."""
    yield "| library | calls |"
    yield "|---|---|"
    for library in PEERS:
        reports = [report for call, report in found if call.library == library]
        if reports:
            yield f"| {library} | {counts(reports)} |"
    yield ""
    yield "| loss | library | of what | input, shrunk | its answer | right | eps * scale | likely cause |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from filter(None, (row(call, report) for call, report in found))


def _judged(call: Call) -> Report:
    return call.judged(budget=WRONG)


def main() -> None:
    """Judge all libraries that are installed and write the table into the page that is named, or print it."""
    calls, found = all_calls(), []
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    # Programs that a framework has compiled pile up in a process.
    with context.Pool(os.cpu_count(), maxtasksperchild=16) as pool:
        for call, report in zip(calls, pool.imap(_judged, calls), strict=True):
            print(call.library, call.loss, _outcome(report.verdicts[0]), file=sys.stderr)
            found.append((call, report))
    text = "\n".join(table(found))
    if len(sys.argv) < 2:
        print(text)
        return
    page = Path(sys.argv[1])
    between = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    page.write_text(between.sub(lambda _: f"\n{text}\n", page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
