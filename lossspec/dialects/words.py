"""Words in the place of arrays: what a declaration is given when a call is printed and not run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any


def atom(x: Any) -> str:
    """The text of an expression as an operand of another: in parentheses unless it binds closer than all operators."""
    text = str(x)
    closest = (ast.Name, ast.Constant, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Dict)
    return text if isinstance(ast.parse(text, mode="eval").body, closest) else f"({text})"


@dataclass(frozen=True)
class Word:
    """An array that has only a text: a name, or an operation of a declaration on other words."""

    text: str
    operation: str = ""
    operands: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.text

    def _made(self, pattern: str, other: Any) -> Word:
        return worded(pattern, self, other)

    def __add__(self, other: Any) -> Word:
        return self._made("{0} + {1}", other)

    def __sub__(self, other: Any) -> Word:
        return self._made("{0} - {1}", other)

    def __mul__(self, other: Any) -> Word:
        return self._made("{0} * {1}", other)

    def __truediv__(self, other: Any) -> Word:
        return self._made("{0} / {1}", other)

    def __lt__(self, other: Any) -> Word:
        return self._made("{0} < {1}", other)

    def __le__(self, other: Any) -> Word:
        return self._made("{0} <= {1}", other)

    def __gt__(self, other: Any) -> Word:
        return self._made("{0} > {1}", other)

    def __ge__(self, other: Any) -> Word:
        return self._made("{0} >= {1}", other)


def worded(pattern: str, *operands: Any) -> Word:
    """An operation on operands as a word, of which the first one is an array."""
    return Word(pattern.format(*map(atom, operands)), pattern, operands)


def in_words(pattern: str, *, same: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A helper of declarations that, given words, answers with the text of the pattern.

    With `same` it answers with its first argument, or with all that are words where it returns several arrays: it
    changes the form of an array and nothing that its reader writes.
    """

    def helper(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def spoken(*arguments: Any, **keywords: Any) -> Any:
            if not any(isinstance(x, Word) for x in arguments):
                return function(*arguments, **keywords)
            if same:
                return arguments if pattern == "all" else arguments[0]
            return worded(pattern, *arguments)

        return spoken

    return helper


def by_entry(x: Any) -> Any:
    """Say of an array in words that each of its entries is a row by itself."""
    return Word(f"{atom(x)}[..., None]", "entries", (x,))


def as_distribution(labels: Any) -> Any:
    """Say of labels in words that they are distributions over the classes; arrays stay what they are."""
    return Word(labels.text, "distribution", (labels,)) if isinstance(labels, Word) else labels


def as_codes(labels: Any) -> Any:
    """Say of labels in words that they are integers; arrays stay what they are."""
    return Word(labels.text, "codes", (labels,)) if isinstance(labels, Word) else labels
