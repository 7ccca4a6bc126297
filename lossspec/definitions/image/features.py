"""Definitions of the losses of the features that a network computes from two images."""

from typing import Any

from mpmath import fsum

from lossspec.definitions.common import direction, flat


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
