"""Losses of labels under a softmax with heavy tails."""

from math import inf
from typing import Any

from lossspec.declaration import loss
from lossspec.losses.classification._labels import is_integral, is_label
from lossspec.numerics import array_namespace, expm1, expm1_minus, is_zero, largest, per_row, stop_gradient
from lossspec.primitive import primitive
from lossspec.terms import Array, AtLeastOne, Distribution, Label, Logits, Real, Smoothing, UnitInterval

__all__ = ["bi_tempered_logistic"]

_STEPS = 12
"""Steps of the method of Newton: ten find the shift of 10^5 classes to the last digit, five that of ten."""


def _over(above: Array, rate: Array, limit: Array) -> Array:
    """The quotient of something by a rate, and its limit where the rate is 0."""
    xp = array_namespace(above)
    return xp.where(rate == 0, limit, above / xp.where(rate == 0, 1.0, rate))


def _step(z: Array, gaps: Array, tau: Array, others: Array) -> tuple[Array, Array]:
    """Return how far the likeliest class is below `z`, and how much less likely than it each other class is.

    Both are negative logarithms of probabilities. The sum of all, to the power of minus `tau`, is concave in
    exp(tau z): the method of Newton in that never passes the solution from below.
    """
    xp = array_namespace(gaps)
    behind = _over(xp.log1p(tau * gaps * xp.exp(-tau * z)), tau, gaps)
    shares = xp.where(others, xp.exp(-behind), 0.0)
    missing = xp.log1p(xp.sum(shares, axis=-1, keepdims=True)) - z
    heavy = xp.sum(shares * -expm1(-tau * behind), axis=-1, keepdims=True)
    rest = 1 + xp.sum(shares * xp.exp(-tau * behind), axis=-1, keepdims=True)
    return missing + _over(xp.log1p(heavy / rest * -expm1(-tau * missing)), tau, heavy / rest * missing), behind


