"""Losses within transformations of Torch and JAX: exports for any batch, and jitted training steps."""

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.cases import make_cases

ROWS = {
    "huber": lambda n, r: (r.normal(size=n), r.normal(size=n)),
    "cross_entropy": lambda n, r: (r.normal(size=(n, 3)), r.integers(0, 3, n)),
    "kl_divergence": lambda n, r: (np.log(r.dirichlet(np.ones(3), n)), r.dirichlet(np.ones(3), n)),
    "dice": lambda n, r: (r.uniform(size=(n, 2, 5)), r.integers(0, 2, (n, 2, 5)).astype(float)),
    "triplet_margin": lambda n, r: tuple(r.normal(size=(n, 4)) for _ in range(3)),
}
"""Inputs of n rows, for losses of several families."""


@pytest.mark.parametrize("name", ROWS)
def test_an_export_of_torch_for_any_batch_has_the_values_of_other_batches(name):
    torch = pytest.importorskip("torch")
    from lossspec.integrations.torch_module import LossModule

    def batch(rows):
        return tuple(torch.from_numpy(x) for x in ROWS[name](rows, np.random.default_rng(rows)))

    module = LossModule(getattr(ls, name))
    size = torch.export.Dim("size", min=2)
    exported = torch.export.export(module, batch(4), dynamic_shapes={"inputs": tuple({0: size} for _ in batch(4))})
    for rows in (2, 4, 9):
        torch.testing.assert_close(exported.module()(*batch(rows)), module(*batch(rows)), rtol=1e-12, atol=0.0)


def test_a_jitted_step_of_optax_trains_with_donated_arrays_and_accumulated_gradients():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    r = np.random.default_rng(0)
    points = jax.numpy.asarray(r.normal(size=(8, 3)), dtype="float32")
    labels = jax.numpy.asarray(r.integers(0, 2, 8), dtype="int32")
    optimizer = optax.MultiSteps(optax.sgd(0.5), every_k_schedule=2)

    @jax.jit
    def gradient_of_all(weights):
        return jax.grad(lambda w: ls.cross_entropy(points @ w, labels))(weights)

    def step(weights, state, points, labels):
        value, gradient = jax.value_and_grad(lambda w: ls.cross_entropy(points @ w, labels))(weights)
        updates, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    jitted = jax.jit(step, donate_argnums=(0, 1))
    weights = jax.numpy.zeros((3, 2), dtype="float32")
    expected = weights - 0.5 * gradient_of_all(weights)
    state = optimizer.init(weights)
    for half in (slice(0, 4), slice(4, 8)):
        with jax.numpy_dtype_promotion("standard"):  # optax counts steps in integers
            weights, state, value = jitted(weights, state, points[half], labels[half])
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-7)
    assert np.isfinite(float(value))


def summed_along_first_real_input(loss, case, torch):
    """The sum of a loss of Torch as a function of its first real input, and that input; None for lists of arrays."""

    def put(value):
        if isinstance(value, list):
            return [put(item) for item in value]
        return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value

    given = {name: put(value) for name, value in (*case.inputs.items(), *case.parameters.items())}
    real = (a.name for a in loss.contract.inputs if isinstance(given.get(a.name), torch.Tensor))
    name = next((name for name in real if given[name].is_floating_point()), None)
    x = None if name is None else given.pop(name)
    return (lambda x: loss(**{name: x}, **given).sum()), x


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")  # Torch's forward mode
@pytest.mark.parametrize("name", ls.names())
def test_transformations_of_torch_have_the_derivatives_of_backward(name):
    """Forward mode and maps of gradients, at edges too, where a primitive declares what its steps leave open."""
    torch = pytest.importorskip("torch")
    loss = ls.get(name)
    for case in make_cases(loss.contract, np.float64):
        if case.name not in ("typical", "edges"):
            continue
        function, x = summed_along_first_real_input(loss, case, torch)
        if x is None:
            pytest.skip("its inputs are lists of arrays")
        tracked = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(tracked), tracked)
        if not gradient.isfinite().all():
            continue
        _, ahead = torch.func.jvp(function, (x,), (torch.ones_like(x),))
        scale = float(gradient.abs().sum()) + 1
        torch.testing.assert_close(ahead, gradient.sum(), rtol=0.0, atol=1e-8 * scale)
        mapped = torch.func.vmap(torch.func.grad(function))(torch.stack([x, x]))
        torch.testing.assert_close(mapped, torch.stack([gradient] * 2), rtol=1e-8, atol=1e-10 * scale)
