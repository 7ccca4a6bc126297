"""The version that first had a public name, read from `released.json`: the names that each release had.

Nobody writes a version at a new name. Until the next release it has the version to come; the release records it
with the output of `python -m lossspec.since`. A recorded name that is gone has to be among the removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import ModuleType
from typing import NamedTuple

import lossspec


class Released(NamedTuple):
    """The public names of every release, oldest first, and the version that removed a name."""

    names: Mapping[str, Sequence[str]]
    removed: Mapping[str, str]


def released() -> Released:
    """Read the record of all releases."""
    return Released(**json.loads((files("lossspec") / "released.json").read_text("utf-8")))


def public_names() -> list[str]:
    """Every public name of `lossspec`, losses included, in alphabetical order."""
    public = (name for name in vars(lossspec) if not name.startswith("_"))
    return sorted(name for name in public if not isinstance(getattr(lossspec, name), ModuleType))


def since(name: str, record: Released | None = None) -> str:
    """The first version that had a public name: that of a release, or the one to come."""
    record = released() if record is None else record
    return next((version for version, names in record.names.items() if name in names), lossspec.__version__)


def lost(record: Released) -> list[str]:
    """The names that a release had, that are gone, and whose removal is not recorded."""
    known = {*public_names(), *record.removed}
    return sorted({name for names in record.names.values() for name in names} - known)


if __name__ == "__main__":
    record = released()
    names = {**record.names, lossspec.__version__: public_names()}
    print(json.dumps(record._replace(names=names)._asdict(), indent=1))
