"""A report as one self-contained page; `templates/verdict.html` says where the words stand."""

from __future__ import annotations

from functools import cache

from lossspec.errors import MissingExtraError
from lossspec.verify import report as words
from lossspec.verify.judge import LEVELS
from lossspec.verify.report import Report

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined, Template
except ImportError as missing:
    raise MissingExtraError(f'pages need {missing.name}: pip install "lossspec[check]"') from None


@cache
def template() -> Template:
    """The page with places for the values, which are escaped where they enter; an unknown one is an error."""
    environment = Environment(
        loader=PackageLoader("lossspec.verify"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tools = (words.call_words, words.error_words, words.example_words, words.level_words)
    environment.globals.update({tool.__name__: tool for tool in tools})
    environment.globals.update(LEVELS=LEVELS)
    return environment.get_template("verdict.html")


def page(report: Report) -> str:
    """The report as one HTML file that asks for nothing else; all of it is ASCII, whatever the encoding of the file."""
    return template().render(report=report).lstrip().encode("ascii", "xmlcharrefreplace").decode("ascii")
