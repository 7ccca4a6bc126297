"""Calls of losses on dask arrays: one task a chunk gives a partial, a tree of tasks adds them up, and Dask runs all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from math import isnan
from typing import Any, NamedTuple, TypeAlias, cast

import dask.array as da
import numpy as np

from lossspec.autodiff import value_and_grad_on
from lossspec.binding import by_name, is_list
from lossspec.composite import Composite, PartialSum, parts_of
from lossspec.contract import TAIL, align
from lossspec.differentiation import differentiable
from lossspec.dispatch import array_namespace, backend_of, find_backend
from lossspec.errors import ContractError, DTypeError, MergeError, MixtureError
from lossspec.identity import has_content
from lossspec.kernels.request import Request
from lossspec.loss import Loss, Specified
from lossspec.pipeline import checking, values_are_checked
from lossspec.plan import Plan, move_last
from lossspec.reduction import Mean, Partial, denominator
from lossspec.terms import CLASSES, Array, Shape

_AT_ONCE = ("sum", "mean", "count_mean", "batch_mean")
"""The reductions whose gradient is that of the sum over one number, so that a chunk is read once."""


def over_chunks(request: Request) -> Any:
    """The lazy result of a method of a loss; the methods are those of `lossspec.kernels.front.run`."""
    loss, method, wrt = cast(Loss, request.loss), request.method, request.wrt
    call = _plan(loss, by_name(loss.contract, tuple(request.inputs), request.options))
    if method == "value":
        return (
            _by_unit(call)
            if call.reduction == "none"
            else _reduced(call, _objects(call, partial(_partial, call.varying)), _value)
        )
    if call.reduction == "none" and method != "grad_hess":
        if method == "partial":
            raise MergeError(f"{call.name}: reduction 'none' has nothing to merge; concatenate the results")
        raise ContractError(f"{call.name}: only a reduced loss has a gradient; use reduction='sum'")
    if method == "partial":
        return _reduced(call, _objects(call, partial(_partial, call.varying)), _merged).to_delayed().item()
    names, _ = differentiable(loss.contract, call.stand_ins, wrt)
    single = wrt is None or isinstance(wrt, str)
    if method == "grad_hess":
        objects = _objects(call, partial(_grad_hess, names[0]))
        return tuple(_array(call, names[0], objects, place) for place in range(2))
    value, gradients = _value_and_gradients(call, names)
    return value, gradients[0] if single else gradients


class _Call(NamedTuple):
    """The static facts of a call."""

    loss: Loss
    name: str
    given: Mapping[str, Any]
    """All arguments; each array is a dask array."""
    stand_ins: Mapping[str, Any]
    """The same with an array of the shape and no memory for each dask array."""
    reduction: Any
    labels: Mapping[str, tuple[str, ...]]
    """A name for each axis of each dask array: equal names are cut alike, those in `chunks` are of units."""
    chunks: Mapping[str, tuple[int, ...]]
    leading: tuple[int | None, ...]
    """The length of the leading axis of the units of each part."""
    dtype: Any

    @property
    def varying(self) -> frozenset[str]:
        """The arrays of which a chunk has a part."""
        return frozenset(key for key, axes in self.labels.items() if not self.chunks.keys().isdisjoint(axes))

    @property
    def static(self) -> dict[str, Any]:
        """The arguments that are no arrays, the same in every chunk."""
        return {name: value for name, value in self.given.items() if name not in self.labels}


# From a call to its plan, or to the error that says what is wrong, before anything is computed.


def _plan(loss: Loss, given: Mapping[str, Any]) -> _Call:
    name, contract = loss.contract.name, loss.contract
    if not contract.mergeable:
        raise MergeError(
            f"{name}: its chunks do not add up, for it has no partials: {contract.why_coupled.removesuffix('.')}. "
            "Fix: compute the arrays of a batch first, for example x.compute()"
        )
    lazy = {key: x for key, x in given.items() if isinstance(x, da.Array)}
    stand_ins = {**given, **{key: _stand_in(name, key, x, x.shape) for key, x in lazy.items()}}
    parts = [part for _, part in parts_of(loss)]
    if isinstance(loss, Specified):
        loss.check(**stand_ins)
    plans = [_planned(part, stand_ins) for part in parts if isinstance(part, Specified)]
    labels = {key: _labels(parts, plans, key, given) for key, x in given.items() if has_content(x)}
    given = {**given, **_shared(name, given, lazy, labels)}
    labels = {key: of_axes for key, of_axes in labels.items() if isinstance(given[key], da.Array)}
    units = _units_of(parts, plans)
    chunks = _chunks(name, {key: given[key] for key in labels}, labels, set().union(*units))
    for part, own in zip(parts, units, strict=True):
        for label, sizes in chunks.items():
            if len(sizes) > 1 and label not in own:
                raise ContractError(
                    f"{name}: the units of {part.contract.name} lie in every chunk of `{label}`, and would count once "
                    "for each. Fix: call the parts one by one, and add the values"
                )
    if isinstance(loss, Composite):  # shares masks and labels among its parts, which computes with them
        first = {key: tuple(chunks.get(label, (n,))[0] for label, n in zip(of, given[key].shape, strict=True))
                 for key, of in labels.items()}  # fmt: skip
        loss.check(**{**stand_ins, **{key: _stand_in(name, key, given[key], shape) for key, shape in first.items()}})
    return _Call(
        loss=loss,
        name=name,
        given=given,
        stand_ins=stand_ins,
        reduction=given.get("reduction", _default_reduction(loss)),
        labels=labels,
        chunks=chunks,
        leading=tuple(plan.unit_shape[0] if plan.unit_shape else None for plan in plans),
        dtype=np.result_type(*(plan.dtype for plan in plans)),
    )


def _default_reduction(loss: Loss) -> Any:
    return loss.declared.keywords.reduction if isinstance(loss, Specified) else loss.contract.default_reduction


def _stand_in(loss: str, key: str, x: Any, shape: tuple[int, ...]) -> Array:
    """An array of zeros of the kind of the chunks, which takes no memory."""
    if any(isnan(size) for size in x.shape):
        raise ContractError(
            f"{loss}: the chunks of `{key}` have no known sizes. Fix: {key} = {key}.compute_chunk_sizes(), or of a "
            "data frame to_dask_array(lengths=True)"
        )
    backend = find_backend(x._meta)
    if backend is None:
        raise DTypeError(
            f"{loss}: the chunks of `{key}` are of type {type(x._meta).__name__}, of no known framework. "
            f"Fix: {key} = {key}.map_blocks(numpy.asarray)"
        )
    xp = backend.namespace
    return xp.broadcast_to(xp.zeros((), dtype=x.dtype), shape)


def _planned(part: Specified, stand_ins: Mapping[str, Any]) -> Plan:
    inputs = {key: x for key, x in part.declared.takes_of(stand_ins).items() if key not in TAIL or key == "axis"}
    return part.planned((), inputs)


def _names(shape: Shape, actual: tuple[int, ...]) -> list[str]:
    """A name for each axis of an array of a declared shape: those of `*batch` are batch, batch1, batch2."""
    sizes = align(shape, actual)
    assert sizes is not None, f"{actual} has been checked against {shape}"
    names: list[str] = []
    for axis, size in zip(shape.axes, sizes, strict=True):
        several = range(len(size)) if isinstance(size, tuple) else range(1)
        names += [f"{axis.name or axis}{i or ''}" for i in several]
    return names


def _units_of(parts: Sequence[Loss], plans: Sequence[Plan]) -> list[set[str]]:
    """The names of the axes of the units of each part."""
    return [set(_names(part.contract.result, plan.unit_shape)) for part, plan in zip(parts, plans, strict=True)]


def _labels(parts: Sequence[Loss], plans: Sequence[Plan], key: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the axes of one argument; an axis that is whole in every chunk has one that no other has."""
    found: list[str] | None = None
    shape = tuple(given[key].shape)
    for part, plan, units in zip(parts, plans, _units_of(parts, plans), strict=True):
        assert isinstance(part, Specified)
        if key not in part.declared.known:
            continue
        declared = _declared_shape(part, plan, key, len(shape))
        order = list(range(len(shape)))
        if key in plan.moved:
            order = list(move_last(tuple(order), part.axis_of(given)))
        names = _names(declared, tuple(shape[i] for i in order)) if declared is not None else []
        sizes = dict(zip(_names(part.contract.result, plan.unit_shape), plan.unit_shape, strict=True))
        own = [f"{key}[{axis}]" for axis in range(len(shape))]
        for axis, name in zip(order, names, strict=True):
            if name in units and shape[axis] == sizes[name]:
                own[axis] = name
            elif name not in units:
                own[axis] = f"{own[axis]} {name}"
        earlier = own if found is None else found
        found = [a if a == b else f"{key}[{axis}]" for axis, (a, b) in enumerate(zip(earlier, own, strict=True))]
    return tuple(found or (f"{key}[{axis}]" for axis in range(len(shape))))


