"""The oracle's second derivatives against closed forms, and the interval or freedom that it leaves at kinks."""

from dataclasses import replace

import numpy as np
import pytest
from mpmath import cos, exp, log, mp, mpf, sin, sqrt, tanh

from lossspec import get
from lossspec.conformance.cases import Case, make_cases
from lossspec.conformance.measure import error
from lossspec.conformance.oracle import case_hash, curvature, derivative, solve, solve_hessians
from lossspec.conformance.store import HESSIAN, Store
from lossspec.conformance.vectors import DTYPES


def softplus(x):
    return log(1 + exp(x))


def huber(x, delta=1):
    return x * x / 2 if abs(x) <= delta else delta * (abs(x) - mpf(delta) / 2)


def second(function, x):
    """The interval of second derivatives at a point, or None where any number is right."""
    found = derivative(lambda point: function(*point), [mpf(float(x))], 0, curvature)
    return found and found[:2]


@pytest.mark.parametrize(
    ("function", "x", "exact"),
    [
        (lambda x: x**3, 2, lambda x: 6 * x),
        (lambda x: x**3, 0, lambda x: mpf(0)),
        (lambda x: x**2, "1e4", lambda x: mpf(2)),
        (exp, -3, exp),
        (exp, 200, exp),
        (softplus, 0, lambda x: mpf(1) / 4),
        (softplus, 40, lambda x: exp(-x) / (1 + exp(-x)) ** 2),
        (softplus, -300, lambda x: exp(x) / (1 + exp(x)) ** 2),
        (tanh, "0.3", lambda x: -2 * tanh(x) * (1 - tanh(x) ** 2)),
        (log, "1e-6", lambda x: -1 / x**2),
        (lambda x: sin(x) + x, 1, lambda x: -sin(x)),
        (lambda x: sqrt(x * x + 1), "1e-3", lambda x: (x * x + 1) ** mpf("-1.5")),
        (lambda x: 5 * x, 3, lambda x: mpf(0)),
        (abs, "-1e-6", lambda x: mpf(0)),
        (huber, "0.999999", lambda x: mpf(1)),
        (huber, "1.000001", lambda x: mpf(0)),
        (cos, 0, lambda x: mpf(-1)),
    ],
)
def test_a_smooth_function_has_its_second_derivative(function, x, exact):
    low, high = second(function, x)
    assert low == high
    with mp.workdps(60):
        wanted = exact(mpf(float(x)))
        assert abs(low - wanted) <= mpf(10) ** -20 * abs(wanted) + mpf(10) ** -330


@pytest.mark.parametrize(
    ("function", "x", "interval"),
    [
        (huber, 1, (0, 1)),
        (huber, -1, (0, 1)),
        (lambda x: x * abs(x), 0, (-2, 2)),
        (lambda x: max(x, 0) ** 2, 0, (0, 2)),
    ],
)
def test_where_the_slope_has_a_kink_all_between_the_sides_is_right(function, x, interval):
    assert [abs(a - b) < 1e-18 for a, b in zip(second(function, x), interval, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (abs, 0),
        (lambda x: max(x, 0), 0),
        (lambda x: abs(x) + x * x, 0),
        (lambda x: x**2 if x > 0 else x, 0),
        (lambda x: abs(x) ** mpf("1.5"), 0),
        (lambda x: x * log(x) if x else mpf(0), 0),
        (sqrt, 0),
    ],
)
def test_where_there_is_no_second_derivative_any_number_is_right(function, x):
    assert second(function, x) is None


def test_the_scale_is_what_the_last_digits_of_all_inputs_do():
    loss = get("huber")
    case = next(case for case in make_cases(loss.contract, DTYPES["float64"]) if case.name == "typical")
    components = [c for unit in solve_hessians(loss, case) for c in unit]
    assert {c.name for c in components} == {"predictions", "targets"}
    for c in components:
        d = abs(case.inputs["predictions"][c.index] - case.inputs["targets"][c.index])
        assert (float(c.low), c.scale) == pytest.approx((float(d < 1), float(d < 1)), abs=1e-18)
    loss = get("binary_cross_entropy_with_logits")
    case = next(case for case in make_cases(loss.contract, DTYPES["float64"]) if case.name == "typical")
    of_logits = [c for unit in solve_hessians(loss, case) for c in unit if c.name == "logits"]
    for c in of_logits:  # h = (pos_weight t + 1 - t) p (1 - p) at pos_weight = 1, which is a real input as well
        z, t = (case.inputs[name][c.index] for name in ("logits", "targets"))
        p = 1 / (1 + exp(-mpf(float(z))))
        h = p * (1 - p)
        assert float(c.low) == pytest.approx(float(h), rel=1e-14)
        assert c.scale == pytest.approx(float(h + abs(z * h * (1 - 2 * p)) + t * h), rel=1e-12)


