"""Definitions of the box losses."""

from typing import Any


def area(x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
    return (x2 - x1) * (y2 - y1)


def generalized_iou(predictions: Any, targets: Any) -> Any:
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = predictions, targets
    if ax2 < ax1 or ay2 < ay1 or bx2 < bx1 or by2 < by1:
        return None
    intersection = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
    union = area(*predictions) + area(*targets) - intersection
    hull = area(min(ax1, bx1), min(ay1, by1), max(ax2, bx2), max(ay2, by2))
    iou = intersection / union if union else 0
    return 1 - (iou - ((hull - union) / hull if hull else 0))
