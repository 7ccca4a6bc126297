"""Regularized transport: known plans, convergence to them, weights, and what it is without regularization."""

import math

import numpy as np
import pytest

import lossspec as ls

COSTS = np.asarray([[0.5, 2.0, 1.0], [1.5, 0.25, 3.0]])


def test_one_row_pays_the_mean_cost_whatever_the_regularization(array, plain):
    for regularization in (1e-3, 1.0, 1e3):
        value = ls.sinkhorn(array(COSTS[:1]), regularization=regularization, iterations=1)
        assert float(plain(value)) == pytest.approx(3.5 / 3, rel=1e-14)


def test_two_by_two_in_closed_form(array, plain):
    """The plan of equal weights is (s, 1 - s; 1 - s, s) / 2, with s the sigmoid of half of the saving over e."""
    costs, e = np.asarray([[0.0, 1.0], [2.0, 0.5]]), 0.7
    s = 1 / (1 + math.exp(-(1.0 + 2.0 - 0.5) / (2 * e)))
    plan = np.asarray([[s, 1 - s], [1 - s, s]]) / 2
    wanted = (plan * costs).sum() + e * (plan * np.log(plan * 4)).sum()
    assert float(plain(ls.sinkhorn(array(costs), regularization=e))) == pytest.approx(wanted, rel=1e-12)
    _, gradient = ls.sinkhorn.value_and_grad(array(costs), regularization=e)
    np.testing.assert_allclose(plain(gradient), plan, rtol=1e-10)


def test_iterations_raise_the_value_to_its_limit():
    values = [float(ls.sinkhorn(COSTS, regularization=0.2, iterations=n)) for n in (1, 2, 4, 8, 200, 400)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(values[-2], rel=1e-14)


def test_a_small_regularization_is_the_cheapest_pairing():
    first, second = np.asarray([3.0, 0.0, 7.0]), np.asarray([1.0, 5.0, 6.5])
    costs = np.abs(first[:, None] - second[None, :])
    assert float(ls.sinkhorn(costs, regularization=1e-3, iterations=4000)) == pytest.approx(
        float(ls.wasserstein_1d(first, second)), abs=2e-3 * math.log(3)
    )


def test_a_point_without_weight_is_not_there(backend):
    costs, kept = backend.from_numpy(COSTS), backend.from_numpy(np.ascontiguousarray(COSTS[:, :2]))
    weight = backend.from_numpy(np.asarray([1.0, 3.0, 0.0]))
    value, gradient = ls.sinkhorn.value_and_grad(costs, column_weight=weight)
    of_kept, gradient_of_kept = ls.sinkhorn.value_and_grad(
        kept, column_weight=backend.from_numpy(np.asarray([2.0, 6.0]))
    )
    assert float(value) == pytest.approx(float(of_kept), rel=1e-14)
    np.testing.assert_allclose(backend.to_numpy(gradient)[:, :2], backend.to_numpy(gradient_of_kept), rtol=1e-12)
    assert not backend.to_numpy(gradient)[:, 2].any()


def test_equal_weights_are_none(array, plain):
    weights = {"row_weight": array([2.0, 2.0]), "column_weight": array([3.0, 3.0, 3.0])}
    value, weighed = ls.sinkhorn(array(COSTS)), ls.sinkhorn(array(COSTS), **weights)
    assert float(plain(weighed)) == pytest.approx(float(plain(value)), rel=1e-14)


@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
def test_nothing_to_move_is_refused(shape):
    with pytest.raises(ls.ContractError, match="at least one row and one column"):
        ls.sinkhorn(np.zeros(shape))


def test_no_iteration_is_refused():
    with pytest.raises(ls.ContractError, match="iterations` is 0"):
        ls.sinkhorn(COSTS, iterations=0)
