"""Losses of the two players of adversarial training, all of them to be minimised."""

from math import prod

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, carry_nan, norm, relu, softplus
from lossspec.terms import Logits, NonNegative, Positive, Real

__all__ = [
    "ebgan_discriminator",
    "gan_discriminator",
    "gan_generator",
    "gan_generator_minimax",
    "gan_hinge_discriminator",
    "gradient_penalty",
    "lsgan_discriminator",
    "lsgan_generator",
    "relativistic_gan_discriminator",
    "relativistic_gan_generator",
    "wgan_critic",
    "wgan_generator",
]

_GOODFELLOW = "Goodfellow et al. 2014, arXiv:1406.2661"
_LSGAN = "Mao et al. 2017, arXiv:1611.04076"
_RELATIVISTIC = "Jolicoeur-Martineau 2018, arXiv:1807.00734"
_WGAN = "Arjovsky, Chintala and Bottou 2017, arXiv:1701.07875"


@loss(
    family="adversarial",
    unit="pair",
    source=_GOODFELLOW,
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits), reduction='none') "
            "+ F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits), reduction='none')",
        ),
    ),
)
def gan_discriminator(real_logits: Logits["*batch"], fake_logits: Logits["*batch"]) -> Real["*batch"]:
    """Discriminator loss of the original GAN: the binary cross entropy of real as 1 and fake as 0, added.

    l = -log D(real) - log(1 - D(fake)), with D = 1 / (1 + exp(-logits)). The paper maximises its negative. It is convex
    in the logits, and at an undecided D it is 2 log 2.

    Shapes: `real_logits` and `fake_logits` [*batch] finite, of the same shape: vectors, or the maps of a discriminator
    of patches -> pair [*batch].
    Weights and mean: the common contract; the two terms are added, where some code takes their average, half of it.
    For unequal batches add the means: gan_generator(real_logits) - gan_generator_minimax(fake_logits).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: the sum of torch `F.binary_cross_entropy_with_logits` of ones and of zeros.

    >>> import numpy as np
    >>> round(float(gan_discriminator(np.asarray([0.0]), np.asarray([0.0]))), 12)
    1.38629436112
    """
    return carry_nan(softplus(-real_logits) + softplus(fake_logits))


@loss(
    family="adversarial",
    unit="example",
    source=_GOODFELLOW,
    equals=(
        Equal(
            "torch",
            "F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits), reduction='none')",
        ),
    ),
)
def gan_generator(fake_logits: Logits["*batch"]) -> Real["*batch"]:
    """Non-saturating generator loss of the original GAN: the cross entropy of fakes as real.

    l = -log D(fake), with D = 1 / (1 + exp(-logits)): at least 0, with a slope near -1 where the discriminator is sure.
    It is convex in the logits.

    Shapes: `fake_logits` [*batch] -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: `DTypeError` for integers.
    Equals: torch `F.binary_cross_entropy_with_logits` of ones.

    >>> import numpy as np
    >>> round(float(gan_generator(np.asarray([0.0]))), 12)
    0.69314718056
    """
    return softplus(-fake_logits)


@loss(
    family="adversarial",
    unit="example",
    source=_GOODFELLOW,
    equals=(
        Equal(
            "torch",
            "-F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits), reduction='none')",
        ),
    ),
)
def gan_generator_minimax(fake_logits: Logits["*batch"]) -> Real["*batch"]:
    """Minimax generator loss of the original GAN: the log-probability with which fakes are recognized.

    l = log(1 - D(fake)), with D = 1 / (1 + exp(-logits)): below 0, and unbounded below. It saturates: its slope is near
    0 where the discriminator is sure of a fake, and there `gan_generator` is used instead. It is concave in the logits.

    Shapes: `fake_logits` [*batch] -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: `DTypeError` for integers.
    Equals: minus torch `F.binary_cross_entropy_with_logits` of zeros.

    >>> import numpy as np
    >>> round(float(gan_generator_minimax(np.asarray([0.0]))), 12)
    -0.69314718056
    """
    return -softplus(fake_logits)


@loss(family="adversarial", unit="pair", source=_WGAN)
def wgan_critic(real_scores: Real["*batch"], fake_scores: Real["*batch"]) -> Real["*batch"]:
    """Critic loss of the Wasserstein GAN: the fake score minus the real one.

    l = fake_scores - real_scores. The paper maximises its negative. It is unbounded: the critic is kept Lipschitz by a
    loss of its own (`gradient_penalty`) or by its weights.

    Shapes: `real_scores` and `fake_scores` [*batch], any real numbers, of the same shape -> pair [*batch].
    Weights and mean: the common contract. For unequal batches add the means: wgan_generator(real_scores) -
    wgan_generator(fake_scores).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: `fake.mean() - real.mean()` of any library.

    >>> import numpy as np
    >>> float(wgan_critic(np.asarray([2.0, 3.0]), np.asarray([-1.0, 0.0])))
    -3.0
    """
    return carry_nan(fake_scores - real_scores)


