"""Definitions of the penalties."""

from typing import Any

from mpmath import fsum, sqrt

from lossspec.definitions.common import norm


def l1_regularization(parameters: Any) -> Any:
    return abs(parameters)


def l2_regularization(parameters: Any) -> Any:
    return parameters**2


def elastic_net(parameters: Any, l1: Any, l2: Any) -> Any:
    return l1 * abs(parameters) + l2 * parameters**2


def group_lasso(parameters: Any, size_factor: bool) -> Any:
    return norm(parameters) * (sqrt(len(parameters)) if size_factor else 1)


def total_variation(images: Any, isotropic: bool) -> Any:
    total = []
    for channel in images:
        for i, row in enumerate(channel):
            for j, pixel in enumerate(row):
                down = channel[i + 1][j] - pixel if i + 1 < len(channel) else 0
                right = row[j + 1] - pixel if j + 1 < len(row) else 0
                total.append(norm([down, right]) if isotropic else abs(down) + abs(right))
    return fsum(total)
