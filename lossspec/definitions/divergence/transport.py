"""Definitions of the costs of transport."""

from typing import Any

from mpmath import exp, fsum, log


def sinkhorn(costs: Any, row_weight: Any, column_weight: Any, regularization: Any, iterations: Any) -> Any:
    rows, columns = range(len(costs)), range(len(costs[0]))

    def shares(weight: Any, places: Any) -> Any:
        weight = [1 for _ in places] if weight is None else weight
        return [w / fsum(weight) for w in weight]

    def soft(p: Any, x: Any) -> Any:
        return -regularization * log(fsum(w * exp(-c / regularization) for w, c in zip(p, x, strict=True)))

    p, q = shares(row_weight, rows), shares(column_weight, columns)
    v = [0 for _ in columns]
    for _ in range(iterations):
        u = [soft(q, [costs[i][j] - v[j] for j in columns]) for i in rows]
        v = [soft(p, [costs[i][j] - u[i] for i in rows]) for j in columns]
    return fsum(a * b for a, b in zip(p + q, u + v, strict=True))
