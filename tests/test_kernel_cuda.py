"""Kernels of GPUs without one: assembled by ptxas, run by an interpreter (`ptx.py`), launched by a driver of paper.

The interpreter stands in for the GPU below everything: what is made of a call of arrays of the host is the text that a
GPU would get, on the memory that it would have. It knows only what is rounded, and ends where threads leave an array.
"""

import ctypes
import re
import shutil
import subprocess
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from ptx import Machine, Simulated

import lossspec
import lossspec.kernels
from lossspec import get
from lossspec.conformance.cases import make_cases
from lossspec.conformance.matrix import plan, run_cell
from lossspec.conformance.store import Store
from lossspec.kernels import accumulate, cuda, driver, front, gpu, on_cuda, ready
from lossspec.kernels.programs import Programs
from lossspec.kernels.request import Request

pytest.importorskip("llvmlite")
STORE = Store()
SAMPLE = ("huber", "cross_entropy", "triplet_margin", "half_tweedie", "dice", "generalized_iou")


@pytest.fixture(autouse=True)
def _fresh():
    """No test sees the kernels of another."""
    yield
    for name in lossspec.names():
        get(name).kernels.clear()
        get(name).kernel_programs.clear()


def draw(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def on_gpu(loss, method, *inputs, on=None, **options):
    """The result of a method by the text of a GPU; it is an error if the array path would take the call."""
    on = on or Simulated()
    loss.kernels.clear()  # plans are for one GPU
    with on_cuda():
        request = Request(loss, method, inputs, options)
        found = on.run(*request)
        assert found is not None, on.reason(request)
    assert on.machine.launches
    return found


def by_arrays(loss, method, *inputs, **options):
    with lossspec.kernels.disabled():
        return loss(*inputs, **options) if method == "value" else getattr(loss, method)(*inputs, **options)


def agree(loss, method, *inputs, **options):
    """Check a result against operations on arrays, by the digits of its dtype."""
    found, right = (on_gpu(loss, method, *inputs, **options), by_arrays(loss, method, *inputs, **options))
    for one, other in zip(*((found, right) if isinstance(found, tuple) else ((found,), (right,))), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype
        digits = 30 * float(np.finfo(one.dtype).eps)
        largest = float(np.max(np.abs(other), initial=0, where=np.isfinite(other)))
        np.testing.assert_allclose(one, other, rtol=digits, atol=digits * largest)


# The text.


def assembler():
    """The path of ptxas, or None."""
    found = shutil.which("ptxas")
    for package, place in (("nvidia.cuda_nvcc", "bin/ptxas"), ("nvidia.cu13", "bin/ptxas")):
        try:
            spec = find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in [] if found or spec is None else spec.submodule_search_locations:
            if (Path(folder) / place).exists():
                found = str(Path(folder) / place)
    return found


def texts(name, dtype):
    """The texts of a call of a loss for value and gradient, value and Hessian; none where no kernel computes it."""
    loss, found = get(name), {}
    case = make_cases(loss.contract, np.dtype(dtype).type)[0]
    wrt = tuple(n for n, x in case.inputs.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f")
    given = {**case.inputs, **case.parameters}
    on = Simulated()
    for method, what in (("value_and_grad", wrt), ("value", None), ("grad_hess", wrt[0] if wrt else None)):
        with on_cuda():
            try:
                made = gpu.prepare(Request(loss, method, (), given, what), on)
            except gpu.NotTaken:
                continue
        if not isinstance(made, str):
            found |= {
                (method, piece): job.made.kernel for piece, job in (("main", made.main), ("mass", made.mass)) if job
            }
    return found


def check_text(text, ptxas, tmp_path):
    """Check that nothing may be fused, flushed or approximate, and that an old and a new GPU take the text."""
    assert not re.search(r"\bfma\b|\.ftz|\.approx|\.full\b|\bcall\b", text)
    unrounded = re.search(r"^\s*(?:@\S+\s+)?(add|sub|mul|div|sqrt|rcp)\.f(32|64)\s", text, re.M)
    assert unrounded is None, unrounded[0]
    (tmp_path / "kernel.ptx").write_text(text)
    for target in ("sm_75", "sm_90"):
        done = subprocess.run(  # noqa: S603
            [ptxas, f"-arch={target}", str(tmp_path / "kernel.ptx"), "-o", str(tmp_path / "kernel.cubin")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def ptxas():
    found = assembler()
    if found is None:
        pytest.skip("ptxas is not installed: pip install nvidia-cuda-nvcc-cu12")
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAMPLE)
def test_texts_are_assembled(name, dtype, ptxas, tmp_path):
    found = texts(name, dtype)
    assert found
    for text in found.values():
        check_text(text, ptxas, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", lossspec.names())
def test_all_texts_are_assembled(name, dtype, ptxas, tmp_path):
    for text in texts(name, dtype).values():
        check_text(text, ptxas, tmp_path)


def test_what_is_not_rounded_is_seen(ptxas, tmp_path):
    (text, *_) = texts("huber", "float32").values()
    check_text(text, ptxas, tmp_path)
    for wrong in (text.replace("mul.rn.f32", "mul.f32"), text.replace("setp.", "setq.")):
        with pytest.raises(AssertionError):
            check_text(wrong, ptxas, tmp_path)


# Values and gradients.

UNITS = (1, 31, 32, 33, 1000)
ROWS = (1, 31, 33, 100)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "huber", "half_tweedie"])
def test_every_number_of_units(name, units, dtype):
    x, targets = draw(units, dtype=dtype), np.abs(draw(units, dtype=dtype, seed=1)) % 1
    for method in ("value", "value_and_grad"):
        agree(get(name), method, x, targets)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", ROWS)
@pytest.mark.parametrize("name", ["cross_entropy", "triplet_margin", "dice"])
def test_every_length_of_rows(name, size, dtype):
    first = draw(7, size, dtype=dtype)
    inputs = {
        "cross_entropy": (first, np.arange(7) % size),
        "triplet_margin": (first, draw(7, size, dtype=dtype, seed=1), draw(7, size, dtype=dtype, seed=2)),
        "dice": (np.abs(first.reshape(7, 1, size)) % 1, (first.reshape(7, 1, size) > 0).astype(dtype)),
    }[name]
    agree(get(name), "value_and_grad", *inputs)
    agree(get(name), "value", *inputs, reduction="none")


def test_no_units_take_the_array_path():
    on = Simulated()
    with on_cuda():
        request = Request(lossspec.huber, "value", (draw(0), draw(0)), {})
        assert on.run(*request) is None
        assert "no units" in on.reason(request)


@pytest.mark.parametrize(
    "reduction", ["mean", "sum", "count_mean", "batch_mean", "none", lossspec.Mean(over=3.0)], ids=str
)
@pytest.mark.parametrize("options", ["", "sample_weight", "where", "sample_weight where"])
def test_every_denominator(reduction, options):
    x, y, random = draw(40), draw(40, seed=1), np.random.default_rng(2)
    known = {"sample_weight": random.random(40), "where": random.random(40) < 0.6}
    given = {name: known[name] for name in options.split()} | {"reduction": reduction}
    agree(lossspec.huber, "value", x, y, **given)
    if reduction != "none":
        agree(lossspec.huber, "value_and_grad", x, y, **given)


@pytest.mark.parametrize("reduction", ["token_mean", "length_mean"])
def test_means_over_lengths(reduction):
    random = np.random.default_rng(4)
    logits, labels, lengths = draw(8, 5, 6), random.integers(0, 6, (8, 5)), random.integers(0, 6, 8)
    where = random.random(8) < 0.6
    agree(lossspec.sequence_nll, "value_and_grad", logits, labels, lengths, reduction=reduction, where=where)


def test_a_mean_over_nothing():
    x = draw(6)
    nothing = np.zeros(6, dtype=bool)
    value, gradient = on_gpu(lossspec.huber, "value_and_grad", x, x, where=nothing)
    assert np.isnan(value)
    assert not gradient.any()
    assert on_gpu(lossspec.huber, "value", x, x, where=nothing, empty=0.25) == 0.25


def test_what_is_masked_and_what_is_not_there():
    """NaN in a masked unit is not seen; NaN and a label out of range elsewhere are."""
    logits, labels = draw(40, 50), np.arange(40)
    logits[3, 7] = np.nan
    labels[5], labels[6] = 50, -1
    agree(lossspec.cross_entropy, "value_and_grad", logits, labels, where=~np.isin(np.arange(40), [3, 5, 6]))
    agree(lossspec.cross_entropy, "value", logits, labels, reduction="none")


@pytest.mark.parametrize("shape", [(2, 5, 6, 7), (1, 40, 5, 5)])
def test_classes_before_pixels(shape):
    labels = np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))
    agree(lossspec.cross_entropy, "value_and_grad", draw(*shape), labels, axis=1)


@pytest.mark.parametrize("classes", [5, 40])
def test_second_derivatives(classes):
    agree(lossspec.cross_entropy, "grad_hess", draw(6, classes), np.arange(6) % classes)


@pytest.mark.parametrize("size", [7, 100])
def test_first_of_the_largest(size):
    """The row has its largest twice, and then NaN, which is larger than all."""
    x = np.round(draw(9, size))
    x[3, size // 2] = x[4, 0] = x[4, size - 1] = np.nan
    labels = np.argmax(x, axis=1) % size
    agree(lossspec.multiclass_hinge, "value", x, labels, reduction="none")


@pytest.mark.parametrize("shape", [(40,), (6, 50)], ids=str)
def test_half_precision(shape):
    x, y = (3 * draw(*shape)).astype(np.float16), np.zeros(shape, dtype=np.float16)
    value, gradient = on_gpu(lossspec.huber, "value_and_grad", x, y)
    wanted, right = by_arrays(lossspec.huber, "value_and_grad", x, y)
    assert value.dtype == wanted.dtype == np.float32
    assert value == pytest.approx(wanted, rel=1e-6)
    assert gradient.dtype == right.dtype == np.float16
    np.testing.assert_allclose(gradient.astype(float), right.astype(float), rtol=2e-3, atol=1e-7)


# The same bits, and the order of sums.

SAME = {
    "binary_cross_entropy_with_logits": lambda n, dtype: (draw(n, dtype=dtype), draw(n, dtype=dtype, seed=1) * 0 + 0.5),
    "cross_entropy": lambda n, dtype: (draw(9, n, dtype=dtype), np.arange(9) % n),
    "triplet_margin": lambda n, dtype: tuple(draw(9, n, dtype=dtype, seed=seed) for seed in range(3)),
    "kl_divergence": lambda n, dtype: tuple(softmax(draw(9, n, dtype=dtype, seed=seed)) for seed in range(2)),
}


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def by_vectors_of_32(loss, *inputs):
    """Value and gradient by a kernel of the CPU whose vectors have as many lanes as a warp."""
    made, job, before = Programs.made, ready.Job, front.served()

    def wide(self, piece, by_units, lanes, *rest):
        return made(self, piece, by_units, 32 if lanes else 0, *rest)

    def roomy(made, head, sizes, chunks, buffer, entries):
        return job(made, head, sizes, chunks, 2 * buffer, entries)

    with patch.object(Programs, "made", wide), patch.object(ready, "Job", roomy):
        found = loss.value_and_grad(*inputs)
    assert front.served() > before
    return [np.asarray(x).tobytes() for x in found]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [5, 33, 100])
@pytest.mark.parametrize("name", SAME)
def test_bits_are_those_of_vectors_of_the_width_of_a_warp(name, size, dtype):
    """A kernel of the CPU whose vectors have 32 lanes does what a warp does, step by step."""
    inputs = SAME[name](size, dtype)
    found = on_gpu(get(name), "value_and_grad", *inputs)
    assert [x.tobytes() for x in found] == by_vectors_of_32(get(name), *inputs)


@pytest.mark.parametrize("blocks", [True, False])
def test_long_rows_are_summed_in_blocks(blocks, monkeypatch):
    """A row of more than 16 steps of a warp is several blocks, whose sums are float64; in one go it has other bits."""
    monkeypatch.setattr("lossspec.kernels.compile.folder", lambda: None)
    inputs = SAME["cross_entropy"](1500, "float32")
    right = by_vectors_of_32(lossspec.cross_entropy, *inputs)
    _forget(lossspec.cross_entropy)
    with patch.object(accumulate, "BLOCK", 16 if blocks else 1 << 40):
        found = on_gpu(lossspec.cross_entropy, "value_and_grad", *inputs)
    assert ([x.tobytes() for x in found] == right) is blocks


@pytest.mark.parametrize("groups", [1, 2])
def test_bits_do_not_depend_on_the_number_of_warps(groups):
    """A warp that takes many chunks in turn leaves their sums where many warps leave them."""
    x, y = draw(9000), draw(9000, seed=1)
    wanted, right = on_gpu(lossspec.squared_error, "value_and_grad", x, y)
    with patch.object(gpu, "_MOST_GROUPS", groups):
        value, gradient = on_gpu(lossspec.squared_error, "value_and_grad", x, y)
    assert value.tobytes() == wanted.tobytes()
    assert gradient.tobytes() == right.tobytes()
    agree(lossspec.squared_error, "value_and_grad", x, y)


def test_buffers_of_warps_do_not_meet():
    """Many rows at once keep their exponentials in buffers of their own, however few warps there is room for."""
    x, labels = draw(50, 70), np.arange(50)
    for most in (1 << 27, 1):
        with patch.object(gpu, "_MOST_SCRATCH", most), patch.object(gpu, "_CHUNK", 1):
            agree(lossspec.cross_entropy, "value_and_grad", x, labels)


# Faults in the emitter.


def lane_is_lost():
    """The last step of a sum over lanes is left out."""
    original = cuda.CudaEmitter._other
    return patch.object(cuda.CudaEmitter, "_other", lambda self, x, away: original(self, x, away if away > 1 else 2))


def masked_lanes_write():
    original = cuda.CudaEmitter.scatter
    return patch.object(
        cuda.CudaEmitter,
        "scatter",
        lambda self, value, pointer, index, stride, mask: original(self, value, pointer, index, stride, None),
    )


def lanes_share_a_buffer():
    return patch.object(cuda.CudaEmitter, "slot", lambda self, x, j: super(cuda.CudaEmitter, self).slot(x, j))


def last_step_is_whole():
    original = accumulate.Accumulator.add
    return patch.object(accumulate.Accumulator, "add", lambda self, x, j, mask: original(self, x, j, None))


def numbers_of_lanes_are_0():
    return patch.object(cuda.CudaEmitter, "steps", lambda self, lanes: self.constant(0, "i64"))


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        (lane_is_lost, 100),
        (masked_lanes_write, 5),
        (masked_lanes_write, 100),
        (lanes_share_a_buffer, 100),
        (last_step_is_whole, 33),
        (numbers_of_lanes_are_0, 100),
    ],
)
def test_faults_are_seen(fault, size, monkeypatch):
    inputs = (draw(7, size), np.arange(7) % size)
    monkeypatch.setattr("lossspec.kernels.compile.folder", lambda: None)
    agree(lossspec.cross_entropy, "value_and_grad", *inputs)
    _forget(lossspec.cross_entropy)
    with fault(), pytest.raises(AssertionError):
        agree(lossspec.cross_entropy, "value_and_grad", *inputs)


