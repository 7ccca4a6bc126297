"""The matrix itself: every loss on every backend that is here, against the oracle and the laws."""

import pytest

from lossspec import all_backends, get, names
from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.matrix import SECOND_ELSEWHERE, plan, run_cell
from lossspec.conformance.notes import laws
from lossspec.conformance.store import Store
from lossspec.conformance.vectors import DTYPES

STORE = Store()
JOBS = plan([get(name) for name in names()])


every_job = pytest.mark.parametrize(
    "job", JOBS, ids=lambda job: f"{job.loss.contract.name}-{job.backend.name}-{job.dtype}"
)


@pytest.mark.thorough
@every_job
def test_a_loss_meets_its_contract_in_every_case(job):
    meets_its_contract(job, thorough=True)


@every_job
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
    if inputs and cell.hessian_reason == SECOND_ELSEWHERE:
        assert (job.backend.name, job.dtype, thorough) == ("jax", "float32", False)
        inputs, reason = (), SECOND_ELSEWHERE
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
