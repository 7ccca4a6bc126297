"""Ports of losses with one mistake each, a right one, and one that raises."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812


def _of_label(rows, labels):
    return rows.gather(-1, labels[..., None])[..., 0]


def right(predictions, targets):
    return (predictions - targets) ** 2


def focal_plus_eps(logits, labels, gamma=2.0):
    p = _of_label(F.softmax(logits, -1), labels)
    return -((1 - p) ** gamma) * torch.log(p + 1e-8)


def jax_focal_plus_eps(logits, labels, gamma=2.0):
    p = jnp.take_along_axis(jax.nn.softmax(logits), labels[..., None], -1)[..., 0]
    return -((1 - p) ** gamma) * jnp.log(p + 1e-6)


def bce_plus_eps(probs, y_true):
    return -(y_true * np.log(probs + 1e-12) + (1 - y_true) * np.log(1 - probs + 1e-12))


def clipped_bce(probs, y_true):
    p = probs.clip(1e-7, 1 - 1e-7)
    return -(y_true * torch.log(p) + (1 - y_true) * torch.log(1 - p))


def clipped_cross_entropy(logits, labels):
    return -torch.log(_of_label(F.softmax(logits, -1), labels).clip(1e-7, 1 - 1e-7))


def unshifted(logits, labels):
    powers = torch.exp(logits)
    return -torch.log(_of_label(powers, labels) / powers.sum(-1))


def log_sum_exp_minus_logit(logits, labels):
    return torch.logsumexp(logits, -1) - _of_label(logits, labels)


def halved(y_pred, y_true):
    return 0.5 * ((y_pred - y_true) ** 2).mean()


def log_2(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1)[..., 0] / jnp.log(2.0)


def another_power(logits, labels, gamma=2.0):
    p = _of_label(F.softmax(logits, -1), labels)
    return -((1 - p) ** (gamma + 1)) * torch.log(p)


def negated(y_pred, y_true):
    return -((y_pred - y_true) ** 2)


def swapped_quantile(y_true, y_pred, level=0.5):
    difference = y_pred - y_true
    return torch.maximum(level * difference, (level - 1) * difference)


def numpy_swapped_quantile(y_true, y_pred, level=0.5):
    difference = y_pred - y_true
    return np.maximum(level * difference, (level - 1) * difference)


def mean_over_classes(probabilities, labels):
    if not labels.is_floating_point():
        labels = F.one_hot(labels, probabilities.shape[-1])
    return ((probabilities - labels) ** 2).mean(-1)


def sum_over_labels(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none").sum(-1)


def _reduced(losses, reduction, divisor):
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.sum() / divisor
    raise ValueError(reduction)


def multiplied_mask(pred, target, mask=None, reduction="mean"):
    losses = (pred - target) ** 2
    mask = torch.ones_like(losses) if mask is None else mask
    losses = losses * mask
    return _reduced(losses, reduction, mask.sum())


def divided_by_all(pred, target, mask=None, reduction="mean"):
    mask = torch.ones_like(pred, dtype=torch.bool) if mask is None else mask
    losses = torch.where(mask, (torch.where(mask, pred, 0.0) - torch.where(mask, target, 0.0)) ** 2, 0.0)
    return _reduced(losses, reduction, losses.numel())


def divided_by_the_batch(pred, target, reduction="mean"):
    return _reduced((pred - target) ** 2, reduction, len(pred))


def ignores_a_constant(logits, labels, ignore_index=None, reduction="mean"):
    top, place = logits.max(-1, keepdim=True)
    others = torch.exp(logits - top).scatter(-1, place, 0.0).sum(-1)
    losses = torch.log1p(others) + (top - logits.gather(-1, labels[..., None]))[..., 0]
    return _reduced(losses, reduction, losses.numel())


def nothing_is_zero(pred, target, where=None, reduction="mean"):
    where = np.ones(pred.shape, bool) if where is None else where
    losses = np.where(where, (np.where(where, pred, 0) - np.where(where, target, 0)) ** 2, 0)
    return _reduced(losses, reduction, max(where.sum(), 1))


def weights_not_in_the_mean(pred, target, sample_weight=None, reduction="mean"):
    losses = (pred - target) ** 2
    losses = losses if sample_weight is None else losses * sample_weight
    return _reduced(losses, reduction, losses.numel())


def mean_of_row_means(pred, target, where=None, reduction="mean"):
    where = torch.ones_like(pred, dtype=torch.bool) if where is None else where
    losses = torch.where(where, (torch.where(where, pred, 0.0) - torch.where(where, target, 0.0)) ** 2, 0.0)
    if reduction == "mean":
        return (losses.sum(-1) / where.sum(-1)).mean()
    return _reduced(losses, reduction, None)


def ignores_weights(pred, target, sample_weight=None, reduction="mean"):
    losses = (pred - target) ** 2
    return _reduced(losses, reduction, losses.numel())


def single(pred, target):
    return ((pred.float() - target.float()) ** 2).to(pred.dtype)


def single_log_softmax(logits, labels):
    rows = jax.nn.log_softmax(logits.astype(jnp.float32))
    return -jnp.take_along_axis(rows, labels[..., None], -1)[..., 0].astype(logits.dtype)


def single_sum(pred, target, reduction="mean"):
    losses = (pred - target) ** 2
    return losses if reduction == "none" else _reduced(losses.float(), reduction, losses.numel()).to(pred.dtype)


def numpy_squared(pred, target):
    return np.square(pred - target)


def right_slope(pred, target):
    return 2 * (pred - target)


def right_slopes(y_pred, y_true):
    return {"y_pred": 2 * (y_pred - y_true), "targets": 2 * (y_true - y_pred)}


def half_slopes(pred, target):
    return pred - target, target - pred


def slope_of_a_sum(pred, target):
    return 2 * (pred - target).sum()


def clipped_gradient(pred, target):
    losses = (pred - target) ** 2
    return torch.where((pred - target).abs() < 1, losses, losses.detach())


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x.detach(), y.detach())
        return (x - y) ** 2

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        slope = 2 * (x - y).detach() * gradient
        return slope, -slope


def straight(pred, target):
    return _Straight.apply(pred, target)


def double_gradient(pred, target):
    losses = (pred - target) ** 2
    return losses.detach() + 2 * (losses - losses.detach())


def detached(pred, target):
    return (pred - target).detach() ** 2 + 0 * pred


def nan_gradient(first, second, dissimilar, margin=1.0):
    distance = (first - second).square().sum(-1).sqrt()
    return ((1 - dissimilar) * distance**2 + dissimilar * F.relu(margin - distance) ** 2) / 2


class Doubled(torch.nn.Module):
    """A module whose delta is a parameter of the constructor, and whose factor is wrong."""

    def __init__(self, delta=1.0):
        super().__init__()
        self.delta = delta

    def forward(self, input, target):  # noqa: A002 - as Torch calls it
        return 2 * F.huber_loss(input, target, delta=self.delta)


def raises(pred, target):
    if pred.shape != (6,):
        raise RuntimeError("<script>alert('a & b')</script>")
    return (pred - target) ** 2
