"""The keywords that every loss takes beside its own parameters, checked and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lossspec.contract import TAIL, TAIL_DEFAULTS, Contract
from lossspec.dispatch import is_array
from lossspec.errors import DTypeError
from lossspec.reduction import Mean, Reduction, check_empty, check_reduction
from lossspec.terms import Array


class Keywords(NamedTuple):
    """The keywords of one call, or the defaults of a loss; a tuple, which is made in a fraction of a microsecond."""

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


def default_keywords(contract: Contract, configuration: Mapping[str, Any]) -> Keywords:
    """The keywords of a call that gives none."""
    usual = Keywords(**{**TAIL_DEFAULTS, "empty": check_empty(contract.name, TAIL_DEFAULTS["empty"])})
    given = {name: configuration[name] for name in TAIL if name in configuration}
    return changed(usual, contract, {"reduction": contract.default_reduction} | given)._replace(ignores=False)


def changed(keywords: Keywords, contract: Contract, options: Mapping[str, Any]) -> Keywords:
    """The keywords with those among the options of a call in their place."""
    given = {name: value for name, value in options.items() if name in TAIL}
    if not given:
        return keywords
    if "reduction" in given:
        given["reduction"] = check_reduction(contract, given["reduction"])
    if "empty" in given:
        given["empty"] = check_empty(contract.name, given["empty"])
    if "axis" in given:
        given["axis"] = _whole(contract.name, "axis", given["axis"])
    if "ignore_index" in given:
        given["ignore_index"] = _whole(contract.name, "ignore_index", given["ignore_index"])
        given["ignores"] = given["ignore_index"] is not None
    return keywords._replace(**given)


def arrays_of(keywords: Keywords) -> list[tuple[str, Array]]:
    """The keywords with shapes, dtypes and devices to bind, by name; "over" is the divisor of the reduction."""
    reduction, _, sample_weight, where, where_entries, class_weight, _, _, _ = keywords
    found = []
    if sample_weight is not None:
        found.append(("sample_weight", sample_weight))
    if where is not None:
        found.append(("where", where))
    if where_entries is not None:
        found.append(("where_entries", where_entries))
    if class_weight is not None:
        found.append(("class_weight", class_weight))
    if isinstance(reduction, Mean) and is_array(reduction.over):
        found.append(("over", reduction.over))
    return found


def _whole(loss: str, name: str, value: Any) -> Any:
    """An index, or None."""
    if type(value) is int or value is None:
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise DTypeError(f"{loss}: `{name}` is {value!r}; it must be an int")
