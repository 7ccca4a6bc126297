"""Definitions of the sequence losses."""

from itertools import combinations_with_replacement, groupby, product
from typing import Any

from mpmath import exp, fprod, fsum, inf, log, mpf

from lossspec.definitions.common import divergence as kullback_leibler
from lossspec.definitions.common import softmax


def collapse(alignment: Any, blank: Any) -> Any:
    """Merge repeats, then drop blanks."""
    return [label for label, _ in groupby(alignment) if label != blank]


def ctc(
    log_probabilities: Any, labels: Any, input_lengths: Any, label_lengths: Any, blank: Any, zero_infinity: Any
) -> Any:
    if not 0 <= input_lengths <= len(log_probabilities) or not 0 <= label_lengths <= len(labels):
        return None
    frames, wanted = log_probabilities[:input_lengths], labels[:label_lengths]
    if any(label not in range(len(log_probabilities[0])) or label == blank for label in wanted):
        return None
    total = sum_of_alignments(frames, wanted, blank)
    return -log(total) if total else 0 if zero_infinity else inf


def sum_of_alignments(frames: Any, wanted: Any, blank: Any) -> Any:
    """One by one where they are few, else by the recursion over frames that counts prefixes."""
    useful = sorted({blank, *wanted})  # an alignment with any other label becomes another sequence
    if len(useful) ** len(frames) <= 250:
        return fsum(
            fprod(exp(frame[label]) for frame, label in zip(frames, alignment, strict=True))
            for alignment in product(useful, repeat=len(frames))
            if collapse(alignment, blank) == wanted
        )
    return recursive_sum(frames, wanted, blank)


def recursive_sum(frames: Any, wanted: Any, blank: Any) -> Any:
    """The sum over alignments by the labels they have become so far, and whether they end in a blank."""
    ends_in_blank, ends_in_label = [1] + [0] * len(wanted), [0] * (len(wanted) + 1)
    for frame in frames:
        powers = {label: exp(frame[label]) for label in {blank, *wanted}}
        label_before, blank_before = ends_in_label, ends_in_blank
        ends_in_blank = [(b + a) * powers[blank] for b, a in zip(blank_before, label_before, strict=True)]
        ends_in_label = [0] * (len(wanted) + 1)
        for n, label in enumerate(wanted, 1):
            repeated = n > 1 and wanted[n - 2] == label
            shorter = blank_before[n - 1] + (0 if repeated else label_before[n - 1])
            ends_in_label[n] = (label_before[n] + shorter) * powers[label]
    return ends_in_blank[-1] + ends_in_label[-1]


def ctc_with_logits(
    logits: Any, labels: Any, input_lengths: Any, label_lengths: Any, blank: Any, zero_infinity: Any
) -> Any:
    frames = [[log(p) if p else -inf for p in softmax(frame)] for frame in logits]
    return ctc(frames, labels, input_lengths, label_lengths, blank, zero_infinity)


def focal_ctc(
    log_probabilities: Any,
    labels: Any,
    input_lengths: Any,
    label_lengths: Any,
    blank: Any,
    alpha: Any,
    gamma: Any,
    zero_infinity: Any,
) -> Any:
    cost = ctc(log_probabilities, labels, input_lengths, label_lengths, blank, zero_infinity)
    return cost if cost in (None, inf) else alpha * (1 - exp(-cost)) ** gamma * cost


def smoothed_ctc(
    logits: Any,
    labels: Any,
    input_lengths: Any,
    label_lengths: Any,
    blank: Any,
    smoothing: Any,
    divergence: Any,
    zero_infinity: Any,
) -> Any:
    frames = [softmax(frame) for frame in logits]
    logarithms = [[log(p) if p else -inf for p in frame] for frame in frames]
    cost = ctc(logarithms, labels, input_lengths, label_lengths, blank, zero_infinity)
    if cost is None:
        return None
    alike = [mpf(1) / len(frames[0])] * len(frames[0])
    pairs = ((p, alike) if divergence == "to_uniform" else (alike, p) for p in frames[:input_lengths])
    apart = sum(kullback_leibler(p, q) for p, q in pairs)
    return (0 if smoothing == 1 else (1 - smoothing) * cost) + (0 if smoothing == 0 else smoothing * apart)


def sequence_nll(logits: Any, labels: Any, lengths: Any) -> Any:
    if not 0 <= lengths <= len(labels):
        return None
    return fsum(-log(softmax(frame)[label]) for frame, label in zip(logits[:lengths], labels[:lengths], strict=True))


def rnn_transducer(logits: Any, labels: Any, input_lengths: Any, label_lengths: Any, blank: Any) -> Any:
    if not 0 <= input_lengths <= len(logits) or not 0 <= label_lengths <= len(labels):
        return None
    wanted = labels[:label_lengths]
    if any(label not in range(len(logits[0][0])) or label == blank for label in wanted):
        return None
    ways = []
    for when in combinations_with_replacement(range(input_lengths), label_lengths):  # the frame of each label
        emitted = [softmax(logits[t][u])[wanted[u]] for u, t in enumerate(when)]
        ended = [softmax(logits[t][sum(frame <= t for frame in when)])[blank] for t in range(input_lengths)]
        ways.append(fprod([*emitted, *ended]))
    total = fsum(ways)
    return -log(total) if total else inf


def alignments(rows: int, columns: int) -> Any:
    """All paths from (0, 0) to the last entry, down, to the right or both at once."""
    if rows == columns == 1:
        return [[(0, 0)]]
    last = (rows - 1, columns - 1)
    before = [(rows - 1, columns), (rows, columns - 1), (rows - 1, columns - 1)]
    return [[*path, last] for r, c in before if r and c for path in alignments(r, c)]


def soft_dtw(costs: Any, gamma: Any) -> Any:
    paths = alignments(len(costs), len(costs[0]))
    return -gamma * log(fsum(exp(-fsum(costs[i][j] for i, j in path) / gamma) for path in paths))
