"""The losses of optax.losses on the arrays of any framework: one value per unit, nothing reduced unless it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lossspec as ls
from lossspec.dialects.arrays import (
    beside,
    broadcast,
    chosen,
    clipped,
    flattened,
    is_floating,
    narrowed,
    norm_of_order,
    ones_like,
    promoted,
    shape_of,
    stretched,
    values_of,
)
from lossspec.dialects.declaration import Call, call, declared, one_of, refuse
from lossspec.dialects.words import Word, as_codes, as_distribution, in_words, worded
from lossspec.dispatch import array_namespace, is_array
from lossspec.numerics import sigmoid, softmax

Array = Any
Axes = int | Sequence[int] | None


def _real(**arrays: Any) -> None:
    """Refuse arrays that do not hold real numbers."""
    for name, x in arrays.items():
        refuse(
            is_array(x) and not is_floating(x), f"`{name}` must have a floating dtype, not {getattr(x, 'dtype', '')}"
        )


def _whole(**arrays: Any) -> None:
    """Refuse arrays that do not hold integers."""
    for name, x in arrays.items():
        refuse(is_array(x) and is_floating(x), f"`{name}` must have an integer dtype, not {getattr(x, 'dtype', '')}")


def _alike(x: Any, y: Any) -> None:
    refuse(shape_of(x) != shape_of(y), f"shapes {shape_of(x)} and {shape_of(y)} must be equal")


@in_words("all", same=True)
def _real_beside(x: Array, y: Array) -> tuple[Array, Array]:
    """An array and a second one, whole or real, in its dtype, broadcast."""
    x, y = broadcast(x, y if y.dtype == x.dtype else array_namespace(x).astype(y, x.dtype))
    return x, y


@in_words("all", same=True)
def _rows(axis: Axes, where: Any, *arrays: Array) -> tuple[Any, ...]:
    """Arrays that broadcast, with the axes of the classes made the last one, and the mask of the classes likewise."""
    arrays = broadcast(*arrays)
    if where is not None:
        if len(where.shape) != len(arrays[0].shape) and isinstance(axis, int):
            where = array_namespace(where).expand_dims(where, axis=axis)
        where = array_namespace(where).broadcast_to(where, arrays[0].shape)
        where = flattened(where, axis)
    return (where, *(flattened(x, axis) for x in arrays))


def _of_classes(axis: Axes, where: Any, *arrays: Any) -> tuple[Any, ...]:
    if not isinstance(arrays[0], Word):
        return tuple(_rows(axis, where, *arrays))
    moved = isinstance(axis, int) and axis != -1
    return (where, *(worded("moveaxis({0}, {1}, -1)", x, axis) if moved else x for x in arrays))


@declared("optax")
def squared_error(predictions: Array, targets: Array | None = None) -> Call:
    """The squared error of each element."""
    return _of_elements(ls.squared_error, predictions, targets, alike=True)


@declared("optax")
def l2_loss(predictions: Array, targets: Array | None = None) -> Call:
    """Half the squared error of each element."""
    return _of_elements(ls.half_squared_error, predictions, targets, alike=True)


@declared("optax")
def huber_loss(predictions: Array, targets: Array | None = None, *, delta: Any = 1.0) -> Call:
    """Huber's loss of each element."""
    return _of_elements(ls.huber, predictions, targets, delta=delta)


@declared("optax", "small losses keep their digits")
def log_cosh(predictions: Array, targets: Array | None = None) -> Call:
    """The logarithm of the hyperbolic cosine of each difference."""
    return _of_elements(ls.log_cosh, predictions, targets)


def _of_elements(loss: ls.Loss, predictions: Any, targets: Any, alike: bool = False, **options: Any) -> Call:
    _real(predictions=predictions)
    if targets is None:
        targets = predictions * 0
    elif alike:
        _alike(predictions, targets)
    predictions, targets = broadcast(predictions, targets)
    return call(
        loss, predictions=predictions, targets=targets, reduction="none", then=narrowed(predictions), **options
    )  # fmt: skip


