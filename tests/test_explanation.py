"""`loss.explain` says what a call does, in numbers that a reader can count by hand."""

import numpy as np
import pytest

import lossspec as ls
import lossspec.kernels
from lossspec.errors import ContractError

LOGITS = [[0.0, 1.0, 2.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]


def step(explanation, name):
    return explanation.steps.get(name)


def test_axes_terms_and_the_dtype_are_those_of_the_call(array, backend):
    found = ls.cross_entropy.explain(array(LOGITS, "float32"), array([0, 1, 2, 0], "int64"))
    assert found.title == f"cross_entropy on {backend.name}"
    assert step(found, "axes") == "batch = (4,), classes = 3"
    assert step(found, "terms") == "logits is Logits[*batch classes], labels is Label[*batch]"
    assert step(found, "parameters") == "label_smoothing = 0.0"
    assert step(found, "dtype") == "computed in float32"
    assert step(found, "prepare") == "nothing is moved, widened or converted"
    assert step(found, "select") == "all of 4 examples"
    assert step(found, "weigh") == "every example counts 1"
    assert step(found, "reduce") == '"mean" divides by 4, the number of examples'


def test_the_term_is_that_of_the_labels_that_are_given(array):
    one_hot = array(np.eye(4, 3), "float64")
    found = ls.cross_entropy.explain(array(LOGITS), one_hot)
    assert "labels is Distribution[*batch classes]" in step(found, "terms")


def test_what_is_widened_moved_and_converted_is_named(usable):
    numpy = usable("numpy")
    logits = numpy.from_numpy(np.asarray(LOGITS, np.float16).reshape(2, 2, 3)).transpose(0, 2, 1)
    labels = numpy.from_numpy(np.zeros((2, 2), np.int16))
    found = ls.cross_entropy.explain(logits, labels, axis=1, sample_weight=np.ones((2, 2), np.float16))
    words = step(found, "prepare")
    assert "logits is widened to float32" in words
    assert "sample_weight is widened to float32" in words
    assert "the classes of logits are moved from axis 1 to the end" in words
    assert "labels is made indices of int64" in words
    assert step(found, "dtype") == "computed in float32"
    assert step(found, "axes") == "batch = (2, 2), classes = 3"


def test_selection_weights_and_the_denominator_are_counted(array):
    found = ls.cross_entropy.explain(
        array(LOGITS),
        array([0, 1, 9, 2]),
        where=array([True, True, True, False]),
        ignore_index=1,
        sample_weight=array([2.0, 5.0, 3.0, 1.0]),
        class_weight=array([0.5, 1.0, 1.0]),
    )
    assert step(found, "select") == "2 of 4 examples, by `where` and `ignore_index=1`"
    assert step(found, "make safe") == "1 example made NaN, by a value outside the domain of labels"
    assert step(found, "weigh").startswith("by `sample_weight` and `class_weight`")
    # 2 * 0.5 of the first; the label 9 of the third is read as the first class, 3 * 0.5
    assert step(found, "reduce") == '"mean" divides by 2.5, the sum of the weights'


def test_units_of_weight_0_are_counted(array):
    weights = array([1.0, 0.0, 2.0])
    found = ls.squared_error.explain(array([1.0, 2.0, 3.0]), array([0.0] * 3), sample_weight=weights)
    assert step(found, "weigh") in (
        "by `sample_weight`; 1 element of weight 0 or left out",
        "by `sample_weight`",  # where a framework says nothing of values without being waited for
    )
    assert step(found, "reduce") == '"mean" divides by 3, the sum of the weights'


@pytest.mark.parametrize(
    ("reduction", "words"),
    [
        ("none", '"none" gives a value for every element'),
        ("sum", '"sum" divides by nothing'),
        ("count_mean", '"count_mean" divides by 3, the number of selected elements'),
        ("batch_mean", '"batch_mean" divides by 2, the length of the leading axis'),
        (ls.Mean(over=8), '"Mean(over=8)" divides by 8, which is given'),
    ],
)
def test_every_reduction_names_its_denominator(array, reduction, words):
    x, mask = array([[1.0, 2.0], [3.0, 4.0]]), array([[True, True], [True, False]])
    assert step(ls.squared_error.explain(x, x * 0, where=mask, reduction=reduction), "reduce") == words


def test_a_mean_over_nothing_says_what_it_is(array):
    x, nothing = array([1.0, 2.0]), array([False, False])
    words = step(ls.squared_error.explain(x, x, where=nothing, empty=0.0), "reduce")
    assert words == '"mean" divides by 0, the number of selected elements; over nothing it is 0'


@pytest.mark.parametrize(
    ("reduction", "words"),
    [
        ("token_mean", '"token_mean" divides by 3, the sum of the lengths'),
        ("length_mean", '"length_mean" divides each by its own length, and their sum by 2, the number of sequences'),
    ],
)
def test_lengths_are_summed(usable, reduction, words):
    numpy = usable("numpy")
    inputs = np.zeros((2, 4, 3)), np.asarray([[1, 2], [1, 0]]), np.asarray([4, 3]), np.asarray([2, 1])
    found = ls.ctc.explain(*map(numpy.from_numpy, inputs), reduction=reduction)
    assert step(found, "reduce") == words


def test_entries_that_are_left_out_are_counted(array):
    half = array(np.full((2, 1, 4), 0.5))
    kept = array([[True, True, True, False]] * 2)
    words = step(ls.dice.explain(half, half, where_entries=kept), "select")
    assert words == "all of 2 regions; 6 of the entries (2, 4), by `where_entries`"


def test_a_sum_explains_its_parts(array):
    x = array([1.0, 2.0])
    found = (0.5 * ls.squared_error + ls.huber).explain(x, x, reduction="sum")
    assert [part.title.partition(" on ")[0] for part in found.parts] == ["0.5 * squared_error", "huber"]
    assert [step(part, "reduce") for part in found.parts] == ['"sum" divides by nothing'] * 2
    lines = str(found).splitlines()
    assert lines[0] == "0.5 * squared_error + huber, the sum of 2 losses"
    assert lines[1].startswith("  0.5 * squared_error on ")
    assert repr(found) == str(found)


def test_a_list_explains_its_arrays(array):
    found = ls.l1_regularization.explain([array([1.0, 2.0]), array([[3.0]])])
    assert found.title == "l1_regularization, merged from the partials of 2 arrays"
    assert len(found.parts) == 2


def test_a_call_that_is_refused_is_not_explained(array):
    with pytest.raises(ContractError, match="squared_error takes no argument `delta`"):
        ls.squared_error.explain(array([1.0]), array([1.0]), delta=1.0)


def test_what_a_tracer_does_not_know_is_said(usable):
    backend, found = usable("jax"), []

    def call(x, mask):
        found.append(ls.squared_error.explain(x, x * 0, where=mask))
        return x

    backend.compile(call)(backend.from_numpy(np.ones(3)), backend.from_numpy(np.ones(3, bool)))
    assert step(found[0], "select") == "a number that is not known yet of 3 elements, by `where`"


def test_the_reason_against_a_kernel_is_said():
    x = np.ones(3)
    with lossspec.kernels.disabled():
        assert step(ls.huber.explain(x, x), "kernel") == "none: kernels are disabled here"
    assert step(ls.huber.explain(x[::-1], x), "kernel") == "none: an array is not contiguous"
