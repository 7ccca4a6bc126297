"""Definitions of the losses of estimates of a return."""

from typing import Any

from mpmath import fsum, log, mpf

from lossspec.definitions.common import softmax


def huber(u: Any, kappa: Any) -> Any:
    return u**2 / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)


def quantile_td(predictions: Any, targets: Any, kappa: Any) -> Any:
    total = []
    for i, prediction in enumerate(predictions):
        level = mpf(2 * i + 1) / (2 * len(predictions))
        total += [abs(level - (target < prediction)) * huber(target - prediction, kappa) / kappa for target in targets]
    return fsum(total) / max(len(targets), 1)


def categorical_td(logits: Any, targets: Any, rewards: Any, discounts: Any, lowest: Any, step: Any) -> Any:
    atoms = [lowest + step * i for i in range(len(logits))]
    shares = [0 * rewards for _ in atoms]
    for atom, probability in zip(atoms, targets, strict=True):
        moved = min(max(rewards + discounts * atom, atoms[0]), atoms[-1])
        for i, other in enumerate(atoms):
            shares[i] += probability * max(0, 1 - abs(moved - other) / step)
    return -fsum(m * log(p) for m, p in zip(shares, softmax(logits), strict=True) if m != 0)


def td_error(predictions: Any, next_values: Any, rewards: Any, discounts: Any) -> Any:
    return (rewards + discounts * next_values - predictions) ** 2 / 2
