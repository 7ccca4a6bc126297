"""The operations of nodes as instructions: each rounds as it does in NumPy, and NaN wins an extremum."""

from __future__ import annotations

from math import inf

from lossspec.kernels import vmath
from lossspec.kernels.ir import BYTES, ELEMENTS, V, Writer
from lossspec.kernels.nodes import Node
from lossspec.kernels.trace import Refused

_CONDITIONS = {
    "equal": ("oeq", "eq"),
    "not_equal": ("une", "ne"),
    "less": ("olt", "slt"),
    "less_equal": ("ole", "sle"),
    "greater": ("ogt", "sgt"),
    "greater_equal": ("oge", "sge"),
}
_LOGIC = {"bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor"}
_LOGIC |= {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
_ROUNDING = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "roundeven"}


class Operations(Writer):
    """A function that computes what nodes say."""

    def apply(self, x: Node, args: list[V]) -> V:
        """An operation of numbers or of entries."""
        op, element = x.op, ELEMENTS[x.dtype]
        of_floats = element in ("float", "double")
        if op in _CONDITIONS:
            real = args[0].element in ("float", "double")
            if args[0].element == "i1" and op not in ("equal", "not_equal"):
                raise Refused("truth values are ordered")
            return self.compare(_CONDITIONS[op][0 if real else 1], *args)
        if op == "where":
            return self.select(*args)
        if op in _LOGIC:
            return self.binary(_LOGIC[op], *args)
        if op in ("bitwise_invert", "logical_not"):
            return self.binary("xor", args[0], self.constant(1 if element == "i1" else -1, element))
        if op == "cast":
            return self.cast(args[0], element)
        if op == "row":
            return args[0]
        if op in ("isnan", "isinf", "isfinite"):
            if op == "isnan":
                return self.compare("uno", args[0], args[0])
            return self.compare(
                "oeq" if op == "isinf" else "olt", self.call("fabs", args[0]), self.constant(inf, args[0].element)
            )
        if element == "i1":
            raise Refused(f"{op} of truth values")
        if op in ("add", "subtract", "multiply"):
            name = {"add": "add", "subtract": "sub", "multiply": "mul"}[op]
            return self.binary(("f" if of_floats else "") + name, *args)
        if op == "negative":
            if of_floats:
                return self.write(f"fneg {args[0].type} {args[0].text}", element, args[0].lanes)
            return self.binary("sub", self.constant(0, element), args[0])
        if op == "remainder" and not of_floats:
            a, b = self.alike(*args)
            rest = self.binary("srem", a, b)
            zero = self.constant(0, element)
            apart = self.compare("slt", self.binary("xor", rest, b), zero)
            wrong = self.binary("and", self.compare("ne", rest, zero), apart)
            return self.select(wrong, self.binary("add", rest, b), rest)
        if op in ("maximum", "minimum"):
            names = {"maximum": ("maximum", "smax"), "minimum": ("minimum", "smin")}[op]
            return self.call(names[0 if of_floats else 1], *args)
        if not of_floats:
            raise Refused(f"{op} of integers")
        if op == "divide":
            return self.binary("fdiv", *args)
        if op == "abs":
            return self.call("fabs", args[0])
        if op == "sign":
            a, zero, one = args[0], self.constant(0.0, element), self.constant(1.0, element)
            signed = self.select(self.compare("ogt", a, zero), one, self.constant(-1.0, element))
            flat = self.select(self.compare("oeq", a, zero), zero, signed)
            return self.select(self.compare("uno", a, a), a, flat)
        if op in _ROUNDING:
            return self.call(_ROUNDING[op], args[0])
        if op == "copysign":
            return self.call("copysign", *args)
        if op in vmath.FUNCTIONS:
            return self.function(op, *args)
        raise Refused(f"no kernel has {op}")

    def cast(self, x: V, element: str) -> V:
        """A value in another type."""
        real, to_real = (e in ("float", "double") for e in (x.element, element))
        if element == "i1":
            return self.compare("une" if real else "ne", x, self.constant(0, x.element))
        if real and to_real:
            return self.convert("fpext" if element == "double" else "fptrunc", x, element)
        if to_real:
            return self.convert("uitofp" if x.element == "i1" else "sitofp", x, element)
        if x.element == "i1":
            return self.convert("zext", x, element)
        return self.convert("sext" if BYTES[element] > BYTES[x.element] else "trunc", x, element)


__all__ = ["Operations"]
