"""Definitions of the losses of a router."""

from typing import Any

from mpmath import fsum, inf

from lossspec.definitions.common import constant, softmax


def load_balancing(logits: Any, top_k: Any, reduce: Any) -> Any:
    experts = range(len(logits[0]) if logits else 0)

    def chosen(row: Any) -> list[int]:
        fixed = [constant(x) for x in row]
        best = sorted(experts, key=lambda e: (-fixed[e], e))[:top_k]
        return [int(e in best and fixed[e] != -inf) for e in experts]

    counts, probabilities = [chosen(row) for row in logits], [softmax(row) for row in logits]
    return len(experts) * fsum(
        reduce([count[e] for count in counts]) * reduce([p[e] for p in probabilities]) for e in experts
    )
