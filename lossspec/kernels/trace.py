"""The unit program of a loss: the whole pipeline of a call, recorded by the tape, as steps on arrays of symbolic sizes.

A call is recorded twice on tiny arrays whose axes have different primes for sizes. What differs between the recordings
is a size, or follows from one; what is equal is constant. So one program serves all sizes of its axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lossspec import pipeline
from lossspec.autodiff.array import Traced, innermost_tape
from lossspec.autodiff.functions import make_input, value_and_grad
from lossspec.autodiff.namespace import TracedBackend, leaves_of
from lossspec.autodiff.tape import Program, Tape, Value, make_program
from lossspec.dispatch import get_backend
from lossspec.errors import ContractError
from lossspec.numerics import Step

if TYPE_CHECKING:
    from lossspec.binding import Declared
    from lossspec.contract import Contract
    from lossspec.plan import Plans


class Computed(Protocol):
    """A loss, as far as kernels know it."""

    contract: Contract
    declared: Declared
    plans: Plans
    kernels: dict[Any, Any]
    """Plans of calls, by what they depend on."""
    kernel_programs: dict[Any, Any]
    """Unit programs and their kernels, by the same without sizes."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The loss of a call."""

    def value_and_grad(self, *inputs: Any, wrt: Any = None, **options: Any) -> tuple[Any, Any]:
        """The loss of a call, and its gradients."""


RECURRENCE = "it is a recurrence"
"""The reason why no kernel computes a loss over paths whole."""
OTHER_SIZES = "its body asks for sizes that the tracer does not know"
"""The reason of a loss whose axes go together by a rule of its body: it may be a recurrence."""
Symbols = tuple[str, ...]
"""The axes that an axis of a program stands for: several where they were merged."""

Dim = int | Symbols
"""The size of an axis of a program: a number that never changes, or symbols."""

_PRIMES = ((5, 7, 11, 13, 17, 19), (11, 19, 13, 17, 31, 29))
"""The sizes of both recordings. Their differences differ, and so do the ratios of all `FORMS` of them and of their
products, so that a number follows from the sizes of no other axes."""
_MOST_STEPS = 4000


class Refused(Exception):  # noqa: N818 (no error: the array path takes the call)
    """The reason why there is no kernel for a call."""


@dataclass(frozen=True)
class Argument:
    """An array of a call: its name, its axes and its dtype."""

    name: str
    dims: tuple[Dim, ...]
    dtype: str
    """The dtype in which it is computed."""
    held: str = ""
    """The half precision in which it lies in memory, if it does."""


@dataclass(frozen=True)
class Size:
    """A number that follows from the sizes of axes: `factor` times `form` of their product n, plus `shift`."""

    symbols: Symbols
    form: str
    factor: float
    shift: float = 0


FORMS: Mapping[str, Callable[[float], float]] = {
    "n": lambda n: n,
    "1/n": lambda n: 1 / n,
    "n-1": lambda n: n - 1,
    "1/(n-1)": lambda n: 1 / (n - 1),
    "sqrt(n)": sqrt,
    "1/sqrt(n)": lambda n: 1 / sqrt(n),
}
"""The ways in which a real number may follow from a size."""


@dataclass(frozen=True)
class Item:
    """One call of a function: operands are `Value`s, numbers, `Size`s, arrays, and what else the function takes."""

    function: str
    operands: tuple[Any, ...]
    keywords: Mapping[str, Any]
    output: int


@dataclass(frozen=True)
class Outputs:
    """The results of a recording for each unit, each a `Value` or a constant array."""

    statistics: tuple[Any, ...]
    weight: Any
    """The weight of the unit in a mean; None if all weights are 1."""
    selected: Any
    """True if the unit counts; None if all do."""
    gradients: tuple[Any, ...] = ()
    hessian: Any = None


