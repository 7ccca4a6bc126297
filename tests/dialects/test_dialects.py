"""Every dialect: the page says what is tested, no framework is loaded, gradients and dtypes are right."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from lossspec.dialects import declaration, keras, optax, sklearn
from lossspec.dialects import torch as F  # noqa: N812 - as its users write it
from lossspec.dispatch import get_backend

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"


def test_the_page_has_the_tables_of_what_is_tested():
    for package in ("torch", "expecttest", "jax", "optax", "keras", "sklearn"):
        pytest.importorskip(package)
    from dialects import table

    _, _, rest = PAGE.read_text().partition(table.START)
    assert rest.partition(table.END)[0].strip() == table.text().strip(), "run python -m dialects.table in tests/"


def test_a_dialect_loads_no_framework(in_fresh_process):
    names = "lossspec.dialects.torch, lossspec.dialects.optax, lossspec.dialects.keras, lossspec.dialects.sklearn"
    script = (
        f"import sys, {names}; print(*(n for n in ('torch', 'jax', 'optax', 'keras', 'sklearn') if n in sys.modules))"
    )
    assert in_fresh_process(script) == ""


@pytest.mark.parametrize("module", [F, optax, keras, sklearn], ids=lambda module: module.__name__)
def test_every_function_has_a_docstring_and_keeps_the_order_of_its_library(module):
    names = {"lossspec.dialects.torch": "torch.nn.functional", "lossspec.dialects.optax": "optax.losses"}
    names |= {"lossspec.dialects.keras": "keras.losses", "lossspec.dialects.sklearn": "sklearn.metrics"}
    theirs = pytest.importorskip(names[module.__name__])
    functions = [x for x in vars(module).values() if isinstance(x, declaration.Function)]
    assert functions
    for function in functions:
        assert function.__doc__, function
        other = getattr(theirs, function.__name__, None)
        if other is None or not inspect.isfunction(inspect.unwrap(other)):
            continue  # written in C, or a name that the library keeps for old code
        own = [(p.name, p.kind) for p in function.signature.parameters.values() if p.name != "strict"]
        assert own == [(p.name, p.kind) for p in inspect.signature(other).parameters.values()], function
        for name, parameter in inspect.signature(other).parameters.items():
            if not callable(parameter.default) and parameter.default is not inspect.Parameter.empty:
                assert function.signature.parameters[name].default == parameter.default, (function, name)


@pytest.mark.parametrize("module", [F, keras, sklearn], ids=lambda module: module.__name__)
def test_every_class_takes_the_arguments_of_its_library_in_their_order(module):
    names = {"lossspec.dialects.torch": "torch.nn", "lossspec.dialects.keras": "keras.losses"}
    theirs = pytest.importorskip(names.get(module.__name__, "sklearn._loss.loss"))
    classes = [
        x for x in vars(module).values()
        if isinstance(x, type) and issubclass(x, declaration.Declared) and x.__module__ == module.__name__
        and hasattr(theirs, x.__name__) and x.__name__ != "BaseLoss"
    ]  # fmt: skip
    assert len(classes) > 10
    for ours in classes:
        assert ours.__doc__, ours
        own = [(p.name, p.kind, p.default) for p in inspect.signature(ours).parameters.values() if p.name != "strict"]
        if ours is F.NLLLoss2d:
            continue  # torch passes all on
        other = inspect.signature(getattr(theirs, ours.__name__)).parameters.values()
        assert own == [(p.name, p.kind, p.default) for p in other], ours
        with pytest.raises(TypeError, match=f"^{ours.__name__}: .*Fix: it takes"):
            ours(no_such_argument=1)


def test_an_object_shows_its_arguments_and_reads_them_when_it_is_called():
    x, y = np.asarray([3.0, 0.0]), np.asarray([0.0, 0.0])
    loss = F.HuberLoss("sum", delta=2.0)
    assert repr(loss) == "HuberLoss(reduction='sum', delta=2.0)"
    assert loss(x, y) == loss.forward(x, y) == 4.0
    loss.reduction = "mean"
    assert loss(x, y) == 2.0
    assert repr(F.MSELoss()) == "MSELoss(reduction='mean')"
    assert F.PoissonNLLLoss()(log_input=y, target=x) == F.poisson_nll_loss(y, x)


def test_a_gradient_is_asked_for_by_name():
    x, y = np.asarray([[1.0, 2.0], [3.0, 5.0]]), np.asarray([[0.0, 0.0], [1.0, 1.0]])
    value, gradient = F.mse_loss.value_and_grad(x, y, reduction="sum")
    assert value == 25.0
    np.testing.assert_allclose(gradient, 2 * (x - y))
    _, (by_input, by_target) = F.mse_loss.value_and_grad(x, y, reduction="sum", wrt=("input", "target"))
    np.testing.assert_allclose(by_input, -by_target)
    _, gradient = keras.MeanSquaredError(reduction="sum").value_and_grad(y, x)
    np.testing.assert_allclose(gradient, x - y)
    with pytest.raises(ValueError, match="`wrt` names 'labels'"):
        F.mse_loss.value_and_grad(x, y, wrt="labels")


def test_half_precision_comes_back_as_it_came(usable):
    usable("torch")
    torch = get_backend("torch").namespace
    x = torch.asarray([[1.0, 2.0]], dtype=torch.bfloat16)
    assert F.cross_entropy(x, torch.asarray([1])).dtype == torch.bfloat16
    assert F.mse_loss(x, x).dtype == torch.bfloat16
    assert optax.squared_error(x, x).dtype == torch.bfloat16


def test_deprecated_arguments_mean_what_they_meant_and_say_so():
    x, y = np.asarray([1.0, 2.0]), np.asarray([0.0, 0.0])
    for given, reduction in (({"size_average": False}, "sum"), ({"reduce": False}, "none"), ({"reduce": True}, "mean")):
        with pytest.warns(UserWarning, match=f"Fix: reduction='{reduction}'"):
            found = F.mse_loss(x, y, **given)
        np.testing.assert_allclose(found, F.mse_loss(x, y, reduction=reduction))
        with pytest.warns(UserWarning, match="deprecated"):
            assert F.MSELoss(**given).reduction == reduction
    with pytest.warns(UserWarning, match="broadcast"):
        F.mse_loss(x, y[:1])
    with pytest.warns(FutureWarning, match="NLLLoss2d"):
        F.NLLLoss2d()


def test_strict_reproduces_a_convention_and_the_default_is_exact():
    p, y = np.asarray([0.0, 1e-60]), np.asarray([1.0, 1.0])
    assert F.binary_cross_entropy(p, y, reduction="none", strict=True).tolist() == [100.0, 100.0]
    assert F.binary_cross_entropy(p, y, reduction="none").tolist() == [np.inf, pytest.approx(60 * np.log(10))]
    with np.errstate(divide="ignore"):
        assert keras.binary_crossentropy(y[None], p[None]).tolist() == [np.inf]
    assert keras.binary_crossentropy(y[None], p[None], strict=True)[0] == pytest.approx(7 * np.log(10))
    mean, count = np.asarray([2.0]), np.asarray([3.0])
    exact = F.poisson_nll_loss(mean, count, log_input=False, full=True, eps=0.0)
    assert exact == pytest.approx(2 - 3 * np.log(2) + np.log(6))


def test_the_gradient_of_ctc_in_logits_is_that_of_torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    logits = torch.randn(6, 2, 4, dtype=torch.float64, requires_grad=True)
    labels, lengths = torch.tensor([[1, 2], [3, 3]]), (torch.tensor([6, 5]), torch.tensor([2, 1]))
    found = []
    for ctc in (F.ctc_loss, torch.nn.functional.ctc_loss):
        loss = ctc(logits.log_softmax(-1), labels, *lengths)
        found.append(torch.autograd.grad(loss, logits)[0])
    torch.testing.assert_close(*found)


def test_errors_name_the_function_and_the_fix():
    x = np.zeros((2, 3))
    with pytest.raises(RuntimeError, match=r"average is not .* Fix: it is one of 'none'"):
        F.mse_loss(x, x, reduction="average")
    with pytest.raises(TypeError, match=r"F\.mse_loss: .*Fix: it takes"):
        F.mse_loss(x)
    with pytest.raises(ValueError, match=r"keras\.losses"):
        keras.sparse_categorical_crossentropy(np.zeros(3, int), x + 1)


def test_a_wrong_dialect_is_noticed():
    from dialects.judge import Excepted, Sample, factors_of, judged

    x = np.asarray([1.0, 2.0])
    sample = Sample(
        "suite", "mse_loss", "[0]", None, lambda a, b: 1.001 * F.mse_loss(a, b), (x, 2 * x), {}, frozenset({"0"})
    )
    right = (np.asarray(2.5), {"0": -x * factors_of(np.asarray(2.5))})
    assert "value" in judged([sample], "numpy", lambda _: right, [])[0]
    flat = Sample("suite", "mse_loss", "[0]", None, F.mse_loss, (x, 2 * x), {}, frozenset({"0"}))
    assert judged([flat], "numpy", lambda _: right, []) == []
    assert "gradient in 0" in judged([flat], "numpy", lambda _: (right[0], {"0": x}), [])[0]
    needless = Excepted("suite", "mse_loss", "value", "no reason")
    assert "nothing differs" in judged([flat], "numpy", lambda _: right, [needless])[0]
