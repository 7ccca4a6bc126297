"""Losses of sequences against sequences."""

from typing import Any

from lossspec.loss import loss, require
from lossspec.numerics import array_namespace, gather, log_add, positions, scan, stop_gradient
from lossspec.terms import Array, Label, Length, LogDistribution, Real

__all__ = ["ctc"]

IMPOSSIBLE = float("-inf")


def _finite_largest(x: Array) -> Array:
    """The largest entry of the last axis, kept as an axis, 0 where all are impossible; constant for autodiff."""
    xp = array_namespace(x)
    largest = xp.max(stop_gradient(x), axis=-1, keepdims=True)
    return xp.where(largest == IMPOSSIBLE, 0.0, largest)


def _advance(carry: Any, now: Any) -> tuple[Any, None]:
    """One frame of the forward recursion; not a closure, so that a compiler knows it again.

    What all states have in common is taken out of them at every frame, so that they keep their differences.
    """
    (forward, common, may_skip), (frame, is_running) = carry, now
    xp = array_namespace(forward)
    count = forward.shape[1]
    nothing = xp.full_like(forward[:, :2], IMPOSSIBLE)
    from_last = xp.concat((nothing[:, :1], forward[:, :-1]), axis=1)
    from_before = xp.where(may_skip, xp.concat((nothing, forward[:, :-2]), axis=1)[:, :count], IMPOSSIBLE)
    reached = log_add(forward, from_last, from_before)
    frame_top = _finite_largest(xp.where(reached == IMPOSSIBLE, IMPOSSIBLE, frame))
    moved = reached + (frame - frame_top)
    moved_top = _finite_largest(moved)
    forward = xp.where(is_running[:, None], moved - moved_top, forward)
    common = xp.where(is_running, common + (frame_top + moved_top)[:, 0], common)
    return (forward, common, may_skip), None


@loss(
    family="sequence",
    unit="sequence",
    source="Graves, Fernandez, Gomez and Schmidhuber 2006, doi:10.1145/1143844.1143891",
    aliases=("ctc_loss", "CTCLoss", "CTC"),
    sizes={"batch": 5, "time": 5, "labels": 2, "classes": 3},
)
def ctc(
    log_probabilities: LogDistribution["batch time classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
) -> Real["batch"]:
    """The negative log-probability of a label sequence, summed over all alignments to the frames.

    l = -log sum_a prod_t exp(log_probabilities[t, a_t]) over all a of `input_lengths` frames that become the labels
    when repeats are merged and then blanks are dropped.

    Shapes: `log_probabilities` [batch time classes], logarithms in [-inf, 0]; nothing is normalised here; `labels`
    integers [batch labels] in [0, classes) other than `blank`; `input_lengths` and `label_lengths` integers [batch]:
    what lies beyond them is padding and may hold anything -> sequence [batch].
    Weights and mean: the common contract; "mean" weighs sequences equally.
    Labels that no alignment reaches (more labels and repeats than frames) have loss inf, with gradient 0.
    Errors: `ContractError` for another shape; a label or a length out of range gives NaN, and raises under
    `checking("values")`.
    Equals: torch `F.ctc_loss(reduction="none")` with time first (its "mean" first divides by the label lengths), optax
    `ctc_loss` and Keras `CTC`, which apply log_softmax themselves.

    >>> import numpy as np
    >>> frames = np.log(np.asarray([[[0.5, 0.5], [0.5, 0.5]]]))
    >>> round(float(np.exp(-ctc(frames, np.asarray([[1]]), np.asarray([2]), np.asarray([1])))), 12)
    0.75
    """
    xp = array_namespace(log_probabilities)
    batch, _, classes = log_probabilities.shape
    count = 2 * labels.shape[1] + 1
    require(-1 < blank < classes, f"ctc: `blank` is {blank}; it must be in [0, {classes})")
    # States: the labels with a blank before, between and after them.
    blanks = xp.full_like(labels, blank)
    states = xp.reshape(xp.stack((blanks, labels), axis=-1), (batch, count - 1))
    states = xp.concat((states, xp.full_like(input_lengths, blank)[:, None]), axis=1)
    may_skip = xp.concat(
        (xp.zeros_like(states[:, :2], dtype=xp.bool), (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])),
        axis=1,
    )[:, :count]
    frames = xp.permute_dims(log_probabilities, (1, 0, 2))
    frames = xp.take_along_axis(frames, xp.broadcast_to(states, (frames.shape[0], *states.shape)), axis=-1)
    running = positions(frames[:, :, 0], axis=-2, dtype=input_lengths.dtype) < input_lengths[None, :]

    start = xp.zeros_like(states, dtype=frames.dtype)
    start = xp.where(positions(states) == 0, start, IMPOSSIBLE)  # before the first frame: in the first blank
    (forward, common, _), _ = scan(_advance, (start, start[:, 0], may_skip), (frames, running))
    ends_in_blank = gather(forward, 2 * label_lengths)
    before = 2 * label_lengths - 1
    ends_in_label = xp.where(before < 0, IMPOSSIBLE, gather(forward, xp.where(before < 0, 0, before)))
    return -(common + log_add(ends_in_blank, ends_in_label))
