"""Losses of sequences against sequences: frames against labels, one series against another."""

from collections.abc import Callable
from typing import Literal

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.losses._special import log_of_exponential_rise
from lossspec.numerics import (
    array_namespace,
    kept,
    negative_log_softmax,
    per_row,
    positions,
    softmax_divergence,
    tokens_that_count,
)
from lossspec.paths import Paths
from lossspec.terms import Array, Label, Length, LogDistribution, Logits, NonNegative, Positive, Real, UnitInterval

__all__ = ["ctc", "ctc_with_logits", "focal_ctc", "rnn_transducer", "sequence_nll", "smoothed_ctc", "soft_dtw"]

IMPOSSIBLE = float("-inf")
ALIGNMENTS = Paths((1, 0), (1, 1), (1, 2))  # stay at a label, go on to the next, go on past a blank
TRANSDUCTIONS = Paths((1, 0), (1, 1))  # go on to the next frame, or to the next label
WARPINGS = Paths((1, 0), (1, 1), (2, 1))  # one step down, one to the right, or both: the next diagonal but one


def _aligned(
    score: Callable[..., Array],
    frames: Array,
    labels: Array,
    input_lengths: Array,
    label_lengths: Array,
    blank: int,
    zero_infinity: bool,
) -> Array:
    """-log of the sum over all alignments of frames to labels; `score` says what the frames hold."""
    xp = array_namespace(frames)
    batch, time, classes = frames.shape
    count = 2 * labels.shape[1] + 1
    require(-1 < blank < classes, "ctc: `blank` is {}; it must be in [0, {})", blank, classes)
    require(time > 0, "ctc: the frames have shape {}. Fix: pass at least one frame.", tuple(frames.shape))
    # States: the labels with a blank before, between and after them.
    blanks = xp.full_like(labels, blank)
    states = xp.reshape(xp.stack((blanks, labels), axis=-1), (batch, count - 1))
    states = xp.concat((states, xp.full_like(input_lengths, blank)[:, None]), axis=1)
    may_skip = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    always, at, last = states == states, positions(states), 2 * label_lengths[:, None]
    may_skip = xp.concat((~always[:, :2], may_skip), axis=1)[:, :count]
    arcs = xp.stack((always, always, may_skip), axis=1)
    start = always & (at == 0)  # before the first frame: in the first blank
    end = (at == last) | (at == last - 1)
    running = positions(frames, -2, input_lengths.dtype)[..., 0] < input_lengths[:, None]
    value = -score(frames, states, arcs, start, end, running)
    return xp.where(value == -IMPOSSIBLE, 0.0, value) if zero_infinity else value


