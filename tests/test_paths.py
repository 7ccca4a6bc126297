"""Sums over paths against enumeration: alignments, label sequences of a chain, transductions, warpings; best paths."""

import itertools
import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.probes import probe_of
from lossspec.definitions.sequence import recursive_sum, sum_of_alignments

CLASSES = 3


def collapse(alignment, blank):
    """Merge repeats, then drop blanks."""
    kept = [a for a, before in zip(alignment, (None, *alignment[:-1]), strict=True) if a != before]
    return tuple(a for a in kept if a != blank)


def probabilities_of_labels(probabilities, blank):
    """The probability of every label sequence that some alignment of all frames becomes."""
    found = {}
    for alignment in itertools.product(range(CLASSES), repeat=len(probabilities)):
        labels = collapse(alignment, blank)
        found[labels] = found.get(labels, 0.0) + math.prod(probabilities[t][a] for t, a in enumerate(alignment))
    return found


def every_labels(blank):
    others = [c for c in range(CLASSES) if c != blank]
    return [labels for length in range(4) for labels in itertools.product(others, repeat=length)]


@pytest.mark.parametrize("blank", range(CLASSES))
@pytest.mark.parametrize("time", range(1, 7))
def test_ctc_is_the_sum_over_all_alignments(backend, time, blank):
    probabilities = np.random.default_rng(time).dirichlet(np.ones(CLASSES), time)
    wanted = every_labels(blank)
    known = probabilities_of_labels(probabilities.tolist(), blank)
    other = (blank + 1) % CLASSES
    labels = np.asarray([(*row, *[other] * (3 - len(row))) for row in wanted])
    frames = np.broadcast_to(np.log(probabilities), (len(wanted), time, CLASSES))
    lengths = np.full(len(wanted), time), np.asarray([len(row) for row in wanted])
    put = [backend.from_numpy(x) for x in (frames, labels, *lengths)]
    with probe_of(backend).double_precision():
        found = backend.to_numpy(ls.ctc(*put, blank=blank, reduction="none"))
        spared = backend.to_numpy(ls.ctc(*put, blank=blank, reduction="none", zero_infinity=True))
    expected = np.asarray([-math.log(known[row]) if row in known else math.inf for row in wanted])
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(spared, np.where(np.isinf(expected), 0.0, found))


def test_ctc_of_shorter_inputs_is_that_of_their_frames():
    random = np.random.default_rng(4)
    frames, labels = np.log(random.dirichlet(np.ones(4), (3, 6))), np.asarray([[1, 1, 2], [3, 2, 0], [1, 0, 0]])
    inputs, targets = np.asarray([6, 4, 1]), np.asarray([3, 2, 0])
    together = ls.ctc(frames, labels, inputs, targets, reduction="none")
    for i in range(3):
        own = frames[i : i + 1, : inputs[i]], labels[i : i + 1, : targets[i]]
        alone = ls.ctc(*own, inputs[i : i + 1], targets[i : i + 1], reduction="none")
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-14)
    np.testing.assert_allclose(together[2], -frames[2, 0, 0], rtol=1e-15)  # no labels: all frames are blank


def test_the_two_forms_of_the_definition_are_one():
    random = np.random.default_rng(5)
    for labels in ([], [1], [1, 1], [1, 2, 1]):
        frames = np.log(random.dirichlet(np.ones(3), 5)).tolist()
        recursive, one_by_one = recursive_sum(frames, labels, 0), sum_of_alignments(frames, labels, 0)
        assert abs(recursive - one_by_one) <= 1e-14


def test_a_long_alignment_keeps_its_digits(backend):
    random = np.random.default_rng(6)
    frames = np.log(random.dirichlet(np.ones(5), 120))
    labels = random.integers(1, 5, 12)
    exact = -float(math.log(recursive_sum(frames.tolist(), labels.tolist(), 0)))
    put = [backend.from_numpy(x) for x in (frames[None], labels[None], np.asarray([120]), np.asarray([12]))]
    with probe_of(backend).double_precision():
        value, gradient = ls.ctc.value_and_grad(*put)
    assert abs(float(value) - exact) <= 1e-13 * exact
    # Every frame is in some state of every alignment.
    np.testing.assert_allclose(backend.to_numpy(gradient).sum(axis=-1), -1.0, rtol=1e-12)


def test_a_thousand_frames_compile_as_one_step():
    jax = pytest.importorskip("jax")
    random = np.random.default_rng(7)
    frames, labels = np.log(random.dirichlet(np.ones(6), (2, 1000))), random.integers(1, 6, (2, 50))
    lengths = np.asarray([1000, 900]), np.asarray([50, 40])
    put = [jax.numpy.asarray(x) for x in (frames, labels, *lengths)]
    found = jax.jit(lambda *x: ls.ctc.value_and_grad(*x))(*put)
    assert jax.make_jaxpr(lambda *x: ls.ctc.value_and_grad(*x))(*put).pretty_print().count("scan[") <= 4
    value, gradient = ls.ctc.value_and_grad(frames, labels, *lengths)
    np.testing.assert_allclose(found[0], value, rtol=1e-5)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-3, atol=1e-6)


