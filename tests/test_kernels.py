"""Compiled kernels: the same losses by one pass, what they refuse, and what a cache, a fork or a thread may do."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mpmath import mp

import lossspec
import lossspec.kernels
from lossspec import get
from lossspec.autodiff.namespace import leaves_of
from lossspec.autodiff.tape import Tape
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.sampling import typical_inputs
from lossspec.conformance.store import Store
from lossspec.kernels import compile as compiler
from lossspec.kernels import emit, front, memory, planning, programs
from lossspec.kernels import trace as trace_file
from lossspec.kernels.accumulate import Accumulator
from lossspec.kernels.emit import Emitter
from lossspec.kernels.halves import narrow, widen
from lossspec.kernels.hessian import Diagonal
from lossspec.kernels.ir import Writer
from lossspec.kernels.last_step import record
from lossspec.kernels.lower import Lowering
from lossspec.kernels.nodes import Nodes
from lossspec.kernels.programs import Programs
from lossspec.kernels.request import Request
from lossspec.kernels.trace import Argument, Refused, Size, Task
from lossspec.numerics import array_namespace
from lossspec.terms import Real

pytest.importorskip("llvmlite")
STORE = Store()
ELEMENTWISE = ("huber", "binary_cross_entropy_with_logits", "half_tweedie")
ROWS = ("multi_margin", "kl_divergence", "triplet_margin", "dice", "iou", "nll")
SUMS = ("root_mean_squared_error", "batch_tversky")


@pytest.fixture(autouse=True)
def _fresh():
    """No test sees the kernels of another."""
    yield
    for name in lossspec.names():
        loss = get(name)
        loss.kernels.clear()
        loss.kernel_programs.clear()
    lossspec.kernels.set_threads(None)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of this test alone, and nothing loaded from another."""
    monkeypatch.setattr(compiler, "folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(compiler, "_loaded", {})
    return tmp_path / "kernels"


def draw(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def both(call):
    """The results of a call with kernels and without; checks that only the first used one."""
    before = front.served()
    fast = call()
    assert front.served() > before
    with lossspec.kernels.disabled():
        before = front.served()
        slow = call()
        assert front.served() == before
    return fast, slow


CELLS = [
    (name, "float64" if number % 3 == 0 else "float32") for number, name in enumerate((*ELEMENTWISE, *ROWS, *SUMS))
]
OTHERS = [(name, dtype) for name in lossspec.names() for dtype in ("float32", "float64") if (name, dtype) not in CELLS]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "dtype"), OTHERS)
def test_whole_matrix(name, dtype):
    (job,) = plan([get(name)], ["numpy+kernels"], [dtype])
    cell = run_cell(job, STORE)
    assert cell.failures == []
    assert cell.status == "pass" or "no kernel computes it" in cell.reason


@pytest.mark.parametrize(("name", "dtype"), CELLS)
def test_matrix(name, dtype):
    (job,) = plan([get(name)], ["numpy+kernels"], [dtype])
    cell = run_cell(job, STORE)
    assert cell.failures == []
    assert cell.status == "pass"
    assert cell.kernel_calls > 50


@pytest.mark.parametrize("name", ["huber", "cross_entropy"])
def test_matrix_of_torch(name):
    (job,) = plan([get(name)], ["torch+kernels"], ["float32"])
    cell = run_cell(job, STORE)
    assert cell.failures == []
    assert cell.kernel_calls > 50


def test_column_without_a_kernel_is_no_pass():
    (job,) = plan([get("info_nce")], ["numpy+kernels"], ["float32"])
    cell = run_cell(job, STORE)
    assert cell.status == "not run"
    assert "coupled" in cell.reason


def test_columns_without_kernels_use_none():
    (job,) = plan([get("squared_error")], ["numpy"], ["float32"])
    assert run_cell(job, STORE).kernel_calls == 0


# Faults in what makes kernels turn the column red.


def always_selected():
    """A lowering that takes every unit as selected."""
    original = Lowering.apply

    def apply(self, op, *args, dtype):
        if op == "where" and args[0].op == "input" and args[0].dtype == "bool":
            return args[1]
        return original(self, op, *args, dtype=dtype)

    return patch.object(Lowering, "apply", apply)


def constants_are_whole():
    """Constants lose what is behind the point, as those of a wrong type do."""
    original = Lowering.constant

    def constant(self, value, dtype):
        rounds = isinstance(value, float) and np.isfinite(value)
        return original(self, float(round(value)) if rounds else value, dtype)

    return patch.object(Lowering, "constant", constant)


def nan_loses():
    """The larger of a number and NaN is the number."""
    original = Emitter.call

    def call(self, name, *xs):
        return original(self, {"maximum": "maxnum", "minimum": "minnum"}.get(name, name), *xs)

    return patch.object(Emitter, "call", call)


def last_vector_is_whole():
    """The entries behind the end of a row are summed too."""
    original = Accumulator.add
    return patch.object(Accumulator, "add", lambda self, x, j, mask: original(self, x, j, None))


def first_cotangent_for_all():
    """Every statistic is differentiated as if it were the first."""
    original = Emitter.cotangent
    return patch.object(Emitter, "cotangent", lambda self, x, element: original(self, replace(x, detail=0), element))


def statistics_change_places():
    """The statistics of a unit are taken for each other."""
    original = Programs._piece

    def piece(self, name):
        sums, stores = original(self, name)
        last = len(stores) - 1
        return sums, [replace(x, output=last - x.output) for x in stores] if name == "each" else stores

    return patch.object(Programs, "_piece", piece)


def units_count_once():
    """The denominator of a mean over tokens counts sequences."""
    original = Lowering.run

    def run(self):
        found = original(self)
        if found.weight is not None and found.weight.op != "constant":
            found.weight = self.constant(1, found.weight.dtype)
        return found

    return patch.object(Lowering, "run", run)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (always_selected, "squared_error"),
        (constants_are_whole, "smooth_l1"),
        (nan_loses, "multiclass_hinge"),
        (first_cotangent_for_all, "batch_tversky"),
        (statistics_change_places, "batch_tversky"),
        (always_selected, "root_mean_squared_error"),
        (units_count_once, "sequence_nll"),
        (always_selected, "sequence_nll"),
    ],
    ids=[
        "dropped mask",
        "constants of a wrong type",
        "NaN loses a maximum",
        "one cotangent for all statistics",
        "statistics of an aggregate in another order",
        "dropped mask of an aggregate",
        "tokens that do not count",
        "dropped mask of tokens",
    ],
)
def test_planted_faults_turn_the_column_red(fault, name, cache):
    (job,) = plan([get(name)], ["numpy+kernels"], ["float32"])
    with fault():
        cell = run_cell(job, STORE)
    assert cell.kernel_calls
    assert cell.status == "fail"


