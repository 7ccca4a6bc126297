"""Divergences of Gaussians of independent entries."""

import math

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, expm1_minus
from lossspec.terms import Real

__all__ = [
    "gaussian_kl",
    "gaussian_kl_standard",
]


@loss(
    family="divergence",
    unit="example",
    source="Kingma and Welling 2014, arXiv:1312.6114, appendix B",
    also={
        "ELBO elbo vae_loss VAELoss": "it is a sum: of the loss of the reconstruction, summed over the entries of an "
        "example, and gaussian_kl_standard, times beta in a beta-VAE",
    },
    equals=(
        Equal(
            "torch",
            "torch.distributions.kl_divergence(torch.distributions.Normal(means, torch.exp(log_variances / 2)),"
            " torch.distributions.Normal(torch.zeros_like(means), torch.ones_like(means))).sum(-1)",
            differs={"edges": "a variance of exp(-1e4), 0 in its dtype, is refused"},
        ),
    ),
)
def gaussian_kl_standard(means: Real["*batch dim"], log_variances: Real["*batch dim"]) -> Real["*batch"]:
    """KL divergence of a diagonal Gaussian from the standard normal: the regularizer of a VAE.

    l = sum_d (exp(log_variances[d]) - 1 - log_variances[d] + means[d]^2) / 2.

    Shapes: `means` and `log_variances` [*batch dim], any real numbers, logarithms of variances and not of standard
    deviations -> example [*batch]: the sum over the latent entries, as in the evidence lower bound. A mean over them
    would be another weight of the reconstruction, beta / dim.
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    It is convex, and 0 only at the standard normal, near which it keeps its digits: `exp` less 1 loses them. A variance
    that overflows is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `distributions.kl_divergence(Normal(means, std), Normal(0, 1))` summed over entries.

    >>> import numpy as np
    >>> float(gaussian_kl_standard(np.asarray([[3.0, 1.0]]), np.asarray([[0.0, 0.0]])))
    5.0
    """
    return 0.5 * array_namespace(means).sum(expm1_minus(log_variances) + means * means, axis=-1)


@loss(
    family="divergence",
    unit="example",
    source="Kullback 1959, Information theory and statistics",
    equals=(
        Equal(
            "torch",
            "torch.distributions.kl_divergence(torch.distributions.Normal(means, torch.exp(log_variances / 2)),"
            " torch.distributions.Normal(target_means, torch.exp(target_log_variances / 2))).sum(-1)",
            differs={"edges": "a variance of exp(-1e4), 0 in its dtype, is refused"},
        ),
    ),
)
def gaussian_kl(
    means: Real["*batch dim"],
    log_variances: Real["*batch dim"],
    target_means: Real["*batch dim"],
    target_log_variances: Real["*batch dim"],
) -> Real["*batch"]:
    """KL divergence of a predicted diagonal Gaussian from a target one, KL(prediction || target).

    l = sum_d (exp(r) - 1 - r + (means[d] - target_means[d])^2 / exp(target_log_variances[d])) / 2, with
    r = log_variances[d] - target_log_variances[d].

    Shapes: four arrays [*batch dim] of any real numbers -> example [*batch], the sum over the entries.
    Weights and mean: the common contract, one weight an example; "mean" divides by the sum of weights.
    It is 0 only where both are equal, near which it keeps its digits. The direction is that of a posterior and its
    prior; swap the pairs for the other. A ratio of variances that overflows is inf.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `distributions.kl_divergence(Normal(...), Normal(...))` summed over entries.

    >>> import numpy as np
    >>> zero = np.asarray([[0.0]])
    >>> float(gaussian_kl(np.asarray([[3.0]]), zero, zero, zero))
    4.5
    """
    xp = array_namespace(means)
    difference = means - target_means
    exponent = -0.5 * target_log_variances
    harmless = (difference == 0) & (exponent > 0.5 * math.log(float(xp.finfo(means.dtype).max)))  # no 0 * inf
    scaled = difference * xp.exp(xp.where(harmless, 0.0, exponent))
    return 0.5 * xp.sum(expm1_minus(log_variances - target_log_variances) + scaled * scaled, axis=-1)
