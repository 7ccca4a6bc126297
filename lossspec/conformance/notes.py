"""The notes beside the cases of a loss: the purpose of each, differences of other libraries, facts of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lossspec.conformance import vectors
from lossspec.conformance.cases import Case, usual_parameters
from lossspec.contract import Contract, Equal

NAMED = {
    "typical": "typical inputs",
    "edges": "edge of the domain",
    "confident": "cancellation",
    "equal within": "cancellation",
    "equal": "equal inputs",
    "opposed": "cancellation",
    "all alike": "equal inputs",
    "nearly alike": "cancellation",
    "all far out": "cancellation",
    "items out of lists": "edge of the domain",
    "whole numbers": "equal inputs",
    "nearly equal answers": "cancellation",
    "nearly sure regions": "cancellation",
    ", hard": "parameter at the end of its domain",
    "=": "parameter",
    " drawn": "parameter",
    "as an array": "parameter",
    "as a 0-d array": "parameter",
    "real: ": "real data",
    "batch of one": "shape",
    "volume": "shape",
    "empty batch": "shape",
    "batch axes": "shape",
    "no batch axis": "shape",
    "one class": "shape",
    "class axis": "shape",
    "smooth, ": "smoothed labels",
}
"""The purposes of cases by a part of their names, and below by their keywords."""

GIVEN = {
    "sample_weight": "weights",
    "where": "mask",
    "class_weight": "class weights",
    "ignore_index": "ignored label",
    "where_entries": "entries left out",
}


def purpose(case: Case) -> tuple[str, ...]:
    """The purposes of a case, in the words of a vocabulary that `docs/vectors.md` lists."""
    kinds = [words for part, words in NAMED.items() if part in case.name]
    where = case.options.get("where")
    kinds += [words for name, words in GIVEN.items() if name in case.options]
    kinds += ["nothing selected"] if where is not None and not where.any() else []
    kinds += ["reduction"] if "reduction" in case.options else []
    return tuple(dict.fromkeys(kinds))


def is_about(equal: Equal, case: Case) -> bool:
    """Say whether a declared call of another library takes a case: one without keywords of reduction.

    Parameters at the ends of their domains with hard inputs are left to the oracle: there a peer loses its digits.
    """
    if case.options or case.axis != -1 or case.name.endswith(", hard"):
        return False
    return bool(eval(equal.when, {"np": np}, {**case.inputs, **case.parameters}))  # noqa: S307 - ours


def differences(contract: Contract, cases: Sequence[Case]) -> Iterator[tuple[Mapping[str, str], ...]]:
    """For each case the calls of other libraries that are declared to differ there, and why."""
    for case in cases:
        found = []
        for equal in contract.equals:
            for where, why in equal.differs.items() if is_about(equal, case) else ():
                _, of_gradients, part = where.rpartition("gradient")
                if part.strip() in case.name:
                    place = {"in": "gradient"} if of_gradients else {}
                    found.append({"peer": equal.peer, "call": equal.call, **place, "why": why})
        yield tuple(found)


def facts(contract: Contract) -> dict[str, Any]:
    """All of a contract that a judge of results needs."""
    return {
        "form": contract.form,
        "unit": contract.unit,
        "inputs": [argument.name for argument in contract.inputs],
        "signature": signature(contract),
        "parameters": {name: vectors.encode(value) for name, value in usual_parameters(contract).items()},
        "reductions": list(contract.reductions),
        "default_reduction": contract.default_reduction,
        "budgets": contract.accuracy.to_dict(),
        "laws": laws(contract),
    }


def signature(contract: Contract) -> dict[str, str]:
    """The declaration of each argument, without defaults."""
    return {argument.name: str(argument).partition(" = ")[0] for argument in contract.arguments}


def laws(contract: Contract) -> dict[str, Any]:
    """The laws that a contract asks of every implementation, by the names of the matrix, with what they are about."""
    found: dict[str, Any] = {"NaN in is NaN out": {}, "masked entries may hold anything": {}}
    if contract.mergeable:
        found |= {"merge": {}, "weight 2 is the unit twice": {}}
    if contract.result.axes:
        found |= {"order does not matter": {}}
    if "none" in contract.reductions:
        found |= {"reductions agree": {}}
    if contract.entries:
        found |= {"left-out entries do not count": {"axes": [str(shape) for shape in contract.entries]}}
    if contract.length is not None:
        found |= {"padding may hold anything": {"length": contract.length.name}}
    if contract.label is not None and contract.distribution is not None and not contract.why_nonlinear:
        found |= {"a soft label is a mixture": {"label": contract.label.name}}
    if contract.perfect:
        found |= {"perfect prediction": {"equal": dict(contract.perfect)}}
    if contract.convex_in:
        found |= {"convex": {"in": list(contract.convex_in)}}
    if contract.invariant_in:
        found |= {"shifts change nothing": {"in": list(contract.invariant_in)}}
    return found
