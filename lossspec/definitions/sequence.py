"""Definitions of the sequence losses."""

from itertools import groupby, product
from typing import Any

from mpmath import exp, fprod, fsum, inf, log


def collapse(alignment: Any, blank: Any) -> Any:
    """Merge repeats, then drop blanks."""
    return [label for label, _ in groupby(alignment) if label != blank]


def ctc(log_probabilities: Any, labels: Any, input_lengths: Any, label_lengths: Any, blank: Any) -> Any:
    if not 0 <= input_lengths <= len(log_probabilities) or not 0 <= label_lengths <= len(labels):
        return None
    frames, wanted = log_probabilities[:input_lengths], labels[:label_lengths]
    classes = range(len(log_probabilities[0]))
    if any(label not in classes or label == blank for label in wanted):
        return None
    useful = sorted({blank, *wanted})  # an alignment with any other label becomes another sequence
    alignments = product(useful, repeat=len(frames))
    total = fsum(
        fprod(exp(frame[label]) for frame, label in zip(frames, alignment, strict=True))
        for alignment in alignments
        if collapse(alignment, blank) == wanted
    )
    return -log(total) if total else inf
