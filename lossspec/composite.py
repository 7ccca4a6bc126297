"""Weighted sums of losses: `0.5 * a + b` is a loss over the union of their inputs, with a contract of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from lossspec.advice import hint_for_keyword
from lossspec.binding import by_name
from lossspec.contract import LENGTH_REDUCTIONS, REDUCTIONS, TAIL, Argument, Contract
from lossspec.dispatch import array_namespace, backend_of, computing_dtype, find_backend, kind_of
from lossspec.encoding import Json, Portable, decode, encode, fields
from lossspec.errors import ContractError, FormatError, LossSpecError, MergeError
from lossspec.explanation import Explanation, join
from lossspec.identity import ByValue, has_content, key_of, same
from lossspec.loss import Loss, Specified, check_factor
from lossspec.plan import move_last
from lossspec.reduction import Partial
from lossspec.terms import Array

Shares = list[dict[str, Any]]
"""The arguments of each part."""


class Composite(Loss):
    """A weighted sum of losses over the union of their inputs.

    Arguments go to every part that takes them, options of units to every part that has these units:

    - `where` and `sample_weight` to the parts whose units have the same axes and sizes. A penalty on parameters has
      units of its own and does not get them; where the other parts have units of several shapes, they are refused.
    - A label that is ignored, and `class_weight[label]`, are of the unit: parts without labels whose unit is the same,
      by its name, axes and sizes, leave that unit out and weigh it as well.
    """

    def __init__(self, parts: tuple[tuple[Any, Loss], ...]) -> None:
        flat: list[tuple[Any, Specified]] = []
        for factor, part in parts:
            checked = check_factor(part.contract.name, factor)
            for inner, loss in parts_of(part):
                assert isinstance(loss, Specified)
                flat.append((checked if _is_one(inner) else inner if _is_one(checked) else checked * inner, loss))
        self.parts = tuple(flat)
        self.contract = _union([(factor, loss.contract) for factor, loss in self.parts])

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The sum of the parts, each reduced as it declares or as `reduction` says."""
        found: Array | None = self.by_kernel("value", inputs, options)
        if found is not None:
            return found
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
        found: PartialSum | None = self.by_kernel("partial", inputs, options)
        if found is not None:
            return found
        shares = self._share(inputs, options)
        return PartialSum(
            tuple((factor, part.partial(**own)) for (factor, part), own in zip(self.parts, shares, strict=True))
        )

    def by_kernel(self, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any], wrt: Any = None) -> Any:
        """The result of a method on lazy arrays, whose chunks call this loss; None for all other arrays."""
        backend = find_backend(inputs[0] if inputs else options.get(self.contract.inputs[0].name))
        if backend is None or not backend.lazy:
            return None
        return backend.by_kernel(self, method, inputs, options, wrt)

    def explain(self, *inputs: Any, **options: Any) -> Explanation:
        """The steps of the call of every part, to print: see `Loss.explain`."""
        shares = self._share(inputs, options)
        parts = [(factor, part.explain(**own)) for (factor, part), own in zip(self.parts, shares, strict=True)]
        return join(self.contract, [(_text(factor), explanation) for factor, explanation in parts])

    def check(self, *inputs: Any, **options: Any) -> None:
        """Raise what is wrong with the shapes, dtypes, devices and numbers of a call, as the call would."""
        for (_, part), own in zip(self.parts, self._share(inputs, options), strict=True):
            part.check(**own)

    def configured(self, **options: Any) -> Composite:
        """The same sum with other defaults, in all parts that take them.

        >>> import numpy as np
        >>> from lossspec import huber, squared_error
        >>> both = (huber + squared_error).configured(reduction="sum", delta=2.0)
        >>> float(both(np.asarray([3.0, 1.0]), np.asarray([0.0, 0.0])))
        14.5
        """
        self._refuse_unknown(options)
        takers = [part.declared.takes_of(options) for _, part in self.parts]
        if len({"class_weight" in own for own in takers}) > 1:
            raise ContractError(
                f"{self.contract.name}: `class_weight` cannot be configured for parts of which some have no labels. "
                "Fix: give it to the call, where it weighs the units of all"
            )
        return Composite(tuple((f, part.configured(**own)) for (f, part), own in zip(self.parts, takers, strict=True)))

    def axis_of(self, options: Mapping[str, Any]) -> int:
        """The axis of the classes in a call, which all parts have to share."""
        axes = {part.axis_of(options) for _, part in self.parts if part.contract.class_axis} or {-1}
        if len(axes) > 1:
            raise ContractError(f"{self.contract.name}: the parts have their classes at the axes {sorted(axes)}")
        return axes.pop()

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        known = {name for _, part in self.parts for name in part.declared.known}
        for name in given:
            if name not in known:
                hint = hint_for_keyword(self.contract, name)
                raise ContractError(f"{self.contract.name} takes no argument `{name}`.{hint}")

    def _share(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Shares:
        """The arguments of each part."""
        given = by_name(self.contract, inputs, options)
        self._refuse_unknown(given)
        shares = [part.declared.takes_of(given) for _, part in self.parts]
        if len(self.parts) > 1:
            self._share_options_of_units(given, shares)
        return shares

    def _share_options_of_units(self, given: Mapping[str, Any], shares: Shares) -> None:
        """Give masks and weights to the parts that have the units, and take them from the others."""
        losses = [part for _, part in self.parts]
        ofs = [name for name in TAIL if name not in ("reduction", "empty", "axis") and given.get(name) is not None]
        judges = [part for part, own in zip(losses, shares, strict=True) if _judges(part, own)]
        if not ofs and not judges:
            return
        of_data = [not is_penalty(part) for part in losses]
        if not any(of_data):
            of_data = [True] * len(losses)
        units = [_units(part, own) if data else None for part, own, data in zip(losses, shares, of_data, strict=True)]
        shapes = {unit[1:] for unit in units if unit is not None}
        for name in ("where", "sample_weight"):
            if name in ofs and len(shapes) > 1:
                words = ", ".join(
                    f"{part.contract.unit}{unit[2]} of {part.contract.name}"
                    for part, unit in zip(losses, units, strict=True)
                    if unit is not None
                )
                raise ContractError(
                    f"{self.contract.name}: `{name}` is of units, and the parts have different ones: {words}. "
                    "Fix: call the parts with their own, and add the values"
                )
            for own, data in zip(shares, of_data, strict=True):
                if not data:
                    own.pop(name, None)
        for name in set(ofs) - {"where", "sample_weight", "class_weight", "ignore_index"}:
            takers = {unit for part, unit in zip(losses, units, strict=True) if name in part.declared.known}
            for part, unit in zip(losses, units, strict=True):
                if unit in takers and name not in part.declared.known:
                    raise ContractError(
                        f"{self.contract.name}: `{name}` says something of units of {part.contract.name}, which does "
                        "not take it. Fix: call the parts one by one, and add the values"
                    )
        before = [dict(own) for own in shares]
        for judge, unit, own in zip(losses, units, before, strict=True):
            if not _judges(judge, own):
                continue
            judge.check(**own)
            for part, other, share in zip(losses, units, shares, strict=True):
                if part is not judge and other == unit:
                    _share_labels(judge, own, part, share)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Composite) and self._identity() == other._identity())

    def _identity(self) -> tuple[Any, ...]:
        return tuple((key_of(factor), part) for factor, part in self.parts)

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[Any, ...]:
        return Composite, (self.parts,)


