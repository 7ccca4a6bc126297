"""Losses of boxes against closed forms: formats, small losses, boxes without area, declared derivatives, bounds."""

import itertools
import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.sampling import edges, typical
from lossspec.errors import ContractError, DTypeError
from lossspec.terms import Box

nan = math.nan
DTYPES = [np.float32, np.float64]
FORMATS = ["xyxy", "xywh", "cxcywh"]
LOSSES = [ls.iou, ls.generalized_iou, ls.distance_iou, ls.complete_iou, ls.efficient_iou]
EACH = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.contract.name)
IN_EACH_FORMAT = pytest.mark.parametrize("format", FORMATS)


def written(corners, format, dtype=np.float64):
    """Boxes of these corners in a format."""
    low, high = np.split(np.asarray(corners, dtype), 2, axis=-1)
    if format == "xyxy":
        return np.concatenate([low, high], axis=-1)
    return np.concatenate([low if format == "xywh" else (low + high) / 2, high - low], axis=-1)


def gradients(backend, loss, predictions, targets, **options):
    """The gradients of the sum, as NumPy arrays."""
    inputs = map(backend.from_numpy, (predictions, targets))
    found = loss.grad(*inputs, wrt=("predictions", "targets"), reduction="sum", **options)
    return [backend.to_numpy(gradient) for gradient in found]


def shape(first, second):
    """v of two ratios of width to height."""
    return 4 / math.pi**2 * (math.atan(first) - math.atan(second)) ** 2


def weighed(overlap, v):
    return v**2 / (overlap + v)


HALF, EIGHTH = shape(2, 1), shape(1 / 2, 1)
# corners of predictions and targets; the losses in the order of LOSSES
CLOSED = {
    "half of each": ([0, 0, 2, 1], [1, 0, 3, 1], [2 / 3, 2 / 3, 2 / 3 + 1 / 10, 2 / 3 + 1 / 10, 2 / 3 + 1 / 10]),
    "corners": (
        [0, 0, 2, 2],
        [1, 1, 5, 3],
        [
            10 / 11,
            10 / 11 + 4 / 15,
            10 / 11 + 5 / 34,
            10 / 11 + 5 / 34 + weighed(10 / 11, HALF),
            10 / 11 + 5 / 34 + 4 / 25,
        ],
    ),
    "apart": (
        [0, 0, 2, 2],
        [4, 2, 6, 6],
        [1, 1 + 24 / 36, 1 + 25 / 72, 1 + 25 / 72 + weighed(1, EIGHTH), 1 + 25 / 72 + 4 / 36],
    ),
    "one in the other": (
        [0, 0, 4, 4],
        [1, 1, 2, 3],
        [7 / 8, 7 / 8, 7 / 8 + 1 / 128, 7 / 8 + 1 / 128 + weighed(7 / 8, EIGHTH), 7 / 8 + 1 / 128 + 9 / 16 + 4 / 16],
    ),
    "most of each": (
        [0, 0, 10, 10],
        [1, 1, 11, 11],
        [38 / 119, 38 / 119 + 2 / 121, 38 / 119 + 1 / 121, 38 / 119 + 1 / 121, 38 / 119 + 1 / 121],
    ),
    "crossed": (
        [0, 4, 9, 5],
        [4, 0, 5, 9],
        [16 / 17, 16 / 17 + 64 / 81, 16 / 17, 16 / 17 + weighed(16 / 17, shape(9, 1 / 9)), 16 / 17 + 2 * (8 / 9) ** 2],
    ),
    "touching": ([0, 0, 1, 1], [1, 0, 2, 1], [1, 1, 1 + 1 / 5, 1 + 1 / 5, 1 + 1 / 5]),
    "equal": ([1, 2, 4, 7], [1, 2, 4, 7], [0, 0, 0, 0, 0]),
    "a point twice": ([1, 2, 1, 2], [1, 2, 1, 2], [1, 1, 1, 1, 1]),
    "a segment twice": ([1, 2, 1, 4], [1, 2, 1, 4], [1, 1, 1, 1, 1]),
    "two points": ([0, 0, 0, 0], [3, 4, 3, 4], [1, 2, 2, 2, 2]),
    "a point in a box": ([1, 1, 1, 1], [0, 0, 2, 2], [1, 1, 1, 1, 3]),
    "flat and upright": ([0, 0, 2, 0], [0, 0, 0, 2], [1, 2, 1 + 1 / 4, 1 + 1 / 4 + 1 / 2, 1 + 1 / 4 + 2]),
    "a flat one and a square": (
        [0, 0, 2, 0],
        [0, 0, 2, 2],
        [1, 1, 1 + 1 / 8, 1 + 1 / 8 + weighed(1, 1 / 4), 1 + 1 / 8 + 1],
    ),
}


