"""The cases of a loss and the oracle's results for them: read from its vectors, computed where they have none.

The inputs of a case are those of the file, however cases are drawn today. A result is found by two hashes: of the
definition, and of all of the case that it depends on; nothing stale can be used. In a source tree `lossspec check`
writes what it had to compute into the file of the loss, and `lossspec vectors` does so for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from lossspec.conformance import vectors
from lossspec.conformance.axes import hessian_inputs, unit_shape
from lossspec.conformance.cases import Case, make_cases, usual_parameters
from lossspec.conformance.measure import reduced
from lossspec.conformance.notes import differences, facts, purpose, signature
from lossspec.conformance.oracle import (
    NEGLIGIBLE,
    Component,
    Expected,
    case_hash,
    definition_hash,
    solve,
    solve_hessians,
)
from lossspec.conformance.vectors import DIGITS, DTYPES, Vector, Vectors
from lossspec.errors import ContractError, FormatError
from lossspec.registry import get

CATALOGUE = "lossspec.losses."
"""The modules whose losses have files here begin so; what the losses of others give is computed in every run."""
NOISE = 1e-20
"""A scale below it at a value of 0 is what difference quotients leave of 0, by the digits that they were taken with."""
HESSIAN = "h"
"""The end of the key of second derivatives, which are results of their own: neither kind outdates the other."""


@dataclass
class _Known:
    """All that is known of a loss: its file, the cases of it by their ids, and results by their keys."""

    file: Vectors | None
    cases: dict[str, Vector]
    results: dict[str, Any]
    news: dict[str, None]
    """The reasons why results were computed, each once."""
    agreed: dict[str, str]
    """By the ids of cases, what is wrong with the result that the file has under the reduction."""


class Store:
    """Cases and results by loss, read when first asked for.

    With `recompute` no result of a file is used and no file written; with `redraw` the inputs are those that are drawn
    today, and results are used where the inputs are the same.
    """

    def __init__(self, recompute: bool = False, redraw: bool = False) -> None:
        self._recompute = recompute
        self._redraw = redraw
        self._known: dict[tuple[str, str], _Known] = {}
        self.computed = 0

    def cases(self, loss: Any, dtype: str) -> list[Case]:
        """The cases of a loss in a precision, with the inputs of its file where it has them."""
        made = make_cases(loss.contract, DTYPES[dtype])
        known = {} if self._redraw else self._of(loss).cases
        return [_as_stored(loss, case, known.get(f"{dtype}/{case.name}")) for case in made]

    def expected(self, loss: Any, case: Case) -> Expected:
        """The right results of a case; `FormatError` where the file contradicts itself about them."""
        found: Expected = self._result(loss, case, case_hash(loss.contract, case))
        problem = self._contradiction(loss, case, found)
        if problem:
            raise FormatError(problem)
        return found

    def hessians(self, loss: Any, case: Case) -> list[list[Component]]:
        """Some second derivatives of each unit of a case."""
        found: list[list[Component]] = self._result(loss, case, case_hash(loss.contract, case) + HESSIAN)
        return found

    def _of(self, loss: Any) -> _Known:
        key = loss.contract.name, definition_hash(loss)
        if key not in self._known:
            self._known[key] = _read(loss, not self._recompute)
        return self._known[key]

    def _result(self, loss: Any, case: Case, key: str) -> Any:
        if key not in self._of(loss).results:
            self.add(loss, key, _compute(loss, case, key))
        return self._of(loss).results[key]

    def _contradiction(self, loss: Any, case: Case, exact: Expected) -> str:
        """Say how the result of a case in its file differs from what the exact ones come to."""
        known = self._of(loss)
        dtype = _dtype_of(case)
        vector = known.cases.get(f"{dtype}/{case.name}")
        if self._recompute or vector is None or vector.result is None or vector.hash not in known.results:
            return ""
        if vector.hash != case_hash(loss.contract, case):
            return ""
        if vector.id not in known.agreed:
            known.agreed[vector.id] = unlike(reduced(loss.contract, case, exact), vector.result, dtype)
        wrong = known.agreed[vector.id]
        return wrong and f"the file of {loss.contract.name} contradicts itself: {vector.id}: {wrong}"

    def add(self, loss: Any, key: str, result: Any) -> None:
        """Take a result that was computed for a loss."""
        self._of(loss).results[key] = result
        self.computed += 1

    def missing(self, loss: Any, dtype: str) -> dict[str, Case]:
        """The results that the cases of a loss ask for and that are not stored, each with a case that gives it."""
        known = self._of(loss)
        found = {key: case for key, case in self._wanted(loss, dtype).items() if key not in known.results}
        for key, case in () if self._recompute else found.items():
            known.news[_why(known, f"{dtype}/{case.name}", key)] = None
        return found

    def _wanted(self, loss: Any, dtype: str) -> dict[str, Case]:
        cases = self.cases(loss, dtype)
        found = {case_hash(loss.contract, case): case for case in reversed(cases)}
        curved = [case for case in cases if case.hessian and hessian_inputs(loss.contract, case.inputs)[0]]
        return found | {case_hash(loss.contract, case) + HESSIAN: case for case in reversed(curved)}

    def vectors(self, loss: Any) -> Vectors:
        """The vectors of a loss as they should be, of the cases whose results are known."""
        known = self._of(loss)
        cases = [v for dtype in DTYPES for v in self._vectors(loss, dtype)]
        version = vectors.today() if known.file is None else known.file.version
        return Vectors(loss.contract.name, version, definition_hash(loss), facts(loss.contract), tuple(cases))

    def _vectors(self, loss: Any, dtype: str) -> Iterator[Vector]:
        results, usual = self._of(loss).results, usual_parameters(loss.contract)
        cases = self.cases(loss, dtype)
        about = differences(loss.contract, cases)
        for case, differs in zip(cases, about, strict=True):
            key = case_hash(loss.contract, case)
            if key not in results:
                continue
            exact = _as_written(results[key], dtype)
            hessians = results.get(key + HESSIAN)
            own = frozenset(name for name, value in case.parameters.items() if value is not usual[name])
            shape = unit_shape(loss.contract, case.inputs) if _is_of_units(loss.contract, case) else ()
            result = reduced(loss.contract, case, exact)
            yield Vector(
                f"{dtype}/{case.name}", dtype, case, own, purpose(case), differs, key, shape, exact, hessians, result
            )

    def save(self, loss: Any) -> Path | None:
        """Write the file of a loss of the catalogue whose vectors are new, in a source tree; the path, if written.

        It holds what the cases of the loss ask for and nothing of the run. No case of a file is lost because its
        results were not asked for: then nothing is written.
        """
        if self._recompute or not (in_source_tree() and is_of_catalogue(loss)):
            return None
        now = self.vectors(loss)
        asked = {f"{dtype}/{case.name}" for dtype in DTYPES for case in self.cases(loss, dtype)}
        if asked & self._of(loss).cases.keys() - {vector.id for vector in now.cases}:
            return None
        return vectors.save(Path(str(vectors.FOLDER)), replace(now, version=vectors.today()))

    def keep(self, loss: Any) -> str:
        """Write the file of a loss if results of it were computed; says so, or why they are not kept."""
        why, name = self.news(loss), loss.contract.name
        if not why or not is_of_catalogue(loss):
            return ""
        path = self.save(loss)
        if path is not None:
            return f"The oracle's results for {name} are new ({why}), and kept in {path}."
        return f"The oracle's results for {name} are new ({why}); a check of all dtypes in a source tree keeps them."

    def news(self, loss: Any) -> str:
        """The reasons why results of a loss were computed, in words; empty where all were there."""
        return "; ".join(self._of(loss).news)


def is_of_catalogue(loss: Any) -> bool:
    """Say whether a loss is one of this package, whose results are stored here."""
    return bool(loss.__module__.startswith(CATALOGUE))


def in_source_tree() -> bool:
    """Say whether this package lies in its source tree and is no installed copy."""
    return (Path(__file__).parents[2] / "pyproject.toml").is_file()


def _read(loss: Any, with_results: bool) -> _Known:
    name = loss.contract.name
    if not is_of_catalogue(loss) or not vectors.path_in(vectors.FOLDER, name).is_file():
        return _Known(None, {}, {}, {}, {})
    file = vectors.load(name, vectors.FOLDER)
    known = _Known(file, {}, {}, {}, {})
    declared = signature(loss.contract).items()
    if all(file.facts["signature"].get(argument, words) == words for argument, words in declared):
        known.cases = {vector.id: vector for vector in file.cases}  # else their inputs may lie outside of the domain
    if with_results and file.definition == definition_hash(loss):
        known.results = results_of(loss, file)
    return known


def results_of(loss: Any, file: Vectors) -> dict[str, Any]:
    """The results of a file by their keys: those that belong to the case that they stand at."""
    found: dict[str, Any] = {}
    for vector in file.cases:
        if vector.hash in found or vector.exact is None or not _is_own(loss, vector):
            continue
        found[vector.hash] = vector.exact
        if vector.hessians is not None:
            found[vector.hash + HESSIAN] = vector.hessians
    return found


def _is_own(loss: Any, vector: Vector) -> bool:
    try:
        return case_hash(loss.contract, vector.case) == vector.hash
    except (KeyError, AttributeError):  # a case of another contract
        return False


def _why(known: _Known, id_: str, key: str) -> str:
    """The reason why a result is missing."""
    if known.file is None:
        return "there was no file"
    if not known.cases:
        return "the declaration of an argument has changed"
    vector = known.cases.get(id_)
    if vector is None:
        return "there are new cases"
    if not known.results:
        return "the definition has changed"
    alone = key.endswith(HESSIAN) and key.removesuffix(HESSIAN) in known.results
    return "second derivatives were missing" if alone else f"cases have changed, as {id_}"


def _as_stored(loss: Any, made: Case, stored: Vector | None) -> Case:
    """A case with the inputs, parameters and options of the file, unless it is a call of another kind."""
    if stored is None or _kind(made) != _kind(stored.case):
        return made
    usual = usual_parameters(loss.contract)
    own = {name for name, value in made.parameters.items() if value is not usual[name]}
    if own != stored.own:
        return made
    try:
        unit_shape(loss.contract, stored.case.inputs)
    except ContractError:
        return made
    parameters = {name: stored.case.parameters[name] if name in own else usual[name] for name in made.parameters}
    return replace(made, inputs=stored.case.inputs, parameters=parameters, options=stored.case.options)


def _kind(case: Case) -> Any:
    """The names of all that a case gives, and of what kind it is."""

    def of(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value), tuple(map(of, value))
        return (value.dtype, value.ndim) if isinstance(value, np.ndarray) else type(value)

    given = (case.inputs, case.parameters, case.options)
    return case.axis, tuple(tuple((name, of(value)) for name, value in values.items()) for values in given)


def _is_of_units(contract: Any, case: Case) -> bool:
    """Say whether the exact results of a case are those of its units and not of the call."""
    return contract.form == "pointwise" or (contract.form == "coupled" and case.options.get("reduction") == "none")


def _dtype_of(case: Case) -> str:
    arrays = chain.from_iterable(x if isinstance(x, list) else [x] for x in case.inputs.values())
    return str(max((x.dtype for x in arrays if x.dtype.kind == "f"), key=lambda dtype: dtype.itemsize).name)


def _as_written(exact: Expected, dtype: str) -> Expected:
    """A result with the digits that a file has."""
    words = vectors.decimals(exact.values, dtype)
    return replace(exact, values=vectors.numbers(words), scales=[float(vectors.rounded(x)) for x in exact.scales])


def _compute(loss: Any, case: Case, key: str) -> Any:
    return solve_hessians(loss, case) if key.endswith(HESSIAN) else solve(loss, case)


def unlike(
    wanted: tuple[list[Any], list[float]],
    given: tuple[list[Any], list[float]],
    dtype: str,
    relative: bool = False,
) -> str:
    """Say in words how two results differ by more than the digits of a file, or return an empty string.

    What counts is the difference relative to the scale, or to the right number alone.
    """
    if len(wanted[0]) != len(given[0]):
        return f"{len(given[0])} values and not {len(wanted[0])}"
    for place, (right, scale, other, other_scale) in enumerate(zip(*wanted, *given, strict=True)):
        exists = right is not None and other is not None
        # A scale is a float and has an end; the number itself may lie far beyond.
        room = (
            mpf(10) ** (2 - DIGITS[dtype]) * max(0.0 if relative else scale, abs(right)) + NEGLIGIBLE if exists else 0
        )
        far = exists and right != other and (mp.isinf(right) or not abs(right - other) <= room)
        if far or (right is None) != (other is None):
            return f"value {place} is {_shown(other)} and should be {_shown(right)}"
        nothing = right is not None and abs(right) < NEGLIGIBLE and max(scale, other_scale) < NOISE
        if scale != other_scale and not nothing and not abs(scale - other_scale) <= 0.01 * scale:
            return f"scale {place} is {other_scale:.3g} and should be {scale:.3g}"
    return ""


def _shown(value: Any) -> str:
    return "nan" if value is None else str(mp.nstr(value, 17))


def _solve(work: tuple[str, str, Case]) -> Any:
    name, key, case = work
    return _compute(get(name), case, key)


def solve_all(store: Store, losses: Iterable[Any], dtypes: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Compute what a store lacks, on all cores; yields (done, of how many)."""
    wanted = list(dtypes)
    work = [(loss, key, case) for loss in losses for d in wanted for key, case in store.missing(loss, d).items()]
    if len(work) < 50:
        for done, (loss, key, case) in enumerate(work):
            store.add(loss, key, _compute(loss, case, key))
            yield done + 1, len(work)
        return
    with ProcessPoolExecutor() as pool:
        tasks = ((loss.contract.name, key, case) for loss, key, case in work)
        for done, ((loss, key, _), result) in enumerate(zip(work, pool.map(_solve, tasks, chunksize=4), strict=True)):
            store.add(loss, key, result)
            yield done + 1, len(work)
