"""Definitions of structural similarity of two images, at one scale and at several."""

from itertools import product
from typing import Any

from mpmath import exp, fdot, fprod, fsum


def sides(image: Any) -> list[int]:
    return [len(image), *sides(image[0])] if hasattr(image, "__len__") else []


def places(lengths: Any) -> list[tuple[int, ...]]:
    return list(product(*(range(length) for length in lengths)))


def pixel(image: Any, place: Any) -> Any:
    for step in place:
        image = image[step]
    return image


def window_weights(window: Any, sigma: Any, kernel: Any, rank: int) -> Any:
    center = (sigma - sigma) + (window - 1)
    weights = [
        exp(-fsum((step - center / 2) ** 2 for step in place) / (2 * sigma**2))
        if kernel == "gaussian"
        else 1 + 0 * sigma
        for place in places([window] * rank)
    ]
    total = fsum(weights)
    return [weight / total for weight in weights]


def similarities(x: Any, y: Any, weights: Any, window: Any, c1: Any, c2: Any) -> Any:
    """Luminance and contrast-structure of each window inside a channel of two images."""
    pixels = {}
    for place in places(sides(x)):
        a, b = pixel(x, place), pixel(y, place)
        pixels[place] = a, b, a * a, b * b, a * b
    found = []
    steps = places([window] * len(sides(x)))
    for corner in places([side - window + 1 for side in sides(x)]):
        patch = [pixels[tuple(c + s for c, s in zip(corner, step, strict=True))] for step in steps]
        mx, my, mxx, myy, mxy = (fdot(weights, values) for values in zip(*patch, strict=True))
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        found.append((luminance, (2 * (mxy - mx * my) + c2) / (mxx - mx**2 + myy - my**2 + c2)))
    return found


def mirrored(rows: Any, window: Any) -> Any:
    if not hasattr(rows, "__len__"):
        return rows
    rows = [mirrored(row, window) for row in rows]
    last = len(rows) - 1
    around = range(-((window - 1) // 2), len(rows) + window // 2)
    return [rows[last - abs(last - abs(place))] for place in around]


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
    weights = window_weights(window, sigma, kernel, len(sides(predictions)) - 1)
    products: list[Any] = []
    for x, y in zip(predictions, targets, strict=True):
        if padding == "reflect":
            x, y = mirrored(x, window), mirrored(y, window)
        found = similarities(x, y, weights, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2)
        products.extend(luminance * structure for luminance, structure in found)
    return 1 - fsum(products) / len(products)


def mean_of(x: Any, y: Any) -> Any:
    return [mean_of(a, b) for a, b in zip(x, y, strict=True)] if hasattr(x, "__len__") else (x + y) / 2


def halved(rows: Any) -> Any:
    rows = [halved(row) for row in rows] if hasattr(rows[0], "__len__") else rows
    return [mean_of(rows[2 * k], rows[2 * k + 1]) for k in range(len(rows) // 2)]


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
    weights = window_weights(window, sigma, "gaussian", len(sides(predictions)) - 1)
    similarity = 1
    for scale, power in enumerate(scale_weights):
        if scale:
            predictions, targets = ([halved(rows) for rows in image] for image in (predictions, targets))
        found = []
        for x, y in zip(predictions, targets, strict=True):
            found.extend(similarities(x, y, weights, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2))
        last = scale == len(scale_weights) - 1
        mean = fsum((luminance if last else 1) * structure for luminance, structure in found) / len(found)
        mean = (1 + mean) / 2 if normalize == "simple" else max(mean, 0 * mean)
        similarity *= mean**power
    return 1 - similarity


def ms_ssim_l1(
    predictions: Any,
    targets: Any,
    alpha: Any,
    sigmas: Any,
    data_range: Any,
    window: Any,
    k1: Any,
    k2: Any,
) -> Any:
    rank = len(sides(predictions)) - 1
    scales = [window_weights(window, sigma, "gaussian", rank) for sigma in sigmas]
    steps = places([window] * rank)
    products, errors = [], []
    for x, y in zip(predictions, targets, strict=True):
        found = [
            similarities(x, y, weights, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2) for weights in scales
        ]
        for of_window in zip(*found, strict=True):
            products.append(of_window[-1][0] * fprod(structure for _, structure in of_window))
        for corner in places([side - window + 1 for side in sides(x)]):
            there = [tuple(c + s for c, s in zip(corner, step, strict=True)) for step in steps]
            errors.append(fdot(scales[-1], [abs(pixel(x, place) - pixel(y, place)) for place in there]))
    similarity, error = fsum(products) / len(products), fsum(errors) / len(errors)
    return alpha * (1 - similarity) + (1 - alpha) * error / data_range
