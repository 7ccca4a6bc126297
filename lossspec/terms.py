"""The vocabulary of annotations: what an argument means, which values it may hold, its shape in named axes.

`Real["*batch"]`, `Logits["*batch classes"]`, `Label["*batch"]`: a term subscripted with a shape declares an array;
a bare term (`delta: Positive`) declares a number or a 0-d array. The notation of shapes is jaxtyping's:

* `classes` is one axis; the same name has the same size everywhere in the call;
* `*batch` is any number of axes;
* `4` is an axis of exactly that size;
* `#classes` and `#*batch` may also have size 1; a parameter all of whose axes may, as `level: UnitInterval["#*batch"]`,
  is a number, a 0-d array, or an array with size 1 on each axis along which it does not vary;
* `?channels` and `*?space` may differ from item to item of a list of arrays.

Three terms state what they relate to after the shape: `Length["batch", "of time"]` counts the valid entries of the axis
`time`, `Label["batch labels", "not blank"]` never equals the parameter `blank`, and `ClusteredLabel["*batch", "in head
tails"]` is a class that the inputs `head` and `tails` have between them.

A term of one's own is a `Term` with a name, a meaning and an interval, or one of a class that overrides `outside`,
`domain` and `row_axes`. Its `roles` say what the library does with it, `lossspec.conformance.sampling` how it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from math import inf
from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of any framework: the standard has no common static type."""

Facts: TypeAlias = Mapping[str, Any]
"""The facts of a call: the size of each named axis, and the value of each parameter."""

CLASSES = "classes"
"""The axis of the classes: `axis=` says where a call has it, and class weights have one entry for each entry of it."""

NEVER_EMPTY = frozenset((CLASSES, "dim", "teacher_dim", "channels", "words"))
"""The axes without which there is no distribution, no direction and no colour, so that a loss of them has no value."""


class Role(Enum):
    """The uses that the library makes of an input or a parameter beyond its domain; a term declares its roles."""

    LABEL = "the index of a class, which `class_weight` weighs"
    IGNORABLE = "one entry each, which `ignore_index` may leave out"
    MIXTURE = "a distribution in the place of a label: a mixture of units"
    SMOOTHING = "the part of each label that goes to all classes alike"
    NUMBER = "a number to compute with, also where it is an integer, and never an index"
    SCORE = "how sure a prediction is: nearly sure ones are checked too"
    COST = "least where a prediction is right"


@dataclass(frozen=True)
class Axis:
    """One entry of a declared shape."""

    name: str
    variadic: bool = False
    size: int | None = None
    per_item: bool = False
    broadcasts: bool = False

    def __str__(self) -> str:
        return "#" * self.broadcasts + "*" * self.variadic + "?" * self.per_item + self.name


@dataclass(frozen=True)
class Shape:
    """A declared shape: named axes, at most one of them variadic."""

    axes: tuple[Axis, ...]

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read jaxtyping's notation.

        >>> str(Shape.parse("*batch classes"))
        '[*batch classes]'
        """
        axes = []
        for word in text.split():
            name = word.lstrip("#*?")
            marks = word[: len(word) - len(name)]
            if not (name.isidentifier() or name.isdigit()) or len(set(marks)) != len(marks):
                raise ValueError(
                    f"{word!r} in the shape {text!r} is no axis: write name, *name, ?name, #name or a size"
                )
            size = int(name) if name.isdigit() else None
            axes.append(Axis(name, "*" in marks, size, "?" in marks, "#" in marks))
        if sum(axis.variadic for axis in axes) > 1:
            raise ValueError(f"the shape {text!r} has two variadic axes; at most one can be bound")
        return cls(tuple(axes))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes, in order."""
        return tuple(axis.name for axis in self.axes)

    @property
    def ends_in_classes(self) -> bool:
        """Say whether the last axis is that of the classes."""
        return self.names[-1:] == (CLASSES,)

    def __str__(self) -> str:
        return "[" + " ".join(str(axis) for axis in self.axes) + "]"


