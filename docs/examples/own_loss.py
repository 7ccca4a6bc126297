"""A loss of one's own: declared in a few lines, then checked like the ones of the catalogue."""

import numpy as np
from mpmath import cosh, log

from lossspec import loss
from lossspec.numerics import array_namespace
from lossspec.terms import Real


def define(predictions, targets):
    """The textbook formula on one unit."""
    return log(cosh(predictions - targets))


@loss(family="regression", unit="element", source="an example", definition=define, perfect={"predictions": "targets"})
def my_log_cosh(predictions: Real["*batch"], targets: Real["*batch"]) -> Real["*batch"]:
    """The logarithm of the hyperbolic cosine of the difference."""
    xp = array_namespace(predictions)
    difference = predictions - targets
    small = xp.abs(difference) < 1.0
    near = 2 * xp.sinh(xp.where(small, difference, 0.0) / 2) ** 2  # cosh(d) - 1, without the cancellation
    far = xp.where(small, 1.0, xp.abs(difference))  # far from 0, where |d| would lose the second derivative
    far = far + (xp.log1p(xp.exp(-2 * far)) - float(np.log(2.0)))
    return xp.where(small, xp.log1p(near), far)


if __name__ == "__main__":
    from lossspec.conformance.matrix import plan, run
    from lossspec.conformance.store import Store

    for cell in run(plan([my_log_cosh], ["numpy", "strict"]), Store()):
        print(f"{cell.backend} {cell.dtype}: {cell.status}, worst error {cell.value_error:.2f}, {cell.checks} checks")
        assert cell.status == "pass", cell.failures
