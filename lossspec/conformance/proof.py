"""The vectors of losses proved against the oracle, brought up to date, and written for others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lossspec.conformance import vectors
from lossspec.conformance.oracle import Component
from lossspec.conformance.store import Store, in_source_tree, is_of_catalogue, unlike
from lossspec.conformance.vectors import Vector
from lossspec.errors import FormatError
from lossspec.registry import get, names


def contradictions(loss: Any, store: Store) -> Iterator[str]:
    """Say what the file of a loss has otherwise than a store in which all of it was computed anew."""
    name = loss.contract.name
    try:
        file, fresh = vectors.load(name), store.vectors(loss)
    except FormatError as problem:
        yield str(problem)
        return
    if file.definition != fresh.definition:
        yield f"{name}: the results are of another definition"
    if vectors.line(file.facts) != vectors.line(fresh.facts):
        yield f"{name}: the contract says something else"
    known, wanted = ({vector.id: vector for vector in some.cases} for some in (file, fresh))
    for lacking in wanted.keys() - known.keys():
        yield f"{name}: {lacking} is missing"
    for left in known.keys() - wanted.keys():
        yield f"{name}: no case asks for {left}"
    for key in wanted.keys() & known.keys():
        yield from (f"{name}: {key}: {problem}" for problem in _differences(known[key], wanted[key]))


def _differences(given: Vector, wanted: Vector) -> Iterator[str]:
    if given.hash != wanted.hash:
        yield "the exact results are those of another call"
        return
    assert wanted.exact is not None
    assert wanted.result is not None
    if given.exact is None or given.result is None:
        yield "results are missing"
        return
    dtype = given.dtype
    exact = [(some.values, some.scales) for some in (wanted.exact, given.exact)]
    for what, problem in (
        ("exact", unlike(exact[0], exact[1], dtype, relative=True)),
        ("reduced", unlike(wanted.result, given.result, dtype)),
    ):
        if problem:
            yield f"{what} {problem}"
    yield from _unlike("gradient", given.exact.components, wanted.exact.components, dtype)
    if (given.hessians is None) != (wanted.hessians is None):
        yield "second derivatives are missing, or too many"
    elif given.hessians is not None and wanted.hessians is not None:
        yield from _unlike("Hessian", given.hessians, wanted.hessians, dtype)
    if (given.purpose, given.differs) != (wanted.purpose, wanted.differs):
        yield "the notes say something else"


def _unlike(kind: str, given: list[list[Component]], wanted: list[list[Component]], dtype: str) -> Iterator[str]:
    known, right = (
        {(unit, c.name, c.index): c for unit, found in enumerate(some) for c in found} for some in (given, wanted)
    )
    if known.keys() != right.keys():
        yield f"{kind}: other entries"
        return
    for key, c in right.items():
        other = known[key]
        if c.free and other.free:
            continue
        right_ends, ends = (([x.low, x.high], [x.scale, x.scale]) for x in (c, other))
        problem = unlike(right_ends, ends, dtype, relative=True)
        problem = "any number is right, or is not" if c.free != other.free else problem
        if problem:
            yield f"{kind} of {c.name}{list(c.index)}: {problem}"


def update(losses: Iterable[Any], store: Store) -> Iterator[Path]:
    """Write the files of losses that are not as they should be; the paths of those that were written."""
    if not in_source_tree():
        raise FormatError(
            "the files of an installed package stay as they are. Fix: --out DIR, or work in a source tree"
        )
    yield from filter(None, map(store.save, losses))


def remove_gone() -> list[str]:
    """Remove the files of losses that are gone; their names."""
    here = {name for name in names() if is_of_catalogue(get(name))}
    gone = [path for path in Path(str(vectors.FOLDER)).glob("*.json") if path.stem not in here]
    for path in gone:
        path.unlink()
    return [path.name for path in gone]


def export(losses: Iterable[Any], store: Store, folder: Path) -> Iterator[Path]:
    """Write the vectors of losses and their schema into a folder; the paths of those that were not there already."""
    for loss in losses:
        written = vectors.save(folder, store.vectors(loss))
        if written is not None:
            yield written
    schema = folder / vectors.SCHEMA.name
    vectors.write(schema, vectors.SCHEMA.read_text("utf-8"))
    yield schema
