"""Compiled recurrences: losses over paths by one loop a sequence, against the loop in Python and against the oracle."""

import gc
import weakref
from unittest.mock import patch

import numpy as np
import pytest
import torch
from test_kernels import both

import lossspec
import lossspec.kernels
from lossspec import get, numerics, paths
from lossspec.autodiff import hvp
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.store import Store
from lossspec.dispatch import get_backend
from lossspec.kernels import compile as compiler
from lossspec.kernels import front, recurrence, scatter
from lossspec.kernels.accumulate import Accumulator
from lossspec.kernels.loops import StepEmitter
from lossspec.kernels.recurrence import Recurrence
from lossspec.kernels.scatter import RowEmitter, scattered
from lossspec.numerics import Step, array_namespace, scan

pytest.importorskip("llvmlite")
STORE = Store()
OVER_PATHS = (
    "ctc",
    "ctc_with_logits",
    "rnn_transducer",
    "soft_dtw",
    *(name for name in lossspec.names() if get(name).contract.family == "linear_chain"),
)


@pytest.fixture(autouse=True)
def _one_thread():
    yield
    lossspec.kernels.set_threads(None)


def steps():
    """All steps of recurrences that there are."""
    return [x for x in gc.get_objects() if type(x) is Step]


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """No kernel of a recurrence that another test has made, nor does one of these outlive the test."""
    monkeypatch.setattr(compiler, "folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(compiler, "_loaded", {})
    scatter._kernel.cache_clear()
    for step in steps():
        monkeypatch.setattr(step, "kernels", {})
    yield
    scatter._kernel.cache_clear()


def close(fast, slow, digits):
    """Check that two results are nearly equal, NaN and infinities included."""
    for x, y in zip(fast, slow, strict=True):
        np.testing.assert_allclose(x, y, rtol=digits, atol=digits)


def real_inputs(case):
    return tuple(n for n, x in case.inputs.items() if x.dtype.kind == "f")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OVER_PATHS)
def test_every_loss_over_paths_is_that_of_the_loop_in_python(name, dtype):
    """On typical and on confident inputs, with lengths of 0, scores of -inf, labels out of range and parameters."""
    loss = get(name)
    for case in STORE.cases(loss, dtype)[:6]:
        if "unit" in case.name or 0 in next(iter(case.inputs.values())).shape:
            continue
        given = {**case.inputs, **case.parameters}
        with np.errstate(all="ignore"):
            values = both(lambda g=given: loss(**g, reduction="none"))
            (_, fast), (_, slow) = both(
                lambda g=given, c=case: loss.value_and_grad(**g, wrt=real_inputs(c), reduction="sum")
            )
        digits = 2e-5 if dtype == "float32" else 1e-11
        close([values[0]], [values[1]], digits)
        scale = max((np.max(np.abs(x[np.isfinite(x)]), initial=1.0) for x in slow), default=1.0)
        close([x / scale for x in fast], [x / scale for x in slow], digits)


@pytest.mark.parametrize(("name", "dtype"), [("ctc", "float32"), ("crf_log_partition", "float64")])
def test_matrix(name, dtype):
    (job,) = plan([get(name)], ["numpy+kernels"], [dtype])
    cell = run_cell(job, STORE)
    assert cell.failures == []
    assert cell.status == "pass"
    assert cell.kernel_calls > 50


def test_matrix_of_torch():
    (job,) = plan([get("soft_dtw")], ["torch+kernels"], ["float64"])
    cell = run_cell(job, STORE)
    assert cell.failures == []
    assert cell.kernel_calls > 50


# Faults in what makes kernels turn the column red.


def drops_a_move():
    """The last of the arcs that lead to a state is forgotten."""
    original = StepEmitter.item

    def item(self, x, keys, where):
        first, *rest = keys if isinstance(keys, (tuple, list)) else (keys,)
        return original(self, x, (1 if first == 2 else first, *rest), where)

    return patch.object(StepEmitter, "item", item)


def lengths_are_ignored():
    """Every sequence has all frames."""
    original = StepEmitter.fetch

    def fetch(self, pointer, element, index):
        found = original(self, pointer, element, index)
        return self.constant(1, "i1") if element == "i1" else found

    return patch.object(StepEmitter, "fetch", fetch)


