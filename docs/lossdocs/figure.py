"""The figure of a loss as SVG: three panels for its page, one for the gallery; drawn once a version."""

from __future__ import annotations

import hashlib
import inspect
import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import lossspec
from lossdocs import section as sections
from lossdocs.section import Curve, Section, section
from lossspec.registry import get

SHADES = ("#26a69a", "#3f7fe8", "#b15ad6")
"""Colours of curves that are read on white and on black."""
STYLES = ("--", "-", ":")
INK = "#010203"
"""The colour that stands for that of the text around the figure."""
mpl.use("svg")
mpl.rcParams.update({"svg.fonttype": "path", "font.size": 9.0, "font.family": "DejaVu Sans", "path.simplify": True})


class Drawn(NamedTuple):
    """A figure, its small version, and the words below it; or the reason why there is none."""

    figure: str
    thumbnail: str
    caption: str
    reason: str = ""


def draw_all(names: Iterable[str], cache: Path, processes: int) -> dict[str, Drawn]:
    """The figures of losses by name; those that are drawn already are read from a folder."""
    names = list(names)
    cache.mkdir(parents=True, exist_ok=True)
    keys = {name: cache / f"{name}-{key(name)}.txt" for name in names}
    todo = [name for name in names if not keys[name].exists()]
    if todo and processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            drawn = dict(zip(todo, pool.map(draw, todo, chunksize=8), strict=True))
    else:
        drawn = {name: draw(name) for name in todo}
    for name, found in drawn.items():
        keys[name].write_text("\0".join(found))
    return {name: Drawn(*keys[name].read_text().split("\0")) for name in names}


def key(name: str) -> str:
    """A hash of all that a figure follows from: the files of the loss and of this code, and the libraries."""
    loss = get(name)
    root = Path(lossspec.__file__).parent
    shared = [*root.glob("*.py"), *(root / "autodiff").glob("*.py"), *(root / "conformance").glob("*.py")]
    files = [Path(inspect.getfile(loss.__wrapped__)), *sorted(shared), Path(sections.__file__), Path(__file__)]
    text = b"\0".join(file.read_bytes() for file in files)
    versions = "".join(version(library) for library in ("numpy", "matplotlib"))
    return hashlib.sha256(text + versions.encode() + name.encode()).hexdigest()[:16]


def draw(name: str) -> Drawn:
    """The figures of one loss."""
    try:
        shown = section(get(name))
    except lossspec.LossSpecError as error:
        return Drawn("", "", "", f"no figure: {error}")
    return Drawn(panels(name, shown), thumbnail(shown), caption(shown))


def caption(shown: Section) -> str:
    """The words below a figure, in Markdown."""
    words = f"Along `{shown.entry}`"
    if shown.held:
        words += ", at " + ", ".join(f"`{held}`" for held in shown.held)
    return ". ".join([words, *shown.notes]) + "."


def panels(name: str, shown: Section) -> str:
    """Loss, gradient and second derivative side by side."""
    figure = Figure(figsize=(9.0, 2.7))
    figure.subplots_adjust(left=0.055, right=0.99, bottom=0.17, top=0.9, wspace=0.24)
    axes: Any = figure.subplots(1, 3)
    for axis, kind, title in zip(axes, ("value", "gradient", "hessian"), ("loss", "gradient", "Hessian"), strict=True):
        for (label, curves), shade, style in _styled(shown):
            axis.plot(shown.x, getattr(curves, kind), color=shade, linestyle=style, linewidth=1.6, label=label)
        axis.set_title(title, fontsize=10, color=INK)
        axis.set_xlabel(shown.entry, color=INK)
        _limit(axis, [getattr(curves, kind) for curves in shown.curves.values()])
        _plain(axis)
    if any(shown.curves):
        axes[0].legend(frameon=False, fontsize=8, labelcolor=INK)
    title = f"{name}: loss, gradient and Hessian along {shown.entry}"
    return _svg(figure, title)


def thumbnail(shown: Section) -> str:
    """The loss alone, without numbers."""
    figure = Figure(figsize=(1.8, 1.1))
    axis = figure.add_axes((0.03, 0.05, 0.94, 0.9))
    for (_, curves), shade, style in _styled(shown):
        axis.plot(shown.x, curves.value, color=shade, linestyle=style, linewidth=1.8)
    _limit(axis, [curves.value for curves in shown.curves.values()])
    axis.set_axis_off()
    return _svg(figure, "")


def _styled(shown: Section) -> Iterator[tuple[Any, str, str]]:
    """The curves with their colours and strokes; one alone has a full stroke."""
    few = len(shown.curves) == 1
    return iter(zip(shown.curves.items(), SHADES[1:] if few else SHADES, STYLES[1:] if few else STYLES, strict=False))


def _limit(axis: Axes, curves: list[Curve]) -> None:
    """Leave out of sight what is so far out that nothing else could be seen."""
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if not values.size:
        return
    low, high = np.percentile(values, (4.0, 96.0))
    room = max(high - low, 1e-12) * 0.6
    low, high = max(float(values.min()), low - room), min(float(values.max()), high + room)
    edge = max((high - low) * 0.06, 1e-9 * max(1.0, abs(high)))
    if high - low < 1e-9 * max(1.0, abs(high)):
        edge = max(1.0, abs(high)) * 0.1
    axis.set_ylim(low - edge, high + edge)


def _plain(axis: Axes) -> None:
    """Two spines and ticks in the colour of the text."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color(INK)
    axis.tick_params(colors=INK, labelsize=8)
    axis.grid(visible=True, color="#808080", alpha=0.18, linewidth=0.6)


def _svg(figure: Figure, title: str) -> str:
    """The SVG of a figure for a page of HTML: in the colour of its text, with fewer digits, and with a title."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "lossspec"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(INK, "currentColor")
    text = re.sub(r' d="[^"]*"', lambda match: re.sub(r"-?\d+\.\d{3,}", _short, match[0]), text)
    text = re.sub(r'(<svg [^>]*?) ?width="[^"]*" height="[^"]*"', r"\1", text)
    text = re.sub(r"\s*\n\s*", " ", text).strip()
    role = f'<svg role="img" aria-label="{title}" ' if title else '<svg aria-hidden="true" '
    return text.replace("<svg ", role, 1)


def _short(number: re.Match[str]) -> str:
    """A number with two digits behind the point at most."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
