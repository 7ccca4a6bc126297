"""Losses of policies: closed forms, kinks, overflow, the family of divisors, digits of small results, refusals."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

DTYPES = [np.float32, np.float64]
LOG_PROBABILITIES = ("log_probabilities", "old_log_probabilities")


def close(got, exact, dtype=np.float64, factor=8):
    return abs(float(got) - exact) <= factor * float(np.finfo(dtype).eps) * abs(exact)


def put(backend, *values, dtype=np.float64):
    return [backend.from_numpy(np.asarray(value, dtype)) for value in values]


# The clipped surrogate.

RATIOS = {
    "r = 1/2, a loss is clipped": (0.5, -1.0, 0.8, 0.0),
    "r = 1/2, a gain is not": (0.5, 1.0, -0.5, -0.5),
    "r = 1": (1.0, 3.0, -3.0, -3.0),
    "r = 2, a gain is clipped": (2.0, 1.0, -1.2, 0.0),
    "r = 2, a loss is not": (2.0, -1.0, 2.0, 2.0),
}


@pytest.mark.parametrize(("ratio", "advantage", "loss", "slope"), RATIOS.values(), ids=RATIOS)
def test_the_surrogate_is_clipped_only_where_that_is_worse(backend, ratio, advantage, loss, slope):
    given = put(backend, [math.log(ratio / 4)], [math.log(0.25)], [advantage])
    value, (of_new, of_old) = ls.ppo_clip.value_and_grad(*given, wrt=LOG_PROBABILITIES)
    assert close(backend.to_numpy(value), loss)
    assert close(backend.to_numpy(of_new)[0], slope) or slope == backend.to_numpy(of_new)[0] == 0
    assert backend.to_numpy(of_old)[0] == -backend.to_numpy(of_new)[0]


def test_the_two_sides_of_the_clip_are_two_parameters(array, plain):
    new, old = array([math.log(0.5)] * 2 + [math.log(0.125)]), array([math.log(0.25)] * 3)
    advantages = array([1.0, 1.0, -1.0])
    got = plain(ls.ppo_clip.per_example(new, old, advantages, clip_low=0.25, clip_high=0.5))
    assert np.allclose(got, [-1.5, -1.5, 0.75], rtol=1e-15)


def test_the_loss_is_minimised(array, plain):
    """A likelier good action and an unlikelier bad one have the smaller loss: the paper maximises."""
    old = array([-1.0])
    for advantage, better, worse in ((1.0, -0.9, -1.1), (-1.0, -1.1, -0.9)):
        given = old, array([advantage])
        assert plain(ls.ppo_clip(array([better]), *given)) < plain(ls.ppo_clip(array([worse]), *given))


@pytest.mark.parametrize("advantage", [2.0, -2.0, 0.0])
def test_at_a_kink_the_gradient_is_that_of_the_ratio(backend, advantage):
    same = put(backend, [-1.0], [-1.0], [advantage])
    gradient = backend.to_numpy(ls.ppo_clip.grad(*same, wrt="log_probabilities", clip_low=0.0, clip_high=0.0))
    assert gradient.tolist() == [-advantage]
    of_advantage = backend.to_numpy(ls.ppo_clip.grad(*same, wrt="advantages", clip_low=0.0, clip_high=0.0))
    assert of_advantage.tolist() == [-1.0]


def test_an_advantage_of_0_belongs_to_the_positive_ones(backend):
    given = put(backend, [-1.0], [-1.0 - math.log(4)], [0.0])
    value, gradient = ls.ppo_clip.value_and_grad(*given, wrt="advantages")
    assert backend.to_numpy(value) == 0
    assert close(backend.to_numpy(gradient)[0], -1.2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_ratio_beyond_the_dtype_is_clipped_or_infinite_and_never_nan(backend, dtype):
    new, old = [-1.0] * 3, [-1e4] * 3
    given = put(backend, new, old, [1.0, 0.0, -1.0], dtype=dtype)
    with np.errstate(over="ignore"):
        values = backend.to_numpy(ls.ppo_clip.per_example(*given))
        gradient = backend.to_numpy(ls.ppo_clip.grad(*given, wrt="log_probabilities", reduction="sum"))
    assert close(values[0], -1.2, dtype)
    assert values[1:].tolist() == [0.0, math.inf]
    assert gradient.tolist() == [0.0, 0.0, math.inf]


def test_a_small_advantage_does_not_overflow_early(backend):
    given = put(backend, [-1.0], [-96.0], [-1e-6], dtype=np.float32)
    with np.errstate(over="ignore"):
        value, gradient = ls.ppo_clip.value_and_grad(*given)
    exact = 1e-6 * math.exp(95)  # exp(95) is beyond float32
    assert abs(float(backend.to_numpy(value)) - exact) <= 100 * np.finfo(np.float32).eps * exact
    assert abs(float(backend.to_numpy(gradient)[0]) - exact) <= 100 * np.finfo(np.float32).eps * exact


# Group relative policy optimization and its divisors.


def tokens(array):
    """Per-token losses of 2 in an answer of length 2 and of 1 in an answer of length 4, and poison in the padding."""
    lengths = np.asarray([2, 4])
    mask = np.arange(4) < lengths[:, None]
    same = np.where(mask, -1.5, np.nan)
    return [array(same)] * 3 + [array([[-2.0], [-1.0]])], array(mask), array(1.0 / lengths[:, None])


def test_the_tokens_of_the_toy_batch_are_as_said(array, plain):
    given, mask, _ = tokens(array)
    assert plain(ls.grpo.per_example(*given, where=mask)).tolist() == [[2, 2, 0, 0], [1, 1, 1, 1]]


def test_grpo_is_the_mean_of_the_means_of_the_answers(array, plain):
    given, mask, share = tokens(array)
    assert plain(ls.grpo(*given, where=mask, sample_weight=share, reduction="batch_mean")) == 1.5


def test_dapo_and_bnpo_are_the_mean_over_all_tokens(array, plain):
    given, mask, _ = tokens(array)
    assert close(plain(ls.grpo(*given, where=mask)), 4 / 3)
    assert close(plain(ls.grpo(*given, where=mask, reduction="mean")), 4 / 3)
    assert close(plain(ls.get("dapo")(*given, where=mask)), 4 / 3)


def test_dr_grpo_divides_by_a_constant_length(array, plain):
    given, mask, _ = tokens(array)
    assert plain(ls.grpo(*given, where=mask, reduction=ls.Mean(over=2 * 8))) == 0.5


def test_luspo_is_the_sum_over_tokens_and_the_mean_over_answers(array, plain):
    given, mask, _ = tokens(array)
    assert plain(ls.grpo(*given, where=mask, reduction="batch_mean")) == 4.0


def test_the_divisors_reach_the_gradients_and_padding_does_not(backend):
    given, mask, share = tokens(lambda x: backend.from_numpy(np.asarray(x)))
    gradient = backend.to_numpy(ls.grpo.grad(*given, where=mask, sample_weight=share, reduction="batch_mean"))
    assert gradient.tolist() == [[0.5, 0.5, 0, 0], [0.125] * 4]
    gradient = backend.to_numpy(ls.grpo.grad(*given, where=mask, reduction=ls.Mean(over=16)))
    assert gradient.tolist() == [[0.125, 0.125, 0, 0], [0.0625] * 4]


def test_shards_of_answers_merge_under_every_divisor():
    random = np.random.default_rng(0)
    new, old, reference = -np.exp(random.normal(0, 1, (3, 6, 5)))
    advantages, mask = random.normal(0, 1, (6, 1)), np.arange(5) < random.integers(1, 6, (6, 1))
    share = 1 / mask.sum(axis=1, keepdims=True)
    for options in ({"reduction": "batch_mean"}, {"reduction": "mean"}, {"reduction": ls.Mean(over=48)}):
        for weight in (None, share):

            def of(rows, how=ls.grpo, options=options, weight=weight):
                sample_weight = None if weight is None else weight[rows]
                inputs = new[rows], old[rows], reference[rows], advantages[rows]
                return how(*inputs, where=mask[rows], sample_weight=sample_weight, **options)

            parts = [of(rows, ls.grpo.partial) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))]
            assert np.allclose(sum(parts).value(), of(slice(0, 6)), rtol=1e-14)


def test_the_penalty_estimates_the_divergence_from_the_reference(array, plain):
    new, reference = array([[math.log(0.5), math.log(0.5)]]), array([[math.log(0.25), math.log(0.75)]])
    got = plain(ls.grpo.per_example(new, new, reference, array([[0.0]]), beta=0.5))
    exact = [0.5 * (r - math.log(r) - 1) for r in (0.5, 1.5)]
    assert all(close(a, b) for a, b in zip(got[0], exact, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [1e-3, -1e-3, 1e-5, 0.4999, 0.5, -0.5])
def test_the_penalty_of_a_small_step_keeps_its_digits(backend, dtype, step):
    """exp(x) - 1 - x from a sum of 30 terms of its series; the naive form has an error of eps / x."""
    new, reference = np.asarray([[-0.5 if step > 0 else 0.0]], dtype), np.asarray([[0.0]], dtype)
    reference = (new + dtype(step)).astype(dtype)
    x = float(reference[0, 0]) - float(new[0, 0])
    exact = math.fsum(x**k / math.factorial(k) for k in range(2, 32))
    given = put(backend, new, new, reference, [[0.0]], dtype=dtype)
    value, gradient = ls.grpo.value_and_grad(*given, beta=1.0)
    assert close(backend.to_numpy(value), exact, dtype)
    assert close(backend.to_numpy(gradient)[0, 0], -math.expm1(x), dtype)


def test_grpo_without_a_penalty_is_the_clipped_surrogate():
    random = np.random.default_rng(1)
    new, old, reference = -np.exp(random.normal(0, 1, (3, 6, 5)))
    advantages = random.normal(0, 1, (6, 5))
    surrogate = ls.ppo_clip.per_example(new, old, advantages)
    assert np.array_equal(ls.grpo.per_example(new, old, reference, advantages, beta=0.0), surrogate)
    assert np.all(ls.grpo.per_example(new, old, reference, advantages) >= surrogate)
    dapo = ls.ppo_clip.per_example(new, old, advantages, clip_high=0.28)
    assert np.array_equal(ls.get("dapo").per_example(new, old, reference, advantages), dapo)


# Values, entropies and penalties.

VALUES = {
    "within the clip": (0.1, 0.0, 1.0, 0.405, -0.9),
    "clipped, and that is worse": (2.0, 0.0, 3.0, 0.5 * 2.8**2, 0.0),
    "clipped, and the value is worse": (2.0, 0.0, 0.0, 2.0, 2.0),
    "clipped from below": (-2.0, 0.0, -3.0, 0.5 * 2.8**2, 0.0),
    "both are as bad": (1.2, 0.0, 0.7, 0.125, 0.5),
}


@pytest.mark.parametrize(("value", "old", "target", "loss", "slope"), VALUES.values(), ids=VALUES)
def test_a_clipped_value_has_the_larger_of_two_halved_squares(backend, value, old, target, loss, slope):
    got, gradient = ls.ppo_value_clip.value_and_grad(*put(backend, [value], [old], [target]))
    assert close(backend.to_numpy(got), loss)
    assert abs(float(backend.to_numpy(gradient)[0]) - slope) <= 1e-15


def test_beside_a_large_return_the_farther_value_is_known_by_its_order(backend):
    given = put(backend, [2.0, 2.0, -2.0, -2.0], [0.0] * 4, [1e10, -1e10, 1e10, -1e10], dtype=np.float32)
    gradient = ls.ppo_value_clip.grad(*given, reduction="sum")
    assert backend.to_numpy(gradient).tolist() == [0.0, np.float32(1e10), -np.float32(1e10), 0.0]


def test_equal_squares_have_the_gradient_of_the_value_itself(backend):
    given = put(backend, [2.0], [0.0], [1.25])  # errors 0.75 and, clipped to 0.5, -0.75
    gradient = ls.ppo_value_clip.grad(*given, clip=0.5)
    assert backend.to_numpy(gradient).tolist() == [0.75]


def test_a_policy_gradient_is_the_advantage_times_the_log_probability(backend):
    given = put(backend, [-2.0, -3.0], [1.5, -0.5])
    value, (of_action, of_advantage) = ls.policy_gradient.value_and_grad(
        *given, wrt=("log_probabilities", "advantages"), reduction="sum"
    )
    assert backend.to_numpy(value) == 1.5
    assert backend.to_numpy(of_action).tolist() == [-1.5, 0.5]
    assert backend.to_numpy(of_advantage).tolist() == [2.0, 3.0]


def test_the_entropy_of_even_and_of_skewed_policies(array, plain):
    logits = array([[0.0, 0.0, 0.0, 0.0], [math.log(0.5), math.log(0.25), math.log(0.125), math.log(0.125)]])
    got = plain(ls.entropy_bonus.per_example(logits))
    assert close(got[0], -math.log(4))
    assert close(got[1], -1.75 * math.log(2))


def test_minimising_the_bonus_makes_a_policy_more_uncertain():
    logits = np.asarray([[2.0, 0.0, -1.0]])
    better = logits - ls.entropy_bonus.grad(logits)
    assert ls.entropy_bonus(better) < ls.entropy_bonus(logits)
    assert np.ptp(better) < np.ptp(logits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sure_policy_keeps_the_digits_of_its_entropy(backend, dtype):
    """H = log1p(e) + 30 e / (1 + e) with e = exp(-30), and dH/dz = -+ 30 e / (1 + e)^2."""
    e = math.exp(-30)
    value, gradient = ls.entropy_bonus.value_and_grad(*put(backend, [[30.0, 0.0]], dtype=dtype))
    assert close(backend.to_numpy(value), -(math.log1p(e) + 30 * e / (1 + e)), dtype)
    slope = 30 * e / (1 + e) ** 2
    assert close(backend.to_numpy(gradient)[0, 0], slope, dtype)
    assert close(backend.to_numpy(gradient)[0, 1], -slope, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [0.1, 1e-3, 1e-6])
def test_a_nearly_even_policy_keeps_the_digits_of_its_gradient(backend, dtype, gap):
    gap = float(dtype(gap))
    gradient = backend.to_numpy(ls.entropy_bonus.grad(*put(backend, [[gap, 0.0]], dtype=dtype)))
    slope = gap / (2 * math.cosh(gap / 2)) ** 2
    assert close(gradient[0, 0], slope, dtype)
    assert close(gradient[0, 1], -slope, dtype)


def test_the_second_derivative_of_the_entropy_is_the_mathematical_one():
    """Of two actions: d/dz of z sigmoid'(z) at z = 1."""
    p = 1 / (1 + math.exp(-1))
    first, second = ls.entropy_bonus.grad_hess(np.asarray([[1.0, 0.0]]))
    assert close(first[0, 0], p * (1 - p))
    assert close(second[0, 0], p * (1 - p) * (1 + (1 - 2 * p)))