@IN_EACH_FORMAT
@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(array, plain, name, format):
    predictions, targets, wanted = CLOSED[name]
    for order in ([0, 1, 2, 3], [1, 0, 3, 2]):  # x and y may be exchanged, but for the ratio of both
        p, t = (array(written([np.asarray(box, float)[order]], format)) for box in (predictions, targets))
        for loss, value in zip(LOSSES, wanted, strict=True):
            assert plain(loss(p, t, format=format)) == pytest.approx(value, rel=1e-14, abs=1e-15)
            assert plain(loss(t, p, format=format)) == pytest.approx(value, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@IN_EACH_FORMAT
def test_nearly_equal_boxes_have_every_digit_of_their_loss(backend, dtype, format):
    grown = float(np.finfo(dtype).eps) * 8
    p, t = (backend.from_numpy(written([[0, 0, 1, top]], format, dtype)) for top in (1, 1 + grown))
    overlap = grown / (1 + grown)
    distance = (grown / 2) ** 2 / (1 + (1 + grown) ** 2)
    for loss, wanted in [
        (ls.iou, overlap),
        (ls.generalized_iou, overlap),
        (ls.distance_iou, overlap + distance),
        (ls.efficient_iou, overlap + distance + overlap**2),
    ]:
        got = float(backend.to_numpy(loss(p, t, format=format)))
        assert abs(got - wanted) <= 4 * np.finfo(dtype).eps * wanted


@pytest.mark.parametrize("format", ["xywh", "cxcywh"])
@EACH
def test_sizes_far_from_the_origin_keep_their_digits(backend, loss, format):
    """With a size of its own a box is nowhere rounded to the grid of numbers near its place."""
    near, far = ([[place, place, 0.1, 0.2], [place, place, 0.1, 0.2]] for place in (0.0, 3e6))
    bigger = [[0.0, 0.0, 0.05, 0.1], [0.0, 0.0, 0.02, -0.1]]
    values = []
    for boxes in (near, far):
        p, t = (np.asarray(x, np.float32) for x in (boxes, np.add(boxes, bigger)))
        values.append(backend.to_numpy(loss.per_example(*map(backend.from_numpy, (p, t)), format=format)))
    assert np.all(values[0] == values[1])


@EACH
def test_equal_boxes_have_no_gradient(backend, loss):
    for format in FORMATS:
        box = written([[0.3, 0.1, 0.7, 0.9], [-5.0, 1.0, 2.0, 7.0]], format)
        assert all(np.all(gradient == 0) for gradient in gradients(backend, loss, box, box, format=format))


def test_where_edges_coincide_the_derivative_is_the_mean_of_both_sides(backend):
    """The left edges are one: moved to the left l = 1 - 1 / (6 + t), to the right l = 1 - (1 - t) / 6."""
    (gradient, _) = gradients(backend, ls.iou, np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[0.0, -1.0, 2.0, 2.0]]))
    assert gradient[0].tolist() == pytest.approx([(-1 / 36 + 1 / 6) / 2, 1 / 6, -1 / 6, -1 / 6], rel=1e-13)


def test_boxes_apart_are_drawn_to_each_other(backend):
    p, t = np.asarray([[0.0, 0.0, 2.0, 2.0]]), np.asarray([[4.0, 2.0, 6.0, 6.0]])
    gradient, _ = gradients(backend, ls.iou, p, t)
    assert np.all(gradient == 0)
    # d^2 = 16 + 9 and c^2 = 36 + 36; the left and the lower edge are edges of the hull too
    wanted = [(-4 * 72 + 25 * 12) / 72**2, (-3 * 72 + 25 * 12) / 72**2, -4 / 72, -3 / 72]
    assert gradients(backend, ls.distance_iou, p, t)[0][0].tolist() == pytest.approx(wanted, rel=1e-13)
    # (C - U) / C = 1 - 12 / 36: the upper edges only add to the area of the prediction
    wanted = [2 / 36 - 12 * 6 / 36**2, 2 / 36 - 12 * 6 / 36**2, -2 / 36, -2 / 36]
    assert gradients(backend, ls.generalized_iou, p, t)[0][0].tolist() == pytest.approx(wanted, rel=1e-13, abs=1e-16)
    for loss in LOSSES[1:]:
        (gradient, _) = gradients(backend, loss, p, t)
        assert np.all(gradient[0, 2:] < 0)  # upwards and to the right is where the target is


