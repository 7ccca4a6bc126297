"""Write what type checkers read of the catalogue, a line a family: `python -m tests.losses_stub`."""

from pathlib import Path

import lossspec.losses

FILE = Path(lossspec.losses.__file__).with_suffix(".pyi")


def text() -> str:
    """The stub of the families that are there."""
    families = sorted(path.stem for path in FILE.parent.glob("[!_]*.py"))
    lines = [f"from lossspec.losses.{family} import *" for family in families]
    return "\n".join(["# Written by python -m tests.losses_stub.", *lines, ""])


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
