"""Every derivative rule against Torch and JAX, its conventions at kinks, nesting, replay, and what is refused."""

import math
import operator
from dataclasses import dataclass

import numpy as np
import pytest

import lossspec as ls
from lossspec.autodiff import (
    GradientError,
    add_rule,
    grad,
    hessian_diagonal,
    hvp,
    rules,
    stop_gradient,
    trace,
    traced_backend,
    value_and_grad,
)
from lossspec.conformance.probes import probe_of
from lossspec.dispatch import get_backend
from lossspec.errors import ContractError, DTypeError, LossSpecError, MixtureError

INDEX = [[2, 0, 2], [1, 1, 0]]


@dataclass(frozen=True)
class Case:
    """A function of arrays in the standard's words, the shapes and the range of its arguments."""

    name: str
    function: object
    shapes: tuple = ((2, 3),)
    low: float = -2.0
    high: float = 2.0
    smooth: bool = True  # the second derivative is compared too
    jax: object = None  # the function for JAX where its namespace spells it otherwise

    def __str__(self):
        return self.name


def one(name, low=-2.0, high=2.0, **rest):
    return Case(name, lambda xp, x: getattr(xp, name)(x), low=low, high=high, **rest)


def two(name, shapes=((2, 3), (2, 3)), low=0.3, high=2.0, **rest):
    return Case(name, lambda xp, x, y: getattr(xp, name)(x, y), shapes, low, high, **rest)


def ints(xp, values, like):
    return xp.asarray(values, dtype=xp.int64, device=getattr(like, "device", None))


def axes_of(name, smooth=True, **extra):
    for axis, keep in ((None, False), (0, True), (-1, False), ((0, 2), False), ((1,), True)):
        yield Case(
            f"{name} axis={axis} keepdims={keep}",
            lambda xp, x, axis=axis, keep=keep: getattr(xp, name)(x, axis=axis, keepdims=keep, **extra),
            ((2, 3, 4),),
            smooth=smooth,
        )


