"""The loss under a softmax with heavy tails: its limit, its bound, another way to its probabilities, many classes."""

import math

import numpy as np
import pytest

import lossspec as ls

LOGITS = np.asarray([[2.0, 0.0, -1.0], [0.5, 0.4, 30.0], [0.0, 0.0, 0.0]])
LABELS = np.asarray([0, 1, 2])


def rows(logits, labels, **options):
    return np.asarray(ls.bi_tempered_logistic.per_example(np.asarray(logits), np.asarray(labels), **options))


def by_bisection(logits, t):
    """The probabilities of a row, by halving an interval of the shift that they need to sum to 1."""
    low, high = max(logits), max(logits) + (len(logits) ** (t - 1) - 1) / (t - 1)
    for _ in range(200):
        middle = (low + high) / 2
        p = (1 + (t - 1) * (middle - logits)) ** (-1 / (t - 1))
        low, high = (middle, high) if p.sum() > 1 else (low, middle)
    return p


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_at_temperatures_of_one_it_is_cross_entropy(smoothing):
    soft = np.asarray([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.125, 0.0, 0.875]])
    for labels in (LABELS, soft):
        got = rows(LOGITS, labels, t1=1.0, t2=1.0, label_smoothing=smoothing)
        expected = ls.cross_entropy.per_example(LOGITS, labels, label_smoothing=smoothing)
        assert np.allclose(got, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(("t1", "t2"), [(0.8, 1.4), (0.0, 2.0), (0.5, 4.0)])
def test_it_is_the_divergence_of_the_paper_up_to_what_the_label_adds(t1, t2):
    shares = np.asarray([[0.5, 0.25, 0.25], [0.125, 0.625, 0.25], [0.25, 0.25, 0.5]])

    def log_t(x):
        return (x ** (1 - t1) - 1) / (1 - t1)

    p = np.stack([by_bisection(row, t2) for row in LOGITS])
    divergence = shares * (log_t(shares) - log_t(p)) - (shares ** (2 - t1) - p ** (2 - t1)) / (2 - t1)
    of_labels = shares * log_t(shares) - (shares ** (2 - t1) - shares) / (2 - t1)
    assert np.allclose(rows(LOGITS, shares, t1=t1, t2=t2), (divergence - of_labels).sum(axis=-1), rtol=1e-12)


def test_a_wrong_label_costs_no_more_than_the_bound_and_equal_logits_their_closed_form():
    far = np.asarray([[1e4, 0.0, -1e4], [-np.inf, 0.0, 0.0]])
    assert np.all(rows(far, [2, 0]) < 5.0)
    assert rows(far, [2, 0], t1=1.0).tolist()[1] == math.inf
    slope = ls.bi_tempered_logistic.grad(far, np.asarray([2, 0]), wrt="logits")
    assert np.all(np.isfinite(slope))
    assert slope[1, 0] == 0
    assert np.allclose(rows(np.full((1, 4), 7e4), [1], t1=0.0, t2=3.0), 0.75**2 / 2 + 3 / 32, rtol=1e-15)


@pytest.mark.parametrize("t2", [1.05, 1.4, 2.0, 4.0, 100.0])
def test_the_steps_find_the_probabilities_of_many_classes(t2):
    random = np.random.default_rng(0)
    logits = np.where(np.arange(20_000) < 10_000, 0.0, -np.abs(random.normal(0.0, 30.0, 20_000)))
    p = by_bisection(logits, t2) if t2 < 50 else np.full(20_000, 1 / 20_000)
    expected = 1 - p[0] - (1 - (p**2).sum()) / 2
    assert np.allclose(rows(logits[None], [0], t1=0.0, t2=t2), expected, rtol=1e-9 if t2 < 50 else 1e-2)


@pytest.mark.parametrize(("t1", "t2"), [(0.8, 1.4), (0.5, 3.0), (1.0 - 1e-5, 1.0 + 1e-5)])
def test_both_temperatures_can_be_learned(t1, t2, array, plain):
    here = {"t1": t1, "t2": t2}
    for name in here:
        arrays = {key: array(np.asarray(value)) for key, value in here.items()}
        got = ls.bi_tempered_logistic.grad(array(LOGITS), array(LABELS), wrt=name, reduction="sum", **arrays)
        ends = [rows(LOGITS, LABELS, **{**here, name: here[name] + step}).sum() for step in (-1e-6, 1e-6)]
        assert math.isclose(float(plain(got)), (ends[1] - ends[0]) / 2e-6, rel_tol=1e-7)
