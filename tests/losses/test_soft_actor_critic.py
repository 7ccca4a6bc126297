"""Losses of soft actor-critic: where their gradients go, equal critics, the end of an episode."""

import numpy as np
import pytest

import lossspec as ls


def test_the_actor_follows_the_least_critic(backend):
    logs, values = (backend.from_numpy(np.asarray(x)) for x in ([-1.0, -2.0], [[3.0, 2.0], [4.0, 4.0]]))
    of_logs, of_values = ls.sac_actor.grad(
        logs, values, temperature=0.25, reduction="sum", wrt=("log_probabilities", "values")
    )
    assert backend.to_numpy(of_logs).tolist() == [0.25, 0.25]
    assert backend.to_numpy(of_values).tolist() == [[0.0, -1.0], [-1.0, 0.0]]  # of equal ones the first


def test_the_temperature_rises_while_the_entropy_is_below_its_target(backend):
    one = backend.from_numpy(np.ones(1))
    for log, sign in ((2.0, -1), (0.5, 1)):  # an entropy of -2 is below the target of -1, one of -1/2 above it
        logs = backend.from_numpy(np.full(3, log))
        gradient = ls.sac_temperature.grad(logs, one, target_entropy=-1.0, wrt="temperatures")
        assert np.sign(backend.to_numpy(gradient)).tolist() == [sign]


def test_the_target_of_a_value_is_that_of_the_least_critic_and_the_entropy():
    values, rewards, discounts = np.asarray([0.5, -1.0]), np.asarray([1.0, 2.0]), np.asarray([0.9, 0.5])
    later, logs = np.asarray([[3.0, 1.0], [0.0, 5.0]]), np.asarray([-0.7, 1.2])
    target = rewards + discounts * (later.min(-1) - 0.3 * logs)
    got = ls.sac_critic.per_example(values, rewards, discounts, later, logs, temperature=0.3)
    assert got == pytest.approx(0.5 * (values - target) ** 2, rel=1e-14)
    td = ls.sac_critic.per_example(values, rewards, discounts, later[:, :1], logs, temperature=0)
    assert td == pytest.approx(0.5 * (values - rewards - discounts * later[:, 0]) ** 2, rel=1e-14)


def test_after_the_end_an_impossible_action_counts_nothing(backend):
    given = [backend.from_numpy(np.asarray(x)) for x in ([1.0], [3.0], [0.0], [[5.0, 6.0]], [-np.inf])]
    value, gradient = ls.sac_critic.value_and_grad(*given)
    assert (float(value), backend.to_numpy(gradient).tolist()) == (2.0, [-2.0])