def _surprisals(logits: Array, tau: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return -log p of the likeliest class, how much more that of each other one is, and three masks.

    These are of the likeliest class, of classes that are ruled out, and of the rest.
    """
    xp = array_namespace(logits)
    _, is_best, top = largest(logits)
    ruled_out = logits == -inf
    others = ~(is_best | ruled_out)
    gaps = xp.where(others, top - logits, 0.0)
    fixed, rate = stop_gradient(gaps), stop_gradient(tau)
    z = xp.zeros_like(top)
    for _ in range(_STEPS):
        z = z + _step(z, fixed, rate, others)[0]
    z = stop_gradient(z)
    z = z + _step(z, gaps, tau, others)[0]  # which has its derivatives
    return z, _step(z, gaps, tau, others)[1], is_best, ruled_out, others


def _divergence(x: Array, s: Array) -> Array:
    """(1 - exp(-s x)) / s - (1 - exp(-(1 + s) x)) / (1 + s) for x >= 0, which is x^2 / 2 near 0."""
    xp = array_namespace(x)
    near, t = x < 1, 1 + s
    small, large = xp.where(near, x, 0.0), xp.where(near, 1.0, x)
    close = expm1_minus(-t * small) / t - _over(expm1_minus(-s * small), s, 0.0 * small)
    return xp.where(near, close, _over(-expm1(-s * large), s, large) + expm1(-t * large) / t)


@primitive(row_axes=1)
def _likelihood(xp: Any, logits: Array, shares: Array, t1: Array, t2: Array) -> Any:
    """The loss of `bi_tempered_logistic` for shares of the classes, of any sum.

    With p = exp(-r) and s = 1 - t1 the loss of class c is (1 - p[c]^s) / s - (1 - sum_k p[k]^(1 + s)) / (1 + s). In
    that of the likeliest class, and in all derivatives, the other probabilities stand alone, so that nothing cancels.
    """
    t1, t2 = t1[..., None], t2[..., None]
    s, tau, apart = 1 - t1, t2 - 1, t2 - t1
    z, behind, is_best, ruled_out, others = _surprisals(logits, tau)
    r = z + behind
    energies = xp.where(others, xp.exp(-(1 + s) * r), 0.0)
    rest = xp.sum(energies, axis=-1, keepdims=True)
    energy = xp.exp(-(1 + s) * z) + rest
    surprise = xp.where(ruled_out, _over(xp.ones_like(r), s, xp.full_like(r, inf)), _over(-expm1(-s * r), s, r))
    costs = xp.where(is_best, _divergence(z, s) + rest / (1 + s), surprise - (1 - energy) / (1 + s))
    costs = xp.where((shares == 0) & (costs == inf), 0.0, costs)
    value = xp.sum(shares * costs, axis=-1)

    def pull_logits(g: Array) -> Array:
        """Each share of the powers p^t2 times the mean of how much more the loss rises in p of the class itself."""
        best_share = xp.sum(xp.where(is_best, shares, 0.0), axis=-1, keepdims=True)
        wrong = xp.sum(xp.where(is_best, 0.0, shares), axis=-1, keepdims=True)
        heavy = xp.where(others, xp.exp(-t2 * behind), 0.0)
        whole = 1 + xp.sum(heavy, axis=-1, keepdims=True)
        own = shares * xp.where(ruled_out & (apart > 0), 0.0, xp.exp(-apart * r))
        own = xp.where(is_best, 0.0, own)
        lift = xp.exp(-t2 * z) * (wrong * xp.exp(-s * z) * expm1(-s * behind) + best_share * xp.exp(-s * r))
        best = best_share * xp.exp(-apart * z) * expm1(-z)
        total = xp.sum(heavy * lift - own, axis=-1, keepdims=True)
        of_best = best * (xp.sum(heavy, axis=-1, keepdims=True) / whole) - total / whole
        return g[..., None] * xp.where(is_best, of_best, heavy * (lift - (best + total) / whole) - own)

    def pull_t1(g: Array) -> Array:
        x = xp.where(ruled_out, 0.0, s * r)
        near = x < 1e-3
        far = xp.where(near, 1.0, x)
        bent = xp.where(near, 0.5 - x / 3 + x * x / 8, (-far * expm1(-far) - expm1_minus(-far)) / far**2)
        lost = xp.sum(xp.where(ruled_out, 0.0, xp.exp(-(1 + s) * r) * r), axis=-1, keepdims=True)
        each = (1 - energy) / (1 + s) ** 2 - lost / (1 + s) - xp.where(ruled_out, 0.0, r * r * bent)
        return -g * xp.sum(shares * each, axis=-1)

    def pull_t2(g: Array) -> Array:
        known = xp.where(ruled_out, 0.0, r)
        x = tau * known
        near = x < 1e-3
        far = xp.where(near, 1.0, x)
        bent = known**2 * xp.where(near, 0.5 - x / 6 + x * x / 24, expm1_minus(-far) / far**2)
        p = xp.where(ruled_out, 0.0, xp.exp(-known))
        mean = xp.sum(p * bent, axis=-1, keepdims=True) / xp.sum(p * xp.exp(-x), axis=-1, keepdims=True)
        rise = xp.sum(shares, axis=-1, keepdims=True) * p * xp.exp(-s * known) - shares * xp.exp(-s * known)
        return g * xp.sum(xp.where(ruled_out, 0.0, rise * (bent - xp.exp(-x) * mean)), axis=-1)

    return value, (pull_logits, lambda g: g[..., None] * costs, pull_t1, pull_t2)


@loss(
    family="classification",
    unit="example",
    source="Amid, Warmuth, Anil and Koren 2019, arXiv:1906.03361 (read in the official code, not in the paper)",
    aliases=("BiTemperedLogisticLoss", "bi_tempered_logistic_loss"),
    invariant_in=("logits",),
)
def bi_tempered_logistic(
    logits: Logits["*batch classes"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    t1: UnitInterval["#*batch"] = 0.8,
    t2: AtLeastOne["#*batch"] = 1.4,
    label_smoothing: Smoothing["#*batch"] = 0.0,
) -> Real["*batch"]:
    """Bi-tempered logistic loss for noisy labels: bounded for t1 < 1, and under a softmax with heavy tails for t2 > 1.

    l = (1 - p[label]^(1 - t1)) / (1 - t1) - (1 - sum_c p[c]^(2 - t1)) / (2 - t1), with p[c] = (1 + (t2 - 1) (h -
    logits[c]))^(-1 / (t2 - 1)) and h such that these sum to 1; for a distribution t in place of the label, sum_c t[c]
    of that for class c. Smoothing makes a distribution of the label: 1 - a of it, and a / classes of every class, with
    a = label_smoothing. With t1 = t2 = 1, the limit, it is cross entropy.

    Shapes: `logits` [*batch classes], a logit of -inf rules its class out; `labels` integers [*batch] in [0, classes),
    or distributions [*batch classes]; `t1` in [0, 1] and `t2` >= 1, numbers or arrays with size 1 where they do not
    vary -> example [*batch], in [0, 1 / (1 - t1)] for a label.
    Weights and mean: as `cross_entropy`.
    Errors: `ContractError` for another shape, t1 outside [0, 1] or t2 < 1; labels as in `cross_entropy`.
    Equals: the official `bi_tempered_logistic_loss` for labels, by its code, which was not run; its five iterations
    leave more of an error. That of a distribution is less there by a number that does not depend on the logits, so
    that it is 0 where p is the distribution; its label_smoothing b is a = b * classes / (classes - 1) here.

    >>> import numpy as np
    >>> float(bi_tempered_logistic(np.asarray([[0.0, 0.0]]), np.asarray([0]), t1=0.0, t2=2.0))  # p = 1/2: (1 - p)^2
    0.25
    """
    xp = array_namespace(logits)
    shares = xp.astype(is_label(logits, labels), logits.dtype) if is_integral(labels) else labels
    if not is_zero(label_smoothing):
        smoothing = per_row(label_smoothing)
        shares = (1 - smoothing) * shares + smoothing / logits.shape[-1]
    nothing = xp.zeros_like(logits[..., 0])
    return _likelihood(logits, shares, nothing + t1, nothing + t2)
