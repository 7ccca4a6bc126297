"""A ported call computes what the call computes, in the libraries themselves; it is printed, and never evaluated."""

from __future__ import annotations

import ast
import os
import warnings

import numpy as np
import pytest

import lossspec
from lossspec import port
from lossspec.dialects.port import LIBRARIES, _members, _signature

for package in ("torch", "jax", "optax", "keras", "sklearn"):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip(package)

_random = np.random.default_rng(2)
DATA = {
    "x": _random.normal(size=(5, 3)),
    "z": _random.normal(size=(5, 3)),
    "u": _random.normal(size=5),
    "v": _random.normal(size=5),
    "y": np.array([0, 2, 1, 1, 0]),
    "s": np.array([1.0, -1.0, -1.0, 1.0, 1.0]),
    "b": np.array([1.0, 0.0, 0.0, 1.0, 1.0]),
    "c": np.array([3.0, 0.0, 1.0, 2.0, 5.0]),
    "p": _random.dirichlet(np.ones(3), 5),
    "q": _random.dirichlet(np.ones(3), 5),
    "w": np.array([0.5, 1.0, 2.0]),
    "d": 0.7,
}
EQUAL = {
    "F.mse_loss(u, v)": "optax keras sklearn",
    "F.mse_loss(u, v, reduction='sum')": "optax",
    "F.l1_loss(u, v)": "keras sklearn",
    "F.huber_loss(u, v, delta=d)": "optax keras sklearn",
    "F.huber_loss(u, v, 'none', 0.3)": "optax sklearn",
    "F.cross_entropy(x, y)": "optax keras sklearn",
    "F.cross_entropy(x, y, label_smoothing=0.1)": "optax keras",
    "nn.CrossEntropyLoss(reduction='sum')(x, y)": "optax keras",
    "F.binary_cross_entropy_with_logits(u, b)": "optax keras sklearn",
    "F.binary_cross_entropy(b * 0.5 + 0.2, b)": "keras",
    "F.soft_margin_loss(u, s)": "optax sklearn",
    "F.cosine_similarity(x, z)": "optax",
    "F.kl_div(torch.log(p), q, reduction='batchmean')": "keras",
    "F.poisson_nll_loss(u, c)": "sklearn",
    "optax.l2_loss(u, v)": "torch sklearn",
    "optax.log_cosh(u, v)": "",
    "optax.huber_loss(u, v, delta=0.4)": "torch sklearn",
    "optax.softmax_cross_entropy_with_integer_labels(x, y)": "torch keras",
    "optax.hinge_loss(u, s)": "",
    "keras.losses.MeanSquaredError()(v, u)": "torch optax sklearn",
    "keras.losses.Huber(delta=0.5)(v, u)": "torch optax sklearn",
    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, x)": "torch optax sklearn",
    "keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(q, x)": "torch optax",
    "keras.losses.BinaryCrossentropy(from_logits=True)(b, u)": "torch optax sklearn",
    "metrics.log_loss(y, p)": "torch keras",
    "metrics.mean_absolute_error(v, u)": "torch keras",
    "HalfBinomialLoss()(b, u)": "torch optax keras",
    "losses.HalfPoissonLoss()(c, u)": "torch",
    "HalfMultinomialLoss().loss(y, x)": "torch optax keras",
}
"""Calls, and the libraries whose ported calls equal them on these data, whatever else is said to differ."""


def _names(library):
    import jax
    import jax.numpy as jnp
    import keras
    import optax
    import sklearn._loss.loss as objects
    import torch
    from sklearn import metrics

    make = {"torch": torch.from_numpy, "keras": torch.from_numpy, "optax": jnp.asarray, "lossspec": np.asarray}
    change = make.get(library, np.asarray)
    data = {name: change(x.copy()) if isinstance(x, np.ndarray) else x for name, x in DATA.items()}
    modules = {"F": torch.nn.functional, "nn": torch.nn, "torch": torch, "optax": optax, "jax": jax, "jnp": jnp}
    modules |= {"keras": keras, "metrics": metrics, "np": np, "lossspec": lossspec}
    modules |= {**vars(objects), "losses": objects, "np": np}
    if library in ("sklearn", "lossspec"):
        modules["torch"] = np
    if library == "keras":
        modules["torch"] = keras.ops
    if library == "optax":
        modules["torch"] = jnp
    return {**modules, **data}


