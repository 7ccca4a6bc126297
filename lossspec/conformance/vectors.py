"""Vectors as files: the calls of a loss and their right results, one JSON file a loss, for programs in any language.

`docs/vectors.md` says what stands in a file, `lossspec/vectors.schema.json` is its schema. Numbers that a program is
given are written in hexadecimal, exact to the last bit; what is right is written in decimal, with more digits than the
dtype has.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from lossspec.conformance.cases import Case, reduction_name
from lossspec.conformance.oracle import Component, Expected
from lossspec.errors import FormatError
from lossspec.reduction import Mean

FORMAT = "lossspec.vectors/1"
PACKAGE = resources.files("lossspec")
FOLDER = PACKAGE.joinpath("vectors")
SCHEMA = PACKAGE.joinpath("vectors.schema.json")

DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
DIGITS = {"float32": 10, "float64": 18}
"""The digits of a right result: what they leave out is less than a hundredth of an eps of the dtype."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SHORT = 8


@dataclass(frozen=True)
class Vector:
    """A call and its right results: the exact ones of its units, or of the call, and what it returns."""

    id: str
    dtype: str
    case: Case
    own: frozenset[str]
    """The parameters that are not at the default of the file."""
    purpose: tuple[str, ...] = ()
    differs: tuple[Mapping[str, str], ...] = ()
    """The declared differences of other libraries that cover the case."""
    hash: str = ""
    """Of all of the case that its exact results depend on."""
    shape: tuple[int, ...] = ()
    """That of the exact values: of the units, or none if they are those of the call."""
    exact: Expected | None = None
    hessians: list[list[Component]] | None = None
    result: tuple[list[Any], list[float]] | None = None
    """The values (None for NaN) and scales that the call returns."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of conformance at which the case has results: L2 alone if it has options."""
        if self.case.options:
            return ("L2",)
        known = {
            "L1": True,
            "L2": True,
            "L3": self.exact is not None and any(self.exact.components),
            "L4": self.hessians is not None,
        }
        return tuple(level for level, has in known.items() if has)


@dataclass(frozen=True)
class Vectors:
    """The file of a loss."""

    loss: str
    version: str
    """The day on which the content last changed, as 2026.11.29."""
    definition: str
    """The hash of the definition that gave the results."""
    facts: Mapping[str, Any]
    """The parts of the contract that a judge needs: form, arguments, reductions, budgets, laws."""
    cases: tuple[Vector, ...] = field(repr=False)


def load(name: str, folder: Traversable | None = None) -> Vectors:
    """The vectors of a loss, from the package or another folder; `FormatError` for what cannot be read here."""
    file = path_in(FOLDER if folder is None else folder, name)
    if not file.is_file():
        raise FormatError(f"there are no vectors of {name}: {file} is no file. Fix: lossspec check --loss {name}")
    found = loads(file.read_text("utf-8"), str(file))
    if found.loss != name:
        raise FormatError(f"{file} holds the vectors of {found.loss!r}")
    return found


def path_in(folder: Traversable, name: str) -> Traversable:
    """The file of a loss in a folder; a name that could lead out of it is refused."""
    if not _NAME.fullmatch(name):
        raise FormatError(f"{name!r} names no file: a name has letters, digits and underscores only")
    return folder.joinpath(f"{name}.json")


def save(folder: Path, vectors: Vectors) -> Path | None:
    """Write the file of a loss into a folder unless it says the same already; the path, if written."""
    path = Path(str(path_in(folder, vectors.loss)))
    if path.is_file() and _undated(path.read_text("utf-8")) == _undated(dumps(vectors)):
        return None
    write(path, dumps(vectors))
    return path


