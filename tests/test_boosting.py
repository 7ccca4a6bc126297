"""Losses as objectives and metrics: every call form of LightGBM, XGBoost and CatBoost, really trained."""

import re

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.base import clone

import lossspec as ls
from lossspec.conformance.sampling import typical_inputs
from lossspec.errors import ContractError, DTypeError
from lossspec.integrations.boosting import CatBoostMetric, LightGBMMetric, Objective, XGBoostMetric
from lossspec.terms import Real

ROWS, CLASSES = 120, 3
random = np.random.default_rng(0)
X = random.normal(size=(ROWS, 4))
TARGETS = X[:, 0] + X[:, 1] ** 2 + 0.1 * random.normal(size=ROWS)
YES = (X[:, 0] > 0.2 * random.normal(size=ROWS)).astype(int)
LABELS = np.argmax(X[:, :CLASSES] + 0.5 * random.normal(size=(ROWS, CLASSES)), axis=1)
WEIGHT = random.integers(1, 4, ROWS)
HALF = 0.5 * ls.squared_error

LIGHTGBM = {"num_threads": 1, "verbosity": -1, "deterministic": True, "min_data_in_leaf": 5, "metric": "None"}
XGBOOST = {"nthread": 1, "max_depth": 3, "base_score": 0.0, "disable_default_eval_metric": True}


def lightgbm_scores(objective, labels, weight=None, features=X, **parameters):
    data = lightgbm.Dataset(features, labels, weight=weight)
    given = {**LIGHTGBM, "boost_from_average": False, **parameters, "objective": objective}
    return lightgbm.train(given, data, 8).predict(X, raw_score=True)


def xgboost_scores(objective, labels, weight=None, features=X, **parameters):
    data, given = xgboost.DMatrix(features, labels, weight=weight), {**XGBOOST, **parameters}
    given, own = ({**given, "objective": objective}, None) if isinstance(objective, str) else (given, objective)
    return xgboost.train(given, data, 8, obj=own).predict(xgboost.DMatrix(X), output_margin=True)


def catboost_model(objective, labels, weight=None, kind=catboost.CatBoostRegressor, metric=None, **parameters):
    """One Newton step for each leaf, as the other two take; CatBoost refuses an objective without a metric."""
    given = {"depth": 3, "learning_rate": 0.3, "iterations": 8, "leaf_estimation_iterations": 1, **parameters}
    if not isinstance(objective, str):
        given["eval_metric"] = CatBoostMetric(objective.loss) if metric is None else metric
    same = {"leaf_estimation_method": "Newton", "bootstrap_type": "No", "random_strength": 0, "score_function": "L2"}
    model = kind(loss_function=objective, thread_count=1, verbose=False, allow_writing_files=False, **same, **given)
    return model.fit(X, labels, sample_weight=weight)


def catboost_scores(*given, **parameters):
    return catboost_model(*given, **parameters).predict(X, prediction_type="RawFormulaVal")


