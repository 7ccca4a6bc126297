"""One call of a loss, step by step: every step takes the record of the call and returns a new one.

1. `bind`: inputs, parameters and keywords get their names; numbers are checked.
2. `plan`: shapes, dtypes and devices are bound to the contract. All that follows from them alone is the `Plan`.
3. `prepare`: half precision is widened to float32, the class axis moved to the end, labels made indices.
4. `select`: `where` and `ignore_index` say which units count, `where_entries` which of their entries.
5. `check`: within `checking("values")`, every selected value is held against its domain.
6. `make_safe`: what is masked, padded or outside a strict domain gives way to the neutral value of its term.
7. `weigh`: every unit gets its weight; weights of classes go into labels that are distributions.
8. `run`: the code of the loss; units that do not count become 0, NaN is carried on.
9. `reduce`: the statistics are weighted, summed and divided. `Partial` keeps what `totals`, `mass` and `count` give.

A step that has nothing to do returns the record as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf, prod
from typing import Any, Literal, NamedTuple

import numpy as np

from lossspec.binding import Declared, is_list, items_of
from lossspec.contract import LENGTH_REDUCTIONS
from lossspec.dispatch import is_array
from lossspec.errors import BackendError, ContractError
from lossspec.keywords import Keywords
from lossspec.numerics import admitted, carry_nan, finite_pull, is_zero, number, positions, stop_gradient
from lossspec.plan import Masking, Plan, Plans, move_last
from lossspec.reduction import Mean, denominator, finish
from lossspec.terms import Array, NonNegative, Term


class Call(NamedTuple):
    """The record of one call: a tuple, which costs least of all that cannot be changed.

    The fields stand in the order in which the steps fill them.
    """

    declared: Declared
    plan: Plan
    keywords: Keywords
    values: Mapping[str, Any]
    """The inputs and parameters as the code of the loss will see them."""
    selected: Array | None = None
    """The units that count, or None where all do."""
    entries: Array | None = None
    """The entries of units that count, or None where all do."""
    sample_weight: Array | None = None
    """The weight of each unit that the call gives, 0 where the unit is not selected."""
    invalid: Array | None = None
    """The units that something outside a strict domain makes NaN."""
    inside: Mapping[str, Any] | None = None
    """The arguments that hold the weights of classes already, where labels are distributions."""
    weight: Array | None = None
    """The count of each unit in a mean, or None where all count 1."""
    factor: Array | None = None
    """The factor of the statistics of each unit: the weight, less what is inside of them already."""
    counts: Array | None = None
    """The units whose weight is not 0, or None where all count."""
    lengths: Array | None = None
    """The number of entries of each unit, for a reduction over lengths."""
    statistics: tuple[Array, ...] = ()
    """The results of the code of the loss, for every unit."""


def measure(declared: Declared, plans: Plans, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Call:
    """The record of a call up to the statistics of its units."""
    values, keywords = declared.bind(inputs, options)
    call = Call(declared, plans.of(values, keywords), keywords, values)
    return run(weigh(make_safe(check(select(prepare(call))))))


# The steps.


def prepare(call: Call) -> Call:
    """Widen half precision to float32, move the class axis to the end, make integers indices."""
    plan, keywords = call.plan, call.keywords
    if not (plan.widened or plan.moved or plan.converted):
        return call
    values, xp = {**call.values}, plan.xp

    def widen(x: Array) -> Array:
        return xp.astype(x, xp.float32)

    for name in plan.widened.keys() & values.keys():
        values[name] = _each(values[name], widen)
    for name in plan.moved:
        order = move_last(tuple(range(len(values[name].shape))), keywords.axis)
        values[name] = xp.permute_dims(values[name], order)
    for name in plan.converted:
        values[name] = xp.astype(values[name], plan.backend.index_dtype)
    wide = {name: widen(getattr(keywords, name)) for name in _WEIGHTS if name in plan.widened}
    return call._replace(values=values, keywords=keywords._replace(**wide) if wide else keywords)


_WEIGHTS = ("sample_weight", "class_weight")


def select(call: Call) -> Call:
    """Find the units and the entries that count, and what the selected units weigh."""
    plan, keywords, declared = call.plan, call.keywords, call.declared
    selected, entries, ignored = keywords.where, keywords.where_entries, keywords.ignore_index
    if ignored is not None and (declared.ignorable in plan.indices or keywords.ignores):
        kept = _not_ignored(call, ignored)
        if declared.label is not None:
            selected = kept if selected is None else selected & kept
        else:
            entries = kept if entries is None else entries & kept
    weight = keywords.sample_weight
    if weight is not None:
        if weight.shape != plan.unit_shape:
            weight = plan.xp.broadcast_to(weight, plan.unit_shape)
        weight = _of_selected(call, selected, weight)
    elif selected is None and entries is None:
        return call
    return Call(declared, plan, keywords, call.values, selected, entries, weight)


def _not_ignored(call: Call, ignored: int) -> Array:
    """The units, or the entries, that have another label than the ignored one."""
    name = call.declared.ignorable
    if name not in call.plan.indices:
        of_units = call.declared.label is not None
        raise ContractError(
            f"{call.declared.contract.name}: `ignore_index` needs integer labels, and `{name}` is "
            + ("a distribution. Fix: mask with `where`." if of_units else "real. Fix: mask with `where_entries`.")
        )
    return call.values[name] != ignored


def _of_selected(call: Call, selected: Array | None, weight: Array) -> Array:
    """Weights of units, 0 where these are not selected."""
    return weight if selected is None else call.plan.xp.where(selected, weight, 0.0)


def make_safe(call: Call) -> Call:
    """Put the neutral value of its term wherever an input is masked, padded or outside a strict domain.

    An entry outside a strict domain makes its unit invalid. In a unit of weight 0 it sends nothing back.
    """
    plan, selected, entries = call.plan, call.selected, call.entries
    if selected is None and entries is None and not plan.strict:
        return call
    values, xp = {**call.values}, plan.xp
    facts = {**values, **plan.facts}
    if selected is not None:
        masked = ~selected
        for name, masking in plan.masking.items():
            values[name] = _each(values[name], _neutral_where, xp, masking, masked)
    if entries is not None:
        left_out = ~entries
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
            present[other] = valid = _within(plan, other, values[other], measured, length)
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
            counts = None if call.sample_weight is None else call.sample_weight != 0
            if counts is not None and not plan.backend.all_true(counts):
                counts = expand(counts, plan.masking[name].axes, x)
                x, rows = term.put_neutral(xp, x, rows & ~counts), rows & counts
            if not plan.backend.all_true(~bad):  # else a pass over the array, and one more for its derivative
                values[name] = admitted(x, rows, number(term.neutral, x))
        if name in present:
            bad = bad & present[name]
        within = len(plan.masking[name].axes) - term.row_axes - len(plan.unit_shape)
        if within:
            bad = xp.any(bad, axis=tuple(range(-within, 0)))
        invalid = bad if invalid is None else invalid | bad
    return Call(call.declared, plan, call.keywords, values, selected, entries, call.sample_weight, invalid)


def _neutral_where(x: Array, xp: Any, masking: Masking, left_out: Array) -> Array:
    """An input with the neutral value of its term in the units that are left out."""
    return masking.term.put_neutral(xp, x, expand(left_out, masking.axes, x))


def weigh(call: Call) -> Call:
    """Find the weight of every unit, of its own and of its class, and its length where the reduction asks for it.

    Units of weight 0 count as not given.
    """
    lengths = _lengths(call) if call.keywords.reduction in LENGTH_REDUCTIONS else None
    weight, inside = call.sample_weight, None
    if call.keywords.class_weight is not None:
        by_class, inside = _weigh_classes(call, call.keywords.class_weight)
        weight = _of_selected(call, call.selected, by_class if weight is None else weight * by_class)
    if weight is None:
        return call if lengths is None else call._replace(lengths=lengths)
    values, invalid, factor = call.values, call.invalid, call.sample_weight if inside else weight
    counts = weight != 0
    if call.plan.backend.all_true(counts):
        counts = None
    else:
        invalid = None if invalid is None else invalid & counts
        values = _pass_over_weightless(call, counts) if call.declared.contract.mergeable else values
    return Call(*call[:3], values, *call[4:7], invalid, inside, weight, factor, counts, lengths)


def _weigh_classes(call: Call, class_weight: Array) -> tuple[Array, dict[str, Any]]:
    """The class weight of every unit, and the arguments with which the code of the loss has it inside already.

    A distribution t is a mixture of units of each class, which weigh t[c] * class_weight[c] each: that takes the
    place of t[c]. Smoothing makes a distribution of any label, so it is done here, before the weights.
    """
    plan, xp, label, smoothing = call.plan, call.plan.xp, call.declared.label, call.declared.smoothing
    assert label is not None
    labels, amount = call.values[label], call.values.get(smoothing, 0.0)
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


def _pass_over_weightless(call: Call, counts: Array) -> dict[str, Any]:
    """The values, with neutral ones for what is not finite in units of weight 0.

    What is finite stays: there is a derivative in that weight. So does -inf where it is in the domain. If units share
    an input, its derivative adds up over them, and one that is NaN would make it NaN: then whole rows of -inf do not
    stay, nor what is near to the end of the dtype, as padding may be.
    """
    values, xp = {**call.values}, call.plan.xp
    shared = any(argument.name not in call.plan.masking for argument in call.declared.contract.inputs)

    def finite(x: Array, masking: Masking) -> Array:
        if not xp.isdtype(x.dtype, "real floating"):
            return x
        end = float(xp.finfo(x.dtype).max) / 16 if shared else inf
        usual = (x if -inf in masking.term.interval else xp.abs(x)) < end
        if shared and not masking.axes[-1]:
            usual = usual & xp.any(x > -inf, axis=-1, keepdims=True)
        return masking.term.put_neutral(xp, x, ~(usual | expand(counts, masking.axes, x)))

    for name, masking in call.plan.masking.items():
        values[name] = _each(values[name], finite, masking)
    return values


def _lengths(call: Call) -> Array:
    """The number of entries of each unit that lie within its length and count."""
    xp, lengths, entries = call.plan.xp, call.values[call.declared.length], call.entries
    if entries is not None:
        counted = entries & (positions(entries, dtype=lengths.dtype) < lengths[..., None])
        lengths = xp.count_nonzero(counted, axis=-1)
    return xp.astype(lengths, call.plan.dtype)


def run(call: Call) -> Call:
    """Run the code of the loss: the statistics of every unit, NaN where it is invalid, 0 where it is not selected."""
    declared, xp, selected, invalid = call.declared, call.plan.xp, call.selected, call.invalid
    given = call.values if call.inside is None else {**call.values, **call.inside}
    if declared.sees_selection:
        given = {**given, "selected": selected}
    if declared.sees_entries:
        given = {**given, "entries": _seen_entries(call)}
    if call.counts is not None and declared.contract.mergeable:
        given = _without_harm(call, given)
    statistics = _statistics(declared, given)
    if invalid is not None:
        statistics = tuple(carry_nan(s, over_units(invalid, s)) for s in statistics)
    elif declared.carries_nan:
        statistics = tuple(carry_nan(s) for s in statistics)
    if selected is not None:
        statistics = tuple(xp.where(over_units(selected, s), s, 0.0) for s in statistics)
    if call.keywords.reduction == "length_mean":
        divisors = xp.where(call.lengths == 0, 1.0, call.lengths)
        statistics = tuple(s / over_units(divisors, s) for s in statistics)
    return Call._make((*call[:-1], statistics))


def _statistics(declared: Declared, given: Mapping[str, Any]) -> tuple[Array, ...]:
    statistics = declared.run(declared.function, **given)
    return (statistics,) if declared.finalizer is None else tuple(statistics)


def _without_harm(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values, constants in a unit of weight 0 whose derivative is not finite, since 0 * inf is NaN.

    Elsewhere they have their derivatives, for there is one in the weight and the value both. Reverse mode finds those
    units by its cotangents. A framework that transposes linear maps runs the code of the loss on constants first; its
    compiler sees that both runs compute the same numbers.
    """
    plan, xp, sees = call.plan, call.plan.xp, call.plan.backend.sees_cotangents
    counts = call.counts if sees else _harmless(call, given)

    def change(x: Array, flags: Array) -> Array:
        if not xp.isdtype(x.dtype, "real floating"):
            return x
        return finite_pull(x, flags) if sees else xp.where(flags, x, stop_gradient(x))

    found = dict(given)
    for name, masking in plan.masking.items():
        found[name] = _each(given[name], lambda x, axes: change(x, expand(counts, axes, x)), masking.axes)
    for argument in call.declared.contract.parameters:
        x = given[argument.name]
        if argument.varies is not None and argument.name not in plan.masking and is_array(x):
            found[argument.name] = change(xp.broadcast_to(x, plan.unit_shape), counts)
    return found


