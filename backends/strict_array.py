"""Arrays of array-api-strict that give a traced array on the right of an operator its turn, and a namespace of them.

An array of array-api-strict raises for an operand of another library, before Python can ask that operand. Here is a
subclass that steps back for a traced one, and a namespace whose functions return it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any

import array_api_strict

Plain: Any = type(array_api_strict.asarray(0))
ARITHMETIC = "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor"
COMPARISONS = "lt le gt ge eq ne"


class Array(Plain):  # type: ignore[misc]
    """An array of array-api-strict; the operators are defined below."""

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


def _define_operators() -> None:
    arithmetic = ARITHMETIC.split()
    for name in (*arithmetic, *(f"r{name}" for name in arithmetic), *COMPARISONS.split()):
        setattr(Array, f"__{name}__", _stepping_back(getattr(Plain, f"__{name}__")))


def _stepping_back(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return NotImplemented if hasattr(other, "lossspec_backend") else adopt(operator(self, other))

    return method


_define_operators()


def adopt(result: Any) -> Any:
    """The result of a function of array-api-strict, with its arrays as ours; no value is copied."""
    if type(result) is Plain:
        return Array._new(result._array, result._device)
    if isinstance(result, (list, tuple)):
        items = [adopt(item) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
    return result


class Namespace(ModuleType):
    """A namespace of array-api-strict whose functions return our arrays, each made when it is first asked for."""

    def __init__(self, base: ModuleType) -> None:
        super().__init__(base.__name__)
        self._base = base

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._base, name)
        if isinstance(found, ModuleType):
            found = Namespace(found)
        elif callable(found) and not isinstance(found, type):
            found = _adopting(found)
        setattr(self, name, found)  # the next look-up does not come here
        return found

    def __dir__(self) -> list[str]:
        return dir(self._base)


def _adopting(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def adopting(*arguments: Any, **keywords: Any) -> Any:
        return adopt(function(*arguments, **keywords))

    return adopting


namespace = Namespace(array_api_strict)
