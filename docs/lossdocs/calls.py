"""The calls of a loss as a reader copies them: for each framework from its example, in other libraries as declared."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator, Mapping

import lossspec
from lossdocs.formula import escape
from lossspec import Contract, Loss, LossSpecError
from lossspec.contract import Equal

FRAMEWORKS: Mapping[str, tuple[str, str]] = {
    "Torch": ("import torch", "torch"),
    "JAX": ("import jax.numpy as jnp", "jnp"),
    "CuPy": ("import cupy as cp", "cp"),
}
"""The line that imports a framework, and the name by which calls are written."""
LIBRARIES = {
    "torch": "PyTorch",
    "optax": "optax",
    "keras": "Keras",
    "sklearn": "scikit-learn",
    "monai": "MONAI",
    "smp": "segmentation-models-pytorch",
}


SHORT = 110
"""The longest call that is shown as a translation."""


def example(loss: Loss) -> str:
    """The example of a docstring, with the line that imports the losses in it."""
    text = inspect.cleandoc(loss.__doc__ or "")
    found = text[text.index(">>>") :]
    words = set(re.findall(r"\w+", found)) & set(lossspec.names())
    first, _, rest = found.partition("\n")
    return f"{first}\n>>> from lossspec import {', '.join(sorted(words | {loss.contract.name}))}\n{rest}"


def translated(loss: Loss, framework: str) -> str:
    """The lines of the example for another framework, without what they print."""
    importing, short = FRAMEWORKS[framework]
    parts = doctest.DocTestParser().get_examples(example(loss))
    translator = _Translator(short)
    lines = [ast.unparse(translator.visit(ast.parse(part.source))) for part in parts]
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    imports = ["import math"] * (translator.scalar and "import math" not in imports) + imports
    text = "\n".join([*imports, "", *(line for line in lines if line not in imports)])
    return text.replace("import numpy as np", importing)


class _Translator(ast.NodeTransformer):
    """Calls of NumPy as those of another framework, without what makes short numbers and lists of arrays."""

    def __init__(self, short: str) -> None:
        self.short = short
        self.scalar = False

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The name of the framework in place of NumPy's."""
        return ast.Name(self.short) if node.id == "np" else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call, its array alone if it only rounds it or lists it, and a logarithm of a number by Python."""
        function, name = node.func, ast.unparse(node.func)
        if name in ("round", "float", "np.round"):
            return self._visited(node.args[0])
        if isinstance(function, ast.Attribute) and function.attr in ("tolist", "round"):
            return self._visited(function.value)
        if name in ("np.log", "np.exp") and isinstance(node.args[0], ast.Constant):
            self.scalar = True
            return ast.Call(ast.Attribute(ast.Name("math"), name.removeprefix("np.")), node.args, [])
        return self._visited(node, deeper=True)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """An entry; the reversal of the last axis as a function, for Torch has no steps backwards."""
        if ast.unparse(node.slice).rstrip(")").endswith("::-1"):
            return ast.parse(f"{self.short}.flip({ast.unparse(self._visited(node.value))}, (-1,))", mode="eval").body
        return self._visited(node, deeper=True)

    def _visited(self, node: ast.expr, deeper: bool = False) -> ast.expr:
        visited: ast.expr = self.generic_visit(node) if deeper else self.visit(node)  # type: ignore[assignment]
        return visited


def tabs(loss: Loss) -> str:
    """The example in NumPy with what it prints, and its lines for the other frameworks."""
    parts = {"NumPy": _block("pycon", example(loss))}
    parts |= {name: _block("python", translated(loss, name)) for name in FRAMEWORKS}
    return "\n\n".join(f'=== "{name}"\n\n{_indented(part)}' for name, part in parts.items())


def _block(language: str, code: str) -> str:
    return f"```{language}\n{code}\n```"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))


def elsewhere(contract: Contract) -> Iterator[str]:
    """Markdown of the equal calls of other libraries, of what differs, and of the names by which they know the loss."""
    if contract.equals:
        yield "| library | call | reduction here |"
        yield "|---|---|---|"
        for equal in contract.equals:
            library = LIBRARIES.get(equal.peer, equal.peer)
            yield f"| {library} | {code(equal.call)}{_condition(equal)} | {code(equal.reduction)} |"
        yield ""
        yield "The calls are written in the argument names of this page, and the checks run them, values and gradients."
        yield ""
        for equal in contract.equals:
            for where, why in equal.differs.items():
                library = LIBRARIES.get(equal.peer, equal.peer)
                yield f"- {library} differs in the cases of “{escape(where)}”: {escape(why)}."
    else:
        yield "No other library is declared to compute the same."
    yield ""
    for means, names in contract.other_meanings.items():
        called = ", ".join(code(name) for name in names)
        if means.startswith("not here: "):
            yield f"- {called} is another loss: {escape(means.removeprefix('not here: '))}."
        else:
            yield f"- {called} is this loss with {code(means)}."
    yield ""
    yield from _ported(contract)


def _condition(equal: Equal) -> str:
    return "" if equal.when == "True" else f"<br>where {code(equal.when)}"


def _ported(contract: Contract) -> Iterator[str]:
    """The first declared call that `lossspec.port` reads, as the calls of the other libraries."""
    for equal in contract.equals:
        try:
            found = lossspec.port(equal.call)
        except (LossSpecError, SyntaxError, TypeError, ValueError):
            continue
        if sum(bool(ported.text) for ported in found) < 2 or any(len(ported.text) > SHORT for ported in found):
            continue
        yield f"`lossspec.port` translates {code(equal.call)}, reduction included:"
        yield ""
        yield "| library | call | differs |"
        yield "|---|---|---|"
        for ported in found:
            if ported.text:
                library = LIBRARIES.get(ported.library, ported.library)
                yield f"| {library} | {code(ported.text)} | {escape('; '.join(ported.differs))} |"
        yield ""
        return


def code(text: str) -> str:
    """Code in a line of Markdown, in a cell of a table too."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"
