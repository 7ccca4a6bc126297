"""A contract is complete, printable, and JSON of a known schema; a loss is a value; a declaration is all one needs."""

import inspect
import json
import pydoc
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import lossspec as ls
from lossspec.contract import read_contract
from lossspec.errors import ContractError, DTypeError, LossSpecError, MergeError
from lossspec.numerics import array_namespace
from lossspec.terms import Label, Length, NonNegative, Real, Shape, Statistics

SCHEMA = Draft202012Validator(json.loads((files("lossspec") / "contract.schema.json").read_text("utf-8")))
every_loss = pytest.mark.parametrize("loss", [ls.get(name) for name in ls.names()], ids=ls.names())
COMPOSITES = [0.5 * ls.huber, ls.cross_entropy + 2 * ls.dice, ls.huber + ls.info_nce, ls.huber + ls.elastic_net]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("loss", [*map(ls.get, ls.names()), *COMPOSITES], ids=lambda loss: loss.contract.name)
def test_a_contract_is_json_of_the_schema(loss):
    contract = loss.contract.to_dict()
    again = json.loads(json.dumps(contract, allow_nan=False))
    assert again == contract
    assert [error.message for error in SCHEMA.iter_errors(again)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.pop("unit"),
        lambda c: c.update(extra=1),
        lambda c: c.update(form="coupled"),
        lambda c: c["inputs"][0].pop("terms"),
        lambda c: c["inputs"][0].update(type="int"),
        lambda c: c["inputs"][0]["terms"][0].update(shape="*batch"),
        lambda c: c["reductions"].append("average"),
    ],
)
def test_the_schema_refuses_what_is_no_contract(spoil):
    contract = ls.cross_entropy.contract.to_dict()
    spoil(contract)
    assert not SCHEMA.is_valid(contract)


@pytest.mark.parametrize("default", [np.float64(2.0), np.asarray(2.0)], ids=["NumPy number", "array"])
def test_a_contract_configured_with_an_array_library_is_json(default):
    contract = ls.huber.configured(delta=default).contract.to_dict()
    assert [error.message for error in SCHEMA.iter_errors(json.loads(json.dumps(contract)))] == []


@every_loss
def test_a_loss_prints_its_contract_in_one_line(loss):
    text = repr(loss)
    assert "\n" not in text
    assert text.startswith(f"<loss {loss.contract.name}(")
    assert f"-> {loss.contract.unit}{loss.contract.result}, {loss.contract.form}" in text
    for argument in loss.contract.arguments:
        assert f"{argument.name}: " in text


@every_loss
def test_a_loss_is_a_hashable_picklable_value(loss, pickled):
    assert pickled(loss) == loss
    assert {loss: 1}[pickled(loss)] == 1
    reduced = loss.configured(reduction=ls.Mean(over=3) if "over" in loss.contract.reductions else "sum")
    again = pickled(reduced)
    assert again == reduced
    assert hash(again) == hash(reduced)
    assert reduced != loss
    assert again.contract.to_dict() == reduced.contract.to_dict()


def test_a_configured_loss_with_nothing_new_is_the_loss():
    assert ls.huber.configured() == ls.huber
    assert ls.huber.configured(delta=2.0) == ls.huber.configured(delta=2.0)
    assert ls.huber.configured(delta=2.0) != ls.huber.configured(delta=3.0)
    assert "delta: Positive[#*batch] = 2.0" in repr(ls.huber.configured(delta=2.0))
    assert "reduction='sum'" in repr(ls.huber.configured(reduction="sum"))


@every_loss
def test_every_name_and_alias_is_the_same_object(loss):
    assert all(ls.get(name) is loss for name in (loss.contract.name, *loss.contract.aliases))
    assert getattr(ls, loss.contract.name) is loss


def test_an_unknown_name_says_which_are_near():
    with pytest.raises(ContractError, match=r"no loss is called 'hubber'. Did you mean huber"):
        ls.get("hubber")
    with pytest.raises(ContractError, match=r"no loss is called 'zzz'\.$"):
        ls.get("zzz")


