"""Softmax cross entropy of a linear layer, a block of classes at a time, so that the logits never exist as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import inf, prod
from typing import Any, NamedTuple

from lossspec.dispatch import backend_of
from lossspec.numerics import array_namespace, matmul, positions
from lossspec.primitive import Primitive, PullAll
from lossspec.terms import Array

BLOCK = 1024
"""The classes whose logits exist at a time."""


class Shards:
    """The devices over which classes are spread: what a device has to know of the others, and sums over all of them.

    Here there is one, which has all classes.
    """

    def place(self, part: Array, width: int) -> tuple[Any, int]:
        """The index of the first class of this device, which has a part of so many, and the number of all classes."""
        return 0, width

    def sum(self, x: Array) -> Array:
        """The sum over the devices, on each of them."""
        return x

    def max(self, x: Array) -> Array:
        """The largest over the devices, on each of them; NaN may be lost."""
        return x


WHOLE = Shards()
"""One device with all classes."""


class _Operands(NamedTuple):
    """The operands by name; what a loss does without is None. Labels are relative to the first class of the device."""

    features: Any
    weight: Any
    labels: Any
    classes: int
    bias: Any = None
    smoothing: Any = None
    cap: Any = None


class State(NamedTuple):
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

    Where classes are spread over devices, each has some rows of the weight, and all have the same features and labels.
    """

    def __init__(self, given: tuple[str, ...], block: int = BLOCK, shards: Shards = WHOLE) -> None:
        super().__init__(self._whole, row_axes=1)
        self.names = ("features", "weight", "labels", *given)
        self.block = block
        self.shards = shards
        self.__name__ = "linear_softmax"

    def value(self, xp: Any, operands: Sequence[Array], block: int = 0) -> Array:
        """The losses of the rows."""
        return self.value_and_kept(xp, operands, block)[0]

    def value_and_kept(self, xp: Any, operands: Sequence[Array], block: int = 0) -> tuple[Array, tuple[Array, ...]]:
        """The losses of the rows, and the sums over their classes."""
        named = self._named(operands)
        state = self._state(xp, named)
        return value_of(xp, named.smoothing, state), state

    def linearize(
        self, xp: Any, operands: Sequence[Array], block: int = 0, kept: tuple[Array, ...] = ()
    ) -> tuple[Array, PullAll]:
        """The losses, and what pulls their cotangents back to the operands."""
        named = self._named(operands)
        features, weight = named.features, named.weight
        state = State(*kept) if kept else self._state(xp, named)

        def pull_all(g: Array, wanted: Sequence[bool]) -> list[Array | None]:
            wants = dict(zip(self.names, wanted, strict=True))
            pulled: dict[str, Any] = {"bias": []}

            def of_weight() -> Iterator[Array]:
                for start, rows, bias in self._blocks(weight, named.bias):
                    logits, slope, bend = _logits(xp, features, rows, bias, named.cap)
                    share = share_of(xp, named.labels - start, named.smoothing, named.classes, state, logits, g)
                    del logits  # as all of this size: else the next block is made beside it
                    if wants.get("cap"):
                        _add(pulled, "cap", xp.sum(share * bend))
                    share = share if slope is None else share * slope
                    if wants["features"]:
                        _add(pulled, "features", matmul(share, rows))
                    if wants.get("bias"):
                        pulled["bias"].append(xp.sum(share, axis=0))
                    piece = matmul(share.mT, features) if wants["weight"] else rows[:0, ...]
                    del share, slope, bend
                    yield piece

            whole = backend_of(weight).joined(of_weight(), weight if wants["weight"] else weight[:0, ...])
            if wants["weight"]:
                pulled["weight"] = whole
            pulled["bias"] = xp.concat(pulled["bias"]) if wants.get("bias") else None
            if wants.get("smoothing"):
                pulled["smoothing"] = -g * state.distance
            for name in ("features", "cap"):
                if name in pulled:
                    pulled[name] = self.shards.sum(pulled[name])
            return [pulled.get(name) for name in self.names]

        return value_of(xp, named.smoothing, state), pull_all

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
            share = share_of(xp, named.labels - start, named.smoothing, named.classes, state, logits, None)
            return (sum((xp.sum(share * change, axis=-1) for change in changes), carry[0]),), None

        start = (self._nothing(xp, named),)
        (total,) = self._fold(backend_of(named.weight).recomputed(step), start, named, *by_class.values())
        total = self.shards.sum(total)
        if moved.get("smoothing") is not None:
            total = total - state.distance * moved["smoothing"]
        return value_of(xp, named.smoothing, state), total

    def _whole(self, xp: Any, *operands: Array) -> Any:
        raise NotImplementedError("a block at a time: `value`, `linearize`, `push`")

    def _named(self, operands: Sequence[Array]) -> _Operands:
        named: dict[str, Any] = dict(zip(self.names, operands, strict=True))
        if self.shards is WHOLE:
            return _Operands(**named, classes=named["weight"].shape[0])
        weight, labels = named["weight"], named["labels"]
        labels, classes = _relative(self.shards, weight, weight.shape[0], labels)
        return _Operands(**{**named, "labels": labels}, classes=classes)

    def _own(self, xp: Any, named: _Operands) -> Array:
        """The logits of the labels that lie here, 0 for the others."""
        here, index = None, named.labels
        if self.shards is not WHOLE:
            here = is_here(named.labels, named.weight.shape[0])
            if not named.weight.shape[0]:
                return self._nothing(xp, named)
            index = xp.where(here, named.labels, 0)
        own = xp.sum(named.features * xp.take(named.weight, index, axis=0), axis=-1)
        own = own if named.bias is None else own + xp.take(named.bias, index, axis=0)
        own = own if named.cap is None else named.cap * xp.tanh(own / named.cap)
        return own if here is None else xp.where(here, own, 0.0)

    def _nothing(self, xp: Any, named: _Operands) -> Array:
        """A 0 for each row, of this device: to JAX it is another kind of array than one that all devices have."""
        if self.shards is WHOLE:
            return xp.zeros_like(named.features[:, 0])
        return xp.astype(is_here(named.labels, named.weight.shape[0]), named.features.dtype) * 0.0

    def _state(self, xp: Any, named: _Operands) -> State:
        """The sums over all classes; the largest logit is no constant, lest second derivatives be differences."""
        own = self.shards.sum(self._own(xp, named))

        def step(carry: tuple[Array, ...], block: tuple[Any, ...]) -> tuple[tuple[Array, ...], None]:
            top, rest, distance = carry
            start, rows, bias = block
            if not rows.shape[0]:
                return carry, None
            logits = _logits(xp, named.features, rows, bias, named.cap)[0]
            labels = named.labels - start
            of_block, sum_of_block = _sums_of_others(xp, logits, labels)
            largest = xp.maximum(top, of_block)
            safe = xp.where(largest == -inf, 0.0, largest)
            rest = rest * xp.exp(top - safe) + sum_of_block * xp.exp(of_block - safe)
            if named.smoothing is not None:
                apart = xp.where(_is_label(logits, labels), 0.0, logits - own[:, None])
                distance = distance + xp.sum(apart, axis=-1)
            return (largest, rest, distance), None

        nothing = self._nothing(xp, named)
        top, rest, distance = self._fold(step, (nothing - inf, nothing, nothing), named)
        return merged(xp, self.shards, own, top, rest, distance, named.classes)

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
        for start in range(done, max(first.shape[0], 1), self.block):  # a device without classes has an empty block
            end = min(start + self.block, first.shape[0])
            yield start, *(None if x is None else x[start:end, ...] for x in by_class)


