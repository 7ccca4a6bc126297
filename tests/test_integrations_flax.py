"""Models of flax and equinox train with a loss, and hold one among their attributes."""

import dataclasses

import numpy as np
import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

import lossspec as ls  # noqa: E402

RNG = np.random.default_rng(0)
POINTS = jax.numpy.asarray(RNG.normal(size=(24, 3)), dtype="float32")
LABELS = jax.numpy.asarray(np.argmax(POINTS[:, :2], axis=-1), dtype="int32")
LOSS = ls.cross_entropy.configured(label_smoothing=0.1)


@pytest.fixture(autouse=True)
def _promotion_as_users_have_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def of_optax(logits, labels):
    """The mean of the same loss by optax."""
    soft = optax.smooth_labels(jax.nn.one_hot(labels, 2, dtype=logits.dtype), 0.1)
    return optax.softmax_cross_entropy(logits, soft).mean()


def of_equinox():
    """A model of equinox that holds its loss, and what differentiates it."""
    equinox = pytest.importorskip("equinox")

    class Model(equinox.Module):
        linear: equinox.nn.Linear
        loss: object

        def __call__(self, points, labels):
            return self.loss(jax.vmap(self.linear)(points), labels)

    model = Model(equinox.nn.Linear(3, 2, key=jax.random.key(0)), LOSS)
    other = dataclasses.replace(model, loss=of_optax)
    optimizer = optax.adam(0.1)
    state = optimizer.init(equinox.filter(model, equinox.is_array))

    @equinox.filter_jit
    def step(model, state):
        value, gradient = equinox.filter_value_and_grad(lambda model: model(POINTS, LABELS))(model)
        updates, state = optimizer.update(gradient, state)
        return equinox.apply_updates(model, updates), state, value

    def train():
        nonlocal model, state
        model, state, value = step(model, state)
        return value

    both = [equinox.filter_value_and_grad(lambda model: model(POINTS, LABELS))(one) for one in (model, other)]
    return train, [(value, jax.tree.leaves(gradient)) for value, gradient in both]


def of_flax():
    """The same of flax."""
    nnx = pytest.importorskip("flax.nnx")

    class Model(nnx.Module):
        def __init__(self, loss):
            self.linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
            self.loss = loss

        def __call__(self, points, labels):
            return self.loss(self.linear(points), labels)

    model, other = Model(LOSS), Model(of_optax)
    optimizer = nnx.Optimizer(model, optax.adam(0.1), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        value, gradient = nnx.value_and_grad(lambda model: model(POINTS, LABELS))(model)
        optimizer.update(model, gradient)
        return value

    both = [nnx.value_and_grad(lambda model: model(POINTS, LABELS))(one) for one in (model, other)]
    return lambda: step(model, optimizer), [(value, jax.tree.leaves(gradient)) for value, gradient in both]


@pytest.mark.parametrize("library", [of_equinox, of_flax])
def test_a_model_that_holds_a_loss_trains_with_the_gradient_that_optax_gives(library):
    train, (ours, theirs) = library()
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    assert len(ours[1]) == 2
    for mine, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)
    values = [float(train()) for _ in range(10)]
    assert values[0] == pytest.approx(float(ours[0]), rel=1e-6)
    assert values[-1] < 0.8 * values[0]