def _forget(loss):
    loss.kernels.clear()
    loss.kernel_programs.clear()


# The matrix.


@pytest.mark.parametrize(("name", "dtype"), [("huber", "float32"), ("cross_entropy", "float64")])
def test_matrix(name, dtype):
    cell = simulated_cell(name, dtype)
    assert cell.failures == []
    assert cell.status == "pass"
    assert cell.kernel_calls >= 10


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", lossspec.names())
def test_whole_matrix(name, dtype):
    cell = simulated_cell(name, dtype)
    assert cell.failures == []
    assert cell.status == "pass" or "no kernel computes it" in cell.reason


def simulated_cell(name, dtype):
    """The cell of a quick check in which every call that the interpreter takes is its own."""
    (job,) = plan([get(name)], ["numpy+kernels"], [dtype])
    on = Simulated()
    with patch("lossspec.loss.front.run", on.run):
        return run_cell(job, STORE, quick=True)


def test_the_column_of_cupy_comes_with_it():
    jobs = plan([get("huber")], ["cupy"], ["float32"])
    assert [job.column for job in jobs] == ["cupy", "cupy+kernels"]
    if driver.driver() == driver.NO_DEVICE:
        for job in jobs:
            cell = run_cell(job, STORE)
            assert (cell.status, cell.reason) == ("not run", "no CUDA device")


