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
from typing import TYPE_CHECKING, Any, ClassVar

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

    `then` takes the result to what the other library returns: another factor, shape or sum. Where words stand for the
    arrays, `said` is the text of that.
    """

    loss: Loss
    arguments: Mapping[str, Any]
    then: Callable[[Array], Array] | None = None
    said: str = "{0}"

    def run(self) -> Array:
        """The value of the call."""
        return self.finish(self.loss(**self.arguments))

    def finish(self, result: Array) -> Array:
        """From the result of the loss to that of the other library."""
        return result if self.then is None else self.then(result)


def call(loss: Loss, /, *, then: Callable[[Array], Array] | None = None, said: str = "{0}", **arguments: Any) -> Call:
    """The call of a loss with the arguments that are given, those of them that are None left out."""
    return Call(loss, {name: value for name, value in arguments.items() if value is not None}, then, said)


def bound_to(
    called: str, signature: inspect.Signature, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a call by name, or an error that lists those that there are."""
    try:
        return signature.bind(*arguments, **keywords)
    except TypeError as error:
        names = ", ".join(map(str, signature.parameters.values()))
        raise TypeError(f"{called}: {error}. Fix: it takes ({names})") from None


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
        except TypeError:
            self._bind(arguments, keywords)  # names what is wrong with the arguments; a compiler cannot follow it
            raise

    def _bind(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> inspect.BoundArguments:
        return bound_to(self.called, self.signature, arguments, keywords)

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


def refuse(condition: Any, message: str, *shown: Any) -> None:
    """Raise what the other library raises where a fact about the arguments holds; a word has no facts.

    Numbers that are symbols under a compiler stand in `shown`: it cannot write one into a message that nobody reads.
    """
    if not isinstance(condition, Word) and condition:
        raise ArgumentError(message.format(*shown) if shown else message)


def one_of(what: str, given: Any, allowed: Sequence[Any]) -> Any:
    """The argument, which is one of those that the library knows."""
    if given not in allowed:
        known = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{given} is not a valid value for {what}. Fix: it is one of {known}")
    return given


class Declared:
    """A class of another library: `order` has the arguments of its constructor, those after "*" by name alone.

    An argument has the default that the declaration of the class gives it, else that of `usual`, else that of the
    function of the same arguments. Those in `usual` belong to the object; all others are options of the loss.
    """

    usual: ClassVar[Mapping[str, Any]] = {}
    __signature__: ClassVar[inspect.Signature]

    if TYPE_CHECKING:  # the arguments

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls, order: str | None = None, takes: Function | None = None, **defaults: Any) -> None:
        super().__init_subclass__()
        if order is None:
            return
        known = {} if takes is None else {name: p.default for name, p in takes.signature.parameters.items()}
        known = {**known, **cls.usual, **defaults}
        plain, _, named = order.partition("*")
        kinds = ((plain, inspect.Parameter.POSITIONAL_OR_KEYWORD), (named, inspect.Parameter.KEYWORD_ONLY))
        arguments = [
            inspect.Parameter(name, kind, default=known[name]) for names, kind in kinds for name in names.split()
        ]
        cls.__signature__ = inspect.Signature(arguments)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        bound = bound_to(type(self).__name__, self.__signature__, arguments, keywords)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)
        self.settle()

    def settle(self) -> None:
        """Refuse what the library refuses, once the arguments are set."""

    @property
    def options(self) -> dict[str, Any]:
        """The options of the loss that the object fixes."""
        return {name: getattr(self, name) for name in self.__signature__.parameters if name not in self.usual}

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in vars(self).items() if name in self.__signature__.parameters)
        return f"{type(self).__name__}({', '.join(given)})"


class Configured(Declared):
    """A class whose objects are the function `takes` with its options fixed."""

    takes: ClassVar[Function]

    def __init_subclass__(cls, takes: Function | None = None, order: str | None = None, **defaults: Any) -> None:
        super().__init_subclass__(order, takes, **defaults)
        if takes is not None:
            cls.takes = takes

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """The value that an object of the library gives."""
        return self.takes(*inputs, **named, **self.options)

    def value_and_grad(self, *inputs: Any, **named: Any) -> Any:
        """See `Function.value_and_grad`."""
        return self.takes.value_and_grad(*inputs, **named, **self.options)


__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Call",
    "Configured",
    "Declared",
    "Function",
    "LossSpecError",
    "call",
    "declared",
    "one_of",
    "refuse",
]
