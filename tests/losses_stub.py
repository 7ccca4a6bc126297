"""Write what type checkers and editors read of the catalogue, from the contracts: `python -m tests.losses_stub`."""

from __future__ import annotations

import inspect
from pathlib import Path

import lossspec.losses
from lossspec.contract import Argument
from lossspec.loss import Specified

FILE = Path(lossspec.losses.__file__).with_suffix(".pyi")
DATA = {"sample_weight": "Array | None", "where": "Array | None", "where_entries": "Array | None"}
OPTIONS = {"empty": "Empty", "class_weight": "Array | None", "ignore_index": "int | None", "axis": "int"}


def families() -> list[str]:
    """The files and folders of the catalogue, in order."""
    return sorted(path.stem for path in FILE.parent.glob("[!_]*") if path.suffix == ".py" or path.is_dir())


def text() -> str:
    """The stub of the losses that are there: the types of the arguments of each, once in full."""
    exported = {name: getattr(lossspec.losses, name) for name in sorted(lossspec.losses.__all__)}
    losses = [loss for loss in exported.values() if isinstance(loss, Specified)]
    others = [(name, value.__module__) for name, value in exported.items() if not isinstance(value, Specified)]
    allowed = sorted({loss.contract.reductions for loss in losses}, key=lambda names: (len(names), names))
    aliases = {names: f"_Reduction_{'_'.join(map(_initials, names))}" for names in allowed}
    lines = [
        "# Written by python -m tests.losses_stub.",
        "from lossspec.losses._typed import *",
        *(f"from {module} import {name} as {name}" for name, module in others),
        "",
        *(f"{alias}: TypeAlias = {_reductions(names)}" for names, alias in aliases.items()),
    ]
    for loss in losses:
        lines += ["", *_class(loss, aliases[loss.contract.reductions])]
    return "\n".join([*lines, ""])


def _initials(name: str) -> str:
    """The letters that stand for a reduction in the name of a type, which changes with its content alone."""
    return "".join(word[0] for word in name.split("_"))


def _reductions(names: tuple[str, ...]) -> str:
    """The type of `reduction`, which may be None for the declared one."""
    return f"Literal[{', '.join(repr(name) for name in names if name != 'over')}]{' | Mean' * ('over' in names)} | None"


def _class(loss: Specified, reduction: str) -> list[str]:
    """The type of one loss: its call, its gradient, which has one argument more, and its options."""
    name, contract = loss.contract.name, loss.contract
    shown = inspect.signature(loss).parameters
    types = {argument.name: _type(loss, argument) for argument in contract.arguments}
    types |= {"reduction": reduction} | OPTIONS | DATA
    inputs = [argument.name for argument in contract.inputs]
    options = [key for key in shown if key not in inputs and key not in DATA]
    data = [key for key in shown if key in DATA]
    real = [a.name for a in contract.arguments if any("real floating" in term.kinds for term in a.terms)]
    wrt = ", ".join(map(repr, [*real, *(key for key in ("sample_weight", "class_weight") if key in shown)]))

    def written(*names: str) -> str:
        defaults = {key: shown[key].default for key in names}
        words = ("" if default is inspect.Parameter.empty else f" = {default!r}" for default in defaults.values())
        return ", ".join(f"{key}: {types[key]}{word}" for key, word in zip(names, words, strict=True))

    keywords = f"**options: Unpack[_{name}_options]"
    summary = contract.summary.replace("\\", "\\\\")
    return [
        f"class _{name}_options(TypedDict, total=False): {'; '.join(f'{key}: {types[key]}' for key in options)}",
        f"class _{name}(Typed):",
        f'    """{summary}"""',
        f"    def __call__(self, {written(*inputs)}, *, {written(*(key for key in shown if key not in inputs))}) "
        f'-> Result: """{summary}"""',
        f"    def grad(self, {written(*inputs)}, *, wrt: Wrt[Literal[{wrt}]] = None, {written(*data)}, {keywords}) "
        "-> Any: ...",
        f"    def configured(self, {keywords}) -> Self: ...",
        f"{name}: _{name}",
    ]


def _type(loss: Specified, argument: Argument) -> str:
    """The type of an input or a parameter."""
    if argument.choices:
        return f"Literal[{', '.join(map(repr, argument.choices))}]" + " | Callable[..., Any]" * argument.takes_function
    if argument.plain is not None:
        return argument.plain.__name__
    none = " | None" if argument.optional else ""
    if argument in loss.contract.inputs:
        return ("Arrays" if argument.many else "Shards" if loss.declared.takes_shards else "Array") + none
    numbers, arrays = (any((term.shape is None) == bare for term in argument.terms) for bare in (True, False))
    if all(term.kinds == ("integral",) for term in argument.terms):
        return ("Whole" if numbers else "Array") + none
    return ("Varying" if numbers and arrays else "Number" if numbers else "Numbers") + none


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
