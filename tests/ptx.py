"""An interpreter of PTX as kernels use it: all threads side by side in NumPy arrays, memory with bounds, no GPU.

Threads at one instruction run it together, the furthest behind first. A shuffle waits for all 32 threads of its warps,
and is an error if they do not come. An instruction or a rounding that is not listed here is an error.
"""

import ctypes
import re
from math import inf

import array_api_compat.numpy
import numpy as np

from lossspec.kernels.gpu import Gpu, NotTaken

WARP = 32
_KINDS = {"s": "i", "u": "u", "b": "u", "f": "f"}
_REGISTER_BYTES = {"%rd": 8, "%r": 4, "%rs": 2, "%fd": 8, "%f": 4}


class Memory:
    """The arrays that threads may read and write, by their addresses."""

    def __init__(self):
        self.spans = []
        self.held = []

    def add(self, array):
        """Let threads use the memory of an array, which lives as long as this does; return its address."""
        address = array.__array_interface__["data"][0]
        if array.nbytes:
            flat = np.frombuffer((ctypes.c_uint8 * array.nbytes).from_address(address), np.uint8)
            self.spans.append((address, address + array.nbytes, flat))
        self.held.append(array)
        return address

    def span(self, addresses, size):
        """The bytes around addresses of numbers of a size, and the places of these."""
        low, high = int(addresses.min()), int(addresses.max()) + size
        assert not (addresses % np.uint64(size)).any(), "an address is not aligned"
        for first, last, flat in self.spans:
            if first <= low and high <= last:
                return flat, (addresses - np.uint64(first)).astype(np.int64)[:, None] + np.arange(size)
        raise AssertionError(f"threads reach {low:#x} to {high:#x}, which is no array of the call")

    def load(self, addresses, dtype):
        flat, places = self.span(addresses, dtype.itemsize)
        return flat[places].reshape(-1).view(dtype)

    def store(self, addresses, values):
        flat, places = self.span(addresses, values.dtype.itemsize)
        flat[places] = np.ascontiguousarray(values).view(np.uint8).reshape(places.shape)


def _dtype(kind):
    """The dtype of a type of PTX."""
    return np.dtype(bool) if kind == "pred" else np.dtype(f"{_KINDS[kind[0]]}{int(kind[1:]) // 8}")


def _number(text, dtype):
    """A constant."""
    if text[:2] in ("0f", "0d"):
        return (
            np.frombuffer(bytes.fromhex(text[2:]), ">u4" if text[1] == "f" else ">u8")
            .astype(f"u{dtype.itemsize}")
            .view(dtype)
        )
    if dtype.kind == "b":
        return np.asarray([text in ("-1", "1", "true")])
    value = int(text, 0) % (1 << 8 * dtype.itemsize)
    return np.asarray([value], dtype=f"u{dtype.itemsize}").view(dtype)


def _fmax(a, b):
    """The larger; the number beside NaN, and +0 beside -0."""
    return np.where((a == b) & (a == 0), a + b, np.fmax(a, b)).astype(a.dtype)


def _truncated(a, b):
    return (
        np.trunc(a / b) if a.dtype.kind == "f" else _sign(a, b) * (_size(a) // np.maximum(_size(b), 1)).astype(a.dtype)
    )


def _size(a):
    return np.abs(a.astype(np.int64)) if a.dtype.kind == "i" else a


def _sign(a, b):
    return (np.sign(a) * np.sign(b)).astype(a.dtype) if a.dtype.kind == "i" else a.dtype.type(1)


def _shift(a, b, left):
    wide = np.minimum(b.astype(np.uint64), 63).astype(a.dtype)
    over = b.astype(np.uint64) >= 8 * a.dtype.itemsize
    found = a << wide if left else a >> wide
    beyond = np.where(a < 0, -1, 0).astype(a.dtype) if a.dtype.kind == "i" and not left else a.dtype.type(0)
    return np.where(over, beyond, found).astype(a.dtype)


def _high(a, b):
    bits = 8 * a.dtype.itemsize
    return np.asarray([(int(x) * int(y)) >> bits for x, y in np.broadcast(a, b)]).astype(a.dtype)


ROUNDED = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
WHOLE = {"add": np.add, "sub": np.subtract, "div": _truncated, "rem": lambda a, b: a - b * _truncated(a, b)}
BITS = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": lambda a, b: _shift(a, b, True),
    "shr": lambda a, b: _shift(a, b, False),
}
COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater}
COMPARE |= {"ge": np.greater_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal}
COMPARE |= {"num": lambda a, b: (a == a) & (b == b), "nan": lambda a, b: (a != a) | (b != b)}
ALONE = {"mov": np.copy, "not": np.invert, "neg": np.negative, "abs": np.abs}
ALONE |= {"sqrt": np.sqrt, "rcp": lambda a: a.dtype.type(1) / a}
TO_WHOLE = {"rni": np.rint, "rmi": np.floor, "rpi": np.ceil, "rzi": np.trunc}