SAME_IN_LIGHTGBM = {
    "regression": (Objective(HALF), TARGETS, {}),
    "huber": (Objective(ls.huber.configured(delta=0.5), minimum_hessian=1.0), TARGETS, {"alpha": 0.5}),
    "fair": (Objective(ls.fair.configured(scale=0.5)), TARGETS, {"fair_c": 0.5}),
    "binary": (Objective(ls.binary_cross_entropy_with_logits), YES, {}),
    "multiclass": (Objective(ls.cross_entropy, hessian_factor=CLASSES / (CLASSES - 1)), LABELS, {"num_class": CLASSES}),
}
SAME_IN_XGBOOST = {
    "reg:squarederror": (Objective(HALF), TARGETS, {}),
    "binary:logistic": (Objective(ls.binary_cross_entropy_with_logits), YES, {}),
    "multi:softprob": (Objective(ls.cross_entropy, hessian_factor=2.0), LABELS, {"num_class": CLASSES}),
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("built_in", SAME_IN_LIGHTGBM)
def test_lightgbm_predicts_what_its_own_objective_does(built_in, weight):
    objective, labels, parameters = SAME_IN_LIGHTGBM[built_in]
    ours = lightgbm_scores(objective, labels, weight, **parameters)
    theirs = lightgbm_scores(built_in, labels, weight, **parameters)
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0.2
    assert np.allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("built_in", SAME_IN_XGBOOST)
def test_xgboost_predicts_what_its_own_objective_does(built_in, weight):
    objective, labels, parameters = SAME_IN_XGBOOST[built_in]
    at_zero = {"base_score": 0.5} if built_in == "binary:logistic" else {}  # a probability there, a score elsewhere
    ours = xgboost_scores(objective, labels, weight, **parameters)
    theirs = xgboost_scores(built_in, labels, weight, **parameters, **at_zero)
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0.2
    assert np.allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("scores", "parameters"),
    [(lightgbm_scores, {"min_data_in_leaf": 0, "min_data_in_bin": 1, "num_leaves": 6}), (xgboost_scores, {})],
    ids=["lightgbm", "xgboost"],
)
@pytest.mark.parametrize(
    ("objective", "labels", "classes"),
    [
        (Objective(ls.huber.configured(delta=0.5), minimum_hessian=0.5), TARGETS, {}),
        (Objective(ls.cross_entropy), LABELS, {"num_class": CLASSES}),
    ],
    ids=["huber", "cross_entropy"],
)
def test_a_weight_of_two_is_the_row_twice(scores, parameters, objective, labels, classes):
    """Settings under which no limit counts rows: large leaves, and features of few values, a bin each."""
    features = np.round(X)
    weighted = scores(objective, labels, WEIGHT, features, **parameters, **classes)
    twice = scores(
        objective, np.repeat(labels, WEIGHT), None, np.repeat(features, WEIGHT, axis=0), **parameters, **classes
    )
    assert np.allclose(weighted, twice, rtol=0, atol=1e-5)
    assert not np.allclose(weighted, scores(objective, labels, None, features, **parameters, **classes), atol=1e-2)


def lightgbm_model(kind, objective, **parameters):
    return kind(objective=objective, n_estimators=8, n_jobs=1, verbosity=-1, min_child_samples=5, **parameters)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (lightgbm.LGBMRegressor, "regression"),
        (lightgbm.LGBMClassifier, "binary"),
        (lightgbm.LGBMClassifier, "multiclass"),
    ],
)
def test_the_estimators_of_lightgbm_train_as_train_does(kind, name, weight):
    objective, labels, parameters = SAME_IN_LIGHTGBM[name]
    model = clone(lightgbm_model(kind, objective, boost_from_average=False)).fit(X, labels, sample_weight=weight)
    expected = lightgbm_scores(objective, labels, weight, **parameters)
    assert np.array_equal(model.predict(X, raw_score=True), expected)


def test_the_ranker_of_lightgbm_takes_an_objective_too():
    model = lightgbm_model(lightgbm.LGBMRanker, Objective(HALF), boost_from_average=False)
    model.fit(X, LABELS, group=[ROWS // 2, ROWS // 2])
    assert np.array_equal(model.predict(X), lightgbm_scores(Objective(HALF), LABELS))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (xgboost.XGBRegressor, "reg:squarederror"),
        (xgboost.XGBClassifier, "binary:logistic"),
        (xgboost.XGBClassifier, "multi:softprob"),
    ],
)
def test_the_estimators_of_xgboost_train_as_train_does(kind, name, weight):
    objective, labels, parameters = SAME_IN_XGBOOST[name]
    base = 0.5 if name == "binary:logistic" else 0.0
    model = clone(kind(objective=objective, n_estimators=8, n_jobs=1, max_depth=3, base_score=base))
    model.fit(X, labels, sample_weight=weight)
    assert np.allclose(model.predict(X, output_margin=True), xgboost_scores(objective, labels, weight, **parameters))


