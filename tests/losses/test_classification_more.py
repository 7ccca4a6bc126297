"""Losses of rare, noisy, several and ordered labels: closed forms, edges, and second formulas of their papers."""

import math

import numpy as np
import pytest

import lossspec as ls

log2 = math.log(2)


def rows(loss, *inputs, **options):
    return np.asarray(loss.per_example(*map(np.asarray, inputs), **options))


def test_logit_adjusted_without_a_prior_is_cross_entropy_and_a_factor_of_the_prior_is_nothing():
    logits, labels, prior = np.asarray([[0.5, -1.0, 3.0]]), np.asarray([1]), np.asarray([5.0, 1.0, 2.0])
    assert rows(ls.logit_adjusted, logits, labels) == rows(ls.cross_entropy, logits, labels)
    counted = rows(ls.logit_adjusted, logits, labels, prior=prior)
    assert np.allclose(counted, rows(ls.logit_adjusted, logits, labels, prior=prior / 8), rtol=1e-15)
    by_hand = 5 * math.exp(0.5) + math.exp(-1.0) + 2 * math.exp(3.0)
    assert np.allclose(counted, math.log(by_hand) + 1.0, rtol=1e-15)


def test_the_rarest_class_has_the_largest_margin_of_ldam():
    logits, counts = np.zeros((3, 3)), np.asarray([10_000.0, 16.0, 1.0])
    each = rows(ls.ldam, logits, [0, 1, 2], class_counts=counts, max_margin=0.5, scale=10.0)
    assert np.allclose(each, np.log1p(2 * np.exp(10 * np.asarray([0.05, 0.25, 0.5]))), rtol=1e-14)
    assert np.allclose(rows(ls.ldam, logits, [0, 1, 2], max_margin=0.5, scale=10.0), each[2], rtol=1e-14)


def test_seesaw_without_its_factors_is_cross_entropy_and_its_compensation_is_a_constant():
    logits, labels, counts = np.asarray([[2.0, 0.0, -1.0]]), np.asarray([1]), np.asarray([8.0, 4.0, 1.0])
    assert np.allclose(
        rows(ls.seesaw, logits, labels, p=0.0, q=0.0), rows(ls.cross_entropy, logits, labels), rtol=1e-15
    )
    both = math.exp(2.0) ** 3 + math.sqrt(0.25) * math.exp(-1.0)
    options = {"class_counts": counts, "p": 0.5, "q": 2.0}
    assert np.allclose(rows(ls.seesaw, logits, labels, **options), math.log1p(both), rtol=1e-15)
    slope = ls.seesaw.grad(logits, labels, wrt="logits", reduction="sum", **options)
    assert np.allclose(slope[0], np.asarray([math.exp(6.0), -both, 0.5 * math.exp(-1.0)]) / (1 + both), rtol=1e-14)


def test_symmetric_cross_entropy_is_the_sum_of_its_two_parts():
    logits, labels = np.asarray([[2.0, 0.0, -1.0]]), np.asarray([1])
    p = np.exp(logits) / np.exp(logits).sum()
    reverse = -(p * np.asarray([[-4.0, 0.0, -4.0]])).sum()
    expected = -0.1 * np.log(p[0, 1]) + reverse
    assert np.allclose(rows(ls.symmetric_cross_entropy, logits, labels), expected, rtol=1e-15)


def test_the_normalized_losses_of_all_labels_sum_to_one():
    logits = np.repeat(np.asarray([[2.0, 0.0, -1.0, 30.0]]), 4, axis=0)
    each = rows(ls.normalized_reverse_cross_entropy, logits, np.arange(4), beta=0.0)
    assert math.isclose(each.sum(), 1.0, rel_tol=1e-15)
    assert rows(ls.normalized_reverse_cross_entropy, [[3.0]], [0]).tolist() == [0.0]


def test_asymmetric_without_a_shift_is_the_focal_loss():
    logits, targets = np.asarray([-30.0, -1.0, 0.0, 2.0, 800.0]), np.asarray([0.0, 1.0, 0.0, 0.0, 0.0])
    options = {"gamma_positive": 2.0, "gamma_negative": 2.0, "clip": 0.0}
    focal = rows(ls.sigmoid_focal, logits, targets, gamma=2.0)
    assert np.allclose(rows(ls.asymmetric, logits, targets, **options), focal, rtol=1e-14)
    assert rows(ls.asymmetric, [-3.0, -30.0], [0.0, 0.0]).tolist() == [0.0, 0.0]  # below the shift


def test_zlpr_leaves_classes_out_and_is_zero_without_any():
    logits, targets = np.asarray([[1.0, np.nan, -2.0]]), np.asarray([[1, 0, 0]])
    kept = np.asarray([[True, False, True]])
    value = rows(ls.zlpr, logits, targets, where_entries=kept)
    assert np.allclose(value, math.log1p(math.exp(-1.0)) + math.log1p(math.exp(-2.0)), rtol=1e-15)
    assert rows(ls.zlpr, logits, targets, where_entries=np.zeros_like(kept)).tolist() == [0.0]


@pytest.mark.parametrize("label", range(4))
def test_corn_is_the_negative_log_likelihood_of_the_grade(label):
    logits = np.asarray([0.5, -1.0, 2.0])
    passed = [*(1 / (1 + np.exp(-logits))), 0.0]
    likelihood = math.prod(passed[:label]) * (1 - passed[label])
    assert np.allclose(rows(ls.corn, logits[None], [label]), -math.log(likelihood), rtol=1e-14)


def test_a_label_above_the_thresholds_is_not_a_number_and_raises_when_values_are_checked():
    for loss in (ls.coral, ls.corn):
        assert np.isnan(rows(loss, [[0.0, 0.0]], [3])).all()
        with ls.checking("values"), pytest.raises(ls.LossSpecError, match="labels"):
            loss(np.zeros((1, 2)), np.asarray([3]))


def test_squared_emd_grows_with_the_distance_of_the_grade():
    sure = np.asarray([[1e4, 0.0, 0.0, 0.0]])
    assert np.allclose([rows(ls.squared_emd, sure, [k])[0] for k in range(4)], range(4), rtol=1e-15)
    p = np.asarray([[0.1, 0.2, 0.3, 0.4]])
    by_hand = 0.1**2 + 0.7**2 + 0.4**2
    assert np.allclose(rows(ls.squared_emd, np.log(p), [1]), by_hand, rtol=1e-14)