def test_end_of_a_row_is_the_end():
    x = draw(7, 67)
    for fault, differs in ((nullcontext(), False), (last_vector_is_whole(), True)):
        with fault:
            get("z_loss").kernel_programs.clear()
            get("z_loss").kernels.clear()
            with patch.object(compiler, "_loaded", {}), patch.object(compiler, "folder", lambda: None):
                fast, slow = both(lambda: lossspec.z_loss(x))
        assert bool(abs(fast - slow) > 1e-6) is differs


@pytest.mark.parametrize("blocks", [True, False])
def test_long_rows_keep_their_digits(blocks):
    """A sum of a million float32 in one go would be off by more than the budget allows."""
    x = np.full((1, 4_000_003), 0.1, dtype=np.float32)
    y = np.zeros_like(x)
    with mp.workdps(30):
        right = float(mp.mpf(float(x[0, 0])) * x.shape[1])
    size = 16 if blocks else 1 << 40
    with (
        patch("lossspec.kernels.accumulate.BLOCK", size),
        patch.object(compiler, "_loaded", {}),
        patch.object(compiler, "folder", lambda: None),
    ):
        value = float(lossspec.total_variation_distance(x, y)) * 2
    assert bool(abs(value - right) <= 4 * np.finfo(np.float32).eps * right) is blocks


# Second derivatives, statistics, numbers of sizes, half precision.


def agree(fast, slow, rtol=1e-12):
    """Check that two results, or tuples of them, are the same but for rounding."""
    for one, other in zip(fast, slow, strict=True) if isinstance(fast, tuple) else [(fast, slow)]:
        if isinstance(one, tuple):
            agree(one, other, rtol)
            continue
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * float(np.max(np.abs(other), initial=0)))


@pytest.mark.parametrize("shape", [(5, 37), (40, 7), (3, 6, 4)], ids=str)
@pytest.mark.parametrize("name", ["cross_entropy", "focal", "poly1_cross_entropy", "z_loss", "squentropy"])
def test_second_derivatives_along_rows(name, shape):
    loss, logits = get(name), 3 * draw(*shape)
    labels = np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))
    inputs = (logits,) if name == "z_loss" else (logits, labels)
    fast, slow = both(lambda: loss.grad_hess(*inputs, axis=1))
    agree(fast, slow)


def test_second_derivatives_in_boxes():
    first, second = (np.sort(draw(6, 2, 2, seed=seed), axis=1).reshape(6, 4) for seed in (0, 1))
    agree(*both(lambda: lossspec.generalized_iou.grad_hess(first, second)))


@pytest.mark.parametrize("fault", ["", "dropped", "subtracted"])
def test_second_derivatives_keep_their_digits(fault):
    """The other entries of a direction count in a sum along the row; beside the largest they are summed anew."""
    logits, labels = 3 * draw(400, 4, dtype="float32"), np.random.default_rng(1).integers(0, 4, 400)
    with lossspec.kernels.disabled():
        right = lossspec.poly1_cross_entropy.grad_hess(logits.astype(np.float64), labels)[1]
    original = Diagonal._all_but_one

    def wrong(self, factor):
        if fault == "dropped":
            return self.lowering.constant(0, factor.dtype)
        return original(self, factor).args[2]

    with (
        patch.object(Diagonal, "_all_but_one", wrong if fault else original),
        patch.object(compiler, "folder", lambda: None),
    ):
        (_, fast), _ = both(lambda: lossspec.poly1_cross_entropy.grad_hess(logits, labels))
    assert bool(np.max(np.abs(fast / right - 1)) < 5e-4) is not bool(fault)


def test_the_second_derivative_of_an_unlikely_right_candidate_keeps_its_digits():
    """All others are taken relative to it: parts of their derivatives cancel, and p (1 - p) is what is left."""
    scores = np.asarray([[6.0, 3.0, -0.5, -6.5]], dtype=np.float32)
    costs, labels = np.zeros_like(scores), np.asarray([3])
    powers = np.exp(scores.astype(np.float64))
    shares = powers / powers.sum()
    for found in both(lambda: lossspec.softmax_margin.grad_hess(scores, labels, costs)):
        np.testing.assert_allclose(found[1], shares * (1 - shares), rtol=1e-5)


def test_more_axes_than_classes_have_no_second_derivatives():
    p = np.full((2, 2, 3, 3), 0.25)
    with pytest.raises(lossspec.ContractError, match="grad_hess knows one"):
        lossspec.dice.grad_hess(p, p)


RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.random((3, 5, 6, 7)), (RANDOM.random((3, 5, 6, 7)) < 0.4).astype(np.float64)
WIDE = {
    "generalized_dice": IMAGES,
    "boundary": (IMAGES[0], IMAGES[1] - 0.5),
    "dice_focal": (IMAGES[0] - 0.5, IMAGES[1]),
    "psnr": IMAGES,
    "combo": (IMAGES[0], RANDOM.integers(0, 5, (3, 6, 7))),
    "group_lasso": (IMAGES[0].reshape(15, 42),),
    "batch_dice": IMAGES,
    "relativistic_average_gan_discriminator": (draw(50), draw(50, seed=1)),
}


@pytest.mark.parametrize("name", WIDE)
def test_sums_over_some_axes_and_numbers_of_sizes(name):
    arrays = WIDE[name]
    wrt = [a.name for a, x in zip(get(name).contract.inputs, arrays, strict=True) if x.dtype.kind == "f"]
    agree(*both(lambda: get(name).value_and_grad(*arrays, wrt=wrt)))


