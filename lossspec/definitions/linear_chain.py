"""Definitions of the losses over a linear chain: all label sequences, one by one."""

from itertools import pairwise, product
from typing import Any

from mpmath import exp, fsum, inf, log


class Chain:
    """All label sequences of a length, with the score and the cost of each."""

    def __init__(self, emissions: Any, lengths: Any, transitions: Any, start: Any, end: Any, costs: Any = None) -> None:
        self.exists = 0 <= lengths <= len(emissions)
        self.all = list(product(range(len(start)), repeat=lengths)) if self.exists else []
        self.emissions, self.transitions, self.start, self.end, self.costs = emissions, transitions, start, end, costs

    def score(self, y: Any) -> Any:
        """The score s(y)."""
        if not y:
            return 0
        total = self.start[y[0]] + fsum(self.emissions[t][k] for t, k in enumerate(y)) + self.end[y[-1]]
        return total + fsum(self.transitions[a][b] for a, b in pairwise(y))

    def cost(self, y: Any) -> Any:
        """The cost c(y)."""
        return fsum(self.costs[t][k] for t, k in enumerate(y))

    def log_sum(self, factor: int = 0) -> Any:
        """Log sum_y exp(s(y) + factor c(y))."""
        total = fsum(exp(self.score(y) + (factor * self.cost(y) if factor else 0)) for y in self.all)
        return log(total) if total else -inf

    def best(self, factor: int = 0) -> Any:
        """max_y s(y) + factor c(y)."""
        return max(self.score(y) + (factor * self.cost(y) if factor else 0) for y in self.all)

    def right(self, labels: Any, lengths: Any) -> Any:
        """The score of the labels, None where there are no such labels."""
        wanted = tuple(labels[:lengths])
        return self.score(wanted) if wanted in self.all else None


def crf(emissions: Any, labels: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end)
    right = chain.right(labels, lengths)
    return None if right is None else chain.log_sum() - right


def crf_log_partition(emissions: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end)
    return chain.log_sum() if chain.exists else None


def chain_perceptron(emissions: Any, labels: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end)
    right = chain.right(labels, lengths)
    return None if right is None else chain.best() - right


def chain_hinge(emissions: Any, labels: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    right = chain.right(labels, lengths)
    return None if right is None else chain.best(1) - right


def chain_softmax_margin(
    emissions: Any, labels: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any
) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    right = chain.right(labels, lengths)
    return None if right is None else chain.log_sum(1) - right


def chain_risk(emissions: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    if not chain.exists:
        return None
    powers = [exp(chain.score(y)) for y in chain.all]
    return fsum(p * chain.cost(y) for p, y in zip(powers, chain.all, strict=True)) / fsum(powers)


def chain_ramp(emissions: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any, variant: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    if not chain.exists:
        return None
    fear, model, hope = chain.best(1), chain.best(), chain.best(-1)
    return {1: fear - model, 2: model - hope, 3: fear - hope}[variant]


def chain_soft_ramp(
    emissions: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any, variant: Any
) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    if not chain.exists:
        return None
    fear, model, hope = chain.log_sum(1), chain.log_sum(), chain.log_sum(-1)
    return {1: fear - model, 2: model - hope, 3: fear - hope}[variant]


def chain_infinite_ramp(emissions: Any, costs: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    chain = Chain(emissions, lengths, transitions, start, end, costs)
    if not chain.exists:
        return None
    least = min(chain.cost(y) for y in chain.all)
    return chain.best(1) - max(chain.score(y) for y in chain.all if chain.cost(y) == least)