def test_xgboost_has_several_targets_and_distributions_as_labels():
    targets = np.stack([TARGETS, -X[:, 2]], axis=1)
    ours, theirs = (xgboost_scores(o, targets, WEIGHT) for o in (Objective(HALF), "reg:squarederror"))
    assert ours.shape == (ROWS, 2)
    assert np.allclose(ours, theirs, rtol=0, atol=1e-5)
    soft = xgboost_scores(Objective(ls.cross_entropy), np.eye(CLASSES)[LABELS], WEIGHT)
    hard = xgboost_scores(Objective(ls.cross_entropy), LABELS, WEIGHT, num_class=CLASSES)
    assert np.allclose(soft, hard, rtol=0, atol=1e-5)


METRICS = {
    "squared_error": (ls.squared_error, HALF, TARGETS, {}),
    "binary": (ls.binary_cross_entropy_with_logits, ls.binary_cross_entropy_with_logits, YES, {}),
    "classes": (ls.cross_entropy, ls.cross_entropy, LABELS, {"num_class": CLASSES}),
    "a sum": (HALF + 0.1 * ls.huber, HALF, TARGETS, {}),
}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_the_weighted_loss_in_every_form(name):
    loss, to_train, labels, parameters = METRICS[name]
    title, objective = loss.contract.name.replace(" ", ""), Objective(to_train)
    weight, rounds = WEIGHT.astype(float), 3

    data, seen = lightgbm.Dataset(X, labels, weight=WEIGHT), {}
    booster = lightgbm.train(
        {**LIGHTGBM, **parameters, "objective": objective},
        data,
        rounds,
        valid_sets=[data],
        feval=LightGBMMetric(loss),
        callbacks=[lightgbm.record_evaluation(seen)],
    )
    given = labels if name == "classes" else labels.astype(np.float32).astype(float)
    expected = float(loss(booster.predict(X, raw_score=True), given, sample_weight=weight))
    assert seen["training"][title][-1] == pytest.approx(expected, rel=1e-12)

    kind = lightgbm.LGBMRegressor if not parameters else lightgbm.LGBMClassifier
    model = lightgbm_model(kind, objective, metric="None").set_params(n_estimators=rounds)
    model.fit(
        X,
        labels,
        sample_weight=WEIGHT,
        eval_X=X,
        eval_y=labels,
        eval_sample_weight=[WEIGHT],
        eval_metric=LightGBMMetric(loss),
    )
    (found,) = model.evals_result_.values()
    assert found[title] == pytest.approx(seen["training"][title], rel=1e-12)

    data, seen = xgboost.DMatrix(X, labels, weight=WEIGHT), {}
    booster = xgboost.train(
        {**XGBOOST, **parameters},
        data,
        rounds,
        obj=objective,
        evals=[(data, "training")],
        custom_metric=XGBoostMetric(loss),
        evals_result=seen,
        verbose_eval=False,
    )
    scores = booster.predict(data, output_margin=True).astype(float)
    assert seen["training"][title][-1] == pytest.approx(float(loss(scores, given, sample_weight=weight)), rel=1e-5)

    kind = xgboost.XGBRegressor if not parameters else xgboost.XGBClassifier
    model = kind(
        objective=objective, eval_metric=XGBoostMetric(loss), n_estimators=rounds, n_jobs=1, max_depth=3, base_score=0.0
    )
    model.fit(X, labels, sample_weight=WEIGHT, eval_set=[(X, labels)], sample_weight_eval_set=[WEIGHT], verbose=False)
    assert model.evals_result()["validation_0"][title] == pytest.approx(seen["training"][title], rel=1e-5)
    if not parameters:
        model.fit(X, labels, eval_set=[(X, labels)], verbose=False)
        plain = float(loss(model.predict(X, output_margin=True).astype(float), given))
        assert model.evals_result()["validation_0"][title][-1] == pytest.approx(plain, rel=1e-5)


def test_derivatives_have_the_dtype_and_the_shape_of_the_scores():
    for dtype in (np.float32, np.float64):
        scores = np.zeros((2, CLASSES), dtype)
        for objective in (
            Objective(ls.cross_entropy),
            Objective(ls.cross_entropy, hessian_factor=np.float64(2), minimum_hessian=0.3),
        ):
            for found in objective(np.asarray([0.0, 2.0]), scores, np.asarray([1.0, 2.0])):
                assert found.dtype == dtype
                assert found.shape == scores.shape


