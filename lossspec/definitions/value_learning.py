"""Definitions of the losses of estimates of a return."""

from typing import Any

from mpmath import exp, fsum, log, mpf

from lossspec.definitions.common import constant, softmax


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


def v_trace(
    predictions: Any,
    next_values: Any,
    rewards: Any,
    discounts: Any,
    log_ratios: Any,
    lengths: Any,
    clip_ratio: Any,
    clip_trace: Any,
    trace_decay: Any,
) -> Any:
    if not 0 <= lengths <= len(predictions):
        return None
    error, total = 0, []
    for t in reversed(range(lengths)):
        ratio, value = exp(log_ratios[t]), constant(predictions[t])
        one_step = min(clip_ratio, ratio) * (rewards[t] + discounts[t] * next_values[t] - value)
        error = one_step + discounts[t] * trace_decay * min(clip_trace, ratio) * error
        total.append((value + error - predictions[t]) ** 2 / 2)
    return fsum(total)
