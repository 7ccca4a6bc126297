"""The laws that follow from a contract alone and hold for every loss; no oracle is needed to see one broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossspec.conformance.bench import EAGER_DTYPE, Bench
from lossspec.conformance.cases import Case, Values, unit_shape
from lossspec.errors import MergeError
from lossspec.reduction import Mean

Law = Callable[["Trial"], str | None]
"""None where the law holds, a reason starting with "not run" where it does not apply, else what is wrong."""

LAWS: dict[str, Law] = {}


def law(name: str) -> Callable[[Law], Law]:
    """Register a law under the name that reports print."""

    def register(function: Law) -> Law:
        LAWS[name] = function
        return function

    return register


def spared(bench: Bench, name: str) -> str:
    """Why a law is not tried, or nothing: one dtype stands for both where a framework compiles programs for it.

    Those programs differ in nothing but the dtype. Where every operation is compiled for every shape, that holds for
    all laws but the one about dtypes.
    """
    if bench.thorough or bench.dtype is EAGER_DTYPE:
        return ""
    dear = name != "dtype in, dtype out" if bench.backend.compiles_by_shape else name == "compiled is eager"
    return "not run: float32 stands for it; --thorough tries it" if dear and bench.backend.compiles else ""


class Trial:
    """What a law works with: the bench, a typical case, and how much two right results may differ."""

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
            drawn = (term.edges if edges else term.draw)(self.random, x.shape, self.case.parameters)
            return drawn.astype(self.bench.dtype)

        value = self.case.inputs[name]
        return [like(item) for item in value] if isinstance(value, list) else like(value)

    def varied(self) -> Values:
        """The parameters that may vary, each with an entry for every unit."""
        varying = {argument.name: argument.varies for argument in self.bench.contract.parameters}
        return {
            name: term.draw(self.random, self.shape, self.case.parameters).astype(self.bench.dtype)
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
        """What is wrong where two results are not the same number."""
        room = self.slack if slack is None else slack
        a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
        if a.shape != b.shape:
            return f"shapes {a.shape} and {b.shape}"
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            close = np.abs(a - b) <= room * max(1.0, float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))))
        return None if bool(np.all(same | close)) else f"{a.ravel()[:4]} is not {b.ravel()[:4]}"


def has_units(bench: Bench, name: str) -> bool:
    """Whether an input holds something for each unit."""
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
    if bench.backend.compiles_by_shape and not bench.thorough:
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
                pairs = zip(a, b, strict=True) if isinstance(a, list) else [(a, b)]
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
            for name, gradient in gradients.items():
                pairs = (
                    zip(others[name], gradient, strict=True)
                    if isinstance(gradient, list)
                    else [(others[name], gradient)]
                )
                yield _firsts(trial.differ(p, q, 0.0) for p, q in pairs)

    return _firsts(problems())


@law("padding may hold anything")
def padding(trial: Trial) -> str | None:
    """What lies beyond a length reaches neither value nor gradient."""
    bench = trial.bench
    lengths = [(a.name, t.measures) for a in bench.contract.inputs for t in a.terms if t.name == "Length"]
    if not lengths:
        return "not run: no lengths"
    dirty = dict(trial.case.inputs)
    for name, measured in lengths:
        for argument in bench.contract.inputs:
            names = argument.terms[0].shape.names if argument.terms[0].shape is not None else ()
            if measured in names:
                value = dirty[argument.name]
                steps = np.arange(value.shape[names.index(measured)])
                padded = steps >= trial.case.inputs[name][:, None]
                padded = padded.reshape(padded.shape + (1,) * (value.ndim - 2))
                dirty[argument.name] = np.where(padded, np.nan if value.dtype.kind == "f" else 99, value).astype(
                    value.dtype
                )
    cases = [replace(trial.case, inputs=inputs, options={"reduction": "none"}) for inputs in (trial.case.inputs, dirty)]
    return trial.differ(bench.value(cases[1]), bench.value(cases[0]), 0.0)


@law("weight 2 is the unit twice")
def duplicate(trial: Trial) -> str | None:
    """An example of weight 2 counts as the example given twice, one of weight 0 as not given."""
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
    reductions = [name for name in ("sum", "mean") if name in bench.contract.reductions]
    return _firsts(
        trial.differ(
            bench.value(replace(trial.case, inputs=twice, options={"reduction": reduction})),
            trial.value(reduction=reduction, sample_weight=weight),
        )
        for reduction in reductions
    )


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
    """Where a loss is declared convex, no unit is above the chord in the middle of a segment.

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


@law("same value with gradient")
def value_path(trial: Trial) -> str | None:
    """The value that comes with a gradient is the value."""
    value, _ = trial.bench.value_and_grad(trial.case)
    return trial.differ(value, trial.value())


@law("compiled is eager")
def compiled(trial: Trial) -> str | None:
    """Under jit the loss is the same."""
    bench = trial.bench
    if not bench.backend.compiles:
        return f"not run: {bench.backend.name} has no compiler"
    inputs, keywords = bench.arguments(trial.case)
    weight, mask = bench.put(trial.weight), bench.put(trial.mask)

    def call(given: Values, weight: Any, mask: Any) -> Any:
        return bench.loss(**given, **keywords, sample_weight=weight, where=mask)

    got = bench.fetch(bench.backend.compile(call, quick=True)(inputs, weight, mask))
    return trial.differ(got, bench.fetch(call(inputs, weight, mask)))


@law("vmap is a loop")
def mapped(trial: Trial) -> str | None:
    """Mapped over a leading axis the loss is the stack of single calls."""
    bench = trial.bench
    inputs, keywords = bench.arguments(trial.case)
    function = bench.backend.vmap(lambda given: bench.loss(**given, **keywords))
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


@law("dtype in, dtype out")
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
