"""The sklearn dialect gives what sklearn gives: values, derivatives, intercepts, links, metrics and refusals."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn._loss.link as their_links

from dialects import sklearn_cases as cases
from dialects.judge import BACKENDS, changed, judged, quiet
from lossspec.conformance.probes import probe_of
from lossspec.dialects import sklearn as dialect
from lossspec.dispatch import get_backend

NAMES = sorted({name for name, *_ in cases.OBJECTS})


def test_every_loss_of_sklearn_has_cases_or_a_reason():
    assert {*NAMES, *cases.CALLS, *cases.LEFT_OUT} == {*cases.CLASSES, *cases.FUNCTIONS}


@pytest.mark.parametrize("name", NAMES)
def test_the_methods_of_a_loss_are_those_of_sklearn(name, usable):
    rows = [sample for sample in cases.objects() if sample.function == name]
    answers = {}

    def answer(sample):
        if sample.name not in answers:
            answers[sample.name] = cases.answer(sample)
        return answers[sample.name]

    for backend in BACKENDS:
        usable(backend)
        some = [s for s in rows if "hessian weighted" in s.name][:1] if backend == "jax" else rows
        assert judged(some, backend, answer, cases.EXCEPTIONS) == [], backend


@pytest.mark.parametrize("name", cases.CALLS)
def test_a_metric_is_that_of_sklearn(name, usable):
    for backend in BACKENDS:
        usable(backend)
        rows = cases.functions(name)[: 1 if backend == "jax" else None]
        assert judged(rows, backend, cases.answer, cases.EXCEPTIONS, 10.0) == [], backend


@pytest.mark.parametrize("name", ["IdentityLink", "LogLink", "LogitLink", "HalfLogitLink", "MultinomialLogit"])
def test_a_link_is_that_of_sklearn_and_its_inverse_undoes_it(name, backend):
    theirs, ours = getattr(their_links, name)(), getattr(dialect, name)()
    p = cases._PARTS if name == "MultinomialLogit" else cases.AMOUNTS / 5
    xp, plain = backend.namespace, backend.to_numpy
    with probe_of(backend).double_precision():
        raw = ours.link(backend.from_numpy(p))
        np.testing.assert_allclose(plain(raw), theirs.link(p), rtol=1e-12)
        np.testing.assert_allclose(plain(ours.inverse(raw)), p, rtol=1e-12)
    assert vars(ours.interval_y_pred) == vars(theirs.interval_y_pred)
    assert xp is not None


@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, *_ in cases.OBJECTS])
def test_what_a_loss_says_of_itself_is_what_sklearn_says(name, options):
    theirs, ours = getattr(cases.theirs, name)(**options), getattr(dialect, name)(**options)
    for fact in ("differentiable", "is_multiclass", "approx_hessian", "constant_hessian", "n_classes"):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    for fact in ("interval_y_true", "interval_y_pred"):
        assert vars(getattr(ours, fact)) == vars(getattr(theirs, fact)), fact
    for y in (-1.0, 0.0, 0.5, 1.0, 2.0):
        assert ours.in_y_true_range(np.asarray([y])) == theirs.in_y_true_range(np.asarray([y]))
        assert ours.in_y_pred_range(np.asarray([y])) == theirs.in_y_pred_range(np.asarray([y]))


@pytest.mark.parametrize("name", ["HalfBinomialLoss", "ExponentialLoss", "HalfMultinomialLoss"])
def test_probabilities_are_those_of_sklearn(name):
    raw = cases.ROWS if name == "HalfMultinomialLoss" else cases.RAW
    theirs, ours = getattr(cases.theirs, name)(), getattr(dialect, name)()
    np.testing.assert_allclose(ours.predict_proba(raw), theirs.predict_proba(raw), rtol=1e-12)
    if name == "HalfMultinomialLoss":
        for mine, other in zip(
            ours.gradient_proba(cases.CODES, raw), theirs.gradient_proba(cases.CODES, raw), strict=True
        ):
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "given", "named"), cases.REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_sklearn_refuses_is_refused(name, given, named):
    with quiet(), pytest.raises(ValueError):  # noqa: PT011 - the kind is what is compared
        getattr(cases.metrics if name in cases.CALLS else cases.theirs, name)(*given, **named)
    put = get_backend("torch").from_numpy
    for arguments in (given, changed(given, put)):
        with quiet(), pytest.raises(ValueError):  # noqa: PT011
            getattr(dialect, name)(*arguments, **named)


def test_results_are_written_where_they_are_asked_for():
    y, raw = cases.REAL, cases.RAW
    ours = dialect.HalfSquaredError()
    out, slope, curve = np.empty(15), np.empty(15), np.empty(15)
    assert ours.loss(y, raw, loss_out=out) is out
    assert ours.gradient_hessian(y, raw, gradient_out=slope, hessian_out=curve)[0] is slope
    np.testing.assert_allclose(out, 0.5 * (raw - y) ** 2)
    np.testing.assert_allclose(slope, raw - y)
    np.testing.assert_allclose(curve, 1.0)


def test_names_may_be_labels_and_weights_of_0_divide_by_nothing():
    with quiet():
        expected = cases.metrics.log_loss(cases._NAMES, cases.CHANCES)
        found = dialect.log_loss(cases._NAMES, cases.CHANCES, strict=True)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    with pytest.raises(ZeroDivisionError):
        dialect.HalfSquaredError()(cases.REAL, cases.RAW, cases.WEIGHT * 0)