def test_an_action_that_is_ruled_out_has_no_part_in_the_entropy(backend):
    logits = [[0.0, -math.inf, 0.0], [-math.inf, 3.0, -math.inf]]
    values = backend.to_numpy(ls.entropy_bonus.per_example(*put(backend, logits)))
    gradient = backend.to_numpy(ls.entropy_bonus.grad(*put(backend, logits), reduction="sum"))
    assert close(values[0], -math.log(2))
    assert values[1] == 0
    assert np.all(gradient == 0)


@pytest.mark.parametrize(("under", "p", "q"), [("policy", 0.75, 0.5), ("reference", 0.5, 0.75)])
def test_the_penalty_has_two_directions(backend, under, p, q):
    policy, reference = put(backend, [[math.log(3), 0.0]], [[2.0, 2.0]])
    value, gradient = ls.kl_penalty.value_and_grad(policy, reference, under=under, beta=0.5)
    divergence = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert close(backend.to_numpy(value), 0.5 * divergence)
    if under == "reference":
        assert np.allclose(backend.to_numpy(gradient), [[0.125, -0.125]], rtol=1e-14)
    else:
        slope = 0.5 * 0.75 * (math.log(1.5) - divergence)
        assert np.allclose(backend.to_numpy(gradient), [[slope, -slope]], rtol=1e-14)


