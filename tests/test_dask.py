"""Losses of dask arrays: lazy, equal to the whole in value and gradient however they are cut, or a named error."""

import importlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pages import blocks_of

import lossspec as ls
from lossspec.conformance.axes import axes_of
from lossspec.errors import ContractError, DTypeError, MergeError, MixtureError

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

MERGEABLE = [name for name in ls.names() if ls.get(name).contract.mergeable]
random = np.random.default_rng(0)
LOGITS, LABELS, WEIGHT = random.normal(size=(11, 4)), random.integers(0, 4, 11), random.uniform(0.1, 3.0, 11)
X, Y = random.normal(size=(2, 11, 4))
CUTS = (3, 0, 5, 3)


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="sync"):
        yield


def cut(x, leading=CUTS):
    """An array cut along its leading axis, one chunk of it empty."""
    return da.from_array(x, chunks=(leading, *x.shape[1:]))


def tiles(x):
    """An array cut along both of its axes."""
    return da.from_array(x, chunks=(CUTS, (1, 3)))


def same(found, expected, rtol=1e-12, atol=1e-14):
    """Check arrays, or tuples of them, once they are computed; their dtypes are those that were promised."""
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other, rtol, atol)
        return
    assert isinstance(found, da.Array)
    computed = found.compute()
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert (computed.dtype, computed.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(computed, expected, rtol=rtol, atol=atol)


# Values and gradients.


@pytest.mark.parametrize("name", MERGEABLE)
def test_every_loss_of_chunks_is_that_of_the_whole(draw, sized, name):
    loss = sized(ls.get(name))
    inputs = draw(loss, 5)
    if any(isinstance(x, list) for x in inputs.values()):
        with pytest.raises(DTypeError, match=f"{name}: .*dask array"):
            loss(**{key: [da.from_array(i) for i in x] if isinstance(x, list) else x for key, x in inputs.items()})
        return
    lazy = {}
    for argument in loss.contract.inputs:
        x = inputs[argument.name]
        found = (term.shape.names for term in argument.terms if len(term.shape.names) == x.ndim)
        names = next(found, tuple(axes_of(loss.contract, argument.name, x)))  # a packed axis may be several
        lazy[argument.name] = da.from_array(x, chunks=tuple(map(partial(pieces, loss), names, x.shape)))
    real = tuple(key for key, x in inputs.items() if x.dtype.kind == "f" and x.ndim)[:2]
    if not real:
        same(loss(**lazy), np.asarray(loss(**inputs)), 1e-10)
        return
    value, gradients = dask.persist(*loss.value_and_grad(**lazy, wrt=real))
    expected, slopes = loss.value_and_grad(**inputs, wrt=real)
    same(value, np.asarray(expected), 1e-10)
    same(gradients, slopes, 1e-8, 1e-10)


def pieces(loss, axis, size):
    """The chunks of one axis: uneven and empty ones along the first of units, two along any other of units."""
    first, *others = loss.contract.result.names
    return (2, 0, size - 2) if axis == first else (1, size - 1) if axis in others and size > 1 else (size,)


WEIGHED = {"sample_weight": WEIGHT, "ignore_index": 1}
OPTIONS = {
    "plain": {},
    "weights": {"sample_weight": WEIGHT},
    "mask": {"where": WEIGHT < 1.5},
    "ignored": WEIGHED,
    "smooth": {**WEIGHED, "label_smoothing": 0.1},
    "classes": {**WEIGHED, "class_weight": np.asarray([1.0, 0.5, 3.0, 2.0])},
    "varying": {"label_smoothing": WEIGHT / 4},
    "nothing": {"where": WEIGHT < 0.0, "empty": 7.0},
}


def lazily(options):
    return {key: cut(x) if np.shape(x) == (11,) else x for key, x in options.items()}


@pytest.mark.parametrize("reduction", ["sum", "mean", "count_mean", "batch_mean", ls.Mean(over=7)], ids=str)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_reduction_of_chunks_is_that_of_the_whole(options, reduction):
    with np.errstate(invalid="ignore"):
        value, gradient = ls.cross_entropy.value_and_grad(LOGITS, LABELS, reduction=reduction, **options)
        same(ls.cross_entropy(cut(LOGITS), cut(LABELS), reduction=reduction, **lazily(options)), np.asarray(value))
        found = ls.cross_entropy.value_and_grad(cut(LOGITS), cut(LABELS), reduction=reduction, **lazily(options))
    same(found, (np.asarray(value), gradient))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_without_a_reduction_the_result_is_cut_as_the_inputs_are(options):
    found = ls.cross_entropy.per_example(cut(LOGITS), cut(LABELS), **lazily(options))
    assert found.chunks == (CUTS,)
    same(found, ls.cross_entropy.per_example(LOGITS, LABELS, **options))


def test_units_may_be_cut_along_all_of_their_axes():
    for reduction in ("mean", "batch_mean", "none"):
        same(ls.huber(tiles(X), tiles(Y), reduction=reduction), np.asarray(ls.huber(X, Y, reduction=reduction)))
    spread = np.abs(random.normal(size=(1, 4)))
    found = ls.huber.value_and_grad(tiles(X), tiles(Y), delta=da.from_array(spread, chunks=(1, (1, 3))))
    same(found, tuple(map(np.asarray, ls.huber.value_and_grad(X, Y, delta=spread))))
    assert found[1].chunks == tiles(X).chunks


def test_the_classes_may_lie_at_any_axis():
    moved = np.moveaxis(random.normal(size=(11, 6, 4)), -1, 1)
    labels = random.integers(0, 4, (11, 6))
    lazy = da.from_array(moved, chunks=(CUTS, 4, (5, 1))), da.from_array(labels, chunks=(CUTS, (5, 1)))
    found = ls.cross_entropy.value_and_grad(*lazy, axis=1)
    same(found, tuple(map(np.asarray, ls.cross_entropy.value_and_grad(moved, labels, axis=1))))


def test_an_aggregate_and_a_sum_of_losses_merge_before_they_finish():
    both = {"wrt": ("predictions", "targets")}
    for loss in (ls.root_mean_squared_error, 0.3 * ls.root_mean_squared_error + ls.huber):
        value, gradients = loss.value_and_grad(X, Y, **both)
        same(loss.value_and_grad(tiles(X), tiles(Y), **both), (np.asarray(value), gradients))
    loss = 0.5 * ls.cross_entropy + 2.0 * ls.perplexity
    options = {"sample_weight": WEIGHT, "ignore_index": 1, "class_weight": np.asarray([1.0, 0.5, 3.0, 2.0])}
    value, gradient = loss.value_and_grad(LOGITS, LABELS, **options)
    same(loss.value_and_grad(cut(LOGITS), cut(LABELS), **lazily(options)), (np.asarray(value), gradient))


def test_gradients_in_weights_and_in_what_all_units_share_add_up_over_the_chunks():
    found = ls.cross_entropy.value_and_grad(
        cut(LOGITS), cut(LABELS), sample_weight=cut(WEIGHT), wrt=("sample_weight", "logits")
    )
    expected = ls.cross_entropy.value_and_grad(LOGITS, LABELS, sample_weight=WEIGHT, wrt=("sample_weight", "logits"))
    same(found[1], expected[1])
    features, weight = random.normal(size=(11, 5)), random.normal(size=(4, 5))
    for shared in (weight, da.from_array(weight, chunks=(4, 5))):
        found = ls.linear_cross_entropy.value_and_grad(cut(features), shared, cut(LABELS), wrt=("features", "weight"))
        expected = ls.linear_cross_entropy.value_and_grad(features, weight, LABELS, wrt=("features", "weight"))
        same(found, (np.asarray(expected[0]), expected[1]))


def test_both_derivatives_of_every_unit_are_cut_as_the_input_is():
    found = ls.cross_entropy.grad_hess(cut(LOGITS), cut(LABELS), sample_weight=cut(WEIGHT))
    same(found, ls.cross_entropy.grad_hess(LOGITS, LABELS, sample_weight=WEIGHT))
    assert {x.chunks for x in found} == {(CUTS, (4,))}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_are_those_of_a_call_of_plain_arrays(dtype):
    x, y = X.astype(dtype), Y.astype(dtype)
    value, gradient = ls.huber.value_and_grad(x, y)
    found = ls.huber.value_and_grad(tiles(x), tiles(y))
    same(found, (np.asarray(value), gradient), 1e-2 if dtype == "float16" else 1e-5, 1e-6)


def test_a_batch_of_nothing_is_the_empty_value():
    assert np.isnan(ls.huber(cut(X[:0], (0, 0)), cut(Y[:0], (0, 0))).compute())
    assert ls.huber(cut(X[:0], (0, 0)), cut(Y[:0], (0, 0)), empty=3.0).compute() == 3.0


def test_the_partial_of_chunks_adds_up_with_those_of_other_engines():
    lazy = ls.huber.partial(tiles(X), tiles(Y), delta=2.0)
    other = ls.Partial.from_bytes(ls.huber.partial(X, 0 * Y, delta=2.0).to_bytes())
    whole = ls.huber(np.concatenate([X, X]), np.concatenate([Y, 0 * Y]), delta=2.0)
    assert float((lazy.compute() + other).value()) == pytest.approx(float(whole), rel=1e-13)


# Laziness.


def test_nothing_is_computed_before_it_is_asked_for_and_each_chunk_is_read_once():
    reads = []

    def read(block, block_info=None):
        reads.append(block_info[0]["chunk-location"])
        return block

    x = da.map_blocks(read, cut(X), dtype=float, meta=X[:0])
    value, gradient = ls.huber.value_and_grad(x, cut(Y))
    assert reads == []
    dask.compute(value, gradient)
    assert sorted(reads) == [(i, 0) for i in range(len(CUTS))]
    assert len([key for key in value.dask.to_dict() if key[0].startswith("huber-")]) == len(CUTS)


def test_a_tree_adds_up_so_that_no_task_takes_many_partials():
    value = ls.huber(da.ones(1000, chunks=10), da.zeros(1000, chunks=10))
    assert max(map(len, value.dask.get_all_dependencies().values())) <= 5
    assert float(value.compute()) == 0.5


def test_the_values_of_chunks_are_checked_where_the_call_was():
    with ls.checking("values"):
        lazy = ls.cross_entropy(cut(LOGITS), cut(LABELS + 3))
    with pytest.raises(ContractError, match="`labels` holds"):
        lazy.compute()
    assert np.isnan(ls.cross_entropy(cut(LOGITS), cut(LABELS + 3)).compute())


# Errors, all before anything is computed.

LAZY = {"x": cut(LOGITS), "y": cut(LABELS)}
SEVERAL = "is cut into 2 chunks, and a unit needs all of it. Fix: logits = logits.rechunk({1: -1})"
REFUSED = {
    "classes": (lambda x, y: ls.cross_entropy(x.rechunk({1: 2}), y), ContractError, SEVERAL),
    "cuts": (
        lambda x, y: ls.cross_entropy(x, y.rechunk(4)),
        ContractError,
        "`logits` is cut into (3, 0, 5, 3) along axis 0 (`batch`), and `labels` into (4, 4, 3) along axis 0. "
        "Nothing is cut anew silently. Fix: labels = labels.rechunk({0: logits.chunks[0]})",
    ),
    "as many cuts": (
        lambda x, y: ls.cross_entropy(x, y.rechunk(((3, 1, 4, 3),))),
        ContractError,
        "and `labels` into (3, 1, 4, 3) along axis 0",
    ),
    "plain labels": (
        lambda x, y: ls.cross_entropy(x, LABELS),
        MixtureError,
        "`labels` is none, with an entry for each unit. Nothing is cut silently. Fix: labels = dask.array.from_array(",
    ),
    "plain logits": (lambda x, y: ls.cross_entropy(LOGITS, y), DTypeError, "`labels` is a dask array"),
    "plain weight": (
        lambda x, y: ls.cross_entropy(x, y, sample_weight=WEIGHT),
        MixtureError,
        "`sample_weight` is none",
    ),
    "coupled": (lambda x, y: ls.info_nce(x, x), MergeError, "info_nce: its chunks do not add up"),
    "shapes": (lambda x, y: ls.cross_entropy(x, y[:5]), ContractError, "`labels` has shape (5,)"),
    "dtypes": (
        lambda x, y: ls.huber(x, x.astype("float32")),
        DTypeError,
        "`predictions` is float64 and `targets` is float32",
    ),
    "sizes": (lambda x, y: ls.huber(x[y > 1], x[y > 1]), ContractError, "Fix: predictions = predictions.compute_chunk"),
    "explain": (lambda x, y: ls.cross_entropy.explain(x, y), DTypeError, "which has no values yet"),
    "over": (lambda x, y: ls.huber(x, x, reduction=ls.Mean(over=da.ones(()))), DTypeError, "`over` is a dask array"),
    "none": (lambda x, y: ls.huber.grad(x, x, reduction="none"), ContractError, "only a reduced loss has a gradient"),
    "no partial": (lambda x, y: ls.huber.partial(x, x, reduction="none"), MergeError, "nothing to merge"),
    "wrt": (lambda x, y: ls.cross_entropy.grad(x, y, wrt="labels"), DTypeError, "`wrt` names 'labels'"),
    "list": (lambda x, y: ls.l2_regularization([x, x]), DTypeError, "`parameters[0]` is a dask array"),
    "penalty": (
        lambda x, y: (ls.cross_entropy + ls.l2_regularization)(x, y, parameters=da.ones(3)),
        ContractError,
        "the units of l2_regularization lie in every chunk of `batch`, and would count once for each. Fix: call the ",
    ),
    "several units": (
        lambda x, y: (ls.cross_entropy + ls.huber)(x, y, x, x, reduction="none"),
        ContractError,
        "units of shapes (11,) and (11, 4)",
    ),
    "kind": (lambda x, y: ls.huber(x.map_blocks(np.ma.asarray), x), DTypeError, "of no known framework"),
}


@pytest.mark.parametrize(("call", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_by_name_with_the_fix(call, kind, words):
    with pytest.raises(kind) as raised:
        call(**LAZY)
    assert words in str(raised.value)


def test_the_fixes_that_errors_name_help():
    wide = cut(LOGITS).rechunk({1: 2})
    logits, labels = wide.rechunk({1: -1}), cut(LABELS).rechunk(4)
    same(ls.cross_entropy(logits, labels.rechunk({0: logits.chunks[0]})), np.asarray(ls.cross_entropy(LOGITS, LABELS)))
    kept = cut(X)[cut(LABELS) > 1].compute_chunk_sizes()
    same(ls.huber(kept, 0 * kept), np.asarray(ls.huber(X[LABELS > 1], 0 * X[LABELS > 1])))
    parts = ls.huber(cut(X), cut(Y)) + ls.l2_regularization(da.ones(3))
    same(parts, np.asarray(ls.huber(X, Y) + ls.l2_regularization(np.ones(3))))


# The page.


def test_what_the_page_says_of_dask_and_of_tables_holds():
    distributed, pandas, arrow = map(pytest.importorskip, ("distributed", "pandas", "pyarrow"))
    first, cluster, table, frame = blocks_of("scale.md", "Dask")
    names = {"logits": random.normal(size=(2500, 4)), "labels": random.integers(0, 4, 2500)}
    exec(first, names)  # noqa: S102 - our own page
    value, gradient = ls.cross_entropy.value_and_grad(names["logits"], names["labels"], label_smoothing=0.1)
    assert float(names["value"]) == pytest.approx(float(value), rel=1e-13)
    np.testing.assert_allclose(names["gradient"], gradient, rtol=1e-12, atol=1e-18)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as address:
        exec(cluster, names := {**names, "value": None, "address": address})  # noqa: S102 - our own page
    assert float(names["value"]) == pytest.approx(float(value), rel=1e-13)
    columns = {"prediction": X[:, 0], "target": Y[:, 0]}
    from_pandas = pandas.DataFrame(columns)
    for one in (from_pandas, arrow.table(columns)):
        exec(table, names := {"table": one})  # noqa: S102 - our own page
        assert float(ls.huber(names["predictions"], names["targets"])) == float(ls.huber(X[:, 0], Y[:, 0]))
    exec(frame, names := {"frame": importlib.import_module("dask.dataframe").from_pandas(from_pandas, 3)})  # noqa: S102
    same(ls.huber(names["predictions"], names["targets"]), np.asarray(ls.huber(X[:, 0], Y[:, 0])))


# Processes.

CHUNKS, ROWS = 24, 50


def slow_rows(block_info=None):
    """A block of logits, which takes its time; the number of the process is where it can be read."""
    place = block_info[None]["chunk-location"][0]
    time.sleep(0.1)
    return np.random.default_rng(place).normal(size=(ROWS, 4))


def labels_of(block):
    return np.argmax(np.roll(block, 1, axis=0), axis=-1)


def cluster_of(processes, **options):
    distributed = pytest.importorskip("distributed")
    quiet = {"silence_logs": 50, "dashboard_address": None}
    return distributed.LocalCluster(n_workers=processes, threads_per_worker=1, processes=True, **quiet, **options)


def lazy_batch():
    logits = da.map_blocks(slow_rows, chunks=((ROWS,) * CHUNKS, (4,)), dtype=float, meta=np.empty((0, 0)))
    return logits, logits.map_blocks(labels_of, drop_axis=1, dtype=np.int64, meta=np.empty(0, np.int64))


def killed_in_the_middle(client, future):
    """The result of a computation during which the process of one worker was killed."""
    while sum(map(len, client.has_what().values())) < 3:
        time.sleep(0.02)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    return future.result(timeout=60)


def test_a_worker_that_is_killed_in_the_middle_changes_nothing():
    from distributed import Client

    logits, labels = lazy_batch()
    expected = ls.cross_entropy.value_and_grad(*dask.compute(logits, labels), label_smoothing=0.1)
    value, gradient = ls.cross_entropy.value_and_grad(logits, labels, label_smoothing=0.1)
    with cluster_of(2) as cluster, Client(cluster) as client:
        before = set(client.run(os.getpid).values())
        both = client.compute(dask.delayed(tuple)([value, gradient]))
        found = killed_in_the_middle(client, both)
        client.wait_for_workers(2, timeout=60)
        assert set(client.run(os.getpid).values()) != before
    assert float(found[0]) == pytest.approx(float(expected[0]), rel=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-16)


# Memory.

BOUNDED = """
import sys
from pathlib import Path
import numpy as np
import dask, dask.array as da
import lossspec as ls

ROWS, CHUNKS = 1 << 18, 64

def held(key):
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(key + ":"))
    return 1024 * int(line.split()[1])

def block(path, block_info=None):
    start, stop = block_info[None]["array-location"][0]
    return np.fromfile(path, count=stop - start, offset=8 * start)

def lazy(count):
    return [
        da.map_blocks(block, path, chunks=((ROWS,) * count,), dtype=np.float64, meta=np.empty(0))
        for path in sys.argv[1:3]
    ]

def both(count):
    value = ls.huber(*lazy(count)).compute()
    slopes = ls.huber.grad(*lazy(count), reduction="sum")
    if sys.argv[3] == "all":
        slopes = da.from_array(slopes.compute())
    return float(value), float(da.sum(slopes).compute())

with dask.config.set(scheduler="threads", num_workers=1):
    both(2)  # what is imported and compiled once
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    found = both(CHUNKS)
print(held("VmHWM") - before, *found)
"""


def test_a_loss_of_files_larger_than_a_limit_needs_the_memory_of_a_few_chunks(tmp_path):
    """Two files of 128 MiB in chunks of 2 MiB; who keeps the gradient of all is seen."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of the memory of a process is read from /proc")
    arrays = np.random.default_rng(0).normal(size=(2, 2**24))
    paths = [tmp_path / "predictions", tmp_path / "targets"]
    for path, x in zip(paths, arrays, strict=True):
        x.tofile(path)

    def run(*words):
        command = [sys.executable, "-c", BOUNDED, *map(str, paths), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)  # noqa: S603
        return list(map(float, done.stdout.split()))

    more, value, slope = run("chunks")
    assert value == pytest.approx(float(ls.huber(*arrays)), rel=1e-12)
    assert slope == pytest.approx(float(np.clip(arrays[0] - arrays[1], -1, 1).sum()), rel=1e-9, abs=1e-6)
    assert more < arrays.nbytes / 4
    assert run("all")[0] > arrays.nbytes / 4
