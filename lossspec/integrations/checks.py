"""Checks of the loss that is given to a client."""

from __future__ import annotations

from typing import Any

from lossspec.contract import Contract
from lossspec.errors import ContractError
from lossspec.loss import Loss

_PREDICTED = ("fake_", "negative_", "rejected", "log_variances", "temperatures")
"""The beginnings of names of second inputs that are predictions too: labels in their place would be learnt from."""


def contract_of(client: str, loss: Any) -> Contract:
    """The contract of what is given as a loss."""
    if not isinstance(loss, Loss):
        raise ContractError(f"{client}: `loss` is {loss!r}, which is no loss. Fix: lossspec.get(name) finds one")
    return loss.contract


def check_two_arrays(client: str, contract: Contract, why: str) -> None:
    """Raise for a loss whose inputs are not predictions and labels; `why` says which two arrays the client has."""
    if len(contract.inputs) != 2 or any(argument.many for argument in contract.inputs):
        names = ", ".join(argument.name for argument in contract.inputs)
        raise ContractError(f"{client}: {contract.name} takes {names}; {why}. Fix: take a loss of two arrays")
    first, second = (argument.name for argument in contract.inputs)
    if second.startswith(_PREDICTED):
        raise ContractError(
            f"{client}: {contract.name} takes two predictions, `{first}` and `{second}`; {why}. Fix: take a loss of "
            "predictions and targets"
        )