def is_of_scores_and_labels(name):
    """Say whether a booster can have this loss at all."""
    try:
        Objective(ls.get(name))
    except ContractError:
        return False
    return True


OF_SCORES_AND_LABELS = [name for name in ls.names() if is_of_scores_and_labels(name)]


@pytest.mark.parametrize("name", OF_SCORES_AND_LABELS)
def test_every_loss_takes_the_real_numbers_that_boosters_keep(name):
    """They keep classes and ranks as real numbers too."""
    assert len(OF_SCORES_AND_LABELS) > 100
    loss, objective = ls.get(name), Objective(ls.get(name), minimum_hessian=0.0)
    scores, labels = typical_inputs(loss.contract, {}).values()
    scores, kept = scores.astype(np.float32), labels.astype(np.float32)
    try:
        expected = loss.grad_hess(scores, labels if labels.dtype.kind == "i" else kept)
    except ContractError as refusal:
        with pytest.raises(ContractError, match=re.escape(str(refusal))):
            objective(kept, scores)
        return
    for found, wanted in zip(objective(kept, scores), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_hessian_is_the_true_one_unless_told():
    labels, scores, weight = np.asarray([0.0, 0.0]), np.asarray([0.5, 9.0]), np.asarray([1.0, 2.0])
    assert Objective(ls.huber)(labels, scores, weight)[1].tolist() == [1.0, 0.0]
    assert Objective(ls.huber, minimum_hessian=0.25)(labels, scores, weight)[1].tolist() == [1.0, 0.5]
    assert Objective(ls.huber, hessian_factor=3.0)(labels, scores, weight)[1].tolist() == [3.0, 0.0]


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("built_in", "objective", "labels", "kind"),
    [
        ("RMSE", Objective(HALF), TARGETS, catboost.CatBoostRegressor),
        ("Logloss", Objective(ls.binary_cross_entropy_with_logits), YES, catboost.CatBoostClassifier),
    ],
    ids=["RMSE", "Logloss"],
)
def test_catboost_predicts_what_its_own_objective_does(built_in, objective, labels, kind, weight):
    ours = catboost_scores(objective, labels, weight, kind, boost_from_average=False)
    theirs = catboost_scores(built_in, labels, weight, kind, boost_from_average=False)
    assert np.abs(theirs).max() > 0.2
    assert np.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_catboost_trains_classes_and_reports_the_mean_by_the_weights(pickled):
    kind, few = catboost.CatBoostClassifier, {"classes_count": CLASSES, "iterations": 3}
    model = catboost_model(Objective(ls.cross_entropy), LABELS, WEIGHT, kind, **few)
    scores = model.predict(X, prediction_type="RawFormulaVal")
    assert (scores.argmax(axis=1) == LABELS).mean() > 0.7
    (seen,) = model.evals_result_["learn"].values()
    weight = WEIGHT.astype(float)
    assert seen[-1] == pytest.approx(float(ls.cross_entropy(scores, LABELS, sample_weight=weight)), rel=1e-6)
    assert pickled(Objective(ls.cross_entropy)) == clone(model).get_params()["loss_function"]


FLAT = {"quantile": ls.quantile.configured(level=0.9), "absolute_error": ls.absolute_error, "hinge": ls.hinge}


@pytest.mark.parametrize("scores", [lightgbm_scores, xgboost_scores, catboost_scores])
@pytest.mark.parametrize("name", FLAT)
@pytest.mark.filterwarnings("ignore:.* its second derivative is above 0 in no row")
def test_a_loss_without_curvature_is_learnt(scores, name):
    """In as many rounds as the others take, and without one lifted row nothing at all is learnt."""
    labels = np.where(YES == 1, 1.0, -1.0) if name == "hinge" else TARGETS - TARGETS.mean()
    kind = {"boost_from_average": False} if scores is catboost_scores else {}
    found = scores(Objective(FLAT[name]), labels, **kind)
    before = float(FLAT[name](np.zeros(ROWS), labels))
    assert float(FLAT[name](found.astype(float), labels)) < 0.8 * before
    if scores is lightgbm_scores:
        assert not scores(Objective(FLAT[name], minimum_hessian=0.0), labels).any()


