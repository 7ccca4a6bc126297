"""The contract of a loss, read from its annotated signature; it binds the shapes of a call or says what is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, prod
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lossspec.errors import ContractError, DTypeError
from lossspec.terms import Axis, OneOf, Role, Shape, Term

Form = Literal["pointwise", "aggregate", "coupled"]
REDUCTIONS = ("none", "sum", "mean", "count_mean", "batch_mean", "over")
LENGTH_REDUCTIONS = ("length_mean", "token_mean")
"""The reductions of losses of sequences: each by its own length, or by all lengths together."""
TAIL = ("reduction", "empty", "sample_weight", "where", "where_entries", "class_weight", "ignore_index", "axis")
TAIL_DEFAULTS: Mapping[str, Any] = {**dict.fromkeys(TAIL), "empty": "nan", "axis": -1}
SUPPLIED = ("selected", "entries")
"""The names that the body of a loss may take beyond its arguments: the units, and their entries, that count."""

Axes = dict[str, tuple[Any, str]]
"""Each bound axis: its size (a tuple of sizes for a variadic one) and the argument that bound it."""


@dataclass(frozen=True)
class Accuracy:
    """The budget of error in units of eps * scale; a larger one than (4, 8, 8) needs its reason.

    `on` has the budgets of the backends, by name, that need others than the rest.
    """

    value: float = 4.0
    gradient: float = 8.0
    reason: str = ""
    hessian: float = 8.0
    on: Mapping[str, Accuracy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.is_larger and not self.reason:
            raise ValueError("an accuracy budget beyond 4 for values and 8 for derivatives needs its reason")
        if any(budget.on for budget in self.on.values()):
            raise ValueError("the accuracy budget of a backend holds there alone; it has no `on` of its own")

    def of(self, backend: str) -> Accuracy:
        """The budget on a backend."""
        return self.on.get(backend, self)

    @property
    def is_larger(self) -> bool:
        """Say whether a budget is larger than usual."""
        return self.value > 4.0 or self.gradient > 8.0 or self.hessian > 8.0

    def __str__(self) -> str:
        words = f"values {self.value:g}, gradients {self.gradient:g}, Hessians {self.hessian:g} eps * scale"
        words = f"{words}: {self.reason}" if self.reason else words
        return "; ".join([words, *(f"on {backend} {budget}" for backend, budget in self.on.items())])

    def to_dict(self) -> dict[str, Any]:
        """JSON of the budget."""
        own = {"value": self.value, "gradient": self.gradient, "hessian": self.hessian, "reason": self.reason}
        return own | {"on": {name: budget.to_dict() for name, budget in self.on.items()}} if self.on else own


@dataclass(frozen=True)
class Equal:
    """A call of another library that computes the same, written in the argument names of the loss.

    `call` is a Python expression with the names of the loss's arguments and of the modules that
    `lossspec.conformance.peers` gives for the library `peer`; it equals the loss under `reduction`. `when` is an
    expression in the same names that says for which arguments: inputs are NumPy arrays in it. `differs` maps a part of
    the name of a conformance case, or "gradient", or "gradient" and a part of a name, to the reason why the two differ
    there. A call that computes in float32 whatever it is given is `single`, and compared with fewer digits.
    """

    peer: str
    call: str
    reduction: str = "none"
    when: str = "True"
    differs: Mapping[str, str] = field(default_factory=dict)
    single: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON of the declaration."""
        return {
            "peer": self.peer,
            "call": self.call,
            "reduction": self.reduction,
            "when": self.when,
            "differs": dict(self.differs),
        }