CASES = [
    *(one(n) for n in ("negative", "positive", "square", "exp", "expm1", "sin", "cos", "sinh", "cosh", "tanh")),
    *(one(n) for n in ("atan", "asinh")),
    one("abs"),
    *(one(n, 0.2, 3.0) for n in ("sqrt", "log", "log2", "log10", "reciprocal")),
    one("log1p", -0.9, 3.0),
    one("tan", -1.2, 1.2),
    *(one(n, -0.9, 0.9) for n in ("asin", "acos", "atanh")),
    one("acosh", 1.2, 3.0),
    *(two(n) for n in ("add", "subtract", "multiply", "divide", "pow", "hypot", "logaddexp", "atan2")),
    *(two(n, ((2, 1, 3), (4, 1))) for n in ("add", "subtract", "multiply", "divide", "pow", "maximum", "minimum")),
    *(two(n, ((3,), ())) for n in ("multiply", "divide", "pow", "hypot", "logaddexp")),
    *(two(n, smooth=False) for n in ("maximum", "minimum")),
    Case("copysign", lambda xp, x: xp.copysign(x, -xp.ones_like(x))),
    Case("remainder", lambda xp, x: xp.remainder(x, 0.7 * xp.ones_like(x)), low=0.1, smooth=False),
    Case("x ** 3", lambda xp, x: x**3),
    Case("x ** 0.5", lambda xp, x: x**0.5, low=0.1),
    Case("x ** 1", lambda xp, x: x**1 * x),
    Case("2 ** x", lambda xp, x: 2.0**x),
    Case("numbers", lambda xp, x: (1.0 - x) * 2.0 / (3.0 + x) + 1.0 / (x + 4.0) - (-x) * +x - 1.0 + (2.0 + x)),
    Case("where", lambda xp, x, y: xp.where(x > y, x * x, y * y * y), ((2, 3), (3,))),
    Case("where number", lambda xp, x: xp.where(x > 0, x * x, 0.0) + xp.where(x < 0, 1.0, xp.exp(x))),
    Case("clip", lambda xp, x: xp.clip(x, -0.5, 1.0) * x),
    Case(
        "clip arrays",
        lambda xp, x, a, b: xp.clip(x, a - 1.0, b + 1.0) * x,
        ((2, 3), (3,), (2, 1)),
        jax=lambda xp, x, a, b: xp.where(x < a - 1, a - 1, xp.where(x > b + 1, b + 1, x)) * x,
    ),
    *axes_of("sum"),
    *axes_of("mean"),
    *axes_of("max", smooth=False),
    *axes_of("min", smooth=False),
    *axes_of("var", correction=1.0),
    *axes_of("std", correction=0.0),
    Case("prod", lambda xp, x: xp.prod(x)),
    Case("prod axis", lambda xp, x: xp.prod(x, axis=1, keepdims=True), ((2, 3, 2),)),
    Case("cumulative_sum", lambda xp, x: xp.cumulative_sum(x * x, axis=1), ((2, 3, 2),)),
    Case("cumulative_sum initial", lambda xp, x: xp.cumulative_sum(x * x, axis=-1, include_initial=True)),
    Case(
        "cumulative_prod",
        lambda xp, x: xp.cumulative_prod(x, axis=1),
        ((2, 3, 2),),
        jax=lambda xp, x: xp.cumprod(x, axis=1),
    ),
    Case("reshape", lambda xp, x: xp.reshape(x * x, (3, -1))),
    Case("permute_dims", lambda xp, x: xp.permute_dims(x * x, (2, 0, 1)) ** 2, ((2, 3, 4),)),
    Case("moveaxis", lambda xp, x: xp.moveaxis(x * x, (0, 1), (-1, 0)), ((2, 3, 4),)),
    Case("matrix_transpose", lambda xp, x: xp.matrix_transpose(x * x), ((2, 3, 4),)),
    Case("mT, T", lambda xp, x: x.T * x.mT),
    Case("squeeze, expand_dims", lambda xp, x: xp.expand_dims(xp.squeeze(x * x, axis=1), axis=-1), ((2, 1, 3),)),
    Case("broadcast_to", lambda xp, x: xp.broadcast_to(x * x, (4, 2, 3)), ((2, 1),)),
    Case("broadcast_arrays", lambda xp, x, y: operator.mul(*xp.broadcast_arrays(x, y)), ((2, 1), (3,))),
    Case("concat", lambda xp, x, y: xp.concat((x, y * y, x), axis=1), ((2, 3), (2, 1))),
    Case("concat flat", lambda xp, x, y: xp.concat([x, y * y], axis=None), ((2, 3), (2,))),
    Case("stack", lambda xp, x, y: xp.stack([x * y, y * y], axis=-1), ((2, 3), (2, 3))),
    Case("unstack", lambda xp, x: operator.mul(*xp.unstack(x, axis=0))),
    Case("flip", lambda xp, x: xp.flip(x * x, axis=1)),
    Case("roll", lambda xp, x: xp.roll(x * x, (1, -1), axis=(0, 1))),
    Case("tile", lambda xp, x: xp.tile(x * x, (2, 1, 2))),
    Case("repeat", lambda xp, x: xp.repeat(x * x, 2, axis=1)),
    Case("tril, triu", lambda xp, x: xp.tril(x * x, k=1) + xp.triu(x * x, k=-1), ((3, 3),)),
    Case("diff", lambda xp, x: xp.diff(x * x, axis=-1, n=2), ((2, 4),)),
    Case("meshgrid", lambda xp, x, y: operator.mul(*xp.meshgrid(x, y, indexing="ij")), ((2,), (3,))),
    *(
        Case(f"getitem {key}", lambda xp, x, key=key: (x * x)[key], ((3, 4, 5),))
        for key in (
            (1, 2, 3),
            (-1, ...),
            (..., 0),
            (slice(None), None, slice(1, 3), slice(0, 5, 2)),
            (slice(2, 0), ...),
            (..., None, slice(1, None, 3), None),
            (slice(1, 2), slice(None), -2),
        )
    ),
    Case("take", lambda xp, x: xp.take(x * x, ints(xp, [2, 0, 2, 1], x), axis=1)),
    Case("take_along_axis", lambda xp, x: xp.take_along_axis(x * x, ints(xp, INDEX, x), axis=1)),
    Case("take_along_axis rows", lambda xp, x: xp.take_along_axis(x * x, ints(xp, [[1, 0, 1]] * 3, x), axis=0)),
    Case("take_along_axis label", lambda xp, x: xp.take_along_axis(x * x, ints(xp, [[2], [0]], x), axis=-1)),
    Case("sort", lambda xp, x: xp.sort(x, axis=-1, descending=True)[..., :2] ** 2, ((3, 4),)),
    Case("astype", lambda xp, x: xp.astype(xp.astype(x, xp.float64, copy=True) * 2.0, xp.float64)),
    *(
        Case(f"matmul {a} {b}", lambda xp, x, y: xp.matmul(x, y) ** 2, (a, b))
        for a, b in (((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 1, 2, 3), (4, 3, 2)))
    ),
    Case("@ with a vector on the left", lambda xp, x, y: x @ y, ((3,), (5, 3, 4))),
    Case("@ with a vector on the right", lambda xp, x, y: x @ y, ((5, 2, 3), (3,))),
    Case("vecdot", lambda xp, x, y: xp.vecdot(x, y) ** 2, ((2, 3), (2, 3))),
    Case("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=2), ((2, 3, 4), (3, 4, 5))),
    Case("tensordot axes", lambda xp, x, y: xp.tensordot(x, y, axes=((2, 0), (1, 2))), ((2, 3, 4), (5, 4, 2))),
    *(
        Case(
            f"vector_norm {p} {axis}",
            lambda xp, x, p=p, a=axis, k=k: xp.linalg.vector_norm(x, axis=a, keepdims=k, ord=p),
        )
        for p, axis, k in ((2, None, False), (2, -1, True), (1, 0, False), (3, (0, 1), False), (math.inf, -1, False))
    ),
    Case("diagonal", lambda xp, x: xp.linalg.diagonal(x * x, offset=1), ((2, 3, 4),)),
    Case("diagonal below", lambda xp, x: xp.linalg.diagonal(x * x, offset=-1), ((4, 3),)),
    Case("trace, outer", lambda xp, x, y: xp.linalg.trace(xp.linalg.outer(x, y)), ((3,), (3,))),
]


def draw(case, seed=0):
    random = np.random.default_rng([seed, len(case.name)])
    return [random.uniform(case.low, case.high, shape) for shape in case.shapes]


def weighted(xp, result, weights):
    return xp.sum(result * weights)


def ours(backend_name, case, inputs, weights=None):
    """Value, gradients and second derivatives (gradient of a weighted gradient) on a backend of ours."""
    backend = get_backend(backend_name)
    arrays = [backend.from_numpy(x) for x in inputs]
    xp = traced_backend(backend).namespace
    everything = tuple(range(len(arrays)))
    with probe_of(backend).strictest():
        w = backend.from_numpy(np.asarray(weights))
        value, gradients = value_and_grad(lambda *a: weighted(xp, case.function(xp, *a), w), everything)(*arrays)

        def slope(*a):
            parts = grad(lambda *b: weighted(xp, case.function(xp, *b) ** 2, w), everything)(*a)
            total = xp.sum(parts[0] * parts[0])
            for part in parts[1:]:
                total = total + xp.sum(part * part)
            return total

        second = grad(slope, everything)(*arrays)
    assert all(type(x) is type(arrays[0]) or x.shape == () for x in (value, *gradients))
    return [backend.to_numpy(x) for x in (value, *gradients)], [backend.to_numpy(x) for x in second]


def by_torch(case, inputs, weights):
    torch = pytest.importorskip("torch")
    xp = get_backend("torch").namespace
    arrays = [torch.tensor(x, requires_grad=True) for x in inputs]
    w = torch.tensor(weights)
    value = weighted(xp, case.function(xp, *arrays), w)
    gradients = torch.autograd.grad(value, arrays, allow_unused=True, materialize_grads=True)
    value2 = weighted(xp, case.function(xp, *arrays) ** 2, w)
    parts = torch.autograd.grad(value2, arrays, create_graph=True)
    second = torch.autograd.grad(sum(torch.sum(p * p) for p in parts), arrays)
    return [x.detach().numpy() for x in (value, *gradients)], [x.numpy() for x in second]


def by_jax(case, inputs, weights):
    jax = pytest.importorskip("jax")
    xp = jax.numpy
    everything = tuple(range(len(inputs)))
    function = case.jax or case.function
    with jax.numpy_rank_promotion("allow"):
        w = xp.asarray(weights)

        def slope(*a):
            parts = jax.grad(lambda *b: weighted(xp, function(xp, *b) ** 2, w), everything)(*a)
            return sum(xp.sum(p * p) for p in parts)

        @jax.jit  # one program is quicker than one for each operation
        def derivatives(*a):
            first = jax.value_and_grad(lambda *b: weighted(xp, function(xp, *b), w), everything)(*a)
            return first, jax.grad(slope, everything)(*a)

        (value, gradients), second = derivatives(*inputs)
    return [np.asarray(x) for x in (value, *gradients)], [np.asarray(x) for x in second]


def close(a, b, rtol=1e-12):
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * max(1.0, float(np.max(np.abs(y), initial=0.0))))