def one_row_of_sums_counts():
    """Of the rows that sums by an index are formed in, only the first counts."""
    return patch.object(RowEmitter, "total", lambda self, parts: parts[0])


def lanes_behind_a_row_count():
    """Ratios to the largest logit that are 0, as those behind the last class are, count as 1.

    None of them is the largest: the gradient of that one is written at its place, which would lie behind the array.
    """
    original = RowEmitter.function

    def function(self, name, x):
        found = original(self, name, x)
        if name != "exp":
            return found
        is_zero = self.compare("oeq", found, self.constant(0.0, found.element))
        return self.select(is_zero, self.constant(1.0, found.element), found)

    return patch.object(RowEmitter, "function", function)


def ends_one_frame_early():
    """The end of a sequence is the carry before its last frame."""
    original = StepEmitter.turns

    def turns(self, is_odd, one, other):
        now, then = original(self, is_odd, one, other)
        return (then, now) if "last" in self.stage else (now, then)

    return patch.object(StepEmitter, "turns", turns)


def nan_is_dropped():
    """NaN counts as 0. That it loses a maximum alone changes nothing: it is a term of the sums too."""
    original = StepEmitter.read

    def read(self, rows, where):
        found = original(self, rows, where)
        if found.element not in ("float", "double"):
            return found
        return self.select(self.compare("ord", found, found), found, self.constant(0.0, found.element))

    return patch.object(StepEmitter, "read", read)


def last_vector_is_whole():
    """The lanes behind the last state count too."""
    original = Accumulator.add
    return patch.object(Accumulator, "add", lambda self, x, j, mask: original(self, x, j, None))


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (drops_a_move, "ctc"),
        (ends_one_frame_early, "soft_dtw"),
        (nan_is_dropped, "crf_log_partition"),
        (last_vector_is_whole, "ctc"),
        (lengths_are_ignored, "ctc"),
        (one_row_of_sums_counts, "ctc_with_logits"),
        (lanes_behind_a_row_count, "ctc_with_logits"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.__name__,
)
def test_planted_faults_turn_the_column_red(fault, name):
    (job,) = plan([get(name)], ["numpy+kernels"], ["float32"])
    with fault():
        cell = run_cell(job, STORE)
    assert cell.kernel_calls
    assert cell.status == "fail"


# Sizes, layouts, threads.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [3, 17])
@pytest.mark.parametrize("logit", [-np.inf, np.nan, np.inf, -1e30])
def test_nothing_is_written_behind_the_last_class(logit, classes, dtype):
    """Whatever the largest logit is, where there is one."""
    memory = np.full(2 * classes + 32, 7.0, dtype)
    out, index = memory[: 2 * classes].reshape(2, classes), np.asarray([[0, 1], [1, 2]])
    before = memory.copy()
    with np.errstate(all="ignore"):
        scatter._pass(np.ones((2, 2), dtype), index, out, np.full((2, classes), logit, dtype), True)
    assert (out != before[: 2 * classes].reshape(2, classes)).all()
    assert np.array_equal(memory[2 * classes :], before[2 * classes :])


def of_alignments(labels, dtype="float64", batch=4, time=9, classes=7, seed=0):
    random = np.random.default_rng(seed)
    frames = np.log(random.dirichlet(np.ones(classes), (batch, time))).astype(dtype)
    inputs, targets = random.integers(0, time + 1, batch), random.integers(0, labels + 1, batch)
    return frames, random.integers(1, classes, (batch, labels)), inputs, targets


@pytest.mark.parametrize("labels", [0, 1, 3, 4, 7, 8, 16])
def test_every_number_of_labels(labels):
    given = of_alignments(labels)
    (values, slow), ((_, gradient), (_, right)) = (
        both(lambda: lossspec.ctc(*given, reduction="none")),
        both(lambda: lossspec.ctc.value_and_grad(*given, reduction="sum", zero_infinity=True)),
    )
    np.testing.assert_allclose(values, slow, rtol=1e-13)
    np.testing.assert_allclose(gradient, right, rtol=1e-12, atol=1e-15)


def interrupted(held):
    """A runner of the work of a kernel that a signal meets first; another thread may hold the work, and go on."""

    def spread(work, *_):
        held.append(work)
        raise KeyboardInterrupt

    return spread


