"""Definitions of the penalties."""

from typing import Any

from mpmath import fsum, sqrt

from lossspec.definitions.common import norm, steps


def l1_regularization(parameters: Any) -> Any:
    return abs(parameters)


def l2_regularization(parameters: Any) -> Any:
    return parameters**2


def elastic_net(parameters: Any, l1: Any, l2: Any) -> Any:
    return l1 * abs(parameters) + l2 * parameters**2


def group_lasso(parameters: Any, size_factor: bool) -> Any:
    return norm(parameters) * (sqrt(len(parameters)) if size_factor else 1)


def total_variation(images: Any, isotropic: bool, entries: Any = None) -> Any:
    return fsum(norm(step) if isotropic else fsum(map(abs, step)) for step in steps(images, entries))
