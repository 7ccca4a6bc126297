"""A step of a recurrence, recorded as it is written, on tiny arrays whose axes have different primes for sizes.

Its arrays are [batch], [batch states] or [moves batch states]: of a sequence a number, a row, or some rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossspec.autodiff.functions import make_input
from lossspec.autodiff.namespace import leaves_of, traced_backend
from lossspec.autodiff.tape import Tape, make_program
from lossspec.dispatch import get_backend
from lossspec.kernels.nodes import FLOATS
from lossspec.kernels.trace import Dim, Item, Merge, Refused

STATES, BATCH = "states", "batch"
_SIZES = ({BATCH: 11, STATES: 13}, {BATCH: 31, STATES: 37})


@dataclass(frozen=True)
class Leaf:
    """An array that a step takes: its number of axes and its dtype; an array of the carry, or of the frames."""

    rank: int
    dtype: str
    carried: bool


@dataclass(frozen=True)
class Recorded:
    """The steps of one frame, with symbolic axes; the first values are the leaves."""

    leaves: tuple[Leaf, ...]
    items: Mapping[int, Item]
    dims: Mapping[int, tuple[Dim, ...]]
    dtypes: Mapping[int, str]
    carried: tuple[int, ...]
    """The values of the carry after the frame."""
    results: tuple[int, ...]
    """The values that are stacked over the frames."""
    nesting: Any
    """The tuples that these come in."""


def rebuilt(nested: Any, leaves: Iterator[Any]) -> Any:
    """Such tuples with other arrays."""
    return tuple(rebuilt(item, leaves) for item in nested) if isinstance(nested, tuple) else next(leaves)


def record(step: Callable[[Any, Any], Any], carry: Any, xs: Any, leaves: tuple[Leaf, ...], moves: int) -> Recorded:
    """Record a step twice, on arrays of tiny sizes; `carry` and `xs` give the nesting alone."""
    backend = traced_backend(get_backend("numpy"))
    programs, shapes, dtypes = [], [], []
    for sizes in _SIZES:
        axes = (moves or sizes[STATES], sizes[BATCH], sizes[STATES])
        found = {0: (), 1: (axes[1],), 2: axes[1:], 3: axes}
        with Tape(backend, records_all=True) as tape:
            inputs = [
                make_input(tape, np.full(found[x.rank], 0.25 if x.dtype in FLOATS else 1, dtype=x.dtype))
                for x in leaves
            ]
            given = iter(inputs)
            after, results = step(rebuilt(carry, given), rebuilt(xs, given))
            outputs = [*leaves_of(after), *leaves_of(results)]
            if not all(type(x) is type(inputs[0]) for x in outputs):
                raise Refused("a result of its step is constant")
            nodes = [x.node for x in inputs]
            programs.append(make_program(tape, nodes, outputs))
            nodes += tape.nodes
            shapes.append({n: tuple(node.shape) for n, node in enumerate(nodes)})
            dtypes.append({n: str(np.dtype(node.dtype)) for n, node in enumerate(nodes)})
    merge = Merge(*_SIZES)
    items = {}
    for one, other in zip(*(program.steps for program in programs), strict=True):
        if (one.function, one.output) != (other.function, other.output):
            raise Refused("its step depends on sizes")
        operands = tuple(merge.operand(a, b) for a, b in zip(one.operands, other.operands, strict=True))
        keywords = {key: merge.operand(x, other.keywords[key]) for key, x in one.keywords.items()}
        items[one.output] = Item(one.function, operands, keywords, one.output)
    dims = {
        n: tuple(merge.dim(a, b) for a, b in zip(shape, shapes[1][n], strict=True)) for n, shape in shapes[0].items()
    }
    indices = [x.index for x in programs[0].result]
    count = sum(x.carried for x in leaves)
    nesting = rebuilt(results, iter([None] * len(indices)))
    return Recorded(leaves, items, dims, dtypes[0], tuple(indices[:count]), tuple(indices[count:]), nesting)


__all__ = ["BATCH", "STATES", "Leaf", "Recorded", "rebuilt", "record"]
