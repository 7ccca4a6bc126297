"""Losses of the two players of adversarial training in which a score is compared with the mean of the other kind."""

from functools import partial

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, carry_nan, ratio_or_zero, relu, softplus
from lossspec.terms import Array, Logits, Real

__all__ = [
    "relativistic_average_gan_discriminator",
    "relativistic_average_gan_generator",
    "relativistic_average_gan_hinge_discriminator",
    "relativistic_average_gan_hinge_generator",
    "relativistic_average_lsgan_discriminator",
    "relativistic_average_lsgan_generator",
]

relative_loss = partial(
    loss,
    family="adversarial",
    unit="pair",
    source="Jolicoeur-Martineau 2018, arXiv:1807.00734",
    coupled="each score is compared with the mean score of the other kind over the whole batch, so a shard does not "
    "know its own loss. Gather the scores of all shards, then take the loss once.",
    sizes={"batch": 3},
)


def _mean(x: Array, selected: Array | None) -> Array:
    """The mean of the selected entries, 0 where there are none; entries that are not selected must be 0."""
    xp = array_namespace(x)
    if selected is None:
        return xp.sum(x) / max(x.shape[0], 1)
    count = xp.sum(xp.astype(selected, x.dtype))
    return ratio_or_zero(xp.sum(x), count)


def _relative(real_scores: Array, fake_scores: Array, selected: Array | None) -> tuple[Array, Array]:
    """The scores of both kinds less the mean of the other kind."""
    return real_scores - _mean(fake_scores, selected), fake_scores - _mean(real_scores, selected)


