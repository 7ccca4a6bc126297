"""Inputs to check a loss on, made from its contract: typical, edges, extremes, parameters, reductions, real data."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance import data
from lossspec.contract import LENGTH_REDUCTIONS, Argument, Contract
from lossspec.reduction import Mean
from lossspec.terms import Shape, Term, draw_exp, draw_log

SIZES = {"batch": 6, "classes": 4, "dim": 3, "time": 4, "labels": 2, "channels": 2, "layers": 2, "space": (3, 2)}
LAYERS = 2

Values = dict[str, Any]
"""NumPy arrays by argument name; lists of them where the argument is a list."""


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


def make_cases(contract: Contract, dtype: type[np.floating[Any]]) -> list[Case]:
    """All cases of a loss in a precision; the same ones on every run."""
    maker = _Maker(contract, dtype)
    generated, parameters, sizes = list(maker.generated()), list(maker.of_parameters()), list(maker.of_sizes())
    hard = list(maker.of_hard_parameters())
    real, reductions = list(maker.real()), list(maker.of_reductions(generated[0]))
    curved = [case for case in generated if not case.name.startswith("more")] + real[:1]
    curved += [case for case in parameters if not case.name.endswith("0-d array")]
    curved += [case for case in sizes if case.axis != -1]
    names = {case.name for case in curved} | {"sum, weights and mask"}
    entries = maker.of_entries(generated[0])
    cases = [*generated, *parameters, *hard, *sizes, *real, *reductions, *entries]
    return [replace(case, hessian=case.name in names) for case in cases]


def hessian_inputs(contract: Contract, inputs: Values) -> tuple[tuple[str, ...], str]:
    """The inputs of which a unit has entries of its own on at most one axis; why there are none."""
    if contract.form != "pointwise":
        return (), f"not run: the loss is {contract.form}"
    if "sum" not in contract.reductions:
        return (), "not run: the loss has no reduction 'sum'"
    names, why = [], "not run: no input is real"
    units = set(contract.result.names)
    rank = len(unit_shape(contract, inputs))
    for argument in contract.inputs:
        value = inputs[argument.name]
        if argument.many:
            why = f"not run: `{argument.name}` is a list of arrays"
        elif value.dtype.kind == "f":
            term = contract.term_of(argument, "real floating", value.ndim)
            if term.shape is None or not units <= set(term.shape.names):
                why = f"not run: `{argument.name}` is the same for all units"
            elif value.ndim - rank > 1:
                why = f"not run: a unit has {value.ndim - rank} axes of `{argument.name}`"
            else:
                names.append(argument.name)
    return tuple(names), "" if names else why


class _Maker:
    def __init__(self, contract: Contract, dtype: type[np.floating[Any]]) -> None:
        self.contract = contract
        self.dtype = dtype
        self.random = self.generator()
        self.sizes: dict[str, Any] = {**SIZES, **contract.sizes}
        self.parameters = {a.name: contract.sizes.get(a.name, a.default) for a in contract.parameters}

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
            if len(kinds) > 1 and any(term.name == "Logits" for term in kinds.values()):
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
                last = self.sizes["classes"] - 1
                yield self.case(f"{name}={last}", kinds, parameters={name: last})
            for term in argument.terms:
                if argument.varies == term:
                    continue  # in `of_hard_parameters`
                if term.shape is not None:
                    shape = self.shape(term.shape)
                    value = self.cast(term.draw(self.random, shape, self.sizes))
                    yield self.case(f"{name} as an array", kinds, parameters={name: value})
                elif "integral" in term.kinds:
                    yield self.case(f"{name}=3", kinds, parameters={name: 3})
                else:
                    value = float(self.dtype(term.draw(self.random, (), self.sizes)))
                    yield self.case(f"{name}={value:.3g}", kinds, parameters={name: value})
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
                    typical = term.draw(self.generator(name), (2,), self.sizes)
                    values = self.cast(np.resize(np.asarray([*far, *typical]), self.shape(term.shape)))
                    yield self.hard(f"{name} {entries}, hard", {name: values})

    def far_values(self, term: Term) -> list[Any]:
        """The closed ends of the domain of a number, and numbers far out in it."""
        interval = term.interval
        ends = [end for end in (interval.lower, interval.upper) if end in interval]
        if "integral" in term.kinds:
            return [int(end) for end in ends]
        far = (float(self.dtype(size)) for size in term.extremes or (1e-3, 1e3))
        return list(dict.fromkeys([*ends, *(size for size in far if size in interval)]))

    def hard(self, name: str, parameters: Values) -> Case:
        """Edges; where there are logits, in every second unit logits that are nearly sure."""
        saved, self.random = self.random, self.generator(name)
        kinds = self.first_kinds()
        case = self.case(name, kinds, edges=True, parameters=parameters)
        if len(kinds) > 1 and any(term.name == "Logits" for term in kinds.values()):
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
        """A batch of one, an empty batch, a single class, several batch axes, the class axis in front."""
        kinds = self.first_kinds()
        units = self.contract.result.axes
        if units:
            yield self.case("batch of one", kinds, sizes={units[0].name: 1})
            yield self.case("empty batch", kinds, sizes={units[0].name: 0}, parameters={})
            if units[0].variadic:
                yield self.case("two batch axes", kinds, sizes={units[0].name: (2, 3)})
                yield self.case("no batch axis", kinds, sizes={units[0].name: ()})
        if self.contract.class_axis:
            if not any(term.relation for term in kinds.values()):  # a class that is excluded needs another one
                yield self.case("one class", kinds, sizes={"classes": 1})
            if units[0].variadic:
                case = self.case("class axis 1 of 3", kinds, sizes={units[0].name: (2, 3)})
                yield replace(case, axis=1)

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
            by_class = self.cast(self.random.uniform(0.5, 3.0, self.sizes["classes"]))
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
            yield case.with_options(str(how), reduction=how)
            for name, options in keywords.items():
                yield case.with_options(f"{how}, {name}", reduction=how, **options)

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
            draw = term.edges if edges else term.draw
            if argument.many:
                shapes = [self.shape(term.shape, item) for item in range(LAYERS)]
                inputs[argument.name] = [self.cast(draw(self.random, shape, facts)) for shape in shapes]
            else:
                inputs[argument.name] = self.cast(draw(self.random, self.shape(term.shape), facts))
        self.sizes = saved
        return Case(name, inputs, known, once=bool(sizes))

    def confident(self, kinds: Mapping[str, Term], label: str) -> Case:
        """Logits that are nearly sure, mostly of the right answer where there is one: where losses are small."""
        case = self.case(f"confident{label}", kinds)
        answers = [key for key, term in kinds.items() if term.name != "Logits"]
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
        place = names.index("classes") - len(names) * (names[-1] == "classes") if "classes" in names else -1
        labels = [case.inputs[key] for key in answers if kinds[key].name == "Label"]
        labels = [x for x in labels if x.shape == tuple(np.delete(shape, place))]
        first = next(case.inputs[key] for key in kinds if key not in answers)
        if labels:
            right = np.moveaxis(np.eye(shape[place])[labels[0]], -1, place)
        elif len(answers) == 1 and case.inputs[answers[0]].shape == shape:
            truth = case.inputs[answers[0]]
            cheap = kinds[answers[0]].name == "Cost"
            right = truth == truth.min(axis=-1, keepdims=True) if cheap else truth > 0.5
        elif names[-1:] == ("classes",) and first.shape == shape:
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


def unit_shape(contract: Contract, inputs: Values) -> tuple[int, ...]:
    """The shape of the unreduced loss of these inputs, which have their class axis last."""
    axes: Any = {}
    for argument in contract.inputs:
        value = inputs[argument.name]
        if argument.many:
            value = value[0]
        kind = "integral" if value.dtype.kind == "i" else "real floating"
        term = contract.term_of(argument, kind, value.ndim)
        assert term.shape is not None
        contract.fits(argument.name, term.shape, value.shape, axes)
    shape: list[int] = []
    for axis in contract.result.axes:
        size = axes[axis.name][0]
        shape.extend(size if isinstance(size, tuple) else (size,))
    return tuple(shape)


def axis_names(declared: Shape, rank: int) -> tuple[str, ...]:
    """A name for each axis of an array of some rank; those of `*space` are `*space 0`, `*space 1`, ..."""
    names: list[str] = []
    for axis in declared.axes:
        count = rank - len(declared.axes) + 1
        names += [f"{axis} {i}" for i in range(count)] if axis.variadic else [axis.name]
    return tuple(names)


def axes_of(contract: Contract, name: str, value: NDArray[Any]) -> dict[str, int]:
    """The sizes of the axes of an input by their names, in order."""
    (argument,) = [argument for argument in contract.inputs if argument.name == name]
    declared = contract.term_of(argument, "integral" if value.dtype.kind == "i" else "real floating", value.ndim).shape
    assert declared is not None
    return dict(zip(axis_names(declared, value.ndim), value.shape, strict=True))


def entry_axes(contract: Contract, inputs: Values, declared: Shape) -> dict[str, int]:
    """The sizes of the axes of a mask of the entries of these inputs by their names, in order."""
    first = contract.inputs[0].name
    sizes = axes_of(contract, first, inputs[first])
    rank = len(declared.axes) + sum(name[0] == "*" for name in sizes) - any(axis.variadic for axis in declared.axes)
    return {name: sizes[name] for name in axis_names(declared, rank)}


def spoil(contract: Contract, inputs: Values, declared: Shape, kept: NDArray[Any], bad: float) -> Values:
    """The inputs with something bad in the entries that do not count, 99 among integers."""
    masked = entry_axes(contract, inputs, declared).keys()
    found = dict(inputs)
    for name, value in inputs.items():
        axes = axes_of(contract, name, value)
        if masked <= axes.keys():
            flags = kept[tuple(slice(None) if axis in masked else None for axis in axes)]
            found[name] = np.where(flags, value, value.dtype.type(bad if value.dtype.kind == "f" else 99))
    return found


def shared_inputs(contract: Contract) -> frozenset[str]:
    """The inputs that all units see alike, as the rows of classes: their derivatives add up over the units."""
    units = set(contract.result.names)
    return frozenset(
        argument.name
        for argument in contract.inputs
        if any(term.shape is None or not units <= set(term.shape.names) for term in argument.terms)
    )


def _copy(value: Any) -> Any:
    return [item.copy() for item in value] if isinstance(value, list) else value.copy()


# Real data, by what the inputs of a contract mean: a new loss on the same terms gets it without being named here.


def real_inputs(contract: Contract) -> Iterator[tuple[str, Values]]:
    """The names of the data sets that fit, with the inputs they give."""
    key = tuple(_key(argument) for argument in contract.inputs)
    for name, arrays in _REAL.get(key, lambda: ())():
        yield name, dict(zip((argument.name for argument in contract.inputs), arrays, strict=True))


def _key(argument: Argument) -> str:
    term = argument.terms[0]
    words = f"{term.name}{term.shape}"
    return f"list of {words}" if argument.many else words


def _scores() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits", (digits["logits"][:20], digits["labels"][:20])


def _costly() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Digits, where it costs |a - b| to read a digit b as a."""
    for name, (logits, labels) in _scores():
        yield f"{name}, costs by distance", (logits[:8], labels[:8], np.abs(np.arange(10.0) - labels[:8, None]))


