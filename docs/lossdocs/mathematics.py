"""An extension of Python-Markdown: LaTeX between dollar signs becomes MathML, which browsers set without a script.

`$x^2$` stands in a line, `$$x^2$$` by itself. A formula that is no LaTeX stops the build.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from math_core import LatexToMathML

PRIORITY = 185
"""After code in backticks (190), before escapes (180), which LaTeX has of its own."""


@cache
def mathml(latex: str, display: bool) -> str:
    """The MathML of a formula."""
    return str(LatexToMathML().convert_with_local_state(latex, displaystyle=display))


class _Mathematics(InlineProcessor):
    """One formula in the text."""

    def handleMatch(self, m: Any, data: str) -> tuple[str, int, int]:  # noqa: N802 - the name that Markdown calls
        """The formula as it stands in the page, with its place in the text."""
        display = m.group(1) == "$$"
        made = mathml(m.group(2).strip(), display)
        if display:
            made = f'<span class="formula">{made}</span>'
        return self.md.htmlStash.store(made), m.start(0), m.end(0)


class Mathematics(Extension):
    """The formulas of a page."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name that Markdown calls
        """Add the pattern of formulas to those of Markdown."""
        md.inlinePatterns.register(_Mathematics(r"(?<!\\)(\$\$?)([^$]+?)\1", md), "mathematics", PRIORITY)


def makeExtension(**options: Any) -> Extension:  # noqa: N802 - the name that Markdown calls
    """The extension, by the name of this module."""
    return Mathematics(**options)
