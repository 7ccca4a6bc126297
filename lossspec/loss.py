"""A loss as a value: check, mask, per unit, weight, reduce, in one place for all of them; composition with + and *."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from math import isnan
from typing import Any

import numpy as np

from lossspec.advice import hint_for_keyword
from lossspec.call import Call, checking, over_units, values_are_checked
from lossspec.contract import (
    LENGTH_REDUCTIONS,
    REDUCTIONS,
    SUPPLIED,
    TAIL,
    TAIL_DEFAULTS,
    Accuracy,
    Contract,
    Equal,
    Form,
    read_contract,
)
from lossspec.dispatch import Backend, all_backends, common_backend, computing_dtype, find_backend, is_array
from lossspec.errors import ContractError, DTypeError, GradientError, MergeError
from lossspec.identity import frozen, key_of
from lossspec.numerics import array_namespace, carry_nan, positions
from lossspec.plan import Plan, kind_of, list_of, make_plan, move_last
from lossspec.reduction import Mean, Partial, check_empty, check_reduction, denominator, finish
from lossspec.registry import register, split
from lossspec.terms import Array, Shape

_PLANS_KEPT = 256


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
        if "reduction" in options:
            raise ContractError(f"{self.contract.name}: per_example has no `reduction`; it is 'none'")
        return self(*inputs, **options, reduction="none")

    def value_and_grad(self, *inputs: Any, wrt: str | Sequence[str] | None = None, **options: Any) -> tuple[Any, Any]:
        """The loss and its gradient in the inputs that `wrt` names (the first one unless told).

        The gradient is an array for a name, a tuple for a sequence of names, a list for an input that is a list. Torch
        and JAX differentiate themselves, `lossspec.autodiff` does it for the others.

        >>> import numpy as np
        >>> from lossspec import huber
        >>> value, gradient = huber.value_and_grad(np.asarray([0.5, 3.0]), np.asarray([0.0, 0.0]), reduction="sum")
        >>> float(value), gradient.tolist()
        (2.625, [0.5, 1.0])
        """
        given = self._named(inputs, options)
        names, backend = self._differentiable(given, wrt)
        function = self._scalar_of(given, names)
        value, gradients = backend.value_and_grad(function, tuple(range(len(names))))(*(given[name] for name in names))
        return value, gradients[0] if wrt is None or isinstance(wrt, str) else tuple(gradients)

    def grad(self, *inputs: Any, wrt: str | Sequence[str] | None = None, **options: Any) -> Any:
        """The gradient alone: see `value_and_grad`."""
        return self.value_and_grad(*inputs, wrt=wrt, **options)[1]

    def grad_hess(self, *inputs: Any, wrt: str | None = None, **options: Any) -> tuple[Array, Array]:
        """First and second derivatives of every unit's loss in its own entries of one input: what boosting wants.

        Both have the shape of the input; the second is the diagonal of the Hessian of the unit. Weights and masks are
        those of reduction "sum". Where a unit has several entries (the logits of its classes) it takes a pass for each.
        An input or parameter that several units share has no entries of a unit, and is refused.

        >>> import numpy as np
        >>> from lossspec import squared_error
        >>> gradient, hessian = squared_error.grad_hess(np.asarray([0.5, 3.0]), np.asarray([0.0, 1.0]))
        >>> gradient.tolist(), hessian.tolist()
        ([1.0, 4.0], [2.0, 2.0])
        """
        contract = self.contract
        if contract.form != "pointwise" or "reduction" in options:
            why = "it has no `reduction`" if "reduction" in options else f"the loss is {contract.form}"
            raise ContractError(f"{contract.name}: grad_hess is per unit of a pointwise loss; {why}")
        given = {**self._named(inputs, options), "reduction": "sum"}
        (name,), backend = self._differentiable(given, wrt)
        x = given[name]
        if _is_list(x):
            raise ContractError(f"{contract.name}: grad_hess takes an input that is one array; `{name}` is a list")
        (argument,) = (argument for argument in contract.arguments if argument.name == name)
        declared = contract.term_of(argument, "real floating", len(x.shape)).shape
        shared = (
            f"{contract.name}: grad_hess gives every unit the derivatives in its own entries, and `{name}` is shared "
            f"by several. Fix: differentiate the gradient, loss.grad(..., wrt={name!r}, reduction='sum')"
        )
        require(declared is not None and set(contract.result.names) <= set(declared.names), shared)
        gradient_of = backend.value_and_grad(self._scalar_of(given, (name,)), (0,))
        units = tuple(self.per_example(**{key: value for key, value in given.items() if key != "reduction"}).shape)
        xp = backend.namespace
        classes_last = declared is not None and declared.names[-1:] == (
            "classes",
        )
        axis = (self._axis(options) if classes_last else -1) % max(len(x.shape), 1)
        beyond = len(x.shape) - len(units)
        if beyond > 1:
            raise ContractError(
                f"{contract.name}: a unit has {beyond} axes of `{name}`; grad_hess knows one, of classes"
            )
        require((move_last(tuple(x.shape), axis)[:-1] if beyond else tuple(x.shape)) == units, shared)

        def inner(point: Array, chosen: Array | None) -> Array:
            _, (gradient,) = gradient_of(point)
            return array_namespace(gradient).sum(gradient if chosen is None else gradient * chosen)

        second = backend.value_and_grad(inner, (0,))
        with checking("shapes"):  # the values were checked above, and have none in a loop that is compiled
            _, (gradient,) = gradient_of(x)
            if not beyond:
                return gradient, second(x, None)[1][0]
            steps = positions(x, axis - len(x.shape))

            def one_class(hessian: Array, scanned: tuple[Array]) -> tuple[Array, None]:
                own = xp.astype(xp.broadcast_to(steps == scanned[0], x.shape), x.dtype)
                return hessian + own * second(x, own)[1][0], None

            hessian, _ = backend.scan(one_class, xp.zeros_like(x), (xp.reshape(steps, (-1,)),))
        return gradient, hessian

    def _differentiable(
        self, given: Mapping[str, Any], wrt: str | Sequence[str] | None
    ) -> tuple[tuple[str, ...], Backend]:
        """The names of `wrt`, which must be real inputs of the call, and their backend."""
        chosen = self.contract.inputs[0].name if wrt is None else wrt
        names = (chosen,) if isinstance(chosen, str) else tuple(chosen) if isinstance(chosen, Sequence) else ()
        if not names or not all(isinstance(name, str) for name in names):
            raise ContractError(f"{self.contract.name}: `wrt` is {wrt!r}; it is the name of an input, or several")
        for name in names:
            if name not in given:
                raise ContractError(f"{self.contract.name}: `wrt` names {name!r}; the call has {', '.join(given)}")
        leaves = [(name, x) for name in names for x in _items(given[name])]
        backend = common_backend(self.contract.name, leaves)
        for name, x in leaves:
            if kind_of(backend.namespace, x.dtype) != "real floating":
                raise DTypeError(f"{self.contract.name}: `wrt` names {name!r}, whose dtype {x.dtype} has no gradient")
        return names, backend

    def _scalar_of(self, given: Mapping[str, Any], names: tuple[str, ...]) -> Callable[..., Array]:
        """The call as a function of the named inputs."""

        def scalar(*chosen: Any) -> Array:
            value = self(**{**given, **dict(zip(names, chosen, strict=True))})
            if value.shape != ():
                raise ContractError(f"{self.contract.name}: only a reduced loss has a gradient; use reduction='sum'")
            return value

        return scalar

    def _named(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
        """Positional inputs by name, together with the keywords of a call."""
        names = [argument.name for argument in self.contract.inputs]
        if len(inputs) > len(names):
            raise ContractError(
                f"{self.contract.name} takes {len(names)} inputs ({', '.join(names)}), got {len(inputs)}"
            )
        named = dict(zip(names, inputs, strict=False))
        for name in named:
            if name in options:
                raise ContractError(f"{self.contract.name}: the input `{name}` is given twice")
        return {**named, **options}

    def _axis(self, options: Mapping[str, Any]) -> int:
        """Where the classes of a call are."""
        raise NotImplementedError

    def __mul__(self, factor: Any) -> Loss:
        from lossspec.composite import Composite

        return Composite(((factor, self),))

    __rmul__ = __mul__
    __array_ufunc__ = None  # so that NumPy leaves factors to us

    def __truediv__(self, divisor: Any) -> Loss:
        from lossspec.composite import Composite, inverse

        return Composite(((inverse(self.contract.name, divisor), self),))

    def __neg__(self) -> Loss:
        return self * -1.0

    def __add__(self, other: object) -> Loss:
        from lossspec.composite import Composite

        if not isinstance(other, Loss):
            return NotImplemented
        return Composite(((1.0, self), (1.0, other)))

    def __radd__(self, other: object) -> Loss:
        if isinstance(other, int) and other == 0:  # the start value of sum()
            return self
        return NotImplemented

    def __sub__(self, other: object) -> Loss:
        if not isinstance(other, Loss):
            return NotImplemented
        return self + -other

    def __copy__(self) -> Loss:
        return self  # a value, which nothing changes

    def __deepcopy__(self, memo: object) -> Loss:
        return self

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
        definition: Callable[..., Any] | None = None,
    ) -> None:
        self.contract = contract
        self.definition = definition
        self._function = function
        self._finalizer = finalizer
        self._configuration = dict(configuration or {})
        self._plans: dict[Any, Plan] = {}
        self._input_names = tuple(argument.name for argument in contract.inputs)
        self._parameters = {argument.name: argument for argument in contract.parameters}
        self._may_be_arrays = tuple(a.name for a in contract.parameters if a.array_terms)
        self._defaults = {a.name: a.default for a in contract.parameters if a.default is not inspect.Parameter.empty}
        self._defaults |= {k: v for k, v in self._configuration.items() if k in self._parameters}
        tail = {**TAIL_DEFAULTS, "reduction": contract.default_reduction}
        self._tail = self._checked({name: self._configuration.get(name, tail[name]) for name in TAIL})
        self._known = frozenset((*self._input_names, *self._parameters, *contract.tail))
        shapes = {term.shape for argument in contract.inputs for term in argument.terms}
        self._carries_nan = shapes != {contract.result} or len(contract.inputs) > 2
        takes = inspect.signature(function).parameters
        self._sees_selection, self._sees_entries = "selected" in takes, "entries" in takes
        self._many = {argument.name for argument in contract.inputs if argument.many}
        self._takes_shards = contract.mergeable and len(contract.inputs) == 1 and not self._many
        self._label = None if contract.label is None else contract.label.name
        ignorable = contract.label or contract.entry_label
        self._ignorable = "" if ignorable is None else ignorable.name
        self._smoothing = contract.smoothing
        self._length = "" if contract.length is None else contract.length.name
        self.__name__ = contract.name
        self.__qualname__ = contract.name
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def __signature__(self) -> inspect.Signature:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [p for p in inspect.signature(self._function).parameters.values() if p.name not in SUPPLIED]
        parameters = [p.replace(default=self._defaults.get(p.name, p.default)) for p in parameters]
        parameters += [inspect.Parameter(name, keyword, default=self._shown(name)) for name in self.contract.tail]
        return inspect.Signature(parameters)

    def _shown(self, keyword: str) -> Any:
        """The default of a keyword as one would write it."""
        return "nan" if keyword == "empty" and isnan(self._tail[keyword]) else self._tail[keyword]

    def configured(self, **options: Any) -> Specified:
        """The same loss with other defaults; two that are configured alike are equal.

        An array among them is copied, and compared by value. One that is traced or learned (`requires_grad` of Torch)
        stays the object that it is, and is compared as such.

        >>> import numpy as np
        >>> from lossspec import huber
        >>> float(huber.configured(delta=2.0, reduction="sum")(np.asarray([3.0, 1.0]), np.asarray([0.0, 0.0])))
        4.5
        """
        self._refuse_unknown(options)
        name = self.contract.name
        for of_data in (*self._input_names, "sample_weight", "where", "where_entries"):
            if of_data in options:
                raise ContractError(f"{name}: `{of_data}` belongs to the data of a call; it cannot be configured")
        options = {
            key: frozen(self._parameter(key, value) if key in self._parameters else value)
            for key, value in options.items()
        }
        contract = self.contract
        if isinstance(options.get("reduction"), str):
            contract = replace(contract, default_reduction=str(check_reduction(contract, options["reduction"])))
        parameters = tuple(replace(a, default=options.get(a.name, a.default)) for a in contract.parameters)
        contract = replace(contract, parameters=parameters)
        return Specified(self._function, contract, self._finalizer, {**self._configuration, **options}, self.definition)

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The loss, reduced as declared or as `reduction` says."""
        if self._takes_shards and self._given_list(inputs, options):
            return self.partial(*inputs, **options).value()
        call = self._measure(inputs, options)
        plan, how = call.plan, call.reduction
        statistics = self._weighted(call)
        if how == "none":
            return statistics[0]
        divisor: Array | None
        if how == "mean" or how in LENGTH_REDUCTIONS:
            divisor = call.mass
        else:
            count = call.count if how == "count_mean" else None  # a pass over the mask that only this one needs
            divisor = denominator(self.contract.name, how, None, count, call.batch)
        totals = tuple(self._total(plan, statistic) for statistic in statistics)
        return finish(plan.xp, self, call.values, totals, divisor, call.empty)

    def check(self, *inputs: Any, **options: Any) -> None:
        """Raise what is wrong with the shapes, dtypes, devices and numbers of a call, as the call would."""
        self._refuse_unknown(options)
        if self._takes_shards and self._given_list(inputs, options):
            for shard in self._shards(inputs, options):
                self.check(**shard)
            return
        self._planned(inputs, options)

    def _planned(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Plan:
        """The static facts of a call."""
        extra = {name: options.get(name) for name in ("sample_weight", "where", "where_entries", "class_weight")}
        return self._plan(self._bind(inputs, options), extra, self._axis(options))

    def _axis(self, options: Mapping[str, Any]) -> int:
        axis: int = options.get("axis", self._tail["axis"])
        return axis

    def partial(self, *inputs: Any, **options: Any) -> Partial:
        """The additive state of one shard; add the partials of all shards and take `.value()`."""
        contract = self.contract
        if not contract.mergeable:
            raise MergeError(f"{contract.name} has no partials: {contract.why_coupled}")
        if self._takes_shards and self._given_list(inputs, options):
            first, *others = (self.partial(**shard) for shard in self._shards(inputs, options))
            return sum(others, first)
        call = self._measure(inputs, options)
        if call.reduction == "none":
            raise MergeError(f"{contract.name}: reduction 'none' has nothing to merge; concatenate the results")
        return Partial(
            loss=self,
            options=self._options_of(call, options),
            reduction=call.reduction,
            empty=call.empty,
            totals=tuple(self._total(call.plan, statistic) for statistic in self._weighted(call)),
            weight=call.mass,
            count=call.count,
            batch=call.batch,
        )

    def _options_of(self, call: Call, options: Mapping[str, Any]) -> dict[str, Any]:
        """What other partials must have been computed with; a parameter with an entry for each unit may differ."""
        found = {name: options.get(name, self._tail[name]) for name in ("axis", "class_weight", "ignore_index")}
        units, unit_shape = set(self.contract.result.names), call.plan.unit_shape
        for name in self._parameters:
            value, term = call.values[name], call.plan.terms.get(name)
            of_units = term is not None and term.shape is not None and not units.isdisjoint(term.shape.names)
            if not (of_units and tuple(value.shape)[:1] == unit_shape[:1]) or self.finalizes(name):
                found[name] = self._kept(name, options, call.values)
        return found

    def finalizes(self, name: str) -> bool:
        """Whether the last step of the loss needs an option."""
        return self._finalizer is not None and name in self._parameters

    def finalize(self, statistics: tuple[Array, ...], parameters: Mapping[str, Any]) -> Array:
        """From the reduced statistics to the loss; the identity unless the loss is an aggregate."""
        if self._finalizer is None:
            return statistics[0]
        known = {name: parameters[name] for name in self._parameters}
        known |= {name: _beside(statistics, known[name]) for name, value in known.items() if isinstance(value, tuple)}
        return self._run(self._finalizer, *statistics, **known)

    def _kept(self, name: str, options: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        """What a partial keeps of a parameter: numbers as they were given, which are the same in every shard."""
        given = options.get(name, self._defaults.get(name))
        return given if isinstance(given, tuple) else values[name]

    def _run(self, function: Callable[..., Any], *arrays: Any, **keywords: Any) -> Any:
        """What the code of the loss returns; what it does that has no derivative is told with the name of the loss."""
        try:
            return function(*arrays, **keywords)
        except GradientError as error:
            raise GradientError(f"{self.contract.name}: {error}") from None
        except OverflowError as error:  # of a Python number: those of arrays are inf
            raise ContractError(
                f"{self.contract.name}: a parameter is so large that what follows from it is no number: {error}. "
                "Fix: pass a smaller one, or an array, which overflows to inf."
            ) from None

    def _given_list(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Whether a list of arrays is given for the only input."""
        return _is_list(inputs[0] if inputs else options.get(self._input_names[0]))

    def _shards(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> list[dict[str, Any]]:
        """The calls for the arrays of a list that is given for the only input."""
        loss, (name,), given = self.contract.name, self._input_names, self._named(inputs, options)
        items = list_of(loss, name, given[name])
        if check_reduction(self.contract, given.get("reduction", self._tail["reduction"])) == "none":
            raise ContractError(f"{loss}: `{name}` is a list, whose units form no array. Fix: call it for each item.")
        xp = common_backend(loss, [(f"{name}[{index}]", item) for index, item in enumerate(items)]).namespace
        wide = [computing_dtype(xp, item.dtype) for item in items]
        for index, dtype in enumerate(wide):
            if dtype != wide[0]:
                raise DTypeError(
                    f"{loss}: `{name}[0]` is {items[0].dtype} and `{name}[{index}]` is {items[index].dtype}. "
                    f"Nothing is cast silently. Fix: convert one of them with astype."
                )
        shards = [{**given, name: item} for item in items]
        for keyword in ("sample_weight", "where"):
            own = given.get(keyword)
            if own is None:
                continue
            if not _is_list(own) or len(own) != len(items):
                raise ContractError(f"{loss}: `{name}` is a list of {len(items)}, so `{keyword}` must be one as well")
            for shard, of_item in zip(shards, own, strict=True):
                shard[keyword] = of_item
        return shards

    # One call, step by step.

    def _measure(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Call:
        """The statistics of every unit with masked units at 0, the selection and the weights."""
        tail = self._tail
        if options:
            self._refuse_unknown(options)
            tail = self._checked({**tail, **{name: value for name, value in options.items() if name in tail}})
        how, ignore_index, axis = tail["reduction"], tail["ignore_index"], tail["axis"]
        values = self._bind(inputs, options)
        sample_weight, class_weight, where = tail["sample_weight"], tail["class_weight"], tail["where"]
        entries = tail["where_entries"]
        extra = {
            "sample_weight": sample_weight,
            "where": where,
            "where_entries": entries,
            "class_weight": class_weight,
        }
        if isinstance(how, Mean) and is_array(how.over):
            extra["over"] = how.over
        plan = self._plan(values, extra, axis)
        call = Call(self.contract.name, self._label, plan, values, how, tail["empty"])
        xp = plan.xp
        if plan.widened or plan.moved or plan.converted:
            sample_weight, class_weight = call.prepare(sample_weight, class_weight, axis)
        call.selected, call.entries = where, entries
        # A default that is for labels says nothing about distributions.
        if ignore_index is not None and (self._ignorable in plan.indices or options.get("ignore_index") is not None):
            call.leave_out(self._ignorable, ignore_index, of_units=self._label is not None)
        selected = call.selected
        if not plan.backend.is_tracing() and values_are_checked():
            call.check_values(sample_weight, class_weight, axis)
        invalid = None
        if selected is not None or call.entries is not None or plan.strict:
            invalid = call.make_safe(sample_weight)
        by_class, inside = (None, {}) if class_weight is None else call.weigh_classes(class_weight, self._smoothing)
        call.weigh(sample_weight, by_class, bool(inside))
        if call.weight is not None:
            call.pass_over_weightless(self.contract.mergeable)
            if invalid is not None and call.counts is not None:
                invalid = invalid & call.counts
        seen = {"selected": selected} if self._sees_selection else {}
        if self._sees_entries:
            seen["entries"] = call.seen_entries
        statistics = self._run(self._function, **{**values, **inside}, **seen)
        if self._finalizer is None:
            statistics = (statistics,)
        if invalid is not None:
            statistics = tuple(carry_nan(s, over_units(invalid, s)) for s in statistics)
        elif self._carries_nan:
            statistics = tuple(carry_nan(s) for s in statistics)
        if selected is not None:
            statistics = tuple(xp.where(over_units(selected, s), s, 0.0) for s in statistics)
        if how in LENGTH_REDUCTIONS:
            statistics = call.by_length(values[self._length], statistics)
        call.statistics = statistics
        return call

    def _bind(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
        """The inputs and parameters of a call by name, numbers checked."""
        if len(inputs) == len(self._input_names):
            values = dict(zip(self._input_names, inputs, strict=True))
            if options:
                self._named(inputs, options)
        else:
            given = self._named(inputs, options)
            for name in self._input_names:
                if name not in given:
                    raise ContractError(f"{self.contract.name}: the input `{name}` is missing")
            values = {name: given[name] for name in self._input_names}
        values |= self._defaults
        for name, value in options.items():
            if name in self._parameters:
                values[name] = self._parameter(name, value)
        for name in self._parameters:
            if name not in values:
                raise ContractError(f"{self.contract.name}: the parameter `{name}` is missing")
        for name in self._may_be_arrays:
            if isinstance(values[name], tuple):
                values[name] = _beside((x for key in self._input_names for x in _items(values[key])), values[name])
        return values

    def _parameter(self, name: str, value: Any) -> Any:
        """The value of a parameter: an array as it is, a number or a tuple of them checked against its domain."""
        if isinstance(value, np.generic):
            value = value.item()  # a NumPy scalar would promote: NEP 50 gives it a dtype of its own
        if not is_array(value):
            self._parameters[name].check_parameter(self.contract.name, value)
        return value

    def _checked(self, tail: dict[str, Any]) -> dict[str, Any]:
        """The keywords that all losses take, ready for use."""
        tail["reduction"] = check_reduction(self.contract, tail["reduction"])
        tail["empty"] = check_empty(self.contract.name, tail["empty"])
        tail["ignore_index"] = self._whole("ignore_index", tail["ignore_index"])
        tail["axis"] = self._whole("axis", tail["axis"])
        return tail

    def _whole(self, name: str, value: Any) -> Any:
        """An index, or None."""
        if type(value) is int or value is None:
            return value
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return int(value)
        raise DTypeError(f"{self.contract.name}: `{name}` is {value!r}; it must be an int")

    def _refuse_unknown(self, options: Mapping[str, Any]) -> None:
        for name in options:
            if name not in self._known:
                if name == "where_entries":
                    raise ContractError(
                        f"{self.contract.name} takes no `where_entries`: it is not defined for a part of its unit, the "
                        f"{self.contract.unit}. Fix: leave out whole units with `where`, {self.contract.result}."
                    )
                known = (*self._input_names, *self._parameters, *self.contract.tail)
                raise ContractError(
                    f"{self.contract.name} takes no argument `{name}`; it takes {', '.join(known)}."
                    + hint_for_keyword(self.contract, name)
                )

    def _plan(self, values: dict[str, Any], extra: dict[str, Any], axis: int) -> Plan:
        """The plan of a call, remembered by what it depends on; not under a compiler, whose graph would hang on it."""
        first = values[self._input_names[0]]
        backend = find_backend(first[0] if _is_list(first) and first else first)
        if backend is not None and backend.is_tracing():
            return make_plan(self.contract, values, extra, axis)
        key: list[Any] = [axis]
        try:
            for name, value in (*values.items(), *extra.items()):
                if is_array(value) and hasattr(value, "shape"):
                    key.append((name, *_signature(value)))
                elif name in self._many:
                    key.extend((name, *_signature(item)) for item in list_of(self.contract.name, name, value))
                elif value is not None and name in extra:
                    key.append((name, type(value)))  # no array: a plan of its own, whose making refuses it
            memo = tuple(key)
            plan = self._plans.get(memo)
        except (TypeError, RuntimeError):  # a foreign array has no shape, or an attribute that has no hash: bind anew
            return make_plan(self.contract, values, extra, axis)
        if plan is None:
            plan = make_plan(self.contract, values, extra, axis)
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[memo] = plan
        return plan

    def _weighted(self, call: Call) -> tuple[Array, ...]:
        if call.factor is None and call.counts is None:
            return call.statistics
        return tuple(call.weighted(s) for s in call.statistics)

    def _total(self, plan: Plan, statistic: Array) -> Array:
        units = len(plan.unit_shape)
        if len(statistic.shape) == units:
            return plan.xp.sum(statistic)
        return plan.xp.sum(statistic, axis=tuple(range(units)))

    # A loss is a value.

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return self._function, key_of(self._configuration)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Specified) and self._identity == other._identity)

    def __hash__(self) -> int:
        return hash(self._identity)

    def __reduce__(self) -> tuple[Any, ...]:
        module, name = self.__module__, self._function.__name__
        found = getattr(sys.modules.get(module), name, None)
        if not isinstance(found, Specified) or found._function is not self._function:
            raise ContractError(
                f"{name}: it cannot be pickled, because it is not what {module}.{name} is. "
                "Fix: define it at the top of a module, under its own name, and once"
            )
        return _restore, (module, name, self._configuration)


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


def require(condition: bool, message: str, *facts: object) -> None:
    """Raise, for a loss body, where static facts (sizes, numbers) do not fit together.

    The facts go into the `{}` of the message only then: a compiler that keeps sizes symbolic cannot write them.
    """
    if not condition:
        raise ContractError(message.format(*facts) if facts else message)


def _items(value: Any) -> Sequence[Any]:
    return value if _is_list(value) else (value,)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _signature(x: Array) -> tuple[Any, ...]:
    """All that a plan depends on of an array."""
    return type(x), x.shape, x.dtype, getattr(x, "device", None), getattr(x, "layout", None)


def _beside(arrays: Iterable[Any], numbers: tuple[float, ...]) -> Any:
    """Numbers as an array of the framework, the device and the dtype in which the first real array is computed."""
    for x in arrays:
        backend = find_backend(x)
        if backend is not None and kind_of(backend.namespace, x.dtype) == "real floating":
            xp = backend.namespace
            return xp.asarray(numbers, dtype=computing_dtype(xp, x.dtype), device=backend.creation_device(x))
    return numbers  # beside inputs that are refused


def _restore(module: str, name: str, configuration: dict[str, Any]) -> Specified:
    found = getattr(import_module(module), name, None)
    if not isinstance(found, Specified):
        raise ContractError(f"{module} has no loss {name!r} here, where it is unpickled. Fix: define it in that module")
    return found.configured(**configuration) if configuration else found


__all__ = ["Accuracy", "Equal", "Loss", "Specified", "checking", "loss", "require"]

all_backends()  # found now: a compiler that traces the first call does not have to trace the search
