"""Losses of assignments to prototypes: values by hand, patches that are seen, codes that are constants and even."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError


def test_the_masked_patches_of_an_image_are_pairs_of_dino(array, plain):
    rng = np.random.default_rng(1)
    student, teacher, center = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)), rng.normal(size=4)
    masked = np.asarray([[1, 0, 1], [0, 0, 0]])
    found = plain(ls.ibot_patch.per_example(*map(array, (student, teacher, masked)), center=array(center)))
    pairs = plain(
        ls.dino.per_example(*map(array, (student[0], teacher[0])), center=array(center), teacher_temperature=0.07)
    )
    assert found == pytest.approx([(pairs[0] + pairs[2]) / 2, 0.0], rel=1e-14)


def test_a_patch_that_is_seen_may_hold_anything(backend):
    student, teacher = np.zeros((1, 2, 3)), np.ones((1, 2, 3))
    student[0, 1], teacher[0, 1] = math.nan, math.inf
    inputs = map(backend.from_numpy, (student, teacher, np.asarray([[1, 0]])))
    value, gradient = ls.ibot_patch.value_and_grad(*inputs)
    assert float(backend.to_numpy(value)) == pytest.approx(math.log(3), rel=1e-15)
    assert not backend.to_numpy(gradient)[0, 1].any()


def codes(scores, epsilon, iterations):
    """The rows of exp(scores / epsilon) after divisions by sums of columns and rows."""
    plan = np.exp(scores / epsilon)
    for _ in range(iterations):
        plan = plan / plan.sum(0)
        plan = plan / plan.sum(1, keepdims=True)
    return plan / plan.sum(1, keepdims=True)


@pytest.mark.parametrize("iterations", [0, 1, 3])
def test_each_view_is_told_the_code_of_the_other(iterations, array, plain):
    first, second = np.random.default_rng(2).uniform(-1, 1, size=(2, 5, 3))
    given = {"temperature": 0.2, "epsilon": 0.1, "iterations": iterations}
    found = plain(ls.swav.per_example(array(first), array(second), **given))
    logs = [z / 0.2 - np.log(np.exp(z / 0.2).sum(1, keepdims=True)) for z in (first, second)]
    wanted = -(codes(second, 0.1, iterations) * logs[0] + codes(first, 0.1, iterations) * logs[1]).sum(1) / 2
    assert found == pytest.approx(wanted, rel=1e-13)


def test_codes_are_constants_and_a_masked_pair_takes_part_in_none(backend):
    first, second = np.random.default_rng(4).uniform(-1, 1, size=(2, 4, 3))
    keep = np.asarray([True, False, True, True])
    spoilt = np.where(keep[:, None], first, math.nan)
    put = backend.from_numpy
    found = ls.swav.grad(put(spoilt), put(second), where=put(keep), reduction="sum")
    p = np.exp(first[keep] / 0.1)
    p = p / p.sum(1, keepdims=True)
    wanted = (p - codes(second[keep], 0.05, 3)) / 0.1 / 2
    assert backend.to_numpy(found)[keep] == pytest.approx(wanted, rel=1e-11, abs=1e-13)
    assert not backend.to_numpy(found)[1].any()


def test_scores_of_any_size_have_codes(backend):
    scores = np.asarray([[1e4, 0.0], [0.0, 1e4], [-1e4, 0.0]])
    value, gradient = ls.swav.value_and_grad(*map(backend.from_numpy, (scores, scores)))
    assert np.isfinite(backend.to_numpy(value))
    assert np.all(np.isfinite(backend.to_numpy(gradient)))


def test_a_negative_number_of_iterations_is_refused():
    with pytest.raises(ContractError, match="iterations"):
        ls.swav(np.zeros((2, 2)), np.zeros((2, 2)), iterations=-1)
