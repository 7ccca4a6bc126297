"""A question to an implementation of a loss, and its answer, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.cases import Case
from lossspec.loss import Loss

Floating = type[np.floating[Any]]
VALUE, GRADIENTS, HESSIANS = "value", "gradients", "hessians"


@dataclass(frozen=True)
class Question:
    """A call of a loss: its case, the dtype of its inputs, and the results that are asked for.

    The class axis of the inputs lies last. `want` holds "value", "gradients" and "hessians"; gradients are those of the
    result, or of its sum where it has several values, and Hessians are the diagonal.
    """

    loss: str
    case: Case
    dtype: str
    want: tuple[str, ...] = (VALUE,)


@dataclass(frozen=True)
class Answer:
    """The results that an implementation gave, the reason for none, or its failure."""

    value: NDArray[Any] | None = None
    gradients: Mapping[str, Any] = field(default_factory=dict)
    hessians: Mapping[str, Any] = field(default_factory=dict)
    skipped: str = ""
    """The reason why the implementation does not take such a call; it is no mistake."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """The reasons why some of the results that were asked for are not here."""
    failure: str = ""
    """The error that it raised, or the way in which it broke down."""


class Target(Protocol):
    """An implementation that answers questions."""

    name: str
    reductions: tuple[str, ...]
    """The reductions that it takes or, where it takes none, the one that it computes."""

    def describe(self) -> Mapping[str, str]:
        """Return the facts of the target that a report shows: framework, mapping of arguments, version."""
        ...

    def prepare(self, loss: Loss) -> None:
        """Find out how the target takes the calls of a loss; raise `TargetError` if it takes none."""
        ...

    def ask(self, question: Question) -> Answer:
        """Return the answer to a question; never raise for what the implementation does."""
        ...

    def close(self) -> None:
        """End what the target has started."""
        ...
