"""The likely cause of a difference: each recogniser is a model of one mistake, held against all that a target answered.

A model computes the loss with the mistake in it, by the loss of this library on NumPy in float64. It explains a target
if it is near the answers where the truth is far, and never where the target is right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.axes import unit_shape
from lossspec.conformance.cases import Case
from lossspec.contract import Contract
from lossspec.loss import Loss
from lossspec.terms import CLASSES, Role
from lossspec.verify.judge import Observation, Verdict
from lossspec.verify.truth import DTYPES, Finding, right_values
from lossspec.verify.units import class_count

NEAR = 0.05
"""The part of a difference that a model may leave unexplained."""
EPSILONS = (*(10.0**-k for k in range(2, 17)), float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps))
Floats = NDArray[np.float64]
Model = Callable[[Case], Any]


@dataclass(frozen=True)
class Cause:
    """A mistake that explains what a target answers."""

    name: str
    words: str


@dataclass(frozen=True)
class Call:
    """One call: what came of it, what is right, and the error that rounding may make; NaN where nothing is known."""

    seen: Observation
    got: Floats
    right: Floats
    room: Floats

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """The numbers beyond the budget."""
        return np.asarray([finding.error > self.seen.budget for finding in self.seen.findings])


class Evidence:
    """All that a target answered, in NumPy, and models to hold it against."""

    def __init__(self, loss: Loss, verdict: Verdict) -> None:
        self.loss, self.verdict = loss, verdict
        self.contract: Contract = loss.contract
        self.calls = [call for call in map(self._call, self._seen("L1", "L2")) if call is not None]

    def _seen(self, *levels: str) -> list[Observation]:
        return [seen for seen in self.verdict.observations if seen.level in levels and seen.answer.value is not None]

    def _call(self, seen: Observation) -> Call | None:
        if (
            len(seen.findings) == 1
            and not seen.findings[0].right.lstrip("-")[:1].isdigit()
            and "values" in seen.findings[0].right
        ):
            return None
        wanted, scales = right_values(self.loss, seen.known, seen.case)
        assert seen.answer.value is not None
        right = np.asarray([np.nan if x is None else float(x) for x in wanted], dtype=np.float64)
        eps = float(np.finfo(DTYPES[seen.dtype]).eps)
        return Call(seen, seen.answer.value.ravel().astype(np.float64), right, 64 * eps * np.asarray(scales))

    @cached_property
    def wrong_calls(self) -> list[Call]:
        """The calls with a number beyond the budget."""
        return [call for call in self.calls if call.wrong.any()]

    def derivatives(self, level: str) -> list[tuple[Finding, Observation]]:
        """The derivatives of the calls whose values are right."""
        bad = {id(call.seen.known) for call in self.wrong_calls}
        return [
            (f, seen)
            for seen in self.verdict.observations
            if seen.level == level
            for f in seen.findings
            if id(seen.known) not in bad
        ]

    def ours(self, case: Case, **changes: Any) -> Floats:
        """The loss of this library on a case in float64, with other options or reductions."""
        given = {**case.inputs, **case.parameters, **case.options, **changes}
        given = {name: _wide(value) for name, value in given.items() if value is not _LEFT_OUT}
        with np.errstate(all="ignore"):
            return np.asarray(self.loss(**given), dtype=np.float64).ravel()

    def explains(self, model: Model, eps: float = 0.0, most: float = 0.9) -> bool:
        """Say whether a model gives the wrong answers too, and leaves the right ones as they are.

        A model that adds `eps` to each probability changes their sum, which the mistake does not: so much is left over.
        """
        hit = missed = 0
        for call in self.calls:
            guess = self._guess(model, call.seen.case)
            if guess is None or guess.shape != call.got.shape:
                if call.wrong.any():
                    missed += 1
                continue
            slack = 2 * eps * (class_count(self.contract, call.seen.case) + 2)
            with np.errstate(all="ignore"):
                away = np.abs(call.got - guess)
                share = np.minimum(np.abs(call.got - call.right), np.maximum(np.abs(guess), np.abs(call.got)))
                room = NEAR * share + call.room + slack
                near = (away <= room) | (np.isnan(guess) & np.isnan(call.got)) | (guess == call.got)
                moved = np.abs(guess - call.right) > 4 * (call.room + slack)
                moved |= np.isfinite(call.right) & ~np.isfinite(guess)
            wrong = call.wrong
            hit += bool((near & moved)[wrong].any()) and bool(near[wrong].all())
            rounded = away <= _roundings(call, guess)  # a small loss without digits is another mistake, beside this one
            missed += bool((~near & ~rounded)[wrong].any())
            if bool((moved & ~near & ~wrong).any()):
                return False
        return hit > 0 and hit >= most * (hit + missed)

    def _guess(self, model: Model, case: Case) -> Floats | None:
        try:
            found = model(case)
        except Exception:  # a model that such a case does not fit, as one of weights where there are none
            return None
        return None if found is None else np.asarray(found, dtype=np.float64).ravel()


_LEFT_OUT: Any = object()


def _wide(value: Any) -> Any:
    if isinstance(value, list):
        return [_wide(item) for item in value]
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


Recogniser = Callable[[Evidence], str]


def swapped(evidence: Evidence) -> str:
    """Two arguments take each other's place."""
    names = [argument.name for argument in evidence.contract.inputs if not argument.many]
    for one, other in itertools.combinations(names, 2):

        def model(case: Case, one: str = one, other: str = other) -> Any:
            inputs = {**case.inputs, one: case.inputs[other], other: case.inputs[one]}
            return evidence.ours(replace(case, inputs=inputs))

        if evidence.explains(model, most=0.8):
            return f"`{one}` and `{other}` are swapped"
    return ""


