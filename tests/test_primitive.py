"""Primitives: the declared derivative is that of the steps, on every backend, in both modes, in blocks or at once."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec import numerics
from lossspec.autodiff import grad, traced_backend
from lossspec.dispatch import get_backend
from lossspec.paths import Paths
from lossspec.primitive import Primitive, primitive

PATHS = {
    "alignments": Paths((1, 0), (1, 1), (1, 2)).score,
    "labels": Paths((1, 0), (1, 1), (1, 2)).score_of_labels,
    "logits": Paths((1, 0), (1, 1), (1, 2)).score_of_logits,
    "transductions": Paths((1, 0), (1, 1)).score,
    "warpings": Paths((1, 0), (1, 1), (2, 1)).score,
    "chains": Paths().score,
    "labelled_chains": Paths().score_less_path,
    "costly_chains": Paths().score_less_path,
    "expected_costs": Paths().expected_cost,
    "gains": Paths().log_mean_exp_cost,
    "losses": Paths().negative_log_mean_exp_cost,
}
"""Of one leading axis, where the others take any."""
PRIMITIVES = {name: value for name, value in vars(numerics).items() if isinstance(value, Primitive)} | PATHS
random = np.random.default_rng(11)
ROWS = random.normal(size=(5, 4))
WEIGHTS = random.dirichlet(np.ones(4), 5)
LABELS = np.asarray([0, 3, 1, 2, 0])
RUNNING = np.asarray([[True, True], [True, False], [True, True]])
START, END, FIRST_GAINS = random.normal(size=(3, 3, 3))
STATES, GAINS = random.normal(size=(2, 3, 2, 3))
ARCS = random.normal(size=(3, 3, 3))
LABELLED = (STATES, ARCS, START, END, RUNNING, np.asarray([0, 2, 1]), np.asarray([[1, 2], [2, 0], [0, 0]]))
FLAGS = np.asarray([[[True] * 3, [True] * 3, [False, False, True]]] * 3)
OF_LABELS = (
    random.normal(size=(3, 2, 4)),
    np.asarray([[0, 3, 0], [0, 1, 0], [2, 2, 2]]),
    FLAGS,
    FLAGS[:, 0],
    FLAGS[:, 1],
    RUNNING,
)
OPERANDS = {
    "labels": OF_LABELS,
    "logits": OF_LABELS,
    "alignments": (STATES, ARCS, START, END, RUNNING),
    "transductions": (STATES, random.normal(size=(3, 2, 2, 3)), START, END, RUNNING),
    "warpings": (STATES, ARCS, START, END, RUNNING),
    "chains": (STATES, ARCS, START, END, RUNNING),
    "labelled_chains": LABELLED,
    "costly_chains": (*LABELLED, FIRST_GAINS, GAINS),
    "expected_costs": (*LABELLED, FIRST_GAINS, GAINS),
    "relu": (ROWS,),
    "absolute": (ROWS,),
    "zero_where": (ROWS, ROWS > 1),
    "finite_pull": (ROWS, ROWS > 1),
    "admitted": (ROWS, ROWS > 9, np.zeros_like(ROWS)),
    "gains": (*LABELLED, np.abs(FIRST_GAINS), np.abs(GAINS)),
    "losses": (*LABELLED, np.abs(FIRST_GAINS), np.abs(GAINS)),
    "softplus": (ROWS,),
    "sigmoid": (ROWS,),
    "tanh": (ROWS,),
    "expm1": (ROWS,),
    "expm1_minus": (ROWS,),
    "squared_difference_over": (1 + WEIGHTS, ROWS),
    "sigmoid_cross_entropy": (ROWS, WEIGHTS),
    "negative_log_softmax": (ROWS, LABELS),
    "log_odds": (ROWS, LABELS),
    "log_mass_against": (np.abs(ROWS), WEIGHTS),
    "expected_negative_log_softmax": (ROWS, WEIGHTS),
    "softmax_cross_entropy": (ROWS, ROWS[::-1] + 0.5 * ROWS),
    "norm": (ROWS,),
    "cosine_gap": (ROWS, ROWS[::-1] - WEIGHTS),
    "excess_of_hypotenuse": (3 * ROWS, 1 + WEIGHTS),
    "logsumexp": (ROWS,),
    "softmax_mean": (ROWS, 3 * WEIGHTS),
    "log_mean_exp": (ROWS, WEIGHTS),
    "log_quotient": (1 + WEIGHTS, np.exp(ROWS)),
    "negative_log_mean_exp": (ROWS, WEIGHTS),
    "log_ratio_of_sums": (ROWS, WEIGHTS),
}
each = pytest.mark.parametrize("name", PRIMITIVES)
DEAR = PATHS.keys() - {"alignments", "costly_chains"}
"""Loops that Torch unrolls for seconds where it compiles; the others stand for them."""


def real(operands):
    return tuple(i for i, x in enumerate(operands) if x.dtype.kind == "f")


def function_of(name, operands):
    """The primitive as a function of its real operands."""

    def function(*chosen):
        given = list(operands)
        for i, x in zip(real(OPERANDS[name]), chosen, strict=True):
            given[i] = x
        return PRIMITIVES[name](*given)

    return function


def test_every_primitive_is_tested():
    assert PRIMITIVES.keys() == OPERANDS.keys()


@each
def test_the_declared_derivative_is_that_of_the_steps(name):
    xp, operands = traced_backend(get_backend("numpy")).namespace, OPERANDS[name]
    wrt = real(operands)
    declared = grad(lambda *x: xp.sum(PRIMITIVES[name](*x) ** 2), wrt)(*operands)
    steps = grad(lambda *x: xp.sum(PRIMITIVES[name].body(xp, *x)[0] ** 2), wrt)(*operands)
    for a, b in zip(declared, steps, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_a_wrong_derivative_is_not_that_of_the_steps():
    wrong = primitive(row_axes=0)(lambda xp, x: (x * x, (lambda g: g * x,)))
    xp = traced_backend(get_backend("numpy")).namespace
    assert grad(lambda x: xp.sum(wrong(x)))(np.asarray([3.0])) == 3.0
    assert grad(lambda x: xp.sum(wrong.body(xp, x)[0]))(np.asarray([3.0])) == 6.0


@each
def test_torch_differentiates_it_in_both_modes_and_twice(name):
    torch = pytest.importorskip("torch")
    operands = [torch.tensor(x) for x in OPERANDS[name]]
    chosen = tuple(operands[i].requires_grad_() for i in real(OPERANDS[name]))
    function = function_of(name, operands)
    assert torch.autograd.gradcheck(function, chosen, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(function, chosen)


@pytest.mark.parametrize("name", [pytest.param(x, marks=[pytest.mark.thorough] * (x in DEAR)) for x in PRIMITIVES])
def test_torch_transforms_and_compiles_it(name):
    torch = pytest.importorskip("torch")
    operands = [torch.tensor(x) for x in OPERANDS[name]]
    wrt = real(OPERANDS[name])
    chosen = tuple(operands[i] for i in wrt)
    function = function_of(name, operands)
    everything = tuple(range(len(chosen)))
    for a, b in zip(
        torch.func.jacrev(function, everything)(*chosen), torch.func.jacfwd(function, everything)(*chosen), strict=True
    ):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-14)

    def total(*given):
        return torch.sum(PRIMITIVES[name](*given))

    def of_row(*given):
        return total(*(x[None] for x in given)) if name in PATHS else total(*given)

    whole = torch.func.grad(total, wrt)(*operands)
    rows = torch.func.vmap(torch.func.grad(of_row, wrt))(*operands)
    torch.compiler.reset()
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    leaves = [x.clone().requires_grad_(i in wrt) for i, x in enumerate(operands)]
    compiled(*leaves).backward()
    for number, i in enumerate(wrt):
        assert torch.allclose(rows[number], whole[number], rtol=1e-13, atol=1e-15)
        assert torch.allclose(leaves[i].grad, whole[number], rtol=1e-13, atol=1e-15)


@each
def test_jax_differentiates_it_in_both_modes_and_twice(name):
    jax = pytest.importorskip("jax")
    operands, wrt = OPERANDS[name], real(OPERANDS[name])
    chosen, drawn = tuple(operands[i] for i in wrt), np.random.default_rng(7)
    moves = tuple(drawn.normal(size=x.shape) for x in chosen)
    function = function_of(name, [jax.numpy.asarray(x) for x in operands])
    xp = traced_backend(get_backend("numpy")).namespace
    pull = drawn.normal(size=PRIMITIVES[name](*operands).shape)

    def pulled(*given):
        return jax.vjp(function, *given)[1](jax.numpy.asarray(pull))

    @jax.jit  # as one program: each of its operations alone would compile as long
    def everything(given, moves):
        value, moved = jax.jvp(function, given, moves)
        gradients, forward = jax.jvp(pulled, given, moves)
        return value, moved, gradients, forward, jax.vjp(pulled, *given)[1](moves)

    value, moved, gradients, forward, backward = everything(chosen, moves)

    def along(*given):
        return sum(xp.sum(g * t) for g, t in zip(grad(weighted, wrt)(*given), moves, strict=True))

    def weighted(*given):
        return xp.sum(PRIMITIVES[name].body(xp, *given)[0] * pull)

    steps, second = grad(weighted, wrt)(*operands), grad(along, wrt)(*operands)
    np.testing.assert_allclose(value, PRIMITIVES[name](*operands), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.sum(moved * pull), along(*operands), rtol=1e-11, atol=1e-13)
    for found, wanted in ((gradients, steps), (forward, second), (backward, second)):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@each
def test_all_backends_agree_in_first_and_second_order(backend, name):
    wrt = real(OPERANDS[name])
    put = [backend.from_numpy(x) for x in OPERANDS[name]]

    def total(*given):
        value = PRIMITIVES[name](*given)
        return numerics.array_namespace(value).sum(value**2)

    def steepness(*given):
        return sum(numerics.array_namespace(g).sum(g * g) for g in ls.grad(total, wrt)(*given))

    xp = traced_backend(get_backend("numpy")).namespace

    def by_steps(*given):
        return xp.sum(PRIMITIVES[name].body(xp, *given)[0] ** 2)

    def steepness_by_steps(*given):
        return sum(xp.sum(g * g) for g in grad(by_steps, wrt)(*given))

    for function, reference in ((total, by_steps), (steepness, steepness_by_steps)):
        found, wanted = ls.grad(function, wrt)(*put), grad(reference, wrt)(*OPERANDS[name])
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(backend.to_numpy(a), b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("block", [1, 8, 64])
@pytest.mark.parametrize("leading", [(31,), (3, 7), (2, 1, 9)])
@each
def test_blocks_change_no_bit(monkeypatch, name, block, leading):
    numpy = get_backend("numpy")
    leading = (math.prod(leading),) if name in PATHS else leading
    shapes = [(*leading, *x.shape[1:]) for x in OPERANDS[name]]
    if PRIMITIVES[name].row_axes == 0:
        shapes = [leading for _ in shapes]
    operands = [
        random.uniform(0.0, 1.0, shape)
        if x.dtype.kind == "f"
        else random.integers(0, x.max() + 1, shape).astype(x.dtype)
        for x, shape in zip(OPERANDS[name], shapes, strict=True)
    ]
    operands[0] = np.moveaxis(np.ascontiguousarray(np.moveaxis(operands[0], 0, -1)), -1, 0)  # not contiguous
    xp = traced_backend(numpy).namespace
    factor = random.normal(size=PRIMITIVES[name](*operands).shape)

    def both():
        value = PRIMITIVES[name](*operands)
        with np.errstate(invalid="ignore"):  # drawn flags may leave no path: its value is inf
            return value, *grad(lambda *x: xp.sum(PRIMITIVES[name](*x) * factor), real(operands))(*operands)

    monkeypatch.setattr(type(numpy), "block", 0)
    whole = both()
    monkeypatch.setattr(type(numpy), "block", block)
    for a, b in zip(both(), whole, strict=True):
        assert a.shape == b.shape
        assert np.array_equal(a, b)


def test_a_block_is_what_the_body_sees(monkeypatch):
    sizes = []

    @primitive(row_axes=1)
    def watched(xp, x):
        sizes.append(x.shape)
        return xp.sum(x, axis=-1), (lambda g: xp.broadcast_to(g[..., None], x.shape),)

    monkeypatch.setattr(type(get_backend("numpy")), "block", 8)
    assert watched(np.ones((2, 5, 4))).shape == (2, 5)
    assert sizes == [(2, 4)] * 5
    assert repr(watched) == "<primitive watched>"
