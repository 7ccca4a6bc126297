"""The matrix: loss x backend x dtype x device; a cell passes, fails or is not run, and shows its worst error."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, cast

import numpy as np
from mpmath import mp

from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.bench import Bench, first_of_family
from lossspec.conformance.cases import Case
from lossspec.conformance.laws import LAWS, Trial, spared
from lossspec.conformance.measure import derivative_errors, error, opposed, reduced
from lossspec.conformance.oracle import Component, Expected
from lossspec.conformance.probes import probe_of
from lossspec.conformance.store import Store
from lossspec.conformance.vectors import DTYPES
from lossspec.dispatch import Backend, all_backends, get_backend
from lossspec.kernels import disabled, on_cuda
from lossspec.kernels.front import reason, served
from lossspec.kernels.request import Request
from lossspec.loss import Loss

MOST_FAILURES = 5
KINDS = ("value", "gradient", "Hessian")
KERNELS = "+kernels"
TOGETHER = {"cupy+kernels": "cupy"}
"""The columns that come with another one, as only a GPU can try both."""


@dataclass
class Cell:
    """The outcome of one loss on one backend, dtype and device."""

    loss: str
    backend: str
    dtype: str
    device: str
    status: str = "pass"
    reason: str = ""
    value_error: float = 0.0
    value_budget: float = 0.0
    worst_value_case: str = ""
    gradient_error: float = 0.0
    gradient_budget: float = 0.0
    worst_gradient_case: str = ""
    hessian_error: float | None = None
    hessian_budget: float = 0.0
    worst_hessian_case: str = ""
    hessian_reason: str = ""
    checks: int = 0
    failures: list[str] = field(default_factory=list)
    failure_count: int = 0
    laws: dict[str, str] = field(default_factory=dict)
    kernel_calls: int = 0
    """The number of calls that compiled kernels served: 0 unless the column is one of theirs."""

    @property
    def errors(self) -> dict[str, tuple[float | None, float, str]]:
        """The worst error of each kind, None where it was not run; its budget; the case of the error."""
        return {
            kind: (getattr(self, f"{name}_error"), getattr(self, f"{name}_budget"), getattr(self, f"worst_{name}_case"))
            for kind, name in zip(KINDS, map(str.lower, KINDS), strict=True)
        }

    def note(self, kind: str, away: float, case: str) -> bool:
        """Keep the worst error of a kind; whether this one is beyond the budget."""
        self.checks += 1
        worst, budget, _ = self.errors[kind]
        if worst is None or away > worst:
            setattr(self, f"{kind.lower()}_error", away)
            setattr(self, f"worst_{kind.lower()}_case", case)
        return away > budget

    def fail(self, what: str) -> None:
        """Note that a check failed; the first few are kept in words."""
        self.status = "fail"
        self.failure_count += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(printable(what))

    def expect(self, holds: bool, otherwise: str) -> None:
        """Make a check that is right or wrong, and has no error in between."""
        self.checks += 1
        if not holds:
            self.fail(otherwise)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the cell, whose schema is `lossspec/matrix.schema.json`: an error without a number is text there."""
        return {
            name: str(value) if isinstance(value, float) and not isfinite(value) else value
            for name, value in asdict(self).items()
        }


def printable(text: str) -> str:
    """The text of a message without what steers a terminal; the ends of its lines stay."""
    return "".join(c for c in re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text) if c.isprintable() or c == "\n")


@dataclass(frozen=True)
class Job:
    """A cell to fill, or the reason not to."""

    loss: Loss
    backend: Backend
    dtype: str
    device: str
    reason: str = ""
    kernels: bool = False
    """True in a column of compiled kernels; elsewhere calls take the array path."""
    brief: bool = False
    """True after the first backend of a quick check, as `Bench` says."""

    @property
    def column(self) -> str:
        """The name of the backend, and of what computes on it."""
        return self.backend.name + KERNELS * self.kernels


def columns() -> list[str]:
    """The columns of a check: every backend that computes, and on request those of compiled kernels."""
    computing = [name for name, backend in all_backends().items() if not backend.lazy]
    return [*computing, *(name + KERNELS for name in ("numpy", "torch", "cupy"))]


