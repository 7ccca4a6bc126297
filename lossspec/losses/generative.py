"""Losses of diffusion models and of vector quantization."""

from typing import Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, stop_gradient
from lossspec.terms import Amount, NonNegative, Positive, Real

__all__ = ["min_snr", "vq_commitment"]


@loss(
    family="generative",
    unit="element",
    source="Hang et al. 2023, arXiv:2303.09556 (read in the code of diffusers, not in the paper)",
    aliases=("MinSNR",),
    also={
        "epsilon_prediction noise_prediction v_prediction x0_prediction": "it is squared_error of what is predicted, "
        "and min_snr where time steps are weighed: prediction='noise', 'velocity' or 'data'",
    },
    equals=(
        Equal(
            "torch",
            "torch.minimum(snr, torch.as_tensor(gamma)) / {'noise': snr, 'data': 1, 'velocity': snr + 1}[prediction]"
            " * F.mse_loss(predictions, targets, reduction='none')",
        ),
    ),
    perfect={"predictions": "targets"},
    convex_in=("predictions", "targets"),
)
def min_snr(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    snr: Amount["#*batch"],
    *,
    gamma: Positive["#*batch"] = 5.0,
    prediction: Literal["noise", "data", "velocity"] = "noise",
) -> Real["*batch"]:
    """Min-SNR weighted loss of a diffusion model: the squared error, by the signal-to-noise ratio of its time step.

    l = w (predictions - targets)^2, with w = min(snr, gamma) / snr for the prediction of the noise, min(snr, gamma) for
    that of the data x_0, and min(snr, gamma) / (snr + 1) for that of the velocity.

    Shapes: `predictions` and `targets` [*batch], any real numbers; `snr` >= 0, the ratio alpha_t^2 / sigma_t^2 of the
    time step, of the same shape or with size 1 on some axes, [batch 1 1 1] for images; `gamma` > 0 -> element [*batch].
    Weights and mean: the common contract; the factor w is no weight, and "mean" does not divide by it. At a ratio of 0
    the weight of the noise is 1, its limit. Without a weight the loss is `squared_error`: that of DDPM for the noise,
    of flow matching for the velocity.
    Errors: `ContractError` for another shape, gamma <= 0 or an unknown prediction, `DTypeError` for integers or mixed
    dtypes.
    Equals: the weights of the training scripts of diffusers (`snr_gamma`), for noise and velocity.

    >>> import numpy as np
    >>> x, y, snr = np.asarray([3.0, 3.0]), np.asarray([1.0, 1.0]), np.asarray([1.0, 10.0])
    >>> min_snr.per_example(x, y, snr).tolist(), min_snr.per_example(x, y, snr, prediction="data").tolist()
    ([4.0, 2.0], [4.0, 20.0])
    """
    xp = array_namespace(snr)
    low = snr < gamma
    weight = {
        "noise": xp.where(low, 1.0, gamma / xp.where(low, 1.0, snr)),
        "data": xp.where(low, snr, gamma),
        "velocity": xp.where(low, snr, gamma) / (snr + 1),
    }[prediction]
    return weight * (predictions - targets) ** 2


@loss(
    family="generative",
    unit="element",
    source="van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937, equation 3 (formula from memory, not read)",
    aliases=("VQ-VAE",),
    equals=(
        Equal(
            "torch",
            "F.mse_loss(codes, encodings.detach(), reduction='none') + beta * F.mse_loss(encodings, codes.detach(), "
            "reduction='none')",
        ),
    ),
    perfect={"encodings": "codes"},
)
def vq_commitment(
    encodings: Real["*batch"], codes: Real["*batch"], *, beta: NonNegative["#*batch"] = 0.25
) -> Real["*batch"]:
    """Codebook and commitment loss of VQ-VAE: codes move to the encodings, and encodings, more slowly, to their codes.

    l = (sg(encodings) - codes)^2 + beta (encodings - sg(codes))^2, where sg(x) is x as a constant for differentiation.

    Shapes: `encodings` and `codes` [*batch], the outputs of the encoder and the vectors of the codebook that are
    nearest to them, any real numbers; `beta` >= 0 -> element [*batch].
    Weights and mean: the common contract. "mean" over elements is what code takes; the paper's squared norm is the sum
    over the entries of a vector. The commitment term alone, for codebooks that move by running means, is
    `beta * squared_error` of encodings and codes without a gradient.
    Errors: `ContractError` for another shape or beta < 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `F.mse_loss(codes, encodings.detach()) + beta * F.mse_loss(encodings, codes.detach())`.

    >>> import numpy as np
    >>> value, gradient = vq_commitment.value_and_grad(np.asarray([3.0]), np.asarray([1.0]))
    >>> float(value), gradient.tolist()
    (5.0, [1.0])
    """
    return (stop_gradient(encodings) - codes) ** 2 + beta * (encodings - stop_gradient(codes)) ** 2