def test_a_number_that_follows_from_sizes_names_their_axes():
    tables = [dict(zip("abcdef", primes, strict=True)) for primes in trace_file._PRIMES]
    merge = trace_file.Merge(*tables)
    for symbol in "abcdef":
        m, n = (table[symbol] for table in tables)
        assert merge.size(m, n) == Size((symbol,), "n", 1)
        assert merge.size(m + 2, n + 2) == Size((symbol,), "n", 1, 2)
        for form, of in trace_file.FORMS.items():
            found = merge.size(2.5 * of(m), 2.5 * of(n))
            assert (found.symbols, found.form) == ((symbol,), form)
            assert found.factor == pytest.approx(2.5, rel=1e-15)
    both_axes = [table["b"] * table["d"] for table in tables]
    assert merge.size(*both_axes) == Size(("b", "d"), "n", 1)


def test_an_option_that_is_none_hides_no_reason():
    weight = np.asarray([1.0, 2.0, 3.0, 4.0, 5.0])
    options = {"smooth_denominator": None, "channel_weight": weight}
    assert "channel_weight" in front.reason(Request(lossspec.batch_dice, "value", IMAGES, options))


@pytest.mark.parametrize("options", ["", "sample_weight", "where", "sample_weight where"])
@pytest.mark.parametrize("reduction", ["mean", "count_mean", "batch_mean"])
def test_aggregates(reduction, options):
    x, y, random = draw(40), draw(40, seed=1), np.random.default_rng(2)
    known = {"sample_weight": random.random(40), "where": random.random(40) < 0.6}
    given = {name: known[name] for name in options.split()} | {"reduction": reduction}
    loss = lossspec.root_mean_squared_error
    agree(*both(lambda: loss.value_and_grad(x, y, **given)))
    first, second = ({n: v[part] if isinstance(v, np.ndarray) else v for n, v in given.items()} for part in PARTS)
    merged, right = both(
        lambda: (loss.partial(x[:15], y[:15], **first) + loss.partial(x[15:], y[15:], **second)).value()
    )
    assert float(merged) == pytest.approx(float(right), rel=1e-14)


def test_an_aggregate_of_nothing_and_of_no_error():
    x = draw(6)
    fast, slow = both(
        lambda: lossspec.root_mean_squared_error.value_and_grad(x, 0 * x, where=np.zeros(6, dtype=bool), empty=0.0)
    )
    agree(fast, slow)
    agree(*both(lambda: lossspec.root_mean_squared_error.value_and_grad(x, x)))


def test_an_aggregate_divided_by_nothing():
    x, zero = draw(6), np.zeros(6)
    for over in (0, 2.5):
        given = {"reduction": lossspec.Mean(over=over), "empty": -1.0}
        agree(*both(lambda given=given: lossspec.root_mean_squared_error.value_and_grad(x, zero, **given)))


@pytest.mark.parametrize("name", [name for name in lossspec.names() if get(name).contract.form == "aggregate"])
def test_the_last_step_is_recorded_once(name, monkeypatch):
    loss = get(name)
    inputs = typical_inputs(loss.contract, {"batch": 4})
    if name == "load_balancing":  # one sum over the units for each expert, which no kernel has
        assert "kernel: none: it sums over the units" in str(loss.explain(**inputs))
        return
    first = loss(**inputs), *loss.value_and_grad(**inputs)

    def record(*_):
        raise AssertionError("a call records")

    monkeypatch.setattr(Tape, "__enter__", record)
    before = front.served()
    agree((loss(**inputs), *loss.value_and_grad(**inputs)), first)
    assert front.served() > before


def test_a_last_step_may_take_lists_dtypes_and_arrays_of_its_own():
    def last(a, b):
        xp = a.__array_namespace__()
        both = xp.concat([a * np.asarray([2.0, 3.0]), xp.astype(xp.astype(b, xp.float32), xp.float64)])
        return xp.sum(both[1:3] * xp.stack([xp.ones_like(both[0]), 5 * both[3]]))

    value, of_a, of_b = record(last, 2, (2,), differentiated=True)(np.asarray([7.0, 11.0]), np.asarray([13.0, 17.0]))
    assert (float(value), of_a.tolist(), of_b.tolist()) == (33 + 13 * 85, [0, 3], [85, 65])
    assert float(record(last, 2, (2,), differentiated=False)(np.ones(2), np.zeros(2))[0]) == 3
    (constant, nothing) = record(lambda a: a.__array_namespace__().zeros_like(a) + 4.0, 1, (), True)(np.float64(2.0))
    assert (float(constant), float(nothing)) == (4, 0)


@pytest.mark.parametrize("reduction", ["token_mean", "length_mean"])
@pytest.mark.parametrize("options", ["", "sample_weight", "where", "where_entries"])
def test_means_over_lengths(reduction, options):
    random = np.random.default_rng(4)
    logits, labels, lengths = draw(8, 5, 6), random.integers(0, 6, (8, 5)), random.integers(0, 6, 8)
    known = {"sample_weight": random.random(8), "where": random.random(8) < 0.6, "where_entries": labels > 1}
    given = {name: known[name] for name in options.split()}
    agree(*both(lambda: lossspec.sequence_nll.value_and_grad(logits, labels, lengths, reduction=reduction, **given)))


HALVES = np.arange(1 << 16, dtype=np.uint16)


def ties_go_up():
    """Half of a unit in the last place is rounded away from zero, and not to the even one of two."""

    def up(e, x, held):
        return narrow(
            e,
            e.convert("bitcast", e.binary("add", e.convert("bitcast", x, "i32"), e.constant(1, "i32")), "float"),
            held,
        )

    return patch.object(memory, "narrow", up)


def small_halves_are_0():
    """Numbers below the smallest normal one are flushed as they are read."""

    def flush(e, bits, held):
        x = widen(e, bits, held)
        smallest = {"float16": 2.0**-14, "bfloat16": 2.0**-126}[held]
        is_small = e.compare("olt", e.call("fabs", x), e.constant(smallest, "float"))
        return e.select(is_small, e.constant(0.0, "float"), x)

    return patch.object(memory, "widen", flush)


