"""Losses of estimates of a return."""

from typing import Any

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    absolute,
    array_namespace,
    expected_negative_log_softmax,
    per_row,
    positions,
    scan,
    stop_gradient,
    with_value,
)
from lossspec.terms import Array, Distribution, Length, Logits, Positive, Real, UnitInterval

__all__ = ["categorical_td", "quantile_td", "td_error", "v_trace"]


def _between(x: Array, low: Array, high: Array) -> Array:
    """The entries clipped to [low, high], with half of the derivative at both ends."""
    xp = array_namespace(x)
    value = xp.where(x < low, 0 * x + low, xp.where(x > high, 0 * x + high, x))
    return with_value(value, (absolute(x - low) - absolute(x - high) + low + high) / 2)


@loss(
    family="value_learning",
    unit="example",
    source="Bellemare, Dabney and Munos 2017, arXiv:1707.06887, algorithm 1 (from memory, not read)",
    aliases=("C51", "categorical_dqn"),
    invariant_in=("logits",),
    sizes={"batch": 2, "classes": 3, "lowest": -1.0, "step": 0.75},
)
def categorical_td(
    logits: Logits["*batch classes"],
    targets: Distribution["*batch classes"],
    rewards: Real["*batch"],
    discounts: UnitInterval["*batch"],
    *,
    lowest: Real = -10.0,
    step: Positive = 0.4,
) -> Real["*batch"]:
    """Categorical TD loss (C51): the cross entropy of a return with its target, moved and projected on the atoms.

    l = -sum_i m_i log softmax(logits)_i, with m_i = sum_j targets_j max(0, 1 - |b_j - i|) the targets projected on the
    atoms z_i = lowest + step * i, i = 0, 1, ..., and b_j = (clip(rewards + discounts * z_j) - lowest) / step the place
    of a moved atom, which is clipped to the first and the last one.

    Shapes: `logits` [*batch classes], one class an atom (the class axis anywhere: `axis`); `targets` [*batch classes]
    the probabilities of the return of the next state; `rewards` [*batch], any real numbers; `discounts` [*batch] in
    [0, 1], 0 where an episode ends; `lowest` the first atom and `step` > 0 from one to the next: 51 atoms from -10 to
    10, unless given -> example [*batch].
    Weights and mean: the common contract; importance weights of replayed examples are `sample_weight`. Targets, rewards
    and discounts are constants by convention; the gradients in them are the mathematical ones, at a kink the mean of
    the one-sided ones.
    Errors: `ContractError` for another shape or step <= 0, `DTypeError` for integers; targets that are no distribution
    raise under `checking("values")`.
    Equals: the loss of the paper; with discount 1 and reward 0 `cross_entropy` with the targets as labels.

    >>> import numpy as np
    >>> z, t = np.zeros((1, 2)), np.asarray([[0.0, 1.0]])
    >>> round(float(categorical_td(z, t, np.asarray([0.0]), np.asarray([0.5]), lowest=0.0, step=1.0)), 6)  # log 2
    0.693147
    """
    last = logits.shape[-1] - 1
    steps = positions(logits, dtype=logits.dtype)
    places = rewards[..., None] / step + (discounts[..., None] * (lowest + step * steps) - lowest) / step
    apart = _between(places, 0.0, float(last))[..., :, None] - steps[..., None, :]
    xp = array_namespace(logits)
    near = xp.where(absolute(apart) < 1, 1 - absolute(apart), 0.0)
    smooth = (absolute(apart + 1) + absolute(apart - 1)) / 2 - absolute(apart)  # half of the derivative at the ends
    shares = xp.sum(targets[..., :, None] * with_value(near, smooth), axis=-2)
    return expected_negative_log_softmax(logits, shares)


