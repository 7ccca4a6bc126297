"""Losses of the logits of a linear layer, computed together with the layer."""

from lossspec.declaration import Equal, loss
from lossspec.losses.classification._labels import is_label
from lossspec.numerics import array_namespace, expected_negative_log_softmax, is_zero, matmul, per_row, tanh
from lossspec.projection import BLOCK, linear_negative_log_softmax
from lossspec.terms import Distribution, Embedding, Label, Positive, Real, Smoothing

__all__ = ["linear_cross_entropy"]


@loss(
    family="classification",
    unit="example",
    source="Wijmans et al. 2024, arXiv:2411.09009; soft cap: Gemma Team 2024, arXiv:2408.00118",
    aliases=("torch:linear_cross_entropy", "fused_linear_cross_entropy"),
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(F.linear(features, weight, bias), labels, reduction='none', "
            "label_smoothing=label_smoothing)",
            when="features.ndim == 2 and softcap is None",
        ),
    ),
)
def linear_cross_entropy(
    features: Embedding["*batch dim"],
    weight: Embedding["classes dim"],
    labels: Label["*batch"] | Distribution["*batch classes"],
    *,
    bias: Real["classes"] | None = None,
    label_smoothing: Smoothing["#*batch"] = 0.0,
    softcap: Positive | None = None,
) -> Real["*batch"]:
    """Cross entropy of the logits of a linear layer, which are never held as a whole.

    l = -(1 - a) log p[label] - (a / classes) sum_c log p[c], with p = softmax(z), z = weight features + bias, or
    softcap tanh((weight features + bias) / softcap), and a = label_smoothing. The logits of more than 1024
    classes exist for as many at a time, and are computed anew for the gradients in `features`, `weight` and `bias`. For
    a distribution in place of the label, which holds a number a class itself, they exist as a whole.

    Shapes: `features` [*batch dim]; `weight` [classes dim], a row for each class; `labels` integers [*batch] in
    [0, classes), or distributions [*batch classes]; `bias` [classes] -> example [*batch].
    Weights and mean: those of `cross_entropy`; with class weights smoothed labels become distributions.
    Errors: `ContractError` for another shape; a label outside [0, classes) gives NaN, and raises under
    `checking("values")`.
    Equals: torch `F.linear_cross_entropy(features, weight, labels, linear_bias=bias)`, which is `F.cross_entropy` of
    `F.linear(features, weight, bias)`; neither has a soft cap.

    >>> import numpy as np
    >>> features, weight = np.asarray([[1.0, 0.0]]), np.asarray([[30.0, 5.0], [0.0, 5.0]])
    >>> float(linear_cross_entropy(features, weight, np.asarray([0])))
    9.357622968839737e-14
    """
    soft = len(labels.shape) == len(features.shape)
    if not soft and weight.shape[0] > BLOCK:
        smoothing = None if is_zero(label_smoothing) else label_smoothing
        return linear_negative_log_softmax(features, weight, labels, bias, smoothing, softcap)
    xp = array_namespace(features)
    logits = matmul(features, weight.mT)
    logits = logits if bias is None else logits + xp.broadcast_to(bias, logits.shape)
    logits = logits if softcap is None else softcap * tanh(logits / softcap)
    chosen = labels if soft else xp.astype(is_label(logits, labels), logits.dtype)
    if not is_zero(label_smoothing):
        each = per_row(label_smoothing)
        chosen = (1 - each) * chosen + each * xp.full_like(logits, 1 / logits.shape[-1])
    return expected_negative_log_softmax(logits, chosen)
