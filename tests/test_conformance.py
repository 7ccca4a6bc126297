"""The matrix itself: every loss on every backend that is here, against the oracle and the laws."""

import pytest

from lossspec import all_backends, get, names
from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.bench import EAGER_DTYPE, Bench
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.notes import laws
from lossspec.conformance.probes import probe_of
from lossspec.conformance.store import Store
from lossspec.conformance.vectors import DTYPES

STORE = Store()
JOBS = plan([get(name) for name in names()])


def of_others(job):
    """Say whether the other dtype and the other backends show what a cell does, at a fraction of the time."""
    probe = probe_of(job.backend)
    dear = probe.compiles_by_shape or bool(probe.wraps)
    bench = Bench(job.loss, job.backend, DTYPES[job.dtype], job.device)
    return dear and bench.dtype is not EAGER_DTYPE and not bench.stands_for_family


def named(job):
    return f"{job.loss.contract.name}-{job.backend.name}-{job.dtype}"


@pytest.mark.thorough
@pytest.mark.parametrize("job", JOBS, ids=named)
def test_a_loss_meets_its_contract_in_every_case(job):
    meets_its_contract(job, thorough=True)


@pytest.mark.parametrize(
    "job", [pytest.param(job, marks=[pytest.mark.thorough] * of_others(job), id=named(job)) for job in JOBS]
)
def test_a_loss_meets_its_contract(job):
    meets_its_contract(job, thorough=False)


def meets_its_contract(job, thorough):
    if job.reason:
        pytest.skip(f"not run: {job.reason}")
    cell = run_cell(job, STORE, thorough)
    assert cell.status == "pass", "\n".join([f"{cell.failure_count} of {cell.checks} checks failed", *cell.failures])
    assert cell.checks > 0
    typical = STORE.cases(job.loss, job.dtype)[0]
    inputs, reason = hessian_inputs(job.loss.contract, typical.inputs)
    assert (cell.hessian_error is None, cell.hessian_reason) == (not inputs, reason)
    if job.backend.name == "numpy":  # what is said to others about laws is what the laws are tried for
        spared = {name: cell.laws[name] for name in laws(job.loss.contract) if cell.laws[name].startswith("not run")}
        assert set(spared.values()) <= {"not run: the units have no axis", "not run: a single unit"}


def test_every_backend_is_planned_for_every_loss():
    assert {(job.loss.contract.name, job.backend.name, job.dtype) for job in JOBS} == {
        (name, backend, dtype)
        for name in names()
        for backend, of in all_backends().items()
        if not of.lazy
        for dtype in DTYPES
    }
