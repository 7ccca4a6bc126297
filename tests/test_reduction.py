"""Numerator and denominator of each reduction, and shards that merge, against sums in plain Python."""

import math
import operator
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossspec as ls
from lossspec.errors import ContractError, LossSpecError, MergeError

nan, inf = math.nan, math.inf
REDUCTIONS = ("sum", "mean", "count_mean", "batch_mean", ls.Mean(over=7))
MERGEABLE = [name for name in ls.names() if ls.get(name).contract.mergeable]
AUTODIFF = ("torch", "jax")


def approx(expected):
    return pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


def moved(backend, x):
    return [moved(backend, item) for item in x] if isinstance(x, list) else backend.from_numpy(np.asarray(x))


def all_moved(backend, inputs):
    return {name: moved(backend, x) for name, x in inputs.items()}


def rows(x, chosen):
    return [rows(item, chosen) for item in x] if isinstance(x, list) else x[chosen]


def of_units(loss, name):
    """Say whether an input has an entry for each unit, and is not the same for all of them."""
    (argument,) = (a for a in loss.contract.inputs if a.name == name)
    return all(set(loss.contract.result.names) <= set(term.shape.names) for term in argument.terms)


def divided(losses, weights, kept, reduction):
    """The table of the reductions in plain Python; all arguments are lists with one entry a unit of a 1-d batch."""
    terms = [w * loss if keep else 0.0 for loss, w, keep in zip(losses, weights, kept, strict=True)]
    if reduction == "none":
        return terms
    if isinstance(reduction, ls.Mean):
        return math.fsum(terms) / float(reduction.over)
    weight = math.fsum(w for w, keep in zip(weights, kept, strict=True) if keep)
    return math.fsum(terms) / {"sum": 1, "mean": weight, "count_mean": sum(kept), "batch_mean": len(kept)}[reduction]


# The rows of the table. Logits that are logarithms of these probabilities have the loss -log(probability).

P = [[0.5, 0.25, 0.25], [0.125, 0.5, 0.375], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.25, 0.5, 0.25]]
LABELS = [0, 2, 1, 0, 2]
LOSSES = [-math.log(p[label]) for p, label in zip(P, LABELS, strict=True)]
OPTIONS = {
    "sample_weight": [2.0, 0.5, 0.0, 3.0, 1.25],
    "where": [True, True, False, True, True],
    "class_weight": [0.5, 4.0, 1.5],
    "ignore_index": 0,
}
CHOSEN = [(), *((name,) for name in OPTIONS), ("where", "ignore_index"), tuple(OPTIONS)]


def weighed(chosen):
    """w_i and the selection S of the table in plain Python."""
    sample = OPTIONS["sample_weight"] if "sample_weight" in chosen else [1.0] * 5
    by_class = OPTIONS["class_weight"] if "class_weight" in chosen else [1.0] * 3
    where = OPTIONS["where"] if "where" in chosen else [True] * 5
    ignored = OPTIONS["ignore_index"] if "ignore_index" in chosen else None
    weights = [w * by_class[label] for w, label in zip(sample, LABELS, strict=True)]
    return weights, [keep and label != ignored for keep, label in zip(where, LABELS, strict=True)]


def options_of(array, chosen):
    return {name: OPTIONS[name] if name == "ignore_index" else array(OPTIONS[name]) for name in chosen}


@pytest.mark.parametrize("chosen", CHOSEN, ids="+".join)
@pytest.mark.parametrize("reduction", ["none", *REDUCTIONS], ids=str)
def test_every_row_of_the_table_is_the_sum_in_plain_python(array, plain, reduction, chosen):
    value = ls.cross_entropy(array(np.log(P)), array(LABELS), reduction=reduction, **options_of(array, chosen))
    assert plain(value) == approx(divided(LOSSES, *weighed(chosen), reduction))


@pytest.mark.parametrize("chosen", CHOSEN, ids="+".join)
@pytest.mark.parametrize("reduction", ["mean", "count_mean"])
def test_an_aggregate_finishes_the_same_means(array, plain, reduction, chosen):
    value = ls.perplexity(array(np.log(P)), array(LABELS), reduction=reduction, **options_of(array, chosen))
    assert plain(value) == approx(math.exp(divided(LOSSES, *weighed(chosen), reduction)))


TARGETS = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]


