"""Losses in training loops of other libraries, each where it is installed: Lightning, equinox, flax."""

import importlib

import numpy as np
import pytest

import lossspec as ls

X, Y = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32), np.asarray([0, 1, 2] * 4)


@pytest.fixture(scope="module")
def lightning():
    """Lightning under either of its names."""
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return pytest.skip("not run: neither lightning nor pytorch_lightning is installed")


@pytest.mark.filterwarnings("ignore")  # of Lightning about its own settings
def test_a_loss_among_the_hyperparameters_of_lightning_comes_back_from_a_checkpoint(lightning, tmp_path):
    import torch

    from lossspec.integrations.torch_module import LossModule

    class Classifier(lightning.LightningModule):
        def __init__(self, loss, width=3):
            super().__init__()
            self.save_hyperparameters()
            self.layer, self.criterion = torch.nn.Linear(3, width), LossModule(loss)

        def training_step(self, batch, _):
            return self.criterion(self.layer(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model = Classifier(ls.cross_entropy.configured(label_smoothing=0.1, ignore_index=2))
    data = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), batch_size=4
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(max_epochs=1, default_root_dir=tmp_path, **quiet)
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = Classifier.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)
    assert again.hparams["loss"] == model.hparams["loss"]
    assert again.criterion.loss is not ls.cross_entropy
    batch = next(iter(data))
    torch.testing.assert_close(again.training_step(batch, 0), model.training_step(batch, 0))


def test_a_model_of_equinox_is_trained_by_a_loss():
    equinox = pytest.importorskip("equinox", reason="not run: equinox is not installed; optax alone trains in the docs")
    import jax
    import optax

    model = equinox.nn.Linear(3, 3, key=jax.random.PRNGKey(0))
    optimizer = optax.sgd(0.5)
    state = optimizer.init(equinox.filter(model, equinox.is_array))

    @equinox.filter_value_and_grad
    def loss_of(model, x, y):
        return ls.cross_entropy(jax.vmap(model)(x), y, label_smoothing=0.1)

    @equinox.filter_jit
    def step(model, state):
        value, gradient = loss_of(
            model, jax.numpy.asarray(X, dtype=model.weight.dtype), jax.numpy.asarray(Y, dtype="int32")
        )
        updates, state = optimizer.update(gradient, state)
        return equinox.apply_updates(model, updates), state, value

    values = []
    for _ in range(3):
        model, state, value = step(model, state)
        values.append(float(value))
    assert values[0] > values[1] > values[2]


def test_a_model_of_flax_is_trained_by_a_loss():
    nnx = pytest.importorskip("flax.nnx", reason="not run: flax is not installed; optax alone trains in the docs")
    import jax
    import optax

    model = nnx.Linear(3, 3, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.5), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        def loss_of(model):
            points = jax.numpy.asarray(X, dtype=model.kernel.dtype)
            return ls.cross_entropy(model(points), jax.numpy.asarray(Y, dtype="int32"))

        value, gradient = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, gradient)
        return value

    values = [float(step(model, optimizer)) for _ in range(3)]
    assert values[0] > values[1] > values[2]
