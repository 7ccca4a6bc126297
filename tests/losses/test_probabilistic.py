"""Scores of predicted distributions: integrals, second formulas, limits, edges, and what they stand on."""

import math

import mpmath
import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError
from lossspec.losses._special import erf, rising_excess

random = np.random.default_rng(5)
X, Y, S = random.normal(size=6), random.normal(size=6), np.exp(random.normal(size=6))
MEMBERS = random.normal(size=(6, 5))


def test_erf_has_the_digits_of_its_argument_everywhere():
    x = np.concatenate([-np.logspace(-300, 1, 40), np.linspace(-1, 6.5, 60), [np.inf, -np.inf]])
    right = np.asarray([float(mpmath.erf(mpmath.mpf(float(v)))) for v in x])
    np.testing.assert_allclose(erf(x), right, rtol=1e-15)
    assert np.isnan(erf(np.asarray([np.nan]))[0])


@pytest.mark.parametrize("a", [1e-6, 0.3, 9.99, 10.0, 50.0, 1e6])
def test_the_ratio_of_gamma_functions_has_its_digits_where_it_is_small(a):
    for t in (0.0, 0.5, 3.0, 1e3):
        with mpmath.workdps(40):
            m, n = mpmath.mpf(a), mpmath.mpf(t)
            right = mpmath.loggamma(m + n) - mpmath.loggamma(m) - n * mpmath.log(m)
            right = float(right - (m + n) * mpmath.log1p(n / m) + n)
        terms = abs(right) + (10 * math.log1p(t / a) if a < 10 else 0.0)  # the ten factors below 10
        assert float(rising_excess(np.asarray([t]), np.asarray([a]))[0]) == pytest.approx(
            right, rel=1e-14, abs=4e-16 * terms
        )


def test_the_gaussian_score_is_the_integral_that_defines_it():
    def apart(x):
        return (mpmath.ncdf(x, 0.5, 2.0) - (1 if x >= 1.25 else 0)) ** 2

    integral = mpmath.quad(apart, [-30, 0, 1.25, 3, 30])
    value = float(ls.gaussian_crps(np.asarray([0.5]), np.asarray([1.25]), np.asarray([2.0])))
    assert value == pytest.approx(float(integral), rel=1e-9)


def test_the_gaussian_score_tends_to_the_absolute_error():
    narrow = ls.gaussian_crps.per_example(X, Y, np.full(6, 1e-12))
    np.testing.assert_allclose(narrow, np.abs(X - Y), rtol=1e-10)


@pytest.mark.parametrize("fair", [False, True])
def test_the_score_of_an_ensemble_is_that_of_its_pairs(fair):
    spread = np.abs(MEMBERS[:, :, None] - MEMBERS[:, None, :]).sum((1, 2)) / (2 * (20 if fair else 25))
    right = np.abs(MEMBERS - Y[:, None]).mean(1) - spread
    np.testing.assert_allclose(ls.ensemble_crps.per_example(MEMBERS, Y, fair=fair), right, rtol=1e-12)
    one = ls.ensemble_crps.per_example(MEMBERS[:, :1], Y, fair=fair)
    np.testing.assert_array_equal(one, np.abs(MEMBERS[:, 0] - Y))


def test_a_fair_score_within_two_members_is_exactly_zero():
    """The pair form has only rounding there."""
    members, y = np.asarray([[0.1, 0.7]]), np.asarray([0.3])
    value, gradient = ls.ensemble_crps.value_and_grad(members, y, fair=True)
    assert float(value) == 0
    assert gradient.tolist() == [[0.0, 0.0]]


def test_a_large_ensemble_of_a_gaussian_has_nearly_its_score():
    quantiles = np.asarray([[float(mpmath.sqrt(2) * mpmath.erfinv(2 * (k + 0.5) / 400 - 1)) for k in range(400)]])
    score = float(ls.gaussian_crps(np.asarray([0.0]), np.asarray([0.4]), np.asarray([1.0])))
    assert float(ls.ensemble_crps(quantiles, np.asarray([0.4]))) == pytest.approx(score, rel=2e-3)


def test_the_energy_score_of_one_dimension_is_that_of_the_ensemble():
    flat = ls.energy_score.per_example(MEMBERS[..., None], Y[:, None])
    np.testing.assert_allclose(flat, ls.ensemble_crps.per_example(MEMBERS, Y), rtol=1e-12)


def test_equal_members_have_finite_gradients(backend):
    equal = backend.from_numpy(np.ones((2, 3, 2)))
    value, gradient = ls.energy_score.value_and_grad(equal, backend.from_numpy(np.ones((2, 2))))
    assert float(value) == 0
    assert not backend.to_numpy(gradient).any()


def test_the_interval_score_is_two_quantile_losses():
    alpha = 0.3
    pair = ls.quantile.per_example(X - S, Y, level=alpha / 2) + ls.quantile.per_example(X + S, Y, level=1 - alpha / 2)
    np.testing.assert_allclose(
        ls.interval_score.per_example(X - S, X + S, Y, alpha=alpha), 2 / alpha * pair, rtol=1e-12
    )
    with pytest.raises(ContractError, match="alpha"):
        ls.interval_score(X, X, Y, alpha=0.0)