def test_a_signature_reads_as_it_is_written():
    assert str(inspect.signature(ls.huber)).startswith(
        "(predictions: Real[*batch], targets: Real[*batch], *, delta: Po"
    )
    assert "labels: Label[*batch] | Distribution[*batch classes]" in str(inspect.signature(ls.cross_entropy))
    assert "predictions: list[Real[batch ?channels *?space]]" in str(inspect.signature(ls.perceptual))
    assert "huber(predictions: Real[*batch]" in pydoc.render_doc(ls.huber, renderer=pydoc.plaintext)


@every_loss
def test_no_signature_shows_the_fields_of_a_term(loss):
    assert "Interval(" not in str(inspect.signature(loss))


@every_loss
def test_the_signature_lists_inputs_parameters_and_the_common_tail(loss):
    parameters = inspect.signature(loss).parameters
    contract = loss.contract
    assert list(parameters) == [argument.name for argument in contract.arguments] + list(contract.tail)
    assert {"reduction", "empty", "sample_weight", "where"} <= set(contract.tail)
    assert ("class_weight" in parameters) == (contract.label is not None)
    assert ("ignore_index" in parameters) == (contract.label is not None or contract.entry_label is not None)
    assert ("where_entries" in parameters) == bool(contract.entries)
    assert ("axis" in parameters) == contract.class_axis
    keyword_only = [name for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert keyword_only == [argument.name for argument in contract.parameters] + list(contract.tail)
    assert parameters["reduction"].default == contract.default_reduction
    assert (parameters["empty"].default, parameters["where"].default) == ("nan", None)


def test_the_signature_of_a_configured_loss_shows_its_defaults():
    options = {"label_smoothing": 0.1, "ignore_index": -100, "reduction": "sum"}
    parameters = inspect.signature(ls.cross_entropy.configured(**options)).parameters
    assert {name: parameters[name].default for name in options} == options


@every_loss
def test_a_docstring_says_what_a_user_has_to_know(loss):
    text = inspect.getdoc(loss)
    first, blank, *rest = text.split("\n")
    assert first.endswith(".")
    assert blank == ""
    assert re.match(r"[lL](_i)? = ", rest[0]), "the formula comes first"
    places = [text.find(f"\n{part}") for part in ("Shapes: ", "Weights and mean: ", "Errors: ", "Equals: ", ">>> ")]
    assert -1 not in places
    assert places == sorted(places)
    shapes = text[places[0] : places[1]]
    assert loss.contract.unit in shapes or loss.contract.form == "aggregate"
    assert all(f"`{argument.name}`" in shapes or len(loss.contract.inputs) > 2 for argument in loss.contract.inputs)
    assert loss.contract.summary == first


# What cannot be declared.


def declare(name="mine", **options):
    return ls.loss(**{"family": "own", "unit": "element", "source": "here", **options})


def test_an_accuracy_beyond_the_budget_needs_its_reason():
    assert ls.Accuracy(4.0, 8.0).reason == ""
    assert ls.Accuracy(20.0, 8.0, "a sum of squares of differences").value == 20.0
    for budget in ({"value": 5.0}, {"gradient": 9.0}, {"hessian": 9.0}):
        with pytest.raises(ValueError, match="needs its reason"):
            ls.Accuracy(**budget)


def test_a_budget_may_be_larger_on_one_backend_alone():
    on_one = ls.Accuracy(on={"jax": ls.Accuracy(hessian=64.0, reason="small factors are flushed")})
    assert not on_one.is_larger
    assert on_one.of("numpy") is on_one
    assert on_one.of("jax").hessian == 64.0
    words = "values 4, gradients 8, Hessians 64 eps * scale: small factors are flushed"
    assert str(on_one) == f"values 4, gradients 8, Hessians 8 eps * scale; on jax {words}"
    contract = replace(ls.huber.contract, accuracy=on_one).to_dict()
    assert contract["accuracy"]["on"]["jax"]["hessian"] == 64.0
    SCHEMA.validate(contract)
    with pytest.raises(ValueError, match="no `on` of its own"):
        ls.Accuracy(on={"jax": on_one})


@pytest.mark.parametrize("text", ["*batch *space", "*a b *c"])
def test_a_shape_with_two_variadic_axes_is_refused(text):
    with pytest.raises(ValueError, match="two variadic axes"):
        Shape.parse(text)
    with pytest.raises(ValueError, match="two variadic axes"):
        Real[text]


@pytest.mark.parametrize("text", ["batch,", "**batch", "a-b", "*", "2x"])
def test_a_shape_that_is_no_notation_is_refused(text):
    with pytest.raises(ValueError, match="is no axis"):
        Shape.parse(text)


def test_a_name_is_given_once():
    for options in ({}, {"aliases": ("torch:huber_loss",)}):
        with pytest.raises(LossSpecError, match="two losses are called 'huber"):

            @declare(**options)
            def huber(x: Real["*batch"]) -> Real["*batch"]:
                """Again."""
                return x


def test_a_name_may_mean_the_loss_under_other_defaults():
    @declare(also={"fresh_sum": {"reduction": "sum"}})
    def fresh_name(x: Real["*batch"]) -> Real["*batch"]:
        """The number itself."""
        return x

    x = np.asarray([1.0, 2.0])
    assert (float(ls.get("fresh_name")(x)), float(ls.get("fresh_sum")(x))) == (1.5, 3.0)
    assert ls.get("fresh_sum") == fresh_name.configured(reduction="sum")
    with pytest.raises(LossSpecError, match="two losses are called 'fresh_sum'"):

        @declare(also={"fresh_sum": {}})
        def other_name(x: Real["*batch"]) -> Real["*batch"]:
            """Again."""
            return x


def test_a_parameter_may_be_a_choice_or_a_function():
    @declare()
    def with_power(x: Real["*batch"], *, power: Literal["one", "two"] | Callable[..., Any] = "one") -> Real["*batch"]:
        """The number, or a function of it."""
        return power(x) if callable(power) else x if power == "one" else x * x

    x = np.asarray([3.0])
    assert [float(with_power(x, power=power)) for power in ("one", "two", lambda x: -x)] == [3.0, 9.0, -3.0]
    with pytest.raises(ContractError, match=r"`power` is 'three'; it must be one of \['one', 'two'\] or a function"):
        with_power(x, power="three")
    assert "power: 'one' | 'two' | function = 'one'" in repr(with_power)


def test_a_refused_declaration_leaves_no_name_behind():
    with pytest.raises(LossSpecError):

        @declare(aliases=("another_name", "rmse"))
        def fresh_name(x: Real["*batch"]) -> Real["*batch"]:
            """A loss with an alias that is taken."""
            return x

    assert "fresh_name" not in ls.names()


def no_docstring(x: Real["*batch"]) -> Real["*batch"]:
    return x


def no_return(x: Real["*batch"]):
    """No return annotation."""


def no_term(x: float) -> Real["*batch"]:
    """No term for x."""


def own_where(x: Real["*batch"], *, where: NonNegative = 1.0) -> Real["*batch"]:
    """Takes a keyword that is everyone's."""


def by_label(
    scores: Real["*batch classes"], labels: Label["*batch"], *, scale: NonNegative = 1.0
) -> Statistics["*batch", ""]:
    """Has one input of real numbers, one of integers and a parameter."""


def of_pixels(x: Real["batch *space"], *, entries: Any = None) -> Real["batch"]:
    """Has pixels that may be left out."""


def of_tokens(x: Real["batch time"], n: Length["batch", "of time"]) -> Real["batch"]:
    """Has tokens that may be left out."""


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (of_pixels, {}, "of_pixels: the function takes `entries`, whose shape is not declared"),
        (
            of_pixels,
            {"entries": "batch time"},
            r"of_pixels: the entries \[batch time\] are none of `x`, its first input",
        ),
        (of_tokens, {"entries": "time"}, r"of_tokens: the entries of sequences with lengths are \['batch', 'time'\]"),
        (no_docstring, {}, "no_docstring: a loss needs a docstring"),
        (no_return, {}, "no_return: the return annotation"),
        (no_term, {}, "no_term: the annotation of `x` is not a term"),
        (own_where, {}, r"own_where: \['where'\] are keywords of every loss"),
        (own_where, {"default_reduction": "average"}, "own_where: the default reduction 'average'"),
        (by_label, {"convex_in": ("score",)}, "by_label: `convex_in` names 'score', which is no input of real numbers"),
        (by_label, {"convex_in": ("labels",)}, "by_label: `convex_in` names 'labels', which is no input"),
        (by_label, {"convex_in": ("scale",)}, "by_label: `convex_in` names 'scale', which is no input"),
        (by_label, {"invariant_in": ("score",)}, "by_label: `invariant_in` names 'score', which is no input of real"),
        (
            by_label,
            {"convex_in": ("scores",), "finalize": abs, "reductions": ("sum",), "default_reduction": "sum"},
            "by_label: `convex_in` is about the loss of a unit, which aggregate losses do not have",
        ),
    ],
)
def test_a_declaration_that_lacks_something_is_refused(function, options, message):
    with pytest.raises(TypeError, match=message):
        declare(**options)(function)


