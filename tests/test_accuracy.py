"""Small losses keep their digits, and gradients are finite and as declared at kinks and edges; closed forms decide."""

import math

import numpy as np
import pytest

import lossspec as ls

DTYPES = [np.float32, np.float64]


def gradients(backend, loss, *inputs, wrt=None, **options):
    """The value and the gradients as NumPy arrays."""
    names = tuple(argument.name for argument in loss.contract.inputs)[: len(wrt or inputs)] if wrt is None else wrt
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=names, **options)
    return backend.to_numpy(value), [backend.to_numpy(gradient) for gradient in found]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sure_and_right_answer_has_every_digit_of_its_loss(backend, dtype):
    loss = ls.cross_entropy(backend.from_numpy(np.asarray([[30, 0]], dtype)), backend.from_numpy(np.asarray([0])))
    exact = math.log1p(math.exp(-30))
    assert abs(float(backend.to_numpy(loss)) - exact) <= np.finfo(dtype).eps * exact


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sure_and_right_answer_has_every_digit_of_its_gradient(backend, dtype):
    logits, labels = np.asarray([[30, 0]], dtype), np.asarray([0])
    _, (gradient,) = gradients(backend, ls.cross_entropy, logits, labels, wrt=("logits",))
    exact = 1 / (1 + math.exp(30))
    assert np.all(np.abs(gradient - np.asarray([[-exact, exact]])) <= 2 * np.finfo(dtype).eps * exact)


@pytest.mark.parametrize("common", [-1e3, 1e3, 1e4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_logits_have_in_common_leaves_no_rounding(backend, dtype, common):
    eps, equal, labels = np.finfo(dtype).eps, np.full((1, 3), common, dtype), np.asarray([0])
    value, (gradient,) = gradients(backend, ls.cross_entropy, equal, labels, wrt=("logits",))
    assert abs(float(value) - math.log(3)) <= 2 * eps
    assert np.all(np.abs(gradient - np.asarray([[-2 / 3, 1 / 3, 1 / 3]])) <= eps)
    sure, exact = np.asarray([[30, 0]], dtype) + dtype(common), math.log1p(math.exp(-30))
    assert abs(float(gradients(backend, ls.cross_entropy, sure, labels, wrt=("logits",))[0]) - exact) <= 2 * eps * exact


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_class_that_is_ruled_out_is_no_rival_and_as_the_label_costs_infinitely_much(backend, dtype):
    logits = np.asarray([[1e4, -np.inf, 1e4]] * 2 + [[-np.inf, 5.0, -np.inf]], dtype)
    labels = np.asarray([0, 1, 1])
    value = ls.cross_entropy.per_example(backend.from_numpy(logits), backend.from_numpy(labels))
    assert np.allclose(backend.to_numpy(value), [math.log(2), np.inf, 0.0], rtol=1e-6)
    _, (gradient,) = gradients(backend, ls.cross_entropy, logits, labels, wrt=("logits",), reduction="sum")
    assert np.allclose(gradient, [[-0.5, 0.0, 0.5], [0.5, -1.0, 0.5], [0.0, 0.0, 0.0]], rtol=1e-6)


def test_no_error_has_no_gradient_under_the_root(backend):
    x = np.asarray([1.0, 2.0])
    value, found = gradients(backend, ls.root_mean_squared_error, x, x)
    assert value == 0
    assert all(np.all(gradient == 0) for gradient in found)


def test_equal_points_have_no_gradient_of_their_distance(backend):
    x, far = np.asarray([[1.0, 2.0]]), np.asarray([[1.0, 2.5]])
    value, (anchors, positives, negatives) = gradients(backend, ls.triplet_margin, x, x, far)
    assert value == 0.5
    assert np.all(positives == 0)
    assert np.allclose(anchors, [[0.0, 1.0]], rtol=0, atol=1e-15)
    assert np.allclose(negatives, [[0.0, -1.0]], rtol=0, atol=1e-15)


@pytest.mark.parametrize(("sign", "loss"), [(1, 1.0), (-1, 0.0)])
def test_a_vector_of_length_zero_has_cosine_zero_and_no_gradient(backend, sign, loss):
    zero, x = np.zeros((1, 3)), np.ones((1, 3))
    value, found = gradients(backend, ls.cosine_embedding, zero, x, np.asarray([sign]), wrt=("first", "second"))
    assert value == loss
    assert all(np.all(gradient == 0) for gradient in found)


def test_a_class_without_probability_contributes_nothing_to_a_divergence(backend):
    log_predictions, targets = np.asarray([[-math.inf, 0.0]]), np.asarray([[0.0, 1.0]])
    value, (of_predictions, of_targets) = gradients(backend, ls.kl_divergence, log_predictions, targets)
    assert value == 0
    assert np.all(of_predictions == [[0.0, -1.0]])
    assert of_targets[0, 0] == 0


def test_labels_that_no_alignment_reaches_have_an_infinite_loss_without_gradient(backend):
    frames = np.log(np.full((1, 2, 3), 1 / 3))
    inputs = frames, np.asarray([[1, 1]]), np.asarray([2]), np.asarray([2])  # a repeat needs a blank between: 3 frames
    value, (gradient,) = gradients(backend, ls.ctc, *inputs, wrt=("log_probabilities",))
    assert value == math.inf
    assert np.all(gradient == 0)


def test_a_class_that_is_ruled_out_leaves_the_others_their_gradient(backend):
    logits, labels = np.asarray([[-math.inf, 0.0, 0.0]]), np.asarray([1])
    value, (gradient,) = gradients(backend, ls.cross_entropy, logits, labels, wrt=("logits",))
    assert abs(value - math.log(2)) <= 1e-16
    assert np.allclose(gradient, [[0.0, -0.5, 0.5]], rtol=0, atol=1e-16)


@pytest.mark.parametrize("logit", [1e4, -1e4])
def test_logits_far_out_have_finite_losses_and_gradients(backend, logit):
    logits, targets = np.asarray([logit, logit]), np.asarray([0.0, 1.0])
    value, (gradient,) = gradients(
        backend, ls.binary_cross_entropy_with_logits, logits, targets, wrt=("logits",), reduction="sum"
    )
    assert value == 1e4
    assert np.all(gradient == ([1.0, 0.0] if logit > 0 else [0.0, -1.0]))


def test_at_a_logit_of_zero_the_gradient_is_that_of_the_sigmoid(backend):
    logits, targets = np.zeros(3), np.asarray([0.0, 0.25, 1.0])
    _, (gradient,) = gradients(
        backend, ls.binary_cross_entropy_with_logits, logits, targets, wrt=("logits",), reduction="sum"
    )
    assert np.all(gradient == [0.5, 0.25, -0.5])


def test_degenerate_boxes_have_the_declared_loss_and_a_finite_gradient(backend):
    point = np.asarray([[0.5, 0.5, 0.5, 0.5]])
    value, found = gradients(backend, ls.generalized_iou, point, point)
    assert value == 1.0
    assert all(np.all(np.isfinite(gradient)) for gradient in found)


def test_regions_that_are_empty_on_both_sides_match(backend):
    empty = np.zeros((1, 1, 4))
    value, found = gradients(backend, ls.dice, empty, empty)
    assert value == 0
    assert all(np.all(gradient == 0) for gradient in found)
