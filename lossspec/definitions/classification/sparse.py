"""Definitions of the losses under sparse probabilities."""

from typing import Any

from mpmath import fsum, inf, mpf, sqrt


def entmax15(logits: Any, labels: Any) -> Any:
    if labels not in range(len(logits)):
        return None
    halves = sorted((z / 2 for z in logits if z != -inf), reverse=True)
    for size in range(1, len(halves) + 1):
        support = halves[:size]
        mean = fsum(support) / size
        left = 1 - fsum((x - mean) ** 2 for x in support)
        if left < 0 or mean - sqrt(left / size) > support[-1]:
            break
        threshold = mean - sqrt(left / size)
    p = [max(0, z / 2 - threshold) ** 2 for z in logits]
    entropy = (1 - fsum(x ** (mpf(3) / 2) for x in p)) * 4 / 3
    return fsum(x * z for x, z in zip(p, logits, strict=True) if x) + entropy - logits[labels]
