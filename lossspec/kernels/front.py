"""From a call to its kernel: a plan by types, shapes, dtypes and options, or the reason why the array path takes it."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from lossspec.binding import by_name
from lossspec.contract import LENGTH_REDUCTIONS, align
from lossspec.dispatch import find_backend, is_array
from lossspec.errors import LossSpecError
from lossspec.kernels import compile as compiler
from lossspec.kernels.emit import ELEMENTS, Block, Emitter
from lossspec.kernels.lower import Lowered, Lowering, Node, Place
from lossspec.kernels.schedule import ENTRIES, UNITS, Store, make_schedule
from lossspec.kernels.threads import spread
from lossspec.kernels.trace import Argument, Computed, Dim, Refused, UnitProgram, trace
from lossspec.pipeline import values_are_checked
from lossspec.plan import Plan, move_last
from lossspec.reduction import Mean
from lossspec.terms import CLASSES, Shape

_CHUNK = 1 << 14
"""Entries of a chunk: sums over fewer units than these are formed one after the other."""
_SHORT_ROW = 32
_ARRAYS = ("sample_weight", "where", "where_entries", "class_weight")
_CLASSES = Shape.parse(CLASSES)
_MOST_KERNELS = 256
_MOST_PLANS = 1024

_switched_off: ContextVar[bool] = ContextVar("lossspec_kernels_off", default=False)
_unavailable: str | None = None
_served = 0


@contextmanager
def disabled() -> Iterator[None]:
    """Within this context every call takes the array path.

    >>> import numpy as np
    >>> import lossspec, lossspec.kernels
    >>> with lossspec.kernels.disabled():
    ...     float(lossspec.squared_error(np.asarray([1.0, 3.0]), np.asarray([0.0, 0.0])))
    5.0
    """
    token = _switched_off.set(True)
    try:
        yield
    finally:
        _switched_off.reset(token)


def count() -> None:
    """Count a kernel that has served a call."""
    global _served
    _served += 1


def served() -> int:
    """The number of calls that kernels have served in this process."""
    return _served


def run(
    loss: Computed,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
) -> Any:
    """The result of a method of a loss by a kernel; None if the array path has to take the call.

    The methods are "value", "value_and_grad", "grad_hess" and "partial"; the last gives totals, weight and count.
    """
    first = inputs[0] if inputs else options.get(loss.declared.inputs[0])
    if type(first) is not np.ndarray:
        if isinstance(first, (list, tuple)):
            return None
        backend = find_backend(first)
        if backend is None or backend.is_tracing():
            return None
        return backend.by_kernel(loss, method, inputs, options, wrt)
    if _switched_off.get() or values_are_checked():
        return None
    try:
        key = (method, wrt if wrt is None or type(wrt) is str else tuple(wrt), *map(_kind, inputs))
        if options:
            key += tuple((name, *_kind(x)) for name, x in options.items())
        ready: Ready | str | None = loss.kernels.get(key)
        if ready is None:
            ready = prepare(loss, method, inputs, options, wrt, key)
    except (AttributeError, TypeError):
        return None  # a list, or what has no hash
    if isinstance(ready, str):
        return None
    arrays = ready.arrays(inputs, options)
    for x in arrays:
        flags = x.flags
        if not (flags.c_contiguous and flags.aligned):
            return None
    return ready.on_numpy(arrays)


def is_off() -> bool:
    """Say whether every call takes the array path now."""
    return _switched_off.get() or values_are_checked()


def _kind(x: Any) -> tuple[Any, ...]:
    """All of an argument that a plan depends on."""
    return (
        (type(x), x.shape, x.dtype)
        if type(x) is np.ndarray
        else (type(x), x, str(x.dtype) if hasattr(x, "dtype") else "")
    )


def prepare(
    loss: Computed,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None,
    key: Any,
) -> Ready | str:
    """The plan of a call of NumPy arrays, or why there is none; remembered under a key."""
    if len(loss.kernels) >= _MOST_PLANS:
        loss.kernels.clear()
    found = loss.kernels[key] = _plan(loss, method, inputs, options, wrt)
    return found


def reason(
    loss: Computed,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
) -> str:
    """Say why the array path takes a call, or nothing where a kernel does."""
    if _switched_off.get():
        return "kernels are disabled here"
    if values_are_checked():
        return "values are checked"
    hosts = []
    for x in [*inputs, *options.values()]:
        backend = find_backend(x) if is_array(x) else None
        host = x if backend is None else backend.host(x)
        if host is None:
            return f"an array of {backend.name} is not one piece of the memory of the host" if backend else ""
        if is_array(host) and not (host.flags.c_contiguous and host.flags.aligned):
            return "an array is not contiguous"
        hosts.append(host)
    found = _plan(loss, method, hosts[: len(inputs)], dict(zip(options, hosts[len(inputs) :], strict=True)), wrt)
    return found if isinstance(found, str) else ""


def _plan(
    loss: Computed,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None,
) -> Ready | str:
    """A plan that is ready to run, or why there is none."""
    global _unavailable
    chosen = loss.declared.inputs[:1] if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    chosen = chosen if method in ("value_and_grad", "grad_hess", "pull") else ()
    if _unavailable is None:
        _unavailable = compiler.available()
    if _unavailable:
        return _unavailable
    single = wrt is None or isinstance(wrt, str)
    try:
        return _Planner(loss, method, tuple(inputs), dict(options), chosen, single).ready()
    except Refused as why:
        return str(why)
    except LossSpecError as error:
        return f"the call is wrong: {error}"  # which the array path says
    except RecursionError:
        return "its program is too deep"


@dataclass
class Programs:
    """The program of one kind of call of a loss, and its kernels."""

    program: UnitProgram
    lowered: Lowered
    kernels: dict[Any, tuple[compiler.Kernel, Block, int, int]] = field(default_factory=dict)


class _Planner:
    """The way from the arguments of a call to a plan."""

    def __init__(
        self,
        loss: Computed,
        method: str,
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        wrt: tuple[str, ...],
        single: bool,
    ) -> None:
        self.loss, self.method, self.wrt, self.single = loss, method, wrt, single
        self.contract = loss.contract
        if self.contract.form != "pointwise":
            raise Refused(f"the loss is {self.contract.form}")
        given = by_name(self.contract, inputs, options)
        self.given = given
        for name, x in given.items():
            if isinstance(x, (list, tuple)) and name in loss.declared.inputs:
                raise Refused(f"`{name}` is a list")
            if hasattr(x, "dtype") and type(x) is not np.ndarray:
                raise Refused(f"`{name}` is a {type(x).__name__}")
        self.values, keywords = loss.declared.bind(inputs, options)
        self.keywords = keywords
        extra = {name: getattr(keywords, name) for name in _ARRAYS}
        self.how = keywords.reduction
        if isinstance(self.how, Mean) and not isinstance(self.how.over, (int, float)):
            raise Refused("what the mean divides by is an array")
        if self.how in LENGTH_REDUCTIONS and method != "grad_hess":
            raise Refused(f"the reduction is {self.how!r}")
        self.axis = keywords.axis
        self.plan: Plan = loss.plans.of(self.values, keywords)
        if self.plan.backend.name != "numpy":
            raise Refused(f"the arrays are of {self.plan.backend.name}")
        if self.plan.widened:
            raise Refused("an array is of half precision")
        if 0 in self.plan.unit_shape:
            raise Refused("there are no units")
        for name in wrt:
            x = given.get(name)
            if type(x) is not np.ndarray or x.dtype.kind != "f":
                raise Refused(f"`{name}` is no array of real numbers")
        self.arrays = {n: x for n, x in {**self.values, **extra}.items() if type(x) is np.ndarray}
        for name, x in self.arrays.items():
            if x.dtype.name not in ELEMENTS or not x.dtype.isnative:
                raise Refused(f"`{name}` is an array of {x.dtype}")
            if name in given and type(given[name]) is not np.ndarray:
                raise Refused(f"`{name}` is a {type(given[name]).__name__}")
        if method == "grad_hess" and "reduction" in given:
            raise Refused("the call is wrong: grad_hess has no reduction")
        self.sizes: dict[str, int] = {}

    def ready(self) -> Ready:
        """The plan, of symbolic sizes if that is possible, else of these sizes alone."""
        try:
            return self._ready(False)
        except Refused as why:
            try:
                return self._ready(True)
            except Refused:
                raise why from None

    def _ready(self, fixed: bool) -> Ready:
        self.planes: set[str] = set()
        self.sizes = {}
        arguments = tuple(
            Argument(name, self._dims(name, x, fixed), str(x.dtype)) for name, x in sorted(self.arrays.items())
        )
        static = {n: x for n, x in self.values.items() if n not in self.arrays}
        if self.keywords.ignores:  # what is a default is one of the tracer's calls too
            static["ignore_index"] = self.keywords.ignore_index
        static |= {n: None for n in ("ignore_index", *_ARRAYS) if n in self.given and self.given[n] is None}
        if "axis" in self.contract.tail:
            static["axis"] = -1
        order = {"value_and_grad": 1, "pull": 1, "grad_hess": 2}.get(self.method, 0)
        programs = self._programs(arguments, static, order)
        return Ready(self, programs, arguments)

    def _programs(self, arguments: tuple[Argument, ...], static: Mapping[str, Any], order: int) -> Programs:
        """The program of all calls of this kind."""
        key = (arguments, tuple((n, type(x), x) for n, x in sorted(static.items())), self.wrt, order)
        known = self.loss.kernel_programs
        try:
            found: Programs | str | None = known.get(key)
        except TypeError:
            raise Refused("an option has no hash") from None
        if found is None:
            if len(known) >= _MOST_KERNELS:
                raise Refused("its parameters vary from call to call; an array of them is no constant of the kernel")
            try:
                program = trace(self.loss, arguments, static, self.wrt, order)
                lowered = Lowering(program, self.wrt).run()
                found = Programs(program, lowered)
            except Refused as why:
                found = str(why)
            known[key] = found
        if isinstance(found, str):
            raise Refused(found)
        return found

    def _dims(self, name: str, x: Any, fixed: bool) -> tuple[Dim, ...]:
        """The axes of an array of the call as the tracer sees them."""
        contract, plan = self.contract, self.plan
        shape = tuple(x.shape)
        if name in ("sample_weight", "where"):
            declared = contract.result
        elif name == "class_weight":
            declared = _CLASSES
        elif name == "where_entries":
            names = {n for n, flags in plan.entries.items() if flags}
            declared = next(
                (e for e in contract.entries if _sizes_of(e, plan) == shape and names is not None), contract.entries[0]
            )
        else:
            found = plan.terms[name].shape
            if found is None:
                return ()
            declared = found
        if name in plan.moved:
            place = self.axis % len(shape)
            if place != len(shape) - 1 and shape[place] != 1:
                self.planes.add(name)
                size = prod(shape[place + 1 :])
                if self.sizes.setdefault("plane", size) != size:
                    raise Refused("its inputs have their classes at different places")
            shape = move_last(shape, self.axis)
        sizes = align(declared, shape)
        assert sizes is not None
        units = set(contract.result.names)
        dims: list[Dim] = []
        of_units = []
        for axis, size in zip(declared.axes, sizes, strict=True):
            if axis.name in units:
                whole = plan.facts[axis.name]
                if size == whole:
                    dims.append((f"unit:{axis.name}",))
                    of_units.append(True)
                elif (prod(size) if isinstance(size, tuple) else size) == 1:
                    dims.append(1)
                    of_units.append(False)
                else:
                    raise Refused(f"`{name}` has size 1 on some axes of the units")
                continue
            for number, n in enumerate(size if isinstance(size, tuple) else (size,)):
                if n == 0:
                    raise Refused("an axis has size 0")
                if n == 1 or axis.size is not None or fixed:
                    dims.append(n)
                    continue
                symbol = f"{axis.name}:{number}" if isinstance(size, tuple) else axis.name
                if self.sizes.setdefault(symbol, n) != n:
                    raise Refused("an axis has two sizes")
                dims.append((symbol,))
        if any(of_units) and sum(of_units) != len(units):
            raise Refused(f"`{name}` has some axes of the units and not others")
        return tuple(dims)


def _sizes_of(declared: Any, plan: Plan) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    for axis in declared.axes:
        size = plan.facts[axis.name]
        found += size if isinstance(size, tuple) else (size,)
    return found


class Ready:
    """All that is known of calls of one kind before their values are."""

    def __init__(self, planner: _Planner, programs: Programs, arguments: tuple[Argument, ...]) -> None:
        loss, plan = planner.loss, planner.plan
        self.method, self.how, self.empty = planner.method, planner.how, planner.keywords.empty
        self.input_names = loss.declared.inputs
        self.names = [a.name for a in arguments]
        positions = {name: number for number, name in enumerate(self.input_names)}
        self.numbers = [positions.get(name, -1) for name in self.names]
        self.constants = {
            name: planner.arrays[name] for name in self.names if name not in planner.given
        }  # arrays that the loss is configured with
        if self.constants:
            raise Refused("the loss is configured with an array")
        self.unit_shape = plan.unit_shape
        self.units = prod(plan.unit_shape)
        self.dtype = np.dtype(plan.dtype)
        self.programs, self.arguments = programs, arguments
        self.sizes = planner.sizes
        self.wrt = [self.names.index(name) for name in planner.wrt]
        self.single = planner.single
        lowered = programs.lowered
        if self.how == "batch_mean" and not plan.unit_shape:
            raise Refused("the loss of the call is 0-d")
        self.weighted, self.masked = lowered.weight is not None, lowered.selected is not None
        if self.method == "value_and_grad":
            if self.how == "none":
                raise Refused("the call is wrong: only a reduced loss has a gradient")
            if self.how == "mean" and programs.program.weight_varies:
                raise Refused("what the mean divides by depends on what is differentiated")
        if self.method == "partial" and self.how == "none":
            raise Refused("the call is wrong: nothing to merge")
        if len(lowered.statistics) != 1:
            raise Refused("it has several statistics")
        by_weights = self.how in ("mean", "count_mean") and (self.masked or self.weighted)
        divisor = None if self.how == "none" or by_weights else self.divisor(())
        self.usual = divisor, _scale(divisor)
        """The denominator and the factor of each unit, if no pass over the weights has to find them."""
        self.ones = (_scale(None),) * len(programs.program.cotangents)
        self.planes = frozenset(n for n, a in enumerate(arguments) if a.name in planner.planes)
        self.mass: Job | None = None
        weights: list[Node] = [x for x in (lowered.weight, lowered.selected) if x is not None]
        each = Place(-1, (1, ()), (1, ()))
        gradients = [Store(node, self._rank(place), place) for node, place in lowered.gradients]
        if self.method == "grad_hess":
            (of_input,) = {place.number for _, place in lowered.gradients}
            if any(isinstance(d, tuple) and not d[0].startswith("unit:") for d in arguments[of_input].dims):
                raise Refused("second derivatives along a row")
            if any(isinstance(d, int) and d != 1 for d in arguments[of_input].dims):
                raise Refused("second derivatives along a row")
            stores = gradients + [Store(node, 1, place) for node, place in lowered.hessians]
            self.main = self._job("hess", [], stores)
        elif self.method == "pull":
            self.main = self._job("pull", [], gradients)
        elif self.method == "value_and_grad":
            self.main = self._job("gradient", lowered.statistics, gradients)
            if by_weights:
                self.mass = self._job("mass", weights, [])
        elif self.how == "none":
            self.main = self._job("each", [], [Store(lowered.statistics[0], 0, each)])
        else:
            self.main = self._job("value", [*lowered.statistics, *weights], [])

    def _rank(self, place: Place) -> int:
        return self.wrt.index(place.number)

    def _job(self, name: str, sums: list[Node], stores: list[Store]) -> Job:
        """A kernel of the program, made for this schedule if it is new, with the sizes of this call."""
        rows = {x.row for x in _all(sums, stores) if x.row}
        longest = max((prod(self.sizes[s] for s in row) for row in rows), default=1)
        by_units = not rows or bool(self.planes) or longest <= _SHORT_ROW
        lanes = 32 if not rows and self.dtype.itemsize == 4 else 16
        key = (name, by_units, lanes, self.planes)
        symbols = tuple(sorted(s for s in self.sizes if s != "plane"))
        found = self.programs.kernels.get(key)
        if found is None:
            schedule = make_schedule(sums, stores, by_units and not self.planes)
            block = Block(
                symbols,
                len(self.programs.program.cotangents),
                len(self.arguments),
                1 + max((store.output for store in stores), default=-1),
            )
            emitter = Emitter(schedule, block, UNITS if by_units else ENTRIES, lanes, self.planes, name == "pull")
            text = emitter.text()
            try:
                kernel = compiler.compiled(text)
            except Exception as error:  # whatever LLVM says: the array path has the right answer
                raise Refused(f"the kernel does not compile: {error}") from None
            found = self.programs.kernels[key] = (kernel, block, len(sums), len(schedule.buffered))
        kernel, block, count, buffers = found
        chunk = max(1, _CHUNK // longest)
        if by_units:
            chunk = max(lanes, chunk // lanes * lanes)
        return Job(
            kernel,
            count,
            (self.units, chunk),
            (self.sizes.get("plane", 1), *(self.sizes[s] for s in symbols)),
            -(-self.units // chunk),
            (longest + lanes) * (lanes if by_units else 1) * 8,
            buffers,
            self.units * longest,
            block.length + 1,
        )

    # The call.

    def arrays(self, inputs: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
        """The arrays of a call in the order of the kernel."""
        if not options:
            return [inputs[number] for number in self.numbers]
        given = dict(zip(self.input_names, inputs, strict=False))
        given.update(options)
        return [given[name] for name in self.names]

    def on_numpy(self, arrays: list[Any]) -> Any:
        """The result of the method for NumPy arrays."""
        pointers = [_address(x) for x in arrays]
        if self.method == "value_and_grad":
            gradients = [np.empty(arrays[n].shape, arrays[n].dtype) for n in self.wrt]
            value = self.gradient(pointers, [_address(g) for g in gradients])
            return self.dtype.type(value), gradients[0] if self.single else tuple(gradients)
        if self.method == "grad_hess":
            x = arrays[self.wrt[0]]
            pair = [np.empty(x.shape, x.dtype) for _ in range(2)]
            self.write(pointers, [_address(g) for g in pair])
            return tuple(pair)
        if self.how == "none":
            values = np.empty(self.unit_shape, self.dtype)
            self.write(pointers, [_address(values)])
            return values
        if self.method == "value":
            return self.dtype.type(self.value(pointers))
        total, weight, count = self.totals(pointers)
        exact = np.int64(count) if self.masked else count
        return (self.dtype.type(total),), exact if weight is None else self.dtype.type(weight), exact

    def gradient(self, inputs: Sequence[int], outputs: Sequence[int]) -> float:
        """The value; gradients are written to where outputs are."""
        if self.mass is None:
            divisor, word = self.usual
        else:
            divisor = self.divisor(self.mass.run(inputs, (), (0,)))
            word = _scale(divisor)
        (total,) = self.main.run(inputs, outputs, (word,))
        return self.finished(total, divisor)

    def write(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Write what each unit has to where outputs are."""
        self.main.run(inputs, outputs, self.ones)

    def pull(self, inputs: Sequence[int], outputs: Sequence[int], cotangent: int) -> None:
        """Write the gradients for the cotangents of all units, which are at an address."""
        self.main.run(inputs, outputs, (cotangent,))

    def totals(self, inputs: Sequence[int]) -> tuple[float, float | None, int]:
        """The sum over the units, that of their weights if they have any, and their number."""
        total, *weights = self.main.run(inputs, (), ())
        return total, weights[0] if self.weighted else None, int(weights[-1]) if self.masked else self.units

    def value(self, inputs: Sequence[int]) -> float:
        """The loss."""
        total, *weights = self.main.run(inputs, (), ())
        return self.finished(total, self.divisor(weights))

    def divisor(self, weights: Sequence[float]) -> float | None:
        """The denominator."""
        if self.how == "mean" and self.weighted:
            return weights[0]
        if self.how in ("mean", "count_mean"):
            return weights[-1] if self.masked else self.units
        if self.how == "batch_mean":
            return self.unit_shape[0]
        return self.how.over if isinstance(self.how, Mean) else None

    def finished(self, total: float, divisor: float | None) -> float:
        """The mean, or `empty` where it is over nothing."""
        if divisor is None:
            return total
        if divisor == 0:
            return total * 0.0 + self.empty if isinstance(self.how, Mean) else self.empty
        return total / divisor


