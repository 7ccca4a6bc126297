"""The losses of torch.nn.functional, and the classes of torch.nn, on the arrays of any framework.

`from lossspec.dialects import torch as F`, and for the classes `from lossspec.dialects import torch as nn`.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import lossspec as ls
from lossspec.dialects.arrays import (
    as_numbers,
    beside,
    broadcast,
    clipped,
    common_shape,
    floored,
    is_floating,
    narrowed,
    norm_of_order,
    ones_like,
    promoted,
    ranked,
    reduced,
    shape_of,
    stretched,
    values_of,
    with_last,
)
from lossspec.dialects.declaration import (
    ArgumentTypeError,
    Call,
    Configured,
    call,
    declared,
    one_of,
    refuse,
)
from lossspec.dialects.words import Word, as_distribution, by_entry, in_words, worded
from lossspec.dispatch import array_namespace, is_array

Array = Any
_REDUCTIONS = ("none", "mean", "sum")
_SHORT = "a vector shorter than eps counts as one of length eps"


def _reduction(
    given: str, size_average: bool | None, reduce: bool | None, mean: str = "count_mean", *, more: Sequence[str] = ()
) -> Any:
    """Our reduction for torch's, `mean` for its mean; the deprecated pair of arguments comes first, with a warning."""
    given = _undeprecated(given, size_average, reduce, stacklevel=5)
    if given == "elementwise_mean":
        warnings.warn("reduction 'elementwise_mean' is deprecated. Fix: reduction='mean'", stacklevel=4)
        given = "mean"
    if given == "batchmean" and given in more:
        return "batch_mean"
    return mean if one_of("reduction", given, (*_REDUCTIONS, *more)) == "mean" else given


def _undeprecated(given: str, size_average: bool | None, reduce: bool | None, *, stacklevel: int) -> str:
    """The reduction that the deprecated pair of arguments says, with a warning, or else the one that is given."""
    if size_average is None and reduce is None:
        return given
    given = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(f"`size_average` and `reduce` are deprecated. Fix: reduction={given!r}", stacklevel=stacklevel)
    return given


def _of_elements(loss: ls.Loss, input: Any, target: Any, reduction: Any, weight: Any = None, **options: Any) -> Call:
    """A loss of each element of two arrays that broadcast, with a warning where they have to."""
    if is_array(input) and is_array(target) and shape_of(input) != shape_of(target):
        warnings.warn(
            f"the target has shape {shape_of(target)} and the input {shape_of(input)}; they are broadcast, which is "
            "seldom meant. Fix: give both the same shape",
            stacklevel=4,
        )
    if weight is not None:
        refuse(shape_of(weight) != shape_of(input), "Weights and input must have the same size.")
    input, target, weight = promoted(input, target, weight)
    predictions, targets = broadcast(input, target)
    if is_array(weight) and shape_of(weight) != shape_of(predictions):  # the mean counts each weight once
        reduction = ls.Mean(over=array_namespace(weight).sum(weight)) if reduction == "mean" else reduction
        weight = stretched(weight, shape_of(predictions))
    return call(
        loss, predictions=predictions, targets=targets, sample_weight=weight, reduction=reduction,
        then=narrowed(predictions), **options,
    )  # fmt: skip


@declared("F")
def mse_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Call:
    """The squared error; with weights the mean divides by their sum."""
    how = _reduction(reduction, size_average, reduce, "mean")
    return _of_elements(ls.squared_error, input, target, how, weight)


@declared("F")
def l1_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Call:
    """The absolute error; with weights the mean divides by their sum."""
    how = _reduction(reduction, size_average, reduce, "mean")
    return _of_elements(ls.absolute_error, input, target, how, weight)


@declared("F")
def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> Call:
    """Huber's loss; with weights the mean divides by their number."""
    refuse(not is_array(delta) and delta <= 0, "huber_loss does not support non-positive values for delta.")
    return _of_elements(ls.huber, input, target, _reduction(reduction, None, None), weight, delta=delta)


@declared("F")
def smooth_l1_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Call:
    """Huber's loss of `beta` over `beta`; the absolute error where that is 0."""
    refuse(beta < 0, "smooth_l1_loss does not support negative values for beta.")
    return _of_elements(ls.smooth_l1, input, target, _reduction(reduction, size_average, reduce), beta=beta)


def _classes(input: Any, target: Any) -> dict[str, Any]:
    """The keyword that names the axis of the classes: the first of a row, the second of a batch."""
    if isinstance(input, Word):
        return {}
    refuse(len(input.shape) == 0, "the input is 0-d; it needs an axis of classes")
    return {"axis": 0 if len(input.shape) == 1 else 1}


