"""Overlap of skeletons: tubes that are thick or thin, regions without one, equal pixels, pixels that are left out."""

import numpy as np
import pytest
from mpmath import mp, mpf

import lossspec as ls
from lossspec.definitions.segmentation import skeletons as definitions


def regions(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=(2, 2, 2, *shape))


def exact(image):
    return [exact(row) for row in image] if image.ndim else mpf(float(image))


def row(*pixels):
    return np.asarray([[pixels]], dtype=float)


THICK, MIDDLE, SIDE = row(0, 1, 1, 1, 0), row(0, 0, 1, 0, 0), row(0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("probabilities", "targets", "smooth", "expected"),
    [
        (THICK, MIDDLE, 0.0, 0.0),
        (MIDDLE, THICK, 0.0, 0.0),
        (MIDDLE, SIDE, 0.0, 1.0),
        (THICK, SIDE, 0.0, 1.0),  # the one skeleton lies outside, the other within
        (THICK, SIDE, 1.0, 1 / 3),  # P = 1 / 2 and S = 1
        (THICK / 2, THICK, 0.0, 1 / 3),  # P = 1 and S = 1 / 2
        (0 * THICK, 0 * THICK, 0.0, 0.0),
        (0 * THICK, THICK, 0.0, 1.0),
        (0 * THICK, THICK, 1.0, 1 / 3),  # P = 1 and S = 1 / 2
    ],
)
def test_a_tube_has_its_middle_for_a_skeleton(backend, probabilities, targets, smooth, expected):
    inputs = [backend.from_numpy(x) for x in (probabilities, targets)]
    value, found = ls.soft_cldice.value_and_grad(*inputs, smooth=smooth, wrt=("probabilities", "targets"))
    assert float(backend.to_numpy(value)) == pytest.approx(expected, abs=1e-15)
    assert all(np.isfinite(backend.to_numpy(g)).all() for g in found)


def test_more_erosions_find_the_middle_of_wider_tubes(array, plain):
    wide, middle = row(0, 1, 1, 1, 1, 1, 1, 1, 0), row(0, 0, 0, 0, 1, 0, 0, 0, 0)
    values = [float(plain(ls.soft_cldice(array(wide), array(middle), iterations=k))) for k in (1, 2, 3, 4)]
    assert values == [0.0, 0.0, 0.0, 0.0]  # a skeleton that is not found yet has no part outside
    values = [float(plain(ls.soft_cldice(array(wide), array(0 * wide), iterations=k))) for k in (1, 2, 3, 4)]
    assert values == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_slices_of_a_volume_that_are_all_the_same_have_the_skeleton_of_one(array, plain, axis):
    p, t = regions(5, 6)
    alone = plain(ls.soft_cldice.per_example(array(p), array(t)))
    stacked = (array(np.repeat(np.expand_dims(x, axis), 4, axis)) for x in (p, t))
    assert plain(ls.soft_cldice.per_example(*stacked)) == pytest.approx(alone)


def test_pixels_that_are_left_out_are_no_neighbours(array, plain):
    p, t = regions(5, 6)
    kept = np.zeros((2, 5, 6), dtype=bool)
    kept[:, 1:4, 2:] = True
    alone = plain(ls.soft_cldice.per_example(*(array(x[..., 1:4, 2:].copy()) for x in (p, t))))
    found = plain(ls.soft_cldice.per_example(array(p), array(t), where_entries=array(kept)))
    assert found == pytest.approx(alone)
    assert (plain(ls.soft_cldice.per_example(array(p), array(t), where_entries=array(kept & ~kept))) == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_nearly_perfect_region_keeps_its_digits(array, plain, dtype):
    p, t = regions(4, 5)
    t = np.round(t)
    p = np.abs(t - 1e-6 * p).astype(dtype)
    value = plain(ls.soft_cldice.per_example(array(p), array(t.astype(dtype)), iterations=2))
    with mp.workdps(50):
        right = [[float(definitions.soft_cldice(exact(a), exact(b), 2, mpf(0))) for a, b in zip(*x, strict=True)]
                 for x in zip(p, t, strict=True)]  # fmt: skip
    assert value == pytest.approx(np.asarray(right), rel=8 * float(np.finfo(dtype).eps))
    assert 0 < np.max(right) < 1e-5


def test_the_first_of_equal_pixels_has_the_derivative(backend):
    p, t = row(0.5, 0.5, 1.0, 0.5, 0.5), row(1.0, 1.0, 0.0, 1.0, 1.0)
    _, (g,) = ls.soft_cldice.value_and_grad(
        *(backend.from_numpy(x) for x in (p, t)), smooth=1.0, iterations=1, wrt=("probabilities",)
    )
    # s(p) is p[2] - p[0] in the middle: the largest of the first neighbours is the first one, whose smallest is p[0]
    with mp.workdps(50):

        def loss(k, step):
            moved = [mpf(x) + (step if k == j else 0) for j, x in enumerate(p[0, 0])]
            outside = moved[2] - moved[0]
            line = definitions.skeleton({(j,): mpf(x) for j, x in enumerate(t[0, 0])}, 1)
            inside = sum(line[(j,)] * x for j, x in enumerate(moved))
            shares = 1 / (1 + outside), (inside + 1) / (sum(line.values()) + 1)
            return 1 - 2 * shares[0] * shares[1] / (shares[0] + shares[1])

        slopes = [float((loss(k, mpf(1e-20)) - loss(k, -mpf(1e-20))) / mpf(2e-20)) for k in range(5)]
    assert backend.to_numpy(g)[0, 0] == pytest.approx(slopes, abs=1e-14)
