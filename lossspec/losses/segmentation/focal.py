"""Losses of regions, from probabilities, that weigh the pixels and classes down which are predicted well."""

from math import inf

from lossspec.declaration import loss
from lossspec.losses.segmentation._regions import PIXELS, mean_over_pixels, one_minus_overlap, region_sums, space_axes
from lossspec.numerics import array_namespace, log1p, number, per_row
from lossspec.terms import Array, Probability, Real, UnitInterval

__all__ = [
    "unified_focal",
]


@loss(
    family="segmentation",
    unit="region",
    source="Yeung, Sala, Schoenlieb and Rundo 2022, arXiv:2102.04525 (read in the code of its "
    "authors, not in the paper)",
    also={
        "monai:AsymmetricUnifiedFocalLoss": (
            "it takes the mean of the two cross entropies where unified_focal, as its authors, takes their sum. Fix: "
            "0.75 * unified_focal(overlap_weight=2 / 3, delta=0.7), of the probability of the foreground"
        ),
    },
    sizes={"batch": 2, "channels": 1, "space": 3},
    entries=PIXELS,
)
def unified_focal(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    *,
    overlap_weight: UnitInterval["#batch #channels"] = 0.5,
    delta: UnitInterval["#batch #channels"] = 0.6,
    gamma: UnitInterval["#batch #channels"] = 0.5,
    asymmetric: bool = True,
    entries: Array = None,
) -> Real["batch channels"]:
    """Unified focal loss of every region: focal Tversky losses of region and background plus a focal cross entropy.

    l = overlap_weight * (b^(1 - e) + d^(1 - gamma)) / 2 + (1 - overlap_weight) * mean of
    -delta (1 - p)^e t log p - (1 - delta) p^gamma (1 - t) log(1 - p),
    with p = probabilities, t = targets, d = 1 - sum(p t) / (sum(p t) + delta sum((1 - p) t) + (1 - delta)
    sum(p (1 - t))) the Tversky loss of the region, b the same of 1 - p and 1 - t, the background, and e = 0 if
    `asymmetric`, else gamma: then the cross entropy of the region is not weighed down, and the Tversky loss of the
    background not up.

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `overlap_weight`, `delta` and `gamma` in
    [0, 1] -> region [batch channels].
    Weights and mean: one weight a region. `where_entries` leaves pixels out, as in `dice`. A region without pixels that
    count is 0.
    A pixel of the region with probability 0, or one of the background with 1, is inf, with derivative 0. At a Tversky
    loss of 0 the derivative of its power is declared 0, which has no finite limit.
    Errors: `ContractError` for another shape or a parameter outside [0, 1], `DTypeError` for integer masks.
    Equals: the authors' `asym_unified_focal_loss` and `sym_unified_focal_loss` of two classes, which clip probabilities
    to [1e-7, 1 - 1e-7]. MONAI `AsymmetricUnifiedFocalLoss` has half of the cross entropy, and `weight` is that of it.

    >>> import numpy as np
    >>> p, t = np.asarray([[[0.5, 0.5]]]), np.asarray([[[1.0, 0.0]]])
    >>> round(float(unified_focal(p, t, overlap_weight=1.0, delta=0.5)), 12)  # b = d = 1/2
    0.603553390593
    """
    xp = array_namespace(probabilities)
    p, t, other, background = probabilities, targets, 1 - probabilities, 1 - targets
    counts = region_sums(p * t, p * background, other * t, other * background, entries=entries)
    true_positive, false_positive, false_negative, true_negative = counts
    missed = one_minus_overlap(true_positive, delta * false_negative + (1 - delta) * false_positive, 0.0)
    behind = one_minus_overlap(true_negative, delta * false_positive + (1 - delta) * false_negative, 0.0)
    behind = behind if asymmetric else _power(behind, 1 - gamma)
    overlap = (behind + _power(missed, 1 - gamma)) / 2

    axes = len(space_axes(p))
    delta, focus, rest = per_row(delta, axes), per_row(gamma, axes), 1 - per_row(overlap_weight, axes)
    zero, one = p == 0, p == 1
    surprise = -t * xp.log(xp.where(zero, 1.0, p))
    alarm = -background * log1p(-xp.where(one, 0.0, p))
    surprise = delta * (surprise if asymmetric else _power(other, focus) * surprise)
    of_pixels = rest * (surprise + (1 - delta) * _power(p, focus) * alarm)
    endless = (zero & (rest * delta * t > 0)) | (one & (rest * (1 - delta) * background > 0))
    return overlap_weight * overlap + mean_over_pixels(xp.where(endless, inf, of_pixels), entries)


def _power(base: Array, exponent: Array) -> Array:
    """base^exponent, at 0 with derivative 0."""
    xp = array_namespace(base)
    zero = base == 0
    at_zero = xp.astype(number(exponent, base) == 0, base.dtype)
    return xp.where(zero, at_zero, xp.where(zero, 1.0, base) ** exponent)
