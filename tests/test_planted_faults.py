"""The checker is checked: each planted fault must turn its cell red, and the exit status of the command to 1."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from mpmath import mp
from typer.testing import CliRunner

from lossspec import Loss, cli, get, loss, names
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.store import Store
from lossspec.loss import Specified
from lossspec.numerics import array_namespace, normalize, positions, sigmoid, softplus, stop_gradient
from lossspec.plan import Plans, make_plan
from lossspec.registry import _registry
from lossspec.terms import Indicator, Logits, NonNegative, Real, UnitInterval

STORE = Store()


def planted(name: str, function=None, kind=Specified) -> Loss:
    """The loss of that name with another body, or of another kind, judged by the same definition."""
    original = get(name)
    faulty = kind(function or original.__wrapped__, original.contract, original.declared.finalizer)
    faulty.__module__ = original.__module__
    return faulty


def claims(name: str, **claim) -> Loss:
    """The loss of that name, under a contract that says more than is true."""
    original = get(name)
    return Specified(original.__wrapped__, replace(original.contract, **claim), original.declared.finalizer)


class DropsWeights(Specified):
    def _measure(self, inputs, options):
        return super()._measure(inputs, options)._replace(factor=None, counts=None)


class DividesByTheCount(Specified):
    def __call__(self, *inputs, reduction=None, **options):
        return super().__call__(
            *inputs, reduction="count_mean" if reduction in (None, "mean") else reduction, **options
        )


class MasksByMultiplication(Specified):
    def __call__(self, *inputs, where=None, sample_weight=None, **options):
        if where is not None:
            xp = array_namespace(where)
            factor = xp.astype(where, next(iter(options.values())).dtype)
            sample_weight = factor if sample_weight is None else factor * sample_weight
        return super().__call__(*inputs, sample_weight=sample_weight, **options)


class ReadsMaskedEntries(Specified):
    """Selects the result but not the inputs: the value is right, the gradient is 0 * NaN."""

    def _measure(self, inputs, options):
        where = options.pop("where", None)
        call = super()._measure(inputs, options)
        if where is not None:
            kept = tuple(call.plan.xp.where(where, s, 0.0) for s in call.statistics)
            call = call._replace(selected=where, statistics=kept)
        return call


class MasksPixelsByMultiplication(Specified):
    """The value and the gradient are right where what is left out is a number."""

    def _measure(self, inputs, options):
        mask = options.pop("where_entries", None)
        if mask is not None:
            factor = mask if mask.ndim == options["targets"].ndim else mask[:, None]
            options |= {name: options[name] * factor.astype(options[name].dtype) for name in self.declared.inputs}
        return super()._measure(inputs, options)


class WeighsMixturesAsAWhole(Specified):
    """Multiplies the loss of a distribution by the mean of its class weights, which belong to the classes."""

    def __call__(self, *inputs, class_weight=None, sample_weight=None, **options):
        labels = options["labels"]
        if class_weight is not None and labels.dtype.kind == "f":
            expected = array_namespace(labels).sum(labels * class_weight, axis=-1)
            sample_weight = expected if sample_weight is None else sample_weight * expected
            class_weight = None
        return super().__call__(*inputs, class_weight=class_weight, sample_weight=sample_weight, **options)


class MergesTheMeans(Specified):
    def partial(self, *inputs, **options):
        part = super().partial(*inputs, **options)
        object.__setattr__(part, "weight", part.count)
        return part


class BendsTooMuch(Specified):
    """The value and the gradient are right."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        return gradient, 1.001 * hessian


class BendsHalf(Specified):
    """The value and the gradient are right."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        return gradient, 0.5 * hessian


class ALittleMore(Specified):
    """A hundredth is too much of everything."""

    def __call__(self, *inputs, **options):
        return 1.01 * super().__call__(*inputs, **options)

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        return gradient, 1.01 * hessian


class BendsNowhere(Specified):
    """The second derivative is no number in one entry, which the oracle need not have sampled."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        first = array_namespace(hessian).cumulative_sum(gradient * 0 + 1) == 1
        return gradient, array_namespace(hessian).where(first, float("nan"), hessian)


class BendsNowhereIfSure(Specified):
    """A second derivative too small to be seen beside 1e-28 is 0."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        xp = array_namespace(hessian)
        return gradient, xp.where(xp.abs(hessian) < 1e-28, 0.0, hessian)


class SlopesTooMuch(Specified):
    """The gradient that comes with the second derivative is wrong, that of `value_and_grad` is right."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        return 1.001 * gradient, hessian


class RemembersWhatACompilerSees(Specified):
    """Keeps plans by shape while the call is traced, which makes every size a graph."""

    def __init__(self, *declared):
        super().__init__(*declared)
        self.plans = PlansOfAnyCall(self.contract)


