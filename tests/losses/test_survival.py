"""Losses of censored times: other forms of the likelihoods, ties, one event, none, and masks."""

import math

import mpmath
import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import MergeError
from lossspec.losses._special import (
    bernoulli,
    complementary_log_log,
    log_of_exponential_rise,
    negative_log_normal_between,
    negative_log_normal_tail,
)

SCORES = np.asarray([0.3, -1.2, 0.8, 0.1, -0.4])
TIMES = np.asarray([5.0, 2.0, 2.0, 2.0, 7.0])
EVENTS = np.asarray([1, 1, 1, 0, 1])


def test_untied_events_are_the_order_of_a_list():
    times = np.asarray([3, 1, 4, 2, 5])
    ordered = float(ls.listmle(SCORES[None], (5 - times)[None]))
    for ties in ("efron", "breslow"):
        total = ls.cox(SCORES, times, np.ones(5, dtype=int), ties=ties, reduction="sum")
        assert float(total) == pytest.approx(ordered, rel=1e-14)


def test_tied_events_as_the_papers_sum_them():
    p = np.exp(SCORES)
    own = -SCORES[1] - SCORES[2]
    at_risk, tied = p.sum(), p[1] + p[2]
    later = math.log(p[0] + p[4]) - SCORES[0]  # the last event has nobody left
    breslow = own + 2 * math.log(at_risk) + later
    efron = own + math.log(at_risk) + math.log(at_risk - tied / 2) + later
    assert float(ls.cox(SCORES, TIMES, EVENTS, reduction="sum", ties="breslow")) == pytest.approx(breslow, rel=1e-14)
    assert float(ls.cox(SCORES, TIMES, EVENTS, reduction="sum")) == pytest.approx(efron, rel=1e-14)
    assert float(ls.cox.per_example(SCORES, TIMES, EVENTS)[4]) == 0


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_no_event_is_no_loss_and_no_gradient(backend, ties):
    scores, times, events = map(backend.from_numpy, (SCORES, TIMES, np.zeros(5, dtype=int)))
    value, gradient = ls.cox.value_and_grad(scores, times, events, ties=ties)
    assert float(value) == 0
    assert not backend.to_numpy(gradient).any()


def test_a_sure_order_keeps_its_digits():
    scores, times = np.asarray([40.0, 0.0]), np.asarray([1, 2])
    for ties in ("efron", "breslow"):
        loss = ls.cox.per_example(scores, times, np.asarray([1, 1]), ties=ties)
        assert loss[0] == pytest.approx(math.exp(-40), rel=1e-15)


def test_a_masked_unit_was_never_at_risk():
    kept = np.asarray([True, False, True, True, True])
    scores = np.where(kept, SCORES, np.nan)
    masked = ls.cox(scores, TIMES, EVENTS, where=kept, reduction="sum")
    assert float(masked) == pytest.approx(float(ls.cox(SCORES[kept], TIMES[kept], EVENTS[kept], reduction="sum")))
    with pytest.raises(MergeError, match="risk set"):
        ls.cox.partial(SCORES, TIMES, EVENTS)


def test_an_unknown_time_is_no_time():
    times = np.asarray([np.nan, *TIMES[1:]])
    assert np.isnan(ls.cox.per_example(SCORES, times, EVENTS)).all()


@pytest.mark.parametrize("loss", [ls.log_logistic_aft, ls.log_normal_aft, ls.weibull_aft])
def test_the_parts_of_a_partition_have_probability_one(loss):
    ends = np.asarray([0.0, 1e-3, 0.5, 0.5000001, 2.0, 900.0, np.inf])
    bounds = np.stack([ends[:-1], ends[1:]], axis=-1)
    losses = loss.per_example(np.full(6, 0.3), bounds, np.full(6, 1.7))
    assert np.exp(-losses).sum() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("loss", [ls.log_logistic_aft, ls.log_normal_aft, ls.weibull_aft])
def test_a_narrow_interval_has_the_probability_of_its_density(loss):
    width = 1e-9
    bounds = np.asarray([[2.0, 2.0 + width], [2.0, 2.0]])
    narrow, known = loss.per_example(np.full(2, 0.3), bounds, np.full(2, 0.6))
    assert narrow + math.log(width) == pytest.approx(known, rel=1e-6)


def test_a_censored_time_is_a_binary_cross_entropy():
    bounds = np.asarray([[2.0, np.inf], [0.0, 2.0], [0.0, np.inf]])
    losses = ls.log_logistic_aft.per_example(np.full(3, 0.3), bounds, np.full(3, 0.6))
    logits, labels = np.full(2, (0.3 - math.log(2.0)) / 0.6), np.asarray([1.0, 0.0])
    right = ls.binary_cross_entropy_with_logits.per_example(logits, labels)
    np.testing.assert_allclose(losses, [*right, 0.0], rtol=1e-14)


def test_bounds_in_the_wrong_order_are_no_interval(backend):
    bounds = backend.from_numpy(np.asarray([[2.0, 1.0], [0.0, 0.0], [np.inf, np.inf], [-1.0, 1.0], [1.0, 2.0]]))
    ones = backend.from_numpy(np.ones(5))
    losses = backend.to_numpy(ls.log_logistic_aft.per_example(ones, bounds, ones))
    assert np.isnan(losses).tolist() == [True, True, True, True, False]


