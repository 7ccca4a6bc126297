"""Stable primitives on the Array API standard: small results keep their digits, gradients stay finite at the edges.

The rule of every branch here: a branch that `where` discards is fed a safe input first, because autodiff multiplies its
derivative by 0, and 0 * inf is NaN. A `primitive` returns its value and, for each operand, a function that carries a
cotangent of the value back to it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

from lossspec.autodiff.rules import scatter_add
from lossspec.dispatch import array_namespace, backend_of, find_backend, is_array
from lossspec.primitive import primitive
from lossspec.terms import Array

__all__ = [
    "Step",
    "absolute",
    "admitted",
    "array_namespace",
    "balanced",
    "carry_nan",
    "common_part",
    "cosine_gap",
    "cumulative_sum",
    "divergence_terms",
    "excess_of_hypotenuse",
    "expected_negative_log_softmax",
    "expm1",
    "expm1_minus",
    "finite_pull",
    "first_largest",
    "focal_cross_entropy",
    "gaps_to_largest",
    "gather",
    "is_number",
    "is_zero",
    "kept",
    "largest",
    "log1p",
    "log_difference",
    "log_mean_exp",
    "log_odds",
    "log_quotient",
    "log_ratio_of_sums",
    "log_softmax",
    "log_softmax_terms",
    "logistic_density",
    "logsumexp",
    "matmul",
    "mirrored",
    "mixture_terms",
    "negative_log_mean_exp",
    "negative_log_softmax",
    "norm",
    "normalize",
    "number",
    "per_row",
    "positions",
    "ratio_or_zero",
    "relu",
    "repeated",
    "scan",
    "scattered",
    "scattered_log_softmax",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softmax_divergence",
    "softmax_mean",
    "softmax_pair",
    "softplus",
    "sqrt",
    "squared_difference_over",
    "steps",
    "stop_gradient",
    "taken",
    "taken_log_softmax",
    "tokens_that_count",
    "whole",
    "with_value",
    "xlogy",
    "zero_where",
]


def stop_gradient(x: Array) -> Array:
    """Return the values as a constant for differentiation."""
    backend = find_backend(x)
    return x if backend is None else backend.stop_gradient(x)


def matmul(x: Array, y: Array) -> Array:
    """The matrix product in the full precision of the dtype, on accelerators too."""
    backend = backend_of(x)
    return backend.matmul(x, y)


def cumulative_sum(x: Array) -> Array:
    """The cumulative sum along the last axis."""
    backend = backend_of(x)
    return backend.cumulative_sum(x)


class Step:
    """A step of a recurrence, `carry, y = step(carry, x)`, that a kernel may take.

    Its arrays are [batch], [batch states] or [moves batch states]; with 0 moves the last are [states batch states].
    There is one of each kind, for JAX finds compiled scans by the identity of their step, and kernels hang on it.
    """

    def __init__(self, function: Callable[[Any, Any], tuple[Any, Any]], moves: int) -> None:
        self.function, self.moves = function, moves
        self.kernels: dict[Any, Any] = {}

    def __call__(self, carry: Any, x: Any) -> tuple[Any, Any]:
        """The carry after a frame, and what the frame gives."""
        return self.function(carry, x)


def scan(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, reverse: bool = False) -> tuple[Any, Any]:
    """Repeat `carry, y = step(carry, x)` along the leading axis of the arrays in `xs`; return carry and all ys.

    `carry`, `xs` and y are tuples of arrays and of such tuples; y may be None. In reverse the last x is the first to
    be taken, and the ys keep the places of the xs.
    """
    first = xs
    while isinstance(first, tuple):
        first = first[0]
    backend = backend_of(first)
    return backend.scan(step, carry, xs, reverse)


def repeated(step: Callable[[Any], Any], carry: Any, times: int) -> Any:
    """The carry after so many calls, `carry = step(carry)`; a compiler sees the step once."""
    first = carry
    while isinstance(first, tuple):
        first = first[0]
    xp = array_namespace(first)
    places = xp.broadcast_to(number(0.0, first), (times,))
    return scan(lambda carry, _: (step(carry), None), carry, places)[0]


def is_number(parameter: Any, number: float) -> bool:
    """Say whether a parameter is this Python number, which a body may branch on: it is known before any array."""
    return isinstance(parameter, (int, float)) and parameter == number


def is_zero(parameter: Any) -> bool:
    """Say whether a parameter is the Python number 0."""
    return is_number(parameter, 0)


def gather(x: Array, index: Array) -> Array:
    """x[..., index[...]]: one entry of the last axis for each index."""
    xp = array_namespace(x)
    return xp.take_along_axis(x, index[..., None], axis=-1)[..., 0]


def kept(x: Array, entries: Array | None) -> Array:
    """Replace the entries that do not count by 0; `entries` is None where all do."""
    return x if entries is None else array_namespace(x).where(entries, x, 0.0)


def steps(x: Array, axis: int, entries: Array | None = None) -> Array:
    """The differences to the next entry along an axis, counted from the end; 0 unless both entries count."""
    rest, size = (slice(None),) * (-1 - axis), x.shape[axis]
    later, earlier = (..., slice(min(1, size), size), *rest), (..., slice(0, max(size - 1, 0)), *rest)
    difference = x[later] - x[earlier]
    return difference if entries is None else kept(difference, entries[later] & entries[earlier])


def positions(x: Array, axis: int = -1, dtype: Any = None) -> Array:
    """0, 1, 2, ... along an axis of `x`, counted from the end, with size 1 on its other axes, on its device."""
    xp = array_namespace(x)
    backend = backend_of(x)
    steps = xp.arange(x.shape[axis], dtype=dtype, device=backend.creation_device(x))
    return xp.reshape(steps, (1,) * (len(x.shape) + axis) + (-1,) + (1,) * (-1 - axis))


def mirrored(x: Array, before: int, after: int, axis: int) -> Array:
    """The array continued beyond both ends of an axis, counted from the end, as in mirrors that stand on its ends."""
    xp, size = array_namespace(x), x.shape[axis]
    rest = (slice(None),) * (-1 - axis)
    first, last = x[(..., slice(1, before + 1), *rest)], x[(..., slice(size - 1 - after, size - 1), *rest)]
    return xp.concat([xp.flip(first, axis=axis), x, xp.flip(last, axis=axis)], axis=axis)


def tokens_that_count(x: Array, lengths: Array, entries: Array | None) -> Array:
    """True where a token of [batch time] lies within the length of its sequence and is not left out."""
    within = positions(x, dtype=lengths.dtype) < lengths[:, None]
    return within if entries is None else within & entries


def largest(x: Array, size: Array | None = None) -> tuple[Array, Array, Array]:
    """Return (index, mask, value) of the largest entry along the last axis, ranked by `size` if given.

    Callers treat its ratio to itself as the constant 1, so that no derivative is a difference of large numbers.
    """
    xp = array_namespace(x)
    index = xp.argmax(x if size is None else size, axis=-1, keepdims=True)
    return index, positions(x, dtype=index.dtype) == index, xp.take_along_axis(x, index, axis=-1)


def gaps_to_largest(x: Array, kept: Array | None = None) -> Array:
    """The entries less the largest (kept) one of the last axis, a constant: what they share is not rounded later on.

    A row of -inf stays as it is, and so does one of which nothing is kept.
    """
    xp = array_namespace(x)
    if kept is not None and x.shape[-1] == 0:  # of a batch of none
        return x
    fixed = stop_gradient(x)
    top = xp.max(fixed if kept is None else xp.where(kept, fixed, -inf), axis=-1, keepdims=True)
    return x - xp.where(top == -inf, 0.0, top)


def common_part(x: Array, kept: Array | None = None, axis: int = -1) -> Array:
    """The number next to 0 along an axis among the kept entries if all have one sign, else 0: constant, of size 1.

    To subtract it makes no entry larger: nothing is lost that was not in the last digits before.
    """
    xp = array_namespace(x)
    fixed = stop_gradient(x)
    low, high = (fixed if kept is None else xp.where(kept, fixed, end) for end in (inf, -inf))
    low, high = xp.min(low, axis=axis, keepdims=True), xp.max(high, axis=axis, keepdims=True)
    above, below = (low > 0) & (low < inf), (high < 0) & (high > -inf)
    return xp.where(above, low, xp.where(below, high, xp.zeros_like(low)))


def ratio_or_zero(above: Array, below: Array) -> Array:
    """The quotient above / below, and 0 with derivative 0 where below is 0."""
    xp = array_namespace(below)
    nothing = below == 0
    return xp.where(nothing, 0.0, above / xp.where(nothing, 1.0, below))


@primitive(row_axes=0, blocks=False)
def relu(xp: Any, x: Array) -> Any:
    """max(x, 0), with derivative 0 at 0; NaN stays NaN, and so is its derivative."""
    value = xp.maximum(x, number(0.0, x))
    return value, (lambda g: g * _step(xp, value),)


def _step(xp: Any, size: Array) -> Array:
    """1 where a size is above 0, 0 where it is 0, NaN where it is NaN; a choice between branches would be slower."""
    return xp.ceil(xp.minimum(size, number(1.0, size)))


def carry_nan(x: Array, bad: Array | None = None) -> Array:
    """Return the values, NaN where they are bad; a cotangent pulled back from NaN is NaN, even to where x is constant.

    It is a product: a `where` would drop the cotangent. So few operations cost less than a primitive here.
    """
    known = x == x if bad is None else (x == x) & ~bad
    return x * array_namespace(x).where(known, 1.0, number(nan, x))


@primitive(row_axes=0, blocks=False)
def zero_where(xp: Any, x: Array, flags: Array) -> Any:
    """Replace flagged entries by the constant 0; unlike `where` it lets a cotangent of NaN through there."""
    return xp.where(flags, 0.0, x), (lambda g: xp.where(flags & (g == g), 0.0, g), None)


@primitive(row_axes=0, blocks=False)
def finite_pull(xp: Any, x: Array, required: Array) -> Any:
    """The first operand; a cotangent that is not finite becomes 0 where it is not required."""
    return x, (lambda g: xp.where(required | xp.isfinite(g), g, 0.0), None)


@primitive(row_axes=0, blocks=False)
def admitted(xp: Any, x: Array, bad: Array, neutral: Array) -> Any:
    """Replace bad entries by a neutral value; the derivative there is NaN, unless the cotangent is 0."""
    pulls = (lambda g: xp.where(bad & (g != 0), nan, g), None, lambda g: xp.where(bad, g, 0.0))
    return xp.where(bad, neutral, x), pulls


@primitive(row_axes=0)
def softplus(xp: Any, x: Array) -> Any:
    """log(1 + exp(x)), right to the last digits at both ends, with derivative 1/2 at 0."""
    positive, tail = _tail(xp, x)
    value = xp.where(positive, x, 0.0) + xp.log1p(tail)
    return value, (lambda g: g * _sigmoid(xp, positive, tail),)


@primitive(row_axes=0)
def sigmoid(xp: Any, x: Array) -> Any:
    """1 / (1 + exp(-x)), which keeps its digits where it is small, in second order too."""
    positive, tail = _tail(xp, x)
    return _sigmoid(xp, positive, tail), (lambda g: g * _logistic_density(xp, x, tail),)


def logistic_density(x: Array) -> Array:
    """The derivative of the sigmoid, p (1 - p), right in second order too."""
    xp = array_namespace(x)
    return _logistic_density(xp, x, _tail(xp, x)[1])


def _logistic_density(xp: Any, x: Array, tail: Array) -> Array:
    """The product p (1 - p) from the exponential of `_tail`; near 0 by cosh, whose derivative is no difference."""
    near = xp.abs(x) < 1
    close = 0.25 / xp.cosh(xp.where(near, x, 0.0) / 2) ** 2
    return xp.where(near, close, tail / (1.0 + tail) ** 2)


@primitive(row_axes=0)
def tanh(xp: Any, x: Array) -> Any:
    """The hyperbolic tangent, with a derivative that is no difference where it is near 1."""
    tail = xp.exp(-absolute(x))
    return xp.tanh(x), (lambda g: g * (2.0 * tail / (1.0 + tail * tail)) ** 2,)


@primitive(row_axes=0)
def expm1(xp: Any, x: Array) -> Any:
    """exp(x) - 1, with the derivative exp(x): as the value plus 1 it has no digits where x is far below 0."""
    return xp.expm1(x), (lambda g: g * xp.exp(x),)


@primitive(row_axes=0)
def expm1_minus(xp: Any, x: Array) -> Any:
    """exp(x) - 1 - x, which is x^2 / 2 near 0, right to the last digits there too; never negative."""
    near = xp.abs(x) < 0.25
    small = xp.where(near, x, 0.0)
    square = small * small
    odd = 1.0 + square / 20 * (1.0 + square / 42 * (1.0 + square / 72 * (1.0 + square / 110)))
    by_series = 2 * xp.sinh(small / 2) ** 2 + small * square / 6 * odd  # cosh(x) - 1, and sinh(x) - x
    large = xp.where(near, 1.0, x)
    far = xp.expm1(large) - xp.where(large == inf, 0.0, large)
    return xp.where(near, by_series, far), (lambda g: g * expm1(x),)


@primitive(row_axes=0)
def squared_difference_over(xp: Any, p: Array, t: Array) -> Any:
    """(t - p)^2 / p with derivatives in the ratio t / p, of which the second is one term and not three."""
    difference, ratio = t - p, t / p
    return difference * (difference / p), (lambda g: g * (1 - ratio * ratio), lambda g: g * (2 * (ratio - 1)))


@primitive(row_axes=0)
def sigmoid_cross_entropy(xp: Any, logits: Array, targets: Array) -> Any:
    """-targets log p - (1 - targets) log(1 - p) with p = sigmoid(logits), without forming p."""
    positive, tail = _tail(xp, logits)
    value = xp.where(positive, logits, 0.0) - logits * targets + xp.log1p(tail)

    def pull_logits(g: Array) -> Array:
        """(1 - targets) p - targets (1 - p): p - targets would cancel where the prediction is sure and right."""
        step, others = xp.astype(positive, tail.dtype), 1.0 - targets
        return g * (((step - targets) + tail * (others - step)) / (1.0 + tail))

    return value, (pull_logits, lambda g: g * xp.where(targets == targets, -logits, nan))


def _tail(xp: Any, x: Array) -> tuple[Array, Array]:
    """Return the mask of x > 0, and exp(-|x|), written with `where` so that its derivative at 0 is right."""
    positive = x > 0
    return positive, xp.exp(xp.where(positive, -x, x))


def _sigmoid(xp: Any, positive: Array, tail: Array) -> Array:
    """1 / (1 + exp(-x)), from the mask and the exponential of `_tail`."""
    return xp.where(positive, 1.0, tail) / (1.0 + tail)


def sqrt(x: Array) -> Array:
    """The square root, with derivative 0 at 0."""
    xp = array_namespace(x)
    zero = x == 0
    return xp.where(zero, 0.0, xp.sqrt(xp.where(zero, 1.0, x)))


def xlogy(x: Array, log_y: Array) -> Array:
    """Compute x * (log x - log_y), which is 0 with derivative 0 at x = 0, for any log_y."""
    xp = array_namespace(x)
    zero = x == 0
    logs = xp.log(xp.where(zero, 1.0, x)) - xp.where(zero, 0.0, log_y)
    return xp.where(zero, 0.0, x * logs)


@primitive(row_axes=1)
def negative_log_softmax(xp: Any, logits: Array, labels: Array) -> Any:
    """-log softmax(logits)[label] over the last axis, right to the last digits at both ends.

    Relative to the largest logit, with r the sum of the others' exponentials and e the label's, it is the distance of
    the label from the largest plus log1p(r + (e - 1)): r itself where the label is the largest, at least log(2) else.
    No exponential of the label is in r, so that neither a small loss nor its gradient is a difference of large numbers;
    only differences of logits occur, so that what they have in common leaves no rounding.
    """
    is_label, own, powers, rest = _beside(xp, logits, labels)
    power = xp.exp(own)
    value = xp.log1p(rest + (power - 1.0)) - own

    def pull_logits(g: Array) -> Array:
        share = g[..., None] / (rest + power)
        return xp.where(is_label, -rest * share, powers * share)

    return value[..., 0], (pull_logits, None)


def _beside(xp: Any, logits: Array, labels: Array, others_only: bool = False) -> tuple[Array, Array, Array, Array]:
    """Return (mask of the label, its logit, all exponentials, the sum of the others'), relative to the largest logit.

    The largest logit is one of the others', if so asked. It is no constant here: the derivatives that it carries are
    those of the terms that are taken relative to it, with the same roundings, so that in second order they cancel out.
    """
    index = labels[..., None]
    is_label = positions(logits, dtype=labels.dtype) == index
    others = xp.where(is_label, -inf, logits) if others_only else logits
    top = xp.max(others, axis=-1, keepdims=True)
    top = xp.where(top == -inf, 0.0, top)
    powers = xp.exp(others - top)
    rest = xp.sum(powers if others_only else xp.where(is_label, 0.0, powers), axis=-1, keepdims=True)
    return is_label, xp.take_along_axis(logits, index, axis=-1) - top, powers, rest


def log_softmax(x: Array) -> Array:
    """The logarithm of softmax over the last axis; that of a sure class keeps its digits, and its derivative too."""
    _, gaps, _, rest = _gaps(x)
    return gaps - array_namespace(x).log1p(rest)


def taken(x: Array, index: Array) -> Array:
    """x[..., index[..., k]]: some entries of the last axis for each index; other axes of the index may have size 1."""
    known = backend_of(x).one_pass("taken", x, index)
    return _taken(x, index) if known is None else known


def _taken(x: Array, index: Array) -> Array:
    xp = array_namespace(x)
    return xp.take_along_axis(x, xp.broadcast_to(index, (*x.shape[:-1], index.shape[-1])), axis=-1)


def scattered(g: Array, index: Array, size: int) -> Array:
    """The derivative of `taken` in its first operand, which has that size, times a cotangent."""
    known = backend_of(g).one_pass("scattered", g, index, size=size)
    if known is not None:
        return known
    xp = array_namespace(g)
    return scatter_add(xp, g, xp.broadcast_to(index, g.shape), size)


def taken_log_softmax(logits: Array, index: Array) -> Array:
    """The entries of log softmax(logits) that `taken` takes of an array."""
    known = backend_of(logits).one_pass("taken_log_softmax", logits, index)
    return _taken(log_softmax(logits), index) if known is None else known


def scattered_log_softmax(g: Array, index: Array, logits: Array) -> Array:
    """The derivative of `taken_log_softmax` in the logits, times a cotangent: that of a sure class is no difference."""
    known = backend_of(g).one_pass("scattered_log_softmax", g, index, logits)
    if known is not None:
        return known
    xp = array_namespace(logits)
    is_best, _, powers, rest = _gaps(logits)
    share = xp.sum(g, axis=-1, keepdims=True) / (1 + rest)
    return balanced(scattered(g, index, logits.shape[-1]) - powers * share, is_best)


def _gaps(logits: Array) -> tuple[Array, Array, Array, Array]:
    """The mask of the largest logit, the distances to it, their exponentials but for its own, and the sum of these."""
    xp = array_namespace(logits)
    _, is_best, top = largest(logits)
    gaps = xp.where(is_best, 0.0, logits - top)
    powers = xp.where(is_best, 0.0, xp.exp(gaps))
    return is_best, gaps, powers, xp.sum(powers, axis=-1, keepdims=True)


@primitive(row_axes=1)
def log_odds(xp: Any, logits: Array, labels: Array) -> Any:
    """log(p / (1 - p)) of the label's probability p under softmax over the last axis; inf where no other class is left.

    The gradient holds the shares of the other classes among themselves.
    """
    is_label, own, powers, rest = _beside(xp, logits, labels, others_only=True)
    nothing = rest == 0
    whole = xp.where(nothing, 1.0, rest)
    value = own + xp.where(nothing, inf, -xp.log(whole))

    def pull_logits(g: Array) -> Array:
        return g[..., None] * xp.where(is_label, 1.0, -powers / whole)

    return value[..., 0], (pull_logits, None)


@primitive(row_axes=1)
def expected_negative_log_softmax(xp: Any, logits: Array, weights: Array) -> Any:
    """sum_c weights[c] * -log softmax(logits)[c] over the last axis; a weight of 0 ignores a logit of -inf.

    With a the class of the largest logit, -log p_c = log1p(sum of the others' ratios to a) + (logits_a - logits_c): no
    cancellation in the value, nor in the gradient as long as the second term is the constant 0 at a itself.
    """
    _, is_best, top = largest(logits)
    ratios = xp.where(is_best, 0.0, xp.exp(logits - top))
    rest = xp.sum(ratios, axis=-1, keepdims=True)
    excess = xp.log1p(rest)
    gap = xp.where(is_best | ((weights == 0) & (logits == -inf)), 0.0, top - logits)
    whole = xp.sum(weights, axis=-1, keepdims=True)
    value = whole * excess + xp.sum(weights * gap, axis=-1, keepdims=True)

    def pull_logits(g: Array) -> Array:
        share = whole / (1.0 + rest)
        elsewhere = xp.sum(xp.where(is_best, 0.0, weights), axis=-1, keepdims=True)
        return g[..., None] * xp.where(is_best, elsewhere - rest * share, ratios * share - weights)

    return value[..., 0], (pull_logits, lambda g: g[..., None] * (excess + gap))


@primitive(row_axes=1)
def softmax_cross_entropy(xp: Any, logits: Array, target_logits: Array) -> Any:
    """-sum_c p[c] log q[c] over the last axis, with p = softmax(target_logits) and q = softmax(logits).

    Where both are nearly alike, as two rows of nearly equal logits are, the derivative q - p comes from the differences
    of the logits and not from those of the probabilities. That in the targets is relative to their likeliest class.
    """
    _, is_best, top = largest(logits)
    gaps = logits - top
    powers = xp.exp(gaps)
    rest = xp.sum(xp.where(is_best, 0.0, powers), axis=-1, keepdims=True)
    likeliest, is_target, target_top = largest(target_logits)
    target_gaps = target_logits - target_top
    root = xp.exp(0.5 * target_gaps)  # of a power that may be too small for the dtype, as in `softmax`
    shares = root * root
    whole = 1 + xp.sum(xp.where(is_target, 0.0, shares), axis=-1, keepdims=True)
    ignored = is_best | ((root == 0) & (logits == -inf))
    costs = root * (root * xp.where(ignored, 0.0, -gaps))
    value = xp.log1p(rest) + xp.sum(costs, axis=-1, keepdims=True) / whole

    def pull_logits(g: Array) -> Array:
        elsewhere = xp.sum(xp.where(is_best, 0.0, shares), axis=-1, keepdims=True)
        of_best = rest / (1 + rest) - elsewhere / whole
        apart = target_gaps - gaps
        alike = (xp.abs(apart) < 1) & (rest > 0.5)  # a sure class has its digits in those of the others
        risen = xp.where(alike, powers * xp.expm1(xp.where(alike, apart, 0.0)), shares - powers)
        mean = xp.sum(risen, axis=-1, keepdims=True) / (1 + rest)
        steps = xp.where(is_best, -of_best, powers / (1 + rest) - shares / whole)
        return g[..., None] * xp.where(alike, (mean * powers - risen) / whole, steps)

    def pull_targets(g: Array) -> Array:
        lift = xp.take_along_axis(logits, likeliest, axis=-1) - logits
        lift = xp.where(is_target | ((root == 0) & (logits == -inf)), 0.0, lift)
        mean = xp.sum(root * (root * lift), axis=-1, keepdims=True) / whole
        return g[..., None] * (root * (root * (lift - mean))) / whole

    return value[..., 0], (pull_logits, pull_targets)


@primitive(row_axes=1)
def norm(xp: Any, x: Array) -> Any:
    """The Euclidean norm over the last axis, without overflow, with derivative 0 at 0."""
    _, is_top, top = largest(x, xp.abs(x))
    zero = top == 0
    safe = xp.where(zero, 1.0, top)
    # The ratio of the largest to itself is the constant 1, so that second derivatives are no differences.
    ratios = xp.where(is_top & ~zero, 1.0, x / safe)
    length = xp.sqrt(xp.where(zero, 1.0, xp.sum(ratios**2, axis=-1, keepdims=True)))
    signed = xp.where(top < 0, -1.0 / length, 1.0 / length)
    return (xp.abs(top) * length)[..., 0], (lambda g: g[..., None] * signed * ratios,)


@primitive(row_axes=0)
def excess_of_hypotenuse(xp: Any, x: Array, y: Array) -> Any:
    """The product y (sqrt(x^2 + y^2) - y) for y > 0, which is x^2 / 2 for small x and y |x| for large ones.

    No square of a length but of x itself is formed, so that neither is lost where they are of other sizes.
    """
    ratio = x / y
    far = xp.abs(ratio) > 1
    near, inverse = xp.where(far, 0.0, ratio), 1.0 / xp.where(far, xp.abs(ratio), 1.0)
    root, long = xp.sqrt(1.0 + near**2), xp.sqrt(1.0 + inverse**2)
    small, size = xp.where(far, 0.0, x), xp.abs(x)
    value = xp.where(far, y * (size / (inverse + long)), small * (small / (1.0 + root)))

    def pull_y(g: Array) -> Array:
        by_far = size / long * ((long - inverse) / (long + inverse))
        return g * xp.where(far, by_far, small * near * (near / (1.0 + root)) ** 2 / root)

    return value, (lambda g: g * xp.where(far, xp.where(x > 0, y, -y) / long, small / root), pull_y)


def normalize(x: Array) -> tuple[Array, Array]:
    """Return x / |x| over the last axis, 0 with derivative 0 where |x| is 0, and the mask of those rows."""
    unit, zero, *_ = _direction(x)
    return unit, zero[..., 0]


def _direction(x: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return x / |x|, the mask of rows of length 0, that of the largest entry k, the value there, and |x| / |x_k|.

    It is sign(x_k) (x / x_k) / sqrt(1 + sum_{j != k} (x_j / x_k)^2), where entry k of x / x_k is the constant 1: so no
    derivative at a vector near to an axis is a difference of large numbers.
    """
    xp = array_namespace(x)
    _, is_top, top = largest(x, xp.abs(stop_gradient(x)))
    zero = top == 0
    top = xp.where(zero, 1.0, top)
    ratios = x / top
    length = xp.sqrt(1.0 + xp.sum(xp.where(is_top, 0.0, ratios) ** 2, axis=-1, keepdims=True))
    factor = 1.0 / xp.where(top > 0, length, -length)  # one quotient a row, not an entry
    unit = xp.where(is_top, 1.0, ratios) * factor
    return xp.where(zero, 0.0, unit), zero, is_top, top, length


@primitive(row_axes=1)
def cosine_gap(xp: Any, x: Array, y: Array) -> Any:
    """1 - c where the cosine c of two rows is 0 or more, and -(1 + c) where it is less: both keep their digits near 0.

    The derivative is that of -c, without a normalization to go back through. Where a row has length 0 the cosine is 0
    with derivative 0. The gap of opposite rows is next to 0, so that the sign says which of the two it is.
    """
    (u, *of_x), (v, *of_y) = _direction(x), _direction(y)
    below, above = (0.5 * xp.sum(square, axis=-1, keepdims=True) for square in ((u - v) ** 2, (u + v) ** 2))
    zero, opposed = of_x[0] | of_y[0], above < below
    side, near = xp.where(opposed, -1.0, xp.ones_like(below)), xp.where(opposed, above, below)
    cosine = xp.sum(u * v, axis=-1, keepdims=True)
    far = near > 0.5  # there the cosine has its digits, else its gap has them: it is side (1 - near)
    first, second = xp.where(far, cosine, side), xp.where(far, 0.0, side * near)
    gap = xp.where(opposed, -xp.maximum(above, number(xp.finfo(x.dtype).smallest_normal, x)), below)

    def pull(g: Array, u: Array, v: Array, is_top: Array, top: Array, length: Array) -> Array:
        across = (v - first * u) + second * u  # v - c u, orthogonal to u: that gives its entry at the largest
        signed = xp.where(top > 0, length, -length)
        rest = xp.sum(xp.where(is_top, 0.0, across * u), axis=-1, keepdims=True) * signed
        scale = xp.where(zero, 0.0, 1.0 / (length * xp.abs(top)))
        return (g[..., None] * scale) * xp.where(is_top, rest, -across)

    pulls = (lambda g: pull(g, u, v, *of_x[1:]), lambda g: pull(g, v, u, *of_y[1:]))
    return xp.where(zero, 1.0, gap)[..., 0], pulls


def number(parameter: Any, like: Array) -> Array:
    """A number as a 0-d array with the dtype and the device of `like`, for a `where` whose dtype it decides."""
    if is_array(parameter):
        return parameter
    backend = backend_of(like)
    xp = array_namespace(like)
    return xp.asarray(parameter, dtype=like.dtype, device=backend.creation_device(like))


def per_row(parameter: Any, axes: int = 1) -> Any:
    """Give a parameter that varies from unit to unit trailing axes of size 1, so that it broadcasts against rows.

    `axes` is how many axes the rows have that the units lack.
    """
    if isinstance(parameter, (int, float)) or parameter.shape == ():
        return parameter
    return parameter[(..., *(None,) * axes)]


@primitive(row_axes=0, blocks=False)
def absolute(xp: Any, x: Array) -> Any:
    """|x|, with derivative 0 at 0, where that of `abs` is 1 on JAX, and NaN at NaN, where that is 0 on Torch."""
    value = xp.abs(x)
    return value, (lambda g: g * xp.copysign(_step(xp, value), x),)


def with_value(value: Array, smooth: Array) -> Array:
    """Return the first with the derivatives of the second, which must be finite: the better ones of two forms."""
    return stop_gradient(value) + (smooth - stop_gradient(smooth))


def log1p(x: Array) -> Array:
    """log(1 + x); as log of the sum below -1/4, where XLA's log1p is wrong by up to 120 units of the last place."""
    xp = array_namespace(x)
    low = x < -0.25
    return xp.where(low, xp.log(1 + xp.where(low, x, 0.0)), xp.log1p(xp.where(low, 0.0, x)))


@primitive(row_axes=0)
def log_quotient(xp: Any, x: Array, y: Array) -> Any:
    """log(x / y) of positive numbers, right to the last digits where they are nearly equal, and where both are far out.

    Two logarithms are taken only where the quotient leaves the dtype: of large numbers they are large themselves.
    """
    near = xp.abs(x - y) < 0.5 * y
    rise = xp.where(near, x - y, 0.0) / y
    quotient = xp.where(near, 1.0, x / y)
    beyond = (quotient < float(xp.finfo(x.dtype).smallest_normal)) | (quotient == inf)
    far = xp.where(beyond, xp.log(x) - xp.log(y), xp.log(xp.where(beyond, 1.0, quotient)))
    return xp.where(near, log1p(rise), far), (lambda g: g / x, lambda g: -(g / y))


def log_difference(x: Array, y: Array) -> Array:
    """The difference x - y of two logarithms; 0, without gradient, where both are -inf."""
    xp = array_namespace(x)
    neither = (x == -inf) & (y == -inf)
    return xp.where(neither, 0.0, x) - xp.where(neither, 0.0, y)


def divergence_terms(p: Array, q: Array, log_ratio: Array) -> Array:
    """Compute p log(p / q) - p + q from p, q and log(p / q); never negative, so that no sum of it cancels.

    A log ratio of -inf stands for p = 0 and gives q; one of inf, for q = 0 alone, gives inf with derivative 0.
    """
    xp = array_namespace(p)
    size = xp.abs(log_ratio)
    near = size < 1
    beyond = (q == inf) & (log_ratio < 0)  # what is subtracted from it may be infinite too
    far = p * (xp.where(near | (size == inf), 1.0, log_ratio) - 1) + xp.where(beyond, 0.0, q)
    terms = xp.where(near, p * expm1_minus(xp.where(near, -log_ratio, 0.0)), far)
    return xp.where((log_ratio == inf) | beyond, inf, terms)


def mixture_terms(p: Array, q: Array, log_ratio: Array, beta: Any) -> Array:
    """Compute beta p log(p / m) + (1 - beta) q log(q / m) from p, q and log(p / q), with m = beta p + (1 - beta) q.

    It is never negative, so that no sum of it cancels; log ratios of inf and -inf stand for q = 0 and p = 0.
    """
    xp = array_namespace(p)
    near = xp.abs(log_ratio) < 1
    bounded = xp.where(log_ratio > 800, 800.0, xp.where(log_ratio < -800, -800.0, log_ratio))  # e^-800 is 0
    r = xp.where(near, bounded, 0.0)
    of_p = p * expm1_minus(log1p((1 - beta) * expm1(-r)))
    of_q = q * expm1_minus(log1p(beta * expm1(r)))
    positive, weight = bounded > 0, xp.zeros_like(bounded) + beta
    own, other = xp.where(positive, weight, 1 - weight), xp.where(positive, 1 - weight, weight)  # own: of the larger
    far = xp.where(near, 1.0, xp.abs(bounded))
    log_larger = -_log_mean_exp(xp, other, own, -far)
    excess = own * expm1(xp.where(far > 80, 80.0, far))
    slight = excess < 1  # where `own` is so small that the other way is a difference of nearly equal numbers
    log_smaller = xp.where(slight, -log1p(xp.where(slight, excess, 0.0)), log_larger - far)
    log_p, log_q = xp.where(positive, log_larger, log_smaller), xp.where(positive, log_smaller, log_larger)
    return xp.where(near, beta * of_p + (1 - beta) * of_q, beta * p * log_p + (1 - beta) * q * log_q)


def _log_mean_exp(xp: Any, weight: Any, rest: Any, x: Array) -> Array:
    """log(weight * exp(x) + rest) for two weights that sum to 1, and x <= -1."""
    power = xp.exp(x)  # and not expm1: a derivative of that as its value plus 1 loses small powers
    total = weight * power + rest
    low = total < 0.5
    return xp.where(low, xp.log(xp.where(low, total, 1.0)), log1p(weight * xp.where(low, 0.0, power - 1)))


def softmax_pair(x: Array, y: Array, temperature: Any = 1.0) -> tuple[Array, Array, Array]:
    """Return p = softmax(x / temperature), q = softmax(y / temperature) over the last axis, and log(p / q).

    The logarithm is taken from the differences x - y, so that it keeps its digits where p is near q. It is inf or -inf,
    constant, where only one of the two rules a class out, and 0 where both do.
    """
    xp = array_namespace(x)
    x_ruled_out, y_ruled_out = x == -inf, y == -inf
    p, x_kept, x_shift, x_excess = _shifted_softmax(xp, x, temperature)
    q, y_kept, y_shift, y_excess = _shifted_softmax(xp, y, temperature)
    ruled_out = x_ruled_out | y_ruled_out
    x_kept, y_kept = xp.where(ruled_out, x_shift, x_kept), xp.where(ruled_out, y_shift, y_kept)
    apart = _second_difference(xp, x_kept, y_kept, x_shift, y_shift) / temperature
    # The difference of two nearly equal excesses is noise; it is the logarithm of a mean of exponentials near 1.
    fixed = stop_gradient(apart)
    alike = (xp.abs(fixed) < 1) & (x_ruled_out == y_ruled_out)
    close = xp.all(alike, axis=-1, keepdims=True)
    rise = xp.sum(stop_gradient(p) * xp.expm1(xp.where(close, -fixed, 0.0)), axis=-1, keepdims=True)
    of_sums = y_excess - x_excess
    of_sums = with_value(xp.where(close, xp.log1p(rise), of_sums), of_sums)
    log_ratio = apart + of_sums
    gone = xp.where(x_ruled_out, xp.where(y_ruled_out, xp.zeros_like(p), -inf), inf)
    return p, q, xp.where(ruled_out, gone, log_ratio)


def _second_difference(xp: Any, a: Array, b: Array, c: Array, d: Array) -> Array:
    """(a - b) - (c - d), in that order or as (a - c) - (b - d): the one whose differences are smaller rounds less."""
    first, second, third, fourth = a - b, c - d, a - c, b - d
    aside = xp.abs(first) + xp.abs(second) < xp.abs(third) + xp.abs(fourth)
    return xp.where(aside, first - second, third - fourth)


def _shifted_softmax(xp: Any, x: Array, temperature: Any) -> tuple[Array, Array, Array, Array]:
    """Return p, x, a shift c and an excess e, where p = exp((x - c) / temperature - e).

    c is the largest entry. Where its class has more than half of the probability, it is kept out of the sum and c
    moves with it, so that its derivatives are made of the small probabilities of the others; elsewhere c is constant.
    """
    _, is_best, top = largest(x)
    fixed, fixed_top = stop_gradient(x), stop_gradient(top)
    sure = xp.sum(xp.exp((fixed - fixed_top) / temperature), axis=-1, keepdims=True) < 2
    kept = xp.where(is_best & sure, fixed, x)
    shift = xp.where(sure & ~is_best, top, fixed_top)
    scaled = (kept - shift) / temperature
    powers = xp.exp(scaled)
    others = xp.sum(xp.where(is_best, expm1(scaled), powers), axis=-1, keepdims=True)
    return powers / (1 + others), kept, shift, xp.log1p(others)


def log_softmax_terms(logits: Array, temperature: Any = 1.0) -> tuple[Array, Array, Array, Array, Array]:
    """Return the terms of log softmax(logits / temperature) = gaps - excess over the last axis, both accurate.

    With them: which classes are ruled out by -inf, the index of the likeliest class, and where that class is. The
    largest logit is kept out of the sum: its gap is the constant 0 and its logarithm is -excess = -log1p(the others).
    """
    xp = array_namespace(logits)
    best, is_best, top = largest(logits)
    gaps = xp.where(is_best, 0.0, (logits - top) / temperature)
    excess = xp.log1p(xp.sum(xp.where(is_best, 0.0, xp.exp(gaps)), axis=-1, keepdims=True))
    return gaps, excess, logits == -inf, best, is_best


def softmax_divergence(x: Array, y: Array, temperature: Any = 1.0) -> Array:
    """KL(p || q) of p = softmax(x / temperature) and q = softmax(y / temperature), small where they are nearly equal.

    It is inf where y alone rules a class out. It is the sum of q - p - p r, where no term is negative, with
    r = log(q / p). r comes from the differences of logits relative to the likeliest class of p: m = r + shift, where
    exp(shift) is the mean of exp(m) under p. Where q has its weight elsewhere, shift may be huge: there the divergence
    is shift - sum p m, in which r does not occur.
    """
    xp = array_namespace(x)
    gaps, excess, ruled_out, best, is_best = log_softmax_terms(x, temperature)
    other_gaps, other_excess, other_ruled_out, _, _ = log_softmax_terms(y, temperature)
    either = ruled_out | other_ruled_out
    root = xp.exp(0.5 * (gaps - excess))  # of p: where p itself is too small for the dtype, its multiples are not
    p = root * root
    anchor = xp.take_along_axis(y, best, axis=-1)
    anchor = xp.where(anchor == -inf, 0.0, anchor)
    known = xp.where(either, 0.0, (y - anchor) / temperature) - xp.where(either, 0.0, gaps)
    m = xp.where(is_best, 0.0, known)
    log_q = (y - anchor) / temperature - excess  # plus shift
    close = xp.all(log_q <= 1, axis=-1, keepdims=True)
    log_q = xp.where(close, log_q, 0.0)
    small = (xp.abs(m) <= 1) & ~either
    gained = xp.where(small, p * expm1(xp.where(small, m, 0.0)), xp.exp(log_q) - p)
    close_shift = xp.log1p(xp.sum(gained, axis=-1, keepdims=True))
    r = m - close_shift
    near = (xp.abs(r) < 0.5) & ~either
    far_terms = (xp.exp(log_q - close_shift) - p) - root * (root * r)
    of_close = xp.sum(xp.where(near, p * expm1_minus(xp.where(near, r, 0.0)), far_terms), axis=-1)
    other_gap = xp.take_along_axis(xp.where(other_ruled_out, 0.0, other_gaps), best, axis=-1)
    of_far = ((other_excess - other_gap) - excess)[..., 0] - xp.sum(root * (root * xp.where(close, 0.0, m)), axis=-1)
    impossible = xp.any(other_ruled_out & ~ruled_out, axis=-1)
    return xp.where(impossible, inf, xp.where(close[..., 0], of_close, of_far))


def first_largest(x: Array) -> Array:
    """The maximum of the last axis; the gradient goes to the first of tied entries on every backend."""
    return largest(x)[2][..., 0]


def _ratios(xp: Any, x: Array) -> tuple[Array, Array, Array, Array]:
    """Return (mask, value) of the first largest entry of the last axis, the ratios exp(x - largest), their sum minus 1.

    The ratio of the largest to itself is the constant 1. In a row of -inf all others are 0, and the largest is 0.
    """
    _, is_best, top = largest(x)
    top = xp.where(top == -inf, 0.0, top)
    others = xp.exp(xp.where(is_best, -inf, x) - top)
    return is_best, top, xp.where(is_best, 1.0, others), xp.sum(others, axis=-1, keepdims=True)


@primitive(row_axes=1)
def logsumexp(xp: Any, x: Array) -> Any:
    """log(sum(exp(x))) over the last axis, its largest entry kept out of the sum.

    All of them -inf gives -inf, with derivative 0.
    """
    _, top, ratios, rest = _ratios(xp, x)
    nothing = xp.max(x, axis=-1, keepdims=True) == -inf
    value = xp.where(nothing, -inf, top + xp.log1p(rest))

    def pull(g: Array) -> Array:
        """The softmax."""
        return g[..., None] * xp.where(nothing, 0.0, ratios / (1.0 + rest))

    return value[..., 0], (pull,)


@primitive(row_axes=1)
def softmax_mean(xp: Any, logits: Array, values: Array) -> Any:
    """sum_c softmax(logits)[c] * values[c] over the last axis; a logit of -inf leaves a value out.

    The derivative in a logit that is nearly sure is minus the sum of the others', which are small and no differences.
    """
    is_best, _, ratios, rest = _ratios(xp, logits)
    shares = ratios / (1.0 + rest)
    mean = xp.sum(shares * values, axis=-1, keepdims=True)

    def pull_logits(g: Array) -> Array:
        return g[..., None] * balanced(shares * (values - mean), is_best & (rest < 1))

    return mean[..., 0], (pull_logits, lambda g: g[..., None] * shares)


@primitive(row_axes=1)
def log_mean_exp(xp: Any, x: Array, y: Array) -> Any:
    """log(sum(exp(x + y)) / sum(exp(x))) over the last axis for y >= 0: of the mean of exp(y) under softmax(x)."""
    is_best, top, _, _ = _ratios(xp, x)
    value, pull_x, p, _, _ = _log_ratio(xp, x - top + y, x - top, y, is_best)
    return value, (pull_x, lambda g: g[..., None] * p)


@primitive(row_axes=1)
def negative_log_mean_exp(xp: Any, x: Array, y: Array) -> Any:
    """log(sum(exp(x)) / sum(exp(x - y))) over the last axis for y >= 0: -log of the mean of exp(-y)."""
    is_best, top, _, _ = _ratios(xp, x)
    # What is left is taken against the largest of it: against that of x, a far one that y rules out leaves no digits.
    _, likeliest, left = largest(x - y)
    x_there, y_there = (
        xp.sum(xp.where(likeliest & (xp.abs(v) != inf), v, 0.0), axis=-1, keepdims=True) for v in (x, y)
    )
    below = (x - x_there) - (y - y_there)
    value, pull_x, _, q, _ = _log_ratio(xp, x - top, below, y, is_best, (top - x_there) + y_there)
    none_left = (left == -inf)[..., 0] & (top > -inf)[..., 0]  # costs that all overflow
    return xp.where(none_left, inf, value), (pull_x, lambda g: g[..., None] * q)


@primitive(row_axes=1)
def log_ratio_of_sums(xp: Any, x: Array, y: Array) -> Any:
    """log(sum(exp(x + y)) / sum(exp(x - y))) over the last axis for y >= 0."""
    is_best, top, _, _ = _ratios(xp, x)
    d = x - top
    value, pull_x, p, q, near = _log_ratio(xp, d + y, d - y, 2 * y, is_best)
    high = largest(d + y)[2]

    def pull_y(g: Array) -> Array:
        """By cosh and sinh, of which the one is the derivative of the other: that of p + q is a difference."""
        shifted, small = d - high, y < 1
        kept = xp.where(small, y, 0.0)
        power, up, down = xp.exp(shifted), xp.exp(shifted + y), xp.exp(shifted - y)
        even = xp.where(small, power * xp.cosh(kept), (up + down) / 2)
        odd = xp.where(small, power * xp.sinh(kept), (up - down) / 2)
        evens, odds = xp.sum(even, axis=-1, keepdims=True), xp.sum(odd, axis=-1, keepdims=True)
        product = xp.where(near & (evens > 0), evens * evens - odds * odds, 1.0)
        return g[..., None] * xp.where(near, 2 * (even * evens - odd * odds) / product, p + q)

    return value, (pull_x, pull_y)


def _log_ratio(
    xp: Any, above: Array, below: Array, gap: Array, is_best: Array, lift: Array | float = 0.0
) -> tuple[Array, Callable[[Array], Array], Array, Array, Array]:
    """Return log(sum(exp(above)) / sum(exp(below - lift))), and its pull in the part that they share.

    The gap is above - below + lift, and not negative.

    With p = softmax(above), q = softmax(below) and m = sum(p * (1 - exp(-gap))), a sum of positive numbers, it is
    -log(1 - m), and p - q is p * (1 - exp(-gap)) - q * m: right to the last digits for small gaps too. With these come
    p, q and where m is small.
    """
    (_, high, p, p_rest), (_, low, q, q_rest) = _ratios(xp, above), _ratios(xp, below)
    p, q = p / (1.0 + p_rest), q / (1.0 + q_rest)
    falls = -expm1(-gap)
    mean = xp.sum(p * falls, axis=-1, keepdims=True)
    near = mean <= 0.25
    far = (high - low) + lift + (xp.log1p(p_rest) - xp.log1p(q_rest))
    value = xp.where(near, -xp.log1p(-xp.where(near, mean, 0.0)), far)

    def pull(g: Array) -> Array:
        return g[..., None] * balanced(p * falls - q * mean, is_best & (p > 0.5) & (q > 0.5))

    return value[..., 0], pull, p, q, near


def balanced(terms: Array, chosen: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Replace the chosen one of terms that sum to 0 over axes by minus the sum of the others."""
    xp = array_namespace(terms)
    others = xp.where(chosen, 0.0, terms)
    return xp.where(chosen, -xp.sum(others, axis=axis, keepdims=True), others)


def softmax(logits: Array) -> Array:
    """The softmax over the last axis; the likeliest class has minus the sum of the derivatives of all others.

    So a cotangent of the others is taken relative to that of the likeliest first, before small probabilities scale it.
    """
    xp = array_namespace(logits)
    _, is_best, top = largest(logits)
    root = xp.where(is_best, 0.0, xp.exp(0.5 * (logits - top)))
    ratios = root * root  # where a probability is too small for the dtype, its multiples, the derivatives, are not
    whole = 1 + xp.sum(ratios, axis=-1, keepdims=True)
    others = ratios / whole
    return xp.where(is_best, with_value(1 / whole, -xp.sum(others, axis=-1, keepdims=True)), others)


def focal_cross_entropy(logits: Array, targets: Array, gamma: Any) -> Array:
    """(1 - p_t)^gamma (-t log p - (1 - t) log(1 - p)) with p = sigmoid(logits) and p_t = t p + (1 - t) (1 - p)."""
    xp = array_namespace(logits)
    above = logits > 0
    size = xp.where(above, logits, -logits)
    wrong = xp.where(above, 1 - targets, targets)  # the weight of the side that the logit speaks against
    excess = xp.log1p(xp.exp(-size))
    return xp.exp(gamma * (log_mass_against(size, wrong) - excess)) * (excess + wrong * size)


@primitive(row_axes=0)
def log_mass_against(xp: Any, size: Array, wrong: Array) -> Any:
    """log(e^-size + wrong (1 - e^-size)), whose derivatives divide by no mass: its square may underflow."""
    tail, rest = xp.exp(-size), xp.expm1(-size)
    mass = tail - wrong * rest
    lost = mass < float(xp.finfo(size.dtype).smallest_normal)
    value = xp.where(lost, -size, xp.log(xp.where(lost, number(1.0, size), mass)))
    return value, (
        lambda g: g * (wrong - 1) * xp.exp(-(size + value)),
        lambda g: g * xp.where(lost, number(0.0, size), -rest * xp.exp(xp.where(lost, number(0.0, size), -value))),
    )


def whole(function: Callable[..., Array], *arguments: Any, **static: Any) -> Array:
    """Call `function`; where a backend would compile each of its operations alone, compile the whole call once.

    The arguments are arrays, numbers or None, the first an array; the keywords are what the code may branch on.
    """
    backend = backend_of(arguments[0])
    return backend.whole(function, arguments, static)
