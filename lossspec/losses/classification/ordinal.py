"""Losses of labels that are grades: classes in an order."""

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.numerics import (
    array_namespace,
    cumulative_sum,
    largest,
    positions,
    sigmoid_cross_entropy,
    softmax,
    with_value,
)
from lossspec.terms import Array, Grade, Label, Logits, Real

__all__ = ["coral", "corn", "squared_emd"]


def _above(logits: Array, labels: Array) -> Array:
    """Say of every threshold whether the grade is above it."""
    return positions(logits, dtype=labels.dtype) < labels[..., None]


@loss(
    family="classification",
    unit="example",
    source="Cao, Mirjalili and Raschka 2020, arXiv:1901.07884 (read in code of others, not in the paper)",
    aliases=("CORAL", "coral_loss", "CoralLoss"),
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy_with_logits(logits, (torch.arange(logits.shape[-1]) < labels[..., None]).double(), "
            "reduction='none').sum(-1)",
        ),
    ),
    convex_in=("logits",),
    sizes={"thresholds": 3},
)
def coral(logits: Logits["*batch thresholds"], labels: Grade["*batch"]) -> Real["*batch"]:
    """CORAL loss of grades: the binary cross entropies of being above each threshold, summed.

    l = -sum_k ([labels > k] log p[k] + [labels <= k] log(1 - p[k])), with p = 1 / (1 + exp(-logits)), the probability
    of a grade above k. In the paper the logits are one score plus a bias a threshold, so that p falls with k.

    Shapes: `logits` [*batch thresholds], finite, one less than grades; `labels` integers [*batch] in [0, thresholds]
    -> example [*batch].
    Weights and mean: the common contract, one weight an example; its mean is that of its authors' code.
    Errors: `ContractError` for another shape, `DTypeError` for float labels; a label outside [0, thresholds] gives NaN,
    and raises under `checking("values")`.
    Equals: torch `F.binary_cross_entropy_with_logits` of the thresholds, summed; `coral_loss` of its authors.

    >>> import numpy as np
    >>> float(np.round(np.exp(coral(np.zeros((1, 3)), np.asarray([2]))), 12))
    8.0
    """
    xp = array_namespace(logits)
    return xp.sum(sigmoid_cross_entropy(logits, xp.astype(_above(logits, labels), logits.dtype)), axis=-1)


@loss(
    family="classification",
    unit="example",
    source="Shi, Cao and Raschka 2021, arXiv:2111.08851 (read in code of others, not in the paper)",
    aliases=("CORN", "corn_loss", "CornLoss"),
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy_with_logits(logits, (torch.arange(logits.shape[-1]) < labels[..., None]).double(), "
            "torch.arange(logits.shape[-1]) <= labels[..., None], reduction='none').sum(-1)",
        ),
    ),
    convex_in=("logits",),
    sizes={"thresholds": 3},
    unread={"logits": "thresholds above the grade"},
)
def corn(logits: Logits["*batch thresholds"], labels: Grade["*batch"]) -> Real["*batch"]:
    """CORN loss of grades: the binary cross entropies of passing each threshold that the grade has reached, summed.

    l = -sum_{k <= labels} ([labels > k] log p[k] + [labels = k] log(1 - p[k])), with p = 1 / (1 + exp(-logits)), the
    probability of a grade above k among those of at least k. It is the negative log-likelihood of the grade.

    Shapes: `logits` [*batch thresholds], finite, one less than grades; `labels` integers [*batch] in [0, thresholds]
    -> example [*batch].
    Weights and mean: the common contract, one weight an example. The code of its authors divides the sum by the number
    of terms instead: `Mean(over=min(labels + 1, thresholds).sum())`.
    Errors: as `coral`.
    Equals: torch `F.binary_cross_entropy_with_logits` of the thresholds that are reached, summed.

    >>> import numpy as np
    >>> np.round(np.exp(corn.per_example(np.zeros((3, 2)), np.asarray([0, 1, 2]))), 12).tolist()
    [2.0, 4.0, 4.0]
    """
    xp = array_namespace(logits)
    reached = positions(logits, dtype=labels.dtype) <= labels[..., None]
    targets = xp.astype(_above(logits, labels), logits.dtype)
    return xp.sum(xp.where(reached, sigmoid_cross_entropy(xp.where(reached, logits, 0.0), targets), 0.0), axis=-1)


@loss(
    family="classification",
    unit="example",
    source="Hou, Yu and Samaras 2016, arXiv:1611.05916 (formula from memory, not read)",
    accuracy=Accuracy(
        hessian=32.0,
        reason="second derivatives are differences of products of cumulative probabilities, which may be nearly equal",
    ),
    aliases=("EMD2", "squared_earth_mover_distance"),
    equals=(
        Equal(
            "torch",
            "((F.softmax(logits, -1) - F.one_hot(labels, logits.shape[-1])).cumsum(-1) ** 2).sum(-1)",
        ),
    ),
    invariant_in=("logits",),
)
def squared_emd(logits: Logits["*batch classes"], labels: Label["*batch"]) -> Real["*batch"]:
    """Squared earth mover's distance of grades: squared differences of the cumulative probabilities, summed.

    l = sum_k (sum_{c <= k} p[c] - [labels <= k])^2, with p = softmax(logits): probability far from the grade costs
    more than near it. It is the ranked probability score.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes)
    -> example [*batch], at most classes - 1.
    Weights and mean: as `cross_entropy`. It is not divided by the number of classes.
    Errors: as `cross_entropy`.
    Equals: torch `cumsum` of `F.softmax` less the one-hot label, squared and summed.

    >>> import numpy as np
    >>> squared_emd.per_example(np.zeros((2, 4)), np.asarray([0, 1])).tolist()
    [0.875, 0.375]
    """
    xp = array_namespace(logits)
    p, place = softmax(logits), positions(logits, dtype=labels.dtype)
    best, is_best, _ = largest(logits)
    below, above = place < labels[..., None], place > labels[..., None]
    low, high = cumulative_sum(p), _sums_down(p)
    # Derivatives come from sums without the likeliest class: where it is in a sum, the rest beyond it is subtracted.
    small = xp.where(is_best, 0.0, p)
    end = xp.zeros_like(p[..., :1])
    before = xp.concat([end, cumulative_sum(small)[..., :-1]], axis=-1)
    after = xp.concat([_sums_down(small)[..., 1:], end], axis=-1)
    low = with_value(low, xp.where(place < best, cumulative_sum(small), -after))
    high = with_value(high, xp.where(place > best, _sums_down(small), -before))
    return xp.sum(xp.where(below, low, 0.0) ** 2 + xp.where(above, high, 0.0) ** 2, axis=-1)


def _sums_down(x: Array) -> Array:
    """The sums of entries from each of the last axis on."""
    xp = array_namespace(x)
    return xp.flip(cumulative_sum(xp.flip(x, axis=-1)), axis=-1)
