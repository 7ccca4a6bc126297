"""Questions and answers as lines of JSON, so that a program in any language can be asked.

One request a line on standard input, one reply a line on standard output, in order:

    {"do": "start", "protocol": 1}
    {"name": "my-losses", "language": "C++", "losses": ["huber"], "reductions": ["none"]}
    {"do": "run", "loss": "huber", "dtype": "float64", "want": ["value"],
     "inputs": {"predictions": {"dtype": "float64", "shape": [2], "values": "0x1.8p+0 0x0p+0"}, ...},
     "parameters": {"delta": {"float": "0x1p+0"}}, "options": {"reduction": "none"}}
    {"value": {"shape": [2], "values": [1, 0.5]}, "gradients": {"predictions": {...}}}
    {"do": "stop"}

Arrays are written as in the files of vectors: floats in hexadecimal, as C's %a writes them, or inf, -inf, nan, with
spaces between them, in the order of C; integers in decimal, and booleans as 0 and 1. The values of a reply may be such
text, or a list of JSON numbers and of text. A reply is results, {"skipped": "reason"} or {"error": "message"}.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.cases import Case
from lossspec.reduction import Mean
from lossspec.verify.questions import Answer, Question

PROTOCOL = 1
_NUMBER = re.compile(
    r"[+-]?(0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?\d{1,5})?|\d{1,400}\.?\d{0,400}(e[+-]?\d{1,5})?|inf(inity)?|nan)",
    re.IGNORECASE,
)
_HEX = re.compile(r"[+-]?0x", re.IGNORECASE)
LONGEST = 60


class RubbishError(ValueError):
    """A line that is no reply of the protocol; the message says why."""


def encode_number(value: float) -> str:
    """A float as text that loses nothing."""
    return float(value).hex() if np.isfinite(value) else str(float(value))


def decode_number(value: Any) -> float:
    """The float of a reply: a number, or text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        nan = ': JSON has no NaN, write "nan"' if value is None else ""
        raise RubbishError(f"{brief(value)} is no number{nan}")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise RubbishError(f"{brief(value)} is no number")
    try:
        if not isinstance(value, str):
            return float(value)
        return float.fromhex(value) if _HEX.match(value) else float(value)
    except OverflowError:
        return float("-inf" if str(value).startswith("-") else "inf")


def encode_value(value: Any) -> Any:
    """An input, a parameter or an option as JSON."""
    if isinstance(value, list):
        return [encode_value(item) for item in value]
    if isinstance(value, np.ndarray):
        flat = value.ravel().tolist()
        words = map(encode_number, flat) if value.dtype.kind == "f" else (str(int(x)) for x in flat)
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": " ".join(words)}
    if isinstance(value, Mean):
        return {"over": encode_value(float(value.over))}
    return {"float": encode_number(value)} if isinstance(value, float) else value


