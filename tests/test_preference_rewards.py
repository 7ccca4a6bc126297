"""Losses of implied rewards: closed forms, far preferences, and the ranks that AOT compares."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import MergeError

RANDOM = np.random.default_rng(7)
FOUR = [-np.exp(RANDOM.normal(1, 1, 6)) for _ in range(4)]
BY_RANK = pytest.mark.parametrize("loss", [ls.aot, ls.aot_unpaired], ids=["aot", "aot_unpaired"])


def softplus(z):
    return np.log1p(np.exp(z))


def margins(loss, policy_chosen, policy_rejected, reference_chosen, reference_rejected):
    if loss is ls.aot:
        return policy_chosen - policy_rejected, reference_chosen - reference_rejected
    return policy_chosen - reference_chosen, policy_rejected - reference_rejected


@BY_RANK
def test_the_sum_is_that_of_both_sorted(loss):
    first, second = margins(loss, *FOUR)
    z = 0.5 * (np.sort(first) - np.sort(second))
    expected = 0.9 * softplus(-z) + 0.1 * softplus(z)
    assert float(loss(*FOUR, beta=0.5, label_smoothing=0.1, reduction="sum")) == pytest.approx(
        expected.sum(), rel=1e-14
    )
    each = loss.per_example(*FOUR, beta=0.5, label_smoothing=0.1)
    assert each[np.argsort(first)] == pytest.approx(expected, rel=1e-13)


@BY_RANK
def test_one_pair_is_dpo_and_a_masked_pair_has_no_rank(loss):
    one = [x[:1] for x in FOUR]
    assert float(loss(*one)) == pytest.approx(float(ls.dpo(*one)), rel=1e-15)
    kept = np.asarray([True, False, True, True, False, True])
    spoiled = [np.where(kept, x, np.nan) for x in FOUR]
    alone = float(loss(*[x[kept] for x in FOUR]))
    assert float(loss(*spoiled, where=kept)) == pytest.approx(alone, rel=1e-15)
    with pytest.raises(MergeError, match="ranks"):
        loss.partial(*FOUR)


@BY_RANK
def test_impossible_answers_of_both_are_alike(loss):
    first, *others = (np.asarray([x, -1.0]) for x in (-math.inf, -2.0, -3.0, -3.0))
    values = loss.per_example(first, others[0], first, others[2])
    assert not np.isnan(values).any()


def test_apo_down_is_in_digits_where_both_slopes_are_nearly_equal():
    """The derivative is beta (s(c) - s(c - r)) with s the slope of the sigmoid, -beta r s'(c) for small r."""
    c, r, beta = -1.5, -(2.0**-40), 1.0
    zero = np.zeros(1)
    gradient = ls.apo_down.grad(np.asarray([c]), np.asarray([r]), zero, zero, beta=beta)[0]
    p = 1 / (1 + math.exp(-c))
    assert gradient == pytest.approx(r * p * (1 - p) * (1 - 2 * p), rel=1e-10)


def test_discopop_joins_two_losses():
    zero, x = np.zeros(3), np.asarray([-40.0, 0.0, -4.0])
    wrong, even, right = ls.discopop.per_example(x, np.asarray([0.0, 0.0, -44.0]), zero, zero).tolist()
    assert wrong == pytest.approx(float(softplus(4.0)), rel=1e-14)
    assert even == pytest.approx((math.log(2) + 1) / 2)
    assert right == pytest.approx(math.exp(-4), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hopeless_preference_has_a_finite_discopop(dtype):
    far = np.asarray([-1e5], dtype)
    zero = np.zeros(1, dtype)
    value, gradient = ls.discopop.value_and_grad(far, zero, zero, zero)
    assert float(value) == pytest.approx(1e4)
    assert gradient[0] == pytest.approx(-0.1)
