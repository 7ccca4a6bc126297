"""Torch's own samples of its losses: those of its operators, of its modules, and of the errors of both."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import torch

from dialects.judge import Excepted, Sample, changed, factors_of, quiet, strictly
from lossspec.dialects import torch as dialect

OPERATORS = "OpInfo"
MODULES = "ModuleInfo"
LEFT_OUT = {
    "LinearCrossEntropyLoss": "its weights are the module's; `linear_cross_entropy` takes them as arrays",
    "AdaptiveLogSoftmaxWithLoss": "its weights are the module's; `lossspec.adaptive_log_softmax` takes them as arrays",
}
"""Losses of torch that the dialect has not."""

FUNCTIONS = sorted(
    {
        name
        for name in torch.nn.functional.__dict__
        if name.endswith("_loss") or name in ("cross_entropy", "kl_div", "cosine_similarity", "pairwise_distance")
    }
    | {"binary_cross_entropy", "binary_cross_entropy_with_logits", "linear_cross_entropy"}
)
CLASSES = sorted(
    {name for name in dir(torch.nn) if name.endswith("Loss") and not name.startswith("_")}
    | {"CosineSimilarity", "PairwiseDistance"}
)

EXCEPTIONS = (
    Excepted(OPERATORS, "ctc_loss", "gradient", "torch's gradient is that in logits, whatever it is given"),
    Excepted(MODULES, "CTCLoss", "gradient", "torch's gradient is that in logits, whatever it is given"),
)


def _split(value: Any) -> tuple[Any, bool]:
    """A tensor as a NumPy array, and whether its gradient is asked for."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy().copy(), value.requires_grad
    if isinstance(value, torch.nn.Module):
        return getattr(dialect, type(value).__name__)(), False
    return value, False


@cache
def operators(function: str) -> tuple[Sample, ...]:
    """The samples of an operator that is a loss: of `sample_inputs`, and `reference_inputs` where there are more."""
    from torch.testing._internal.common_methods_invocations import op_db

    found = []
    for op in op_db:
        name = op.name.removeprefix("nn.functional.")
        if not op.name.startswith("nn.functional.") or name != function or name in LEFT_OUT:
            continue
        torch.manual_seed(0)
        rows = list(op.sample_inputs("cpu", torch.float64, requires_grad=True))
        if op.reference_inputs_func is not None:
            rows += list(op.reference_inputs("cpu", torch.float64, requires_grad=False))
        theirs, ours = getattr(torch.nn.functional, name), strictly(getattr(dialect, name))
        for number, row in enumerate(rows):
            given = [_split(x) for x in (row.input, *row.args)]
            named = {key: _split(x) for key, x in row.kwargs.items()}
            wanted = [str(i) for i, (_, asked) in enumerate(given) if asked]
            wanted += [key for key, (_, asked) in named.items() if asked]
            found.append(
                Sample(
                    OPERATORS, name, f"[{number}]", theirs, ours, tuple(x for x, _ in given),
                    {key: x for key, (x, _) in named.items()}, frozenset(wanted),
                )
            )  # fmt: skip
    return tuple(found)


@cache
def modules(of_class: str) -> tuple[Sample, ...]:
    """The samples of a class that is a loss."""
    from torch.testing._internal.common_modules import module_db

    found = []
    for info in module_db:
        name = info.name.removeprefix("nn.")
        if name != of_class or name in LEFT_OUT:
            continue
        torch.manual_seed(0)
        rows = info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=True)
        for number, row in enumerate(rows):
            if row.forward_input is None:
                continue
            plain = [_split(x) for x in row.constructor_input.args]
            fixed = {key: _split(x) for key, x in row.constructor_input.kwargs.items()}
            given = [_split(x) for x in row.forward_input.args]
            named = {key: _split(x)[0] for key, x in row.forward_input.kwargs.items()}
            wanted = frozenset(str(i + len(plain)) for i, (_, asked) in enumerate(given) if asked)
            both = []
            for module in (torch.nn, dialect):
                both.append(_built(getattr(module, name), len(plain), tuple(fixed)))
            arguments = (*(x for x, _ in plain), *(x for x, _ in given))
            keywords = {**{f"of_{key}": x for key, (x, _) in fixed.items()}, **named}
            found.append(Sample(MODULES, name, f"[{number}]", *both, arguments, keywords, wanted))
    return tuple(found) or _of_operator(of_class)


