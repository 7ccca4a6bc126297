"""A recorded program as one function of Python: names are looked up, and what follows from no values computed, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lossspec.autodiff.tape import DType, Program, Step, Value, function_named, values_of

Run = Callable[..., Any]
"""Takes arrays of NumPy, gives a list of results; None where the program holds for other values only."""

_OF_SHAPES = frozenset(("ones_like", "zeros_like", "empty_like", "full_like"))
"""The functions that read no values of their first operand."""
_REDUCTIONS = {"sum": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}
_METHODS = {"permute_dims": "transpose", "reshape": "reshape", "astype": "astype"}
"""Like the reductions, those in which functions of the namespace end, after some steps that a small array can spare."""
_PLAIN = (int, float, str, bool, slice, type(None), type(Ellipsis))


class Straight:
    """The lines of a program; each is run on samples as it is written, and none is written twice.

    The samples have the shapes and dtypes of all inputs to come. The last results of the program may be flags;
    `answers` says of each if all of it is true wherever the program holds.
    """

    def __init__(self, program: Program, xp: Any, samples: Sequence[Any], answers: Sequence[bool] = ()) -> None:
        self.xp, self.count = xp, len(samples)
        self.found: dict[str, Any] = {f"v{n}": x for n, x in enumerate(samples)}
        """The values of the samples, by name."""
        self.constants: dict[str, Any] = {}
        self.known: dict[Any, str] = {}
        """Names by what they stand for: constants, and the right sides of lines."""
        self.names = {n: f"v{n}" for n in range(self.count)}
        self.lines: list[tuple[str, str, set[str]]] = []
        """A name, the line that sets it, and the names in that."""
        self.called: set[str] = set()
        """The results of functions that are no part of the namespace; they may be None."""
        self.copies: dict[str, tuple[str, str]] = {}
        """Of the texts of choices between rows: the array that is copied, and the arguments."""
        for step in program.steps:
            self.names[step.output] = self.step(step)
        names = [self.atom(x) for x in program.result]
        cut = len(names) - len(answers)
        self.results, self.checked = names[:cut], dict(zip(names[cut:], answers, strict=True))

    def constant(self, x: Any) -> str:
        """The name of what does not change."""
        name = self.known.setdefault((type(x), repr(x)) if _is_plain(x) else id(x), f"c{len(self.constants)}")
        self.constants.setdefault(name, x)  # which keeps it alive, so that no other has its id
        return name

    def atom(self, x: Any) -> str:
        """An operand as it is written."""
        if type(x) is Value:
            return self.names[x.index]
        if type(x) in (list, tuple) and any(type(item) is Value for item in x):
            items = ", ".join(map(self.atom, x))
            return f"[{items}]" if type(x) is list else f"({items},)"
        return self.constant(getattr(self.xp, x.name) if type(x) is DType else x)

    def step(self, step: Step) -> str:
        """The name of the result of a step, which is that of a constant if it follows from shapes and constants."""
        text = self.text(step)
        if text not in self.known:
            value = eval(text, self.constants, self.found)  # noqa: S307 (`text` has made it)
            used = {self.names[x.index] for x in values_of(step)} & self.found.keys()
            if not used or (step.function in _OF_SHAPES and used == {self.atom(step.operands[0])}):
                self.known[text] = self.constant(value)
            else:
                self.known[text] = name = f"v{len(self.found)}"
                self.found[name] = value
                self.lines.append((name, text, used))
                self.called |= {name} if step.function == "call" else set()
        return self.known[text]

    def text(self, step: Step) -> str:
        """The right side of the line of a step."""
        name, (first, *rest) = step.function, map(self.atom, step.operands)
        given = ", ".join([*rest, *(f"{key}={self.atom(x)}" for key, x in step.keywords.items())])
        is_array = type(self.found.get(first)) is np.ndarray
        if name == "getitem":
            return f"{first}[{given}]"
        if name == "call":
            return f"{first}({given})"
        if name == "where" and (kept := self.rows_kept(first, *rest)):
            return kept
        if name in _METHODS and is_array and not step.keywords:
            return f"{first}.{_METHODS[name]}({given})"
        is_short = name in _REDUCTIONS and is_array and "axis" in step.keywords
        function = self.constant(_REDUCTIONS[name] if is_short else function_named(self.xp, name))
        return f"{function}({', '.join(filter(None, (first, given)))})"

    def rows_kept(self, flags: str, one: str, other: str) -> str:
        """The text of a choice between whole rows of an array and a number, which `where` takes entry by entry."""
        chosen = self.found.get(flags)
        for rows, number, where in ((one, other, f"~{flags}"), (other, one, flags)):
            x = self.found.get(rows)
            if type(x) is not np.ndarray or type(chosen) is not np.ndarray or x.dtype.kind != "f" or x.ndim < 2:
                continue
            if type(self.constants.get(number)) is float and chosen.shape == (*x.shape[:-1], 1):
                arguments = f"({rows}, {where}, {number})"
                text = self.constant(_with_rows) + arguments
                self.copies[text] = rows, arguments
                return text
        return ""

    def in_place(self, text: str) -> str:
        """The text of a choice between rows, without a copy of an array that a function made and nothing else reads."""
        name, arguments = self.copies.get(text, ("", ""))
        is_own = name in self.called and name not in self.results
        if is_own and sum(name in names for _, _, names in self.lines) == 1:
            return self.constant(_set_rows) + arguments
        return text

    def function(self) -> Run:
        """The function; a value is dropped after its last use."""
        last = {used: number for number, (_, _, names) in enumerate(self.lines) for used in names}
        body = []
        for number, (name, text, names) in enumerate(self.lines):
            body.append(f"{name} = {self.in_place(text)}")
            if name in self.called:
                body.append(f"if {name} is None: return None")
            if name in self.checked:
                body.append(f"if bool({name}.all()) is not {self.checked[name]}: return None")
            gone = sorted(used for used in names if last[used] == number and used not in self.results)
            body += [f"del {', '.join(gone)}"] if gone else []
        results = [name if self.is_own(name, n) else f"{name}.copy()" for n, name in enumerate(self.results)]
        given = ", ".join(f"v{n}" for n in range(self.count))
        source = "\n    ".join([f"def run({given}):", *body, f"return [{', '.join(results)}]"])
        scope = dict(self.constants)
        exec(source, scope)  # noqa: S102 (`text` has made the lines)
        run: Run = scope["run"]
        return run

    def is_own(self, name: str, number: int) -> bool:
        """Say whether a result belongs to its receiver: one that does not stay, may be written to, and comes once."""
        x = self.found.get(name)
        is_writeable = type(x) is not np.ndarray or bool(x.flags.writeable)
        return name not in self.constants and name not in self.results[:number] and is_writeable


def _with_rows(x: Any, flags: Any, number: float) -> Any:
    """An array with this number in its rows of these flags."""
    return _set_rows(x.copy(), flags, number)


def _set_rows(x: Any, flags: Any, number: float) -> Any:
    """The same array, with this number in its rows of these flags."""
    x[flags[..., 0]] = number
    return x


def _is_plain(x: Any) -> bool:
    """Say whether the text of a constant tells it from all others."""
    return all(map(_is_plain, x)) if type(x) in (list, tuple) else type(x) in _PLAIN


__all__ = ["Run", "Straight"]
