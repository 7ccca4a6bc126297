"""The command line where things go wrong: broken plugins, paths, names that match nothing, code without a formula."""

import json
import re
import sys
from importlib.metadata import EntryPoint
from importlib.resources import files

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import lossspec as ls
from lossspec import cli, dispatch, plain
from lossspec.conformance import report
from lossspec.conformance.matrix import Cell, plan, run_cell
from lossspec.conformance.store import Store
from lossspec.numerics import array_namespace
from lossspec.registry import _registry, get
from lossspec.terms import Real

SCHEMA = Draft202012Validator(json.loads((files("lossspec") / "matrix.schema.json").read_text("utf-8")))
BROKEN = """
from lossspec.dispatch import Backend

class Shadow(Backend):
    name = module = "numpy"

class Nameless(Backend):
    pass

number, shadow, nameless = 3, Shadow(), Nameless()
"""


def lossspec(*arguments):
    done = CliRunner().invoke(cli.app, list(arguments))
    return done.exit_code, re.sub(r"[\s│]+", " ", done.output)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, empty, of a process that knows no other losses than before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lossspec.registry._registry", dict(_registry))
    monkeypatch.setattr("sys.path", [path for path in sys.path if path])
    return tmp_path


@pytest.fixture
def plugins(folder, monkeypatch):
    """Entry points of other packages, all broken."""
    (folder / "broken_plugin.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(folder))
    values = [
        "no_such_package:backend",
        *(f"broken_plugin:{name}" for name in ("number", "shadow", "nameless", "none")),
    ]
    points = [EntryPoint("a", value, dispatch.ENTRY_POINTS) for value in values]
    known = dispatch.entry_points
    monkeypatch.setattr(dispatch, "entry_points", lambda group: (*points, *known(group=group)))
    for memory in ("_by_type", "_found", "_broken"):
        monkeypatch.setattr(dispatch, memory, {})


def test_broken_plugins_break_nothing_and_are_named(plugins):
    assert next(iter(ls.all_backends())) == "numpy"
    assert float(ls.huber(np.asarray([1.0]), np.asarray([0.0]))) == 0.5
    assert dispatch.broken_backends() == {
        "no_such_package:backend": "ModuleNotFoundError: No module named 'no_such_package'",
        "broken_plugin:number": "it is of type int, not a lossspec.Backend",
        "broken_plugin:shadow": "a backend is called 'numpy' already",
        "broken_plugin:nameless": "it lacks a `name` or a `module`",
        "broken_plugin:none": "AttributeError: module 'broken_plugin' has no attribute 'none'",
    }
    assert type(ls.all_backends()["numpy"]).__name__ == "NumpyBackend"
    status, output = lossspec("doctor")
    assert status == 0
    assert "the plugin is broken: it is of type int" in output


@pytest.mark.parametrize(
    "asked",
    [
        ("--backend", "numpy", "--device", "cuda:9"),
        ("--backend", "numpy", "--backend", "cupy"),
        ("--backend", "numpy", "--device", "cpu", "--device", "moon"),
    ],
)
def test_what_was_asked_for_and_ran_nowhere_is_a_failure(asked):
    if "cupy" in asked and ls.all_backends()["cupy"].available():
        pytest.skip("CuPy runs here")
    status, output = lossspec("check", "--loss", "huber", "--dtype", "float64", *asked)
    assert status == 1
    assert re.search(f"Nothing ran on .*{asked[-1]}, which was asked for.", output)


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(folder, option, monkeypatch):
    monkeypatch.setattr(cli, "_check", lambda *_: pytest.fail("it ran"))
    status, output = lossspec("check", "--loss", "huber", option, str(folder / "absent" / "matrix"))
    assert (status, "matrix cannot be written: No such file" in output) == (2, True)


def test_a_file_that_can_be_written_is_not_there_before_the_run(folder):
    cli._try_to_write(folder / "matrix.json")
    assert list(folder.iterdir()) == []


def test_a_module_that_does_not_import_is_told_in_a_line(folder):
    (folder / "faulty_losses.py").write_text("1 / 0")
    for name, why in {"nosuch": "No module named 'nosuch'", "faulty_losses": "ZeroDivisionError: division by"}.items():
        status, output = lossspec("check", "--module", name)
        assert status == 2
        assert f"{name} does not import: " in output
        assert why in output
        assert "Traceback" not in output


OWN = '''
from lossspec import loss
from lossspec.terms import Real

@loss(family="regression", unit="element", source="a test")
def own_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """The difference."""
    return predictions - targets
'''


def test_a_module_of_the_current_folder_is_found_and_a_loss_without_a_definition_is_told_so(folder):
    (folder / "own_losses.py").write_text(OWN)
    status, output = lossspec("check", "--module", "own_losses", "--loss", "own_error")
    assert status == 2
    assert "own_error has no definition to be compared with. Fix: pass `definition=`" in output


@pytest.fixture
def faulty(folder):
    """The cells of losses that raise, or are infinite, on NumPy."""

    def cell(body):
        @ls.loss(family="regression", unit="element", source="a test", definition=lambda predictions: predictions)
        def faulty_loss(predictions: Real["*batch"]) -> Real["*batch"]:
            """The number itself, or not."""
            return body(predictions)

        return run_cell(plan([faulty_loss], ["numpy"], ["float64"])[0], Store())

    return cell


def raises(x):
    raise ValueError("\x1b[31mred\x1b[0m\x07 text")


def test_an_exception_counts_as_one_check_and_steers_no_terminal(faulty):
    cell = faulty(raises)
    assert cell.status == "fail"
    assert 0 < cell.failure_count <= cell.checks
    assert "typical: ValueError: red text" in cell.failures[0]
    assert all(text.isprintable() for text in (*cell.failures, *cell.laws.values()))


def test_a_matrix_with_infinite_errors_is_json_of_its_schema(faulty):
    cell = faulty(lambda x: x + array_namespace(x).asarray(np.inf))
    assert cell.value_error == np.inf
    text = report.to_json([cell, Cell("huber", "cupy", "float32", "-", "not run", "no device")])
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    SCHEMA.validate(content)
    assert content["cells"][0]["value_error"] == "inf"
    assert content["cells"][1]["hessian_error"] is None


def test_without_its_extra_the_command_line_still_lists_shows_and_finds_backends(capsys):
    for arguments, words in {
        ("list",): ["regression\n", "  huber  ", get("huber").contract.summary],
        ("show", "torch:HuberLoss"): ["predictions  Real[*batch]", "source       Huber 1964", ">>> import numpy as np"],
        ("show", "huber", "--json"): ['"name": "huber"'],
        ("doctor",): ["numpy    yes", np.__version__],
    }.items():
        plain.main("typer", arguments)
        shown = capsys.readouterr().out
        assert [text for text in words if text not in shown] == []


def test_what_needs_the_extra_names_it(capsys):
    for command in ("check", "vectors"):
        with pytest.raises(SystemExit, match=rf'`lossspec {command}` needs typer: pip install "lossspec\[check\]"'):
            plain.main("typer", [command, "--loss", "huber"])
    with pytest.raises(SystemExit):
        plain.main("typer", ["show", "hubr"])
    assert "Did you mean huber" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_the_command_is_plain_text_where_a_package_of_the_extra_is_missing(in_fresh_process, missing):
    script = f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['doctor']; import lossspec.__main__ as m"
    assert in_fresh_process(f"{script}; m.main(); print('lossspec.plain' in sys.modules)").endswith("True")


def test_a_page_without_its_library_is_refused_before_the_run(folder, monkeypatch):
    monkeypatch.setattr(cli, "_check", lambda *_: pytest.fail("it ran"))
    monkeypatch.delitem(sys.modules, "lossspec.conformance.page", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    status, output = lossspec("check", "--loss", "huber", "--html", str(folder / "matrix.html"))
    assert status == 2
    assert 'needs jinja2: pip install "lossspec[check]"' in output
