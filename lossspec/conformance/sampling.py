"""Draws of members of a term's domain for checks: a sampler for each term.

A term without a sampler of its own is drawn from its interval. One that decides by itself what lies outside its domain
needs a sampler, which `register` takes from anybody:

    register(Direction, Directions())

What is drawn is the same on every processor. A change reaches the cases of losses that have no vectors yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec import terms
from lossspec.contract import Argument, Contract
from lossspec.errors import LossSpecError
from lossspec.terms import CLASSES, Facts, Term

# The last bits of NumPy's exp and log depend on AVX-512.
draw_exp: Callable[[Any], NDArray[Any]] = np.vectorize(math.exp, otypes=[np.float64])
draw_log: Callable[[Any], NDArray[Any]] = np.vectorize(math.log, otypes=[np.float64])


class Sampler:
    """Members of the interval of a term; a subclass draws what no interval says.

    `extremes` are numbers at the edge of the domain and far out, `spread` is that of typical ones. The facts of a call
    are the sizes of its axes and the values of its parameters, by name.
    """

    directed = False
    """True if rows are vectors, of which the direction counts."""

    def __init__(self, *, extremes: tuple[float, ...] = (), spread: float = 1.0) -> None:
        self.extremes = extremes
        self.spread = spread

    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        """Typical members of the domain."""
        low, high = term.interval.lower, term.interval.upper
        if np.isfinite(low) and np.isfinite(high):
            return random.uniform(low, high, shape)
        values = random.normal(0.0, self.spread, shape)
        if np.isfinite(low):
            return low + draw_exp(values) / 2
        return values if not np.isfinite(high) else high - draw_exp(values) / 2

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        """Members at the edge of the domain and far out, mixed with typical ones."""
        typical = self.typical(term, random, shape, facts)
        if not self.extremes:
            return typical
        far = random.choice(np.asarray(self.extremes), shape)
        return np.where(random.random(shape) < 0.6, far, typical)


def typical(term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
    """Typical members of a term."""
    return sampler_of(term).typical(term, random, shape, facts)


def edges(term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
    """Members of a term at the edge of its domain and far out, mixed with typical ones."""
    return sampler_of(term).edges(term, random, shape, facts)


def typical_inputs(contract: Contract, sizes: Mapping[str, int], seed: int = 0) -> dict[str, Any]:
    """Typical inputs of a loss by name; axes that no size is given for have that of the contract, or else 3."""
    random = np.random.default_rng(seed)
    facts: dict[str, Any] = {parameter.name: parameter.default for parameter in contract.parameters}
    facts |= {**contract.sizes, **sizes}

    def one(argument: Argument, item: int) -> NDArray[Any]:
        term = argument.terms[0]
        assert term.shape is not None, "an input is an array"
        sizes: list[int] = []
        for axis in term.shape.axes:
            size = axis.size or facts.setdefault(axis.name, 3)
            sizes += size if isinstance(size, tuple) else [size if axis.size else size + axis.per_item * item]
        return typical(term, random, tuple(sizes), facts)

    return {a.name: [one(a, 0), one(a, 1)] if a.many else one(a, 0) for a in contract.inputs}


def register(term: Term, sampler: Sampler) -> None:
    """Draw a term, whatever its shape, with this sampler from now on."""
    _samplers[term.bare] = sampler


def sampler_of(term: Term) -> Sampler:
    """The sampler of a term: the registered one, or that of its interval."""
    found = _samplers.get(term.bare)
    if found is None and type(term).outside is not Term.outside:
        raise LossSpecError(
            f"the term {term.name} decides by itself what is outside its domain, and no sampler draws members of it. "
            f"Fix: lossspec.conformance.sampling.register({term.name}, sampler)."
        )
    return found or _INTERVAL


_INTERVAL = Sampler()


class _Distributions(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        weights = draw_exp(random.normal(0.0, self.spread, shape))
        rows: NDArray[Any] = weights / weights.sum(axis=-1, keepdims=True)
        return rows

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        certain = np.eye(shape[-1])[random.integers(0, max(shape[-1], 1), shape[:-1])]
        mixed = random.random((*shape[:-1], 1)) < 0.6
        rows: NDArray[Any] = np.where(mixed, certain, self.typical(term, random, shape, facts))
        return rows


class _LogDistributions(_Distributions):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return draw_log(super().typical(term, random, shape, facts))

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        far = np.where(random.random(shape) < 0.5, -1e4, -np.inf)
        return np.where(random.random(shape) < 0.3, far, self.typical(term, random, shape, facts))


class _Boxes(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        corner = random.uniform(0.0, 0.6, (*shape[:-1], 2))
        return self._from_corners(corner, corner + random.uniform(0.1, 0.7, (*shape[:-1], 2)), facts)

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        known = [(0, 0, 0, 0), (0, 0, 1, 1), (1, 0, 2, 1), (0, 0, 0, 1), (-5, -5, -4, -4), (0.25, 0.25, 0.75, 0.5)]
        corners = np.asarray(known, dtype=np.float64)[random.integers(0, len(known), shape[:-1])]
        far = self._from_corners(corners[..., :2], corners[..., 2:], facts)
        mixed = random.random((*shape[:-1], 1)) < 0.7
        return np.where(mixed, far, self.typical(term, random, shape, facts))

    @staticmethod
    def _from_corners(low: NDArray[Any], high: NDArray[Any], facts: Facts) -> NDArray[Any]:
        written = facts.get("format", "xyxy")
        if written == "xyxy":
            return np.concatenate([low, high], axis=-1)
        return np.concatenate([low if written == "xywh" else (low + high) / 2, high - low], axis=-1)


class _RotatedBoxes(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        units = shape[:-1]
        sizes = draw_exp(random.normal(0.0, 0.5, (*units, 2)))
        return np.concatenate(
            [random.normal(0.0, 1.0, (*units, 2)), sizes, random.uniform(-3, 3, (*units, 1))], axis=-1
        )

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        known = [(0, 0, 1, 1, 0), (0, 0, 2, 1, 0), (0, 0, 1, 2, 1.5), (0, 0, 2, 1, 1e-4), (3, -2, 1e-3, 1, 0.75)]
        rows = np.asarray(known, dtype=np.float64)[random.integers(0, len(known), shape[:-1])]
        mixed = random.random((*shape[:-1], 1)) < 0.7
        return np.where(mixed, rows, self.typical(term, random, shape, facts))


class _TimeBounds(Sampler):
    """Known times, those with a lower or an upper bound alone, and those with both."""

    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return self._bounds(
            random, draw_exp(random.normal(0.0, self.spread, shape[:-1])), 1 + random.random(shape[:-1])
        )

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        lower, ratio = np.asarray([1e-3, 1.0, 1e4]), np.asarray([1.0 + 1e-4, 2.0, 1e6])
        return self._bounds(random, random.choice(lower, shape[:-1]), random.choice(ratio, shape[:-1]))

    @staticmethod
    def _bounds(random: np.random.Generator, time: NDArray[Any], ratio: NDArray[Any]) -> NDArray[Any]:
        kind = random.integers(0, 4, time.shape)
        upper = np.where(kind == 0, time, np.where(kind == 1, np.inf, time * ratio))
        return np.stack([np.where(kind == 2, 0.0, time), upper], axis=-1)


class _Vectors(Sampler):
    directed = True

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        length = random.choice(np.asarray([0.0, 1.0, 1.0, 1e4, 1e-5]), (*shape[:-1], 1))
        vectors: NDArray[Any] = length * random.choice(np.asarray([-1.0, 0.5, 1.0, 2.0]), shape)
        return vectors


class _Images(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.uniform(0.0, facts.get("data_range", 1.0), shape)

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return np.where(random.random(shape) < 0.5, 0.0, facts.get("data_range", 1.0))


class _Signs(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.choice(np.array([-1, 1]), shape)


class _Integers(Sampler):
    """Integers from 0 to `stop`, without it."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop = stop

    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.integers(0, self.stop, shape)