@dataclass(frozen=True)
class Argument:
    """One argument of a loss: the terms it may be, and whether it is a list of arrays or may be left out."""

    name: str
    terms: tuple[Term, ...] = ()
    choices: tuple[Any, ...] = ()
    takes_function: bool = False
    plain: type | None = None
    many: bool = False
    optional: bool = False
    default: Any = inspect.Parameter.empty

    @classmethod
    def read(cls, loss: str, parameter: inspect.Parameter) -> Argument:
        """The declaration of one parameter of the annotated signature."""
        annotation, default = _declared(parameter.annotation), parameter.default
        many = get_origin(annotation) in (list, Sequence)
        if many:
            annotation = _declared(*get_args(annotation))
        optional = isinstance(annotation, OneOf) and None in annotation.terms
        if isinstance(annotation, OneOf):
            terms = tuple(term for term in annotation.terms if term is not None)
        elif isinstance(annotation, Term):
            terms = (annotation,)
        elif get_origin(annotation) is Literal:
            return cls(parameter.name, choices=get_args(annotation), default=default)
        elif get_origin(annotation) in (Union, UnionType):  # Literal["a", "b"] | Callable: a choice or a function
            (choices, _) = get_args(annotation)
            return cls(parameter.name, choices=get_args(choices), takes_function=True, default=default)
        elif annotation in (bool, int):
            return cls(parameter.name, plain=annotation, default=default)
        else:
            raise TypeError(f"{loss}: the annotation of `{parameter.name}` is not a term: {annotation!r}")
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:  # one that may have size 1 everywhere may be a number
            terms = tuple(t for term in terms for t in ((term, replace(term, shape=None)) if term.varies else (term,)))
        return cls(parameter.name, terms, many=many, optional=optional, default=default)

    @property
    def varies(self) -> Term | None:
        """The term of the arrays that a parameter takes beside numbers, one entry a unit; None where it takes none."""
        beside_numbers = any(term.shape is None for term in self.terms)
        return next((term for term in self.terms if term.varies), None) if beside_numbers else None

    def __str__(self) -> str:
        shown = [term for term in self.terms if self.varies is None or term.shape is not None]
        words = " | ".join(
            [str(term) for term in shown]
            or [repr(choice) for choice in self.choices] + ["function"] * self.takes_function
            or [self.plain.__name__ if self.plain else ""]
        )
        words = f"list of {words}" if self.many else words
        return words if self.default is inspect.Parameter.empty else f"{words} = {self.default!r}"

    def to_dict(self) -> dict[str, Any]:
        """JSON of the declaration."""
        result: dict[str, Any] = {
            "name": self.name,
            "terms": [
                {
                    "term": term.name,
                    "meaning": term.meaning,
                    "shape": None if term.shape is None else str(term.shape),
                    "domain": term.domain,
                    "dtypes": list(term.kinds),
                    "relation": term.relation,
                    "outside_is_nan": term.strict,
                }
                for term in self.terms
            ],
            "list": self.many,
            "optional": self.optional,
        }
        if self.choices:
            result["choices"] = list(self.choices)
            result["function"] = self.takes_function
        if self.plain:
            result["type"] = self.plain.__name__
        if self.default is not inspect.Parameter.empty:
            result["default"] = _json(self.default)
        return result

    @property
    def array_terms(self) -> tuple[Term, ...]:
        """The terms of the arrays that it may be."""
        return tuple(term for term in self.terms if term.shape is not None)

    def check_parameter(self, loss: str, value: Any) -> None:
        """Raise where a Python value given for this parameter is not in its domain."""
        if self.choices:
            if value not in self.choices and not (self.takes_function and callable(value)):
                function = " or a function" if self.takes_function else ""
                raise ContractError(
                    f"{loss}: `{self.name}` is {value!r}; it must be one of {list(self.choices)}{function}"
                )
        elif self.plain is not None:
            if not isinstance(value, self.plain) or (self.plain is int and isinstance(value, bool)):
                raise DTypeError(f"{loss}: `{self.name}` is {value!r}; it must be of type {self.plain.__name__}")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            scalars = [term for term in self.terms if term.shape is None]
            if not scalars:
                raise DTypeError(f"{loss}: `{self.name}` is the number {value!r}; it must be an array, {self}")
            whole = isinstance(value, int)
            if not any(value in term.interval and (whole or "real floating" in term.kinds) for term in scalars):
                raise ContractError(f"{loss}: `{self.name}` is {value!r}; its domain is {scalars[0].domain}")
        elif isinstance(value, tuple) and self.array_terms:
            for number in value:
                real = isinstance(number, (int, float)) and not isinstance(number, bool)
                if not real or not any(number in term.interval for term in self.array_terms):
                    raise ContractError(
                        f"{loss}: `{self.name}` holds {number!r}; its domain is {self.array_terms[0].domain}"
                    )
        elif not (value is None and self.optional):
            raise DTypeError(f"{loss}: `{self.name}` is {value!r}; it must be {str(self).partition(' = ')[0]}")


def cast_words(name: str, kind: str) -> str:
    """The advice to convert an array to a kind of dtype if no framework is known."""
    return f"convert `{name}` to {kind}"


