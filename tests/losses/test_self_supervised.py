"""Losses of views and of how embeddings spread: values by hand, neighbours that coincide, single examples."""

import math

import numpy as np
import pytest

import lossspec as ls

X = np.asarray([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])


def test_the_teacher_is_centred_and_sharpened(array, plain):
    student, teacher, center = array([[0.0, math.log(3)]]), array([[2.0, 1.0]]), array([2.0, 1.0 - math.log(3)])
    options = {"student_temperature": 1.0, "teacher_temperature": 0.5}  # teacher: 3^2 to 1 for the second class
    value = plain(ls.dino(student, teacher, center=center, **options))
    assert float(value) == pytest.approx(0.1 * math.log(4) + 0.9 * math.log(4 / 3), rel=1e-14)


def test_koleo_by_hand_where_examples_coincide_and_where_one_is_alone(backend):
    x = backend.from_numpy(X)
    each = backend.to_numpy(ls.koleo.per_example(x, normalized=False))
    assert each == pytest.approx([-math.log(5), 0.0, 0.0], abs=1e-16)
    twice = backend.from_numpy(np.asarray([[1.0, 2.0], [2.0, 4.0], [1.0, 2.0]]))
    value, gradient = ls.koleo.value_and_grad(twice, normalized=False, reduction="sum")
    assert float(backend.to_numpy(value)) == math.inf
    assert np.all(np.isfinite(backend.to_numpy(gradient)))
    value, gradient = ls.koleo.value_and_grad(x, where=backend.from_numpy(np.asarray([False, True, False])))
    assert float(backend.to_numpy(value)) == 0
    assert not backend.to_numpy(gradient).any()


def test_alignment_and_uniformity_by_hand(array, plain):
    x = array(X)
    assert plain(ls.alignment.per_example(x, array(X[::-1].copy()), alpha=3.0)) == pytest.approx(
        [34**1.5, 0.0, 34**1.5]
    )
    wanted = math.log((math.exp(-2.5) + math.exp(-3.4) + math.exp(-0.1)) / 3)
    assert plain(ls.uniformity.per_example(x, t=0.1)) == pytest.approx([wanted] * 3, rel=1e-14)
    assert plain(ls.uniformity.per_example(x[:1, :])).tolist() == [0.0]


def test_alignment_has_no_gradient_at_equal_views_for_any_power(backend):
    x = backend.from_numpy(X)
    for alpha in (1.0, 1.5, 2.0):
        value, gradient = ls.alignment.value_and_grad(x, x, alpha=alpha)
        assert float(backend.to_numpy(value)) == 0
        assert not backend.to_numpy(gradient).any()


@pytest.mark.parametrize("name", ["dino", "ibot_patch", "swav"])
def test_the_gradient_of_nearly_uniform_rows_is_the_difference_of_their_logits(name, backend):
    """As training starts: of two classes q - p is (tanh(x / 2) - tanh(y / 2)) / 2, with x and y over temperatures."""
    x, y = 3.1e-5, 4.7e-5
    rows = [backend.from_numpy(np.asarray([[logit, 0.0]], dtype=np.float32)) for logit in (x, y)]
    if name == "swav":
        _, gradient = ls.swav.value_and_grad(*rows, temperature=0.1, epsilon=0.04, iterations=0, wrt="first_scores")
        scale = 0.5
    else:
        masked = [backend.from_numpy(np.ones((1, 1), dtype=np.int64))] if name == "ibot_patch" else []
        rows = [row[None, ...] for row in rows] if masked else rows
        call = getattr(ls, name).value_and_grad
        _, gradient = call(*rows, *masked, teacher_temperature=0.04, student_temperature=0.1, wrt="student_logits")
        scale = 1.0
    right = scale * (math.tanh(np.float32(x) / 0.2) - math.tanh(np.float32(y) / 0.08)) / 2 / 0.1
    assert backend.to_numpy(gradient).ravel() == pytest.approx([right, -right], rel=2e-6)


def test_examples_too_far_apart_for_their_squares_are_infinitely_even(backend):
    x = backend.from_numpy(np.asarray([[1e20], [2e20], [-3e20]], dtype=np.float32))
    with np.errstate(over="ignore"):
        value, gradient = ls.uniformity.value_and_grad(x)
    assert float(backend.to_numpy(value)) == -math.inf
    assert np.all(np.isfinite(backend.to_numpy(gradient)))