@pytest.mark.parametrize("fault", [nullcontext, ties_go_up, small_halves_are_0])
@pytest.mark.parametrize("held", ["float16", "bfloat16"])
def test_every_half_is_widened_and_rounded_as_it_is(held, fault, cache):
    """The gradient of half a squared error is the difference: exact in float32, then rounded to the input's dtype."""
    x = torch.from_numpy(HALVES.view(np.int16)).view(getattr(torch, held))
    x = x[x.abs() < 1e18].clone()  # the squares of the others are inf
    random = np.random.default_rng(5)
    above = (x.view(torch.int16) + 1).view(x.dtype).float() - x.float()
    ties = torch.where(above.isfinite(), above / 2, 0.0).numpy()
    right = True
    with fault():
        for t in (np.zeros(len(x)), random.standard_normal(len(x)) * 10.0 ** random.uniform(-9, 4, len(x)), ties):
            targets = torch.from_numpy(t.astype(np.float32))
            before = front.served()
            _, gradient = lossspec.half_squared_error.value_and_grad(x, targets, reduction="sum")
            assert front.served() > before
            rounded = (x.float() - targets).to(x.dtype)
            right = right and torch.equal(gradient.view(torch.int16), rounded.view(torch.int16))
    assert right is (fault is nullcontext)


@pytest.mark.parametrize("held", ["float16", "bfloat16"])
def test_half_precision_of_torch(held):
    logits = torch.tensor(3 * draw(40, 50)).to(getattr(torch, held)).requires_grad_()
    labels = torch.arange(40) % 50

    def call():
        value = lossspec.cross_entropy(logits, labels)
        return value.detach(), torch.autograd.grad(value, logits)[0]

    (value, gradient), (wanted, right) = both(call)
    torch.testing.assert_close(value, wanted, rtol=1e-6, atol=0)
    assert gradient.dtype is logits.dtype
    torch.testing.assert_close(gradient, right, rtol=1e-2, atol=1e-7)
    assert "one pass of compiled code" in str(lossspec.cross_entropy.explain(logits.detach(), labels))


@pytest.mark.parametrize("shape", [(40, 50), (3, 4, 5, 6)], ids=str)
def test_half_precision_of_numpy(shape):
    logits, labels = (3 * draw(*shape)).astype(np.float16), np.zeros((shape[0], *shape[2:]), dtype=np.int64)
    (value, gradient), (wanted, right) = both(lambda: lossspec.cross_entropy.value_and_grad(logits, labels, axis=1))
    assert value.dtype == wanted.dtype == np.float32
    assert gradient.dtype == right.dtype == np.float16
    assert value == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_allclose(gradient.astype(float), right.astype(float), rtol=2e-3, atol=1e-7)


# The same call in another layout, number of threads, process.


@pytest.mark.parametrize("shape", [(5, 3, 4, 5), (2, 21, 6, 7), (1, 40, 16, 16)])
def test_classes_before_pixels(shape):
    x, labels = draw(*shape), np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))
    (value, gradient), (wanted, right) = both(lambda: lossspec.cross_entropy.value_and_grad(x, labels, axis=1))
    assert value == pytest.approx(wanted, rel=1e-14)
    np.testing.assert_allclose(gradient, right, rtol=1e-13, atol=1e-18)


def test_pairs_of_classes_before_pixels():
    x, targets = draw(3, 4, 5, 6), np.random.default_rng(1).integers(0, 2, (3, 4, 5, 6))
    fast, slow = both(lambda: lossspec.multilabel_margin(x, targets, axis=1, reduction="none"))
    np.testing.assert_allclose(fast, slow, rtol=1e-14)


@pytest.mark.parametrize("classes", [1, 2, 31, 32, 33, 64, 100, 257])
@pytest.mark.parametrize("units", [1, 15, 16, 17, 100])
def test_every_length_of_rows_and_units(units, classes):
    x, labels = draw(units, classes), np.arange(units) % classes
    (value, gradient), (wanted, right) = both(lambda: lossspec.cross_entropy.value_and_grad(x, labels))
    assert value == pytest.approx(wanted, rel=1e-14, abs=1e-18)
    np.testing.assert_allclose(gradient, right, rtol=1e-13, atol=1e-18)


@pytest.mark.parametrize("reduction", ["mean", "sum", "count_mean", "batch_mean", lossspec.Mean(over=3.0)], ids=str)
@pytest.mark.parametrize("options", ["", "sample_weight", "where", "sample_weight where"])
def test_every_denominator(reduction, options):
    x, y, random = draw(40), draw(40, seed=1), np.random.default_rng(2)
    known = {"sample_weight": random.random(40), "where": random.random(40) < 0.6}
    given = {name: known[name] for name in options.split()} | {"reduction": reduction}
    (value, gradient), (wanted, right) = both(lambda: lossspec.squared_error.value_and_grad(x, y, **given))
    assert value == pytest.approx(wanted, rel=1e-14)
    np.testing.assert_allclose(gradient, right, rtol=1e-14)
    assert float(lossspec.squared_error(x, y, **given)) == pytest.approx(wanted, rel=1e-14)
    first, second = ({n: v[part] if isinstance(v, np.ndarray) else v for n, v in given.items()} for part in PARTS)
    merged = lossspec.squared_error.partial(x[:15], y[:15], **first) + lossspec.squared_error.partial(
        x[15:], y[15:], **second
    )
    assert float(merged.value()) == pytest.approx(wanted, rel=1e-14)


def test_arguments_in_any_order():
    """A plan finds the arrays of a call by their places, and another order of options has other places."""
    x, y, weight, flags = draw(40), draw(40, seed=1), np.linspace(0.5, 2.0, 40), np.arange(40) % 3 > 0
    given = {"predictions": x, "targets": y, "sample_weight": weight, "where": flags, "reduction": "mean"}
    with lossspec.kernels.disabled():
        wanted, right = lossspec.huber.value_and_grad(**given)
    before = front.served()
    for order in (list(given), list(reversed(given)), sorted(given)):
        for count in (0, 1, 2):
            inputs = [given[name] for name in ("predictions", "targets")[:count]]
            options = {name: given[name] for name in order if name not in ("predictions", "targets")[:count]}
            value, gradient = lossspec.huber.value_and_grad(*inputs, **options)
            assert value == pytest.approx(wanted, rel=1e-14)
            np.testing.assert_allclose(gradient, right, rtol=1e-14)
    assert front.served() >= before + 9


