"""Sums of losses: which option reaches which part, what the parts agree on, and the algebra that makes them."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.probes import probe_of
from lossspec.errors import ContractError, DTypeError, MergeError

nan = math.nan


def log_sum_exp(row):
    return math.log(math.fsum(math.exp(x) for x in row))


# Tokens of which the last is padding.

LOGITS = [[0.5, -1.0, 2.0], [0.0, 3.0, 1.0], [1.0, 1.0, 1.0]]
LABELS = [0, 1, 2]
CE = [log_sum_exp(row) - row[label] for row, label in zip(LOGITS, LABELS, strict=True)]
Z = [log_sum_exp(row) ** 2 for row in LOGITS]
BOTH = ls.cross_entropy + ls.z_loss


def close(expected):
    return pytest.approx(expected, rel=1e-12)


def test_an_ignored_token_is_ignored_by_all_parts_that_have_tokens(array, plain):
    expected = sum(CE[:2]) / 2 + sum(Z[:2]) / 2
    assert expected == pytest.approx(8.491, abs=5e-4)
    for last in (1.0, nan):
        logits, labels = array([*LOGITS[:2], [last, 1.0, 1.0]]), array(LABELS)
        for loss in (BOTH, BOTH.configured(ignore_index=2), ls.cross_entropy.configured(ignore_index=2) + ls.z_loss):
            given = {"ignore_index": 2} if loss is BOTH else {}
            value, gradient = loss.value_and_grad(logits, labels, **given)
            assert plain(value) == close(expected)
            assert plain(gradient)[2].tolist() == [0.0] * 3
            assert plain(loss.partial(logits, labels, **given).value()) == close(expected)
            each = plain(loss.per_example(logits, labels, **given)).tolist()
            assert each == close([CE[0] + Z[0], CE[1] + Z[1], 0.0])
            loss.check(logits, labels, **given)
        hidden = {"ignore_index": 2, "where": array([True, False, True])}
        assert plain(BOTH(logits, labels, **hidden)) == close(CE[0] + Z[0])
    assert plain(BOTH(array(LOGITS), array(LABELS))) == close(sum(CE) / 3 + sum(Z) / 3)


def test_a_call_takes_back_what_a_part_was_configured_to_ignore(array, plain):
    loss = ls.cross_entropy.configured(ignore_index=2) + ls.z_loss
    value = loss(array(LOGITS), array(LABELS), ignore_index=None)
    assert plain(value) == close(sum(CE) / 3 + sum(Z) / 3)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_ignored_labels_of_any_integer_dtype_are_shared(array, plain, dtype):
    labels = array([0, 1, 255 if dtype == "uint8" else -100], dtype)
    value = BOTH(array(LOGITS), labels, ignore_index=255 if dtype == "uint8" else -100)
    assert plain(value) == close(sum(CE[:2]) / 2 + sum(Z[:2]) / 2)


def test_ignored_prompts_are_ignored_by_a_distillation_of_the_same_examples(array, plain):
    logits, teacher, labels = array(LOGITS), array(LOGITS[::-1]), array([0, 1, -100])
    loss = 0.5 * ls.cross_entropy + 0.5 * ls.distillation
    inputs = {"logits": logits, "student_logits": logits, "teacher_logits": teacher, "labels": labels}
    of_two = ls.distillation(logits, teacher, where=array([True, True, False]))
    assert plain(loss(**inputs, ignore_index=-100)) == close(0.5 * sum(CE[:2]) / 2 + 0.5 * float(plain(of_two)))


def test_examples_and_elements_are_ignored_apart(array, plain):
    loss = ls.cross_entropy + ls.squared_error  # a missing class says nothing of a measured target
    value = loss(array(LOGITS), array(LABELS), array([1.0, 2.0, 3.0]), array([0.0, 0.0, 0.0]), ignore_index=2)
    assert plain(value) == close(sum(CE[:2]) / 2 + 14 / 3)


CLASS_WEIGHT = [2.0, 0.5, 4.0]


@pytest.mark.parametrize("sample_weight", [None, [1.0, 3.0, 0.5], [2.0]], ids=str)
def test_a_class_weight_is_of_the_token_and_weighs_all_parts_that_have_it(array, plain, sample_weight):
    options = {"class_weight": array(CLASS_WEIGHT)}
    if sample_weight is not None:
        options["sample_weight"] = array(sample_weight)
    given = (sample_weight or [1.0]) * (1 if sample_weight and len(sample_weight) == 3 else 3)
    w = [a * b for a, b in zip(CLASS_WEIGHT, given, strict=True)]
    expected = sum(a * (b + c) for a, b, c in zip(w, CE, Z, strict=True)) / sum(w)
    assert plain(BOTH(array(LOGITS), array(LABELS), **options)) == close(expected)
    merged = BOTH.partial(array(LOGITS), array(LABELS), **options)
    assert plain((merged + merged).value()) == close(expected)
    ignoring = BOTH(array([*LOGITS[:2], [nan] * 3]), array([0, 1, -7]), ignore_index=-7, **options)
    expected = sum(a * (b + c) for a, b, c in zip(w[:2], CE[:2], Z[:2], strict=True)) / sum(w[:2])
    assert plain(ignoring) == close(expected)


@pytest.mark.parametrize("axis", [-1, 0])
def test_a_mixture_of_classes_has_the_mean_of_their_weights(array, plain, axis):
    targets = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]]
    weights = [sum(t * w for t, w in zip(row, CLASS_WEIGHT, strict=True)) for row in targets]
    turned = [array(np.moveaxis(np.asarray(x), -1, axis)) for x in (LOGITS, targets)]
    options = {"class_weight": array(CLASS_WEIGHT), "axis": axis}
    alone = ls.cross_entropy(*turned, **options)
    expected = float(plain(alone)) + sum(a * b for a, b in zip(weights, Z, strict=True)) / sum(weights)
    assert plain(BOTH(*turned, **options)) == close(expected)


def test_class_weights_of_half_precision_are_shared_in_single(usable):
    torch = usable("torch").namespace
    given = [torch.asarray(x, dtype=torch.bfloat16) for x in (LOGITS, CLASS_WEIGHT)]
    value = BOTH(given[0], torch.asarray(LABELS), class_weight=given[1])
    expected = sum(a * (b + c) for a, b, c in zip(CLASS_WEIGHT, CE, Z, strict=True)) / sum(CLASS_WEIGHT)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected, rel=1e-6)


# A penalty on parameters has units of its own.


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_penalty_gets_no_mask_and_no_weight_of_the_data(array, plain, turned, several, count):
    penalty = 0.1 * ls.l2_regularization
    loss = penalty + ls.cross_entropy if turned else ls.cross_entropy + penalty
    parameters = array([2.0] * count)
    alone = float(plain(ls.l2_regularization([parameters, parameters] if several else parameters)))
    inputs = {
        "logits": array(LOGITS),
        "labels": array(LABELS),
        "parameters": [parameters] * 2 if several else parameters,
    }
    for options, expected in (
        ({"sample_weight": [1.0, 0.0, 3.0]}, (CE[0] + 3 * CE[2]) / 4),
        ({"where": [False, True, True]}, (CE[1] + CE[2]) / 2),
        ({"where": [True, True, True], "sample_weight": [0.0, 2.0, 0.0]}, CE[1]),
    ):
        given = {name: array(value) for name, value in options.items()}
        assert plain(loss(**inputs, **given)) == close(expected + 0.1 * alone)
        loss.check(**inputs, **given)
    value = loss(**inputs, ignore_index=0, class_weight=array(CLASS_WEIGHT))
    assert plain(value) == close((0.5 * CE[1] + 4 * CE[2]) / 4.5 + 0.1 * alone)


def test_penalties_alone_take_weights_of_their_parameters(array, plain):
    loss = ls.l1_regularization + ls.l2_regularization
    given = array([3.0, -1.0]), array([True, False])
    alone = [float(plain(part(given[0], where=given[1]))) for part in (ls.l1_regularization, ls.l2_regularization)]
    assert plain(loss(given[0], where=given[1])) == close(sum(alone))


def test_units_of_several_shapes_have_no_mask_in_common(array):
    loss = ls.cross_entropy + ls.squared_error
    inputs = array(LOGITS), array(LABELS), array([1.0, 2.0]), array([0.0, 0.0])
    for name, value in (("where", [True, False, True]), ("sample_weight", [1.0, 2.0])):
        with pytest.raises(
            ContractError, match=rf"`{name}` is of units.*example\(3,\) of cross_entropy, element\(2,\)"
        ):
            loss(*inputs, **{name: array(value)})
    pixels, regions = np.zeros((2, 1, 4, 3)), np.full((2, 1, 4), 0.5)
    given = {"logits": pixels, "labels": np.zeros((2, 1, 4), int), "probabilities": regions, "targets": regions}
    with pytest.raises(ContractError, match=r"example\(2, 1, 4\) of cross_entropy, region\(2, 1\) of dice"):
        (ls.cross_entropy + ls.dice)(**{k: array(v) for k, v in given.items()}, where=array([[True], [True]]))


def test_an_option_that_some_parts_with_the_units_do_not_take_is_refused(monkeypatch):
    monkeypatch.setattr("lossspec.composite.TAIL", ("only_some", "where"))
    part = ls.huber.configured(delta=2.0)
    part.declared.known |= {"only_some"}
    with pytest.raises(
        ContractError, match="`only_some` says something of units of squared_error, which does not take"
    ):
        (part + ls.squared_error)(np.asarray([1.0]), np.asarray([0.0]), only_some=1)


def test_units_of_one_shape_share_mask_and_weight_whatever_their_name(array, plain):
    loss = ls.cross_entropy + ls.squared_error
    inputs = array(LOGITS), array(LABELS), array([1.0, 2.0, 3.0]), array([0.0, 0.0, 0.0])
    value = loss(*inputs, where=array([True, False, True]), sample_weight=array([1.0, 1.0, 3.0]))
    assert plain(value) == close((CE[0] + 3 * CE[2]) / 4 + (1 + 3 * 9) / 4)


def test_masks_are_shared_within_programs_and_transforms(usable):
    backend = usable("jax")
    import jax

    logits, labels = backend.from_numpy(np.asarray([*LOGITS[:2], [nan] * 3])), backend.from_numpy(np.asarray(LABELS))
    weight = backend.from_numpy(np.asarray(CLASS_WEIGHT))
    call = jax.jit(jax.grad(lambda x, y, w: BOTH(x, y, ignore_index=2, class_weight=w)))
    assert np.isfinite(np.asarray(call(logits, labels, weight))).all()
    torch = usable("torch")
    given = [torch.from_numpy(np.asarray(x)) for x in (LOGITS, LABELS, CLASS_WEIGHT)]
    compiled = probe_of(torch).compile_quickly(lambda x, y, w: BOTH(x, y, ignore_index=2, class_weight=w))
    assert float(compiled(*given)) == close(float(BOTH(*given[:2], ignore_index=2, class_weight=given[2])))


# What the parts declare.

HARD = ("focal", "squentropy", "generalized_cross_entropy_with_logits", "sparsemax", "multi_margin", "multiclass_hinge")


@pytest.mark.parametrize("name", HARD)
def test_labels_join_labels_or_distributions(array, plain, name):
    other = ls.get(name)
    scores = other.contract.inputs[0].name
    for loss in (ls.cross_entropy + other, other + ls.cross_entropy):
        inputs = {"logits": array(LOGITS), scores: array(LOGITS), "labels": array(LABELS)}
        alone = float(plain(other(inputs[scores], inputs["labels"])))
        assert plain(loss(**inputs)) == close(sum(CE) / 3 + alone)
        (labels,) = (argument for argument in loss.contract.inputs if argument.name == "labels")
        assert labels.terms[0].name == "Label"
        assert {t.name for t in labels.terms} <= {t.name for a in ls.cross_entropy.contract.inputs for t in a.terms}
    assert (ls.cross_entropy + other).contract.label is not None


def test_parts_without_a_term_in_common_clash():
    with pytest.raises(ContractError, match=r"huber \+ dice: the parts declare `targets`"):
        ls.huber + ls.dice
    with pytest.raises(ContractError, match=r"the parts declare `margin` as int.* and as Positive"):
        ls.large_margin_softmax + ls.contrastive
    joined = ls.multi_margin + ls.reward_bradley_terry
    (margin,) = (argument for argument in joined.contract.parameters if argument.name == "margin")
    assert [str(term) for term in margin.terms] == ["NonNegative[#*batch]", "NonNegative"]


# The algebra.

X, Y = [3.0, 1.0], [0.0, 0.0]
HUBER, SQUARED = (2.5 + 0.5) / 2, (9.0 + 1.0) / 2


def test_losses_are_added_subtracted_and_scaled(array, plain):
    x, y = array(X), array(Y)
    a, b = ls.huber, ls.squared_error
    for loss, expected in (
        (-a, -HUBER),
        (a - b, HUBER - SQUARED),
        (a / 2, HUBER / 2),
        (b / array(4.0), SQUARED / 4),
        (a * array(2.0) / 4, HUBER / 2),
        (sum([a, b, a]), 2 * HUBER + SQUARED),
        (-(a - 2 * b) / 2, SQUARED - HUBER / 2),
        (np.asarray(0.5) * a if plain(x) is x else a * 0.5, HUBER / 2),
    ):
        assert plain(loss(x, y)) == close(expected)
        assert plain(loss.partial(x, y).value()) == close(expected)
    assert a - b == a + -1.0 * b
    assert hash(a / 2) == hash(0.5 * a)


@pytest.mark.parametrize(
    "factor",
    ["a", None, True, [2.0], 1j, ls.huber, np.asarray([1.0, 2.0]), np.asarray(2), object()],
    ids=lambda x: type(x).__name__,
)
def test_a_factor_that_is_no_real_number_is_refused_at_once(factor):
    products = [lambda: ls.huber * factor, lambda: factor * (0.5 * ls.huber), lambda: (ls.huber + ls.huber) * factor]
    for product in (*products, lambda: ls.huber / factor):
        with pytest.raises(ContractError, match=r"huber: (a loss is multiplied by a real number|a factor of shape)"):
            product()


def test_other_operands_are_refused():
    with pytest.raises(ContractError, match="huber: a loss cannot be divided by 0"):
        ls.huber / 0
    for wrong in (lambda: ls.huber + 1, lambda: 1 + ls.huber, lambda: ls.huber - 1, lambda: ls.huber + None):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(DTypeError):
        ls.huber * "a"


def test_a_sum_is_configured_in_all_parts_that_take_it(array, plain):
    x, y = array(X), array(Y)
    loss = (ls.huber + ls.squared_error).configured(delta=2.0, reduction="sum")
    assert plain(loss(x, y)) == close(4.0 + 0.5 + 10.0)
    assert plain(loss(x, y, reduction="mean")) == close((4.0 + 0.5 + 10.0) / 2)
    assert loss == ls.huber.configured(delta=2.0, reduction="sum") + ls.squared_error.configured(reduction="sum")
    with pytest.raises(ContractError, match=r"huber \+ squared_error takes no argument `dleta`. Did you mean `delta`"):
        (ls.huber + ls.squared_error).configured(dleta=2.0)
    with pytest.raises(
        ContractError, match="`class_weight` cannot be configured for parts of which some have no labels"
    ):
        BOTH.configured(class_weight=np.ones(3))
    with pytest.raises(ContractError, match="belongs to the data"):
        BOTH.configured(where=np.ones(3))
    weighed = (ls.cross_entropy + ls.focal).configured(class_weight=array(CLASS_WEIGHT))
    assert plain(weighed(array(LOGITS), array(LABELS))) == close(
        float(plain((ls.cross_entropy + ls.focal)(array(LOGITS), array(LABELS), class_weight=array(CLASS_WEIGHT))))
    )


def test_a_sum_checks_a_call_as_the_call_would(array):
    loss = ls.huber + ls.squared_error
    loss.check(array(X), array(Y))
    for inputs in ((array(X),), (array(X), array([1.0])), (array(X), array([0, 0]))):
        with pytest.raises(ContractError) as said:
            loss.check(*inputs)
        with pytest.raises(ContractError) as raised:
            loss(*inputs)
        assert str(said.value) == str(raised.value)
    with pytest.raises(ContractError, match="takes no argument `dleta`"):
        loss.check(array(X), array(Y), dleta=1.0)


def test_second_derivatives_of_a_sum_are_sums(array, plain):
    loss = 2 * ls.huber + ls.squared_error / 2 - ls.huber
    gradient, hessian = loss.grad_hess(array([3.0, 0.5]), array(Y), sample_weight=array([1.0, 2.0]))
    assert plain(gradient) == close([1 + 3, 2 * (0.5 + 0.5)])
    assert plain(hessian) == close([0 + 1, 2 * (1 + 1)])
    classes = BOTH.grad_hess(array(LOGITS), array(LABELS), ignore_index=2)[1]
    parts = [
        part.grad_hess(array(LOGITS), *rest)[1] for part, *rest in ((ls.cross_entropy, array(LABELS)), (ls.z_loss,))
    ]
    expected = sum(np.asarray(plain(part)) for part in parts)
    assert plain(classes)[:2] == close(expected[:2])
    assert plain(classes)[2].tolist() == [0.0] * 3
    with pytest.raises(ContractError, match=r"classes at the axes \[-1, 0\]"):
        (ls.cross_entropy + ls.z_loss.configured(axis=0)).grad_hess(array(LOGITS), array(LABELS))


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
def test_a_factor_can_be_learned(usable, framework):
    backend = usable(framework)
    x, y, a = (backend.from_numpy(np.asarray(v)) for v in (X, Y, 0.5))

    def total(a):
        return (a * ls.huber + ls.squared_error * (1 - a))(x, y)

    value, gradient = ls.value_and_grad(total)(a)
    assert float(value) == close(0.5 * HUBER + 0.5 * SQUARED)
    assert float(gradient) == close(HUBER - SQUARED)
    if framework == "jax":
        import jax

        assert float(jax.jit(total)(0.5)) == close(0.5 * HUBER + 0.5 * SQUARED)
        assert float(jax.jit(jax.grad(total))(0.5)) == close(HUBER - SQUARED)
        value, gradient = jax.jit(lambda a: (a * ls.huber).value_and_grad(x, y))(0.5)
        assert float(value) == close(HUBER / 2)
        assert np.asarray(gradient).tolist() == [0.25, 0.25]
        merged = jax.jit(lambda a: sum((a * ls.huber).partial(x, y) for _ in range(2)).value())
        assert float(merged(0.5)) == close(HUBER / 2)


def test_partials_of_other_factors_do_not_merge(array):
    x, y = array(X), array(Y)
    one, again, other = ((ls.huber * array(a)).partial(x, y) for a in (0.5, 0.5, 0.5 + 1e-15))
    one + again
    with pytest.raises(MergeError, match="different composites"):
        one + other


# Lists of arrays.


def test_a_list_is_checked_as_the_call_takes_it(array):
    ls.l2_regularization.check([array(X), array([[1.0]])])
    (ls.l2_regularization + ls.l1_regularization).check([array(X), array([[1.0]])])
    ls.l2_regularization.check([array(X)], where=[array([True, False])])
    with pytest.raises(ContractError, match="`where` must be one as well"):
        ls.l2_regularization.check([array(X)], where=array([True, False]))
    with pytest.raises(DTypeError, match="`parameters` is a list"):
        ls.l2_regularization.check([])


def test_a_list_of_two_dtypes_is_told_so(array, plain):
    given = [array(X), array(X, "float32")]
    for call in (ls.l2_regularization, ls.l2_regularization.check, ls.l2_regularization.partial):
        with pytest.raises(DTypeError, match=r"`parameters\[0\]` is .*float64 and `parameters\[1\]` is .*float32"):
            call(given)