def sign(evidence: Evidence) -> str:
    """The result has the other sign."""
    return "the sign is the other one" if evidence.explains(lambda case: -evidence.ours(case)) else ""


def factor(evidence: Evidence) -> str:
    """The result is the right one times a constant."""
    ratios = [
        g / r
        for call in evidence.wrong_calls
        for g, r in zip(call.got, call.right, strict=True)
        if r and np.isfinite(g * r)
    ]
    if not ratios:
        return ""
    k = float(np.median(ratios))
    if k in (1.0, -1.0, 0.0) or not evidence.explains(lambda case: k * evidence.ours(case), most=0.99):
        return ""
    known = {
        2.0: "2",
        0.5: "1/2",
        1 / np.log(2): "1/ln 2, a logarithm to the base 2",
        np.log(2): "ln 2",
        100.0: "100, percent",
    }
    name = next((words for value, words in known.items() if abs(k / value - 1) < 1e-6), f"{k:.6g}")
    return f"every value is the right one times {name}"


def per_class(evidence: Evidence) -> str:
    """The sum over an axis of a unit is a mean over it, or the mean a sum."""

    def model(case: Case, power: int) -> Any:
        first = case.inputs[evidence.contract.inputs[0].name]
        rank = len(unit_shape(evidence.contract, case.inputs))
        return evidence.ours(case) * float(first.shape[-1]) ** power if first.ndim > rank else None

    if evidence.explains(lambda case: model(case, -1)):
        return "every value is divided by the size of the last axis: a mean over it in place of a sum"
    if evidence.explains(lambda case: model(case, 1)):
        return "every value is multiplied by the size of the last axis: a sum over it in place of a mean"
    return ""


def denominator(evidence: Evidence) -> str:
    """The sum of the losses is divided by something else."""
    words = {
        "sum": "nothing: it is the sum",
        "count_mean": "the number of selected units, weights or not",
        "mean": "the sum of the weights",
        "batch_mean": "the length of the batch",
    }

    asked_for = {call.seen.case.options.get("reduction") for call in evidence.wrong_calls} - {"none"}

    def other(case: Case, reduction: str) -> Any:
        concerned = case.options.get("reduction") in asked_for
        return evidence.ours(case, reduction=reduction) if concerned else evidence.ours(case)

    for reduction, meaning in words.items():
        if reduction in evidence.contract.reductions and evidence.explains(lambda case, r=reduction: other(case, r)):  # type: ignore[misc]
            return f"the sum is divided by {meaning}"

    def by_all(case: Case) -> Any:
        units = max(1, int(np.prod(unit_shape(evidence.contract, case.inputs))))
        concerned = case.options.get("reduction") in asked_for
        return evidence.ours(case, reduction="sum") / units if concerned else evidence.ours(case)

    if "sum" in evidence.contract.reductions and evidence.explains(by_all):
        return "the sum is divided by the number of all units, masked ones included"
    return ""


