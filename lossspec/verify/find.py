"""From the words of a command to a target: a function, a class, the name of a peer, a program."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from lossspec.conformance.peers import PEERS, names_of
from lossspec.errors import ContractError
from lossspec.loss import Loss
from lossspec.registry import get
from lossspec.verify.arguments import TargetError
from lossspec.verify.callables import CallableTarget, CallTarget, load
from lossspec.verify.questions import Target
from lossspec.verify.runner import SECONDS, RunnerTarget


def find_target(
    words: str, loss: Loss, framework: str = "", maps: Sequence[str] = (), reduction: str = "", gradient: str = ""
) -> Target:
    """The target that words name, for a loss; raise `TargetError` where there is none."""
    given = dict(_pair(item) for item in maps)
    library, _, name = words.partition(":")
    if library in PEERS and "." not in library:
        return _of_peer(library, name, loss, framework, given, reduction)
    slope = load(gradient) if gradient else None
    return CallableTarget(words, load(words), framework, given, reduction, slope)


def isolated(
    words: str,
    loss: Loss,
    framework: str = "",
    maps: Sequence[str] = (),
    reduction: str = "",
    gradient: str = "",
    seconds: float = SECONDS,
) -> RunnerTarget:
    """The same target in a process of its own, which may crash."""
    command = [sys.executable, "-m", "lossspec.verify.serve", words, "--as", loss.contract.name]
    command += ["--framework", framework] if framework else []
    command += [part for item in maps for part in ("--map", item)]
    command += ["--reduction", reduction] if reduction else []
    command += ["--gradient", gradient] if gradient else []
    return RunnerTarget(command, seconds, words)


def loss_of(words: str) -> Loss | None:
    """The loss that the name of a peer stands for, or None."""
    library = words.partition(":")[0]
    if library not in PEERS:
        return None
    try:
        return get(words)
    except ContractError:
        return None


def _pair(item: str) -> tuple[str, str]:
    ours, equals, theirs = item.partition("=")
    if not (ours and equals and theirs):
        raise TargetError(f"--map {item}: write it as OURS=THEIRS, as in --map predictions=y_pred")
    return ours, theirs


def _of_peer(library: str, name: str, loss: Loss, framework: str, given: dict[str, str], reduction: str) -> Target:
    """The call that the loss declares as equal, or else the function of that name of the library."""
    peer = PEERS[library]
    missing = peer.missing()
    if missing:
        raise TargetError(f"{library}:{name} cannot run: {missing} is not installed")
    modules = names_of(library)
    word = re.compile(rf"\b{re.escape(name)}\b")
    known = (name, *_spellings(name))
    for equal in loss.contract.equals:
        if equal.peer != library or given:
            continue
        if any(re.search(rf"\b{re.escape(part)}\(", equal.call) for part in known):
            return CallTarget(f"{library}:{name}", peer.backend, equal, modules)
    places: list[Any] = [*modules.values(), *(m.losses for m in modules.values() if hasattr(m, "losses"))]
    for place in places:
        found = getattr(place, name, None)
        if callable(found) and word.fullmatch(name):
            return CallableTarget(f"{library}:{name}", found, framework or peer.backend, given, reduction)
    calls = [equal.call for equal in loss.contract.equals if equal.peer == library]
    told = f" The calls of {library} that equal it: {'; '.join(calls)}." if calls else ""
    raise TargetError(f"{library} has no function {name!r}.{told}")


def _spellings(name: str) -> tuple[str, ...]:
    """Other spellings of a name in a declared call: with and without `_loss`, the class of the function."""
    bare = name.removesuffix("_loss")
    return bare, f"{bare}_loss", "".join(part.title() for part in bare.split("_"))