@dataclass(frozen=True)
class UnitProgram:
    """The steps of one recording pair, with symbolic axes."""

    arguments: tuple[Argument, ...]
    cotangents: tuple[int, ...]
    """The values that are the cotangents of the statistics, beyond the arguments."""
    items: tuple[Item, ...]
    dims: Mapping[int, tuple[Dim, ...]]
    dtypes: Mapping[int, str]
    outputs: Outputs
    weight_varies: bool
    """True if the weights depend on a differentiated input, so that the denominator does too."""
    direction: int | None = None
    """The value that stands for a direction in the space of what is differentiated twice."""


@dataclass(frozen=True)
class _Recording:
    """One of the two."""

    program: Program
    shapes: Mapping[int, tuple[int, ...]]
    dtypes: Mapping[int, str]
    layout: tuple[int, bool, bool, int, bool, bool]
    """The number of statistics, if there are weights and a selection, the number of gradients, if there is a Hessian,
    if the weights depend on a differentiated input."""


@dataclass(frozen=True)
class Task:
    """Calls of one kind, which have one unit program."""

    loss: Computed = field(compare=False)
    arguments: tuple[Argument, ...]
    static: tuple[tuple[str, type, Any], ...]
    """The arguments that are no arrays; their types tell 1 from 1.0."""
    wrt: tuple[str, ...]
    order: int
    """0 for values alone, 1 for gradients, 2 for the Hessian times a direction too."""
    how: str = "sum"
    """The reduction, where units are prepared for one."""
    whole: bool = False
    """True if the whole call is one unit, because its units depend on each other."""


def trace(task: Task) -> UnitProgram:
    """The unit program of calls of one kind."""
    arguments = task.arguments
    symbols = list(dict.fromkeys(s for a in arguments for dim in a.dims if isinstance(dim, tuple) for s in dim))
    if len(symbols) > len(_PRIMES[0]):
        raise Refused("its inputs have more axes than the tracer has sizes for")
    tables = [dict(zip(symbols, primes, strict=False)) for primes in _PRIMES]
    try:
        first, second = (_record(task, sizes) for sizes in tables)
    except ContractError as error:  # the call itself is right: it was planned
        raise Refused(OTHER_SIZES) from error
    merge = Merge(*tables)
    if first.layout != second.layout or len(first.program.steps) != len(second.program.steps):
        raise Refused("its steps depend on the sizes of axes")
    items = []
    for one, other in zip(first.program.steps, second.program.steps, strict=True):
        if (one.function, one.output, len(one.operands)) != (other.function, other.output, len(other.operands)):
            raise Refused("its steps depend on the sizes of axes")
        items.append(
            Item(
                one.function,
                tuple(merge.operand(a, b) for a, b in zip(one.operands, other.operands, strict=True)),
                {key: merge.operand(x, other.keywords[key]) for key, x in one.keywords.items()},
                one.output,
            )
        )
    dims = {
        index: tuple(merge.dim(a, b) for a, b in zip(shape, second.shapes[index], strict=True))
        for index, shape in first.shapes.items()
    }
    results = [merge.operand(a, b) for a, b in zip(first.program.result, second.program.result, strict=True)]
    statistics, has_weight, has_selection, gradients, has_hessian, varies = first.layout
    found = iter(results)
    outputs = Outputs(
        tuple(next(found) for _ in range(statistics)),
        next(found) if has_weight else None,
        next(found) if has_selection else None,
        tuple(next(found) for _ in range(gradients)),
        next(found) if has_hessian else None,
    )
    behind = len(arguments) + (statistics if task.order else 0)
    cotangents = tuple(range(len(arguments), behind))
    direction = behind if task.order == 2 else None
    return UnitProgram(arguments, cotangents, tuple(items), dims, first.dtypes, outputs, varies, direction)


