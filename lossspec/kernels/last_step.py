"""The last step of an aggregate, from averages to the loss: recorded once, with its derivative, then run on numbers.

It is a handful of operations on float64 numbers, or on short rows of them. To record and differentiate it in each call
would take longer than the kernels of a small call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lossspec.autodiff.functions import make_input, value_and_grad
from lossspec.autodiff.namespace import traced_backend
from lossspec.autodiff.tape import Tape, make_program
from lossspec.dispatch import get_backend
from lossspec.kernels.straight import Run, Straight


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
    return Straight(program, backend.base.namespace, [np.ones(shape)] * count).function()


__all__ = ["record"]