def nothing_selected(evidence: Evidence) -> str:
    """The mean over nothing is another number."""
    found = set()
    for call in evidence.wrong_calls:
        if "nothing selected" not in call.seen.case.name:
            return ""
        found.add(f"{call.got.ravel()[0]:.6g} in place of {call.right.ravel()[0]:.6g}")
    return f"a mean over nothing is {', '.join(sorted(found))}" if found else ""


def mean_of_means(evidence: Evidence) -> str:
    """The mean is one of the means of rows."""

    def model(case: Case) -> Any:
        shape = unit_shape(evidence.contract, case.inputs)
        if case.options.get("reduction") != "mean" or len(shape) < 2:
            return evidence.ours(case)
        values = evidence.ours(case, reduction="none").reshape(shape)
        weight = np.broadcast_to(np.asarray(case.options.get("sample_weight", 1.0), dtype=np.float64), shape)
        weight = np.where(case.options.get("where", np.asarray(True)), weight, 0.0)
        totals = weight.reshape(len(weight), -1).sum(-1)
        means = values.reshape(len(values), -1).sum(-1) / np.where(totals, totals, 1.0)
        return (means[totals > 0] if totals.any() else means).mean()

    return "it is a mean of the means of rows, and not of all units" if evidence.explains(model) else ""


def ignored(evidence: Evidence) -> str:
    """An option changes nothing."""
    for name in ("where", "where_entries", "sample_weight", "class_weight", "ignore_index"):
        if any(name in call.seen.case.options for call in evidence.wrong_calls):

            def model(case: Case, name: str = name) -> Any:
                return evidence.ours(case, **({name: _LEFT_OUT} if name in case.options else {}))

            if evidence.explains(model):
                return f"`{name}` is taken, and changes nothing"
    return ""


def mask_by_multiplication(evidence: Evidence) -> str:
    """A masked value is multiplied by 0, which keeps a NaN."""
    law = evidence.verdict.laws.get("masked entries poison nothing", "")
    if "becomes nan" in law:
        return "the mask multiplies: 0 times NaN is NaN. Select with `where` before and after the loss"
    spoiled = [call for call in evidence.wrong_calls if "left out of" in call.seen.case.name]
    if spoiled and all(np.isnan(call.got[call.wrong]).all() for call in spoiled):
        return "the mask multiplies: 0 times NaN is NaN. Select with `where` before and after the loss"
    return ""


def log_plus_eps(evidence: Evidence) -> str:
    """A small number is added to a probability before its logarithm."""
    for eps in EPSILONS:
        for change in _through_probabilities(evidence, lambda p, eps=eps: p + eps):  # type: ignore[misc]
            if _saturates(evidence, change) and evidence.explains(change, eps=eps):
                return f"{eps:.3g} is added to a probability before its logarithm"
    return ""


def clipped(evidence: Evidence) -> str:
    """A probability is clipped before its logarithm."""
    for eps in EPSILONS:
        for change in _through_probabilities(evidence, lambda p, eps=eps: np.clip(p, eps, 1 - eps)):  # type: ignore[misc]
            if (
                _saturates(evidence, change)
                and _leaves_inner_ones(evidence, change)
                and evidence.explains(change, eps=eps)
            ):
                return f"a probability is clipped to [{eps:.3g}, 1 - {eps:.3g}] before its logarithm"
    return ""


