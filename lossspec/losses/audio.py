"""Losses of waveforms."""

import math
from itertools import combinations
from typing import Any

from lossspec.declaration import Equal, loss, require
from lossspec.numerics import (
    absolute,
    array_namespace,
    first_largest,
    largest,
    log1p,
    matmul,
    mirrored,
    norm,
    per_row,
    positions,
    stop_gradient,
    with_value,
)
from lossspec.primitive import primitive
from lossspec.terms import Array, Count, Embedding, NonNegative, Positive, Real

__all__ = ["permutation_invariant_sdr", "scale_invariant_sdr", "stft"]


@loss(
    family="audio",
    unit="signal",
    source="Le Roux, Wisdom, Erdogan and Hershey 2019, arXiv:1811.02508 (read in the code of torchmetrics, "
    "not in the paper)",
    aliases=("SI-SDR", "si_sdr", "SI-SNR"),
    sizes={"batch": 2, "time": 3},
)
def scale_invariant_sdr(
    predictions: Embedding["*batch time"], targets: Embedding["*batch time"], *, zero_mean: bool = False
) -> Real["*batch"]:
    """Negative scale-invariant signal-to-distortion ratio of a waveform, in decibels.

    l = 10 log10(|x - a t|^2 / |a t|^2), with a = <x, t> / <t, t>, x the `predictions` and t the `targets`, both less
    their means if `zero_mean`.

    Shapes: `predictions` and `targets` [*batch time], any real numbers, whole signals -> signal [*batch].
    Weights and mean: the common contract, one weight a signal. Neither value nor derivative changes its digits with the
    scale of a signal. A prediction that is a multiple of the target has -inf, one that has nothing of it, or a silent
    signal, inf; the gradient there is 0.
    Errors: `ContractError` for another shape or signals without samples, `DTypeError` for integers.
    Equals: minus torchmetrics `scale_invariant_signal_distortion_ratio`, which adds an eps to both squares; SI-SNR with
    `zero_mean`.

    >>> import numpy as np
    >>> x, t = np.asarray([[3.0, 1.0]]), np.asarray([[0.5, 0.0]])
    >>> round(float(scale_invariant_sdr(x, t)), 12)  # 10 log10(1 / 9)
    -9.542425094393
    """
    require(predictions.shape[-1] > 0, "scale_invariant_sdr: the axis `time` is empty: no signal has no direction.")
    return _distortion(predictions, targets, zero_mean)


def _distortion(predictions: Array, targets: Array, zero_mean: bool) -> Array:
    """The distortion of signals, in decibels below what they have of their targets; the leading axes broadcast."""
    xp = array_namespace(predictions)
    x, t = xp.broadcast_arrays(*(_scaled(y, zero_mean) for y in (predictions, targets)))
    return (20 / math.log(10)) * (_log_tangent_of_centred if zero_mean else _log_tangent)(x, t)


