"""A perceptual loss with a trained convolutional network, in Torch and in JAX: one loss, one gradient.

The network learns here, in seconds, to read handwritten digits that are blended into pieces of photographs (Ganin et
al. 2016, arXiv:1505.07818, made MNIST-M so). `--vgg16 PATH` takes VGG16 in its place: PATH is a file of torchvision's
weights (`vgg16-397923af.pth`), which you have; nothing is downloaded.

The pooling takes means, as Gatys, Ecker and Bethge 2016 do with VGG (arXiv:1508.06576). A maximum has a kink where
pixels are equal, as in the flat parts of a picture: there each framework sends the gradient to another of them.
"""

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import torch
from jax import lax
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits, load_sample_images
from torch.nn import functional

from lossspec import all_backends, cross_entropy, perceptual, value_and_grad

SMALL = ((16,), (32,), (64,))  # channels of the 3 x 3 convolutions, in blocks with a pooling between them
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512))  # up to relu4_3; the fifth block is not looked at
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # means and deviations of the colours that VGG16 has seen
STEPS, BATCH, CLASSES = 400, 64, 10
VALUES, GRADIENTS = 1e-13, 1e-11  # how far the frameworks may differ, relative to the largest: they sum in other orders

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--plot", type=Path, help="where to save the curves; a temporary directory unless given")
parser.add_argument("--vgg16", type=Path, help="a file of torchvision's weights of VGG16, in place of training")
parser.add_argument("--side", type=int, default=96, help="pixels along each side of the photographs that are compared")
options = parser.parse_args()
plot = options.plot or Path(tempfile.mkdtemp(prefix="lossspec-")) / "perceptual.png"

torch.set_num_threads(1)  # the convolutions are small


# -------------------------------------------------------------- a network: kernels and biases, block by block


def layers_of(blocks):
    """The position and the shape of every convolution, counted as torchvision counts the layers of VGG16."""
    position, before = 0, 3
    for channels in blocks:
        for after in channels:
            yield position, (after, before, 3, 3)
            position, before = position + 2, after  # a ReLU lies between
        position += 1  # and a pooling between blocks


def blocks_from(state, blocks):
    """The kernels and biases of a state dict with the names of torchvision; what comes after the blocks is left."""
    flat = []
    for position, shape in layers_of(blocks):
        kernel, bias = state[f"features.{position}.weight"], state[f"features.{position}.bias"]
        if tuple(kernel.shape) != shape:
            raise ValueError(f"features.{position}.weight has the shape {tuple(kernel.shape)}, not {shape}")
        flat.append((kernel, bias))
    return [[flat.pop(0) for _ in channels] for channels in blocks]


def load_vgg16(path):
    """The convolutions of VGG16 up to relu4_3."""
    return blocks_from(torch.load(path, map_location="cpu", weights_only=True), VGG16)


def random_state(blocks):
    """Weights to start from (He et al. 2015, arXiv:1502.01852)."""
    random, state = torch.Generator().manual_seed(0), {}
    for position, shape in layers_of(blocks):
        deviation = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        state[f"features.{position}.weight"] = deviation * torch.randn(shape, generator=random)
        state[f"features.{position}.bias"] = torch.zeros(shape[0])
    return state


def maps_in_torch(images, blocks):
    """The feature maps at the end of every block, before the pooling."""
    maps = []
    for block in blocks:
        if maps:
            images = functional.avg_pool2d(images, 2)
        for kernel, bias in block:
            images = functional.relu(functional.conv2d(images, kernel, bias, padding=1))
        maps.append(images)
    return maps


