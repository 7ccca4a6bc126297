"""Questions and answers as lines of JSON, so that a program in any language can be asked.

One request a line on standard input, one reply a line on standard output, in order:

    {"do": "start", "protocol": 1}
    {"name": "my-losses", "language": "C++", "losses": ["huber"], "reductions": ["none"]}
    {"do": "run", "loss": "huber", "dtype": "float64", "want": ["value"],
     "inputs": {"predictions": {"dtype": "float64", "shape": [2], "data": ["0x1.8p+0", "0x0p+0"]}, ...},
     "parameters": {"delta": "0x1p+0"}, "options": {"reduction": "none"}}
    {"value": {"shape": [2], "data": ["0x1p+0", 0.5]}, "gradients": {"predictions": {...}}}
    {"do": "stop"}

Floats are hexadecimal text, as C's %a writes them, and "inf", "-inf", "nan"; a reply may also hold JSON numbers.
Arrays are in the order of C. A reply is results, {"skipped": "reason"} or {"error": "message"}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.cases import Case
from lossspec.reduction import Mean
from lossspec.verify.questions import Answer, Question

PROTOCOL = 1
_NUMBER = re.compile(r"[+-]?(0x[0-9a-f]*\.?[0-9a-f]*(p[+-]?\d+)?|inf(inity)?|nan)", re.IGNORECASE)
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
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise RubbishError(f"{brief(value)} is no number")
        try:
            return float.fromhex(value)
        except OverflowError:
            return float("-inf" if value.startswith("-") else "inf")
    return float(value)


def encode_value(value: Any) -> Any:
    """An input, a parameter or an option as JSON."""
    if isinstance(value, list):
        return [encode_value(item) for item in value]
    if isinstance(value, np.ndarray):
        flat = value.ravel().tolist()
        data = [encode_number(x) for x in flat] if value.dtype.kind == "f" else flat
        return {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}
    if isinstance(value, Mean):
        return {"over": encode_number(float(value.over))}
    return encode_number(value) if isinstance(value, float) else value


def decode_argument(value: Any) -> Any:
    """An input, a parameter or an option of a request, in NumPy."""
    if isinstance(value, list):
        return [decode_argument(item) for item in value]
    if isinstance(value, Mapping) and "over" in value:
        return Mean(over=decode_number(value["over"]))
    if isinstance(value, Mapping):
        return decode_array(value)
    return decode_number(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def decode_array(value: Any) -> NDArray[Any]:
    """An array of a request or a reply: a dictionary with shape and data, or a bare number."""
    if not isinstance(value, Mapping):
        return np.asarray(decode_number(value))
    shape, data, name = value.get("shape"), value.get("data"), value.get("dtype", "float64")
    if not isinstance(data, list) or not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise RubbishError(f"{brief(value)} is no array: it needs `shape` and `data`, two lists")
    if name not in ("float32", "float64", "int32", "int64", "bool"):
        raise RubbishError(f"{brief(name)} is no dtype")
    if int(np.prod(shape, dtype=np.int64)) != len(data):
        raise RubbishError(f"{len(data)} numbers do not fill the shape {shape}")
    numbers = [decode_number(x) for x in data] if name.startswith("float") else data
    with np.errstate(over="ignore"):
        return np.asarray(numbers, dtype=name).reshape(shape)


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
