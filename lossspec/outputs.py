"""Files that a command writes, refused before the minutes that their content takes."""

from __future__ import annotations

from pathlib import Path


def unwritable(path: Path) -> str:
    """The reason why a file cannot be written, or an empty string; nothing is left behind."""
    new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    if new:
        path.unlink()
    return ""
