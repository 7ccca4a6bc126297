"""Distillation against closed forms: values, small ones with their digits, temperatures, ruled out classes, limits."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError

inf = math.inf
DTYPES = [np.float32, np.float64]


def value_and_gradients(backend, loss, *inputs, **options):
    """The loss and its gradient in student and teacher, as NumPy arrays."""
    names = tuple(argument.name for argument in loss.contract.inputs)
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=names, **options)
    return float(backend.to_numpy(value)), [backend.to_numpy(gradient) for gradient in found]


def close(got, wanted, dtype=np.float64, ulps=8):
    return np.all(np.abs(np.asarray(got) - wanted) <= ulps * np.finfo(dtype).eps * np.abs(wanted))


def row(*numbers, dtype=np.float64):
    return np.asarray([numbers], dtype)


FORWARD = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # of (3/4, 1/4) from (1/2, 1/2)
REVERSE = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, 16 * FORWARD),
        ({"squared_temperature": False}, FORWARD),
        ({"direction": "reverse"}, 16 * REVERSE),
        ({"direction": "reverse", "squared_temperature": False}, REVERSE),
    ],
)
def test_distillation_has_its_closed_form(backend, options, wanted):
    student, teacher = row(5.0, 5.0), row(4 * math.log(3), 0.0)
    got, (of_student, _) = value_and_gradients(backend, ls.distillation, student, teacher, temperature=4.0, **options)
    assert close(got, wanted)
    if not options:
        assert close(of_student, row(-1.0, 1.0))  # temperature * (1/2 - 3/4)


def test_the_generalized_divergence_has_its_closed_form(backend):
    student, teacher = row(0.0, 0.0), row(2 * math.log(3), 0.0)
    wanted = 0.25 * (0.75 * math.log(0.75 / 0.5625) + 0.25 * math.log(0.25 / 0.4375))
    wanted += 0.75 * (0.5 * math.log(0.5 / 0.5625) + 0.5 * math.log(0.5 / 0.4375))
    got, _ = value_and_gradients(backend, ls.generalized_jsd, student, teacher, beta=0.25, temperature=2.0)
    assert close(got, wanted, ulps=32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_student_near_its_teacher_keeps_every_digit(backend, dtype):
    step = 2.0**-9
    student, teacher = row(step, -step, dtype=dtype), row(0.0, 0.0, dtype=dtype)
    log_cosh = step**2 / 2 - step**4 / 12 + step**6 / 45
    got, (of_student, of_teacher) = value_and_gradients(backend, ls.distillation, student, teacher)
    assert close(got, log_cosh, dtype)
    half = math.tanh(step) / 2
    assert close(of_student, row(half, -half), dtype)
    assert close(of_teacher, row(-step / 2, step / 2), dtype)
    got, (of_student, _) = value_and_gradients(backend, ls.generalized_jsd, student, teacher)
    # with t = tanh(step) the contrasts with the mixture are t / (2 + t) and t / (2 - t)
    t = math.tanh(step)
    pairs = ((0.5 + t / 4, t / (2 + t)), (0.5 - t / 4, t / (2 - t)))
    wanted = sum(m * sum(u ** (2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 5)) for m, u in pairs)
    assert close(got, wanted, dtype)
    # the derivative of the contrast's divergence in t, times that of tanh
    slope = (math.log1p(t) - math.log1p(t / 2) - math.log1p(-t) + math.log1p(-t / 2)) / 4 * (1 - t * t) / 2
    assert close(of_student, row(slope, -slope), dtype, ulps=16)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sure_student_of_a_sure_teacher_keeps_every_digit(backend, dtype):
    student, teacher = row(30, 0, dtype=dtype), row(40, 0, dtype=dtype)
    q, p = math.exp(-30) / (1 + math.exp(-30)), math.exp(-40) / (1 + math.exp(-40))
    wanted = p * (math.log(p) - math.log(q)) + (1 - p) * (math.log1p(-p) - math.log1p(-q))
    got, (of_student, of_teacher) = value_and_gradients(backend, ls.distillation, student, teacher)
    assert close(got, wanted, dtype, ulps=32)
    assert close(of_student, row(p - q, q - p), dtype, ulps=32)
    slope = 10 * p * (1 - p)
    assert close(of_teacher, row(slope, -slope), dtype, ulps=32)


def test_a_mixture_of_sure_answers_keeps_the_digits_of_its_gradients(backend):
    student, teacher = row(75.0, 0.0), row(35.0, 0.0)
    q, p = math.exp(-75), math.exp(-35)
    _, (of_student, of_teacher) = value_and_gradients(backend, ls.generalized_jsd, student, teacher)
    slope = q * (math.log(2 * q / (p + q)) + (q - p) / 2) / 2
    assert close(of_student, row(-slope, slope), ulps=32)
    slope = p * (math.log(2 * p / (p + q)) + (p - q) / 2) / 2
    assert close(of_teacher, row(-slope, slope), ulps=32)


def test_many_even_classes_keep_the_digits_of_their_gradients(backend):
    random = np.random.default_rng(2)
    student, teacher = (0.01 * random.standard_normal((1, 1000)) for _ in range(2))
    _, (of_student, _) = value_and_gradients(backend, ls.distillation, student, teacher)
    powers = [[math.exp(z) for z in logits] for logits in (student[0], teacher[0])]
    totals = [math.fsum(p) for p in powers]
    wanted = row(*(q / totals[0] - p / totals[1] for q, p in zip(*powers, strict=True)))
    assert np.max(np.abs(of_student - wanted)) <= 1e-3 * 4 * np.finfo(np.float64).eps  # each class has 1/1000


def test_the_gradient_of_a_teacher_survives_a_student_who_is_sure_of_another_class(backend):
    student, teacher = row(0.0, 1.0, 1e4), row(1.0, 0.0, -1e4)
    p = 1 / (1 + math.exp(-1))
    _, (_, of_teacher) = value_and_gradients(backend, ls.distillation, student, teacher)
    slope = p * (1 - p) * 2
    assert close(of_teacher, row(slope, -slope, 0.0))


def test_as_the_temperature_grows_half_the_variance_of_the_difference_remains(backend):
    student, teacher = row(1.0, -2.0, 4.0), row(0.0, 3.0, 3.0)
    got, _ = value_and_gradients(backend, ls.distillation, student, teacher, temperature=1e6)
    assert abs(got - np.var([1.0, -5.0, 1.0]) / 2) <= 1e-4


def test_a_learned_temperature_may_be_an_array(backend):
    student, teacher = row(0.0, 1.0), row(2.0, -1.0)
    plain = value_and_gradients(backend, ls.distillation, student, teacher, temperature=0.5)[0]
    warm = backend.from_numpy(np.asarray(0.5))
    assert value_and_gradients(backend, ls.distillation, student, teacher, temperature=warm)[0] == plain


def test_a_class_that_both_rule_out_changes_nothing(backend):
    student, teacher = row(0.0, 1.0, -inf), row(2.0, -1.0, -inf)
    for loss in (ls.distillation, ls.generalized_jsd):
        wanted, gradients = value_and_gradients(backend, loss, student[:, :2], teacher[:, :2])
        got, found = value_and_gradients(backend, loss, student, teacher)
        assert close(got, wanted)
        for mine, other in zip(found, gradients, strict=True):
            assert close(mine[:, :2], other)
            assert mine[0, 2] == 0


def test_a_class_that_one_rules_out(backend):
    student, teacher = row(0.0, 0.0, -inf), row(0.0, 0.0, 0.0)
    got, found = value_and_gradients(backend, ls.distillation, student, teacher)
    assert got == inf
    assert all(np.all(np.isfinite(gradient)) for gradient in found)
    got, found = value_and_gradients(backend, ls.distillation, student, teacher, direction="reverse")
    assert close(got, math.log(1.5))
    assert all(np.all(np.isfinite(gradient)) for gradient in found)
    got, found = value_and_gradients(backend, ls.generalized_jsd, student, teacher)
    assert close(got, 0.5 * (2 / 3 * math.log(0.8) + math.log(2) / 3) + 0.5 * math.log(1.2))
    assert all(np.all(np.isfinite(gradient)) for gradient in found)


@pytest.mark.parametrize("gap", [1e4, inf])
@pytest.mark.parametrize("beta", [0.5, 1e-6])
def test_disjoint_answers_are_as_far_apart_as_can_be(backend, gap, beta):
    student, teacher = row(0.0, -gap), row(-gap, 0.0)
    got, found = value_and_gradients(backend, ls.generalized_jsd, student, teacher, beta=beta)
    assert close(got, -beta * math.log(beta) - (1 - beta) * math.log1p(-beta))
    assert all(np.all(gradient == 0) for gradient in found)


def test_the_generalized_divergence_goes_to_both_directions_of_distillation(backend):
    student, teacher = row(0.0, 1.0, -1.0), row(2.0, -1.0, 0.0)
    for beta, direction in ((1e-9, "forward"), (1 - 2.0**-30, "reverse")):
        low, _ = value_and_gradients(backend, ls.generalized_jsd, student, teacher, beta=beta)
        limit, _ = value_and_gradients(backend, ls.distillation, student, teacher, direction=direction)
        assert abs(low / min(beta, 1 - beta) - limit) <= 1e-7


def test_a_shift_of_all_logits_changes_nothing(backend):
    student, teacher = row(0.0, 1.0, -1.0), row(2.0, -1.0, 0.0)
    for loss in (ls.distillation, ls.generalized_jsd):
        plain, _ = value_and_gradients(backend, loss, student, teacher)
        assert close(value_and_gradients(backend, loss, student + 64, teacher - 512)[0], plain)


def test_second_derivatives_are_those_of_the_softmax():
    student, teacher = row(0.3, -1.0, 2.0), row(1.0, 0.0, -2.0)
    q = np.exp(student) / np.sum(np.exp(student))
    p = np.exp(teacher) / np.sum(np.exp(teacher))
    for near in (student, student + row(1e-3, 2e-3, 0.0)):  # far from the teacher, and near one
        _, of_student = ls.distillation.grad_hess(student, teacher if near is student else near)
        assert np.allclose(of_student, q * (1 - q), rtol=1e-12)
    _, of_teacher = ls.distillation.grad_hess(student, teacher, wrt="teacher_logits")
    ratio = np.log(p / q)
    kl = np.sum(p * ratio)
    assert np.allclose(of_teacher, p * ((1 - 2 * p) * (ratio - kl) + 1 - p), rtol=1e-12)


BAD = {
    "a temperature of 0": (lambda: ls.distillation(row(0.0), row(0.0), temperature=0), ContractError, "`temperature`"),
    "beta of 0": (lambda: ls.generalized_jsd(row(0.0), row(0.0), beta=0.0), ContractError, "`beta` is 0.0"),
    "beta of 1": (lambda: ls.generalized_jsd(row(0.0), row(0.0), beta=1), ContractError, "(0, 1)"),
    "a direction": (lambda: ls.distillation(row(0.0), row(0.0), direction="both"), ContractError, "'both'"),
    "a number for a switch": (
        lambda: ls.distillation(row(0.0), row(0.0), squared_temperature=1),
        DTypeError,
        "squared_temperature",
    ),
    "a teacher of other classes": (
        lambda: ls.distillation(row(0.0, 1.0), row(0.0)),
        ContractError,
        "`teacher_logits` has shape (1, 1)",
    ),
    "labels for a teacher": (lambda: ls.distillation(row(0.0), np.asarray([0])), DTypeError, "`teacher_logits`"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_an_infinite_logit_is_refused_where_values_are_checked():
    with ls.checking("values"), pytest.raises(ContractError) as caught:
        ls.distillation(row(inf, 0.0), row(0.0, 0.0))
    assert "`student_logits` holds inf at index (0, 0)" in str(caught.value)


def test_decoupled_distillation_with_the_weights_of_the_teacher_is_distillation(backend):
    student, teacher, labels = row(0.5, -1.0, 2.0, 0.0), row(1.0, 0.25, -0.5, 0.75), np.asarray([2])
    p = np.exp(teacher / 2) / np.exp(teacher / 2).sum()
    inputs = (student, teacher, labels)
    names = ("student_logits", "teacher_logits")
    value, found = ls.decoupled_distillation.value_and_grad(
        *map(backend.from_numpy, inputs), wrt=names, temperature=2.0, beta=float(1 - p[0, 2])
    )
    wanted, (of_student, _) = value_and_gradients(backend, ls.distillation, student, teacher, temperature=2.0)
    assert close(float(backend.to_numpy(value)), wanted, ulps=64)
    assert np.allclose(backend.to_numpy(found[0]), of_student, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("student", "teacher", "wanted"),
    [
        ((0.0, -inf, -inf), (1.0, -inf, -inf), 0.0),
        ((0.0, 0.0, 0.0), (1.0, -inf, -inf), math.log(3)),
        ((0.0, -inf, 0.0), (0.0, 0.0, 0.0), inf),
        ((0.0, -inf, -inf), (0.0, 0.0, 0.0), inf),
    ],
)
def test_classes_that_are_ruled_out_of_decoupled_distillation(student, teacher, wanted, backend):
    inputs = row(*student), row(*teacher), np.asarray([0])
    value, gradient = ls.decoupled_distillation.value_and_grad(*map(backend.from_numpy, inputs), temperature=1.0)
    assert float(backend.to_numpy(value)) == pytest.approx(wanted, rel=1e-15)
    if wanted < inf:
        assert np.all(np.isfinite(backend.to_numpy(gradient)))


def test_relations_by_hand(array, plain):
    """Right angles at the first, 45 degrees at the others."""
    corner, line = array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), array([[0.0], [1.0], [2.0]])
    each = plain(ls.relational_angle.per_example(corner, line))
    half = (math.sqrt(0.5) + 1) - 0.5  # beyond the width of 1: from cos 45 degrees to -1
    assert each == pytest.approx([1 / 9, 2 * half / 9, (1 - math.sqrt(0.5)) ** 2 / 9], rel=1e-13)


def test_a_masked_example_has_no_relations_and_coinciding_ones_have_finite_gradients(backend):
    loss = ls.relational_angle
    rng = np.random.default_rng(2)
    x, y, keep = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), np.asarray([True, True, False, True])
    spoilt = np.where(keep[:, None], x, np.nan)
    value, gradient = loss.value_and_grad(*map(backend.from_numpy, (spoilt, y)), where=backend.from_numpy(keep))
    wanted, kept = loss.value_and_grad(*map(backend.from_numpy, (x[keep], y[keep])))
    assert float(backend.to_numpy(value)) == pytest.approx(float(backend.to_numpy(wanted)), rel=1e-13)
    assert backend.to_numpy(gradient)[keep] == pytest.approx(backend.to_numpy(kept), rel=1e-11)
    _, gradient = loss.value_and_grad(*map(backend.from_numpy, (np.ones((4, 3)), y)))
    assert not backend.to_numpy(gradient).any()


@pytest.mark.parametrize(("step", "temperature"), [(2.0**-23, 1.0), (2.0**-20, 1.0), (2.0**-7, 1e3)])
def test_generalized_jsd_of_logits_that_differ_by_their_last_digits(backend, step, temperature):
    """A variance of the differences, however small they are beside the roundings of a sum of exponentials."""
    random = np.random.default_rng(3)
    teacher = random.uniform(1, 2, (20, 5)).astype(np.float32)
    moves = random.integers(-1, 2, (20, 5)) * step
    student = (teacher + moves).astype(np.float32)
    moves = (student - teacher.astype("float64")) / temperature
    p = np.exp(teacher.astype("float64") / temperature)
    p /= p.sum(axis=-1, keepdims=True)
    wanted = (np.sum(p * moves**2, axis=-1) - np.sum(p * moves, axis=-1) ** 2) / 8
    inputs = map(backend.from_numpy, (student, teacher))
    found = backend.to_numpy(ls.generalized_jsd.per_example(*inputs, temperature=temperature))
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-30)
