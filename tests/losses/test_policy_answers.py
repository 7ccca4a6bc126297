"""Losses of policies of whole answers: the weight of a token, groups with fewer answers, a single answer."""

import numpy as np
import pytest

import lossspec as ls

RANDOM = np.random.default_rng(5)
LOGS, REWARDS = -np.exp(RANDOM.normal(size=(2, 4))), RANDOM.normal(size=(2, 4))


def test_a_token_of_luspo_weighs_the_same_in_an_answer_of_any_length(backend):
    same = backend.from_numpy(np.full((2, 3), -1.0))
    given = same, backend.from_numpy(np.asarray([2.0, -3.0])), backend.from_numpy(np.asarray([1, 3]))
    gradient = backend.to_numpy(ls.luspo.grad(same, *given, reduction="sum"))
    assert gradient == pytest.approx(np.asarray([[-2.0, 0.0, 0.0], [3.0, 3.0, 3.0]]), rel=1e-15)


def test_luspo_is_gspo_times_the_tokens_that_count():
    old, advantages, lengths = LOGS[:, ::-1].copy(), np.asarray([1.0, -2.0]), np.asarray([4, 3])
    tokens = np.asarray([[True, False, True, True], [True, True, True, True]])
    clips = {"clip_low": 0.5, "clip_high": 3.0, "where_entries": tokens}
    got = ls.luspo.per_example(LOGS, old, advantages, lengths, **clips)
    assert got == pytest.approx(3 * ls.gspo.per_example(LOGS, old, advantages, lengths, **clips), rel=1e-15)
    nothing = ls.luspo.per_example(LOGS, old, advantages, np.zeros(2, dtype=int))
    assert nothing.tolist() == [0.0, 0.0]


def test_rloo_is_minus_the_sample_covariance():
    exact = [-np.cov(logs, rewards)[0, 1] for logs, rewards in zip(LOGS, REWARDS, strict=True)]
    assert ls.rloo.per_example(LOGS, REWARDS) == pytest.approx(exact, rel=1e-13)


def test_rloo_is_the_policy_gradient_of_the_advantages_over_the_others(backend):
    others = (REWARDS.sum(-1, keepdims=True) - REWARDS) / 3
    gradient = ls.rloo.grad(*map(backend.from_numpy, (LOGS, REWARDS)), reduction="sum")
    assert backend.to_numpy(gradient) == pytest.approx(-(REWARDS - others) / 4, rel=1e-13)


def test_a_prompt_with_fewer_answers_has_those_alone(backend):
    there = np.asarray([[True, True, False, True], [False, False, True, False]])
    spoiled = [backend.from_numpy(np.where(there, x, np.nan)) for x in (LOGS, REWARDS)]
    mask = backend.from_numpy(there)
    values = backend.to_numpy(ls.rloo.per_example(*spoiled, where_entries=mask))
    assert values[0] == pytest.approx(float(ls.rloo(LOGS[:1, [0, 1, 3]], REWARDS[:1, [0, 1, 3]])), rel=1e-14)
    assert values[1] == 0
    gradient = backend.to_numpy(ls.rloo.grad(*spoiled, where_entries=mask, reduction="sum"))
    assert gradient[0, 2] == 0
    assert not gradient[1].any()


def test_an_impossible_answer_of_the_mean_reward_counts_nothing():
    assert float(ls.rloo(np.asarray([[-np.inf, -1.0, -2.0]]), np.asarray([[1.0, 2.0, 0.0]]))) == -0.5
