"""The decorator that declares a loss: the annotated signature and a few facts become a contract, and a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import lossspec.composite  # noqa: F401 (gives losses their operators)
from lossspec.contract import LENGTH_REDUCTIONS, REDUCTIONS, Accuracy, Equal, Form, read_contract
from lossspec.dispatch import all_backends
from lossspec.errors import require
from lossspec.loss import Specified
from lossspec.registry import register, split
from lossspec.terms import Array, Shape


def loss(
    *,
    family: str,
    unit: str,
    source: str,
    aliases: tuple[str, ...] = (),
    also: Mapping[str, Mapping[str, Any] | str] | None = None,
    equals: tuple[Equal, ...] = (),
    default_reduction: str = "mean",
    reductions: tuple[str, ...] | None = None,
    finalize: Callable[..., Array] | None = None,
    coupled: str = "",
    nonlinear: str = "",
    accuracy: Accuracy | None = None,
    perfect: Mapping[str, str] | None = None,
    convex_in: tuple[str, ...] = (),
    unread: Mapping[str, str] | None = None,
    invariant_in: tuple[str, ...] = (),
    sizes: Mapping[str, float | tuple[float, ...]] | None = None,
    entries: str | tuple[str, ...] = (),
    definition: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Specified]:
    """Declare and register the loss that the decorated function computes per unit.

    The annotated signature is the contract. `finalize` makes it an aggregate: the function returns a tuple of additive
    statistics per unit, and `finalize(*reduced, **parameters)` turns their reductions into the loss. `coupled` says
    why the value of a unit depends on the whole batch, `nonlinear` why the loss of a distribution of labels is not the
    mean of the losses of its classes. Unless it is given, a body that takes distributions is linear in them, and does
    not rely on a sum of 1: class weights are multiplied into them. `aliases` are the names that papers give the loss
    and, after a library and a colon, those that it calls it by at the same defaults, `"torch:mse_loss MSELoss"`.
    `also` maps such names to other defaults, `{"optax:l2_loss": {"reduction": "none"}}`, or to a sentence that says why
    the function of that name is not here and what to do. `equals` are calls of other libraries that compute the same,
    which the tests run. `perfect` maps inputs to the inputs they equal in a perfect prediction, where the loss is
    declared to be 0. `convex_in` names inputs in which together the loss of
    every unit is convex, whatever the other inputs and the parameters are. `unread` maps inputs of which a unit does
    not read every entry to those that it leaves out, where NaN does nothing. `invariant_in` names inputs to each row of
    which a constant may be added: the entries along the classes, or else the last axis, of which only the differences
    count. `sizes` are the sizes of axes in generated conformance cases, and the parameters that go with them there.
    `entries` are the shapes of masks over the entries of units, pixels or tokens, which make `where_entries` a keyword:
    an entry that is left out holds the neutral value of its term in every input that has its axes, and the function
    finds which ones count in `entries`, a boolean array of the rank of its first input or None, if it takes that.
    `definition` is the textbook formula that the oracle evaluates (see `lossspec.definitions`); a loss of the catalogue
    has it in the mirror of its file.
    """
    form: Form = "aggregate" if finalize is not None else "coupled" if coupled else "pointwise"
    allowed = REDUCTIONS if form != "aggregate" else REDUCTIONS[1:]

    def declare(function: Callable[..., Any]) -> Specified:
        contract = read_contract(
            function,
            family=family,
            form=form,
            unit=unit,
            reductions=allowed if reductions is None else reductions,
            default_reduction=default_reduction,
            source=source,
            aliases=tuple(name for words in aliases for name in split(words)),
            also={name: means for words, means in (also or {}).items() for name in split(words)},
            equals=equals,
            accuracy=accuracy or Accuracy(),
            why_coupled=coupled,
            why_nonlinear=nonlinear,
            perfect=dict(perfect or {}),
            convex_in=convex_in,
            unread=dict(unread or {}),
            invariant_in=invariant_in,
            sizes=dict(sizes or {}),
            entries=tuple(map(Shape.parse, (entries,) if isinstance(entries, str) else entries)),
        )
        if contract.length is not None and form == "pointwise" and reductions is None:
            contract = replace(contract, reductions=(*allowed, *LENGTH_REDUCTIONS))
        declared = Specified(function, contract, finalize, definition=definition)
        register(declared)
        return declared

    return declare


__all__ = ["Accuracy", "Equal", "loss", "require"]

all_backends()  # found now: a compiler that traces the first call does not have to trace the search
