"""Stored results of the oracle, so that a check is quick: one file a loss, keyed by a hash of definition and case.

A result whose definition or case has changed is not found and is computed anew; nothing stale can be used. In a source
tree `lossspec check` writes what it had to compute into the file of the loss; `python -m lossspec.conformance.expected`
does so for all losses, and removes the files of those that are gone.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.oracle import Component, Expected, definition_of, fingerprint, solve, solve_hessians
from lossspec.registry import get, names

FOLDER = resources.files("lossspec.conformance").joinpath("expected")
CATALOGUE = "lossspec.losses."
"""The modules whose losses have files here begin so; what the losses of others give is computed in every run."""

DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
VALUE_DIGITS, DERIVATIVE_DIGITS = 25, 20
HESSIAN = "h"
"""The end of the key of second derivatives, which are records of their own: neither kind outdates the other."""


class Store:
    """Results by loss and fingerprint, read when first asked for; with `recompute` no file is read or written."""

    def __init__(self, recompute: bool = False) -> None:
        self._recompute = recompute
        self._folder = FOLDER
        self._records: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()
        self.computed = 0

    def expected(self, loss: Any, case: Case) -> Expected:
        """The right results of a case."""
        return unpack(self._record(loss, case, key_of(loss, case)))

    def hessians(self, loss: Any, case: Case) -> list[list[Component]]:
        """Some second derivatives of each unit of a case."""
        return _unpack_components(self._record(loss, case, key_of(loss, case) + HESSIAN))

    def _of(self, name: str) -> dict[str, Any]:
        """All that is known of a loss."""
        if name not in self._records:
            self._records[name] = {} if self._recompute else read(self._folder, name)
        return self._records[name]

    def _record(self, loss: Any, case: Case, key: str) -> Any:
        name = loss.contract.name
        if key not in self._of(name):
            self.add(name, key, _compute(loss, case, key))
        return self._of(name)[key]

    def add(self, name: str, key: str, record: Any) -> None:
        """Take a result that was computed for a loss."""
        self._of(name)[key] = record
        self._changed.add(name)
        self.computed += 1

    def missing(self, loss: Any, dtype: str) -> dict[str, Case]:
        """The results that the cases of a loss ask for and that are not stored."""
        known = self._of(loss.contract.name)
        return {key: case for key, case in wanted(loss, dtype).items() if key not in known}

    def save(self, loss: Any) -> Path | None:
        """Write the file of a loss of the catalogue whose results are new, in a source tree; the path, if written.

        It holds what the cases of the loss ask for, in the order of the keys, and nothing of the run. A check of one
        dtype leaves the results of the other to the next.
        """
        name = loss.contract.name
        if self._recompute or name not in self._changed or not (in_source_tree() and is_of_catalogue(loss)):
            return None
        self._changed.discard(name)
        known = self._of(name)
        keys = (key for dtype in DTYPES for key in wanted(loss, dtype) if key in known)
        return write(self._folder, name, {key: known[key] for key in keys})


def is_of_catalogue(loss: Any) -> bool:
    """Say whether a loss is one of this package, whose results are stored here."""
    return bool(loss.__module__.startswith(CATALOGUE))


def in_source_tree() -> bool:
    """Say whether this package lies in its source tree and is no installed copy."""
    return (Path(__file__).parents[2] / "pyproject.toml").is_file()


def read(folder: Traversable, name: str) -> dict[str, Any]:
    """The stored results of a loss by their keys; none where it has no file."""
    file = folder.joinpath(f"{name}.json")
    if not file.is_file():
        return {}
    records: dict[str, Any] = json.loads(file.read_text("utf-8"))["records"]
    return records


def write(folder: Traversable, name: str, records: Mapping[str, Any]) -> Path:
    """Write the file of a loss, a record a line; whoever reads it meanwhile sees the old one or the new one."""
    path = Path(str(folder), f"{name}.json")
    lines = (f"{json.dumps(key)}: {json.dumps(records[key], separators=(',', ':'))}" for key in sorted(records))
    text = f'{{"loss": {json.dumps(name)}, "records": {{\n' + ",\n".join(lines) + "\n}}\n"
    path.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", newline="\n", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
    return path


def key_of(loss: Any, case: Case) -> str:
    """The fingerprint of a case of a loss."""
    return fingerprint(definition_of(loss), loss.contract, case)


def wanted(loss: Any, dtype: str) -> dict[str, Case]:
    """The keys of all records that the cases of a loss ask for, each with a case that gives it."""
    cases = make_cases(loss.contract, DTYPES[dtype])
    found = {key_of(loss, case): case for case in cases}
    curved = [case for case in cases if case.hessian and hessian_inputs(loss.contract, case.inputs)[0]]
    return found | {key_of(loss, case) + HESSIAN: case for case in curved}


def _compute(loss: Any, case: Case, key: str) -> Any:
    return _pack_components(solve_hessians(loss, case)) if key.endswith(HESSIAN) else pack(solve(loss, case))


def _text(value: Any, digits: int) -> str | None:
    return None if value is None else mp.nstr(value, digits, strip_zeros=True)


def _number(text: str | None) -> Any:
    return None if text is None else mpf(text)


def pack(expected: Expected) -> list[Any]:
    """JSON of a result."""
    with mp.workdps(VALUE_DIGITS + 5):
        values = [_text(value, VALUE_DIGITS) for value in expected.values]
    return [values, [float(f"{scale:.3g}") for scale in expected.scales], _pack_components(expected.components)]


def _pack_components(components: list[list[Component]]) -> list[Any]:
    with mp.workdps(VALUE_DIGITS + 5):
        return [
            [
                [
                    c.name,
                    list(c.index),
                    None if c.free else _text(c.low, DERIVATIVE_DIGITS),
                    None if c.free or c.low == c.high else _text(c.high, DERIVATIVE_DIGITS),
                    float(f"{c.scale:.3g}"),
                ]
                for c in unit
            ]
            for unit in components
        ]


def unpack(record: list[Any]) -> Expected:
    """The result of a JSON record."""
    values, scales, components = record
    with mp.workdps(VALUE_DIGITS + 5):
        numbers = [_number(value) for value in values]
    return Expected(numbers, scales, _unpack_components(components))


def _unpack_components(record: list[Any]) -> list[list[Component]]:
    with mp.workdps(VALUE_DIGITS + 5):
        return [
            [
                Component(
                    name,
                    tuple(index),
                    mpf(0) if low is None else mpf(low),
                    mpf(0) if low is None else mpf(high or low),
                    scale,
                    free=low is None,
                )
                for name, index, low, high, scale in unit
            ]
            for unit in record
        ]


def _solve(work: tuple[str, str, Case]) -> tuple[str, str, Any]:
    name, key, case = work
    return name, key, _compute(get(name), case, key)


def solve_all(store: Store, losses: Iterable[Any], dtypes: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Compute what a store lacks, on all cores; yields (done, of how many)."""
    work = [
        (loss.contract.name, key, case)
        for loss in losses
        for dtype in dtypes
        for key, case in store.missing(loss, dtype).items()
    ]
    if len(work) < 50:
        for done, item in enumerate(work):
            store.add(*_solve(item))
            yield done + 1, len(work)
        return
    with ProcessPoolExecutor() as pool:
        for done, result in enumerate(pool.map(_solve, work, chunksize=4)):
            store.add(*result)
            yield done + 1, len(work)


def main() -> None:
    """Compute what is missing and write the files, one a loss; remove those of losses that are gone."""
    from rich.progress import track

    store, losses = Store(), [loss for loss in map(get, names()) if is_of_catalogue(loss)]
    for _ in track(solve_all(store, losses, DTYPES), description="oracle", total=None):
        pass
    written = [path.name for path in map(store.save, losses) if path is not None]
    gone = [
        path for path in Path(str(FOLDER)).glob("*.json") if path.stem not in {loss.contract.name for loss in losses}
    ]
    for path in gone:
        path.unlink()
    print(f"{store.computed} computed; written: {', '.join(written) or 'nothing'}; removed: {len(gone)}")


if __name__ == "__main__":
    main()