def test_a_loop_that_a_signal_loses_keeps_what_it_writes_to(monkeypatch):
    costs, held, made, original = np.random.default_rng(0).random((2, 4, 5)), [], [], recurrence._by_sequence

    def by_sequence(*given):
        found = original(*given)
        made.append(weakref.ref(found))
        return found

    lossspec.soft_dtw(costs)
    monkeypatch.setattr(recurrence, "_by_sequence", by_sequence)
    monkeypatch.setattr(recurrence, "spread", interrupted(held))
    with pytest.raises(KeyboardInterrupt):
        lossspec.soft_dtw(costs)
    gc.collect()
    assert held
    assert made[-1]() is not None


def test_a_pass_that_a_signal_loses_keeps_what_it_writes_to(monkeypatch):
    held, out = [], np.empty((2, 3))
    alive = weakref.ref(out)
    monkeypatch.setattr(scatter, "spread", interrupted(held))
    with pytest.raises(KeyboardInterrupt):
        scatter._pass(np.ones((2, 2)), np.asarray([[0, 1], [1, 2]]), out, None, True)
    del out
    gc.collect()
    assert held
    assert alive() is not None


def of_chain(classes, dtype="float64", batch=3, time=5):
    random = np.random.default_rng(classes)
    scores = [
        random.normal(size=s).astype(dtype) for s in ((batch, time, classes), (classes, classes), classes, classes)
    ]
    labels, lengths = random.integers(0, classes, (batch, time)), np.asarray([time, 1, 0])
    return scores[0], labels, lengths, *scores[1:]


@pytest.mark.parametrize("classes", [1, 2, 3, 7, 8, 9, 16, 17, 33])
def test_every_number_of_classes(classes):
    given, wrt = of_chain(classes), ("emissions", "transitions", "start", "end")
    (value, gradients), (right, wanted) = both(lambda: lossspec.crf.value_and_grad(*given, wrt=wrt))
    np.testing.assert_allclose(value, right, rtol=1e-13, atol=1e-15)
    close(gradients, wanted, 1e-13)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
    ],
    ids=["column-major", "strided", "backwards", "unaligned and read-only"],
)
def test_arrays_of_any_layout(change):
    frames, *rest = of_alignments(3)
    moved = change(frames)
    assert np.array_equal(moved, frames)
    value, gradient = lossspec.ctc.value_and_grad(frames, *rest, zero_infinity=True)
    (found, slope), _ = both(lambda: lossspec.ctc.value_and_grad(moved, *rest, zero_infinity=True))
    assert found == value
    np.testing.assert_array_equal(slope, gradient)


def test_bits_do_not_depend_on_threads():
    given = of_alignments(40, batch=16, time=300, classes=50)
    found = []
    for count in (1, 2, 3, 7):
        lossspec.kernels.set_threads(count)
        value, gradient = lossspec.ctc.value_and_grad(*given, zero_infinity=True)
        found.append((float(value).hex(), gradient.tobytes()))
    assert len(set(found)) == 1


def test_a_sequence_of_one_frame_and_a_batch_of_none():
    (value, _), (right, _) = both(lambda: lossspec.crf.value_and_grad(*of_chain(4, time=1)))
    assert value == pytest.approx(right, rel=1e-14)
    emissions, labels, lengths, *tables = of_chain(4)
    assert lossspec.crf(emissions[:0], labels[:0], lengths[:0], *tables, reduction="sum") == 0


# What takes the loop in Python.


def test_a_step_that_no_kernel_knows_is_a_loop():
    def running_total(carry, now):
        (total,), (x, running) = carry, now
        xp = array_namespace(total)
        total = xp.where(running[:, None], total + xp.cumulative_sum(x, axis=-1), total)
        return (total,), (total,)

    step, xs = Step(running_total, 0), np.arange(24.0).reshape(2, 3, 4)
    (last,), (totals,) = scan(step, (np.zeros((3, 4)),), (xs, np.ones((2, 3), dtype=bool)))
    np.testing.assert_array_equal(last, np.cumsum(xs, axis=-1).sum(axis=0))
    np.testing.assert_array_equal(totals[-1], last)
    (why,) = step.kernels.values()
    assert "no kernel of a recurrence has" in why


