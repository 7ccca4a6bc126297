"""Losses of estimates of a return: a limit, orders, empty sets."""

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