class Kernel:
    """The function of a text."""

    def __init__(self, text):
        self.tables = []
        self.parameters = {}
        self.labels = {}
        self.code = []
        text = re.sub(r"//[^\n]*", "", text)
        for size, name, values in re.findall(r"\.global \.align \d+ \.(b\d+) (\S+)\[\d+\] = \{([^}]*)\};", text):
            numbers = [int(x) for x in values.split(",")]
            self.tables.append((name, np.asarray(numbers, dtype=_dtype(size))))
        head, _, body = text[text.index(".entry") :].partition("{")
        offset = 0
        for kind, name, count in re.findall(r"\.param .*?\.([bu]\d+) .*?(kernel_param_\d+)(?:\[(\d+)\])?", head):
            self.parameters[name] = offset
            offset += int(count) if count else int(kind[1:]) // 8
        for line in re.split(r";|(?<=:)\s", re.sub(r"\{ (\.reg \.b\d+ tmp; )(.*?); \}", r"\2;", body)):
            line = line.strip().rstrip("}").strip()
            if line.endswith(":"):
                self.labels[line[:-1]] = len(self.code)
            elif line and not line.startswith("."):
                self.code.append(self._parse(line))
        self.code.append(("ret", [], [], None))

    @staticmethod
    def _parse(line):
        guard = None
        if line.startswith("@"):
            mark, line = line.split(None, 1)
            guard = mark[1:].lstrip("!"), mark[1] == "!"
        name, _, rest = line.replace("\t", " ").partition(" ")
        operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", rest)
        op, *modifiers = name.strip().split(".")
        return op, modifiers, operands, guard