@loss(
    family="adversarial",
    unit="example",
    source=f"{_WGAN}; with the hinge: Lim and Ye 2017, arXiv:1705.02894",
    aliases=("gan_hinge_generator",),
)
def wgan_generator(fake_scores: Real["*batch"]) -> Real["*batch"]:
    """Generator loss of the Wasserstein GAN and of the hinge GAN: minus the score of a fake.

    l = -fake_scores, unbounded below.

    Shapes: `fake_scores` [*batch], any real numbers -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: `DTypeError` for integers.
    Equals: `-fake.mean()` of any library.

    >>> import numpy as np
    >>> float(wgan_generator(np.asarray([2.0, 3.0])))
    -2.5
    """
    return carry_nan(-fake_scores)


@loss(
    family="adversarial",
    unit="pair",
    source=_LSGAN,
    equals=(
        Equal(
            "torch",
            "F.mse_loss(real_scores, torch.full_like(real_scores, real_target), reduction='none') / 2 "
            "+ F.mse_loss(fake_scores, torch.full_like(fake_scores, fake_target), reduction='none') / 2",
        ),
    ),
)
def lsgan_discriminator(
    real_scores: Real["*batch"],
    fake_scores: Real["*batch"],
    *,
    real_target: Real["#*batch"] = 1.0,
    fake_target: Real["#*batch"] = 0.0,
) -> Real["*batch"]:
    """Discriminator loss of the least squares GAN: half the squared distances of the scores from their targets.

    l = (real_scores - real_target)^2 / 2 + (fake_scores - fake_target)^2 / 2; the targets are b and a of the paper. It
    is convex in the scores.

    Shapes: `real_scores` and `fake_scores` [*batch], any real numbers, of the same shape; the targets are numbers
    -> pair [*batch].
    Weights and mean: the common contract. For unequal batches add the means: lsgan_generator(real_scores) +
    lsgan_generator(fake_scores, target=0.0).
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: half the sum of torch `F.mse_loss` of both; code that leaves out the factor 1/2 of the paper has twice it.

    >>> import numpy as np
    >>> float(lsgan_discriminator(np.asarray([0.5]), np.asarray([1.0])))
    0.625
    """
    return carry_nan(((real_scores - real_target) ** 2 + (fake_scores - fake_target) ** 2) / 2)


@loss(
    family="adversarial",
    unit="example",
    source=_LSGAN,
    equals=(Equal("torch", "F.mse_loss(fake_scores, torch.full_like(fake_scores, target), reduction='none') / 2"),),
)
def lsgan_generator(fake_scores: Real["*batch"], *, target: Real["#*batch"] = 1.0) -> Real["*batch"]:
    """Generator loss of the least squares GAN: half the squared distance of fake scores from a target.

    l = (fake_scores - target)^2 / 2; the target is c of the paper, which names 1 with targets of (1, 0) and 0 with
    targets of (1, -1) for real and fake. It is convex in the scores.

    Shapes: `fake_scores` [*batch], any real numbers; `target` is a number -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights.
    Errors: `DTypeError` for integers.
    Equals: half of torch `F.mse_loss`; code that leaves out the factor 1/2 of the paper has twice it.

    >>> import numpy as np
    >>> float(lsgan_generator(np.asarray([0.5])))
    0.125
    """
    return (fake_scores - target) ** 2 / 2


@loss(
    family="adversarial",
    unit="pair",
    source="Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957",
)
def gan_hinge_discriminator(real_scores: Real["*batch"], fake_scores: Real["*batch"]) -> Real["*batch"]:
    """Discriminator loss of the hinge GAN: a margin of 1 for real scores and of -1 for fake ones.

    l = max(0, 1 - real_scores) + max(0, 1 + fake_scores). The second paper maximises its negative. It is convex in the
    scores. The generator's loss is -fake_scores: `wgan_generator`, which is also called "gan_hinge_generator".

    Shapes: `real_scores` and `fake_scores` [*batch], any real numbers, of the same shape -> pair [*batch].
    Weights and mean: the common contract. The derivative at a kink is declared 0. For unequal batches add the means of
    `hinge` with labels of 1 for real scores and -1 for fake ones.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: MONAI `PatchAdversarialLoss(criterion="hinge")` without the tanh that it applies to the scores first.

    >>> import numpy as np
    >>> float(gan_hinge_discriminator(np.asarray([0.5, 2.0]), np.asarray([0.25, -3.0])))
    0.875
    """
    return carry_nan(relu(1 - real_scores) + relu(1 + fake_scores))


