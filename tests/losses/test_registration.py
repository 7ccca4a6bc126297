"""Losses of registration: fields that do not bend, images that explain each other, spaces that are too small."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.interpolate import BSpline

import lossspec as ls
from lossspec.definitions import registration as definitions
from lossspec.errors import ContractError


def exact(image):
    return [exact(row) for row in image] if image.ndim else mpf(float(image))


def textures(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(2, 1, 1, *shape))


@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 4, 3)])
def test_an_affine_field_has_no_energy_and_a_parabola_has_its_curvature(shape):
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(float)
    affine = np.einsum("ij,j...->i...", np.arange(len(shape) ** 2.0).reshape(len(shape), -1), places)[None]
    assert float(ls.bending_energy(affine)) == 0
    bent = np.zeros_like(affine)
    bent[0, 0] = places[0] ** 2 + (places[0] * places[-1] if len(shape) > 1 else 0)
    mixed = 2 if len(shape) > 1 else 0
    assert float(ls.bending_energy(bent)) == pytest.approx((2**2 + mixed) / len(shape))


def test_a_space_without_inner_pixels_is_refused():
    with pytest.raises(ContractError, match="3 pixels"):
        ls.bending_energy(np.zeros((1, 2, 2, 5)))


# Local correlation.

KERNELS = {
    "uniform": [1, 1, 1, 1, 1],
    "triangular": [1, 2, 3, 2, 1],
    "gaussian": np.exp(-(np.arange(-2, 3) ** 2) * 0.18),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rank", [2, 3])
def test_one_window_has_the_weighted_correlation_of_its_pixels(array, plain, kernel, rank):
    x, y = textures(*(5,) * rank)
    weights = np.asarray(KERNELS[kernel], dtype=float)
    for _ in range(rank - 1):
        weights = np.multiply.outer(weights, np.asarray(KERNELS[kernel]))
    covariance = np.cov(x.ravel(), y.ravel(), aweights=weights.ravel(), ddof=0)
    expected = 1 - covariance[0, 1] ** 2 / covariance[0, 0] / covariance[1, 1]
    options = {"window": 5, "kernel": kernel, "padding": "valid"}
    assert plain(ls.local_normalized_cross_correlation(array(x), array(y), **options)) == pytest.approx(expected)


@pytest.mark.parametrize("window", [2, 3, 4])
def test_images_go_on_with_zeros_that_count(array, plain, window):
    x, y = textures(3, 4)
    around = ((0, 0), (0, 0), *[((window - 1) // 2, window // 2)] * 2)
    loss = ls.local_normalized_cross_correlation.configured(window=window)
    padded = plain(loss(*(array(np.pad(image, around)) for image in (x, y)), padding="valid"))
    assert plain(loss(array(x), array(y))) == pytest.approx(padded)


@pytest.mark.parametrize("noise", [1e-3, 1e-6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_little_that_a_line_does_not_explain_keeps_its_digits(array, plain, noise, dtype):
    x, other = textures(4, 4, 4)
    x = x.astype(dtype)
    y = (1 - 3 * x + noise * other).astype(dtype)
    value = plain(ls.local_normalized_cross_correlation(array(x), array(y), window=3, padding="valid"))
    with mp.workdps(50):
        right = definitions.local_normalized_cross_correlation(exact(x[0]), exact(y[0]), 3, mpf(0), "uniform", "valid")
    assert float(value) == pytest.approx(float(right), rel=20 * float(np.finfo(dtype).eps) / noise)
    assert 0 < right < 10 * noise**2


def test_a_flat_window_explains_nothing_and_pulls_nowhere(backend):
    x, y = textures(4, 4)
    x[..., :3, :3] = 0.5
    images = [backend.from_numpy(image) for image in (x, y)]
    loss = ls.local_normalized_cross_correlation.configured(window=3, padding="valid")
    value, found = loss.value_and_grad(*images, wrt=("predictions", "targets"))
    assert float(backend.to_numpy(value)) > 0.25
    assert all(np.isfinite(backend.to_numpy(g)).all() for g in found)
    value, found = loss.value_and_grad(*(image * 0 + 0.5 for image in images), wrt=("predictions", "targets"))
    assert float(backend.to_numpy(value)) == 1
    assert all((backend.to_numpy(g) == 0).all() for g in found)


def test_a_floor_takes_the_place_of_smaller_variances(array, plain):
    x, y = textures(3, 3)
    loss = ls.local_normalized_cross_correlation.configured(window=3, padding="valid")
    covariance = np.cov(x.ravel(), y.ravel(), ddof=0)
    for floor in (2 * covariance.max(), (covariance[0, 0] + covariance[1, 1]) / 2):
        expected = 1 - covariance[0, 1] ** 2 / np.prod(np.maximum(np.diag(covariance), floor))
        assert plain(loss(array(x), array(y), variance_floor=float(floor))) == pytest.approx(expected)


# Mutual information.

GRID = np.stack(np.meshgrid([0.0, 0.5, 1.0], [0.1, 0.45, 0.6, 0.9], indexing="ij"))[:, None, None]


def hat(x):
    """The cubic B-spline with its knots at -2, -1, 0, 1, 2."""
    return np.nan_to_num(BSpline.basis_element(np.arange(-2.0, 3), extrapolate=False)(x))


def information(first, second):
    """From shares [pixels, bins] of either image: entropies of both less that of the pairs."""

    def entropy(shares):
        return -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))

    pairs = first.T @ second / len(first)
    return entropy(first.mean(0)) + entropy(second.mean(0)) - entropy(pairs)


@pytest.mark.parametrize("kernel", ["gaussian", "spline"])
def test_shares_of_bins_are_those_of_their_windows(array, plain, kernel):
    x, y = np.random.default_rng(1).uniform(size=(2, 1, 2, 3, 4))
    apart = [image.reshape(-1, 1) * 4 - np.arange(5) for image in (x, y)]
    if kernel == "gaussian":
        first, second = (np.exp(-(t**2) / (2 * 0.7**2)) for t in apart)
        first, second = (w / w.sum(1, keepdims=True) for w in (first, second))
    else:
        first, second = hat(x.reshape(-1, 1) * 4 - np.arange(-1, 6)), 1.0 * (np.abs(apart[1]) < 0.5)
    value = plain(ls.mutual_information(array(x), array(y), bins=5, width=0.7, kernel=kernel))
    assert float(value) == pytest.approx(-information(first, second), rel=1e-12)


@pytest.mark.parametrize("kernel", ["gaussian", "spline"])
def test_images_that_tell_nothing_of_each_other_share_nothing(array, plain, kernel):
    rows, columns = GRID
    for images in ((rows, columns), (rows, 0 * rows + 0.3)):
        value, found = ls.mutual_information.value_and_grad(*images, bins=4, kernel=kernel)
        assert abs(float(value)) < 1e-30
        assert np.abs(found).max() < 1e-15
    assert abs(float(plain(ls.mutual_information(array(rows), array(columns), bins=4, kernel=kernel)))) < 1e-30


@pytest.mark.parametrize("noise", [1e-3, 1e-6])
def test_the_little_that_images_share_keeps_its_digits(array, plain, noise):
    rows, columns = GRID
    columns = columns + noise * rows * (1 - columns)
    value = plain(ls.mutual_information(array(rows), array(columns), bins=4))
    with mp.workdps(50):
        right = definitions.mutual_information(exact(rows[0]), exact(columns[0]), 4, mpf(0.5), "gaussian")
    assert float(value) == pytest.approx(float(right), rel=1e-14 / noise)
    assert 0 < -right < noise**2


def test_an_image_of_two_values_tells_itself_and_its_negative(array, plain):
    x = np.asarray([0.0, 1.0, 1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 3)
    wanted = (2 * np.log(3 / 2) + np.log(3)) / 3
    for kernel in ("gaussian", "spline"):
        value = plain(ls.mutual_information(array(x), array(1 - x), width=0.01, kernel=kernel))
        assert float(value) == pytest.approx(-wanted, rel=1e-14)


def test_intensities_beyond_the_ends_count_as_the_ends(backend):
    x, y = textures(3, 3)
    value, found = ls.mutual_information.value_and_grad(*map(backend.from_numpy, (x, y)), bins=4)
    clipped = ls.mutual_information(*(backend.from_numpy(np.clip(image, 0, 1)) for image in (x, y)), bins=4)
    assert float(value) == float(clipped)
    inside = (x > 0) & (x < 1)
    assert ((backend.to_numpy(found) != 0) == inside).all()


REFUSED = {
    "one axis of space": (lambda x: ls.mutual_information(x[0], x[0]), "two axes of space"),
    "a large window": (
        lambda x: ls.local_normalized_cross_correlation(x, x, window=4, padding="valid"),
        r"the space of `predictions` is \(3, 3\): windows take 4 pixels",
    ),
    "signals": (lambda x: ls.local_normalized_cross_correlation(x[0], x[0]), "two axes of space"),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(call, words):
    with pytest.raises(ContractError, match=words):
        call(np.ones((1, 1, 3, 3)))
