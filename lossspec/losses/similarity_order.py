"""Losses of the similarities of given pairs, by their order in the batch."""

from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    array_namespace,
    carry_nan,
    cosine_gap,
    expm1_minus,
    log1p,
    logsumexp,
    normalize,
    softplus,
    zero_where,
)
from lossspec.terms import Array, Embedding, Positive, Real

__all__ = ["angle_similarity", "cosent"]

_COUPLED = (
    "all pairs of the batch are compared with each other, so a shard does not know its own loss. Gather the "
    "embeddings and labels of all shards, then take the loss once."
)


def _misordered(base: Array, rest: Array, labels: Array, scale: Any, selected: Array) -> Array:
    """log(1 + sum_{i, j: labels_i < labels_j} exp(scale * (s_i - s_j))) of the selected pairs, once for each pair.

    The similarities s are whole numbers and a rest, up to a constant: beside -1 and 1 a small rest keeps its digits.
    """
    xp = array_namespace(rest)
    compared = labels[:, None] < labels[None, :]
    if selected is not None:
        compared = compared & selected[:, None] & selected[None, :]
    apart = (base[:, None] - base[None, :]) + (rest[:, None] - rest[None, :])
    gaps = xp.where(compared, scale * apart, 0.0)
    far = softplus(logsumexp(xp.reshape(xp.where(compared, gaps, float("-inf")), (-1,))))
    # Of gaps near 0, a similarity has a derivative of nearly 1 for each pair that it is the first of, and of -1 for
    # each that it is the second of: whole numbers, which add up exactly beside the small rest of exp(gap) - 1.
    near = xp.all(xp.abs(gaps) < 1)
    ones = xp.astype(compared, gaps.dtype)
    count = xp.sum(ones, axis=1) - xp.sum(ones, axis=0)
    linear = scale * (xp.sum(count * base) + xp.sum(count * rest))
    excess = xp.sum(ones) + (xp.sum(expm1_minus(xp.where(near, gaps, 0.0))) + linear)
    value = xp.where(near, log1p(xp.where(near, excess, 0.0)), far)
    nothing = zero_where(rest, rest == rest) + zero_where(labels, labels == labels)
    return carry_nan(value + xp.zeros_like(rest) + xp.sum(nothing))  # a NaN spoils pairs that are not compared too


