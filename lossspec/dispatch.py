"""From an array to its backend, by type; a call that mixes frameworks or devices is refused.

A backend is one framework behind a small common face. `lossspec.backends` holds ours; a third party adds one with an
entry point in the group `lossspec.backends` whose value is a `Backend` instance.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from typing import Any

from lossspec.errors import BackendError, DTypeError, MixtureError
from lossspec.terms import Array

ENTRY_POINTS = "lossspec.backends"

HALF_EPS: Mapping[str, float] = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The half precisions, which are widened to float32, and what the last digit of 1 is in them."""


@dataclass(frozen=True)
class Availability:
    """The answer to the question if a backend can run here, with the reason if it cannot."""

    usable: bool
    reason: str = ""
    version: str = ""

    def __bool__(self) -> bool:
        return self.usable


class Backend:
    """One array framework. The defaults suit an eager framework on the CPU that has no autodiff of its own."""

    name: str
    """The name in commands and reports."""
    module: str
    """The package to import; also what has to be loaded before an array of it can exist."""
    extra: str
    """The extra of lossspec that installs it."""
    casting = "xp.astype({x}, xp.{dtype})"
    """The conversion of an array `x` to another dtype, as its users write it; errors advise it."""
    making = "xp.asarray({x})"
    """The making of an array from a list or numbers, as its users write it."""
    integer = "int64"
    """The dtype of labels to advise."""
    lazy = False
    """Arrays without values, whose chunks another backend computes; the matrix has no column of them."""
    dtypes: tuple[str, ...] = ("float32", "float64")
    """The dtypes of real numbers that the framework computes in; the matrix does not run in another."""

    @property
    def namespace(self) -> Any:
        """The Array API namespace of the framework; imports it."""
        raise NotImplementedError

    def recognises(self, x: object) -> bool:
        """Say whether `x` is an array of this framework, which is loaded."""
        raise NotImplementedError

    def available(self) -> Availability:
        """Say whether the framework is installed and works; never raise."""
        if find_spec(self.module) is None:
            return Availability(False, f'{self.module} is not installed: pip install "lossspec[{self.extra}]"')
        try:
            devices = self.devices()
            found = self.version()
        except Exception as error:  # an installed but broken framework must not take the others down
            return Availability(False, f"{self.module} does not load: {type(error).__name__}: {error}")
        return Availability(bool(devices), "" if devices else self.no_device, found)

    def version(self) -> str:
        """The installed version."""
        return version(self.module)

    no_device = "no device"
    """The reason to give where the framework loads but finds nothing to run on."""

    def devices(self) -> tuple[str, ...]:
        """The devices that are present, the default one first."""
        return ("cpu",)

    def from_numpy(self, array: Array, device: str | None = None) -> Array:
        """A copy of a NumPy array in this framework."""
        raise NotImplementedError

    def to_numpy(self, x: Array) -> Array:
        """A NumPy copy of an array of this framework; the one place where data leaves a device."""
        raise NotImplementedError

    def adopt(self, x: Any) -> Any:
        """The array as one that leaves an operator to a traced array on its right; anything else as it is."""
        return x

    def device_of(self, x: Array) -> Any:
        """The device of `x`, or None where it has none yet (under a tracer)."""
        return x.device

    def creation_device(self, x: Array) -> Any:
        """The `device` keyword that creates an array beside `x`."""
        return x.device

    @property
    def has_autodiff(self) -> bool:
        """Say whether the framework differentiates by itself; `lossspec.autodiff` does it for the others."""
        return type(self).value_and_grad is not Backend.value_and_grad

    base: Backend | None = None
    """The backend beneath, where this one wraps another."""

    stand_in: Backend | None = None
    """The backend of traced arrays over this one, while a function of its arrays is differentiated."""

    def by_kernel(
        self,
        loss: Any,
        method: str,
        inputs: tuple[Any, ...],
        options: Mapping[str, Any],
        wrt: str | Sequence[str] | None,
    ) -> Any:
        """The result of a method of a loss by a compiled kernel; None if the array path takes the call.

        The methods are those of `lossspec.kernels.front.run`. A backend of lazy arrays plans the whole call here.
        """
        return None

    def by_own_graph(
        self, function: Callable[..., Array], chosen: Sequence[Any], others: Iterable[Any]
    ) -> tuple[Array, tuple[Array, ...]] | None:
        """The value of a scalar function and its gradients by a graph that is made for them alone and dropped.

        None where a transform, a compiler or a graph of the caller needs more: then `value_and_grad` has to do it.
        `others` are all arrays that the function depends on besides the chosen ones.
        """
        return None

    def host(self, x: Array, strided: bool = False) -> Array | None:
        """The NumPy array that shares the memory of a plain array, contiguous unless it may be strided; or None."""
        return None

    def gpu(self, x: Array) -> Any:
        """The GPU of an array, for kernels on it (`kernels.gpu.Gpu`); None for an array that is on none of NVIDIA's."""
        return None

    sees_cotangents = True
    """The pull of a primitive may depend on its cotangent; a framework that transposes linear maps has no such pull."""

    def of_host(self, array: Array) -> Array:
        """A new NumPy array as an array of this framework that shares its memory, where `host` has one."""
        return array

    def is_tracing(self) -> bool:
        """Say whether the current Python code is being compiled, so that nothing may be remembered between calls."""
        return False

    def known(self, x: Array) -> Array | None:
        """The array with the values that `x` has now, or None under a tracer that has none yet."""
        return x

    def refusal(self, x: Array) -> str:
        """Name what `x` is, and the fix, where it is an array of the framework but no plain dense one; else nothing."""
        return ""

    def all_true(self, flags: Array) -> bool:
        """Say whether all flags are known to be true; False if the answer would need to wait for a device."""
        return False

    def bits(self, x: Array) -> bytes | None:
        """The values of `x` to the last bit, or None where they are not known."""
        known = self.known(x)
        if known is None:
            return None
        xp = self.namespace
        found: bytes = self.to_numpy(xp.astype(known, computing_dtype(xp, known.dtype), copy=False)).tobytes()
        return found

    def is_learned(self, x: Array) -> bool:
        """Say whether training changes `x` in place."""
        return False

    def owned(self, x: Array) -> Array:
        """A gradient as an array of its own, which its receiver may write to."""
        return self.namespace.asarray(x, copy=True)

    @property
    def index_dtype(self) -> Any:
        """The default integer dtype, which no bound of a range overflows."""
        return self.namespace.int64

    def psum(self, x: Any, axis_name: str | tuple[str, ...]) -> Any:
        """The sum of a number or array over the devices of a named axis."""
        raise BackendError(f"{self.name} has no named axes of devices; JAX has")

    def pmax(self, x: Array, axis_name: str | tuple[str, ...]) -> Array:
        """The largest of an array over the devices of a named axis."""
        raise BackendError(f"{self.name} has no named axes of devices; JAX has")

    def axis_index(self, axis_name: str | tuple[str, ...]) -> Array:
        """The place of this device along a named axis."""
        raise BackendError(f"{self.name} has no named axes of devices; JAX has")

    def matmul(self, x: Array, y: Array) -> Array:
        """The matrix product in the full precision of the dtype."""
        return self.namespace.matmul(x, y)

    def cumulative_sum(self, x: Array) -> Array:
        """The sums of the leading entries of the last axis."""
        return self.namespace.cumulative_sum(x, axis=-1)

    def stop_gradient(self, x: Array) -> Array:
        """The same values, constant for differentiation."""
        return x

    block = 0
    """The number of elements that a primitive computes at a time, so that temporaries stay in a cache; 0 for all."""

    def apply(self, primitive: Any, operands: tuple[Array, ...]) -> Array:
        """The value of a `lossspec.primitive.Primitive`.

        A framework that differentiates by itself attaches the declared derivative.
        """
        return primitive.value(self.namespace, operands, self.block)

    def value_and_grad(self, function: Callable[..., Array], argnums: tuple[int, ...]) -> Callable[..., Any]:
        """A function that returns the value of a scalar function and its gradients in `argnums`.

        A framework that has no derivatives leaves it out: `lossspec.autodiff.value_and_grad_on` asks the tape then.
        """
        raise NotImplementedError

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False
    ) -> tuple[Any, Any]:
        """A recurrence along the leading axis of the arrays in `xs`: `carry, y = step(carry, x)`; carry, stacked ys.

        In reverse it begins at the end; the ys keep their places.

        `carry`, `xs` and y are tuples of arrays and of such tuples; y may be None.
        """
        first = xs
        while isinstance(first, tuple):
            first = first[0]
        collected = []
        frames = range(first.shape[0])
        for t in reversed(frames) if reverse else frames:
            carry, y = step(carry, _each(lambda x, t=t: x[t, ...], xs))
            collected.append(y)
        if reverse:
            collected.reverse()
        nothing = not collected or collected[0] is None
        return carry, None if nothing else _each(lambda *ys: self.namespace.stack(ys), *collected)

    def compiles_scans(self, x: Array) -> bool:
        """Say whether recurrences of arrays such as `x` run as compiled loops, for which memory need not be spared."""
        return False

    def beside(self, *operands: Array) -> AbstractContextManager[None]:
        """A context in which what is created stands beside arrays that lie on several devices, for those that do."""
        return nullcontext()

    def recomputed(self, step: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any, Any], tuple[Any, Any]]:
        """A step of a recurrence, of which the framework keeps no more than what it takes; else it computes it anew."""
        return step

    def one_pass(self, name: str, *arrays: Array, **sizes: int) -> Array | None:
        """The result of a pass of `lossspec.kernels.passes` over arrays; None where array operations do it."""
        return None

    def joined(self, pieces: Iterable[Array], like: Array) -> Array:
        """Pieces put together along the first axis, to the shape of `like`; where it can be, in memory of its own."""
        return self.namespace.concat(list(pieces))

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The compiled function, or the function itself where the framework has no compiler."""
        return function

    def whole(self, function: Callable[..., Array], arguments: tuple[Any, ...], static: Mapping[str, Any]) -> Array:
        """Call a function; a framework that compiles every operation by itself compiles it as one.

        The function is one of a module, and `static` its keywords, which are no arrays.
        """
        return function(*arguments, **static)

    def __repr__(self) -> str:
        return f"<lossspec backend {self.name}>"


_found: dict[str, Backend] = {}
_broken: dict[str, str] = {}


def all_backends() -> Mapping[str, Backend]:
    """Every backend that is declared, by name; none of their frameworks is imported."""
    if not _found:
        order = ("numpy", "strict", "torch", "jax", "cupy", "dask")
        points = {point.value: point for point in entry_points(group=ENTRY_POINTS)}
        for value in sorted(points, key=lambda value: (not value.startswith(f"{ENTRY_POINTS}."), value)):  # ours first
            backend, why_not = _load(points[value])
            if backend is None:
                _broken[value] = why_not
            else:
                _found[backend.name] = backend
        names = sorted(_found, key=lambda name: (order.index(name) if name in order else len(order), name))
        for name in names:
            _found[name] = _found.pop(name)
    return _found


def broken_backends() -> Mapping[str, str]:
    """The entry points that give no backend, with the reason."""
    all_backends()
    return _broken


def _load(point: EntryPoint) -> tuple[Backend | None, str]:
    """The backend of an entry point, or None and why there is none: the mistake of a plugin stays its own."""
    try:
        backend = point.load()
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    problem = _unfit(backend)
    if not problem and backend.name in _found:
        problem = f"a backend is called {backend.name!r} already"
    return (None, problem) if problem else (backend, "")


def _unfit(backend: Any) -> str:
    """The reason why a value is no backend, or an empty string."""
    if not isinstance(backend, Backend):
        return f"it is of type {type(backend).__name__}, not a lossspec.Backend"
    if not all(isinstance(getattr(backend, need, None), str) for need in ("name", "module")):
        return "it lacks a `name` or a `module`"
    return ""


def register_backend(backend: Backend) -> Backend:
    """Add a backend for this process, as a notebook or a test does; a package names an entry point instead.

    One of the same name is replaced.
    """
    problem = _unfit(backend)
    if problem:
        raise BackendError(f"this is no backend: {problem}")
    all_backends()  # so that ours are there first
    known = _found.get(backend.name)
    _found[backend.name] = backend
    for kind in [kind for kind, other in _by_type.items() if other is known]:
        del _by_type[kind]
    return backend


def get_backend(name: str) -> Backend:
    """The backend of that name."""
    try:
        return all_backends()[name]
    except KeyError:
        raise BackendError(f"no backend is called {name!r}; there are {', '.join(all_backends())}") from None


_by_type: dict[type, Backend] = {}


def find_backend(x: object) -> Backend | None:
    """The backend of an array, or None for anything else."""
    backend = _by_type.get(type(x))
    if backend is not None:
        return backend.stand_in or backend
    traced: Backend | None = getattr(x, "lossspec_backend", None)
    if traced is not None:
        return traced
    for candidate in all_backends().values():
        if candidate.module in sys.modules and candidate.recognises(x):
            _by_type[type(x)] = candidate
            return candidate.stand_in or candidate
    return None


def backend_of(x: Array) -> Backend:
    """The backend of what is known to be an array of one."""
    backend = find_backend(x)
    assert backend is not None
    return backend


def is_array(x: object) -> bool:
    """Say whether `x` has a dtype; numbers are told first, for a compiler's symbolic ones answer no `hasattr`."""
    return not isinstance(x, (int, float, str, type(None))) and hasattr(x, "dtype")