@pytest.mark.parametrize("name", FLAT)
def test_a_hessian_that_is_put_in_place_is_said(name):
    labels, scores, weight = np.asarray([1.0, 1.0]), np.asarray([0.0, 0.5]), np.asarray([1.0, 2.0])
    with pytest.warns(UserWarning, match=rf"{name}: its second derivative .* Objective\(loss, minimum_hessian=1.0\)"):
        _, hessian = Objective(FLAT[name])(labels, scores, weight)
    assert hessian.tolist() == [1.0, 2.0]
    assert Objective(FLAT[name], minimum_hessian=1.0)(labels, scores, weight)[1].tolist() == [1.0, 2.0]
    assert not Objective(FLAT[name], minimum_hessian=0.0)(labels, scores, weight)[1].any()


def test_a_hessian_is_put_in_place_only_where_there_is_something_to_learn():
    far = np.asarray([5.0, 9.0])
    assert not Objective(ls.hinge)(np.asarray([1.0, 1.0]), far)[1].any()  # both are right by the margin
    with pytest.warns(UserWarning, match="huber"):
        assert Objective(ls.huber)(np.zeros(2), far)[1].tolist() == [1.0, 1.0]


def test_an_ignored_label_and_a_weight_of_0_leave_no_trace():
    loss = ls.cross_entropy.configured(ignore_index=-1)
    gradient, hessian = Objective(loss)(np.asarray([-1.0, 1.0]), np.zeros((2, CLASSES)))
    assert not gradient[0].any()
    assert not hessian[0].any()
    assert hessian[1].all()
    _, hessian = Objective(loss, minimum_hessian=1.0)(
        np.asarray([-1.0, 1.0]), np.zeros((2, CLASSES)), np.asarray([0.0, 1.0])
    )
    assert hessian.tolist() == [[0.0] * CLASSES, [1.0] * CLASSES]


@pytest.mark.parametrize("kind", [Objective, LightGBMMetric, XGBoostMetric, CatBoostMetric])
def test_an_adaptor_is_a_value(kind, pickled):
    value = kind(ls.huber.configured(delta=2.0))
    assert pickled(value) == value
    assert hash(pickled(value)) == hash(value)
    assert value != kind(ls.huber)
    assert kind.__name__ in repr(value)
    assert "delta: Positive[#*batch] = 2.0" in repr(value)


def test_a_trained_estimator_pickles_with_its_objective(pickled):
    for model in (
        lightgbm_model(lightgbm.LGBMRegressor, Objective(HALF)),
        xgboost.XGBRegressor(objective=Objective(HALF), n_estimators=3, n_jobs=1),
    ):
        model.fit(X, TARGETS)
        back = pickled(model)
        assert np.array_equal(back.predict(X), model.predict(X))
        assert back.objective == Objective(HALF)