def _value(library, text):
    if library == "sklearn" and "HalfMultinomial" in text:
        names = {**_names(library), "y": DATA["y"].astype(float)}
    else:
        names = _names(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = eval(text, names)  # noqa: S307 - what the tests themselves wrote
    return np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=np.float64)


def _library_of(text):
    first = text.split(".")[0]
    return {"F": "torch", "nn": "torch", "optax": "optax", "keras": "keras"}.get(first, "sklearn")


@pytest.mark.parametrize("text", EQUAL)
def test_a_ported_call_has_the_value_of_the_call(text):
    import jax

    with jax.enable_x64(True):
        expected = _value(_library_of(text), text)
        found = {ported.library: ported for ported in port(text)}
        for library in ("lossspec", *EQUAL[text].split()):
            value = _value(library, found[library].text)
            np.testing.assert_allclose(value, expected, rtol=2e-6, err_msg=f"{library}: {found[library].text}")


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_loss_of_a_library_is_ported_to_calls_that_are_python(library):
    """Of a class, the object that its defaults make; what no other library has, ours at least."""
    found = 0
    for member in _members(library):
        inputs, _ = _signature(member)
        head = f"{library}.{member.__name__}()" if isinstance(member, type) else f"{library}.{member.__name__}"
        head = head if library != "sklearn" else head.replace("sklearn", "metrics", 1)
        try:
            ported = port(f"{head}({', '.join(inputs)})", [name for name in LIBRARIES if name != library][:1])
        except lossspec.ContractError:
            continue
        found += 1
        for each in ported:
            ast.parse(each.text, mode="eval") if each.text else None
    assert found > 20


def test_what_another_library_has_not_is_said():
    call = "F.cross_entropy(x, y, weight=w, label_smoothing=0.1)"
    by = {ported.library: ported for ported in port(call, "optax,keras")}
    assert list(by) == ["lossspec", "optax", "keras"]
    assert "it has nothing for class_weight=w" in by["optax"].differs
    assert "labels of -100 are not ignored" in by["optax"].differs
    (_, none) = port("F.smooth_l1_loss(x, y)", "optax")
    assert none.text == ""
    assert none.differs == ("nothing there is smooth_l1",)


def test_elements_that_keras_sums_have_an_axis_of_their_own_over_which_it_averages():
    (_, keras) = port("F.mse_loss(x, z, reduction='sum')", "keras")
    assert keras.text == "keras.losses.MeanSquaredError(reduction='sum')(z[..., None], x[..., None])"
    assert keras.differs == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("F.mse_loss(x", "no Python expression"),
        ("x + y", "no call"),
        ("F.no_such_loss(x, y)", "no dialect has"),
        ("nn.MSELoss(x)", "makes a loss"),
        ("cosine_similarity(x, y)", "is in torch and optax"),
        ("F.mse_loss(*x)", "unpacks"),
        ("F.mse_loss(x, y, wait=3)", "unexpected keyword"),
        ("F.pairwise_distance(x, y)", "is no loss"),
        ("losses.HalfSquaredError().gradient(x, y)", "no value of a loss"),
        ("def f(x):\n    return x", "no call of a loss"),
    ],
)
def test_what_cannot_be_ported_is_refused_with_a_reason(text, words):
    with pytest.raises(lossspec.LossSpecError, match=words):
        port(text)
    with pytest.raises(lossspec.ContractError, match="no dialect 'jax'"):
        port("F.mse_loss(x, y)", "jax")


def test_nothing_is_evaluated():
    (ours,) = port("F.mse_loss(exit(), print('no'))", ())
    assert ours.text == "lossspec.squared_error(exit(), print('no'))"