def _harmless(call: Call, given: Mapping[str, Any]) -> Array:
    """The units whose weight is not 0, or whose statistics are finite."""
    harmless: Any = True
    for s in _statistics(call.declared, {name: _each(x, _constant) for name, x in given.items()}):
        finite = call.plan.xp.isfinite(s)
        beyond = tuple(range(len(call.plan.unit_shape), len(s.shape)))
        harmless = harmless & (call.plan.xp.all(finite, axis=beyond) if beyond else finite)
    return call.counts | harmless


def _constant(x: Any) -> Any:
    return stop_gradient(x) if is_array(x) else x


def _seen_entries(call: Call) -> Array | None:
    """The entries that count, in the rank of the first input; None where all do."""
    name = next(iter(call.plan.entries))
    return None if call.entries is None else expand(call.entries, call.plan.entries[name], call.values[name])


def reduce(call: Call) -> Array:
    """The loss of the call, from the statistics of its units."""
    how = call.keywords.reduction
    if how == "none":
        return weighted(call)[0]
    return finish(call.plan.xp, call.declared.finalize, call.values, totals(call), divisor(call), call.keywords.empty)


def divisor(call: Call) -> Any:
    """The divisor of the weighted sum, or None where there is none."""
    how = call.keywords.reduction
    if how == "mean" or how in LENGTH_REDUCTIONS:
        return mass(call)
    counted = count(call) if how == "count_mean" else None  # a pass over the mask that only this one needs
    return denominator(call.declared.contract.name, how, None, counted, batch(call))


