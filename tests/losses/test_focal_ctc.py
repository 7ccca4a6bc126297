"""Focal CTC: its limits where the labels are sure or cannot be reached."""

import math

import numpy as np
import pytest

import lossspec as ls

LABELS, LENGTHS = np.asarray([[1, 2]]), (np.asarray([3]), np.asarray([2]))


def frames(backend, *rows):
    with np.errstate(divide="ignore"):
        return backend.from_numpy(np.log(np.asarray([rows])))


def focal(backend, log_probabilities, lengths=LENGTHS, **parameters):
    rest = map(backend.from_numpy, (LABELS, *lengths))
    value, gradient = ls.focal_ctc.value_and_grad(log_probabilities, *rest, **parameters)
    return float(value), backend.to_numpy(gradient)


def test_without_gamma_it_is_ctc(backend):
    x = frames(backend, [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.6, 0.3, 0.1])
    value, gradient = focal(backend, x, alpha=0.5, gamma=0.0)
    plain, slope = ls.ctc.value_and_grad(x, *map(backend.from_numpy, (LABELS, *LENGTHS)))
    assert value == pytest.approx(float(plain) / 2, rel=1e-14)
    np.testing.assert_allclose(gradient, backend.to_numpy(slope) / 2, rtol=1e-14)


def test_an_easy_sequence_counts_little_and_keeps_its_digits(backend):
    d = 1e-9
    x = frames(backend, [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, d, 1 - d])
    value, _ = focal(backend, x, alpha=1.0, gamma=2.0)
    assert value == pytest.approx(d * d * d, rel=1e-6)


def test_a_sure_sequence_has_no_loss_and_no_gradient(backend):
    value, gradient = focal(backend, frames(backend, [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    assert value == 0
    assert not gradient.any()


def test_labels_out_of_reach_are_those_of_ctc(backend):
    x, short = frames(backend, [0.2, 0.5, 0.3]), (np.asarray([1]), np.asarray([2]))
    assert focal(backend, x, short)[0] == math.inf
    for zero_infinity in (False, True):
        value, gradient = focal(backend, x, short, zero_infinity=zero_infinity)
        assert value == (0 if zero_infinity else math.inf)
        assert not gradient.any()
