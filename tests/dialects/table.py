"""The tables of docs/dialects.md: what judges each dialect, and where it differs; `python -m dialects.table`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialects import keras_cases, optax_cases, random_calls, sklearn_cases, torch_samples
from dialects.judge import Excepted, Sample

CASES = {"torch": torch_samples, "optax": optax_cases, "keras": keras_cases, "sklearn": sklearn_cases}
START, END = "<!-- what follows is written by tests/dialects/table.py -->", "<!-- end -->"


def suites() -> Iterator[tuple[str, str, Sequence[Sample], Sequence[Excepted]]]:
    """Dialect, suite, samples, exceptions."""
    functions = [sample for name in torch_samples.FUNCTIONS for sample in torch_samples.operators(name)]
    classes = [sample for name in torch_samples.CLASSES for sample in torch_samples.modules(name)]
    yield "torch", "OpInfo: sample and reference inputs", functions, torch_samples.EXCEPTIONS
    yield "torch", "ModuleInfo", classes, torch_samples.EXCEPTIONS
    rows = [sample for name in optax_cases.CALLS for sample in optax_cases.samples(name)]
    yield "optax", "cases after its documentation", rows, optax_cases.EXCEPTIONS
    names = [name for name in (*keras_cases.FUNCTIONS, *keras_cases.CLASSES) if name not in keras_cases.LEFT_OUT]
    rows = [sample for name in names for sample in keras_cases.samples(name)]
    yield "keras", "cases after its documentation", rows, keras_cases.EXCEPTIONS
    yield "sklearn", "methods of `sklearn._loss`", sklearn_cases.objects(), sklearn_cases.EXCEPTIONS
    rows = [sample for name in sklearn_cases.CALLS for sample in sklearn_cases.functions(name)]
    yield "sklearn", "`sklearn.metrics`", rows, sklearn_cases.EXCEPTIONS
    for name, library in random_calls.LIBRARIES.items():
        rows = [sample for function in library.calls for sample in random_calls.samples(name, function)]
        yield name, random_calls.SUITE, rows, CASES[name].EXCEPTIONS


def text() -> str:
    """The tables."""
    lines = ["| dialect | suite | cases | passed | exceptions |", "|---|---|---|---|---|"]
    excepted: dict[tuple[str, str], list[str]] = {}
    for dialect, suite, samples, exceptions in suites():
        excused = 0
        for sample in samples:
            for exception in exceptions:
                if exception.covers(sample):
                    excused += 1
                    key = (dialect, f"the {exception.what.partition(' ')[0]}: {exception.reason}")
                    excepted.setdefault(key, []).append(sample.function)
        lines.append(f"| {dialect} | {suite} | {len(samples)} | {len(samples) - excused} | {excused} |")
    refused = {
        "torch": len(torch_samples.errors()),
        "optax": len(optax_cases.REFUSED),
        "keras": len(keras_cases.REFUSED),
        "sklearn": len(sklearn_cases.REFUSED),
    }
    for dialect, number in refused.items():
        lines.append(f"| {dialect} | calls that it refuses, by the kind of error | {number} | {number} | 0 |")
    lines += ["", "The exceptions:", "", "| dialect | function | what differs, and why | cases |", "|---|---|---|---|"]
    for (dialect, words), functions in excepted.items():
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(functions))
        lines.append(f"| {dialect} | {names} | {words} | {len(functions)} |")
    lines += ["", "What the libraries have and the dialects have not:", "", "| dialect | name | why |", "|---|---|---|"]
    for dialect, module in CASES.items():
        lines += [f"| {dialect} | `{name}` | {why} |" for name, why in module.LEFT_OUT.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(text())