@declared("F")
def cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Call:
    """The softmax cross entropy of classes at axis 1, with labels or distributions as targets.

    With labels the mean divides by the sum of the labels' weights, with distributions by the length of the batch.
    """
    how = _reduction(reduction, size_average, reduce, "count_mean" if _is_soft(target) else "mean")
    axis = _classes(input, target)
    refuse(
        _is_soft(target) and shape_of(input) != shape_of(target),
        f"a target of probabilities has the shape {shape_of(input)}",
    )
    return _entropy(ls.cross_entropy, {"logits": input}, target, weight, how, ignore_index, label_smoothing, **axis)


@declared("F")
def linear_cross_entropy(
    input: Array,
    linear_weight: Array,
    target: Array,
    *,
    linear_bias: Array | None = None,
    weight: Array | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Call:
    """The cross entropy of a linear layer of `input`; its logits exist a block of classes at a time.

    `options` say how torch takes the batch apart, and change nothing here. A weight [classes, *space, features] has a
    layer for each place of the target; its logits exist as a whole.
    """
    ignores = _is_soft(target) and ignore_index is not None
    refuse(ignores, "ignore_index cannot be specified when target contains probabilities")
    ignored = -100 if ignore_index is None else ignore_index
    places = _places_of_layer(input, linear_weight, linear_bias) if is_array(input) else ()
    if places:
        xp = array_namespace(input)
        logits = xp.tensordot(input, linear_weight, axes=((1,), (len(places) + 1,)))
        if linear_bias is not None:
            beyond = places if len(linear_bias.shape) > 1 else (1,) * len(places)
            logits = logits + xp.reshape(linear_bias, (1, -1, *beyond))
        return cross_entropy.declare(logits, target, weight, None, ignored, None, reduction, label_smoothing)
    how = _reduction(reduction, None, None, "count_mean" if _is_soft(target) else "mean")
    inputs = {"features": input, "weight": linear_weight, "bias": linear_bias}
    return _entropy(ls.linear_cross_entropy, inputs, target, weight, how, ignored, label_smoothing)


def _places_of_layer(input: Array, weight: Array, bias: Array | None) -> tuple[int, ...]:
    """The axes of a linear layer between its classes and its features, or torch's error for shapes that do not fit."""
    shape, layer = tuple(input.shape), tuple(weight.shape)
    refuse(len(shape) not in (1, 2), f"expected input with dimensionality 1 or 2, got {len(shape)}")
    refuse(len(layer) < 2, f"expected linear_weight with dimensionality at least 2, got {len(layer)}")
    names = "input and linear_weight last dimensions (in_features)"
    refuse(shape[-1] != layer[-1], f"expected equal {names}, got {{}} and {{}}, respectively", shape[-1], layer[-1])
    own = layer[:-1] if bias is None else tuple(bias.shape)
    refuse(own not in (layer[:1], layer[:-1]), f"expected linear_bias shape {layer[:-1]}, got {own}")
    several = len(layer) > 2 and len(shape) == 1
    needs = "requires batched input, (N, {})"
    refuse(several, f"K-dimensional loss defined by linear_weight shape {{}} {needs}", layer, layer[-1])
    return layer[1:-1]


def _is_soft(target: Array) -> bool:
    """Say whether a target holds distributions; of a word, whether its text makes some."""
    if isinstance(target, Word):
        return bool(re.search(r"softmax\(|one_hot\(|\.float\(|\.double\(", target.text))
    return is_array(target) and is_floating(target)


def _entropy(
    loss: Any,
    inputs: dict[str, Any],
    target: Array,
    weight: Array | None,
    how: Any,
    ignore_index: int,
    label_smoothing: float,
    **axis: Any,
) -> Call:
    """A cross entropy with torch's mean: by the labels' weights, or for distributions by the length of the batch."""
    refuse(not 0 <= label_smoothing <= 1, "label_smoothing is {}; it must be between 0.0 and 1.0", label_smoothing)
    name, first = next(iter(inputs.items()))
    soft = _is_soft(target)
    if soft:
        refuse(ignore_index >= 0, "ignore_index is not supported for floating point target")
        first, target, weight = promoted(first, as_distribution(target), weight)
    else:
        _same_dtype(first, weight)
        if how == "mean" and weight is not None and label_smoothing and is_array(target):
            how = ls.Mean(over=_weights_of_labels(target, weight, ignore_index))
    return call(
        loss,
        **{**inputs, name: first},
        labels=target,
        class_weight=weight,
        ignore_index=None if soft else ignore_index,
        label_smoothing=label_smoothing or None,
        reduction=how,
        then=narrowed(first),
        **axis,
    )


def _same_dtype(input: Array, weight: Any) -> None:
    """Refuse class weights of another dtype than the input's, as torch does."""
    apart = is_array(weight) and is_array(input) and weight.dtype != input.dtype
    refuse(apart, f"expected scalar type {getattr(input, 'dtype', '')} but found {getattr(weight, 'dtype', '')}")


def _weights_of_labels(labels: Array, weight: Array, ignore_index: int) -> Array:
    """The sum of the class weights of the labels that are not ignored."""
    xp = array_namespace(weight)
    kept = labels != ignore_index
    own = xp.take(weight, xp.reshape(xp.where(kept, labels, xp.zeros_like(labels)), (-1,)), axis=0)
    return xp.sum(xp.where(xp.reshape(kept, (-1,)), own, 0.0))


@declared("F")
def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """Minus the logarithm of the label's probability, from logarithms; the mean divides by the sum of weights."""
    how = _reduction(reduction, size_average, reduce, "mean")
    axis = _classes(input, target)
    refuse(is_array(target) and is_floating(target), "expected scalar type Long but found Float: labels are integers")
    _same_dtype(input, weight)
    return call(
        ls.nll, log_probabilities=input, labels=target, class_weight=weight, ignore_index=ignore_index, reduction=how,
        then=narrowed(input), **axis,
    )  # fmt: skip


@declared(
    "F", "full=True adds the exact log(targets!) where torch has Stirling's approximation; strict=True has it too"
)
def poisson_nll_loss(
    input: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    strict: bool = False,
) -> Call:
    """The negative log-likelihood of counts, of log-means or of means, to which `eps` is added in the logarithm."""
    how = _reduction(reduction, size_average, reduce)
    input, target = broadcast(input, target)
    half = narrowed(input)
    stirling = full and strict and not isinstance(target, Word)

    def without_eps(value: Array) -> Array:
        value = value if log_input else value - eps * (math.prod(input.shape) if how == "sum" else 1)
        value = value + reduced(_stirling(target), "mean" if how == "count_mean" else how) if stirling else value
        return value if half is None else half(value)

    return call(
        ls.poisson_nll,
        predictions=input if log_input or isinstance(input, Word) else input + eps,
        targets=target,
        log_input=log_input,
        full=full and not stirling,
        reduction=how,
        then=None if isinstance(input, Word) else without_eps,
    )


def _stirling(target: Array) -> Array:
    """Stirling's approximation of log(target!), and 0 for targets up to 1."""
    xp = array_namespace(target)
    many = target > 1
    safe = xp.where(many, target, 2.0)
    return xp.where(many, safe * xp.log(safe) - safe + 0.5 * xp.log(2 * math.pi * safe), 0.0)


@declared("F")
def gaussian_nll_loss(
    input: Array,
    target: Array,
    var: Array | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Call:
    """The negative log-likelihood under normal distributions whose variances are lifted to `eps`."""
    how = _reduction(reduction, None, None)
    if isinstance(input, Word):
        return call(ls.gaussian_nll, predictions=input, targets=target, variances=var, full=full, reduction=how)
    given = var if is_array(var) else beside(float(var), input, input.dtype)
    input, target, given = promoted(input, target, given)
    known = values_of(given)
    refuse(known is not None and bool((known < 0).any()), "var has negative entry/entries")
    sizes, own = shape_of(input), shape_of(given)
    if sizes != own and is_array(var):
        if sizes[:-1] == own:
            given = given[..., None]
        else:
            fits = len(sizes) == len(own) and sum(y for x, y in zip(sizes, own, strict=True) if x != y) == 1
            refuse(not fits, "var is of incorrect size")
    input, target = broadcast(input, target)
    whole = common_shape(input, given)
    return call(
        ls.gaussian_nll,
        predictions=stretched(input, whole),
        targets=stretched(target, whole),
        variances=floored(ranked(given, stretched(input, whole)), eps),
        full=full,
        reduction=how,
        then=narrowed(input),
    )


@declared("F", "where a target is impossible its term is 0; torch has NaN if the prediction is too, or if log_target")
def kl_div(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Call:
    """The terms of the divergence of `input`, logarithms, from the target; the mean is over all entries."""
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction 'mean' of kl_div divides by all entries; the mean of divergences is 'batchmean'", stacklevel=3
        )
    how = _reduction(reduction, size_average, reduce, more=("batchmean",))
    loss, name = (
        (ls.kl_divergence_with_log_targets, "log_targets") if log_target else (ls.kl_divergence, "targets")
    )  # fmt: skip
    if isinstance(input, Word):
        if reduction in ("mean", "none"):
            input, target = by_entry(input), by_entry(target)
        return call(loss, log_predictions=input, **{name: target}, reduction=how)
    rows = (*shape_of(input), 1)[0]
    input, target = broadcast(input, target)
    if how == "batch_mean":
        how = ls.Mean(over=rows)
    each = {name: target[..., None]}
    return call(loss, log_predictions=input[..., None], **each, reduction=how, then=narrowed(input))


@declared("F", "the logarithms are exact; strict=True bounds them by -100, as torch documents")
def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    strict: bool = False,
) -> Call | Array:
    """The cross entropy of probabilities; weights multiply, and the mean divides by the number of entries."""
    how = _reduction(reduction, size_average, reduce)
    refuse(
        shape_of(input) != shape_of(target),
        f"a target of shape {shape_of(target)} beside an input of shape {shape_of(input)}; give both the same shape",
    )
    _refuse_whole(target, input)
    input, target, weight = promoted(input, target, weight)
    weight = _within(input, weight)
    made = call(
        ls.binary_cross_entropy, probabilities=input, targets=target, sample_weight=weight, reduction=how,
        then=narrowed(input),
    )  # fmt: skip
    return _bounded(made) if strict and is_array(input) else made


def _within(input: Array, weight: Array | None) -> Array | None:
    """Weights that broadcast to the shape of an array, which they do not stretch, in its rank."""
    if weight is None or not is_array(input):
        return weight
    stretches = common_shape(input, weight) != shape_of(input)
    refuse(
        stretches, f"weights of shape {shape_of(weight)} do not broadcast to the shape of the input {shape_of(input)}"
    )
    return ranked(weight, input)


def _refuse_whole(target: Array, like: Array) -> None:
    whole = is_array(target) and not is_floating(target)
    refuse(
        whole, f"the target holds whole numbers. Fix: give it in the dtype of the input, {getattr(like, 'dtype', '')}"
    )


def _bounded(made: Call) -> Array:
    """The same call with logarithms of at least -100: both outcomes by themselves, mixed by the target."""
    given = made.arguments
    p, target, weight = given["probabilities"], given["targets"], given.get("sample_weight")
    losses = (clipped(ls.binary_cross_entropy.per_example(p, y), 0.0, 100.0) for y in (ones_like(p), ones_like(p) * 0))
    for_one, for_zero = losses
    mixed = target * for_one + (1 - target) * for_zero
    mixed = mixed if weight is None else mixed * weight
    total = reduced(mixed, {"count_mean": "mean"}.get(given["reduction"], given["reduction"]))
    return made.finish(total)


@declared("F")
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> Call:
    """The cross entropy of logits; weights multiply, and the mean divides by the number of entries."""
    how = _reduction(reduction, size_average, reduce)
    refuse(
        shape_of(input) != shape_of(target),
        f"Target size ({shape_of(target)}) must be the same as input size ({shape_of(input)})",
    )
    _refuse_whole(target, input)
    input, target, weight, pos_weight = promoted(input, target, weight, pos_weight)
    weight, pos_weight = _within(input, weight), _within(input, pos_weight)
    return call(
        ls.binary_cross_entropy_with_logits,
        logits=input, targets=target, sample_weight=weight, pos_weight=pos_weight, reduction=how,
        then=narrowed(input),
    )  # fmt: skip


@in_words("all", same=True)
def _signed(target: Array, *arrays: Array) -> tuple[Array, ...]:
    """Labels of 1 and arrays times the labels that were given: torch evaluates its formula for any number as label."""
    ones = ones_like(arrays[0])
    return (ones, *(target * x for x in arrays))


@declared("F", "large losses are right, where torch overflows to inf")
def soft_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """The logistic loss of labels 1 and -1."""
    how = _reduction(reduction, size_average, reduce)
    input, target = broadcast(input, target)
    target, input = _signed(target, input)
    return call(ls.soft_margin, logits=input, labels=target, reduction=how, then=narrowed(input))


@declared("F")
def margin_ranking_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """The distance of the one that should rank higher from doing so by a margin."""
    how = _reduction(reduction, size_average, reduce)
    sizes = [shape_of(x) for x in (input1, input2, target)]
    refuse(
        len({len(size) for size in sizes}) > 1,
        f"margin_ranking_loss : All input tensors should have the same number of axes; the shapes are {sizes}",
    )
    input1, input2, target = broadcast(input1, input2, target)
    target, input1, input2 = _signed(target, input1, input2)
    if margin < 0 and is_array(input1):
        input1, margin = input1 - margin, 0.0
    return call(
        ls.margin_ranking, first=input1, second=input2, labels=target, margin=margin, reduction=how,
        then=narrowed(input1),
    )  # fmt: skip


@declared("F")
def hinge_embedding_loss(
    input: Array,
    target: Array,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | Array:
    """A distance where the label is 1, and by how much it is below a margin where it is -1."""
    how = _reduction(reduction, size_average, reduce)
    input, target = broadcast(input, target)
    made = call(
        ls.hinge_embedding, distances=input, labels=target, margin=margin, reduction=how, then=narrowed(input)
    )  # fmt: skip
    known = None if isinstance(target, Word) else values_of(target)
    if (known is None or bool(((known == 1) | (known == -1)).all())) and margin >= 0:
        return made
    # Any other label counts as both, in torch; a margin below 0 is one of 0 under larger distances.
    one, below = ones_like(input), min(margin, 0.0)
    both = (
        call(
            ls.hinge_embedding,
            distances=distances,
            labels=label,
            margin=margin - below,
            where=target != -label,
            reduction="none",
        )
        for distances, label in ((input, one), (input - below, -one))
    )
    near, far = (each.run() for each in both)
    total = reduced(near + far, {"count_mean": "mean"}.get(how, how))
    return made.finish(total)


@declared("F", "the cosine is exact, where torch adds 1e-12 to the squared lengths")
def cosine_embedding_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """Draws pairs of label 1 together and keeps those of label -1 beyond a margin; other labels give 0."""
    how = _reduction(reduction, size_average, reduce)
    if isinstance(input1, Word):
        return call(ls.cosine_embedding, first=input1, second=input2, labels=target, margin=margin, reduction=how)
    fits = len(shape_of(target)) in (0, 1) and len(shape_of(input1)) == len(shape_of(target)) + 1
    refuse(
        not fits or len(shape_of(input2)) != len(shape_of(input1)),
        f"a target of shape {shape_of(target)} does not go with inputs {shape_of(input1)} and {shape_of(input2)}",
    )
    input1, input2 = broadcast(input1, input2)
    rows = common_shape(target, input1[..., 0])
    input1, input2 = (stretched(x, (*rows, shape_of(x)[-1])) for x in (input1, input2))
    target = stretched(target, rows)
    counted = (target == 1) | (target == -1)
    return call(
        ls.cosine_embedding,
        first=input1,
        second=input2,
        labels=target,
        margin=margin,
        where=counted,
        reduction=ls.Mean(over=math.prod(rows)) if how == "count_mean" else how,
        then=narrowed(input1),
    )


@declared("F", f"{_SHORT}; strict=True has that for the default eps too")
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8, *, strict: bool = False) -> Call:
    """The cosine of the angle between vectors along an axis."""
    if isinstance(x1, Word):
        if dim not in (1, -1):  # the last of a batch of vectors
            x1, x2 = (worded("moveaxis({0}, {1}, -1)", x, dim) for x in (x1, x2))
        return call(ls.cosine_distance, form="similarity", predictions=x1, targets=x2, reduction="none")
    x1, x2 = broadcast(x1, x2)
    if len(x1.shape) == 0:
        x1, x2 = x1[None], x2[None]
    rank = len(x1.shape)
    refuse(
        not -rank <= dim < rank,
        f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], got {{}})",
        dim,
    )
    x1, x2 = with_last(x1, dim), with_last(x2, dim)
    half = narrowed(x1)

    def shrunk(cosine: Array) -> Array:
        for x in (x1, x2) if strict or eps != 1e-8 else ():
            cosine = cosine * clipped(norm_of_order(x, 2) / eps, 0.0, 1.0)
        return cosine if half is None else half(cosine)

    return call(ls.cosine_distance, form="similarity", predictions=x1, targets=x2, reduction="none", then=shrunk)


