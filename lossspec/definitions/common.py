"""Functions that several definitions share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mpmath import exp, fsum, inf, log, sqrt


class _Constants:
    """The values that an evaluation took for constant, in order; while `held`, the next evaluations take the same."""

    values: list[Any]
    held = False
    place = 0

    def __init__(self) -> None:
        self.values = []


_constants = _Constants()


def constant(value: Any) -> Any:
    """The value, a constant for the gradient: it keeps its value while the definition is differentiated."""
    if not _constants.held:
        _constants.values.append(value)
        return value
    _constants.place += 1
    return _constants.values[_constants.place - 1]


def start_evaluation() -> None:
    """Prepare for an evaluation of a definition; the oracle calls it before each."""
    _constants.place = 0
    if not _constants.held:
        _constants.values.clear()


@contextmanager
def constants_held(held: bool = True) -> Iterator[None]:
    """Within it evaluations take the constants of the last evaluation outside of it."""
    _constants.held = held
    try:
        yield
    finally:
        _constants.held = False


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


def direction(x: Any) -> Any:
    """The vector of length 1, and 0 where it is 0: inner products of these are cosines."""
    length = norm(x)
    return [a / length for a in x] if length else x


def steps(image: Any, counts: Any = None) -> Any:
    """The differences of each pixel of an image of channels to those below and to the right, 0 where one is missing.

    Where `counts` is given, a row of flags for each row of pixels, a pixel that does not count is missing.
    """
    height, width = (len(image[0]), len(image[0][0])) if image and image[0] else (0, 0)

    def step(x: Any, i: int, j: int, k: int, m: int) -> Any:
        there = k < height and m < width and (counts is None or (counts[i][j] and counts[k][m]))
        return x[k][m] - x[i][j] if there else 0

    pixels = [(i, j) for i in range(height) for j in range(width)]
    return [(step(x, i, j, i + 1, j), step(x, i, j, i, j + 1)) for x in image for i, j in pixels]


def sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z))


def softmax(logits: Any) -> Any:
    total = fsum(exp(z) for z in logits)
    return [exp(z) / total for z in logits]


def mixture(labels: Any, loss: Callable[[int], Any]) -> Any:
    """The loss of a class, or its mean under a distribution, to which a class of probability 0 adds nothing."""
    if not isinstance(labels, list):
        return loss(labels)
    return fsum(share * loss(c) for c, share in enumerate(labels) if share != 0)


def divergence(p: Any, q: Any) -> Any:
    """KL(p || q) of two rows of probabilities, with 0 log 0 = 0."""
    if any(b == 0 != a for a, b in zip(p, q, strict=True)):
        return inf
    return fsum(a * log(a / b) for a, b in zip(p, q, strict=True) if a != 0)


def mixture_divergence(p: Any, q: Any, beta: Any) -> Any:
    """The mean divergence of p (of weight beta) and q from their mixture."""
    mixture = [beta * a + (1 - beta) * b for a, b in zip(p, q, strict=True)]
    return beta * divergence(p, mixture) + (1 - beta) * divergence(q, mixture)
