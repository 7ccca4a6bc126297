"""One call on its way through the pipeline: made safe where masked or invalid, checked on demand, weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from lossspec.errors import BackendError, ContractError
from lossspec.numerics import positions
from lossspec.plan import Plan, move_last
from lossspec.reduction import Mean, Reduction
from lossspec.terms import Array, NonNegative, Term

_checking: ContextVar[str] = ContextVar("lossspec_checking", default="shapes")


def values_are_checked() -> bool:
    """Whether the caller is within `checking("values")`."""
    return _checking.get() == "values"


@contextmanager
def checking(level: Literal["shapes", "values"]) -> Iterator[None]:
    """Within this context `"values"` also checks every value against its domain and raises with its index.

    It reads the values, so it costs a pass and a copy to the host. Under jit or vmap, where there are no values yet, it
    raises `BackendError`; torch.compile does not see it.

    >>> import numpy as np
    >>> import lossspec
    >>> with lossspec.checking("values"):
    ...     lossspec.cross_entropy(np.zeros((2, 3)), np.asarray([0, 3]))
    Traceback (most recent call last):
        ...
    lossspec.errors.ContractError: cross_entropy: `labels` holds 3 at index (1,); its domain is ...
    """
    if level not in ("shapes", "values"):
        raise ContractError(f"checking({level!r}): the levels are 'shapes' and 'values'")
    token = _checking.set(level)
    try:
        yield
    finally:
        _checking.reset(token)


@dataclass
class Call:
    """One call after its arguments are bound and checked: what the loss function sees, and what reduction needs."""

    loss: str
    label: str | None
    plan: Plan
    values: dict[str, Any]
    reduction: Reduction
    empty: float
    statistics: tuple[Array, ...] = ()
    selected: Array | None = None
    weight: Array | None = None
    lengths: Array | None = None

    @property
    def count(self) -> Array:
        """The number of selected units."""
        return prod(self.plan.unit_shape) if self.selected is None else self.plan.xp.count_nonzero(self.selected)

    @property
    def mass(self) -> Array:
        """What a mean divides by: the sum of the weights of the units, or of those of their tokens."""
        xp = self.plan.xp
        if self.lengths is None:
            return self.count if self.weight is None else xp.sum(self.weight)
        return xp.sum(self.lengths if self.weight is None else self.weight * self.lengths)

    @property
    def batch(self) -> int | None:
        """The length of the leading axis of the units, or None where they have none."""
        return self.plan.unit_shape[0] if self.plan.unit_shape else None

    def prepare(self, sample_weight: Array, class_weight: Array, axis: int) -> tuple[Array, Array]:
        """Half precision widened to float32, the class axis moved to the end, integers as indices."""
        plan, values, xp = self.plan, self.values, self.plan.xp

        def widen(x: Any) -> Any:
            return [widen(item) for item in x] if isinstance(x, (list, tuple)) else xp.astype(x, xp.float32)

        for name in plan.widened & values.keys():
            values[name] = widen(values[name])
        for name in plan.moved:
            order = move_last(tuple(range(len(values[name].shape))), axis)
            values[name] = xp.permute_dims(values[name], order)
        for name in plan.converted:
            values[name] = xp.astype(values[name], plan.backend.index_dtype)
        if "sample_weight" in plan.widened:
            sample_weight = widen(sample_weight)
        if "class_weight" in plan.widened:
            class_weight = widen(class_weight)
        return sample_weight, class_weight

    def make_safe(self) -> Array | None:
        """Put the neutral value of its term wherever an input is masked, padded or outside a strict domain.

        Returns the units that an entry outside a strict domain makes NaN.
        """
        plan, values, xp = self.plan, self.values, self.plan.xp
        facts = {**values, **plan.facts}
        if self.selected is not None:
            masked = ~self.selected
            for name, masking in plan.masking.items():
                value = values[name]
                kept = [
                    masking.term.put_neutral(xp, x, expand(masked, masking.axes, x))
                    for x in (value if isinstance(value, (list, tuple)) else (value,))
                ]
                values[name] = kept if isinstance(value, (list, tuple)) else kept[0]
        invalid = None
        present: dict[str, Array] = {}
        for name, measured, padded in plan.lengths:
            masking = plan.masking[name]
            length, bad = masking.term.admit(xp, values[name], facts)
            invalid = bad if invalid is None else invalid | bad
            values[name] = length
            for other in padded:
                present[other] = valid = self.within(other, measured, length)
                values[other] = plan.terms[other].put_neutral(xp, values[other], ~valid)
        for name in plan.strict:
            term = plan.terms[name]
            if term.name == "Length":
                continue
            values[name], bad = term.admit(xp, values[name], facts)
            if name in present:
                bad = bad & present[name]
            within = len(plan.masking[name].axes) - term.row_axes - len(plan.unit_shape)
            if within:
                bad = xp.any(bad, axis=tuple(range(-within, 0)))
            invalid = bad if invalid is None else invalid | bad
        return invalid

    def within(self, name: str, measured: str, length: Array) -> Array:
        """True where an entry of an input lies within the length of the axis that is measured, and is no padding."""
        x, shape = self.values[name], self.plan.terms[name].shape
        assert shape is not None
        position = shape.names.index(measured) - len(shape.names)  # from the end: no variadic axis follows
        return positions(x, position, length.dtype) < expand(length, self.plan.masking[name].axes, x)

    def by_length(self, lengths: Array, statistics: tuple[Array, ...]) -> tuple[Array, ...]:
        """The statistics for a reduction over lengths, each divided by its own for "length_mean"."""
        xp = self.plan.xp
        lengths = xp.astype(lengths, self.plan.dtype)
        if self.reduction == "token_mean":
            self.lengths = lengths if self.selected is None else xp.where(self.selected, lengths, 0.0)
            return statistics
        lengths = xp.where(lengths == 0, 1.0, lengths)
        return tuple(s / over_units(lengths, s) for s in statistics)

    def weigh(self, sample_weight: Array, class_weight: Array, labels: Array) -> Array | None:
        """w_i of every unit, 0 where it is not selected, or None where all weights are 1."""
        plan, xp = self.plan, self.plan.xp
        weight = sample_weight
        if class_weight is not None:
            if self.label in plan.indices:
                by_class = xp.reshape(xp.take(class_weight, xp.reshape(labels, (-1,)), axis=0), plan.unit_shape)
            else:
                by_class = xp.sum(
                    labels * expand(class_weight, (False,) * len(plan.unit_shape) + (True,), labels), axis=-1
                )  # a distribution: the expected class weight
            weight = by_class if weight is None else weight * by_class
        if weight is None:
            return None
        if weight.shape != plan.unit_shape:
            weight = xp.broadcast_to(weight, plan.unit_shape)
        return weight if self.selected is None else xp.where(self.selected, weight, 0.0)

    def check_values(self, sample_weight: Array, class_weight: Array) -> None:
        """Raise for the first selected value outside its domain, with its index."""
        plan, xp = self.plan, self.plan.xp
        facts = {**self.values, **plan.facts}
        checked: list[tuple[str, Term, Any, bool]] = [
            (name, term, self.values[name], name in plan.masking) for name, term in plan.terms.items()
        ]
        if sample_weight is not None:
            checked.append(("sample_weight", NonNegative, sample_weight, tuple(sample_weight.shape) == plan.unit_shape))
        if class_weight is not None:
            checked.append(("class_weight", NonNegative, class_weight, False))
        if isinstance(self.reduction, Mean) and hasattr(self.reduction.over, "dtype"):
            checked.append(("over", NonNegative, self.reduction.over, False))
        for name, term, value, masked in checked:
            many = isinstance(value, (list, tuple))
            for item, x in enumerate(value if many else (value,)):
                if not plan.backend.is_concrete(x):
                    raise BackendError(f"{self.loss}: checking('values') needs known values; leave jit or vmap")
                bad = term.outside(xp, x, facts)
                if masked and self.selected is not None:
                    axes = plan.masking[name].axes if name in plan.masking else (True,) * len(plan.unit_shape)
                    flags = axes[: len(axes) - term.row_axes]
                    bad = bad & expand(self.selected, flags, bad)
                for _, measured, padded in plan.lengths:
                    if name in padded and term.row_axes == 0 and term.shape is not None:
                        length = self.values[next(k for k, m, _ in plan.lengths if m == measured)]
                        bad = bad & self.within(name, measured, length)
                found = np.argwhere(plan.backend.to_numpy(bad))
                if len(found):
                    index = tuple(int(i) for i in found[0])
                    held = plan.backend.to_numpy(x)[index]
                    raise ContractError(
                        f"{self.loss}: `{name}{[item] if many else ''}` holds {held} at index {index}; "
                        f"its domain is {term.domain}."
                    )


def over_units(flags: Array, statistic: Array) -> Array:
    """Flags of units with an axis of size 1 for every axis that a statistic has beyond them."""
    beyond = len(statistic.shape) - len(flags.shape)
    return flags[(...,) + (None,) * beyond] if beyond else flags


def expand(flags: Array, axes: tuple[bool, ...], x: Array) -> Array:
    """Flags of units in the rank of an input: its own axis where that is one of the units', else an axis of size 1."""
    axes = axes if len(axes) == len(x.shape) else axes + (False,) * (len(x.shape) - len(axes))
    return flags if all(axes) else flags[tuple(slice(None) if own else None for own in axes)]
