"""Calls to check a loss on, made from its contract: typical, edges, extremes, parameters, reductions, real data."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec import terms
from lossspec.conformance import sampling
from lossspec.conformance.axes import Values, entry_axes, spoil, unit_shape
from lossspec.conformance.real_data import real_inputs
from lossspec.contract import LENGTH_REDUCTIONS, Contract
from lossspec.reduction import Mean
from lossspec.terms import CLASSES, Role, Shape, Term

SIZES = {"batch": 6, CLASSES: 4, "dim": 3, "time": 4, "labels": 2, "channels": 2, "layers": 2, "space": (3, 2)}
LAYERS = 2


@dataclass(frozen=True)
class Case:
    """One call of a loss: its arrays (the class axis last), its parameters, and the keywords of reduction."""

    name: str
    inputs: Values
    parameters: Values = field(default_factory=dict)
    options: Values = field(default_factory=dict)
    axis: int = -1
    once: bool = False
    """No other case has these shapes: a framework that compiles each operation for each shape compiles it whole."""
    hessian: bool = False
    """Second derivatives are compared too: in few cases, for each entry costs the oracle many evaluations."""

    def with_options(self, name: str, **options: Any) -> Case:
        """The same inputs under other keywords."""
        return replace(self, name=f"{self.name}, {name}", options=options)


def usual_parameters(contract: Contract) -> Values:
    """The parameters of a case that gives none of its own: the defaults, or what goes with the sizes of the cases."""
    return {a.name: contract.sizes.get(a.name, a.default) for a in contract.parameters}


def reduction_name(reduction: Any) -> str:
    """The name of a reduction, with the number that a mean divides by."""
    return f"over {reduction.over!r}" if isinstance(reduction, Mean) else str(reduction)


def make_cases(contract: Contract, dtype: type[np.floating[Any]]) -> list[Case]:
    """All cases of a loss in a precision; the same ones on every run."""
    maker = _Maker(contract, dtype)
    generated, parameters, sizes = list(maker.generated()), list(maker.of_parameters()), list(maker.of_sizes())
    hard = list(maker.of_hard_parameters())
    real, reductions = list(maker.real()), list(maker.of_reductions(generated[0]))
    curved = [case for case in generated if not case.name.startswith("more")] + real[:1]
    curved += [case for case in parameters if not case.name.endswith("0-d array")]
    curved += [case for case in sizes if case.axis != -1]
    names = {case.name for case in curved} | {"typical, weights and mask, sum"}
    entries = maker.of_entries(generated[0])
    cases = [*generated, *maker.related(), *maker.of_fields(), *parameters, *hard, *sizes, *real, *reductions, *entries]
    return [replace(case, hessian=case.name in names) for case in cases]


class _Maker:
    def __init__(self, contract: Contract, dtype: type[np.floating[Any]]) -> None:
        self.contract = contract
        self.dtype = dtype
        self.random = self.generator()
        self.sizes: dict[str, Any] = {**SIZES, **contract.sizes}
        self.parameters = usual_parameters(contract)

    def generator(self, case: str = "") -> np.random.Generator:
        """The source of all that is drawn for the loss, or for one case of it alone."""
        seed = f"{self.contract.name} {np.dtype(self.dtype)}{case and ' ' + case}"
        return np.random.default_rng(zlib.crc32(seed.encode()))

    def generated(self) -> Iterator[Case]:
        """Typical inputs, edges and extremes, equal and nearly equal inputs, for each kind of input there is."""
        for kinds, label in self.alternatives():
            yield self.case(f"typical{label}", kinds)
            yield self.case(f"edges{label}", kinds, edges=True)
            yield self.case(f"more edges{label}", kinds, edges=True)
            if len(kinds) > 1 and any(Role.SCORE in term.roles for term in kinds.values()):
                yield self.confident(kinds, label)
        equal = self.equal_inputs()
        if equal:
            typical = self.case("equal", self.first_kinds())
            (source, *others) = equal
            inputs = {**typical.inputs, **{name: _copy(typical.inputs[source]) for name in others}}
            yield replace(typical, inputs=inputs)
            for size in (1e-2, 1e-5):
                near = {name: self.nearly(typical.inputs[source], size, self.first_kinds()[name]) for name in others}
                yield replace(typical, name=f"equal within {size:g}", inputs={**typical.inputs, **near})

    def related(self) -> Iterator[Case]:
        """Vectors that point away from each other, batches of one vector alone or nearly, and amounts far out.

        There a loss is flat, or the quotient of two numbers, and what is rounded on the way to it may be larger.
        """
        kinds, same = self.first_kinds(), self.equal_inputs()
        arguments = [argument for argument in self.contract.inputs if not argument.many]
        vectors = [a.name for a in arguments if sampling.sampler_of(kinds[a.name]).directed]
        if same and same[0] in vectors:
            case = self.separate("opposed", kinds)
            yield replace(case, inputs={**case.inputs, **dict.fromkeys(same[1:], -case.inputs[same[0]])})
        if vectors and self.contract.form == "coupled":
            case = self.separate("all alike", kinds)
            shapes = {name: case.inputs[name].shape for name in vectors}
            row = case.inputs[vectors[0]][:1]
            alike = {k: np.broadcast_to(row, s).copy() for k, s in shapes.items() if s[1:] == row.shape[1:]}
            yield replace(case, inputs={**case.inputs, **alike})
        sharp = {"temperature": 0.01} if "temperature" in self.parameters else {"scale": 64.0, "margin": 0.0}
        if vectors and sharp.keys() <= self.parameters.keys():
            yield self.nearly_alike(kinds, vectors, sharp)
        amounts = [a.name for a in arguments if a.name in same and _is_amount(kinds[a.name])]
        if amounts:
            case = self.separate("all far out", kinds)
            yield replace(case, inputs={**case.inputs, **{k: case.inputs[k] * self.dtype(1e30) for k in amounts}})

    def of_fields(self) -> Iterator[Case]:
        """Inputs that users of a field meet and no domain tells of, each from a generator of its own.

        Lists with items out of them, scores that are whole numbers, so that they are tied and lie on kinks, answers
        that are nearly equal, and regions that are nearly sure.
        """
        kinds = self.first_kinds()
        axes = {name: term.shape.names for name, term in kinds.items() if term.shape}
        lists = [name for name, names in axes.items() if names[-1:] == ("items",) and Role.SCORE in kinds[name].roles]
        for name in lists[:1]:
            case = self.separate("items out of lists", kinds)
            out = self.generator("items out of lists, which").random(case.inputs[name].shape) < 0.3
            yield replace(case, inputs={**case.inputs, name: np.where(out, -self.dtype(inf), case.inputs[name])})
        if self.contract.label is not None and Role.SCORE in kinds[self.contract.inputs[0].name].roles:
            for given, label in self.alternatives():
                case = self.separate(f"whole numbers{label}", given)
                whole = {name: np.round(case.inputs[name] / 2) for name in axes if Role.SCORE in given[name].roles}
                yield replace(case, inputs={**case.inputs, **whole})
        answers = [name for name, names in axes.items() if names[-1:] == ("answers",)]
        if answers:
            case, eps = self.separate("nearly equal answers", kinds), float(np.finfo(self.dtype).eps)
            moved = self.generator("nearly equal answers, how")
            near = {
                name: self.cast(x.flat[0] * (1 + eps * moved.integers(0, 8, x.shape)))
                for name, x in case.inputs.items()
                if name in answers
            }
            yield replace(case, inputs={**case.inputs, **near})
        regions = [name for name in axes if kinds[name].bare == terms.Probability]
        if len(regions) > 1 and self.has_space(kinds):
            case, random = self.separate("nearly sure regions", kinds), self.generator("nearly sure regions, how")
            first, *others = regions
            low = sampling.draw_exp(random.uniform(-30, 0, case.inputs[first].shape))
            true = {name: self.cast(np.round(case.inputs[name])) for name in others}
            yield replace(case, inputs={**case.inputs, **true, first: self.cast(low)})

    def nearly_alike(self, kinds: Mapping[str, Term], vectors: list[str], sharp: Values) -> Case:
        """Vectors that are all nearly parallel, at a low temperature: what is rounded beside 1 is multiplied there."""
        case, random = self.separate("nearly alike", kinds), self.generator("nearly alike, moved")
        first = case.inputs[vectors[0]]
        row, shapes = first.reshape(-1, first.shape[-1])[0], {name: case.inputs[name].shape for name in vectors}
        alike = {
            name: self.cast(row * (1 - 1e-3 * random.random(shape)) * random.uniform(0.5, 2.0, (*shape[:-1], 1)))
            for name, shape in shapes.items()
            if shape[-1] == len(row)
        }
        return replace(case, inputs={**case.inputs, **alike}, parameters={**case.parameters, **sharp})

    def separate(self, name: str, kinds: Mapping[str, Term]) -> Case:
        """A case that is drawn from a generator of its own."""
        saved, self.random = self.random, self.generator(name)
        case = self.case(name, kinds)
        self.random = saved
        return case

    def of_parameters(self) -> Iterator[Case]:
        """Each parameter at another value; numbers as 0-d arrays too, arrays in their full and their size-1 shape."""
        kinds = self.first_kinds()
        for argument in self.contract.parameters:
            name = argument.name
            for choice in argument.choices:
                if choice != argument.default:
                    yield self.case(f"{name}={choice!r}", kinds, parameters={name: choice})
            if argument.plain is bool:
                yield self.case(f"{name}={not argument.default}", kinds, parameters={name: not argument.default})
            if argument.plain is int:
                last = self.sizes[CLASSES] - 1
                yield self.case(f"{name}={last}", kinds, parameters={name: last})
            for term in argument.terms:
                if argument.varies == term:
                    continue  # in `of_hard_parameters`
                if term.shape is not None:
                    shape = self.shape(term.shape)
                    value = self.cast(sampling.typical(term, self.random, shape, self.sizes))
                    yield self.case(f"{name} as an array", kinds, parameters={name: value})
                elif "integral" in term.kinds:
                    yield self.case(f"{name}=3", kinds, parameters={name: 3})
                else:
                    value = float(self.dtype(sampling.typical(term, self.random, (), self.sizes)))
                    yield self.case(f"{name} drawn", kinds, parameters={name: value})
                    yield self.case(f"{name} as a 0-d array", kinds, parameters={name: np.asarray(self.dtype(value))})

    def of_hard_parameters(self) -> Iterator[Case]:
        """Each number at the closed ends of its domain and far out, as an array at all of them, with hard inputs.

        These draw from generators of their own: one case more or less changes no other.
        """
        for argument in self.contract.parameters:
            name = argument.name
            for term in argument.terms:
                far = self.far_values(term)
                if term.shape is None:
                    for value in far:
                        if value != self.parameters[name]:
                            yield self.hard(f"{name}={value:.3g}, hard", {name: value})
                else:
                    entries = "per unit" if argument.varies == term else "per entry"
                    typical = sampling.typical(term, self.generator(name), (2,), self.sizes)
                    values = self.cast(np.resize(np.asarray([*far, *typical]), self.shape(term.shape)))
                    yield self.hard(f"{name} {entries}, hard", {name: values})

    def far_values(self, term: Term) -> list[Any]:
        """The closed ends of the domain of a number, and numbers far out in it."""
        interval = term.interval
        ends = [end for end in (interval.lower, interval.upper) if end in interval]
        if "integral" in term.kinds:
            return [int(end) for end in ends]
        far = (float(self.dtype(size)) for size in sampling.sampler_of(term).extremes or (1e-3, 1e3))
        return list(dict.fromkeys([*ends, *(size for size in far if size in interval)]))

    def hard(self, name: str, parameters: Values) -> Case:
        """Edges; where there are logits, in every second unit logits that are nearly sure."""
        saved, self.random = self.random, self.generator(name)
        kinds = self.first_kinds()
        case = self.case(name, kinds, edges=True, parameters=parameters)
        if len(kinds) > 1 and any(Role.SCORE in term.roles for term in kinds.values()):
            sure = self.confident(kinds, "")
            units = unit_shape(self.contract, case.inputs)
            second = np.arange(np.prod(units, dtype=np.int64)).reshape(units) % 2 == 1
            for key, value in case.inputs.items():
                if value.shape[: len(units)] == units:
                    flags = second.reshape(units + (1,) * (value.ndim - len(units)))
                    case.inputs[key] = np.where(flags, sure.inputs[key], value)
        self.random = saved
        return case

    def of_sizes(self) -> Iterator[Case]:
        """A batch of one, an empty batch, a volume, a single class, several batch axes, the class axis in front."""
        kinds = self.first_kinds()
        units = self.contract.result.axes
        if units:
            yield self.case("batch of one", kinds, sizes={units[0].name: 1})
            yield self.case("empty batch", kinds, sizes={units[0].name: 0}, parameters={})
            if units[0].variadic:
                yield self.case("two batch axes", kinds, sizes={units[0].name: (2, 3)})
                yield self.case("no batch axis", kinds, sizes={units[0].name: ()})
            if self.has_space(kinds):
                plane = self.sizes["space"]
                side = min(plane) if isinstance(plane, tuple) else 2
                saved, self.random = self.random, self.generator("volume")
                yield self.case("volume", kinds, sizes={units[0].name: 1, "space": (side,) * 3})
                self.random = saved
        if self.contract.class_axis:
            if not any(term.relation for term in kinds.values()):  # a class that is excluded needs another one
                yield self.case("one class", kinds, sizes={CLASSES: 1})
            if units[0].variadic:
                case = self.case("class axis 1 of 3", kinds, sizes={units[0].name: (2, 3)})
                yield replace(case, axis=1)

    def has_space(self, kinds: Mapping[str, Term]) -> bool:
        """Say whether inputs have axes of space that a unit has not: as many as the user likes."""
        return any(
            axis.variadic and axis.name == "space" and axis not in self.contract.result.axes
            for term in kinds.values()
            for axis in (term.shape.axes if term.shape else ())
        )

    def of_reductions(self, case: Case) -> Iterator[Case]:
        """Every reduction with weights, masks, class weights and an ignored label, together and apart."""
        shape = unit_shape(self.contract, case.inputs)
        weight = self.cast(self.random.uniform(0.5, 3.0, shape))
        mask = self.random.random(shape) < 0.6
        mask.flat[0] = True
        keywords: dict[str, Values] = {
            "weights": {"sample_weight": weight},
            "mask": {"where": mask},
            "weights and mask": {"sample_weight": weight, "where": mask},
            "nothing selected": {"where": np.zeros(shape, dtype=np.bool_), "empty": 0.0},
            "nothing selected, nan": {"where": np.zeros(shape, dtype=np.bool_)},
        }
        if len(shape) > 1:
            keywords["one weight for all"] = {"sample_weight": weight[:1]}
        label = self.contract.label
        if label is not None:
            by_class = self.cast(self.random.uniform(0.5, 3.0, self.sizes[CLASSES]))
            keywords["class weights"] = {"class_weight": by_class}
            ignored = int(case.inputs[label.name].flat[-1])
            keywords["all of them"] = {
                "class_weight": by_class,
                "sample_weight": weight,
                "where": mask,
                "ignore_index": ignored,
            }
            if self.contract.distribution is not None and not self.contract.why_nonlinear:
                soft = self.case("typical distribution", {**self.first_kinds(), label.name: label.terms[1]})
                yield soft.with_options("class weights", class_weight=by_class)
                yield soft.with_options("class weights, count_mean", class_weight=by_class, reduction="count_mean")
            if self.contract.smoothing:
                smooth = replace(case, parameters={**case.parameters, self.contract.smoothing: 0.125})
                yield smooth.with_options("smooth, class weights", class_weight=by_class, reduction="none")
                yield smooth.with_options("smooth, mean, class weights", class_weight=by_class, reduction="mean")
        for reduction in self.contract.reductions:
            how: Any = Mean(over=7.5) if reduction == "over" else reduction
            named = reduction_name(how)
            yield case.with_options(named, reduction=how)
            for name, options in keywords.items():
                yield case.with_options(f"{name}, {named}", reduction=how, **options)

    def of_entries(self, case: Case) -> Iterator[Case]:
        """Entries that do not count: some, all of a unit, of each channel others, with NaN in them; ignored labels."""
        contract = self.contract
        for number, declared in enumerate(contract.entries):
            shape = tuple(entry_axes(contract, case.inputs, declared).values())
            random = np.random.default_rng(zlib.crc32(f"{contract.name} entries {declared}".encode()))
            kept = random.random(shape) < 0.6
            kept[..., 0] = True
            spoiled = replace(case, inputs=spoil(contract, case.inputs, declared, kept, np.nan))
            yield spoiled.with_options(f"left out of {declared}", where_entries=kept)
            if number:
                continue
            empty = np.where(np.arange(len(kept)) < 1, False, kept.T).T
            yield case.with_options("nothing of a unit left", where_entries=empty)
            weight = self.cast(random.uniform(0.5, 3.0, unit_shape(contract, case.inputs)))
            for reduction in ("mean", *LENGTH_REDUCTIONS):
                if reduction in contract.reductions:
                    name = f"{reduction}, weights and left out"
                    yield case.with_options(name, where_entries=kept, sample_weight=weight, reduction=reduction)
            if contract.entry_label is not None:
                label = contract.entry_label.name
                labels = np.where(random.random(shape) < 0.4, 99, case.inputs[label])
                ignored = replace(case, inputs={**case.inputs, label: labels})
                yield ignored.with_options("ignored labels", ignore_index=99)
                yield ignored.with_options("ignored labels, left out", ignore_index=99, where_entries=kept)

    def real(self) -> Iterator[Case]:
        """The shipped data sets that have what the contract asks for."""
        for name, inputs in real_inputs(self.contract):
            cast = {key: self.cast(value) for key, value in inputs.items()}
            yield Case(f"real: {name}", cast, self.parameters, once=True)

    # The pieces.

    def case(
        self,
        name: str,
        kinds: Mapping[str, Term],
        edges: bool = False,
        sizes: Mapping[str, Any] | None = None,
        parameters: Values | None = None,
    ) -> Case:
        known = {**self.parameters, **(parameters or {})}
        saved, self.sizes = self.sizes, {**self.sizes, **(sizes or {})}
        facts = {**known, **self.sizes}
        inputs: Values = {}
        for argument in self.contract.inputs:
            term = kinds[argument.name]
            assert term.shape is not None
            draw = sampling.edges if edges else sampling.typical
            if argument.many:
                shapes = [self.shape(term.shape, item) for item in range(LAYERS)]
                inputs[argument.name] = [self.cast(draw(term, self.random, shape, facts)) for shape in shapes]
            else:
                inputs[argument.name] = self.cast(draw(term, self.random, self.shape(term.shape), facts))
        self.sizes = saved
        return Case(name, inputs, known, once=bool(sizes))

    def confident(self, kinds: Mapping[str, Term], label: str) -> Case:
        """Logits that are nearly sure, mostly of the right answer where there is one: where losses are small."""
        case = self.case(f"confident{label}", kinds)
        answers = [key for key, term in kinds.items() if Role.SCORE not in term.roles]
        sure = {}
        for name in [key for key in kinds if key not in answers]:
            shape = case.inputs[name].shape
            signs = self.right_signs(case, kinds, answers, name)
            size = self.random.choice(np.asarray([5.0, 15.0, 30.0, 60.0]), shape)
            sure[name] = self.cast(np.where(self.random.random(shape) < 0.9, signs, -signs) * size)
        return replace(case, inputs={**case.inputs, **sure})

    def right_signs(self, case: Case, kinds: Mapping[str, Term], answers: list[str], name: str) -> NDArray[Any]:
        """1 for the logits that should be large, -1 for the others; without an answer all are sure of one class."""
        shape, declared = case.inputs[name].shape, kinds[name].shape
        names = () if declared is None else declared.names
        place = names.index(CLASSES) - len(names) * (names[-1] == CLASSES) if CLASSES in names else -1
        labels = [case.inputs[key] for key in answers if Role.LABEL in kinds[key].roles]
        labels = [x for x in labels if x.shape == tuple(np.delete(shape, place))]
        first = next(case.inputs[key] for key in kinds if key not in answers)
        if labels:
            right = np.moveaxis(np.eye(shape[place])[labels[0]], -1, place)
        elif len(answers) == 1 and case.inputs[answers[0]].shape == shape:
            truth = case.inputs[answers[0]]
            cheap = Role.COST in kinds[answers[0]].roles
            right = truth == truth.min(axis=-1, keepdims=True) if cheap else truth > 0.5
        elif names[-1:] == (CLASSES,) and first.shape == shape:
            right = first == first.max(axis=-1, keepdims=True)
        else:
            right = self.random.choice(np.asarray([-1, 1]), shape) > 0
        signs: NDArray[Any] = np.where(right, 1, -1)
        return signs

    def alternatives(self) -> Iterator[tuple[dict[str, Term], str]]:
        """The term of each input, for every choice that the contract leaves."""
        first = self.first_kinds()
        yield first, ""
        for argument in self.contract.inputs:
            for term in argument.terms[1:]:
                yield {**first, argument.name: term}, f" {term.name.lower()}"

    def first_kinds(self) -> dict[str, Term]:
        return {argument.name: argument.terms[0] for argument in self.contract.inputs}

    def equal_inputs(self) -> tuple[str, ...]:
        """Inputs of the same term and shape, which can be equal."""
        groups: dict[str, list[str]] = {}
        for argument in self.contract.inputs:
            if "real floating" in argument.terms[0].kinds:
                groups.setdefault(str(argument.terms[0]), []).append(argument.name)
        return next((tuple(group) for group in groups.values() if len(group) > 1), ())

    def nearly(self, value: Any, size: float, term: Term) -> Any:
        if isinstance(value, list):
            return [self.nearly(item, size, term) for item in value]
        moved = value * (1 - size * self.random.random(value.shape))
        return self.cast(np.clip(moved, term.interval.lower, term.interval.upper))

    def shape(self, declared: Shape, item: int = 0) -> tuple[int, ...]:
        shape: list[int] = []
        for axis in declared.axes:
            size = axis.size if axis.size is not None else self.sizes.get(axis.name, 6)
            if axis.variadic and isinstance(size, int):
                size = (size,)
            if isinstance(size, tuple):
                shape.extend(n + item if axis.per_item else n for n in size)
            else:
                shape.append(size + item if axis.per_item else size)
        return tuple(shape)

    def cast(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.cast(item) for item in value]
        array = np.asarray(value)
        return array.astype(self.dtype) if array.dtype.kind == "f" else array


def _is_amount(term: Term) -> bool:
    """Say whether a term is a number from 0 to infinity, as large as one likes."""
    ends = term.interval.lower, term.interval.upper
    return ends == (0, inf) and type(sampling.sampler_of(term)) is sampling.Sampler


def _copy(value: Any) -> Any:
    return [item.copy() for item in value] if isinstance(value, list) else value.copy()
