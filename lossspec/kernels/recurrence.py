"""Recurrences as compiled loops: the scan of a `Step`, sequence by sequence, by one kernel for all sizes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from lossspec.autodiff.namespace import leaves_of
from lossspec.dispatch import Backend
from lossspec.kernels import compile as compiler
from lossspec.kernels.ir import ELEMENTS
from lossspec.kernels.loops import StepEmitter
from lossspec.kernels.ready import count
from lossspec.kernels.step import Leaf, rebuilt, record
from lossspec.kernels.switch import is_off
from lossspec.kernels.threads import spread
from lossspec.kernels.trace import Refused
from lossspec.numerics import Step

_MOST_LOOPS = 256
_DTYPES = frozenset(np.dtype(name) for name in ELEMENTS)
"""Those of the order of bytes of this machine, which the name of a dtype does not tell."""


def is_on(backend: Backend, x: Any) -> bool:
    """Say whether recurrences of an array may run as kernels."""
    return not is_off() and not compiler.available() and backend.host(x, strided=True) is not None


def run(backend: Backend, step: Any, carry: Any, xs: Any, reverse: bool) -> tuple[Any, Any] | None:
    """The result of a scan by a kernel; None if the loop in Python has to take it."""
    if not isinstance(step, Step) or is_off() or compiler.available():
        return None
    before = leaves_of(carry)
    hosts: list[Any] = [backend.host(x, strided=True) for x in (*before, *leaves_of(xs))]
    if any(x is None for x in hosts):
        return None
    found = run_flat(step, carry, xs, len(before), hosts, reverse)
    if found is None:
        return None
    last, results, nesting = found
    after = [x if array is None else backend.of_host(array) for x, array in zip(before, last, strict=True)]
    return rebuilt(carry, iter(after)), rebuilt(nesting, iter([backend.of_host(array) for array in results]))


def run_flat(
    step: Step, carry: Any, xs: Any, carried: int, hosts: Sequence[Any], reverse: bool
) -> tuple[list[Any], list[Any], Any] | None:
    """The carry after the last frame, None for what stays as it is, the results, and the tuples that these come in.

    The first of the arrays are carried. `carry` and `xs` give the tuples alone.
    """
    key = (carried, *[(x.ndim, x.dtype) for x in hosts])
    kernel = step.kernels.get(key)
    layout = (reverse, *[(x.shape, x.strides) for x in hosts])
    loop = kernel.loops.get(layout) if isinstance(kernel, Recurrence) else None
    if loop is None:
        sizes = _sizes(hosts, carried, step.moves)
        if sizes is None:
            return None
        if kernel is None:
            kernel = step.kernels[key] = _made(step, carry, xs, carried, hosts)
        if isinstance(kernel, str):
            return None
        if len(kernel.loops) >= _MOST_LOOPS:
            kernel.loops.clear()
        loop = kernel.loops[layout] = Loop(kernel, hosts, *sizes, reverse)
    count()
    last, results = loop(hosts)
    return last, results, loop.nesting


def _made(step: Step, carry: Any, xs: Any, carried: int, hosts: Sequence[Any]) -> Recurrence | str:
    """The kernel of a step for some arrays, or why there is none."""
    leaves = tuple(Leaf(x.ndim - (n >= carried), x.dtype.name, n < carried) for n, x in enumerate(hosts))
    try:
        return Recurrence(step, carry, xs, leaves)
    except Refused as why:
        return str(why)
    except Exception as error:  # whatever LLVM says: the loop in Python has the right answer
        return f"the kernel does not compile: {error}"


def _sizes(hosts: Sequence[Any], carried: int, moves: int) -> tuple[int, int, int] | None:
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
        self.kernel = compiler.compiled(emitter.text(), is_loop=True)
        self.lanes, self.moves = emitter.lanes, step.moves
        self.rows = emitter.constant_rows, emitter.state_rows
        self.kept_out, self.leaves = emitter.kept_out, leaves
        self.results = [(len(recorded.dims[n]), recorded.dtypes[n]) for n in recorded.results]
        self.nesting = recorded.nesting
        self.loops: dict[Any, Loop] = {}
        """By the shapes and strides of the arrays, and the direction."""


class Loop:
    """A kernel with the sizes and strides of a call: all of its block but the addresses of arrays."""

    def __init__(
        self, made: Recurrence, hosts: Sequence[Any], frames: int, batch: int, states: int, reverse: bool
    ) -> None:
        self.nesting = made.nesting
        shapes = {1: (batch,), 2: (batch, states), 3: (made.moves or states, batch, states)}
        self.kernel, self.batch, self.entries = made.kernel, batch, frames * batch * states * (made.moves or states)
        self.in_pieces = [n for n, x in enumerate(hosts) if x.ndim > 1 and x.strides[-1] != x.itemsize]
        """Arrays of which a row is in pieces: they are copied."""
        self.last = [
            None if n in made.kept_out else (shapes[leaf.rank], leaf.dtype)
            for n, leaf in enumerate(made.leaves)
            if leaf.carried
        ]
        self.results = [((frames, *shapes[rank]), dtype) for rank, dtype in made.results]
        self.words = [0, 0, 0, 0, states, frames]  # the last two in the order of the names of `Entries`
        self.addresses: list[tuple[int, int]] = []
        """The places of addresses in the block, and how far in each of the arrays the first frame lies."""
        hosts, last, results = self.arrays(hosts)
        for n, (x, leaf) in enumerate(zip(hosts, made.leaves, strict=True)):
            self.place(x, not leaf.carried, reverse and not leaf.carried)
            if leaf.carried:
                self.place(last[n], False, False)
                del self.words[-3]  # the carry has one distance along frames: none
        for x in results:
            self.place(x, True, reverse)
        self.block = ctypes.c_int64 * len(self.words)
        row = 8 * (-(-states // made.lanes) + 2) * made.lanes
        self.scratch = ctypes.c_char * ((made.rows[0] + made.rows[1] * states) * row + 16 * made.lanes)

    def place(self, x: Any, by_frame: bool, backwards: bool) -> None:
        """Add an array to the block: its address, which a call knows; the distances along frames, units and rows."""
        each, *strides = (0, 0, 0) if x is None else x.strides if by_frame else (0, *x.strides)
        if x is not None:
            self.addresses.append((len(self.words), (x.shape[0] - 1) * each if backwards else 0))
        self.words += [0, -each if backwards else each, strides[len(strides) == 3], strides[0]]

    def arrays(self, hosts: Sequence[Any]) -> tuple[Sequence[Any], list[Any], list[Any]]:
        """The arrays of a call: those given, with rows in one piece; new ones for the last carry and the results."""
        if self.in_pieces:
            hosts = [np.ascontiguousarray(x) if n in self.in_pieces else x for n, x in enumerate(hosts)]
        last = [None if made is None else np.empty(*made) for made in self.last]
        return hosts, last, [_by_sequence(*made) for made in self.results]

    def __call__(self, hosts: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The carry after the last frame, None for what stays as it is, and the results of all frames."""
        hosts, last, results = self.arrays(hosts)
        block, carried = self.block(*self.words), len(last)
        between = [x for pair in zip(hosts, last, strict=False) for x in pair if x is not None]
        for (place, first), x in zip(self.addresses, (*between, *hosts[carried:], *results), strict=True):
            try:
                block[place] = _addressof(_buffer(x)) + first
            except (TypeError, ValueError, BufferError):  # it is read-only, or in pieces
                block[place] = x.__array_interface__["data"][0] + first
        address = ctypes.addressof(block)

        def work(first: int, end: int, held: object = (block, hosts, last, results)) -> None:  # as `Job.run`
            scratch = self.scratch()
            self.kernel(address, first, end, ctypes.addressof(scratch))

        spread(work, self.batch, self.entries)
        return last, results


def _by_sequence(shape: tuple[int, ...], dtype: str) -> Any:
    """A new array whose memory holds all frames of a sequence together: its first axis but for the rows of a frame."""
    axis = max(1, len(shape) - 2)
    whole = np.empty((shape[axis], *shape[:axis], *shape[axis + 1 :]), dtype)
    return whole.transpose((*range(1, axis + 1), 0, *range(axis + 1, len(shape))))


_addressof, _buffer = ctypes.addressof, ctypes.c_char.from_buffer

__all__ = ["Loop", "Recurrence", "is_on", "run", "run_flat"]