def prepared(case):
    inputs = draw(case)
    result = np.asarray(case.function(get_backend("numpy").namespace, *inputs))
    return inputs, np.random.default_rng(1).uniform(0.5, 1.5, result.shape)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_agrees_with_torch_and_jax_in_first_and_second_order(case):
    inputs, weights = prepared(case)
    first, second = ours("numpy", case, inputs, weights)
    for other in (by_torch, by_jax):
        others_first, others_second = other(case, [x.copy() for x in inputs], weights)
        close(first, others_first)
        if case.smooth:
            close(second, others_second, 1e-11)
    strict_first, strict_second = ours("strict", case, inputs, weights)
    close(strict_first, first)
    close(strict_second, second, 1e-11)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_program_replays_on_other_values_and_another_namespace(case):
    numpy, strict = get_backend("numpy"), get_backend("strict")
    inputs, others = draw(case), draw(case, seed=5)
    xp = traced_backend(numpy).namespace
    program = trace(lambda *a: case.function(xp, *a), *inputs)
    expected = np.asarray(case.function(numpy.namespace, *others))
    close([np.asarray(program.replay(numpy.namespace, *others))], [expected])
    moved = program.replay(strict.namespace, *(strict.from_numpy(x) for x in others))
    close([strict.to_numpy(moved)], [expected])
    assert str(program).startswith("program(v0: ")


