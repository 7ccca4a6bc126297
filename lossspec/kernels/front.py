"""From a call to its kernel: a plan by types, shapes, dtypes and options, or the reason why the array path takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lossspec.dispatch import find_backend, is_array
from lossspec.errors import LossSpecError
from lossspec.kernels import compile as compiler
from lossspec.kernels.planning import Planner
from lossspec.kernels.ready import Ready, count, served
from lossspec.kernels.replay import Replay
from lossspec.kernels.request import Request, key_of
from lossspec.kernels.switch import disabled, is_disabled, is_off, is_on_cuda, on_cuda
from lossspec.kernels.trace import OTHER_SIZES, RECURRENCE, Refused
from lossspec.pipeline import values_are_checked

_MOST_PLANS = 1024
_WHOLE = 0x101
"""The flags of an array in one piece (C order), each entry at an address of its own size."""

_unavailable: str | None = None


def run(
    loss: Any,
    method: str,
    inputs: tuple[Any, ...],
    options: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
) -> Any:
    """The result of a method of a loss by a kernel; None if the array path has to take the call.

    The methods are "value", "value_and_grad", "grad_hess" and "partial"; the last gives totals, weight and count.
    Small calls come here often: nothing is made before a plan is found but its key.
    """
    first = inputs[0] if inputs else options.get(loss.declared.inputs[0])
    if type(first) is not np.ndarray:
        if isinstance(first, (list, tuple)):
            return None
        backend = find_backend(first)
        return None if backend is None else backend.by_kernel(loss, method, inputs, options, wrt)
    if is_off():
        return None
    try:
        key = key_of(_kind, method, inputs, options, wrt)
        ready: Ready | Replay | str | None = loss.kernels.get(key)
        if ready is None:
            ready = prepare(Request(loss, method, inputs, options, wrt), key)
    except (AttributeError, TypeError):
        return None  # a list, or what has no hash
    if isinstance(ready, str):
        return None
    arrays = ready.arrays(inputs, options)
    for x in arrays:
        if x.flags.num & _WHOLE != _WHOLE:
            return None
    return ready.on_numpy(arrays)


def _kind(x: Any) -> tuple[Any, ...]:
    """All of an argument that a plan depends on."""
    if type(x) is np.ndarray:
        return x.shape, x.dtype
    return type(x), x, str(x.dtype) if hasattr(x, "dtype") else ""


def prepare(request: Request, key: Any) -> Ready | Replay | str:
    """The plan of a call of NumPy arrays, or why there is none; remembered under a key."""
    known = request.loss.kernels
    if len(known) >= _MOST_PLANS:
        known.clear()
    found: Ready | Replay | str = _plan(request)
    if found in (RECURRENCE, OTHER_SIZES) and request.method in ("value", "value_and_grad"):
        found = Replay(request, found == RECURRENCE)
    known[key] = found
    return found


def reason(request: Request) -> str:
    """Say why the array path takes a call, or nothing where a kernel does."""
    if is_disabled():
        return "kernels are disabled here"
    if values_are_checked():
        return "values are checked"
    backend = find_backend(first) if is_array(first := request.first()) else None
    gpu = None if backend is None else backend.gpu(first)
    if gpu is not None:
        return str(gpu.reason(request))
    try:
        return _refusal(_plan(request.of_hosts(_host, request.method, request.wrt)))
    except Refused as why:
        return str(why)


def _host(x: Any) -> Any:
    """An argument as the NumPy array that kernels read."""
    backend = find_backend(x) if is_array(x) else None
    if backend is None:
        return x
    host = backend.host(x)
    if host is None:
        raise Refused(f"an array of {backend.name} is not one piece of the memory of the host")
    if not (host.flags.c_contiguous and host.flags.aligned):
        raise Refused("an array is not contiguous")
    return host


def _refusal(found: Ready | str) -> str:
    return found if isinstance(found, str) else ""


def _plan(request: Request) -> Ready | str:
    """A plan that is ready to run, or why there is none."""
    global _unavailable
    if _unavailable is None:
        _unavailable = compiler.available()
    if _unavailable:
        return _unavailable
    try:
        return Planner(request).ready()
    except Refused as why:
        return str(why)
    except LossSpecError as error:
        return f"the call is wrong: {error}"  # which the array path says
    except RecursionError:
        return "its program is too deep"


__all__ = ["count", "disabled", "is_off", "is_on_cuda", "on_cuda", "prepare", "reason", "run", "served"]
