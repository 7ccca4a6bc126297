"""Pixels, tokens and items that do not count: the loss is that of a unit without them, whatever they hold."""

import json
import math
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import lossspec as ls
from lossspec import cli
from lossspec.errors import ContractError, DTypeError

WITH_ENTRIES = [ls.get(name) for name in ls.names() if ls.get(name).contract.entries]
P = np.asarray([[[0.8, 0.3, 0.6, 0.5]]])
T = np.asarray([[[1.0, 0.0, 1.0, 1.0]]])
KEPT = np.asarray([[True, True, False, False]])
VOID = 255


def put(backend, *arrays):
    return [backend.from_numpy(x) for x in arrays]


def images(seed=3):
    """Logits and labels of two images, where some labels are unknown."""
    random = np.random.default_rng(seed)
    logits, labels = random.normal(size=(2, 3, 4, 4)), random.integers(0, 3, (2, 4, 4))
    known = random.random((2, 4, 4)) < 0.6
    return logits, np.where(known, labels, VOID).astype(np.uint8), known


WITHOUT = {
    "bending_energy": "second differences reach over every gap",
    "edge_aware_smoothness": "differences reach over every gap",
    "local_normalized_cross_correlation": "windows would have other numbers of pixels",
    "lpips": "pixels of features are no pixels of the image",
    "ms_ssim": "windows of each scale would have other pixels left",
    "ms_ssim_l1": "windows would have other numbers of pixels",
    "perceptual": "pixels of features are no pixels of the image",
    "ssim": "windows would have other numbers of pixels",
}
"""Losses of regions, images or lists whose entries all count, with the reason."""


def test_the_losses_of_regions_images_and_lists_have_entries():
    inner = {}
    for name in ls.names():
        contract = ls.get(name).contract
        axes = {axis for given in contract.inputs for term in given.array_terms for axis in term.shape.names}
        inner[name] = (axes - {*contract.result.names}) & {"space", "height", "items"}
    without = {name for name, axes in inner.items() if axes and not ls.get(name).contract.entries}
    assert without == {*WITHOUT}


# Values by hand, of what is left.