def test_a_planted_wrong_rule_is_noticed(monkeypatch):
    case = next(c for c in CASES if c.name == "tanh")
    inputs, weights = prepared(case)
    wrong = rules.Rule("sinh", (lambda xp, g, o, x: g * o,), ("o",), operands=1)
    case = one("sinh")
    good, _ = ours("numpy", case, inputs, weights)
    monkeypatch.setitem(rules.RULES, "sinh", wrong)
    monkeypatch.delitem(vars(traced_backend(get_backend("numpy")).namespace), "sinh", raising=False)
    bad, _ = ours("numpy", case, inputs, weights)
    monkeypatch.delitem(vars(traced_backend(get_backend("numpy")).namespace), "sinh", raising=False)
    with pytest.raises(AssertionError):
        close(bad, good)


# Conventions, at points where there is no derivative.

NAN, INF = math.nan, math.inf
np_namespace = get_backend("numpy").namespace
xp = traced_backend(get_backend("numpy")).namespace


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: xp.abs(x), [0.0, -0.0, -1.0], [0, 0, -1]),
        (lambda x: xp.maximum(x, 0.0), [0.0, 1.0, -1.0], [0.5, 1, 0]),
        (lambda x: xp.minimum(x, xp.zeros_like(x)), [0.0, 1.0, -1.0], [0.5, 0, 1]),
        (lambda x: xp.maximum(x, x), [2.0], [1]),
        (lambda x: xp.max(x), [3.0, 3.0, 1.0, 3.0], [1 / 3, 1 / 3, 0, 1 / 3]),
        (lambda x: xp.min(x), [1.0, 3.0, 1.0], [0.5, 0, 0.5]),
        (lambda x: xp.clip(x, 0.0, 1.0), [0.0, 1.0, 2.0, -1.0, 0.5], [1, 1, 0, 0, 1]),
        (lambda x: xp.linalg.vector_norm(x), [0.0, 0.0], [0, 0]),
        (lambda x: xp.std(x), [2.0, 2.0], [0, 0]),
        (lambda x: xp.hypot(x, 0.0 * x), [0.0], [0]),
        (lambda x: xp.prod(x), [0.0, 2.0, 3.0], [6, 0, 0]),
        (lambda x: xp.prod(x), [0.0, 0.0, 3.0], [0, 0, 0]),
        (lambda x: xp.cumulative_prod(x), [2.0, 0.0, 3.0], [1, 8, 0]),
        (lambda x: x**0, [0.0, 2.0], [0, 0]),
        (lambda x: x**2, [0.0], [0]),
        (lambda x: xp.where(x > 0, x, 0.0) * np.asarray([1.0, NAN, INF]), [1.0, -2.0, -1.0], [1, 0, 0]),
        (lambda x: xp.tanh(x), [1e4, -1e4], [0, 0]),
        (lambda x: xp.logaddexp(x, xp.full_like(x, -INF)), [-INF, 0.0], [0.5, 1]),
        (lambda x: xp.sign(x) + xp.floor(x) + xp.round(x), [1.5], [0]),
        (lambda x: xp.take(x, np.asarray([0, 0, 1])), [1.0, 2.0, 3.0], [2, 1, 0]),
        (lambda x: stop_gradient(x) * x, [3.0], [3]),
        (lambda x: np.ones(2), [3.0], [0]),
        (lambda x: xp.sum(x * x), [], []),
    ],
)
def test_a_kink_has_the_declared_derivative(function, x, expected):
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        got = grad(lambda x: xp.sum(xp.asarray(function(x))))(x)
    np.testing.assert_allclose(got, np.asarray(expected, dtype=float), rtol=1e-15)


