"""Definitions of the losses of the pixels of two images, and of the steps between them."""

from typing import Any

from mpmath import fsum, inf, log

from lossspec.definitions.common import flat, steps


def psnr(predictions: Any, targets: Any, data_range: Any) -> Any:
    squares = [(a - b) ** 2 for a, b in zip(flat(predictions), flat(targets), strict=True)]
    error = fsum(squares) / len(squares) if squares else 0
    return 10 * log(error / data_range**2) / log(10) if error else -inf


def gradient_difference(predictions: Any, targets: Any, alpha: Any, entries: Any = None) -> Any:
    of_pixels = zip(steps(predictions, entries), steps(targets, entries), strict=True)
    return fsum(abs(abs(a) - abs(b)) ** alpha for x, y in of_pixels for a, b in zip(x, y, strict=True))
