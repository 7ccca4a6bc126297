"""One call of a method of a loss as kernels see it, and what a plan of it is remembered by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lossspec.kernels.trace import Computed


class Request(NamedTuple):
    """A method of a loss ("value", "value_and_grad", "grad_hess", "partial") with its arguments.

    Two more carry cotangents back to inputs: "pull" those of all units, "back" those of the totals of a partial.
    """

    loss: Computed
    method: str
    inputs: Sequence[Any]
    options: Mapping[str, Any]
    wrt: str | Sequence[str] | None = None

    def first(self) -> Any:
        """The first input, or None."""
        return self.inputs[0] if self.inputs else self.options.get(self.loss.declared.inputs[0])

    def named(self) -> dict[str, Any]:
        """All arguments by name."""
        return {**dict(zip(self.loss.declared.inputs, self.inputs, strict=False)), **self.options}

    def of_hosts(self, host: Callable[[Any], Any], method: str, wrt: str | Sequence[str] | None) -> Request:
        """The request of a method with `host` of every argument."""
        options = {name: host(x) for name, x in self.options.items()}
        return Request(self.loss, method, [host(x) for x in self.inputs], options, wrt)

    def differentiated(self) -> tuple[str, ...]:
        """The names of what is differentiated."""
        if self.method not in ("value_and_grad", "grad_hess", "pull", "back"):
            return ()
        if self.wrt is None:
            return self.loss.declared.inputs[:1]
        return (self.wrt,) if isinstance(self.wrt, str) else tuple(self.wrt)


def key_of(
    kind: Callable[[Any], tuple[Any, ...]],
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None,
) -> tuple[Any, ...]:
    """All that a plan depends on, with `kind` of every argument."""
    key = (method, wrt if wrt is None or type(wrt) is str else tuple(wrt), *map(kind, inputs))
    return key + tuple([(name, *kind(x)) for name, x in options.items()]) if options else key


__all__ = ["Request", "key_of"]