def test_sqrt_at_zero_has_what_calculus_gives():
    with np.errstate(divide="ignore"):
        assert grad(lambda x: xp.sum(xp.sqrt(x)))(np.asarray([0.0, 4.0])).tolist() == [INF, 0.25]


def test_a_gather_of_many_adds_up_in_each_of_its_ways(monkeypatch):
    random = np.random.default_rng(0)
    for size, count in ((3, 8), (8, 3)):
        x, index = random.normal(size=(2, size)), random.integers(-size, size, (2, count))
        w = random.normal(size=(2, count))
        expected = np.zeros((2, size))
        np.add.at(expected, (np.arange(2)[:, None], index), w)
        for largest in (1 << 22, 0):
            monkeypatch.setattr(rules, "_LARGEST_COMPARISON", largest)
            got = grad(lambda x, w=w, i=index: xp.sum(w * xp.take_along_axis(x, i, axis=-1)))(x)
            np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_half_of_a_where_that_is_discarded_may_hold_anything():
    x = np.asarray([-1.0, 4.0])
    with np.errstate(invalid="ignore"):
        got = grad(lambda x: xp.sum(xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, 1.0)), 0.0)))(x)
    assert got.tolist() == [0.0, 0.25]


# The functions.


def test_several_arguments_lists_and_keywords():
    def f(layers, scale, *, power):
        return scale * sum(xp.sum(layer**power) for layer in layers)

    layers = [np.asarray([1.0, 2.0]), np.asarray([[3.0]])]
    value, (by_layer, by_scale) = value_and_grad(f, (0, 1))(layers, np.asarray(2.0), power=2)
    assert float(value) == 28.0
    assert isinstance(by_layer, list)
    assert [g.tolist() for g in by_layer] == [[4.0, 8.0], [[12.0]]]
    assert float(by_scale) == 14.0
    assert isinstance(grad(f)(tuple(layers), 2.0, power=2), tuple)
    assert grad(lambda x, y: xp.sum(x * y), -1)(np.ones(2), np.ones(2) * 3).tolist() == [1.0, 1.0]


def test_a_gradient_has_the_dtype_of_its_argument_and_frees_the_tape():
    x = np.asarray([1.0, 2.0], dtype=np.float32)
    value, g = value_and_grad(lambda x: xp.sum(xp.exp(x * 2.0) / 3.0))(x)
    assert (value.dtype, g.dtype) == (np.float32, np.float32)
    wide = grad(lambda x: xp.sum(xp.astype(x, xp.float64) * 2.0))(x)
    assert wide.dtype == np.float32
    assert grad(lambda x: xp.sum(x * np.asarray([1.0, 2.0])))(x).dtype == np.float32


