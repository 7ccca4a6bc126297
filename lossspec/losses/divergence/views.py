"""The divergence of the predictions for several views of one example."""

from math import log

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, divergence_terms, expm1, log1p, logsumexp, softmax_pair
from lossspec.terms import Array, Logits, Real

__all__ = ["jsd_consistency"]


def _log_mean_exp(x: Array) -> Array:
    """The logarithm of the mean of exp(x) over the last axis, right to the last digits where all x are small."""
    xp = array_namespace(x)
    near = xp.all(xp.abs(x) < 1, axis=-1)
    small, others = xp.where(near[..., None], x, 0.0), xp.where(near[..., None], 0.0, x)
    rise = xp.sum(expm1(small), axis=-1) / x.shape[-1]
    return xp.where(near, log1p(rise), logsumexp(others) - log(x.shape[-1]))


@loss(
    family="divergence",
    unit="example",
    source="Hendrycks et al. 2020, arXiv:1912.02781 (read in the official code, not in the paper)",
    aliases=("AugMix", "augmix_jsd"),
    also={
        "timm:JsdCrossEntropy": "it is cross_entropy of the clean view plus alpha = 12 times jsd_consistency",
    },
    equals=(
        Equal(
            "torch",
            "(lambda p: F.kl_div(p.mean(-2, keepdim=True).log().expand_as(p), p, reduction='none').sum(-1).mean(-1))"
            "(F.softmax(logits, -1))",
            when="logits.shape[-2] > 0",
            differs={"edges": "0 log 0 is NaN"},
        ),
    ),
    invariant_in=("logits",),
    sizes={"views": 3, "classes": 3},
)
def jsd_consistency(logits: Logits["*batch views classes"]) -> Real["*batch"]:
    """Jensen-Shannon consistency (AugMix): the mean divergence of the predictions for all views from their mean.

    l = sum_v KL(p[v] || m) / views, with p[v] = softmax(logits[v]) and m = sum_v p[v] / views.

    Shapes: `logits` [*batch views classes], a logit of -inf rules its class out of a view (the class axis anywhere:
    `axis`) -> example [*batch]. It forms all views * views pairs.
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights. It lies in
    [0, log(views)], and keeps its digits where the views are nearly alike, down to differences of eps between their
    logits. The loss of AugMix, of a clean view and two others, is `cross_entropy` of the clean one plus 12 times this.
    Without a view the loss is 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: the second term of the official code without its weight of 12, and without the bound of 1e-7 on m; of two
    views `generalized_jsd`.

    >>> import numpy as np
    >>> certain = np.asarray([[[0.0, -np.inf], [-np.inf, 0.0]]])
    >>> round(float(jsd_consistency(certain)), 12)
    0.69314718056
    """
    xp = array_namespace(logits)
    views = logits.shape[-2]
    if not views:
        return xp.sum(logits, axis=(-2, -1))
    p, q, log_ratio = softmax_pair(logits[..., :, None, :], logits[..., None, :, :])
    log_ratio = -_log_mean_exp(xp.matrix_transpose(-log_ratio))
    terms = divergence_terms(p[..., 0, :], xp.sum(q, axis=-2) / views, log_ratio)
    return xp.sum(terms, axis=(-2, -1)) / views