def mixtures(shares, chosen):
    """The loss of each distribution with the class weights inside, and what it weighs without, in plain Python."""
    by_class = OPTIONS["class_weight"] if "class_weight" in chosen else [1.0] * 3
    sample = OPTIONS["sample_weight"] if "sample_weight" in chosen else [1.0] * 5
    losses = [
        s * sum(-t * w * math.log(p) for t, w, p in zip(row, by_class, of, strict=True))
        for s, row, of in zip(sample, shares, P, strict=True)
    ]
    return losses, [s * sum(map(operator.mul, row, by_class)) for s, row in zip(sample, TARGETS, strict=True)]


@pytest.mark.parametrize("chosen", [("class_weight",), ("class_weight", "sample_weight", "where")], ids="+".join)
@pytest.mark.parametrize("reduction", ["none", *REDUCTIONS], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_class_weights_act_on_each_class_of_a_distribution(array, plain, reduction, chosen, smoothing):
    shares = [[(1 - smoothing) * t + smoothing / 3 for t in row] for row in TARGETS]
    losses, weights = mixtures(shares, chosen)
    ratios = [loss / w if w else 0.0 for loss, w in zip(losses, weights, strict=True)]
    kept = OPTIONS["where"] if "where" in chosen else [True] * 5
    options = {"label_smoothing": smoothing, "reduction": reduction, **options_of(array, chosen)}
    value = ls.cross_entropy(array(np.log(P)), array(TARGETS), **options)
    assert plain(value) == approx(divided(ratios, weights, kept, reduction))


def test_the_loss_of_a_mixed_label_is_the_mixture_of_the_losses(array, plain):
    logits, weights = array([[2.0, 0.0, -1.0]]), array([1.0, 3.0, 5.0])
    surprise = math.log(1 + math.exp(-2) + math.exp(-3))  # of class 0; of class 1 it is 2 more
    exact = 0.7 * surprise + 0.3 * 3 * (surprise + 2)
    whole = ls.cross_entropy(logits, array([[0.7, 0.3, 0.0]]), class_weight=weights, reduction="sum")
    parts = [ls.cross_entropy(logits, array([c]), class_weight=weights, reduction="sum") for c in (0, 1)]
    assert plain(whole) == approx(exact)
    assert 0.7 * plain(parts[0]) + 0.3 * plain(parts[1]) == approx(exact)
    mean = ls.cross_entropy(logits, array([[0.7, 0.3, 0.0]]), class_weight=weights)
    assert plain(mean) == approx(exact / (0.7 + 0.3 * 3))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize(("ours", "theirs"), [("none", "none"), ("sum", "sum"), ("mean", "mean")])
def test_class_weights_and_smoothing_together_are_those_of_torch(ours, theirs, smoothing):
    torch = pytest.importorskip("torch")
    logits, weights = torch.tensor(P).log() + 1, torch.tensor(OPTIONS["class_weight"])
    cross_entropy = torch.nn.functional.cross_entropy
    for labels in (torch.tensor(LABELS), torch.tensor(TARGETS)):
        right = cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing, reduction=theirs)
        soft = labels.is_floating_point() and ours == "mean"  # torch divides by the count there
        how = "count_mean" if soft else ours
        got = ls.cross_entropy(logits, labels, class_weight=weights, label_smoothing=smoothing, reduction=how)
        assert torch.allclose(got, right, rtol=1e-6)


NONLINEAR = [name for name in ls.names() if ls.get(name).contract.why_nonlinear]


@pytest.mark.parametrize("name", NONLINEAR)
def test_a_loss_that_is_not_linear_in_distributions_refuses_their_class_weights(array, name):
    loss = ls.get(name)
    with pytest.raises(ContractError, match=f"{name}: `class_weight` .*Fix: .*`sample_weight`.*sum_c labels"):
        loss(array(P), array(TARGETS), class_weight=array(OPTIONS["class_weight"]))
    loss(array(P), array(LABELS), class_weight=array(OPTIONS["class_weight"]))
    loss(array(P), array(TARGETS), sample_weight=array(OPTIONS["sample_weight"]))


