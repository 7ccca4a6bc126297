"""A term of one's own, how it is drawn, and a loss that uses it: `lossspec check --module own_term`, in this folder."""

from dataclasses import dataclass

import numpy as np
from mpmath import fsum

from lossspec import Interval, Term, loss
from lossspec.conformance.sampling import Sampler, register
from lossspec.numerics import array_namespace
from lossspec.terms import Real


@dataclass(frozen=True)
class UnitVector(Term):
    """A term whose last axis is one object, a direction: that decides what is outside its domain."""

    @property
    def domain(self):
        return "rows on the last axis have length 1"

    @property
    def row_axes(self):
        return 1

    def outside(self, xp, x, facts):
        rounding = 8 * x.shape[-1] * float(xp.finfo(x.dtype).eps) + (facts.get("eps") or 0.0)  # of half precision
        return ~(xp.abs(xp.sum(x * x, axis=-1) - 1) <= rounding)


class Directions(Sampler):
    """Typical directions lie anywhere on the sphere, those at the edge along an axis."""

    def typical(self, term, random, shape, facts):
        rows = random.normal(size=shape)
        return rows / np.sqrt(np.sum(rows * rows, axis=-1, keepdims=True))

    def edges(self, term, random, shape, facts):
        along = np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]
        return along * random.choice(np.asarray([-1.0, 1.0]), (*shape[:-1], 1))


Direction = UnitVector("Direction", "a direction, as a vector of length 1")
register(Direction, Directions())

Concentration = Term(  # members of an interval need no sampler
    "Concentration",
    "how closely directions lie together",
    Interval(0.0, lower_closed=False, upper_closed=False),
    neutral=1.0,
)


def define(predictions, targets, *, concentration):
    """The textbook formula on one unit."""
    return concentration * (fsum((p - t) ** 2 for p, t in zip(predictions, targets, strict=True)) / 2)


@loss(
    family="directions",
    unit="direction",
    source="von Mises and Fisher, without their constant",
    definition=define,
    perfect={"predictions": "targets"},
)
def direction_error(
    predictions: Direction["*batch dim"],
    targets: Direction["*batch dim"],
    *,
    concentration: Concentration["#*batch"] = 1.0,
) -> Real["*batch"]:
    """One less the cosine of the angle between two directions, times their concentration."""
    xp = array_namespace(predictions)
    difference = predictions - targets
    return concentration * (xp.sum(difference * difference, axis=-1) / 2)  # 1 - cos without the cancellation


if __name__ == "__main__":
    from lossspec.conformance.matrix import plan, run
    from lossspec.conformance.store import Store

    for cell in run(plan([direction_error], ["numpy", "strict"]), Store()):
        print(f"{cell.backend} {cell.dtype}: {cell.status}, worst error {cell.value_error:.2f}, {cell.checks} checks")
        assert cell.status == "pass", cell.failures