def _record(task: Task, sizes: Mapping[str, int]) -> _Recording:
    """Record the pipeline on tiny arrays of these sizes."""
    backend = _recorder()
    arrays = {a.name: _tiny(a, sizes) for a in task.arguments}
    loss, wrt, order = task.loss, task.wrt, task.order
    found: dict[str, Any] = {}
    with Tape(backend, records_all=True) as tape:
        traced = {name: make_input(tape, x) for name, x in arrays.items()}

        def below(x: Any) -> Any:
            """The value that the inner tape knows as a constant."""
            while type(x) is Traced and x.tape is not tape:
                x = x.value
            return x

        def measure(*chosen: Any) -> Any:
            """The sum of all statistics, each times its cotangent."""
            given = {
                **{n: x for n, _, x in task.static},
                **traced,
                **dict(zip(wrt, chosen, strict=True)),
                "reduction": task.how,
            }
            call = pipeline.measure(loss.declared, loss.plans, (), given)
            xp = backend.namespace
            statistics, weights, selected = pipeline.weighted(call), pipeline.mass_of_units(call), call.selected
            found["varies"] = type(weights) is Traced and weights.tape is not tape
            if task.whole:
                statistics = pipeline.totals(call)
                weights = None if weights is None else xp.sum(weights)
                selected = None if selected is None else xp.count_nonzero(selected)
            found["statistics"] = [below(s) for s in statistics]
            found["weight"] = None if weights is None else below(weights)
            found["selected"] = None if selected is None else below(selected)
            if not order:
                return None
            if "cotangents" not in found:
                found["cotangents"] = [_input(tape, s, 1) for s in statistics]
            terms = [xp.sum(s * g) for s, g in zip(statistics, found["cotangents"], strict=True)]
            return sum(terms[1:], terms[0])

        def along(*chosen: Any) -> Any:
            """The derivative in the one input that is differentiated twice, along a direction."""
            _, (g,) = value_and_grad(measure, (0,))(*chosen)
            found["gradients"] = [below(g)]
            if "direction" not in found:
                found["direction"] = _input(tape, g, 1)
            return backend.namespace.sum(g * found["direction"])

        point = [traced[name] for name in wrt]
        if order == 2:
            _, (hessian,) = value_and_grad(along, (0,))(*point)
            found["hessian"] = hessian
        elif order == 1:
            found["gradients"] = list(value_and_grad(measure, tuple(range(len(wrt))))(*point)[1])
        else:
            measure(*point)
        optional = [found[key] for key in ("weight", "selected") if found[key] is not None]
        last = [found["hessian"]] if order == 2 else []
        results = [*found["statistics"], *optional, *found.get("gradients", ()), *last]
        if len(tape.nodes) > 8 * _MOST_STEPS:
            raise Refused("it is a recurrence, whose steps are as many as its entries")
        directions = [found["direction"]] if order == 2 else []
        inputs = [x.node for x in (*traced.values(), *found.get("cotangents", ()), *directions)]
        nodes = [*inputs, *tape.nodes]
        program = make_program(tape, inputs, results)
        if len(program.steps) > _MOST_STEPS:
            raise Refused("its program is too long")
        return _Recording(
            program,
            {index: tuple(node.shape) for index, node in enumerate(nodes)},
            {index: str(np.dtype(node.dtype)) for index, node in enumerate(nodes)},
            (
                len(found["statistics"]),
                found["weight"] is not None,
                found["selected"] is not None,
                len(found.get("gradients", ())),
                order == 2,
                found["varies"],
            ),
        )


class _Recorder(TracedBackend):
    """The backend of what is recorded."""

    def scan(self, step: Any, carry: Any, xs: Any, reverse: bool = False) -> tuple[Any, Any]:
        """Refuse a recurrence, of which there is a kernel for itself; others are spelt out."""
        if isinstance(step, Step) and innermost_tape(leaves_of((carry, xs))) is not None:
            raise Refused(RECURRENCE)
        return super().scan(step, carry, xs, reverse)


@cache
def _recorder() -> _Recorder:
    return _Recorder(get_backend("numpy"))


def _input(tape: Tape, like: Any, value: float) -> Any:
    """An input of the program beyond the arguments, in the shape of an array."""
    return make_input(tape, np.full(like.shape, value, dtype=str(np.dtype(like.dtype))))


def _tiny(argument: Argument, sizes: Mapping[str, int]) -> Any:
    """An array to record with; no step may depend on its values."""
    shape = tuple(dim if isinstance(dim, int) else prod(sizes[s] for s in dim) for dim in argument.dims)
    if argument.dtype.startswith("float"):
        return np.full(shape, 0.25, dtype=argument.dtype)
    return np.ones(shape, dtype=argument.dtype)


