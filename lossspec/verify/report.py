"""Verdicts for people and programs: lines for a terminal, strict JSON, a badge; the page is in `page.py`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lossspec
from lossspec.verify.compare import Disagreement
from lossspec.verify.judge import LEVELS, Level, Verdict
from lossspec.verify.protocol import encode_number, encode_value
from lossspec.verify.shrink import Example

SCHEMA = "verify.schema.json"
FORMAT = 1


@dataclass(frozen=True)
class Report:
    """The verdicts on all targets of a run, and where they disagree."""

    loss: str
    verdicts: Sequence[Verdict]
    disagreements: Sequence[Disagreement] = ()

    @property
    def status(self) -> int:
        """The exit status: 0 if all are right, 1 if one is wrong, 2 if one was not run."""
        found = {verdict.status for verdict in self.verdicts}
        return 2 if "not run" in found or not found else 1 if "wrong" in found else 0


def error_words(error: float) -> str:
    """An error in few characters.

    >>> [error_words(error) for error in (0.0, 0.26, 52.7, 530000.0, float("inf"))]
    ['0', '0.26', '53', '5e+05', 'inf']
    """
    if not math.isfinite(error) or error == 0:
        return "inf" if error else "0"
    return f"{error:.2g}" if error < 1000 else f"{error:.0e}"


def number_words(x: float, dtype: str = "float64") -> str:
    """A float as its dtype writes it, as short as it reads back."""
    return str(np.float32(x)) if dtype == "float32" else repr(float(x))


def value_words(value: Any) -> str:
    """An argument as it is written in Python."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return json.dumps(value.tolist()) if value.dtype == np.float64 else _nested(value)
        return json.dumps(value.tolist()) if value.dtype.kind != "b" else str(value.tolist())
    if isinstance(value, list):
        return f"[{', '.join(map(value_words, value))}]"
    return repr(value)


def _nested(value: Any) -> str:
    return str(value) if not value.ndim else f"[{', '.join(_nested(x) for x in value)}]"


def call_words(example: Example, loss: str) -> str:
    """The call of an example, as a call of the loss."""
    case = example.case
    return f"{loss}({arguments_words({**case.inputs, **case.parameters, **case.options})})"


def arguments_words(given: Mapping[str, Any]) -> str:
    """Arguments as they are written in a call."""
    return ", ".join(f"{name}={value_words(x)}" for name, x in given.items())


def example_words(example: Example) -> str:
    """The result of a target on an example beside the right one."""
    found = example.finding
    if example.message:
        return f"{example.message}; right is an answer"
    place = f" of {found.place}" if found.kind != "value" and found.place else ""
    return (
        f"{found.kind}{place} is {number_words(found.got, example.dtype)}, right is {found.right}: "
        f"{error_words(found.error)} eps * scale in {example.dtype}"
    )


def level_words(level: Level) -> str:
    """The outcome of a level in words."""
    if level.status == "not run":
        reasons = "; ".join(reason for reason, _ in level.skipped.most_common(3)) or "nothing asks for it"
        return reasons.removeprefix("not run: ")
    words = f"{level.checks} checks"
    if level.name == "L5":
        return f"{words}, {level.wrong} broken" if level.wrong else words
    worst = f"worst {error_words(level.worst)} of {level.budget:g} eps * scale"
    if level.wrong:
        return f"{level.wrong} of {words} wrong, {worst} ({level.worst_case})"
    return f"{words}, {worst}"


def lines(report: Report) -> Iterator[tuple[str, str]]:
    """The report line by line, each with its style: "", "good", "bad", "dim" or "head"."""
    for verdict in report.verdicts:
        yield "head", f"{verdict.target} as {report.loss}"
        if verdict.refusal:
            yield "bad", f"  not run: {verdict.refusal}"
            continue
        for name, fact in verdict.facts.items():
            yield "dim", f"  {name}: {fact}"
        for name, level in verdict.levels.items():
            style = {"pass": "good", "fail": "bad"}.get(level.status, "dim")
            yield style, f"  {name} {LEVELS[name]:<10} {level.status:<8} {level_words(level)}"
        for law, outcome in verdict.broken.items():
            yield "bad", f"     {law}: {outcome}"
        if verdict.example is not None:
            yield "", f"  differs first in {verdict.example.level}, at its smallest:"
            yield "", f"     {call_words(verdict.example, report.loss)}"
            yield "bad", f"     {example_words(verdict.example)}"
        for cause in verdict.causes:
            yield "bad", f"  likely cause: {cause.words}"
        yield (
            ("good", f"  right in all that was run, up to {verdict.reached}") if verdict.status == "right" else ("", "")
        )
    for one in report.disagreements:
        yield "head", f"{one.one} and {one.other}"
        yield "", f"  {one.words}"


def to_json(report: Report) -> str:
    """The report as strict JSON, whose schema is `lossspec/verify.schema.json`."""
    return json.dumps(content_of(report), indent=1, allow_nan=False)


def content_of(report: Report) -> dict[str, Any]:
    """The report in lists, dictionaries, words and finite numbers."""
    return {
        "format": FORMAT,
        "lossspec": lossspec.__version__,
        "loss": report.loss,
        "status": ["right", "wrong", "not run"][report.status],
        "targets": [_verdict(verdict) for verdict in report.verdicts],
        "disagreements": [
            {"targets": [d.one, d.other], "words": d.words, "right": d.right} for d in report.disagreements
        ],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "target": verdict.target,
        "status": verdict.status,
        "refusal": verdict.refusal,
        "facts": dict(verdict.facts),
        "reached": verdict.reached,
        "levels": {
            name: {
                "about": LEVELS[name],
                "status": level.status,
                "checks": level.checks,
                "wrong": level.wrong,
                "worst": _number(level.worst),
                "budget": level.budget,
                "worst_case": level.worst_case,
                "skipped": dict(level.skipped),
            }
            for name, level in verdict.levels.items()
        },
        "laws": dict(verdict.laws),
        "causes": [{"name": cause.name, "words": cause.words} for cause in verdict.causes],
        "example": None if verdict.example is None else _example(verdict.example),
    }


def _example(example: Example) -> dict[str, Any]:
    parts: Mapping[str, Mapping[str, Any]] = {
        "inputs": example.case.inputs,
        "parameters": example.case.parameters,
        "options": example.case.options,
    }
    return {
        "level": example.level,
        "case": example.case.name,
        "dtype": example.dtype,
        **{part: {name: encode_value(x) for name, x in values.items()} for part, values in parts.items()},
        "kind": example.finding.kind,
        "place": example.finding.place,
        "got": encode_number(example.finding.got),
        "right": example.finding.right,
        "error": _number(example.finding.error),
        "message": example.message,
    }


def _number(x: float) -> float | str:
    return x if math.isfinite(x) else str(x)


def badge(report: Report) -> str:
    """The endpoint of a badge, as shields.io reads it: of the worst of the targets."""
    order = ("not run", "wrong", "right")
    worst = min(report.verdicts, key=lambda v: (order.index(v.status), -v.worst), default=None)
    if worst is None or worst.status == "not run":
        message, color = "not run", "lightgrey"
    elif worst.status == "wrong":
        first = next(name for name, level in worst.levels.items() if level.status == "fail")
        message, color = f"{LEVELS[first]} differ", "red"
    else:
        message, color = f"{worst.reached}, {error_words(worst.worst)} eps", "brightgreen"
    content = {"schemaVersion": 1, "label": f"lossspec {report.loss}", "message": message, "color": color}
    return json.dumps(content, allow_nan=False)