def write(path: Path, text: str) -> None:
    """Write a file that is the old one or the new one for whoever reads it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", newline="\n", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def today() -> str:
    """The version of a file that is written now."""
    return f"{datetime.now(UTC):%Y.%m.%d}"


def _undated(text: str) -> str:
    return re.sub(r'^"version": .*$', "", text, count=1, flags=re.MULTILINE)


# Writing: a fact, an array and a case with its reductions are a line each.


def dumps(vectors: Vectors) -> str:
    """The text of a file."""
    arrays = _Arrays()
    cases = _Lines(arrays).of(vectors.cases)
    head = {
        "format": FORMAT,
        "loss": vectors.loss,
        "version": vectors.version,
        "definition": vectors.definition,
        **vectors.facts,
    }
    lines = [f"{line(key)}: {line(value)}" for key, value in head.items()]
    shown = ",\n".join(f"{line(key)}: {line(value)}" for key, value in arrays.named().items())
    listed = ",\n".join(map(line, arrays.resolve(cases)))
    return "{\n" + ",\n".join([*lines, f'"arrays": {{\n{shown}\n}}', f'"cases": [\n{listed}\n]']) + "\n}\n"


def line(value: Any) -> str:
    """Strict JSON in one line."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def reduction_of(name: str) -> Any:
    """The reduction of a name."""
    kind, _, number = name.partition(" ")
    return Mean(over=float(number)) if kind == "over" else name


