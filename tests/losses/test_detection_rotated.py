"""Losses of rotated boxes: axis-aligned closed forms, other names of the same Gaussian, and small losses."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError

LOSSES = [ls.gaussian_wasserstein_distance, ls.kullback_leibler_box, ls.prob_iou]
EACH = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.contract.name)
BOX, OTHER = np.asarray([[1.0, 2.0, 2.0, 4.0, 0.3]]), np.asarray([[0.5, 2.5, 3.0, 1.0, 1.0]])


def turned(box, angle, exchanged=False):
    x, y, w, h, a = box[0]
    return np.asarray([[x, y, *((h, w) if exchanged else (w, h)), a + angle]])


@EACH
def test_another_name_of_a_box_is_the_same_box(loss):
    known = float(loss(BOX, OTHER))
    for name in (turned(BOX, math.pi), turned(BOX, math.pi / 2, exchanged=True)):
        assert float(loss(name, OTHER)) == pytest.approx(known, rel=1e-14)
        assert float(loss(OTHER, name)) == pytest.approx(float(loss(OTHER, BOX)), rel=1e-14)
        assert float(loss(name, BOX)) < 1e-14


@EACH
def test_equal_boxes_have_neither_loss_nor_gradient(backend, loss):
    box = backend.from_numpy(BOX)
    value, gradient = loss.value_and_grad(box, box)
    assert float(value) == 0
    assert not backend.to_numpy(gradient).any()


@EACH
def test_the_angle_of_a_square_says_nothing(loss):
    square = np.asarray([[0.0, 0.0, 2.0, 2.0, 0.0]])
    assert float(loss(turned(square, 0.7), OTHER)) == pytest.approx(float(loss(square, OTHER)), rel=1e-14)


def test_aligned_boxes_have_the_distances_of_products_of_two_gaussians():
    p, t = np.asarray([[0.0, 0.0, 2.0, 4.0, 0.0]]), np.asarray([[3.0, 4.0, 6.0, 4.0, 0.0]])
    wasserstein = 25 + (1 - 3) ** 2
    assert float(ls.gaussian_wasserstein_distance(p, t)) == pytest.approx(1 - 1 / (1 + math.log(1 + wasserstein)))
    root = ls.gaussian_wasserstein_distance(p, t, transform="sqrt", tau=2.0)
    assert float(root) == pytest.approx(1 - 1 / (2 + math.sqrt(wasserstein)))
    kl = (9 / 9 + 16 / 4 + 1 / 9 + 1 + math.log(9)) / 2 - 1
    assert float(ls.kullback_leibler_box(p, t)) == pytest.approx(1 - 1 / (1 + math.log(1 + kl)))
    variances = [(4 / 12, 36 / 12), (16 / 12, 16 / 12)]
    means = [(a + b) / 2 for a, b in variances]
    bhattacharyya = (9 / means[0] + 16 / means[1]) / 8
    bhattacharyya += math.log(math.prod(means) / math.sqrt(math.prod(a * b for a, b in variances))) / 2
    assert float(ls.prob_iou(p, t, mode="bhattacharyya")) == pytest.approx(bhattacharyya)
    assert float(ls.prob_iou(p, t)) == pytest.approx(math.sqrt(1 - math.exp(-bhattacharyya)))


@EACH
def test_small_losses_keep_their_digits(loss):
    """Twice the step is four times the squared distance."""
    options = {"mode": "bhattacharyya"} if loss is ls.prob_iou else {}
    for place, step in ((0, 2.0**-30), (2, 2.0**-28), (4, 2.0**-28)):
        once, twice = BOX.copy(), BOX.copy()
        once[0, place] += step
        twice[0, place] += 2 * step
        assert float(loss(twice, BOX, **options)) == pytest.approx(4 * float(loss(once, BOX, **options)), rel=1e-6)


@EACH
def test_a_box_without_sides_is_nan(loss):
    flat = np.asarray([[0.0, 0.0, 0.0, 1.0, 0.0]])
    assert np.isnan(loss.per_example(flat, OTHER)).all()
    with ls.checking("values"), pytest.raises(ContractError, match="width > 0"):
        loss(flat, OTHER)


@pytest.mark.parametrize("name", ["predictions", "targets"])
def test_the_gradient_of_a_box_that_is_far_from_a_much_larger_one_is_that_of_its_logarithm(name, backend):
    """Of upright boxes d = 3 x^2 / (w^2 + v^2) + log((w^2 + v^2) / (2 w v)) / 2 on either axis, by hand."""
    small, large = [0.0, 0.0, 3.0, 2.0, 0.0], [900.0, 400.0, 120.0, 90.0, 0.0]
    wanted = [
        v / (w * w + v * v) - 1 / (2 * v) - 6 * x * x * v / (w * w + v * v) ** 2
        for x, w, v in ((900, 120, 3), (400, 90, 2))
    ]
    boxes = {"predictions": large, "targets": large, name: small}
    arrays = (backend.from_numpy(np.asarray([boxes[k]], dtype=np.float32)) for k in ("predictions", "targets"))
    _, gradient = ls.prob_iou.value_and_grad(*arrays, mode="bhattacharyya", wrt=name)
    assert backend.to_numpy(gradient)[0, 2:4] == pytest.approx(wanted, rel=1e-6)