@dataclass(frozen=True)
class Contract:
    """Everything a loss declares."""

    name: str
    summary: str
    family: str
    form: Form
    unit: str
    inputs: tuple[Argument, ...]
    parameters: tuple[Argument, ...]
    result: Shape
    statistics: Shape | None = None
    reductions: tuple[str, ...] = REDUCTIONS
    default_reduction: str = "mean"
    source: str = ""
    aliases: tuple[str, ...] = ()
    also: Mapping[str, Mapping[str, Any] | str] = field(default_factory=dict)
    equals: tuple[Equal, ...] = ()
    accuracy: Accuracy = Accuracy()
    why_coupled: str = ""
    why_nonlinear: str = ""
    perfect: Mapping[str, str] = field(default_factory=dict)
    convex_in: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    invariant_in: tuple[str, ...] = ()
    sizes: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    entries: tuple[Shape, ...] = ()

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Inputs, then parameters."""
        return self.inputs + self.parameters

    @property
    def class_axis(self) -> bool:
        """Say whether `axis` may name the position of the classes."""
        return any(
            term.shape is not None and term.shape.ends_in_classes for argument in self.inputs for term in argument.terms
        )

    @property
    def label(self) -> Argument | None:
        """The input that holds one class label a unit; with it, class weights and `ignore_index` have a meaning."""
        for argument in self.inputs:
            if any(Role.LABEL in term.roles and term.shape == self.result for term in argument.terms):
                return argument
        return None

    @property
    def entry_label(self) -> Argument | None:
        """The input that holds one label an entry; with it `ignore_index` leaves entries out."""
        for argument in self.inputs:
            if any(Role.IGNORABLE in t.roles and t.shape in self.entries[:1] for t in argument.terms):
                return argument
        return None

    @property
    def distribution(self) -> Term | None:
        """The term by which the label of a unit may be a distribution over the classes: a mixture of units."""
        terms = () if self.label is None else self.label.terms
        return next((term for term in terms if Role.MIXTURE in term.roles), None)

    @property
    def soft_labels(self) -> str:
        """The meaning of a distribution of labels in words; empty where no label is one."""
        if self.distribution is None:
            return ""
        return f"not linear: {self.why_nonlinear}" if self.why_nonlinear else "a mixture of units"

    @property
    def smoothing(self) -> str:
        """The parameter that gives a part of each label to all classes alike, or an empty string."""
        return next((a.name for a in self.parameters if any(Role.SMOOTHING in term.roles for term in a.terms)), "")

    @property
    def length(self) -> Argument | None:
        """The input with the lengths of the sequences, the last one if there are several."""
        found = [argument for argument in self.inputs if argument.terms[0].measures]
        return found[-1] if found else None

    @property
    def tail(self) -> tuple[str, ...]:
        """The keywords that every loss of this shape takes beside its own parameters."""
        absent = set()
        if not self.entries:
            absent |= {"where_entries"}
        if self.label is None:
            absent |= {"class_weight"} if self.entry_label else {"class_weight", "ignore_index"}
        if not self.class_axis:
            absent |= {"axis"}
        return tuple(keyword for keyword in TAIL if keyword not in absent)

    @property
    def other_meanings(self) -> Mapping[str, list[str]]:
        """The names in `also` by their meanings: defaults as one would write them in a call, or why it is not here."""
        found: dict[str, list[str]] = {}
        for name, means in self.also.items():
            keywords = () if isinstance(means, str) else (f"{key}={value!r}" for key, value in means.items())
            words = f"not here: {means}" if isinstance(means, str) else ", ".join(keywords)
            found.setdefault(words, []).append(name)
        return found

    @property
    def mergeable(self) -> bool:
        """Say whether partials of shards add up to the whole."""
        return self.form != "coupled"

    def __str__(self) -> str:
        inputs = ", ".join(f"{argument.name}: {argument}" for argument in self.inputs)
        parameters = "".join(f", {argument.name}: {argument}" for argument in self.parameters)
        return (
            f"{self.name}({inputs}{', *' + parameters if parameters else ''}) -> "
            f"{self.unit}{self.result}, {self.form}, reduction={self.default_reduction!r}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The contract as JSON; its schema is `lossspec/contract.schema.json`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "family": self.family,
            "form": self.form,
            "unit": self.unit,
            "shape": str(self.result),
            "inputs": [argument.to_dict() for argument in self.inputs],
            "parameters": [argument.to_dict() for argument in self.parameters],
            "reductions": list(self.reductions),
            "default_reduction": self.default_reduction,
            "keywords": list(self.tail),
            "entries": [str(shape) for shape in self.entries],
            "mergeable": self.mergeable,
            "why_not_mergeable": self.why_coupled,
            "why_not_linear": self.why_nonlinear,
            "perfect_prediction": dict(self.perfect),
            "convex_in": list(self.convex_in),
            "unread": dict(self.unread),
            "invariant_in": list(self.invariant_in),
            "accuracy": self.accuracy.to_dict(),
            "source": self.source,
            "aliases": list(self.aliases),
            "also": {
                name: means if isinstance(means, str) else {key: _json(value) for key, value in means.items()}
                for name, means in self.also.items()
            },
            "equals": [equal.to_dict() for equal in self.equals],
        }

    def term_of(self, argument: Argument, kind: str, rank: int, cast: Callable[[str, str], str] = cast_words) -> Term:
        """The one of an argument's terms that an array of this kind of dtype and this rank is meant for.

        `cast` writes how the caller converts an array, by its name, to a kind of dtype.
        """
        fitting = [term for term in argument.terms if kind in term.kinds]
        if not fitting:
            first = argument.terms[0]
            wanted = " or ".join(dict.fromkeys(term.takes for term in argument.terms))
            fix = f"{cast(argument.name, first.kinds[0])}{first.needs_too}"
            if argument == self.label and kind == "real floating":
                fix = (
                    "pass the index of a class for each unit; for soft labels use cross_entropy, or mix the losses of "
                    f"the classes, sum_c {argument.name}[..., c] * {self.name}(..., c)"
                )
            raise DTypeError(
                f"{self.name}: `{argument.name}` has a dtype of kind {kind!r}; {argument} takes {wanted}. "
                f"Nothing is cast silently. Fix: {fix}."
            )
        for term in fitting:
            if (term.shape is None) == (rank == 0):
                return term
        return fitting[0]

    def fits(self, argument: str, declared: Shape, actual: tuple[int, ...], axes: Axes) -> None:
        """Bind the axes of one array, or raise with declared shape, bound axes, actual shape and the fix."""
        sizes = align(declared, actual)
        if sizes is None:
            raise ContractError(self._shape_message(argument, declared, actual, axes, None))
        new: Axes = {}
        for axis, size in zip(declared.axes, sizes, strict=True):
            if axis.size is not None:
                if size != axis.size:
                    raise ContractError(self._shape_message(argument, declared, actual, axes, axis))
            elif axis.name in axes:
                if not _same(size, axes[axis.name][0], axis.broadcasts):
                    raise ContractError(self._shape_message(argument, declared, actual, axes, axis))
            else:
                new[axis.name] = (size, argument)
        axes.update(new)

    def _shape_message(
        self, argument: str, declared: Shape, actual: tuple[int, ...], axes: Axes, culprit: Axis | None
    ) -> str:
        bound = [
            f"{axis} = {axes[axis.name][0]} (from `{axes[axis.name][1]}`)"
            for axis in declared.axes
            if axis.name in axes
        ]
        expected = _expected(declared, axes)
        beside = _with_axes_of_1(declared, actual, expected)
        if beside is not None:
            fix = f"reshape it, {argument} = xp.reshape({argument}, {beside})"
        elif expected is not None and prod(expected) == prod(actual) and expected != actual:
            fix = f"reshape it, {argument} = xp.reshape({argument}, {expected}), or reshape the other side to {actual}"
        elif expected is not None:
            fix = f"pass `{argument}` of shape {expected}" + (
                ", or with size 1 on some axes" if any(axis.broadcasts for axis in declared.axes) else ""
            )
        elif culprit is not None and culprit.size is not None:
            fix = f"its axis `{culprit}` must have exactly {culprit.size} entries"
        else:
            fix = f"pass `{argument}` with the axes {declared}"
        return (
            f"{self.name}: `{argument}` has shape {tuple(actual)}, declared {declared}"
            + (f" with {', '.join(bound)}" if bound else "")
            + f". Nothing is broadcast silently. Fix: {fix}."
        )


def _json(value: Any) -> Any:
    """A default as JSON: as it is, or as text where JSON has no such thing."""
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    plain = value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and isfinite(value))
    return value if plain else str(value)


def align(declared: Shape, actual: tuple[int, ...]) -> list[Any] | None:
    """The sizes that each declared axis takes in an actual shape, or None where the rank does not fit."""
    position = next((i for i, axis in enumerate(declared.axes) if axis.variadic), None)
    fixed = len(declared.axes) - (position is not None)
    if len(actual) < fixed or (position is None and len(actual) != fixed):
        return None
    if position is None:
        return list(actual)
    after = len(declared.axes) - position - 1
    end = len(actual) - after
    return [*actual[:position], tuple(actual[position:end]), *actual[end:]]


def _same(size: Any, bound: Any, broadcasts: bool) -> bool:
    if not isinstance(bound, tuple):
        return bool(size == bound or (broadcasts and size == 1))
    if len(size) != len(bound):
        return False
    return all(a == b or (broadcasts and a == 1) for a, b in zip(size, bound, strict=True))


def _expected(declared: Shape, axes: Axes) -> tuple[int, ...] | None:
    """The shape that would fit, where every axis of it is known."""
    shape: list[int] = []
    for axis in declared.axes:
        if axis.size is not None:
            shape.append(axis.size)
        elif axis.name not in axes:
            return None
        else:
            size = axes[axis.name][0]
            shape.extend(size if isinstance(size, tuple) else (size,))
    return tuple(shape)


def _with_axes_of_1(
    declared: Shape, actual: tuple[int, ...], expected: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """The shape that broadcasting would have meant, where it is declared that axes may have size 1."""
    if expected is None or not all(axis.broadcasts for axis in declared.axes) or not 0 < len(actual) < len(expected):
        return None
    meant = (1,) * (len(expected) - len(actual)) + actual
    return meant if all(a in (1, b) for a, b in zip(meant, expected, strict=True)) else None


def resolve_shape(declared: Shape, axes: Axes) -> tuple[int, ...]:
    """A declared shape whose axes are all bound, in numbers."""
    shape = _expected(declared, axes)
    assert shape is not None, f"{declared} has an axis that no input binds"
    return shape


def _declared(annotation: Any) -> Any:
    """The term of `Annotated[type, term]`, of which type checkers read the type; any other annotation as it is."""
    return annotation.__metadata__[0] if get_origin(annotation) is Annotated else annotation


def read_contract(function: Callable[..., Any], **declared: Any) -> Contract:
    """The contract that an annotated function and its decorator declare."""
    name = function.__name__
    signature = inspect.signature(function, eval_str=True)
    inputs, parameters = [], []
    for parameter in signature.parameters.values():
        if parameter.name in SUPPLIED:
            continue  # by Loss, to bodies that need to see the selection
        argument = Argument.read(name, parameter)
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            parameters.append(argument)
        else:
            inputs.append(argument)
    returned = _declared(signature.return_annotation)
    if not isinstance(returned, Term) or returned.shape is None:
        raise TypeError(f"{name}: the return annotation must be a term with the shape of the unreduced loss")
    summary = (function.__doc__ or "").strip().split("\n")[0]
    if not summary:
        raise TypeError(f"{name}: a loss needs a docstring; its first line is the summary of the contract")
    contract = Contract(
        name=name,
        summary=summary,
        inputs=tuple(inputs),
        parameters=tuple(parameters),
        result=returned.shape,
        statistics=Shape.parse(returned.relation) if declared["form"] == "aggregate" else None,
        **declared,
    )
    if contract.default_reduction not in contract.reductions:
        raise TypeError(f"{name}: the default reduction {contract.default_reduction!r} is not an allowed one")
    for claim in ("convex_in", "invariant_in"):
        for claimed in getattr(contract, claim):
            if not any(a.name == claimed and any("real floating" in t.kinds for t in a.terms) for a in contract.inputs):
                raise TypeError(f"{name}: `{claim}` names {claimed!r}, which is no input of real numbers")
    for unread in contract.unread:
        if unread not in {argument.name for argument in contract.inputs}:
            raise TypeError(f"{name}: `unread` names {unread!r}, which is no input")
    if contract.why_nonlinear and contract.distribution is None:
        raise TypeError(f"{name}: `nonlinear` is about distributions of labels, which the loss does not take")
    if contract.convex_in and "none" not in contract.reductions:
        raise TypeError(f"{name}: `convex_in` is about the loss of a unit, which {contract.form} losses do not have")
    _check_entries(contract)
    if "entries" in signature.parameters and not contract.entries:
        raise TypeError(f"{name}: the function takes `entries`, whose shape is not declared: entries='batch *space'")
    clash = set(TAIL) & {argument.name for argument in contract.arguments}
    if clash:
        raise TypeError(f"{name}: {sorted(clash)} are keywords of every loss and cannot be declared again")
    return contract


def _check_entries(contract: Contract) -> None:
    """Raise where the declared shapes of entries are none that a mask of the inputs can have."""
    first, *_ = contract.inputs
    for shape in contract.entries:
        if first.many or not all(term.shape and set(shape.names) <= set(term.shape.names) for term in first.terms):
            raise TypeError(f"{contract.name}: the entries {shape} are none of `{first.name}`, its first input")
    if contract.entry_label and len(contract.entries) > 1:
        raise TypeError(f"{contract.name}: entries that have labels have one shape, that of the labels")
    if contract.length and contract.entries:
        measured = (*contract.result.names, contract.length.terms[0].measures)
        if [shape.names for shape in contract.entries] != [measured]:
            raise TypeError(f"{contract.name}: the entries of sequences with lengths are {list(measured)}")