@loss(
    family="adversarial",
    unit="pair",
    source="Zhao, Mathieu and LeCun 2016, arXiv:1609.03126 (formula from memory, not read)",
    also={
        "ebgan_generator": "it is the energy of the fake examples, without their pull-away term: wgan_generator of its "
        "negative",
    },
    equals=(Equal("torch", "real_energies + F.relu(margin - fake_energies)"),),
    convex_in=("real_energies", "fake_energies"),
)
def ebgan_discriminator(
    real_energies: Real["*batch"], fake_energies: Real["*batch"], *, margin: Positive["#*batch"] = 10.0
) -> Real["*batch"]:
    """Discriminator loss of the energy-based GAN: low energies for real examples, above a margin for fake ones.

    l = real_energies + max(0, margin - fake_energies). It is convex in the energies. The generator's loss is
    fake_energies.

    Shapes: `real_energies` and `fake_energies` [*batch], any real numbers, in the paper the reconstruction errors of an
    autoencoder; `margin` > 0, a number or an array with size 1 where it does not vary -> pair [*batch].
    Weights and mean: the common contract. The derivative at a kink is declared 0. The paper gives no margin for all
    tasks; 10 is that of its MNIST experiments, 20 and 80 those of larger images.
    Errors: `ContractError` for another shape or margin <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: torch `real_energies + F.relu(margin - fake_energies)`.

    >>> import numpy as np
    >>> float(ebgan_discriminator(np.asarray([0.5]), np.asarray([7.0])))
    3.5
    """
    return carry_nan(real_energies + relu(margin - fake_energies))


@loss(
    family="adversarial",
    unit="pair",
    source=_RELATIVISTIC,
    equals=(Equal("torch", "-F.logsigmoid(real_logits - fake_logits)"),),
)
def relativistic_gan_discriminator(real_logits: Logits["*batch"], fake_logits: Logits["*batch"]) -> Real["*batch"]:
    """Discriminator loss of the relativistic GAN (RSGAN): the logistic loss of real minus fake logit.

    l = -log sigmoid(real_logits - fake_logits). It is convex in the logits.

    Shapes: `real_logits` and `fake_logits` [*batch] finite; entry i of one is compared with entry i of the other
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: torch `-F.logsigmoid` of the difference; as a function it is `bpr`.

    >>> import numpy as np
    >>> round(float(relativistic_gan_discriminator(np.asarray([1.5]), np.asarray([1.5]))), 12)
    0.69314718056
    """
    return softplus(fake_logits - real_logits)


@loss(
    family="adversarial",
    unit="pair",
    source=_RELATIVISTIC,
    equals=(Equal("torch", "-F.logsigmoid(fake_logits - real_logits)"),),
)
def relativistic_gan_generator(real_logits: Logits["*batch"], fake_logits: Logits["*batch"]) -> Real["*batch"]:
    """Generator loss of the relativistic GAN (RSGAN): the logistic loss of fake minus real logit.

    l = -log sigmoid(fake_logits - real_logits). It is convex in the logits.

    Shapes: `real_logits` and `fake_logits` [*batch] finite; entry i of one is compared with entry i of the other
    -> pair [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pairs.
    Errors: as `relativistic_gan_discriminator`.
    Equals: torch `-F.logsigmoid` of the difference.

    >>> import numpy as np
    >>> round(float(relativistic_gan_generator(np.asarray([1.5]), np.asarray([1.5]))), 12)
    0.69314718056
    """
    return softplus(real_logits - fake_logits)


@loss(
    family="adversarial",
    unit="example",
    source="Gulrajani et al. 2017, arXiv:1704.00028; one-sided: Petzka, Fischer and Lukovnikov 2018, arXiv:1709.08894; "
    "R1: Mescheder, Geiger and Nowozin 2018, arXiv:1801.04406",
    also={"r1_penalty": {"target": 0.0}},
)
def gradient_penalty(
    gradients: Real["batch *dim"], *, target: NonNegative["#batch"] = 1.0, one_sided: bool = False
) -> Real["batch"]:
    """Gradient penalty of a critic: the squared distance of the gradient's length from a target (0 for R1).

    l = (|gradients| - target)^2, or max(0, |gradients| - target)^2 with `one_sided`; |.| is the Euclidean norm over all
    axes but the first. `gradients` are those of the critic's scores in its inputs, which you take: at points between
    real and fake for WGAN-GP, at real ones for R1. The factor is yours: 10 * mean in WGAN-GP, gamma / 2 * mean for R1.

    Shapes: `gradients` [batch *dim], any real numbers; `target` >= 0 -> example [batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over examples. At a gradient of length 0
    the derivative is declared 0; so it is where `one_sided` begins.
    Errors: `ContractError` for target < 0, `DTypeError` for integers.
    Equals: `(g.reshape(len(g), -1).norm(dim=1) - 1) ** 2` of torch code, whose gradient at 0 is 0 too.

    >>> import numpy as np
    >>> gradients = np.asarray([[3.0, 4.0], [0.0, 0.0]])
    >>> gradient_penalty.per_example(gradients).tolist(), gradient_penalty.per_example(gradients, target=0.0).tolist()
    ([16.0, 1.0], [25.0, 0.0])
    """
    xp = array_namespace(gradients)
    excess = norm(xp.reshape(gradients, (gradients.shape[0], prod(gradients.shape[1:])))) - target
    return (relu(excess) if one_sided else excess) ** 2
