"""Losses of waveforms: scales, silence, signals without distortion."""

import math

import numpy as np
import pytest

import lossspec as ls

RANDOM = np.random.default_rng(5)
X, T = RANDOM.normal(size=(2, 2, 50))


@pytest.mark.parametrize("zero_mean", [False, True])
def test_neither_scale_nor_sign_of_a_signal_counts(zero_mean):
    known = ls.scale_invariant_sdr.per_example(X, T, zero_mean=zero_mean)
    a, b = (x - x.mean(-1, keepdims=True) if zero_mean else x for x in (X, T))
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    assert known == pytest.approx(10 * np.log10((1 - cosine**2) / cosine**2), rel=1e-12)
    assert ls.scale_invariant_sdr.per_example(-3e100 * X, 1e-100 * T, zero_mean=zero_mean) == pytest.approx(known)


@pytest.mark.parametrize("zero_mean", [False, True])
def test_it_is_what_torchmetrics_has_with_the_other_sign(zero_mean):
    torch = pytest.importorskip("torch", reason="Torch is not installed")
    audio = pytest.importorskip("torchmetrics.functional.audio", reason="torchmetrics is not installed")
    theirs = audio.scale_invariant_signal_distortion_ratio(torch.tensor(X), torch.tensor(T), zero_mean=zero_mean)
    assert ls.scale_invariant_sdr.per_example(X, T, zero_mean=zero_mean) == pytest.approx(-theirs.numpy(), rel=1e-10)


def test_a_constant_counts_without_zero_mean_alone():
    assert float(ls.scale_invariant_sdr(X + 2.0, T + 1.0, zero_mean=True)) == pytest.approx(
        float(ls.scale_invariant_sdr(X, T, zero_mean=True))
    )


def test_silence_and_perfection_are_infinite_without_gradient(backend):
    x, t = (
        np.asarray([[0.0, 0.0], [1.0, 0.0], [2.0, 4.0], [0.0, 3.0]]),
        np.asarray([[1.0, 2.0], [0, 0], [1, 2], [1, 0]]),
    )
    values = ls.scale_invariant_sdr.per_example(*map(backend.from_numpy, (x, t)))
    assert backend.to_numpy(values).tolist() == [math.inf, math.inf, -math.inf, math.inf]
    for row in range(4):  # a sum of both infinities is NaN
        gradient = ls.scale_invariant_sdr.grad(*(backend.from_numpy(a[row : row + 1]) for a in (x, t)))
        assert not backend.to_numpy(gradient).any()


def test_a_nearly_perfect_signal_keeps_its_digits():
    for power in (20, 40, 60, 100):
        x = np.asarray([[1.0, 2.0**-power]])
        loss = float(ls.scale_invariant_sdr(x, np.asarray([[1.0, 0.0]])))
        assert loss == pytest.approx(-20 * power * math.log10(2), rel=1e-15)