def test_a_class_of_weight_0_may_be_impossible_in_a_distribution(array, plain):
    logits = array([[0.0, 0.0, -inf]])
    value, gradient = ls.cross_entropy.value_and_grad(
        logits, array([[0.5, 0.25, 0.25]]), class_weight=array([1.0, 2.0, 0.0]), reduction="sum"
    )
    assert plain(value) == approx(math.log(2))
    assert plain(gradient) == approx(np.asarray([[0.0, 0.0, 0.0]]))


def test_the_class_axis_may_be_anywhere(array, plain):
    logits, labels = np.log(np.reshape(P[:4], (2, 2, 3))), np.reshape(LABELS[:4], (2, 2))
    for axis in (0, 1, 2, -2, -3):
        turned = array(np.moveaxis(logits, -1, axis))
        assert plain(ls.cross_entropy(turned, array(labels), axis=axis)) == approx(sum(LOSSES[:4]) / 4)
        turned_too = array(np.moveaxis(np.eye(3)[labels], -1, axis))
        assert plain(ls.cross_entropy(turned, turned_too, axis=axis)) == approx(sum(LOSSES[:4]) / 4)


@pytest.mark.parametrize("over", [4, 2.5, np.int64(4), np.float32(2.5)], ids=repr)
def test_mean_over_a_number_divides_by_it(array, plain, over):
    value = ls.squared_error(array([1.0, 3.0]), array([0.0, 0.0]), reduction=ls.Mean(over=over))
    assert plain(value) == approx(10 / float(over))


@pytest.mark.parametrize(("over", "dtype"), [(4, "int64"), (4, "int32"), (2.5, "float64"), (2.5, "float32")])
def test_mean_over_a_0d_array_divides_by_it(array, plain, over, dtype):
    reduction = ls.Mean(over=array(over, dtype))
    value = ls.squared_error(array([1.0, 3.0]), array([0.0, 0.0]), reduction=reduction)
    assert plain(value) == approx(10 / over)
    assert plain(value).dtype == np.float64


@pytest.mark.parametrize("over", [0, 0.0, "array"], ids=str)
def test_mean_over_nothing_is_the_empty_value_and_never_inf(array, plain, over):
    reduction = ls.Mean(over=array(0.0) if over == "array" else over)
    assert math.isnan(plain(ls.huber(array([3.0]), array([0.0]), reduction=reduction)))
    assert plain(ls.huber(array([3.0]), array([0.0]), reduction=reduction, empty=0.0)) == 0.0


@pytest.mark.parametrize("reduction", ["mean", "count_mean"])
@pytest.mark.parametrize("options", [{"where": [False, False]}, {"sample_weight": [0.0, 0.0], "where": [False, False]}])
@pytest.mark.parametrize(("empty", "expected"), [("nan", nan), (0.0, 0.0), (3, 3.0)])
def test_a_mean_over_no_selected_unit_is_the_empty_value(array, plain, reduction, options, empty, expected):
    given = {name: array(value) for name, value in options.items()}
    value = ls.huber(array([nan, 3.0]), array([0.0, inf]), reduction=reduction, empty=empty, **given)
    assert plain(value) == approx(expected)


# Masks select.


@pytest.mark.parametrize("poison", [nan, inf, -inf])
def test_what_a_mask_hides_changes_no_value(array, plain, poison):
    mask = array([True, False, True])
    for reduction, expected in (("none", [2.5, 0.0, 0.5]), ("sum", 3.0), ("mean", 1.5), ("batch_mean", 1.0)):
        value = ls.huber(array([3.0, poison, 1.0]), array([0.0, 1.0, 0.0]), where=mask, reduction=reduction)
        assert plain(value) == approx(expected)
    weight = array([1.0, poison, 2.0])
    value = ls.huber(array([3.0, 1.0, 1.0]), array([0.0, poison, 0.0]), where=mask, sample_weight=weight)
    assert plain(value) == approx((2.5 + 2 * 0.5) / 3)


def test_an_ignored_label_hides_its_logits_and_its_weight(array, plain):
    logits, weight = np.log(P), np.asarray(OPTIONS["sample_weight"])
    ignored = [label == 0 for label in LABELS]
    logits[ignored], weight[ignored] = nan, nan
    chosen = ("sample_weight", "ignore_index")
    value = ls.cross_entropy(array(logits), array(LABELS), ignore_index=0, sample_weight=array(weight))
    assert plain(value) == approx(divided(LOSSES, *weighed(chosen), "mean"))


