"""A loss as a value: check, mask, per unit, weight, reduce, in one place for all of them; composition with + and *."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from importlib import import_module
from math import prod
from typing import Any, Literal

import numpy as np

from lossspec.contract import (
    REDUCTIONS,
    TAIL,
    Accuracy,
    Argument,
    Axes,
    Contract,
    Form,
    read_contract,
    resolve_shape,
)
from lossspec.dispatch import Backend, common_backend
from lossspec.errors import BackendError, ContractError, DTypeError, LossSpecError, MergeError
from lossspec.numerics import positions
from lossspec.reduction import Mean, Partial, Reduction, check_empty, check_reduction, denominator, finish
from lossspec.terms import Array, NonNegative, Shape, Term

_checking: ContextVar[str] = ContextVar("lossspec_checking", default="shapes")
_registry: dict[str, Loss] = {}
_PLANS_KEPT = 256


@contextmanager
def checking(level: Literal["shapes", "values"]) -> Iterator[None]:
    """Within this context `"values"` also checks every value against its domain and raises with its index.

    It reads the values, so it costs a pass and a copy to the host, and it cannot run under jit or vmap.

    >>> import numpy as np
    >>> import lossspec
    >>> with lossspec.checking("values"):
    ...     lossspec.cross_entropy(np.zeros((2, 3)), np.asarray([0, 3]))
    Traceback (most recent call last):
        ...
    lossspec.errors.ContractError: cross_entropy: `labels` holds 3 at index (1,); its domain is integers in [0, classes).
    """
    if level not in ("shapes", "values"):
        raise ContractError(f"checking({level!r}): the levels are 'shapes' and 'values'")
    token = _checking.set(level)
    try:
        yield
    finally:
        _checking.reset(token)


def get(name: str) -> Loss:
    """The loss of that name, or of the name another library gives it.

    >>> get("sparse_categorical_crossentropy")
    <loss cross_entropy(logits: Logits[*batch classes], ...
    """
    try:
        return _registry[name]
    except KeyError:
        near = difflib.get_close_matches(name, _registry, 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ContractError(f"no loss is called {name!r}.{hint}") from None


def names() -> tuple[str, ...]:
    """The names of all losses, without their aliases."""
    return tuple(dict.fromkeys(loss.contract.name for loss in _registry.values()))


@dataclass(frozen=True)
class _Masking:
    """How the selection of units reaches one input: the term, and where its axes are those of the units."""

    term: Term
    axes: tuple[bool, ...]


@dataclass(frozen=True)
class _Plan:
    """The static facts of all calls with the same shapes, dtypes and devices."""

    backend: Backend
    xp: Any
    dtype: Any
    unit_shape: tuple[int, ...]
    facts: Mapping[str, int]
    terms: Mapping[str, Term]
    widened: frozenset[str]
    moved: frozenset[str]
    indices: tuple[str, ...]
    masking: Mapping[str, _Masking]
    strict: tuple[str, ...]
    lengths: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass
class _Call:
    """One call after its arguments are bound and checked: what the loss function sees, and what reduction needs."""

    plan: _Plan
    values: dict[str, Any]
    statistics: tuple[Array, ...] = ()
    selected: Array | None = None
    weight: Array | None = None


class Loss:
    """What every loss can do; `Specified` is a declared one, `Composite` a sum of them."""

    contract: Contract

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The loss, reduced as declared or as `reduction` says."""
        raise NotImplementedError

    def partial(self, *inputs: Any, **options: Any) -> Any:
        """The additive state of one shard; add the partials of all shards and take `.value()`."""
        raise NotImplementedError

    def per_example(self, *inputs: Any, **options: Any) -> Array:
        """One value per unit: the same as `reduction="none"`."""
        return self(*inputs, **{**options, "reduction": "none"})

    def value_and_grad(self, *inputs: Any, wrt: str | Sequence[str] | None = None, **options: Any) -> tuple[Any, Any]:
        """The loss and its gradient in the inputs that `wrt` names (the first one unless told).

        The gradient is an array for a name, a tuple for a sequence of names. Torch and JAX use their own autodiff.
        """
        named = dict(zip((argument.name for argument in self.contract.inputs), inputs, strict=False))
        chosen = self.contract.inputs[0].name if wrt is None else wrt
        targets = (chosen,) if isinstance(chosen, str) else tuple(chosen)
        given = {**named, **options}
        for name in targets:
            if name not in given:
                raise ContractError(f"{self.contract.name}: `wrt` names {name!r}; the call has {', '.join(given)}")
        leaves = [x for name in targets for x in (given[name] if isinstance(given[name], (list, tuple)) else [given[name]])]
        backend = common_backend(self.contract.name, ((targets[0], x) for x in leaves))
        for name, x in zip(targets, leaves, strict=False):
            if _kind(backend.namespace, x.dtype) != "real floating":
                raise DTypeError(f"{self.contract.name}: `wrt` names {name!r}, whose dtype {x.dtype} has no gradient")

        def scalar(*chosen: Any) -> Array:
            value = self(**{**given, **dict(zip(targets, chosen, strict=True))})
            if value.shape != ():
                raise ContractError(f"{self.contract.name}: only a reduced loss has a gradient; use reduction='sum'")
            return value

        differentiate = backend.value_and_grad(scalar, tuple(range(len(targets))))
        value, gradients = differentiate(*(given[name] for name in targets))
        return value, gradients[0] if isinstance(chosen, str) else tuple(gradients)

    def __mul__(self, factor: Any) -> Composite:
        return Composite(((factor, self),))

    __rmul__ = __mul__

    def __add__(self, other: object) -> Composite:
        if not isinstance(other, Loss):
            return NotImplemented
        return Composite((*_parts(self), *_parts(other)))

    def __repr__(self) -> str:
        return f"<loss {self.contract}>"


class Specified(Loss):
    """A loss with a declared contract and one function; made by the decorator `loss`."""

    def __init__(
        self,
        function: Callable[..., Any],
        contract: Contract,
        finalizer: Callable[..., Array] | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> None:
        self.contract = contract
        self._function = function
        self._finalizer = finalizer
        self._configuration = dict(configuration or {})
        self._plans: dict[Any, _Plan] = {}
        self._input_names = tuple(argument.name for argument in contract.inputs)
        self._parameters = {argument.name: argument for argument in contract.parameters}
        self._defaults = {a.name: a.default for a in contract.parameters if a.default is not inspect.Parameter.empty}
        self._defaults |= {k: v for k, v in self._configuration.items() if k in self._parameters}
        self._tail_defaults = {k: v for k, v in self._configuration.items() if k not in self._parameters}
        self._sees_selection = "selected" in inspect.signature(function).parameters
        self._many = {argument.name for argument in contract.inputs if argument.many}
        self._label = None if contract.label is None else contract.label.name
        self.__name__ = contract.name
        self.__qualname__ = contract.name
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def __signature__(self) -> inspect.Signature:
        parameters = [p for p in inspect.signature(self._function).parameters.values() if p.name != "selected"]
        tail = {"reduction": self.contract.default_reduction, "empty": "nan", "axis": -1}
        for keyword in self.contract.tail:
            parameters.append(
                inspect.Parameter(keyword, inspect.Parameter.KEYWORD_ONLY, default=tail.get(keyword))
            )
        return inspect.Signature(parameters)

    def configured(self, **options: Any) -> Specified:
        """The same loss with other defaults.

        >>> import numpy as np
        >>> from lossspec import huber
        >>> float(huber.configured(delta=2.0, reduction="sum")(np.asarray([3.0, 1.0]), np.asarray([0.0, 0.0])))
        4.5
        """
        self._refuse_unknown(options)
        for name, value in options.items():
            if name in self._parameters and not hasattr(value, "dtype"):
                self._parameters[name].check_parameter(self.contract.name, value)
        if "reduction" in options:
            check_reduction(self.contract, options["reduction"])
        contract = self.contract
        if isinstance(options.get("reduction"), str):
            contract = replace(contract, default_reduction=options["reduction"])
        parameters = tuple(
            replace(argument, default=options.get(argument.name, argument.default)) for argument in contract.parameters
        )
        contract = replace(contract, parameters=parameters)
        return Specified(self._function, contract, self._finalizer, {**self._configuration, **options})

    def __call__(
        self,
        *inputs: Any,
        reduction: Any = None,
        empty: Any = "nan",
        sample_weight: Array = None,
        where: Array = None,
        class_weight: Array = None,
        ignore_index: int | None = None,
        axis: int = -1,
        **parameters: Any,
    ) -> Array:
        if self._tail_defaults:
            tail = self._tail_defaults
            reduction = tail.get("reduction") if reduction is None else reduction
            empty = tail.get("empty", empty) if empty == "nan" else empty
            class_weight = tail.get("class_weight") if class_weight is None else class_weight
            ignore_index = tail.get("ignore_index") if ignore_index is None else ignore_index
            axis = tail.get("axis", axis) if axis == -1 else axis
        how = check_reduction(self.contract, reduction)
        nothing = check_empty(self.contract.name, empty)
        call = self._measure(inputs, parameters, sample_weight, where, class_weight, ignore_index, axis)
        plan, weight = call.plan, call.weight
        statistics = self._weighted(call)
        if how == "none":
            return statistics[0]
        xp = plan.xp
        totals = tuple(self._total(plan, statistic) for statistic in statistics)
        divisor: Array | None
        if how == "mean" and weight is not None:
            divisor = xp.sum(weight)
        elif how in ("mean", "count_mean"):
            divisor = prod(plan.unit_shape) if call.selected is None else xp.count_nonzero(call.selected)
        else:
            batch = plan.unit_shape[0] if plan.unit_shape else None
            divisor = denominator(self.contract.name, how, None, None, batch)
        return finish(xp, self, call.values, totals, divisor, nothing)

    def partial(
        self,
        *inputs: Any,
        reduction: Any = None,
        empty: Any = "nan",
        sample_weight: Array = None,
        where: Array = None,
        class_weight: Array = None,
        ignore_index: int | None = None,
        axis: int = -1,
        **parameters: Any,
    ) -> Partial:
        """The additive state of one shard; add the partials of all shards and take `.value()`."""
        contract = self.contract
        if not contract.mergeable:
            raise MergeError(f"{contract.name} has no partials: {contract.why_coupled}")
        how = check_reduction(contract, reduction)
        if how == "none":
            raise MergeError(f"{contract.name}: reduction 'none' has nothing to merge; concatenate the results")
        call = self._measure(inputs, parameters, sample_weight, where, class_weight, ignore_index, axis)
        plan, xp = call.plan, call.plan.xp
        count = prod(plan.unit_shape) if call.selected is None else xp.count_nonzero(call.selected)
        return Partial(
            loss=self,
            parameters={name: call.values[name] for name in self._parameters},
            reduction=how,
            empty=check_empty(contract.name, empty),
            totals=tuple(self._total(plan, statistic) for statistic in self._weighted(call)),
            weight=count if call.weight is None else xp.sum(call.weight),
            count=count,
            batch=plan.unit_shape[0] if plan.unit_shape else None,
            xp=xp,
        )

    def finalize(self, statistics: tuple[Array, ...], parameters: Mapping[str, Any]) -> Array:
        """From the reduced statistics to the loss; the identity unless the loss is an aggregate."""
        if self._finalizer is None:
            return statistics[0]
        return self._finalizer(*statistics, **{name: parameters[name] for name in self._parameters})

    # One call, step by step.

    def _measure(
        self,
        inputs: tuple[Any, ...],
        parameters: dict[str, Any],
        sample_weight: Array,
        where: Array,
        class_weight: Array,
        ignore_index: int | None,
        axis: int,
    ) -> _Call:
        """The statistics of every unit with masked units at 0, the selection and the weights."""
        values = self._bind(inputs, parameters)
        extra = {"sample_weight": sample_weight, "where": where, "class_weight": class_weight}
        if class_weight is not None or ignore_index is not None or axis != -1:
            self._check_tail(class_weight, ignore_index, axis)
        plan = self._plan(values, extra, axis)
        call = _Call(plan, values)
        xp, backend = plan.xp, plan.backend
        if plan.widened or plan.moved or plan.indices:
            sample_weight, class_weight = self._prepare(call, sample_weight, class_weight, axis)
        labels = None if self._label is None else values[self._label]
        selected = where
        if ignore_index is not None:
            if self._label not in plan.indices:
                raise ContractError(
                    f"{self.contract.name}: `ignore_index` needs integer labels, and `{self._label}` is a distribution. "
                    "Fix: mask with `where`."
                )
            kept = labels != ignore_index
            selected = kept if selected is None else selected & kept
        call.selected = selected
        if not backend.is_tracing() and _checking.get() == "values":
            self._check_values(call, sample_weight, class_weight)
        invalid = None
        if selected is not None or plan.strict:
            invalid = self._make_safe(call)
            labels = None if self._label is None else values[self._label]
        if self._sees_selection:
            statistics = self._function(**values, selected=selected)
        else:
            statistics = self._function(**values)
        if self._finalizer is None:
            statistics = (statistics,)
        if invalid is not None:
            statistics = tuple(xp.where(self._to_statistic(invalid, s), float("nan"), s) for s in statistics)
        if selected is not None:
            statistics = tuple(xp.where(self._to_statistic(selected, s), s, 0.0) for s in statistics)
        call.statistics = statistics
        call.weight = self._weights(call, sample_weight, class_weight, labels)
        return call

    def _bind(self, inputs: tuple[Any, ...], parameters: dict[str, Any]) -> dict[str, Any]:
        names = self._input_names
        if len(inputs) == len(names):
            values = dict(zip(names, inputs, strict=True))
        else:
            if len(inputs) > len(names):
                raise ContractError(f"{self.contract.name} takes {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
            values = dict(zip(names, inputs, strict=False))
            for name in names[len(inputs) :]:
                if name not in parameters:
                    raise ContractError(f"{self.contract.name}: the input `{name}` is missing")
                values[name] = parameters[name]
        values |= self._defaults
        if parameters:
            self._refuse_unknown(parameters)
            for name, value in parameters.items():
                if name in self._parameters:
                    if isinstance(value, np.generic):
                        value = value.item()  # a NumPy scalar would promote: NEP 50 gives it a dtype of its own
                    if not hasattr(value, "dtype"):
                        self._parameters[name].check_parameter(self.contract.name, value)
                    values[name] = value
                elif name in names[: len(inputs)]:
                    raise ContractError(f"{self.contract.name}: the input `{name}` is given twice")
        if len(values) != len(names) + len(self._parameters):
            missing = [name for name in self._parameters if name not in values]
            raise ContractError(f"{self.contract.name}: the parameter `{missing[0]}` is missing")
        return values

    def _refuse_unknown(self, options: Mapping[str, Any]) -> None:
        known = (*self._input_names, *self._parameters, *self.contract.tail)
        for name in options:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                raise ContractError(
                    f"{self.contract.name} takes no argument `{name}`; it takes {', '.join(known)}.{hint}"
                )

    def _check_tail(self, class_weight: Array, ignore_index: int | None, axis: int) -> None:
        given = {"class_weight": class_weight is not None, "ignore_index": ignore_index is not None, "axis": axis != -1}
        self._refuse_unknown({name: None for name, is_given in given.items() if is_given})
        for name, value in (("ignore_index", ignore_index), ("axis", axis)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise DTypeError(f"{self.contract.name}: `{name}` is {value!r}; it must be an int")

    def _plan(self, values: dict[str, Any], extra: dict[str, Any], axis: int) -> _Plan:
        """The plan of a call; remembered by what it depends on."""
        key: list[Any] = [axis]
        for name, value in (*values.items(), *extra.items()):
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                key.append((name, type(value), value.shape, value.dtype, getattr(value, "device", None)))
            elif name in self._many:
                key.extend((name, type(item), item.shape, item.dtype) for item in _list_of(self.contract.name, name, value))
        try:
            memo = tuple(key)
            plan = self._plans.get(memo)
        except TypeError:  # an unhashable attribute of a foreign array: bind anew
            return self._make_plan(values, extra, axis)
        if plan is None:
            plan = self._make_plan(values, extra, axis)
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[memo] = plan
        return plan

    def _make_plan(self, values: dict[str, Any], extra: dict[str, Any], axis: int) -> _Plan:
        contract, name = self.contract, self.contract.name
        arrays = list(self._arrays(values))
        given = [(key, x) for key, x in extra.items() if x is not None]
        backend = common_backend(name, [(label, x) for _, label, x in arrays] + given)
        xp = backend.namespace
        kinds = {label: _kind(xp, x.dtype) for label, x in (*((label, x) for _, label, x in arrays), *given)}
        terms: dict[str, Term] = {}
        axes: Axes = {}
        moved = set()
        for argument, label, x in arrays:
            term = contract.term_of(argument, kinds[label], len(x.shape))
            terms[argument.name] = term
            if term.shape is None:
                if x.shape != ():
                    raise ContractError(
                        f"{name}: `{label}` has shape {tuple(x.shape)}; it is a number, or a 0-d array in {term.domain}"
                    )
                continue
            shape = tuple(x.shape)
            if axis != -1 and term.shape.names[-1:] == ("classes",) and len(term.shape.axes) > 1:
                if not -len(shape) <= axis < len(shape):
                    raise ContractError(f"{name}: `axis` is {axis}; `{label}` has shape {shape}")
                shape = _move_last(shape, axis)
                moved.add(argument.name)
            declared, seen = term.shape, axes
            if argument.many:
                item = label[len(argument.name) :]
                declared = Shape(tuple(replace(a, name=a.name + item) if a.per_item else a for a in declared.axes))
            contract.fits(label, declared, shape, seen)
        for classes in (axes[key] for key in ("classes",) if key in axes):
            if classes[0] == 0:
                raise ContractError(f"{name}: `{classes[1]}` has no classes; the axis `classes` has size 0")
        unit_shape = resolve_shape(contract.result, axes)
        self._check_extra(extra, kinds, unit_shape, axes)
        floats = {label: x.dtype for _, label, x in arrays if kinds[label] == "real floating"}
        floats |= {key: x.dtype for key, x in given if kinds[key] == "real floating"}
        wide = {label: xp.float32 if _is_half(dtype) else dtype for label, dtype in floats.items()}
        dtype = next(iter(wide.values()), xp.float32)
        for label, other in wide.items():
            if other != dtype:
                first = next(iter(wide))
                raise DTypeError(
                    f"{name}: `{first}` is {floats[first]} and `{label}` is {floats[label]}. "
                    f"Nothing is cast silently. Fix: convert one of them with astype."
                )
        names = {label: argument.name for argument, label, _ in arrays}
        return _Plan(
            backend=backend,
            xp=xp,
            dtype=dtype,
            unit_shape=unit_shape,
            facts={key: size for key, (size, _) in axes.items()},
            terms=terms,
            widened=frozenset(names.get(label, label) for label, d in floats.items() if _is_half(d)),
            moved=frozenset(moved),
            indices=tuple(key for key, term in terms.items() if kinds.get(key) == "integral" and term.name != "Sign"),
            masking=self._masking(terms, axes, unit_shape, {names[label]: x for _, label, x in arrays}),
            strict=tuple(key for key, term in terms.items() if term.strict),
            lengths=tuple(
                (key, term.measures, tuple(k for k, t in terms.items() if t.shape and term.measures in t.shape.names))
                for key, term in terms.items()
                if term.name == "Length"
            ),
        )

    def _arrays(self, values: dict[str, Any]) -> Iterator[tuple[Argument, str, Array]]:
        """Every array of a call with its argument and its name in messages; the items of lists one by one."""
        loss = self.contract.name
        lengths: dict[str, int] = {}
        for argument in self.contract.arguments:
            value = values[argument.name]
            if argument.many:
                items = _list_of(loss, argument.name, value)
                lengths[argument.name] = len(items)
                for index, item in enumerate(items):
                    yield argument, f"{argument.name}[{index}]", item
            elif argument in self.contract.inputs or hasattr(value, "dtype"):
                if argument.terms:
                    yield argument, argument.name, value
                else:
                    raise DTypeError(f"{loss}: `{argument.name}` is an array; it must be {argument}")
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"`{name}` has {count}" for name, count in lengths.items())
            raise ContractError(f"{loss}: its lists pair up item by item, but {counts} items")

    def _check_extra(
        self, extra: dict[str, Any], kinds: dict[str, str], unit_shape: tuple[int, ...], axes: Axes
    ) -> None:
        contract = self.contract
        unit = Shape(tuple(replace(a, broadcasts=True) for a in contract.result.axes))
        if extra["sample_weight"] is not None:
            self._check_kind("sample_weight", kinds, "real floating")
            contract.fits("sample_weight", unit, tuple(extra["sample_weight"].shape), axes)
        if extra["where"] is not None:
            self._check_kind("where", kinds, "bool")
            contract.fits("where", contract.result, tuple(extra["where"].shape), axes)
        if extra["class_weight"] is not None:
            self._check_kind("class_weight", kinds, "real floating")
            contract.fits("class_weight", Shape.parse("classes"), tuple(extra["class_weight"].shape), axes)

    def _check_kind(self, keyword: str, kinds: dict[str, str], wanted: str) -> None:
        if kinds[keyword] != wanted:
            raise DTypeError(
                f"{self.contract.name}: `{keyword}` has a dtype of kind {kinds[keyword]!r}; it takes {wanted}. "
                f"Nothing is cast silently. Fix: convert `{keyword}` with astype."
            )

    def _masking(
        self, terms: Mapping[str, Term], axes: Axes, unit_shape: tuple[int, ...], arrays: Mapping[str, Array]
    ) -> dict[str, _Masking]:
        """The inputs that hold something for every unit, with which of their axes are those of the units."""
        units = self.contract.result.names
        result = {}
        for name, term in terms.items():
            if term.shape is None or not set(units) <= set(term.shape.names):
                continue
            if any(axis.broadcasts for axis in term.shape.axes) and tuple(arrays[name].shape) != unit_shape:
                continue
            flags: list[bool] = []
            for axis in term.shape.axes:
                if axis.variadic:
                    count = len(arrays[name].shape) - len(term.shape.axes) + 1
                else:
                    count = 1
                flags += [axis.name in units] * count
            result[name] = _Masking(term, tuple(flags))
        return result

    def _prepare(self, call: _Call, sample_weight: Array, class_weight: Array, axis: int) -> tuple[Array, Array]:
        """Half precision widened to float32, the class axis moved to the end, integers as indices."""
        plan, values, xp = call.plan, call.values, call.plan.xp

        def widen(x: Any) -> Any:
            return [widen(item) for item in x] if isinstance(x, (list, tuple)) else xp.astype(x, xp.float32)

        for name in plan.widened & values.keys():
            values[name] = widen(values[name])
        for name in plan.moved:
            order = _move_last(tuple(range(len(values[name].shape))), axis)
            values[name] = xp.permute_dims(values[name], order)
        for name in plan.indices:
            values[name] = plan.backend.as_index(values[name])
        if "sample_weight" in plan.widened:
            sample_weight = widen(sample_weight)
        if "class_weight" in plan.widened:
            class_weight = widen(class_weight)
        return sample_weight, class_weight

    def _make_safe(self, call: _Call) -> Array | None:
        """Put the neutral value of its term wherever an input is masked, padded or outside a strict domain.

        Returns the units that an entry outside a strict domain makes NaN.
        """
        plan, values, xp = call.plan, call.values, call.plan.xp
        facts = {**values, **plan.facts}
        if call.selected is not None:
            for name, masking in plan.masking.items():
                values[name] = _each(values[name], lambda x, m=masking: _replace(xp, x, _expand(call.selected, m.axes, x), m.term))
        invalid = None
        present: dict[str, Array] = {}
        for name, measured, padded in plan.lengths:
            masking = plan.masking[name]
            bad = masking.term.outside(xp, values[name], facts)
            invalid = bad if invalid is None else invalid | bad
            values[name] = length = _replace(xp, values[name], ~bad, masking.term)
            for other in padded:
                x, shape = values[other], plan.terms[other].shape
                assert shape is not None
                position = shape.names.index(measured) - len(shape.names)  # from the end: no variadic axis follows
                steps = positions(x, position, length.dtype)
                present[other] = valid = steps < _expand(length, plan.masking[other].axes, x)
                values[other] = _replace(xp, x, valid, plan.terms[other])
        for name in plan.strict:
            term = plan.terms[name]
            if term.name == "Length":
                continue
            x = values[name]
            bad = term.outside(xp, x, facts)
            rows = bad[(...,) + (None,) * term.row_axes]
            values[name] = _replace(xp, x, ~rows, term)
            if name in present:
                bad = bad & present[name]
            within = len(plan.masking[name].axes) - term.row_axes - len(plan.unit_shape)
            if within:
                bad = xp.any(bad, axis=tuple(range(-within, 0)))
            invalid = bad if invalid is None else invalid | bad
        return invalid

    def _to_statistic(self, flags: Array, statistic: Array) -> Array:
        """Flags of units with an axis of size 1 for every axis that a statistic has beyond them."""
        beyond = len(statistic.shape) - len(flags.shape)
        return flags[(...,) + (None,) * beyond] if beyond else flags

    def _weights(self, call: _Call, sample_weight: Array, class_weight: Array, labels: Array) -> Array | None:
        """w_i of every unit, 0 where it is not selected, or None where all weights are 1."""
        plan, xp = call.plan, call.plan.xp
        weight = sample_weight
        if class_weight is not None:
            if self._label in plan.indices:
                by_class = xp.reshape(xp.take(class_weight, xp.reshape(labels, (-1,)), axis=0), plan.unit_shape)
            else:
                by_class = xp.sum(labels * _expand(class_weight, (False,) * len(plan.unit_shape) + (True,), labels), axis=-1)  # a distribution: the expected class weight
            weight = by_class if weight is None else weight * by_class
        if weight is None:
            return None
        if weight.shape != plan.unit_shape:
            weight = xp.broadcast_to(weight, plan.unit_shape)
        return weight if call.selected is None else xp.where(call.selected, weight, 0.0)

    def _weighted(self, call: _Call) -> tuple[Array, ...]:
        if call.weight is None:
            return call.statistics
        return tuple(s * self._to_statistic(call.weight, s) for s in call.statistics)

    def _total(self, plan: _Plan, statistic: Array) -> Array:
        units = len(plan.unit_shape)
        if len(statistic.shape) == units:
            return plan.xp.sum(statistic)
        return plan.xp.sum(statistic, axis=tuple(range(units)))

    def _check_values(self, call: _Call, sample_weight: Array, class_weight: Array) -> None:
        """Raise for the first selected value outside its domain, with its index."""
        plan, xp = call.plan, call.plan.xp
        facts = {**call.values, **plan.facts}
        checked: list[tuple[str, Term, Any, bool]] = [
            (name, term, call.values[name], name in plan.masking) for name, term in plan.terms.items()
        ]
        if sample_weight is not None:
            checked.append(("sample_weight", NonNegative, sample_weight, tuple(sample_weight.shape) == plan.unit_shape))
        if class_weight is not None:
            checked.append(("class_weight", NonNegative, class_weight, False))
        for name, term, value, masked in checked:
            for x in value if isinstance(value, (list, tuple)) else (value,):
                if not plan.backend.is_concrete(x):
                    raise BackendError(f"{self.contract.name}: checking('values') needs known values; leave jit or vmap")
                bad = term.outside(xp, x, facts)
                if masked and call.selected is not None:
                    axes = plan.masking[name].axes if name in plan.masking else (True,) * len(plan.unit_shape)
                    flags = axes[: len(axes) - term.row_axes]
                    bad = bad & _expand(call.selected, flags, bad)
                for _, measured, padded in plan.lengths:
                    if name in padded and term.row_axes == 0 and term.shape is not None:
                        length = call.values[next(k for k, m, _ in plan.lengths if m == measured)]
                        position = term.shape.names.index(measured) - len(term.shape.names)
                        steps = positions(x, position, length.dtype)
                        bad = bad & (steps < _expand(length, plan.masking[name].axes, x))
                found = np.argwhere(plan.backend.to_numpy(bad))
                if len(found):
                    index = tuple(int(i) for i in found[0])
                    held = plan.backend.to_numpy(x)[index]
                    raise ContractError(
                        f"{self.contract.name}: `{name}` holds {held} at index {index}; its domain is {term.domain}."
                    )

    # A loss is a value.

    def _identity(self) -> tuple[Any, ...]:
        return (self._function, *((name, repr(value)) for name, value in sorted(self._configuration.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Specified) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.__module__, self._function.__name__, self._configuration)


class Composite(Loss):
    """A weighted sum of losses over the union of their inputs; arguments go to every part that takes them."""

    def __init__(self, parts: tuple[tuple[Any, Loss], ...]) -> None:
        flat: list[tuple[Any, Specified]] = []
        for factor, part in parts:
            for inner, loss in _parts(part) if isinstance(part, Composite) else ((1.0, part),):
                assert isinstance(loss, Specified)
                flat.append((factor if isinstance(inner, float) and inner == 1.0 else factor * inner, loss))
        self.parts = tuple(flat)
        self.contract = _union([(factor, loss.contract) for factor, loss in self.parts])

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        values = [factor * part(**own) for (factor, part), own in zip(self.parts, self._share(inputs, options), strict=True)]
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
        names = [argument.name for argument in self.contract.inputs]
        if len(inputs) > len(names):
            raise ContractError(f"{self.contract.name} takes {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
        given = {**dict(zip(names, inputs, strict=False)), **options}
        known = {a.name for a in self.contract.arguments} | {k for _, part in self.parts for k in part.contract.tail}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
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
        return PartialSum(
            tuple((factor, a + b) for (factor, a), (_, b) in zip(self.parts, other.parts, strict=True))
        )

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


def loss(
    *,
    family: str,
    unit: str,
    source: str,
    aliases: tuple[str, ...] = (),
    default_reduction: str = "mean",
    reductions: tuple[str, ...] | None = None,
    finalize: Callable[..., Array] | None = None,
    coupled: str = "",
    accuracy: Accuracy | None = None,
    perfect: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Callable[[Callable[..., Any]], Specified]:
    """Declare and register the loss that the decorated function computes per unit.

    The annotated signature is the contract. `finalize` makes it an aggregate: the function returns a tuple of additive
    statistics per unit, and `finalize(*reduced, **parameters)` turns their reductions into the loss. `coupled` says
    why the value of a unit depends on the whole batch. `perfect` maps inputs to the inputs they equal in a perfect
    prediction, where the loss is declared to be 0. `sizes` are the sizes of axes in generated conformance cases.
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
            aliases=aliases,
            accuracy=accuracy or Accuracy(),
            why_coupled=coupled,
            perfect=dict(perfect or {}),
            sizes=dict(sizes or {}),
        )
        declared = Specified(function, contract, finalize)
        for name in (contract.name, *aliases):
            if name in _registry:
                raise LossSpecError(f"two losses are called {name!r}: {_registry[name]!r} and {declared!r}")
            _registry[name] = declared
        return declared

    return declare


def require(condition: bool, message: str) -> None:
    """For a loss body: raise where static facts (sizes, numbers) do not fit together."""
    if not condition:
        raise ContractError(message)


def _restore(module: str, name: str, configuration: dict[str, Any]) -> Specified:
    found: Specified = getattr(import_module(module), name)
    return found.configured(**configuration) if configuration else found


def _parts(part: Loss) -> tuple[tuple[Any, Loss], ...]:
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
                        f"{name}: the parts declare `{argument.name}` differently, {known[argument.name]} and {argument}"
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
        reductions=tuple(r for r in REDUCTIONS if all(r in contract.reductions for contract in contracts)),
        default_reduction=first.default_reduction if len(defaults) == 1 else "each its own",
        why_coupled="; ".join(coupled),
        source="; ".join(dict.fromkeys(contract.source for contract in contracts)),
        aliases=(),
        perfect={},
    )


def _kind(xp: Any, dtype: Any) -> str:
    if _is_half(dtype):
        return "real floating"
    for kind in ("real floating", "integral", "bool"):
        if xp.isdtype(dtype, kind):
            return kind
    return str(dtype)


def _is_half(dtype: Any) -> bool:
    return str(dtype).rpartition(".")[2] in ("float16", "bfloat16")


def _move_last(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :], shape[axis])


def _list_of(loss: str, name: str, value: Any) -> Sequence[Array]:
    if not isinstance(value, (list, tuple)) or not value:
        raise DTypeError(f"{loss}: `{name}` is a {type(value).__name__}; it must be a non-empty list of arrays")
    for index, item in enumerate(value):
        if not hasattr(item, "dtype"):
            raise DTypeError(f"{loss}: `{name}[{index}]` is a {type(item).__name__}, not an array")
    return value


def _each(value: Any, function: Callable[[Array], Array]) -> Any:
    return [function(item) for item in value] if isinstance(value, (list, tuple)) else function(value)


def _expand(flags: Array, axes: tuple[bool, ...], x: Array) -> Array:
    """Flags of units in the rank of an input: its own axis where that is one of the units', else an axis of size 1."""
    axes = axes if len(axes) == len(x.shape) else axes + (False,) * (len(x.shape) - len(axes))
    return flags if all(axes) else flags[tuple(slice(None) if own else None for own in axes)]


def _replace(xp: Any, x: Array, keep: Array, term: Term) -> Array:
    neutral = int(term.neutral) if "integral" in term.kinds else term.neutral
    return xp.where(keep, x, neutral)


__all__ = [
    "Accuracy",
    "Composite",
    "Loss",
    "Mean",
    "PartialSum",
    "Reduction",
    "Specified",
    "TAIL",
    "checking",
    "get",
    "loss",
    "names",
    "require",
]
