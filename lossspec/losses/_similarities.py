"""Similarities of the embeddings of a batch, sorted into groups, and sums over them."""

from lossspec.numerics import array_namespace, common_part, matmul, normalize, positions, stop_gradient, with_value
from lossspec.terms import Array


def cosines(x: Array, y: Array) -> Array:
    """The cosine of each row of one matrix with each row of the other."""
    return inner_products(normalize(x)[0], normalize(y)[0])


def inner_products(x: Array, y: Array) -> Array:
    """The inner product of each row of one matrix with each row of the other."""
    return matmul(x, array_namespace(y).matrix_transpose(y))


def relative_cosines(x: Array, y: Array, selected: Array = None) -> Array:
    """The cosines of the rows of two matrices, less a number that each row of them has in common.

    Cosines of nearly parallel vectors are flat: the last digit of a product, or of a length that should be 1, is more
    than the last digits of the vectors change. Their derivatives are those of the product, in which nothing cancels.
    Rows of `y` that are not selected may be far away.
    """
    (u, u_is_zero), (v, v_is_zero) = normalize(x), normalize(y)
    product = inner_products(u, v)
    return with_value(_by_distances(u, v, u_is_zero, v_is_zero, selected), product)


def mutual_relative_cosines(x: Array, y: Array, selected: Array = None) -> tuple[Array, Array]:
    """Return `relative_cosines` of the first with the second, and of the second with the first."""
    (u, u_is_zero), (v, v_is_zero) = normalize(x), normalize(y)
    product = inner_products(u, v)
    there = _by_distances(u, v, u_is_zero, v_is_zero, selected)
    back = _by_distances(v, u, v_is_zero, u_is_zero, selected)
    return with_value(there, product), with_value(back, array_namespace(product).matrix_transpose(product))


def _by_distances(u: Array, v: Array, u_is_zero: Array, v_is_zero: Array, selected: Array) -> Array:
    """The constant values of relative cosines of unit vectors, or of vectors of length 0.

    With s = 1 - |u - v|^2 / 2 and a point c near all v the cosine is (u - c) . (v - c) - |v - c|^2 / 2, but for terms
    without v; where u points away from c, that of -u changes its sign. One product of matrices has both terms.
    """
    xp = array_namespace(u)
    if v.shape[0] == 0:
        return inner_products(u, v)
    u, v = stop_gradient(u), stop_gradient(v)
    point = _common_row(v, selected)
    away = xp.sum(u * point, axis=-1, keepdims=True) < 0
    rest = v - point
    short = 0.5 * (xp.sum(rest * rest, axis=-1) + xp.astype(v_is_zero, rest.dtype))
    side = xp.concat((xp.where(away, u + point, u - point), xp.where(away, xp.ones_like(short[0]), -1.0)), axis=-1)
    side = xp.where(u_is_zero[:, None], 0.0, side)
    return inner_products(side, xp.concat((rest, short[:, None]), axis=-1))


def relative_inner_products(x: Array, y: Array, selected: Array = None) -> Array:
    """The inner products of the rows of two matrices, less a number that each row of them has in common.

    Where the rows of `y` are nearly equal, the last digits of the products are more than those of the rows change.
    """
    return inner_products(x, y if y.shape[0] == 0 else y - _common_row(y, selected))


def _common_row(x: Array, selected: Array) -> Array:
    """The part that the selected rows have in common, [1 dim]."""
    return common_part(x, None if selected is None else selected[:, None], axis=0)


def own(scores: Array) -> Array:
    """True on the diagonal."""
    return positions(scores, -2) == positions(scores)


def groups(embeddings: Array, labels: Array, selected: Array) -> tuple[Array, Array, Array]:
    """Return the cosines of all rows, and the masks of the same group (but the row itself) and of other groups."""
    scores = cosines(embeddings, embeddings)
    return scores, *sides(scores, labels, selected)


def relative_groups(embeddings: Array, labels: Array, selected: Array) -> tuple[Array, Array, Array]:
    """Return what `groups` does, each row of cosines less a number that it has in common."""
    scores = relative_cosines(embeddings, embeddings, selected)
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
