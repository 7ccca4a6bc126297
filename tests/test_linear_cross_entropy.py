"""Cross entropy of a linear layer by blocks of classes: all derivatives of that of all logits, in less memory."""

import tracemalloc

import numpy as np
import pytest

import lossspec as ls
from lossspec import projection
from lossspec.autodiff import value_and_grad_on
from lossspec.conformance.probes import probe_of
from lossspec.numerics import array_namespace
from lossspec.projection import LinearSoftmax, linear_negative_log_softmax

ROWS, DIM, CLASSES = 6, 3, 11
OPTIONS = {
    "plain": {},
    "bias": {"bias": "offsets"},
    "smoothing": {"label_smoothing": 0.2},
    "cap": {"softcap": 1.5},
    "all": {"bias": "offsets", "label_smoothing": "each", "softcap": 0.7},
}


@pytest.fixture(params=[1, 3, 4, CLASSES])
def blocks(request, monkeypatch):
    """Blocks of so many classes: one at a time, with a rest, and all at once."""
    monkeypatch.setattr(projection, "_with", lambda given: LinearSoftmax(given, request.param))
    return request.param


def arrays(backend, seed=0, scale=1.0):
    random = np.random.default_rng(seed)
    features, weight = random.normal(size=(ROWS, DIM)) * scale, random.normal(size=(CLASSES, DIM))
    labels = random.integers(0, CLASSES, ROWS)
    extra = {"offsets": random.normal(size=CLASSES), "each": np.linspace(0.0, 0.5, ROWS)}
    put = backend.from_numpy
    return put(features), put(weight), put(labels), {name: put(x) for name, x in extra.items()}


def by_blocks(features, weight, labels, options):
    return linear_negative_log_softmax(
        features, weight, labels, options.get("bias"), options.get("label_smoothing"), options.get("softcap")
    )


def chosen(options, extra):
    return {name: extra.get(x, x) if isinstance(x, str) else x for name, x in options.items()}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_blocks_give_the_values_and_gradients_of_all_logits(backend, blocks, options, scale):
    with probe_of(backend).strictest():
        features, weight, labels, extra = arrays(backend, scale=scale)
        given = chosen(options, extra)
        names = [name for name in ("bias", "label_smoothing") if name in given and not isinstance(given[name], float)]

        def total(of, features, weight, *others):
            xp = array_namespace(features)
            return xp.sum(of(features, weight, labels, {**given, **dict(zip(names, others, strict=True))}))

        def whole(features, weight, labels, options):
            return ls.linear_cross_entropy.per_example(features, weight, labels, **options)

        point = (features, weight, *(given[name] for name in names))
        numbers = tuple(range(len(point)))
        mine, ours = (value_and_grad_on(backend, lambda *x, f=f: total(f, *x), numbers) for f in (by_blocks, whole))
        (value, found), (expected, right) = mine(*point), ours(*point)
        assert np.allclose(backend.to_numpy(value), backend.to_numpy(expected), rtol=1e-12)
        for gradient, true in zip(found, right, strict=True):
            assert np.allclose(backend.to_numpy(gradient), backend.to_numpy(true), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_blocks_have_second_derivatives(backend, options, monkeypatch):
    monkeypatch.setattr(projection, "_with", lambda given: LinearSoftmax(given, 4))
    with probe_of(backend).strictest():
        features, weight, labels, extra = arrays(backend)
        given = chosen(options, extra)
        direction = backend.from_numpy(np.random.default_rng(1).normal(size=(CLASSES, DIM)))

        def product(of):
            return ls.hvp(lambda w: array_namespace(w).sum(of(w) ** 2), weight, direction)

        mine = product(lambda w: by_blocks(features, w, labels, given))
        ours = product(lambda w: ls.linear_cross_entropy.per_example(features, w, labels, **given))
        assert np.allclose(backend.to_numpy(mine), backend.to_numpy(ours), rtol=1e-9, atol=1e-10)


def test_the_sure_keep_their_digits(backend, blocks):
    with probe_of(backend).strictest():
        put = backend.from_numpy
        weight = put(np.concatenate([[[30.0]], np.zeros((CLASSES - 1, 1))]))
        loss = by_blocks(put(np.ones((1, 1))), weight, put(np.zeros(1, dtype=np.int64)), {})
        assert np.allclose(backend.to_numpy(loss), (CLASSES - 1) * np.exp(-30.0), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 5, 16, 70])
def test_passes_over_a_block_are_those_of_its_arrays(size, dtype):
    """Of labels inside and outside, of rows of infinities and of a NaN, also where the label is the one that has it."""
    blocks = pytest.importorskip("lossspec.kernels.blocks")
    pytest.importorskip("llvmlite")
    random = np.random.default_rng(size)
    logits = random.normal(size=(40, size)).astype(dtype) * 20
    labels = random.integers(-3, size + 3, 40)
    logits[:9] = np.asarray([np.inf, -np.inf, np.nan])[random.integers(0, 3, (9, 1))]
    logits[9, 0], logits[10, 0], labels[9:11] = np.nan, np.inf, (0, 0 if size == 1 else 1)
    logits[11], labels[11] = -np.inf, 0
    top, rest = blocks.sums_of_others(logits, labels)
    scale, of_label = random.random((2, 40)).astype(dtype)
    found = blocks.shares(logits, labels, top, scale, of_label)
    is_label = np.arange(size) == labels[:, None]
    with np.errstate(all="ignore"):
        others = np.where(is_label, -np.inf, logits).astype(dtype)
        assert np.array_equal(top, others.max(axis=1), equal_nan=True)
        wide = np.exp(others.astype(float) - np.where(top == -np.inf, 0, top)[:, None].astype(float))
        right = np.where(is_label, of_label[:, None], np.exp(logits - top[:, None]) * scale[:, None])
    close = {"rtol": 8 * np.finfo(dtype).eps, "atol": float(np.finfo(dtype).tiny), "equal_nan": True}
    assert np.allclose(rest, wide.sum(axis=1), **close)
    assert np.allclose(found, right, **close)
    with ls.kernels.disabled():
        assert blocks.sums_of_others(logits, labels) is None


def test_the_logits_are_never_whole():
    """Beyond the gradient it takes less than half of the logits; the loss of all logits takes more than they do."""
    random = np.random.default_rng(0)
    features, weight = random.normal(size=(512, 8)), random.normal(size=(32768, 8))
    labels = random.integers(0, 32768, 512)
    logits = 512 * 32768 * 8

    def peak(function):
        tracemalloc.start()
        function()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most - weight.nbytes

    fused = peak(lambda: ls.linear_cross_entropy.value_and_grad(features, weight, labels, wrt=("features", "weight")))
    whole = peak(lambda: ls.cross_entropy.value_and_grad(features @ weight.T, labels))
    assert fused < logits / 2 < logits < whole
