"""Entries by their index along the last axis, of a row or of its log-softmax; and back: the derivatives, as one pass.

Backwards, entries of the same index are summed in float64, in an order that depends on nothing but their places.
"""

from __future__ import annotations

import ctypes
from functools import cache
from math import inf, prod
from typing import Any

import numpy as np

from lossspec.kernels import compile as compiler
from lossspec.kernels.ir import V
from lossspec.kernels.rows import ELEMENTS, PassEmitter
from lossspec.kernels.switch import is_off
from lossspec.kernels.threads import spread

_LEAST_WORK = 1 << 16
"""Comparisons of an entry with an index that cost less than a call."""
_APART = 4
_TURNS = (0, 1, 2, 3, 1, 0, 3, 2)
"""The rows of sums that entries go to in turn; if every second one is of the same index, all rows share these too."""
_ROOM = 32
"""Numbers behind a row, for the lanes beyond its end."""
_ARRAYS = ("entries", "index", "row", "logits")
_WORDS = ("count", "size", "inner", *_ARRAYS, *(f"{x} by {axis}" for x in _ARRAYS for axis in "oi"))


def taken(x: Any, index: Any) -> Any:
    """x[..., index[..., k]], of an index whose axes may have size 1; None where array operations do it."""
    return _taken(x, index, False)


def taken_log_softmax(logits: Any, index: Any) -> Any:
    """log_softmax(logits)[..., index[..., k]], likewise."""
    return _taken(logits, index, True)


def scattered(g: Any, index: Any, size: int) -> Any:
    """sum_k [index[..., k] == n] g[..., k] for n in range(size), an index below 0 counting from the end; None if small.

    An index beyond the size is left out.
    """
    if g.shape[-1] * size * prod(g.shape[:-1]) < _LEAST_WORK:
        return None
    return _pass(g, index, np.empty((*g.shape[:-1], size), g.dtype), None, True)


def scattered_log_softmax(g: Any, index: Any, logits: Any) -> Any:
    """The derivative of `taken_log_softmax` in the logits, times the cotangent g."""
    return _pass(g, index, np.empty(logits.shape, g.dtype), logits, True)


def _taken(x: Any, index: Any, is_normalised: bool) -> Any:
    if index.size and not (-x.shape[-1] <= index.min() and index.max() < x.shape[-1]):
        return None  # which is an error of the array operation
    out = np.empty((*x.shape[:-1], index.shape[-1]), x.dtype)
    return _pass(out, index, x, x if is_normalised else None, False)


def _pass(entries: Any, index: Any, row: Any, logits: Any, is_pull: bool) -> Any:
    """One pass over rows [outer inner size] and entries of them [outer inner count], of which one is the result."""
    result = row if is_pull else entries
    size, count = row.shape[-1], entries.shape[-1]
    if not result.size or not count or is_off() or compiler.available():
        return None
    known = (entries, row) if logits is None else (entries, row, logits)
    if any(x.dtype != row.dtype for x in known) or row.dtype not in ELEMENTS:
        return None
    index = np.where(index < 0, index + size, index)
    index = np.where((index < 0) | (index > size), size, index).astype(np.int64)
    index = np.broadcast_to(index, (*np.broadcast_shapes(index.shape[:-1], entries.shape[:-1]), count))
    arrays = [_rows(x) for x in (entries, index, row, row if logits is None else logits)]
    words = (count, size, arrays[0].shape[1], *(x.__array_interface__["data"][0] for x in arrays))
    strides = [stride for x in arrays for stride in x.strides[:2]]
    block = (ctypes.c_int64 * (4 + len(_WORDS)))(0, 0, 0, 0, *words, *strides)
    kernel = _kernel(ELEMENTS[row.dtype], logits is not None, is_pull)
    rows = prod(arrays[0].shape[:2])

    def work(first: int, last: int, held: object = arrays) -> None:  # as `Job.run`
        scratch = (ctypes.c_double * ((_APART + 1) * (size + _ROOM)))()
        kernel(ctypes.addressof(block), first, last, ctypes.addressof(scratch))

    spread(work, rows, rows * (size + count))
    return result


def _rows(x: Any) -> Any:
    """An array with three axes, the last of them in one piece."""
    if x.ndim > 3:
        x = x.reshape((-1, *x.shape[-2:]))
    while x.ndim < 3:
        x = x[None]
    in_one_piece = x.flags.aligned and (x.strides[-1] == x.itemsize or x.shape[-1] == 1)
    return x if in_one_piece else np.ascontiguousarray(x)


