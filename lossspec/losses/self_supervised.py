"""Losses that compare views of a batch, or spread its embeddings, and need no labels and no negatives."""

from math import inf

from lossspec.declaration import Accuracy, Equal, loss
from lossspec.losses._distances import all_distances, furthest, power_of
from lossspec.losses._similarities import own
from lossspec.numerics import (
    array_namespace,
    gaps_to_largest,
    matmul,
    negative_log_mean_exp,
    norm,
    normalize,
    per_row,
    positions,
    relu,
    softmax_cross_entropy,
    sqrt,
    stop_gradient,
)
from lossspec.terms import Array, AtLeastOne, Embedding, Logits, NonNegative, Positive, Real

__all__ = ["alignment", "barlow_twins", "dino", "koleo", "uniformity", "vicreg"]

_STATISTICS = (
    "the statistics of the features are those of the whole batch, so a shard does not know its own loss. "
    "Gather the embeddings of all shards, then take the loss once."
)


def _centered(x: Array, selected: Array) -> Array:
    """The features of the selected rows less their means, 0 in other rows.

    The least value comes off first: a feature that is the same in all rows becomes exactly 0.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    if selected is None:
        moved = x - xp.min(fixed, axis=0, keepdims=True)
        return moved - xp.mean(moved, axis=0, keepdims=True)
    kept, count = selected[:, None], _count(x, selected)
    least = xp.min(xp.where(kept, fixed, float("inf")), axis=0, keepdims=True)
    moved = xp.where(kept, x - xp.where(least == float("inf"), 0.0, least), 0.0)
    mean = xp.sum(moved, axis=0, keepdims=True) / xp.where(count > 0, count, 1.0)
    return xp.where(kept, moved - mean, 0.0)


def _ranged(x: Array, selected: Array) -> Array:
    """Scale each feature from 0 at its least to 1 at its greatest over the selected rows; 0 where it is constant.

    Correlations are the same as those of `x`. Both ends are constants: so the derivative in an entry that only moves or
    stretches a feature is no difference of large numbers, and a constant feature is exactly 0.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    below, above = fixed, fixed
    if selected is not None:
        kept = selected[:, None]
        below, above = xp.where(kept, fixed, float("inf")), xp.where(kept, fixed, float("-inf"))
    low, high = xp.argmin(below, axis=0, keepdims=True), xp.argmax(above, axis=0, keepdims=True)
    rows = positions(x, -2, dtype=low.dtype)
    least = xp.take_along_axis(x, low, axis=0)
    width = xp.take_along_axis(x, high, axis=0) - least
    ranged = (x - least) / xp.where(width == 0, 1.0, width)
    return xp.where(rows == low, 0.0, xp.where(rows == high, 1.0, ranged))


def _count(x: Array, selected: Array) -> Array:
    """The number of rows that are selected, in the dtype of `x`."""
    xp = array_namespace(x)
    return x.shape[0] if selected is None else xp.sum(xp.astype(selected, x.dtype))


