"""The tape: what was computed, as a plain program; it runs backwards for gradients, and again on new inputs.

A node remembers which function made it, of what, and only those values that the derivative needs: `x + y` keeps none.
Nodes hang on the tape in the order of computation, so the reverse pass pops them and frees each when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossspec.dispatch import Backend, find_backend
from lossspec.errors import GradientError

if TYPE_CHECKING:
    from lossspec.autodiff.rules import Rule

Array = Any

NO_KEYWORDS: dict[str, Any] = {}


class Node:
    """One result: the function that made it, its operands, and the cotangent that reached it so far.

    An operand is a `Traced` where the derivative needs its value, the `Node` of one where it needs only the shape and
    dtype, and anything else is a constant.
    """

    __slots__ = ("cotangent", "dtype", "keywords", "operands", "output", "rule", "shape")

    def __init__(
        self, rule: Rule | None, operands: tuple[Any, ...], keywords: dict[str, Any], output: Any, value: Array
    ) -> None:
        self.rule = rule
        self.operands = operands
        self.keywords = keywords
        self.output = output
        self.shape = value.shape
        self.dtype = value.dtype
        self.cotangent: Any = None


class Recording(Backend):
    """The backend of traced arrays, as a tape needs it: `TracedBackend` is the one there is."""

    base: Backend
    array_type: type[Any]

    def enter(self) -> None:
        """Stand in for the backend beneath, while a tape records."""
        raise NotImplementedError

    def leave(self) -> None:
        """Undo one `enter`."""
        raise NotImplementedError


_depth: ContextVar[int] = ContextVar("lossspec_autodiff_depth", default=0)


class Tape:
    """The nodes of one differentiation, and how deep it lies within others.

    With `records_all` it also records what has no derivative (comparisons, argmax, ...), as a `Program` needs.
    Used as a context: outside of it, its arrays are refused.
    """

    __slots__ = ("_token", "backend", "level", "nodes", "record", "records_all")

    def __init__(self, backend: Recording, records_all: bool = False) -> None:
        self.backend = backend
        self.records_all = records_all
        self.nodes: list[Node] = []
        self.record: Callable[[Node], Any] = self.nodes.append
        self.level = 0

    def __enter__(self) -> Tape:
        self.level = _depth.get()
        self._token: Token[int] = _depth.set(self.level + 1)
        self.backend.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.backend.leave()
        _depth.reset(self._token)
        self.nodes.clear()  # breaks the cycle node -> array -> tape: memory is freed now, not by the collector
        self.record = _refuse_to_record


def _refuse_to_record(node: Node) -> None:
    raise GradientError(
        "an array of a differentiation that has ended is used. Fix: return what you need from the function, or keep "
        "stop_gradient(x) instead of x"
    )


def pull_back(tape: Tape, result: Node, cotangent: Array) -> None:
    """Carry a cotangent of `result` back to the input nodes, whose `cotangent` it leaves; consumes the tape.

    Broadcasting and promotion are undone here and nowhere else: a contribution is summed to the shape, and cast to the
    dtype, of what it belongs to.
    """
    backend = tape.backend
    xp = backend.base.namespace if tape.level == 0 else backend.namespace
    nodes = tape.nodes
    traced = backend.array_type
    result.cotangent = cotangent
    del cotangent
    node: Any
    values: Any
    output: Any
    while nodes:
        node = nodes.pop()
        g = node.cotangent
        rule = node.rule
        if g is None or rule is None:
            continue
        node.cotangent = None
        values = []
        targets = []
        for operand in node.operands:
            kind = type(operand)
            if kind is Node:
                targets.append(operand)
                values.append(operand)
            elif kind is traced and operand.tape is tape:
                targets.append(operand.node)
                values.append(operand.value)
            else:
                targets.append(None)
                values.append(operand)
        if rule.joint is None:
            output = node.output
            for target, vjp in zip(targets, rule.vjps, strict=False):
                if target is not None:
                    _add(xp, target, vjp(xp, g, output, *values, **node.keywords))
        else:
            for target, contribution in zip(targets, rule.joint(xp, g, *values, **node.keywords), strict=True):
                if target is not None:
                    _add(xp, target, contribution)
        g = output = node = values = operand = contribution = None  # freed before the next node asks for memory


def _add(xp: Any, target: Node, contribution: Any) -> None:
    """Add to the cotangent of a node, in its shape and dtype; None is 0."""
    if contribution is None:
        return
    if contribution.shape != target.shape:
        contribution = sum_to(xp, contribution, target.shape)
    if contribution.dtype != target.dtype:
        contribution = xp.astype(contribution, target.dtype)
    known = target.cotangent
    target.cotangent = contribution if known is None else known + contribution


def sum_to(xp: Any, x: Array, shape: tuple[int, ...]) -> Array:
    """The adjoint of broadcasting from `shape`: the sum over the axes that it added or stretched."""
    extra = len(x.shape) - len(shape)
    stretched = (i + extra for i, size in enumerate(shape) if size == 1 and x.shape[i + extra] != 1)
    axes = (*range(extra), *stretched)
    summed = xp.sum(x, axis=axes, keepdims=True) if axes else x
    return xp.reshape(summed, shape)


# A tape as a program that can be run again.


@dataclass(frozen=True)
class Value:
    """A reference to a value of a program: its inputs first, then the outputs of its steps."""

    index: int

    def __str__(self) -> str:
        return f"v{self.index}"


@dataclass(frozen=True)
class DType:
    """A dtype by name, which every namespace has under the same one."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Step:
    """One call of a function of the standard; three are none: `getitem`, `stop_gradient`, the `call` of an operand."""

    function: str
    operands: tuple[Any, ...]
    keywords: Mapping[str, Any]
    output: int

    def __str__(self) -> str:
        given = [_show(x) for x in self.operands] + [f"{k}={_show(x)}" for k, x in self.keywords.items()]
        return f"v{self.output} = {self.function}({', '.join(given)})"