def _through_probabilities(evidence: Evidence, change: Callable[[Any], Any]) -> Iterator[Model]:
    """Models that change probabilities: those that are inputs, and those that logits stand for."""
    (first, *_) = evidence.contract.inputs
    term = first.terms[0]
    if first.many or term.shape is None:
        return

    def of_input(case: Case) -> Any:
        return evidence.ours(replace(case, inputs={**case.inputs, first.name: change(_wide(case.inputs[first.name]))}))

    def of_both(case: Case) -> Any:
        p = _wide(case.inputs[first.name])
        p, q = change(p), change(1 - p)
        return evidence.ours(replace(case, inputs={**case.inputs, first.name: p / (p + q)}))

    def of_softmax(case: Case) -> Any:
        z = _wide(case.inputs[first.name])
        with np.errstate(all="ignore"):
            p = np.exp(z - z.max(-1, keepdims=True))
            p = change(p / p.sum(-1, keepdims=True))
            return evidence.ours(replace(case, inputs={**case.inputs, first.name: np.log(p)}))

    def of_sigmoid(case: Case) -> Any:
        z = _wide(case.inputs[first.name])
        with np.errstate(all="ignore"):
            p, q = change(1 / (1 + np.exp(-z))), change(1 / (1 + np.exp(z)))
            return evidence.ours(replace(case, inputs={**case.inputs, first.name: np.log(p) - np.log(q)}))

    if (term.interval.lower, term.interval.upper) == (0.0, 1.0):
        yield of_input
        yield of_both
    elif Role.SCORE in term.roles:
        yield of_softmax if CLASSES in term.shape.names else of_sigmoid


def _saturates(evidence: Evidence, model: Model) -> bool:
    """Say whether a wrong answer stays far below a large right one, where the model has it."""
    for call in evidence.wrong_calls:
        guess = evidence._guess(model, call.seen.case)
        if guess is None or guess.shape != call.got.shape:
            continue
        with np.errstate(all="ignore"):
            far = (np.isinf(call.right) | (call.right - call.got > 0.01 * np.abs(call.right))) & np.isfinite(call.got)
            near = np.abs(call.got - guess) <= 0.02 * np.abs(guess)
        if bool((far & near & (call.got < call.right)).any()):
            return True
    return False


def _leaves_inner_ones(evidence: Evidence, model: Model) -> bool:
    """Say whether the target is right wherever a model changes nothing."""
    kept = broken = 0
    for call in evidence.calls:
        guess = evidence._guess(model, call.seen.case)
        if guess is None or guess.shape != call.got.shape:
            continue
        with np.errstate(all="ignore"):
            same = np.abs(guess - call.right) <= 1e-13 * np.abs(call.right)
        kept += int((same & ~call.wrong).sum())
        broken += int((same & call.wrong).sum())
    return kept > 4 * broken


def overflow(evidence: Evidence) -> str:
    """An exponential overflows where the loss does not."""
    bad = []
    for call in evidence.wrong_calls:
        with np.errstate(all="ignore"):
            far = np.abs(call.got - call.right) > 0.01 * np.abs(call.right) + call.room
        if bool((far & np.isfinite(call.got) & call.wrong).any()) and not _is_rounding(call):
            return ""  # another mistake is behind this
        largest = max((float(np.max(np.abs(x), initial=0.0)) for x in _reals(call.seen.case)), default=0.0)
        limit = float(np.log(np.finfo(DTYPES[call.seen.dtype]).max))
        for got, right, wrong in zip(call.got, call.right, call.wrong, strict=True):
            if wrong and not np.isfinite(got) and np.isfinite(right):
                bad.append(largest > 0.5 * limit)
    law = evidence.verdict.laws.get("a shift changes nothing", "")
    if (bad and all(bad)) or ("becomes nan" in law or "becomes inf" in law):
        return "an exponential overflows: subtract the largest entry first"
    return ""


def cancellation(evidence: Evidence) -> str:
    """A small loss is the difference of large numbers."""
    small = [call for call in evidence.wrong_calls if np.isfinite(call.got[call.wrong]).all()]
    if not small or len(small) != len(evidence.wrong_calls):
        return ""
    if not all(map(_is_rounding, small)):
        return ""
    return "a small loss is the difference of large numbers, or 1 plus something small: it has their rounding errors"