PARTS = (slice(0, 15), slice(15, 40))


@pytest.mark.parametrize("shape", [(1_000_003,), (30_011, 50)])
def test_bits_do_not_depend_on_threads(shape):
    x, y = draw(*shape), draw(*shape, seed=1)
    found = []
    for count in (1, 2, 3, 7):
        lossspec.kernels.set_threads(count)
        value, gradient = lossspec.huber.value_and_grad(x, y)
        found.append((float(value).hex(), gradient.tobytes()))
    assert len(set(found)) == 1


FORK = """
import os, numpy as np, lossspec, lossspec.kernels
x = np.random.default_rng(0).normal(size=1_000_003)
lossspec.kernels.set_threads(2)
here = float(lossspec.squared_error(x, 0 * x))
child = os.fork()
if child == 0:
    os._exit(0 if float(lossspec.squared_error(x, 0 * x)) == here else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert lossspec.kernels.front.served() > 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_fork_has_threads_of_its_own():
    """It runs in a process of its own, for a framework with threads that was loaded here forbids a fork."""
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120)  # noqa: S603


def test_threads_are_a_count():
    with pytest.raises(lossspec.ContractError, match="from 1 on"):
        lossspec.kernels.set_threads(0)


# What takes the array path.


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x[::2],
        lambda x: np.asfortranarray(np.stack([x, x]).reshape(2, -1)),
        lambda x: x[:0],
        lambda x: np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64),
    ],
    ids=["strided", "column-major", "empty", "unaligned"],
)
def test_arrays_that_no_kernel_takes(make):
    x = make(draw(40))
    before = front.served()
    assert lossspec.squared_error(x, x, empty=0.0) == 0
    assert front.served() == before


def test_read_only_and_overlapping_arrays():
    x = draw(40)
    x.flags.writeable = False
    (value, gradient), (wanted, right) = both(lambda: lossspec.squared_error.value_and_grad(x[:20], x[10:30]))
    assert value == pytest.approx(wanted)
    np.testing.assert_array_equal(gradient, right)
    assert gradient.flags.writeable


def test_explain_says_which_path():
    x = draw(5)
    assert "one pass of compiled code" in str(lossspec.squared_error.explain(x, x))
    assert "not contiguous" in str(lossspec.squared_error.explain(x[::2], x[::2]))
    assert "coupled" in str(lossspec.info_nce.explain(draw(4, 3), draw(4, 3)))
    with lossspec.kernels.disabled():
        assert "disabled" in str(lossspec.squared_error.explain(x, x))


def test_without_llvmlite_all_is_as_before(monkeypatch):
    monkeypatch.setattr(front, "_unavailable", "llvmlite does not load")
    x = draw(5)
    before = front.served()
    assert lossspec.squared_error(x, 0 * x) == pytest.approx(np.mean(x * x))
    assert front.served() == before
    assert "llvmlite" in str(lossspec.squared_error.explain(x, x))


def test_a_failed_compilation_is_no_error(monkeypatch, cache):
    def fails(*_):
        raise RuntimeError("no target")

    monkeypatch.setattr(compiler, "_compile", fails)
    x = draw(5)
    assert lossspec.squared_error(x, 0 * x) == pytest.approx(np.mean(x * x))
    assert "no target" in str(lossspec.squared_error.explain(x, x))


def test_parameters_that_vary_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(planning, "_MOST_KERNELS", 3)
    x = draw(5)
    for delta in (0.5, 0.75, 1.25, 1.5, 2.0):
        with lossspec.kernels.disabled():
            wanted = lossspec.huber(x, 0 * x, delta=delta)
        assert lossspec.huber(x, 0 * x, delta=delta) == pytest.approx(wanted)
    assert len(lossspec.huber.kernel_programs) == 3


# The cache.


def entries(cache, kind="object"):
    """The objects of a cache, or what it knows of programs."""
    return sorted(x for x in cache.iterdir() if x.name.startswith("facts-") is (kind == "facts"))


def forget(loss):
    """Leave a loss as it is in a new process."""
    compiler._loaded.clear()
    loss.kernels.clear()
    loss.kernel_programs.clear()


@pytest.mark.parametrize("kind", ["object", "facts"])
def test_entries_are_kept_for_their_user_alone(cache, kind):
    x = draw(5)
    lossspec.squared_error(x, 0 * x)
    (entry,) = entries(cache, kind)
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "readable by others", "a link"])
@pytest.mark.parametrize("kind", ["object", "facts"])
def test_an_entry_that_cannot_be_trusted_is_made_anew(cache, harm, kind, tmp_path):
    x = draw(5)
    right = lossspec.squared_error(x, 0 * x)
    (entry,) = entries(cache, kind)
    content = entry.read_bytes()
    if harm == "cut":
        entry.write_bytes(content[:-9])
    elif harm == "flipped":
        entry.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif harm == "empty":
        entry.write_bytes(b"")
    elif harm == "readable by others":
        entry.chmod(0o644)
    else:
        (tmp_path / "elsewhere").write_bytes(content)
        entry.unlink()
        entry.symlink_to(tmp_path / "elsewhere")
    forget(lossspec.squared_error)
    place, name = {"object": (compiler, "_compile"), "facts": (programs, "trace")}[kind]
    with patch.object(place, name, wraps=getattr(place, name)) as again:
        assert lossspec.squared_error(x, 0 * x) == right
    assert again.called
    assert entry.read_bytes() != b""
    assert stat.S_IMODE(entry.lstat().st_mode) == 0o600


def test_what_is_kept_is_neither_recorded_nor_compiled(cache):
    x = draw(5)
    right = lossspec.squared_error(x, 0 * x)
    forget(lossspec.squared_error)
    with (
        patch.object(compiler, "_compile", side_effect=AssertionError),
        patch.object(programs, "trace", side_effect=AssertionError),
    ):
        assert lossspec.squared_error(x, 0 * x) == right


def test_a_refusal_is_kept(cache):
    scores, labels = draw(3, 40), np.ones((3, 40), dtype=np.int64)
    wanted = lossspec.listmle(scores, labels)
    assert entries(cache) == []
    forget(lossspec.listmle)
    with patch.object(programs, "trace", side_effect=AssertionError):
        assert lossspec.listmle(scores, labels) == wanted


def test_source_and_options_are_in_the_key(cache, monkeypatch):
    """Other source, another option and a loss of one's own from a function of the catalogue are other programs."""
    x = draw(5)
    task = Task(lossspec.huber, (Argument("x", (("unit:batch",),), "float64"),), (("delta", float, 1.0),), (), 0)
    keys = {compiler.key_of_task(task)}
    keys.add(compiler.key_of_task(replace(task, static=(("delta", int, 1),))))
    keys.add(compiler.key_of_task(replace(task, arguments=(Argument("x", (("unit:batch",),), "float32"),))))
    with patch.object(compiler, "_package", lambda: "another"):
        keys.add(compiler.key_of_task(task))
    assert len(keys) == 4
    assert all(keys)
    own = lossspec.loss(family="regression", unit="pixel", source="here")(lossspec.huber.declared.function)
    assert compiler.key_of_task(replace(task, loss=own)) == ""
    assert compiler.key_of_task(replace(task, static=(("delta", np.float64, np.float64(1)),))) == ""
    lossspec.huber(x, 0 * x)
    assert len(entries(cache, "facts")) == 1


