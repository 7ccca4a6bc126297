"""Losses that reshape the overlap of boxes: limits, the order of what they weigh, sizes of the image, equal boxes."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError

A, B = np.asarray([[0.0, 0.0, 2.0, 2.0]]), np.asarray([[1.0, 0.0, 3.0, 2.0]])
LOSSES = [ls.alpha_iou, ls.mpd_iou, ls.siou, ls.wise_iou]
EACH = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.contract.name)


def test_they_are_what_they_add_to_the_iou_loss():
    overlap = 1 / 3
    assert float(ls.alpha_iou(A, B, alpha=2.0)) == pytest.approx(1 - overlap**2, rel=1e-15)
    assert float(ls.alpha_iou(A, B, alpha=1.0)) == pytest.approx(float(ls.iou(A, B)), rel=1e-15)
    assert float(ls.mpd_iou(A, B, width=3.0, height=4.0)) == pytest.approx(1 - overlap + 2 / 25, rel=1e-15)
    assert float(ls.wise_iou(A, B)) == pytest.approx(math.exp(1 / 13) * (1 - overlap), rel=1e-15)
    assert float(ls.siou(A, B)) == pytest.approx(1 - overlap + (1 - math.exp(-2 / 9)) / 2, rel=1e-15)  # no angle cost


def test_the_angle_cost_of_siou_is_largest_on_the_diagonal():
    small, far = np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[3.0, 3.0, 4.0, 4.0]])
    assert float(ls.siou(small, far)) == pytest.approx(1 + (2 - 2 * math.exp(-((3 / 4) ** 2))) / 2, rel=1e-15)


@EACH
@pytest.mark.parametrize("written", ["xyxy", "xywh", "cxcywh"])
def test_equal_boxes_have_neither_loss_nor_gradient(backend, loss, written):
    box = backend.from_numpy(np.asarray([[0.25, 0.5, 0.75, 1.0]]))
    value, gradient = loss.value_and_grad(box, box, format=written)
    assert float(value) == 0
    assert not backend.to_numpy(gradient).any()


@EACH
def test_small_losses_keep_their_digits(loss):
    shift = 2.0**-40
    near = B + np.asarray([shift, 0.0, shift, 0.0])
    alone = float(loss(near, B))
    factor = 3 if loss is ls.alpha_iou else 1
    assert alone == pytest.approx(factor * float(ls.iou(near, B)), rel=1e-11)


def test_boxes_that_do_not_meet_have_a_gradient_where_a_distance_is_added(backend):
    low, high = (backend.from_numpy(x) for x in (A, A + 5.0))
    moves = {loss: backend.to_numpy(loss.grad(low, high)).any() for loss in LOSSES}
    assert moves == {ls.alpha_iou: False, ls.mpd_iou: True, ls.siou: True, ls.wise_iou: True}


def test_powers_below_one_are_refused():
    with pytest.raises(ContractError, match="alpha"):
        ls.alpha_iou(A, B, alpha=0.5)