def test_the_weight_of_the_shape_is_constant_for_the_gradient(backend):
    p, t = np.asarray([[0.0, 0.0, 1.0, 2.0]]), np.asarray([[0.0, 0.0, 1.0, 1.0]])
    complete, distance = (
        gradients(backend, loss, p, t, format="xywh")[0] for loss in (ls.complete_iou, ls.distance_iou)
    )
    angle = math.atan(1) - math.atan(1 / 2)
    v = 4 / math.pi**2 * angle**2
    weight = v / (1 / 2 + v)
    wanted = [0, 0, -weight * 8 / math.pi**2 * angle * 2 / 5, weight * 8 / math.pi**2 * angle * 1 / 5]
    assert (complete - distance)[0].tolist() == pytest.approx(wanted, rel=1e-13, abs=1e-16)


@EACH
@IN_EACH_FORMAT
def test_the_gradient_in_another_format_follows_by_the_chain_rule(backend, loss, format):
    corners = [[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 5.0, 3.0]]
    by_corners, _ = gradients(backend, loss, *map(np.asarray, corners))
    (gradient, _) = gradients(backend, loss, *(written(box, format) for box in corners), format=format)
    low, high = np.split(by_corners, 2, axis=-1)
    share = {"xyxy": (low, high), "xywh": (low + high, high), "cxcywh": (low + high, (high - low) / 2)}[format]
    assert np.allclose(gradient, np.concatenate(share, axis=-1), rtol=1e-12, atol=1e-15)


ODD = [
    [0, 0, 0, 0],
    [0, 0, 1, 1],
    [1, 0, 2, 1],
    [0, 0, 0, 1],
    [0, 0, 1, 0],
    [1, 1, 1, 1],
    [-2, -2, 3, 3],
    [0.5, 0, 0.5, 9],
]


@EACH
@IN_EACH_FORMAT
def test_boxes_that_touch_or_have_no_area_have_finite_losses_and_gradients(backend, loss, format):
    pairs = [np.asarray(side) for side in zip(*itertools.product(written(ODD, format), repeat=2), strict=True)]
    values = backend.to_numpy(loss.per_example(*map(backend.from_numpy, pairs), format=format))
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients(backend, loss, *pairs, format=format))


@IN_EACH_FORMAT
def test_bounds_and_symmetry(format):
    random = np.random.default_rng(5)
    facts = {"format": format}
    drawn = [np.concatenate([draw(Box, random, (300, 4), facts) for draw in (typical, edges)]) for _ in range(2)]
    assert not any(np.any(Box.outside(np, boxes, facts)) for boxes in drawn)
    overlap, generalized, distance, complete, efficient = (loss.per_example(*drawn, format=format) for loss in LOSSES)
    room = 1e-15
    assert np.all((overlap >= 0) & (overlap <= 1))
    assert np.all((generalized >= overlap - room) & (generalized <= 2))
    assert np.all((distance >= overlap - room) & (distance <= 2))
    assert np.all((complete >= distance - room) & (complete <= 2.5))
    assert np.all((efficient >= distance - room) & (efficient <= 4))
    for loss in LOSSES:
        assert np.allclose(
            loss.per_example(*drawn, format=format), loss.per_example(*drawn[::-1], format=format), 1e-12
        )


@EACH
def test_place_and_scale_do_not_matter(loss):
    random = np.random.default_rng(6)
    p, t = (typical(Box, random, (50, 4), {}) for _ in range(2))
    assert np.allclose(loss.per_example(p, t), loss.per_example(3 * p + 7, 3 * t + 7), rtol=1e-12)


