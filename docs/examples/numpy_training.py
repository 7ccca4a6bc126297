"""Softmax regression on handwritten digits: one training function, run on NumPy, Torch and JAX arrays."""

import argparse
import tempfile
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from lossspec import all_backends, cross_entropy, elastic_net, value_and_grad
from lossspec.numerics import array_namespace

EPOCHS, BATCH, RATE, CLASSES = 20, 100, 2.0, 10
TOLERANCE = 1e-13  # of a loss curve against NumPy's, relative; they differ in the order in which sums are taken

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--plot", type=Path, help="where to save the curves; a temporary directory unless given")
plot = parser.parse_args().plot or Path(tempfile.mkdtemp(prefix="lossspec-")) / "curves.png"

images, digits = load_digits(return_X_y=True)
images = images / 16.0
order = np.random.default_rng(0).permutation(len(digits))
learn, test = order[:1200], order[1200:]


def logits_of(weights, bias, features):
    """One score for every row and class."""
    return features @ weights + bias[None, :]


def penalised(weights, bias, features, labels):
    """The mean cross entropy of the rows and an L2 penalty on the weights."""
    return cross_entropy(logits_of(weights, bias, features), labels) + elastic_net(weights, l1=0.0, l2=1e-4)


def train(features, labels, batches):
    """Weights, bias and the loss after every epoch of gradient descent; nothing in here knows the framework."""
    xp = array_namespace(features)
    weights = xp.zeros((features.shape[1], CLASSES), dtype=features.dtype)
    bias = xp.zeros((CLASSES,), dtype=features.dtype)
    derive = value_and_grad(penalised, argnums=(0, 1))
    curve = []
    for epoch in batches:
        for rows in epoch:
            drawn = xp.take(features, rows, axis=0), xp.take(labels, rows, axis=0)
            _, (in_weights, in_bias) = derive(weights, bias, *drawn)
            weights, bias = weights - RATE * in_weights, bias - RATE * in_bias
        curve.append(float(penalised(weights, bias, features, labels)))
    return weights, bias, curve


random = np.random.default_rng(1)
shuffled = [np.split(random.permutation(len(learn)), len(learn) // BATCH) for _ in range(EPOCHS)]
curves = {}
with jax.enable_x64(True):
    for name in ("numpy", "torch", "jax"):
        backend = all_backends()[name]
        put = backend.from_numpy
        batches = [[put(rows) for rows in epoch] for epoch in shuffled]
        weights, bias, curves[name] = train(put(images[learn]), put(digits[learn]), batches)
        scores = backend.to_numpy(logits_of(weights, bias, put(images[test])))
        accuracy = float((scores.argmax(axis=1) == digits[test]).mean())
        worst = float(np.abs(np.asarray(curves[name]) / curves["numpy"] - 1).max())
        first, last = curves[name][0], curves[name][-1]
        print(f"{name:6} loss {first:.15f} -> {last:.15f}   test accuracy {accuracy:.4f}   from NumPy {worst:.1e}")
        assert worst < TOLERANCE, name
        assert accuracy > 0.95, name

figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
for (name, curve), width in zip(curves.items(), (7, 4, 1), strict=True):  # they lie on each other
    axes.plot(range(1, EPOCHS + 1), curve, linewidth=width, label=name)
axes.set(xticks=range(0, EPOCHS + 1, 5), xlabel="epoch", ylabel="loss on the training rows")
axes.set(title="One training function, three frameworks")
axes.legend()
figure.savefig(plot, dpi=120)
print(f"curves saved to {plot}")
