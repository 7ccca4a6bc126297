"""Arrays of array-api-strict that give a traced array on the right of an operator its turn, and a namespace of them.

An array of array-api-strict raises for an operand of another library, before Python can ask that operand. Here is a
subclass that steps back for a traced one, and a namespace whose functions return it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_strict

from lossspec.foreign import Namespace, step_back

Plain: Any = type(array_api_strict.asarray(0))


class Array(Plain):  # type: ignore[misc]
    """An array of array-api-strict; its operators are given below."""

    __slots__ = ()

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        super().__array_namespace__(api_version=api_version)  # refuses a version that it does not have
        return namespace

    def __iter__(self) -> Iterator[Any]:
        return map(adopt, super().__iter__())

    @property
    def mT(self) -> Any:  # noqa: N802
        """The last two axes exchanged."""
        return adopt(super().mT)


def adopt(result: Any) -> Any:
    """The result of a function of array-api-strict, with its arrays as ours; no value is copied."""
    if type(result) is Plain:
        return Array._new(result._array, result._device)
    if isinstance(result, (list, tuple)):
        items = [adopt(item) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
    return result


step_back(Array, Plain, adopt)
namespace = Namespace(array_api_strict, adopt)
