"""One call on its way through the pipeline: made safe where masked or invalid, checked on demand, weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf, prod
from typing import Any, Literal

import numpy as np

from lossspec.dispatch import is_array
from lossspec.errors import BackendError, ContractError
from lossspec.numerics import admitted, is_zero, number, positions
from lossspec.plan import Plan, move_last
from lossspec.reduction import Mean, Reduction
from lossspec.terms import Array, NonNegative, Term

_checking: ContextVar[str] = ContextVar("lossspec_checking", default="shapes")


def values_are_checked() -> bool:
    """Say whether the caller is within `checking("values")`."""
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
    entries: Array | None = None
    weight: Array | None = None
    """The weight of each unit in a mean; None if all weights are 1."""
    factor: Array | None = None
    """The factor of the statistics of each unit: its weight without the part that is within them already."""
    counts: Array | None = None
    """The units whose weight is not 0, or None where all count."""
    lengths: Array | None = None

    @property
    def count(self) -> Array:
        """The number of selected units."""
        return prod(self.plan.unit_shape) if self.selected is None else self.plan.xp.count_nonzero(self.selected)

    @property
    def mass(self) -> Array:
        """The denominator of a mean: the sum of the weights of the units, or of their tokens."""
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

        for name in plan.widened.keys() & values.keys():
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

    def leave_out(self, name: str, ignored: int, of_units: bool) -> None:
        """Leave out the units, or the entries, that have the ignored label."""
        if name not in self.plan.indices:
            raise ContractError(
                f"{self.loss}: `ignore_index` needs integer labels, and `{name}` is "
                + ("a distribution. Fix: mask with `where`." if of_units else "real. Fix: mask with `where_entries`.")
            )
        kept = self.values[name] != ignored
        if of_units:
            self.selected = kept if self.selected is None else self.selected & kept
        else:
            self.entries = kept if self.entries is None else self.entries & kept

    @property
    def seen_entries(self) -> Array | None:
        """The entries that count, in the rank of the first input; None where all do."""
        name = next(iter(self.plan.entries))
        return None if self.entries is None else expand(self.entries, self.plan.entries[name], self.values[name])

    def make_safe(self, sample_weight: Array | None) -> Array | None:
        """Put the neutral value of its term wherever an input is masked, padded or outside a strict domain.

        Returns the units that an entry outside a strict domain makes NaN. In a unit of weight 0 it sends nothing back.
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
        if self.entries is not None:
            left_out = ~self.entries
            for name, axes in plan.entries.items():
                values[name] = plan.terms[name].put_neutral(xp, values[name], expand(left_out, axes, values[name]))
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
            if term.measures:
                continue
            x = values[name]
            if name in plan.indices:
                values[name], bad = term.admit(xp, x, facts)
            else:
                bad = term.outside(xp, x, facts)
                rows = bad[(..., *(None,) * term.row_axes)]
                counts = None if sample_weight is None else self._of_units(sample_weight) != 0
                if counts is not None and not plan.backend.all_true(counts):
                    counts = expand(counts, plan.masking[name].axes, x)
                    x, rows = term.put_neutral(xp, x, rows & ~counts), rows & counts
                values[name] = admitted(x, rows, number(term.neutral, x))
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
        if self.entries is not None:
            counted = self.entries & (positions(self.entries, dtype=lengths.dtype) < lengths[..., None])
            lengths = xp.count_nonzero(counted, axis=-1)
        lengths = xp.astype(lengths, self.plan.dtype)
        if self.reduction == "token_mean":
            self.lengths = lengths if self.selected is None else xp.where(self.selected, lengths, 0.0)
            return statistics
        lengths = xp.where(lengths == 0, 1.0, lengths)
        return tuple(s / over_units(lengths, s) for s in statistics)

    def weigh_classes(self, class_weight: Array, smoothing: str) -> tuple[Array, dict[str, Any]]:
        """The class weight of every unit, and the arguments with which the body has it inside already.

        A distribution t is a mixture of units of each class, which weigh t[c] * class_weight[c] each: that takes the
        place of t[c]. Smoothing makes a distribution of any label, so it is done here, before the weights.
        """
        plan, xp, label = self.plan, self.plan.xp, self.label
        assert label is not None
        labels, amount = self.values[label], self.values.get(smoothing, 0.0)
        row = class_weight[(None,) * len(plan.unit_shape) + (...,)]
        if label in plan.indices:
            by_class, inside = xp.reshape(xp.take(class_weight, xp.reshape(labels, (-1,)), axis=0), plan.unit_shape), {}
        else:
            inside = {label: labels * row}
            by_class = xp.sum(inside[label], axis=-1)
        if is_zero(amount):
            return by_class, inside
        if label in plan.indices:
            labels = xp.astype(positions(row, dtype=labels.dtype) == labels[..., None], row.dtype)
        amount = amount[..., None] if getattr(amount, "shape", ()) else amount
        smooth = (1 - amount) * labels + amount / labels.shape[-1]
        return by_class, {label: smooth * row, smoothing: 0.0}

    def weigh(self, sample_weight: Array | None, by_class: Array | None, inside: bool) -> None:
        """Weigh every unit by both, 0 where it is not selected; `inside` says that the statistics have the second."""
        both = by_class if sample_weight is None else sample_weight if by_class is None else sample_weight * by_class
        self.weight = self._of_units(both)
        self.factor = self._of_units(sample_weight) if inside else self.weight

    def _of_units(self, weight: Array | None) -> Array | None:
        """Weights in the shape of the units, 0 where these are not selected."""
        if weight is None:
            return None
        plan = self.plan
        if weight.shape != plan.unit_shape:
            weight = plan.xp.broadcast_to(weight, plan.unit_shape)
        return weight if self.selected is None else plan.xp.where(self.selected, weight, 0.0)

    def pass_over_weightless(self, apart: bool) -> None:
        """Find the units of weight 0, which count as not given, and make what is not finite in their inputs neutral.

        What is finite stays: there is a derivative in that weight. So do units that are not `apart` from all others.
        """
        values, xp = self.values, self.plan.xp
        counts = self.weight != 0
        if self.plan.backend.all_true(counts):
            return
        self.counts = counts
        for name, masking in self.plan.masking.items() if apart else ():
            term, value = masking.term, values[name]
            kept = []
            for x in value if isinstance(value, (list, tuple)) else (value,):
                if xp.isdtype(x.dtype, "real floating"):
                    usual = x < inf if -inf in term.interval else xp.isfinite(x)
                    x = term.put_neutral(xp, x, ~(usual | expand(counts, masking.axes, x)))
                kept.append(x)
            values[name] = kept if isinstance(value, (list, tuple)) else kept[0]

    def weighted(self, statistic: Array) -> Array:
        """A statistic times the weights, which is 0 for the weight 0 whatever it is."""
        if self.counts is not None:
            counts = self.plan.xp.isfinite(statistic) | over_units(self.counts, statistic)
            statistic = self.plan.xp.where(counts, statistic, 0.0)
        return statistic if self.factor is None else statistic * over_units(self.factor, statistic)

    def check_values(self, sample_weight: Array, class_weight: Array, axis: int) -> None:
        """Raise for the first selected value outside its domain, with its index in the array of the caller."""
        plan, xp = self.plan, self.plan.xp
        known = {name: self.known(value) for name, value in self.values.items()}
        facts = {**known, **plan.facts}
        selected = None if self.selected is None else self.known(self.selected)
        checked: list[tuple[str, Term, Any, bool]] = [
            (name, term, known[name], name in plan.masking) for name, term in plan.terms.items()
        ]
        for name, weight in (("sample_weight", sample_weight), ("class_weight", class_weight)):
            if weight is not None:
                of_units = name == "sample_weight" and tuple(weight.shape) == plan.unit_shape
                checked.append((name, NonNegative, self.known(weight), of_units))
        if isinstance(self.reduction, Mean) and is_array(self.reduction.over):
            checked.append(("over", NonNegative, self.known(self.reduction.over), False))
        for name, term, value, masked in checked:
            many = isinstance(value, (list, tuple))
            for item, x in enumerate(value if many else (value,)):
                bad = term.outside(xp, x, {**facts, "eps": plan.widened.get(name)})
                if masked and selected is not None:
                    axes = plan.masking[name].axes if name in plan.masking else (True,) * len(plan.unit_shape)
                    flags = axes[: len(axes) - term.row_axes]
                    bad = bad & expand(selected, flags, bad)
                if self.entries is not None and name in plan.entries:
                    flags = plan.entries[name][: len(x.shape) - term.row_axes]
                    bad = bad & expand(self.known(self.entries), flags, bad)
                for _, measured, padded in plan.lengths:
                    if name in padded and term.row_axes == 0 and term.shape is not None:
                        length = known[next(k for k, m, _ in plan.lengths if m == measured)]
                        bad = bad & self.within(name, measured, length)
                found = np.argwhere(plan.backend.to_numpy(bad))
                if len(found):
                    index = tuple(int(i) for i in found[0])
                    held = plan.backend.to_numpy(x)[index]
                    if name in plan.moved and len(index) == len(x.shape):
                        place = axis % len(index)
                        index = (*index[:-1][:place], index[-1], *index[:-1][place:])
                    raise ContractError(
                        f"{self.loss}: `{name}{[item] if many else ''}` holds {held} at index {index}; "
                        f"its domain is {term.domain}."
                    )

    def known(self, value: Any) -> Any:
        """An argument with the values that it has now, or an error where a tracer has none."""
        if isinstance(value, (list, tuple)):
            return [self.known(item) for item in value]
        if not is_array(value):
            return value
        found = self.plan.backend.known(value)
        if found is None:
            raise BackendError(f"{self.loss}: checking('values') needs known values; leave jit or vmap")
        return found


def over_units(flags: Array, statistic: Array) -> Array:
    """Flags of units with an axis of size 1 for every axis that a statistic has beyond them."""
    beyond = len(statistic.shape) - len(flags.shape)
    return flags[(...,) + (None,) * beyond] if beyond else flags


def expand(flags: Array, axes: tuple[bool, ...], x: Array) -> Array:
    """Flags of units in the rank of an input: its own axis where that is one of the units', else an axis of size 1."""
    axes = axes if len(axes) == len(x.shape) else axes + (False,) * (len(x.shape) - len(axes))
    return flags if all(axes) else flags[tuple(slice(None) if own else None for own in axes)]
