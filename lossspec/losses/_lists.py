"""The items of a list, and its pairs of a better and a worse one."""

from math import inf

from lossspec.numerics import array_namespace
from lossspec.terms import Array

COUNTS_ALL = "it counts an item whose score is -inf, and is infinite or NaN"
"""The difference of a library that takes items out of a list by its mask alone."""


def listed(scores: Array, entries: Array | None) -> tuple[Array, Array]:
    """Return the scores, -inf for items that do not count, and the mask of the items of each list."""
    xp = array_namespace(scores)
    if entries is not None:
        scores = xp.where(entries, scores, -inf)
    return scores, scores != -inf


def pairs(scores: Array, labels: Array, entries: Array | None) -> tuple[Array, Array, Array]:
    """Return the scores, 0 for items out of the list; the mask of pairs whose first is better; all gaps."""
    xp = array_namespace(scores)
    scores, present = listed(scores, entries)
    above = (labels[..., :, None] > labels[..., None, :]) & present[..., :, None] & present[..., None, :]
    scores = xp.where(present, scores, 0.0)
    return scores, above, xp.where(above, scores[..., :, None] - scores[..., None, :], 0.0)
