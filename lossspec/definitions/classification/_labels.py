"""Labels as distributions, and the surprisal of one entry: shared by the definitions of classification."""

from typing import Any

from mpmath import inf, log


def _shares(labels: Any, classes: int) -> Any:
    """The distribution of the label: as given, or one-hot."""
    return labels if isinstance(labels, list) else [int(c == labels) for c in range(classes)]


def _surprise(weight: Any, probability: Any) -> Any:
    """-weight * log(probability), with 0 log 0 = 0."""
    if weight == 0:
        return 0
    return inf if probability == 0 else -weight * log(probability)
