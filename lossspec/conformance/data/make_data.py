"""Make the small real data sets beside this file on which the losses are checked.

Run it as ``python -m lossspec.conformance.data.make_data``. It needs scikit-learn, scikit-image
and pillow, and downloads nothing: the data comes inside those packages, and the one text is
written out below. ``PROVENANCE.md`` says what each file holds and where it is from.

Every step has a fixed seed, and each file is built twice and written only if both came out equal
byte for byte. With other versions of the packages, or another BLAS, the last digits may differ.
"""

from __future__ import annotations

import io
import string
import warnings
import zipfile
from collections.abc import Callable
from importlib import import_module  # for packages without types: mypy takes what it gives as Any
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = dict[str, NDArray[Any]]

SEED = 20240229
DECIMALS = 10  # fitted values are rounded to this, to hide the last-bit noise of BLAS builds

# Where each package is imported from, and what pip calls it.
NEEDED = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow"}

# ------------------------------------------------------------------------------ digits, diabetes


def make_digits() -> Arrays:
    """Logits, labels and hidden activations of a small classifier of handwritten digits."""
    datasets = import_module("sklearn.datasets")
    model_selection = import_module("sklearn.model_selection")
    neural_network = import_module("sklearn.neural_network")
    exceptions = import_module("sklearn.exceptions")

    pixels, classes = datasets.load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = model_selection.train_test_split(
        pixels / 16.0, classes, test_size=200, random_state=SEED, stratify=classes
    )
    model = neural_network.MLPClassifier(
        hidden_layer_sizes=(16,), activation="tanh", solver="adam", max_iter=50, random_state=SEED
    )
    with warnings.catch_warnings():  # it is stopped early on purpose, so that errors remain
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        model.fit(train_x, train_y)

    hidden = np.tanh(test_x @ model.coefs_[0] + model.intercepts_[0])
    logits = hidden @ model.coefs_[1] + model.intercepts_[1]
    return {
        "logits": np.round(logits, DECIMALS).astype(np.float64),
        "labels": np.asarray(test_y, dtype=np.int64),
        "embeddings": np.round(hidden, DECIMALS).astype(np.float64),
    }


def make_diabetes() -> Arrays:
    """Ridge predictions and targets of disease progression, in units of the target's spread."""
    datasets = import_module("sklearn.datasets")
    linear_model = import_module("sklearn.linear_model")
    model_selection = import_module("sklearn.model_selection")

    features, progression = datasets.load_diabetes(return_X_y=True, scaled=False)
    train_x, test_x, train_y, test_y = model_selection.train_test_split(
        features, progression, test_size=110, random_state=SEED
    )
    # Features and target are standardised by the training rows' mean and standard deviation.
    x_mean, x_spread = train_x.mean(axis=0), train_x.std(axis=0)
    y_mean, y_spread = train_y.mean(), train_y.std()
    model = linear_model.Ridge(alpha=10.0)
    model.fit((train_x - x_mean) / x_spread, (train_y - y_mean) / y_spread)
    predictions = model.predict((test_x - x_mean) / x_spread)
    return {
        "predictions": np.round(predictions, DECIMALS).astype(np.float64),
        "targets": np.round((test_y - y_mean) / y_spread, DECIMALS).astype(np.float64),
    }


# ---------------------------------------------------------------------------------- photographs

CROP = 20  # pixels along each side of a stored crop
# Each crop: the photograph in skimage.data, then the left, top and side of a square in it.
CROPS = (
    ("astronaut", 174, 60, 100),  # a face
    ("astronaut", 286, 358, 20),  # letters of a name badge
    ("chelsea", 130, 80, 80),  # a cat's eye
    ("rocket", 440, 60, 100),  # dusk sky and the tip of a mast: rather flat
)
JPEG_QUALITY = 20
BLUR_SIGMA = 1.2
NOISE_SIGMA = 0.08
MASK_STEEPNESS = 16.0


def luminance(images: NDArray[Any]) -> Floats:
    """The Rec. 601 luma of images shaped (n, 3, height, width); gives (n, 1, height, width)."""
    weights = np.asarray([0.299, 0.587, 0.114])[:, None, None]
    luma: Floats = (images.astype(np.float64) * weights).sum(axis=1, keepdims=True)
    return luma