@declared("optax")
def sigmoid_binary_cross_entropy(logits: Array, labels: Array) -> Call:
    """The cross entropy of each logit."""
    _real(logits=logits)
    logits, labels = _real_beside(logits, labels)
    return call(
        ls.binary_cross_entropy_with_logits, logits=logits, targets=labels, reduction="none", then=narrowed(logits)
    )  # fmt: skip


@declared("optax", "the derivative in labels of 0 and 1 is whole; optax's lacks a term")
def sigmoid_focal_loss(logits: Array, labels: Array, *, alpha: Any = None, gamma: Any = 2.0) -> Call:
    """The focal loss of each logit."""
    _real(logits=logits)
    logits, labels = _real_beside(logits, labels)
    return call(
        ls.sigmoid_focal, logits=logits, targets=labels, alpha=alpha, gamma=gamma, reduction="none",
        then=narrowed(logits),
    )  # fmt: skip


@in_words("all", same=True)
def _signed(targets: Array, outputs: Array) -> tuple[Array, Array]:
    """Labels of 1 and outputs times the labels that were given, which may be any numbers."""
    outputs, targets = broadcast(outputs, targets)
    return ones_like(outputs), outputs * targets


@declared("optax")
def hinge_loss(predictor_outputs: Array, targets: Array) -> Call:
    """The hinge loss of labels 1 and -1."""
    labels, logits = _signed(targets, predictor_outputs)
    return call(ls.hinge, logits=logits, labels=labels, reduction="none", then=narrowed(logits))


@declared("optax.losses", "at the kink the derivative is 0; optax's is half of the active side's")
def perceptron_loss(predictor_outputs: Array, targets: Array) -> Call:
    """The perceptron loss of labels 1 and -1."""
    _alike(predictor_outputs, targets)
    labels, logits = _signed(targets, predictor_outputs)
    return call(ls.perceptron, logits=logits, labels=labels, reduction="none", then=narrowed(logits))


@in_words("{0} != 0")
def _flags(labels: Array, like: Array) -> Array:
    return array_namespace(like).astype(labels != 0, like.dtype)


@declared("optax.losses")
def sparsemax_loss(logits: Array, labels: Array) -> Call:
    """The binary sparsemax loss; every label but 0 is a yes."""
    targets = labels if isinstance(labels, Word) else _flags(labels, logits)
    logits, targets = broadcast(logits, targets)
    return call(ls.binary_sparsemax, logits=logits, targets=targets, reduction="none", then=narrowed(logits))


@declared("optax.losses")
def multiclass_sparsemax_loss(scores: Array, labels: Array) -> Call:
    """The sparsemax loss of each row of scores."""
    return _of_labels(ls.sparsemax, scores, labels)


@declared("optax.losses")
def multiclass_hinge_loss(scores: Array, labels: Array) -> Call:
    """The distance of the label from being ahead of the best other class by 1."""
    return _of_labels(ls.multiclass_hinge, scores, labels)


@declared("optax.losses", "of tied classes the first has the gradient; optax divides it")
def multiclass_perceptron_loss(scores: Array, labels: Array) -> Call:
    """The distance of the label from being the best class."""
    return _of_labels(ls.multiclass_perceptron, scores, labels)


def _of_labels(loss: ls.Loss, scores: Any, labels: Any) -> Call:
    _whole(labels=labels)
    return call(loss, logits=scores, labels=labels, reduction="none", then=narrowed(scores))


@declared("optax", "the digits of a confident prediction are kept")
def softmax_cross_entropy(logits: Array, labels: Array, axis: Axes = -1, where: Array | None = None) -> Call:
    """The cross entropy of distributions; `where` chooses classes."""
    return _soft(ls.cross_entropy, logits, labels, axis, where)


@declared("optax", "the digits of a confident prediction are kept")
def safe_softmax_cross_entropy(logits: Array, labels: Array) -> Call:
    """The cross entropy of distributions; a label of 0 makes a logit of -inf harmless, as it does in all of ours."""
    return _soft(ls.cross_entropy, logits, labels, -1, None)


@declared("optax.losses")
def poly_loss_cross_entropy(
    logits: Array, labels: Array, *, epsilon: Any = 2.0, axis: Axes = -1, where: Array | None = None
) -> Call:
    """The cross entropy and epsilon times 1 - p."""
    _real(labels=labels)
    return _soft(ls.poly1_cross_entropy, logits, labels, axis, where, epsilon=epsilon)


