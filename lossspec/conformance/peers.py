"""The calls of other libraries that a loss declares as equal, run on the conformance cases of the loss.

A difference that a declaration does not name is a failure, and so is a named one that no case shows: what is written
about another library stays true, or the tests say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossspec.conformance.axes import Values
from lossspec.conformance.bench import Bench
from lossspec.conformance.cases import Case
from lossspec.conformance.notes import is_about
from lossspec.conformance.probes import probe_of
from lossspec.conformance.store import Store
from lossspec.contract import Equal
from lossspec.dispatch import get_backend
from lossspec.loss import Loss

VALUE_TOLERANCE = 1e-7
"""Of float64 results, relative to the largest; another function differs by more, another order of rounding by less."""
GRADIENT_TOLERANCE = 1e-6

_kept: list[Any] = []
"""Declarations of operators, which end with the object that made them."""


@dataclass(frozen=True)
class Peer:
    """Another library: the backend whose arrays it takes, and the names that its calls may use."""

    backend: str
    modules: Mapping[str, str]
    single: bool = False
    """True for a library that computes in float32 whatever it is given."""

    def missing(self) -> str:
        """The package that is not installed, or an empty string."""
        roots = dict.fromkeys(path.partition(".")[0] for path in self.modules.values())
        return next((root for root in roots if find_spec(root) is None), "")


PEERS = {
    "torch": Peer("torch", {"F": "torch.nn.functional", "torch": "torch"}),
    "torchmetrics": Peer("torch", {"M": "torchmetrics.functional", "torch": "torch"}),
    "pytorch-metric-learning": Peer(
        "torch",
        {
            "pml": "pytorch_metric_learning.losses",
            "distances": "pytorch_metric_learning.distances",
            "miners": "pytorch_metric_learning.miners",
            "reducers": "pytorch_metric_learning.reducers",
            "torch": "torch",
            "F": "torch.nn.functional",
        },
    ),
    "torchvision": Peer("torch", {"ops": "torchvision.ops", "torch": "torch"}),
    "monai": Peer("torch", {"monai": "monai.losses", "torch": "torch", "F": "torch.nn.functional"}),
    "segmentation-models-pytorch": Peer(
        "torch", {"smp": "segmentation_models_pytorch.losses", "torch": "torch", "F": "torch.nn.functional"}
    ),
    "timm": Peer("torch", {"timm": "timm.loss"}, single=True),
    "pytorch-crf": Peer("torch", {"torchcrf": "torchcrf", "torch": "torch"}),
    "keras": Peer("torch", {"keras": "keras", "ops": "keras.ops"}, single=True),
    "optax": Peer("jax", {"optax": "optax", "jnp": "jax.numpy"}),
    "rax": Peer("jax", {"rax": "rax", "jax": "jax", "jnp": "jax.numpy"}),
    "sklearn": Peer("numpy", {"metrics": "sklearn.metrics", "losses": "sklearn._loss", "np": "numpy"}),
    "scipy": Peer(
        "numpy",
        {"special": "scipy.special", "stats": "scipy.stats", "distance": "scipy.spatial.distance", "np": "numpy"},
    ),
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a declared call on one case: equal, or the difference; `excused` is the declared reason."""

    case: str
    problem: str = ""
    excused: str = ""


@cache
def names_of(peer: str) -> dict[str, Any]:
    """The modules of a library by the names that its calls use."""
    os.environ.setdefault("KERAS_BACKEND", "torch")  # read when keras is first imported
    if PEERS[peer].backend == "torch":
        prepare_torchvision()
    return {name: import_module(path) for name, path in PEERS[peer].modules.items()}


@cache
def prepare_torchvision() -> None:
    """Let torchvision be imported beside a Torch that it was not built for.

    Its compiled operators do not load then. Its losses, and the libraries that import it, use none of them, but its
    import asks for two by name.
    """
    found = find_spec("torchvision")
    if found is None or find_spec("torch") is None or _kept:  # to look for it may have prepared it
        return
    torch = import_module("torch")
    try:
        for folder in found.submodule_search_locations or ():
            for compiled in Path(folder).glob("_C.*"):
                torch.ops.load_library(str(compiled))
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)


def cases_of(loss: Loss, equal: Equal, dtype: str, store: Store) -> Iterator[Case]:
    """The cases that a declared call is about."""
    return (case for case in store.cases(loss, dtype) if is_about(equal, case))


def compare(loss: Loss, equal: Equal) -> Iterator[Outcome]:
    """Ours and theirs on every case: values, and gradients where their framework has them."""
    peer = PEERS[equal.peer]
    backend = get_backend(peer.backend)
    bench = Bench(loss, backend, np.float64, backend.devices()[0])
    sides = _Sides(bench, equal, names_of(equal.peer))
    with probe_of(backend).double_precision():
        for case in cases_of(loss, equal, "float64", Store()):
            problem = _differ(sides, replace(case, options={"reduction": equal.reduction}))
            yield Outcome(case.name, problem, excuse(equal, case.name, problem) if problem else "")


def is_single(equal: Equal) -> bool:
    """Say whether a declared call computes in float32 whatever it is given."""
    return equal.single or PEERS[equal.peer].single


def stale(equal: Equal, outcomes: list[Outcome]) -> list[str]:
    """The declared differences that no case shows."""
    return [
        where for where in equal.differs if not any(_covers(where, o.case, o.problem) for o in outcomes if o.problem)
    ]


