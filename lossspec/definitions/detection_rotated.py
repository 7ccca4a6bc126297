"""Definitions of the losses of rotated boxes, as distances of Gaussians; a matrix is its entries (xx, xy, yy)."""

from typing import Any

from mpmath import cos, exp, log, sin, sqrt


def covariance(box: Any, share: int) -> Any:
    """R diag(width^2, height^2) R^T / share, and None where the box has no positive sides."""
    _, _, width, height, angle = box
    if not (width > 0 and height > 0):
        return None
    a, b, c, s = width**2 / share, height**2 / share, cos(angle), sin(angle)
    return a * c * c + b * s * s, (a - b) * c * s, a * s * s + b * c * c


def det(m: Any) -> Any:
    return m[0] * m[2] - m[1] ** 2


def inverse(m: Any) -> Any:
    return m[2] / det(m), -m[1] / det(m), m[0] / det(m)


def trace_of_product(m: Any, n: Any) -> Any:
    return m[0] * n[0] + 2 * m[1] * n[1] + m[2] * n[2]


def between(p: Any, t: Any, m: Any) -> Any:
    """d^T m d of the distance d of two centres."""
    x, y = p[0] - t[0], p[1] - t[1]
    return m[0] * x * x + 2 * m[1] * x * y + m[2] * y * y


def bounded(distance: Any, tau: Any, transform: Any) -> Any:
    distance = max(distance, 0 * distance)  # what is left of 0 by rounding
    return 1 - 1 / (tau + (sqrt(distance) if transform == "sqrt" else log(1 + distance)))


def gaussian_wasserstein_distance(predictions: Any, targets: Any, tau: Any, transform: Any) -> Any:
    s, t = covariance(predictions, 4), covariance(targets, 4)
    if s is None or t is None:
        return None
    root = sqrt(trace_of_product(s, t) + 2 * sqrt(det(s) * det(t)))  # the trace of the root of a matrix of two rows
    distance = between(predictions, targets, (1, 0, 1)) + s[0] + s[2] + t[0] + t[2] - 2 * root
    return bounded(distance, tau, transform)


def kullback_leibler_box(predictions: Any, targets: Any, tau: Any, transform: Any) -> Any:
    s, t = covariance(predictions, 4), covariance(targets, 4)
    if s is None or t is None:
        return None
    inner = between(predictions, targets, inverse(t)) + trace_of_product(inverse(t), s)
    return bounded((inner + log(det(t) / det(s))) / 2 - 1, tau, transform)


def prob_iou(predictions: Any, targets: Any, mode: Any) -> Any:
    s, t = covariance(predictions, 12), covariance(targets, 12)
    if s is None or t is None:
        return None
    both = [(a + b) / 2 for a, b in zip(s, t, strict=True)]
    distance = between(predictions, targets, inverse(both)) / 8 + log(det(both) / sqrt(det(s) * det(t))) / 2
    distance = max(distance, 0 * distance)
    return sqrt(1 - exp(-distance)) if mode == "hellinger" else distance