@declared("F")
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm of differences along the last axis, `eps` added to each difference."""
    x1, x2 = broadcast(x1, x2)
    distance = norm_of_order(x1 - x2 + eps, p)
    return distance[..., None] if keepdim else distance


@declared("F")
def multi_margin_loss(
    input: Array,
    target: Array,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """The distance of the label from being ahead of every class by a margin; weights only multiply."""
    how = _reduction(reduction, size_average, reduce)
    refuse(p not in (1, 2), "only p == 1 and p == 2 supported")
    if isinstance(input, Word):
        weights = {"class_weight": weight, "reduction": how}
        return call(ls.multi_margin, logits=input, labels=target, p=p, margin=margin, **weights)
    refuse(weight is not None and len(shape_of(weight)) != 1, "weight must be one-dimensional")
    _refuse_empty(input)
    of_target = shape_of(target)
    rows, classes = _rows(input)
    refuse(
        len(of_target) > 1 or math.prod(of_target) != rows.shape[0],
        f"target tensor should be 1-D with size equal to that of the batch. Expected target size [{rows.shape[0]}], "
        f"but got {list(of_target)}",
    )
    refuse(
        weight is not None and shape_of(weight) != (classes,),
        f"inconsistent weight size, expected {classes} but got {list(shape_of(weight))}",
    )
    refuse(is_floating(target), "expected scalar type Long but found Float: labels are integers")
    rows, weight = promoted(rows, weight)
    labels = array_namespace(target).reshape(target, (-1,))
    if margin < 0:  # a lower margin is a higher own score
        rows, margin = _raised(rows, labels, -margin), 0.0
    half = narrowed(rows)

    def formed(value: Array) -> Array:
        value = array_namespace(value).reshape(value, of_target) if how == "none" else value
        return value if half is None else half(value)

    return call(
        ls.multi_margin, logits=rows, labels=labels, p=p, margin=margin, class_weight=weight, reduction=how, then=formed
    )  # fmt: skip


def _refuse_empty(input: Array) -> None:
    sizes = shape_of(input)
    refuse(
        len(sizes) > 2 or 0 in sizes[-1:],
        f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(sizes)}",
    )


def _rows(input: Array) -> tuple[Array, int]:
    """A scalar, a row or rows as rows, and the number of classes."""
    sizes = shape_of(input)
    classes = sizes[-1] if sizes else 1
    return (input if len(sizes) == 2 else array_namespace(input).reshape(input, (1, classes))), classes


def _raised(rows: Array, labels: Array, by: float) -> Array:
    """Rows with something added at their labels."""
    xp = array_namespace(rows)
    steps = beside(list(range(rows.shape[-1])), labels, labels.dtype)
    return rows + xp.where(labels[..., None] == steps, xp.full_like(rows, by), xp.zeros_like(rows))


@declared("F")
def multilabel_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """The distance of each class of a list, which ends with -1, from being ahead of every class that is not in it.

    One that is listed twice counts twice. So it is `multi_margin` of each listed class, with the others of the list
    taken out, and not our `multilabel_margin`, whose classes are a set.
    """
    how = _reduction(reduction, size_average, reduce)
    if isinstance(input, Word):
        targets = worded("listed({0}, {1})", target, input)
        return call(ls.multilabel_margin, logits=input, targets=targets, reduction=how)
    _refuse_empty(input)
    sizes = shape_of(input)
    refuse(
        shape_of(target) != sizes and not (not sizes and shape_of(target) == (1,)),
        f"inconsistent target size: {list(shape_of(target))} for input of size: {list(sizes)}",
    )
    refuse(is_floating(target), "expected scalar type Long but found Float: labels are integers")
    xp = array_namespace(input)
    rows, classes = _rows(input)
    lists = array_namespace(target).reshape(target, rows.shape)
    steps = beside(list(range(classes)), lists, lists.dtype)
    over = xp.cumulative_sum(xp.astype(lists < 0, lists.dtype), axis=-1) > 0
    labels = xp.where(over, xp.zeros_like(lists), lists)
    own = (labels[:, :, None] == steps) & ~over[:, :, None]
    listed = xp.any(own, axis=1)
    others = listed[:, None, :] & ~own
    wide = stretched(rows[:, None, :], others.shape)
    logits = xp.where(others, -math.inf, wide)
    mean = ls.Mean(over=rows.shape[0]) if how == "count_mean" else how
    half = narrowed(rows)

    def summed(value: Array) -> Array:
        if how == "none":
            value = xp.reshape(xp.sum(value, axis=-1), sizes[:-1])
        return value if half is None else half(value)

    return call(ls.multi_margin, logits=logits, labels=labels, where=~over, reduction=mean, then=summed)


@declared("F")
def multilabel_soft_margin_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """The cross entropy of each class that may apply, averaged over the classes."""
    how = _reduction(reduction, size_average, reduce)
    if isinstance(input, Word):
        return call(ls.multilabel_soft_margin, logits=input, targets=target, label_weights=weight, reduction=how)
    input, target, weight = promoted(input, target, weight)
    input, target = broadcast(input, target)
    half = narrowed(input)
    if weight is None or shape_of(weight) == shape_of(input)[-1:]:
        return call(
            ls.multilabel_soft_margin, logits=input, targets=target, label_weights=weight, reduction=how, then=half
        )  # fmt: skip
    whole = common_shape(input, weight)
    input, target = stretched(input, whole), stretched(target, whole)

    def averaged(value: Array) -> Array:
        xp = array_namespace(value)
        value = xp.sum(value, axis=-1) / whole[-1] if how == "none" else value / whole[-1] if how == "sum" else value
        return value if half is None else half(value)

    weights = ranked(weight, input)
    return call(
        ls.binary_cross_entropy_with_logits, logits=input, targets=target, sample_weight=weights, reduction=how,
        then=averaged,
    )  # fmt: skip


def _triplets(anchor: Any, positive: Any, negative: Any, margin: float, swap: bool, distance: Any, how: Any) -> Call:
    refuse(margin <= 0, "margin must be greater than 0, got {}", margin)
    named = {"swap": swap or None, "margin": margin, "distance": distance, "reduction": how}
    if isinstance(anchor, Word):
        return call(ls.triplet_margin, anchors=anchor, positives=positive, negatives=negative, **named)
    ranks = [len(shape_of(x)) for x in (anchor, positive, negative)]
    refuse(
        len(set(ranks)) > 1,
        "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but have "
        f"{ranks[0]}, {ranks[1]} and {ranks[2]}",
    )
    anchor, positive, negative = broadcast(anchor, positive, negative)
    half = narrowed(anchor)
    return call(ls.triplet_margin, anchors=anchor, positives=positive, negatives=negative, then=half, **named)


@declared("F", "`eps` is added to each difference; a plain triplet loss has none")
def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call:
    """Wants each anchor nearer to its positive than to its negative, by the p-norm with `eps` in each difference."""
    how = _reduction(reduction, size_average, reduce)
    distance = None if isinstance(anchor, Word) else lambda x, y: pairwise_distance(x, y, p, eps)
    return _triplets(anchor, positive, negative, margin, swap, distance, how)


@declared("F", "torch's distance adds 1e-6 to each difference; a plain triplet loss has none")
def triplet_margin_with_distance_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    distance_function: Callable[[Array, Array], Array] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Call:
    """Wants each anchor nearer to its positive than to its negative, by a distance of the caller's."""
    how = _reduction(reduction, None, None)
    plain = isinstance(anchor, Word) and distance_function is None
    distance = None if plain else pairwise_distance if distance_function is None else distance_function
    return _triplets(anchor, positive, negative, margin, swap, distance, how)


