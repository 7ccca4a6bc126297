"""The ways that `get` names for functions that are not here compute them."""

from importlib import import_module

import numpy as np
import pytest
from scipy.special import expit

import lossspec as ls
from lossspec.errors import ContractError

RANDOM = np.random.default_rng(0)


def said(name):
    with pytest.raises(ContractError) as error:
        ls.get(name)
    return str(error.value)


def test_a_likelihood_of_hazards_is_a_sum_of_binary_losses_up_to_a_time():
    assert "reduction='batch_mean'" in said("logistic_hazard")
    logits, times, events = RANDOM.normal(size=(3, 4)), np.asarray([2, 0, 3]), np.asarray([1, 1, 0])
    wanted = []
    for row, time, event in zip(expit(logits), times, events, strict=True):
        survived = np.prod(1 - row[:time])
        wanted.append(-np.log(survived * (row[time] if event else 1 - row[time])))
    intervals = np.arange(4)
    targets = 1.0 * ((intervals == times[:, None]) & (events[:, None] == 1))
    options = {"where": intervals <= times[:, None], "reduction": "batch_mean"}
    assert ls.binary_cross_entropy_with_logits(logits, targets, **options) == pytest.approx(np.mean(wanted))


def test_quantiles_make_a_score_of_a_distribution_and_a_weighted_one():
    assert "2 * quantile" in said("crps_quantile")
    assert "2 * quantile" in said("mean_weighted_sum_quantile_loss")
    quantiles, y, levels = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 1)), np.asarray([[0.1, 0.5, 0.9]])
    each = 2 * np.where(y < quantiles, (1 - levels) * (quantiles - y), levels * (y - quantiles))
    twice = 2 * ls.quantile.configured(level=levels)
    repeated = np.repeat(y, 3, axis=1)
    assert twice(quantiles, repeated) == pytest.approx(each.mean())
    wanted = np.mean(each.sum(0) / np.abs(y).sum())
    assert twice(quantiles, repeated, reduction=ls.Mean(over=3 * np.abs(y).sum())) == pytest.approx(wanted)


def test_rows_that_are_orthogonal_have_no_penalty_in_keras():
    assert "l1_regularization" in said("keras:OrthogonalRegularizer")
    keras, rows = pytest.importorskip("keras"), RANDOM.normal(size=(4, 6)).astype("float32")
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(4, 1)]
    wanted = keras.regularizers.OrthogonalRegularizer(0.25, mode="rows")(rows)
    assert float(0.25 * ls.l1_regularization(cosines, reduction="mean")) == pytest.approx(float(wanted), rel=1e-6)


def test_tokens_that_are_weighed_by_their_probability():
    assert "count_mean" in said("dft")
    pytest.importorskip("torch")
    torch = import_module("torch")
    logits, labels = torch.tensor(RANDOM.normal(size=(5, 3)), requires_grad=True), torch.tensor([0, 2, 1, 1, 0])
    log_p = torch.log_softmax(logits, -1)[torch.arange(5), labels]
    weights = log_p.exp().detach()
    ours = ls.cross_entropy(logits, labels, sample_weight=weights, reduction="count_mean")
    theirs = -(weights * log_p).mean()
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()))
    torch.testing.assert_close(*(torch.autograd.grad(side, logits)[0] for side in (ours, theirs)))


def test_unpaired_answers_have_the_halves_of_pairs():
    assert "reference_point" in said("apo_zero_unpaired")
    chosen, rejected, first, second = -np.abs(RANDOM.normal(size=(4, 3)))
    zero, labels = np.zeros(3), np.ones(3)
    halves = (ls.kto.per_example(chosen, first, labels, zero), ls.kto.per_example(rejected, second, -labels, zero))
    np.testing.assert_allclose(sum(halves), ls.apo_zero.per_example(chosen, rejected, first, second), rtol=1e-14)