WRONG = {
    "xyxy": [[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [nan, 0.0, 1.0, 1.0]],
    "xywh": [[5.0, 5.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 1.0, -1.0], [0.0, nan, 1.0, 1.0]],
    "cxcywh": [[5.0, 5.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 1.0, -1.0], [0.0, 0.0, 1.0, nan]],
}


@EACH
@IN_EACH_FORMAT
def test_a_box_of_negative_size_makes_its_own_unit_nan_and_raises_where_values_are_checked(array, plain, loss, format):
    boxes, right = array(WRONG[format]), array([WRONG[format][0]] * 4)
    for inputs in ((boxes, right), (right, boxes)):
        values = plain(loss.per_example(*inputs, format=format))
        assert values[0] == 0
        assert np.all(np.isnan(values[1:]))
    with (
        pytest.raises(
            ContractError, match=r"`targets` holds .* at index \(1,\); its domain is rows \(x1, y1, x2, y2\)"
        ),
        ls.checking("values"),
    ):
        loss(right, boxes, format=format)
    with ls.checking("values"):
        loss(boxes[:1, :], right[:1, :], format=format)
    mask = array([True, False, False, False])
    assert plain(loss(boxes, right, format=format, where=mask)) == 0


@EACH
def test_what_is_refused(array, loss):
    box = array([[0.0, 0.0, 1.0, 1.0]])
    name = loss.contract.name
    with pytest.raises(ContractError, match=rf"{name}: `format` is 'yxyx'; it must be one of \['xyxy'"):
        loss(box, box, format="yxyx")
    with pytest.raises(ContractError, match=f"{name}: .predictions. has shape .1, 3.*must have exactly 4 entries"):
        loss(box[:, :3], box[:, :3])
    with pytest.raises(ContractError, match=f"{name}: `targets` has shape"):
        loss(box, array([[0.0, 0.0, 1.0, 1.0]] * 2))
    with pytest.raises(DTypeError, match=f"{name}: `predictions`"):
        loss(array([[0, 0, 1, 1]], "int64"), array([[0, 0, 1, 1]], "int64"))


@EACH
def test_an_empty_batch_and_a_single_box(array, plain, loss):
    nothing = array(np.zeros((0, 4)))
    assert plain(loss.per_example(nothing, nothing)).shape == (0,)
    assert plain(loss(nothing, nothing, empty=0.0)) == 0
    box = array([0.0, 0.0, 1.0, 1.0])
    assert plain(loss(box, box)) == 0


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("giou", ls.generalized_iou),
        ("BoxGIoULoss", ls.generalized_iou),
        ("diou", ls.distance_iou),
        ("ciou", ls.complete_iou),
    ],
)
def test_names_of_other_libraries(name, loss):
    assert ls.get(name) is loss


# Scores and distributions of edges.


def test_quality_focal_of_hard_targets_is_sigmoid_focal(array, plain):
    logits, targets = array([-3.0, -0.5, 0.5, 3.0]), array([0.0, 1.0, 0.0, 1.0])
    of_quality = plain(ls.quality_focal.per_example(logits, targets, beta=1.5))
    assert np.allclose(of_quality, plain(ls.sigmoid_focal.per_example(logits, targets, gamma=1.5)), rtol=1e-14)


def test_a_score_that_is_its_quality_has_no_quality_focal_loss(array, plain):
    even = array([0.0])
    assert plain(ls.quality_focal(even, array([0.5]))) == plain(ls.quality_focal(even, array([0.5]), beta=1.0)) == 0


def test_varifocal_weighs_positive_boxes_by_their_quality_and_focuses_on_hard_negative_ones(array, plain):
    got = plain(ls.varifocal.per_example(array([0.0, 0.0, 40.0]), array([0.8, 0.0, 0.0]), alpha=0.5, gamma=1.0))
    assert np.allclose(got, [0.8 * np.log(2), 0.25 * np.log(2), 20.0], rtol=1e-14)


def test_distribution_focal_of_whole_numbers_is_cross_entropy(array, plain):
    logits = array([[0.5, -1.0, 2.0]] * 3)
    got = plain(ls.distribution_focal.per_example(logits, array([0.0, 1.0, 2.0])))
    assert np.allclose(got, plain(ls.cross_entropy.per_example(logits, array([0, 1, 2]))), rtol=1e-15)


def test_distribution_focal_of_a_target_beyond_the_bins_is_nan(array, plain):
    got = plain(ls.distribution_focal.per_example(array([[0.0, 0.0]] * 3), array([1.0, 1.5, -0.5])))
    assert np.isnan(got).tolist() == [False, True, True]


@IN_EACH_FORMAT
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-2, 1e-6, 1e-10])
def test_a_far_smaller_box_has_its_own_aspect_ratio(size, dtype, format):
    """The difference of two sizes holds no digit of the smaller one."""
    a, b = written([[-1, -1, 3, 1]], format, dtype), written([[0, 0, 3 * size, 7 * size]], format, dtype)
    for first, second in ((a, b), (b, a)):
        overlap, distance = (float(loss(first, second, format=format)) for loss in (ls.iou, ls.distance_iou))
        wanted = distance + weighed(overlap, shape(2, 3 / 7))
        room = 8 * float(np.finfo(dtype).eps)
        assert float(ls.complete_iou(first, second, format=format)) == pytest.approx(wanted, rel=room)
