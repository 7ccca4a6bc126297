"""Penalties on parameters: one input, no target."""

from lossspec.loss import loss
from lossspec.numerics import array_namespace
from lossspec.terms import NonNegative, Real

__all__ = ["elastic_net"]


@loss(
    family="regularization",
    unit="element",
    source="Zou and Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x",
    aliases=("L1L2", "l1_l2"),
    default_reduction="sum",
)
def elastic_net(parameters: Real["*shape"], *, l1: NonNegative = 1.0, l2: NonNegative = 1.0) -> Real["*shape"]:
    """A weighted sum of the absolute values and the squares of the parameters.

    l = l1 * |parameters| + l2 * parameters^2; by default the sum over all elements.

    Shapes: `parameters` [*shape], any real numbers; `l1` and `l2` >= 0 -> element [*shape].
    Weights and mean: the common contract; the default reduction is "sum". The derivative of |x| at 0 is declared 0.
    Errors: `ContractError` for a negative factor, `DTypeError` for integers.
    Equals: Keras `regularizers.L1L2(l1, l2)`; sklearn `ElasticNet(alpha, l1_ratio)` takes l1 = alpha * l1_ratio and
    l2 = alpha * (1 - l1_ratio) / 2.

    >>> import numpy as np
    >>> round(float(elastic_net(np.asarray([1.0, -2.0]), l1=0.1, l2=0.2)), 12)
    1.3
    """
    return l1 * array_namespace(parameters).abs(parameters) + l2 * parameters**2
