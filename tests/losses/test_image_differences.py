"""Losses of images pixel by pixel and step by step: decibels, steps between neighbours, Charbonnier's loss."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan
DTYPES = [np.float32, np.float64]
BOTH = pytest.mark.parametrize("loss", [ls.psnr, ls.gradient_difference], ids=lambda loss: loss.contract.name)


def image(*rows, dtype=np.float64):
    """A batch of one image of one channel."""
    return np.asarray([[rows]], dtype)


def value_and_gradients(backend, loss, predictions, targets, **options):
    """The loss and its gradients in both images, without the axes of batch and channel."""
    inputs = map(backend.from_numpy, (predictions, targets))
    value, found = loss.value_and_grad(*inputs, wrt=("predictions", "targets"), **options)
    return float(backend.to_numpy(value)), [backend.to_numpy(gradient)[0, 0].tolist() for gradient in found]


def test_decibels_of_known_errors(array, plain):
    flat = np.full((1, 1, 2, 2), 0.5)
    assert plain(ls.psnr(array(flat), array(flat + 0.1))) == pytest.approx(-20.0, rel=1e-14)
    assert plain(ls.psnr(array(100 * flat), array(100 * flat + 25.5), data_range=255.0)) == pytest.approx(
        -20.0, rel=1e-14
    )
    one_of_four = image([0.0, 0.0], [0.0, 1.0])
    assert plain(ls.psnr(array(one_of_four), array(0 * flat))) == pytest.approx(-10 * math.log10(4), rel=1e-14)
    assert plain(ls.psnr(array(0 * flat), array(0 * flat + 1))) == 0.0


def test_each_image_has_its_own_ratio(array, plain):
    """10 log10 of 1/100 and of 1/10000: on average -30, while the mean of both errors has another ratio."""
    targets = np.zeros((2, 3, 2, 2))
    predictions = targets + np.asarray([0.1, 0.01])[:, None, None, None]
    assert plain(ls.psnr.per_example(array(predictions), array(targets))).tolist() == pytest.approx([-20.0, -40.0])
    assert plain(ls.psnr(array(predictions), array(targets))) == pytest.approx(-30.0, rel=1e-14)
    whole = (array(x.reshape(1, 6, 2, 2)) for x in (predictions, targets))
    assert plain(ls.psnr(*whole)) == pytest.approx(10 * math.log10((0.01 + 0.0001) / 2), rel=1e-14)


def test_equal_images_have_a_ratio_of_minus_infinity_and_no_gradient(backend):
    x = image([0.25, 0.5], [1.0, 0.0])
    value, found = value_and_gradients(backend, ls.psnr, x, x)
    assert value == -inf
    assert found == [[[0.0, 0.0], [0.0, 0.0]]] * 2


def test_the_gradient_of_decibels(backend):
    """20 / log(10) * d / |d|^2, here with |d| = 5/16."""
    x, y = image([0.25, 0.25]), image([0.0625, 0.5])
    _, found = value_and_gradients(backend, ls.psnr, x, y)
    wanted = [20 / math.log(10) * d / (5 / 16) ** 2 for d in (3 / 16, -4 / 16)]
    assert found[0][0] == pytest.approx(wanted, rel=1e-14)
    assert found[1][0] == pytest.approx([-g for g in wanted], rel=1e-14)


def test_errors_whose_squares_vanish_count(backend):
    x, y = image([0.0, 0.0], dtype=np.float32), image([1e-30, 1e-30], dtype=np.float32)
    value, found = value_and_gradients(backend, ls.psnr, x, y)
    assert value == pytest.approx(-600.0, rel=1e-6)
    assert found[1][0] == pytest.approx([10 / math.log(10) * 1e30] * 2, rel=1e-6)


@pytest.mark.parametrize(("alpha", "wanted"), [(1.0, 6.0), (1.5, 1 + 2**1.5 + 3**1.5), (2.0, 14.0), (3.0, 36.0)])
def test_steps_of_a_known_image(array, plain, alpha, wanted):
    """Down 1 and -2, to the right 3 and 0, against none."""
    x, y = array(image([0.0, 3.0], [1.0, 1.0])), array(np.full((1, 1, 2, 2), 7.0))
    for inputs in ((x, y), (y, x)):
        assert plain(ls.gradient_difference(*inputs, alpha=alpha)) == pytest.approx(wanted, rel=1e-14)
    if alpha == 2:
        assert plain(ls.gradient_difference(x, y, alpha=2)) == wanted
    learned = array(np.asarray(alpha))
    assert plain(ls.gradient_difference(x, y, alpha=learned)) == pytest.approx(wanted, rel=1e-14)


def test_channels_add_up_and_images_do_not(array, plain):
    x = np.concatenate([image([0.0, 1.0, 5.0])] * 2, axis=1)
    x = np.concatenate([x, 2 * x])
    assert plain(ls.gradient_difference.per_example(array(x), array(0 * x))).tolist() == [10.0, 20.0]


def test_only_the_size_of_a_step_counts(array, plain):
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    zeros = [0.0, 0.0, 0.0]
    assert plain(ls.gradient_difference.per_example(array(x), array(-x), alpha=2.0)).tolist() == zeros
    assert plain(ls.gradient_difference.per_example(array(x), array(x + 8))) == pytest.approx(zeros, abs=1e-12)


def test_it_is_at_most_the_total_variation_of_the_difference():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(2, 30, 2, 4, 5))
    assert np.all(ls.gradient_difference.per_example(x, y) <= ls.total_variation.per_example(x - y) + 1e-12)
    rising = np.sort(np.sort(x, axis=-1), axis=-2)
    steeper = 2 * rising
    both = ls.gradient_difference.per_example(rising, steeper), ls.total_variation.per_example(rising - steeper)
    assert np.allclose(*both, rtol=1e-13)


def test_the_gradient_of_steps(backend):
    """(|3| - |1|)^2 = 4, with the derivative 4 in the step of the predictions and -4 in that of the targets."""
    value, found = value_and_gradients(
        backend, ls.gradient_difference, image([0.0, -3.0]), image([2.0, 3.0]), alpha=2.0
    )
    assert value == 4.0
    assert found == [[[4.0, -4.0]], [[4.0, -4.0]]]
    value, found = value_and_gradients(backend, ls.gradient_difference, image([0.0, 1.0]), image([3.0, 0.0]))
    assert value == 2.0
    assert found == [[[1.0, -1.0]], [[1.0, -1.0]]]


def test_the_derivative_is_0_where_steps_are_equal_or_0(backend):
    x = image([0.0, 2.0, 3.0], [4.0, 4.0, 1.0])
    for alpha in (1.0, 1.5, 2.0):
        value, found = value_and_gradients(backend, ls.gradient_difference, x, x, alpha=alpha)
        assert value == 0
        assert found == [[[0.0] * 3] * 2] * 2
    value, (of_flat, of_step) = value_and_gradients(
        backend, ls.gradient_difference, image([5.0, 5.0]), image([1.0, 3.0])
    )
    assert value == 2.0
    assert of_flat == [[0.0, 0.0]]
    assert of_step == [[-1.0, 1.0]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_nearly_equal_steps_have_every_digit_of_their_difference(backend, dtype):
    """The steps from 1e-4 to 1 and to the number below 1 round to the same, or to twice their difference."""
    apart = float(np.finfo(dtype).eps) / 2
    x, y = image([1e-4, 1.0], dtype=dtype), image([1e-4, 1.0 - apart], dtype=dtype)
    for inputs in ((x, y), (y, x)):
        assert float(backend.to_numpy(ls.gradient_difference(*map(backend.from_numpy, inputs)))) == apart


@pytest.mark.parametrize("size", [(1, 1), (0, 3), (2, 0)])
def test_an_image_without_steps_has_none_that_differ(backend, size):
    x, y = (backend.from_numpy(np.full((2, 1, *size), number)) for number in (1.0, 5.0))
    assert backend.to_numpy(ls.gradient_difference.per_example(x, y)).tolist() == [0.0, 0.0]
    assert np.all(backend.to_numpy(ls.gradient_difference.grad(x, y)) == 0)


def test_an_image_without_pixels_has_no_ratio(array):
    for empty in ((2, 0, 3, 3), (2, 1, 0, 3), (2, 1, 3, 0)):
        with pytest.raises(
            ContractError,
            match=r"psnr: `predictions` has shape .* images without pixels|the axis `channels` .* has size 0",
        ):
            ls.psnr(array(np.zeros(empty)), array(np.zeros(empty)))


@BOTH
def test_what_is_refused(array, loss):
    x, name = array(image([0.0, 1.0])), loss.contract.name
    whole = array([[[[0, 1]]]], "int64")
    with pytest.raises(DTypeError, match=f"{name}: `predictions` has a dtype of kind 'integral'"):
        loss(whole, whole)
    with pytest.raises(DTypeError, match=f"{name}: "):
        loss(x, whole)
    with pytest.raises(ContractError, match=f"{name}: `targets` has shape"):
        loss(x, array(image([0.0], [1.0])))
    with pytest.raises(ContractError, match=f"{name}: `predictions` has shape"):
        loss(x[0, ...], x[0, ...])


@pytest.mark.parametrize("wrong", [0, -1.0, nan, inf])
def test_a_range_that_is_not_positive_is_refused(array, wrong):
    x = array(image([0.0, 1.0]))
    with pytest.raises(ContractError, match="psnr: `data_range` is"):
        ls.psnr(x, x, data_range=wrong)


@pytest.mark.parametrize("wrong", [0.5, 0, -2, nan, inf])
def test_a_power_below_1_is_refused(array, wrong):
    x = array(image([0.0, 1.0]))
    with pytest.raises(ContractError, match=r"gradient_difference: `alpha` is .*; its domain is \[1, inf\)"):
        ls.gradient_difference(x, x, alpha=wrong)


def test_values_are_checked_on_demand(array, plain):
    x, y = array(image([0.0, 1.0])), array(image([0.0, 2.0]))
    assert plain(ls.psnr(x, y)) == pytest.approx(-10 * math.log10(2), rel=1e-14)
    with ls.checking("values"):
        ls.psnr(x, y, data_range=2.0)
        with pytest.raises(ContractError, match=r"psnr: `targets` holds 2.0 at index \(0, 0, 0, 1\)"):
            ls.psnr(x, y)
        with pytest.raises(ContractError, match=r"gradient_difference: `alpha` holds 0\.5"):
            ls.gradient_difference(x, y, alpha=array(np.asarray(0.5)))


@BOTH
def test_an_empty_batch(array, plain, loss):
    nothing = array(np.zeros((0, 1, 3, 3)))
    assert plain(loss.per_example(nothing, nothing)).shape == (0,)
    assert plain(loss(nothing, nothing, empty=0.0)) == 0
    assert math.isnan(plain(loss(nothing, nothing)))


def test_charbonnier_is_a_robust_loss(array, plain):
    """sqrt((e / scale)^2 + 1) - 1; with an offset and a factor it is the sqrt(e^2 + scale^2) of super-resolution."""
    loss = ls.get("charbonnier")
    x, y = array([3.0, 0.0]), array([0.0, 0.0])
    assert plain(loss.per_example(x, y)) == pytest.approx([math.sqrt(10) - 1, 0.0], rel=1e-15)
    assert plain(loss.per_example(x, y, scale=4.0)) == pytest.approx([0.25, 0.0], rel=1e-15)
    assert 4 * plain(loss.per_example(x, y, scale=4.0)) + 4 == pytest.approx([5.0, 4.0], rel=1e-15)
    tiny = plain(loss.per_example(array([1e-12]), array([0.0]), scale=1e-3))
    assert tiny == pytest.approx(0.5e-18, rel=1e-15)
    assert ls.get("charbonnier_loss").contract.default_reduction == "none"
    assert ls.get("gdl") is ls.gradient_difference