Loss.weighted_sum = Composite


FORMAT = "lossspec.partial_sum/1"
"""The format of a sum of partials as JSON; each of its partials says its own."""


@dataclass(frozen=True, eq=False)
class PartialSum(Portable):
    """The partials of a composite loss, one for each part; to JAX a tree of them."""

    parts: tuple[tuple[Any, Partial], ...] = field(default=())

    def __add__(self, other: object) -> PartialSum:
        if not isinstance(other, PartialSum):
            return NotImplemented
        if len(self.parts) != len(other.parts) or not all(map(same, self._factors, other._factors)):
            raise MergeError("these partials do not add up: they come from different composites")
        return PartialSum(tuple((factor, a + b) for (factor, a), (_, b) in zip(self.parts, other.parts, strict=True)))

    def __radd__(self, other: object) -> PartialSum:
        if isinstance(other, int) and other == 0:
            return self
        return NotImplemented

    @property
    def _factors(self) -> tuple[Any, ...]:
        return tuple(factor for factor, _ in self.parts)

    def value(self) -> Array:
        """The composite loss of everything that was added up."""
        values = [factor * part.value() for factor, part in self.parts]
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def psum(self, axis_name: str | tuple[str, ...]) -> PartialSum:
        """The sum over the devices of a named axis of JAX: see `Partial.psum`."""
        return PartialSum(tuple((factor, part.psum(axis_name)) for factor, part in self.parts))

    def to_dict(self) -> Json:
        """The factors and the partials in dictionaries, lists, strings and integers: see `Partial.to_dict`."""
        return {"format": FORMAT, "parts": [[encode("a factor", f), part.to_dict()] for f, part in self.parts]}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The sum that `to_dict` wrote; `FormatError` for what `Partial.from_dict` refuses."""
        (parts,) = fields("sum of partials", FORMAT, state, "parts")
        try:
            return cls(tuple((decode(factor), Partial.from_dict(part)) for factor, part in parts))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, LossSpecError):
                raise
            raise FormatError(f"this sum of partials is damaged: {type(error).__name__}: {error}") from error

    def take_apart(self) -> tuple[tuple[Partial, ...], ByValue]:
        """The partials, and their factors, as something hashable."""
        return tuple(part for _, part in self.parts), ByValue(self._factors)

    @classmethod
    def put_together(cls, static: ByValue, partials: Any) -> PartialSum:
        """The sum that was taken apart, or one of other partials."""
        return cls(tuple(zip(static.value, partials, strict=True)))


def parts_of(part: Loss) -> tuple[tuple[Any, Loss], ...]:
    """The factors and losses that a loss is the sum of; itself once unless it is a composite."""
    return part.parts if isinstance(part, Composite) else ((1.0, part),)


def _is_one(factor: Any) -> bool:
    return isinstance(factor, (int, float)) and factor == 1


def is_penalty(part: Loss) -> bool:
    """Say whether the units of a loss are parameters of a model, for which data has no masks and weights."""
    return part.contract.family == "regularization" and "batch" not in part.contract.result.names


def _units(part: Specified, given: Mapping[str, Any]) -> tuple[str, tuple[str, ...], Any]:
    """The units of a call: their word, their axes, and their shape, which is None for a list of arrays."""
    contract, data = part.contract, {name: value for name, value in given.items() if name not in TAIL or name == "axis"}
    several = any(isinstance(value, (list, tuple)) for value in data.values()) and part.declared.takes_shards
    return contract.unit, contract.result.names, None if several else part.planned((), data).unit_shape


def _ignored(part: Specified, given: Mapping[str, Any]) -> Any:
    return given.get("ignore_index", part.declared.keywords.ignore_index)


def _judges(part: Specified, given: Mapping[str, Any]) -> bool:
    """Say whether the labels of a part decide that a unit does not count, or its weight."""
    labelled = part.contract.label is not None
    return labelled and (_ignored(part, given) is not None or given.get("class_weight") is not None)


def _share_labels(judge: Specified, given: Mapping[str, Any], part: Specified, share: dict[str, Any]) -> None:
    """Mask and weigh the units of a part as the labels of another one say of the same units."""
    assert judge.declared.label is not None
    labels, ignored, class_weight = given[judge.declared.label], _ignored(judge, given), given.get("class_weight")
    backend, xp = backend_of(labels), array_namespace(labels)
    whole = kind_of(xp, labels.dtype) == "integral"
    if whole:
        labels = xp.astype(labels, backend.index_dtype, copy=False)
    same_label = (part.declared.label, _ignored(part, share)) == (judge.declared.label, ignored)
    if ignored is not None and whole and not same_label:
        where = share.get("where")
        share["where"] = labels != ignored if where is None else where & (labels != ignored)
    if class_weight is None or part.declared.label is not None:
        return

    def wide(x: Array) -> Array:
        return xp.astype(x, computing_dtype(xp, x.dtype), copy=False)

    if whole:
        index = xp.reshape(labels % class_weight.shape[0], (-1,))
        weight = xp.reshape(xp.take(wide(class_weight), index, axis=0), labels.shape)
    else:
        axis = judge.axis_of(given)
        labels = xp.permute_dims(labels, move_last(tuple(range(len(labels.shape))), axis))
        by_class = xp.reshape(wide(class_weight), (1,) * (len(labels.shape) - 1) + (-1,))
        weight = xp.sum(wide(labels) * by_class, axis=-1)
    known = share.get("sample_weight")
    share["sample_weight"] = weight if known is None else weight * wide(known)


def _text(factor: Any) -> str:
    """A factor and the sign of multiplication, as one would write them; an array has no text of its own."""
    return "" if _is_one(factor) else f"{'array' if has_content(factor) else factor} * "


def _join(name: str, one: Argument, other: Argument) -> Argument:
    """The declaration of an argument that two parts share: the terms that both take."""
    terms = tuple(term for term in one.terms if term in other.terms)
    own, its = (replace(argument, terms=(), default=None) for argument in (one, other))
    if bool(terms) != bool(one.terms or other.terms) or own != its:
        raise ContractError(f"{name}: the parts declare `{one.name}` as {one} and as {other}")
    return replace(one, terms=terms)


def _union(parts: list[tuple[Any, Contract]]) -> Contract:
    """The contract of a weighted sum."""
    name = " + ".join(_text(factor) + contract.name for factor, contract in parts)
    inputs: dict[str, Argument] = {}
    parameters: dict[str, Argument] = {}
    for _, contract in parts:
        for known, declared in ((inputs, contract.inputs), (parameters, contract.parameters)):
            for argument in declared:
                known[argument.name] = _join(name, known.get(argument.name, argument), argument)
    contracts = [contract for _, contract in parts]
    first = contracts[0]
    coupled = [f"{c.name}: {c.why_coupled}" for c in contracts if not c.mergeable]
    forms = {contract.form for contract in contracts}
    defaults = {contract.default_reduction for contract in contracts}
    return replace(
        first,
        name=name,
        summary="The sum of " + ", ".join(_text(factor) + contract.name for factor, contract in parts) + ".",
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
        why_nonlinear="; ".join(f"{c.name}: {c.why_nonlinear}" for c in contracts if c.why_nonlinear),
        source="; ".join(dict.fromkeys(contract.source for contract in contracts)),
        aliases=(),
        also={},
        equals=(),
        perfect={},
        convex_in=(),
        unread={key: why for contract in contracts for key, why in contract.unread.items()},
        invariant_in=(),
    )
