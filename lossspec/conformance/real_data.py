"""Real data for a loss, by what the inputs of its contract mean: a new loss on the same terms gets it by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance import data
from lossspec.conformance.axes import Values
from lossspec.conformance.sampling import draw_exp, draw_log
from lossspec.contract import Argument, Contract


def real_inputs(contract: Contract) -> Iterator[tuple[str, Values]]:
    """The names of the data sets that fit, with the inputs they give."""
    key = tuple(_key(argument) for argument in contract.inputs)
    for name, arrays in _REAL.get(key, lambda: ())():
        yield name, dict(zip((argument.name for argument in contract.inputs), arrays, strict=True))


def _key(argument: Argument) -> str:
    term = argument.terms[0]
    words = f"{term.name}{term.shape}"
    return f"list of {words}" if argument.many else words


def _scores() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits", (digits["logits"][:20], digits["labels"][:20])


def _costly() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Digits, where it costs |a - b| to read a digit b as a."""
    for name, (logits, labels) in _scores():
        yield f"{name}, costs by distance", (logits[:8], labels[:8], np.abs(np.arange(10.0) - labels[:8, None]))


def _costly_without_labels() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, _, costs) in _costly():
        yield name, (logits, costs)


def _classified() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield from _scores()
    yield from _likelihoods()


def _likelihoods() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield "text, next characters", (text["log_probabilities"][:10], text["tokens"][:10])


def _predicted() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_probabilities, tokens) in _likelihoods():
        yield name, (draw_exp(log_probabilities), tokens)


def _activations() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "hidden activations of digits", (data.load("digits")["embeddings"][:3],)


def _binary_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    one_of_ten = np.eye(10)[digits["labels"][:6]]
    yield "digits, one against the rest", (digits["logits"][:6].ravel(), one_of_ten.ravel())


def _diabetes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    diabetes = data.load("diabetes")
    yield "diabetes", (diabetes["predictions"][:40], diabetes["targets"][:40])


def _intensities() -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixels of a photograph, blurred, and as they are: means and amounts."""
    photographs = data.load("photographs")
    blurred, clean = (photographs[name][0, 0, 4:9, 4:9].ravel() for name in ("blur", "clean"))
    return blurred, clean


def _amounts() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "photograph, blur", _intensities()


def _log_amounts() -> Iterator[tuple[str, tuple[Any, ...]]]:
    blurred, clean = _intensities()
    yield "photograph, blur", (draw_log(255 * blurred), np.round(255 * clean))  # levels of grey, which are counts


def _photograph() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "photograph", (data.load("photographs")["noise"][:1, :1, 4:9, 4:9],)


def _next_characters() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield (
        "text, trigrams against bigrams",
        (text["log_probabilities"][:8], draw_exp(text["reference_log_probabilities"][:8])),
    )


def _language_models() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield "text, trigrams against bigrams", (text["log_probabilities"][:3], text["reference_log_probabilities"][:3])


def _sampled_tokens() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    steps = np.arange(30)
    likely = [text[name][steps, text["tokens"][:30]] for name in ("log_probabilities", "reference_log_probabilities")]
    yield "text, trigrams against bigrams", tuple(likely)


def _embeddings(count: int) -> tuple[NDArray[Any], ...]:
    """Digits of one class beside their neighbours in the class, and beside digits of other classes."""
    digits = data.load("digits")
    order = np.argsort(digits["labels"], kind="stable")
    rows = digits["embeddings"][order]
    return tuple(rows[start : start + 8] for start in (0, 8, 100)[:count])


def _pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", _embeddings(2)


def _triplets() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", _embeddings(3)


def _signed_pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    near, beside, far = _embeddings(3)
    first, second = np.concatenate([near[:4], near[4:]]), np.concatenate([beside[:4], far[4:]])
    yield "digits", (first, second, np.asarray([1] * 4 + [-1] * 4))


def _signed_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _binary_digits():
        yield name, (logits, 2 * one_of_ten.astype(np.int64) - 1)


def _multilabel_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits, one against the rest", (digits["logits"][:6], np.eye(10)[digits["labels"][:6]])


def _indicated_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _multilabel_digits():
        yield name, (logits, one_of_ten.astype(np.int64))


def _ranked_classes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _indicated_digits():
        yield f"{name}, as lists", (logits[:3], one_of_ten[:3])


def _weighed_classes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _ranked_classes():
        yield name, (logits, one_of_ten.astype(np.float64))


def _ranked_pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    diabetes = data.load("diabetes")
    predictions, targets = diabetes["predictions"], diabetes["targets"]
    order = np.where(targets[:20] > targets[20:40], 1, -1)
    yield "diabetes, pairs in the order of their targets", (predictions[:20], predictions[20:40], order)


def _grouped() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits", (digits["embeddings"][:6], digits["labels"][:6])


def _prototypes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Digits, and the means of their classes over all of them."""
    digits = data.load("digits")
    rows, labels = digits["embeddings"], digits["labels"]
    yield "digits", (rows[:4], np.stack([rows[labels == c].mean(axis=0) for c in range(10)]), labels[:4])


def _boxes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    boxes = data.load("boxes")
    yield "coins", (boxes["predictions"], boxes["targets"])


def _photographs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    for name in ("blur", "jpeg"):
        crops = slice(0, 1), slice(0, 1), slice(2, 9), slice(2, 9)
        yield f"photograph, {name}", (photographs[name][crops], photographs["clean"][crops])


def _photograph_pair() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    yield "photograph, jpeg", tuple(photographs[name][:1, :1, 4:10, 4:10] for name in ("jpeg", "clean"))


def _masks() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    yield "photographs", (photographs["mask_probabilities"][..., ::2, ::2], photographs["masks"][..., ::2, ::2])