class _Labels(Sampler):
    def typical(self, term: Any, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        allowed = np.arange(facts[CLASSES])
        return random.choice(allowed[allowed != facts.get(term.excluded, -1)], shape)


class _ClusteredLabels(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.integers(0, facts[CLASSES], shape)


class _Grades(Sampler):
    def typical(self, term: Any, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        first, stop = term.range(facts)
        return random.integers(first, stop, shape)


class _Lengths(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        size = facts[term.measures]
        return random.integers(min(1, size), size, shape, endpoint=True)

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.choice(np.asarray([0, facts[term.measures]]), shape)


class _Rates(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        logs = super().typical(term, random, shape, facts)
        return logs if facts["log_input"] else draw_exp(logs)

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        values = super().edges(term, random, shape, facts)
        return values if facts["log_input"] else np.abs(values)


class _Groups(Sampler):
    def typical(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        """Groups of two, and one that is alone where the count is odd."""
        count = int(np.prod(shape, dtype=np.int64))
        return random.permutation(np.arange(count) // 2).reshape(shape)

    def edges(self, term: Term, random: np.random.Generator, shape: tuple[int, ...], facts: Facts) -> NDArray[Any]:
        return random.choice(np.asarray([-1, 0, 10**6]), shape)


_FAR = (0.0, 1e-6, -1e4, 1e4)
_AMOUNTS = (0.0, 1e-6, 1.0, 1e4)
_samplers: dict[Term, Sampler] = {
    terms.Real: Sampler(extremes=_FAR),
    terms.Logits: Sampler(extremes=(0.0, -1e4, 1e4), spread=3.0),
    terms.Probability: Sampler(extremes=(0.0, 1.0)),
    terms.Distribution: _Distributions(),
    terms.LogProbability: Sampler(extremes=(0.0, -1e4), spread=2.0),
    terms.LogDensity: Sampler(extremes=(0.0, -1e4, 1e4), spread=2.0),
    terms.LogDistribution: _LogDistributions(extremes=(-1e4,)),
    terms.Embedding: _Vectors(),
    terms.Image: _Images(),
    terms.Box: _Boxes(),
    terms.RotatedBox: _RotatedBoxes(),
    terms.Sign: _Signs(),
    terms.Label: _Labels(),
    terms.Grade: _Grades(),
    terms.Length: _Lengths(),
    terms.Indicator: _Integers(2),
    terms.Relevance: _Integers(5),
    terms.AboveMinusOne: Sampler(extremes=(-0.999, 0.0, 1e-6, 1e4)),
    terms.Amount: Sampler(extremes=_AMOUNTS),
    terms.TweedieAmount: Sampler(extremes=_AMOUNTS),
    terms.PositiveAmount: Sampler(extremes=(1e-6, 1e-3, 1.0, 1e4)),
    terms.Rate: _Rates(extremes=_FAR),
    terms.LogMean: Sampler(extremes=(0.0, 1e-6, -50.0, 50.0)),
    terms.Power: Sampler(extremes=(-1.0, 0.0, 1.0, 2.0, 3.0)),
    terms.Robustness: Sampler(extremes=(-inf, -2.0, 0.0, 2.0)),
    terms.Group: _Groups(),
    terms.HalfLogits: Sampler(extremes=(0.0, 1e-6, -50.0, 50.0), spread=2.0),
    terms.ClusteredLabel: _ClusteredLabels(),
    terms.Cost: Sampler(extremes=_AMOUNTS),
    terms.Time: _Integers(3),
    terms.TimeBounds: _TimeBounds(),
}
