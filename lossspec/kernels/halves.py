"""Half precision in registers: bits of float16 and bfloat16 as float32 and back, by integer steps alone.

So they are the same on every processor, and no function of a compiler's library is called for them. A number is rounded
to the nearest, and to the even one of two.
"""

from __future__ import annotations

from lossspec.kernels.ir import V, Writer


def widen(e: Writer, bits: V, held: str) -> V:
    """The float32 of 16 bits."""
    wide = e.convert("zext", bits, "i32")

    def whole(value: int) -> V:
        return e.constant(value, "i32")

    if held == "bfloat16":
        return _bitcast(e, e.binary("shl", wide, whole(16)), "float")
    sign = e.binary("shl", e.binary("and", wide, whole(0x8000)), whole(16))
    size = e.binary("shl", e.binary("and", wide, whole(0x7FFF)), whole(13))
    scaled = e.binary("fmul", _bitcast(e, size, "float"), e.constant(2.0**112, "float"))
    finite = e.compare("slt", size, whole(0x7C00 << 13))
    size = e.select(finite, _bitcast(e, scaled, "i32"), e.binary("or", size, whole(0x7F800000)))
    return _bitcast(e, e.binary("or", size, sign), "float")


def narrow(e: Writer, x: V, held: str) -> V:
    """The 16 bits that are nearest to a float32."""
    bits = _bitcast(e, x, "i32")

    def whole(value: int) -> V:
        return e.constant(value, "i32")

    sign = e.binary("and", bits, whole(-(1 << 31)))
    size = e.binary("xor", bits, sign)
    is_nan = e.compare("uno", x, x)
    if held == "bfloat16":
        odd = e.binary("and", e.binary("lshr", size, whole(16)), whole(1))
        rounded = e.binary("lshr", e.binary("add", size, e.binary("add", odd, whole(0x7FFF))), whole(16))
        found = e.select(is_nan, whole(0x7FC0), rounded)
    else:
        odd = e.binary("and", e.binary("lshr", size, whole(13)), whole(1))
        usual = e.binary("add", size, e.binary("add", odd, whole((-112 << 23) + 0xFFF)))
        usual = e.binary("lshr", usual, whole(13))
        magic = e.constant(0.5, "float")  # whose last digit is that of the smallest numbers
        small = _bitcast(e, e.binary("fadd", _bitcast(e, size, "float"), magic), "i32")
        small = e.binary("sub", small, whole(0x3F000000))
        found = e.select(e.compare("slt", size, whole(113 << 23)), small, usual)
        found = e.select(e.compare("sge", size, whole(0x477FF000)), whole(0x7C00), found)
        found = e.select(is_nan, whole(0x7E00), found)
    found = e.binary("or", found, e.binary("lshr", sign, whole(16)))
    return e.convert("trunc", found, "i16")


def _bitcast(e: Writer, x: V, element: str) -> V:
    return e.convert("bitcast", x, element)


__all__ = ["narrow", "widen"]