def test_the_command_prints_calls_and_differences(capsys):
    typer = pytest.importorskip("typer.testing")
    from lossspec.cli import app
    from lossspec.plain import main

    done = typer.CliRunner().invoke(app, ["port", "F.mse_loss(x, y)", "--to", "optax,keras"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines == [
        "lossspec.squared_error(x, y)",
        "jnp.mean(optax.squared_error(x, y))",
        "keras.losses.MeanSquaredError()(y, x)",
    ]
    main("typer", ["port", "F.mse_loss(x, y)", "--to", "optax,keras"])
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(
    ("call", "lost"),
    [
        ("keras.losses.CategoricalFocalCrossentropy(label_smoothing=0.1)(y, x)", "label_smoothing=0.1"),
        ("optax.softmax_cross_entropy(x, y, where=m)", "where=m"),
        ("optax.cosine_distance(x, y, epsilon=1e-6)", "epsilon=1e-06"),
    ],
)
def test_an_option_that_no_call_has_is_named(call, lost):
    for found in port(call):
        assert not found.text or f"{lost} is in none of the calls" in found.differs


def test_an_option_of_which_a_declared_call_does_not_speak_is_named():
    call = "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(y, x)"
    (ours, torch) = port(call, "torch")
    assert ours.text == "lossspec.categorical_cross_entropy(x, y * (1 - 0.1) + 0.1 / y.shape[-1])"
    assert torch.text == "F.cross_entropy(torch.log(x), y * (1 - 0.1) + 0.1 / y.shape[-1])"


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        ("2 * F.mse_loss(x, y) + z", "2 * lossspec.squared_error(x, y) + z",
         "2 * jnp.mean(optax.squared_error(x, y)) + z"),
        ("torch.mean(F.mse_loss(a - b, y, reduction='none'))", "lossspec.squared_error(a - b, y)",
         "jnp.mean(optax.squared_error(a - b, y))"),
        ("nn.functional.mse_loss(input=x, target=y)", "lossspec.squared_error(x, y)",
         "jnp.mean(optax.squared_error(x, y))"),
        ("tf.keras.losses.Huber(2.0)(y_true=y, y_pred=x)", "lossspec.huber(x, y, delta=2.0)",
         "jnp.mean(optax.huber_loss(x, y, delta=2.0))"),
        ("F.cross_entropy(x, y.softmax(-1))", "lossspec.cross_entropy(x, y.softmax(-1))",
         "jnp.mean(optax.softmax_cross_entropy(x, y.softmax(-1)))"),
    ],
)  # fmt: skip
def test_a_call_in_an_expression_is_replaced_there(text, ours, theirs):
    assert [ported.text for ported in port(text, "optax")] == [ours, theirs]


FILE = """
from torch import nn
import torch.nn.functional as functional

class Model(nn.Module):
    def __init__(self):
        self.criterion = nn.BCEWithLogitsLoss(reduction="sum").to("cpu")

    def step(self, x, y):
        other = functional.l1_loss(x, y)  # größer
        print(self.criterion.state_dict())
        return other / self.criterion(x, y)
"""


def test_a_file_is_ported_by_its_imports_and_the_objects_that_it_makes():
    (ours, optax) = port(FILE, "optax")
    assert ours.text == (
        "import lossspec\n"
        + FILE.strip()
        .replace("functional.l1_loss(x, y)", "lossspec.absolute_error(x, y)")
        .replace("self.criterion(x, y)", "lossspec.binary_cross_entropy_with_logits(x, y, reduction='sum')")
    )
    assert optax.text.startswith("import optax\nimport jax.numpy as jnp\n")
    assert "return other / jnp.sum(optax.sigmoid_binary_cross_entropy(x, y))" in optax.text
    assert "functional.l1_loss(x, y): optax has no equal call, and it stays as it is" in optax.differs
    ast.parse(optax.text)


def test_the_command_reads_a_file(tmp_path, capsys):
    from lossspec.plain import main

    path = tmp_path / "train.py"
    path.write_text("import torch.nn.functional as G\nloss = G.mse_loss(x, y)\n")
    main("typer", ["port", str(path), "--to", "keras"])
    assert "loss = keras.losses.MeanSquaredError()(y, x)" in capsys.readouterr().out
