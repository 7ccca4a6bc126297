"""Bad input is refused with a message that helps, or stays in its own unit."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.probes import probe_of
from lossspec.dispatch import get_backend
from lossspec.errors import ContractError, DTypeError, MergeError, MixtureError

nan, inf = math.nan, math.inf
L23 = [[0.5, -1.0, 2.0], [0.0, 3.0, 1.0]]


def refuses(call, error, *words):
    with pytest.raises(error) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{caught.value} does not say {missing}"


def cases(table):
    return pytest.mark.parametrize(("call", "words"), table.values(), ids=table)


def zeros(a, *shape):
    return a(np.zeros(shape))


def images(a, count=1, size=12):
    return zeros(a, count, 1, size, size)


SHAPES = {
    "targets (3,) against predictions (3, 1)": (
        lambda a: ls.huber(zeros(a, 3, 1), zeros(a, 3)),
        "huber: `targets` has shape (3,), declared [*batch] with *batch = (3, 1) (from `predictions`)|"
        "targets = xp.reshape(targets, (3, 1))|reshape the other side to (3,)",
    ),
    "targets (3, 1) against predictions (3,)": (
        lambda a: ls.squared_error(zeros(a, 3), zeros(a, 3, 1)),
        "squared_error: `targets` has shape (3, 1), declared [*batch] with *batch = (3,) (from `predictions`)|"
        "targets = xp.reshape(targets, (3,))",
    ),
    "labels (2, 1) against logits (2, 3)": (
        lambda a: ls.cross_entropy(a(L23), a([[0], [1]])),
        "cross_entropy: `labels` has shape (2, 1), declared [*batch] with *batch = (2,) (from `logits`)|"
        "xp.reshape(labels, (2,))",
    ),
    "labels of another batch": (
        lambda a: ls.cross_entropy(a(L23), a([0, 1, 2])),
        "cross_entropy: `labels` has shape (3,), declared [*batch] with *batch = (2,) (from `logits`)|"
        "pass `labels` of shape (2,)",
    ),
    "distributions over other classes": (
        lambda a: ls.cross_entropy(a(L23), zeros(a, 2, 4)),
        "`labels` has shape (2, 4), declared [*batch classes]|*batch = (2,) (from `logits`)|"
        "classes = 3 (from `logits`)|pass `labels` of shape (2, 3)",
    ),
    "logits without a class axis": (
        lambda a: ls.cross_entropy(a(1.0), a(0)),
        "cross_entropy: `logits` has shape (), declared [*batch classes]|pass `logits` with the axes [*batch classes]",
    ),
    "a box of five corners": (
        lambda a: ls.generalized_iou(zeros(a, 2, 5), zeros(a, 2, 5)),
        "generalized_iou: `predictions` has shape (2, 5), declared [*batch 4]|must have exactly 4 entries",
    ),
    "probabilities of too low a rank": (
        lambda a: ls.dice(zeros(a, 3), zeros(a, 3)),
        "dice: `probabilities` has shape (3,), declared [batch channels *space]",
    ),
    "embeddings of too high a rank": (
        lambda a: ls.info_nce(zeros(a, 2, 2, 2), zeros(a, 2, 2, 2)),
        "info_nce: `queries` has shape (2, 2, 2), declared [batch dim]",
    ),
    "label sequences of another batch": (
        lambda a: ls.ctc(zeros(a, 2, 4, 3), a([[1]]), a([4, 4]), a([1, 1])),
        "ctc: `labels` has shape (1, 1), declared [batch labels] with batch = 2 (from `log_probabilities`)",
    ),
    "an item of a list of another shape": (
        lambda a: ls.perceptual([zeros(a, 2, 3), zeros(a, 2, 4)], [zeros(a, 2, 3), zeros(a, 2, 5)]),
        "perceptual: `targets[1]` has shape (2, 5)|(from `predictions[1]`)|pass `targets[1]` of shape (2, 4)",
    ),
    "sample_weight of too low a rank": (
        lambda a: ls.huber(a(L23), a(L23), sample_weight=zeros(a, 3)),
        "huber: `sample_weight` has shape (3,), declared [#*batch]|*batch = (2, 3) (from `predictions`)|"
        "xp.reshape(sample_weight, (1, 3))",
    ),
    "sample_weight an example where the unit is a region": (
        lambda a: ls.dice(zeros(a, 2, 3, 4), zeros(a, 2, 3, 4), sample_weight=zeros(a, 2)),
        "dice: `sample_weight` has shape (2,), declared [#batch #channels]|batch = 2|channels = 3|"
        "of shape (2, 3), or with size 1",
    ),
    "sample_weight of another size": (
        lambda a: ls.huber(a(L23), a(L23), sample_weight=zeros(a, 2, 2)),
        "huber: `sample_weight` has shape (2, 2), declared [#*batch]",
    ),
    "where with an axis of size 1": (
        lambda a: ls.huber(a(L23), a(L23), where=a([[True], [False]])),
        "huber: `where` has shape (2, 1), declared [*batch]|*batch = (2, 3) (from `predictions`)|of shape (2, 3)",
    ),
    "where of too low a rank": (
        lambda a: ls.huber(a(L23), a(L23), where=a([True, False, True])),
        "huber: `where` has shape (3,), declared [*batch]",
    ),
    "class_weight of another length": (
        lambda a: ls.cross_entropy(a(L23), a([0, 1]), class_weight=zeros(a, 2)),
        "cross_entropy: `class_weight` has shape (2,), declared [classes]|classes = 3 (from `logits`)|of shape (3,)",
    ),
    "an array parameter of another shape": (
        lambda a: ls.binary_cross_entropy_with_logits(a(L23), zeros(a, 2, 3), pos_weight=zeros(a, 2)),
        "binary_cross_entropy_with_logits: `pos_weight` has shape (2,), declared [#*batch]",
    ),
    "a number given as a vector": (
        lambda a: ls.info_nce(a(L23), a(L23), temperature=a([1.0, 2.0])),
        "info_nce: `temperature` has shape (2,)|a number, or a 0-d array",
    ),
    "one layer weight too many": (
        lambda a: ls.perceptual([zeros(a, 2, 3)], [zeros(a, 2, 3)], layer_weights=a([1.0, 1.0])),
        "perceptual: `layer_weights` has 2 entries for 1 layers",
    ),
    "lists of unequal length": (
        lambda a: ls.perceptual([zeros(a, 2, 3), zeros(a, 2, 3)], [zeros(a, 2, 3)]),
        "perceptual|`predictions` has 2|`targets` has 1",
    ),
    "no classes": (
        lambda a: ls.cross_entropy(zeros(a, 2, 0), a([0, 0])),
        "cross_entropy: the axis `classes` of `logits` has size 0",
    ),
    "a window larger than the image": (
        lambda a: ls.ssim(images(a, size=10), images(a, size=10)),
        "ssim: `window` is 11|10 x 10|smaller `window`",
    ),
    "an axis that is not there": (
        lambda a: ls.cross_entropy(a(L23), a([0, 1]), axis=2),
        "cross_entropy: `axis` is 2; `logits` has shape (2, 3)",
    ),
    "labels that fit only without `axis`": (
        lambda a: ls.cross_entropy(zeros(a, 2, 3, 4), a([[0] * 3] * 2), axis=1),
        "`labels` has shape (2, 3), declared [*batch] with *batch = (2, 4) (from `logits`)",
    ),
    "batch_mean of a 0-d loss": (
        lambda a: ls.huber(a(1.0), a(3.0), reduction="batch_mean"),
        "huber: reduction 'batch_mean' needs a leading axis",
    ),
    "a mean over a vector": (
        lambda a: ls.huber(a(L23), a(L23), reduction=ls.Mean(over=a([1.0, 2.0]))),
        "huber|over",
    ),
    "a blank that is no class": (
        lambda a: ls.ctc(zeros(a, 1, 4, 3), a([[1]]), a([4]), a([1]), blank=3),
        "ctc: `blank` is 3|[0, 3)",
    ),
}  # fmt: skip


@cases(SHAPES)
def test_a_shape_that_does_not_fit_is_refused_with_what_is_bound_and_the_fix(array, call, words):
    refuses(lambda: call(array), ContractError, *words.split("|"))


DTYPES = {
    "integer predictions": (
        lambda a: ls.huber(a([1, 2]), a([1.0, 2.0])),
        "huber: `predictions`|integral|Fix: predictions = ",
    ),
    "integer targets": (
        lambda a: ls.binary_cross_entropy_with_logits(a([1.0, 2.0]), a([0, 1])),
        "binary_cross_entropy_with_logits: `targets`|integral|Fix: targets = ",
    ),
    "boolean masks": (lambda a: ls.dice(zeros(a, 1, 1, 2), a([[[True, False]]])), "dice: `targets`|bool|Fix: targets"),
    "complex predictions": (lambda a: ls.huber(a([1j]), a([1j])), "huber: `predictions`|complex128|Fix: predictions"),
    "float labels": (
        lambda a: ls.perplexity(a(L23), a([0.0, 1.0])),
        "perplexity: `labels`|real floating|integers|Fix: labels = ",
    ),
    "float labels where distributions are taken too": (
        lambda a: ls.cross_entropy(a(L23), a([0.0, 1.0])),
        "cross_entropy: `labels`|integers",
    ),
    "integer sample_weight": (
        lambda a: ls.huber(a([1.0]), a([1.0]), sample_weight=a([1])),
        "huber: `sample_weight`|integral|Fix: sample_weight = ",
    ),
    "integer class_weight": (
        lambda a: ls.cross_entropy(a(L23), a([0, 1]), class_weight=a([1, 1, 1])),
        "cross_entropy: `class_weight`|integral|Fix: class_weight = ",
    ),
    "integer where": (lambda a: ls.huber(a([1.0]), a([1.0]), where=a([1])), "huber: `where`|integral|bool|Fix: where"),
    "float where": (lambda a: ls.huber(a([1.0]), a([1.0]), where=a([1.0])), "huber: `where`|real floating|bool"),
    "targets of another width": (
        lambda a: ls.huber(a([1.0], "float32"), a([1.0], "float64")),
        "huber: `predictions` is|float32|`targets` is|float64|Fix: targets = ",
    ),
    "sample_weight of another width": (
        lambda a: ls.huber(a([1.0]), a([1.0]), sample_weight=a([1.0], "float32")),
        "huber: `predictions` is|float64|`sample_weight` is|float32",
    ),
    "a parameter array of another width": (
        lambda a: ls.huber(a([1.0]), a([1.0]), delta=a(1.0, "float32")),
        "huber: `predictions` is|float64|`delta` is|float32",
    ),
    "a list for an array": (lambda a: ls.huber(a([1.0]), [1.0]), "huber: `targets` is a list|make it an array, "),
    "a number for an array": (lambda a: ls.huber(1.0, a([1.0])), "huber: `predictions` is a float"),
    "None for an array": (lambda a: ls.huber(a([1.0]), None), "huber: `targets` is a NoneType"),
    "a number for sample_weight": (
        lambda a: ls.huber(a([1.0]), a([1.0]), sample_weight=2.0),
        "huber: `sample_weight` is a float",
    ),
    "a list for where": (lambda a: ls.huber(a([1.0]), a([1.0]), where=[True]), "huber: `where` is a list"),
    "an array for a list of arrays": (
        lambda a: ls.perceptual(zeros(a, 2, 3), zeros(a, 2, 3)),
        "perceptual: `predictions`|list of arrays",
    ),
    "an empty list": (lambda a: ls.perceptual([], []), "perceptual: `predictions`|non-empty list"),
    "a list of lists": (lambda a: ls.perceptual([[1.0]], [zeros(a, 1, 1)]), "perceptual: `predictions[0]` is a list"),
    "a number where only an array fits": (
        lambda a: ls.perceptual([zeros(a, 2, 3)], [zeros(a, 2, 3)], layer_weights=1.0),
        "perceptual: `layer_weights` is the number 1.0",
    ),
    "a reduction that is no name": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction=3),
        "huber: `reduction` is 3|'mean'",
    ),
    "a float ignore_index": (
        lambda a: ls.cross_entropy(a(L23), a([0, 1]), ignore_index=1.0),
        "cross_entropy: `ignore_index` is 1.0",
    ),
    "a float axis": (lambda a: ls.cross_entropy(a(L23), a([0, 1]), axis=1.0), "cross_entropy: `axis` is 1.0"),
    "a number for a switch": (
        lambda a: ls.dice(zeros(a, 1, 1, 2), zeros(a, 1, 1, 2), squared=1),
        "dice: `squared` is 1|bool",
    ),
    "text for the divisor of a mean": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction=ls.Mean(over="2")),
        "huber|over|'2'",
    ),
    "an array for a switch": (
        lambda a: ls.dice(zeros(a, 1, 1, 2), zeros(a, 1, 1, 2), squared=a(True)),
        "dice: `squared` is an array|bool",
    ),
    "text for a number": (lambda a: ls.huber(a([1.0]), a([1.0]), delta="1"), "huber: `delta` is '1'"),
    "None for a number": (lambda a: ls.huber(a([1.0]), a([1.0]), delta=None), "huber: `delta` is None"),
    "a list for a number": (lambda a: ls.huber(a([1.0]), a([1.0]), delta=[1.0]), "huber: `delta` is [1.0]"),
}  # fmt: skip


@cases(DTYPES)
def test_a_dtype_or_type_that_does_not_fit_is_refused_and_never_cast(array, call, words):
    refuses(lambda: call(array), DTypeError, *words.split("|"))


def test_what_was_refused_is_refused_after_a_call_of_the_same_shapes_too(array):
    x = array([1.0, 2.0])
    ls.huber(x, x)
    for keyword in ("sample_weight", "where"):
        refuses(lambda keyword=keyword: ls.huber(x, x, **{keyword: 2.0}), DTypeError, "huber", keyword)


OPTIONS = {
    "an unknown reduction": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction="avg"),
        "huber|'avg'|'none', 'sum', 'mean', 'count_mean', 'batch_mean', Mean(over=...)",
    ),
    "no reduction of an aggregate": (
        lambda a: ls.root_mean_squared_error(a([1.0]), a([1.0]), reduction="none"),
        "root_mean_squared_error|'none'|only one for the whole call",
    ),
    "the per-example loss of an aggregate": (
        lambda a: ls.perplexity.per_example(a(L23), a([0, 1])),
        "perplexity|'none'",
    ),
    "an unknown keyword": (
        lambda a: ls.huber(a([1.0]), a([1.0]), sample_wieght=a([1.0])),
        "huber takes no argument `sample_wieght`|Did you mean `sample_weight`?",
    ),
    "a misspelt parameter": (
        lambda a: ls.huber(a([1.0]), a([1.0]), dleta=2.0),
        "huber takes no argument `dleta`|predictions, targets, delta|Did you mean `delta`?",
    ),
    "delta of 0": (lambda a: ls.huber(a([1.0]), a([1.0]), delta=0), "huber: `delta` is 0|(0, inf)"),
    "delta of NaN": (lambda a: ls.huber(a([1.0]), a([1.0]), delta=nan), "huber: `delta` is nan"),
    "a NumPy number out of the domain": (
        lambda a: ls.huber(a([1.0]), a([1.0]), delta=np.float64(-1)),
        "huber: `delta` is -1.0",
    ),
    "a configured parameter out of the domain": (lambda a: ls.huber.configured(delta=-1.0), "huber: `delta` is -1.0"),
    "a configured NumPy number out of the domain": (
        lambda a: ls.huber.configured(delta=np.float64(-1)),
        "huber: `delta` is -1.0",
    ),
    "an unknown configured keyword": (lambda a: ls.huber.configured(dleta=1.0), "Did you mean `delta`?"),
    "a fraction for a count": (
        lambda a: ls.ssim(images(a), images(a), window=2.5),
        "ssim: `window` is 2.5",
    ),
    "a choice that is none": (
        lambda a: ls.perceptual([zeros(a, 1, 2)], [zeros(a, 1, 2)], form="style"),
        "perceptual: `form` is 'style'|['content', 'gram']",
    ),
    "class_weight without classes": (
        lambda a: ls.huber(a([1.0]), a([1.0]), class_weight=a([1.0])),
        "huber takes no argument `class_weight`",
    ),
    "ignore_index without classes": (
        lambda a: ls.huber(a([1.0]), a([1.0]), ignore_index=0),
        "huber takes no argument `ignore_index`",
    ),
    "axis without classes": (lambda a: ls.huber(a([1.0]), a([1.0]), axis=0), "huber takes no argument `axis`"),
    "ignore_index with a distribution": (
        lambda a: ls.cross_entropy(a(L23), a([[1.0, 0.0, 0.0]] * 2), ignore_index=0),
        "cross_entropy: `ignore_index` needs integer labels|`labels` is a distribution|`where`",
    ),
    "too many inputs": (
        lambda a: ls.huber(a([1.0]), a([1.0]), a([1.0])),
        "huber takes 2 inputs (predictions, targets), got 3",
    ),
    "too few inputs": (lambda a: ls.huber(a([1.0])), "huber: the input `targets` is missing"),
    "an input given twice": (
        lambda a: ls.huber(a([1.0]), a([1.0]), targets=a([1.0])),
        "huber: the input `targets` is given twice",
    ),
    "too many inputs of a gradient": (
        lambda a: ls.huber.value_and_grad(a([1.0]), a([1.0]), a([1.0])),
        "huber takes 2 inputs (predictions, targets), got 3",
    ),
    "an input of a gradient given twice": (
        lambda a: ls.huber.value_and_grad(a([1.0]), a([1.0]), targets=a([1.0])),
        "huber: the input `targets` is given twice",
    ),
    "an input of a composite given twice": (
        lambda a: (0.5 * ls.huber)(a([1.0]), a([1.0]), targets=a([1.0])),
        "`targets` is given twice",
    ),
    "an input that a composite misses": (
        lambda a: (0.5 * ls.huber + ls.squared_error)(a([1.0])),
        "the input `targets` is missing",
    ),
    "an unknown keyword of a composite": (
        lambda a: (0.5 * ls.huber)(a([1.0]), a([1.0]), dleta=1.0),
        "0.5 * huber takes no argument `dleta`|Did you mean `delta`?",
    ),
    "text for `empty`": (lambda a: ls.huber(a([1.0]), a([1.0]), empty="zero"), "huber: `empty` is 'zero'"),
    "a gradient in what is not given": (
        lambda a: ls.huber.value_and_grad(a([1.0]), a([1.0]), wrt="logits"),
        "huber: `wrt` names 'logits'; the call has predictions, targets",
    ),
    **{
        f"a gradient in {wrt!r}": (
            lambda a, wrt=wrt: ls.huber.value_and_grad(a([1.0]), a([1.0]), wrt=wrt),
            f"huber: `wrt` is {wrt!r}; it is the name of an input",
        )
        for wrt in ((), 0, 1, (0,))
    },
    "an unknown level of checking": (lambda a: ls.checking("all").__enter__(), "'shapes' and 'values'"),
}  # fmt: skip


@cases(OPTIONS)
def test_an_option_that_does_not_fit_is_refused_and_the_nearest_one_named(array, call, words):
    refuses(lambda: call(array), ContractError, *words.split("|"))


def test_a_gradient_in_integers_is_refused(array):
    call = ls.cross_entropy.value_and_grad
    refuses(lambda: call(array(L23), array([0, 1]), wrt="labels"), DTypeError, "`wrt` names 'labels'", "no gradient")


@pytest.mark.parametrize("keyword", ["targets", "sample_weight", "where", "delta", "over"])
def test_two_frameworks_in_one_call_are_refused_and_named(backend, array, usable, keyword):
    other = usable("strict" if backend.name == "numpy" else "numpy")
    values = {"targets": [1.0], "sample_weight": [1.0], "where": [True], "delta": 1.0}
    given = {"targets": array([1.0])}
    if keyword == "over":
        given["reduction"] = ls.Mean(over=other.from_numpy(np.asarray(2.0)))
    else:
        given[keyword] = other.from_numpy(np.asarray(values[keyword]))
    words = ("huber", "`predictions`", keyword, backend.name, other.name, "convert")
    refuses(lambda: ls.huber(array([1.0]), **given), MixtureError, *words)


def test_a_gradient_in_two_frameworks_names_both_arguments(usable, array, backend):
    other = usable("strict" if backend.name == "numpy" else "numpy").from_numpy(np.asarray([1.0]))
    call = ls.huber.value_and_grad
    refuses(
        lambda: call(array([1.0]), other, wrt=("predictions", "targets")), MixtureError, "`predictions`", "`targets`"
    )


def test_a_masked_array_is_refused_because_its_mask_would_be_lost():
    x = np.ma.masked_array([1.0, 5.0], [False, True])
    refuses(lambda: ls.huber(x, np.zeros(2)), DTypeError, "huber: `predictions` is a MaskedArray", "where")


@pytest.mark.parametrize(("name", "here", "there"), [("strict", "device1", "CPU_DEVICE"), ("torch", "cpu", "meta")])
def test_two_devices_in_one_call_are_refused_and_named(usable, name, here, there):
    backend = usable(name)
    x, y = (backend.from_numpy(np.zeros(2), device) for device in (here, there))
    refuses(lambda: ls.huber(x, y), MixtureError, "`predictions`", "`targets`", here, there, "moved silently")
    refuses(lambda: ls.huber(x, x, sample_weight=y), MixtureError, "`sample_weight`", here, there)
    x, y = (backend.from_numpy(np.zeros((2, 3)), device) for device in (here, there))
    ls.perceptual([x, x], [x, x])  # a call of the same shapes is remembered
    refuses(lambda: ls.perceptual([x, y], [x, x]), MixtureError, "`predictions[1]`", here, there)


def test_a_partial_of_a_coupled_loss_is_refused_with_the_reason(array):
    refuses(lambda: ls.info_nce.partial(zeros(array, 2, 3), zeros(array, 2, 3)), MergeError, "negatives", "Gather")


# Advice in the words of the caller.


ADVICE = {
    "classes on the second axis": (
        lambda a: ls.cross_entropy(zeros(a, 2, 3, 5, 5), a(np.zeros((2, 5, 5), "int64"))),
        "cross_entropy: `labels` has shape (2, 5, 5), declared [*batch]|Fix: pass `axis=1`, where the classes are.",
    ),
    "labels before logits": (
        lambda a: ls.cross_entropy(a([0, 1]), a(L23)),
        "cross_entropy: `logits`|Fix: swap them: `logits` comes first, then `labels`.",
    ),
    "labels before probabilities": (
        lambda a: ls.categorical_cross_entropy(a([0, 1]), a([[0.5, 0.5], [0.5, 0.5]])),
        "Fix: swap them: `probabilities` comes first, then `labels`.",
    ),
    "lengths before labels": (
        lambda a: ls.sequence_nll(zeros(a, 2, 4, 3), a([4, 4]), a([[0, 1, 2, 0]] * 2)),
        "Fix: swap them: `labels` comes first, then `lengths`.",
    ),
    "input": (lambda a: ls.huber(input=a([1.0]), targets=a([1.0])), "`input` is `predictions` here"),
    "target": (lambda a: ls.huber(a([1.0]), target=a([1.0])), "`target` is `targets` here"),
    "y_true": (lambda a: ls.cross_entropy(a(L23), y_true=a([0, 1])), "`y_true` is `labels` here"),
    "y_pred": (lambda a: ls.cross_entropy(y_pred=a(L23), labels=a([0, 1])), "`y_pred` is `logits` here"),
    "mask": (lambda a: ls.huber(a([1.0]), a([1.0]), mask=1), "`mask` is `where` here: it is True for what counts"),
    "dim": (lambda a: ls.cross_entropy(a(L23), a([0, 1]), dim=1), "`dim` is `axis` here"),
    "weight of classes": (lambda a: ls.nll(a(L23), a([0, 1]), weight=1), "`weight` is `class_weight` here"),
    "weight of elements": (lambda a: ls.huber(a([1.0]), a([1.0]), weight=1), "`weight` is `sample_weight` here"),
    "size_average": (lambda a: ls.huber(a([1.0]), a([1.0]), size_average=True), "`size_average` is `reduction` here"),
    "reduce": (lambda a: ls.huber(a([1.0]), a([1.0]), reduce=True), "`reduce` is `reduction` here"),
    "from_logits": (
        lambda a: ls.binary_cross_entropy(a([0.5]), a([1.0]), from_logits=True),
        "`probabilities` is declared as a probability",
    ),
    "eps": (lambda a: ls.nll(a(L23), a([0, 1]), eps=1e-7), "Nothing is added to keep it finite"),
    "the input of a composite": (
        lambda a: (0.5 * ls.huber)(input=a([1.0]), targets=a([1.0])),
        "`input` is `predictions` here",
    ),
    "batchmean": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction="batchmean"),
        "no reduction 'batchmean'|'batchmean' is 'batch_mean' here",
    ),
    "elementwise_mean": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction="elementwise_mean"),
        "'elementwise_mean' is 'mean' here",
    ),
    "sum_over_batch_size": (
        lambda a: ls.huber(a([1.0]), a([1.0]), reduction="sum_over_batch_size"),
        "'sum_over_batch_size' is 'count_mean' here",
    ),
}  # fmt: skip


@cases(ADVICE)
def test_what_another_library_would_take_is_told_in_our_words(array, call, words):
    refuses(lambda: call(array), ContractError, *words.split("|"))


CASTS = {
    "numpy": ('labels.astype("int64")', 'where.astype("bool")', 'targets.astype("float64")', "numpy.asarray(w)"),
    "jax": ('labels.astype("int32")', 'where.astype("bool")', 'targets.astype("float64")', "jax.numpy.asarray(w)"),
    "torch": ("labels.to(torch.int64)", "where.to(torch.bool)", "targets.to(torch.float64)", "torch.as_tensor(w)"),
    "cupy": ('labels.astype("int64")', 'where.astype("bool")', 'targets.astype("float64")', "cupy.asarray(w)"),
    "strict": ("xp.astype(labels, xp.int64)", "xp.astype(where, xp.bool)", "xp.astype(targets, xp.float64)",
               "xp.asarray(w)"),
}  # fmt: skip


def test_a_conversion_is_advised_as_the_users_of_the_framework_write_it(backend, array):
    x, (labels, where, targets, made) = array([1.0, 2.0]), CASTS[backend.name]
    calls = {
        labels: lambda: ls.perplexity(array(L23), array([0.0, 1.0])),
        where: lambda: ls.huber(x, x, where=array([1, 0])),
        targets: lambda: ls.huber(x, array([1, 2])),
        made.replace("(w)", "(class_weight)"): lambda: ls.cross_entropy(array(L23), array([0, 1]), class_weight=[1.0]),
    }
    for wanted, call in calls.items():
        refuses(call, DTypeError, "Fix: ", wanted)
    refuses(lambda: ls.huber(x, array([1.0, 2.0], "float32")), DTypeError, "Fix: targets = ", "float64")


class Table:
    """A table with the conversion of pandas and polars."""

    def to_numpy(self):
        return np.zeros(2)

    def mask(self):
        """A method, and no mask."""


class Sparse:
    """A matrix with the conversion of scipy."""

    def toarray(self):
        return np.zeros(2)


class Lazy:
    """An array with the conversion of dask."""

    def compute(self):
        return np.zeros(2)


def test_what_is_no_array_is_told_what_makes_it_one():
    x, advice = np.zeros(2), {}
    for thing in (Table(), Sparse(), Lazy(), {}, "balanced", (n for n in (1.0, 2.0)), None):
        with pytest.raises(DTypeError) as caught:
            ls.huber(x, thing)
        advice[type(thing).__name__] = str(caught.value).partition("Fix: ")[2]
    given = "pass an array with the values of `targets`."
    assert advice == {
        "Table": "make it an array, targets.to_numpy().",
        "Sparse": "make it an array, targets.toarray().",
        "Lazy": "make it an array, targets.compute().",
        **dict.fromkeys(("dict", "str", "generator", "NoneType"), given),
    }
    refuses(lambda: ls.huber(x, x, sample_weight=2.0), DTypeError, "give `sample_weight` an entry for each")


def test_the_name_of_a_loss_is_no_attribute_but_leads_to_one():
    with pytest.raises(AttributeError, match=r"no attribute 'mse_loss'. Fix: lossspec.get\('mse_loss'\)"):
        _ = ls.mse_loss
    with pytest.raises(AttributeError, match=r"no attribute 'huber_loss'. As a name of a loss: .* differs between"):
        _ = ls.huber_loss
    with pytest.raises(AttributeError, match=r"no attribute 'huberr'. Did you mean huber"):
        _ = ls.huberr
    assert not hasattr(ls, "__path_of_nothing__")


# Weights are not read unless asked.


@pytest.mark.parametrize("bad", [-1.0, nan])
@pytest.mark.parametrize(("keyword", "weights"), [("sample_weight", [[1.0, 1.0]]), ("class_weight", [1.0, 1.0, 1.0])])
def test_a_bad_weight_is_accepted_unless_values_are_checked(array, keyword, weights, bad):
    weights = np.asarray(weights)
    weights[..., 1] = bad
    call = lambda: ls.cross_entropy(zeros(array, 2, 2, 3), array([[0, 1], [2, 1]]), **{keyword: array(weights)})  # noqa: E731
    call()
    index = (0, 1) if keyword == "sample_weight" else (1,)
    with ls.checking("values"):
        refuses(call, ContractError, f"`{keyword}` holds {bad} at index {index}", "[0, inf)")


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (1, 1), (2, 3)])
def test_a_weight_of_the_same_rank_with_axes_of_size_one_is_accepted(array, plain, shape):
    weight = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)
    value = ls.squared_error(array(L23), zeros(array, 2, 3), sample_weight=array(weight))
    full = [[float(weight[i % shape[0], j % shape[1]]) for j in range(3)] for i in range(2)]
    total = sum(full[i][j] * L23[i][j] ** 2 for i in range(2) for j in range(3))
    assert plain(value) == pytest.approx(total / sum(map(sum, full)), rel=1e-12)


# A bad value makes its own unit NaN, and raises with its index where values are checked.

LOG2 = math.log(2)
BOXES = [[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]
UNITS = {
    **{
        f"label {label} of 3 classes": (
            lambda a, label=label: (ls.cross_entropy, (zeros(a, 3, 3), a([0, label, 2])), {}),
            [math.log(3), nan, math.log(3)],
            f"`labels` holds {label} at index (1,)",
        )
        for label in (-1, 3, 2**31)
    },
    "a label out of range with class weights": (
        lambda a: (ls.cross_entropy, (zeros(a, 3, 3), a([0, 7, 2])), {"class_weight": a([2.0, 3.0, 4.0])}),
        [2 * math.log(3), nan, 4 * math.log(3)],
        "`labels` holds 7 at index (1,)",
    ),
    "sign 0": (
        lambda a: (ls.cosine_embedding, (a([[1.0, 0.0]] * 3), a([[0.0, 1.0]] * 3), a([1, 0, -1])), {}),
        [1.0, nan, 0.0],
        "`labels` holds 0 at index (1,)",
    ),
    "sign 0.5": (
        lambda a: (ls.cosine_embedding, (a([[1.0, 0.0]] * 3), a([[0.0, 1.0]] * 3), a([1, 0.5, -1])), {}),
        [1.0, nan, 0.0],
        "`labels` holds 0.5 at index (1,)",
    ),
    "a box turned inside out": (
        lambda a: (ls.generalized_iou, (a(BOXES), a([BOXES[0]] * 3)), {}),
        [0.0, nan, nan],
        "`predictions` holds [1. 0. 0. 1.] at index (1,)",
    ),
    "a box with a NaN corner": (
        lambda a: (ls.generalized_iou, (a([BOXES[0]] * 2), a([BOXES[0], [nan, 0.0, 1.0, 1.0]])), {}),
        [0.0, nan],
        "`targets` holds [nan  0.  1.  1.] at index (1,)",
    ),
    "labels and lengths of sequences": (
        lambda a: (
            ls.ctc,
            (
                a(np.full((8, 2, 2), -LOG2)),  # two frames, two classes, each of probability 1/2
                a([[1], [0], [2], [-1], [1], [1], [1], [1]]),
                a([2, 2, 2, 2, 3, -1, 2, 1]),
                a([1, 1, 1, 1, 1, 1, 2, 0]),
            ),
            {},
        ),
        [-math.log(0.75), nan, nan, nan, nan, nan, nan, LOG2],
        "`labels` holds 0 at index (1, 0)",
    ),
}  # fmt: skip
units = pytest.mark.parametrize(("make", "expected", "message"), UNITS.values(), ids=UNITS)


@units
def test_a_value_outside_a_strict_domain_makes_its_own_unit_nan(array, plain, make, expected, message):
    loss, inputs, options = make(array)
    assert plain(loss.per_example(*inputs, **options)) == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)
    assert math.isnan(plain(loss(*inputs, **options)))


@units
def test_checking_values_raises_with_the_index(array, make, expected, message):
    loss, inputs, options = make(array)
    with ls.checking("values"):
        refuses(lambda: loss(*inputs, **options), ContractError, f"{loss.contract.name}: {message}", "its domain is")


@units
@pytest.mark.parametrize("level", ["shapes", "values"])
def test_a_masked_bad_value_is_harmless(array, plain, make, expected, message, level):
    loss, inputs, options = make(array)
    keep = [not math.isnan(value) for value in expected]
    with ls.checking(level):
        value = plain(loss.per_example(*inputs, **options, where=array(keep)))
    kept = [value if kept else 0.0 for value, kept in zip(expected, keep, strict=True)]
    assert value == pytest.approx(kept, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("ignored", [-100, -1, 0, 255])
@pytest.mark.parametrize("level", ["shapes", "values"])
def test_an_ignored_label_is_in_no_range(array, plain, ignored, level):
    ignored = np.int64(ignored) if level == "shapes" else ignored  # NumPy numbers are numbers
    with ls.checking(level):
        value = ls.cross_entropy.per_example(zeros(array, 3, 3), array([2, ignored, 1]), ignore_index=ignored)
    assert plain(value) == pytest.approx([math.log(3), 0.0, math.log(3)], rel=1e-12)


@pytest.mark.parametrize(("dtype", "classes"), [("int8", 300), ("uint8", 3), ("uint8", 300), ("int32", 300)])
def test_labels_of_every_integer_dtype_mean_the_same(array, plain, dtype, classes):
    last, wrapped = 2, 156  # 156 is -100 wrapped round to a byte
    third = wrapped if dtype == "uint8" else -1
    labels = array([0, last, third], dtype)
    value = plain(ls.cross_entropy.per_example(zeros(array, 3, classes), labels, ignore_index=-100))
    right = math.log(classes)
    assert value == pytest.approx([right, right, right if 0 <= third < classes else nan], rel=1e-12, nan_ok=True)


CHECKED = {
    "a NaN logit": (lambda a: ls.cross_entropy(a([[0.0, nan]]), a([0])), "`logits` holds nan at index (0, 1)"),
    "an infinite logit": (lambda a: ls.cross_entropy(a([[0.0, inf]]), a([0])), "`logits` holds inf at index (0, 1)"),
    "a probability above 1": (
        lambda a: ls.binary_cross_entropy_with_logits(a([0.0]), a([1.5])),
        "`targets` holds 1.5 at index (0,); its domain is [0, 1]",
    ),
    "a row that sums to 0.5": (
        lambda a: ls.cross_entropy(a([[0.0, 0.0]]), a([[0.25, 0.25]])),
        "`labels` holds [0.25 0.25] at index (0,)|sum to 1",
    ),
    "a positive log-probability": (
        lambda a: ls.kl_divergence(a([[0.5, -1.0]]), a([[0.5, 0.5]])),
        "`log_predictions` holds [ 0.5 -1. ] at index (0,)",
    ),
    "an intensity above the range": (
        lambda a: ls.ssim(images(a), images(a) + 2.0),
        "`targets` holds 2.0 at index (0, 0, 0, 0)",
    ),
    "an infinite target": (lambda a: ls.huber(a([0.0, 1.0]), a([0.0, inf])), "`targets` holds inf at index (1,)"),
    "a parameter array out of the domain": (
        lambda a: ls.huber(a([0.0]), a([0.0]), delta=a(0.0)),
        "`delta` holds 0.0 at index ()",
    ),
    "a length beyond the frames": (
        lambda a: ls.ctc(zeros(a, 2, 4, 2), a([[1], [1]]), a([4, 5]), a([1, 1])),
        "ctc: `input_lengths` holds 5 at index (1,); its domain is integers in [0, time]",
    ),
    "a negative length": (
        lambda a: ls.ctc(zeros(a, 2, 4, 2), a([[1], [1]]), a([4, 4]), a([-1, 1])),
        "ctc: `label_lengths` holds -1 at index (0,); its domain is integers in [0, labels]",
    ),
    "an item of a list": (
        lambda a: ls.perceptual([a([[0.0]]), a([[nan]])], [a([[0.0]]), a([[0.0]])]),
        "perceptual: `predictions[1]` holds nan at index (0, 0)",
    ),
}  # fmt: skip


@cases(CHECKED)
def test_checking_values_looks_at_every_argument(array, call, words):
    with ls.checking("values"):
        refuses(lambda: call(array), ContractError, *words.split("|"))


def test_checking_ends_with_its_context_also_after_an_error(array):
    with pytest.raises(ContractError), ls.checking("values"):
        ls.huber(array([nan]), array([0.0]))
    ls.huber(array([nan]), array([0.0]))


# Nothing and almost nothing.


def test_a_0d_loss_works(array, plain):
    assert plain(ls.huber(array(3.0), array(0.0))) == 2.5
    assert plain(ls.huber.per_example(array(3.0), array(0.0), where=array(False))) == 0.0
    assert plain(ls.cross_entropy(array([0.0, 0.0]), array(1))) == pytest.approx(LOG2, rel=1e-15)
    assert math.isnan(plain(ls.cross_entropy(array([0.0, 0.0]), array(2))))


@pytest.mark.parametrize("options", [(), ("where",), ("sample_weight",), ("where", "sample_weight")], ids="+".join)
@pytest.mark.parametrize(("empty", "mean"), [("nan", nan), (0.0, 0.0), (7.0, 7.0)])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "count_mean", "batch_mean", ls.Mean(over=4)], ids=str)
def test_an_empty_batch_has_a_value_for_every_reduction(array, plain, options, empty, mean, reduction):
    extra = {"where": array([], "bool"), "sample_weight": array([], "float64")}
    value = plain(
        ls.huber(
            array([], "float64"), array([], "float64"), reduction=reduction, empty=empty,
            **{key: extra[key] for key in options},
        )
    )  # fmt: skip
    if reduction == "none":
        assert value.shape == (0,)
    else:
        expected = 0.0 if reduction in ("sum", ls.Mean(over=4)) else mean
        assert value == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ls.names())
def test_every_loss_takes_an_empty_batch(backend, plain, draw, sized, name):
    loss = sized(ls.get(name))
    move = lambda x: [move(item) for item in x] if isinstance(x, list) else backend.from_numpy(x)  # noqa: E731
    inputs = {key: move(x) for key, x in draw(loss, 0).items()}
    reduction = "mean" if "mean" in loss.contract.reductions else "sum"
    call = lambda given: loss(**given, reduction=reduction)  # noqa: E731
    if probe_of(backend).compiles_by_shape:  # one program is quicker than one for each operation on nothing
        call = backend.compile(call)
    value = plain(call(inputs))
    assert math.isnan(value) if reduction == "mean" else value == 0


def test_a_backend_that_does_not_exist_is_named(backend):
    refuses(lambda: get_backend(backend.name + "x"), ls.BackendError, f"'{backend.name}x'", "numpy, strict")
