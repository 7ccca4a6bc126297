"""The checker is checked: each planted fault must turn its cell red, and the exit status of the command to 1."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from lossspec import Loss, cli, get, loss
from lossspec.conformance.expected import Store
from lossspec.conformance.matrix import plan, run_cell
from lossspec.loss import Specified
from lossspec.numerics import array_namespace, positions, stop_gradient
from lossspec.registry import _registry

STORE = Store()


def planted(name: str, function=None, kind=Specified) -> Loss:
    """The loss of that name with another body, or of another kind, judged by the same definition."""
    original = get(name)
    faulty = kind(function or original._function, original.contract, original._finalizer)
    faulty.__module__ = original.__module__
    return faulty


def claims(name: str, **claim) -> Loss:
    """The loss of that name, under a contract that says more than is true."""
    original = get(name)
    return Specified(original._function, replace(original.contract, **claim), original._finalizer)


class DropsWeights(Specified):
    def _weighted(self, call):
        return call.statistics


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
            call.selected = where
            call.statistics = tuple(call.plan.xp.where(where, s, 0.0) for s in call.statistics)
        return call


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


class BendsNowhere(Specified):
    """The second derivative is no number in one entry, which the oracle need not have sampled."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        first = array_namespace(hessian).cumulative_sum(gradient * 0 + 1) == 1
        return gradient, array_namespace(hessian).where(first, float("nan"), hessian)


class SlopesTooMuch(Specified):
    """The gradient that comes with the second derivative is wrong, that of `value_and_grad` is right."""

    def grad_hess(self, *inputs, **options):
        gradient, hessian = super().grad_hess(*inputs, **options)
        return 1.001 * gradient, hessian


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


def forgets_the_last_pair(first, second, labels, margin):
    return get("cosine_embedding")._function(first, second, labels, margin=margin * 0.999 + 0.001)


def forgets_a_row_of_classes(features, labels, weights, margin):
    first = positions(weights, -2) == 0
    weights = array_namespace(weights).where(first, stop_gradient(weights), weights)
    return get("large_margin_softmax")._function(features, labels, weights, margin=margin)


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
    "means of means": (planted("squared_error", kind=MergesTheMeans), "numpy"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_planted_fault_turns_the_cell_red(fault, dtype):
    faulty, backend = FAULTS[fault]
    (job,) = plan([faulty], [backend], [dtype])
    if job.reason:
        pytest.skip(f"not run: {job.reason}")
    cell = run_cell(job, STORE)
    assert cell.status == "fail"
    assert cell.failures


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

    yield declare
    _registry.pop("planted_absolute_error", None)


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (1.001, 1)])
def test_the_command_ends_with_status_1_if_a_cell_fails(third_party_loss, factor, status):
    third_party_loss(factor)
    result = CliRunner().invoke(cli.app, ["check", "--loss", "planted_absolute_error", "--backend", "numpy"])
    assert result.exit_code == status, result.output
    assert ("FAIL" in result.output) == bool(status)
