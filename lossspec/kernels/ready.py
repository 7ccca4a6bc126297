"""A plan that is ready to run: the kernels of calls of one kind, and how their sums become a result."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np

from lossspec.contract import LENGTH_REDUCTIONS
from lossspec.kernels.programs import Made, Programs
from lossspec.kernels.request import Request
from lossspec.kernels.threads import LEAST_WORK, spread
from lossspec.kernels.trace import Refused, Symbols
from lossspec.keywords import Keywords
from lossspec.plan import Plan
from lossspec.reduction import Mean

_CHUNK = 1 << 14
"""Entries of a chunk: sums over fewer units than these are formed one after the other."""
_SHORT_ROW = 32
_MOST_ENTRIES = 1 << 31
"""Entries of a row whose places an integer of 32 bits does not tell apart."""
_MANY_NODES = 1000
"""Nodes of a program from which on lanes are 16 at most: with 32 of them few numbers stay in registers, and it takes
three times as long to compile."""
_FEW_CHUNKS = 16
"""Chunks whose sums Python adds up sooner than NumPy."""
_MOST_KEPT = 1 << 16
"""Bytes of buffers that a plan keeps for the next call."""

Words = tuple[Sequence[int], object]
"""Addresses of arrays or the bits of numbers, and what keeps the arrays alive."""

NONE: Words = ((), None)

_served = 0


def count() -> None:
    """Count a kernel that has served a call."""
    global _served
    _served += 1


def served() -> int:
    """The number of calls that kernels have served in this process."""
    return _served


@dataclass(frozen=True)
class Known:
    """All of a call that does not depend on the values of its arrays."""

    request: Request
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    keywords: Keywords
    plan: Plan
    unit_shape: tuple[int, ...]
    """The shape of what is a unit to the kernel: with the axes that statistics have of their own."""
    sizes: Mapping[str, int]
    planes: frozenset[str]
    """The inputs whose classes come before pixels."""


class Ready:
    """All that is known of calls of one kind before their values are."""

    def __init__(self, call: Known, programs: Programs) -> None:
        plan, request = call.plan, call.request
        self.method, self.how, self.empty = request.method, call.keywords.reduction, call.keywords.empty
        self.input_names = request.loss.declared.inputs
        self.names = [a.name for a in programs.task.arguments]
        given = (*self.input_names[: len(request.inputs)], *request.options)
        if any(name not in given for name in self.names):
            raise Refused("the loss is configured with an array")
        places = [given.index(name) for name in self.names]
        self.pick: Callable[[Sequence[Any]], Sequence[Any]] = (
            itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))
        )
        self.unit_shape, self.count = plan.unit_shape, prod(plan.unit_shape)
        self.units = 1 if programs.task.whole else prod(call.unit_shape)
        self.dtype = np.dtype(plan.dtype)
        self.scalar: Callable[[Any], Any] = self.dtype.type
        self.programs, self.facts = programs, programs.facts
        self.sizes, self.planes = call.sizes, call.planes
        self.wrt = [self.names.index(name) for name in programs.task.wrt]
        self.varied = [(call.given[name].shape, call.given[name].dtype) for name in programs.task.wrt]
        self.single = request.wrt is None or isinstance(request.wrt, str)
        if self.how == "batch_mean" and not plan.unit_shape:
            raise Refused("the loss of the call is 0-d")
        self.weighted, self.masked = self.facts.weighted, self.facts.masked
        if self.method == "value_and_grad":
            if self.how == "none":
                raise Refused("the call is wrong: only a reduced loss has a gradient")
            if self.by_weights and self.how != "count_mean" and self.facts.weight_varies:
                raise Refused("what the mean divides by depends on what is differentiated")
        if self.method in ("partial", "back") and self.how == "none":
            raise Refused("the call is wrong: nothing to merge")
        if self.method == "back" and self.facts.weight_varies:
            raise Refused("its weights depend on what is differentiated")
        self.ones: Words = ((word(1.0),) * self.facts.cotangents, None)
        self.prepare(call)

    def prepare(self, call: Known) -> None:
        """Make the kernels of the method."""
        if len(self.facts.statistics) != 1:
            raise Refused("it has several statistics")
        if self.programs.task.whole and self.how == "none":
            raise Refused("its units depend on each other")
        needs_pass = self.by_weights and (self.masked or self.weighted)
        divisor = None if self.how == "none" or needs_pass else self.divisor(())
        self.usual = divisor, _scale(divisor)
        """The denominator and the factor of each unit, if no pass over the weights has to find them."""
        self.mass: Job | None = None
        names = {"grad_hess": "hessian", "pull": "pull", "back": "back", "value_and_grad": "gradient"}
        self.main = self.job(names.get(self.method, "each" if self.how == "none" else "value"))
        self.backwards = self.main
        """The kernel that carries the cotangents of totals back."""
        if self.method == "value_and_grad" and needs_pass:
            self.mass = self.job("mass")

    @property
    def by_weights(self) -> bool:
        """Say whether weights or masks may decide the denominator."""
        return self.how in ("mean", "count_mean", *LENGTH_REDUCTIONS)

    def longest(self, rows: Sequence[Symbols]) -> int:
        """The number of entries of the longest row of this call."""
        found = max((prod(self.sizes[s] for s in row) for row in rows), default=1)
        if found >= _MOST_ENTRIES:
            raise Refused("a row has 2^31 entries or more")
        return found

    def job(self, piece: str) -> Job:
        """The kernel of a piece of the program, made if it is new, with the sizes of this call."""
        rows, nodes = self.programs.outline(piece)
        longest = self.longest(rows)
        by_units = longest == 1 or bool(self.planes) or (longest <= _SHORT_ROW and not self.programs.task.whole)
        lanes = 32 if longest == 1 and not rows and self.dtype.itemsize == 4 and nodes < _MANY_NODES else 16
        made = self.programs.made(piece, by_units, lanes, self.planes)
        chunk = max(1, _CHUNK // longest)
        if by_units:
            chunk = max(lanes, chunk // lanes * lanes)
        return Job(
            made,
            (self.units, chunk),
            (self.sizes.get("plane", 1), *(self.sizes[s] for s in made.symbols)),
            -(-self.units // chunk),
            (longest + lanes) * (lanes if by_units else 1) * 8,
            self.units * longest,
        )

    # The call.

    def arrays(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> Sequence[Any]:
        """The arrays of a call in the order of the kernel; every call of a plan gives the same options in turn."""
        return self.pick((*inputs, *options.values()) if options else inputs)

    def on_numpy(self, arrays: Sequence[Any]) -> Any:
        """The result of the method for NumPy arrays."""
        inputs = at(arrays)
        if self.method == "value_and_grad":
            gradients = [np.empty(shape, dtype) for shape, dtype in self.varied]
            value = self.scalar(self.gradient(inputs, at(gradients)))
            return value, gradients[0] if self.single else tuple(gradients)
        if self.method == "grad_hess":
            pair = [np.empty(shape, dtype) for shape, dtype in self.varied * 2]
            self.write(inputs, at(pair))
            return tuple(pair)
        if self.how == "none":
            values = np.empty(self.unit_shape, self.dtype)
            self.write(inputs, at([values]))
            return values
        if self.method == "value":
            return self.scalar(self.value(inputs))
        totals, weight, count = self.totals(inputs)
        exact = np.int64(count) if self.masked else count
        found = tuple(t.astype(self.dtype) if isinstance(t, np.ndarray) else self.scalar(t) for t in totals)
        return found, exact if weight is None else self.scalar(weight), exact

    def gradient(self, inputs: Words, outputs: Words) -> float:
        """The value; gradients are written to where outputs are."""
        if self.mass is None:
            divisor, factor = self.usual
        else:
            divisor = self.divisor(self.mass.run(inputs, NONE, _scale(0)))
            factor = _scale(divisor)
        (total,) = self.main.run(inputs, outputs, factor)
        return total / divisor if divisor else self.finished(total, divisor)

    def write(self, inputs: Words, outputs: Words) -> None:
        """Write what each unit has to where outputs are."""
        self.main.run(inputs, outputs, self.ones)

    def pull(self, inputs: Words, outputs: Words, cotangents: Words) -> None:
        """Write the gradients for the cotangents of all units, which are at addresses."""
        self.main.run(inputs, outputs, cotangents)

    def back(self, inputs: Words, outputs: Words, cotangents: Sequence[Any]) -> None:
        """Write the gradients for the cotangents of the totals."""
        self.backwards.run(inputs, outputs, ([word(float(g)) for g in cotangents], None))

    def totals(self, inputs: Words) -> tuple[tuple[Any, ...], float | None, int]:
        """The sums over the units, that of their weights if they have any, and their number."""
        sums = self.main.run(inputs, NONE, self.ones)
        cut = len(self.facts.statistics)
        weights = sums[cut:]
        return tuple(sums[:cut]), weights[0] if self.weighted else None, int(weights[-1]) if self.masked else self.count

    def value(self, inputs: Words) -> float:
        """The loss."""
        total, *weights = self.main.run(inputs, NONE, NONE)
        return self.finished(total, self.divisor(weights))

    def divisor(self, weights: Sequence[float]) -> float | None:
        """The denominator, from the sum of the weights and the count, as far as there are any."""
        if self.by_weights and self.how != "count_mean" and self.weighted:
            return weights[0]
        if self.by_weights:
            return weights[-1] if self.masked else self.count
        if self.how == "batch_mean":
            return self.unit_shape[0]
        return self.how.over if isinstance(self.how, Mean) else None

    def finished(self, total: float, divisor: float | None) -> float:
        """The mean, or `empty` where it is over nothing."""
        if divisor is None:
            return total
        if divisor == 0:
            return total * 0.0 + self.empty if isinstance(self.how, Mean) else self.empty
        return total / divisor


class Job:
    """A kernel with the sizes of a call."""

    def __init__(
        self, made: Made, head: tuple[int, ...], sizes: tuple[int, ...], chunks: int, buffer: int, entries: int
    ) -> None:
        self.kernel, self.sums, self.head, self.sizes = made.kernel, made.sums, head, sizes
        self.chunks, self.buffer, self.entries = chunks, buffer, entries
        self.totals = ctypes.c_double * max(1, self.sums * chunks)
        self.block = ctypes.c_int64 * made.words
        self.scratch = ctypes.c_char * max(1, buffer * made.buffers)
        first = len(head) + 1 + len(sizes)
        self.first = first * ctypes.sizeof(ctypes.c_int64)
        """The place in the block of what differs from call to call."""
        self.pack = struct.Struct(f"{made.words - first - 1}q").pack_into
        self.is_alone = chunks == 1 or entries < 2 * LEAST_WORK
        """True if no other thread is worth being woken."""
        self.last = ctypes.c_int64(chunks)
        self.keeps = self.is_alone and ctypes.sizeof(self.scratch) <= _MOST_KEPT
        self.frames: list[tuple[Any, ...]] = []
        """Memory of calls that have ended. A call takes one out for itself, so that threads never share one."""

    def run(self, inputs: Words, outputs: Words, cotangents: Words) -> Sequence[float]:
        """The sums; outputs are written to. A cotangent is the word of a number, or the address of all of them.

        A signal may end a call while other threads still read and write: their work holds what they use.
        """
        try:
            frame = self.frames.pop()
        except IndexError:
            frame = self._frame()
        block, totals, _, call = frame
        self.pack(block, self.first, *cotangents[0], *inputs[0], *outputs[0])
        count()
        if self.is_alone:
            self.kernel(*call)
            found = self.summed(totals)
            if self.keeps:
                self.frames.append(frame)
            return found

        def work(first: int, last: int, held: object = (frame, inputs, outputs, cotangents)) -> None:
            scratch = self.scratch()
            self.kernel(call[0], first, last, ctypes.addressof(scratch))

        spread(work, self.chunks, self.entries)
        return self.summed(totals)

    def summed(self, totals: Any) -> Sequence[float]:
        """The sums of all chunks, in an order that follows from their number alone."""
        chunks, count = self.chunks, self.sums
        if chunks == 1:
            found: Sequence[float] = totals[:count]
            return found
        if chunks <= _FEW_CHUNKS:
            return [sum(totals[k * chunks : (k + 1) * chunks]) for k in range(count)]
        rows = np.ctypeslib.as_array(totals)[: count * chunks].reshape(count, chunks)
        return [float(np.add.reduce(row)) for row in rows]

    def _frame(self) -> tuple[Any, ...]:
        """The memory of a call: its block, with all that no call changes, its sums, its buffers, and what is called."""
        totals, scratch = self.totals(), self.scratch() if self.is_alone else (ctypes.c_char * 1)()
        block = self.block(*self.head, ctypes.addressof(totals), *self.sizes)
        block[-1] = self.buffer
        pointers = ctypes.c_void_p(ctypes.addressof(block)), ctypes.c_void_p(ctypes.addressof(scratch))
        call = pointers[0], _FIRST, self.last, pointers[1]  # made once: a call converts nothing
        return block, totals, scratch, call


def at(arrays: Sequence[Any]) -> Words:
    """The addresses of NumPy arrays: from their buffers, which is quick, unless one is read-only."""
    try:
        return [_addressof(_buffer(x)) for x in arrays], arrays
    except (TypeError, ValueError, BufferError):
        return [x.__array_interface__["data"][0] for x in arrays], arrays


_addressof, _buffer = ctypes.addressof, ctypes.c_char.from_buffer


def word(value: float) -> int:
    """The 64 bits of a float64."""
    found: int = _WORD.unpack(_DOUBLE.pack(value))[0]
    return found


def _scale(divisor: float | None) -> Words:
    """The factor of each unit under a denominator."""
    return (word(1.0 if divisor is None else 1.0 / divisor if divisor != 0 else 0.0),), None


_FIRST = ctypes.c_int64(0)
_WORD, _DOUBLE = struct.Struct("q"), struct.Struct("d")

__all__ = ["NONE", "Job", "Known", "Ready", "Words", "at", "count", "served", "word"]
