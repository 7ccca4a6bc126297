"""Within `checking("values")` a value outside its domain is found under differentiation too, by the caller's index."""

import numpy as np
import pytest

import lossspec as ls

LOGITS = np.asarray([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]])
HALVES = ("float16", "bfloat16")


@pytest.mark.parametrize("method", ["grad", "value_and_grad", "grad_hess"])
def test_a_label_out_of_range_is_found_under_differentiation(array, method):
    differentiate = getattr(ls.cross_entropy, method)
    with ls.checking("values"):
        differentiate(array(LOGITS), array(np.asarray([0, 2])))
        with pytest.raises(ls.ContractError, match=r"`labels` holds 3 at index \(1,\)"):
            differentiate(array(LOGITS), array(np.asarray([0, 3])))


def test_the_transforms_of_torch_and_jax_are_checked_where_values_are_known(usable):
    torch, jax = usable("torch"), usable("jax")
    import jax as framework
    from torch import func

    for backend, grad, hessian in (
        (torch, func.grad, func.hessian),
        (jax, framework.grad, framework.hessian),
    ):
        logits = backend.from_numpy(LOGITS.astype(np.float32))
        right, wrong = (backend.from_numpy(np.asarray(labels, dtype=np.int32)) for labels in ([0, 2], [0, 3]))
        for differentiate in (grad, hessian):
            with ls.checking("values"):
                differentiate(lambda x, y=right: ls.cross_entropy(x, y))(logits)
                with pytest.raises(ls.ContractError, match=r"`labels` holds 3 at index \(1,\)"):
                    differentiate(lambda x, y=wrong: ls.cross_entropy(x, y))(logits)


@pytest.mark.parametrize("half", HALVES)
def test_rows_rounded_to_half_precision_still_sum_to_1(backend, half):
    if not hasattr(backend.namespace, half):
        pytest.skip(f"not run: {backend.name} has no {half}")
    random = np.random.default_rng(0)
    rows = random.dirichlet(np.ones(7), 50).astype(np.float32)

    def halve(x):
        return backend.namespace.astype(backend.from_numpy(x), getattr(backend.namespace, half))

    with ls.checking("values"):
        ls.kl_divergence(halve(np.log(rows)), halve(rows))
        with pytest.raises(ls.ContractError, match=r"(?s)`targets` holds .* sum to 1"):
            ls.kl_divergence(halve(np.log(rows)), halve(rows * np.float32(0.9)))


@pytest.mark.parametrize("axis", [0, 1, -2, 2])
def test_the_index_is_the_one_of_the_array_as_it_was_given(array, axis):
    logits = np.zeros((2, 3, 4))
    logits[1, 2, 0] = np.nan
    labels = np.zeros(tuple(np.delete(logits.shape, axis % 3)), dtype=np.int64)
    with ls.checking("values"), pytest.raises(ls.ContractError, match=r"`logits` holds nan at index \(1, 2, 0\)"):
        ls.cross_entropy(array(logits), array(labels), axis=axis)
