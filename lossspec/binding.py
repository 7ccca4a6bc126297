"""From the arguments of a call to named values and keywords, by what the loss declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lossspec.advice import hint_for_keyword
from lossspec.contract import Contract
from lossspec.dispatch import common_backend, computing_dtype, find_backend, is_array, kind_of
from lossspec.errors import ContractError, DTypeError, GradientError
from lossspec.keywords import Keywords, changed, default_keywords
from lossspec.plan import list_of
from lossspec.reduction import check_reduction
from lossspec.terms import Array


class Declared:
    """All that a call needs of a loss: its contract, its code, its defaults, and what follows from them, found once."""

    def __init__(
        self,
        contract: Contract,
        function: Callable[..., Any],
        finalizer: Callable[..., Array] | None,
        configuration: Mapping[str, Any],
    ) -> None:
        self.contract = contract
        self.function = function
        self.finalizer = finalizer
        self.inputs = tuple(argument.name for argument in contract.inputs)
        self.parameters = {argument.name: argument for argument in contract.parameters}
        self.defaults = {a.name: a.default for a in contract.parameters if a.default is not inspect.Parameter.empty}
        self.defaults |= {name: value for name, value in configuration.items() if name in self.parameters}
        self.keywords = default_keywords(contract, configuration)
        self.required = tuple(name for name in self.parameters if name not in self.defaults)
        self.known = frozenset((*self.inputs, *self.parameters, *contract.tail))
        self.may_be_arrays = tuple(a.name for a in contract.parameters if a.array_terms)
        self.many = {argument.name for argument in contract.inputs if argument.many}
        self.takes_shards = contract.mergeable and len(contract.inputs) == 1 and not self.many
        self.label = None if contract.label is None else contract.label.name
        ignorable = contract.label or contract.entry_label
        self.ignorable = "" if ignorable is None else ignorable.name
        self.smoothing = contract.smoothing
        self.length = "" if contract.length is None else contract.length.name
        shapes = {term.shape for argument in contract.inputs for term in argument.terms}
        self.carries_nan = shapes != {contract.result} or len(contract.inputs) > 2
        takes = inspect.signature(function).parameters
        self.sees_selection, self.sees_entries = "selected" in takes, "entries" in takes

    def bind(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[dict[str, Any], Keywords]:
        """The inputs and parameters of a call by name, numbers checked, and its keywords."""
        keywords = self.keywords
        if options:
            self.refuse_unknown(options)
            keywords = changed(keywords, self.contract, options)
        if len(inputs) == len(self.inputs):
            values = dict(zip(self.inputs, inputs, strict=True))
            if options and any(name in options for name in values):
                by_name(self.contract, inputs, options)  # which says what is given twice
        else:
            given = by_name(self.contract, inputs, options)
            for name in self.inputs:
                if name not in given:
                    raise ContractError(f"{self.contract.name}: the input `{name}` is missing")
            values = {name: given[name] for name in self.inputs}
        values |= self.defaults
        for name, value in options.items():
            if name in self.parameters:
                values[name] = self.parameter(name, value)
        for name in self.required:
            if name not in values:
                raise ContractError(f"{self.contract.name}: the parameter `{name}` is missing")
        for name in self.may_be_arrays:
            if isinstance(values[name], tuple):
                values[name] = _beside((x for key in self.inputs for x in items_of(values[key])), values[name])
        return values, keywords

    def parameter(self, name: str, value: Any) -> Any:
        """The value of a parameter: an array as it is, a number or a tuple of them checked against its domain."""
        if isinstance(value, np.generic):
            value = value.item()  # a NumPy scalar would promote: NEP 50 gives it a dtype of its own
        if not is_array(value):
            self.parameters[name].check_parameter(self.contract.name, value)
        return value

    def refuse_unknown(self, options: Mapping[str, Any]) -> None:
        """Raise for an argument that the loss does not take."""
        for name in options:
            if name not in self.known:
                if name == "where_entries":
                    raise ContractError(
                        f"{self.contract.name} takes no `where_entries`: it is not defined for a part of its unit, the "
                        f"{self.contract.unit}. Fix: leave out whole units with `where`, {self.contract.result}."
                    )
                known = (*self.inputs, *self.parameters, *self.contract.tail)
                raise ContractError(
                    f"{self.contract.name} takes no argument `{name}`; it takes {', '.join(known)}."
                    + hint_for_keyword(self.contract, name)
                )

    def takes_of(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments among some that the loss takes."""
        return {name: value for name, value in given.items() if name in self.known}

    def given_shards(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
        """Say whether a call gives a list of arrays for the only input, which are shards of it."""
        return self.takes_shards and is_list(inputs[0] if inputs else options.get(self.inputs[0]))

    def shards(self, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The calls for the arrays of a list that is given for the only input."""
        loss, (name,), given = self.contract.name, self.inputs, by_name(self.contract, inputs, options)
        items = list_of(loss, name, given[name])
        if check_reduction(self.contract, given.get("reduction", self.keywords.reduction)) == "none":
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
        for keyword in ("sample_weight", "where", "where_entries"):
            own = given.get(keyword)
            if own is None:
                continue
            if not is_list(own) or len(own) != len(items):
                raise ContractError(f"{loss}: `{name}` is a list of {len(items)}, so `{keyword}` must be one as well")
            for shard, of_item in zip(shards, own, strict=True):
                shard[keyword] = of_item
        return shards

    def run(self, function: Callable[..., Any], *arrays: Any, **keywords: Any) -> Any:
        """The result of the code of the loss; what it does that has no derivative is told with the name of the loss."""
        try:
            return function(*arrays, **keywords)
        except GradientError as error:
            raise GradientError(f"{self.contract.name}: {error}") from None
        except OverflowError as error:  # of a Python number: those of arrays are inf
            raise ContractError(
                f"{self.contract.name}: a parameter is so large that what follows from it is no number: {error}. "
                "Fix: pass a smaller one, or an array, which overflows to inf."
            ) from None

    def finalize(self, statistics: tuple[Array, ...], parameters: Mapping[str, Any]) -> Array:
        """From the reduced statistics to the loss; the identity unless the loss is an aggregate."""
        if self.finalizer is None:
            return statistics[0]
        known = {name: parameters[name] for name in self.parameters}
        known |= {name: _beside(statistics, known[name]) for name, value in known.items() if isinstance(value, tuple)}
        result: Array = self.run(self.finalizer, *statistics, **known)
        return result


def by_name(contract: Contract, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Positional inputs by name, together with the keywords of a call."""
    names = [argument.name for argument in contract.inputs]
    if len(inputs) > len(names):
        raise ContractError(f"{contract.name} takes {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
    named = dict(zip(names, inputs, strict=False))
    for name in named:
        if name in options:
            raise ContractError(f"{contract.name}: the input `{name}` is given twice")
    return {**named, **options}


def is_list(value: Any) -> bool:
    """Say whether an argument is a list of arrays, and no array."""
    return isinstance(value, (list, tuple))


def items_of(value: Any) -> Sequence[Any]:
    """The arrays of an argument: those of a list, or the one that it is."""
    return value if is_list(value) else (value,)


def _beside(arrays: Iterable[Any], numbers: tuple[float, ...]) -> Any:
    """Numbers as an array of the framework, the device and the dtype in which the first real array is computed."""
    for x in arrays:
        backend = find_backend(x)
        if backend is not None and kind_of(backend.namespace, x.dtype) == "real floating":
            xp = backend.namespace
            return xp.asarray(numbers, dtype=computing_dtype(xp, x.dtype), device=backend.creation_device(x))
    return numbers  # beside inputs that are refused
