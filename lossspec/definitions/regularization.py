"""Definitions of the penalties."""

from typing import Any


def elastic_net(parameters: Any, l1: Any, l2: Any) -> Any:
    return l1 * abs(parameters) + l2 * parameters**2
