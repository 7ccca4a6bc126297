"""Losses of several yes/no targets of one example."""

from math import inf

from lossspec.declaration import loss
from lossspec.numerics import array_namespace, carry_nan, logsumexp, number, relu, sigmoid, softplus
from lossspec.terms import Array, Indicator, Logits, NonNegative, Probability, Real, UnitInterval

__all__ = ["asymmetric", "zlpr"]


@loss(
    family="classification",
    unit="element",
    source="Ridnik et al. 2021, arXiv:2009.14119 (formula from memory, not read)",
    aliases=("ASL", "asymmetric_loss"),
    also={
        "timm:AsymmetricLossMultiLabel": (
            "its exponent for a target between 0 and 1 is a mean of both; of targets 0 and 1 it is asymmetric. "
            'Fix: reduction="sum"'
        ),
    },
)
def asymmetric(
    logits: Logits["*batch"],
    targets: Probability["*batch"],
    *,
    gamma_positive: NonNegative["#*batch"] = 1.0,
    gamma_negative: NonNegative["#*batch"] = 4.0,
    clip: UnitInterval["#*batch"] = 0.05,
) -> Real["*batch"]:
    """Asymmetric loss of yes/no targets: a focal loss that forgets easy negatives sooner than positives.

    l = -targets * (1 - p)^gamma_positive * log p - (1 - targets) * m^gamma_negative * log(1 - m), with
    p = 1 / (1 + exp(-logits)) and m = max(p - clip, 0).

    Shapes: `logits` [*batch] finite; `targets` [*batch] in [0, 1]; `gamma_positive` and `gamma_negative` >= 0; `clip`
    in [0, 1] -> element [*batch].
    Weights and mean: the common contract. Its authors sum over the labels of an image and over images: "sum".
    A negative of p <= clip has the loss 0 and no gradient. At clip = 1 no negative counts.
    Errors: `ContractError` for another shape, a gamma < 0 or a clip outside [0, 1], `DTypeError` for integer targets.
    Equals: with clip = 0 and equal gammas, `sigmoid_focal` of 0/1 targets.

    >>> import math
    >>> import numpy as np
    >>> each = asymmetric.per_example(np.asarray([0.0, 0.0]), np.asarray([1.0, 0.0]), gamma_negative=2.0, clip=0.25)
    >>> [round(float(x) / math.log(y), 12) for x, y in zip(each, (2, 4 / 3))]
    [0.5, 0.0625]
    """
    xp, clip = array_namespace(logits), number(clip, logits)
    miss = softplus(-logits) * xp.exp(-gamma_positive * softplus(logits))
    above = relu(sigmoid(logits) - clip)
    counts, small = above > 0, above < 0.5
    power = xp.exp(gamma_negative * xp.log(xp.where(counts, above, 1.0)))
    rest = sigmoid(-logits)  # 1 - m is rest + clip
    more = rest >= clip
    by_rest = softplus(logits) - xp.log1p(clip / xp.where(more & (rest > 0), rest, 1.0))
    larger = xp.where(more, 1.0, clip)
    far = xp.where(more, by_rest, -xp.log(larger) - xp.log1p(rest / larger))
    off = xp.where(counts, power * xp.where(small, -xp.log1p(-xp.where(small, above, 0.0)), far), 0.0)
    return carry_nan(targets * miss + (1 - targets) * off)


@loss(
    family="classification",
    unit="example",
    source="Su et al. 2022, arXiv:2208.02955 (read in code of others, not in the paper)",
    aliases=("ZLPR", "multilabel_categorical_crossentropy"),
    convex_in=("logits",),
    entries="*batch classes",
)
def zlpr(
    logits: Logits["*batch classes"], targets: Indicator["*batch classes"], *, entries: Array = None
) -> Real["*batch"]:
    """ZLPR (zero-bounded log-sum-exp and pairwise rank): every label that holds is to be above 0, the others below.

    l = log(1 + sum_{c: targets[c] = 0} exp(logits[c])) + log(1 + sum_{c: targets[c] = 1} exp(-logits[c])).

    Shapes: `logits` [*batch classes], finite, predicted to hold above 0; `targets` [*batch classes] 0 or 1, integers or
    floats -> example [*batch].
    Weights and mean: the common contract, one weight an example; `where_entries` leaves classes out.
    Errors: `ContractError` for another shape, `DTypeError` for integer logits; a target other than 0 or 1 gives NaN.
    Equals: `multilabel_categorical_crossentropy` of its authors.

    >>> import numpy as np
    >>> logits, targets = np.asarray([[0.0, 0.0, 0.0]]), np.asarray([[1, 0, 0]])
    >>> round(float(np.exp(zlpr(logits, targets))), 12)
    6.0
    """
    xp = array_namespace(logits)
    bound = xp.zeros_like(xp.sum(logits, axis=-1, keepdims=True))
    holds = targets == 1
    counts = xp.ones_like(holds) if entries is None else entries
    off = xp.concat([xp.where(counts & ~holds, logits, -inf), bound], axis=-1)
    missed = xp.concat([xp.where(counts & holds, -logits, -inf), bound], axis=-1)
    return logsumexp(off) + logsumexp(missed)
