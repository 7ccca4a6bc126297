"""A loss as the `compute_loss_func` of the Trainer of Hugging Face, which is not imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lossspec.composite import parts_of
from lossspec.dispatch import array_namespace
from lossspec.errors import ContractError
from lossspec.integrations.checks import check_two_arrays, contract_of
from lossspec.loss import Loss, Specified

__all__ = ["trainer_loss"]

UNCOUNTED = -100
"""The label that data collators give to what does not count."""


def trainer_loss(loss: Loss, shift: bool = True) -> Callable[..., Any]:
    """A loss as `compute_loss_func(outputs, labels, num_items_in_batch)` of a Trainer.

    With `shift` the logits of a position are held against the label of the next one, as causal language models are
    trained; without it against the label at the same position. The Trainer counts the labels of all the batches that
    it accumulates, over all devices, and each batch gives its share,

        sum of the losses of the batch / num_items_in_batch,

    so that the gradient is that of one large batch. Without a count, in evaluation, the loss is reduced as it declares.

    Shapes: `outputs` a mapping with "logits", or a tuple that begins with them, [batch position classes]; `labels`
    [batch position]; without `shift` those of the loss.
    Weights: class weights enter the sum and not the count.
    Errors: `ContractError` for a loss that is not of logits and labels or has no sum, and for a label -100 beside a
    loss that does not ignore it; labels are looked through only then, which waits for the device.

    >>> import numpy as np
    >>> from lossspec import cross_entropy
    >>> compute_loss = trainer_loss(cross_entropy.configured(ignore_index=-100))
    >>> outputs, labels = {"logits": np.zeros((1, 3, 4))}, np.asarray([[2, 1, -100]])
    >>> float(compute_loss(outputs, labels, num_items_in_batch=2))  # one label counts here: log(4) / 2
    0.6931471805599453
    """
    contract = contract_of("trainer_loss", loss)
    check_two_arrays("trainer_loss", contract, "a Trainer has the logits of a model and labels")
    if "sum" not in contract.reductions:
        raise ContractError(
            f"trainer_loss: {contract.name} has no sum of its units, and the batches of a step add up to one. "
            "Fix: take a loss with the reduction 'sum'"
        )
    return partial(_of_batch, loss, shift)


def _of_batch(loss: Loss, shift: bool, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
    """The share of one batch in the loss of a step; the mean of the batch if nothing is counted."""
    name = loss.contract.name
    if isinstance(outputs, Mapping) and "logits" not in outputs:
        raise ContractError(
            f"{name}: the model returns {', '.join(map(str, outputs))} and no `logits`. Fix: return them by that name"
        )
    if labels is None:
        raise ContractError(
            f"{name}: the batch has no labels. Fix: set `label_names` in the arguments of the Trainer to their column"
        )
    logits = outputs["logits"] if isinstance(outputs, Mapping) else outputs[0]
    if _counts_all(loss) and bool(array_namespace(labels).any(labels == UNCOUNTED)):
        raise ContractError(
            f"{name}: the labels hold {UNCOUNTED}, which data collators write where nothing counts, and the loss does "
            f"not ignore it. Fix: trainer_loss({name}.configured(ignore_index={UNCOUNTED}))"
        )
    if shift:
        if len(labels.shape) < 2:
            raise ContractError(
                f"{name}: `shift` moves labels along their second axis, and those of this batch have the shape "
                f"{tuple(labels.shape)}. Fix: trainer_loss({name}, shift=False), as classifiers take it"
            )
        logits, labels = logits[:, :-1, ...], labels[:, 1:]
    if num_items_in_batch is None:
        return loss(logits, labels)
    return loss(logits, labels, reduction="sum") / num_items_in_batch


def _counts_all(loss: Loss) -> bool:
    """Say whether a loss has labels and would count those that data collators mean to leave out."""
    parts = [part for _, part in parts_of(loss) if isinstance(part, Specified) and part.declared.ignorable]
    return any(part.declared.keywords.ignore_index != UNCOUNTED for part in parts)