@dataclass(frozen=True)
class Interval:
    """A set of admissible numbers; an end that is closed belongs to it."""

    lower: float = -inf
    upper: float = inf
    lower_closed: bool = True
    upper_closed: bool = True

    def __contains__(self, value: float) -> bool:
        above = value >= self.lower if self.lower_closed else value > self.lower
        below = value <= self.upper if self.upper_closed else value < self.upper
        return above and below

    def outside(self, x: Array) -> Array:
        """True where `x` is not in the interval, NaN included."""
        above = x >= self.lower if self.lower_closed else x > self.lower
        below = x <= self.upper if self.upper_closed else x < self.upper
        return ~(above & below)

    def __str__(self) -> str:
        return f"{'[' if self.lower_closed else '('}{self.lower:g}, {self.upper:g}{']' if self.upper_closed else ')'}"


REALS = Interval(lower_closed=False, upper_closed=False)


@dataclass(frozen=True)
class Term:
    """The kind of an argument: its meaning, its domain, and (once subscripted) its shape.

    `neutral` replaces masked entries before the loss runs. Where `strict`, a unit with an entry outside the domain
    is NaN on every backend; elsewhere the domain is checked under `checking("values")` only.
    """

    name: str
    meaning: str
    interval: Interval = REALS
    neutral: float = 0.0
    kinds: tuple[str, ...] = ("real floating",)
    strict: bool = False
    roles: frozenset[Role] = frozenset()
    shape: Shape | None = None
    relation: str = ""

    def __init_subclass__(cls) -> None:
        type.__setattr__(cls, "__repr__", Term.__repr__)  # which a dataclass would replace by all of its fields

    def __getitem__(self, declared: str | tuple[str, str]) -> Any:
        shape, relation = declared if isinstance(declared, tuple) else (declared, "")
        return replace(self, shape=Shape.parse(shape), relation=relation)

    def __or__(self, other: Term | None) -> Any:
        return OneOf((self, other))

    @property
    def bare(self) -> Any:
        """The term itself, without the shape and the relation of one argument."""
        return replace(self, shape=None, relation="")

    @property
    def varies(self) -> bool:
        """Say whether every axis of it may have size 1."""
        return self.shape is not None and all(axis.broadcasts for axis in self.shape.axes)

    @property
    def takes(self) -> str:
        """The kinds of dtype in words."""
        return " or ".join({"integral": "integers", "real floating": "real numbers"}[kind] for kind in self.kinds)

    @property
    def needs_too(self) -> str:
        """The argument to pass beside an array that was converted to this, for errors."""
        return ""

    @property
    def domain(self) -> str:
        """The domain in words or as an interval, for documents and errors."""
        return f"whole numbers in {self.interval}" if self.kinds == ("integral",) else str(self.interval)

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        """True where an entry, or the row it ends, is not in the domain; of the shape of `x` without row axes."""
        return self.interval.outside(x)

    def admit(self, xp: Any, x: Array, facts: Facts) -> tuple[Array, Array]:
        """The array with a neutral value for all that is outside the domain, and what that was, as `outside` has it."""
        bad = self.outside(xp, x, facts)
        rows = bad[(..., *(None,) * self.row_axes)] if self.row_axes else bad
        return self.put_neutral(xp, x, rows), bad

    def put_neutral(self, xp: Any, x: Array, bad: Array) -> Array:
        """The array with the neutral value where it is bad."""
        return xp.where(bad, int(self.neutral) if "integral" in self.kinds else self.neutral, x)

    @property
    def measures(self) -> str:
        """The axis whose valid part this term gives, or an empty string."""
        return ""

    @property
    def row_axes(self) -> int:
        """The number of trailing axes that one judgement of `outside` covers."""
        return 0

    def __str__(self) -> str:
        return self.name + (str(self.shape) if self.shape is not None else "") + f" {self.relation}".rstrip()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class OneOf:
    """A union of terms in an annotation; `None` among them makes the argument optional."""

    terms: tuple[Term | None, ...]

    def __or__(self, other: Term | None) -> OneOf:
        return OneOf((*self.terms, other))

    def __repr__(self) -> str:
        return " | ".join(map(str, self.terms))


@dataclass(frozen=True)
class _Rows(Term):
    """A term whose last axis is one object: a distribution, a box."""

    @property
    def row_axes(self) -> int:
        return 1


