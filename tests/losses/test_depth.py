"""Losses of depth: scales that do not count, pixels without depth, edges of an image."""

import math

import numpy as np
import pytest

import lossspec as ls

RANDOM = np.random.default_rng(2)
DEPTHS, OTHERS = np.exp(RANDOM.normal(size=(2, 2, 4, 5)))


def test_the_error_of_the_paper_does_not_change_with_the_scale(backend):
    known = float(ls.silog(DEPTHS, OTHERS, variance_focus=1.0))
    assert float(ls.silog(7 * DEPTHS, OTHERS, variance_focus=1.0)) == pytest.approx(known, rel=1e-13)
    d = np.log(DEPTHS / OTHERS)
    expected = (d**2).mean((1, 2)) - 0.5 * d.mean((1, 2)) ** 2
    found = ls.silog.per_example(*map(backend.from_numpy, (DEPTHS, OTHERS)))
    assert backend.to_numpy(found) == pytest.approx(expected, rel=1e-13)


def test_pixels_without_depth_are_left_out():
    known = RANDOM.random(DEPTHS.shape) < 0.5
    spoiled = np.where(known, OTHERS, 0.0)
    with np.errstate(all="raise"):
        value = ls.silog.per_example(DEPTHS, spoiled, where_entries=known)
    for i in range(2):
        alone = ls.silog(DEPTHS[i][known[i]][None], OTHERS[i][known[i]][None])
        assert value[i] == pytest.approx(float(alone), rel=1e-13)
    assert float(ls.silog(DEPTHS, OTHERS, where_entries=np.zeros_like(known))) == 0


def test_nearly_equal_depths_keep_their_digits():
    near = np.asarray([[1.0 + 2.0**-40, 1.0]])
    assert float(ls.silog(near, np.ones((1, 2)))) == pytest.approx(2.0**-80 * (1 / 2 - 1 / 8), rel=1e-11)


def test_smoothness_is_that_of_steps_where_the_image_has_none():
    d, flat = RANDOM.random((2, 3, 4)), np.zeros((2, 3, 3, 4))
    steps = np.abs(np.diff(d, axis=-1)).mean((1, 2)) + np.abs(np.diff(d, axis=-2)).mean((1, 2))
    assert ls.edge_aware_smoothness.per_example(d, flat) == pytest.approx(steps, rel=1e-14)
    edge = np.where(np.arange(4) < 2, 0.0, math.log(4.0)) * np.ones((1, 3, 3, 1))
    step = np.where(np.arange(4) < 2, 0.0, 1.0) * np.ones((1, 3, 1))
    assert float(ls.edge_aware_smoothness(step, edge)) == pytest.approx(1 / 4 / 3)


def test_a_single_pixel_has_no_steps():
    assert float(ls.edge_aware_smoothness(np.ones((1, 1, 1)), np.ones((1, 1, 1, 1)))) == 0
