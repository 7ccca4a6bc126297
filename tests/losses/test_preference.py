"""Preference losses: closed forms, limits, digits of small losses, bounds, names and what is refused."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

DTYPES = [np.float32, np.float64]
FOUR = ("dpo", "robust_dpo", "ipo", "slic_hinge", "nca", "sppo", "apo_zero", "exo_pair")
POLICY_CHOSEN, POLICY_REJECTED, REFERENCE_CHOSEN, REFERENCE_REJECTED = -7.0, -11.0, -8.5, -10.0
CHOSEN, REJECTED = 1.5, -1.0
GAP = 2.5


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def softplus(z):
    return math.log(1 + math.exp(z))


def four(array):
    return [array([x]) for x in (POLICY_CHOSEN, POLICY_REJECTED, REFERENCE_CHOSEN, REFERENCE_REJECTED)]


def close(got, exact, dtype=np.float64, factor=8):
    return abs(float(got) - exact) <= factor * float(np.finfo(dtype).eps) * max(abs(exact), 1e-300)


def drawn(loss, seed=0, count=50):
    random = np.random.default_rng(seed)
    return [-np.exp(random.normal(0, 2, count)) for _ in ls.get(loss).contract.inputs]


OF_FOUR = {
    "dpo": ("dpo", {"beta": 0.4}, softplus(-0.4 * GAP)),
    "dpo, smoothed": (
        "dpo",
        {"beta": 0.4, "label_smoothing": 0.2},
        0.8 * softplus(-0.4 * GAP) + 0.2 * softplus(0.4 * GAP),
    ),
    "robust_dpo": (
        "robust_dpo",
        {"beta": 0.4, "flip_probability": 0.2},
        (0.8 * softplus(-0.4 * GAP) - 0.2 * softplus(0.4 * GAP)) / 0.6,
    ),
    "ipo": ("ipo", {"beta": 0.4}, (GAP - 1.25) ** 2),
    "slic_hinge, within the margin": ("slic_hinge", {"beta": 0.1}, 0.75),
    "slic_hinge, beyond it": ("slic_hinge", {"beta": 0.5}, 0.0),
    "nca": (
        "nca",
        {"beta": 0.4},
        softplus(-0.4 * CHOSEN) + softplus(0.4 * CHOSEN) / 2 + softplus(0.4 * REJECTED) / 2,
    ),
    "sppo": ("sppo", {"beta": 0.25}, (CHOSEN - 2) ** 2 + (REJECTED + 2) ** 2),
    "apo_zero": ("apo_zero", {"beta": 0.4}, 1 - sigmoid(0.4 * CHOSEN) + sigmoid(0.4 * REJECTED)),
    "exo_pair": (
        "exo_pair",
        {"beta": 0.4, "label_smoothing": 0.2},
        sigmoid(1.0) * (math.log(sigmoid(1.0)) - math.log(0.8))
        + sigmoid(-1.0) * (math.log(sigmoid(-1.0)) - math.log(0.2)),
    ),
}


@pytest.mark.parametrize(("name", "options", "exact"), OF_FOUR.values(), ids=OF_FOUR)
def test_losses_of_policy_and_reference_have_their_closed_form(array, plain, name, options, exact):
    assert abs(float(plain(ls.get(name)(*four(array), **options))) - exact) <= 1e-15 * max(1.0, abs(exact))


def test_the_defaults_are_those_of_the_papers(array, plain):
    assert close(plain(ls.robust_dpo(*four(array))), (0.9 * softplus(-0.25) - 0.1 * softplus(0.25)) / 0.8)
    assert close(plain(ls.simpo(array([-1.0]), array([-2.0]))), softplus(1.0 - 2.0))
    assert close(plain(ls.sppo(*four(array))), 498.5**2 + 499.0**2)


def test_losses_of_two_log_probabilities_have_their_closed_form(array, plain):
    chosen, rejected = array([math.log(0.8)]), array([math.log(0.5)])
    assert close(plain(ls.orpo(chosen, rejected, beta=0.3)), -math.log(0.8) + 0.3 * math.log(1 + 1 / 4))
    assert close(plain(ls.orpo(rejected, chosen, beta=0.3)), math.log(2) + 0.3 * math.log(1 + 4))
    assert close(plain(ls.simpo(chosen, rejected, beta=2.0, gamma=0.5)), math.log(1 + math.exp(0.5) * (5 / 8) ** 2))
    assert close(plain(ls.cpo(chosen, rejected, beta=1.0, alpha=2.0)), math.log(1 + 5 / 8) - 2 * math.log(0.8))


def test_losses_of_single_answers_have_their_closed_form(array, plain):
    policy, reference, labels = array([-3.0, -3.0]), array([-5.0, -5.0]), array([1, -1])
    got = plain(
        ls.kto.per_example(
            policy, reference, labels, array([0.5]), beta=0.2, desirable_weight=2.0, undesirable_weight=3.0
        )
    )
    assert close(got[0], 2 * (1 - sigmoid(0.3)))
    assert close(got[1], 3 * (1 - sigmoid(-0.3)))
    got = plain(ls.bco.per_example(policy, reference, labels, array([0.5]), beta=0.2))
    assert close(got[0], softplus(0.1))
    assert close(got[1], softplus(-0.1))


def test_a_reward_model_has_its_closed_form_with_margins_of_the_pairs_and_centring(array, plain):
    chosen, rejected = array([2.0, 0.5]), array([1.0, 1.0])
    got = plain(ls.reward_bradley_terry.per_example(chosen, rejected, margin=array([0.5, 0.0])))
    assert close(got[0], softplus(-0.5))
    assert close(got[1], softplus(0.5))
    got = plain(ls.reward_bradley_terry.per_example(chosen, rejected, center_coefficient=0.01))
    assert close(got[0], softplus(-1.0) + 0.09)
    assert close(got[1], softplus(0.5) + 0.0225)


# Digits and limits.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("z", [20.0, 60.0])
def test_a_clear_preference_keeps_the_digits_of_its_small_loss(backend, dtype, z):
    def of(*values):
        return [backend.from_numpy(np.asarray([value], dtype)) for value in values]

    small = math.log1p(math.exp(-z))
    assert close(backend.to_numpy(ls.dpo(*of(-1, -1 - z, -1, -1), beta=1.0)), small, dtype)
    assert close(backend.to_numpy(ls.simpo(*of(-1, -1 - z), beta=1.0, gamma=0.0)), small, dtype)
    assert close(backend.to_numpy(ls.reward_bradley_terry(*of(z, 0))), small, dtype)
    kto = ls.kto(*of(-1, -1 - z), backend.from_numpy(np.asarray([1])), *of(0), beta=1.0)
    assert close(backend.to_numpy(kto), 1 / (1 + math.exp(z)), dtype, factor=2 * z)
    apo = ls.apo_zero(*of(-1, -1 - z, -1 - z, -1), beta=1.0)
    assert close(backend.to_numpy(apo), 2 / (1 + math.exp(z)), dtype, factor=2 * z)


def odds(log_probability):
    return math.exp(log_probability) / -math.expm1(log_probability)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e-9, 1e-20])
def test_the_odds_of_nearly_sure_answers_keep_their_digits(backend, dtype, size):
    likelier, other = np.asarray([-size], dtype), np.asarray([-2 * size], dtype)
    for chosen, rejected in ((likelier, other), (other, likelier)):
        a, b = float(chosen[0]), float(rejected[0])
        share = odds(b) / (odds(a) + odds(b))
        value, (of_chosen, of_rejected) = ls.orpo.value_and_grad(
            backend.from_numpy(chosen), backend.from_numpy(rejected), wrt=("chosen", "rejected"), beta=1.0
        )
        assert close(backend.to_numpy(value), -a + math.log1p(odds(b) / odds(a)), dtype)
        assert close(backend.to_numpy(of_chosen)[0], -1 + share / math.expm1(a), dtype)
        assert close(backend.to_numpy(of_rejected)[0], -share / math.expm1(b), dtype)


def test_the_odds_of_certain_answers_are_as_declared(backend):
    chosen, rejected = np.asarray([0.0, -1.0, 0.0]), np.asarray([-1.0, 0.0, 0.0])
    given = [backend.from_numpy(x) for x in (chosen, rejected)]
    assert backend.to_numpy(ls.orpo.per_example(*given, beta=1.0)).tolist() == [0.0, math.inf, math.log(2)]
    gradients = ls.orpo.grad(*given, wrt=("chosen", "rejected"), beta=1.0, reduction="sum")
    of_chosen, of_rejected = map(backend.to_numpy, gradients)
    odds = math.exp(-1) / (1 - math.exp(-1))
    assert close(of_chosen[0], -1 - odds)  # the limit at a chosen answer of probability 1
    assert (of_rejected[0], of_rejected[1], of_rejected[2]) == (0.0, 0.0, 0.0)
    assert (of_chosen[1], of_chosen[2]) == (-1.0, -1.0)


def test_odds_of_unlikely_answers_are_their_probabilities(array, plain):
    chosen, rejected = array([-1e4, -9e3]), array([-9e3, -1e4])
    assert plain(ls.orpo.per_example(chosen, rejected, beta=1.0)).tolist() == [1e4 + 1e3, 9e3]


def test_smoothing_and_flips_of_probability_0_give_dpo():
    given = drawn("dpo")
    plain_dpo = ls.dpo.per_example(*given)
    assert np.array_equal(ls.robust_dpo.per_example(*given, flip_probability=0.0), plain_dpo)
    assert np.array_equal(ls.dpo.per_example(*given, label_smoothing=np.asarray(0.0)), plain_dpo)


def test_robust_dpo_is_the_dpo_loss_in_the_mean_over_flips():
    """(1 - e) l(w, l) + e l(l, w) of the robust loss is the clean loss: that is what it is made for."""
    pw, pl, rw, rl = drawn("dpo")
    right = ls.robust_dpo.per_example(pw, pl, rw, rl, flip_probability=0.3)
    wrong = ls.robust_dpo.per_example(pl, pw, rl, rw, flip_probability=0.3)
    assert np.allclose(0.7 * right + 0.3 * wrong, ls.dpo.per_example(pw, pl, rw, rl), rtol=1e-13, atol=1e-13)


def test_the_smoothed_loss_has_its_least_value_at_the_smoothed_probability():
    e, least = 0.2, -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    best = math.log(0.8 / 0.2) / 0.1
    zero = np.zeros(1)
    value, gradient = ls.dpo.value_and_grad(zero, zero - best, zero, zero, label_smoothing=e)
    assert close(value, least)
    assert abs(gradient[0]) <= 1e-16
    assert np.all(ls.dpo.per_example(*drawn("dpo"), label_smoothing=e) >= least * (1 - 1e-15))


def test_slic_without_a_reference_is_the_calibration_loss_of_its_paper():
    chosen, rejected = drawn("simpo")
    zero, margin = np.zeros_like(chosen), 2.0
    exact = np.maximum(0, margin - chosen + rejected)
    assert np.allclose(margin * ls.slic_hinge.per_example(chosen, rejected, zero, zero, beta=1 / margin), exact, 1e-14)


def test_the_kink_of_the_hinge_has_derivative_0(backend):
    at_the_margin = [backend.from_numpy(np.asarray([x])) for x in (-1.0, -3.0, -1.0, -1.0)]
    value, gradients = ls.slic_hinge.value_and_grad(*at_the_margin, wrt=("policy_chosen", "policy_rejected"), beta=0.5)
    assert backend.to_numpy(value) == 0
    assert all(np.all(backend.to_numpy(gradient) == 0) for gradient in gradients)


# Conventions.


def test_the_reference_is_not_detached(backend):
    given = [backend.from_numpy(np.asarray([x])) for x in (-7.0, -11.0, -8.5, -10.0)]
    names = ("policy_chosen", "reference_chosen")
    for name in FOUR:
        of_policy, of_reference = map(backend.to_numpy, ls.get(name).grad(*given, wrt=names))
        assert of_policy[0] == -of_reference[0] != 0


def test_the_reference_point_is_an_input_with_the_mathematical_gradient(backend):
    given = [backend.from_numpy(np.asarray(x)) for x in ([-3.0], [-5.0], [1], [0.5])]
    of_policy, of_point = map(backend.to_numpy, ls.kto.grad(*given, wrt=("policy", "reference_point"), beta=0.2))
    assert close(of_policy[0], -0.2 * sigmoid(0.3) * (1 - sigmoid(0.3)))
    assert of_point[0] == -of_policy[0]


def test_one_reference_point_serves_the_batch_and_shards_merge():
    policy, reference = drawn("kto")[:2]
    labels, point = np.resize([1, -1, -1], policy.shape), np.asarray([0.7])
    whole = ls.kto(policy, reference, labels, point)
    assert np.allclose(ls.kto(policy, reference, labels, np.full_like(policy, 0.7)), whole, rtol=1e-15)
    cut = [slice(0, 20), slice(20, 50)]
    merged = sum(ls.kto.partial(policy[s], reference[s], labels[s], point) for s in cut)
    assert np.allclose(merged.value(), whole, rtol=1e-15)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("direct_preference_optimization", "dpo"),
        ("bradley_terry", "reward_bradley_terry"),
        ("nca_pair", "nca"),
        ("sppo_hard", "sppo"),
        ("dpo_hinge", "slic_hinge"),
        ("kahneman_tversky_optimization", "kto"),
    ],
)
def test_other_names_are_found(alias, name):
    assert ls.get(alias) is ls.get(name)


# Claims of the docstrings.


@pytest.mark.parametrize("name", ["dpo", "slic_hinge", "simpo", "cpo", "nca", "sppo", "ipo"])
def test_losses_that_are_called_convex_are(name):
    loss = ls.get(name)
    here, there = drawn(name, 1), drawn(name, 2)
    middle = [(a + b) / 2 for a, b in zip(here, there, strict=True)]
    between = (loss.per_example(*here) + loss.per_example(*there)) / 2
    assert np.all(loss.per_example(*middle) <= between + 1e-12 * np.abs(between))


def test_values_of_losses_of_single_answers_lie_between_0_and_their_weight():
    policy, reference = drawn("kto")[:2]
    labels = np.resize([1, -1], policy.shape)
    values = ls.kto.per_example(policy, reference, labels, np.asarray([0.3]), desirable_weight=2.0)
    assert np.all((values >= 0) & (values <= np.where(labels > 0, 2.0, 1.0)))
    assert np.all(
        (ls.apo_zero.per_example(*drawn("apo_zero")) >= 0) & (ls.apo_zero.per_example(*drawn("apo_zero")) <= 2)
    )


def test_robust_dpo_may_be_negative():
    assert float(ls.robust_dpo(np.zeros(1), np.full(1, -200.0), np.zeros(1), np.zeros(1))) < 0


# What is refused.


def refuses(call, error, *words):
    with pytest.raises(error) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{caught.value} does not say {missing}"


@pytest.mark.parametrize("name", FOUR)
@pytest.mark.parametrize("beta", [0.0, -0.1])
def test_a_beta_that_is_not_positive_is_refused(array, name, beta):
    refuses(lambda: ls.get(name)(*four(array), beta=beta), ContractError, name, "`beta`", "(0, inf)")


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("dpo", "label_smoothing", 0.5),
        ("dpo", "label_smoothing", -0.1),
        ("robust_dpo", "flip_probability", 0.5),
        ("robust_dpo", "flip_probability", 0.6),
    ],
)
def test_as_many_flips_as_not_are_refused(array, name, parameter, value):
    refuses(lambda: ls.get(name)(*four(array), **{parameter: value}), ContractError, f"`{parameter}`", "[0, 0.5)")


def test_negative_margins_weights_and_coefficients_are_refused(array):
    x, labels = array([-1.0]), array([1])
    for call, word in (
        (lambda: ls.simpo(x, x, gamma=-1.0), "`gamma`"),
        (lambda: ls.cpo(x, x, alpha=-1.0), "`alpha`"),
        (lambda: ls.reward_bradley_terry(x, x, margin=-1.0), "`margin`"),
        (lambda: ls.reward_bradley_terry(x, x, center_coefficient=-1.0), "`center_coefficient`"),
        (lambda: ls.kto(x, x, labels, array([0.0]), desirable_weight=-1.0), "`desirable_weight`"),
        (lambda: ls.kto(x, x, labels, array([0.0]), undesirable_weight=-1.0), "`undesirable_weight`"),
    ):
        refuses(call, ContractError, word, "[0, inf)")


def test_values_outside_their_domain_raise_under_checking(array):
    x, likely, labels = array([-1.0]), array([0.5]), array([1])
    with ls.checking("values"):
        refuses(
            lambda: ls.dpo(x, likely, x, x), ContractError, "`policy_rejected` holds 0.5 at index (0,)", "[-inf, 0]"
        )
        refuses(lambda: ls.orpo(likely, x), ContractError, "`chosen` holds 0.5", "[-inf, 0]")
        refuses(lambda: ls.kto(x, x, labels, array([-0.5])), ContractError, "`reference_point` holds -0.5", "[0, inf)")
        refuses(lambda: ls.kto(x, x, array([0]), array([0.5])), ContractError, "`labels` holds 0", "-1 or 1")


@pytest.mark.parametrize("name", ["kto", "bco"])
def test_a_label_of_no_sign_is_nan_in_its_own_unit_only(array, plain, name):
    x = array([-1.0, -1.0])
    got = plain(ls.get(name).per_example(x, x, array([0, -1]), array([0.0])))
    assert np.isnan(got[0])
    assert np.isfinite(got[1])


def test_a_reference_point_without_axis_is_refused_with_the_fix(array):
    x, labels = array([-1.0, -2.0]), array([1, -1])
    refuses(lambda: ls.kto(x, x, labels, array(0.5)), ContractError, "`reference_point` has shape ()", "or with size 1")


def test_shapes_and_dtypes_that_do_not_fit_are_refused(array):
    x = array([-1.0, -2.0])
    refuses(lambda: ls.dpo(x, x, x, array([[-1.0], [-2.0]])), ContractError, "`reference_rejected` has shape (2, 1)")
    refuses(lambda: ls.simpo(x, array([-1, -2])), DTypeError, "`rejected`", "real numbers")
    refuses(lambda: ls.orpo(x, array([-1.0, -2.0], "float32")), DTypeError, "`chosen`", "`rejected`")


REFERENCED = tuple(map(ls.get, FOUR))


@pytest.mark.parametrize("loss", REFERENCED)
def test_an_answer_that_neither_model_can_give_is_as_likely_under_both(array, plain, loss):
    never, some = array([-math.inf]), array([-3.0])
    names = [argument.name for argument in loss.contract.inputs]
    value, gradients = loss.value_and_grad(never, some, never, some, wrt=names)
    assert plain(value) == plain(loss(some, some, some, some))
    assert plain(gradients[0]) == plain(gradients[2]) == 0
    assert all(np.isfinite(plain(gradient)) for gradient in gradients)


def test_an_answer_that_the_policy_alone_cannot_give_costs_infinitely_much_with_smoothing_too(array, plain):
    never, some = array([-math.inf]), array([-3.0])
    assert plain(ls.dpo(never, some, some, some, label_smoothing=0.25)) == math.inf
    assert plain(ls.dpo(some, never, some, some)) == 0
    assert plain(ls.simpo(never, never)) == plain(ls.simpo(some, some))
    assert plain(ls.cpo(never, never)) == plain(ls.orpo(never, never)) == math.inf
    assert plain(ls.cpo(never, never, alpha=0.0)) == plain(ls.cpo(some, some, alpha=0.0))
