"""Gradients and Hessians of losses, with one call on every backend."""

import math

import numpy as np
import pytest

import lossspec as ls

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


@pytest.mark.parametrize("name", ["numpy", "strict", "jax"])
def test_all_backends_give_the_gradients_of_torch(usable, draw, name):
    ours, torch = usable(name), usable("torch")
    for loss in map(ls.get, ls.names()):
        inputs = draw(loss, 4)
        real = tuple(key for key, value in inputs.items() if np.asarray(value[0]).dtype.kind == "f")

        def of(backend, loss=loss, inputs=inputs, real=real):
            put = {
                key: [backend.from_numpy(x) for x in value] if isinstance(value, list) else backend.from_numpy(value)
                for key, value in inputs.items()
            }
            _, found = loss.value_and_grad(**put, wrt=real)
            return [backend.to_numpy(x) for group in found for x in (group if isinstance(group, list) else [group])]

        for mine, theirs in zip(of(ours), of(torch), strict=True):
            assert np.allclose(mine, theirs, rtol=1e-12, atol=1e-14), loss


def test_shards_outside_of_a_differentiation_merge_with_those_inside(backend):
    x, y, w = (backend.from_numpy(np.asarray(v)) for v in ([1.0, 4.0], [0.0, 1.0], [1.0, 3.0]))
    mask = backend.from_numpy(np.asarray([True, True]))
    done = ls.squared_error.partial(x, y, sample_weight=w, where=mask)

    def merged(z):
        return (done + ls.squared_error.partial(z, y, sample_weight=w, where=mask)).value()

    value, (gradient,) = backend.value_and_grad(merged, (0,))(x)
    assert float(backend.to_numpy(value)) == (1 + 27 + 1 + 27) / 8
    assert backend.to_numpy(gradient).tolist() == [0.25, 2.25]


def test_a_gradient_of_labels_or_of_an_unreduced_loss_is_refused_by_name(backend):
    logits, labels = backend.from_numpy(np.zeros((2, 3))), backend.from_numpy(np.asarray([0, 1]))
    with pytest.raises(ls.DTypeError, match="`wrt` names 'labels'"):
        ls.cross_entropy.value_and_grad(logits, labels, wrt="labels")
    with pytest.raises(ls.ContractError, match="reduction='sum'"):
        ls.cross_entropy.value_and_grad(logits, labels, reduction="none")
