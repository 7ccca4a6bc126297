"""Elementary functions as branch-free LLVM IR, for scalars and vectors of any width, to 1 or 2 units in the last place.

LLVM's own `llvm.exp` and its like become one call of the C library for each lane. Here every lane takes the same steps,
and what a step must not touch (a special, a denormal) is chosen at the end. No step may be fused or reordered: only
then are the compensations below exact, and the bits the same on every processor.

    >>> print(source("sqrt", 32, 4))
    declare <4 x float> @llvm.sqrt.v4f32(<4 x float>)
    define internal <4 x float> @lossspec_sqrt_f32x4(<4 x float> %x) alwaysinline nounwind {
      %v1 = call <4 x float> @llvm.sqrt.v4f32(<4 x float> %x)
      ret <4 x float> %v1
    }
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import inf, nan

__all__ = ["FUNCTIONS", "arity", "source", "symbol"]

_LLVM_TYPES = {"f32": "float", "f64": "double", "i32": "i32", "i64": "i64", "i1": "i1", "ptr": "ptr"}
_LN2 = Fraction("0.69314718055994530941723212145817656807550013436025525412068")
_LOG10_2 = Fraction("0.30102999566398119521373889472449302676818988146210854131043")
_QUARTER_PI = Fraction("0.78539816339744830961566084581987572104929234984377645524374")
_INVERSE_LN2 = 1.4426950408889634

# Coefficients, lowest first: interpolation in Chebyshev points, solved with 60 digits, then rounded. With z the square:
#   sinh   (sinh r - r) / r^3, cosh  (cosh r - 1 - z / 2) / z^2  in z = r^2, |r| <= log(2) / 2
#   log    (log((1 + s) / (1 - s)) / s - 2) / z                 in z = s^2, |s| <= (sqrt(2) - 1)^2
#   tail   what log leaves beyond 2/3, divided by z
#   sin    (sin r - r) / r^3, cos  (cos r - 1 + z / 2) / z^2    in z = r^2, |r| <= pi / 4
#   atan   (atan t - t) / t^3                                   in z = t^2, |t| <= tan(pi / 8)
_COEFFICIENTS: dict[tuple[str, int], tuple[float, ...]] = {
    ("sinh", 32): (0.16666666681794626, 0.008333310754576892, 0.00019891180158282143),
    ("sinh", 64): (
        0.16666666666666669,
        0.008333333333330011,
        0.00019841269863303223,
        2.75572680728901e-06,
        2.5100569275813683e-08,
    ),
    ("cosh", 32): (0.04166662152015087, 0.0013918833255852517),
    ("cosh", 64): (
        0.041666666666666664,
        0.0013888888888886517,
        2.4801587317322748e-05,
        2.7557282693108636e-07,
        2.0911367871348534e-09,
    ),
    ("log", 32): (0.6666666655430018, 0.4000012200081688, 0.2855080255327671, 0.2333096405177204),
    ("log", 64): (
        0.666666666666667,
        0.3999999999989924,
        0.2857142862609589,
        0.2222221111514416,
        0.18182890556695602,
        0.1533167403016786,
        0.1461703754879165,
    ),
    ("tail", 64): (
        0.4,
        0.2857142857142937,
        0.22222222221654733,
        0.1818181833565416,
        0.15384594934597917,
        0.13334806212100603,
        0.11706195689881364,
        0.11723603622905411,
    ),
    ("sin", 32): (-0.16666666663832763, 0.008333331865959415, -0.00019840082012765537, 2.7249314054698804e-06),
    ("sin", 64): (
        -0.16666666666666666,
        0.008333333333330925,
        -0.00019841269836722418,
        2.755731608381636e-06,
        -2.5051127944014188e-08,
        1.5917848524808262e-10,
    ),
    ("cos", 32): (0.04166666464745738, -0.00138883006969039, 2.45474372101932e-05),
    ("cos", 64): (
        0.041666666666666664,
        -0.0013888888888887382,
        2.480158729874307e-05,
        -2.7557317260008837e-07,
        2.0876143827993133e-09,
        -1.1382456778061306e-11,
    ),
    ("atan", 32): (
        -0.33333333279242233,
        0.19999977254347343,
        -0.14284150959481018,
        0.11071360682318138,
        -0.08624643784438366,
        0.05048055010223574,
    ),
    ("atan", 64): (
        -0.3333333333333333,
        0.19999999999995519,
        -0.14285714284666184,
        0.11111111015227572,
        -0.09090904576954117,
        0.07692183163650894,
        -0.06664511064599371,
        0.05858145587628202,
        -0.050854323376990765,
        0.0392311556198723,
        -0.01917627151752634,
    ),
}


class _Format:
    """A floating-point format: its layout, and constants split so that their products with exponents are exact."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.digits = {32: 24, 64: 53}[bits]
        self.bias = {32: 127, 64: 1023}[bits]
        self.shift = self.digits - 1
        self.one = self.bias << self.shift
        self.smallest_normal = 2.0 ** (1 - self.bias)
        self.integers = 2.0**self.shift  # from here on every number is an integer
        self.ln2 = self.split(_LN2)

    def round(self, value: float | Fraction) -> float:
        """The nearest number of the format."""
        nearest: float = struct.unpack("<f", struct.pack("<f", value))[0] if self.bits == 32 else float(value)
        return nearest

    def to_bits(self, value: float) -> int:
        """The pattern of a number, as the integer that `bitcast` makes of it."""
        pattern: int = struct.unpack("<i", struct.pack("<f", value))[0] if self.bits == 32 else _double_bits(value)
        return pattern

    def split(self, value: Fraction) -> tuple[float, float]:
        """High and low part of a number below 1; the high one times any exponent is exact."""
        unit = 2 ** (self.digits - {32: 9, 64: 12}[self.bits])
        high = Fraction(round(value * unit), unit)
        return float(high), self.round(value - high)


