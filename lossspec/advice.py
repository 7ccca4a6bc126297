"""From the keywords and reductions of other libraries to ours: the hints of errors about unknown ones."""

from __future__ import annotations

import difflib

from lossspec.contract import Contract

PREDICTIONS = "input inputs y_pred y_hat preds pred prediction predictions output outputs logits scores raw_prediction"
TARGETS = "target targets y_true y label labels truth ground_truth answers"
KEYWORDS = {
    **dict.fromkeys(PREDICTIONS.split(), "first"),
    **dict.fromkeys(TARGETS.split(), "second"),
    **dict.fromkeys(["weight", "weights"], "class_weight sample_weight"),
    **dict.fromkeys(["sample_weights", "example_weight"], "sample_weight"),
    **dict.fromkeys(["class_weights"], "class_weight"),
    **dict.fromkeys(["mask", "masks", "selected"], "where"),
    **dict.fromkeys(["dim", "class_axis", "class_dim", "axes"], "axis"),
    **dict.fromkeys(["size_average", "reduce", "reduction_type", "average"], "reduction"),
    **dict.fromkeys(["ignore_class", "ignore_label", "ignored_index"], "ignore_index"),
}
"""Keywords of other libraries, with ours; of several, the first that the loss takes."""
NOTES = {
    "where": "it is True for what counts",
    "reduction": "a name like 'mean', 'sum' or 'none'",
}
REDUCTIONS = {
    "batchmean": "batch_mean",
    "elementwise_mean": "mean",
    "average": "mean",
    "avg": "mean",
    "sum_over_batch_size": "count_mean",
    "mean_with_sample_weight": "mean",
}
"""Reductions of Torch and Keras by our names."""


def hint_for_keyword(contract: Contract, word: str) -> str:
    """The keyword of a loss that an unknown one means, as a sentence after a space, or an empty string."""
    inputs = [argument.name for argument in contract.inputs]
    known = (*inputs, *(argument.name for argument in contract.parameters), *contract.tail)
    places = {"first": inputs[0], "second": inputs[1] if len(inputs) > 1 else ""}
    for ours in KEYWORDS.get(word, "").split():
        own = places.get(ours, ours)
        if own in known:
            return f" `{word}` is `{own}` here" + (f": {NOTES[own]}." if own in NOTES else ".")
    if word in ("from_logits", "log_input", "log_target", "apply_softmax", "sigmoid", "softmax"):
        first = contract.inputs[0]
        kinds = " or ".join(term.meaning.partition(";")[0] for term in first.terms)
        return f" A loss takes one kind of input: `{first.name}` is declared as {kinds}."
    if word in ("eps", "epsilon", "smooth"):
        return " Nothing is added to keep it finite: it is exact without."
    near = difflib.get_close_matches(word, known, 1)
    return f" Did you mean `{near[0]}`?" if near else ""


def hint_for_reduction(word: str, allowed: tuple[str, ...]) -> str:
    """The reduction here that one of another library means, as a sentence after a space, or an empty string."""
    ours = REDUCTIONS.get(word.lower(), "")
    near = [ours] if ours else difflib.get_close_matches(word.lower(), allowed, 1)
    return f" {word!r} is {near[0]!r} here." if ours in allowed else f" Did you mean {near[0]!r}?" if near else ""
