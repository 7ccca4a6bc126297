"""Losses of estimates of a return: a limit, orders, empty sets."""

import math

import numpy as np
import pytest

import lossspec as ls


def test_quantile_td_tends_to_the_quantile_loss(array, plain):
    random = np.random.default_rng(0)
    predictions, targets = random.normal(size=(2, 3)), random.normal(size=(2, 4))
    pairs = np.broadcast_to(predictions[:, :, None], (2, 3, 4)), np.broadcast_to(targets[:, None, :], (2, 3, 4))
    levels = np.asarray([1, 3, 5])[None, :, None] / 6
    exact = plain(ls.quantile.per_example(*map(array, pairs), level=array(levels))).mean(-1).sum(-1)
    got = plain(ls.quantile_td.per_example(array(predictions), array(targets), kappa=1e-9))
    assert np.allclose(got, exact, rtol=1e-7)


def test_a_quantile_below_its_targets_is_drawn_up_by_its_level(array, plain):
    gradient = plain(ls.quantile_td.grad(array([[0.0, 0.0]]), array([[5.0, 7.0, -9.0]]), reduction="sum"))
    assert np.allclose(gradient, [[(-1 / 4 * 2 + 3 / 4) / 3, (-3 / 4 * 2 + 1 / 4) / 3]], rtol=1e-14)


@pytest.mark.parametrize("shapes", [((2, 0), (2, 3)), ((2, 3), (2, 0))])
def test_no_quantile_and_no_sample_have_loss_0(array, plain, shapes):
    assert plain(ls.quantile_td.per_example(*(array(np.ones(shape)) for shape in shapes))).tolist() == [0.0, 0.0]


def test_a_moved_atom_is_shared_by_its_neighbours():
    logits = np.log(np.asarray([[0.5, 0.25, 0.25]]))
    targets = np.asarray([[0.0, 1.0, 0.0]])

    def loss(reward, discount):
        numbers = (np.asarray([float(x)]) for x in (reward, discount))
        return float(ls.categorical_td(logits, targets, *numbers, lowest=-1.0, step=1.0))

    assert loss(0, 1) == pytest.approx(np.log(4))
    assert loss(-0.25, 1) == pytest.approx(0.25 * np.log(2) + 0.75 * np.log(4))
    assert loss(5, 0) == pytest.approx(np.log(4))  # clipped to the last atom
    assert loss(-5, 0) == pytest.approx(np.log(2))


def v_trace_errors(values, following, rewards, discounts, ratios, clip=1.0, trace=1.0, decay=1.0):
    """The sums of the paper, one by one: discounted differences times products of ratios."""
    steps = range(len(values))
    delta = [
        min(clip, r) * (reward + d * after - v)
        for v, after, reward, d, r in zip(values, following, rewards, discounts, ratios, strict=True)
    ]
    shares = [d * decay * min(trace, r) for d, r in zip(discounts, ratios, strict=True)]
    return np.asarray([sum(math.prod(shares[s:t]) * delta[t] for t in steps[s:]) for s in steps])


def test_v_trace_sums_the_differences_of_the_paper(backend):
    random = np.random.default_rng(3)
    values, following, rewards, logs = random.normal(size=(4, 2, 5))
    discounts = np.asarray([[0.9, 0.5, 0.0, 1.0, 0.9], [0.9, 0.9, 0.9, 0.9, 0.9]])
    lengths = np.asarray([5, 3])
    inputs = map(backend.from_numpy, (values, following, rewards, discounts, logs, lengths))
    parameters = {"clip_ratio": 1.5, "clip_trace": 0.75, "trace_decay": 0.5}
    value, gradient = ls.v_trace.value_and_grad(*inputs, reduction="sum", **parameters)
    total = 0.0
    for i, n in enumerate(lengths):
        rows = (x[i, :n] for x in (values, following, rewards, discounts, np.exp(logs)))
        errors = v_trace_errors(*rows, 1.5, 0.75, 0.5)
        np.testing.assert_allclose(backend.to_numpy(gradient)[i], [*-errors, *[0.0] * (5 - n)], rtol=1e-12)
        total += (errors**2).sum() / 2
    assert float(value) == pytest.approx(total, rel=1e-12)


def test_v_trace_of_one_step_is_the_temporal_difference():
    values, following, rewards, discounts = np.asarray([[[0.5], [2.0]], [[1.0], [3.0]], [[0.1], [9.0]], [[0.5], [0.0]]])
    losses = ls.v_trace.per_example(values, following, rewards, discounts, 0 * values, np.asarray([1, 1]))
    np.testing.assert_allclose(losses, ls.td_error.per_example(values, following, rewards, discounts)[:, 0], rtol=1e-14)


def test_v_trace_without_steps_is_nothing_and_a_huge_ratio_is_clipped():
    none = np.zeros((2, 0))
    assert ls.v_trace.per_example(*[none] * 5, np.asarray([0, 0])).tolist() == [0.0, 0.0]
    one = np.ones((1, 1))
    value, gradient = ls.v_trace.value_and_grad(0 * one, one, one, one, 1e4 * one, np.asarray([1]))
    assert (float(value), gradient.tolist()) == (2.0, [[-2.0]])