def totals(call: Call) -> tuple[Array, ...]:
    """The weighted statistics, summed over the units."""
    xp, units = call.plan.xp, len(call.plan.unit_shape)
    return tuple([xp.sum(s) if len(s.shape) == units else xp.sum(s, axis=tuple(range(units))) for s in weighted(call)])


def weighted(call: Call) -> tuple[Array, ...]:
    """The statistics times the weights, which is 0 for the weight 0 whatever they are."""
    factor, counts = call.factor, call.counts
    if factor is None and counts is None:
        return call.statistics
    found = []
    for s in call.statistics:
        if counts is not None:
            s = call.plan.xp.where(call.plan.xp.isfinite(s) | over_units(counts, s), s, 0.0)
        found.append(s if factor is None else s * over_units(factor, s))
    return tuple(found)


def count(call: Call) -> Any:
    """The number of selected units."""
    return prod(call.plan.unit_shape) if call.selected is None else call.plan.xp.count_nonzero(call.selected)


def mass(call: Call) -> Any:
    """The divisor of a mean: the sum of the weights of the units, or of those of their tokens."""
    weight = mass_of_units(call)
    return count(call) if weight is None else call.plan.xp.sum(weight)


def mass_of_units(call: Call) -> Array | None:
    """The part of every unit in the divisor of a mean; None if all have 1."""
    if call.keywords.reduction != "token_mean":
        return call.weight
    assert call.lengths is not None
    lengths = _of_selected(call, call.selected, call.lengths)
    return lengths if call.weight is None else call.weight * lengths


