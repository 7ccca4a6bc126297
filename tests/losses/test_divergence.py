"""Divergences against closed forms: values, digits of small ones, zeros, declared derivatives, limits, bounds."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan
DTYPES = [np.float32, np.float64]
P, Q = np.asarray([[0.75, 0.25]]), np.asarray([[0.5, 0.5]])


def logs(*rows):
    """The logarithms of probabilities, -inf of 0."""
    return np.asarray([[math.log(x) if x else -inf for x in row] for row in rows])


def value_and_gradients(backend, loss, *inputs, **options):
    """The loss and its gradient in every input, as NumPy arrays."""
    names = tuple(argument.name for argument in loss.contract.inputs)
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=names, **options)
    return float(backend.to_numpy(value)), [backend.to_numpy(gradient) for gradient in found]


def value(backend, loss, *inputs, **options):
    return float(backend.to_numpy(loss(*map(backend.from_numpy, inputs), **options)))


def close(got, wanted, dtype=np.float64, ulps=4):
    return np.all(np.abs(np.asarray(got) - wanted) <= ulps * np.finfo(dtype).eps * np.abs(wanted))


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_an_infinite_prediction_is_infinite_beside_any_target(backend):
    logs, targets = np.asarray([[1e30, 0.0]], dtype=np.float32), np.asarray([[1e30, 1.0]], dtype=np.float32)
    assert value(backend, ls.generalized_kl_divergence, logs, targets) == inf


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_numbers_that_are_all_far_out_have_the_divergence_of_their_quotient(size, backend):
    p, t = (np.asarray([x * size]) for x in (3.0, 1.0))
    got, (of_p, of_t) = value_and_gradients(backend, ls.i_divergence, p, t)
    assert close(got, (2 - math.log(3)) * size)
    assert close(of_p, 2 / 3)
    assert close(of_t, -math.log(3))


KL_PQ = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # KL(P || Q)
KL_QP = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
CLOSED = {
    "kl_divergence_with_log_targets": (logs([0.5, 0.5]), logs([0.75, 0.25]), {}, KL_PQ),
    "reverse_kl_divergence": (logs([0.5, 0.5]), logs([0.75, 0.25]), {}, KL_QP),
    "generalized_kl_divergence": (np.log([[2.0, 3.0]]), np.asarray([[1.0, 6.0]]), {}, 5 * math.log(2) - 2),
    "i_divergence": (np.asarray([2.0]), np.asarray([6.0]), {}, 6 * math.log(3) - 4),
    "jensen_shannon": (Q, np.asarray([[1.0, 0.0]]), {}, 0.75 * math.log(4 / 3)),
    "generalized_jensen_shannon": (
        logs([0.5, 0.5]),
        logs([1.0, 0.0]),
        {"beta": 0.2},
        0.2 * math.log(1 / 0.6) + 0.8 * 0.5 * math.log(0.25 / 0.24),
    ),
    "total_variation_distance": (P, Q, {}, 0.25),
    "squared_hellinger": (np.asarray([[0.36, 0.64]]), np.asarray([[1.0, 0.0]]), {}, 0.4),
    "chi_squared_divergence": (P, Q, {}, 1 / 12 + 1 / 4),
    "renyi_divergence": (logs([0.5, 0.5]), logs([0.75, 0.25]), {"order": 2.0}, math.log(1.25)),
    "policy_kl_divergence": (logs([0.5, 0.5]) + 3, logs([0.75, 0.25]) - 7, {}, KL_PQ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_divergence_has_its_closed_form(backend, name):
    first, second, options, wanted = CLOSED[name]
    assert close(value(backend, ls.get(name), first, second, **options), wanted, ulps=32)


def test_the_divergence_of_gaussians_has_its_closed_form(backend):
    means, log_variances = np.asarray([[1.0, -2.0]]), np.log([[4.0, 0.25]])
    one = 0.5 * (4 - 1 - math.log(4) + 1) + 0.5 * (0.25 - 1 - math.log(0.25) + 4)
    assert close(value(backend, ls.gaussian_kl_standard, means, log_variances), one)
    other = np.asarray([[3.0, -2.0]]), np.log([[2.0, 0.5]])
    two = 0.5 * (2 - 1 - math.log(2) + 4 / 2) + 0.5 * (0.5 - 1 + math.log(2))
    assert close(value(backend, ls.gaussian_kl, means, log_variances, *other), two)
    zero = np.zeros((1, 2))
    assert close(value(backend, ls.gaussian_kl, means, log_variances, zero, zero), one)


# Small divergences keep their digits.


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_small_i_divergence_has_every_digit(backend, dtype):
    step = 2.0**-10
    targets, predictions = np.asarray([1.0], dtype), np.asarray([1 + step], dtype)
    wanted = sum((-1) ** k * step**k / k for k in range(2, 9))  # step - log(1 + step)
    got, (gradient, _) = value_and_gradients(backend, ls.i_divergence, predictions, targets)
    assert close(got, wanted, dtype)
    assert close(gradient, step / (1 + step), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_small_generalized_divergence_has_every_digit(backend, dtype):
    step = 2.0**-10
    wanted = sum(step**k / math.factorial(k) for k in range(2, 9))  # exp(step) - 1 - step
    inputs = np.asarray([[step, 0.0]], dtype), np.ones((1, 2), dtype)
    got, (gradient, _) = value_and_gradients(backend, ls.generalized_kl_divergence, *inputs)
    assert close(got, wanted, dtype)
    assert close(gradient, [[math.expm1(step), 0.0]], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_gaussians_that_are_nearly_equal_have_every_digit(backend, dtype):
    step = 2.0**-12
    wanted = sum(step**k / math.factorial(k) for k in range(2, 9)) / 2
    zero, near = np.zeros((1, 1), dtype), np.asarray([[step]], dtype)
    got, (_, gradient) = value_and_gradients(backend, ls.gaussian_kl_standard, zero, near)
    assert close(got, wanted, dtype)
    assert close(gradient, math.expm1(step) / 2, dtype)
    assert close(value(backend, ls.gaussian_kl, zero, near, zero, zero), wanted, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_distributions_that_are_nearly_equal_have_every_digit(backend, dtype):
    step = 2.0**-10  # (1/2 + step, 1/2 - step) against (1/2, 1/2)
    near, half = np.asarray([[0.5 + step, 0.5 - step]], dtype), np.full((1, 2), 0.5, dtype)
    x = 2 * step
    assert close(value(backend, ls.total_variation_distance, near, half), step, dtype)
    assert close(value(backend, ls.chi_squared_divergence, half, near), x**2, dtype)
    hellinger = x**2 / 8 + 5 * x**4 / 128 + 21 * x**6 / 1024  # 1 - (sqrt(1 + x) + sqrt(1 - x)) / 2
    assert close(value(backend, ls.squared_hellinger, near, half), hellinger, dtype)
    u, mean = step / (1 + step), 0.5 + step / 2  # the contrast of the first class, and its mean
    v, other = step / (1 - step), 0.5 - step / 2
    shannon = sum(
        m * sum(c ** (2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 5)) for m, c in ((mean, u), (other, v))
    )
    assert close(value(backend, ls.jensen_shannon, near, half), shannon, dtype, ulps=8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_policies_that_are_nearly_equal_have_every_digit(backend, dtype):
    step = 2.0**-9  # softmax(step, -step) against (1/2, 1/2): log cosh(step) one way
    near, half = np.asarray([[step, -step]], dtype), np.zeros((1, 2), dtype)
    wanted = step**2 / 2 - step**4 / 12 + step**6 / 45
    got, (gradient, _) = value_and_gradients(backend, ls.policy_kl_divergence, near, half)
    assert close(got, wanted, dtype, ulps=8)
    assert close(gradient, [[math.tanh(step) / 2, -math.tanh(step) / 2]], dtype, ulps=8)
    reverse = step * math.tanh(step) - wanted
    assert close(value(backend, ls.policy_kl_divergence, near, half, direction="reverse"), reverse, dtype, ulps=8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_estimate_of_nearly_equal_probabilities_has_every_digit(backend, dtype):
    step = 2.0**-10
    policy, reference = np.asarray([-1 - step], dtype), np.asarray([-1.0], dtype)
    wanted = sum(step**k / math.factorial(k) for k in range(2, 9))
    got, (gradient, _) = value_and_gradients(backend, ls.policy_kl_estimate, policy, reference)
    assert close(got, wanted, dtype)
    assert close(gradient, -math.expm1(step), dtype)


def test_sure_policies_have_every_digit_of_their_gradients(backend):
    new, old = np.asarray([[30.0, 0.0]]), np.asarray([[40.0, 0.0]])
    q, p = 1 / (1 + math.exp(30)), 1 / (1 + math.exp(40))
    _, (of_new, of_old) = value_and_gradients(backend, ls.policy_kl_divergence, new, old)
    assert close(of_new, [[p - q, q - p]], ulps=16)
    slope = p * (1 - p) * 10
    assert close(of_old, [[slope, -slope]], ulps=16)


# Zeros: values and declared derivatives.


@pytest.mark.parametrize("loss", [ls.kl_divergence_with_log_targets, ls.reverse_kl_divergence])
def test_a_ruled_out_class_contributes_nothing_and_has_no_derivative(backend, loss):
    both = logs([0.0, 1.0])
    got, found = value_and_gradients(backend, loss, both, both)
    assert got == 0
    assert all(gradient[0, 0] == 0 for gradient in found)


@pytest.mark.parametrize(
    ("loss", "inputs"),
    [
        (ls.kl_divergence_with_log_targets, (logs([0.0, 1.0]), logs([0.5, 0.5]))),
        (ls.reverse_kl_divergence, (logs([0.5, 0.5]), logs([0.0, 1.0]))),
        (ls.generalized_kl_divergence, (logs([0.0, 1.0]), np.ones((1, 2)))),
        (ls.i_divergence, (np.asarray([0.0]), np.asarray([1.0]))),
        (ls.chi_squared_divergence, (np.asarray([[0.0, 1.0]]), Q)),
        (ls.policy_kl_divergence, (np.asarray([[-inf, 0.0]]), np.zeros((1, 2)))),
        (ls.renyi_divergence, (logs([0.0, 1.0]), logs([1.0, 0.0]))),
    ],
    ids=lambda x: x.contract.name if isinstance(x, ls.Loss) else "",
)
def test_an_impossible_event_that_happens_is_infinitely_far_and_its_derivatives_are_finite(backend, loss, inputs):
    got, found = value_and_gradients(backend, loss, *inputs)
    assert got == inf
    assert all(np.all(np.isfinite(gradient)) for gradient in found)


def test_a_tiny_probability_against_0_is_infinitely_far_too(backend):
    rows = np.asarray([[-1e4, 0.0]]), np.asarray([[-inf, 0.0]])
    assert value(backend, ls.reverse_kl_divergence, *rows) == inf
    assert value(backend, ls.policy_kl_divergence, *rows[::-1]) == inf


def test_a_target_of_0_leaves_the_prediction(backend):
    got, (of_prediction, of_target) = value_and_gradients(backend, ls.i_divergence, np.asarray([3.0]), np.zeros(1))
    assert (got, of_prediction[0], of_target[0]) == (3.0, 1.0, 0.0)
    got, (of_logarithm, of_target) = value_and_gradients(
        backend, ls.generalized_kl_divergence, np.asarray([[0.0, -inf]]), np.zeros((1, 2))
    )
    assert got == 1.0
    assert np.all(of_logarithm == [[1.0, 0.0]])
    assert np.all(of_target == 0)
    got, found = value_and_gradients(backend, ls.i_divergence, np.zeros(1), np.zeros(1))
    assert got == 0
    assert [gradient[0] for gradient in found] == [1.0, 0.0]


def test_the_declared_derivatives_at_probabilities_of_0(backend):
    one, two = np.asarray([[0.0, 1.0, 0.0]]), np.asarray([[0.0, 0.0, 1.0]])
    got, (first, second) = value_and_gradients(backend, ls.jensen_shannon, one, two)
    half_log = math.log(2) / 2
    assert close(got, math.log(2))
    assert close(first, [[half_log, half_log, 0.0]])
    assert close(second, [[half_log, 0.0, half_log]])
    got, (first, second) = value_and_gradients(backend, ls.squared_hellinger, one, two)
    assert got == 1.0
    assert np.all(first == [[0.5, 0.5, 0.0]])
    assert np.all(second == [[0.5, 0.0, 0.5]])
    got, (first, second) = value_and_gradients(backend, ls.chi_squared_divergence, one, one)
    assert got == 0
    assert np.all(first == [[1.0, 0.0, 1.0]])
    assert np.all(second == 0)


def test_equal_distributions_have_no_derivative_of_their_distance(backend):
    got, found = value_and_gradients(backend, ls.total_variation_distance, P, P)
    assert got == 0
    assert all(np.all(gradient == 0) for gradient in found)


def test_the_mixture_bounds_the_divergence_of_disjoint_distributions(backend):
    one, two = logs([1.0, 0.0]), logs([0.0, 1.0])
    for beta in (0.5, 0.1, 1e-9):
        got, found = value_and_gradients(backend, ls.generalized_jensen_shannon, one, two, beta=beta)
        assert close(got, -beta * math.log(beta) - (1 - beta) * math.log1p(-beta))
        assert all(np.all(np.isfinite(gradient)) for gradient in found)


# Limits and relations.


def test_the_generalized_divergence_goes_to_0_as_kl_does(backend):
    predictions, targets = logs([0.5, 0.5]), logs([0.75, 0.25])
    for beta in (1e-8, 1e-12):
        low = value(backend, ls.generalized_jensen_shannon, predictions, targets, beta=beta)
        assert abs(low / beta - KL_PQ) <= 2 * beta
    beta = 1 - 2.0**-40
    high = value(backend, ls.generalized_jensen_shannon, predictions, targets, beta=beta)
    assert abs(high / (1 - beta) - KL_QP) <= 1e-11


def test_the_order_goes_to_1_without_a_loss_of_digits(backend):
    predictions, targets = logs([0.5, 0.5]), logs([0.75, 0.25])
    variance = 0.75 * 0.25 * math.log(3) ** 2  # of log(p / q), half of it is the slope in the order
    for step in (0.0, 1e-15, 1e-10, -1e-10, 1e-6):
        got = value(backend, ls.renyi_divergence, predictions, targets, order=1 + step)
        exact = (1 + step) - 1  # as the order was rounded
        assert abs(got - (KL_PQ + exact * variance / 2)) <= 1e-15 + step**2
    order = backend.from_numpy(np.asarray(1.0))
    assert close(value(backend, ls.renyi_divergence, predictions, targets, order=order), KL_PQ)
    _, (gradient, _) = value_and_gradients(backend, ls.renyi_divergence, predictions, targets, order=1.0)
    assert close(gradient, [[-0.75, -0.25]])


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        (0.5, -2 * math.log(math.sqrt(0.375) + math.sqrt(0.125))),
        (3.0, 0.5 * math.log(4 * (0.75**3 + 0.25**3))),
        (200.0, math.log(2) + (200 * math.log(0.75) + math.log1p(3.0**-200)) / 199),
    ],
)
def test_renyi_divergences_of_other_orders(backend, order, wanted):
    got = value(backend, ls.renyi_divergence, logs([0.5, 0.5]), logs([0.75, 0.25]), order=order)
    assert close(got, wanted, ulps=32)


def test_a_class_without_prediction_is_finite_below_order_1_and_infinite_from_1_on(backend):
    predictions, targets = logs([1.0, 0.0]), logs([0.75, 0.25])
    assert close(value(backend, ls.renyi_divergence, predictions, targets, order=0.5), -math.log(0.75))
    for order in (1.0, 2.0):
        assert value(backend, ls.renyi_divergence, predictions, targets, order=order) == inf


def test_orders_and_bounds_of_divergences():
    random = np.random.default_rng(5)
    p, q = (random.dirichlet(np.full(5, 0.4), 200) for _ in range(2))
    log_p, log_q = np.log(p), np.log(q)
    kl = ls.kl_divergence_with_log_targets.per_example(log_q, log_p)
    tv, h2 = ls.total_variation_distance.per_example(q, p), ls.squared_hellinger.per_example(q, p)
    js, chi = ls.jensen_shannon.per_example(q, p), ls.chi_squared_divergence.per_example(q, p)
    slack = 1e-12
    assert np.all(2 * tv**2 <= kl + slack)  # Pinsker
    assert np.all(h2 <= tv + slack)
    assert np.all(tv <= np.sqrt(2 * h2) + slack)
    assert np.all(js <= math.log(2) * tv + slack)  # Lin
    assert np.all(np.log1p(chi) >= kl - slack)
    orders = [ls.renyi_divergence.per_example(log_q, log_p, order=order) for order in (0.2, 0.5, 1.0, 1.5, 2.0, 7.0)]
    assert np.all(np.diff(orders, axis=0) >= -slack)
    assert np.allclose(orders[1], -2 * np.log1p(-h2), rtol=1e-12)
    assert np.allclose(orders[4], np.log1p(chi), rtol=1e-12)
    assert np.allclose(ls.generalized_jensen_shannon.per_example(log_q, log_p), js, rtol=1e-12)
    assert np.allclose(ls.reverse_kl_divergence.per_example(log_p, log_q), kl, rtol=1e-12)
    assert np.allclose(ls.generalized_kl_divergence.per_example(log_q, p), kl, rtol=1e-9, atol=1e-13)
    assert np.allclose(np.sum(ls.i_divergence.per_example(q, p), axis=-1), kl, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_estimates_have_the_divergence_as_their_mean(estimator):
    policy, reference = np.log([0.7, 0.2, 0.1]), np.log([0.3, 0.3, 0.4])
    each = ls.policy_kl_estimate.per_example(policy, reference, estimator=estimator)
    exact = ls.policy_kl_divergence(reference[None], policy[None])
    assert abs(float(np.sum(np.exp(policy) * each)) - float(exact)) <= 1e-15


def test_the_expected_gradients_of_estimates_are_those_the_docstring_says():
    logits, reference = np.asarray([0.3, -0.2, 1.0]), np.log([0.3, 0.3, 0.4])
    policy = np.exp(logits) / np.sum(np.exp(logits))
    score = np.eye(3) - policy  # of each action, in the logits

    def expected(estimator):
        slopes = ls.policy_kl_estimate.grad(np.log(policy), reference, estimator=estimator, reduction="sum")
        return (policy * slopes) @ score

    given = {"logits": logits[None], "old_logits": reference[None], "wrt": "logits"}
    assert np.allclose(expected("k1"), 0, atol=1e-15)
    assert np.allclose(expected("k2"), ls.policy_kl_divergence.grad(**given, direction="reverse"), atol=1e-15)
    assert np.allclose(expected("k3"), ls.policy_kl_divergence.grad(**given), atol=1e-15)


def test_other_libraries_names_lead_here():
    assert ls.get("convex_kl_divergence") == ls.generalized_kl_divergence.configured(reduction="none")
    assert ls.get("jensen_shannon_divergence") is ls.jensen_shannon


# Bad input.

BAD = {
    "beta of 0": (lambda: ls.generalized_jensen_shannon(logs([1.0]), logs([1.0]), beta=0), ContractError, "(0, 1)"),
    "beta of 1": (lambda: ls.generalized_jensen_shannon(logs([1.0]), logs([1.0]), beta=1.0), ContractError, "(0, 1)"),
    "an order of 0": (lambda: ls.renyi_divergence(logs([1.0]), logs([1.0]), order=0.0), ContractError, "(0, inf)"),
    "an unknown estimator": (
        lambda: ls.policy_kl_estimate(np.zeros(1), np.zeros(1), estimator="k4"),
        ContractError,
        "'k4'",
    ),
    "an unknown direction": (
        lambda: ls.policy_kl_divergence(Q, Q, direction="backward"),
        ContractError,
        "'backward'",
    ),
    "other classes": (lambda: ls.jensen_shannon(Q, np.ones((1, 3)) / 3), ContractError, "classes = 2"),
    "other entries": (
        lambda: ls.gaussian_kl(Q, np.zeros((1, 3)), Q, Q),
        ContractError,
        "`log_variances` has shape (1, 3)",
    ),
    "integers": (lambda: ls.i_divergence(np.ones(2), np.ones(2, dtype=int)), DTypeError, "`targets`"),
}


@pytest.mark.parametrize(("call", "error", "words"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "inputs", "words"),
    [
        (ls.jensen_shannon, (Q, Q * 1.01), "`targets`"),
        (ls.i_divergence, (np.asarray([1.0, -1.0]), np.ones(2)), "`predictions` holds -1.0 at index (1,)"),
        (ls.reverse_kl_divergence, (logs([0.5, 0.5]) + 1, logs([0.5, 0.5])), "`log_predictions`"),
        (ls.policy_kl_estimate, (np.asarray([np.inf]), np.zeros(1)), "`log_probabilities` holds inf"),
    ],
    ids=lambda x: x.contract.name if isinstance(x, ls.Loss) else "",
)
def test_values_outside_their_domain_are_refused_where_values_are_checked(loss, inputs, words):
    with ls.checking("values"), pytest.raises(ContractError) as caught:
        loss(*inputs)
    assert words in str(caught.value)


def test_the_divergence_of_two_views_is_that_of_their_logits(backend):
    logits = np.random.default_rng(3).normal(size=(5, 2, 4)) * 4
    found = ls.jsd_consistency.per_example(backend.from_numpy(logits))
    wanted = ls.generalized_jsd.per_example(*(backend.from_numpy(logits[:, v]) for v in (0, 1)))
    assert np.allclose(backend.to_numpy(found), backend.to_numpy(wanted), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views_that_are_nearly_alike_have_every_digit(backend, dtype):
    """Of a class of probability 1/2 that one view of three takes up by a small d: d^2 / 36, but for d^4."""
    step = 2.0**-20 if dtype == np.float32 else 2.0**-26
    logits = np.asarray([[[step, 0.0], [0.0, 0.0], [0.0, 0.0]]], dtype)
    found = float(backend.to_numpy(ls.jsd_consistency(backend.from_numpy(logits))))
    assert math.isclose(found, step**2 / 36, rel_tol=8 * float(np.finfo(dtype).eps))


def test_views_agree_or_differ_as_much_as_can_be(backend):
    logits = np.asarray([np.zeros((3, 3)), np.where(np.eye(3) == 1, 0.0, -math.inf)])
    value, gradient = ls.jsd_consistency.value_and_grad(backend.from_numpy(logits), reduction="sum")
    assert math.isclose(float(backend.to_numpy(value)), math.log(3), rel_tol=1e-15)
    assert not backend.to_numpy(gradient).any()
    nothing = backend.from_numpy(np.zeros((2, 0, 3)))
    assert not backend.to_numpy(ls.jsd_consistency.per_example(nothing)).any()