def name_of(dtype: Any) -> str:
    """The name of a dtype, which frameworks write as float32, torch.float32 or a class of that name."""
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]


def is_half(dtype: Any) -> bool:
    """Say whether a dtype of any framework is float16 or bfloat16."""
    return name_of(dtype) in HALF_EPS


def kind_of(xp: Any, dtype: Any) -> str:
    """The kind of a dtype in the words of the standard, half precisions included."""
    if name_of(dtype) in (*HALF_EPS, "float32", "float64"):
        return "real floating"
    for kind in ("integral", "bool"):
        if xp.isdtype(dtype, kind):
            return kind
    return str(dtype)


def computing_dtype(xp: Any, dtype: Any) -> Any:
    """The dtype in which arrays of a dtype are computed: float32 for half precision."""
    return xp.float32 if is_half(dtype) else dtype


def common_backend(loss: str, arrays: Iterable[tuple[str, Array]]) -> Backend:
    """The one backend of all the arrays of a call.

    Raises `DTypeError` for what is no array, `MixtureError` for two frameworks or two devices.
    """
    first: tuple[str, Backend, Any] | None = None
    arrays = list(arrays)
    for name, x in arrays:
        backend = find_backend(x)
        if backend is None:
            others = (find_backend(other) for _, other in arrays)
            known = next((other for other in others if other is not None), None)
            raise DTypeError(
                f"{loss}: `{name}` is a {type(x).__name__}, not an array of a known framework. "
                f"Fix: {_how_to_make_an_array(name, x, known)}."
            )
        refused = backend.refusal(x)
        if refused:
            raise DTypeError(f"{loss}: `{name}` is {refused}.")
        device = backend.device_of(x)
        if first is None:
            first = (name, backend, device)
            continue
        other, known, place = first
        if (backend.base or backend) is not (known.base or known):
            converted = (known.base or known).making.format(x=name)
            raise MixtureError(
                f"{loss}: `{other}` is a {known.name} array and `{name}` is a {backend.name} array. "
                f"Nothing is moved silently. Fix: convert one of the two, for example {converted}."
            )
        if device is not None and place is not None and device != place:
            raise MixtureError(
                f"{loss}: `{other}` is on {place} and `{name}` is on {device}. "
                f"Nothing is moved silently. Fix: move one of the two."
            )
    assert first is not None, "every loss has an input"
    return first[1]


