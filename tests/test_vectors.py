"""The vectors of losses: files of their schema that say what the cases of today ask for, and nothing that is not so."""

import json
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import lossspec as ls
from lossspec import get, names
from lossspec.cli import app
from lossspec.conformance import cases, proof, store, vectors
from lossspec.conformance.laws import LAWS
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.notes import laws
from lossspec.conformance.oracle import solve, solve_hessians
from lossspec.conformance.store import Store, solve_all
from lossspec.conformance.vectors import DTYPES, FOLDER, dumps, load, loads
from lossspec.errors import FormatError
from lossspec.terms import Real

SCHEMA = Draft202012Validator(json.loads((files("lossspec") / "vectors.schema.json").read_text("utf-8")))
PAGE = (Path(__file__).parents[1] / "docs" / "vectors.md").read_text("utf-8")
SQUARED = FOLDER.joinpath("squared_error.json").read_text("utf-8")


def strict(text):
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@pytest.mark.parametrize("name", names())
def test_the_file_of_a_loss_is_of_the_schema_and_what_would_be_written_now(name):
    text, loss, known = FOLDER.joinpath(f"{name}.json").read_text("utf-8"), get(name), Store()
    SCHEMA.validate(strict(text))
    missing = [case.name for dtype in DTYPES for case in known.missing(loss, dtype).values()]
    assert not missing, f"run lossspec check --loss {name} --backend numpy: {known.news(loss)}: {missing[:3]}"
    same = dumps(known.vectors(loss)) == text
    assert same, f"run lossspec vectors --loss {name}: {list(proof.contradictions(loss, known))[:3]}"


def test_every_file_is_that_of_a_loss():
    assert {Path(str(file)).name for file in FOLDER.iterdir()} == {f"{name}.json" for name in names()}


@pytest.mark.parametrize("name", ["huber", "perplexity", "info_nce", "perceptual", "linear_cross_entropy", "ctc"])
def test_what_is_read_is_written_again_as_it_was(name):
    text = FOLDER.joinpath(f"{name}.json").read_text("utf-8")
    assert dumps(loads(text)) == text


def test_ids_name_the_cases_of_the_matrix_and_no_drawn_number():
    loss = get("huber")
    made = {f"{dtype}/{case.name}" for dtype in DTYPES for case in cases.make_cases(loss.contract, DTYPES[dtype])}
    assert {vector.id for vector in load("huber").cases} == made
    assert "float64/delta drawn" in made


def test_laws_have_the_names_of_the_matrix():
    named = {law for name in names() for law in laws(get(name).contract)}
    assert named <= LAWS.keys()
    assert all(f'| "{law}" |' in PAGE for law in named)


def test_notes_say_what_a_case_is_for_and_which_library_is_wrong_there():
    known = {vector.id: vector for vector in load("huber").cases}
    assert known["float32/edges"].purpose == ("edge of the domain",)
    assert known["float32/edges"].levels == ("L1", "L2", "L3", "L4")
    assert known["float32/typical, mean"].levels == ("L2",)
    assert known["float32/typical, weights and mask, mean"].purpose == (
        "typical inputs",
        "weights",
        "mask",
        "reduction",
    )
    wrong = [
        item for vector in load("poisson_nll").cases for item in vector.differs if item["why"].startswith("wrong:")
    ]
    assert {item["peer"] for item in wrong} == {"torch"}


# The page.


def snippet():
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return text


def test_the_file_of_the_page_is_one_and_the_oracle_says_the_same():
    SCHEMA.validate(strict(snippet()))
    shown = loads(snippet())
    assert dumps(replace(shown, facts=shown.facts)) == snippet()
    loss = get(shown.loss)
    for vector in shown.cases:
        exact = solve(loss, vector.case)
        again = replace(vector, exact=exact, hessians=vector.hessians and solve_hessians(loss, vector.case))
        result = store.reduced(loss.contract, vector.case, exact)
        assert not list(proof._differences(vector, replace(again, result=result)))
    assert shown.definition == load("huber").definition
    assert vectors.line(shown.facts) == vectors.line(load("huber").facts)


def test_the_page_lists_the_fields_of_a_file():
    shown = set(json.loads(snippet()))
    assert shown == set(SCHEMA.schema["required"])


