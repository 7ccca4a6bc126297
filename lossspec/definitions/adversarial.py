"""Definitions of the adversarial losses."""

from typing import Any

from mpmath import log

from lossspec.definitions.common import flat, norm, sigmoid


def gan_discriminator(real_logits: Any, fake_logits: Any) -> Any:
    return -log(sigmoid(real_logits)) - log(sigmoid(-fake_logits))


def gan_generator(fake_logits: Any) -> Any:
    return -log(sigmoid(fake_logits))


def gan_generator_minimax(fake_logits: Any) -> Any:
    return log(sigmoid(-fake_logits))


def wgan_critic(real_scores: Any, fake_scores: Any) -> Any:
    return fake_scores - real_scores


def wgan_generator(fake_scores: Any) -> Any:
    return -fake_scores


def lsgan_discriminator(real_scores: Any, fake_scores: Any, real_target: Any, fake_target: Any) -> Any:
    return ((real_scores - real_target) ** 2 + (fake_scores - fake_target) ** 2) / 2


def lsgan_generator(fake_scores: Any, target: Any) -> Any:
    return (fake_scores - target) ** 2 / 2


def gan_hinge_discriminator(real_scores: Any, fake_scores: Any) -> Any:
    return max(0, 1 - real_scores) + max(0, 1 + fake_scores)


def relativistic_gan_discriminator(real_logits: Any, fake_logits: Any) -> Any:
    return -log(sigmoid(real_logits - fake_logits))


def relativistic_gan_generator(real_logits: Any, fake_logits: Any) -> Any:
    return -log(sigmoid(fake_logits - real_logits))


def ebgan_discriminator(real_energies: Any, fake_energies: Any, margin: Any) -> Any:
    return real_energies + max(0, margin - fake_energies)


def gradient_penalty(gradients: Any, target: Any, one_sided: Any) -> Any:
    excess = norm(flat(gradients)) - target
    return max(0, excess) ** 2 if one_sided else excess**2