@pytest.mark.parametrize("under", ["policy", "reference"])
@pytest.mark.parametrize("shift", [0.0, 100.0, -1e4])
def test_equal_policies_have_no_penalty_and_no_gradient(backend, under, shift):
    logits = np.asarray([[1.0, -2.0, 0.5], [30.0, 0.0, -30.0]])
    given = put(backend, logits, logits + shift)
    value, gradients = ls.kl_penalty.value_and_grad(*given, under=under, wrt=("policy_logits", "reference_logits"))
    assert 0 <= float(backend.to_numpy(value)) <= 1e-24
    assert all(np.all(np.abs(backend.to_numpy(gradient)) <= 1e-12) for gradient in gradients)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_penalty_of_a_small_step_from_an_even_policy_keeps_its_digits(backend, dtype):
    """KL(1/2 || sigmoid(x)) = log cosh(x / 2) = x^2 / 8 - x^4 / 192 + ..., where the logarithms are near log 2."""
    x = float(dtype(1e-6))
    given = put(backend, [[0.0, 0.0]], [[x, 0.0]], dtype=dtype)
    value, gradient = ls.kl_penalty.value_and_grad(*given, beta=1.0, wrt="reference_logits")
    assert close(backend.to_numpy(value), x**2 / 8 - x**4 / 192, dtype)
    assert close(backend.to_numpy(gradient)[0, 0], math.tanh(x / 2) / 2, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_penalty_of_two_sure_policies_keeps_its_digits(backend, dtype):
    """With e = exp(-30), f = exp(-31), p = e / (1 + e): KL = p log(e / f) + log1p(f) - log1p(e)."""
    given = put(backend, [[30.0, 0.0]], [[31.0, 0.0]], dtype=dtype)
    value = backend.to_numpy(ls.kl_penalty(*given, beta=1.0))
    exact = math.exp(-31) - (math.exp(-60) + math.exp(-62)) / 2  # up to the third powers
    assert close(value, exact, dtype, factor=40)


def test_an_action_that_the_reference_rules_out_makes_the_penalty_infinite(backend):
    policy, reference = put(backend, [[0.0, 0.0], [0.0, -math.inf]], [[0.0, -math.inf], [0.0, -math.inf]])
    values = backend.to_numpy(ls.kl_penalty.per_example(policy, reference))
    assert values.tolist() == [math.inf, 0.0]
    allowed = backend.to_numpy(ls.kl_penalty.per_example(policy, reference, under="reference", beta=1.0))
    assert close(allowed[0], math.log(2))
    gradients = ls.kl_penalty.grad(policy, reference, wrt=("policy_logits", "reference_logits"), reduction="sum")
    assert all(np.all(backend.to_numpy(gradient) == 0) for gradient in gradients)


def test_a_loss_with_a_bonus_is_a_composition():
    random = np.random.default_rng(0)
    new, old = -np.exp(random.normal(0, 1, (2, 4)))
    advantages, logits = random.normal(0, 1, 4), random.normal(0, 1, (4, 3))
    total = ls.ppo_clip + 0.01 * ls.entropy_bonus
    apart = ls.ppo_clip(new, old, advantages) + 0.01 * ls.entropy_bonus(logits)
    inputs = {"log_probabilities": new, "old_log_probabilities": old, "advantages": advantages, "logits": logits}
    assert np.allclose(total(**inputs), apart, rtol=1e-15)


# Claims of the docstrings.


def test_the_entropy_lies_between_0_and_that_of_the_even_policy():
    logits = np.random.default_rng(0).normal(0, 5, (100, 7))
    values = ls.entropy_bonus.per_example(logits)
    assert np.all((values <= 0) & (values >= -math.log(7)))


def test_a_penalty_is_never_negative():
    random = np.random.default_rng(0)
    for size in (1e-8, 1e-3, 1.0, 30.0):
        policy = random.normal(0, 3, (100, 5))
        reference = policy + size * random.normal(0, 1, policy.shape)
        assert np.all(ls.kl_penalty.per_example(policy, reference) >= 0)
        assert np.all(ls.kl_penalty.per_example(policy, reference, under="reference") >= 0)


def test_a_clipped_loss_is_never_below_the_one_without_a_clip():
    random = np.random.default_rng(0)
    new, old, values = random.normal(0, 1, (3, 100))
    advantages = random.normal(0, 1, 100)
    new, old = -np.exp(new), -np.exp(old)
    assert np.all(ls.ppo_clip.per_example(new, old, advantages) >= -advantages * np.exp(new - old) - 1e-13)
    assert np.all(ls.ppo_value_clip.per_example(values, old, advantages) >= (values - advantages) ** 2 / 2)


# What is refused.


def refuses(call, error, *words):
    with pytest.raises(error) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{caught.value} does not say {missing}"


def test_parameters_outside_their_domain_are_refused(array):
    x, rows = array([-1.0]), array([[-1.0]])
    for call, word in (
        (lambda: ls.ppo_clip(x, x, x, clip_low=1.5), "`clip_low` is 1.5; its domain is [0, 1]"),
        (lambda: ls.ppo_clip(x, x, x, clip_high=-0.1), "`clip_high`"),
        (lambda: ls.ppo_value_clip(x, x, x, clip=-0.1), "`clip`"),
        (lambda: ls.grpo(rows, rows, rows, rows, beta=-0.1), "`beta`"),
        (lambda: ls.kl_penalty(rows, rows, beta=0.0), "`beta`"),
        (lambda: ls.kl_penalty(rows, rows, under="both"), "one of ['policy', 'reference']"),
    ):
        refuses(call, ContractError, word)


def test_log_densities_above_0_are_values_as_any(array, plain):
    """A narrow density of a continuous action is above 1."""
    new, old, advantages = array([1.2]), array([1.0]), array([-2.0])
    wanted = {
        "policy_gradient": 2.4,
        "ppo_clip": 2 * math.exp(0.2),
        "grpo": 2 * math.exp(0.2) + 0.04 * (math.exp(-0.2) - 1 + 0.2),
        "policy_kl_estimate": math.exp(-0.2) - 1 + 0.2,
    }
    with ls.checking("values"):
        found = {
            "policy_gradient": ls.policy_gradient(new, advantages),
            "ppo_clip": ls.ppo_clip(new, old, advantages),
            "grpo": ls.grpo(new[None, :], old[None, :], old[None, :], advantages[None, :]),
            "policy_kl_estimate": ls.policy_kl_estimate(new, old),
        }
    assert {name: float(plain(x)) for name, x in found.items()} == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clipped_ratio_does_not_overflow(dtype):
    new, old, advantages = (np.asarray([x], dtype=dtype) for x in (1e4, 0.0, 1.0))
    with np.errstate(all="raise"):
        assert float(ls.ppo_clip(new, old, advantages)) == pytest.approx(-1.2)
        assert ls.ppo_clip.grad(new, old, advantages).tolist() == [0.0]


def test_values_that_are_the_logarithm_of_nothing_are_refused_under_checking(array):
    p, x = array([math.inf]), array([-1.0])
    with ls.checking("values"):
        refuses(lambda: ls.ppo_clip(p, x, x), ContractError, "`log_probabilities` holds inf", "[-inf, inf)")
        refuses(lambda: ls.ppo_clip(x, p, x), ContractError, "`old_log_probabilities` holds inf")
        refuses(lambda: ls.policy_gradient(p, x), ContractError, "`log_probabilities` holds inf")


def test_shapes_and_dtypes_that_do_not_fit_are_refused(array):
    rows, two = array([[-1.0, -1.0], [-1.0, -1.0]]), array([1.0, -1.0])
    refuses(lambda: ls.grpo(rows, rows, rows, two), ContractError, "`advantages` has shape (2,)", "[batch #time]")
    refuses(lambda: ls.grpo(rows, rows, rows, array([[1.0]])), ContractError, "`advantages` has shape (1, 1)")
    refuses(lambda: ls.ppo_clip(rows, rows, two), ContractError, "`advantages` has shape (2,)")
    refuses(lambda: ls.policy_gradient(two, array([1, -1])), DTypeError, "`advantages`", "real numbers")


@pytest.mark.parametrize(
    ("alias", "name"), [("ppo", "ppo_clip"), ("reinforce", "policy_gradient"), ("negative_entropy", "entropy_bonus")]
)
def test_other_names_are_found(alias, name):
    assert ls.get(alias) is ls.get(name)


# What is impossible: log-probabilities of -inf, advantages of 0.


@pytest.mark.parametrize("advantage", [0.0, 1.0, -1.0])
def test_an_action_that_neither_policy_takes_has_the_ratio_one_and_no_gradient(array, plain, advantage):
    never, some = array([-math.inf, -1.0]), array([-math.inf, -1.0])
    for loss, inputs in (
        (ls.ppo_clip, (never, some, array([advantage, advantage]))),
        (ls.policy_kl_estimate, (never, some)),
    ):
        value, gradients = loss.value_and_grad(*inputs, wrt=[a.name for a in loss.contract.inputs[:2]], reduction="sum")
        assert plain(value) == (-2 * advantage if loss is ls.ppo_clip else 0)
        assert all(plain(gradient)[0] == 0 for gradient in gradients)
    tokens = array([[-math.inf, -1.0]])
    assert plain(ls.grpo.grad(tokens, tokens, tokens, array([[advantage]]), reduction="sum")).tolist()[0][0] == 0


def test_an_advantage_of_zero_makes_nothing_of_an_impossible_action(array, plain):
    impossible, advantages = array([-math.inf, -1.0]), array([0.0, 1.0])
    both = ("log_probabilities", "advantages")
    value, (slope, of_advantages) = ls.policy_gradient.value_and_grad(impossible, advantages, wrt=both)
    assert plain(value) == 0.5
    assert plain(slope).tolist() == [0.0, -0.5]
    assert plain(of_advantages).tolist() == [0.0, 0.5]


def test_a_policy_that_rules_out_what_the_reference_does_not_has_an_infinite_estimate(array, plain):
    possible, never = array([-1.0, -math.inf]), array([-math.inf, -1.0])
    assert plain(ls.policy_kl_estimate.per_example(possible, never)).tolist() == [math.inf, math.inf]


def test_a_ratio_that_the_clip_binds_overflows_nowhere(array, plain):
    new, old, advantages = (array(x, "float32") for x in ([-0.1, -0.1], [-200.0, -math.inf], [1.0, 0.0]))
    value, gradient = ls.ppo_clip.value_and_grad(new, old, advantages, reduction="sum")
    assert plain(value) == np.float32(-1.2)
    assert plain(gradient).tolist() == [0.0, 0.0]


# Other ways to bound a ratio.


def test_a_bad_action_counts_no_further_than_the_dual_clip(backend):
    given = put(backend, [0.0] * 4, [-1e4, -math.log(3.01), -math.log(2), -math.log(4)], [-2.0, -2.0, -2.0, 2.0])
    value, gradient = ls.ppo_dual_clip.value_and_grad(*given, wrt="log_probabilities", reduction="sum")
    assert close(backend.to_numpy(value), 6 + 6 + 4 - 2.4)
    assert np.allclose(backend.to_numpy(gradient), [0, 0, 4, 0], rtol=1e-15)


def test_a_token_beyond_the_clip_goes_on_to_learn_in_cispo(backend):
    given = put(backend, [[-1.0, -1.0]], [[-1.0, -1e4]], [[2.0]])
    gradients = ls.cispo.grad(*given, wrt=LOG_PROBABILITIES, reduction="sum")
    assert [backend.to_numpy(g).tolist() for g in gradients] == [[[-2.0, -10.0]], [[0.0, 0.0]]]
    assert backend.to_numpy(ls.ppo_clip.grad(*given[:2], given[2] + 0 * given[0], reduction="sum"))[0, 1] == 0


def test_the_ratio_of_gspo_is_the_geometric_mean_over_the_tokens_of_an_answer(backend):
    new, old = np.log([[0.5, 0.5, 0.5]] * 3), np.log([[0.25, 0.0625, 0.1]] * 3)
    new[1, 2] = old[2] = np.nan
    given = put(backend, new, old, [-1.0, -1.0, -1.0])
    lengths = backend.from_numpy(np.asarray([3, 2, 0]))
    got = backend.to_numpy(ls.gspo.per_example(*given, lengths))
    assert np.allclose(got, [80 ** (1 / 3), 4.0, 1.0], rtol=1e-14)
    gradient = backend.to_numpy(ls.gspo.grad(*given, lengths, wrt="log_probabilities", reduction="sum"))
    assert np.allclose(gradient[1:], [[2.0, 2.0, 0.0], [0.0, 0.0, 0.0]], rtol=1e-14)
