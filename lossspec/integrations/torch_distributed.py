"""Losses over the ranks of torch.distributed: the value of the whole batch on every rank, and its gradient.

What a rank has to do with the denominator depends on what its engine does with gradients. DDP and FSDP take their mean
over ranks, and so these functions multiply derivatives by the number of ranks unless told otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn, TypeVar

from lossspec.composite import PartialSum
from lossspec.contract import Contract
from lossspec.dispatch import find_backend, get_backend, is_array, name_of
from lossspec.encoding import encode
from lossspec.errors import BackendError, ContractError, FormatError, MergeError, MissingExtraError, MixtureError
from lossspec.integrations.checks import contract_of
from lossspec.loss import Loss
from lossspec.reduction import Partial
from lossspec.terms import Array

try:
    import torch
    import torch.distributed as dist
except ImportError:
    raise MissingExtraError('losses over ranks need torch: pip install "lossspec[torch]"') from None

__all__ = ["all_reduce", "global_loss"]

Sum = TypeVar("Sum", Partial, PartialSum)
Gradients = Literal["mean", "sum"]
DIGEST = 16
"""The length of the digest of all that partials share.

Three flags follow it in the row of a rank: it failed, its weights are counts, its units have no leading axis. Behind
them is room for the numbers of small partials, so that what most calls add travels with what they agree on.
"""

FLAGS, ROOM = 3, 8

LONG = 64
"""The number of entries up to which an error shows the values of an array."""


def all_reduce(partial: Sum, group: Any = None, gradients: Gradients = "mean") -> Sum:
    """The sum of the partials of all ranks, on every rank; it is differentiable.

    `gradients` says how gradients are combined over the ranks afterwards. With "mean", as DDP and FSDP do it, those of
    `.value()` become the gradient of the whole batch; with "sum" they do if they are added up. All ranks of the group
    call it, with partials of the same loss and options; a rank without data brings a partial of arrays of length 0.
    Otherwise every rank raises `MergeError`, which names the ranks and what differs. Where a rank is gone or does not
    call it, the others raise `BackendError` after the timeout of the group.
    """
    check_call("all_reduce", gradients)
    if not isinstance(partial, (Partial, PartialSum)):
        failed(ContractError(f"all_reduce: {type(partial).__name__} is no partial. Fix: pass loss.partial(...)"), group)
    return _added(partial, group, gradients)


def global_loss(loss: Loss, *inputs: Any, group: Any = None, gradients: Gradients = "mean", **options: Any) -> Array:
    """The loss of the batch whose shards the ranks hold, on every rank; its gradient is right after DDP or FSDP.

    Inputs and options are those of a call of the loss, with the shard of this rank. Where the call fails on some rank,
    every rank raises: that one its own error, the others a `MergeError` that names it. See `all_reduce`.
    """
    check_call("global_loss", gradients)
    try:
        contract_of("global_loss", loss)
        partial = loss.partial(*inputs, **options)
    except Exception as error:
        failed(error, group)
    return _added(partial, group, gradients).value()


def check_call(name: str, gradients: str) -> None:
    if gradients not in ("mean", "sum"):
        raise ContractError(
            f"{name}: `gradients` is {gradients!r}; it is 'mean', as DDP and FSDP combine them, or 'sum'"
        )
    if not (dist.is_available() and dist.is_initialized()):
        raise BackendError(f"{name}: there is no process group. Fix: call torch.distributed.init_process_group first")


def _parts(partial: Partial | PartialSum) -> list[Partial]:
    return [part for _, part in partial.parts] if isinstance(partial, PartialSum) else [partial]


def _added(partial: Sum, group: Any, gradients: Gradients) -> Sum:
    """The sum, once all ranks know that they bring the same."""
    parts = _parts(partial)
    try:
        for part in parts:
            if not isinstance(part.totals[0], torch.Tensor):
                found = find_backend(part.totals[0])
                raise MixtureError(
                    f"{part.loss.contract.name}: the partial holds arrays of {found}, and ranks add tensors of Torch. "
                    "Fix: convert the inputs with torch.as_tensor"
                )
    except MixtureError as error:
        failed(error, group)
    sizes = [sum(map(_size, part.totals)) + 3 for part in parts]
    sent = _numbers(parts) if sum(sizes) <= ROOM else None
    weights, batches = [part.weight for part in parts], [part.batch for part in parts]
    signature = {**_signature(partial), "`gradients`": gradients}
    rows = agree(signature, weights, batches, group, sent)
    counted, flat = bool(rows[:, DIGEST + 1].all()), bool(rows[:, DIGEST + 2].any())
    factor = dist.get_world_size(group) if gradients == "mean" else 1
    known: Sequence[Any] = [None] * len(parts)
    if sent is not None:
        numbers = rows[:, DIGEST + FLAGS :].clone(memory_format=torch.contiguous_format).view(torch.float64)
        known = numbers.sum(0)[: len(sent)].split(sizes)
    added = [_add(part, counted, flat, factor, group, sums) for part, sums in zip(parts, known, strict=True)]
    if isinstance(partial, Partial):
        return added[0]
    return PartialSum(tuple((factor, part) for (factor, _), part in zip(partial.parts, added, strict=True)))


def _add(part: Partial, counted: bool, flat: bool, factor: int, group: Any, known: Any) -> Partial:
    """The sum of one partial over the ranks: floats in one vector, counts, which stay whole, in another.

    It is `known` where the ranks have sent its numbers already: totals, weight, count and batch.
    """
    like = part.totals[0]
    floats, whole = [*part.totals], [part.count, 0 if flat else part.batch]
    (whole if counted else floats).append(part.weight)
    vector = _vector(floats, like.dtype, like.device)
    if known is None:
        sums = _summed(part, vector.detach().clone(), group)
        counts = _summed(part, _vector(whole, torch.int64, like.device), group)
    else:
        sums = known[: len(vector)].to(like.device, like.dtype)
        counts = known[[-2, -1, -3] if counted else [-2, -1]].to(like.device, torch.int64)
    sums = _Sum.apply(vector, sums, factor)
    pieces = iter(sums.split([_size(x) for x in floats]))
    totals = tuple(next(pieces).reshape(total.shape) for total in part.totals)
    return replace(
        part,
        totals=totals,
        count=counts[0],
        batch=None if flat else counts[1],
        weight=counts[2] if counted else next(pieces).reshape(()),
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def _numbers(parts: list[Partial]) -> Any:
    """All numbers of partials as float64, which holds those of float32 and any count."""
    values = [x for part in parts for x in (*part.totals, part.weight, part.count, part.batch or 0)]
    return _vector(values, torch.float64, "cpu")


def _summed(part: Partial, vector: Any, group: Any) -> Any:
    """A vector that the ranks have added up in place."""
    collective(part, lambda: dist.all_reduce(vector, group=group))
    return vector


def _size(x: Any) -> int:
    return x.numel() if isinstance(x, torch.Tensor) else 1


def _vector(values: list[Any], dtype: Any, device: Any) -> Any:
    return torch.cat([torch.as_tensor(x, device=device).to(dtype).reshape(-1) for x in values])


class _Sum(torch.autograd.Function):  # type: ignore[misc]
    """The sum over ranks, whose derivative is a constant: nothing is sent on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Any, total: Any, factor: int) -> Any:
        ctx.factor = factor
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.factor, None, None


