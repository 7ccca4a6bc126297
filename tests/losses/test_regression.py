"""The regression losses against closed forms: values, edges, declared subgradients, limits, names and bad input."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import lossspec as ls
from lossspec.definitions.regression import likelihoods as definitions
from lossspec.errors import ContractError, DTypeError

inf, nan = math.inf, math.nan


@pytest.fixture
def each(array, plain):
    """The value of one unit: `each(loss, prediction, target, ..., parameter=...)`."""

    def value(loss, *inputs, dtype="float64", **parameters):
        with np.errstate(over="ignore"):
            return float(plain(loss.per_example(*(array([x], dtype) for x in inputs), **parameters))[0])

    return value


@pytest.fixture
def slope(array, plain):
    """The derivative of one unit in its prediction, or in the input that `wrt` names."""

    def derivative(loss, *inputs, dtype="float64", **parameters):
        with np.errstate(over="ignore"):
            return float(plain(loss.grad(*(array([x], dtype) for x in inputs), reduction="sum", **parameters))[0])

    return derivative


VALUES = {
    "half a square": (ls.half_squared_error, (3.0, -1.0), {}, 8.0),
    "an absolute difference": (ls.absolute_error, (3.0, -1.0), {}, 4.0),
    "smooth_l1 within beta": (ls.smooth_l1, (1.5, 1.0), {"beta": 2.0}, 0.5**2 / 4),
    "smooth_l1 at beta": (ls.smooth_l1, (3.0, 1.0), {"beta": 2.0}, 1.0),
    "smooth_l1 beyond beta": (ls.smooth_l1, (5.0, 1.0), {"beta": 2.0}, 3.0),
    "smooth_l1 without a corner to round": (ls.smooth_l1, (5.0, 1.0), {"beta": 0.0}, 4.0),
    "pseudo_huber": (ls.pseudo_huber, (3.0, 1.0), {"delta": 1.5}, 1.5**2 * (math.sqrt(1 + (2 / 1.5) ** 2) - 1)),
    "pseudo_huber, a small error": (ls.pseudo_huber, (1e-8, 0.0), {"delta": 2.0}, 1e-16 / 2),
    "pseudo_huber, a huge error": (ls.pseudo_huber, (1e200, 0.0), {"delta": 2.0}, 2e200),
    "pseudo_huber, a far larger delta": (ls.pseudo_huber, (3.0, 1.0), {"delta": 1e200}, 2.0),
    "log_cosh": (ls.log_cosh, (2.0, 0.5), {}, math.log(math.cosh(1.5))),
    "log_cosh, a small error": (ls.log_cosh, (0.0, 1e-4), {}, 1e-8 / 2 - 1e-16 / 12),
    "log_cosh, a huge error": (ls.log_cosh, (-1e4, 0.0), {}, 1e4 - math.log(2)),
    "quantile, too low": (ls.quantile, (1.0, 3.0), {"level": 0.9}, 1.8),
    "quantile, too high": (ls.quantile, (3.0, 1.0), {"level": 0.9}, 0.2),
    "quantile, the median": (ls.quantile, (3.0, 1.0), {}, 1.0),
    "quantile 0, too low": (ls.quantile, (1.0, 3.0), {"level": 0.0}, 0.0),
    "expectile, too low": (ls.expectile, (1.0, 3.0), {"level": 0.9}, 3.6),
    "expectile, too high": (ls.expectile, (3.0, 1.0), {"level": 0.9}, 0.4),
    "squared_log_error": (ls.squared_log_error, (math.e - 1, math.e**3 - 1), {}, 4.0),
    "squared_log_error, negative": (ls.squared_log_error, (-0.5, 0.0), {}, math.log(2) ** 2),
    "squared_log_error, nearly equal": (ls.squared_log_error, (1e6, 1e6 + 1), {}, math.log1p(1 / (1e6 + 1)) ** 2),
    "a percentage": (ls.absolute_percentage_error, (5.0, -4.0), {}, 2.25),
    "a percentage as such": (ls.absolute_percentage_error, (5.0, 4.0), {"percent": True}, 25.0),
    "a percentage of a target of 0": (ls.absolute_percentage_error, (3.0, 0.0), {}, 3e7),
    "a percentage of a target of 0 at another floor": (
        ls.absolute_percentage_error,
        (3.0, 0.0),
        {"epsilon": 0.5},
        6.0,
    ),
    "a percentage of a small prediction": (ls.absolute_percentage_error, (1.0, 4.0), {}, 0.75),
    "epsilon_insensitive within the tube": (ls.epsilon_insensitive, (1.0, 1.5), {"epsilon": 0.5}, 0.0),
    "epsilon_insensitive beyond": (ls.epsilon_insensitive, (1.0, 3.0), {"epsilon": 0.5}, 1.5),
    "epsilon_insensitive, squared": (ls.epsilon_insensitive, (1.0, 3.0), {"epsilon": 0.5, "squared": True}, 2.25),
    "poisson_nll": (ls.poisson_nll, (math.log(2.0), 3.0), {}, 2 - 3 * math.log(2)),
    "poisson_nll, full": (ls.poisson_nll, (math.log(2.0), 3.0), {"full": True}, 2 - 3 * math.log(2) + math.log(6)),
    "poisson_nll of a rate": (ls.poisson_nll, (2.0, 3.0), {"log_input": False}, 2 - 3 * math.log(2)),
    "poisson_nll at 0": (ls.poisson_nll, (-1e4, 0.0), {"full": True}, 0.0),
    "poisson_nll of a rate of 0 at 0": (ls.poisson_nll, (0.0, 0.0), {"log_input": False, "full": True}, 0.0),
    "poisson_nll of a rate of 0 above 0": (ls.poisson_nll, (0.0, 1.0), {"log_input": False}, inf),
    "poisson_nll of a rate of 0 far above 0": (ls.poisson_nll, (0.0, 20.0), {"log_input": False, "full": True}, inf),
    "poisson_nll of an enormous log-rate": (ls.poisson_nll, (1e4, 3.0), {"full": True}, inf),
    "poisson_nll of a vanishing log-rate": (ls.poisson_nll, (-1e4, 3.0), {}, 3e4),
    "gaussian_nll": (ls.gaussian_nll, (0.0, 3.0, 4.0), {}, (math.log(4) + 9 / 4) / 2),
    "gaussian_nll, full": (ls.gaussian_nll, (0.0, 3.0, 4.0), {"full": True}, math.log(8 * math.pi) / 2 + 9 / 8),
    "gaussian_nll, below the floor of torch": (ls.gaussian_nll, (0.0, 0.0, 1e-12), {}, math.log(1e-12) / 2),
    "laplace_nll": (ls.laplace_nll, (0.0, 3.0, 4.0), {}, 3 / 4 + math.log(8)),
    "laplace_nll, a narrow one": (ls.laplace_nll, (0.0, 1.0, 1e-4), {}, 1e4 + math.log(2e-4)),
    "half_gamma": (ls.half_gamma, (math.log(2.0), 3.0), {}, math.log(2) + 1.5),
    "half_gamma, a vanishing mean": (ls.half_gamma, (-1e4, 3.0), {}, inf),
    "half_tweedie": (ls.half_tweedie, (math.log(4.0), 3.0), {}, 2 / 0.5 + 3 / 0.5 / 2),
    "half_tweedie, inverse Gaussian": (ls.half_tweedie, (math.log(4.0), 3.0), {"power": 3.0}, -1 / 4 + 3 / 2 / 16),
    "half_tweedie, Poisson": (ls.half_tweedie, (math.log(4.0), 3.0), {"power": 1.0}, 4 - 3 * math.log(4)),
    "half_tweedie, gamma": (ls.half_tweedie, (math.log(4.0), 3.0), {"power": 2.0}, math.log(4) + 3 / 4),
    "half_tweedie at 0, a vanishing mean": (ls.half_tweedie, (-1e4, 0.0), {}, 0.0),
    "half_tweedie above 0, a vanishing mean": (ls.half_tweedie, (-1e4, 3.0), {}, inf),
    "half_tweedie, normal, an enormous mean": (ls.half_tweedie, (1e4, 3.0), {"power": 0.0}, inf),
    "half_tweedie, inverse Gaussian, a vanishing mean": (ls.half_tweedie, (-1e4, 3.0), {"power": 3.0}, inf),
    "half_tweedie_identity": (ls.half_tweedie_identity, (4.0, 9.0), {}, -4 * 3 + 9 + 4),
    "half_tweedie_identity, below 0": (ls.half_tweedie_identity, (1.0, -1.0), {"power": -1.0}, 1 / 2 + 1 / 3),
    "half_tweedie_identity, normal below 0": (ls.half_tweedie_identity, (4.0, -2.0), {"power": 0.0}, 18.0),
    "half_tweedie_identity at 0": (ls.half_tweedie_identity, (4.0, 0.0), {}, 4.0),
    "half_tweedie_identity, gamma at 0": (ls.half_tweedie_identity, (4.0, 0.0), {"power": 2.0}, inf),
    "half_tweedie_identity, normal": (ls.half_tweedie_identity, (4.0, 9.0), {"power": 0.0}, 12.5),
    "half_tweedie_identity, normal at 0": (ls.half_tweedie_identity, (4.0, 0.0), {"power": 0.0}, 8.0),
    "half_tweedie_identity, Poisson": (
        ls.half_tweedie_identity,
        (4.0, 9.0),
        {"power": 1.0},
        9 * math.log(9 / 4) - 9 + 4,
    ),
    "half_tweedie_identity, gamma": (ls.half_tweedie_identity, (4.0, 9.0), {"power": 2.0}, math.log(4 / 9) + 9 / 4 - 1),
    "half_tweedie_identity, inverse Gaussian": (ls.half_tweedie_identity, (4.0, 9.0), {"power": 3.0}, 25 / 9 / 16 / 2),
    "general_robust, quadratic": (ls.general_robust, (3.0, 0.0), {"alpha": 2.0, "scale": 2.0}, 9 / 8),
    "general_robust, Charbonnier": (ls.general_robust, (3.0, 0.0), {}, math.sqrt(10) - 1),
    "general_robust, Cauchy": (ls.general_robust, (3.0, 0.0), {"alpha": 0.0, "scale": 2.0}, math.log(17 / 8)),
    "general_robust, Geman and McClure": (ls.general_robust, (3.0, 0.0), {"alpha": -2.0}, 18 / 13),
    "general_robust, Welsch": (ls.general_robust, (3.0, 0.0), {"alpha": -inf}, 1 - math.exp(-4.5)),
    "general_robust, Welsch, a small error": (ls.general_robust, (1e-9, 0.0), {"alpha": -inf}, 5e-19),
    "general_robust, alpha = 4": (ls.general_robust, (3.0, 0.0), {"alpha": 4.0}, 0.5 * (5.5**2 - 1)),
    "general_robust, an outlier": (ls.general_robust, (1e8, 0.0), {"alpha": -2.0}, 2.0),
}


@pytest.mark.parametrize(("loss", "inputs", "parameters", "wanted"), VALUES.values(), ids=VALUES)
def test_a_value_is_its_closed_form(each, loss, inputs, parameters, wanted):
    assert each(loss, *inputs, **parameters) == pytest.approx(wanted, rel=4e-15, abs=0)


@pytest.mark.parametrize(("loss", "inputs", "parameters", "wanted"), VALUES.values(), ids=VALUES)
def test_a_derivative_is_never_nan(slope, loss, inputs, parameters, wanted):
    assert not math.isnan(slope(loss, *inputs, **parameters))
    if not math.isinf(wanted):
        for argument in loss.contract.inputs:
            assert math.isfinite(slope(loss, *inputs, wrt=argument.name, **parameters)), argument.name


@pytest.mark.parametrize("name", [a for a in VALUES if a.startswith(("half_tweedie", "general", "smooth"))])
def test_a_number_as_a_0d_array_gives_the_same(each, array, name):
    loss, inputs, parameters, wanted = VALUES[name]
    given = {key: array(value, "float64") for key, value in parameters.items()}
    assert each(loss, *inputs, **given) == pytest.approx(wanted, rel=4e-15, abs=0)


SLOPES = {
    "half a square: the difference": (ls.half_squared_error, (3.0, -1.0), {}, 4.0),
    "an absolute difference at 0": (ls.absolute_error, (1.0, 1.0), {}, 0.0),
    "smooth_l1 at 0": (ls.smooth_l1, (1.0, 1.0), {}, 0.0),
    "smooth_l1 at 0 with beta = 0": (ls.smooth_l1, (1.0, 1.0), {"beta": 0.0}, 0.0),
    "smooth_l1, a small error": (ls.smooth_l1, (1e-12, 0.0), {"beta": 2.0}, 5e-13),
    "smooth_l1, a large error": (ls.smooth_l1, (-7.0, 0.0), {"beta": 2.0}, -1.0),
    "pseudo_huber": (ls.pseudo_huber, (3.0, 0.0), {"delta": 4.0}, 3 / math.sqrt(1 + 9 / 16)),
    "pseudo_huber, a huge error": (ls.pseudo_huber, (-1e200, 0.0), {"delta": 4.0}, -4.0),
    "pseudo_huber, a far smaller delta": (ls.pseudo_huber, (3.0, 1.0), {"delta": 1e-200}, 1e-200),
    "log_cosh: tanh": (ls.log_cosh, (0.3, 0.0), {}, math.tanh(0.3)),
    "log_cosh far out": (ls.log_cosh, (20.0, 0.0), {}, math.tanh(20.0)),
    "quantile at the target": (ls.quantile, (1.0, 1.0), {"level": 0.9}, 0.0),
    "quantile, too low": (ls.quantile, (0.0, 1.0), {"level": 0.9}, -0.9),
    "expectile at the target": (ls.expectile, (1.0, 1.0), {"level": 0.9}, 0.0),
    "squared_log_error": (ls.squared_log_error, (math.e - 1, 0.0), {}, 2 / math.e),
    "a percentage at the target": (ls.absolute_percentage_error, (4.0, 4.0), {}, 0.0),
    "a percentage in the target": (ls.absolute_percentage_error, (1e-9, 4.0), {"wrt": "targets"}, 1e-9 / 16),
    "a percentage in a target below the floor": (
        ls.absolute_percentage_error,
        (3.0, 0.25),
        {"wrt": "targets", "epsilon": 0.5},
        -2.0,
    ),
    "epsilon_insensitive at the edge of the tube": (ls.epsilon_insensitive, (1.5, 1.0), {"epsilon": 0.5}, 0.0),
    "poisson_nll": (ls.poisson_nll, (math.log(2.0), 3.0), {}, -1.0),
    "poisson_nll in a target of 0": (ls.poisson_nll, (math.log(2.0), 0.0), {"wrt": "targets"}, -math.log(2)),
    "poisson_nll, full, in a target of 0": (
        ls.poisson_nll,
        (0.0, 0.0),
        {"wrt": "targets", "full": True},
        -0.57721566490153286,  # minus Euler's constant
    ),
    "poisson_nll of a rate of 0 at 0": (ls.poisson_nll, (0.0, 0.0), {"log_input": False}, 1.0),
    "gaussian_nll in the variance": (ls.gaussian_nll, (0.0, 3.0, 4.0), {"wrt": "variances"}, (1 / 4 - 9 / 16) / 2),
    "laplace_nll at the target": (ls.laplace_nll, (3.0, 3.0, 4.0), {}, 0.0),
    "half_gamma": (ls.half_gamma, (math.log(2.0), 3.0), {}, 1 - 1.5),
    "half_tweedie": (ls.half_tweedie, (math.log(4.0), 3.0), {}, 2 - 3 / 2),
    "half_tweedie_identity": (ls.half_tweedie_identity, (4.0, 9.0), {}, (4 - 9) / 4**1.5),
    "half_tweedie_identity at the target": (ls.half_tweedie_identity, (9.0, 9.0), {}, 0.0),
    "half_tweedie_identity in a target of 0": (ls.half_tweedie_identity, (4.0, 0.0), {"wrt": "targets"}, 0.0),
    "half_tweedie_identity, normal, in a target of 0": (
        ls.half_tweedie_identity,
        (4.0, 0.0),
        {"wrt": "targets", "power": 0.0},
        -4.0,
    ),
    "general_robust, Welsch, an outlier": (
        ls.general_robust,
        (6.0, 0.0),
        {"alpha": -inf},
        6 * math.exp(-18),
    ),
    "general_robust, Geman and McClure, an outlier": (
        ls.general_robust,
        (1e4, 0.0),
        {"alpha": -2.0},
        16e4 / (1e8 + 4) ** 2,
    ),
}


@pytest.mark.parametrize(("loss", "inputs", "parameters", "wanted"), SLOPES.values(), ids=SLOPES)
def test_a_derivative_is_its_closed_form_and_the_declared_one_at_a_kink(slope, loss, inputs, parameters, wanted):
    assert slope(loss, *inputs, **parameters) == pytest.approx(wanted, rel=1e-14, abs=0)


def test_log_cosh_keeps_its_digits_in_single_precision_and_does_not_overflow(each):
    small = float(np.float32(1e-4))
    assert each(ls.log_cosh, small, 0.0, dtype="float32") == pytest.approx(small**2 / 2, rel=3e-7)
    assert each(ls.log_cosh, 1e4, 0.0, dtype="float32") == pytest.approx(1e4 - math.log(2), rel=3e-7)


@pytest.mark.parametrize("mean", [1.0, 3.5, 10.0, 25.0, 1e4])
@pytest.mark.parametrize("log_input", [True, False])
def test_the_full_poisson_likelihood_of_its_mean_is_small_and_right(each, mean, log_input):
    if mean == 3.5:  # Gamma(9 / 2) = 105 sqrt(pi) / 16
        wanted = mean - mean * math.log(mean) + math.log(105 * math.sqrt(math.pi) / 16)
    elif mean < 20:
        wanted = mean - mean * math.log(mean) + math.log(math.factorial(int(mean)))
    else:  # Stirling's series, whose next term is below 1e-14
        wanted = math.log(2 * math.pi * mean) / 2 + 1 / (12 * mean) - 1 / (360 * mean**3) + 1 / (1260 * mean**5)
        wanted -= 1 / (1680 * mean**7)
    given = math.log(mean) if log_input else mean
    assert each(ls.poisson_nll, given, mean, log_input=log_input, full=True) == pytest.approx(wanted, rel=8e-15)


def test_the_factorial_keeps_its_digits_near_zero(each):
    """The logarithm of y! is -gamma y + pi^2 y^2 / 12 - ...; the mean exp(-1000) is 0."""
    for y in (1e-12, 1e-6):
        value = each(ls.poisson_nll, -1e3, y, full=True)
        assert value / y - 1e3 == pytest.approx(-0.57721566490153286 + math.pi**2 * y / 12, rel=1e-11)


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5, 2.0, 3.0])
def test_a_small_tweedie_deviance_keeps_its_digits(each, power):
    """Near the target it is y^(2 - p) t^2 / 2 (1 + t (3 - 2p) / 3), with t = log(mean / target)."""
    y, t = 3.0, 2.0**-20
    mean = y * (1 + t)
    log = t - t * t / 2 + t**3 / 3
    wanted = y ** (2 - power) * log**2 / 2 * (1 + log * (3 - 2 * power) / 3)
    assert each(ls.half_tweedie_identity, mean, y, power=power) == pytest.approx(wanted, rel=1e-9)
    assert each(ls.half_tweedie_identity, y, y, power=power) == 0.0


@pytest.mark.parametrize("power", [-1.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_a_tweedie_deviance_of_numbers_far_apart_and_its_derivatives_are_never_nan(backend, power):
    """The definition in multiple precision decides; no derivative is a product that overflows before it does."""
    sizes = [1e-26, 1e-12, 1e-3, 1.0, 1e3, 1e12, 1e26]
    means, targets = (np.asarray(x, np.float32) for x in zip(*itertools.product(sizes, sizes), strict=True))
    given = backend.from_numpy(means), backend.from_numpy(targets)
    loss = ls.half_tweedie_identity.configured(power=power)
    with np.errstate(all="ignore"):
        values = backend.to_numpy(loss.per_example(*given))
        first = backend.to_numpy(loss.grad(*given, reduction="sum"))
        second = backend.to_numpy(loss.grad_hess(*given)[1])
    with mpmath.workdps(200):
        p = mpmath.mpf(power)
        for number, (m, t) in enumerate(itertools.product([mpmath.mpf(float(np.float32(x))) for x in sizes], repeat=2)):
            of_mean = (m - t) * m**-p
            of_target = mpmath.log(t / m) if p == 1 else (t ** (1 - p) - m ** (1 - p)) / (1 - p)
            bend = m**-p * (1 - p + p * t / m)
            wanted = definitions.half_tweedie_identity(m, t, p), of_mean, bend
            scales = (
                abs(m * of_mean) + abs(t * of_target),
                abs(m * bend) + t * m**-p,
                abs(p * t / m) * m**-p + abs(bend),
            )
            for found, right, scale in zip((values, first, second), wanted, scales, strict=True):
                assert not np.isnan(found[number])
                if 8 * (abs(right) + scale) < np.finfo(np.float32).max:
                    error = abs(mpmath.mpf(float(found[number])) - right)
                    assert error <= 8 * np.finfo(np.float32).eps * (abs(right) + 2 * scale) + np.finfo(np.float32).tiny


def test_the_deviance_with_its_constant_is_the_one_without_and_a_function_of_the_target(each):
    for power in (0.0, 1.0, 1.2, 1.5, 2.0, 3.0):
        for y in (0.5, 4.0):
            apart = [
                each(ls.half_tweedie_identity, math.exp(raw), y, power=power)
                - each(ls.half_tweedie, raw, y, power=power)
                for raw in (-1.0, 0.0, 2.0)
            ]
            assert np.ptp(apart) < 1e-12


def test_the_deviance_is_continuous_in_its_power(each):
    for power in (1.0, 2.0):
        at = each(ls.half_tweedie_identity, 3.0, 5.0, power=power)
        for near in (power - 1e-9, power + 1e-9):
            assert each(ls.half_tweedie_identity, 3.0, 5.0, power=near) == pytest.approx(at, rel=1e-8)


# Barron's family.


@pytest.mark.parametrize(("alpha", "near"), [(0.0, 1e-10), (0.0, -1e-10), (2.0, 1e-12), (2.0, -1e-12)])
def test_the_robust_family_is_smooth_at_its_removable_singularities(each, slope, alpha, near):
    for error in (1e-5, 0.7, 30.0):
        for measure in (each, slope):
            at = measure(ls.general_robust, error, 0.0, alpha=alpha)
            assert measure(ls.general_robust, error, 0.0, alpha=alpha + near) == pytest.approx(at, rel=1e-9)


def test_the_robust_family_reaches_its_limit_at_minus_infinity(each):
    for error in (0.1, 2.0, 50.0):
        limit = each(ls.general_robust, error, 0.0, alpha=-inf)
        assert each(ls.general_robust, error, 0.0, alpha=-1e12) == pytest.approx(limit, rel=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1e-14, -1e-8])
def test_a_learned_alpha_near_0_has_a_right_derivative(backend, alpha):
    """d/dalpha at 0 is L^2 / 4 - L / 2 + z / (4 + 2 z), with L = log(1 + z / 2)."""
    error = 1.5
    z = error**2
    log = math.log1p(z / 2)
    x = backend.from_numpy(np.asarray([error]))

    def of_alpha(alpha):
        return ls.general_robust(x, backend.namespace.zeros_like(x), alpha=alpha)

    _, (derivative,) = ls.value_and_grad(of_alpha, (0,))(backend.from_numpy(np.asarray(alpha)))
    assert float(backend.to_numpy(derivative)) == pytest.approx(log**2 / 4 - log / 2 + z / (4 + 2 * z), rel=1e-7)


@pytest.mark.parametrize("alpha", [2.0, -inf])
def test_a_learned_alpha_at_a_limit_has_derivative_0(backend, alpha):
    x = backend.from_numpy(np.asarray([1.5]))

    def of_alpha(alpha):
        return ls.general_robust(x, backend.namespace.zeros_like(x), alpha=alpha)

    _, (derivative,) = ls.value_and_grad(of_alpha, (0,))(backend.from_numpy(np.asarray(alpha)))
    assert float(backend.to_numpy(derivative)) == 0.0


# Relations between the losses, and what is claimed of them.


def test_smooth_l1_is_huber_over_beta_and_quantile_half_the_absolute_error():
    random = np.random.default_rng(0)
    x, y = random.normal(0, 3, (2, 50))
    for beta in (0.3, 1.0, 4.0):
        assert np.allclose(ls.smooth_l1(x, y, beta=beta), ls.huber(x, y, delta=beta) / beta, rtol=1e-14)
        scaled = ls.general_robust.per_example(x, y, scale=beta) * beta**2
        assert np.allclose(ls.pseudo_huber.per_example(x, y, delta=beta), scaled, rtol=1e-13)
    assert np.allclose(ls.quantile(x, y), ls.absolute_error(x, y) / 2, rtol=1e-15)
    assert np.allclose(ls.expectile(x, y), ls.half_squared_error(x, y), rtol=1e-15)


def test_the_best_constant_prediction_is_the_quantile_and_the_expectile():
    y = np.asarray([0.0, 1.0, 2.0, 3.0, 10.0])
    grid = np.linspace(-1, 11, 1201)

    def best(loss, level):
        return grid[np.argmin([loss(np.full(5, x), y, level=level) for x in grid])]

    assert best(ls.quantile, 0.7) == pytest.approx(3.0)
    assert best(ls.quantile, 0.5) == pytest.approx(2.0)
    assert best(ls.expectile, 0.5) == pytest.approx(3.2)
    above = best(ls.expectile, 0.9)  # 0.9 * sum of what lies above it = 0.1 * sum of what lies below
    assert 0.9 * (10 - above) == pytest.approx(0.1 * np.sum(above - y[:4]), abs=0.05)


CONVEX = [
    (ls.half_squared_error, {}),
    (ls.absolute_error, {}),
    (ls.smooth_l1, {}),
    (ls.pseudo_huber, {}),
    (ls.log_cosh, {}),
    (ls.quantile, {"level": 0.8}),
    (ls.expectile, {"level": 0.8}),
    (ls.epsilon_insensitive, {"epsilon": 0.7}),
    (ls.epsilon_insensitive, {"epsilon": 0.7, "squared": True}),
    (ls.poisson_nll, {}),
    (ls.half_gamma, {}),
    (ls.half_tweedie, {}),
    (ls.general_robust, {"alpha": 1.0}),
    (ls.general_robust, {"alpha": 1.7}),
]


@pytest.mark.parametrize(("loss", "parameters"), CONVEX, ids=lambda x: getattr(x, "__name__", str(x)))
def test_a_loss_that_is_called_convex_is_convex(loss, parameters):
    random = np.random.default_rng(1)
    x, z = random.normal(0, 3, (2, 200))
    y = random.exponential(2.0, 200)
    middle, ends = (
        loss.per_example((x + z) / 2, y, **parameters),
        [loss.per_example(end, y, **parameters) for end in (x, z)],
    )
    assert np.all(middle <= (ends[0] + ends[1]) / 2 + 1e-12 * (1 + abs(middle)))


def test_a_robust_loss_below_alpha_1_is_not_convex():
    x, y = np.asarray([2.0, 4.0, 6.0]), np.zeros(3)
    ends = ls.general_robust.per_example(x, y, alpha=0.0)
    assert ends[1] > (ends[0] + ends[2]) / 2


def test_tweedie_deviance_is_never_negative():
    random = np.random.default_rng(2)
    mean, y = np.exp(random.normal(0, 2, (2, 500)))
    for power in (-1.0, 0.0, 1.0, 1.5, 2.0, 3.0):
        assert np.all(ls.half_tweedie_identity.per_example(mean, y, power=power) >= 0)


# Cosines.


def test_cosines_of_known_angles(array, plain):
    angle = 1e-7
    x = array([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    y = array([[6.0, 8.0], [0.0, 2.0], [-5.0, 0.0], [math.cos(angle), math.sin(angle)], [1.0, 2.0], [0.0, 0.0]])
    distance = plain(ls.cosine_distance.per_example(x, y))
    assert distance == pytest.approx([0.0, 1.0, 2.0, angle**2 / 2, 1.0, 1.0], rel=1e-8, abs=1e-30)
    similarity = plain(ls.cosine_distance.per_example(x, y, form="similarity"))
    assert similarity == pytest.approx([1.0, 0.0, -1.0, math.cos(angle), 0.0, 0.0], rel=1e-15, abs=1e-16)
    assert plain(ls.get("keras:CosineSimilarity").per_example(x, y)).tolist() == (-similarity).tolist()
    for loss in (ls.cosine_distance, ls.cosine_distance.configured(form="similarity")):
        for gradient in loss.grad(x, y, wrt=("predictions", "targets"), reduction="sum"):
            assert plain(gradient)[4:].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_cosine_of_short_and_of_long_vectors(array, plain):
    for size in (1e-200, 1e200):
        x, y = array([[size, 0.0]]), array([[size, size]])
        assert plain(ls.cosine_distance(x, y, form="similarity")) == pytest.approx(math.sqrt(0.5), rel=1e-15)


# Broadcast variances and scales, names, and what is refused.


def test_one_variance_for_a_row(array, plain):
    x, y = array([[0.0, 1.0], [2.0, 3.0]]), array([[1.0, 1.0], [0.0, 0.0]])
    of_rows, of_all = array([[1.0], [4.0]]), array([[1.0, 1.0], [4.0, 4.0]])
    for loss in (ls.gaussian_nll, ls.laplace_nll):
        whole = plain(loss.per_example(x, y, of_all))
        assert plain(loss.per_example(x, y, of_rows)).tolist() == whole.tolist()
        name = loss.contract.inputs[2].name
        wanted = plain(loss.grad(x, y, of_all, wrt=name, reduction="sum")).sum(axis=1, keepdims=True)
        assert np.allclose(plain(loss.grad(x, y, of_rows, wrt=name, reduction="sum")), wanted, rtol=1e-14)
    with pytest.raises(ContractError, match=r"gaussian_nll: `variances` has shape \(2,\)"):
        ls.gaussian_nll(x, y, array([1.0, 4.0]))


NAMES = {
    "half_squared_error": "HalfSquaredError",
    "absolute_error": "l1_loss L1Loss mean_absolute_error MeanAbsoluteError AbsoluteError",
    "smooth_l1": "smooth_l1_loss SmoothL1Loss",
    "huber": "torch:huber_loss torch:HuberLoss Huber",
    "log_cosh": "logcosh LogCosh log_cosh_error",
    "quantile": "pinball pinball_loss PinballLoss mean_pinball_loss",
    "squared_log_error": "mean_squared_log_error mean_squared_logarithmic_error MeanSquaredLogarithmicError",
    "poisson_nll": "poisson_nll_loss PoissonNLLLoss half_poisson HalfPoissonLoss",
    "gaussian_nll": "gaussian_nll_loss GaussianNLLLoss",
    "half_gamma": "HalfGammaLoss",
    "half_tweedie": "HalfTweedieLoss",
    "half_tweedie_identity": "HalfTweedieLossIdentity",
}


@pytest.mark.parametrize(("name", "aliases"), NAMES.items(), ids=NAMES)
def test_the_names_of_other_libraries(name, aliases):
    assert all(ls.get(alias) is ls.get(name) for alias in aliases.split())


CONFIGURED = {
    "l2_loss": ((3.0, 1.0), [2.0]),
    "MeanAbsolutePercentageError": ((5.0, 4.0), 25.0),
    "keras:mean_absolute_percentage_error": ((5.0, 4.0), 25.0),
    "sklearn:mean_absolute_percentage_error": ((5.0, 4.0), 0.25),
    "Poisson": ((2.0, 3.0), 2 - 3 * math.log(2)),
    "poisson": ((2.0, 3.0), 2 - 3 * math.log(2)),
    "squared_epsilon_insensitive": ((2.0, 0.5), 1.4**2),
    "charbonnier_loss": ((3.0, 0.0), [math.sqrt(10) - 1]),
    "cauchy": ((3.0, 0.0), math.log(5.5)),
    "cauchy_loss": ((3.0, 0.0), [math.log(5.5)]),
    "geman_mcclure_loss": ((3.0, 0.0), [18 / 13]),
    "welsch_loss": ((3.0, 0.0), [1 - math.exp(-4.5)]),
    "welsch": ((3.0, 0.0), 1 - math.exp(-4.5)),
    "geman_mcclure": ((3.0, 0.0), 18 / 13),
}


@pytest.mark.parametrize(("name", "call"), CONFIGURED.items(), ids=CONFIGURED)
def test_names_that_mean_a_loss_under_other_defaults(name, call):
    inputs, wanted = call
    assert ls.get(name)(*(np.asarray([x]) for x in inputs)).tolist() == pytest.approx(wanted, rel=1e-14)


def test_a_limit_at_infinity_is_json():
    assert ls.get("welsch").contract.to_dict()["parameters"][0]["default"] == "-inf"
    assert ls.general_robust.contract.to_dict()["also"]["welsch"] == {"alpha": "-inf"}


REFUSED = {
    "beta below 0": (ls.smooth_l1, {"beta": -1.0}, r"smooth_l1: `beta` is -1.0; its domain is \[0, inf\)"),
    "delta 0": (ls.pseudo_huber, {"delta": 0.0}, r"pseudo_huber: `delta` is 0.0; its domain is \(0, inf\)"),
    "a level above 1": (ls.quantile, {"level": 1.5}, r"quantile: `level` is 1.5; its domain is \[0, 1\]"),
    "a level below 0": (ls.expectile, {"level": -0.5}, "expectile: `level` is -0.5"),
    "no floor": (ls.absolute_percentage_error, {"epsilon": 0.0}, "absolute_percentage_error: `epsilon` is 0.0"),
    "a negative tube": (ls.epsilon_insensitive, {"epsilon": -0.1}, "epsilon_insensitive: `epsilon` is -0.1"),
    "scale 0": (ls.general_robust, {"scale": 0.0}, "general_robust: `scale` is 0.0"),
    "alpha inf": (ls.general_robust, {"alpha": inf}, r"general_robust: `alpha` is inf; its domain is \[-inf, inf\)"),
    "alpha nan": (ls.general_robust, {"alpha": nan}, "general_robust: `alpha` is nan"),
}


@pytest.mark.parametrize(("loss", "parameters", "words"), REFUSED.values(), ids=REFUSED)
def test_a_parameter_outside_its_domain_is_refused(loss, parameters, words):
    with pytest.raises(ContractError, match=words):
        loss(np.ones(2), np.ones(2), **parameters)


def test_a_flag_is_a_flag():
    with pytest.raises(DTypeError, match="poisson_nll: `full` is 1; it must be of type bool"):
        ls.poisson_nll(np.ones(2), np.ones(2), full=1)


OUTSIDE = {
    "a negative count": (lambda a: ls.poisson_nll(a([0.0]), a([-1.0])), "poisson_nll: `targets` holds -1.0"),
    "a negative rate": (
        lambda a: ls.poisson_nll(a([-1.0]), a([1.0]), log_input=False),
        "poisson_nll: `predictions` holds -1.0 at index .* its domain is .* `log_input` is false",
    ),
    "a variance of 0": (lambda a: ls.gaussian_nll(a([0.0]), a([1.0]), a([0.0])), "gaussian_nll: `variances` holds 0.0"),
    "a scale below 0": (lambda a: ls.laplace_nll(a([0.0]), a([1.0]), a([-1.0])), "laplace_nll: `scales` holds -1.0"),
    "an amount of 0": (lambda a: ls.half_gamma(a([0.0]), a([0.0])), "half_gamma: `targets` holds 0.0"),
    "a negative amount": (lambda a: ls.half_tweedie(a([0.0]), a([-2.0])), "half_tweedie: `targets` holds -2.0"),
    "a mean of 0": (lambda a: ls.half_tweedie_identity(a([0.0]), a([1.0])), "`predictions` holds 0.0"),
    "a loss of all": (lambda a: ls.squared_log_error(a([-1.0]), a([1.0])), "`predictions` holds -1.0"),
}


@pytest.mark.parametrize(("call", "words"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_value_outside_its_domain_raises_where_values_are_checked(array, call, words):
    with ls.checking("values"), pytest.raises(ContractError, match=words):
        call(array)


def test_a_log_rate_may_be_negative_where_values_are_checked(array, plain):
    with ls.checking("values"):
        assert plain(ls.poisson_nll(array([-1.0]), array([0.0]))) == pytest.approx(math.exp(-1), rel=1e-15)


# Far out, and at the ends of parameters: right values by mpmath or by hand.


@pytest.mark.parametrize(
    ("alpha", "value", "gradient"),
    [
        (0.0, 2 * math.log(1e20) - math.log(2), 2e-20),  # log(1 + z / 2), and 2 / e
        (1.0, 1e20, 1.0),
        (-2.0, 2.0, 0.0),
        (-inf, 1.0, 0.0),
        (0.5, 3 * ((1e40 / 1.5) ** 0.25 - 1), 1e20 / 1.5 * (1e40 / 1.5) ** -0.75 * 1.5),
    ],
)
def test_an_outlier_whose_square_is_beyond_the_dtype_has_its_robust_loss(each, slope, alpha, value, gradient):
    assert each(ls.general_robust, 1e20, 0.0, alpha=alpha, dtype="float32") == pytest.approx(value, rel=1e-6)
    found = slope(ls.general_robust, 1e20, 0.0, alpha=alpha, dtype="float32")
    assert found == pytest.approx(gradient, rel=1e-6, abs=1e-30)


def test_a_product_that_is_in_range_does_not_overflow_on_the_way(each, slope):
    truth = 1e-8 * math.exp(100)
    assert each(ls.half_gamma, -100.0, 1e-8, dtype="float32") == pytest.approx(truth, rel=1e-5)
    assert slope(ls.half_gamma, -100.0, 1e-8, dtype="float32") == pytest.approx(-truth, rel=1e-5)
    assert each(ls.half_tweedie, -100.0, 1e-8, power=2, dtype="float32") == pytest.approx(truth, rel=1e-5)


def test_a_power_is_taken_from_2_before_it_is_rounded_to_the_dtype(each):
    truth = math.exp((2 - 1.9) * 700) / (2 - 1.9) + math.exp((1 - 1.9) * 700) / 0.9
    assert each(ls.half_tweedie, 700.0, 1.0, power=1.9, dtype="float32") == pytest.approx(truth, rel=1e-6)


def test_of_two_terms_that_overflow_the_larger_one_is_the_loss(each):
    assert each(ls.half_tweedie, 709.7, 2.0, power=0) == inf


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_deviance_of_tiny_means_bends_as_it_should(backend, power):
    with np.errstate(over="ignore"):
        x = backend.from_numpy(np.asarray([1e-18], np.float32))
        _, hessian = ls.half_tweedie_identity.grad_hess(x, x, power=power)
    assert backend.to_numpy(hessian)[0] == pytest.approx(1e18**power, rel=1e-5)


@pytest.mark.parametrize(("power", "target"), [(0, -2.0), (-3, -1.0), (1.5, 0.0), (2, 0.5)])
def test_what_a_tweedie_distribution_of_that_power_gives_is_admitted(each, power, target):
    with ls.checking("values"):
        assert math.isfinite(each(ls.half_tweedie, 0.5, target, power=power))


@pytest.mark.parametrize(("power", "target"), [(1.5, -1.0), (2, 0.0), (3, 0.0), (2, -1.0), (0, nan)])
def test_what_it_does_not_give_is_refused(each, power, target):
    with ls.checking("values"), pytest.raises(ContractError, match="half_tweedie: `targets` holds"):
        each(ls.half_tweedie, 0.5, target, power=power)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("full", [False, True])
def test_poisson_nll_of_a_mean_beyond_the_dtype_is_infinite(array, plain, dtype, full):
    """The difference is no NaN where the product with the target overflows too."""
    huge = 1e30 if dtype == "float32" else 1e200
    logs, counts = (array([huge] * 4, dtype), array([0.0, 1.0, 20.0, huge], dtype))
    with np.errstate(over="ignore"):
        value = ls.poisson_nll.per_example(logs, counts, full=full)
        gradient = ls.poisson_nll.grad(logs, counts, reduction="sum", full=full)
    assert plain(value).tolist() == plain(gradient).tolist() == [math.inf] * 4


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_balanced_l1_goes_on_where_its_pieces_meet(array, plain, beta):
    b, errors = math.expm1(3), np.asarray([beta * (1 - 1e-12), beta, beta * (1 + 1e-12), 5.0])
    wanted = 1.5 * np.asarray([beta, beta, beta, 5.0]) + 1.5 / b - 0.5 * beta
    values = plain(ls.balanced_l1.per_example(array(errors), array(0 * errors), beta=beta))
    np.testing.assert_allclose(values, wanted, rtol=1e-11)


def test_small_errors_of_balanced_l1_keep_their_digits_and_their_curvature(backend):
    error = 1e-9
    x, zero = (backend.from_numpy(np.asarray([e, -e, 0.0])) for e in (error, 0.0))
    curvature = 0.5 * math.expm1(3)
    value = backend.to_numpy(ls.balanced_l1.per_example(x, zero))
    np.testing.assert_allclose(value, [curvature * error**2 / 2] * 2 + [0], rtol=1e-7)
    slope, bend = (backend.to_numpy(g) for g in ls.balanced_l1.grad_hess(x, zero))
    np.testing.assert_allclose(slope, [curvature * error, -curvature * error, 0], rtol=1e-7)
    np.testing.assert_allclose(bend, [curvature] * 3, rtol=1e-6)


def test_a_power_beyond_the_dtype_leaves_balanced_l1_finite(array, plain):
    """With alpha far below gamma it is gamma d + alpha d (log(d / beta) - 1) up to beta."""
    errors = np.asarray([0.0, 1e-30, 0.25, 0.75])
    values = plain(ls.balanced_l1.per_example(array(errors), array(0 * errors), alpha=1e-3))
    wanted = 1.5 * errors[1:] + 1e-3 * errors[1:] * (np.log(errors[1:]) - 1)
    np.testing.assert_allclose(values, [0, *wanted], rtol=1e-13)


def test_balanced_l1_has_the_derivative_0_at_its_kink(backend):
    x = backend.from_numpy(np.zeros(1))
    for beta in (0.5, 2.0):
        value, gradient = ls.balanced_l1.value_and_grad(x, x, beta=beta)
        assert float(value) == 0 == float(backend.to_numpy(gradient)[0])
