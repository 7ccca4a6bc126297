"""Gradients and Hessians of losses, with one call on every backend."""

import functools
import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.autodiff import grad
from lossspec.conformance.probes import probe_of
from lossspec.numerics import array_namespace
from lossspec.terms import Real, Statistics

LOGITS = np.asarray([-40.0, -2.0, 0.0, 0.5, 30.0])
TARGETS = np.asarray([0.0, 1.0, 1.0, 0.0, 1.0])


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_grad_hess_of_a_binary_loss_is_the_closed_form_to_the_last_digits(backend):
    found = ls.binary_cross_entropy_with_logits.grad_hess(*map(backend.from_numpy, (LOGITS, TARGETS)))
    gradient, hessian = map(backend.to_numpy, found)
    exact = [-sigmoid(-z) if y else sigmoid(z) for z, y in zip(LOGITS, TARGETS, strict=True)]
    assert np.allclose(gradient, exact, rtol=1e-15, atol=0)
    assert np.allclose(hessian, [sigmoid(z) * sigmoid(-z) for z in LOGITS], rtol=2e-15, atol=0)


@pytest.mark.parametrize("axis", [0, 1])
def test_grad_hess_of_a_loss_of_classes_is_diagonal_per_example(backend, axis):
    logits, labels = np.asarray([[1.0, 2.0, -1.0], [0.0, 0.0, 3.0]]), np.asarray([1, 2])
    given = logits if axis == 1 else logits.T.copy()
    found = ls.cross_entropy.grad_hess(backend.from_numpy(given), backend.from_numpy(labels), axis=axis)
    gradient, hessian = (backend.to_numpy(x) if axis == 1 else backend.to_numpy(x).T for x in found)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(gradient, p - np.eye(3)[labels], rtol=1e-14, atol=1e-16)
    assert np.allclose(hessian, p * (1 - p), rtol=1e-14, atol=0)


def test_grad_hess_weighs_and_masks_as_the_sum_does(backend):
    x, y, w = (backend.from_numpy(np.asarray(v)) for v in ([3.0, 5.0, math.nan], [1.0, 1.0, 1.0], [1.0, 2.0, 4.0]))
    mask = backend.from_numpy(np.asarray([True, True, False]))
    gradient, hessian = map(backend.to_numpy, ls.squared_error.grad_hess(x, y, sample_weight=w, where=mask))
    assert gradient.tolist() == [4.0, 16.0, 0.0]
    assert hessian.tolist() == [2.0, 4.0, 0.0]


def test_a_quadratic_has_its_curvature_where_nothing_is_left_to_fit(backend):
    x = backend.from_numpy(np.asarray([0.0, 2.0, -3.0]))
    for loss, curvature in ((ls.huber, 1.0), (ls.squared_error, 2.0)):
        gradient, hessian = map(backend.to_numpy, loss.grad_hess(x, x))
        assert gradient.tolist() == [0.0] * 3
        assert hessian.tolist() == [curvature] * 3


def test_boxes_apart_have_exactly_no_curvature_where_the_loss_is_linear(backend):
    inner, outer = np.asarray([[0.3, 0.1, 0.7, 0.9]]), np.asarray([[1.1, 0.0, 1.7, 1.0]])
    _, hessian = ls.generalized_iou.grad_hess(*map(backend.from_numpy, (inner, outer)))
    assert np.all(backend.to_numpy(hessian)[0, 1:] == 0)  # only the left edge is one of the hull


@pytest.mark.parametrize(
    ("loss", "options", "words"),
    [
        (ls.root_mean_squared_error, {}, "aggregate"),
        (ls.huber, {"reduction": "sum"}, "no `reduction`"),
    ],
)
def test_grad_hess_is_refused_where_it_means_nothing(loss, options, words):
    with pytest.raises(ls.ContractError, match=words):
        loss.grad_hess(np.ones(2), np.zeros(2), **options)


@pytest.fixture
def declare():
    """A loss of one batch of vectors with this body, and this end if it is an aggregate."""

    def of(body, **rest):
        def undifferentiable(x: Real["batch dim"]) -> Real["batch"]:
            """Functions and arguments without a derivative."""
            return body(array_namespace(x), x)

        if rest:
            undifferentiable.__annotations__["return"] = Statistics["batch", ""]
        return ls.loss(family="test", unit="example", source="a test", **rest)(undifferentiable)

    return of


@pytest.mark.parametrize("name", ["numpy", "strict"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda xp, x: xp.linalg.det(x[:, :, None] * x[:, None, :]), "linalg.det has no derivative rule"),
        (lambda xp, x: xp.sum(x, axis=1) * float(x[0, 0]), r"float\(\) of a traced array has no derivative"),
    ],
)
def test_what_has_no_derivative_in_a_loss_is_told_with_the_name_of_the_loss(usable, declare, name, body, words):
    x = usable(name).from_numpy(np.ones((1, 2)))
    loss = declare(body)
    of_its_own = [loss.value_and_grad, loss.grad_hess, (2.0 * loss + loss).grad]
    for differentiate in (*of_its_own, grad(loss)):
        with pytest.raises(ls.GradientError, match=f"^undifferentiable: {words}") as raised:
            differentiate(x)
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__