def plan(
    losses: Iterable[Loss],
    backend_names: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    devices: Sequence[str] = (),
    quick: bool = False,
) -> list[Job]:
    """The cells of a check: every loss on every backend that is asked for, absent ones with their reason.

    A `quick` check fills both dtypes of the first backend that is there. On the others one dtype stands for both, and
    one loss for its family where a framework compiles for seconds.
    """
    jobs = []
    first = ""
    for column in columns():
        name, _, kernels = column.partition("+")
        named = column in backend_names or TOGETHER.get(column) in backend_names
        if not named and (backend_names or kernels):
            continue
        backend = get_backend(name)
        there = backend.available()
        places = [place for place in backend.devices() if place in devices] if there and devices else ["default"]
        asked = [dtype for dtype in DTYPES if dtype in (dtypes or DTYPES)]
        compiles = there and probe_of(backend).compiles_by_shape
        first = first or (column if there else "")
        brief = quick and bool(there) and column != first
        one = DTYPES["float64" if compiles else "float32"] if len({*asked} & {*backend.dtypes}) > 1 else None
        for loss in losses:
            for dtype in asked:
                if not there:
                    jobs.append(Job(loss, backend, dtype, "-", there.reason, bool(kernels)))
                    continue
                for place in places or ["-"]:
                    device = backend.devices()[0] if place == "default" else place
                    reason = "" if places else f"{backend.name} has no device {' or '.join(devices)}"
                    reason = reason if dtype in backend.dtypes else f"{backend.name} has no {dtype}"
                    if quick and (compiles or brief) and one not in (None, DTYPES[dtype]):
                        reason = reason or "the other dtype stands for it; --full runs it"
                    if brief and compiles and first_of_family(loss) != loss.contract.name:
                        reason = reason or "one loss of each family is compiled; --full runs the others"
                    jobs.append(Job(loss, backend, dtype, device, reason, bool(kernels), brief))
    order = {loss.contract.name: index for index, loss in enumerate(losses)}
    return sorted(jobs, key=lambda job: order[job.loss.contract.name])


def run(jobs: Iterable[Job], store: Store) -> Iterator[Cell]:
    """Fill the cells one by one."""
    for job in jobs:
        yield run_cell(job, store)


def run_cell(job: Job, store: Store, thorough: bool = False, quick: bool = False) -> Cell:
    """Fill one cell: the cases against the oracle, then the laws.

    Unless `thorough`, a framework that compiles is spared what costs it seconds and shows nothing new: cases as
    `Bench.runs` says, laws as `laws.spared` says. If `quick`, few cases and laws are run at all.
    """
    contract = job.loss.contract
    cell = Cell(contract.name, job.column, job.dtype, job.device)
    budget = contract.accuracy.of(job.backend.name)
    cell.value_budget, cell.gradient_budget, cell.hessian_budget = budget.value, budget.gradient, budget.hessian
    if job.reason:
        cell.status, cell.reason = "not run", job.reason
        return cell
    bench = Bench(job.loss, job.backend, DTYPES[job.dtype], job.device, thorough, quick, job.brief)
    cases = [case for case in store.cases(job.loss, job.dtype) if bench.runs(case)]
    _, cell.hessian_reason = hessian_inputs(contract, cases[0].inputs)
    before = served()
    with bench.probe.strictest(), warnings.catch_warnings(), on_cuda() if job.kernels else disabled():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "overflow encountered")  # NumPy says that a result is inf; the oracle knows
        warnings.filterwarnings("ignore", "Error .* persistent compilation cache entry")  # JAX then compiles it itself
        for case in cases:
            try:
                expected = store.expected(job.loss, case)
                check_case(bench, case, expected, cell)
                if bench.has_hessians(case) and not cell.hessian_reason:
                    check_hessians(bench, case, expected, store.hessians(job.loss, case), cell)
            except Exception as problem:  # whatever a loss throws, the matrix goes on and shows it
                cell.expect(False, f"{case.name}: {type(problem).__name__}: {problem}")
        check_laws(bench, store, cell)
    cell.kernel_calls = served() - before
    if job.kernels and not cell.kernel_calls:
        inputs, keywords = bench.arguments(cases[0])
        wrt = bench.real_among(cases[0].inputs)
        why = reason(Request(cast(Any, job.loss), "value_and_grad", (), {**inputs, **keywords}, wrt))
        cell.status, cell.reason = "not run", f"no kernel computes it: {why}"
    return cell


