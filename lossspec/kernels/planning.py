"""From the arguments of a call to a plan: what each array is to the kernel, and which of its axes are sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from lossspec.binding import by_name
from lossspec.contract import LENGTH_REDUCTIONS, align
from lossspec.kernels.aggregate import Aggregate
from lossspec.kernels.ir import ELEMENTS
from lossspec.kernels.programs import Programs
from lossspec.kernels.ready import Known, Ready
from lossspec.kernels.request import Request
from lossspec.kernels.trace import Argument, Dim, Refused, Task
from lossspec.plan import Plan, move_last
from lossspec.reduction import Mean
from lossspec.terms import CLASSES, Shape

Kind = Callable[[Known, Programs], Ready]
"""A kind of plans: one for losses that are sums over units, and one for aggregates."""

_ARRAYS = ("sample_weight", "where", "where_entries", "class_weight")
_CLASSES = Shape.parse(CLASSES)
_MOST_KERNELS = 256
_LONGEST_SPELT = 16
"""The longest axis that is spelt out alone, so that a sum over the others leaves a number for each of its entries."""
_MOST_CELLS = 64


class Planner:
    """The way from the arguments of a call to a plan."""

    def __init__(
        self, request: Request, kinds: Sequence[Callable[[Known, Programs], Ready]] = (Ready, Aggregate)
    ) -> None:
        self.request, self.kinds = request, kinds
        loss, method = request.loss, request.method
        self.wrt = request.differentiated()
        self.contract = contract = loss.contract
        self.given = given = by_name(contract, tuple(request.inputs), dict(request.options))
        for name, x in given.items():
            if isinstance(x, (list, tuple)) and name in loss.declared.inputs:
                raise Refused(f"`{name}` is a list")
            if hasattr(x, "dtype") and type(x) is not np.ndarray:
                raise Refused(f"`{name}` is a {type(x).__name__}")
        self.values, self.keywords = loss.declared.bind(tuple(request.inputs), dict(request.options))
        extra = {name: getattr(self.keywords, name) for name in _ARRAYS}
        self.how = self.keywords.reduction
        if isinstance(self.how, Mean) and not isinstance(self.how.over, (int, float)):
            raise Refused("what the mean divides by is an array")
        self.axis = self.keywords.axis
        self.plan: Plan = loss.plans.of(self.values, self.keywords)
        if self.plan.backend.name != "numpy":
            raise Refused(f"the arrays are of {self.plan.backend.name}")
        if 0 in self.plan.unit_shape:
            raise Refused("there are no units")
        for name in self.wrt:
            x = given.get(name)
            if type(x) is not np.ndarray or x.dtype.kind != "f":
                raise Refused(f"`{name}` is no array of real numbers")
        self.arrays = {n: x for n, x in {**self.values, **extra}.items() if type(x) is np.ndarray}
        for name, x in self.arrays.items():
            if (x.dtype.name not in ELEMENTS and not _half(x)) or not x.dtype.isnative:
                raise Refused(f"`{name}` is an array of {x.dtype}")
            if name in given and type(given[name]) is not np.ndarray:
                raise Refused(f"`{name}` is a {type(given[name]).__name__}")
        if method == "grad_hess" and ("reduction" in given or contract.form != "pointwise"):
            raise Refused("the call is wrong: grad_hess is of a pointwise loss and has no reduction")
        own = contract.statistics.names if contract.statistics is not None else ()
        self.whole = contract.form == "coupled"
        if self.whole and len(self.plan.unit_shape) != 1:
            raise Refused("the loss is coupled")
        self.unit_names = frozenset() if self.whole else frozenset((*contract.result.names, *own))
        self.unit_shape = self.plan.unit_shape + tuple(self.plan.facts[name] for name in own)
        self.sizes: dict[str, int] = {}
        self.planes: frozenset[str] = frozenset()

    def ready(self) -> Ready:
        """The plan: of symbolic sizes, else with one short axis of a row spelt out, else with all of them."""
        first: Refused | None = None
        tried: set[frozenset[str]] = set()
        for spelt in self._ladder():
            if spelt not in tried:
                tried.add(spelt)
                try:
                    return self._ready(spelt)
                except Refused as why:
                    first = first or why
        assert first is not None
        raise Refused(f"the loss is coupled, and {first}") if self.whole else first

    def _ladder(self) -> Iterator[frozenset[str]]:
        """The axes to spell out, fewest first; their sizes are known once the first plan was tried."""
        yield frozenset()
        sizes = {name: size for name, size in self.sizes.items() if name != "plane"}
        short = sorted((size, name) for name, size in sizes.items() if size <= _LONGEST_SPELT)
        for _, name in short:
            yield frozenset((name,))
        if all(size <= _MOST_CELLS for size in sizes.values()):
            yield frozenset(sizes)

    def _ready(self, spelt: frozenset[str]) -> Ready:
        self.sizes, planes = {}, set[str]()
        arguments = tuple(
            Argument(name, self._dims(name, x, spelt, planes), "float32" if _half(x) else str(x.dtype), _half(x))
            for name, x in sorted(self.arrays.items())
        )
        self.planes = frozenset(planes)
        static = {n: x for n, x in self.values.items() if n not in self.arrays}
        if self.keywords.ignores:  # what is a default is one of the tracer's calls too
            static["ignore_index"] = self.keywords.ignore_index
        static |= {n: None for n in ("ignore_index", *_ARRAYS) if n in self.given and self.given[n] is None}
        if "axis" in self.contract.tail:
            static["axis"] = -1
        order = {"value_and_grad": 1, "pull": 1, "back": 1, "grad_hess": 2}.get(self.request.method, 0)
        usual = "sum" if "sum" in self.contract.reductions else self.contract.default_reduction
        how = self.how if self.how in LENGTH_REDUCTIONS and order != 2 else usual
        types = tuple((n, type(x), x) for n, x in sorted(static.items()))
        programs = self._programs(Task(self.request.loss, arguments, types, self.wrt, order, str(how), self.whole))
        known = Known(
            self.request,
            self.given,
            self.values,
            self.keywords,
            self.plan,
            self.unit_shape,
            self.sizes,
            self.planes,
        )
        return self.kinds[self.contract.form == "aggregate"](known, programs)

    def _programs(self, task: Task) -> Programs:
        """The program of all calls of this kind."""
        known = self.request.loss.kernel_programs
        try:
            found: Programs | str | None = known.get(task)
        except TypeError:
            raise Refused("an option has no hash") from None
        if found is None:
            if len(known) >= _MOST_KERNELS:
                raise Refused("its parameters vary from call to call; an array of them is no constant of the kernel")
            try:
                found = Programs(task)
            except Refused as why:
                found = str(why)
            known[task] = found
        if isinstance(found, str):
            raise Refused(found)
        return found

    def _dims(self, name: str, x: Any, spelt: frozenset[str], planes: set[str]) -> tuple[Dim, ...]:
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
                if any(axis.name not in self.unit_names for axis in declared.axes[:-1]):
                    raise Refused(f"axes of a row of `{name}` lie behind its classes")
                planes.add(name)
                size = prod(shape[place + 1 :])
                if self.sizes.setdefault("plane", size) != size:
                    raise Refused("its inputs have their classes at different places")
            shape = move_last(shape, self.axis)
        sizes = align(declared, shape)
        assert sizes is not None
        units = self.unit_names
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
                symbol = f"{axis.name}:{number}" if isinstance(size, tuple) else axis.name
                if n == 1 or axis.size is not None or symbol in spelt:
                    dims.append(n)
                    continue
                if self.sizes.setdefault(symbol, n) != n:
                    raise Refused("an axis has two sizes")
                dims.append((symbol,))
        if any(of_units) and sum(of_units) != len(units):
            raise Refused(f"`{name}` has some axes of the units and not others")
        return tuple(dims)


def _half(x: Any) -> str:
    """The half precision that an array holds, or nothing; NumPy has no bfloat16, whose bits say so in their dtype."""
    if x.dtype.name != "float16":
        return ""
    return "bfloat16" if x.dtype.metadata else "float16"


def _sizes_of(declared: Any, plan: Plan) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    for axis in declared.axes:
        size = plan.facts[axis.name]
        found += size if isinstance(size, tuple) else (size,)
    return found


__all__ = ["Planner"]
