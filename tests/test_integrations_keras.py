"""Losses as losses of Keras: in the right order, trained, saved and loaded, on its Torch and its JAX backend."""

import keras
import numpy as np
import pytest

import lossspec as ls
from lossspec.dialects import keras as dialect
from lossspec.errors import ContractError
from lossspec.integrations.keras_loss import KerasLoss

random = np.random.default_rng(0)
LOGITS, LABELS, WEIGHT = random.normal(size=(6, 3)), np.asarray([0, 2, -1, 1, 0, 2]), random.uniform(1, 3, 6)
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")

TRAINED = """
import warnings
warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # where Keras writes a file
import keras, numpy as np, lossspec as ls
from lossspec.integrations.keras_loss import KerasLoss
assert keras.backend.backend() == {backend!r}
X, Y = np.ones((200, 1), "float32"), np.random.default_rng(0).normal(size=200).astype("float32")
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
model.compile(optimizer=keras.optimizers.SGD(0.2), loss=KerasLoss(ls.quantile, level=0.9))
model.fit(X, Y, epochs=40, batch_size=50, verbose=0)
print("below", float(np.mean(Y < keras.ops.convert_to_numpy(model(X))[:, 0])))
model.save({path!r})
again = keras.models.load_model({path!r})
print("loss", again.loss.loss == ls.quantile.configured(level=0.9))
print("value", float(again.evaluate(X, Y, verbose=0)) == float(model.evaluate(X, Y, verbose=0)))
"""


def number(value):
    return np.asarray(value.detach())


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_it_trains_the_quantile_it_is_told_and_comes_back_from_a_file(
    backend, usable, in_fresh_process, monkeypatch, tmp_path
):
    usable(backend)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    script = TRAINED.format(backend=backend, path=str(tmp_path / "model.keras"))
    said = dict(line.split() for line in in_fresh_process(script).splitlines())
    assert 0.85 < float(said["below"]) < 0.95
    assert said["loss"] == said["value"] == "True"


def test_keras_calls_a_bare_loss_with_labels_first_which_trains_the_other_tail():
    """Keras hands two plain arrays to a function, so that nothing can tell: the documentation warns of it."""
    loss = ls.quantile.configured(level=0.9)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    found = []
    for given in (loss, KerasLoss(loss)):
        model.compile(optimizer="sgd", loss=given)
        found.append(float(model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0)))
    assert found == pytest.approx([0.1, 0.9])


def test_a_loss_of_the_dialect_has_its_order_already():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizer="sgd", loss=dialect.mean_absolute_percentage_error)
    assert float(model.evaluate(np.ones((4, 1)), 2 * np.ones((4, 1)), verbose=0)) == pytest.approx(100.0)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None]], ids=["flat", "column"])
def test_classes_are_those_of_keras_ignored_ones_too(reduction, weight, labels):
    ours = KerasLoss(ls.cross_entropy, ignore_index=-1, reduction=reduction)
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction=reduction)
    assert np.allclose(number(ours(labels, LOGITS, weight)), number(theirs(labels, LOGITS, weight)), rtol=1e-5)


def trained_on_masked_tokens(loss, weight):
    """The losses of three epochs of a model that masks the token 0."""
    tokens = np.asarray([[1, 2, 3, 0], [2, 1, 0, 0], [3, 3, 1, 2]])
    labels = np.asarray([[0, -1, 2, 1], [1, 2, 0, 0], [-1, 2, 1, 0]])
    keras.utils.set_random_seed(1)
    embedding = keras.layers.Embedding(4, 5, mask_zero=True)
    model = keras.Sequential([keras.Input((4,)), embedding, keras.layers.Dense(3)])
    model.compile(optimizer="sgd", loss=loss)
    history = model.fit(tokens, labels, sample_weight=weight, epochs=3, shuffle=False, verbose=0).history["loss"]
    return [float(value) for value in history]


@pytest.mark.parametrize("weight", [None, random.uniform(1, 2, (3, 4))], ids=["plain", "weighted"])
def test_masks_of_the_model_ignored_labels_and_weights_meet_as_in_keras(weight):
    ours = trained_on_masked_tokens(KerasLoss(ls.cross_entropy, ignore_index=-1), weight)
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    assert ours == pytest.approx(trained_on_masked_tokens(theirs, weight), rel=1e-5)
    assert ours[-1] < ours[0]


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(6, 1), (6, 2), (6,)])
def test_elements_are_those_of_keras(reduction, weight, shape):
    predictions, targets = random.normal(size=shape), random.normal(size=shape)
    ours, theirs = KerasLoss(ls.huber, delta=0.5, reduction=reduction), keras.losses.Huber(0.5, reduction=reduction)
    if shape == (6,):  # targets that lack the axis of one output
        predictions = predictions[:, None]
    expected = number(theirs(targets.reshape(predictions.shape), predictions, weight))
    assert np.allclose(number(ours(targets, predictions, weight)), expected, rtol=1e-5)


def test_distributions_are_labels_too():
    labels = random.dirichlet(np.ones(3), size=6)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert np.allclose(number(KerasLoss(ls.cross_entropy)(labels, LOGITS)), number(theirs(labels, LOGITS)), rtol=1e-5)


@pytest.mark.parametrize("label", [0.5, 3.0, float("nan")])
def test_a_label_that_is_no_class_is_nan(label):
    values = number(KerasLoss(ls.cross_entropy, reduction="none")(np.asarray([0, label]), LOGITS[:2]))
    assert np.isnan(values).tolist() == [False, True]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # where Keras writes a tensor
@pytest.mark.parametrize(
    "loss",
    [
        KerasLoss(ls.quantile.configured(level=0.2), name="low", reduction="sum"),
        KerasLoss(0.5 * ls.huber + ls.squared_error, delta=0.3),
        KerasLoss(0.5 * ls.absolute_error),
        KerasLoss(ls.cross_entropy, class_weight=keras.ops.convert_to_tensor([1.0, 2.0, 0.5]), ignore_index=-1),
    ],
    ids=lambda loss: loss.name,
)
def test_a_configuration_makes_the_same_loss(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, KerasLoss)
    assert (again.name, again.reduction, again.dtype) == (loss.name, loss.reduction, loss.dtype)
    inputs = (LABELS, LOGITS) if loss.loss.contract.label else (LOGITS[::-1].copy(), LOGITS)
    assert number(again(*inputs)) == number(loss(*inputs))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: KerasLoss("mse"), "which is no loss"),
        (lambda: KerasLoss(ls.triplet_margin), "takes anchors, positives, negatives; Keras has"),
        (lambda: KerasLoss(ls.perplexity), "has no value for each unit"),
        (lambda: KerasLoss(ls.huber, delt=1.0), "takes no argument `delt`"),
        (lambda: KerasLoss(ls.huber)(np.ones(3), np.ones((3, 2))), "Nothing is broadcast silently"),
    ],
)
def test_what_keras_cannot_use_is_refused(make, words):
    with pytest.raises(ContractError, match=words):
        make()
