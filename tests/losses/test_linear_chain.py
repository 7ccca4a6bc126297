"""Losses of linear chains with costs: enumeration, relations and bounds, the same losses over candidates, bad input."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossspec as ls
from lossspec.conformance.probes import probe_of

TIME, CLASSES = 3, 2
EVERY = np.asarray(list(itertools.product(range(CLASSES), repeat=TIME)))
RIGHT = np.asarray([[0, 1, 1]])
FULL = np.asarray([TIME])
ORDER = ("emissions", "costs", "transitions", "start", "end")
finite = st.floats(-4.0, 4.0)


def numbers(*shape):
    return st.lists(finite, min_size=math.prod(shape), max_size=math.prod(shape)).map(
        lambda x: np.asarray(x).reshape(shape)
    )


chains = st.tuples(
    numbers(1, TIME, CLASSES),
    numbers(1, TIME, CLASSES).map(np.abs),
    numbers(CLASSES, CLASSES),
    numbers(CLASSES),
    numbers(CLASSES),
)


def drawn(seed, scale=1.0):
    random = np.random.default_rng(seed)
    shapes = ((1, TIME, CLASSES), (1, TIME, CLASSES), (CLASSES, CLASSES), (CLASSES,), (CLASSES,))
    emissions, costs, *tables = (scale * random.normal(size=shape) for shape in shapes)
    return emissions, np.abs(costs), *tables


def candidates(chain):
    """The score and the cost of every label sequence, as a set of candidates."""
    emissions, costs, transitions, start, end = chain
    steps = np.arange(TIME)
    scores = [start[y[0]] + emissions[0][steps, y].sum() + transitions[y[:-1], y[1:]].sum() + end[y[-1]] for y in EVERY]
    return np.asarray([scores]), np.asarray([[costs[0][steps, y].sum() for y in EVERY]])


def over_chain(name, chain, backend=None, **options):
    emissions, costs, *tables = chain
    loss = ls.get(f"chain_{name}")
    known = {"emissions": emissions, "labels": RIGHT, "costs": costs, "lengths": FULL}
    inputs = [known[x.name] for x in loss.contract.inputs if x.name in known] + tables
    if backend is not None:
        inputs = [backend.from_numpy(x) for x in inputs]
    return loss(*inputs, **options)


GOLD = int(np.flatnonzero((EVERY == RIGHT).all(axis=1))[0])
SAME = {
    "hinge": lambda s, c: ls.structured_hinge(s, np.asarray([GOLD]), c),
    "softmax_margin": lambda s, c: ls.softmax_margin(s, np.asarray([GOLD]), c),
    "perceptron": lambda s, c: ls.multiclass_perceptron(s, np.asarray([GOLD])),
    "risk": ls.risk,
    "ramp": ls.ramp,
    "soft_ramp": ls.soft_ramp,
    "infinite_ramp": ls.infinite_ramp,
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("seed", range(4))
def test_a_chain_is_a_set_of_candidates(backend, name, seed):
    chain = drawn(seed)
    with probe_of(backend).double_precision():
        found = float(over_chain(name, chain, backend))
    np.testing.assert_allclose(found, float(SAME[name](*candidates(chain))), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("variant", [1, 2, 3])
@pytest.mark.parametrize("name", ["ramp", "soft_ramp"])
def test_every_ramp_is_that_over_candidates(name, variant):
    chain = drawn(7, 2.0)
    wanted = float(SAME[name](*candidates(chain), variant=variant))
    np.testing.assert_allclose(float(over_chain(name, chain, variant=variant)), wanted, rtol=1e-13, atol=1e-15)


@settings(deadline=None, max_examples=60)
@given(chains)
def test_bounds_of_the_cost_of_what_is_predicted(chain):
    scores, costs = candidates(chain)
    cost = costs[0, scores[0].argmax()]
    slack = 1e-12 * (1 + np.abs(scores).max() + costs.max())
    ramps = [float(over_chain("ramp", chain, variant=variant)) for variant in (1, 2, 3)]
    for bound in (
        *(float(over_chain(name, chain)) for name in ("hinge", "softmax_margin", "infinite_ramp")),
        *ramps[::2],
    ):
        assert bound >= cost - slack
    assert -slack <= ramps[1] <= cost + slack
    assert ramps[0] <= ramps[2] + slack
    risk, soft = (float(over_chain(name, chain)) for name in ("risk", "soft_ramp"))
    assert float(over_chain("soft_ramp", chain, variant=2)) - slack <= risk <= soft + slack
    assert float(over_chain("softmax_margin", chain)) >= float(over_chain("hinge", chain)) - slack


def test_what_is_no_bound_of_the_cost():
    """At scores that are all 0 the perceptron, the risk and the second ramp are below the cost of the first."""
    zeros = [np.zeros((1, TIME, CLASSES)), np.zeros((CLASSES, CLASSES)), np.zeros(CLASSES), np.zeros(CLASSES)]
    costs = np.zeros((1, TIME, CLASSES))
    costs[0, :, 0] = 1.0  # the first of all label sequences, the best of equals, costs 3
    chain = (zeros[0], costs, *zeros[1:])
    assert float(over_chain("perceptron", chain)) == 0.0
    assert abs(float(over_chain("risk", chain)) - 1.5) <= 1e-15
    assert float(over_chain("ramp", chain, variant=2)) == 0.0
    assert float(over_chain("ramp", chain, variant=1)) == 3.0


@pytest.mark.parametrize("variant", [1, 2, 3])
@pytest.mark.parametrize(("cost", "lead"), [(1e-9, 1.0), (1e-9, 40.0), (1.0, 40.0)])
def test_the_soft_ramps_of_small_costs_and_of_sure_chains_have_their_digits(backend, variant, cost, lead):
    """Frames without transitions are sets of candidates of their own, whose ramps add up."""
    random = np.random.default_rng(2)
    emissions, costs = lead * random.normal(size=(TIME, CLASSES)), cost * random.uniform(size=(TIME, CLASSES))
    zeros = np.zeros((CLASSES, CLASSES)), np.zeros(CLASSES), np.zeros(CLASSES)
    inputs = [backend.from_numpy(x) for x in (emissions[None], costs[None], FULL, *zeros)]
    alone = [backend.from_numpy(x) for x in (emissions, costs)]
    with probe_of(backend).double_precision():
        found = ls.chain_soft_ramp.value_and_grad(*inputs, variant=variant, wrt=("emissions", "costs"))
        wanted = ls.soft_ramp.value_and_grad(*alone, variant=variant, wrt=("scores", "costs"), reduction="sum")
    assert float(found[0]) == pytest.approx(float(wanted[0]), rel=1e-14)
    for mine, other in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(backend.to_numpy(mine)[0], backend.to_numpy(other), rtol=1e-11)


def midpoint_excess(name, one, other, **options):
    """By how much a loss in the middle of two emissions is above the mean of its values there: above 0, not convex."""
    middle = ((one[0] + other[0]) / 2, *one[1:])
    ends = [float(over_chain(name, chain, **options)) for chain in (one, other)]
    return float(over_chain(name, middle, **options)) - sum(ends) / 2


@pytest.mark.parametrize(
    ("name", "options"),
    [("risk", {}), *((name, {"variant": variant}) for name in ("soft_ramp", "ramp") for variant in (1, 2, 3))],
)
def test_what_is_not_convex(name, options):
    """Between a sure and cheap and a sure and dear chain: it saturates at both ends, so it is concave between."""
    costs, zeros = np.zeros((1, TIME, CLASSES)), (np.zeros((CLASSES, CLASSES)), np.zeros(CLASSES), np.zeros(CLASSES))
    costs[0, :, 1] = 1.0

    def chain(lead):
        emissions = np.zeros((1, TIME, CLASSES))
        emissions[0, :, 1] = lead
        return emissions, costs, *zeros

    assert (
        max(midpoint_excess(name, chain(a), chain(b), **options) for a, b in ((-8.0, 8.0), (0.0, 8.0), (0.5, 8.0))) > 0
    )


def test_the_infinite_ramp_is_the_limit_of_dear_costs():
    chain = drawn(3)
    scores, dear = candidates(chain)
    limit = (scores[0] + dear[0]).max() - (scores[0] - 1e6 * dear[0]).max() - 1e6 * dear[0].min()
    np.testing.assert_allclose(float(over_chain("infinite_ramp", chain)), limit, rtol=1e-7)


def test_large_scores_leave_nothing_in_the_losses_with_costs(backend):
    emissions, costs, *tables = drawn(5)
    chain = (np.round(emissions * 64) / 64, np.round(costs * 64) / 64, *(np.round(x * 64) / 64 for x in tables))
    far = (chain[0] + 2.0**13, *chain[1:])
    for name in ("perceptron", "hinge", "ramp", "infinite_ramp", "risk"):
        with probe_of(backend).double_precision():
            assert float(over_chain(name, far, backend)) == float(over_chain(name, chain, backend))


# Bad input.

TABLES = np.zeros((2, 2)), np.zeros(2), np.zeros(2)
REFUSED = {
    "costs of another shape": (
        lambda a: ls.chain_risk(a(np.zeros((1, 2, 2))), a(np.zeros((1, 2, 3))), a(np.asarray([2])), *map(a, TABLES)),
        r"chain_risk: `costs` has shape \(1, 2, 3\)",
    ),
    "transitions that are not square": (
        lambda a: ls.crf_log_partition(
            a(np.zeros((1, 2, 2))), a(np.asarray([2])), a(np.zeros((2, 3))), *map(a, TABLES[1:])
        ),
        r"`transitions` has shape \(2, 3\), declared \[classes classes\]",
    ),
    "another variant": (
        lambda a: ls.chain_ramp(
            a(np.zeros((1, 2, 2))), a(np.zeros((1, 2, 2))), a(np.asarray([2])), *map(a, TABLES), variant=4
        ),
        "`variant` is 4",
    ),
    "lengths for another batch": (
        lambda a: ls.crf_decode(a(np.zeros((1, 2, 2))), a(np.asarray([2, 2])), *map(a, TABLES)),
        r"`lengths` has shape \(2,\)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_shapes_are_refused(backend, what):
    call, message = REFUSED[what]
    with pytest.raises(ls.ContractError, match=message):
        call(backend.from_numpy)


@pytest.mark.parametrize(("labels", "lengths"), [([[0, 2]], [2]), ([[0, 1]], [3]), ([[0, 1]], [-1])])
def test_labels_and_lengths_out_of_range_are_nan_and_told(backend, labels, lengths):
    put = [backend.from_numpy(x) for x in (np.zeros((1, 2, 2)), np.asarray(labels), np.asarray(lengths), *TABLES)]
    assert math.isnan(float(ls.crf(*put)))
    with ls.checking("values"), pytest.raises(ls.ContractError, match=r"crf: `(labels|lengths)` holds"):
        ls.crf(*put)


def test_labels_beyond_the_lengths_may_be_anything(backend):
    put = [backend.from_numpy(x) for x in (np.zeros((1, 2, 2)), np.asarray([[0, 9]]), np.asarray([1]), *TABLES)]
    assert abs(float(ls.crf(*put)) - math.log(2.0)) <= 1e-7


def test_an_empty_batch_has_no_losses(backend):
    put = [
        backend.from_numpy(x)
        for x in (np.zeros((0, 2, 2)), np.zeros((0, 2), dtype=int), np.zeros(0, dtype=int), *TABLES)
    ]
    assert ls.crf(*put, reduction="none").shape == (0,)
    assert ls.crf_decode(put[0], *put[2:]).shape == (0, 2)
