"""Label-smoothed CTC: the divergence of its frames from classes that are all alike."""

import math

import numpy as np
import pytest

import lossspec as ls

LABELS, LENGTHS = np.asarray([[1, 2]]), (np.asarray([2]), np.asarray([2]))
LOGITS = np.asarray([[[0.5, 1.0, -2.0], [0.0, 0.25, 3.0], [9.0, -9.0, 0.0]]])  # the last frame is padding


def smoothed(backend, logits, lengths=LENGTHS, **options):
    rest = map(backend.from_numpy, (LABELS, *lengths))
    value, gradient = ls.smoothed_ctc.value_and_grad(backend.from_numpy(logits), *rest, **options)
    return float(value), backend.to_numpy(gradient)


def divergences(logits):
    """Of the distribution of each frame from the uniform one, and the other way round."""
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return (p * np.log(3 * p)).sum(-1), -np.log(3 * p).mean(-1)


@pytest.mark.parametrize("divergence", ["to_uniform", "from_uniform"])
def test_frames_that_count_are_compared_with_the_uniform_distribution(backend, divergence):
    to, of = divergences(LOGITS[0, :2])
    wanted = (to if divergence == "to_uniform" else of).sum()
    plain = float(ls.ctc_with_logits(LOGITS, LABELS, *LENGTHS))
    for a in (0.0, 0.25, 1.0):
        value, gradient = smoothed(backend, LOGITS, smoothing=a, divergence=divergence)
        assert value == pytest.approx((1 - a) * plain + a * wanted, rel=1e-14)
        assert not gradient[:, 2].any()


def test_a_small_divergence_keeps_its_digits(backend):
    for divergence in ("to_uniform", "from_uniform"):
        value, _ = smoothed(backend, 1e-7 * LOGITS, smoothing=1.0, divergence=divergence)
        assert value == pytest.approx(1e-14 * LOGITS[0, :2].var(-1).sum() / 2, rel=1e-6)


def test_labels_out_of_reach_are_those_of_ctc(backend):
    short = np.asarray([1]), np.asarray([2])
    to, _ = divergences(LOGITS[0, :1])
    assert smoothed(backend, LOGITS, short)[0] == math.inf
    assert smoothed(backend, LOGITS, short, zero_infinity=True)[0] == pytest.approx(0.1 * to[0])
    assert smoothed(backend, LOGITS, short, smoothing=1.0)[0] == pytest.approx(to[0])


def test_a_class_that_is_ruled_out_costs_inf_from_the_uniform_distribution_alone(backend):
    logits = np.asarray([[[0.0, 0.0, -math.inf], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    value, gradient = smoothed(backend, logits, smoothing=1.0)
    assert value == pytest.approx(math.log(3 / 2))
    assert np.isfinite(gradient).all()
    assert smoothed(backend, logits, smoothing=1.0, divergence="from_uniform")[0] == math.inf