def make_photographs() -> Arrays:
    """Crops of photographs, three distortions of each, and a segmentation of each."""
    from PIL import Image

    data, filters = import_module("skimage.data"), import_module("skimage.filters")

    def planes(image: Any) -> NDArray[np.float32]:
        return (np.asarray(image, dtype=np.float64) / 255.0).transpose(2, 0, 1).astype(np.float32)

    crops, compressed = [], []
    for name, left, top, side in CROPS:
        photograph = Image.fromarray(getattr(data, name)()).convert("RGB")
        box = (left, top, left + side, top + side)
        crop = photograph.resize((CROP, CROP), Image.Resampling.BOX, box=box)
        file = io.BytesIO()
        crop.save(file, format="JPEG", quality=JPEG_QUALITY)
        crops.append(planes(crop))
        compressed.append(planes(Image.open(file)))

    clean = np.stack(crops)
    sigma = (0.0, BLUR_SIGMA, BLUR_SIGMA)  # not across the colours
    blurred = [filters.gaussian(crop.astype(np.float64), sigma=sigma) for crop in crops]
    blur = np.clip(np.stack(blurred), 0.0, 1.0).astype(np.float32)
    noise = clean + np.random.default_rng(SEED).normal(0.0, NOISE_SIGMA, clean.shape)

    luma = luminance(clean)
    thresholds = np.asarray([filters.threshold_otsu(plane) for plane in luma])[:, None, None, None]
    scaled = MASK_STEEPNESS * (luminance(blur) - thresholds)
    return {
        "clean": clean,
        "jpeg": np.stack(compressed),
        "blur": blur,
        "noise": np.clip(noise, 0.0, 1.0).astype(np.float32),
        "masks": (luma > thresholds).astype(np.float32),
        "mask_probabilities": (1.0 / (1.0 + np.exp(-scaled))).astype(np.float32),
    }


# ----------------------------------------------------------------------------------------- text

# Abraham Lincoln, the Gettysburg Address, 1863 (the Bliss copy). Public domain.
GETTYSBURG_ADDRESS = """
Four score and seven years ago our fathers brought forth on this continent, a new nation,
conceived in Liberty, and dedicated to the proposition that all men are created equal.

Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived
and so dedicated, can long endure. We are met on a great battle-field of that war. We have come
to dedicate a portion of that field, as a final resting place for those who here gave their lives
that that nation might live. It is altogether fitting and proper that we should do this.

But, in a larger sense, we can not dedicate -- we can not consecrate -- we can not hallow -- this
ground. The brave men, living and dead, who struggled here, have consecrated it, far above our
poor power to add or detract. The world will little note, nor long remember what we say here, but
it can never forget what they did here. It is for us the living, rather, to be dedicated here to
the unfinished work which they who fought here have thus far so nobly advanced. It is rather for
us to be here dedicated to the great task remaining before us -- that from these honored dead we
take increased devotion to that cause for which they gave the last full measure of devotion --
that we here highly resolve that these dead shall not have died in vain -- that this nation,
under God, shall have a new birth of freedom -- and that government of the people, by the people,
for the people, shall not perish from the earth.
"""

ALPHABET = string.ascii_lowercase + " "  # token 0 is "a", token 26 is the space
HELD_OUT = 160  # characters at the end of the text that the models are not fitted on
# How far each order trusts its own counts; the rest goes to the next lower order.
UNIGRAM_WEIGHT, BIGRAM_WEIGHT, TRIGRAM_WEIGHT = 0.95, 0.7, 0.4


def tokenise(text: str) -> NDArray[np.int64]:
    """Lower-case the text, drop all but letters and single spaces, and number the characters."""
    kept = "".join(c for c in text.lower() if c in ALPHABET or c.isspace())
    return np.asarray([ALPHABET.index(c) for c in " ".join(kept.split())], dtype=np.int64)


def interpolate(counts: Floats, lower: Floats, weight: float) -> Floats:
    """Jelinek-Mercer: mix the counts' own frequencies (last axis) with the lower-order model.

    A context that was never seen takes the lower-order model as it is.
    """
    totals = counts.sum(axis=-1, keepdims=True)
    trust = np.where(totals > 0, weight, 0.0)
    mixed: Floats = trust * counts / np.maximum(totals, 1.0) + (1.0 - trust) * lower
    return mixed


def log_rows(probabilities: Floats) -> Floats:
    """Logarithms, normalised along the last axis so that each row's logsumexp is zero."""
    logs = np.log(probabilities)
    normalised: Floats = logs - np.log(np.exp(logs).sum(axis=-1, keepdims=True))
    return normalised


