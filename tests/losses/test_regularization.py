"""Penalties: closed forms, a list of arrays as the sum over all of them, names and bad input."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.probes import probe_of
from lossspec.errors import ContractError, DTypeError

PENALTIES = [ls.l1_regularization, ls.l2_regularization, ls.elastic_net]
OF_ONE_INPUT = [
    loss
    for loss in map(ls.get, ls.names())
    if len(loss.contract.inputs) == 1 and loss.contract.mergeable and not loss.contract.inputs[0].many
]


@pytest.fixture
def layers(array):
    """Parameters of three shapes, as arrays of the backend."""
    return [array([[1.0, -2.0], [0.0, 3.0], [0.5, 0.5]]), array([-1.0, 0.0]), array(2.0)]


def test_the_sums_over_one_array(array, plain):
    x = array([[1.0, -2.0], [0.0, 3.0]])
    assert plain(ls.l1_regularization(x)) == 6.0
    assert plain(ls.l2_regularization(x)) == 14.0
    assert plain(ls.elastic_net(x, l1=0.5, l2=2.0)) == 31.0
    assert plain(ls.l2_regularization(x, reduction="mean")) == 3.5


def test_a_list_is_the_sum_over_all_arrays(layers, plain):
    assert plain(ls.l1_regularization(layers)) == 7 + 1 + 2
    assert plain(ls.l2_regularization(tuple(layers))) == 14.5 + 1 + 4
    assert plain(ls.elastic_net(parameters=layers, l1=0.5, l2=2.0)) == 5 + 39
    assert plain(ls.l2_regularization(layers, reduction="mean")) == 19.5 / 9


def test_the_gradient_of_a_list_is_a_list(layers, plain):
    value, gradient = ls.l2_regularization.value_and_grad(layers)
    assert plain(value) == 19.5
    assert [plain(g).tolist() for g in gradient] == [[[2.0, -4.0], [0.0, 6.0], [1.0, 1.0]], [-2.0, 0.0], 4.0]
    signs = ls.l1_regularization.grad(layers)
    assert [plain(g).tolist() for g in signs] == [[[1.0, -1.0], [0.0, 1.0], [1.0, 1.0]], [-1.0, 0.0], 1.0]


def test_a_list_in_a_sum_of_losses(layers, array, plain):
    loss = ls.squared_error + 0.5 * ls.l2_regularization
    x, y = array([3.0, 1.0]), array([1.0, 1.0])
    assert plain(loss(x, y, layers)) == 2 + 19.5 / 2
    value, (of_x, of_layers) = loss.value_and_grad(x, y, layers, wrt=("predictions", "parameters"))
    assert plain(value) == 2 + 19.5 / 2
    assert plain(of_x).tolist() == [2.0, 0.0]
    assert plain(of_layers[1]).tolist() == [-1.0, 0.0]


def test_weights_and_masks_of_a_list_are_lists(layers, array, plain):
    weights = [array([[1.0, 2.0], [5.0, 1.0], [2.0, 2.0]]), array([3.0, 1.0]), array(0.5)]
    assert plain(ls.l1_regularization(layers, sample_weight=weights)) == (1 + 4 + 3 + 2) + 3 + 1
    masks = [array([[True, False], [True, True], [False, False]]), array([False, False]), array(True)]
    assert plain(ls.l1_regularization(layers, where=masks)) == 4 + 2
    assert plain(ls.l1_regularization(layers, where=masks, reduction="mean")) == 6 / 4
    for wrong in (weights[0], weights[:2]):
        with pytest.raises(ContractError, match="l1_regularization: `parameters` is a list of 3, so `sample_weight`"):
            ls.l1_regularization(layers, sample_weight=wrong)


def test_lists_merge_with_arrays(layers, plain):
    merged = ls.l2_regularization.partial(layers[:2]) + ls.l2_regularization.partial(layers[2])
    assert plain(merged.value()) == 19.5


@pytest.mark.parametrize("loss", OF_ONE_INPUT, ids=lambda loss: loss.contract.name)
def test_every_loss_of_one_input_takes_a_list(loss, backend, draw):
    """A list of shards is the whole: value and gradient."""
    (name,) = (argument.name for argument in loss.contract.inputs)
    whole = backend.from_numpy(draw(loss, 5)[name])
    shards = [whole[:2, ...], whole[2:, ...]]
    value, gradient = loss.value_and_grad(whole)
    listed, gradients = loss.value_and_grad(shards)
    assert np.allclose(backend.to_numpy(listed), backend.to_numpy(value), rtol=1e-13)
    joined = np.concatenate([backend.to_numpy(g) for g in gradients])
    assert np.allclose(joined, backend.to_numpy(gradient), rtol=1e-13)


def test_a_list_under_a_compiler(usable):
    jax = usable("jax")
    layers = [jax.from_numpy(np.asarray([1.0, -2.0])), jax.from_numpy(np.asarray([[3.0]]))]
    value, gradient = jax.compile(lambda given: ls.l2_regularization.value_and_grad(given))(layers)
    assert float(value) == 14.0
    assert [jax.to_numpy(g).tolist() for g in gradient] == [[2.0, -4.0], [[6.0]]]


def test_a_list_under_the_compiler_of_torch(usable):
    torch = usable("torch")
    layers = [torch.from_numpy(np.asarray([1.0, -2.0])), torch.from_numpy(np.asarray([[3.0]]))]
    assert float(probe_of(torch).compile_quickly(lambda given: ls.l1_regularization(given))(layers)) == 6.0


def test_what_a_list_cannot_be(array):
    with pytest.raises(ContractError, match="`parameters` is a list, whose units form no array"):
        ls.l1_regularization.per_example([array([1.0])])
    with pytest.raises(DTypeError, match="l1_regularization: `parameters` is a list; it must be a non-empty list"):
        ls.l1_regularization([])
    with pytest.raises(DTypeError, match=r"`parameters\[1\]` is a float, not an array"):
        ls.l1_regularization([array([1.0]), 2.0])
    with pytest.raises(DTypeError, match=r"`parameters\[0\]` is .*float32 and `parameters\[1\]` is .*float64"):
        ls.l1_regularization([array([1.0], "float32"), array([1.0], "float64")])


def test_a_list_of_two_frameworks_is_refused(usable):
    torch = usable("torch")
    with pytest.raises(ls.MixtureError, match=r"parameters\[1\]"):
        ls.l1_regularization([np.ones(2), torch.from_numpy(np.ones(2))])


# Groups.


def test_groups_are_rows(array, plain):
    rows = array([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0]])
    assert plain(ls.group_lasso.per_example(rows)).tolist() == [10.0, 0.0, 4.0]
    assert plain(ls.group_lasso.per_example(rows, size_factor=False)).tolist() == [5.0, 0.0, 2.0]
    assert plain(ls.group_lasso(rows)) == 14.0
    gradient = plain(ls.group_lasso.grad(rows))
    assert gradient[0] == pytest.approx([1.2, 1.6, 0.0, 0.0], rel=1e-15)
    assert gradient[1].tolist() == [0.0, 0.0, 0.0, 0.0]


def test_groups_of_several_sizes_are_a_list(array, plain):
    groups = [array([3.0, 4.0]), array([[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]])]
    assert plain(ls.group_lasso(groups)) == pytest.approx(5 * math.sqrt(2) + 7 * math.sqrt(3), rel=1e-15)


def test_a_group_of_one_parameter_is_its_absolute_value(array, plain):
    assert plain(ls.group_lasso.per_example(array([[-3.0], [2.0]]))).tolist() == [3.0, 2.0]


def test_a_long_group_does_not_overflow(array, plain):
    assert plain(ls.group_lasso(array([[3e200, 4e200]]), size_factor=False)) == pytest.approx(5e200, rel=1e-15)


# Total variation.

IMAGE = [[[[0.0, 3.0, 3.0], [4.0, 4.0, 4.0]]]]  # down 4 1 1; right 3 0 and 0 0


def test_total_variation_of_a_known_image(array, plain):
    image = array(IMAGE)
    assert plain(ls.total_variation.per_example(image)).tolist() == [9.0]
    assert plain(ls.total_variation.per_example(image, isotropic=True)).tolist() == [5.0 + 1.0 + 1.0]
    two_channels = array([[IMAGE[0][0], (2 * np.asarray(IMAGE[0][0])).tolist()]])
    assert plain(ls.total_variation(two_channels)) == 27.0


def test_total_variation_of_what_has_no_neighbours_is_0(array, plain):
    for isotropic in (False, True):
        assert plain(ls.total_variation(array([[[[7.0]]]]), isotropic=isotropic)) == 0.0
        assert plain(ls.total_variation(array([[[[7.0, 9.0]]]]), isotropic=isotropic)) == 2.0
        flat = array(np.full((2, 1, 3, 3), 5.0))
        value, gradient = ls.total_variation.value_and_grad(flat, isotropic=isotropic)
        assert plain(value) == 0.0
        assert not plain(gradient).any()


def test_total_variation_isotropic_is_between_the_anisotropic_one_and_its_part():
    images = np.random.default_rng(0).normal(size=(20, 2, 5, 6))
    each, isotropic = (ls.total_variation.per_example(images, isotropic=flag) for flag in (False, True))
    assert np.all(isotropic < each)
    assert np.all(isotropic > each / math.sqrt(2))


def test_total_variation_of_images_of_several_sizes(array, plain):
    assert plain(ls.total_variation([array(IMAGE), array([[[[1.0, 2.0]]]])])) == 10.0
    with pytest.raises(ContractError, match=r"total_variation: `images` has shape \(2, 3\)"):
        ls.total_variation(array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))


@pytest.mark.parametrize("loss", [*PENALTIES, ls.group_lasso], ids=lambda loss: loss.contract.name)
def test_a_penalty_is_convex_and_0_at_0(loss):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(2, 50, 3))
    assert np.all(loss.per_example((x + y) / 2) <= (loss.per_example(x) + loss.per_example(y)) / 2 + 1e-15)
    assert not loss.per_example(np.zeros((4, 3))).any()


def test_the_names_of_keras():
    x = np.asarray([1.0, -2.0])
    assert float(ls.get("L1")(x)) == pytest.approx(0.03, rel=1e-15)
    assert float(ls.get("L2")(x)) == pytest.approx(0.05, rel=1e-15)
    assert float(ls.get("L1L2")(x)) == 0.0


def test_integers_are_no_parameters(array):
    for loss in (*PENALTIES, ls.group_lasso):
        with pytest.raises(DTypeError, match=f"{loss.contract.name}: `parameters`"):
            loss(array([[1, 2]]))