def decode_argument(value: Any) -> Any:
    """An input, a parameter or an option of a request, in NumPy."""
    if isinstance(value, list):
        return [decode_argument(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "over" in value:
        return Mean(over=decode_argument(value["over"]))
    return decode_number(value["float"]) if "float" in value else decode_array(value)


def decode_array(value: Any) -> NDArray[Any]:
    """An array of a request or a reply: a dictionary with shape and values, or a bare number."""
    if not isinstance(value, Mapping):
        return np.asarray(decode_number(value))
    shape, values, name = value.get("shape"), value.get("values"), value.get("dtype", "float64")
    if (
        not isinstance(values, (str, list))
        or not isinstance(shape, list)
        or not all(type(n) is int and n >= 0 for n in shape)
    ):
        raise RubbishError(f"{brief(value)} is no array: it needs `shape`, a list, and `values`")
    if name not in ("float32", "float64", "int32", "int64", "bool"):
        raise RubbishError(f"{brief(name)} is no dtype")
    numbers = [decode_number(x) for x in (values.split() if isinstance(values, str) else values)]
    if math.prod(shape) != len(numbers):
        raise RubbishError(f"{len(numbers)} numbers do not fill the shape {shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(numbers, dtype=np.float64).astype(name).reshape(shape)


def encode_question(question: Question) -> dict[str, Any]:
    """The request of a question."""
    case = question.case
    parts = {"inputs": case.inputs, "parameters": case.parameters, "options": case.options}
    arguments = {part: {name: encode_value(x) for name, x in values.items()} for part, values in parts.items()}
    return {"do": "run", "loss": question.loss, "dtype": question.dtype, "want": list(question.want), **arguments}


def decode_question(request: Mapping[str, Any]) -> Question:
    """The question of a request."""
    inputs, parameters, options = (
        {name: decode_argument(x) for name, x in request[part].items()} for part in ("inputs", "parameters", "options")
    )
    case = Case(str(request.get("case", "")), inputs, parameters, options)
    return Question(request["loss"], case, request["dtype"], tuple(request["want"]))


def encode_answer(answer: Answer) -> dict[str, Any]:
    """The reply of an answer."""
    if answer.skipped:
        return {"skipped": answer.skipped}
    if answer.failure:
        return {"error": answer.failure}
    reply: dict[str, Any] = {} if answer.value is None else {"value": encode_value(answer.value)}
    for part in ("gradients", "hessians"):
        found = getattr(answer, part)
        reply |= {part: {name: encode_value(x) for name, x in found.items()}} if found else {}
    return reply | ({"lacks": dict(answer.lacks)} if answer.lacks else {})


def decode_answer(reply: Any, question: Question) -> Answer:
    """The answer of a reply; raise `RubbishError` for what is none."""
    if not isinstance(reply, Mapping):
        raise RubbishError(f"{brief(reply)} is no reply: it is no dictionary")
    for key in ("skipped", "error"):
        if key in reply:
            words = str(reply[key])[:400] or "without a reason"
            return Answer(skipped=words) if key == "skipped" else Answer(failure=words)
    value = None if "value" not in reply else decode_array(reply["value"])
    parts: dict[str, dict[str, Any]] = {}
    for part in ("gradients", "hessians"):
        given = reply.get(part, {})
        if not isinstance(given, Mapping):
            raise RubbishError(f"`{part}` is {brief(given)}, and no dictionary")
        parts[part] = {
            str(name): [decode_array(item) for item in x] if isinstance(x, list) else decode_array(x)
            for name, x in given.items()
        }
        for name, found in parts[part].items():
            expected = question.case.inputs.get(name)
            if expected is None:
                raise RubbishError(f"`{part}` has {brief(name)}, which is no input")
            if not isinstance(expected, list) and found.shape != expected.shape:
                raise RubbishError(f"`{part}` of `{name}` has the shape {found.shape}, and the input {expected.shape}")
    lacks = reply.get("lacks", {})
    lacks = {str(k): str(v) for k, v in lacks.items()} if isinstance(lacks, Mapping) else {}
    for part in question.want:
        if part == "value" and value is None:
            raise RubbishError(f"a reply without `value`: {brief(reply)}")
        if part != "value" and not parts[part]:
            lacks.setdefault(part, f"the runner gives no {part}")
    return Answer(value, parts["gradients"], parts["hessians"], lacks=lacks)


def dumps(message: Mapping[str, Any]) -> str:
    """A message as one line of strict JSON."""
    return json.dumps(message, allow_nan=False)


def loads(line: str) -> Any:
    """A line as JSON; raise `RubbishError` where it is none, NaN and Infinity without quotes included."""

    def refuse(constant: str) -> Any:
        raise RubbishError(f'{constant} is no JSON: write "{constant.lower()}"')

    try:
        return json.loads(line, parse_constant=refuse)
    except RubbishError:
        raise
    except (ValueError, RecursionError):
        raise RubbishError(f"{brief(line.rstrip())} is no JSON") from None


def brief(value: Any) -> str:
    """A value as a message shows it: printable, and not long."""
    text = ascii(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
