"""Build the site: hand-written pages and generated ones into one folder, then HTML of them by Zensical."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from lossdocs import examples, font, overview
from lossdocs.figure import draw_all
from lossdocs.page import page, title, vectors
from lossspec.conformance.matrix import Cell
from lossspec.conformance.run import Check, fill
from lossspec.registry import get, names

ROOT = Path(__file__).parents[2]
HIDDEN = shutil.ignore_patterns("*.py", "examples", "lossdocs", "__pycache__")


def build(out: Path, work: Path, processes: int) -> None:
    """Write the site to a folder; what is drawn is kept in a working folder for the next time."""
    sources = work / "pages"
    write(sources, work / "cache", processes)
    configuration = configured()
    file = work / "mkdocs.yml"
    file.write_text(yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "docs")}
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(file)]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own configuration
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(work / "site", out)


def write(sources: Path, cache: Path, processes: int) -> None:
    """Write the Markdown of all pages, with their pictures and data, to a folder."""
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "docs", sources, ignore=HIDDEN)
    for folder in ("losses", "vectors", "examples"):
        (sources / folder).mkdir()
    drawn = draw_all(names(), cache / "figures", processes)
    cells = checked(processes)
    for name in names():
        loss = get(name)
        (sources / title(loss.contract)).write_text(page(loss, drawn[name], cells[name]))
        if (file := vectors(loss.contract)) is not None:
            shutil.copy(file, sources / "vectors" / f"{name}.json")
    font.write(sources / "assets")
    (sources / "losses" / "index.md").write_text(overview.index())
    (sources / "gallery.md").write_text(overview.gallery(drawn))
    (sources / "api.md").write_text(overview.public_api())
    runs = examples.run_all(examples.scripts(), cache / "examples", processes)
    for run in runs:
        if run.picture is not None:
            shutil.copy(run.picture, sources / "examples" / f"{run.script.stem}.png")
    (sources / "examples" / "index.md").write_text(examples.page(runs))


def checked(processes: int) -> dict[str, list[Cell]]:
    """The cells of a quick check of every loss on NumPy, which takes seconds where other backends take minutes."""
    found: dict[str, list[Cell]] = {name: [] for name in names()}
    for step in fill(Check(names(), ("numpy",), quick=True), processes):
        for cell in step.cells:
            found[cell.loss].append(cell)
    return found


def configured() -> dict[str, Any]:
    """The configuration of mkdocs.yml with the losses in its navigation, and the folders beside its copy."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    losses = {"Losses": list(overview.navigation())}
    nav = [losses if "Losses" in entry else entry for entry in found["nav"]]
    return {**found, "nav": nav, "docs_dir": "pages", "site_dir": "site"}


def main() -> None:
    """Build the site from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="the folder of the finished site")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "docs", help="the folder of pages and figures")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many figures to draw at a time")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    build(arguments.out.resolve(), arguments.work.resolve(), arguments.processes)
    print(f"{arguments.out}: {len(names())} losses, {time.perf_counter() - begun:.0f} s")