@pytest.mark.usefixtures("fresh")
def test_a_failed_compilation_is_no_error(monkeypatch):
    def fails(*_):
        raise RuntimeError("no target")

    given = of_chain(3)
    with lossspec.kernels.disabled():
        wanted = lossspec.crf(*given)
    monkeypatch.setattr(compiler, "_compile", fails)
    assert lossspec.crf(*given) == wanted
    assert any("no target" in str(x) for step in steps() for x in step.kernels.values())


def test_explain_counts_the_loops(monkeypatch):
    given = of_alignments(3)
    assert "1 compiled loops over frames; for the rest none: it is a recurrence" in str(lossspec.ctc.explain(*given))
    with lossspec.kernels.disabled():
        assert "none: kernels are disabled here" in str(lossspec.ctc.explain(*given))
    monkeypatch.setattr(compiler, "available", lambda: "llvmlite does not load")
    assert "compiled loops" not in str(lossspec.ctc.explain(*given))


def test_second_derivatives_are_those_of_the_steps():
    frames, *rest = of_alignments(2, batch=2, time=4)
    rest[1][:], rest[2][:] = 4, 1
    along = np.random.default_rng(1).normal(size=frames.shape)
    products = []
    for kernels in (True, False):
        with lossspec.kernels.disabled() if not kernels else np.errstate():
            products.append(hvp(lambda x: lossspec.ctc(x, *rest), frames, along))
    np.testing.assert_allclose(*products, rtol=1e-13, atol=1e-15)


# Torch.


def tensors(given):
    return [torch.from_numpy(np.array(x)) for x in given]


def test_backward_uses_what_forward_has_found():
    frames, *rest = tensors(of_alignments(3))
    frames.requires_grad_()
    loss = lossspec.ctc(frames, *rest, zero_infinity=True)
    before = front.served()
    (first,) = torch.autograd.grad(2.0 * loss, frames, retain_graph=True)
    (again,) = torch.autograd.grad(loss, frames)
    assert front.served() == before
    _, wanted = lossspec.ctc.value_and_grad(frames.detach().numpy(), *(x.numpy() for x in rest), zero_infinity=True)
    np.testing.assert_allclose(first.numpy(), 2.0 * wanted, rtol=1e-12)
    np.testing.assert_allclose(again.numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["ctc", "crf"])
def test_torch_differentiates_twice_and_under_transforms_by_the_steps(name):
    first, *rest = tensors(of_alignments(2, batch=2, time=3) if name == "ctc" else of_chain(3, time=2))
    if name == "ctc":
        rest[1][:], rest[2][:] = 3, 1
    loss = get(name)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, *rest), first.clone().requires_grad_())
    gradient = torch.func.grad(lambda x: loss(x, *rest))(first)
    np.testing.assert_allclose(gradient, loss.value_and_grad(first, *rest)[1], rtol=1e-12, atol=1e-15)
    along = torch.stack((first, first.flip(0)))
    each = torch.func.vmap(torch.func.grad(lambda x: loss(x, *rest)))(along)
    np.testing.assert_allclose(each[0], gradient, rtol=1e-12, atol=1e-15)


# Taking entries, backwards.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(20, 90), (4, 50, 81), (3, 2, 40, 50)])
def test_sums_by_index(shape, dtype):
    random = np.random.default_rng(0)
    size = 60
    g = random.standard_normal(shape).astype(dtype)
    index = random.integers(-size, size + 5, (*shape[:-2], 1, shape[-1]))
    found = scattered(g, index.astype(np.int32), size)
    flags = np.where(index < 0, index + size, index)[..., None] == np.arange(size)
    wanted = np.where(flags, g[..., None].astype(np.float64), 0.0).sum(axis=-2)
    assert found.dtype == g.dtype
    np.testing.assert_allclose(found, wanted, rtol=3e-6 if dtype == "float32" else 1e-13, atol=1e-13)


