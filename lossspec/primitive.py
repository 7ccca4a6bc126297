"""Primitives: functions that declare their own derivative, where differentiating their steps loses digits or passes.

One declaration serves every backend: a rule on our tape, an `autograd.Function` of Torch, a `custom_jvp` of JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

from lossspec.dispatch import backend_of
from lossspec.terms import Array

Pull: TypeAlias = Callable[[Array], Array]
"""From a cotangent of the value to the cotangent of one operand."""

PullAll: TypeAlias = Callable[[Array, Sequence[bool]], list[Array | None]]
"""From a cotangent of the value to those of the operands that are wanted."""


class Primitive:
    """A function of arrays, row by row, that declares its derivative.

    The body takes a namespace and the operands, and returns the value and one `Pull` an operand (None for integers),
    which share what the value has computed. The value has the leading axes of the operands; its entry at an index
    depends on the entries of the operands at that index alone, with all of their trailing axes: `row_axes` of them for
    the first operand. So `pull(1)` holds all derivatives, and the body may run on a block of rows at a time.

    The body is Array API code without framework or branch, so that derivatives of any order go through its steps.
    """

    def __init__(
        self, body: Callable[..., tuple[Array, tuple[Pull | None, ...]]], row_axes: int, blocks: bool = True
    ) -> None:
        self.body = body
        self.row_axes = row_axes
        self.blocks = blocks
        self.__name__ = body.__name__
        self.__doc__ = body.__doc__
        self.__wrapped__ = body

    def __call__(self, *operands: Array) -> Array:
        """The value, which knows its derivative under any differentiation."""
        backend = backend_of(operands[0])
        return backend.apply(self, operands)

    def value(self, xp: Any, operands: Sequence[Array], block: int = 0) -> Array:
        """The value alone; computed in blocks of so many elements, if `block` says so."""
        rows = self._rows(xp, operands, block)
        if rows is None:
            return self.body(xp, *operands)[0]
        leading, step, flat = rows
        values = [self.body(xp, *(x[start : start + step, ...] for x in flat))[0] for start in _starts(flat, step)]
        return xp.reshape(xp.concat(values), leading)

    def value_and_kept(self, xp: Any, operands: Sequence[Array], block: int = 0) -> tuple[Array, tuple[Array, ...]]:
        """The value, and what a `linearize` of the same operands may take in place of computing it."""
        return self.value(xp, operands, block), ()

    def linearize(
        self, xp: Any, operands: Sequence[Array], block: int = 0, kept: tuple[Array, ...] = ()
    ) -> tuple[Array, PullAll]:
        """The value, and what pulls a cotangent of it back to the operands; to be called once."""
        rows = self._rows(xp, operands, block)
        if rows is None:
            value, pulls = self.body(xp, *operands)
            return value, lambda g, wanted: _pull(pulls, g, wanted)
        leading, step, flat = rows
        starts = _starts(flat, step)
        parts: list[Any] = [self.body(xp, *(x[start : start + step, ...] for x in flat)) for start in starts]
        value = xp.reshape(xp.concat([part[0] for part in parts]), leading)
        waiting = [part[1] for part in reversed(parts)]
        del parts

        def pull_all(g: Array, wanted: Sequence[bool]) -> list[Array | None]:
            g = xp.reshape(g, (-1,))
            pieces = [_pull(waiting.pop(), g[start : start + step], wanted) for start in starts]
            return [
                xp.reshape(xp.concat([piece[number] for piece in pieces]), x.shape) if wanted[number] else None
                for number, x in enumerate(operands)
            ]

        return value, pull_all

    def push(self, xp: Any, operands: Sequence[Array], tangents: Sequence[Array | None]) -> tuple[Array, Array]:
        """The value, and its tangent for those of the operands; None is 0."""
        value, pulls = self.body(xp, *operands)
        ones, total = xp.ones_like(value), None
        for pull, tangent in zip(pulls, tangents, strict=True):
            if pull is not None and tangent is not None:
                moved = pull(ones) * tangent
                beyond = tuple(range(len(value.shape), len(moved.shape)))
                moved = xp.sum(moved, axis=beyond) if beyond else moved
                total = moved if total is None else total + moved
        return value, xp.zeros_like(value) if total is None else total

    def _rows(self, xp: Any, operands: Sequence[Array], block: int) -> tuple[tuple[int, ...], int, list[Array]] | None:
        """The leading shape, the rows in a block and the operands as rows; None where one block is all there is."""
        first = operands[0].shape
        if not (block and self.blocks) or prod(first) < 2 * block:
            return None
        leading = first[: len(first) - self.row_axes]
        rank, count = len(leading), prod(leading)
        if not rank or any(x.shape[:rank] != leading for x in operands):
            return None
        step = max(1, block * count // prod(first))
        return leading, step, [x if rank == 1 else xp.reshape(x, (count, *x.shape[rank:])) for x in operands]

    def __repr__(self) -> str:
        return f"<primitive {self.__name__}>"


def primitive(
    row_axes: int, blocks: bool = True
) -> Callable[[Callable[..., tuple[Array, tuple[Pull | None, ...]]]], Primitive]:
    """Make a primitive of its body; `row_axes` trailing axes of the first operand become one entry of the value.

    A body of few steps has no `blocks`: to put them together would cost more than temporaries that leave the cache.
    """
    return lambda body: Primitive(body, row_axes, blocks)


def _starts(flat: Sequence[Array], step: int) -> range:
    return range(0, flat[0].shape[0], step)


def _pull(pulls: Sequence[Pull | None], g: Array, wanted: Sequence[bool]) -> list[Array | None]:
    return [pull(g) if pull is not None and want else None for pull, want in zip(pulls, wanted, strict=True)]