def test_the_gradient_of_a_sure_alignment_is_small_and_right(backend):
    logits = np.asarray([[[0.0, 40.0, 0.0], [40.0, 0.0, 0.0]]])
    put = [backend.from_numpy(x) for x in (logits, np.asarray([[1]]), np.asarray([2]), np.asarray([1]))]
    with probe_of(backend).double_precision():
        value, gradient = ls.ctc_with_logits.value_and_grad(*put)
        gradient = backend.to_numpy(gradient)
    small = math.exp(-40.0)  # alignments: (1, blank) and (1, 1) or (blank, 1), of ratio small and small^2
    wanted = 4 * small - small  # two wrong classes at each frame, one of which (1, 1) is right at the second
    assert abs(float(value) - wanted) <= 1e-14 * wanted
    np.testing.assert_allclose(gradient[0, 0], [small, -2 * small, small], rtol=1e-13)
    np.testing.assert_allclose(gradient[0, 1], [-small, 0.0, small], rtol=1e-13, atol=1e-30)


# Linear chains.


def chain_of(random, time, classes, impossible=False):
    emissions, transitions = random.normal(size=(3, time, classes)), random.normal(size=(classes, classes))
    if impossible:
        transitions[0, 1] = emissions[1, 0, 2] = -math.inf
    return emissions, transitions, random.normal(size=classes), random.normal(size=classes)


def scores_of(emissions, transitions, start, end, length):
    """The score of every label sequence of a length."""
    found = {}
    for y in itertools.product(range(len(start)), repeat=length):
        score = start[y[0]] + end[y[-1]] + sum(emissions[t][k] for t, k in enumerate(y))
        found[y] = score + sum(transitions[a][b] for a, b in itertools.pairwise(y))
    return found


def log_sum(scores):
    scores = list(scores)
    return math.log(math.fsum(math.exp(s) for s in scores))


@pytest.mark.parametrize("impossible", [False, True])
@pytest.mark.parametrize("time", [1, 2, 4])
def test_a_chain_is_the_sum_over_all_label_sequences(backend, time, impossible):
    random = np.random.default_rng(time)
    emissions, transitions, start, end = chain_of(random, time, 3, impossible)
    lengths = np.asarray([time, max(time - 1, 1), 1])
    labels = random.integers(0, 3, (3, time))
    tables = [backend.from_numpy(x) for x in (transitions, start, end)]
    put = [backend.from_numpy(x) for x in (emissions, labels, lengths)]
    with probe_of(backend).double_precision():
        losses = backend.to_numpy(ls.crf(*put, *tables, reduction="none"))
        chain = put[0], put[2], *tables
        marginals = backend.to_numpy(ls.crf_marginals(*chain))
        best = backend.to_numpy(ls.crf_decode(*chain))
        value, gradient = ls.crf_log_partition.value_and_grad(*chain, reduction="sum")
        gradient = backend.to_numpy(gradient)
    total = 0.0
    for i, length in enumerate(lengths):
        scores = scores_of(emissions[i], transitions, start, end, length)
        partition = log_sum(scores.values())
        total += partition
        np.testing.assert_allclose(losses[i], partition - scores[tuple(labels[i, :length])], rtol=1e-13)
        expected = np.zeros((time, 3))
        for y, score in scores.items():
            for t, k in enumerate(y):
                expected[t, k] += math.exp(score - partition)
        np.testing.assert_allclose(marginals[i], expected, rtol=1e-12, atol=1e-15)
        assert tuple(best[i, :length]) == max(scores, key=scores.get)
        assert not best[i, length:].any()
    np.testing.assert_allclose(float(value), total, rtol=1e-13)
    np.testing.assert_allclose(gradient, marginals, rtol=1e-12, atol=1e-15)


def test_labels_that_a_chain_rules_out_have_an_infinite_loss(backend):
    emissions, transitions = np.zeros((1, 2, 2)), np.asarray([[0.0, -math.inf], [0.0, 0.0]])
    tables = [backend.from_numpy(x) for x in (transitions, np.zeros(2), np.zeros(2))]
    put = [backend.from_numpy(x) for x in (emissions, np.asarray([[0, 1]]), np.asarray([2]))]
    value, gradients = ls.crf.value_and_grad(*put, *tables, wrt=("emissions", "transitions"))
    assert float(value) == math.inf
    assert all(np.all(np.isfinite(backend.to_numpy(g))) for g in gradients)
    assert float(ls.chain_perceptron(*put, *tables)) == math.inf