@dataclass(frozen=True)
class _Distribution(_Rows):
    @property
    def domain(self) -> str:
        return "rows on the last axis are non-negative and sum to 1"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        rounded = facts.get("eps") or 0.0  # the last digit of 1 in the half precision that the rows were given in
        tolerance = rounded + 8 * x.shape[-1] * float(xp.finfo(x.dtype).eps)
        total = xp.sum(x, axis=-1)
        return xp.any(~(x >= 0), axis=-1) | ~(xp.abs(total - 1) <= tolerance)


@dataclass(frozen=True)
class _LogDistribution(_Distribution):
    @property
    def domain(self) -> str:
        return "in [-inf, 0]"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return xp.any(self.interval.outside(x), axis=-1)


@dataclass(frozen=True)
class _Box(_Rows):
    """A box as the parameter `format` says: two corners, or a corner or the centre with a width and a height."""

    @property
    def domain(self) -> str:
        return "rows (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, or the `format` with a width >= 0 and a height >= 0"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        first, second = (x[..., 0], x[..., 1]), (x[..., 2], x[..., 3])
        if facts.get("format", "xyxy") == "xyxy":
            return ~((first[0] <= second[0]) & (first[1] <= second[1]))
        known = (first[0] == first[0]) & (first[1] == first[1])
        return ~(known & (second[0] >= 0) & (second[1] >= 0))


@dataclass(frozen=True)
class _RotatedBox(_Rows):
    @property
    def domain(self) -> str:
        return "rows (x, y, width, height, angle) with width > 0 and height > 0"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return ~((x[..., 2] > 0) & (x[..., 3] > 0)) | xp.any(self.interval.outside(x), axis=-1)


@dataclass(frozen=True)
class _Vector(_Rows):
    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return xp.any(self.interval.outside(x), axis=-1)


@dataclass(frozen=True)
class _TimeBounds(_Rows):
    """Two bounds of a positive time: equal where it is known, 0 and infinity where there is none."""

    @property
    def domain(self) -> str:
        return "rows (lower, upper) with 0 <= lower <= upper <= inf, lower < inf and upper > 0"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        lower, upper = x[..., 0], x[..., 1]
        return ~((lower >= 0) & (lower <= upper) & (lower < inf) & (upper > 0))


@dataclass(frozen=True)
class _Image(Term):
    @property
    def needs_too(self) -> str:
        return ", and pass `data_range`, which is 255 for 8 bits"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return ~((x >= 0) & (x <= facts.get("data_range", 1.0)))


@dataclass(frozen=True)
class _Sign(Term):
    @property
    def domain(self) -> str:
        return "-1 or 1"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return ~((x == 1) | (x == -1))


@dataclass(frozen=True)
class _Indicator(Term):
    @property
    def domain(self) -> str:
        return "0 or 1"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return ~((x == 0) | (x == 1))


@dataclass(frozen=True)
class _Index(Term):
    """An integer in a range that the call fixes."""

    def range(self, facts: Facts) -> tuple[int, int]:
        """The first admissible integer, and the first beyond the last."""
        raise NotImplementedError

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        first, stop = self.range(facts)
        return (x < first) | (x >= stop)


@dataclass(frozen=True)
class _Label(_Index):
    """A class index; it reads the size of the axis `classes`."""

    @property
    def excluded(self) -> str:
        """The parameter that no label may equal, or an empty string."""
        return self.relation.removeprefix("not ")

    @property
    def domain(self) -> str:
        return "integers in [0, classes)" + (f" other than `{self.excluded}`" if self.excluded else "")

    def range(self, facts: Facts) -> tuple[int, int]:
        return 0, facts[CLASSES]

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return self.admit(xp, x, facts)[1]

    def admit(self, xp: Any, x: Array, facts: Facts) -> tuple[Array, Array]:
        admitted = x % facts[CLASSES]  # equal where in range: fewer passes than two comparisons and a choice
        bad = admitted != x
        return admitted, bad | (x == facts[self.excluded]) if self.excluded else bad


@dataclass(frozen=True)
class _Grade(_Index):
    """A grade, the number of thresholds that are below it; it reads the size of the axis `thresholds`."""

    @property
    def domain(self) -> str:
        return "integers in [0, thresholds]"

    def range(self, facts: Facts) -> tuple[int, int]:
        return 0, facts["thresholds"] + 1


