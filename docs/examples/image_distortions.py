"""Photographs, distorted ever more strongly: 1 - SSIM and a perceptual loss of their edges say by how much."""

import argparse
import io
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_sample_images

from lossspec import perceptual, ssim
from lossspec.conformance import data

SIDE = 160  # pixels of a large photograph

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--plot", type=Path, help="where to save the curves; a temporary directory unless given")
plot = parser.parse_args().plot or Path(tempfile.mkdtemp(prefix="lossspec-")) / "distortions.png"


def square(photograph):
    """The middle of a photograph, channels first, in [0, 1]."""
    top, left = ((size - SIDE) // 2 for size in photograph.shape[:2])
    return photograph[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1) / 255.0


photographs = {  # [batch channels height width]
    "small": data.load("photographs")["clean"].astype(np.float64),  # four of 20 x 20 pixels, which the package ships
    "large": np.stack([square(photograph) for photograph in load_sample_images().images]),  # two of scikit-learn
}


def jpeg(images, quality):
    """Saved by Pillow and read back."""
    read = []
    for pixels in np.rint(255 * images).astype(np.uint8).transpose(0, 2, 3, 1):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
        read.append(np.asarray(Image.open(file)).transpose(2, 0, 1) / 255.0)
    return np.stack(read)


def blur(images, sigma):
    """A Gaussian of so many pixels, not across the colours."""
    return np.clip(gaussian_filter(images, sigma=(0, 0, sigma, sigma)), 0.0, 1.0)


def noise(images, sigma):
    """The same normal noise at every strength, cut off where the intensities end."""
    return np.clip(images + sigma * np.random.default_rng(0).standard_normal(images.shape), 0.0, 1.0)


DISTORTIONS = {  # from weak to strong
    "JPEG quality": (jpeg, (95, 75, 50, 25, 10)),
    "blur, pixels": (blur, (0.5, 1.0, 1.5, 2.0, 3.0)),
    "noise, sigma": (noise, (0.02, 0.04, 0.08, 0.16, 0.32)),
}


def halved(images):
    """Each pixel the mean of two by two."""
    pairs = (images[..., ::2, :] + images[..., 1::2, :]) / 2
    return (pairs[..., ::2] + pairs[..., 1::2]) / 2


def edges(images):
    """Feature maps at three scales: the differences between neighbours, down and across, of ever smaller copies."""
    copies = [images, halved(images), halved(halved(images))]
    return [np.concatenate([np.diff(x, axis=-2)[..., 1:], np.diff(x, axis=-1)[..., 1:, :]], axis=1) for x in copies]


LOSSES = {
    "1 - SSIM": ssim,
    "perceptual, of edges": lambda predictions, targets: perceptual(edges(predictions), edges(targets)),
}

for name, loss in LOSSES.items():
    assert all(loss(images, images) == 0 for images in photographs.values()), name

print(f"{'':22}" + "".join(f"{f'{name}, {size}':>30}" for name in LOSSES for size in photographs))
curves = {}
for title, (distort, strengths) in DISTORTIONS.items():
    for strength in strengths:
        row = f"{title} {strength:<9}"
        for name, loss in LOSSES.items():
            for size, images in photographs.items():
                curve = curves.setdefault((title, name, size), [0.0])  # an undistorted photograph has no loss
                curve.append(float(loss(distort(images, strength), images)))
                row += f"{curve[-1]:30.6f}"
        print(row)
for key, curve in curves.items():
    assert all(weaker < stronger for weaker, stronger in pairwise(curve)), key

figure = Figure(figsize=(11, 8), layout="constrained")
axes = figure.subplots(1 + len(LOSSES), len(DISTORTIONS), height_ratios=(0.5, 1, 1))
example = photographs["large"][:1]
for column, (title, (distort, strengths)) in enumerate(DISTORTIONS.items()):
    shown = np.concatenate([example, distort(example, strengths[2]), distort(example, strengths[-1])], axis=-1)
    axes[0, column].imshow(shown[0].transpose(1, 2, 0))
    axes[0, column].set(xticks=(), yticks=(), title=f"{title}: none, {strengths[2]}, {strengths[-1]}")
    for row, name in enumerate(LOSSES, start=1):
        for size in photographs:
            axes[row, column].plot(curves[title, name, size], marker="o", label=f"{size} photographs")
        axes[row, column].set(xticks=range(len(strengths) + 1), xticklabels=("none", *strengths), xlabel=title)
        axes[row, 0].set(ylabel=name)
axes[1, 0].legend()
figure.savefig(plot, dpi=120)
print(f"curves saved to {plot}")