class PlansOfAnyCall(Plans):
    def of(self, values, keywords):
        key = (keywords.axis, *((name, x.shape) for name, x in values.items() if hasattr(x, "shape")))
        if key not in self.known:
            self.known[key] = make_plan(self.contract, values, keywords)
        return self.known[key]


def multiplies_as_the_framework_likes(queries, keys, temperature, normalized):
    queries, keys = (normalize(x)[0] if normalized else x for x in (queries, keys))
    scores = queries @ array_namespace(keys).matrix_transpose(keys) / temperature
    return get("cross_entropy").per_example(scores, array_namespace(scores).arange(scores.shape[0]))


class HidesNan(Specified):
    """A label out of range makes the loss NaN by a choice, which drops what is pulled back."""

    def _measure(self, inputs, options):
        def choose(s, *bad):
            return array_namespace(s).where(bad[0], float("nan"), s) if bad else s

        with patch("lossspec.pipeline.carry_nan", choose):
            return super()._measure(inputs, options)


def wrong_factor(predictions, targets):
    return 1.001 * (predictions - targets) ** 2


def bends_at_no_difference(predictions, targets, delta):
    xp = array_namespace(predictions)
    distance = xp.abs(predictions - targets)
    slope = xp.where(distance > delta, delta, distance)
    return slope * (distance - 0.5 * slope)


def nan_gradient(predictions, targets, delta):
    xp = array_namespace(predictions)
    distance = xp.sqrt((predictions - targets) ** 2)
    beyond = distance > delta
    quadratic = xp.where(beyond, delta, distance)
    return quadratic * (0.5 * quadratic) + delta * xp.where(beyond, distance - delta, 0.0)


def host_copy(predictions, targets):
    return predictions * 0 + (predictions - type(predictions)._new(np.asarray(targets), predictions.device)) ** 2


def cancels(logits, labels, label_smoothing):
    xp = array_namespace(logits)
    top = xp.max(logits, axis=-1, keepdims=True)
    own = xp.take_along_axis(logits, labels[..., None], axis=-1)
    return (top + xp.log(xp.sum(xp.exp(logits - top), axis=-1, keepdims=True)) - own)[..., 0]


def leaks_an_offset(logits, labels, label_smoothing):
    """The digits of a small loss are kept, those of large logits are not."""
    xp = array_namespace(logits)
    index = labels[..., None]
    others = xp.where(positions(logits, dtype=labels.dtype) == index, -float("inf"), logits)
    top = xp.max(others, axis=-1, keepdims=True)
    rival = top + xp.log(xp.sum(xp.exp(others - top), axis=-1, keepdims=True))
    return softplus(rival - xp.take_along_axis(logits, index, axis=-1))[..., 0]


def forgets_the_last_pair(first, second, labels, margin):
    return get("cosine_embedding").__wrapped__(first, second, labels, margin=margin * 0.999 + 0.001)


def forgets_a_row_of_classes(features, labels, weights, margin):
    first = positions(weights, -2) == 0
    weights = array_namespace(weights).where(first, stop_gradient(weights), weights)
    return get("large_margin_softmax").__wrapped__(features, labels, weights, margin=margin)


def swallows_nan(logits, labels):
    agreement = labels * logits
    return array_namespace(logits).where(agreement < 1, 1 - agreement, 0.0)


def slopes_at_nan(fake_scores):
    return -fake_scores


def spreads_nan(logits, labels, label_smoothing):
    each = get("cross_entropy").__wrapped__(logits, labels, label_smoothing=label_smoothing)
    return each + 0 * array_namespace(logits).sum(each)


def counts_what_is_left_out(probabilities, targets, entries=None):
    """A mask by multiplication: a pixel that does not count is a true negative."""
    return get("mcc").__wrapped__(probabilities, targets)


def steps_over_what_is_left_out(images, isotropic=False, entries=None):
    """A pixel that does not count is a black one."""
    return get("total_variation").__wrapped__(images, isotropic=isotropic)


def divides_by_the_length(log_probabilities, old_log_probabilities, advantages, lengths, entries=None, **clips):
    """Tokens that are left out add no logarithm, but count in the mean."""
    return get("gspo").__wrapped__(log_probabilities, old_log_probabilities, advantages, lengths, **clips)


def asymmetric_by_probabilities(
    logits: Logits["*batch"],
    targets: Indicator["*batch"],
    *,
    gamma_positive: NonNegative = 0.0,
    gamma_negative: NonNegative = 4.0,
    clip: UnitInterval = 0.05,
) -> Real["*batch"]:
    """Focal with a factor for each side, which forgets negatives below a probability."""
    xp = array_namespace(logits)
    missed = sigmoid(logits) - clip
    counts = ~(missed <= 0)
    kept = xp.where(counts, sigmoid(-logits) + clip, 1.0)  # 0 for a sure logit, where nothing is forgotten
    negative = xp.where(counts, missed, 1.0) ** gamma_negative * -xp.log(kept)
    return xp.where(targets > 0, xp.exp(-gamma_positive * softplus(logits)) * softplus(-logits), negative)