def single(evidence: Evidence) -> str:
    """It computes in float32 whatever it is given, or adds up in it."""
    wrong = evidence.wrong_calls
    usual = [c for c in evidence.calls if c.seen.case.name.startswith("typical") and np.any(c.right)]
    usual = [call for call in usual if call.seen.dtype == "float64"]
    if not wrong or any(call.seen.dtype == "float32" or not _is_rounding(call, np.float32) for call in wrong):
        return ""
    reduced = [call for call in usual if call.seen.case.options.get("reduction") != "none"]
    ratio = float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
    for calls, words in ((usual, "it computes in float32 whatever it is given"), (reduced, "it adds up in float32")):
        worst = [call.seen.worst.error for call in calls]
        if worst and all(call.wrong.any() for call in calls) and ratio / 64 < max(worst) <= 64 * ratio:
            return words
    return ""


def nan_gradient(evidence: Evidence) -> str:
    """A gradient is NaN where the loss has one: through a branch that is not taken."""
    bad = [(f, seen) for f, seen in evidence.derivatives("L3") if f.error > seen.budget]
    lost = [f for f, _ in bad if not np.isfinite(f.got)]
    if 2 * len(evidence.wrong_calls) > len(evidence.calls):
        return ""
    return (
        "a gradient is NaN or infinite where the value is right: give a branch that is not taken a safe input"
        if lost
        else ""
    )


def gradient_factor(evidence: Evidence) -> str:
    """Gradients are the right ones times a constant, or have the other sign, where values are right."""
    pairs = []
    for finding, seen in evidence.derivatives("L3"):
        right = finding.right.partition(" to ")[0]
        if finding.error > seen.budget and right != "finite" and float(right) and np.isfinite(finding.got):
            pairs.append(finding.got / float(right))
    judged = [f for f, seen in evidence.derivatives("L3") if f.right not in ("finite", "0.0") and " to " not in f.right]
    if not pairs or 2 * len(evidence.wrong_calls) > len(evidence.calls):
        return ""
    if len(pairs) < max(3, len(judged) // 2):
        return "" if any(pairs) else "the gradient is 0 in places: something is clipped or detached there"
    k = float(np.median(pairs))
    if abs(k - 1) < 1e-3 or np.mean([abs(p - k) <= 1e-3 * abs(k) for p in pairs]) < 0.9:
        return ""
    if abs(k) < 1e-9:
        return "the gradient is 0: something is detached from it"
    return "the gradient has the other sign" if abs(k + 1) < 1e-3 else f"the gradient is the right one times {k:.6g}"


def _is_rounding(call: Call, dtype: type[np.floating[Any]] | None = None) -> bool:
    """Say whether the finite wrong numbers of a call are off by a few roundings of its largest number in a dtype."""
    with np.errstate(all="ignore"):
        small = np.abs(call.got - call.right) <= _roundings(call, call.right, dtype)
    return bool(small[call.wrong & np.isfinite(call.got)].all())


def _roundings(call: Call, values: Floats, dtype: type[np.floating[Any]] | None = None) -> Floats:
    """A few roundings of the largest number of a call in a dtype, or of values that are larger."""
    eps = float(np.finfo(dtype or DTYPES[call.seen.dtype]).eps)
    largest = max((float(np.max(np.abs(x), initial=1.0)) for x in _reals(call.seen.case)), default=1.0)
    return 8 * eps * np.maximum(largest, np.abs(values))


def _reals(case: Case) -> Iterator[Any]:
    for value in case.inputs.values():
        for x in value if isinstance(value, list) else [value]:
            if x.dtype.kind == "f":
                yield x


RECOGNISERS: dict[str, Recogniser] = {
    "swapped arguments": swapped,
    "sign": sign,
    "factor": factor,
    "mean over an axis": per_class,
    "denominator": denominator,
    "mean of means": mean_of_means,
    "nothing selected": nothing_selected,
    "ignored option": ignored,
    "mask by multiplication": mask_by_multiplication,
    "log(p + eps)": log_plus_eps,
    "clipped probability": clipped,
    "float32 inside": single,
    "overflow": overflow,
    "cancellation": cancellation,
    "NaN gradient": nan_gradient,
    "gradient factor": gradient_factor,
}


def likely_causes(loss: Loss, verdict: Verdict) -> list[Cause]:
    """The mistakes that explain what a target answers, the ones that explain values first."""
    evidence = Evidence(loss, verdict)
    found = ((name, recognise(evidence)) for name, recognise in RECOGNISERS.items())
    return [Cause(name, words) for name, words in found if words]
