"""Overlap losses against closed forms: values, digits, empty regions, declared derivatives, limits, other libraries."""

import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest
from mpmath import mpf

import lossspec as ls
from lossspec.conformance.cases import Case
from lossspec.conformance.measure import gradient_error
from lossspec.conformance.oracle import solve
from lossspec.conformance.peers import PEERS, names_of
from lossspec.conformance.probes import probe_of
from lossspec.errors import ContractError, DTypeError

DTYPES = [np.float32, np.float64]
MASKS = [
    ls.dice,
    ls.batch_dice,
    ls.jaccard,
    ls.tversky,
    ls.batch_tversky,
    ls.focal_tversky,
    ls.generalized_dice,
    ls.mcc,
]
P = np.asarray([[[1.0, 1.0, 0.5, 0.0, 0.25]]])  # O = 1.5, F = 1.25, N = 0.5: sizes 2.75 and 2
T = np.asarray([[[1.0, 0.0, 1.0, 0.0, 0.0]]])


def names(losses):
    return [loss.contract.name for loss in losses]


def value(backend, loss, *inputs, **options):
    result = loss(*map(backend.from_numpy, inputs), **options)
    return backend.to_numpy(result)


def gradients(backend, loss, *inputs, **options):
    """The gradient in every real input, as NumPy arrays."""
    wrt = tuple(a.name for a, x in zip(loss.contract.inputs, inputs, strict=True) if x.dtype.kind == "f")
    found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=wrt, **options)[1]
    return [backend.to_numpy(gradient) for gradient in found]


def close(got, wanted, dtype=np.float64, ulps=4):
    return np.all(np.abs(np.asarray(got) - wanted) <= ulps * np.finfo(dtype).eps * np.abs(wanted))