@loss(
    family="sequence",
    unit="sequence",
    source="Graves, Fernandez, Gomez and Schmidhuber 2006, doi:10.1145/1143844.1143891",
    also={"torch:ctc_loss CTCLoss": {"reduction": "length_mean"}},
    equals=tuple(
        Equal(
            "torch",
            "F.ctc_loss(log_probabilities.transpose(0, 1), labels, input_lengths, label_lengths, blank=blank, "
            f"reduction={theirs!r}, zero_infinity=zero_infinity)",
            reduction=ours,
            when="len(labels) > 0",
            differs={"gradient": "it is that in logits, whatever it is given: it adds exp(log_probabilities)"},
        )
        for ours, theirs in (("none", "none"), ("length_mean", "mean"))
    ),
    sizes={"batch": 5, "time": 5, "labels": 2, "classes": 3},
    unread={"log_probabilities": "classes that are neither the blank nor a label of the sequence"},
)
def ctc(
    log_probabilities: LogDistribution["batch time classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
    zero_infinity: bool = False,
) -> Real["batch"]:
    """CTC (connectionist temporal classification), from log-probabilities: -log of the sum over all alignments.

    l = -log sum_a prod_t exp(log_probabilities[t, a_t]) over all a of `input_lengths` frames that become the labels
    when repeats are merged and then blanks are dropped.

    Shapes: `log_probabilities` [batch time classes], logarithms in [-inf, 0]; nothing is normalised here; `labels`
    integers [batch labels] in [0, classes) other than `blank`; `input_lengths` and `label_lengths` integers [batch]:
    what lies beyond them is padding and may hold anything -> sequence [batch].
    Weights and mean: the common contract; "mean" weighs sequences equally, "length_mean" divides each by its number of
    labels first. Labels that no alignment reaches (more labels and repeats than frames) have loss inf, or 0 with
    `zero_infinity`, and gradient 0.
    Errors: `ContractError` for another shape, a blank that is no class or no frames at all; a label or a length out of
    range gives NaN, and raises under `checking("values")`.
    Equals: torch `F.ctc_loss(reduction="none")` with time first; its "mean" is "length_mean". Its gradient is that of
    `ctc_with_logits`, whatever it is given. optax `ctc_loss` and Keras `CTC` are `ctc_with_logits`.

    >>> import numpy as np
    >>> frames = np.log(np.asarray([[[0.5, 0.5], [0.5, 0.5]]]))
    >>> round(float(np.exp(-ctc(frames, np.asarray([[1]]), np.asarray([2]), np.asarray([1])))), 12)
    0.75
    """
    arguments = log_probabilities, labels, input_lengths, label_lengths, blank, zero_infinity
    return _aligned(ALIGNMENTS.score_of_labels, *arguments)


@loss(
    family="sequence",
    unit="sequence",
    source="Graves, Fernandez, Gomez and Schmidhuber 2006, doi:10.1145/1143844.1143891",
    aliases=("keras:CTC ctc",),
    also={"optax:ctc_loss": {"reduction": "none"}},
    invariant_in=("logits",),
    accuracy=Accuracy(
        4.0,
        256.0,
        "the gradient is the probability of a class minus its posterior marginal, and the two may be nearly equal",
    ),
    equals=(
        Equal(
            "torch",
            "F.ctc_loss(torch.log_softmax(logits, -1).transpose(0, 1), labels, input_lengths, label_lengths, "
            "blank=blank, reduction='none', zero_infinity=zero_infinity)",
            when="len(labels) > 0",
        ),
        Equal(
            "optax",
            "optax.ctc_loss(logits, (jnp.arange(logits.shape[1]) >= input_lengths[:, None]).astype(logits.dtype), "
            "labels, (jnp.arange(labels.shape[1]) >= label_lengths[:, None]).astype(logits.dtype), blank_id=blank)",
            when="len(labels) > 0 and not zero_infinity",
            differs=dict.fromkeys(
                ("typical", "edges", "confident", "blank=2", "batch of one"),
                "where no alignment reaches the labels it gives 1e5 in the place of inf",
            ),
        ),
        Equal(
            "keras",
            "ops.ctc_loss(labels, logits, label_lengths, input_lengths, mask_index=blank)",
            when="len(labels) > 0 and not zero_infinity",
            differs={"gradient more edges": "beside logits of 1e4 float32 leaves an error of 1e-3 in the marginals"},
        ),
    ),
    sizes={"batch": 5, "time": 5, "labels": 2, "classes": 3},
)
def ctc_with_logits(
    logits: Logits["batch time classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
    zero_infinity: bool = False,
) -> Real["batch"]:
    """CTC (connectionist temporal classification), from logits.

    l = ctc(log softmax(logits), labels, ...), the softmax over the classes of each frame.

    Shapes: as `ctc`, with `logits` [batch time classes] -> sequence [batch].
    Weights and mean: as `ctc`.
    Errors: as `ctc`.
    Equals: optax `ctc_loss` with paddings for lengths, which gives 1e5 where no alignment reaches the labels; Keras
    `ops.ctc_loss`, and Keras `CTC`, which takes its labels other than 0 for valid ones.

    >>> import numpy as np
    >>> l = ctc_with_logits(np.zeros((1, 2, 2)), np.asarray([[1]]), np.asarray([2]), np.asarray([1]))
    >>> round(float(np.exp(-l)), 12)
    0.75
    """
    return _aligned(ALIGNMENTS.score_of_logits, logits, labels, input_lengths, label_lengths, blank, zero_infinity)


@loss(
    family="sequence",
    unit="sequence",
    source="Kim, Seltzer, Li and Zhao 2017, arXiv:1711.02212 (read in the code of neural_sp, not in the paper); from "
    "the uniform distribution: Pereyra et al. 2017, arXiv:1701.06548",
    aliases=("ctc_label_smoothing", "label_smoothed_ctc"),
    invariant_in=("logits",),
    equals=(
        Equal(
            "torch",
            "(lambda lp: (1 - smoothing) * F.ctc_loss(lp.transpose(0, 1), labels, input_lengths, label_lengths, "
            "blank=blank, reduction='none', zero_infinity=zero_infinity) + smoothing * (((torch.ones_like(lp[..., 0]) "
            "* lp.shape[-1]).log() - torch.special.entr(lp.exp()).sum(-1) if divergence == 'to_uniform' else "
            "-(torch.ones_like(lp[..., 0]) * lp.shape[-1]).log() - lp.mean(-1)) * (torch.arange(lp.shape[1]) < "
            "input_lengths[:, None])).sum(-1))(torch.log_softmax(logits, -1))",
            when="len(labels) > 0 and np.all(np.asarray(smoothing) < 1)",
            differs={"gradient edges": "NaN: 0 log 0 of a class whose probability is 0 in the dtype"},
        ),
    ),
    sizes={"batch": 3, "time": 3, "labels": 2, "classes": 3},
)
def smoothed_ctc(
    logits: Logits["batch time classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
    smoothing: UnitInterval["#batch"] = 0.1,
    divergence: Literal["to_uniform", "from_uniform"] = "to_uniform",
    zero_infinity: bool = False,
) -> Real["batch"]:
    """Label-smoothed CTC: `ctc_with_logits` and, in every frame, the divergence of its classes from all being alike.

    l = (1 - smoothing) ctc_with_logits(logits, labels, ...) + smoothing sum_t KL(p[t] || u) over the `input_lengths`
    frames, with p = softmax(logits) and u the uniform distribution over the classes, the blank included. For
    "from_uniform" it is KL(u || p[t]), which also punishes classes that are ruled out.

    Shapes: as `ctc_with_logits`, with `smoothing` in [0, 1], a number or an array with size 1 where it does not vary
    -> sequence [batch].
    Weights and mean: as `ctc`. The sum over frames grows with the length of the sequence; a smoothing of about
    1 / frames makes a mean of it. Labels that no alignment reaches have the loss inf, unless smoothing is 1, or that
    of the divergence alone with `zero_infinity`.
    Errors: as `ctc`, and for a smoothing or a divergence out of its domain.
    Equals: neural_sp's `kldiv_lsm_ctc` beside its CTC, but for its u of classes - 1 entries, a constant of each frame,
    and means. A mean of KL(u || p) over all frames, padding included, is another loss that goes by this name.

    >>> import numpy as np
    >>> labels, lengths = np.asarray([[1]]), (np.asarray([2]), np.asarray([1]))
    >>> l = smoothed_ctc(np.zeros((1, 2, 2)), labels, *lengths, smoothing=0.5)
    >>> round(float(np.exp(-2 * l)), 12)
    0.75
    """
    xp = array_namespace(logits)
    arguments = logits, labels, input_lengths, label_lengths, blank, zero_infinity
    aligned = _aligned(ALIGNMENTS.score_of_logits, *arguments)
    alike = xp.zeros_like(logits)
    apart = softmax_divergence(logits, alike) if divergence == "to_uniform" else softmax_divergence(alike, logits)
    counts = positions(apart, dtype=input_lengths.dtype) < input_lengths[:, None]
    of_frames = xp.sum(xp.where(counts, apart, 0.0), axis=-1)
    share = smoothing + xp.zeros_like(of_frames)
    # What has no share counts nothing, and may be inf.
    return (1 - share) * xp.where(share == 1, 0.0, aligned) + share * xp.where(share == 0, 0.0, of_frames)


@loss(
    family="sequence",
    unit="sequence",
    source="Feng, Yao and Zhang 2019, doi:10.1155/2019/9345861 (formula from memory, not read)",
    equals=(
        Equal(
            "torch",
            "(lambda c: alpha * (1 - torch.exp(-c))**gamma * c)(F.ctc_loss(log_probabilities.transpose(0, 1), labels, "
            "input_lengths, label_lengths, blank=blank, reduction='none', zero_infinity=zero_infinity))",
            when="len(labels) > 0",
            differs={"gradient": "that of ctc_loss is in logits, whatever it is given"},
        ),
    ),
    sizes={"batch": 4, "time": 3, "labels": 2, "classes": 3},
    unread={"log_probabilities": "classes that are neither the blank nor a label of the sequence"},
)
def focal_ctc(
    log_probabilities: LogDistribution["batch time classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
    alpha: Positive["#batch"] = 0.25,
    gamma: NonNegative["#batch"] = 2.0,
    zero_infinity: bool = False,
) -> Real["batch"]:
    """Focal CTC: the loss `ctc` times a power of the probability of other labels, so that easy sequences count little.

    l = alpha (1 - p)^gamma c, with c = ctc(log_probabilities, labels, ...) and p = exp(-c), the probability of the
    labels.

    Shapes: as `ctc`, with `alpha` > 0 and `gamma` >= 0, numbers or arrays with size 1 where they do not vary
    -> sequence [batch]. From logits: pass their log-softmax over the classes.
    Weights and mean: as `ctc`. The derivative where c is 0 is declared 0, unless gamma is 0.
    Errors: as `ctc`, and for an alpha or a gamma out of its domain.
    Equals: alpha times `ctc` for gamma = 0.

    >>> import numpy as np
    >>> frames = np.log(np.asarray([[[0.5, 0.5], [0.5, 0.5]]]))
    >>> l = focal_ctc(frames, np.asarray([[1]]), np.asarray([2]), np.asarray([1]), alpha=1.0)
    >>> round(float(l), 12)  # (1 - 3 / 4)^2 log(4 / 3)
    0.017980129528
    """
    xp = array_namespace(log_probabilities)
    arguments = log_probabilities, labels, input_lengths, label_lengths, blank, zero_infinity
    each = _aligned(ALIGNMENTS.score_of_labels, *arguments)
    bounded = (each > 0) & (each < -IMPOSSIBLE)
    inner = xp.where(bounded, each, 1.0)
    weighted = xp.exp(-gamma * log_of_exponential_rise(inner)) * inner
    sure = (each == 0) & (gamma + xp.zeros_like(each) > 0)
    return alpha * xp.where(bounded, weighted, xp.where(sure, 0.0, each))


@loss(
    family="sequence",
    unit="sequence",
    source="the likelihood of a sequence whose tokens are predicted one by one",
    aliases=("token_nll",),
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(logits.transpose(1, 2), "
            "torch.where(torch.arange(labels.shape[1]) < lengths[:, None], labels, -100))",
            reduction="token_mean",
            when="len(labels) > 0",
        ),
    ),
    convex_in=("logits",),
    invariant_in=("logits",),
    reductions=("none", "sum", "mean", "count_mean", "batch_mean", "over", "length_mean", "token_mean"),
    default_reduction="token_mean",
    sizes={"batch": 3, "time": 3, "classes": 3},
    entries="batch time",
)
def sequence_nll(
    logits: Logits["batch time classes"],
    labels: Label["batch time"],
    lengths: Length["batch", "of time"],
    *,
    entries: Array = None,
) -> Real["batch"]:
    """Negative log-likelihood of a sequence of tokens.

    l = sum_{t < lengths} -log softmax(logits[t])[labels[t]].

    Shapes: `logits` [batch time classes], `labels` integers [batch time] in [0, classes), `lengths` integers [batch] in
    [0, time]: what lies beyond them is padding and may hold anything -> sequence [batch].
    Weights and mean: "token_mean", the default, divides the sum by the number of tokens; "length_mean" is the mean of
    the means of the sequences; "mean" and "batch_mean" of their sums. A sequence without tokens has loss 0.
    `where_entries` [batch time] and `ignore_index` leave tokens out of the loss and of the lengths that means divide
    by. exp of the "token_mean" is the perplexity.
    Errors: `ContractError` for another shape; a label or length out of range gives NaN, and raises under
    `checking("values")`.
    Equals: for "token_mean" torch `F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=...)`, where it has
    labels to ignore beyond the lengths; ours of single tokens, with a mask, is `cross_entropy`.

    >>> import math
    >>> import numpy as np
    >>> l = sequence_nll(np.zeros((2, 3, 4)), np.zeros((2, 3), dtype=int), np.asarray([3, 1]), reduction="none")
    >>> [round(x / math.log(4.0), 12) for x in l.tolist()]
    [3.0, 1.0]
    """
    xp = array_namespace(logits)
    each = negative_log_softmax(logits, labels)
    counted = tokens_that_count(each, lengths, None if entries is None else entries[..., 0])
    return xp.sum(kept(each, counted), axis=-1)


@loss(
    family="sequence",
    unit="sequence",
    source="Graves 2012, arXiv:1211.3711",
    also={
        "torchaudio:rnnt_loss RNNTLoss": (
            "its blank is the last class. Fix: rnn_transducer.configured(blank=classes - 1)"
        ),
        "fastemit FastEmit": (
            "it is no value but a change of the gradient of rnn_transducer: what comes through log-probabilities of "
            "labels counts 1 + lambda, what comes through those of the blank counts 1"
        ),
    },
    invariant_in=("logits",),
    sizes={"batch": 3, "time": 3, "labels": 2, "states": 3, "classes": 3},
    unread={"logits": "states beyond the labels of the sequence"},
)
def rnn_transducer(
    logits: Logits["batch time states classes"],
    labels: Label["batch labels", "not blank"],
    input_lengths: Length["batch", "of time"],
    label_lengths: Length["batch", "of labels"],
    *,
    blank: int = 0,
) -> Real["batch"]:
    """RNN transducer loss: the negative log-probability of a label sequence over all ways to emit it.

    l = -log sum_a prod P(a): at frame t, after u labels, softmax(logits[t, u]) gives the probabilities to emit
    labels[u], and to go on to frame t + 1 by a blank; every way a has `label_lengths` labels and `input_lengths`
    blanks, the last of which ends it.

    Shapes: `logits` [batch time states classes] with one state more than labels; `labels` integers [batch labels] in
    [0, classes) other than `blank`; `input_lengths` and `label_lengths` integers [batch]: what lies beyond them is
    padding and may hold anything -> sequence [batch].
    Weights and mean: the common contract; "mean" weighs sequences equally. Without frames no label can be
    emitted: the loss is inf, with gradient 0.
    Errors: `ContractError` for another shape, a blank that is no class or no frames at all; a label or a length out of
    range gives NaN, and raises under `checking("values")`.
    Equals: torchaudio `rnnt_loss(reduction="none")`, whose blank is the last class unless told.

    >>> import numpy as np
    >>> l = rnn_transducer(np.zeros((1, 2, 2, 2)), np.asarray([[1]]), np.asarray([2]), np.asarray([1]))
    >>> round(float(np.exp(-l)), 12)
    0.25
    """
    xp = array_namespace(logits)
    _, time, states, classes = logits.shape
    count = labels.shape[1]
    require(-1 < blank < classes, "rnn_transducer: `blank` is {}; it must be in [0, {})", blank, classes)
    require(time > 0, "rnn_transducer: `logits` has shape {}. Fix: pass at least one frame.", tuple(logits.shape))
    require(
        states == count + 1,
        "rnn_transducer: `logits` has {} states for {} labels. Fix: pass {} states, one for each number of labels that "
        "have been emitted.",
        *(states, count, count + 1),
    )
    after, emitted = label_lengths[:, None, None], positions(logits[..., 0], dtype=labels.dtype)
    frame = positions(logits[..., 0], -2, labels.dtype)
    valid = (frame < input_lengths[:, None, None]) & (emitted <= after)
    logits = xp.where(valid[..., None], logits, 0.0)  # what lies beyond may hold anything
    blanks = xp.zeros_like(valid, dtype=labels.dtype) + blank
    following = xp.concat((labels, blanks[:, 0, :1]), axis=1)[:, None, :]
    go_on = xp.where(valid, -negative_log_softmax(logits, blanks), IMPOSSIBLE)
    emit = -negative_log_softmax(logits, xp.broadcast_to(following, valid.shape))
    emit = xp.where(valid & (emitted < after), emit, IMPOSSIBLE)
    go_on, emit = _diagonals(go_on), _diagonals(emit)
    # Of a label, the arc leads to the next state.
    emit = xp.concat((xp.full_like(emit[:, :, :1], IMPOSSIBLE), emit[:, :, :-1]), axis=-1)
    nothing, at = xp.zeros_like(go_on[:, 0, :]), positions(go_on[:, 0, :], dtype=labels.dtype)
    running = positions(go_on[:, :, 0], dtype=labels.dtype) < (input_lengths + label_lengths)[:, None]
    start = xp.where(at == 0, nothing, IMPOSSIBLE)
    end = xp.where(at == label_lengths[:, None], nothing, IMPOSSIBLE)
    return -TRANSDUCTIONS.score(xp.zeros_like(go_on), xp.stack((go_on, emit), axis=2), start, end, running)


def _diagonals(x: Array) -> Array:
    """Rearrange [batch rows columns] into diagonals, [batch row+column columns]; -inf where there is no entry."""
    xp = array_namespace(x)
    _, rows, columns = x.shape
    sums = xp.concat((x[:, :, :1], xp.permute_dims(x[:, :1, 1:], (0, 2, 1))), axis=1)  # of the shape that counts them
    column = positions(x)
    row = positions(sums, -2, column.dtype) - column
    outside = (row < 0) | (row >= rows)
    chosen = xp.broadcast_to(xp.where(outside, 0, row), (x.shape[0], sums.shape[1], columns))
    return xp.where(outside, IMPOSSIBLE, xp.take_along_axis(x, chosen, axis=1))


@loss(
    family="sequence",
    unit="pair",
    source="Cuturi and Blondel 2017, arXiv:1703.01541",
    sizes={"batch": 3, "rows": 3, "columns": 3},
)
def soft_dtw(costs: Real["batch rows columns"], *, gamma: Positive["#batch"] = 1.0) -> Real["batch"]:
    """Soft-DTW (dynamic time warping): the soft minimum of the cost over all alignments of two series.

    l = -gamma * log sum_A exp(-sum_{(i, j) in A} costs[i, j] / gamma) over all alignments A: paths from the first to
    the last entry that go down, to the right, or both at once.

    Shapes: `costs` [batch rows columns], the cost of each point of one series beside each of the other, such as their
    squared distance; `gamma` > 0, in the unit of costs -> pair [batch].
    Weights and mean: the common contract. It is below the cost of the best alignment, to which it tends for small
    `gamma`, and may be negative, also for equal series.
    Errors: `ContractError` for another shape or a series without points.
    Equals: tslearn `soft_dtw` and `SoftDTWLossPyTorch`, which take two series and make the costs: squared Euclidean
    distances of their points.

    >>> import numpy as np
    >>> round(float(np.exp(-soft_dtw(np.zeros((1, 2, 2))))), 12)
    3.0
    """
    xp = array_namespace(costs)
    _, rows, columns = costs.shape
    require(
        rows > 0 and columns > 0, "soft_dtw: `costs` has shape {}. Fix: pass at least one point.", tuple(costs.shape)
    )
    steps = _diagonals(-costs / per_row(gamma, 2))
    start, running = steps[:, 0, :], xp.broadcast_to(positions(steps[:, :, 0]) >= 0, steps.shape[:2])
    following, running = (steps[:, 1:, :], running[:, 1:]) if rows + columns > 2 else (steps, ~running)
    arcs = xp.zeros_like(xp.stack((start,) * 3, axis=1))
    end = xp.where(positions(start) == columns - 1, xp.zeros_like(start), IMPOSSIBLE)
    return -gamma * WARPINGS.score(following, arcs, start, end, running)
