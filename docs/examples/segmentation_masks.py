"""Masks of photographs found by a threshold: Dice and IoU for each image, and over the batch, are two questions.

The package ships four photographs with masks of what is bright in them, and probabilities that were found in blurred
copies. A threshold makes masks of the probabilities; the sweep asks which threshold is best.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lossspec import batch_dice, dice
from lossspec.conformance import data

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--plot", type=Path, help="where to save the curves; a temporary directory unless given")
plot = parser.parse_args().plot or Path(tempfile.mkdtemp(prefix="lossspec-")) / "masks.png"

photographs = data.load("photographs")
probabilities, masks = (photographs[name].astype(np.float64) for name in ("mask_probabilities", "masks"))
NAMES = ("a face", "letters", "a cat's eye", "a mast at dusk")
thresholds = np.linspace(0.02, 0.98, 49)


def found(threshold):
    """Masks of the pixels that are likelier than the threshold."""
    return (probabilities > threshold).astype(probabilities.dtype)


def iou(overlap):
    """The intersection over the union of two masks whose Dice overlap is 2 |A and B| / (|A| + |B|)."""
    return overlap / (2 - overlap)


def counted(marked):
    """Dice and IoU as pixels are counted, with no loss: [batch] of each, and of the batch as one picture."""
    axes = (1, 2, 3)
    true = masks == 1
    both, sizes = (marked & true).sum(axis=axes), marked.sum(axis=axes) + true.sum(axis=axes)
    union = (marked | true).sum(axis=axes)
    return 2 * both / sizes, both / union, 2 * both.sum() / sizes.sum(), both.sum() / union.sum()


each, whole = [], []
for threshold in thresholds:
    each.append(1 - dice.per_example(found(threshold), masks)[:, 0])  # one region an image
    whole.append(1 - batch_dice(found(threshold), masks))
    by_count = counted(probabilities > threshold)
    for ours, count in zip((each[-1], iou(each[-1]), whole[-1], iou(whole[-1])), by_count, strict=True):
        assert np.allclose(ours, count, rtol=0, atol=1e-14), threshold
each, whole = np.stack(each), np.stack(whole)  # [thresholds batch], [thresholds]

curves = {
    "Dice, mean of the images": each.mean(axis=1),
    "Dice, over the batch": whole,
    "IoU, mean of the images": iou(each).mean(axis=1),
    "IoU, over the batch": iou(whole),
}
print(f"{'threshold':28}" + "".join(f"{threshold:9.2f}" for threshold in thresholds[::8]) + f"{'best at':>10}")
for name, curve in [*zip(NAMES, each.T, strict=True), *curves.items()]:
    best = f"{thresholds[curve.argmax()]:.2f}"
    print(f"{name:28}" + "".join(f"{value:9.4f}" for value in curve[::8]) + f"{best:>10}")

# A batch is the four pictures side by side, and merges from any split of them.
halves = (slice(0, 1), slice(1, 4))
merged = sum(batch_dice.partial(probabilities[half], masks[half]) for half in halves).value()
joined = dice(*(np.concatenate(list(array), axis=-1)[None] for array in (probabilities, masks)))
soft, soft_batch = 1 - float(dice(probabilities, masks)), 1 - float(batch_dice(probabilities, masks))
print(f"\nof the probabilities themselves: {soft:.6f} mean of the images, {soft_batch:.6f} over the batch")
assert abs(merged - (1 - soft_batch)) < 1e-15
assert abs(joined - (1 - soft_batch)) < 1e-15
# Pixels weigh alike in the one, images in the other: the mast has 2 % of its pixels in the mask.
assert masks[3].mean() < 0.03
assert curves["Dice, over the batch"].max() > curves["Dice, mean of the images"].max()
assert (iou(each) <= each).all()

figure = Figure(figsize=(11, 6), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(0.5, 1))
for axes, name, image, mask in zip(above.subplots(1, 4), NAMES, photographs["clean"], masks, strict=True):
    axes.imshow(image.transpose(1, 2, 0))
    axes.contour(mask[0], levels=[0.5], colors="red")
    axes.set(xticks=(), yticks=(), title=name)
of_each, of_all = below.subplots(1, 2, sharey=True)
for name, curve in zip(NAMES, each.T, strict=True):
    of_each.plot(thresholds, curve, label=name)
of_each.set(xlabel="threshold", ylabel="overlap", title="Dice of each image")
for name, curve in curves.items():
    of_all.plot(thresholds, curve, linestyle="-" if "batch" in name else "--", label=name)
of_all.set(xlabel="threshold", title="one number for all")
for axes in (of_each, of_all):
    axes.legend()
figure.savefig(plot, dpi=120)
print(f"curves saved to {plot}")
