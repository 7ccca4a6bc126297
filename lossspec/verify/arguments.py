"""From the argument names of a contract to those of somebody's function: given, the same, usual, or by position."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lossspec.contract import Contract
from lossspec.errors import LossSpecError

FIRST = """predictions prediction preds pred y_pred yhat y_hat input inputs output outputs logits logit scores x z
    probabilities probs prob p log_probabilities log_probs log_predictions predicted estimate"""
SECOND = "targets target labels label y_true y truth true t gt ground_truth expected reference"
OPTIONS = {
    "reduction": ("reduction",),
    "sample_weight": ("sample_weight", "sample_weights", "weights"),
    "where": ("where", "mask"),
    "where_entries": ("where_entries",),
    "class_weight": ("class_weight", "class_weights"),
    "ignore_index": ("ignore_index", "ignore_class"),
    "empty": ("empty",),
}
"""The names that the common keywords have elsewhere. `weight` is none of them: it weighs classes in one library and
examples in the next."""


class TargetError(LossSpecError):
    """A target that cannot be called as the loss that it is said to be; the message says what to do."""


@dataclass(frozen=True)
class Form:
    """A callable and its parameters; those of a constructor among them, where each call makes its object."""

    function: Callable[..., Any]
    inputs: tuple[inspect.Parameter, ...]
    keywords: tuple[str, ...]
    constructor: Callable[..., Any] | None = None
    any_keyword: bool = False

    def invoke(self, given: Mapping[str, Any]) -> Any:
        """Call it with arguments by their names; what has no name is called by its position."""
        kinds = {p.name: p.kind for p in self.inputs}
        first = [name for name in kinds if name in given and kinds[name] is inspect.Parameter.POSITIONAL_ONLY]
        named = {name: value for name, value in given.items() if name not in first}
        if self.constructor is None:
            return self.function(*(given[name] for name in first), **named)
        made = self.constructor(**{name: value for name, value in named.items() if name not in kinds})
        return made(*(given[name] for name in first), **{name: x for name, x in named.items() if name in kinds})


def form_of(target: Any, count: int) -> Form:
    """The form of a function, an object or a class whose objects are called; `count` inputs where it does not say."""
    if inspect.isclass(target):
        method = next((getattr(target, name) for name in ("forward", "call") if hasattr(target, name)), target.__call__)
        inputs = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]
        taken = inspect.signature(target.__init__).parameters.values()
        keywords = tuple(p.name for p in taken if p.name != "self" and p.kind in _NAMED)
        return Form(target, _fixed(inputs, count), keywords, target)
    method = getattr(target, "forward", target)
    try:
        parameters = list(inspect.signature(method).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not say what it takes
        parameters = []
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    inputs = list(_fixed(parameters, count))
    return Form(target, tuple(inputs), tuple(p.name for p in inputs if p.kind in _NAMED), any_keyword=open_ended)


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _fixed(parameters: list[inspect.Parameter], count: int) -> tuple[inspect.Parameter, ...]:
    """The parameters with names of their own; of a function that takes any, as many as there are inputs."""
    fixed = [p for p in parameters if p.kind in (*_NAMED, inspect.Parameter.POSITIONAL_ONLY)]
    if not any(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in fixed):
        made = (inspect.Parameter(f"_{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(count))
        return (*made, *fixed)
    return tuple(fixed)


@dataclass(frozen=True)
class Matched:
    """The name that a target has for each argument of a contract, and the inputs that were matched by position."""

    names: Mapping[str, str]
    by_position: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"{ours}={theirs}" for ours, theirs in self.names.items()]
        guess = f" (by position: {', '.join(self.by_position)})" if self.by_position else ""
        return ", ".join(words) + guess


def match(contract: Contract, form: Form, given: Mapping[str, str]) -> Matched:
    """The mapping of the arguments: what is given, then equal names, then usual ones, then positions."""
    ours = [argument.name for argument in contract.inputs]
    theirs = [p.name for p in form.inputs]
    known = {*theirs, *form.keywords}
    tail = [*(argument.name for argument in contract.parameters), *contract.tail]
    for name, other in given.items():
        if name not in (*ours, *tail):
            raise TargetError(
                f"--map {name}={other}: {contract.name} has no argument {name!r}; it has {', '.join([*ours, *tail])}"
            )
        if other not in known and not form.any_keyword:
            raise TargetError(
                f"--map {name}={other}: the target has no argument {other!r}; it has {', '.join(sorted(known))}"
            )
    names = dict(given)
    names.update({name: name for name in [*ours, *tail] if name not in names and name in known})
    for group in (FIRST.split(), SECOND.split()):
        for name in ours:
            free = [other for other in theirs if other not in names.values()]
            usual = next((other for other in free if other.lower() in group), None)
            if name in group and name not in names and usual is not None:
                names[name] = usual
    for name in tail:
        if name not in names:
            usual = next((other for other in OPTIONS.get(name, ()) if other in known - set(names.values())), None)
            names.update({} if usual is None else {name: usual})
    places = []
    for name in ours:
        if name not in names:
            free = [p.name for p in form.inputs if p.name not in names.values() and p.kind is not p.KEYWORD_ONLY]
            if not free:
                raise TargetError(
                    f"the target takes {', '.join(theirs) or 'nothing'}, and none of them is left for `{name}` of "
                    f"{contract.name}. Fix: --map {name}=NAME"
                )
            names[name] = free[0]
            places.append(name)
    needed = [
        p.name
        for p in form.inputs
        if p.default is p.empty and p.name not in names.values() and p.kind in (*_NAMED, p.POSITIONAL_ONLY)
    ]
    if needed:
        raise TargetError(
            f"the target needs {', '.join(needed)}, which no argument of {contract.name} stands for. "
            f"Fix: --map ARGUMENT={needed[0]}, with one of {', '.join([*ours, *tail])}"
        )
    return Matched(names, tuple(places))