def check_case(bench: Bench, case: Case, expected: Expected, cell: Cell) -> None:
    """Compare the values and the gradients of one case with the oracle."""
    reduction = case.options.get("reduction", bench.contract.default_reduction)
    wanted, scales = reduced(bench.contract, case, expected)
    if bench.contract.form == "pointwise" and not case.options:
        each = Case(case.name, case.inputs, case.parameters, {"reduction": "none"}, case.axis)
        check_values(bench.value(each), *reduced(bench.contract, each, expected), case, bench, cell)
    if reduction != "none" and opposed(expected.values, bench.dtype):
        return
    # Where every gradient costs seconds of compilation, those of the default reduction stand for the others.
    spared = bench.probe.compiles_by_shape and reduction != bench.contract.default_reduction
    if reduction == "none" or spared:
        check_values(bench.value(case), wanted, scales, case, bench, cell)
        return
    with np.errstate(invalid="ignore"):  # where the value overflows its gradient is inf * 0
        value, gradients = bench.value_and_grad(case)
    check_values(value, wanted, scales, case, bench, cell)
    check_derivatives("gradient", gradients, expected.components, expected, case, bench, cell)


def check_hessians(bench: Bench, case: Case, expected: Expected, components: list[list[Component]], cell: Cell) -> None:
    """Compare the two derivatives of `grad_hess`, which are those of the sum, with the oracle."""
    summed = replace(case, options={**case.options, "reduction": "sum"})
    with np.errstate(invalid="ignore"):
        gradients, hessians = bench.grad_hess(case)
    check_derivatives("gradient", gradients, expected.components, expected, summed, bench, cell)
    check_derivatives("Hessian", hessians, components, expected, summed, bench, cell)


def check_values(got: Any, wanted: list[Any], scales: list[float], case: Case, bench: Bench, cell: Cell) -> None:
    """Compare values with the oracle's; None stands for NaN."""
    if np.size(got) != len(wanted):
        cell.expect(False, f"{case.name}: {np.size(got)} values instead of {len(wanted)}")
        return
    for position, (number, right, scale) in enumerate(zip(np.ravel(got), wanted, scales, strict=True)):
        if right is None:
            cell.expect(bool(np.isnan(number)), f"{case.name}: value {position} is {number}, should be NaN")
            continue
        away = error(number, right, right, scale, bench.dtype)
        if cell.note("value", away, case.name):
            cell.fail(
                f"{case.name}: value {position} is {number!r}, should be {mp.nstr(right, 17)}: {away:.3g} eps * scale"
            )


def check_derivatives(
    kind: str,
    gradients: dict[str, Any],
    components: list[list[Component]],
    expected: Expected,
    case: Case,
    bench: Bench,
    cell: Cell,
) -> None:
    """Compare the components that the oracle has, scaled by the reduction; all others must be finite."""
    largest = float(np.finfo(bench.dtype).max)
    judged = derivative_errors(bench.contract, case, expected, components, gradients, bench.dtype, kind)
    for component, factor, number, away in judged:
        if cell.note(kind, away, case.name):
            right = "finite" if component.free else mp.nstr(factor * component.low, 12)
            if component.low != component.high:
                right += f" to {mp.nstr(factor * component.high, 12)}"
            cell.fail(
                f"{case.name}: {kind} of {component.name}{list(component.index)} is {number!r}, should be {right}: "
                f"{away:.3g} eps * scale"
            )
    finite = all(value is not None and abs(value) <= largest for value in expected.values)
    for name, got in gradients.items():
        for array in got if isinstance(got, list) else [got]:
            if finite:
                known = bool(np.all(np.isfinite(array)))
                cell.expect(known, f"{case.name}: the {kind} of {name} is not finite everywhere")
            if case.options.get("empty") == 0.0:
                cell.expect(not np.any(array), f"{case.name}: nothing is selected and the {kind} of {name} is not 0")


def check_laws(bench: Bench, store: Store, cell: Cell) -> None:
    """Try every law on the typical case."""
    typical = store.cases(bench.loss, cell.dtype)[0]
    try:
        _, scales = reduced(bench.contract, typical, store.expected(bench.loss, typical))
    except Exception as raised:  # as above: without the right results there is no room for roundings
        cell.expect(False, f"no law was tried: {type(raised).__name__}: {raised}")
        return
    for name, law in LAWS.items():
        try:
            problem = spared(bench, name) or law(Trial(bench, typical, max(scales)))
        except Exception as raised:  # as above: show it and go on
            problem = f"{type(raised).__name__}: {raised}"
        cell.laws[name] = printable(problem or "holds")
        cell.expect(problem is None or problem.startswith("not run"), f"law '{name}': {problem}")
