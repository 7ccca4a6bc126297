"""A loss as a value: check, mask, per unit, weight, reduce, in one place for all of them; composition with + and *."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from lossspec.call import Call, checking, over_units, values_are_checked
from lossspec.contract import REDUCTIONS, Accuracy, Contract, Form, read_contract
from lossspec.dispatch import common_backend
from lossspec.errors import ContractError, DTypeError, LossSpecError, MergeError
from lossspec.plan import Plan, kind_of, list_of, make_plan
from lossspec.reduction import Partial, check_empty, check_reduction, denominator, finish
from lossspec.terms import Array

_registry: dict[str, Loss] = {}
_PLANS_KEPT = 256


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
        leaves = [
            x for name in targets for x in (given[name] if isinstance(given[name], (list, tuple)) else [given[name]])
        ]
        backend = common_backend(self.contract.name, ((targets[0], x) for x in leaves))
        for name, x in zip(targets, leaves, strict=False):
            if kind_of(backend.namespace, x.dtype) != "real floating":
                raise DTypeError(f"{self.contract.name}: `wrt` names {name!r}, whose dtype {x.dtype} has no gradient")

        def scalar(*chosen: Any) -> Array:
            value = self(**{**given, **dict(zip(targets, chosen, strict=True))})
            if value.shape != ():
                raise ContractError(f"{self.contract.name}: only a reduced loss has a gradient; use reduction='sum'")
            return value

        differentiate = backend.value_and_grad(scalar, tuple(range(len(targets))))
        value, gradients = differentiate(*(given[name] for name in targets))
        return value, gradients[0] if isinstance(chosen, str) else tuple(gradients)

    def __mul__(self, factor: Any) -> Loss:
        from lossspec.composite import Composite

        return Composite(((factor, self),))

    __rmul__ = __mul__

    def __add__(self, other: object) -> Loss:
        from lossspec.composite import Composite

        if not isinstance(other, Loss):
            return NotImplemented
        return Composite(((1.0, self), (1.0, other)))

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
        self._plans: dict[Any, Plan] = {}
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
            parameters.append(inspect.Parameter(keyword, inspect.Parameter.KEYWORD_ONLY, default=tail.get(keyword)))
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
        """The loss, reduced as declared or as `reduction` says."""
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
    ) -> Call:
        """The statistics of every unit with masked units at 0, the selection and the weights."""
        values = self._bind(inputs, parameters)
        extra = {"sample_weight": sample_weight, "where": where, "class_weight": class_weight}
        if class_weight is not None or ignore_index is not None or axis != -1:
            self._check_tail(class_weight, ignore_index, axis)
        plan = self._plan(values, extra, axis)
        call = Call(self.contract.name, self._label, plan, values)
        xp = plan.xp
        if plan.widened or plan.moved or plan.indices:
            sample_weight, class_weight = call.prepare(sample_weight, class_weight, axis)
        labels = None if self._label is None else values[self._label]
        selected = where
        if ignore_index is not None:
            if self._label not in plan.indices:
                raise ContractError(
                    f"{self.contract.name}: `ignore_index` needs integer labels, and `{self._label}` is a "
                    "distribution. Fix: mask with `where`."
                )
            kept = labels != ignore_index
            selected = kept if selected is None else selected & kept
        call.selected = selected
        if not plan.backend.is_tracing() and values_are_checked():
            call.check_values(sample_weight, class_weight)
        invalid = None
        if selected is not None or plan.strict:
            invalid = call.make_safe()
            labels = None if self._label is None else values[self._label]
        seen = {"selected": selected} if self._sees_selection else {}
        statistics = self._function(**values, **seen)
        if self._finalizer is None:
            statistics = (statistics,)
        if invalid is not None:
            statistics = tuple(xp.where(over_units(invalid, s), float("nan"), s) for s in statistics)
        if selected is not None:
            statistics = tuple(xp.where(over_units(selected, s), s, 0.0) for s in statistics)
        call.statistics = statistics
        call.weight = call.weigh(sample_weight, class_weight, labels)
        return call

    def _bind(self, inputs: tuple[Any, ...], parameters: dict[str, Any]) -> dict[str, Any]:
        names = self._input_names
        if len(inputs) == len(names):
            values = dict(zip(names, inputs, strict=True))
        else:
            if len(inputs) > len(names):
                raise ContractError(
                    f"{self.contract.name} takes {len(names)} inputs ({', '.join(names)}), got {len(inputs)}"
                )
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

    def _plan(self, values: dict[str, Any], extra: dict[str, Any], axis: int) -> Plan:
        """The plan of a call; remembered by what it depends on."""
        key: list[Any] = [axis]
        for name, value in (*values.items(), *extra.items()):
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                key.append((name, type(value), value.shape, value.dtype, getattr(value, "device", None)))
            elif name in self._many:
                key.extend(
                    (name, type(item), item.shape, item.dtype) for item in list_of(self.contract.name, name, value)
                )
        try:
            memo = tuple(key)
            plan = self._plans.get(memo)
        except TypeError:  # an unhashable attribute of a foreign array: bind anew
            return make_plan(self.contract, values, extra, axis)
        if plan is None:
            plan = make_plan(self.contract, values, extra, axis)
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[memo] = plan
        return plan

    def _weighted(self, call: Call) -> tuple[Array, ...]:
        if call.weight is None:
            return call.statistics
        return tuple(s * over_units(call.weight, s) for s in call.statistics)

    def _total(self, plan: Plan, statistic: Array) -> Array:
        units = len(plan.unit_shape)
        if len(statistic.shape) == units:
            return plan.xp.sum(statistic)
        return plan.xp.sum(statistic, axis=tuple(range(units)))

    # A loss is a value.

    def _identity(self) -> tuple[Any, ...]:
        return (self._function, *((name, repr(value)) for name, value in sorted(self._configuration.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Specified) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.__module__, self._function.__name__, self._configuration)


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


__all__ = ["Accuracy", "Loss", "Specified", "checking", "get", "loss", "names", "require"]