def _soft(loss: ls.Loss, logits: Any, labels: Any, axis: Axes, where: Any, **options: Any) -> Call:
    _real(logits=logits)
    if is_array(labels) and not is_floating(labels):
        labels = array_namespace(logits).astype(labels, logits.dtype)
    where, logits, labels = _of_classes(axis, where, logits, labels)
    if where is not None and is_array(logits):
        logits, labels = chosen(logits, where, -float("inf")), chosen(labels, where, 0.0)
        options["where"] = array_namespace(where).any(where, axis=-1)
    return call(
        loss, logits=logits, labels=as_distribution(labels), reduction="none", then=narrowed(logits),
        **options,
    )  # fmt: skip


@declared("optax", "a label whose class `where` leaves out has the loss inf; optax subtracts the logit all the same")
def softmax_cross_entropy_with_integer_labels(
    logits: Array, labels: Array, axis: int | Sequence[int] = -1, where: Array | None = None
) -> Call:
    """The cross entropy of labels; `where` chooses classes, and a row without any has the loss 0."""
    _real(logits=logits)
    _whole(labels=labels)
    options: dict[str, Any] = {}
    where, logits = _of_classes(axis, where, logits)
    if where is not None and is_array(logits):
        logits = chosen(logits, where, -float("inf"))
        options["where"] = array_namespace(where).any(where, axis=-1)
    return call(
        ls.cross_entropy, logits=logits, labels=as_codes(labels), reduction="none", then=narrowed(logits),
        **options,
    )  # fmt: skip


def _divergence(
    loss: ls.Loss, log_predictions: Any, targets: Any, axis: Axes, where: Any, name: str, gone: tuple[float, float]
) -> Call:
    _real(log_predictions=log_predictions, targets=targets)
    where, log_predictions, targets = _of_classes(axis, where, log_predictions, targets)
    if is_array(log_predictions):
        log_predictions, targets = chosen(log_predictions, where, gone[0]), chosen(targets, where, gone[1])
    given = {"log_predictions": log_predictions, name: targets}
    return call(loss, **given, reduction="none", then=narrowed(log_predictions))


@declared("optax", "where a class is impossible in both the divergence is 0; optax has NaN")
def kl_divergence(log_predictions: Array, targets: Array, axis: Axes = -1, where: Array | None = None) -> Call:
    """The divergence of the predictions from the targets."""
    return _divergence(ls.kl_divergence, log_predictions, targets, axis, where, "targets", (0.0, 0.0))


@declared("optax.losses", "where a class is impossible in the target its term is 0; optax has NaN")
def kl_divergence_with_log_targets(
    log_predictions: Array, log_targets: Array, axis: Axes = -1, where: Array | None = None
) -> Call:
    """The divergence of the predictions from targets that are logarithms."""
    loss, gone = ls.kl_divergence_with_log_targets, (0.0, -float("inf"))
    return _divergence(loss, log_predictions, log_targets, axis, where, "log_targets", gone)


@declared("optax")
def generalized_kl_divergence(
    log_predictions: Array, targets: Array, axis: Axes = -1, where: Array | None = None
) -> Call:
    """The divergence of measures that need not sum to 1."""
    gone = (-float("inf"), 0.0)
    return _divergence(ls.generalized_kl_divergence, log_predictions, targets, axis, where, "targets", gone)


@declared("optax")
def convex_kl_divergence(log_predictions: Array, targets: Array, axis: Axes = -1, where: Array | None = None) -> Any:
    """`generalized_kl_divergence` under its former name."""
    return generalized_kl_divergence.declare(log_predictions, targets, axis, where)


