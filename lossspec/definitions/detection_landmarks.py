"""Definitions of the losses of landmarks and keypoints."""

from typing import Any

from mpmath import exp, fsum, log


def wing(predictions: Any, targets: Any, width: Any, curvature: Any) -> Any:
    error = abs(predictions - targets)
    constant = width - width * log(1 + width / curvature)
    return width * log(1 + error / curvature) if error < width else error - constant


def adaptive_wing(predictions: Any, targets: Any, omega: Any, theta: Any, epsilon: Any, alpha: Any) -> Any:
    error, power = abs(predictions - targets), alpha - targets
    ratio = theta / epsilon
    slope = omega / (1 + ratio**power) * power * ratio ** (power - 1) / epsilon
    constant = theta * slope - omega * log(1 + ratio**power)
    return omega * log(1 + (error / epsilon) ** power) if error < theta else slope * error - constant


def object_keypoint_similarity(predictions: Any, targets: Any, visible: Any, areas: Any, sigmas: Any) -> Any:
    similarities = []
    for p, t, seen, sigma in zip(predictions, targets, visible, sigmas, strict=True):
        if seen not in (0, 1):
            return None
        if seen == 1:
            squared = (p[0] - t[0]) ** 2 + (p[1] - t[1]) ** 2
            similarities.append(exp(-squared / (2 * areas * (2 * sigma) ** 2)))
    return 1 - fsum(similarities) / len(similarities) if similarities else 0 * areas
