"""Labels of classes: masks, expectations and surprisals that losses of logits and of probabilities share."""

from math import inf
from typing import Any

from lossspec.numerics import array_namespace, largest, per_row, positions, stop_gradient
from lossspec.terms import Array


def is_integral(labels: Array) -> bool:
    return bool(array_namespace(labels).isdtype(labels.dtype, "integral"))


def along_classes(parameter: Any, labels: Array) -> Any:
    """Shape a parameter for one loss a unit or, where the label is a distribution, for one a class."""
    return parameter if is_integral(labels) else per_row(parameter)


def expected_loss(labels: Array, losses: Array) -> Array:
    """sum_c labels[c] * losses[c]; a class without weight does not count, even if its loss is infinite."""
    xp = array_namespace(losses)
    lost = (labels == 0) & (losses == inf)
    return xp.sum(labels * xp.where(lost, 0.0, losses), axis=-1)


KERAS_CLIPS = dict.fromkeys(("edges", "confident"), "it clips probabilities to [1e-7, 1 - 1e-7]")


def is_label(x: Array, labels: Array) -> Array:
    """True at the class of the label, with the class axis."""
    return positions(x, dtype=labels.dtype) == labels[..., None]


def rows_of_labels(x: Array, labels: Array) -> Array:
    """x[labels, ...]: one entry of the leading axis for each label."""
    xp = array_namespace(x)
    return xp.reshape(xp.take(x, xp.reshape(labels, (-1,)), axis=0), (*labels.shape, *x.shape[1:]))


def ratios_to_largest(logits: Array) -> tuple[Array, Array, Array]:
    """Return the largest logit as a constant, the gaps to it, and the ratios exp(gap) of the other classes.

    In its own place the ratio is exp(gap) - 1, which is 0 and has the derivative 1: log1p of the sum of ratios is
    logsumexp(gaps) and has softmax for its gradient, without a difference of near numbers.
    """
    xp = array_namespace(logits)
    _, is_best, top = largest(stop_gradient(logits))
    gaps = logits - top
    return top, gaps, xp.where(is_best, xp.expm1(xp.where(is_best, gaps, 0.0)), xp.exp(gaps))


def surprisal(weights: Array, probabilities: Array) -> Array:
    """-weights * log(probabilities), which is 0 where both are 0; at a probability of 0 the derivative is 0."""
    xp = array_namespace(probabilities)
    zero = probabilities == 0
    logs = xp.where(zero, 0.0, xp.log(xp.where(zero, 1.0, probabilities)))
    return xp.where(zero & (weights != 0), inf, -weights * logs)
