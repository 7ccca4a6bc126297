"""Similarities of the embeddings of a batch, sorted into groups, and sums over them."""

from lossspec.numerics import array_namespace, matmul, normalize, positions, stop_gradient
from lossspec.terms import Array


def cosines(x: Array, y: Array) -> Array:
    """The cosine of each row of one matrix with each row of the other."""
    return inner_products(normalize(x)[0], normalize(y)[0])


def inner_products(x: Array, y: Array) -> Array:
    return matmul(x, array_namespace(y).matrix_transpose(y))


def own(scores: Array) -> Array:
    """True on the diagonal."""
    return positions(scores, -2) == positions(scores)


def groups(embeddings: Array, labels: Array, selected: Array) -> tuple[Array, Array, Array]:
    """Return the cosines of all rows, and the masks of the same group (but the row itself) and of other groups."""
    scores = cosines(embeddings, embeddings)
    return scores, *sides(scores, labels, selected)


def sides(scores: Array, labels: Array, selected: Array) -> tuple[Array, Array]:
    """Return the masks of the pairs of one group, without those of a row with itself, and of different groups."""
    same = labels[:, None] == labels[None, :]
    present = True if selected is None else selected[None, :]
    return same & ~own(scores) & present, ~same & present


def log_sum_exp(x: Array, kept: Array) -> Array:
    """The logarithm of the sum of exp(x) over the kept entries of each row; -inf, with derivative 0, where none is."""
    xp = array_namespace(x)
    if x.shape[0] == 0:
        return xp.sum(x, axis=-1)
    x = xp.where(kept, x, float("-inf"))
    top = xp.max(stop_gradient(x), axis=-1, keepdims=True)
    nothing = top == float("-inf")
    top = xp.where(nothing, 0.0, top)
    total = xp.sum(xp.exp(x - top), axis=-1, keepdims=True)
    return xp.where(nothing, float("-inf"), top + xp.log(xp.where(nothing, 1.0, total)))[..., 0]


def shares(chosen: Array, x: Array) -> Array:
    """Equal weights of the chosen entries of each row, which sum to 1; all 0 where nothing is chosen."""
    xp = array_namespace(x)
    flags = xp.astype(chosen, x.dtype)
    count = xp.sum(flags, axis=-1, keepdims=True)
    return flags / xp.where(count > 0, count, 1.0)
