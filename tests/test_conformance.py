"""The matrix itself: every loss on every backend that is here, against the oracle and the laws."""

import json
from pathlib import Path

import pytest

from lossspec import all_backends, get, names
from lossspec.conformance import expected
from lossspec.conformance.axes import hessian_inputs
from lossspec.conformance.cases import make_cases
from lossspec.conformance.expected import DTYPES, FOLDER, Store, read, wanted
from lossspec.conformance.matrix import plan, run_cell

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
    typical = make_cases(job.loss.contract, DTYPES[job.dtype])[0]
    inputs, reason = hessian_inputs(job.loss.contract, typical.inputs)
    assert (cell.hessian_error is None, cell.hessian_reason) == (not inputs, reason)


@pytest.mark.parametrize("name", names())
def test_the_file_of_a_loss_has_what_its_cases_ask_for(name):
    stored, asked = read(FOLDER, name), {}
    for dtype in DTYPES:
        asked |= {key: case.name for key, case in wanted(get(name), dtype).items()}
    missing = [asked[key] for key in asked.keys() - stored.keys()]
    assert not missing, f"run lossspec check --loss {name} --backend numpy; missing: {missing[:3]}"
    assert not stored.keys() - asked.keys(), (
        "run python -m lossspec.conformance.expected; results that no case asks for"
    )


def test_every_file_is_that_of_a_loss():
    files = {Path(str(file)).name for file in FOLDER.iterdir()}
    assert files == {f"{name}.json" for name in names()}, "run python -m lossspec.conformance.expected"


@pytest.fixture
def incomplete(tmp_path, monkeypatch):
    """The stored results of squared_error in a folder of their own, one of them missing, with those of no case."""
    records = read(FOLDER, "squared_error")
    (_, *others) = records
    file = expected.write(
        tmp_path, "squared_error", {**{key: records[key] for key in others}, "stale": records[others[0]]}
    )
    monkeypatch.setattr(expected, "FOLDER", tmp_path)
    monkeypatch.setattr(expected, "in_source_tree", lambda: True)
    return file


def complete(store, loss):
    return [list(expected.solve_all(store, [loss], DTYPES)), store.save(loss)]


def test_what_had_to_be_computed_is_written_into_the_file_of_the_loss(incomplete):
    loss = get("squared_error")
    assert complete(Store(), loss) == [[(1, 1)], incomplete]
    assert incomplete.read_bytes() == FOLDER.joinpath(incomplete.name).read_bytes()
    assert complete(Store(), loss) == [[], None]
    assert [file.name for file in incomplete.parent.iterdir()] == [incomplete.name]


@pytest.mark.parametrize("where", ["installed", "of another package", "recomputed"])
def test_nothing_is_written_of_what_has_no_file_here(incomplete, monkeypatch, where):
    before, loss, store = incomplete.read_bytes(), get("squared_error"), Store(recompute=where == "recomputed")
    if where == "installed":
        monkeypatch.setattr(expected, "in_source_tree", lambda: False)
    if where == "of another package":
        monkeypatch.setattr(expected, "CATALOGUE", "lossspec_of_another.losses.")
    store.hessians(loss, make_cases(loss.contract, DTYPES["float32"])[0])
    complete(store, loss) if where != "recomputed" else store.save(loss)
    assert store.computed > 0
    assert incomplete.read_bytes() == before


def test_a_check_says_which_file_it_wrote(incomplete):
    from typer.testing import CliRunner

    from lossspec.cli import app

    result = CliRunner().invoke(app, ["check", "--loss", "squared_error", "--backend", "numpy"])
    assert f"kept in {incomplete}" in result.output + result.stderr
    assert "stale" not in json.loads(incomplete.read_text())["records"]


def test_every_backend_is_planned_for_every_loss():
    assert {(job.loss.contract.name, job.backend.name, job.dtype) for job in JOBS} == {
        (name, backend, dtype)
        for name in names()
        for backend, of in all_backends().items()
        if not of.lazy
        for dtype in DTYPES
    }
