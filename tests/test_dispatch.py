"""From an array to its backend, and what every backend does alike."""

import math
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lossspec as ls
from lossspec import dispatch
from lossspec.conformance.probes import Probe, probe_of
from lossspec.dispatch import Backend, common_backend, find_backend, get_backend
from lossspec.errors import BackendError, DTypeError, MixtureError
from lossspec.numerics import array_namespace, scan


def test_the_backends_have_one_order_however_often_one_asks(backend, array):
    ls.huber(array([1.0]), array([0.0]))  # loads the backends
    assert tuple(dispatch.all_backends()) == ("numpy", "strict", "torch", "jax", "cupy", "dask")
    assert tuple(ls.all_backends()) == ("numpy", "strict", "torch", "jax", "cupy", "dask")
    assert ls.all_backends()[backend.name] is get_backend(backend.name)


def test_a_backend_knows_its_own_arrays(backend, array, plain):
    x = array([1.0, 2.0])
    assert find_backend(x) is backend
    assert common_backend("loss", [("x", x), ("y", array([3], "int32"))]) is backend
    assert array_namespace(2.0, x) is backend.namespace
    assert plain(x).tolist() == [1.0, 2.0]
    assert isinstance(plain(x), np.ndarray)
    state = backend.available()
    assert state
    assert (bool(state.version), state.reason) == (True, "")
    assert len(backend.devices()) > 0
    assert repr(backend) == f"<lossspec backend {backend.name}>"


def test_arrays_are_copied_from_and_to_numpy(backend):
    source = np.asarray([1.0, 2.0])
    x = backend.from_numpy(source)
    source[0] = 9.0
    copy = backend.to_numpy(x)
    assert copy.tolist() == [1.0, 2.0]
    copy[0] = 7.0
    assert backend.to_numpy(x).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("x", [[1.0], 1.0, None, "x", {}, memoryview(b"a"), object()], ids=lambda x: type(x).__name__)
def test_what_is_no_array_belongs_to_no_backend_and_is_named(x):
    assert find_backend(x) is None
    with pytest.raises(DTypeError, match=f"loss: `x` is a {type(x).__name__}, not an array of a known framework"):
        common_backend("loss", [("x", x)])
    with pytest.raises(DTypeError, match=type(x).__name__):
        array_namespace(x)


# A backend that someone else adds.


class Crate:
    """An array of a framework that nobody knows."""

    device, shape, dtype = "shelf", (1,), "float64"


class CrateBackend(Backend):
    name, module, extra = "crate", "crates", "crate"

    def recognises(self, x):
        return isinstance(x, Crate)


@pytest.fixture
def crates(monkeypatch):
    """A third-party backend, found through an entry point."""
    added = CrateBackend()
    point = types.SimpleNamespace(value="crates:backend", load=lambda: added)
    known = dispatch.entry_points
    monkeypatch.setattr(dispatch, "entry_points", lambda group: (point, *known(group=group)))
    monkeypatch.setattr(dispatch, "_by_type", {})
    monkeypatch.setattr(dispatch, "_found", {})
    monkeypatch.setattr(dispatch, "_broken", {})
    return added


def test_a_backend_without_a_probe_is_taken_as_eager(crates):
    probe = probe_of(crates)
    assert type(probe) is Probe
    assert not any((probe.compiles, probe.compiles_by_shape, probe.mixed_precision()))
    assert probe.count_graphs(len, [([],)]) is None
    assert probe.vmap(len) is None
    assert probe.compile_quickly(len) is len
    with probe.double_precision(), probe.strictest():
        assert not crates.has_autodiff


def test_a_third_party_backend_is_found_once_its_framework_is_loaded(crates, monkeypatch):
    assert list(dispatch.all_backends())[-1] == "crate"
    assert find_backend(Crate()) is None
    monkeypatch.setitem(sys.modules, "crates", types.ModuleType("crates"))
    assert find_backend(Crate()) is crates
    with pytest.raises(MixtureError, match="`predictions` is a numpy array and `targets` is a crate array"):
        ls.huber(np.asarray([1.0]), Crate())


def test_an_absent_framework_says_what_to_install(crates):
    state = crates.available()
    assert not state
    assert state.reason == 'crates is not installed: pip install "lossspec[crate]"'


def test_a_broken_framework_says_what_is_wrong_and_never_raises(crates, monkeypatch):
    monkeypatch.setattr(CrateBackend, "module", "json")

    def devices(self):
        raise OSError("libcrate.so: no such file")

    monkeypatch.setattr(CrateBackend, "devices", devices)
    assert crates.available().reason == "json does not load: OSError: libcrate.so: no such file"


def test_a_framework_without_a_device_says_so(crates, monkeypatch):
    monkeypatch.setattr(CrateBackend, "module", "numpy")
    monkeypatch.setattr(CrateBackend, "devices", lambda self: ())
    assert (crates.available().usable, crates.available().reason) == (False, "no device")


