"""Definitions of the image losses."""

from itertools import pairwise
from typing import Any

from mpmath import exp, fdot, fsum, inf, log

from lossspec.definitions.common import direction, flat


def window_weights(window: Any, sigma: Any, kernel: Any) -> Any:
    side = range(window)
    center = (sigma - sigma) + (window - 1)
    weights = [
        exp(-((i - center / 2) ** 2 + (j - center / 2) ** 2) / (2 * sigma**2))
        if kernel == "gaussian"
        else 1 + 0 * sigma
        for i in side
        for j in side
    ]
    total = fsum(weights)
    return [weight / total for weight in weights]


def similarities(x: Any, y: Any, weights: Any, window: Any, c1: Any, c2: Any) -> Any:
    """Luminance and contrast-structure of each window inside a channel of two images."""
    pixels = [[(a, b, a * a, b * b, a * b) for a, b in zip(r, s, strict=True)] for r, s in zip(x, y, strict=True)]
    found = []
    for top in range(len(x) - window + 1):
        for left in range(len(x[0]) - window + 1):
            patch = [pixel for row in pixels[top : top + window] for pixel in row[left : left + window]]
            mx, my, mxx, myy, mxy = (fdot(weights, values) for values in zip(*patch, strict=True))
            luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
            found.append((luminance, (2 * (mxy - mx * my) + c2) / (mxx - mx**2 + myy - my**2 + c2)))
    return found


def mirrored(rows: Any, window: Any) -> Any:
    last = len(rows) - 1
    places = range(-((window - 1) // 2), len(rows) + window // 2)
    return [rows[last - abs(last - abs(place))] for place in places]


def ssim(
    predictions: Any,
    targets: Any,
    data_range: Any,
    window: Any,
    sigma: Any,
    k1: Any,
    k2: Any,
    kernel: Any,
    padding: Any,
) -> Any:
    weights = window_weights(window, sigma, kernel)
    products: list[Any] = []
    for x, y in zip(predictions, targets, strict=True):
        if padding == "reflect":
            x, y = ([mirrored(row, window) for row in mirrored(rows, window)] for rows in (x, y))
        found = similarities(x, y, weights, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2)
        products.extend(luminance * structure for luminance, structure in found)
    return 1 - fsum(products) / len(products)


def halved(rows: Any) -> Any:
    height, width = len(rows) // 2, len(rows[0]) // 2
    block = [(i, j) for i in (0, 1) for j in (0, 1)]
    return [[fsum(rows[2 * i + k][2 * j + m] for k, m in block) / 4 for j in range(width)] for i in range(height)]


def ms_ssim(
    predictions: Any,
    targets: Any,
    scale_weights: Any,
    data_range: Any,
    window: Any,
    sigma: Any,
    k1: Any,
    k2: Any,
    normalize: Any,
) -> Any:
    weights = window_weights(window, sigma, "gaussian")
    product = 1
    for scale, power in enumerate(scale_weights):
        if scale:
            predictions, targets = ([halved(rows) for rows in image] for image in (predictions, targets))
        found = []
        for x, y in zip(predictions, targets, strict=True):
            found.extend(similarities(x, y, weights, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2))
        last = scale == len(scale_weights) - 1
        mean = fsum((luminance if last else 1) * structure for luminance, structure in found) / len(found)
        mean = (1 + mean) / 2 if normalize == "simple" else max(mean, 0 * mean)
        product *= mean**power
    return 1 - product


def gram(features: Any) -> Any:
    rows = [flat(row) for row in features]
    return [[fsum(a * b for a, b in zip(r, s, strict=True)) for s in rows] for r in rows]


def perceptual(predictions: Any, targets: Any, layer_weights: Any, form: Any, normalization: Any) -> Any:
    weights = layer_weights if layer_weights is not None else [1] * len(predictions)
    losses = []
    for weight, x, y in zip(weights, predictions, targets, strict=True):
        a, b = (flat(x), flat(y)) if form == "content" else (flat(gram(x)), flat(gram(y)))
        squares = fsum((p - q) ** 2 for p, q in zip(a, b, strict=True))
        size = len(flat(x))
        if form == "content":
            losses.append(weight * squares / (2 if normalization == "gatys" else size))
        else:
            factor = {"johnson": 1, "gatys": 4, "mean": len(a)}[normalization]
            losses.append(weight * squares / size**2 / factor)
    return fsum(losses)


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


def points(features: Any) -> Any:
    """The vectors over the channels at all points of a map."""
    return [list(vector) for vector in zip(*(flat(row) for row in features), strict=True)]


def lpips(predictions: Any, targets: Any, channel_weights: Any) -> Any:
    layers = []
    for x, y, weights in zip(predictions, targets, channel_weights, strict=True):
        pairs = [(direction(u), direction(v)) for u, v in zip(points(x), points(y), strict=True)]
        apart = [fsum(w * (a - b) ** 2 for w, a, b in zip(weights, u, v, strict=True)) for u, v in pairs]
        layers.append(fsum(apart) / len(apart))
    return fsum(layers)
