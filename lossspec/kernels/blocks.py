"""Rows of a block of logits, each with a label that may lie outside: the sums of the other classes, and the shares."""

from __future__ import annotations

import ctypes
from functools import cache
from math import inf
from typing import Any

import numpy as np

from lossspec.kernels import compile as compiler
from lossspec.kernels.accumulate import Extreme
from lossspec.kernels.ir import V
from lossspec.kernels.rows import ELEMENTS, PassEmitter
from lossspec.kernels.switch import is_off
from lossspec.kernels.threads import spread

_WORDS = ("size", "count", "logits", "labels", "top", "scale", "of_label", "out")


def sums_of_others(logits: Any, labels: Any) -> Any:
    """The largest logit of each row without its label, and the sum of the exponentials relative to it: [2 rows]."""
    return _pass(np.empty((2, logits.shape[0]), logits.dtype), logits, labels)


def shares(logits: Any, labels: Any, top: Any, scale: Any, of_label: Any) -> Any:
    """exp(logits - top) scale, and `of_label` at the label of each row."""
    return _pass(np.empty_like(logits), logits, labels, top, scale, of_label)


def _pass(out: Any, logits: Any, labels: Any, *of_rows: Any) -> Any:
    """One pass over [rows size] logits; None where array operations do it."""
    if not logits.size or is_off() or compiler.available() or logits.dtype not in ELEMENTS:
        return None
    if any(x.dtype != logits.dtype for x in of_rows) or labels.dtype.kind not in "iu":
        return None
    numbers = (np.ascontiguousarray(x) for x in of_rows)
    arrays = np.ascontiguousarray(logits), np.ascontiguousarray(labels, np.int64), *numbers
    at = [x.__array_interface__["data"][0] for x in arrays]
    rows, size = logits.shape
    at += [0] * (5 - len(at))
    words = 0, 0, 0, 0, size, rows, *at, out.__array_interface__["data"][0]
    block = (ctypes.c_int64 * len(words))(*words)
    kernel = _kernel(ELEMENTS[logits.dtype], bool(of_rows))

    def work(first: int, last: int, held: object = (arrays, out)) -> None:  # as `Job.run`
        kernel(ctypes.addressof(block), first, last, 0)

    spread(work, rows, logits.size)
    return out


class BlockEmitter(PassEmitter):
    """The text of a pass."""

    def __init__(self, element: str, is_pull: bool) -> None:
        super().__init__(element, _WORDS)
        self.is_pull = is_pull

    def row(self, at: V) -> None:
        """All work of one row."""
        logits = self.at(self.named("logits", "ptr"), self.times(at, self.named("size")), self.element)
        label = self.fetch(self.named("labels", "ptr"), "i64", at)
        (self.write_shares if self.is_pull else self.write_sums)(at, logits, label)

    def write_sums(self, at: V, logits: V, label: V) -> None:
        """Write the largest of the others and their sum, which NaN is in."""
        lanes = self.lanes
        largest, total = Extreme(self, "max", self.element, lanes), self.variable("double", lanes)
        self.put(self.constant(0.0, "double"), total)

        def others(j: V) -> V:
            x = self.part(logits, j, self.element, -inf)
            return self.select(self.is_at(label, j), self.constant(-inf, self.element), x)

        def add(j: V) -> None:
            power = self.function("exp", self.binary("fsub", others(j), safe))
            self.put(self.binary("fadd", self.get(total), self.wide(power)), total)

        self.repeat(self.named("size"), lanes, lambda j: largest.add(others(j)))
        top = largest.of_all()
        is_none = self.compare("oeq", top, self.constant(-inf, self.element))
        safe = self.splat(self.select(is_none, self.constant(0.0, self.element), top), lanes)
        self.repeat(self.named("size"), lanes, add)
        out, behind = self.named("out", "ptr"), self.plus(at, self.named("count"))
        for place, x in ((at, top), (behind, self.narrow(self.reduce(self.get(total), "fadd")))):
            self.do(f"store {x.type} {x.text}, ptr {self.at(out, place, self.element).text}, align 4")

    def write_shares(self, at: V, logits: V, label: V) -> None:
        """Write the shares of a row."""
        size, lanes, one = self.named("size"), self.lanes, self.constant(1, "i64")
        top, scale, of_label = (
            self.splat(self.fetch(self.named(name, "ptr"), self.element, at), lanes)
            for name in ("top", "scale", "of_label")
        )
        out = self.at(self.named("out", "ptr"), self.times(at, size), self.element)

        def some(j: V) -> None:
            power = self.function("exp", self.binary("fsub", self.part(logits, j, self.element), top))
            found = self.select(self.is_at(label, j), of_label, self.binary("fmul", power, scale))
            self.scatter(found, out, j, one, self.inside(j, size))

        self.repeat(size, lanes, some)


@cache
def _kernel(element: str, is_pull: bool) -> compiler.Kernel:
    """The kernel for a dtype."""
    return compiler.compiled(BlockEmitter(element, is_pull).text())


__all__ = ["BlockEmitter", "shares", "sums_of_others"]