CLOSED = {
    "dice": (ls.dice, {}, 1 - 3 / 4.75),
    "smoothed dice": (ls.dice, {"smooth": 1.25}, 1 - 4.25 / 6),
    "dice with a floor": (ls.dice, {"smooth_denominator": 0.25}, 1 - 3 / 5),
    "dice with both": (ls.dice, {"smooth": 1.0, "smooth_denominator": 0.25}, 1 - 4 / 5),
    "squared dice": (ls.dice, {"squared": True}, 1 - 3 / (2 + 0.25 + 0.0625 + 2)),
    "batch dice": (ls.batch_dice, {}, 1 - 3 / 4.75),
    "jaccard": (ls.jaccard, {}, 1 - 1.5 / 3.25),
    "smoothed jaccard": (ls.jaccard, {"smooth": 0.75}, 1 - 2.25 / 4),
    "tversky": (ls.tversky, {"alpha": 0.2, "beta": 3.0}, 1 - 1.5 / (1.5 + 0.25 + 1.5)),
    "batch tversky": (ls.batch_tversky, {"alpha": 0.2, "beta": 3.0, "smooth": 0.75}, 1 - 2.25 / 4),
    "focal tversky": (ls.focal_tversky, {"alpha": 0.2, "beta": 3.0, "gamma": 2.0}, (1.75 / 3.25) ** 2),
    "generalized dice": (ls.generalized_dice, {}, 1 - 3 / 4.75),
    "mcc": (ls.mcc, {}, 1 - (1.5 * 1.75 - 1.25 * 0.5) / math.sqrt(2.75 * 2 * 3 * 2.25)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_loss_has_its_closed_form(backend, name):
    loss, options, wanted = CLOSED[name]
    assert close(value(backend, loss, P, T, **options), wanted)


def test_soft_targets_have_the_minimum_or_the_product_for_their_overlap(backend):
    p, t = np.asarray([[[0.5, 0.25]]]), np.asarray([[[0.25, 0.75]]])
    assert close(value(backend, ls.dice, p, t), 1 - 2 * 0.3125 / 1.75)
    assert close(value(backend, ls.dice, p, t, overlap="minimum"), 1 - 2 * 0.5 / 1.75)
    assert close(value(backend, ls.tversky, p, t, alpha=1.0, beta=0.5, overlap="minimum"), 1 - 0.5 / 1.0)
    for loss in (ls.dice, ls.jaccard):
        assert value(backend, loss, p, p) > 0.4
        assert value(backend, loss, p, p, squared=True) == 0
        assert value(backend, loss, p, p, overlap="minimum") == 0


def test_equal_probabilities_share_the_derivative_of_their_minimum(backend):
    p, t = np.asarray([[[0.5, 1.0]]]), np.asarray([[[0.5, 0.0]]])  # 2 min = 1 of 2: 1 / 2
    of_p, of_t = gradients(backend, ls.dice, p, t, overlap="minimum", reduction="sum")
    assert np.all(of_p == [[[-0.25, 0.25]]])
    assert np.all(of_t == [[[-0.25, -0.75]]])


def test_weighing_false_positives_and_negatives_alike_gives_dice_and_jaccard(backend):
    random = np.random.default_rng(0)
    p, t = random.random((2, 3, 4)), random.random((2, 3, 4))
    assert np.allclose(value(backend, ls.tversky, p, t), value(backend, ls.dice, p, t), rtol=1e-14)
    both = value(backend, ls.tversky, p, t, alpha=1.0, beta=1.0)
    assert np.allclose(both, value(backend, ls.jaccard, p, t), rtol=1e-14)


def test_alpha_weighs_false_positives_and_beta_false_negatives(backend):
    only_false_positives = np.asarray([[[1.0, 1.0]]]), np.asarray([[[1.0, 0.0]]])
    for loss in (ls.tversky, ls.batch_tversky):
        assert value(backend, loss, *only_false_positives, alpha=0.0, beta=5.0) == 0
        assert value(backend, loss, *only_false_positives, alpha=3.0, beta=0.0) == 0.75


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_nearly_perfect_region_has_every_digit(backend, dtype):
    step = 2.0**-20
    p, t = np.asarray([[[1 - step, 0.0]]], dtype), np.asarray([[[1.0, 0.0]]], dtype)
    assert close(value(backend, ls.dice, p, t), step / (2 - step), dtype)
    assert close(value(backend, ls.jaccard, p, t), step, dtype)
    assert close(value(backend, ls.tversky, p, t, alpha=7.0, beta=0.5), 0.5 * step / (1 - step / 2), dtype)
    series = step - step**2 / 2 + step**3 / 2  # 1 - sqrt((1 - e) / (1 + e))
    assert close(value(backend, ls.mcc, p, t), series, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [ls.batch_dice, ls.batch_tversky], ids=lambda loss: loss.contract.name)
def test_the_weight_of_all_examples_changes_nothing_however_large(backend, loss, dtype):
    weight = backend.from_numpy(np.asarray([2.0**30], dtype))
    assert close(value(backend, loss, P.astype(dtype), T.astype(dtype), sample_weight=weight), 1 - 3 / 4.75, dtype)


def test_a_correlation_of_tiny_regions_does_not_underflow(backend):
    p, t = np.asarray([[[1e-30, 0.0]]], np.float32), np.asarray([[[1e-30, 0.0]]], np.float32)
    got = value(backend, ls.mcc, p, t)  # a = 1e-60, sides 1e-30: the correlation is 1/2 of 2e-30, nothing
    assert close(got, 1.0, np.float32)


# Empty regions.


@pytest.mark.parametrize("loss", MASKS, ids=names(MASKS))
def test_a_region_that_is_empty_in_both_is_a_perfect_match_without_derivative(backend, loss):
    empty = np.zeros((1, 1, 3))
    assert np.all(value(backend, loss, empty, empty) == 0)
    assert all(np.all(gradient == 0) for gradient in gradients(backend, loss, empty, empty))


def test_a_floor_alone_makes_an_empty_region_1(backend):
    empty = np.zeros((1, 1, 3))
    assert value(backend, ls.dice, empty, empty, smooth_denominator=1e-7) == 1
    assert value(backend, ls.get("Dice"), empty, empty) == 1
    assert value(backend, ls.dice, empty, empty, smooth=1e-7) == 0


def test_a_class_that_is_absent_counts_or_is_zero(backend):
    p = np.asarray([[[1.0, 0.0], [0.5, 0.0]]])
    t = np.asarray([[[1.0, 1.0], [0.0, 0.0]]])
    for loss in (ls.batch_dice, ls.batch_tversky):
        assert close(value(backend, loss, p, t), (1 / 3 + 1) / 2)
        assert close(value(backend, loss, p, t, absent="zero"), 1 / 6)
        weight = backend.from_numpy(np.asarray([3.0, 1.0]))
        assert close(value(backend, loss, p, t, channel_weight=weight), (3 / 3 + 1) / 4)
        assert close(value(backend, loss, p, t, average="micro"), 1 - 2 / 3.5)
        assert close(value(backend, loss, p, t, average="micro", channel_weight=weight), 1 - 6 / 9.5)
        nothing = backend.from_numpy(np.asarray([0.0, 0.0]))
        assert value(backend, loss, p, t, channel_weight=nothing) == 0


def test_an_absent_class_has_the_weight_of_the_rarest_that_is_present(backend):
    p = np.asarray([[[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]])
    t = np.asarray([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    # weights 1/4, 1 and 1: overlaps 1, 1, 0 of sizes 3, 2, 1
    assert close(value(backend, ls.generalized_dice, p, t), 1 - 2 * 1.25 / (0.75 + 2 + 1))
    assert close(value(backend, ls.generalized_dice, p, t, smooth=0.5), 1 - 3 / 4.25)
    nowhere = np.zeros_like(t)
    assert value(backend, ls.generalized_dice, p, nowhere) == 1
    assert close(value(backend, ls.generalized_dice, p, nowhere, smooth=1.0), 1 - 1 / 4)


def test_weights_of_tiny_classes_do_not_overflow(backend):
    p = np.asarray([[[1e-25, 0.0], [1.0, 1.0]]], np.float32)
    got = value(backend, ls.generalized_dice, p, p)  # as good as the first class alone, 2 O / S = 1e-25
    assert close(got, 1.0, np.float32)
    for gradient in gradients(backend, ls.generalized_dice, p, p):
        assert np.all(np.isfinite(gradient))


def test_there_is_no_correlation_with_a_constant(backend):
    p, t = np.asarray([[[1.0, 0.0]]]), np.asarray([[[1.0, 1.0]]])
    for prediction, target in ((p, t), (t, p), (p, 0 * t), (0 * t, p)):
        assert value(backend, ls.mcc, prediction, target) == 1
        assert all(np.all(gradient == 0) for gradient in gradients(backend, ls.mcc, prediction, target))
    assert value(backend, ls.mcc, t, t) == 0
    assert value(backend, ls.mcc, p, 1 - p) == 2
    assert value(backend, ls.mcc, p, p) == 0


@pytest.mark.parametrize("gamma", [0.25, 1.0, 3.0])
def test_the_power_of_a_perfect_match_has_no_derivative(backend, gamma):
    assert value(backend, ls.focal_tversky, T, T, gamma=gamma) == 0
    assert all(np.all(gradient == 0) for gradient in gradients(backend, ls.focal_tversky, T, T, gamma=gamma))


NO_PIXELS = {
    **{loss: (np.zeros((2, 3, 0)), np.zeros((2, 3, 0))) for loss in (*MASKS, ls.boundary, ls.dice_focal)},
    ls.combo: (np.zeros((2, 3, 0)), np.zeros((2, 0), np.int64)),
    ls.lovasz_softmax: (np.zeros((2, 3, 0)), np.zeros((2, 0), np.int64)),
    ls.lovasz_hinge: (np.zeros((2, 0)), np.zeros((2, 0), np.int64)),
}


@pytest.mark.parametrize("loss", NO_PIXELS, ids=names(NO_PIXELS))
def test_without_pixels_a_loss_is_0(backend, loss):
    assert np.all(value(backend, loss, *NO_PIXELS[loss]) == 0)


@pytest.mark.parametrize("loss", NO_PIXELS, ids=names(NO_PIXELS))
def test_a_mean_over_no_image_is_nan_unless_declared(backend, loss):
    empty = [x[:0] for x in NO_PIXELS[loss]]
    if "mean" in loss.contract.reductions:
        assert np.isnan(value(backend, loss, *empty))
        assert value(backend, loss, *empty, empty=0.0) == 0
    else:
        assert value(backend, loss, *empty) == 0


@pytest.mark.parametrize("loss", MASKS, ids=names(MASKS))
def test_a_region_needs_no_space_axis_and_may_have_three(backend, loss):
    flat = np.asarray([[1.0], [0.0]]), np.asarray([[1.0], [1.0]])
    assert np.all(np.isfinite(value(backend, loss, *flat)))
    random = np.random.default_rng(1)
    p, t = random.random((2, 2, 2, 1, 3)), random.random((2, 2, 2, 1, 3))
    same = value(backend, loss, p.reshape(2, 2, 6), t.reshape(2, 2, 6))
    assert np.allclose(value(backend, loss, p, t), same, rtol=1e-14)


# Unified focal loss.


def test_the_unified_focal_loss_has_its_closed_form(backend):
    p, t = np.asarray([[[0.75, 0.5]]]), np.asarray([[[1.0, 0.0]]])
    # region: 0.75 shared, 0.25 missed, 0.5 wrong; background: 0.5 shared, 0.5 missed, 0.25 wrong
    missed, behind = 1 - 0.75 / (0.75 + 0.6 * 0.25 + 0.4 * 0.5), 1 - 0.5 / (0.5 + 0.6 * 0.5 + 0.4 * 0.25)
    surprise, alarm = -0.6 * math.log(0.75), -0.4 * 0.5**0.25 * math.log(0.5)
    options = {"overlap_weight": 0.25, "gamma": 0.25}
    wanted = 0.25 * (behind + missed**0.75) / 2 + 0.75 * (surprise + alarm) / 2
    assert close(value(backend, ls.unified_focal, p, t, **options), wanted, ulps=8)
    wanted = 0.25 * (behind**0.75 + missed**0.75) / 2 + 0.75 * (0.25**0.25 * surprise + alarm) / 2
    assert close(value(backend, ls.unified_focal, p, t, asymmetric=False, **options), wanted, ulps=8)


def test_the_unified_focal_loss_without_focus_is_tversky_plus_balanced_cross_entropy(backend):
    random = np.random.default_rng(5)
    p, t = random.random((2, 2, 1, 4, 3))
    options = {"gamma": 0.0, "delta": 0.7, "reduction": "none"}
    inverse = (
        value(backend, ls.tversky, *pair, alpha=0.3, beta=0.7, reduction="none") for pair in ((p, t), (1 - p, 1 - t))
    )
    overlap = sum(inverse) / 2
    likelihood = -np.mean(0.7 * t * np.log(p) + 0.3 * (1 - t) * np.log(1 - p), axis=(2, 3))
    for asymmetric in (True, False):
        got = value(backend, ls.unified_focal, p, t, asymmetric=asymmetric, **options)
        assert np.allclose(got, (overlap + likelihood) / 2, rtol=1e-13)


def test_certain_pixels_of_the_unified_focal_loss(backend):
    for asymmetric in (True, False):
        options = {"asymmetric": asymmetric}
        t = np.asarray([[[1.0, 0.0]]])
        assert value(backend, ls.unified_focal, t, t, **options) == 0
        assert value(backend, ls.unified_focal, 1 - t, t, **options) == math.inf
        assert value(backend, ls.unified_focal, 1 - t, t, overlap_weight=1.0, **options) == 1
        for p in (t, 1 - t):
            assert all(np.all(np.isfinite(g)) for g in gradients(backend, ls.unified_focal, p, t, **options))


@pytest.mark.parametrize("weight", [0.2, 0.5])
def test_monai_has_half_of_the_cross_entropy_of_the_unified_focal_loss(weight):
    torch = pytest.importorskip("torch", reason="Torch is not installed")
    monai = pytest.importorskip("monai.losses", reason="MONAI is not installed")
    random = np.random.default_rng(6)
    p, t = random.random((2, 1, 4, 5)), (random.random((2, 1, 4, 5)) < 0.5) * 1.0
    theirs = monai.AsymmetricUnifiedFocalLoss(weight=weight)(torch.tensor(p), torch.tensor(t))
    share = 1 - weight / 2
    ours = share * float(ls.unified_focal(p, t, overlap_weight=(1 - weight) / share, delta=0.7))
    assert ours == pytest.approx(float(theirs), rel=1e-6)  # it adds 1e-7 to sums and clips by it


# Losses of logits.


def test_losses_of_logits_have_their_closed_forms(backend):
    z, y = np.log([[[1.0, 1.0], [3.0, 1.0], [4.0, 2.0]]]), np.asarray([[1, 0]])  # p = (1, 3, 4) / 8 and (1, 1, 2) / 4
    overlaps = [1 - 2 * (1 / 4) / (3 / 8 + 1), 1 - 2 * (3 / 8) / (5 / 8 + 1), 1.0]
    likelihood = [math.log(8 / 3), math.log(4)]
    assert close(value(backend, ls.combo, z, y), sum(overlaps) / 3 + sum(likelihood) / 2, ulps=8)
    weight = backend.from_numpy(np.asarray([1.0, 2.0, 5.0]))
    overlap = sum(w * x for w, x in zip((1, 2, 5), overlaps, strict=True)) / 8
    wanted = overlap + (2 * likelihood[0] + likelihood[1]) / 3
    assert close(value(backend, ls.combo, z, y, channel_weight=weight), wanted, ulps=8)
    overlap = (2 * overlaps[1] + 5 * overlaps[2]) / 7
    wanted = 0.5 * overlap + 2 * (2 * likelihood[0] + likelihood[1]) / 3
    options = {"channel_weight": weight, "include_background": False, "dice_factor": 0.5, "cross_entropy_factor": 2.0}
    assert close(value(backend, ls.combo, z, y, **options), wanted, ulps=8)
    z, t = np.log([[[3.0, 1.0]]]), np.asarray([[[1.0, 0.0]]])  # p = 3/4 and 1/2
    wanted = 3 * (1 - 1.5 / 2.25) + 2 * (math.log(4 / 3) / 16 + math.log(2) / 4) / 2
    assert close(value(backend, ls.dice_focal, z, t, dice_factor=3.0, focal_factor=2.0), wanted, ulps=8)


def test_a_class_that_no_pixel_has_costs_a_constant_1_however_sure_its_absence(backend):
    for size in (1.0, 30.0, 1e4):
        z, y = np.asarray([[[size], [-size]]]), np.asarray([[0]])
        options = {"cross_entropy_factor": 0.0, "include_background": False}
        assert value(backend, ls.combo, z, y, **options) == 1
        assert np.all(gradients(backend, ls.combo, z, y, **options)[0] == 0)
        got = value(backend, ls.dice_focal, np.asarray([[[-size]]]), np.asarray([[[0.0]]]), focal_factor=0.0)
        assert got == 1


def test_sure_pixels_have_every_digit(backend):
    z, y = np.asarray([[[40.0], [0.0]]]), np.asarray([[0]])
    lack = math.exp(-40) / (1 + math.exp(-40))
    options = {"dice_factor": 2.0, "smooth": 1.0}
    # class 0: d = lack / (2 - lack + 1), class 1: d = lack / (lack + 1)
    wanted = (lack / (3 - lack) + lack / (1 + lack)) + math.log1p(math.exp(-40))
    assert close(value(backend, ls.combo, z, y, **options), wanted, ulps=8)
    steep = (3 / (3 - lack) ** 2 + 1 / (1 + lack) ** 2) * lack * (1 - lack) + lack
    assert close(gradients(backend, ls.combo, z, y, **options)[0], [[[-steep], [steep]]], ulps=16)


def test_a_label_outside_of_the_classes_makes_its_image_nan_or_raises(backend, array):
    z, y = array([[[1.0], [0.0]], [[1.0], [0.0]]]), array([[2], [1]])
    for loss in (ls.combo, ls.lovasz_softmax):
        got = backend.to_numpy(loss(z, y, reduction="none"))
        assert np.isnan(got).tolist() == [True, False]
        with ls.checking("values"), pytest.raises(ContractError, match=r"`labels` holds 2 at index \(0, 0\)"):
            loss(z, y)
    with ls.checking("values"), pytest.raises(ContractError, match="`targets` holds 2"):
        ls.lovasz_hinge(array([[1.0]]), array([[2]]))


# The Lovasz extension.


def test_lovasz_losses_have_their_closed_forms(backend):
    z, y = np.asarray([[0.0, 2.0, -3.0, -0.5]]), np.asarray([[1, 0, 0, 1]])  # errors 1, 3, -2, 1.5
    # in falling order: false (union 3), true, true: steps 1/3, 1/3, 1/3
    assert close(value(backend, ls.lovasz_hinge, z, y), (3 + 1.5 + 1) / 3)
    for empty in (np.asarray([[0, 0, 0, 0]]), np.zeros((1, 4))):
        assert value(backend, ls.lovasz_hinge, z, empty) == 3
        assert gradients(backend, ls.lovasz_hinge, z, empty)[0].tolist() == [[0.0, 1.0, 0.0, 0.0]]
    z, y = np.log([[[1.0, 1.0], [3.0, 1.0], [4.0, 2.0]]]), np.asarray([[1, 0]])  # p = (1, 3, 4) / 8 and (1, 1, 2) / 4
    first, second = 3 / 4, 5 / 8  # the true pixel has the largest error, and leaves nothing of the overlap
    assert close(value(backend, ls.lovasz_softmax, z, y), (first + second) / 2, ulps=8)
    assert close(value(backend, ls.lovasz_softmax, z, y, averaged="all"), (first + second + 1 / 2) / 3, ulps=8)


def test_the_lovasz_extension_of_a_hard_prediction_is_its_jaccard_loss(backend):
    random = np.random.default_rng(2)
    right, truth = random.integers(0, 2, (20, 6)), random.integers(0, 2, (20, 6))
    errors = np.where(right == 1, 1.0, 0.0)  # 1 where wrong: logits of 0, or of the right side at 1
    z = np.where(errors == 1, 0.0, np.where(truth == 1, 1.0, -1.0))
    predicted = np.where(errors == 1, 1 - truth, truth)
    wanted = [
        1 - np.sum(p & t) / np.sum(p | t) if np.sum(p | t) else 0.0 for p, t in zip(predicted, truth, strict=True)
    ]
    got = value(backend, ls.lovasz_hinge, z, truth, reduction="none")
    assert np.allclose(got, wanted, rtol=1e-14)


def test_the_lovasz_hinge_is_convex(backend):
    random = np.random.default_rng(3)
    a, b, y = random.normal(0, 3, (50, 5)), random.normal(0, 3, (50, 5)), random.integers(0, 2, (50, 5))
    first, second, middle = (value(backend, ls.lovasz_hinge, z, y, reduction="none") for z in (a, b, (a + b) / 2))
    assert np.all(middle <= (first + second) / 2 + 1e-12)


def test_the_boundary_loss_is_the_mean_distance_of_what_is_predicted(backend):
    p, d = np.asarray([[[1.0, 0.5]]]), np.asarray([[[-3.0, 4.0]]])
    assert value(backend, ls.boundary, p, d) == -0.5
    of_p, of_d = gradients(backend, ls.boundary, p, d)
    assert (of_p.tolist(), of_d.tolist()) == ([[[-1.5, 2.0]]], [[[0.5, 0.25]]])


# Bad input.


@pytest.mark.parametrize("loss", [*MASKS, ls.boundary, ls.dice_focal], ids=lambda loss: loss.contract.name)
def test_masks_of_another_shape_or_of_integers_are_refused(array, loss):
    floats, second = array(np.zeros((2, 1, 3))), loss.contract.inputs[1].name
    for other in (np.zeros((2, 2, 3)), np.zeros((2, 3)), np.zeros((2, 1, 3, 1))):
        with pytest.raises(ContractError, match=f"`{second}` has shape"):
            loss(floats, array(other))
    with pytest.raises(DTypeError, match=f"`{second}`"):
        loss(floats, array(np.zeros((2, 1, 3), np.int64)))


def test_probabilities_beyond_1_are_told(array):
    with ls.checking("values"), pytest.raises(ContractError, match=r"`probabilities` holds 1.5 at index \(0, 0, 0\)"):
        ls.dice(array([[[1.5]]]), array([[[1.0]]]))


BAD = {
    "two measures of size": (lambda a: ls.dice(a, a, squared=True, overlap="minimum"), "overlap='product'"),
    "an overlap": (lambda a: ls.jaccard(a, a, overlap="both"), "`overlap` is 'both'"),
    "a negative alpha": (lambda a: ls.tversky(a, a, alpha=-0.1), "`alpha` is -0.1"),
    "a negative smoothing": (lambda a: ls.batch_dice(a, a, smooth_denominator=-1.0), "`smooth_denominator` is -1.0"),
    "no power": (lambda a: ls.focal_tversky(a, a, gamma=0.0), "`gamma` is 0.0"),
    "no mean": (lambda a: ls.batch_tversky(a, a, reduction="mean"), "no reduction 'mean'"),
    "weights of another length": (
        lambda a: ls.batch_dice(a, a, channel_weight=a[0, 0, :2]),
        "`channel_weight` has shape (2,)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_parameter_is_refused(array, name):
    call, words = BAD[name]
    with pytest.raises((ContractError, DTypeError), match=re.escape(words)):
        call(array(np.zeros((1, 1, 3))))


def test_combo_without_background_needs_another_class(array):
    with pytest.raises(ContractError, match="without its background `logits` has no class"):
        ls.combo(array([[[1.0]]]), array([[0]]), include_background=False)


# The table of docs/segmentation.md.


TABLE = re.findall(r"^\| (\S+) \| `(.+)` \| `(.+)` \|$", Path("docs/segmentation.md").read_text(), re.MULTILINE)


def example():
    """Four classes, of which the last is nowhere and the second not in all images."""
    random = np.random.default_rng(4)
    z, y = random.normal(0, 2, (3, 4, 4, 5)), random.integers(0, 3, (3, 4, 5))
    y[1] = np.where(y[1] == 1, 0, y[1])
    e = np.exp(z)
    return {
        "z": z,
        "y": y,
        "p": e / e.sum(1, keepdims=True),
        "q": 1 / (1 + np.exp(-z)),
        "t": np.moveaxis(np.eye(4)[y], -1, 1),
        "s": random.random(z.shape),
        "w": np.asarray([0.5, 1.0, 2.0, 4.0]),
    }


@pytest.mark.parametrize(("library", "theirs", "ours"), TABLE, ids=[row[1] for row in TABLE])
@pytest.mark.filterwarnings("default")
def test_the_calls_of_the_table_agree(usable, library, theirs, ours):
    missing = PEERS[library].missing()
    if missing:
        pytest.skip(f"not run: {missing} is not installed")
    arrays, backend = example(), usable(PEERS[library].backend)
    known = {name: getattr(ls, name) for name in ls.names() if hasattr(ls, name)}
    wanted = eval(ours, {**known, **arrays})  # noqa: S307 - our own page
    with probe_of(backend).double_precision():
        given = {name: backend.from_numpy(x) for name, x in arrays.items()}
        got = backend.to_numpy(eval(theirs, {**names_of(library), **given}))  # noqa: S307 - our own page
    single = PEERS[library].single or "Focal" in theirs or "Generalized" in theirs
    assert np.allclose(got, wanted, rtol=1e-5 if single else 1e-6, atol=0)


def test_the_table_has_all_libraries():
    assert {row[0] for row in TABLE} == {"monai", "segmentation-models-pytorch", "keras", "optax"}


def test_names_of_other_libraries_have_their_defaults():
    def defaults(name):
        return {k: p.default for k, p in inspect.signature(ls.get(name)).parameters.items()}

    assert defaults("monai:DiceLoss")["smooth"] == 1e-5
    assert (defaults("Dice")["average"], defaults("Dice")["smooth_denominator"]) == ("micro", 1e-7)
    assert defaults("Tversky")["average"] == "micro"
    for name in ("JaccardLoss", "smp:DiceLoss", "smp:TverskyLoss"):
        with pytest.raises(ContractError, match=r"Fix: batch_\w+.configured\(.*absent='zero'\) of their probabilities"):
            ls.get(name)


def test_wasserstein_dice_with_equal_distances_is_dice_of_what_is_no_background():
    random = np.random.default_rng(1)
    z, y = random.normal(size=(2, 3, 5)), random.integers(0, 3, (2, 5))
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    own = np.take_along_axis(p, y[:, None], 1)[:, 0]
    hit, error = (own * (y != 0)).sum(-1), (1 - own).sum(-1)
    found = ls.wasserstein_dice.per_example(z, y, 1.0 - np.eye(3))
    np.testing.assert_allclose(found, error / (2 * hit + error), rtol=1e-14)
    free = ls.wasserstein_dice.per_example(z, y, np.zeros((3, 3)))
    np.testing.assert_array_equal(free, 0.0)


def test_hausdorff_errors_count_by_their_distances():
    p, t = np.asarray([[[0.5, 0.0, 1.0]]]), np.asarray([[[1.0, 1.0, 1.0]]])
    near, far = np.asarray([[[0.0, 1.0, 2.0]]]), np.asarray([[[3.0, 0.0, 5.0]]])
    found = ls.hausdorff_distance_transform(p, t, near, far, alpha=1.5)
    np.testing.assert_allclose(found, (3**1.5 / 4 + 1) / 3, rtol=1e-14)


def test_errors_that_round_to_1_have_the_order_of_their_logits(backend):
    logits, targets = np.asarray([[1e-10, 3e-10, 2e-10]], dtype=np.float32), np.asarray([[0, 0, 1]])
    _, gradient = ls.lovasz_hinge.value_and_grad(backend.from_numpy(logits), backend.from_numpy(targets))
    assert backend.to_numpy(gradient)[0] == pytest.approx([1 / 6, 1 / 2, -1 / 3], rel=1e-6)


def test_the_gradient_of_soft_cldice_keeps_its_digits_where_pixels_are_nearly_sure(array, plain):
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, (2, 2, 2, 3)).astype(np.float32)
    probabilities = (10.0 ** random.uniform(-12, 0, targets.shape)).astype(np.float32)
    inputs, parameters = {"probabilities": probabilities, "targets": targets}, {"iterations": 1, "smooth": 0.0}
    expected = solve(ls.soft_cldice, Case("nearly sure", inputs, parameters))
    options = {"wrt": "probabilities", "reduction": "sum", **parameters}
    _, found = ls.soft_cldice.value_and_grad(array(probabilities), array(targets), **options)
    for component in (component for unit in expected.components for component in unit):
        if component.name == "probabilities":
            number = plain(found)[component.index]
            assert gradient_error(component, mpf(1), number, np.float32) <= 8
