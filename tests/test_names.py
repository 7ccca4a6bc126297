"""What other libraries call a loss finds the loss of that meaning here."""

import inspect

import numpy as np
import pytest

import lossspec as ls

TORCH = [
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "kl_div",
    "nll_loss",
    "cross_entropy",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "soft_margin_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "cosine_embedding_loss",
    "ctc_loss",
]

NO_LOSSES = {
    "optax": {"smooth_labels", "make_fenchel_young_loss"},  # make targets or losses, and are none
    "keras": {"Loss", "deserialize", "get", "serialize"},
    "sklearn": set(),
    "torch": set(),
}
NOT_HERE: dict[str, set[str]] = {
    "torch": {"LinearCrossEntropyLoss"},
    "optax": {
        "ctc_loss_with_forward_probs",
        "multiclass_generalized_dice_loss",  # is `dice` with weights made of the targets: docs/segmentation.md
    },
    "keras": set(),
    "sklearn": set(),
}
"""Losses that the catalogue has not."""


def public(module):
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def torch_names():
    modules = pytest.importorskip("torch").nn.modules.loss
    return {*TORCH, *(name for name in modules.__all__ if name not in ("NLLLoss2d",))}


def optax_names():
    return public(pytest.importorskip("optax.losses"))


@pytest.mark.filterwarnings("default")
def keras_names():
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    return public(pytest.importorskip("keras").losses)


def sklearn_names():
    found = pytest.importorskip("sklearn._loss.loss")
    classes = {name: value for name, value in vars(found).items() if inspect.isclass(value)}
    return {name for name, value in classes.items() if issubclass(value, found.BaseLoss) and name != "BaseLoss"}


LIBRARIES = {"torch": torch_names, "optax": optax_names, "keras": keras_names, "sklearn": sklearn_names}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_name_of_a_library_finds_a_loss(library):
    missing = set()
    for name in LIBRARIES[library]() - NO_LOSSES[library]:
        try:
            ls.get(name)
        except ls.ContractError:
            missing.add(name)
    assert missing == NOT_HERE[library]


def test_a_name_without_a_loss_says_which_are_near():
    with pytest.raises(ls.ContractError, match=r"no loss is called 'mse_los'. Did you mean mse_loss"):
        ls.get("mse_los")


def test_a_name_that_does_not_reduce_elsewhere_does_not_reduce_here():
    x = np.asarray([1.0, 2.0])
    assert ls.get("l2_loss")(x, x - 2.0).tolist() == [2.0, 2.0]
    assert ls.get("mse_loss")(x, x).shape == ()