@pytest.mark.parametrize("name", ["numpy", "strict"])
def test_what_has_no_derivative_at_the_end_of_an_aggregate_is_told_with_its_name(usable, declare, name):
    aggregate = declare(
        lambda xp, x: (xp.sum(x, axis=1),),
        finalize=lambda total: total * int(total),
        reductions=("mean",),
    )
    x = usable(name).from_numpy(np.ones((1, 2)))
    assert float(aggregate(x)) == 4.0
    with pytest.raises(ls.GradientError, match=r"^undifferentiable: int\(\) of a traced array"):
        aggregate.value_and_grad(x)
    with pytest.raises(ls.GradientError, match=r"^undifferentiable: int\(\) of a traced array"):
        grad(lambda x: aggregate.partial(x).value())(x)


# The matrix holds the gradients of every backend against the oracle. To compile those of JAX once more takes minutes,
# and those of strict are NumPy's.
BESIDE_TORCH = ["numpy", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("strict", "jax"))]


@pytest.mark.parametrize("name", BESIDE_TORCH)
@pytest.mark.parametrize("loss", [ls.get(name) for name in ls.names()], ids=lambda loss: loss.contract.name)
def test_all_backends_give_the_gradients_of_torch(usable, draw, sized, loss, name):
    loss, inputs = sized(loss), draw(loss, 4)
    real = tuple(key for key, value in inputs.items() if np.asarray(value[0]).dtype.kind == "f")

    def of(backend):
        put = {
            key: [backend.from_numpy(x) for x in value] if isinstance(value, list) else backend.from_numpy(value)
            for key, value in inputs.items()
        }
        gradients = functools.partial(loss.grad, wrt=real)
        if probe_of(backend).compiles_by_shape:  # one program is quicker than one for each operation
            gradients = backend.compile(gradients)
        found = gradients(**put)
        return [backend.to_numpy(x) for group in found for x in (group if isinstance(group, list) else [group])]

    for mine, theirs in zip(of(usable(name)), of(usable("torch")), strict=True):
        assert np.allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_shards_outside_of_a_differentiation_merge_with_those_inside(backend):
    x, y, w = (backend.from_numpy(np.asarray(v)) for v in ([1.0, 4.0], [0.0, 1.0], [1.0, 3.0]))
    mask = backend.from_numpy(np.asarray([True, True]))
    done = ls.squared_error.partial(x, y, sample_weight=w, where=mask)

    def merged(z):
        return (done + ls.squared_error.partial(z, y, sample_weight=w, where=mask)).value()

    value, (gradient,) = ls.value_and_grad(merged, (0,))(x)
    assert float(backend.to_numpy(value)) == (1 + 27 + 1 + 27) / 8
    assert backend.to_numpy(gradient).tolist() == [0.25, 2.25]


def test_a_gradient_of_labels_or_of_an_unreduced_loss_is_refused_by_name(backend):
    logits, labels = backend.from_numpy(np.zeros((2, 3))), backend.from_numpy(np.asarray([0, 1]))
    with pytest.raises(ls.DTypeError, match="`wrt` names 'labels'"):
        ls.cross_entropy.value_and_grad(logits, labels, wrt="labels")
    with pytest.raises(ls.ContractError, match="reduction='sum'"):
        ls.cross_entropy.value_and_grad(logits, labels, reduction="none")


SHARED = {  # where sklearn's Hessian is exact; its Huber, absolute and pinball losses take 1 for it
    "HalfSquaredError": (ls.half_squared_error, {}),
    "HalfPoissonLoss": (ls.poisson_nll, {}),
    "HalfGammaLoss": (ls.half_gamma, {}),
    "HalfTweedieLoss": (ls.half_tweedie, {"power": 1.3}),
    "HalfTweedieLossIdentity": (ls.half_tweedie_identity, {"power": 1.7}),
    "HalfBinomialLoss": (ls.binary_cross_entropy_with_logits, {}),
    "ExponentialLoss": (ls.exponential, {}),
}


@pytest.mark.parametrize("name", SHARED)
def test_grad_hess_is_that_of_sklearn(backend, name):
    losses = pytest.importorskip("sklearn._loss.loss")
    loss, parameters = SHARED[name]
    random = np.random.default_rng(5)
    positive = {"HalfGammaLoss", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HalfPoissonLoss"}
    raw = random.normal(size=50)
    raw = np.exp(raw) if name == "HalfTweedieLossIdentity" else raw
    truth = random.uniform(0.5, 3.0, 50) if name in positive else (random.random(50) < 0.5).astype(np.float64)
    weight = random.uniform(0.5, 2.0, 50)
    wanted = getattr(losses, name)(**parameters).gradient_hessian(truth, raw, sample_weight=weight)
    found = loss.grad_hess(
        *map(backend.from_numpy, (raw, truth)), sample_weight=backend.from_numpy(weight), **parameters
    )
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(backend.to_numpy(ours), theirs, rtol=1e-12, atol=1e-14)


def test_grad_hess_of_cross_entropy_is_that_of_sklearn(backend):
    losses = pytest.importorskip("sklearn._loss")
    random = np.random.default_rng(6)
    logits, labels = random.normal(size=(20, 4)), random.integers(4, size=20)
    wanted = losses.HalfMultinomialLoss(n_classes=4).gradient_hessian(labels.astype(np.float64), logits)
    found = ls.cross_entropy.grad_hess(backend.from_numpy(logits), backend.from_numpy(labels))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(backend.to_numpy(ours), theirs, rtol=1e-12, atol=1e-14)
