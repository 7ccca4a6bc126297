"""What several definitions say in the same words."""

from typing import Any

from mpmath import exp, fsum, sqrt


def flat(x: Any) -> Any:
    """All numbers of nested lists, in order."""
    return [number for item in x for number in flat(item)] if isinstance(x, list) else [x]


def inner(x: Any, y: Any) -> Any:
    return fsum(a * b for a, b in zip(x, y, strict=True))


def norm(x: Any) -> Any:
    return sqrt(inner(x, x))


def distance(x: Any, y: Any) -> Any:
    return sqrt(fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def cosine(x: Any, y: Any) -> Any:
    """The cosine of two vectors, 0 where one of them is 0."""
    lengths = norm(x) * norm(y)
    return inner(x, y) / lengths if lengths else 0 * inner(x, y)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z))


def softmax(logits: Any) -> Any:
    total = fsum(exp(z) for z in logits)
    return [exp(z) / total for z in logits]
