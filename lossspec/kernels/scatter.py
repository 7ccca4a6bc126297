"""Sums of entries by an index along the last axis: the derivative of taking entries, as one pass."""

from __future__ import annotations

import ctypes
from functools import cache
from math import prod
from typing import Any

import numpy as np

from lossspec.kernels import compile as compiler
from lossspec.kernels.emit import Emitter
from lossspec.kernels.front import is_off
from lossspec.kernels.ir import ELEMENTS, V
from lossspec.kernels.memory import Block
from lossspec.kernels.schedule import ENTRIES, Schedule
from lossspec.kernels.threads import spread

_LEAST_WORK = 1 << 16
"""Comparisons of an entry with an index that cost less than a call."""
_WORDS = ("count", "size", "inner", "g", "index", "out", *(f"{x} by {axis}" for x in ("g", "index") for axis in "oik"))


def scattered(g: Any, index: Any, size: int) -> Any:
    """sum_k [index[..., k] == n] g[..., k] for n in range(size), an index below 0 counting from the end; None if small.

    Each sum is formed in float64, one entry after the other.
    """
    count = g.shape[-1]
    if count * size * prod(g.shape[:-1]) < _LEAST_WORK or not size or is_off() or compiler.available():
        return None
    if g.dtype.name not in ("float32", "float64") or index.dtype.name not in ("int32", "int64"):
        return None
    shape = (*g.shape[:-1], size)
    index = np.broadcast_to(index, g.shape)
    if g.ndim > 3:
        g, index = (x.reshape((-1, *x.shape[-2:])) for x in (g, index))
    while g.ndim < 3:
        g, index = g[None], index[None]
    outer, inner, _ = g.shape
    out = np.empty((outer, inner, size), g.dtype)
    kernel = _kernel(ELEMENTS[g.dtype.name], ELEMENTS[index.dtype.name])
    addresses = [x.__array_interface__["data"][0] for x in (g, index, out)]
    words = (count, size, inner, *addresses, *g.strides, *index.strides)
    block = (ctypes.c_int64 * (4 + len(words)))(0, 0, 0, 0, *words)

    def work(first: int, last: int) -> None:
        sums = (ctypes.c_double * size)()
        kernel(ctypes.addressof(block), first, last, ctypes.addressof(sums))

    spread(work, outer * inner, outer * inner * count)
    return out.reshape(shape)


@cache
def _kernel(element: str, integer: str) -> compiler.Kernel:
    """The kernel for some dtypes; a row is one unit of work."""
    e = Emitter(Schedule([], {}, [], [], []), Block(_WORDS, 0, 0, 0), ENTRIES, 1, frozenset(), False)

    def word(name: str, kind: str = "i64") -> V:
        return e.word(e.block.size(name), kind)

    def moved(pointer: V, *offsets: V) -> V:
        for offset in offsets:
            pointer = e.write(f"getelementptr i8, ptr {pointer.text}, i64 {offset.text}", "ptr")
        return pointer

    zero, size = e.constant(0, "i64"), word("size")
    sums = V("%scratch", "ptr")

    def row(number: V) -> None:
        at = e.plus(number, V("%first", "i64"))
        place = e.binary("sdiv", at, word("inner")), e.binary("srem", at, word("inner"))
        rows = {
            name: moved(
                word(name, "ptr"), *(e.times(p, word(f"{name} by {a}")) for p, a in zip(place, "oi", strict=True))
            )
            for name in ("g", "index")
        }

        def clear(n: V) -> None:
            slot = e.write(f"getelementptr double, ptr {sums.text}, i64 {n.text}", "ptr")
            e.do(f"store double 0.0, ptr {slot.text}, align 8")

        def add(k: V) -> None:
            n = e.fetch(moved(rows["index"], e.times(k, word("index by k"))), integer, zero)
            n = n if integer == "i64" else e.convert("sext", n, "i64")
            n = e.select(e.compare("slt", n, zero), e.plus(n, size), n)
            inside, done = e.new("b"), e.new("b")
            e.do(f"br i1 {e.compare('ult', n, size).text}, label {inside}, label {done}")
            e.label(inside)
            x = e.fetch(moved(rows["g"], e.times(k, word("g by k"))), element, zero)
            x = x if element == "double" else e.cast(x, "double")
            slot = e.write(f"getelementptr double, ptr {sums.text}, i64 {n.text}", "ptr")
            total = e.binary("fadd", e.fetch(slot, "double", zero), x)
            e.do(f"store double {total.text}, ptr {slot.text}, align 8")
            e.do(f"br label {done}")
            e.label(done)

        def keep(n: V) -> None:
            total = e.fetch(sums, "double", n)
            total = total if element == "double" else e.cast(total, element)
            place = e.plus(e.times(at, size), n)
            slot = e.write(f"getelementptr {element}, ptr {word('out', 'ptr').text}, i64 {place.text}", "ptr")
            e.do(f"store {element} {total.text}, ptr {slot.text}, align {4 if element == 'float' else 8}")

        e.repeat(size, 1, clear)
        e.repeat(word("count"), 1, add)
        e.repeat(size, 1, keep)

    e.repeat(e.binary("sub", V("%last", "i64"), V("%first", "i64")), 1, row)
    e.do("ret void")
    return compiler.compiled(e.module())


__all__ = ["scattered"]
