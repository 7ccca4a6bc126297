"""`Traced`, an array that remembers how it was computed, and how a function of arrays comes to record itself.

Differentiations nest: the value of a traced array may be a traced array of the one around it. An operation belongs to
the innermost tape among its operands; to that tape everything else is a constant.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from lossspec.autodiff.rules import RULES, Rule
from lossspec.autodiff.tape import NO_KEYWORDS, Array, Node, Recording, Tape
from lossspec.errors import GradientError, NoMethodError

Function = Callable[..., Any]


class Traced:
    """An array under differentiation: a value and its node on a tape."""

    __slots__ = ("node", "tape", "value")
    __array_priority__ = 1e6
    __array_ufunc__ = None  # arrays on the left of an operator leave it to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Array, node: Node, tape: Tape) -> None:
        self.value = value
        self.node = node
        self.tape = tape

    # What an array says of itself.

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self.tape.backend.namespace

    @property
    def lossspec_backend(self) -> Recording:
        """The backend of this array, for `lossspec.dispatch`."""
        return self.tape.backend

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """The dtype of the value."""
        return self.value.dtype

    @property
    def device(self) -> Any:
        """The device of the value."""
        return self.value.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        return self.value.size

    @property
    def mT(self) -> Traced:  # noqa: N802
        """The last two axes exchanged."""
        return self.tape.backend.namespace.matrix_transpose(self)  # type: ignore[no-any-return]

    @property
    def T(self) -> Traced:  # noqa: N802
        """The two axes of a matrix exchanged."""
        return self.tape.backend.namespace.permute_dims(self, (1, 0))  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d array")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[index, ...] for index in range(len(self)))

    def to_device(self, device: Any, /, *, stream: Any = None) -> Traced:
        """The array itself; another device is refused."""
        if device == self.device:
            return self
        raise GradientError(
            f"a traced array does not move from {self.device} to {device}. Fix: move the arrays before this"
        )

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        has = hasattr(self.tape.backend.namespace, name)
        fix = f" Fix: xp.{name}(x), with xp = x.__array_namespace__()" if has else ""
        raise NoMethodError(f"an array under differentiation has no attribute {name!r}.{fix}")

    # What would take the value out of the differentiation, or change it behind its back.

    def __bool__(self) -> bool:
        _refuse("a branch on the value of a traced array", "choose with xp.where, or branch on stop_gradient(x)")

    def __float__(self) -> float:
        _refuse("float() of a traced array", "stay with arrays, or take float(stop_gradient(x))")

    def __int__(self) -> int:
        _refuse("int() of a traced array", "stay with arrays, or take int(stop_gradient(x))")

    def __index__(self) -> int:
        _refuse("a traced array as an index or a size", "use its shape, or take int(stop_gradient(x))")

    def __complex__(self) -> complex:
        _refuse("complex() of a traced array", "stay with real arrays")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _refuse(
            "a function of the framework itself on a traced array",
            "call that of xp = x.__array_namespace__(), or convert stop_gradient(x)",
        )

    def __dlpack__(self, **_: Any) -> NoReturn:
        _refuse("the export of a traced array", "export stop_gradient(x)")

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse("x[...] = y on a traced array", "build a new array with xp.where or xp.concat")

    def _in_place(self, other: Any) -> NoReturn:
        _refuse("an operator that writes in place (like +=) on a traced array", "write x = x + y")

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ifloordiv__ = __ipow__ = __imod__ = __imatmul__ = _in_place
    __iand__ = __ior__ = __ixor__ = __ilshift__ = __irshift__ = _in_place

    def __getitem__(self, key: Any) -> Any:
        for item in key if type(key) is tuple else (key,):
            if not (item is None or item is Ellipsis or isinstance(item, (int, slice)) or _is_integer(item)):
                _refuse(
                    f"a traced array indexed by a {type(item).__name__}",
                    "select with xp.where, or gather with xp.take or xp.take_along_axis",
                )
        return get_item(self, key)

    if TYPE_CHECKING:  # made below, from the rules

        def __add__(self, other: Any) -> Traced: ...
        def __mul__(self, other: Any) -> Traced: ...


def _is_integer(item: Any) -> bool:
    return hasattr(item, "__index__") and not hasattr(item, "__array_namespace__") and not hasattr(item, "tolist")


def _refuse(what: str, fix: str) -> NoReturn:
    raise GradientError(f"{what} has no derivative. Fix: {fix}")


def innermost(x: Traced, y: Traced) -> Traced:
    """The one of two arrays of different tapes whose tape lies within the other."""
    if x.tape.level == y.tape.level:
        raise GradientError("two arrays of different differentiations meet. Fix: differentiate one function of both")
    return x if x.tape.level > y.tape.level else y


# How a function records itself. Each maker takes the function on plain arrays and gives the one on all arrays, which
# hands what it finds in a traced array on: to `base`, or to itself where that may be traced in turn.


def make_unary(rule: Rule, base: Function) -> Function:
    """A differentiable function of one array."""
    keeps, keeps_output = "0" in rule.needs[0], "o" in rule.needs[0]

    def function(x: Any, /, **keywords: Any) -> Any:
        if type(x) is not Traced:
            return base(x, **keywords)
        tape = x.tape
        value = function(x.value) if tape.level else base(x.value)
        node = Node(rule, (x if keeps else x.node,), NO_KEYWORDS, value if keeps_output else None, value)
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_binary(rule: Rule, base: Function) -> Function:
    """A differentiable function of two arrays, or of an array and a number on either side."""
    first, second = rule.needs
    keeps_first, keeps_output_for_first = "0" in first, "o" in first
    keeps_second, keeps_output_for_second = "1" in second, "o" in second
    both = first + second
    both_first, both_second, both_output = "0" in both, "1" in both, "o" in both

    def function(x: Any, y: Any, /, **keywords: Any) -> Any:
        value: Any
        operands: Any
        if type(x) is Traced:
            tape = x.tape
            if type(y) is Traced:
                if y.tape is tape:
                    value = function(x.value, y.value) if tape.level else base(x.value, y.value)
                    operands = (x if both_first else x.node, y if both_second else y.node)
                    node = Node(rule, operands, NO_KEYWORDS, value if both_output else None, value)
                    tape.record(node)
                    return Traced(value, node, tape)
                x_counts = innermost(x, y) is x
            else:
                x_counts = True
        elif type(y) is Traced:
            x_counts = False
        else:
            return base(x, y, **keywords)
        if x_counts:
            tape = x.tape
            value = function(x.value, y) if tape.level else base(x.value, y)
            operands = (x if keeps_first else x.node, y)
            output = value if keeps_output_for_first else None
        else:
            tape = y.tape
            value = function(x, y.value) if tape.level else base(x, y.value)
            operands = (x, y if keeps_second else y.node)
            output = value if keeps_output_for_second else None
        node = Node(rule, operands, NO_KEYWORDS, output, value)
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_first(rule: Rule, base: Function) -> Function:
    """A differentiable function of one array and of arguments that are no arrays."""
    keeps, keeps_output = "0" in rule.needs[0], "o" in rule.needs[0]

    def function(x: Any, /, *rest: Any, **keywords: Any) -> Any:
        if type(x) is not Traced:
            return base(x, *rest, **keywords)
        tape = x.tape
        value = function(x.value, *rest, **keywords) if tape.level else base(x.value, *rest, **keywords)
        node = Node(rule, (x if keeps else x.node, *rest), keywords, value if keeps_output else None, value)
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_general(rule: Rule, base: Function) -> Function:
    """A differentiable function of any operands and keywords; arrays are positional."""
    needs = rule.needs
    keeps_none = not any(needs)

    def function(*operands: Any, **keywords: Any) -> Any:
        if keywords:
            refuse_in_keywords(rule.name, keywords)
        tape = innermost_tape(operands)
        if tape is None:
            return base(*operands, **keywords)
        values, entries, kept = [], [], ""
        for position, x in enumerate(operands):
            if type(x) is Traced and x.tape is tape:
                values.append(x.value)
                entries.append(x.node)
                if position < len(needs):
                    kept += needs[position]
            else:
                values.append(x)
                entries.append(x)
        value = function(*values, **keywords) if tape.level else base(*values, **keywords)
        if keeps_none:
            node = Node(rule, tuple(entries), keywords, None, value)
        else:
            for position in range(len(entries)):
                if str(position) in kept:
                    entries[position] = operands[position]
            node = Node(rule, tuple(entries), keywords, value if "o" in kept else None, value)
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_sequence(rule: Rule, base: Function) -> Function:
    """A differentiable function of a sequence of arrays (concat, stack); needs no values."""

    def function(arrays: Any, /, *rest: Any, **keywords: Any) -> Any:
        if rest:
            keywords["axis"] = rest[0]
        arrays = list(arrays)
        tape = innermost_tape(arrays)
        if tape is None:
            return base(arrays, **keywords)
        values = [x.value if type(x) is Traced and x.tape is tape else x for x in arrays]
        value = function(values, **keywords) if tape.level else base(values, **keywords)
        node = Node(
            rule,
            tuple(x.node if type(x) is Traced and x.tape is tape else x for x in arrays),
            keywords,
            None,
            value,
        )
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_constant(name: str, base: Function) -> Function:
    """A function whose result has no derivative: plain, unless the tape is to become a program."""
    rule = Rule(name, ())

    def function(*operands: Any, **keywords: Any) -> Any:
        tape = innermost_tape(operands)
        if tape is None:
            return base(*operands, **keywords)
        values = [x.value if type(x) is Traced and x.tape is tape else x for x in operands]
        value = function(*values, **keywords) if tape.level else base(*values, **keywords)
        if not (tape.records_all and hasattr(value, "dtype") and hasattr(value, "shape")):
            return value
        entries = tuple(x.node if type(x) is Traced and x.tape is tape else x for x in operands)
        node = Node(rule, entries, keywords, None, value)
        tape.record(node)
        return Traced(value, node, tape)

    return function


def make_composed(compose: Function, base: Function, namespace: Any) -> Function:
    """A function that is written in terms of others of the namespace where it meets a traced array."""

    def function(*operands: Any, **keywords: Any) -> Any:
        for x in (*operands, *keywords.values()):
            if type(x) is Traced or (type(x) in (list, tuple) and innermost_tape(x) is not None):
                return compose(namespace, *operands, **keywords)
        return base(*operands, **keywords)

    return function


def make_refusing(name: str, base: Function) -> Function:
    """A function without a rule: fine on plain arrays, refused on traced ones, by name."""

    def function(*operands: Any, **keywords: Any) -> Any:
        for x in (*operands, *keywords.values()):
            if type(x) is Traced or (type(x) in (list, tuple) and any(type(item) is Traced for item in x)):
                raise GradientError(
                    f"{name} has no derivative rule. Fix: write it with functions that have one "
                    f"(lossspec.autodiff.rules.RULES), add its rule with lossspec.autodiff.add_rule, or give it "
                    "stop_gradient(x) if it is constant"
                )
        return base(*operands, **keywords)

    return function


def innermost_tape(operands: Any) -> Tape | None:
    """The innermost tape among the operands, or None."""
    found: Traced | None = None
    for x in operands:
        if type(x) is Traced:
            if found is None:
                found = x
            elif x.tape is not found.tape:
                found = innermost(x, found)
    return None if found is None else found.tape


def refuse_in_keywords(name: str, keywords: dict[str, Any]) -> None:
    """Raise for a traced array that is given by keyword: rules know positions."""
    for key, x in keywords.items():
        if type(x) is Traced:
            raise GradientError(f"{name} takes `{key}` under differentiation by position. Fix: drop the `{key}=`")


def remove_traces(x: Any) -> Any:
    """The values without any derivative; a tape that becomes a program remembers that they were meant constant."""
    if type(x) is not Traced:
        return x
    inner = remove_traces(x.value)
    if not x.tape.records_all:
        return inner
    node = Node(_STOP, (x.node,), NO_KEYWORDS, None, inner)
    x.tape.record(node)
    return Traced(inner, node, x.tape)


_STOP = Rule("stop_gradient", ())


# The operators.

get_item = make_first(RULES["getitem"], operator.getitem)

_BINARY: dict[str, Function] = {
    "add": operator.add,
    "sub subtract": operator.sub,
    "mul multiply": operator.mul,
    "truediv divide": operator.truediv,
    "pow": operator.pow,
    "mod remainder": operator.mod,
    "matmul": operator.matmul,
}
_UNARY: dict[str, Function] = {"neg negative": operator.neg, "pos positive": operator.pos, "abs": operator.abs}
_CONSTANT: dict[str, Function] = {
    "lt less": operator.lt,
    "le less_equal": operator.le,
    "gt greater": operator.gt,
    "ge greater_equal": operator.ge,
    "eq equal": operator.eq,
    "ne not_equal": operator.ne,
    "invert bitwise_invert": operator.invert,
}
_CONSTANT_BOTH_SIDES: dict[str, Function] = {
    "floordiv floor_divide": operator.floordiv,
    "and bitwise_and": operator.and_,
    "or bitwise_or": operator.or_,
    "xor bitwise_xor": operator.xor,
    "lshift bitwise_left_shift": operator.lshift,
    "rshift bitwise_right_shift": operator.rshift,
}


def _reflected(function: Function) -> Function:
    return lambda self, other: function(other, self)


def _define_operators() -> None:
    for names, operate in (_BINARY | _UNARY | _CONSTANT | _CONSTANT_BOTH_SIDES).items():
        short, name = names.split()[0], names.split()[-1]
        if names in _BINARY:
            function = make_binary(RULES[name], operate)
            function = _multiply_arrays(function) if short == "mul" else function
        elif names in _UNARY:
            function = make_unary(RULES[name], operate)
        else:
            function = make_constant(name, operate)
        setattr(Traced, f"__{short}__", function)
        if names in _BINARY or names in _CONSTANT_BOTH_SIDES:
            setattr(Traced, f"__r{short}__", _reflected(function))


def _multiply_arrays(multiply: Function) -> Function:
    """Multiplication that leaves a loss on the right, which makes a weighted loss of it, to the loss."""
    return lambda self, other: NotImplemented if callable(other) else multiply(self, other)


_define_operators()
