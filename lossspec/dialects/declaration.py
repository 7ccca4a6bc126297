"""The declaration of another library's function: a function from its arguments to one call of ours.

A declaration has the name, the arguments, their order and the defaults of the function that it stands for, and returns
a `Call`. Given arrays, the call is run; given words, it is what `lossspec port` prints. So there is one statement of
how the two relate, and no second implementation of a loss.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossspec import ContractError, DTypeError, Loss, LossSpecError, MixtureError
from lossspec import value_and_grad as differentiate
from lossspec.dialects.words import Word
from lossspec.dispatch import is_array

Array = Any


class ArgumentError(ContractError, RuntimeError):
    """An argument that the other library refuses too; a `ValueError` and a `RuntimeError`, as it raises either."""


class ArgumentTypeError(ArgumentError, DTypeError):
    """An argument of a type that the other library refuses too."""


@dataclass(frozen=True)
class Call:
    """A call of one of our losses, and what is done with its result.

    `then` takes the result to what the other library returns: another factor, shape or sum.
    """

    loss: Loss
    arguments: Mapping[str, Any]
    then: Callable[[Array], Array] | None = None

    def run(self) -> Array:
        """The value of the call."""
        return self.finish(self.loss(**self.arguments))

    def finish(self, result: Array) -> Array:
        """From the result of the loss to that of the other library."""
        return result if self.then is None else self.then(result)


def call(loss: Loss, /, *, then: Callable[[Array], Array] | None = None, **arguments: Any) -> Call:
    """The call of a loss with the arguments that are given, those of them that are None left out."""
    return Call(loss, {name: value for name, value in arguments.items() if value is not None}, then)


@dataclass(eq=False)
class Function:
    """A function of another library, on the arrays of any framework; its signature is the library's."""

    declare: Callable[..., Call | Array]
    called: str
    """The way users of the library write it."""
    differs: tuple[str, ...] = ()
    """The places where our values are not those of the library, and why."""
    signature: inspect.Signature = field(init=False)

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.declare)
        self.signature = inspect.signature(self.declare)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """The value that the library's function gives."""
        self._bind(arguments, keywords)
        try:
            made = self.declare(*arguments, **keywords)
            return made.run() if isinstance(made, Call) else made
        except ArgumentError:
            raise
        except DTypeError as error:
            raise ArgumentTypeError(f"{self.called}: {error}") from error
        except ContractError as error:
            raise ArgumentError(f"{self.called}: {error}") from error
        except MixtureError as error:
            raise ArgumentTypeError(f"{self.called}: {error}") from error

    def _bind(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> inspect.BoundArguments:
        try:
            return self.signature.bind(*arguments, **keywords)
        except TypeError as error:
            names = ", ".join(map(str, self.signature.parameters.values()))
            raise TypeError(f"{self.called}: {error}. Fix: it takes ({names})") from None

    def value_and_grad(self, *arguments: Any, wrt: str | Sequence[str] | None = None, **keywords: Any) -> Any:
        """The value and its gradient in the first argument, or in those that `wrt` names, on any framework's arrays.

        Torch and JAX differentiate themselves; `lossspec.value_and_grad` does it for the others.
        """
        bound = self._bind(arguments, keywords).arguments
        first = next((name for name, value in bound.items() if is_array(value)), "")
        names = (first,) if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
        for name in names:
            if name not in bound:
                raise ArgumentError(f"{self.called}: `wrt` names {name!r}; the call has {', '.join(bound)}")
        rest = {name: value for name, value in bound.items() if name not in names}

        def scalar(*given: Any) -> Array:
            return self(**rest, **dict(zip(names, given, strict=True)))

        value, gradients = differentiate(scalar, tuple(range(len(names))))(*(bound[name] for name in names))
        return value, gradients[0] if wrt is None or isinstance(wrt, str) else gradients

    def in_words(self, *arguments: Any, **keywords: Any) -> Call:
        """The call of ours that a call makes, where words stand for the arrays."""
        self._bind(arguments, keywords)
        try:
            made = self.declare(*arguments, **keywords)
        except (AttributeError, DTypeError) as error:  # it asks for more of an array than a word has
            made = error
        if not isinstance(made, Call):
            raise ArgumentError(f"{self.called} is no loss: no one call of a loss equals it")
        return made

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of the arguments that are arrays: those without a default, and targets that may be left out."""
        given = self.signature.parameters.items()
        return tuple(
            name for name, p in given if p.default is inspect.Parameter.empty or name in ("targets", "y_proba")
        )

    def __repr__(self) -> str:
        return f"<{self.called}{self.signature}>"


def declared(module: str, *differs: str) -> Callable[[Callable[..., Any]], Function]:
    """A declaration as the function of a library whose users write `module.name`."""

    def declare(function: Callable[..., Any]) -> Function:
        return Function(function, f"{module}.{function.__name__}", differs)

    return declare


def refuse(condition: Any, message: str) -> None:
    """Raise what the other library raises where a fact about the arguments holds; a word has no facts."""
    if not isinstance(condition, Word) and condition:
        raise ArgumentError(message)


def one_of(what: str, given: Any, allowed: Sequence[Any]) -> Any:
    """The argument, which is one of those that the library knows."""
    if given not in allowed:
        known = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{given} is not a valid value for {what}. Fix: it is one of {known}")
    return given


class Configured:
    """A class of another library whose objects are a function with some of its arguments fixed.

    `takes` is the function, and the constructor keeps the arguments that it fixes.
    """

    takes: Function

    def keep(self, **arguments: Any) -> None:
        """Fix arguments of the function."""
        self._kept = arguments
        for name, value in arguments.items():
            setattr(self, name, value)

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """The value that an object of the library gives."""
        return self.takes(*inputs, **named, **{name: getattr(self, name) for name in self._kept})

    def value_and_grad(self, *inputs: Any, **named: Any) -> Any:
        """See `Function.value_and_grad`."""
        return self.takes.value_and_grad(*inputs, **named, **{name: getattr(self, name) for name in self._kept})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._kept)})"


__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Call",
    "Configured",
    "Function",
    "LossSpecError",
    "call",
    "declared",
    "one_of",
    "refuse",
]
