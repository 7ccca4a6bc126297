"""A loss, the catalogue and the backends in words: rows and facts, for whatever prints them as a table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence

from lossspec.contract import Contract
from lossspec.dispatch import all_backends, broken_backends
from lossspec.loss import Loss
from lossspec.registry import get, names
from lossspec.since import since

Row = tuple[str, ...]

ARGUMENTS = ("argument", "term", "domain", "default")
EQUAL_CALLS = ("library", "equal call", "reduction", "differs")
BACKENDS = ("backend", "found", "version", "devices", "autodiff")


def by_family() -> tuple[Mapping[str, Sequence[Contract]], int]:
    """The contracts of all losses by family, both in the order of the catalogue, and the length of the longest name."""
    found: dict[str, list[Contract]] = {}
    for name in names():
        contract = get(name).contract
        found.setdefault(contract.family, []).append(contract)
    return found, max(map(len, names()))


def arguments(contract: Contract) -> Iterator[Row]:
    """The rows of the arguments: one for each term that an argument may be of."""
    for argument in contract.arguments:
        default = "" if argument.default is inspect.Parameter.empty else repr(argument.default)
        for term in argument.terms or (None,):
            kind = str(argument).partition(" = ")[0] if term is None else str(term)
            yield argument.name, f"list of {kind}" if argument.many else kind, term.domain if term else "", default


def facts(contract: Contract) -> dict[str, str]:
    """Everything else that a contract declares, by its heading."""
    found = {
        "unit": f"{contract.unit} {contract.result}",
        "form": contract.form + (f": {contract.why_coupled}" if contract.why_coupled else ""),
        "reductions": ", ".join("Mean(over=...)" if r == "over" else r for r in contract.reductions),
        "default": contract.default_reduction,
        "keywords": ", ".join(contract.tail),
        "entries": " or ".join(map(str, contract.entries)) or "not defined: whole units alone can be left out",
        "accuracy": str(contract.accuracy),
        "aliases": ", ".join(contract.aliases) or "none",
        "convex in": ", ".join(contract.convex_in) or "not declared",
        "invariant in": ", ".join(contract.invariant_in) or "not declared",
        "source": contract.source,
        "since": since(contract.name),
    }
    if contract.soft_labels:
        found["soft labels"] = contract.soft_labels
    if contract.also:
        found["also"] = "; ".join(f"{', '.join(called)}: {means}" for means, called in contract.other_meanings.items())
    return found


def equal_calls(contract: Contract) -> Iterator[Row]:
    """The rows of the calls of other libraries that compute the same, with what is known to differ."""
    for equal in contract.equals:
        when = "" if equal.when == "True" else f"  where {equal.when}"
        differs = "; ".join(f"{where}: {reason}" for where, reason in equal.differs.items())
        yield equal.peer, equal.call + when, equal.reduction, differs


def text(loss: Loss) -> tuple[list[str], str]:
    """The docstring after its first line: one string for each subject, to be wrapped, and the example."""
    _, _, rest = inspect.cleandoc(loss.__doc__ or "").partition("\n")
    words, _, example = rest.partition(">>>")
    joined = re.sub(r"\n(?![\n]|[A-Z][\w ]*:)", " ", words.strip())
    return [line.strip() for line in joined.split("\n")], f">>>{example}".rstrip() if example else ""


def backends() -> Iterator[Row]:
    """The rows of the backends: found or not, their versions and devices; broken plugins at the end."""
    for backend in all_backends().values():
        there = backend.available()
        found, devices = ("yes", ", ".join(backend.devices())) if there else (f"no: {there.reason}", "")
        autodiff = "its own" if backend.has_autodiff else "lossspec.autodiff"
        yield backend.name, found, there.version, devices, autodiff
    for entry_point, why_not in broken_backends().items():
        yield entry_point, f"no: the plugin is broken: {why_not}", "", "", ""
