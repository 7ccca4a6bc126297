"""Definitions of the losses under the softmax with heavy tails."""

from typing import Any

from mpmath import fsum, inf, log, mp, mpf

from lossspec.definitions.classification._labels import _shares
from lossspec.definitions.common import softmax


def _log_t(x: Any, t: Any) -> Any:
    return (log(x) if x else -inf) if t == 1 else (x ** (1 - t) - 1) / (1 - t)


class _Last:
    """The probabilities of the last logits: derivatives in the labels ask for them again and again."""

    key: Any = None
    value: Any = None


_last = _Last()


def _tempered_softmax(logits: Any, t: Any) -> Any:
    key = (tuple(logits), t, mp.dps)
    if _last.key != key:
        _last.key, _last.value = key, _powers(logits, t)
    return _last.value


def _powers(logits: Any, t: Any) -> Any:
    """The powers (scale + (t - 1) (max(logits) - z))^(1 / (1 - t)) that sum to 1.

    The scale is found by the method of Newton, with twice the digits where a step no longer sees those there are.
    """
    if t < 1:
        raise ValueError("not heavy")
    if t == 1:
        return softmax(logits)
    top = max(logits)
    lost = max(0, int(-log(t - 1, 10)))
    digits, scale = 15, mpf(1)
    while True:
        with mp.workdps(digits + lost + 10):
            moved = [scale + (t - 1) * (top - z) for z in logits if z != -inf]
            powers = [x ** (1 / (1 - t)) for x in moved]
            total = fsum(powers)
            step = (1 - total ** (1 - t)) * total**t / fsum(p / x for p, x in zip(powers, moved, strict=True))
            scale += step
        if abs(step) < mpf(10) ** (-0.6 * digits) * min(1, t - 1) * scale:
            if digits >= mp.dps:
                return [0 if z == -inf else (scale + (t - 1) * (top - z)) ** (1 / (1 - t)) for z in logits]
            digits = min(2 * digits, mp.dps)


def bi_tempered_logistic(logits: Any, labels: Any, t1: Any, t2: Any, label_smoothing: Any) -> Any:
    if labels not in range(len(logits)) and not isinstance(labels, list):
        return None
    p = _tempered_softmax(logits, t2)
    share = [(1 - label_smoothing) * y + label_smoothing / len(p) for y in _shares(labels, len(p))]
    norm = (1 - fsum(q ** (2 - t1) for q in p)) / (2 - t1)
    return fsum(y * (-_log_t(q, t1) - norm) for y, q in zip(share, p, strict=True) if y != 0)
