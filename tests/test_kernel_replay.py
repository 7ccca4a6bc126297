"""Recorded calls of losses over paths: the same bits, for the answers that they looked at, in memory of their own."""

import threading

import numpy as np
import pytest
import torch
from test_kernel_recurrence import OVER_PATHS, STORE, of_alignments, real_inputs

import lossspec
import lossspec.kernels
from lossspec import get
from lossspec.autodiff.namespace import TracedBackend
from lossspec.autodiff.tape import Program, Tape, Value
from lossspec.autodiff.tape import Step as Line
from lossspec.dispatch import get_backend
from lossspec.kernels import replay
from lossspec.kernels.replay import Replay
from lossspec.kernels.straight import Straight

pytest.importorskip("llvmlite")


def bits(nested):
    """The dtypes, shapes and bytes of results."""
    if isinstance(nested, tuple):
        return tuple(map(bits, nested))
    return np.shape(nested), np.asarray(nested).dtype, np.asarray(nested).tobytes()


def replays(loss):
    """The calls of a loss that are recorded."""
    return [x for x in loss.kernels.values() if isinstance(x, Replay) and x.run is not None]


@pytest.fixture
def anew(monkeypatch):
    """Forget the calls of a loss."""
    return lambda loss: monkeypatch.setattr(loss, "kernels", {})


def no_tape(*_):
    raise AssertionError("a call records")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OVER_PATHS)
def test_the_bits_of_the_first_call(name, dtype, anew, monkeypatch):
    loss, count = get(name), 0
    for case in STORE.cases(loss, dtype)[:8]:
        if "unit" in case.name or 0 in next(iter(case.inputs.values())).shape:
            continue
        given = {**case.inputs, **case.parameters}
        anew(loss)
        with np.errstate(all="ignore"), monkeypatch.context() as patch:
            calls = (
                lambda g=given, c=case: loss.value_and_grad(**g, wrt=real_inputs(c), reduction="sum"),
                lambda g=given: loss(**g, reduction="none"),
            )
            first = [bits(call()) for call in calls]
            assert [bits(call()) for call in calls] == first
            if len(replays(loss)) == 2:
                patch.setattr(Tape, "__enter__", no_tape)
                count += 1
            assert [bits(call()) for call in calls] == first
    assert count


def weighed(weight):
    frames, *rest = of_alignments(3)
    return lossspec.ctc.value_and_grad(frames, *rest, sample_weight=np.asarray(weight), zero_infinity=True)


def test_a_call_that_has_looked_at_values_holds_for_the_same_answer_only(anew):
    usual, other = [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 3.0, 4.0]
    anew(lossspec.ctc)
    wanted = bits(weighed(other))
    for first, second in ((usual, other), (other, usual)):
        anew(lossspec.ctc)
        found = [bits(weighed(first)) for _ in range(3)]
        assert len(replays(lossspec.ctc)) == 1
        assert found[0] == found[1] == found[2]
        assert (found[0] if first is other else bits(weighed(second))) == wanted


def test_without_the_look_another_answer_is_wrong(anew, monkeypatch):
    anew(lossspec.ctc)
    frames, labels, inputs, targets = of_alignments(3)
    bad = np.where(np.arange(7) == 2, np.nan, frames)

    def call(x, weight):
        return lossspec.ctc(x, labels, inputs, targets, sample_weight=weight, zero_infinity=True, reduction="sum")

    weights = np.ones(4), np.zeros(4)
    original = Straight.function

    def function(self):
        self.checked = {}
        return original(self)

    monkeypatch.setattr(Straight, "function", function)
    for _ in range(3):
        call(frames, weights[0])
    assert np.isnan(call(bad, weights[1]))
    anew(lossspec.ctc)
    assert call(bad, weights[1]) == 0.0


def test_a_result_belongs_to_its_receiver(anew):
    anew(lossspec.soft_dtw)
    costs = np.random.default_rng(0).random((2, 4, 5))
    found = [lossspec.soft_dtw.value_and_grad(costs) for _ in range(4)]
    before = bits(found[0])
    for _, gradient in found[1:]:
        gradient[...] = 7.0
    assert bits(lossspec.soft_dtw.value_and_grad(costs)) == before


def test_a_large_call_is_not_recorded(anew, monkeypatch):
    anew(lossspec.soft_dtw)
    costs = np.random.default_rng(0).random((4, 5, 6))
    monkeypatch.setattr(replay, "_MOST_ENTRIES", costs.size - 1)
    for _ in range(3):
        lossspec.soft_dtw(costs)
    assert not replays(lossspec.soft_dtw)


def test_what_is_no_recurrence_is_not_recorded():
    x = np.random.default_rng(0).standard_normal((6, 3))
    found = [bits(lossspec.info_nce.value_and_grad(x, x[::-1].copy())) for _ in range(4)]
    assert len(set(found)) == 1
    assert not replays(lossspec.info_nce)


def test_a_label_out_of_range_is_nan_in_a_recorded_call_too(anew):
    anew(lossspec.ctc)
    frames, labels, inputs, targets = of_alignments(3)
    for _ in range(3):
        assert np.isfinite(lossspec.ctc(frames, labels, inputs, targets, zero_infinity=True))
    labels, targets = np.where(labels == labels[0, 0], 99, labels), np.full_like(targets, 3)
    found = lossspec.ctc(frames, labels, inputs, targets, zero_infinity=True)
    anew(lossspec.ctc)
    assert bits(found) == bits(lossspec.ctc(frames, labels, inputs, targets, zero_infinity=True))
    assert np.isnan(found)


# Tensors.