def test_a_loss_that_no_module_holds_trains_too():
    """LightGBM copies its parameters, and a loss is copied by the name of its module."""

    @ls.loss(family="regression", unit="element", source="this test")
    def local(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
        """Half of the squared difference."""
        return (predictions - targets) ** 2 / 2

    assert np.array_equal(lightgbm_scores(Objective(local), TARGETS), lightgbm_scores(Objective(HALF), TARGETS))


CALL = (np.zeros(2), np.zeros(2))
REFUSED = {
    "an aggregate": (lambda: Objective(ls.root_mean_squared_error), ContractError, "is aggregate.*pointwise"),
    "a coupled loss": (lambda: Objective(ls.info_nce), ContractError, "is coupled"),
    "a penalty": (lambda: Objective(ls.elastic_net), ContractError, "takes parameters; a booster has"),
    "a loss of three": (lambda: LightGBMMetric(ls.triplet_margin), ContractError, "anchors, positives, negatives"),
    "lists of arrays": (lambda: Objective(ls.perceptual), ContractError, "a loss of two arrays"),
    "a name": (lambda: XGBoostMetric("huber"), ContractError, r"'huber', which is no loss.*lossspec.get"),
    "a factor of 0": (lambda: Objective(ls.huber, hessian_factor=0.0), ContractError, "`hessian_factor` is 0.0"),
    "a minimum below 0": (lambda: Objective(ls.huber, minimum_hessian=-1), ContractError, "`minimum_hessian` is -1"),
    "a minimum of text": (lambda: Objective(ls.huber, minimum_hessian="1"), DTypeError, "`minimum_hessian` is '1'"),
    "swapped": (
        lambda: Objective(ls.huber)(lightgbm.Dataset(X, TARGETS), np.zeros(ROWS)),
        DTypeError,
        r"labels are of type Dataset.*f\(scores, data set\)",
    ),
    "weights in a list": (lambda: Objective(ls.huber)(*CALL, [1.0, 1.0]), DTypeError, "weights are of type list"),
    "scores that diverged": (
        lambda: Objective(ls.huber)(np.zeros(2), np.asarray([0.0, np.inf])),
        ContractError,
        r"`predictions` holds inf at index \(1,\)",
    ),
    "a list": (lambda: Objective(ls.huber)(np.zeros(2), [0.0, 0.0]), DTypeError, "scores are of type list"),
    "no labels": (
        lambda: Objective(ls.huber)(np.zeros(ROWS), xgboost.DMatrix(X)),
        ContractError,
        r"`targets` has shape \(0,\)",
    ),
    "integer scores": (
        lambda: Objective(ls.huber)(np.zeros(2), np.zeros(2, int)),
        DTypeError,
        "scores have dtype int64",
    ),
    "weights twice": (
        lambda: Objective(ls.huber)(np.zeros(ROWS), xgboost.DMatrix(X, TARGETS), np.ones(ROWS)),
        ContractError,
        "beside a data set",
    ),
    "half a class": (
        lambda: Objective(ls.cross_entropy)(np.asarray([0.0, 1.5]), np.zeros((2, 3))),
        ContractError,
        "labels hold 1.5 at row 1, and a class is a whole number",
    ),
    "a class that is not there": (
        lambda: Objective(ls.cross_entropy)(np.asarray([0.0, 3.0]), np.zeros((2, 3))),
        ContractError,
        r"`labels` holds 3 at index \(1,\)",
    ),
    "a class without a number": (
        lambda: LightGBMMetric(ls.cross_entropy)(np.asarray([np.inf, 1.0]), np.zeros((2, 3))),
        ContractError,
        "hold inf at row 0",
    ),
    "a class as a yes": (
        lambda: XGBoostMetric(ls.binary_cross_entropy_with_logits)(np.asarray([0.0, 2.0]), np.zeros(2)),
        ContractError,
        "`targets` holds 2.0",
    ),
    "no num_class": (
        lambda: lightgbm_scores(Objective(ls.cross_entropy), LABELS),
        ContractError,
        "set `num_class`",
    ),
    "num_class for a regression": (
        lambda: lightgbm_scores(Objective(ls.huber), TARGETS, num_class=3),
        ContractError,
        r"`targets` has shape \(120,\)",
    ),
    "two predictions": (
        lambda: Objective(ls.gan_discriminator),
        ContractError,
        "takes two predictions, `real_logits` and `fake_logits`; a booster has one array of scores",
    ),
    "a weight too few": (
        lambda: Objective(ls.huber)(*CALL, np.ones(3)),
        ContractError,
        r"`sample_weight` has shape \(3,\)",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_and_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_adaptor_loads_no_booster(in_fresh_process):
    script = (
        "import sys, lossspec.integrations.boosting; print(*({'catboost', 'lightgbm', 'xgboost'} & {*sys.modules}))"
    )
    assert in_fresh_process(script) == ""