def test_a_contract_says_where_the_loss_is_convex():
    assert ls.huber.contract.to_dict()["convex_in"] == ["predictions", "targets"]
    assert ls.huber.configured(delta=2.0).contract.convex_in == ("predictions", "targets")
    assert ls.ramp.contract.convex_in == ()
    assert (ls.huber + ls.squared_error).contract.convex_in == ()


def test_a_contract_says_what_may_be_shifted():
    assert ls.cross_entropy.contract.to_dict()["invariant_in"] == ["logits"]
    assert ls.listmle.configured(reduction="sum").contract.invariant_in == ("scores",)
    assert ls.squentropy.contract.invariant_in == ()


# A loss that someone else declares.


def test_a_loss_declared_elsewhere_does_all_that_ours_do(array, plain):
    @declare(aliases=("MyLoss",), perfect={"predictions": "targets"})
    def fourth_power(
        predictions: Real["*batch"], targets: Real["*batch"], *, scale: NonNegative = 1.0
    ) -> Real["*batch"]:
        """The fourth power of the difference."""
        return scale * (predictions - targets) ** 4

    x, y, mask = array([2.0, 1.0, np.nan]), array([0.0, 0.0, 0.0]), array([True, True, False])
    assert ls.get("MyLoss") is fourth_power
    assert "fourth_power" in ls.names()
    assert SCHEMA.is_valid(fourth_power.contract.to_dict())
    assert plain(fourth_power(x, y, where=mask)) == 17 / 2
    assert plain(fourth_power.per_example(x, y, where=mask, scale=2.0)).tolist() == [32.0, 2.0, 0.0]
    shards = [fourth_power.partial(x[cut], y[cut], where=mask[cut]) for cut in (slice(2, 3), slice(0, 2))]
    assert plain(sum(shards).value()) == 17 / 2
    assert plain((0.5 * fourth_power + ls.squared_error)(x, y, where=mask)) == 17 / 4 + 5 / 2
    with pytest.raises(ContractError, match="fourth_power: `targets` has shape"):
        fourth_power(x, array([[0.0]]))