@declared("F", "the gradient is that of the value; torch's is the gradient in logits, whatever it is given")
def ctc_loss(
    log_probs: Array,
    targets: Array,
    input_lengths: Array | Sequence[int],
    target_lengths: Array | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Call:
    """The negative log-likelihood of labels under all alignments, time first; labels are padded or concatenated.

    The mean divides each sequence by the length of its labels, and then by the number of sequences.
    """
    how = _reduction(reduction, None, None, "length_mean")
    options: dict[str, Any] = {"blank": blank or None, "zero_infinity": zero_infinity or None, "reduction": how}
    if isinstance(log_probs, Word):
        return call(
            ls.ctc, log_probabilities=worded("{0}.swapaxes(0, 1)", log_probs), labels=targets,
            input_lengths=input_lengths, label_lengths=target_lengths, **options,
        )  # fmt: skip
    refuse(is_floating(targets), "targets are integers")
    xp = array_namespace(log_probs)
    single = len(shape_of(log_probs)) == 2
    refuse(not single and len(shape_of(log_probs)) != 3, "log_probs has the axes time, batch and classes")
    probabilities = log_probs[None] if single else xp.moveaxis(log_probs, 1, 0)
    batch = probabilities.shape[0]
    lengths: list[Array] = [
        n if len(shape_of(n)) == 1 else beside(as_numbers(n), targets, targets.dtype)
        for n in (input_lengths, target_lengths)
    ]
    for n, what in zip(lengths, ("input_lengths", "target_lengths"), strict=True):
        refuse(n.shape[0] != batch, f"{what} must be of size {batch}, one for each sequence")
    longest = values_of(lengths[0])
    steps = probabilities.shape[1]
    refuse(longest is not None and longest.size and int(longest.max()) > steps, f"input_lengths are at most {steps}")
    if len(shape_of(targets)) == 1 and single and values_of(lengths[1]) is None:
        targets = targets[None]
    elif len(shape_of(targets)) == 1:
        targets = _padded(targets, as_numbers(lengths[1]))
    half = narrowed(probabilities)

    def formed(value: Array) -> Array:
        value = value[0] if single and how == "none" else value
        return value if half is None else half(value)

    return call(
        ls.ctc, log_probabilities=probabilities, labels=targets, input_lengths=lengths[0], label_lengths=lengths[1],
        then=formed, **options,
    )  # fmt: skip


def _padded(labels: Array, lengths: list[int]) -> Array:
    """Labels that stand one sequence after the other, as rows, the last of each repeated to the longest."""
    xp = array_namespace(labels)
    refuse(
        sum(lengths) != labels.shape[0], f"{labels.shape[0]} targets beside target_lengths that sum to {sum(lengths)}"
    )
    longest, start, rows = max(lengths, default=0), 0, []
    for length in lengths:
        rows.append([start + min(i, length - 1) if length else 0 for i in range(longest)])
        start += length
    index = [i for row in rows for i in row]
    found = xp.take(labels, beside(index, labels, labels.dtype), axis=0) if index else labels[:0]
    return xp.reshape(found, (len(lengths), longest))


class _Module(Configured):
    """A class of torch.nn: the constructor fixes all but the arrays of a call."""

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The same as a call."""
        return self(*inputs, **named)


class _Loss(_Module):
    """A module with a reduction, which a deprecated pair of arguments may say."""

    usual: ClassVar = {"size_average": None, "reduce": None}
    reduction: str

    def settle(self) -> None:
        """Let the deprecated pair decide, with a warning, and forget it."""
        pair = (vars(self).pop(name, None) for name in self.usual)
        self.reduction = _undeprecated(self.reduction, *pair, stacklevel=4)


class L1Loss(_Loss, takes=l1_loss, order="size_average reduce reduction"):
    """The absolute error."""


class MSELoss(_Loss, takes=mse_loss, order="size_average reduce reduction"):
    """The squared error."""


class SmoothL1Loss(_Loss, takes=smooth_l1_loss, order="size_average reduce reduction beta"):
    """Huber's loss of `beta` over `beta`."""


class HuberLoss(_Loss, takes=huber_loss, order="reduction delta"):
    """Huber's loss."""

    def settle(self) -> None:
        """Refuse a delta that is no number."""
        super().settle()
        if not isinstance(self.delta, (float, int)):
            raise ArgumentTypeError(f"HuberLoss: delta must be a float or int, got {type(self.delta).__name__}")


class CrossEntropyLoss(
    _Loss, takes=cross_entropy, order="weight size_average ignore_index reduce reduction label_smoothing"
):
    """The softmax cross entropy."""


class NLLLoss(_Loss, takes=nll_loss, order="weight size_average ignore_index reduce reduction"):
    """Minus the logarithm of the label's probability, from logarithms."""


class PoissonNLLLoss(_Loss, takes=poisson_nll_loss, order="log_input full size_average eps reduce reduction * strict"):
    """The negative log-likelihood of counts."""

    def __call__(self, log_input: Array, target: Array) -> Any:
        """The value; torch calls the first array as it calls the option, whatever the option says."""
        return self.takes(log_input, target, **self.options)


class GaussianNLLLoss(_Loss, takes=gaussian_nll_loss, order="* full eps reduction"):
    """The negative log-likelihood under normal distributions."""


class KLDivLoss(_Loss, takes=kl_div, order="size_average reduce reduction log_target"):
    """The terms of the divergence from the target."""


class BCELoss(_Loss, takes=binary_cross_entropy, order="weight size_average reduce reduction * strict"):
    """The cross entropy of probabilities."""


class BCEWithLogitsLoss(
    _Loss, takes=binary_cross_entropy_with_logits, order="weight size_average reduce reduction pos_weight"
):
    """The cross entropy of logits."""


class SoftMarginLoss(_Loss, takes=soft_margin_loss, order="size_average reduce reduction"):
    """The logistic loss of labels 1 and -1."""


class MarginRankingLoss(_Loss, takes=margin_ranking_loss, order="margin size_average reduce reduction"):
    """The distance of the one that should rank higher from doing so."""


class HingeEmbeddingLoss(_Loss, takes=hinge_embedding_loss, order="margin size_average reduce reduction"):
    """A distance, or by how much it is below a margin."""


class CosineEmbeddingLoss(_Loss, takes=cosine_embedding_loss, order="margin size_average reduce reduction"):
    """Draws pairs together, or keeps them beyond a margin."""


class CosineSimilarity(_Module, takes=cosine_similarity, order="dim eps * strict"):
    """The cosine of the angle between vectors along an axis."""


class PairwiseDistance(_Module, takes=pairwise_distance, order="p eps keepdim"):
    """The p-norm of differences."""


class MultiMarginLoss(_Loss, takes=multi_margin_loss, order="p margin weight size_average reduce reduction"):
    """The distance of the label from being ahead of every class."""

    def settle(self) -> None:
        """Refuse other powers, and weights that are no vector."""
        super().settle()
        refuse(self.p not in (1, 2), "only p == 1 and p == 2 supported")
        several = is_array(self.weight) and len(shape_of(self.weight)) != 1
        refuse(several, "MultiMarginLoss: weight must be one-dimensional")


class MultiLabelMarginLoss(_Loss, takes=multilabel_margin_loss, order="size_average reduce reduction"):
    """The distance of listed classes from being ahead of all others."""


class MultiLabelSoftMarginLoss(_Loss, takes=multilabel_soft_margin_loss, order="weight size_average reduce reduction"):
    """The cross entropy of each class that may apply."""


class _TripletLoss(_Loss):
    """A loss of triplets."""

    def settle(self) -> None:
        """Refuse a margin that is not above 0."""
        super().settle()
        refuse(self.margin <= 0, f"margin must be greater than 0, got {self.margin}")


class TripletMarginLoss(
    _TripletLoss, takes=triplet_margin_loss, order="margin p eps swap size_average reduce reduction"
):
    """Wants the positive nearer than the negative."""


class TripletMarginWithDistanceLoss(
    _TripletLoss, takes=triplet_margin_with_distance_loss, order="* distance_function margin swap reduction"
):
    """Wants the positive nearer than the negative, by a distance of the caller's."""


class CTCLoss(_Loss, takes=ctc_loss, order="blank reduction zero_infinity"):
    """The negative log-likelihood of labels under all alignments."""


class NLLLoss2d(NLLLoss):
    """`NLLLoss` under a name that torch has deprecated."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        warnings.warn("NLLLoss2d is deprecated. Fix: NLLLoss", FutureWarning, stacklevel=2)
        super().__init__(*arguments, **keywords)