def _costly_without_labels() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, _, costs) in _costly():
        yield name, (logits, costs)


def _classified() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield from _scores()
    yield from _likelihoods()


def _likelihoods() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield "text, next characters", (text["log_probabilities"][:10], text["tokens"][:10])


def _predicted() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_probabilities, tokens) in _likelihoods():
        yield name, (draw_exp(log_probabilities), tokens)


def _activations() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "hidden activations of digits", (data.load("digits")["embeddings"][:3],)


def _binary_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    one_of_ten = np.eye(10)[digits["labels"][:6]]
    yield "digits, one against the rest", (digits["logits"][:6].ravel(), one_of_ten.ravel())


def _diabetes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    diabetes = data.load("diabetes")
    yield "diabetes", (diabetes["predictions"][:40], diabetes["targets"][:40])


def _intensities() -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixels of a photograph, blurred, and as they are: means and amounts."""
    photographs = data.load("photographs")
    blurred, clean = (photographs[name][0, 0, 4:9, 4:9].ravel() for name in ("blur", "clean"))
    return blurred, clean


def _amounts() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "photograph, blur", _intensities()


def _log_amounts() -> Iterator[tuple[str, tuple[Any, ...]]]:
    blurred, clean = _intensities()
    yield "photograph, blur", (draw_log(255 * blurred), np.round(255 * clean))  # levels of grey, which are counts


def _photograph() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "photograph", (data.load("photographs")["noise"][:1, :1, 4:9, 4:9],)


def _next_characters() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield (
        "text, trigrams against bigrams",
        (text["log_probabilities"][:8], draw_exp(text["reference_log_probabilities"][:8])),
    )


def _language_models() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    yield "text, trigrams against bigrams", (text["log_probabilities"][:3], text["reference_log_probabilities"][:3])


def _sampled_tokens() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    steps = np.arange(30)
    likely = [text[name][steps, text["tokens"][:30]] for name in ("log_probabilities", "reference_log_probabilities")]
    yield "text, trigrams against bigrams", tuple(likely)


def _embeddings(count: int) -> tuple[NDArray[Any], ...]:
    """Digits of one class beside their neighbours in the class, and beside digits of other classes."""
    digits = data.load("digits")
    order = np.argsort(digits["labels"], kind="stable")
    rows = digits["embeddings"][order]
    return tuple(rows[start : start + 8] for start in (0, 8, 100)[:count])


def _pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", _embeddings(2)


def _triplets() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", _embeddings(3)


def _signed_pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    near, beside, far = _embeddings(3)
    first, second = np.concatenate([near[:4], near[4:]]), np.concatenate([beside[:4], far[4:]])
    yield "digits", (first, second, np.asarray([1] * 4 + [-1] * 4))


def _signed_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _binary_digits():
        yield name, (logits, 2 * one_of_ten.astype(np.int64) - 1)


def _multilabel_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits, one against the rest", (digits["logits"][:6], np.eye(10)[digits["labels"][:6]])


def _indicated_digits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _multilabel_digits():
        yield name, (logits, one_of_ten.astype(np.int64))


def _ranked_classes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _indicated_digits():
        yield f"{name}, as lists", (logits[:3], one_of_ten[:3])


def _weighed_classes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (logits, one_of_ten) in _ranked_classes():
        yield name, (logits, one_of_ten.astype(np.float64))


def _ranked_pairs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    diabetes = data.load("diabetes")
    predictions, targets = diabetes["predictions"], diabetes["targets"]
    order = np.where(targets[:20] > targets[20:40], 1, -1)
    yield "diabetes, pairs in the order of their targets", (predictions[:20], predictions[20:40], order)


def _grouped() -> Iterator[tuple[str, tuple[Any, ...]]]:
    digits = data.load("digits")
    yield "digits", (digits["embeddings"][:6], digits["labels"][:6])


def _prototypes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Digits, and the means of their classes over all of them."""
    digits = data.load("digits")
    rows, labels = digits["embeddings"], digits["labels"]
    yield "digits", (rows[:4], np.stack([rows[labels == c].mean(axis=0) for c in range(10)]), labels[:4])


