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


@pytest.mark.parametrize("sign", [-1, 1])
def test_apo_down_of_two_answers_that_moved_alike_and_far_lowers_the_chosen_one_by_the_margin_alone(sign):
    """Its derivative is beta (s(c) - s(0)) with s the slope of the sigmoid: nearly -beta / 4 for c = +-30."""
    far, near = np.asarray([-31.0]), np.asarray([-1.0])
    policy, reference = (near, far) if sign > 0 else (far, near)
    gradient = ls.apo_down.grad(policy, policy, reference, reference, beta=1.0)[0]
    slope = math.exp(-30) / (1 + math.exp(-30)) ** 2
    assert gradient == pytest.approx(slope - 0.25, rel=1e-14)


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


CHOSEN, REJECTED = np.asarray([-0.5, -1.0, -2.0, -3.0]), np.asarray([-1.5, -1.0, -0.25, -2.999])


@pytest.mark.parametrize("alpha", [-1.5, -1e-3, 0.25, 2.0])
def test_alpha_po_is_simpo_of_powers_of_the_probability(alpha):
    rewards = [(1 - np.exp(x) ** -alpha) / alpha for x in (CHOSEN, REJECTED)]
    exact = softplus(0.3 - 2 * (rewards[0] - rewards[1]))
    got = ls.alpha_po.per_example(CHOSEN, REJECTED, beta=2, alpha=alpha, gamma=0.3)
    assert got == pytest.approx(exact, rel=1e-12)


def test_alpha_po_tends_to_simpo_on_both_sides():
    simpo = ls.simpo.per_example(CHOSEN, REJECTED, beta=2, gamma=0.3)
    for alpha in (0.0, 1e-13, -1e-13):
        given = {"beta": 2, "alpha": alpha, "gamma": 0.3}
        assert ls.alpha_po.per_example(CHOSEN, REJECTED, **given) == pytest.approx(simpo, rel=1e-12)


def test_the_derivative_in_alpha_is_that_of_the_values(backend):
    chosen, rejected = map(backend.from_numpy, (CHOSEN, REJECTED))
    for alpha in (-2.0, -1e-6, 0.0, 1e-6, 0.25, 3.0):
        given = backend.from_numpy(np.asarray(alpha))
        got = ls.alpha_po.grad(chosen, rejected, alpha=given, reduction="sum", wrt="alpha")
        above, below = (
            float(ls.alpha_po(CHOSEN, REJECTED, alpha=alpha + step, reduction="sum")) for step in (1e-5, -1e-5)
        )
        assert float(backend.to_numpy(got)) == pytest.approx((above - below) / 2e-5, rel=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # NumPy says that the loss is inf
def test_far_answers_of_alpha_po_are_finite_unless_the_wrong_one_wins(backend):
    chosen, rejected = (
        backend.from_numpy(np.asarray(x)) for x in ([-1e4, -1e4, -1.0, -math.inf], [-1e4, -1.0, -1e4, -math.inf])
    )
    value, gradients = ls.alpha_po.value_and_grad(chosen, rejected, reduction="sum", wrt=("chosen", "rejected"))
    values = backend.to_numpy(ls.alpha_po.per_example(chosen, rejected))
    equal = float(np.log1p(np.exp(0.1)))
    assert values[[0, 2, 3]].tolist() == pytest.approx([equal, 0.0, equal], rel=1e-14)
    assert values[1] == float(value) == math.inf
    for gradient in map(backend.to_numpy, gradients):
        assert gradient[[0, 2, 3]].tolist() == [0.0, 0.0, 0.0]
