"""Losses that compare embeddings with one trained vector for each class, its proxy."""

from lossspec.declaration import Equal, loss
from lossspec.losses._similarities import cosines, log_sum_exp, relative_cosines
from lossspec.numerics import array_namespace, log_odds, negative_log_softmax, per_row, positions, softplus
from lossspec.terms import Array, Embedding, Label, NonNegative, Positive, Real

__all__ = ["proxy_anchor", "proxy_nca"]

_SHORT = {"gradient edges": "a vector of length 0 is divided by 1e-12: its gradient is of that size"}


@loss(
    family="metric_learning",
    unit="example",
    source="Movshovitz-Attias et al. 2017, arXiv:1703.07464; ++: Teh, DeVries and Taylor 2020, arXiv:2004.01113 "
    "(read in code of others, not in the papers)",
    aliases=("ProxyNCA",),
    also={
        "pml:ProxyNCALoss": {"own_in_sum": True},
        "proxy_nca_pp": {"own_in_sum": True, "temperature": 1 / 9},
    },
    equals=(
        Equal(
            "pytorch-metric-learning",
            "torch.func.functional_call(pml.ProxyNCALoss(proxies.shape[0], proxies.shape[1], "
            "softmax_scale=1 / temperature), {'proxies': proxies}, (embeddings, labels))",
            reduction="mean",
            when="own_in_sum",
        ),
        Equal(
            "torch",
            "(lambda d, own: d[own] + torch.logsumexp(torch.where(own, -torch.inf, -d), 1))"
            "(torch.cdist(F.normalize(embeddings), F.normalize(proxies)).square() / temperature, "
            "F.one_hot(labels, proxies.shape[0]) == 1)",
            when="not own_in_sum and proxies.shape[0] > 1",
            differs={"edges": "a vector of length 0 has the distance 1 from all others, that of a cosine of 1/2"},
        ),
    ),
    sizes={"batch": 3, "classes": 3, "dim": 2},
)
def proxy_nca(
    embeddings: Embedding["batch dim"],
    proxies: Embedding["classes dim"],
    labels: Label["batch"],
    *,
    temperature: Positive["#batch"] = 1.0,
    own_in_sum: bool = False,
) -> Real["batch"]:
    """Proxy-NCA: an embedding is near to the proxy of its class and far from those of other classes, by a softmin.

    l = -log(exp(-d[label]) / sum_{c != label} exp(-d[c])), with d[c] = (2 - 2 cos(embeddings, proxies_c)) /
    temperature, the squared distance of the normalised vectors; with `own_in_sum` the sum is over all c, as in
    ProxyNCA++.

    Shapes: `embeddings` [batch dim] and `proxies` [classes dim], any vectors; `labels` [batch], integers in
    [0, classes); `temperature` > 0 -> example [batch].
    Weights and mean: w = sample_weight * class_weight[label]. The cosine with a vector of length 0 is declared 0, its
    derivative 0. The loss may be negative, without bound where the own class is the only one; with `own_in_sum` it is
    never negative, and 0 then.
    Errors: `ContractError` for another shape or temperature <= 0, `DTypeError` for float labels; a label outside
    [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: with `own_in_sum`, pytorch-metric-learning `ProxyNCALoss(softmax_scale=1 / temperature)`; ProxyNCA++ is
    that at a temperature of 1/9.

    >>> import numpy as np
    >>> x, proxies = np.asarray([[2.0, 0.0]]), np.asarray([[1.0, 0.0], [0.0, 3.0]])
    >>> round(float(proxy_nca(x, proxies, np.asarray([0]))), 12)  # 0 - 2
    -2.0
    """
    scores = 2.0 * relative_cosines(embeddings, proxies) / per_row(temperature)
    return negative_log_softmax(scores, labels) if own_in_sum else -log_odds(scores, labels)


@loss(
    family="metric_learning",
    unit="example",
    source="Kim, Kim, Cho and Kwak 2020, arXiv:2003.13911 (read in code of others, not in the paper)",
    aliases=("ProxyAnchor", "pml:ProxyAnchorLoss"),
    equals=(
        Equal(
            "pytorch-metric-learning",
            "torch.func.functional_call(pml.ProxyAnchorLoss(proxies.shape[0], proxies.shape[1], margin=margin, "
            "alpha=alpha), {'proxies': proxies}, (embeddings, labels))",
            reduction="mean",
            differs={**_SHORT, "empty batch": "nothing has the mean 0 there"},
        ),
    ),
    coupled="each proxy is compared with all examples of the batch, so a shard does not know its own loss. Gather the "
    "embeddings and labels of all shards, then take the loss once.",
    sizes={"batch": 3, "classes": 2, "dim": 2},
)
def proxy_anchor(
    embeddings: Embedding["batch dim"],
    proxies: Embedding["classes dim"],
    labels: Label["batch"],
    *,
    margin: NonNegative = 0.1,
    alpha: Positive = 32.0,
    selected: Array = None,
) -> Real["batch"]:
    """Proxy-anchor loss: each proxy draws the examples of its class near and pushes all others away, the hardest most.

    l = sum_{c in P} log(1 + sum_{i: labels[i] = c} exp(-alpha (s[i, c] - margin))) / n + sum_c log(1 +
    sum_{i: labels[i] != c} exp(alpha (s[i, c] + margin))) / classes, the same for all examples of a batch, with P the
    classes that have examples, n their number, and s[i, c] the cosine of embeddings_i and proxies_c.

    Shapes: `embeddings` [batch dim] and `proxies` [classes dim], any vectors; `labels` [batch], integers in
    [0, classes); `margin` >= 0, `alpha` > 0 -> example [batch].
    Weights and mean: every example has the loss of the batch, so that "mean" is that loss, whatever the weights; "sum"
    is that times the weights. A masked example is compared with no proxy. Not mergeable. The cosine with a vector of
    length 0 is declared 0, its derivative 0.
    Errors: `ContractError` for another shape, margin < 0 or alpha <= 0, `DTypeError` for float labels, `MergeError`
    for `partial`; a label outside [0, classes) gives NaN, and raises under `checking("values")`.
    Equals: pytorch-metric-learning `ProxyAnchorLoss`.

    >>> import numpy as np
    >>> x, proxies = np.asarray([[2.0, 0.0]]), np.asarray([[1.0, 0.0], [0.0, 3.0]])
    >>> round(float(proxy_anchor(x, proxies, np.asarray([0]), margin=0.0, alpha=1.0)), 12)  # log(1 + 1/e) + log(2)/2
    0.659835277798
    """
    xp = array_namespace(embeddings)
    if embeddings.shape[0] == 0:
        return xp.sum(embeddings, axis=-1)
    scores = cosines(proxies, embeddings)
    is_own = positions(scores, -2, dtype=labels.dtype) == labels[None, :]
    present = True if selected is None else selected[None, :]
    near, far = is_own & present, ~is_own & present
    drawn = softplus(log_sum_exp(-alpha * scores, near) + alpha * margin)
    pushed = softplus(log_sum_exp(alpha * scores, far) + alpha * margin)
    with_examples = xp.sum(xp.astype(xp.any(near, axis=-1), scores.dtype))
    total = xp.sum(drawn) / xp.where(with_examples > 0, with_examples, 1.0) + xp.mean(pushed)
    return xp.broadcast_to(total, (embeddings.shape[0],))