def test_an_infinite_loss_of_weight_0_counts_as_not_given(backend, array, plain):
    p, labels = array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]]), array([1, 0, 0])
    for options in ({"sample_weight": array([0.0, 1.0, 1.0])}, {"class_weight": array([1.0, 0.0])}):
        for reduction, expected in (("none", [0.0, math.log(2), math.log(4)]), ("mean", math.log(8) / 2)):
            value = ls.categorical_cross_entropy(p, labels, reduction=reduction, **options)
            assert plain(value) == approx(expected)
        gradient = ls.categorical_cross_entropy.grad(p, labels, reduction="sum", **options)
        assert plain(gradient) == approx(np.asarray([[0.0, 0.0], [-2.0, 0.0], [-4.0, 0.0]]))


@pytest.mark.parametrize("poison", [nan, inf, -inf])
def test_what_is_no_number_has_no_part_under_the_weight_0(array, plain, poison):
    inputs = array([3.0, poison, 1.0]), array([0.0, 1.0, poison])
    weight = array([2.0, 0.0, 0.0])
    value, gradients = ls.huber.value_and_grad(*inputs, sample_weight=weight, wrt=("predictions", "targets"))
    assert plain(value) == approx(2.5)
    assert [plain(gradient).tolist() for gradient in gradients] == [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]


def test_a_finite_loss_still_has_a_derivative_in_its_weight_0(array, plain):
    gradient = ls.squared_error.grad(
        array([3.0, 2.0]), array([0.0, 0.0]), sample_weight=array([0.0, 1.0]), wrt="sample_weight", reduction="sum"
    )
    assert plain(gradient) == approx([9.0, 4.0])


JITTED = ("cross_entropy", "generalized_iou", "perceptual", "cosine_embedding", "info_nce", "batch_dice", "ctc")


# The matrix tries this law on every loss and backend, and holds gradients under a mask against the oracle: here are
# some of each form, compiled on JAX.
BEHIND_A_MASK = [
    *((framework, name) for framework in ("torch", "jax") for name in JITTED),
    *(pytest.param("torch", name, marks=pytest.mark.thorough) for name in ls.names() if name not in JITTED),
]


@pytest.mark.parametrize(("framework", "name"), BEHIND_A_MASK)
def test_poison_behind_a_mask_reaches_neither_value_nor_gradient(usable, draw, sized, framework, name):
    backend, loss = usable(framework), sized(ls.get(name))
    clean = draw(loss, 4)
    shape = loss.per_example(**clean).shape if "none" in loss.contract.reductions else (4,)
    keep = (np.arange(np.prod(shape)) % 3 != 1).reshape(shape)
    poisoned = draw(loss, 4)
    for x in (x for name, x in poisoned.items() if of_units(loss, name)):
        for item in x if isinstance(x, list) else [x]:
            item[~keep] = nan if item.dtype.kind == "f" else 99
    wrt = [key for key, x in clean.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]

    def value_and_gradients(inputs, keep):
        if not wrt:
            return (loss(**inputs, where=keep),)
        value, gradients = loss.value_and_grad(**inputs, wrt=wrt, where=keep)
        return (value, *gradients)

    call = value_and_gradients if framework == "torch" else backend.compile(value_and_gradients)  # jit compiles once
    expected, found = (
        [backend.to_numpy(x) for x in call(all_moved(backend, inputs), backend.from_numpy(keep))]
        for inputs in (clean, poisoned)
    )
    assert np.isfinite(expected[0])
    for x, y in zip(expected, found, strict=True):
        np.testing.assert_array_equal(x, y)
    for name, gradient in zip(wrt, found[1:], strict=bool(wrt)):
        assert not of_units(loss, name) or (gradient[~keep] == 0).all()


@pytest.mark.parametrize("framework", AUTODIFF)
@pytest.mark.parametrize("options", [{}, {"where": [False, False]}, {"sample_weight": [0.0, 0.0]}], ids=str)
@pytest.mark.parametrize("name", ["squared_error", "root_mean_squared_error"])
def test_the_gradient_of_an_empty_mean_is_zero(usable, framework, options, name):
    backend = usable(framework)
    size = 2 if options else 0
    given = {key: backend.from_numpy(np.asarray(value)) for key, value in options.items()}
    x = backend.from_numpy(np.asarray([5.0, -1.0][:size]))
    value, gradient = ls.get(name).value_and_grad(x, x * 0, empty=0.0, **given)
    assert backend.to_numpy(value) == 0.0
    assert backend.to_numpy(gradient).tolist() == [0.0] * size