# Torch.


class SimulatedTensors(Simulated):
    """Tensors of the host as those of a GPU."""

    def __init__(self):
        import array_api_compat.torch

        super().__init__()
        self.xp = array_api_compat.torch

    def layout(self, x):
        from lossspec.backends.torch_gpu import BFLOAT16

        if not isinstance(x, torch.Tensor):
            return None
        return tuple(x.shape), BFLOAT16 if x.dtype is torch.bfloat16 else np.dtype(str(x.dtype)[len("torch.") :])

    def kind(self, x):
        return (type(x), x) if self.layout(x) is None else (*self.layout(x), x.dtype, x.requires_grad)

    def address(self, x):
        bits = x.detach().view(torch.int16) if x.dtype in (torch.bfloat16, torch.float16) else x.detach()
        return self.machine.memory.add(bits.numpy())

    def empty(self, shape, dtype):
        return torch.from_numpy(super().empty(shape, dtype))

    def full(self, value):
        return torch.full((), value, dtype=torch.float64)


@pytest.fixture
def tensors(monkeypatch):
    from lossspec.backends import torch_kernels

    on = SimulatedTensors()
    monkeypatch.setattr(torch_kernels, "gpu_of", lambda x: on)
    with on_cuda():
        yield on


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torch_differentiates(reduction, tensors):
    x = torch.tensor(draw(6, 5), requires_grad=True)
    labels, cotangent = torch.arange(6) % 5, torch.rand(6 if reduction == "none" else (), dtype=torch.float64)

    def call():
        loss = lossspec.cross_entropy(x, labels, reduction=reduction)
        return loss.detach(), torch.autograd.grad(loss, x, cotangent)[0]

    found = call()
    launches = tensors.machine.launches
    assert launches >= 1 + (reduction == "none")
    with lossspec.kernels.disabled():
        wanted = call()
    assert tensors.machine.launches == launches
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_torch_without_a_graph(dtype, tensors):
    x, labels = torch.tensor(draw(6, 50)).to(dtype), torch.arange(6)
    weight = torch.rand(6, dtype=torch.float32)
    value, gradient = lossspec.cross_entropy.value_and_grad(x, labels, sample_weight=weight)
    assert tensors.machine.launches == 2
    with lossspec.kernels.disabled():
        wanted, right = lossspec.cross_entropy.value_and_grad(x, labels, sample_weight=weight)
    torch.testing.assert_close(value, wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, right, rtol=1e-2 if dtype is not torch.float32 else 1e-5, atol=1e-7)