@loss(
    family="metric_learning",
    unit="pair",
    source="Su 2022, CoSENT, kexue.fm/archives/8847 (read in code of others)",
    aliases=("CoSENT", "CoSENTLoss"),
    equals=(
        Equal(
            "torch",
            "(lambda s: torch.logsumexp(torch.cat([torch.zeros(1, dtype=s.dtype), "
            "(s[:, None] - s[None, :])[labels[:, None] < labels[None, :]]]), 0))"
            "(scale * F.cosine_similarity(first, second))",
            reduction="mean",
            differs={
                "gradient edges": "a vector of length 0 is divided by 1e-8: its gradient is of that size",
                "empty batch": "nothing has the mean 0 there",
            },
        ),
    ),
    coupled=_COUPLED,
    sizes={"batch": 4, "dim": 2},
)
def cosent(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    labels: Real["batch"],
    *,
    scale: Positive = 20.0,
    selected: Array = None,
) -> Real["batch"]:
    """CoSENT: a smooth penalty of pairs whose cosines are in another order than their labels.

    l = log(1 + sum_{i, j: labels_i < labels_j} exp(scale * (s_i - s_j))), the same for all pairs of a batch, with s_i
    the cosine of first_i and second_i.

    Shapes: `first` and `second` [batch dim], any vectors; `labels` real [batch], the wanted similarity, of which only
    the order counts; `scale` > 0, the inverse of a temperature -> pair [batch].
    Weights and mean: every pair has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum" is
    that times the weights. A masked pair is compared with none. Pairs of equal labels are not compared: a batch of them
    has loss 0. Not mergeable. The cosine with a vector of length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape or scale <= 0, `DTypeError` for integers, `MergeError` for `partial`.
    Equals: by its documentation, Sentence Transformers `CoSENTLoss` of cosines, which was not run.

    >>> import numpy as np
    >>> first, second = np.asarray([[1.0, 0.0], [1.0, 0.0]]), np.asarray([[0.0, 1.0], [0.0, 2.0]])
    >>> round(float(cosent(first, second, np.asarray([0.0, 1.0]))), 12)
    0.69314718056
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    gap = cosine_gap(first, second)
    base = xp.where(gap < 0, -2.0, xp.zeros_like(gap))  # s is 1 - gap, or -1 - gap
    return _misordered(base, -gap, labels, scale, selected)


@loss(
    family="metric_learning",
    unit="pair",
    source="Li and Li 2023, AnglE, arXiv:2309.12871 (read in code of others, by which a higher label asks for a higher "
    "similarity; the formula of the paper has it the other way round)",
    aliases=("AnglE", "AnglELoss"),
    equals=(
        Equal(
            "torch",
            "(lambda s: torch.logsumexp(torch.cat([torch.zeros(1, dtype=s.dtype), "
            "(s[:, None] - s[None, :])[labels[:, None] < labels[None, :]]]), 0))"
            "(scale * (lambda x, y: (x * y.conj() * (1 - 1j)).real.sum(1).abs())"
            "(*(torch.complex(*F.normalize(z, dim=1).chunk(2, 1)) for z in (first, second))))",
            reduction="mean",
            when="first.shape[1] % 2 == 0",
            differs={"empty batch": "nothing has the mean 0 there"},
        ),
    ),
    coupled=_COUPLED,
    sizes={"batch": 3, "dim": 2},
)
def angle_similarity(
    first: Embedding["batch dim"],
    second: Embedding["batch dim"],
    labels: Real["batch"],
    *,
    scale: Positive = 20.0,
    selected: Array = None,
) -> Real["batch"]:
    """AnglE: CoSENT with a similarity of complex vectors in place of the cosine, whose slope is not flat at its ends.

    l = log(1 + sum_{i, j: labels_i < labels_j} exp(scale * (s_i - s_j))), the same for all pairs of a batch, with
    s = |Re(z) + Im(z)| and z = sum_k x_k conj(y_k) / (|x| |y|), where the first half of a vector has the real parts of
    x_k and y_k and the second half the imaginary ones.

    Shapes: `first` and `second` [batch dim], any vectors, one of odd length as with a 0 after it; `labels` real
    [batch], the wanted similarity, of which only the order counts; `scale` > 0, the inverse of a temperature
    -> pair [batch].
    Weights and mean: every pair has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum" is
    that times the weights. A masked pair is compared with none. Pairs of equal labels are not compared: a batch of them
    has loss 0. Not mergeable. The similarity with a vector of length 0 is declared 0, its derivative 0, as is that of
    the absolute value at 0.
    Errors: `ContractError` for another shape or scale <= 0, `DTypeError` for integers, `MergeError` for `partial`.
    Equals: by its code, Sentence Transformers `AnglELoss`, which was not run. The authors add it to `cosent` and
    `info_nce`.

    >>> import numpy as np
    >>> first, second = np.asarray([[1.0, 0.0], [3.0, 0.0]]), np.asarray([[1.0, 1.0], [0.0, 2.0]])  # 1 - i and -i
    >>> round(float(np.expm1(angle_similarity(first, second, np.asarray([0.0, 1.0]), scale=1.0))), 12)  # exp(0 - 1)
    0.367879441171
    """
    xp = array_namespace(first)
    if first.shape[0] == 0:
        return xp.sum(first + second, axis=-1)
    (u, u_is_zero), (v, v_is_zero) = normalize(first), normalize(second)
    if first.shape[1] % 2:
        u, v = (xp.concat([x, xp.zeros_like(x[:, :1])], axis=-1) for x in (u, v))
    real, imaginary = v[:, : v.shape[1] // 2], v[:, v.shape[1] // 2 :]
    turned = (
        xp.concat([real - imaginary, real + imaginary], axis=-1) * 0.5**0.5
    )  # Re z + Im z is 2^0.5 times u . turned
    below, above = 0.5 * xp.sum((u - turned) ** 2, axis=-1), 0.5 * xp.sum((u + turned) ** 2, axis=-1)
    flat = u_is_zero | v_is_zero | (below == above)
    least = xp.where(flat, 1.0, xp.where(below < above, below, above))  # 1 - s / 2^0.5, which keeps its digits near 0
    return _misordered(xp.zeros_like(least), -least, labels, scale * 2**0.5, selected)