CLOSED = {
    "dice": (ls.dice, 1 - 1.6 / 2.1),
    "batch dice": (ls.batch_dice, 1 - 1.6 / 2.1),
    "jaccard": (ls.jaccard, 1 - 0.8 / 1.3),
    "tversky": (ls.tversky, 1 - 0.8 / (0.8 + 0.15 + 0.1)),
    "generalized dice": (ls.generalized_dice, 1 - 1.6 / 2.1),
    "mcc": (ls.mcc, 1 - (0.8 * 0.7 - 0.3 * 0.2) / math.sqrt(1.1 * 1.0 * 1.0 * 0.9)),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("poison", [0.5, math.nan, math.inf])
def test_an_overlap_is_that_of_the_pixels_that_count(backend, name, poison):
    loss, wanted = CLOSED[name]
    p, t = np.where(KEPT, P, poison), np.where(KEPT, T, poison)
    value, gradient = loss.value_and_grad(*put(backend, p, t), where_entries=backend.from_numpy(KEPT))
    assert float(value) == pytest.approx(wanted, rel=1e-14)
    assert np.all(np.isfinite(backend.to_numpy(gradient)))
    assert np.all(backend.to_numpy(gradient)[..., 2:] == 0)


def test_a_product_with_the_mask_is_another_loss_where_true_negatives_count():
    alone = ls.mcc(P[..., :2], T[..., :2])
    assert ls.mcc(P, T, where_entries=KEPT) == alone
    assert abs(ls.mcc(P * KEPT, T * KEPT) - alone) > 0.1


def test_a_mean_over_pixels_divides_by_those_that_count(backend):
    distances, mask = backend.from_numpy(np.asarray([[[-2.0, 1.0, math.nan, 5.0]]])), backend.from_numpy(KEPT)
    value = ls.boundary(*put(backend, P), distances, where_entries=mask)
    assert float(value) == pytest.approx((-1.6 + 0.3) / 2, rel=1e-14)
    x, y = put(backend, np.asarray([[[[0.5, 0.7]]]]), np.asarray([[[[0.6, math.nan]]]]))
    value = ls.psnr(x, y, where_entries=backend.from_numpy(np.asarray([[[True, False]]])))
    assert float(value) == pytest.approx(-20.0, rel=1e-13)


IMAGE = np.asarray([[[[0.0, 4.0, 9.0], [3.0, 3.0, 5.0]]]])  # without the middle of the first row: 3 down, 4 down, 0, 2
WITHOUT_THE_MIDDLE = np.asarray([[[True, False, True], [True, True, True]]])


@pytest.mark.parametrize("poison", [4.0, math.nan, math.inf])
def test_a_step_counts_if_both_of_its_pixels_do(backend, poison):
    image, mask = backend.from_numpy(np.where(WITHOUT_THE_MIDDLE[:, None], IMAGE, poison)), WITHOUT_THE_MIDDLE
    mask, gradient = backend.from_numpy(mask), [[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]
    value, found = ls.total_variation.value_and_grad(image, where_entries=mask)
    assert (float(value), backend.to_numpy(found)[0, 0].tolist()) == (9.0, gradient)
    value, found = ls.gradient_difference.value_and_grad(image, backend.from_numpy(0 * IMAGE), where_entries=mask)
    assert (float(value), backend.to_numpy(found)[0, 0].tolist()) == (9.0, gradient)
    value = ls.total_variation(image, isotropic=True, where_entries=mask)
    assert float(value) == 3 + 4 + 0 + 2


def test_a_list_of_images_takes_a_list_of_masks(backend):
    image, mask = backend.from_numpy(IMAGE), backend.from_numpy(WITHOUT_THE_MIDDLE)
    all_of_it = backend.from_numpy(np.ones_like(WITHOUT_THE_MIDDLE))
    assert float(ls.total_variation([image, image], where_entries=[mask, all_of_it])) == 9 + 19
    with pytest.raises(ContractError, match="`images` is a list of 2, so `where_entries` must be one as well"):
        ls.total_variation([image, image], where_entries=mask)


def test_a_ratio_of_answers_is_that_of_the_tokens_that_count(backend):
    new, old = np.log([[0.5, math.nan, 0.5, 0.9]]), np.log([[0.25, 0.1, 0.0625, 0.1]])
    mask = backend.from_numpy(np.asarray([[True, False, True, True]]))
    args = put(backend, new, old, np.asarray([-1.0]), np.asarray([3]))
    value, gradient = ls.gspo.value_and_grad(*args, where_entries=mask)
    assert float(value) == pytest.approx(4.0, rel=1e-14)  # the root of 2 * 8
    assert backend.to_numpy(gradient).ravel().tolist() == pytest.approx([2.0, 0.0, 2.0, 0.0], rel=1e-14)


CONFIGURED = {
    "combo": ls.combo,
    "smoothed combo without a background": ls.combo.configured(smooth=0.5, include_background=False),
    "lovasz": ls.lovasz_softmax,
    "lovasz of all classes": ls.lovasz_softmax.configured(averaged="all"),
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_an_ignored_label_leaves_its_pixel_out(backend, name):
    loss, (logits, labels, known) = CONFIGURED[name], images()
    each = backend.to_numpy(loss.per_example(*put(backend, logits, labels), ignore_index=VOID))
    for i, one in enumerate(each):
        kept = loss(logits[i : i + 1][:, :, known[i]], labels[i : i + 1][:, known[i]])
        assert one == pytest.approx(float(kept), rel=1e-13)
    masked = loss.per_example(*put(backend, logits, labels), where_entries=backend.from_numpy(known))
    assert np.array_equal(backend.to_numpy(masked), each)


def test_weights_of_classes_count_the_pixels_that_are_left(backend):
    logits, labels, known = images()
    weight = np.asarray([0.5, 2.0, 1.0])
    value = ls.combo(
        *put(backend, logits[:1], labels[:1]), ignore_index=VOID, channel_weight=backend.from_numpy(weight)
    )
    kept = ls.combo(logits[:1][:, :, known[0]], labels[:1][:, known[0]], channel_weight=weight)
    assert float(value) == pytest.approx(float(kept), rel=1e-13)


@pytest.mark.parametrize("options", [{"squared": True}, {"overlap": "minimum"}, {"smooth_denominator": 0.5}], ids=str)
@pytest.mark.parametrize("name", ["dice", "jaccard", "batch_dice"])
def test_every_kind_of_overlap_leaves_pixels_out(backend, name, options):
    mask, alone = backend.from_numpy(KEPT), ls.get(name)(P[..., :2], T[..., :2], **options)
    value = ls.get(name)(*put(backend, np.where(KEPT, P, math.nan), T), where_entries=mask, **options)
    assert float(value) == pytest.approx(float(alone), rel=1e-14)


def test_a_hinge_ignores_the_pixels_of_an_integer_target(backend):
    logits, targets = np.asarray([[2.0, -9.0, 0.5, -2.0]]), np.asarray([[1, VOID, 0, 0]])
    assert float(ls.lovasz_hinge(*put(backend, logits, targets), ignore_index=VOID)) == 0.75


def test_a_label_out_of_range_that_is_not_ignored_is_nan_still(backend):
    logits, labels, _ = images()
    labels[0, 0, 0] = 7
    each = backend.to_numpy(ls.combo.per_example(*put(backend, logits, labels), ignore_index=VOID))
    assert np.isnan(each[0])
    assert np.isfinite(each[1])


def test_tokens_that_are_ignored_have_no_length(backend):
    random = np.random.default_rng(1)
    logits, labels = random.normal(size=(3, 4, 5)), random.integers(0, 5, (3, 4))
    labels[0, 1], labels[2, :] = -100, -100
    lengths = np.asarray([4, 2, 3])
    within = np.arange(4) < lengths[:, None]
    tokens = ls.cross_entropy.per_example(logits, labels, where=within, ignore_index=-100)
    counts = np.sum(within & (labels != -100), axis=1)
    args = put(backend, logits, labels, lengths)
    assert counts.tolist() == [3, 2, 0]
    token_mean = ls.sequence_nll(*args, ignore_index=-100)
    assert float(token_mean) == pytest.approx(tokens.sum() / 5, rel=1e-14)
    length_mean = ls.sequence_nll(*args, ignore_index=-100, reduction="length_mean")
    assert float(length_mean) == pytest.approx((tokens.sum(axis=1) / [3, 2, 1]).mean(), rel=1e-14)


@pytest.mark.parametrize("name", ["listmle", "listwise_softmax", "pairwise_hinge", "pairwise_logistic"])
def test_an_item_that_is_left_out_has_no_list(backend, name):
    scores, labels = np.asarray([[0.3, math.nan, -1.0]]), np.asarray([[1.0, math.nan, 2.0]])
    mask = np.asarray([[True, False, True]])
    value = ls.get(name)(*put(backend, scores, labels), where_entries=backend.from_numpy(mask))
    assert float(value) == pytest.approx(float(ls.get(name)(scores[:, ::2], labels[:, ::2])), rel=1e-14)


# Nothing is left.

OF_REGIONS = [
    *("batch_dice", "batch_tversky", "boundary", "dice", "dice_focal", "focal_tversky", "generalized_dice", "jaccard"),
    *("mcc", "tversky"),
]


@pytest.mark.parametrize("name", OF_REGIONS)
def test_a_region_of_which_nothing_is_left_is_an_empty_one(backend, name):
    loss, none = ls.get(name), backend.from_numpy(np.zeros((1, 4), dtype=bool))
    value, gradient = loss.value_and_grad(*put(backend, P, T), where_entries=none)
    assert float(value) == 0.0 == float(loss(P[..., :0], T[..., :0]))
    assert np.all(backend.to_numpy(gradient) == 0)


@pytest.mark.parametrize("name", ["combo", "lovasz_softmax"])
def test_an_image_of_which_no_label_is_known_is_0(backend, name):
    logits, labels, _ = images()
    value, gradient = ls.get(name).value_and_grad(
        *put(backend, logits, np.full_like(labels, VOID)), ignore_index=VOID, reduction="sum"
    )
    assert float(value) == 0.0
    assert np.all(backend.to_numpy(gradient) == 0)


# Merging and checking.


@pytest.mark.parametrize("loss", [ls.batch_dice, ls.batch_tversky, ls.mcc], ids=lambda loss: loss.contract.name)
def test_partials_of_masked_shards_merge(backend, loss):
    random = np.random.default_rng(2)
    p, t, kept = random.random((4, 2, 5)), random.random((4, 2, 5)), random.random((4, 2, 5)) < 0.5
    shards = [slice(3, 4), slice(0, 3)]
    parts = [loss.partial(*put(backend, p[s], t[s]), where_entries=backend.from_numpy(kept[s])) for s in shards]
    whole = loss(*put(backend, p, t), where_entries=backend.from_numpy(kept))
    assert float(sum(parts).value()) == pytest.approx(float(whole), rel=1e-14)


def test_values_that_are_left_out_are_not_judged():
    p = np.where(KEPT, P, 7.0)
    with ls.checking("values"):
        assert ls.dice(p, T, where_entries=KEPT) == ls.dice(P, T, where_entries=KEPT)
        with pytest.raises(ContractError, match=r"`probabilities` holds 7.0 at index \(0, 0, 2\)"):
            ls.dice(p, T)
        labels = np.asarray([[0, VOID, 3]])
        with pytest.raises(ContractError, match=r"`labels` holds 3 at index \(0, 2\)"):
            ls.combo(np.zeros((1, 3, 3)), labels, ignore_index=VOID)


# What is refused, and what is shown.

REFUSED = {
    "a mask of entries as `where`": (
        lambda: ls.mcc(P, T, where=KEPT[None]),
        ContractError,
        r"mcc: `where` has shape \(1, 1, 4\), which is that of entries; .*declared \[batch channels\]. "
        r"Fix: pass it as `where_entries`",
    ),
    "another shape": (
        lambda: ls.dice(P, T, where_entries=KEPT[:, :3]),
        ContractError,
        r"dice: `where_entries` has shape \(1, 3\), declared \[batch \*space\].*Fix: pass .* of shape \(1, 4\)",
    ),
    "another shape of channels": (
        lambda: ls.dice(P, T, where_entries=np.ones((1, 2, 4), dtype=bool)),
        ContractError,
        r"dice: `where_entries` has shape \(1, 2, 4\), declared \[batch channels \*space\]",
    ),
    "another dtype": (
        lambda: ls.dice(P, T, where_entries=KEPT.astype(np.float64)),
        DTypeError,
        "dice: `where_entries` has a dtype of kind 'real floating'; it takes bool",
    ),
    "a loss of windows": (
        lambda: ls.ssim(P[None], T[None], where_entries=KEPT),
        ContractError,
        r"ssim takes no `where_entries`: it is not defined for a part of its unit, the image. Fix: .*`where`",
    ),
    "real targets to ignore": (
        lambda: ls.lovasz_hinge(P[0], T[0], ignore_index=VOID),
        ContractError,
        "lovasz_hinge: `ignore_index` needs integer labels, and `targets` is real. Fix: mask with `where_entries`",
    ),
    "a mask as a default": (
        lambda: ls.dice.configured(where_entries=KEPT),
        ContractError,
        "dice: `where_entries` belongs to the data of a call",
    ),
    "a mask of another call": (
        lambda: ls.dice.check(P, T, where_entries=KEPT[0]),
        ContractError,
        r"dice: `where_entries` has shape \(4,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named_with_its_fix(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()


def test_entries_are_part_of_the_contract():
    assert ls.dice.contract.to_dict()["entries"] == ["[batch *space]", "[batch channels *space]"]
    assert ls.huber.contract.to_dict()["entries"] == []
    assert {"where_entries", "ignore_index"} <= set(ls.combo.contract.tail)
    assert "ignore_index" not in ls.dice.contract.tail
    assert "class_weight" not in ls.combo.contract.tail
    for loss in WITH_ENTRIES:
        parameters = loss.__signature__.parameters
        assert "where_entries" in parameters
        assert "entries" not in parameters
    shown = CliRunner().invoke(cli.app, ["show", "combo", "--json"])
    assert json.loads(shown.output)["entries"] == ["[batch *space]"]
    assert re.search(r"entries +\[batch \*space\]\n", CliRunner().invoke(cli.app, ["show", "combo"]).output)


def test_the_parts_of_a_sum_share_the_pixels_that_count():
    logits, labels, _ = images()
    both = (ls.combo + ls.lovasz_softmax)(logits, labels, ignore_index=VOID)
    parts = [loss(logits, labels, ignore_index=VOID) for loss in (ls.combo, ls.lovasz_softmax)]
    assert both == pytest.approx(sum(parts), rel=1e-14)


def test_the_recipe_of_distances_is_0_without_a_boundary():
    ndimage = pytest.importorskip("scipy.ndimage")
    recipe = re.search(r"`(edt\(~mask\) .*?)`", ls.boundary.__doc__).group(1)
    mask = np.asarray([[False, True, True, False, False]])
    distances = eval(recipe, {"edt": ndimage.distance_transform_edt, "mask": mask})  # noqa: S307 - of our own docstring
    assert distances.tolist() == [[1.0, 0.0, 0.0, 1.0, 2.0]]
    assert "zeros(mask.shape)" in ls.boundary.__doc__
