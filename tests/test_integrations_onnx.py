"""Losses as models of ONNX, run in onnxruntime, against the oracle: values and gradients."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import lossspec as ls
from lossspec.cli import app
from lossspec.conformance.bench import Bench
from lossspec.conformance.matrix import Cell, check_case
from lossspec.conformance.store import Store
from lossspec.dispatch import get_backend
from lossspec.errors import BackendError, ContractError
from lossspec.integrations import onnx_model
from lossspec.integrations.onnx_model import TOLERANCE, export, run

X, Y = np.asarray([[0.5, 3.0], [1e-4, -2.0]]), np.zeros((2, 2))


@dataclass(frozen=True)
class OnnxBench(Bench):
    """NumPy's bench, with the model in place of the call."""

    def outputs(self, case, gradients=()):
        inputs, keywords = self.arguments(case)
        model = export(self.loss, **inputs, **keywords, wrt=gradients)
        return run(model, {name: x for name, x in {**inputs, **keywords}.items() if isinstance(x, np.ndarray)})

    def value(self, case):
        return self.outputs(case)["loss"]

    def value_and_grad(self, case):
        wrt = self.real_among(case.inputs)
        found = self.outputs(case, wrt)
        return found["loss"], {name: self._class_axis_last(case, name, found[f"gradient_{name}"]) for name in wrt}


def judged(name, dtype, cases):
    """The cell of a loss whose cases of these names were exported and run."""
    loss, bench = ls.get(name), OnnxBench(ls.get(name), get_backend("numpy"), dtype, "cpu")
    cell = Cell(name, "onnx", np.dtype(dtype).name, "cpu")
    cell.value_budget, cell.gradient_budget = bench.accuracy.value, bench.accuracy.gradient
    store = Store()
    chosen = [case for case in store.cases(loss, np.dtype(dtype).name) if case.name in cases]
    for case in chosen:
        check_case(bench, case, store.expected(loss, case), cell)
    assert chosen
    return cell


CASES = (
    "typical",
    "edges",
    "confident",
    "equal within 1e-05",
    "typical distribution",
    "class axis 1 of 3",
    "typical, mean, weights and mask",
    "delta per unit, hard",
)
LOSSES = ["huber", "log_cosh", "absolute_error", "binary_cross_entropy_with_logits", "cross_entropy", "kl_divergence"]


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.thorough)])  # as in float32
@pytest.mark.parametrize("name", LOSSES)
def test_a_model_is_within_the_budget_of_the_loss(name, dtype):
    cell = judged(name, dtype, CASES)
    assert cell.status == "pass", cell.failures


def test_a_model_without_its_digits_would_not_pass(monkeypatch):
    """The logarithm of 1 + x loses those of a small loss."""
    monkeypatch.setattr(onnx_model, "TOLERANCE", 1e30)
    monkeypatch.setattr(type(onnx_model.NAMESPACE), "log1p", lambda self, x: self.log(1.0 + x), raising=False)
    cell = judged("cross_entropy", np.float32, ["confident"])
    assert cell.status == "fail"
    assert cell.value_error > 1e3


def test_a_model_that_differs_from_the_call_is_not_returned(monkeypatch):
    monkeypatch.setattr(type(onnx_model.NAMESPACE), "abs", lambda self, x: x, raising=False)
    with pytest.raises(BackendError, match="absolute_error: the loss of the model is not that of the call"):
        export(ls.absolute_error, X, Y + 1.0)


def test_a_model_names_the_arrays_of_the_call_and_the_contract():
    weight, where = np.ones((2, 1)), X > 0
    model = export(ls.huber, X, Y, wrt=["predictions", "targets"], sample_weight=weight, where=where, delta=2.0)
    onnx.checker.check_model(model, full_check=True)
    assert [one.name for one in model.graph.input] == ["predictions", "targets", "sample_weight", "where"]
    assert [one.name for one in model.graph.output] == ["loss", "gradient_predictions", "gradient_targets"]
    assert model.doc_string == str(ls.huber.contract)
    other = {"predictions": 2 * X, "targets": Y, "sample_weight": 3 * weight, "where": ~where}
    found = run(model, other)
    value, gradient = ls.huber.value_and_grad(2 * X, Y, sample_weight=3 * weight, where=~where, delta=2.0)
    assert found["loss"] == pytest.approx(float(value), rel=1e-14)
    assert np.allclose(found["gradient_predictions"], gradient, rtol=1e-14)
    assert np.allclose(found["gradient_targets"], -gradient, rtol=1e-14)


def test_a_label_out_of_range_and_a_masked_nan_mean_the_same_in_a_model():
    logits, labels = np.asarray([[1.0, 2.0], [np.nan, 0.0]]), np.asarray([1, 0])
    model = export(ls.cross_entropy, np.ones((2, 2)), labels, where=np.asarray([True, False]), wrt=["logits"])
    found = run(model, {"logits": logits, "labels": labels, "where": np.asarray([True, False])})
    assert found["loss"] == pytest.approx(np.log1p(np.exp(-1.0)))
    assert not found["gradient_logits"][1].any()
    found = run(model, {"logits": logits, "labels": labels + 1, "where": np.asarray([True, False])})
    assert np.isnan(found["loss"])
    assert np.isnan(found["gradient_logits"][0]).all()


