"""One call in words: what is bound, converted, selected and divided by, for `Loss.explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossspec import pipeline
from lossspec.contract import LENGTH_REDUCTIONS, Contract
from lossspec.dispatch import is_array, name_of
from lossspec.pipeline import Call
from lossspec.terms import Array


@dataclass(frozen=True, repr=False)
class Explanation:
    """The steps of a call in words, and those of its parts; `str()` is what one prints."""

    title: str
    steps: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Explanation, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines(""))

    __repr__ = __str__

    def _lines(self, indent: str) -> Iterator[str]:
        yield indent + self.title
        for step, words in self.steps.items():
            yield f"{indent}  {step}: {words}"
        for part in self.parts:
            yield from part._lines(indent + "  ")


def explain(contract: Contract, calls: Sequence[Call], no_kernel: str, loops: int = 0) -> Explanation:
    """The explanation of a call, or of those for the shards that a list of arrays is.

    `no_kernel` says why no compiled kernel computes it, and nothing where one does; `loops` is the number of its
    recurrences that are compiled.
    """
    kernel = "one pass of compiled code"
    if no_kernel:
        kernel = f"{loops} compiled loops over frames; for the rest none" if loops else "none"
        kernel += f": {no_kernel}"
    parts = tuple(_explain_one(call, kernel) for call in calls)
    if len(parts) == 1:
        return parts[0]
    return Explanation(f"{contract.name}, merged from the partials of {len(parts)} arrays", parts=parts)


def join(contract: Contract, parts: Sequence[tuple[str, Explanation]]) -> Explanation:
    """The explanation of a weighted sum, of the factors and explanations of its parts."""
    named = tuple(Explanation(factor + part.title, part.steps, part.parts) for factor, part in parts)
    return Explanation(f"{contract.name}, the sum of {len(parts)} losses", parts=named)


def _explain_one(call: Call, kernel: str) -> Explanation:
    plan, contract = call.plan, call.declared.contract
    numbers = {name: call.values[name] for name in call.declared.parameters if not is_array(call.values[name])}
    steps = {
        "axes": _listed(f"{name} = {size}" for name, size in plan.facts.items()),
        "terms": _listed(f"{name} is {term}" for name, term in plan.terms.items()),
        "parameters": _listed(f"{name} = {value!r}" for name, value in numbers.items()),
        "dtype": f"computed in {name_of(plan.dtype)}",
        "prepare": _prepared(call),
        "select": _selected(call),
        "make safe": _made_safe(call),
        "weigh": _weighed(call),
        "reduce": _reduced(call),
        "kernel": kernel,
    }
    told = {step: words for step, words in steps.items() if words}
    return Explanation(f"{contract.name} on {plan.backend.name}", told)


def _prepared(call: Call) -> str:
    """The conversions of the inputs, which are all that is ever converted."""
    plan = call.plan
    words = [f"{name} is widened to float32" for name in plan.widened]
    words += [f"the classes of {name} are moved from axis {call.keywords.axis} to the end" for name in plan.moved]
    words += [f"{name} is made indices of {name_of(plan.backend.index_dtype)}" for name in plan.converted]
    return _listed(sorted(words)) or "nothing is moved, widened or converted"


def _selected(call: Call) -> str:
    """The number of units that count, and of entries where a mask leaves some out."""
    keywords, of_units = call.keywords, call.declared.label is not None
    ignored = f"ignore_index={keywords.ignore_index}"
    by_label = keywords.ignore_index is not None and (call.declared.ignorable in call.plan.indices or keywords.ignores)
    sources = ["`where`"] if keywords.where is not None else []
    sources += [f"`{ignored}`"] if by_label and of_units else []
    of_entries = ["`where_entries`"] if keywords.where_entries is not None else []
    of_entries += [f"`{ignored}`"] if by_label and not of_units else []
    whole = _units(call, pipeline.count(call._replace(selected=None)))
    words = f"all of {whole}"
    if call.selected is not None:
        words = f"{_number(call, pipeline.count(call))} of {whole}, by {' and '.join(sources)}"
    if call.entries is not None:
        kept = _number(call, call.plan.xp.count_nonzero(call.entries))
        words += f"; {kept} of the entries {tuple(call.entries.shape)}, by {' and '.join(of_entries)}"
    return words


def _made_safe(call: Call) -> str:
    """The inputs with a domain outside of which a unit is NaN, and how many units are."""
    if not call.plan.strict:
        return ""
    bad = 0 if call.invalid is None else call.plan.xp.count_nonzero(call.invalid)
    return f"{_units(call, _number(call, bad))} made NaN, by a value outside the domain of {_listed(call.plan.strict)}"


def _weighed(call: Call) -> str:
    """The weights that are given, and how many of them are 0."""
    given = [f"`{name}`" for name in ("sample_weight", "class_weight") if getattr(call.keywords, name) is not None]
    if not given:
        return f"every {call.declared.contract.unit} counts 1"
    words = f"by {' and '.join(given)}"
    words += ", the latter within the labels" if call.inside and len(given) == 2 else ""
    if call.counts is not None:
        words += f"; {_units(call, _number(call, call.plan.xp.count_nonzero(~call.counts)))} of weight 0 or left out"
    return words


def _reduced(call: Call) -> str:
    """The reduction, and the denominator with its value."""
    how, contract = call.keywords.reduction, call.declared.contract
    if how == "none":
        return f'"none" gives a value for every {contract.unit}'
    divisor = pipeline.divisor(call)
    if divisor is None:
        return f'"{how}" divides by nothing'
    units = f"the number of {'selected ' if call.selected is not None else ''}{_plural(contract.unit)}"
    meaning = {"count_mean": units, "batch_mean": "the length of the leading axis"}.get(str(how), "which is given")
    if how == "token_mean":
        meaning = "the sum of the lengths" + (" times the weights" if call.weight is not None else "")
    elif how == "mean" or how in LENGTH_REDUCTIONS:
        meaning = units if call.weight is None else "the sum of the weights"
    first = "divides each by its own length, and their sum" if how == "length_mean" else "divides"
    number = _number(call, divisor)
    last = f"; over nothing it is {call.keywords.empty:g}" if number == "0" else ""
    last += "; the code of the loss finishes the averages" if call.declared.finalizer is not None else ""
    return f'"{how}" {first} by {number}, {meaning}{last}'


def _units(call: Call, number: Any) -> str:
    unit = call.declared.contract.unit
    return f"{number} {unit if number == 1 or number == '1' else _plural(unit)}"


def _plural(unit: str) -> str:
    return f"{unit}es" if unit.endswith(("s", "x", "ch")) else f"{unit}s"


def _listed(words: Any) -> str:
    return ", ".join(words)


def _number(call: Call, x: Array) -> str:
    """A number of the call, which an array has only outside of a tracer."""
    if not is_array(x):
        return f"{x:g}" if isinstance(x, float) else str(x)
    known = call.plan.backend.known(x)
    return "a number that is not known yet" if known is None else f"{call.plan.backend.to_numpy(known).item():g}"
