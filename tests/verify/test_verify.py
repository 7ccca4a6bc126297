"""`lossspec verify` finds planted mistakes, names their cause, shrinks the input, and leaves right losses alone."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from lossspec import get
from lossspec.cli import app
from lossspec.conformance.peers import names_of
from lossspec.contract import Equal
from lossspec.errors import LossSpecError
from lossspec.verify import protocol
from lossspec.verify.arguments import TargetError, form_of, match
from lossspec.verify.callables import CallableTarget, CallTarget, load
from lossspec.verify.causes import RECOGNISERS, likely_causes
from lossspec.verify.compare import disagreements
from lossspec.verify.find import find_target, loss_of
from lossspec.verify.identify import identify
from lossspec.verify.judge import judge
from lossspec.verify.library import calls_of
from lossspec.verify.page import page
from lossspec.verify.report import Report, badge, lines, to_json
from lossspec.verify.run import verify
from lossspec.verify.runner import BREAKDOWNS, RunnerTarget
from lossspec.verify.shrink import shrink

from . import ports

ROOT = Path(__file__).parents[2]
RUNNERS = ROOT / "docs" / "examples" / "runners"
HERE = Path(__file__).parent.parent

PLANTED = {
    "focal_plus_eps": ("focal", "L1", "log(p + eps)", "1e-08 is added"),
    "jax_focal_plus_eps": ("focal", "L1", "log(p + eps)", "1e-06 is added"),
    "bce_plus_eps": ("binary_cross_entropy", "L1", "log(p + eps)", "1e-12 is added"),
    "clipped_bce": ("binary_cross_entropy", "L1", "clipped probability", "[1e-07, 1 - 1e-07]"),
    "clipped_cross_entropy": ("cross_entropy", "L1", "clipped probability", "[1e-07, 1 - 1e-07]"),
    "unshifted": ("cross_entropy", "L1", "overflow", "subtract the largest"),
    "log_sum_exp_minus_logit": ("cross_entropy", "L1", "cancellation", "difference of large numbers"),
    "halved": ("squared_error", "L1", "factor", "times 1/2"),
    "Doubled": ("huber", "L1", "factor", "times 2"),
    "log_2": ("cross_entropy", "L1", "factor", "logarithm to the base 2"),
    "another_power": ("focal", "L1", None, ""),
    "negated": ("squared_error", "L1", "sign", "other one"),
    "swapped_quantile": ("quantile", "L1", "swapped arguments", "`predictions` and `targets`"),
    "numpy_swapped_quantile": ("quantile", "L1", "swapped arguments", "`predictions` and `targets`"),
    "mean_over_classes": ("brier", "L1", "mean over an axis", "last axis"),
    "sum_over_labels": ("multilabel_soft_margin", "L1", "mean over an axis", "a sum over it"),
    "multiplied_mask": ("squared_error", "L5", "mask by multiplication", "0 times NaN"),
    "divided_by_all": ("squared_error", "L2", "denominator", "all units, masked ones included"),
    "divided_by_the_batch": ("squared_error", "L2", "denominator", "the length of the batch"),
    "ignores_a_constant": ("cross_entropy", "L2", "ignored option", "`ignore_index`"),
    "nothing_is_zero": ("squared_error", "L2", "nothing selected", "0 in place of nan"),
    "weights_not_in_the_mean": ("squared_error", "L2", "denominator", "the number of selected units"),
    "mean_of_row_means": ("squared_error", "L2", "mean of means", "means of rows"),
    "ignores_weights": ("squared_error", "L2", "ignored option", "`sample_weight`"),
    "single_log_softmax": ("cross_entropy", "L1", "float32 inside", "computes in float32"),
    "single_sum": ("squared_error", "L2", "float32 inside", "adds up in float32"),
    "single": ("squared_error", "L1", "float32 inside", "float32"),
    "double_gradient": ("squared_error", "L3", "gradient factor", "times 2"),
    "clipped_gradient": ("squared_error", "L3", "gradient factor", "0 in places"),
    "straight": ("squared_error", "L4", None, ""),
    "detached": ("squared_error", "L3", "gradient factor", "detached"),
    "nan_gradient": ("contrastive", "L3", "NaN gradient", "safe input"),
}
LAST = {
    "L1": ["L1"],
    "L2": ["L1", "L2", "L5"],
    "L3": ["L1", "L3"],
    "L4": ["L1", "L3", "L4"],
    "L5": ["L1", "L2", "L3", "L4", "L5"],
}


def judged(name):
    """The verdict on a port, with its causes and its example."""
    loss = get(PLANTED[name][0] if name in PLANTED else "squared_error")
    target = CallableTarget(name, getattr(ports, name))
    target.prepare(loss)
    level = PLANTED[name][1] if name in PLANTED else "L5"
    verdict = judge(target, loss, LAST[level], ["float64"])
    verdict.causes = likely_causes(loss, verdict)
    seen = next(verdict.differences(), None)
    verdict.example = None if seen is None else shrink(target, loss, seen, 2.0)
    return verdict


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found_and_no_other_cause_is_named(name):
    _, level, cause, words = PLANTED[name]
    verdict = judged(name)
    assert verdict.status == "wrong"
    assert next(name for name, found in verdict.levels.items() if found.status == "fail") == level
    assert [found.name for found in verdict.causes] == ([cause] if cause else [])
    assert all(words in found.words for found in verdict.causes)
    if level != "L5":
        assert verdict.example.finding.error > verdict.levels[level].budget


def test_every_recogniser_has_an_example_that_turns_it_on():
    assert {cause for _, _, cause, _ in PLANTED.values()} - {None} == set(RECOGNISERS)


def test_a_right_loss_is_right_in_all_levels():
    verdict = judged("right")
    assert verdict.status == "right", verdict
    assert (verdict.reached, verdict.causes, verdict.example) == ("L5", [], None)
    assert all(level.checks for level in verdict.levels.values())


@pytest.mark.parametrize("name", ["gaussian_nll", "batch_dice", "info_nce", "perceptual", "arcface", "sequence_nll"])
def test_a_right_loss_of_any_form_is_right(name):
    loss = get(name)
    target = CallableTarget(name, loss, "numpy")
    target.prepare(loss)
    verdict = judge(target, loss, LAST["L2"], ["float64"])
    assert verdict.status == "right", (verdict.levels, verdict.laws)
    assert verdict.levels["L1"].checks
    assert likely_causes(loss, verdict) == []


def test_an_example_is_shrunk_to_one_unit_with_short_numbers():
    example = judged("halved").example
    assert example.case.inputs["predictions"].shape == (1,)
    numbers = [float(x) for array in example.case.inputs.values() for x in array]
    assert min(map(abs, numbers)) == 0
    assert all(len(f"{x:.3g}") <= 4 for x in map(abs, numbers))


@pytest.mark.parametrize(("name", "level"), [("straight", "L4"), ("double_gradient", "L3")])
def test_an_example_of_derivatives_is_shrunk_too(name, level):
    example = judged(name).example
    assert (example.level, example.case.inputs["predictions"].shape) == (level, (1,))
    assert example.case.inputs["predictions"][0] == 0


@pytest.mark.parametrize(
    ("gradient", "status", "words"),
    [
        ("right_slope", "pass", ""),
        ("right_slopes", "pass", ""),
        ("half_slopes", "fail", "times 0.5"),
        ("slope_of_a_sum", "pass", "--gradient gives ()"),  # of one unit it is right; a call that raises is a wrong one
    ],
)
def test_a_gradient_of_ones_own_is_judged(monkeypatch, gradient, status, words):
    monkeypatch.syspath_prepend(str(HERE))
    loss = get("squared_error")
    target = find_target("verify.ports:numpy_squared", loss, gradient=f"verify.ports:{gradient}")
    target.prepare(loss)
    verdict = judge(target, loss, LAST["L4"], ["float64"])
    assert (verdict.levels["L3"].status, verdict.levels["L4"].status) == (status, "not run")
    assert verdict.status == ("wrong" if words else "right")
    said = [cause.words for cause in likely_causes(loss, verdict)] + [o.answer.failure for o in verdict.observations]
    assert words in " ".join(said)


def test_a_numpy_target_without_a_gradient_says_what_to_add(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    loss = get("squared_error")
    target = find_target("verify.ports:numpy_squared", loss)
    target.prepare(loss)
    assert any("no --gradient" in reason for reason in judge(target, loss, ["L3"], ["float64"]).levels["L3"].skipped)


def test_targets_are_compared_with_each_other_and_the_truth():
    loss, verdicts = get("squared_error"), [judged("right"), judged("halved")]
    (found,) = disagreements(verdicts)
    assert found.right == "right"
    assert "they differ first in L1 on typical, unit [0], float64" in found.words
    report = Report(loss.contract.name, verdicts, (found,))
    assert report.status == 1
    assert json.loads(badge(report)) == {
        "schemaVersion": 1,
        "label": "lossspec squared_error",
        "message": "values differ",
        "color": "red",
    }


def test_a_report_is_strict_json_of_its_schema_and_a_page_with_names_escaped():
    schema = json.loads((ROOT / "lossspec" / "verify.schema.json").read_text())
    verdict = judged("raises")
    verdict.target = "<b>&</b>"
    report = Report("squared_error", [verdict], ())
    content = json.loads(to_json(report), parse_constant=pytest.fail)
    jsonschema.validate(content, schema, jsonschema.Draft202012Validator)
    assert "alert" in content["targets"][0]["example"]["message"]
    text = page(report)
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in text
    assert any("alert" in line for _, line in lines(report))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, "more": 1}, schema, jsonschema.Draft202012Validator)


# Arguments.


def test_arguments_are_matched_by_name_by_custom_and_at_last_by_position():
    contract = get("huber").contract
    names = match(contract, form_of(lambda y_true, y_pred: 0, 2), {}).names
    assert names == {"predictions": "y_pred", "targets": "y_true"}
    found = match(contract, form_of(lambda a, b: 0, 2), {})
    assert (found.names, found.by_position) == ({"predictions": "a", "targets": "b"}, ("predictions", "targets"))
    assert match(contract, form_of(lambda a, b: 0, 2), {"targets": "a"}).names["predictions"] == "b"


@pytest.mark.parametrize(
    ("function", "given", "words"),
    [
        (lambda a: 0, {}, "Fix: --map targets=NAME"),
        (lambda a, b, c: 0, {}, "needs c"),
        (lambda a, b: 0, {"nosuch": "a"}, "has no argument 'nosuch'"),
        (lambda a, b: 0, {"targets": "c"}, "the target has no argument 'c'"),
    ],
)
def test_arguments_that_do_not_fit_say_what_to_do(function, given, words):
    with pytest.raises(TargetError, match=words):
        match(get("huber").contract, form_of(function, 2), given)


@pytest.mark.parametrize("path", ["nosuch:f", "math:nosuch", "math:pi", "math", "verify.ports:"])
def test_a_path_that_names_no_function_is_refused(path):
    with pytest.raises(TargetError):
        load(path)


# Peers.


@pytest.mark.parametrize("name", ["torch:huber_loss", "optax:huber_loss", "keras:Huber", "torch:cross_entropy"])
def test_the_name_of_a_peer_is_a_target(name):
    library = name.partition(":")[0]
    pytest.importorskip(library)
    loss = get("huber") if "uber" in name else loss_of(name)
    target = find_target(name, loss)
    target.prepare(loss)
    verdict = judge(target, loss, ["L1"], ["float64"])
    assert verdict.status == ("wrong" if name == "torch:cross_entropy" else "right")
    assert [cause.name for cause in likely_causes(loss, verdict)] == ["cancellation"] * (verdict.status == "wrong")


def test_a_name_that_a_peer_has_not_lists_the_calls_that_equal_the_loss():
    with pytest.raises(TargetError, match=r"F\.huber_loss\(predictions"):
        find_target("torch:nosuch", get("huber"))


# Runners.


def test_the_runner_in_python_is_right():
    report = verify([("py", lambda: RunnerTarget([sys.executable, str(RUNNERS / "runner.py")]))], get("squared_error"))
    assert report.status == 0, list(lines(report))
    assert report.verdicts[0].levels["L3"].status == "pass"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize("name", ["huber", "cross_entropy"])
def test_the_runner_in_javascript_is_right(name):
    report = verify([("js", lambda: RunnerTarget(["node", str(RUNNERS / "runner.js")]))], get(name))
    assert report.status == 0, list(lines(report))
    assert {n: level.status for n, level in report.verdicts[0].levels.items() if n != "L4"} == dict.fromkeys(
        ("L1", "L2", "L3", "L5"), "pass"
    )


HELLO = "import sys, json, time, os\nsys.stdin.readline()\nprint('{}', flush=True)\nfor line in sys.stdin:\n    "


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (HELLO + "time.sleep(60)", "the runner hangs: no reply in 1 s"),
        (HELLO + "print('hello', flush=True)", "rubbish: 'hello' is no JSON"),
        (HELLO + "print('{\"value\": NaN}', flush=True)", 'NaN is no JSON: write "nan"'),
        (HELLO + "print('{\"value\": null}', flush=True)", "JSON has no NaN"),
        (HELLO + "print('[1]', flush=True)", "no dictionary"),
        (HELLO + 'print(\'{"value": {"shape": [2], "values": [1]}}\', flush=True)', "do not fill the shape"),
        (HELLO + 'print(\'{"value": {"shape": [1], "values": "0xz"}}\', flush=True)', "'0xz' is no number"),
        (HELLO + "print('{}', flush=True)", "a reply without `value`"),
        (HELLO + "os.abort()", "crashed by SIGABRT"),
        (HELLO + "sys.exit('no more')", "ended with status 1: 'no more'"),
    ],
)
def test_a_runner_that_breaks_down_is_named_and_given_up(script, words):
    target = RunnerTarget([sys.executable, "-c", script], seconds=1.0)
    loss = get("squared_error")
    target.prepare(loss)
    target.breakdowns = BREAKDOWNS - 2  # or a runner that hangs would cost its time more often
    verdict = judge(target, loss, ["L1"], ["float64"])
    target.close()
    failures = [seen.answer.failure for seen in verdict.observations]
    assert words in failures[0]
    assert len(failures) == 2
    assert set(verdict.levels["L1"].skipped) >= {f"the runner is given up after {BREAKDOWNS} breakdowns"}
    assert verdict.status == "wrong"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/nosuch/program"], "does not start"),
        ("runner 'without an end", "No closing quotation"),
        ([sys.executable, "-c", "print('x', flush=True); input()"], "rubbish: 'x' is no JSON"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "hangs"),
        (
            [sys.executable, "-c", 'input(); print(\'{"losses": ["huber"]}\', flush=True); input()'],
            "has no squared_error",
        ),
        ([sys.executable, "-c", "input(); print('{\"reductions\": 3}', flush=True); input()"], "no list of names"),
    ],
)
def test_a_program_that_does_not_start_as_a_runner_is_not_run(command, words):
    report = verify([("program", lambda: RunnerTarget(command, 1.0))], get("squared_error"), ["L1"], ["float64"])
    assert report.status == 2
    assert words in report.verdicts[0].refusal


def test_numbers_and_arrays_come_back_as_they_went():
    for x in (0.1, -0.0, 5e-324, 1.7976931348623157e308, np.inf, -np.inf):
        assert protocol.decode_number(protocol.encode_number(x)) == x
    assert np.isnan(protocol.decode_number("NaN"))
    for array in (np.asarray([[1.5, np.nan]], np.float32), np.asarray([], np.float64), np.asarray([True, False])):
        back = protocol.decode_argument(json.loads(protocol.dumps(protocol.encode_value(array))))
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


# The command.


def invoke(*arguments, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    return CliRunner().invoke(app, list(arguments))


def test_the_command_writes_report_page_and_badge(monkeypatch, tmp_path):
    files = {name: tmp_path / name for name in ("report.json", "report.html", "badge.json")}
    options = [
        part for o, f in zip(("--json", "--html", "--badge"), files.values(), strict=True) for part in (o, str(f))
    ]
    options += ["--level", "L1", "--dtype", "float64"]
    result = invoke("verify", "verify.ports:halved", "--as", "squared_error", *options, monkeypatch=monkeypatch)
    assert result.exit_code == 1, result.output
    assert "likely cause: every value is the right one times 1/2" in result.output
    assert json.loads(files["report.json"].read_text())["status"] == "wrong"
    assert json.loads(files["badge.json"].read_text())["color"] == "red"
    assert "times 1/2" in files["report.html"].read_text()


def test_exit_statuses(monkeypatch):
    few = ("--level", "L1", "--dtype", "float64")
    assert invoke("verify", "verify.ports:right", "--as", "squared_error", *few, monkeypatch=monkeypatch).exit_code == 0
    for wrong in (
        ["verify.ports:nosuch", "--as", "squared_error"],
        ["verify.ports:right"],
        ["verify.ports:right", "--as", "nosuch"],
        ["verify.ports:right", "--as", "huber", "--level", "L9"],
        ["verify.ports:right", "--as", "squared_error", "--map", "x"],
        ["--as", "huber"],
    ):
        assert invoke("verify", *wrong, monkeypatch=monkeypatch).exit_code == 2, wrong


def test_a_library_is_judged_whole(monkeypatch, tmp_path):
    """By all its calls that a loss declares, or all losses; the JSON has a report for each."""
    file = tmp_path / "report.json"
    few = ("--level", "L1", "--dtype", "float64", "--json", str(file))
    result = invoke("verify", "torch:", "--as", "squared_error", *few, monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    assert "F.mse_loss" in result.output
    assert "1 right" in result.output
    result = invoke("verify", "scipy:", "sklearn:", "--as", "i_divergence", *few, monkeypatch=monkeypatch)
    assert result.exit_code == 2  # sklearn has none
    assert "no call of sklearn" in " ".join(result.output.replace("│", " ").split())
    result = invoke("verify", "scipy:", "--as", "i_divergence", *few, monkeypatch=monkeypatch)
    assert result.exit_code == 1, result.output
    assert "likely cause: a small loss is the difference of large numbers" in result.output
    assert "1 wrong in values" in result.output
    content = json.loads(file.read_text(), parse_constant=pytest.fail)
    schema = json.loads((ROOT / "lossspec" / "verify.schema.json").read_text())
    jsonschema.validate(content, schema, jsonschema.Draft202012Validator)
    assert [report["loss"] for report in content["reports"]] == ["i_divergence"]
    result = invoke("verify", "torch:", "verify.ports:right", monkeypatch=monkeypatch)
    assert result.exit_code == 2
    with pytest.raises(TargetError, match=r"foo: is no library whose calls are declared\. There are torch, "):
        calls_of("foo")
    assert "a whole library is judged alone" in " ".join(result.output.replace("│", " ").split())


def test_what_a_declaration_says_to_differ_is_not_asked():
    loss = get("squared_error")
    equal = Equal("torch", "F.mse_loss(predictions, targets, reduction='none') + 1", differs={"": "another function"})
    for reason, status in (("another function", "not run"), ("wrong: by one", "wrong")):
        target = CallTarget("torch:mse", "torch", replace(equal, differs={"": reason}), names_of("torch"))
        target.prepare(loss)
        assert judge(target, loss, ["L1"], ["float64"]).status == status
    equal = replace(equal, differs={"gradient typical": "none of them"})
    target = CallTarget("torch:mse", "torch", equal, names_of("torch"))
    target.prepare(loss)
    assert judge(target, loss, ["L3"], ["float64"]).levels["L3"].skipped["it is said to differ: none of them"]


def test_a_target_that_crashes_is_isolated(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    options = ("--isolate", "--level", "L1", "--dtype", "float64")
    result = invoke("verify", "verify.crashing:crashes", "--as", "squared_error", *options, monkeypatch=monkeypatch)
    assert result.exit_code == 1
    assert "crashed by SIGABRT" in result.output


def test_identify_names_loss_factor_reduction_and_order():
    assert str(identify(ports.focal_plus_eps)[0]).startswith("focal(logits, labels, reduction='none')")
    first = identify(lambda y, p: 3.0 * ((p - y) ** 2).mean())[0]
    assert (first.reduction, first.either) == ("mean", True)
    assert (first.loss, round(first.factor, 9)) in {
        ("squared_error", 3.0),
        ("binary_brier", 3.0),
        ("half_squared_error", 6.0),
    }

    def kl(targets, log_predictions):
        terms = targets * (np.log(np.where(targets > 0, targets, 1.0)) - log_predictions)
        return terms.sum(-1)

    found = identify(kl)[0]
    assert (found.loss, found.order) == ("kl_divergence", ("targets", "log_predictions"))
    assert identify(lambda x: "no number") == []


def test_a_loss_without_a_definition_cannot_judge():
    import lossspec
    from lossspec.terms import Real

    @lossspec.loss(family="regression", unit="element", source="a test")
    def undefined(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
        """A loss that nobody defined."""
        return predictions - targets

    with pytest.raises(LossSpecError, match="no definition"):
        verify([("right", lambda: find_target("verify.ports:right", undefined))], undefined)
