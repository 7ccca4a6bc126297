"""Softmax cross entropy of a linear layer, a block of classes at a time, so that the logits never exist as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import inf
from typing import Any, NamedTuple

from lossspec.dispatch import backend_of
from lossspec.numerics import array_namespace, matmul, positions
from lossspec.primitive import Primitive, PullAll
from lossspec.terms import Array

BLOCK = 1024
"""The classes whose logits exist at a time."""


class _Operands(NamedTuple):
    """The operands by name; what a loss does without is None."""

    features: Any
    weight: Any
    labels: Any
    bias: Any = None
    smoothing: Any = None
    cap: Any = None


class _State(NamedTuple):
    """The sums that all blocks share, relative to the largest logit of the classes that are not the label.

    That is `top`. `ahead` is how far the label is above it, `rest` the sum of the others' exponentials, at least 1;
    `distance` is the mean of how far all logits are above the label's.
    """

    top: Array
    ahead: Array
    rest: Array
    distance: Array


class LinearSoftmax(Primitive):
    """-log softmax(features weight^T + bias)[label] of every row, a block of classes at a time.

    Operands: features [rows dim], weight [classes dim], labels [rows], and those of `given`: bias [classes], smoothing
    [rows] and a 0-d cap, with which logits z are cap tanh(z / cap). With d the logits relative to that of the label,
    the loss is log1p(sum of exp(d) over the other classes), less smoothing times the mean of d. Backwards the logits
    are computed anew, a block at a time; so memory is that of the gradients and of one block.
    """

    def __init__(self, given: tuple[str, ...], block: int = BLOCK) -> None:
        super().__init__(self._whole, row_axes=1)
        self.names = ("features", "weight", "labels", *given)
        self.block = block
        self.__name__ = "linear_softmax"

    def value(self, xp: Any, operands: Sequence[Array], block: int = 0) -> Array:
        """The losses of the rows."""
        return self.value_and_kept(xp, operands, block)[0]

    def value_and_kept(self, xp: Any, operands: Sequence[Array], block: int = 0) -> tuple[Array, tuple[Array, ...]]:
        """The losses of the rows, and the sums over their classes."""
        named = self._named(operands)
        state = self._state(xp, named)
        return _value(xp, named, state), state

    def linearize(
        self, xp: Any, operands: Sequence[Array], block: int = 0, kept: tuple[Array, ...] = ()
    ) -> tuple[Array, PullAll]:
        """The losses, and what pulls their cotangents back to the operands."""
        named = self._named(operands)
        features, weight = named.features, named.weight
        state = _State(*kept) if kept else self._state(xp, named)

        def pull_all(g: Array, wanted: Sequence[bool]) -> list[Array | None]:
            wants = dict(zip(self.names, wanted, strict=True))
            pulled: dict[str, Any] = {"bias": []}

            def of_weight() -> Iterator[Array]:
                for start, rows, bias in self._blocks(weight, named.bias):
                    logits, slope, bend = _logits(xp, features, rows, bias, named.cap)
                    share = _share(xp, named, state, logits, start, g)
                    if wants.get("cap"):
                        _add(pulled, "cap", xp.sum(share * bend))
                    share = share if slope is None else share * slope
                    if wants["features"]:
                        _add(pulled, "features", matmul(share, rows))
                    if wants.get("bias"):
                        pulled["bias"].append(xp.sum(share, axis=0))
                    yield matmul(share.mT, features) if wants["weight"] else rows[:0, ...]

            whole = backend_of(weight).joined(of_weight(), weight if wants["weight"] else weight[:0, ...])
            if wants["weight"]:
                pulled["weight"] = whole
            pulled["bias"] = xp.concat(pulled["bias"]) if wants.get("bias") else None
            if wants.get("smoothing"):
                pulled["smoothing"] = -g * state.distance
            return [pulled.get(name) for name in self.names]

        return _value(xp, named, state), pull_all

    def push(self, xp: Any, operands: Sequence[Array], tangents: Sequence[Array | None]) -> tuple[Array, Array]:
        """The losses, and their tangents for those of the operands; None is 0."""
        named, moved = self._named(operands), dict(zip(self.names, tangents, strict=True))
        state = self._state(xp, named)
        by_class = {name: moved[name] for name in ("weight", "bias") if moved.get(name) is not None}

        def step(carry: tuple[Array], block: tuple[Any, ...]) -> tuple[tuple[Array], None]:
            start, rows, bias, *parts = block
            own = dict(zip(by_class, parts, strict=True))
            logits, slope, bend = _logits(xp, named.features, rows, bias, named.cap)
            changes = [matmul(moved["features"], rows.mT)] if moved["features"] is not None else []
            changes += [matmul(named.features, own["weight"].mT)] if "weight" in own else []
            changes += [own["bias"][None, :]] if "bias" in own else []
            changes = changes if slope is None else [slope * change for change in changes]
            changes += [moved["cap"] * bend] if moved.get("cap") is not None else []
            share = _share(xp, named, state, logits, start, None)
            return (sum((xp.sum(share * change, axis=-1) for change in changes), carry[0]),), None

        (total,) = self._fold(
            backend_of(named.weight).recomputed(step), (xp.zeros_like(state.rest),), named, *by_class.values()
        )
        if moved.get("smoothing") is not None:
            total = total - state.distance * moved["smoothing"]
        return _value(xp, named, state), total

    def _whole(self, xp: Any, *operands: Array) -> Any:
        raise NotImplementedError("a block at a time: `value`, `linearize`, `push`")

    def _named(self, operands: Sequence[Array]) -> _Operands:
        return _Operands(**dict(zip(self.names, operands, strict=True)))

    def _state(self, xp: Any, named: _Operands) -> _State:
        """The sums over all classes; the largest logit is no constant, lest second derivatives be differences."""
        own = xp.sum(named.features * xp.take(named.weight, named.labels, axis=0), axis=-1)
        own = own if named.bias is None else own + xp.take(named.bias, named.labels, axis=0)
        own = own if named.cap is None else named.cap * xp.tanh(own / named.cap)

        def step(carry: tuple[Array, ...], block: tuple[Any, ...]) -> tuple[tuple[Array, ...], None]:
            top, rest, distance = carry
            start, rows, bias = block
            logits = _logits(xp, named.features, rows, bias, named.cap)[0]
            is_label = _is_label(logits, named.labels, start)
            others = xp.where(is_label, -inf, logits)
            largest = xp.maximum(top, xp.max(others, axis=-1))
            safe = xp.where(largest == -inf, 0.0, largest)
            rest = rest * xp.exp(top - safe) + xp.sum(xp.exp(others - safe[:, None]), axis=-1)
            if named.smoothing is not None:
                distance = distance + xp.sum(xp.where(is_label, 0.0, logits - own[:, None]), axis=-1)
            return (largest, rest, distance), None

        nothing = xp.zeros_like(own)
        top, rest, distance = self._fold(step, (nothing - inf, nothing, nothing), named)
        top = xp.where(top == -inf, own, top)  # where there is no other class
        return _State(top, own - top, rest, distance / named.weight.shape[0])

    def _fold(self, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, named: _Operands, *others: Array) -> Any:
        """The carry after all blocks; a step takes the first class of its block, then what belongs to its classes."""
        weight, bias, labels = named.weight, named.bias, named.labels
        full = weight.shape[0] // self.block
        backend = backend_of(labels)
        done = 0
        if full > 1:  # at least: by a loop of the framework, where it has one
            xp, done = backend.namespace, full * self.block
            starts = xp.arange(0, done, self.block, dtype=labels.dtype, device=backend.creation_device(labels))
            by_class = [x for x in (weight, bias, *others) if x is not None]
            blocks = tuple(xp.reshape(x[:done, ...], (full, self.block, *x.shape[1:])) for x in by_class)

            def scanned(carry: Any, block: tuple[Array, ...]) -> Any:
                start, rows, *rest = block
                return step(carry, (start, rows, *([None] if bias is None else []), *rest))

            carry, _ = backend.scan(scanned, carry, (starts, *blocks))
        for block in self._blocks(weight, bias, *others, done=done):
            carry, _ = step(carry, block)
        return carry

    def _blocks(self, *by_class: Array | None, done: int = 0) -> Iterator[tuple[Any, ...]]:
        """The first class of every block, and what belongs to its classes."""
        first = by_class[0]
        assert first is not None
        for start in range(done, first.shape[0], self.block):
            end = min(start + self.block, first.shape[0])
            yield start, *(None if x is None else x[start:end, ...] for x in by_class)


def _value(xp: Any, named: _Operands, state: _State) -> Array:
    leads = state.ahead > 0
    behind, ahead = xp.where(leads, 0.0, state.ahead), xp.where(leads, state.ahead, 0.0)
    excess = xp.where(leads, state.rest * xp.exp(-ahead), state.rest + xp.expm1(behind))
    value = xp.log1p(excess) - behind
    if named.smoothing is None:
        return value
    return value - xp.where(named.smoothing == 0, 0.0, named.smoothing * state.distance)


def _logits(xp: Any, features: Array, rows: Array, bias: Array | None, cap: Array | None) -> Any:
    """The logits of a block, and where they are capped their derivatives in the plain ones and in the cap."""
    plain = matmul(features, rows.mT)
    plain = plain if bias is None else plain + bias[None, :]
    if cap is None:
        return plain, None, None
    ratio = plain / cap
    bent, tail = xp.tanh(ratio), xp.exp(-xp.abs(ratio))
    slope = (2.0 * tail / (1.0 + tail * tail)) ** 2  # 1 - tanh^2, without a difference
    return cap * bent, slope, bent - ratio * slope


def _is_label(logits: Array, labels: Array, start: Any) -> Array:
    return positions(logits, dtype=labels.dtype) == (labels - start)[:, None]


def _share(xp: Any, named: _Operands, state: _State, logits: Array, start: Any, g: Array | None) -> Array:
    """The derivative of the losses, times a cotangent, in the logits of a block; no difference of shares near 1."""
    shift = xp.where(state.ahead > 0, state.ahead, 0.0)
    others = xp.exp(-shift)  # as all that follows, relative to the largest logit of all
    scale = others / (state.rest * others + xp.exp(state.ahead - shift))
    scale = scale if g is None else g * scale
    is_label = _is_label(logits, named.labels, start)
    powers = xp.exp(xp.where(is_label, -inf, logits - state.top[:, None])) * scale[:, None]
    of_label = -state.rest * scale
    if named.smoothing is not None:
        even = named.smoothing / named.weight.shape[0]
        even = even if g is None else even * g
        powers, of_label = powers - even[:, None], of_label + even * (named.weight.shape[0] - 1)
    return xp.where(is_label, of_label[:, None], powers)


def _add(sums: dict[str, Any], name: str, term: Array) -> None:
    sums[name] = term if name not in sums else sums[name] + term


@cache
def _with(given: tuple[str, ...]) -> LinearSoftmax:
    return LinearSoftmax(given)


def linear_negative_log_softmax(
    features: Array, weight: Array, labels: Array, bias: Array | None, smoothing: Any, cap: Any
) -> Array:
    """-log softmax(features weight^T + bias)[label] over any leading axes; smoothing and cap may be None."""
    xp = array_namespace(features)
    rows = xp.reshape(features, (-1, features.shape[-1]))
    optional: dict[str, Any] = {"bias": bias}
    if smoothing is not None:
        optional["smoothing"] = xp.reshape(xp.zeros_like(features[..., 0]) + smoothing, (-1,))
    if cap is not None:
        optional["cap"] = xp.zeros_like(weight[0, 0]) + cap
    given = {name: x for name, x in optional.items() if x is not None}
    return xp.reshape(_with(tuple(given))(rows, weight, xp.reshape(labels, (-1,)), *given.values()), labels.shape)
