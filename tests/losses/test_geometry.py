"""Losses of clouds of points and of rays: other formulas, ties, sizes that do not fit."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("squared", [True, False])
def test_chamfer_of_a_cloud_of_vectors_is_that_of_its_pairs(backend, squared):
    a, b = RANDOM.normal(size=(2, 5, 3)), RANDOM.normal(size=(2, 4, 3))
    distances = np.linalg.norm(a[:, :, None] - b[:, None], axis=-1) ** (2 if squared else 1)
    expected = distances.min(-1).mean(-1) + distances.min(-2).mean(-1)
    found = ls.chamfer_distance.per_example(*map(backend.from_numpy, (a, b)), squared=squared)
    assert backend.to_numpy(found) == pytest.approx(expected, rel=1e-14)
    order = RANDOM.permutation(5)
    assert float(ls.chamfer_distance(a, a[:, order], squared=squared)) == 0


def test_of_equally_near_points_the_first_one_moves(backend):
    one, two = backend.from_numpy(np.asarray([[[0.0]]])), backend.from_numpy(np.asarray([[[1.0], [-1.0]]]))
    gradient = backend.to_numpy(ls.chamfer_distance.grad(one, two))
    assert gradient.tolist() == [[[-2.0]]]  # the other way both have a pull, of which nothing is left


def test_clouds_without_points_are_refused():
    with pytest.raises(ContractError, match="without points"):
        ls.chamfer_distance(np.zeros((1, 0, 3)), np.zeros((1, 2, 3)))


def test_distortion_is_the_mean_distance_of_two_drawn_places():
    weights, places = RANDOM.random(3), np.cumsum(RANDOM.random(4))
    grid = (np.arange(400) + 0.5) / 400
    drawn = places[:-1, None] + (places[1:] - places[:-1])[:, None] * grid
    weight = np.repeat(weights / 400, 400)
    flat = drawn.ravel()
    expected = weight @ np.abs(flat[:, None] - flat[None]) @ weight
    assert float(ls.distortion(weights, places)) == pytest.approx(expected, rel=1e-4)
    assert float(ls.distortion(weights, places + 1e3)) == pytest.approx(expected, rel=1e-4)


def test_a_ray_has_one_more_end_than_intervals():
    with pytest.raises(ContractError, match="3 intervals"):
        ls.distortion(np.ones(3), np.ones(3))


def test_the_distortion_of_weights_too_large_for_their_products_is_infinite(backend):
    weights = backend.from_numpy(np.asarray([[1e25, 2e25]], dtype=np.float32))
    places = backend.from_numpy(np.asarray([[0.0, 1.0, 3.0]], dtype=np.float32))
    with np.errstate(over="ignore"):
        assert float(backend.to_numpy(ls.distortion(weights, places))) == math.inf