@pytest.mark.parametrize(
    "usual",
    [{"ignore_index": 2}, {"label_smoothing": 0.3}, {"class_weight": np.asarray([1.0, 2.0, 3.0])}, {"empty": 0.0}],
)
def test_a_configured_loss_has_programs_of_its_own_on_disk(cache, usual):
    """A call of the loss itself finds nothing of what it was configured to do, nor the other way round."""
    logits, labels = draw(4, 3), np.asarray([0, 1, 2, 2])
    configured = lossspec.cross_entropy.configured(**usual)
    for one, other in ((configured, lossspec.cross_entropy), (lossspec.cross_entropy, configured)):
        forget(lossspec.cross_entropy)
        one(logits, labels)
        forget(configured)
        with lossspec.kernels.disabled():
            right = other(logits, labels)
        assert abs(other(logits, labels) - right) <= 1e-14
        for entry in entries(cache):
            entry.unlink()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
@pytest.mark.parametrize("call", ["replace", "mkdir", "mkstemp", "open"])
def test_a_cache_that_cannot_be_written_is_none(cache, error, call):
    x = draw(5)
    place, name = {"replace": (os, "replace"), "mkdir": (type(cache), "mkdir"), "open": (os, "open")}.get(
        call, (tempfile, "mkstemp")
    )
    with patch.object(place, name, side_effect=error):
        assert lossspec.squared_error(x, 0 * x) == pytest.approx(np.mean(x * x))
    assert not cache.exists() or list(cache.iterdir()) == []


def test_many_threads_of_the_caller():
    """One plan serves calls of several threads at once, for nothing of a call is kept in it."""
    arrays = [draw(300, 40, seed=seed) for seed in range(4)]
    labels = np.arange(300) % 40
    wanted = [lossspec.cross_entropy.value_and_grad(x, labels) for x in arrays]

    def work(number):
        return [lossspec.cross_entropy.value_and_grad(arrays[number], labels) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for (value, gradient), results in zip(wanted, pool.map(work, range(4)), strict=True):
            for got, other in results:
                assert got == value
                np.testing.assert_array_equal(other, gradient)


class Alarm(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by the handler of a signal."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timer that signals")
def test_a_signal_leaves_no_broken_state():
    x = draw(1_000_003)
    lossspec.kernels.set_threads(2)
    wanted, right = lossspec.huber.value_and_grad(x, 0 * x)

    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        rings = 0
        for delay in np.linspace(1e-4, 6e-3, 12):
            try:
                signal.setitimer(signal.ITIMER_REAL, float(delay))
                for _ in range(50):
                    lossspec.huber.value_and_grad(x, 0 * x)
            except Alarm:
                rings += 1
        assert rings == 12
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    value, gradient = lossspec.huber.value_and_grad(x, 0 * x)
    assert value == wanted
    np.testing.assert_array_equal(gradient, right)


def test_another_processor_has_other_objects(cache):
    x = draw(37)
    wanted = {}
    for features in ("", "+avx2,+fma"):
        compiler._loaded.clear()
        lossspec.cross_entropy.kernels.clear()
        lossspec.cross_entropy.kernel_programs.clear()
        with patch.object(compiler, "processor", lambda features=features: ("x86-64", features)):
            wanted[features] = lossspec.cross_entropy(x.reshape(1, 37), np.asarray([3]))
    assert len(entries(cache)) == 2
    assert len({float(v) for v in wanted.values()}) == 1


@pytest.mark.parametrize("name", ["focal", "student_t_nll", "kullback_leibler_box", "pairwise_logistic"])
def test_a_program_of_any_length_gives_the_same_bits(cache, name):
    """A long one calls its functions and has one text for all units, a short one has copies and two texts."""
    loss = get(name)
    given = typical_inputs(loss.contract, {"batch": 37, "classes": 5})
    found, texts = [], []

    def note(text, *processor):
        texts.append(text)
        return compile_text(text, *processor)

    compile_text = compiler._compile
    for copies, longest in ((inf, inf), (0, 0)):
        compiler._loaded.clear()
        forget(loss)
        with (
            patch.object(Writer, "most_copies", copies),
            patch.object(emit, "LONG", longest),
            patch.object(compiler, "_compile", note),
            patch.object(compiler, "_read", lambda key: None),
        ):
            found.append(loss.value_and_grad(**given))
    for one, other in zip(*map(leaves_of, found), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(texts[1]) < 0.7 * len(texts[0])
    assert ("noinline" in texts[0], "alwaysinline" in texts[1]) == (False, False)


# Torch.


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_backward(reduction):
    x = torch.tensor(draw(6, 5), requires_grad=True)
    labels = torch.arange(6) % 5
    cotangent = torch.rand(6, dtype=torch.float64) if reduction == "none" else torch.tensor(1.7, dtype=torch.float64)

    def call():
        loss = lossspec.cross_entropy(x, labels, reduction=reduction)
        return loss.detach(), torch.autograd.grad(loss, x, cotangent)[0]

    (value, gradient), (wanted, right) = both(call)
    torch.testing.assert_close(value, wanted, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, right, rtol=1e-13, atol=1e-17)


def test_torch_backward_twice_and_of_gradients():
    x = torch.tensor(draw(6), requires_grad=True)
    zero = torch.zeros(6, dtype=torch.float64)
    value = lossspec.pseudo_huber(x, zero)
    first = torch.autograd.grad(value, x, retain_graph=True)[0]
    first.zero_()  # belongs to the caller
    again = torch.autograd.grad(value, x, create_graph=True)[0]
    torch.testing.assert_close(again, x.detach() / torch.sqrt(1 + x.detach() ** 2) / 6)
    assert torch.autograd.gradgradcheck(lambda x: lossspec.pseudo_huber(x, zero), x)


def test_torch_accumulates_gradients():
    x = torch.tensor(draw(6), requires_grad=True)
    zero = torch.zeros(6, dtype=torch.float64)
    value = lossspec.half_squared_error(x, zero, reduction="sum")
    value.backward(retain_graph=True)
    value.backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("batch_dice", ""),
        *(
            (name, options)
            for name in ("huber", "root_mean_squared_error", "cross_entropy")
            for options in ("", "sample_weight", "where", "sample_weight where", "reduction")
        ),
    ],
)
def test_torch_partials_are_followed(name, options):
    """Totals by a kernel carry any cotangents back, twice if asked to; what merges is what the array path merges."""
    first, second = {
        "cross_entropy": (draw(40, 3), np.arange(40) % 3),
        "batch_dice": (RANDOM.random((6, 4, 5)), (RANDOM.random((6, 4, 5)) < 0.4).astype(np.float64)),
    }.get(name, (draw(40), draw(40, seed=1)))
    known = {"sample_weight": torch.linspace(0.5, 2.0, 40, dtype=torch.float64), "where": torch.arange(40) % 3 > 0}
    given = {n: "count_mean" if n == "reduction" else known[n] for n in options.split()}
    x, y = torch.tensor(first, requires_grad=True), torch.tensor(second)
    parts = [slice(0, len(x) // 3), slice(len(x) // 3, len(x))]

    def call():
        partial = sum(
            get(name).partial(x[p], y[p], **{n: v if n == "reduction" else v[p] for n, v in given.items()})
            for p in parts
        )
        value = partial.value()
        (slope,) = torch.autograd.grad(value, x, torch.tensor(1.7, dtype=torch.float64), retain_graph=True)
        (again,) = torch.autograd.grad(value, x, torch.tensor(1.7, dtype=torch.float64), create_graph=True)
        (second,) = torch.autograd.grad((again * again.detach()).sum(), x)
        return partial, value.detach(), slope, again.detach(), second

    (fast, *found), (slow, *wanted) = both(call)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)
    for one, other in ((fast.weight, slow.weight), (fast.count, slow.count), (fast.batch, slow.batch)):
        assert type(one) is type(other)
        torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other))


