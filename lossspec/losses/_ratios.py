"""Ratios of policies that a loss compares or weighs with, and the surrogate that is clipped by them."""

from math import floor, inf, log
from typing import Any

from lossspec.numerics import array_namespace, is_number, stop_gradient
from lossspec.terms import Array


def fixed_ratio(log_ratio: Array) -> Array:
    """exp(log_ratio) to compare or to weigh with: a constant, at most near the largest number of the dtype."""
    xp = array_namespace(log_ratio)
    most = floor(log(float(xp.finfo(log_ratio.dtype).max)))  # beyond it a clip binds without an overflow
    return xp.exp(xp.where(log_ratio > most, float(most), stop_gradient(log_ratio)))


def clipped_surrogate(log_ratio: Array, advantages: Array, low: Any, high: Any, most: Any = inf) -> Array:
    """-min(r A, clip(r, 1 - low, 1 + high) A) with r = exp(log_ratio); where A < 0, at most -most A.

    The clip binds above where A >= 0 and below where A < 0. In two factors r times a small A does not overflow early.
    """
    xp = array_namespace(log_ratio)
    gains, losses, ratio = advantages >= 0, advantages < 0, fixed_ratio(log_ratio)
    clipped = xp.where(gains, ratio > 1 + high, losses & (ratio < 1 - low))
    bound = xp.where(gains, (1 + high) * advantages, (1 - low) * advantages)
    if not is_number(most, inf):
        beyond = losses & (ratio > most)
        clipped, bound = clipped | beyond, xp.where(beyond, most * advantages, bound)
    half = xp.exp(0.5 * xp.where(clipped, 0.0, log_ratio))
    return -xp.where(clipped, bound, advantages * half * half)
