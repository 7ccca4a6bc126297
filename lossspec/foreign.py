"""Tools for the backend of a framework that knows only its own arrays: operators that step back, adapted namespaces.

While a function is differentiated without the framework's help, its arrays meet traced ones. Python asks the left
operand of an operator first. An array class that raises there for a foreign operand, where it should return
NotImplemented, never lets the traced one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any

_ARITHMETIC = "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor".split()  # noqa: SIM905
_COMPARISONS = "lt le gt ge eq ne".split()  # noqa: SIM905
OPERATORS = tuple(f"__{name}__" for name in (*_ARITHMETIC, *(f"r{name}" for name in _ARITHMETIC), *_COMPARISONS))
"""The methods of binary operators."""

Adopt = Callable[[Any], Any]


def as_it_is(result: Any) -> Any:
    """The result, unchanged."""
    return result


def stepping_back(operator: Callable[[Any, Any], Any], adopt: Adopt = as_it_is) -> Callable[[Any, Any], Any]:
    """An operator of an array class that returns NotImplemented to a traced array, so that the latter answers.

    >>> class Number(int): ...
    >>> class Traced:
    ...     lossspec_backend = "some backend"
    ...     def __radd__(self, other):
    ...         return "traced"
    >>> Number.__add__ = stepping_back(int.__add__)
    >>> Number(1) + Traced()
    'traced'
    """

    @wraps(operator)
    def method(self: Any, other: Any) -> Any:
        return NotImplemented if hasattr(other, "lossspec_backend") else adopt(operator(self, other))

    return method


def step_back(kind: type, base: type, adopt: Adopt = as_it_is) -> None:
    """Give a subclass all operators of its base, stepping back for traced arrays."""
    for name in OPERATORS:
        if hasattr(base, name):
            setattr(kind, name, stepping_back(getattr(base, name), adopt))


def dropping(function: Callable[..., Any], *keywords: str) -> Callable[..., Any]:
    """The same function, which takes some keywords and leaves them out: `device` where there is one device.

    >>> dropping(sorted, "device")([2, 1], device="cpu")
    [1, 2]
    """

    @wraps(function)
    def called(*arguments: Any, **given: Any) -> Any:
        return function(*arguments, **{name: value for name, value in given.items() if name not in keywords})

    return called


class Namespace(ModuleType):
    """A namespace over another: arguments are released and results adopted, and some names are changed.

    `release` takes the arrays of the base out of those of a wrapper, within lists and tuples of arguments too. Each
    function is made when it is first asked for.

    >>> import math
    >>> half = Namespace(math, adopt=lambda x: x / 2, changes={"double": lambda x: 2 * x})
    >>> half.sqrt(16), half.double(3), half.pi == math.pi
    (2.0, 6, True)
    """

    def __init__(
        self,
        base: Any,
        adopt: Adopt = as_it_is,
        changes: Mapping[str, Any] | None = None,
        release: Adopt | None = None,
    ) -> None:
        super().__init__(base.__name__)
        self._base, self._adopt, self._changes, self._release = base, adopt, dict(changes or {}), release

    def __getattr__(self, name: str) -> Any:
        if name in self._changes:
            found = self._changes[name]
        else:
            found = getattr(self._base, name)
            if isinstance(found, ModuleType):
                found = Namespace(found, self._adopt, release=self._release)
            elif callable(found) and not isinstance(found, type):
                found = self._adopting(found)
        setattr(self, name, found)  # the next look-up does not come here
        return found

    def _adopting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        adopt, release = self._adopt, self._release

        def released(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return type(value)(map(released, value))
            return value if release is None else release(value)

        @wraps(function)
        def adopting(*arguments: Any, **keywords: Any) -> Any:
            if release is not None:
                arguments, keywords = released(arguments), {name: released(x) for name, x in keywords.items()}
            return adopt(function(*arguments, **keywords))

        return adopting

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._base), *self._changes})