class Run:
    """One launch."""

    def __init__(self, kernel, memory, groups, size, parameters):
        self.kernel, self.memory = kernel, memory
        self.parameters = np.frombuffer(parameters, np.uint8)
        threads = groups * size
        self.threads = threads
        number = np.arange(threads, dtype=np.uint32)
        self.special = {"%tid.x": number % size, "%ctaid.x": number // size}
        self.special |= {"%ntid.x": np.full_like(number, size), "%nctaid.x": np.full_like(number, groups)}
        self.symbols = dict(kernel.parameters) | {name: memory.add(table) for name, table in kernel.tables}
        self.registers = {}
        self.steps = 0

    def read(self, text, dtype, at):
        """An operand in some threads."""
        if text in self.special:
            return self.special[text][at]
        if text.startswith("%"):
            found = self.registers[text][at]
            if dtype.kind == "b" or found.dtype.kind == "b":
                return found
            return found.astype(f"u{dtype.itemsize}", copy=False).view(dtype)
        if text in self.symbols:
            return np.full(len(at), self.symbols[text], np.uint64)
        return np.broadcast_to(_number(text, dtype), len(at))

    def write(self, name, values, at):
        """Set a register of some threads."""
        if name not in self.registers:
            if values.dtype.kind != "b" and name != "tmp":
                stem = re.match(r"%[a-z]+", name)[0]
                self.registers[name] = np.zeros(self.threads, f"u{_REGISTER_BYTES[stem]}")
            else:
                self.registers[name] = np.zeros(self.threads, bool if values.dtype.kind == "b" else np.uint32)
        held = self.registers[name]
        if held.dtype.kind != "b":
            if values.dtype.kind == "i":
                values = values.astype(f"i{held.itemsize}")
            elif values.dtype.kind == "f":
                values = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
        held[at] = values.astype(held.dtype)

    def address(self, text, at):
        base, _, offset = text[1:-1].partition("+")
        return self.read(base, np.dtype("u8"), at) + np.uint64(int(offset or 0) % (1 << 64))

    def run(self):
        """Run all threads to their end."""
        waiting = {0: np.arange(self.threads)}
        held = {}
        while waiting:
            pc = min(waiting)
            at = waiting.pop(pc)
            while True:
                op, modifiers, operands, guard = self.kernel.code[pc]
                self.steps += 1
                taken = at
                if guard is not None:
                    name, inverted = guard
                    taken = at[self.registers[name][at] != inverted]
                if op == "bra":
                    target = self.kernel.labels[operands[0]]
                    rest = np.setdiff1d(at, taken, assume_unique=True)
                    for where, who in ((target, taken), (pc + 1, rest)):
                        if len(who):
                            self._join(waiting, where, who)
                    break
                if op in ("ret", "exit"):
                    rest = np.setdiff1d(at, taken, assume_unique=True)
                    if len(rest):
                        self._join(waiting, pc + 1, rest)
                    break
                if op == "shfl":
                    at = taken = np.sort(np.concatenate([at, held.pop(pc, at[:0])]))
                    whole = np.isin(at // WARP, np.flatnonzero(np.bincount(at // WARP) == WARP))
                    if not whole.all():
                        held[pc] = at[~whole]
                        at = taken = at[whole]
                        if not len(at):
                            break
                if len(taken):
                    self.execute(op, modifiers, operands, taken)
                pc += 1
                if waiting and min(waiting) <= pc:
                    self._join(waiting, pc, at)
                    break
        assert not held, "the threads of a warp do not meet at a shuffle"

    @staticmethod
    def _join(waiting, pc, at):
        waiting[pc] = np.sort(np.concatenate([waiting[pc], at])) if pc in waiting else at

    def execute(self, op, modifiers, operands, at):
        """One instruction in some threads."""
        kind = modifiers[-1] if modifiers else ""
        if op == "ld":
            dtype = _dtype(kind)
            place = self.address(operands[1], at)
            if modifiers[0] == "param":
                held = self.parameters
                places = place.astype(np.int64)[:, None] + np.arange(dtype.itemsize)
                found = held[places].reshape(-1).view(dtype)
            else:
                assert modifiers[0] == "global" or modifiers[:2] == ["global", "nc"]
                found = self.memory.load(place, dtype)
            return self.write(operands[0], found, at)
        if op == "st":
            assert modifiers[0] == "global"
            return self.memory.store(self.address(operands[0], at), self.read(operands[1], _dtype(kind), at))
        if op == "shfl":
            assert modifiers == ["sync", "bfly", "b32"]
            assert operands[3:] == ["31", "-1"]
            value = self.read(operands[1], np.dtype("u4"), at)
            assert len(at) % WARP == 0
            other = np.arange(len(at)) ^ int(operands[2])
            return self.write(operands[0], value[other], at)
        if op == "mov" and operands[0].startswith("{"):
            value = self.read(operands[1], _dtype(kind), at)
            for number, name in enumerate(operands[0][1:-1].replace(" ", "").split(",")):
                self.write(name, (value >> np.uint64(32 * number)).astype(np.uint32), at)
            return None
        if op == "cvt":
            return self.write(operands[0], self.converted(modifiers, operands[1], at), at)
        if op == "cvta":
            return self.write(operands[0], self.read(operands[1], np.dtype("u8"), at), at)
        dtype = _dtype(kind)
        if op in ALONE:
            assert op not in ("sqrt", "rcp") or modifiers[0] == "rn"
            a = self.read(operands[1], dtype, at)
            return self.write(operands[0], ALONE[op](a).astype(a.dtype), at)
        if op == "setp":
            a, b = (self.read(x, dtype, at) for x in operands[1:3])
            how = modifiers[0]
            if how in COMPARE:  # no comparison but one in "u" holds for NaN
                found = COMPARE[how](a, b) & ((how == "nan") | (a == a) & (b == b))
            else:
                assert how.endswith("u")
                found = COMPARE[how[:-1]](a, b) | (a != a) | (b != b)
            if modifiers[1] in ("and", "or", "xor"):
                found = BITS[modifiers[1]](found, self.read(operands[3], np.dtype(bool), at))
            return self.write(operands[0], found, at)
        if op == "selp":
            a, b = (self.read(x, dtype, at) for x in operands[1:3])
            return self.write(operands[0], np.where(self.read(operands[3], np.dtype(bool), at), a, b), at)
        if op == "bfe":
            a, first, count = (
                self.read(x, np.dtype(n), at) for x, n in zip(operands[1:], (dtype, "u4", "u4"), strict=True)
            )
            assert dtype.kind == "u"
            kept = (np.uint64(1) << count.astype(np.uint64)) - np.uint64(1)
            return self.write(operands[0], _shift(a, first, False) & kept.astype(dtype), at)
        if op == "mad":
            assert modifiers[0] == "lo"
            a, b, c = (self.read(x, dtype, at) for x in operands[1:4])
            return self.write(operands[0], a * b + c, at)
        second = np.dtype("u4") if op in ("shl", "shr") else dtype
        a, b = self.read(operands[1], dtype, at), self.read(operands[2], second, at)
        return self.write(operands[0], self.binary(op, modifiers, dtype, a, b), at)

    def binary(self, op, modifiers, dtype, a, b):
        """An operation on two values."""
        if op in BITS:
            return BITS[op](a, b)
        if op == "copysign":
            return np.copysign(b, a)
        if dtype.kind == "f":
            if op in ("max", "min"):
                assert modifiers == [f"f{8 * dtype.itemsize}"]
                return _fmax(a, b) if op == "max" else -_fmax(-a, -b)
            assert modifiers[0] == "rn", f"{op}.{'.'.join(modifiers)} may be fused, or is not rounded to the nearest"
            return ROUNDED[op](a, b)
        if op in ("max", "min"):
            return (np.maximum if op == "max" else np.minimum)(a, b)
        if op == "mul":
            if modifiers[0] == "wide":
                return a.astype(f"{dtype.kind}{2 * dtype.itemsize}") * b.astype(f"{dtype.kind}{2 * dtype.itemsize}")
            return a * b if modifiers[0] == "lo" else _high(a, b)
        return WHOLE[op](a, b)

    def converted(self, modifiers, operand, at):
        """A conversion."""
        *how, to, source = modifiers
        a, to = self.read(operand, _dtype(source), at), _dtype(to)
        if to.kind == "f" and a.dtype.kind == "f":
            if how and how[0] in TO_WHOLE:
                return TO_WHOLE[how[0]](a).astype(to)
            assert how == ([] if to.itemsize > a.dtype.itemsize else ["rn"])
            return a.astype(to)
        if to.kind == "f":
            assert how == ["rn"]
            return a.astype(to)
        if a.dtype.kind == "f":
            limits = np.iinfo(to)
            whole = np.nan_to_num(TO_WHOLE[how[0]](a).astype(np.float64), nan=0, posinf=inf, neginf=-inf)
            low, high = whole <= limits.min, whole >= limits.max
            found = np.where(low | high, 0, whole).astype(to)
            return np.where(low, limits.min, np.where(high, limits.max, found)).astype(to)
        assert not how
        return a.astype(to)


class Machine:
    """In place of the driver of a GPU: it runs kernels here, on memory of the host."""

    devices = 1

    def __init__(self):
        self.memory = Memory()
        self.kernels = {}
        self.launches = self.steps = 0

    def function(self, device, ptx):
        assert device == 0
        if ptx not in self.kernels:
            self.kernels[ptx] = Kernel(ptx)
        return self.kernels[ptx]

    def launch(self, device, function, groups, threads, stream, parameters):
        assert stream == 7
        with np.errstate(all="ignore"):
            run = Run(function, self.memory, groups, threads, b"".join(bytes(x) for x in parameters))
            run.run()
        self.launches += 1
        self.steps += run.steps


class Simulated(Gpu):
    """NumPy arrays as those of a GPU that a `Machine` is."""

    index = 0
    xp = array_api_compat.numpy

    def __init__(self):
        self.machine = Machine()

    @property
    def driver(self):
        return self.machine

    def layout(self, x):
        if isinstance(x, np.ndarray) and not x.flags.c_contiguous:
            raise NotTaken
        return (x.shape, x.dtype) if isinstance(x, np.ndarray) else None

    def address(self, x):
        return self.machine.memory.add(np.asarray(x))

    def empty(self, shape, dtype):
        x = np.empty(shape, dtype)
        x.view(np.uint8 if x.ndim else x.dtype)[...] = 0xA5  # nothing may depend on what was there
        return x

    def full(self, value):
        return np.full((), value)

    def stream(self):
        return 7


__all__ = ["Kernel", "Machine", "Simulated"]
