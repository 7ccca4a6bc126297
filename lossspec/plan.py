"""The static facts of a call, from shapes, dtypes and devices alone: found once, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from lossspec.contract import Argument, Axes, Contract, resolve_shape
from lossspec.dispatch import (
    HALF_EPS,
    Backend,
    common_backend,
    computing_dtype,
    find_backend,
    is_array,
    is_half,
    kind_of,
    name_of,
)
from lossspec.errors import ContractError, DTypeError, LossSpecError
from lossspec.keywords import Keywords, arrays_of
from lossspec.terms import CLASSES, NEVER_EMPTY, Array, Role, Shape, Term


@dataclass(frozen=True)
class Masking:
    """The path of a selection of units to one input: the term, and the axes that it shares with the units."""

    term: Term
    axes: tuple[bool, ...]


@dataclass(frozen=True)
class Plan:
    """The static facts of all calls with the same shapes, dtypes and devices."""

    backend: Backend
    xp: Any
    dtype: Any
    unit_shape: tuple[int, ...]
    facts: Mapping[str, int]
    terms: Mapping[str, Term]
    widened: Mapping[str, float]
    moved: frozenset[str]
    indices: frozenset[str]
    converted: frozenset[str]
    masking: Mapping[str, Masking]
    entries: Mapping[str, tuple[bool, ...]]
    strict: tuple[str, ...]
    lengths: tuple[tuple[str, str, tuple[str, ...]], ...]


class Plans:
    """The plans of a loss, remembered by what they depend on."""

    _KEPT = 256

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.known: dict[Any, Plan] = {}
        self._first = contract.inputs[0].name
        self._many = {argument.name for argument in contract.inputs if argument.many}

    def of(self, values: Mapping[str, Any], keywords: Keywords) -> Plan:
        """The plan of a call; under a compiler always a new one, for its graph would hang on a remembered one."""
        first = values[self._first]
        backend = find_backend(first[0] if isinstance(first, (list, tuple)) and first else first)
        if backend is not None and backend.is_tracing():
            return make_plan(self.contract, values, keywords)
        key: list[Any] = [keywords.axis, backend]
        try:
            for name, value in values.items():
                if is_array(value) and hasattr(value, "shape"):
                    key.append((name, *_signature(value)))
                elif name in self._many:
                    key.extend((name, *_signature(item)) for item in list_of(self.contract.name, name, value))
            for name, value in arrays_of(keywords):
                if is_array(value) and hasattr(value, "shape"):
                    key.append((name, *_signature(value)))
                else:
                    key.append((name, type(value)))  # no array: a plan of its own, whose making refuses it
            memo = tuple(key)
            plan = self.known.get(memo)
        except (TypeError, RuntimeError):  # a foreign array has no shape, or an attribute that has no hash: bind anew
            return make_plan(self.contract, values, keywords)
        if plan is None:
            plan = make_plan(self.contract, values, keywords)
            if len(self.known) >= self._KEPT:
                self.known.clear()
            self.known[memo] = plan
        return plan


def _signature(x: Array) -> tuple[Any, ...]:
    """All that a plan depends on of an array."""
    return type(x), x.shape, x.dtype, getattr(x, "device", None), getattr(x, "layout", None)


def make_plan(contract: Contract, values: Mapping[str, Any], keywords: Keywords) -> Plan:
    """Bind every shape, dtype and device of a call, or raise what is wrong with it."""
    try:
        return _bind(contract, values, keywords)
    except ContractError as error:
        fix = _what_would_fit(contract, values, keywords)
        if not fix:
            raise
        raise type(error)(f"{str(error).partition(' Fix: ')[0]} Fix: {fix}.") from None


def _what_would_fit(contract: Contract, values: Mapping[str, Any], keywords: Keywords) -> str:
    """The other axis of classes, or the two arguments to swap, with which the call would be right."""

    def fits(values: Mapping[str, Any], keywords: Keywords) -> bool:
        try:
            return bool(_bind(contract, values, keywords))
        except LossSpecError:
            return False

    if contract.class_axis and keywords.axis == -1:
        rank = max(len(getattr(values[argument.name], "shape", ())) for argument in contract.inputs)
        other = next((other for other in range(1, rank - 1) if fits(values, keywords._replace(axis=other))), None)
        if other is not None:
            return f"pass `axis={other}`, where the classes are"
    for one, two in combinations((argument.name for argument in contract.inputs if not argument.many), 2):
        if fits({**values, one: values[two], two: values[one]}, keywords):
            return f"swap them: `{one}` comes first, then `{two}`"
    return ""


def _bind(contract: Contract, values: Mapping[str, Any], keywords: Keywords) -> Plan:
    """The static facts of a call, or what is wrong with it."""
    name, axis = contract.name, keywords.axis
    arrays = list(_arrays(contract, values))
    given = arrays_of(keywords)
    backend = common_backend(name, [(label, x) for _, label, x in arrays] + given)
    xp = backend.namespace
    kinds = {label: kind_of(xp, x.dtype) for label, x in (*((label, x) for _, label, x in arrays), *given)}
    terms: dict[str, Term] = {}

    def cast(name: str, kind: str) -> str:
        """The conversion of an argument to a kind of dtype, as the caller writes it."""
        real = (name_of(x.dtype) for _, label, x in arrays if kinds[label] == "real floating")
        dtypes = {"integral": (backend.base or backend).integer, "bool": "bool"}
        return _cast_to(backend, name, dtypes.get(kind) or next(real, "float32"))

    axes: Axes = {}
    moved = set()
    units = set(contract.result.names)
    for argument, label, x in arrays:
        term = contract.term_of(argument, kinds[label], len(x.shape), cast)
        terms[argument.name] = term
        if term.shape is None:
            if x.shape != ():
                raise ContractError(
                    f"{name}: `{label}` has shape {tuple(x.shape)}; it is a number, or a 0-d array in {term.domain}"
                )
            continue
        shape = tuple(x.shape)
        if axis != -1 and term.shape.ends_in_classes and units < set(term.shape.names):
            if not -len(shape) <= axis < len(shape):
                raise ContractError(f"{name}: `axis` is {axis}; `{label}` has shape {shape}")
            shape = move_last(shape, axis)
            moved.add(argument.name)
        declared = term.shape
        if argument.many:
            item = label[len(argument.name) :]
            declared = Shape(tuple(replace(a, name=a.name + item) if a.per_item else a for a in declared.axes))
        try:
            contract.fits(label, declared, shape, axes)
        except ContractError:
            _suggest_dtype(contract, argument, label, kinds[label], shape, axes, cast)
            raise
    for key, (size, source) in axes.items():
        axis_name = key.partition("[")[0]  # an axis of an item of a list is named with it
        if (
            (size == 0 or (isinstance(size, tuple) and 0 in size))
            and axis_name in NEVER_EMPTY
            and (axis_name == CLASSES or axis_name not in units)
        ):
            raise ContractError(
                f"{name}: the axis `{axis_name}` of `{source}` has size 0. Fix: pass at least one entry on it."
            )
    unit_shape = resolve_shape(contract.result, axes)
    _check_keywords(contract, keywords, kinds, axes, cast)
    entries = _entry_axes(contract, keywords.where_entries, axes)
    floats = {label: x.dtype for _, label, x in arrays if kinds[label] == "real floating"}
    floats |= {key: x.dtype for key, x in given if kinds[key] == "real floating" and key != "over"}
    wide = {label: computing_dtype(xp, dtype) for label, dtype in floats.items()}
    dtype = next(iter(wide.values()), xp.float32)
    for label, other in wide.items():
        if other != dtype:
            first = next(iter(wide))
            raise DTypeError(
                f"{name}: `{first}` is {floats[first]} and `{label}` is {floats[label]}. "
                f"Nothing is cast silently. Fix: {_cast_to(backend, label, name_of(floats[first]))}, or the other way."
            )
    names = {label: argument.name for argument, label, _ in arrays}
    ranked = {names[label]: x for _, label, x in arrays}
    indices = frozenset(
        key for key, term in terms.items() if kinds.get(key) == "integral" and Role.NUMBER not in term.roles
    )
    return Plan(
        backend=backend,
        xp=xp,
        dtype=dtype,
        unit_shape=unit_shape,
        facts={key: size for key, (size, _) in axes.items()},
        terms=terms,
        widened={names.get(label, label): HALF_EPS[name_of(d)] for label, d in floats.items() if is_half(d)},
        moved=frozenset(moved),
        indices=indices,
        converted=frozenset(label for _, label, x in arrays if label in indices and x.dtype != backend.index_dtype),
        masking=_masking(contract, terms, unit_shape, ranked),
        entries={
            key: _own(term, entries, len(ranked[key].shape))
            for key, term in terms.items()
            if entries and term.shape is not None and entries <= set(term.shape.names)
        },
        strict=tuple(key for key, term in terms.items() if term.strict),
        lengths=tuple(
            (key, term.measures, tuple(k for k, t in terms.items() if t.shape and term.measures in t.shape.names))
            for key, term in terms.items()
            if term.measures
        ),
    )


def _suggest_dtype(
    contract: Contract,
    argument: Argument,
    label: str,
    kind: str,
    shape: tuple[int, ...],
    axes: Axes,
    cast: Callable[[str, str], str],
) -> None:
    """Raise where another term of the argument has this shape and wants another dtype: that was meant."""
    for term in argument.terms:
        if term.shape is not None and kind not in term.kinds:
            try:
                contract.fits(label, term.shape, shape, dict(axes))
            except ContractError:
                continue
            raise DTypeError(
                f"{contract.name}: `{label}` has shape {shape} and a dtype of kind {kind!r}; as {term} it takes "
                f"{term.takes}. Nothing is cast silently. Fix: {cast(label, term.kinds[0])}."
            ) from None


def _arrays(contract: Contract, values: Mapping[str, Any]) -> Iterator[tuple[Argument, str, Array]]:
    """Every array of a call with its argument and its name in messages; the items of lists one by one."""
    loss = contract.name
    lengths: dict[str, int] = {}
    for argument in contract.arguments:
        value = values[argument.name]
        if argument.many:
            items = list_of(loss, argument.name, value)
            lengths[argument.name] = len(items)
            for index, item in enumerate(items):
                yield argument, f"{argument.name}[{index}]", item
        elif argument in contract.inputs or is_array(value):
            if argument.terms:
                yield argument, argument.name, value
            else:
                raise DTypeError(f"{loss}: `{argument.name}` is an array; it must be {argument}")
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"`{name}` has {count}" for name, count in lengths.items())
        raise ContractError(f"{loss}: its lists pair up item by item, but {counts} items")


def _cast_to(backend: Backend, name: str, dtype: str) -> str:
    """The conversion of an array to another dtype, as the caller writes it."""
    return f"{name} = {(backend.base or backend).casting.format(x=name, dtype=dtype)}"


def _check_keywords(
    contract: Contract,
    keywords: Keywords,
    kinds: dict[str, str],
    axes: Axes,
    cast: Callable[[str, str], str],
) -> None:
    """Raise where a mask or a weight does not fit the axes that the inputs have bound."""
    unit = Shape(tuple(replace(a, broadcasts=True) for a in contract.result.axes))
    if keywords.sample_weight is not None:
        _check_kind(contract, "sample_weight", kinds, "real floating", cast)
        contract.fits("sample_weight", unit, tuple(keywords.sample_weight.shape), axes)
    if keywords.where is not None:
        _check_kind(contract, "where", kinds, "bool", cast)
        shape = tuple(keywords.where.shape)
        try:
            contract.fits("where", contract.result, shape, axes)
        except ContractError:
            if shape not in [resolve_shape(entries, axes) for entries in contract.entries]:
                raise
            raise ContractError(
                f"{contract.name}: `where` has shape {shape}, which is that of entries; it selects whole units, "
                f"declared {contract.result}. Fix: pass it as `where_entries`."
            ) from None
    if keywords.where_entries is not None:
        _check_kind(contract, "where_entries", kinds, "bool", cast)
    if keywords.class_weight is not None:
        _check_kind(contract, "class_weight", kinds, "real floating", cast)
        contract.fits("class_weight", Shape.parse(CLASSES), tuple(keywords.class_weight.shape), axes)
        label = "" if contract.label is None else contract.label.name
        if contract.why_nonlinear and kinds[label] == "real floating":
            raise ContractError(
                f"{contract.name}: `class_weight` has no meaning for `{label}` that are distributions: "
                f"{contract.why_nonlinear}. Fix: weigh whole units with `sample_weight`, or mix the losses of the "
                f"classes, sum_c {label}[..., c] * class_weight[c] * {contract.name}(..., c)."
            )


def _check_kind(
    contract: Contract, keyword: str, kinds: dict[str, str], wanted: str, cast: Callable[[str, str], str]
) -> None:
    if kinds[keyword] != wanted:
        raise DTypeError(
            f"{contract.name}: `{keyword}` has a dtype of kind {kinds[keyword]!r}; it takes {wanted}. "
            f"Nothing is cast silently. Fix: {cast(keyword, wanted)}."
        )


def _entry_axes(contract: Contract, mask: Array | None, axes: Axes) -> set[str]:
    """The axes of the entries of a call: of the declared shape that the mask has, of the first one without a mask."""
    if not contract.entries:
        return set()
    chosen = contract.entries[0]
    if mask is not None:
        shape = tuple(mask.shape)
        sizes = {declared: resolve_shape(declared, axes) for declared in contract.entries}
        near = [declared for declared, size in sizes.items() if len(size) == len(shape)]
        chosen = next((declared for declared, size in sizes.items() if size == shape), (near or [chosen])[0])
        contract.fits("where_entries", chosen, shape, axes)
    return set(chosen.names)


def _own(term: Term, chosen: Collection[str], rank: int) -> tuple[bool, ...]:
    """The axes of an array of some rank that are among the chosen ones, by the declared shape of its term."""
    assert term.shape is not None
    flags: list[bool] = []
    for axis in term.shape.axes:
        flags += [axis.name in chosen] * (rank - len(term.shape.axes) + 1 if axis.variadic else 1)
    return tuple(flags)


def _masking(
    contract: Contract, terms: Mapping[str, Term], unit_shape: tuple[int, ...], arrays: Mapping[str, Array]
) -> dict[str, Masking]:
    """The inputs that hold something for every unit, with which of their axes are those of the units."""
    units = contract.result.names
    result = {}
    for name, term in terms.items():
        if term.shape is None or not set(units) <= set(term.shape.names):
            continue
        if any(axis.broadcasts for axis in term.shape.axes) and tuple(arrays[name].shape) != unit_shape:
            continue
        result[name] = Masking(term, _own(term, units, len(arrays[name].shape)))
    return result


def move_last(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The entries of a shape with the one at `axis` at the end."""
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :], shape[axis])


def list_of(loss: str, name: str, value: Any) -> Sequence[Array]:
    """A non-empty list of arrays, or an error."""
    if not isinstance(value, (list, tuple)) or not value:
        raise DTypeError(f"{loss}: `{name}` is a {type(value).__name__}; it must be a non-empty list of arrays")
    for index, item in enumerate(value):
        if not is_array(item):
            raise DTypeError(f"{loss}: `{name}[{index}]` is a {type(item).__name__}, not an array")
    return value
