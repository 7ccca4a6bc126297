"""Losses of waveforms."""

import math
from itertools import combinations

from lossspec.declaration import loss, require
from lossspec.numerics import array_namespace, first_largest, norm, normalize, ratio_or_zero, stop_gradient
from lossspec.terms import Array, Embedding, Real

__all__ = ["permutation_invariant_sdr", "scale_invariant_sdr"]


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
