"""The first line of a docstring is an imperative or names the result; it opens with no question and no condition."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("lossspec", "backends", "tests", "docs")
ODD = re.compile(r"(What|Where|Whether|How|When|Which|Who|Why|If)\b")
PLANTED = '''
"""What a module is."""
WORD = 1
"""How it is said."""


class Good:
    """The weight of a unit."""

    field = 2
    """Whether it counts."""

    def method(self):
        """Why it is.

        What follows the first line is free.
        """
'''


def docstrings(text):
    """The line and the docstring of the module, of every class and function, and of every name that has one."""
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        for before, statement in zip([None, *body], body, strict=False):
            opens = (before is None and documented) or isinstance(before, (ast.Assign, ast.AnnAssign))
            if opens and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.lineno, str(statement.value.value).strip()


def odd(text):
    """The docstrings that open with a question or a condition, by their line."""
    return {line: words.partition("\n")[0] for line, words in docstrings(text) if ODD.match(words)}


def test_the_rule_sees_every_kind_of_docstring():
    assert list(odd(PLANTED)) == [2, 4, 11, 14]


def test_no_docstring_opens_with_a_question():
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 100
    found = {str(path.relative_to(ROOT)): odd(path.read_text("utf-8")) for path in paths}
    assert {path: lines for path, lines in found.items() if lines} == {}
