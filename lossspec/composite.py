"""Weighted sums of losses: `0.5 * a + b` is a loss over the union of their inputs, with a contract of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lossspec.advice import hint_for_keyword
from lossspec.contract import LENGTH_REDUCTIONS, REDUCTIONS, Argument, Contract
from lossspec.errors import ContractError, MergeError
from lossspec.loss import Loss, Specified
from lossspec.reduction import Partial
from lossspec.terms import Array


class Composite(Loss):
    """A weighted sum of losses over the union of their inputs; arguments go to every part that takes them."""

    def __init__(self, parts: tuple[tuple[Any, Loss], ...]) -> None:
        flat: list[tuple[Any, Specified]] = []
        for factor, part in parts:
            for inner, loss in parts_of(part):
                assert isinstance(loss, Specified)
                flat.append((factor if isinstance(inner, float) and inner == 1.0 else factor * inner, loss))
        self.parts = tuple(flat)
        self.contract = _union([(factor, loss.contract) for factor, loss in self.parts])

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The sum of the parts, each reduced as it declares or as `reduction` says."""
        values = [
            factor * part(**own) for (factor, part), own in zip(self.parts, self._share(inputs, options), strict=True)
        ]
        if options.get("reduction") == "none" and len({tuple(value.shape) for value in values}) > 1:
            shapes = " and ".join(str(tuple(value.shape)) for value in values)
            raise ContractError(f"{self.contract.name}: the parts have units of shapes {shapes}; reduce them first")
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def partial(self, *inputs: Any, **options: Any) -> PartialSum:
        """The additive states of the parts, merged part by part."""
        shares = self._share(inputs, options)
        return PartialSum(
            tuple((factor, part.partial(**own)) for (factor, part), own in zip(self.parts, shares, strict=True))
        )

    def _share(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> list[dict[str, Any]]:
        """What of the arguments each part gets: all that it declares."""
        given = self._named(inputs, options)
        known = {a.name for a in self.contract.arguments} | {k for _, part in self.parts for k in part.contract.tail}
        for name in given:
            if name not in known:
                hint = hint_for_keyword(self.contract, name)
                raise ContractError(f"{self.contract.name} takes no argument `{name}`.{hint}")
        shares = []
        for _, part in self.parts:
            takes = {argument.name for argument in part.contract.arguments} | set(part.contract.tail)
            shares.append({name: value for name, value in given.items() if name in takes})
        return shares

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Composite) and self._identity() == other._identity()

    def _identity(self) -> tuple[Any, ...]:
        return tuple((repr(factor), part) for factor, part in self.parts)

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[Any, ...]:
        return Composite, (self.parts,)


@dataclass(frozen=True, eq=False)
class PartialSum:
    """The partials of a composite loss, one for each part."""

    parts: tuple[tuple[Any, Partial], ...] = field(default=())

    def __add__(self, other: object) -> PartialSum:
        if not isinstance(other, PartialSum):
            return NotImplemented
        if [factor for factor, _ in self.parts] != [factor for factor, _ in other.parts]:
            raise MergeError("these partials do not add up: they come from different composites")
        return PartialSum(tuple((factor, a + b) for (factor, a), (_, b) in zip(self.parts, other.parts, strict=True)))

    def __radd__(self, other: object) -> PartialSum:
        if isinstance(other, int) and other == 0:
            return self
        return NotImplemented

    def value(self) -> Array:
        """The composite loss of everything that was added up."""
        values = [factor * part.value() for factor, part in self.parts]
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


def parts_of(part: Loss) -> tuple[tuple[Any, Loss], ...]:
    """The factors and losses that a loss is the sum of; itself once unless it is a composite."""
    return part.parts if isinstance(part, Composite) else ((1.0, part),)


def _union(parts: list[tuple[Any, Contract]]) -> Contract:
    """The contract of a weighted sum."""
    name = " + ".join(contract.name if factor == 1.0 else f"{factor} * {contract.name}" for factor, contract in parts)
    inputs: dict[str, Argument] = {}
    parameters: dict[str, Argument] = {}
    for _, contract in parts:
        for known, own in ((inputs, contract.inputs), (parameters, contract.parameters)):
            for argument in own:
                if known.setdefault(argument.name, argument).terms != argument.terms:
                    raise ContractError(
                        f"{name}: the parts declare `{argument.name}` as {known[argument.name]} and as {argument}"
                    )
    contracts = [contract for _, contract in parts]
    first = contracts[0]
    coupled = [f"{c.name}: {c.why_coupled}" for c in contracts if not c.mergeable]
    forms = {contract.form for contract in contracts}
    defaults = {contract.default_reduction for contract in contracts}
    return replace(
        first,
        name=name,
        summary="The sum of " + ", ".join(f"{factor} * {contract.name}" for factor, contract in parts) + ".",
        family="composite",
        form="coupled" if coupled else "aggregate" if "aggregate" in forms else "pointwise",
        unit=first.unit if len({contract.unit for contract in contracts}) == 1 else "mixed",
        inputs=tuple(inputs.values()),
        parameters=tuple(parameters.values()),
        statistics=None,
        reductions=tuple(
            r for r in (*REDUCTIONS, *LENGTH_REDUCTIONS) if all(r in contract.reductions for contract in contracts)
        ),
        default_reduction=first.default_reduction if len(defaults) == 1 else "each its own",
        why_coupled="; ".join(coupled),
        source="; ".join(dict.fromkeys(contract.source for contract in contracts)),
        aliases=(),
        also={},
        equals=(),
        perfect={},
        convex_in=(),
    )
