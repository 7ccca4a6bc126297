"""The reduction of a target, found out from its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lossspec.conformance.axes import unit_shape
from lossspec.conformance.cases import make_cases
from lossspec.loss import Loss
from lossspec.verify.questions import Answer, Question

USUAL = ("none", "sum", "mean")
"""The reductions that every library calls so."""
NO_REDUCTION = "no such reduction"


def find_reductions(loss: Loss, ask: Callable[[Question], Answer], takes_reduction: bool) -> tuple[str, ...]:
    """The reductions that a target takes; of one that takes none the nearest one, ours computed with its own inputs.

    Results of the shape of the units are not reduced. A number may be a mean or a sum: the nearest by its size.
    """
    contract = loss.contract
    typical = make_cases(contract, np.float64)[0]
    names = [name for name in contract.reductions if name != "over"]

    def answered(reduction: str | None) -> Answer:
        options = {} if reduction is None else {"reduction": reduction}
        return ask(Question(contract.name, replace(typical, options=options), "float64"))

    if takes_reduction:
        if answered(NO_REDUCTION).value is not None:  # it takes any word, so that an answer says nothing
            names = [name for name in names if name in USUAL]
        values = {name: value for name in names if (value := answered(name).value) is not None}
        if {"sum", "mean"} <= values.keys() and np.array_equal(values["sum"], values["mean"]):
            del values["sum"]  # it takes the word, and knows none but "mean"
        return tuple(values) or (contract.default_reduction,)
    value = answered(None).value
    assert value is not None, "it answered the typical call before"
    if value.ndim and value.shape == unit_shape(contract, typical.inputs) and "none" in names:
        return ("none",)
    if contract.form == "aggregate" or value.size != 1:
        return (contract.default_reduction,)
    with np.errstate(all="ignore"):
        right = {n: float(loss(**typical.inputs, **typical.parameters, reduction=n)) for n in names if n != "none"}
        got = float(value.ravel()[0])
        away = {n: abs(np.log(abs(got / x))) if x and got else np.inf for n, x in right.items()}
    order = sorted(away, key=lambda n: (not away[n] < 1e-3, n != "mean", away[n]))
    return (order[0],) if order else (contract.default_reduction,)
