"""The suite for authors of backends: it passes for an example, and sees what is wrong with one that is not right."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lossspec import get
from lossspec.cli import app
from lossspec.conformance import isolated
from lossspec.conformance.matrix import Job, plan
from lossspec.dispatch import get_backend, register_backend
from lossspec.errors import BackendError
from lossspec.testing import BackendSuite

EXAMPLE = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "examples" / "backend_tally.py"), run_name="tally")
Good = type(EXAMPLE["backend"])


class TestTheExample(BackendSuite):
    backend = EXAMPLE["backend"]
    losses = ("huber", "cross_entropy", "dice", "quantile", "info_nce")

    def setup_method(self):
        register_backend(self.backend)


def suite(backend, **facts):
    """An instance of the suite for a backend, which is registered."""
    kind = type("Suite", (BackendSuite,), {"backend": backend, "losses": ("huber",), **facts})
    kind.setup_class()
    return kind()


def test_a_copy_that_shares_memory_is_seen():
    class Sharing(Good):
        def from_numpy(self, array, device=None):
            return EXAMPLE["Tally"](array)

    with pytest.raises(AssertionError, match=r"(?i)not equal"):
        suite(Sharing()).test_arrays_come_back_from_numpy_as_they_went()


def test_a_dtype_that_is_lost_is_seen():
    class Narrow(Good):
        def from_numpy(self, array, device=None):
            return EXAMPLE["Tally"](np.array(array, dtype=np.float32))

    with pytest.raises(AssertionError, match="int64 came back as float32"):
        suite(Narrow()).test_arrays_come_back_from_numpy_as_they_went()


def test_arrays_of_others_that_are_recognised_are_seen():
    class Greedy(Good):
        def recognises(self, x):
            return isinstance(x, (EXAMPLE["Tally"], np.ndarray))

    with pytest.raises(AssertionError):
        suite(Greedy()).test_its_arrays_are_its_own()


def test_a_function_that_is_missing_is_named():
    class Without(Good):
        @property
        def namespace(self):
            names = [name for name in dir(EXAMPLE["namespace"]) if name != "where"]
            return type("Names", (), {name: getattr(EXAMPLE["namespace"], name, None) for name in names})

    with pytest.raises(AssertionError, match="tally lacks where"):
        suite(Without()).test_its_namespace_has_what_the_losses_need()


def test_a_loss_that_fails_is_red_and_a_known_failure_that_passes_too():
    class Wrong(Good):
        def to_numpy(self, x):
            found = np.array(x.data)
            return found * np.float32(1.001) if found.dtype == np.float32 else found

    with pytest.raises(AssertionError, match="checks failed"):
        suite(Wrong()).test_a_loss_meets_its_contract("huber", "float32")
    with pytest.raises(pytest.xfail.Exception, match="a reason"):
        suite(Wrong(), known={"huber": "a reason"}).test_a_loss_meets_its_contract("huber", "float32")
    with pytest.raises(AssertionError, match="it is known to fail"):
        suite(Good(), known={"huber": "a reason"}).test_a_loss_meets_its_contract("huber", "float32")


def test_the_matrix_does_not_run_in_a_dtype_that_a_backend_has_not():
    register_backend(Good())
    reasons = {job.dtype: job.reason for job in plan([get("huber")], ["tally"])}
    assert reasons == {"float32": "", "float64": "tally has no float64"}


def test_what_is_no_backend_is_not_registered():
    for wrong, words in ((3, "of type int"), (type("Nameless", (Good,), {"name": None})(), "lacks a `name`")):
        with pytest.raises(BackendError, match=words):
            register_backend(wrong)


# A cell in a process of its own.

CRASHING = """
import os
import numpy as np
from lossspec.dispatch import get_backend

def {act}(self, array, device=None):
    {do}

type(get_backend("numpy")).from_numpy = {act}
"""


@pytest.mark.parametrize(
    ("do", "seconds", "words"),
    [
        ("os.abort()", 60.0, "the process crashed by SIGABRT"),
        ("os._exit(3)", 60.0, "the process ended with status 3"),
        ("import time; time.sleep(60)", 4.0, "the process hangs: no result in 4 s"),
    ],
)
def test_a_framework_that_breaks_down_costs_one_cell(do, seconds, words, tmp_path, monkeypatch):
    (tmp_path / "breaks_down.py").write_text(CRASHING.format(act="act", do=do))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = Job(get("huber"), get_backend("numpy"), "float64", "cpu")
    cell = isolated.run_isolated(job, modules=["breaks_down"], seconds=seconds)
    assert cell.status == "fail"
    assert cell.failures[0].startswith(words)


def test_the_command_isolates_cells(tmp_path, monkeypatch):
    (tmp_path / "breaks_down.py").write_text(CRASHING.format(act="act", do="os.abort()"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("lossspec.cli._import_modules", lambda modules: None)  # it would break numpy here
    options = ["--loss", "huber", "--backend", "numpy", "--dtype", "float64", "--module", "breaks_down", "--isolate"]
    result = CliRunner().invoke(app, ["check", *options])
    assert result.exit_code == 1
    assert "the process crashed by SIGABRT" in result.output


def test_a_cell_of_its_own_process_is_the_same():
    job = Job(get("huber"), get_backend("numpy"), "float64", "cpu")
    cell = isolated.run_isolated(job)
    assert (cell.status, cell.failures) == ("pass", [])
    assert cell.checks > 100
    assert cell.laws["NaN in is NaN out"] == "holds"
    assert isolated.from_dict({**cell.to_dict(), "value_error": "inf"}).value_error == np.inf