def of_rows(size, dtype, count=9):
    """Logits with ties, with one that is ruled out and one that is sure; indices that repeat and count from the end."""
    random = np.random.default_rng(size)
    logits = (3 * random.standard_normal((2, 3, size))).astype(dtype)
    logits[0, 0, ::2] = logits[0, 0].max()
    logits[0, 1, size // 2] = -np.inf if size > 1 else 0.0
    logits[1, 0, size // 2] = 60.0
    index = random.integers(-size, size, (2, 1, count)).astype(np.int32)
    g = random.random((2, 3, count)).astype(dtype)
    g[1, 2] = 0.0
    return logits, index, g


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 15, 16, 17, 40])
def test_entries_of_a_log_softmax_and_back(size, dtype):
    logits, index, g = of_rows(size, dtype)
    by_kernel = scatter.taken_log_softmax(logits, index), scatter.scattered_log_softmax(g, index, logits)
    assert np.array_equal(scatter.taken(logits, index), numerics._taken(logits, index))
    wide = logits.astype(np.float64)
    with lossspec.kernels.disabled(), np.errstate(all="ignore"):
        entries = numerics.taken_log_softmax(wide, index)
        derivative = numerics.scattered_log_softmax(g.astype(np.float64), index, wide)
    digits = 1e-6 if dtype == "float32" else 1e-14
    assert by_kernel[0].dtype == by_kernel[1].dtype == logits.dtype
    np.testing.assert_allclose(by_kernel[0], entries, rtol=digits, atol=digits)
    np.testing.assert_allclose(by_kernel[1], derivative, rtol=50 * digits, atol=3 * digits)


def of_sure_class():
    """The derivative where one class is sure and its entry has all of the cotangent: minus the sum of two powers."""
    logits = np.asarray([[[0.0, 40.0, 0.0]]])
    return scatter.scattered_log_softmax(np.ones((1, 1, 1)), np.ones((1, 1, 1), dtype=int), logits)[0, 0]


def test_the_derivative_of_a_sure_class_keeps_its_digits():
    np.testing.assert_allclose(of_sure_class(), np.exp(-40.0) * np.asarray([-1.0, 2.0, -1.0]), rtol=1e-14)


@pytest.mark.usefixtures("fresh")
def test_without_settling_it_has_none():
    with patch.object(RowEmitter, "settle", lambda self, where, others: None):
        assert of_sure_class()[1] == 0.0


def test_a_row_without_cotangent_gives_zeros_whatever_it_holds():
    logits, index, g = of_rows(7, "float64")
    logits[1, 2] = np.nan
    assert not np.any(scatter.scattered_log_softmax(g, index, logits)[1, 2])
    g[1, 2, 3] = 1.0
    assert np.all(np.isnan(scatter.scattered_log_softmax(g, index, logits)[1, 2]))


def marginals_of_one_label(dtype):
    """The gradient of a label that is sure in the middle, less so a frame away by a factor; and in theory."""
    factor, away = (12.0 if dtype == "float32" else 72.5), np.abs(np.arange(31) - 15)
    frames = np.zeros((1, 31, 2), dtype)
    frames[0, :, 1] = -factor * away
    _, gradient = lossspec.ctc.value_and_grad(frames, np.asarray([[1]]), np.asarray([31]), np.asarray([1]))
    return gradient[0, :, 1], -np.exp(-factor * away) * (1 + (away == 1))  # there it may last for two frames, too


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_marginals_keep_their_digits_and_are_never_denormal(dtype):
    found, wanted = marginals_of_one_label(dtype)
    least = np.finfo(dtype).smallest_normal
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=16 * least)
    assert not np.any((found != 0) & (np.abs(found) < least))


@pytest.mark.usefixtures("fresh")
def test_without_a_lift_they_are_denormal(monkeypatch):
    monkeypatch.setattr(paths, "_lift", lambda xp, x: (1.0, 0.0))
    found, _ = marginals_of_one_label("float32")
    assert np.any((found != 0) & (np.abs(found) < np.finfo(np.float32).smallest_normal))


def test_one_kernel_serves_all_sizes():
    kernels = [kernel for step in steps() for kernel in step.kernels.values()]
    assert any(isinstance(kernel, Recurrence) for kernel in kernels)
    assert get_backend("numpy").compiles_scans(np.zeros(3))
    before = sum(len(step.kernels) for step in steps())
    for labels in (2, 5, 9):
        lossspec.ctc.value_and_grad(*of_alignments(labels), zero_infinity=True)
    assert sum(len(step.kernels) for step in steps()) - before <= 2
