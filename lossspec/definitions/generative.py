"""Definitions of the losses of diffusion models and of vector quantization."""

from typing import Any

from lossspec.definitions.common import constant


def min_snr(predictions: Any, targets: Any, snr: Any, gamma: Any, prediction: Any) -> Any:
    weight = min(snr, gamma)
    if prediction == "noise":
        weight = weight / snr if snr else 1
    elif prediction == "velocity":
        weight /= snr + 1
    return weight * (predictions - targets) ** 2


def vq_commitment(encodings: Any, codes: Any, beta: Any) -> Any:
    return (constant(encodings) - codes) ** 2 + beta * (encodings - constant(codes)) ** 2