def maps_in_jax(images, blocks):
    """The same network."""
    maps = []
    for block in blocks:
        if maps:
            images = lax.reduce_window(images, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4
        for kernel, bias in block:
            images = jax.nn.relu(lax.conv_general_dilated(images, kernel, (1, 1), "SAME") + bias[None, :, None, None])
        maps.append(images)
    return maps


# ------------------------------------------------------------------------------------------------- training

photographs = np.stack(load_sample_images().images).transpose(0, 3, 1, 2) / 255.0  # [2 3 427 640]
pixels, digits = load_digits(return_X_y=True)
pixels = pixels.reshape(-1, 1, 8, 8) / 16.0


def pieces(rows, columns, side, random):
    """So many squares of the photographs, from random places in these columns."""
    where = [[random.integers(size) for size in (2, 427 - side, columns.stop - columns.start - side)] for _ in rows]
    cut = [photographs[which, :, top : top + side, columns][..., left : left + side] for which, top, left in where]
    return np.stack(cut)


def train():
    """The blocks, and the part of digits that the network tells right, of those that it has not seen."""
    random = np.random.default_rng(0)
    order = random.permutation(len(digits))
    learn, test = order[:1300], order[1300:]
    blocks = blocks_from(random_state(SMALL), SMALL)
    head = torch.zeros((SMALL[-1][-1] * 2 * 2, CLASSES))
    parameters = [parameter.requires_grad_() for block in blocks for layer in block for parameter in layer]
    optimizer = torch.optim.Adam([*parameters, head.requires_grad_()], lr=4e-3)

    def scores_of(rows, columns):
        blended = np.abs(pieces(rows, columns, 8, random) - pixels[rows]).astype(np.float32)
        return maps_in_torch(torch.from_numpy(blended), blocks)[-1].flatten(1) @ head

    for _ in range(STEPS):
        rows = random.choice(learn, BATCH)
        optimizer.zero_grad()
        cross_entropy(scores_of(rows, slice(0, 480)), torch.from_numpy(digits[rows])).backward()
        optimizer.step()
    with torch.no_grad():
        found = scores_of(test, slice(480, 640)).argmax(dim=1).numpy()
    return blocks, float((found == digits[test]).mean())


if options.vgg16:
    blocks, (means, deviations), title = load_vgg16(options.vgg16), IMAGENET, "VGG16"
else:
    blocks, accuracy = train()
    (means, deviations), title = ((0.0,) * 3, (1.0,) * 3), "A network that reads digits"
    print(f"trained for {STEPS} steps: {accuracy:.4f} of unseen digits on unseen photographs are read right")
    assert accuracy > 0.8

# ------------------------------------------------------------------------ the loss, and distorted photographs

half = options.side // 2
pattern = np.random.default_rng(0).standard_normal((2, 3, 2 * half, 2 * half))
clean = photographs[:, :, 213 - half : 213 + half, 320 - half : 320 + half]


DISTORTIONS = {  # from weak to strong: a Gaussian, not across the colours; the same normal noise at every strength
    "blur, pixels": (lambda images, sigma: gaussian_filter(images, (0, 0, sigma, sigma)), (0.5, 1.0, 2.0, 3.0)),
    "noise, sigma": (lambda images, sigma: images + sigma * pattern, (0.02, 0.05, 0.1, 0.2)),
}


def derive_in(name, maps_of):
    """A function from images to their loss against the clean ones and its gradient in the images, on NumPy arrays."""
    backend = all_backends()[name]
    weights = [[tuple(backend.from_numpy(x.detach().double().numpy()) for x in layer) for layer in b] for b in blocks]
    shift, scale = (backend.from_numpy(np.reshape(x, (1, 3, 1, 1))) for x in (means, deviations))

    def loss(images, wanted, weights):
        return perceptual(maps_of((images - shift) / scale, weights), wanted)

    derive = value_and_grad(loss)
    if name == "jax":
        derive = jax.jit(derive)
    wanted = maps_of((backend.from_numpy(clean) - shift) / scale, weights)

    def run(images):
        value, gradient = derive(backend.from_numpy(images), wanted, weights)
        return float(value), backend.to_numpy(gradient)

    return run


curves = {}
with jax.enable_x64(True):
    in_torch, in_jax = derive_in("torch", maps_in_torch), derive_in("jax", maps_in_jax)
    assert in_torch(clean)[0] == 0
    print(f"{'':24}{'Torch':>22}{'JAX, value':>14}{'gradient':>12}")
    for name, (distort, strengths) in DISTORTIONS.items():
        curves[name] = {"Torch": [0.0], "JAX": [0.0]}
        for strength in strengths:
            (value, gradient), (other, other_gradient) = (run(distort(clean, strength)) for run in (in_torch, in_jax))
            curves[name]["Torch"].append(value)
            curves[name]["JAX"].append(other)
            differ = abs(other / value - 1)
            gradients_differ = float(np.abs(other_gradient - gradient).max() / np.abs(gradient).max())
            print(f"{name} {strength:<11}{value:22.15f}{differ:14.1e}{gradients_differ:12.1e}")
            assert differ < VALUES, name
            assert gradients_differ < GRADIENTS, name
        rising = curves[name]["Torch"]
        assert all(weaker < stronger for weaker, stronger in pairwise(rising)), name

figure = Figure(figsize=(8, 5), layout="constrained")
axes = figure.subplots(2, len(DISTORTIONS), height_ratios=(0.5, 1))
for column, (name, (distort, strengths)) in enumerate(DISTORTIONS.items()):
    shown = np.concatenate([clean[0], *(distort(clean, strengths[at])[0] for at in (1, -1))], axis=-1)
    axes[0, column].imshow(shown.transpose(1, 2, 0).clip(0, 1))
    axes[0, column].set(xticks=(), yticks=(), title=f"{name}: none, {strengths[1]}, {strengths[-1]}")
    for (framework, curve), thickness in zip(curves[name].items(), (6, 1.5), strict=True):  # they lie on each other
        axes[1, column].plot(curve, linewidth=thickness, label=framework)
    axes[1, column].set(xticks=range(len(strengths) + 1), xticklabels=("none", *strengths), xlabel=name)
axes[1, 0].set(ylabel="perceptual loss")
axes[1, 0].legend(title=title)
figure.savefig(plot, dpi=120)
print(f"curves saved to {plot}")
