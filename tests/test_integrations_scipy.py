"""Losses of models as functions that SciPy minimizes: values, gradients, Hessian products, and what it finds."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from sklearn.linear_model import LogisticRegression, PoissonRegressor

import lossspec as ls
from lossspec.errors import ContractError
from lossspec.integrations.scipy_minimize import objective
from lossspec.numerics import array_namespace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
TARGETS = X @ np.asarray([1.0, -2.0, 0.5]) + RNG.standard_t(2, size=80)
LABELS = np.argmax(X + RNG.normal(size=X.shape), axis=1)
COUNTS = RNG.poisson(np.exp(0.3 * X[:, 0])).astype(float)


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-ncg"])
def test_what_is_found_is_what_scikit_learn_finds(method):
    """Poisson regression without an intercept; one method takes the gradient, the other products of the Hessian too."""
    fun = objective(
        ls.poisson_nll + 0.05 * ls.l2_regularization, lambda w: {"predictions": X @ w, "parameters": w}, targets=COUNTS
    )
    hessp = {"hessp": fun.hessp} if method == "trust-ncg" else {}
    found = minimize(fun, np.zeros(3), jac=True, method=method, options={"gtol": 1e-9}, **hessp)
    theirs = PoissonRegressor(alpha=0.1, fit_intercept=False, tol=1e-10).fit(X, COUNTS).coef_
    assert np.allclose(found.x, theirs, atol=1e-4)


def softmax_regression(weights, features):
    """Logits of three classes from a vector of 12 parameters."""
    xp = array_namespace(weights)
    return features @ xp.reshape(weights[:9], (3, 3)) + weights[None, 9:]


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_a_model_of_any_framework_is_minimized(usable, name):
    backend = usable(name)
    features, labels = (backend.from_numpy(x) for x in (X, LABELS))
    fun = objective(ls.cross_entropy, lambda w: softmax_regression(w, features), labels)
    point, along = RNG.normal(size=12), RNG.normal(size=12)
    value, gradient = fun(point)
    assert value == pytest.approx(float(ls.cross_entropy(softmax_regression(point, X), LABELS)), rel=1e-12)
    assert (type(value), type(gradient), gradient.dtype) == (float, np.ndarray, np.float64)
    expected = objective(ls.cross_entropy, lambda w: softmax_regression(w, X), LABELS)
    assert np.allclose(gradient, approx_fprime(point, lambda w: expected(w)[0]), atol=1e-6)
    slope = (fun(point + 1e-5 * along)[1] - fun(point - 1e-5 * along)[1]) / 2e-5
    assert np.allclose(fun.hessp(point, along), slope, atol=1e-6)
    found = minimize(fun, expected(np.zeros(12))[1], jac=True, tol=1e-3, options={"maxiter": 2})
    assert found.fun < fun(np.zeros(12))[0]


def test_softmax_regression_is_that_of_scikit_learn():
    fun = objective(ls.cross_entropy, lambda w: softmax_regression(w, X), LABELS)
    found = minimize(fun, np.zeros(12), jac=True, options={"gtol": 1e-8})
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(X, LABELS).predict_proba(X)
    logits = softmax_regression(found.x, X)
    assert np.allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), theirs, atol=1e-5)


def test_parameters_have_the_dtype_of_the_inputs():
    seen = []
    fun = objective(ls.huber, lambda w: (seen.append(w.dtype), w)[1], np.zeros(2, np.float32))
    value, gradient = fun(np.asarray([0.5, 2.0]))
    assert (seen, value, gradient.tolist()) == ([np.float32], 0.8125, [0.25, 0.5])


def test_weights_and_options_go_to_the_loss():
    weight, w = RNG.random(80), np.ones(3)
    fun = objective(ls.quantile, lambda w: X @ w, TARGETS, level=0.7, sample_weight=weight, reduction="sum")
    ours, gradient = fun(w)
    value, by_row = ls.quantile.value_and_grad(X @ w, TARGETS, level=0.7, sample_weight=weight, reduction="sum")
    assert ours == pytest.approx(float(value), rel=1e-12)
    assert np.allclose(gradient, X.T @ by_row)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: objective("huber", lambda w: w, TARGETS), ContractError, "which is no loss"),
        (lambda: objective(ls.huber, lambda w: w), ContractError, "gets no array beside the model"),
        (
            lambda: objective(ls.huber, lambda w: w, TARGETS)(np.zeros((2, 2))),
            ContractError,
            r"shape \(2, 2\); SciPy has",
        ),
        (lambda: objective(ls.huber, lambda w: w, TARGETS)(np.zeros(3)), ContractError, r"`targets` has shape \(80,\)"),
    ],
)
def test_what_cannot_be_minimized_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_client_does_not_load_scipy(in_fresh_process):
    script = "import sys, lossspec.integrations.scipy_minimize; print('scipy' in sys.modules)"
    assert in_fresh_process(script) == "False"
