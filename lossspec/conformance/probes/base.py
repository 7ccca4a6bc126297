"""The probe of a backend: its defaults suit an eager framework without settings, compiler or map."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lossspec.dispatch import Backend


class Probe:
    """A framework seen from outside: its strictest settings, its compiler and its map."""

    compiles_by_shape = False
    """True if every operation is compiled for every shape, so that what runs once is quicker compiled as a whole."""

    wraps = ""
    """The backend that computes everything for this one, which only refuses more."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def double_precision(self) -> AbstractContextManager[Any]:
        """The setting under which the framework has float64 and promotes as it does by itself."""
        return nullcontext()

    def strictest(self) -> AbstractContextManager[Any]:
        """The settings under which the framework forgives least, and has float64; cells are filled under them."""
        return nullcontext()

    @property
    def compiles(self) -> bool:
        """Say whether the backend compiles, or returns the function as it is."""
        return type(self.backend).compile is not Backend.compile

    def compile_quickly(self, function: Callable[..., Any], shallow: bool = False) -> Callable[..., Any]:
        """The function compiled to prove that it does so as a whole; `shallow` if to capture it is enough."""
        return self.backend.compile(function)

    def count_graphs(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> int | None:
        """The number of graphs that calls of a function compile, or None where every size has its own by design."""
        return None

    def mixed_precision(self) -> tuple[AbstractContextManager[Any], ...]:
        """The regions in which the framework computes some functions with fewer digits than their operands have."""
        return ()

    def vmap(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """The function mapped over the leading axis of every argument, or None where the framework cannot."""
        return None