# Half precision.

HALVES = [("numpy", "float16"), *((name, dtype) for name in AUTODIFF for dtype in ("float16", "bfloat16"))]


@pytest.mark.parametrize(("framework", "dtype"), HALVES)
def test_half_precision_is_computed_and_returned_in_single(usable, framework, dtype):
    backend = usable(framework)
    xp = backend.namespace

    def half(values):
        return xp.astype(backend.from_numpy(np.asarray(values, "float32")), getattr(xp, dtype))

    for value, expected in (
        (ls.squared_error(half([512.0]), half([0.0])), 512.0**2),  # float16 ends at 65504
        (ls.squared_error(half([[1.0] * 4099]), half([[0.0] * 4099]), reduction="sum"), 4099.0),  # and counts to 2048
        (ls.huber(half([3.0]), half([0.0]), sample_weight=half([2.0]), reduction="sum"), 5.0),
        (ls.huber(half([3.0]), half([0.0]), delta=half(2.0)), 4.0),
        (ls.perceptual([half([[3.0]]), half([[1.0]])], [half([[0.0]]), half([[0.0]])]), 10.0),
    ):
        assert str(value.dtype).endswith("float32")
        assert float(value) == expected


# Partials.


def splits(size):
    """Cut points of a batch: any number of shards, of any size, empty ones too, and an order."""
    cuts = st.lists(st.integers(0, size), max_size=4).map(sorted)
    return cuts.flatmap(lambda cuts: st.permutations([slice(*cut) for cut in pairwise([0, *cuts, size])]))


