"""Losses of a router that sends tokens to experts."""

from math import inf
from typing import Any

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.numerics import array_namespace, largest, softmax
from lossspec.terms import Array, Logits, Statistics

__all__ = ["load_balancing"]


def _balance(chosen: Array, probabilities: Array, **_: Any) -> Array:
    xp = array_namespace(chosen)
    return chosen.shape[-1] * xp.sum(chosen * probabilities, axis=-1)


@loss(
    family="expert_routing",
    unit="token",
    source="Fedus, Zoph and Shazeer 2021, arXiv:2101.03961 (formula from memory, not read)",
    aliases=("load_balancing_loss", "aux_loss"),
    equals=(
        Equal(
            "torch",
            "logits.shape[-1] * (F.one_hot(torch.topk(logits, top_k).indices, logits.shape[-1]).to(logits.dtype)"
            ".sum(-2).flatten(0, -2).mean(0) * logits.softmax(-1).flatten(0, -2).mean(0)).sum()",
            reduction="mean",
            when="logits.ndim > 1",
        ),
    ),
    accuracy=Accuracy(
        gradient=64.0,
        reason="the frequency of an expert less the mean frequency under its token's probabilities, which may be near",
    ),
    reductions=("mean", "count_mean", "over"),
    finalize=_balance,
    sizes={"experts": 4},
)
def load_balancing(logits: Logits["*batch experts"], *, top_k: int = 1) -> Statistics["*batch", "experts"]:
    """Load balancing of a mixture of experts: how often an expert is chosen times how probable it is.

    L = experts * sum_e f[e] * p[e], with f the mean over tokens of 1 for the `top_k` experts of largest logits and 0
    for the others, and p that of softmax(logits). Where all experts are used alike it is `top_k`. Only p has a
    derivative.

    Shapes: `logits` [*batch experts], any real numbers; `top_k` a Python int from 1 to experts -> a number. Of equal
    logits the first is chosen; an expert of logit -inf is never.
    Weights and mean: one weight a token, which scales both f and p: padding has the weight 0, or is left out by
    `where`. "mean" divides by the sum of weights. Several routers are several leading axes, or several calls.
    Errors: `ContractError` for another shape or reduction or `top_k` out of range, `DTypeError` for integers.
    Equals: the auxiliary loss of Switch Transformer at top_k=1; for larger `top_k` that of Mixtral in transformers
    (`load_balancing_loss_func`). Where f is divided by top_k, as in other libraries, so is this.

    >>> import numpy as np
    >>> float(load_balancing(np.asarray([[0.0, 0.0], [0.0, 0.0]])))  # both take the first: f = (1, 0), p = (1/2, 1/2)
    1.0
    """
    require(
        1 <= top_k <= logits.shape[-1],
        "load_balancing: `top_k` is {}, of {} experts. Fix: pass a number from 1 to all of them.",
        *(top_k, logits.shape[-1]),
    )
    xp = array_namespace(logits)
    left, chosen = logits, logits != logits
    for _ in range(top_k):
        chosen = chosen | largest(left)[1]
        left = xp.where(chosen, -inf, logits)
    return xp.astype(chosen & (logits != -inf), logits.dtype), softmax(logits)
