"""Definitions of structural similarity of two images, at one scale and at several."""

from typing import Any

from mpmath import exp, fdot, fsum


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