def test_a_weibull_time_of_scale_one_is_exponential():
    known = np.asarray([0.5, 2.0, 9.0])
    losses = ls.weibull_aft.per_example(SCORES[:3], np.stack([known, known], axis=-1), np.ones(3))
    np.testing.assert_allclose(losses, ls.half_gamma.per_example(SCORES[:3], known), rtol=1e-14)


def test_logarithms_of_small_and_large_rises_keep_their_digits():
    x = np.asarray([1e-300, 1e-9, 0.99e-5, 1.01e-5, 0.1, 0.69, 0.71, 5.0, 79.0, 81.0, 700.0])
    with mpmath.workdps(400):
        rises = [-mpmath.log(-mpmath.expm1(-mpmath.mpf(float(v)))) for v in x]
        ratios = [mpmath.mpf(float(v)) / mpmath.expm1(float(v)) for v in x]
        logs = np.log(x[1:])
        doubles = [-mpmath.log(-mpmath.expm1(-mpmath.exp(float(v)))) for v in logs]
    np.testing.assert_allclose(log_of_exponential_rise(x), np.asarray(rises, dtype=float), rtol=1e-14)
    np.testing.assert_allclose(bernoulli(x), np.asarray(ratios, dtype=float), rtol=1e-14)
    np.testing.assert_allclose(complementary_log_log(logs), np.asarray(doubles, dtype=float), rtol=1e-12)


def test_a_known_time_is_normal_in_its_logarithm():
    known = np.asarray([0.5, 2.0, 9.0])
    losses = ls.log_normal_aft.per_example(SCORES[:3], np.stack([known, known], axis=-1), np.full(3, 0.6))
    normal = ls.gaussian_nll.per_example(SCORES[:3], np.log(known), np.full(3, 0.36), full=True)
    np.testing.assert_allclose(losses, normal + np.log(known), rtol=1e-14)


def test_normal_tails_and_what_lies_between_keep_their_digits():
    x = np.asarray([-30.0, -8.0, -1e-9, 0.0, 0.3, 2.0, 8.0, 1e5])
    near = np.asarray([-0.5, -5e-9, 7.9, 0.4, -0.4, -3.0, -0.01, 1e5, 2e3])
    gap = np.asarray([1.0, 1e-8, 1e-9, 5.0, 1.3, 9.0, 1.25, 1e-6, 1e-3])
    with mpmath.workdps(400):
        tails = [-mpmath.log(mpmath.ncdf(-mpmath.mpf(float(v)))) for v in x]
        between = [
            -mpmath.log(
                mpmath.ncdf(-mpmath.mpf(float(a))) - mpmath.ncdf(-(mpmath.mpf(float(a)) + mpmath.mpf(float(g))))
            )
            for a, g in zip(near, gap, strict=True)
        ]
    np.testing.assert_allclose(negative_log_normal_tail(x), np.asarray(tails, dtype=float), rtol=1e-13)
    np.testing.assert_allclose(negative_log_normal_between(near, gap), np.asarray(between, dtype=float), rtol=1e-13)


def test_the_intervals_of_an_event_and_the_censored_rest_have_probability_one(array, plain):
    logits = np.asarray([[0.3, -1.2, 0.8, 0.1]])
    for label in range(3):
        events = [(k, 1) for k in range(label + 1)] + [(label, 0)]
        values = [plain(ls.discrete_survival(array(logits), *(array([n]) for n in pair))) for pair in events]
        assert np.exp(-np.asarray(values)).sum() == pytest.approx(1, rel=1e-14)


def test_a_late_time_that_is_nearly_sure_keeps_its_digits(backend):
    logits = backend.from_numpy(np.asarray([[-40.0, -41.0, 0.0, 1.0]]))
    label, event = (backend.from_numpy(np.asarray([k])) for k in (1, 0))
    value, gradient = ls.discrete_survival.value_and_grad(logits, label, event)
    wanted = (math.exp(-40) + math.exp(-41)) / (1 + math.e)
    assert float(value) == pytest.approx(wanted, rel=1e-14)
    shares = np.asarray([math.exp(-40), math.exp(-41)]) / (1 + math.e)
    pull = [*shares, -wanted / (1 + math.e), -wanted * math.e / (1 + math.e)]
    np.testing.assert_allclose(backend.to_numpy(gradient)[0], pull, rtol=1e-13)


def test_after_the_last_interval_there_is_nothing(backend):
    logits = backend.from_numpy(np.zeros((1, 3)))
    label, event = (backend.from_numpy(np.asarray([k])) for k in (2, 0))
    value, gradient = ls.discrete_survival.value_and_grad(logits, label, event)
    assert float(value) == math.inf
    assert not backend.to_numpy(gradient).any()


def test_a_known_time_keeps_the_digits_of_its_derivative_under_a_large_scale(backend):
    """It is (1 - exp(z)) / scale with z = (log t - prediction) / scale near 0."""
    prediction, scale = np.float32([0.5, -0.25]), np.float32([1e3, 2e4])
    bounds = np.ones((2, 2), dtype=np.float32)
    given = (backend.from_numpy(x) for x in (prediction, bounds, scale))
    found = backend.to_numpy(ls.weibull_aft.grad(*given, reduction="sum"))
    wide = scale.astype(np.float64)
    assert found == pytest.approx(-np.expm1(-prediction / wide) / wide, rel=1e-6)