def merged(xp: Any, shards: Shards, own: Array, top: Array, rest: Array, distance: Array, classes: int) -> State:
    """The sums over all classes, from the logit of the label and the sums over the other classes of this device."""
    if shards is not WHOLE:
        of_all = shards.max(top)
        rest = shards.sum(rest * xp.exp(top - xp.where(of_all == -inf, 0.0, of_all)))
        top, distance = of_all, shards.sum(distance)
    top = xp.where(top == -inf, own, top)  # where there is no other class
    return State(top, own - top, rest, distance / classes)


def _relative(shards: Shards, part: Array, width: int, labels: Array) -> tuple[Array, int]:
    """Labels relative to the first class of this device, and the number of all classes."""
    first, classes = shards.place(part, width)
    if not isinstance(first, int):
        first = array_namespace(first).astype(first, labels.dtype)
    return labels - first, classes


def is_here(labels: Array, width: int) -> Array:
    """Say which labels, relative to the first class of a device, are among its classes."""
    return (labels >= 0) & (labels < width)


def value_of(xp: Any, smoothing: Array | None, state: State) -> Array:
    """The losses of the rows, of the sums over their classes."""
    leads = state.ahead > 0
    behind, ahead = xp.where(leads, 0.0, state.ahead), xp.where(leads, state.ahead, 0.0)
    excess = xp.where(leads, state.rest * xp.exp(-ahead), state.rest + xp.expm1(behind))
    value = xp.log1p(excess) - behind
    if smoothing is None:
        return value
    return value - xp.where(smoothing == 0, 0.0, smoothing * state.distance)


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


