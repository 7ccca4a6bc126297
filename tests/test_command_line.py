"""The command line where things go wrong: broken plugins, paths, names that match nothing, code without a formula."""

import json
import os
import re
import sys
from importlib.metadata import EntryPoint
from importlib.resources import files

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from typer.testing import CliRunner

import lossspec as ls
from lossspec import cli, dispatch, plain
from lossspec.conformance import report, run
from lossspec.conformance.bench import Bench
from lossspec.conformance.laws import LAWS
from lossspec.conformance.matrix import Cell, plan, run_cell
from lossspec.conformance.store import Store
from lossspec.numerics import array_namespace
from lossspec.registry import get
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


def test_two_files_of_one_name_are_refused_before_the_run(folder, monkeypatch):
    monkeypatch.setattr(cli, "_check", lambda *_: pytest.fail("it ran"))
    (folder / "other").mkdir()
    files = ("--json", str(folder / "matrix"), "--html", str(folder / "other" / ".." / "matrix"))
    status, output = lossspec("check", "--loss", "huber", *files)
    assert (status, "two options name the same file" in output) == (2, True)


def test_a_family_is_checked_quickly_and_a_loss_beside_it_is_checked_too(monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "_check", lambda losses, options, jobs: asked.append((losses, options["quick"])) or [])
    lossspec("check", "--family", "metric learning")
    lossspec("check", "--family", "metric_learning", "--loss", "huber")
    expected = [name for name in ls.names() if get(name).contract.family == "metric_learning"]
    assert expected
    assert [loss.contract.name for loss in asked[0][0]] == expected
    assert {loss.contract.name for loss in asked[1][0]} == {"huber", *expected}
    assert [quick for _, quick in asked] == [True, False]


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


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The output, the JSON and the page of a check of the catalogue on NumPy in one dtype, in two processes."""
    folder = tmp_path_factory.mktemp("quick")
    files = {"json": folder / "matrix.json", "html": folder / "matrix.html"}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    arguments = ["check", "-b", "numpy", "--dtype", "float32", "-j", "2", *options]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cli, "console", Console(width=100))
        done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    return done.output, {name: path.read_text() for name, path in files.items()}


def test_a_check_of_the_catalogue_has_a_row_a_family_and_fits_a_screen(quick):
    lines = quick[0].rstrip().splitlines()
    losses = [get(name).contract for name in ls.names()]
    for family in {loss.family for loss in losses}:
        count = sum(loss.family == family for loss in losses)
        words = family.replace("_", " ")
        row = rf" *{words} +{count} +✓ {count} +\d+% numpy f32: \w+ of \w+"
        assert any(re.match(row, line) for line in lines), "\n".join([words, *lines])
    assert len(lines) <= len({loss.family for loss in losses}) + 8
    assert all(len(line.rstrip()) <= 100 for line in lines[:-1])
    assert f"{len(losses)} passed, 0 failed" in lines[-1]
    assert "--full runs all" in lines[-1]


def test_a_quick_check_judges_every_loss_in_values_and_gradients(quick):
    content = json.loads(quick[1]["json"])
    SCHEMA.validate(content)
    assert [cell["loss"] for cell in content["cells"]] == list(ls.names())
    for cell in content["cells"]:
        assert cell["status"] == "pass"
        loss = get(cell["loss"])
        bench = Bench(loss, ls.all_backends()["numpy"], np.float32, "cpu", quick=True)
        cases = [case.name for case in Store().cases(loss, "float32") if bench.runs(case)]
        default = f"typical, weights and mask, {loss.contract.default_reduction}"
        assert {"typical", "edges", default} <= set(cases)  # all of them with gradients, unless the default is "none"
    held = {name for cell in content["cells"] for name, outcome in cell["laws"].items() if outcome == "holds"}
    asks_for_a_compiler = {
        "compiled is eager",
        "one graph for many sizes",
        "vmap is a loop",
        "mixed precision changes nothing",
    }
    assert LAWS.keys() - held == asks_for_a_compiler
    assert quick[1]["html"].count("<tr data-loss=") == len(ls.names())


@pytest.fixture
def wrong(monkeypatch):
    """squared_error gives 1.001 of itself."""
    declared = get("squared_error").declared
    right = declared.function
    monkeypatch.setattr(declared, "function", lambda predictions, targets: 1.001 * right(predictions, targets))


def test_a_wrong_loss_turns_the_row_of_its_family_red(wrong, monkeypatch):
    monkeypatch.setattr(cli, "names", lambda: ("squared_error", "huber"))
    status, output = lossspec("check", "-b", "numpy", "--dtype", "float64", "-j", "1")
    assert status == 1
    assert re.search(r"regression 2 ✗ 1 of 2 >1000% numpy f64: \w+ of squared_error", output)
    assert "FAIL squared_error on numpy float64" in output


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("-b", "nump"), "'nump' is not one of numpy, .* Did you mean numpy?"),
        (("--dtype", "float46"), "'float46' is not one of float32, float64. Did you mean float"),
        (("-l", "hubr"), "Did you mean huber"),
        (("--family", "rankin"), "Did you mean ranking"),
        (("-j", "none"), "-j none: pass a number of processes, or 'auto'"),
    ],
)
def test_an_unknown_name_gets_a_hint(asked, words):
    status, output = lossspec("check", *asked)
    assert status == 2
    assert re.search(words, output)


@pytest.mark.parametrize("dtypes", [("float32",), ("float64",), ()])
def test_a_quick_check_runs_one_program_in_the_dtype_that_is_asked_for(dtypes):
    pytest.importorskip("jax")
    check = run.Check(["squared_error"], ("jax",), dtypes, quick=True)
    cells = [cell for step in run.fill(check, 1) for cell in step.cells]
    assert [cell.dtype for cell in cells if cell.status == "pass"] == list(dtypes or ["float64"])
    assert [cell.reason for cell in cells if cell.status == "not run"] == [
        "the other dtype stands for it; --full runs it"
    ] * (not dtypes)


def test_a_quick_check_asks_less_of_the_backends_after_the_first():
    pytest.importorskip("jax")
    pytest.importorskip("array_api_strict")
    first, other = "squared_error", "log_cosh"  # the first of its family, and another one
    check = run.Check([first, other], ("numpy", "strict", "jax"), quick=True)
    cells = [cell for step in run.fill(check, 1) for cell in step.cells]
    ran = {(cell.loss, cell.backend, cell.dtype): cell for cell in cells if cell.status == "pass"}
    both = [("numpy", "float32"), ("numpy", "float64"), ("strict", "float32")]
    assert set(ran) == {(name, *place) for name in (first, other) for place in both} | {(first, "jax", "float64")}
    assert {cell.backend for cell in ran.values() if cell.hessian_error is not None} == {"numpy"}
    assert {cell.reason for cell in cells if cell.loss == other and cell.backend == "jax"} == {
        "the other dtype stands for it; --full runs it",
        "one loss of each family is compiled; --full runs the others",
    }


def test_processes_fill_the_cells_that_one_process_fills():
    check = run.Check(ls.names()[: run.FEW], ("numpy",), ("float64",), quick=True)
    several, one = ([cell for step in run.fill(check, jobs) for cell in step.cells] for jobs in (2, 1))
    assert sorted(several, key=lambda cell: cell.loss) == sorted(one, key=lambda cell: cell.loss)
    assert len(one) == run.FEW


def dies(check, name):
    os._exit(1)


def test_a_process_that_ends_early_is_told(monkeypatch):
    monkeypatch.setattr(run, "fill_loss", dies)
    with pytest.raises(ls.LossSpecError, match="ended before its loss was done"):
        list(run.fill(run.Check(ls.names()[: run.FEW]), 2))
