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

from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.oracle import Component, Expected, definition_of, fingerprint, solve
from lossspec.loss import get, names

FILE = "expected.json.gz"
DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
VALUE_DIGITS, DERIVATIVE_DIGITS = 25, 20


class Store:
    """Results by fingerprint; with `recompute` the stored file is not read."""

    def __init__(self, recompute: bool = False) -> None:
        self._records: dict[str, Any] = {} if recompute else _read()
        self.computed = 0

    def expected(self, loss: Any, case: Case) -> Expected:
        """What is right for a case."""
        key = key_of(loss, case)
        if key not in self._records:
            self._records[key] = pack(solve(loss, case))
            self.computed += 1
        return unpack(self._records[key])

    def add(self, records: dict[str, Any]) -> None:
        """Take results that were computed elsewhere."""
        self._records |= records

    def missing(self, loss: Any, cases: Iterable[Case]) -> list[Case]:
        """The cases without a stored result, one for each fingerprint."""
        found = {key_of(loss, case): case for case in cases}
        return [case for key, case in found.items() if key not in self._records]

    def write(self, path: Path, keep: set[str]) -> None:
        """Write the results that are in use, in an order and a format that do not depend on the run."""
        records = {key: self._records[key] for key in sorted(keep)}
        text = json.dumps(records, separators=(",", ":"))
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


def key_of(loss: Any, case: Case) -> str:
    """The fingerprint of a case of a loss."""
    return fingerprint(definition_of(loss), loss.contract, case)


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
        components = [
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
            for unit in expected.components
        ]
        values = [_text(value, VALUE_DIGITS) for value in expected.values]
        return [values, [float(f"{scale:.3g}") for scale in expected.scales], components]


def unpack(record: list[Any]) -> Expected:
    """The result of a JSON record."""
    values, scales, components = record
    with mp.workdps(VALUE_DIGITS + 5):
        return Expected(
            [_number(value) for value in values],
            scales,
            [
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
                for unit in components
            ],
        )


def _solve(work: tuple[str, Case]) -> tuple[str, Any]:
    loss = get(work[0])
    return key_of(loss, work[1]), pack(solve(loss, work[1]))


def solve_all(store: Store, losses: Iterable[Any], dtypes: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Compute what a store lacks, on all cores; yields (done, of how many)."""
    work = [
        (loss.contract.name, case)
        for loss in losses
        for dtype in dtypes
        for case in store.missing(loss, make_cases(loss.contract, DTYPES[dtype]))
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
    keep = {
        key_of(loss, case) for loss in losses for dtype in DTYPES.values() for case in make_cases(loss.contract, dtype)
    }
    path = Path(__file__).with_name(FILE)
    store.write(path, keep)
    print(f"{len(steps)} computed, {len(keep)} stored, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