@relative_loss(
    also={"RaGAN": "it is a pair: this one, and relativistic_average_gan_generator"},
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: -F.logsigmoid(real) - F.logsigmoid(-fake))"
            "(real_logits - fake_logits.mean(), fake_logits - real_logits.mean())",
        ),
    ),
)
def relativistic_average_gan_discriminator(
    real_logits: Logits["batch"], fake_logits: Logits["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Discriminator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind.

    l = -log sigmoid(real_logits - mean(fake_logits)) - log(1 - sigmoid(fake_logits - mean(real_logits))).

    Shapes: `real_logits` and `fake_logits` [batch] finite -> pair [batch].
    Weights and mean: the common contract; a masked pair does not count in the means over the batch, and weights do not
    enter them. Not mergeable.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes, `MergeError` for `partial`.
    Equals: the sum of the two terms of the paper; some code takes their average, half of it.

    >>> import numpy as np
    >>> same = np.asarray([1.5, 1.5])
    >>> round(float(relativistic_average_gan_discriminator(same, same)), 12)
    1.38629436112
    """
    real, fake = _relative(real_logits, fake_logits, selected)
    return softplus(-real) + softplus(fake)


@relative_loss(
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: -F.logsigmoid(fake) - F.logsigmoid(-real))"
            "(real_logits - fake_logits.mean(), fake_logits - real_logits.mean())",
        ),
    ),
)
def relativistic_average_gan_generator(
    real_logits: Logits["batch"], fake_logits: Logits["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Generator loss of the relativistic average GAN (RaSGAN): logits relative to the mean of the other kind.

    l = -log sigmoid(fake_logits - mean(real_logits)) - log(1 - sigmoid(real_logits - mean(fake_logits))).

    Shapes: `real_logits` and `fake_logits` [batch] finite -> pair [batch].
    Weights and mean: as `relativistic_average_gan_discriminator`. Not mergeable.
    Errors: as `relativistic_average_gan_discriminator`.
    Equals: the sum of the two terms of the paper.

    >>> import numpy as np
    >>> same = np.asarray([1.5, 1.5])
    >>> round(float(relativistic_average_gan_generator(same, same)), 12)
    1.38629436112
    """
    real, fake = _relative(real_logits, fake_logits, selected)
    return softplus(real) + softplus(-fake)


@relative_loss(
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: (real - 1)**2 + (fake + 1)**2)"
            "(real_scores - fake_scores.mean(), fake_scores - real_scores.mean())",
        ),
    ),
)
def relativistic_average_lsgan_discriminator(
    real_scores: Real["batch"], fake_scores: Real["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Discriminator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean.

    l = (real_scores - mean(fake_scores) - 1)^2 + (fake_scores - mean(real_scores) + 1)^2.

    Shapes: `real_scores` and `fake_scores` [batch], any real numbers -> pair [batch].
    Weights and mean: as `relativistic_average_gan_discriminator`. Not mergeable.
    Errors: as `relativistic_average_gan_discriminator`.
    Equals: the sum of the two terms of the paper; some code takes their average, half of it.

    >>> import numpy as np
    >>> float(relativistic_average_lsgan_discriminator(np.asarray([3.0, 1.0]), np.asarray([0.5, -0.5])))
    3.25
    """
    real, fake = _relative(real_scores, fake_scores, selected)
    return (real - 1) ** 2 + (fake + 1) ** 2


@relative_loss(
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: (real + 1)**2 + (fake - 1)**2)"
            "(real_scores - fake_scores.mean(), fake_scores - real_scores.mean())",
        ),
    ),
)
def relativistic_average_lsgan_generator(
    real_scores: Real["batch"], fake_scores: Real["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Generator loss of the relativistic average LSGAN (RaLSGAN): squared errors of scores less the other mean.

    l = (real_scores - mean(fake_scores) + 1)^2 + (fake_scores - mean(real_scores) - 1)^2.

    Shapes: `real_scores` and `fake_scores` [batch], any real numbers -> pair [batch].
    Weights and mean: as `relativistic_average_gan_discriminator`. Not mergeable.
    Errors: as `relativistic_average_gan_discriminator`.
    Equals: the sum of the two terms of the paper; some code takes their average, half of it.

    >>> import numpy as np
    >>> float(relativistic_average_lsgan_generator(np.asarray([3.0, 1.0]), np.asarray([0.5, -0.5])))
    19.25
    """
    real, fake = _relative(real_scores, fake_scores, selected)
    return (real + 1) ** 2 + (fake - 1) ** 2


@relative_loss(
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: F.relu(1 - real) + F.relu(1 + fake))"
            "(real_scores - fake_scores.mean(), fake_scores - real_scores.mean())",
        ),
    ),
)
def relativistic_average_gan_hinge_discriminator(
    real_scores: Real["batch"], fake_scores: Real["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Discriminator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind.

    l = max(0, 1 - (real_scores - mean(fake_scores))) + max(0, 1 + (fake_scores - mean(real_scores))).

    Shapes: `real_scores` and `fake_scores` [batch], any real numbers -> pair [batch].
    Weights and mean: as `relativistic_average_gan_discriminator`. Not mergeable. The derivative at
    a kink is declared 0.
    Errors: as `relativistic_average_gan_discriminator`.
    Equals: the sum of the two terms of the paper; some code takes their average, half of it.

    >>> import numpy as np
    >>> float(relativistic_average_gan_hinge_discriminator(np.asarray([3.0, 1.0]), np.asarray([0.5, -0.5])))
    0.0
    """
    real, fake = _relative(real_scores, fake_scores, selected)
    return carry_nan(relu(1 - real) + relu(1 + fake))


@relative_loss(
    equals=(
        Equal(
            "torch",
            "(lambda real, fake: F.relu(1 + real) + F.relu(1 - fake))"
            "(real_scores - fake_scores.mean(), fake_scores - real_scores.mean())",
        ),
    ),
)
def relativistic_average_gan_hinge_generator(
    real_scores: Real["batch"], fake_scores: Real["batch"], *, selected: Array = None
) -> Real["batch"]:
    """Generator loss of the relativistic average hinge GAN: margins relative to the mean of the other kind.

    l = max(0, 1 + (real_scores - mean(fake_scores))) + max(0, 1 - (fake_scores - mean(real_scores))).

    Shapes: `real_scores` and `fake_scores` [batch], any real numbers -> pair [batch].
    Weights and mean: as `relativistic_average_gan_discriminator`. Not mergeable. The derivative at
    a kink is declared 0.
    Errors: as `relativistic_average_gan_discriminator`.
    Equals: the sum of the two terms of the paper; some code takes their average, half of it.

    >>> import numpy as np
    >>> float(relativistic_average_gan_hinge_generator(np.asarray([3.0, 1.0]), np.asarray([0.5, -0.5])))
    6.0
    """
    real, fake = _relative(real_scores, fake_scores, selected)
    return carry_nan(relu(1 + real) + relu(1 - fake))
