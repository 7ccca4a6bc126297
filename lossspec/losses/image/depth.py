"""Losses of maps of depth or disparity."""

from lossspec.declaration import loss, require
from lossspec.numerics import absolute, array_namespace, kept, log_quotient
from lossspec.terms import Array, PositiveAmount, Real, UnitInterval

__all__ = [
    "edge_aware_smoothness",
    "silog",
]


@loss(
    family="image",
    unit="image",
    source="Eigen, Puhrsch and Fergus 2014, arXiv:1406.2283, equation 4 (from memory, not read)",
    aliases=("SILog", "scale_invariant_log_error"),
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "space": 3},
    entries="batch *space",
)
def silog(
    predictions: PositiveAmount["batch *space"],
    targets: PositiveAmount["batch *space"],
    *,
    variance_focus: UnitInterval["#batch"] = 0.5,
    entries: Array = None,
) -> Real["batch"]:
    """Scale-invariant loss of a depth map: the variance of its log-ratios plus a part of their squared mean.

    l = mean(d^2) - variance_focus * mean(d)^2, with d = log(predictions / targets) and the means over the pixels of an
    image.

    Shapes: `predictions` and `targets` [batch *space] > 0, depths in one unit; `variance_focus` in [0, 1], the lambda
    of the paper: 1/2 for its training, 1 for its error, which does not change with the scale of the predictions
    -> image [batch].
    Weights and mean: the common contract, one weight an image. `where_entries` [batch *space] leaves pixels out, such
    as those whose depth is not known; an image without pixels that count is 0. Never negative: it is computed as
    mean((d - mean(d))^2) + (1 - variance_focus) mean(d)^2.
    Errors: `ContractError` for another shape or `variance_focus` outside [0, 1], `DTypeError` for integers; depths that
    are not above 0 raise under `checking("values")`.
    Equals: the loss of the paper. That of BTS and its successors is 10 times its root, with variance_focus = 0.85.

    >>> import math
    >>> import numpy as np
    >>> a, b = np.asarray([[2.0, 4.0]]), np.asarray([[1.0, 2.0]])
    >>> abs(float(silog(a, b)) - math.log(2) ** 2 / 2) < 1e-15, float(silog(a, b, variance_focus=1.0))
    (True, 0.0)
    """
    xp, space = array_namespace(predictions), tuple(range(1, len(predictions.shape)))
    d = kept(log_quotient(predictions, targets), entries)
    ones = xp.ones_like(d) if entries is None else xp.astype(entries, d.dtype)
    count = xp.sum(ones, axis=space, keepdims=True)
    count = xp.where(count == 0, 1.0, count)
    mean = xp.sum(d, axis=space, keepdims=True) / count
    spread = xp.sum(ones * (d - mean) ** 2 / count, axis=space)
    return spread + (1 - variance_focus) * xp.sum(mean, axis=space) ** 2


@loss(
    family="image",
    unit="image",
    source="Godard, Mac Aodha and Brostow 2017, arXiv:1609.03677, equation 3 (read in the code of kornia, not in "
    "the paper)",
    aliases=("inverse_depth_smoothness", "disparity_smoothness"),
    sizes={"batch": 2, "channels": 2, "height": 3, "width": 3},
)
def edge_aware_smoothness(
    disparities: Real["batch height width"], images: Real["batch channels height width"]
) -> Real["batch"]:
    """Edge-aware smoothness of a disparity map: its steps, which count less where the image has steps too.

    l = mean(|D_w d| exp(-|D_w I|)) + mean(|D_h d| exp(-|D_h I|)), with D_w and D_h the differences to the next pixel on
    either axis, d the `disparities` and |D I| the mean over channels of the absolute differences of `images`.

    Shapes: `disparities` [batch height width], `images` [batch channels height width], any real numbers
    -> image [batch]. An axis of one pixel has no steps and adds 0.
    Weights and mean: the common contract, one weight an image. The derivative where neighbours are equal is declared 0.
    No pixel can be left out: steps are not defined without it. The loss shrinks with the disparities: divide them by
    their mean first, as later papers do.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: kornia `inverse_depth_smoothness_loss`, which is the mean over the batch.

    >>> import numpy as np
    >>> d, image = np.asarray([[[0.0, 2.0]]]), np.asarray([[[[0.0, 1.0]]]])
    >>> round(float(edge_aware_smoothness(d, image)), 6)  # 2 / e
    0.735759
    """
    xp = array_namespace(disparities)
    require(images.shape[1] > 0, "edge_aware_smoothness: `images` has no channels. Fix: pass at least one.")
    parts = []
    for axis in (-1, -2):
        later, earlier = ((..., slice(*ends), *(slice(None),) * (-1 - axis)) for ends in ((1, None), (None, -1)))
        edges = xp.mean(absolute(images[later] - images[earlier]), axis=1)
        steps = absolute(disparities[later] - disparities[earlier]) * xp.exp(-edges)
        parts.append(xp.sum(steps, axis=(-2, -1)) / max(steps.shape[-1] * steps.shape[-2], 1))
    return parts[0] + parts[1]