def _sums_of_others(xp: Any, logits: Array, labels: Array) -> tuple[Array, Array]:
    """The largest logit of each row without its label, and the sum of the exponentials of these relative to it."""
    known = backend_of(logits).one_pass("sums_of_others", logits, labels)
    if known is not None:
        return known[0, ...], known[1, ...]
    others = xp.where(_is_label(logits, labels), -inf, logits)
    top = xp.max(others, axis=-1)
    return top, xp.sum(xp.exp(others - xp.where(top == -inf, 0.0, top)[:, None]), axis=-1)


def _is_label(logits: Array, labels: Array) -> Array:
    return positions(logits, dtype=labels.dtype) == labels[:, None]


def share_of(
    xp: Any, labels: Array, smoothing: Array | None, classes: int, state: State, logits: Array, g: Array | None
) -> Array:
    """The derivative of the losses, times a cotangent, in the logits of a block; no difference of shares near 1.

    Labels are relative to the first class of the block.
    """
    shift = xp.where(state.ahead > 0, state.ahead, 0.0)
    others = xp.exp(-shift)  # as all that follows, relative to the largest logit of all
    scale = others / (state.rest * others + xp.exp(state.ahead - shift))
    scale = scale if g is None else g * scale
    of_label = -state.rest * scale
    if smoothing is None:
        known = backend_of(logits).one_pass("shares", logits, labels, state.top, scale, of_label)
        if known is not None:
            return known
    is_label = _is_label(logits, labels)
    powers = xp.exp(xp.where(is_label, -inf, logits - state.top[:, None])) * scale[:, None]
    if smoothing is not None:
        even = smoothing / classes
        even = even if g is None else even * g
        powers, of_label = powers - even[:, None], of_label + even * (classes - 1)
    return xp.where(is_label, of_label[:, None], powers)


def _add(sums: dict[str, Any], name: str, term: Array) -> None:
    """Add a term to a sum, in the memory of its first term where arrays can change."""
    if name in sums:
        sums[name] += term
    else:
        sums[name] = term