# The switch, the driver and the interpreter.


def test_kernels_on_a_gpu_are_asked_for():
    on, x = Simulated(), draw(5)
    request = Request(lossspec.huber, "value", (x, x), {})
    assert on.run(*request) is None
    assert "on_cuda()" in on.reason(request)
    with on_cuda(), lossspec.kernels.disabled():
        assert on.run(*request) is None
    assert on.machine.launches == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [("info_nce", "coupled"), ("root_mean_squared_error", "last step"), ("ctc", "recurrence")],
)
def test_refusals_have_reasons(name, reason):
    loss = get(name)
    case = make_cases(loss.contract, np.float64)[0]
    with on_cuda():
        assert reason in Simulated().reason(Request(loss, "value", (), {**case.inputs, **case.parameters}))


def test_a_driver_that_refuses_a_text_is_a_refusal():
    class Old(Machine):
        def function(self, device, ptx):
            raise driver.DriverError("cuModuleLoadData: unsupported toolchain (222)")

    on = Simulated()
    on.machine = Old()
    with on_cuda():
        request = Request(lossspec.huber, "value", (draw(5), draw(5)), {})
        assert on.run(*request) is None
        assert "unsupported toolchain" in on.reason(request)


class Paper:
    """A library in place of the driver: it notes what it is asked, and runs functions on a `Machine`."""

    def __init__(self, devices=1, fails=""):
        self.devices, self.fails = devices, fails
        self.machine, self.asked, self.depth = Machine(), [], 0

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*arguments):
            self.asked.append(name)
            if name == self.fails:
                return 100
            return getattr(self, f"_{name}", lambda *_: 0)(*arguments) or 0

        return call

    @staticmethod
    def _set(pointer, value):
        pointer._obj.value = value

    def _cuDeviceGetCount(self, count):  # noqa: N802
        self._set(count, self.devices)

    def _cuCtxPushCurrent_v2(self, context):  # noqa: N802
        self.depth += 1

    def _cuCtxPopCurrent_v2(self, context):  # noqa: N802
        self.depth -= 1

    def _cuGetErrorString(self, status, text):  # noqa: N802
        text._obj.value = b"no such thing"

    def _cuModuleLoadData(self, module, text):  # noqa: N802
        assert self.depth == 1
        self.text = text.decode()

    def _cuModuleGetFunction(self, function, module, name):  # noqa: N802
        assert name == b"kernel"
        self._set(function, 11)

    def _cuLaunchKernel(self, function, *rest):  # noqa: N802
        assert self.depth == 1
        assert function.value == 11
        groups, y, z, threads, v, w, shared, stream, places, extra = rest
        assert (y, z, v, w, shared, extra) == (1, 1, 1, 1, 0, None)
        sizes = [int(n) for n in re.findall(r"kernel_param_0\[(\d+)\]", self.text)[:1]] + [8]
        parameters = [ctypes.string_at(place, size) for place, size in zip(places, sizes, strict=True)]
        self.machine.launch(0, self.machine.function(0, self.text), groups, threads, stream.value, parameters)


