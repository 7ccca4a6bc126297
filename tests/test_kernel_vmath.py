"""The elementary functions of the kernels against NumPy's float64 and mpmath, for every processor that is met here."""

import ctypes
import itertools
import math
from functools import cache

import mpmath
import numpy as np
import pytest

from lossspec.kernels import vmath

llvm = pytest.importorskip("llvmlite.binding", reason="no llvmlite: what the kernels are compiled with")

TYPES = {32: (np.float32, "float"), 64: (np.float64, "double")}
BUDGETS = {function: 1.0 if function in {"exp", "log", "log1p", "expm1"} else 2.0 for function in vmath.FUNCTIONS}
UNARY = [function for function in vmath.FUNCTIONS if vmath.arity(function) == 1]
NAMES = {
    "atanh": "arctanh",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atan": "arctan",
    "atan2": "arctan2",
    "pow": "power",
}
# what each processor has: its registers hold so many bits
PROCESSORS = {"x86-64-v4": 512, "x86-64-v3": 256, "x86-64": 128}
NEEDS = {"x86-64-v4": "avx512dq", "x86-64-v3": "avx2", "x86-64": "sse2"}
EXACT = {
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "pow": mpmath.power,
}


def numpy_function(function):
    return getattr(np, NAMES.get(function, function))


def loop(function, bits, lanes):
    """A function over an array, as IR: run_FUNCTION(x, y, out, n)."""
    element = TYPES[bits][1]
    vector = element if lanes == 1 else f"<{lanes} x {element}>"
    names = "xy"[: vmath.arity(function)]
    loads = "\n".join(
        f"  %p{name} = getelementptr {element}, ptr %{name}, i64 %i\n"
        f"  %v{name} = load {vector}, ptr %p{name}, align {bits // 8}"
        for name in names
    )
    given = ", ".join(f"{vector} %v{name}" for name in names)
    return f"""
define void @run_{function}(ptr %x, ptr %y, ptr %out, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
{loads}
  %value = call {vector} @{vmath.symbol(function, bits, lanes)}({given})
  %place = getelementptr {element}, ptr %out, i64 %i
  store {vector} %value, ptr %place, align {bits // 8}
  %next = add i64 %i, {lanes}
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""


def module_text(functions, bits, lanes):
    """The functions and their loops; a declaration may stand in a module once."""
    lines = "\n".join(vmath.source(function, bits, lanes) for function in functions).splitlines()
    declarations = dict.fromkeys(line for line in lines if line.startswith("declare "))
    rest = [line for line in lines if line not in declarations]
    return "\n".join([*declarations, *rest, *(loop(function, bits, lanes) for function in functions)])


def optimized(text, machine):
    module = llvm.parse_assembly(text)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    return module


class Compiled:
    """Functions of one width for one processor."""

    def __init__(self, functions, bits, lanes, processor):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        if processor is None:
            features = llvm.get_host_cpu_features().flatten()
            machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
        else:
            machine = target.create_target_machine(cpu=processor, opt=2)
        module = optimized(module_text(functions, bits, lanes), machine)
        self.assembly = machine.emit_assembly(module)
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()
        self.type, self.lanes = TYPES[bits][0], lanes

    def __call__(self, function, *arguments):
        size = len(arguments[0])
        padded = [np.concatenate([a, np.ones(-size % self.lanes, self.type)]).astype(self.type) for a in arguments]
        out = np.empty_like(padded[0])
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        run = signature(self.engine.get_function_address(f"run_{function}"))
        run(padded[0].ctypes.data, padded[-1].ctypes.data, out.ctypes.data, len(out))
        return out[:size]


@cache
def compiled(bits, processor=None, lanes=None):
    """All functions; without a processor, for this one; without lanes, as many as AVX-512 has."""
    if processor is not None and not llvm.get_host_cpu_features().get(NEEDS[processor]):
        pytest.skip(f"not run: this processor has no {NEEDS[processor]}")
    return Compiled(vmath.FUNCTIONS, bits, lanes or 512 // bits, processor)


def patterns(bits, count, seed):
    kind = {32: np.uint32, 64: np.uint64}[bits]
    return np.random.default_rng(seed).integers(0, 2**bits, count, dtype=kind).view(TYPES[bits][0])


SPECIALS = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, -2.5, 0.001, -0.001]


def edges(bits):
    """Specials, every power of two, the ends of the format, where a step changes, each with its neighbours."""
    kind = TYPES[bits][0]
    info = np.finfo(kind)
    turning = [
        math.log(2) / 2,
        math.sqrt(2),
        math.sqrt(0.5),
        math.sqrt(2) - 1,
        math.sqrt(0.5) - 1,
        -0.2928,
        0.4142,
        9.0,
    ]
    limits = (
        [88.72284, -87.33655, -103.97208, 89.41599]
        if bits == 32
        else [709.782712893384, -708.3964, -745.13322, 710.475861]
    )
    turns = [n * math.pi / 4 for n in (1, 2, 3, 4, 100, 10**6)]
    powers = np.ldexp(kind(1), np.arange(info.minexp - info.nmant, info.maxexp)).astype(kind)
    integers = [2.0 ** (info.nmant + n) + m for n in (-1, 0, 1) for m in (-1, 0, 1)]
    centres = np.asarray([*SPECIALS, *turning, *limits, *turns, *integers, info.max, info.smallest_normal], kind)
    centres = np.concatenate([centres, powers])
    with np.errstate(all="ignore"):
        near = [centres, np.nextafter(centres, kind(math.inf)), np.nextafter(centres, kind(-math.inf))]
    return np.concatenate([sign * part for part in near for sign in (kind(1), kind(-1))])


def ordinary(bits, count, seed):
    """Numbers of the sizes that the functions turn on, and close to 1 and 0."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1, 1], count)
    parts = [
        rng.normal(size=count),
        rng.uniform(-1, 1, count),
        rng.uniform(0.3, 0.5, count) * sign,
        rng.uniform(-104, 90, count) * (1 if bits == 32 else 7.2),
        1 + 10 ** rng.uniform(-8, 0, count) * sign,
        10 ** rng.uniform(-20, 4, count) * sign,
    ]
    return np.concatenate(parts).astype(TYPES[bits][0])