@pytest.mark.parametrize("z", [-20, -50, -75, -95, -300])
def test_the_scale_of_a_derivative_near_0_is_no_noise_of_the_digits(z):
    loss = get("gan_generator")
    typical = next(case for case in make_cases(loss.contract, DTYPES["float64"]) if case.name == "typical")
    case = replace(typical, inputs={"fake_logits": np.full(1, -float(z))})
    (gradient,), (second,) = solve(loss, case).components[0], solve_hessians(loss, case)[0]
    p = 1 / (1 + exp(-mpf(z)))
    h = p * (1 - p)
    assert (float(gradient.low), float(second.low)) == pytest.approx((float(-p), float(h)), rel=1e-14, abs=0)
    assert gradient.scale == pytest.approx(float(p - z * h), rel=1e-12, abs=0)
    assert second.scale == pytest.approx(float(h - z * h * (1 - 2 * p)), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("name", "inputs", "parameters"),
    [
        ("log_logistic_aft", {"predictions": [0.5], "bounds": [[2.0, 2.0]], "scales": [1.5]}, {}),
        ("weibull_aft", {"predictions": [0.5], "bounds": [[2.0, 2.0]], "scales": [1.5]}, {}),
        ("cox", {"log_hazards": [0.1, 0.3, 0.2], "times": [1.0, 1.0, 2.0], "events": [1, 1, 0]}, {"ties": "efron"}),
        (
            "cosent",
            {"first": [[1.0, 2.0]] * 2, "second": [[2.0, 1.0], [1.0, 3.0]], "labels": [1.0, 1.0]},
            {"scale": 1.0},
        ),
        (  # of more than 40 inputs, which move together
            "cosent",
            {"first": [[1.0, 2.0] * 6] * 2, "second": [[2.0, 1.0] * 6, [1.0, 3.0] * 6], "labels": [1.0, 1.0]},
            {"scale": 1.0},
        ),
    ],
)
def test_a_jump_beside_inputs_that_are_equal_is_no_scale(name, inputs, parameters):
    """With it any error would be right: one of 1e30 for a known time, whose bounds are equal."""
    arrays = {key: np.asarray(value) for key, value in inputs.items()}
    expected = solve(get(name), Case("ties", arrays, parameters))
    assert all(0 <= scale < 100 for scale in expected.scales)
    assert all(component.free or component.scale < 100 for unit in expected.components for component in unit)


@pytest.mark.parametrize("error", [2.0**-20, 0.25])
def test_the_scale_at_a_tie_is_that_of_the_ends_of_the_interval(error):
    """The gradient in one of two critics that are equal lies between that of the smaller one, which cancels, and 0."""
    inputs = {"values": 2.5 + error, "rewards": 2.0, "discounts": 0.5, "next_log_probabilities": 0.0}
    arrays = {name: np.asarray([value]) for name, value in inputs.items()} | {"next_values": np.asarray([[1.0, 1.0]])}
    found = solve(get("sac_critic"), Case("tie", arrays, {"temperature": 0.2})).components[0]
    tied = [c for c in found if c.name == "next_values"]
    assert len(tied) == 2
    for c in tied:  # -discounts (values - rewards - discounts next); one of both critics leaves the minimum as it moves
        assert (float(c.low), float(c.high)) == (-0.5 * error, 0.0)
        of_discounts = abs(error - 0.5 * 1.0)
        assert c.scale == pytest.approx(0.5 * (error + 2.5 + error + 2.0 + of_discounts + 0.5 * 1.0), rel=1e-12)


def test_the_scale_of_the_square_of_a_0_is_what_the_last_digits_of_the_inputs_do():
    loss = get("hausdorff_distance_transform")  # d = (p - t)^2 (a^2 + b^2), whose derivative in a is 2 a (p - t)^2
    typical = next(case for case in make_cases(loss.contract, DTYPES["float64"]) if case.name == "typical")
    pixel = {"probabilities": 0.5, "targets": 0.5, "predicted_distances": 2.0, "true_distances": 3.0}
    case = replace(typical, inputs={name: np.full((1, 1, 1, 1), value) for name, value in pixel.items()})
    eps = np.finfo(np.float64).eps
    scales = {c.name: c.scale for c in solve(loss, case).components[0]}
    assert scales["predicted_distances"] == pytest.approx(2 * 2.0 * eps, rel=1e-9, abs=0)  # p - t becomes eps
    assert scales["true_distances"] == pytest.approx(2 * 3.0 * eps, rel=1e-9, abs=0)


def test_second_derivatives_are_stored_beside_the_results_of_a_case_and_alone():
    loss, store = get("squared_error"), Store(recompute=True)
    case = store.cases(loss, "float32")[0]
    store.hessians(loss, case)
    assert case_hash(loss.contract, case) in store.missing(loss, "float32")
    assert case_hash(loss.contract, case) + HESSIAN not in store.missing(loss, "float32")
    assert store.computed == 1


def test_a_derivative_far_below_the_first_digits_is_seen():
    low, high, _ = derivative(lambda point: softplus(*point), [mpf(-400)], 0)
    assert float(low) == float(high) == pytest.approx(float(exp(mpf(-400))), rel=1e-14)


FAR = mpf("1e8685")


@pytest.mark.parametrize(
    ("got", "low", "high", "right"),
    [
        (-0.2, -FAR, mpf("-0.2"), True),
        (float("-inf"), -FAR, mpf("-0.2"), True),
        (-0.1, -FAR, mpf("-0.2"), False),
        (float("inf"), -FAR, mpf("-0.2"), False),
        (float("nan"), -FAR, mpf("-0.2"), False),
        (float("inf"), FAR, FAR, True),
        (1e308, FAR, FAR, False),
        (float("-inf"), FAR, FAR, False),
        (5.0, mpf(1), FAR, True),
        (float("inf"), mpf(1), FAR, True),
        (float("inf"), mpf(1), mpf(2), False),
    ],
)
def test_all_of_an_interval_is_right_where_one_end_is_beyond_the_dtype(got, low, high, right):
    assert (error(got, low, high, 1.0, np.float64) <= 1.0) == right