@declared("optax", "where no alignment reaches the labels the loss is inf; optax's is about -log_epsilon")
def ctc_loss(
    logits: Array,
    logit_paddings: Array,
    labels: Array,
    label_paddings: Array,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> Call:
    """The negative log-likelihood of labels under all alignments; paddings are 1 at the end of a sequence."""
    if isinstance(logits, Word):
        lengths = [worded("lengths({0})", padding) for padding in (logit_paddings, label_paddings)]
    else:
        refuse(len(shape_of(logits)) != 3, f"`logits` has 3 axes, not the shape {shape_of(logits)}")
        refuse(len(shape_of(labels)) != 2, f"`labels` has 2 axes, not the shape {shape_of(labels)}")
        _alike(labels, label_paddings)
        refuse(shape_of(logits)[:2] != shape_of(logit_paddings), "`logit_paddings` has the axes batch and time")
        xp = array_namespace(labels)
        lengths = [
            padding.shape[1] - xp.astype(array_namespace(padding).sum(padding, axis=1), labels.dtype)
            for padding in (logit_paddings, label_paddings)
        ]
    return call(
        ls.ctc_with_logits, logits=logits, labels=labels, input_lengths=lengths[0], label_lengths=lengths[1],
        blank=blank_id, reduction="none", then=narrowed(logits),
    )  # fmt: skip


@declared("optax", "the cosine with a vector of length 0 is 0; optax has NaN")
def cosine_similarity(
    predictions: Array, targets: Array, *, epsilon: float = 0.0, axis: Axes = -1, where: Array | None = None
) -> Call:
    """The cosine of the angle between vectors, whose squared lengths count as at least `epsilon`."""
    _real(predictions=predictions, targets=targets)
    where, x, y = _of_classes(axis, where, predictions, targets)
    if isinstance(x, Word):
        return call(ls.cosine_distance, form="similarity", predictions=x, targets=y, reduction="none")
    x, y = chosen(x, where, 0.0), chosen(y, where, 0.0)
    half = narrowed(x)

    def shrunk(cosine: Array) -> Array:
        for vectors in (x, y) if epsilon > 0 else ():
            cosine = cosine * clipped(norm_of_order(vectors, 2) / epsilon**0.5, 0.0, 1.0)
        return cosine if half is None else half(cosine)

    return call(ls.cosine_distance, form="similarity", predictions=x, targets=y, reduction="none", then=shrunk)


@declared("optax", "the cosine with a vector of length 0 is 0; optax has NaN")
def cosine_distance(
    predictions: Array, targets: Array, *, epsilon: float = 0.0, axis: Axes = -1, where: Array | None = None
) -> Call:
    """1 less the cosine of the angle between vectors."""
    if epsilon > 0 and is_array(predictions):
        near = cosine_similarity.declare(predictions, targets, epsilon=epsilon, axis=axis, where=where)
        return Call(near.loss, near.arguments, lambda value: 1.0 - near.finish(value))
    _real(predictions=predictions, targets=targets)
    where, x, y = _of_classes(axis, where, predictions, targets)
    if is_array(x):
        x, y = chosen(x, where, 0.0), chosen(y, where, 0.0)
    return call(ls.cosine_distance, predictions=x, targets=y, reduction="none", then=narrowed(x))


def mean(values: Array, where: Array | None = None) -> Array:
    """The mean of the values that a mask chooses; what `ranking_softmax_loss` reduces by unless told."""
    xp = array_namespace(values)
    if where is None:
        return xp.mean(values)
    return xp.sum(xp.where(where, values, 0.0)) / xp.sum(xp.astype(where, values.dtype))


@declared("optax.losses")
def ranking_softmax_loss(
    logits: Array,
    labels: Array,
    *,
    where: Array | None = None,
    weights: Array | None = None,
    reduce_fn: Callable[..., Any] | None = mean,
) -> Call:
    """The softmax cross entropy of lists of scores and relevances; `where` chooses items, weights multiply them."""
    _real(logits=logits)
    by_mean = reduce_fn is not None and getattr(reduce_fn, "__name__", "") == "mean"
    how = "mean" if by_mean else "none"
    if isinstance(logits, Word):
        reducer = getattr(reduce_fn, "__name__", reduce_fn)  # the default, or a word
        said = "{0}" if by_mean or reduce_fn is None else f"{reducer}({{0}})"
        return call(ls.listwise_softmax, scores=logits, labels=labels, reduction=how, said=said)
    logits, labels = _real_beside(logits, labels)
    options: dict[str, Any] = {}
    if where is not None:
        where = stretched(where, shape_of(logits))
        logits, labels = chosen(logits, where, -float("inf")), chosen(labels, where, 0.0)
        options["where"] = array_namespace(where).any(where, axis=-1)
    if weights is not None:
        logits, labels, weights = promoted(logits, labels, weights)
        labels = labels * weights
    half = narrowed(logits)

    def finished(value: Array) -> Array:
        if reduce_fn is not None and not by_mean:
            value = reduce_fn(value, where=options["where"]) if options else reduce_fn(value)
        return value if half is None else half(value)

    return call(
        ls.listwise_softmax, scores=logits, labels=labels, reduction=how, empty=0.0 if by_mean else None,
        then=finished, **options,
    )  # fmt: skip


@declared("optax")
def ntxent(embeddings: Array, labels: Array, temperature: Any = 0.07) -> Call:
    """The contrastive loss of embeddings with labels; its mean is over the pairs of equal labels."""
    _real(embeddings=embeddings)
    refuse(
        shape_of(labels)[:1] != shape_of(embeddings)[:1],
        f"`labels` {shape_of(labels)} and `embeddings` {shape_of(embeddings)} differ in their first axis",
    )
    pairs = None
    if is_array(labels):
        xp = array_namespace(embeddings)
        pairs = xp.sum(xp.astype(labels[:, None] == labels[None, :], embeddings.dtype), axis=1) - 1
    return call(
        ls.nt_xent, embeddings=embeddings, labels=labels, temperature=temperature, sample_weight=pairs,
        reduction="mean", then=narrowed(embeddings),
    )  # fmt: skip


@declared(
    "optax.losses",
    "odd degrees take the absolute differences, which optax forgets",
    "`eps` is added under the root of a distance; a plain triplet loss has none",
)
def triplet_margin_loss(
    anchors: Array,
    positives: Array,
    negatives: Array,
    axis: int = -1,
    norm_degree: float = 2,
    margin: Any = 1.0,
    eps: float = 1e-6,
) -> Call:
    """Wants each anchor nearer to its positive than to its negative; `eps` is added under the root of a distance."""
    _real(anchors=anchors, positives=positives, negatives=negatives)
    if isinstance(anchors, Word):
        given = {"anchors": anchors, "positives": positives, "negatives": negatives}
        return call(ls.triplet_margin, **given, margin=margin, reduction="none")
    anchors, positives, negatives = (flattened(x, axis) for x in broadcast(anchors, positives, negatives))

    def distance(x: Array, y: Array) -> Array:
        xp = array_namespace(x)
        apart = x - y
        within = xp.full_like(apart[..., :1], eps ** (1 / norm_degree)) if eps else apart[..., :0]
        return norm_of_order(xp.concat([apart, within], axis=-1), norm_degree)

    return call(
        ls.triplet_margin, anchors=anchors, positives=positives, negatives=negatives, distance=distance,
        margin=margin, reduction="none", then=narrowed(anchors),
    )  # fmt: skip


@declared("optax")
def smooth_labels(labels: Array, alpha: Any, *, axis: Axes = -1, where: Array | None = None) -> Array:
    """Distributions mixed with the uniform one, which has the weight alpha; no loss, so no call of one."""
    _real(labels=labels)
    rank = len(labels.shape)
    given = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    classes: Any = 1
    for number in given:
        classes = classes * labels.shape[number]
    if where is not None:
        xp = array_namespace(labels)
        over = tuple(number % rank for number in given)
        classes = xp.sum(xp.astype(where, labels.dtype), axis=over, keepdims=True)
    return (1.0 - alpha) * labels + alpha / classes


@declared("optax.losses")
def dice_loss(
    predictions: Array,
    targets: Array,
    *,
    class_weights: Array | None = None,
    smooth: float = 1.0,
    alpha: float = 0.5,
    beta: float = 0.5,
    apply_softmax: bool = True,
    reduction: str = "mean",
    ignore_background: bool = False,
    axis: int | Sequence[int] | None = None,
) -> Call:
    """The Dice or Tversky loss of each example, classes last; reductions are over the classes alone."""
    one_of("reduction", reduction, ("mean", "sum", "none"))
    if isinstance(predictions, Word):
        of = worded("softmax({0})", predictions) if apply_softmax else predictions
        named: dict[str, Any] = {"alpha": alpha, "beta": beta, "smooth": smooth}
        said = {"mean": "{0}.mean(-1)", "sum": "{0}.sum(-1)", "none": "{0}"}[reduction]
        named |= {"probabilities": worded("moveaxis({0})", of), "targets": worded("moveaxis({0})", targets)}
        return call(ls.tversky, **named, reduction="none", said=said)
    if len(predictions.shape) == len(targets.shape) - 1:
        predictions = predictions[..., None]
    if len(targets.shape) == len(predictions.shape) - 1:
        targets = targets[..., None]
    _alike(predictions, targets)
    predictions, targets = promoted(predictions, targets)
    xp = array_namespace(predictions)
    if apply_softmax:
        predictions = sigmoid(predictions) if predictions.shape[-1] == 1 else softmax(predictions)
    else:
        known = values_of(predictions)
        apart = known is not None and known.size and abs(known.sum(-1) - 1.0).max() > 2e-5
        refuse(apart, "with apply_softmax=False the predictions of a point must sum to 1 over the classes")
    rank = len(predictions.shape)
    given = tuple(range(1, rank - 1)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    over = [number % rank for number in given]
    kept = tuple(size for number, size in enumerate(predictions.shape) if number not in over)

    def regions(x: Array) -> Array:
        flat = flattened(x, over) if over else x[..., None]
        return xp.reshape(flat, (-1, kept[-1], flat.shape[-1]))

    half = narrowed(predictions)

    def of_examples(value: Array) -> Array:
        value = xp.reshape(value, kept)
        value = value if class_weights is None else value * class_weights
        value = value[..., 1:] if ignore_background and kept[-1] > 1 else value
        value = {"mean": xp.mean, "sum": xp.sum, "none": lambda x, axis: x}[reduction](value, axis=-1)
        return value if half is None else half(value)

    return call(
        ls.tversky, probabilities=regions(predictions), targets=regions(targets), alpha=alpha, beta=beta,
        smooth=smooth, reduction="none", then=of_examples,
    )  # fmt: skip


@declared("optax.losses")
def multiclass_generalized_dice_loss(
    predictions: Array,
    targets: Array,
    *,
    smooth: float = 1.0,
    apply_softmax: bool = True,
    ignore_background: bool = False,
) -> Array:
    """The mean of the Dice losses of classes, weighted by the inverse squares of their frequencies."""
    _alike(predictions, targets)
    xp = array_namespace(targets)
    counts = xp.sum(targets, axis=tuple(range(len(targets.shape) - 1)))
    weights = 1.0 / (counts**2 + 1e-7)
    weights = weights / xp.sum(weights) * weights.shape[0]
    each = dice_loss(
        predictions, targets, class_weights=weights, smooth=smooth, apply_softmax=apply_softmax, reduction="none",
        ignore_background=ignore_background,
    )  # fmt: skip
    return array_namespace(each).mean(each)


@declared("optax.losses")
def binary_dice_loss(predictions: Array, targets: Array, *, smooth: float = 1.0, apply_sigmoid: bool = True) -> Any:
    """The Dice loss of one class."""
    if is_array(predictions) and len(predictions.shape) == len(targets.shape) and predictions.shape[-1] != 1:
        predictions, targets = predictions[..., None], targets[..., None]
    return dice_loss.declare(predictions, targets, smooth=smooth, apply_softmax=apply_sigmoid)


def make_fenchel_young_loss(max_fun: Callable[..., Array]) -> Callable[..., Array]:
    """The Fenchel-Young loss of a function of one row of scores: its value less the targets times the scores."""

    def fenchel_young_loss(scores: Array, targets: Array, *arguments: Any, **keywords: Any) -> Array:
        xp = array_namespace(scores)
        flat = xp.reshape(scores, (-1, scores.shape[-1]))
        largest = [max_fun(flat[i, :], *arguments, **keywords) for i in range(flat.shape[0])]
        values = xp.stack(largest) if largest else beside([], scores, scores.dtype)
        return xp.reshape(values, scores.shape[:-1]) - xp.sum(targets * scores, axis=-1)

    return fenchel_young_loss