def _boxes() -> Iterator[tuple[str, tuple[Any, ...]]]:
    boxes = data.load("boxes")
    yield "coins", (boxes["predictions"], boxes["targets"])


def _photographs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    for name in ("blur", "jpeg"):
        crops = slice(0, 1), slice(0, 1), slice(2, 9), slice(2, 9)
        yield f"photograph, {name}", (photographs[name][crops], photographs["clean"][crops])


def _photograph_pair() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    yield "photograph, jpeg", tuple(photographs[name][:1, :1, 4:10, 4:10] for name in ("jpeg", "clean"))


def _masks() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")
    yield "photographs", (photographs["mask_probabilities"][..., ::2, ::2], photographs["masks"][..., ::2, ::2])


def _segmented() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The log-odds of the pixels of a part of each photograph, and whether they are in its mask."""
    for name, (probabilities, masks) in _masks():
        crops = slice(None), 0, slice(2, 6), slice(3, 7)
        chances = probabilities[crops].astype(np.float64)
        yield name, (draw_log(chances) - draw_log(1 - chances), masks[crops].astype(np.int64))


def _segmented_channels() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_odds, masks) in _segmented():
        yield name, (log_odds[:, None], masks[:, None].astype(np.float64))


def _segmented_in_two() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, (log_odds, masks) in _segmented():
        yield f"{name}, background and foreground", (np.stack([-log_odds / 2, log_odds / 2], axis=1), masks)


def _feature_maps() -> Iterator[tuple[str, tuple[Any, ...]]]:
    photographs = data.load("photographs")

    def pyramid(name: str) -> list[NDArray[Any]]:
        images = photographs[name][:2, :, ::4, ::4]
        return [images, np.abs(np.diff(images, axis=-1))]

    yield "photographs and their edges", (pyramid("blur"), pyramid("clean"))


def _answers() -> list[NDArray[Any]]:
    """Log-probabilities of the tokens of 8 answers: forwards and backwards under the policy, then the reference."""
    text = data.load("text")
    steps = np.arange(len(text["tokens"]))
    orders = text["tokens"], text["tokens"][::-1]
    models = text["log_probabilities"], text["reference_log_probabilities"]
    return [model[steps, tokens].reshape(8, -1) for model in models for tokens in orders]


def _preferences() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "text, forwards against backwards", tuple(tokens.sum(axis=1) for tokens in _answers())


def _two_log_probabilities() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield from _sampled_tokens()
    yield "text, forwards against backwards", tuple(tokens.mean(axis=1) for tokens in _answers()[:2])


def _logits() -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield "digits", (data.load("digits")["logits"][:12],)


def _transcription() -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = data.load("text")
    frames, tokens = text["log_probabilities"][:12].reshape(3, 4, -1), text["tokens"][:12].reshape(3, 4)
    blank_first = np.concatenate([draw_log(np.full((3, 4, 1), 0.2)), draw_log(0.8) + frames], axis=-1)
    yield "text", (blank_first, tokens[:, ::2] + 1, np.asarray([4, 4, 3]), np.asarray([2, 1, 2]))


_REAL: dict[tuple[str, ...], Callable[[], Any]] = {
    ("Logits[*batch classes]", "Label[*batch]"): _classified,
    ("Real[*batch classes]", "Label[*batch]"): _scores,
    ("Logits[*batch classes]", "Label[*batch]", "Cost[*batch classes]"): _costly,
    ("Logits[*batch classes]", "Cost[*batch classes]"): _costly_without_labels,
    ("LogDistribution[*batch classes]", "Label[*batch]"): _likelihoods,
    ("Distribution[*batch classes]", "Label[*batch]"): _predicted,
    ("Logits[*batch]", "Probability[*batch]"): _binary_digits,
    ("Logits[*batch]", "Sign[*batch]"): _signed_digits,
    ("Logits[*batch classes]", "Probability[*batch classes]"): _multilabel_digits,
    ("Logits[*batch classes]", "Indicator[*batch classes]"): _indicated_digits,
    ("Logits[*batch items]", "Relevance[*batch items]"): _ranked_classes,
    ("Logits[*batch items]", "NonNegative[*batch items]"): _weighed_classes,
    ("Real[*batch]", "Real[*batch]"): _diabetes,
    ("Real[*batch]", "Real[*batch]", "Sign[*batch]"): _ranked_pairs,
    ("AboveMinusOne[*batch]", "AboveMinusOne[*batch]"): _amounts,
    ("PositiveAmount[*batch]", "Amount[*batch]"): _amounts,
    ("LogMean[*batch]", "PositiveAmount[*batch]"): _log_amounts,
    ("LogMean[*batch]", "Amount[*batch]"): _log_amounts,
    ("Rate[*batch]", "Amount[*batch]"): _log_amounts,
    ("LogDistribution[*batch classes]", "Distribution[*batch classes]"): _next_characters,
    ("LogDistribution[*batch classes]",) * 2: _language_models,
    ("Logits[*batch classes]",) * 2: _language_models,
    ("LogProbability[*batch]",) * 2: _two_log_probabilities,
    ("LogDensity[*batch]",) * 2: _two_log_probabilities,
    ("Embedding[batch dim]", "Embedding[batch dim]"): _pairs,
    ("Embedding[*batch dim]",) * 3: _triplets,
    ("Embedding[*batch dim]", "Embedding[*batch dim]", "Sign[*batch]"): _signed_pairs,
    ("Embedding[batch dim]", "Group[batch]"): _grouped,
    ("Embedding[batch dim]", "Embedding[classes dim]", "Label[batch]"): _prototypes,
    ("Real[*shape]",): _activations,
    ("Real[*groups dim]",): _activations,
    ("Real[batch channels height width]",): _photograph,
    ("Box[*batch 4]", "Box[*batch 4]"): _boxes,
    ("Image[batch channels height width]",) * 2: _photographs,
    ("Real[batch channels height width]",) * 2: _photograph_pair,
    ("Probability[batch channels *space]",) * 2: _masks,
    ("Logits[batch *space]", "Indicator[batch *space]"): _segmented,
    ("Logits[batch channels *space]", "Probability[batch channels *space]"): _segmented_channels,
    ("Logits[batch classes *space]", "Label[batch *space]"): _segmented_in_two,
    ("list of Real[batch ?channels *?space]",) * 2: _feature_maps,
    ("LogProbability[*batch]",) * 4: _preferences,
    ("Logits[*batch classes]",): _logits,
    (
        "LogDistribution[batch time classes]",
        "Label[batch labels]",
        "Length[batch]",
        "Length[batch]",
    ): _transcription,
}
