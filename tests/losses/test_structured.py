"""Losses over candidates: values by hand, what is ruled out, digits at large scores, convexity and bounds."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossspec as ls
from lossspec import numerics
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan
WITH_LABELS = [ls.structured_hinge, ls.softmax_margin]
WITHOUT = [ls.risk, ls.ramp, ls.soft_ramp, ls.infinite_ramp]
ALL = [*WITH_LABELS, *WITHOUT]
each = pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.contract.name)
RAMPS = {variant: ls.ramp.configured(variant=variant) for variant in (1, 2, 3)}
SOFT = {variant: ls.soft_ramp.configured(variant=variant) for variant in (1, 2, 3)}


def inputs_of(loss, scores, costs, labels=None):
    """Its inputs by name; the first of the cheapest candidates is the gold one unless told."""
    scores, costs = np.asarray(scores, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    given = {"scores": scores, "costs": costs}
    if loss in WITH_LABELS:
        given["labels"] = np.argmin(costs, axis=-1) if labels is None else np.asarray(labels)
    return given


def value(loss, scores, costs, labels=None):
    """The loss of one example on NumPy."""
    return float(loss(**inputs_of(loss, [scores], [costs], None if labels is None else [labels])))


def on(backend, loss, scores, costs, labels=None, wrt="scores"):
    """The losses of examples and the gradient of their sum, in NumPy."""
    inputs = {name: backend.from_numpy(x) for name, x in inputs_of(loss, scores, costs, labels).items()}
    each = backend.to_numpy(loss.per_example(**inputs))
    return each, backend.to_numpy(loss.grad(**inputs, wrt=wrt, reduction="sum"))


def softmax(x):
    powers = [math.exp(v) for v in x]
    return [power / math.fsum(powers) for power in powers]


S, C = [1.0, 2.5, 0.0, 2.0], [0.0, 1.0, 4.0, 0.5]
LSE = [math.log(math.fsum(math.exp(s + sign * c) for s, c in zip(S, C, strict=True))) for sign in (1, 0, -1)]
WANTED = {
    "structured hinge": (ls.structured_hinge, 4.0 - 1.0),
    "softmax margin": (ls.softmax_margin, LSE[0] - 1.0),
    "risk": (ls.risk, math.fsum(p * c for p, c in zip(softmax(S), C, strict=True))),
    "fear against the model": (RAMPS[1], 4.0 - 2.5),
    "the model against hope": (RAMPS[2], 2.5 - 1.5),
    "fear against hope": (RAMPS[3], 4.0 - 1.5),
    "soft fear against the model": (SOFT[1], LSE[0] - LSE[1]),
    "the model against soft hope": (SOFT[2], LSE[1] - LSE[2]),
    "soft fear against soft hope": (SOFT[3], LSE[0] - LSE[2]),
    "infinite ramp": (ls.infinite_ramp, 4.0 - 1.0),
}


@pytest.mark.parametrize(("loss", "wanted"), WANTED.values(), ids=WANTED)
def test_values(loss, wanted, backend):
    each, _ = on(backend, loss, [S, S], [C, C])
    assert np.allclose(each, wanted, rtol=1e-14, atol=0)


def test_a_gold_candidate_with_a_cost_keeps_it_in_the_loss(array, plain):
    scores, costs, labels = array([[1.0, 0.0]]), array([[2.0, 0.0]]), array([0])
    assert plain(ls.structured_hinge(scores, labels, costs)) == 2.0
    wanted = math.log(math.exp(3.0) + 1.0) - 1.0
    assert math.isclose(float(plain(ls.softmax_margin(scores, labels, costs))), wanted, rel_tol=1e-14)


GRADIENTS = {
    "structured hinge": (ls.structured_hinge, [-1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
    "fear against the model": (RAMPS[1], [0.0, -1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
    "the model against hope": (RAMPS[2], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]),
    "fear against hope": (RAMPS[3], [0.0, -1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]),
    "infinite ramp": (ls.infinite_ramp, [-1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
}


@pytest.mark.parametrize(("loss", "in_scores", "in_costs"), GRADIENTS.values(), ids=GRADIENTS)
def test_the_gradient_is_at_the_candidates_of_the_maxima_and_the_first_of_the_tied(loss, in_scores, in_costs, backend):
    """The second and the fourth candidate have the same score less cost."""
    assert on(backend, loss, [S], [C])[1].tolist() == [in_scores]
    assert on(backend, loss, [S], [C], wrt="costs")[1].tolist() == [in_costs]


@pytest.mark.parametrize("loss", [ls.structured_hinge, *RAMPS.values(), ls.infinite_ramp], ids=str)
def test_of_tied_candidates_the_first_has_the_gradient(loss, backend):
    tied = [[0.0, 0.0, 0.0]]
    assert on(backend, loss, tied, [[1.0, 1.0, 1.0]])[1].tolist() == [[0.0, 0.0, 0.0]]
    assert on(backend, loss, tied, [[0.0, 0.0, 0.0]], wrt="costs")[1][0, 1:].tolist() == [0.0, 0.0]


def test_hope_is_the_best_of_the_cheapest_that_are_possible(backend):
    scores = [[0.0, 1.0, 2.0, 3.0], [-inf, 1.0, 2.0, 3.0], [-inf, 1.0, -inf, 3.0]]
    costs = [[0.0, 0.5, 0.0, 1.0], [0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0]]
    found, gradient = on(backend, ls.infinite_ramp, scores, costs)
    assert found.tolist() == [4.0 - 2.0, 4.0 - 2.0, 4.0 - 1.0]
    assert gradient.tolist() == [[0.0, 0.0, -1.0, 1.0], [0.0, 0.0, -1.0, 1.0], [0.0, -1.0, 0.0, 1.0]]


@each
def test_a_candidate_that_is_ruled_out_is_as_none(loss, backend):
    full, gradient = on(backend, loss, [[1.0, -inf, 0.25, -inf]], [[0.0, 3.0, 1.0, 1e4]])
    alone, rest = on(backend, loss, [[1.0, 0.25]], [[0.0, 1.0]])
    assert np.allclose(full, alone, rtol=1e-15, atol=0)
    assert gradient[0, [1, 3]].tolist() == [0.0, 0.0]
    assert np.allclose(gradient[0, [0, 2]], rest[0], rtol=1e-15, atol=0)
    assert np.all(np.isfinite(on(backend, loss, [[1.0, -inf, 0.25, -inf]], [[0.0, 3.0, 1.0, 1e4]], wrt="costs")[1]))


@each
def test_where_all_are_ruled_out_it_is_infinite_without_gradient(loss, backend):
    scores, costs = [[-inf, -inf], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]
    found, gradient = on(backend, loss, scores, costs)
    assert found[0] == inf
    assert np.isfinite(found[1])
    assert gradient[0].tolist() == [0.0, 0.0]
    assert on(backend, loss, scores, costs, wrt="costs")[1][0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("loss", [*WITH_LABELS, ls.cross_entropy, ls.multiclass_perceptron], ids=str)
def test_a_gold_candidate_that_is_ruled_out_costs_infinity(loss, backend):
    scores, costs, labels = np.asarray([[-inf, 0.0, 1.0]]), np.asarray([[0.0, 1.0, 2.0]]), np.asarray([0])
    given = (scores, labels, costs)[: len(loss.contract.inputs)]
    assert backend.to_numpy(loss(*map(backend.from_numpy, given))) == inf


@pytest.mark.parametrize("loss", WITH_LABELS, ids=lambda loss: loss.contract.name)
def test_a_gold_candidate_that_is_ruled_out_has_no_gradient(loss, backend):
    for wrt in ("scores", "costs"):
        gradient = on(backend, loss, [[-inf, 0.0, 1.0]], [[0.0, 1.0, 2.0]], wrt=wrt)[1]
        assert gradient.tolist() == [[0.0, 0.0, 0.0]]


@each
def test_a_set_of_one_candidate_and_an_empty_batch(loss, backend):
    found, gradient = on(backend, loss, [[-7.0]], [[1.5]])
    assert math.isclose(float(found[0]), 1.5, rel_tol=1e-15)
    assert gradient.tolist() == [[0.0]]
    found, gradient = on(backend, loss, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert found.shape == (0,)
    assert gradient.shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shift", [0.0, 2.0**13, -(2.0**13)])
def test_large_scores_leave_nothing_in_the_costs(dtype, shift, backend):
    """The best candidate is far ahead and costs 2^-12, which a score of 2^13 swallows in float32."""
    tiny = 2.0**-12
    scores = np.asarray([[50.0 + shift, shift]], dtype=dtype)
    costs = np.asarray([[tiny, 0.5]], dtype=dtype)
    given = {"scores": backend.from_numpy(scores), "costs": backend.from_numpy(costs)}
    for variant in (1, 2):
        assert backend.to_numpy(ls.ramp(**given, variant=variant)) == tiny
    assert backend.to_numpy(ls.ramp(**given, variant=3)) == 2 * tiny
    assert backend.to_numpy(ls.structured_hinge(**given, labels=backend.from_numpy(np.asarray([0])))) == tiny
    for loss, wanted in ((SOFT[1], tiny), (SOFT[2], tiny), (SOFT[3], 2 * tiny), (ls.risk, tiny)):
        assert math.isclose(float(backend.to_numpy(loss(**given))), wanted, rel_tol=4 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("cost", [1e-12, 1e-3, 0.2, 2.0, 50.0, 1e4])
def test_the_third_soft_ramp_of_two_candidates_has_its_digits(cost, backend):
    """Equal scores and the costs 0 and c: log((1 + exp(c)) / (1 + exp(-c))), which is c."""
    found, gradient = on(backend, SOFT[3], [[3.0, 3.0]], [[0.0, cost]])
    assert math.isclose(float(found[0]), cost, rel_tol=1e-15)
    slope = math.tanh(cost / 2)
    assert np.allclose(gradient, [[-slope, slope]], rtol=1e-14, atol=0)
    assert np.allclose(on(backend, SOFT[3], [[3.0, 3.0]], [[0.0, cost]], wrt="costs")[1], 1.0, rtol=1e-14, atol=0)


@pytest.mark.parametrize("cost", [1e-12, 1e-3, 0.2, 2.0, 50.0, 1e4])
def test_the_first_and_the_second_soft_ramp_of_two_candidates_have_their_digits(cost, backend):
    """Equal scores and the costs 0 and c: c / 2 + log(cosh(c / 2)) and c / 2 - log(cosh(c / 2))."""
    scores, costs = [[3.0, 3.0]], [[0.0, cost]]
    with mpmath.workdps(60):
        half = mpmath.mpf(cost) / 2
        curve, slope = mpmath.log(mpmath.cosh(half)), mpmath.tanh(half) / 2
        wanted = {1: (half + curve, 0.5 - slope, 0.5 + slope), 2: (half - curve, 0.5 + slope, 0.5 - slope)}
    for variant, exact in wanted.items():
        result, *in_costs = map(float, exact)
        found, gradient = on(backend, SOFT[variant], scores, costs)
        assert math.isclose(float(found[0]), result, rel_tol=1e-15)
        assert np.allclose(gradient, [[-float(slope), float(slope)]], rtol=1e-14, atol=0)
        found = on(backend, SOFT[variant], scores, costs, wrt="costs")[1]
        assert np.allclose(found, [in_costs], rtol=1e-14, atol=1e-300)


def test_the_soft_ramps_of_three_candidates():
    """By exponentials in 50 digits."""
    scores, costs = [0.3, 1.2, -0.5], [0.0, 1.0, 2.0]
    with mpmath.workdps(50):
        fear, model, hope = (
            mpmath.log(
                mpmath.fsum(mpmath.exp(mpmath.mpf(s) + k * mpmath.mpf(c)) for s, c in zip(scores, costs, strict=True))
            )
            for k in (1, 0, -1)
        )
        wanted = {1: fear - model, 2: model - hope, 3: fear - hope}
    assert round(float(wanted[1]), 5) == 1.03518
    assert round(float(wanted[3]), 5) == 1.72262
    assert value(ls.soft_ramp, scores, costs) == value(SOFT[1], scores, costs)
    for variant, exact in wanted.items():
        assert math.isclose(value(SOFT[variant], scores, costs), float(exact), rel_tol=1e-15)


def test_small_losses_of_the_sure_and_right_have_their_digits(backend):
    ratio = math.exp(-40.0)
    scores, costs = [[40.0, 0.0]], [[0.0, 2.0]]
    for loss, wanted in (
        (ls.softmax_margin, math.log1p(ratio * math.exp(2.0))),
        (ls.risk, 2.0 * ratio / (1 + ratio)),
        (SOFT[1], ratio * math.expm1(2.0)),
        (SOFT[2], -ratio * math.expm1(-2.0)),
        (SOFT[3], 2 * ratio * math.sinh(2.0)),
    ):
        found, gradient = on(backend, loss, scores, costs)
        assert math.isclose(float(found[0]), wanted, rel_tol=1e-14)
        assert np.allclose(gradient[0], [-wanted, wanted], rtol=1e-13, atol=0)


# What the docstrings claim: convex or not, an upper bound of the cost of what is predicted or not.

DECLARED = {loss.contract.name: loss.contract.convex_in for loss in ALL}


def test_what_is_declared_convex():
    both, none = ("scores", "costs"), ()
    wanted = {"structured_hinge": both, "softmax_margin": both, "risk": ("costs",)}
    assert {**dict.fromkeys(DECLARED, none), **wanted} == DECLARED


def gap(x, loss):
    """The loss of two candidates of the costs 0 and 1, of which the second is ahead by x."""
    return value(loss, [0.0, x], [0.0, 1.0])


@pytest.mark.parametrize(
    ("loss", "low", "high"),
    [
        (ls.risk, 0.0, 10.0),
        (RAMPS[1], -0.5, 0.5),
        (RAMPS[2], 0.5, 1.5),
        (RAMPS[3], 0.5, 1.5),
        (SOFT[1], -1.0, 9.0),
        (SOFT[2], 0.0, 10.0),
        (SOFT[3], 0.0, 10.0),
    ],
    ids=["risk", "ramp 1", "ramp 2", "ramp 3", "soft_ramp 1", "soft_ramp 2", "soft_ramp 3"],
)
def test_it_is_not_convex_in_the_scores(loss, low, high):
    assert gap((low + high) / 2, loss) > (gap(low, loss) + gap(high, loss)) / 2 + 0.1


def test_the_infinite_ramp_is_not_convex_where_two_candidates_are_cheapest():
    """max(a, b, 0) - max(a, b) for scores a, b of the two, and a third of cost 1 and score -1."""
    ends = [value(ls.infinite_ramp, [a, b, -1.0], [0.0, 0.0, 1.0]) for a, b in ((-2.0, 0.0), (0.0, -2.0))]
    assert ends == [0.0, 0.0]
    assert value(ls.infinite_ramp, [-1.0, -1.0, -1.0], [0.0, 0.0, 1.0]) == 1.0


@pytest.mark.parametrize(
    ("loss", "scores", "costs"),
    [
        (ls.risk, [1.0, 0.0], [1.0, 0.0]),
        (RAMPS[2], [0.0, 0.5], [0.0, 1.0]),
        (SOFT[1], [0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
        (SOFT[2], [0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
        (SOFT[3], [0.5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
        (ls.cross_entropy, [0.0, 0.5], [0.0, 2.0]),
        (ls.multiclass_perceptron, [0.0, 0.5], [0.0, 2.0]),
    ],
    ids=["risk", "ramp 2", "soft 1", "soft 2", "soft 3", "cross_entropy", "multiclass_perceptron"],
)
def test_it_is_no_bound_of_the_cost_of_what_is_predicted(loss, scores, costs):
    if len(loss.contract.inputs) == 2 and "costs" not in {argument.name for argument in loss.contract.inputs}:
        found = float(loss(np.asarray([scores]), np.asarray([0])))
    else:
        found = value(loss, scores, costs)
    assert found < costs[int(np.argmax(scores))] - 0.1


numbers = st.floats(-40.0, 40.0, width=32)
candidates = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        st.lists(numbers | st.just(-inf), min_size=count, max_size=count),
        st.lists(st.floats(0.0, 40.0, width=32) | st.sampled_from([0.0, 1.0]), min_size=count, max_size=count),
        st.integers(0, count - 1),
    )
)
within = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize(
    "loss", [*WITH_LABELS, RAMPS[1], RAMPS[3], ls.infinite_ramp], ids=["hinge", "softmax", "ramp1", "ramp3", "infinite"]
)
@within
@given(candidates)
def test_it_is_at_least_the_cost_of_what_is_predicted(loss, drawn):
    scores, costs, label = drawn
    assert value(loss, scores, costs, label) >= costs[int(np.argmax(scores))] - 1e-12


@within
@given(candidates)
def test_the_order_of_the_losses(drawn):
    scores, costs, label = drawn
    best = int(np.argmax(scores))
    if scores[best] == -inf:
        return
    first, second, third = (value(RAMPS[variant], scores, costs) for variant in (1, 2, 3))
    hinge, smooth = (value(loss, scores, costs, label) for loss in WITH_LABELS)
    likelihood = float(ls.cross_entropy(np.asarray([scores]), np.asarray([label])))
    possible = [c for s, c in zip(scores, costs, strict=True) if s != -inf]
    slack = 1e-12
    assert 0 <= second <= costs[best] + slack
    assert abs(first + second - third) <= slack
    assert hinge <= smooth + slack
    assert likelihood <= smooth + slack
    risk = value(ls.risk, scores, costs)
    soft = {variant: value(loss, scores, costs) for variant, loss in SOFT.items()}
    assert min(possible) - slack <= soft[2] <= risk + slack
    assert risk - slack <= soft[1] <= max(possible) + slack
    assert abs(soft[1] + soft[2] - soft[3]) <= 100 * slack
    free = [0.0 if k == label else c for k, c in enumerate(costs)]
    assert value(RAMPS[3], scores, free) <= value(ls.structured_hinge, scores, free, label) + slack
    if sum(c == min(possible) for c in possible) == 1 and scores[costs.index(min(possible))] != -inf:
        gold = costs.index(min(possible))
        assert value(ls.infinite_ramp, scores, costs) == value(ls.structured_hinge, scores, costs, gold)


def test_the_infinite_ramp_is_the_limit_of_ramps_with_ever_larger_costs_of_hope():
    scores, costs, a = [1.0, 2.5, 0.5, 4.0], [0.25, 1.0, 0.25, 0.5], 1e6
    fear = max(s + c for s, c in zip(scores, costs, strict=True))
    hope = max(s - a * c for s, c in zip(scores, costs, strict=True)) + a * min(costs)
    assert math.isclose(value(ls.infinite_ramp, scores, costs), fear - hope, rel_tol=1e-9)


@pytest.mark.parametrize(("variant", "factor"), [(1, 1), (2, 1), (3, 2)])
def test_a_soft_ramp_is_the_risk_or_twice_the_risk_for_small_costs(variant, factor):
    small = [1e-9 * c for c in C]
    assert math.isclose(value(SOFT[variant], S, small), factor * value(ls.risk, S, small), rel_tol=1e-8)


def test_the_first_soft_ramp_is_convex_in_the_costs_and_the_second_concave():
    ends, middle = ([0.0, 2.0], [2.0, 0.0]), [1.0, 1.0]
    for variant, sign in ((1, 1), (2, -1)):
        mean = sum(value(SOFT[variant], [0.0, 0.5], costs) for costs in ends) / 2
        assert sign * (mean - value(SOFT[variant], [0.0, 0.5], middle)) > 0.1


# What other losses it is at special costs.


def test_without_costs_they_are_the_losses_of_a_random_field_and_of_the_perceptron(draw):
    logits, labels = draw(ls.cross_entropy, 50).values()
    none = np.zeros_like(logits)
    smooth, hard = (loss.per_example(logits, labels, none) for loss in (ls.softmax_margin, ls.structured_hinge))
    assert np.allclose(smooth, ls.cross_entropy.per_example(logits, labels), rtol=1e-14, atol=0)
    assert hard.tolist() == ls.multiclass_perceptron.per_example(logits, labels).tolist()
    for loss in (*RAMPS.values(), ls.risk, *SOFT.values()):
        assert loss.per_example(logits, none).tolist() == [0.0] * 50


def test_with_costs_of_1_for_the_wrong_ones_it_is_the_multiclass_hinge(draw):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    logits, labels = draw(ls.multiclass_hinge, 50).values()
    costs = 1.0 - np.eye(logits.shape[-1])[labels]
    found = ls.structured_hinge.per_example(logits, labels, costs)
    assert np.allclose(found, ls.multiclass_hinge.per_example(logits, labels), rtol=1e-15, atol=1e-15)
    theirs = optax.losses.multiclass_hinge_loss(jax.numpy.asarray(logits), jax.numpy.asarray(labels))
    assert np.allclose(found, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("conditional_log_likelihood", ls.cross_entropy),
        ("structured_perceptron", ls.multiclass_perceptron),
        ("expected_cost", ls.risk),
        ("minimum_risk", ls.risk),
        ("structured_ramp", ls.ramp),
        ("jensen_risk_bound", ls.soft_ramp),
    ],
)
def test_names(name, loss):
    assert ls.get(name) is loss


# Bad input.


@each
def test_labels_out_of_range_and_negative_costs(loss, array, plain):
    scores, costs = array([[0.0, 1.0], [0.0, 1.0]]), array([[0.0, 1.0], [0.0, -0.5]])
    labels = {"labels": array([0, 1])} if loss in WITH_LABELS else {}
    with ls.checking("values"), pytest.raises(ContractError, match=r"`costs` holds -0\.5 at index \(1, 1\)"):
        loss(scores=scores, costs=costs, **labels)
    if labels:
        for bad in (2, -1):
            found = plain(loss.per_example(scores, array([0, bad]), array([[0.0, 1.0]] * 2)))
            assert np.isnan(found).tolist() == [False, True]


REFUSED = {
    "costs of another shape": (lambda a: ls.risk(a([[0.0, 1.0]]), a([[0.0, 1.0, 2.0]])), ContractError, "`costs`"),
    "costs of one example for all": (
        lambda a: ls.ramp(a([[0.0, 1.0]] * 2), a([[0.0, 1.0]])),
        ContractError,
        r"`costs` has shape \(1, 2\)",
    ),
    "costs for examples": (
        lambda a: ls.structured_hinge(a([[0.0, 1.0]]), a([0]), a([1.0])),
        ContractError,
        r"`costs` has shape \(1,\)",
    ),
    "no candidates": (
        lambda a: ls.ramp(a([[], []], "float64"), a([[], []], "float64")),
        ContractError,
        "ramp: the axis `classes` of `scores` has size 0",
    ),
    "no candidates for a label": (
        lambda a: ls.structured_hinge(a([[], []], "float64"), a([0, 0]), a([[], []], "float64")),
        ContractError,
        "structured_hinge: the axis `classes` of `scores` has size 0",
    ),
    "labels as distributions": (
        lambda a: ls.softmax_margin(a([[0.0, 1.0]]), a([[0.0, 1.0]]), a([[0.0, 1.0]])),
        DTypeError,
        "`labels`",
    ),
    "integer costs": (lambda a: ls.soft_ramp(a([[0.0, 1.0]]), a([[0, 1]])), DTypeError, "`costs` has a dtype of kind"),
    "a fourth ramp": (
        lambda a: ls.ramp(a([[0.0, 1.0]]), a([[0.0, 1.0]]), variant=4),
        ContractError,
        r"`variant` is 4; it must be one of \[1, 2, 3\]",
    ),
    "a class weight without labels": (
        lambda a: ls.risk(a([[0.0, 1.0]]), a([[0.0, 1.0]]), class_weight=a([1.0, 1.0])),
        ContractError,
        "takes no argument `class_weight`",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(call, error, words, array):
    with pytest.raises(error, match=words):
        call(array)


# The expected number of errors over a list.


def test_mwer_is_the_risk_less_the_mean_of_the_list(backend):
    random = np.random.default_rng(2)
    scores, costs = (backend.from_numpy(x) for x in (random.normal(size=(3, 5)), random.integers(0, 9, (3, 5)) / 1.0))
    (value, of_scores), (risk, of_risk) = (f.value_and_grad(scores, costs, reduction="sum") for f in (ls.mwer, ls.risk))
    mean = float(np.sum(np.mean(backend.to_numpy(costs), axis=-1)))
    assert math.isclose(float(value), float(risk) - mean, rel_tol=1e-13)
    assert np.allclose(backend.to_numpy(of_scores), backend.to_numpy(of_risk), rtol=1e-13, atol=1e-15)


def test_mwer_of_nearly_equal_scores_keeps_its_digits(array, plain):
    """The second-order term of the softmax is symmetric: l = gap * (c_0 - c_1) / 4 but for the third power."""
    gap = 2.0**-40
    assert plain(ls.mwer(array([[gap, 0.0]]), array([[7.0, 2.0]]))) == gap * 5 / 4
    assert plain(ls.mwer(array([[0.0, 0.0, 0.0]]), array([[0.1, 0.2, 0.7]]))) == 0


def test_a_shorter_list_of_hypotheses_is_that_list(array, plain):
    scores, costs = array([[1.0, -inf, 0.5], [-inf, -inf, -inf]]), array([[3.0, 9.0, 1.0], [1.0, 1.0, 1.0]])
    values, gradient = plain(ls.mwer.per_example(scores, costs)), plain(ls.mwer.grad(scores, costs, reduction="sum"))
    assert math.isclose(values[0], float(ls.mwer(np.asarray([[1.0, 0.5]]), np.asarray([[3.0, 1.0]]))), rel_tol=1e-14)
    assert values[1] == inf
    assert gradient[0, 1] == 0
    assert not gradient[1].any()


# The primitives on rows that have nothing.


def test_logsumexp_of_nothing_is_minus_infinity(backend):
    x = backend.from_numpy(np.asarray([[-inf, -inf], [0.0, -inf], [1e4, 1e4]]))
    found = backend.to_numpy(numerics.logsumexp(x))
    assert found.tolist() == [-inf, 0.0, 1e4 + math.log(2.0)]


def test_softmax_mean_and_log_ratio_of_sums_leave_out_what_is_ruled_out(backend):
    x, y = (backend.from_numpy(np.asarray(rows)) for rows in ([[0.0, -inf, 0.0]], [[1.0, 7.0, 3.0]]))
    assert backend.to_numpy(numerics.softmax_mean(x, y)).tolist() == [2.0]
    wanted = math.log((math.e + math.exp(3)) / (math.exp(-1) + math.exp(-3)))
    assert math.isclose(float(backend.to_numpy(numerics.log_ratio_of_sums(x, y))[0]), wanted, rel_tol=1e-15)