# What is wrong with a file is seen.


def broken(change):
    state = json.loads(SQUARED)
    change(state, state["cases"][0])
    return state


@pytest.mark.parametrize(
    "change",
    [
        lambda state, case: state.update(format="lossspec.vectors/2"),
        lambda state, case: state.update(version="1.0"),
        lambda state, case: state.update(loss="../squared_error"),
        lambda state, case: state.update(surprise=1),
        lambda state, case: case.update(id="typical"),
        lambda state, case: case.update({"for": ["fun"]}),
        lambda state, case: case.pop("inputs"),
        lambda state, case: case.pop("exact"),
        lambda state, case: case.pop("scales"),
        lambda state, case: case["exact"].update(values=[1.0]),
        lambda state, case: case["exact"].update(scales=[-1.0]),
        lambda state, case: case["exact"]["gradients"][0].update(low=["about 1"]),
        lambda state, case: case["exact"]["gradients"][0].update(high={"first": "1"}),
        lambda state, case: case.update(options={"reduction": {"float": "0.1"}}),
        lambda state, case: next(iter(state["arrays"].values())).update(values="0x1p+0 0.5"),
        lambda state, case: next(iter(state["arrays"].values())).update(values="0x1p+0 "),
        lambda state, case: next(iter(state["arrays"].values())).update(dtype="object"),
    ],
)
def test_a_file_that_is_not_of_the_schema_is_refused_by_it(change):
    assert SCHEMA.is_valid(broken(lambda *_: None))
    assert not SCHEMA.is_valid(broken(change))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds no vectors"),
        ("{}", "holds no vectors: KeyError: 'format'"),
        ('{"format": NaN}', "NaN is no JSON"),
        ('{"format": "lossspec.vectors/9"}', "'lossspec.vectors/1' is read here"),
        (SQUARED.replace('"shape":[6]', '"shape":[7]', 1), "holds no vectors: ValueError"),
        (SQUARED.replace('"like":"float32/typical"', '"like":"float32/atypical"'), "KeyError: 'float32/atypical'"),
        (SQUARED.replace('"id":"float32/edges"', '"id":"float32/typical"'), "two cases have the id 'float32/typical'"),
        (SQUARED.replace('"dtype":"float32"', '"dtype":"object"', 1), "no numbers are of the dtype object"),
    ],
)
def test_a_text_that_holds_no_vectors_is_refused_with_the_reason(text, message):
    with pytest.raises(FormatError, match=re.escape(message)):
        loads(text)


@pytest.mark.parametrize("name", ["../huber", "a/b", "", ".", "/etc/passwd", "huber.json", "a\n", "C:x"])
def test_a_name_that_could_lead_out_of_a_folder_is_refused(name, tmp_path):
    with pytest.raises(FormatError, match="names no file"):
        load(name, tmp_path)
    with pytest.raises(FormatError, match="names no file"):
        vectors.save(tmp_path, replace(loads(SQUARED), loss=name))
    assert not list(tmp_path.iterdir())