def asymmetric_in_words(logits, targets, gamma_positive, gamma_negative, clip):
    p = 1 / (1 + mp.exp(-logits))
    missed = max(p - clip, 0)
    if targets > 0:
        return (1 - p) ** gamma_positive * -mp.log(p)
    return missed**gamma_negative * -mp.log(1 - missed) if missed > 0 else mp.mpf(0)


def third_party(function, definition) -> Loss:
    """A loss outside of the catalogue."""
    declare = loss(family="own", unit="element", source="a test", definition=definition)
    declared = declare(function)
    del _registry[function.__name__]
    return declared


FAULTS = {
    "a wrong factor": (planted("squared_error", wrong_factor), "numpy"),
    "a dropped weight": (planted("squared_error", kind=DropsWeights), "numpy"),
    "a wrong denominator": (planted("cross_entropy", kind=DividesByTheCount), "numpy"),
    "a mask by multiplication": (planted("squared_error", kind=MasksByMultiplication), "numpy"),
    "a mask of the result only": (planted("kl_divergence", kind=ReadsMaskedEntries), "torch"),
    "a NaN gradient": (planted("huber", nan_gradient), "torch"),
    "a host copy": (planted("squared_error", host_copy), "strict"),
    "cancelled digits": (planted("cross_entropy", cancels), "numpy"),
    "a shifted margin": (planted("cosine_embedding", forgets_the_last_pair), "numpy"),
    "a wrong second derivative": (planted("cross_entropy", kind=BendsTooMuch), "numpy"),
    "a NaN second derivative": (planted("squared_error", kind=BendsNowhere), "strict"),
    "a wrong gradient beside the second": (planted("squared_error", kind=SlopesTooMuch), "numpy"),
    "a compiled wrong second derivative": (planted("squared_error", kind=BendsTooMuch), "jax"),
    "no curvature at a kink that is none": (planted("huber", bends_at_no_difference), "numpy"),
    "a shared input without a gradient": (planted("large_margin_softmax", forgets_a_row_of_classes), "numpy"),
    "a ramp that is called convex": (claims("ramp", convex_in=("scores",)), "numpy"),
    "a smooth ramp that is called convex": (claims("soft_ramp", convex_in=("scores",)), "numpy"),
    "a risk that is called convex": (claims("risk", convex_in=("scores", "costs")), "numpy"),
    "an infinite ramp that is called convex in its costs": (claims("infinite_ramp", convex_in=("costs",)), "numpy"),
    "a plan that a compiler sees": (planted("gan_discriminator", kind=RemembersWhatACompilerSees), "torch"),
    "a product in mixed precision": (planted("info_nce", multiplies_as_the_framework_likes), "torch"),
    "a hinge that takes NaN for 0": (planted("hinge", swallows_nan), "numpy"),
    "a NaN with a gradient that is a number": (planted("wgan_generator", slopes_at_nan), "torch"),
    "a label out of range with a gradient that is a number": (planted("cross_entropy", kind=HidesNan), "numpy"),
    "a NaN that reaches other units": (planted("cross_entropy", spreads_nan), "numpy"),
    "a pixel mask by multiplication": (planted("mcc", counts_what_is_left_out), "numpy"),
    "steps over a pixel mask": (planted("total_variation", steps_over_what_is_left_out), "numpy"),
    "tokens left out of a sum alone": (planted("gspo", divides_by_the_length), "numpy"),
    "the leak of a shared offset": (planted("cross_entropy", leaks_an_offset), "numpy"),
    "a hinge that is called invariant": (claims("categorical_hinge", invariant_in=("logits",)), "numpy"),
    "a square that is called invariant": (claims("squentropy", invariant_in=("logits",)), "numpy"),
    "a pixel mask that multiplies NaN": (planted("dice", kind=MasksPixelsByMultiplication), "numpy"),
    "a class weight of a whole mixture": (planted("cross_entropy", kind=WeighsMixturesAsAWhole), "numpy"),
    "a square that is called linear in labels": (claims("brier", why_nonlinear=""), "numpy"),
    "infinity at the end of a parameter": (third_party(asymmetric_by_probabilities, asymmetric_in_words), "numpy"),
    "half a second derivative of the sure": (planted("sigmoid_focal", kind=BendsHalf), "numpy"),
    "half a compiled second derivative of the sure": (planted("sigmoid_focal", kind=BendsHalf), "jax"),
    "half a second derivative of the sure in regions": (planted("dice_focal", kind=BendsHalf), "numpy"),
    "no second derivative of the nearly sure": (planted("cross_entropy", kind=BendsNowhereIfSure), "numpy"),
    "means of means": (planted("squared_error", kind=MergesTheMeans), "numpy"),
}


