"""Calls of losses over paths: recorded the second time, and from then on array operations with nothing between.

A recurrence is no single pass: its call is a chain of array operations around compiled loops. On small arrays most of
the time goes into what leads from one to the next: checks, plans, the tape. All of it follows from shapes, dtypes and
options. Where a call has looked at values (are all weights positive?), the chain holds for the same answer only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import repeat
from math import prod
from typing import Any

import numpy as np

from lossspec.autodiff.array import Traced, innermost_tape
from lossspec.autodiff.functions import make_input
from lossspec.autodiff.namespace import TracedBackend, leaves_of, values_of
from lossspec.autodiff.rules import Rule
from lossspec.autodiff.tape import NO_KEYWORDS, Node, Tape, make_program
from lossspec.dispatch import get_backend
from lossspec.kernels import recurrence
from lossspec.kernels.request import Request
from lossspec.kernels.step import rebuilt
from lossspec.kernels.straight import Run, Straight
from lossspec.numerics import Step

_MOST_ENTRIES = 1 << 20
"""The size of the largest array of a call that is recorded: while it is, all arrays between are kept. On a larger one
little time goes into what leads from one operation to the next."""
_MOST_STEPS = 2000

_CALL, _PICK, _CHECK = Rule("call", ()), Rule("getitem", ()), Rule("stop_gradient", ())


class Recorder(TracedBackend):
    """The backend of calls that are recorded: loops over frames, and passes over rows, are steps of the program."""

    def scan(self, step: Any, carry: Any, xs: Any, reverse: bool = False) -> tuple[Any, Any]:
        """A recurrence, recorded as one step."""
        given = leaves_of((carry, xs))
        tape = innermost_tape(given)
        if tape is None or not tape.records_all or not isinstance(step, Step):
            return super().scan(step, carry, xs, reverse)
        plain = iter([values_of(x) for x in given])
        nested = self.base.scan(step, rebuilt(carry, plain), rebuilt(xs, plain), reverse)
        carried = len(leaves_of(carry))
        carry, xs = (rebuilt(x, repeat(None)) for x in (carry, xs))  # tuples alone: nothing of this call is kept

        def loop(*arrays: Any) -> list[Any]:
            known = recurrence.run_flat(step, carry, xs, carried, arrays, reverse)
            if known is None:
                leaves = iter(arrays)
                return leaves_of(self.base.scan(step, rebuilt(carry, leaves), rebuilt(xs, leaves), reverse))
            last, results, _ = known
            return [*(x if y is None else y for x, y in zip(arrays, last, strict=False)), *results]

        found = _recorded(tape, _CALL, (loop, *given), _Results(leaves_of(nested)))
        same = {id(values_of(x)): x for x in given}  # what no frame changes comes back as it is
        last, ys = rebuilt(
            nested,
            iter(
                [
                    same[id(x)] if id(x) in same else _recorded(tape, _PICK, (found, place), x)
                    for place, x in enumerate(found.value)
                ]
            ),
        )
        return last, ys

    def one_pass(self, name: str, *arrays: Any, **sizes: int) -> Any:
        """A pass over rows, recorded as one step."""
        tape = innermost_tape(arrays)
        if tape is None or not tape.records_all:
            return super().one_pass(name, *arrays, **sizes)

        def run(*arrays: Any) -> Any:
            return self.base.one_pass(name, *arrays, **sizes)

        found = run(*map(values_of, arrays))
        return None if found is None else _recorded(tape, _CALL, (run, *arrays), found)

    def compiles_scans(self, x: Any) -> bool:
        """The answer of the backend beneath."""
        return self.base.compiles_scans(values_of(x))

    def all_true(self, flags: Any) -> bool:
        """The answer for the values that there are; the program holds where it is the same."""
        found = self.base.all_true(values_of(flags))
        if type(flags) is Traced:
            flags.tape.record(Node(_CHECK, (flags.node,), NO_KEYWORDS, found, flags))
        return found


class _Results(list[Any]):
    """Arrays that one step gives, which stand for one value of a program."""

    shape, dtype = (), np.dtype(object)


def _recorded(tape: Tape, rule: Rule, operands: Sequence[Any], value: Any) -> Traced:
    """A value, recorded as the result of a step."""
    node = Node(rule, tuple(x.node if type(x) is Traced else x for x in operands), NO_KEYWORDS, None, value)
    tape.record(node)
    return Traced(value, node, tape)


@cache
def _recorder() -> Recorder:
    return Recorder(get_backend("numpy"))


class Replay:
    """Calls of one kind, which no kernel takes whole."""

    def __init__(self, request: Request, is_recurrence: bool) -> None:
        self.is_recurrence = is_recurrence
        self.loss, self.method, self.wrt = request.loss, request.method, request.wrt
        given = request.named()
        self.places = [n for n, x in enumerate(given.values()) if type(x) is np.ndarray]
        self.names = [name for name, x in given.items() if type(x) is np.ndarray]
        self.static = {name: x for name, x in given.items() if type(x) is not np.ndarray}
        self.calls = 0
        self.run: Run | None = None

    def arrays(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Sequence[Any]:
        """The arrays of a call; every call of a plan gives the same options in turn."""
        given = (*inputs, *options.values()) if options else inputs
        return [given[n] for n in self.places]

    def is_small(self, arrays: Sequence[Any]) -> bool:
        """Say whether a call on these arrays may be recorded."""
        return all(prod(x.shape) <= _MOST_ENTRIES for x in arrays)

    def on_numpy(self, arrays: Sequence[Any]) -> Any:
        """The result of the method for NumPy arrays; None where the array path has to find it."""
        self.calls += 1
        if self.run is None:
            if self.calls == 2 and self.is_small(arrays):
                self.run = self._recorded(arrays)
            if self.run is None:
                return None
        found = self.run(*arrays)
        if found is None or self.method == "value":
            return None if found is None else found[0]
        value, *gradients = found
        return value, gradients[0] if self.wrt is None or isinstance(self.wrt, str) else tuple(gradients)

    def _recorded(self, arrays: Sequence[Any]) -> Run | None:
        """The call as a function of its arrays; None if it is better not recorded, or cannot be."""
        try:
            backend = _recorder()
            with np.errstate(all="ignore"), Tape(backend, records_all=True) as tape:
                traced = [make_input(tape, x) for x in arrays]
                given = {**self.static, **dict(zip(self.names, traced, strict=True))}
                results = self._called(given)
                checks = [node for node in tape.nodes if node.rule is _CHECK]
                if len(tape.nodes) > _MOST_STEPS or all(node.rule is not _CALL for node in tape.nodes):
                    return None
                flags = [Traced(None, node.operands[0], tape) for node in checks]
                program = make_program(tape, [x.node for x in traced], [*results, *flags])
                answers = [node.output for node in checks]
                return Straight(program, backend.base.namespace, arrays, answers).function()
        except Exception:  # the array path has the right answer, or says what is wrong
            return None

    def _called(self, given: dict[str, Any]) -> list[Any]:
        """The value, and the gradients if they are asked for, of arrays that are followed."""
        if self.method == "value":
            return [self.loss(**given)]
        value, gradients = self.loss.value_and_grad(**given, wrt=self.wrt)
        return [value, *(gradients if isinstance(gradients, tuple) else (gradients,))]


__all__ = ["Recorder", "Replay"]