@loss(
    family="self_supervised",
    unit="pair",
    source="Zbontar et al. 2021, arXiv:2103.03230",
    aliases=("lightly:BarlowTwinsLoss",),
    also={
        "monai:BarlowTwinsLoss": (
            "it divides the cross-correlations by batch - 1, where barlow_twins divides by batch"
        ),
    },
    accuracy=Accuracy(
        gradient=8192.0,
        reason="where one example outweighs all others every correlation is nearly 1 or -1; its slope, nearly 0, "
        "is lost in the rounding of a matrix product",
    ),
    coupled=_STATISTICS,
    sizes={"batch": 4, "dim": 2},
)
def barlow_twins(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    *,
    redundancy: NonNegative = 0.005,
    selected: Array = None,
) -> Real["batch"]:
    """Barlow Twins: the distance of the cross-correlation of two views' features from the identity.

    l_i = sum_j (1 - C_jj)^2 + redundancy * sum_{j, k != j} C_jk^2, the same for all pairs of a batch, with C_jk the
    correlation over the batch of feature j of `first` and feature k of `second`.

    Shapes: `first` and `second` [batch dim], row i of both from one example; `redundancy` >= 0 -> pair [batch].
    Weights and mean: every pair has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum"
    is that times the weights. A masked pair is in no correlation. A feature that is the same in the whole batch has
    correlation 0 with all, derivative 0: a batch of one has the loss dim. Not mergeable.
    Errors: `ContractError` for another shape or redundancy < 0, `MergeError` for `partial`.
    Equals: the official code and lightly `BarlowTwinsLoss` but for the 1e-5 that their normalisation adds to variances;
    the paper's pseudocode has C (batch - 1) / batch, for it takes the unbiased deviation and divides by the batch.

    >>> import numpy as np
    >>> view = np.asarray([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> float(barlow_twins(view, -view))
    8.0
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    (u, first_is_constant), (v, second_is_constant) = (
        normalize(xp.matrix_transpose(_centered(_ranged(x, selected), selected))) for x in (first, second)
    )
    correlation = matmul(u, xp.matrix_transpose(v))
    # 1 - C_jj keeps its digits where the views agree
    apart = xp.where(first_is_constant | second_is_constant, 1.0, 0.5 * xp.sum((u - v) ** 2, axis=-1))
    others = xp.where(own(correlation), 0.0, correlation)
    return xp.broadcast_to(xp.sum(apart**2) + redundancy * xp.sum(others**2), (first.shape[0],))


@loss(
    family="self_supervised",
    unit="pair",
    source="Bardes, Ponce and LeCun 2021, arXiv:2105.04906",
    aliases=("VICReg", "pml:VICRegLoss"),
    equals=(
        Equal(
            "pytorch-metric-learning",
            "pml.VICRegLoss(invariance, variance, covariance, epsilon)(first, ref_emb=second)",
            reduction="mean",
            differs={"batch of one": "the variance of one example is NaN"},
        ),
    ),
    coupled=_STATISTICS,
    sizes={"batch": 4, "dim": 2},
)
def vicreg(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    *,
    invariance: NonNegative = 25.0,
    variance: NonNegative = 25.0,
    covariance: NonNegative = 1.0,
    epsilon: NonNegative = 1e-4,
    selected: Array = None,
) -> Real["batch"]:
    """VICReg: the distance of two views, plus penalties of low variance and of covariance of the features.

    l_i = invariance * |first_i - second_i|^2 / dim + variance * (v(first) + v(second)) / 2
    + covariance * (c(first) + c(second)), with v the mean over features of max(0, 1 - sqrt(variance + epsilon)) and c
    the sum of the squared covariances of different features, divided by dim; both divide by batch - 1.

    Shapes: `first` and `second` [batch dim], row i of both from one example; four parameters >= 0 -> pair [batch].
    Weights and mean: the common contract; the terms of the batch are the same for each of its pairs. A masked pair is
    in no variance. In a batch of one all variances are declared 0. The derivative is 0 at a deviation of 1, and at a
    variance of 0 with `epsilon=0`. Not mergeable.
    Errors: `ContractError` for another shape or a parameter < 0, `MergeError` for `partial`.
    Equals: the official code, lightly and pytorch-metric-learning `VICRegLoss` for batches of more than one. The
    paper's formula has no 1 / dim in the first term and no 1 / 2 in the second: it is `invariance=25 * dim,
    variance=50`.

    >>> import numpy as np
    >>> view = np.asarray([[3.0, 0.0], [-3.0, 0.0]])
    >>> float(vicreg(view, view, epsilon=0.0))
    12.5
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    count = xp.zeros_like(first[0, 0]) + _count(first, selected)
    freedom = xp.where(count > 1, count - 1, 1.0)
    spread, redundant = 0.0, 0.0
    for x in (first, second):
        centered = _centered(x, selected)
        deviation = sqrt(xp.sum(centered**2, axis=0) / freedom + epsilon)
        spread = spread + 0.5 * xp.mean(relu(1 - deviation))
        covariances = matmul(xp.matrix_transpose(centered), centered) / freedom
        redundant = redundant + xp.sum(xp.where(own(covariances), 0.0, covariances) ** 2) / x.shape[1]
    apart = xp.mean((first - second) ** 2, axis=-1)
    return invariance * apart + (variance * spread + covariance * redundant)


@loss(
    family="self_supervised",
    unit="pair",
    source="Caron et al. 2021, arXiv:2104.14294 (read in code of others, not in the paper)",
    aliases=("DINO",),
    also={
        "lightly:DINOLoss": "it holds the center and pairs all views; dino takes the center and the pairs of views",
    },
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(student_logits / torch.as_tensor(student_temperature)[..., None], F.softmax("
            "(teacher_logits - (0 if center is None else center)) / torch.as_tensor(teacher_temperature)[..., None], "
            "-1), reduction='none')",
            when="student_logits.ndim == 2",
        ),
    ),
    invariant_in=("student_logits", "teacher_logits"),
    sizes={"classes": 2},
)
def dino(
    student_logits: Logits["*batch classes"],
    teacher_logits: Logits["*batch classes"],
    *,
    center: Real["classes"] | None = None,
    student_temperature: Positive["#*batch"] = 0.1,
    teacher_temperature: Positive["#*batch"] = 0.04,
) -> Real["*batch"]:
    """DINO: cross entropy of the student's view under the centred and sharpened probabilities of the teacher's.

    l = -sum_c p[c] log q[c], with p = softmax((teacher_logits - center) / teacher_temperature) and
    q = softmax(student_logits / student_temperature).

    Shapes: `student_logits` and `teacher_logits` [*batch classes], a logit of -inf rules its class out (the class axis
    anywhere: `axis`); `center` [classes], the running mean of the teacher's logits, 0 where it is left out; both
    temperatures > 0 -> pair [*batch].
    Weights and mean: the common contract. The paper's loss is the mean over pairs of a view of the student and another
    one of the teacher: stack these pairs. In it the teacher gets no gradient: ask for that of the student alone.
    Errors: `ContractError` for another shape or a temperature <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.cross_entropy` of the teacher's probabilities.

    >>> import numpy as np
    >>> student, teacher = np.asarray([[0.0, 0.0]]), np.asarray([[5.0, 7.0]])
    >>> round(float(dino(student, teacher, center=np.asarray([5.0, 7.0]))), 12)
    0.69314718056
    """
    centred = teacher_logits
    if center is not None:
        centred = teacher_logits - center[(None,) * (len(teacher_logits.shape) - 1) + (...,)]
    targets = gaps_to_largest(centred) / per_row(teacher_temperature)
    return softmax_cross_entropy(gaps_to_largest(student_logits) / per_row(student_temperature), targets)


@loss(
    family="self_supervised",
    unit="example",
    source="Sablayrolles et al. 2019, arXiv:1806.03198 (read in the code of DINOv2, not in the paper)",
    aliases=("KoLeo", "KoLeoLoss"),
    equals=(
        Equal(
            "torch",
            "-torch.log(torch.where(torch.eye(len(embeddings), dtype=torch.bool), torch.inf, torch.cdist(*2 * "
            "[F.normalize(embeddings) if normalized else embeddings])).amin(1))",
            when="len(np.unique(embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12), "
            "axis=0)) == len(embeddings) > 1",
            differs={"gradient more edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"},
        ),
    ),
    coupled="the nearest neighbour of each example is sought in the whole batch, so a shard does not know its own "
    "loss. Gather the embeddings of all shards, then take the loss once.",
    sizes={"batch": 3, "dim": 2},
)
def koleo(embeddings: Embedding["batch dim"], *, normalized: bool = True, selected: Array = None) -> Real["batch"]:
    """KoLeo: minus the logarithm of the distance to the nearest other example, which spreads embeddings evenly.

    l_i = -log(min_{j != i} |u_i - u_j|), with u the embeddings divided by their lengths, or as they are with
    `normalized=False`.

    Shapes: `embeddings` [batch dim], any vectors -> example [batch].
    Weights and mean: the common contract; a masked example is no one's neighbour. An example that has no other has the
    loss 0. Where two examples coincide the loss is inf, its derivative 0. A vector of length 0 stays 0. Of neighbours
    that are equally near the first is taken, also for the gradient. Not mergeable.
    Errors: `ContractError` for another shape, `DTypeError` for integers, `MergeError` for `partial`.
    Equals: DINOv2 `KoLeoLoss` without the 1e-8 that it adds.

    >>> import numpy as np
    >>> koleo.per_example(np.asarray([[0.0], [1.0], [5.0]]), normalized=False).round(12).tolist()
    [-0.0, -0.0, -1.38629436112]
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    points, is_zero = normalize(embeddings) if normalized else (embeddings, None)
    apart = all_distances(stop_gradient(points))
    others = ~own(apart) if selected is None else ~own(apart) & selected[None, :]
    nearest, has_other = furthest(-apart, others)
    distance = norm(points - xp.take(points, nearest, axis=0))
    if is_zero is not None:  # from one that stays 0 it is the length of a unit vector, to the last digit
        distance = xp.where(is_zero != xp.take(is_zero, nearest, axis=0), 1.0, distance)
    # A compiler that fuses lengths in two ways may leave a rounding between what is equal.
    same = xp.all(embeddings == xp.take(embeddings, nearest, axis=0), axis=-1)
    coincide = (distance == 0) | same
    value = xp.where(coincide, inf, -xp.log(xp.where(coincide, 1.0, distance)))
    return xp.where(has_other, value, 0.0)