def test_an_empty_chain_has_no_loss_and_no_gradient(backend):
    emissions = backend.from_numpy(np.full((2, 3, 2), np.nan))
    labels, lengths = backend.from_numpy(np.zeros((2, 3), dtype=int)), backend.from_numpy(np.zeros(2, dtype=int))
    tables = [backend.from_numpy(x) for x in (np.ones((2, 2)), np.ones(2), np.ones(2))]
    value, gradients = ls.crf.value_and_grad(emissions, labels, lengths, *tables, wrt=("emissions", "end"))
    assert float(value) == 0.0
    assert all(np.all(backend.to_numpy(g) == 0.0) for g in gradients)


def test_a_batch_without_frames_is_refused(backend):
    tables = [backend.from_numpy(x) for x in (np.ones((2, 2)), np.ones(2), np.ones(2))]
    put = [backend.from_numpy(x) for x in (np.ones((1, 0, 2)), np.zeros((1, 0), dtype=int), np.asarray([0]))]
    with pytest.raises(ls.ContractError, match=r"\(1, 0, 2\).*at least one frame"):
        ls.crf(*put, *tables)
    with pytest.raises(ls.ContractError, match="at least one frame"):
        ls.ctc(put[0], put[1], put[2], put[2])


def test_the_loss_of_sure_labels_keeps_its_digits(backend):
    emissions = np.asarray([[[50.0, 0.0], [50.0, 0.0]]])
    tables = [backend.from_numpy(x) for x in (np.zeros((2, 2)), np.zeros(2), np.zeros(2))]
    put = [backend.from_numpy(x) for x in (emissions, np.asarray([[0, 0]]), np.asarray([2]))]
    with probe_of(backend).double_precision():
        value, (gradient, moves) = ls.crf.value_and_grad(*put, *tables, wrt=("emissions", "transitions"))
        gradient, moves = backend.to_numpy(gradient), backend.to_numpy(moves)
    small = math.exp(-50.0)
    assert abs(float(value) - 2 * small) <= 1e-14 * small
    np.testing.assert_allclose(gradient, [[[-small, small]] * 2], rtol=1e-13)
    np.testing.assert_allclose(moves, [[-2 * small, small], [small, small**2]], rtol=1e-13)


# Transductions and warpings.


def test_a_transducer_is_the_sum_over_all_ways_to_emit(backend):
    random = np.random.default_rng(8)
    logits = random.normal(size=(3, 4, 3, 3))
    labels, inputs, outputs = np.asarray([[1, 2], [2, 2], [1, 1]]), np.asarray([4, 2, 3]), np.asarray([2, 1, 0])
    spoiled = logits.copy()
    spoiled[1, 2:], spoiled[1, :, 2:], spoiled[2, :, 1:] = np.nan, np.nan, np.nan  # beyond the lengths
    put = [backend.from_numpy(x) for x in (spoiled, labels, inputs, outputs)]
    with probe_of(backend).double_precision():
        found = backend.to_numpy(ls.rnn_transducer(*put, reduction="none"))
        gradient = backend.to_numpy(ls.rnn_transducer.grad(*put))
    for i in range(3):
        p = np.exp(logits[i]) / np.exp(logits[i]).sum(axis=-1, keepdims=True)
        total = 0.0
        for when in itertools.combinations(range(inputs[i] + outputs[i] - 1), outputs[i]):  # places of the labels
            t = u = 0
            way = 1.0
            for step in range(inputs[i] + outputs[i]):
                way *= p[t, u, labels[i, u] if step in when else 0]
                t, u = (t, u + 1) if step in when else (t + 1, u)
            total += way
        np.testing.assert_allclose(found[i], -math.log(total), rtol=1e-13)
    assert np.all(np.isfinite(gradient))
    assert not gradient[np.isnan(spoiled)].any()


def test_labels_without_frames_cannot_be_emitted(backend):
    put = [backend.from_numpy(x) for x in (np.zeros((2, 1, 2, 2)), np.ones((2, 1), dtype=int))]
    lengths = [backend.from_numpy(np.asarray(x)) for x in ([0, 0], [1, 0])]
    np.testing.assert_array_equal(
        backend.to_numpy(ls.rnn_transducer(*put, *lengths, reduction="none")), [math.inf, 0.0]
    )


def test_a_transducer_needs_a_state_for_each_number_of_labels(backend):
    put = [backend.from_numpy(x) for x in (np.zeros((1, 2, 2, 3)), np.ones((1, 2), dtype=int))]
    length = backend.from_numpy(np.asarray([2]))
    with pytest.raises(ls.ContractError, match=r"2 states for 2 labels\. Fix: pass 3 states"):
        ls.rnn_transducer(*put, length, length)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2), (4, 4)])
