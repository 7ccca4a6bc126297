"""Partials as bytes: the same to the last bit on arrival, and a named error for what cannot be read."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossspec as ls
from lossspec.encoding import decode, encode
from lossspec.errors import DTypeError, FormatError, LossSpecError, MergeError
from lossspec.identity import key_of
from lossspec.terms import Real

X, Y = [0.1, 3.0, -7.0], [0.0, 1e-3, 2.0]
LOGITS, LABELS = np.log([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]), np.asarray([0, 2, 1])

PARTIALS = {
    "plain": lambda a: ls.huber.partial(a(X), a(Y)),
    "weights": lambda a: ls.huber.partial(a(X), a(Y), sample_weight=a([0.1, 0.2, 0.3]), reduction="count_mean"),
    "mask": lambda a: ls.huber.partial(a(X), a(Y), where=a([True, False, True]), delta=0.3, empty=-0.0),
    "float32": lambda a: ls.huber.partial(a(X, "float32"), a(Y, "float32"), delta=a(0.3, "float32")),
    "classes": lambda a: ls.cross_entropy.partial(
        a(LOGITS), a(LABELS), class_weight=a([0.1, 0.7, 3.0]), ignore_index=1, label_smoothing=0.1
    ),
    "over": lambda a: ls.huber.partial(a(X), a(Y), reduction=ls.Mean(over=a(7.3))),
    "configured": lambda a: ls.huber.configured(delta=a(0.7), reduction=ls.Mean(over=3)).partial(a(X), a(Y)),
    "aggregate": lambda a: ls.root_mean_squared_error.partial(a(X), a(Y)),
    "statistics": lambda a: ls.batch_dice.partial(a([[X]]), a([[[0.0, 1.0, 1.0]]]), smooth=0.1),
    "nothing": lambda a: ls.huber.partial(a(X)[:0], a(Y)[:0]),
    "composite": lambda a: (0.1 * ls.huber + ls.squared_error * a(0.3)).partial(a(X), a(Y)),
}


def leaves(partial):
    """Everything that adds up, by value."""
    parts = [part for _, part in partial.parts] if isinstance(partial, ls.PartialSum) else [partial]
    return [key_of((part.totals, part.weight, part.count, part.batch)) for part in parts]


@pytest.mark.parametrize("make", PARTIALS.values(), ids=PARTIALS)
def test_a_partial_arrives_as_it_was_sent_to_the_last_bit(array, plain, make):
    sent = make(array)
    data = sent.to_bytes()
    arrived = type(sent).from_bytes(data)
    assert leaves(arrived) == leaves(sent)
    np.testing.assert_array_equal(plain(arrived.value()), plain(sent.value()))
    np.testing.assert_array_equal(plain((arrived + sent).value()), plain((sent + sent).value()))
    assert arrived.to_bytes() == data


@pytest.mark.parametrize("name", [name for name in ls.names() if ls.get(name).contract.mergeable])
def test_the_partials_of_every_loss_travel(draw, sized, name):
    loss = sized(ls.get(name))
    sent = loss.partial(**draw(loss, 3))
    if any(callable(value) for value in sent.options.values()):
        with pytest.raises(FormatError, match=f"{name}: .* is a function"):
            sent.to_bytes()
        return
    arrived = ls.Partial.from_bytes(sent.to_bytes())
    assert leaves(arrived) == leaves(sent)
    np.testing.assert_array_equal((arrived + sent).value(), (sent + sent).value())


@settings(deadline=None, max_examples=200)
@given(st.floats() | st.integers() | st.booleans() | st.none() | st.text() | st.tuples(st.floats(), st.integers()))
def test_every_value_comes_back_through_json(value):
    back = decode(json.loads(json.dumps(encode("it", value))))
    assert type(back) is type(value)
    assert key_of(back) == key_of(value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_arrays_keep_framework_dtype_shape_and_bits(usable, framework, dtype):
    backend = usable(framework)
    xp = backend.namespace
    x = xp.astype(backend.from_numpy(np.asarray([[0.1, -0.0, 3.0], [7e-3, 100.0, 0.3]])), getattr(xp, dtype))
    back = decode(json.loads(json.dumps(encode("it", x))))
    assert key_of(back) == key_of(x)


def test_special_numbers_travel():
    x = np.asarray([math.inf, -math.inf, math.nan, -0.0, 5e-324, 0.1])
    assert decode(json.loads(json.dumps(encode("it", x)))).tobytes() == x.tobytes()
    assert (
        decode(json.loads(json.dumps(encode("it", np.float32(0.1))))).tobytes() == np.asarray(0.1, "float32").tobytes()
    )


def test_what_arrives_merges_only_with_its_like():
    x, y = np.asarray(X), np.asarray(Y)
    arrived = ls.Partial.from_bytes(ls.huber.partial(x, y, delta=0.5).to_bytes())
    for other, what in (
        (ls.huber.partial(x, y), "delta"),
        (ls.squared_error.partial(x, y), "loss"),
        (ls.huber.partial(x, y, delta=0.5, reduction="sum"), "reduction"),
        (ls.huber.partial(x.astype("float32"), y.astype("float32"), delta=0.5), "dtypes"),
    ):
        with pytest.raises(MergeError, match=what):
            arrived + other


def written(**changed):
    state = ls.huber.partial(np.asarray(X), np.asarray(Y)).to_dict()
    return {name: value for name, value in {**state, **changed}.items() if value is not ...}


UNREADABLE = {
    "format": (written(format="lossspec.partial/0"), r"its format is 'lossspec.partial/0', and 'lossspec.partial/1'"),
    "another class": ((ls.huber * 2).partial(np.asarray(X), np.asarray(Y)).to_dict(), "lossspec.partial_sum/1"),
    "no format": (written(format=...), "no partial: a dictionary with a `format`"),
    "a list": ([1, 2], "it is a list"),
    "loss": (written(loss="hubber"), r"'hubber'.*import the module that declares it"),
    "version": (written(contract="huber(x)"), r"another version of huber: it was written for huber\(x\)"),
    "lacks": (written(totals=...), "it lacks totals"),
    "damaged array": (written(totals=[{"array": "numpy"}]), "huber is damaged: KeyError"),
    "damaged shape": (
        written(totals=[{"array": "numpy", "dtype": "float64", "shape": [7], "values": ["0x1p+0"]}]),
        "huber is damaged: ValueError",
    ),
    "damaged dtype": (
        written(totals=[{"array": "numpy", "dtype": "object", "shape": [], "values": [1]}]),
        "huber is damaged: ValueError: no numbers are of the dtype object",
    ),
    "damaged integer": (
        written(count={"array": "numpy", "dtype": "int64", "shape": [], "values": [2**70]}),
        "huber is damaged: OverflowError",
    ),
    "no array": (written(totals=[1]), "huber is damaged: ValueError: its totals are no arrays"),
    "damaged number": (written(empty={"float": "one"}), "huber is damaged"),
}


@pytest.mark.parametrize(("state", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_says_why(state, message):
    with pytest.raises(FormatError, match=message):
        ls.Partial.from_bytes(json.dumps(state).encode())


def test_bytes_that_are_no_json_say_so():
    for data in (b"", b"\x80\x04", ls.huber.partial(np.asarray(X), np.asarray(Y)).to_bytes()[:-9]):
        for kind in (ls.Partial, ls.PartialSum):
            with pytest.raises(FormatError, match=f"these bytes are no {kind.__name__}"):
                kind.from_bytes(data)
    with pytest.raises(FormatError, match=r"'lossspec.partial/1', and 'lossspec.partial_sum/1'"):
        ls.PartialSum.from_dict(written())
    for parts in (7, [[1.0]]):
        with pytest.raises(FormatError, match="damaged"):
            ls.PartialSum.from_dict({"format": "lossspec.partial_sum/1", "parts": parts})


def test_an_option_that_the_loss_does_not_take_is_named():
    with pytest.raises(LossSpecError, match="huber takes no argument `alpha`"):
        ls.Partial.from_dict(written(configuration={"alpha": 1}))


def test_a_derivative_does_not_travel(usable):
    usable("torch")
    import torch

    x = torch.tensor(X, requires_grad=True)
    with pytest.raises(FormatError, match=r"huber: the partial is part of a graph.*torch\.no_grad"):
        ls.huber.partial(x, torch.tensor(Y)).to_bytes()
    with torch.no_grad():
        assert ls.Partial.from_bytes(ls.huber.partial(x, torch.tensor(Y)).to_bytes()).count == 3
    with pytest.raises(FormatError, match="no values yet"):
        ls.grad(lambda x: ls.huber.partial(x, x).to_bytes())(np.asarray(X))


def test_a_traced_partial_has_nothing_to_write(usable):
    usable("jax")
    import jax

    with pytest.raises(FormatError, match=r"huber: the partial has no values yet. Fix: write it outside"):
        jax.jit(lambda x: ls.huber.partial(x, x).to_bytes())(jax.numpy.asarray(X))


def test_float64_that_jax_would_narrow_is_refused(in_fresh_process, usable):
    usable("jax")
    import jax

    data = ls.huber.partial(jax.numpy.asarray(X), jax.numpy.asarray(Y)).to_bytes()
    script = f"import lossspec as ls, jax\ntry: ls.Partial.from_bytes({data!r})\nexcept ls.DTypeError as e: print(e)"
    assert "an array of float64 became one of float32" in in_fresh_process(script)
    assert issubclass(DTypeError, LossSpecError)


def test_a_loss_that_no_reader_would_find_is_not_written():
    def declared():
        @ls.loss(family="own", unit="element", source="here")
        def of_a_test(x: Real["*batch"]) -> Real["*batch"]:
            """The number itself."""
            return x

        return of_a_test

    first = declared()
    data = first.partial(np.ones(2)).to_bytes()
    assert float(ls.Partial.from_bytes(data).value()) == 1.0
    declared()
    with pytest.raises(FormatError, match="of_a_test: this loss is not the one that is found by its name"):
        first.partial(np.ones(2)).to_bytes()
    del ls.get.__globals__["_registry"]["of_a_test"]
    with pytest.raises(FormatError, match="import the module that declares it"):
        ls.Partial.from_bytes(data)
