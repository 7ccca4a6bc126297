"""Write what type checkers read of the catalogue, a line a file: `python -m tests.losses_stub`."""

from pathlib import Path

import lossspec.losses

FILE = Path(lossspec.losses.__file__).with_suffix(".pyi")


def families() -> list[str]:
    """The files and folders of the catalogue, in order."""
    return sorted(path.stem for path in FILE.parent.glob("[!_]*") if path.suffix == ".py" or path.is_dir())


def text() -> str:
    """The stub of the files that are there."""
    # File by file: type checkers do not read the sum of lists that is the `__all__` of a folder.
    files = sorted(path.relative_to(FILE.parent).with_suffix("") for path in FILE.parent.rglob("[!_]*.py"))
    lines = [f"from lossspec.losses.{'.'.join(file.parts)} import *" for file in files]
    return "\n".join(["# Written by python -m tests.losses_stub.", *lines, ""])


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
