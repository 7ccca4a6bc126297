"""Definitions of the distances between samples."""

from typing import Any

from mpmath import exp, fsum

from lossspec.definitions.common import constant


def maximum_mean_discrepancy(first: Any, second: Any, bandwidth: Any, unbiased: Any) -> Any:
    def kernel(x: Any, y: Any) -> Any:
        return exp(-fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * bandwidth**2))

    def mean(values: Any) -> Any:
        return fsum(values) / len(values) if values else 1

    def within(rows: Any) -> Any:
        return mean([kernel(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j or not unbiased])

    return within(first) + within(second) - 2 * mean([kernel(x, y) for x in first for y in second])


def covariances(rows: Any) -> Any:
    count, columns = len(rows), [list(column) for column in zip(*rows, strict=True)]
    centered = [[x - fsum(column) / count for x in column] for column in columns]
    return [[fsum(a * b for a, b in zip(x, y, strict=True)) / (count - 1) for y in centered] for x in centered]


def deep_coral(first: Any, second: Any) -> Any:
    dim = len((first or second or [[]])[0])
    c, d = (covariances(rows) if len(rows) > 1 else [[0] * dim] * dim for rows in (first, second))
    return fsum((c[i][j] - d[i][j]) ** 2 for i in range(dim) for j in range(dim)) / (4 * max(dim, 1) ** 2)


def wasserstein_1d(first: Any, second: Any, power: Any) -> Any:
    def rising(x: Any) -> Any:
        return [x[constant(i)] for i in sorted(range(len(x)), key=lambda i: x[i])]

    pairs = list(zip(rising(first), rising(second), strict=True))
    return fsum(abs(x - y) ** power for x, y in pairs) / max(len(pairs), 1)