@settings(deadline=None, max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("name", MERGEABLE)
def test_any_split_in_any_order_merges_to_the_whole(draw, sized, name, data):
    loss, size = sized(ls.get(name)), 5
    inputs = draw(loss, size)
    reduction = data.draw(st.sampled_from([r for r in loss.contract.reductions if r not in ("none", "over")]))
    extra = {}
    unit = loss.per_example(**inputs).shape if "none" in loss.contract.reductions else (size,)
    if data.draw(st.booleans()):
        extra["sample_weight"] = np.random.default_rng(1).uniform(0.5, 2.0, unit)
    if data.draw(st.booleans()):
        extra["where"] = np.random.default_rng(2).uniform(size=unit) < 0.7
    shards = [
        loss.partial(
            **{key: rows(x, cut) if key in extra or of_units(loss, key) else x for key, x in (inputs | extra).items()},
            reduction=reduction,
        )
        for cut in data.draw(splits(size))
    ]
    whole = loss(**inputs, **extra, reduction=reduction)
    assert float(sum(shards).value()) == pytest.approx(float(whole), rel=1e-12)
    assert float(reduce(add, reversed(shards)).value()) == pytest.approx(float(whole), rel=1e-12)


CUTS = [slice(0, 1), slice(4, 5), slice(3, 3), slice(1, 4)]  # uneven, one empty, out of order


@pytest.mark.parametrize("chosen", [(), tuple(OPTIONS)], ids="+".join)
@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
def test_partials_of_uneven_shards_add_up_to_the_table(array, plain, reduction, chosen):
    logits, shards = np.log(P), []
    for cut in CUTS:
        options = options_of(lambda x, cut=cut: array(np.asarray(x)[cut] if len(x) == 5 else x), chosen)
        labels = array(np.asarray(LABELS)[cut])
        shards.append(ls.cross_entropy.partial(array(logits[cut]), labels, reduction=reduction, **options))
    assert plain(sum(shards).value()) == approx(divided(LOSSES, *weighed(chosen), reduction))


@pytest.mark.parametrize("framework", AUTODIFF)
@pytest.mark.parametrize(
    ("name", "reduction"),
    [
        ("cross_entropy", "mean"),
        ("cross_entropy", ls.Mean(over=7)),
        ("perplexity", "mean"),
        ("perplexity", "batch_mean"),
    ],
    ids=str,
)
def test_the_gradient_of_merged_partials_is_that_of_the_whole(usable, framework, reduction, name):
    backend, loss = usable(framework), ls.get(name)
    logits, labels, weight = (backend.from_numpy(np.asarray(x)) for x in (np.log(P), LABELS, OPTIONS["sample_weight"]))

    def merged(logits):
        return sum(
            loss.partial(logits[cut], labels[cut], sample_weight=weight[cut], reduction=reduction) for cut in CUTS
        ).value()

    def both(logits):
        whole = loss.value_and_grad(logits, labels, sample_weight=weight, reduction=reduction)
        return *ls.value_and_grad(merged, (0,))(logits), *whole

    call = backend.compile(both) if framework == "jax" else both
    value, (gradient,), whole, expected = call(logits)
    assert backend.to_numpy(value) == approx(backend.to_numpy(whole))
    assert backend.to_numpy(gradient) == approx(backend.to_numpy(expected))


@pytest.mark.parametrize("empty", [("nan", nan), (0.0, 0.0)], ids=str)
def test_merged_partials_of_nothing_are_the_empty_value(array, plain, empty):
    given, expected = empty
    shards = [ls.huber.partial(array([9.0]), array([1.0]), where=array([False]), empty=given) for _ in range(2)]
    assert plain(sum(shards).value()) == approx(expected)


def shard(loss, **options):
    return loss.partial(np.asarray([1.0]), np.asarray([0.0]), **options)


@pytest.mark.parametrize(
    ("make", "words"),
    {
        "another loss": (lambda: shard(ls.huber) + shard(ls.squared_error), ("loss", "huber", "squared_error")),
        "another reduction": (lambda: shard(ls.huber) + shard(ls.huber, reduction="sum"), ("reduction", "mean", "sum")),
        "another divisor": (
            lambda: shard(ls.huber, reduction=ls.Mean(over=2)) + shard(ls.huber, reduction=ls.Mean(over=3)),
            ("reduction", "Mean(over=2)", "Mean(over=3)"),
        ),
        "another empty value": (lambda: shard(ls.huber) + shard(ls.huber, empty=0.0), ("empty", "nan", "0.0")),
        "another parameter": (lambda: shard(ls.huber) + shard(ls.huber, delta=2.0), ("`delta`", "1.0", "2.0")),
        "other factors": (
            lambda: shard(0.5 * ls.huber + ls.squared_error) + shard(0.25 * ls.huber + ls.squared_error),
            ("different composites",),
        ),
        "other parts": (lambda: shard(0.5 * ls.huber) + shard(0.5 * ls.squared_error), ("huber", "squared_error")),
        "fewer parts": (
            lambda: shard(0.5 * ls.huber) + shard(0.5 * ls.huber + ls.squared_error),
            ("different composites",),
        ),
        "nothing to add": (lambda: shard(ls.huber, reduction="none"), ("'none'", "concatenate")),
        "a coupled part": (lambda: shard(0.5 * ls.info_nce), ("info_nce", "Gather")),
    }.values(),
)
def test_partials_that_do_not_belong_together_are_refused(make, words):
    with pytest.raises(MergeError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("framework", ["strict", *AUTODIFF])
def test_partials_of_two_frameworks_are_refused(usable, framework):
    other = ls.huber.partial(*(usable(framework).from_numpy(np.asarray([1.0])) for _ in range(2)))
    for add_up in (lambda: shard(ls.huber) + other, lambda: other + shard(ls.huber)):
        with pytest.raises(LossSpecError, match=rf"{framework}.*numpy|numpy.*{framework}"):
            add_up()


def test_partials_of_two_dtypes_are_refused(array):
    single, double = (ls.huber.partial(array([1.0], t), array([0.0], t)) for t in ("float32", "float64"))
    with pytest.raises(LossSpecError, match=r"float32.*float64"):
        single + double


def test_a_weighted_shard_and_a_masked_shard_add_up(array, plain):
    xs, ys = array([3.0, 1.0]), array([0.0, 0.0])
    masked = ls.huber.partial(xs, ys, where=array([True, False]))
    weighted = ls.huber.partial(xs, ys, sample_weight=array([1.0, 2.0]))
    assert plain((masked + weighted).value()) == approx((2.5 + 2.5 + 2 * 0.5) / (1 + 3))
    assert plain((weighted + ls.huber.partial(xs, ys)).value()) == approx((3.5 + 3.0) / (3 + 2))


@pytest.mark.parametrize("other", [1, 0.0, "x", None])
def test_a_partial_adds_up_with_partials_only(other):
    for partial in (shard(ls.huber), shard(0.5 * ls.huber)):
        with pytest.raises(TypeError):
            partial + other
        with pytest.raises(TypeError):
            other + partial


def test_the_parameter_array_that_shards_share_is_no_mismatch(array, plain):
    delta = array(2.0)
    shards = [ls.huber.partial(array([x]), array([0.0]), delta=delta) for x in (3.0, 1.0)]
    assert plain(sum(shards).value()) == approx((4.0 + 0.5) / 2)


# Other defaults.


def test_configured_defaults_are_those_of_the_call(array, plain):
    both = ls.huber.configured(delta=2.0, reduction="sum")
    assert plain(both(array([3.0, 1.0]), array([0.0, 0.0]))) == approx(4.0 + 0.5)
    assert plain(both(array([3.0, 1.0]), array([0.0, 0.0]), delta=1.0, reduction="mean")) == approx((2.5 + 0.5) / 2)
    assert plain(both.configured(delta=0.5)(array([3.0]), array([0.0]))) == approx(0.5 * (3.0 - 0.25))
    assert plain(ls.huber(array([3.0]), array([0.0]))) == approx(2.5)


CONFIGURED = {
    "ignore_index": (lambda a: {"ignore_index": 0}, [-math.log(0.3)]),
    "class_weight": (lambda a: {"class_weight": a([3.0, 1.0])}, [-3 * math.log(0.5) / 4, -math.log(0.3) / 4]),
    "sum": (lambda a: {"reduction": "sum"}, [-math.log(0.5), -math.log(0.3)]),
    "over": (lambda a: {"reduction": ls.Mean(over=4)}, [-math.log(0.5) / 4, -math.log(0.3) / 4]),
    "axis": (lambda a: {"axis": 0}, [-math.log(0.5) / 2, -math.log(0.7) / 2]),
}  # fmt: skip


@pytest.mark.parametrize(("options", "terms"), CONFIGURED.values(), ids=CONFIGURED)
def test_configured_options_hold_for_calls_and_partials(array, plain, options, terms):
    loss = ls.cross_entropy.configured(**options(array))
    inputs = array(np.log([[0.5, 0.5], [0.7, 0.3]])), array([0, 1])
    if loss == ls.cross_entropy.configured(axis=0):
        inputs = array(np.log([[0.5, 0.3], [0.5, 0.7]])), array([0, 1])
    assert plain(loss(*inputs)) == approx(math.fsum(terms))
    assert plain(loss.partial(*inputs).value()) == approx(math.fsum(terms))


def test_a_call_overrides_what_was_configured_also_with_the_usual_default(array, plain):
    hidden, x = array([False]), array([1.0])
    assert math.isnan(plain(ls.huber.configured(empty=0.0)(x, x, where=hidden, empty="nan")))
    turned = ls.cross_entropy.configured(axis=0)
    assert plain(turned(array(np.log(P[:1])), array([0]), axis=-1)) == approx(LOSSES[0])


def test_a_configured_empty_value_holds_for_partials(array, plain):
    loss = ls.huber.configured(empty=0.0)
    assert plain(loss.partial(array([1.0]), array([0.0]), where=array([False])).value()) == 0.0


def test_a_configured_numpy_number_is_a_number(array, plain):
    loss = ls.huber.configured(delta=np.float64(2.0))
    value = loss(array([3.0], "float32"), array([0.0], "float32"))
    assert plain(value) == 4.0
    assert plain(value).dtype == np.float32


@pytest.mark.parametrize("keyword", ["sample_weight", "where"])
def test_what_belongs_to_one_batch_cannot_be_configured(array, keyword):
    with pytest.raises(ContractError, match=keyword):
        ls.huber.configured(**{keyword: array([True]) if keyword == "where" else array([1.0])})


# Sums of losses.

SUM = 0.5 * ls.huber + ls.squared_error * 2


def test_a_composite_is_the_weighted_sum_of_its_parts(array, plain):
    x, y, mask = array([3.0, 1.0]), array([0.0, 0.0]), array([True, False])
    assert plain(SUM(x, y)) == approx(0.5 * 1.5 + 2 * 5)
    assert plain(SUM(x, y, where=mask, reduction="sum")) == approx(0.5 * 2.5 + 2 * 9)
    assert plain(SUM.per_example(predictions=x, targets=y)) == approx([0.5 * 2.5 + 2 * 9, 0.5 * 0.5 + 2 * 1])
    assert plain(SUM(x, y, delta=2.0)) == approx(0.5 * (4 + 0.5) / 2 + 2 * 5)
    assert plain((0.5 * SUM + ls.huber)(x, y)) == approx(0.25 * 1.5 + 5 + 1.5)
    assert plain((ls.huber * array(0.5))(x, y)) == approx(0.5 * 1.5)
    assert plain((np.float64(0.5) * ls.huber)(x, y)) == approx(0.5 * 1.5)


def test_a_composite_takes_the_union_of_the_inputs_in_order(array, plain):
    both = ls.cross_entropy + 2 * ls.huber
    assert [argument.name for argument in both.contract.inputs] == ["logits", "labels", "predictions", "targets"]
    inputs = array(np.log(P)), array(LABELS), array([3.0, 1.0]), array([0.0, 0.0])
    assert plain(both(*inputs)) == approx(sum(LOSSES) / 5 + 2 * 1.5)
    assert plain(both(*inputs, ignore_index=0)) == approx(sum(LOSSES[i] for i in (1, 2, 4)) / 3 + 2 * 1.5)
    with pytest.raises(ContractError, match=r"units of shapes \(5,\) and \(2,\)"):
        both.per_example(*inputs)


def test_partials_of_a_composite_merge_to_the_whole(array, plain):
    xs, ys = [3.0, 1.0, -2.0], [0.0, 0.5, 2.0]
    loss = 0.5 * ls.huber + ls.root_mean_squared_error
    shards = [loss.partial(array(xs[cut]), array(ys[cut])) for cut in (slice(2, 3), slice(0, 2))]
    distances = [3.0, 0.5, 4.0]
    expected = 0.5 * (2.5 + 0.125 + 3.5) / 3 + math.sqrt(sum(d * d for d in distances) / 3)
    assert plain(sum(shards).value()) == approx(expected)
    assert plain((shards[1] + shards[0]).value()) == approx(expected)


def test_a_composite_is_a_value(pickled):
    again = 0.5 * ls.huber + 2 * ls.squared_error
    assert again == SUM
    assert hash(SUM) == hash(again)
    assert pickled(SUM) == SUM
    assert pickled(SUM.contract).to_dict() == SUM.contract.to_dict()
    assert 0.25 * ls.huber + 2 * ls.squared_error != SUM
    assert ls.huber != 1.0 * ls.huber
    assert repr(SUM) == (
        "<loss 0.5 * huber + 2.0 * squared_error(predictions: Real[*batch], targets: Real[*batch], "
        "*, delta: Positive[#*batch] = 1.0) -> element[*batch], pointwise, reduction='mean'>"
    )


def test_a_composite_of_a_coupled_loss_is_coupled_and_of_an_aggregate_an_aggregate():
    assert (ls.huber + ls.root_mean_squared_error).contract.form == "aggregate"
    assert "none" not in (ls.huber + ls.root_mean_squared_error).contract.reductions
    coupled = (ls.huber + ls.info_nce).contract
    assert (coupled.form, coupled.mergeable) == ("coupled", False)
    assert coupled.why_coupled.startswith("info_nce: the negatives")


def test_parts_that_declare_an_argument_differently_clash():
    with pytest.raises(ContractError, match=r"huber \+ dice: the parts declare `targets`"):
        ls.huber + ls.dice
    with pytest.raises(TypeError):
        ls.huber + 1


@pytest.mark.parametrize("framework", AUTODIFF)
def test_the_gradient_of_a_composite_is_the_sum_of_the_gradients(usable, framework):
    backend = usable(framework)
    x, y = (backend.from_numpy(np.asarray(values)) for values in ([3.0, 0.5], [0.0, 0.0]))
    value, gradient = SUM.value_and_grad(x, y, reduction="sum")
    assert backend.to_numpy(value) == approx(0.5 * (2.5 + 0.125) + 2 * 9.25)
    assert backend.to_numpy(gradient) == approx([0.5 * 1.0 + 4 * 3.0, 0.5 * 0.5 + 4 * 0.5])
