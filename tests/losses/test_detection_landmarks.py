"""Losses of landmarks: both sides of the wing, the defaults of the papers, keypoints that nobody labelled."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError


def test_a_wing_is_continuous_and_adaptive_wing_smooth():
    below, above = np.nextafter(10.0, 0.0), 10.0
    assert float(ls.wing(np.asarray(below), np.asarray(0.0))) == pytest.approx(10 * math.log(6), rel=1e-14)
    assert float(ls.wing(np.asarray(above), np.asarray(0.0))) == pytest.approx(10 * math.log(6), rel=1e-14)
    for target in (0.0, 0.5, 1.0):
        x = np.asarray([np.nextafter(target + 0.5, 0.0), target + 0.5 + 1e-12])
        slopes = ls.adaptive_wing.grad(x, np.full(2, target), reduction="sum")
        assert slopes[0] == pytest.approx(slopes[1], rel=1e-9)


@pytest.mark.parametrize("loss", [ls.wing, ls.adaptive_wing])
def test_no_error_has_neither_loss_nor_gradient(backend, loss):
    x = backend.from_numpy(np.asarray([0.0, 0.25, 1.0]))
    value, gradient = loss.value_and_grad(x, x)
    assert float(value) == 0
    assert not backend.to_numpy(gradient).any()


def test_a_dark_pixel_has_nearly_a_squared_error_and_a_bright_one_a_wing():
    dark, bright = (float(ls.adaptive_wing(np.asarray(t + 1e-3), np.asarray(t), alpha=2.0)) for t in (0.0, 1.0))
    assert dark == pytest.approx(14 * 1e-6, rel=1e-5)
    assert bright == pytest.approx(14 * 1e-3, rel=1e-3)


def test_the_library_that_has_other_defaults_is_found():
    x, zero = np.asarray([3.0]), np.zeros(1)
    assert float(ls.get("segmentation-models-pytorch:wing_loss")(x, zero)) == pytest.approx(5 * math.log(7))


def test_a_keypoint_that_is_not_visible_is_not_read(backend):
    nan = math.nan
    p = backend.from_numpy(np.asarray([[[3.0, 4.0], [nan, nan]], [[nan, 1.0], [1.0, 2.0]]]))
    t = backend.from_numpy(np.asarray([[[0.0, 0.0], [1.0, nan]], [[nan, 1.0], [1.0, nan]]]))
    seen, areas = (backend.from_numpy(np.asarray(x)) for x in ([[1, 0], [0, 0]], [12.5, 1.0]))
    half = (0.5, 0.5)
    values = ls.object_keypoint_similarity.per_example(p, t, seen, areas, sigmas=half)
    assert backend.to_numpy(values).tolist() == pytest.approx([1 - math.exp(-1), 0.0])
    gradient = backend.to_numpy(ls.object_keypoint_similarity.grad(p, t, seen, areas, sigmas=half))
    assert np.isfinite(gradient).all()
    assert gradient[0, 0].all()
    assert not gradient[0, 1].any()
    assert not gradient[1].any()


def test_a_keypoint_whose_square_overflows_is_lost_without_a_gradient(backend):
    p = backend.from_numpy(np.asarray([[[1e19, 0.0], [-1e30, 3e30]], [[1e19, 0.0], [0.0, 1.0]]], dtype=np.float32))
    seen = backend.from_numpy(np.ones((2, 2), dtype=np.int64))
    areas = backend.from_numpy(np.asarray([1.0, 1.0], dtype=np.float32))
    loss = ls.object_keypoint_similarity.value_and_grad
    value, found = loss(p, 0 * p, seen, areas, sigmas=(0.5, 0.5), wrt=("predictions", "areas"), reduction="sum")
    assert float(backend.to_numpy(value)) == pytest.approx(1 + (2 - math.exp(-0.5)) / 2)
    of_points, of_areas = map(backend.to_numpy, found)
    assert of_points.ravel().tolist() == pytest.approx([0.0] * 7 + [math.exp(-0.5) / 2])
    assert of_areas.tolist() == pytest.approx([0.0, -math.exp(-0.5) / 4])


def test_the_keypoints_are_those_of_coco_unless_given():
    p, t = np.zeros((1, 17, 2)), np.zeros((1, 17, 2))
    p[0, 0, 0] = 0.052  # two sigmas of the nose
    loss = ls.object_keypoint_similarity(p, t, np.ones((1, 17), dtype=int), np.ones(1))
    assert float(loss) == pytest.approx((1 - math.exp(-0.5)) / 17)
    with pytest.raises(ContractError, match="keypoints"):
        ls.object_keypoint_similarity(p[:, :5], t[:, :5], np.ones((1, 5), dtype=int), np.ones(1))
