"""From the losses of the units to one number: the reductions, and `Partial`, the additive state that merges.

In a label that is a distribution t the class weights act on each class: w_i l_i below is then sample_weight_i times the
sum of t[c] class_weight[c] l_i(c) over the classes, and w_i is sample_weight_i times the sum of t[c] class_weight[c].

| reduction | value | with S the selected units and w_i = sample_weight_i * class_weight[label_i] |
|---|---|---|
| `"none"` | w_i l_i on S, exactly 0 elsewhere | |
| `"sum"` | sum_S w_i l_i | |
| `"mean"` | sum_S w_i l_i / sum_S w_i | |
| `"count_mean"` | sum_S w_i l_i / size(S) | |
| `"batch_mean"` | sum_S w_i l_i / length of the leading axis | |
| `Mean(over=n)` | sum_S w_i l_i / n | |
| `"length_mean"` | sum_S w_i l_i / max(n_i, 1) / sum_S w_i | for a loss of sequences, n_i the length of sequence i |
| `"token_mean"` | sum_S w_i l_i / sum_S w_i n_i | likewise |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np

from lossspec.advice import hint_for_reduction
from lossspec.contract import LENGTH_REDUCTIONS, Contract
from lossspec.dispatch import array_namespace, find_backend, is_array
from lossspec.encoding import Json, Portable, decode, encode, fields
from lossspec.errors import ContractError, DTypeError, FormatError, LossSpecError, MergeError
from lossspec.identity import ByValue, frozen, key_of, same, without_values
from lossspec.terms import Array, NonNegative


@dataclass(frozen=True, eq=False)
class Mean:
    """The weighted sum divided by a number that the caller gives, for example the tokens of all accumulation steps.

    >>> import numpy as np
    >>> from lossspec import Mean, squared_error
    >>> float(squared_error(np.asarray([1.0, 3.0]), np.asarray([0.0, 0.0]), reduction=Mean(over=4)))
    2.5
    """

    over: Array

    def __post_init__(self) -> None:
        # A NumPy scalar belongs to no framework; an array is copied, for nobody changes a value.
        over = self.over.item() if isinstance(self.over, np.generic) else frozen(self.over)
        object.__setattr__(self, "over", over)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mean) and key_of(self.over) == key_of(other.over)

    def __hash__(self) -> int:
        return hash((Mean, key_of(self.over)))

    def __str__(self) -> str:
        return f"Mean(over={self.over})"


Reduction: TypeAlias = str | Mean


def check_reduction(contract: Contract, reduction: object) -> Reduction:
    """The reduction of a call, or an error that lists what the loss allows."""
    if reduction is None:
        return contract.default_reduction
    name = "over" if isinstance(reduction, Mean) else reduction
    if not isinstance(name, str):
        raise DTypeError(
            f"{contract.name}: `reduction` is {reduction!r}; it must be a name or Mean(over=...), "
            f"one of {_allowed(contract)}"
        )
    if name not in contract.reductions:
        why = " It has no value per unit, only one for the whole call." if name == "none" else ""
        why = why or hint_for_reduction(name, contract.reductions)
        raise ContractError(f"{contract.name}: no reduction {name!r}; allowed are {_allowed(contract)}.{why}")
    if isinstance(reduction, Mean):
        number = isinstance(reduction.over, (int, float)) and not isinstance(reduction.over, bool)
        if not number and not is_array(reduction.over):
            raise DTypeError(f"{contract.name}: `over` is {reduction.over!r}; it must be a number or a 0-d array")
        if not number and reduction.over.shape != ():
            raise ContractError(
                f"{contract.name}: `over` of the reduction has shape {tuple(reduction.over.shape)}; "
                "it is a number or a 0-d array"
            )
        if number and reduction.over not in NonNegative.interval:
            raise ContractError(f"{contract.name}: `over` is {reduction.over!r}; its domain is {NonNegative.domain}")
        return reduction
    return name


def _allowed(contract: Contract) -> str:
    return ", ".join("Mean(over=...)" if name == "over" else repr(name) for name in contract.reductions)


def check_empty(loss: str, empty: object) -> float:
    """The value of a mean over nothing."""
    if isinstance(empty, str) and empty == "nan":
        return nan
    if isinstance(empty, (int, float, np.floating)) and not isinstance(empty, bool):
        return float(empty)
    raise ContractError(f"{loss}: `empty` is {empty!r}; it must be 'nan' or a number, the value of a mean over nothing")


class Finalizing(Protocol):
    """A loss as its partials need it."""

    @property
    def contract(self) -> Contract:
        """The reduction, form and name that the loss declares."""

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The defaults that it was given in place of its own."""

    def configured(self, **options: Any) -> Finalizing:
        """The same loss with other defaults."""

    def finalizes(self, name: str) -> bool:
        """Say whether the last step of the loss needs an option."""

    def finalize(self, statistics: tuple[Array, ...], parameters: Mapping[str, Any]) -> Array:
        """From the reduced statistics to the loss."""


