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
