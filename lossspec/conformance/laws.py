"""The laws that follow from a contract alone and hold for every loss; no oracle is needed to see one broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossspec.conformance import sampling
from lossspec.conformance.axes import Values, axes_of, entry_axes, shared_inputs, spoil, unit_shape
from lossspec.conformance.bench import EAGER_DTYPE, Bench, is_real
from lossspec.conformance.cases import Case
from lossspec.errors import MergeError
from lossspec.reduction import Mean
from lossspec.terms import CLASSES

Law = Callable[["Trial"], str | None]
"""None where the law holds, a reason starting with "not run" where it does not apply, else what is wrong."""

LAWS: dict[str, Law] = {}
ONE_GRAPH, DTYPES_STAY = "one graph for many sizes", "dtype in, dtype out"
COMPILING = ("compiled is eager", ONE_GRAPH)
"""Laws for which a framework with a compiler compiles."""
OF_THE_PROGRAM = (
    DTYPES_STAY,
    "same value with gradient",
    "perfect prediction",
    "shifts change nothing",
    "NaN in is NaN out",
)
"""Laws that need few programs beside the one that judges all cases of a loss."""


def law(name: str) -> Callable[[Law], Law]:
    """Register a law under the name that reports print."""

    def register(function: Law) -> Law:
        LAWS[name] = function
        return function

    return register


def spared(bench: Bench, name: str) -> str:
    """The reason not to try a law, or nothing: what costs seconds and shows nothing new is tried once.

    One dtype stands for both if a framework compiles programs for it, for those differ in nothing but the dtype, and if
    arrays are those of another backend under stricter rules, which ask for dtypes by their kind. Where every operation
    is compiled for every shape, only laws whose calls are those of the program of plain cases are tried for each loss.
    What follows the body of a loss is the same for all: there one loss stands for its family.
    """
    if bench.thorough:
        return ""
    compiles = bench.probe.compiles_by_shape
    of_family = name == ONE_GRAPH or (compiles and name not in OF_THE_PROGRAM)
    if of_family and not bench.stands_for_family:
        return f"not run: {bench.first_of_family} stands for its family; --thorough tries it"
    if bench.quick and (name in COMPILING or compiles or not bench.stands_for_family):
        return "not run: --full tries it"
    if bench.dtype is EAGER_DTYPE:
        return ""
    dear = name != DTYPES_STAY if compiles or bench.probe.wraps else name in COMPILING
    return "not run: float32 stands for it; --thorough tries it" if dear else ""


class Trial:
    """The means of a law: the bench, a typical case, and the difference that two right results may have."""

    def __init__(self, bench: Bench, typical: Case, scale: float) -> None:
        self.bench = bench
        self.case = typical
        contract = bench.contract
        self.shape = unit_shape(contract, typical.inputs)
        self.slack = 4 * bench.accuracy.value * float(np.finfo(bench.dtype).eps) * max(scale, 1e-30)
        self.random = np.random.default_rng(7)
        self.weight = self.random.uniform(0.5, 2.0, self.shape).astype(bench.dtype)
        self.mask = self.random.random(self.shape) < 0.7
        self.mask.flat[0] = True
        self.mask.flat[-1] = False
        self.gradient_slack = 64 * bench.accuracy.gradient * float(np.finfo(bench.dtype).eps)

    def value(self, **options: Any) -> Any:
        """The loss of the case under some keywords."""
        return self.bench.value(replace(self.case, options=options))

    def draw(self, name: str, edges: bool) -> Any:
        """Other members of the domain of an input of real numbers, in its shape."""
        (argument,) = [argument for argument in self.bench.contract.inputs if argument.name == name]

        def like(x: Any) -> Any:
            term = self.bench.contract.term_of(argument, "real floating", x.ndim)
            drawn = (sampling.edges if edges else sampling.typical)(term, self.random, x.shape, self.case.parameters)
            return drawn.astype(self.bench.dtype)

        value = self.case.inputs[name]
        return [like(item) for item in value] if isinstance(value, list) else like(value)

    def measured(self, name: str) -> Iterator[tuple[str, int]]:
        """The inputs that measure an axis of an input, with the size of that axis."""
        (argument,) = [argument for argument in self.bench.contract.inputs if argument.name == name]
        axes = () if argument.terms[0].shape is None else argument.terms[0].shape.names
        for length in self.bench.contract.inputs:
            if length.terms[0].measures in axes:
                yield length.name, self.case.inputs[name].shape[axes.index(length.terms[0].measures)]

    def padded(self, name: str, x: Any) -> Any:
        """True where an entry of an input lies beyond one of the lengths."""
        beyond = np.zeros(x.shape, dtype=bool)
        for length, size in self.measured(name):
            flags = np.arange(size) >= self.case.inputs[length][:, None]
            beyond |= flags.reshape(flags.shape + (1,) * (x.ndim - 2))
        return beyond

    def spoiled(self, name: str, units: Any, bad: float, turn: int | None = None) -> Any:
        """An input with something bad all over these units, or in one valid entry of each: the next one in the next."""

        def spoil(x: Any) -> Any:
            chosen = np.broadcast_to(units.reshape(units.shape + (1,) * (x.ndim - units.ndim)), x.shape)
            chosen = chosen & ~self.padded(name, x)
            if turn is not None:
                rows = chosen.reshape(units.size, -1)
                order = np.cumsum(rows, axis=-1)
                own = (np.arange(units.size)[:, None] + turn) % np.maximum(order[:, -1:], 1) + 1
                chosen = (rows & (order == own)).reshape(x.shape)
            return np.where(chosen, x.dtype.type(bad), x)

        value = self.case.inputs[name]
        return [spoil(item) for item in value] if isinstance(value, list) else spoil(value)

    def varied(self) -> Values:
        """The parameters that may vary, each with an entry for every unit."""
        varying = {argument.name: argument.varies for argument in self.bench.contract.parameters}
        return {
            name: sampling.typical(term, self.random, self.shape, self.case.parameters).astype(self.bench.dtype)
            for name, term in varying.items()
            if term is not None
        }

    def take(self, values: Values, index: Any) -> Values:
        """The inputs, and parameters with an entry for each unit, of some entries of the leading axis of the units."""
        chosen = {}
        for argument in self.bench.contract.arguments:
            if argument.name not in values:
                continue
            value = values[argument.name]
            if argument.varies is not None or has_units(self.bench, argument.name):
                value = [item[index, ...] for item in value] if isinstance(value, list) else value[index, ...]
            chosen[argument.name] = value
        return chosen

    def differ(self, a: Any, b: Any, slack: float | None = None) -> str | None:
        """Say in words how two results differ, or return an empty string."""
        room = self.slack if slack is None else slack
        a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
        if a.shape != b.shape:
            return f"shapes {a.shape} and {b.shape}"
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            close = np.abs(a - b) <= room * max(1.0, float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))))
        return None if bool(np.all(same | close)) else f"{a.ravel()[:4]} is not {b.ravel()[:4]}"

    def gradients_differ(self, found: Values, wanted: Values) -> Iterator[str | None]:
        """Say for each input of which two gradients are not the same to the last bit what is wrong."""
        for name, gradient in wanted.items():
            pairs = zip(_listed(found[name]), _listed(gradient), strict=True)
            yield _firsts(self.differ(a, b, 0.0) for a, b in pairs)


def has_units(bench: Bench, name: str) -> bool:
    """Say whether an input has the axes of the units."""
    (argument,) = [argument for argument in bench.contract.inputs if argument.name == name]
    units = set(bench.contract.result.names)
    return all(term.shape is not None and units <= set(term.shape.names) for term in argument.terms)


def _firsts(problems: Iterator[str | None]) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


@law("merge")
def merge(trial: Trial) -> str | None:
    """Any split of the batch, in any order, merges to the whole: values and gradients."""
    bench, loss = trial.bench, trial.bench.loss
    varied = trial.varied()
    inputs, keywords = trial.case.inputs, {k: bench.put(v) for k, v in trial.case.parameters.items() if k not in varied}
    if not bench.contract.mergeable:
        try:
            loss.partial(**{name: bench.put(v) for name, v in inputs.items()}, **keywords)
        except MergeError:
            return None
        return "a coupled loss gave a partial"
    if not trial.shape:
        return "not run: the units have no axis"
    count = trial.shape[0]
    shards = [slice(count - 1, count), slice(0, 0), slice(0, count - 1)]  # uneven, one empty, out of order
    wrt = bench.real_among(inputs)

    def merged(reduction: Any, given: Values, weight: Any, mask: Any) -> Any:
        parts = []
        for shard in shards:
            weights = {"sample_weight": weight[shard, ...], "where": mask[shard, ...]}
            parts.append(loss.partial(**trial.take(given, shard), **keywords, **weights, reduction=reduction))
        return sum(parts[1:], parts[0]).value()

    def whole(reduction: Any, given: Values, weight: Any, mask: Any) -> Any:
        return loss(**given, **keywords, sample_weight=weight, where=mask, reduction=reduction)

    # Where each reduction is a program of its own the default one stands for them: what follows a sum is the same code.
    names = [name for name in bench.contract.reductions if name != "none"]
    if bench.probe.compiles_by_shape and not bench.thorough:
        names = [bench.contract.default_reduction]

    def both(given: Values, weight: Any, mask: Any) -> list[list[Any]]:
        """Values and gradients, merged and whole, under every reduction."""
        found = []
        for name in names:
            reduction: Any = Mean(over=5.0) if name == "over" else name
            calls = [lambda x, f=f, r=reduction: f(r, x, weight, mask) for f in (merged, whole)]
            found.append([bench.gradient_of(call, given, wrt) for call in calls])
        return found

    given = {name: bench.put(value) for name, value in {**inputs, **varied}.items()}

    def problems() -> Iterator[str | None]:
        for (value, gradients), (full, others) in bench.together(both)(
            given, bench.put(trial.weight), bench.put(trial.mask)
        ):
            for a, b in zip(gradients, others, strict=True):
                pairs = zip(_listed(a), _listed(b), strict=True)
                yield _firsts(trial.differ(bench.fetch(p), bench.fetch(q), trial.gradient_slack) for p, q in pairs)
            yield trial.differ(bench.fetch(value), bench.fetch(full))

    return _firsts(problems())


@law("masked entries may hold anything")
def poison(trial: Trial) -> str | None:
    """NaN or inf in a masked entry reaches neither value nor gradient."""
    bench = trial.bench
    clean, keep = trial.case.inputs, trial.mask

    def spoil(value: Any, bad: float) -> Any:
        if isinstance(value, list):
            return [spoil(item, bad) for item in value]
        flags = keep.reshape(keep.shape + (1,) * (value.ndim - keep.ndim))
        if value.dtype.kind == "f":
            return np.where(flags, value, value.dtype.type(bad))
        return np.where(flags, value, value.dtype.type(99))

    def problems() -> Iterator[str | None]:
        reduction = bench.contract.default_reduction
        for bad in (np.nan, np.inf, -np.inf):
            dirty = {name: spoil(value, bad) if has_units(bench, name) else value for name, value in clean.items()}
            cases = [
                replace(trial.case, inputs=inputs, options={"where": keep, "reduction": reduction})
                for inputs in (clean, dirty)
            ]
            (value, gradients), (other, others) = (bench.value_and_grad(case) for case in cases)
            yield trial.differ(other, value, 0.0)
            yield from trial.gradients_differ(others, gradients)

    return _firsts(problems())


@law("left-out entries do not count")
def left_out(trial: Trial) -> str | None:
    """Entries left out of a unit may hold anything and have gradient 0; the loss is that of a unit without them."""
    bench, contract, inputs = trial.bench, trial.bench.contract, trial.case.inputs
    if not contract.entries:
        return "not run: no part of a unit can be left out"
    declared = contract.entries[0]
    axes = entry_axes(contract, inputs, declared)
    kept = trial.random.random(tuple(axes.values())) < 0.7
    kept[..., -1] = False  # all of a slice, which can be cut off
    if contract.length is not None:  # what is left out of a short sequence may be padding already
        given = inputs[contract.length.name]
        inputs = {**inputs, contract.length.name: np.where(np.arange(len(given)) % 2, kept.shape[-1], given)}

    def under(given: Values, mask: Any) -> tuple[Any, dict[str, Any]]:
        options = {"where_entries": mask, "reduction": contract.default_reduction}
        return bench.value_and_grad(replace(trial.case, inputs=given, options=options))

    def cut(name: str, value: Any) -> Any:
        (argument,) = [argument for argument in contract.inputs if argument.name == name]
        if argument is contract.length:
            return np.minimum(value, kept.shape[-1] - 1)
        names, last = tuple(axes_of(contract, name, inputs[name])), tuple(axes)[-1]
        return np.take(value, range(kept.shape[-1] - 1), names.index(last)) if last in names else value

    def problems() -> Iterator[str | None]:
        value, gradients = under(inputs, kept)
        for bad in (np.nan, np.inf, -np.inf):
            other, others = under(spoil(contract, inputs, declared, kept, bad), kept)
            yield trial.differ(other, value, 0.0)
            yield from trial.gradients_differ(others, gradients)
        counted = spoil(contract, gradients, declared, kept, 0.0)
        if any(np.any(gradients[name] != gradient) for name, gradient in counted.items()):
            yield "an entry that is left out has a gradient"
        if bench.probe.compiles_by_shape and not bench.thorough:
            return  # to cut is to compile everything anew
        less, of_less = under({name: cut(name, x) for name, x in inputs.items()}, kept[..., :-1])
        yield trial.differ(value, less)
        for name, gradient in gradients.items():
            yield trial.differ(cut(name, gradient), of_less[name], trial.gradient_slack)

    return _firsts(problems())


@law("padding may hold anything")
def padding(trial: Trial) -> str | None:
    """Entries beyond a length reach neither value nor gradient."""
    bench = trial.bench
    if bench.contract.length is None:
        return "not run: no lengths"
    dirty = {
        name: np.where(trial.padded(name, x), np.nan if x.dtype.kind == "f" else 99, x).astype(x.dtype)
        for name, x in trial.case.inputs.items()
    }
    cases = [replace(trial.case, inputs=inputs, options={"reduction": "none"}) for inputs in (trial.case.inputs, dirty)]
    return trial.differ(bench.value(cases[1]), bench.value(cases[0]), 0.0)


@law("NaN in is NaN out")
def not_a_number(trial: Trial) -> str | None:
    """A NaN that a unit reads makes it NaN, and its gradient too; other units of a pointwise loss are as they were.

    All units but the last have a NaN in one entry, another one in each; then the first unit is NaN all over. Where
    units depend on each other the first alone is spoiled, by an input without units all that read it. An integer
    outside a strict domain spoils its unit in the same way.
    """
    bench, contract, inputs = trial.bench, trial.bench.contract, trial.case.inputs
    first, several = np.zeros(trial.shape, dtype=bool), np.ones(trial.shape, dtype=bool)
    first.flat[0] = True
    several.flat[-1] = first.size == 1
    some = several if contract.form == "pointwise" else first

    def problems() -> Iterator[str | None]:
        for argument in contract.inputs:
            name, value = argument.name, inputs[argument.name]
            if not is_real(value):
                if has_units(bench, name) and any(term.strict for term in argument.terms):
                    yield _silent(trial, name, trial.spoiled(name, first, 99, 0), first)
            elif not has_units(bench, name):
                spoiled = [np.full_like(x, np.nan) for x in value] if isinstance(value, list) else value * np.nan
                yield _silent(trial, name, spoiled, np.ones_like(first))
            else:
                turns = (
                    1 if bench.probe.compiles_by_shape else min(4, max(x.size for x in _listed(value)) // first.size)
                )
                for turn in range(0 if name in contract.unread else turns):
                    yield _silent(trial, name, trial.spoiled(name, some, np.nan, turn), some)
                yield _silent(trial, name, trial.spoiled(name, first, np.nan), first)

    return _firsts(problems())


def _silent(trial: Trial, name: str, spoiled: Any, units: Any) -> str | None:
    """Name the results that are not NaN although an input is NaN in these units, or in an entry that all of them read.

    In each unit it has a NaN derivative where it is spoiled, and so has the first input, which is what is trained.
    """
    bench, contract = trial.bench, trial.bench.contract
    inputs = {**trial.case.inputs, name: spoiled}
    if not has_units(bench, name):  # for all that read it: the longest sequences
        sizes = dict(pair for argument in contract.inputs for pair in trial.measured(argument.name))
        inputs |= {length: np.full_like(inputs[length], size) for length, size in sizes.items()}
    case = replace(trial.case, inputs=inputs)
    if "none" in contract.reductions and contract.form == "pointwise":
        each = bench.value(replace(case, options={"reduction": "none"}))
        wrong = trial.differ(each, np.where(units, np.nan, trial.value(reduction="none")))
        if has_units(bench, name) and wrong is not None:
            return f"`{name}` is spoiled: {wrong}"
    value, gradients = bench.value_and_grad(case)
    if not np.isnan(value):
        return f"`{name}` is spoiled: the value is {value}"
    trained = contract.inputs[0].name if has_units(bench, name) else name
    for other in {trained, name} & gradients.keys():
        lost = [np.isnan(x) for x in _listed(gradients[other])]
        if other == name:
            lost = [x & np.isnan(y) for x, y in zip(lost, _listed(spoiled), strict=True)]
        if not has_units(bench, other):
            if not any(np.any(x) for x in lost):
                return f"`{name}` is spoiled: the gradient of `{other}` has no NaN there"
            continue
        by_unit = np.any([np.any(x, axis=tuple(range(units.ndim, x.ndim))) for x in lost], axis=0)
        if np.any(units & ~by_unit) or (contract.form == "pointwise" and np.any(by_unit & ~units)):
            found = np.argwhere(by_unit).tolist()
            return f"`{name}` is spoiled: the gradient of `{other}` is NaN there in the units {found}"
    return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@law("weight 2 is the unit twice")
def duplicate(trial: Trial) -> str | None:
    """An example of weight 2 counts as the example given twice, one of weight 0 as not given, whatever it holds."""
    bench = trial.bench
    if bench.contract.form == "coupled":
        return "not run: another pair in the batch is another negative"
    if not trial.shape:
        return "not run: the units have no axis"
    count = trial.shape[0]
    if count < 2:
        return "not run: a single unit"
    # The last one of weight 0 goes out where the first one comes in again: another size would be compiled anew.
    weight = np.ones(trial.shape, dtype=bench.dtype)
    weight[0], weight[-1] = 2, 0
    twice = trial.take(trial.case.inputs, np.asarray([*range(count - 1), 0]))
    given, far, low = dict(trial.case.inputs), dict(trial.case.inputs), dict(trial.case.inputs)
    for number, name in enumerate(bench.real_among(given)):
        if has_units(bench, name):
            given[name] = _last_spoilt(given[name], (np.nan, np.inf)[number % 2])
            far[name] = _last_spoilt(far[name], 0.9 * float(np.finfo(bench.dtype).max))
            low[name] = _last_spoilt(low[name], -np.inf)
    shared = shared_inputs(bench.contract)

    def problems() -> Iterator[str | None]:
        for reduction in ("sum", "mean"):
            if reduction in bench.contract.reductions:
                same = replace(trial.case, inputs=twice, options={"reduction": reduction})
                weighted = replace(same, inputs=given, options={"reduction": reduction, "sample_weight": weight})
                yield trial.differ(bench.value(weighted), bench.value(same))
        for inputs in (given, far, low):
            with np.errstate(invalid="ignore", divide="ignore"):  # a loss far out may be inf - inf on the way
                _, gradients = bench.value_and_grad(
                    replace(trial.case, inputs=inputs, options={"sample_weight": weight})
                )
            for name, gradient in gradients.items():
                if has_units(bench, name) and any(np.any(x[-1, ...] != 0) for x in _listed(gradient)):
                    yield f"a unit of weight 0 has a gradient in {name}{' far out' * (inputs is far)}"
                if name in shared and any(np.any(np.isnan(x)) for x in _listed(gradient)):
                    yield f"a unit of weight 0 makes the gradient of {name} NaN"

    return _firsts(problems())


def _last_spoilt(x: Any, bad: float) -> Any:
    """An array, or a list of arrays, whose last entry of the leading axis holds something bad."""
    if isinstance(x, list):
        return [_last_spoilt(item, bad) for item in x]
    x = x.copy()
    x[-1, ...] = bad
    return x


@law("order does not matter")
def permutation(trial: Trial) -> str | None:
    """The order of the units changes nothing but the order of the unreduced losses."""
    bench = trial.bench
    if not trial.shape:
        return "not run: the units have no axis"
    order = trial.random.permutation(trial.shape[0])
    case = replace(trial.case, inputs=trial.take(trial.case.inputs, order))

    def problems() -> Iterator[str | None]:
        yield trial.differ(bench.value(case), trial.value())
        if "none" in bench.contract.reductions:
            mixed = bench.value(replace(case, options={"reduction": "none"}))
            yield trial.differ(mixed, trial.value(reduction="none")[order])

    return _firsts(problems())


@law("reductions agree")
def consistency(trial: Trial) -> str | None:
    """The reduced losses are the sums and means of the unreduced ones."""
    if "none" not in trial.bench.contract.reductions:
        return "not run: no loss per unit"
    options = {"sample_weight": trial.weight, "where": trial.mask}
    each = trial.value(reduction="none", **options).astype(np.float64)
    weights = np.where(trial.mask, trial.weight, 0.0).astype(np.float64)
    wanted = {
        "sum": each.sum(),
        "mean": each.sum() / weights.sum(),
        "count_mean": each.sum() / trial.mask.sum(),
        "batch_mean": each.sum() / trial.shape[0],
    }

    def problems() -> Iterator[str | None]:
        if np.any(each[~trial.mask] != 0.0):
            yield "a masked unit is not exactly 0"
        for reduction, value in wanted.items():
            yield trial.differ(trial.value(reduction=reduction, **options), value)

    return _firsts(problems())


@law("a soft label is a mixture")
def mixture(trial: Trial) -> str | None:
    """A distribution of labels is a unit of each class, weighed by its probability: values, means and gradients.

    So a class weight acts on its class in the distribution, and the mean divides by what the classes weigh; smoothing
    makes a distribution of any label.
    """
    bench, contract = trial.bench, trial.bench.contract
    if contract.label is None or contract.distribution is None:
        return "not run: no label is a distribution"
    if contract.why_nonlinear:
        return f"not run: {contract.why_nonlinear}"
    label, clean = contract.label.name, trial.case.inputs
    sizes = (axes_of(contract, name, value) for name, value in clean.items())
    classes = next(axes[CLASSES] for axes in sizes if CLASSES in axes)
    soft = sampling.typical(contract.distribution, trial.random, (*trial.shape, classes), {}).astype(bench.dtype)
    keywords = {name: bench.put(value) for name, value in trial.case.parameters.items()}
    keywords["class_weight"] = bench.put(trial.random.uniform(0.5, 2.0, classes).astype(bench.dtype))
    hard = [bench.put(np.full(trial.shape, c)) for c in range(classes)]
    wrt = tuple(name for name in bench.real_among(clean) if name != label)

    def whole(given: Values, **options: Any) -> Any:
        return bench.loss(**given, **{**keywords, **options}, reduction="mean")

    def mixed(given: Values, **options: Any) -> Any:
        parts = [
            bench.loss.partial(
                **{**given, label: y}, **{**keywords, **options}, reduction="mean", sample_weight=given[label][..., c]
            )
            for c, y in enumerate(hard)
        ]
        return sum(parts[1:], parts[0]).value()

    tried: list[tuple[Values, tuple[str, ...]]] = [({}, (*wrt, label))]
    if contract.smoothing:
        tried.append(({contract.smoothing: 0.25}, wrt))  # what smoothing makes of labels that do not sum to 1 is free

    def both(given: Values) -> list[list[Any]]:
        """Values and gradients, of the distributions and of the units, without and with smoothing."""
        return [[bench.gradient_of(partial(f, **o), given, names) for f in (whole, mixed)] for o, names in tried]

    def problems() -> Iterator[str | None]:
        for (value, gradients), (right, others) in bench.together(both)(
            {name: bench.put(soft if name == label else x) for name, x in clean.items()}
        ):
            yield trial.differ(bench.fetch(value), bench.fetch(right))
            for a, b in zip(gradients, others, strict=True):
                yield trial.differ(bench.fetch(a), bench.fetch(b), trial.gradient_slack)
        if contract.smoothing:
            known = {"class_weight": bench.fetch(keywords["class_weight"]), "reduction": "none"}
            smooth = 0.75 * np.eye(classes, dtype=bench.dtype)[clean[label]] + bench.dtype(0.25 / classes)
            by_hand = replace(trial.case, inputs={**clean, label: smooth}, options=known)
            yield trial.differ(trial.value(**known, **{contract.smoothing: 0.25}), bench.value(by_hand))

    return _firsts(problems())


@law("perfect prediction")
def perfect(trial: Trial) -> str | None:
    """At a perfect prediction the loss is 0, and nowhere below."""
    declared = trial.bench.contract.perfect
    if not declared:
        return "not run: none declared"
    inputs = {**trial.case.inputs, **{name: trial.case.inputs[source] for name, source in declared.items()}}
    best = trial.bench.value(replace(trial.case, inputs=inputs))
    if float(np.max(np.abs(best))) > trial.slack:
        return f"{best} instead of 0"
    return None if float(np.min(trial.value())) >= float(np.max(best)) else "a smaller loss elsewhere"


@law("convex")
def convex(trial: Trial) -> str | None:
    """In the inputs in which a loss is declared convex, no unit is above the chord in the middle of a segment.

    The segments join the typical inputs, others drawn from the domain and some of its edges; a rounding of any of them
    may count.
    """
    bench, names = trial.bench, trial.bench.contract.convex_in
    if not names:
        return "not run: not declared"

    def other(edges: bool) -> Values:
        return {**trial.case.inputs, **{name: trial.draw(name, edges) for name in names}}

    def at(inputs: Values) -> Any:
        return bench.value(replace(trial.case, inputs=inputs, options={"reduction": "none"})).astype(np.float64)

    def middle(a: Any, b: Any) -> Any:
        return [middle(p, q) for p, q in zip(a, b, strict=True)] if isinstance(a, list) else a / 2 + b / 2

    def size(inputs: Values) -> float:
        values = [inputs[name] for name in names]
        return max(
            float(np.max(np.abs(x))) for value in values for x in (value if isinstance(value, list) else [value])
        )

    ends = [trial.case.inputs, other(False), other(True)]
    losses = [at(inputs) for inputs in ends]
    unit = 16 * bench.accuracy.value * float(np.finfo(bench.dtype).eps)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        between = at({**ends[i], **{name: middle(ends[i][name], ends[j][name]) for name in names}})
        room = unit * (1 + max(size(ends[i]), size(ends[j]))) * (1 + np.maximum(np.abs(losses[i]), np.abs(losses[j])))
        above = ~(between <= losses[i] / 2 + losses[j] / 2 + room)
        if np.any(above):
            unlike = np.argwhere(above)[0]
            low, high, mid = (float(values[tuple(unlike)]) for values in (losses[i], losses[j], between))
            return f"unit {unlike.tolist()} is {mid:.6g} between {low:.6g} and {high:.6g}"
    return None


@law("shifts change nothing")
def shifts(trial: Trial) -> str | None:
    """A constant on a row of an input declared invariant changes value and gradient by their own eps only.

    The entries are whole units of the last place of what is added, so that the sums are exact; half of the rows are
    eight times as far apart.
    """
    bench, names = trial.bench, trial.bench.contract.invariant_in
    if not names:
        return "not run: not declared"
    axes = {name: row_axis(bench, name, trial.case.inputs[name]) for name in names}
    signs = {name: alternating(trial.case.inputs[name].shape, axis) for name, axis in axes.items()}
    units = {"reduction": "none"} if "none" in bench.contract.reductions else {}
    eps = float(np.finfo(bench.dtype).eps)

    def results(inputs: Values) -> Iterator[tuple[str, Any, Any]]:
        """The results to compare, by name, with the size of the roundings: that of the loss or the largest of a row."""
        case = replace(trial.case, inputs={name: cast(value) for name, value in inputs.items()})
        loss = bench.value(replace(case, options=units))
        yield "the loss", loss, np.abs(loss)
        _, gradients = bench.value_and_grad(case)
        for name, axis in axes.items():
            yield f"the gradient of {name}", gradients[name], np.max(np.abs(gradients[name]), axis=axis, keepdims=True)

    def cast(value: Any) -> Any:
        return value.astype(bench.dtype) if is_real(value) else value

    for offset in (1e3, 1e4):
        last_place = float(np.spacing(bench.dtype(1.5 * offset)))
        start = dict(trial.case.inputs)
        for name, sign in signs.items():
            start[name] = np.round(start[name] * np.where(sign > 0, 1, 8) / last_place) * last_place
        before = list(results(start))
        for name, sign in signs.items():
            after = results({**start, name: start[name] + offset * sign})
            for (what, right, size), (_, got, _) in zip(before, after, strict=True):
                with np.errstate(invalid="ignore"):
                    off = np.where(got == right, 0.0, np.abs(got - right))
                if not np.all(off <= 16 * eps * size):
                    worst = np.max(off / np.maximum(eps * size, np.finfo(bench.dtype).smallest_normal))
                    return f"{offset:g} added to rows of {name} changes {what} by {worst:.3g} eps of itself"
    return None


def row_axis(bench: Bench, name: str, value: Any) -> int:
    """The axis of an input along which its rows lie: that of the classes, or else the last one."""
    (argument,) = [argument for argument in bench.contract.inputs if argument.name == name]
    shape = bench.contract.term_of(argument, "real floating", value.ndim).shape
    names = () if shape is None else shape.names
    return names.index(CLASSES) if CLASSES in names[:-1] and names[-1] != CLASSES else -1


def alternating(shape: tuple[int, ...], axis: int) -> Any:
    """1 and -1 in turn for the rows along an axis, with size 1 on it."""
    rows = np.asarray(shape)
    rows[axis] = 1
    return np.where(np.arange(np.prod(rows)) % 2, -1.0, 1.0).reshape(rows)


@law("same value with gradient")
def value_path(trial: Trial) -> str | None:
    """The value that comes with a gradient is the value."""
    value, _ = trial.bench.value_and_grad(trial.case)
    return trial.differ(value, trial.value())


@law("compiled is eager")
def compiled(trial: Trial) -> str | None:
    """Under jit the loss is the same.

    Torch captures every loss as one graph. One of each family goes on through its autograd, which sees no more than the
    functions of the graph.
    """
    bench = trial.bench
    if not bench.probe.compiles:
        return f"not run: {bench.backend.name} has no compiler"
    inputs, keywords = bench.arguments(trial.case)
    masks = {"sample_weight": trial.weight, "where": trial.mask}
    for declared in bench.contract.entries[:1]:
        shape = tuple(entry_axes(bench.contract, trial.case.inputs, declared).values())
        masks["where_entries"] = trial.random.random(shape) < 0.7

    def call(given: Values, masks: Values) -> Any:
        return bench.loss(**given, **keywords, **masks)

    masks = {name: bench.put(mask) for name, mask in masks.items()}
    got = bench.fetch(bench.probe.compile_quickly(call, not bench.stands_for_family)(inputs, masks))
    return trial.differ(got, bench.fetch(call(inputs, masks)))


@law(ONE_GRAPH)
def one_graph(trial: Trial) -> str | None:
    """A compiled loss takes batches of any size by two graphs at most, also where it runs eagerly in between."""
    bench = trial.bench
    if not trial.shape:
        return "not run: the units have no axis"
    count = trial.shape[0]

    def sized(size: int) -> tuple[Values]:
        case = replace(trial.case, inputs=trial.take(trial.case.inputs, np.arange(size) % count))
        return (bench.arguments(case)[0],)

    keywords = bench.arguments(trial.case)[1]

    def call(given: Values) -> Any:
        return bench.loss(**given, **keywords)

    def calls() -> Iterator[tuple[Values]]:
        for size in (count, count + 1, count, count + 3, count + 4, count + 6):
            call(*sized(size + 10))
            yield sized(size)

    graphs = bench.probe.count_graphs(call, calls())
    if graphs is None:
        return f"not run: {bench.backend.name} compiles for every size, or not at all"
    return None if graphs <= 2 else f"{graphs} graphs for 5 sizes"


@law("mixed precision changes nothing")
def mixed_precision(trial: Trial) -> str | None:
    """A loss keeps the digits of its inputs in a region of mixed precision, in gradients too."""
    bench, regions = trial.bench, trial.bench.probe.mixed_precision()
    if not regions:
        return f"not run: {bench.backend.name} has no such region"
    value, gradients = bench.value_and_grad(trial.case)

    def problems() -> Iterator[str | None]:
        for region in regions:
            with region:
                again, others = bench.value_and_grad(trial.case)
            yield trial.differ(again, value, 0.0)
            yield None if again.dtype == value.dtype else f"the result has dtype {again.dtype}"
            yield from trial.gradients_differ(others, gradients)

    return _firsts(problems())


@law("vmap is a loop")
def mapped(trial: Trial) -> str | None:
    """Mapped over a leading axis the loss is the stack of single calls."""
    bench = trial.bench
    inputs, keywords = bench.arguments(trial.case)
    function = bench.probe.vmap(lambda given: bench.loss(**given, **keywords))
    if function is None:
        return f"not run: {bench.backend.name} has no vmap"
    order = np.arange(trial.shape[0])[::-1] if trial.shape else ...
    other = trial.take(trial.case.inputs, order) if trial.shape else trial.case.inputs

    def pair(a: Any, b: Any) -> Any:
        return [pair(p, q) for p, q in zip(a, b, strict=True)] if isinstance(a, list) else np.stack([a, b])

    both = {name: bench.put(pair(trial.case.inputs[name], other[name])) for name in trial.case.inputs}
    single = [bench.fetch(bench.loss(**inputs, **keywords))]
    single.append(bench.value(replace(trial.case, inputs=other)))
    return trial.differ(bench.fetch(bench.together(function)(both)), np.stack(single))


@law(DTYPES_STAY)
def dtypes(trial: Trial) -> str | None:
    """The result has the dtype, the framework and the device of the inputs."""
    bench = trial.bench
    inputs, _ = bench.arguments(trial.case)
    result = bench.result(trial.case)
    if not bench.backend.recognises(result):
        return f"the result is a {type(result).__name__}"
    first = next(iter(inputs.values()))
    first = first[0] if isinstance(first, list) else first
    if str(result.dtype).rpartition(".")[2] != np.dtype(bench.dtype).name:
        return f"the result has dtype {result.dtype}"
    if bench.backend.device_of(result) != bench.backend.device_of(first):
        return f"the result is on {bench.backend.device_of(result)}"
    return None
