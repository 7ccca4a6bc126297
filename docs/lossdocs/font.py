"""The font of formulas: the signs that they use of STIX Two Math, with the table by which browsers stretch brackets."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from fontTools import subset

NAME = "mathematics.woff"
RANGES = (
    (0x20, 0xFF),  # Latin
    (0x391, 0x3D6),  # Greek
    (0x2010, 0x2064),  # bars, primes, spaces
    (0x2100, 0x214F),  # letters such as that of the loss
    (0x2190, 0x2193),  # arrows
    (0x2200, 0x22FF),  # operators
    (0x2308, 0x230B),  # floors
    (0x1D434, 0x1D467),  # the italic letters in which MathML sets names of one letter
    (0x1D6E2, 0x1D71B),  # the same in Greek
)
"""The signs of formulas, first and last of each block of Unicode."""


def write(folder: Path) -> None:
    """Write the font to a folder, with its licence in its table of names."""
    options = subset.Options(flavor="woff", name_IDs=["*"], layout_features=["*"], notdef_outline=True)
    with as_file(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf") as path:
        font = subset.load_font(str(path), options)
    chooser = subset.Subsetter(options)
    chooser.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
    chooser.subset(font)
    subset.save_font(font, str(folder / NAME), options)
