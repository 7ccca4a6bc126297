"""A linear model learns to read printed lines with CTC, on NumPy: nobody tells it where a letter stands.

The lines are the text that the package ships, the end of the Gettysburg Address, drawn in Pillow's own font. A window
slides over the columns of pixels; the model gives every position a score for each letter and for the blank.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageDraw, ImageFont
from scipy.special import softmax

from lossspec import ctc_with_logits, value_and_grad
from lossspec.conformance import data

ALPHABET = "abcdefghijklmnopqrstuvwxyz "  # token 0 is "a"; the blank comes before it
LINES, FONT_SIZE, HEIGHT, MARGIN = 8, 12, 16, 4
WINDOW, STRIDE = 12, 2  # columns of pixels: a letter is about 6 wide
MOST_STEPS, RATE = 300, 0.05

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--plot", type=Path, help="where to save the curve; a temporary directory unless given")
plot = parser.parse_args().plot or Path(tempfile.mkdtemp(prefix="lossspec-")) / "ctc.png"

tokens = data.load("text")["tokens"].reshape(LINES, -1)
texts = ["".join(ALPHABET[token] for token in line) for line in tokens]


def draw(text):
    """The grey levels of a printed line, in [0, 1]."""
    font = ImageFont.load_default(FONT_SIZE)
    image = Image.new("L", (int(font.getlength(text)) + 2 * MARGIN, HEIGHT))
    ImageDraw.Draw(image).text((MARGIN, 0), text, fill=255, font=font)
    return np.asarray(image) / 255.0


def windows_of(image):
    """The features of each position, and a constant: [positions features]."""
    windows = sliding_window_view(image, (HEIGHT, WINDOW))[0, ::STRIDE].reshape(-1, HEIGHT * WINDOW)
    return np.concatenate([windows, np.ones((len(windows), 1))], axis=1)


images = [draw(text) for text in texts]
seen = [windows_of(image) for image in images]
lengths = np.asarray([len(line) for line in seen])
features = np.stack([np.pad(line, ((0, lengths.max() - len(line)), (0, 0))) for line in seen])  # padding is masked
labels, label_lengths = tokens + 1, np.full(LINES, tokens.shape[1])


def read(scores):
    """The likeliest letter or blank at each position; repeats are merged, and then blanks are dropped."""
    best = scores.argmax(axis=-1)
    starts = np.concatenate([[True], best[1:] != best[:-1]])
    return "".join(ALPHABET[token - 1] for token in best[starts] if token)


weights = np.zeros((features.shape[-1], 1 + len(ALPHABET)))
first, second, curve = np.zeros_like(weights), np.zeros_like(weights), []
derive = value_and_grad(lambda scores: ctc_with_logits(scores, labels, lengths, label_lengths))
for step in range(MOST_STEPS):
    scores = features @ weights
    value, in_scores = derive(scores)
    curve.append(float(value))
    found = [read(line[:end]) for line, end in zip(scores, lengths, strict=True)]
    if step % 20 == 0 or found == texts:
        print(f"step {step:3}   loss {value:10.6f}   the first line reads {found[0]!r}")
    if found == texts:
        break
    gradient = np.tensordot(features, in_scores, axes=((0, 1), (0, 1)))
    first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2  # Adam, arXiv:1412.6980
    weights -= RATE * (first / (1 - 0.9 ** (step + 1))) / (np.sqrt(second / (1 - 0.99 ** (step + 1))) + 1e-8)
print("\n".join(found))
assert found == texts
assert curve[0] > 20 * curve[-1]

figure = Figure(figsize=(8, 7), layout="constrained")
printed, letters, loss = figure.subplots(3, 1, height_ratios=(0.25, 1, 1))
printed.imshow(images[0], cmap="gray_r", aspect="auto")
printed.set(xticks=(), yticks=(), title=f"the first line, read as {found[0]!r}")
letters.imshow(softmax(scores[0, : lengths[0]], axis=-1).T, aspect="auto")
letters.set(yticks=range(1 + len(ALPHABET)), xlabel="position of the window", title="probabilities")
letters.set_yticklabels(["blank", *ALPHABET[:-1], "space"], fontsize=6)
loss.semilogy(curve)
loss.set(xlabel="step", ylabel="CTC loss, mean of the lines")
figure.savefig(plot, dpi=120)
print(f"curves saved to {plot}")