class RowEmitter(PassEmitter):
    """The text of a pass."""

    def __init__(self, element: str, is_normalised: bool, is_pull: bool) -> None:
        super().__init__(element, _WORDS)
        self.is_normalised, self.is_pull = is_normalised, is_pull

    def begin(self) -> None:
        """Find the rows of sums and of powers, and their distance, `space`."""
        self.space = self.plus(self.named("size"), self.constant(_ROOM, "i64"))
        places = [self.times(self.space, self.constant(k, "i64")) for k in range(_APART + 1)]
        *self.sums, self.powers = (self.at(V("%scratch", "ptr"), place, "double") for place in places)

    def row(self, at: V) -> None:
        """All work of one row."""
        place = self.binary("sdiv", at, self.named("inner")), self.binary("srem", at, self.named("inner"))
        rows = []
        for name in _ARRAYS:
            pointer = self.named(name, "ptr")
            for index, axis in zip(place, "oi", strict=True):
                offset = self.times(index, self.named(f"{name} by {axis}"))
                pointer = self.write(f"getelementptr i8, ptr {pointer.text}, i64 {offset.text}", "ptr")
            rows.append(pointer)
        (self.pull if self.is_pull else self.read)(*rows)

    def read(self, entries: V, index: V, row: V, _: V) -> None:
        """Write the entries that an index names."""
        count, lanes = self.named("count"), self.lanes
        common = self.normaliser(row)[:2] if self.is_normalised else ()

        def some(k: V) -> None:
            mask = self.inside(k, count)
            places = self.gather(index, "i64", k, self.constant(1, "i64"), mask)
            found = self.gather(row, self.element, places, self.constant(0, "i64"), mask)
            for x in common:
                found = self.binary("fsub", found, x)
            self.scatter(found, entries, k, self.constant(1, "i64"), mask)

        self.repeat(count, lanes, some)

    def pull(self, entries: V, index: V, row: V, logits: V) -> None:
        """Write the sums of entries by their index, less their share of the softmax; of a row of zeros, zeros."""
        size, count, lanes, one = self.named("size"), self.named("count"), self.lanes, self.constant(1, "i64")
        some, whole = self.variable("i1", lanes), [self.variable("double") for _ in range(_APART)]
        self.put(self.constant(0, "i1"), some)

        def look(k: V) -> None:
            x = self.gather(entries, self.element, k, one, self.inside(k, count))
            is_some = self.compare("une", x, self.constant(0.0, self.element))
            self.put(self.binary("or", self.get(some), is_some), some)

        self.repeat(count, lanes, look)
        idle, busy, done = (self.new("b") for _ in range(3))
        self.do(f"br i1 {self.any_of(self.get(some)).text}, label {busy}, label {idle}")
        self.label(idle)
        zero = self.constant(0.0, self.element)
        self.repeat(size, lanes, lambda j: self.scatter(zero, row, j, one, self.inside(j, size)))
        self.do(f"br label {done}")
        self.label(busy)
        self.sum_up(entries, index, whole)
        if self.is_normalised:
            self.balance(row, logits, whole)
        else:
            self.repeat(size, lanes, lambda j: self.scatter(self.summed(j), row, j, one, self.inside(j, size)))
        self.do(f"br label {done}")
        self.label(done)

    def sum_up(self, entries: V, index: V, whole: list[V]) -> None:
        """Add entries up by their index, in rows that take turns, so that no sum waits for the one before it."""
        count, zero = self.named("count"), self.constant(0, "i64")
        nothing = self.constant(0.0, "double", self.lanes)

        def clear(j: V) -> None:
            for sums in self.sums:
                self.do(f"store {nothing.type} {nothing.text}, ptr {self.at(sums, j, 'double').text}, align 8")

        def add(k: V, sums: V, all_sums: V) -> None:
            x = self.wide(self.fetch(entries, self.element, k))
            slot = self.at(sums, self.fetch(index, "i64", k), "double")
            total = self.binary("fadd", self.fetch(slot, "double", zero), x)
            self.do(f"store double {total.text}, ptr {slot.text}, align 8")
            self.put(self.binary("fadd", self.get(all_sums), x), all_sums)

        def turns(k: V) -> None:
            for place, turn in enumerate(_TURNS):
                add(self.plus(k, self.constant(place, "i64")), self.sums[turn], whole[turn])

        def rest(k: V) -> None:
            turn = self.binary("and", k, self.constant(_APART - 1, "i64"))
            add(self.plus(even, k), self.at(self.sums[0], self.times(turn, self.space), "double"), whole[0])

        self.repeat(self.plus(self.named("size"), self.constant(1, "i64")), self.lanes, clear)
        for total in whole:
            self.put(self.constant(0.0, "double"), total)
        even = self.binary("and", count, self.constant(-len(_TURNS), "i64"))
        self.repeat(even, len(_TURNS), turns)
        self.repeat(self.binary("sub", count, even), 1, rest)

    def total(self, parts: list[V]) -> V:
        """A sum of sums, by twos."""
        while len(parts) > 1:
            parts = [self.binary("fadd", a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    def summed(self, j: V) -> V:
        """The sums from an index on."""
        return self.narrow(self.total([self.part(sums, j, "double") for sums in self.sums]))

    def balance(self, row: V, logits: V, whole: list[V]) -> None:
        """Write sums less their share of the softmax; that of the likeliest class is minus the sum of the others."""
        size, lanes = self.named("size"), self.lanes
        _, _, (place, rest) = self.normaliser(logits)
        total = self.total([self.get(x) for x in whole])
        share = self.binary("fdiv", total, self.binary("fadd", self.constant(1.0, "double"), rest))
        share, others = self.splat(self.narrow(share), lanes), self.variable("double", lanes)
        self.put(self.constant(0.0, "double"), others)

        def less_share(j: V) -> None:
            power = self.part(self.powers, j, self.element)
            found = self.binary("fsub", self.summed(j), self.binary("fmul", power, share))
            is_other = self.compare("ne", self.each(j), place)
            kept = self.select(is_other, self.wide(found), self.constant(0.0, "double"))
            self.put(self.binary("fadd", self.get(others), kept), others)
            self.scatter(found, row, j, self.constant(1, "i64"), self.inside(j, size))

        self.repeat(size, lanes, less_share)
        self.settle(self.at(row, place, self.element), self.reduce(self.get(others), "fadd"))

    def settle(self, where: V, others: V) -> None:
        """Write minus the sum of the others."""
        least = self.narrow(self.write(f"fneg double {others.text}", "double"))
        self.do(f"store {least.type} {least.text}, ptr {where.text}, align 4")

    def normaliser(self, logits: V) -> tuple[V, V, tuple[V, V]]:
        """The largest logit and the log of the sum of the ratios to it; the place of that logit, the sum of the others.

        The ratios are left in memory. Of ties the last is the largest. NaN is in the sum.
        """
        size, lanes = self.named("size"), self.lanes
        best, rest, ties, at = (self.variable(x, lanes) for x in (self.element, "double", "double", "i64"))
        for variable, first in ((best, -inf), (rest, 0.0), (ties, 0.0), (at, 0)):
            self.put(self.constant(first, variable.element), variable)

        def compare(j: V) -> None:
            x, so_far = self.part(logits, j, self.element, -inf), self.get(best)
            self.put(self.select(self.compare("ogt", x, so_far), x, so_far), best)

        self.repeat(size, lanes, compare)
        top = self.splat(self.reduce(self.get(best), "llvm.maximum"), lanes)

        def add(j: V) -> None:
            x = self.part(logits, j, self.element, -inf)
            power = self.function("exp", self.binary("fsub", x, top))
            where = self.at(self.powers, j, self.element)
            self.do(f"store {power.type} {power.text}, ptr {where.text}, align 4")
            # In a row without a number above -inf the lanes behind its end are as large; no class of theirs has memory.
            is_top = self.binary("and", self.compare("oeq", x, top), self.inside(j, size))
            zero = self.constant(0.0, "double")
            self.put(self.binary("fadd", self.get(rest), self.select(is_top, zero, self.wide(power))), rest)
            self.put(self.binary("fadd", self.get(ties), self.select(is_top, self.constant(1.0, "double"), zero)), ties)
            self.put(self.select(is_top, self.each(j), self.get(at)), at)

        self.repeat(size, lanes, add)
        more = self.binary("fsub", self.reduce(self.get(ties), "fadd"), self.constant(1.0, "double"))
        total = self.binary("fadd", self.reduce(self.get(rest), "fadd"), more)
        less = self.splat(self.narrow(self.function("log1p", total)), lanes)
        return top, less, (self.reduce(self.get(at), "llvm.smax"), total)


@cache
def _kernel(element: str, is_normalised: bool, is_pull: bool) -> compiler.Kernel:
    """The kernel for some dtypes."""
    return compiler.compiled(RowEmitter(element, is_normalised, is_pull).text())


__all__ = ["RowEmitter", "scattered", "scattered_log_softmax", "taken", "taken_log_softmax"]
