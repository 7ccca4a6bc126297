"""Python text and the calls of losses in it: one call, an expression, a function or a file. Nothing is run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossspec.dialects.words import atom
from lossspec.errors import ContractError

_MOVES = ("to", "cuda", "cpu", "double", "float", "eval", "train")
"""Methods of a module of Torch that give the module itself."""
_VALUES = ("", "loss", "call", "forward")
"""Methods of an object that give the value of its loss."""
_ARRAYS = ("np", "numpy", "jnp", "jax.numpy", "torch", "keras.ops", "ops", "xp", "tf", "")


@dataclass
class Found:
    """A call of a loss in a text."""

    tree: ast.Call
    """The call with the arrays."""
    found: tuple[str, Any]
    """The library, and its function or class."""
    text: str
    node: ast.expr
    """All that is replaced: the call, and the mean or the sum of it."""
    maker: ast.Call | None = None
    """The call that makes the object, where it is one."""
    method: str = ""
    reduction: str = ""
    parent: ast.AST | None = None


@dataclass
class Source:
    """A Python text and the calls of losses in it; `find` gives the library and the member of a dotted name."""

    text: str
    find: Callable[[str], tuple[str, Any]]
    calls: list[Found] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = textwrap.dedent(self.text).strip()
        try:
            tree = ast.parse(self.text)
        except SyntaxError as error:
            raise ContractError(f"port: {self.text!r} is no Python expression: {error.msg}") from None
        self.names: dict[str, str] = {}
        self.objects: dict[str, ast.Call] = {}
        for node in ast.walk(tree):
            self._learn(node)
        body = tree.body[0].value if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else None
        self.is_module = body is None
        self._collect(tree, None)
        self.is_call = bool(self.calls) and self.calls[0].node is body
        if not self.calls:
            self._refuse(body)

    def _learn(self, node: ast.AST) -> None:
        """Keep what an import names, and the objects that are made of classes of losses."""
        if isinstance(node, ast.Import):
            self.names |= {name.asname: name.name for name in node.names if name.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            self.names |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            made = _moved(node.value)
            if made is not None and isinstance((self._member(made.func) or ("", None))[1], type):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self.objects[ast.unparse(target)] = made

    def _dotted(self, node: ast.expr) -> str:
        first, dot, rest = ast.unparse(node).partition(".")
        return self.names.get(first, first) + dot + rest

    def _member(self, node: ast.expr) -> tuple[str, Any] | None:
        """The library and the member that an expression names, or None."""
        if not isinstance(node, (ast.Name, ast.Attribute)) or "(" in ast.unparse(node):
            return None
        try:
            return self.find(self._dotted(node))
        except ContractError:
            return None

    def _collect(self, node: ast.AST, parent: ast.AST | None) -> None:
        """Keep the outermost calls of losses, in their order."""
        found = self._reduced(node) if isinstance(node, ast.Call) else None
        if found is not None:
            found.parent = parent
            self.calls.append(found)
            return
        for child in ast.iter_child_nodes(node):
            self._collect(child, node)

    def _reduced(self, node: ast.Call) -> Found | None:
        """A call of a loss, or the mean or the sum of one."""
        inner: ast.expr | None = None
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("mean", "sum") and not node.keywords:
            if not node.args:
                inner = node.func.value
            elif len(node.args) == 1 and ast.unparse(node.func.value) in _ARRAYS:
                inner = node.args[0]
        found = self._call(inner) if isinstance(inner, ast.Call) else None
        if found is None or not isinstance(node.func, ast.Attribute):
            return self._call(node)
        found.node, found.reduction, found.text = node, node.func.attr, ast.unparse(node)
        return found

    def _call(self, node: ast.Call) -> Found | None:
        """A call of a function, of an object that is made in place, or of one that was made before."""
        text, func, method = ast.unparse(node), node.func, ""
        if isinstance(func, ast.Attribute) and (isinstance(func.value, ast.Call) or _name(func.value) in self.objects):
            method, func = func.attr, func.value
        maker = func if isinstance(func, ast.Call) else self.objects.get(_name(func))
        member = self._member(func if maker is None else maker.func)
        if member is None or (maker is None and isinstance(member[1], type)):
            return None
        if maker is not None and (not isinstance(member[1], type) or (self.is_module and method not in _VALUES)):
            return None
        return Found(node, member, text, node, maker, method)

    def _refuse(self, body: ast.expr | None) -> None:
        """Say why there is nothing to port."""
        if not isinstance(body, ast.Call):
            what = "is no call" if body is not None else "has no call of a loss"
            raise ContractError(f"port: {self.text!r} {what}. Fix: write one, 'F.mse_loss(x, y)'")
        func = body.func
        while isinstance(func, ast.Call) or (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call)):
            func = func.func if isinstance(func, ast.Call) else func.value
        _, member = self.find(self._dotted(func))
        if isinstance(member, type):
            raise ContractError(f"port: {self.text} makes a loss. Fix: call it, {self.text}(x, y)")
        raise ContractError(f"port: {ast.unparse(body.func)} is called again, or a method of it. Fix: port it alone")

    def replaced(self, texts: Sequence[str]) -> str:
        """The text with other texts for its calls; an empty one leaves the call."""
        lines = self.text.encode().splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        whole = b"".join(lines)
        for found, text in sorted(zip(self.calls, texts, strict=True), key=lambda pair: -_at(starts, pair[0].node)[0]):
            if text:
                start, end = _at(starts, found.node)
                tight = isinstance(found.parent, (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.Compare))
                whole = whole[:start] + (atom(text) if tight else text).encode() + whole[end:]
        return whole.decode()


def _name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""


def _moved(node: ast.expr) -> ast.Call | None:
    """The call that makes an object, without those that move it."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MOVES:
        node = node.func.value
    return node if isinstance(node, ast.Call) else None


def _at(starts: Sequence[int], node: ast.expr) -> tuple[int, int]:
    """The first and the last byte of an expression in its text."""
    line, column = node.end_lineno or 0, node.end_col_offset or 0
    return starts[node.lineno - 1] + node.col_offset, starts[line - 1] + column
