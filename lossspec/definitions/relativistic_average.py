"""Definitions of the losses in which a score is compared with the mean of the other kind."""

from typing import Any

from mpmath import fsum, log

from lossspec.definitions.common import sigmoid


def relative_to_mean(real_logits: Any, fake_logits: Any, sign: Any) -> Any:
    count = len(real_logits)
    real_mean, fake_mean = fsum(real_logits) / count, fsum(fake_logits) / count
    return [
        -log(sigmoid(sign * (real - fake_mean))) - log(sigmoid(sign * (real_mean - fake)))
        for real, fake in zip(real_logits, fake_logits, strict=True)
    ]


def relativistic_average_gan_discriminator(real_logits: Any, fake_logits: Any) -> Any:
    return relative_to_mean(real_logits, fake_logits, 1) if real_logits else []


def relativistic_average_gan_generator(real_logits: Any, fake_logits: Any) -> Any:
    return relative_to_mean(real_logits, fake_logits, -1) if real_logits else []


def relative(real_scores: Any, fake_scores: Any) -> Any:
    """The pairs of scores, each less the mean of the other kind."""
    count = len(real_scores)
    real_mean, fake_mean = (fsum(scores) / count if count else 0 for scores in (real_scores, fake_scores))
    return [(real - fake_mean, fake - real_mean) for real, fake in zip(real_scores, fake_scores, strict=True)]


def relativistic_average_lsgan_discriminator(real_scores: Any, fake_scores: Any) -> Any:
    return [(real - 1) ** 2 + (fake + 1) ** 2 for real, fake in relative(real_scores, fake_scores)]


def relativistic_average_lsgan_generator(real_scores: Any, fake_scores: Any) -> Any:
    return [(real + 1) ** 2 + (fake - 1) ** 2 for real, fake in relative(real_scores, fake_scores)]


def relativistic_average_gan_hinge_discriminator(real_scores: Any, fake_scores: Any) -> Any:
    return [max(0, 1 - real) + max(0, 1 + fake) for real, fake in relative(real_scores, fake_scores)]


def relativistic_average_gan_hinge_generator(real_scores: Any, fake_scores: Any) -> Any:
    return [max(0, 1 + real) + max(0, 1 - fake) for real, fake in relative(real_scores, fake_scores)]
