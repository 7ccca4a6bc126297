"""Small real data sets on which the losses are checked (see PROVENANCE.md beside this file).

``load("digits")`` gives the arrays of ``digits.npz`` by name. The files are read once; each call
hands out fresh copies, so a caller may write into them.
"""

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "load"]

NAMES = ("boxes", "diabetes", "digits", "photographs", "text")
"""The data sets that :func:`load` knows."""


@cache
def _read(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of ``name.npz`` as stored; shared between calls, so never handed out."""
    with (
        resources.files(__name__).joinpath(f"{name}.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return {key: archive[key] for key in archive.files}


def load(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of the data set ``name`` (one of :data:`NAMES`), by array name."""
    if name not in NAMES:
        raise ValueError(f"no data set named {name!r}; there are {', '.join(NAMES)}")
    return {key: array.copy() for key, array in _read(name).items()}
