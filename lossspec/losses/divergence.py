"""Divergences between distributions."""

from lossspec.loss import loss
from lossspec.numerics import array_namespace, xlogy
from lossspec.terms import Distribution, LogDistribution, Real

__all__ = ["kl_divergence"]


@loss(
    family="divergence",
    unit="example",
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694",
    aliases=("kl_div", "KLDivLoss", "KLDivergence", "kullback_leibler_divergence"),
)
def kl_divergence(
    log_predictions: LogDistribution["*batch classes"], targets: Distribution["*batch classes"]
) -> Real["*batch"]:
    """The Kullback-Leibler divergence of the prediction from the target, KL(targets || predictions).

    l = sum_c targets[c] * (log targets[c] - log_predictions[c]), where a class of probability 0 contributes 0.

    Shapes: `log_predictions` [*batch classes], logarithms in [-inf, 0]; `targets` [*batch classes], rows that sum to 1
    (the class axis anywhere: `axis`) -> example [*batch].
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    Where targets[c] = 0 its derivative is declared 0 (the one-sided limit is -inf). A predicted probability of 0 under
    a positive target is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.kl_div(log_predictions, targets, reduction="batchmean")` (its "mean" divides by the classes too;
    0 against 0 is NaN there), optax `kl_divergence`, Keras `KLDivergence()(targets, predictions)` up to its clipping.

    >>> import numpy as np
    >>> round(float(kl_divergence(np.log(np.asarray([[0.25, 0.75]])), np.asarray([[0.0, 1.0]]))), 12)
    0.287682072452
    """
    return array_namespace(targets).sum(xlogy(targets, log_predictions), axis=-1)