def _declared_shape(part: Specified, plan: Plan, key: str, rank: int) -> Shape | None:
    """The declared shape of an argument of a call."""
    if key in plan.terms:
        return plan.terms[key].shape
    if key == "where_entries":
        return next(shape for shape in part.contract.entries if len(shape.axes) == rank or _has_any_rank(shape))
    return Shape.parse(CLASSES) if key == "class_weight" else part.contract.result


def _has_any_rank(shape: Shape) -> bool:
    return any(axis.variadic for axis in shape.axes)


def _shared(
    loss: str, given: Mapping[str, Any], lazy: Mapping[str, Any], labels: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """The plain arrays that all units share, as one chunk each; an error for one with an entry for each unit."""
    found = {}
    for key, x in given.items():
        if is_list(x) and any(isinstance(item, da.Array) for item in x):
            raise DTypeError(f"{loss}: `{key}` is a list of dask arrays. Fix: compute them, or call it for each item")
        if key in lazy or key not in labels:
            continue
        if any("[" not in label for label in labels[key]):
            first = next(iter(lazy))
            raise MixtureError(
                f"{loss}: `{first}` is a dask array and `{key}` is none, with an entry for each unit. "
                f"Nothing is cut silently. Fix: {key} = dask.array.from_array({key}, chunks=...), as `{first}` is cut"
            )
        found[key] = da.from_array(x, chunks=x.shape, asarray=False)
    return found


def _chunks(
    loss: str, arrays: Mapping[str, Any], labels: Mapping[str, tuple[str, ...]], units: set[str]
) -> dict[str, tuple[int, ...]]:
    """The sizes of the chunks along each axis of units, or the error that says how to cut."""
    found: dict[str, tuple[str, int, tuple[int, ...]]] = {}
    for key, x in arrays.items():
        for axis, (label, sizes) in enumerate(zip(labels[key], x.chunks, strict=True)):
            if label not in units:
                if len(sizes) > 1:
                    called = label.partition(" ")[2]
                    raise ContractError(
                        f"{loss}: axis {axis}{f' (`{called}`)' if called else ''} of `{key}` is cut into {len(sizes)} "
                        f"chunks, and a unit needs all of it. Fix: {key} = {key}.rechunk({{{axis}: -1}})"
                    )
                continue
            first, its, expected = found.setdefault(label, (key, axis, sizes))
            if sizes != expected:
                raise ContractError(
                    f"{loss}: `{first}` is cut into {_brief(expected)} along axis {its} (`{label}`), and `{key}` into "
                    f"{_brief(sizes)} along axis {axis}. Nothing is cut anew silently. "
                    f"Fix: {key} = {key}.rechunk({{{axis}: {first}.chunks[{its}]}})"
                )
    return {label: sizes for label, (_, _, sizes) in found.items()}


def _brief(sizes: tuple[int, ...]) -> str:
    return str(sizes) if len(sizes) < 7 else f"({', '.join(map(str, sizes[:5]))}, ... of {len(sizes)})"


# The graph.

_WHOLE = ("whole",)
"""The axis of the only object of a call that has no axis of units."""


def _task(call: _Call, function: Callable[..., Any], out: tuple[str, ...], *more: Any, **keywords: Any) -> Any:
    """A function of the loss and of the arguments of a chunk, once for each: its results are the blocks of an array."""
    names = tuple(call.labels)
    one = partial(_one, function, call.loss, names, call.static, values_are_checked())
    pairs = [x for name in names for x in (call.given[name], call.labels[name])]
    return da.blockwise(one, out, *pairs, *more, concatenate=None, align_arrays=False, token=call.name, **keywords)


def _one(
    function: Callable[..., Any],
    loss: Loss,
    names: tuple[str, ...],
    static: Mapping[str, Any],
    checked: bool,
    *blocks: Any,
) -> Any:
    arrays = [_only(block) for block in blocks]
    given = {**static, **dict(zip(names, arrays, strict=False))}
    with checking("values") if checked else nullcontext():
        return function(loss, given, *arrays[len(names) :])


def _only(block: Any) -> Any:
    """The one block of an axis that is whole, which Dask nests in lists."""
    while isinstance(block, list):
        (block,) = block
    return block


def _objects(call: _Call, function: Callable[..., Any], *more: Any) -> Any:
    """The results of a function of each chunk, which are no arrays."""
    axes = tuple(call.chunks) or _WHOLE
    return _task(
        call,
        function,
        axes,
        *more,
        adjust_chunks={label: (1,) * len(sizes) for label, sizes in call.chunks.items()},
        new_axes={} if call.chunks else {_WHOLE[0]: 1},
        dtype=object,
        meta=np.empty((0,) * len(axes), dtype=object),
    )


def _reduced(call: _Call, objects: Any, finish: Callable[[Any], Any]) -> Any:
    """A 0-d array with the result of a function of the sum of all partials, which a tree of tasks adds up."""
    dtype = call.dtype if finish is _value else object
    return da.reduction(
        objects,
        chunk=_as_it_is,
        combine=_add,
        aggregate=partial(_finished, finish, call.leading),
        concatenate=False,
        dtype=dtype,
        meta=np.empty((), dtype=dtype),
    )


def _as_it_is(block: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return block


def _flat(nested: Any) -> list[Any]:
    return [x for item in nested for x in _flat(item)] if isinstance(nested, list) else [nested]


def _add(blocks: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of the partials of some chunks, each of which may have gradients beside it."""
    return sum(block[0] if isinstance(block, tuple) else block for block in _flat(blocks))


def _finished(
    finish: Callable[[Any], Any],
    leading: tuple[int | None, ...],
    blocks: Any,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    """The result of a function of the sum of all partials, with the length of the batch however it was cut."""
    merged = _add(blocks)
    parts = [replace(part, batch=n) for part, n in zip(_parts(merged), leading, strict=True)]
    return finish(_with_parts(merged, parts))


def _parts(merged: Partial | PartialSum) -> list[Partial]:
    return [part for _, part in merged.parts] if isinstance(merged, PartialSum) else [merged]


def _with_parts(merged: Partial | PartialSum, parts: Sequence[Partial]) -> Partial | PartialSum:
    if isinstance(merged, Partial):
        return parts[0]
    return PartialSum(tuple((factor, part) for (factor, _), part in zip(merged.parts, parts, strict=True)))


def _partial(varying: frozenset[str], loss: Loss, given: Mapping[str, Any]) -> Any:
    """The partial of a chunk, in which a parameter that varies from chunk to chunk is data, and no option to share."""
    found = loss.partial(**given)
    parts = [
        replace(part, options={k: x for k, x in part.options.items() if k not in varying or part.loss.finalizes(k)})
        for part in _parts(found)
    ]
    return _with_parts(found, parts)


def _merged(merged: Any) -> Any:
    return merged


def _value(merged: Any) -> Any:
    return merged.value()


# Values by unit, and gradients.


def _by_unit(call: _Call) -> Any:
    """The unreduced loss, cut as the inputs are."""
    parts = [part for _, part in parts_of(call.loss)]
    shapes = [_planned(part, call.stand_ins).unit_shape for part in parts if isinstance(part, Specified)]
    if len(set(shapes)) > 1:
        words = " and ".join(map(str, dict.fromkeys(shapes)))
        raise ContractError(f"{call.name}: the parts have units of shapes {words}; reduce them first")
    names = _names(parts[0].contract.result, shapes[0])
    meta = _zeros(call, len(names), call.dtype)
    sizes = {label: shapes[0][names.index(label)] for label in names if label not in call.chunks}
    return _task(call, _per_unit, tuple(names), new_axes=sizes, dtype=call.dtype, meta=meta)


def _zeros(call: _Call, rank: int, dtype: Any) -> Array:
    """An array without entries, of the kind that the chunks are."""
    first = next(call.stand_ins[key] for key in call.labels)
    return backend_of(first).namespace.zeros((0,) * rank, dtype=dtype)


def _per_unit(loss: Loss, given: Mapping[str, Any]) -> Any:
    return loss(**given)


def _grad_hess(wrt: str, loss: Loss, given: Mapping[str, Any]) -> Any:
    return loss.grad_hess(**given, wrt=wrt)


def _value_and_gradients(call: _Call, names: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The value, and gradients cut as the inputs are.

    The gradient of a mean waits for its denominator. Where that is one number, a task gives the partial of its chunk
    and the gradient of its sum, so that a chunk is read once. Else the derivatives of the value in what adds up come
    first, and every chunk pulls them back. A denominator that is known, as that of `Mean(over=n)`, waits for nothing.
    """
    contract, known = call.loss.contract, _known_reduction(call)
    simple = isinstance(call.loss, Specified) and contract.form == "pointwise"
    of_inputs = {argument.name for argument in contract.inputs}.issuperset(names)
    if simple and of_inputs and (known is not None or call.reduction in _AT_ONCE):
        objects = _objects(call, partial(_with_gradients, call.varying, names, known or "sum"))
        value = _reduced(call, objects, _value)
        scale = () if known is not None else (_reduced(call, objects, _scale), ())
        return value, tuple(_array(call, name, objects, 1 + place, *scale) for place, name in enumerate(names))
    objects = _objects(call, partial(_partial, call.varying))
    slopes = _reduced(call, objects, _slopes)
    pulled = _objects(call, partial(_pulled, names), slopes, ())
    return _reduced(call, objects, _value), tuple(_array(call, name, pulled, i) for i, name in enumerate(names))


def _known_reduction(call: _Call) -> Any:
    """A reduction of a chunk that has the gradient of the whole, where no sum over chunks decides it; else None."""
    if call.reduction == "sum" or isinstance(call.reduction, Mean):
        return call.reduction
    (leading, *_) = call.leading
    return Mean(over=leading) if call.reduction == "batch_mean" and leading else None


def _with_gradients(
    varying: frozenset[str], wrt: tuple[str, ...], reduction: Any, loss: Loss, given: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The partial of a chunk, and its gradients under another reduction."""
    _, gradients = loss.value_and_grad(**{**given, "reduction": reduction}, wrt=wrt)
    return _partial(varying, loss, given), *gradients


def _scale(merged: Partial) -> Any:
    """One over the denominator, or 0 where that is 0: then the gradient is."""
    total = merged.totals[0]
    xp = backend_of(total).namespace
    divisor = denominator(merged.loss.contract.name, merged.reduction, merged.weight, merged.count, merged.batch)
    divisor = xp.astype(xp.asarray(divisor), total.dtype)
    nothing = divisor == 0
    return xp.where(nothing, 0.0, 1.0 / xp.where(nothing, 1.0, divisor))


_Slopes: TypeAlias = tuple[tuple[tuple[Array, ...], Array | None], ...]


def _slopes(merged: Partial | PartialSum) -> _Slopes:
    """The derivatives of the value in the totals and in the weight of each partial; no count has one.

    They are tuples, for Dask takes lists apart.
    """
    parts = _parts(merged)
    xp = backend_of(parts[0].totals[0]).namespace
    leaves = [[xp.asarray(total) for total in part.totals] for part in parts]
    real = [xp.isdtype(getattr(part.weight, "dtype", xp.int64), "real floating") for part in parts]
    for own, part, has in zip(leaves, parts, real, strict=True):
        own += [xp.asarray(part.weight)] if has else []

    def value(*flat: Array) -> Array:
        left, made = list(flat), []
        for part, has in zip(parts, real, strict=True):
            totals = tuple(left.pop(0) for _ in part.totals)
            made.append(replace(part, totals=totals, weight=left.pop(0) if has else part.weight))
        return _with_parts(merged, made).value()

    flat = [x for own in leaves for x in own]
    _, found = value_and_grad_on(backend_of(flat[0]), value, tuple(range(len(flat))))(*flat)
    left = list(found)
    return tuple(
        (tuple(left.pop(0) for _ in part.totals), left.pop(0) if has else None)
        for part, has in zip(parts, real, strict=True)
    )


def _pulled(wrt: tuple[str, ...], loss: Loss, given: Mapping[str, Any], slopes: _Slopes) -> tuple[Array, ...]:
    """The gradients of a chunk, from the derivatives of the value in what adds up."""
    backend = backend_of(given[wrt[0]])
    xp = backend.namespace
    given = {name: backend.adopt(x) for name, x in given.items()}

    def linear(*chosen: Array) -> Array:
        found = xp.zeros((), dtype=slopes[0][0][0].dtype)
        for part, (of_totals, of_weight) in zip(
            _parts(loss.partial(**{**given, **dict(zip(wrt, chosen, strict=True))})), slopes, strict=True
        ):
            for slope, total in zip(of_totals, part.totals, strict=True):
                found = found + array_namespace(total).sum(slope * total)
            if of_weight is not None:
                found = found + of_weight * part.weight
        return found

    return tuple(value_and_grad_on(backend, linear, tuple(range(len(wrt))))(*(given[name] for name in wrt))[1])


def _array(call: _Call, name: str, objects: Any, place: int, *scale: Any) -> Any:
    """The gradients in one argument that all chunks hold at a place, as one array; those of what they share add up."""
    x, own = call.given[name], call.labels[name]
    lacking = tuple(label for label in call.chunks if label not in own)
    out = lacking + own
    dtype = x.dtype
    whole = {label: size for label, size in zip(own, x.shape, strict=True) if label not in call.chunks}
    found = da.blockwise(
        partial(_picked, place, len(lacking)),
        out,
        objects,
        tuple(call.chunks) or _WHOLE,
        *scale,
        concatenate=None,
        align_arrays=False,
        adjust_chunks={label: call.chunks[label] for label in own if label in call.chunks},
        new_axes=whole,
        dtype=dtype,
        meta=_zeros(call, len(out), dtype),
    )
    return found.sum(axis=tuple(range(len(lacking)))) if lacking else found


def _picked(place: int, lacking: int, chunk: Any, scale: Any = None) -> Array:
    found = _only(chunk)[place]
    xp = array_namespace(found)
    found = found if scale is None else xp.astype(found * scale, found.dtype, copy=False)
    return xp.reshape(found, (1,) * lacking + tuple(found.shape)) if lacking else found
