"""Definitions of the losses of waveforms."""

from itertools import permutations
from typing import Any

from mpmath import cospi, fsum, inf, log, mpf, sinpi, sqrt

from lossspec.definitions.common import inner


def scale_invariant_sdr(predictions: Any, targets: Any, zero_mean: bool) -> Any:
    x, t = predictions, targets
    if zero_mean:
        x, t = ([a - fsum(y) / len(y) for a in y] for y in (x, t))
    if inner(t, t) == 0 or inner(x, t) == 0:
        return inf
    factor = inner(x, t) / inner(t, t)
    distortion = fsum((a - factor * b) ** 2 for a, b in zip(x, t, strict=True))
    return 10 * log(distortion / (factor**2 * inner(t, t)), 10) if distortion else -inf


def permutation_invariant_sdr(predictions: Any, targets: Any, zero_mean: bool) -> Any:
    means = []
    for order in permutations(predictions):
        losses = [scale_invariant_sdr(x, t, zero_mean) for x, t in zip(order, targets, strict=True)]
        means.append(inf if inf in losses else fsum(losses) / len(losses))
    return min(means)


def spectrogram(x: Any, fft_size: Any, hop: Any, window: Any, floor: Any) -> list[Any]:
    span, last = max(fft_size, window), len(x) - 1
    around = [x[last - abs(last - abs(place))] for place in range(-(span // 2), len(x) + span // 2)]
    first = (span - window) // 2
    weights = [(1 - cospi(2 * n / mpf(window))) / 2 for n in range(window)]
    cosines = [cospi(2 * n / mpf(fft_size)) for n in range(fft_size)]
    sines = [sinpi(2 * n / mpf(fft_size)) for n in range(fft_size)]
    found = []
    for start in range(0, len(around) - span + 1, hop):
        frame = [w * around[start + first + n] for n, w in enumerate(weights)]
        for k in range(fft_size // 2 + 1):
            real = fsum(cosines[k * n % fft_size] * z for n, z in enumerate(frame))
            imaginary = fsum(sines[k * n % fft_size] * z for n, z in enumerate(frame))
            found.append(sqrt(max(real**2 + imaginary**2, floor)))
    return found


def stft(
    predictions: Any,
    targets: Any,
    fft_size: Any,
    hop: Any,
    window: Any,
    convergence_factor: Any,
    magnitude_factor: Any,
    floor: Any,
) -> Any:
    s, t = (spectrogram(x, int(fft_size), int(hop), int(window), floor) for x in (predictions, targets))
    apart = sqrt(fsum((a - b) ** 2 for a, b in zip(s, t, strict=True)))
    of_logarithms = fsum(abs(log(a) - log(b)) for a, b in zip(s, t, strict=True)) / len(s)
    return convergence_factor * apart / sqrt(fsum(b**2 for b in t)) + magnitude_factor * of_logarithms