def _of_operator(name: str) -> tuple[Sample, ...]:
    """The samples of a class that has none of its own: those of its function, the options given to the constructor."""
    found = []
    for sample in operators(getattr(dialect, name).takes.__name__) if name in CLASSES and name not in LEFT_OUT else ():
        both = [_built(getattr(module, name), 0, tuple(sample.keywords)) for module in (torch.nn, dialect)]
        keywords = {f"of_{key}": value for key, value in sample.keywords.items()}
        found.append(Sample(MODULES, name, sample.name, *both, sample.arguments, keywords, sample.differentiable))
    return tuple(found)


def _built(cls: Any, plain: int, fixed: tuple[str, ...]) -> Any:
    """A class and its call as one function, whose first arguments, and those named `of_`, are the constructor's."""

    def build_and_call(*arguments: Any, **keywords: Any) -> Any:
        own = {key: keywords[f"of_{key}"] for key in fixed}
        rest = {key: value for key, value in keywords.items() if not key.startswith("of_")}
        if "strict" in inspect.signature(cls).parameters:
            own["strict"] = True
        return cls(*arguments[:plain], **own)(*arguments[plain:], **rest)

    return build_and_call


_answers: dict[int, tuple[Sample, Any]] = {}
"""Answers by the identity of samples, each with its sample: another one at its address would be given its answer."""


def answer(sample: Sample) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The value and the gradients that torch gives."""
    if id(sample) in _answers:
        return _answers[id(sample)][1]
    leaves: dict[str, torch.Tensor] = {}

    def tensor(name: str, value: Any) -> Any:
        def one(x: np.ndarray) -> torch.Tensor:
            made = torch.from_numpy(x.copy())
            if name in sample.differentiable:
                leaves[name] = made.requires_grad_()
            return made

        if type(value).__module__ == dialect.__name__:
            return getattr(torch.nn, type(value).__name__)()
        return changed(value, one)

    given = [tensor(str(i), x) for i, x in enumerate(sample.arguments)]
    named = {key: tensor(key, x) for key, x in sample.keywords.items()}
    with quiet():
        value = sample.theirs(*given, **named)
        plain = value.detach().numpy()
        gradients = {}
        if leaves and value.requires_grad:
            weighted = (value * torch.from_numpy(factors_of(plain))).sum()
            found = torch.autograd.grad(weighted, list(leaves.values()), allow_unused=True, materialize_grads=True)
            gradients = {name: x.numpy() for name, x in zip(leaves, found, strict=True)}
    _answers[id(sample)] = sample, (plain, gradients)
    return plain, gradients


@cache
def errors() -> tuple[tuple[str, str, Any, str, Any, tuple[Any, ...], dict[str, Any]], ...]:
    """The calls that torch's tests expect to be refused: suite, name, kind of error, its words, function, arguments."""
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db

    found = []
    for op in op_db:
        name = op.name.removeprefix("nn.functional.")
        if name in FUNCTIONS and name not in LEFT_OUT and op.error_inputs_func is not None:
            for row in op.error_inputs("cpu"):
                sample = row.sample_input
                given = tuple(_split(x)[0] for x in (sample.input, *sample.args))
                named = {key: _split(x)[0] for key, x in sample.kwargs.items()}
                function = getattr(dialect, name)
                found.append((OPERATORS, name, row.error_type, row.error_regex, function, given, named))
    for info in module_db:
        name = info.name.removeprefix("nn.")
        if name in CLASSES and name not in LEFT_OUT and info.module_error_inputs_func is not None:
            rows = info.module_error_inputs_func(
                info, device="cpu", dtype=torch.float64, requires_grad=False, training=True
            )
            for row in rows:
                made = row.module_error_input if hasattr(row, "module_error_input") else row
                build = made.constructor_input
                function = _constructor(getattr(dialect, name), made.forward_input)
                given = tuple(_split(x)[0] for x in build.args)
                named = {key: _split(x)[0] for key, x in build.kwargs.items()}
                found.append((MODULES, name, row.error_type, row.error_regex, function, given, named))
    return tuple(found)


def _constructor(cls: Any, forward: Any) -> Any:
    def build(*arguments: Any, **keywords: Any) -> Any:
        built = cls(*arguments, **keywords)
        return built if forward is None else built(*(_split(x)[0] for x in forward.args))

    return build
