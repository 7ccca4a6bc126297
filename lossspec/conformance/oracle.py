"""The oracle: a definition evaluated with more and more digits until they agree, and differentiated numerically.

It knows definitions, cases and the table of reductions, and nothing of the implementation. Its results:

* for every unit the value, and the scale |l| + sum_j |x_j dl/dx_j| over all real inputs and parameters, or what moving
  them all by eps does, if that is more;
* for (a sample of) the input components g_i = dl/dx_i and the scale |g_i| + sum_j |x_j dg_i/dx_j|, the sum sampled
  by moving all inputs relatively by random signs, or what moving them by eps does where g_i is the square of a 0. At a
  kink g_i is the interval between the one-sided derivatives, with the scale of its ends; where a one-sided derivative
  does not exist or diverges, any finite number is right;
* likewise for some h_i = d2l/dx_i2, where the first derivative has a kink; where it jumps, any finite number is right.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np
from mpmath import mp, mpf

from lossspec.conformance.axes import Values, axes_of, axis_names, entry_axes, hessian_inputs, shared_inputs, unit_shape
from lossspec.conformance.cases import Case
from lossspec.contract import Contract
from lossspec.definitions.common import constants_held, start_evaluation
from lossspec.errors import ContractError
from lossspec.reduction import Mean
from lossspec.terms import Role

VERSION = 5
DIGITS = 50
MOST_DIGITS = 16_000
SAMPLED_COMPONENTS = 24
SAMPLED_CURVATURES = 8
SHARED_COMPONENTS = 4
ALL_COMPONENTS = 40
EXACT_SCALES = 40
MOVES = 8
STEP = mpf(10) ** -30
JUMP = mpf(10) ** 8  # times what it is, or what it is at a larger step: a slope so steep may be a jump
AGREE = mpf(10) ** -28
NEGLIGIBLE = mpf(10) ** -330  # below the smallest double
FLAT = mpf(10) ** -20  # below it the slope of a derivative at 0 is looked at twice, as its square may have left it


@dataclass(frozen=True)
class Component:
    """A derivative in one entry of one input: everything in [low, high] is right; at `free`, every finite number."""

    name: str
    index: tuple[int, ...]
    low: Any
    high: Any
    scale: float
    free: bool = False


@dataclass(frozen=True)
class Expected:
    """The right results of a case: the value of each unit (of the call, for an aggregate) and some derivatives."""

    values: list[Any]
    scales: list[float]
    components: list[list[Component]]


def definition_of(loss: Any) -> Callable[..., Any]:
    """The definition that a loss names, or the one that mirrors it: `losses` becomes `definitions` in its module."""
    found: Callable[..., Any] | None = loss.definition
    if found is None and ".losses." in loss.__module__:
        with suppress(ModuleNotFoundError):
            mirror = import_module(loss.__module__.replace(".losses.", ".definitions."))
            found = getattr(mirror, loss.contract.name, None)
    if found is None:
        raise ContractError(
            f"{loss.contract.name} has no definition to be compared with. Fix: pass `definition=`, its formula on one "
            "unit in mpmath, to the decorator `loss`."
        )
    return found


@cache
def _meaning(definition: Callable[..., Any]) -> str:
    """The code of a definition and of all functions of its package that it calls, without layout and comments."""
    package = definition.__module__.partition(".")[0]
    found: dict[str, str] = {}

    def read(function: Callable[..., Any]) -> None:
        # The first three parts of the module are its family: in which of its files a definition stands changes nothing.
        name = ".".join([*function.__module__.split(".")[:3], function.__qualname__])
        if name in found:
            return
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        found[name] = ast.dump(tree)
        known: Mapping[str, Any] = getattr(function, "__globals__", {})
        for node in ast.walk(tree):
            value = known.get(node.id) if isinstance(node, ast.Name) else None
            if inspect.isfunction(value):
                if value.__module__.partition(".")[0] == package:
                    read(value)
            elif isinstance(value, (int, float, str, tuple, list, dict)):
                found[f"{name} {node.id}"] = repr(value)  # type: ignore[attr-defined]

    read(definition)
    return " ".join(f"{name}={found[name]}" for name in sorted(found))


def definition_hash(loss: Any) -> str:
    """A hash of the definition of a loss and of all that it calls: what results depend on beside their case."""
    digest = hashlib.sha256(f"{VERSION} {loss.contract.name} {loss.contract.form}".encode())
    digest.update(_meaning(definition_of(loss)).encode())
    return digest.hexdigest()[:16]


def case_hash(contract: Contract, case: Case) -> str:
    """A hash of all of a case that its exact results depend on."""
    digest = hashlib.sha256()
    options = case.options
    if contract.form == "pointwise":
        of_units = {} if not contract.entries else {"where_entries", "ignore_index"} & options.keys()
        options = {name: options[name] for name in sorted(of_units)}
    if mixes(contract, case):
        options = {"class_weight": case.options["class_weight"], **options}
    for name, value in itertools.chain(case.inputs.items(), case.parameters.items(), options.items()):
        for item in value if isinstance(value, list) else [value]:
            digest.update(f"{name} {item if isinstance(item, Mean) else np.asarray(item).dtype}".encode())
            content = np.asarray(str(item) if isinstance(item, (Mean, str, type(None))) else item)
            digest.update(f"{content.shape}".encode() + content.tobytes())
    return digest.hexdigest()[:16]


# Weights and reductions, from the table of the design.


def mixes(contract: Contract, case: Case) -> bool:
    """Say whether class weights act within the loss of a unit: if its label is a distribution or smoothed."""
    if contract.label is None or "class_weight" not in case.options:
        return False
    smoothed = contract.smoothing and case.parameters[contract.smoothing] != 0
    return bool(smoothed or case.inputs[contract.label.name].dtype.kind == "f")


def selection(contract: Contract, case: Case) -> tuple[tuple[int, ...], list[bool], list[Any], list[Any]]:
    """The shape of the units; which are selected; w_i = sample_weight_i * class_weight[label_i]; what l_i is times.

    A distribution t weighs sum_c t[c] * class_weight[c]. Where the loss of a unit has that within it, it is times the
    first of the two alone.
    """
    shape = unit_shape(contract, case.inputs)
    options, label = case.options, contract.label
    where = np.broadcast_to(options.get("where", True), shape).ravel()
    sample = np.broadcast_to(options.get("sample_weight", 1.0), shape).ravel()
    count = len(where)
    selected, weights, factors = [], [], []
    inside = mixes(contract, case)
    labels = None if label is None else case.inputs[label.name]
    for i in range(count):
        keep, weight = bool(where[i]), mpf(float(sample[i]))
        factors.append(weight)
        if labels is not None and labels.dtype.kind == "i":
            own = int(labels.ravel()[i])
            keep = keep and own != options.get("ignore_index")
            if "class_weight" in options:
                weight *= mpf(float(options["class_weight"][own]))
        elif labels is not None and "class_weight" in options:
            row = labels.reshape(count, -1)[i]
            weight *= mp.fsum(mpf(float(t)) * mpf(float(w)) for t, w in zip(row, options["class_weight"], strict=True))
        selected.append(keep)
        weights.append(weight)
    return shape, selected, weights, factors if inside else weights


def lengths_of(contract: Contract, case: Case) -> list[Any]:
    """The number of tokens of each unit, 1 where units have no lengths."""
    if contract.length is None:
        return [mpf(1)] * int(np.prod(unit_shape(contract, case.inputs), dtype=np.int64))
    lengths = case.inputs[contract.length.name].ravel()
    mask = entries_of(contract, case)
    if mask is not None:
        lengths = [np.count_nonzero(row[:n]) for row, n in zip(mask.kept, lengths, strict=True)]
    return [mpf(int(n)) for n in lengths]


def divisor(
    reduction: Any, shape: tuple[int, ...], selected: list[bool], weights: list[Any], lengths: list[Any]
) -> Any:
    """The denominator of the sum of weighted losses."""
    if isinstance(reduction, Mean):
        return mpf(reduction.over)
    if reduction == "token_mean":
        return mp.fsum(w * n for w, n, keep in zip(weights, lengths, selected, strict=True) if keep)
    if reduction in ("mean", "length_mean"):
        return mp.fsum(w for w, keep in zip(weights, selected, strict=True) if keep)
    if reduction == "count_mean":
        return mpf(sum(selected))
    return mpf(shape[0]) if reduction == "batch_mean" else mpf(1)


# Entries that do not count: a definition never sees them, or is told of them where those that count have places.


@dataclass(frozen=True)
class Mask:
    """The mask of the entries that count, and the names of its axes."""

    names: tuple[str, ...]
    kept: np.ndarray[Any, Any]

    def of(self, unit: Mapping[str, int]) -> Mask:
        """The part of one unit, which has a place on some axes."""
        names = tuple(name for name in self.names if name not in unit)
        return Mask(names, self.kept[tuple(unit.get(name, slice(None)) for name in self.names)])

    def apply(self, value: Any, names: tuple[str, ...]) -> Any:
        """Nested lists with these axes without the entries that do not count."""
        if not self.names:
            return value if self.kept else []
        if names[0] != self.names[0]:
            return [self.apply(item, names[1:]) for item in value]
        rest = [(item, Mask(self.names[1:], kept)) for item, kept in zip(value, self.kept, strict=True)]
        if len(self.names) == 1:
            return [item for item, mask in rest if mask.kept]
        return [mask.apply(item, names[1:]) for item, mask in rest]


def entries_of(contract: Contract, case: Case) -> Mask | None:
    """The mask of the entries of a case that count, None if all do: a score of -inf takes an item out of its list."""
    kept = case.options.get("where_entries")
    label = contract.entry_label
    if label is not None and "ignore_index" in case.options:
        known = case.inputs[label.name] != case.options["ignore_index"]
        kept = known if kept is None else kept & known
    for argument in contract.inputs:
        shape = argument.terms[0].shape
        if shape in contract.entries and shape.names[-1:] == ("items",) and Role.SCORE in argument.terms[0].roles:
            listed = case.inputs[argument.name] != -np.inf  # NaN is an item: it makes its list NaN
            if not listed.all():
                kept = listed if kept is None else kept & listed
    if kept is None:
        return None
    for declared in contract.entries:
        axes = entry_axes(contract, case.inputs, declared)
        if tuple(axes.values()) == kept.shape:
            return Mask(tuple(axes), kept)
    raise ValueError(f"{contract.name}: a mask of shape {kept.shape} has none of the shapes {contract.entries}")


# A definition on one unit, or on one call, as a function of one flat list of real numbers.


@dataclass(frozen=True)
class _Leaf:
    """The origin of one real number of the problem: an argument and an index."""

    name: str
    item: int | None
    index: tuple[int, ...]
    is_input: bool


class _Problem:
    """One unit (pointwise) or one call (other forms) of a case, as a function of its real inputs and parameters."""

    def __init__(self, contract: Contract, definition: Callable[..., Any], case: Case, unit: tuple[int, ...] | None):
        self.contract, self.definition, self.case = contract, definition, case
        self.leaves: list[_Leaf] = []
        self.point: list[Any] = []
        self.arguments: Values = {}
        self.shape, self.selected, self.weights, self.factors = selection(contract, case)
        inputs = {argument.name for argument in contract.inputs}
        for argument in contract.arguments:
            value = case.inputs[argument.name] if argument.name in inputs else case.parameters[argument.name]
            items = value if isinstance(value, list) else [value]
            prepared = []
            for number, item in enumerate(items):
                index = self.own(argument, item, unit) if isinstance(item, np.ndarray) else ()
                place = number if isinstance(value, list) else None
                prepared.append(self.prepare(argument.name, item, index, place, argument.name in inputs))
            self.arguments[argument.name] = prepared if isinstance(value, list) else prepared[0]
        mask = entries_of(contract, case)
        if mask is not None:
            self.leave_out(mask, unit)

    def leave_out(self, mask: Mask, unit: tuple[int, ...] | None) -> None:
        """Take from all arguments the entries that do not count, and from the lengths their number.

        A definition of neighbours, which are lost with the places of the entries, takes flags of them as `entries`.
        """
        places = {} if unit is None else dict(zip(axis_names(self.contract.result, len(unit)), unit, strict=True))
        mask = mask.of(places)
        if "entries" in inspect.signature(self.definition).parameters:
            self.arguments["entries"] = mask.kept.tolist()
            return
        for argument in self.contract.inputs:
            name, given = argument.name, self.arguments[argument.name]
            if argument is self.contract.length:
                self.arguments[name] = int(np.count_nonzero(mask.kept[:given]))
                continue
            axes = axes_of(self.contract, name, self.case.inputs[name])
            names = tuple(axis for axis in axes if axis not in places)
            if set(mask.names) <= set(names):
                self.arguments[name] = mask.apply(given, names)

    def own(self, argument: Any, array: np.ndarray[Any, Any], unit: tuple[int, ...] | None) -> tuple[Any, ...]:
        """The index of what this unit sees of an array."""
        if unit is None:
            return ()
        kind = "integral" if array.dtype.kind == "i" else "real floating"
        term = self.contract.term_of(argument, kind, array.ndim)
        units = self.contract.result.names
        if term.shape is None or not set(units) <= set(term.shape.names):
            return ()
        return tuple(0 if size == 1 else place for place, size in zip(unit, array.shape, strict=False))

    def prepare(self, name: str, value: Any, own: tuple[Any, ...], item: int | None, is_input: bool) -> Any:
        """Nested lists of places in the flat list; integers, choices and infinities as they are."""
        if isinstance(value, (bool, str, type(None), int)):
            return value
        array = np.asarray(value)[own]
        if array.dtype.kind != "f":
            return array.tolist()

        def place(index: tuple[int, ...]) -> Any:
            number = float(array[index])
            if not np.isfinite(number):
                return mpf(number)
            self.leaves.append(_Leaf(name, item, (*own, *index), is_input))
            self.point.append(mpf(number))
            return _Place(len(self.point) - 1)

        def nest(prefix: tuple[int, ...]) -> Any:
            if len(prefix) == array.ndim:
                return place(prefix)
            return [nest((*prefix, i)) for i in range(array.shape[len(prefix)])]

        return nest(())

    def __call__(self, point: list[Any]) -> Any:
        arguments = {name: _fill(value, point) for name, value in self.arguments.items()}
        form = self.contract.form
        if mixes(self.contract, self.case):
            by_class = [mpf(float(w)) for w in self.case.options["class_weight"]]
            if form == "pointwise":
                return self.mixture(arguments, by_class)
            assert self.contract.label is not None
            label = self.contract.label.name
            arguments[label] = _scaled_rows(arguments[label], by_class)
        if form == "pointwise":
            return self.definition(**arguments)
        kept = [i for i, keep in enumerate(self.selected) if keep]
        reduction = self.case.options.get("reduction", self.contract.default_reduction)
        over = divisor(reduction, self.shape, self.selected, self.weights, lengths_of(self.contract, self.case))
        for name in self.per_unit:
            value = arguments[name]
            for _ in self.shape[1:]:
                value = [entry for row in value for entry in row]
            arguments[name] = [value[i] for i in kept] if self.shape else value

        def reduce(numbers: list[Any]) -> Any:
            return mp.fsum(self.factors[i] * number for i, number in zip(kept, numbers, strict=True)) / over

        if not self.shape:
            arguments |= {name: [arguments[name]] for name in self.per_unit}
        if over == 0:
            return None
        if form == "aggregate":
            return self.definition(**arguments, reduce=reduce)
        return reduce(self.definition(**arguments))

    @property
    def per_unit(self) -> list[str]:
        """The inputs with a part for each unit; all units of a coupled loss see the others whole."""
        units = set(self.contract.result.names)
        return [
            a.name for a in self.contract.inputs if all(units <= set(t.shape.names) for t in a.array_terms if t.shape)
        ]

    def mixture(self, arguments: Values, by_class: list[Any]) -> Any:
        """sum_c t[c] w[c] l(c), with t the label as a distribution, smoothed if the case says so."""
        label, smoothing = self.contract.label, self.contract.smoothing
        assert label is not None
        given, count = arguments[label.name], len(by_class)
        shares = given if isinstance(given, list) else [int(c == given) for c in range(count)]
        if smoothing:
            amount = arguments[smoothing]
            shares = [(1 - amount) * share + amount / count for share in shares]
            arguments = {**arguments, smoothing: 0}
        return mp.fsum(
            share * weight * self.definition(**{**arguments, label.name: c})
            for c, (share, weight) in enumerate(zip(shares, by_class, strict=True))
            if share * weight != 0
        )

    def units(self, point: list[Any]) -> list[Any]:
        """All values of a coupled loss, None where the unit is not selected."""
        arguments = {name: _fill(value, point) for name, value in self.arguments.items()}
        kept = [i for i, keep in enumerate(self.selected) if keep]
        for name in self.per_unit:
            arguments[name] = [arguments[name][i] for i in kept]
        values = iter(self.definition(**arguments))
        return [next(values) if keep else mpf(0) for keep in self.selected]


def _scaled_rows(value: Any, factors: list[Any]) -> Any:
    """Nested lists whose last level is multiplied entry by entry."""
    if isinstance(value[0], list):
        return [_scaled_rows(row, factors) for row in value]
    return [number * factor for number, factor in zip(value, factors, strict=True)]


@dataclass(frozen=True)
class _Place:
    position: int


def _fill(value: Any, point: list[Any]) -> Any:
    if isinstance(value, _Place):
        return point[value.position]
    if isinstance(value, list):
        return [_fill(item, point) for item in value]
    return value


# Adaptive precision.


def _real(value: Any) -> Any:
    """A real number, or None where the definition has none."""
    if value is None or isinstance(value, mp.mpc):
        return None
    value = mpf(value)
    return None if mp.isnan(value) else value


def _evaluate(function: Callable[[list[Any]], Any], point: list[Any]) -> Any:
    start_evaluation()
    try:
        return _real(function(point))
    except (ValueError, ZeroDivisionError, TypeError):  # outside the domain: mpmath has no such number
        return None


def settle(compute: Callable[[], Any], agree: Any = AGREE) -> tuple[Any, int]:
    """A number computed with twice the digits until two results agree, and the digits of the first of them.

    Near-zero results count as agreed only when the digits were enough to see a number of the size of the smallest
    double: a naive formula that cancels returns 0 with any fewer.
    """
    digits, before = DIGITS, None
    while digits <= MOST_DIGITS:
        with mp.workdps(digits):
            now = compute()
        if before is not None or (now is None and digits > DIGITS):
            if now is None or before is None:
                return now, digits
            if mp.isinf(now) or mp.isinf(before):
                if now == before:
                    return now, digits
            else:
                size = max(abs(now), abs(before))
                near = abs(now - before) <= agree * size or abs(now - before) < NEGLIGIBLE
                if near and (size > mpf(10) ** (-digits // 4) or digits > 700):
                    return now, digits // 2
        before = now
        digits *= 2
    raise ArithmeticError(f"the definition did not settle within {MOST_DIGITS} digits")


def _slopes(
    function: Callable[[list[Any]], Any], point: list[Any], j: int, here: Any, held: bool = True
) -> tuple[Any, Any]:
    """The one-sided difference quotients in coordinate j; None where the function does not exist.

    What the definition declares `constant` has its value at the point, where the function was just evaluated.
    """
    step = mpf(10) ** (-mp.dps // 3) * (abs(point[j]) if point[j] else 1)
    with constants_held(held):
        ahead = _evaluate(function, [*point[:j], point[j] + step, *point[j + 1 :]])
        behind = _evaluate(function, [*point[:j], point[j] - step, *point[j + 1 :]])
    right = None if ahead is None or mp.isinf(ahead) else (ahead - here) / step
    left = None if behind is None or mp.isinf(behind) else (here - behind) / step
    return left, right


Quotient = Callable[[Callable[[list[Any]], Any], list[Any], int], tuple[Any, Any] | None]
"""The interval of one-sided derivatives of a function at a point in one coordinate, as well as `mp.dps` digits tell."""


def slope(function: Callable[[list[Any]], Any], point: list[Any], j: int) -> tuple[Any, Any] | None:
    """The first derivatives from difference quotients; None where the function ends or is infinite."""
    here = _evaluate(function, point)
    if here is None or mp.isinf(here):
        return None
    left, right = _slopes(function, point, j, here)
    if left is None or right is None:
        return None  # at the edge of the domain a loss declares its derivative
    if abs(left - right) <= mpf(10) ** (-mp.dps // 6) * (abs(left) + abs(right)) + mpf(10) ** (-mp.dps // 4):
        return ((left + right) / 2,) * 2
    return min(left, right), max(left, right)


def curvature(function: Callable[[list[Any]], Any], point: list[Any], j: int) -> tuple[Any, Any] | None:
    """The second derivatives from second differences; None where the function ends or its first derivative jumps."""
    step = mpf(10) ** (-mp.dps // 4) * (abs(point[j]) if point[j] else 1)
    _evaluate(function, point)  # for what the definition declares `constant`: it has its value at the point
    with constants_held():
        values = [_evaluate(function, [*point[:j], point[j] + k * step, *point[j + 1 :]]) for k in range(-2, 3)]
    if any(value is None or mp.isinf(value) for value in values):
        return None
    left, middle, right = ((a - 2 * b + c) / step**2 for a, b, c in zip(values, values[1:], values[2:], strict=False))
    room = mpf(10) ** (-mp.dps // 8) * (abs(left) + abs(right)) + mpf(10) ** (-mp.dps // 6)
    if abs(middle - (left + right) / 2) > room:
        return None  # a jump of the first derivative, over the step
    return (middle, middle) if abs(left - right) <= room else (min(left, right), max(left, right))


def derivative(
    function: Callable[[list[Any]], Any], point: list[Any], j: int, quotient: Quotient = slope
) -> tuple[Any, Any, int] | None:
    """The interval of one-sided derivatives in coordinate j and the digits it took; None where one diverges."""
    digits, before = 2 * DIGITS, None
    while digits <= MOST_DIGITS:
        with mp.workdps(digits):
            now = quotient(function, point, j)
        if now is None:
            return None
        if before is not None:
            size = max(map(abs, (*now, *before)))
            moved = max(abs(a - b) for a, b in zip(now, before, strict=True))
            seen = size > mpf(10) ** (-digits // 4) or digits > 700  # as in `settle`
            if seen and (moved <= mpf(10) ** -20 * size or moved < NEGLIGIBLE):
                return (*now, digits // 2)
            if size > mpf(10) ** 12 and moved > size / 4:
                return None  # it grows as the step shrinks
        before = now
        digits *= 2
    return None


def _sensitivity(
    function: Callable[[list[Any]], Any], point: list[Any], random: np.random.Generator, eps: Any, digits: int
) -> float:
    """sum_j |x_j df/dx_j|: exact for few inputs, a lower bound from random signs for many.

    Where moving all inputs by eps changes more than that, as at a minimum, that change over eps. It takes the digits
    that the value took, and more.
    """
    with mp.workdps(2 * max(digits, DIGITS)):
        here = _evaluate(function, point)
        if here is None or mp.isinf(here):
            return 0.0
        away = _distance(function, here)
        if len(point) <= ALL_COMPONENTS:
            total = mpf(0)
            for j, x in enumerate(point):
                if x:
                    slopes = _slopes(function, point, j, here, held=False)
                    smooth = (
                        slope for slope in slopes if slope is not None and not _jumps(function, point, j, here, slope)
                    )
                    total += abs(x) * max(map(abs, smooth), default=mpf(0))
        else:
            total = _change(away, point, here, random, 2 * MOVES, STEP)
        # At a minimum the slope is 0 and the last digits of the inputs act through the curvature.
        return float(max(total, _change(away, point, here, random, MOVES, eps)))


def _jumps(function: Callable[[list[Any]], Any], point: list[Any], j: int, here: Any, slope: Any) -> bool:
    """Say whether a difference quotient in coordinate j is that of a jump, which no step makes smaller.

    Where inputs are equal, as two bounds of a time or two labels, a function may be another one beside the point: the
    last digits of what is equal are no roundings, and do not excuse any.
    """
    if abs(slope * point[j]) <= JUMP * abs(here):
        return False
    with mp.workdps(2 * mp.dps):
        nearer = [x for x in _slopes(function, point, j, here, held=False) if x is not None]
    return any(abs(x) > JUMP * abs(slope) for x in nearer)


def _distance(function: Callable[[list[Any]], Any], here: Any) -> Callable[[list[Any]], Any]:
    """The distance of a function from what it is here; None where the function does not exist."""

    def distance(point: list[Any]) -> Any:
        there = _evaluate(function, point)
        return None if there is None else abs(there - here)

    return distance


def _change(
    distance: Callable[[list[Any]], Any],
    point: list[Any],
    size: Any,
    random: np.random.Generator,
    count: int,
    step: Any,
) -> Any:
    """The largest distance over the step where all inputs move by it relatively, but for jumps: see `_jumps`."""
    moves = _moves(distance, point, random, count)
    return max((_but_for_jumps(move, size, step) for move in moves), default=mpf(0))


def _moves(
    distance: Callable[[list[Any]], Any], point: list[Any], random: np.random.Generator, count: int
) -> Iterator[Callable[[Any], Any]]:
    """The distance as a function of a step that all inputs move by relatively, with random signs."""
    for _ in range(count):
        yield partial(_moved, distance, point, [int(s) for s in random.integers(0, 2, len(point)) * 2 - 1])


def _change_alone(distance: Callable[[list[Any]], Any], point: list[Any], size: Any, k: int, step: Any) -> Any:
    """The distance over the step where one input moves by it relatively; 0 for a jump: see `_jumps`."""
    return _but_for_jumps(partial(_moved, distance, point, [int(j == k) for j in range(len(point))]), size, step)


def _but_for_jumps(distance: Callable[[Any], Any], size: Any, step: Any) -> Any:
    """The distance of a step over it; 0 for a jump, which a step that is smaller by far does not make smaller."""
    away = distance(step)
    if away > JUMP * STEP * abs(size):
        with mp.workdps(2 * mp.dps):  # whose difference quotients see a step so small
            if distance(step * STEP) > away / 2:
                return mpf(0)
    return away / abs(step)


def _moved(distance: Callable[[list[Any]], Any], point: list[Any], signs: list[int], step: Any) -> Any:
    """The distance at inputs moved relatively by signs of a step; 0 where it is no finite number."""
    there = _evaluate(distance, [x * (1 + s * step) for x, s in zip(point, signs, strict=True)])
    return mpf(0) if there is None or mp.isinf(there) else there


def _of_second_order(distance: Callable[[list[Any]], Any], point: list[Any], eps: Any) -> Any:
    """The distance over eps where all inputs move by eps, if it is as the square of the move; else 0.

    A square of a difference that is 0 has no slope, and the last digits of the inputs act through its curvature. A jump
    within them is no such change: on either side of it one value is right.
    """
    moves = list(_moves(distance, point, np.random.default_rng(0), MOVES))
    far, near = (max(move(step) for move in moves) for step in (eps, STEP))
    squares = near * (eps / STEP) ** 2
    return far / eps if abs(far - squares) <= squares / 2 else mpf(0)


def _component(problem: _Problem, j: int, random: np.random.Generator, quotient: Quotient = slope) -> Component:
    leaf = problem.leaves[j]
    index = leaf.index if leaf.item is None else (leaf.item, *leaf.index)
    found = derivative(problem, problem.point, j, quotient)
    if found is None:
        return Component(leaf.name, index, mpf(0), mpf(0), 0.0, free=True)
    low, high, digits = found
    scale, point = max(abs(low), abs(high)), problem.point
    with mp.workdps(2 * digits):  # those of `low`: what they leave of it, over STEP, is far below it

        def away(at: list[Any]) -> Any:
            """The distance of the derivatives from the one here, or, at a kink, from the nearer end of the interval."""
            ends = quotient(problem, at, j)
            if ends is None or low == high:
                return None if ends is None else abs(sum(ends) / 2 - low)
            return max(min(abs(end - low), abs(end - high)) for end in ends)

        eps = _eps(problem.case)

        def moved(step: Any) -> Any:
            """The sum of the distances over a step, off a kink in the worse of both ways."""
            if len(point) > EXACT_SCALES:
                return _change(away, point, scale, random, MOVES, step)
            ways = (step,) if low == high else (step, -step)
            return mp.fsum(max(_change_alone(away, point, scale, k, way) for way in ways) for k in range(len(point)))

        total = moved(STEP)
        if low != high and total > JUMP * scale:
            total = moved(eps)  # a root beside the kink is the steeper the smaller the step
        if low == high and abs(low) < FLAT and total < FLAT:
            total = max(total, _of_second_order(away, point, eps))
        scale += total
    return Component(leaf.name, index, low, high, float(min(scale, mpf(10) ** 300)))


def solve(loss: Any, case: Case) -> Expected:
    """Everything that is right about a case."""
    contract, definition = loss.contract, definition_of(loss)
    random = np.random.default_rng(0)
    shape, selected, *_ = selection(contract, case)
    eps = _eps(case)
    if contract.form == "pointwise":
        problems = [_Problem(contract, definition, case, unit) for unit in np.ndindex(shape)]
    else:
        problems = [_Problem(contract, definition, case, None)]
    values: list[Any] = []
    scales: list[float] = []
    components: list[list[Component]] = []
    if contract.form == "coupled" and case.options.get("reduction") == "none":
        (problem,) = problems
        for i in range(len(selected)):

            def one(point: list[Any], i: int = i) -> Any:
                return problem.units(point)[i]

            value, digits = settle(partial(_evaluate, one, problem.point))
            values.append(value)
            scales.append(_scale(value, _sensitivity(one, problem.point, random, eps, digits)))
            components.append([])
        return Expected(values, scales, components)
    share = max(1, SAMPLED_COMPONENTS // max(1, len(problems)))
    shared = shared_inputs(contract) if contract.form == "pointwise" else frozenset()
    for problem in problems:
        value, digits = settle(partial(_evaluate, problem, problem.point))
        values.append(value)
        scales.append(_scale(value, _sensitivity(problem, problem.point, random, eps, digits)))
        inputs = [j for j, leaf in enumerate(problem.leaves) if leaf.is_input and leaf.name not in shared]
        chosen = inputs if len(inputs) <= share else sorted(random.choice(inputs, share, replace=False))
        common = [j for j, leaf in enumerate(problem.leaves) if leaf.is_input and leaf.name in shared]
        chosen = [*chosen, *common[:: -(-len(common) // SHARED_COMPONENTS) or 1]]  # the same ones in every unit
        finite = value is not None and not mp.isinf(value)
        components.append([_component(problem, int(j), random) for j in chosen] if finite else [])
    return Expected(values, scales, components)


def solve_hessians(loss: Any, case: Case) -> list[list[Component]]:
    """Second derivatives of each unit of a pointwise loss: in a sample of the entries of each input that has them."""
    contract, definition = loss.contract, definition_of(loss)
    random = np.random.default_rng(0)
    problems = [_Problem(contract, definition, case, unit) for unit in np.ndindex(unit_shape(contract, case.inputs))]
    names, _ = hessian_inputs(contract, case.inputs)
    chosen: set[tuple[int, int]] = set()
    for name in names:
        of_name = [(i, j) for i, p in enumerate(problems) for j, leaf in enumerate(p.leaves) if leaf.name == name]
        few = min(SAMPLED_CURVATURES, len(of_name))
        chosen |= {of_name[k] for k in random.choice(len(of_name), few, replace=False)}
    components: list[list[Component]] = [[] for _ in problems]
    for i, j in sorted(chosen):
        value, _ = settle(partial(_evaluate, problems[i], problems[i].point))
        if value is not None and not mp.isinf(value):
            components[i].append(_component(problems[i], j, random, curvature))
    return components


def _eps(case: Case) -> Any:
    """The machine epsilon of the dtype of a case."""
    arrays = (x for value in case.inputs.values() for x in (value if isinstance(value, list) else [value]))
    return mpf(float(max(np.finfo(x.dtype).eps for x in arrays if x.dtype.kind == "f")))


def _scale(value: Any, sensitivity: float) -> float:
    size = 0.0 if value is None or mp.isinf(value) else float(min(abs(value), mpf(10) ** 300))
    return size + sensitivity
