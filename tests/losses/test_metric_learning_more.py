"""Losses with proxies, of distances within groups, of given negatives, and of complex angles: values by hand, edges."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError

X = np.asarray([[0.0], [1.0], [2.0], [7.0]])


def gradients(backend, loss, *inputs, **options):
    """The value and the gradients in all real inputs, as NumPy arrays."""
    wrt = tuple(a.name for a, x in zip(loss.contract.inputs, inputs, strict=True) if x.dtype.kind == "f")
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=wrt, **options)
    return float(backend.to_numpy(value)), [backend.to_numpy(gradient) for gradient in found]


def test_a_proxy_alone_has_no_bound_unless_it_is_in_the_sum(backend):
    x, proxy, label = np.asarray([[3.0, 4.0]]), np.asarray([[1.0, 0.0]]), np.asarray([0])
    assert gradients(backend, ls.proxy_nca, x, proxy, label)[0] == -math.inf
    value, found = gradients(backend, ls.proxy_nca, x, proxy, label, own_in_sum=True)
    assert value == 0
    assert not any(gradient.any() for gradient in found)


def test_proxy_nca_by_hand_and_its_other_name(array, plain):
    x, proxies = array([[0.0, 2.0]]), array([[1.0, 0.0], [0.0, 3.0], [0.0, -1.0]])  # squared distances 2, 0, 4
    value = plain(ls.proxy_nca(x, proxies, array([1])))
    assert float(value) == pytest.approx(math.log(math.exp(-2) + math.exp(-4)), rel=1e-15)
    value = plain(ls.get("proxy_nca_pp")(x, proxies, array([1])))
    assert float(value) == pytest.approx(math.log1p(math.exp(-18) + math.exp(-36)), rel=1e-14)


def test_proxies_without_examples_only_push(array, plain):
    x, proxies = array([[1.0, 0.0]]), array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    value = plain(ls.proxy_anchor(x, proxies, array([0]), margin=0.5, alpha=2.0))
    pushed = math.log1p(math.exp(2 * 0.5)) + math.log1p(math.exp(2 * -0.5))
    assert float(value) == pytest.approx(math.log1p(math.exp(-2 * 0.5)) + pushed / 3, rel=1e-14)


def test_a_masked_example_is_compared_with_no_proxy(backend):
    rng = np.random.default_rng(3)
    x, proxies, labels = rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), np.asarray([0, 2, 2, 1])
    keep = np.asarray([True, False, True, True])
    spoilt = np.where(keep[:, None], x, np.nan)
    value, (of_x, of_proxies) = gradients(
        backend, ls.proxy_anchor, spoilt, proxies, labels, where=backend.from_numpy(keep)
    )
    wanted, (x_wanted, proxies_wanted) = gradients(backend, ls.proxy_anchor, x[keep], proxies, labels[keep])
    assert value == pytest.approx(wanted, rel=1e-14)
    assert of_x[keep] == pytest.approx(x_wanted, rel=1e-11)
    assert of_proxies == pytest.approx(proxies_wanted, rel=1e-11)
    assert not of_x[~keep].any()


def test_an_example_outside_of_the_classes_of_proxy_anchor_is_nan_and_is_named(array, plain):
    x, proxies = array([[1.0, 0.0], [0.0, 1.0]]), array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isnan(plain(ls.proxy_anchor.per_example(x, proxies, array([0, 2]))))[1]
    with ls.checking("values"), pytest.raises(ContractError, match=r"proxy_anchor: `labels` holds 2 at index \(1,\)"):
        ls.proxy_anchor(x, proxies, array([0, 2]))


def test_the_semi_hard_negative_is_the_nearest_beyond_the_positive_or_else_the_furthest(array, plain):
    """Of 0, 1, 2, 7 with the groups (0, 2) and (1, 7): 4 - 49, 1 - 36 or 25, and from 7 only nearer ones."""
    each = plain(ls.semi_hard_triplet.per_example(array(X), array([1, 2, 1, 2]), margin=50.0))
    assert each.tolist() == [4 - 49 + 50, 36 - 1 + 50, 4 - 25 + 50, 36 - 49 + 50]


def test_lifted_structure_by_hand(array, plain):
    labels = array([1, 1, 2, 2])
    rivals = [math.exp(-2) + math.exp(-7), math.exp(-1) + math.exp(-6)]
    wanted = (1 + math.log(sum(rivals)) + 3) ** 2 / 2
    each = plain(ls.lifted_structure.per_example(array(X), labels, margin=3.0))
    assert each[:2] == pytest.approx([wanted] * 2, rel=1e-14)
    each = plain(ls.lifted_structure.per_example(array(X), labels, margin=3.0, generalized=True))
    assert each[:2] == pytest.approx([1 + 3 + math.log(r) for r in rivals], rel=1e-14)


def test_given_negatives_that_are_all_other_keys_make_info_nce(array, plain):
    rng = np.random.default_rng(5)
    queries, keys = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    others = np.stack([np.delete(keys, i, axis=0) for i in range(4)])
    each = plain(ls.info_nce_with_negatives.per_example(array(queries), array(keys), array(others)))
    assert each == pytest.approx(plain(ls.info_nce.per_example(array(queries), array(keys))), rel=1e-12)
    none = plain(ls.info_nce_with_negatives.per_example(array(queries), array(keys), array(others[:, :0, :])))
    assert none.tolist() == [0.0] * 4


def test_decoupled_is_nt_xent_without_the_positive_in_the_sum(array, plain):
    rng = np.random.default_rng(7)
    x, labels = array(rng.normal(size=(4, 3))), array([1, 2, 1, 2])
    each = plain(ls.decoupled_contrastive.per_example(x, labels, temperature=0.5))
    coupled = plain(ls.nt_xent.per_example(x, labels, temperature=0.5))
    assert np.log1p(np.exp(each)) == pytest.approx(coupled, rel=1e-13)


def test_the_angle_is_that_of_complex_vectors_whose_odd_end_has_no_imaginary_part(array, plain):
    first = np.asarray([[1.0, 2.0, 3.0, -1.0, 0.5], [0.0, 1.0, 0.0, 2.0, 0.0]])
    second, labels = first[::-1] + 1.0, array([0.0, 1.0])
    z = [(x[:, :3] + 1j * np.pad(x[:, 3:], ((0, 0), (0, 1)))) for x in (first, second)]
    product = (z[0] * z[1].conj()).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    s = np.abs(product.real + product.imag)
    value = plain(ls.angle_similarity(array(first), array(second), labels, scale=2.0))
    assert float(value) == pytest.approx(math.log1p(math.exp(2 * (s[0] - s[1]))), rel=1e-13)
    assert float(plain(ls.angle_similarity(array(first), array(second), array([1.0, 1.0])))) == 0
