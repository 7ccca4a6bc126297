"""Definitions of the losses of the order of similarities."""

from typing import Any

from mpmath import conj, exp, fsum, im, log, mpc, re

from lossspec.definitions.common import cosine, norm


def misordered(similarities: Any, labels: Any, scale: Any) -> Any:
    wrong = [
        exp(scale * (low - high))
        for low, wanted in zip(similarities, labels, strict=True)
        for high, other in zip(similarities, labels, strict=True)
        if wanted < other
    ]
    return [log(1 + fsum(wrong))] * len(similarities)


def cosent(first: Any, second: Any, labels: Any, scale: Any) -> Any:
    return misordered([cosine(x, y) for x, y in zip(first, second, strict=True)], labels, scale)


def angle_similarity(first: Any, second: Any, labels: Any, scale: Any) -> Any:
    def complex_vector(x: Any) -> Any:
        half = (len(x) + 1) // 2
        return [mpc(a, b) for a, b in zip(x[:half], [*x[half:], 0], strict=False)]

    def similarity(x: Any, y: Any) -> Any:
        lengths = norm(x) * norm(y)
        if not lengths:
            return 0 * lengths
        z = fsum(a * conj(b) for a, b in zip(complex_vector(x), complex_vector(y), strict=True)) / lengths
        return abs(re(z) + im(z))

    return misordered([similarity(x, y) for x, y in zip(first, second, strict=True)], labels, scale)