def test_an_aggregate_declared_elsewhere_reduces_its_statistics_and_finishes(array, plain):
    def error_rate(wrong, right, *, scale):
        return scale * wrong / (wrong + right)

    @declare(finalize=error_rate, reductions=("sum",), default_reduction="sum", unit="example")
    def rate(
        logits: Real["*batch classes"], labels: Label["*batch"], *, scale: NonNegative = 1.0
    ) -> Statistics["*batch", ""]:
        """The share of wrong answers."""
        xp = array_namespace(logits)
        wrong = xp.astype(xp.astype(xp.argmax(logits, axis=-1), labels.dtype) != labels, logits.dtype)
        return wrong, 1 - wrong

    logits, labels = array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]), array([0, 0, 0, 1])
    assert plain(rate(logits, labels)) == 0.5
    assert plain(rate(logits, labels, scale=100.0, ignore_index=1)) == pytest.approx(100 / 3)
    weight = array([1.0, 5.0, 1.0, 1.0])
    assert plain(rate(logits, labels, sample_weight=weight)) == 6 / 8
    shards = [rate.partial(logits[i : i + 2, :], labels[i : i + 2], sample_weight=weight[i : i + 2]) for i in (2, 0)]
    assert plain(sum(shards).value()) == 6 / 8


def test_a_coupled_loss_declared_elsewhere_gives_its_reason(array, plain):
    @declare(coupled="the largest of the batch is everyone's reference.")
    def below_best(x: Real["batch"]) -> Real["batch"]:
        """The distance to the largest."""
        return array_namespace(x).max(x) - x

    assert plain(below_best(array([1.0, 4.0]))) == 1.5
    with pytest.raises(MergeError, match="below_best has no partials: the largest of the batch"):
        below_best.partial(array([1.0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_parameter_may_be_a_tuple_of_numbers(array, plain, dtype):
    logits, labels = array([[0.5, -1.0, 0.25]], dtype), array([2])
    alpha = (0.5, 2.0, 0.3)
    wanted = ls.focal(logits, labels, alpha=array(list(alpha), dtype))
    for found in (ls.focal(logits, labels, alpha=alpha), ls.focal.configured(alpha=alpha)(logits, labels)):
        assert found.dtype == wanted.dtype
        assert plain(found) == pytest.approx(plain(wanted), rel=1e-6)  # one of them may be computed by a kernel
    with pytest.raises(ContractError, match=r"focal: `alpha` has shape \(2,\), declared \[classes\]"):
        ls.focal(logits, labels, alpha=(1.0, 2.0))
    with pytest.raises(ContractError, match=r"focal: `alpha` holds -1\.0; its domain is \[0, inf\)"):
        ls.focal(logits, labels, alpha=(1.0, -1.0, 1.0))
    with pytest.raises(DTypeError, match=r"info_nce: `temperature` is \(1\.0, 2\.0\)"):
        ls.info_nce(logits, logits, temperature=(1.0, 2.0))


def test_a_default_that_is_a_tuple_is_a_list_in_json():
    declared = {x["name"]: x for x in ls.ms_ssim.contract.to_dict()["parameters"]}
    assert declared["scale_weights"]["default"] == [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def test_partials_under_a_tuple_of_numbers_merge(array, plain):
    predictions, targets = array([[[0.5, 0.25]], [[1.0, 0.0]]]), array([[[1.0, 0.0]], [[1.0, 0.5]]])
    bound, options = ls.batch_dice.configured(channel_weight=(2.0,)), {"channel_weight": (2.0,)}
    for loss, given in ((bound, {}), (ls.batch_dice, options)):
        shards = [loss.partial(predictions[i : i + 1, ...], targets[i : i + 1, ...], **given) for i in (0, 1)]
        assert plain((shards[0] + shards[1]).value()) == pytest.approx(plain(loss(predictions, targets, **given)))


def test_a_term_beside_a_type_declares_what_the_term_alone_declares():
    """As type checkers want it; of lists, unions and results too."""

    def alone(x: Real["*batch"], items: list[Real["*batch"]], *, level: NonNegative | None = None) -> Real["*batch"]:
        """A planted loss."""

    def typed(
        x: Annotated[Any, Real["*batch"]],
        items: list[Annotated[Any, Real["*batch"]]],
        *,
        level: Annotated[float | None, NonNegative | None] = None,
    ) -> Annotated[Any, Real["*batch"]]:
        """A planted loss."""

    typed.__name__ = alone.__name__
    declared = {"form": "pointwise", "family": "regression", "unit": "element", "source": "this test"}
    assert read_contract(typed, **declared) == read_contract(alone, **declared)
