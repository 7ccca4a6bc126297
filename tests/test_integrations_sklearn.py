"""Losses as scorers of scikit-learn, in its own cross-validation and searches, against its own scores."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import d2_pinball_score, hinge_loss, make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import lossspec as ls
from lossspec.errors import ContractError
from lossspec.integrations.sklearn_scorer import scorer

DIABETES, CANCER, IRIS = (load(return_X_y=True) for load in (load_diabetes, load_breast_cancer, load_iris))
NAMES = np.asarray(["virginica", "setosa", "versicolor"])[IRIS[1]]  # text, in another order than the numbers
RNG = np.random.default_rng(0)
logistic = make_pipeline(StandardScaler(), LogisticRegression())
pinball = {"alpha": 0.9}
SAME = {
    "predict": (ls.squared_error, Ridge(), DIABETES, "neg_mean_squared_error"),
    "an aggregate": (ls.root_mean_squared_error, Ridge(), DIABETES, "neg_root_mean_squared_error"),
    "not symmetric": (
        ls.quantile.configured(level=0.9),
        Ridge(),
        DIABETES,
        make_scorer(mean_pinball_loss, greater_is_better=False, **pinball),
    ),
    "predict_proba of one": (ls.binary_cross_entropy, logistic, CANCER, "neg_log_loss"),
    "predict_proba": (ls.categorical_cross_entropy, logistic, (IRIS[0], NAMES), "neg_log_loss"),
    "predict_log_proba": (ls.nll, logistic, (IRIS[0], NAMES), "neg_log_loss"),
    "logits of one": (ls.binary_cross_entropy_with_logits, logistic, CANCER, "neg_log_loss"),
    "logits": (ls.cross_entropy, logistic, (IRIS[0], NAMES), "neg_log_loss"),
    "signs": (
        ls.hinge,
        LinearSVC(),
        (StandardScaler().fit_transform(CANCER[0]), np.where(CANCER[1] == 1, "b", "a")),
        make_scorer(hinge_loss, response_method="decision_function", greater_is_better=False),
    ),
}


@pytest.mark.parametrize(("loss", "estimator", "data", "theirs"), SAME.values(), ids=SAME)
def test_a_score_is_that_of_scikit_learn(loss, estimator, data, theirs):
    ours = cross_val_score(estimator, *data, scoring=scorer(loss), cv=3, error_score="raise")
    assert (ours < 0).all()
    assert np.allclose(ours, cross_val_score(estimator, *data, scoring=theirs, cv=3), rtol=1e-6)


def test_a_search_finds_what_has_the_least_loss():
    loss, grid = ls.quantile.configured(level=0.9), {"quantile": [0.1, 0.5, 0.9], "alpha": [0.0]}
    found = GridSearchCV(QuantileRegressor(), grid, scoring=scorer(loss), cv=2, error_score="raise").fit(*DIABETES)
    assert found.best_params_["quantile"] == 0.9
    assert d2_pinball_score(DIABETES[1], found.predict(DIABETES[0]), alpha=0.9) > 0


def test_a_weight_is_routed_to_the_score():
    weight, (x, y) = RNG.integers(0, 3, len(DIABETES[1])), DIABETES
    with sklearn.config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight=False)
        ours, theirs = (
            cross_val_score(
                model, x, y, scoring=one.set_score_request(sample_weight=True), params={"sample_weight": weight}
            )
            for one in (scorer(ls.absolute_error), make_scorer(sklearn.metrics.mean_absolute_error))
        )
        assert np.allclose(-ours, theirs)
        assert not np.allclose(ours, cross_val_score(model, x, y, scoring=scorer(ls.absolute_error)))
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            cross_val_score(model, x, y, scoring=scorer(ls.absolute_error), params={"sample_weight": weight})


def test_several_targets_and_one_weight_a_row():
    x, y, weight = DIABETES[0], np.stack([DIABETES[1], -DIABETES[1]], axis=1), RNG.random(len(DIABETES[1]))
    model = MultiOutputRegressor(Ridge()).fit(x, y)
    theirs = sklearn.metrics.mean_squared_error(y, model.predict(x), sample_weight=weight)
    assert scorer(ls.squared_error)(model, x, y, sample_weight=weight) == pytest.approx(-theirs)


def test_a_scorer_is_a_value(pickled):
    value = scorer(ls.quantile.configured(level=0.9)).set_score_request(sample_weight=True)
    assert pickled(value) == value != scorer(ls.quantile)
    assert repr(scorer(ls.huber)) == "scorer(huber, response='predict')"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scorer("huber"), "which is no loss"),
        (lambda: scorer(ls.triplet_margin), "takes anchors, positives, negatives; an estimator has"),
        (lambda: scorer(ls.half_gamma), "which no estimator is known to predict. Fix: say the method"),
        (lambda: scorer(ls.huber, response="transform"), "`response` is 'transform'; it must be one of"),
        (lambda: scorer(ls.cross_entropy)(Ridge().fit(*DIABETES), *DIABETES), "Ridge has no `decision_function`"),
        (
            lambda: scorer(ls.binary_cross_entropy)(logistic.fit(*IRIS), *IRIS),
            "a row has one score, and the estimator has 3 classes",
        ),
        (
            lambda: scorer(ls.cross_entropy)(logistic.fit(*IRIS), IRIS[0][:1], np.asarray([7])),
            "the label .*7.* of row 0 is none that the estimator was fitted to",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(call, words):
    with pytest.raises(ContractError, match=words):
        call()


def test_the_client_loads_scikit_learn_only_to_route(in_fresh_process):
    script = "import sys, lossspec.integrations.sklearn_scorer; print('sklearn' in sys.modules)"
    assert in_fresh_process(script) == "False"