def _covers(where: str, case: str, problem: str) -> bool:
    kind, _, part = where.partition(" ")
    if kind == "gradient":
        return problem.startswith("gradient") and part in case
    return where in case


def excuse(equal: Equal, case: str, problem: str) -> str:
    """The declared reason for what differs on a case, or an empty string."""
    return next((reason for where, reason in equal.differs.items() if _covers(where, case, problem)), "")


def evaluate(bench: Bench, case: Case, equal: Equal, names: dict[str, Any]) -> NDArray[Any]:
    """The result of a declared call on a case."""
    inputs, keywords = bench.arguments(case)
    result: NDArray[Any] = bench.fetch(bench.backend.namespace.asarray(_call(equal, names, case, keywords)(inputs)))
    return result


def _call(
    equal: Equal, names: dict[str, Any], case: Case, keywords: dict[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    """A declared call as a function of the inputs by name."""
    parameters = {name: _plain(value) for name, value in keywords.items() if name in case.parameters}
    return lambda given: eval(equal.call, {**names, **parameters, **given})  # noqa: S307 - a declaration of the catalogue


class _Sides:
    """Ours and theirs on one case after the other: values, and gradients where their framework has them."""

    def __init__(self, bench: Bench, equal: Equal, names: dict[str, Any]) -> None:
        self.bench = bench
        self.equal = equal
        self.names = names
        self._programs: dict[Any, Callable[[Values], list[Any]]] = {}

    def both(self, case: Case) -> list[Any]:
        """The value of ours and of theirs, and the gradients of either."""
        bench, equal = self.bench, self.equal
        inputs, keywords = bench.arguments(case)
        theirs = _call(equal, self.names, case, keywords)
        ours = partial(bench.loss, **keywords)
        wrt = bench.real_among(case.inputs) if bench.backend.name != "numpy" else ()
        xp = bench.backend.namespace

        def weighted(side: Callable[[Values], Any], shape: tuple[int, ...]) -> Callable[[Values], Any]:
            factors = bench.put(np.random.default_rng(3).uniform(0.5, 1.5, shape))
            return lambda given: xp.sum(side(given) * factors)

        def everything(given: Values) -> list[Any]:
            sides: tuple[Callable[[Values], Any], ...] = (theirs, lambda given: ours(**given))
            other, each = (xp.asarray(side(given)) for side in sides)
            if not wrt or each.shape != other.shape:
                return [each, other, [], []]
            of_theirs, of_ours = (weighted(side, tuple(each.shape)) for side in sides)
            if bench.backend.name == "torch":
                return [each, other, bench.gradient_of(of_ours, given, wrt)[1], _as_users(of_theirs, given, wrt)]
            return [each, other, *(bench.gradient_of(side, given, wrt)[1] for side in (of_ours, of_theirs))]

        # One program for all cases of the same parameters, where a framework compiles each operation for each shape.
        key = wrt, tuple((name, _plain(value), np.shape(value)) for name, value in keywords.items())
        try:
            program = self._programs.setdefault(key, bench.together(everything))
        except TypeError:  # an array among the parameters, which has no hash
            program = bench.together(everything)
        found: list[Any] = bench.fetch(program(inputs))
        return found


def _differ(sides: _Sides, case: Case) -> str:
    """The difference between ours and theirs in words, or an empty string."""
    single = 1e3 if is_single(sides.equal) else 1.0
    try:
        each, other, mine, theirs = sides.both(case)
    except Exception as error:  # a peer that refuses what we take differs
        return f"raises {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    problem = _apart("value", each, other, single * VALUE_TOLERANCE)
    if problem or not np.all(np.isfinite(each)):
        return problem
    for a, b in zip(mine, theirs, strict=True):
        for p, q in zip(a, b, strict=True) if isinstance(a, list) else [(a, b)]:
            problem = _apart("gradient", p, q, single * GRADIENT_TOLERANCE)
            if problem:
                return problem
    return ""


def _as_users(function: Callable[[Values], Any], given: Values, wrt: tuple[str, ...]) -> list[Any]:
    """The gradients of a function of another library for Torch; many of those `torch.func` cannot transform."""
    torch = import_module("torch")

    def fresh(value: Any) -> Any:
        return [fresh(x) for x in value] if isinstance(value, list) else value.clone().requires_grad_()

    chosen = {name: fresh(given[name]) for name in wrt}
    leaves = [leaf for value in chosen.values() for leaf in (value if isinstance(value, list) else [value])]
    found = iter(torch.autograd.grad(function({**given, **chosen}), leaves, allow_unused=True, materialize_grads=True))
    return [[next(found) for _ in value] if isinstance(value, list) else next(found) for value in chosen.values()]


def _plain(value: Any) -> Any:
    """A 0-d parameter as the number that other libraries take."""
    return float(value) if hasattr(value, "shape") and value.shape == () else value


def _apart(what: str, mine: NDArray[Any], other: NDArray[Any], tolerance: float) -> str:
    if mine.shape != other.shape:
        return f"{what} of shape {mine.shape}, theirs {other.shape}"
    with np.errstate(invalid="ignore"):
        same = (mine == other) | (np.isnan(mine) & np.isnan(other))
        largest = max(float(np.max(np.abs(mine), initial=0.0, where=np.isfinite(mine))), 1.0)
        close = np.abs(mine - other) <= tolerance * largest
    if bool(np.all(same | close)):
        return ""
    index = tuple(int(i) for i in np.argwhere(~(same | close))[0])
    return f"{what}{list(index)} is {mine[index]!r}, theirs {other[index]!r}"
