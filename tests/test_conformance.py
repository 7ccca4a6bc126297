"""The matrix itself: every loss on every backend that is here, against the oracle and the laws."""

import pytest

from lossspec import all_backends, get, names
from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.cases import make_cases
from lossspec.conformance.expected import DTYPES, Store
from lossspec.conformance.matrix import plan, run_cell

STORE = Store()
UNTOUCHED = Store()
"""What is in the file, also when a cell above has computed what was not."""

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
    typical = make_cases(job.loss.contract, DTYPES[job.dtype])[0]
    inputs, reason = hessian_inputs(job.loss.contract, typical.inputs)
    assert (cell.hessian_error is None, cell.hessian_reason) == (not inputs, reason)


@pytest.mark.parametrize("name", names())
def test_every_expected_value_is_stored(name):
    missing = [case.name for dtype in DTYPES for case in UNTOUCHED.missing(get(name), dtype).values()]
    assert not missing, f"run python -m lossspec.conformance.expected; missing: {missing[:3]}"


def test_every_backend_is_planned_for_every_loss():
    assert {(job.loss.contract.name, job.backend.name, job.dtype) for job in JOBS} == {
        (name, backend, dtype) for name in names() for backend in all_backends() for dtype in DTYPES
    }
