"""Definitions of the image losses."""

from itertools import pairwise
from typing import Any

from mpmath import exp, fsum, inf, log

from lossspec.definitions.common import flat


def ssim(predictions: Any, targets: Any, data_range: Any, window: Any, sigma: Any, k1: Any, k2: Any) -> Any:
    side = range(window)
    center = (sigma - sigma) + (window - 1)
    kernel = {
        (i, j): exp(-((i - center / 2) ** 2 + (j - center / 2) ** 2) / (2 * sigma**2)) for i in side for j in side
    }
    total = fsum(kernel.values())
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    similarities = []
    for x, y in zip(predictions, targets, strict=True):
        for top in range(len(x) - window + 1):
            for left in range(len(x[0]) - window + 1):

                def mean(f: Any, top: int = top, left: int = left, x: Any = x, y: Any = y) -> Any:
                    pairs = (w * f(x[top + i][left + j], y[top + i][left + j]) for (i, j), w in kernel.items())
                    return fsum(pairs) / total

                mx, my = mean(lambda a, b: a), mean(lambda a, b: b)
                vx, vy = mean(lambda a, b: a * a) - mx**2, mean(lambda a, b: b * b) - my**2
                vxy = mean(lambda a, b: a * b) - mx * my
                similarities.append((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return 1 - fsum(similarities) / len(similarities)


def gram(features: Any) -> Any:
    rows = [flat(row) for row in features]
    size = len(rows) * len(rows[0])
    return [[fsum(a * b for a, b in zip(r, s, strict=True)) / size for s in rows] for r in rows]


def perceptual(predictions: Any, targets: Any, layer_weights: Any, form: Any) -> Any:
    weights = layer_weights if layer_weights is not None else [1] * len(predictions)
    losses = []
    for weight, x, y in zip(weights, predictions, targets, strict=True):
        if form == "content":
            squares = [(a - b) ** 2 for a, b in zip(flat(x), flat(y), strict=True)]
            losses.append(weight * fsum(squares) / len(squares))
        else:
            losses.append(weight * fsum((a - b) ** 2 for a, b in zip(flat(gram(x)), flat(gram(y)), strict=True)))
    return fsum(losses)


def psnr(predictions: Any, targets: Any, data_range: Any) -> Any:
    squares = [(a - b) ** 2 for a, b in zip(flat(predictions), flat(targets), strict=True)]
    error = fsum(squares) / len(squares)
    return 10 * log(error / data_range**2) / log(10) if error else -inf


def steps(image: Any) -> Any:
    """The sizes of the differences between neighbours, along columns and along rows."""
    columns = [abs(b - a) for x in image for r, s in pairwise(x) for a, b in zip(r, s, strict=True)]
    rows = [abs(b - a) for x in image for row in x for a, b in pairwise(row)]
    return columns + rows


def gradient_difference(predictions: Any, targets: Any, alpha: Any) -> Any:
    pairs = zip(steps(predictions), steps(targets), strict=True)
    return fsum(abs(a - b) ** alpha for a, b in pairs)