def test_torch_partials_whose_weights_are_followed_take_the_array_path():
    x, weight = torch.tensor(draw(6)), torch.ones(6, dtype=torch.float64, requires_grad=True)
    before = front.served()
    partial = lossspec.squared_error.partial(x, 0 * x, sample_weight=weight)
    (slope,) = torch.autograd.grad(partial.value(), weight)
    torch.testing.assert_close(slope, (x * x - (x * x).mean()) / 6)
    assert front.served() == before


def test_torch_transforms_take_the_array_path():
    x = torch.tensor(draw(6))
    zero = torch.zeros(6, dtype=torch.float64)
    before = front.served()
    gradient = torch.func.grad(lambda x: lossspec.half_squared_error(x, zero, reduction="sum"))(x)
    torch.testing.assert_close(gradient, x)
    mapped = torch.func.vmap(lambda x: lossspec.half_squared_error(x, torch.zeros_like(x), reduction="sum"))(x[:, None])
    torch.testing.assert_close(mapped, x * x / 2)
    _, tangent = torch.func.jvp(lambda x: lossspec.half_squared_error(x, zero, reduction="sum"), (x,), (x,))
    torch.testing.assert_close(tangent, x @ x)
    assert front.served() == before


def test_torch_aggregates_differentiate_twice():
    x, zero = torch.tensor(draw(6), requires_grad=True), torch.zeros(6, dtype=torch.float64)
    fast, slow = both(lambda: torch.autograd.grad(2.0 * lossspec.root_mean_squared_error(x, zero), x)[0])
    torch.testing.assert_close(fast, slow, rtol=1e-14, atol=0)
    assert torch.autograd.gradgradcheck(lambda x: lossspec.root_mean_squared_error(x, zero), x)


def test_torch_value_and_grad_leaves_graphs_and_transforms_alone():
    scores, labels = torch.tensor(draw(3, 4)), torch.tensor([[2, 0, 1, 1]] * 3)
    value, gradient = lossspec.listmle.value_and_grad(scores, labels)
    tracked = scores.clone().requires_grad_()
    wanted, right = lossspec.listmle.value_and_grad(tracked, labels)
    assert wanted.requires_grad
    assert not value.requires_grad
    assert not gradient.requires_grad
    torch.testing.assert_close((value, gradient), (wanted.detach(), right), rtol=1e-14, atol=0)
    assert tracked.grad is None
    with torch.no_grad():
        torch.testing.assert_close(lossspec.listmle.value_and_grad(scores, labels)[1], gradient)
    with torch.inference_mode():
        found = lossspec.listmle.value_and_grad(scores.clone(), labels.clone())[1]
    torch.testing.assert_close(found.clone(), gradient)
    twice = torch.func.jacrev(lambda x: lossspec.listmle.value_and_grad(x, labels)[1])(scores)
    torch.testing.assert_close(twice, torch.func.hessian(lambda x: lossspec.listmle(x, labels))(scores))
    delta = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    with lossspec.kernels.disabled():
        learned, _ = lossspec.huber.value_and_grad(scores, 0 * scores, delta=delta)
        configured, _ = lossspec.huber.configured(delta=delta).value_and_grad(scores, 0 * scores)
    assert learned.requires_grad
    assert configured.requires_grad


