"""Definitions of the losses that reshape the intersection over union of two boxes, or add terms to it."""

from typing import Any

from mpmath import asin, exp, pi, sin, sqrt

from lossspec.definitions.common import constant
from lossspec.definitions.detection import corners, hull, overlap, ratio


def alpha_iou(predictions: Any, targets: Any, alpha: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    return None if p is None or t is None else 1 - overlap(p, t) ** alpha


def mpd_iou(predictions: Any, targets: Any, width: Any, height: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    diagonal = width**2 + height**2
    first, second = ((p[k] - t[k]) ** 2 + (p[k + 1] - t[k + 1]) ** 2 for k in (0, 2))
    return 1 - overlap(p, t) + first / diagonal + second / diagonal


def shift(p: Any, t: Any) -> Any:
    """From the centre of one box to that of the other."""
    return [(t[k] + t[k + 2]) / 2 - (p[k] + p[k + 2]) / 2 for k in (0, 1)]


def siou(predictions: Any, targets: Any, theta: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    x1, y1, x2, y2 = hull(p, t)
    x, y = shift(p, t)
    far = sqrt(x**2 + y**2)
    angle = 1 - 2 * sin(asin(abs(y) / far) - pi / 4) ** 2 if far else far
    distances = (ratio(x, x2 - x1) ** 2, ratio(y, y2 - y1) ** 2)
    distance = sum(1 - exp(-(2 - angle) * rho) for rho in distances)
    shape = 0
    for k in (0, 1):
        size, other = p[k + 2] - p[k], t[k + 2] - t[k]
        shape += (1 - exp(-ratio(abs(size - other), max(size, other)))) ** theta
    return 1 - overlap(p, t) + (distance + shape) / 2


def wise_iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    x1, y1, x2, y2 = hull(p, t)
    x, y = shift(p, t)
    return exp(ratio(x**2 + y**2, constant((x2 - x1) ** 2 + (y2 - y1) ** 2))) * (1 - overlap(p, t))