def test_hessians():
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(3)
    a, v = random.normal(size=(2, 4))

    def f(space, x):
        return space.sum(space.exp(x[1:] * x[:-1])) + space.sum(x**4)

    expected = torch.autograd.functional.hessian(lambda x: f(torch, x), torch.tensor(a)).numpy()
    np.testing.assert_allclose(hvp(lambda x: f(xp, x), a, v), expected @ v, rtol=1e-12)
    both = hvp(lambda x, y: xp.sum(x * x * y), (a, a), (v, v))
    np.testing.assert_allclose(both, (2 * a * v + 2 * a * v, 2 * a * v), rtol=1e-12)
    np.testing.assert_allclose(hessian_diagonal(lambda x: x**3, a), 6 * a, rtol=1e-13)
    p = 1 / (1 + np.exp(-a))
    np.testing.assert_allclose(hessian_diagonal(lambda x: xp.log1p(xp.exp(x)), a), p * (1 - p), rtol=1e-12)
    assert hessian_diagonal(lambda x: 3.0 * x, a).tolist() == [0.0] * 4
    np.testing.assert_allclose(hessian_diagonal(lambda x: xp.sum(xp.tanh(x)), np.zeros(2)), 0.0)
    third = grad(grad(grad(lambda x: xp.tanh(x))))
    assert float(third(np.asarray(0.0))) == -2.0


def test_differentiations_nest_without_confusion():
    def f(x):
        inner = grad(lambda y: x * y * y)(np.asarray(3.0))  # 2 x y at y = 3
        return x * inner + grad(lambda y: y * y)(x) * stop_gradient(x)

    assert float(grad(f)(np.asarray(2.0))) == 24.0 + 4.0
    assert float(grad(lambda x: grad(lambda y: y * y * x)(x))(np.asarray(3.0))) == 4 * 3.0


def test_a_gradient_can_be_traced_and_replayed():
    program = trace(lambda x: grad(lambda y: xp.sum(xp.where(y > 0, y * y, 0.0)))(x), np.asarray([1.0, -1.0]))
    assert program.replay(np, np.asarray([-2.0, 5.0])).tolist() == [0.0, 10.0]
    kept = trace(lambda x: stop_gradient(x) * x, np.asarray([1.0]))
    assert grad(lambda x: xp.sum(kept.replay(xp, x)))(np.asarray([3.0])).tolist() == [3.0]
    with pytest.raises(GradientError, match=r"takes float64\[2\], and was given float64\[3\]"):
        program.replay(np, np.ones(3))


def test_labels_masks_and_dtypes_are_inputs_of_a_program():
    def f(logits, labels):
        own = xp.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
        return own * xp.astype(~(labels == 0), xp.float64)

    logits = np.arange(6.0).reshape(2, 3)
    program = trace(f, logits, np.asarray([2, 0]))
    strict = get_backend("strict")
    got = program.replay(strict.namespace, strict.from_numpy(logits), strict.from_numpy(np.asarray([0, 1])))
    assert strict.to_numpy(got).tolist() == [0.0, 4.0]


def test_a_traced_array_is_an_array():
    def f(x):
        assert x.__array_namespace__() is xp
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float64, 2)
        assert x.device == "cpu"
        assert x.to_device(x.device) is x
        assert type(x > 0) is np.ndarray
        assert type(np.ones(3) == x) is np.ndarray
        assert type(xp.argmax(x)) is not type(x)
        assert xp.isdtype(x.dtype, "real floating")
        assert xp.finfo(x.dtype).eps == np.finfo(np.float64).eps
        assert xp.asarray(x) is x
        assert repr(x).startswith("Traced(array(")
        assert traced_backend(get_backend("numpy")).to_numpy(x).shape == (2, 3)
        total = 0.0
        for row in x:
            total = total + xp.sum(np.ones(3) * row) + xp.sum(row * np.float64(2.0)) + np.float64(1.0) * row[0]
        return total

    assert grad(f)(np.ones((2, 3))).tolist() == [[4.0, 3.0, 3.0]] * 2


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda x: xp.sum(x) if x[0] else xp.max(x), GradientError, "choose with xp.where"),
        (lambda x: float(x[0]), GradientError, "float"),
        (lambda x: int(x[0]), GradientError, "int"),
        (lambda x: [1, 2][x[0]], GradientError, "index"),
        (lambda x: np.asarray(x), GradientError, "function of the framework itself"),
        (lambda x: np.exp(x), TypeError, "ufunc"),
        (lambda x: operator.setitem(x, 0, 1.0), GradientError, "build a new array"),
        (lambda x: operator.iadd(x, 1.0), GradientError, "x = x"),
        (lambda x: x[x > 0], GradientError, "select with xp.where"),
        (lambda x: xp.linalg.det(x), GradientError, r"linalg\.det has no derivative rule"),
        (lambda x: xp.nextafter(x, x), GradientError, "nextafter has no derivative rule"),
        (lambda x: xp.where(x > 0, x, y=x), GradientError, "by position"),
        (lambda x: x, ContractError, r"shape \(2,\); only a scalar one .* Fix: return xp.sum"),
        (lambda x: [xp.sum(x)], ContractError, "returns a list"),
        (lambda x: None, ContractError, "returns a NoneType"),
        (lambda x: x.to_device("gpu"), GradientError, "move the arrays"),
    ],
)
def test_what_cannot_be_differentiated_says_what_to_do_instead(wrong, error, message):
    with pytest.raises(error, match=message):
        grad(wrong)(np.asarray([1.0, 2.0]))