def test_the_quantile_huber_loss_lies_between_its_limits():
    half = ls.quantile_huber.per_example(X, Y, delta=0.7)
    np.testing.assert_allclose(half, ls.huber.per_example(X, Y, delta=0.7) / 1.4, rtol=1e-12)
    sharp = ls.quantile_huber.per_example(X, Y, level=0.9, delta=1e-12)
    np.testing.assert_allclose(sharp, ls.quantile.per_example(X, Y, level=0.9), rtol=1e-10)
    levels = np.asarray([[0.25, 0.75]])
    rows = ls.quantile_huber.per_example(X.reshape(3, 2), Y.reshape(3, 2), level=levels)
    assert rows[1, 1] == ls.quantile_huber(X[3:4], Y[3:4], level=0.75)


def test_counts_of_large_size_are_poisson_and_of_size_one_geometric():
    means, counts = np.asarray([0.5, 3.0, 40.0]), np.asarray([0.0, 4.0, 35.0])
    poisson = ls.poisson_nll.per_example(means, counts, log_input=False)
    np.testing.assert_allclose(
        ls.negative_binomial_nll.per_example(means, counts, np.full(3, 1e13)), poisson, rtol=1e-11
    )
    geometric = -np.log(1 / (1 + means)) - counts * np.log(means / (1 + means))
    factorials = np.asarray([math.lgamma(count + 1) for count in counts])
    ones = ls.negative_binomial_nll.per_example(means, counts, np.ones(3)) + factorials
    np.testing.assert_allclose(ones, geometric, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("mean", "count"), [(1e30, 1.0), (1e30, 0.25), (2.0, 1e30)])
def test_a_count_far_from_its_mean_keeps_the_digits_of_its_derivatives(mean, count, dtype):
    given = [np.asarray([x], dtype=dtype) for x in (mean, count, 0.75)]
    found = ls.negative_binomial_nll.value_and_grad(*given, wrt=("targets", "sizes"))[1]
    with mpmath.workdps(60):
        m, t, r = (mpmath.mpf(float(x[0])) for x in given)
        of_count = mpmath.log1p(r / m) - mpmath.psi(0, t + r)
        of_size = mpmath.psi(0, r) - mpmath.psi(0, t + r) + mpmath.log1p(m / r) + (t - m) / (m + r)
    room = 16 * float(np.finfo(dtype).eps)
    assert float(found[0][0]) == pytest.approx(float(of_count), rel=room, abs=room)
    assert float(found[1][0]) == pytest.approx(float(of_size), rel=room)


def test_the_probabilities_of_inflated_counts_sum_to_one():
    counts = np.arange(400.0)
    means, sizes, logits = np.full(400, 5.0), np.full(400, 2.5), np.full(400, -0.7)
    losses = ls.zero_inflated_negative_binomial_nll.per_example(means, counts, sizes, logits)
    factorials = np.asarray([math.lgamma(count + 1) for count in counts])
    assert np.exp(-losses - factorials).sum() == pytest.approx(1, rel=1e-12)
    plain = ls.zero_inflated_negative_binomial_nll.per_example(means, counts, sizes, np.full(400, -800.0))
    np.testing.assert_allclose(plain, ls.negative_binomial_nll.per_example(means, counts, sizes), rtol=1e-14)


def test_a_student_of_many_degrees_is_gaussian():
    many = ls.student_t_nll.per_example(X, Y, S, np.full(6, 1e14))
    np.testing.assert_allclose(many, ls.gaussian_nll.per_example(X, Y, S**2, full=True), rtol=1e-12)


def test_at_beta_one_the_means_have_the_gradient_of_half_the_square():
    gradient = ls.beta_nll.grad(X, Y, S, beta=1.0, reduction="sum")
    np.testing.assert_allclose(gradient, X - Y, rtol=1e-14)
    gaussian = ls.gaussian_nll.per_example(X, Y, S)
    np.testing.assert_allclose(ls.beta_nll.per_example(X, Y, S, beta=0.0), gaussian, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("error", "variance"), [(1e12, 1e-30), (1e12, 1e30), (1e-12, 1e-37), (1e-30, 1e-37)])
def test_a_variance_far_from_1_cancels_before_it_overflows(error, variance, dtype):
    x, v = np.full(1, error, dtype), np.full(1, variance, dtype)
    value, slopes = ls.beta_nll.value_and_grad(x, 0 * x, v, beta=1.0, wrt=("predictions", "variances"))
    e, c = mpmath.mpf(float(x[0])), mpmath.mpf(float(v[0]))
    right = [(c * mpmath.log(c) + e**2) / 2, e, (1 - e**2 / c) / 2]
    with np.errstate(over="ignore"):  # the slope in the smallest variance is infinite in float32
        wanted = np.asarray([float(number) for number in right]).astype(dtype)
    np.testing.assert_allclose([value, slopes[0][0], slopes[1][0]], wanted, rtol=100 * np.finfo(dtype).eps)
