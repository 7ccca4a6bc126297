"""Distances of samples: values by hand, equal samples, what needs two of them."""

import math

import numpy as np
import pytest

import lossspec as ls

FIRST, SECOND = [[0.0, 0.0], [3.0, 4.0]], [[0.0, 1.0], [3.0, 4.0], [0.0, 0.0]]


def k(x, y):
    return math.exp(-(math.dist(x, y) ** 2) / (2 * 4))


def test_the_discrepancy_by_hand(array, plain):
    across = np.mean([k(x, y) for x in FIRST for y in SECOND])
    for unbiased in (False, True):
        within = [
            np.mean([k(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j or not unbiased])
            for rows in (FIRST, SECOND)
        ]
        value = ls.maximum_mean_discrepancy(array(FIRST), array(SECOND), bandwidth=2.0, unbiased=unbiased)
        assert float(plain(value)) == pytest.approx(sum(within) - 2 * across, rel=1e-13)


def test_the_unbiased_discrepancy_of_samples_far_apart_is_that_of_their_small_similarities(array, plain):
    """All of them are near 0, so that the ones that they are taken from must not be rounded into the sum."""
    first, second = np.asarray([[0.0], [9.0]], dtype=np.float32), np.asarray([[5.0], [13.0]], dtype=np.float32)
    within = math.exp(-81 / 2) + math.exp(-64 / 2)
    across = sum(math.exp(-d * d / 2) for d in (5, 13, 4, 4)) / 4
    value = plain(ls.maximum_mean_discrepancy(array(first), array(second), unbiased=True))
    assert float(value) == pytest.approx(within - 2 * across, rel=1e-6, abs=0)


@pytest.mark.parametrize("loss", [ls.maximum_mean_discrepancy, ls.deep_coral], ids=lambda loss: loss.contract.name)
def test_equal_samples_have_no_distance_and_no_gradient(loss, backend):
    x = backend.from_numpy(np.asarray(SECOND))
    value, gradient = loss.value_and_grad(x, x)
    assert abs(float(backend.to_numpy(value))) < 1e-16
    assert np.abs(backend.to_numpy(gradient)).max() < 1e-16


def test_one_sample_has_no_covariance_and_its_own_kernel(array, plain):
    one, two = array(FIRST[:1]), array(FIRST)
    assert float(plain(ls.deep_coral(one, two))) == pytest.approx((4.5**2 + 2 * 6**2 + 8**2) / 16, rel=1e-15)
    value = plain(ls.maximum_mean_discrepancy(one, one, unbiased=True))
    assert float(value) == 0


def test_no_samples_have_a_covariance_of_0():
    none, one, two = np.empty((0, 2)), np.asarray(FIRST[:1]), np.asarray(FIRST)
    assert float(ls.deep_coral(none, none)) == 0
    assert float(ls.deep_coral(none, two)) == float(ls.deep_coral(one, two))


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_covariances_beyond_the_dtype_have_a_distance(array, plain):
    first, second = (1e20 * np.asarray(x, dtype=np.float32) for x in (FIRST, SECOND))
    assert float(plain(ls.deep_coral(array(first), array(second)))) == math.inf
    assert float(plain(ls.deep_coral(array(first), array(first)))) == 0


def test_a_constant_added_to_all_samples_changes_no_covariance(array, plain):
    near, far = (plain(ls.deep_coral(array(FIRST), array(np.asarray(SECOND) + c))) for c in (0.0, 1024.0))
    assert float(near) == float(far)


def test_wasserstein_pairs_in_order(array, plain):
    first, second = array([[3.0, 0.0, 0.0], [1.0, 2.0, 3.0]]), array([[1.0, 1.0, 5.0], [3.0, 1.0, 2.0]])
    assert plain(ls.wasserstein_1d.per_example(first, second)).tolist() == pytest.approx([4 / 3, 0.0])
    assert plain(ls.wasserstein_1d.per_example(first, second, power=2.0)).tolist() == pytest.approx([2.0, 0.0])
