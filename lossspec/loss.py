"""A loss as a value: what can be asked of it, its configuration, its identity and its algebra."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from math import isnan
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from lossspec import differentiation, pipeline
from lossspec.binding import Declared, by_name
from lossspec.contract import SUPPLIED, Contract
from lossspec.dispatch import find_backend, kind_of
from lossspec.errors import ContractError, DTypeError, MergeError
from lossspec.explanation import Explanation, explain
from lossspec.identity import frozen, has_content, key_of
from lossspec.kernels import front
from lossspec.kernels.request import Request
from lossspec.pipeline import Call
from lossspec.plan import Plan, Plans
from lossspec.reduction import Partial, check_reduction
from lossspec.terms import Array


class Loss:
    """The face of every loss; `Specified` is a declared one, `Composite` a sum of them."""

    contract: Contract
    weighted_sum: ClassVar[Callable[[tuple[tuple[Any, Loss], ...]], Loss]]
    """Makes a loss of factors and losses; `lossspec.composite`, which stands above this file, gives it."""

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The loss, reduced as declared or as `reduction` says."""
        raise NotImplementedError

    def configured(self, **options: Any) -> Loss:
        """The same loss with other defaults."""
        raise NotImplementedError

    def partial(self, *inputs: Any, **options: Any) -> Any:
        """The additive state of one shard; add the partials of all shards and take `.value()`."""
        raise NotImplementedError

    def explain(self, *inputs: Any, **options: Any) -> Explanation:
        """The steps of one call, to print: what is bound, converted, selected and divided by.

        >>> import numpy as np
        >>> from lossspec import squared_error
        >>> x = np.asarray([0.5, 3.0, 1.0])
        >>> print(squared_error.explain(x, 0 * x, where=x < 2))
        squared_error on numpy
          axes: batch = (3,)
          terms: predictions is Real[*batch], targets is Real[*batch]
          dtype: computed in float64
          prepare: nothing is moved, widened or converted
          select: 2 of 3 elements, by `where`
          weigh: every element counts 1
          reduce: "mean" divides by 2, the number of selected elements
          kernel: ...
        """
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
        found: tuple[Any, Any] | None = self.by_kernel("value_and_grad", inputs, options, wrt)
        if found is not None:
            return found
        return differentiation.value_and_grad(self.contract, self, by_name(self.contract, inputs, options), wrt)

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
        found: tuple[Array, Array] | None = self.by_kernel("grad_hess", inputs, options, wrt)
        if found is not None:
            return found
        given = by_name(self.contract, inputs, options)
        return differentiation.grad_hess(self.contract, self, given, wrt, self.axis_of(options))

    def by_kernel(self, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any], wrt: Any = None) -> Any:
        """The result of a method by a compiled kernel; None if the array path takes the call."""
        return None

    def axis_of(self, options: Mapping[str, Any]) -> int:
        """The axis of the classes in a call."""
        raise NotImplementedError

    def __mul__(self, factor: Any) -> Loss:
        return Loss.weighted_sum(((factor, self),))

    __rmul__ = __mul__
    __array_ufunc__ = None  # so that NumPy leaves factors to us

    def __truediv__(self, divisor: Any) -> Loss:
        factor = check_factor(self.contract.name, divisor)
        if not has_content(factor) and factor == 0:
            raise ContractError(f"{self.contract.name}: a loss cannot be divided by 0")
        return Loss.weighted_sum(((1 / factor, self),))

    def __neg__(self) -> Loss:
        return self * -1.0

    def __add__(self, other: object) -> Loss:
        if not isinstance(other, Loss):
            return NotImplemented
        return Loss.weighted_sum(((1.0, self), (1.0, other)))

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
    """A loss with a declared contract and one function; made by the decorator `lossspec.loss`."""

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
        self.plans = Plans(contract)
        self.kernels: dict[Any, Any] = {}
        self.kernel_programs: dict[Any, Any] = {}
        self._configuration = dict(configuration or {})
        self.declared = Declared(contract, function, finalizer, self._configuration)
        self.__name__ = contract.name
        self.__qualname__ = contract.name
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The defaults that `configured` has set, by name."""
        return MappingProxyType(self._configuration)

    @property
    def __signature__(self) -> inspect.Signature:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [p for p in inspect.signature(self.__wrapped__).parameters.values() if p.name not in SUPPLIED]
        parameters = [p.replace(default=self.declared.defaults.get(p.name, p.default)) for p in parameters]
        parameters += [inspect.Parameter(name, keyword, default=self._shown(name)) for name in self.contract.tail]
        return inspect.Signature(parameters)

    def _shown(self, keyword: str) -> Any:
        """The default of a keyword as one would write it."""
        value = getattr(self.declared.keywords, keyword)
        return "nan" if keyword == "empty" and isnan(value) else value

    def configured(self, **options: Any) -> Specified:
        """The same loss with other defaults; two that are configured alike are equal.

        An array among them is copied, and compared by value. One that is traced or learned (`requires_grad` of Torch)
        stays the object that it is, and is compared as such.

        >>> import numpy as np
        >>> from lossspec import huber
        >>> float(huber.configured(delta=2.0, reduction="sum")(np.asarray([3.0, 1.0]), np.asarray([0.0, 0.0])))
        4.5
        """
        declared = self.declared
        declared.refuse_unknown(options)
        name = self.contract.name
        for of_data in (*declared.inputs, "sample_weight", "where", "where_entries"):
            if of_data in options:
                raise ContractError(f"{name}: `{of_data}` belongs to the data of a call; it cannot be configured")
        options = {
            key: frozen(declared.parameter(key, value) if key in declared.parameters else value)
            for key, value in options.items()
        }
        contract = self.contract
        if isinstance(options.get("reduction"), str):
            contract = replace(contract, default_reduction=str(check_reduction(contract, options["reduction"])))
        parameters = tuple(replace(a, default=options.get(a.name, a.default)) for a in contract.parameters)
        contract = replace(contract, parameters=parameters)
        configuration = {**self._configuration, **options}
        return Specified(declared.function, contract, declared.finalizer, configuration, self.definition)

    def __call__(self, *inputs: Any, **options: Any) -> Array:
        """The loss, reduced as declared or as `reduction` says."""
        if self.declared.takes_shards and self.declared.given_shards(inputs, options):
            return self.partial(*inputs, **options).value()
        found: Array | None = front.run(self, "value", inputs, options)
        return pipeline.reduce(self._measure(inputs, options)) if found is None else found

    def by_kernel(self, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any], wrt: Any = None) -> Any:
        """The result of a method by a compiled kernel; None if the array path takes the call."""
        return front.run(self, method, inputs, options, wrt)

    def _measure(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Call:
        """The record of a call up to the statistics of its units."""
        return pipeline.measure(self.declared, self.plans, inputs, options)

    def _bound(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Call:
        """The record of a call before anything is computed."""
        values, keywords = self.declared.bind(inputs, options)
        return Call(self.declared, self.plans.of(values, keywords), keywords, values)

    def explain(self, *inputs: Any, **options: Any) -> Explanation:
        """The steps of one call, to print: see `Loss.explain`."""
        before = front.served()
        if self.declared.given_shards(inputs, options):
            calls = [self._measure((), shard) for shard in self.declared.shards(inputs, options)]
        else:
            calls = [self._measure(inputs, options)]
        loops = front.served() - before
        return explain(self.contract, calls, front.reason(Request(self, "value", inputs, options)), loops)

    def check(self, *inputs: Any, **options: Any) -> None:
        """Raise what is wrong with the shapes, dtypes, devices and numbers of a call, as the call would."""
        self.declared.refuse_unknown(options)
        if self.declared.given_shards(inputs, options):
            for shard in self.declared.shards(inputs, options):
                self.check(**shard)
            return
        self.planned(inputs, options)

    def planned(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Plan:
        """The static facts of a call."""
        values, keywords = self.declared.bind(inputs, options)
        return self.plans.of(values, keywords)

    def axis_of(self, options: Mapping[str, Any]) -> int:
        """The axis of the classes in a call."""
        axis: int = options.get("axis", self.declared.keywords.axis)
        return axis

    def partial(self, *inputs: Any, **options: Any) -> Partial:
        """The additive state of one shard; add the partials of all shards and take `.value()`."""
        contract = self.contract
        if not contract.mergeable:
            raise MergeError(f"{contract.name} has no partials: {contract.why_coupled}")
        if self.declared.given_shards(inputs, options):
            first, *others = (self.partial(**shard) for shard in self.declared.shards(inputs, options))
            return sum(others, first)
        found = front.run(self, "partial", inputs, options)
        if found is not None and not isinstance(found, tuple):
            lazy: Partial = found  # of lazy arrays, whose chunks have partials of their own
            return lazy
        call = self._measure(inputs, options) if found is None else self._bound(inputs, options)
        if call.keywords.reduction == "none":
            raise MergeError(f"{contract.name}: reduction 'none' has nothing to merge; concatenate the results")
        return Partial(
            loss=self,
            options=self._options_of(call, options),
            reduction=call.keywords.reduction,
            empty=call.keywords.empty,
            totals=pipeline.totals(call) if found is None else found[0],
            weight=pipeline.mass(call) if found is None else found[1],
            count=pipeline.count(call) if found is None else found[2],
            batch=pipeline.batch(call),
        )

    def _options_of(self, call: Call, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that partials must share to merge; a parameter with an entry for each unit may differ."""
        usual = self.declared.keywords
        found = {name: options.get(name, getattr(usual, name)) for name in ("axis", "class_weight", "ignore_index")}
        units, unit_shape = set(self.contract.result.names), call.plan.unit_shape
        for name in self.declared.parameters:
            value, term = call.values[name], call.plan.terms.get(name)
            of_units = term is not None and term.shape is not None and not units.isdisjoint(term.shape.names)
            if not (of_units and tuple(value.shape)[:1] == unit_shape[:1]) or self.finalizes(name):
                found[name] = self._kept(name, options, call.values)
        return found

    def _kept(self, name: str, options: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        """The part of a parameter that a partial keeps: numbers as they were given, the same in every shard."""
        given = options.get(name, self.declared.defaults.get(name))
        return given if isinstance(given, tuple) else values[name]

    def finalizes(self, name: str) -> bool:
        """Say whether the last step of the loss needs an option."""
        return self.declared.finalizer is not None and name in self.declared.parameters

    def finalize(self, statistics: tuple[Array, ...], parameters: Mapping[str, Any]) -> Array:
        """From the reduced statistics to the loss; the identity unless the loss is an aggregate."""
        return self.declared.finalize(statistics, parameters)

    def __get__(self, instance: object, owner: type | None = None) -> Self:
        """Itself; what can be an attribute of classes as functions are is shown by `help` as they are."""
        return self

    # A loss is a value.

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return self.declared.function, key_of(self._configuration)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Specified) and self._identity == other._identity)

    def __hash__(self) -> int:
        return hash(self._identity)

    def __reduce__(self) -> tuple[Any, ...]:
        module, name = self.__module__, self.declared.function.__name__
        found = getattr(sys.modules.get(module), name, None)
        if not isinstance(found, Specified) or found.declared.function is not self.declared.function:
            raise ContractError(
                f"{name}: it cannot be pickled, because it is not what {module}.{name} is. "
                "Fix: define it at the top of a module, under its own name, and once"
            )
        return _restore, (module, name, self._configuration)


def _restore(module: str, name: str, configuration: dict[str, Any]) -> Specified:
    found = getattr(import_module(module), name, None)
    if not isinstance(found, Specified):
        raise ContractError(f"{module} has no loss {name!r} here, where it is unpickled. Fix: define it in that module")
    return found.configured(**configuration) if configuration else found


def check_factor(name: str, factor: Any) -> Any:
    """A factor of a loss, which is a real number or a 0-d array of one."""
    if isinstance(factor, np.generic):
        factor = factor.item()  # a NumPy scalar belongs to no framework
    if isinstance(factor, (int, float)) and not isinstance(factor, bool):
        return float(factor)
    backend = find_backend(factor)
    if backend is None or kind_of(backend.namespace, factor.dtype) != "real floating":
        got = type(factor).__name__ if backend is None else f"array of {factor.dtype}"
        raise DTypeError(f"{name}: a loss is multiplied by a real number or a 0-d array of one, not by a {got}")
    if tuple(factor.shape) != ():
        raise ContractError(
            f"{name}: a factor of shape {tuple(factor.shape)} is no number. Fix: multiply by a 0-d array, or weigh "
            "units by `sample_weight`"
        )
    return frozen(factor)