class Merge:
    """From what two recordings have at the same place to what both mean."""

    def __init__(self, first: Mapping[str, int], second: Mapping[str, int]) -> None:
        self.first, self.second = first, second

    def dim(self, a: int, b: int) -> Dim:
        """The axis that has two sizes."""
        if a == b:
            return a
        found = []
        for symbol, size in self.first.items():
            if a % size == 0 and b % self.second[symbol] == 0:
                a, b = a // size, b // self.second[symbol]
                found.append(symbol)
        return tuple(found) if a == b == 1 else ("?",)

    def operand(self, a: Any, b: Any) -> Any:
        """An operand of a step."""
        if isinstance(a, (tuple, list)):
            if not isinstance(b, (tuple, list)) or len(a) != len(b):
                raise Refused("its steps depend on the sizes of axes")
            return tuple(self.operand(x, y) for x, y in zip(a, b, strict=True))
        if isinstance(a, slice):
            return slice(*(self.operand(getattr(a, k), getattr(b, k)) for k in ("start", "stop", "step")))
        if hasattr(a, "dtype") and hasattr(a, "shape"):
            return self.array(np.asarray(a), np.asarray(b))
        if isinstance(a, (int, float)) and not isinstance(a, bool) and isinstance(b, (int, float)):
            return a if a == b or (a != a and b != b) else self.size(a, b)
        if a != b:
            raise Refused("its steps depend on the sizes of axes")
        return a

    def array(self, a: Any, b: Any) -> Constant:
        """An array that the loss made itself."""
        if a.ndim != b.ndim or a.dtype != b.dtype:
            raise Refused("an array that it makes depends on the sizes of axes")
        dims = tuple(self.dim(x, y) for x, y in zip(a.shape, b.shape, strict=True))
        symbolic = tuple(s for dim in dims if isinstance(dim, tuple) for s in dim)
        if not symbolic:
            if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                raise Refused("an array that it makes depends on the sizes of axes")
            return Constant(a, dims)
        flat, other = a.reshape(-1), b.reshape(-1)
        if not flat.size:
            raise Refused("it makes an array without entries")
        if (flat == flat[0]).all() and (other == flat[0]).all():
            return Constant(np.asarray(flat[0]).reshape((1,) * a.ndim), dims)
        counts = all(np.array_equal(x, np.arange(x.size)) for x in (flat, other))
        if counts and sum(dim != 1 for dim in dims) == 1:
            return Constant(None, dims, str(a.dtype))
        raise Refused("it makes an array whose entries the kernel does not know")

    def size(self, a: float, b: float) -> Size:
        """The number that follows from sizes, by its values at two of each: of as few axes as possible."""
        both_whole = isinstance(a, int) and isinstance(b, int)
        chosen = [symbols for count in (1, 2, 3) for symbols in combinations(self.first, count)]
        for symbols in chosen:
            m, n = (prod(sizes[s] for s in symbols) for sizes in (self.first, self.second))
            if both_whole:
                if a * n == b * m and a % m == 0:
                    return Size(symbols, "n", a // m)
                continue
            for form, of in FORMS.items():
                factor = a / of(m)
                if abs(factor * of(n) - b) <= 4e-16 * abs(b):
                    return Size(symbols, form, factor)
        for symbol, m in self.first.items():
            if both_whole and a - b == m - self.second[symbol]:
                return Size((symbol,), "n", 1, a - m)
        return Size((), "", a)


@dataclass(frozen=True, eq=False)
class Constant:
    """An array that the loss makes: its values, with size 1 on symbolic axes, or None where it counts along one."""

    values: Any
    dims: tuple[Dim, ...]
    counted: str = ""
    """The dtype of the count."""


__all__ = [
    "Argument",
    "Computed",
    "Constant",
    "Dim",
    "Item",
    "Merge",
    "Outputs",
    "Refused",
    "Size",
    "Symbols",
    "Task",
    "UnitProgram",
    "Value",
    "trace",
]