_FORMATS = {bits: _Format(bits) for bits in (32, 64)}


def _double_bits(value: float) -> int:
    pattern: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return pattern


class _Value:
    """An operand of the function being written; arithmetic on it writes an instruction."""

    def __init__(self, code: _Code, name: str, kind: str) -> None:
        self.code, self.name, self.kind = code, name, kind

    @property
    def format(self) -> _Format:
        return _FORMATS[int(self.kind[1:])]

    @property
    def integer(self) -> str:
        return f"i{self.kind[1:]}"

    def binary(self, operation: str, other: _Value | float, swapped: bool = False) -> _Value:
        first, second = self, self.like(other)
        if swapped:
            first, second = second, first
        return self.code.write(f"{operation} {self.code.type(self.kind)} {first.name}, {second.name}", self.kind)

    def arithmetic(self, operation: str, other: _Value | float, swapped: bool = False) -> _Value:
        return self.binary(("f" if self.kind[0] == "f" else "") + operation, other, swapped)

    def compare(self, condition: str, other: _Value | float) -> _Value:
        order = "fcmp o" if self.kind[0] == "f" else "icmp s" if condition != "eq" else "icmp "
        operands = f"{self.code.type(self.kind)} {self.name}, {self.like(other).name}"
        return self.code.write(f"{order}{condition} {operands}", "i1")

    def like(self, other: _Value | float) -> _Value:
        """The operand itself, or a number as a constant of this value's kind."""
        if isinstance(other, _Value):
            return other
        # LLVM writes the constants of either format as doubles
        number = self.kind[0] == "f"
        text = f"0x{_double_bits(self.format.round(other)) % 2**64:016X}" if number else str(int(other))
        lanes = self.code.lanes
        return _Value(self.code, text if lanes == 1 else f"splat ({_LLVM_TYPES[self.kind]} {text})", self.kind)

    def __add__(self, other: _Value | float) -> _Value:
        return self.arithmetic("add", other)

    def __sub__(self, other: _Value | float) -> _Value:
        return self.arithmetic("sub", other)

    def __mul__(self, other: _Value | float) -> _Value:
        return self.arithmetic("mul", other)

    def __truediv__(self, other: _Value | float) -> _Value:
        return self.arithmetic("div", other)

    def __radd__(self, other: float) -> _Value:
        return self.arithmetic("add", other, swapped=True)

    def __rsub__(self, other: float) -> _Value:
        return self.arithmetic("sub", other, swapped=True)

    def __rmul__(self, other: float) -> _Value:
        return self.arithmetic("mul", other, swapped=True)

    def __rtruediv__(self, other: float) -> _Value:
        return self.arithmetic("div", other, swapped=True)

    def __neg__(self) -> _Value:
        return self.code.write(f"fneg {self.code.type(self.kind)} {self.name}", self.kind)

    def __and__(self, other: _Value | int) -> _Value:
        return self.binary("and", other)

    def __or__(self, other: _Value | int) -> _Value:
        return self.binary("or", other)

    def __xor__(self, other: _Value | int) -> _Value:
        return self.binary("xor", other)

    def __lshift__(self, other: int) -> _Value:
        return self.binary("shl", other)

    def __rshift__(self, other: int) -> _Value:
        return self.binary("lshr", other)

    def __lt__(self, other: _Value | float) -> _Value:
        return self.compare("lt", other)

    def __gt__(self, other: _Value | float) -> _Value:
        return self.compare("gt", other)

    def __le__(self, other: _Value | float) -> _Value:
        return self.compare("le", other)

    def __ge__(self, other: _Value | float) -> _Value:
        return self.compare("ge", other)

    def equals(self, other: _Value | float) -> _Value:
        return self.compare("eq", other)

    def bits(self) -> _Value:
        return self.code.cast("bitcast", self, self.integer)

    def number(self) -> _Value:
        """The number whose pattern this integer is."""
        return self.code.cast("bitcast", self, f"f{self.kind[1:]}")

    def magnitude(self) -> _Value:
        return self.code.call("fabs", self)

    def sqrt(self) -> _Value:
        return self.code.call("sqrt", self)

    def signed_like(self, other: _Value) -> _Value:
        return self.code.call("copysign", self, other)


