"""Parameters: numbers, 0-d arrays, and arrays with an entry for each unit or size 1 where they do not vary."""

import pickle

import numpy as np
import pytest

import lossspec as ls
from lossspec import get, names
from lossspec.conformance import sampling
from lossspec.conformance.cases import make_cases
from lossspec.conformance.probes import probe_of

ONE_NUMBER = {
    "ssim": {"data_range", "sigma", "k1", "k2"},
    "ms_ssim": {"data_range", "sigma", "k1", "k2"},
    "ms_ssim_l1": {"data_range", "k1", "k2"},
    "psnr": {"data_range"},
    "focal": {"alpha"},
    "linear_cross_entropy": {"softcap"},
    "categorical_td": {"lowest", "step"},
}
"""Parameters that are one number a call: those of the images of a data set, of a layer or its atoms, or one a class."""

VARYING = {
    (name, argument.name): argument.varies
    for name in names()
    for argument in get(name).contract.parameters
    if argument.varies is not None
}
each = pytest.mark.parametrize(("name", "parameter"), VARYING)

PREDICTIONS = np.asarray([[0.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
TARGETS = np.asarray([[1.0] * 3, [2.0] * 3])
LEVELS = np.asarray([[0.1, 0.5, 0.9]])


def typical(name):
    case = make_cases(get(name).contract, np.float64)[0]
    return case.inputs, case.parameters


def drawn(name, parameter, count=2):
    """Numbers in the domain of a parameter that are not its default."""
    random = np.random.default_rng(3)
    return [float(x) for x in sampling.typical(VARYING[name, parameter], random, (count,), typical(name)[1])]


def units_of(name, inputs, parameters):
    return get(name)(**inputs, **parameters, reduction="none")


def test_every_number_of_a_pointwise_loss_may_vary():
    for name in names():
        contract = get(name).contract
        fixed = {
            argument.name
            for argument in contract.parameters
            if argument.varies is None and any(t.shape is None and "real floating" in t.kinds for t in argument.terms)
        }
        assert contract.form != "pointwise" or fixed == ONE_NUMBER.get(name, set()), name


@each
def test_an_array_of_one_value_is_the_number(name, parameter):
    inputs, parameters = typical(name)
    for value in drawn(name, parameter):
        number = units_of(name, inputs, {**parameters, parameter: value})
        for shape in (number.shape, (1,) * number.ndim, ()):
            array = units_of(name, inputs, {**parameters, parameter: np.full(shape, value)})
            np.testing.assert_allclose(array, number, rtol=1e-12, atol=1e-14)


@each
def test_each_unit_has_its_own_entry(name, parameter):
    inputs, parameters = typical(name)
    low, high = (units_of(name, inputs, {**parameters, parameter: value}) for value in drawn(name, parameter))
    second = np.arange(low.size).reshape(low.shape) % 2 == 1
    values = np.where(second, *drawn(name, parameter)[::-1])
    varied = units_of(name, inputs, {**parameters, parameter: values})
    np.testing.assert_allclose(varied, np.where(second, high, low), rtol=1e-12, atol=1e-14)


def test_several_quantiles_at_once(array, plain):
    # 0.1 * 1 + 0 + 0.1 * 2, and 0.1 * 1 + 0.5 * 1 + 0.9 * 1
    value = ls.quantile(array(PREDICTIONS), array(TARGETS), level=array(LEVELS), reduction="none")
    np.testing.assert_allclose(plain(value), [[0.1, 0.0, 0.2], [0.1, 0.5, 0.9]], rtol=1e-14)


def test_a_configured_array_works_at_the_call_and_survives_pickling():
    several = pickle.loads(pickle.dumps(ls.quantile.configured(level=LEVELS)))  # noqa: S301
    assert abs(float(several(PREDICTIONS, TARGETS)) - 0.3) < 1e-15


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (LEVELS[0], r"`level` has shape \(3,\), declared \[#\*batch\].*xp.reshape\(level, \(1, 3\)\)"),
        (LEVELS[0, :2], r"pass `level` of shape \(2, 3\), or with size 1 on some axes"),
        (LEVELS[None], r"pass `level` of shape \(2, 3\)"),
    ],
)
def test_nothing_is_broadcast_and_the_message_says_how_to_reshape(level, words):
    with pytest.raises(ls.ContractError, match=words):
        ls.quantile(PREDICTIONS, TARGETS, level=level)


def test_an_array_of_another_dtype_is_refused():
    with pytest.raises(ls.DTypeError, match="`level` is float32"):
        ls.quantile(PREDICTIONS, TARGETS, level=LEVELS.astype(np.float32))


def test_a_value_outside_the_domain_is_found_on_demand():
    outside = np.asarray([[0.1, 0.5, 1.5]])
    ls.quantile(PREDICTIONS, TARGETS, level=outside)
    with ls.checking("values"), pytest.raises(ls.ContractError, match=r"`level` holds 1.5 at index \(0, 2\)"):
        ls.quantile(PREDICTIONS, TARGETS, level=outside)
    with ls.checking("values"), pytest.raises(ls.ContractError, match=r"`temperature` holds -1.0 at index \(\)"):
        ls.distillation(PREDICTIONS, TARGETS, temperature=np.asarray(-1.0))


@pytest.mark.parametrize("over", [-1, -0.5, float("nan"), float("inf")])
def test_a_mean_over_no_number_of_things_is_refused(over):
    with pytest.raises(ls.ContractError, match=r"squared_error: `over` is .*; its domain is \[0, inf\)"):
        ls.squared_error(PREDICTIONS, TARGETS, reduction=ls.Mean(over=over))
    array = np.asarray(float(over))
    ls.squared_error(PREDICTIONS, TARGETS, reduction=ls.Mean(over=array))
    with ls.checking("values"), pytest.raises(ls.ContractError, match=r"`over` holds .* at index \(\)"):
        ls.squared_error(PREDICTIONS, TARGETS, reduction=ls.Mean(over=array))


@pytest.mark.parametrize("parameter", ["data_range", "k1", "k2"])
def test_a_number_beyond_the_range_of_its_formula_is_a_named_error(parameter):
    inputs, parameters = typical("ssim")
    with pytest.raises(ls.ContractError, match="ssim: a parameter is so large"):
        ls.ssim(**inputs, **{**parameters, parameter: 1e300})


def test_what_varies_is_learned_entry_by_entry(backend, array, plain):
    # The slope in a level is the target less the prediction: 1 + 1, 0 + 1, -2 + 1 over the two rows.
    level = array(LEVELS)
    slope = ls.quantile.grad(array(PREDICTIONS), array(TARGETS), level=level, wrt="level", reduction="sum")
    np.testing.assert_allclose(plain(slope), [[2.0, 1.0, -1.0]], rtol=1e-14)


def test_a_masked_unit_does_not_see_its_own_entry(array, plain):
    level = np.asarray([[0.1, np.nan, 0.9], [0.1, 0.5, np.nan]])
    where = ~np.isnan(level)
    value = ls.quantile(array(PREDICTIONS), array(TARGETS), level=array(level), where=array(where), reduction="sum")
    assert abs(float(plain(value)) - 0.9) < 1e-15


def test_shards_with_their_own_entries_merge():
    levels = np.asarray([[0.1, 0.5, 0.9], [0.2, 0.4, 0.6]])
    rows = slice(0, 1), slice(1, 2)
    parts = [ls.quantile.partial(PREDICTIONS[row], TARGETS[row], level=levels[row]) for row in rows]
    whole = ls.quantile(PREDICTIONS, TARGETS, level=levels)
    assert abs(float(sum(parts).value()) - float(whole)) < 1e-15


def test_the_second_derivatives_see_each_entry():
    deltas = np.asarray([[0.5, 2.0, 5.0]])
    _, hessian = ls.huber.grad_hess(PREDICTIONS, TARGETS, delta=deltas)
    assert hessian.tolist() == [[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_what_varies_is_traced_and_mapped(name, usable):
    backend = usable(name)
    with probe_of(backend).strictest():
        p, t, levels = map(backend.from_numpy, (PREDICTIONS, TARGETS, np.repeat(LEVELS, 2, 0)))

        def call(p, t, level):
            return ls.quantile(p, t, level=level)

        mapped = probe_of(backend).vmap(lambda given: call(*given))((p, t, levels))
        compiled = probe_of(backend).compile_quickly(call)(p, t, levels[:1, :])
    np.testing.assert_allclose(backend.to_numpy(mapped), [0.1, 0.5], rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(compiled), 0.3, rtol=1e-12)
