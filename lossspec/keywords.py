"""The keywords that every loss takes beside its own parameters, checked and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossspec.contract import TAIL, TAIL_DEFAULTS, Contract
from lossspec.dispatch import is_array
from lossspec.errors import DTypeError
from lossspec.reduction import Mean, Reduction, check_empty, check_reduction
from lossspec.terms import Array


@dataclass(frozen=True)
class Keywords:
    """The keywords of one call, or the defaults of a loss."""

    reduction: Reduction
    empty: float
    sample_weight: Array | None
    where: Array | None
    where_entries: Array | None
    class_weight: Array | None
    ignore_index: int | None
    axis: int
    ignores: bool = False
    """True where the call itself gives `ignore_index`; a default for labels says nothing about distributions."""

    @classmethod
    def of(cls, contract: Contract, given: Mapping[str, Any], ignores: bool = False) -> Keywords:
        """The keywords that are given to a loss, with the usual defaults for the others."""
        all_of_them = {**TAIL_DEFAULTS, **given}
        all_of_them["reduction"] = check_reduction(contract, all_of_them["reduction"])
        all_of_them["empty"] = check_empty(contract.name, all_of_them["empty"])
        for name in ("ignore_index", "axis"):
            all_of_them[name] = _whole(contract.name, name, all_of_them[name])
        return cls(**{name: all_of_them[name] for name in TAIL}, ignores=ignores)

    def changed(self, contract: Contract, options: Mapping[str, Any]) -> Keywords:
        """These keywords with those among the options of a call in their place."""
        given = {name: options[name] for name in TAIL if name in options}
        if not given:
            return self
        usual = {name: getattr(self, name) for name in TAIL}
        return Keywords.of(contract, usual | given, given.get("ignore_index") is not None)

    def but(self, changes: Mapping[str, Any]) -> Keywords:
        """These keywords with others in their place, which are not checked."""
        return replace(self, **changes)

    def arrays(self) -> list[tuple[str, Array]]:
        """Those with shapes, dtypes and devices to bind, by name; "over" is the divisor of the reduction."""
        found = []
        if self.sample_weight is not None:
            found.append(("sample_weight", self.sample_weight))
        if self.where is not None:
            found.append(("where", self.where))
        if self.where_entries is not None:
            found.append(("where_entries", self.where_entries))
        if self.class_weight is not None:
            found.append(("class_weight", self.class_weight))
        if isinstance(self.reduction, Mean) and is_array(self.reduction.over):
            found.append(("over", self.reduction.over))
        return found


def _whole(loss: str, name: str, value: Any) -> Any:
    """An index, or None."""
    if type(value) is int or value is None:
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise DTypeError(f"{loss}: `{name}` is {value!r}; it must be an int")