SHOWN_IN = {
    "a plan that a compiler sees": "float32",
    "a compiled wrong second derivative": "float64",
    "half a compiled second derivative of the sure": "float64",
}
"""Faults in what one dtype stands for, which the other is spared: see `laws.spared` and `Bench.has_hessians`."""


@pytest.mark.parametrize(
    ("fault", "dtype"), [(f, d) for d in ("float32", "float64") for f in FAULTS if SHOWN_IN.get(f, d) == d]
)
def test_a_planted_fault_turns_the_cell_red(fault, dtype):
    faulty, backend = FAULTS[fault]
    (job,) = plan([faulty], [backend], [dtype])
    if job.reason:
        pytest.skip(f"not run: {job.reason}")
    cell = run_cell(job, STORE)
    assert cell.status == "fail"
    assert cell.failures


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("a plan that a compiler sees", "one graph for many sizes"),
        ("a product in mixed precision", "mixed precision changes nothing"),
    ],
)
def test_the_law_that_a_fault_breaks_says_so(fault, law):
    faulty, backend = FAULTS[fault]
    cell = run_cell(plan([faulty], [backend], ["float32"])[0], STORE)
    assert any(f"law '{law}'" in failure for failure in cell.failures)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "NaN for 0" in fault or "a number" in fault])
def test_what_is_done_to_nan_is_all_that_is_wrong(fault):
    faulty, backend = FAULTS[fault]
    (job,) = plan([faulty], [backend], ["float64"])
    if job.reason:
        pytest.skip(f"not run: {job.reason}")
    broken = {
        name for name, outcome in run_cell(job, STORE).laws.items() if outcome != "holds" and "not run" not in outcome
    }
    assert broken == {"NaN in is NaN out"}


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("a class weight of a whole mixture", "a soft label is a mixture"),
        ("a square that is called linear in labels", "a soft label is a mixture"),
        ("steps over a pixel mask", "left-out entries do not count"),
        ("tokens left out of a sum alone", "left-out entries do not count"),
    ],
)
def test_the_law_sees_it_too(fault, law):
    faulty, backend = FAULTS[fault]
    (job,) = plan([faulty], [backend], ["float64"])
    assert "is not" in run_cell(job, STORE).laws[law]


def test_only_the_end_of_its_parameter_shows_an_infinity():
    (job,) = plan([FAULTS["infinity at the end of a parameter"][0]], ["numpy"], ["float64"])
    cell = run_cell(job, STORE)
    assert cell.failures
    assert all(failure.startswith("clip=0, hard") for failure in cell.failures)


def larger_budgets():
    """The losses with a larger budget, each with the backends that have it."""
    for name in names():
        budget = get(name).contract.accuracy
        if budget.is_larger:
            yield name, "numpy"
        for backend, own in budget.on.items():
            if own.is_larger:
                yield name, backend


@pytest.mark.parametrize(("name", "backend"), list(larger_budgets()))
def test_a_larger_budget_can_still_fail(name, backend):
    jobs = plan([planted(name, kind=ALittleMore)], [backend], ["float32", "float64"])
    if jobs[0].reason:
        pytest.skip(f"not run: {jobs[0].reason}")
    cells = [run_cell(job, STORE) for job in jobs]
    budget = get(name).contract.accuracy.of(backend)
    for kind, usual in (("value", 4.0), ("gradient", 8.0), ("hessian", 8.0)):
        worst = max(getattr(cell, f"{kind}_error") or 0.0 for cell in cells)
        assert getattr(budget, kind) == usual or worst > getattr(budget, kind), (kind, worst)


def test_without_a_fault_the_same_cell_is_green():
    for name in ("squared_error", "cross_entropy"):
        (job,) = plan([planted(name)], ["numpy"], ["float64"])
        assert run_cell(job, STORE).status == "pass"


@pytest.fixture
def third_party_loss():
    from lossspec.terms import Real

    def define(predictions, targets):
        return abs(predictions - targets)

    def declare(factor: float):
        @loss(family="regression", unit="element", source="a test", definition=define)
        def planted_absolute_error(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
            """The absolute difference."""
            return factor * array_namespace(predictions).abs(predictions - targets)

        return planted_absolute_error

    return declare


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (1.001, 1)])
def test_the_command_ends_with_status_1_if_a_cell_fails(third_party_loss, factor, status):
    third_party_loss(factor)
    result = CliRunner().invoke(cli.app, ["check", "--loss", "planted_absolute_error", "--backend", "numpy"])
    assert result.exit_code == status, result.output
    assert ("FAIL" in result.output) == bool(status)