def wrong_signs(got, exact):
    return (np.signbit(got) != np.signbit(exact)) & ~np.isnan(exact)


def errors(got, exact):
    """Units in the last place from wider exact results; infinite for a wrong sign and where only one is finite."""
    info = np.finfo(got.dtype)
    rounded = exact.astype(got.dtype)
    finite = np.isfinite(got) & np.isfinite(rounded)
    exponent = np.frexp(np.where(finite, rounded, 1.0))[1]
    unit = np.ldexp(exact.dtype.type(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    same = (got == rounded) | (np.isnan(got) & np.isnan(exact))
    found = np.where(finite, np.abs(got - exact) / unit, np.where(same, 0.0, math.inf))
    return np.where(wrong_signs(got, exact), math.inf, found)


def judge(run, function, arguments):
    """The largest error and its place, by NumPy in a wider format; 0 where all are rounded rightly."""
    got = run(function, *arguments)
    wider = {np.float32: np.float64, np.float64: np.longdouble}[got.dtype.type]
    pattern = {4: np.int32, 8: np.int64}[got.itemsize]
    with np.errstate(all="ignore"):
        exact = numpy_function(function)(*(a.astype(wider) for a in arguments))
        rounded = exact.astype(got.dtype)
        both_nan = (got != got) & (rounded != rounded)
        differ = np.flatnonzero((got.view(pattern) != rounded.view(pattern)) & ~both_nan)
        if not differ.size:
            return 0.0, [], None
        found = errors(got[differ], exact[differ])
    worst = int(np.argmax(found))
    return float(found[worst]), [a[differ[worst]] for a in arguments], got[differ[worst]]


def within_budget(function, found):
    error, place, got = found
    assert error <= BUDGETS[function], f"{function}{place} is {got}: {error} units in the last place"


def pairs(function, x, seed):
    """Two arguments: any two, two of one size, and for powers those that neither vanish nor overflow."""
    rng = np.random.default_rng(seed)
    kind = x.dtype.type
    with np.errstate(all="ignore"):
        if function == "pow":
            limit = 104 if kind is np.float32 else 745
            other = (rng.uniform(-1, 1, len(x)) * limit / np.log(np.abs(x.astype(np.float64)))).astype(kind)
        else:
            other = (x * rng.uniform(-3, 3, len(x))).astype(kind)
    cross = np.array(list(itertools.product(SPECIALS, repeat=2)), kind).T
    return np.concatenate([x, x, cross[0]]), np.concatenate([rng.permutation(x), other, cross[1]])


def sample(function, bits, count, seed=0):
    x = np.concatenate([edges(bits), patterns(bits, count, seed), ordinary(bits, count, seed)])
    return (x,) if vmath.arity(function) == 1 else pairs(function, x, seed)


@pytest.fixture
def extended():
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("not run: the long double of this platform is not wide enough to judge float64")


@pytest.mark.parametrize("function", vmath.FUNCTIONS)
def test_float32(function):
    within_budget(function, judge(compiled(32), function, sample(function, 32, 20_000)))


@pytest.mark.parametrize("function", vmath.FUNCTIONS)
def test_float64(extended, function):
    within_budget(function, judge(compiled(64), function, sample(function, 64, 20_000)))


@pytest.mark.thorough
@pytest.mark.parametrize("function", UNARY)
def test_every_float32(function):
    run, step = compiled(32), 2**15
    for start in range(0, 2**32, step):
        x = np.arange(start, start + step, dtype=np.uint32).view(np.float32)
        within_budget(function, judge(run, function, (x,)))


@pytest.mark.thorough
@pytest.mark.parametrize("function", vmath.FUNCTIONS)
def test_many_float64(extended, function):
    for seed in range(50):
        within_budget(function, judge(compiled(64), function, sample(function, 64, 50_000, seed)))


def error64(function, arguments, got):
    """Distance from mpmath's result in units in the last place of float64."""
    with np.errstate(all="ignore"):
        near = numpy_function(function)(*arguments)
    if not np.isfinite(near) or near == 0 or not all(math.isfinite(a) for a in arguments):
        # a special, an overflow or an underflow: NumPy's is as good as any but at the border
        same = (got == near) | (np.isnan(got) & np.isnan(near)) and not wrong_signs(got, near)
        border = abs(got) >= np.finfo(np.float64).max or abs(got) <= 5e-324
        return 0.0 if same else 0.75 if border and np.isfinite(near) else math.inf
    with mpmath.workprec(2300 if function == "pow" else 240):
        exact = EXACT.get(function, getattr(mpmath, function, None))(*(mpmath.mpf(float(a)) for a in arguments))
        exact = mpmath.fabs(exact) * math.copysign(1.0, near)  # mpmath has no -0 to tell -pi from pi
        if exact == 0:
            return 0.0 if got == 0 else math.inf
        if not np.isfinite(got):
            return 0.5 if abs(exact) >= mpmath.mpf(2) ** 1024 * (1 - mpmath.mpf(2) ** -54) else math.inf
        unit = mpmath.ldexp(1, max(mpmath.frexp(exact)[1] - 53, -1074))
        return float(abs(mpmath.mpf(float(got)) - exact) / unit)


# 6381956970095103 * 2^797 is the float64 nearest to a multiple of pi / 2
HARD = [
    math.ldexp(6381956970095103.0, 797),
    1e22,
    1e300,
    355.0,
    103993.0,
    1.0 - 2.0**-53,
    1.0 + 2.0**-52,
    0.34657359027997264,
]


def judge_by_mpmath(run, function, count, seed=0):
    arguments = sample(function, 64, count, seed)
    chosen = np.random.default_rng(seed).permutation(len(arguments[0]))[: 12 * count]
    arguments = tuple(np.concatenate([a[chosen], np.array(HARD)]) for a in arguments)
    got = run(function, *arguments)
    found = [(error64(function, given, value), given, value) for *given, value in zip(*arguments, got, strict=True)]
    return max(found, key=lambda item: item[0])


@pytest.mark.parametrize("function", vmath.FUNCTIONS)
def test_float64_by_mpmath(function):
    within_budget(function, judge_by_mpmath(compiled(64), function, 60))


def same_bits(got, wanted):
    """Element by element; NaN is NaN."""
    return bool(np.all(((got == wanted) & ~wrong_signs(got, wanted)) | (np.isnan(got) & np.isnan(wanted))))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(("processor", "lanes"), [*((name, None) for name in PROCESSORS), (None, 1)])
def test_every_processor_and_width_gives_the_same_bits(bits, processor, lanes):
    ours, other = compiled(bits), compiled(bits, processor, lanes or PROCESSORS[processor] // bits)
    for function in vmath.FUNCTIONS:
        arguments = sample(function, bits, 5_000, seed=1)
        assert same_bits(other(function, *arguments), ours(function, *arguments)), function


@pytest.mark.parametrize("bits", [32, 64])
def test_no_function_calls_the_c_library(bits):
    if not llvm.get_default_triple().startswith("x86_64"):
        pytest.skip("not run: reads the assembly of x86-64")
    assert "call" not in compiled(bits, "x86-64", 128 // bits).assembly


@pytest.mark.parametrize("function", vmath.FUNCTIONS)
def test_nothing_branches_and_nothing_is_fast(function):
    for bits, lanes in itertools.product((32, 64), (1, 8)):
        *_, body = vmath.source(function, bits, lanes).partition("{\n")
        assert not set(body.split()) & {"br", "switch", "phi", "fast", "contract", "reassoc"}
        assert not any(line.endswith(":") for line in body.splitlines())


def assembled(triple, processor, bits, lanes, prefix=""):
    """The object and the assembly of every function for another machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"not run: this LLVM has no such target: {error}")
    machine = target.create_target_machine(cpu=processor, opt=2)
    module = optimized(
        module_text(vmath.FUNCTIONS, bits, lanes).replace("define void", f"define {prefix}void"), machine
    )
    return machine, module


@pytest.mark.parametrize("bits", [32, 64])
def test_aarch64_is_assembled(bits):
    machine, module = assembled("aarch64-unknown-linux-gnu", "generic", bits, 128 // bits)
    assembly = machine.emit_assembly(module)
    assert not {line.split()[0] for line in assembly.splitlines() if line.strip()} & {"bl", "blr", "fmadd", "fmla"}
    assert machine.emit_object(module).startswith(b"\x7fELF")


@pytest.mark.parametrize("bits", [32, 64])
def test_ptx_is_written_without_calls_and_fused_steps(bits):
    machine, module = assembled("nvptx64-nvidia-cuda", "sm_80", bits, 1, prefix="ptx_kernel ")
    text = machine.emit_assembly(module)
    assert all(f".entry run_{function}(" in text for function in vmath.FUNCTIONS)
    assert "call" not in text
    assert "fma." not in text
    assert "approx" not in text


def worst_error(run, function, bits):
    found = judge(run, function, sample(function, 32, 20_000)) if bits == 32 else judge_by_mpmath(run, function, 60)
    return found[0]


def compile_anew(function, bits):
    """The text that the module of functions writes now, where a fault may be planted."""
    return Compiled([function], bits, 512 // bits, None)


USERS = {"sinh": "sinh", "cosh": "cosh", "log": "log", "tail": "pow", "atan": "atan", "sin": "sin", "cos": "cos"}


@pytest.mark.parametrize(("name", "bits"), vmath._COEFFICIENTS)
def test_a_wrong_coefficient_is_seen(monkeypatch, name, bits):
    first, *rest = vmath._COEFFICIENTS[name, bits]
    wrong = first * (1 + (3e-4 if bits == 32 else 1e-11))
    monkeypatch.setitem(vmath._COEFFICIENTS, (name, bits), (wrong, *rest))
    function = USERS[name]
    assert worst_error(compile_anew(function, bits), function, bits) > BUDGETS[function]


# what is left out: the function that shows it, the part of vmath, and that part without it
DROPPED = {
    "pole of log": ("log", "_at_ends_of_log", lambda x, pole, value: value),
    "clamp of exp": ("exp", "_between", lambda x, lowest, highest: x),
    "denormal of log": ("log", "_split_any", lambda x: vmath._split(x)[:2]),
    "integer powers": ("pow", "_is_integer", lambda y: y.equals(y)),
    "lost part of a sum": ("log1p", "_any_sum", lambda a, b: (a + b, b.like(0.0))),
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", DROPPED)
def test_a_dropped_special_is_seen(monkeypatch, name, bits):
    function, part, without = DROPPED[name]
    monkeypatch.setattr(vmath, part, without)
    assert worst_error(compile_anew(function, bits), function, bits) > BUDGETS[function]


def test_what_there_is_not_is_refused_by_name():
    with pytest.raises(ValueError, match="no function 'gamma': there are exp, log"):
        vmath.source("gamma", 64, 4)
    with pytest.raises(ValueError, match="bits are 32 or 64 and lanes at least 1, not 16 and 8"):
        vmath.source("exp", 16, 8)