@pytest.fixture
def without_rules_of_its_own():
    """Remove the rules that a test adds to the table, and the functions that the namespace made of them."""
    before, made = dict(rules.RULES), dict(vars(xp))
    yield
    for table, former in ((rules.RULES, before), (vars(xp), made)):
        table.clear()
        table.update(former)


def test_a_function_without_a_rule_has_one_as_soon_as_it_is_added(without_rules_of_its_own):
    def total(x):
        return xp.sum(xp.float_power(x, 3.0))

    x = np.asarray([0.5, -2.0])
    with pytest.raises(GradientError, match=r"float_power has no derivative rule.*lossspec\.autodiff\.add_rule"):
        grad(total)(x)
    add_rule("float_power", lambda xp, g, o, x, y: g * y * o / x, lambda xp, g, o, x, y: g * o * xp.log(x))
    assert grad(total)(x) == pytest.approx(3 * x * x)
    assert grad(lambda x: xp.sum(grad(total)(x)))(x) == pytest.approx(6 * x)
    assert grad(lambda x, y: xp.sum(xp.float_power(x, y)), 1)(np.asarray([2.0]), np.asarray([3.0])) == pytest.approx(
        8 * math.log(2)
    )


@pytest.mark.parametrize("name", ["exp", "clip", "floor"])
def test_a_rule_of_the_table_is_not_replaced(name):
    with pytest.raises(GradientError, match=f"{name} has a derivative already"):
        add_rule(name, lambda xp, g, o, x: g)


def test_wrong_arguments_are_refused_by_position():
    def total(*arrays):
        return xp.sum(arrays[0])

    x = np.ones(2)
    with pytest.raises(DTypeError, match="argument 1 has dtype int64, which has no gradient"):
        grad(total, (0, 1))(x, np.ones(2, dtype=np.int64))
    with pytest.raises(DTypeError, match="argument 0, item 1, is a str"):
        grad(total)([x, "x"])
    with pytest.raises(ContractError, match="names argument 2; the function was given 1"):
        grad(total, 2)(x)
    with pytest.raises(ContractError, match="nothing to differentiate"):
        grad(total)([])
    with pytest.raises(MixtureError, match="numpy array and argument 1 is a strict array"):
        grad(total, (0, 1))(x, get_backend("strict").from_numpy(x))
    with pytest.raises(ContractError, match="tangent 0"):
        hvp(total, x, np.ones(3))
    assert issubclass(GradientError, LossSpecError)
    assert issubclass(GradientError, NotImplementedError)


def test_an_array_that_escaped_is_refused():
    kept = []
    grad(lambda x: kept.append(x) or xp.sum(x))(np.ones(2))
    with pytest.raises(GradientError, match="a differentiation that has ended"):
        kept[0] + 1.0
    with pytest.raises(GradientError, match="different differentiations meet"):
        grad(lambda x: xp.sum(x + kept[0]))(np.ones(2))


def test_a_method_of_numpy_is_told_as_the_function_of_the_namespace():
    with pytest.raises(GradientError, match=r"no attribute 'sum'. Fix: xp.sum\(x\), with xp = x.__array_namespace__"):
        ls.grad(lambda x: (x * x).sum())(np.asarray([1.0, 2.0]))
    x, y, z = np.asarray([[1.0, 2.0]]), np.asarray([[2.0, 1.0]]), np.asarray([[0.0, 0.0]])
    with pytest.raises(GradientError, match="triplet_margin: an array under differentiation has no attribute 'sum'"):
        ls.triplet_margin.grad(x, y, z, distance=lambda a, b: ((a - b) ** 2).sum(-1))
