"""Losses between images: closed forms, what is declared at edges, what is refused, and what holds for all images."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import lossspec as ls
from lossspec.definitions.image import structure as definitions
from lossspec.errors import ContractError, DTypeError, LossSpecError, MixtureError

C1, C2 = 0.01**2, 0.03**2
CHECKERS = np.indices((8, 8)).sum(axis=0)[None, None] % 2 * 1.0


def approx(value, rel=1e-13):
    return pytest.approx(value, rel=rel, abs=1e-300)


def constant(value, size=11):
    return np.full((1, 1, size, size), value)


def textures(count, channels, height, width, seed=0):
    """Pairs of images that are alike."""
    random = np.random.default_rng(seed)
    x = random.uniform(size=(count, channels, height, width))
    return x, 0.7 * x + 0.3 * random.uniform(size=x.shape)


def gradients(backend, loss, *inputs, **options):
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), **options)
    return backend.to_numpy(value), [backend.to_numpy(x) for x in found]


# Structural similarity.


@pytest.mark.parametrize("loss", [ls.ssim, ls.ms_ssim.configured(scale_weights=(0.4, 0.6))], ids=["ssim", "ms_ssim"])
@pytest.mark.parametrize("window", [2, 3])
def test_slices_of_a_volume_that_are_all_the_same_are_as_similar_as_one(backend, loss, window):
    x, y = textures(2, 2, 6, 8)
    options = {"window": window, "sigma": 0.8, "wrt": ("predictions", "targets")}
    alone, slopes = gradients(backend, loss, x, y, **options)
    for axis in (2, 3, 4):
        stacked = [np.repeat(np.expand_dims(image, axis), 7, axis) for image in (x, y)]
        value, found = gradients(backend, loss, *stacked, **options)
        assert value == approx(alone)
        for slope, of_slices in zip(slopes, found, strict=True):
            np.testing.assert_allclose(of_slices.sum(axis), slope, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kernel", ["gaussian", "uniform"])
@pytest.mark.parametrize("padding", ["valid", "reflect"])
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5 + 2.0**-20)])
def test_constant_images_differ_by_their_luminance(array, plain, kernel, padding, a, b):
    value = plain(ls.ssim(array(constant(a)), array(constant(b)), kernel=kernel, padding=padding))
    assert value == approx((a - b) ** 2 / (a**2 + b**2 + C1), rel=1e-12)


def test_an_image_and_its_negative_have_opposite_structure(array, plain):
    x = array([[[[0.0, 1.0], [1.0, 0.0]]]])
    value = plain(ls.ssim(x, 1 - x, window=2, kernel="uniform"))
    assert value == approx(1 - (C2 - 0.5) / (C2 + 0.5))  # means 1/2, variances 1/4, covariance -1/4


def test_one_pixel_weighs_as_the_middle_of_the_gaussian(array, plain):
    dot, sigma = np.zeros((1, 1, 3, 3)), 0.8
    dot[..., 1, 1] = 1.0
    weight = 1 / (1 + 2 * math.exp(-1 / (2 * sigma**2))) ** 2
    similarity = C1 * C2 / ((weight**2 + C1) * (weight - weight**2 + C2))
    assert plain(ls.ssim(array(dot), array(0 * dot), window=3, sigma=sigma)) == approx(1 - similarity)


def test_constants_scale_with_the_range(array, plain):
    value = plain(ls.ssim(array(constant(200.0)), array(constant(100.0)), data_range=255.0, k1=0.1))
    assert value == approx(1e4 / (5e4 + 25.5**2))


def test_reflection_does_not_repeat_the_edge(array, plain):
    stripes = array([[[[0.0, 1.0], [0.0, 1.0]]]])  # continued as 1 0 1 0
    value = plain(ls.ssim(stripes, 0 * stripes, window=3, kernel="uniform", padding="reflect"))
    first, second = (C1 * C2 / ((mean**2 + C1) * (2 / 9 + C2)) for mean in (2 / 3, 1 / 3))
    assert value == approx(1 - (first + second) / 2)


@pytest.mark.parametrize("window", [2, 4])
def test_reflection_gives_every_pixel_a_window_of_even_size_too(array, plain, window):
    x, y = textures(1, 1, 5, 6)
    before, after = (window - 1) // 2, window // 2
    around = ((0, 0), (0, 0), (before, after), (before, after))
    padded = [array(np.pad(image, around, mode="reflect")) for image in (x, y)]
    value = plain(ls.ssim(array(x), array(y), window=window, padding="reflect"))
    assert value == approx(plain(ls.ssim(*padded, window=window)))


def test_a_channel_has_its_result_as_an_image_of_its_own(array, plain):
    x, y = textures(2, 3, 12, 13)
    whole = plain(ls.ssim.per_example(array(x), array(y)))
    each = plain(ls.ssim.per_example(array(x.reshape(6, 1, 12, 13)), array(y.reshape(6, 1, 12, 13))))
    assert each.shape == (6,)
    assert whole == approx(each.reshape(2, 3).mean(axis=1))
    assert np.ptp(each) > 1e-3


def test_a_narrow_gaussian_of_an_even_window_is_the_four_pixels_in_the_middle(array, plain):
    x, y = (array(image) for image in textures(1, 1, 9, 9))
    value = plain(ls.ssim(x, y, window=4, sigma=1e-3))
    inner = [image[..., 1:8, 1:8] for image in (x, y)]
    assert value == approx(plain(ls.ssim(*inner, window=2, kernel="uniform")))


def test_a_long_image_is_the_mean_of_its_parts(array, plain):
    x, y = textures(1, 1, 12, 150)
    for turn in (lambda image: image, lambda image: image.swapaxes(-1, -2).copy()):
        parts = [
            plain(ls.ssim(array(turn(x[..., k : k + 45])), array(turn(y[..., k : k + 45])))) for k in (0, 35, 70, 105)
        ]
        assert plain(ls.ssim(array(turn(x)), array(turn(y)))) == approx(np.mean(parts))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("texture", [1e-2, 1e-3])
def test_flat_parts_keep_their_digits_beside_an_edge(array, plain, texture, dtype):
    random = np.random.default_rng(0)
    step = np.where(np.arange(24) < 12, 0.1, 0.9)
    x, y = ((step + texture * random.uniform(size=(1, 1, 12, 24))).astype(dtype) for _ in range(2))
    with mp.workdps(40):
        rows = ([[[mpf(float(v)) for v in row] for row in channel] for channel in image[0]] for image in (x, y))
        right = definitions.ssim(*rows, mpf(1), 11, mpf(1.5), mpf(0.01), mpf(0.03), "gaussian", "valid")
    assert float(plain(ls.ssim(array(x), array(y)))) == approx(float(right), rel=200 * float(np.finfo(dtype).eps))


def test_the_gradient_at_a_black_target_keeps_its_digits(backend):
    x = np.asarray([[[[1.0, 0.5], [0.5, 1.0]]]])
    mean, variance = 0.75, 0.0625
    luminance, contrast = C1 / (mean**2 + C1), C2 / (variance + C2)
    value, (g,) = gradients(backend, ls.ssim, x, 0 * x, window=2, kernel="uniform", wrt=("predictions",))
    slope = 2 * mean / (mean**2 + C1) + 2 * (x - mean) / (variance + C2)
    assert value == approx(1 - luminance * contrast)
    assert g == approx(luminance * contrast * slope / 4)


def test_the_gradient_of_nearly_equal_images_keeps_its_digits(backend):
    x, delta = np.asarray([[[[1.0, 0.5], [0.5, 1.0]]]]), 2.0**-30
    pattern = np.asarray([[[[-1.0, 1.0], [-1.0, 1.0]]]])  # orthogonal to x: the sums of squares add up
    value, (g,) = gradients(backend, ls.ssim, x, x + delta * pattern, window=2, kernel="uniform", wrt=("targets",))
    assert value == approx(delta**2 / (2 * 0.0625 + C2), rel=1e-12)
    assert g == approx(2 * delta * pattern / 4 / (2 * 0.0625 + C2), rel=1e-8)


def test_equal_images_cost_nothing_and_pull_nowhere(backend):
    x, _ = textures(2, 2, 12, 12)
    for loss in (ls.ssim, ls.ms_ssim.configured(scale_weights=(1.0,)), ls.ms_ssim_l1.configured(window=11)):
        value, found = gradients(backend, loss, x, x, wrt=("predictions", "targets"))
        assert value == 0
        assert all((g == 0).all() for g in found)


SIDES = st.integers(3, 9)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), SIDES, SIDES),
    contrast=st.sampled_from([0.0, 1e-3, 1.0]),
    padding=st.sampled_from(["valid", "reflect"]),
    kernel=st.sampled_from(["gaussian", "uniform"]),
)
def test_similarity_is_bounded_and_symmetric_and_has_no_direction(seed, shape, contrast, padding, kernel):
    random = np.random.default_rng(seed)
    x, y = (0.3 + contrast * (random.uniform(size=shape).round(1) - 0.3) for _ in range(2))
    loss = ls.ssim.configured(window=3, padding=padding, kernel=kernel, reduction="none")
    value = loss(x, y)
    assert np.all((value >= 0) & (value <= 2))
    assert loss(y, x) == approx(value)
    assert loss(x.swapaxes(-1, -2), y.swapaxes(-1, -2)) == approx(value, rel=1e-11)
    assert loss(x[..., ::-1], y[..., ::-1]) == approx(value, rel=1e-11)
    assert np.all(loss(x, x) == 0)


# Several scales.


def test_the_luminance_of_constant_images_counts_at_the_last_scale(array, plain):
    a, b = 0.5, 0.5 + 2.0**-20
    apart = (a - b) ** 2 / (a**2 + b**2 + C1)
    weights = array([0.3, 0.2, 0.4])
    for one, other, lost in ((a, b, apart), (0.0, 1.0, 1 / (1 + C1))):
        value = plain(ls.ms_ssim(array(constant(one, 12)), array(constant(other, 12)), scale_weights=weights, window=3))
        assert value == approx(-math.expm1(0.4 * math.log1p(-lost)), rel=1e-10)


def test_one_scale_of_weight_one_is_the_single_similarity(array, plain):
    x, y = (array(image) for image in textures(2, 2, 12, 12))
    single = plain(ls.ssim.per_example(x, y))
    assert plain(ls.ms_ssim.per_example(x, y, scale_weights=array([1.0]))) == approx(single)
    assert plain(ls.ms_ssim.per_example(x, y, scale_weights=array([1.0]), normalize="simple")) == approx(single / 2)


def test_scales_are_means_of_two_by_two_pixels(array, plain):
    x, second = array(CHECKERS), array([0.0, 1.0])
    assert plain(ls.ms_ssim(x, 1 - x, scale_weights=second, window=3)) == 0  # both are 1/2 at the second scale
    corner = CHECKERS.repeat(2, axis=-1).repeat(2, axis=-2)[..., :9, :7]
    other = corner.copy()
    other[..., 8, :], other[..., :, 6] = 0.5, 0.5
    assert (
        plain(ls.ms_ssim(array(corner), array(other), scale_weights=second, window=3)) == 0
    )  # an odd last row is left out
    assert plain(ls.ms_ssim(array(corner), array(other), scale_weights=array([1.0, 0.0]), window=3)) > 0.01


def test_the_five_scales_of_the_paper(array, plain):
    images = array(constant(0.2, 176)), array(constant(0.6, 176))
    weights = array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    value = plain(ls.ms_ssim(*images))
    assert value == plain(ls.ms_ssim(*images, scale_weights=weights))
    assert value == approx(-math.expm1(0.1333 * math.log1p(-0.16 / (0.4 + C1))), rel=1e-9)


def test_a_negative_mean_has_the_loss_one_and_no_gradient(backend):
    for weights in ([0.5], [0.3, 0.4]):
        value, found = gradients(
            backend, ls.ms_ssim, CHECKERS, 1 - CHECKERS, scale_weights=backend.from_numpy(np.asarray(weights)),
            window=3, wrt=("predictions", "targets", "scale_weights"),
        )  # fmt: skip
        assert value == 1
        assert all((g == 0).all() for g in found)
    value, (g,) = gradients(
        backend,
        ls.ms_ssim,
        CHECKERS,
        1 - CHECKERS,
        scale_weights=(1.0,),
        window=3,
        normalize="simple",
        wrt=("predictions",),
    )
    assert 0 < 1 - value < 1e-2
    assert np.isfinite(g).all()
    assert np.any(g != 0)


def test_a_scale_of_weight_0_does_not_count(array, plain):
    x = array(CHECKERS)
    assert plain(ls.ms_ssim(x, 1 - x, scale_weights=array([0.0]), window=3)) == 0


# Similarity and absolute error.


def test_one_scale_without_errors_is_the_single_similarity(array, plain):
    x, y = (array(image) for image in textures(2, 2, 12, 13))
    single = plain(ls.ssim.per_example(x, y, window=7, sigma=1.2))
    assert plain(ls.ms_ssim_l1.per_example(x, y, alpha=1.0, sigmas=(1.2,), window=7)) == approx(single)


def test_constant_images_differ_by_their_luminance_and_their_distance(array, plain):
    for a, b in ((0.25, 0.75), (0.5, 0.5 + 2.0**-20)):
        apart = (a - b) ** 2 / (a**2 + b**2 + C1)
        options = {"window": 5, "sigmas": (0.5, 1.0), "alpha": 0.3}
        value = plain(ls.ms_ssim_l1(array(constant(a)), array(constant(b)), **options))
        assert value == approx(0.3 * apart + 0.7 * abs(a - b), rel=1e-12)
        options |= {"data_range": 255.0}
        value = plain(ls.ms_ssim_l1(array(constant(255 * a)), array(constant(255 * b)), **options))
        assert value == approx(0.3 * apart + 0.7 * abs(a - b), rel=1e-12)


def test_an_error_weighs_as_the_middle_of_the_widest_gaussian(array, plain):
    dot, sigma = np.zeros((1, 1, 3, 3)), 0.8
    dot[..., 1, 1] = 1.0
    weight = 1 / (1 + 2 * math.exp(-1 / (2 * sigma**2))) ** 2
    value = plain(ls.ms_ssim_l1(array(dot), array(0 * dot), alpha=0.0, window=3, sigmas=(0.4, sigma)))
    assert value == approx(weight)


def test_the_similarities_of_a_window_multiply(array, plain):
    x = array([[[[0.0, 1.0], [1.0, 0.0]]]])
    once = (C2 - 0.5) / (C2 + 0.5)  # means 1/2, variances 1/4, covariance -1/4 under any width
    value = plain(ls.ms_ssim_l1(x, 1 - x, alpha=1.0, window=2, sigmas=(0.5, 1.0, 3.0)))
    assert value == approx(1 - once**3)


# Feature maps.

TWO_CHANNELS = [[[1.0], [2.0]]]  # F F^T = [[1, 2], [2, 4]], whose squares add up to 25
TWO_POINTS = [[[1.0, 2.0]]]  # F F^T = 5


@pytest.mark.parametrize(
    ("form", "normalization", "channels", "points"),
    [
        ("content", "johnson", 5 / 2, 5 / 2),
        ("content", "gatys", 5 / 2, 5 / 2),
        ("content", "mean", 5 / 2, 5 / 2),
        ("gram", "johnson", 25 / 4, 25 / 4),
        ("gram", "gatys", 25 / 16, 25 / 16),
        ("gram", "mean", 25 / 16, 25 / 4),
    ],
)
def test_the_normalizations_of_feature_distances(array, plain, form, normalization, channels, points):
    for features, expected in ((TWO_CHANNELS, channels), (TWO_POINTS, points)):
        x = array(features)
        assert plain(ls.perceptual([x], [0 * x], form=form, normalization=normalization)) == expected


def test_content_of_gatys_is_half_a_sum(array, plain):
    x = array(np.ones((1, 3, 2, 2)))
    assert plain(ls.perceptual([x], [0 * x], normalization="gatys")) == 6.0
    assert plain(ls.perceptual([x], [0 * x])) == 1.0


def test_style_forgets_where_a_feature_is(array, plain):
    x = textures(1, 3, 4, 4)[0]
    moved = x[..., ::-1, :].copy()
    assert plain(ls.perceptual([array(x)], [array(moved)], form="gram")) < 1e-28
    assert plain(ls.perceptual([array(x)], [array(moved)])) > 0.01


def feature_lists(array):
    x, y = (
        list(image)
        for image in zip(textures(2, 3, 4, 5), textures(2, 2, 3, 3, 1), textures(2, 4, 2, 2, 2), strict=True)
    )
    return [array(f) for f in x], [array(f) for f in y]


def test_layers_have_no_order(array, plain):
    x, y = feature_lists(array)
    weights = [array([0.5, 1.0, 2.0]), array([2.0, 0.5, 1.0])]
    of_channels = [array([0.5, 1.0, 2.0]), array([1.0, 3.0]), array([0.0, 1.0, 0.5, 2.0])]
    turn = lambda items: [items[2], items[0], items[1]]  # noqa: E731
    for form in ("content", "gram"):
        value = plain(ls.perceptual(x, y, layer_weights=weights[0], form=form))
        assert plain(ls.perceptual(turn(x), turn(y), layer_weights=weights[1], form=form)) == approx(value)
        assert plain(ls.perceptual(turn(x), turn(y), layer_weights=weights[0], form=form)) != approx(value, rel=1e-3)
    value = plain(ls.lpips(x, y, of_channels))
    assert plain(ls.lpips(turn(x), turn(y), turn(of_channels))) == approx(value)


def test_directions_are_compared_at_every_point(array, plain):
    x = array([[[3.0, 1.0], [4.0, 0.0]]])  # at two points the directions (0.6, 0.8) and (1, 0)
    y = array([[[1.0, 0.0], [0.0, -2.0]]])  # (1, 0) and (0, -1)
    value = plain(ls.lpips([x], [y], [array([1.0, 10.0])]))
    assert value == approx((0.16 + 6.4) / 2 + (1.0 + 10.0) / 2)
    assert plain(ls.lpips([1e10 * x], [1e-10 * y], [array([1.0, 10.0])])) == approx(value)
    assert plain(ls.lpips([x, x], [y, y], [array([1.0, 0.0]), array([0.0, 10.0])])) == approx(value)


def test_vectors_without_space(array, plain):
    value = plain(
        ls.lpips.per_example([array([[3.0, 4.0], [1.0, 0.0]])], [array([[0.0, 1.0]] * 2)], [array([1.0, 1.0])])
    )
    assert value == approx([0.36 + 0.04, 2.0])


def test_nearly_equal_directions_keep_their_digits(array, plain):
    t = 2.0**-30
    value = plain(ls.lpips([array([[1.0, 0.0]])], [array([[1.0, t]])], [array([1.0, 1.0])]))
    assert value == approx(t**2, rel=1e-12)


def test_a_vector_0_has_the_direction_0_and_no_gradient(backend):
    x, y = backend.from_numpy(np.zeros((1, 2))), backend.from_numpy(np.asarray([[3.0, 4.0]]))
    weights = [backend.from_numpy(np.asarray([1.0, 2.0]))]
    for first, second, expected in ((x, y, 0.36 + 2 * 0.64), (y, x, 0.36 + 2 * 0.64), (x, x, 0.0)):
        value, found = ls.lpips.value_and_grad([first], [second], weights, wrt=("predictions", "targets"))
        assert float(backend.to_numpy(value)) == approx(expected)
        for vector, (g,) in zip((first, second), found, strict=True):
            assert np.isfinite(backend.to_numpy(g)).all()
            assert vector is y or (backend.to_numpy(g) == 0).all()


# What is refused.


def images(a, count=1, size=12, dtype="float64"):
    return a(np.zeros((count, 1, size, size)), dtype)


REFUSED = {
    "a window larger than the image": (
        lambda a: ls.ssim(images(a, size=10), images(a, size=10)),
        ContractError,
        "ssim: `window` is 11|10 x 10|smaller `window`",
    ),
    "a window larger than the mirror image": (
        lambda a: ls.ssim(images(a, size=5), images(a, size=5), padding="reflect"),
        ContractError,
        "ssim: `window` is 11|5 x 5|mirror image|at least 6",
    ),
    "too many scales": (
        lambda a: ls.ms_ssim(images(a, size=40), images(a, size=40), scale_weights=a([0.2] * 3)),
        ContractError,
        "ms_ssim: an image of 40 x 40|`window` 11 at 3 scales|at least 44 a side|fewer `scale_weights`",
    ),
    "no scale": (
        lambda a: ls.ms_ssim(images(a), images(a), scale_weights=a(np.zeros(0))),
        ContractError,
        "ms_ssim: `scale_weights` is empty",
    ),
    "no width": (
        lambda a: ls.ms_ssim_l1(images(a), images(a), sigmas=a(np.zeros(0)), window=3),
        ContractError,
        "ms_ssim_l1: `sigmas` is empty",
    ),
    "windows of the widest Gaussian on small images": (
        lambda a: ls.ms_ssim_l1(images(a), images(a)),
        ContractError,
        "ms_ssim_l1: `window` is 33|12 x 12|smaller `window`",
    ),
    "scale weights on two axes": (
        lambda a: ls.ms_ssim(images(a), images(a), scale_weights=a([[1.0]])),
        ContractError,
        "ms_ssim: `scale_weights` has shape (1, 1), declared [scales]",
    ),
    "images too small for the five scales": (
        lambda a: ls.ms_ssim(images(a), images(a)),
        ContractError,
        "ms_ssim: an image of 12 x 12|`window` 11 at 5 scales|at least 176 a side|fewer `scale_weights`",
    ),
    "a negative number among the scale weights": (
        lambda a: ls.ms_ssim(images(a), images(a), scale_weights=(1.0, -0.5)),
        ContractError,
        "ms_ssim: `scale_weights` holds -0.5; its domain is [0, inf)",
    ),
    "scale weights that are no numbers": (
        lambda a: ls.ms_ssim(images(a), images(a), scale_weights=(1.0, "2")),
        ContractError,
        "ms_ssim: `scale_weights` holds '2'",
    ),
    "images of another size": (
        lambda a: ls.ssim(images(a), images(a, size=11)),
        ContractError,
        "ssim: `targets` has shape (1, 1, 11, 11)|*space = (12, 12) (from `predictions`)|of shape (1, 1, 12, 12)",
    ),
    "an image without a batch": (
        lambda a: ls.ssim(a(np.zeros((3, 12, 12))), a(np.zeros((3, 12, 12)))),
        ContractError,
        "ssim: `predictions` has shape (3, 12, 12)|two axes of space or more|with a batch of 1",
    ),
    "images without channels": (
        lambda a: ls.ms_ssim(a(np.zeros((12, 12))), a(np.zeros((12, 12))), scale_weights=a([1.0])),
        ContractError,
        "ms_ssim: `predictions` has shape (12, 12), declared [batch channels *space]",
    ),
    "integer images": (
        lambda a: ls.ssim(images(a, dtype="uint8"), images(a, dtype="uint8")),
        DTypeError,
        "ssim: `predictions`|real numbers|Fix: predictions = |`data_range`|255",
    ),
    "integer targets": (
        lambda a: ls.ms_ssim(images(a), images(a, dtype="int64"), scale_weights=(1.0,)),
        DTypeError,
        "ms_ssim: `targets`|Fix: targets = |`data_range`",
    ),
    "a range of 0": (lambda a: ls.ssim(images(a), images(a), data_range=0.0), ContractError, "`data_range` is 0.0"),
    "a negative width": (lambda a: ls.ssim(images(a), images(a), sigma=-1.5), ContractError, "`sigma` is -1.5"),
    "an unknown padding": (
        lambda a: ls.ssim(images(a), images(a), padding="same"),
        ContractError,
        "ssim: `padding` is 'same'|['valid', 'reflect']",
    ),
    "an unknown kernel": (lambda a: ls.ssim(images(a), images(a), kernel="box"), ContractError, "`kernel` is 'box'"),
    "an unknown normalization": (
        lambda a: ls.perceptual([a([[1.0]])], [a([[1.0]])], normalization="sum"),
        ContractError,
        "perceptual: `normalization` is 'sum'|['johnson', 'gatys', 'mean']",
    ),
    "fewer feature maps": (
        lambda a: ls.lpips([a([[1.0]])] * 2, [a([[1.0]])], [a([1.0])] * 2),
        ContractError,
        "lpips|`predictions` has 2|`targets` has 1",
    ),
    "fewer channel weights": (
        lambda a: ls.lpips([a([[1.0]])] * 2, [a([[1.0]])] * 2, [a([1.0])]),
        ContractError,
        "lpips|`predictions` has 2|`channel_weights` has 1",
    ),
    "feature maps of another shape": (
        lambda a: ls.lpips([a([[1.0, 2.0]])], [a([[1.0]])], [a([1.0, 1.0])]),
        ContractError,
        "lpips: `targets[0]` has shape (1, 1)|pass `targets[0]` of shape (1, 2)",
    ),
    "channel weights of another length": (
        lambda a: ls.lpips([a([[1.0, 2.0]])], [a([[1.0, 2.0]])], [a([1.0, 1.0, 1.0])]),
        ContractError,
        "lpips: `channel_weights[0]` has shape (3,)",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(array, call, error, words):
    with pytest.raises(error) as caught:
        call(array)
    missing = [word for word in words.split("|") if word not in str(caught.value)]
    assert not missing, f"{caught.value} does not say {missing}"


OUTSIDE = {
    "an image above its range": lambda a: ls.ssim(images(a) + 1.5, images(a)),
    "an image above its given range": lambda a: ls.ssim(images(a) + 1.0, images(a), data_range=0.5),
    "a target below 0": lambda a: ls.ms_ssim(images(a), images(a) - 0.5, scale_weights=a([1.0])),
    "a negative scale weight": lambda a: ls.ms_ssim(images(a), images(a), scale_weights=a([-1.0])),
    "a negative layer weight": lambda a: ls.perceptual([a([[1.0]])], [a([[1.0]])], layer_weights=a([-1.0])),
    "a negative channel weight": lambda a: ls.lpips([a([[1.0]])], [a([[1.0]])], [a([-1.0])]),
    "a range of 0": lambda a: ls.ssim(images(a) + 1.0, images(a), data_range=a(0.0)),
}


@pytest.mark.parametrize("call", OUTSIDE.values(), ids=OUTSIDE)
def test_what_lies_outside_is_told_where_values_are_checked(array, call):
    call(array)
    with ls.checking("values"), pytest.raises(LossSpecError, match=r"index|data_range"):
        call(array)


def test_an_image_inside_its_range_is_taken(array, plain):
    with ls.checking("values"):
        assert plain(ls.ssim(images(array) + 255.0, images(array) + 255.0, data_range=255.0)) == 0


def test_an_empty_batch_has_no_mean(array, plain):
    none = images(array, count=0)
    assert plain(ls.ssim.per_example(none, none, padding="reflect")).shape == (0,)
    assert plain(ls.ms_ssim(none, none, scale_weights=array([1.0]), reduction="sum")) == 0
    assert math.isnan(plain(ls.ssim(none, none)))
    features = [array(np.zeros((0, 2, 3)))]
    assert math.isnan(plain(ls.lpips(features, features, [array([1.0, 1.0])])))
    assert plain(ls.perceptual(features, features, form="gram", empty=0.0)) == 0


def test_images_of_two_frameworks_are_not_mixed(usable):
    there = usable("torch")
    x = np.zeros((1, 1, 12, 12))
    with pytest.raises(MixtureError, match="`targets`"):
        ls.ssim(x, there.from_numpy(x))


@pytest.mark.parametrize(("name", "loss"), [("perceptual_loss", ls.perceptual), ("LPIPS", ls.lpips)])
def test_names_of_other_libraries(name, loss):
    assert ls.get(name) is loss