def test_the_command_writes_a_model(tmp_path):
    file = tmp_path / "model.onnx"
    command = ["export", "onnx", "cross_entropy", "--out", str(file), "--gradients", "--size", "batch=5"]
    done = CliRunner().invoke(app, [*command, "--size", "classes=7", "--reduction", "sum"])
    assert (done.exit_code, done.output.split("\n")[0]) == (0, "logits [5, 7]"), done.output
    logits, labels = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32), np.asarray([0, 6, 1, 2, 3])
    found = run(onnx.load(file), {"logits": logits, "labels": labels})
    value, gradient = ls.cross_entropy.value_and_grad(logits, labels, reduction="sum")
    assert np.allclose(found["loss"], value, rtol=1e-6)
    assert np.allclose(found["gradient_logits"], gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["huber", "--size", "width=3"], "'width=3' is no size of an axis of huber, which are batch"),
        (["huber", "--reduction", "men"], "no reduction 'men'"),
        (["perceptual"], "`predictions` is a list, and a model of ONNX takes arrays"),
        (["hubert"], "hubert"),
        (["huber", "--dtype", "float16"], "the dtype float32 or float64"),
    ],
)
def test_the_command_refuses_what_is_no_model_and_writes_nothing(arguments, words, tmp_path):
    file = tmp_path / "model.onnx"
    done = CliRunner().invoke(app, ["export", "onnx", *arguments, "--out", str(file)], env={"COLUMNS": "200"})
    assert done.exit_code != 0
    assert words in done.output
    assert not file.exists()


def test_lists_and_other_arrays_are_refused():
    with pytest.raises(ContractError, match="is a list"):
        export(ls.z_loss, [X, X])
    with pytest.raises(ContractError, match="which is no loss"):
        export("huber", X, Y)


REFUSED = dict.fromkeys(("adaptive_log_softmax", "lpips", "perceptual"), "is a list, and a model of ONNX takes arrays")
"""The losses that are no models, and a part of the reason, which is raised before anything is written."""


def test_what_is_no_model_is_refused_with_the_reason():
    """And a list among the inputs is a reason, so that the losses of lists are all here."""
    lists = {name for name in ls.names() if any(argument.many for argument in ls.get(name).contract.inputs)}
    assert lists == {*REFUSED}
    for name, why in REFUSED.items():
        with pytest.raises(ContractError, match=f"{name}: .*{why}"):
            exported(ls.get(name), typical(name))


def typical(name):
    return next(case for case in Store().cases(ls.get(name), "float32") if case.name == "typical")


def exported(loss, case):
    """The model of a case, with the gradient in every real input."""
    wrt = [name for name, x in case.inputs.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    return export(loss, **case.inputs, **case.parameters, **case.options, wrt=wrt)


def of_same_form(name):
    """The cases of a loss whose arrays are the inputs of the model of the typical one."""

    def form(case):
        given = {**case.inputs, **case.parameters, **case.options}
        return {key: (x.shape, x.dtype) if isinstance(x, np.ndarray) else x for key, x in given.items()}

    return [case for case in Store().cases(ls.get(name), "float32")[:12] if form(case) == form(typical(name))]


_first = {ls.get(name).contract.family: name for name in reversed(ls.names()) if name not in REFUSED}
SMALL = {"image": "psnr", "linear_chain": "crf_log_partition", "sequence": "sequence_nll"}
"""A loss with a small model of the families whose first has thousands of nodes."""
ONE_OF_A_FAMILY = sorted({**_first, **SMALL}.values())


@pytest.mark.parametrize(
    "name",
    [
        *ONE_OF_A_FAMILY,
        *(pytest.param(n, marks=pytest.mark.thorough) for n in ls.names() if n not in (*ONE_OF_A_FAMILY, *REFUSED)),
    ],
)
def test_a_model_gives_what_other_calls_of_its_form_give(name):
    """The model of the typical call has seen that alone; edges lie in the branches that it did not take."""
    loss, eps = ls.get(name), float(np.finfo(np.float32).eps)
    model, cases = exported(loss, typical(name)), of_same_form(name)
    assert cases
    for case in cases:
        given = {**case.inputs, **case.parameters, **case.options}
        found = run(model, {key: x for key, x in given.items() if isinstance(x, np.ndarray)})
        slopes = {key: loss.grad(**given, wrt=key) for key in case.inputs if f"gradient_{key}" in found}
        with np.errstate(invalid="ignore"):  # a log-probability of -inf times a slope of 0
            terms = np.concatenate([np.abs(case.inputs[key] * slope).ravel() for key, slope in slopes.items()])
        scale = float(terms[np.isfinite(terms)].sum())
        for key, right in {"loss": np.asarray(loss(**given)), **slopes}.items():
            got = found[key if key == "loss" else f"gradient_{key}"]
            size = float(np.abs(right[np.isfinite(right)]).max(initial=0.0)) + (scale if key == "loss" else 0.0)
            assert np.allclose(got, right, rtol=0.0, atol=TOLERANCE * eps * size, equal_nan=True), (case.name, key)


def test_a_model_that_is_right_for_its_own_call_alone_is_seen(monkeypatch):
    """Without the absolute value the model is right where every prediction is above its target."""
    case = typical("absolute_error")
    above = replace(case, inputs={**case.inputs, "predictions": np.abs(case.inputs["targets"]) + np.float32(1.0)})
    monkeypatch.setitem(globals(), "typical", lambda name: above)
    monkeypatch.setattr(type(onnx_model.NAMESPACE), "abs", lambda self, x: x, raising=False)
    with pytest.raises(AssertionError, match="loss"):
        test_a_model_gives_what_other_calls_of_its_form_give("absolute_error")
