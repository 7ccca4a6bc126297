"""Losses of waveforms."""

import math

from lossspec.declaration import loss, require
from lossspec.numerics import array_namespace, norm, normalize, ratio_or_zero, stop_gradient
from lossspec.terms import Embedding, Real

__all__ = ["scale_invariant_sdr"]


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
    xp = array_namespace(predictions)
    require(predictions.shape[-1] > 0, "scale_invariant_sdr: the axis `time` is empty: no signal has no direction.")
    if zero_mean:
        predictions, targets = (x - xp.mean(x, axis=-1, keepdims=True) for x in (predictions, targets))
    direction, silent = normalize(targets)
    length = xp.sum(predictions * direction, axis=-1)
    # What is left beside a constant multiple of the target first: it is exactly 0 for equal signals.
    fixed, along = stop_gradient(predictions), stop_gradient(direction)
    shares = (xp.sum(x * along, axis=-1, keepdims=True) for x in (fixed, stop_gradient(targets)))
    beside = predictions - ratio_or_zero(*shares) * targets
    rest = norm(beside - xp.sum(beside * direction, axis=-1, keepdims=True) * direction)
    none, exact = (length == 0) | silent, rest == 0
    safe = none | exact
    ratio = xp.log(xp.where(safe, 1.0, rest)) - xp.log(xp.abs(xp.where(safe, 1.0, length)))
    value = (20 / math.log(10)) * ratio
    return xp.where(none, math.inf, xp.where(exact, -math.inf, value))