def _all(sums: Sequence[Node], stores: Sequence[Store]) -> list[Node]:
    """All nodes of some results."""
    waiting, seen = [*sums, *(store.node for store in stores)], {}
    while waiting:
        x = waiting.pop()
        if id(x) not in seen:
            seen[id(x)] = x
            waiting.extend(x.args)
    return list(seen.values())


class Job:
    """A kernel with the sizes of a call."""

    def __init__(
        self,
        kernel: compiler.Kernel,
        sums: int,
        head: tuple[int, ...],
        sizes: tuple[int, ...],
        chunks: int,
        buffer: int,
        buffers: int,
        entries: int,
        words: int,
    ) -> None:
        self.kernel, self.sums, self.head, self.sizes = kernel, sums, head, sizes
        self.chunks, self.buffer, self.buffers, self.entries = chunks, buffer, buffers, entries
        self.totals = ctypes.c_double * max(1, sums * chunks)
        self.block = ctypes.c_int64 * words
        self.at_once = chunks == 1 and not buffers

    def run(self, inputs: Sequence[int], outputs: Sequence[int], cotangents: tuple[int, ...]) -> Sequence[float]:
        """The sums; outputs are written to. A cotangent is the word of a number, or the address of all of them."""
        global _served
        _served += 1
        totals = self.totals()
        sums = ctypes.addressof(totals)
        block = self.block(*self.head, sums, *self.sizes, *cotangents, *inputs, *outputs, self.buffer)
        address = ctypes.addressof(block)
        if self.at_once:
            self.kernel(address, 0, 1, 0)
            return totals[: self.sums]

        def work(first: int, last: int) -> None:
            scratch = (ctypes.c_char * max(1, self.buffer * self.buffers))()
            self.kernel(address, first, last, ctypes.addressof(scratch))

        spread(work, self.chunks, self.entries)
        if self.chunks == 1:
            return totals[: self.sums]
        found = np.ctypeslib.as_array(totals)[: self.sums * self.chunks].reshape(self.sums, self.chunks)
        return [float(np.add.reduce(row)) for row in found]


def _address(x: Any) -> int:
    """The address of an array; from its buffer, which is quick, unless that is read-only."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(x))
    except (TypeError, ValueError, BufferError):
        address: int = x.__array_interface__["data"][0]
        return address


def _scale(divisor: float | None) -> int:
    """The factor of each unit under a denominator, as the 64 bits of a float64."""
    scale = 1.0 if divisor is None else 1.0 / divisor if divisor != 0 else 0.0
    word: int = _WORD.unpack(_DOUBLE.pack(scale))[0]
    return word


_WORD, _DOUBLE = struct.Struct("q"), struct.Struct("d")

__all__ = ["disabled", "is_off", "prepare", "reason", "run"]