def test_answers_of_a_constant_length_divide_the_sum():
    assert "Mean(over=answers * length)" in said("dr_grpo")
    assert ls.get("bnpo").contract.name == "grpo"
    log_p, old = -np.abs(RANDOM.normal(size=(2, 2, 3)))
    advantages, mask = RANDOM.normal(size=(2, 1)), np.asarray([[True, True, False], [True, True, True]])
    ratio = np.exp(log_p - old)
    each = -np.minimum(ratio * advantages, np.clip(ratio, 0.8, 1.2) * advantages)
    options = {"beta": 0.0, "where": mask, "reduction": ls.Mean(over=2 * 3)}
    assert ls.grpo(log_p, old, old, advantages, **options) == pytest.approx((each * mask).sum() / 6)


def test_two_weightings_of_pairs_add():
    assert 'lambda_rank + 10 * lambda_rank.configured(weighting="ndcg_loss2")' in said("NDCGLoss2++")
    scores, labels = RANDOM.normal(size=(2, 4)), np.asarray([[0.0, 2.0, 1.0, 0.0], [1.0, 0.0, 0.0, 3.0]])
    both = ls.lambda_rank + 10 * ls.lambda_rank.configured(weighting="ndcg_loss2")
    parts = [ls.lambda_rank(scores, labels, weighting=w) for w in ("lambdarank", "ndcg_loss2")]
    assert both(scores, labels) == pytest.approx(parts[0] + 10 * parts[1])


def test_sums_over_tokens_are_divided_by_lengths_first():
    assert "lengths of the answers" in said("sigmoid_norm")
    sums, lengths = -10 * np.abs(RANDOM.normal(size=(4, 3))), np.asarray([[5, 7, 9], [4, 2, 8]])
    scores = [(sums[k] - sums[k + 2]) / lengths[k] for k in (0, 1)]
    divided = [sums[k] / lengths[k % 2] for k in range(4)]
    wanted = np.log1p(np.exp(-0.1 * (scores[0] - scores[1])))
    np.testing.assert_allclose(ls.dpo.per_example(*divided), wanted, rtol=1e-13)


def test_distances_over_their_mean_are_compared_by_huber():
    assert "huber(student / student[student > 0].mean()" in said("RKD-D")
    pytest.importorskip("torch")
    torch = import_module("torch")
    student, teacher = (torch.tensor(RANDOM.normal(size=(5, n)), requires_grad=n == 3) for n in (3, 2))
    ours = [torch.cdist(x, x) for x in (student, teacher)]
    first, second = (d / d[d > 0].mean() for d in ours)
    apart = [(x[i] - x[j]).norm() for x in (student, teacher) for i in range(5) for j in range(5) if i != j]
    means = sum(apart[:20]) / 20, sum(apart[20:]) / 20
    pairs = zip(apart[:20], apart[20:], strict=True)
    gaps = [s / means[0] - t / means[1] for s, t in pairs]
    wanted = sum(gap**2 / 2 if gap.abs() < 1 else gap.abs() - 0.5 for gap in gaps) / 25
    value = ls.huber(first, second)
    assert float(value.detach()) == pytest.approx(float(wanted.detach()))
    torch.testing.assert_close(*(torch.autograd.grad(side, student)[0] for side in (value, wanted)))


def test_names_without_a_way_say_why():
    for name, word in {"fastemit": "gradient", "deephit": "order of pairs", "adaptive_robust": "integral"}.items():
        assert word in said(name)


def test_parts_of_other_losses_say_so():
    words = {
        "rectified_flow": "predicted velocity",
        "v_prediction": "min_snr",
        "vae_loss": "gaussian_kl_standard",
        "hard_label_kd": "likeliest classes",
        "EMD": "wasserstein_1d",
    }
    for name, word in words.items():
        assert word in said(name)


def test_dice_and_binary_cross_entropy_are_dice_focal_without_its_factor():
    logits, targets = RANDOM.normal(size=(2, 1, 5)), RANDOM.integers(0, 2, (2, 1, 5)).astype(float)
    p = expit(logits)
    overlap = (2 * (p * targets).sum(-1)) / (p + targets).sum(-1)
    binary = -(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean(-1)
    np.testing.assert_allclose(ls.get("dice_bce").per_example(logits, targets), 1 - overlap + binary, rtol=1e-12)