def of_tensors():
    frames, *rest = of_alignments(3, dtype="float32")
    return torch.from_numpy(frames).requires_grad_(), *map(torch.from_numpy, rest)


def test_tensors_share_the_recorded_call(anew):
    anew(lossspec.ctc)
    given, found = of_tensors(), []
    for _ in range(4):
        value = lossspec.ctc(*given, zero_infinity=True)
        (once,) = torch.autograd.grad(value, given[0], retain_graph=True)
        (twice,) = torch.autograd.grad(2 * value, given[0])
        torch.testing.assert_close(2 * once, twice)  # the second one takes the array path
        found.append((value.item(), once.numpy().tobytes()))
    assert len(replays(lossspec.ctc)) == 1
    assert len(set(found)) == 1


def test_second_derivatives_of_a_recorded_call(anew):
    anew(lossspec.ctc)
    given, found = of_tensors(), []
    for _ in range(3):
        value = lossspec.ctc(*given, zero_infinity=True)
        (gradient,) = torch.autograd.grad(value, given[0], create_graph=True)
        (second,) = torch.autograd.grad((gradient**2).sum(), given[0])
        found.append(second)
    assert len(replays(lossspec.ctc)) == 1
    for second in found[1:]:
        torch.testing.assert_close(second, found[0])


def test_half_precision_of_tensors(anew):
    anew(lossspec.ctc)
    frames, *rest = of_tensors()
    for dtype in (torch.bfloat16, torch.float16):
        given = frames.detach().to(dtype).requires_grad_(), *rest
        found = []
        for _ in range(4):
            value = lossspec.ctc(*given, zero_infinity=True)
            found.append((value.dtype, value.item(), torch.autograd.grad(value, given[0])[0].double().sum().item()))
        assert len(set(found)) == 1


# Their parts.


def test_nothing_is_written_twice_and_a_constant_is_computed_once():
    lines = (
        Line("negative", (Value(0),), {}, 1),
        Line("negative", (Value(0),), {}, 2),
        Line("zeros_like", (Value(1),), {}, 3),
        Line("add", (Value(1), Value(2)), {}, 4),
        Line("add", (Value(3), 1.0), {}, 5),
    )
    program = Program(((2,),), ("float64",), lines, [Value(4), Value(5), Value(5)])
    straight = Straight(program, np, [np.ones(2)])
    assert len(straight.lines) == 2
    both, ones, again = straight.function()(np.asarray([1.0, 3.0]))
    assert (both.tolist(), ones.tolist()) == ([-2, -6], [1, 1])
    assert ones is not again
    assert straight.function()(np.ones(2))[1] is not ones


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_choice_between_whole_rows_and_a_number_is_that_of_where(dtype):
    """`where` takes flags with one entry a row entry by entry; nothing of a row that is left out may stay."""
    flags, x = np.asarray([[True], [False], [True]]), np.asarray([[1, np.nan], [np.nan, np.inf], [-0.0, 2]], dtype)
    lines = (
        Line("where", (Value(0), Value(1), 0.5), {}, 2),
        Line("where", (Value(0), -np.inf, Value(1)), {}, 3),
    )
    program = Program((flags.shape, x.shape), ("bool", dtype), lines, [Value(2), Value(3)])
    straight = Straight(program, np, [flags, x])
    assert np.where not in straight.constants.values()
    expected = np.where(flags, x, 0.5), np.where(flags, -np.inf, x)
    assert bits(tuple(straight.function()(flags, x))) == bits(tuple(y.astype(dtype) for y in expected))


@pytest.mark.parametrize("is_read_again", [False, True])
def test_rows_are_set_in_place_where_nothing_else_reads_the_array(is_read_again):
    """Not in an input, and not in an array of which a view is read later."""
    flags = np.asarray([[True], [False]])
    lines = [
        Line("call", (lambda x: x + 1, Value(1)), {}, 2),
        Line("permute_dims", (Value(2), (1, 0)), {}, 3),
        Line("where", (Value(0), Value(2), 0.0), {}, 4),
        Line("where", (Value(0), Value(1), 0.0), {}, 5),
        Line("negative", (Value(3),), {}, 6),
    ]
    lines = lines if is_read_again else [lines[0], *lines[2:4]]
    results = [Value(4), Value(5), *([Value(6)] if is_read_again else [])]
    program = Program(((2, 1), (2, 2)), ("bool", "float64"), tuple(lines), results)
    x = np.ones((2, 2))
    straight = Straight(program, np, [flags, x])
    assert any(straight.in_place(text) != text for _, text, _ in straight.lines) is not is_read_again
    found = straight.function()(flags, x)
    wanted = [[[2.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]], [[-2.0, -2.0], [-2.0, -2.0]]]
    assert [y.tolist() for y in found] == wanted[: len(found)]
    assert x.min() == 1


def test_backends_that_stand_in_leave_in_any_order():
    base = get_backend("numpy")
    one, other = TracedBackend(base), TracedBackend(base)
    before = base.stand_in
    one.enter(), other.enter()
    other.leave()
    assert base.stand_in is one
    other.enter(), one.leave()
    assert base.stand_in is other
    other.leave()
    assert base.stand_in is before


def test_a_recurrence_of_another_thread_while_a_program_is_recorded(monkeypatch):
    from lossspec.kernels import trace

    costs, found = np.random.default_rng(0).random((2, 4, 5)), []
    with Tape(trace._recorder(), records_all=True):
        thread = threading.Thread(target=lambda: found.append(lossspec.soft_dtw.per_example(costs)))
        thread.start()
        thread.join()
    assert bits(found[0]) == bits(lossspec.soft_dtw.per_example(costs))