class ShardedSoftmax(Primitive):
    """-log softmax(logits)[label] of every row, of logits whose classes are spread over devices.

    Operands: logits [rows width], labels [rows] and, if it is `smoothed`, smoothing [rows]. Every device has the same
    labels and smoothing. Forwards three numbers a row are exchanged, four with smoothing, and none backwards.
    """

    def __init__(self, shards: Shards, smoothed: bool) -> None:
        super().__init__(self._whole, row_axes=1)
        self.shards, self.smoothed = shards, smoothed
        self.__name__ = "sharded_softmax"

    def value(self, xp: Any, operands: Sequence[Array], block: int = 0) -> Array:
        """The losses of the rows."""
        return self.value_and_kept(xp, operands, block)[0]

    def value_and_kept(self, xp: Any, operands: Sequence[Array], block: int = 0) -> tuple[Array, tuple[Array, ...]]:
        """The losses of the rows, and the sums over their classes."""
        logits, labels, smoothing, classes = self._named(operands)
        state = self._state(xp, logits, labels, classes)
        return value_of(xp, smoothing, state), state

    def linearize(
        self, xp: Any, operands: Sequence[Array], block: int = 0, kept: tuple[Array, ...] = ()
    ) -> tuple[Array, PullAll]:
        """The losses, and what pulls their cotangents back to the operands."""
        logits, labels, smoothing, classes = self._named(operands)
        state = State(*kept) if kept else self._state(xp, logits, labels, classes)

        def pull_all(g: Array, wanted: Sequence[bool]) -> list[Array | None]:
            pulled: list[Array | None] = [None, None, None][: len(wanted)]
            if wanted[0]:
                pulled[0] = share_of(xp, labels, smoothing, classes, state, logits, g)
            if len(wanted) > 2 and wanted[2]:
                pulled[2] = -g * state.distance
            return pulled

        return value_of(xp, smoothing, state), pull_all

    def push(self, xp: Any, operands: Sequence[Array], tangents: Sequence[Array | None]) -> tuple[Array, Array]:
        """The losses, and their tangents for those of the operands; None is 0."""
        logits, labels, smoothing, classes = self._named(operands)
        state = self._state(xp, logits, labels, classes)
        total = xp.zeros_like(state.rest)
        if tangents[0] is not None:
            share = share_of(xp, labels, smoothing, classes, state, logits, None)
            total = self.shards.sum(xp.sum(share * tangents[0], axis=-1))
        if self.smoothed and tangents[2] is not None:
            total = total - state.distance * tangents[2]
        return value_of(xp, smoothing, state), total

    def _whole(self, xp: Any, *operands: Array) -> Any:
        raise NotImplementedError("over devices: `value`, `linearize`, `push`")

    def _named(self, operands: Sequence[Array]) -> tuple[Array, Array, Array | None, int]:
        """The operands, with labels relative to the first class here, and the number of all classes."""
        logits = operands[0]
        labels, classes = _relative(self.shards, logits, logits.shape[-1], operands[1])
        return logits, labels, operands[2] if self.smoothed else None, classes

    def _state(self, xp: Any, logits: Array, labels: Array, classes: int) -> State:
        is_label = _is_label(logits, labels)
        own = self.shards.sum(xp.sum(xp.where(is_label, logits, 0.0), axis=-1))
        nothing = xp.sum(xp.astype(is_label, logits.dtype), axis=-1) * 0.0
        top, rest = _sums_of_others(xp, logits, labels) if logits.shape[-1] else (nothing - inf, nothing)
        distance = xp.sum(xp.where(is_label, 0.0, logits - own[:, None]), axis=-1) if self.smoothed else nothing
        return merged(xp, self.shards, own, top, rest, distance, classes)


@cache
def _with(given: tuple[str, ...]) -> LinearSoftmax:
    return LinearSoftmax(given)


@cache
def _over(kind: type[LinearSoftmax | ShardedSoftmax], given: Any, shards: Shards) -> Primitive:
    """The primitive over some devices; one for each, for JAX compiles it."""
    return LinearSoftmax(given, BLOCK, shards) if kind is LinearSoftmax else ShardedSoftmax(shards, given)


def _smoothing_of(xp: Any, like: Array, smoothing: Any) -> Array:
    """The smoothing of every row."""
    return xp.reshape(xp.zeros_like(like) + smoothing, (-1,))


def sharded_negative_log_softmax(logits: Array, labels: Array, smoothing: Any, shards: Shards) -> Array:
    """-log softmax(logits)[label] over any leading axes, of classes that are spread; smoothing may be None."""
    xp = array_namespace(logits)
    operands = [xp.reshape(logits, (prod(labels.shape), logits.shape[-1])), xp.reshape(labels, (-1,))]
    if smoothing is not None:
        operands.append(_smoothing_of(xp, xp.astype(labels, logits.dtype), smoothing))
    return xp.reshape(_over(ShardedSoftmax, smoothing is not None, shards)(*operands), labels.shape)


def linear_negative_log_softmax(
    features: Array, weight: Array, labels: Array, bias: Array | None, smoothing: Any, cap: Any, shards: Shards = WHOLE
) -> Array:
    """-log softmax(features weight^T + bias)[label] over any leading axes; smoothing and cap may be None."""
    xp = array_namespace(features)
    rows = xp.reshape(features, (-1, features.shape[-1]))
    optional: dict[str, Any] = {"bias": bias}
    if smoothing is not None:
        optional["smoothing"] = _smoothing_of(xp, features[..., 0], smoothing)
    if cap is not None:
        optional["cap"] = (
            xp.zeros((), dtype=features.dtype, device=backend_of(features).creation_device(features)) + cap
        )
    given = {name: x for name, x in optional.items() if x is not None}
    softmax = _with(tuple(given)) if shards is WHOLE else _over(LinearSoftmax, tuple(given), shards)
    return xp.reshape(softmax(rows, weight, xp.reshape(labels, (-1,)), *given.values()), labels.shape)