def batch(call: Call) -> int | None:
    """The length of the leading axis of the units, or None where they have none."""
    return call.plan.unit_shape[0] if call.plan.unit_shape else None


# Values against their domains, where the caller asks for it.

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


def check(call: Call) -> Call:
    """Raise for the first selected value outside its domain, with its index in the array of the caller, if asked to."""
    plan, xp, keywords = call.plan, call.plan.xp, call.keywords
    if plan.backend.is_tracing() or not values_are_checked():
        return call
    known = {name: _known(call, value) for name, value in call.values.items()}
    facts = {**known, **plan.facts}
    selected = None if call.selected is None else _known(call, call.selected)
    checked: list[tuple[str, Term, Any, bool]] = [
        (name, term, known[name], name in plan.masking) for name, term in plan.terms.items()
    ]
    for name in _WEIGHTS:
        weight = getattr(keywords, name)
        if weight is not None:
            of_units = name == "sample_weight" and tuple(weight.shape) == plan.unit_shape
            checked.append((name, NonNegative, _known(call, weight), of_units))
    if isinstance(keywords.reduction, Mean) and is_array(keywords.reduction.over):
        checked.append(("over", NonNegative, _known(call, keywords.reduction.over), False))
    for name, term, value, masked in checked:
        for item, x in enumerate(items_of(value)):
            bad = term.outside(xp, x, {**facts, "eps": plan.widened.get(name)})
            if masked and selected is not None:
                axes = plan.masking[name].axes if name in plan.masking else (True,) * len(plan.unit_shape)
                flags = axes[: len(axes) - term.row_axes]
                bad = bad & expand(selected, flags, bad)
            if call.entries is not None and name in plan.entries:
                flags = plan.entries[name][: len(x.shape) - term.row_axes]
                bad = bad & expand(_known(call, call.entries), flags, bad)
            for _, measured, padded in plan.lengths:
                if name in padded and term.row_axes == 0 and term.shape is not None:
                    length = known[next(k for k, m, _ in plan.lengths if m == measured)]
                    bad = bad & _within(plan, name, call.values[name], measured, length)
            found = np.argwhere(plan.backend.to_numpy(bad))
            if len(found):
                index = tuple(int(i) for i in found[0])
                held = plan.backend.to_numpy(x)[index]
                if name in plan.moved and len(index) == len(x.shape):
                    place = keywords.axis % len(index)
                    index = (*index[:-1][:place], index[-1], *index[:-1][place:])
                raise ContractError(
                    f"{call.declared.contract.name}: `{name}{[item] if is_list(value) else ''}` holds {held} at index "
                    f"{index}; its domain is {term.domain}."
                )
    return call


