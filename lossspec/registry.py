"""From names to losses: the own name of a loss, and the names that other libraries give it.

A name belongs to a library. `keras:MeanSquaredError` is what Keras computes by a call of that name at its defaults; the
arguments, their order and their layout are those of the loss here. A bare name is found where all libraries that have
it mean the same.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lossspec.errors import ContractError, LossSpecError
from lossspec.loss import Specified
from lossspec.reduction import Partial


@dataclass(frozen=True)
class Meaning:
    """The meaning of one name: a loss under some defaults, or a function that is not here, with the way round it."""

    name: str
    loss: Specified
    options: Mapping[str, Any]
    refusal: str = ""

    @property
    def bare(self) -> str:
        """The name without its library."""
        return self.name.rpartition(":")[2]

    @property
    def own(self) -> bool:
        """Say whether it is the name of the loss itself."""
        return self.name == self.loss.contract.name

    def resolve(self) -> Specified | None:
        """The loss under these defaults, or None where it is not here."""
        if self.refusal:
            return None
        return self.loss.configured(**self.options) if self.options else self.loss

    def __str__(self) -> str:
        if self.refusal:
            return f"{self.name!r} is not here: {self.refusal}"
        keywords = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"{self.name!r} is {self.loss.contract.name}{f'({keywords})' if keywords else ''}"


_registry: dict[str, Meaning] = {}


def get(name: str) -> Specified:
    """The loss of that name, or of the name that another library gives it, with the library before it or bare.

    >>> get("torch:CTCLoss").contract.default_reduction
    'length_mean'
    >>> get("mean_squared_error")
    <loss squared_error(predictions: Real[*batch], ...
    >>> get("huber_loss")
    Traceback (most recent call last):
        ...
    lossspec.errors.ContractError: 'huber_loss' differs between libraries: 'torch:huber_loss' is huber; ...
    """
    if not isinstance(name, str):
        raise ContractError(f"a loss is found by its name, a string; got {name!r}")
    exact = _registry.get(name)
    if exact is not None and (exact.own or ":" in name):
        found = [exact]
    else:
        found = [meaning for meaning in _registry.values() if meaning.bare == name]
    if not found:
        raise ContractError(f"no loss is called {name!r}.{_hint(name)}")
    losses = [meaning.resolve() for meaning in found]
    words = "; ".join(map(str, found))
    first = losses[0]
    if all(loss is None for loss in losses):
        raise ContractError(f"{words}. Near it is {found[0].loss.contract.name}.")
    if first is None or any(loss != first for loss in losses):
        raise ContractError(f"{name!r} differs between libraries: {words}. Fix: write the library before the name.")
    return first


def names() -> tuple[str, ...]:
    """The names of all losses, without those that other libraries give them."""
    return tuple(meaning.name for meaning in _registry.values() if meaning.own)


def meanings() -> Iterator[Meaning]:
    """Everything that has a name, own names included."""
    yield from _registry.values()


def register(loss: Specified) -> None:
    """Enter a loss under all names that its contract declares.

    One that its module declares again, as a cell of a notebook that runs twice, takes the place of the former.
    """
    contract = loss.contract
    again = _names_of_former(contract.name, loss.__module__)
    entries = [Meaning(name, loss, {}) for name in (contract.name, *contract.aliases)]
    for name, means in contract.also.items():
        entries.append(Meaning(name, loss, {}, means) if isinstance(means, str) else Meaning(name, loss, means))
    called: dict[str, Meaning] = {}
    for entry in entries:
        other = called.get(entry.name) or (None if entry.name in again else _registry.get(entry.name))
        if other is not None:
            raise LossSpecError(f"two losses are called {entry.name!r}: {other.loss!r} and {loss!r}")
        entry.resolve()  # defaults that the loss does not take are refused now
        called[entry.name] = entry
    for name in again:
        del _registry[name]
    _registry.update(called)


def _names_of_former(name: str, module: str) -> list[str]:
    """All names of the loss that this module has declared under this name before, if it has."""
    former = _registry.get(name)
    if former is None or (former.loss.contract.name, former.loss.__module__) != (name, module):
        return []
    return [known for known, meaning in _registry.items() if meaning.loss is former.loss]


Partial.find_loss = staticmethod(get)


def split(words: str) -> tuple[str, ...]:
    """The names that a declaration writes after their library.

    >>> split("torch:mse_loss MSELoss")
    ('torch:mse_loss', 'torch:MSELoss')
    """
    library, colon, bare = words.rpartition(":")
    return tuple(library + colon + name for name in bare.split())


def no_attribute(name: str) -> AttributeError:
    """The error for an attribute that the package has not; a name of a loss is found with `get`."""
    hint = _hint(name)
    if any(meaning.bare == name for meaning in _registry.values()):
        try:
            hint = f" Fix: lossspec.get({name!r}), which is {get(name).contract.name}."
        except ContractError as error:
            hint = f" As a name of a loss: {error}"
    return AttributeError(f"module 'lossspec' has no attribute {name!r}.{hint}", name=name)


def _hint(name: str) -> str:
    """The names that are near an unknown one, in case, in a slip of the pen, or by a word that they share."""
    library, _, bare = name.rpartition(":")
    known = list(dict.fromkeys(meaning.bare for meaning in _registry.values()))
    near = [meaning.name for meaning in _registry.values() if library and meaning.bare == bare]
    near = near or [other for other in known if _plain(other) == _plain(bare)]
    near = near or difflib.get_close_matches(bare, known, 3, cutoff=0.8)
    near = near or _sharing(bare)
    near = near or difflib.get_close_matches(bare, known, 3)
    return f" Did you mean {' or '.join(near[:3])}?" if near else ""


def _plain(name: str) -> str:
    """A name without what libraries write differently."""
    return "".join(filter(str.isalnum, name)).lower().removesuffix("loss")


def _sharing(name: str) -> list[str]:
    """The losses whose names have most words of a name, those with fewest others first."""
    wanted = _words(name)
    shared = {other: len(wanted & _words(other)) for other in names()}
    most = max(shared.values(), default=0)
    return sorted((other for other in shared if most and shared[other] == most), key=lambda other: len(_words(other)))


def _words(name: str) -> set[str]:
    """The words of a name that tell losses apart.

    >>> sorted(_words("FocalTverskyLoss")), sorted(_words("td_lambda"))
    (['focal', 'tversky'], ['lambda', 'td'])
    """
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)} - {"loss", "with", "of"}
