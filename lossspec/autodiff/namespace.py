"""The Array API namespace of traced arrays over that of any backend, and the backend that has it.

Both are transparent: given plain arrays only, they do what the namespace and the backend beneath them do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lossspec.autodiff.array import (
    Traced,
    innermost_tape,
    make_binary,
    make_composed,
    make_constant,
    make_first,
    make_general,
    make_refusing,
    make_sequence,
    make_unary,
    remove_traces,
)
from lossspec.autodiff.rules import COMPOSED, CONSTANT, RULES, Rule
from lossspec.autodiff.tape import NO_KEYWORDS, Array, Node, Recording
from lossspec.dispatch import Availability, Backend
from lossspec.primitive import Primitive


class TracedNamespace:
    """The functions of a namespace, each made to record itself when it is first asked for."""

    def __init__(self, base: Any, prefix: str = "", root: Any = None) -> None:
        self._base = base
        self._prefix = prefix
        self._root = self if root is None else root
        self.__name__ = base.__name__

    def __getattr__(self, name: str) -> Any:
        how, _, plain = name.partition("_")
        if how == "recorded":  # by the rule, past what composes the function: see rules.COMPOSED
            made = make_general(RULES[self._prefix + plain], getattr(self._base, plain))
        elif how == "constant":
            made = make_constant(self._prefix + plain, getattr(self._base, plain))
        else:
            found = getattr(self._base, name)
            made = found if name.startswith("__") else self._make(self._prefix + name, found)
            if made is None:
                return make_refusing(self._prefix + name, found)  # and looked up again: its rule may be added later
        setattr(self, name, made)  # the next look-up does not come here
        return made

    def _make(self, name: str, found: Any) -> Any:
        """The recording form of a function; None if it has no rule."""
        if isinstance(found, ModuleType):
            return TracedNamespace(found, f"{name}.", self._root)
        if isinstance(found, type) or not callable(found):
            return found
        if name in COMPOSED:
            return make_composed(COMPOSED[name], found, self._root)
        if name in CONSTANT:
            return make_constant(name, found)
        rule = RULES.get(name)
        if rule is None:
            return None
        if rule.sequence:
            return make_sequence(rule, found)
        if rule.alone:
            return make_first(rule, found)
        if rule.operands == 0:
            return make_general(rule, found)
        return make_unary(rule, found) if rule.operands == 1 else make_binary(rule, found)

    def __dir__(self) -> list[str]:
        return dir(self._base)

    def __repr__(self) -> str:
        return f"<lossspec.autodiff over {self.__name__}>"


class TracedBackend(Recording):
    """A backend whose arrays may be traced; one for each backend beneath it.

    While a function is differentiated it stands in for that backend (`base.stand_in`), so that code which asks for the
    namespace of a plain array gets one that also takes the traced arrays it will meet.
    """

    array_type = Traced

    def __init__(self, base: Backend) -> None:
        self.base = base
        self.name = base.name
        self.module = base.module
        self.extra = base.extra
        self._namespace: TracedNamespace | None = None

    @property
    def namespace(self) -> Any:
        """The namespace of traced arrays."""
        if self._namespace is None:
            self._namespace = TracedNamespace(self.base.namespace)
        return self._namespace

    def renew(self) -> None:
        """Make the namespace anew, over that which the base has now."""
        self._namespace = None

    def enter(self) -> None:
        """Stand in for the base; differentiations nest, and threads differentiate side by side, on several backends."""
        with _lock:
            _entered.setdefault(self.base, []).append(self)
            self.base.stand_in = self

    def leave(self) -> None:
        """Undo one `enter`."""
        with _lock:
            others = _entered[self.base]
            others.remove(self)
            self.base.stand_in = others[-1] if others else None

    def recognises(self, x: object) -> bool:
        """Say whether `x` is an array of the base, traced or not."""
        return (type(x) is Traced and x.lossspec_backend is self) or self.base.recognises(x)

    def all_true(self, flags: Any) -> bool:
        """As the base says of an array that is not traced."""
        return self.base.all_true(flags)

    def available(self) -> Availability:
        """As the base."""
        return self.base.available()

    def version(self) -> str:
        """As the base."""
        return self.base.version()

    def devices(self) -> tuple[str, ...]:
        """As the base."""
        return self.base.devices()

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        """A plain array of the base."""
        return self.base.from_numpy(array, device)

    def to_numpy(self, x: Array) -> Array:
        """A copy of the values."""
        return self.base.to_numpy(values_of(x))

    def adopt(self, x: Any) -> Any:
        """As the base; a traced array as it is."""
        return self.base.adopt(x)

    def device_of(self, x: Array) -> Any:
        """The device of the values."""
        return self.base.device_of(values_of(x))

    def creation_device(self, x: Array) -> Any:
        """The `device` keyword that creates an array beside the values."""
        return self.base.creation_device(values_of(x))

    def known(self, x: Array) -> Array | None:
        """The values, where they may be read: not where they become inputs of a program."""
        while type(x) is Traced:
            if x.tape.records_all:
                return None
            x = x.value
        return self.base.known(x)

    @property
    def index_dtype(self) -> Any:
        """As the base."""
        return self.base.index_dtype

    def matmul(self, x: Array, y: Array) -> Array:
        """The matrix product; plain arrays as the base multiplies them."""
        return super().matmul(x, y) if type(x) is Traced or type(y) is Traced else self.base.matmul(x, y)

    def stop_gradient(self, x: Array) -> Array:
        """The plain values."""
        return remove_traces(x)

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False
    ) -> tuple[Any, Any]:
        """A recurrence; where none of its arrays is followed, that of the backend beneath."""
        followed = innermost_tape(leaves_of((carry, xs))) is not None
        return super().scan(step, carry, xs, reverse) if followed else self.base.scan(step, carry, xs, reverse)

    def compiles_scans(self, x: Any) -> bool:
        """The answer of the backend beneath, for plain arrays."""
        return type(x) is not Traced and self.base.compiles_scans(x)

    def one_pass(self, name: str, *arrays: Any, **sizes: int) -> Any:
        """That of the backend beneath, for plain arrays."""
        return None if innermost_tape(arrays) is not None else self.base.one_pass(name, *arrays, **sizes)

    def apply(self, primitive: Primitive, operands: tuple[Array, ...]) -> Array:
        """The value of a primitive, recorded as one node with its declared derivative.

        A tape that is to become a program records its steps. So does one within another differentiation, on the tape
        around it: that is what makes the declared derivative differentiable.
        """
        tape = innermost_tape(operands)
        if tape is None:
            return self.base.apply(primitive, operands)
        if tape.records_all:
            return primitive.value(self.namespace, operands)
        wanted = [type(x) is Traced and x.tape is tape for x in operands]
        values = [x.value if want else x for x, want in zip(operands, wanted, strict=True)]
        nodes = tuple(x.node if want else None for x, want in zip(operands, wanted, strict=True))
        xp, block = (self.namespace, 0) if tape.level else (self.base.namespace, self.base.block)
        value, pull_all = primitive.linearize(xp, values, block)
        rule = Rule(primitive.__name__, (), joint=lambda xp, g, *_: pull_all(g, wanted))
        node = Node(rule, nodes, NO_KEYWORDS, None, value)
        tape.record(node)
        return Traced(value, node, tape)


def leaves_of(nested: Any) -> list[Any]:
    """The arrays of nested tuples."""
    return [x for item in nested for x in leaves_of(item)] if isinstance(nested, tuple) else [nested]


def values_of(x: Any) -> Array:
    """The plain array beneath all tracing."""
    while type(x) is Traced:
        x = x.value
    return x


_lock = threading.Lock()
_entered: dict[Backend, list[TracedBackend]] = {}
"""The backends that stand in for a base now."""

_backends: dict[Backend, TracedBackend] = {}


def traced_backend(base: Backend) -> TracedBackend:
    """The one traced backend over a backend."""
    if isinstance(base, TracedBackend):
        return base
    return _backends.setdefault(base, TracedBackend(base)) if base not in _backends else _backends[base]
