"""The page of the examples: what each says of itself, what it printed and drew here, and its code."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lossspec
from lossdocs.formula import escape

ROOT = Path(__file__).parents[1] / "examples"
LIMIT = 300.0
"""Seconds after which an example is given up."""


class Run(NamedTuple):
    """The output of an example, its picture if it draws one, and the reason if it did not run."""

    script: Path
    printed: str
    picture: Path | None
    reason: str = ""


def scripts() -> list[Path]:
    """The examples in alphabetical order."""
    return sorted(ROOT.glob("*.py"))


def run_all(paths: Iterable[Path], cache: Path, processes: int) -> list[Run]:
    """Run examples, those that did not change since the last time from a folder."""
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(lambda path: run(path, cache), paths))


def run(path: Path, cache: Path) -> Run:
    """Run one example, or read what it did."""
    sources = sorted(Path(lossspec.__file__).parent.rglob("*.py"))
    text = b"\0".join(file.read_bytes() for file in (path, Path(__file__), *sources))
    place = cache / f"{path.stem}-{hashlib.sha256(text).hexdigest()[:16]}"
    printed, picture = place.with_suffix(".txt"), place.with_suffix(".png")
    draws = "--plot" in path.read_text()
    if not printed.exists():
        with TemporaryDirectory() as folder:  # so that what is printed names no folder
            command = [sys.executable, str(path), *(["--plot", picture.name] if draws else [])]
            environment = {**os.environ, "MPLBACKEND": "agg"}
            try:
                done = subprocess.run(  # noqa: S603 - our own script
                    command, capture_output=True, text=True, timeout=LIMIT, env=environment, cwd=folder
                )
            except subprocess.TimeoutExpired:
                return Run(path, "", None, f"it took more than {LIMIT:g} seconds")
            if done.returncode:
                return Run(path, "", None, done.stderr.strip().rpartition("\n")[2])
            if draws:
                shutil.copy(Path(folder) / picture.name, picture)
            printed.write_text(done.stdout.replace(picture.name, f"{path.stem}.png"))
    return Run(path, printed.read_text(), picture if draws else None)


def page(runs: Iterable[Run]) -> str:
    """The page of all examples."""
    lines = [
        "# Examples",
        "",
        "Scripts that run as they are, and that the tests run: `python docs/examples/NAME.py`.",
        "",
    ]
    for done in runs:
        source = done.script.read_text()
        docstring = ast.get_docstring(ast.parse(source)) or ""
        lines += [f"## {escape(done.script.name)}", "", docstring, ""]
        if done.picture is not None:
            lines += [f"![What {done.script.name} draws]({done.script.stem}.png)", ""]
        if done.reason:
            lines += [f"*Not run when this page was made: `{done.reason}`*", ""]
        else:
            lines += ["```text", done.printed.rstrip(), "```", ""]
        lines += [f'??? note "docs/examples/{done.script.name}"', "", "    ```python"]
        lines += [f"    {line}" if line else "" for line in source.rstrip().split("\n")]
        lines += ["    ```", ""]
    return "\n".join(lines)