def make_text() -> Arrays:
    """Next-character log-probabilities of a trigram and of a bigram model on held-out text."""
    everything = tokenise(GETTYSBURG_ADDRESS)
    train, size = everything[:-HELD_OUT], len(ALPHABET)
    unigrams, bigrams = np.zeros(size), np.zeros((size, size))
    trigrams = np.zeros((size, size, size))
    np.add.at(unigrams, train, 1.0)
    np.add.at(bigrams, (train[:-1], train[1:]), 1.0)
    np.add.at(trigrams, (train[:-2], train[1:-1], train[2:]), 1.0)

    unigram = interpolate(unigrams, np.full(size, 1.0 / size), UNIGRAM_WEIGHT)
    bigram = interpolate(bigrams, unigram, BIGRAM_WEIGHT)
    trigram = interpolate(trigrams, bigram, TRIGRAM_WEIGHT)

    before_last, last = everything[-HELD_OUT - 2 : -2], everything[-HELD_OUT - 1 : -1]
    return {
        "log_probabilities": log_rows(trigram[before_last, last]),
        "reference_log_probabilities": log_rows(bigram[last]),
        "unigram_log_probabilities": log_rows(unigram),
        "tokens": everything[-HELD_OUT:],
    }


# ---------------------------------------------------------------------------------------- boxes

BACKGROUND_SIGMA = 40.0
SMALLEST_REGION = 300  # pixels
SHRINK = 12
# The coarse picture is enlarged to a size that has no factor in common with the original's
# 303 by 384, so that no predicted edge falls exactly on an edge of the target.
COARSE_SHAPE = (397, 499)


def find_boxes(image: Floats) -> Floats:
    """Boxes (x1, y1, x2, y2) round the bright regions clear of the border, as parts of the image.

    The slowly changing background is taken away, then Otsu's threshold splits the rest.
    """
    filters, measure = import_module("skimage.filters"), import_module("skimage.measure")
    morphology = import_module("skimage.morphology")
    segmentation = import_module("skimage.segmentation")

    raised = image - filters.gaussian(image, sigma=BACKGROUND_SIGMA)
    bright = raised > filters.threshold_otsu(raised)
    disk = morphology.disk(2)
    bright = morphology.opening(morphology.closing(bright, disk), disk)
    regions = measure.regionprops(measure.label(segmentation.clear_border(bright)))
    height, width = image.shape
    boxes = []
    for region in regions:
        if region.area >= SMALLEST_REGION:
            top, left, bottom, right = region.bbox
            boxes.append((left / width, top / height, right / width, bottom / height))
    return np.asarray(boxes, dtype=np.float64)


def pairwise_overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every box of the first list with every box of the second."""
    corner_1 = np.maximum(first[:, None, :2], second[None, :, :2])
    corner_2 = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(corner_2 - corner_1, 0.0, None).prod(axis=-1)
    area_1 = (first[:, 2:] - first[:, :2]).prod(axis=-1)
    area_2 = (second[:, 2:] - second[:, :2]).prod(axis=-1)
    overlap: Floats = shared / (area_1[:, None] + area_2[None, :] - shared)
    return overlap


def make_boxes() -> Arrays:
    """Boxes round the coins in a photograph, and the best match of each in a coarse copy of it."""
    data, transform = import_module("skimage.data"), import_module("skimage.transform")

    image = data.coins().astype(np.float64) / 255.0
    small = tuple(side // SHRINK for side in image.shape)
    shrunk = transform.resize(image, small, anti_aliasing=True)
    coarse = transform.resize(shrunk, COARSE_SHAPE, order=1)
    targets, found = find_boxes(image), find_boxes(coarse)
    overlap = pairwise_overlap(targets, found)
    kept = overlap.max(axis=1) > 0.0
    return {
        "targets": targets[kept],
        "predictions": found[overlap.argmax(axis=1)][kept],
    }


# -------------------------------------------------------------------------------------- writing

MAKERS: dict[str, Callable[[], Arrays]] = {
    "digits": make_digits,
    "diabetes": make_diabetes,
    "photographs": make_photographs,
    "text": make_text,
    "boxes": make_boxes,
}


def pack(arrays: Arrays) -> bytes:
    """The bytes of an .npz file of these arrays, with no date or system in them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not finite")
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # the same on every system
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return file.getvalue()


def main() -> None:
    """Make every file, twice; write it if both are the same, and print one line about it."""
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        names = " ".join(missing)
        raise SystemExit(f"make_data needs packages that are not installed: pip install {names}")
    folder = Path(__file__).resolve().parent
    for name, make in MAKERS.items():
        arrays = make()
        content = pack(arrays)
        if pack(make()) != content:
            raise RuntimeError(f"{name}.npz came out different the second time")
        (folder / f"{name}.npz").write_bytes(content)
        listed = ", ".join(f"{key} {array.shape} {array.dtype}" for key, array in arrays.items())
        print(f"{name}.npz: {listed}; {len(content)} bytes")


if __name__ == "__main__":
    main()
