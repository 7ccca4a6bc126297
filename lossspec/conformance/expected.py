"""Stored results of the oracle, so that a check is quick: keyed by a hash of the definition and of the case.

A result whose definition or case has changed is not found and is computed anew; nothing stale can be used.
`python -m lossspec.conformance.expected` computes what is missing and writes the file.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.oracle import Component, Expected, definition_of, fingerprint, solve, solve_hessians
from lossspec.registry import get, names

FILE = "expected.json.gz"
DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
VALUE_DIGITS, DERIVATIVE_DIGITS = 25, 20
HESSIAN = "h"
"""What ends the key of second derivatives, which are records of their own: neither kind outdates the other."""


class Store:
    """Results by fingerprint; with `recompute` the stored file is not read."""

    def __init__(self, recompute: bool = False) -> None:
        self._records: dict[str, Any] = {} if recompute else _read()
        self.computed = 0

    def expected(self, loss: Any, case: Case) -> Expected:
        """What is right for a case."""
        return unpack(self._record(loss, case, key_of(loss, case)))

    def hessians(self, loss: Any, case: Case) -> list[list[Component]]:
        """Some second derivatives of each unit of a case."""
        return _unpack_components(self._record(loss, case, key_of(loss, case) + HESSIAN))

    def _record(self, loss: Any, case: Case, key: str) -> Any:
        if key not in self._records:
            self._records[key] = _compute(loss, case, key)
            self.computed += 1
        return self._records[key]

    def add(self, records: dict[str, Any]) -> None:
        """Take results that were computed elsewhere."""
        self._records |= records

    def missing(self, loss: Any, dtype: str) -> dict[str, Case]:
        """What has no stored result of all that the cases of a loss ask for."""
        return {key: case for key, case in wanted(loss, dtype).items() if key not in self._records}

    def write(self, path: Path, keep: set[str]) -> None:
        """Write the results that are in use, in an order and a format that do not depend on the run."""
        records = {key: self._records[key] for key in sorted(keep)}
        text = json.dumps(records, separators=(",", ":"))
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


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


def _read() -> dict[str, Any]:
    file = resources.files("lossspec.conformance").joinpath(FILE)
    if not file.is_file():
        return {}
    records: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return records


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


def _solve(work: tuple[str, str, Case]) -> tuple[str, Any]:
    name, key, case = work
    return key, _compute(get(name), case, key)


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
            store.add(dict([_solve(item)]))
            yield done + 1, len(work)
        return
    with ProcessPoolExecutor() as pool:
        for done, record in enumerate(pool.map(_solve, work, chunksize=4)):
            store.add(dict([record]))
            store.computed += 1
            yield done + 1, len(work)


def main() -> None:
    """Compute what is missing and write the file beside this one."""
    from rich.progress import track

    store, losses = Store(), [get(name) for name in names()]
    steps = list(track(solve_all(store, losses, DTYPES), description="oracle", total=None))
    keep = {key for loss in losses for dtype in DTYPES for key in wanted(loss, dtype)}
    path = Path(__file__).with_name(FILE)
    store.write(path, keep)
    print(f"{len(steps)} computed, {len(keep)} stored, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
