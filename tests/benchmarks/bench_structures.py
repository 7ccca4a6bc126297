"""Losses of sequences, images and masks beside what a user would call instead: time and memory, forward and backward.

Run `python -m tests.benchmarks.bench_structures` from the root of the repository; `--small` takes small arrays and
leaves out the memory. Both sides get the same float32 arrays and reduce to a mean over the same units, which must
agree; Torch is eager, JAX compiled. A ratio is ours / theirs. Recurrences, whose steps are small, take one thread of
Torch, as the small arrays of `bench_peers` do; images and volumes take two.

Memory is the most that a process holds in a call beyond what it held before, after a first call that warms it up. Each
side runs in a process of its own, so that neither sees what the other has left to the allocator; only Linux tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import typer

from lossspec import get
from lossspec.conformance.peers import PEERS, names_of
from lossspec.dispatch import get_backend

from .measure import (
    THREADS,
    Effort,
    Row,
    Thunk,
    arrays_of,
    as_users_have_it,
    attempt,
    cells,
    differentiated,
    in_fresh_process,
    machine_facts,
    peak_of_process,
    print_rows,
)

FULL = Effort(repeats=5, batch_seconds=0.05)
SIDES = ("ours", "theirs")

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A loss and another library: arrays for a size divided by a number, where the gradient is, both calls, threads."""

    loss: str
    peer: str
    inputs: Callable[[int], dict[str, np.ndarray]]
    wrt: tuple[str, ...]
    ours: Callable[[Any, Arrays], Any]
    theirs: Callable[[Any, Arrays], Any]
    threads: int = 2

    @property
    def framework(self) -> str:
        """The backend whose arrays both sides take."""
        return PEERS[self.peer].backend


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _speech(divide: int) -> dict[str, np.ndarray]:
    """Scores of 32 sequences of up to 200 frames, and up to 40 labels of 79."""
    batch, time, classes, count = 32 // min(divide, 8), 200 // divide, 80, 40 // divide
    random = np.random.default_rng(0)
    return {
        "logits": _normal(batch, time, classes),
        "labels": random.integers(1, classes, size=(batch, count)),
        "input_lengths": random.integers(time * 3 // 4, time + 1, size=batch),
        "label_lengths": random.integers(count // 2, count + 1, size=batch),
    }


def _ctc_of_torch(names: Any, x: Arrays) -> Any:
    time_first = names["torch"].swapaxes(names["F"].log_softmax(x["logits"], dim=-1), 0, 1)
    lengths = x["input_lengths"], x["label_lengths"]
    return names["F"].ctc_loss(time_first, x["labels"], *lengths, reduction="none").mean()


def _ctc_of_optax(names: Any, x: Arrays) -> Any:
    def padding(array: Any, lengths: Any) -> Any:
        return (names["jnp"].arange(array.shape[1])[None, :] >= lengths[:, None]).astype(x["logits"].dtype)

    paddings = padding(x["logits"], x["input_lengths"]), padding(x["labels"], x["label_lengths"])
    return names["optax"].ctc_loss(x["logits"], paddings[0], x["labels"], paddings[1]).mean()


def _images(divide: int) -> dict[str, np.ndarray]:
    """8 pictures in colour of 256 by 256 pixels, and noisy copies."""
    side = 256 // divide
    pictures = np.random.default_rng(1).random((8, 3, side, side), dtype=np.float32)
    return {"predictions": np.clip(pictures + 0.1 * _normal(8, 3, side, side), 0, 1), "targets": pictures}


def _ssim_of_torchmetrics(names: Any, x: Arrays) -> Any:
    """Of the windows inside the images, as ours: by itself it counts those over reflected borders too."""
    similarity = names["M"].structural_similarity_index_measure
    _, each = similarity(x["predictions"], x["targets"], data_range=1.0, return_full_image=True)
    return 1 - each[..., 5:-5, 5:-5].mean()


def _volumes(divide: int) -> dict[str, np.ndarray]:
    """4 volumes of 128^3 voxels, each of which is of one of 4 classes."""
    shape = (4, 4, *(128 // divide,) * 3)
    scores = np.exp(_normal(*shape))
    labels = np.random.default_rng(1).integers(4, size=(4, 1, *shape[2:]))
    classes = np.reshape(np.arange(4), (1, 4, 1, 1, 1))
    return {
        "probabilities": scores / scores.sum(axis=1, keepdims=True),
        "targets": (labels == classes).astype(np.float32),
    }


def _tagged(divide: int) -> dict[str, np.ndarray]:
    """64 sequences of up to 100 positions with scores of 32 tags."""
    batch, time, classes = 64 // min(divide, 16), 100 // divide, 32
    random = np.random.default_rng(0)
    return {
        "emissions": _normal(batch, time, classes),
        "labels": random.integers(classes, size=(batch, time)),
        "lengths": random.integers(time * 3 // 4, time + 1, size=batch),
        "transitions": _normal(classes, classes),
        "start": _normal(classes),
        "end": _normal(classes),
    }


def _crf_of_torch(names: Any, x: Arrays) -> Any:
    torch = names["torch"]
    model = names["torchcrf"].CRF(x["transitions"].shape[0], batch_first=True)
    parameters = {"transitions": x["transitions"], "start_transitions": x["start"], "end_transitions": x["end"]}
    mask = torch.arange(x["labels"].shape[1])[None, :] < x["lengths"][:, None]
    return -torch.func.functional_call(model, parameters, (x["emissions"], x["labels"], mask, "mean"))


def _as_it_is(loss: str) -> Callable[[Any, Arrays], Any]:
    return lambda names, x: get(loss)(**x)


PAIRS = (
    Pair("ctc_with_logits", "torch", _speech, ("logits",), _as_it_is("ctc_with_logits"), _ctc_of_torch, 1),
    Pair("ctc_with_logits", "optax", _speech, ("logits",), _as_it_is("ctc_with_logits"), _ctc_of_optax),
    Pair("ssim", "torchmetrics", _images, ("predictions",), _as_it_is("ssim"), _ssim_of_torchmetrics),
    Pair(
        "dice",
        "monai",
        _volumes,
        ("probabilities",),
        lambda n, x: get("dice")(**x, smooth=1e-5),
        lambda n, x: n["monai"].DiceLoss(smooth_nr=1e-5, smooth_dr=1e-5)(x["probabilities"], x["targets"]),
    ),
    Pair(
        "crf",
        "pytorch-crf",
        _tagged,
        ("emissions", "transitions", "start", "end"),
        _as_it_is("crf"),
        _crf_of_torch,
        threads=1,
    ),
)


def side(index: int, which: str, divide: int) -> Thunk:
    """The call of one side of a pair, with its gradient."""
    pair = PAIRS[index]
    get(pair.loss)  # a loss that is not there is told before anything is imported
    function = partial(pair.ours if which == "ours" else pair.theirs, names_of(pair.peer))
    backend = get_backend(pair.framework)
    return differentiated(backend, function, arrays_of(backend, pair.inputs(divide)), pair.wrt)


def peak(index: int, which: str, divide: int) -> int:
    """The most bytes that one side holds in a call, in this process."""
    with as_users_have_it(PAIRS[index].framework, PAIRS[index].threads):
        return peak_of_process(side(index, which, divide))


def _both(index: int, divide: int) -> tuple[Thunk, Thunk]:
    ours, theirs = (side(index, which, divide) for which in SIDES)
    return ours, theirs


def _peaks(index: int, divide: int) -> tuple[int, int]:
    ours, theirs = (in_fresh_process(peak, index, which, divide) for which in SIDES)
    return ours, theirs


def rows(effort: Effort, divide: int = 1, with_memory: bool = True) -> Iterator[Row]:
    """A row for each pair."""
    for index, pair in enumerate(PAIRS):
        shape = " x ".join(str(size) for size in next(iter(pair.inputs(divide).values())).shape)
        with as_users_have_it(pair.framework, pair.threads):
            peaks = partial(_peaks, index, divide) if with_memory else None
            outcome = attempt(partial(_both, index, divide), effort, peaks)
        yield Row((pair.loss, shape, pair.peer), outcome)


def main(small: bool = False, repeats: int = FULL.repeats) -> None:
    """Print the ratios of time and of memory."""
    print(machine_facts(THREADS))
    heads = ("loss", "shape", "beside", "ratio", "ours", "theirs", *(() if small else ("peak memory",)))
    title = "Forward and backward: eager on Torch, compiled on JAX"
    measured = rows(Effort(repeats, FULL.batch_seconds), 8 if small else 1, with_memory=not small)
    print_rows(title, heads, measured, cells)


if __name__ == "__main__":
    typer.run(main)