def _known(call: Call, value: Any) -> Any:
    """An argument with the values that it has now, or an error where a tracer has none."""
    if is_list(value):
        return [_known(call, item) for item in value]
    if not is_array(value):
        return value
    found = call.plan.backend.known(value)
    if found is None:
        raise BackendError(f"{call.declared.contract.name}: checking('values') needs known values; leave jit or vmap")
    return found


# From flags of units to the axes of an input, and over the items of a list.


def _each(value: Any, change: Callable[..., Array], *facts: Any) -> Any:
    """An argument, or each array of a list, changed."""
    return [change(x, *facts) for x in value] if isinstance(value, (list, tuple)) else change(value, *facts)


def over_units(flags: Array, statistic: Array) -> Array:
    """Flags of units with an axis of size 1 for every axis that a statistic has beyond them."""
    beyond = len(statistic.shape) - len(flags.shape)
    return flags[(...,) + (None,) * beyond] if beyond else flags


def expand(flags: Array, axes: tuple[bool, ...], x: Array) -> Array:
    """Flags of units in the rank of an input: its own axis where that is one of the units', else an axis of size 1."""
    axes = axes if len(axes) == len(x.shape) else axes + (False,) * (len(x.shape) - len(axes))
    return flags if all(axes) else flags[tuple(slice(None) if own else None for own in axes)]


def _within(plan: Plan, name: str, x: Array, measured: str, length: Array) -> Array:
    """True where an entry of an input lies within the length of the axis that is measured, and is no padding."""
    shape = plan.terms[name].shape
    assert shape is not None
    position = shape.names.index(measured) - len(shape.names)  # from the end: no variadic axis follows
    return positions(x, position, length.dtype) < expand(length, plan.masking[name].axes, x)
