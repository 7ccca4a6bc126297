"""Ratios of policies that a loss compares or weighs with."""

from math import floor, log

from lossspec.numerics import array_namespace, stop_gradient
from lossspec.terms import Array


def fixed_ratio(log_ratio: Array) -> Array:
    """exp(log_ratio) to compare or to weigh with: a constant, at most near the largest number of the dtype."""
    xp = array_namespace(log_ratio)
    most = floor(log(float(xp.finfo(log_ratio.dtype).max)))  # beyond it a clip binds without an overflow
    return xp.exp(xp.where(log_ratio > most, float(most), stop_gradient(log_ratio)))