@dataclass(frozen=True, eq=False)
class Program:
    """A recorded function, to be replayed on inputs of the same shapes and dtypes.

    Operands are `Value`s, dtypes by name, Python values, or arrays that the function brought along.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Any

    def replay(self, xp: Any, *inputs: Array) -> Array:
        """The result for new inputs, computed by the namespace `xp`; a value is dropped after its last use."""
        shapes = tuple(tuple(x.shape) for x in inputs)
        dtypes = tuple(dtype_name(x.dtype) for x in inputs)
        if (shapes, dtypes) != (self.shapes, self.dtypes):
            raise GradientError(
                f"this program takes {_signature(self.shapes, self.dtypes)}, and was given "
                f"{_signature(shapes, dtypes)}. Fix: trace the function anew for these inputs"
            )
        device = inputs[0].device
        values: dict[int, Array] = dict(enumerate(inputs))
        last = {used.index: step.output for step in self.steps for used in values_of(step)}

        def real(x: Any) -> Any:
            if type(x) is Value:
                return values[x.index]
            if type(x) is DType:
                return getattr(xp, x.name)
            if type(x) in (list, tuple):
                return type(x)(real(item) for item in x)
            return xp.asarray(x, device=device) if hasattr(x, "dtype") else x

        for step in self.steps:
            operands = [real(x) for x in step.operands]
            values[step.output] = function_named(xp, step.function)(
                *operands, **{k: real(x) for k, x in step.keywords.items()}
            )
            for used in values_of(step):
                if last[used.index] == step.output and used != self.result:
                    values.pop(used.index, None)
        return real(self.result)

    def __str__(self) -> str:
        names = ", ".join(f"v{i}: {shape} {dtype}" for i, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes)))  # noqa: B905
        return "\n".join(
            [f"program({names}):", *(f"  {step}" for step in self.steps), f"  return {_show(self.result)}"]
        )


def make_program(tape: Tape, inputs: Sequence[Node], result: Any) -> Program:
    """The program of a tape that records all, without the steps that do not lead to the result."""
    namespace = tape.backend.base.namespace
    dtypes = [(getattr(namespace, name), DType(name)) for name in _DTYPES if hasattr(namespace, name)]
    index = {id(node): number for number, node in enumerate([*inputs, *tape.nodes])}

    def plain(x: Any) -> Any:
        if type(x) is Node:
            return Value(index[id(x)])
        if type(x) is tape.backend.array_type and x.tape is tape:
            return Value(index[id(x.node)])
        if type(x) in (list, tuple):
            return type(x)(plain(item) for item in x)
        if isinstance(x, type) or not (hasattr(x, "dtype") or x is None or isinstance(x, (int, float, str, slice))):
            return next((named for dtype, named in dtypes if dtype is x or dtype == x), x)
        return x

    steps = []
    for node in tape.nodes:
        assert node.rule is not None, "only inputs have no rule, and they are not on the tape"
        operands = tuple(plain(x) for x in node.operands)
        keywords = {key: plain(x) for key, x in node.keywords.items()}
        steps.append(
            Step(node.rule.name, (list(operands),) if node.rule.sequence else operands, keywords, index[id(node)])
        )
    outcome = plain(result)
    needed = {value.index for value in _values_in([outcome])}
    kept = []
    for step in reversed(steps):
        if step.output in needed:
            kept.append(step)
            needed |= {value.index for value in values_of(step)}
    return Program(
        tuple(tuple(node.shape) for node in inputs),
        tuple(dtype_name(node.dtype) for node in inputs),
        tuple(reversed(kept)),
        outcome,
    )


_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


def dtype_name(dtype: Any) -> str:
    """The name of a dtype in the standard."""
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def function_named(xp: Any, name: str) -> Callable[..., Any]:
    """The function of a step, by its name in the namespace."""
    if name == "getitem":
        return lambda x, key: x[key]
    if name == "call":
        return lambda function, *operands: function(*operands)
    if name == "stop_gradient":
        return _stop_gradient
    for part in name.split("."):
        xp = getattr(xp, part)
    function: Callable[..., Any] = xp
    return function


def _stop_gradient(x: Array) -> Array:
    backend = find_backend(x)
    return x if backend is None else backend.stop_gradient(x)


def values_of(step: Step) -> list[Value]:
    """The values that a step takes."""
    return _values_in([*step.operands, *step.keywords.values()])


def _values_in(waiting: list[Any]) -> list[Value]:
    found: list[Value] = []
    while waiting:
        x = waiting.pop()
        if type(x) is Value:
            found.append(x)
        elif type(x) in (list, tuple):
            waiting.extend(x)
    return found


def _signature(shapes: Sequence[tuple[int, ...]], dtypes: Sequence[str]) -> str:
    return ", ".join(f"{dtype}{list(shape)}" for shape, dtype in zip(shapes, dtypes, strict=True))


def _show(x: Any) -> str:
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        return f"<{dtype_name(x.dtype)}{list(x.shape)}>"
    if type(x) in (list, tuple):
        return f"[{', '.join(_show(item) for item in x)}]"
    return str(x)