@dataclass(frozen=True)
class _Length(_Index):
    """The number of valid leading entries of the axis that it names; the rest is padding and may hold anything."""

    @property
    def measures(self) -> str:
        """The axis whose valid part this is."""
        return self.relation.removeprefix("of ")

    @property
    def domain(self) -> str:
        return f"integers in [0, {self.measures}]"

    def range(self, facts: Facts) -> tuple[int, int]:
        return 0, facts[self.measures] + 1

    def admit(self, xp: Any, x: Array, facts: Facts) -> tuple[Array, Array]:
        """The whole axis stands for a length outside: all entries of its unit, which is NaN, have derivatives then."""
        bad = self.outside(xp, x, facts)
        return xp.where(bad, facts[self.measures], x), bad


@dataclass(frozen=True)
class _Rate(Term):
    """The mean of a count, or its logarithm where the parameter `log_input` says so."""

    @property
    def domain(self) -> str:
        return "(-inf, inf), and not below 0 where `log_input` is false"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        outside = super().outside(xp, x, facts)
        return outside if facts["log_input"] else outside | (x < 0)


@dataclass(frozen=True)
class _TweedieAmount(Term):
    """A number that a Tweedie distribution of the parameter `power` may give."""

    @property
    def domain(self) -> str:
        return "[0, inf), above 0 where `power` is 2 or more, and any number where it is 0 or less"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        power = facts["power"]
        return ~xp.isfinite(x) | ((x < 0) & (power > 0)) | ((x == 0) & (power >= 2))


@dataclass(frozen=True)
class _Group(Term):
    """The group of each entry: integers that are equal or not, and mean nothing else."""

    @property
    def domain(self) -> str:
        return "integers, equal within a group"

    def outside(self, xp: Any, x: Array, facts: Facts) -> Array:
        return x != x  # False everywhere: any integer will do


@dataclass(frozen=True)
class _ClusteredLabel(_Index):
    """A class index of an adaptive softmax; it reads the rows of the two inputs that it names."""

    @property
    def inputs(self) -> list[str]:
        """The input with a row for each frequent class and each cluster, and the list with the classes of clusters."""
        return self.relation.removeprefix("in ").split()

    @property
    def domain(self) -> str:
        head, tails = self.inputs
        return f"integers in [0, classes), the rows of `{head}` and `{tails}` less one a cluster"

    def range(self, facts: Facts) -> tuple[int, int]:
        head, tails = (facts[name] for name in self.inputs)
        return 0, head.shape[0] - len(tails) + sum(tail.shape[0] for tail in tails)