@loss(
    family="self_supervised",
    unit="pair",
    source="Wang and Isola 2020, arXiv:2005.10242 (read in code of others, not in the paper)",
    aliases=("align_loss",),
    equals=(Equal("torch", "(first - second).norm(p=2, dim=-1).pow(alpha)"),),
    perfect={"first": "second"},
    convex_in=("first", "second"),
)
def alignment(
    first: Embedding["*batch dim"], second: Embedding["*batch dim"], *, alpha: AtLeastOne["#*batch"] = 2.0
) -> Real["*batch"]:
    """Alignment loss: a power of the distance of the embeddings of two views of one example.

    l = |first - second|^alpha.

    Shapes: `first` and `second` [*batch dim], in the paper of length 1, any vectors here; `alpha` >= 1, a number or an
    array with size 1 where it does not vary -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. The derivative of a distance at 0 is
    declared 0. It goes with `uniformity`, which keeps embeddings apart.
    Errors: `ContractError` for another shape or alpha < 1, `DTypeError` for integers or mixed dtypes.
    Equals: the authors' `align_loss`.

    >>> import numpy as np
    >>> float(alignment(np.asarray([[3.0, 0.0]]), np.asarray([[0.0, 4.0]])))
    25.0
    """
    apart = first - second
    return power_of(norm(apart), array_namespace(first).sum(apart**2, axis=-1), alpha)


