"""Losses of waveforms: scales, silence, signals without distortion, sources in any order."""

import math
from fractions import Fraction
from itertools import permutations
from operator import mul

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError

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


@pytest.mark.parametrize("zero_mean", [False, True])
@pytest.mark.parametrize("loud", ["both", "predictions", "targets"])
def test_a_sample_that_outweighs_all_others_leaves_them_their_digits(loud, zero_mean, backend):
    """A click: l = 10 log10(|r|^2 <t, t> / <x, t>^2), whose derivative in x is that of r / |r|^2 - t / <x, t>."""
    inputs = {"predictions": [1.25, -0.5, 0.75, 2.0], "targets": [0.5, 1.0, -1.25, 0.25]}
    for name, signal in inputs.items():
        signal[1] *= 2.0**15 if loud in (name, "both") else 1.0
    x, t = (list(map(Fraction, signal)) for signal in inputs.values())
    if zero_mean:
        x, t = ([a - sum(y) / 4 for a in y] for y in (x, t))
    product, square = sum(map(mul, x, t)), sum(map(mul, t, t))
    r = [a - product / square * b for a, b in zip(x, t, strict=True)]
    rest = sum(map(mul, r, r))
    arrays = (backend.from_numpy(np.asarray([signal], dtype=np.float32)) for signal in inputs.values())
    value, gradient = ls.scale_invariant_sdr.value_and_grad(*arrays, zero_mean=zero_mean)
    assert float(backend.to_numpy(value)) == pytest.approx(10 * math.log10(rest * square / product**2), rel=1e-6)
    slopes = [20 / math.log(10) * float(a / rest - b / product) for a, b in zip(r, t, strict=True)]
    assert backend.to_numpy(gradient)[0] == pytest.approx(slopes, rel=1e-5, abs=0)


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_the_best_of_all_orders_of_the_sources_counts(sources):
    x, t = RANDOM.normal(size=(2, 3, sources, 6))
    orders = [ls.scale_invariant_sdr.per_example(x[:, order, :], t).mean(-1) for order in permutations(range(sources))]
    known = ls.permutation_invariant_sdr.per_example(x, t)
    assert known == pytest.approx(np.min(orders, axis=0), rel=1e-13)
    turned = RANDOM.permutation(sources)
    assert ls.permutation_invariant_sdr.per_example(x[:, turned], t) == pytest.approx(known, rel=1e-13)


def test_a_tie_of_two_orders_has_the_gradient_of_one(backend):
    x, t = np.asarray([[[1.0, 2.0], [1.0, 2.0]]]), np.asarray([[[1.0, 0.0], [0.0, 1.0]]])
    got = backend.to_numpy(ls.permutation_invariant_sdr.grad(*map(backend.from_numpy, (x, t))))
    orders = [ls.scale_invariant_sdr.grad(x[:, order], t, reduction="sum")[:, order] / 2 for order in ([0, 1], [1, 0])]
    assert any(got == pytest.approx(order, rel=1e-12) for order in orders)


def test_a_source_without_anything_of_its_target_makes_an_order_infinite_whatever_the_others_are():
    x = np.asarray([[[1.0, 0.0], [0.0, 1.0]]])
    assert float(ls.permutation_invariant_sdr(x, x)) == -math.inf
    assert float(ls.permutation_invariant_sdr(x, np.asarray([[[1.0, 0.0], [0.0, 0.0]]]))) == math.inf
    half = np.asarray([[[1.0, 0.0], [1.0, 1.0]]])  # in order: exact and 0 dB; turned: 0 dB and nothing
    assert float(ls.permutation_invariant_sdr(half, x)) == -math.inf


def test_more_sources_than_8_and_none_are_refused():
    for sources in (0, 9):
        with pytest.raises(ContractError, match=f"there are {sources} sources"):
            ls.permutation_invariant_sdr(np.ones((1, sources, 3)), np.ones((1, sources, 3)))


def test_the_best_order_is_that_of_torchmetrics():
    torch = pytest.importorskip("torch", reason="Torch is not installed")
    audio = pytest.importorskip("torchmetrics.functional.audio", reason="torchmetrics is not installed")
    x, t = RANDOM.normal(size=(2, 4, 3, 20))
    theirs, _ = audio.permutation_invariant_training(
        torch.tensor(x), torch.tensor(t), audio.scale_invariant_signal_distortion_ratio, eval_func="max"
    )
    assert ls.permutation_invariant_sdr.per_example(x, t) == pytest.approx(-theirs.numpy(), rel=1e-10)


SHORT = ls.stft.configured(fft_size=16, hop=5, window=12)


@pytest.mark.parametrize("factor", [3.0, 0.25, -2.0, 1 + 2**-40])
def test_a_multiple_of_a_signal_is_away_by_its_factor_in_every_spectrum(backend, factor):
    targets = np.random.default_rng(1).normal(size=(2, 40))
    x, t = backend.from_numpy(factor * targets), backend.from_numpy(targets)
    convergence = float(SHORT(x, t, magnitude_factor=0.0))
    magnitude = float(SHORT(x, t, convergence_factor=0.0))
    assert convergence == pytest.approx(abs(abs(factor) - 1), rel=1e-11)
    assert magnitude == pytest.approx(abs(math.log(abs(factor))), rel=1e-11)


def test_silence_has_the_floor_for_a_spectrum_and_no_gradient(backend):
    silent, loud = np.zeros((1, 40)), np.random.default_rng(2).normal(size=(1, 40))
    arrays = [backend.from_numpy(x) for x in (silent, loud)]
    assert float(SHORT(arrays[0], arrays[0])) == 0
    value, gradient = SHORT.value_and_grad(arrays[0], arrays[1])
    assert math.isfinite(float(value))
    assert np.all(backend.to_numpy(gradient) == 0)


@pytest.mark.parametrize("sizes", [(16, 12), (8, 12)], ids=["fft_size", "window"])
def test_a_signal_without_a_mirror_image_is_refused(array, sizes):
    x = array(np.zeros((1, max(sizes) // 2)))
    with pytest.raises(ContractError, match=f"stft: .* `fft_size` {sizes[0]} and `window` {sizes[1]}. Fix: "):
        ls.stft(x, x, fft_size=sizes[0], window=sizes[1])