@loss(
    family="value_learning",
    unit="example",
    source="Dabney, Rowland, Bellemare and Munos 2018, arXiv:1710.10044, equation 10 and algorithm 1 (from memory)",
    aliases=("QR-DQN", "quantile_regression_dqn"),
    equals=(
        Equal(
            "torch",
            "(lambda u, level: (torch.abs(level - (u.detach() < 0).to(u.dtype))"
            " * torch.where(torch.abs(u) <= kappa, u * u / (2 * kappa), torch.abs(u) - kappa / 2)).mean(-1).sum(-1))"
            "(targets[:, None, :] - predictions[:, :, None],"
            " ((torch.arange(predictions.shape[1]).to(predictions.dtype) + 0.5) / predictions.shape[1])[:, None])",
            when="predictions.ndim == 2 and predictions.shape[1] > 0 and targets.shape[1] > 0",
        ),
    ),
    sizes={"batch": 2, "quantiles": 3, "samples": 2},
)
def quantile_td(
    predictions: Real["*batch quantiles"], targets: Real["*batch samples"], *, kappa: Positive["#*batch"] = 1.0
) -> Real["*batch"]:
    """Quantile TD loss (QR-DQN): quantile Huber loss of all quantiles of a return against all samples of its target.

    l = sum_i mean_j |t_i - [u_ij < 0]| h(u_ij), with u_ij = targets_j - predictions_i, t_i = (i + 1/2) / quantiles the
    level of quantile i = 0, 1, ..., and h(u) = u^2 / (2 kappa) where |u| <= kappa, |u| - kappa / 2 elsewhere.

    Shapes: `predictions` [*batch quantiles], the quantiles of the return at equally spaced levels; `targets` [*batch
    samples], samples or quantiles of reward + discount * return, of which the number may be another; `kappa` > 0,
    a number, a 0-d array or [*batch] -> example [*batch].
    Weights and mean: the common contract; importance weights of replayed examples are `sample_weight`. Code that takes
    the mean over the quantiles too has 1 / quantiles of this loss. Without samples or quantiles it is 0.
    Convex in all arguments together. The targets are constants by convention; the gradient in them is the mathematical
    one.
    Errors: `ContractError` for another shape or kappa <= 0, `DTypeError` for integers or mixed dtypes.
    Equals: `quantile` at level t_i, summed over i, as kappa goes to 0.

    >>> import numpy as np
    >>> float(quantile_td(np.asarray([[0.0, 4.0]]), np.asarray([[2.0]])))  # 1/4 * 1.5 + 1/4 * 1.5
    0.75
    """
    xp, (count, samples) = array_namespace(predictions), (max(x.shape[-1], 1) for x in (predictions, targets))
    u = targets[..., None, :] - predictions[..., :, None]
    size, odd = absolute(u), per_row(2 * positions(predictions, dtype=predictions.dtype) + 1)
    level = xp.where(u < 0, 2 * count - odd, odd)  # times 2 * count: whole numbers, whose sums are exact
    width = per_row(kappa, 2)
    near = size <= width
    square = xp.where(near, xp.where(near, u, 0.0) ** 2 / (2 * width), 0.0)
    value = xp.sum(level * xp.where(near, square, size - 0.5 * width), axis=(-2, -1))
    # The slopes of the linear parts are added up before they meet the rounded 1 / (2 * count * samples): they cancel.
    far = xp.where(near, 0.0, level)
    slope = xp.where(u < 0, -far, far)
    linear = xp.sum(targets * xp.sum(slope, axis=-2), axis=-1) - xp.sum(predictions * xp.sum(slope, axis=-1), axis=-1)
    smooth = linear - 0.5 * kappa * xp.sum(far, axis=(-2, -1)) + xp.sum(level * square, axis=(-2, -1))
    return with_value(value, smooth) / (2 * count * samples)


@loss(
    family="value_learning",
    unit="element",
    source="Sutton 1988, doi:10.1007/BF00115009 (formula from memory, not read)",
    aliases=("temporal_difference", "TD(0)"),
    also={
        "rlax:td_learning": "it gives the error itself, without a square",
        "rlax:q_learning double_q_learning": "it gives the error itself. Fix: td_error(q[a], q_next[argmax], ...)",
    },
    equals=(
        Equal("torch", "F.mse_loss(predictions, rewards + discounts * next_values, reduction='none') / 2"),
        Equal("optax", "optax.l2_loss(predictions, rewards + discounts * next_values)"),
    ),
)
def td_error(
    predictions: Real["*batch"],
    next_values: Real["*batch"],
    rewards: Real["*batch"],
    discounts: UnitInterval["*batch"],
) -> Real["*batch"]:
    """Temporal-difference loss: half of the square of the error of a value against the value of the next state.

    l = (rewards + discounts * next_values - predictions)^2 / 2.

    Shapes: `predictions` [*batch], the values of states or of actions that were taken; `next_values` [*batch] those of
    the next states: of Q-learning the largest of its actions, of double Q-learning that of the action which the other
    network prefers; `rewards` [*batch], any real numbers; `discounts` [*batch] in [0, 1], 0 where an episode ends ->
    element [*batch].
    Weights and mean: the common contract; importance weights of replayed examples are `sample_weight`. The next values,
    rewards and discounts are constants by convention; the gradients in them are the mathematical ones.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes.
    Equals: half of `squared_error` against rewards + discounts * next_values.

    >>> import numpy as np
    >>> float(td_error(np.asarray([1.0]), np.asarray([4.0]), np.asarray([1.0]), np.asarray([0.5])))  # 1 + 2 - 1
    2.0
    """
    error = rewards + discounts * next_values - predictions
    return error * error / 2