def test_the_driver_gets_what_it_needs():
    paper = Paper()

    class OnPaper(Simulated):
        driver = driver.Driver(paper)

    on = OnPaper()
    on.machine = paper.machine
    x, y = draw(40), draw(40, seed=1)
    value, _ = on_gpu(lossspec.huber, "value_and_grad", x, y, on=on)
    assert value == pytest.approx(by_arrays(lossspec.huber, "value", x, y), rel=1e-14)
    assert paper.asked[:2] == ["cuInit", "cuDeviceGetCount"]
    assert paper.asked.count("cuModuleLoadData") == paper.asked.count("cuLaunchKernel") == 1
    assert paper.asked.count("cuDevicePrimaryCtxRetain") == paper.asked.count("cuDevicePrimaryCtxRelease_v2") == 2
    assert paper.depth == 0


@pytest.mark.parametrize(
    ("library", "state"),
    [
        (Paper(), "1 CUDA device"),
        (Paper(devices=0), "not run: no CUDA device"),
        (Paper(fails="cuInit"), "not run: no CUDA device"),
        (OSError("libcuda.so.1: cannot open shared object file"), "not run: no CUDA device"),
    ],
)
def test_the_state_of_the_driver(library, state):
    driver.driver.cache_clear()
    fails = {"side_effect": library} if isinstance(library, OSError) else {"return_value": library}
    try:
        with patch.object(ctypes, "CDLL", **fails):
            assert state in driver.state()
    finally:
        driver.driver.cache_clear()