Real: Any = Term("Real", "any real number")
Logits: Any = Term(
    "Logits",
    "unnormalised log-probabilities; -inf rules a class out",
    Interval(upper_closed=False),
    roles=frozenset({Role.SCORE}),
)
Probability: Any = Term("Probability", "a probability for each entry", Interval(0.0, 1.0))
Distribution: Any = _Distribution(
    "Distribution", "a probability for each class", Interval(0.0, 1.0), roles=frozenset({Role.MIXTURE})
)
LogProbability: Any = Term("LogProbability", "the logarithm of a probability", Interval(upper=0.0))
LogDensity: Any = Term(
    "LogDensity",
    "the logarithm of a probability or of a density, which may be above 0",
    Interval(upper_closed=False),
)
LogDistribution: Any = _LogDistribution(
    "LogDistribution", "the logarithm of a probability for each class", Interval(upper=0.0)
)
Embedding: Any = _Vector("Embedding", "a vector on the last axis")
Image: Any = _Image("Image", "intensities in [0, data_range]", Interval(lower=0.0, upper_closed=False))
Box: Any = _Box("Box", "a box as its corners, or as `format` says", strict=True)
RotatedBox: Any = _RotatedBox(
    "RotatedBox", "a box as its centre, its size and its angle in radians", neutral=1.0, strict=True
)
Sign: Any = _Sign(
    "Sign",
    "a label of one of two signs",
    kinds=("real floating", "integral"),
    neutral=1,
    strict=True,
    roles=frozenset({Role.NUMBER}),
)
Label: Any = _Label(
    "Label", "the index of a class", kinds=("integral",), strict=True, roles=frozenset({Role.LABEL, Role.IGNORABLE})
)
Grade: Any = _Grade(
    "Grade",
    "a grade, the number of thresholds below it",
    kinds=("integral",),
    strict=True,
    roles=frozenset({Role.IGNORABLE}),
)
Length: Any = _Length("Length", "the number of valid entries", kinds=("integral",), strict=True)
Positive: Any = Term("Positive", "a number above 0", Interval(0.0, lower_closed=False, upper_closed=False), neutral=1.0)
NonNegative: Any = Term("NonNegative", "a number not below 0", Interval(0.0, upper_closed=False))
Count: Any = Term("Count", "a whole number above 0", Interval(1.0, upper_closed=False), kinds=("integral",))
Statistics: Any = Term("Statistics", "additive statistics of each unit")
Cosine: Any = Term("Cosine", "a number in [-1, 1]", Interval(-1.0, 1.0))
UnitInterval: Any = Term("UnitInterval", "a number in [0, 1]", Interval(0.0, 1.0))
Smoothing: Any = Term(
    "Smoothing",
    "the part of each label that goes to all classes alike",
    Interval(0.0, 1.0),
    roles=frozenset({Role.SMOOTHING}),
)
Indicator: Any = _Indicator(
    "Indicator",
    "1 where it holds, else 0",
    kinds=("real floating", "integral"),
    neutral=0,
    strict=True,
    roles=frozenset({Role.IGNORABLE}),
)
Relevance: Any = Term(
    "Relevance",
    "a grade of relevance, of which only the order counts",
    Interval(0.0, upper_closed=False),
    kinds=("real floating", "integral"),
)
AboveMinusOne: Any = Term("AboveMinusOne", "a number above -1", Interval(-1.0, lower_closed=False, upper_closed=False))
Amount: Any = Term("Amount", "a count or an amount", Interval(0.0, upper_closed=False))
TweedieAmount: Any = _TweedieAmount("Amount", "a count or an amount", Interval(0.0, upper_closed=False))
PositiveAmount: Any = Term(
    "PositiveAmount",
    "an amount, a width or a variance, above 0",
    Interval(0.0, lower_closed=False, upper_closed=False),
    neutral=1.0,
)
Rate: Any = _Rate("Rate", "the logarithm of a mean, or the mean")
LogMean: Any = Term("LogMean", "the logarithm of a mean")
Power: Any = Term("Power", "the power of the mean that a variance is proportional to")
Robustness: Any = Term("Robustness", "a number, or -inf for the limit", Interval(upper_closed=False))
FlipProbability: Any = Term(
    "FlipProbability", "the probability that a label is the wrong one of two", Interval(0.0, 0.5, upper_closed=False)
)
Group: Any = _Group("Group", "the group that an entry belongs to", kinds=("integral",))
PositiveFraction: Any = Term(
    "PositiveFraction", "a number in (0, 1]", Interval(0.0, 1.0, lower_closed=False), neutral=1.0
)
HalfLogits: Any = Term("HalfLogits", "half the logarithm of the odds")
ClusteredLabel: Any = _ClusteredLabel("ClusteredLabel", "the index of a class", kinds=("integral",), strict=True)
Fraction: Any = Term(
    "Fraction", "a number between 0 and 1", Interval(0.0, 1.0, lower_closed=False, upper_closed=False), neutral=0.5
)
AtLeastOne: Any = Term("AtLeastOne", "a number not below 1", Interval(1.0, upper_closed=False), neutral=1.0)
AtLeastTwo: Any = Term("AtLeastTwo", "a number not below 2", Interval(2.0, upper_closed=False), neutral=2.0)
Cost: Any = Term(
    "Cost", "what it costs to choose a candidate", Interval(0.0, upper_closed=False), roles=frozenset({Role.COST})
)
Time: Any = Term(
    "Time",
    "the time of an event or of censoring, of which only the order counts",
    Interval(0.0, upper_closed=False),
    kinds=("real floating", "integral"),
)
TimeBounds: Any = _TimeBounds(
    "TimeBounds", "the bounds of the time of an event", Interval(0.0, inf), neutral=1.0, strict=True
)