class _Code:
    """One function under construction: its lines, and the declarations it needs."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.lines: list[str] = []
        self.declarations: dict[str, None] = {}
        self.table = ""

    def type(self, kind: str) -> str:
        return _LLVM_TYPES[kind] if self.lanes == 1 else f"<{self.lanes} x {_LLVM_TYPES[kind]}>"

    def write(self, instruction: str, kind: str) -> _Value:
        name = f"%v{len(self.lines) + 1}"
        self.lines.append(f"  {name} = {instruction}")
        return _Value(self, name, kind)

    def cast(self, operation: str, value: _Value, kind: str) -> _Value:
        return self.write(f"{operation} {self.type(value.kind)} {value.name} to {self.type(kind)}", kind)

    def call(self, intrinsic: str, *operands: _Value) -> _Value:
        kind = operands[0].kind
        name = f"@llvm.{intrinsic}.{kind if self.lanes == 1 else f'v{self.lanes}{kind}'}"
        self.declarations[f"declare {self.type(kind)} {name}({', '.join([self.type(kind)] * len(operands))})"] = None
        given = ", ".join(f"{self.type(kind)} {value.name}" for value in operands)
        return self.write(f"call {self.type(kind)} {name}({given})", kind)

    def tabulate(self, name: str, numbers: list[int], start: _Value, count: int) -> list[_Value]:
        """The numbers of a table from a position of each lane on."""
        name = f"@{name}_table"
        listed = ", ".join(f"double {number}.0" for number in numbers)
        self.table = f"{name} = internal unnamed_addr constant [{len(numbers)} x double] [{listed}]"
        found = [_Value(self, "undef", "f64")] * count
        for lane in range(self.lanes):
            at = start
            if self.lanes > 1:
                at = self.write(f"extractelement {self.type('i64')} {start.name}, i32 {lane}", "i64")
            for n in range(count):
                item = self.write(f"add i64 {at.name}, {n}", "i64")
                place = self.write(f"getelementptr double, ptr {name}, i64 {item.name}", "ptr")
                number = self.write(f"load double, ptr {place.name}", "f64")
                if self.lanes > 1:
                    kept = f"{self.type('f64')} {found[n].name}"
                    number = self.write(f"insertelement {kept}, double {number.name}, i32 {lane}", "f64")
                found[n] = number
        return found


def _where(condition: _Value, chosen: _Value | float, other: _Value | float) -> _Value:
    if not isinstance(chosen, _Value):
        assert isinstance(other, _Value)
        chosen = other.like(chosen)
    other, code = chosen.like(other), condition.code
    kind = code.type(chosen.kind)
    return code.write(
        f"select {code.type('i1')} {condition.name}, {kind} {chosen.name}, {kind} {other.name}", chosen.kind
    )


def _between(x: _Value, lowest: float, highest: float) -> _Value:
    """X moved into the range; NaN stays NaN."""
    x = _where(x < lowest, lowest, x)
    return _where(x > highest, highest, x)


def _polynomial(name: str, z: _Value, bits: int | None = None) -> _Value:
    """The polynomial, with the digits of z or of the given format."""
    *lower, result = _COEFFICIENTS[name, bits or z.format.bits]
    total = z * result + lower.pop()
    while lower:
        total = total * z + lower.pop()
    return total


def _rounded(x: _Value) -> _Value:
    """The integer next to x, plus 1.5 * 2^shift: subtract that for the number, or its pattern for the integer."""
    return x + 1.5 * x.format.integers


def _power_of_two(biased: _Value) -> _Value:
    """2^(biased - bias), infinite or 0 at the two ends of the exponents."""
    return (biased << biased.format.shift).number()


def _two_sum(a: _Value | float, b: _Value) -> tuple[_Value, _Value]:
    """The rounded sum and what rounding lost, where |a| >= |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)