FORMAT = "lossspec.partial/1"
"""The format of a partial as JSON; its number grows whenever a partial comes to mean something else."""


@dataclass(frozen=True, eq=False)
class Partial(Portable):
    """The contribution of a shard of a batch: weighted sums, the sum of weights, the count, the length of the batch.

    Partials of the same loss and options add up, in any order, to exactly the state of the whole batch;
    `value()` finishes. `sum([...])` works too. Options are compared by value, arrays too; of arrays that have no values
    yet, as under `jax.jit`, by shape and dtype. A parameter with an entry for each unit is data, as weights are.

    To JAX a partial is a tree, whose leaves are what adds up: totals, weight, count and batch; all else is static. It
    may be the carry of a scan, enter and leave jit and vmap, and `psum` adds it up over devices.

    Between processes it travels as bytes of JSON, exact to the last bit: `to_bytes()`, `Partial.from_bytes(data)`.
    Values travel, derivatives do not: a tensor of a graph is refused.

    >>> import numpy as np
    >>> from lossspec import root_mean_squared_error as rmse
    >>> x, y = np.asarray([1.0, 2.0, 5.0]), np.asarray([0.0, 2.0, 1.0])
    >>> merged = rmse.partial(x[:1], y[:1]) + rmse.partial(x[1:], y[1:])
    >>> float(merged.value()) == float(rmse(x, y))
    True
    >>> float(Partial.from_bytes(merged.to_bytes()).value()) == float(rmse(x, y))
    True
    """

    find_loss: ClassVar[Callable[[str], Finalizing]]
    """The loss of a name; the registry sets it."""

    loss: Finalizing
    options: Mapping[str, Any]
    """The parameters, and the options that decide which units count, and as what."""
    reduction: Reduction
    empty: float
    totals: tuple[Array, ...]
    weight: Array
    count: Array
    batch: Array | None

    def __add__(self, other: object) -> Partial:
        if not isinstance(other, Partial):
            return NotImplemented
        common = self.options.keys() & other.options.keys()
        for what, mine, theirs in (
            ("loss", self.loss, other.loss),
            ("reduction", self.reduction, other.reduction),
            ("empty", self.empty, other.empty),
            *((f"options differ: `{name}`", self.options[name], other.options[name]) for name in sorted(common)),
            ("frameworks", *(array_namespace(part.totals[0]).__name__ for part in (self, other))),
            ("dtypes", self.totals[0].dtype, other.totals[0].dtype),
        ):
            if not same(mine, theirs):
                what = what if "`" in what else f"{what} differ"
                raise MergeError(f"these partials do not add up: their {what}, {mine!r} and {theirs!r}")
        return replace(
            self,
            options={**other.options, **self.options},
            totals=tuple(a + b for a, b in zip(self.totals, other.totals, strict=True)),
            weight=self._add(self.weight, other.weight),
            count=self.count + other.count,
            batch=None if self.batch is None or other.batch is None else self.batch + other.batch,
        )

    def _add(self, a: Array, b: Array) -> Array:
        """A sum of weights and a count of units without weights: an integer array is made a float one first."""
        if is_array(a) and is_array(b) and a.dtype != b.dtype:
            a, b = (array_namespace(x).astype(x, self.totals[0].dtype, copy=False) for x in (a, b))
        return a + b

    def __radd__(self, other: object) -> Partial:
        if isinstance(other, int) and other == 0:  # the start value of sum()
            return self
        return NotImplemented

    def value(self) -> Array:
        """The loss of everything that was added up."""
        return finish(
            array_namespace(self.totals[0]),
            self.loss.finalize,
            self.options,
            self.totals,
            denominator(self.loss.contract.name, self.reduction, self.weight, self.count, self.batch),
            self.empty,
        )

    def psum(self, axis_name: str | tuple[str, ...]) -> Partial:
        """The sum over the devices of a named axis, within `jax.shard_map`, `vmap` or `pmap`: there, the whole."""
        backend = find_backend(self.totals[0])
        assert backend is not None
        return replace(
            self,
            totals=tuple(backend.psum(total, axis_name) for total in self.totals),
            weight=backend.psum(self.weight, axis_name),
            count=backend.psum(self.count, axis_name),
            batch=None if self.batch is None else backend.psum(self.batch, axis_name),
        )

    def shared(self, write: Callable[[str, Any], Any]) -> Json:
        """All that partials share in order to add up, each value as `write` puts it."""

        def each(values: Mapping[str, Any]) -> Json:
            return {key: one(key, value) for key, value in sorted(values.items())}

        def one(key: str, value: Any) -> Any:
            if isinstance(value, Mean):
                return {"over": one("over", value.over)}
            return write(f"{name}: `{key}`", value)

        name = self.loss.contract.name
        return {
            "loss": name,
            "configuration": each(self.loss.configuration),
            "options": each(self.options),
            "reduction": one("reduction", self.reduction),
            "empty": one("empty", self.empty),
        }

    def to_dict(self) -> Json:
        """The partial in dictionaries, lists, strings and integers; `FormatError` for what has no place there."""
        name = self.loss.contract.name
        try:
            known = Partial.find_loss(name)
            found = known.configured(**self.loss.configuration) == self.loss
        except LossSpecError:
            found = False
        if not found:
            raise FormatError(
                f"{name}: this loss is not the one that is found by its name, so that no reader would find it. "
                "Fix: declare it once, at the top of a module"
            )
        return {
            "format": FORMAT,
            "contract": str(known.contract),
            **self.shared(encode),
            "totals": [encode(f"{name}: the partial", total) for total in self.totals],
            **{key: encode(f"{name}: the partial", getattr(self, key)) for key in ("weight", "count", "batch")},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The partial that `to_dict` wrote; `FormatError` for another format, an unknown loss or another version."""
        names = ("loss", "contract", "configuration", "options", "reduction", "empty", "totals")
        found = fields("partial", FORMAT, state, *names, "weight", "count", "batch")
        name, contract, configuration, options, reduction, empty, totals, *sums = found
        try:
            loss = cls.find_loss(name)
        except LossSpecError as error:
            raise FormatError(f"a partial of {name!r}: {error} Fix: import the module that declares it") from error
        if str(loss.contract) != contract:
            raise FormatError(
                f"a partial of another version of {name}: it was written for {contract}, and here is {loss.contract}. "
                "Fix: write and read with the same version"
            )
        try:
            configured = {key: _decoded(value) for key, value in configuration.items()}
            partial = cls(
                loss.configured(**configured) if configured else loss,
                {key: _decoded(value) for key, value in options.items()},
                _decoded(reduction),
                decode(empty),
                tuple(map(decode, totals)),
                *map(decode, sums),
            )
            if not totals or None in map(find_backend, partial.totals):
                raise ValueError("its totals are no arrays")
            return partial
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, LossSpecError):
                raise
            raise FormatError(f"a partial of {name} is damaged: {type(error).__name__}: {error}") from error

    def __repr__(self) -> str:
        return f"Partial({self.loss.contract.name}, reduction={self.reduction!s}, count={self.count})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        array_namespace(*self.totals)  # a framework that sees its arrays for the first time is told of partials

    def take_apart(self) -> tuple[tuple[Any, ...], ByValue]:
        """The arrays that add up, and all else, which is hashable: the form that a framework with trees takes."""
        options = {name: self._static(name, value) for name, value in sorted(self.options.items())}
        static = ByValue((self.loss, tuple(options), tuple(options.values()), self.reduction, self.empty))
        return (self.totals, self.weight, self.count, self.batch), static

    @classmethod
    def put_together(cls, static: ByValue, leaves: Any) -> Partial:
        """The partial that was taken apart, or one of other leaves."""
        loss, names, values, reduction, empty = static.value
        return cls(loss, dict(zip(names, values, strict=True)), reduction, empty, *leaves)

    def _static(self, name: str, value: Any) -> Any:
        """An option without the traced array that it may be, unless the last step of an aggregate needs that."""
        return value if self.loss.finalizes(name) else without_values(value)


def _decoded(value: Any) -> Any:
    """A value that was written, or a divisor."""
    return Mean(over=decode(value["over"])) if isinstance(value, Mapping) and "over" in value else decode(value)


def denominator(loss: str, reduction: Reduction, weight: Array, count: Array, batch: int | None) -> Array | None:
    """The denominator of the weighted sum; None if it has none."""
    if isinstance(reduction, Mean):
        return reduction.over
    if reduction == "mean" or reduction in LENGTH_REDUCTIONS:
        return weight
    if reduction == "count_mean":
        return count
    if reduction == "batch_mean":
        if batch is None:
            raise ContractError(f"{loss}: reduction 'batch_mean' needs a leading axis; the loss of this call is 0-d")
        return batch
    return None


def finish(
    xp: Any,
    finalize: Callable[[tuple[Array, ...], Mapping[str, Any]], Array],
    parameters: Mapping[str, Any],
    totals: tuple[Array, ...],
    divisor: Array | None,
    empty: float,
) -> Array:
    """Divide and finalize; a mean over nothing is `empty`, with a gradient of exactly 0, and never inf."""
    if divisor is None:
        return finalize(totals, parameters)
    if not is_array(divisor):  # a number, or a size that a compiler keeps symbolic
        if divisor != 0:
            return finalize(tuple(total / divisor for total in totals), parameters)
        return finalize(totals, parameters) * 0.0 + empty
    divisor = xp.astype(divisor, totals[0].dtype, copy=False)  # a count of units, or a number of tokens, is an integer
    nothing = divisor == 0
    divisor = xp.where(nothing, 1.0, divisor)
    value = finalize(tuple(total / divisor for total in totals), parameters)
    return xp.where(nothing, empty, value)