@loss(
    family="self_supervised",
    unit="example",
    source="Wang and Isola 2020, arXiv:2005.10242 (read in code of others, not in the paper)",
    aliases=("uniform_loss",),
    equals=(
        Equal(
            "torch",
            "torch.pdist(embeddings).square().mul(-t).exp().mean().log()",
            reduction="mean",
            when="len(embeddings) > 1",
        ),
    ),
    coupled="each example is compared with all others of the batch, so a shard does not know its own loss. Gather the "
    "embeddings of all shards, then take the loss once.",
    sizes={"batch": 3, "dim": 2},
)
def uniformity(embeddings: Embedding["batch dim"], *, t: Positive = 2.0, selected: Array = None) -> Real["batch"]:
    """Uniformity loss: the logarithm of the mean Gaussian potential of all pairs of a batch, least where it is spread.

    l = log mean_{i < j} exp(-t |x_i - x_j|^2), the same for all examples of a batch, with x the embeddings. Never
    positive.

    Shapes: `embeddings` [batch dim], in the paper of length 1, any vectors here; `t` > 0 -> example [batch].
    Weights and mean: every example has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum"
    is that times the weights. A masked example is in no pair. A batch of one has the loss 0. Not mergeable.
    Errors: `ContractError` for another shape or t <= 0, `DTypeError` for integers, `MergeError` for `partial`.
    Equals: the authors' `uniform_loss`.

    >>> import numpy as np
    >>> float(uniformity(np.asarray([[0.0], [3.0]]), t=0.5))
    -4.5
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    squares = xp.sum((embeddings[:, None, :] - embeddings[None, :, :]) ** 2, axis=-1)
    paired = positions(squares, -2) < positions(squares)
    if selected is not None:
        paired = paired & selected[:, None] & selected[None, :]
    some = xp.any(paired)
    potential = xp.reshape(xp.where(some & ~paired, -inf, xp.zeros_like(squares)), (-1,))
    value = -negative_log_mean_exp(potential, xp.reshape(t * squares, (-1,)))
    return xp.broadcast_to(xp.where(some, value, 0.0), (embeddings.shape[0],))
