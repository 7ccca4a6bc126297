"""Values as JSON and back, exact to the last bit and without pickle, so that reading them runs no code of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from lossspec.dispatch import find_backend, get_backend, name_of
from lossspec.errors import BackendError, DTypeError, FormatError

Json = dict[str, Any]


class Portable:
    """A value that travels as a dictionary of plain JSON, or as its bytes."""

    def to_dict(self) -> Json:
        """All of the value in dictionaries, lists, strings and integers; floats are written in hexadecimal."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The value that `to_dict` wrote; `FormatError` for anything that cannot be read here."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The JSON text of `to_dict`, in UTF-8."""
        return json.dumps(self.to_dict()).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The value that `to_bytes` wrote; `FormatError` for anything that cannot be read here."""
        try:
            state = json.loads(data)
        except ValueError as error:
            raise FormatError(f"these bytes are no {cls.__name__}: {error}") from error
        return cls.from_dict(state)


def fields(kind: str, form: str, state: object, *names: str) -> list[Any]:
    """The fields of a dictionary that says it has the right format, in the order of the names."""
    if not isinstance(state, Mapping) or not isinstance(state.get("format"), str):
        raise FormatError(f"this is no {kind}: a dictionary with a `format` is needed, and it is a {_brief(state)}")
    if state["format"] != form:
        raise FormatError(
            f"this is no {kind} that can be read here: its format is {state['format']!r}, and {form!r} is read. "
            "Fix: write and read with the same version of lossspec, and the same class"
        )
    lacking = [name for name in names if name not in state]
    if lacking:
        raise FormatError(f"this {kind} is damaged: it lacks {', '.join(lacking)}")
    return [state[name] for name in names]


def _brief(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text[:60]}{'...' if len(text) > 60 else ''}"


def encode(what: str, value: Any) -> Any:
    """A number, string, array or tuple of such as plain JSON; arrays keep their framework, dtype and shape."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and not isinstance(value, np.generic):
        return {"float": value.hex()}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [encode(what, item) for item in value]}
    backend = find_backend(value)
    if backend is None:
        raise FormatError(f"{what} is a {_brief(value)}; only numbers, strings, arrays and tuples of them travel")
    backend = backend.base or backend
    dtype, known = name_of(value.dtype), None if hasattr(value, "lossspec_backend") else backend.known(value)
    if known is None or backend.bits(value) is None:
        raise FormatError(f"{what} has no values yet. Fix: write it outside of the function that is traced")
    if backend.is_learned(value):
        raise FormatError(
            f"{what} is part of a graph, and no derivative travels. Fix: compute it under torch.no_grad(), "
            "or add up over ranks with lossspec.integrations.torch_distributed"
        )
    xp = backend.namespace
    if dtype == "bfloat16":  # NumPy has none, and float32 holds it
        known = xp.astype(known, xp.float32)
    flat = backend.to_numpy(known).reshape(-1).tolist()
    return {
        "array": "number" if isinstance(value, np.generic) else backend.name,
        "dtype": dtype,
        "shape": list(map(int, value.shape)),
        "values": [x.hex() if isinstance(x, float) else x for x in flat],
    }


def decode(value: Any) -> Any:
    """The value that was encoded."""
    if not isinstance(value, Mapping):
        return value
    if "float" in value:
        return float.fromhex(value["float"])
    for kind in (tuple, list):
        if kind.__name__ in value:
            return kind(map(decode, value[kind.__name__]))
    framework, name, entries = value["array"], value["dtype"], value["values"]
    entries = [float.fromhex(x) if isinstance(x, str) else x for x in entries]
    dtype = np.dtype("float32" if name == "bfloat16" else name)
    if dtype.kind not in "biuf":
        raise ValueError(f"no numbers are of the dtype {name}")
    plain = np.asarray(entries, dtype=dtype).reshape(value["shape"])
    if framework == "number":
        return plain[()]
    backend = get_backend(framework)
    if not (state := backend.available()):
        raise BackendError(f"a {framework} array cannot be read here: {state.reason}")
    xp, found = backend.namespace, backend.from_numpy(plain)
    if name == "bfloat16":
        found = xp.astype(found, xp.bfloat16)
    if name_of(found.dtype) != name:
        raise DTypeError(
            f"an array of {name} became one of {name_of(found.dtype)}. Fix: have {framework} take {name} here, too"
        )
    return found
