"""The loss that a function computes: every loss of its arity on drawn inputs, in every order and reduction, ranked."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.probes import probe_of
from lossspec.conformance.sampling import typical_inputs
from lossspec.dispatch import Backend
from lossspec.loss import Loss
from lossspec.registry import get, names
from lossspec.verify.arguments import form_of
from lossspec.verify.callables import as_numpy, candidates

SAME = 1e-5
"""The relative difference up to which two functions are the same: wide enough for float32, and for log(p + eps)."""
ROUNDING = 1e-12
"""A relative difference below which one match is as near as another."""
MOST_INPUTS = 3
CALLS = 3
NAMED = {2.0: "2", 0.5: "1/2", -1.0: "-1", 1 / float(np.log(2)): "1/ln 2", 100.0: "100"}


@dataclass(frozen=True)
class Match:
    """A loss that a function computes: factor * loss under a reduction, its arguments in an order."""

    loss: str
    factor: float
    reduction: str
    order: tuple[str, ...]
    error: float
    either: bool = False
    """True if another order of the arguments gives the same."""

    @property
    def factor_words(self) -> str:
        """The factor as people write it; empty for 1."""
        if abs(self.factor - 1) < 1e-4:
            return ""
        known = next((words for value, words in NAMED.items() if abs(self.factor / value - 1) < 1e-4), "")
        return f"{known or f'{self.factor:.6g}'} * "

    def __str__(self) -> str:
        call = f"{self.factor_words}{self.loss}({', '.join(self.order)}, reduction={self.reduction!r})"
        return f"{call}{', in any order' * self.either}  relative difference {self.error:.0e}"


def identify(function: Callable[..., Any], framework: str = "") -> list[Match]:
    """The losses that a function computes at their default parameters, the plainest and nearest first."""
    found: list[Match] = []
    for name in names():
        loss = get(name)
        if len(loss.contract.inputs) <= MOST_INPUTS and not any(argument.many for argument in loss.contract.inputs):
            found.extend(_matches(function, loss, framework))
    ranked = sorted(found, key=_rank)
    plain: dict[tuple[str, float], Match] = {}
    for match in ranked:  # another order or reduction that gives the same numbers says nothing new
        key = match.loss, round(match.factor, 6)
        first = plain.setdefault(key, match)
        if match.order != first.order and match.error < 10 * first.error + 1e-12:
            plain[key] = replace(first, either=True)
    return list(plain.values())


def _rank(match: Match) -> tuple[Any, ...]:
    unusual, factor = match.reduction not in ("none", "mean"), abs(match.factor)
    is_odd = abs(factor - round(factor)) > 1e-6 and not any(abs(match.factor / known - 1) < 1e-4 for known in NAMED)
    plainness = abs(match.factor - 1) > 1e-4, unusual, max(match.error, ROUNDING), is_odd, abs(np.log(factor))
    return match.error > 1e-9, *plainness, match.loss


def _matches(function: Callable[..., Any], loss: Loss, framework: str) -> Iterator[Match]:
    contract = loss.contract
    given = [argument.name for argument in contract.inputs]
    form = form_of(function, len(given))
    needed = [p for p in form.inputs if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    room = [p for p in form.inputs if p.kind is not p.KEYWORD_ONLY]
    if not len(needed) <= len(given) <= len(room):
        return
    cases = [case for case in make_cases(contract, np.float64) if not case.options and case.axis == -1]
    typical = [c for c in cases if c.name.startswith(("typical", "more typical", "equal within 0.01"))]
    real = [c for c in cases if c.name.startswith("real")]
    by_kind = [c for c in typical if {n: x.dtype.kind for n, x in c.inputs.items()} == _kinds(typical[0])] + real
    chosen = [c for c in by_kind if all(x.size < 4000 for x in c.inputs.values())][:CALLS]
    if not any(value.dtype.kind == "f" for value in chosen[0].inputs.values()):
        return
    places, other = [p.name for p in room][: len(given)], _of_other_sizes(loss, chosen[0])
    for order in itertools.permutations(given):
        theirs = _results(form.invoke, chosen, order, places, candidates(function, framework))
        if theirs is None:
            continue
        compared = chosen
        if any(_compare(loss, chosen, theirs, reduction) for reduction in _reductions(loss)):
            more = _results(form.invoke, other, order, places, candidates(function, framework))
            if more is not None:
                compared, theirs = [*chosen, *other], [*theirs, *more]
        for reduction in _reductions(loss):
            match = _compare(loss, compared, theirs, reduction)
            if match is not None:
                yield Match(contract.name, match[0], reduction, order, match[1])


def _reductions(loss: Loss) -> list[str]:
    return [reduction for reduction in loss.contract.reductions if reduction != "over"]


def _of_other_sizes(loss: Loss, case: Case) -> list[Case]:
    """The case with axes of other sizes, if the loss takes them: a sum over an axis is no longer 3 times the mean."""
    contract = loss.contract
    shapes = [term.shape for argument in contract.inputs for term in argument.array_terms if term.shape]
    sizes = {axis.name: 4 for shape in shapes for axis in shape.axes if axis.name not in contract.sizes}
    other = replace(case, inputs=typical_inputs(contract, sizes, seed=1))
    try:
        with np.errstate(all="ignore"):
            loss(**other.inputs, **other.parameters)
    except Exception:  # sizes that must go with others
        return []
    return [other]


def _kinds(case: Case) -> dict[str, str]:
    return {name: x.dtype.kind for name, x in case.inputs.items()}


def _results(
    invoke: Callable[[dict[str, Any]], Any],
    cases: list[Case],
    order: tuple[str, ...],
    places: list[str],
    backends: Iterator[Backend],
) -> list[NDArray[Any]] | None:
    """The results of a function on the inputs of cases in an order; None where it raises in every framework."""
    for backend in backends:
        try:
            with probe_of(backend).double_precision(), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = []
                for case in cases:
                    given = {p: backend.from_numpy(case.inputs[n]) for p, n in zip(places, order, strict=True)}
                    found.append(as_numpy(backend, invoke(given)))
                return found
        except Exception:  # noqa: S112 - whatever a function raises that is no such loss
            continue
    return None


def _compare(loss: Loss, cases: list[Case], theirs: list[NDArray[Any]], reduction: str) -> tuple[float, float] | None:
    """The factor and the relative difference of a function and a loss; None where they are not the same."""
    try:
        with np.errstate(all="ignore"):
            ours = [np.asarray(loss(**c.inputs, **c.parameters, reduction=reduction)) for c in cases]
    except Exception:  # a reduction that these inputs do not have
        return None
    if any(a.shape != b.shape for a, b in zip(ours, theirs, strict=True)):
        return None
    a = np.concatenate([x.ravel() for x in ours])
    b = np.concatenate([x.ravel() for x in theirs]).astype(np.float64)
    if a.size < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()) or not (a.any() and b.any()):
        return None
    factor = float(a @ b / (a @ a))
    error = float(np.abs(factor * a - b).max() / np.abs(b).max())
    return (factor, error) if error < SAME and factor else None
