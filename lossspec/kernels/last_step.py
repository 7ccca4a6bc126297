"""The last step of an aggregate, from averages to the loss: recorded once, with its derivative, then run on numbers.

It is a handful of operations on float64 numbers, or on short rows of them. To record and differentiate it in each call
would take longer than the kernels of a small call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lossspec.autodiff.functions import make_input, value_and_grad
from lossspec.autodiff.namespace import traced_backend
from lossspec.autodiff.tape import DType, Program, Tape, Value, function_named, make_program
from lossspec.dispatch import get_backend

Run = Callable[..., list[Any]]
"""Takes averages, gives a list of results."""

_OF_SHAPES = ("ones_like", "zeros_like")


def record(last: Callable[..., Any], count: int, shape: tuple[int, ...], differentiated: bool) -> Run:
    """A step on so many arrays of one shape as a function that gives its value, and its derivatives if asked for."""
    backend = traced_backend(get_backend("numpy"))
    with Tape(backend, records_all=True) as tape:
        averages = [make_input(tape, np.ones(shape)) for _ in range(count)]
        if differentiated:
            value, gradients = value_and_grad(last, tuple(range(count)))(*averages)
            results = [value, *gradients]
        else:
            results = [last(*averages)]
        program = make_program(tape, [x.node for x in averages], results)
    return _prepared(program, backend.base.namespace)


def _prepared(program: Program, xp: Any) -> Run:
    """A program as a function: names are looked up, and what follows from no values computed, once."""
    count = len(program.shapes)
    values: list[Any] = [np.ones(shape) for shape in program.shapes]
    values += [None] * (max((step.output for step in program.steps), default=count - 1) + 1 - count)
    varies = set(range(count))
    steps: list[tuple[Callable[..., Any], list[int], dict[str, Any], int]] = []

    def take(function: Callable[..., Any], operands: Sequence[Any], keywords: dict[str, Any], output: int) -> int:
        places = [place(x) for x in operands]
        values[output] = function(*[values[n] for n in places], **keywords)
        if function.__name__ not in _OF_SHAPES and not varies.isdisjoint(places):
            varies.add(output)
            steps.append((function, places, keywords, output))
        return output

    def place(x: Any) -> int:
        """The place of an operand among the values."""
        if type(x) is Value:
            return x.index
        values.append(None)
        if type(x) in (list, tuple):
            kind = type(x)
            return take(lambda *items: kind(items), x, {}, len(values) - 1)
        values[-1] = getattr(xp, x.name) if type(x) is DType else x
        return len(values) - 1

    for step in program.steps:
        take(function_named(xp, step.function), step.operands, dict(step.keywords), step.output)
    results = [place(x) for x in program.result]

    def run(*averages: Any) -> list[Any]:
        found = [*averages, *values[count:]]
        for function, places, keywords, output in steps:
            found[output] = function(*[found[n] for n in places], **keywords)
        return [found[n] for n in results]

    return run


__all__ = ["record"]
