"""Distances of two distributions by what it costs to move the one to the other."""

from math import inf
from typing import Any

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.numerics import array_namespace, expm1, per_row, repeated, stop_gradient, whole
from lossspec.terms import Array, NonNegative, Positive, Real

__all__ = ["sinkhorn"]


_FAR = 80.0
"""The exponent up to which a point of weight 0 has its derivative in that weight; there exp overflows in no dtype."""


def _shares(x: Array, weight: Array | None) -> Array:
    """The shares of the last axis of `x` by weights, in as many axes; 0 where all weights are 0."""
    xp = array_namespace(x)
    if weight is None:
        return xp.zeros_like(x) + 1 / x.shape[-1]
    total = xp.sum(weight, axis=-1, keepdims=True)
    return weight / xp.where(total == 0, 1.0, total)


def _reduced(costs: Array, shares: Array, regularization: Any) -> tuple[Array, Array]:
    """Return the costs of each row less its soft minimum, by the shares of the columns, and these minima.

    The cost that has most of the sum comes off first: what is left keeps its digits, however large that cost was.
    """
    xp = array_namespace(costs)
    shares, strength = xp.broadcast_to(shares[..., None, :], costs.shape), per_row(regularization, 2)
    fixed = stop_gradient(shares)
    there = fixed > 0
    size = xp.where(there, xp.log(xp.where(there, fixed, 1.0)) - stop_gradient(costs) / strength, -inf)
    most = xp.take_along_axis(stop_gradient(costs), xp.argmax(size, axis=-1, keepdims=True), axis=-1)
    gaps = costs - most
    exponent = -gaps / strength
    exponent = xp.where(~there & (exponent > _FAR), _FAR, exponent)
    excess = xp.sum(shares * expm1(exponent), axis=-1)
    low = excess < -0.5
    of_low = xp.sum(shares * xp.exp(exponent), axis=-1)
    logarithm = xp.where(low, xp.log(xp.where(low, of_low, 1.0)), xp.log1p(xp.where(low, 0.0, excess)))
    above = -per_row(regularization) * logarithm
    return gaps - above[..., None], most[..., 0] + above


def _transport(
    costs: Array, row_weight: Array | None, column_weight: Array | None, regularization: Any, *, iterations: int
) -> Array:
    """The sum of the means of what the steps of Sinkhorn take from the costs, which leave costs - u - v."""
    xp = array_namespace(costs)
    rows, columns = _shares(costs[..., 0], row_weight), _shares(costs[..., 0, :], column_weight)

    def step(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        rest, total = carry
        rest, taken = _reduced(rest, columns, regularization)
        total = total + xp.sum(rows * taken, axis=-1)
        rest, taken = _reduced(xp.matrix_transpose(rest), rows, regularization)
        return xp.matrix_transpose(rest), total + xp.sum(columns * taken, axis=-1)

    value = repeated(step, (costs, xp.zeros_like(costs[..., 0, 0])), iterations)[1]
    for weight in (row_weight, column_weight):
        if weight is not None:
            value = xp.where(xp.all(weight == 0, axis=-1), 0.0, value)
    return value


@loss(
    family="divergence",
    unit="example",
    source="Cuturi 2013, arXiv:1306.0895, in the logarithms of Peyre and Cuturi 2019, arXiv:1803.00567, section 4.4 "
    "(formulas from memory, not read)",
    aliases=("entropic_optimal_transport",),
    equals=(
        Equal(
            "torch",
            "(lambda e, p, q: (lambda v: [(u := -e * ((v[..., None, :] - costs) / e[..., None] + q.log()[..., None, :])"
            ".logsumexp(-1), v := -e * ((u[..., None] - costs) / e[..., None] + p.log()[..., None]).logsumexp(-2)) for "
            "_ in range(iterations)] and (p * u).sum(-1) + (q * v).sum(-1))(torch.zeros_like(costs[..., 0, :])))("
            "torch.as_tensor(regularization)[..., None], torch.ones_like(costs[..., 0]) / costs.shape[-2], "
            "torch.ones_like(costs[..., 0, :]) / costs.shape[-1])",
            when="row_weight is None and column_weight is None and iterations > 0",
        ),
    ),
    accuracy=Accuracy(
        gradient=512.0,
        reason="before the iterations have converged a point may have moved far more than its share; in the derivative "
        "of a later step this comes off again, and what is left may be a small share",
    ),
    sizes={"batch": 2, "rows": 2, "columns": 3, "iterations": 2},
)
def sinkhorn(
    costs: Real["*batch rows columns"],
    *,
    row_weight: NonNegative["*batch rows"] | None = None,
    column_weight: NonNegative["*batch columns"] | None = None,
    regularization: Positive["#*batch"] = 0.1,
    iterations: int = 50,
) -> Real["*batch"]:
    """Sinkhorn distance, or entropic optimal transport: the cost of moving one distribution to another, regularized.

    l = sum_i p[i] u[i] + sum_j q[j] v[j], with p and q the shares of the rows and of the columns in their weights,
    after so many iterations, from v = 0 on, of u[i] = -regularization log sum_j q[j] exp((v[j] - costs[i, j]) /
    regularization) and then v[j] = -regularization log sum_i p[i] exp((u[i] - costs[i, j]) / regularization).

    Shapes: `costs` [*batch rows columns], the cost from each point of the one to each of the other, any real numbers,
    at least one row and one column; `row_weight` [*batch rows] and `column_weight` [*batch columns] >= 0, of which
    only the ratios count, equal ones where they are left out; `regularization` > 0, a number or an array with size 1
    where it does not vary; `iterations` >= 1 -> example [*batch].
    Weights and mean: the common contract. Rows and columns are no units; one of weight 0 is not there. The iterations
    raise l to the least value, over plans P with the sums p and q, of sum_{i, j} P[i, j] costs[i, j] + regularization
    KL(P || p q). Value and gradient are those after these iterations, a lower bound; a regularization that is small
    beside the costs needs more of them. Where all weights of the rows or of the columns are 0 the loss is 0.
    Errors: `ContractError` for another shape, no row or no column, or a parameter out of its domain, `DTypeError` for
    integers or mixed dtypes.
    Equals: POT `ot.solve(costs, a, b, reg=regularization, reg_type="KL")` once it has converged; its `sinkhorn2` leaves
    the last term out. geomloss `SamplesLoss("sinkhorn", p, blur)` takes points x and y: it is, for costs
    |x - y|^p / p and regularization blur^p, sinkhorn(x, y) less the mean of sinkhorn(x, x) and sinkhorn(y, y).

    >>> import numpy as np
    >>> float(sinkhorn(np.asarray([[0.5, 0.5], [1.5, 1.5]])))
    1.0
    """
    require(iterations > 0, "sinkhorn: `iterations` is {}. Fix: pass a number >= 1.", iterations)
    require(
        min(costs.shape[-2:]) > 0,
        "sinkhorn: `costs` has shape {}. Fix: pass at least one row and one column.",
        costs.shape,
    )
    return whole(_transport, costs, row_weight, column_weight, regularization, iterations=iterations)