def test_torch_gradients_in_inference_mode():
    x = torch.tensor(draw(6), requires_grad=True)
    with torch.inference_mode():
        fast, slow = both(lambda: lossspec.squared_error(x, torch.zeros_like(x)))
    assert float(fast) == pytest.approx(float(slow))
    assert not fast.requires_grad


def test_torch_tensors_without_memory_of_their_own_take_the_array_path():
    """Such are those that a transform has left behind, zeros that nothing holds, and a negation not carried out.

    A plan for plain tensors of the same kind is there already: it is not theirs.
    """
    x, y = torch.tensor(draw(6)), torch.tensor(draw(6, seed=1))
    left = []
    torch.func.grad(lambda x: left.append(x) or x.sum())(x)
    lossspec.squared_error(x, y)
    lossspec.squared_error(y.clone().requires_grad_(), x)
    before = front.served()
    zeros = torch._efficientzerotensor(6, dtype=torch.float64)
    for other in (left[0].requires_grad_(False), zeros, torch._neg_view(x)):
        right = ((other - y) ** 2).mean()
        torch.testing.assert_close(lossspec.squared_error(other, y), right, rtol=1e-14, atol=0)
        torch.testing.assert_close(lossspec.squared_error(y.clone().requires_grad_(), other).detach(), right)
    assert front.served() == before


def test_torch_compiles_a_call_after_an_eager_one():
    x, y = torch.tensor(draw(6)), torch.tensor(draw(6, seed=1))
    eager = lossspec.huber(x, y)
    before = front.served()
    compiled = torch.compile(lambda x, y: lossspec.huber(x, y), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, y), eager)
    assert front.served() == before


def test_torch_inference_mode():
    with torch.inference_mode():
        x = torch.tensor(draw(6))
        fast, slow = both(lambda: lossspec.squared_error(x, 2 * x))
    assert float(fast) == pytest.approx(float(slow))


def test_refusals_are_no_errors():
    assert issubclass(Refused, Exception)
    assert front.reason(Request(lossspec.listmle, "value", (draw(3, 4), np.ones((3, 4), dtype=np.int64)), {})) != ""


@pytest.mark.parametrize("method", ["per_example", "value", "value_and_grad"])
def test_a_loss_that_widens_its_dtype_has_no_kernel(method):
    """Its results would be written beyond the end of an array of the narrower dtype."""

    def widening(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
        """A loss of two numbers."""
        xp = array_namespace(predictions)
        return (predictions - targets) ** 2 * xp.where(predictions > 0, 0.5, 1.0)  # NumPy makes float64 of the numbers

    own = lossspec.loss(family="regression", unit="element", source="here")(widening)
    x, y = draw(20, dtype="float32"), draw(20, dtype="float32", seed=1)
    how = {"reduction": "none"} if method == "per_example" else {}
    request = Request(own, "value" if how else method, (x, y), how, ("predictions",) * (method == "value_and_grad"))
    assert "float64" in front.reason(request)
    wanted = (x.astype("float64") - y) ** 2 * np.where(x > 0, 0.5, 1.0)
    assert np.allclose(own.per_example(x, y), wanted, rtol=1e-5)


def of_rows(reduction):
    """A loss of rows that is a reduction."""

    def function(predictions: Real["batch dim"]) -> Real["batch"]:
        """Reduce rows."""
        xp = array_namespace(predictions)
        return xp.astype(getattr(xp, reduction)(predictions, axis=-1), predictions.dtype)

    return lossspec.loss(family="regression", unit="example", source="here")(function)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [3, 16, 40])
@pytest.mark.parametrize("reduction", ["max", "min", "argmax", "argmin"])
def test_extremes_of_rows_are_those_of_numpy(reduction, size, dtype):
    """The place is that of the first one, NaN is further than all, and zeros of both signs are alike."""
    special = np.asarray([0.0, -0.0, inf, -inf, np.nan, -np.nan, 1.0, -1.0, 1e-40, 3e38], dtype)
    x = special[np.random.default_rng(size).integers(0, len(special), (600, size))]
    x[:200] = np.where(np.isnan(x[:200]), 0, x[:200])
    x[:100] = np.where(np.isinf(x[:100]), -0.0, x[:100])
    own = of_rows(reduction)
    found, right = both(lambda: own(x, reduction="none"))
    wanted = getattr(np, reduction)(x, axis=1)
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(right, wanted, equal_nan=True)


@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 4, 5, 3)])
def test_views_behind_the_classes_are_no_units(shape):
    """A plane of a kernel is made of units, each of which has its own sums."""
    logits = draw(*shape)
    wanted = lossspec.jsd_consistency.per_example(np.ascontiguousarray(np.moveaxis(logits, 1, -1)))
    assert "behind" in front.reason(Request(lossspec.jsd_consistency, "value", (logits,), {"axis": 1}))
    np.testing.assert_allclose(lossspec.jsd_consistency.per_example(logits, axis=1), wanted, rtol=1e-12)


def test_an_array_of_another_dtype_takes_the_array_path():
    """Labels of an unsigned dtype, or of the other order of bytes, are right and say why no kernel takes them."""
    logits, labels = np.asarray([[0.5, -1.0], [2.0, 0.0]]), np.asarray([1, 0])
    expected = float(lossspec.cross_entropy(logits, labels))
    for dtype in ("uint8", "uint32", ">i8"):
        other = labels.astype(dtype)
        assert float(lossspec.cross_entropy(logits, other)) == pytest.approx(expected, rel=1e-14)
        assert "is an array of" in str(lossspec.cross_entropy.explain(logits, other))


def test_an_entry_of_a_row_is_picked_once_of_each_step():
    nodes = Nodes()
    x = nodes.node("input", (), "float64", "x", ("input:x:1",))
    for _ in range(100):  # by each way from the last to the first these are 2^100
        x = nodes.node("add", (x, x), "float64")
    nodes.pick(x, nodes.constant(0, "int64"), x.row)
    assert len(nodes.known) == 2 * 101 + 1
