"""Plans of calls on a GPU: kernels leave their sums in its memory, and a few operations there make the result of them.

Nothing waits for the GPU. A chunk is what one warp does; its sums are added by one more warp, in a fixed order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from lossspec.errors import LossSpecError
from lossspec.kernels import compile as compiler
from lossspec.kernels.cuda import WARP, CudaEmitter, ptx
from lossspec.kernels.driver import DriverError, driver
from lossspec.kernels.front import is_on_cuda
from lossspec.kernels.memory import Block
from lossspec.kernels.nodes import Node, Place
from lossspec.kernels.planning import Planner
from lossspec.kernels.programs import Made, Programs
from lossspec.kernels.ready import NONE, Known, Ready, Words, count
from lossspec.kernels.request import Request, key_of
from lossspec.kernels.schedule import ENTRIES, Store, make_schedule
from lossspec.kernels.trace import Refused

_CHUNK = 1 << 10
"""Entries of a chunk."""
_WARPS = 4
"""Warps of a group."""
_MOST_GROUPS = 1 << 12
_MOST_SCRATCH = 1 << 27
"""Bytes of buffers of all warps together."""


class NotTaken(Exception):  # noqa: N818 (no error: the array path takes the call)
    """An array that no kernel of the GPU takes."""


class Gpu:
    """One GPU as a framework sees it."""

    xp: Any
    index: int

    @property
    def driver(self) -> Any:
        """The driver, which loads and runs functions, or why there is none."""
        return driver()

    def layout(self, x: Any) -> tuple[tuple[int, ...], Any] | None:
        """The shape of an array in one piece on this GPU, and its dtype for NumPy; None for what is no array.

        Raise `NotTaken` for another array.
        """
        raise NotImplementedError

    def address(self, x: Any) -> int:
        """The address of an array in one piece."""
        raise NotImplementedError

    def words(self, arrays: Sequence[Any]) -> Words:
        """The addresses of arrays in one piece."""
        return [self.address(x) for x in arrays], arrays

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """A new array."""
        raise NotImplementedError

    def full(self, value: float) -> Any:
        """A new float64 without axes."""
        raise NotImplementedError

    def stream(self) -> int:
        """The handle of the stream on which the framework works now."""
        raise NotImplementedError

    def run(self, loss: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any], wrt: Any = None) -> Any:
        """The result of a method of a loss; None if the array path has to take the call."""
        if not is_on_cuda():
            return None

        def kind(x: Any) -> tuple[Any, ...]:
            return self.layout(x) or (type(x), x)

        try:
            key = self.index, key_of(kind, method, inputs, options, wrt)
            plan = loss.kernels.get(key)
            if plan is None:
                plan = loss.kernels[key] = prepare(Request(loss, method, inputs, options, wrt), self)
        except (AttributeError, TypeError, NotTaken):
            return None
        return None if isinstance(plan, str) else plan.result(plan.arrays(inputs, options))

    def reason(self, request: Request) -> str:
        """Say why the array path takes a call, or nothing where kernels do."""
        if not is_on_cuda():
            return "kernels on a GPU are asked for: lossspec.kernels.on_cuda()"
        try:
            found = prepare(request, self)
        except NotTaken as why:
            return str(why)
        return found if isinstance(found, str) else ""


def prepare(request: Request, gpu: Gpu, method: str = "", wrt: Any = None) -> Any:
    """The plan of a call, or of another method of it, or why there is none."""
    unavailable = compiler.available() or (gpu.driver if isinstance(gpu.driver, str) else "")
    if unavailable:
        return unavailable

    def stand_in(x: Any) -> Any:
        """A NumPy array without memory of its own, for the host does not read that of a GPU."""
        layout = gpu.layout(x)
        return x if layout is None else np.broadcast_to(np.zeros((), layout[1]), layout[0])

    wrt = wrt if method else request.wrt
    try:
        planned = request.of_hosts(stand_in, method or request.method, wrt)
        return Planner(planned, (partial(OnGpu, gpu=gpu), _no_aggregate)).ready()
    except (Refused, DriverError) as why:
        return str(why)
    except LossSpecError as error:
        return f"the call is wrong: {error}"  # which the array path says
    except RecursionError:
        return "its program is too deep"


def _no_aggregate(call: Known, programs: Programs) -> Ready:
    raise Refused("its last step needs sums that are on the GPU")


class OnGpu(Ready):
    """Calls of one kind on a GPU. Numbers of a result are float64 arrays without axes, on the GPU."""

    def __init__(self, call: Known, programs: Programs, gpu: Gpu) -> None:
        self.gpu = gpu
        if call.request.method == "partial":
            raise Refused("partial results are made of arrays")
        if programs.task.whole:
            raise Refused("its units depend on each other, and one warp would do all")
        super().__init__(call, programs)

    def job(self, piece: str) -> Any:
        """The kernel of a piece of the program, with the sizes of this call."""
        longest = self.longest(self.programs.outline(piece)[0])
        by_units = longest <= WARP or bool(self.planes)
        made = self.programs.made(piece, by_units, 0, self.planes)
        chunk = max(1, _CHUNK // longest)
        if by_units:
            chunk = max(WARP, chunk // WARP * WARP)
        sizes = (self.sizes.get("plane", 1), *(self.sizes[s] for s in made.symbols))
        buffer = (longest + WARP) * (WARP if by_units else 1) * 8
        return Launch(made, self.gpu, self.units, chunk, sizes, buffer)

    def gradient(self, inputs: Words, outputs: Words) -> Any:
        """The value; gradients are written to where outputs are."""
        divisor = self.usual[0]
        if self.mass is not None:
            divisor = self.divisor(self.mass.run(inputs, NONE, self._unused))
        factor = self._factor(divisor)
        (total,) = self.main.run(inputs, outputs, self.gpu.words([factor]))
        return self.finished(total, divisor)

    def write(self, inputs: Words, outputs: Words) -> None:
        """Write what each unit has to where outputs are."""
        one = self.gpu.full(1.0)
        self.main.run(inputs, outputs, self.gpu.words([one] * self.facts.cotangents))

    @property
    def _unused(self) -> Words:
        """Cotangents that a kernel does not read."""
        return [0] * self.facts.cotangents, None

    def _factor(self, divisor: Any) -> Any:
        """The factor of each unit under a denominator."""
        if divisor is None or isinstance(divisor, (int, float)):
            return self.gpu.full(1.0 if divisor is None else 1.0 / divisor if divisor else 0.0)
        where = self.gpu.xp.where
        return where(divisor == 0, 0.0, 1.0 / where(divisor == 0, 1.0, divisor))

    def finished(self, total: Any, divisor: Any) -> Any:
        """The mean, or `empty` where it is over nothing."""
        if divisor is None or isinstance(divisor, (int, float)):
            found = super().finished(total, divisor)
            return self.gpu.full(found) if isinstance(found, float) else found
        where = self.gpu.xp.where
        return where(divisor == 0, self.empty, total / where(divisor == 0, 1.0, divisor))

    def result(self, arrays: Sequence[Any]) -> Any:
        """The result of the method for arrays of the GPU."""
        gpu, dtype = self.gpu, self.dtype.name
        inputs = gpu.words(arrays)

        def new(n: int) -> Any:
            x = arrays[n]
            return gpu.empty(x.shape, str(x.dtype))

        if self.method == "value_and_grad":
            gradients = [new(n) for n in self.wrt]
            value = self.gradient(inputs, gpu.words(gradients))
            return self._cast(value), gradients[0] if self.single else tuple(gradients)
        if self.method == "grad_hess":
            pair = new(self.wrt[0]), new(self.wrt[0])
            self.write(inputs, gpu.words(pair))
            return pair
        if self.how == "none":
            values = gpu.empty(self.unit_shape, dtype)
            self.write(inputs, gpu.words([values]))
            return values
        return self._cast(self.value(inputs))

    def _cast(self, value: Any) -> Any:
        xp = self.gpu.xp
        return xp.astype(value, getattr(xp, self.dtype.name))


class Launch:
    """A kernel of a GPU with the sizes of a call."""

    def __init__(self, made: Made, gpu: Gpu, units: int, chunk: int, sizes: tuple[int, ...], buffer: int) -> None:
        self.made, self.gpu, self.buffer, self.sizes = made, gpu, buffer, sizes
        self.head = units, chunk
        self.chunks = -(-units // chunk)
        groups = min(-(-self.chunks // _WARPS), _MOST_GROUPS)
        per_group = buffer * made.buffers * _WARPS
        if per_group:
            groups = max(1, min(groups, _MOST_SCRATCH // per_group))
        self.groups, self.scratch = groups, groups * per_group
        self.function = gpu.driver.function(gpu.index, made.kernel)
        self.add = Launch(_adding(), gpu, made.sums, 1, (1, self.chunks), 0) if made.sums and self.chunks > 1 else None

    def run(self, inputs: Words, outputs: Words, cotangents: Words) -> Any:
        """The sums, as an array of the GPU; outputs are written to. A cotangent is an address."""
        count()
        gpu, sums = self.gpu, self.made.sums
        parts = gpu.empty((max(1, sums * self.chunks),), "float64")
        scratch = gpu.empty((max(1, self.scratch),), "int8")
        words = (*self.head, gpu.address(parts), *self.sizes, *cotangents[0], *inputs[0], *outputs[0], self.buffer)
        block = (ctypes.c_int64 * self.made.words)(*words)
        parameters = block, ctypes.c_void_p(gpu.address(scratch))
        gpu.driver.launch(gpu.index, self.function, self.groups, _WARPS * WARP, gpu.stream(), parameters)
        if self.add is None:
            return parts[:sums]
        totals = gpu.empty((sums,), "float64")
        self.add.run(gpu.words([parts]), gpu.words([totals]), NONE)
        return totals


@cache
def _adding() -> Made:
    """The kernel that adds the sums of all chunks: a row for each of the sums."""
    row = ("chunks",)
    sums = Node("input", (), "float64", row, Place(0, (1, row), (1, ())))
    total = Node("sum", (sums,), "float64", (), None, 1)
    schedule = make_schedule([], [Store(total, 0, Place(-1, (1, ()), (1, ())))], False)
    block = Block(row, 0, 1, 1)
    text = CudaEmitter(schedule, block, ENTRIES, frozenset(), False).text()
    return Made(compiler.text_of(compiler.key_of(text), lambda: ptx(text)), row, 0, 0, block.length + 1)


__all__ = ["Gpu", "Launch", "NotTaken", "OnGpu", "prepare"]
