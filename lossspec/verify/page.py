"""A report as one self-contained page; `templates/verdict.html` says where the words stand."""

from __future__ import annotations

from lossspec.conformance.page import templates, written
from lossspec.verify import report as words
from lossspec.verify.judge import LEVELS
from lossspec.verify.report import Report


def page(report: Report) -> str:
    """The report as one HTML file that asks for nothing else."""
    environment = templates("lossspec.verify")
    tools = (words.call_words, words.error_words, words.example_words, words.level_words)
    environment.globals.update({tool.__name__: tool for tool in tools}, LEVELS=LEVELS)
    return written(environment.get_template("verdict.html").render(report=report))
