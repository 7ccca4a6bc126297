"""Definitions of the losses that compare two views of a batch without negatives."""

from typing import Any

from mpmath import fsum, sqrt

from lossspec.definitions.common import direction, inner


def centered(rows: Any) -> Any:
    """The columns less their means, times the count: exact, where a mean is not."""
    count = len(rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [[count * x - fsum(column) for x in column] for column in columns]


def barlow_twins(first: Any, second: Any, redundancy: Any) -> Any:
    a, b = (list(map(direction, centered(rows))) for rows in (first, second))
    total = fsum(
        (1 - inner(x, y)) ** 2 if i == j else redundancy * inner(x, y) ** 2
        for i, x in enumerate(a)
        for j, y in enumerate(b)
    )
    return [total] * len(first)


def vicreg(first: Any, second: Any, invariance: Any, variance: Any, covariance: Any, epsilon: Any) -> Any:
    if not first:
        return []
    count, dim = len(first), len(first[0])
    spread = redundant = 0
    for rows in (first, second):
        columns = centered(rows)
        covariances = [[inner(x, y) / count**2 / max(1, count - 1) for y in columns] for x in columns]
        spread += fsum(max(0, 1 - sqrt(covariances[j][j] + epsilon)) for j in range(dim)) / dim / 2
        redundant += fsum(covariances[i][j] ** 2 for i in range(dim) for j in range(dim) if i != j) / dim
    return [
        invariance * fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / dim
        + variance * spread
        + covariance * redundant
        for x, y in zip(first, second, strict=True)
    ]
