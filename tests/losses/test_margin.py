"""Margin losses: values by hand, declared gradients at kinks and ties, what they refuse."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan
SIGNED = [ls.soft_margin, ls.hinge, ls.squared_hinge, ls.modified_huber, ls.perceptron]
BY_LABEL = [ls.multiclass_perceptron, ls.multiclass_hinge, ls.categorical_hinge, ls.multi_margin]


def gradient(backend, loss, *inputs, wrt=None, **options):
    """The gradient of the sum of losses in one input, in NumPy."""
    return backend.to_numpy(loss.grad(*map(backend.from_numpy, inputs), wrt=wrt, reduction="sum", **options))


@pytest.mark.parametrize(
    ("loss", "at", "wanted"),
    [
        (ls.soft_margin, [0.0, -3.0, 3.0], [math.log(2), math.log1p(math.exp(3)), math.log1p(math.exp(-3))]),
        (ls.hinge, [0.0, -3.0, 0.75, 1.0, 3.0], [1.0, 4.0, 0.25, 0.0, 0.0]),
        (ls.squared_hinge, [0.0, -3.0, 0.75, 1.0, 3.0], [1.0, 16.0, 0.0625, 0.0, 0.0]),
        (ls.modified_huber, [0.0, -1.0, -3.0, 0.75, 3.0], [1.0, 4.0, 12.0, 0.0625, 0.0]),
        (ls.perceptron, [0.0, -3.0, 0.75], [0.0, 3.0, 0.0]),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_a_signed_loss_depends_on_the_product_of_label_and_logit(loss, at, wanted, sign, dtype, array, plain):
    logits, labels = array([sign * m for m in at]), array([sign] * len(at), dtype)
    assert np.allclose(plain(loss.per_example(logits, labels)), wanted, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("loss", "kink"), [(ls.hinge, 1.0), (ls.squared_hinge, 1.0), (ls.modified_huber, 1.0), (ls.perceptron, 0.0)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_at_the_kink_a_signed_loss_has_no_gradient(loss, kink, sign, backend):
    at, before = np.asarray([sign * kink]), np.asarray([sign * (kink - 0.5)])
    assert gradient(backend, loss, at, np.asarray([sign])) == 0
    assert np.sign(gradient(backend, loss, before, np.asarray([sign]))) == -sign


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("margin", [-1e4, -100.0, 30.0, 80.0])
def test_soft_margin_neither_overflows_nor_loses_its_digits(dtype, margin, backend):
    logits, labels = np.asarray([margin], dtype), np.asarray([1])
    value = float(backend.to_numpy(ls.soft_margin(backend.from_numpy(logits), backend.from_numpy(labels))))
    exact = -margin if margin < 0 else math.log1p(math.exp(-margin))
    slope = -1.0 if margin < 0 else -1 / (1 + math.exp(margin))
    eps = float(np.finfo(dtype).eps)
    assert abs(value - exact) <= 4 * eps * exact
    assert abs(float(gradient(backend, ls.soft_margin, logits, labels)[0]) - slope) <= 4 * eps * abs(slope)


@pytest.mark.parametrize("loss", SIGNED, ids=lambda loss: loss.contract.name)
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_a_label_that_is_no_sign_spoils_its_own_example(loss, dtype, array, plain):
    logits, labels = array([0.5, 0.5, 0.5]), array([1, 0, -1], dtype)
    assert np.isnan(plain(loss.per_example(logits, labels))).tolist() == [False, True, False]
    with ls.checking("values"), pytest.raises(ContractError, match=r"`labels` holds 0(\.0)? at index \(1,\)"):
        loss(logits, labels)


L = [[1.0, 3.0, 0.5, 0.0], [1.0, 3.0, 0.5, 0.0], [-3.0, -4.0, -5.0, -6.0]]


@pytest.mark.parametrize(
    ("loss", "options", "wanted"),
    [
        (ls.multiclass_perceptron, {}, [2.0, 0.0, 1.0]),
        (ls.multiclass_hinge, {}, [3.0, 0.0, 2.0]),
        (ls.categorical_hinge, {}, [3.0, 0.0, 5.0]),
        (ls.multi_margin, {}, [(3.0 + 0.5 + 0.0) / 4, 0.0, 2.0 / 4]),
        (ls.multi_margin, {"margin": 2.5}, [(4.5 + 2.0 + 1.5) / 4, (0.5 + 0.0 + 0.0) / 4, (3.5 + 1.5 + 0.5) / 4]),
        (ls.multi_margin, {"p": 2}, [(9.0 + 0.25) / 4, 0.0, 4.0 / 4]),
    ],
)
def test_a_loss_by_label_compares_the_label_with_the_other_classes(loss, options, wanted, array, plain):
    assert plain(loss.per_example(array(L), array([0, 1, 1]), **options)).tolist() == wanted
    moved = array(np.asarray(L).T.copy())
    assert plain(loss.per_example(moved, array([0, 1, 1]), axis=0, **options)).tolist() == wanted


def test_categorical_hinge_counts_the_label_as_a_class_of_score_zero(array, plain):
    logits = array([[-3.0, -4.0], [-3.0, 0.0], [-3.0, 0.5]])
    labels = array([0, 0, 0])
    assert plain(ls.categorical_hinge.per_example(logits, labels)).tolist() == [4.0, 4.0, 4.5]
    assert plain(ls.multiclass_hinge.per_example(logits, labels)).tolist() == [0.0, 4.0, 4.5]


def test_categorical_hinge_takes_distributions(array, plain):
    logits = array([[2.0, 1.0, -1.0]] * 3)
    one_hot, mixed = [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]
    labels = array([one_hot, mixed, mixed])
    own, rival = 0.5 * 2.0 + 0.25 * 1.0 - 0.25 * 1.0, max(0.5 * 2.0, 0.75 * 1.0)
    wanted = [1 + 2.0 - 1.0, 1 + rival - own, 1 + rival - own]
    assert plain(ls.categorical_hinge.per_example(logits, labels)).tolist() == wanted


@pytest.mark.parametrize("loss", BY_LABEL, ids=lambda loss: loss.contract.name)
def test_with_one_class_only_kerass_hinge_has_a_loss(loss, array, plain):
    wanted = 3.0 if loss is ls.categorical_hinge else 0.0
    assert plain(loss.per_example(array([[-2.0]]), array([0]))).tolist() == [wanted]


@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [
        (ls.multiclass_perceptron, 2.0, 1.0),
        (ls.multiclass_hinge, 3.0, 1.0),
        (ls.categorical_hinge, 3.0, 1.0),
        (ls.multi_margin, 1.0, 1 / 3),
    ],
)
def test_a_class_of_minus_infinity_is_no_rival(loss, value, slope, backend):
    logits, labels = np.asarray([[1.0, -inf, 3.0]]), np.asarray([0])
    assert float(backend.to_numpy(loss(backend.from_numpy(logits), backend.from_numpy(labels)))) == value
    assert gradient(backend, loss, logits, labels).tolist() == [[-slope, 0.0, slope]]


def test_a_distribution_may_leave_out_a_class_of_minus_infinity(backend):
    logits, labels = np.asarray([[1.0, -inf, 3.0]]), np.asarray([[1.0, 0.0, 0.0]])
    assert gradient(backend, ls.categorical_hinge, logits, labels).tolist() == [[-1.0, 0.0, 1.0]]
    assert np.all(np.isfinite(gradient(backend, ls.categorical_hinge, logits, labels, wrt="labels")))


@pytest.mark.parametrize("loss", [ls.multiclass_perceptron, ls.multiclass_hinge, ls.categorical_hinge])
def test_of_tied_rivals_the_first_has_the_gradient(loss, backend):
    logits = np.asarray([[2.0, 0.0, 2.0, 2.0]])
    assert gradient(backend, loss, logits, np.asarray([1])).tolist() == [[1.0, -1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("loss", "logits"),
    [
        (ls.multiclass_perceptron, [[2.0, 2.0, 0.0]]),
        (ls.multiclass_hinge, [[3.0, 2.0, 0.0]]),
        (ls.categorical_hinge, [[3.0, 2.0, 0.0]]),
        (ls.multi_margin, [[3.0, 2.0, 0.0]]),
    ],
)
def test_at_the_kink_a_loss_by_label_has_no_gradient(loss, logits, backend):
    assert np.all(gradient(backend, loss, np.asarray(logits), np.asarray([0])) == 0)


def test_a_label_that_is_no_class_spoils_its_own_example(array, plain):
    for loss in BY_LABEL:
        each = plain(loss.per_example(array(L), array([0, 4, -1])))
        assert np.isnan(each).tolist() == [False, True, True]


def test_torchs_mean_of_multi_margin_with_class_weights_is_count_mean(array, plain):
    logits, labels, weight = array([[0.1, 0.2, 0.4, 0.8]]), array([3]), array([1.0, 1.0, 1.0, 2.0])
    each = (0.3 + 0.4 + 0.6) / 4
    assert math.isclose(float(plain(ls.multi_margin(logits, labels, class_weight=weight))), each, rel_tol=1e-14)
    counted = ls.multi_margin(logits, labels, class_weight=weight, reduction="count_mean")
    assert math.isclose(float(plain(counted)), 2 * each, rel_tol=1e-14)


def test_multilabel_margin_is_over_pairs_of_a_class_that_applies_and_one_that_does_not(array, plain):
    logits = array([[0.1, 0.2, 0.4, 0.8], [0.1, 0.2, 0.4, 0.8], [5.0, 1.0, 1.0, 7.0], [0.0, 0.0, 0.0, 0.0]])
    targets = [[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1], [1, 1, 1, 0]]
    pairs = (1 - (0.1 - 0.2)) + (1 - (0.1 - 0.4)) + (1 - (0.8 - 0.2)) + (1 - (0.8 - 0.4))
    for dtype in ("int64", "float64"):
        each = plain(ls.multilabel_margin.per_example(logits, array(targets, dtype)))
        assert np.allclose(each, [pairs / 4, 0.0, 0.0, 3 / 4], rtol=1e-15, atol=0)


def test_a_target_that_is_no_indicator_spoils_its_own_example(array, plain):
    logits, targets = array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), array([[0.0, 1.0], [0.5, 1.0], [nan, 1.0]])
    each = plain(ls.multilabel_margin.per_example(logits, targets))
    assert np.isnan(each).tolist() == [False, True, True]
    with ls.checking("values"), pytest.raises(ContractError, match=r"`targets` holds 0\.5 at index \(1, 0\).*0 or 1"):
        ls.multilabel_margin(logits, targets)


def test_multilabel_soft_margin_is_divided_by_the_number_of_classes_in_every_reduction(array, plain):
    logits, targets = array([[0.0, 3.0], [-1.0, 0.0]]), array([[1.0, 1.0], [1.0, 0.25]])
    rows = [math.log(2) + math.log1p(math.exp(-3)), math.log1p(math.exp(1)) + math.log(2)]
    assert math.isclose(float(plain(ls.multilabel_soft_margin(logits, targets, reduction="sum"))), sum(rows) / 2)
    weighted = ls.multilabel_soft_margin.per_example(logits, targets, label_weights=array([2.0, 0.0]))
    assert np.allclose(plain(weighted), [math.log(2), math.log1p(math.exp(1))], rtol=1e-15, atol=0)


def test_the_gradient_of_multilabel_soft_margin_in_the_targets_is_minus_the_logit(backend):
    logits, targets = np.asarray([[1e-9, -40.0]]), np.asarray([[0.5, 0.25]])
    found = gradient(backend, ls.multilabel_soft_margin, logits, targets, wrt="targets")
    assert np.allclose(found, -logits / 2, rtol=1e-15, atol=0)


def test_hinge_embedding_pulls_pairs_together_and_pushes_others_beyond_the_margin(array, plain):
    distances, labels = array([0.5, 0.5, 1.5, -0.5]), array([1, -1, -1, 1])
    assert plain(ls.hinge_embedding.per_example(distances, labels)).tolist() == [0.5, 0.5, 0.0, -0.5]
    assert plain(ls.hinge_embedding.per_example(distances, labels, margin=2.0)).tolist() == [0.5, 1.5, 0.5, -0.5]


def test_margin_ranking_wants_the_order_that_the_label_says(array, plain):
    first, second, labels = array([1.0, 1.0, 2.0, 2.0]), array([1.0, 1.0, 1.5, 1.5]), array([1, -1, 1, -1])
    assert plain(ls.margin_ranking.per_example(first, second, labels)).tolist() == [0.0, 0.0, 0.0, 0.5]
    assert plain(ls.margin_ranking.per_example(first, second, labels, margin=0.25)).tolist() == [0.25, 0.25, 0.0, 0.75]


def test_at_their_margins_the_losses_of_pairs_have_no_gradient(backend):
    at, minus = np.asarray([1.0]), np.asarray([-1])
    assert gradient(backend, ls.hinge_embedding, at, minus) == 0
    assert gradient(backend, ls.margin_ranking, at, at, minus) == 0
    assert gradient(backend, ls.margin_ranking, at + 1, at, -minus, margin=1.0) == 0
    assert gradient(backend, ls.margin_ranking, at, at, minus, margin=1.0) == 1


CONVEX = [*SIGNED, *BY_LABEL, ls.multilabel_margin, ls.multilabel_soft_margin, ls.hinge_embedding, ls.margin_ranking]


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.contract.name)
def test_it_is_convex_in_its_scores(loss, draw):
    inputs, other = draw(loss, 40, seed=1), draw(loss, 40, seed=2)
    name = loss.contract.inputs[0].name
    for scale in (1.0, 30.0):
        a, b = scale * inputs[name], scale * other[name]
        low, high, middle = (loss.per_example(**{**inputs, name: x}) for x in (a, b, (a + b) / 2))
        assert np.all(middle <= (low + high) / 2 + 1e-12 * scale)
        assert np.any(middle < (low + high) / 2 - 1e-3)


def test_the_hinges_bound_the_error(draw):
    inputs = draw(ls.hinge, 100)
    wrong = (inputs["labels"] * inputs["logits"] <= 0).astype(float)
    for loss in (ls.hinge, ls.squared_hinge, ls.modified_huber):
        assert np.all(loss.per_example(**inputs) >= wrong)


def test_modified_huber_is_smooth_and_its_slope_at_most_four(backend):
    logits = np.asarray([-1e4, -1.0 - 1e-9, -1.0, -1.0 + 1e-9, 0.0])
    slopes = gradient(backend, ls.modified_huber, logits, np.ones(5, dtype=np.int64))
    assert np.allclose(slopes, [-4.0, -4.0, -4.0, -4.0, -2.0], rtol=1e-8, atol=0)


REFUSED = {
    "a margin below 0": (lambda a: ls.multi_margin(a(L), a([0, 1, 2]), margin=-1.0), ContractError, "`margin` is -1.0"),
    "a third power": (lambda a: ls.multi_margin(a(L), a([0, 1, 2]), p=3), ContractError, r"`p` is 3.*\[1, 2\]"),
    "a margin of pairs below 0": (
        lambda a: ls.margin_ranking(a([1.0]), a([1.0]), a([1]), margin=-0.5),
        ContractError,
        "`margin` is -0.5",
    ),
    "a margin of distances below 0": (
        lambda a: ls.hinge_embedding(a([1.0]), a([1]), margin=-0.5),
        ContractError,
        "`margin` is -0.5",
    ),
    "labels of another shape": (
        lambda a: ls.hinge(a([1.0, 2.0]), a([[1], [1]])),
        ContractError,
        r"hinge: `labels` has shape \(2, 1\)",
    ),
    "integer logits": (lambda a: ls.hinge(a([1, 2]), a([1, 1])), DTypeError, "`logits` has a dtype of kind 'integral'"),
    "targets of several labels as integers": (
        lambda a: ls.multilabel_soft_margin(a([[1.0, 2.0]]), a([[0, 1]])),
        DTypeError,
        "`targets` has a dtype of kind 'integral'",
    ),
    "lists of labels as torch takes them": (
        lambda a: ls.multilabel_margin(a(L), a([[0, 3, -1]] * 3)),
        ContractError,
        r"`targets` has shape \(3, 3\)",
    ),
    "weights of another number of classes": (
        lambda a: ls.multilabel_soft_margin(a([[1.0, 2.0]]), a([[0.0, 1.0]]), label_weights=a([1.0])),
        ContractError,
        r"`label_weights` has shape \(1,\)",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(call, error, words, array):
    with pytest.raises(error, match=words):
        call(array)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("soft_margin_loss", ls.soft_margin),
        ("SoftMarginLoss", ls.soft_margin),
        ("Hinge", ls.hinge),
        ("SquaredHinge", ls.squared_hinge),
        ("CategoricalHinge", ls.categorical_hinge),
        ("multi_margin_loss", ls.multi_margin),
        ("MultiMarginLoss", ls.multi_margin),
        ("multilabel_soft_margin_loss", ls.multilabel_soft_margin),
        ("MultiLabelSoftMarginLoss", ls.multilabel_soft_margin),
        ("hinge_embedding_loss", ls.hinge_embedding),
        ("HingeEmbeddingLoss", ls.hinge_embedding),
        ("margin_ranking_loss", ls.margin_ranking),
        ("MarginRankingLoss", ls.margin_ranking),
    ],
)
def test_names_of_other_libraries(name, loss):
    assert ls.get(name) is loss


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("optax:hinge_loss", ls.hinge),
        ("perceptron_loss", ls.perceptron),
        ("multiclass_hinge_loss", ls.multiclass_hinge),
        ("multiclass_perceptron_loss", ls.multiclass_perceptron),
    ],
)
def test_names_of_optax_are_not_reduced(name, loss, draw):
    inputs = draw(loss, 5)
    assert ls.get(name)(**inputs).tolist() == loss.per_example(**inputs).tolist()
