"""A call is typed: pyright reports the wrong lines of a file and no other, and editors show real signatures."""

import inspect
import json
import pydoc
import subprocess
import sys
from pathlib import Path

import jedi
import losses_stub
import pytest

import lossspec as ls

USES = Path(__file__).with_name("typed_use.py")


def test_type_checkers_read_the_losses_that_are_declared():
    assert losses_stub.FILE.read_text("utf-8") == losses_stub.text(), "run python -m tests.losses_stub"


def test_a_check_names_the_command_that_writes_the_types(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from lossspec import cli

    script = tmp_path / "tests" / "losses_stub.py"
    script.parent.mkdir()
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "lossspec" / "cli.py"))
    checked = ["check", "--loss", "huber", "--backend", "numpy", "--dtype", "float64", "--jobs", "1"]
    for text, told in (("FILE.read_text('utf-8')", False), ("'other'", True)):
        script.write_text(f"from pathlib import Path\nFILE = Path(__file__)\ntext = lambda: {text}\n")
        done = CliRunner().invoke(cli.app, checked)
        assert done.exit_code == 0, done.output
        assert ("python -m tests.losses_stub" in done.output) == told
    script.unlink()
    assert not cli._stub_is_due()


def reported(source, folder):
    """The lines of a file in which pyright finds an error, comments that ignore errors of mypy put aside."""
    file, settings = folder / "uses.py", folder / "pyrightconfig.json"
    file.write_text(source)
    settings.write_text(
        json.dumps({"include": ["uses.py"], "enableTypeIgnoreComments": False, "extraPaths": [str(USES.parents[1])]})
    )
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603
    assert done.returncode in (0, 1), f"pyright does not run: {done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    return {one["range"]["start"]["line"] + 1 for one in found["generalDiagnostics"] if one["severity"] == "error"}


def test_pyright_reports_the_wrong_lines_and_no_other(tmp_path):
    """Of the file that mypy judges too; one line more, which no comment marks, shows that a wrong call is seen."""
    lines = USES.read_text("utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if "# type: ignore" in line}
    assert len(marked) > 20
    planted = [*lines, "", 'huber(x, y, reduction="sun")', ""]
    assert reported("\n".join(planted), tmp_path) == marked | {len(lines) + 2}


@pytest.fixture(scope="module")
def cache_of_jedi(tmp_path_factory):
    """A cache of this process alone: two that write one at a time read halves of files."""
    before, jedi.settings.cache_directory = jedi.settings.cache_directory, str(tmp_path_factory.mktemp("jedi"))
    yield
    jedi.settings.cache_directory = before


@pytest.mark.parametrize("name", ["huber", "cross_entropy"])
def test_an_editor_shows_the_arguments_of_a_loss(cache_of_jedi, name):
    script = jedi.Script(f"import lossspec\nlossspec.{name}(")
    (shown,) = script.get_signatures(2, len(name) + 10)
    real = inspect.signature(ls.get(name)).parameters
    assert [parameter.name for parameter in shown.params] == list(real)
    assert ls.get(name).contract.summary in shown.docstring()
    default = real["reduction"].default
    assert f"={default!r}" in next(one.description for one in shown.params if one.name == "reduction")


def test_help_shows_the_arguments_and_the_text_of_a_loss():
    text = pydoc.plain(pydoc.render_doc(ls.huber))
    assert "huber(predictions: Real[*batch], targets: Real[*batch], *, delta: Positive[#*batch] = 1.0" in text
    assert "Huber loss: quadratic near zero" in text
