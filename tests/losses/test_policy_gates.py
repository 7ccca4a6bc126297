"""Losses of policies that weigh smoothly: the gradient at the old policy, far ratios, bounded weights."""

import math

import numpy as np
import pytest

import lossspec as ls


def test_at_the_old_policy_sapo_has_the_gradient_of_the_surrogate(backend):
    same, advantages = (backend.from_numpy(np.asarray([x])) for x in ([-1.0, -3.0], [2.0, -0.5]))
    gradient = ls.sapo.grad(same, same, advantages, reduction="sum")
    assert backend.to_numpy(gradient) == pytest.approx(np.asarray([[-2.0, 0.5]]), rel=1e-15)


def test_a_far_ratio_is_bounded_and_hardly_learns(backend):
    new, old, advantages = (backend.from_numpy(np.asarray([x])) for x in ([1e4, -1e4], [0.0, 0.0], [1.0, 1.0]))
    values = backend.to_numpy(ls.sapo.per_example(new, old, advantages))
    assert values[0].tolist() == pytest.approx([-4.0, -4 / (1 + math.e)])
    gradient = backend.to_numpy(ls.sapo.grad(new, old, advantages, reduction="sum"))
    assert gradient.tolist() == [[0.0, 0.0]]


def test_a_token_that_a_policy_rules_out_has_the_limit_in_sapo(backend):
    new, old, advantages = (
        backend.from_numpy(np.asarray([x])) for x in ([-math.inf, -1.0, -1.0], [-1.0, -math.inf, -1.0], [1.0, 1.0, 1.0])
    )
    values = backend.to_numpy(ls.sapo.per_example(new, old, advantages, temperature=1.0))
    assert values[0].tolist() == pytest.approx([-4 / (1 + math.e), -4.0, -2.0])
    gradient = backend.to_numpy(ls.sapo.grad(new, old, advantages, temperature=1.0, reduction="sum"))
    assert gradient.tolist() == [[0.0, 0.0, -1.0]]


def test_a_weight_is_bounded_and_constant(backend):
    logp, advantages = (backend.from_numpy(np.asarray(x)) for x in ([-1.0, -2.0, -math.inf], [1e4, -1.0, -1e4]))
    values, gradients = ls.advantage_weighted_regression.value_and_grad(
        logp, advantages, wrt=("log_probabilities", "advantages"), reduction="sum"
    )
    assert float(values) == pytest.approx(20 + 2 / math.e)
    assert backend.to_numpy(gradients[0]).tolist() == pytest.approx([-20.0, -1 / math.e, 0.0])
    assert not backend.to_numpy(gradients[1]).any()
