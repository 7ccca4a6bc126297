"""Definitions of the box losses."""

from typing import Any

from mpmath import atan, pi

from lossspec.definitions.common import constant


def corners(box: Any, format: Any) -> Any:
    """The corners of a box, and None if it has a negative size."""
    a, b, c, d = box
    if format == "xywh":
        a, b, c, d = a, b, a + c, b + d
    elif format == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return (a, b, c, d) if a <= c and b <= d else None


def area(x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
    return (x2 - x1) * (y2 - y1)


def hull(p: Any, t: Any) -> Any:
    return min(p[0], t[0]), min(p[1], t[1]), max(p[2], t[2]), max(p[3], t[3])


def intersection(p: Any, t: Any) -> Any:
    return max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))


def ratio(x: Any, y: Any) -> Any:
    return x / y if y else x - x


def overlap(p: Any, t: Any) -> Any:
    """The intersection over union."""
    common = intersection(p, t)
    return ratio(common, area(*p) + area(*t) - common)


def distance(p: Any, t: Any) -> Any:
    """The squared distance of the centres over the squared diagonal of the hull."""
    x1, y1, x2, y2 = hull(p, t)
    between = ((p[0] + p[2]) / 2 - (t[0] + t[2]) / 2) ** 2 + ((p[1] + p[3]) / 2 - (t[1] + t[3]) / 2) ** 2
    return ratio(between, (x2 - x1) ** 2 + (y2 - y1) ** 2)


def iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    return None if p is None or t is None else 1 - overlap(p, t)


def generalized_iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    union, whole = area(*p) + area(*t) - intersection(p, t), area(*hull(p, t))
    return 1 - (overlap(p, t) - ratio(whole - union, whole))


def distance_iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    return None if p is None or t is None else 1 - overlap(p, t) + distance(p, t)


def angle(width: Any, height: Any) -> Any:
    return atan(width / height) if height else pi / 2


def complete_iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    (w, h), (v, u) = ((box[2] - box[0], box[3] - box[1]) for box in (p, t))
    shape = (w or h) and (v or u) and 4 / pi**2 * (angle(v, u) - angle(w, h)) ** 2
    weight = constant(ratio(shape, 1 - overlap(p, t) + shape))
    return 1 - overlap(p, t) + distance(p, t) + weight * shape


def efficient_iou(predictions: Any, targets: Any, format: Any) -> Any:
    p, t = corners(predictions, format), corners(targets, format)
    if p is None or t is None:
        return None
    x1, y1, x2, y2 = hull(p, t)
    width = (p[2] - p[0]) - (t[2] - t[0])
    height = (p[3] - p[1]) - (t[3] - t[1])
    sizes = ratio(width**2, (x2 - x1) ** 2) + ratio(height**2, (y2 - y1) ** 2)
    return 1 - overlap(p, t) + distance(p, t) + sizes
