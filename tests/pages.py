"""The code of the documentation, for tests that run it."""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def blocks_of(page, title):
    """The blocks of Python under a heading of a page."""
    section = (DOCS / page).read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [block.split("```")[0] for block in section.split("```python\n")[1:]]


def code_of(title):
    """All code under a heading of the page of scale."""
    return "\n".join(blocks_of("scale.md", title))