# The files of a folder of their own: what is stale is computed, what is wrong is red.


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Write the file of squared_error with a change, as the only one of a source tree."""
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    monkeypatch.setattr(store, "in_source_tree", lambda: True)
    monkeypatch.setattr(proof, "in_source_tree", lambda: True)

    def write(change=None):
        path = tmp_path / "squared_error.json"
        if change is None:
            path.write_text(SQUARED)
            return path
        state = json.loads(SQUARED)
        change(state)
        lines = [f"{vectors.line(key)}: {vectors.line(value)}" for key, value in state.items()]
        path.write_text("{" + ",\n".join(lines) + "}")
        return path

    return write


def undated(text):
    return text.replace(f'"version": "{vectors.today()}"', f'"version": "{load_version()}"')


def load_version():
    return json.loads(SQUARED)["version"]


def command(*words):
    result = CliRunner().invoke(app, words)
    return result.exit_code, (result.output + result.stderr).strip()


def complete(known):
    loss = get("squared_error")
    list(solve_all(known, [loss], DTYPES))
    return known.computed, known.news(loss), known.save(loss)


def case_of(state, name):
    (found,) = (case for case in state["cases"] if case["id"] == name)
    return found


def without_a_case(state):
    state["cases"].remove(case_of(state, "float64/edges"))


def with_another_input(state):
    name = case_of(state, "float64/edges")["inputs"]["targets"]
    state["arrays"][name]["values"] = state["arrays"][name]["values"].replace("0x", "0x1.8p+0 0x", 1).rpartition(" ")[0]


def with_another_definition(state):
    state["definition"] = "0123456789abcdef"


def without_second_derivatives(state):
    case_of(state, "float64/edges")["exact"].pop("hessians")


def with_a_case_too_many(state):
    state["cases"].append({**deepcopy(case_of(state, "float64/edges")), "id": "float64/gone"})


def test_a_whole_file_is_read_and_nothing_is_written(changed):
    path = changed()
    assert complete(Store()) == (0, "", None)
    assert path.read_text() == SQUARED


@pytest.mark.parametrize(
    ("change", "computed", "news"),
    [
        (without_a_case, 2, "there are new cases"),
        (without_second_derivatives, 1, "second derivatives were missing"),
        (with_another_input, 2, "cases have changed, as float64/edges"),
        (with_another_definition, 34, "the definition has changed"),
    ],
)
def test_only_what_is_stale_is_computed_and_the_reason_is_said(changed, change, computed, news):
    path = changed(change)
    assert complete(Store()) == (computed, news, path)
    if change in (without_a_case, without_second_derivatives):
        assert undated(path.read_text()) == SQUARED
    assert complete(Store()) == (0, "", None)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_case_that_no_contract_asks_for_goes_when_the_files_are_brought_up_to_date(changed):
    path = changed(with_a_case_too_many)
    assert command("vectors", "--loss", "squared_error") == (0, f"written: {path}")
    assert undated(path.read_text()) == SQUARED


def test_a_check_says_what_it_computed_and_where_it_is_kept(changed):
    path = changed(without_a_case)
    status, output = command("check", "--loss", "squared_error", "--backend", "numpy")
    assert status == 0
    assert f"results for squared_error are new (there are new cases), and kept in {path}" in output
    assert undated(path.read_text()) == SQUARED
    assert "new" not in command("check", "--loss", "squared_error", "--backend", "numpy")[1]


def test_a_check_of_one_dtype_loses_no_case_of_the_other(changed):
    path = changed(with_another_definition)
    known, loss = Store(), get("squared_error")
    list(solve_all(known, [loss], ["float32"]))
    before = path.read_text()
    assert known.keep(loss).endswith("(the definition has changed); a check of all dtypes in a source tree keeps them.")
    assert path.read_text() == before
    path.unlink()
    known = Store()
    list(solve_all(known, [loss], ["float32"]))
    assert known.save(loss) == path
    assert {vector.dtype for vector in load("squared_error", path.parent).cases} == {"float32"}


@pytest.mark.parametrize("words", [("check", "--backend", "numpy"), ("vectors",), ("vectors", "--recompute")])
def test_a_file_that_holds_no_vectors_is_named_and_stays(changed, words):
    path = changed()
    path.write_text("<<<<<<< HEAD\n" + SQUARED)
    status, output = command(*words, "--loss", "squared_error")
    assert status == 2
    assert "squared_error.jsonholdsnovectors" in re.sub(r"[\s│]", "", output)
    assert path.read_text().startswith("<<<<")
    path.write_text(SQUARED.replace('"loss": "squared_error"', '"loss": "huber"'))
    assert command(*words, "--loss", "squared_error")[0] == 2


@pytest.mark.parametrize("where", ["installed", "of another package", "recomputed"])
def test_nothing_is_written_of_what_has_no_file_here(changed, monkeypatch, where):
    path = changed(without_a_case)
    before = path.read_text()
    if where == "installed":
        monkeypatch.setattr(store, "in_source_tree", lambda: False)
    if where == "of another package":
        monkeypatch.setattr(store, "CATALOGUE", "lossspec_of_another.losses.")
    computed, _, written = complete(Store(recompute=where == "recomputed"))
    assert computed > 0
    assert written is None
    assert path.read_text() == before


def test_what_is_drawn_today_outdates_no_file_unless_it_is_asked_for(changed, monkeypatch):
    path = changed()
    monkeypatch.setattr(cases._Maker, "generator", lambda self, case="": np.random.default_rng(5))
    assert complete(Store()) == (0, "", None)
    drawn = Store(redraw=True)
    loss = get("squared_error")
    assert drawn.missing(loss, "float64")
    assert not np.array_equal(*(s.cases(loss, "float64")[0].inputs["targets"] for s in (drawn, Store())))
    assert "cases have changed" in complete(drawn)[1]
    assert path.read_text() != SQUARED
    assert complete(Store()) == (0, "", None)


def with_another_declaration(state):
    state["signature"]["targets"] = "Probability[*batch]"


def test_where_the_declaration_of_an_argument_has_changed_all_cases_are_drawn_anew(changed, monkeypatch):
    changed(with_another_declaration)
    assert not Store().missing(get("squared_error"), "float64")  # what is drawn is what it was
    monkeypatch.setattr(cases._Maker, "generator", lambda self, case="": np.random.default_rng(5))
    assert complete(Store())[1] == "the declaration of an argument has changed"


def in_another_dtype(state):
    state["arrays"][case_of(state, "float64/edges")["inputs"]["targets"]]["dtype"] = "float32"


def test_a_case_of_arguments_of_another_kind_is_drawn_anew(changed):
    changed(in_another_dtype)
    loss, known = get("squared_error"), Store()
    (case,) = (case for case in known.cases(loss, "float64") if case.name == "edges")
    assert case.inputs["targets"].dtype == np.float64
    assert {case.name for case in known.missing(loss, "float64").values()} == {"edges"}


# Tampered results.


def scaled(words, factor):
    return [repr(float(word) * factor) for word in words]


def of_a_unit(state, factor):
    exact = case_of(state, "float64/typical")["exact"]
    exact["values"] = scaled(exact["values"], factor)


def of_a_reduction(state, factor):
    reductions = case_of(state, "float64/typical, weights")["reductions"]
    reductions["mean"][0] = scaled(reductions["mean"][0], factor)


def of_a_gradient(state, factor):
    (first, *_) = case_of(state, "float64/typical")["exact"]["gradients"]
    first["low"] = scaled(first["low"], factor)


def of_a_hessian(state, factor):
    (first, *_) = case_of(state, "float64/typical")["exact"]["hessians"]
    first["low"] = scaled(first["low"], factor)


def of_a_scale(state, factor):
    exact = case_of(state, "float64/typical")["exact"]
    exact["scales"] = [scale * factor**100 for scale in exact["scales"]]


def of_a_note(state, factor):
    case_of(state, "float64/typical")["for"] = ["mask"]


def of_a_fact(state, factor):
    state["budgets"]["value"] *= factor


@pytest.fixture(scope="module")
def fresh():
    """A store in which all of squared_error was computed anew."""
    known = Store(recompute=True)
    complete(known)
    return known


@pytest.fixture
def contradictions(fresh):
    return lambda: list(proof.contradictions(get("squared_error"), fresh))


@pytest.mark.parametrize("tamper", [of_a_unit, of_a_reduction, of_a_gradient, of_a_hessian, of_a_scale])
def test_a_tampered_result_is_red_in_a_check_and_is_not_proved(changed, tamper, contradictions):
    changed(lambda state: tamper(state, 1.001))
    (job,) = plan([get("squared_error")], ["numpy"], ["float64"])
    assert run_cell(job, Store()).status == "fail"
    problem, *_ = contradictions()
    assert problem.startswith("squared_error: float64/typical")
    assert "should be" in problem


@pytest.mark.parametrize(
    ("tamper", "factor"),
    [(of_a_unit, 1 + 1e-14), (of_a_gradient, 1 + 1e-14), (of_a_reduction, 1 + 1e-13), (of_a_note, 1), (of_a_fact, 2)],
)
def test_what_no_check_can_see_is_not_proved(changed, tamper, factor, contradictions):
    changed(lambda state: tamper(state, factor))
    assert contradictions()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_case, "float64/edges is missing"),
        (with_a_case_too_many, "no case asks for float64/gone"),
        (with_another_definition, "of another definition"),
        (without_second_derivatives, "float64/edges: second derivatives are missing"),
    ],
)
def test_a_stale_file_is_not_proved(changed, change, message, contradictions):
    changed(change)
    (problem,) = contradictions()
    assert message in problem


@pytest.mark.parametrize(
    ("right", "other", "same"),
    [
        ("8.80681822566292159e4342", "8.80681822566292160e4342", True),
        ("8.80681822566292159e4342", "8.80681822566293159e4342", False),
        ("inf", "inf", True),
        ("inf", "8e4342", False),
        ("inf", "-inf", False),
        ("0", "1e-400", True),
        ("0", "1e-300", False),
        ("nan", "nan", True),
        ("nan", "1", False),
    ],
)
def test_results_are_compared_far_beyond_the_dtype_too(right, other, same):
    sides = [(vectors.numbers([word]), [1e-10]) for word in (right, other)]
    assert (store.unlike(*sides, "float64", relative=True) == "") == same


def test_the_command_proves_a_file_and_its_status_is_1_where_an_input_is_not_that_of_the_result(changed):
    recompute = "vectors", "--recompute", "--loss", "squared_error"
    changed()
    status, output = command(*recompute)
    assert (status, output.endswith("0 differences")) == (0, True)
    changed(with_another_input)
    status, output = command(*recompute)
    assert status == 1
    assert "float64/edges: the exact results are those of another call" in output


# For others.


def test_files_are_written_for_others_as_they_are_with_their_schema(tmp_path):
    (tmp_path / "squared_error.json").symlink_to(tmp_path / "elsewhere")
    out = tmp_path / "new" / "folder"
    assert command("vectors", "--out", str(out), "--loss", "squared_error", "--loss", "huber")[0] == 0
    assert sorted(file.name for file in out.iterdir()) == ["huber.json", "squared_error.json", "vectors.schema.json"]
    assert (out / "squared_error.json").read_text() == SQUARED
    assert json.loads((out / "vectors.schema.json").read_text()) == SCHEMA.schema
    assert command("vectors", "--out", str(tmp_path), "--loss", "squared_error")[0] == 0
    assert not (tmp_path / "elsewhere").exists()


def test_a_loss_of_ones_own_is_computed_and_written(tmp_path):
    @ls.loss(family="regression", unit="element", source="a test", definition=lambda predictions: predictions**2)
    def own_square(predictions: Real["*batch"]) -> Real["*batch"]:
        """The square."""
        return predictions * predictions

    assert command("vectors", "--out", str(tmp_path), "--loss", "own_square")[0] == 0
    SCHEMA.validate(strict((tmp_path / "own_square.json").read_text()))
    (job,) = plan([own_square], ["numpy"], ["float32"])
    assert run_cell(job, Store()).status == "pass"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "x", "--recompute"), "exclude each other"),
        (("--loss", "no_such_loss"), "no_such_loss"),
        (("--out", "file/inside", "--loss", "squared_error"), "Not a directory"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    status, output = command("vectors", *words)
    assert status == 2
    assert message in " ".join(output.split())


def test_an_installed_copy_writes_only_where_it_is_told(monkeypatch):
    monkeypatch.setattr(proof, "in_source_tree", lambda: False)
    status, output = command("vectors", "--loss", "squared_error")
    assert status == 2
    assert "--out DIR" in output


# A judge that knows nothing of the library.


def plainly(*words):
    """The report of the plain judge, in a process in which nothing of the library is imported."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("plain_judge.py")), str(FOLDER), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own judge
    report = json.loads(done.stdout)
    assert (report["lossspec"], report["numpy"]) == (False, False)
    return report["losses"]


@pytest.mark.parametrize(
    "names",
    [("huber", "binary_cross_entropy", "quantile_huber"), pytest.param((), marks=pytest.mark.thorough)],
    ids=["some", "all"],
)
def test_plain_losses_are_right_by_the_files_alone_and_wrong_ones_are_not(names):
    found, wrong = plainly(*names), plainly(*names, "--wrong")
    assert len(found) == len(names) if names else len(found) >= 20
    for name, levels in found.items():
        for level in ("L1", "L2", "L3"):
            count, share, case = levels[level]
            assert count > 40, (name, level)
            assert share <= 1, (name, level, case)
            assert wrong[name][level][1] > 1, (name, level)
        assert levels["left out"] <= 4
