"""Adversarial losses: values by hand, signs and ranges, unequal batches, gradients of length 0, masks of averages."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError, MergeError

inf, nan = math.inf, math.nan
AVERAGE = [ls.relativistic_average_gan_discriminator, ls.relativistic_average_gan_generator]
OTHER_AVERAGE = [ls.relativistic_average_lsgan_discriminator, ls.relativistic_average_gan_hinge_generator]
R, F = [0.5, -2.0, 3.0], [1.0, -0.25, -4.0]


def gradient(backend, loss, *inputs, wrt=None, **options):
    """The gradient of the sum of losses in one input, in NumPy."""
    return backend.to_numpy(loss.grad(*map(backend.from_numpy, inputs), wrt=wrt, reduction="sum", **options))


def softplus(x):
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("loss", "options", "wanted"),
    [
        (ls.gan_discriminator, {}, [softplus(-r) + softplus(f) for r, f in zip(R, F, strict=True)]),
        (ls.wgan_critic, {}, [0.5, 1.75, -7.0]),
        (ls.lsgan_discriminator, {}, [0.125 + 0.5, 4.5 + 0.03125, 2.0 + 8.0]),
        (ls.lsgan_discriminator, {"fake_target": -1.0}, [0.125 + 2.0, 4.5 + 0.28125, 2.0 + 4.5]),
        (ls.lsgan_discriminator, {"real_target": 0.5}, [0.0 + 0.5, 3.125 + 0.03125, 3.125 + 8.0]),
        (ls.gan_hinge_discriminator, {}, [0.5 + 2.0, 3.0 + 0.75, 0.0]),
        (ls.relativistic_gan_discriminator, {}, [softplus(0.5), softplus(1.75), softplus(-7.0)]),
        (ls.relativistic_gan_generator, {}, [softplus(-0.5), softplus(-1.75), softplus(7.0)]),
    ],
)
def test_a_loss_of_real_and_fake_by_hand(loss, options, wanted, array, plain):
    assert np.allclose(plain(loss.per_example(array(R), array(F), **options)), wanted, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("loss", "options", "wanted"),
    [
        (ls.gan_generator, {}, [softplus(-f) for f in F]),
        (ls.gan_generator_minimax, {}, [-softplus(f) for f in F]),
        (ls.wgan_generator, {}, [-1.0, 0.25, 4.0]),
        (ls.lsgan_generator, {}, [0.0, 0.78125, 12.5]),
        (ls.lsgan_generator, {"target": 0.0}, [0.5, 0.03125, 8.0]),
    ],
)
def test_a_loss_of_fakes_by_hand(loss, options, wanted, array, plain):
    assert np.allclose(plain(loss.per_example(array(F), **options)), wanted, rtol=1e-15, atol=0)


def test_the_averages_of_the_relativistic_ones_by_hand(array, plain):
    real_mean, fake_mean = 0.5, -3.25 / 3
    signs = zip(AVERAGE, (1, -1), strict=True)
    for loss, s in signs:
        wanted = [softplus(-s * (r - fake_mean)) + softplus(s * (f - real_mean)) for r, f in zip(R, F, strict=True)]
        assert np.allclose(plain(loss.per_example(array(R), array(F))), wanted, rtol=1e-14, atol=0)


def test_other_players_relative_to_averages_by_hand(array, plain):
    """Of (3, 1) and (0.5, -0.5) the differences from the mean of the other kind are (3, 1) and (-1.5, -2.5)."""
    for loss, wanted in (
        (ls.relativistic_average_lsgan_discriminator, [4 + 0.25, 0 + 2.25]),
        (ls.relativistic_average_lsgan_generator, [16 + 6.25, 4 + 12.25]),
        (ls.relativistic_average_gan_hinge_discriminator, [0.0, 0.0]),
        (ls.relativistic_average_gan_hinge_generator, [4 + 2.5, 2 + 3.5]),
    ):
        assert plain(loss.per_example(array([3.0, 1.0]), array([0.5, -0.5]))).tolist() == wanted


@pytest.mark.parametrize(
    ("loss", "real_slope", "fake_slope"),
    [
        (ls.gan_discriminator, -1, 1),
        (ls.wgan_critic, -1, 1),
        (ls.lsgan_discriminator, -1, 1),
        (ls.gan_hinge_discriminator, -1, 1),
        (ls.relativistic_gan_discriminator, -1, 1),
        (ls.relativistic_average_gan_discriminator, -1, 1),
        (ls.relativistic_gan_generator, 1, -1),
        (ls.relativistic_average_gan_generator, 1, -1),
    ],
)
def test_minimising_moves_the_logits_where_the_player_wants_them(loss, real_slope, fake_slope, backend):
    real, fake = np.asarray([0.25, 0.5]), np.asarray([0.5, 0.25])
    names = [argument.name for argument in loss.contract.inputs]
    assert np.all(np.sign(gradient(backend, loss, real, fake, wrt=names[0])) == real_slope)
    assert np.all(np.sign(gradient(backend, loss, real, fake, wrt=names[1])) == fake_slope)


@pytest.mark.parametrize("loss", [ls.gan_generator, ls.gan_generator_minimax, ls.wgan_generator, ls.lsgan_generator])
def test_minimising_raises_the_fakes(loss, backend):
    assert np.all(gradient(backend, loss, np.asarray([0.25, -3.0])) < 0)


def test_the_minimax_form_saturates_where_the_other_does_not(backend):
    sure = np.asarray([-60.0])
    assert math.isclose(gradient(backend, ls.gan_generator_minimax, sure)[0], -math.exp(-60), rel_tol=1e-15)
    assert gradient(backend, ls.gan_generator, sure)[0] == -1
    value = float(backend.to_numpy(ls.gan_generator_minimax(backend.from_numpy(sure))))
    assert math.isclose(value, -math.exp(-60), rel_tol=1e-15)


def test_the_minimax_players_add_up_to_nothing_but_the_real_term(array, plain):
    both = ls.gan_discriminator.per_example(array(R), array(F)) + ls.gan_generator_minimax.per_example(array(F))
    assert np.allclose(plain(both), [softplus(-r) for r in R], rtol=1e-14, atol=0)


def test_batches_of_unequal_size_add_the_means_of_their_terms(array, plain):
    ones, minus = array([1] * 3), array([-1] * 3)
    real, fake = array(R), array(F)
    pairs = [
        (ls.gan_discriminator(real, fake), ls.gan_generator(real) - ls.gan_generator_minimax(fake)),
        (ls.wgan_critic(real, fake), ls.wgan_generator(real) - ls.wgan_generator(fake)),
        (ls.lsgan_discriminator(real, fake), ls.lsgan_generator(real) + ls.lsgan_generator(fake, target=0.0)),
        (ls.gan_hinge_discriminator(real, fake), ls.hinge(real, ones) + ls.hinge(fake, minus)),
    ]
    for whole, parts in pairs:
        assert math.isclose(float(plain(whole)), float(plain(parts)), rel_tol=1e-14)


def test_the_hinges_stop_at_the_kink(backend):
    at = np.asarray([1.0])
    assert gradient(backend, ls.gan_hinge_discriminator, at, -at, wrt="real_scores") == 0
    assert gradient(backend, ls.gan_hinge_discriminator, at, -at, wrt="fake_scores") == 0


@pytest.mark.parametrize("loss", [*AVERAGE, *OTHER_AVERAGE], ids=lambda loss: loss.contract.name)
def test_a_masked_pair_is_in_no_mean(loss, backend):
    real, fake = np.asarray([*R, nan]), np.asarray([*F, 1e30])
    keep = backend.from_numpy(np.asarray([True, True, True, False]))
    masked = backend.to_numpy(loss.per_example(backend.from_numpy(real), backend.from_numpy(fake), where=keep))
    alone = backend.to_numpy(loss.per_example(backend.from_numpy(real[:3]), backend.from_numpy(fake[:3])))
    assert np.allclose(masked, [*alone, 0.0], rtol=1e-14, atol=0)
    slopes = gradient(backend, loss, real, fake, where=keep)
    assert np.allclose(slopes, [*gradient(backend, loss, real[:3], fake[:3]), 0.0], rtol=1e-14, atol=0)


@pytest.mark.parametrize("loss", [*AVERAGE, *OTHER_AVERAGE], ids=lambda loss: loss.contract.name)
def test_the_averages_do_not_merge_and_take_empty_batches(loss, array, plain):
    with pytest.raises(MergeError, match="mean score of the other kind"):
        loss.partial(array(R), array(F))
    assert plain(loss.per_example(array([], "float64"), array([], "float64"))).shape == (0,)
    nothing = array([False] * 3)
    assert plain(loss.per_example(array(R), array(F), where=nothing)).tolist() == [0.0, 0.0, 0.0]


def test_a_penalty_is_the_squared_distance_of_the_length_from_the_target(array, plain):
    gradients = array([[[3.0], [4.0]], [[0.0], [0.5]], [[0.0], [0.0]]])
    for options, wanted in (
        ({}, [16.0, 0.25, 1.0]),
        ({"one_sided": True}, [16.0, 0.0, 0.0]),
        ({"target": 2.0}, [9.0, 2.25, 4.0]),
        ({"target": 0.0}, [25.0, 0.25, 0.0]),
    ):
        assert plain(ls.gradient_penalty.per_example(gradients, **options)).tolist() == wanted
    r1 = ls.get("r1_penalty")
    assert plain(r1.per_example(gradients)).tolist() == [25.0, 0.25, 0.0]


@pytest.mark.parametrize("options", [{}, {"one_sided": True}, {"target": 0.0}], ids=str)
def test_a_gradient_of_length_zero_has_no_slope(options, backend):
    found = gradient(backend, ls.gradient_penalty, np.zeros((2, 3)), **options)
    assert np.all(found == 0)


def test_the_slope_of_a_penalty_lies_along_the_gradient(backend):
    gradients = np.asarray([[3.0, 4.0], [0.3, 0.4]])
    found = gradient(backend, ls.gradient_penalty, gradients)
    assert np.allclose(found, [[2 * 4 * 0.6, 2 * 4 * 0.8], [-2 * 0.5 * 0.6, -2 * 0.5 * 0.8]], rtol=1e-14, atol=0)
    found = gradient(backend, ls.gradient_penalty, gradients, one_sided=True)
    assert np.allclose(found, [[2 * 4 * 0.6, 2 * 4 * 0.8], [0.0, 0.0]], rtol=1e-14, atol=0)
    found = gradient(backend, ls.get("r1_penalty"), gradients)
    assert np.allclose(found, 2 * gradients, rtol=1e-14, atol=0)


def test_a_long_gradient_does_not_overflow_before_its_penalty_does(array, plain):
    gradients = array([[3e18, 4e18]], "float32")
    assert math.isclose(float(plain(ls.gradient_penalty(gradients, target=0.0))), 25e36, rel_tol=1e-6)
    tiny = array([[3e-30, 4e-30]], "float32")
    assert float(plain(ls.gradient_penalty(tiny, target=0.0, one_sided=True))) == 0.0


def test_every_axis_but_the_first_is_in_the_length(array, plain):
    gradients = np.full((2, 3, 2, 2), 0.5)
    assert np.allclose(plain(ls.gradient_penalty.per_example(array(gradients))), (math.sqrt(3) - 1) ** 2, rtol=1e-14)
    assert plain(ls.gradient_penalty.per_example(array([3.0, -0.5]))).tolist() == [4.0, 0.25]
    assert plain(ls.gradient_penalty.per_example(array(gradients[:0]))).shape == (0,)


CONVEX = [
    ls.gan_discriminator,
    ls.gan_generator,
    ls.lsgan_discriminator,
    ls.lsgan_generator,
    ls.gan_hinge_discriminator,
    ls.relativistic_gan_discriminator,
    ls.relativistic_gan_generator,
]


@pytest.mark.parametrize("loss", [*CONVEX, ls.gan_generator_minimax], ids=lambda loss: loss.contract.name)
def test_it_is_convex_in_its_logits_or_concave_as_it_says(loss, draw):
    sign = -1 if loss is ls.gan_generator_minimax else 1
    a, b = draw(loss, 50, seed=1), draw(loss, 50, seed=2)
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    low, high, between = (sign * loss.per_example(**x) for x in (a, b, middle))
    assert np.all(between <= (low + high) / 2 + 1e-12)
    assert np.any(between < (low + high) / 2 - 1e-3)
    assert np.all(low >= 0)


REFUSED = {
    "batches of unequal size": (
        lambda a: ls.gan_discriminator(a([1.0, 2.0]), a([1.0])),
        ContractError,
        r"gan_discriminator: `fake_logits` has shape \(1,\)",
    ),
    "integers": (lambda a: ls.gan_generator(a([1, 2])), DTypeError, "`fake_logits` has a dtype of kind 'integral'"),
    "a target below 0": (
        lambda a: ls.gradient_penalty(a([[1.0]]), target=-1.0),
        ContractError,
        r"`target` is -1\.0",
    ),
    "a mark that is no bool": (
        lambda a: ls.gradient_penalty(a([[1.0]]), one_sided="yes"),
        DTypeError,
        "`one_sided` is 'yes'",
    ),
    "maps for a loss over the batch": (
        lambda a: ls.relativistic_average_gan_generator(a([[1.0]]), a([[1.0]])),
        ContractError,
        r"`real_logits` has shape \(1, 1\)",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(call, error, words, array):
    with pytest.raises(error, match=words):
        call(array)


def test_the_generator_of_the_hinge_is_that_of_the_critic():
    assert ls.get("gan_hinge_generator") is ls.wgan_generator