def _segmented() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The log-odds of the pixels of a part of each photograph, and whether they are in its mask."""
    for name, (probabilities, masks) in _masks():
        crops = slice(None), 0, slice(2, 6), slice(3, 7)
        chances = probabilities[crops].astype(np.float64)
        yield name, (draw_log(chances) - draw_log(1 - chances), masks[crops].astype(np.int64))


def _segmented_channels() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_odds, masks) in _segmented():
        yield name, (log_odds[:, None], masks[:, None].astype(np.float64))


def _segmented_in_two() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_odds, masks) in _segmented():
        yield f"{name}, background and foreground", (np.stack([-log_odds / 2, log_odds / 2], axis=1), masks)


def _feature_maps() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")

    def pyramid(name: str) -> list[NDArray[Any]]:
        images = photographs[name][:2, :, ::4, ::4]
        return [images, np.abs(np.diff(images, axis=-1))]

    yield "photographs and their edges", (pyramid("blur"), pyramid("clean"))


def _answers() -> list[NDArray[Any]]:
    """Log-probabilities of the tokens of 8 answers: forwards and backwards under the policy, then the reference."""
    text = data.load("text")
    steps = np.arange(len(text["tokens"]))
    orders = text["tokens"], text["tokens"][::-1]
    models = text["log_probabilities"], text["reference_log_probabilities"]
    return [model[steps, tokens].reshape(8, -1) for model in models for tokens in orders]


def _preferences() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "text, forwards against backwards", tuple(tokens.sum(axis=1) for tokens in _answers())


def _two_log_probabilities() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield from _sampled_tokens()
    yield "text, forwards against backwards", tuple(tokens.mean(axis=1) for tokens in _answers()[:2])


def _logits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", (data.load("digits")["logits"][:12],)


def _transcription() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    frames, tokens = text["log_probabilities"][:12].reshape(3, 4, -1), text["tokens"][:12].reshape(3, 4)
    blank_first = np.concatenate([draw_log(np.full((3, 4, 1), 0.2)), draw_log(0.8) + frames], axis=-1)
    yield "text", (blank_first, tokens[:, ::2] + 1, np.asarray([4, 4, 3]), np.asarray([2, 1, 2]))


_REAL: dict[tuple[str, ...], Callable[[], Any]] = {
    ("Logits[*batch classes]", "Label[*batch]"): _classified,
    ("Real[*batch classes]", "Label[*batch]"): _scores,
    ("Logits[*batch classes]", "Label[*batch]", "Cost[*batch classes]"): _costly,
    ("Logits[*batch classes]", "Cost[*batch classes]"): _costly_without_labels,
    ("LogDistribution[*batch classes]", "Label[*batch]"): _likelihoods,
    ("Distribution[*batch classes]", "Label[*batch]"): _predicted,
    ("Logits[*batch]", "Probability[*batch]"): _binary_digits,
    ("Logits[*batch]", "Sign[*batch]"): _signed_digits,
    ("Logits[*batch classes]", "Probability[*batch classes]"): _multilabel_digits,
    ("Logits[*batch classes]", "Indicator[*batch classes]"): _indicated_digits,
    ("Logits[*batch items]", "Relevance[*batch items]"): _ranked_classes,
    ("Logits[*batch items]", "NonNegative[*batch items]"): _weighed_classes,
    ("Real[*batch]", "Real[*batch]"): _diabetes,
    ("Real[*batch]", "Real[*batch]", "Sign[*batch]"): _ranked_pairs,
    ("AboveMinusOne[*batch]", "AboveMinusOne[*batch]"): _amounts,
    ("PositiveAmount[*batch]", "Amount[*batch]"): _amounts,
    ("LogMean[*batch]", "PositiveAmount[*batch]"): _log_amounts,
    ("LogMean[*batch]", "Amount[*batch]"): _log_amounts,
    ("Rate[*batch]", "Amount[*batch]"): _log_amounts,
    ("LogDistribution[*batch classes]", "Distribution[*batch classes]"): _next_characters,
    ("LogDistribution[*batch classes]",) * 2: _language_models,
    ("Logits[*batch classes]",) * 2: _language_models,
    ("LogProbability[*batch]",) * 2: _two_log_probabilities,
    ("LogDensity[*batch]",) * 2: _two_log_probabilities,
    ("Embedding[batch dim]", "Embedding[batch dim]"): _pairs,
    ("Embedding[*batch dim]",) * 3: _triplets,
    ("Embedding[*batch dim]", "Embedding[*batch dim]", "Sign[*batch]"): _signed_pairs,
    ("Embedding[batch dim]", "Group[batch]"): _grouped,
    ("Embedding[batch dim]", "Embedding[classes dim]", "Label[batch]"): _prototypes,
    ("Real[*shape]",): _activations,
    ("Real[*groups dim]",): _activations,
    ("Real[batch channels height width]",): _photograph,
    ("Box[*batch 4]", "Box[*batch 4]"): _boxes,
    ("Image[batch channels height width]",) * 2: _photographs,
    ("Real[batch channels height width]",) * 2: _photograph_pair,
    ("Probability[batch channels *space]",) * 2: _masks,
    ("Logits[batch *space]", "Indicator[batch *space]"): _segmented,
    ("Logits[batch channels *space]", "Probability[batch channels *space]"): _segmented_channels,
    ("Logits[batch classes *space]", "Label[batch *space]"): _segmented_in_two,
    ("list of Real[batch ?channels *?space]",) * 2: _feature_maps,
    ("LogProbability[*batch]",) * 4: _preferences,
    ("Logits[*batch classes]",): _logits,
    (
        "LogDistribution[batch time classes]",
        "Label[batch labels]",
        "Length[batch]",
        "Length[batch]",
    ): _transcription,
}