def test_a_call_of_the_driver_that_fails_says_which():
    with pytest.raises(driver.DriverError, match=r"cuDeviceGetCount: no such thing \(100\)"):
        driver.Driver(Paper(fails="cuDeviceGetCount"))


HEAD = ".visible .entry kernel(\n.param .align 8 .b8 kernel_param_0[8],\n.param .u64 kernel_param_1\n)\n{\n"
ADD = """
ld.param.b64 %rd1, [kernel_param_0];
mov.u32 %r1, %tid.x;
mul.wide.u32 %rd2, %r1, 4;
add.s64 %rd3, %rd1, %rd2;
ld.global.b32 %r2, [%rd3];
{guard}
shfl.sync.bfly.b32 %r3, %r2, 1, 31, -1;
add{rounding}.f32 %r4, %r2, %r3;
st.global.b32 [%rd3], %r4;
$L__BB0_1:
ret;
}}
"""


@pytest.mark.parametrize(
    ("rounding", "guard", "threads", "error"),
    [
        (".rn", "", 32, None),
        ("", "", 32, "may be fused"),
        (".rn", "setp.lt.u32 %p1, %r1, 3;\n@%p1 bra $L__BB0_1;", 32, "do not meet"),
        (".rn", "", 64, "no array of the call"),
    ],
)
def test_the_interpreter_sees_what_is_wrong(rounding, guard, threads, error):
    machine, x = Machine(), np.arange(32, dtype=np.float32)
    address = ctypes.c_int64(machine.memory.add(x))
    function = machine.function(0, HEAD + ADD.format(rounding=rounding, guard=guard))
    with nullcontext() if error is None else pytest.raises(AssertionError, match=error):
        machine.launch(0, function, 1, threads, 7, (address, ctypes.c_int64(0)))
    if error is None:
        np.testing.assert_array_equal(x, np.repeat(np.arange(16) * 4 + 1, 2))