def _how_to_make_an_array(name: str, x: object, backend: Backend | None) -> str:
    """The advice that makes an argument an array of the framework of the other arguments."""
    making = "numpy.asarray({x})" if backend is None else (backend.base or backend).making
    if isinstance(x, (int, float, complex)) and name in ("sample_weight", "class_weight", "where"):
        return f"give `{name}` an entry for each, or leave it out"
    if hasattr(x, "mask") and not callable(x.mask):  # a masked array of NumPy
        return f"make it an array, {making.format(x=name)}, and give its mask as `where`, which is True for what counts"
    if isinstance(x, (list, tuple, int, float, complex)):
        return f"make it an array, {making.format(x=name)}"
    for method in ("to_numpy", "toarray", "compute"):  # tables, sparse matrices, lazy arrays
        if callable(getattr(x, method, None)) and not isinstance(x, type):
            inner = f"{name}.{method}()"
            return f"make it an array, {inner if making.startswith('numpy') else making.format(x=inner)}"
    return f"pass an array with the values of `{name}`"


def array_namespace(*arrays: Array) -> Any:
    """The Array API namespace of arrays of one framework."""
    for x in arrays:
        backend = find_backend(x)
        if backend is not None:
            return backend.namespace
    raise DTypeError(f"none of {', '.join(type(x).__name__ for x in arrays)} is an array of a known framework")


def _each(function: Callable[..., Any], *nested: Any) -> Any:
    """Apply a function to the arrays at the same place of nested tuples; return such tuples."""
    if isinstance(nested[0], tuple):
        return tuple(_each(function, *items) for items in zip(*nested, strict=True))
    return function(*nested)


def filled(whole: Array, pieces: Iterable[Array]) -> Array:
    """A new array that takes pieces along its first axis, one after the other, so that two copies never exist."""
    start = 0
    for piece in pieces:
        whole[start : start + piece.shape[0]] = piece
        start += piece.shape[0]
    return whole