def test_cupy_without_a_gpu_gives_its_reason_and_an_unknown_backend_the_known_ones():
    state = get_backend("cupy").available()
    assert state or state.reason == "no CUDA device" or "not installed" in state.reason
    with pytest.raises(BackendError, match=r"no backend is called 'mxnet'; there are numpy, strict, torch, jax, cupy"):
        get_backend("mxnet")


# Recurrences, memory of calls, compilers.


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 5])
def test_scan_is_a_loop_over_the_leading_axis(array, plain, length, reverse):
    xs = [[float(t), 2.0 * t] for t in range(length)]
    total, seen = [1.0, -1.0], [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        seen[t] = [2 * value for value in total]
        total = [value / 2 + x + 1 for value, x in zip(total, xs[t], strict=True)]

    def step(carry, now):
        x, one = now
        return carry / 2 + x + one[None], carry * 2

    carry, collected = scan(step, array([1.0, -1.0]), (array(xs), array([1.0] * length)), reverse)
    assert plain(carry).tolist() == total
    assert plain(collected).tolist() == seen


def test_scan_may_collect_nothing_and_may_be_empty(array, plain):
    def step(total, now):
        return total + now[0], None

    for xs, expected in (([1.0, 2.0], 3.0), ([], 0.0)):
        total, collected = scan(step, array(0.0), (array(xs, float),))
        assert (float(plain(total)), collected) == (expected, None)


def test_the_memory_of_calls_never_mixes_them_up(array, plain):
    for _ in range(2):
        assert plain(ls.huber(array([3.0]), array([0.0]))).dtype == np.float64
        assert plain(ls.huber(array([3.0], "float32"), array([0.0], "float32"))).dtype == np.float32
        assert plain(ls.huber(array([[3.0]]), array([[0.0]]), reduction="none")).shape == (1, 1)
        assert plain(ls.cross_entropy(array([[0.0, 0.0]]), array([0]))) == pytest.approx(math.log(2))
        assert plain(ls.cross_entropy(array([[0.0], [0.0]]), array([0]), axis=0)) == pytest.approx(math.log(2))
        assert plain(ls.cross_entropy(array([[0.0, 0.0]]), array([[0.5, 0.5]]))) == pytest.approx(math.log(2))
    for size in range(1, 300):  # more shapes than are remembered
        ls.huber.per_example(np.zeros(size), np.zeros(size))


def test_calls_from_many_threads_agree(array, plain):
    def call(size):
        return float(plain(ls.squared_error(array([2.0] * size), array([0.0] * size), reduction="sum")))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, list(range(1, 6)) * 4)) == [4.0 * size for size in range(1, 6)] * 4


def test_the_level_of_checking_belongs_to_its_thread():
    bad = np.asarray([math.nan])
    with ls.checking("values"), ThreadPoolExecutor(1) as pool:
        assert math.isnan(pool.submit(ls.huber, bad, bad).result())


COMPILED = """
import torch, lossspec as ls
torch.set_default_dtype(torch.float64)
x, y, m, three = torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor([True, False]), torch.full((2,), 3.0)
for call in (
    lambda: ls.cross_entropy(x, y, where=m),  # the very first call of this process
    lambda: ls.huber(three, 0 * three, sample_weight=three) + ls.perplexity(x, y),
    lambda: (0.5 * ls.cross_entropy)(x, y, ignore_index=0),
    lambda: sum([ls.huber.partial(three, 0 * three, reduction="sum"), ls.huber.partial(x, x, reduction="sum")]).value(),
):
    compiled = torch.compile(call, fullgraph=True, backend="eager")
    print(float(compiled()), float(compiled()))
"""


def test_torch_compiles_the_very_first_call_as_one_graph(usable, in_fresh_process):
    usable("torch")
    lines = in_fresh_process(COMPILED).split("\n")
    for line, expected in zip(lines, (math.log(3), 2.5 + 3.0, 0.5 * math.log(3), 5.0), strict=True):
        assert [float(word) for word in line.split()] == pytest.approx([expected] * 2, rel=1e-12)


@pytest.mark.parametrize("name", ["cross_entropy", "generalized_iou", "ctc", "perceptual", "batch_dice"])
def test_jax_compiles_and_differentiates_what_it_cannot_read(usable, draw, name):
    backend, loss = usable("jax"), ls.get(name)

    def moved(x):
        return [moved(item) for item in x] if isinstance(x, list) else backend.from_numpy(x)

    inputs = {key: moved(x) for key, x in draw(loss, 3).items()}
    compiled = backend.compile(lambda given: loss(**given))(inputs)
    assert backend.to_numpy(compiled) == pytest.approx(backend.to_numpy(loss(**inputs)), rel=1e-12)
    with ls.checking("values"), pytest.raises(BackendError, match=f"{name}: .*leave jit or vmap"):
        backend.compile(lambda given: loss(**given))(inputs)
