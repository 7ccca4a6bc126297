"""A declared loss as type checkers see it, and the types of the arguments that losses share."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, Protocol, Self, TypeAlias, TypedDict, TypeVar, Unpack

from lossspec.explanation import Explanation
from lossspec.loss import Specified
from lossspec.reduction import Mean, Partial
from lossspec.terms import Array as Result

__all__ = [
    "Any",
    "Array",
    "Arrays",
    "Callable",
    "Empty",
    "Literal",
    "Mean",
    "Number",
    "Numbers",
    "Result",
    "Self",
    "Shards",
    "TypeAlias",
    "Typed",
    "TypedDict",
    "Unpack",
    "Varying",
    "Whole",
    "Wrt",
]

class Array(Protocol):
    """An array of any framework: numbers, text and lists are none."""

    @property
    def shape(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...

_Name = TypeVar("_Name", bound=str)

Arrays: TypeAlias = Sequence[Array]
Shards: TypeAlias = Array | Sequence[Array]
Number: TypeAlias = float | Array
Whole: TypeAlias = int | Array
Numbers: TypeAlias = tuple[float, ...] | Array
Varying: TypeAlias = float | tuple[float, ...] | Array
Empty: TypeAlias = float | Literal["nan"]
Wrt: TypeAlias = _Name | Sequence[_Name] | None

_P = ParamSpec("_P")
_Derivatives = ParamSpec("_Derivatives")

class _Differentiated(Protocol[_Derivatives]):
    def grad(self, *args: _Derivatives.args, **kwargs: _Derivatives.kwargs) -> Any: ...

class Typed(Specified):
    """A loss whose `__call__` and `grad` are written out: its other methods take the same arguments."""

    def per_example(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Result: ...
    def partial(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Partial: ...
    def explain(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Explanation: ...
    def check(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> None: ...
    def value_and_grad(
        self: _Differentiated[_Derivatives], *args: _Derivatives.args, **kwargs: _Derivatives.kwargs
    ) -> tuple[Any, Any]: ...
    def grad_hess(
        self: _Differentiated[_Derivatives], *args: _Derivatives.args, **kwargs: _Derivatives.kwargs
    ) -> tuple[Result, Result]: ...