def test_soft_dtw_is_the_recursion_of_soft_minima(backend, shape):
    costs = np.random.default_rng(9).uniform(0.0, 3.0, (1, *shape))
    gamma = 0.7
    table = np.full((shape[0] + 1, shape[1] + 1), math.inf)
    table[0, 0] = 0.0
    for i, j in itertools.product(range(1, shape[0] + 1), range(1, shape[1] + 1)):
        before = table[i - 1, j], table[i, j - 1], table[i - 1, j - 1]
        table[i, j] = costs[0, i - 1, j - 1] - gamma * math.log(sum(math.exp(-b / gamma) for b in before))
    with probe_of(backend).double_precision():
        found = ls.soft_dtw(backend.from_numpy(costs), gamma=gamma)
    np.testing.assert_allclose(float(found), table[-1, -1], rtol=1e-13)


@pytest.mark.parametrize("dear", [30.0, 70.0, 1e4])
def test_what_no_good_alignment_visits_leaves_no_rounding(backend, dear):
    """Of 4 x 4 costs that are dear beside the main diagonal, whose sum is small."""
    costs = np.full((1, 4, 4), dear, dtype=np.float32)
    costs[0, range(4), range(4)] = diagonal = np.asarray([0.3, 0.01, 0.7, 0.11], dtype=np.float32)
    exact = float(np.sum(diagonal, dtype=np.float64))
    assert abs(float(ls.soft_dtw(backend.from_numpy(costs), gamma=0.5)) - exact) <= 2 * np.finfo(np.float32).eps * exact


def test_soft_dtw_tends_to_the_best_alignment():
    costs = np.asarray([[[1.0, 9.0, 9.0], [9.0, 1.0, 1.0]]])
    assert abs(float(ls.soft_dtw(costs, gamma=1e-3)) - 3.0) <= 1e-12
    assert float(ls.soft_dtw(0 * costs)) < 0


# Sequences of tokens.


def test_a_sequence_of_tokens_has_three_means(backend):
    logits = np.random.default_rng(10).normal(size=(2, 4, 3))
    labels, lengths = np.asarray([[0, 1, 2, 0], [2, 2, 9, 9]]), np.asarray([4, 2])
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    sums = [-sum(math.log(p[i, t, labels[i, t]]) for t in range(n)) for i, n in enumerate(lengths)]
    put = [backend.from_numpy(x) for x in (logits, labels, lengths)]
    weight = backend.from_numpy(np.asarray([1.0, 3.0]))
    wanted = {
        "token_mean": sum(sums) / 6,
        "length_mean": (sums[0] / 4 + sums[1] / 2) / 2,
        "mean": sum(sums) / 2,
        "sum": sum(sums),
    }
    with probe_of(backend).double_precision():
        for reduction, value in wanted.items():
            np.testing.assert_allclose(float(ls.sequence_nll(*put, reduction=reduction)), value, rtol=1e-14)
        weighted = ls.sequence_nll(*put, reduction="token_mean", sample_weight=weight)
        np.testing.assert_allclose(float(weighted), (sums[0] + 3 * sums[1]) / (4 + 3 * 2), rtol=1e-14)
        chosen = ls.sequence_nll(*put, reduction="length_mean", where=backend.from_numpy(np.asarray([False, True])))
        np.testing.assert_allclose(float(chosen), sums[1] / 2, rtol=1e-14)
        first, second = ([backend.from_numpy(x[i : i + 1]) for x in (logits, labels, lengths)] for i in range(2))
        merged = ls.sequence_nll.partial(*first) + ls.sequence_nll.partial(*second)
        np.testing.assert_allclose(float(merged.value()), wanted["token_mean"], rtol=1e-14)


def test_only_losses_with_lengths_have_a_mean_over_them():
    with pytest.raises(ls.ContractError, match="no reduction 'token_mean'"):
        ls.cross_entropy(np.zeros((1, 2)), np.asarray([0]), reduction="token_mean")
    assert ls.ctc.contract.reductions[-2:] == ("length_mean", "token_mean")


def test_a_thousand_frames_leave_as_few_roundings_as_one(backend):
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (4, 1000, 20)).astype(np.float32)
    labels, frames, counts = random.integers(1, 20, (4, 100)), np.full(4, 1000), np.full(4, 100)
    exact = ls.ctc_with_logits.per_example(logits.astype(np.float64), labels, frames, counts)
    found = ls.ctc_with_logits.per_example(*(backend.from_numpy(x) for x in (logits, labels, frames, counts)))
    assert np.all(np.abs(backend.to_numpy(found) - exact) <= 3 * np.finfo(np.float32).eps * exact)
