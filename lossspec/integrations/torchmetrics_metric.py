"""A mergeable loss as a metric of torchmetrics: batches, ranks and epochs add up to the loss of all data."""

from __future__ import annotations

from math import nan, prod
from typing import Any
from zlib import crc32

from lossspec.composite import parts_of
from lossspec.errors import ContractError, MergeError, MissingExtraError
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss, Specified
from lossspec.reduction import Partial

try:
    import torch
    from torchmetrics import Metric
    from torchmetrics.utilities.distributed import gather_all_tensors
except ImportError:
    raise MissingExtraError("a metric needs torch and torchmetrics: pip install torchmetrics") from None

__all__ = ["LossMetric"]


class LossMetric(Metric):  # type: ignore[misc]
    """A loss as a `torchmetrics.Metric`: `update(*inputs)` adds a batch, `compute()` is the loss of all of them.

    The state is the partial of the loss, sums in float64: a mean has the denominator of all data, whatever the sizes of
    batches and ranks, and an aggregate is finished once. `update` takes the inputs, `sample_weight` and masks. All
    other options are the same for all batches, and belong to the loss: `LossMetric(loss.configured(...))`.

    Errors: `ContractError` for a loss without partials, for the reduction "none" and for what the loss does not take.

    >>> from lossspec import root_mean_squared_error
    >>> metric = LossMetric(root_mean_squared_error)
    >>> metric.update(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))
    >>> metric.update(torch.tensor([0.0]), torch.tensor([2.0]))
    >>> metric.compute()  # the root of 8 / 3
    tensor(1.6330, dtype=torch.float64)
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = True
    sums: torch.Tensor
    layout: torch.Tensor

    def __init__(self, loss: Loss, **metric: Any) -> None:
        super().__init__(**{"dist_sync_fn": _gathered, **metric})
        contract = contract_of("LossMetric", loss)
        if not contract.mergeable:
            raise MergeError(f"LossMetric: {contract.name} has no partials: {contract.why_coupled}")
        self.loss = loss
        identity = []
        for factor, part in parts_of(loss):
            assert isinstance(part, Specified)
            if part.declared.keywords.reduction == "none":
                raise ContractError(f"LossMetric: {part.contract.name} is not reduced. Fix: configure a reduction")
            identity.append((factor, part.contract, dict(part.configuration)))
        self.data = {argument.name for argument in contract.inputs} | {"sample_weight", "where", "where_entries"}
        self.add_state("sums", torch.zeros(0, dtype=torch.float64), "sum")
        # metrics of a collection with equal states are taken for one, and other losses have other states
        self.add_state("layout", torch.tensor([crc32(str(identity).encode())]), "max")

    def update(self, *inputs: Any, **data: Any) -> None:
        """Add a batch: the inputs of the loss, its weights and its masks."""
        for name in data:
            if name not in self.data:
                raise ContractError(
                    f"LossMetric: `{name}` is the same for all batches. Fix: LossMetric(loss.configured({name}=...))"
                )
        partial = self.loss.partial(*inputs, **data)
        sums, sizes = [], []
        for part in [partial] if isinstance(partial, Partial) else [part for _, part in partial.parts]:
            batch = nan if part.batch is None else part.batch
            sums += [*part.totals, part.weight, part.count, batch]
            sizes += [prod(total.shape) for total in part.totals] + [0]
        flat = torch.cat([torch.as_tensor(x, device=self.device).detach().double().reshape(-1) for x in sums])
        layout = torch.cat([self.layout[:1], torch.tensor(sizes, device=self.device)])
        if len(self.sums) and not torch.equal(layout, self.layout):
            raise MergeError(f"LossMetric: the batches of {self.loss.contract.name} have statistics of several sizes")
        self.sums = self.sums + flat if len(self.sums) else flat
        self.layout = layout

    def compute(self) -> Any:
        """The loss of all that was added; a mean over nothing is NaN, or what `empty` says."""
        sizes = [*self.layout[1:].tolist()]
        rest = self.sums
        value: Any = 0.0
        for factor, part in parts_of(self.loss):
            assert isinstance(part, Specified)
            totals = []
            while sizes and (size := sizes.pop(0)):
                shape = () if part.contract.statistics is None or not part.contract.statistics.axes else (size,)
                totals.append(rest[:size].reshape(shape))
                rest = rest[size:]
            if not totals:
                return torch.full((), nan, dtype=torch.float64, device=self.device)
            (weight, count, batch), rest = rest[:3], rest[3:]
            keywords, usual = part.declared.keywords, dict(part.declared.defaults)
            whole = Partial(part, usual, keywords.reduction, keywords.empty, tuple(totals), weight, count, batch)
            value = value + factor * whole.value()
        return value


def _gathered(state: torch.Tensor, group: Any = None) -> list[torch.Tensor]:
    """The states of all ranks, with zeros for what a rank without data does not have."""
    states = gather_all_tensors(state, group)
    longest = max(map(len, states))
    return [torch.nn.functional.pad(one, (0, longest - len(one))) for one in states]
