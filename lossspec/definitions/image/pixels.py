"""Definitions of the losses of the pixels of two images, and of the steps between them."""

from itertools import pairwise
from typing import Any

from mpmath import fsum, inf, log

from lossspec.definitions.common import flat


def psnr(predictions: Any, targets: Any, data_range: Any) -> Any:
    squares = [(a - b) ** 2 for a, b in zip(flat(predictions), flat(targets), strict=True)]
    error = fsum(squares) / len(squares) if squares else 0
    return 10 * log(error / data_range**2) / log(10) if error else -inf


def steps(image: Any) -> Any:
    """The sizes of the differences between neighbours, along columns and along rows."""
    columns = [abs(b - a) for x in image for r, s in pairwise(x) for a, b in zip(r, s, strict=True)]
    rows = [abs(b - a) for x in image for row in x for a, b in pairwise(row)]
    return columns + rows


def gradient_difference(predictions: Any, targets: Any, alpha: Any) -> Any:
    pairs = zip(steps(predictions), steps(targets), strict=True)
    return fsum(abs(a - b) ** alpha for a, b in pairs)