# CuPy, whose arrays exist on a GPU alone.


class PaperArray(np.ndarray):
    """An array of the host with what is asked of one of CuPy."""

    device = SimpleNamespace(id=0)
    data = property(lambda self: SimpleNamespace(ptr=self.view(np.ndarray).__array_interface__["data"][0]))


def test_cupy_is_asked_for_what_it_has(monkeypatch):
    cupy = pytest.importorskip("cupy")
    from lossspec.backends import cupy_kernels

    assert all(hasattr(cupy.ndarray, name) for name in ("flags", "device", "data", "shape", "dtype"))
    assert all(hasattr(cupy, name) for name in ("empty", "full", "where", "float32", "float64"))
    assert all(hasattr(cupy.cuda, name) for name in ("Device", "get_current_stream"))
    machine = Machine()

    def held(x):
        machine.memory.add(x)
        return x.view(PaperArray)

    paper = SimpleNamespace(
        ndarray=PaperArray,
        empty=lambda shape, dtype: held(np.empty(shape, dtype)),
        full=lambda shape, value, dtype: held(np.full(shape, value, dtype)),
        cuda=SimpleNamespace(Device=lambda index: nullcontext(), get_current_stream=lambda: SimpleNamespace(ptr=7)),
    )
    monkeypatch.setattr(cupy_kernels, "cupy", paper)
    monkeypatch.setattr(cupy_kernels.CupyGpu, "xp", Simulated.xp)
    monkeypatch.setattr(cupy_kernels.CupyGpu, "driver", machine)
    x, y = held(draw(40)), held(draw(40, seed=1))
    request = Request(lossspec.huber, "value_and_grad", (x, y), {"delta": 0.5})
    assert cupy_kernels.by_kernel(*request) is None
    with on_cuda():
        value, gradient = cupy_kernels.by_kernel(*request)
        on = cupy_kernels.CupyGpu(0)
        assert on.reason(request) == ""
        assert "not contiguous" in on.reason(request._replace(inputs=(x[::2], y[::2])))
        assert "ndarray" in on.reason(request._replace(inputs=(x, draw(40))))
    wanted, right = by_arrays(lossspec.huber, "value_and_grad", np.asarray(x), np.asarray(y), delta=0.5)
    assert value == pytest.approx(wanted, rel=1e-14)
    np.testing.assert_allclose(gradient, right, rtol=1e-14)
