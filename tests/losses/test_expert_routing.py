"""Losses of a router: the experts that are chosen, and what padding does."""

import numpy as np
import pytest
from scipy.special import softmax

import lossspec as ls

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_load_balancing_is_the_formula_of_chosen_experts(top_k):
    logits = RANDOM.standard_normal((50, 4))
    chosen = np.argsort(-logits, axis=-1)[:, :top_k]
    frequency = np.stack([(chosen == e).any(-1) for e in range(4)]).mean(-1)
    wanted = 4 * np.sum(frequency * softmax(logits, axis=-1).mean(0))
    assert float(ls.load_balancing(logits, top_k=top_k)) == pytest.approx(wanted, rel=1e-14)
    if top_k == 4:
        assert wanted == pytest.approx(4.0)


def test_padding_and_shards_change_nothing():
    logits = RANDOM.standard_normal((10, 4))
    padded = np.concatenate([logits, np.full((3, 4), np.nan)])
    whole = ls.load_balancing(logits, top_k=2)
    assert ls.load_balancing(padded, top_k=2, where=np.arange(13) < 10) == whole
    parts = ls.load_balancing.partial(logits[:3], top_k=2) + ls.load_balancing.partial(logits[3:], top_k=2)
    assert float(parts.value()) == pytest.approx(float(whole), rel=1e-14)


def test_an_expert_that_is_ruled_out_is_never_chosen():
    logits = np.asarray([[1.0, -np.inf, -np.inf], [0.0, 0.0, -np.inf]])
    assert float(ls.load_balancing(logits, top_k=2)) == pytest.approx(3 * (1.0 * 0.75 + 0.5 * 0.25), rel=1e-15)


@pytest.mark.parametrize("top_k", [0, 5])
def test_a_number_of_experts_out_of_range_is_refused(top_k):
    with pytest.raises(ls.ContractError, match=f"`top_k` is {top_k}, of 4 experts. Fix: "):
        ls.load_balancing(np.zeros((2, 4)), top_k=top_k)