def _identity(values: Mapping[str, Any]) -> Any:
    def of(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.dtype.str, value.shape, value.tobytes()
        return tuple(map(of, value)) if isinstance(value, (list, tuple)) else (type(value), value)

    return tuple((name, of(value)) for name, value in values.items())


class _Arrays:
    """The arrays of a file, each once, named by what they hold: one more changes the names of no other."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def add(self, array: NDArray[Any]) -> str:
        """The long name of an array."""
        flat = array.ravel().tolist()
        words = map(hexadecimal, flat) if array.dtype.kind == "f" else (str(int(x)) for x in flat)
        content = {"dtype": array.dtype.name, "shape": list(array.shape), "values": " ".join(words)}
        name = hashlib.sha256(line(content).encode()).hexdigest()
        self._known[name] = content
        return name

    def _length(self) -> int:
        return next(n for n in range(_SHORT, 64) if len({name[:n] for name in self._known}) == len(self._known))

    def named(self) -> dict[str, dict[str, Any]]:
        """The arrays by their short names."""
        return {name[: self._length()]: content for name, content in self._known.items()}

    def resolve(self, value: Any) -> Any:
        """JSON with the short names of arrays in place of the long ones."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value[: self._length()] if isinstance(value, str) and value in self._known else value


def hexadecimal(number: float) -> str:
    """A float in hexadecimal without trailing zeros."""
    if not isfinite(number):
        return repr(number)
    mantissa, _, exponent = number.hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{exponent}"


def encode(value: Any) -> Any:
    """A parameter or option that is no array as JSON: a float in hexadecimal, so that it is exact."""
    if isinstance(value, Mean):
        return {"over": encode(value.over)}
    if isinstance(value, float):
        return {"float": hexadecimal(value)}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise FormatError(f"{value!r} is nothing that vectors hold")


class _Lines:
    """The lines of cases, which refer to earlier ones of the same inputs; calls that differ in reduction share one."""

    def __init__(self, arrays: _Arrays) -> None:
        self.arrays = arrays
        self.lines: dict[str, dict[str, Any]] = {}
        self.given: dict[str, Any] = {}
        """All that the calls of a line share: inputs, parameters, other options, exact results."""
        self.alike: dict[Any, list[Vector]] = {}

    def of(self, vectors: Iterable[Vector]) -> list[dict[str, Any]]:
        """The lines of some cases."""
        for vector in vectors:
            self.add(vector)
        return list(self.lines.values())

    def add(self, vector: Vector) -> None:
        case, options = vector.case, dict(vector.case.options)
        inputs = (vector.dtype, case.axis, _identity(case.inputs), _identity(case.parameters))
        alike = self.alike.setdefault(inputs, [])
        same = next((other for other in alike if other.hash == vector.hash), None)
        reduction = reduction_name(options.pop("reduction", ""))
        shared = vector.id.removesuffix(f", {reduction}")
        given = (inputs, _identity(options), vector.hash)
        if same is not None and reduction and shared != vector.id and self.given.get(shared, given) == given:
            if shared not in self.lines:
                self.lines[shared] = self.start(shared, vector, vector.purpose[:-1], options, same)
                self.given[shared] = given
            self.lines[shared].setdefault("reductions", {})[reduction] = _result(vector)
            return
        like = same or (alike[0] if alike else None)
        started = self.lines[vector.id] = self.start(vector.id, vector, vector.purpose, case.options, like)
        if vector.result is not None and not _is_exact(vector):
            started["values"], started["scales"] = _result(vector)
        if vector.exact is not None and same is None:
            started["exact"] = _exact(vector, vector.exact)
        self.given[vector.id] = (inputs, _identity(case.options), vector.hash)
        if same is None:
            alike.append(vector)

    def start(
        self, id_: str, vector: Vector, purpose: Sequence[str], options: Mapping[str, Any], like: Vector | None
    ) -> dict[str, Any]:
        """The line of a call without its results."""
        case = vector.case
        line: dict[str, Any] = {"id": id_, "for": list(purpose)}
        if vector.differs:
            line["differs"] = [dict(item) for item in vector.differs]
        if like is None:
            line["inputs"] = {
                name: [self.arrays.add(item) for item in value] if isinstance(value, list) else self.arrays.add(value)
                for name, value in case.inputs.items()
            }
            if vector.own:
                line["parameters"] = {n: self.value(x) for n, x in case.parameters.items() if n in vector.own}
            if case.axis != -1:
                line["axis"] = case.axis
        else:
            line["like"] = like.id
        if options:
            line["options"] = {name: self.value(value) for name, value in options.items()}
        return line

    def value(self, value: Any) -> Any:
        return {"array": self.arrays.add(value)} if isinstance(value, np.ndarray) else encode(value)


def _result(vector: Vector) -> tuple[list[str], list[float | str]]:
    values, scales = vector.result or ([], [])
    return decimals(values, vector.dtype), list(map(rounded, scales))


def _is_exact(vector: Vector) -> bool:
    exact = vector.exact
    return exact is not None and _result(vector) == _result(replace(vector, result=(exact.values, exact.scales)))


def _exact(vector: Vector, exact: Expected) -> dict[str, Any]:
    found = {
        "hash": vector.hash,
        "shape": list(vector.shape),
        "values": decimals(exact.values, vector.dtype),
        "scales": [rounded(scale) for scale in exact.scales],
        "gradients": _blocks(vector, exact.components),
    }
    if vector.hessians is not None:
        found["hessians"] = _blocks(vector, vector.hessians)
    return found


def decimals(values: Sequence[Any], dtype: str) -> list[str]:
    """Right values in decimal, NaN where there is none, with the digits that a dtype asks for."""
    return ["nan" if value is None else _decimal(value, DIGITS[dtype]) for value in values]


def _decimal(value: Any, digits: int) -> str:
    with mp.workdps(digits + 10):
        text: str = mp.nstr(value, digits, strip_zeros=True)
    return text.removeprefix("+").removesuffix(".0")


def rounded(scale: float) -> float | str:
    """A scale with three digits; in words where it is infinite."""
    return _short(float(f"{scale:.3g}")) if isfinite(scale) else repr(scale)


def _short(number: float) -> float:
    return int(number) if abs(number) < 1e4 and number == int(number) else number


Row = tuple[int, Component]
"""The place of a unit, and a derivative of its loss."""


def _blocks(vector: Vector, components: list[list[Component]]) -> list[dict[str, Any]]:
    """The derivatives as columns, for each array of the inputs."""
    blocks: dict[tuple[str, int | None], list[Row]] = {}
    for unit, found in enumerate(components):
        for c in found:
            item = c.index[0] if isinstance(vector.case.inputs[c.name], list) else None
            blocks.setdefault((c.name, item), []).append((unit, c))
    return [_block(vector, name, item, rows) for (name, item), rows in blocks.items()]


def _block(vector: Vector, name: str, item: int | None, rows: list[Row]) -> dict[str, Any]:
    digits = DIGITS[vector.dtype]
    shape = _array_of(vector.case, name, item).shape
    at = [_flat(c.index if item is None else c.index[1:], shape) for _, c in rows]
    ends = {row: _decimal(c.high, digits) for row, (_, c) in enumerate(rows) if not c.free and c.low != c.high}
    block: dict[str, Any] = {"of": name}
    if item is not None:
        block["item"] = item
    if at != list(range(prod(shape))):
        block["at"] = at
    if _units(at, shape, vector.shape) != [unit for unit, _ in rows]:
        block["unit"] = [unit for unit, _ in rows]
    block["low"] = [None if c.free else _decimal(c.low, digits) for _, c in rows]
    if ends:
        block["high"] = {str(row): end for row, end in ends.items()}
    block["scales"] = [rounded(c.scale) for _, c in rows]
    return block


def _array_of(case: Case, name: str, item: int | None) -> NDArray[Any]:
    array: NDArray[Any] = case.inputs[name] if item is None else case.inputs[name][item]
    return array


def _flat(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(index, shape)) if shape else 0


def _units(at: list[int], shape: tuple[int, ...], units: tuple[int, ...]) -> list[int]:
    """The units that the leading axes of an array name."""
    if shape[: len(units)] != units:
        return [0] * len(at)
    inner = prod(shape[len(units) :])
    return [place // inner for place in at]


# Reading.


def loads(text: str, where: str = "the text") -> Vectors:
    """The vectors of a text; `FormatError` for what cannot be read here."""
    try:
        state = json.loads(text, parse_constant=_no_constant)
        if state["format"] != FORMAT:
            raise FormatError(f"{where} has the format {state['format']!r}, and {FORMAT!r} is read here")
        return _Reader(state).vectors()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        if isinstance(problem, FormatError):
            raise
        raise FormatError(f"{where} holds no vectors: {type(problem).__name__}: {problem}") from problem


def _no_constant(word: str) -> Any:
    raise FormatError(f"{word} is no JSON")


class _Reader:
    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.arrays = {name: _array(content) for name, content in state["arrays"].items()}
        self.defaults = {name: self.value(value) for name, value in state["parameters"].items()}
        self.read: dict[str, Vector] = {}

    def vectors(self) -> Vectors:
        own = {"format", "loss", "version", "definition", "arrays", "cases"}
        for line in self.state["cases"]:
            for vector in self.calls(line):
                if vector.id in self.read:
                    raise FormatError(f"two cases have the id {vector.id!r}")
                self.read[vector.id] = vector
        return Vectors(
            self.state["loss"],
            self.state["version"],
            self.state["definition"],
            {name: value for name, value in self.state.items() if name not in own},
            tuple(self.read.values()),
        )

    def calls(self, line: dict[str, Any]) -> Iterator[Vector]:
        """The calls of a line: the one without a reduction, unless only reductions are given, and theirs."""
        vector, reductions = self.plain(line), line.get("reductions", {})
        if "inputs" in line or "values" in line or "exact" in line or not reductions:
            yield vector
        for name, (values, scales) in reductions.items():
            options = {"reduction": reduction_of(name), **vector.case.options}
            case = replace(vector.case, name=f"{vector.case.name}, {name}", options=options, hessian=False)
            yield replace(
                vector,
                id=f"{vector.id}, {name}",
                case=case,
                purpose=(*vector.purpose, "reduction"),
                differs=(),
                result=(numbers(values), list(map(float, scales))),
            )

    def plain(self, line: dict[str, Any]) -> Vector:
        dtype, _, name = line["id"].partition("/")
        like = self.read[line["like"]] if "like" in line else None
        options = {key: self.value(value) for key, value in line.get("options", {}).items()}
        if like is None:
            inputs = {
                key: [self.arrays[item] for item in value] if isinstance(value, list) else self.arrays[value]
                for key, value in line["inputs"].items()
            }
            own = {key: self.value(value) for key, value in line.get("parameters", {}).items()}
            case = Case(name, inputs, {**self.defaults, **own}, options, line.get("axis", -1))
            vector = Vector(line["id"], dtype, case, frozenset(own))
        else:
            case = replace(like.case, name=name, options=options, hessian=False)
            vector = replace(like, id=line["id"], case=case, result=None)
        vector = replace(vector, purpose=tuple(line["for"]), differs=tuple(line.get("differs", ())))
        if "exact" in line:
            vector = self.with_exact(vector, line["exact"])
        if "values" in line:
            return replace(vector, result=(numbers(line["values"]), list(map(float, line["scales"]))))
        return vector if vector.exact is None else replace(vector, result=(vector.exact.values, vector.exact.scales))

    def with_exact(self, vector: Vector, exact: dict[str, Any]) -> Vector:
        values, shape = numbers(exact["values"]), tuple(exact["shape"])
        count, case = len(values), vector.case
        expected = Expected(
            values, list(map(float, exact["scales"])), _components(case, shape, count, exact["gradients"])
        )
        hessians = _components(case, shape, count, exact["hessians"]) if "hessians" in exact else None
        case = replace(case, hessian=hessians is not None)
        return replace(vector, case=case, shape=shape, hash=exact["hash"], exact=expected, hessians=hessians)

    def value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "array":
            return self.arrays[content]
        if kind == "tuple":
            return tuple(map(self.value, content))
        if kind == "over":
            return Mean(over=self.value(content))
        if kind != "float":
            raise FormatError(f"{kind!r} is no kind of value")
        return float.fromhex(content)


def _array(content: dict[str, Any]) -> NDArray[Any]:
    dtype, words = np.dtype(content["dtype"]), content["values"].split()
    if dtype.kind not in "biuf":
        raise FormatError(f"no numbers are of the dtype {dtype}")
    entries = [float.fromhex(word) for word in words] if dtype.kind == "f" else [int(word) for word in words]
    return np.asarray(entries, dtype=dtype).reshape(content["shape"])


def numbers(words: list[str]) -> list[Any]:
    """The values that decimals say; None for NaN."""
    with mp.workdps(max(DIGITS.values()) + 10):
        return [None if word == "nan" else mpf(word) for word in words]


def _components(case: Case, units: tuple[int, ...], count: int, blocks: list[dict[str, Any]]) -> list[list[Component]]:
    found: list[list[Component]] = [[] for _ in range(count)]
    for block in blocks:
        item = block.get("item")
        shape = _array_of(case, block["of"], item).shape
        at = block.get("at", range(prod(shape)))
        low, high = _bounds(block)
        rows = zip(block.get("unit", _units(list(at), shape, units)), at, low, high, block["scales"], strict=True)
        for unit, place, start, end, scale in rows:
            index = tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
            index = index if item is None else (item, *index)
            free = start is None
            found[unit].append(
                Component(block["of"], index, mpf(0) if free else start, mpf(0) if free else end, float(scale), free)
            )
    return found


def _bounds(block: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Both ends of the interval of each derivative; None where any finite number is right."""
    ends = block.get("high", {})
    with mp.workdps(max(DIGITS.values()) + 10):
        low = [None if word is None else mpf(word) for word in block["low"]]
        return low, [mpf(ends[str(row)]) if str(row) in ends else start for row, start in enumerate(low)]
