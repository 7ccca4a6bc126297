"""Ranking losses: values by hand, items out of the list, ties, digits of sums that cancel, what they refuse."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan
LISTS = [ls.pairwise_logistic, ls.pairwise_hinge, ls.listwise_softmax, ls.listmle, ls.unique_softmax, ls.pairwise_mse]


def gradient(backend, loss, *inputs, wrt=None, **options):
    """The gradient of the sum of losses in one input, in NumPy."""
    return backend.to_numpy(loss.grad(*map(backend.from_numpy, inputs), wrt=wrt, reduction="sum", **options))


def softplus(x):
    return math.log1p(math.exp(x))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("loss", "labels", "wanted"),
    [
        (ls.pairwise_logistic, [2.0, 0.0, 1.0], softplus(3.0 - 0.5) + softplus(3.0 - 0.5) + softplus(0.0)),
        (ls.pairwise_hinge, [2.0, 0.0, 1.0], 3.5 + 3.5 + 1.0),
        (ls.listwise_softmax, [2.0, 1.0, 1.0], 3 * math.log(2 + math.exp(2.5)) + math.log1p(2 * math.exp(-2.5))),
        (ls.listmle, [2.0, 0.0, 1.0], math.log(2 + math.exp(2.5)) + math.log(1 + math.exp(2.5))),
    ],
)
def test_a_list_by_hand(loss, labels, wanted, array, plain):
    value = loss(array([[0.5, 3.0, 0.5]]), array([labels]))
    assert math.isclose(float(plain(value)), wanted, rel_tol=1e-14)


def test_grades_may_be_integers_and_only_their_order_counts(array, plain):
    scores = array([[0.5, 3.0, -1.0, 2.0]])
    for loss in (ls.pairwise_logistic, ls.pairwise_hinge, ls.listmle):
        values = [plain(loss(scores, array([grades]))) for grades in ([0, 4, 4, 1], [0.0, 9.5, 9.5, 0.5])]
        assert values[0] == values[1]


@pytest.mark.parametrize("loss", LISTS, ids=lambda loss: loss.contract.name)
@pytest.mark.parametrize("label", [0.0, 99.0, nan])
def test_a_score_of_minus_infinity_takes_an_item_out_of_its_list(loss, label, backend):
    scores, labels = np.asarray([[0.5, -inf, 3.0, -1.0]]), np.asarray([[1.0, label, 0.0, 2.0]])
    rest = [0, 2, 3]
    found, wanted = (
        float(backend.to_numpy(loss(backend.from_numpy(s), backend.from_numpy(y))))
        for s, y in ((scores, labels), (scores[:, rest], labels[:, rest]))
    )
    assert found == wanted > 0
    slopes = gradient(backend, loss, scores, labels)
    assert slopes[0, 1] == 0
    assert np.allclose(slopes[:, rest], gradient(backend, loss, scores[:, rest], labels[:, rest]), rtol=1e-14, atol=0)


@pytest.mark.parametrize("loss", LISTS, ids=lambda loss: loss.contract.name)
@pytest.mark.parametrize("scores", [[-inf, -inf], []])
def test_an_empty_list_has_no_loss_and_no_gradient(loss, scores, backend):
    scores, labels = np.asarray([scores]), np.ones((1, len(scores)))
    assert float(backend.to_numpy(loss(backend.from_numpy(scores), backend.from_numpy(labels)))) == 0
    assert np.all(gradient(backend, loss, scores, labels) == 0)


def test_a_list_without_a_pair_has_no_loss(array, plain):
    scores, labels = array([[0.5, 3.0], [0.5, -inf]]), array([[1, 1], [1, 0]])
    for loss in (ls.pairwise_logistic, ls.pairwise_hinge):
        assert plain(loss.per_example(scores, labels)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_item_between_a_better_and_a_worse_one_keeps_the_digits_of_its_gradient(dtype, backend):
    labels = np.asarray([[2, 1, 0]])
    eps = float(np.finfo(dtype).eps)
    reversed_order = np.asarray([[-30.0, 0.0, 40.0]], dtype)
    exact = 1 / (1 + math.exp(40)) - 1 / (1 + math.exp(30))
    found = float(gradient(backend, ls.pairwise_logistic, reversed_order, labels)[0, 1])
    assert abs(found - exact) <= 8 * eps * 31 * abs(exact)
    nearly_equal = np.asarray([[3 * 2.0**-24, 0.0, -(2.0**-24)]], dtype)
    exact = (math.tanh(2.0**-25) - math.tanh(3 * 2.0**-25)) / 2
    found = float(gradient(backend, ls.pairwise_logistic, nearly_equal, labels)[0, 1])
    assert abs(found - exact) <= 8 * eps * 3 * abs(exact)


@pytest.mark.parametrize("gap", [-1e4, -60.0, -1.5, -1.0, -0.5, 0.0, 1e-9, 0.5, 1.0, 1.5, 60.0])
def test_one_pair_is_the_logistic_loss_of_its_gap(gap, backend):
    scores, labels = np.asarray([[gap, 0.0]]), np.asarray([[1, 0]])
    exact = -gap if gap < -700 else softplus(-gap)
    slope = -1.0 if gap < -700 else -sigmoid(-gap)
    value = float(backend.to_numpy(ls.pairwise_logistic(backend.from_numpy(scores), backend.from_numpy(labels))))
    assert math.isclose(value, exact, rel_tol=1e-15)
    assert np.allclose(gradient(backend, ls.pairwise_logistic, scores, labels), [[slope, -slope]], rtol=1e-15, atol=0)


def test_listmle_breaks_ties_by_position(array, plain):
    labels = array([[1, 1], [1, 1]])
    each = plain(ls.listmle.per_example(array([[0.0, 3.0], [3.0, 0.0]]), labels))
    assert np.allclose(each, [softplus(3.0), softplus(-3.0)], rtol=1e-15, atol=0)


def test_listmle_has_the_right_gradient_where_scores_are_equal(backend):
    found = gradient(backend, ls.listmle, np.zeros((1, 3)), np.asarray([[2, 1, 0]]))
    assert np.allclose(found, [[1 / 3 - 1, 1 / 3 + 1 / 2 - 1, 1 / 3 + 1 / 2]], rtol=1e-15, atol=1e-16)


def test_a_sure_and_right_order_keeps_the_digits_of_its_small_loss(array, plain):
    scores = array([[80.0, 40.0, 0.0]])
    small = math.exp(-40)
    for loss, labels, exact in (
        (ls.pairwise_logistic, [[2, 1, 0]], 2 * small),
        (ls.listmle, [[2, 1, 0]], 2 * small),
        (ls.listwise_softmax, [[1.0, 0.0, 0.0]], small),
    ):
        assert math.isclose(float(plain(loss(scores, array(labels)))), exact, rel_tol=1e-15)


def test_the_order_of_the_items_does_not_matter_without_ties(draw):
    order = [2, 0, 3, 1]
    labels = np.asarray([[3.0, 1.0, 0.0, 2.0]] * 5)
    for loss in LISTS:
        scores = draw(loss, 5)["scores"]
        moved = loss.per_example(scores[:, order], labels[:, order])
        assert np.allclose(moved, loss.per_example(scores, labels), rtol=1e-13, atol=0)


def test_a_mean_over_pairs_is_a_sum_over_their_number(array, plain):
    scores, labels = array([[0.5, 3.0, 0.5], [1.0, 0.0, 0.0]]), array([[2, 0, 1], [1, 0, 0]])
    value = ls.pairwise_hinge(scores, labels, reduction=ls.Mean(over=5))
    assert math.isclose(float(plain(value)), (3.5 + 3.5 + 1.0) / 5, rel_tol=1e-15)


@pytest.mark.parametrize("loss", [*LISTS, ls.bpr], ids=lambda loss: loss.contract.name)
def test_it_is_convex_in_the_scores(loss, draw):
    inputs, other = draw(loss, 40, seed=1), draw(loss, 40, seed=2)
    name = loss.contract.inputs[0].name
    for scale in (1.0, 30.0):
        a, b = scale * inputs[name], scale * other[name]
        low, high, middle = (loss.per_example(**{**inputs, name: x}) for x in (a, b, (a + b) / 2))
        assert np.all(middle <= (low + high) / 2 + 1e-12 * scale)
        assert np.any(middle < (low + high) / 2 - 1e-3)


@pytest.mark.parametrize("gap", [-1e4, -2.0, 0.0, 30.0, 60.0])
def test_bpr_is_the_logistic_loss_of_a_gap(gap, backend):
    positive, negative = np.asarray([gap + 1.0]), np.asarray([1.0])
    exact = -gap if gap < -700 else softplus(-gap)
    value = float(backend.to_numpy(ls.bpr(backend.from_numpy(positive), backend.from_numpy(negative))))
    assert math.isclose(value, exact, rel_tol=1e-15)
    slope = -1.0 if gap < -700 else -sigmoid(-gap)
    assert np.allclose(gradient(backend, ls.bpr, positive, negative), [slope], rtol=1e-15, atol=0)


REFUSED = {
    "scores of another shape": (
        lambda a: ls.listmle(a([[1.0, 2.0]]), a([[1, 2, 3]])),
        ContractError,
        r"listmle: `labels` has shape \(1, 3\)",
    ),
    "integer scores": (
        lambda a: ls.pairwise_hinge(a([[1, 2]]), a([[1, 2]])),
        DTypeError,
        "`scores` has a dtype of kind 'integral'",
    ),
    "weights of items in integers": (
        lambda a: ls.listwise_softmax(a([[1.0, 2.0]]), a([[1, 2]])),
        DTypeError,
        "`labels` has a dtype of kind 'integral'",
    ),
    "a single score": (lambda a: ls.pairwise_logistic(a(1.0), a(1)), ContractError, "pairwise_logistic: `scores`"),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(call, error, words, array):
    with pytest.raises(error, match=words):
        call(array)


@pytest.mark.parametrize("loss", LISTS[:-1], ids=lambda loss: loss.contract.name)
def test_a_label_below_zero_is_found(loss, array):
    with ls.checking("values"), pytest.raises(ContractError, match=r"`labels` holds -1\.0 at index \(0, 1\)"):
        loss(array([[1.0, 2.0]]), array([[1.0, -1.0]]))


def test_names_of_other_libraries():
    assert ls.get("ranking_softmax_loss") is ls.get("softmax_loss") is ls.listwise_softmax
    assert ls.get("listmle_loss") is ls.listmle
    assert ls.get("ranknet") is ls.pairwise_logistic
    assert ls.get("BPR") is ls.bpr


def test_unique_softmax_is_the_sum_of_the_softmaxes_of_each_item_and_the_less_relevant(array, plain):
    scores, labels = [1.0, -2.0, 0.5, 3.0], [2.0, 1.0, 1.0, 0.0]
    first = -3 * (1.0 - math.log(math.exp(1.0) + math.exp(-2.0) + math.exp(0.5) + math.exp(3.0)))
    rest = math.log1p(math.exp(3.0 + 2.0)) + math.log1p(math.exp(3.0 - 0.5))
    assert math.isclose(float(plain(ls.unique_softmax(array([scores]), array([labels])))), first + rest, rel_tol=1e-14)


def test_pairwise_mse_is_the_variance_of_the_errors(array, plain):
    errors = np.asarray([1.5, -2.0, 0.25, 3.0])
    value = float(plain(ls.pairwise_mse(array([errors]), array([np.zeros(4)]))))
    assert math.isclose(value, 2 * 16 * np.var(errors), rel_tol=1e-14)


def test_an_item_without_a_rival_adds_nothing_to_the_unique_softmax_however_large_its_gain(array, plain):
    def value(labels):
        with np.errstate(over="ignore"):
            return float(plain(ls.unique_softmax(array([[0.5, 1.0, 2.0]], "float32"), array([labels], "float32"))))

    assert value([200.0, 200.0, 200.0]) == 0
    assert value([200.0, 200.0, 0.0]) == inf


METRICS = [
    ls.lambda_rank,
    ls.lambda_rank.configured(weighting="ndcg_loss2"),
    ls.approx_ndcg,
    ls.neural_ndcg,
    ls.neural_ndcg.configured(iterations=0, cutoff=2, gain="linear"),
]


@pytest.mark.parametrize("loss", METRICS)
def test_an_item_out_of_its_list_has_no_place_in_the_metric(loss, backend):
    scores, labels, rest = np.asarray([[0.5, -inf, 3.0, -1.0]]), np.asarray([[1.0, 9.0, 0.0, 2.0]]), [0, 2, 3]
    of_all, of_rest = (gradient(backend, loss, s, y) for s, y in ((scores, labels), (scores[:, rest], labels[:, rest])))
    assert of_all[0, 1] == 0
    assert np.allclose(of_all[:, rest], of_rest, rtol=1e-14, atol=0)
    for nothing in (np.zeros((1, 0)), np.full((1, 2), -inf)):
        assert not gradient(backend, loss, nothing, np.ones_like(nothing)).any()
        assert float(backend.to_numpy(loss(*map(backend.from_numpy, (nothing, np.ones_like(nothing)))))) == 0


def test_nothing_relevant_has_no_loss(array, plain):
    for loss in METRICS:
        assert float(plain(loss(array([[1.0, 2.0]]), array([[0.0, 0.0]])))) == 0


def test_the_weights_of_pairs_by_hand(array, plain):
    """Ranks 1, 2, 3 for the grades 0, 1, 2: gains 0, 1, 3 over the ideal 3 + 1 / log2(3)."""
    scores, labels, d = array([[3.0, 2.0, 0.0]]), array([[0.0, 1.0, 2.0]]), [1.0, 1 / math.log2(3), 0.5]
    gaps = {(1, 0): (1, 1.0, d[0] - d[1]), (2, 0): (3, 3.0, d[0] - d[2]), (2, 1): (2, 2.0, d[1] - d[2])}
    for weighting, steps in (("lambdarank", None), ("ndcg_loss2", [d[0] - d[1], d[1] - d[2], d[0] - d[1]])):
        swaps = steps or [swap for _, _, swap in gaps.values()]
        total = sum(g * w * softplus(s) for (g, s, _), w in zip(gaps.values(), swaps, strict=True))
        value = plain(ls.lambda_rank(scores, labels, weighting=weighting))
        assert math.isclose(float(value), total / (3 + d[1]), rel_tol=1e-14)


def test_smooth_ranks_by_hand_and_without_temperature(array, plain):
    """Grades 0, 1, 2 in the places 1, 2, 3: gains 1 and 3 over the ideal 3 + 1 / log2(3)."""
    scores, labels = array([[3.0, 2.0, 0.0]]), array([[0.0, 1.0, 2.0]])
    second = 1 + sigmoid(1.0) + sigmoid(-2.0)
    third = 1 + sigmoid(3.0) + sigmoid(2.0)
    wanted = (1 / math.log2(1 + second) + 3 / math.log2(1 + third)) / (3 + 1 / math.log2(3))
    assert math.isclose(float(plain(ls.approx_ndcg(scores, labels))), -wanted, rel_tol=1e-14)
    ndcg = (1 / math.log2(3) + 3 / 2) / (3 + 1 / math.log2(3))
    assert math.isclose(float(plain(ls.approx_ndcg(scores, labels, temperature=1e-3))), -ndcg, rel_tol=1e-14)
    perfect = ls.approx_ndcg(scores, array([[2.0, 1.0, 0.0]]), temperature=1e-3)
    assert math.isclose(float(plain(perfect)), -1, rel_tol=1e-14)


def test_padding_has_finite_derivatives_in_scores_and_labels(backend):
    scores, labels = np.asarray([[0.5, -inf, 3.0]]), np.asarray([[1.0, inf, 2.0]])
    for name in ("scores", "labels"):
        assert np.all(np.isfinite(gradient(backend, ls.approx_ndcg, scores, labels, wrt=name)))


def test_two_items_are_sorted_by_one_sigmoid_whatever_the_iterations(array, plain):
    scores, labels = array([[0.25, -0.5]]), array([[1.0, 0.0]])
    first = sigmoid(0.75 / 0.5)
    for iterations, cutoff, wanted in ((0, None, first + (1 - first) / math.log2(3)), (3, None, None), (50, 1, first)):
        value = plain(ls.neural_ndcg(scores, labels, temperature=0.5, iterations=iterations, cutoff=cutoff))
        wanted = first + (1 - first) / math.log2(3) if wanted is None else wanted
        assert math.isclose(float(value), -wanted, rel_tol=1e-14)


@pytest.mark.parametrize("iterations", [0, 1, 7])
@pytest.mark.parametrize(("gain", "cutoff"), [("exponential", None), ("linear", 2)])
def test_places_are_shared_by_the_matrix_of_the_paper(array, plain, iterations, gain, cutoff):
    scores, labels, n = np.asarray([0.3, -1.1, 0.9, 0.3, 2.0]), np.asarray([1.0, 0.0, 2.0, 3.0, 0.0]), 5
    apart = np.abs(scores[:, None] - scores).sum(0)
    shares = np.exp(((n + 1 - 2 * np.arange(1, n + 1))[:, None] * scores - apart) / 1.7)
    shares = shares / shares.sum(1, keepdims=True)
    for _ in range(iterations):
        shares = shares / shares.sum(0)
        shares = shares / shares.sum(1, keepdims=True)
    gains = labels if gain == "linear" else 2**labels - 1
    discounts = (1 / np.log2(np.arange(2.0, n + 2)))[:cutoff]
    wanted = -(discounts @ (shares @ gains)[:cutoff]) / (discounts @ np.sort(gains)[::-1][:cutoff])
    options = {"temperature": 1.7, "iterations": iterations, "gain": gain, "cutoff": cutoff}
    assert math.isclose(float(plain(ls.neural_ndcg(array(scores[None]), array(labels[None]), **options))), wanted)


def test_without_temperature_it_is_the_metric_and_pulls_nowhere(backend):
    scores, labels = np.asarray([[3.0, 2.0, 0.0]]), np.asarray([[0.0, 1.0, 2.0]])
    ndcg = (1 / math.log2(3) + 3 / 2) / (3 + 1 / math.log2(3))
    cold = ls.neural_ndcg.configured(temperature=1e-4)
    assert math.isclose(float(backend.to_numpy(cold(*map(backend.from_numpy, (scores, labels))))), -ndcg, rel_tol=1e-14)
    assert not gradient(backend, cold, scores, labels).any()


def test_items_that_are_equal_are_pulled_alike(backend):
    found = gradient(backend, ls.neural_ndcg, np.zeros((1, 4)), np.asarray([[0.0, 2.0, 0.0, 2.0]]))[0]
    assert found[1] == pytest.approx(found[3], rel=1e-12)
    assert found[0] == pytest.approx(found[2], rel=1e-12)
    assert found[1] < 0 < found[0]


def test_iterations_below_zero_are_refused():
    with pytest.raises(ls.ContractError, match="`iterations` is -1"):
        ls.neural_ndcg(np.zeros((1, 2)), np.zeros((1, 2)), iterations=-1)
