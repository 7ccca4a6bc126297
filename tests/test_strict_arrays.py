"""Arrays of array-api-strict under differentiation, those of the user included, without a change to their library."""

import operator

import numpy as np
import pytest

import lossspec as ls

OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow}
SNAPSHOT = """
import array_api_strict as xp, lossspec as ls
before = dict(vars(type(xp.asarray(0))))
x, y = xp.asarray([0.5, 3.0]), xp.asarray([0.0, 0.0])
ls.huber.value_and_grad(x, y, wrt=("predictions", "targets"))
print(dict(vars(type(xp.asarray(0)))) == before)
"""


@pytest.fixture
def strict(usable):
    """The namespace of array-api-strict, as its users import it."""
    usable("strict")
    return __import__("array_api_strict")


def test_the_class_of_array_api_strict_is_left_as_it_is(usable, in_fresh_process):
    usable("strict")
    assert in_fresh_process(SNAPSHOT) == "True"


@pytest.mark.parametrize("sign", OPERATORS)
def test_a_plain_array_on_either_side_of_a_traced_one(strict, sign):
    operate = OPERATORS[sign]

    def total(x, constant):
        return x.__array_namespace__().sum(operate(constant, x) + operate(x, constant) * 2.0)

    x, constant = [1.5, 2.0], [3.0, 0.5]
    got = ls.grad(total)(strict.asarray(x), strict.asarray(constant))
    wanted = ls.grad(total)(np.asarray(x), np.asarray(constant))
    assert np.asarray(got).tolist() == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("name", ["huber", "quantile", "half_tweedie_identity", "generalized_dice"])
def test_a_loss_of_the_arrays_of_a_user(strict, draw, sized, name):
    loss = sized(ls.get(name))
    drawn = draw(loss, 3)
    given = {key: strict.asarray(value, device=strict.Device("device1")) for key, value in drawn.items()}
    for key in given:
        _, got = loss.value_and_grad(**given, wrt=key)
        _, wanted = loss.value_and_grad(**drawn, wrt=key)
        assert np.asarray(got.to_device(strict.Device("CPU_DEVICE"))) == pytest.approx(wanted)


def test_results_keep_to_the_arrays_that_step_back(strict, usable):
    x = usable("strict").from_numpy(np.asarray([[1.0, 2.0], [3.0, 4.0]]))
    xp = x.__array_namespace__()
    plain = strict.asarray(2.0, device=x.device)
    results = [
        x + 1.0,
        2.0 - x,
        x**2,
        plain * x,
        x * plain,
        x.mT,
        *x[0, :],
        xp.sum(x),
        *xp.unstack(x),
        xp.linalg.trace(x),
    ]
    assert {type(result) for result in [*results, x < 2.0]} == {type(x)}
    assert isinstance(x, type(plain))
