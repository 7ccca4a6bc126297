"""Recurrences as compiled loops: the scan of a `Step`, sequence by sequence, by one kernel for all sizes."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from lossspec.dispatch import Backend
from lossspec.kernels import compile as compiler
from lossspec.kernels.front import count, is_off
from lossspec.kernels.ir import ELEMENTS
from lossspec.kernels.loops import StepEmitter
from lossspec.kernels.step import Leaf, flat, rebuilt, record
from lossspec.kernels.threads import spread
from lossspec.kernels.trace import Refused
from lossspec.numerics import Step

_DTYPES = frozenset(np.dtype(name) for name in ELEMENTS)
"""Those of the order of bytes of this machine, which the name of a dtype does not tell."""


def is_on(backend: Backend, x: Any) -> bool:
    """Say whether recurrences of an array may run as kernels."""
    return not is_off() and not compiler.available() and backend.host(x, strided=True) is not None


def run(backend: Backend, step: Any, carry: Any, xs: Any, reverse: bool) -> tuple[Any, Any] | None:
    """The result of a scan by a kernel; None if the loop in Python has to take it."""
    if not isinstance(step, Step) or is_off() or compiler.available():
        return None
    before, frames = flat(carry), flat(xs)
    hosts: list[Any] = [backend.host(x, strided=True) for x in (*before, *frames)]
    if any(x is None for x in hosts):
        return None
    sizes = _sizes(hosts, len(before), step.moves)
    if sizes is None:
        return None
    key = (len(before), *((x.ndim, x.dtype) for x in hosts))
    kernel = step.kernels.get(key)
    if kernel is None:
        leaves = tuple(Leaf(x.ndim - (n >= len(before)), x.dtype.name, n < len(before)) for n, x in enumerate(hosts))
        try:
            kernel = Recurrence(step, carry, xs, leaves)
        except Refused as why:
            kernel = str(why)
        except Exception as error:  # whatever LLVM says: the loop in Python has the right answer
            kernel = f"the kernel does not compile: {error}"
        step.kernels[key] = kernel
    if isinstance(kernel, str):
        return None
    last, results = kernel(hosts, *sizes, reverse)
    count()
    after = [x if array is None else backend.of_host(array) for x, array in zip(before, last, strict=True)]
    found = iter([backend.of_host(array) for array in results])
    return rebuilt(carry, iter(after)), rebuilt(kernel.nesting, found)


def _sizes(hosts: list[Any], carried: int, moves: int) -> tuple[int, int, int] | None:
    """The numbers of frames, sequences and states; None where a kernel has another idea of the axes."""
    frames = hosts[carried].shape[0]
    axes = None
    for n, x in enumerate(hosts):
        shape = x.shape if n < carried else x.shape[1:]
        if len(shape) in (2, 3) and axes is None:
            axes = shape[-2:]
        if (n >= carried and x.shape[0] != frames) or x.dtype not in _DTYPES:
            return None
    if axes is None or 0 in axes or not frames:
        return None
    known = {1: axes[:1], 2: axes, 3: (moves or axes[1], *axes)}
    for n, x in enumerate(hosts):
        shape = x.shape if n < carried else x.shape[1:]
        if shape != known.get(len(shape)):
            return None
    return frames, *axes


class Recurrence:
    """The kernel of a step, for arrays of some dtypes."""

    def __init__(self, step: Step, carry: Any, xs: Any, leaves: tuple[Leaf, ...]) -> None:
        recorded = record(step, carry, xs, leaves, step.moves)
        narrow = any(leaf.dtype == "float32" for leaf in leaves)
        emitter = StepEmitter(recorded, 16 if narrow else 8)
        self.kernel = compiler.compiled(emitter.text())
        self.lanes, self.moves = emitter.lanes, step.moves
        self.rows = emitter.constant_rows, emitter.state_rows
        self.kept_out, self.leaves = emitter.kept_out, leaves
        self.results = [(len(recorded.dims[n]), recorded.dtypes[n]) for n in recorded.results]
        self.nesting = recorded.nesting

    def __call__(
        self, hosts: list[Any], frames: int, batch: int, states: int, reverse: bool
    ) -> tuple[list[Any], list[Any]]:
        """The carry after the last frame, None for what stays as it is, and the results of all frames."""
        shapes = {1: (batch,), 2: (batch, states), 3: (self.moves or states, batch, states)}
        hosts = [x if x.strides[-1] == x.itemsize or x.ndim < 2 else np.ascontiguousarray(x) for x in hosts]
        last = [
            None if n in self.kept_out or not leaf.carried else np.empty(shapes[leaf.rank], leaf.dtype)
            for n, leaf in enumerate(self.leaves)
        ]
        results = [_by_sequence((frames, *shapes[rank]), dtype) for rank, dtype in self.results]
        words = [states, frames]  # in the order of the names of `Entries`
        for n, (x, leaf) in enumerate(zip(hosts, self.leaves, strict=True)):
            words += _place(x[::-1] if reverse and not leaf.carried else x, not leaf.carried)
            if leaf.carried:
                at, _, *strides = _place(last[n], False)
                words += [at, *strides]
        for x in results:
            words += _place(x[::-1] if reverse else x, True)
        block = (ctypes.c_int64 * (4 + len(words)))(0, 0, 0, 0, *words)
        address = ctypes.addressof(block)
        row = 8 * (-(-states // self.lanes) + 2) * self.lanes
        size = (self.rows[0] + self.rows[1] * states) * row + 16 * self.lanes

        def work(first: int, end: int) -> None:
            scratch = (ctypes.c_char * size)()
            self.kernel(address, first, end, ctypes.addressof(scratch))

        spread(work, batch, frames * batch * states * (self.moves or states))
        return [x for x, leaf in zip(last, self.leaves, strict=True) if leaf.carried], results


def _by_sequence(shape: tuple[int, ...], dtype: str) -> Any:
    """A new array whose memory holds all frames of a sequence together: its first axis but for the rows of a frame."""
    axis = max(1, len(shape) - 2)
    whole = np.empty((shape[axis], *shape[:axis], *shape[axis + 1 :]), dtype)
    return np.moveaxis(whole, 0, axis)


def _place(x: Any, by_frame: bool) -> tuple[int, ...]:
    """The address of an array and the distances in bytes along frames, units and rows; of none, zeros."""
    if x is None:
        return 0, 0, 0, 0
    each, *strides = x.strides if by_frame else (0, *x.strides)
    return x.__array_interface__["data"][0], each, strides[len(strides) == 3], strides[0]


__all__ = ["Recurrence", "is_on", "run"]