def collective(part: Partial | None, call: Callable[[], Any]) -> Any:
    """The result of a call that all ranks have to make."""
    try:
        return call()
    except RuntimeError as error:
        name = "" if part is None else f"{part.loss.contract.name}: "
        raise BackendError(
            f"{name}the ranks did not all answer within the timeout of the group: one is gone, or makes another call. "
            f"Fix: call it on every rank, with arrays of length 0 where there is no data ({error})"
        ) from error


# Ranks agree before anything is added: each sends a row of bytes, and its text only where the rows differ.


def write(what: str, value: Any) -> Any:
    """A value for comparison: of a long array a digest; of what does not travel its name or its shape."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
    try:
        if isinstance(value, torch.Tensor) and value.numel() > LONG:
            text = hashlib.sha256(get_backend("torch").bits(value) or b"").hexdigest()[: 2 * DIGEST]
            return f"array of {name_of(value.dtype)} {list(value.shape)} with the digest {text}"
        return encode(what, value)
    except FormatError:
        shape = f" of shape {list(value.shape)}" if is_array(value) else ""
        return getattr(value, "__qualname__", f"{type(value).__name__}{shape}")


def _declared(contract: Contract) -> str:
    """The contract without defaults: what was configured is compared by value, and a tensor's text names its device."""
    bare = tuple(replace(parameter, default=None) for parameter in contract.parameters)
    return str(replace(contract, parameters=bare))