def _clipped(log_ratios: Array, most: Any) -> Array:
    """min(most, exp(log_ratios)), without an overflow of what is clipped."""
    xp = array_namespace(log_ratios)
    most = most + xp.zeros_like(log_ratios)
    above = log_ratios >= xp.log(most)
    return xp.where(above, most, xp.exp(xp.where(above, 0.0, log_ratios)))


def _earlier(later: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
    """The error of a state from that of the next one."""
    error, share = step
    error = error + share * later
    return error, error


@loss(
    family="value_learning",
    unit="trajectory",
    source="Espeholt et al. 2018, arXiv:1802.01561, equation 1 and remark 1 (read in the code of rlax, not in the "
    "paper)",
    aliases=("IMPALA",),
    also={
        "rlax:vtrace": "it gives the errors themselves, of one trajectory, without a square",
        "rlax:vtrace_td_error_and_advantage": "it gives the errors, and the advantages of the policy's loss: "
        "policy_gradient takes those",
    },
    sizes={"batch": 3, "time": 3},
)
def v_trace(
    predictions: Real["batch time"],
    next_values: Real["batch time"],
    rewards: Real["batch time"],
    discounts: UnitInterval["batch time"],
    log_ratios: Real["batch time"],
    lengths: Length["batch", "of time"],
    *,
    clip_ratio: Positive["#batch"] = 1.0,
    clip_trace: Positive["#batch"] = 1.0,
    trace_decay: UnitInterval["#batch"] = 1.0,
) -> Real["batch"]:
    """V-trace loss of values (IMPALA): half of their squared distances from returns of several steps of another policy.

    l = sum_{t < lengths} (v[t] - predictions[t])^2 / 2, with v[t] = predictions[t] + e[t], the errors
    e[t] = min(clip_ratio, r[t]) (rewards[t] + discounts[t] * next_values[t] - predictions[t])
    + discounts[t] * trace_decay * min(clip_trace, r[t]) e[t + 1], e[lengths] = 0, and r = exp(log_ratios). The values
    in v are constants for the gradient, which in predictions[t] is -e[t].

    Shapes: `predictions` [batch time], the values of the states; `next_values` [batch time] those of the states that
    follow, the last one that of the state where the trajectory is cut; `rewards` [batch time], any real numbers;
    `discounts` [batch time] in [0, 1], 0 where an episode ends; `log_ratios` [batch time], the log-probability of each
    action under the policy less that under the one that took it; `lengths` integers [batch] in [0, time]: what lies
    beyond them is padding and may hold anything; `clip_ratio` and `clip_trace` > 0 and `trace_decay` in [0, 1], numbers
    or arrays with size 1 where they do not vary -> trajectory [batch].
    Weights and mean: the common contract; "mean" weighs trajectories equally, "token_mean" their steps. Next values,
    rewards, discounts and ratios are constants by convention; the gradients in them are the mathematical ones. The
    policy's part is `policy_gradient` with the advantages min(clip, r[t]) (rewards[t] + discounts[t] * v[t + 1] -
    predictions[t]).
    Errors: `ContractError` for another shape or a parameter out of its domain, `DTypeError` for integers or mixed
    dtypes; a length out of range gives NaN, and raises under `checking("values")`.
    Equals: half of the sum of the squares of rlax `vtrace` with `clip_rho_threshold = clip_ratio`, `lambda_ =
    trace_decay` and the usual `clip_trace`; `td_error` for a length of 1 on the policy's own actions.

    >>> import numpy as np
    >>> x, one = np.asarray([[1.0, 2.0]]), np.ones((1, 2))
    >>> float(v_trace(x, np.asarray([[2.0, 0.0]]), one, one, 0 * one, np.asarray([2])))  # e = (2 - 1, 1 - 2)
    1.0
    """
    xp, fixed = array_namespace(predictions), stop_gradient(predictions)
    if not predictions.shape[1]:
        return xp.sum(predictions, axis=-1)
    errors = _clipped(log_ratios, per_row(clip_ratio)) * (rewards + discounts * next_values - fixed)
    shares = discounts * (per_row(trace_decay) * _clipped(log_ratios, per_row(clip_trace)))
    steps = xp.matrix_transpose(errors), xp.matrix_transpose(shares)
    _, found = scan(_earlier, xp.zeros_like(errors[:, 0]), steps, reverse=True)
    apart = xp.matrix_transpose(found) + (fixed - predictions)
    return 0.5 * xp.sum(apart * apart, axis=-1)
