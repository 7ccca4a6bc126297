"""Files that a command writes, refused before the minutes that their content takes."""

from __future__ import annotations

from pathlib import Path


def unwritable(*paths: Path | None) -> str:
    """The reason why one of some files cannot be written, or an empty string; nothing is left behind."""
    given = [path for path in paths if path is not None]
    for path in given:
        new = not path.exists()
        try:
            path.open("a").close()
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
        if new:
            path.unlink()
    if len({path.resolve() for path in given}) < len(given):
        return f"{given[0]}: two options name the same file. Fix: give each a file of its own"
    return ""