def _scaled(x: Array, centred: bool) -> Array:
    """The signal over its largest sample, a constant; one that is to be centred first less the sample next to its mean.

    Less a sample, and not the mean, the others keep their digits beside one that outweighs them all.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    if centred:
        middle, _, _ = largest(fixed, -xp.abs(fixed - xp.mean(fixed, axis=-1, keepdims=True)))
        level = xp.take_along_axis(fixed, middle, axis=-1)
        x, fixed = x - level, fixed - level
    top = xp.max(xp.abs(fixed), axis=-1, keepdims=True)
    return x / xp.where(top == 0, 1.0, top)


def _tangent(xp: Any, x: Array, t: Array, centred: bool) -> Any:
    """The logarithm of |tan| of the angle of two signals: -inf for multiples, inf where one has nothing of the other.

    Where one sample of a signal outweighs all others, what stands at it follows from the others, as what is at right
    angles to that signal: as a difference it would be less than the rounding of the sample.
    """
    along, chief = _chief_of(xp, t, centred)
    product, square = (xp.sum(y * along, axis=-1, keepdims=True) for y in (x, t))
    none = product == 0
    # For equal signals it is exactly 0; a sum that is fused in two ways may leave its rounding of what is equal.
    beside = _at_right_angles(xp, x - product / xp.where(square == 0, 1.0, square) * t, t, chief, centred)
    top = xp.max(xp.abs(stop_gradient(beside)), axis=-1, keepdims=True)
    alike = xp.all(x == t, axis=-1, keepdims=True) | xp.all(x == -t, axis=-1, keepdims=True)
    exact = (top == 0) | alike
    safe = none | exact
    unit = beside / xp.where(safe, 1.0, top)
    unit_square, product = xp.sum(unit**2, axis=-1, keepdims=True), xp.where(safe, 1.0, product)
    unit_square, square = (xp.where(safe, 1.0, y) for y in (unit_square, square))
    tangent = top * xp.sqrt(unit_square) * xp.sqrt(square) / xp.abs(product)
    value = xp.log(xp.where(safe, 1.0, tangent))

    def pull_x(g: Array) -> Array:
        slope = unit / (xp.where(safe, 1.0, top) * unit_square) - along / product
        _, chief_of_x = _chief_of(xp, x, centred)
        return xp.where(safe, 0.0, g[..., None] * _at_right_angles(xp, slope, x, chief_of_x, False))

    def pull_t(g: Array) -> Array:
        steep = xp.where(safe, 1.0, tangent)
        steep = (steep + 1.0 / steep) / xp.sqrt(unit_square * square)
        return xp.where(safe, 0.0, xp.where(product < 0, steep, -steep) * g[..., None]) * unit

    value = xp.where(none, math.inf, xp.where(exact, -math.inf, value))
    return value[..., 0], (pull_x, pull_t)


def _chief_of(xp: Any, x: Array, centred: bool) -> tuple[Array, Array]:
    """A signal, less its mean if so asked, and the mask of the sample that has more than half of its energy."""
    if centred:
        x = x - xp.mean(x, axis=-1, keepdims=True)
    fixed = stop_gradient(x)
    _, is_top, top = largest(fixed, xp.abs(fixed))
    return x, is_top & (2 * top**2 > xp.sum(fixed**2, axis=-1, keepdims=True))


def _at_right_angles(xp: Any, apart: Array, x: Array, chief: Array, centred: bool) -> Array:
    """A signal at right angles to `x`, and to a constant if so asked: given is one that is but for its chief sample."""
    others = xp.where(chief, 0.0, apart)
    weights = x
    if centred:
        among = xp.any(chief, axis=-1, keepdims=True)
        rest = x.shape[-1] - xp.astype(among, x.dtype) if x.shape[-1] > 1 else 1.0
        others = xp.where(chief, 0.0, others - xp.sum(others, axis=-1, keepdims=True) / rest)
        level = xp.sum(xp.where(chief, 0.0, x), axis=-1, keepdims=True) / rest
        weights = x - level
    top = xp.sum(xp.where(chief, weights, 0.0), axis=-1, keepdims=True)
    own = -xp.sum(others * x, axis=-1, keepdims=True) / xp.where(top == 0, 1.0, top)
    if centred:
        others = others - xp.where(among, own / rest, 0.0)
    return xp.where(chief, own, others)


@primitive(row_axes=1)
def _log_tangent(xp: Any, x: Array, t: Array) -> Any:
    """The logarithm of |tan| of the angle between two signals."""
    return _tangent(xp, x, t, centred=False)


@primitive(row_axes=1)
def _log_tangent_of_centred(xp: Any, x: Array, t: Array) -> Any:
    """The logarithm of |tan| of the angle between two signals less their means."""
    return _tangent(xp, x, t, centred=True)


@loss(
    family="audio",
    unit="mixture",
    source="Yu, Kolbaek, Tan and Jensen 2017, arXiv:1607.00325; utterance level: Kolbaek et al. 2017, arXiv:1703.06284 "
    "(read in the code of torchmetrics, not in the papers)",
    aliases=("PIT", "uPIT", "permutation_invariant_training"),
    sizes={"batch": 2, "sources": 2, "time": 3},
)
def permutation_invariant_sdr(
    predictions: Embedding["*batch sources time"], targets: Embedding["*batch sources time"], *, zero_mean: bool = False
) -> Real["*batch"]:
    """Negative scale-invariant signal-to-distortion ratio of separated sources, which may come in any order.

    l = min over permutations a of mean_s d(x[a(s)], t[s]), with d the `scale_invariant_sdr`, in decibels, x the
    `predictions` and t the `targets`.

    Shapes: `predictions` and `targets` [*batch sources time], any real numbers, whole signals; at most 8 sources
    -> mixture [*batch].
    Weights and mean: the common contract, one weight a mixture. A permutation in which a source is inf is inf, whatever
    the others are. Of permutations with the same mean the gradient is that of one.
    Errors: `ContractError` for another shape, signals without samples, no source or more than 8; `DTypeError` for
    integers.
    Equals: minus torchmetrics `permutation_invariant_training` of `scale_invariant_signal_distortion_ratio`, up to the
    eps that this adds to both squares.

    >>> import numpy as np
    >>> x, t = np.asarray([[[0.0, 2.0], [3.0, 1.0]]]), np.asarray([[[1.0, 0.0], [1.0, 5.0]]])
    >>> swapped = (scale_invariant_sdr(x[0, 1], t[0, 0]) + scale_invariant_sdr(x[0, 0], t[0, 1])) / 2
    >>> float(permutation_invariant_sdr(x, t)) == float(swapped)
    True
    """
    sources = predictions.shape[-2]
    require(predictions.shape[-1] > 0, "permutation_invariant_sdr: the axis `time` is empty.")
    require(0 < sources <= 8, "permutation_invariant_sdr: there are {} sources; it takes 1 to 8.", sources)
    costs = _distortion(predictions[..., :, None, :], targets[..., None, :, :], zero_mean)
    return _least_assignment(costs, sources) / sources


def _least_assignment(costs: Array, size: int) -> Array:
    """The least sum of costs[..., a(s), s] over permutations a; in order of s, the best for each set of rows taken."""
    xp = array_namespace(costs)
    best: dict[tuple[int, ...], Array] = {}
    for column in range(size):
        for rows in combinations(range(size), column + 1):
            sums = []
            for row in rows:
                cost, before = costs[..., row, column], best.get(tuple(other for other in rows if other != row))
                if before is not None:
                    endless = (cost == math.inf) | (before == math.inf)
                    cost = xp.where(endless, math.inf, xp.where(endless, 0.0, cost) + xp.where(endless, 0.0, before))
                sums.append(cost)
            best[rows] = -first_largest(-xp.stack(sums, axis=-1))
    return best[tuple(range(size))]


@loss(
    family="audio",
    unit="signal",
    source="Yamamoto, Song and Kim 2020, arXiv:1910.11480 (read in the code of ParallelWaveGAN, not in the paper)",
    aliases=("auraloss:STFTLoss", "parallel_wavegan:STFTLoss"),
    also={
        "auraloss:MultiResolutionSTFTLoss": "it is the mean of stft over several resolutions. Fix: "
        "sum([stft.configured(fft_size=n, hop=h, window=w) for n, h, w in ...]) / 3",
    },
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "time": 7, "fft_size": 4, "hop": 2, "window": 4, "floor": 1e-3},
    equals=(
        Equal(
            "torch",
            "(lambda p, t: convergence_factor * torch.linalg.matrix_norm(t - p) / torch.linalg.matrix_norm(t) "
            "+ magnitude_factor * (t.log() - p.log()).abs().mean((-2, -1)))"
            "(*(torch.view_as_real(torch.stft(x, fft_size, hop, window, torch.hann_window(window, dtype=x.dtype), "
            "return_complex=True)).square().sum(-1).clamp(min=floor).sqrt() for x in (predictions, targets)))",
            when="predictions.ndim == 2 and predictions.shape[0] > 0 and window <= fft_size",
        ),
    ),
)
def stft(
    predictions: Embedding["*batch time"],
    targets: Embedding["*batch time"],
    *,
    fft_size: Count = 1024,
    hop: Count = 256,
    window: Count = 1024,
    convergence_factor: NonNegative["#*batch"] = 1.0,
    magnitude_factor: NonNegative["#*batch"] = 1.0,
    floor: Positive["#*batch"] = 1e-8,
) -> Real["*batch"]:
    """STFT loss of a waveform: the distance of two spectrograms, relative and of their logarithms.

    l = convergence_factor * norm(S(targets) - S(predictions)) / norm(S(targets))
    + magnitude_factor * mean(|log S(targets) - log S(predictions)|), over frames and frequencies, with
    S = sqrt(max(|F|^2, floor)) and F the Fourier transform of `fft_size` of a frame: of `window` samples, times a Hann
    window. Frames are `hop` samples apart; the signal is continued as in a mirror by half of `fft_size` at both ends,
    or by half of a `window` that is longer.

    Shapes: `predictions` and `targets` [*batch time], any real numbers, of more than fft_size / 2 samples; the
    factors and `floor` are numbers, or arrays with size 1 where they do not vary -> signal [*batch]. Transforms are
    products with the matrix of the transform.
    Weights and mean: the common contract, one weight a signal. Where both magnitudes lie below the floor the gradient
    is 0. Small losses keep their digits: the difference of two spectra is the spectrum of the difference.
    Errors: `ContractError` for another shape or signals that are too short, `DTypeError` for integers.
    Equals: the loss of ParallelWaveGAN and auraloss `STFTLoss` for one signal; they take one norm for the whole batch.

    >>> import numpy as np
    >>> x = np.asarray([[0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0]])
    >>> short = stft.configured(fft_size=4, hop=4, window=4)
    >>> float(short(x, x)), round(float(short(2 * x, x, magnitude_factor=0)), 6)
    (0.0, 1.0)
    """
    fft_size, hop, window = int(fft_size), int(hop), int(window)
    time, span = predictions.shape[-1], max(fft_size, window)
    require(
        time > span // 2,
        "stft: the signals have {} samples, too few for a mirror image of half of `fft_size` {} and `window` {}. Fix: "
        "pass longer signals, or a smaller `fft_size` and `window`.",
        *(time, fft_size, window),
    )
    xp = array_namespace(predictions)
    # Values come from the spectrum of the difference, in which nothing cancels; derivatives do not need it.
    signals = xp.stack((predictions, targets, stop_gradient(predictions - targets)))
    spectra = _spectra(signals, fft_size, hop, window)
    real, imaginary = (part[:2, ...] for part in spectra)
    powers = real * real + imaginary * imaginary
    floor = per_row(floor, 2)
    silent = powers <= floor
    bounded = xp.where(silent, floor, powers)
    roots, logs = xp.sqrt(bounded), xp.log(bounded)
    x, y = bounded[0, ...], bounded[1, ...]
    fixed = map(stop_gradient, spectra)
    apart = sum(part[2, ...] * (part[0, ...] + part[1, ...]) for part in fixed)
    apart = xp.where(silent[0, ...] | silent[1, ...], stop_gradient(x - y), apart)
    excess = log1p(xp.abs(apart) / stop_gradient(xp.minimum(x, y)))
    by_logs = with_value(xp.where(apart < 0, -excess, excess), logs[0, ...] - logs[1, ...])
    by_roots = with_value(apart / stop_gradient(roots[0, ...] + roots[1, ...]), roots[0, ...] - roots[1, ...])
    convergence = _relative(*map(_flat, (by_roots, roots[0, ...], roots[1, ...])))
    return convergence_factor * convergence + magnitude_factor / 2 * xp.mean(absolute(by_logs), axis=(-2, -1))


def _relative(apart: Array, x: Array, y: Array) -> Array:
    """The quotient |x - y| / |y| over the last axis, from x - y.

    Where x is much shorter it is nearly 1, and the terms of its derivative in y would cancel.
    """
    xp, length = array_namespace(x), norm(y)
    quotient = norm(apart) / length
    share, direction = x / length[..., None], y / length[..., None]
    excess = xp.sum(share * (share - 2 * direction), axis=-1)
    is_short = stop_gradient(xp.sum(share * share, axis=-1)) < 0.25
    short = xp.sqrt(1 + xp.where(is_short, excess, 0.0))
    return with_value(quotient, xp.where(is_short, short, quotient))


def _flat(x: Array) -> Array:
    """The last two axes as one."""
    return array_namespace(x).reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def _spectra(x: Array, fft_size: int, hop: int, window: int) -> tuple[Array, Array]:
    """The real and imaginary parts of the Fourier transforms of frames, [..., frames frequencies].

    The magnitudes do not depend on the place of a frame's samples in the transform: they come first.
    """
    xp, span = array_namespace(x), max(fft_size, window)
    x = mirrored(x, span // 2, span // 2, -1)
    count = (x.shape[-1] - span) // hop + 1
    places = xp.reshape(positions(x), (-1,))
    samples = places[:window]
    starts = places[: (count - 1) * hop + 1 : hop] + (span - window) // 2
    frames = xp.take(x, xp.reshape(starts[:, None] + samples[None, :], (-1,)), axis=-1)
    frames = xp.reshape(frames, (*x.shape[:-1], count, window))
    steps = xp.astype((samples[:, None] * places[None, : fft_size // 2 + 1]) % fft_size, x.dtype)
    weights = 0.5 - 0.5 * xp.cos((2 * math.pi / window) * xp.astype(samples, x.dtype))[:, None]
    angles = (2 * math.pi / fft_size) * steps
    return matmul(frames, weights * xp.cos(angles)), matmul(frames, weights * xp.sin(angles))