def _signature(partial: Partial | PartialSum) -> dict[str, Any]:
    """All that the ranks have to share, as plain JSON, by the names that an error gives."""
    composite = isinstance(partial, PartialSum)
    factors = [f for f, _ in partial.parts] if isinstance(partial, PartialSum) else []
    found: dict[str, Any] = {"loss": [part.loss.contract.name for part in _parts(partial)], "sum of losses": composite}
    found["factors"] = [write("a factor", factor) for factor in factors]
    for index, part in enumerate(_parts(partial)):
        shared = part.shared(write)
        prefix = f"{part.loss.contract.name}: " if composite else ""
        for group in ("options", "configuration"):
            for name, value in shared.pop(group).items():
                found[f"{prefix}{'configured ' if group == 'configuration' else ''}`{name}`|{index}"] = value
        shared.pop("loss")
        shared["contract"] = _declared(part.loss.contract)
        shared["dtype"] = name_of(part.totals[0].dtype)
        shared["shapes of the totals"] = [list(total.shape) for total in part.totals]
        found |= {f"{prefix}{name}|{index}": value for name, value in shared.items()}
    return found


def agree(
    signature: dict[str, Any] | str, weights: list[Any], batches: list[Any], group: Any, numbers: Any = None
) -> Any:
    """The rows of all ranks, or on every rank the error that names what differs."""
    text = json.dumps(signature).encode()
    broken = isinstance(signature, str)
    counted = all(not torch.is_tensor(w) or not w.is_floating_point() for w in weights)
    flags = [broken, counted, any(batch is None for batch in batches)]
    row = torch.zeros(DIGEST + FLAGS + 8 * ROOM, dtype=torch.uint8)
    row[: DIGEST + FLAGS] = torch.tensor([*hashlib.sha256(text).digest()[:DIGEST], *flags], dtype=torch.uint8)
    if numbers is not None:
        row[DIGEST + FLAGS :][: 8 * len(numbers)] = numbers.view(torch.uint8)
    rows = gather(row, group)
    if bool((rows[:, :DIGEST] == rows[0, :DIGEST]).all()) and not bool(rows[:, DIGEST].any()):
        return rows
    texts = [json.loads(bytes(one)) for one in _texts(text, group)]
    for rank, other in enumerate(texts):
        if isinstance(other, str) and not broken:
            raise MergeError(f"rank {rank} failed, and so no rank has the loss: {other}")
    if not broken:
        for name, ranks, values in _differences(texts):
            raise MergeError(
                f"the ranks do not add up: {name} is {values[0]!r} on rank {ranks[0]}, "
                f"{values[1]!r} on rank {ranks[1]}. "
                "Fix: call the same loss with the same options on every rank"
            )
    return rows


def _differences(texts: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[int, int], tuple[Any, Any]]]:
    """The values that two ranks have differently; an option that only one of them shares is data of the other."""
    for name in dict.fromkeys(name for text in texts for name in text):
        have = [(rank, text[name]) for rank, text in enumerate(texts) if name in text]
        for rank, value in have[1:]:
            if value != have[0][1]:
                yield name.partition("|")[0], (have[0][0], rank), (_shown(have[0][1]), _shown(value))


def _shown(value: Any) -> Any:
    """A value as a reader knows it."""
    if isinstance(value, dict):
        return float.fromhex(value["float"]) if "float" in value else {k: _shown(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value


def failed(error: Exception, group: Any) -> NoReturn:
    """Tell the other ranks, and raise."""
    agree(f"{type(error).__name__}: {error}", [], [], group)
    raise error


def gather(row: Any, group: Any) -> Any:
    """The rows of all ranks, through the device that the group has for certain, whatever the rank computes on."""
    on_host = "cpu:" in dist.get_backend_config(group)
    row = row.to("cpu" if on_host else torch.device("cuda", torch.cuda.current_device()))
    rows = [torch.empty_like(row) for _ in range(dist.get_world_size(group))]
    collective(None, lambda: dist.all_gather(rows, row, group=group))
    return torch.stack(rows).cpu()


def _texts(text: bytes, group: Any) -> list[bytes]:
    """The texts of all ranks, each filled up to the longest on the way."""
    lengths = gather(torch.tensor([len(text)]), group).ravel().tolist()
    filled = torch.tensor(list(text.ljust(max(lengths), b"\0")), dtype=torch.uint8)
    rows = gather(filled, group).tolist()
    return [bytes(row[:length]) for row, length in zip(rows, lengths, strict=True)]