def _any_sum(a: _Value | float, b: _Value) -> tuple[_Value, _Value]:
    """The rounded sum and what rounding lost, whatever the order (Knuth)."""
    total = a + b
    moved = total - a
    return total, (a - (total - moved)) + (b - moved)


def _two_product(a: _Value, b: _Value) -> tuple[_Value, _Value]:
    """The rounded product and what rounding lost, to twice the digits (Dekker)."""
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    product = a * b
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: _Value) -> tuple[_Value, _Value]:
    """The leading half of the digits, and the rest; only of two rests is the product not exact."""
    high = (a.bits() & -(1 << ((a.format.digits + 1) // 2))).number()
    return high, a - high


# Exponentials: x = n log(2) + r, e^r - 1 = r + (cosh r - 1) + (sinh r - r).


class _Reduced:
    """An argument x + more as n log(2) + r, where `more` is of the size of a rounding of x."""

    def __init__(self, x: _Value, more: _Value | None = None) -> None:
        form = x.format
        shifted = _rounded(x * _INVERSE_LN2)
        n = shifted - 1.5 * form.integers
        self.exponent = shifted.bits() - form.to_bits(1.5 * form.integers)
        self.high, low = x - n * form.ln2[0], n * form.ln2[1]  # the high part is exact
        self.low = low if more is None else low - more
        self.r = self.high - self.low
        self.square = self.r * self.r

    def even(self) -> _Value:
        """Return cosh r - 1 - r^2 / 2."""
        return self.square * self.square * _polynomial("cosh", self.square)

    def odd(self) -> _Value:
        """Return sinh r less the exact part of r."""
        return self.r * self.square * _polynomial("sinh", self.square) - self.low


def _exp(x: _Value, more: _Value | None = None) -> _Value:
    """Return exp(x + more); 2^n is applied in two steps, for it may be denormal or infinite where the result is not.

    What is too small takes the steps of 1: products that are denormal take many times as long, also where they are 0.
    """
    lowest, highest = {32: (-104.0, 89.0), 64: (-746.0, 710.0)}[x.format.bits]
    nothing = x < lowest
    part = _Reduced(_between(_where(nothing, 0.0, x), lowest, highest), more)
    total, lost = _two_sum(1.0, part.high)
    value = total + (lost + (part.square * 0.5 + part.even() + part.odd()))
    bias = x.format.bias
    biased = part.exponent + 2 * bias
    half = biased >> 1
    return _where(nothing, 0.0, value * _power_of_two(half) * _power_of_two(biased - half))


def _long_expm1(x: _Value) -> tuple[_Value, _Value]:
    """Half of expm1 as high and low part; half, for 2^n may overflow."""
    form = x.format
    lowest, highest = {32: (-20.0, 88.73), 64: (-40.0, 709.79)}[form.bits]
    part = _Reduced(_between(x, lowest, highest))
    scale = _power_of_two(part.exponent + (form.bias - 1))
    # 2^n r nearly cancels 2^n - 1 where n is 1 or -1, so r^2 / 2 too is split: the square of its leading half is exact
    rounding = 1.5 * 2.0 ** (form.digits // 2)
    lead = (part.r + rounding) - rounding
    rest = (part.r - lead) * (part.r + lead) * 0.5 + part.even() + part.odd()
    less, dropped = _any_sum(-0.5, scale)
    total, lost = _two_sum(less, scale * part.high)
    total, lost_too = _two_sum(total, scale * (lead * lead * 0.5))
    return _two_sum(total, dropped + (lost + lost_too + scale * rest))


def _expm1(x: _Value) -> _Value:
    value = _long_expm1(x)[0] * 2.0
    return _where(x.magnitude() < 2.0 ** -(x.format.digits + 1), x, value)


def _hyperbolic(x: _Value) -> tuple[_Value, _Value]:
    """Half of cosh and sinh of |x|: c cosh r + s sinh r and s cosh r + c sinh r with c, s = (2^n +- 2^-n) / 4."""
    form = x.format
    size = x.magnitude()
    size = _where(size > {32: 89.5, 64: 710.5}[form.bits], {32: 89.5, 64: 710.5}[form.bits], size)
    part = _Reduced(size)
    even, odd = part.square * 0.5 + part.even(), part.odd()
    up, down = _power_of_two(part.exponent + (form.bias - 2)), (form.bias - 2) - part.exponent
    down = _power_of_two(_where(down < 0, 0, down))
    c, s = _two_sum(up, down), _two_sum(up, -down)
    halves = []
    for (a, a_low), (b, b_low) in ((c, s), (s, c)):
        total, lost = _two_sum(a, b * part.high)
        halves.append(total + (lost + (a_low + b_low * part.high + (a * even + b * odd))))
    return halves[0], halves[1]


def _cosh(x: _Value) -> _Value:
    return _hyperbolic(x)[0] * 2.0


def _sinh(x: _Value) -> _Value:
    return _where(x.magnitude() < 2.0**-30, x, (_hyperbolic(x)[1] * 2.0).signed_like(x))


def _tanh(x: _Value) -> _Value:
    """The ratio h / (h + 1), h being half of expm1(2 |x|), and what the roundings of h and h + 1 lost."""
    high, low = _long_expm1(x.magnitude() * 2.0)
    below, lost = _any_sum(1.0, high)
    ratio = high / below  # and 1 - ratio is 1 / below
    return (ratio + (low - ratio * (lost + low)) * (1.0 - ratio)).signed_like(x)


# Logarithms: x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), s = f / (2 + f), log(1 + f) = 2 atanh(s).


def _split(x: _Value) -> tuple[_Value, _Value, _Value]:
    """K as a number, f, and the biased exponent k + bias, of a positive normal number."""
    form = x.format
    root = form.to_bits(0.5**0.5)
    moved = x.bits() + (form.one - root)
    biased = moved >> form.shift
    k = (biased | form.to_bits(form.integers)).number() - (form.integers + form.bias)
    return k, ((moved & ((1 << form.shift) - 1)) + root).number() - 1.0, biased


def _split_any(x: _Value) -> tuple[_Value, _Value]:
    """K and f of a positive number, denormal or not."""
    form = x.format
    small = x < form.smallest_normal
    k, f, _ = _split(_where(small, x * 2.0**form.digits, x))
    return k - _where(small, x.like(form.digits), 0.0), f


def _log1p_small(f: _Value, more: _Value | None = None) -> _Value:
    """log(1 + f) plus a number much smaller than it."""
    s, half_square = f / (f + 2.0), f * f * 0.5
    z = s * s
    rest = s * (half_square + z * _polynomial("log", z))
    return f - (half_square - (rest if more is None else rest + more))


def _log_in_base(f: _Value, inverse: Fraction) -> tuple[_Value, _Value]:
    """log(1 + f) times a constant, as high and low part."""
    form, s, half_square = f.format, f / (f + 2.0), f * f * 0.5
    z = s * s
    high, low = _two_sum(f, s * (half_square + z * _polynomial("log", z)) - half_square)
    factor = form.round(inverse)
    return high * factor, low * factor + high * form.round(inverse - Fraction(factor))


def _at_ends_of_log(x: _Value, pole: float, value: _Value) -> _Value:
    value = _where(x > pole, value, _where(x.equals(pole), -inf, x.like(nan)))
    return _where(x.equals(inf), x, value)


def _log(x: _Value) -> _Value:
    high, low = x.format.ln2
    k, f = _split_any(x)
    return _at_ends_of_log(x, 0.0, k * high + _log1p_small(f, k * low))


def _log2(x: _Value) -> _Value:
    k, f = _split_any(x)
    high, low = _log_in_base(f, 1 / _LN2)
    total, lost = _two_sum(k, high)
    return _at_ends_of_log(x, 0.0, total + (lost + low))


def _log10(x: _Value) -> _Value:
    unit, unit_low = x.format.split(_LOG10_2)
    k, f = _split_any(x)
    high, low = _log_in_base(f, _LOG10_2 / _LN2)
    total, lost = _two_sum(k * unit, high)
    return _at_ends_of_log(x, 0.0, total + (lost + (k * unit_low + low)))


def _log1p(x: _Value, more: _Value | float = 0.0) -> _Value:
    """log(1 + x + more), where `more` is of the size of a rounding of x."""
    form = x.format
    u, lost = _any_sum(1.0, x)
    k, f, biased = _split(u)
    near = (x > -0.2928) & (x < 0.4142)  # there k = 0, and x itself is f
    f, lost = _where(near, x, f), _where(near, 0.0, lost) + more
    # the rest times 2^-k (as 2^(1 - k), for k may reach bias + 1), over 1 + f to the few digits that count
    lost = lost * _power_of_two(2 * form.bias + 1 - biased) * ((1.0 - f) * (f * f * 0.5 + 0.5))
    high, low = form.ln2
    value = _at_ends_of_log(x, -1.0, k * high + _log1p_small(f, k * low + lost))
    return _where(x.magnitude() < 2.0 ** -(form.digits + 1), x, value)


def _atanh(x: _Value) -> _Value:
    size = x.magnitude()
    twice, near = size + size, size < 0.5
    ratio = _where(near, twice * size, twice) / (1.0 - size)
    return (_log1p(_where(near, twice + ratio, ratio)) * 0.5).signed_like(x)


def _asinh(x: _Value) -> _Value:
    size = x.magnitude()
    square = size * size
    near = size + square / ((square + 1.0).sqrt() + 1.0)
    return _log1p_or_far_log(size, near, 0.0).signed_like(x)


def _acosh(x: _Value) -> _Value:
    t = x - 1.0
    above, above_low = _any_sum(2.0, t)
    square, lost = _two_product(t, above)
    root = square.sqrt()
    again, again_lost = _two_product(root, root)
    lost = ((square - again) - again_lost + (lost + t * above_low)) / (
        root + root
    )  # 0 / 0 at 1, where log1p takes no rest
    near, rounding = _any_sum(t, root)
    return _where(x < 1.0, nan, _log1p_or_far_log(x, near, rounding + lost))


def _log1p_or_far_log(x: _Value, near: _Value, more: _Value | float) -> _Value:
    """log(1 + near + more), or log(2 x) where x has no digit below 1 left and its square may overflow."""
    far = x > 2.0**x.format.digits
    value = _log1p(_where(far, x, near), _where(far, x.like(0.0), more))
    return value + _where(far, x.like(x.format.round(_LN2)), 0.0)


# Powers: |x|^y = exp(y log |x|), the logarithm as a sum of two numbers, for y multiplies its error by up to 745.


def _long_log(x: _Value) -> tuple[_Value, _Value]:
    """The logarithm of a positive float64 as high and low part."""
    k, f = _split_any(x)
    d, d_low = _two_sum(x.like(2.0), f)
    s = f / d
    product, lost = _two_product(s, d)
    s_low = (((f - product) - lost) - s * d_low) * (0.5 - s * 0.5)  # over d, which is 2 / (1 - s)
    z, z_low = _two_product(s, s)
    z_low = z_low + s * s_low * 2.0
    third = Fraction(2, 3)
    c, c_low = _two_sum(x.like(float(third)), z * _polynomial("tail", z))
    c_low = c_low + float(third - Fraction(float(third)))
    w, w_low = _two_product(z, c)
    g, g_low = _two_sum(x.like(2.0), w)
    g_low = g_low + (w_low + (z * c_low + z_low * c))
    high, low = _two_product(s, g)
    low = low + (s * g_low + s_low * g)
    ln2_high, ln2_low = x.format.ln2
    total, lost = _two_sum(k * ln2_high, high)
    return _two_sum(total, lost + (k * ln2_low + low))


def _pow_float64(size: _Value, y: _Value) -> _Value:
    high, low = _long_log(size)
    high = _where(size.equals(0.0), -inf, _where(size.equals(inf), size, high))
    product, lost = _two_product(y, high)
    return _exp(product, _where(product.magnitude() < 800.0, lost + y * low, 0.0))


def _pow_float32(size: _Value, y: _Value) -> _Value:
    """By float64, which has all the digits that y can ask for, with the polynomials of float32."""
    code = size.code
    wide, wide_y = code.cast("fpext", size, "f64"), code.cast("fpext", y, "f64")
    k, f, _ = _split(wide)
    s = f / (f + 2.0)
    z = s * s
    log = k * float(_LN2) + (s + s + s * z * _polynomial("log", z, 32))
    log = _where(size.equals(0.0), -inf, _where(size.equals(inf), wide, log))
    power = _between(wide_y * log, -120.0, 100.0)
    shifted = _rounded(power * _INVERSE_LN2)
    r = power - (shifted - 1.5 * wide.format.integers) * float(_LN2)
    z = r * r
    even, odd = z * 0.5 + z * z * _polynomial("cosh", z, 32), r + r * z * _polynomial("sinh", z, 32)
    scale = _power_of_two(shifted.bits() + (wide.format.bias - wide.format.to_bits(1.5 * wide.format.integers)))
    return code.cast("fptrunc", (even + odd + 1.0) * scale, "f32")


def _pow(x: _Value, y: _Value) -> _Value:
    size = x.magnitude()
    value = _pow_float32(size, y) if x.format.bits == 32 else _pow_float64(size, y)
    value = _where(size.equals(size), value, x)
    value = _where(size.equals(1.0), 1.0, value)
    # a negative x: the sign of odd powers, NaN for powers that are no integers
    odd_power = _where(_is_integer(y * 0.5), 0.0, _where(_is_integer(y), -1.0, x.like(0.0)))
    negated = (x.bits() < 0) & (odd_power < 0.0)
    value = _where(negated, -value, value)
    finite_negative = (x < 0.0) & (x > -inf)
    value = _where(finite_negative, _where(_is_integer(y), value, nan), value)
    return _where(y.equals(0.0) | x.equals(1.0), 1.0, value)


def _is_integer(y: _Value) -> _Value:
    size, integers = y.magnitude(), y.format.integers
    return (size >= integers) | ((size + integers) - integers).equals(size)


# Angles and lengths. An angle is x * 2 / pi quarter turns, and of 2 / pi only the 24-bit digits count that make less
# than whole turns: exact products, summed in three numbers, for no float64 is nearer than 2^-62 to a quarter turn.

_DIGIT = 24


@cache
def _digits_of_two_over_pi(count: int) -> list[int]:
    """The first digits of 2 / pi in base 2^24, pi by Machin's formula in integers."""
    one = 1 << (_DIGIT * count + 64)

    def arctan(inverse: int) -> int:
        total, power, n = 0, one // inverse, 1
        while power:
            total += power // n if n % 4 == 1 else -(power // n)
            power, n = power // inverse**2, n + 2
        return total

    ratio = (one << (_DIGIT * count + 1)) // (4 * (4 * arctan(5) - arctan(239)))
    return [(ratio >> (_DIGIT * (count - 1 - n))) & ((1 << _DIGIT) - 1) for n in range(count)]


def _quarter_turns(x: _Value, name: str, digits: int) -> tuple[_Value, _Value, _Value]:
    """A positive float64 of so many digits: quarter turns as an integer, and the rest in [-1/2, 1/2] in two parts."""
    form = x.format
    count = {24: 5, 53: 9}[digits]
    # x = m 2^q with m an integer: a product with 2 / pi's digit j is a multiple of 2^(q - 24 (j + 1))
    q = (x.bits() >> form.shift) - (form.bias + digits - 1)
    first = (_where(q < 2, q.like(2), q) - 2) * 2731 >> 16  # over 24
    scaled = x * _power_of_two((form.bias - _DIGIT) - first * _DIGIT)
    parts = [scaled] if digits == 24 else [*_halves(scaled)]
    table = _digits_of_two_over_pi((form.bias - form.shift) // _DIGIT + 1 + count)
    total, low, lowest = x.like(0.0), x.like(0.0), x.like(0.0)
    for n, digit in enumerate(x.code.tabulate(name, table, first, count)):
        for part in parts:
            product = part * 2.0 ** (-_DIGIT * n) * digit
            if n < 4:  # less a multiple of 4, the nearest below 2^53; from there on the product, of 50 digits, is one
                product = product - ((product + 1.5 * 2.0**54) - 1.5 * 2.0**54)
            total, lost = _any_sum(total, product)
            low, lost = _any_sum(low, lost)
            lowest = lowest + lost
    shifted = _rounded(total)
    rest, lost = _any_sum(total - (shifted - 1.5 * form.integers), low)
    return shifted.bits(), *_two_sum(rest, lost + lowest)


def _sine(x: _Value, quarters: int) -> _Value:
    """The sine of |x| plus some quarter turns."""
    size = x.magnitude()
    wide = size if x.format.bits == 64 else x.code.cast("fpext", size, "f64")
    turns, high, low = _quarter_turns(wide, f"{'cos' if quarters else 'sin'}_{x.kind}x{x.code.lanes}", x.format.digits)
    half_pi, bits = 2 * _QUARTER_PI, x.format.bits
    if bits == 64:
        r, lost = _two_product(high, high.like(float(half_pi)))
        low = lost + (high * float(half_pi - Fraction(float(half_pi))) + low * float(half_pi))
    else:
        r, low = (high + low) * float(half_pi), high.like(0.0)
    z = r * r
    half = z * 0.5
    sine = r + (r * z * _polynomial("sin", z, bits) + low * (1.0 - half))
    near, lost = _two_sum(1.0, -half)
    cosine = near + (lost + (z * z * _polynomial("cos", z, bits) - r * low))
    turns = turns + quarters
    value = _where((turns & 1).equals(0), sine, cosine)
    value = (value.bits() ^ (turns >> 1 << 63)).number()
    return value if bits == 64 else x.code.cast("fptrunc", value, "f32")


def _sin(x: _Value) -> _Value:
    value = _sine(x, 0)
    flipped = x.bits() & (-1 << (x.format.bits - 1))
    return _where(x.magnitude() < 2.0**-27, x, (value.bits() ^ flipped).number())


def _cos(x: _Value) -> _Value:
    return _sine(x, 1)


def _atan2(y: _Value, x: _Value) -> _Value:
    form = x.format
    high, wide = y.magnitude(), x.magnitude()
    steep = high > wide
    small, large = _where(steep, wide, high), _where(steep, high, wide)
    level = high.equals(inf) & wide.equals(inf)
    small, large = _where(level, 1.0, small), _where(level, 1.0, large)
    large = _where(large.equals(0.0), 1.0, large)
    # away from both ends of the exponents, so that sums are finite and products have all their digits
    grown = 2.0 ** (form.bias // 2)
    scale = _where(large < 1 / grown, x.like(grown), _where(large > grown, 2.0**-form.digits, x.like(1.0)))
    small, large = small * scale, large * scale
    beyond = small > large * 0.41421356237309503  # tan(pi / 8); there atan(a / b) = pi / 4 + atan((a - b) / (a + b))
    (less, less_lost), (more, more_lost) = _two_sum(large, -small), _two_sum(large, small)
    above, above_low = _where(beyond, -less, small), _where(beyond, -less_lost, 0.0)
    below, below_low = _where(beyond, more, large), _where(beyond, more_lost, 0.0)
    t = above / below
    t_low = (above_low - t * below_low) / below
    z = t * t
    rest = t * z * _polynomial("atan", z) + t_low
    # the angle is a multiple of pi / 4, plus or minus atan(t)
    quarters = _where(beyond, x.like(1.0), 0.0)
    quarters = _where(steep, 2.0 - quarters, quarters)
    left = x.bits() < 0
    quarters = _where(left, 4.0 - quarters, quarters)
    mirrored = _where(steep, x.like(-1.0), 1.0)
    mirrored = _where(left, -mirrored, mirrored)
    pi_high, pi_low = form.split(_QUARTER_PI)
    total, lost = _two_sum(quarters * pi_high, t * mirrored)
    return (total + (lost + (quarters * pi_low + rest * mirrored))).signed_like(y)


def _atan(x: _Value) -> _Value:
    return _atan2(x, x.like(1.0))


def _hypot(x: _Value, y: _Value) -> _Value:
    a, b = x.magnitude(), y.magnitude()
    first = a > b
    large, small = _where(first, a, b), _where(first, b, a)
    edge, shrunk, grown = {32: (60, 70, 90), 64: (500, 600, 600)}[x.format.bits]  # powers of 2 that keep squares normal
    far, near = large > 2.0**edge, large < 2.0**-edge
    scale = _where(far, 2.0**-shrunk, _where(near, x.like(2.0**grown), 1.0))
    back = _where(far, 2.0**shrunk, _where(near, x.like(2.0**-grown), 1.0))
    large, small = large * scale, small * scale
    value = (large * large + small * small).sqrt() * back
    return _where(a.equals(inf) | b.equals(inf), inf, value)


_WRITERS: dict[str, Callable[..., _Value]] = {
    "exp": _exp,
    "log": _log,
    "log1p": _log1p,
    "expm1": _expm1,
    "sqrt": _Value.sqrt,
    "pow": _pow,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "atan2": _atan2,
    "hypot": _hypot,
    "sin": _sin,
    "cos": _cos,
    "atanh": _atanh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atan": _atan,
    "log2": _log2,
    "log10": _log10,
}
FUNCTIONS: tuple[str, ...] = tuple(_WRITERS)
_BINARY = frozenset({"pow", "atan2", "hypot"})


def arity(function: str) -> int:
    """The number of operands."""
    return 2 if function in _BINARY else 1


def symbol(function: str, bits: int, lanes: int) -> str:
    """The name of a function in a module; `lanes` 1 is the scalar."""
    return f"lossspec_{function}_f{bits}x{lanes}"


def source(function: str, bits: int, lanes: int, inlined: bool = True) -> str:
    """A function as the text of an internal definition, inlined always or never, after its declarations, one a line."""
    if function not in _WRITERS:
        raise ValueError(f"no function {function!r}: there are {', '.join(FUNCTIONS)}")
    if bits not in _FORMATS or lanes < 1:
        raise ValueError(f"bits are 32 or 64 and lanes at least 1, not {bits} and {lanes}")
    code = _Code(lanes)
    operands = [_Value(code, f"%{name}", f"f{bits}") for name in "xy"[: arity(function)]]
    result = _WRITERS[function](*operands)
    kind = code.type(result.kind)
    given = ", ".join(f"{kind} {value.name}" for value in operands)
    attribute = "alwaysinline" if inlined else "noinline"
    head = f"define internal {kind} @{symbol(function, bits, lanes)}({given}) {attribute} nounwind {{"
    return "\n".join(
        [*code.declarations, *filter(None, [code.table]), head, *code.lines, f"  ret {kind} {result.name}", "}"]
    )
